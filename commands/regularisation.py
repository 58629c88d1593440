"""``path``: the unknowns of a penalised loss for many strengths of the penalty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Follow ridge, lasso or another penalty over its strength.",
    examples=(
        "chainrule path lasso --data diabetes --scale --plot lasso.svg",
        "chainrule path ridge --data examples/data/iris.csv --columns X=sepal_length,petal_length "
        "--columns y=petal_width --scale",
    ),
)
@formula_argument
@click.option(
    "--data", "table", metavar="FILE", help="A table of comma-separated values, or diabetes, from scikit-learn."
)
@click.option(
    "--columns", multiple=True, metavar="NAME=COLUMNS",
    help="The columns of an input: --columns X=area,rooms. Without it a vector is the column of its name.",
)  # fmt: skip
@at_option
@wrt_option
@click.option("--over", default="lam", show_default=True, help="The input that is the strength of the penalty.")
@click.option("--count", type=click.IntRange(2, 10_000), default=60, show_default=True, help="How many strengths.")
@click.option("--scale", is_flag=True, help="Columns to mean 0 and variance 1, real vectors to mean 0.")
@click.option("--plot", metavar="FILE", help="Write the path as FILE.svg or FILE.png.")
@json_option
def path(
    formula: str | None, function: str | None, notation: str, table: str | None, columns: tuple[str, ...],
    at: tuple[str, ...], wrt: tuple[str, ...], over: str, count: int, scale: bool, plot: str | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Find the minimum of a loss with a penalty for many strengths, and the strength from which on it is zero."""
    parsed = read_formula(formula, function, notation)
    chosen = _chosen(columns)
    data = {}
    if table is not None:
        read, usual = _table(table)
        chosen = {**{name: value for name, value in usual.items() if name in {x.name for x in parsed.inputs}}, **chosen}
        data = cr.arrays_of(read, parsed.inputs, chosen)
    found = cr.path(
        parsed, split_names(wrt), data={**data, **(read_values(at) or {})}, over=over, count=count, scale=scale,
        names=_names(chosen),
    )  # fmt: skip
    answer = Answer("")
    if plot is not None:
        answer = drawn(found.chart(), plot, as_json=False)
    return replace(answer, text="" if as_json else found.text(), data={"path": found.to_dict()})


def _chosen(columns: tuple[str, ...]) -> dict[str, list[str]]:
    found = {}
    for text in columns:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError("--columns takes a name and columns", expected="--columns X=area,rooms", found=text)
        found[name] = split_names([value]) or []
    return found


def _table(name: str) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The columns of a table, and which of them a data set of this name usually stands for."""
    if Path(name).exists() or Path(name).suffix:
        return cr.read_table(name), {}
    read = cr.measured_table(name)
    *features, target = read
    return read, {"X": features, "y": [target]}


def _names(chosen: dict[str, list[str]]) -> list[str] | None:
    """The columns of the only matrix, which name the entries of what it is multiplied by."""
    wide = [names for names in chosen.values() if len(names) > 1]
    return wide[0] if len(wide) == 1 else None
