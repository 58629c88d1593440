"""Positive definite and semidefinite matrices, as far as their form shows it.

A term over rows ``i`` and columns ``a`` is positive semidefinite if exchanging them, together with
some pairs of its bound indices, maps its factors onto each other, none of which has an index of
both sides, and those that are mapped onto themselves are weights that are not negative or matrices
known to be positive semidefinite: it is ``sum G[i,..] M G[a,..]``.  It is positive definite if it
is nothing but such matrices and weights, each known to be positive (definite).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from sympy import Expr, KroneckerDelta

from chainrule.derive.forms.bound_terms import MatrixEntry, Over, indices_of
from chainrule.derive.program import Definition, Index, Input, Ref, bound_index
from chainrule.derive.stationarity.likeness import inverted, merged
from chainrule.derive.stationarity.signs import is_nonnegative, is_positive
from chainrule.derive.stationarity.terms import Space, Term, expand

Definite = Literal["", "semidefinite", "definite"]
Pairs = Sequence[tuple[Index, Index]]

#: Bound indices whose involutions are tried.
MAX_BOUND = 6
#: Matrices inside matrices that are looked into.
MAX_DEPTH = 6


def of_terms(space: Space, terms: Sequence[Term], pairs: Pairs, depth: int = 0) -> Definite:
    """Whether a sum of terms over ``pairs`` of rows and columns is positive (semi)definite by its form."""
    found = [of_term(space, term, pairs, depth) for term in terms]
    if not found or "" in found:
        return ""
    return "definite" if "definite" in found else "semidefinite"


def of_term(space: Space, term: Term, pairs: Pairs, depth: int = 0) -> Definite:
    """The same of one term."""
    if not is_nonnegative(term.scalar) or len(term.bound) > MAX_BOUND:
        return ""
    term, pairs = _without_deltas(term, pairs)
    swaps = dict(pairs) | {column: row for row, column in pairs}
    found = [
        _under(space, term, {**swaps, **inner}, [row for row, _ in pairs], depth)
        for inner in _involutions(space, term.bound)
    ]
    best: Definite = "definite" if "definite" in found else "semidefinite" if "semidefinite" in found else ""
    return "semidefinite" if best and not is_positive(term.scalar) else best


def _without_deltas(term: Term, pairs: Pairs) -> tuple[Term, Pairs]:
    """Rows and columns that a unit matrix identifies are one index, which no exchange moves."""
    left = []
    for row, column in pairs:
        delta = KroneckerDelta(row, column)
        if delta in term.factors:
            term = term.without(delta).renamed({column: row})
        else:
            left.append((row, column))
    return term, left


def _involutions(space: Space, bound: Sequence[Index]) -> Iterator[dict[Index, Index]]:
    """Every way of exchanging some pairs of indices of equal lengths."""
    if not bound:
        yield {}
        return
    first, *rest = bound
    for others in _involutions(space, rest):
        yield others
    for n, partner in enumerate(rest):
        if space.lengths[first] == space.lengths[partner]:
            for others in _involutions(space, [*rest[:n], *rest[n + 1 :]]):
                yield {first: partner, partner: first, **others}


def _under(space: Space, term: Term, swaps: dict[Index, Index], rows: Sequence[Index], depth: int) -> Definite:
    """What one exchange of indices shows."""
    ordered = [space.ordered(factor) for factor in term.factors]
    mapped = [space.ordered(factor.xreplace(swaps)) for factor in term.factors]
    if Counter(ordered) != Counter(mapped):
        return ""
    kept = [factor for factor, image in zip(ordered, mapped, strict=True) if factor == image]
    moved = [factor for factor, image in zip(ordered, mapped, strict=True) if factor != image]
    if not _two_sided(moved, swaps, rows):
        return ""
    strength = [_of_kept(space, factor, swaps, depth) for factor in kept]
    if "" in strength:
        return ""
    covered = {index for factor in kept for index in indices_of(factor)}
    whole = len(kept) == len(ordered) and set(swaps) <= covered
    return "definite" if whole and "semidefinite" not in strength else "semidefinite"


def _two_sided(factors: Sequence[Expr], swaps: dict[Index, Index], rows: Sequence[Index]) -> bool:
    """Whether the exchanged indices fall into two sides, the rows on one, that no factor connects."""
    sides: list[set[Index]] = [set(rows), {swaps[row] for row in rows}] if rows else []
    for factor in factors:
        side = {index for index in indices_of(factor) if swaps.get(index, index) != index}
        joined = [other for other in sides if other & side]
        sides = [other for other in sides if not other & side] + [side.union(*joined)]
    return not any(swaps[index] in side for side in sides for index in side)


def _of_kept(space: Space, factor: Expr, swaps: dict[Index, Index], depth: int) -> Definite:
    """A factor that an exchange maps onto itself: a weight, or a matrix between exchanged indices."""
    moving = [index for index in indices_of(factor) if swaps.get(index, index) != index]
    if not moving:
        return "definite" if is_positive(factor) else "semidefinite" if is_nonnegative(factor) else ""
    if len(moving) != 2 or len(indices_of(factor)) != 2:
        return ""
    row, column = sorted(moving, key=str)
    return of_matrix(space, factor, row, column, depth + 1)


def of_matrix(space: Space, expr: Expr, row: Index, column: Index, depth: int = 0) -> Definite:
    """Whether an expression is a positive (semi)definite matrix over two indices."""
    if depth > MAX_DEPTH:
        return ""
    if isinstance(expr, KroneckerDelta):
        return "definite"
    inverse = inverted(space, expr)
    if inverse is not None:
        names = {index: space.fresh(length) for index, length in inverse.limits.items()}
        rows, columns = names.values()
        whole = of_matrix(space, inverse.body.xreplace(names), rows, columns, depth + 1)
        return "definite" if whole == "definite" else ""
    if isinstance(expr, Ref):
        item = space.program.by_name[expr.name]
        if isinstance(item, Input):
            return DECLARED.get(item.domain.name, "")
        inner = _body(item, (row, column))
        return "" if inner is None else of_matrix(space, inner, row, column, depth + 1)
    if isinstance(expr, MatrixEntry):
        return ""
    terms = merged(space, expand(space, expr, ""), "")
    if [term.factors for term in terms] == [(expr,)]:
        return ""
    return of_terms(space, terms, [(row, column)], depth + 1)


DECLARED: dict[str, Definite] = {"spd": "definite", "psd": "semidefinite"}


def _body(item: Definition, axes: tuple[Index, Index]) -> Expr | None:
    """The entry of a sum or of a pointwise definition."""
    if item.reduce not in ("", "sum") or len(item.shape) != 2:
        return None
    body = item.at(axes)
    limits = [(bound_index(n), length) for n, length in enumerate(item.bound)]
    return Over("sum", body, *limits) if limits else body
