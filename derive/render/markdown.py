"""Markdown with blocks of mathematics between ``$$``, as notebooks and code hosts show it; details are folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from chainrule.derive.render.latex import aligned
from chainrule.derive.render.page import Line, Note, Page, Section

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#$|~&])")
#: A formula in a reason: dollars inside a block of mathematics would end it for some readers.
_IN_TEXT = re.compile(r"(?<!\\)\$(.+?)(?<!\\)\$")
#: Signs that mean something to LaTeX, as they are written in formulas.
_SIGNS = {char: f"\\{char}" for char in "&%$#_{}"} | {
    "\\": r"\backslash ", "~": r"\sim ", "^": r"\wedge ", "<": r"\lt ", ">": r"\gt "
}


def page_markdown(page: Page) -> str:
    """The page in Markdown."""
    return "\n\n".join(_parts(page)) + "\n"


def _parts(page: Page) -> Iterator[str]:
    yield f"## {_prose(page.words)}" + (f": ${page.title.latex}$" if page.title.latex else "")
    if page.layout:
        yield _prose(page.layout)
    for section in page.sections:
        yield from _section(section)
    if page.remarks:
        yield "### Remarks"
        yield "\n".join(f"- {_prose(remark)}" for remark in page.remarks)


def _section(section: Section) -> Iterator[str]:
    yield f"### {_prose(section.title)}"
    if section.intro:
        yield _note(section.intro)
    if section.lines:
        yield from _blocks(section.lines)
    if section.code:
        yield f"```python\n{section.code.rstrip()}\n```"


def _blocks(lines: Sequence[Line]) -> Iterator[str]:
    rows = _IN_TEXT.sub(r"} \1 \\text{", aligned(lines, "", _word))
    yield f"$$\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n$$"
    for line in lines:
        if line.details:
            about = escape((line.left[-1] if line.left else line.right).text)
            yield f"<details>\n<summary>Step by step for <code>{about}</code></summary>"
            yield from _blocks(line.details)
            yield "</details>"


def _word(text: str) -> str:
    r"""A word in ``\\text``, where browsers' mathematics reads no escapes: special signs stand outside."""
    return "".join(rf"}}{_SIGNS[char]}\text{{" if char in _SIGNS else char for char in text)


def _note(note: Note) -> str:
    return "".join(_prose(part) if isinstance(part, str) else f"${part.latex}$" for part in note)


def _prose(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
