"""``convex``: convex with a proof, not convex with a witness, or undecided."""

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
from chainrule.commands.derivations import answered, detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.derive.render.page import Detail

#: Exit codes of the verdicts.
VERDICTS = {"affine": 0, "convex": 0, "concave": 1, "not convex": 1, "undecided": 3}


@click.command(
    "convex",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Prove that a formula is convex, or find a witness that it is not.",
    examples=(
        "chainrule convex logistic_regression",
        'chainrule convex "x, t: positive; x^2/t" --wrt x,t',
        'chainrule convex "U: real[n,k]; V: real[k,m]; A: real[n,m]; norm(A - U@V)^2" --wrt U',
    ),
)
@formula_argument
@wrt_option
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@json_option
def convex(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], form: str | None,
    output: str | None, detail: Detail | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Decide whether a formula is convex in variables together: exit 0 if it is, 1 if not, 3 if undecided."""
    found = cr.convex(read_formula(formula, function, notation), wrt=split_names(wrt))
    code = VERDICTS[found.verdict]
    if as_json:
        return Answer("", {"convexity": found.to_dict()}, code)
    return replace(answered(found, form, output, None, detail), code=code)
