"""The formats that a page is written in, one entry each: another renderer is one file and one entry.

Nothing here needs SymPy, so that the command line can name the formats at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from chainrule.derive.errors import InputError
from chainrule.derive.render.html import page_html
from chainrule.derive.render.latex import page_latex
from chainrule.derive.render.markdown import page_markdown
from chainrule.derive.render.page import Detail, Page
from chainrule.derive.render.text import page_text
from chainrule.derive.render.typst import page_pdf, page_png, page_svg
from chainrule.derive.render.unicode import page_unicode


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: its name in options.
        ending: how the names of its files end.
        write: makes a page a text, or bytes; what else it takes are options.
        detail: how much is told unless it is said; where details are folded, all.
    """

    name: str
    ending: str
    write: Callable[..., str | bytes]
    detail: Detail = "normal"


FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        Format("text", ".txt", page_text),
        Format("unicode", ".unicode.txt", page_unicode),
        Format("latex", ".tex", page_latex),
        Format("markdown", ".md", page_markdown),
        Format("html", ".html", page_html, detail="full"),
        Format("pdf", ".pdf", page_pdf),
        Format("svg", ".svg", page_svg),
        Format("png", ".png", page_png),
    )
}


def render(form: str, page: Page, **options: Any) -> Any:
    """A page in a format; ``options`` are those of its renderer.

    Raises:
        UnsupportedError: PDF, SVG and PNG need Typst, which the extra ``pdf`` installs.
    """
    return FORMATS[form].write(page, **options)


def format_of(path: str | PurePath) -> str:
    """The format by the ending of a file's name; ``json`` is one.

    Raises:
        InputError: the ending is of no format.
    """
    name = PurePath(path).name.lower()
    endings = {form.ending: form.name for form in FORMATS.values()} | {".json": "json"}
    found = [ending for ending in endings if name.endswith(ending)]
    if not found:
        raise InputError(
            "the format does not follow from the name of the file", found=str(path),
            expected="a name that ends with one of " + ", ".join(endings),
        )  # fmt: skip
    return endings[max(found, key=len)]
