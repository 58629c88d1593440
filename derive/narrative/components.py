"""Derivatives of components by components: one line, or every move, for each."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.derive.links import is_component
from chainrule.derive.narrative.reasons import about, link_symbol, mark, moves
from chainrule.derive.narrative.symbols import entry, is_told_by_cases
from chainrule.derive.program import Program
from chainrule.derive.render.page import Line, Note, Shown
from chainrule.derive.steps import Checked, Step


def by_components(step: Step) -> bool:
    """Whether a derivative is worked out component by component, or of an array that is told by cases."""
    return bool(step.substeps) and all(is_entry(link) or is_told_by_cases(link.after) for link in step.substeps)


def is_entry(link: Step) -> bool:
    """Whether a local derivative is told by one entry that stands for all, or is that of one component."""
    return is_component(link) or any(move.rule == "softmax-quotient" for move in link.substeps)


def component_lines(link: Step, context: Program, checked: Checked, *, briefly: bool) -> Iterator[Line]:
    """The derivative of one component by one component: ``df[0]/dx[1] = ..``, ``briefly`` with all laws at once."""
    symbol = link_symbol(link, context)
    if link.substeps and not briefly:
        yield from moves(link, symbol, context, checked)
    else:
        yield Line(entry(context, link.after), (symbol,), (*_laws(link, context), *mark(link, checked)))


def _laws(link: Step, context: Program) -> Note:
    """The laws of all moves, each once, as one sentence."""
    found = dict.fromkeys(about(move, context)[:-1] for move in link.substeps)
    parts = [(_small(note), *note[1:]) if number else note for number, note in enumerate(found)]
    joined = [piece for part in parts for piece in ("; ", *part)]
    return (*joined[1:], ".") if joined else ("Linearity.",)


def _small(note: Note) -> str | Shown:
    """The beginning of a sentence that goes on."""
    first = note[0]
    return first[:1].lower() + first[1:] if isinstance(first, str) else first
