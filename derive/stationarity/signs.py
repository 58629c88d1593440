"""What is known of the sign of a number, sums over indices included."""

from __future__ import annotations

from sympy import Dummy, Expr, Mul, Pow

from chainrule.derive.forms.bound_terms import Over


def with_signs(expr: Expr) -> Expr:
    """The expression with symbols of known sign in place of its sums over indices."""
    signs: dict[Expr, Expr] = {}
    for over in expr.atoms(Over):
        if over.kind in ("sum", "max", "min", "prod"):
            body = with_signs(over.body)
            signs[over] = (
                Dummy(positive=True)
                if body.is_positive
                else Dummy(**({"nonnegative": True} if body.is_nonnegative else {"real": True}))
            )
    return expr.xreplace(signs) if signs else expr


def is_positive(expr: Expr) -> bool:
    """Whether an expression is certainly positive."""
    return bool(with_signs(expr).is_positive)


def is_nonnegative(expr: Expr) -> bool:
    """Whether an expression is certainly not negative, wherever it has a value."""
    signed = with_signs(expr)
    factors = [part.base if isinstance(part, Pow) else part for part in Mul.make_args(signed)]
    return bool(signed.is_nonnegative) or all(factor.is_nonnegative for factor in factors)


def is_nonzero(expr: Expr) -> bool:
    """Whether an expression is certainly not zero."""
    return bool(with_signs(expr).is_nonzero)
