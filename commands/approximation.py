"""``approximate``: a network of one hidden layer for a given function and error."""

from __future__ import annotations

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import FORMULA_HELP, Command, formula_argument, json_option, read_formula
from chainrule.commands.files import drawn, output_option


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Write down a network within an error of a function.",
    examples=(
        'chainrule approximate "x: real; sin(3*x)" --from 0 --to 3 --error 0.1',
        'chainrule approximate "x: real; abs(x)" --from -1 --to 1 --error 0.05 --unit sigmoid -o abs.svg',
    ),
)
@formula_argument
@click.option("--from", "low", type=float, default=-1.0, show_default=True, help="Where the interval begins.")
@click.option("--to", "high", type=float, default=1.0, show_default=True, help="Where it ends.")
@click.option("--error", type=float, default=0.1, show_default=True, help="How far the network may be off.")
@click.option("--unit", type=click.Choice(["relu", "sigmoid"]), default="relu", show_default=True)
@output_option("Draw function and network: FILE.svg or FILE.png.")
@json_option
def approximate(
    formula: str | None, function: str | None, notation: str, low: float, high: float, error: float, unit: cr.Unit,
    output: str | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Give the units of one hidden layer that stay within an error of a function, and measure them."""
    made = cr.approximate(read_formula(formula, function, notation), (low, high), error, unit)
    if as_json:
        return Answer("", {"network": made.to_dict()})
    if output is not None:
        return drawn(made.chart(), output, as_json=False)
    return Answer(made.text())
