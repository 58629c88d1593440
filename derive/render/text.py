"""Plain text: one line per step, equality signs aligned, reasons on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from chainrule.derive.render.page import Line, Note, Page, Section

#: Width up to which the reason stands on the line itself.
WIDTH = 110
#: How far right sides stand in where all left sides are long.
LEAST = 6


def page_text(page: Page) -> str:
    """The page as plain text."""
    title = "\n".join(filter(None, [page.title.text, page.layout]))
    blocks = [title, *(_section(section) for section in page.sections)]
    if page.remarks:
        blocks.append("\n".join(["Remarks", *(line for remark in page.remarks for line in _prose(remark))]))
    return "\n\n".join(blocks) + "\n"


def _section(section: Section) -> str:
    intro = _prose(_words(section.intro)) if section.intro else []
    code = [f"  {line}".rstrip() for line in section.code.splitlines()]
    return "\n".join([section.title, *intro, *_block(section.lines, "  "), *code])


def _prose(words: str) -> list[str]:
    """A sentence in lines of the width of the page, further in from the second on."""
    return wrap(words, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False,
                break_on_hyphens=False)  # fmt: skip


def _words(note: Note) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in note)


def _block(lines: Sequence[Line], margin: str) -> Iterator[str]:
    """Lines under each other, equality signs and reasons aligned, details further in.

    A reason that does not fit on the line stands under it, and a left side that is longer than the room for it stands
    above its right side where that goes on.
    """
    lefts = [" = ".join(shown.text for shown in line.left) for line in lines]
    indent = max((len(left) for left in lefts if len(left) <= WIDTH // 3), default=0)
    indent = max(indent, LEAST) if any(len(left) > indent for left in lefts) else indent
    start = len(margin) + indent + 3 if indent else len(margin)
    notes = [_words(line.note) for line in lines]
    ends = [start + len(_rows(line.right.text, WIDTH - start)[-1]) for line in lines]
    column = max((end for end, note in zip(ends, notes, strict=True) if note and end <= WIDTH // 2), default=0) + 4
    # What stands on the left of the next line: nothing where that goes on.
    nexts = [*lefts[1:], "-"][: len(lefts)]
    for line, left, following, note in zip(lines, lefts, nexts, notes, strict=True):
        *rows, last = _rows(line.right.text, WIDTH - start)
        if len(left) > indent and (rows or not following):
            yield margin + left
            left = ""
        begin = f"{margin}{left:<{indent}} = " if indent else margin
        for row in rows:
            yield begin + row
            begin = " " * start
        text = begin + last
        if note and max(column, len(text) + 4) + len(note) <= WIDTH:
            yield f"{text:<{max(column, len(text) + 4)}}{note}"
        else:
            yield text
            yield from (f"{' ' * (start + 4)}{part}" for part in wrap(note, WIDTH - start - 4))
        yield from _block(line.details, margin + "    ")


def _rows(text: str, room: int) -> list[str]:
    """A long sum in several rows, each of which begins with the sign of a term; a long product in rows of factors."""
    if len(text) <= room:
        return [text]
    rows = [""]
    for part in (part for term in _terms(text) for part in (_factors(term) if len(term) > room else [term])):
        if rows[-1] and len(rows[-1]) + len(part) > room:
            rows.append(f"  {part.lstrip()}")
        else:
            rows[-1] += part
    return rows


def _terms(text: str) -> Iterator[str]:
    """The terms of a sum, each but the first with its sign before it."""
    return _split(text, lambda place: text[place : place + 3] in (" + ", " - "))


def _factors(text: str) -> Iterator[str]:
    """The factors of a product that is written side by side, ``p(a) p(b | a)``."""
    return _split(text, lambda place: text[place - 1 : place + 1] == ") " and text[place + 1 : place + 2].isalpha())


def _split(text: str, starts: Callable[[int], bool]) -> Iterator[str]:
    """The text in pieces that begin at places outside of all brackets."""
    depth, begin = 0, 0
    for place, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if not depth and starts(place):
            yield text[begin:place]
            begin = place
    yield text[begin:]
