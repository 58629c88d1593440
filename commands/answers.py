"""What a command answers, and how answers and errors are printed: text or JSON, and an exit code."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

import click

from chainrule.derive.errors import ChainruleError

#: Version of the JSON envelope; changes only when a key changes its meaning or disappears.
SCHEMA = 1

EXIT_CODES = (
    ("0", "done; the claim is right"),
    ("1", "the claim is wrong"),
    ("2", "a mistake in the command line or in the formula"),
    ("3", "undecided; no closed form by this method"),
    ("4", "a resource limit was hit"),
    ("101", "an internal error"),
    ("130", "interrupted"),
)


@dataclass(frozen=True)
class Answer:
    """What a command found.

    Attributes:
        text: for standard output.
        data: the same as keys of the JSON envelope.
        code: the exit code.
        note: a message for standard error.
    """

    text: str
    data: Mapping[str, object] = field(default_factory=dict)
    code: int = 0
    note: str = ""


def use_colour(stream: IO[str]) -> bool:
    """Whether to colour what goes to a stream: only on a terminal, and never under NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def explain(error: BaseException) -> tuple[int, str, dict[str, object]]:
    """Exit code, message and JSON of an error."""
    if isinstance(error, ChainruleError):
        return error.exit_code, str(error), error.to_dict()
    if isinstance(error, click.ClickException):
        return 2, _usage_message(error), {"code": "usage", "message": error.format_message()}
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return 130, "interrupted", {"code": "interrupted", "message": "interrupted"}
    if isinstance(error, RecursionError | MemoryError):
        message = "the formula is nested too deeply or is too large to work on"
        return 4, message, {"code": "limit", "message": message}
    if isinstance(error, OSError):
        message = f"{error.filename or 'the answer'}: {error.strerror or error}"
        return 2, message, {"code": "system", "message": message}
    message = f"internal error, {type(error).__name__}: {error}"
    hint = "this is a fault of chainrule; please report it with the command line. CHAINRULE_DEBUG=1 shows where"
    return 101, f"{message}\nhelp: {hint}", {"code": "internal", "message": message, "hint": hint}


def _usage_message(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    more = [context.get_usage(), f"help: {context.command_path} --help"] if context else []
    return "\n".join([error.format_message(), *more])


def print_json(ok: bool, data: Mapping[str, object]) -> None:
    """One JSON object on standard output."""
    envelope = {"schema": SCHEMA, "ok": ok, **data}
    click.echo(json.dumps(envelope, ensure_ascii=False, indent=2))


def print_answer(answer: Answer, as_json: bool) -> int:
    """Print an answer; the exit code."""
    if as_json:
        print_json(answer.code == 0, answer.data)
    elif answer.text:
        click.echo(answer.text, nl=not answer.text.endswith("\n"))
    if answer.note:
        click.echo(answer.note, err=True)
    return answer.code


def print_error(error: BaseException, as_json: bool) -> int:
    """Print an error; the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    code, message, data = explain(error)
    if as_json:
        print_json(False, {"error": data})
    if os.environ.get("CHAINRULE_DEBUG") and not isinstance(error, ChainruleError | click.ClickException):
        traceback.print_exception(error)
    label = click.style("error", fg="red", bold=True) if use_colour(sys.stderr) else "error"
    click.echo(f"{label}: {message}", err=True)
    return code
