"""Plain text: one line per step, equality signs aligned, reasons on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.derive.render.page import Line, Note, Page, Section

#: Width up to which the reason stands on the line itself.
WIDTH = 100


def page_text(page: Page) -> str:
    """The page as plain text."""
    title = "\n".join(filter(None, [page.title.text, page.layout]))
    blocks = [title, *(_section(section) for section in page.sections)]
    if page.remarks:
        blocks.append("\n".join(["Remarks", *(f"  {remark}" for remark in page.remarks)]))
    return "\n\n".join(blocks) + "\n"


def _section(section: Section) -> str:
    intro = [f"  {_words(section.intro)}"] if section.intro else []
    code = [f"  {line}".rstrip() for line in section.code.splitlines()]
    return "\n".join([section.title, *intro, *_block(section.lines, "  "), *code])


def _words(note: Note) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in note)


def _block(lines: Sequence[Line], margin: str) -> Iterator[str]:
    """Lines under each other, equality signs and reasons aligned, details further in."""
    lefts = [" = ".join(shown.text for shown in line.left) for line in lines]
    indent = min(max(map(len, lefts), default=0), WIDTH // 3)
    noted = [len(line.right.text) for line in lines if line.note]
    width = min(max(noted, default=0), WIDTH // 2)
    for line, left in zip(lines, lefts, strict=True):
        text = f"{margin}{left:<{indent}} = {line.right.text}" if indent else f"{margin}{line.right.text}"
        note = _words(line.note)
        yield f"{text:<{indent + width + len(margin) + 3}}    {note}" if note else text
        yield from _block(line.details, margin + "    ")
