"""Why a line holds: the rule, the local derivatives that it uses, and these worked out move by move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chainrule.derive.narrative.symbols import entry, entry_partial
from chainrule.derive.program import Program
from chainrule.derive.render.page import Line, Note, Shown
from chainrule.derive.rules import BY_ID
from chainrule.derive.steps import Partial, Slope, Step


def sentence(step: Step) -> str:
    """What a step does, in words."""
    rules = [step.rule, *(rule for name, rule in step.bindings if name == "also")]
    return " ".join(BY_ID[rule].say(step.bindings) for rule in rules)


def reason(step: Step, context: Program, hidden: Mapping[str, str]) -> Note:
    """The rule of a step; for the chain rule, the derivatives of the links instead."""
    links = [link for link in step.substeps if link.rule == "link"]
    if not links:
        return (sentence(step),)
    note: list[str | Shown] = []
    last = ""
    for link in links:
        reader = _reader(link, hidden)
        begins = "and " if reader == last else f"through {reader}: "
        symbol, slope = _symbol(link, context, hidden), entry(context, link.after)
        note += [f", {begins}" if note else begins.capitalize()[:1] + begins[1:]]
        note += [Shown(f"{symbol.text} = {slope.text}", f"{symbol.latex} = {slope.latex}")]
        last = reader
    return (*note, ".")


def worked_out(step: Step, context: Program, hidden: Mapping[str, str]) -> Iterator[Line]:
    """The local derivatives of a step that take more than one look, move by move."""
    for link in step.substeps:
        moves = link.substeps if link.rule == "link" else step.substeps
        if link.rule == "link" and (len(moves) > 1 or any(move.rule == "composite" for move in moves)):
            yield from _moves(moves, _symbol(link, context, hidden), context)
    if step.rule == "local-derivative" and len(step.substeps) > 1:
        assert isinstance(step.before.body, Partial)
        yield from _moves(step.substeps, entry_partial(context, step.before, step.before.body), context)


def _moves(moves: tuple[Step, ...], symbol: Shown, context: Program) -> Iterator[Line]:
    left: tuple[Shown, ...] = (symbol,)
    for move in moves:
        yield Line(entry(context, move.after), left, _about(move, context))
        left = ()


def _about(move: Step, context: Program) -> Note:
    """The rule of a move; the chain rule with its inner functions."""
    inner = [] if move.rule != "composite" else [
        slope.body.args[0] for slope in sorted(move.before.body.atoms(Slope), key=str)
        if slope.body.args and not isinstance(slope.body.args[0], Slope) and slope.variable not in slope.body.args
    ]
    if len(inner) != 1:
        return (sentence(move),)
    return ("Chain rule with the inner function ", entry(context, move.before.with_body(inner[0])), ".")


def _reader(link: Step, hidden: Mapping[str, str]) -> str:
    assert isinstance(link.before.body, Partial)
    name = link.before.body.output.name
    return hidden.get(name, name)


def _symbol(link: Step, context: Program, hidden: Mapping[str, str]) -> Shown:
    """The left-hand side of a local derivative; what is shown inside its reader goes by the reader's name."""
    part = link.before.body
    assert isinstance(part, Partial)
    name = hidden.get(part.output.name)
    if name:
        part = Partial(context.by_name[name][part.output.indices], part.variable)
    return entry_partial(context, link.before, part)
