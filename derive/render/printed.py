"""What has a page can be printed in every format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from chainrule.derive.render.formats import FORMATS, format_of, render
from chainrule.derive.render.notebook import bundle
from chainrule.derive.render.page import WIDTH, Detail, Form, Page
from chainrule.derive.steps import NOTHING_CHECKED, Checked


class Printed(ABC):
    """A derivation or a solution: a page, in every format.

    ``detail`` is what fits a slide, a page of lecture notes, or every scalar move; ``checked`` is what
    is known for each step that was checked; ``form`` is the notation of adjoints: matrices, entries, or
    first the entries and then the matrices that they make up.
    """

    @abstractmethod
    def page(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> Page:
        """The page, for any renderer."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data."""

    @abstractmethod
    def to_json(self) -> str:
        """Everything, exactly."""

    def text(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> str:
        """Plain text."""
        return str(render("text", self.page(detail, checked, form)))

    def unicode(
        self, width: int = WIDTH, colour: bool = False, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED,
        form: Form = "matrix",
    ) -> str:
        """Unicode in two dimensions for a terminal of this width; ``colour`` adds the codes of terminals."""
        return str(render("unicode", self.page(detail, checked, form), width=width, colour=colour))

    def latex(
        self, document: bool = False, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED,
        form: Form = "matrix",
    ) -> str:
        """LaTeX: a fragment, or with ``document`` a file that compiles."""
        return str(render("latex", self.page(detail, checked, form), document=document))

    def markdown(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> str:
        """Markdown with mathematics between dollars, details folded."""
        return str(render("markdown", self.page(detail, checked, form)))

    def html(self, detail: Detail = "full", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> str:
        """A file of HTML that stands alone, details folded."""
        return str(render("html", self.page(detail, checked, form)))

    def written(
        self, output: str, detail: Detail | None = None, checked: Checked = NOTHING_CHECKED, form: Form = "matrix"
    ) -> bytes:
        """A whole file in one of ``FORMATS``, or ``json``.

        Raises:
            UnsupportedError: PDF, SVG and PNG need Typst, which the extra ``pdf`` installs.
        """
        if output == "json":
            return self.to_json().encode()
        made = render(output, self.page(detail or FORMATS[output].detail, checked, form))
        return made if isinstance(made, bytes) else made.encode()

    def save(self, path: str | PathLike[str], detail: Detail | None = None) -> None:
        """Write a file; its format follows from its name, such as ``.txt``, ``.tex``, ``.md``, ``.html``, ``.pdf``.

        Raises:
            InputError: the name has no such ending.
            UnsupportedError: the format needs the extra ``pdf``.
        """
        Path(path).write_bytes(self.written(format_of(fspath(path)), detail))

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        forms: dict[str, Callable[[], str]] = {
            "text/plain": self.text, "text/markdown": self.markdown, "text/latex": self.latex
        }  # fmt: skip
        return bundle(forms, include, exclude)
