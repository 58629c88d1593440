"""Stand-alone HTML: mathematics as MathML, details folded; nothing is fetched from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from chainrule.derive.render.breaking import pieces
from chainrule.derive.render.math_tree import math_tree
from chainrule.derive.render.mathml import mathml, row_mathml
from chainrule.derive.render.page import Line, Note, Page, Section, Shown

#: Letters in a formula up to which a bracket is kept whole.
LIMIT = 60

STYLE = """
:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fdfdfb; --soft: #5a5f66; --rule: #d9d9d2;
  --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e4df; --paper: #16181b; --soft: #a3a8af; --rule: #3a3e44; --accent: #8ab8ee; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.55 Charter, Georgia, Cambria, serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.7; font-weight: 600; margin: 0 0 .75rem; }
h2 { font-size: 1.1rem; font-weight: 600; margin: 2rem 0 .6rem; padding-bottom: .2rem;
  border-bottom: 1px solid var(--rule); }
p { margin: .4rem 0; }
math { font-family: "STIX Two Math", "Latin Modern Math", "Cambria Math", STIXGeneral, math; font-size: 1.08em; }
.lines { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .45rem .5rem; align-items: baseline; }
.left { text-align: right; }
.right { display: flex; flex-wrap: wrap; align-items: baseline; gap: .3rem 1.75rem; }
.formula { overflow-x: auto; overflow-y: hidden; max-width: 100%; padding: .15rem .35rem .15rem 0; }
.formula > span { display: inline-block; padding: .12rem 0; }
.whole { grid-column: 1 / -1; }
.note { color: var(--soft); font-size: .92rem; }
details { grid-column: 1 / -1; margin: 0 0 .4rem 1.5rem; border-left: 2px solid var(--rule); padding-left: .9rem; }
summary { cursor: pointer; color: var(--accent); font-size: .9rem; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
details .lines { padding: .5rem 0; }
pre { overflow-x: auto; padding: .8rem 1rem; border: 1px solid var(--rule); border-radius: .3rem; font-size: .9rem; }
.code, code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
@media (max-width: 24rem) { .lines { grid-template-columns: minmax(0, 1fr); } .left { text-align: left; } }
@media print {
  :root { --ink: #000; --paper: #fff; --soft: #333; --rule: #999; --accent: #000; }
  main { max-width: none; padding: 0; } h2 { break-after: avoid; } .left, .right, pre { break-inside: avoid; }
  .formula, pre { overflow: visible; white-space: normal; } pre { white-space: pre-wrap; }
}
"""


def page_html(page: Page) -> str:
    """The page as one file, well-formed as XML too."""
    body = "\n".join(_body(page))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f"<title>{escape(page.title.text)}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _body(page: Page) -> Iterator[str]:
    formula = f": {_formula(page.title)}" if page.title.latex else ""
    yield f"<h1>{escape(page.words)}{formula}</h1>"
    if page.layout:
        yield f"<p>{escape(page.layout)}</p>"
    for section in page.sections:
        yield from _section(section)
    if page.remarks:
        items = "".join(f"<li>{escape(remark)}</li>" for remark in page.remarks)
        yield f"<section>\n<h2>Remarks</h2>\n<ul>{items}</ul>\n</section>"


def _section(section: Section) -> Iterator[str]:
    yield f"<section>\n<h2>{escape(section.title)}</h2>"
    if section.intro:
        yield f"<p>{_note(section.intro)}</p>"
    if section.lines:
        yield _lines(section.lines)
    if section.code:
        yield f"<pre><code>{escape(section.code.rstrip())}</code></pre>"
    yield "</section>"


def _lines(lines: tuple[Line, ...]) -> str:
    sided = any(line.left for line in lines)
    return '<div class="lines">\n' + "\n".join(part for line in lines for part in _line(line, sided)) + "\n</div>"


def _line(line: Line, sided: bool) -> Iterator[str]:
    """A line in two cells, or in one if no line of the block has a left-hand side."""
    note = f'<span class="note">{_note(line.note)}</span>' if line.note else ""
    if sided:
        yield f'<div class="left">{"".join(_left(line))}</div>'
        yield f'<div class="right"><span class="formula">{_EQUALS} {_formula(line.right)}</span>{note}</div>'
    else:
        yield f'<div class="right whole"><span class="formula">{_formula(line.right)}</span>{note}</div>'
    if line.details:
        yield f"<details>\n<summary>Step by step</summary>\n{_lines(line.details)}\n</details>"


_EQUALS = "<math><mo>=</mo></math>"


def _left(line: Line) -> Iterator[str]:
    for number, shown in enumerate(line.left):
        yield f" {_EQUALS} " if number else ""
        yield mathml(shown.latex, block=True)


def _formula(shown: Shown) -> str:
    """A formula in parts between which a line may end."""
    parts = pieces(math_tree(shown.latex), LIMIT)
    written = (row_mathml(part, block=True, continued=number > 0) for number, part in enumerate(parts))
    return " ".join(f"<span>{part}</span>" for part in written)


def _note(note: Note) -> str:
    return "".join(escape(part) if isinstance(part, str) else mathml(part.latex) for part in note)
