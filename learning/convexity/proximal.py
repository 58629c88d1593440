"""Proximal operators, derived: the minimiser of ``g(x) + (x - v)^2 / (2 t)``, case by case.

The optimality condition ``0 in dg(x) + (x - v)/t`` says that ``v`` lies in ``x + t dg(x)``, which grows with ``x``:
a smooth piece of ``g`` gives an equation on an interval of ``v``, a kink gives an interval of ``v`` on which ``x``
stays there.
Source: Parikh and Boyd, Proximal Algorithms (2014), sections 2.3 and 6.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import sympy as sp
from sympy import Dummy, Expr, Symbol

from chainrule.derive.errors import NoClosedFormError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.program import Definition, Ref
from chainrule.derive.render.page import Shown
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.constants import terms_over
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS, Interval
from chainrule.learning.convexity.scalar import Piece, pieces
from chainrule.learning.explanation import Explanation, Move, Part

V, T, X = Symbol("v", real=True), Symbol("t", positive=True), Symbol("x", real=True)


@dataclass(frozen=True)
class Case:
    """``x = value`` where ``v`` lies between two bounds; at a kink, ``slopes`` is the subdifferential there."""

    low: Expr
    high: Expr
    value: Expr
    condition: Expr
    slopes: tuple[Expr, Expr] | None = None


@dataclass(frozen=True)
class Proximal:
    """A proximal operator.

    Attributes:
        formula: the penalty.
        wrt: its variable.
        radial: whether it acts on the norm of ``v`` and keeps its direction, instead of entry by entry.
        body: the penalty of one entry ``x``, or of the norm ``x``.
        cases: its values for one entry ``v``, or for the norm ``v``.
    """

    formula: Formula
    wrt: str
    radial: bool
    body: Expr
    cases: tuple[Case, ...]

    def explanation(self) -> Explanation:
        """The derivation from the optimality condition."""
        what = "norm" if self.radial else "entry"
        where = f"the {what} of {self.wrt}" if self.radial else f"each {what} of {self.wrt}"
        intro = f"With x for {where} and v for that of the point: x minimises g(x) + (x - v)**2/(2*t), which is"
        intro += " convex, so that 0 lies in the subdifferential of g at x plus (x - v)/t."
        goal = Move(_shown(self.body), (Shown("g(x)", "g(x)"),), ("The penalty.",))
        moves = (goal, *(_move(case, partial(self.miss, case)) for case in self.cases))
        last: tuple[str, ...] = ("Source: Parikh and Boyd, Proximal Algorithms (2014), sections 2.3 and 6.5.",)
        last = (*last, "The operator is prox(norm(v))/norm(v) * v: the direction of v stays.") if self.radial else last
        title = f"Proximal operator of {self.formula.matrix()}"
        return Explanation(Shown(title, rf"\text{{{title}}}"), (Part("Cases", moves, (intro,)),), last)

    def miss(self, case: Case) -> float:
        """How far a case is from optimal: the gap of ``0`` to the subdifferential plus ``(x - v)/t``, at one point."""
        numbers = {symbol: sp.Rational(2, 5) for symbol in self.body.free_symbols - {X}} | {T: sp.Rational(3, 4)}
        low, high = (end.subs(numbers) for end in (case.low, case.high))
        v = low + 1 if high == sp.oo else high - 1 if low == -sp.oo else (low + high) / 2
        v = sp.Rational(1, 3) if not v.is_finite else v
        x = case.value.subs({**numbers, V: v})
        if case.slopes is None:
            slope = sp.diff(pieces_at(self.body.subs(numbers), x), X).subs(X, x)
            return float(abs(sp.N(slope + (x - v) / numbers[T])))
        wanted = (v - x) / numbers[T]
        ends = [end.subs(numbers) for end in case.slopes]
        return float(max(ends[0] - wanted, wanted - ends[1], 0))

    def value(self, v: float, t: float, **given: float) -> float:
        """The operator at one number."""
        numbers = {symbol: sp.Float(given[str(symbol)]) for symbol in self.body.free_symbols if str(symbol) in given}
        place = {V: sp.Float(v), T: sp.Float(t), **numbers}
        for case in self.cases:
            if case.low.subs(place) <= v <= case.high.subs(place):
                return float(case.value.subs(place))
        raise UnsupportedError("the numbers given do not belong to the domains")


def prox(f: str | Formula, wrt: str) -> Proximal:
    """The proximal operator of a convex penalty that is a sum over entries, or a function of the norm.

    Raises:
        UnsupportedError: the penalty is no such sum, or not convex.
        NoClosedFormError: an equation of a piece has no closed form.

    Example:
        >>> p = prox("x: real[n]; lam: positive; lam*sum(|x|)", "x")
        >>> [str(case.value) for case in p.cases]
        ['lam*t + v', '0', '-lam*t + v']
    """
    f = as_formula(f)
    body, interval, radial = _penalty(f, wrt)
    claim = Calculus(f.program, (wrt,)).definition(f.output.name)
    if claim is None or not claim.is_("convex"):
        raise UnsupportedError(f"{f.matrix()} is not seen to be convex, so no proximal operator is derived")
    found = pieces(body, X, interval)
    assert found is not None
    return Proximal(f, wrt, radial, body, tuple(_cases(found, radial)))


def _penalty(f: Formula, wrt: str) -> tuple[Expr, Interval, bool]:
    """The penalty of one entry, or of the norm."""
    calculus = Calculus(f.program, (wrt,))
    body = terms_over(calculus, wrt, X)
    if body is not None:
        claim = calculus.definition(wrt)
        return body, REALS if claim is None else claim.interval, False
    output = f.program.output
    whole = calculus.composition(output.body) if isinstance(output, Definition) and not output.reduce else None
    scalar = None if whole is None else whole.scalar
    if whole is None or scalar is None or len(whole.parts) != 1 or not _is_norm(f, wrt, scalar.arguments[0]):
        raise UnsupportedError(f"{f.matrix()} is neither a sum over the entries of {wrt} nor a function of its norm")
    symbol, _ = scalar.box[0]
    place = X if whole.parts[0].rule == "norm" else X**2
    return scalar.body.xreplace({symbol: place}), NONNEGATIVE, True


def _is_norm(f: Formula, wrt: str, leaf: Expr) -> bool:
    """Whether a part is the sum of the squares of the variable's entries."""
    item = f.program.by_name[leaf.name] if isinstance(leaf, Ref) else None
    if not isinstance(item, Definition) or item.reduce != "sum" or item.shape:
        return False
    return bool(item.body == f.program.by_name[wrt][item.bound_indices] ** 2)


def pieces_at(body: Expr, place: Expr) -> Expr:
    """The smooth piece of a function at a number."""
    found = pieces(body, X, REALS) or ()
    return next(piece.body for piece in found if piece.interval.low <= place <= piece.interval.high)


def _cases(found: Sequence[Piece], radial: bool) -> list[Case]:
    cases = []
    for n, piece in enumerate(found):
        slope = sp.diff(piece.body, X)
        ends = [_threshold(slope, end) for end in (piece.interval.low, piece.interval.high)]
        low, high = piece.interval.low, piece.interval.high
        if n == 0 and low != -sp.oo and ends[0] not in (low if radial else -sp.oo, -sp.oo):
            lowest = sp.S.Zero if radial else -sp.oo
            cases.append(Case(lowest, ends[0], low, sp.S.Zero, (-sp.oo, sp.cancel((ends[0] - low) / T))))
        cases.append(Case(ends[0], ends[1], _solved(slope, piece), sp.Eq(slope + (X - V) / T, 0)))
        if n == len(found) - 1 and high != sp.oo and ends[1] != sp.oo:
            cases.append(Case(ends[1], sp.oo, high, sp.S.Zero, (sp.cancel((ends[1] - high) / T), sp.oo)))
    for left, right in itertools.pairwise(found):
        place = right.interval.low
        slopes = tuple(sp.diff(piece.body, X).subs(X, place) for piece in (left, right))
        if sp.simplify(slopes[1] - slopes[0]) != 0:
            low, high = (sp.expand(place + T * slope) for slope in slopes)
            after = next(n for n, case in enumerate(cases) if case.high == low)
            cases.insert(after + 1, Case(low, high, place, sp.S.Zero, (slopes[0], slopes[1])))
    return _merged(cases)


def _merged(cases: Sequence[Case]) -> list[Case]:
    """Neighbouring cases with one value as one."""
    kept = list(cases[:1])
    for case in cases[1:]:
        if case.value == kept[-1].value:
            kept[-1] = replace(kept[-1], high=case.high)
        else:
            kept.append(case)
    return kept


def _threshold(slope: Expr, end: Expr) -> Expr:
    """The ``v`` at which ``x`` reaches an end of a piece."""
    if end in (sp.oo, -sp.oo):
        return end
    return sp.expand(end + T * sp.limit(slope, X, end, "+") if slope.has(X) else end + T * slope)


def _solved(slope: Expr, piece: Piece) -> Expr:
    """The solution of the optimality condition on a piece."""
    free = Dummy("x", real=True)
    try:
        roots = sp.solve(sp.together(slope.subs(X, free) + (free - V) / T), free)
    except NotImplementedError:
        roots = []
    inside = [root for root in roots if len(roots) == 1 or _lies_in(root, slope, piece)]
    if len(inside) != 1:
        raise NoClosedFormError("no closed form by this method", expected="a piece whose optimality condition has one",
                                found=f"{slope} + (x - v)/t = 0")  # fmt: skip
    return sp.simplify(inside[0])


def _lies_in(root: Expr, slope: Expr, piece: Piece) -> bool:
    """Whether a root is the one in the piece, seen at a number inside it."""
    low, high = piece.interval.low, piece.interval.high
    place = low + 1 if high == sp.oo else high - 1 if low == -sp.oo else (low + high) / 2
    ones = dict.fromkeys((root.free_symbols | sp.sympify(place).free_symbols) - {V}, sp.S.One)
    v = (place + T * slope.subs(X, place)).subs(ones)
    return bool(abs(sp.N(root.subs({**ones, V: v}) - place.subs(ones))) < sp.Rational(1, 10**9))


def _move(case: Case, miss: Callable[[], float]) -> Move:
    right, left = _shown(case.value), (Shown("x", "x"),)
    between = f"{case.low} <= v <= {case.high}".replace("-oo <= ", "").replace(" <= oo", "")
    between = "every v" if between == "v" else between
    if case.slopes is not None:
        reason = f"for {between}: (v - x)/t lies in the subdifferential [{case.slopes[0]}, {case.slopes[1]}] there."
        return Move(right, left, (reason.replace("[-oo, ", "(-oo, ").replace(", oo]", ", oo)"),), miss)
    return Move(right, left, (f"for {between}: ", _shown(case.condition), "."), miss)


def _shown(expr: Expr) -> Shown:
    if isinstance(expr, sp.Eq):
        return Shown(f"{expr.lhs} = {expr.rhs}", sp.latex(expr))
    return Shown(str(expr), sp.latex(expr))


#: Penalties whose operators the topic derives.
PENALTIES = (
    "x: real[n]; lam: positive; lam*sum(|x|)",
    "x: real[n]; lam: positive; a: unit; lam*(a*sum(|x|) + (1 - a)/2*sum(x^2))",
    "x: real[n]; lam: positive; lam*norm(x)",
)


def operators() -> Explanation:
    """The proximal operators of the absolute, the elastic-net and the group penalty."""
    found = [prox(text, "x").explanation() for text in PENALTIES]
    parts = tuple(replace(part, title=told.title.text) for told in found for part in told.parts)
    remarks = tuple(dict.fromkeys(remark for told in found for remark in told.remarks))
    return Explanation(Shown("Proximal operators", r"\text{Proximal operators}"), parts, remarks)
