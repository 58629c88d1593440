"""PDF, SVG and PNG through Typst, which the extra ``pdf`` installs; no LaTeX is needed, and nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.render.breaking import pieces
from chainrule.derive.render.math_tree import Row, Symbol, math_tree
from chainrule.derive.render.page import Line, Note, Page, Section, Shown
from chainrule.derive.render.typst_math import string, typst_math

#: Letters in a formula up to which a bracket is kept whole.
LIMIT = 48
#: Dots per inch of a PNG.
RESOLUTION = 150.0

PREAMBLE = """\
#set text(font: "New Computer Modern", size: 10.5pt)
#set par(leading: 0.7em)
#show heading: set block(above: 1.4em, below: 0.8em)
#show heading.where(level: 2): set text(size: 11pt)
#let reason(body) = text(size: 0.88em, fill: luma(35%), body)
#let lines(..rows) = context {
  set text(top-edge: "bounds", bottom-edge: "bounds")
  let width = calc.max(0pt, ..rows.pos().map(row => measure(row.at(0)).width))
  for (left, right, details) in rows.pos() {
    let head = if width > 0pt { box(width: width, align(end, left)) + h(0.3em) }
    block(spacing: 0.8em, par(hanging-indent: width + 0.8em)[#head#right])
    if details != none { block(spacing: 0.8em, details) }
  }
}
#let steps(body) = block(inset: (left: 1em, y: 0.3em), stroke: (left: 0.7pt + luma(75%)), text(size: 0.93em, body))
"""
PAPER = '#set page(paper: "a4", margin: 22mm, numbering: "1")\n'
PICTURE = "#set page(width: 190mm, height: auto, margin: 9mm)\n"


def page_pdf(page: Page) -> bytes:
    """The page as a PDF."""
    return _compiled(PAPER + page_typst(page), "pdf")


def page_svg(page: Page) -> bytes:
    """The page as one picture, in SVG."""
    return _compiled(PICTURE + page_typst(page), "svg")


def page_png(page: Page) -> bytes:
    """The page as one picture, in PNG."""
    return _compiled(PICTURE + page_typst(page), "png")


def _compiled(source: str, form: Literal["pdf", "svg", "png"]) -> bytes:
    """What Typst makes of a source.

    Raises:
        UnsupportedError: Typst is not installed.
    """
    try:
        import typst
    except ImportError:
        raise UnsupportedError(
            f"{form.upper()} needs Typst, which is not installed",
            hint='install the extra: pip install "chainrule[pdf]"',
        ) from None
    made = typst.compile(source.encode(), format=form, ppi=RESOLUTION, ignore_system_fonts=True)
    assert isinstance(made, bytes)
    return made


def page_typst(page: Page) -> str:
    """The page in Typst, without the size of the paper."""
    formula = f": {_formula(page.title)}" if page.title.latex else ""
    parts = [PREAMBLE, f"#heading(level: 1)[{_words(page.words)}{formula}]"]
    parts += [_words(page.layout)] if page.layout else []
    parts += [part for section in page.sections for part in _section(section)]
    if page.remarks:
        parts += ["#heading(level: 2)[Remarks]", "\n".join(f"- {_words(remark)}" for remark in page.remarks)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> Iterator[str]:
    yield f"#heading(level: 2)[{_words(section.title)}]"
    if section.intro:
        yield _note(section.intro)
    if section.lines:
        yield f"#{_lines(section.lines)}"
    if section.code:
        yield f"#raw({string(section.code.rstrip())}, block: true, lang: \"python\")"


def _lines(lines: Sequence[Line]) -> str:
    sided = any(line.left for line in lines)
    return "lines(\n" + "".join(f"  {_row(line, sided)},\n" for line in lines) + ")"


def _row(line: Line, sided: bool) -> str:
    """The left-hand sides, the rest of the line, and what is behind it."""
    left = " $=$ ".join(map(_formula, line.left))
    note = f"#h(1.6em, weak: true) #reason[{_note(line.note)}]" if line.note else ""
    details = f"steps({_lines(line.details)})" if line.details else "none"
    return f"([{left}], [{_formula(line.right, sign='=' if sided else '')} {note}], {details})"


def _formula(shown: Shown, sign: str = "") -> str:
    """A formula in parts between which a line may end."""
    first, *others = pieces(math_tree(shown.latex), LIMIT)
    if sign:
        first = Row((Symbol(sign, "relation"), *first.items))
    return " ".join([typst_math(first), *(typst_math(part, continued=True) for part in others)])


def _note(note: Note) -> str:
    return "".join(_words(part) if isinstance(part, str) else _inline(part) for part in note)


def _inline(shown: Shown) -> str:
    return typst_math(math_tree(shown.latex)).replace("$display(", "$inline(", 1)


def _words(text: str) -> str:
    return f"#{string(text)};" if text else ""
