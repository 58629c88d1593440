r"""LaTeX: a fragment with one block of aligned lines per section, or a document that compiles.

Formulas that are too long for the line are broken; a reason stands beside its line if there is
room for it, else under it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from chainrule.derive.render.page import Line, Note, Page, Section
from chainrule.derive.render.tree_latex import broken, prose, width

PREAMBLE = r"""\documentclass{article}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath,amssymb,listings}
\lstset{basicstyle=\ttfamily\small, breaklines=true, columns=fullflexible, keepspaces=true}
\allowdisplaybreaks
\setlength{\parindent}{0pt}
\begin{document}
"""

#: The width of a line, in letters of formulas.
WIDTH = 84
#: The width of a letter of a reason, in letters of formulas.
SMALL = 0.62
#: Around an equality sign, and before a reason.
GAP = 6
_WORD = re.compile(r" ?[^ ]+| ")


def page_latex(page: Page, document: bool = True) -> str:
    """The page in LaTeX: a fragment, or with ``document`` a whole file."""
    formula = f": {_title(page)}" if page.title.latex else ""
    parts = [rf"\subsection*{{{prose(page.words)}{formula}}}"]
    parts += [prose(page.layout)] if page.layout else []
    listing = "lstlisting" if document else "verbatim"
    parts += [_section(section, listing) for section in page.sections]
    if page.remarks:
        items = "\n".join(rf"\item {prose(remark)}" for remark in page.remarks)
        parts.append(f"\\paragraph{{Remarks}}\n\\begin{{itemize}}\n{items}\n\\end{{itemize}}")
    body = "\n\n".join(parts) + "\n"
    return PREAMBLE + body + "\\end{document}\n" if document else body


def _title(page: Page) -> str:
    return " ".join(f"${part}$" for part in broken(page.title.latex, WIDTH))


def _section(section: Section, listing: str) -> str:
    """A section; source text stands in the environment ``listing``."""
    if section.code:
        code = section.code.rstrip().replace("\\end{", "\\end {")
        return f"\\paragraph{{{prose(section.title)}}}\n\\begin{{{listing}}}\n{code}\n\\end{{{listing}}}"
    intro = f" {note_latex(section.intro)}" if section.intro else ""
    blocks = "\n".join(_blocks(section.lines))
    return f"\\paragraph{{{prose(section.title)}}}{intro}\n{blocks}"


def _blocks(lines: Sequence[Line]) -> Iterator[str]:
    """The lines, then how the reasons of some come about."""
    yield f"\\begin{{align*}}\n{aligned(lines)}\n\\end{{align*}}"
    for line in lines:
        if line.details:
            inner = "\n".join(_blocks(line.details))
            yield f"\\begin{{quote}}\\small\nStep by step for ${_heading(line)}$:\n{inner}\n\\end{{quote}}"


def _heading(line: Line) -> str:
    """What a line is about."""
    return line.left[-1].latex if line.left else line.right.latex


def aligned(lines: Sequence[Line], size: str = r"\small ", escape: Callable[[str], str] = prose) -> str:
    r"""The lines of an ``aligned`` block; ``size`` is that of reasons, ``escape`` writes a word of them."""
    lefts = [" = ".join(shown.latex for shown in line.left) for line in lines]
    room = WIDTH - max(map(width, lefts), default=0) - GAP
    rights = [broken(line.right.latex, room) for line in lines]
    widest = max((width(part) for parts in rights for part in parts), default=0)
    rows: list[str] = []
    for line, left, (first, *others) in zip(lines, lefts, rights, strict=True):
        sign = "= " if line.left or (line.note and any(lefts)) else ""
        rows += [f"{left} &{sign}{first}", *(rf" &\quad {part}" for part in others)]
        notes = _wrapped(line.note, (room - GAP) / SMALL, escape)
        if len(notes) == 1 and widest + GAP + notes[0][1] * SMALL <= room:
            rows[-1] += rf" && \text{{{size}{notes[0][0]}}}"
        else:
            rows += [rf" &\quad \rlap{{\text{{{size}{note}}}}}" for note, _ in notes]
    return " \\\\\n".join(rows)


def note_latex(note: Note) -> str:
    """Words and formulas."""
    return "".join(prose(part) if isinstance(part, str) else f"${part.latex}$" for part in note)


def _wrapped(note: Note, limit: float, escape: Callable[[str], str]) -> list[tuple[str, float]]:
    """A note in lines, each with its width in letters; lines end at spaces of the words."""
    lines: list[tuple[str, float]] = []
    for piece, length in _unbroken(note, escape):
        if lines and lines[-1][1] + length <= limit:
            lines[-1] = (lines[-1][0] + piece, lines[-1][1] + length)
        else:
            lines.append((piece.lstrip(), length))
    return lines


def _unbroken(note: Note, escape: Callable[[str], str]) -> Iterator[tuple[str, float]]:
    """Parts of a note between which a line may end, each with its width; a formula keeps the point behind it."""
    held, length = "", 0.0
    for part in note:
        if not isinstance(part, str):
            held, length = f"{held}${part.latex}$", length + width(part.latex)
            continue
        for word in _WORD.findall(part):
            if word[0] == " " and held:
                yield held, length
                held, length = "", 0.0
            held, length = held + escape(word), length + len(word)
    if held:
        yield held, length
