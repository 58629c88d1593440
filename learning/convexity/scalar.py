"""Curvature and slope of scalar functions of a few numbers, decided by their derivatives.

A function of one number is cut where it has kinks: it is convex where every piece has a nonnegative second
derivative, the pieces meet, and the slope does not fall from one to the next.  A smooth function of several
is convex where its Hessian has no negative principal minor.
Source: Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.4; Rockafellar, Convex Analysis (1970),
theorem 24.2 for kinks.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import sympy as sp
from sympy import Abs, Expr, Function, Matrix, Pow, S, Symbol, sign

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.scalar import Indicator, less, less_equal, where
from chainrule.learning.convexity.intervals import Interval, at_least, elementary

Curvature = Literal["", "constant", "affine", "convex", "concave"]
Direction = Literal["", "constant", "nondecreasing", "nonincreasing"]
#: Kinks that a function of one number may have, and numbers that a smooth function may have.
MAX_KINKS, MAX_ARGUMENTS = 8, 3
#: Functions with a kink, cut at 0 of what they compare.
KINKED = (Abs, sign, where)


@dataclass(frozen=True)
class Piece:
    """A smooth function on an interval."""

    interval: Interval
    body: Expr


@lru_cache(maxsize=2048)
def pieces(body: Expr, symbol: Symbol, interval: Interval) -> tuple[Piece, ...] | None:
    """A function of one number as smooth pieces from left to right, on its domain; ``None`` if it cannot be cut."""
    body = opened(body)
    node = next((n for n in sp.postorder_traversal(body) if isinstance(n, KINKED) and n.has(symbol)), None)
    if node is None:
        return _restricted(body, symbol, interval)
    between = _switch(node)
    if between is None:
        return None
    below, above = _branches(node)
    for branch, sense in ((above, between), (below, -between)):
        if at_least(sense, {symbol: interval}):
            settled = _agrees_at_ends(node, branch, symbol, interval)
            return pieces(body.xreplace({node: branch}), symbol, interval) if settled else None
    slope = sp.expand(between).coeff(symbol, 1)
    rest = sp.expand(between - slope * symbol)
    if rest.has(symbol) or not (slope.is_positive or slope.is_negative):
        return None
    first, second = (below, above) if slope.is_positive else (above, below)
    return _cut(body, node, (first, second), symbol, interval, sp.cancel(-rest / slope))


def _agrees_at_ends(node: Expr, branch: Expr, symbol: Symbol, interval: Interval) -> bool:
    """Whether a branch that holds inside an interval holds at its ends too: a step does not at its jump."""
    ends = [end for end in (interval.low, interval.high) if end not in (S.Infinity, S.NegativeInfinity)]
    gaps = [(node - branch).subs(symbol, end) for end in ends]
    return all(gap.has(sp.nan, sp.zoo) or sp.simplify(gap) == 0 for gap in gaps)


def _cut(
    body: Expr, node: Expr, branches: tuple[Expr, Expr], symbol: Symbol, interval: Interval, place: Expr
) -> tuple[Piece, ...] | None:
    """Both sides of a kink, which lies inside the interval or wherever."""
    if not (_is_above(place, interval.low) and _is_above(interval.high, place)):
        return None
    left = pieces(body.xreplace({node: branches[0]}), symbol, Interval(interval.low, place))
    right = pieces(body.xreplace({node: branches[1]}), symbol, Interval(place, interval.high))
    return None if left is None or right is None or len(left + right) > MAX_KINKS else left + right


def _is_above(high: Expr, low: Expr) -> bool:
    return low is S.NegativeInfinity or high is S.Infinity or at_least(high - low, {})


def opened(body: Expr) -> Expr:
    """Functions of the catalogue that have kinks, by their definitions."""
    while True:
        found = [n for n in body.atoms(Function) if getattr(n, "entry", None) and n.entry.define.has(where)]
        if not found:
            return body
        body = body.xreplace({node: node.entry.expanded(*node.args) for node in found})


def _switch(node: Expr) -> Expr | None:
    """What is compared with zero: above it the second branch holds."""
    if not isinstance(node, where):
        return node.args[0]
    condition = node.args[0]
    return condition.args[1] - condition.args[0] if isinstance(condition, less | less_equal) else None


def _branches(node: Expr) -> tuple[Expr, Expr]:
    """The values where what is compared lies below and above zero."""
    if isinstance(node, Abs):
        return -node.args[0], node.args[0]
    return (-S.One, S.One) if isinstance(node, sign) else (node.args[2], node.args[1])


def _restricted(body: Expr, symbol: Symbol, interval: Interval) -> tuple[Piece, ...] | None:
    """The part of the interval on which a smooth function is defined; ``None`` if that is no interval."""
    for part, bounds in domain_parts(body, {symbol}):
        for bound in bounds:
            if at_least(bound, {symbol: interval}, strict=True):
                continue
            slope = sp.expand(bound).coeff(symbol, 1)
            rest = sp.expand(bound - slope * symbol)
            if rest.has(symbol) or not (slope.is_positive or slope.is_negative):
                return None
            place = sp.cancel(-rest / slope)
            low, high = (place, interval.high) if slope.is_positive else (interval.low, place)
            if not (_is_above(low, interval.low) and _is_above(interval.high, high)):
                return None
            interval = Interval(low, high)
        if isinstance(part, Pow) and part.exp.is_Integer and not _nonzero(part.base, {symbol: interval}):
            return None
    return (Piece(interval, body),)


def _nonzero(base: Expr, box: Mapping[Symbol, Interval]) -> bool:
    return at_least(base, box, strict=True) or at_least(-base, box, strict=True)


def domain_parts(body: Expr, symbols: set[Symbol]) -> list[tuple[Expr, tuple[Expr, ...]]]:
    """The parts of a body that are not defined everywhere, each with what must not be negative."""
    found: list[tuple[Expr, tuple[Expr, ...]]] = []
    for node in sp.postorder_traversal(body):
        if not isinstance(node, Pow | Function) or not node.free_symbols & symbols:
            continue
        if isinstance(node, Pow) and not isinstance(node, sp.exp):
            if not (node.exp.is_Integer and node.exp > 0) and node.base != S.Exp1:
                found.append((node, () if node.exp.is_Integer else (node.base,)))
        elif (entry := BY_FUNCTION.get(node.func)) is not None and entry.domain:
            found.append((node, _inside(node, entry.domain)))
        elif isinstance(node, sp.tan):
            found.append((node, (sp.cos(node.args[0]),)))
    return found


def _inside(node: Expr, domain: tuple[tuple[float | None, float | None], ...]) -> tuple[Expr, ...]:
    bounds: list[Expr] = []
    for arg, (low, high) in zip(node.args, domain, strict=True):
        bounds += [] if low is None else [arg - sp.nsimplify(low)]
        bounds += [] if high is None else [sp.nsimplify(high) - arg]
    return tuple(bounds)


# ---- one number -------------------------------------------------------------------------------------------


def second_derivatives(found: tuple[Piece, ...], symbol: Symbol) -> tuple[Expr, ...]:
    """The second derivative of every piece."""
    return tuple(_derivative(piece.body, symbol, 2) for piece in found)


@lru_cache(maxsize=4096)
def _derivative(body: Expr, symbol: Symbol, order: int) -> Expr:
    for _ in range(order):
        body = scalar_derivative(body, symbol)
    return body


def is_convex_in(body: Expr, symbol: Symbol, interval: Interval) -> bool:
    """Whether a function of one number is certainly convex on an interval, restricted to its domain."""
    found = pieces(body, symbol, interval)
    if found is None:
        return False
    bends = zip(found, second_derivatives(found, symbol), strict=True)
    smooth = all(at_least(second, {symbol: piece.interval}) for piece, second in bends)
    return smooth and all(joins(a, b, symbol, True) for a, b in itertools.pairwise(found))


def joins(left: Piece, right: Piece, symbol: Symbol, rising: bool) -> bool:
    """Whether two pieces meet, and (``rising``) the slope does not fall where they do."""
    place = {symbol: right.interval.low}
    if left.interval.high != right.interval.low:
        return False
    gap = _at(right.body - left.body, place)
    if gap is None or sp.simplify(gap) != 0:
        return False
    if not rising:
        return True
    jump = _at(_derivative(right.body, symbol, 1) - _derivative(left.body, symbol, 1), place)
    return jump is not None and at_least(jump, {})


def _at(expr: Expr, place: Mapping[Symbol, Expr]) -> Expr | None:
    value = expr.subs(place)
    return value if isinstance(value, Expr) and not value.has(sp.nan, sp.zoo, S.Infinity, S.NegativeInfinity) else None


def direction_in(body: Expr, symbol: Symbol, interval: Interval) -> Direction:
    """Whether a function of one number rises or falls on an interval, as far as can be told."""
    found = pieces(body, symbol, interval)
    if found is None or not all(joins(a, b, symbol, False) for a, b in itertools.pairwise(found)):
        return ""
    slopes = [(_derivative(piece.body, symbol, 1), {symbol: piece.interval}) for piece in found]
    if all(at_least(slope, box) for slope, box in slopes):
        return "nondecreasing"
    return "nonincreasing" if all(at_least(-slope, box) for slope, box in slopes) else ""


def image(body: Expr, symbol: Symbol, interval: Interval) -> Interval:
    """An interval that holds the values of a function of one number."""
    found = pieces(body, symbol, interval)
    if found:
        direction = direction_in(body, symbol, interval)
        first, last = (_end(found[0], symbol, "low"), _end(found[-1], symbol, "high"))
        if direction == "nondecreasing":
            return Interval(S.NegativeInfinity if first is None else first, S.Infinity if last is None else last)
        if direction == "nonincreasing":
            return Interval(S.NegativeInfinity if last is None else last, S.Infinity if first is None else first)
    return Interval(S.Zero) if at_least(body, {symbol: interval}) else Interval()


def _end(piece: Piece, symbol: Symbol, side: Literal["low", "high"]) -> Expr | None:
    """The limit of a piece at an end."""
    try:
        place = getattr(piece.interval, side)
        found = sp.limit(elementary(piece.body), symbol, place, "+" if side == "low" else "-")
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, Expr) and found.is_number and found.is_extended_real else None


# ---- several numbers --------------------------------------------------------------------------------------


def minors(body: Expr, symbols: tuple[Symbol, ...]) -> tuple[Expr, ...]:
    """The principal minors of the Hessian."""
    rows = [[_derivative(_derivative(body, a, 1), b, 1) for b in symbols] for a in symbols]
    whole = Matrix(rows)
    places = range(len(symbols))
    chosen = (pick for size in range(1, len(symbols) + 1) for pick in itertools.combinations(places, size))
    return tuple(sp.factor(sp.simplify(whole.extract(list(pick), list(pick)).det())) for pick in chosen)


@lru_cache(maxsize=1024)
def is_jointly_convex(body: Expr, box: tuple[tuple[Symbol, Interval], ...]) -> bool:
    """Whether a smooth function of several numbers is certainly convex in a box."""
    if len(box) > MAX_ARGUMENTS or not is_smooth_in(body, dict(box)):
        return False
    symbols = tuple(symbol for symbol, _ in box)
    if not all(at_least(_derivative(body, symbol, 2), dict(box)) for symbol in symbols):
        return False
    return all(at_least(minor, dict(box)) for minor in minors(body, symbols))


def is_smooth_in(body: Expr, box: Mapping[Symbol, Interval]) -> bool:
    """Whether a body is defined and smooth inside a box."""
    if opened(body).has(Indicator, *KINKED):
        return False
    for part, bounds in domain_parts(body, set(box)):
        if not all(at_least(bound, box, strict=True) for bound in bounds):
            return False
        if isinstance(part, Pow) and part.exp.is_Integer and not _nonzero(part.base, box):
            return False
    return True


def is_monotone(body: Expr, symbol: Symbol, box: Mapping[Symbol, Interval], rising: bool) -> bool:
    """Whether a smooth function rises (or falls) with one of several numbers in a box."""
    slope = _derivative(body, symbol, 1)
    return at_least(slope if rising else -slope, box)
