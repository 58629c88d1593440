"""Bounds of the Hessian's eigenvalues for smooth formulas of a few numbers: exact, or by Gershgorin's circles.

Source: Horn and Johnson, Matrix Analysis (2013), theorem 6.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp
from sympy import Abs, Add, Expr, Matrix, Symbol

from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.program import Definition, Program, Ref
from chainrule.learning.convexity.enclosures import MAX_OPERATIONS, enclosure
from chainrule.learning.convexity.intervals import elementary
from chainrule.learning.convexity.scalar import KINKED, opened

#: Numbers that a formula may have.
MAX_NUMBERS = 4


def eigenvalue_bounds(program: Program, names: Sequence[str]) -> tuple[Expr, Expr] | None:
    """The smallest and the largest eigenvalue that the Hessian can have, as far as enclosures tell."""
    body = _body(program, names)
    if body is None:
        return None
    symbols = sorted(body.free_symbols, key=str)
    rows = [[scalar_derivative(scalar_derivative(body, a), b) for b in symbols] for a in symbols]
    hessian = Matrix([[sp.expand(elementary(entry)) for entry in row] for row in rows])
    if not hessian.free_symbols and len(symbols) <= 2:
        values = sorted(hessian.eigenvals(), key=sp.N)
        return values[0], values[-1]
    if any(entry.count_ops() > MAX_OPERATIONS for entry in hessian):
        return None
    lows, highs = [], []
    for n in range(hessian.rows):
        low, high = enclosure(hessian[n, n])
        radius = Add(*(enclosure(Abs(hessian[n, m]))[1] for m in range(hessian.cols) if m != n))
        lows.append(low - radius)
        highs.append(high + radius)
    return (min(lows, key=_key), max(highs, key=_key))


def _key(number: Expr) -> float:
    return float(number) if number.is_comparable or number.is_infinite else float("nan")


def _body(program: Program, names: Sequence[str]) -> Expr | None:
    """The formula in symbols for its variables, which are all of its numbers; ``None`` for others."""
    output = program.output
    if not isinstance(output, Definition) or output.reduce or not 0 < len(names) <= MAX_NUMBERS:
        return None
    refs = {ref.name for ref in output.refs}
    if refs != set(names) or any(program.by_name[name].shape for name in names):
        return None
    swaps = {ref: Symbol(ref.name, **_assumptions(ref)) for ref in output.refs}
    body = opened(output.body).xreplace(swaps)
    return None if body.has(*KINKED) else body


def _assumptions(ref: Ref) -> dict[str, bool]:
    if ref.is_positive:
        return {"positive": True}
    return {"nonnegative": True} if ref.is_nonnegative else {"real": True}
