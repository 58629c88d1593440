"""Intervals of real numbers, whose ends may depend on parameters, and the signs of expressions on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import sympy as sp
from sympy import Add, Dummy, Expr, Mul, Poly, Pow, S, Symbol, cosh, exp, sinh, tanh

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.scalar import Indicator, where
from chainrule.learning.convexity.enclosures import sign_of_enclosure
from chainrule.learning.convexity.patterns import pattern

#: What is known of the sign of an expression everywhere in a box; ``""`` where nothing is known.
Sign = Literal["", "zero", "positive", "nonnegative", "negative", "nonpositive"]
FLIPPED: Mapping[Sign, Sign] = {
    "": "", "zero": "zero", "positive": "negative", "nonnegative": "nonpositive", "negative": "positive",
    "nonpositive": "nonnegative",
}  # fmt: skip
#: Operations beyond which an expression is not looked at, and derivatives that are taken of it.
MAX_OPERATIONS, MAX_DEPTH = 400, 3


@dataclass(frozen=True)
class Interval:
    """The numbers between two ends; whether the ends themselves belong to it does not matter here."""

    low: Expr = S.NegativeInfinity
    high: Expr = S.Infinity

    def placed(self) -> tuple[Expr, Expr]:
        """A parameter, and the number inside the interval that it stands for: a bijection with the interior."""
        if self.low is S.NegativeInfinity and self.high is S.Infinity:
            free = Dummy("u", real=True)
            return free, free
        positive = Dummy("t", positive=True)
        if self.high is S.Infinity:
            return positive, self.low + positive
        if self.low is S.NegativeInfinity:
            return positive, self.high - positive
        return positive, (self.low + self.high * positive) / (1 + positive)

    def __str__(self) -> str:
        if self == REALS:
            return "for every real number"
        if self.high is S.Infinity:
            return f"above {self.low}"
        return f"below {self.high}" if self.low is S.NegativeInfinity else f"between {self.low} and {self.high}"


REALS = Interval()
NONNEGATIVE = Interval(S.Zero)
Box = Mapping[Symbol, Interval]


def at_least(expr: Expr, box: Box, strict: bool = False) -> bool:
    """Whether an expression is certainly nonnegative (positive, if ``strict``) inside a box."""
    found = sign_in(expr, tuple(box.items()))
    return found == "positive" or (not strict and found in ("nonnegative", "zero"))


@lru_cache(maxsize=4096)
def sign_in(expr: Expr, box: tuple[tuple[Symbol, Interval], ...]) -> Sign:
    """The sign of an expression inside a box, as far as it can be told."""
    swaps = {}
    for symbol, interval in box:
        if expr.has(symbol):
            swaps[symbol] = interval.placed()[1]
    placed = expr.xreplace(swaps)
    return _sign(elementary(placed), MAX_DEPTH) or _enclosed(placed) or _by_pattern(expr, box)


def _enclosed(expr: Expr) -> Sign:
    """The sign that the natural interval extension of each factor tells."""
    opened = _opened(expr)
    if opened.has(Indicator, where, sp.nan, sp.zoo):
        return ""
    for form in (opened, sp.factor(opened)):
        sign: Sign = "positive"
        for factor in Mul.make_args(form):
            sign = _product(sign, ENCLOSED[sign_of_enclosure(factor)])
        if sign:
            return sign
    return ""


ENCLOSED: dict[int, Sign] = {2: "positive", 1: "nonnegative", 0: "", -1: "nonpositive", -2: "negative"}


def _by_pattern(expr: Expr, box: tuple[tuple[Symbol, Interval], ...]) -> Sign:
    """The sign that a function of one number has between all of its zeros."""
    moving = [(symbol, interval) for symbol, interval in box if expr.has(symbol)]
    if len(moving) != 1 or not (moving[0][1].low.is_number and moving[0][1].high.is_number):
        return ""
    symbol, interval = moving[0]
    written = elementary(expr)
    if written.free_symbols != {symbol} or written.has(Indicator, where, sp.nan, sp.zoo):
        return ""
    found = pattern(written, symbol, interval.low, interval.high)
    if found is None or len(set(found.signs)) > 1:
        return ""
    if found.breaks:
        return "nonnegative" if found.signs[0] > 0 else "nonpositive"
    return "positive" if found.signs[0] > 0 else "negative"


def elementary(expr: Expr) -> Expr:
    """The expression in exponentials, logarithms and powers, functions of the catalogue written out."""
    expr = _opened(expr)
    hyperbolic = {node: node.rewrite(exp) for node in expr.atoms(cosh, sinh, tanh)}
    return expr.xreplace(hyperbolic) if hyperbolic else expr


def _opened(expr: Expr) -> Expr:
    """Smooth functions of the catalogue by their definitions."""
    while True:
        found = [node for node in expr.atoms(CatalogFunction) if not node.entry.define.has(where)]
        if not found:
            return expr
        expr = expr.xreplace({node: node.entry.expanded(*node.args) for node in found})


def _sign(expr: Expr, depth: int) -> Sign:
    known = _known(expr)
    if known or expr.has(Indicator, where, sp.nan, sp.zoo) or expr.count_ops() > MAX_OPERATIONS:
        return known
    shrunk = _without_exponentials(expr)
    whole = sp.factor(sp.together(shrunk))
    sign: Sign = "positive"
    for factor in Mul.make_args(whole):
        sign = _product(sign, _factor_sign(factor, depth))
    return sign


def _known(expr: Expr) -> Sign:
    """What SymPy's assumptions tell."""
    for sign in ("zero", "positive", "negative", "nonnegative", "nonpositive"):
        if getattr(expr, f"is_{sign}"):
            return sign  # type: ignore[return-value]
    return ""


def _product(a: Sign, b: Sign) -> Sign:
    """The sign of a product."""
    if not a or not b:
        return ""
    if "zero" in (a, b):
        return "zero"
    sign: Sign = "positive" if a == b == "positive" else "nonnegative"
    if {a, b} <= {"positive", "negative"}:
        return "positive" if a == b else "negative"
    flips = sum(item in ("negative", "nonpositive") for item in (a, b))
    return FLIPPED[sign] if flips == 1 else sign


def _factor_sign(factor: Expr, depth: int) -> Sign:
    known = _known(factor)
    if known:
        return known
    if isinstance(factor, Pow) and factor.exp.is_Integer and not factor.base.is_number:
        inner = _factor_sign(factor.base, depth)
        if factor.exp % 2 == 0:
            return "positive" if inner in ("positive", "negative") or factor.exp < 0 else "nonnegative"
        return inner
    if isinstance(factor, Add):
        return _termwise(factor) or _of_polynomial(factor) or (_by_slope(factor, depth) if depth else "")
    return _by_slope(factor, depth) if depth else ""


def _termwise(total: Expr) -> Sign:
    """The sign that all terms have."""
    signs = {_known(term) for term in Add.make_args(sp.expand(total))}
    if signs <= {"positive", "nonnegative", "zero"}:
        return "positive" if "positive" in signs else "nonnegative"
    if signs <= {"negative", "nonpositive", "zero"}:
        return "negative" if "negative" in signs else "nonpositive"
    return ""


def _of_polynomial(total: Expr) -> Sign:
    """The sign of a polynomial in one number by Sturm's theorem, or of a quadratic by its discriminant."""
    symbols = sorted(total.free_symbols, key=str)
    if not symbols or not total.is_polynomial(*symbols):
        return ""
    if len(symbols) > 1:
        return next((sign for symbol in symbols if (sign := _of_quadratic(total, symbol))), "")
    (symbol,) = symbols
    poly = Poly(total, symbol)
    if not all(number.is_Rational for number in poly.all_coeffs()):
        return ""
    low = S.Zero if symbol.is_positive else S.NegativeInfinity
    inside = poly.count_roots(low, S.Infinity) - (1 if low == 0 and poly(0) == 0 else 0)
    if inside:
        return ""
    return "positive" if poly(1) > 0 else "negative"


def _of_quadratic(total: Expr, symbol: Symbol) -> Sign:
    """``a x^2 + b x + c`` with ``a > 0`` and ``b^2 <= 4 a c``."""
    poly = Poly(total, symbol)
    if poly.degree() != 2:
        return ""
    a, b, c = poly.all_coeffs()
    leading, rest = _known(sp.factor(a)), _known(sp.factor(sp.expand(4 * a * c - b**2)))
    if leading not in ("positive", "negative") or rest not in ("positive", "nonnegative", "zero"):
        return ""
    sign: Sign = "positive" if rest == "positive" else "nonnegative"
    return sign if leading == "positive" else FLIPPED[sign]


def _without_exponentials(expr: Expr) -> Expr:
    """Powers of one ``exp(u/m)`` as powers of a symbol, where ``u`` stands nowhere else."""
    expr = sp.expand_power_exp(expr)
    found = [node for node in expr.atoms(exp) if node.args[0].free_symbols]
    symbols = {symbol for node in found for symbol in node.args[0].free_symbols}
    for symbol in symbols:
        mine = [node for node in found if node.args[0].free_symbols == {symbol}]
        rates = [sp.expand(node.args[0]).coeff(symbol, 1) for node in mine]
        exact = all(rate.is_Rational and sp.expand(node.args[0] - rate * symbol) == 0
                    for rate, node in zip(rates, mine, strict=True))  # fmt: skip
        if not mine or not exact:
            continue
        step = S.One / sp.ilcm(1, *(rate.q for rate in rates))
        power = Dummy("E", positive=True)
        base = 1 + power if symbol.is_positive else power
        swapped = expr.xreplace(
            {node: base ** int(rate / step) for node, rate in zip(mine, rates, strict=True)}
        )
        if not swapped.has(symbol):
            expr = swapped
    return expr


def _by_slope(expr: Expr, depth: int) -> Sign:
    """The sign of a monotone function of one number, by its limit where it is smallest or largest."""
    symbols = expr.free_symbols
    if len(symbols) != 1 or expr.count_ops() > MAX_OPERATIONS // 8:
        return ""
    (symbol,) = symbols
    if not _is_regular(expr):
        return ""
    slope = _sign(sp.simplify(sp.diff(expr, symbol)), depth - 1)
    if not slope:
        return ""
    first = S.Zero if symbol.is_positive else S.NegativeInfinity
    rising = slope in ("positive", "nonnegative", "zero")
    least, most = (_limit(expr, symbol, end) for end in ((first, S.Infinity) if rising else (S.Infinity, first)))
    strict = slope in ("positive", "negative")
    if least is not None and least.is_extended_nonnegative:
        return "positive" if strict or least.is_extended_positive else "nonnegative"
    if most is not None and most.is_extended_nonpositive:
        return "negative" if strict or most.is_extended_negative else "nonpositive"
    return ""


def _is_regular(expr: Expr) -> bool:
    """Whether an expression is seen to have no pole or edge of its domain."""
    powers = (node for node in expr.atoms(Pow) if not (node.exp.is_Integer and node.exp > 0))
    logs = (node.args[0] for node in expr.atoms(sp.log, sp.loggamma))
    positive = all(node.base.is_positive or _sign(node.base, 0) == "positive" for node in powers)
    smooth = (exp, sp.log, sp.erf, sp.erfc, sp.atan, sp.asinh, sp.loggamma, sp.sin, sp.cos)
    known = all(isinstance(node, smooth) for node in expr.atoms(sp.Function))
    return positive and known and all(_sign(arg, 0) == "positive" for arg in logs)


def _limit(expr: Expr, symbol: Symbol, end: Expr) -> Expr | None:
    try:
        found = sp.limit(expr, symbol, end, "+")
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, Expr) and not found.has(sp.AccumBounds, sp.nan, sp.Limit) else None
