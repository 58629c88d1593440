"""``compile``: a module of compiled functions."""

from __future__ import annotations

import click

import chainrule as cr
from chainrule.commands.answers import Answer
from chainrule.commands.arguments import (
    FORMULA_HELP,
    Command,
    formula_argument,
    json_option,
    kink_option,
    read_formula,
    read_kinks,
    split_names,
    wrt_option,
)
from chainrule.commands.files import written


@click.command(
    "compile",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Write a module of compiled functions.",
    examples=(
        "chainrule compile mse --wrt w -o mse_kernel.py",
        'chainrule compile "x: real[n]; logsumexp(x)" --wrt x --dtype float32',
    ),
)
@formula_argument
@wrt_option
@click.option("-o", "--output", metavar="FILE", help="Where to write the module (default: standard output).")
@click.option(
    "--order", type=click.IntRange(0, 2), default=1, show_default=True,
    help="0 for the value, 1 for value and gradient, 2 for the Hessian as well.",
)  # fmt: skip
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True)
@kink_option
@json_option
def compile_(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], output: str | None, order: int,
    dtype: str, kinks: tuple[str, ...], as_json: bool,
) -> Answer:  # fmt: skip
    """Write a module of compiled functions that needs only NumPy and Numba."""
    parsed = read_formula(formula, function, notation)
    kernel = cr.kernel(parsed, wrt=split_names(wrt), order=order, dtype=dtype, kinks=read_kinks(kinks))
    source = kernel.standalone()
    data = {"output": output, "dtype": dtype, "order": order, "source": source}
    return written(output, source, data)
