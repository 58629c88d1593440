"""What follows an operand directly: transposes, subscripts, powers, methods, the brackets of calls."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import LimitError, NotationError, Span, near_names
from chainrule.derive.notation.cursor import superscript_power, until
from chainrule.derive.notation.signs import Signs
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    Dots,
    Name,
    NewAxis,
    Node,
    Number,
    Slice,
    Subscript,
    Transpose,
)
from chainrule.derive.notation.tokens import Token

#: Levels of brackets, signs, powers and functions inside each other.
MAX_DEPTH = 200
METHODS: frozenset[str] = frozenset(name for name, entry in TENSOR_BY_NAME.items() if entry.method)
MODULES = frozenset({"np", "numpy", "jnp", "torch", "math", "tf", "scipy", "sp"})


class Postfix(Signs):
    """Reads what stands right after an operand, on top of the signs over indices.

    Attributes:
        open: the brackets and bars that the place lies in.
    """

    def __init__(self, tokens: Sequence[Token], names: Collection[str], left: Sequence[str]) -> None:
        super().__init__(tokens, names, left)
        self.open: list[str] = []
        self.depth = 0

    def deeper(self, levels: int) -> None:
        """Count levels of nesting."""
        self.depth += levels
        if self.depth > MAX_DEPTH:
            raise LimitError(
                f"the formula is nested more than {MAX_DEPTH} levels deep", self.token.span,
                hint="give inner parts names: name = expression",
            )  # fmt: skip

    def postfix(self, node: Node) -> Node:
        """An operand with all that follows it directly."""
        levels = 0
        while (following := self.follow(node)) is not None:
            node = following
            self.deeper(1)
            levels += 1
        self.deeper(-levels)
        return node

    def follow(self, node: Node) -> Node | None:
        """The operand with the next thing that follows it directly, if anything does."""
        token = self.token
        if token.is_(".T", "'"):
            self.take()
            return Transpose(node, prime=token.text == "'", span=until(node, token))
        if token.is_("[") and not token.spaced and not isinstance(node, Number):
            return self.subscript(node)
        if token.kind == "superscript":
            self.take()
            return Binary("**", node, superscript_power(token), span=until(node, token))
        if token.kind == "method":
            return self.method(node)
        return None

    def method(self, node: Node) -> Node:
        """``x.sum(..)`` for ``sum(x, ..)``."""
        token = self.take()
        if isinstance(node, Name) and node.name in MODULES and node.name not in self.names:
            raise NotationError(
                f"functions are written without {node.name}.", until(node, token), hint=f"write {token.text}(..)"
            )
        if token.text not in METHODS or not self.token.is_("("):
            raise NotationError(
                f".{token.text} is not known", token.span, near=near_names(token.text, {"T", *METHODS}),
                hint="values have no attributes besides .T and methods such as .sum(axis=0)",
            )  # fmt: skip
        return self.call(token, node)

    def call(self, token: Token, first: Node | None = None) -> Node:
        """A call whose name has been read; ``first`` is the operand of a method."""
        opening = self.take()
        self.open.append("(")
        arguments: list[Node] = [] if first is None else [first]
        keywords: list[tuple[str, Node]] = []
        while not self.token.is_(")"):
            if self.token.kind == "name" and self.next.is_("="):
                keyword = self.take().text
                self.take()
                keywords.append((keyword, self.expression()))
            elif keywords:
                raise NotationError(
                    "an argument without a name follows one with a name", self.token.span,
                    hint="equality inside where is ==" if token.text == "where" else "",
                )  # fmt: skip
            else:
                arguments.append(self.expression())
            if not self.accept(","):
                break
        last = self.expect(")", opening)
        self.open.pop()
        start = first.span.start if first is not None and first.span is not None else token.span.start
        span = Span(token.span.text, start, last.span.end)
        return Call(token.text, tuple(arguments), tuple(keywords), span=span)

    def subscript(self, node: Node) -> Node:
        """``operand[items]``."""
        opening = self.take()
        self.open.append("[")
        items = [self.item()]
        while self.accept(","):
            items.append(self.item())
        last = self.expect("]", opening)
        self.open.pop()
        return Subscript(node, tuple(items), span=until(node, last))

    def item(self) -> Node:
        """One item in a subscript: an index, a slice, ``None`` or ``...``."""
        first = self.token
        if first.kind == "name" and first.text == "None":
            self.take()
            return NewAxis(span=first.span)
        if first.is_("..."):
            self.take()
            return Dots(span=first.span)
        start = None if first.is_(":") else self.expression()
        if not self.token.is_(":"):
            assert start is not None
            return start
        bounds = [start]
        while len(bounds) < 3 and self.accept(":"):
            bounds.append(None if self.token.is_(",", "]", ":") else self.expression())
        return Slice(*bounds, span=Span(first.span.text, first.span.start, self.token.span.start))
