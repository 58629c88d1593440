"""Explanations: derivations that are told line by line, every line with the means to check it; demonstrations.

A mechanism (an expectation algebra, a table of distributions, a convexity calculus) makes the lines;
an explanation keeps them as data, prints them in every format, and checks each one on its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from chainrule.derive.render.page import Detail, Form, Line, Note, Page, Section, Shown
from chainrule.derive.render.printed import Printed
from chainrule.derive.steps import NOTHING_CHECKED, Checked

SCHEMA = 1
#: Relative difference of both sides of an equation, each computed on its own, up to which it holds.
TOLERANCE = 1e-9
#: Differences that are rounding alone, and differ from machine to machine.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Move:
    """One line: what stands left, what stands right, and why.

    Attributes:
        right: the right-hand side, or the whole line if there is no left-hand side.
        left: the left-hand sides, chained by equality signs; none continues the line above.
        reason: why the line holds, words and formulas in turn.
        difference: the largest relative difference of both sides, each computed on its own; ``None`` for a
            definition, which there is nothing to check of.
        details: how the reason comes about.
    """

    right: Shown
    left: tuple[Shown, ...] = ()
    reason: Note = ()
    difference: Callable[[], float] | None = field(default=None, compare=False)
    details: tuple[Move, ...] = ()


@dataclass(frozen=True)
class Part:
    """A titled group of moves; ``intro`` is what to know before one reads them."""

    title: str
    moves: tuple[Move, ...]
    intro: Note = ()


@dataclass(frozen=True)
class Held:
    """What the check of one move has shown."""

    move: Move
    difference: float

    @property
    def holds(self) -> bool:
        """Whether both sides agree."""
        return self.difference <= TOLERANCE

    def __str__(self) -> str:
        return f"differs by {self.difference:.1e}" if self.difference > ROUNDING else "exact"


@dataclass(frozen=True)
class Demonstration:
    """What a numeric demonstration has shown.

    Attributes:
        text: the report.
        numbers: its figures by name.
    """

    text: str
    numbers: dict[str, float]


@dataclass(frozen=True)
class Explanation(Printed):
    """A derivation that is told.

    Attributes:
        title: what is derived.
        parts: its parts, in order.
        remarks: conditions and conventions, sentences at the end.
    """

    title: Shown
    parts: tuple[Part, ...]
    remarks: tuple[str, ...] = ()

    def page(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> Page:
        """The lines, for any renderer; details are for those who want every move."""
        sections = (
            Section(part.title, tuple(_line(move, detail, checked) for move in part.moves), part.intro)
            for part in self.parts
        )
        return Page(self.title, tuple(sections), self.remarks)

    def moves(self) -> Iterator[Move]:
        """Every move, details included."""
        for part in self.parts:
            for move in part.moves:
                yield move
                yield from move.details

    def evidence(self) -> tuple[Held, ...]:
        """Both sides of every equation, each computed on its own."""
        return tuple(Held(move, move.difference()) for move in self.moves() if move.difference is not None)

    def to_json(self) -> str:
        """The lines as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The lines as plain data."""
        parts = [{"title": part.title, "moves": [_data(move) for move in part.moves]} for part in self.parts]
        return {"schema": SCHEMA, "title": _both(self.title), "parts": parts, "remarks": list(self.remarks)}


def _line(move: Move, detail: Detail, known: Checked) -> Line:
    mark = (f" [{known[move]}]",) if move in known else ()
    details = tuple(_line(inner, detail, known) for inner in move.details) if detail == "full" else ()
    return Line(move.right, move.left, (*(move.reason if detail != "brief" else ()), *mark), details)


def _data(move: Move) -> dict[str, Any]:
    return {
        "left": [_both(part) for part in move.left],
        "right": _both(move.right),
        "reason": "".join(part if isinstance(part, str) else part.text for part in move.reason),
        "details": [_data(inner) for inner in move.details],
    }


def _both(shown: Shown) -> dict[str, str]:
    return {"text": shown.text, "latex": shown.latex}
