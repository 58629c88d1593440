"""Sums and products over unequal indices: ``sum_{k != i} f`` for ``sum_k where(k == i, 0, f)``."""

from __future__ import annotations

from sympy import Expr, KroneckerDelta, Mul, S

from chainrule.derive.forms.bound_terms import Over
from chainrule.derive.program import Index
from chainrule.derive.scalar import equal, where

#: What a term that is left out would be.
NEUTRAL = {"sum": 0, "prod": 1}


def left_out(expr: Over) -> tuple[Expr, Index, Index] | None:
    """The body of a reduction without the choice for two equal indices; the bound one of them, and the other."""
    factors = Mul.make_args(expr.body) if expr.kind == "sum" else (expr.body,)
    found = [factor for factor in factors if _leaves_out(factor, expr)]
    if len(found) != 1:
        return None
    (choice,) = found
    order = list(expr.limits)
    other, last = sorted(_equated(choice.args[0]), key=lambda index: order.index(index) if index in order else -1)
    return Mul(*(choice.args[2] if factor is choice else factor for factor in factors)), last, other


def _leaves_out(factor: Expr, expr: Over) -> bool:
    if not isinstance(factor, where) or factor.args[1] != NEUTRAL.get(expr.kind):
        return False
    return any(index in expr.limits for index in _equated(factor.args[0]))


def _equated(condition: Expr) -> tuple[Index, ...]:
    """The two indices that a condition says to be equal: ``i == j``, or ``delta[i,j] == 1``."""
    if not isinstance(condition, equal):
        return ()
    sides = condition.args
    if S.One in sides:
        sides = next((side.args for side in sides if isinstance(side, KroneckerDelta)), ())
    return sides if all(isinstance(side, Index) for side in sides) else ()
