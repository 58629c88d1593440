"""A LaTeX text cut into statements: declarations, equations and expressions.

A statement ends with ``;``, with the row of an ``aligned`` block, with its mathematics (``$``), with
a blank line, or with its line where the next line cannot be meant as its continuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from chainrule.derive.errors import LimitError, NotationError, Span
from chainrule.derive.notation.latex.reading import group_of
from chainrule.derive.notation.latex.sets import declarations, is_declaration
from chainrule.derive.notation.latex.tables import ROWS
from chainrule.derive.notation.latex.tokens import Lexer
from chainrule.derive.notation.tokens import Token, check_length, tokenize_part

#: ``names: domain``, but neither ``name := ..`` nor anything with a backslash before the colon.
_DECLARATION = re.compile(r"[^\W\d]\w*(?:[ \t]*,[ \t]*[^\W\d]\w*)*[ \t]*:(?!=)")
_SPACE = re.compile(r"(?:[\s;]|[%#][^\n]*)*")
#: A word of LaTeX or mathematics between dollars, and a superscript in braces.
_LATEX = re.compile(r"\\[A-Za-z,;:!|{}\\\[(]|\$")
_SUPERSCRIPT = re.compile(r"\^\{")
#: What only the notation of text has; its sums have bounds in braces as well.
_TEXT = re.compile(r"[Σ∑∏Π√@]|\*\*|\.T\b|(?:sum|prod|max|min|logsumexp|softmax)_\{")
#: Signs with which no statement begins, and with which none ends.
_ONLY_INSIDE = ("=", "·", "×", "∗", "⊙", "⊘", "⊗", "/", "^", "_", ")", "]", "})", "<", ">", "<=", ">=", "!=", ",")
_UNFINISHED = ("=", "+", "-", "·", "×", "∗", "⊙", "⊘", "⊗", "/", "<", ">", "<=", ">=", "!=", ",")
End = Literal[";", "\n", "row"]


@dataclass
class Piece:
    """Tokens between two ends: ``after`` is the end before them, ``marked`` whether ``&`` begins them."""

    after: End
    marked: bool = False
    tokens: list[Token] = field(default_factory=list)

    @property
    def equation(self) -> bool:
        """Whether ``=`` stands outside of all brackets."""
        return equals_place(self.tokens) >= 0


def looks_like_latex(text: str) -> bool:
    r"""Whether a text is LaTeX: it has words with a backslash, ``$``, or superscripts in braces.

    >>> looks_like_latex(r"\sum_i x_i"), looks_like_latex("Σ_{i=1}^{n} x_i"), looks_like_latex("x^{2}")
    (True, False, True)
    """
    plain = re.sub(r"#[^\n]*", "", text)
    if _LATEX.search(plain):
        return True
    return _SUPERSCRIPT.search(plain) is not None and _TEXT.search(plain) is None


def split_latex(text: str, max_characters: int) -> Iterator[tuple[bool, tuple[Token, ...]]]:
    """The statements of a text: whether each is a declaration, and its tokens, ended by an end.

    Raises:
        LimitError: the text is too long.
        NotationError: a character or a word means nothing, or where a statement ends is not clear.
    """
    check_length(text, max_characters)
    pieces: list[Piece] = []
    for found in _Cutter(text).pieces():
        if not isinstance(found, Piece):
            yield True, tuple(found)
        elif is_declaration(found.tokens):
            yield from ((True, tuple(tokens)) for tokens in declarations(found.tokens))
        else:
            _add(pieces, found)
    for piece in pieces:
        _check_piece(piece, max_characters)
        yield False, group_of(_without_punctuation(piece.tokens), piece.tokens[0].span).tokens


def _check_piece(piece: Piece, max_characters: int) -> None:
    """Refuse a statement that is too long, which may have many lines."""
    first, last = piece.tokens[0].span, piece.tokens[-1].span
    if last.end - first.start > max_characters:
        raise LimitError(
            f"the statement has {last.end - first.start} characters; the limit is {max_characters}",
            Span(first.text, first.start + max_characters, first.start + max_characters + 1),
            hint="give parts of it names in statements of their own: name = expression",
        )


class _Cutter:
    """Walks over the text and cuts it at every end."""

    def __init__(self, text: str) -> None:
        self.text, self.lexer = text, Lexer(text)
        self.inside: list[str] = []

    def pieces(self) -> Iterator[Piece | list[Token]]:
        """The pieces and the declarations, in order."""
        piece = Piece(";")
        while True:
            if not piece.tokens and not self.lexer.closing:
                declared = self.declaration()
                if declared is not None:
                    yield declared
                    piece = Piece(";")
                    continue
            if self.lexer.place >= len(self.text):
                break
            before = len(self.lexer.found)
            self.lexer.step()
            for token in self.lexer.found[before:]:
                end = self.end(token, piece)
                if end is not None:
                    if any(not item.is_(",", ".") for item in piece.tokens):
                        yield piece
                    if piece.tokens or end == ";":
                        piece = Piece(end)
        if self.lexer.closing:
            self.unfinished()
        if piece.tokens:
            yield piece

    def unfinished(self) -> None:
        """Refuse mathematics that does not end."""
        sign = self.lexer.closing[-1]
        shown = sign if sign.startswith("$") else "\\" + sign
        end = len(self.text)
        raise NotationError("this formula does not end", Span(self.text, end, end), expected=shown)

    def declaration(self) -> list[Token] | None:
        """The declaration that stands here, if one does."""
        space = _SPACE.match(self.text, self.lexer.place)
        assert space is not None
        match = _DECLARATION.match(self.text, space.end())
        if match is None:
            return None
        found = re.compile(r"[;\n]").search(self.text, match.end())
        end = found.start() if found else len(self.text)
        self.lexer.place = end
        return tokenize_part(self.text, space.end(), end)

    def end(self, token: Token, piece: Piece) -> End | None:
        """The end that a token is; the piece gets every other token."""
        if token.kind == "separator":
            return "\n" if token.text == "\n" else ";"
        if token.kind == "command" and token.text.startswith(("begin:", "end:")):
            return self.environment(token, piece)
        if not self.inside and token.is_("\\\\"):
            return "row"
        if not self.inside and token.is_("&"):
            piece.marked = piece.marked or not piece.tokens
        else:
            piece.tokens.append(token)
        return None

    def environment(self, token: Token, piece: Piece) -> End | None:
        """The begin or end of an environment: one with rows vanishes, others belong to the formula."""
        kind, _, name = token.text.partition(":")
        if name in ROWS:
            if name.startswith("alignat") or name.startswith("alignedat"):
                extra = re.compile(r"\s*\{\d+\}").match(self.text, self.lexer.place)
                self.lexer.place += len(extra.group()) if extra else 0
            return ";" if kind == "end" else None
        if kind == "begin":
            self.inside.append(name)
        elif not self.inside or self.inside.pop() != name:
            raise NotationError(f"nothing that begins with \\begin{{{name}}} ends here", token.span)
        piece.tokens.append(token)
        return None


def _without_punctuation(tokens: Sequence[Token]) -> list[Token]:
    """The tokens without the comma or the full stop that ends a displayed formula."""
    last = tokens[-1]
    return list(tokens[:-1] if last.is_(",", ".") and len(tokens) > 1 else tokens)


def equals_place(tokens: Sequence[Token]) -> int:
    """Where the first ``=`` outside of all brackets stands, -1 if there is none."""
    level = 0
    for place, token in enumerate(tokens):
        opening = token.is_("(", "[", "{", "{(") or token.text.startswith("begin:")
        closing = token.is_(")", "]", "}", "})") or token.text.startswith("end:")
        level += opening - closing
        if level == 0 and token.is_("="):
            return place
    return -1


# ---- continuations ----------------------------------------------------------------------------------


def _add(pieces: list[Piece], piece: Piece) -> None:
    """Add a piece as a statement, or to the statement before if it goes on with that."""
    if pieces and _continues(pieces[-1], piece):
        pieces[-1].tokens += piece.tokens
    else:
        pieces.append(piece)


def _continues(before: Piece, piece: Piece) -> bool:
    """Whether a piece goes on with the statement before it.

    Raises:
        NotationError: it may go on with it or be a statement.
    """
    first = piece.tokens[0]
    if piece.after == ";":
        return False
    if before.tokens[-1].is_(*_UNFINISHED):
        return True
    if first.is_("=") and before.equation:
        raise NotationError(
            "this goes on with an equation that has a right side already", first.span,
            expected="one right side for each name", hint="keep the one that is meant",
        )  # fmt: skip
    if first.is_(*_ONLY_INSIDE) or (piece.after == "row" and piece.marked and first.is_("+", "-")):
        return True
    if piece.equation:
        return False
    if not before.equation and not (piece.after == "row" and piece.marked):
        return True
    end = "\\\\" if piece.after == "row" else "this line"
    raise NotationError(
        "this can be read in two ways: as the end of the line before it, or as a statement", first.span,
        expected=f"';' before {'this row' if end != 'this line' else end} for a statement, "
        "or the operator at the end of the line before",
        also=(("the line before", before.tokens[-1].span),),
    )  # fmt: skip
