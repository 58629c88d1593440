"""Variances and standard deviations by their names in matrix notation.

``mean((x - mean(x))**2)`` is written ``var(x)`` and its root ``std(x)``, axes as they stand.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from sympy import Rational

from chainrule.derive.notation.syntax import Binary, Call, Node, Number

TWO = Number(Rational(2))


def with_moments(node: Node) -> Node:
    """The node with its variances and standard deviations by name."""
    changed = {field.name: _changed(getattr(node, field.name)) for field in fields(node) if field.name != "span"}
    different = {name: value for name, value in changed.items() if value is not getattr(node, name)}
    node = replace(node, **different) if different else node
    return _deviation(node) or _variance(node) or node


def _changed(value: Any) -> Any:
    """A part of a node: a node, or a tuple of nodes or of pairs with nodes."""
    if isinstance(value, Node):
        return with_moments(value)
    if isinstance(value, tuple):
        parts = tuple(_changed(part) for part in value)
        return value if all(new is old for new, old in zip(parts, value, strict=True)) else parts
    return value


def _deviation(node: Node) -> Node | None:
    if isinstance(node, Call) and node.function == "sqrt":
        (inner,) = node.arguments
        if isinstance(inner, Call) and inner.function == "var":
            return replace(inner, function="std")
    return None


def _variance(node: Node) -> Node | None:
    """``var(x)`` for the mean of the squared distances from the mean over the same axes."""
    if not isinstance(node, Call) or node.function != "mean":
        return None
    (square,) = node.arguments
    if not isinstance(square, Binary) or square.operator != "**" or square.right != TWO:
        return None
    distance = square.left
    if not isinstance(distance, Binary) or distance.operator != "-":
        return None
    for x, mean in ((distance.left, distance.right), (distance.right, distance.left)):
        if not isinstance(mean, Call) or mean.function != "mean" or mean.arguments != (x,):
            continue
        if _same_axes(dict(node.keywords), dict(mean.keywords)):
            return replace(node, function="var", arguments=(x,))
    return None


def _same_axes(outer: dict[str, Node], inner: dict[str, Node]) -> bool:
    """Whether the inner mean is over the same axes and broadcasts against what it was taken of."""
    if outer.get("axis") != inner.get("axis"):
        return False
    # Over the first axis, or all axes, a mean broadcasts as it is.
    return "axis" not in inner or "keepdims" in inner or inner["axis"] == Number(Rational(0))
