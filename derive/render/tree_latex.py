"""Trees as LaTeX again, for parts of formulas: ``math_tree`` reads the same tree back."""

from __future__ import annotations

import re

from chainrule.derive.render.breaking import extent, gathered, pieces
from chainrule.derive.render.math_tree import (
    Accent,
    Fenced,
    Fraction,
    Math,
    Root,
    Row,
    Scripts,
    Space,
    Symbol,
    Table,
    math_tree,
)
from chainrule.derive.render.math_words import ACCENTS, DELIMITERS, FONTS, FUNCTIONS, SIGNS, SPACES

_SIGNS = {(text, kind): token for token, (text, kind) in reversed(list(SIGNS.items()))}
_WORD_AT_END = re.compile(r"\\[A-Za-z]+$")
_SPACES = {0.0: " ", **{width: f"\\{word}" for word, width in SPACES.items() if width}}
_ACCENTS = {mark: word for word, mark in ACCENTS.items()}
#: Signs with words of their own, and those that stand for themselves on both sides.
_DELIMITERS = {
    **{sign: token for token, sign in DELIMITERS.items() if token not in (r"\lVert", r"\rVert", r"\lvert", r"\rvert")},
    "": ".",
}
_LETTERS = {sign: (font, char) for font, signs in FONTS.items() for char, sign in signs.items()}
_COMMANDS = {"name": "mathrm", "word": "operatorname", "code": "texttt", "text": "text"}
_SPECIAL = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip


def prose(text: str) -> str:
    """Text that stands for itself."""
    return "".join(_SPECIAL.get(char, char) for char in text)


def width(latex: str) -> float:
    """About how wide a formula is, in letters."""
    return extent(math_tree(latex))


def broken(latex: str, limit: float) -> list[str]:
    """The formula in lines, none wider than ``limit`` where it can be broken."""
    if width(latex) <= limit:
        return [latex]
    return [tree_latex(line).strip() for line in gathered(pieces(math_tree(latex), limit), limit)]


def tree_latex(row: Row) -> str:
    """A tree as LaTeX; brackets without a partner have a fixed size."""
    text = ""
    for part in map(_write, row.items):
        text += f" {part}" if part[:1].isalpha() and _WORD_AT_END.search(text) else part
    return text


def _group(row: Row) -> str:
    return f"{{{tree_latex(row)}}}"


def _write(node: Math) -> str:
    match node:
        case Symbol():
            return _symbol(node)
        case Space():
            return _SPACES.get(node.width, r"\,") + (" " if node.width else "")
        case Row():
            return _group(node)
        case Fraction():
            return rf"\frac{_group(node.upper)}{_group(node.lower)}"
        case Root():
            return rf"\sqrt{_group(node.inner)}"
        case Scripts():
            scripts = ((sign, part) for sign, part in (("_", node.lower), ("^", node.upper)) if part is not None)
            return _write(node.base) + "".join(sign + _group(part) for sign, part in scripts)
        case Fenced():
            left, right = (_DELIMITERS.get(sign, ".") for sign in (node.left, node.right))
            return rf"\left{left}{tree_latex(node.inner)}\right{right}"
        case Accent():
            return rf"\{_ACCENTS[node.mark]}{_group(node.inner)}"
        case Table():
            return _table(node)


def _symbol(node: Symbol) -> str:
    if node.kind in ("open", "close"):
        side = "l" if node.kind == "open" else "r"
        return rf"\big{side}{_DELIMITERS.get(node.text, '.')}"
    if node.kind == "word" and node.text in FUNCTIONS:
        return f"\\{node.text}"
    if node.kind in _COMMANDS:
        return rf"\{_COMMANDS[node.kind]}{{{prose(node.text)}}}"
    if node.text in _LETTERS:
        return "\\{}{{{}}}".format(*_LETTERS[node.text])
    return _SIGNS.get((node.text, node.kind), node.text)


def _table(node: Table) -> str:
    name = {"{": "cases", "(": "pmatrix", "[": "bmatrix"}.get(node.left, "matrix")
    rows = r" \\ ".join(" & ".join(map(tree_latex, row)) for row in node.rows)
    return rf"\begin{{{name}}}{rows}\end{{{name}}}"
