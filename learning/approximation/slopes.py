"""The largest slope of a function on an interval, with certainty: the interval is cut where it may still be larger."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import DomainError
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient
from chainrule.learning.approximation.enclosure import Box, box, enclose

Array = npt.NDArray[np.float64]
#: Cells at the beginning, halvings of a cell for its slope and for jumps, cells that are looked at in one round.
CELLS, HALVINGS, HALVINGS_TO_JUMPS, MOST = 256, 40, 24, 200_000
#: How far the bound may lie above a slope that is taken, relative to it.
SLACK = 1e-6
#: A change that does not count, relative to what the slope allows over the whole interval.
NOTHING = 1e-10
EXPECTED = "a continuous function with a bounded slope on the interval"


def largest_slope(f: Formula, low: float, high: float) -> float:
    """A bound of the absolute slope of a scalar formula of one number, at most one in a million above the largest.

    The derivative is enclosed over cells by interval arithmetic; those where it may be larger than a slope that was
    found are halved.  Around a switch of a comparison cells are left over that are so narrow that the function changes
    by nothing over them, whichever branch is taken, unless it jumps, which is looked at from both sides.

    Raises:
        DomainError: the slope is not bounded, the function jumps, or neither could be shown.
        UnsupportedError: the formula has parts that intervals do not go through.
    """
    name = f.inputs[0].name
    derivative = gradient(f).result[name].program
    bound = _largest(lambda cells: enclose(derivative, name, cells), low, high)
    _check_jumps(lambda cells: enclose(f.program, name, cells), low, high, bound)
    return bound


def _largest(slope: Callable[[Box], Box], low: float, high: float) -> float:
    ends = np.linspace(low, high, CELLS + 1)
    left, right = ends[:-1], ends[1:]
    taken = bound = 0.0
    for _ in range(HALVINGS):
        middles = (left + right) / 2
        at_middle = slope(box(middles, middles))
        certain = np.where(np.isfinite(at_middle.low) & np.isfinite(at_middle.high),
                           np.maximum(0, np.maximum(at_middle.low, -at_middle.high)), 0)  # fmt: skip
        taken = max(taken, float(certain.max()))
        found = slope(box(left, right))
        tops = found.largest
        done = tops <= taken * (1 + SLACK)
        bound = max(bound, float(tops[done].max(initial=0.0)))
        left, right, middles, tops = (part[~done] for part in (left, right, middles, tops))
        if found.open[~done].all() and np.sum(tops * (right - left)) <= NOTHING * taken * (high - low):
            return max(bound, taken)
        place = float(left[np.argmax(tops)])
        if left.size > MOST:
            break
        left, right = np.concatenate([left, middles]), np.concatenate([middles, right])
    raise DomainError(f"the slope could not be bounded near {place:.6g}", expected=EXPECTED,
                      hint="a steep place needs a smaller interval")  # fmt: skip


def _check_jumps(function: Callable[[Box], Box], low: float, high: float, bound: float) -> None:
    """Refuse a function that changes by more than the slope allows where a comparison switches in it."""
    ends = np.linspace(low, high, CELLS + 1)
    left, right = ends[:-1], ends[1:]
    for _ in range(HALVINGS_TO_JUMPS):
        switching = function(box(left, right)).open
        left, right = left[switching], right[switching]
        if not left.size:
            return
        if left.size > MOST:
            raise DomainError("there are too many comparisons that switch to look at", expected=EXPECTED)
        middles = (left + right) / 2
        left, right = np.concatenate([left, middles]), np.concatenate([middles, right])
    # One width further out the comparison is decided, also where its place is rounded.
    width = right - left
    start, end = np.maximum(left - width, low), np.minimum(right + width, high)
    before, after = function(box(start, start)), function(box(end, end))
    gaps = np.maximum(after.low - before.high, before.low - after.high)
    jumps = ~(gaps <= bound * (end - start))
    if jumps.any():
        raise DomainError(f"the function jumps at {left[jumps][0]:.6g}", expected=EXPECTED)
