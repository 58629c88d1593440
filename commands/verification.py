"""``verify``: verdicts on gradients that someone derived by hand."""

from __future__ import annotations

from typing import Literal

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import (
    FORMULA_HELP,
    Command,
    formula_argument,
    json_option,
    kink_option,
    read_formula,
    read_kinks,
    read_text,
    split_names,
    wrt_option,
)
from chainrule.derive.errors import InputError

#: Exit codes of the verdicts.
VERDICTS = {"proved": 0, "agrees": 0, "refuted": 1, "undecided": 3}


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Check a gradient derived by hand.",
    examples=(
        'chainrule verify mse --wrt w --claim "-(2/n) * X.T @ (y - X@w)"',
        'chainrule verify "x: real[n]; sum(x^2)" --wrt x --claim "2*x"',
        'chainrule verify mse --hessian --claim "2/n * X.T @ X"',
        'chainrule verify "u: real[n]; v: real[d]; A: real[n, d]; u @ A @ v" --block u,v --claim A',
    ),
)
@formula_argument
@wrt_option
@click.option(
    "--claim", "claims", multiple=True, required=True, metavar="TEXT",
    help="The gradient derived by hand, in text or LaTeX; @FILE or - as well. "
    "For several variables, one claim for each, in the order of --wrt.",
)  # fmt: skip
@click.option("--hessian", is_flag=True, help="The claim is the Hessian.")
@click.option(
    "--block", "blocks", multiple=True, metavar="A,B",
    help="The claim is the block of the Hessian by A and then B; once for each claim.",
)  # fmt: skip
@click.option(
    "--symmetric", is_flag=True, help="The gradient over the independent entries of variables declared symmetric."
)
@kink_option
@json_option
def verify(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], claims: tuple[str, ...],
    hessian: bool, blocks: tuple[str, ...], symmetric: bool, kinks: tuple[str, ...], as_json: bool,
) -> Answer:  # fmt: skip
    """Check a gradient derived by hand: exit 0 if it is right, 1 if wrong, 3 if undecided."""
    if [formula, *claims].count("-") > 1:
        raise InputError("only one of the formula and the claims can come from standard input")
    parsed, texts = read_formula(formula, function, notation), [read_text(claim, "claim") for claim in claims]
    names = split_names(blocks) or split_names(wrt) or list(parsed.wrt) or [item.name for item in parsed.inputs]
    claimed_for = list(blocks) or names
    if len(claimed_for) != len(texts):
        found = "1 claim" if len(texts) == 1 else f"{len(texts)} claims"
        expected = f"a claim for {'; '.join(blocks) or ', '.join(names)}"
        raise InputError(f"each {'block' if blocks else 'variable'} needs one claim", expected=expected, found=found)
    claimed = dict(zip(claimed_for, texts, strict=True))
    what: Literal["gradient", "hessian"] = "hessian" if hessian or blocks else "gradient"
    verdict = cr.verify(
        parsed, list(dict.fromkeys(names)), claimed, what=what, symmetric=symmetric, kinks=read_kinks(kinks)
    )
    return Answer(verdict.report(), verdict.to_dict(), VERDICTS[verdict.verdict])
