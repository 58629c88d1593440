"""Witnesses against convexity: two points of the domain between which the formula lies above its chord."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr, Integer, Rational

from chainrule.derive.checking.sampling import (
    edge_sample,
    sample,
    scaled_sample,
    shifted_sample,
    size_assignments,
    smallest_sizes,
)
from chainrule.derive.computed import computed
from chainrule.derive.errors import ChainruleError
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Dim, Input, Program
from chainrule.learning.convexity.directions import bent_segments
from chainrule.learning.convexity.exact import domain_holds, exact_value, is_certainly_positive, rational

#: Segments tried at each size, points on each, and the least height above a chord, relative to the values.
SEGMENTS, STEPS, CLEAR = 60, 4, 1e-6
#: Candidates without exact values, after which no more are tried.
MAX_FAILURES = 12
#: Seconds after which a formula whose values take long is given up.
MAX_SECONDS = 8.0
#: Rows of sizes that are tried.
MAX_SIZES = 5


Point = Mapping[str, Any]
#: How points are drawn: small integers first, then generic ones.
Draws = tuple[Callable[[Sequence[Input], Mapping[Dim, int], np.random.Generator], dict[str, Any]], ...]
DRAWS: tuple[Draws, ...] = ((edge_sample,), (sample, scaled_sample, shifted_sample))


@dataclass(frozen=True)
class Witness:
    """A violated inequality: ``f((a + b)/2) > (f(a) + f(b))/2``, or ``<`` against concavity.

    Against quasi-convexity, ``f((a + b)/2)`` is larger than ``f(a)`` and ``f(b)``; smaller, against quasi-concavity.

    Attributes:
        against: what it refutes.
        sizes: the lengths of the axes.
        data: the other inputs.
        first, second, middle: the points, rational numbers.
        values: the formula at them, exact.
        gap: the height above the chord, or above the higher end (below it, against concavity), which is positive.
    """

    against: str
    sizes: Mapping[Dim, int]
    data: Mapping[str, Any]
    first: Mapping[str, Any]
    second: Mapping[str, Any]
    middle: Mapping[str, Any]
    values: tuple[Expr, Expr, Expr]
    gap: Expr


def witness(
    program: Program, variables: Sequence[str], against: str = "convex", segments: int = SEGMENTS, seed: int = 0
) -> Witness | None:
    """A witness, found in doubles and proved in exact arithmetic; ``None`` if none was found.

    Points of small integers come first: what is found there is easy to read.
    """
    stable = computed(program)
    sign = -1 if against.endswith("concave") else 1
    failures, start = 0, monotonic()
    for sizes, point, step in _candidates(program, variables, segments, seed, sign):
        if monotonic() - start > MAX_SECONDS:
            return None
        for a, b in _violations(stable, variables, point, step, against):
            found = _proved(program, variables, sizes, (point, step), (a, b), against)
            if found is not None:
                return found
            failures += 1
            if failures > MAX_FAILURES:
                return None
    return None


def _candidates(
    program: Program, variables: Sequence[str], segments: int, seed: int, sign: int
) -> Iterator[tuple[dict[Dim, int], Point, Point]]:
    """Segments: of small integers, generic ones, and along directions in which the Hessian is negative."""
    for draws in DRAWS:
        for sizes in _sizes(program):
            rng = np.random.default_rng(seed)
            for point, step in _segments(program, variables, sizes, rng, draws, segments // len(DRAWS)):
                yield sizes, point, step
    for sizes in _sizes(program)[:2] if segments >= SEGMENTS else ():
        for point, whole in bent_segments(program, variables, sizes, np.random.default_rng(seed), sign):
            yield sizes, point, {name: array / STEPS for name, array in whole.items()}


def _sizes(program: Program) -> list[dict[Dim, int]]:
    rows: list[dict[Dim, int]] = []
    for row in (*smallest_sizes(program), *size_assignments(program)):
        if row not in rows:
            rows.append(dict(row))
    return rows[:MAX_SIZES]


def _segments(
    program: Program, variables: Sequence[str], sizes: Mapping[Dim, int], rng: np.random.Generator,
    draws: Draws, number: int,
) -> Iterator[tuple[Point, Point]]:
    """Points of the domain, each with a step whose multiples up to ``STEPS`` stay in it."""
    for n in range(number):
        draw = draws[n % len(draws)]
        first, second = draw(program.inputs, sizes, rng), draw(program.inputs, sizes, rng)
        ends = {name: np.round(np.asarray(second[name], float), 3) for name in variables}
        start = {name: np.asarray(array, float) for name, array in first.items()}
        start |= {name: np.round(start[name], 3) for name in variables}
        yield start, {name: (ends[name] - start[name]) / STEPS for name in variables}


def _moved(point: Point, step: Point, times: int) -> Point:
    return {**point, **{name: point[name] + times * step[name] for name in step}}


def _violations(
    program: Program, variables: Sequence[str], point: Point, step: Point, against: str
) -> list[tuple[int, int]]:
    """Pairs of places on a segment between which the formula violates the inequality, the widest first."""
    try:
        values = [_value(program, _moved(point, step, n)) for n in range(STEPS + 1)]
    except ChainruleError:
        return []
    pairs = [(a, b) for width in (4, 2) for a in range(STEPS + 1 - width) for b in [a + width]]
    return [(a, b) for a, b in pairs if _violates(values[a], values[(a + b) // 2], values[b], against)]


def _value(program: Program, point: Point) -> float:
    with np.errstate(all="ignore"):
        return float(evaluate(program, point)[program.output.name])


#: By how much a formula violates each inequality, of its values at the ends and in the middle.
GAPS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "convex": lambda a, b, m: m - (a + b) / 2,
    "concave": lambda a, b, m: (a + b) / 2 - m,
    "quasiconvex": lambda a, b, m: m - (a if a > b else b),
    "quasiconcave": lambda a, b, m: (a if a < b else b) - m,
}


def _violates(first: float, middle: float, second: float, against: str) -> bool:
    if not all(map(np.isfinite, (first, middle, second))):
        return False
    scale = max(1.0, abs(first), abs(second), abs(middle))
    return bool(GAPS[against](first, second, middle) > CLEAR * scale)


def _proved(
    program: Program, variables: Sequence[str], sizes: Mapping[Dim, int], segment: tuple[Point, Point],
    places: tuple[int, int], against: str,
) -> Witness | None:
    """The witness in exact arithmetic, if it is one."""
    point, step = segment
    start = {name: rational(array) for name, array in point.items()}
    # Four steps are the difference of two decimals, which a quarter of it in doubles is not.
    whole = {name: rational(np.round(array * STEPS, 3)) for name, array in step.items()}
    data = {item.name: start[item.name] for item in program.inputs if item.name not in variables}
    ends = [
        {name: _array(start[name] + whole[name] * Rational(place, STEPS)) for name in variables} for place in places
    ]
    middle = {name: _array((ends[0][name] + ends[1][name]) / Integer(2)) for name in variables}
    domains = {item.name: item.domain.name for item in program.inputs}
    if not all(domain_holds(domains[name], array) for end in ends for name, array in end.items()):
        return None
    if not all(domain_holds(domains[name], array) for name, array in data.items()):
        return None
    try:
        values = [exact_value(program, {**data, **place}, sizes) for place in (*ends, middle)]
    except (ChainruleError, ValueError, ZeroDivisionError, TypeError):
        return None
    gap = _exact_gap(values, against)
    if gap is None or not is_certainly_positive(gap):
        return None
    return Witness(against, sizes, data, ends[0], ends[1], middle, (values[0], values[1], values[2]), gap)


def _exact_gap(values: Sequence[Expr], against: str) -> Expr | None:
    """By how much the inequality is violated; ``None`` if it is not seen which end is larger, and that matters."""
    a, b, m = values
    if not against.startswith("quasi"):
        return sp.sympify(GAPS[against](a, b, m))
    ends = (m - a, m - b) if against == "quasiconvex" else (a - m, b - m)
    if not all(map(is_certainly_positive, ends)):
        return None
    return min(ends, key=lambda gap: float(sp.N(gap)))


def _array(value: Any) -> Any:
    """An array of exact numbers, also of a single one."""
    return np.asarray(value, dtype=object)
