"""Index notation as on paper: values and gradients against JAX, inferred shapes, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import chainrule as cr
from chainrule.commands.derivations import printed_result
from chainrule.derive.errors import ChainruleError
from chainrule.derive.program import Dim

jax.config.update("jax_enable_x64", True)

#: Two assignments of sizes, all lengths different.
SIZES = ({"n": 5, "d": 3, "k": 4, "m": 2}, {"n": 4, "d": 2, "k": 3, "m": 6})
X = "X: real[n,d]; w: real[d]; y: pm1[n]; "
V = "x, y: real[n]; "


#: Formula, variable, the same in JAX from a namespace of arrays and sizes.
ROWS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    # undeclared names: their subscripts tell their shapes
    ("-Σ_i y_i log(p_i^2)", "p", lambda s: -(s.y * jnp.log(s.p**2)).sum()),
    ("-Σ yᵢ ŷᵢ", "ŷ", lambda s: -(s.y * s.ŷ).sum()),
    ("sum_ij A_ij x_i x_j", "x", lambda s: s.x @ s.A @ s.x),
    ("Σ_{i,j} A_{ij} x_i x_j", "A", lambda s: s.x @ s.A @ s.x),
    ("∑_i∑_j A_ij x_i z_j", "z", lambda s: s.x @ s.A @ s.z),
    ("Σ_{i=1}^n (y_i - Σ_j X_ij w_j)^2", "w", lambda s: ((s.y - s.X @ s.w) ** 2).sum()),
    ("Σᵢ₌₁ⁿ (yᵢ - Σⱼ Xᵢⱼ wⱼ)²", "w", lambda s: ((s.y - s.X @ s.w) ** 2).sum()),
    ("1/n Σ_i [y_i - t_i]^2", "t", lambda s: ((s.y - s.t) ** 2).mean()),
    ("1/(2m) Σ_{i=1}^m (θ_0 + θ_1 x_i - y_i)^2", "θ_1", lambda s: ((s.θ_0 + s.θ_1 * s.x - s.y) ** 2).mean() / 2),
    ("λ/2 Σ_j w_j² + 1/2 Σ_i y_i²", "w", lambda s: s.λ / 2 * s.w @ s.w + s.y @ s.y / 2),
    ("Σ_ijk T_ijk a_i b_j c_k", "b", lambda s: jnp.einsum("ijk,i,j,k", s.T, s.a, s.b, s.c)),
    # left sides with indices
    ("z_i = Σ_j X_ij w_j + b; Σ_i tanh(z_i)", "w", lambda s: jnp.tanh(s.X @ s.w + s.b).sum()),
    ("p_k = exp(z_k)/Σ_j exp(z_j); -Σ_k y_k log p_k", "z",
     lambda s: -(s.y * (s.z - jax.scipy.special.logsumexp(s.z))).sum()),
    ("p_k = softmax_k(z_k); Σ_k a_k p_k", "z", lambda s: s.a @ jax.nn.softmax(s.z)),
    ("A[i, j] = x[i]*y[j]; norm(A)^2", "x", lambda s: (jnp.outer(s.x, s.y) ** 2).sum()),
    ("S_{ij} = Σ_k Z_ik Z_jk; Σ_ij S_ij^2", "Z", lambda s: ((s.Z @ s.Z.T) ** 2).sum()),
    (V + "c_i = Σ_{j=1}^i x_j; Σ_i c_i y_i", "x", lambda s: jnp.cumsum(s.x) @ s.y),
    (V + "d_i = x_{i+1} - x_i; d @ d", "x", lambda s: (jnp.diff(s.x) ** 2).sum()),
    # ranges: on paper from 1, in brackets from 0
    (V + "Σᵢ (xᵢ₊₁ - xᵢ)² + Σᵢ₌₂ⁿ xᵢ₋₁ yᵢ", "x", lambda s: (jnp.diff(s.x) ** 2).sum() + s.x[:-1] @ s.y[1:]),
    (V + "Σ_{i=1}^n x_i^3", "x", lambda s: (s.x**3).sum()),
    (V + "Σ_{i=2}^n (x_i - x_{i-1})^2", "x", lambda s: (jnp.diff(s.x) ** 2).sum()),
    (V + "Σ_{i=1}^{n-1} x_i^2 y_{i+1}", "x", lambda s: (s.x[:-1] ** 2 * s.y[1:]).sum()),
    (V + "Σ_i (x_{i+1} - 2 x_i + x_{i-1})^2", "x", lambda s: (jnp.diff(s.x, 2) ** 2).sum()),
    (V + "Σ_{i=0}^{n-2} (x[i+1] - x[i])^2", "x", lambda s: (jnp.diff(s.x) ** 2).sum()),
    (V + "Σ_{i=1}^n x[i]^2", "x", lambda s: s.x @ s.x),
    (V + "Σ_i x_i x_{n+1-i}", "x", lambda s: s.x @ s.x[::-1]),
    (V + "Σ_{i=1}^2 x_{2i} y_i", "x", lambda s: s.x[1] * s.y[0] + s.x[3] * s.y[1]),
    ("r: real[n]; g: (0.5, 0.9); Σ_{t=0}^{n-1} g^t r_t", "g", lambda s: (s.g ** jnp.arange(s.n) * s.r).sum()),
    ("Σ_{t=0}^{n-1} t^2 r_{t+1}", "r", lambda s: (jnp.arange(s.n) ** 2 * s.r).sum()),
    (V + "Σ_{i=1}^n i x_i^2", "x", lambda s: (jnp.arange(1, s.n + 1) * s.x**2).sum()),
    (V + "w: real[m]; Σ_{i=1}^3 x_i + Σ_j w_j^2", "w", lambda s: s.x[:3].sum() + s.w @ s.w),
    ("u: real[8]; c: real[3]; a_i = Σ_j c_j u_{i+j-1}; a @ a", "u",
     lambda s: (jnp.convolve(s.u, s.c[::-1], "valid") ** 2).sum()),
    # conditions
    (V + "Σ_{i<j} x_i^2 y_j", "x", lambda s: jnp.triu(jnp.outer(s.x**2, s.y), 1).sum()),
    (V + "Σ_{1<=i<j<=n} (x_i - x_j)^2", "x", lambda s: ((s.x[:, None] - s.x) ** 2).sum() / 2),
    (V + "Σ_i Σ_{j≠i} exp(x_i x_j)", "x",
     lambda s: jnp.exp(jnp.outer(s.x, s.x)).sum() - jnp.exp(s.x**2).sum()),
    (V + "Σ_{i=1}^{n-1} Σ_{j=i+1}^n x_i x_j^2", "x", lambda s: jnp.triu(jnp.outer(s.x, s.x**2), 1).sum()),
    (V + "Σ_i ∏_{j≠i} y_j x_i", "y", lambda s: sum(s.x[i] ** (s.n - 1) * jnp.prod(jnp.delete(s.y, i))
                                                  for i in range(s.n))),
    (V + "1/2 Σ_i {x_i - y_i}²", "x", lambda s: ((s.x - s.y) ** 2).sum() / 2),
    (V + "max_j where(j != 1, x_j, -9) + x @ y", "x", lambda s: s.x[1:].max() + s.x @ s.y),
    (V + "Σ_i [x_i > y_i] x_i^2", "x", lambda s: jnp.where(s.x > s.y, s.x**2, 0).sum()),
    ("A: real[n,n]; Σ_ij A_ij^2 δ_ij", "A", lambda s: (jnp.diag(s.A) ** 2).sum()),
    # other reductions
    (V + "Π_i (1 + x_i^2)", "x", lambda s: jnp.prod(1 + s.x**2)),
    (V + "log ∏_i (1 + x_i²)", "x", lambda s: jnp.log(1 + s.x**2).sum()),
    ("X: real[n,d]; Σ_i max_j X_ij", "X", lambda s: s.X.max(1).sum()),
    ("X: real[n,d]; x: real[d]; Σ_i logsumexp_j X_ij - min_j x_j", "X",
     lambda s: jax.scipy.special.logsumexp(s.X, 1).sum() - s.x.min()),
    # indices beside arrays
    (X + "Σ_i log(1 + exp(-y_i x_i·w))", "w", lambda s: jnp.log1p(jnp.exp(-s.y * (s.X @ s.w))).sum()),
    (X + "Σ_i (y_i - X[i, :] @ w)^2", "w", lambda s: ((s.y - s.X @ s.w) ** 2).sum()),
    (X + "Σ_{i=1}^n (y_i - X[i, :] @ w)^2", "w", lambda s: ((s.y - s.X @ s.w) ** 2).sum()),
    (X + "h_i = tanh(x_i·w); Σ_i y_i h_i", "w", lambda s: s.y @ jnp.tanh(s.X @ s.w)),
    ("X: real[n,d]; μ: real[d]; Σ_i ‖x_i - μ‖²", "μ", lambda s: ((s.X - s.μ) ** 2).sum()),
    ("X: real[n,d]; W: real[d,k]; h_i = tanh(W' x_i); norm(h)^2", "W", lambda s: (jnp.tanh(s.X @ s.W) ** 2).sum()),
    # vectors without subscripts
    ("loss = mse_loss + λ * sum(w²)", "w", lambda s: s.mse_loss + s.λ * s.w @ s.w),
    ("λ ‖w‖² + Σ_i y_i^2", "y", lambda s: s.λ * s.w @ s.w + s.y @ s.y),
)  # fmt: skip


def drawn(f: cr.Formula, sizes: dict[str, int], seed: int = 3) -> dict[str, np.ndarray]:
    """Arrays for the inputs, positive where the formula takes logarithms of them."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for item in f.inputs:
        shape = tuple(sizes[length.name] if isinstance(length, Dim) else int(length) for length in item.shape)
        low, high = {"pm1": (-1, 1), "real": (-1.5, 1.5)}.get(item.domain.name, (item.domain.low, item.domain.high))
        values = rng.uniform(low, high, shape)
        arrays[item.name] = np.sign(values) if item.domain.name == "pm1" else values
    return arrays


@pytest.mark.parametrize("sizes", SIZES, ids=("n5", "n4"))
@pytest.mark.parametrize(("text", "variable", "reference"), ROWS, ids=[row[0] for row in ROWS])
def test_value_and_gradient(text: str, variable: str, reference: Callable[[Any], Any], sizes: dict[str, int]) -> None:
    f = cr.formula(text)
    arrays = drawn(f, sizes)

    def compute(value: Any) -> Any:
        return reference(SimpleNamespace(**{**sizes, **arrays, variable: value}))

    np.testing.assert_allclose(f.evaluate(**arrays), compute(arrays[variable]), rtol=1e-10)
    found = cr.gradient(f, variable).result[variable].evaluate(**arrays)
    want = jax.grad(compute)(jnp.asarray(arrays[variable]))
    np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-12)


def test_a_range_that_ends_on_another_axis_is_checked_with_the_arrays() -> None:
    f = cr.formula("x: real[n]; y: real[m]; Σ_{i=1}^m x_i y_i^2")
    assert f.evaluate(x=[1, 2, 3], y=[1, 2]) == 9
    np.testing.assert_array_equal(cr.gradient(f, "x").result["x"].evaluate(x=[1, 2, 3], y=[1, 2]), [1, 4, 0])
    with pytest.raises(ChainruleError, match="axis 0 of x"):
        f.evaluate(x=[1, 2], y=[1, 2, 3])


#: What is inferred: formula, declarations as printed.
INFERRED = (
    ("-Σ_i y_i log(ŷ_i)", ["y, ŷ: real[n] (inferred from the subscripts)"]),
    ("sum_ij A_ij x_i x_j",
     ["A: real[n, n] (inferred from the subscripts)", "x: real[n] (inferred from the subscripts)"]),
    ("z_i = Σ_j X_ij w_j + b; -1/N Σ_i log(1 + exp(-z_i))",
     ["X: real[N, d] (inferred from the subscripts)", "w: real[d] (inferred from the subscripts)", "b: real"]),
    ("(Σ_i x_i)/n", ["x: real[n] (inferred from the subscripts)"]),
    ("Σ_i x_i / n", ["x: real[n] (inferred from the subscripts)"]),
    ("Σ_i exp(-k x_i)", ["k: real", "x: real[n] (inferred from the subscripts)"]),
    ("Σ_{i=1}^3 x_i", ["x: real[3] (inferred from the subscripts)"]),
    ("Σ_{t=0}^{T-1} r_{t+1}", ["r: real[T] (inferred from the subscripts)"]),
    ("Σ_i (x_{i+1} - x_i)^2", ["x: real[n] (inferred from the subscripts)"]),
    ("X: real[n,d]; w: real[d]; z = X @ w; Σ_i (y_i - z_i)^2",
     ["X: real[n, d]", "w: real[d]", "y: real[n] (inferred from the subscripts)"]),
    ("loss = mse_loss + λ * sum(|w|)", ["mse_loss, λ: real", "w: real[d] (inferred as the operand of sum)"]),
    ("norm(w)^2 + norm(v)^2",
     ["w: real[d] (inferred as the operand of norm)", "v: real[k] (inferred as the operand of norm)"]),
    ("sigmoid(input @ weights + bias)",
     ["input: real[n, d] (inferred as in a dense layer)", "weights: real[d, k] (inferred as in a dense layer)",
      "bias: real[k] (inferred as in a dense layer)"]),
)  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), INFERRED, ids=[row[0] for row in INFERRED])
def test_what_is_inferred_is_printed(text: str, lines: list[str]) -> None:
    f = cr.formula(text)
    page = cr.jacobian(f, f.inputs[-1].name).text()
    block = page.split("\n\n")[1]
    assert block == "\n".join(["Given", *(f"  {line}" for line in lines)])


def test_inferred_declarations_survive_json() -> None:
    derivation = cr.gradient("-Σ_i y_i log(ŷ_i)", "ŷ")
    again = cr.Derivation.from_json(derivation.to_json())
    assert [item.inferred for item in again.formula.inputs] == ["from the subscripts"] * 2
    assert again.text() == derivation.text()


#: What is refused: formula, message, column, what was expected.
REFUSED = (
    ("x: real[n]; Σ_t g^t x_t", "the number t can be read in two ways", 19,
     "counted from 1, Σ_{t=1}^n, or from 0, Σ_{t=0}^{n-1}"),
    ("x: real[n]; Σ_{i=1}^{n-1} x[i]", "this range can be read in two ways", 18,
     "x[0:n - 1] if subscripts count from 1 or x[1:n] if subscripts count from 0"),
    ("x: real[n]; Σ_{i=0}^{n-2} x_{i+1}", "this range can be read in two ways", 18,
     "x[0:n - 1] if subscripts count from 1 or x[1:n] if subscripts count from 0"),
    ("x: real[n]; Σ_{i=1}^n (x_i - x_{i-1})^2", "this subscript leaves axis 0 of x, which has length n", 33,
     "places from 1 to n"),
    ("x: real[n]; Σ_{i=1}^m x_i", "no axis has the length m", 21, "the length of an axis that the index stands on"),
    ("x: real[n]; Σ_{i=1}^m 2", "no axis has the length m", 21, "the length of an axis that the index stands on"),
    ("x: real[n]; y: real[m]; Σ_i x_i y_i", "the index i runs over axes of different lengths", 33, "length n"),
    ("x: real[n]; Σ_i x_i x_{i+n}", "no value of i leaves all subscripts inside their axes", 17, ""),
    ("x: real[n]; Σ_i x_{2i}", "the range of i is not clear from this subscript", 20, "a range such as Σ_{i=1}^n"),
    ("x: real[n]; Σ_i x_{i^2}", "this is not an integer that is known when the formula is read", 20,
     "an integer, the name of a length, or a sum of these such as n - 1"),
    ("x: real[n]; d_i = x_i - x_{i-1}; d @ d", "the first value of i here is 2", 19, "entries from 1"),
    ("x: real[n]; h_t = tanh(x_t + h_{t-1}); h", "h is defined by itself here", 30, ""),
    ("X: real[n,d]; Σ_i X_ij", "nothing runs over the index j here", 19, "a sum such as Σ_j around it"),
    ("Σ_{t=0}^{T} r_t", "the length of axis 0 of r cannot be told", 13, "one length for all subscripts"),
    ("x: real[n]; y: count[n]; Σ_i Σ_j [j == y_i] x_j", "the number j can be read in two ways", 35,
     "counted from 1, Σ_{j=1}^n, or from 0, Σ_{j=0}^{n-1}"),
    ("x: real[n]; x_{i+1}", "nothing runs over the index i here", 13, "a sum such as Σ_i around it"),
    ("x: real[n]; x_1", "x_1 can be read in two ways", 13, "x[0], entry 1 of x, or a scalar: x_1: real"),
    ("Σ_i x_i + x_1", "x_1 can be read in two ways", 11, "x[0], entry 1 of x, or a scalar: x_1: real"),
    ("A: real[n,n]; Σ_ij a_i A_ij a_j", "this subscript can be read in two ways", 20,
     "a row of A, A[i, :], or an entry of a vector a"),
    ("X: real[n,d]; w: real[d]; Σ_i (x_i w)^2", "this product of vectors can be read in two ways", 31,
     "x_i @ w or x_i * w"),
    ("X: real[n,d]; y: real[n]; Σ y_i X", "this sum runs over i and its terms are arrays", 27,
     "Σ_i for the sum over indices, or sum(..) for all entries"),
    ("Σ_i x_i + Σ_ij x_ij", "x has 1 subscript in one place and 2 in another", 16, ""),
    ("Σ_{i=1}^{n-1} x_i", "the length of axis 0 of x cannot be told", 15, "one length for all subscripts"),
    ("x: real[n]; Σ_{i=2}^1 x_i", "no value of i is in this range", 18, "a start up to the stop"),
    ("x: real[n]; Σ_i^n x_i", "this range of a sum is not read", 13,
     "index letters such as Σ_i, or a range such as Σ_{i=1}^n"),
    ("x: real[n]; Σ_{i=1} x_i", "this range of a sum is not read", 13,
     "index letters such as Σ_i, or a range such as Σ_{i=1}^n"),
    ("x: real[n]; Σ_{n=1}^3 x_n", "n is a name here and cannot be an index", 13, ""),
    ("x: real[n]; Σ_{} x_i", "no index stands under this sign", 15,
     "one lower-case letter per index, such as {i=1} or {i<j}"),
    ("x: real[n]; max_{i<j} x_i x_j", "a condition under max is not read", 18, ""),
    ("x: real[n]; x[i] = 2; x", "x is known already and cannot be defined", 13, ""),
    ("x: real[n]; A[0] = 2; x", "the left side holds index letters, each once", 13, "A[i] = .. or A = .."),
    ("x: real[n]; Σ_i Σ_{j=1}^n x_{i+j}", "the range of i can be read in two ways", 30,
     "from 0, the first value for which the entry exists, or from 1"),
    ("x: real[n]; Σ_i norm(x_i)", "norm of one entry has nothing to run over", 17,
     "norm_i x_i, over the index, or norm(..) of an array"),
    ("x: real[n]; Σ_i x_{i+1}", "the range of i can be read in two ways", 20,
     "from 0, the first value for which the entry exists, or from 1"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "message", "column", "expected"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusals(text: str, message: str, column: int, expected: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.formula(text)
    error = caught.value
    assert (error.message, error.span and error.span.column, error.expected) == (message, column, expected)


# ---- printed index notation as a claim -------------------------------------------------------------


@pytest.mark.parametrize("entry", list(cr.catalog), ids=lambda entry: entry.name)
def test_what_the_index_format_prints_is_a_claim_that_holds(entry: Any) -> None:
    f = cr.formula(entry.name)
    goals = ("jacobian",) if f.shape else ("gradient", "hessian")
    for goal in goals:
        for variable in entry.wrt:
            derivation = getattr(cr, goal)(f, [variable])
            text = printed_result(derivation, "index")
            if text == "0":
                continue  # it has no letters that tell its shape
            verdict = cr.verify(f, variable, text, what="hessian" if goal == "hessian" else "gradient")
            assert verdict.verdict in ("proved", "agrees"), f"{text}\n{verdict.report()}"


CLAIMS = (
    # (formula, variable, claim): free letters in brackets, one axis or several
    ("X: real[n,d]; w: real[d]; y: real[n]; mean((y - X@w)^2)", "w", "-2/n sum_i X[i,j] (y[i] - sum_k X[i,k] w[k])"),
    ("X: real[n,d]; W: real[d,k]; norm(X@W)^2", "W", "2 sum_i X[i,j] sum_m X[i,m] W[m,l]"),
    ("X: real[n,d]; W: real[d,k]; norm(X@W)^2", "W", "G[j,l] = 2 sum_i X[i,j] sum_m X[i,m] W[m,l]"),
    ("A: real[n,n]; x: real[n]; x @ A @ x", "A", "x[i] x[j]"),
    ("A: real[n,n]; x: real[n]; x @ A @ x", "x", "Σ_j (A_ij + A_ji) x_j"),
    ("x: real[n]; sum(x^2)", "x", "2 x[i]"),
    # entries beyond the ends count nowhere: a bracket or where(..) leaves them out
    ("x: real[n]; Σ_{i=2}^n (x_i - x_{i-1})^2", "x",
     "2 ((x[i] - x[1 + i]) [i < n - 1] + (x[i] - x[i - 1]) [i >= 1])"),
    ("x: real[n]; Σ_{i=2}^n (x_i - x_{i-1})^2", "x",
     "2 (where(i < n - 1, x[i] - x[1 + i], 0) + where(i >= 1, x[i] - x[i - 1], 0))"),
    ("x, y: real[n]; Σ_i Σ_{j<=i} x_j y_i", "x", "sum_j y[j] [i <= j]"),
    ("x: real[n]; Σ_i x_i x_{n+1-i}", "x", "2 x[n - 1 - i]"),
    ("u: real[8]; c: real[3]; a_i = Σ_j c_j u_{i+j-1}; a @ a", "u", "2 sum_j c[j] a[i - j] [j <= i] [i <= j + 5]"),
    ("x: real[n]; max(x)", "x", "hardmax_i(x[i])"),
)


@pytest.mark.parametrize(("formula", "variable", "claim"), CLAIMS, ids=[row[2] for row in CLAIMS])
def test_claims_in_index_notation(formula: str, variable: str, claim: str) -> None:
    verdict = cr.verify(formula, variable, claim)
    assert verdict.verdict in ("proved", "agrees"), verdict.report()


def test_an_entry_beyond_the_end_that_counts_is_refused() -> None:
    with pytest.raises(ChainruleError, match="this subscript leaves axis 0 of x"):
        cr.formula("x: real[n]; Σ_{i=0}^{n-1} x[i + 1] [i < n]")
    with pytest.raises(ChainruleError, match="this subscript leaves axis 0 of x"):
        cr.formula("x: real[n]; Σ_{i=0}^{n-1} (x[i + 1] + [i < n - 1])")


def test_the_order_of_axes_of_a_formula_needs_a_left_side() -> None:
    with pytest.raises(ChainruleError, match="the order of the axes can be read in two ways") as caught:
        cr.formula("X: real[n,d]; W: real[d,k]; sum_j X[i,j] W[j,l]")
    assert caught.value.expected == "a left side: A[i, l] = .. or A[l, i] = .."


def test_a_misspelt_name_in_a_claim_is_no_entry() -> None:
    with pytest.raises(ChainruleError, match="y_pred is not declared"):
        cr.verify("x, y: real[n]; w: real; mean((y - w*x)^2)", "w", "mean(x*(y_pred - y))")
