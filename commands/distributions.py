"""``distribution``: what follows from a distribution, and estimates from data."""

from __future__ import annotations

import re

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import Command, json_option, read_text, split_names
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.commands.topics import derived
from chainrule.commands.values import read_values
from chainrule.derive.errors import InputError
from chainrule.derive.render.page import Detail

#: Observations that are given on the command line.
NUMBERS = re.compile(r"[+-]?[0-9][0-9.eE+, -]*")
#: What can be derived, and the option's help.
QUESTIONS = {
    "likelihood": "Derive the log-likelihood of a sample.",
    "score": "Derive the score, the gradient of the log-likelihood.",
    "information": "Derive the observed information.",
    "estimate": "Derive the maximum-likelihood estimate (the default).",
    "family": "Derive the form of an exponential family, and the moments that follow from its log-partition.",
    "fisher": "Derive the Fisher information of one observation.",
    "conjugate": "Derive the conjugate prior, the posterior, its mode, the evidence and the predictive density.",
}


#: Quantities of two members of the family: the option of each, and its help.
QUANTITIES = {
    "kl": ("divergence", "Derive the Kullback-Leibler divergence of two members p and q of the family."),
    "entropy": ("entropy", "Derive the entropy."),
    "cross_entropy": ("cross-entropy", "Derive the cross-entropy of two members p and q."),
}


def question_options(command: click.decorators.FC) -> click.decorators.FC:
    """One flag per question."""
    for name, (option, text) in reversed(QUANTITIES.items()):
        command = click.option(f"--{option}", "what", flag_value=name, default=None, help=text)(command)
    for name, text in reversed(QUESTIONS.items()):
        command = click.option(f"--{name}", "what", flag_value=name, default=None, help=text)(command)
    return command


@click.command(
    cls=Command,
    short_help="Derive what follows from a distribution.",
    examples=(
        "chainrule distribution gamma --score",
        "chainrule distribution normal --known sigma",
        "chainrule distribution poisson --family --check",
        "chainrule distribution normal --known sigma --conjugate",
        "chainrule distribution cauchy --fisher --check",
        "chainrule distribution gamma --divergence --check",
        "chainrule distribution normal --divergence --at mu_1=0 --at sigma_1=1 --at mu_2=1 --at sigma_2=2",
        "chainrule distribution weibull --data 3.1,0.4,1.8,2.2",
        "chainrule distribution binomial --given m=10 --data 3,5,2",
        'chainrule distribution "x: positive; s: positive; log(x) - 2*log(s) - x^2/(2*s^2)"',
    ),
)
@click.argument("distribution", metavar="DISTRIBUTION")
@question_options
@click.option("--known", multiple=True, metavar="NAMES", help="Parameters that are given and not estimated.")
@click.option("--given", "given", multiple=True, metavar="NAME=NUMBER", help="The value of a known parameter.")
@click.option(
    "--at", multiple=True, metavar="NAME=VALUE",
    help="Parameters to compute a divergence, an entropy or the Fisher information at.",
)
@click.option("--support", metavar="LOW,HIGH", help="The ends of the support, if parameters: a,b.")
@click.option(
    "--data",
    metavar="FILE",
    help="Estimate from data: one observation a line; - for standard input; or the numbers: 3,1.5,2.",
)
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute both sides of every line on its own, and show how far it holds.")
@json_option
def distribution(
    distribution: str, what: str | None, known: tuple[str, ...], given: tuple[str, ...], at: tuple[str, ...],
    support: str | None, data: str | None, form: str | None, output: str | None, detail: Detail | None, check: bool,
    as_json: bool,
) -> Answer:  # fmt: skip
    """Derive what follows from a distribution.

    DISTRIBUTION is a name that "chainrule list distributions" shows, or a distribution of your own: declarations,
    the variable's first, and the logarithm of the density; @FILE for a file, - for standard input.
    """
    source, numbers = read_text(distribution, "distribution"), _numbers(given)
    ends = _ends(support)
    if at and (what not in {*QUANTITIES, "fisher"} or data is not None):
        raise click.UsageError("--at is for --divergence, --entropy, --cross-entropy and --fisher")
    if data is not None:
        if what not in (None, "estimate"):
            raise click.UsageError("--data is for --estimate")
        text = data if data == "-" or NUMBERS.fullmatch(data) else f"@{data}"
        text = read_text(text, "data")
        found = cr.estimate(source, cr.observations(text), support=ends, **numbers)
        return Answer(found.text(), {"estimate": found.to_dict()})
    names = [*(split_names(known) or ()), *numbers] or None
    if at and what is not None:
        point = {**numbers, **(read_values(at) or {})}
        if what == "fisher":
            matrix = cr.fisher_matrix(source, known=names or (), support=ends, **point)
            return Answer(matrix.text(), {"information": matrix.to_dict()})
        found_at = cr.divergence_at(source, what, parameters=point, known=names, support=ends)
        return Answer(str(found_at), {"divergence": found_at.to_dict()})
    if what in QUANTITIES:
        derivation = cr.divergence(source, what, known=names, support=ends)
        return derived(derivation, form, output, detail, check, as_json)
    explained = cr.distribution(source, what or "estimate", known=names, support=ends)
    return derived(explained, form, output, detail, check, as_json)


def _numbers(given: tuple[str, ...]) -> dict[str, float]:
    found = {}
    for text in given:
        name, _, number = (part.strip() for part in text.partition("="))
        try:
            found[name] = float(number)
        except ValueError:
            raise InputError("--given gives a parameter a value", expected="NAME=NUMBER", found=text) from None
    return found


def _ends(support: str | None) -> tuple[str, str] | None:
    if support is None:
        return None
    low, _, high = (part.strip() for part in support.partition(","))
    return low, high
