"""Minimisers of a loss with a penalty, on derived and compiled gradients: proximal steps, then Newton's method.

Source: Beck and Teboulle, A fast iterative shrinkage-thresholding algorithm (2009), section 4, with the restart of
O'Donoghue and Candes (2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from chainrule.derive.errors import LimitError
from chainrule.derive.formula import Formula
from chainrule.derive.remarks import about_kinks
from chainrule.kernels.kernel import Kernel, kernel
from chainrule.learning.convexity.penalties import renamed
from chainrule.learning.fitting.unknowns import Unknowns
from chainrule.learning.regularisation.composite import Composite

Array = npt.NDArray[np.float64]
#: Proximal steps between two attempts with Newton's method, and attempts.
STEPS, ATTEMPTS = 40, 250
#: Newton steps of an attempt, and halvings of one.
NEWTON, HALVINGS = 60, 40
#: How far a proximal step may still move a minimiser, relative to its size and to rounding.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Solver:
    """Finds minimisers for one strength after the other.

    Attributes:
        formula: the whole loss.
        composite: its parts, where the penalty has a kink.
        unknowns: the unknowns, end to end.
        given: the data.
        over: the strength that varies.
    """

    formula: Formula
    composite: Composite | None
    unknowns: Unknowns
    given: Mapping[str, Any]
    over: str

    def minimiser(self, strength: float, start: Array) -> Array:
        """The unknowns that make the loss smallest.

        Raises:
            LimitError: they were not found.
        """
        point = start
        if self.composite is None:
            point, _ = self._newton(strength, point, np.ones(len(point), dtype=bool))
            if self._slope(strength, point) <= 1e-7 * self._scale(strength):
                return point
            raise self._lost(strength)
        step = 1.0
        for _ in range(ATTEMPTS):
            point, step = self._proximal(strength, point, step)
            if self._residual(strength, point, step) <= TOLERANCE * self._size(point):
                return point
            better = self._attempt(strength, point)
            if better is not None and self._residual(strength, better, step) <= TOLERANCE * self._size(better):
                return better
        raise self._lost(strength)

    def _lost(self, strength: float) -> LimitError:
        smooth = self.composite.smooth if self.composite else self.formula
        kinks = "; ".join(about_kinks(smooth.program, self.unknowns.names))
        return LimitError(
            f"no minimum was found for {self.over} = {strength:.6g}",
            hint=f"beside the penalty the loss has to be differentiable: {kinks}" if kinks else "a convex loss has one",
        )  # fmt: skip

    def null(self, zero: Array) -> tuple[Array, float | None]:
        """The minimum with the penalised unknown at zero, and the least strength at which it is the minimum of all.

        There the negative gradient of the smooth part lies in the subdifferential of the penalty at zero, which
        grows with the strength.
        """
        low, high = self._place
        others = np.ones(len(zero), dtype=bool)
        others[low:high] = False
        point, _ = self._newton(1.0, zero, others)
        pull = -self.smooth(1.0, point)[1][low:high]
        ends = self._composite.kink.slopes
        assert ends is not None
        over, given = renamed(self.over), {renamed(name): array for name, array in self.given.items()}
        strength = next((symbol for end in ends for symbol in end.free_symbols if str(symbol) == over), None)
        if strength is None:
            return point, None
        numbers = {symbol: float(given[str(symbol)]) for end in ends for symbol in end.free_symbols
                   if symbol != strength}  # fmt: skip
        rates = [(end if end.is_infinite else sp.diff(end, strength)).subs(numbers) for end in ends]
        if any(rate.free_symbols for rate in rates):
            return point, None
        if self._composite.operator.radial:
            return point, float(np.linalg.norm(pull) / float(rates[1]))
        shares = [pull / float(rate) for rate in rates if rate.is_finite and rate != 0]
        return point, max(float(np.max(share)) for share in shares)

    def balance(self, point: Array) -> float:
        """The strength at which the penalty has the largest curvature of the loss without it."""
        without, with_one = (self._second(strength, point)[2] for strength in (0.0, 1.0))
        curvature, added = (float(np.max(np.abs(np.linalg.eigvalsh(H)))) for H in (without, with_one - without))
        return curvature / added if added > 0 else 1.0

    # ---- proximal steps ------------------------------------------------------------------------------------

    def _proximal(self, strength: float, start: Array, step: float) -> tuple[Array, float]:
        """A round of accelerated proximal gradient steps, and the step length it ended with."""
        point, ahead, momentum = start, start, 1.0
        step *= 2
        for _ in range(STEPS):
            value, slope = self.smooth(strength, ahead)
            while True:
                found = self.proximal(strength, ahead - step * slope, step)
                moved = found - ahead
                bound = value + slope @ moved + moved @ moved / (2 * step)
                if self.smooth(strength, found)[0] <= bound + 1e-14 * abs(bound) or step < 1e-18:
                    break
                step /= 2
            if (ahead - found) @ (found - point) > 0:
                momentum = 1.0
            after = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead = self.unknowns.inside(found + (momentum - 1) / after * (found - point))
            point, momentum = found, after
        return point, step

    def smooth(self, strength: float, point: Array) -> tuple[float, Array]:
        """Value and gradient of the smooth part."""
        return self._called(self._smooth, strength, point)

    def proximal(self, strength: float, point: Array, step: float) -> Array:
        """The proximal operator on the penalised unknown, all others as they are."""
        composite, (low, high) = self._composite, self._place
        v = point[low:high]
        own = {item.name for item in composite.operator.formula.inputs}
        numbers = {renamed(name): value for name, value in self._with(strength).items() if name in own}
        if composite.operator.radial:
            length = float(np.linalg.norm(v))
            new = v * (self._operator(v=np.array([length]), t=step, **numbers)[0] / length if length else 0.0)
        else:
            new = self._operator(v=v, t=step, **numbers)
        return np.concatenate([point[:low], new, point[high:]])

    def _residual(self, strength: float, point: Array, step: float) -> float:
        """How far a proximal step moves a point."""
        _, slope = self.smooth(strength, point)
        return float(np.max(np.abs(self.proximal(strength, point - step * slope, step) - point)) / min(step, 1.0))

    # ---- Newton's method on what is not zero -------------------------------------------------------------------

    def _attempt(self, strength: float, point: Array) -> Array | None:
        """Newton's method with the zeros and signs of a point, if it keeps them."""
        low, high = self._place
        active = np.ones(len(point), dtype=bool)
        active[low:high] = point[low:high] != 0
        found, kept = self._newton(strength, point, active)
        return found if kept and np.array_equal(np.sign(found[low:high]), np.sign(point[low:high])) else None

    def _newton(self, strength: float, point: Array, active: npt.NDArray[np.bool_]) -> tuple[Array, bool]:
        """Newton steps of some entries on the whole loss, and whether they came to an end."""
        if not active.any():
            return point, True
        places = np.ix_(active, active)
        for _ in range(NEWTON):
            value, slope, curvature = self._second(strength, point)
            direction = np.zeros(len(point))
            direction[active] = -np.linalg.lstsq(curvature[places], slope[active], rcond=None)[0]
            found = self._searched(strength, point, value, direction)
            if found is None or np.max(np.abs(found - point)) <= 1e-15 * self._size(point):
                return point if found is None else found, True
            point = found
        return point, False

    def _searched(self, strength: float, point: Array, value: float, direction: Array) -> Array | None:
        for halving in range(HALVINGS):
            found = self.unknowns.inside(point + direction / 2**halving)
            if self._value(strength, found) < value:
                return found
        return None

    def _slope(self, strength: float, point: Array) -> float:
        return float(np.max(np.abs(self._called(self._whole, strength, point)[1])))

    def _scale(self, strength: float) -> float:
        zero = np.zeros(len(self.unknowns.low))
        return 1 + float(np.max(np.abs(self._called(self._whole, strength, zero)[1])))

    def _size(self, point: Array) -> float:
        return 1.0 + float(np.max(np.abs(point)))

    def _value(self, strength: float, point: Array) -> float:
        return float(self._called(self._whole, strength, point)[0])

    def _second(self, strength: float, point: Array) -> tuple[float, Array, Array]:
        arrays = {**self._with(strength), **self.unknowns.arrays(point)}
        value, slope = self._called(self._whole, strength, point)
        rows = self._whole.hessian(**arrays)
        sizes = [max(1, int(np.prod(shape))) for shape in self.unknowns.shapes]
        blocks = [[np.reshape(block, (tall, wide)) for block, wide in zip(row, sizes, strict=True)]
                  for row, tall in zip(rows, sizes, strict=True)]  # fmt: skip
        return value, slope, np.asarray(np.block(blocks))

    # ---- kernels -----------------------------------------------------------------------------------------------

    @property
    def _composite(self) -> Composite:
        assert self.composite is not None
        return self.composite

    @cached_property
    def _place(self) -> tuple[int, int]:
        """Where the penalised unknown stands in the vector."""
        names, shapes = self.unknowns.names, self.unknowns.shapes
        at = names.index(self._composite.unknown)
        sizes = [int(np.prod(shape)) for shape in shapes]
        return sum(sizes[:at]), sum(sizes[: at + 1])

    @cached_property
    def _smooth(self) -> Kernel:
        return kernel(self._composite.smooth, list(self.unknowns.names))

    @cached_property
    def _whole(self) -> Kernel:
        return kernel(self.formula, list(self.unknowns.names))

    @cached_property
    def _operator(self) -> Kernel:
        return kernel(self._composite.step, "v", order=0)

    def _with(self, strength: float) -> dict[str, Any]:
        return {**self.given, self.over: strength}

    def _called(self, compiled: Kernel, strength: float, point: Array) -> tuple[float, Array]:
        arrays = {**self._with(strength), **self.unknowns.arrays(point)}
        value, slopes = compiled(**arrays)
        return float(value), self.unknowns.vector(slopes)
