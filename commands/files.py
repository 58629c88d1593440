"""``-o FILE``: which format a file has by its name, and answers that go to a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from chainrule.commands.answers import Answer
from chainrule.derive.errors import InputError
from chainrule.derive.render.formats import FORMATS, format_of

#: The forms of a whole derivation.
PAGE_FORMS = (*FORMATS, "json")

output_option = click.option(
    "-o", "--output", metavar="FILE",
    help="Where to write: the ending of the name says the format (default: standard output).",
)  # fmt: skip


def chosen(form: str | None, output: str | None) -> str:
    """The format: as asked for, by the name of the file, or as the reader can show it."""
    if form is not None:
        return form
    if output not in (None, "-"):
        return format_of(str(output))
    return "unicode" if sys.stdout.isatty() else "text"


def delivered(content: str | bytes, output: str | None) -> Answer:
    """An answer on standard output, or in a file.

    Raises:
        InputError: the file cannot be written, or pictures would be printed.
    """
    if output not in (None, "-"):
        path = Path(str(output))
        try:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"cannot write {str(path)!r}: {reason}") from error
        return Answer("", note=f"wrote {path}")
    if isinstance(content, str):
        return Answer(content)
    try:
        return Answer(content.decode())
    except UnicodeDecodeError:
        raise InputError("this format is no text", expected="a file to write it to: -o FILE") from None
