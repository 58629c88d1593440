"""A network of one hidden layer that stays within a given error of a function, with the units it takes.

Between knots at distance h a function with slopes up to M leaves its linear interpolant by at most M h/2, so
that ``M (b - a)/(2 error)`` relu units are enough.  Steep sigmoids make a staircase; they need about twice as
many.  Source: the construction behind Cybenko (1989) in one dimension, with the bound of the modulus of
continuity worked out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, LimitError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula, formula
from chainrule.derive.pictures.points import values_at
from chainrule.learning.approximation.slopes import largest_slope
from chainrule.learning.chart import Chart, Series

Array = npt.NDArray[np.float64]
Unit = Literal["relu", "sigmoid"]
UNITS: tuple[Unit, ...] = get_args(Unit)

#: Points at which the error is measured.
GRID = 4001
#: More units are not written down.
MAX_UNITS = 20_000
#: Steepness of a sigmoid times the distance of the knots.
STEEP = 10.0
#: The staircase of sigmoids is off by at most so much, in units of M h: half a step, half a step at the
#: middle of the nearest sigmoid, and the tails of the others, a geometric series on each side.
STAIRCASE = 1 + 2 * math.exp(-STEEP / 2) / (1 - math.exp(-STEEP))
#: The error bound of each kind of unit, in units of M h.
BOUNDS: dict[Unit, float] = {"relu": 0.5, "sigmoid": STAIRCASE}

NETWORKS: dict[Unit, str] = {
    "relu": "x: real[n]; t, c: real[m]; start: real; relu(x[:, None] - t[None, :]) @ c + start",
    "sigmoid": "x: real[n]; t, c: real[m]; start, s: real; sigmoid(s*(x[:, None] - t[None, :])) @ c + start",
}


@dataclass(frozen=True)
class Approximant:
    """A network and what is known of it.

    Attributes:
        function: what it approximates, a formula of one scalar input.
        low, high: the interval.
        error: how far it may be off.
        unit: what its hidden units compute.
        slope: a bound of the absolute slope of the function on the interval.
        thresholds, weights: of the units.
        start: the value that the units add to.
        steepness: of sigmoids.
    """

    function: Formula
    low: float
    high: float
    error: float
    unit: Unit
    slope: float
    thresholds: Array
    weights: Array
    start: float
    steepness: float

    @property
    def units(self) -> int:
        """How many hidden units there are."""
        return len(self.thresholds)

    @property
    def bound(self) -> float:
        """The error that the construction guarantees."""
        return BOUNDS[self.unit] * self.slope * (self.high - self.low) / self.units

    @cached_property
    def network(self) -> Formula:
        """The network as a formula of its input ``x`` and its weights."""
        return formula(NETWORKS[self.unit])

    def parameters(self) -> dict[str, Any]:
        """The weights by the names they have in the network's formula."""
        known = {"t": self.thresholds, "c": self.weights, "start": self.start}
        return known | ({"s": self.steepness} if self.unit == "sigmoid" else {})

    def __call__(self, x: Any) -> Array:
        """The network's values."""
        return np.asarray(self.network.evaluate(x=np.atleast_1d(np.asarray(x, dtype=float)), **self.parameters()))

    @cached_property
    def measured(self) -> float:
        """The largest error on a fine grid."""
        grid = np.linspace(self.low, self.high, GRID)
        return float(np.max(np.abs(self(grid) - values_of(self.function, grid))))

    def text(self) -> str:
        """The report."""
        return "\n".join((
            f"function   {self.function.matrix()} on [{self.low:g}, {self.high:g}]",
            f"slope      at most {self.slope:.6g}",
            f"units      {self.units} {self.unit}",
            f"error      guaranteed {self.bound:.4g}, measured {self.measured:.4g}",
            f"network    {self.network.matrix()}",
        ))  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The network with its weights as plain data."""
        return {
            "network": self.network.text, "unit": self.unit, "units": self.units, "slope": self.slope,
            "bound": self.bound, "measured": self.measured,
            "weights": {name: np.asarray(value).tolist() for name, value in self.parameters().items()},
        }  # fmt: skip

    def chart(self) -> Chart:
        """The function and the network."""
        grid = np.linspace(self.low, self.high, 401)
        name = self.function.inputs[0].name
        lines = (
            Series(self.function.matrix(), tuple(grid), tuple(values_of(self.function, grid))),
            Series(f"{self.units} {self.unit} units", tuple(grid), tuple(self(grid))),
        )
        return Chart(f"Within {self.error:g}: at most {self.measured:.2g} off", name, "", lines)


def approximate(f: str | Formula, interval: tuple[float, float], error: float, unit: Unit = "relu") -> Approximant:
    """A network of one hidden layer within ``error`` of a function on an interval.

    Args:
        f: a scalar formula of one scalar input.
        interval: where.
        error: the largest error.
        unit: ``relu`` or ``sigmoid``.

    Raises:
        InputError: the interval is empty, or the error not above zero.
        UnsupportedError: the formula is not scalar, has other inputs, or functions that cannot be bounded.
        DomainError: the slope is not bounded on the interval, or the function jumps.
        LimitError: more units are needed than can be written down.

    Example:
        >>> made = approximate("x: real; x^2", (-1, 1), 0.01)
        >>> made.units, made.measured < 0.01
        (200, True)
    """
    f = as_formula(f)
    low, high = _checked(f, interval, error, unit)
    slope = largest_slope(f, low, high)
    cells = max(1, math.ceil(BOUNDS[unit] * slope * (high - low) / error - 1e-9))
    if cells > MAX_UNITS:
        raise LimitError(f"an error of {error:g} takes {cells:.6g} units; at most {MAX_UNITS} are written down")
    knots = np.linspace(low, high, cells + 1)
    values = values_of(f, knots)
    width = (high - low) / cells
    if unit == "relu":
        slopes = np.diff(values) / width
        return Approximant(
            f, low, high, error, unit, slope, knots[:-1], np.diff(slopes, prepend=0.0), float(values[0]), 0.0
        )
    middles = (knots[:-1] + knots[1:]) / 2
    return Approximant(f, low, high, error, unit, slope, middles, np.diff(values), float(values[0]), STEEP / width)


def values_of(f: Formula, points: Array, name: str = "") -> Array:
    """The values of a scalar formula of one input at points."""
    return np.asarray(values_at(f.program, {}, {name or f.inputs[0].name: points})[0])


def _checked(f: Formula, interval: tuple[float, float], error: float, unit: str) -> tuple[float, float]:
    if f.shape or len(f.inputs) != 1 or f.inputs[0].shape:
        raise UnsupportedError(
            "this approximates functions of one number", expected="a scalar formula of one scalar input",
            found=", ".join(str(item.name) for item in f.inputs),
        )  # fmt: skip
    if unit not in UNITS:
        raise InputError(f"there is no unit {unit!r}", expected=" or ".join(UNITS))
    low, high = map(float, interval)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError("an interval has a lower and a higher end", found=f"{low:g} to {high:g}")
    if not (math.isfinite(error) and error > 0):
        raise InputError("an error is a number above zero", found=f"{error:g}")
    return low, high
