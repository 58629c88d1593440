"""A sum that is a multiple of one that has a name already: ``-sum_k x[k] A[k,i]`` after ``z = A @ x``."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sympy import Expr, Mul, S

from chainrule.derive.program import Definition, Index, Input, Ref

#: Symmetric matrices in a sum whose entries are tried in both orders of their indices.
MAX_MIRRORED = 3


@dataclass(frozen=True)
class Repeated:
    """A sum as a multiple of a known one.

    Attributes:
        name: the known sum.
        body: what the sum is, without a sum.
        mirrored: the symmetric inputs whose entries have to be mirrored before it is seen.
        summand: the summand with those entries mirrored.
    """

    name: str
    body: Expr
    mirrored: tuple[str, ...]
    summand: Expr


def repeated(
    definition: Definition, known: Mapping[str, Input | Definition], exact: Collection[str]
) -> Repeated | None:
    """A sum as a multiple of a known one; ``exact`` are the inputs whose declared symmetry must not be used."""
    if definition.reduce != "sum":
        return None
    outer, inner = _factors(definition.body, definition.bound_indices)
    reads = {ref.name for ref in inner.atoms(Ref)}
    for source in known.values():
        if not isinstance(source, Definition) or source.reduce != "sum" or source.bound != definition.bound:
            continue
        if source.name == definition.name or source.origin == "adjoint" or source.reads != reads:
            continue
        factor, pattern = _factors(source.body, source.bound_indices)
        if factor.atoms(Index):
            continue
        for part, mirrored in _orders(inner, known, exact):
            place = _place(pattern, part, source)
            if place is not None:
                return Repeated(source.name, outer / factor * source[place], mirrored, outer * part)
    return None


def _factors(body: Expr, bound: Collection[Index]) -> tuple[Expr, Expr]:
    """The factors without bound indices, and those with them."""
    inside = [factor for factor in Mul.make_args(body) if factor.atoms(Index) & set(bound)]
    inner = Mul(*inside)
    return body / inner if inner != S.One else body, inner


def _orders(
    body: Expr, known: Mapping[str, Input | Definition], exact: Collection[str]
) -> Iterator[tuple[Expr, tuple[str, ...]]]:
    """The body with the entries of symmetric inputs in either order of their indices."""
    names = sorted({ref.name for ref in body.atoms(Ref) if ref.name not in exact and _is_symmetric(known[ref.name])})
    for count in range(len(names) + 1) if len(names) <= MAX_MIRRORED else (0,):
        for chosen in itertools.combinations(names, count):
            swaps = {ref: Ref(ref.args[0], *reversed(ref.indices)) for ref in body.atoms(Ref) if ref.name in chosen}
            yield body.xreplace(swaps), chosen


def _is_symmetric(item: Input | Definition) -> bool:
    return isinstance(item, Input) and item.domain.symmetric


def _place(pattern: Expr, part: Expr, source: Definition) -> tuple[Expr, ...] | None:
    """Indices at which a known sum has these summands."""
    if not source.shape:
        return () if pattern == part else None
    for ref, other in itertools.product(pattern.atoms(Ref), part.atoms(Ref)):
        if ref.args[0] == other.args[0] and set(source.free) <= set(ref.indices):
            renaming = dict(zip(ref.indices, other.indices, strict=True))
            place = tuple(renaming[index] for index in source.free)
            if not set(place) & set(source.bound_indices) and pattern.xreplace(renaming) == part:
                return place
    return None
