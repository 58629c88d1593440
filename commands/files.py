"""``-o FILE``: which format a file has by its name, and answers that go to a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
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


def written(path: str | None, content: str | bytes, data: Mapping[str, object] | None = None) -> Answer:
    """An answer in a file, or on standard output where there is none.

    Raises:
        InputError: the file cannot be written, or what is no text would be printed.
    """
    if path in (None, "-"):
        return Answer(_text(content), data or {})
    try:
        Path(str(path)).write_bytes(content.encode() if isinstance(content, str) else content)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot write {path!r}: {reason}") from error
    return Answer("", data or {}, note=f"wrote {path}")


def _text(content: str | bytes) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InputError("this format is no text", expected="a file to write it to: -o FILE") from None
