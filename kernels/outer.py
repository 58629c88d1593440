"""Outer products written into the sums that read them.

``P[i,j] := a[i]*b[j]`` is worth no array where it is summed: ``sum_j P[i,j] x[j]`` is ``a[i]`` times
one sum, however large the arrays are.  The same holds for Kronecker deltas times something, of which
Hessians are full.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from sympy import Add, Expr, Mul

from chainrule.derive.program import Definition, Index, Ref

#: Terms of which a definition may be the sum to be written out.
MAX_TERMS = 4


def expanded(definition: Definition, views: Mapping[str, Definition]) -> Definition:
    """A definition with the outer products among its factors written out, if it is a sum or one itself."""
    if definition.reduce == "sum":
        return definition.with_body(_multiplied(definition.body, views))
    if not definition.reduce and definition.reads & views.keys():
        written = definition.with_body(_multiplied(definition.body, views))
        return written if is_outer(written) else definition
    return definition


def is_outer(definition: Definition) -> bool:
    """Whether a definition is a sum of few products, no factor of which runs over all the indices."""
    return not definition.reduce and _is_outer(definition.body, frozenset(definition.free))


def _is_outer(body: Expr, indices: frozenset[Index]) -> bool:
    terms = Add.make_args(body)
    # Each term runs over all the indices: multiplying out x[i] - x[j] would lose digits.
    return len(terms) <= MAX_TERMS and all(_is_product(term, indices) for term in terms)


def _is_product(term: Expr, indices: frozenset[Index]) -> bool:
    return term.atoms(Index) == indices and all(factor.atoms(Index) < indices for factor in Mul.make_args(term))


def _multiplied(body: Expr, views: Mapping[str, Definition]) -> Expr:
    """The body with the outer products among its factors written out."""
    terms = []
    for term in Add.make_args(body):
        choices = [_terms_of(factor, views) for factor in Mul.make_args(term)]
        terms += [Mul(*factors) for factors in itertools.product(*choices)]
    return Add(*terms)


def _terms_of(factor: Expr, views: Mapping[str, Definition]) -> tuple[Expr, ...]:
    """The terms of which a factor is the sum, if they are outer products; else the factor alone."""
    if isinstance(factor, Ref) and factor.name in views:
        return Add.make_args(views[factor.name].at(factor.indices))
    if isinstance(factor, Add):
        written = _multiplied(factor, views)
        if _is_outer(written, frozenset(factor.atoms(Index))):
            return Add.make_args(written)
    return (factor,)
