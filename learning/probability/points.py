"""Points at which lines are checked: parameters and observations with positive density, and exact differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.errors import InputError
from chainrule.derive.formula import Formula
from chainrule.derive.numeric import MPMATH, evaluate
from chainrule.derive.program import Input, Program
from chainrule.learning.probability.model import Model, constant, model

Array = npt.NDArray[Any]
Values = Mapping[str, Any]

#: Digits of exact differences, and their step: the error of a central difference is its square.
DIGITS, STEP = 50, mpmath.mpf("1e-16")
#: Observations at a point, and draws until one has positive density.
OBSERVATIONS, DRAWS = 6, 60
#: By how much positive numbers are enlarged in every other draw.
WIDER = 4


def point(m: Model, seed: int = 0) -> dict[str, Array]:
    """Parameters, and a sample each of whose observations has positive density.

    Raises:
        InputError: none was found.
    """
    return dict(_point(m.entry, seed))


@lru_cache(maxsize=64)
def _point(entry: Distribution, seed: int) -> Mapping[str, Array]:
    m, rng = model(entry), np.random.default_rng(seed)
    sizes = size_assignments(m.density.program)[0]
    variable, *parameters = m.density.inputs
    for attempt in range(DRAWS):
        values = sample(parameters, sizes, rng)
        if attempt % 2:
            values |= {item.name: values[item.name] * WIDER for item in parameters if _may_grow(item)}
        drawn = (sample([variable], sizes, rng)[variable.name] for _ in range(OBSERVATIONS * 8))
        rows = list(islice((row for row in drawn if possible(m, {**values, variable.name: row})), OBSERVATIONS))
        if len(rows) == OBSERVATIONS and _is_real(m, {**values, variable.name: rows[0]}):
            return {variable.name: np.array(rows), **values}
    raise InputError("no values of variable and parameters were found that have positive density")


def _may_grow(item: Input) -> bool:
    """Whether a parameter is a positive number, or a count, without an upper bound."""
    return not item.shape and item.domain.low is not None and item.domain.high is None


def _is_real(m: Model, values: Values) -> bool:
    """Whether a log-density is a real number also where logarithms of gamma functions are not continued."""
    with mpmath.workdps(DIGITS):
        return bool(mpmath.isfinite(evaluate(m.density.program, values, MPMATH)[m.density.output.name][()]))


def possible(m: Model, values: Values) -> bool:
    """Whether one observation has a finite log-density and lies in the support."""
    low, high = (bound(m, position, values) for position in (0, 1))
    inside = np.all(low <= values[m.variable.name]) and np.all(values[m.variable.name] <= high)
    return bool(low < high and inside and np.isfinite(number(m.density.program, values)))


def bound(m: Model, position: int, values: Values) -> float:
    """One end of the support at these parameters."""
    text = m.entry.support[position]
    domain = m.variable.domain
    own = (domain.low, domain.high)[position]
    ends = [] if own is None else [float(own)]
    if text:
        value = constant(text)
        ends.append(float(values[text]) if value is None else value)
    return (max, min)[position](ends, default=(-np.inf, np.inf)[position])


def number(program: Program, values: Values) -> float:
    """A scalar program in double precision."""
    return float(evaluate(program, values)[program.output.name])


def agreement(left: float, right: float) -> float:
    """The relative difference of two numbers, absolute where they are small."""
    return float(abs(left - right) / max(1.0, abs(left), abs(right)))


def direction(values: Values, name: str, rng: np.random.Generator) -> Array:
    """A direction in which a parameter moves; symmetric for a matrix."""
    drawn = rng.normal(size=np.shape(values[name]))
    return (drawn + drawn.T) / 2 if drawn.ndim == 2 and drawn.shape[0] == drawn.shape[1] else drawn


def slope(program: Program, values: Values, name: str, along: Array) -> Array:
    """The derivative of a program along a direction of one input, by a central difference in many digits."""
    with mpmath.workdps(DIGITS):
        ends = [_moved(program, values, name, along, sign * STEP) for sign in (1, -1)]
        return np.asarray((ends[0] - ends[1]) / (2 * STEP), dtype=float)


def _moved(program: Program, values: Values, name: str, along: Array, step: Any) -> Any:
    there = np.frompyfunc(mpmath.mpf, 1, 1)(values[name]) + step * np.frompyfunc(mpmath.mpf, 1, 1)(along)
    return evaluate(program, {**values, name: there}, MPMATH)[program.output.name]


def gradient_check(m: Model, derivative: Formula, name: str, of: Formula | None = None) -> Callable[[], float]:
    """How far a derivative of the log-likelihood (or of ``of``) by a parameter is from a difference quotient."""

    def check() -> float:
        values, base = point(m), m.likelihood if of is None else of
        along = direction(values, name, np.random.default_rng(1))
        found = evaluate(derivative.program, values)[derivative.output.name]
        rank = np.ndim(along)
        applied = np.tensordot(found, along, rank) if rank else np.asarray(found) * along
        expected = slope(base.program, values, name, along)
        return float(np.max(np.abs(applied - expected) / np.maximum(1.0, np.abs(expected))))

    return check
