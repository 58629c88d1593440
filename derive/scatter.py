"""Sums that add to entries selected by labels: ``g[c] = sum_i [c = y[i]] r[i]``.

The gradient of what labels have picked (``x[y]``) puts every term where its label says.  Computed
as a sum over all pairs of an entry and a term that takes ``c * i`` steps; term by term it takes ``i``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sympy import Expr, KroneckerDelta, Mul

from chainrule.derive.program import Index, Ref


@dataclass(frozen=True)
class Scatter:
    """A term that contributes to one entry for each value of the indices in its places.

    Attributes:
        places: the entry it contributes to, by free index.
        rest: the term without its deltas; the free indices in ``places`` do not occur in it.
    """

    places: dict[Index, Expr]
    rest: Expr


def scatter_of(term: Expr, free: Collection[Index], bound: Collection[Index]) -> Scatter | None:
    """The scattering form of a term of a sum, or None if it has none."""
    places: dict[Index, Expr] = {}
    while (found := _delta(term, set(free) - places.keys(), bound)) is not None:
        delta, index, place = found
        term, places = (term / delta).xreplace({index: place}), {**places, index: place}
    return Scatter(places, term) if places else None


def _delta(term: Expr, free: Collection[Index], bound: Collection[Index]) -> tuple[Expr, Index, Expr] | None:
    """A delta in a product that says which entry along a free axis a label selects."""
    for factor in Mul.make_args(term):
        if isinstance(factor, KroneckerDelta):
            for index, place in (factor.args, factor.args[::-1]):
                if index in free and _selects(place, bound):
                    return factor, index, place
    return None


def _selects(place: Expr, bound: Collection[Index]) -> bool:
    """Whether a place is a label that depends on what is summed over."""
    return bool(place.atoms(Ref)) and not place.atoms(Index).isdisjoint(bound)
