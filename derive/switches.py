"""The switches of a scalar expression, and what the expression is on either side of them.

A switch is an expression whose sign decides which formula holds: ``u`` for ``abs(u)`` and
``relu(u)``, ``a - b`` for ``maximum(a, b)`` and for ``where(a < b, ..)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sympy as sp
from sympy import Expr, S

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.program import Ref
from chainrule.derive.scalar import Indicator, equal, less, less_equal

#: The signs of ``a - b`` for which a comparison of ``a`` and ``b`` is true.
_TRUE = {less: (-1,), less_equal: (-1, 0), equal: (0,)}

#: The sign of each switch, in the form that :func:`oriented` gives.
Signs = Mapping[Expr, int]


def oriented(expr: Expr) -> tuple[Expr, int]:
    """An expression with the same zeros for all multiples of one, and whether the given one has its sign."""
    _, basic = sp.expand(expr).primitive()
    turned = bool(basic.could_extract_minus_sign())
    return (-basic, -1) if turned else (basic, 1)


def basic_switch(node: Expr) -> tuple[Expr, str] | None:
    """The switch of a comparison, of an absolute value or of a sign, with its function."""
    if isinstance(node, Indicator):
        return node.args[0] - node.args[1], "where"
    if isinstance(node, sp.Abs | sp.sign):
        return node.args[0], "abs" if isinstance(node, sp.Abs) else "sign"
    return None


def basic_switches(expr: Expr) -> Iterator[Expr]:
    """The switches of an expression, its functions with kinks written by cases."""
    for node in sp.preorder_traversal(expr):
        found = basic_switch(node)
        if found is not None:
            yield found[0]
        elif isinstance(node, CatalogFunction) and node.entry.kinks:
            yield from basic_switches(node.entry.expanded(*node.args))


def named_switches(expr: Expr) -> Iterator[tuple[Expr, str]]:
    """Every switch of an expression as it is written, with its function; ``where`` stands for comparisons."""
    for node in sp.preorder_traversal(expr):
        found = basic_switch(node)
        if found is not None:
            yield found
        elif isinstance(node, CatalogFunction) and node.entry.kinks:
            kink = node.entry.kink
            between = kink.high - kink.low if kink else node.entry.args[0]
            values = dict(zip(node.entry.args, node.args, strict=True))
            yield between.xreplace(values), node.entry.name


def spelled_out(expr: Expr) -> Expr:
    """The expression with functions that have kinks written by cases."""
    return expr.replace(
        lambda node: isinstance(node, CatalogFunction) and bool(node.entry.kinks),
        lambda node: spelled_out(node.entry.expanded(*node.args)),
    )


def on_side(expr: Expr, signs: Signs) -> Expr:
    """A spelled-out expression where the switches have these signs."""
    if not expr.args or isinstance(expr, Ref):
        return expr
    if isinstance(expr, Indicator):
        sign = _sign(expr.args[0] - expr.args[1], signs)
        return expr if sign is None else S.One if sign in _TRUE[type(expr)] else S.Zero
    if isinstance(expr, sp.Abs | sp.sign):
        sign = _sign(expr.args[0], signs)
        if sign is not None:
            return sign * on_side(expr.args[0], signs) if isinstance(expr, sp.Abs) else sp.Integer(sign)
    return expr.func(*(on_side(argument, signs) for argument in expr.args))


def _sign(switch: Expr, signs: Signs) -> int | None:
    basic, sign = oriented(switch)
    return sign * signs[basic] if basic in signs else None
