"""Terminals: mathematics in two dimensions, aligned, wrapped to a width, in colours by role if wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Literal

from chainrule.derive.render.boxes import Box, beside, columns, padded, text_box
from chainrule.derive.render.page import WIDTH, Line, Note, Page, Section, Shown
from chainrule.derive.render.unicode_math import one_line, two_dimensional

#: The smallest width that is kept to.
NARROW = 32

Role = Literal["title", "symbol", "reason", "code"]
Paint = Callable[[Role, str], str]
#: Codes of terminals by role: bold, cyan, green, yellow.
_COLOURS: dict[Role, str] = {"title": "1", "symbol": "36", "reason": "32", "code": "33"}


def page_unicode(page: Page, width: int = WIDTH, colour: bool = False) -> str:
    """The page in two-dimensional Unicode, no line longer than ``width`` where formulas can be broken."""
    layout = _Layout(max(width, NARROW), _coloured if colour else _plain)
    return "\n".join(line.rstrip() for line in layout.page(page)) + "\n"


def _plain(role: Role, text: str) -> str:
    return text


def _coloured(role: Role, text: str) -> str:
    return f"\x1b[{_COLOURS[role]}m{text}\x1b[0m" if text.strip() else text


@dataclass(frozen=True)
class _Layout:
    width: int
    paint: Paint

    def page(self, page: Page) -> Iterator[str]:
        yield from self.prose(page.title.text, "", "title")
        yield from self.prose(page.layout, "")
        for section in page.sections:
            yield ""
            yield from self.section(section)
        if page.remarks:
            yield from ("", self.paint("title", "Remarks"))
            for remark in page.remarks:
                yield from self.prose(remark, "  ", "reason")

    def prose(self, text: str, margin: str, role: Role | None = None) -> Iterator[str]:
        for part in wrap(text, self.width - len(margin)):
            yield margin + (self.paint(role, part) if role else part)

    def section(self, section: Section) -> Iterator[str]:
        yield self.paint("title", section.title)
        yield from self.prose(_words(section.intro), "  ", "reason")
        yield from self.block(section.lines, 2)
        for line in section.code.splitlines():
            yield f"  {self.paint('code', line)}"

    def block(self, lines: Sequence[Line], margin: int) -> Iterator[str]:
        """Lines under each other, equality signs and reasons aligned, details further in."""
        lefts = [_left(line) for line in lines]
        indent = min(max((box.width for box in lefts), default=0), self.width // 3)
        start = margin + indent + 3 if indent else margin
        rights = [two_dimensional(line.right.latex, self.width - start) for line in lines]
        ends = [start + max(box.width for box in boxes) for boxes in rights]
        column = max((end for end, line in zip(ends, lines, strict=True) if line.note and end <= self.width // 2),
                     default=0) + 3  # fmt: skip
        high = False
        for line, left, boxes, end in zip(lines, lefts, rights, ends, strict=True):
            if high and (len(left.lines) > 1 or len(boxes[0].lines) > 1):
                yield ""
            high = len(boxes[-1].lines) > 1 or len(left.lines) > 1
            note = _words(line.note)
            at = max(column, end + 3)
            fits = bool(note) and at + columns(note) <= self.width
            yield from self.line(_Placed(left, boxes, margin, indent), note if fits else "", at)
            if note and not fits:
                yield from self.prose(note, " " * min(start + 2, self.width // 2), "reason")
            yield from self.block(line.details, margin + 4)

    def line(self, placed: _Placed, note: str, at: int) -> Iterator[str]:
        """The boxes of a line; the reason stands behind the last."""
        for number, box in enumerate(placed.boxes):
            left = placed.left if number == 0 else text_box("")
            if left.width > placed.indent:
                yield from self.rows(left, placed.margin, symbol=True)
                left = text_box("")
            sign = "" if not placed.indent else " = " if number == 0 else "   "
            head = Box(tuple(padded(row, placed.indent) for row in left.lines), left.axis)
            whole = beside([head, text_box(sign), box])
            last = number == len(placed.boxes) - 1
            for position, row in enumerate(whole.lines):
                symbol, rest = _cut(row, head.width)
                reason = ""
                if note and last and position == whole.axis:
                    reason = " " * (at - placed.margin - whole.width) + self.paint("reason", note)
                yield " " * placed.margin + self.paint("symbol", symbol) + rest + reason

    def rows(self, box: Box, margin: int, symbol: bool) -> Iterator[str]:
        for row in box.lines:
            yield " " * margin + (self.paint("symbol", row) if symbol else row)


@dataclass(frozen=True)
class _Placed:
    left: Box
    boxes: list[Box]
    margin: int
    indent: int


def _cut(row: str, width: int) -> tuple[str, str]:
    """The part of a row in the first columns, and the rest."""
    end = 0
    while end < len(row) and columns(row[: end + 1]) <= width:
        end += 1
    return row[:end], row[end:]


def _left(line: Line) -> Box:
    """The left-hand sides, chained by equality signs."""
    boxes = [two_dimensional(shown.latex, 10**6)[0] for shown in line.left]
    return beside([part for box in boxes for part in (text_box(" = "), box)][1:])


def _words(note: Note) -> str:
    return "".join(_word(part) for part in note)


def _word(part: str | Shown) -> str:
    return part if isinstance(part, str) else one_line(part.latex)
