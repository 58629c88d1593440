"""What is known of the sign of a scalar expression over entries."""

from __future__ import annotations

from collections import Counter

from sympy import Add, Expr, Mul, Pow

from chainrule.derive.domains import Sign
from chainrule.derive.program import Dim, Reduction, Ref
from chainrule.derive.walking import nodes

#: What a body of one sign is reduced to has that sign.
SIGN_PRESERVING = frozenset({"", "sum", "prod", "max", "min"})


def sign_of(body: Expr, reduce: Reduction = "") -> Sign:
    """What SymPy can tell about the sign of a definition with this body."""
    if reduce not in SIGN_PRESERVING:
        return "nonnegative" if reduce == "svdvals" else "real"
    # SymPy would try everything it knows before it finds that it cannot say.
    if _takes_any_sign(body):
        return "real"
    others = [factor for factor in Mul.make_args(body) if not _is_scale(factor)]
    if others and all(map(_is_square, others)):
        return "nonnegative"
    if body.is_positive:
        return "positive"
    return "nonnegative" if body.is_nonnegative else "real"


def _takes_any_sign(body: Expr) -> bool:
    """Whether an entry of unknown sign is a factor of one term and stands nowhere else."""
    inside = Counter(node for node in nodes(body) if isinstance(node, Ref))
    parts = [body]
    for part in parts:
        if isinstance(part, Add | Mul):
            parts += part.args
    return any(isinstance(part, Ref) and part.is_nonnegative is None and inside[part] == 1 for part in parts)


def _is_scale(factor: Expr) -> bool:
    """Whether a factor is a positive number, a length, or a power of one."""
    base, power = factor.as_base_exp()
    return bool((base.is_Rational and base > 0) or isinstance(base, Dim)) and bool(power.is_Integer)


def _is_square(factor: Expr) -> bool:
    """Whether a factor is an even power of what is real and may be zero."""
    square = isinstance(factor, Pow) and factor.exp.is_Integer and factor.exp > 0 and factor.exp % 2 == 0
    return bool(square) and _takes_any_sign(factor.base) and bool(factor.base.is_extended_real)
