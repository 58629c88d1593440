"""Softmax as one link of the chain: scores that are normalised by their own ``logsumexp``.

What reads ``u = a[k] - logsumexp(a)`` reads the scores ``a`` in two ways.  Together they give

    abar[k] = ubar[k] - softmax(a)[k] * sum_l ubar[l]

that is ``p*(pbar - sum(p*pbar))`` for ``p = softmax(a) = exp(u)``, without an adjoint of the
normaliser.

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 4.106.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Dummy, Expr, exp

from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.program import Definition, Index, Input, Ref


@dataclass(frozen=True)
class Normalised:
    """A definition that reads scores less their ``logsumexp``.

    Attributes:
        normaliser: the definition of the ``logsumexp``.
        scores: the scores, in the indices of the reader.
        own: the indices of the normaliser, free and bound, by those of the reader.
        share: the softmax of the scores, in the indices of the reader.
        slope: the derivative of the reader by the normalised score.
    """

    normaliser: Definition
    scores: Expr
    own: Mapping[Index, Index]
    share: Expr
    slope: Expr


def normalised(quantity: Definition, known: Mapping[str, Input | Definition], active: set[str]) -> Normalised | None:
    """How a definition reads normalised scores, if it reads nothing else that is ``active``."""
    for ref in quantity.refs if not quantity.reduce else ():
        normaliser = known[ref.name]
        if not isinstance(normaliser, Definition) or normaliser.reduce != "logsumexp" or ref.name not in active:
            continue
        places = _places(quantity, ref, normaliser)
        scores, u = normaliser.body.xreplace(places), Dummy("u", real=True)
        body = quantity.body.xreplace({ref: scores - u})
        if places and not {other.name for other in body.atoms(Ref)} & active:
            by_name = {quantity.body: quantity[quantity.free]} if quantity.body == exp(scores - ref) else {}
            slope = scalar_derivative(body, u).xreplace({u: scores - ref}).xreplace(by_name)
            own = {here: there for there, here in places.items()}
            return Normalised(normaliser, scores, own, exp(scores - ref).xreplace(by_name), slope)
    return None


def _places(quantity: Definition, ref: Ref, normaliser: Definition) -> dict[Index, Index]:
    """The indices of the normaliser as those of its reader, if each is one of those."""
    taken = [index for index in ref.indices if isinstance(index, Index)]
    order = [*taken, *(index for index in quantity.free if index not in taken)]
    lengths = [quantity.lengths[index] for index in order]
    if len(set(order)) < len(order) or lengths != [*normaliser.shape, *normaliser.bound]:
        return {}
    return dict(zip(normaliser.free + normaliser.bound_indices, order, strict=True))
