"""What a renderer gets: sections of lines, every expression already in words, text and LaTeX.

Which quantity is shown, in which notation, with which rule, is decided in ``narrative/``;
a renderer only formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

#: Columns of a terminal whose width is not known.
WIDTH = 100
#: How much is told: what fits a slide, a page of lecture notes, every scalar move.
Detail = Literal["brief", "normal", "full"]


@dataclass(frozen=True)
class Shown:
    """An expression in every notation that renderers need.

    Attributes:
        text: plain text.
        source: LaTeX, or what writes it when it is asked for.
    """

    text: str
    source: str | Callable[[], str] = field(compare=False)

    @cached_property
    def latex(self) -> str:
        """LaTeX."""
        return self.source if isinstance(self.source, str) else self.source()


#: How a derivation is told: adjoints from the output back, tangents from the variables on, or differentials.
View = Literal["reverse", "forward", "differential"]
VIEWS: tuple[View, ...] = get_args(View)
#: The notation of adjoints: matrices, entries, or first the entries and then the matrices they make up.
Form = Literal["matrix", "index", "both"]
#: Words and formulas in turn.
Note = tuple[str | Shown, ...]


@dataclass(frozen=True)
class Line:
    """One line of a derivation.

    Attributes:
        right: the right-hand side, or the whole line if there is no left-hand side.
        left: the left-hand sides, chained by equality signs; none continues the line above.
        note: why the line holds, or the shape: a sentence.
        details: how the reason comes about.
    """

    right: Shown
    left: tuple[Shown, ...] = ()
    note: Note = ()
    details: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Section:
    """A titled group of lines.

    Attributes:
        title: what it is.
        lines: the lines.
        intro: what to know before one reads them.
        code: source text instead of lines.
    """

    title: str
    lines: tuple[Line, ...] = ()
    intro: Note = ()
    code: str = ""

    def shown(self) -> Iterator[Shown]:
        """Every expression in its lines."""
        for line in self.lines:
            yield from (line.right, *line.left, *(part for part in line.note if isinstance(part, Shown)))


@dataclass(frozen=True)
class Page:
    """A derivation as it is to be read.

    Attributes:
        title: what is derived: words, then a formula behind a colon unless its LaTeX is empty.
        sections: its parts, in order.
        remarks: sentences at the end.
        layout: which axis of the result is which.
    """

    title: Shown
    sections: tuple[Section, ...]
    remarks: tuple[str, ...] = ()
    layout: str = ""

    @property
    def words(self) -> str:
        """The title without its formula."""
        return self.title.text.partition(": ")[0] if self.title.latex else self.title.text
