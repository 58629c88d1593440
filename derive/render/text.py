"""Plain text: one line per step, equality signs aligned, reasons on the right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from chainrule.derive.render.page import Line, Note, Page, Section

#: Width up to which the reason stands on the line itself.
WIDTH = 110


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
    """Lines under each other, equality signs and reasons aligned, details further in.

    A reason that does not fit on the line stands under it.
    """
    lefts = [" = ".join(shown.text for shown in line.left) for line in lines]
    indent = min(max(map(len, lefts), default=0), WIDTH // 3)
    start = len(margin) + indent + 3 if indent else len(margin)
    notes = [_words(line.note) for line in lines]
    ends = [start + len(line.right.text) for line in lines]
    column = max((end for end, note in zip(ends, notes, strict=True) if note and end <= WIDTH // 2), default=0) + 4
    for line, left, note in zip(lines, lefts, notes, strict=True):
        text = f"{margin}{left:<{indent}} = {line.right.text}" if indent else f"{margin}{line.right.text}"
        if note and max(column, len(text) + 4) + len(note) <= WIDTH:
            yield f"{text:<{max(column, len(text) + 4)}}{note}"
        else:
            yield text
            yield from (f"{' ' * (start + 4)}{part}" for part in wrap(note, WIDTH - start - 4))
        yield from _block(line.details, margin + "    ")
