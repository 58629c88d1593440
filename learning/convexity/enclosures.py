"""Natural interval extensions: where the values of an expression lie if its symbols have these signs.

Source: Moore, Kearfott and Cloud, Introduction to Interval Analysis (2009), section 5.3.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import sympy as sp
from sympy import Abs, Add, Expr, Mul, Pow, S

#: Two ends, exact numbers or infinite; nothing is said of whether they belong to the range.
Ends = tuple[Expr, Expr]
EVERYTHING: Ends = (S.NegativeInfinity, S.Infinity)
#: Functions that grow, with the open intervals of their arguments and values.
GROWING: dict[Callable[..., Expr], tuple[Ends, Ends]] = {
    sp.exp: (EVERYTHING, (S.Zero, S.Infinity)),
    sp.log: ((S.Zero, S.Infinity), EVERYTHING),
    sp.tanh: (EVERYTHING, (S.NegativeOne, S.One)),
    sp.sinh: (EVERYTHING, EVERYTHING),
    sp.asinh: (EVERYTHING, EVERYTHING),
    sp.erf: (EVERYTHING, (S.NegativeOne, S.One)),
    sp.atan: (EVERYTHING, (-sp.pi / 2, sp.pi / 2)),
}
#: Operations beyond which nothing is enclosed.
MAX_OPERATIONS = 300


def enclosure(expr: Expr) -> Ends:
    """An interval that holds all values of an expression, by the assumptions on its symbols."""
    if expr.is_number:
        return (expr, expr) if expr.is_real else EVERYTHING
    if isinstance(expr, Add):
        parts = [enclosure(arg) for arg in expr.args]
        return (Add(*(low for low, _ in parts)), Add(*(high for _, high in parts)))
    if isinstance(expr, Mul):
        return reduce(_product, map(enclosure, expr.args))
    if isinstance(expr, sp.exp) or expr.func in GROWING:
        return _grown(expr.func, enclosure(expr.args[0]))
    if isinstance(expr, Pow):
        return _power(expr)
    if isinstance(expr, sp.sin | sp.cos):
        return (S.NegativeOne, S.One)
    if isinstance(expr, sp.cosh | Abs):
        inner = _size(enclosure(expr.args[0]))
        return inner if isinstance(expr, Abs) else (sp.cosh(inner[0]), sp.cosh(inner[1]))
    return _assumed(expr)


def _assumed(expr: Expr) -> Ends:
    low = S.Zero if expr.is_nonnegative else S.NegativeInfinity
    return low, S.Zero if expr.is_nonpositive else S.Infinity


def _product(a: Ends, b: Ends) -> Ends:
    """The range of a product; 0 times an unbounded end is 0."""
    ends = [S.Zero if 0 in (x, y) else x * y for x in a for y in b]
    return _least(ends), _greatest(ends)


def _least(ends: list[Expr]) -> Expr:
    return reduce(lambda x, y: x if _is_below(x, y) else y, ends)


def _greatest(ends: list[Expr]) -> Expr:
    return reduce(lambda x, y: y if _is_below(x, y) else x, ends)


def _is_below(x: Expr, y: Expr) -> bool:
    """Whether a number is at most another; exact numbers are compared in many digits."""
    return bool(x == y or x == -sp.oo or y == sp.oo or (x != sp.oo and y != -sp.oo and sp.N(x - y, 30) < 0))


def _grown(function: Callable[..., Expr], inner: Ends) -> Ends:
    (first, last), (low, high) = GROWING[function]
    if not (_is_below(first, inner[0]) and _is_below(inner[1], last)):
        inner = (_greatest([first, inner[0]]), _least([last, inner[1]]))
    return (
        low if inner[0] == first else function(inner[0]),
        high if inner[1] == last else function(inner[1]),
    )


def _size(inner: Ends) -> Ends:
    """The range of the absolute value."""
    low, high = inner
    if _is_below(S.Zero, low):
        return inner
    if _is_below(high, S.Zero):
        return -high, -low
    return S.Zero, _greatest([-low, high])


def _power(expr: Pow) -> Ends:
    base, power = enclosure(expr.base), expr.exp
    if not power.is_Rational:
        return _assumed(expr)
    if power.is_Integer and power % 2 == 0:
        base = _size(base)
    elif not (power.is_Integer and power > 0) and not _is_below(S.Zero, base[0]):
        return _assumed(expr)
    if power > 0:
        return base[0] ** power, base[1] ** power
    return (
        S.Zero if base[1] == sp.oo else base[1] ** power,
        S.Infinity if base[0] == 0 else base[0] ** power,
    )


def sign_of_enclosure(expr: Expr) -> int:
    """2 if an expression is positive, 1 if it is not negative, -1 and -2 the other way round, else 0."""
    if expr.count_ops() > MAX_OPERATIONS:
        return 0
    low, high = enclosure(expr)
    if low.is_extended_nonnegative:
        return 2 if low.is_extended_positive else 1
    if high.is_extended_nonpositive:
        return -2 if high.is_extended_negative else -1
    return 0
