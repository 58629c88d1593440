"""Formulas as MathML, which browsers set without any script or font file."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

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

#: Elements and attributes of symbols by kind.
_ELEMENTS = {
    "letter": "mi", "number": "mn", "name": 'mi mathvariant="normal"', "word": 'mi mathvariant="normal"',
    "code": 'mtext class="code"', "text": "mtext",
    "relation": "mo", "binary": "mo", "big": "mo", "open": 'mo stretchy="false"', "close": 'mo stretchy="false"',
    "punctuation": 'mo separator="true"',
}  # fmt: skip

_INFIX = 'mo form="infix" lspace="0" rspace="0.25em"'
#: Accents that are as wide as what they stand over.
_WIDE = {"¯": "‾"}


def mathml(latex: str, block: bool = False) -> str:
    """A formula as a ``math`` element; ``block`` sets sums and fractions large."""
    return row_mathml(math_tree(latex), block)


def row_mathml(row: Row, block: bool = False, continued: bool = False) -> str:
    """A tree as a ``math`` element; one that is ``continued`` may begin with a sign between operands."""
    style = ' displaystyle="true"' if block else ""
    first, *rest = row.items or (Row(()),)
    if continued and isinstance(first, Symbol) and first.kind in ("binary", "relation"):
        return f"<math{style}>{_element(_INFIX, escape(first.text))}{_items(rest)}</math>"
    return f"<math{style}>{_items(row.items)}</math>"


def _items(items: Iterable[Math]) -> str:
    return "".join(map(_write, items))


def _row(row: Row) -> str:
    """Exactly one element."""
    if len(row.items) == 1:
        return _write(row.items[0]) or "<mrow></mrow>"
    return f"<mrow>{_items(row.items)}</mrow>"


def _write(node: Math) -> str:
    match node:
        case Symbol():
            return _element(_ELEMENTS[node.kind], escape(node.text))
        case Space():
            return f'<mspace width="{node.width}em"/>' if node.width else ""
        case Row():
            return f"<mrow>{_items(node.items)}</mrow>"
        case Fraction():
            return f"<mfrac>{_row(node.upper)}{_row(node.lower)}</mfrac>"
        case Root():
            return f"<msqrt>{_items(node.inner.items)}</msqrt>"
        case Scripts():
            return _scripts(node)
        case Fenced():
            tall = any(map(_is_tall, node.inner.items))
            left, right = _bracket(node.left, "prefix", tall), _bracket(node.right, "postfix", tall)
            return f"<mrow>{left}{_row(node.inner)}{right}</mrow>"
        case Accent():
            wide = "true" if node.mark in _WIDE else "false"
            mark = _element(f'mo stretchy="{wide}"', escape(_WIDE.get(node.mark, node.mark)))
            return f"<mover>{_row(node.inner)}{mark}</mover>"
        case Table():
            return _table(node)


def _element(opening: str, inner: str) -> str:
    return f"<{opening}>{inner}</{opening.partition(' ')[0]}>"


def _bracket(sign: str, form: str, tall: bool = True) -> str:
    """A bracket; browsers put wide gaps around those that may stretch."""
    stretchy = "true" if tall else "false"
    opening = f'mo form="{form}" fence="true" stretchy="{stretchy}" lspace="0" rspace="0"'
    return _element(opening, escape(sign)) if sign else ""


def _is_tall(node: Math) -> bool:
    """Whether brackets around a part are higher than a line."""
    match node:
        case Fraction() | Table():
            return True
        case Scripts():
            return node.has_limits or _is_tall(node.base)
        case Fenced() | Root() | Accent():
            return any(map(_is_tall, node.inner.items))
        case Row():
            return any(map(_is_tall, node.items))
    return False


def _scripts(node: Scripts) -> str:
    base = _row(Row((node.base,)))
    parts = "".join(_row(part) for part in (node.lower, node.upper) if part is not None)
    names = ("munder", "mover") if node.has_limits else ("msub", "msup")
    if node.lower is not None and node.upper is not None:
        name = "munderover" if node.has_limits else "msubsup"
    else:
        name = names[0] if node.lower is not None else names[1]
    return f"<{name}>{base}{parts}</{name}>"


def _table(node: Table) -> str:
    rows = "".join(
        "<mtr>" + "".join(f"<mtd>{_items(cell.items)}</mtd>" for cell in row) + "</mtr>" for row in node.rows
    )
    return f"<mrow>{_bracket(node.left, 'prefix')}<mtable>{rows}</mtable>{_bracket(node.right, 'postfix')}</mrow>"
