"""Terms as short expressions: what several terms begin or end with is written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sympy import Add, Expr, KroneckerDelta

from chainrule.derive.forms.bound_terms import Over, indices_of
from chainrule.derive.program import Index
from chainrule.derive.stationarity.likeness import PLACE
from chainrule.derive.stationarity.terms import Space, Term, closed, total


def collected(space: Space, terms: Sequence[Term], ends: Sequence[Index]) -> Expr:
    """The sum of terms, ``X.T @ Y - X.T @ B`` as ``X.T @ (Y - B)``; ``ends`` are free indices."""
    for end in ends:
        groups: dict[Expr, list[Term]] = {}
        for n, term in enumerate(terms):
            key = leading(space, term, end)
            groups.setdefault(Add(n) if key is None else key, []).append(term)
        if any(len(members) > 1 for members in groups.values()):
            others = [other for other in ends if other != end]
            return Add(*(_group(space, members, end, others) for members in groups.values()))
    return total(space, terms)


def leading(space: Space, term: Term, end: Index) -> Expr | None:
    """The only factor with a free index, if it leads on to a bound one; that index is ``PLACE`` in it."""
    found = leading_factor(term, end)
    if found is None:
        return None
    factor, inner = found
    return space.ordered(factor.xreplace({inner: PLACE}))


def leading_factor(term: Term, end: Index) -> tuple[Expr, Index] | None:
    """The only factor with a free index, and the bound index that it leads on to."""
    having = [factor for factor in term.factors if end in indices_of(factor)]
    if len(having) != 1 or isinstance(having[0], KroneckerDelta):
        return None
    others = indices_of(having[0]) - {end}
    if len(others) != 1 or not others <= set(term.bound):
        return None
    return having[0], next(iter(others))


def behind(term: Term, end: Index, place: Index) -> Term:
    """The term without its leading factor, which led on to what is now called ``place``."""
    found = leading_factor(term, end)
    assert found is not None
    factor, inner = found
    return term.without(factor).renamed({inner: place})


def _group(space: Space, members: list[Term], end: Index, others: Sequence[Index]) -> Expr:
    if len(members) == 1:
        return closed(space, members[0])
    found = leading_factor(members[0], end)
    assert found is not None
    factor, inner = found
    length = space.lengths[inner]
    place = space.fresh(length)
    rest = [behind(member, end, place) for member in members]
    body = collected(space, rest, [place, *others])
    return Over("sum", factor.xreplace({inner: place}) * body, (place, length))


def with_scalar(term: Term, scalar: Expr) -> Term:
    """The term with another scalar."""
    return replace(term, scalar=scalar)
