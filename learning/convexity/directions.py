"""Segments along which a smooth formula bends the wrong way: eigenvectors of its Hessian.

They come from differences of the gradient and only suggest a witness; what they suggest is proved in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.derive.checking.sampling import edge_sample, sample
from chainrule.derive.computed import computed
from chainrule.derive.errors import ChainruleError
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Dim, Input, Program

#: Numbers that a point may have, points that are tried, half lengths of segments, and the step of differences.
MAX_NUMBERS, POINTS, REACHES, STEP = 24, 12, (1.0, 0.5, 0.2, 0.05), 1e-5
Point = Mapping[str, Any]


def bent_segments(
    program: Program, variables: Sequence[str], sizes: Mapping[Dim, int], rng: np.random.Generator, sign: int
) -> Iterator[tuple[Point, Point]]:
    """Start and whole step of segments along an eigenvector of ``sign`` times the Hessian that is negative."""
    if not all(_is_open(program.by_name[name]) for name in variables):
        return
    try:
        slopes = computed(program, "gradient", list(variables))
    except ChainruleError:
        return
    for number in range(POINTS):
        point = (edge_sample if number % 2 else sample)(program.inputs, sizes, rng)
        places = {name: np.round(np.asarray(point[name], float), 3) for name in variables}
        direction = _direction(slopes, variables, {**point, **places}, sign)
        for reach in REACHES if direction is not None else ():
            step = {name: np.round(2 * reach * array, 3) for name, array in (direction or {}).items()}
            start = {name: places[name] - np.round(step[name] / 2, 3) for name in variables}
            if all(_holds(program.by_name[name], start[name], start[name] + step[name]) for name in variables):
                yield {**point, **start}, step


def _is_open(item: object) -> bool:
    """Whether every small step from inside a domain stays in it."""
    return isinstance(item, Input) and item.domain.name in ("real", "positive", "nonnegative", "unit")


def _holds(item: object, *places: Any) -> bool:
    assert isinstance(item, Input)
    low, high = item.domain.low, item.domain.high
    above = all(low is None or np.min(place) > float(low) for place in places)
    return above and all(high is None or np.max(place) < float(high) for place in places)


def _direction(slopes: Program, variables: Sequence[str], point: Point, sign: int) -> dict[str, Any] | None:
    """The eigenvector of the smallest eigenvalue, if that is negative."""
    shapes = {name: np.shape(point[name]) for name in variables}
    flat = np.concatenate([np.ravel(point[name]) for name in variables])
    if len(flat) > MAX_NUMBERS:
        return None
    try:
        columns = np.array([
            [_slope(slopes, shapes, point, flat + side * step) for side in (-1, 1)] for step in STEP * np.eye(len(flat))
        ])
    except ChainruleError:
        return None
    if not np.isfinite(columns).all():
        return None
    whole = sign * (columns[:, 1] - columns[:, 0]) / (2 * STEP)
    whole = (whole + whole.T) / 2
    values, vectors = np.linalg.eigh(whole)
    return split(vectors[:, 0], shapes) if values[0] < -1e-6 * max(1.0, abs(values[-1])) else None


def _slope(slopes: Program, shapes: Mapping[str, tuple[int, ...]], point: Point, flat: Any) -> Any:
    with np.errstate(all="ignore"):
        values = evaluate(slopes, {**point, **split(flat, shapes)})
    return np.concatenate([np.ravel(values[name]) for name in slopes.outputs[-len(shapes) :]])


def split(flat: Any, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """A vector as the arrays that it is made of."""
    ends = np.cumsum([int(np.prod(shape, dtype=int)) for shape in shapes.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
