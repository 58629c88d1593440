"""Index notation as text and LaTeX, LaTeX of matrix notation, LaTeX of names."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from random_programs import programs

from chainrule.derive.forms.index_form import index_latex, index_letters, index_text
from chainrule.derive.forms.latex_names import latex_name
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.program import Definition, Input, Program, dim, free_index
from chainrule.derive.render.latex_node import node_latex

DECLARED = {
    "X": "real[n, d]", "y": "real[n]", "w": "real[d]", "b": "real", "A": "real[n, n]", "x": "real[n]",
    "W": "real[d, k]", "lam": "positive",
}  # fmt: skip

#: A formula, its index text, its index LaTeX.
FORMS = [
    ("X.T @ (sigmoid(X@w + b) - y)/n",
     "1/n sum_i X[i,j] (sigmoid(sum_l X[i,l] w[l] + b) - y[i])",
     r"\frac{1}{n} \sum_{i=1}^{n} X_{ij} \, "
     r"\left(\sigma\left(\sum_{l=1}^{d} X_{il} \, w_{l} + b\right) - y_{i}\right)"),
    ("-2*X.T @ (y - X@w - b)/n",
     "2/n sum_i X[i,j] (sum_l X[i,l] w[l] + b - y[i])",
     r"\frac{2}{n} \sum_{i=1}^{n} X_{ij} \, \left(\sum_{l=1}^{d} X_{il} \, w_{l} + b - y_{i}\right)"),
    ("x@A@x", "sum_i x[i] sum_j A[i,j] x[j]", r"\sum_{i=1}^{n} x_{i} \sum_{j=1}^{n} A_{ij} \, x_{j}"),
    ("A@x/2 + A.T@x/2", "1/2 sum_j x[j] (A[j,i] + A[i,j])", None),
    ("x@x + 2*y - norm(x)^2 + b", "2 y[i] + b", None),
    ("trace(A)", "sum_i A[i,i]", r"\sum_{i=1}^{n} A_{ii}"),
    ("norm(x)", "sqrt(sum_i x[i]^2)", r"\sqrt{\sum_{i=1}^{n} x_{i}^{2}}"),
    ("softmax(X@W, axis=1)", "softmax_l(sum_j X[i,j] W[j,l])", None),
    ("max(A, axis=1)", "max_j A[i,j]", r"\max_{j} A_{ij}"),
    ("prod(x)*x", "x[i] prod_j x[j]", r"x_{i} \prod_{j=1}^{n} x_{j}"),
    ("(sum(x))^2", "(sum_i x[i])^2", r"\left(\sum_{i=1}^{n} x_{i}\right)^{2}"),
    ("sum(x)*sum(y)", "(sum_i x[i]) sum_i y[i]", None),
    ("diag(x)*lam", "lam x[i] delta[i,j]", r"\lambda \, x_{i} \, \delta_{ij}"),
    ("where(x > b, x, 0)", "where(x[i] > b, x[i], 0)",
     r"\begin{cases} x_{i} & x_{i} > b \\ 0 & \text{otherwise} \end{cases}"),
    ("x/norm(x)^2", "x[i]/(sum_j x[j]^2)", None),
    ("b - x/2 + 0.1", "b + 0.1 - x[i]/2", None),
    ("logsumexp(x)", "logsumexp_i x[i]", r"\operatorname{logsumexp}_{i} x_{i}"),
    ("Σ_{i≠j} A_ij*log(x_i)", "sum_i sum_{j != i} A[i,j] log(x[i])",
     r"\sum_{i=1}^{n} \sum_{j \ne i} A_{ij} \, \log\left(x_{i}\right)"),
    ("z_i = x_i*(Σ_{j≠i} A_ij*x_j); z", "x[i] sum_{j != i} A[i,j] x[j]", r"x_{i} \sum_{j \ne i} A_{ij} \, x_{j}"),
    ("z_i = ∏_{j≠i} A_ji; z", "prod_{j != i} A[j,i]", r"\prod_{j \ne i} A_{ji}"),
    ("sum(where(eye(n) == 1, 0, A*A.T))", "sum_i sum_{j != i} A[i,j] A[j,i]", None),
    ("sum(where(eye(n) == 1, 1, A))", "sum_i sum_j where(delta[i,j] == 1, 1, A[i,j])", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "plain", "latex"), FORMS, ids=[row[0] for row in FORMS])
def test_index_notation(text: str, plain: str, latex: str | None) -> None:
    used = {name: domain for name, domain in DECLARED.items() if re.search(rf"\b{name}\b", text)}
    if "k" not in "".join(used.values()):
        used = {**used, "k": "real"}  # a name of its own, so no index letter
    program = parse_formula(text, used)
    assert index_text(program, program.output.name) == plain
    if latex is not None:
        assert index_latex(program, program.output.name, node_latex) == latex


def test_letters_follow_the_dimensions_and_avoid_names() -> None:
    program = parse_formula("X: real[i, d]; j: real; (X@X.T)*j")
    assert index_letters(program, program.output.name) == ("k", "m")
    assert index_text(program, program.output.name) == "j sum_l X[k,l] X[m,l]"


def test_named_definitions_stay_and_nameless_ones_are_written_in() -> None:
    program = parse_formula("X: real[n, d]; w: real[d]; r = X@w; exp(r)")
    assert index_text(program, program.output.name) == "exp(r[i])"
    assert index_text(program, "r") == "sum_j X[i,j] w[j]"
    assert index_text(program, "X") == "X[i,j]"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_every_program_has_an_index_form(program: Program) -> None:
    for definition in program.definitions:
        text, latex = index_text(program, definition.name), index_latex(program, definition.name, node_latex)
        assert text.count("(") == text.count(")")
        assert text.count("[") == text.count("]")
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\left(") == latex.count(r"\right)")
        # Nothing internal shows: no positional index, no name of a definition that is written in.
        assert not re.search(r"\b[cdfik]\d+_?\d*\b", text)


def test_long_forms_refer_to_their_parts_by_name() -> None:
    x = Input("x", (dim("n"),))
    definitions = [Definition("h0", (dim("n"),), 1 + x[(free_index(0),)] ** 2)]
    for number in range(1, 16):
        inner = definitions[-1][(free_index(0),)]
        definitions.append(Definition(f"h{number}", (dim("n"),), 1 / (inner + 1) + inner**2))
    program = Program((x,), tuple(definitions), ("h15",))
    assert index_text(program, "h15") == "h14[i]^2 + 1/(1 + h14[i])"


NAMES = {
    "x": "x", "w1": "w_{1}", "lam": r"\lambda", "delta2": r"\delta_{2}", "z2_bar": r"\bar{z}_{2}",
    "total": r"\mathrm{total}",
    "ŷ": r"\hat{y}", "λ": r"\lambda", "w₁": "w_{1}", "y_hat": r"\hat{y}", "x_train": r"x_{\mathrm{train}}",
    "v_w": "v_{w}",
    "Sigma": r"\Sigma", "xbar": r"\bar{x}", "grad_w": r"\mathrm{grad}_{w}", "W12": "W_{12}", "lambda": r"\lambda",
    "w_star": "w^{*}",
}  # fmt: skip


@pytest.mark.parametrize(("name", "latex"), NAMES.items(), ids=NAMES)
def test_names_in_latex(name: str, latex: str) -> None:
    assert latex_name(name) == latex


NODES = [
    ("X.T @ (p - y)/n", r"\frac{1}{n} X^{\top} \left(p - y\right)"),
    ("2/n*X.T @ (X @ w - y) + 2*lam*w", r"\frac{2}{n} \, X^{\top} \left(X w - y\right) + 2 \, \lambda \, w"),
    ("-X.T @ y", r"-X^{\top} y"),
    ("x @ A @ x", r"x^{\top} A x"),
    ("p*(1 - p)", r"p \odot \left(1 - p\right)"),
    ("norm(x)**2", r"\lVert x \rVert^{2}"),
    ("norm(A)**2", r"\lVert A \rVert_{F}^{2}"),
    ("X.T @ diag(p*(1 - p)) @ X/n",
     r"\frac{1}{n} X^{\top} \operatorname{diag}\left(p \odot \left(1 - p\right)\right) X"),
    ("outer(x, y)", r"x y^{\top}"),
    ("trace(A @ A)", r"\operatorname{tr}\left(A A\right)"),
    ("x**2", r"x^{\odot 2}"),
    ("b**2", r"b^{2}"),
    ("where(x > 0, 1, 0)", r"\mathbb{1}\left[x > 0\right]"),
    ("sum(A, axis=1)", r"\operatorname{sum}_{\mathrm{axis}=1}\left(A\right)"),
    ("eye(n)", r"I_{n}"),
    ("s*ones((n, d))", r"s \, \mathbf{1}_{n \times d}"),
    ("sigmoid(x)", r"\sigma\left(x\right)"),
    ("x/(1 + y)", r"x \oslash \left(1 + y\right)"),
    ("x/b", r"\frac{x}{b}"),
    ("(A + A.T).T", r"\left(A + A^{\top}\right)^{\top}"),
    ("0.1*x", r"0.1 \, x"),
    ("sqrt(b)", r"\sqrt{b}"),
    ("a - (b - c)", r"a - \left(b - c\right)"),
    ("leaky_relu(b)", r"\operatorname{leakyrelu}_{1/100}\left(b\right)"),
]  # fmt: skip
RANKS = {"X": 2, "A": 2, "x": 1, "y": 1, "p": 1, "w": 1, "b": 0}


@pytest.mark.parametrize(("text", "latex"), NODES, ids=[row[0] for row in NODES])
def test_matrix_notation_in_latex(text: str, latex: str) -> None:
    assert node_latex(parse_expression(text), RANKS) == latex


def test_ranks_tell_products_apart() -> None:
    program = parse_formula("x: real[n]; s: real; s*x*x")
    node = parse_expression("s*x*x")
    assert node_latex(node, program.ranks) == r"s \, x \odot x"
    assert node_latex(node) == r"s \, x \, x"


def test_a_name_is_not_taken_for_the_kronecker_delta() -> None:
    named = parse_formula("delta: real[n, n]; delta + eye(n)")
    assert index_text(named, named.outputs[0]) == "delta[i,j] + [i == j]"
    assert index_latex(named, named.outputs[0], node_latex) == r"\delta_{ij} + [i = j]"
    assert index_text(parse_formula("delta: real[n, n]; eye(n)"), "L") == "[i == j]"
    free = parse_formula("A: real[n, n]; A + eye(n)")
    assert index_text(free, free.outputs[0]) == "A[i,j] + delta[i,j]"


def test_a_subtracted_sum_needs_no_parentheses() -> None:
    program = parse_formula("X: real[n, d]; y: real[n]; w: real[d]; lam: real; 2*lam*w - X.T @ y")
    assert index_text(program, program.outputs[0]) == "2 lam w[j] - sum_i X[i,j] y[i]"


def test_the_inverse_of_one_matrix_for_each_row() -> None:
    """Such a matrix has no matrix form of its own, whatever its entries are made of."""
    program = parse_formula("M: real[n, m]; W: real[m, k]; inv(einsum('nm,mi,mj->nij', M, W, W))")
    assert index_text(program, program.outputs[0]) == "inv_qr(sum_j M[i,j] W[j,q] W[j,r])[l,p]"
