"""The left side of ``=``: a name, perhaps with index letters, ``z_i = ..``, or arguments, ``H(X) = ..``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.cursor import inside
from chainrule.derive.notation.parser import FUNCTIONS
from chainrule.derive.notation.signs import is_letter, small_items
from chainrule.derive.notation.syntax import Name, Node, event_name
from chainrule.derive.notation.tokens import Token, canonical_name, tokenize

#: Names whose applications are numbers of their own in any case: ``P(A)``.
PROBABILITIES = frozenset({"P", "Pr"})


@dataclass(frozen=True)
class Left:
    """What stands left of ``=``.

    Attributes:
        token: the name with its place; its text is the name as a whole, ``z_i`` for ``z_i``.
        base: the name without the index letters.
        letters: letters that are indices if the right side has them in subscripts.
        certain: whether they are indices in any case.
        arguments, conditions: names in brackets after the name, before and after a bar.
        words: whether the name is several words.
    """

    token: Token
    base: str
    letters: tuple[str, ...] = ()
    certain: bool = False
    arguments: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    words: bool = False

    @property
    def name(self) -> str:
        """The name as a whole."""
        return self.token.text

    def result(self, events: Collection[str]) -> str:
        """The name that the statement gives if no letters are indices."""
        if self.conditions or (self.arguments and self.name in events):
            return event_name(self.name, self.arguments, self.conditions)
        return self.name


@dataclass(frozen=True)
class Stated:
    """A statement as it is to be lowered.

    Attributes:
        name: the name that it gives; empty for a bare expression.
        letters: the index letters of its left side.
        node: the expression, subscripts and arguments resolved.
        ordered: whether the letters stand on the left in this order; otherwise they are the free
            letters of an expression without a left side.
    """

    name: str
    letters: tuple[str, ...]
    node: Node
    ordered: bool = True


def read_left(tokens: Sequence[Token]) -> Left | None:
    """The left side that these tokens write, if they write one."""
    if not tokens:
        return None
    first = tokens[0]
    if first.kind != "name":
        return None
    if len(tokens) == 1:
        return _plain(first)
    if all(map(_is_word, tokens)):
        return Left(_joined(tokens), _joined(tokens).text, words=True)
    if len(tokens) < 4:
        return None
    opening, *inner, last = tokens[1:]
    if opening.spaced or opening.text + last.text not in BRACKETS:
        return None
    return BRACKETS[opening.text + last.text](first, inner, Span(first.span.text, first.span.start, last.span.end))


def spelled(text: str) -> str:
    """The name that a text on a left side gives: ``P_A_given_B`` for ``P(A|B)``, ``w1`` for ``w₁``."""
    try:
        *tokens, _ = tokenize(text)
        left = read_left(tokens) if tokens else None
    except NotationError:
        return text
    return left.result(PROBABILITIES) if left else text


def _plain(token: Token) -> Left:
    found = small_items(token)
    letters = [item.name for item in found[1] if isinstance(item, Name)] if found else []
    if found is None or len(letters) < len(found[1]) or len(set(letters)) < len(letters):
        return Left(token, token.text)
    return Left(token, canonical_name(found[0]), tuple(letters))


def _bracketed(token: Token, inner: Sequence[Token], span: Span) -> Left:
    """``A[i, j]``."""
    letters = [item.text for item in inner if not item.is_(",")]
    if not letters or not all(map(is_letter, letters)) or len(set(letters)) < len(letters):
        raise NotationError(
            "the left side holds index letters, each once", span, expected=f"{token.text}[i] = .. or {token.text} = ..",
            hint="a part of a value cannot be set: where(..) and concat(..) build values from parts",
        )  # fmt: skip
    return Left(Token(token.kind, token.text, span, token.spaced), token.text, tuple(letters), True)


def _braced(token: Token, inner: Sequence[Token], span: Span) -> Left | None:
    """``A_{ij}``, ``L_{train}``."""
    written = token.span.excerpt
    names = [item for item in inner if not item.is_(",")]
    if not written.endswith("_") or len(written) == 1 or not all(item.kind in ("name", "number") for item in names):
        return None
    text = "".join(item.text for item in names)
    whole = Token(token.kind, token.text + text, span, token.spaced)
    letters = tuple(text) if all(map(is_letter, text)) and len(set(text)) == len(text) else ()
    return Left(whole, canonical_name(written[:-1]) if letters else whole.text, letters)


def _applied(token: Token, inner: Sequence[Token], span: Span) -> Left | None:
    """``H(X)``, ``P(A|B)``."""
    sides: list[list[Token]] = [[]]
    for item in inner:
        if item.is_("|"):
            sides.append([])
        elif not item.is_(","):
            sides[-1].append(item)
    if len(sides) > 2 or token.text in FUNCTIONS or not all(item.kind == "name" for side in sides for item in side):
        return None
    names = [tuple(item.text for item in side) for side in sides]
    return Left(token, token.text, arguments=names[0], conditions=names[1] if len(names) > 1 else ())


BRACKETS = {"[]": _bracketed, "{}": _braced, "()": _applied}


# ---- names of several words ------------------------------------------------------------------------


def _is_word(token: Token) -> bool:
    """Whether a token can be a part of a name of several words."""
    return token.kind == "name" and len(token.text) > 1 and token.text.isalpha() and token.text not in FUNCTIONS


def _joined(words: Sequence[Token]) -> Token:
    span = Span(words[0].span.text, words[0].span.start, words[-1].span.end)
    return Token("name", "_".join(word.text for word in words), span, words[0].spaced)


def joined_words(tokens: Sequence[Token], known: Collection[str], every: bool) -> list[Token]:
    """The tokens with words that stand side by side joined to one name.

    Words are joined where the left side is of several words, too, or where they are such a name.
    """
    found: list[Token] = []
    run: list[Token] = []
    for token in tokens:
        if run and not (_is_word(token) and token.text not in known):
            found += _one_name(run, known, every)
            run = []
        if _is_word(token) and token.text not in known:
            run.append(token)
        else:
            found.append(token)
    return found + _one_name(run, known, every)


def _one_name(run: Sequence[Token], known: Collection[str], every: bool) -> list[Token]:
    if len(run) < 2 or not (every or _joined(run).text in known):
        return list(run)
    return [_joined(run)]


# ---- probabilities ---------------------------------------------------------------------------------


def event_heads(tokens: Sequence[Token]) -> frozenset[str]:
    """Names that stand before brackets with one bar somewhere, as P in ``P(A|B)``; P and Pr in any case."""
    pairs = ((place, token) for place, token in enumerate(tokens[:-1]) if token.kind == "name")
    return PROBABILITIES | {
        token.text for place, token in pairs
        if tokens[place + 1].is_("(") and sum(item.is_("|") for item, _ in inside(tokens, place + 1)) == 1
    }  # fmt: skip
