"""``-o FILE``: which format a file has by its name, and answers that go to a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chainrule.commands.answers import Answer
from chainrule.derive.errors import InputError
from chainrule.derive.render.formats import FORMATS, format_of

if TYPE_CHECKING:
    from chainrule.derive.pictures.plot import Plot
    from chainrule.learning.chart import Chart

#: The forms of a whole derivation.
PAGE_FORMS = (*FORMATS, "json")
#: The help of ``-o`` where it writes pages.
PAGE_OUTPUT = "Where to write: the ending of the name says the format (default: standard output)."

Decorator = Callable[[Callable[..., Answer]], Callable[..., Answer]]


def output_option(about: str) -> Decorator:
    """The option ``-o FILE`` with this help."""
    return click.option("-o", "--output", metavar="FILE", help=about)


def picture_form(form: str | None, output: str | None, forms: Collection[str]) -> str:
    """The format of a picture: as asked for, by the name of the file, or text."""
    suffix = Path(output or "").suffix.lower().removeprefix(".")
    return form or (suffix if suffix in forms else "text")


def page_form(form: str | None, output: str | None) -> str:
    """The format of a page: as asked for, by the name of the file, or as the reader can show it."""
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


def drawn(chart: Chart | Plot, output: str | None, as_json: bool) -> Answer:
    """A picture in a file, on standard output, or as data.

    Raises:
        InputError: the name of the file is that of no picture.
    """
    if as_json:
        return Answer("", {"chart": chart.to_dict()})
    form = Path(output).suffix.lower() if output and output != "-" else ".svg"
    if form not in (".svg", ".png"):
        raise InputError("the name of a picture's file says its format", expected=".svg or .png", found=str(output))
    return written(output, chart.png() if form == ".png" else chart.svg())


def _text(content: str | bytes) -> str:
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise InputError("this format is no text", expected="a file to write it to: -o FILE") from None
