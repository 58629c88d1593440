r"""The mathematics of a page as a tree, read from the LaTeX that the printers write.

Renderers that have no LaTeX (HTML, terminals, Typst) walk this tree.  It knows how formulas look,
not what they mean: a fraction, a script, a bracket with what is in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from chainrule.derive.render.math_words import ACCENTS, DELIMITERS, FONTS, NAMED, SIGNS, SIZES, SPACES, UPRIGHT

#: How a symbol stands among its neighbours.
Kind = Literal[
    "letter", "number", "name", "word", "code", "text", "relation", "binary", "big", "open", "close", "punctuation"
]


@dataclass(frozen=True)
class Symbol:
    """A letter, number, name, word (of a function) or sign, as Unicode."""

    text: str
    kind: Kind


@dataclass(frozen=True)
class Space:
    """A gap of so many em; one of no width only keeps letters apart that make no word."""

    width: float


@dataclass(frozen=True)
class Row:
    """Parts side by side."""

    items: tuple[Math, ...]


@dataclass(frozen=True)
class Fraction:
    """A numerator over a denominator."""

    upper: Row
    lower: Row


@dataclass(frozen=True)
class Root:
    """A square root."""

    inner: Row


@dataclass(frozen=True)
class Scripts:
    """A base with a subscript, a superscript or both."""

    base: Math
    lower: Row | None = None
    upper: Row | None = None

    @property
    def has_limits(self) -> bool:
        """Whether the scripts stand under and over the base, as at a sum."""
        return isinstance(self.base, Symbol) and self.base.kind == "big"


@dataclass(frozen=True)
class Fenced:
    """Brackets as high as what is in them; an empty bracket is not drawn."""

    left: str
    inner: Row
    right: str


@dataclass(frozen=True)
class Accent:
    """A sign over a base."""

    mark: str
    inner: Row


@dataclass(frozen=True)
class Table:
    """Cells in rows: the cases of a choice, a matrix."""

    rows: tuple[tuple[Row, ...], ...]
    left: str = ""
    right: str = ""


Math = Symbol | Space | Row | Fraction | Root | Scripts | Fenced | Accent | Table

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|\d+(?:\.\d+)?|.", re.DOTALL)
#: Delimiters that open and close a bracket wherever they stand.
_PAIRS = {r"\lVert": r"\rVert", r"\lvert": r"\rvert", r"\lfloor": r"\rfloor", r"\lceil": r"\rceil"}
_TABLES = {"cases": ("{", ""), "pmatrix": ("(", ")"), "bmatrix": ("[", "]"), "matrix": ("", ""), "aligned": ("", "")}
_END = ""


@lru_cache(maxsize=4096)
def math_tree(latex: str) -> Row:
    """The tree of a formula; words that are not known are shown as words."""
    reader = _Reader(_TOKEN.findall(latex))
    parts = [reader.row(_END)]
    while reader.at < len(reader.tokens):  # a closing bracket without its opening one
        parts.append(Row((_sign(reader.next()), *reader.row(_END).items)))
    return parts[0] if len(parts) == 1 else Row(tuple(item for part in parts for item in part.items))


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else _END

    def next(self) -> str:
        token = self.peek()
        self.at += 1
        return token

    def skip_spaces(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def row(self, *ends: str) -> Row:
        """Everything up to one of the ends, which is left to be read; any bracket left open ends with the text."""
        items: list[Math] = []
        while (token := self.peek()) not in ends and token not in ("}", _END):
            if token in ("_", "^"):
                base = items.pop() if items else Symbol("", "letter")
                items.append(self.scripts(base))
            elif token.isspace():
                self.next()
                items.append(Space(0.0))
            else:
                items.append(self.atom())
        return Row(tuple(_tidy(items)))

    def scripts(self, base: Math) -> Math:
        found: dict[str, Row] = {}
        while self.peek() in ("_", "^"):
            sign = self.next()
            inner = self.argument()
            before = found.get(sign)
            found[sign] = Row((*before.items, *inner.items)) if before else inner
        return Scripts(base, found.get("_"), found.get("^"))

    def argument(self) -> Row:
        """A group in braces, or one atom."""
        self.skip_spaces()
        if self.peek() != "{":
            return Row((self.atom(),))
        self.next()
        inner = self.row("}")
        self.next()
        return inner

    def raw(self) -> str:
        """A group in braces as text."""
        self.skip_spaces()
        if self.peek() != "{":
            return self.next()
        self.next()
        parts, depth = list[str](), 1
        while depth and self.at < len(self.tokens):
            token = self.next()
            depth += (token == "{") - (token == "}")
            if token not in ("{", "}"):
                parts.append(_plain(token))
        return "".join(parts)

    def atom(self) -> Math:
        token = self.next()
        word = token.removeprefix("\\").removesuffix("*")
        if token == "{":
            self.at -= 1
            return self.argument()
        if token == r"\left":
            return self.fenced()
        if token in _PAIRS:
            inner = self.row(_PAIRS[token])
            self.next()
            return Fenced(DELIMITERS[token], inner, DELIMITERS[_PAIRS[token]])
        if token in (r"\frac", r"\tfrac", r"\dfrac"):
            return Fraction(_bare(self.argument()), _bare(self.argument()))
        if token == r"\sqrt":
            return Root(self.argument())
        if token == r"\begin":
            return self.table(self.raw())
        if word in SIZES and token.startswith("\\"):
            return Symbol(DELIMITERS.get(self.peek(), self.peek()), _side(self.next()))
        if word in ACCENTS and token.startswith("\\"):
            return Accent(ACCENTS[word], self.argument())
        if word in UPRIGHT and token.startswith("\\"):
            return Symbol(self.raw(), UPRIGHT[word])
        if word in FONTS and token.startswith("\\"):
            return Symbol("".join(FONTS[word].get(char, char) for char in self.raw()), "letter")
        return _sign(token)

    def fenced(self) -> Fenced:
        self.skip_spaces()
        left = self.next()
        inner = self.row(r"\right")
        self.next()
        self.skip_spaces()
        right = self.next()
        return Fenced(DELIMITERS.get(left, left), inner, DELIMITERS.get(right, right))

    def table(self, name: str) -> Table:
        rows: list[tuple[Row, ...]] = []
        cells: list[Row] = []
        while True:
            cells.append(self.row("&", r"\\", r"\end"))
            end = self.next()
            if end != "&":
                rows.append(tuple(cells))
                cells = []
            if end in (r"\end", _END):
                self.raw()
                break
        width = max(map(len, rows))
        filled = tuple((*row, *[Row(())] * (width - len(row))) for row in rows)
        return Table(filled, *_TABLES.get(name, ("", "")))


def _tidy(items: list[Math]) -> Iterator[Math]:
    """The items without spaces at the ends, after signs of derivatives, and next to other spaces."""
    before: Math = Space(0.0)
    for position, item in enumerate(items):
        if item == Space(0.0):
            last = position == len(items) - 1 or isinstance(items[position + 1], Space)
            if last or isinstance(before, Space) or before in (Symbol("∂", "letter"), Symbol("∇", "letter")):
                continue
            if isinstance(before, Symbol) and before.kind == "word" and not isinstance(items[position + 1], Fenced):
                item = Space(SPACES[","])
        yield item
        before = item


def _bare(row: Row) -> Row:
    """A side of a fraction without brackets around all of it."""
    match row.items:
        case (Fenced("(", inner, ")"),):
            return inner
    return row


def _plain(token: str) -> str:
    """A token of a text."""
    if token.startswith("\\"):
        word = token[1:]
        return NAMED.get(word, word) if len(word) > 1 else word
    return token


def _side(delimiter: str) -> Kind:
    return "close" if delimiter in (")", "]", r"\}", r"\rVert") else "open"


def _sign(token: str) -> Math:
    """A token that stands for itself."""
    word = token.removeprefix("\\").removesuffix("*")
    if token.startswith("\\") and word in SPACES:
        return Space(SPACES[word])
    if token in SIGNS:
        return Symbol(*SIGNS[token])
    if token in DELIMITERS:
        return Symbol(DELIMITERS[token], _side(token))
    if token.startswith("\\"):
        return Symbol(word, "word")
    if token[:1].isdigit():
        return Symbol(token, "number")
    return Symbol(token, "letter")
