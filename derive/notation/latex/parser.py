"""Tokens of LaTeX to syntax trees: a Pratt parser for expressions.

Products without a sign bind like signed ones.  Recursion goes one level deeper per nested group,
sign or function, and stops at ``MAX_DEPTH``; chains of operators are read in a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sympy import Rational

from chainrule.derive.errors import NotationError, Span, UnsupportedError
from chainrule.derive.notation.cursor import join, number_value
from chainrule.derive.notation.latex import delimiters, scripts
from chainrule.derive.notation.latex.applied import apply_word, upright_function
from chainrule.derive.notation.latex.conditions import read_cases, word_of
from chainrule.derive.notation.latex.letters import begins_letter, check_run, is_roman, read_letter
from chainrule.derive.notation.latex.reading import PRODUCT, SIGN, SUM, Reading
from chainrule.derive.notation.latex.sums import index_sign
from chainrule.derive.notation.latex.tables import ARRAYS, CONDITION_WORDS, FONTS
from chainrule.derive.notation.latex.tokens import unknown_word
from chainrule.derive.notation.syntax import Binary, Call, IndexSum, Juxtaposed, Negative, Node, Number, Text
from chainrule.derive.notation.tokens import Token
from chainrule.derive.notation.unavailable import refuse_unavailable

#: How tightly operators bind.
BINDING = {
    "+": SUM, "-": SUM, **dict.fromkeys(("·", "×", "∗", "⊙", "⊘", "⊗", "/"), PRODUCT),
}  # fmt: skip
QUOTIENTS = ("/", "⊘")


class Parser(Reading):
    """Reads expressions."""

    # ---- operators ---------------------------------------------------------------------------------

    def expression(self, least: int = 0) -> Node:
        """An expression of operators that bind at least as tightly as ``least``."""
        self.deeper(1)
        left, previous = self.operand(), ""
        while (binding := self.binding()) >= max(least, 1):
            token = self.token
            if token.is_(*BINDING):
                left, previous = self.binary(left, self.take(), binding), token.text
            else:
                left, previous = self.juxtaposed(left, previous), ""
        self.deeper(-1)
        return left

    def binding(self) -> int:
        """How tightly what follows binds to the operand before it; 0 if nothing follows."""
        if self.token.is_(*BINDING):
            return BINDING[self.token.text]
        return PRODUCT if self.starts_factor() else 0

    def starts_factor(self) -> bool:
        """Whether what stands here begins an operand."""
        token = self.token
        if token.kind == "operator":
            return token.text in ("(", "[", "{", "{(", "⟨") or delimiters.opens_bars(self)
        if token.kind != "command":
            return token.kind in {"name", "number"}
        return token.text in COMMANDS or (begins_letter(token) and word_of(token) not in CONDITION_WORDS) or (
            token.text.startswith("begin:") or bool(upright_function(token))
        )  # fmt: skip

    def binary(self, left: Node, token: Token, binding: int) -> Node:
        """An operator, which has been read, with its right operand."""
        right = self.expression(binding + 1)
        span = join(left, right)
        if token.text == "+" or token.text == "-":
            return Binary("+" if token.text == "+" else "-", left, right, span=span)
        if token.text == "/":
            return Binary("/", left, right, span=span)
        return Juxtaposed(left, right, token.text, loose=is_open(left), span=span)

    def juxtaposed(self, left: Node, previous: str) -> Node:
        """A product without a sign; ``previous`` is the operator before the left operand's end."""
        token = self.token
        if token.kind == "number":
            raise NotationError(
                "an operator is missing before this number", token.span, expected="an operator such as \\cdot",
                found=token.shown,
            )  # fmt: skip
        if token.is_("|", "‖"):
            self.check_bars(token)
        right = self.expression(PRODUCT + 1)
        span = join(left, right)
        if previous in QUOTIENTS and not isinstance(right, IndexSum):
            raise NotationError(
                "this quotient can be read in two ways", span,
                expected=f"({excerpt(left)}) \\cdot {excerpt(right)}, or brackets around what is divided by",
                hint="\\frac{..}{..} says where a quotient ends",
            )  # fmt: skip
        return Juxtaposed(left, right, loose=is_open(left), span=span)

    def check_bars(self, token: Token) -> None:
        """Refuse ``|a| b |c|``, which is also ``|a |b| c|``."""
        before = self.tokens[: self.at]
        closing = next((n for n in reversed(range(len(before))) if before[n].is_(token.text)), -1)
        between = before[closing + 1 :]
        level_kept = not any(part.is_("(", ")", "[", "]", "{", "}", "{(", "})") for part in between)
        if closing > 0 and between and level_kept and not any(part.is_("+", "-", ",", "=") for part in between):
            raise NotationError(
                "these bars can be read in two ways", token.span, also=(("with this bar", before[closing].span),),
                expected="\\lvert and \\rvert, or \\left| and \\right|, which say where bars open and close",
            )  # fmt: skip

    # ---- operands ----------------------------------------------------------------------------------

    def operand(self) -> Node:
        """An operand, or one with a sign before it."""
        token = self.token
        if token.is_("-", "+"):
            self.take()
            inner = self.expression(SIGN)
            end = inner.span.end if inner.span else token.span.end
            span = Span(token.span.text, token.span.start, end)
            return Negative(inner, span=span) if token.text == "-" else replace(inner, span=span)
        return self.atom()

    def atom(self) -> Node:
        """An operand with its scripts."""
        start = self.token
        if start.kind == "name" or begins_letter(start):
            return self.word(start)
        node = self.bare_atom()
        return scripts.raised(self, node, self.scripts(), start)

    def word(self, start: Token) -> Node:
        """A name, an entry, or a function by its name."""
        if start.kind == "name":
            check_run(self)
        if is_roman(start) and upright_function(start) and self.is_function(start):
            return scripts.raised(self, apply_word(self, upright_function(start)), self.scripts(), start)
        if is_roman(start) and word_of(start) not in self.names.ranks:
            refuse_unavailable(word_of(start).replace(" ", ""), start.span)
        if start.text in FONTS and (constant := self.constant(start)) is not None:
            return scripts.raised(self, constant, self.scripts(), start)
        return scripts.read_name(self, read_letter(self), start)

    def is_function(self, token: Token) -> bool:
        """Whether an upright word is a function where it stands, and not a name."""
        word = word_of(token)
        known = word.replace("\\_", "_") in self.names.ranks
        if known and self.next.is_("(", "["):
            raise NotationError(
                f"{word} before a bracket can be read in two ways: as the function or as the declared name",
                token.span, expected=f"\\mathrm{{{word}}} \\cdot (..) for the name",
                hint="for the function, give the name another word",
            )  # fmt: skip
        return not known

    def constant(self, start: Token) -> Node | None:
        r"""``\mathbf{1}`` and its like, if that stands here."""
        place = self.at
        token = self.take()
        group = self.group(token)
        if group.words in (("1",), ("0",)):
            return delimiters.read_constant(self, start, group)
        self.at = place
        return None

    def bare_atom(self) -> Node:
        """An operand that is no name, without scripts."""
        token = self.token
        if token.kind == "number":
            self.take()
            return Number(number_value(token), span=token.span)
        if token.kind == "text":
            self.take()
            return Text(token.text, span=token.span)
        if token.is_("{"):
            return self.whole(self.group(token))
        if token.is_("(", "[", "{("):
            return delimiters.read_bracket(self)
        if token.is_("|", "|(", "‖", "‖("):
            return delimiters.read_bars(self)
        if token.is_("⟨"):
            return delimiters.read_inner_product(self)
        if token.kind == "command":
            return self.command(token)
        raise NotationError(
            "an operand is missing", token.span, expected="a number, a name or an expression in brackets",
            found=token.shown,
        )  # fmt: skip

    def command(self, token: Token) -> Node:
        """An operand that a word begins."""
        reader = COMMANDS.get(token.text)
        if reader is not None:
            return reader(self)
        function = upright_function(token)
        if function:
            return apply_word(self, function)
        if token.text.startswith("begin:"):
            return self.environment(token)
        raise unknown_word(token)

    def environment(self, token: Token) -> Node:
        """``cases`` or a matrix."""
        self.take()
        name = token.text.removeprefix("begin:")
        if name in ("cases", "dcases"):
            return replace(read_cases(self, name), span=self.from_(token))
        if name in ARRAYS:
            return delimiters.read_matrix(self, name, token)
        raise UnsupportedError(
            f"the environment {name} is not read", token.span, expected="cases, pmatrix, bmatrix or aligned"
        )


def _fraction(reading: Parser) -> Node:
    r"""``\frac{a}{b}``."""
    token = reading.take()
    first = reading.tokens[reading.at : reading.at + 2]
    above = reading.argument(token)
    second = reading.tokens[reading.at : reading.at + 3]
    below = reading.argument(token)
    if _is_differential(first[-1]) and _is_differential(second[1]) and begins_letter(second[2]):
        raise NotationError(
            "this can be read as a derivative or as a quotient", reading.from_(token),
            expected="the function itself, or \\frac{d \\cdot ..}{d \\cdot ..}",
            hint="derivatives are what is computed",
        )  # fmt: skip
    return Binary("/", above, below, span=reading.from_(token))


def _is_differential(token: Token) -> bool:
    r"""Whether a token is the d of ``\frac{df}{dx}``."""
    return (token.kind == "name" and token.text == "d") or word_of(token) == "d"


def _root(reading: Parser) -> Node:
    r"""``\sqrt{x}``, ``\sqrt[3]{x}``."""
    token = reading.take()
    degree = scripts.degree(reading)
    inner = reading.argument(token)
    span = reading.from_(token)
    if degree is None or degree == 2:
        return Call("sqrt", (inner,), span=span)
    if degree == 3:
        return Call("cbrt", (inner,), span=span)
    root = Binary("**", Call("abs", (inner,)) if degree % 2 else inner, Number(Rational(1, degree)), span=span)
    return Binary("*", Call("sign", (inner,)), root, span=span) if degree % 2 else root


def _sign(reading: Parser) -> Node:
    r"""``\sum`` and ``\prod`` with what stands below and above them."""
    token = reading.take()
    return index_sign(reading, token, "sum" if token.text == "sum" else "prod", reading.scripts())


def _underbrace(reading: Parser) -> Node:
    r"""``\underbrace{..}_{\text{fit}}``: what it says below is a remark."""
    token = reading.take()
    node = reading.argument(token)
    reading.scripts()
    return replace(node, span=reading.from_(token))


#: Words that begin an operand, by what reads them.
COMMANDS: dict[str, Callable[[Parser], Node]] = {
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), _fraction),
    "sqrt": _root,
    "sum": _sign,
    "prod": _sign,
    "underbrace": _underbrace,
    "overbrace": _underbrace,
}


def is_open(node: Node) -> bool:
    """Whether a node is a product without brackets around it: those would count to its place."""
    return (
        isinstance(node, Juxtaposed) and node.span is not None and node.left.span is not None
        and node.span.start == node.left.span.start
    )  # fmt: skip


def excerpt(node: Node) -> str:
    """The text of a node."""
    return node.span.excerpt if node.span else ".."
