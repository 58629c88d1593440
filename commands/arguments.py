"""Arguments and options that commands share, and the texts that they stand for."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import click

import chainrule as cr
from chainrule.commands.answers import EXIT_CODES, Answer
from chainrule.derive.errors import InputError, LimitError

#: A number as ``--kink`` takes it.
NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20}|/[1-9][0-9]{0,19})?")

#: Bytes that are read of a formula file or of standard input at most.
MAX_BYTES = 1_000_000

FORMULA_HELP = (
    'FORMULA is a text such as "x: real[n]; sum(x^2)", in LaTeX as well, a name that "chainrule list losses" shows, '
    "@FILE for a file, or - for standard input. With --function it holds only the declarations of the "
    "function's parameters; it is left out where the function is decorated with cr.traced."
)


class WithExamples(click.Command):
    """A command whose help leads with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, then one example a line, not wrapped."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            formatter.write("".join(f"  {example}\n" for example in self.examples))


class Group(WithExamples, click.Group):
    """A group whose help ends with the exit codes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)


class Command(WithExamples):
    """A command whose formula may begin with a minus sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse with the formula moved behind ``--``, so that ``-sum(x)`` is no option."""
        valued = {name for param in self.params if _takes_value(param) for name in param.opts}
        return super().parse_args(ctx, formula_last(args, valued))


def _takes_value(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and not param.is_flag


def formula_last(arguments: Sequence[str], valued: Iterable[str]) -> list[str]:
    """Options first, then ``--`` and the positional arguments, among them ``-sum(x)``."""
    options: list[str] = []
    positional: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            positional += rest
        elif argument in valued:
            options += [argument, *islice(rest, 1)]
        elif argument.startswith("--") or argument == "-h":
            options.append(argument)
        else:
            positional.append(argument)
    return [*options, "--", *positional] if positional else options


def read_text(argument: str, what: str) -> str:
    """The text that an argument stands for: itself, a file's (``@FILE``), or standard input's (``-``)."""
    if argument == "-":
        if sys.stdin.isatty():
            click.echo(f"reading the {what} from the terminal; end it with Ctrl-D", err=True)
        return _decode(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input")
    if argument.startswith("@"):
        path = Path(argument[1:])
        try:
            with path.open("rb") as file:
                return _decode(file.read(MAX_BYTES + 1), str(path))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"cannot read the {what} from {str(path)!r}: {reason}") from error
    return argument


def _decode(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise LimitError(f"{source} is longer than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8 text: byte {error.start} cannot be read") from error


def split_names(values: Iterable[str]) -> list[str] | None:
    """The names of ``--wrt``, given one by one or separated by commas; ``None`` for no name."""
    return [name for value in values for name in value.replace(",", " ").split()] or None


json_option = click.option("--json", "as_json", is_flag=True, help="Answer as one JSON object.")
wrt_option = click.option(
    "--wrt", multiple=True, metavar="NAMES", help="The inputs to differentiate by: --wrt w --wrt b, or --wrt w,b."
)


kink_option = click.option(
    "--kink", "kinks", multiple=True, metavar="NAME=VALUE",
    help="The derivative of a function at its kink: relu=1, abs=right, maximum=first, max=first.",
)  # fmt: skip


def read_kinks(values: Iterable[str]) -> dict[str, str | Fraction] | None:
    """The choices of ``--kink``; ``None`` for no choice."""
    found: dict[str, str | Fraction] = {}
    for value in values:
        name, equals, choice = (part.strip() for part in value.partition("="))
        if not (name and equals and choice):
            raise InputError("--kink gives a function a value", expected="NAME=VALUE, such as relu=1", found=value)
        found[name] = Fraction(choice) if NUMBER.fullmatch(choice) else choice
    return found or None


def formula_argument(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """The formula: a text, or a function in a file."""
    command = click.option(
        "--function", metavar="FILE:NAME",
        help="Read the formula from the function NAME of a Python file. This runs the file.",
    )(command)  # fmt: skip
    command = click.option(
        "--notation", type=click.Choice(["auto", "text", "latex"]), default="auto", show_default=True,
        help="What the formula is written in; LaTeX is recognised by its backslashes and dollars.",
    )(command)  # fmt: skip
    return click.argument("formula", required=False)(command)


def read_formula(argument: str | None, function: str | None, notation: str) -> cr.Formula:
    """The formula of a text, or of a function in a file, whose text holds the declarations."""
    if function is not None:
        return cr.from_file(function, "" if argument is None else read_text(argument, "declarations"))
    if argument is None:
        raise click.MissingParameter(
            ctx=click.get_current_context(), param_hint="'FORMULA'", param_type="argument"
        )
    return cr.formula(read_text(argument, "formula"), notation=notation)
