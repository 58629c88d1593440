"""Fenchel conjugates, derived: ``f*(u) = sup_x u x - f(x)``, case by case.

The slope of a convex function grows, so that every ``u`` belongs to one place: a smooth piece of ``f`` has it where
``f'(x) = u``, a kink for all ``u`` between its slopes, an end of the domain for all beyond the slope there.  What is
beyond the slope of an infinite end has no maximum: the conjugate is infinite there.
Sources: Boyd and Vandenberghe, Convex Optimization (2004), section 3.3; Rockafellar, Convex Analysis (1970).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy as sp
from scipy.optimize import minimize_scalar
from sympy import Dummy, Expr, Symbol, exp

from chainrule.derive.errors import NoClosedFormError, UnsupportedError
from chainrule.learning.convexity.intervals import REALS, Interval, elementary
from chainrule.learning.convexity.scalar import Piece, is_convex_in, pieces

X, U = Symbol("x", real=True), Symbol("u", real=True)
#: Degree of the polynomials that are inverted, and the size of a slope that is infinite in a check.
MAX_DEGREE, FAR = 3, 1e3


@dataclass(frozen=True)
class Case:
    """``f*(u) = value`` between two bounds, attained at ``place``."""

    low: Expr
    high: Expr
    value: Expr
    place: Expr
    why: str


@dataclass(frozen=True)
class Scalar:
    """The conjugate of a function of one number: infinite outside of its cases."""

    body: Expr
    interval: Interval
    cases: tuple[Case, ...]

    @property
    def low(self) -> Expr:
        """Where the conjugate begins to be finite."""
        return self.cases[0].low

    @property
    def high(self) -> Expr:
        """Where it ends."""
        return self.cases[-1].high

    def miss(self, case: Case) -> float:
        """The difference of one case from a maximum found by SciPy, at one point."""
        symbols = self.body.free_symbols | case.value.free_symbols
        given = {symbol: sp.Rational(3, 5) for symbol in symbols - {X, U}}
        low, high = (float(end.subs(given)) for end in (case.low, case.high))
        u = low + 1.3 if np.isfinite(low) else high - 1.3 if np.isfinite(high) else 0.7
        u = low + 0.4 * (high - low) if np.isfinite([low, high]).all() else u
        wanted = float(sp.re(sp.N(case.value.subs({**given, U: sp.Float(u, 30)}))))
        found = _largest(self.body.subs(given), self.interval, u)
        gap = abs(found - wanted) / (1 + abs(wanted))
        return 0.0 if gap < 1e-7 else gap


def _largest(body: Expr, interval: Interval, u: float) -> float:
    """The largest ``u x - f(x)``, by a grid and a bounded search."""
    low, high = (float(end) if end.is_finite else (-40.0 if end < 0 else 40.0) for end in (interval.low, interval.high))
    low, high = (low + 1e-12, high - 1e-12)

    def below(x: float) -> float:
        value = sp.N(body.subs(X, sp.Float(x, 20)))
        return float(value) - u * x if value.is_real else np.inf

    grid = np.linspace(low, high, 161)
    best = int(np.argmin([below(x) for x in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)])
    found = minimize_scalar(below, bounds=bounds, method="bounded", options={"xatol": 1e-11})
    return -min(float(found.fun), below(low), below(high), below(grid[best]))


def scalar_conjugate(body: Expr, interval: Interval = REALS) -> Scalar:
    """The conjugate of a convex function of ``X``.

    Raises:
        UnsupportedError: the function is not seen to be convex.
        NoClosedFormError: the slope of a piece has no inverse in closed form.
    """
    found = pieces(body, X, interval)
    if found is None or not is_convex_in(body, X, interval):
        text = str(body).replace("[k0]", "")
        raise UnsupportedError(f"{text} is not seen to be convex, so no conjugate is derived")
    slopes = [sp.diff(elementary(piece.body), X) for piece in found]
    cases = list(_first_end(found[0], slopes[0]))
    for n, (piece, slope) in enumerate(zip(found, slopes, strict=True)):
        if n:
            cases += _kink(piece, slopes[n - 1], slope)
        if slope.has(X):
            cases += _smooth(piece, slope)
        elif len(found) == 1 and interval == REALS:
            cases.append(Case(slope, slope, -sp.simplify(piece.body - slope * X), sp.S.Zero, "Every x, for a line."))
    cases += _last_end(found[-1], slopes[-1])
    return Scalar(body, interval, tuple(_merged(cases)))


def _limit(expr: Expr, place: Expr, side: str) -> Expr:
    try:
        found = sp.limit(expr, X, place, side) if expr.has(X) else expr
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise NoClosedFormError("no closed form by this method", found=f"the limit of {expr} at {place}") from error
    return sp.simplify(found)


def _kink(piece: Piece, before: Expr, after: Expr) -> list[Case]:
    """All slopes between those on both sides of a place."""
    place = piece.interval.low
    low, high = (sp.simplify(slope.subs(X, place)) for slope in (before, after))
    if sp.simplify(high - low) == 0:
        return []
    return [Case(low, high, _height(piece, place), place, f"At the kink x = {place}.")]


def _height(piece: Piece, place: Expr) -> Expr:
    return sp.expand(U * place - _limit(elementary(piece.body), place, "+" if place == piece.interval.low else "-"))


def _first_end(piece: Piece, slope: Expr) -> list[Case]:
    """All slopes below the one at a finite lower end of the domain."""
    low = piece.interval.low
    if low == -sp.oo:
        return []
    value, end = _height(piece, low), _limit(elementary(slope), low, "+")
    if value.has(sp.oo, -sp.oo) or end == -sp.oo:
        return []
    return [Case(-sp.oo, end, value, low, f"At the end x = {low} of the domain.")]


def _last_end(piece: Piece, slope: Expr) -> list[Case]:
    high = piece.interval.high
    if high == sp.oo:
        return []
    value, end = _height(piece, high), _limit(elementary(slope), high, "-")
    if value.has(sp.oo, -sp.oo) or end == sp.oo:
        return []
    return [Case(end, sp.oo, value, high, f"At the end x = {high} of the domain.")]


def _smooth(piece: Piece, slope: Expr) -> list[Case]:
    """All slopes of a piece: ``f'(x) = u`` solved for x, below and above 0 on its own where roots stand."""
    low, high = _limit(slope, piece.interval.low, "+"), _limit(slope, piece.interval.high, "-")
    if (low, high) == (-sp.oo, sp.oo) and slope.is_polynomial(X) and sp.degree(slope, X) > 1:
        flat = [root for root in _roots(slope, X) if root.is_real]
        if len(flat) == 1:
            halves = (Interval(piece.interval.low, flat[0]), Interval(flat[0], piece.interval.high))
            return [case for half in halves for case in _smooth(Piece(half, piece.body), slope)]
    place, back = _placed(low, high)
    root = _inverse(slope, piece, place)
    value = sp.simplify(sp.expand(place * root - elementary(piece.body).subs(X, root)))
    shown = sp.simplify(_expanded(root).xreplace(back))
    return [Case(low, high, _tidy(_expanded(value).xreplace(back)), shown, f"Where f'(x) = u: x = {shown}.")]


def _placed(low: Expr, high: Expr) -> tuple[Expr, dict[Expr, Expr]]:
    """A number between two bounds by positive distances from them, and what the distances are."""
    above, below = Dummy("a", positive=True), Dummy("b", positive=True)
    if low.is_finite and high.is_finite:
        return (low * below + high * above) / (above + below), {above: U - low, below: high - U}
    if low.is_finite:
        return low + above, {above: U - low}
    return (high - below, {below: high - U}) if high.is_finite else (U, {})


def _expanded(value: Expr) -> Expr:
    """Logarithms and powers of products as sums and products of those of their factors."""
    return sp.expand_power_base(sp.expand_log(value, force=True), force=True)


def _tidy(value: Expr) -> Expr:
    """A value with what stands in front of each logarithm collected."""
    if value.has(sp.log):
        flat = sp.expand(value)
        logs = sorted(flat.atoms(sp.log), key=str)
        return sp.collect(flat, logs, sp.factor)
    found = sp.simplify(value)
    return sp.factor(found) if found.is_polynomial(U) and not found.is_Add else found


def _inverse(slope: Expr, piece: Piece, u: Expr) -> Expr:
    """The x of a piece at which the slope is a number."""
    free = Dummy("x", real=True)
    equation = slope.subs(X, free) - u
    logarithm = sp.logcombine(slope.subs(X, free), force=True)
    if equation.has(exp):
        power = Dummy("p", positive=True)
        swapped = sp.powsimp(sp.expand(equation.subs(free, sp.log(power))), force=True)
        roots = [sp.log(sp.simplify(root)) for root in _roots(swapped, power)]
    elif isinstance(logarithm, sp.log):
        roots = _roots(logarithm.args[0] - exp(u), free)
    elif equation.has(sp.log):
        inner = Dummy("v", real=True)
        roots = [exp(root) for root in _roots(sp.expand_log(equation.subs(free, exp(inner)), force=True), inner)]
    else:
        roots = _roots(equation, free)
    inside = [sp.simplify(root) for root in roots if len(roots) == 1 or _lies_in(root, slope, piece, u)]
    if len(inside) != 1:
        raise NoClosedFormError("no closed form by this method", expected="a slope that has an inverse",
                                found=f"f'(x) = {slope}")  # fmt: skip
    return inside[0]


def _roots(equation: Expr, unknown: Expr) -> list[Expr]:
    """The roots of a rational function, or of one power of the unknown, or of a root of it."""
    top = sp.together(equation).as_numer_denom()[0]
    if top.is_polynomial(unknown) and sp.degree(top, unknown) <= MAX_DEGREE:
        factors = sp.factor_list(top, unknown)[1]
        return list(dict.fromkeys(root for factor, _ in factors for root in _factor_roots(factor, unknown)))
    powers = (node for node in equation.atoms(sp.Pow) if node.has(unknown))
    radicals = [node for node in powers if node.exp.is_Rational and not node.exp.is_Integer]
    if not radicals:
        return []
    try:
        return list(sp.solve(equation, unknown))
    except (NotImplementedError, ValueError):
        return []


def _factor_roots(factor: Expr, unknown: Expr) -> list[Expr]:
    """The roots of a polynomial; those of ``c x^n = r`` as real numbers."""
    poly = sp.Poly(factor, unknown)
    degree, rest = poly.degree(), poly.nth(0)
    if degree > 2 and sp.expand(factor - poly.LC() * unknown**degree - rest) == 0:
        power = sp.simplify(-rest / poly.LC())
        if power.is_positive:
            return [power ** sp.Rational(1, degree)] + ([-(power ** sp.Rational(1, degree))] if degree % 2 == 0 else [])
        return [-((-power) ** sp.Rational(1, degree))] if power.is_negative and degree % 2 else []
    return list(sp.roots(factor, unknown))


def _lies_in(root: Expr, slope: Expr, piece: Piece, u: Expr) -> bool:
    """Whether a root is the one in the piece, seen at a number inside it."""
    distances = sorted((symbol for symbol in u.free_symbols if isinstance(symbol, Dummy)), key=str)
    given: dict[Expr, Expr] = dict.fromkeys((root.free_symbols | slope.free_symbols) - {U, X, *distances}, sp.S.One)
    given |= {symbol: sp.Rational(2, 5) if n else sp.Rational(3, 10) for n, symbol in enumerate(distances)}
    # A slope that is any number is tried on the side of the piece.
    side = -1 if piece.interval.high.is_finite and piece.interval.low == -sp.oo else 1
    given[U] = sp.Rational(7, 10) * side
    place = sp.N(root.subs(given))
    if not place.is_real:
        return False
    low, high = (sp.N(end.subs(given)) for end in (piece.interval.low, piece.interval.high))
    gap = sp.N(slope.subs(given).subs(X, place) - u.subs(given))
    return bool(low <= place <= high and abs(gap) < sp.Rational(1, 10**9))


def _merged(cases: Sequence[Case]) -> list[Case]:
    """Neighbouring cases with one value as one."""
    kept = list(cases[:1])
    for case in cases[1:]:
        if sp.simplify(case.value - kept[-1].value) == 0:
            kept[-1] = replace(kept[-1], high=case.high, why=f"{kept[-1].why} {case.why}")
        else:
            kept.append(case)
    return kept
