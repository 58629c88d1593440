"""The syntax tree of matrix notation: what the parser reads and what the printers write.

The parser makes these nodes from text; ``matrix_form`` makes them from index notation, so that
every printed formula can be read back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from chainrule.derive.errors import Span
from sympy import Rational

BinaryOperator = Literal["+", "-", "*", "/", "@", "**", "<", "<=", ">", ">=", "==", "!="]


@dataclass(frozen=True)
class Node:
    """Base of all nodes; ``span`` is where the node stands in the text, if it was read from one."""

    span: Span | None = field(default=None, compare=False, kw_only=True, repr=False)


@dataclass(frozen=True)
class Number(Node):
    """A literal number, kept exactly."""

    value: Rational


@dataclass(frozen=True)
class Name(Node):
    """A variable, a dimension, or ``pi``."""

    name: str


@dataclass(frozen=True)
class Text(Node):
    """A quoted string: the subscripts of ``einsum``."""

    text: str


@dataclass(frozen=True)
class Negative(Node):
    """``-operand``."""

    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """``left operator right``, with NumPy's meaning."""

    operator: BinaryOperator
    left: Node
    right: Node


@dataclass(frozen=True)
class Transpose(Node):
    """``operand.T``."""

    operand: Node


@dataclass(frozen=True)
class Slice(Node):
    """``start:stop`` inside brackets; ``None`` where left out."""

    start: Node | None = None
    stop: Node | None = None


@dataclass(frozen=True)
class NewAxis(Node):
    """``None`` inside brackets: a new axis of length one."""


@dataclass(frozen=True)
class Subscript(Node):
    """``operand[items]``."""

    operand: Node
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Tuple(Node):
    """``(a, b)``: a shape or several axes."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Call(Node):
    """``function(arguments, keyword=value)``."""

    function: str
    arguments: tuple[Node, ...] = ()
    keywords: tuple[tuple[str, Node], ...] = ()
