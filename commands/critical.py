"""``critical``: where a gradient is zero, and what is there."""

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
from chainrule.commands.files import PAGE_FORMS, output_option, written
from chainrule.commands.pictures import at_option
from chainrule.commands.topics import derived
from chainrule.commands.values import read_values
from chainrule.derive.render.page import Detail

OUTPUT = "Where to write: the ending says the format; .svg or .png is the picture (default: standard output)."


@click.command(
    "critical",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Find minima, maxima and saddle points of a formula in a few numbers.",
    examples=(
        'chainrule critical "x, y: real; x^4 + y^4 - 4*x*y"',
        'chainrule critical "w1, w2, x, y: real; (w1*w2*x - y)^2" --wrt w1,w2',
        'chainrule critical "x, y: real; (x^2 + y - 11)^2 + (x + y^2 - 7)^2" -o points.png',
        'chainrule critical "x, a: real; x^4 - a*x^2" --wrt x --at a=2 --check',
    ),
)
@formula_argument
@wrt_option
@at_option
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute every line on its own by differences, and show how far it holds.")
@json_option
def critical(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], at: tuple[str, ...],
    form: str | None, output: str | None, detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Find all points where the gradient is zero, and what each is: by the eigenvalues of the Hessian, or beyond."""
    found = cr.critical_points(read_formula(formula, function, notation), split_names(wrt), read_values(at))
    kind = (output or "").lower().rpartition(".")[2]
    if form is None and kind in ("svg", "png"):
        drawn = found.plot()
        return written(output, drawn.png() if kind == "png" else drawn.svg())
    if as_json:
        answer = derived(found.explanation(), form, output, detail, check, as_json)
        return replace(answer, data={"critical": found.to_dict()})
    return derived(found.explanation(), form, output, detail, check, as_json)
