"""Leaves of scalar functions: the affine parts of an expression, and symbols in place of them."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from sympy import Abs, Add, Expr, Function, Mul, Pow, Symbol

from chainrule.derive.program import Ref
from chainrule.learning.convexity.intervals import Interval


def symbol(name: str, interval: Interval) -> Symbol:
    """A symbol for the numbers of an interval; where they lie decides, its assumptions only help SymPy."""
    if interval.low.is_nonnegative:
        return Symbol(name, positive=True)
    return Symbol(name, real=True)


def parameters(body: Expr) -> dict[Expr, Expr]:
    """What does not depend on the variables, as symbols that keep their sign."""
    return {ref: Symbol(str(ref), **_assumptions(ref, body)) for ref in body.atoms(Ref)}


def _assumptions(ref: Ref, body: Expr) -> dict[str, bool]:
    # Where a formula has no value for 0, nothing is said of it there.
    if ref.is_positive or (ref.is_nonnegative and body.subs(ref, 0).has(sp.nan, sp.zoo, sp.oo)):
        return {"positive": True}
    return {"nonnegative": True} if ref.is_nonnegative else {"real": True}


def moving(expr: Expr, moves: Callable[[Expr], bool]) -> Expr:
    """The part of an affine expression that moves, without a number in front."""
    if not isinstance(expr, Add):
        factors = [factor for factor in Mul.make_args(expr) if not factor.is_number]
        return Mul(*factors)
    moving = Add(*(arg for arg in expr.args if moves(arg)))
    scale, rest = moving.as_content_primitive() if isinstance(moving, Add) else moving.as_coeff_Mul()
    del scale
    return -rest if rest.could_extract_minus_sign() else rest


def replaced(expr: Expr, values: dict[Expr, Expr], moves: Callable[[Expr], bool]) -> Expr | None:
    """An expression in which the leaves have been replaced, wherever they stand inside sums and products."""
    if expr in values:
        return values[expr]
    if not moves(expr) or not expr.args or isinstance(expr, Ref):
        return expr
    for leaf, value in values.items():
        ratio = _multiple_of(expr, leaf, moves)
        if ratio is not None:
            return ratio[0] * value + ratio[1]
    if isinstance(expr, Add):
        flat = Add(*(arg for arg in expr.args if _is_flat(arg, moves)))
        if flat not in (expr, 0) and moves(flat):
            parts = [replaced(part, values, moves) for part in (flat, expr - flat)]
            return None if any(part is None for part in parts) else Add(*parts)
    parts = [replaced(arg, values, moves) for arg in expr.args]
    return None if any(part is None for part in parts) else expr.func(*parts)


def _is_flat(expr: Expr, moves: Callable[[Expr], bool]) -> bool:
    """Whether what moves in a term is entries alone, outside every function."""
    return not any(moves(node) for node in expr.atoms(Pow, Function, Abs))


def _multiple_of(expr: Expr, leaf: Expr, moves: Callable[[Expr], bool]) -> tuple[Expr, Expr] | None:
    """``expr = a*leaf + b`` with ``a`` and ``b`` that do not move, where ``expr`` is a sum or a multiple."""
    if not isinstance(expr, Add | Mul):
        return None
    refs = sorted((ref for ref in leaf.atoms(Ref) if moves(ref)), key=str)
    if not refs or not {ref for ref in expr.atoms(Ref) if moves(ref)} <= set(refs):
        return None
    if any(moves(node) for node in expr.atoms(Pow, Function, Abs)):
        return None
    mine, other = sp.expand(expr).coeff(refs[0], 1), sp.expand(leaf).coeff(refs[0], 1)
    if other == 0 or moves(mine) or moves(other):
        return None
    ratio = sp.cancel(mine / other)
    rest = sp.expand(expr - ratio * leaf)
    return None if moves(rest) else (ratio, rest)
