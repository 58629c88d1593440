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
    indent = max((len(_left(line)) for line in section.lines), default=0)
    notes = max((len(line.right.text) for line in section.lines if line.note), default=0)
    lines = [_line(line, min(indent, WIDTH // 3), min(notes, WIDTH // 2)) for line in section.lines]
    return "\n".join([section.title, *lines])


def _left(line: Line) -> str:
    return " = ".join(shown.text for shown in line.left)


def _line(line: Line, indent: int, notes: int) -> str:
    left = _left(line)
    sign = "= " if left or line.note else ""
    text = f"  {left:<{indent}} {sign}{line.right.text}" if indent else f"  {line.right.text}"
    if line.note:
        padding = " " * max(0, notes - len(line.right.text))
        text += f"{padding}    | {line.note}"
    if line.aside is not None:
        text += f"\n  {'':<{indent}}   {line.aside.text}"
    return text
