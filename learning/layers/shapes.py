"""Expressions of products: their operands, and the lengths that products and sums make equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chainrule.derive.errors import ShapeError, UnsupportedError
from chainrule.derive.notation.syntax import Binary, Call, Name, Negative, Node, Number, Transpose
from chainrule.derive.notation.unparse import unparse

ENTRYWISE = ("+", "-", "*", "/", "**")
Shape = tuple[int, ...]


def names_of(node: Node) -> Iterator[str]:
    """The variables of an expression, as often as they stand there."""
    if isinstance(node, Name):
        yield node.name
    for child in children(node):
        yield from names_of(child)


def children(node: Node) -> tuple[Node, ...]:
    """The operands of an expression.

    Raises:
        UnsupportedError: something else than products, transposes and functions entry by entry.
    """
    if isinstance(node, Name | Number):
        return ()
    if isinstance(node, Transpose | Negative):
        return (node.operand,)
    if isinstance(node, Binary) and node.operator in (*ENTRYWISE, "@"):
        return node.left, node.right
    if isinstance(node, Call) and len(node.arguments) == 1 and not node.keywords:
        return (node.arguments[0],)
    raise UnsupportedError(
        f"{unparse(node)} is not written out entry by entry", span=node.span,
        expected="products @, transposes, sums, and functions of one number",
    )  # fmt: skip


@dataclass
class Lengths:
    """Lengths of axes, made equal where an expression needs it."""

    same: dict[int, int] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)

    def declare(self, ranks: Mapping[str, int]) -> None:
        """New lengths for every axis of these variables."""
        for name, rank in ranks.items():
            self.shapes[name] = tuple(self._new() for _ in range(rank))

    def _new(self) -> int:
        self.same[len(self.same)] = len(self.same)
        return len(self.same) - 1

    def root(self, length: int) -> int:
        """What stands for all lengths that are equal to this one."""
        while self.same[length] != length:
            length = self.same[length]
        return length

    def shape(self, node: Node) -> Shape:
        """The shape of an expression, its lengths made equal where they must be."""
        if isinstance(node, Number):
            return ()
        if isinstance(node, Name):
            return self.shapes[node.name]
        if isinstance(node, Transpose):
            return self.shape(node.operand)[::-1]
        inner = [self.shape(child) for child in children(node)]
        if isinstance(node, Binary):
            return self._product(node, *inner) if node.operator == "@" else self._together(*inner)
        return inner[0]

    def _product(self, node: Node, left: Shape, right: Shape) -> Shape:
        if not left or not right:
            raise ShapeError(f"{unparse(node)} multiplies a scalar", span=node.span, hint="a scalar multiplies by *")
        first = right[0] if len(right) == 1 else right[-2]
        self.same[self.root(left[-1])] = self.root(first)
        return left[:-1] + right[:-2] + right[len(right) - 1 :] * (len(right) > 1)

    def _together(self, left: Shape, right: Shape) -> Shape:
        for a, b in zip(left[::-1], right[::-1], strict=False):
            self.same[self.root(a)] = self.root(b)
        return max(left, right, key=len)

    def number(self, length: int) -> int:
        """The place of a length among those that differ, in the order in which they come up."""
        order = list(dict.fromkeys(self.root(length) for found in self.shapes.values() for length in found))
        return order.index(self.root(length))
