"""Fenchel conjugates of formulas: sums over entries, and functions of the norm.

Source: Boyd and Vandenberghe, Convex Optimization (2004), section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import sympy as sp
from sympy import Expr, Symbol

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.program import Definition, Ref
from chainrule.derive.render.page import Shown
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.constants import terms_over
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS, Interval
from chainrule.learning.duality.cases import Case, Scalar, U, X, scalar_conjugate
from chainrule.learning.explanation import Explanation, Move, Part

SOURCE = "Source: Boyd and Vandenberghe, Convex Optimization (2004), section 3.3."


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
