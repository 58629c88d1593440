"""The equation of one unknown: an entry of the gradient, set to zero, as terms; and what solving it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd, lcm
from typing import Literal

import sympy as sp
from sympy import Expr, KroneckerDelta, Mul, Rational, S

from chainrule.derive.forms.bound_terms import indices_of
from chainrule.derive.program import Index, Ref
from chainrule.derive.stationarity.likeness import merged
from chainrule.derive.stationarity.signs import is_nonzero, is_positive
from chainrule.derive.stationarity.terms import Space, Term, expand, mentions

Kind = Literal["minimum", "maximum", "stationary point"]


class NoSolution(Exception):
    """Raised where an equation has no closed form by this method.

    Attributes:
        reason: why, in words.
        term: the term that is in the way, if it is one.
        axes: the axes of the equation.
    """

    def __init__(self, reason: str, term: Term | None = None, axes: tuple[Index, ...] = ()) -> None:
        super().__init__(reason)
        self.reason, self.term, self.axes = reason, term, axes


@dataclass(frozen=True)
class Equation:
    """The sum of ``terms`` is zero for every value of ``axes``."""

    unknown: str
    axes: tuple[Expr, ...]
    terms: tuple[Term, ...]

    @property
    def free(self) -> tuple[Index, ...]:
        """The axes that are longer than one."""
        return tuple(axis for axis in self.axes if isinstance(axis, Index))


@dataclass(frozen=True)
class Condition:
    """A statement about an expression over some axes.

    Attributes:
        expr, axes: what it is about.
        says: how the sentence goes on after the expression, ``{0}`` standing for the first part.
        parts: further expressions with their axes.
        certain: whether it is known to hold.
    """

    expr: Expr
    axes: tuple[Index, ...]
    says: str
    parts: tuple[tuple[Expr, tuple[Index, ...]], ...] = ()
    certain: bool = False


@dataclass(frozen=True)
class Reason:
    """A rule that an equation follows by; a part is a name and a text, or an expression over some axes."""

    rule: str
    parts: tuple[tuple[str, str] | tuple[str, Expr, tuple[Index, ...]], ...] = ()


@dataclass(frozen=True)
class Move:
    """The equation ``left = right`` over the axes, and the rules by which it follows from the gradient."""

    reasons: tuple[Reason, ...]
    left: Expr
    right: Expr


@dataclass(frozen=True)
class Solved:
    """An unknown in closed form: ``value`` over ``axes``.

    Attributes:
        unknown, axes, value: the solution, which may read other unknowns.
        move: the equation that was solved.
        rule: id of the rule that solves it.
        conditions: when it holds.
        kind: what the Hessian tells.
        why: why the gradient, or only its symmetric part, is set to zero.
    """

    unknown: str
    axes: tuple[Expr, ...]
    value: Expr
    move: Move
    rule: str
    conditions: tuple[Condition, ...] = ()
    kind: Kind = "stationary point"
    why: Reason = Reason("stationary-point")


def equation(space: Space, unknown: str, entry: Expr, axes: tuple[Expr, ...]) -> Equation:
    """The equation ``entry = 0`` of an unknown, equal terms added up."""
    return Equation(unknown, axes, tuple(merged(space, expand(space, entry, unknown), unknown)))


# ---- what all terms have in common ------------------------------------------------------------------


def common_factor(eq: Equation) -> Expr:
    """What every term is divided by: common scalars, and factors over the axes of the equation alone.

    Numbers are cleared, and denominators that most terms have; the plainest term with the unknown
    becomes positive.
    """
    products = [_scale(eq, term) for term in eq.terms]
    powers = [dict(rest.as_powers_dict()) for _, rest in products]
    bases = dict.fromkeys(base for found in powers for base in found)
    shared = Mul(*(base ** _exponent(eq, base, [found.get(base, S.Zero) for found in powers]) for base in bases))
    return common_number([number for number, _ in products]) * _sign(eq) * shared


def _sign(eq: Equation) -> int:
    """The sign of the plainest term with the unknown."""
    having = [term for term in eq.terms if has_unknown(eq, term)]
    plain = [term for term in having if any(_is_unknown(eq, factor) for factor in term.factors)]
    plainest = min(plain or having, key=lambda term: len(term.bound))
    return -1 if plainest.scalar.as_coeff_Mul()[0].is_negative else 1


def _scale(eq: Equation, term: Term) -> tuple[Expr, Expr]:
    """A term's number, and the rest of what it has over the axes of the equation alone."""
    axes = set(eq.free)
    over_axes = [
        factor
        for factor in term.factors
        if indices_of(factor) <= axes and not factor.has(KroneckerDelta) and not _is_unknown(eq, factor)
    ]
    number, rest = Mul(term.scalar, *over_axes).as_coeff_Mul()
    return number, rest


def _is_unknown(eq: Equation, factor: Expr) -> bool:
    return isinstance(factor, Ref) and factor.name == eq.unknown


def has_unknown(eq: Equation, term: Term) -> bool:
    """Whether a term depends on the unknown."""
    return mentions(Mul(*term.factors), [eq.unknown])


def _exponent(eq: Equation, base: Expr, exponents: list[Expr]) -> Expr:
    """The power of a base that is taken out of terms with these exponents."""
    if not all(exponent.is_Rational for exponent in exponents):
        return exponents[0] if len(set(exponents)) == 1 else S.Zero
    least, greatest = min(exponents), max(exponents)
    if least > 0:
        # A root of the unknown would be lost with it.
        return S.Zero if mentions(base, [eq.unknown]) and not is_positive(base) else least
    if greatest < 0:
        return greatest
    scalar = not indices_of(base) and not mentions(base, [eq.unknown])
    divided_by = sum(1 for exponent in exponents if exponent < 0)
    return least if scalar and 2 * divided_by > len(exponents) else S.Zero


def common_number(numbers: list[Expr]) -> Expr:
    """The greatest number that leaves whole numbers."""
    if not all(number.is_Rational for number in numbers):
        return S.One
    return Rational(gcd(*(int(number.p) for number in numbers)), lcm(*(int(number.q) for number in numbers)))


def common_scalar(scalars: Sequence[Expr]) -> Expr:
    """The number and the powers that all scalars have in common, whatever their denominators."""
    pairs = [scalar.as_coeff_Mul() for scalar in scalars]
    powers = [dict(rest.as_powers_dict()) for _, rest in pairs]
    shared = [
        base ** (min(found[base] for found in powers) if powers[0][base].is_positive else powers[0][base])
        for base in powers[0]
        if all(base in found and found[base].is_Rational for found in powers)
        and len({found[base].is_positive for found in powers}) == 1
        and (powers[0][base].is_positive or len({found[base] for found in powers}) == 1)
    ]
    return common_number([number for number, _ in pairs]) * Mul(*shared)


def divided(space: Space, eq: Equation, factor: Expr) -> Equation:
    """The equation divided by a common factor."""
    axes = set(eq.free)
    terms = []
    for term in eq.terms:
        own = [f for f in term.factors if indices_of(f) <= axes and not f.has(KroneckerDelta)]
        own = [f for f in own if not _is_unknown(eq, f)]
        quotient = sp.powsimp(Mul(term.scalar, *own) / factor)
        parts = Mul.make_args(quotient)
        scalar = Mul(*(part for part in parts if not indices_of(part) and not mentions(part, [eq.unknown])))
        kept = tuple(part for part in parts if indices_of(part) or mentions(part, [eq.unknown]))
        terms.append(replace(term.without(*own), scalar=scalar, factors=(*term.without(*own).factors, *kept)))
    return replace(eq, terms=tuple(terms))


def doubtful(factor: Expr) -> list[Expr]:
    """The parts of a factor that are not known to differ from zero."""
    bases = [part.base if part.is_Pow and part.exp.is_negative else part for part in Mul.make_args(factor)]
    return [base for base in bases if not base.is_number and not is_nonzero(base) and not is_positive(base)]
