r"""What ``latex()`` prints is read back as an equal program: matrix and index notation, formulas and results."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from random_programs import programs
from support import same_value
from test_formulas import ROWS

import chainrule as cr
from chainrule.derive.forms.index_form import array_latex
from chainrule.derive.formula import Formula
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.notation.syntax import Name, Node
from chainrule.derive.program import Program
from chainrule.derive.render.latex_node import node_latex


def declared(program: Program) -> dict[str, str]:
    """The declarations of a program's inputs."""
    lengths = {item.name: ", ".join(map(str, item.shape)) for item in program.inputs}
    return {item.name: f"{item.domain}" + f"[{lengths[item.name]}]" * bool(item.shape) for item in program.inputs}


def index_latex_with_parts(f: Formula) -> str:
    """The formula and every definition with a name in index notation."""

    def latex(node: Node) -> str:
        return node_latex(node, f.program.ranks, f.shown)

    named = [item.name for item in f.program.pruned().definitions if item.name in f.shown]
    names = [*(name for name in named if name != f.output.name), f.output.name]
    rows = [f"{latex(Name(name))} &= {array_latex(f.program, name, latex)}" for name in names]
    return r"\begin{align*}" + r" \\ ".join(rows) + r"\end{align*}"


def read_back(f: Formula) -> None:
    """Asserts that both printed forms have the formula's value."""
    for latex in (f.latex(parts=True), index_latex_with_parts(f)):
        found = parse_formula(latex, declared(f.program), max_characters=100_000, notation="latex")
        same_value(found, f.program)


def results(f: Formula, wrt: tuple[str, ...] | None = None) -> Iterator[Formula]:
    """Gradient and Hessian, or the Jacobian."""
    yield from (cr.jacobian if f.shape else cr.gradient)(f, wrt=wrt).result.values()
    if not f.shape:
        yield from cr.hessian(f, wrt=wrt).result.values()


@pytest.mark.parametrize("name", [entry.name for entry in cr.catalog])
def test_catalogue(name: str) -> None:
    f = cr.formula(name)
    read_back(f)
    for result in results(f):
        read_back(result)


@pytest.mark.parametrize(("text", "variable", "closed"), ROWS, ids=[row[0] for row in ROWS])
def test_formulas(text: str, variable: str, closed: str) -> None:
    f = cr.formula(text)
    read_back(f)
    derivation = (cr.jacobian if f.shape else cr.gradient)(f, wrt=variable)
    read_back(derivation.result[variable])
    # The published form as well, in whose terms the result might have been printed.
    read_back(Formula(parse_formula(closed, scope=f.program)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_programs(program: Program) -> None:
    read_back(Formula(program))


#: Names that look alike or like something else, each with the LaTeX of a formula of them.
NAMES = (
    ("W1, W_1: real; W1*W_1", r"\mathrm{W1} \, \mathrm{W\_1}"),
    ("lam, λ: real; lam + λ", r"\mathrm{lam} + \mathrm{λ}"),
    ("x: real[n]; x1: real; x1*x", r"\mathrm{x1} \, x"),
    ("x: real; x1: real; x1*x", r"x_{1} \, x"),
    ("sigma, x: real; sigma*(1 + x)", r"\sigma \cdot \left(1 + x\right)"),
    ("sigma, x: real; sigmoid(sigma*x)", r"\operatorname{sigmoid}\left(\sigma \, x\right)"),
    ("Phi: real[n,d]; a, b: real[d]; Phi @ (a + b)", r"{\Phi} \left(a + b\right)"),
    ("e, x: positive; e^x + expm1(x)", r"\left(e\right)^{x} + \operatorname{expm1}\left(x\right)"),
    ("I: real[n]; diag(I) + eye(n)", r"\operatorname{diag}\left(I\right) + \operatorname{eye}\left(n\right)"),
    ("T, x: real; x^T", "x^{+T}"),
    ("x: real[5]; x[0] + x[4]*x[2]", r"x_{1} + x_{3} \, x_{5}"),
    ("x: positive; log(x)^2", r"\left(\log\left(x\right)\right)^{2}"),
    ("x: positive; lgamma(x)*x", r"x \, \log\left(\Gamma\left(x\right)\right)"),
    ("A: spd[n,n]; x: real; logdet(A)*x", r"x \, \left(\log\left|\det\left(A\right)\right|\right)"),
    ("X: real[n,d]; sum(X, axis=1, keepdims=True)*X",
     r"X \odot \operatorname{sum}_{\mathrm{axis}=1, \mathrm{keepdims}}\left(X\right)"),
    ("X: real[n,d]; W: real[d,k]; Z: real[n,k]; (X @ W)*Z", r"Z \odot \left(X W\right)"),
    ("X: real[n,d]; abs(X)", r"\operatorname{abs}\left(X\right)"),
    ("x: real; 0.000123*x + 1e-20", r"0.000123 \, x + \frac{1}{100000000000000000000}"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "latex"), NAMES, ids=[row[0] for row in NAMES])
def test_what_would_be_ambiguous_is_printed_otherwise(text: str, latex: str) -> None:
    f = cr.formula(text)
    assert f.latex() == latex
    read_back(f)


def test_parts_stand_before_the_formula() -> None:
    f = cr.formula("X: real[n, d]; y: binary[n]; w: real[d]; p = sigmoid(X @ w); -mean(y*log(p))")
    assert f.latex() == r"-\operatorname{mean}\left(y \odot \log\left(p\right)\right)"
    assert f.latex(parts=True) == (
        "\\begin{aligned}\np &= \\sigma\\left(X w\\right) \\\\\n"
        "L &= -\\operatorname{mean}\\left(y \\odot \\log\\left(p\\right)\\right)\n\\end{aligned}"
    )


def test_entries_count_from_one_and_arrays_say_their_lengths() -> None:
    assert cr.formula("x: real[n]; x[1:] - x[:n-1]").latex() == "x_{2:} - x_{:n-1}"
    hessian = cr.hessian("categorical_cross_entropy_from_probabilities").result["P"]
    assert hessian.latex().startswith(r"\left[")
    assert hessian.latex().endswith(r"\right]_{i,j,l,m=1}^{n,k,n,k}")
