"""``prox``: the proximal operator of a convex penalty."""

from __future__ import annotations

from dataclasses import replace

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import (
    FORMULA_HELP,
    Command,
    formula_argument,
    json_option,
    read_formula,
    split_names,
    wrt_option,
)
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.commands.topics import derived
from chainrule.derive.render.page import Detail


@click.command(
    "prox",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Derive the proximal operator of a convex penalty.",
    examples=(
        'chainrule prox "x: real[n]; lam: positive; lam*sum(|x|)" --wrt x',
        'chainrule prox "x: positive; -log(x)" --wrt x --check',
        'chainrule prox "W: real[g,k]; sum(norm(W, axis=1))" --wrt W --step 0.5',
    ),
)
@formula_argument
@wrt_option
@click.option("--step", type=float, metavar="NUMBER", help="The value of the step t (default: a symbol).")
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Try every line at a point of its case, and show how far it holds.")
@json_option
def prox(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], step: float | None,
    form: str | None, output: str | None, detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Derive the minimiser of g(x) + (x - v)^2/(2 t) case by case, from the subdifferential of the penalty g."""
    found = cr.prox(read_formula(formula, function, notation), split_names(wrt), step)
    answer = derived(found.explanation(), form, output, detail, check, as_json)
    return replace(answer, data={"proximal": found.to_dict()}) if as_json else answer
