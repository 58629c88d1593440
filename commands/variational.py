"""``elbo``: the evidence lower bound of a model, and its gradients."""

from __future__ import annotations

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import Command, json_option, read_text, split_names
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.commands.topics import derived
from chainrule.derive.render.page import Detail

LAYER = "X: real[n, d]; w: real[d] ~ normal(0, 1); y: binary[n] ~ bernoulli(sigmoid(X @ w))"
RATES = "lam: positive ~ gamma(2, 1); y: count[n] ~ poisson(lam)"


@click.command(
    cls=Command,
    short_help="Derive the evidence lower bound of a model.",
    examples=(
        f'chainrule elbo "{LAYER}" --latent w', f'chainrule elbo "{RATES}" --latent lam --check',
        f'chainrule elbo "{RATES}" --latent lam --mean-field',
    ),
)
@click.argument("model", metavar="MODEL")
@click.option("--latent", multiple=True, required=True, metavar="NAMES", help="The random variables not observed.")
@click.option("--family", default="normal", show_default=True, help="The variational family, of location and scale.")
@click.option("--mean-field", is_flag=True, help="Derive the updates of a factor for each variable instead.")
@click.option("--wrt", multiple=True, metavar="NAMES", help="What to differentiate by.")
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute both sides of every line on its own, and show how far it holds.")
@json_option
def elbo(
    model: str, latent: tuple[str, ...], family: str, mean_field: bool, wrt: tuple[str, ...], form: str | None,
    output: str | None, detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Derive the evidence lower bound of a model at one sample of the noise, and its gradients.

    MODEL is made of statements; a random variable is declared with its distribution, as in
    y: real[n] ~ normal(X @ w, 1); @FILE for a file, - for standard input.
    """
    names, variables = split_names(latent) or [], split_names(wrt)
    if mean_field:
        return derived(cr.mean_field(read_text(model, "model"), list(names)), form, output, detail, check, as_json)
    found = cr.elbo(read_text(model, "model"), list(names), family=family, wrt=variables)
    return derived(found, form, output, detail, check, as_json)
