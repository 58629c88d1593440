"""The two formulas that meet on a switching set, compared in value and slope."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import mpmath
import sympy as sp
from sympy import Dummy, Expr, S

from chainrule.derive.catalog.entries import CatalogFunction, scalar_derivative
from chainrule.derive.catalog.unspecified import Unspecified
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.program import Definition, Dim, Index, Input, Program, Ref

#: Points of the switching set that are looked at, and those that are drawn to find them.
POINTS, DRAWS = 4, 40
DIGITS, SMALL = 30, 1e-12
#: Operations up to which limits are taken and a difference is simplified with all means.
MAX_LIMIT = 40


How = Literal["jumps", "bends", "unclear"]


@dataclass(frozen=True)
class Side:
    """One case of a switch.

    Attributes:
        zero: the switch; it is a symbol for the distance from the zeros of a norm.
        below, at, above: the formula where the switch is negative, zero, and positive.
        positive: what is positive in this case.
        varying: entries and symbols that depend on the variables.
        whole: the formula with all its cases.
        is_distance: whether the switch is the distance from the zeros of a norm, which is never negative.
    """

    zero: Expr
    below: Expr
    at: Expr
    above: Expr
    positive: tuple[Expr, ...]
    varying: frozenset[Expr]
    whole: Expr
    is_distance: bool = False


def compared(side: Side, program: Program) -> How | None:
    """What happens where the switch is zero; None if the formula is differentiable there, or it never is."""
    names = _symbols(side)
    items = {symbol: program.by_name[ref.name] for ref, symbol in names.items()}
    side = _renamed(side, names)
    entry = _entry(side)
    if entry is None:
        return None
    jump, bend = _differences(side, entry)
    differences: list[tuple[How, Expr]] = [("jumps", jump), ("jumps", side.above - side.at), ("bends", bend)]
    if all(difference == 0 for _, difference in differences):
        return None
    points = list(_points(side, entry, items))
    if not points:
        return "unclear" if side.whole.has(Unspecified) else None
    known = True
    for how, difference in differences:
        sizes = [_size(difference, entry, point) for point in points]
        if any(map(_is_large, sizes)):
            return how if all(map(_is_large, sizes)) else "unclear"
        known &= None not in sizes
    zeros = _zeros(side.zero, entry)
    return None if known and all(_vanishes(item, entry, zeros) for _, item in differences) else "unclear"


def _symbols(side: Side) -> dict[Ref, Dummy]:
    """A symbol for each entry, with its sign."""
    refs = set().union(*(expr.atoms(Ref) for expr in (side.whole, side.zero, *side.positive)))
    return {ref: Dummy(ref.name, **{_sign(ref): True}) for ref in sorted(refs, key=sp.default_sort_key)}


def _sign(ref: Ref) -> str:
    return "positive" if ref.is_positive else "nonnegative" if ref.is_nonnegative else "real"


def _renamed(side: Side, names: Mapping[Ref, Dummy]) -> Side:
    """The case with symbols for entries: SymPy's limits take entries for functions of their indices."""
    zero, below, at, above, whole = (
        expr.xreplace(names) for expr in (side.zero, side.below, side.at, side.above, side.whole)
    )
    positive = tuple(expr.xreplace(names) for expr in side.positive)
    varying = frozenset(names.get(item, item) for item in side.varying)
    return Side(zero, below, at, above, positive, varying, whole, side.is_distance)


def _is_large(size: float | None) -> bool:
    return size is not None and size > SMALL


def _entry(side: Side) -> Expr | None:
    """The entry along which the switching set is crossed: one that the switch is linear in, if there is one."""
    found = sorted(side.varying & side.zero.free_symbols, key=sp.default_sort_key)
    for entry in found:
        symbol = Dummy("x", real=True)
        if not scalar_derivative(side.zero.xreplace({entry: symbol}), symbol).has(symbol):
            return entry
    return found[0] if found else None


def _differences(side: Side, entry: Expr) -> tuple[Expr, Expr]:
    """Jump and change of slope, as functions of the entry; a norm turns its slope around."""
    if side.is_distance:
        return S.Zero, 2 * _slope(side.above, entry)
    jump = side.above - side.below
    return jump, _slope(jump, entry)


def _slope(expr: Expr, entry: Expr) -> Expr:
    symbol = Dummy("x", **{"nonnegative" if entry.is_nonnegative else "real": True})
    try:
        return scalar_derivative(expr.xreplace({entry: symbol}), symbol).xreplace({symbol: entry})
    except UnsupportedError:
        return S.NaN


def _zeros(zero: Expr, entry: Expr) -> list[Mapping[Expr, Expr]]:
    """What is put in place of the entry, or of a function of it, where the switch is zero."""
    named = sp.expand(zero)
    functions = [part for part in named.atoms(sp.Function, sp.Pow) if part.has(entry) and not part.is_polynomial(entry)]
    for part in (entry, *sorted(functions, key=sp.default_sort_key)):
        symbol = Dummy("x", real=True)
        marked = named.xreplace({part: symbol})
        if not marked.has(entry) and marked.is_polynomial(symbol) and 0 < sp.degree(marked, symbol) <= 2:
            return [{part: root} for root in sp.roots(marked, symbol)]
    return []


# ---- points of the switching set -----------------------------------------------------------------------


Point = Mapping[Expr, Expr]
Items = Mapping[Expr, Input | Definition]


def _points(side: Side, entry: Expr, items: Items) -> Iterator[Point]:
    """Random points of the switching set, in the domains, where both sides are near and the case holds."""
    pick = random.Random(0)
    exprs = (side.whole, side.zero, *side.positive)
    unknowns = sorted(set().union(*(expr.free_symbols for expr in exprs)) - {entry}, key=sp.default_sort_key)
    roots = [zero[entry] for zero in _zeros(side.zero, entry) if entry in zero]
    found = 0
    for _ in range(DRAWS):
        values = {unknown: _drawn(unknown, items, pick) for unknown in unknowns}
        for root in roots or _searched(side.zero.xreplace(values), entry, pick):
            value = root.xreplace(values).evalf(DIGITS)
            point = {**values, entry: value}
            real = value.is_Float or value.is_Rational
            if real and _is_allowed(side, items.get(entry), value) and _holds(side, entry, point):
                found += 1
                yield point
        if found >= POINTS:
            return


def _drawn(unknown: Expr, items: Items, pick: random.Random) -> Expr:
    if isinstance(unknown, Dim | Index):
        return sp.Integer(pick.randint(2, 9))
    item = items.get(unknown)
    low, high = (-3.0, 3.0) if not unknown.is_nonnegative else (0.05, 3.0)
    if isinstance(item, Input):
        if item.domain.values:
            return sp.Integer(pick.choice(item.domain.values))
        low = low if item.domain.low is None else float(item.domain.low)
        high = (low + 4 if low >= 3 else high) if item.domain.high is None else float(item.domain.high)
    return sp.Rational(round(pick.uniform(low, high) * 1000), 1000)


def _searched(zero: Expr, entry: Expr, pick: random.Random) -> list[Expr]:
    """Where a switch without a formula for its zeros is zero, near a random value."""
    symbol = Dummy("x", real=True)
    named = zero.xreplace({entry: symbol})

    def function(value: object) -> object:
        return mpmath.mpmathify(named.xreplace({symbol: sp.Float(str(value), DIGITS)}).evalf(DIGITS))

    try:
        with mpmath.workdps(DIGITS):
            found = mpmath.findroot(function, (pick.uniform(-2, 2), pick.uniform(-2, 2)), tol=1e-40, verify=False)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        return []
    return [sp.Float(mpmath.nstr(found.real, DIGITS), DIGITS)] if abs(mpmath.im(found)) < SMALL else []


def _is_allowed(side: Side, item: Input | Definition | None, value: Expr) -> bool:
    """Whether an entry may have this value, and values around it."""
    if isinstance(item, Input):
        low, high = item.domain.low, item.domain.high
        return bool((low is None or value > low) and (high is None or value < high))
    sign = item.sign if item is not None else "real"
    return side.is_distance or sign == "real" or bool(value > 0)


def _holds(side: Side, entry: Expr, point: Point) -> bool:
    """Whether the switch changes its sign here, and the other switches have theirs."""
    if not all(_is_positive(expr, point) for expr in side.positive):
        return False
    if side.is_distance:
        return True
    step = sp.Float("1e-10", DIGITS)
    left, right = ({**point, entry: point[entry] + shift} for shift in (-step, step))
    return _is_positive(side.zero, left) != _is_positive(side.zero, right)


def _plain(expr: Expr) -> Expr:
    """The expression with SymPy's functions only."""
    return expr.replace(
        lambda node: isinstance(node, CatalogFunction), lambda node: _plain(node.entry.expanded(*node.args))
    )


def _is_positive(expr: Expr, point: Point) -> bool:
    value = _plain(expr.xreplace(dict(point))).evalf(DIGITS)
    return bool(value.is_number and value.is_extended_real and value > 0)


# ---- differences on the switching set --------------------------------------------------------------------


def _size(difference: Expr, entry: Expr, point: Point) -> float | None:
    """The size of a difference at a point; None if it has none."""
    value = difference.xreplace(dict(point))
    if value.has(*_UNDEFINED):
        # 0/0 has a limit on the side where the switch is positive; the slope of a root is infinite there.
        value = difference.xreplace({**point, entry: point[entry] + sp.Rational(1, 10**15)})
    number = _plain(value).evalf(DIGITS)
    if not number.is_number or number.has(S.NaN):
        return None
    return float("inf") if number.is_infinite else float(abs(number)) if number.is_comparable else None


_UNDEFINED = (S.NaN, S.ComplexInfinity, S.Infinity, S.NegativeInfinity)


def _limit(expr: Expr, entry: Expr, value: Expr) -> Expr | None:
    if expr.count_ops() > MAX_LIMIT:
        return None
    symbol = Dummy("x", positive=True)
    try:
        return sp.limit(expr.xreplace({entry: value + symbol}), symbol, 0, "+")
    except (NotImplementedError, ValueError, TypeError):
        return None


def _vanishes(difference: Expr, entry: Expr, zeros: Iterable[Mapping[Expr, Expr]]) -> bool:
    """Whether a difference is zero on all of the switching set, exactly."""
    if difference == 0:
        return True
    for zero in zeros or [{}]:
        value: Expr | None = difference.xreplace(dict(zero))
        if value is not None and value.has(*_UNDEFINED):
            value = _limit(difference, entry, zero[entry]) if entry in zero else None
        if value is None or not _is_zero(value):
            return False
    return True


def _is_zero(expr: Expr) -> bool:
    if expr.has(*_UNDEFINED):
        return False
    if expr == 0 or sp.expand(expr) == 0:
        return True
    expr = _plain(expr)
    return bool(expr.count_ops() <= MAX_LIMIT and sp.simplify(expr) == 0)
