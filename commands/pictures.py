"""``graph`` and ``plot``: pictures of formulas."""

from __future__ import annotations

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
    split_names,
    wrt_option,
)
from chainrule.commands.files import output_option, picture_form, written
from chainrule.commands.values import read_values

at_option = click.option(
    "--at", multiple=True, metavar="NAME=VALUE|FILE",
    help="Values of inputs: --at b=0.5, --at 'w=[1, 2]', or a file.npz with an array for each name.",
)  # fmt: skip


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Draw the computation graph of a formula.",
    examples=(
        "chainrule graph logistic_regression --wrt w,b",
        "chainrule graph two_layer_network --wrt W1,W2 -o network.svg",
        'chainrule graph "x: real; w: real; z = w*x; tanh(z)" --wrt w --at x=1 --at w=0.5',
    ),
)
@formula_argument
@wrt_option
@click.option(
    "--format", "form", type=click.Choice(["text", "svg", "dot"]), default=None,
    help="A tree for terminals, a picture, or Graphviz (default: what FILE's name says, else text).",
)  # fmt: skip
@output_option("Where to write the picture.")
@at_option
@kink_option
@json_option
def graph(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], form: str | None,
    output: str | None, at: tuple[str, ...], kinks: tuple[str, ...], as_json: bool,
) -> Answer:  # fmt: skip
    """Draw who reads whom in a formula, with shapes; with --wrt also how adjoints flow back."""
    parsed = read_formula(formula, function, notation)
    found = cr.graph(parsed, split_names(wrt), at=read_values(at), kinks=read_kinks(kinks))
    if as_json:
        return Answer("", {"graph": found.to_dict()})
    content = getattr(found, picture_form(form, output, ("svg", "dot")))()
    return written(output, content if content.endswith("\n") else content + "\n")


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Draw a formula over one or two of its inputs.",
    examples=(
        'chainrule plot "x: real; x*abs(x)" --tangent-at 1 -o curve.svg',
        'chainrule plot "x: real; sin(x)/x" --from -12 --to 12',
        'chainrule plot "(1 - x)^2 + 100*(y - x^2)^2" --x x --y y --from -2 --to 2 -o valley.png',
    ),
)
@formula_argument
@click.option("--x", metavar="NAME", help="The input along the horizontal axis (default: the only scalar one).")
@click.option("--y", metavar="NAME", help="The input along the vertical axis, for level lines.")
@click.option("--from", "start", type=float, default=-3.0, show_default=True, help="Where x begins.")
@click.option("--to", "stop", type=float, default=3.0, show_default=True, help="Where x ends.")
@click.option("--y-from", type=float, help="Where y begins (default: as x).")
@click.option("--y-to", type=float, help="Where y ends (default: as x).")
@click.option("--derivatives", type=click.IntRange(0, 2), default=2, show_default=True, help="How many are drawn.")
@click.option("--tangent-at", type=float, help="Draw the tangent at this point.")
@click.option(
    "--format", "form", type=click.Choice(["text", "svg", "png"]), default=None,
    help="Letters for terminals or a picture (default: what FILE's name says, else text).",
)  # fmt: skip
@output_option("Where to write the picture.")
@at_option
@kink_option
@json_option
def plot(
    formula: str | None, function: str | None, notation: str, x: str | None, y: str | None, start: float, stop: float,
    y_from: float | None, y_to: float | None, derivatives: int, tangent_at: float | None, form: str | None,
    output: str | None, at: tuple[str, ...], kinks: tuple[str, ...], as_json: bool,
) -> Answer:  # fmt: skip
    """Draw the curve of a scalar formula with its derivatives, or its level lines over two inputs."""
    parsed = read_formula(formula, function, notation)
    vertical = (start if y_from is None else y_from, stop if y_to is None else y_to)
    form = picture_form(form, output, ("svg", "png"))
    if form == "png" and output in (None, "-"):
        raise click.UsageError("a png picture goes to a file: -o FILE.png")
    found = cr.plot(
        parsed, x, y, span=(start, stop), span_y=vertical, derivatives=derivatives, tangent_at=tangent_at,
        at=read_values(at), kinks=read_kinks(kinks),
    )  # fmt: skip
    if as_json:
        return Answer("", {"plot": found.to_dict()})
    return written(output, getattr(found, form)())
