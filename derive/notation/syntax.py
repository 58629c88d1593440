"""The syntax tree of matrix notation: what the parser reads and what the printers write.

The parser makes these nodes from text; ``matrix_form`` makes them from index notation, so that
every printed formula can be read back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sympy import Rational

from chainrule.derive.errors import Span

#: What a sign with index letters does.
IndexKind = Literal["sum", "prod", "max", "min", "logsumexp", "softmax", "log_softmax", "hardmax", "array"]
#: Kinds that have a value for each value of the letter, which stays open.
ALONG = frozenset({"softmax", "log_softmax", "hardmax"})
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
class Juxtaposed(Node):
    """``left right``: the product by the rules of linear algebra, read from text only.

    A product with a matrix is ``@``; a transposed vector before a vector is their inner product,
    after one it makes the outer product; everything else is ``*``.  LaTeX has products with a
    ``sign`` as well, such as ``⊙``; ``loose`` says that the left operand is a product without brackets.
    """

    left: Node
    right: Node
    sign: str = ""
    loose: bool = field(default=False, compare=False, kw_only=True, repr=False)


#: The detail of a sign that stands where entries are reduced, so that it may be meant entry by entry.
ENTRYWISE = "entrywise"


@dataclass(frozen=True)
class Overloaded(Node):
    """A sign of LaTeX whose meaning depends on the axes of its operands.

    ``A^{-1}`` is the inverse of a matrix and one over a scalar; ``|A|`` a determinant or absolute
    values.  ``detail`` is what else the sign says, such as the order of a norm.
    """

    sign: str
    operands: tuple[Node, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class Transpose(Node):
    """``operand.T``; ``prime`` says that it was written ``operand'``."""

    operand: Node
    prime: bool = field(default=False, compare=False, kw_only=True, repr=False)


@dataclass(frozen=True)
class IndexRange(Node):
    """``i=1`` below and ``n`` above a sum sign: the values of an index letter, both ends included.

    A bound that is ``None`` is where the axes end on which the letter stands.  Bounds may hold
    letters of outer sums.
    """

    letter: str
    start: Node | None = None
    stop: Node | None = None


@dataclass(frozen=True)
class IndexSum(Node):
    """``Σ_i body``: a reduction over index letters, which stand as subscripts in the body.

    Attributes:
        letters: the index letters; none of a bare sign, which sums over the subscripts that its
            body carries, or over all entries of arrays.
        body: what is reduced.
        kind: a reduction, or ``softmax`` and ``log_softmax``, whose letter stays open.
        ranges: what is said of the letters' values.
        conditions: comparisons that restrict the terms, such as ``i < j``.
        bare: whether the letters are those that the body carries, none having been written.
    """

    letters: tuple[str, ...]
    body: Node
    kind: IndexKind = "sum"
    ranges: tuple[IndexRange, ...] = ()
    conditions: tuple[Node, ...] = ()
    bare: bool = field(default=False, compare=False, kw_only=True, repr=False)


@dataclass(frozen=True)
class Subscripted(Node):
    """``x_i``, ``X_ij``, ``x_{i+1}``, ``w_1``: a name with a subscript as on paper.

    An entry where the subscript consists of index letters, else a name of its own: ``whole``,
    which is empty where the subscript is an expression.
    """

    base: str
    items: tuple[Node, ...]
    whole: str


@dataclass(frozen=True)
class Iverson(Node):
    """``[a > b]``: 1 where the comparison holds, else 0."""

    condition: Node


@dataclass(frozen=True)
class Slice(Node):
    """``start:stop:step`` inside brackets; ``None`` where left out."""

    start: Node | None = None
    stop: Node | None = None
    step: Node | None = None


@dataclass(frozen=True)
class NewAxis(Node):
    """``None`` inside brackets: a new axis of length one."""


@dataclass(frozen=True)
class Applied(Node):
    """``p(x)``, ``P(A|B)``: a name that is no function of the catalogue, with arguments in brackets."""

    name: str
    arguments: tuple[Node, ...]
    given: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Dots(Node):
    """``...`` inside brackets: whole axes, as many as are left."""


@dataclass(frozen=True)
class Subscript(Node):
    """``operand[items]``; ``paper`` says that it was written ``operand_i``, where entries count from 1."""

    operand: Node
    items: tuple[Node, ...]
    paper: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Tuple(Node):
    """``(a, b)``: a shape or several axes; ``square``, ``[a, b]``, an array with these entries or rows."""

    items: tuple[Node, ...]
    square: bool = False


@dataclass(frozen=True)
class Call(Node):
    """``function(arguments, keyword=value)``."""

    function: str
    arguments: tuple[Node, ...] = ()
    keywords: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True)
class Rate(Node):
    """``d(body)/d(variable)``: a derivative that is not worked out, as derivations show it; it is never read."""

    body: Node
    variable: Node


def event_name(head: str, arguments: Sequence[str], conditions: Sequence[str]) -> str:
    """The name that ``P(A, B|C)`` stands for: ``P_A_B_given_C``."""
    given = ["given", *conditions] if conditions else []
    return "_".join([head, *arguments, *given])


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly under a node."""
    found: list[Node] = []
    for part in vars(node).values():
        if isinstance(part, Node):
            found.append(part)
        elif isinstance(part, tuple):
            found += [inner for item in part for inner in (item if isinstance(item, tuple) else (item,))
                      if isinstance(inner, Node)]  # fmt: skip
    return tuple(found)


def walk(node: Node) -> Iterator[Node]:
    """The node and all nodes under it, from left to right, without recursion."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(children(node))
