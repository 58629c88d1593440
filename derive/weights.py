"""Weights of the entries of a reduction in its derivative: softmax, who attains a maximum, the other factors."""

from __future__ import annotations

from sympy import Expr, Mul, S, exp

from chainrule.derive.program import Definition, bound_index, free_index
from chainrule.derive.scalar import equal, where


def softmax_of(quantity: Definition) -> Expr:
    """The derivative of ``logsumexp(f)`` by a term, ``exp(f - logsumexp(f))``."""
    return exp(quantity.body - quantity[quantity.free])


def one_of(quantity: Definition, attained: Expr, last: bool) -> tuple[Expr, Definition]:
    """The position of an entry in a reduction, counted through all its axes, and the first that is attained."""
    position: Expr = S.Zero
    for index, length in zip(quantity.bound_indices, quantity.bound, strict=True):
        position = position * length + index
    body = where(attained, position, S.NegativeOne if last else Mul(*quantity.bound))
    return position, Definition("", quantity.shape, body, "max" if last else "min", quantity.bound)


def product_of_others(quantity: Definition) -> Definition:
    """``others[c, k] := prod over k' != k of f[c, k']``, right also where a factor is zero."""
    axes, count = len(quantity.shape), len(quantity.bound)
    own = tuple(free_index(axes + n) for n in range(count))
    same = Mul(*(equal(bound_index(n), own[n]) for n in range(count)))
    body = where(same, S.One, quantity.body)
    return Definition("", quantity.shape + quantity.bound, body, "prod", quantity.bound)
