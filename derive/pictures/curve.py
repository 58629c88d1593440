"""The curve of a function of one variable, with its derivatives, kinks, breaks and a tangent."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial as partial_of
from typing import Any

import numpy as np

from chainrule.derive.computed import computed
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient, hessian
from chainrule.derive.narrative.symbols import partial, second_partial
from chainrule.derive.pictures.features import VISIBLE, Array, Break, breaks, spread
from chainrule.derive.pictures.points import values_at
from chainrule.derive.program import Program

#: Samples of a curve.
SAMPLES = 601
#: Places within this part of the span are one; values further from the median than so many spreads are at a pole.
CLOSE, FAR = 1e-4, 20.0
#: Values beyond this overflow before they reach a pole.
OVERFLOWING = 1e250


@dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        symbol: what it is, ``f`` or ``df/dx``.
        text: the formula.
        x, y: points; NaN in ``y`` where the line is broken.
        kinks: where the curve is continuous and its derivative is not.
        holes: where the curve has no value but the same limit on both sides.
        poles: where it grows beyond all bounds.
    """

    symbol: str
    text: str
    x: Array = field(compare=False)
    y: Array = field(compare=False)
    kinks: tuple[tuple[float, float], ...] = ()
    holes: tuple[tuple[float, float], ...] = ()
    poles: tuple[float, ...] = ()


@dataclass(frozen=True)
class Tangent:
    """The tangent of the first curve at a point: ``y + slope*(t - x)``."""

    x: float
    y: float
    slope: float


def curves(
    f: Formula, name: str, span: tuple[float, float], order: int, given: Mapping[str, Any]
) -> tuple[Curve, ...]:
    """A scalar formula and its derivatives up to ``order`` over a span of one scalar input."""
    program = computed(f.differentiable, "hessian", [name])
    values = partial_of(_rows, program, given, name)
    x = np.linspace(*span, SAMPLES)
    rows = values(x)
    found = breaks(values, x, rows)
    labels = [*_labels(f, name, order)]
    return tuple(_curve(label, row, x, rows, found) for row, label in enumerate(labels))


def tangent(f: Formula, name: str, place: float, given: Mapping[str, Any]) -> Tangent:
    """The tangent at a point."""
    value, slope = values_at(computed(f.differentiable, "gradient", [name]), given, {name: np.array([place])})[:, 0]
    return Tangent(place, float(value), float(slope))


def _rows(program: Program, given: Mapping[str, Any], name: str, x: Array) -> Array:
    """The function and its derivatives, which exist only where the function does."""
    rows = values_at(program, given, {name: x})
    return np.where(np.isnan(rows[0]), np.nan, rows)


def _labels(f: Formula, name: str, order: int) -> Iterator[tuple[str, str]]:
    """Symbol and formula of every curve."""
    output = f.output.name
    yield output, f.matrix()
    if order > 0:
        yield partial(output, name).text, gradient(f, name).result[name].matrix()
    if order > 1:
        yield second_partial(output, name, name).text, hessian(f, name).result[name].matrix()


def _curve(label: tuple[str, str], row: int, x: Array, rows: Array, found: Sequence[Break]) -> Curve:
    """The samples of a row, broken where they are not joined."""
    reach, width = spread(rows[row]), float(x[-1] - x[0])
    own = [item for item in found if item.jumps(row, reach)]
    kept = np.all([np.abs(x - item.place) > width * CLOSE for item in own], axis=0) if own else np.full(len(x), True)
    points = list(zip(x[kept].tolist(), rows[row][kept].tolist(), strict=True))
    for item in own:
        ends = (item.values[row][0], np.nan, item.values[row][1])
        points += zip((item.left, item.place, item.right), ends, strict=True)
    points.sort(key=lambda point: point[0])
    y = np.array([value for _, value in points])
    poles = [(item.place, np.inf) for item in own if _is_pole(item, row, rows[row], reach)]
    return Curve(
        *label, np.array([place for place, _ in points]), np.where(np.isfinite(y), y, np.nan),
        _apart(_kinks(found, row, rows), width), _apart(_holes(own, row, reach, width), width),
        tuple(place for place, _ in _apart(poles, width)),
    )  # fmt: skip


def _kinks(found: Sequence[Break], row: int, rows: Array) -> Iterator[tuple[float, float]]:
    """Where the next derivative jumps and this row does not."""
    for item in found if row + 1 < len(rows) else ():
        if item.row == row + 1 and item.is_finite(row + 1) and not item.jumps(row, spread(rows[row])):
            yield item.place, item.values[row][0]


def _is_pole(item: Break, row: int, samples: Array, reach: float) -> bool:
    """Whether the row grows beyond all bounds: at the break it is far from all that it usually is.

    What is too large for a double soon after is not at a pole for that.
    """
    if any(OVERFLOWING < abs(value) < np.inf for value in item.values[row]):
        return False
    finite = samples[np.isfinite(samples)]
    middle = float(np.median(finite)) if finite.size else 0.0
    return any(np.isinf(value) or abs(value - middle) > FAR * max(reach, 1e-12) for value in item.values[row])


def _holes(own: Sequence[Break], row: int, reach: float, width: float) -> Iterator[tuple[float, float]]:
    """Where there is no value, and the same limit on both sides."""
    missing = [item for item in own if np.isnan(item.values[row]).any() and not np.isinf(item.values[row]).any()]
    for left, right in itertools.product(missing, repeat=2):
        a, b = left.values[row][0], right.values[row][1]
        same_place = left.right <= right.left and right.right - left.left < width * CLOSE
        if same_place and abs(a - b) <= VISIBLE * max(reach, 1e-12) and np.isfinite([a, b]).all():
            yield (left.left + right.right) / 2, a


def _apart(points: Iterable[tuple[float, float]], width: float) -> tuple[tuple[float, float], ...]:
    """One of the points that lie very close to each other, at a short number if that is as close."""
    found: list[tuple[float, float]] = []
    digits = 3 - int(np.floor(np.log10(width)))
    for place, value in sorted(points):
        short = round(place, digits) + 0.0
        if not found or place - found[-1][0] > width * CLOSE:
            found.append((short if abs(short - place) < width * 1e-6 else place, value))
    return tuple(found)
