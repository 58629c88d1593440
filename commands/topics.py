"""``topics`` and ``explain``: the mathematics of machine learning, topic by topic."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import WithExamples, json_option
from chainrule.commands.derivations import DEFECT, answered, detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, drawn, output_option
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.render.page import Detail

if TYPE_CHECKING:
    from chainrule.derive.render.printed import Printed


@click.command(cls=WithExamples, examples=("chainrule topics",))
@json_option
def topics(as_json: bool) -> Answer:
    """List the topics that can be explained, section by section."""
    rows = [{"name": item.name, "section": item.section, "about": item.about} for item in cr.topics]
    width = max(len(item.name) for item in cr.topics)
    blocks = []
    for section, items in itertools.groupby(cr.topics, key=lambda item: item.section):
        lines = (f"  {item.name:<{width}}  {item.about}{_extras(item)}" for item in items)
        blocks.append("\n".join([section, *lines]))
    return Answer("" if as_json else "\n\n".join(blocks), {"topics": rows})


def _extras(item: cr.Topic) -> str:
    """What else a topic has."""
    extras = [option for option, made in (("--plot", item.plot), ("--run", item.run)) if made]
    return f" ({', '.join(extras)})" if extras else ""


@click.command(
    "explain",
    cls=WithExamples,
    short_help="Derive a topic, draw its picture, or run it.",
    examples=(
        "chainrule explain gradient_descent",
        "chainrule explain logistic_hessian --detail full --check",
        "chainrule explain ridge -o ridge.html",
    ),
)
@click.argument("name", metavar="TOPIC")
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute both sides of every line on its own, and show how far it holds.")
@click.option("--plot", "as_plot", is_flag=True, help="The picture instead, to -o FILE.svg or FILE.png.")
@click.option("--run", "as_run", is_flag=True, help="The demonstration on data instead.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="For --run.")
@json_option
def explain(
    name: str, form: str | None, output: str | None, detail: Detail | None, check: bool, as_plot: bool,
    as_run: bool, seed: int, as_json: bool,
) -> Answer:  # fmt: skip
    """Derive what a topic says, draw its picture, or run its demonstration."""
    item = cr.topic(name)
    if as_plot and as_run:
        raise click.UsageError("--plot and --run are two things: ask for one")
    if as_plot:
        return _picture(item, output, as_json)
    if as_run:
        return _demonstration(item, seed)
    return derived(item.explain(), form, output, detail, check, as_json)


def derived(
    printed: Printed, form: str | None, output: str | None, detail: Detail | None, check: bool, as_json: bool
) -> Answer:
    """A derivation in one of the forms; with ``check``, every line with how far it holds."""
    marks, failed = _evidence(printed) if check else ({}, [])
    code, note = (101, DEFECT + "; ".join(failed)) if failed else (0, "")
    if as_json:
        return Answer("", {"explanation": printed.to_dict()}, code, note)
    answer = answered(printed, form, output, None, detail, marks)
    return replace(answer, code=code, note="\n".join(filter(None, [note, answer.note])))


def _evidence(printed: Printed) -> tuple[Mapping[Any, str], list[str]]:
    """What the checks of all lines have shown, and those that failed."""
    if isinstance(printed, cr.Explanation):
        held = printed.evidence()
        return {item.move: str(item) for item in held}, [item.move.right.text for item in held if not item.holds]
    derivation = printed.gradient if isinstance(printed, cr.Stationary) else printed
    if not isinstance(derivation, cr.Derivation):
        raise UnsupportedError("what this topic shows has no steps to check")
    found = cr.evidence(derivation)
    return {item.step: str(item) for item in found}, [f"{item.step.where}: {item}" for item in found if not item.holds]


def _picture(item: cr.Topic, output: str | None, as_json: bool) -> Answer:
    if item.plot is None:
        raise UnsupportedError(f"the topic {item.name} has no picture", hint=_with("picture", "plot"))
    return drawn(item.plot(), output, as_json)


def _demonstration(item: cr.Topic, seed: int) -> Answer:
    if item.run is None:
        raise UnsupportedError(f"the topic {item.name} has no demonstration", hint=_with("demonstration", "run"))
    shown = item.run(seed)
    return Answer(shown.text, {"seed": seed, "numbers": shown.numbers})


def _with(what: str, attribute: str) -> str:
    """The topics that have a picture or a demonstration."""
    return f"topics with a {what}: " + (", ".join(t.name for t in cr.topics if getattr(t, attribute)) or "none yet")
