"""``loss``: what there is to know of a loss, derived."""

from __future__ import annotations

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


@click.command(
    "loss",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Minimiser, link, convexity and robustness of a loss.",
    examples=(
        "chainrule loss huber_loss",
        'chainrule loss "y, f: positive; y/f - log(y/f) - 1" --wrt f',
        'chainrule loss "y: pm1[n]; z: real[n]; mean(exp(-y*z/2))" --wrt z --target y',
    ),
)
@formula_argument
@wrt_option
@click.option("--target", default="", metavar="NAME", help="The input that is observed; --wrt is what is predicted.")
@json_option
def loss(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], target: str, as_json: bool
) -> Answer:
    """Derive domain, link, minimiser, convexity, gradient, Hessian and robustness of a loss.

    The minimiser is the prediction with the smallest expected loss. "chainrule list losses" prints those of the
    catalogue.
    """
    found = cr.loss(read_formula(formula, function, notation), split_names(wrt), target)
    return Answer("" if as_json else found.text(), {"loss": found.to_dict()})
