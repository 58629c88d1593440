"""Every error of chainrule: its parts as attributes, its wording in one place.

An error says what failed, where in the formula (line, column, caret), what was expected,
what was found, and what to try.  ``str(error)`` is the whole frame; ``error.to_dict()`` is the
same for JSON.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

#: Code points around the caret that an error frame shows at most.
FRAME_WIDTH = 100


@dataclass(frozen=True)
class Span:
    """A piece of a formula's text: code points ``start`` (included) to ``end`` (excluded).

    ``file`` names the file of the text, where the formula is a Python function.
    """

    text: str
    start: int
    end: int
    file: str = ""

    @property
    def place(self) -> str:
        """Line and column in words, with the file if there is one."""
        where = f"line {self.line}, column {self.column}"
        return f"{self.file}, {where}" if self.file else where

    @property
    def line(self) -> int:
        """The line number, counted from 1."""
        return self.text.count("\n", 0, self.start) + 1

    @property
    def column(self) -> int:
        """The column in code points, counted from 1."""
        return self.start - (self.text.rfind("\n", 0, self.start) + 1) + 1

    @property
    def end_column(self) -> int:
        """The first column after the span on the span's first line."""
        return self.column + max(1, self._end_on_line() - self.start)

    @property
    def excerpt(self) -> str:
        """The text of the span."""
        return self.text[self.start : self.end]

    def _end_on_line(self) -> int:
        newline = self.text.find("\n", self.start)
        return min(self.end, len(self.text) if newline < 0 else newline)

    def frame(self) -> str:
        """The source line with a caret line under the span, cut to a readable width."""
        begin = self.text.rfind("\n", 0, self.start) + 1
        newline = self.text.find("\n", self.start)
        line = self.text[begin : len(self.text) if newline < 0 else newline]
        offset, width = self.start - begin, max(1, self._end_on_line() - self.start)
        left = max(0, min(offset - FRAME_WIDTH // 2, len(line) - FRAME_WIDTH))
        shown = line[left : left + FRAME_WIDTH]
        before = _visible(shown[: offset - left])
        under = _visible(shown[offset - left : offset - left + width])
        gutter = " " * len(str(self.line))
        caret = " " * cells(before) + "^" * max(1, cells(under))
        return f"{gutter} |\n{self.line} | {_visible(shown)}\n{gutter} | {caret}"


def _visible(text: str) -> str:
    """Control, format and surrogate characters as escapes, so that a terminal shows them."""
    return "".join(
        f"\\u{ord(char):04x}" if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} else char
        for char in text.replace("\t", "    ")
    )


def cells(text: str) -> int:
    """The number of terminal cells that ``text`` takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def near_names(name: str, known: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """The known names that look most like ``name``, best first."""
    candidates = sorted(set(known))
    folded = {candidate.lower(): candidate for candidate in candidates}
    near = [folded[name.lower()]] if name.lower() in folded else []
    near += difflib.get_close_matches(name, candidates, n=count, cutoff=0.6)
    return tuple(dict.fromkeys(near))[:count]


@dataclass
class ChainruleError(Exception):
    """Base of all errors that a user of chainrule can cause.

    Attributes:
        message: what failed, in one sentence.
        span: where in the formula, if there is a formula.
        expected: what would have been right.
        found: what was there instead.
        hint: what to try.
        near: names that the user may have meant.
        also: further places that matter, each with a word on why.
    """

    message: str
    span: Span | None = None
    expected: str = ""
    found: str = ""
    hint: str = ""
    near: tuple[str, ...] = ()
    also: tuple[tuple[str, Span], ...] = field(default=())

    #: Stable identifier of the kind of error, used in JSON and in documentation.
    code = "error"
    #: Exit code of the command line for this kind of error.
    exit_code = 2

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def __str__(self) -> str:
        lines = [self.message]
        if self.span is not None:
            lines.append(f" --> {self.span.place}")
            lines.append(self.span.frame())
        for note, span in self.also:
            lines.append(f"{note} ({span.place})")
            lines.append(span.frame())
        if self.expected:
            lines.append(f"expected: {self.expected}")
        if self.found:
            lines.append(f"found:    {self.found}")
        if self.near:
            lines.append("did you mean: " + ", ".join(self.near) + "?")
        if self.hint:
            lines.append(f"help: {self.hint}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, object]:
        """The parts of the error, as in the command line's JSON envelope."""
        place: dict[str, object] = {}
        if self.span is not None:
            place = {
                "line": self.span.line,
                "column": self.span.column,
                "end_column": self.span.end_column,
            }
            if self.span.file:
                place["file"] = self.span.file
        return {
            "code": self.code,
            "message": self.message,
            **place,
            "expected": self.expected,
            "found": self.found,
            "hint": self.hint,
            "did_you_mean": list(self.near),
        }


class NotationError(ChainruleError):
    """The text of a formula or of a declaration cannot be read."""

    code = "notation"


class UnknownNameError(NotationError):
    """A name that is neither declared, defined, nor a function of the catalogue."""

    code = "unknown-name"


class ShapeError(ChainruleError):
    """Axes that do not fit together, in a formula or between an array and its declaration."""

    code = "shape"


class DomainError(ChainruleError):
    """Values outside the declared domain of an input."""

    code = "domain"


class InputError(ChainruleError):
    """Arrays or options that do not fit the formula: wrong names, types or choices."""

    code = "input"


class UnsupportedError(ChainruleError):
    """Something that is understood but that chainrule cannot derive, print or compile."""

    code = "unsupported"


class NoClosedFormError(ChainruleError):
    """An equation that has no closed form, or none that chainrule's methods find."""

    code = "no-closed-form"
    exit_code = 3


class LimitError(ChainruleError):
    """A resource limit was hit; the message names the limit."""

    code = "limit"
    exit_code = 4
