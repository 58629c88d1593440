r"""LaTeX as papers print it: what it means, where it is ambiguous, what is wrong with it."""

from __future__ import annotations

from random import Random

import pytest
from latex_table import PAPERS
from support import same_value

import chainrule as cr
from chainrule.derive.calculus import derivative_program
from chainrule.derive.errors import ChainruleError, InputError, LimitError
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.program import Program


def read(latex: str, declarations: str = "") -> Program:
    """The program of LaTeX with declarations in front."""
    return parse_formula(f"{declarations}; {latex}" if declarations else latex, notation="latex")


@pytest.mark.parametrize(("declarations", "latex", "variable", "text"), PAPERS, ids=[row[1] for row in PAPERS])
def test_papers(declarations: str, latex: str, variable: str, text: str) -> None:
    """The formula and its derivative have the values of the same formula as text."""
    found, expected = read(latex, declarations), parse_formula(f"{declarations}; {text}")
    same_value(found, expected)
    slopes = [derivative_program(program, [variable]) for program in (found, expected)]
    same_value(*slopes, output=1)


#: Declarations, LaTeX, and the text that means the same; an empty text for an equal name.
READINGS: tuple[tuple[str, str, str], ...] = (
    # fractions, roots, numbers
    ("x: real", r"\frac 1 2 x + \frac12 x + \frac{1}{2}x + \dfrac1{2} x", "2*x"),
    ("x: positive", r"\sqrt x + \sqrt{x} + \sqrt[3]{x} + \sqrt[4]{x}", "2*sqrt(x) + x^(1/3) + x^(1/4)"),
    ("x: real", r"10^{-3} x + .5 x + 2\cdot 3 \times x", "0.501*x + 6*x"),
    ("n: real", r"\log 2\pi + \log(n^2)", "log(2*pi) + log(n^2)"),
    ("x: positive", r"x! + \Gamma(x)", "gamma(x + 1) + gamma(x)"),
    # names
    ("w, w_out, w1, what, lam, W_1: real", r"w + w_{\text{out}} + w_1 + \hat{w} + \lambda + W_{1}",
     "w + w_out + w1 + what + lam + W_1"),
    ("", r"\hat y + \tilde{x} + \bar{\mathbf{z}} + \theta_{ij} + \mathrm{rate}", "ŷ + x̃ + z̄ + θ_ij + rate"),
    ("", r"\boldsymbol{\theta}_{\mathrm{old}} + w^* + \mathcal{L}", "θ_old + w_star + L"),
    ("a, b: real", "2ab^2 + a b", "2*a*b^2 + a*b"),
    ("x: real", r"f(x) = x^2 + 1; \; 2 f(x)", "2*(x^2 + 1)"),
    ("x, sigma: real", r"\sigma \cdot (x + 1)", "sigma*(x + 1)"),
    ("T: real; x: real", r"x^{+T} + \left(x\right)^{2}", "x^T + x^2"),
    ("e: positive; x: real", r"{e}^{2} x + \exp(x)", "e^2*x + exp(x)"),
    # functions
    ("x: real", r"\sin^2 x + \cos^2(x) + \sin 2\pi", "sin(x)^2 + cos(x)^2 + sin(2*pi)"),
    ("x: positive; b: positive", r"\log_2 x + \log_{10}(x) + \log_b x + \ln x",
     "log2(x) + log10(x) + log(x)/log(b) + log(x)"),
    ("x: real", r"e^{-x^2/2} + \mathrm{e}^{x} + \exp\{-x\} + \exp\left[ x \right]", "exp(-x^2/2) + 2*exp(x) + exp(-x)"),
    ("x, y: real", r"\sin x \cos y + \log \lvert x \rvert", "sin(x)*cos(y) + log(abs(x))"),
    ("x: positive", r"\sigma(x) + \Phi(x) + \varphi(x) + \psi(x) + \psi_1(x) + \psi^{(2)}(x)",
     "sigmoid(x) + normcdf(x) + normpdf(x) + digamma(x) + trigamma(x) + polygamma(2, x)"),
    ("x: positive", r"\operatorname{sech}(x)^2 + \coth x + \sec(x) + \operatorname{arsinh}(x)",
     "1/cosh(x)^2 + 1/tanh(x) + 1/cos(x) + arcsinh(x)"),
    ("x, y, z: real", r"\max(x, y, z) + \min\{x, y\} + \max\left(0, x\right)^2",
     "maximum(maximum(x, y), z) + minimum(x, y) + maximum(0, x)^2"),
    ("X: real[n,d]", r"\operatorname{softmax}_{\mathrm{axis}=0}(X)", "softmax(X, axis=0)"),
    # products
    ("X: real[n,d]; w: real[d]; y: real[n]", r"y^\top X w + w^T X^{\top} y", "2*y @ X @ w"),
    ("x, y: real[n]", r"\langle x, y \rangle + x^{\intercal} y", "2*x @ y"),
    ("A, B: real[n,m]", r"\langle A, B \rangle", "sum(A*B)"),
    ("x: real[n]; y: real[m]", r"x y^\top", "outer(x, y)"),
    ("x, y: real[n]", r"x \odot y \oslash (1 + y^{\odot 2})", "x*y/(1 + y^2)"),
    ("A, B, C: real[n,n]; s: real", r"(A B) \odot C + 2 s A \odot B", "(A @ B)*C + 2*s*A*B"),
    ("x: real[n]", r"x \log x^{\odot 2}", "x*log(x^2)"),
    # matrices
    ("A: invertible[n,n]; x: real[n]", r"A^{-1} x + A^{-\top} x + A^{-T} x", "inv(A) @ x + 2*inv(A).T @ x"),
    ("A: real[n,n]", r"A^2 + A^{\odot 2}", "A @ A + A^2"),
    ("a: positive", r"a^{-1} + a^{1/2}", "1/a + sqrt(a)"),
    ("A: spd[n,n]", r"|A| + \det A + \log\det A + \log|A|", "2*det(A) + 2*logdet(A)"),
    ("W: real[n,d]", r"|W|", "abs(W)"),
    ("A: real[n,n]; x: real[n]", r"\operatorname{tr}(A) + \Tr(A) + \operatorname{diag}(A)^\top x",
     "2*trace(A) + diag(A) @ x"),
    ("A: real[n,d]", r"\lVert A \rVert_F^2 + \lVert A \rVert_2 + \lVert A \rVert_*",
     "norm(A)^2 + spectral_norm(A) + nuclear_norm(A)"),
    ("x: real[n]", r"\| x \| + ||x||_2 + \left\| x \right\|_1 + \lVert x \rVert_\infty",
     "2*norm(x) + norm1(x) + norminf(x)"),
    ("A: real[n,n]; v: real[n]", r"(I - 2 v v^\top) A + I_n", "A - 2*outer(v, v) @ A + eye(n)"),
    ("X: real[n,d]; b: real[d]", r"X^\top \mathbf{1} + b; ", "sum(X, axis=0) + b"),
    ("X: real[n,d]; b: real[d]", r"X + \mathbf{1} b^\top + \mathbf{1}_n b^\top", "X + 2*b"),
    # arrays of blocks
    ("A, D: spd[n,n]; B: real[n,n]", r"\log\det \begin{bmatrix} A & B \\ B^\top & D \end{bmatrix}",
     "logdet(block([[A, B], [B.T, D]]))"),
    ("A: real[n,m]; b: real[m]; c: real[n]; s: real", r"\begin{pmatrix} A & c \\ b^\top & s \end{pmatrix}",
     "block([[A, c[:, None]], [b[None, :], s]])"),
    ("B: real[n,m]; C: real[m,m]", r"\begin{bmatrix} I & B \\ 0 & C \end{bmatrix}",
     "block([[eye(n), B], [zeros((m, n)), C]])"),
    ("x: real[n]; y: real[m]", r"\begin{bmatrix} x \\ 1 \\ y \end{bmatrix}", "concat((x, ones(1), y))"),
    ("x, y: real[n]", r"\begin{bmatrix} x & y \end{bmatrix} \begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}",
     "-2*stack((x, y), axis=1)"),
    ("a, b, c: real", r"\begin{pmatrix} a & b \\ b & c \end{pmatrix} \begin{bmatrix} a \\ c \end{bmatrix}",
     "stack(a*a + b*c, b*a + c*c)"),
    # indices
    ("x: real[n]", r"x_1 + x_n + \sum_{i=2}^{n} x_i + \sum_{i} x_i + \sum x_i + \sum x",
     "x[0] + x[n-1] + 4*sum(x) - x[0]"),
    ("A: real[n,n]", r"\sum_{i=1}^n \sum_{j \ne i} A_{ij}", "sum(A) - trace(A)"),
    ("A: real[n,m]", r"\sum_{i,j=1}^{n,m} A_{ij}^2 + A_{1,2} + \sum_j A_{1j}", "sum(A^2) + A[0, 1] + sum(A[0])"),
    ("A: real[n,m]; x: real[m]", r"z_i = \sum_{j} A_{ij} x_j", "A @ x"),
    ("A: real[n,n]", r"\left[ A_{ij} \, \delta_{ij} \right]_{i,j=1}^{n}", "A*eye(n)"),
    ("x: real[n]", r"\prod_{i=1}^n x_i + \max_i x_i + \min_{i} \left(x_i - 1\right)", "prod(x) + max(x) + min(x) - 1"),
    ("X: real[n,d]", r"X_{:,1} + X_{\cdot 2}", "X[:, 0] + X[:, 1]"),
    ("x: real[5]", "x_{2:4}", "x[1:4]"),
    ("x: real[m,d]; y: real[m]; theta: real[d]", r"\sum_{i=1}^m (\theta^\top x^{(i)} - y^{(i)})^2",
     "norm(x @ theta - y)^2"),
    # choices
    ("x: real[n]", r"\mathbb{1}[x > 0] + \mathbf{1}_{\{x > 1\}} + \mathbb{1}\{x \le 2\}",
     "where(x > 0, 1, 0) + where(x > 1, 1, 0) + where(x <= 2, 1, 0)"),
    ("x: real", r"[x]_+ + (x - 1)_+", "maximum(x, 0) + maximum(x - 1, 0)"),
    ("x: real", r"\begin{cases} x^2 & \text{if } x > 0 \\ 0 & x \le 0 \end{cases}", "where(x > 0, x^2, 0)"),
    ("x: real", r"\left\{ \begin{array}{ll} x & x < 1, \\ 1 & \mbox{otherwise} \end{array} \right.",
     "where(x < 1, x, 1)"),
    # statements
    ("x: real", "$a = x + 1$, $a^2$", "(x + 1)^2"),
    ("x: real", r"\[ \begin{aligned} a &= x \\ &\quad + 1 \\ b &= a^2 \end{aligned} \]", "(x + 1)^2"),
    ("x: real", "a = x\n+ 1".replace("\n+", " +\n") + "\nb = a^2.", "(x + 1)^2"),
    ("x: real[n]", "\\frac{1}{n}\n  \\sum_{i=1}^n\n  x_i^2", "mean(x^2)"),
    ("x: real", r"\underbrace{x^2}_{\text{fit}} + \; 1 % a remark", "x^2 + 1"),
)  # fmt: skip


@pytest.mark.parametrize(("declarations", "latex", "text"), READINGS, ids=[row[1] for row in READINGS])
def test_readings(declarations: str, latex: str, text: str) -> None:
    same_value(read(latex, declarations), parse_formula(f"{declarations}; {text}"))


@pytest.mark.parametrize(
    ("latex", "declared"),
    [
        (r"X \in \mathbb{R}^{n \times d}, w \in \mathbb{R}^d; \lVert X w \rVert_2", "X: real[n,d]; w: real[d]"),
        ("$a, b \\in \\mathbf{R}$, $y \\in \\{-1,+1\\}^N$\n$(a + b) \\sum_{i=1}^N y_i$", "a, b: real; y: pm1[N]"),
        (r"\lambda > 0; \hat{y}, w_1 \in (0,1)^{d_{\text{out}}}; \lambda \hat{y}^\top w_1",
         "λ: positive; ŷ, w1: (0, 1)[d_out]"),
        (r"x \in \mathbb{R}_{+}^n, z \in \mathbb{R}_{>0}, k \in \mathbb{N}; z k \sum x",
         "x: nonnegative[n]; z: positive; k: count"),
        (r"A \in \mathbb{S}_{++}^n; p \in [0, 1]; m \ge 0; p m \log \det A", "A: spd[n,n]; p: unit; m: nonnegative"),
    ],
)
def test_sets_declare(latex: str, declared: str) -> None:
    """``x \\in S`` is the declaration of the same in text."""
    names = parse_formula(f"{declared}; 1").inputs
    assert parse_formula(latex).inputs == names


#: Declarations, LaTeX, column of the error, and the readings between which it does not choose.
AMBIGUOUS: tuple[tuple[str, str, int, tuple[str, str]], ...] = (
    ("x, y: real", r"\log x y", 1, (r"\log(x y ..)", r"(\log x) y")),
    ("x: real", r"y \log x \cdot 2", 3, (r"\log(x \cdot ..)", r"(\log x) \cdot")),
    ("A, B: real[n,n]", r"\tr A B", 1, (r"\tr(A B ..)", r"(\tr A) B")),
    ("x: positive", r"\log(x)^2", 8, (r"(\log(x))^{2}", r"\log(x^{2})")),
    ("x: real", r"\sin^{-1} x", 7, ("a power of the value", "the inverse function")),
    ("z, sigma: real", r"\sigma (z)", 1, (r"\operatorname{sigmoid}(..)", r"\sigma \cdot (..)")),
    ("z: real", r"\sigma^2 (z)", 1, (r"\operatorname{sigmoid}(..)", r"\sigma^2 \cdot (..)")),
    ("x: real", r"\lambda (1 - x)", 1, ("λ: real", r"\lambda \cdot (..)")),
    ("ab: real", "ab", 1, (r"\mathrm{ab}", "a b")),
    ("x: real", "loss x", 1, (r"\mathrm{loss}", "l o s s")),
    ("x: real", "exp(x)", 1, (r"\operatorname{exp}", "e x p")),
    ("W1, x: real", "W1 x", 1, ("W_{1}", r"W \cdot 1")),
    ("x, y: real[n]; T: real", "x^T y", 3, (r"^{\top}", "^{+T}")),
    ("x, e: real", "e^{x}", 1, (r"\exp(..)", "{e}^{..}")),
    ("a, b, c: real", "|a|b|c|", 5, (r"\lvert", r"\left|")),
    ("x, y: real[n]", r"x \cdot y", 1, (r"x^{\top} y", r"x \odot y")),
    ("A: real[n,d]; x: real[d]", r"A \times x", 1, ("A x", r"\odot")),
    ("x, y: real[n]", r"x \otimes y", 1, (r"x y^{\top}", r"\operatorname{kron}")),
    ("A, B, C: real[n,n]", r"A B \odot C", 1, (r"(A B) \odot C", r"A (B \odot C)")),
    ("A: real[n,n]", r"\sum A^2", 6, ("A A", r"A^{\odot 2}")),
    ("A: real[n,n]", r"\sum |A|", 6, (r"\det(A)", r"\operatorname{abs}(A)")),
    ("A: real[n,n]", "e^{A}", 1, (r"\exp(A)", r"\operatorname{expm}(A)")),
    ("A: real[n,d]", r"\lVert A \rVert", 1, (r"\lVert A \rVert_F", r"\lVert A \rVert_2")),
    ("A: real[n,n]", r"\sum_{i,j} A_{ij}^{-1}", 20, ("(A^{-1})_{ij}", "(A_{ij})^{-1}")),
    ("w: real[d]; w1: real", "w_1^2", 1, (r"\mathrm{w1}", "(w)_{1}")),
    ("W1, W_1: real", "W_1", 1, (r"\mathrm{W1}", r"\mathrm{W\_1}")),
    ("x: real", "a / 2 x", 1, (r"(a / 2) \cdot x", "brackets")),
    ("x: real", "x^23", 3, ("^{23}", "^2 3")),
    ("x: real", "1e-3 x", 1, (r"1 \cdot 10^{-3}", "1 e - 3")),
    ("x: real", r"\frac{d}{dx} x^2", 1, ("the function itself", r"\frac{d \cdot ..}{d \cdot ..}")),
    ("p: real", "p = 1\n- p^2", 1, ("';'", "the operator at the end of the line before")),
)  # fmt: skip


@pytest.mark.parametrize(("declarations", "latex", "column", "readings"), AMBIGUOUS, ids=[row[1] for row in AMBIGUOUS])
def test_ambiguity_is_an_error_with_its_readings(
    declarations: str, latex: str, column: int, readings: tuple[str, str]
) -> None:
    with pytest.raises(ChainruleError) as caught:
        parse_formula(latex, _separately(declarations), notation="latex")
    error = caught.value
    assert error.span is not None
    assert error.span.column == column
    assert all(reading in error.expected for reading in readings), str(error)


def _separately(declarations: str) -> dict[str, str]:
    """Declarations in front as a mapping, so that columns are those of the formula."""
    parts = [part.partition(":") for part in declarations.split(";") if part]
    return {name.strip(): domain.strip() for names, _, domain in parts for name in names.split(",")}


#: Declarations, LaTeX, column of the error, words of its message or hints.
MISTAKES: tuple[tuple[str, str, int, str], ...] = (
    ("x: real", r"x + \alfa", 5, r"\alpha"),
    ("x: real", r"\unknown{x}", 1, "is not read"),
    ("x: real", r"\operatorname{sofmax}(x)", 1, "softmax"),
    ("x: real", r"\frac{1}{x", 11, "'}' is missing"),
    ("x: real", r"\left( x + 1 \right]", 20, "')' is missing"),
    ("x: real", "(x + 1", 7, "')' is missing"),
    ("x: real", "x + 1)", 6, "cannot stand here"),
    ("x: real", r"\frac{x}", 1, "argument"),
    ("x: real", "x^2^3", 4, "two superscripts"),
    ("x: real", "x_1_2", 4, "two subscripts"),
    ("x: real", "x + ", 4, "operand is missing"),
    ("x: real", r"\begin{cases} x & x > 0 \end{cases}", 21, "otherwise"),
    ("x: real", r"\begin{cases} x & x > 0 \\ 0 & x < 0 \end{cases}", 34, "otherwise"),
    ("x: real", r"\begin{tabular} x \end{tabular}", 1, "is not read"),
    ("x: real", r"\int x", 1, "integrals"),
    ("x: real", r"\frac{\partial x}{\partial y}", 7, "derivatives"),
    ("x: real[n]", r"x_1 + \cdots + x_n", 7, r"\sum"),
    ("x: real[n]", r"\sum_{i=1} x_i", 9, "end of this range"),
    ("x: real[n]", r"\sum_{i}^{n} x_i", 7, "start of this range"),
    ("x: real[n]", r"\sum_i y", 1, "nothing has the index i"),
    ("x: real[n]", "x_i", 1, "only under a sum"),
    ("x: real[n]", "x_0", 1, "numbers from 1 on"),
    ("x: real[n]", "x^{-1}", 1, "no inverse"),
    ("A: real[n,d]", "A^{-1}", 1, "square matrix"),
    ("x: real", "x'", 1, "derivative"),
    ("x: real", r"f(x) = x^2; f(2)", 13, "other arguments"),
    ("x: real", r"\text{minimise } x", 1, "words between formulas"),
    ("x: real", r"a &= x \\ &= x^2", 12, "right side already"),
    ("x: real", "X @ x", 3, "side by side"),
    ("x: real", "x² + 1", 2, "x^{2}"),
    ("x: real[n]", r"\mathbf{x}^\top x", 17, "written in two ways"),
    ("", r"\sigma(z) + \sigma", 13, "function at one place"),
    ("", "I + 2", 1, "tells the size"),
    ("w: real[d]", r"\min_{w} \lVert w \rVert", 7, "w is a name here"),
    ("x: real", r"y \in \mathcal{X}", 7, r"expected: \mathbb{R}"),
    ("", r"x_i \in \mathbb{R}^d; x", 1, r"the array itself: x \in"),
    ("", r"x \in \mathbb{R}^{2n}; x", 19, "name of its own"),
    ("", r"x \in \mathbb{R}^n, \lVert x \rVert_2", 21, "end declarations with ;"),
    ("", r"x \in [0, 2]; x", 7, "intervals are open"),
    ("x: real[n]", r"\operatorname*{arg\,max}_i x_i", 1, "its value"),
    ("x: real", r"x \bmod 2", 3, "rounding"),
    ("A: real[n,n]; x: real[m]", r"\begin{bmatrix} A & x \end{bmatrix}", 21, "differ in height"),
    ("A: real[n,n]; s: real", r"\begin{bmatrix} A & s \\ 1 & s \end{bmatrix}", 21, "more entries"),
    ("", r"\begin{bmatrix} I \\ I \end{bmatrix}", 17, "tells the size"),
    ("x: real", "$x + 1", 7, "does not end"),
)  # fmt: skip


@pytest.mark.parametrize(("declarations", "latex", "column", "words"), MISTAKES, ids=[row[1] for row in MISTAKES])
def test_mistakes_have_a_place_and_a_reason(declarations: str, latex: str, column: int, words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        parse_formula(latex, _separately(declarations), notation="latex")
    assert words in str(caught.value)
    assert caught.value.span is not None
    assert caught.value.span.column == column, str(caught.value)


# ---- which notation --------------------------------------------------------------------------------


def test_latex_is_recognised() -> None:
    vectors = {"x": "real[n]", "y": "real[n]"}
    assert cr.formula(r"x^\top y", **vectors).matrix() == "x @ y"
    assert cr.formula("$x^T y$", **vectors).matrix() == "x @ y"
    assert cr.formula("a b^{2}").matrix() == "a*b**2"
    assert cr.formula("x, y: real[n]; x' y").matrix() == "x @ y"
    assert cr.formula("x: real[n]; Σ_{i=1}^{n} x_{i}").matrix() == "sum(x)"


def test_the_notation_can_be_said() -> None:
    assert cr.formula("a b", notation="latex").matrix() == "a*b"
    assert cr.formula("a b", notation="text").matrix() == "a*b"
    with pytest.raises(ChainruleError, match="LaTeX"):
        cr.formula(r"\frac{a}{b}", notation="text")
    # The name is still free for an input.
    assert cr.formula("notation^2", notation="positive").matrix() == "notation**2"
    with pytest.raises(InputError, match="no notation called"):
        parse_formula("x", notation="tex")  # type: ignore[arg-type]


def test_claims_may_be_latex() -> None:
    assert cr.verify("mse", "w", r"-\frac{2}{n} X^\top (y - X w)").verdict == "proved"
    assert cr.verify("mse", "w", r"\nabla_w L = \frac{2}{n} X^\top (X w - y)").verdict == "proved"
    assert cr.verify("mse", "w", r"\frac{1}{n} X^\top (X w - y)").verdict == "refuted"


# ---- hostile input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "latex",
    ["{" * 3000, r"\frac{" * 600, "x^{" * 1000 + "1" + "}" * 1000, r"\left(" * 600, "(" * 2000 + "x" + ")" * 2000,
     r"\sqrt" * 800 + "x", r"\hat" * 1000 + "x", r"\sum_i " * 500 + "x_i", "|" * 2000, r"\begin{cases}" * 300,
     "-" * 4000 + "x", "x_" * 2000, "$" * 4000, "\\" * 4000, r"\begin{aligned}" * 200, "a" * 4000,
     r"\log" * 900 + " x"],
    ids=lambda latex: latex[:12],
)  # fmt: skip
def test_deep_nesting_is_refused(latex: str) -> None:
    with pytest.raises(ChainruleError):
        parse_formula(latex, notation="latex")


def test_long_texts() -> None:
    same_value(read("+".join(["x"] * 1500)), parse_formula("1500*x"))
    same_value(read(r" \cdot ".join(["x"] * 300)), parse_formula("x^300"))
    with pytest.raises(LimitError, match="4096"):
        read("x" + " " * 5000 + "+ x")


WORDS = (
    r"\frac", r"\sum", r"\sum_{i=1}^{n}", r"\log", r"\left(", r"\right)", r"\lVert", r"\rVert", r"\|", "|", "{", "}",
    "(", ")", "[", "]", "^", "_", "&", r"\\", "x", "X", "w", "i", "n", "2", "0.5", "+", "-", "=", ",", ";", r"\top",
    r"\cdot", r"\odot", r"\mathbf{1}", r"\sigma", r"\hat", r"\mathrm{tr}", r"\text{if}", "'", "/", "<", r"\le", "$",
    r"\begin{cases}", r"\end{cases}", r"\begin{aligned}", r"\end{aligned}", r"\max", r"\prod_i", "~", r"\,", ":",
    r"\operatorname{softmax}", r"\begin{pmatrix}", r"\end{pmatrix}", r"\sqrt", r"\det", r"\infty", "I", "e", "!", "%",
    "\n", "X: real[n,d];",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_nonsense_is_refused_with_an_error_of_ours(seed: int) -> None:
    rng, messages = Random(seed), set()
    for _ in range(250):
        text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 14)))
        try:
            parse_formula(text, {"w": "real[n]"}, notation="latex")
        except ChainruleError as error:
            messages.add(str(error))
    assert len(messages) > 20


@pytest.mark.parametrize("seed", range(4))
def test_damaged_formulas_are_read_or_refused(seed: int) -> None:
    rng, messages = Random(seed), set()
    for declarations, latex, _, _ in PAPERS:
        place = rng.randrange(len(latex))
        for damaged in (latex[:place] + latex[place + 1 :], latex[:place] + rng.choice("{}()|^_&\\x2") + latex[place:]):
            try:
                read(damaged, declarations)
            except ChainruleError as error:
                messages.add(str(error))
    assert len(messages) > 20
