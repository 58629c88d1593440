"""LaTeX: a fragment with one ``aligned`` block per section, or a document that compiles."""

from __future__ import annotations

from chainrule.derive.render.page import Line, Page, Section, Shown

PREAMBLE = r"""\documentclass{article}
\usepackage{amsmath,amssymb}
\begin{document}
"""

_SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
            "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
            "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}  # fmt: skip


def page_latex(page: Page, document: bool = False) -> str:
    """The page in LaTeX: a fragment, or with ``document`` a whole file."""
    parts = [rf"\paragraph{{{_prose('Derivation of')} ${page.title.latex}$}}"]
    parts += [_prose(page.layout)] if page.layout else []
    parts += [_section(section) for section in page.sections]
    if page.remarks:
        items = "\n".join(rf"\item {_prose(remark)}" for remark in page.remarks)
        parts.append(f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}")
    body = "\n\n".join(parts) + "\n"
    return PREAMBLE + body + "\\end{document}\n" if document else body


def _section(section: Section) -> str:
    if section.code:
        return f"{_prose(section.title)}:\n\\begin{{verbatim}}\n{section.code.rstrip()}\n\\end{{verbatim}}"
    intro = f" {''.join(map(_inline, section.intro))}" if section.intro else ""
    lines = " \\\\\n".join(_line(line) for line in section.lines)
    return f"{_prose(section.title)}:{intro}\n\\[\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n\\]"


def _line(line: Line) -> str:
    left = " = ".join(shown.latex for shown in line.left)
    sign = "= " if line.left or line.note else ""
    note = f" && {''.join(map(_piece, line.note))}" if line.note else ""
    own = f"{left} &{sign}{line.right.latex}{note}"
    return " \\\\\n".join([own, *map(_line, line.details)])


def _inline(part: str | Shown) -> str:
    return _prose(part) if isinstance(part, str) else f"${part.latex}$"


def _piece(part: str | Shown) -> str:
    return rf"\text{{{_prose(part)}}}" if isinstance(part, str) else part.latex


def _prose(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in text)
