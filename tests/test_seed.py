"""The formulas of an introduction to the mathematics of machine learning, pasted as they stand."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.checking.instances import instance
from chainrule.derive.errors import NotationError, UnsupportedError
from chainrule.derive.numeric import evaluate
from chainrule.derive.verify import verify

#: The line, a variable, the derivative as a claim, what is printed of the declarations.
LINES = (
    ("(y - ŷ)²", "ŷ", "2*(ŷ - y)", "y, ŷ: real"),
    ("-[y log(ŷ) + (1-y) log(1-ŷ)]", "ŷ", "(ŷ - y)/(ŷ*(1 - ŷ))", "y, ŷ: real"),
    ("-Σ yᵢ log(ŷᵢ)", "ŷ", "-y/ŷ", "y, ŷ: real[n] (inferred from the subscripts)"),
    ("H(X) = -Σ p(x) log p(x)", "p", "-(log(p) + 1)", "p: real[n] (inferred from the subscripts)"),
    ("loss = mse_loss + λ * sum(w²)", "w", "2*λ*w", "w: real[d] (inferred as the operand of sum)"),
    ("loss = mse_loss + λ * sum(|w|)", "w", "λ*sign(w)", "w: real[d] (inferred as the operand of sum)"),
    ("output = activation(input @ weights + bias)", "weights",
     "einsum('ik,ij,kl->ikjl', activation'(input @ weights + bias), input, eye(k))",
     "input: real[n, d] (inferred as in a dense layer)"),
    ("P(A|B) = P(B|A) × P(A) / P(B)", "P(B|A)", "P(A)/P(B)", "P_B_given_A, P_A, P_B: real"),
    ("P(A|B) = P(B|A) × P(A) / P(B)", "P(B)", "-P(B|A) × P(A) / P(B)²", "P_B_given_A, P_A, P_B: real"),
    ("∂L/∂w₁ = ∂L/∂y × ∂y/∂z × ∂z/∂w₁", "w₁", "L'(y) y'(z) z'(w₁)",
     "z: function (any differentiable function, entry by entry)"),
    ("Expected Error = Bias² + Variance + Irreducible Error", "Bias", "2 Bias",
     "Bias, Variance, Irreducible_Error: real"),
)  # fmt: skip


@pytest.mark.parametrize(("line", "variable", "claim", "given"), LINES, ids=[f"{row[0]}: {row[1]}" for row in LINES])
def test_a_line_is_read_and_derived(line: str, variable: str, claim: str, given: str) -> None:
    text = cr.jacobian(line, variable).text()
    assert f"  {given}\n" in text
    verdict = verify(line, variable, claim)
    assert verdict.verdict in ("proved", "agrees"), verdict.report()
    assert verify(line, variable, f"1.5*({claim})").verdict == "refuted"


@pytest.mark.parametrize(("line", "variable"), [row[:2] for row in LINES], ids=[f"{row[0]}: {row[1]}" for row in LINES])
def test_a_line_is_shown_by_the_command_line(line: str, variable: str, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("text", "latex", "matrix", "index"):
        assert run(["show", line, "--wrt", variable, "--format", form]) == 0
        out, err = capsys.readouterr()
        assert out.strip()
        assert not err


#: The gradients of the straight line, as its loop computes them.
FIT = "x, y: real[n]; w, b: real; y_pred = w * x + b; mean((y - y_pred)^2)"


@pytest.mark.parametrize(("variable", "claim"), [
    ("w", "dw = -(2/n) * sum(x * (y - y_pred))"), ("b", "db = -(2/n) * sum(y - y_pred)"),
])  # fmt: skip
def test_the_gradients_of_the_loop_are_right(variable: str, claim: str) -> None:
    assert verify(FIT, variable, claim).verdict == "proved"


def test_the_chain_is_explained_factor_by_factor() -> None:
    text = cr.gradient("∂L/∂w₁ = ∂L/∂y × ∂y/∂z × ∂z/∂w₁").text()
    assert "dL/dw1                 = dL/dy * dy/dz * dz/dw1" in text
    assert cr.gradient("dL/dw1 = dz/dw1 * dL/dy * dy/dz").text() == text


# ---- functions without a definition ----------------------------------------------------------------

NEURON = "phi: function; X: real[n,d]; w: real[d]; y: real[n]; mean((phi(X@w) - y)^2)"


def test_second_derivatives_of_unspecified_functions() -> None:
    hessian = cr.hessian(NEURON, "w").result["w"]
    assert hessian.matrix() == "2/n*X.T @ diag(phi'(X @ w)**2 + phi''(X @ w)*(phi(X @ w) - y)) @ X"
    assert r"\phi''\left(X w\right)" in hessian.latex()
    assert verify(NEURON, "w", hessian.matrix(), what="hessian").verdict == "proved"


def test_the_derivation_names_the_function() -> None:
    derivation = cr.gradient(NEURON, "w")
    assert "phi: function (any differentiable function, entry by entry)" in derivation.text()
    assert cr.Derivation.from_json(derivation.to_json()).text() == derivation.text()


def test_every_step_holds_for_an_instance() -> None:
    program = cr.gradient(NEURON, "w").result["w"].program
    rng = np.random.default_rng(0)
    X, w, y = rng.normal(size=(4, 2)), rng.normal(size=2), rng.normal(size=4)
    value = instance(cr.formula(NEURON).program)

    def loss(w):
        return float(evaluate(value, {"X": X, "w": w, "y": y})["L"])

    found = evaluate(instance(program), {"X": X, "w": w, "y": y})["grad_w"]
    step = 1e-6
    want = [(loss(w + step * e) - loss(w - step * e)) / (2 * step) for e in np.eye(2)]
    np.testing.assert_allclose(found, want, rtol=1e-7)


@pytest.mark.parametrize("use", [
    lambda f: f.evaluate(X=np.eye(2), w=np.ones(2), y=np.ones(2)),
    lambda f: cr.kernel(f, wrt="w"),
    lambda f: f.numpy(),
    lambda f: cr.gradient(f, "w").result["w"].numpy(),
    lambda f: verify(f, "w", lambda X, w, y: w),
], ids=["evaluate", "kernel", "numpy", "numpy of a derivative", "a claim in NumPy"])  # fmt: skip
def test_nothing_is_computed_with_an_unspecified_function(use) -> None:
    with pytest.raises(UnsupportedError, match="phi is a function without a definition"):
        use(cr.formula(NEURON))


# ---- what is refused -------------------------------------------------------------------------------

REFUSED = (
    ("∂L/∂w = ∂L/∂y × ∂z/∂w", "these factors are no chain from L to w", 10),
    ("∂L/∂w = ∂L/∂w + 2", "this is not a chain of derivatives", 15),
    ("2*∂L/∂w", "derivatives are not read inside formulas", 3),
    ("∂L/∂w", "a derivative alone is no formula", 2),
    ("x: real; ∂L/∂y = ∂L/∂x × ∂x/∂y", "x is declared and cannot be a function in a chain", 27),
    ("f(x) = x^2; f(2)", "f is a value, not a function", 13),
    ("P(A+B)", "the arguments of P are names of events", 1),
    ("f(x) + 1", "there is no function called f", 1),
    ("phi: function; phi + 1", "phi is a function and needs brackets", 16),
    ("phi: function; phi(1, 2)", "phi is a function of one number", 16),
    ("phi: function[n]; phi(x)", "a function has no lengths", 6),
    ("phi: function; phi = 2; phi", "phi is a function and cannot be defined", 16),
    ("log(x) = 2", "a statement gives a value its name, it does not define a function", 1),
)


@pytest.mark.parametrize(("text", "message", "column"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusals(text: str, message: str, column: int) -> None:
    with pytest.raises(NotationError) as caught:
        cr.formula(text)
    assert (caught.value.message, caught.value.span.column) == (message, column)


def test_a_chain_is_no_claim() -> None:
    with pytest.raises(NotationError, match="derivatives are not read in a claim"):
        verify(FIT, "w", "∂L/∂w = ∂L/∂y × ∂y/∂w")
