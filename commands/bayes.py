"""``bayes``: posterior probabilities of hypotheses from priors and likelihoods."""

from __future__ import annotations

from collections.abc import Iterable

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import WithExamples, json_option
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option
from chainrule.commands.topics import derived
from chainrule.derive.errors import InputError
from chainrule.derive.render.page import Detail


@click.command(
    cls=WithExamples,
    short_help="Apply Bayes' theorem to a finite table.",
    examples=(
        'chainrule bayes --prior ill=0.01 --evidence "positive: ill=0.99, not ill=0.05"',
        'chainrule bayes --prior "a=1/2, b=1/3, c=1/6" --evidence "red: a=1/4, b=1/2, c=1"',
        'chainrule bayes --prior spam=40% --evidence "offer: spam=0.3, not spam=0.01" '
        '--evidence "hello: spam=0.1, not spam=0.2"',
    ),
)
@click.option(
    "--prior", multiple=True, required=True, metavar="NAME=NUMBER", help="Prior probabilities, separated by commas."
)
@click.option(
    "--evidence", multiple=True, required=True, metavar="NAME: H=NUMBER, ..",
    help="A piece of evidence with its probability under each hypothesis; several are taken in turn.",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")
@output_option(PAGE_OUTPUT)
@detail_option
@click.option("--check", is_flag=True, help="Compute every line again in double precision.")
@json_option
def bayes(
    prior: tuple[str, ...], evidence: tuple[str, ...], form: str | None, output: str | None, detail: Detail | None,
    check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Apply Bayes' theorem to a finite table, in exact fractions; a single hypothesis H is set against "not H"."""
    found = cr.bayes(_table(prior, "--prior"), [_piece(text) for text in evidence])
    if as_json:
        posterior = {name: {"fraction": str(value), "value": float(value)} for name, value in found.posterior.items()}
        return Answer("", {"posterior": posterior, "evidence": str(found.evidence),
                           "explanation": found.explanation.to_dict()})  # fmt: skip
    return derived(found.explanation, form, output, detail, check, False)


def _piece(text: str) -> tuple[str, dict[str, str]]:
    name, colon, table = text.partition(":")
    if not colon:
        raise InputError("a piece of evidence has a name", expected="NAME: HYPOTHESIS=NUMBER, ..", found=text)
    return name.strip(), _table([table], "--evidence")


def _table(texts: Iterable[str], option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (part for text in texts for part in text.split(",") if part.strip()):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            raise InputError(
                f"{option} gives every hypothesis a probability", expected="NAME=NUMBER", found=part.strip()
            )
        if name in found:
            raise InputError(f"{option} names {name!r} twice")
        found[name] = value
    return found
