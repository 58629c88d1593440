"""Renderers: every format of every derivation holds all that the page says, and is what it claims to be."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.cli import run
from chainrule.commands import files
from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.catalog.losses import ENTRIES
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.render import math_words
from chainrule.derive.render.boxes import columns
from chainrule.derive.render.formats import FORMATS, format_of, render
from chainrule.derive.render.math_tree import math_tree
from chainrule.derive.render.mathml import mathml
from chainrule.derive.render.page import Line, Page, Section, Shown
from chainrule.derive.render.tree_latex import broken, tree_latex, width
from chainrule.derive.render.typst import page_typst
from chainrule.derive.render.unicode_math import one_line, row_box, two_dimensional

LOSSES = [entry.name for entry in ENTRIES if entry.gradient]
OTHERS = {
    "scalar": "x: real; x^2*sin(x)*exp(-x)",
    "gaussian": "X: real[n,d]; mu: real[d]; S: spd[d,d]; D = X - mu; trace(D @ inv(S) @ D.T)/2 + n/2*logdet(S)",
    "cases": "x: real[n]; where(x[0] > 1, x[0]^2, sqrt(x[1]^2 + 1)) + max(x) + n*sum(abs(x))",
    "long": "x: real; " + " + ".join(f"sin({k}*x)*cosh(x + {k})" for k in range(2, 14)),
}
#: Commands of LaTeX that ``math_tree`` knows by what they do.
STRUCTURE = {"left", "right", "frac", "sqrt", "begin", "end"}
KNOWN = STRUCTURE | math_words.FUNCTIONS | math_words.SIZES | {
    word.removeprefix("\\")
    for table in (math_words.SIGNS, math_words.DELIMITERS, math_words.SPACES, math_words.ACCENTS, math_words.UPRIGHT,
                  math_words.FONTS)
    for word in table
}  # fmt: skip


@cache
def derivation(name: str) -> cr.Derivation:
    f = cr.formula(OTHERS.get(name, name))
    wrt = {"gaussian": "mu,S"}.get(name)
    return cr.jacobian(f, wrt) if f.shape else cr.gradient(f, wrt)


@cache
def page(name: str) -> Page:
    return derivation(name).page("full")


def lines(group: Iterable[Line]) -> Iterator[Line]:
    for line in group:
        yield line
        yield from lines(line.details)


def expressions(page: Page) -> Iterator[Shown]:
    yield page.title
    for section in page.sections:
        yield from (part for part in section.intro if isinstance(part, Shown))
        for line in lines(section.lines):
            yield from (line.right, *line.left, *(part for part in line.note if isinstance(part, Shown)))


def content(latex: str) -> str:
    """The letters and signs of a formula, in order; what only sets space or size is left out."""
    latex = re.sub(r"\\(left|right|big[lr]|quad)(?![A-Za-z])|&|\\\\(?!\w)|\\[,;]", " ", latex)
    return squeezed("".join(ET.fromstring(mathml(latex)).itertext()))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


EVERY = pytest.mark.parametrize("name", [*LOSSES, *OTHERS])


@EVERY
def test_html_stands_alone_and_says_everything(name: str) -> None:
    text = render("html", page(name))
    root = ET.fromstring(text)
    assert not re.search(r"https?:|//|src=|href=|@import|url\(|<script", text)
    assert len({element.tag for element in root.iter() if element.tag in ("main", "h1", "title")}) == 3
    said = squeezed("".join(root.itertext()))
    for shown in expressions(page(name)):
        assert content(shown.latex) in said
    for words in (*page(name).remarks, *(section.title for section in page(name).sections)):
        assert squeezed(words) in said


@EVERY
@pytest.mark.parametrize("form", ["latex", "markdown"])
def test_latex_and_markdown_say_everything(form: str, name: str) -> None:
    text = render(form, page(name))
    for section in page(name).sections:
        for line in lines(section.lines):
            blocks = re.findall(r"\\begin\{align(?:ed|\*)\}\n(.*?)\n\\end\{align(?:ed|\*)\}", text, re.DOTALL)
            assert any(content(line.right.latex) in content(block) for block in blocks)
    if form == "markdown":
        assert not any("$" in block.replace(r"\$", "") for block in re.findall(r"\$\$\n(.*?)\n\$\$", text, re.DOTALL))
    plain = text.replace("\\", "")
    assert all(remark in plain for remark in page(name).remarks)
    assert text.count(r"\begin{") == text.count(r"\end{")


@EVERY
def test_unicode_keeps_to_the_width_and_says_everything(name: str) -> None:
    text = render("unicode", page(name), width=100)
    code = {f"  {line}" for section in page(name).sections for line in section.code.splitlines()}  # is to be copied
    assert max(columns(line) for line in text.splitlines() if line not in code) <= 100
    rows = set(map(squeezed, text.splitlines()))
    joined = "\n".join(rows)
    for section in page(name).sections:
        for line in lines(section.lines):
            for box in two_dimensional(line.right.latex, 40):
                if len(two_dimensional(line.right.latex, 40)) == 1:
                    assert all(squeezed(row) in joined for row in box.lines)
    assert all(squeezed(remark) in squeezed(text) for remark in page(name).remarks)


@EVERY
def test_pictures(name: str) -> None:
    root = ET.fromstring(render("svg", page(name)))
    assert root.tag.endswith("svg")
    linked = [value for element in root.iter() for key, value in element.attrib.items() if key.endswith("href")]
    assert all(value.startswith(("#", "data:")) for value in linked)


def test_pdf_and_png_are_files_of_their_kind() -> None:
    assert render("pdf", page("scalar")).startswith(b"%PDF")
    assert render("png", page("scalar")).startswith(b"\x89PNG")


def test_without_typst_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(UnsupportedError, match=r"PDF needs Typst") as caught:
        render("pdf", page("scalar"))
    assert "chainrule[pdf]" in str(caught.value)


# ---- formulas ---------------------------------------------------------------------------------------------


def latex_of_functions() -> Iterator[str]:
    for entry in ELEMENTWISE:
        arguments = ", ".join(["x[0]", "x[1] + 1", "x[2]", "x[3]"][: len(entry.args)])
        yield cr.formula(f"x: positive[n]; {entry.name}({arguments})").latex()


def test_every_word_of_latex_is_known() -> None:
    written = {shown.latex for name in (*LOSSES, *OTHERS) for shown in expressions(page(name))}
    unknown = {word for latex in written | set(latex_of_functions()) for word in re.findall(r"\\([A-Za-z]+)", latex)}
    environments = {word for latex in written for word in re.findall(r"\\begin\{(\w+)\}", latex)}
    assert unknown <= KNOWN
    assert environments <= {"cases"}


def test_trees_are_written_back_as_latex() -> None:
    written = {shown.latex for name in (*LOSSES, *OTHERS) for shown in expressions(page(name))}
    for latex in written | set(latex_of_functions()):
        tree = math_tree(latex)
        assert math_tree(tree_latex(tree)) == tree


def test_long_formulas_are_broken_between_terms() -> None:
    latex = " + ".join(rf"a_{{{k}}} \sin\left(x_{{{k}}}\right)" for k in range(20))
    parts = broken(rf"-\frac{{1}}{{n}} \left({latex}\right)^{{2}}", 40)
    assert len(parts) > 4
    assert all(width(part) <= 40 for part in parts)
    assert content("".join(parts)) == content(rf"-\frac{{1}}{{n}} \left({latex}\right)^{{2}}")
    assert all(part.startswith("+ ") for part in parts[1:])


def test_wide_fractions_are_written_in_the_line() -> None:
    long = " + ".join(f"x_{{{k}}}" for k in range(20))
    boxes = two_dimensional(rf"\frac{{{long}}}{{y + \left({long}\right)}}", 40)
    rows = ["".join(box.lines) for box in boxes]
    assert all(columns(row) <= 40 for row in rows)
    assert squeezed("".join(rows)).startswith("(x₀+x₁+")
    assert ")/(" in squeezed("".join(rows))
    boxes = two_dimensional(rf"\frac{{{long}}}{{n}}", 40)
    assert [line.rstrip() for line in boxes[0].lines][::2] == ["1", "n"]


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\frac{1}{n} X^{\top} \left(p - y\right)", ["1", "─ Xᵀ (p − y)", "n"]),
        (r"\sum_{i=1}^{n} x_{i}^{2}", [" n", " ∑  xᵢ²", "i=1"]),
        (r"\bar{p} = -\log\left(x\right)", ["p̄ = −log(x)"]),
        (r"\sqrt{x + 1} \, \sqrt{n}", [" _____", "√x + 1 √n"]),
        (r"\lVert \frac{a}{b} \rVert_{F}", ["‖a‖", "‖─‖", "‖b‖F"]),
        (r"\begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}", ["⎧1  x > 0", "⎩0  otherwise"]),
        (r"X \in \mathbb{R}^{n \times d}", ["X ∈ ℝⁿˣᵈ"]),
        (r"\operatorname{softmax}_{\mathrm{axis}=1}\left(Z\right)", ["softmax[axis=1](Z)"]),
        (r"\frac{d}{d x} x", ["d", "── x", "dx"]),
    ],
)
def test_two_dimensional_mathematics(latex: str, expected: list[str]) -> None:
    assert [row.rstrip() for row in row_box(math_tree(latex)).lines] == expected


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\frac{\partial p_{i}}{\partial z_{i}} = p_{i} \, \left(1 - p_{i}\right)", "∂pᵢ/∂zᵢ = pᵢ (1 − pᵢ)"),
        (r"\frac{a + b}{2}", "(a + b)/2"),
        (r"\sqrt{x + 1}", "√(x + 1)"),
        (r"W_{q}^{\odot 2}", "W_q⊙²"),
    ],
)
def test_mathematics_in_one_line(latex: str, expected: str) -> None:
    assert one_line(latex) == expected


def test_mathml_of_scripts_and_brackets() -> None:
    assert mathml(r"x_{i}^{2}") == "<math><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup></math>"
    assert "<munderover><mo>∑</mo>" in mathml(r"\sum_{i=1}^{n} x")
    assert mathml(r"\left(-x\right)").count("<mrow>") == 2  # so that the minus is a sign, not a difference


@settings(max_examples=300, deadline=None)
@example([r"\frac", "\\", r"\frac", "#", r"\bar", "12"])
@example([r"\begin{cases}", "&", r"\\", "x", r"\end{cases}"])
@example([r"\left(", r"\frac", "x", r"\frac", "x", r"\right)", "^", r"\unknown"])
@given(st.lists(st.sampled_from([
    r"\left(", r"\right)", r"\frac", "{", "}", "_", "^", "x", "12", r"\begin{cases}", r"\end{cases}", r"\\", "&", " ",
    r"\lVert", r"\rVert", r"\sqrt", r"\bar", r"\mathrm", r"\text", r"\unknown", "<", ">", '"', "$", "#", "\\",
]), max_size=14))  # fmt: skip
def test_any_text_has_a_tree(parts: list[str]) -> None:
    latex = "".join(parts)
    ET.fromstring(mathml(latex))
    two_dimensional(latex, 20)
    one_line(latex)


# ---- hostile text -----------------------------------------------------------------------------------------

HOSTILE = """</title><script>alert(1)</script> & "quoted" 'single' #panic("x") $x$ \\input{a} %off ] [ ` ~ ^ _ {"""


def test_hostile_text_is_text() -> None:
    shown = Shown(HOSTILE, rf"\mathrm{{{HOSTILE}}} + \text{{<b>}}")
    line = Line(shown, (shown,), (HOSTILE, shown), (Line(shown),))
    hostile = Page(shown, (Section(HOSTILE, (line,), (HOSTILE,)), Section("code", code=HOSTILE)), (HOSTILE,), HOSTILE)
    html = render("html", hostile)
    root = ET.fromstring(html)
    assert not list(root.iter("script"))
    assert not list(root.iter("b"))
    assert HOSTILE in "".join(root.itertext())
    assert render("pdf", hostile).startswith(b"%PDF")  # nothing of it is run: #panic would stop Typst
    assert "\n" not in page_typst(hostile).partition("#heading(level: 1)")[2].partition("\n")[0]
    assert r"\textbackslash{}input\{a\}" in render("latex", hostile)
    assert r"\<script\>" in render("markdown", hostile)
    assert "\x1b" not in render("unicode", hostile)


# ---- files, notebooks, command line ------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_save_writes_the_format_of_the_ending(form: object, tmp_path: Path) -> None:
    path = tmp_path / f"derivation{form.ending}"  # type: ignore[attr-defined]
    derivation("scalar").save(path)
    assert path.read_bytes() == derivation("scalar").written(form.name) or form.name == "pdf"  # type: ignore[attr-defined]
    assert format_of(path) == form.name  # type: ignore[attr-defined]


def test_saved_json_is_read_back(tmp_path: Path) -> None:
    derivation("scalar").save(tmp_path / "d.json")
    assert cr.Derivation.from_json((tmp_path / "d.json").read_text(encoding="utf-8")) == derivation("scalar")


def test_an_ending_of_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not follow from the name") as caught:
        derivation("scalar").save(tmp_path / "d.docx")
    assert ".html" in str(caught.value)


def test_html_folds_every_detail() -> None:
    assert derivation("logistic_regression").html().count("<details>") > 1
    assert "<details>" not in derivation("logistic_regression").html(detail="normal")


def test_notebooks_get_the_forms_they_ask_for() -> None:
    shown = derivation("scalar")
    verdict = cr.verify("x: real; x^2", "x", "2*x")
    assert set(shown._repr_mimebundle_()) == {"text/plain", "text/markdown", "text/latex"}
    assert shown._repr_mimebundle_(include={"text/plain", "text/html"}) == {"text/plain": shown.text()}
    assert set(shown._repr_mimebundle_(exclude=["text/latex"])) == {"text/plain", "text/markdown"}
    assert verdict._repr_mimebundle_()["text/markdown"].startswith("**proved**")
    latex = cr.formula("x: real[n]; sum(exp(x))")._repr_mimebundle_(exclude=["text/plain"])
    assert latex == {"text/latex": r"$$\operatorname{sum}\left(\exp\left(x\right)\right)$$"}


def test_colours_are_only_added_where_wanted() -> None:
    plain, coloured = (derivation("scalar").unicode(80, colour) for colour in (False, True))
    assert "\x1b[" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert {"\x1b[1m", "\x1b[36m", "\x1b[32m", "\x1b[33m"} <= set(re.findall(r"\x1b\[\d+m", coloured))


def test_the_command_line_shows_mathematics_on_a_terminal_and_text_in_a_pipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert files.page_form(None, None) == "text"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert files.page_form(None, None) == "unicode"
    assert files.page_form(None, "a.svg") == "svg"
    assert files.page_form("latex", "a.svg") == "latex"


def test_the_command_line_writes_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "d.html"
    assert run(["show", "x: real; sin(x)", "-o", str(path)]) == 0
    assert capsys.readouterr() == ("", f"wrote {path}\n")
    assert path.read_text(encoding="utf-8") == cr.gradient("x: real; sin(x)").html()
    assert run(["solve", "ridge", "--wrt", "w", "-o", str(tmp_path / "s.md")]) == 0
    assert (tmp_path / "s.md").read_text(encoding="utf-8") == cr.solve_stationary("ridge", "w").markdown()


def test_pictures_are_not_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", "x: real; sin(x)", "--format", "png"]) == 2
    assert "-o FILE" in capsys.readouterr().err
    assert run(["show", "x: real; sin(x)", "-o", str(tmp_path / "none" / "d.txt")]) == 2
    assert "cannot write" in capsys.readouterr().err
