"""``fit``: the unknowns of a formula, found on data by descent on its derived gradient."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
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
from chainrule.commands.files import drawn
from chainrule.commands.pictures import at_option
from chainrule.commands.values import read_values
from chainrule.derive.errors import InputError

METHODS = ("lbfgs", "newton", "gradient", "momentum", "adam")
#: Exit codes of a descent that has not converged.
CODES = {"diverged": 1, "saddle": 3, "stuck": 3, "steps": 4}
#: Steps between two messages.
EVERY = 100


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Fit the unknowns of a formula to data.",
    examples=(
        'chainrule fit "x, y: real[n]; w, b: real; mean((w*x + b - y)^2)" --at "x=[0,1,2]" --at "y=[1,3,6]" --wrt w,b',
        "chainrule fit logistic_regression --data examples/data/orings.csv --columns X=temperature --columns y=damage",
    ),
)
@formula_argument
@click.option("--data", "table", metavar="FILE", help="A table of comma-separated values with names in its first line.")
@click.option(
    "--columns", multiple=True, metavar="NAME=COLUMNS",
    help="The columns of an input: --columns X=area,rooms. Without it a vector is the column of its name.",
)  # fmt: skip
@at_option
@wrt_option
@click.option("--method", type=click.Choice(METHODS), default="lbfgs", show_default=True)
@click.option("--rate", type=float, help="The learning rate (default: a line search; 0.01 for adam).")
@click.option("--steps", type=click.IntRange(1), default=1000, show_default=True, help="How many steps at most.")
@click.option(
    "--tolerance", type=click.FloatRange(0), default=1e-8, show_default=True,
    help="The largest entry of the gradient that counts as zero.",
)  # fmt: skip
@click.option("--start", multiple=True, metavar="NAME=VALUE", help="Where an unknown starts.")
@click.option("--size", "sizes", multiple=True, metavar="NAME=N", help="A length that the data do not tell.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of random starts.")
@click.option("--plot", metavar="FILE", help="Write the loss by step as FILE.svg or FILE.png.")
@json_option
def fit(
    formula: str | None, function: str | None, notation: str, table: str | None, columns: tuple[str, ...],
    at: tuple[str, ...], wrt: tuple[str, ...], method: cr.Method, rate: float | None, steps: int, tolerance: float,
    start: tuple[str, ...], sizes: tuple[str, ...], seed: int, plot: str | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Find the unknowns that make a scalar formula small: exit 0 converged, 1 diverged, 3 stuck, 4 out of steps."""
    parsed = read_formula(formula, function, notation)
    chosen = {name: split_names([value]) or [] for name, value in _pairs(columns, "--columns", "X=area,rooms")}
    data = cr.arrays_of(cr.read_table(table), parsed.inputs, chosen) if table else {}
    found = cr.fit(
        parsed, split_names(wrt), data={**data, **(read_values(at) or {})}, method=method, rate=rate, steps=steps,
        tolerance=tolerance, start=read_values(start), sizes={n: _size(v) for n, v in _pairs(sizes, "--size", "h=16")},
        seed=seed, progress=_progress(),
    )  # fmt: skip
    code = 0 if found.converged else CODES[found.ending]
    picture = _picture(found, plot) if plot else Answer("")
    if as_json:
        return Answer("", {"fit": found.to_dict()}, code, picture.note)
    return replace(picture, text=found.text(), code=code)


def _pairs(texts: Iterable[str], option: str, example: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError(f"{option} takes a name and a value", expected=f"{option} {example}", found=text)
        pairs.append((name, value))
    return pairs


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InputError("a length is a whole number from 1 on", expected="--size h=16", found=text)
    return int(text)


def _progress() -> Callable[[int, float], None] | None:
    """Messages for a person who waits."""
    if not sys.stderr.isatty():
        return None

    def tell(step: int, loss: float) -> None:
        if step and step % EVERY == 0:
            click.echo(f"step {step}: {loss:.6g}", err=True)

    return tell


def _picture(found: cr.Fit, path: str) -> Answer:
    return drawn(found.chart(), path, as_json=False)
