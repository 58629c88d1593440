"""``information``: identities and inequalities of entropies and divergences, proved."""

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
    cls=Command,
    short_help="Prove an identity or inequality of information.",
    examples=(
        'chainrule information "I(X;Y) = H(X) - H(X|Y)"',
        'chainrule information "H(p,q) = H(p) + KL(p||q)" --check',
        'chainrule information "I(X;Z) <= I(X;Y)" --given "X - Y - Z"',
    ),
)
@click.argument("statement", metavar="STATEMENT")
@click.option("--given", multiple=True, metavar="DECLARATIONS", help="Between semicolons: X, Y independent; "
              "X, Y independent given Z; X - Y - Z for a Markov chain; Y = f(X).")  # fmt: skip
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute both sides of every line on its own, and show how far it holds.")
@json_option
def information(
    statement: str, given: tuple[str, ...], form: str | None, output: str | None, detail: Detail | None,
    check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Prove an identity or inequality of information, or refuse it with a table where it fails.

    STATEMENT is made of H(X), H(X,Y), H(X|Y), I(X;Y), I(X;Y|Z) of variables in capitals, and H(p), H(p,q), KL(p||q),
    JS(p,q) of distributions, with =, <= or >= between; without a sign the quantity is taken apart.
    """
    return derived(cr.information(statement, ";".join(given)), form, output, detail, check, as_json)
