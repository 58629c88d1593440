"""Invertible matrices that every term of an equation begins or ends with."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from chainrule.derive.program import Index, Input, Ref
from chainrule.derive.stationarity.collect import behind, leading, leading_factor
from chainrule.derive.stationarity.definite import of_matrix
from chainrule.derive.stationarity.equation import Equation, Reason
from chainrule.derive.stationarity.likeness import inverted
from chainrule.derive.stationarity.terms import Space

#: Domains of matrices that have an inverse.
INVERTIBLE = frozenset({"spd", "invertible"})


def without_invertible(space: Space, eq: Equation) -> tuple[Equation, list[Reason]]:
    """The equation without such factors, and the reason for each of them."""
    reasons: list[Reason] = []
    for axis in eq.free:
        while (found := _common(space, eq, axis)) is not None:
            factor, inner = found
            terms = tuple(behind(term, axis, axis) for term in eq.terms)
            eq = replace(eq, terms=terms)
            reasons.append(Reason("cancel-invertible", (("matrix", factor, (axis, inner)),)))
    return eq, reasons


def _common(space: Space, eq: Equation, axis: Index) -> tuple[Expr, Index] | None:
    """The factor that all terms have next to an axis, if it is known to be invertible."""
    keys = {leading(space, term, axis) for term in eq.terms}
    if len(keys) != 1 or None in keys:
        return None
    found = leading_factor(eq.terms[0], axis)
    assert found is not None
    factor, inner = found
    return found if is_invertible(space, factor, axis, inner) else None


def is_invertible(space: Space, factor: Expr, row: Index, column: Index) -> bool:
    """Whether a matrix is known to have an inverse."""
    if inverted(space, factor) is not None:
        return True
    if isinstance(factor, Ref):
        item = space.program.by_name[factor.name]
        if isinstance(item, Input) and item.domain.name in INVERTIBLE:
            return True
    return of_matrix(space, factor, row, column) == "definite"
