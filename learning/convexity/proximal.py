"""Proximal operators, derived: the minimiser of ``g(x) + (x - v)^2 / (2 t)``, case by case.

The optimality condition ``0 in dg(x) + (x - v)/t`` says that ``v`` lies in ``x + t dg(x)``, which grows with ``x``:
a smooth piece of ``g`` gives an equation on an interval of ``v``, a kink gives an interval of ``v`` on which ``x``
stays there.
Source: Parikh and Boyd, Proximal Algorithms (2014), sections 2.3 and 6.5.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import sympy as sp
from sympy import Dummy, Expr, Symbol

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import variables
from chainrule.derive.render.page import Detail, Form, Page, Shown
from chainrule.derive.render.printed import Printed
from chainrule.derive.steps import NOTHING_CHECKED, Checked
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.intervals import REALS, Interval, elementary
from chainrule.learning.convexity.penalties import X, penalty, renamed
from chainrule.learning.convexity.scalar import Piece, pieces
from chainrule.learning.convexity.subgradients import rising_root, subdifferential, subgradient_gap
from chainrule.learning.explanation import Explanation, Move, Part

V, T = Symbol("v", real=True), Symbol("t", positive=True)
SCHEMA = 1
#: Degrees of equations that are solved.
MAX_DEGREE = 2
SOURCE = "Source: Parikh and Boyd, Proximal Algorithms (2014), sections 2.3, 6.5 and 6.7."


@dataclass(frozen=True)
class Case:
    """``x = value`` where ``v`` lies between two bounds; at a kink, ``slopes`` is the subdifferential there.

    Where the value is not a number (``nan``), ``x`` is the only solution of ``condition`` in ``inside``.
    """

    low: Expr
    high: Expr
    value: Expr
    condition: Expr
    slopes: tuple[Expr, Expr] | None = None
    inside: Interval = REALS


@dataclass(frozen=True)
class Proximal(Printed):
    """A proximal operator.

    Attributes:
        formula: the penalty.
        wrt: its variable.
        of: what it acts on: each entry, the norm, the norm of each group, each singular value or eigenvalue.
        body: the penalty of that number ``x``.
        interval: where that number lies.
        cases: the values for one number ``v``.
        step: the value of ``t``, or the symbol.
    """

    formula: Formula
    wrt: str
    of: str
    body: Expr
    interval: Interval
    cases: tuple[Case, ...]
    step: Expr = T

    @property
    def radial(self) -> bool:
        """Whether it acts on a norm and keeps the direction, instead of entry by entry."""
        return self.of == "norm"

    @property
    def closed(self) -> bool:
        """Whether every case has a closed form."""
        return all(case.value is not sp.nan for case in self.cases)

    def explanation(self) -> Explanation:
        """The derivation: the subdifferential, and the cases of the optimality condition."""
        where = f"{'the' if self.of.startswith('norm') else 'each'} {self.of} of {self.wrt}"
        intro = f"With x for {where} and v for that of the point: x minimises g(x) + (x - v)**2/(2*t), which is"
        intro += " convex, so that 0 lies in the subdifferential of g at x plus (x - v)/t."
        goal = Move(_shown(self.body), (Shown("g(x)", "g(x)"),), ("The penalty.",))
        slopes = Part("Subdifferential", (goal, *self._slopes()))
        moves = tuple(_move(case, partial(self.miss, case)) for case in self.cases)
        title = f"Proximal operator of {self.formula.matrix()}"
        parts = (slopes, Part("Cases", moves, (intro,)))
        latex = rf"\text{{Proximal operator of }} {self.formula.latex()}"
        return Explanation(Shown(title, latex), parts, (*self._remarks(), SOURCE))

    def _remarks(self) -> tuple[str, ...]:
        renamings = [f"{name}_ is the input {name}." for name in ("x", "v", "t")
                     if f"{name}_" in map(str, self.body.free_symbols)]  # fmt: skip
        step = () if self.step == T else (f"The step is t = {self.step}.",)
        return (*step, *renamings, *((HOW[self.of],) if self.of in HOW else ()))

    def _slopes(self) -> Iterator[Move]:
        """The subdifferential: the slope of every piece, an interval at every kink."""
        for place, (low, high) in subdifferential(self.body, self.interval):
            miss = partial(subgradient_gap, self.body, self.interval, place, low, high)
            if isinstance(place, Interval):
                yield Move(_shown(low), (DG,), ("for ", _between(place, "x"), "."), miss)
            else:
                text, latex = f"[{low}, {high}]", rf"[{sp.latex(low)}, {sp.latex(high)}]"
                text = text.replace("[-oo", "(-oo").replace("oo]", "oo)")
                where = Shown(f"x = {place}", f"x = {sp.latex(place)}")
                yield Move(Shown(text, latex), (DG,), ("at ", where, "."), miss)

    def page(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> Page:
        """The derivation, for any renderer."""
        return self.explanation().page(detail, checked, form)

    def to_dict(self) -> dict[str, Any]:
        """The operator as plain data."""
        slopes = [
            {"at": str(place), "low": str(low), "high": str(high)}
            for place, (low, high) in subdifferential(self.body, self.interval)
        ]
        cases = [
            {"from": str(c.low), "to": str(c.high), "x": None if c.value is sp.nan else str(c.value),
             "condition": None if c.slopes else f"{c.condition.lhs} = {c.condition.rhs}"}
            for c in self.cases
        ]  # fmt: skip
        head = {"schema": SCHEMA, "formula": self.formula.matrix(), "wrt": self.wrt, "of": self.of}
        return {**head, "penalty": str(self.body), "step": str(self.step), "subdifferential": slopes, "cases": cases}

    def to_json(self) -> str:
        """The operator as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def miss(self, case: Case) -> float:
        """How far a case is from optimal at one point: how far a line of slope ``(v - x)/t`` at ``x`` exceeds g."""
        t = sp.Rational(3, 4) if self.step == T else self.step
        numbers = {symbol: sp.Rational(2, 5) for symbol in self.body.free_symbols - {X}} | {T: t}
        low, high = (end.subs(numbers) for end in (case.low, case.high))
        v = low + 1 if high == sp.oo else high - 1 if low == -sp.oo else (low + high) / 2
        v = sp.Rational(1, 3) if not v.is_finite else v
        x = self._at(case, {**numbers, V: v})
        if not self.interval.low.subs(numbers) <= x <= self.interval.high.subs(numbers):
            return 1.0
        slope = (v - x) / t
        return subgradient_gap(self.body, self.interval, x, slope, slope)

    def _at(self, case: Case, numbers: Mapping[Expr, Expr]) -> Expr:
        """The value of a case at numbers; where it has no closed form, by bisection."""
        if case.value is not sp.nan:
            return case.value.subs(numbers)
        goal = elementary((case.condition.lhs - case.condition.rhs).subs(numbers))
        return sp.Rational(repr(rising_root(sp.lambdify(X, goal, "mpmath"), case.inside, float(numbers[V]))))

    def value(self, v: float, t: float | None = None, /, **given: float) -> float:
        """The operator at one number; ``t`` may be left out if the step is a number.

        Raises:
            InputError: a number is missing.
        """
        step = sp.Float(t) if t is not None else self.step
        inputs = {renamed(name): sp.Float(number) for name, number in given.items()}
        numbers = {symbol: inputs[str(symbol)] for symbol in self.body.free_symbols if str(symbol) in inputs}
        missing = sorted(str(s) for s in (self.body.free_symbols | {step}) - {X} - set(numbers) if s.is_Symbol)
        if missing:
            raise InputError(f"there is no value of {missing[0]}", expected=", ".join(missing))
        place = {V: sp.Float(v), T: step, **numbers}
        for case in self.cases:
            if case.low.subs(place) <= v <= case.high.subs(place):
                return float(self._at(case, place))
        raise UnsupportedError("the numbers given do not belong to the domains")


DG = Shown("dg(x)", r"\partial g(x)")
#: How an operator on numbers acts on the whole.
HOW = {
    "norm": "The operator is prox(norm(v))/norm(v) * v: the direction of v stays.",
    "norm of each group": "Every group is multiplied by prox(norm(v))/norm(v): its direction stays.",
    "singular value": "The operator acts on the singular values; the singular vectors stay.",
    "eigenvalue": "The operator acts on the eigenvalues; the eigenvectors stay.",
}


def prox(f: str | Formula, wrt: str | Sequence[str] | None = None, step: float | None = None) -> Proximal:
    """The proximal operator of a convex penalty: of its entries, norms, or singular values.

    Args:
        f: the penalty, a sum over entries, a function of the norm or a sum of those of rows, or of singular values.
        wrt: its variable.
        step: the value of ``t``; a symbol if not given.

    Raises:
        UnsupportedError: the penalty is no such sum, or not convex.
        InputError: there is more than one variable, or the step is not positive.

    Source: Parikh and Boyd, Proximal Algorithms (2014), sections 2.3, 6.5 and 6.7.

    Example:
        >>> p = prox("x: real[n]; lam: positive; lam*sum(|x|)", "x")
        >>> [str(case.value) for case in p.cases]
        ['lam*t + v', '0', '-lam*t + v']
    """
    f = as_formula(f)
    names = variables(f, [wrt] if isinstance(wrt, str) else wrt)
    if len(names) != 1:
        raise InputError("a proximal operator is of one variable", found=", ".join(names))
    if step is not None and not step > 0:
        raise InputError("the step of a proximal operator is positive", found=str(step))
    found = penalty(f, names[0])
    claim = Calculus(f.program, names).definition(f.output.name)
    if claim is None or not claim.is_("convex"):
        raise UnsupportedError(f"{f.matrix()} is not seen to be convex, so no proximal operator is derived")
    cut = pieces(found.body, X, found.interval)
    if cut is None:
        raise UnsupportedError(f"{found.body} is not cut into smooth pieces")
    number = T if step is None else sp.Rational(repr(float(step)))
    whole = Proximal(f, names[0], found.of, found.body, found.interval, (), number)
    return replace(whole, cases=tuple(_with_step(case, number) for case in _cases(cut, found.of.startswith("norm"))))


def _with_step(case: Case, step: Expr) -> Case:
    """A case with a number in place of the step."""
    if step == T:
        return case
    low, high, condition = (item.subs(T, step) for item in (case.low, case.high, case.condition))
    return replace(case, low=low, high=high, condition=condition,
                   value=sp.simplify(case.value.subs(T, step)))  # fmt: skip


def _cases(found: Sequence[Piece], radial: bool) -> list[Case]:
    cases = []
    for n, piece in enumerate(found):
        slope = sp.diff(piece.body, X)
        ends = [_threshold(slope, piece.interval.low, "+"), _threshold(slope, piece.interval.high, "-")]
        low, high = piece.interval.low, piece.interval.high
        if n == 0 and low != -sp.oo and ends[0] not in (low if radial else -sp.oo, -sp.oo):
            lowest = sp.S.Zero if radial else -sp.oo
            cases.append(Case(lowest, ends[0], low, sp.S.Zero, (-sp.oo, sp.cancel((ends[0] - low) / T))))
        equation = sp.Eq(X + T * slope, V, evaluate=False)
        cases.append(Case(ends[0], ends[1], _solved(slope, piece), equation, inside=piece.interval))
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


def _threshold(slope: Expr, end: Expr, side: str) -> Expr:
    """The ``v`` at which ``x`` reaches an end of a piece."""
    if end in (sp.oo, -sp.oo):
        return end
    return sp.expand(end + T * sp.limit(elementary(slope), X, end, side) if slope.has(X) else end + T * slope)


def _solved(slope: Expr, piece: Piece) -> Expr:
    """The solution of the optimality condition on a piece; ``nan`` if there is no closed form."""
    free = Dummy("x", real=True)
    equation = sp.together(elementary(slope).subs(X, free) + (free - V) / T)
    if _degree(equation, free) > MAX_DEGREE:
        return sp.nan
    try:
        roots = sp.solve(equation, free)
    except NotImplementedError:
        return sp.nan
    inside = [root for root in roots if len(roots) == 1 or _lies_in(root, slope, piece)]
    return sp.simplify(inside[0]) if len(inside) == 1 else sp.nan


def _degree(equation: Expr, free: Symbol) -> int:
    numerator = sp.numer(equation)
    return int(sp.degree(numerator, free)) if numerator.is_polynomial(free) else 0


def _lies_in(root: Expr, slope: Expr, piece: Piece) -> bool:
    """Whether a root is the one in the piece, seen at a number inside it."""
    low, high = piece.interval.low, piece.interval.high
    place = low + 1 if high == sp.oo else high - 1 if low == -sp.oo else (low + high) / 2
    ones = dict.fromkeys((root.free_symbols | sp.sympify(place).free_symbols | slope.free_symbols) - {V, X}, sp.S.One)
    v = (place + T * slope.subs(X, place)).subs(ones)
    gap = sp.N(root.subs({**ones, V: v}) - place.subs(ones))
    return bool(gap.is_number and gap.is_finite and abs(gap) < sp.Rational(1, 10**9))


def _between(interval: Interval, letter: str) -> Shown:
    """Where a number lies."""
    low, high = interval.low, interval.high
    if low == -sp.oo and high == sp.oo:
        return Shown(f"every {letter}", rf"\text{{every }} {letter}")
    text = f"{low} <= {letter} <= {high}".replace("-oo <= ", "").replace(" <= oo", "")
    before = "" if low == -sp.oo else rf"{sp.latex(low)} \le "
    return Shown(text, f"{before}{letter}" + ("" if high == sp.oo else rf" \le {sp.latex(high)}"))


def _move(case: Case, miss: Callable[[], float]) -> Move:
    left = (Shown("x", "x"),)
    between = _between(Interval(case.low, case.high), "v")
    if case.value is sp.nan:
        text = "the only solution"
        reason = ("for ", between, ": of ", _shown(case.condition), ".")
        return Move(Shown(text, rf"\text{{{text}}}"), left, reason, miss)
    right = _shown(case.value)
    if case.slopes is not None:
        lies = f": (v - x)/t lies in the subdifferential [{case.slopes[0]}, {case.slopes[1]}] there."
        lies = lies.replace("[-oo, ", "(-oo, ").replace(", oo]", ", oo)")
        return Move(right, left, ("for ", between, lies), miss)
    return Move(right, left, ("for ", between, ": ", _shown(case.condition), "."), miss)


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
