"""Where a long formula may go on in the next line: before a sign between terms, then before one between factors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from chainrule.derive.render.math_tree import Accent, Fenced, Fraction, Math, Root, Row, Scripts, Space, Symbol, Table

Measure = Callable[[Row], float]
#: Signs before which a sum goes on in the next line.
_BETWEEN_TERMS = frozenset("+−")
_ONE = Row((Symbol("1", "number"),))


def extent(row: Row) -> float:
    """About how wide a row is, in letters."""
    return sum(map(_extent, row.items))


def pieces(row: Row, limit: float, measure: Measure = extent) -> list[Row]:
    """Parts of a row that may stand in lines of their own; each is as long as it can be told apart from the next.

    A bracket around more than ``limit`` is opened, a fraction that is wider written in the line, and a
    product that is longer broken at its factors.
    """
    found: list[Row] = []
    for part in _split(row, _starts_term):
        if measure(part) <= limit:
            found.append(part)
            continue
        opened = _opened(part)
        found += pieces(opened, limit, measure) if opened is not None else _split(part, _starts_factor)
    return found


def gathered(parts: Sequence[Row], limit: float, measure: Measure = extent) -> list[Row]:
    """The parts side by side, as many in each line as fit."""
    lines: list[Row] = []
    for part in parts:
        longer = Row((*lines[-1].items, *part.items)) if lines else part
        if lines and measure(longer) <= limit:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


def _extent(node: Math) -> float:
    match node:
        case Symbol():
            return len(node.text) + (2 if node.kind in ("relation", "binary") else 0)
        case Space():
            return 0.5
        case Row():
            return extent(node)
        case Fraction():
            return max(extent(node.upper), extent(node.lower))
        case Root() | Accent():
            return extent(node.inner) + isinstance(node, Root)
        case Scripts():
            return _extent(node.base) + 0.7 * max(extent(part) for part in (node.lower, node.upper) if part)
        case Fenced():
            return extent(node.inner) + 2
        case Table():
            return max(sum(map(extent, row)) + len(row) for row in node.rows) + 2


def _split(row: Row, starts: Callable[[Sequence[Math], int], bool]) -> list[Row]:
    items = row.items
    at = [0, *(position for position in range(1, len(items)) if starts(items, position)), len(items)]
    return [Row(items[begin:end]) for begin, end in pairwise(at)]


def _starts_term(items: Sequence[Math], position: int) -> bool:
    """Whether a term of a sum, or the other side of a relation, begins here."""
    item = items[position]
    if not isinstance(item, Symbol) or not (item.kind == "relation" or item.text in _BETWEEN_TERMS):
        return False
    return is_operand(before(items, position))


def _starts_factor(items: Sequence[Math], position: int) -> bool:
    """Whether a factor or an argument begins here."""
    item, last = items[position], before(items, position)
    if isinstance(last, Symbol) and last.kind == "punctuation":
        return not isinstance(item, Space)
    if isinstance(item, Symbol) and item.kind == "binary":
        return is_operand(last)
    gap = isinstance(items[position - 1], Space) and not isinstance(item, Space)
    word = isinstance(last, Symbol) and last.kind in ("word", "big", "relation", "binary")
    big = isinstance(last, Scripts) and last.has_limits
    return gap and is_operand(last) and not word and not big and not _closes(item)


def _closes(item: Math) -> bool:
    base = item.base if isinstance(item, Scripts) else item
    return isinstance(base, Symbol) and base.kind in ("close", "relation", "binary", "punctuation")


def before(items: Sequence[Math], position: int) -> Math | None:
    """The last item before a position that is no space."""
    return next((item for item in reversed(items[:position]) if not isinstance(item, Space)), None)


def is_operand(item: Math | None) -> bool:
    """Whether a sign after the item stands between two operands."""
    return item is not None and not (
        isinstance(item, Symbol) and item.kind in ("relation", "binary", "open", "punctuation", "big")
    )


def _opened(row: Row) -> Row | None:
    """The row with its widest bracket or fraction taken apart, so that lines may end inside it."""
    found = [(_extent(item), position) for position, item in enumerate(row.items) if _parts(item)]
    if not found:
        return None
    position = max(found)[1]
    return Row((*row.items[:position], *_parts(row.items[position]), *row.items[position + 1 :]))


def _parts(item: Math) -> tuple[Math, ...]:
    """What a bracket or a fraction is made of; nothing for all else."""
    if isinstance(item, Fraction):
        return _in_line(item)
    bracket = _bracket(item)
    if bracket is None:
        return ()
    close: Math = Symbol(bracket.right, "close")
    if isinstance(item, Scripts):
        close = Scripts(close, item.lower, item.upper)
    return (Symbol(bracket.left, "open"), *bracket.inner.items, close)


def _in_line(fraction: Fraction) -> tuple[Math, ...]:
    """A wide numerator behind one over the denominator, a wide denominator behind a stroke."""
    upper: Math = fraction.upper if len(fraction.upper.items) == 1 else Fenced("(", fraction.upper, ")")
    if fraction.upper != _ONE and extent(fraction.lower) < extent(fraction.upper):
        return Fraction(_ONE, fraction.lower), Space(0.17), upper
    return upper, Symbol("/", "letter"), Fenced("(", fraction.lower, ")")


def _bracket(item: Math) -> Fenced | None:
    base = item.base if isinstance(item, Scripts) else item
    return base if isinstance(base, Fenced) else None
