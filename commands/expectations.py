"""``expect``: expectations, variances and covariances, derived move by move."""

from __future__ import annotations

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import Command, json_option
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.commands.topics import derived
from chainrule.derive.render.page import Detail


@click.command(
    "expect",
    cls=Command,
    short_help="Derive expectations, variances and covariances.",
    examples=(
        'chainrule expect "E[(y - g)^2]" --given "y = f + e; E[e] = 0; Var[e] = s^2; f constant; g independent of e"',
        'chainrule expect "Var[sum_i x_i / n]" --given "x_i independent; Var[x_i] = s^2"',
        'chainrule expect "Var[Y] = E[Var[Y | X]] + Var[E[Y | X]]" --check',
        'chainrule expect "Var[X^2]" --given "X ~ normal(mu, s^2)" --detail full',
    ),
)
@click.argument("expression", metavar="EXPRESSION")
@click.option("--given", multiple=True, metavar="DECLARATIONS", help="What is known, between semicolons: y = f + e, "
              "E[e] = 0, Var[e] = s^2, Cov[x, y] = c, f constant, g random, g independent of e, x_i independent, "
              "i = 1..m, x ~ normal(m, v).")  # fmt: skip
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute both sides of every line on its own, and show how far it holds.")
@json_option
def expect(
    expression: str, given: tuple[str, ...], form: str | None, output: str | None, detail: Detail | None,
    check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Derive an expectation, a variance or a covariance, or prove an equation of them.

    EXPRESSION is made of E[..], Var[..], Cov[.., ..], each with what is given after a bar, and sums over members,
    sum_i x_i. A name is random where it begins with a capital letter or something is declared that makes it so.
    """
    return derived(cr.expectation(expression, ";".join(given)), form, output, detail, check, as_json)
