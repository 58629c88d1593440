"""Markdown with blocks of mathematics between ``$$``, as notebooks and code hosts show it; details are folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from chainrule.derive.render.latex import aligned, heading
from chainrule.derive.render.page import Line, Note, Page, Section

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#$|~&])")


def page_markdown(page: Page) -> str:
    """The page in Markdown."""
    return "\n\n".join(_parts(page)) + "\n"


def _parts(page: Page) -> Iterator[str]:
    yield f"## {_prose(page.title.text.partition(': ')[0])}: ${page.title.latex}$"
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
    rows = aligned(lines, size="")
    yield f"$$\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n$$"
    for line in lines:
        if line.details:
            yield f"<details>\n<summary>Step by step for ${heading(line)}$</summary>"
            yield from _blocks(line.details)
            yield "</details>"


def _note(note: Note) -> str:
    return "".join(_prose(part) if isinstance(part, str) else f"${part.latex}$" for part in note)


def _prose(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
