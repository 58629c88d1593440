"""Second derivatives that are seen not to be negative: ``sum d[k] A[k,i] A[k,j]`` with ``d >= 0``."""

from __future__ import annotations

from collections.abc import Collection

from sympy import Abs, Add, Expr, Function, KroneckerDelta, Mul, Pow, cos, cosh, erf, exp, log, sign, sin, sinh, tanh

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Input, Program, Ref, free_index
from chainrule.derive.scalar import where

#: Definitions inside definitions that are looked into.
MAX_DEPTH = 4
#: Functions between 0 and 1, or -1 and 1.
AT_MOST_ONE = frozenset({"sigmoid", "normcdf"})
#: Reductions of smooth functions that are smooth.
SUMS = frozenset({"", "sum", "logsumexp"})
#: Functions of SymPy that are smooth everywhere.
SMOOTH = (exp, tanh, sinh, cosh, sin, cos, erf, KroneckerDelta)

ROW, COLUMN = free_index(0), free_index(1)


def semidefinite(program: Program, name: str, depth: int = 0) -> bool:
    """Whether a number is nonnegative, or a matrix positive semidefinite, by its form."""
    item = program.by_name[name]
    if isinstance(item, Input):
        return item.domain.name in ("spd", "psd")
    if depth > MAX_DEPTH or len(item.shape) not in (0, 2):
        return False
    if item.reduce == "inv":
        return isinstance(item.body, Ref) and semidefinite(program, item.body.name, depth + 1)
    return item.reduce in ("", "sum") and all(_term(program, term, depth) for term in Add.make_args(item.body))


def is_smooth(program: Program, variable: str) -> bool:
    """Whether every value of a program is seen to be a smooth function of a variable on the whole of its domain."""
    active = reached(program, frozenset([variable]))
    later = [item for item in program.definitions if item.name in active]
    parts = {part for item in later for part in item.body.atoms(Pow, Function, Abs)}
    return all(item.reduce in SUMS for item in later) and all(_is_smooth(part, active) for part in parts)


def _is_smooth(part: Expr, active: Collection[str]) -> bool:
    if not any(ref.name in active for ref in part.atoms(Ref)):
        return True
    if isinstance(part, Pow):
        return bool(part.exp.is_Integer and part.exp.is_positive) or bool(part.base.is_positive)
    if isinstance(part, log):
        return bool(part.args[0].is_positive)
    if isinstance(part, CatalogFunction):
        entry = part.entry
        return not entry.domain and not entry.kinks and not entry.define.has(where, Abs, sign)
    return isinstance(part, SMOOTH)


def _term(program: Program, term: Expr, depth: int) -> bool:
    """Whether one term is a weight that is not negative times factors that come in pairs."""
    factors = Mul.make_args(term)
    moving = [factor for factor in factors if factor.has(ROW, COLUMN)]
    weights = [factor for factor in factors if factor not in moving]
    unit = KroneckerDelta(ROW, COLUMN)
    if unit in moving:
        weights += [factor.xreplace({COLUMN: ROW}) for factor in moving if factor != unit]
        moving = []
    if not all(_is_nonnegative(program, factor) for factor in weights):
        return False
    if len(moving) == 1 and isinstance(moving[0], Ref):
        return {*moving[0].indices} == {ROW, COLUMN} and semidefinite(program, moving[0].name, depth + 1)
    left, right = (Mul(*(factor for factor in moving if factor.has(side))) for side in (ROW, COLUMN))
    return not left.has(COLUMN) and bool(left.xreplace({ROW: COLUMN}) == right)


def _is_nonnegative(program: Program, factor: Expr) -> bool:
    """Whether a factor is seen not to be negative; ``1 - sigmoid(z)`` is not."""
    base = _opened(program, factor.base if isinstance(factor, Pow) else factor)
    return bool(factor.is_nonnegative or base.is_nonnegative) or _leaves_something(program, 1 - base)


def _leaves_something(program: Program, part: Expr) -> bool:
    """Whether a part is at most 1: a function between 0 and 1, or the square of one between -1 and 1."""
    if isinstance(part, Pow) and part.exp == 2:
        return isinstance(_opened(program, part.base), tanh) or _leaves_something(program, part.base)
    inner = _opened(program, part)
    return isinstance(inner, CatalogFunction) and inner.entry.name in AT_MOST_ONE


def _opened(program: Program, part: Expr) -> Expr:
    """What an entry of a definition is, entry by entry."""
    item = program.by_name.get(part.name) if isinstance(part, Ref) else None
    return item.body if isinstance(item, Definition) and not item.reduce else part
