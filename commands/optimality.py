"""``kkt``: conditions of optimality under constraints."""

from __future__ import annotations

from typing import Any

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
from chainrule.commands.values import read_values
from chainrule.derive.render.page import Detail

SIMPLEX = '"x, v: real[n]; norm(x - v)^2/2" --wrt x --subject-to "sum(x) = 1" --subject-to "x >= 0"'


@click.command(
    "kkt",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Conditions of optimality under constraints.",
    examples=(
        f"chainrule kkt {SIMPLEX}",
        f'chainrule kkt {SIMPLEX} --solve --at "v=[0.4, 1.2, -0.3]"',
        'chainrule kkt "x, y: real; x^2 + y^2" --wrt x,y --subject-to "x + y >= 1"',
    ),
)
@formula_argument
@wrt_option
@click.option("--subject-to", "subject_to", multiple=True, metavar="CONSTRAINT",
              help='A constraint, such as "A @ x = b" or "0 <= x <= 1"; may be given several times.')  # fmt: skip
@click.option("--maximise", is_flag=True, help="The objective is to be large.")
@click.option("--at", "at", multiple=True, metavar="NAME=VALUE|FILE.npz",
              help="Values of inputs: how far the conditions hold there, exit 1 if they do not.")  # fmt: skip
@click.option("--solve", "as_solve", is_flag=True, help="Solve by SciPy, with the data of --at.")
@click.option("--method", type=click.Choice(["slsqp", "trust-constr"]), default="slsqp", show_default=True,
              help="For --solve.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute every line on its own, and show how far it holds.")
@json_option
def kkt(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], subject_to: tuple[str, ...],
    maximise: bool, at: tuple[str, ...], as_solve: bool, method: Any, form: str | None, output: str | None,
    detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """The Karush-Kuhn-Tucker conditions of a problem, what they are good for, and their solution where a law finds one.

    With --at the residuals of the four conditions at a point; with --solve the point and the multipliers by SciPy.
    """
    found = cr.kkt(read_formula(formula, function, notation), split_names(wrt), subject_to, maximise=maximise)
    values = read_values(at) or {}
    if not values and not as_solve:
        return derived(found.explanation(), form, output, detail, check, as_json)
    numbers = found.solve(values, method=method) if as_solve else found.check(**values)
    return Answer("" if as_json else numbers.text(), {"certificate": numbers.to_dict()}, 0 if numbers.holds else 1)
