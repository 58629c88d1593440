"""Reads sums of quantities of information, with rational factors and brackets.

One grammar by precedence climbing: ``(H(X,Y) + H(Y,Z))/2 - 3 I(X;Y)``, and ``log(2)`` as the one kind of number
that stands by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from chainrule.derive.errors import LimitError, NotationError, Span
from chainrule.learning.information.quantities import Quantity, Side

MAX_LENGTH = 500
MAX_DEPTH = 50
TOKEN = re.compile(r"\s*(?:(?P<quantity>[A-Za-z]+\s*\([^()]*\))|(?P<number>\d+)|(?P<sign>\S))")
NAME = re.compile(r"[A-Za-z]\w*")
KINDS = {"H": "H", "I": "I", "KL": "KL", "D": "KL", "JS": "JS", "log": "log"}
EXPECTED = (
    "H(X), H(X,Y), H(X|Y), I(X;Y), I(X;Y|Z) of variables; H(p), H(p,q), KL(p||q), JS(p,q) of distributions; log(2)"
)


@dataclass(frozen=True)
class Linear:
    """A number and a sum of quantities, of which one is nothing."""

    number: Fraction
    side: Side

    def times(self, factor: Fraction) -> Linear:
        """The same, times a number."""
        return Linear(self.number * factor, tuple((weight * factor, quantity) for weight, quantity in self.side))


@dataclass(frozen=True)
class Token:
    """A piece of the text; the end of the text is an empty sign."""

    kind: str
    text: str
    start: int


def read_side(text: str) -> Side:
    """A sum of quantities with rational factors, or 0.

    Raises:
        NotationError, LimitError: it is none.
    """
    if len(text) > MAX_LENGTH:
        raise LimitError("the expression is too long", expected=f"{MAX_LENGTH} characters", found=str(len(text)))
    if not text.strip():
        raise NotationError("a quantity is missing", Span(text, 0, max(1, len(text))), expected=EXPECTED)
    reader = _Reader(text)
    found = reader.sum()
    if reader.next.text:
        raise reader.error("a quantity is expected here")
    if found.number:
        hint = "log(2) is one bit in nats"
        raise NotationError("a number stands here by itself", Span(text, 0, len(text)), hint=hint)
    return found.side


class _Reader:
    """The text and the place reached in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0
        self.place = 0
        self.next = self._token()

    def _token(self) -> Token:
        match = TOKEN.match(self.text, self.place)
        if not match or match.lastgroup is None:
            return Token("sign", "", len(self.text.rstrip()))
        self.place = match.end()
        return Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup))

    def take(self) -> Token:
        """The next token, passed over."""
        token, self.next = self.next, self._token()
        return token

    def error(self, problem: str, token: Token | None = None) -> NotationError:
        """A mistake at a token."""
        at = token or self.next
        return NotationError(problem, Span(self.text, at.start, at.start + max(1, len(at.text))), expected=EXPECTED)

    def sum(self) -> Linear:
        """Terms with signs between them."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError("the expression is nested too deeply", expected=f"{MAX_DEPTH} brackets")
        sign = self.take().text if self.next.text in ("+", "-") else "+"
        total = self.product().times(Fraction(-1 if sign == "-" else 1))
        while self.next.text in ("+", "-"):
            factor = Fraction(-1 if self.take().text == "-" else 1)
            term = self.product().times(factor)
            total = Linear(total.number + term.number, (*total.side, *term.side))
        self.depth -= 1
        return total

    def product(self) -> Linear:
        """Factors, of which one at most is no number."""
        made = self.operand()
        while self.next.text in ("*", "/", "(") or self.next.kind != "sign":
            token = self.take() if self.next.text in ("*", "/") else self.next
            other = self.operand()
            if token.text == "/":
                if other.side or not other.number:
                    raise self.error("a quantity is divided by a number other than 0", token)
                made = made.times(1 / other.number)
            elif made.side and other.side:
                raise self.error("a quantity is expected here to be added, not to be multiplied", token)
            else:
                made = made.times(other.number) if made.side else other.times(made.number)
        return made

    def operand(self) -> Linear:
        """A number, a quantity, a bracket."""
        token = self.take()
        if token.kind == "number":
            return Linear(Fraction(int(token.text)), ())
        if token.kind == "quantity":
            return Linear(Fraction(0), ((Fraction(1), _quantity(token, self.text)),))
        if token.text == "(":
            inner = self.sum()
            if self.take().text != ")":
                raise self.error("this bracket is not closed", token)
            return inner
        raise self.error("a quantity is expected here", token)


def _quantity(token: Token, text: str) -> Quantity:
    word, _, inside = token.text[:-1].partition("(")
    span = Span(text, token.start, token.start + len(token.text))
    kind = KINDS.get(word.strip())
    if kind is None:
        raise NotationError(f"there is no quantity {word.strip()}(..)", span, expected=EXPECTED)
    if kind == "log":
        return _logarithm(inside, span)
    inside, _, given = (inside.replace("||", ";") if kind == "KL" else inside).partition("|")
    groups = tuple(_names(part, span) for part in inside.replace(",", ";" if kind == "JS" else ",").split(";"))
    quantity = Quantity(kind, groups, _names(given, span) if given.strip() else ())
    if len({name[0].isupper() for name in quantity.names()}) > 1:
        raise NotationError("variables begin with capital letters, distributions do not: both stand here", span)
    if not _is_whole(quantity):
        raise NotationError("this quantity does not take such arguments", span, expected=EXPECTED)
    return quantity


def _logarithm(inside: str, span: Span) -> Quantity:
    if not re.fullmatch(r"\s*[1-9]\d{0,5}\s*", inside):
        raise NotationError("the logarithm of a whole number stands here", span, found=inside.strip() or "nothing")
    return Quantity("log", ((inside.strip(),),))


def _is_whole(quantity: Quantity) -> bool:
    sizes = [len(group) for group in quantity.groups]
    if quantity.of_variables:
        return (quantity.kind, len(sizes)) in (("H", 1), ("I", 2))
    wanted = {"H": ([1], [2]), "KL": ([1, 1],), "JS": ([1, 1],)}
    return not quantity.given and sizes in wanted.get(quantity.kind, ())


def _names(text: str, span: Span) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(","))
    if not all(NAME.fullmatch(name) for name in names):
        raise NotationError("names stand here, between commas", span, found=text.strip() or "nothing")
    return names
