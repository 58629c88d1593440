"""The left side of an equation: a name, with arguments or with index letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.latex.applied import read_event
from chainrule.derive.notation.latex.letters import begins_letter, read_letter, spelled_part
from chainrule.derive.notation.latex.reading import Group, Reading
from chainrule.derive.notation.syntax import Name
from chainrule.derive.notation.tokens import Token


@dataclass(frozen=True)
class Left:
    r"""What stands left of ``=``.

    Attributes:
        name: the name as a whole; empty if the equation gives none, as in ``\nabla_w L = ..``.
        base: the name without its subscript.
        letters: letters that are indices if the right side has them in subscripts.
        arguments: what stands in brackets after the name, and names there before and after a bar in ``events``.
        span: where all this stands.
        square: whether the square of ``base`` is what is named.
    """

    name: str
    base: str
    letters: tuple[str, ...]
    arguments: str
    span: Span
    square: bool = False
    events: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())


def read_left(reading: Reading) -> Left:
    """The left side that a reading is.

    Raises:
        NotationError: it is something else.
    """
    start = reading.token
    if reading.is_command("nabla") or _is_derivative(reading):
        return Left("", "", (), "", start.span)
    if not begins_letter(start):
        raise _unreadable(reading, start)
    written = read_letter(reading)
    scripts = reading.scripts()
    below = scripts.below or written.below
    square = scripts.above is not None and scripts.above.words == ("2",) and below is None
    if scripts.above is not None and scripts.above.words not in (("∗",), ("star",)) and not square:
        raise _unreadable(reading, start)
    symbol = written.symbol
    if square:
        return _square(reading, symbol.name, start)
    if scripts.above is not None:
        symbol = type(symbol)(symbol.base, (*symbol.accents, "star"), symbol.subscripts)
    base = reading.names.find(symbol, written.span) or symbol.name
    if base in reading.names.events and reading.token.is_("("):
        return _event(reading, base, start)
    arguments = _arguments(reading) if reading.token.is_("(") else ""
    span = reading.from_(start)
    if reading.token.kind != "end":
        raise _unreadable(reading, start)
    if below is None:
        return Left(base, base, (), arguments, span)
    parts = [spelled_part(part) for part in below.parts()]
    if None in parts:
        raise _unreadable(reading, start)
    whole = type(symbol)(symbol.base, symbol.accents, tuple(map(str, parts)))
    name = reading.names.find(whole, span) or whole.name
    return Left(name, base, _index_letters(below), arguments, span)


def _square(reading: Reading, name: str, start: Token) -> Left:
    r"""``\sigma^2 = ..``, where the name itself means nothing."""
    span = reading.from_(start)
    if reading.token.kind != "end" or name in reading.names.ranks:
        raise _unreadable(reading, start)
    return Left("", name, (), "", span, square=True)


def _event(reading: Reading, name: str, start: Token) -> Left:
    """``P(A | B) = ..``."""
    node = read_event(reading, name, start)
    sides = [tuple(item.name for item in side if isinstance(item, Name)) for side in (node.arguments, node.given)]
    if reading.token.kind != "end":
        raise _unreadable(reading, start)
    return Left(name, name, (), "", reading.from_(start), events=(sides[0], sides[1]))


def _arguments(reading: Reading) -> str:
    """What stands in the brackets after a name, as one text."""
    opening = reading.take()
    level, found = 1, ""
    while True:
        token = reading.take()
        if token.kind == "end":
            raise NotationError("')' is missing", token.span, also=(("opened here", opening.span),))
        level += token.is_("(") - token.is_(")")
        if level == 0:
            return found
        found += token.text


def _index_letters(below: Group) -> tuple[str, ...]:
    """The letters of a subscript, if it consists of different small letters."""
    tokens: Sequence[Token] = [token for token in below.tokens[:-1] if not token.is_(",")]
    letters = tuple(token.text for token in tokens)
    single = all(token.kind == "name" and token.text.isascii() and token.text.islower() for token in tokens)
    return letters if single and len(set(letters)) == len(letters) else ()


def _is_derivative(reading: Reading) -> bool:
    r"""Whether the left side is ``\frac{\partial L}{\partial w}``, which names nothing."""
    words = [token.text for token in reading.tokens]
    return reading.is_command("frac", "dfrac", "tfrac") and words.count("partial") + words.count("d") >= 2


def _unreadable(reading: Reading, start: Token) -> NotationError:
    last = reading.tokens[-1].span
    return NotationError(
        "this left side is not read", Span(start.span.text, start.span.start, last.end),
        expected="a name, such as L, \\hat{y}, L(w) or z_i, before =",
    )  # fmt: skip
