"""Reads expressions such as ``E[(y - g)^2]``, ``Cov[X, Y]``, ``sum_i x_i / n``, ``E[Y | X]``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sympy import Expr, Function, Indexed, IndexedBase, Rational, Symbol, Tuple, exp, log, sqrt

from chainrule.derive.errors import InputError, LimitError, NotationError, Span, near_names
from chainrule.learning.expectation.nodes import Covariance, Expect, Variance, over

TOKEN = re.compile(
    r"\s*(?:(?P<sum>(?:sum|Σ|∑)_(?P<index>[i-l]\b|\{[i-l](?:\s*(?:!=|≠)\s*[i-l])*\}))|(?P<number>\d+(?:\.\d+)?)|(?P<name>[^\W\d]\w*)"
    r"|(?P<sign>\*\*|[-+*/^()\[\]|,=]))"
)
LETTERS = "ijkl"
MAX_LENGTH = 2000
MAX_DEPTH = 60
MAX_POWER = 8
SIGNS = str.maketrans({"·": "*", "×": "*", "−": "-", "∣": "|", "𝔼": "E"})
SUPERSCRIPTS = {"²": "^2", "³": "^3", "⁴": "^4"}
OPERATORS = {"E": 1, "Var": 1, "Cov": 2}
FUNCTIONS: dict[str, Callable[[Expr], Expr]] = {"exp": exp, "log": log, "sqrt": sqrt}
#: Binding powers; a power binds to the right.
BINDING = {"+": 10, "-": 10, "*": 20, "/": 20, "^": 40, "**": 40}
JUXTAPOSED = 20


@dataclass(frozen=True)
class Token:
    """A piece of the text."""

    kind: str
    text: str
    start: int
    end: int


def symbol(name: str) -> Symbol:
    """A name that stands for a number or a random variable."""
    return Symbol(name, real=True)


def index_symbol(letter: str) -> Symbol:
    """The letter of an index."""
    return Symbol(letter, integer=True)


def member(name: str, letter: str) -> Expr:
    """``x_i``."""
    return Indexed(IndexedBase(name), index_symbol(letter))


def tidy(text: str) -> str:
    """Signs that are used on paper as those that are typed."""
    for old, new in SUPERSCRIPTS.items():
        text = text.replace(old, new)
    return text.translate(SIGNS)


def tokens(text: str) -> list[Token]:
    """The tokens of a text, with an end mark.

    Raises:
        NotationError: a sign is none of the notation's.
        LimitError: the text is too long.
    """
    if len(text) > MAX_LENGTH:
        raise LimitError("the expression is too long", expected=f"{MAX_LENGTH} characters", found=str(len(text)))
    found, place = [], 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if not match:
            start = place + len(text[place:]) - len(text[place:].lstrip())
            raise NotationError("this sign has no meaning here", Span(text, start, start + 1))
        kind = next(name for name in ("sum", "number", "name", "sign") if match[name])
        found.append(Token(kind, match["index"] or match[kind], match.start(kind), match.end()))
        place = match.end()
    return [*found, Token("end", "", len(text), len(text))]


class Reader:
    """Reads one expression; ``upper`` gives how far an index runs, ``families`` the names that have members."""

    def __init__(self, text: str, upper: Callable[[Symbol], Expr]) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.place = 0
        self.depth = 0
        self.upper = upper

    @property
    def next(self) -> Token:
        """The next token."""
        return self.tokens[self.place]

    def take(self, sign: str = "") -> Token:
        """The next token, which has to be this sign if one is named."""
        token = self.next
        if sign and not (token.kind == "sign" and token.text == sign):
            raise self.error(f"a {sign!r} is missing here", token)
        self.place += token.kind != "end"
        return token

    def error(self, message: str, token: Token, hint: str = "") -> NotationError:
        """An error at a token."""
        return NotationError(message, Span(self.text, token.start, max(token.end, token.start + 1)), hint=hint)

    def is_sign(self, *signs: str) -> bool:
        """Whether the next token is one of these signs."""
        return self.next.kind == "sign" and self.next.text in signs

    def expression(self, least: int = 0) -> Expr:
        """An expression whose operators bind at least so strongly."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise LimitError("the expression is nested too deeply", Span(self.text, self.next.start, self.next.end))
        left = self.operand()
        while True:
            if self.next.kind in ("name", "number", "sum") or self.is_sign("("):
                if least > JUXTAPOSED:
                    break
                left = left * self.expression(JUXTAPOSED + 1)
            elif self.is_sign(*BINDING) and BINDING[self.next.text] >= least:
                left = self.combined(left, self.take())
            else:
                break
        self.depth -= 1
        return left

    def combined(self, left: Expr, token: Token) -> Expr:
        """An operator with what stands right of it."""
        sign, binding = token.text, BINDING[token.text]
        right = self.expression(binding + (sign not in ("^", "**")))
        if sign in ("^", "**"):
            if right.is_Integer and abs(int(right)) > MAX_POWER:
                raise LimitError("the power is too high", Span(self.text, token.start, token.end),
                                 expected=f"at most {MAX_POWER}", found=str(right))  # fmt: skip
            return left**right
        if sign == "/":
            if right == 0:
                raise self.error("division by zero", token)
            return left / right
        return left * right if sign == "*" else left + right if sign == "+" else left - right

    def operand(self) -> Expr:
        """A number, a name, a bracket, an operator with its argument."""
        token = self.take()
        if token.kind == "number":
            return Rational(token.text)
        if token.kind == "sum":
            indices = tuple(map(index_symbol, re.findall(r"\w", token.text)))
            return over(self.expression(JUXTAPOSED), indices, self.upper(indices[0]))
        if token.kind == "name":
            return self.name(token)
        if token.text == "-":
            return -self.expression(BINDING["-"] + 1)
        if token.text == "+":
            return self.expression(BINDING["+"] + 1)
        if token.text == "(":
            inner = self.expression()
            self.take(")")
            return inner
        raise self.error("an expression is missing here", token)

    def name(self, token: Token) -> Expr:
        """A name, alone, with an index, or before a bracket."""
        beside = self.next.start == token.end
        if self.is_sign("[") and beside:
            return self.operator(token)
        if self.is_sign("(") and beside:
            return self.applied(token)
        base, _, tail = token.text.rpartition("_")
        return member(base, tail) if base and tail in list(LETTERS) else symbol(token.text)

    def operator(self, token: Token) -> Expr:
        """``E[..]``, ``Var[..]``, ``Cov[.., ..]``, each with what is given after a bar."""
        if token.text not in OPERATORS:
            near = near_names(token.text, OPERATORS)
            raise NotationError(
                f"there is no operator {token.text}[..]", Span(self.text, token.start, token.end),
                expected=", ".join(f"{name}[..]" for name in OPERATORS), near=near,
            )  # fmt: skip
        self.take("[")
        arguments = self.listed()
        given: list[Expr] = []
        if self.is_sign("|"):
            self.take()
            given = self.listed()
        self.take("]")
        if len(arguments) != OPERATORS[token.text]:
            raise self.error(f"{token.text}[..] takes {OPERATORS[token.text]} argument(s)", token)
        kind = {"E": Expect, "Var": Variance, "Cov": Covariance}[token.text]
        return kind(*arguments, Tuple(*given))

    def applied(self, token: Token) -> Expr:
        """A function of one argument."""
        self.take("(")
        argument = self.expression()
        self.take(")")
        return FUNCTIONS.get(token.text, Function(token.text))(argument)

    def listed(self) -> list[Expr]:
        """Expressions between commas."""
        found = [self.expression()]
        while self.is_sign(","):
            self.take()
            found.append(self.expression())
        return found


def read(text: str, upper: Callable[[Symbol], Expr]) -> tuple[Expr, ...]:
    """An expression, or both sides of an equation.

    Raises:
        NotationError: the text is not in the notation.
        LimitError: it is too long, nested too deeply, or has too high a power.
    """
    reader = Reader(tidy(text), upper)
    sides = [reader.expression()]
    while reader.is_sign("="):
        reader.take()
        sides.append(reader.expression())
    if reader.next.kind != "end":
        raise reader.error("this does not go on here", reader.next)
    if len(sides) > 2:
        raise InputError("an equation has two sides", found=str(len(sides)))
    return tuple(sides)

