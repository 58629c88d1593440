"""The command line: the group of commands, and the way from arguments to an exit code.

Nothing but click is imported until a command needs it, so ``--help`` and ``--version`` answer at
once.  Answers go to standard output, messages to standard error; ``run`` is the only place that
prints answers and maps errors to exit codes.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

import chainrule as cr
from chainrule.commands.answers import Answer, print_answer, print_error
from chainrule.commands.approximation import approximate
from chainrule.commands.arguments import Group
from chainrule.commands.bayes import bayes
from chainrule.commands.classifiers import naive_bayes
from chainrule.commands.compiling import compile_
from chainrule.commands.convexity import convex
from chainrule.commands.critical import critical
from chainrule.commands.derivations import show, solve
from chainrule.commands.distributions import distribution
from chainrule.commands.duality import conjugate, dual
from chainrule.commands.expectations import expect
from chainrule.commands.fitting import fit
from chainrule.commands.graphs import dag
from chainrule.commands.informations import information
from chainrule.commands.layers import entries, network
from chainrule.commands.lists import list_
from chainrule.commands.losses import loss
from chainrule.commands.optimality import kkt
from chainrule.commands.pictures import graph, plot
from chainrule.commands.proximal import prox
from chainrule.commands.reduction import pca, tsne
from chainrule.commands.regularisation import path
from chainrule.commands.topics import explain, topics
from chainrule.commands.variational import elbo
from chainrule.commands.verification import verify

#: Every command, in the order of the help.
COMMANDS = (
    show, solve, convex, prox, critical, loss, kkt, dual, conjugate, graph, plot, compile_, verify, fit, path,
    network, entries, approximate, pca, tsne, topics, explain, expect, information, distribution, bayes,
    naive_bayes, dag, elbo, list_,
)  # fmt: skip


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=(
        'chainrule show "X: real[n,d]; y: real[n]; w: real[d]; mean((y - X@w)^2)" --wrt w',
        "chainrule compile mse --wrt w -o mse_kernel.py",
        'chainrule verify mse --wrt w --claim "-(2/n) * X.T @ (y - X@w)"',
        "chainrule list losses",
    ),
)
@click.version_option(cr.__version__, prog_name="chainrule", message="%(prog)s %(version)s")
def cli() -> None:
    """Gradients of machine-learning formulas: derived, compiled, verified."""


for command in COMMANDS:
    cli.add_command(command)


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    as_json = "--json" in arguments
    try:
        outcome = cli.main(list(arguments), prog_name="chainrule", standalone_mode=False)
        return print_answer(outcome, as_json) if isinstance(outcome, Answer) else int(outcome or 0)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return print_error(error, as_json)


#: Objects made until unused ones are looked for: most that a command makes are needed until its end.
OBJECTS_UNTIL_COLLECTION = 100_000


def main() -> NoReturn:
    """Run the command line and exit."""
    gc.set_threshold(OBJECTS_UNTIL_COLLECTION)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # The reader went away (click leaves by SystemExit): leave as a Unix filter does, without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code)


if __name__ == "__main__":
    main()
