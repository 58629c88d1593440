"""Text in two dimensions: boxes of lines around the line that the sentence stands on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

#: The pieces of brackets of more than one line: top, middle, bottom, and what all others are.
_TALL = {
    "(": "⎛⎜⎝⎜", ")": "⎞⎟⎠⎟", "[": "⎡⎢⎣⎢", "]": "⎤⎥⎦⎥", "{": "⎧⎨⎩⎪", "}": "⎫⎬⎭⎪",
    "|": "││││", "‖": "‖‖‖‖", "⌊": "⎢⎢⎣⎢", "⌋": "⎥⎥⎦⎥", "⌈": "⎡⎢⎢⎢", "⌉": "⎤⎥⎥⎥",
}  # fmt: skip


@dataclass(frozen=True)
class Box:
    """Lines of equal width; ``axis`` is the one that the neighbours stand on."""

    lines: tuple[str, ...]
    axis: int = 0

    @property
    def width(self) -> int:
        """The number of columns."""
        return columns(self.lines[0])

    @property
    def below(self) -> int:
        """The number of lines under the axis."""
        return len(self.lines) - 1 - self.axis


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def text_box(text: str) -> Box:
    """One line."""
    return Box((text,))


def beside(boxes: Iterable[Box]) -> Box:
    """Boxes side by side on one axis."""
    items = [box for box in boxes if box.width]
    if not items:
        return text_box("")
    above = max(box.axis for box in items)
    below = max(box.below for box in items)
    return Box(tuple(map("".join, zip(*(_grown(box, above, below) for box in items), strict=True))), above)


def _grown(box: Box, above: int, below: int) -> list[str]:
    empty = " " * box.width
    return [empty] * (above - box.axis) + list(box.lines) + [empty] * (below - box.below)


def padded(text: str, width: int, middle: bool = False) -> str:
    """A line filled up to a width."""
    missing = width - columns(text)
    left = missing // 2 if middle else 0
    return " " * left + text + " " * (missing - left)


def over(upper: Box, lower: Box, bar: bool = False) -> Box:
    """One box over another, with a bar between them on the axis, or with the axis of the lower."""
    width = max(upper.width, lower.width)
    middle = ["─" * width] if bar else []
    parts = [padded(line, width, middle=True) for line in (*upper.lines, *middle, *lower.lines)]
    return Box(tuple(parts), len(upper.lines) + (0 if bar else lower.axis))


def under(upper: Box, lower: Box) -> Box:
    """A box under another, which keeps its axis."""
    width = max(upper.width, lower.width)
    return Box(tuple(padded(line, width, middle=True) for line in (*upper.lines, *lower.lines)), upper.axis)


def fenced(left: str, inner: Box, right: str) -> Box:
    """A box between brackets of its height."""
    return beside([_bracket(left, inner), inner, _bracket(right, inner)])


def _bracket(sign: str, inner: Box) -> Box:
    height = len(inner.lines)
    if height == 1 or not sign:
        return Box((sign,) * height, inner.axis)
    top, middle, bottom, other = list(_TALL.get(sign, sign[:1].ljust(1) * 4))
    if sign in "{}" and height == 2:
        return Box((top, bottom), inner.axis)
    lines = [other] * height
    lines[0], lines[-1] = top, bottom
    if height > 2:
        lines[min(max(inner.axis, 1), height - 2)] = middle
    return Box(tuple(lines), inner.axis)


def stacked(rows: Sequence[Sequence[Box]], gap: int = 2) -> Box:
    """Cells in rows and columns, each column as wide as its widest cell."""
    widths = [max(box.width for box in column) for column in zip(*rows, strict=True)]
    lines: list[str] = []
    for row in rows:
        filled = [
            Box(tuple(padded(line, width) for line in box.lines), box.axis)
            for box, width in zip(row, widths, strict=True)
        ]
        spaced = [part for box in filled for part in (box, text_box(" " * gap))][:-1]
        lines += beside(spaced).lines
    return Box(tuple(lines), len(lines) // 2)
