"""``dual`` and ``conjugate``: duals and conjugate functions, derived."""

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
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.commands.topics import derived
from chainrule.commands.values import read_values
from chainrule.derive.errors import InputError
from chainrule.derive.render.page import Detail


@click.command(
    "dual",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Derive the dual of a loss with a penalty.",
    examples=(
        "chainrule dual ridge",
        "chainrule dual lasso --check",
        'chainrule dual "X: real[n,d]; y: real[n]; w: real[d]; lam: positive; sum(|X@w - y|) + lam*norm(w)^2" --wrt w',
    ),
)
@formula_argument
@wrt_option
@click.option("--at", "at", multiple=True, metavar="NAME=VALUE|FILE.npz",
              help="Data: solve both problems at them, with the duality gap.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute every line on its own, and show how far it holds.")
@json_option
def dual(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], at: tuple[str, ...],
    form: str | None, output: str | None, detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Derive the dual of a sum of losses of X @ w + b with a penalty of w, from the conjugates of both."""
    found = cr.dual(read_formula(formula, function, notation), split_names(wrt))
    values = read_values(at)
    if values is not None:
        solved = found.solve(**values)
        return Answer("" if as_json else solved.text(), {"solved": solved.to_dict()})
    if as_json:
        return Answer("", {"dual": found.to_dict()})
    return derived(found.explanation(), form, output, detail, check, as_json)


@click.command(
    "conjugate",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Derive the Fenchel conjugate of a convex function.",
    examples=(
        'chainrule conjugate "x: real; softplus(x)"',
        'chainrule conjugate "x: real[n]; lam: positive; lam*norm(x)" --wrt x --check',
    ),
)
@formula_argument
@wrt_option
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute every case on its own, and show how far it holds.")
@json_option
def conjugate(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], form: str | None,
    output: str | None, detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Derive f*(u) = sup u*x - f(x), case by case, of a sum over entries or a function of the norm."""
    names = split_names(wrt) or []
    if len(names) > 1:
        raise InputError("a conjugate is taken in one variable", found=", ".join(names))
    found = cr.conjugate(read_formula(formula, function, notation), names[0] if names else None)
    return derived(found.explanation(), form, output, detail, check, as_json)
