"""Plain text: one line per step, equality signs aligned, reasons on the right."""

from __future__ import annotations

from chainrule.derive.render.page import Line, Page, Section

#: Width up to which the reason stands on the line itself.
WIDTH = 100


def page_text(page: Page) -> str:
    """The page as plain text."""
    blocks = [page.title.text, *(_section(section) for section in page.sections)]
    if page.remarks:
        blocks.append("\n".join(["Remarks", *(f"  {remark}" for remark in page.remarks)]))
    return "\n\n".join(blocks) + "\n"


def _section(section: Section) -> str:
    lefts = [_left(line) for line in section.lines]
    indent = min(max(map(len, lefts), default=0), WIDTH // 3)
    noted = [len(line.right.text) for line in section.lines if line.note]
    width = min(max(noted, default=0), WIDTH // 2)
    lines = [_line(line, left, indent, width) for line, left in zip(section.lines, lefts, strict=True)]
    return "\n".join([section.title, *lines])


def _left(line: Line) -> str:
    return " = ".join(shown.text for shown in line.left)


def _line(line: Line, left: str, indent: int, width: int) -> str:
    text = f"  {left:<{indent}} = {line.right.text}" if indent else f"  {line.right.text}"
    return f"{text:<{indent + width + 5}}    {line.note}" if line.note else text
