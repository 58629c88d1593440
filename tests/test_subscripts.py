"""Slices with steps, symbolic bounds, labels: values and derivatives beside NumPy and JAX."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from against_jax import SIZES, Case, agree, check_kernel, check_value_and_derivatives, point

import chainrule as cr
from chainrule.derive.checking.sampling import size_assignments, smallest_sizes
from chainrule.derive.errors import ChainruleError, DomainError, NotationError, ShapeError, UnsupportedError
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.requirements import check_requirements
from chainrule.derive.serialise import decode_program, encode_program


def lse(np, x, axis):
    return np.log(np.exp(x).sum(axis))


CASES = [
    # slices
    Case("x: real[n]; sum((x[1:] - x[:-1])^2)", lambda np, x: ((x[1:] - x[:-1]) ** 2).sum()),
    Case("x: real[n]; sum((x[2:] - 2*x[1:-1] + x[:-2])^2)", lambda np, x: ((x[2:] - 2 * x[1:-1] + x[:-2]) ** 2).sum()),
    Case("x: real[n]; x[::2]^3", lambda np, x: x[::2] ** 3),
    Case("x: real[n]; sum(exp(x[1::3]))", lambda np, x: np.exp(x[1::3]).sum()),
    Case("x: real[n]; x[::-1] * x", lambda np, x: x[::-1] * x),
    Case("x: real[n]; sum(tanh(x[::-2]))", lambda np, x: np.tanh(x[::-2]).sum()),
    Case("x: real[n]; x[-2:0:-1]*x[1:-1]", lambda np, x: x[-2:0:-1] * x[1:-1]),
    Case("X: real[n,d]; sum(X[1:, ::2]^2 * X[:-1, ::2])", lambda np, X: (X[1:, ::2] ** 2 * X[:-1, ::2]).sum()),
    Case("X: real[n,d]; X[..., -1] * X[0, 0]", lambda np, X: X[..., -1] * X[0, 0]),
    Case("T: real[n,d,k]; sum(T[1:, :, ::-1] * T[:-1]**2)", lambda np, T: (T[1:, :, ::-1] * T[:-1] ** 2).sum()),
    Case("T: real[n,d,k]; T[..., 1:, 0]", lambda np, T: T[..., 1:, 0]),
    Case("X: real[n,4]; X[:, [3, -1, 0]]^2 @ X[[2, 1, 1], 0]", lambda np, X: X[:, np.array([3, -1, 0])] ** 2
         @ X[np.array([2, 1, 1]), 0]),
    Case("T: real[n,3,4]; T[:, [0, 2], [1, 1]] * T[..., [0]][0, 2, 0]", lambda np, T: T[:, np.array([0, 2]),
         np.array([1, 1])] * T[0, 2, 0]),
    Case("T: real[n,3,4]; T[[0, 2], :, [3, 0]]^3", lambda np, T: T[np.array([0, 2]), :,
         np.array([3, 0])] ** 3),
    Case("X: real[n,n]; u: real[n]; X[0, ::-1] @ u", lambda np, X, u: X[0, ::-1] @ u),
    Case("x: real[n]; w: real[n]; x[:-1] @ w[1:]", lambda np, x, w: x[:-1] @ w[1:]),
    Case("X: real[n,m]; W: real[d,k]; X[:, :d] @ W", lambda np, X, W, d: X[:, :d] @ W, ("d",)),
    Case("X: real[m,m]; b: real[p]; sum((X[p:, :p] @ b)^2)", lambda np, X, b, p: ((X[p:, :p] @ b) ** 2).sum(), ("p",)),
    Case("x: real[m]; a: real[p]; b: real[d]; sum(x[p:d+1]^2)",
         lambda np, x, a, b, p, d: (x[p : d + 1] ** 2).sum(), ("p", "d")),
    Case("x: real[m]; b: real[p]; x[p]^2 * x[-p]", lambda np, x, b, p: x[p] ** 2 * x[-p], ("p",)),
    # lengths made of others
    Case("x: real[n]; w: real[2*n + 1]; (w[:n] @ x + w[n])^2 + sum(w[n+1:]^3)",
         lambda np, x, w: (w[: len(x)] @ x + w[len(x)]) ** 2 + (w[len(x) + 1 :] ** 3).sum()),
    Case("X: real[n,d]; v: real[n*d]; sum(sin(reshape(v, (n, d)) * X))",
         lambda np, X, v: np.sin(v.reshape(X.shape) * X).sum()),
    # letters that a reduction runs over
    Case("Z: real[n,k]; y: count[n]; P = log_softmax(Z, axis=1); -mean(P[i, y[i]]) + sum(max(Z[i,:])^2)",
         lambda np, Z, y: -(Z[np.arange(len(y)), y] - lse(np, Z, 1)).mean() + (Z.max(1) ** 2).sum()),
    Case("X: real[n,m]; x: real[m]; z[i] = sum(X[i,j]*x[j]); sum(z[i]^2)/norm(x[j])",
         lambda np, X, x: ((X @ x) ** 2).sum() / np.sqrt((x**2).sum())),
    # labels
    Case("Z: real[n,k]; y: count[n]; logp = log_softmax(Z, axis=1); -mean(logp[arange(n), y])",
         lambda np, Z, y, n: -(Z - lse(np, Z, 1)[:, None])[np.arange(n), y].mean(), ("n",)),
    Case("Z: real[n,k]; y: count[n]; logp = log_softmax(Z, axis=1); -Σ_i logp[i, y[i]]",
         lambda np, Z, y, n: -(Z - lse(np, Z, 1)[:, None])[np.arange(n), y].sum(), ("n",)),
    Case("E: real[v,d]; y: count[n]; tanh(E[y])", lambda np, E, y: np.tanh(E[y])),
    Case("E: real[v,d]; y: count[n]; z: integer[n]; sum(log(sigmoid(sum(E[y]*E[z], axis=1))))",
         lambda np, E, y, z: -np.log1p(np.exp(-(E[y] * E[z]).sum(1))).sum()),
    Case("C, U: real[v,d]; c: count[n]; o: count[n]; g: count[n,k]; "
         "mean(-log(sigmoid(sum(U[o]*C[c], axis=1))) - sum(log(sigmoid(-sum(U[g]*C[c][:, None, :], axis=2))), axis=1))",
         lambda np, C, U, c, o, g: (np.log1p(np.exp(-(U[o] * C[c]).sum(1)))
                                    + np.log1p(np.exp((U[g] * C[c][:, None, :]).sum(2))).sum(1)).mean()),
    Case("A: real[n,m]; u: count[k]; v: count[k]; r: real[k]; sum((A[u, v] - r)^2)",
         lambda np, A, u, v, r: ((A[u, v] - r) ** 2).sum()),
    Case("A: real[n,m]; u: count[k]; v: count[p]; A[u[:, None], v]^2", lambda np, A, u, v: A[u[:, None], v] ** 2),
    Case("T: real[n,m,d]; u: count[k]; T[:, u]^2", lambda np, T, u: T[:, u] ** 2),
    Case("T: real[n,m,d]; u: count[k]; T[0, :, u]^2", lambda np, T, u: T[0, :, u] ** 2),
    Case("T: real[n,m,d]; u: count[k]; T[0, u, 1:]^2", lambda np, T, u: T[0, u, 1:] ** 2),
    Case("T: real[n,m,d]; u: count[k]; v: count[k]; T[u, :, v]", lambda np, T, u, v: T[u, :, v]),
    Case("T: real[n,m,d]; u: count[k]; T[None, u]", lambda np, T, u: T[None, u]),
    Case("x: real[n]; y: count[m]; sum(x[y]^2)", lambda np, x, y: (x[y] ** 2).sum()),
    Case("x: real[n]; y: count[m]; x[y[1:]] * x[y[:-1]]", lambda np, x, y: x[y[1:]] * x[y[:-1]]),
    Case("x: real[n]; y: count[m]; c: count[n]; sum(x[c[y]]^3)", lambda np, x, y, c: (x[c[y]] ** 3).sum()),
    Case("x: real[m]; y: count[n]; x[y + 1]^2", lambda np, x, y: x[y + 1] ** 2),
    Case("x: real[n]; t: count; x[t]^2 + t*sum(x)", lambda np, x, t: x[t] ** 2 + t * x.sum()),
    Case("W: real[2,d]; y: binary[n]; W[y]^2", lambda np, W, y: W[y.astype(int) if hasattr(y, "astype") else y] ** 2),
    Case("x: real[m]; x[2*arange(3)]^2", lambda np, x: x[2 * np.arange(3)] ** 2),
    Case("x: real[n]; arange(n) * x", lambda np, x, n: np.arange(n) * x, ("n",)),
]  # fmt: skip
IDS = [case.text for case in CASES]


@pytest.mark.parametrize("sizes", SIZES, ids=("n5", "n4"))
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_values_and_derivatives(case: Case, sizes: dict[str, int]) -> None:
    check_value_and_derivatives(case, sizes)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_kernels(case: Case) -> None:
    for sizes in SIZES:
        check_kernel(case, sizes)


SECOND = [CASES[n] for n, case in enumerate(CASES) if re.search(r"; -?(sum|mean)\(|Σ", case.text)]


@pytest.mark.parametrize("case", SECOND, ids=[case.text for case in SECOND])
def test_second_derivatives(case: Case) -> None:
    check_kernel(case, SIZES[0], order=2)


# ---- what is printed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wrt", "index"),
    [
        ("x: real[n]; sum(x[1:]^2)", "x", "2 x[i] [i >= 1]"),
        ("x: real[n]; sum(x[:-2]^2)", "x", "2 x[i] [i < n - 2]"),
        ("x: real[n]; sum(x[::2]^2)", "x", "2 x[i] [i % 2 == 0]"),
        ("x: real[n]; sum(x[::-1]*x)", "x", "2 x[n - 1 - i]"),
        ("a: real[n]; b: real[m]; sum(exp(concat(a, b)))", "b", "exp(b[j])"),
        ("x: real[n]; y: count[m]; sum(x[y]^2)", "x", "2 x[i] sum_j [y[j] == i]"),
        ("x: real[5]; sum(x[[0, 2]]^2)", "x", "2 x[0] delta[0,i] + 2 x[2] delta[2,i]"),
        ("a, b: real[n]; sum(stack((a, b))^2)", "a", "2 a[i]"),
        ("Z: real[n,k]; y: count[n]; P = log_softmax(Z, axis=1); -sum(P[arange(n), y])", "Z",
         "softmax_j(Z[i,j]) - [y[i] == j]"),
    ],
)  # fmt: skip
def test_guards_that_always_hold_are_not_printed(text: str, wrt: str, index: str) -> None:
    assert cr.gradient(text, wrt=wrt).result[wrt].index() == index


def test_the_range_of_an_index_that_stands_on_no_axis_is_printed() -> None:
    formula = cr.formula("r: unit[n]; sum(log(cumprod(1 + r)))")
    claim = cr.gradient(formula, wrt="r").result["r"].index()
    assert claim.startswith("sum_{j=0}^{n - 1} [i <= j] ")
    assert cr.verify(formula, "r", claim).verdict == "proved"


def test_labels_in_latex() -> None:
    d = cr.gradient("S: real[n, k]; y: count[n]; sum(maximum(0, S - S[arange(n), y][:, None] + 1))", wrt="S")
    # Labels count from 0 as the data do, index letters from 1.
    assert r"[y_{i} = j-1]" in d.result["S"].latex()
    x = cr.gradient("x: real[n]; y: count[m]; sum(x[y]^2)", wrt="x").result["x"]
    assert x.matrix() == "2*x*sum(onehot(y, n), axis=0)"


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("x: real[n]; x[x > 0]", NotationError, "not selected by a condition"),
        ("x: real[n]; y: real[m]; x[y]", NotationError, "y is a subscript and not made of integers"),
        ("x: real[n]; y: count[m]; x[exp(y)]", UnsupportedError, "sums and products only"),
        ("w: real[2*n]; sum(w)", NotationError, "no axis has the length n alone"),
        ("x: real[n]; w: real[n-1]; sum(w)", NotationError, "a length is a name, an integer, or a sum or product"),
        ("x: real[n]; mean(x[i])*x[i]", NotationError, "i is a subscript and not made of integers"),
        ("X: real[n,d]; sum(X[i,:])", NotationError, "this sum runs over i and its terms are arrays"),
        ("x: real[n]; y: count[m]; x[sum(y)]", NotationError, "not made of integers"),
        ("x: real[n]; x[::0]", NotationError, "other than 0"),
        ("x: real[n]; x[::n]", NotationError, "the step of a slice"),
        ("x: real[n]; x[..., ...]", NotationError, "stands once"),
        ("x: real[n]; x[3:1]", ShapeError, "is empty"),
        ("x: real[n]; x[1:3:-1]", ShapeError, "is empty"),
        ("x: real[5]; x[5]", ShapeError, "outside axis 0"),
        ("A: real[n,m]; u: count[k]; v: count[p]; A[u, v]", ShapeError, "subscripts: axis 0 of u has length k"),
        ("x: real[n]; x[0, 1]", ShapeError, "2 subscripts"),
        ("X: real[n,n]; X[[0, 1], [0, 1, 2]]", ShapeError, "have one length"),
        ("x: real[5]; x[[0, 7]]", ShapeError, "outside axis 0"),
        ("X: real[n,3]; y: count[n]; X[y, [0, 1]]", UnsupportedError, "beside numbers and slices only"),
        ("r: real[n]; sum_j prod_k where(k <= j, r[k], 1)", NotationError, "nothing has the index j"),
    ],
)
def test_subscripts_that_mean_nothing(text: str, error: type[ChainruleError], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)) as caught:
        cr.formula(text)
    assert caught.value.span is not None


GATHER = "E: real[v,d]; y: integer[n]; sum(E[y]^2)"


@pytest.mark.parametrize("labels", [[0, 3, 1], [0, -1, 1], [0, 10**9, 1]])
def test_labels_out_of_range_are_an_error_before_anything_is_computed(labels: list[int]) -> None:
    arrays = {"E": np.ones((3, 2)), "y": labels}
    wrong = f"the label y[1] = {labels[1]} selects nothing along axis 0 of E"
    for compute in (cr.formula(GATHER).evaluate, cr.gradient(GATHER, wrt="E").result["E"].evaluate,
                    cr.kernel(GATHER, wrt="E"), cr.kernel(GATHER, wrt="E", dtype="float32").value):  # fmt: skip
        with pytest.raises(DomainError, match=re.escape(wrong)) as caught:
            compute(**arrays)
        assert caught.value.expected == "an integer from 0 to 2"


def test_a_gradient_that_reads_no_label_checks_them_too() -> None:
    """The gradient of a sum of picked entries does not read the entries."""
    result = cr.gradient("x: real[n]; y: count[m]; sum(x[y])", wrt="x").result["x"]
    agree(result.evaluate(x=[1.0, 2.0], y=[1, 1, 1]), np.array([0.0, 3.0]))
    with pytest.raises(DomainError, match="selects nothing"):
        result.evaluate(x=[1.0, 2.0], y=[1, 2, 1])


def test_labels_are_whole_numbers() -> None:
    for value in (0.5, np.nan, np.inf):
        with pytest.raises(DomainError, match="y is outside its domain"):
            cr.formula(GATHER).evaluate(E=np.ones((3, 2)), y=[0, value])


def test_there_is_no_derivative_by_a_label() -> None:
    with pytest.raises(UnsupportedError, match="y selects entries"):
        cr.gradient(GATHER, wrt="y")


@pytest.mark.parametrize(
    ("text", "arrays"),
    [
        ("x: real[n]; b: real[k]; sum(x[:k])", {"x": [1.0], "b": [1.0, 2.0]}),
        ("x: real[n]; b: real[k]; x[k]", {"x": [1.0], "b": [1.0]}),
        ("x: real[n]; b: real[k]; c: real[m]; sum(x[k:m])", {"x": [1.0] * 4, "b": [1.0] * 3, "c": [1.0]}),
        ("x: real[n]; sum(x[4:])", {"x": [1.0] * 3}),
    ],
)
def test_slices_that_reach_beyond_their_axis(text: str, arrays: dict[str, list[float]]) -> None:
    for compute in (cr.formula(text).evaluate, cr.kernel(text, wrt="x")):
        with pytest.raises(ShapeError, match="does not fit axis 0 of x"):
            compute(**arrays)


def test_a_saved_kernel_checks_labels(tmp_path: Path) -> None:
    path = tmp_path / "gather.py"
    cr.kernel("E: real[v,d]; y: count[n]; b: real[k]; sum(E[y[1:]]^2) + sum(b[:d])", wrt="E").save(path)
    space: dict[str, object] = {}
    exec(compile(path.read_text(encoding="utf-8").replace("cache=True, ", ""), "<saved>", "exec"), space)
    run = space["value"]
    assert run(np.ones((3, 2)), [9, 0, 2], np.ones(2)) == 6.0  # type: ignore[operator]
    for labels in ([0, 0, 3], [0, 0, -1]):
        with pytest.raises(ValueError, match="is no subscript of axis 0 of E: expected 0 to 2"):
            run(np.ones((3, 2)), labels, np.ones(2))  # type: ignore[operator]
    with pytest.raises(ValueError, match="y is not made of integers"):
        run(np.ones((3, 2)), [0, 0.5, 0], np.ones(2))  # type: ignore[operator]
    with pytest.raises(ValueError, match="is no subscript of axis 0 of b"):
        run(np.ones((3, 2)), [0, 1, 0], np.ones(1))  # type: ignore[operator]


# ---- around -------------------------------------------------------------------------------------


def test_the_scatter_of_a_kernel_takes_one_step_per_label() -> None:
    source = cr.kernel("E: real[v,d]; y: count[n]; u: real[d]; sum(tanh(E[y] @ u))", wrt="E").source
    assert "[y[i]] += " in source
    assert "y[j] ==" not in source


def test_float32_labels_beyond_24_bits_select_exactly() -> None:
    size = 2**24 + 4
    x = np.zeros(size, dtype=np.float32)
    x[size - 1] = 3
    k = cr.kernel("x: real[n]; y: count[m]; sum(x[y])", wrt="x", dtype="float32")
    assert k.value(x=x, y=[size - 1]) == 3


def test_points_for_claims_have_labels_in_range_and_room_for_slices() -> None:
    texts = (
        "E: real[v,d]; y: integer[n]; sum(E[y])",
        "x: real[n]; b: real[k]; c: real[m]; sum(x[k:m])",
        "x: real[m]; y: count[n]; sum(x[y + 1])",
        "A: real[n,2]; y: binary[m]; c: count[m]; sum(A[c, y])",
    )
    for text in texts:
        program = parse_formula(text)
        for sizes in (*size_assignments(program), *smallest_sizes(program)):
            arrays = point(program, {length.name: size for length, size in sizes.items()})
            check_requirements(program.inputs, {name: np.asarray(value) for name, value in arrays.items()}, sizes)


@pytest.mark.parametrize(
    ("text", "wrt", "claim", "verdict"),
    [
        ("x: real[n]; y: count[m]; sum(x[y]^2)", "x", "2*sum(x[y])*ones(n)", "refuted"),
        ("x: real[n]; b: real[k]; sum(x[:k]*b)", "b", "x[:k]", "proved"),
        ("E: real[v,d]; y: count[n]; sum(E[y]^2)", "E",
         "2*E*sum(where(y[:, None] == arange(v), 1, 0), axis=0)[:, None]", "agrees"),
    ],
)  # fmt: skip
def test_claims_with_labels(text: str, wrt: str, claim: str, verdict: str) -> None:
    assert cr.verify(text, wrt=wrt, claim=claim).verdict == verdict


def test_a_claim_cannot_read_what_the_formula_does_not() -> None:
    with pytest.raises(NotationError, match="it is not known that this subscript of axis 0 of z lies on the axis"):
        cr.verify("x: real[n]; z: real[k]; y: count[m]; sum(x[y]) + sum(z)", wrt="x", claim="sum(z[y])*ones(n)")


def test_requirements_survive_json() -> None:
    program = parse_formula("E: real[v,d]; y: count[n]; b: real[k]; sum(E[y[1:], :k])")
    assert decode_program(encode_program(program)) == program
    assert any(item.requirements for item in program.inputs)
