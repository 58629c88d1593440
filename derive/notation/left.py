"""The left side of ``=``: a name, and the index letters on it, as in ``z_i = ..`` and ``A[i, j] = ..``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.signs import is_letter, small_items
from chainrule.derive.notation.syntax import Name
from chainrule.derive.notation.tokens import Token, canonical_name


@dataclass(frozen=True)
class Left:
    """What stands left of ``=``.

    Attributes:
        token: the name with its place; its text is the name as a whole, ``z_i`` for ``z_i``.
        base: the name without the index letters.
        letters: letters that are indices if the right side has them in subscripts.
        certain: whether they are indices in any case.
    """

    token: Token
    base: str
    letters: tuple[str, ...] = ()
    certain: bool = False

    @property
    def name(self) -> str:
        """The name as a whole."""
        return self.token.text


def read_left(tokens: Sequence[Token]) -> Left | None:
    """The left side that these tokens write, if they write one."""
    first = tokens[0]
    if first.kind != "name":
        return None
    if len(tokens) == 1:
        return _plain(first)
    opening, *inner, last = tokens[1:]
    if opening.spaced or opening.text + last.text not in BRACKETS:
        return None
    return BRACKETS[opening.text + last.text](first, inner, Span(first.span.text, first.span.start, last.span.end))


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
    if not written.endswith("_") or len(written) == 1 or not all(item.kind in ("name", "number") for item in inner):
        commas = [item for item in inner if item.is_(",")]
        if not commas:
            return None
    text = "".join(item.text for item in inner if not item.is_(","))
    whole = Token(token.kind, token.text + text, span, token.spaced)
    letters = tuple(text) if all(map(is_letter, text)) and len(set(text)) == len(text) else ()
    return Left(whole, canonical_name(written[:-1]) if letters else whole.text, letters)


BRACKETS = {"[]": _bracketed, "{}": _braced}
