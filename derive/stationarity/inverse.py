"""Inverses in their shortest form, and the conditions under which they exist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sympy import Expr, KroneckerDelta, Mul, Pow

from chainrule.derive.forms.bound_terms import MatrixEntry, indices_of
from chainrule.derive.program import Index, Ref
from chainrule.derive.stationarity.collect import collected
from chainrule.derive.stationarity.definite import of_term, of_terms
from chainrule.derive.stationarity.equation import Condition, common_scalar
from chainrule.derive.stationarity.likeness import inverted
from chainrule.derive.stationarity.signs import is_nonnegative, is_positive
from chainrule.derive.stationarity.terms import Space, Term

Entry = tuple[Expr, Expr]


def matrix(space: Space, terms: Sequence[Term], row: Index, column: Index) -> Expr:
    """A sum of terms as a matrix."""
    return collected(space, terms, (row, column))


def inverse_entry(space: Space, terms: Sequence[Term], row: Index, column: Index, at: Entry) -> Expr:
    """The entry ``at`` of the inverse of a matrix: of ``2*inv(A)`` it is that of ``A/2``."""
    scalar = common_scalar([term.scalar for term in terms])
    terms = [replace(term, scalar=term.scalar / scalar) for term in terms]
    return _inverse(space, terms, row, column, at) / scalar


def _inverse(space: Space, terms: Sequence[Term], row: Index, column: Index, at: Entry) -> Expr:
    delta = KroneckerDelta(row, column)
    if all(delta in term.factors for term in terms):
        diagonal = [term.without(delta).renamed({column: row, row: at[0]}) for term in terms]
        return KroneckerDelta(*at) / collected(space, diagonal, ())
    if len(terms) == 1 and not terms[0].bound and len(terms[0].factors) == 1 and terms[0].scalar == 1:
        operand = inverted(space, terms[0].factors[0])
        if operand is not None:
            ends = at if operand.at == (row, column) else at[::-1]
            return operand.body.xreplace(dict(zip(operand.limits, ends, strict=True)))
    length = space.lengths[row]
    whole = matrix(space, terms, row, column)
    return MatrixEntry("inv", whole, (row, length), (column, length), at)


# ---- conditions ------------------------------------------------------------------------------------


def system_condition(space: Space, terms: Sequence[Term], row: Index, column: Index) -> tuple[Condition, ...]:
    """When the matrix of a system of equations has an inverse."""
    delta = KroneckerDelta(row, column)
    if all(delta in term.factors for term in terms):
        diagonal = [term.without(delta).renamed({column: row}) for term in terms]
        return nonzero(collected(space, diagonal, ()))
    scalar = common_scalar([term.scalar for term in terms])
    terms = [replace(term, scalar=term.scalar / scalar) for term in terms]
    whole = matrix(space, terms, row, column)
    axes = (*sorted(indices_of(whole) - {row, column}, key=str), row, column)
    strength = of_terms(space, terms, [(row, column)])
    if strength == "definite":
        return (Condition(whole, axes, "is positive definite, so it has an inverse", certain=True),)
    parts = list(_sufficient(space, terms, row, column)) if strength else []
    reason = " or ".join(says.replace("{0}", f"{{{n}}}") for n, (says, _, _) in enumerate(parts))
    says = f"is invertible ({reason})" if parts else "is invertible"
    return (Condition(whole, axes, says, tuple((expr, ends) for _, expr, ends in parts)),)


def nonzero(expr: Expr) -> tuple[Condition, ...]:
    """The condition that nothing is divided by zero, if that is not certain."""
    if is_positive(expr) or is_positive(-expr):
        return ()
    return (Condition(expr, _axes(expr), "is not 0"),)


def positive(expr: Expr) -> tuple[Condition, ...]:
    """The condition that a quantity is positive; of a product of parts that are not negative, that none is 0."""
    if not is_nonnegative(expr):
        return (Condition(expr, _axes(expr), "is positive"),)
    bases = [part.base if isinstance(part, Pow) else part for part in Mul.make_args(expr)]
    return tuple(condition for base in bases for condition in nonzero(base))


def _axes(expr: Expr) -> tuple[Index, ...]:
    return tuple(sorted(indices_of(expr), key=str))


def _sufficient(
    space: Space, terms: Sequence[Term], row: Index, column: Index
) -> Iterator[tuple[str, Expr, tuple[Index, ...]]]:
    """What makes a sum of positive semidefinite terms definite: one of them is."""
    for term in terms:
        if of_term(space, replace(term, scalar=term.scalar**0), [(row, column)]) == "definite":
            unsure = Mul(*(part for part in Mul.make_args(term.scalar) if not is_positive(part)))
            yield "{0} > 0", unsure, ()
            continue
        gram = _gram(space, term, row, column)
        if gram is not None and is_positive(term.scalar):
            factor, inner = gram
            natural = not isinstance(factor, Ref) or factor.indices[-1] == row
            ends = (inner, row) if natural else (row, inner)
            yield f"{{0}} has full {'column' if natural else 'row'} rank", factor, ends


def _gram(space: Space, term: Term, row: Index, column: Index) -> tuple[Expr, Index] | None:
    """``F`` where a term is ``F.T @ M @ F`` with ``M`` positive definite."""
    ends = [[factor for factor in term.factors if end in indices_of(factor)] for end in (row, column)]
    if any(len(found) != 1 or len(indices_of(found[0])) != 2 for found in ends):
        return None
    (left,), (right,) = ends
    inner, outer = (next(iter(indices_of(f) - {end}), None) for f, end in ((left, row), (right, column)))
    if inner is None or outer is None or left.xreplace({inner: outer, row: column}) != right:
        return None
    middle = replace(term.without(left, right), bound=tuple(k for k in term.bound if k not in (inner, outer)))
    if inner == outer:
        return (left, inner) if is_positive(Mul(*middle.factors)) and not middle.bound else None
    definite = of_term(space, middle, [(inner, outer)])
    return (left, inner) if definite == "definite" else None
