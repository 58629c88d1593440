"""``network`` and ``entries``: dense layers in a short notation, and matrix products written out."""

from __future__ import annotations

from dataclasses import replace

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import WithExamples, json_option, read_text
from chainrule.commands.derivations import detail_option
from chainrule.commands.files import PAGE_FORMS, output_option, written
from chainrule.commands.pictures import at_option
from chainrule.commands.topics import derived
from chainrule.commands.values import read_values
from chainrule.derive.render.page import Detail

check_option = click.option(
    "--check", is_flag=True, help="Compute both sides of every line on its own, and show how far it holds."
)
format_option = click.option("--format", "form", type=click.Choice(PAGE_FORMS), help="As for show.")


@click.command(
    "network",
    cls=WithExamples,
    short_help="Write a stack of dense layers as a formula, with its backpropagation.",
    examples=(
        'chainrule network "4 -> 16 tanh -> 3 softmax" --loss cross_entropy',
        'chainrule network "d -> h z*sigmoid(z) -> 1" --loss "mean((output - y)^2)" --check',
        'chainrule network "64 -> 32 relu -> 10 softmax" --loss cross_entropy -o digits.py',
    ),
)
@click.argument("layers")
@click.option("--loss", help="cross_entropy, mse, mae, huber, logcosh, hinge, or a formula in output, logits and y.")
@click.option("--given", default="", help="Declarations of further names: --given 'beta: positive'.")
@click.option("--formula", "as_formula", is_flag=True, help="Only the formula, for the other commands.")
@format_option
@output_option("A page, or FILE.py: a module of compiled functions.")
@detail_option
@check_option
@json_option
def network(
    layers: str, loss: str | None, given: str, as_formula: bool, form: str | None, output: str | None,
    detail: Detail | None, check: bool, as_json: bool,
) -> Answer:  # fmt: skip
    """Write a stack of dense layers as a formula with named weights; derive what flows back through it."""
    made = cr.network(read_text(layers, "network"), loss, given)
    data = {"network": made.to_dict()}
    if output is not None and output.lower().endswith(".py"):
        return written(output, made.kernel().standalone(), data)
    if as_formula:
        return replace(written(output, made.formula.text), data=data)
    answer = derived(made.explain(), form, output, detail, check, as_json)
    return replace(answer, data={**answer.data, **data}) if as_json else answer


@click.command(
    "entries",
    cls=WithExamples,
    short_help="Write a matrix product out, entry by entry.",
    examples=(
        'chainrule entries "X @ W" --at "X=[[1.5,2.3],[2.1,1.9]]" --at "W=[[0.5],[0.2]]"',
        'chainrule entries "A @ B @ x" --check',
    ),
)
@click.argument("expression")
@at_option
@format_option
@output_option("Where to write: the ending of the name says the format (default: standard output).")
@detail_option
@check_option
@json_option
def entries(
    expression: str, at: tuple[str, ...], form: str | None, output: str | None, detail: Detail | None, check: bool,
    as_json: bool,
) -> Answer:  # fmt: skip
    """Write the products of an expression out: every dot product, and by columns, rows and outer products."""
    told = cr.entries(read_text(expression, "expression"), **(read_values(at) or {}))
    return derived(told, form, output, detail, check, as_json)
