"""Formulas in the mathematics of Typst, every name as a string, so that none is read as a command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

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
)

_ACCENTS = {"¯": "macron", "^": "hat", "~": "tilde", "˙": "dot", "¨": "dot.double", "→": "arrow"}
#: How text of each kind is written, as a pattern for a string.
_STRINGS = {"name": "upright({})", "word": "op({})", "code": "mono({})", "text": "{}"}
_SPECIAL = re.compile(r"[\\#$\"'_^/&|~*(){}\[\],;:]")


def typst_math(row: Row, continued: bool = False) -> str:
    """A tree as an equation in the line; one that is ``continued`` may begin with a sign between operands."""
    first, *rest = row.items or (Row(()),)
    if continued and isinstance(first, Symbol) and first.kind in ("binary", "relation"):
        return f"$display({_write(first)} #h(0.22em) {_items(rest)})$"
    return f"$display({_items(row.items)})$"


def string(text: str) -> str:
    """A string of Typst."""
    escaped = json.dumps(text, ensure_ascii=False)
    return re.sub(r"\\u([0-9a-fA-F]{4})|\\[bf]", lambda found: rf"\u{{{found[1]}}}" if found[1] else " ", escaped)


def _items(items: Iterable[Math]) -> str:
    """Side by side; a blank only where two words would become one, since Typst shows blanks next to strings."""
    text = ""
    for part in map(_write, items):
        blank = part.startswith("#") or (text[-1:].isalnum() and part[:1].isalnum())
        text += f" {part}" if blank else part
    return text


def _argument(row: Row) -> str:
    return _items(row.items) or '""'


def _write(node: Math) -> str:
    match node:
        case Symbol():
            return _symbol(node)
        case Space():
            return f"#h({node.width}em) " if node.width else ""
        case Row():
            return _items(node.items)
        case Fraction():
            return f"frac({_argument(node.upper)}, {_argument(node.lower)})"
        case Root():
            return f"sqrt({_argument(node.inner)})"
        case Scripts():
            return _scripts(node)
        case Fenced():
            return f"lr({_sign(node.left)}{_items(node.inner.items)}{_sign(node.right)})"
        case Accent():
            return f"accent({_argument(node.inner)}, {_ACCENTS.get(node.mark, 'macron')})"
        case Table():
            return _table(node)


def _symbol(node: Symbol) -> str:
    if node.kind in _STRINGS:
        return _STRINGS[node.kind].format(string(node.text))
    if node.kind == "number" or (len(node.text) == 1 and node.text.isalpha()):
        return node.text
    return _sign(node.text)


def _sign(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text) if len(text) == 1 else string(text) if text else ""


def _scripts(node: Scripts) -> str:
    parts = [f"{key}: {_argument(part)}" for key, part in (("b", node.lower), ("t", node.upper)) if part is not None]
    return f"attach({', '.join([_argument(Row((node.base,))), *parts])})"


def _table(node: Table) -> str:
    if node.left == "{":
        return f"cases({', '.join(' & #h(0.8em) '.join(map(_argument, row)) for row in node.rows)}) #h(0.2em) "
    rows = "; ".join(", ".join(map(_argument, row)) for row in node.rows)
    return f"mat(delim: {string(node.left) if node.left else '#none'}, {rows})"
