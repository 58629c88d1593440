"""The signs that a function of one real number has from left to right, and where they change.

Between two zeros of its derivative a function is monotone: its values at the ends, or its limits there, tell the
signs in between.  Polynomials, also of ``exp(k x)``, have roots that are isolated exactly; what is left is
differentiated until such a polynomial remains.
Source: the mean value theorem; Basu, Pollack and Roy, Algorithms in Real Algebraic Geometry (2006), section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import sympy as sp
from sympy import Add, Dummy, Expr, Mul, Poly, Pow, Rational, S, Symbol, exp

from chainrule.learning.convexity.exact import is_certainly_positive

#: Derivatives that are taken, operations of what is looked at, halvings of an interval with a root.
MAX_DEPTH, MAX_OPERATIONS, HALVINGS = 3, 120, 60
#: Distance in which two roots count as apart, and up to which roots that are not known exactly are enclosed.
APART, WIDTH = Rational(1, 10**8), Rational(1, 10**10)


@dataclass(frozen=True)
class Break:
    """A number at which a sign may change: exact, or the middle of an interval that holds it."""

    place: Expr
    radius: Expr = S.Zero


@dataclass(frozen=True)
class Pattern:
    """Signs 1 and -1 on the intervals between breaks, from left to right."""

    signs: tuple[int, ...]
    breaks: tuple[Break, ...] = ()


def pattern(expr: Expr, symbol: Symbol, low: Expr, high: Expr, depth: int = MAX_DEPTH) -> Pattern | None:
    """The signs of a function on an open interval, ``None`` if they cannot be told.

    The function must have no parameter, and be smooth inside the interval.
    """
    if expr.free_symbols - {symbol} or expr.count_ops() > MAX_OPERATIONS:
        return None
    centre = _centre(expr, symbol)
    if centre:
        moved = pattern(expr.xreplace({symbol: symbol + centre}).doit(), symbol, low - centre, high - centre, depth)
        places = () if moved is None else moved.breaks
        shifted = tuple(Break(item.place + centre, item.radius) for item in places)
        return None if moved is None else Pattern(moved.signs, shifted)
    whole = sp.factor(sp.together(expr))
    found = _of_product(whole, symbol, low, high, depth)
    if found is None and depth and isinstance(expr, Add) and whole.is_Mul and _is_smooth(expr, symbol):
        return _by_slope(expr, symbol, low, high, depth)
    return found


def _centre(expr: Expr, symbol: Symbol) -> Expr:
    """The number at which all exponents of exponentials are zero, if it is another than 0."""
    exponents = [sp.expand(node.args[0]) for node in expr.atoms(exp) if node.has(symbol)]
    slopes = [exponent.coeff(symbol, 1) for exponent in exponents]
    found = {
        -(exponent - slope * symbol) / slope if slope.is_Rational and slope else S.Zero
        for exponent, slope in zip(exponents, slopes, strict=True)
    }
    centre = next(iter(found)) if len(found) == 1 else S.Zero
    return centre if centre.is_Rational else S.Zero


def _of_product(whole: Expr, symbol: Symbol, low: Expr, high: Expr, depth: int) -> Pattern | None:
    found = Pattern((1,))
    for factor in Mul.make_args(whole):
        other = _of_factor(factor, symbol, low, high, depth)
        joined = None if other is None else _times(found, other)
        if joined is None:
            return None
        found = joined
    return found


def _of_factor(factor: Expr, symbol: Symbol, low: Expr, high: Expr, depth: int) -> Pattern | None:
    if not factor.has(symbol):
        sign = _sign_of(factor)
        return None if not sign else Pattern((sign,))
    if isinstance(factor, exp):
        return Pattern((1,))
    if isinstance(factor, Pow) and factor.exp.is_Rational:
        inner = pattern(factor.base, symbol, low, high, depth)
        if inner is None or not factor.exp.is_Integer:
            return inner if inner is not None and set(inner.signs) == {1} else None
        return Pattern(tuple(sign ** int(abs(factor.exp)) for sign in inner.signs), inner.breaks)
    roots = _polynomial_roots(factor, symbol, low, high)
    if roots is not None:
        return _between(factor, symbol, low, high, roots)
    return _by_slope(factor, symbol, low, high, depth) if depth and _is_smooth(factor, symbol) else None


def _is_smooth(expr: Expr, symbol: Symbol) -> bool:
    """Whether an expression is seen to be smooth where it is real."""
    powers = (node for node in expr.atoms(Pow) if node.base.has(symbol))
    known = (exp, sp.log, sp.sin, sp.cos, sp.tanh, sp.erf, sp.erfc, sp.atan, sp.asinh, sp.cosh, sp.sinh, sp.loggamma)
    functions = all(isinstance(node, known) for node in expr.atoms(sp.Function))
    return functions and all(
        (node.exp.is_Integer and node.exp > 0) or node.base.is_positive or _is_sum_of_even(node.base, symbol)
        for node in powers
    )


def _is_sum_of_even(base: Expr, symbol: Symbol) -> bool:
    return bool(base.subs(symbol, Dummy(real=True)).is_positive)


# ---- roots of polynomials -------------------------------------------------------------------------------------


def _polynomial_roots(factor: Expr, symbol: Symbol, low: Expr, high: Expr) -> list[Break] | None:
    """The roots inside an interval of a polynomial, or of one in ``exp(k x)`` or in ``log(x)``."""
    if factor.is_polynomial(symbol):
        return _inside(_roots(factor, symbol), low, high)
    for function, inverse in ((exp, sp.log), (sp.log, exp)):
        rates = [sp.expand(node.args[0]) / symbol for node in factor.atoms(function)]
        if not rates or not all(rate.is_Rational for rate in rates) or (function is sp.log and set(rates) != {S.One}):
            continue
        step = S.One / sp.ilcm(1, *(rate.q for rate in rates))
        inner = Dummy("E", positive=True) if function is exp else Dummy("E", real=True)
        nodes = {node: inner ** (sp.expand(node.args[0]) / symbol / step) for node in factor.atoms(function)}
        swapped = sp.numer(sp.together(factor.xreplace(nodes)))
        if not swapped.has(symbol) and swapped.is_polynomial(inner):
            roots = _roots(swapped, inner)
            if roots is None or any(root.radius for root in roots):
                return None
            kept = [root.place for root in roots if function is sp.log or root.place > 0]
            return _inside([Break(inverse(place) / step) for place in kept], low, high)
    return None


def _roots(polynomial: Expr, symbol: Symbol) -> list[Break] | None:
    """The real roots, rational ones and those of quadratics exactly, others in small intervals."""
    try:
        poly = Poly(polynomial, symbol)
    except sp.PolynomialError:
        return None
    if not all(number.is_Rational for number in poly.all_coeffs()):
        return None
    found: list[Break] = []
    for factor, _ in poly.factor_list()[1]:
        if factor.degree() <= 2:
            found += [Break(root) for root in sp.roots(factor, filter="R")]
        else:
            isolated = (ends for ends, _ in factor.intervals(eps=WIDTH))
            found += [Break((a + b) / 2, (b - a) / 2) for a, b in isolated]
    return found


def _inside(roots: list[Break] | None, low: Expr, high: Expr) -> list[Break] | None:
    if roots is None:
        return None
    return sorted((root for root in roots if low < root.place < high), key=lambda root: float(root.place))


# ---- signs between ------------------------------------------------------------------------------------------


def _between(expr: Expr, symbol: Symbol, low: Expr, high: Expr, breaks: Sequence[Break]) -> Pattern | None:
    """The signs of an expression that vanishes at the breaks alone."""
    ends = [low, *(item.place for item in breaks), high]
    signs = tuple(_sign_of(expr.subs(symbol, _middle(a, b))) for a, b in pairwise(ends))
    return Pattern(signs, tuple(breaks)) if all(signs) else None


def _middle(low: Expr, high: Expr) -> Expr:
    """A rational number between two ends."""
    if low == -sp.oo and high == sp.oo:
        return S.Zero
    if low == -sp.oo or high == sp.oo:
        return sp.floor(high) - 1 if low == -sp.oo else sp.ceiling(low) + 1
    return Rational(sp.N((low + high) / 2, 20))


def _sign_of(value: Expr) -> int:
    """The sign of a number, certainly; 0 if it is zero or cannot be told."""
    if value.is_Rational:
        return int(sp.sign(value))
    return 1 if is_certainly_positive(value) else -1 if is_certainly_positive(-value) else 0


def _by_slope(expr: Expr, symbol: Symbol, low: Expr, high: Expr, depth: int) -> Pattern | None:
    """The signs of a function between the places where its slope changes its sign."""
    slope = pattern(sp.diff(expr, symbol), symbol, low, high, depth - 1)
    if slope is None:
        return None
    ends = [low, *(item.place for item in slope.breaks), high]
    inner = [_height(expr, symbol, item.place, False) if not item.radius else _near(expr, symbol, item)
             for item in slope.breaks]  # fmt: skip
    heights = [_height(expr, symbol, low, True), *inner, _height(expr, symbol, high, False)]
    signs: list[int] = []
    breaks: list[Break] = []
    for (a, b), (first, last) in zip(pairwise(ends), pairwise(heights), strict=True):
        if first is None or last is None or first == last == 0:
            return None
        if breaks or signs:
            breaks.append(Break(a))
        signs.append(first or last)
        if first * last < 0:
            root = _root(expr, symbol, a, b, first)
            if root is None:
                return None
            breaks.append(root)
            signs.append(last)
    return _merged(signs, breaks, expr, symbol)


def _merged(signs: list[int], breaks: list[Break], expr: Expr, symbol: Symbol) -> Pattern:
    """Runs of one sign as one, unless the function touches zero between them."""
    kept_signs, kept = signs[:1], list[Break]()
    for place, sign in zip(breaks, signs[1:], strict=True):
        touches = not place.radius and sp.simplify(expr.subs(symbol, place.place)) == 0
        if sign != kept_signs[-1] or touches:
            kept_signs.append(sign)
            kept.append(place)
    return Pattern(tuple(kept_signs), tuple(kept))


def _height(expr: Expr, symbol: Symbol, place: Expr, first: bool) -> int | None:
    """The sign of a value or of a limit; ``None`` if it cannot be told."""
    if place in (sp.oo, -sp.oo) or not (value := expr.subs(symbol, place)).is_finite:
        try:
            value = sp.limit(expr, symbol, place, "+" if first else "-")
        except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError):
            return None
        if value in (sp.oo, -sp.oo):
            return 1 if value == sp.oo else -1
        if not isinstance(value, Expr) or not value.is_number or value.has(sp.nan, sp.zoo, sp.AccumBounds, sp.Limit):
            return None
    return _sign_of(value) or (0 if sp.simplify(value) == 0 else None)


def _near(expr: Expr, symbol: Symbol, item: Break) -> int | None:
    """The sign that an expression has everywhere near a number; ``None`` if it cannot be told."""
    near = {symbol: (item.place - item.radius, item.place + item.radius)}
    positive, negative = (is_certainly_positive(sign * expr, near) for sign in (1, -1))
    return 1 if positive else -1 if negative else None


def _root(expr: Expr, symbol: Symbol, low: Expr, high: Expr, first: int) -> Break | None:
    """The root of a function between two ends at which its signs differ, in a small interval."""
    low, high = _bracket(expr, symbol, low, high, first) or (S.Zero, S.Zero)
    if low == high:
        return None
    for _ in range(HALVINGS):
        if high - low < WIDTH:
            break
        middle = (low + high) / 2
        sign = _sign_of(expr.subs(symbol, middle))
        if not sign:
            return Break(middle) if sp.simplify(expr.subs(symbol, middle)) == 0 else None
        low, high = (middle, high) if sign == first else (low, middle)
    return Break((low + high) / 2, (high - low) / 2)


def _bracket(expr: Expr, symbol: Symbol, low: Expr, high: Expr, first: int) -> tuple[Expr, Expr] | None:
    """Rational numbers between two ends at which a function has the signs that it has at the ends."""
    a = _approach(expr, symbol, low, high, first)
    b = _approach(expr, symbol, high, low, -first)
    return None if a is None or b is None else (a, b)


def _approach(expr: Expr, symbol: Symbol, end: Expr, other: Expr, sign: int) -> Expr | None:
    """A rational number near an end, with the sign that the function has there."""
    start = _middle(min(end, other), max(end, other))
    for n in range(HALVINGS):
        far = Rational(1, 2**n)
        if end in (sp.oo, -sp.oo):
            place = start + (2**n - 1) * (1 if end == sp.oo else -1)
        else:
            place = Rational(sp.N(end + (start - end) * far, 30))
        if _sign_of(expr.subs(symbol, place)) == sign:
            return place
    return None


# ---- products -----------------------------------------------------------------------------------------------


def _times(a: Pattern, b: Pattern) -> Pattern | None:
    """The signs of a product."""
    places = _in_order([*a.breaks, *b.breaks])
    if places is None:
        return None
    signs = [a.signs[0] * b.signs[0]]
    for place in places:
        left, right = (_after(item, place) for item in (a, b))
        signs.append(left * right)
    return Pattern(tuple(signs), tuple(places))


def _after(item: Pattern, place: Break) -> int:
    """The sign to the right of a break of either factor."""
    passed = sum(bool(other.place - place.place < APART) for other in item.breaks)
    return item.signs[passed]


def _in_order(places: list[Break]) -> list[Break] | None:
    """Breaks from left to right, equal ones once; ``None`` if two cannot be told apart."""
    places = sorted(places, key=lambda item: float(item.place))
    kept: list[Break] = []
    for place in places:
        if kept and sp.N(place.place - kept[-1].place, 20) < APART + place.radius + kept[-1].radius:
            if place.radius or kept[-1].radius or sp.simplify(place.place - kept[-1].place) != 0:
                return None
            continue
        kept.append(place)
    return kept

