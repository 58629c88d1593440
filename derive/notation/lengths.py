"""Arguments that are not tensors: lengths, axes, shapes and switches.

They are integers that are known when the formula is read: numbers and names of lengths, added,
subtracted and multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import Expr, Min, S

from chainrule.derive.errors import LimitError, NotationError
from chainrule.derive.notation.declarations import MAX_LENGTH
from chainrule.derive.notation.functions import MAX_RANK, Axes
from chainrule.derive.notation.syntax import Binary, Call, Name, Negative, Node, Number, Tuple
from chainrule.derive.notation.tensors import Shape
from chainrule.derive.program import Dim


def length(node: Node, dims: Mapping[str, Dim]) -> Expr:
    """An integer expression of lengths, such as ``n - 1``.

    Raises:
        NotationError: the node is something else.
    """
    if isinstance(node, Number) and node.value.is_Integer:
        if node.value > MAX_LENGTH:
            raise LimitError(f"the length {node.value} is above the limit {MAX_LENGTH}", node.span)
        return node.value
    if isinstance(node, Name) and node.name in dims:
        return dims[node.name]
    if isinstance(node, Negative):
        return -length(node.operand, dims)
    if isinstance(node, Binary) and node.operator in {"+", "-", "*"}:
        left, right = length(node.left, dims), length(node.right, dims)
        return {"+": left + right, "-": left - right, "*": left * right}[node.operator]
    if isinstance(node, Call) and node.function in {"min", "minimum"} and len(node.arguments) == 2:
        return Min(*(length(argument, dims) for argument in node.arguments))
    known = f"lengths: {', '.join(sorted(dims))}" if dims else "no declaration has a named length"
    raise NotationError(
        "this is not an integer that is known when the formula is read", node.span,
        expected="an integer, the name of a length, or a sum of these such as n - 1", hint=known,
    )  # fmt: skip


def shape(nodes: tuple[Node, ...], dims: Mapping[str, Dim]) -> Shape:
    """The shape that ``ones(n)``, ``ones((n, p))`` or ``ones(n, p)`` names."""
    if len(nodes) == 1 and isinstance(nodes[0], Tuple):
        nodes = nodes[0].items
    if len(nodes) > MAX_RANK:
        raise LimitError(f"a tensor has at most {MAX_RANK} axes", nodes[MAX_RANK].span)
    return tuple(side(node, dims) for node in nodes)


def new_shape(nodes: tuple[Node, ...], dims: Mapping[str, Dim]) -> Shape:
    """A shape in which ``-1`` stands for the length that is left."""
    if len(nodes) == 1 and isinstance(nodes[0], Tuple):
        nodes = nodes[0].items
    return tuple(S.NegativeOne if length(node, dims) == -1 else side(node, dims) for node in nodes)


def numbers(node: Node, dims: Mapping[str, Dim]) -> Any:
    """An integer, or integers in brackets, as deep as they are written."""
    if isinstance(node, Tuple):
        return tuple(numbers(item, dims) for item in node.items)
    return length(node, dims)


def side(node: Node, dims: Mapping[str, Dim]) -> Expr:
    """The length of an axis, which is positive."""
    value = length(node, dims)
    if value.is_nonpositive:
        raise NotationError("an axis has a positive length", node.span, found=str(value))
    return value


def axes(node: Node, several: bool) -> Axes:
    """``axis=``: an integer, a tuple of integers, or ``None``."""
    if several and isinstance(node, Name) and node.name == "None":
        return Axes(None, node.span)
    items = node.items if several and isinstance(node, Tuple) else (node,)
    return Axes(tuple(_integer(item) for item in items), node.span)


def _integer(node: Node) -> int:
    sign, inner = (-1, node.operand) if isinstance(node, Negative) else (1, node)
    if isinstance(inner, Number) and inner.value.is_Integer and inner.value < 100:
        return sign * int(inner.value)
    raise NotationError(
        "an axis is an integer", node.span, expected="an integer such as 0 or -1",
        hint="the larger of two values is maximum(a, b), the smaller is minimum(a, b)",
    )  # fmt: skip


def switch(node: Node) -> bool:
    """``True`` or ``False``."""
    if isinstance(node, Name) and node.name in {"True", "False"}:
        return node.name == "True"
    raise NotationError("a switch is True or False", node.span, expected="True or False")
