"""The derivative of a reduction by one of its terms, with the parts that it needs split off once."""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, S

from chainrule.derive.program import Definition, KinkChoices
from chainrule.derive.rewriting import Context
from chainrule.derive.scalar import equal
from chainrule.derive.weights import one_of, product_of_others, softmax_of


def weight(quantity: Definition, context: Context, kinks: KinkChoices) -> Expr:
    """The derivative of a reduction by one of its terms, in the quantity's own indices; 1 without a reduction."""
    value = quantity[quantity.free]
    if quantity.reduce == "logsumexp":
        return softmax_of(quantity)
    if quantity.reduce in ("max", "min"):
        attained = equal(quantity.body, value)
        side = dict(kinks).get(quantity.reduce, "shared")
        if side != "shared":
            position, chosen = one_of(quantity, attained, last=side == "last")
            return equal(position, shared(chosen, f"{quantity.name}_at", context)[quantity.free])
        ties = Definition("", quantity.shape, attained, "sum", quantity.bound, sign="positive")
        return attained / shared(ties, f"{quantity.name}_ties", context)[quantity.free]
    if quantity.reduce == "prod":
        others = shared(product_of_others(quantity), f"{quantity.name}_others", context)
        return others[quantity.free + quantity.bound_indices]
    return S.One


def shared(definition: Definition, stem: str, context: Context) -> Definition:
    """An auxiliary definition, split off once however often it is needed."""
    for known in context.added:
        if replace(known, name="") == definition:
            return known
    return context.split_off(definition, stem)
