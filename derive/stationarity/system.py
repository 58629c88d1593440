"""Systems of linear equations in index notation: coefficients over rows and columns, and the right-hand side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, KroneckerDelta, Mul

from chainrule.derive.forms.bound_terms import Over
from chainrule.derive.program import Index, Ref
from chainrule.derive.stationarity.collect import collected
from chainrule.derive.stationarity.equation import Condition, Equation, NoSolution, has_unknown
from chainrule.derive.stationarity.inverse import inverse_entry
from chainrule.derive.stationarity.likeness import merged
from chainrule.derive.stationarity.terms import Space, Term, mentions


@dataclass(frozen=True)
class System:
    """``sum of coefficients[rows, columns] * unknown[columns] = constant[rows]``."""

    unknown: Ref
    rows: tuple[Index, ...]
    columns: tuple[Index, ...]
    coefficients: tuple[Term, ...]
    constant: tuple[Term, ...]

    def unit(self, term: Term, place: int) -> bool:
        """Whether a coefficient is a unit matrix on an axis."""
        return KroneckerDelta(self.rows[place], self.columns[place]) in term.factors

    def stripped(self, places: Iterable[int]) -> list[Term]:
        """The coefficients without their unit matrices on these axes."""
        deltas = [KroneckerDelta(self.rows[place], self.columns[place]) for place in places]
        return [term.without(*deltas) for term in self.coefficients]

    def others(self, *places: int) -> list[int]:
        """The axes but these."""
        return [place for place in range(len(self.rows)) if place not in places]

    def right(self, space: Space, first: Sequence[int] = ()) -> Expr:
        """The right-hand side over the rows."""
        ends = [*(self.rows[place] for place in first), *self.rows]
        return collected(space, self.constant, tuple(dict.fromkeys(ends)))


def system(space: Space, eq: Equation) -> System:
    """The coefficients of a linear equation.

    Raises:
        NoSolution: if a term is not linear in the unknown.
    """
    rows = eq.free
    columns = tuple(space.fresh(space.lengths[row]) for row in rows)
    unknown = space.input(eq.unknown)
    coefficients = [_coefficient(eq, term, columns) for term in eq.terms if has_unknown(eq, term)]
    constant = [replace(term, scalar=-term.scalar) for term in eq.terms if not has_unknown(eq, term)]
    ends = dict(zip(rows, columns, strict=True))
    entry = unknown[tuple(ends.get(axis, axis) for axis in eq.axes)]
    return System(entry, rows, columns, tuple(merged(space, coefficients, "")), tuple(constant))


def _coefficient(eq: Equation, term: Term, columns: tuple[Index, ...]) -> Term:
    """A term without the unknown, which was read at the columns."""
    reads = [factor for factor in term.factors if isinstance(factor, Ref) and factor.name == eq.unknown]
    if len(reads) != 1 or mentions(Mul(*term.without(*reads).factors), [eq.unknown]):
        raise NoSolution(f"a term of the gradient is not linear in {eq.unknown}", term, eq.free)
    places = [place for place, axis in zip(reads[0].indices, eq.axes, strict=True) if isinstance(axis, Index)]
    term = term.without(reads[0])
    for n, column in enumerate(columns):
        if places[n] in term.bound:
            term = term.renamed({places[n]: column})
            places = [place.xreplace({places[n]: column}) for place in places]
        else:
            term = replace(term, factors=(*term.factors, KroneckerDelta(column, places[n])))
    return term


@dataclass(frozen=True)
class Found:
    """The equation in matrix form, and the unknown over the rows."""

    rule: str
    left: Expr
    right: Expr
    value: Expr
    conditions: tuple[Condition, ...]


def times(space: Space, factor: Expr, operand: Expr, inner: Index) -> Expr:
    """The sum over an index of a product."""
    return Over("sum", factor * operand, (inner, space.lengths[inner]))


def solved_along(space: Space, terms: Sequence[Term], row: Index, column: Index, right: Expr) -> Expr:
    """``inv(A) @ right`` along the axis ``row``."""
    if right == 0:
        return right
    inner = space.fresh(space.lengths[row])
    inverse = inverse_entry(space, terms, row, column, (row, inner))
    scalar, rest = inverse.as_independent(inner, as_Add=False)
    if isinstance(rest, KroneckerDelta):
        return scalar * right
    return times(space, inverse, right.xreplace({row: inner}), inner)
