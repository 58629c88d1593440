"""A walk over tokens, and the parts of a formula that need no grammar: numbers and superscripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from sympy import Rational

from chainrule.derive.errors import LimitError, NotationError, Span
from chainrule.derive.notation.syntax import Name, Negative, Node, Number
from chainrule.derive.notation.tokens import Token

#: Size of a number's power of ten.
MAX_EXPONENT = 308


class Cursor:
    """A place in a list of tokens whose last one is an ``end`` or a ``separator``."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens, self.at = list(tokens), 0

    @property
    def token(self) -> Token:
        """The token at the place."""
        return self.tokens[self.at]

    @property
    def next(self) -> Token:
        """The token after it."""
        return self.tokens[min(self.at + 1, len(self.tokens) - 1)]

    def take(self) -> Token:
        """The token at the place, and one step on."""
        token = self.token
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def accept(self, *texts: str) -> bool:
        """Step over one of these operators, if it stands here."""
        if self.token.is_(*texts):
            self.take()
            return True
        return False

    def expect(self, text: str, opening: Token | None = None) -> Token:
        """Step over this operator, which must stand here."""
        if not self.token.is_(text):
            also = () if opening is None else (("opened here", opening.span),)
            raise NotationError(
                f"'{text}' is missing", self.token.span, expected=f"'{text}'", found=self.token.shown, also=also
            )
        return self.take()

    def finish(self, expected: str = "an operator or the end") -> None:
        """Nothing may be left."""
        token = self.token
        if token.kind in {"end", "separator"}:
            return
        hint = ""
        if token.is_("="):
            hint = "a name is given at the start of a statement: name = expression; equality inside where is =="
        elif token.is_(")", "]", "}", "|"):
            hint = "there is one closing bracket too many"
        raise NotationError(
            f"{token.shown} cannot stand here", token.span, expected=expected, found=token.shown,
            hint=hint,
        )  # fmt: skip


def inside(tokens: Sequence[Token], place: int) -> Iterator[tuple[Token, int]]:
    """The tokens inside the bracket that opens at a place, each with its level, 1 for the bracket itself."""
    level = 0
    for token in tokens[place:]:
        level += token.is_("(", "[", "{") - token.is_(")", "]", "}")
        if level == 0:
            return
        yield token, level


def number_value(token: Token) -> Rational:
    """The exact value of a number, which must fit double precision."""
    mantissa, _, exponent = token.text.lower().partition("e")
    if exponent and (len(exponent) > 5 or abs(int(exponent)) > MAX_EXPONENT + len(mantissa)):
        raise LimitError(
            f"the number's power of ten is beyond {MAX_EXPONENT}, the limit of double precision", token.span
        )
    value = Fraction(token.text)
    if value and not 2.3e-308 < abs(value) < 1.7e308:
        raise LimitError("the number is beyond double precision, about 1e-308 to 1e308", token.span)
    return Rational(value.numerator, value.denominator)


def superscript_power(token: Token) -> Node:
    """The exponent that superscript characters write."""
    sign, digits = ("-", token.text[1:]) if token.text[0] == "-" else ("", token.text.removeprefix("+"))
    if digits.isdigit():
        number: Node = Number(Rational(int(digits)), span=token.span)
    elif len(digits) == 1 and digits.isalpha():
        number = Name(digits, span=token.span)
    else:
        raise NotationError("this superscript is not a power", token.span, expected="an integer or one letter")
    return Negative(number, span=token.span) if sign else number


def join(first: Node, last: Node) -> Span | None:
    """The span from the start of one node to the end of another."""
    if first.span is None or last.span is None:
        return None
    return Span(first.span.text, first.span.start, last.span.end)


def until(node: Node, token: Token) -> Span:
    """The span from the start of a node to the end of a token."""
    start = token.span.start if node.span is None else node.span.start
    return Span(token.span.text, start, token.span.end)


def since(token: Token, node: Node) -> Span:
    """The span from the start of a token to the end of a node."""
    end = token.span.end if node.span is None else node.span.end
    return Span(token.span.text, token.span.start, end)
