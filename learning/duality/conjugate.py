"""Fenchel conjugates, derived: ``f*(u) = sup_x u x - f(x)``, case by case.

The slope of a convex function grows, so that every ``u`` belongs to one place: a smooth piece of ``f`` has it where
``f'(x) = u``, a kink for all ``u`` between its slopes, an end of the domain for all beyond the slope there.  What is
beyond the slope of an infinite end has no maximum: the conjugate is infinite there.
Sources: Boyd and Vandenberghe, Convex Optimization (2004), section 3.3; Rockafellar, Convex Analysis (1970).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp
from scipy.optimize import minimize_scalar
from sympy import Dummy, Expr, Symbol, exp

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.errors import NoClosedFormError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.program import Definition, Ref
from chainrule.derive.render.page import Shown
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.constants import terms_over
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS, Interval, elementary
from chainrule.learning.convexity.scalar import Piece, is_convex_in, pieces
from chainrule.learning.explanation import Explanation, Move, Part

X, U = Symbol("x", real=True), Symbol("u", real=True)
#: Degree of the polynomials that are inverted, and the size of a slope that is infinite in a check.
MAX_DEGREE, FAR = 3, 1e3

SOURCE = "Source: Boyd and Vandenberghe, Convex Optimization (2004), section 3.3."


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


# ---- functions of arrays ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Conjugate:
    """A conjugate function.

    Attributes:
        formula: the function.
        wrt: its variable.
        radial: whether it is a function of the norm, and so is the conjugate, instead of a sum over entries.
        scalar: the conjugate of one entry, or of the norm.
    """

    formula: Formula
    wrt: str
    radial: bool
    scalar: Scalar

    @property
    def cases(self) -> tuple[Case, ...]:
        """The values of the conjugate for one entry ``u``, or for the norm ``u``."""
        return self.scalar.cases

    def explanation(self) -> Explanation:
        """The derivation, case by case."""
        of = self.formula.program.by_name[self.wrt]
        what = f"the norm of {self.wrt}" if self.radial else f"each entry of {self.wrt}" if of.shape else self.wrt
        summed = "" if not of.shape else " u is the norm of its argument." if self.radial else " Entries are added up."
        intro = f"With x for {what}: f*(u) is the largest u*x - f(x) over all x.{summed}"
        goal = Move(_shown(self.scalar.body), (Shown("f(x)", "f(x)"),), ("The function.",))
        moves = (goal, *(_move(case, partial(self.scalar.miss, case)) for case in self.cases))
        title = f"Conjugate of {self.formula.matrix()}"
        last = (*self._outside(), SOURCE)
        return Explanation(Shown(title, rf"\text{{{title}}}"), (Part("Cases", moves, (intro,)),), last)

    def _outside(self) -> tuple[str, ...]:
        low, high = self.scalar.low, self.scalar.high
        if self.radial:
            return (f"It is infinite where the norm is larger than {high}.",) if high != sp.oo else ()
        if (low, high) == (-sp.oo, sp.oo):
            return ()
        ends = [f"below {low}"] if low != -sp.oo else []
        ends += [f"above {high}"] if high != sp.oo else []
        return (f"It is infinite for u {' and '.join(ends)}.",)

    def value(self, u: float, **given: float) -> float:
        """The conjugate at one number; infinite outside of its cases."""
        symbols = [symbol for symbol in self.scalar.body.free_symbols if str(symbol) in given]
        numbers = {symbol: sp.Float(given[str(symbol)]) for symbol in symbols}
        for case in self.cases:
            if case.low.subs(numbers) <= u <= case.high.subs(numbers):
                found = case.value.subs(numbers)
                inside = found.subs(U, sp.Float(u))
                inside = inside if inside.is_finite else sp.limit(found, U, sp.nsimplify(u), "+")
                return float(inside)
        return float("inf")


def conjugate(f: str | Formula, wrt: str | None = None) -> Conjugate:
    """The Fenchel conjugate of a convex sum over entries, or function of the norm, case by case.

    Raises:
        UnsupportedError: the formula is no such function, or not convex.
        NoClosedFormError: the slope of a piece has no inverse in closed form.

    Source: Boyd and Vandenberghe, Convex Optimization (2004), section 3.3.

    Example:
        >>> [(str(c.low), str(c.high), str(c.value)) for c in conjugate("x: real; exp(x)", "x").cases]
        [('0', 'oo', 'u*log(u) - u')]
        >>> [(str(c.low), str(c.high), str(c.value)) for c in conjugate("x: real; lam: positive; lam*|x|", "x").cases]
        [('-lam', 'lam', '0')]
    """
    f = as_formula(f)
    name = wrt or (f.inputs[0].name if len(f.inputs) == 1 else (f.wrt or ("",))[0])
    body, interval, radial = of_entry(f, name)
    found = scalar_conjugate(body, interval)
    return Conjugate(f, name, radial, of_norms(found) if radial else found)


def of_norms(found: Scalar) -> Scalar:
    """The conjugate of a function of the norm: only slopes that are not negative count."""
    first, *rest = [case for case in found.cases if not case.high.is_nonpositive]
    return replace(found, cases=(replace(first, low=-sp.oo), *rest))


def of_entry(f: Formula, name: str) -> tuple[Expr, Interval, bool]:
    """The function of one entry that is summed, or of the norm, with the interval of its argument.

    Raises:
        UnsupportedError: it is neither.
    """
    if name not in {item.name for item in f.inputs}:
        raise UnsupportedError(f"{name or 'nothing'} is no input of the formula", hint="say by which variable: --wrt x")
    calculus = Calculus(f.program, (name,))
    claim = calculus.definition(name)
    interval = REALS if claim is None else claim.interval
    body = terms_over(calculus, name, X) if f.program.by_name[name].shape else _scalar_body(f, name)
    if body is not None and _is_sum_of(f, name, body):
        return body, interval, False
    body = _of_norm(f, name, calculus)
    if body is None:
        raise UnsupportedError(f"{f.matrix()} is neither a sum over the entries of {name} nor a function of its norm")
    return body, NONNEGATIVE, True


def _is_sum_of(f: Formula, name: str, body: Expr) -> bool:
    """Whether a formula is the sum of a function over the entries, and no constant besides, at random points."""
    if not f.program.by_name[name].shape:
        return True
    (sizes, *_), rng = size_assignments(f.program), np.random.default_rng(0)
    values = sample(f.inputs, sizes, rng)
    numbers = {name: float(value) for name, value in values.items() if np.ndim(value) == 0}
    given = {s: sp.Float(numbers[str(s)]) for s in body.free_symbols - {X} if str(s) in numbers}
    sums = body.xreplace(given)
    if sums.free_symbols - {X}:
        return True
    total = sum(float(sp.N(sums.subs(X, sp.Float(float(x))))) for x in np.ravel(values[name]))
    return bool(abs(total - f.evaluate(**values)) <= 1e-6 * (1 + abs(total)))


def _scalar_body(f: Formula, name: str) -> Expr | None:
    """The body of a formula of single numbers."""
    output, calculus = f.program.output, Calculus(f.program, (name,))
    if not isinstance(output, Definition) or output.reduce:
        return None
    body, before = output.body, None
    while body != before:
        body, before = calculus.written_out(body), body
    refs = {ref: X if ref.name == name else symbol_of_ref(ref) for ref in body.atoms(Ref)}
    return None if any(f.program.by_name[ref.name].shape and ref.name == name for ref in refs) else body.xreplace(refs)


def symbol_of_ref(ref: Ref) -> Symbol:
    """What does not depend on the variable as a symbol that keeps its sign."""
    if ref.is_positive:
        return Symbol(str(ref), positive=True)
    return Symbol(str(ref), nonnegative=True) if ref.is_nonnegative else Symbol(str(ref), real=True)


def _of_norm(f: Formula, name: str, calculus: Calculus) -> Expr | None:
    """The function of the norm that a formula is."""
    output = f.program.output
    if not isinstance(output, Definition) or output.reduce:
        return None
    squares = [item for item in f.program.definitions if _is_square_norm(f, item, name)]
    body = calculus.written_out(output.body)
    moving = {ref for ref in body.atoms(Ref) if calculus.moves(ref)}
    if len(squares) != 1 or moving != {squares[0][()]}:
        return None
    positive = Symbol("x", positive=True)
    replaced = body.xreplace({squares[0][()]: positive**2}).xreplace({positive: X})
    return replaced.xreplace({ref: symbol_of_ref(ref) for ref in replaced.atoms(Ref)})


def _is_square_norm(f: Formula, item: Definition, name: str) -> bool:
    if item.reduce != "sum" or item.shape:
        return False
    return bool(item.body == f.program.by_name[name][item.bound_indices] ** 2)


def _move(case: Case, miss: partial[float]) -> Move:
    between = f"{case.low} <= u <= {case.high}".replace("-oo <= ", "").replace(" <= oo", "")
    words = "for every u. " if between == "u" else f"for {between}. "
    return Move(_shown(case.value), (Shown("f*(u)", "f^*(u)"),), (f"{words}{case.why}",), miss)


def _shown(expr: Expr) -> Shown:
    return Shown(str(expr), sp.latex(expr))
