"""Subdifferentials of convex functions of one number: slopes of pieces, intervals at kinks and at ends of the domain.

Source: Rockafellar, Convex Analysis (1970), theorem 24.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import sympy as sp
from sympy import Expr, Symbol

from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.learning.convexity.intervals import Interval, elementary
from chainrule.learning.convexity.penalties import X
from chainrule.learning.convexity.scalar import pieces

#: Halvings and doublings of an interval that holds a root.
HALVINGS = 200
#: Digits of values that are compared.
DIGITS = 50
#: Steps at which a line is held against the function.
STEPS = tuple(sp.Rational(n, m) for n in (*range(-40, 0), *range(1, 41)) for m in (7, 10**15))


def subdifferential(body: Expr, interval: Interval) -> Iterator[tuple[Interval | Expr, tuple[Expr, Expr]]]:
    """Intervals with their slope (twice), and kinks with the ends of the subdifferential, from left to right."""
    found = pieces(body, X, interval) or ()
    if found and interval.low == found[0].interval.low and interval.low.is_finite:
        slope = _limit(scalar_derivative(found[0].body, X), interval.low, "+")
        if slope.is_finite is not False:
            yield interval.low, (-sp.oo, slope)
    for n, piece in enumerate(found):
        slope = sp.simplify(scalar_derivative(piece.body, X))
        yield piece.interval, (slope, slope)
        if n + 1 < len(found):
            place = piece.interval.high
            low, high = (scalar_derivative(side.body, X).subs(X, place) for side in (piece, found[n + 1]))
            if sp.simplify(high - low) != 0:
                yield place, (sp.simplify(low), sp.simplify(high))
    if found and interval.high == found[-1].interval.high and interval.high.is_finite:
        slope = _limit(scalar_derivative(found[-1].body, X), interval.high, "-")
        if slope.is_finite is not False:
            yield interval.high, (slope, sp.oo)


def _limit(slope: Expr, place: Expr, side: str) -> Expr:
    found: Expr = sp.limit(elementary(slope), X, place, side) if slope.has(X) else slope
    return found


def subgradient_gap(body: Expr, interval: Interval, place: Interval | Expr, low: Expr, high: Expr) -> float:
    """How far a line with such a slope comes above the function at some steps, for each unit of a step."""
    numbers: dict[Symbol, Expr] = {symbol: sp.Rational(2, 5) for symbol in body.free_symbols - {X}}
    ends = [end.subs(numbers) for end in (interval.low, interval.high)]
    at = _inside(place, numbers) if isinstance(place, Interval) else place.subs(numbers)
    function = elementary(body.subs(numbers))
    height = sp.N(_value(function, at), DIGITS)
    worst = sp.Float(0)
    for slope in {end.subs(numbers).subs(X, at) for end in (low, high)} - {sp.oo, -sp.oo}:
        for step in STEPS:
            if ends[0] < at + step < ends[1]:
                above = height + sp.N(slope, DIGITS) * step - sp.N(_value(function, at + step), DIGITS)
                worst = max(worst, above / abs(step))
    return float(worst)


def _value(function: Expr, place: Expr) -> Expr:
    return function.subs(X, place).doit()


def _inside(interval: Interval, numbers: dict[Symbol, Expr]) -> Expr:
    low, high = interval.low.subs(numbers), interval.high.subs(numbers)
    if low == -sp.oo and high == sp.oo:
        return sp.Rational(1, 3)
    return high - 1 if low == -sp.oo else low + 1 if high == sp.oo else (low + high) / 2


def rising_root(goal: Callable[[Any], Any], inside: Interval, start: float) -> float:
    """The root of a rising function in an interval, by bisection."""
    with mpmath.workdps(30):
        low, high = (_end(end, start) for end in (inside.low, inside.high))
        reach = mpmath.mpf(1)
        while inside.low == -sp.oo and goal(low) > 0:
            low, reach = low - reach, 2 * reach
        while inside.high == sp.oo and goal(high) < 0:
            high, reach = high + reach, 2 * reach
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if goal(middle) > 0 else (middle, high)
        return float((low + high) / 2)


def _end(end: Expr, start: float) -> Any:
    return mpmath.mpf(start) if end in (sp.oo, -sp.oo) else mpmath.mpf(float(end))
