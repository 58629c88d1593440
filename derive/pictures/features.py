"""Where a curve breaks or bends: found from values alone, of the curve and of its derivatives.

Between two samples that differ by much, the interval is halved towards the larger difference.  A
difference that does not shrink with the interval is a jump (or a pole); a jump of a derivative
where the curve itself is continuous is a kink.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
#: Rows of values (the function and its derivatives in order) at an array of points.
Values = Callable[[Array], Array]

#: Halvings of an interval; the last ``SETTLED`` of them show whether the difference shrinks.
HALVINGS, SETTLED = 14, 4
#: Intervals of one row that are looked at, and what makes a difference large: times the median.
MOST, LARGE = 64, 6.0
#: A jump is larger than this part of the spread of the values.
VISIBLE = 1e-3


@dataclass(frozen=True)
class Break:
    """A place where a row is not continuous, or not finite on one side.

    Attributes:
        row: which derivative.
        left, right: the points on both sides, very close to each other.
        values: every row at these points; NaN or infinite where there is no value.
    """

    row: int
    left: float
    right: float
    values: tuple[tuple[float, float], ...]

    @property
    def place(self) -> float:
        """The middle."""
        return (self.left + self.right) / 2

    def is_finite(self, row: int) -> bool:
        """Whether a row has values on both sides."""
        return bool(np.isfinite(self.values[row]).all())

    def jumps(self, row: int, spread: float) -> bool:
        """Whether the row has different values on both sides, or none on one of them."""
        a, b = self.values[row]
        return not self.is_finite(row) or abs(a - b) > VISIBLE * max(spread, 1e-12)


def spread(values: Array) -> float:
    """How far the middle nine tenths of the finite values reach."""
    finite = values[np.isfinite(values)]
    return float(np.subtract(*np.percentile(finite, [95, 5]))) if finite.size else 0.0


def breaks(values: Values, x: Array, rows: Array) -> list[Break]:
    """The breaks of every row, given its samples."""
    found: list[Break] = []
    for row, samples in enumerate(rows):
        places = _candidates(samples)
        if places.size:
            found += _narrowed(values, row, (x[places], x[places + 1]), rows, places)
    return found


def _candidates(samples: Array) -> npt.NDArray[np.intp]:
    """The first samples of intervals over which a row changes by much, or begins or ends to be finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.abs(np.diff(samples))
    edges = np.isfinite(samples[1:]) != np.isfinite(samples[:-1])
    finite = steps[np.isfinite(steps)]
    usual = float(np.median(finite)) if finite.size else 0.0
    score = np.where(edges, np.inf, np.where(np.isfinite(steps), steps, 0.0))
    order = np.argsort(-score, kind="stable")[:MOST]
    return np.sort(order[score[order] > LARGE * usual + 1e-300])


def _narrowed(
    values: Values, row: int, ends: tuple[Array, Array], rows: Array, places: npt.NDArray[np.intp]
) -> list[Break]:
    """The intervals whose difference stays when they are halved, again and again."""
    left, right = ends
    low, high = rows[:, places], rows[:, places + 1]
    history = [_difference(low[row], high[row])]
    for _ in range(HALVINGS):
        middle = (left + right) / 2
        between = values(middle)
        first = _difference(low[row], between[row]) >= _difference(between[row], high[row])
        # Where only one end has a value, the change is on the side of the other end.
        first = np.where(np.isfinite(low[row]) == np.isfinite(between[row]), first & np.isfinite(low[row]), True)
        first = np.where(np.isfinite(low[row]) & np.isfinite(between[row]) & ~np.isfinite(high[row]), False, first)
        left, right = np.where(first, left, middle), np.where(first, middle, right)
        low, high = np.where(first, low, between), np.where(first, between, high)
        history.append(_difference(low[row], high[row]))
    stays = ~np.isfinite(history[-1]) | (history[-1] > 0.5 * history[-1 - SETTLED])
    large = ~np.isfinite(history[-1]) | (history[-1] > VISIBLE * max(spread(rows[row]), 1e-12))
    return [
        Break(row, float(left[n]), float(right[n]), tuple(zip(low[:, n].tolist(), high[:, n].tolist(), strict=True)))
        for n in np.flatnonzero(stays & large)
    ]


def _difference(a: Array, b: Array) -> Array:
    """The distance of two values; infinite where one of them is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(np.isfinite(a) & np.isfinite(b), np.abs(a - b), np.inf)
