"""Sums and integrals over the values of a distribution's variable, computed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.derive.errors import InputError
from chainrule.derive.narrative.symbols import named
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Move, Part
from chainrule.learning.probability.model import Model, rowwise
from chainrule.learning.probability.points import Values, bound, point
from chainrule.learning.probability.quadrature import integral

#: Terms of a sum over all integers at once, how many such blocks at most, and what is left out of the last one.
BLOCK, BLOCKS, NEGLIGIBLE = 512, 400, 1e-17
#: Densities that count as zero.
TINY = 1e-250
#: How far a density may be from one before it is refused.
UNNORMALISED = 1e-3


def is_scalar(m: Model) -> bool:
    """Whether one observation is one number."""
    return not m.variable.shape


def is_discrete(m: Model) -> bool:
    """Whether the variable takes separate values."""
    return m.variable.domain.integer


def expectation(m: Model, values: Values, function: Callable[[Any], Any]) -> float:
    """The expectation of a function of one scalar observation, by summation or quadrature.

    The function takes an array of observations.
    """
    density = at_rows(m, m.density.program, values)

    def weighted(x: Any) -> Any:
        with np.errstate(all="ignore"):
            weight = np.exp(density(x))
            # Far out the density is as good as zero where the function may be infinite.
            return np.where(weight < TINY, 0.0, weight * function(x))

    return _sum(m, values, weighted) if is_discrete(m) else _integral(m, values, weighted)


def at_rows(m: Model, program: Program, values: Values) -> Callable[[Any], Any]:
    """A scalar program of one observation as a function of an array of observations."""
    x = m.variable.name
    rows = rowwise(program, [x])

    def compute(observations: Any) -> Any:
        found = evaluate(rows, {**values, x: np.asarray(observations, dtype=float)})[rows.output.name]
        return np.broadcast_to(found, np.shape(observations))

    return compute


def _sum(m: Model, values: Values, terms: Callable[[Any], Any]) -> float:
    low, high = bound(m, 0, values), bound(m, 1, values)
    if np.isfinite(low):
        return _upwards(terms, low, high)
    if np.isfinite(high):
        return _upwards(lambda k: terms(-k), -high, np.inf)
    return _upwards(terms, 0.0, np.inf) + _upwards(lambda k: terms(-k), 1.0, np.inf)


def _upwards(terms: Callable[[Any], Any], low: float, high: float) -> float:
    """The sum over the integers from a least one on."""
    total = 0.0
    for block in _blocks(low, high):
        found = terms(block)
        total += float(np.sum(found))
        if block[-1] == high or np.max(np.abs(found[-BLOCK // 8 :])) < NEGLIGIBLE * max(1.0, abs(total)):
            return total
    raise InputError("the sum over all values of the variable does not converge")


def _blocks(low: float, high: float) -> Iterator[Any]:
    starts = itertools.count(int(np.ceil(low)), BLOCK)
    for start in itertools.islice(starts, BLOCKS):
        if start > high:
            return
        yield np.arange(start, min(start + BLOCK, high + 1), dtype=float)


def _integral(m: Model, values: Values, function: Callable[[Any], Any]) -> float:
    low, high = bound(m, 0, values), bound(m, 1, values)
    cuts = sorted({low, high, *(end for end in _inner(m, values) if low < end < high)})
    return sum(integral(function, start, stop) for start, stop in itertools.pairwise(cuts))


def _inner(m: Model, values: Values) -> Iterator[float]:
    """Where an integral is cut: at 0, 1 and at scalar parameters, which kinks and modes are near to."""
    yield from (0.0, 1.0)
    yield from (float(values[item.name]) for item in m.density.inputs[1:] if not item.shape)


def normalisation(m: Model) -> tuple[Part, ...]:
    """That the density of a scalar variable sums or integrates to one."""
    if not is_scalar(m):
        return ()
    x = named(m.variable.name)
    if is_discrete(m):
        left = Shown(f"sum_{x.text} p({x.text})", rf"\sum_{{{x.latex}}} p({x.latex})")
    else:
        left = Shown(f"integral p({x.text}) d{x.text}", rf"\int p({x.latex}) \, d{x.latex}")
    reason = "A density, with respect to counting." if is_discrete(m) else "A density."
    return (Part("Normalisation", (Move(Shown("1", "1"), (left,), (reason,), lambda: abs(total(m) - 1)),)),)


def total(m: Model, seed: int = 0) -> float:
    """The total probability at a sampled point of the parameters."""
    return expectation(m, {**point(m, seed)}, np.ones_like)


def refuse_unnormalised(m: Model) -> None:
    """Refuse a scalar density that plainly does not sum or integrate to one.

    Raises:
        InputError: it does not, at parameters that the message names.
    """
    if not is_scalar(m):
        return
    values = point(m)
    found = expectation(m, values, np.ones_like)
    if not abs(found - 1) < UNNORMALISED:
        at = ", ".join(f"{item.name} = {float(values[item.name]):g}" for item in m.density.inputs[1:] if not item.shape)
        raise InputError(
            "the density does not " + ("sum" if is_discrete(m) else "integrate") + " to one", expected="1",
            found=f"{found:.6g} at {at}", hint="add the logarithm of the normalising constant, or the support",
        )  # fmt: skip
