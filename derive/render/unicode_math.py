"""Formulas in Unicode: in two dimensions, with fractions stacked, or in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from chainrule.derive.render.boxes import Box, beside, columns, fenced, over, stacked, text_box, under
from chainrule.derive.render.breaking import gathered, is_operand, pieces
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

_RAISED = {
    **dict(zip("0123456789+−=()⊤T′∗×⊙", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵀᵀ′*ˣ⊙", strict=True)),
    **dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True)),
}
_LOWERED = dict(zip("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
#: Accents as combining characters.
_COMBINING = {"¯": "\u0304", "^": "\u0302", "~": "\u0303", "˙": "\u0307", "¨": "\u0308", "→": "\u20d7"}
_GAP = Symbol(" ", "text")


def two_dimensional(latex: str, limit: int) -> list[Box]:
    """A formula in as many boxes under each other as it takes for none to be wider than ``limit``."""
    tree = math_tree(latex)
    if _width(tree) <= limit:
        return [row_box(tree)]
    first, *others = gathered(pieces(tree, limit - 1, _width), limit - 1, _width)
    return [row_box(first), *map(_continued, others)]


def _continued(row: Row) -> Box:
    """A line that goes on: a sign that it begins with stands between operands."""
    first, *rest = row.items
    if isinstance(first, Symbol) and first.kind in ("binary", "relation"):
        return beside([text_box(f"{first.text} "), row_box(Row(tuple(rest)))])
    return row_box(row)


def one_line(latex: str) -> str:
    """A formula in one line."""
    return _text(math_tree(latex))


def row_box(row: Row) -> Box:
    """A tree in two dimensions."""
    return beside(map(_box, _spaced(row.items)))


def _width(row: Row) -> float:
    return row_box(row).width


# ---- gaps -------------------------------------------------------------------------------------------------


def _spaced(items: Sequence[Math]) -> Iterator[Math]:
    """The items with a blank wherever there is to be one, and no other spaces."""
    last: Math | None = None
    infix = gap = False
    for item in items:
        if isinstance(item, Space):
            gap = True
            continue
        wide = isinstance(item, Symbol) and (
            item.kind == "relation" or (item.kind == "binary" and is_operand(last))
        )
        if (last is None and wide and gap) or (last is not None and (wide or infix or _parts(last, item, gap))):
            yield _GAP
        yield item
        last, infix, gap = item, wide, False


def _parts(last: Math, item: Math, gap: bool) -> bool:
    """Whether there is a blank between two parts, neither being a sign between operands."""
    if isinstance(last, Symbol) and last.kind in ("open", "binary"):
        return False
    if isinstance(item, Symbol) and item.kind == "close":
        return False
    comma = isinstance(last, Symbol) and last.kind == "punctuation"
    return gap or comma or (isinstance(last, Scripts) and last.has_limits)


def _compact(row: Row) -> Row:
    """A row without spaces, as scripts are written, and differentials."""
    return Row(tuple(item for item in row.items if not isinstance(item, Space)))


def _over_bar(row: Row) -> Row:
    """A side of a fraction: ``d x`` is a differential."""
    return _compact(row) if row.items[:1] == (Symbol("d", "letter"),) else row


# ---- one line ---------------------------------------------------------------------------------------------


def _text(row: Row) -> str:
    return "".join(map(_line, _spaced(row.items)))


def _tight(row: Row) -> str:
    return "".join(map(_line, _compact(row).items))


def _line(node: Math) -> str:
    match node:
        case Symbol():
            return node.text
        case Space():
            return ""
        case Row():
            return _text(node)
        case Fraction():
            return f"{_side(node.upper)}/{_side(node.lower)}"
        case Root():
            inner = _text(node.inner)
            return f"√{inner}" if len(inner) == 1 else f"√({inner})"
        case Scripts():
            return _line(node.base) + _small(node.lower, _LOWERED, "_") + _small(node.upper, _RAISED, "^")
        case Fenced():
            return f"{node.left}{_text(node.inner)}{node.right}"
        case Accent():
            return _accented(_text(node.inner), node.mark)
        case Table():
            rows = "; ".join(" if ".join(map(_text, row)) for row in node.rows)
            return f"{node.left}{rows}{node.right}"


def _side(row: Row) -> str:
    row = _over_bar(row)
    loose = any(isinstance(item, Space | Fraction) or _is_sign(item) for item in row.items)
    return f"({_text(row)})" if loose else _text(row)


def _is_sign(item: Math) -> bool:
    return isinstance(item, Symbol) and item.kind in ("binary", "relation")


def _in_small(row: Row | None, letters: Mapping[str, str]) -> str | None:
    """A script in small letters, or in brackets if it has words: ``softmax[axis=1]``; none if neither is possible."""
    if row is None:
        return ""
    text = _tight(row)
    if any(isinstance(item, Symbol) and item.kind in ("word", "name") and len(item.text) > 1 for item in row.items):
        return f"[{text}]" if letters is _LOWERED else None
    return "".join(letters[char] for char in text) if all(char in letters for char in text) else None


def _small(row: Row | None, letters: Mapping[str, str], sign: str) -> str:
    """A script in small letters where there are such, else behind a sign."""
    small = _in_small(row, letters)
    if row is None or small is not None:
        return small or ""
    text = _tight(row)
    return f"{sign}{text}" if columns(text) == 1 or (text.isalnum() and sign == "_") else f"{sign}({text})"


def _accented(text: str, mark: str) -> str:
    return "".join(char + _COMBINING.get(mark, "") for char in text) if columns(text) == 1 else f"{text}{mark}"


# ---- two dimensions ---------------------------------------------------------------------------------------


def _box(node: Math) -> Box:
    match node:
        case Row():
            return row_box(node)
        case Fraction():
            return over(row_box(_over_bar(node.upper)), row_box(_over_bar(node.lower)), bar=True)
        case Root():
            return _root(row_box(node.inner))
        case Scripts():
            return _limits(node) if node.has_limits else _scripts(node)
        case Fenced():
            return fenced(node.left, row_box(node.inner), node.right)
        case Accent():
            return _accent(row_box(node.inner), node.mark)
        case Table():
            cells = [[row_box(cell) for cell in row] for row in node.rows]
            return fenced(node.left, stacked(cells), node.right)
        case _:
            return text_box(_line(node))


def _root(inner: Box) -> Box:
    if len(inner.lines) == 1 and inner.width == 1:
        return text_box(f"√{inner.lines[0]}")
    if len(inner.lines) == 1:
        return Box((" " + "_" * inner.width, f"√{inner.lines[0]}"), 1)
    *upper, last = inner.lines
    lines = (" ┌" + "─" * inner.width, *(f" │{line}" for line in upper), f"√│{last}")
    return Box(lines, inner.axis + 1)


def _limits(node: Scripts) -> Box:
    box = _box(node.base)
    if node.upper is not None:
        box = over(text_box(_tight(node.upper)), box)
    return under(box, text_box(_tight(node.lower))) if node.lower is not None else box


def _accent(inner: Box, mark: str) -> Box:
    if len(inner.lines) == 1 and inner.width == 1:
        return text_box(inner.lines[0] + _COMBINING.get(mark, ""))
    line = "_" * inner.width if mark == "¯" else mark.center(inner.width)
    return over(text_box(line), inner)


def _scripts(node: Scripts) -> Box:
    base = _box(node.base)
    lower, upper = _script(node.lower, _LOWERED), _script(node.upper, _RAISED)
    if len(base.lines) == 1 and isinstance(lower, str) and isinstance(upper, str):
        return text_box(base.lines[0] + lower + upper)
    if len(base.lines) == 1:  # small letters stand beside the base, boxes above or below it
        beside_base = "".join(part for part in (lower, upper) if isinstance(part, str))
        base = text_box(base.lines[0] + beside_base)
        lower, upper = (part if isinstance(part, Box) else "" for part in (lower, upper))
    return _around(base, *(text_box(part) if isinstance(part, str) else part for part in (lower, upper)))


def _script(row: Row | None, letters: Mapping[str, str]) -> str | Box:
    """A script in small letters where there are such, else a box."""
    small = _in_small(row, letters)
    return beside(map(_box, _compact(row).items)) if small is None and row is not None else small or ""


def _around(base: Box, lower: Box, upper: Box) -> Box:
    """A base with scripts behind it: at the ends of a high base, one line above and below a low one."""
    height = len(base.lines)
    apart = 1 if height == 1 else 0
    over_top = len(upper.lines) - 1 + apart if upper.width else 0
    under_end = len(lower.lines) - 1 + apart if lower.width else 0
    width = max(lower.width, upper.width)
    lines = [""] * (over_top + height + under_end)
    if upper.width:
        lines[: len(upper.lines)] = upper.lines
    if lower.width:
        lines[len(lines) - len(lower.lines) :] = lower.lines
    script = Box(tuple(line + " " * (width - columns(line)) for line in lines), over_top + base.axis)
    return beside([base, script])
