"""Kernels with functions of whole matrices: generated source, accuracy, cases without a value, saved modules.

Most tests run the generated source uncompiled, as Python: it is the same source, and compiling takes
longer than running.  What must be compiled is shared.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numba
import numpy as np
import pytest
from scipy import linalg
from support import kernels_kept_in, run_python
from test_linear_algebra import DECLARED, FORMULAS, point

import chainrule as cr
from chainrule.derive.calculus import derivative_program, hessian_program
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import evaluate
from chainrule.kernels import build, decompositions, factors, rotations
from chainrule.kernels.elementwise import elementwise
from chainrule.kernels.kernel import Kernel, kernel
from chainrule.kernels.schedule import schedule

jax.config.update("jax_enable_x64", True)

Values = dict[str, Any]

GAUSSIAN_PROCESS = (
    "X: real[n,d]; y: real[n]; l: positive; s: positive; v: positive; "
    "D = sum(X^2, axis=1, keepdims=True) + sum(X^2, axis=1) - 2*X@X.T; K = s^2*exp(-D/(2*l^2)) + v*eye(n); "
    "y@solve(K, y)/2 + logdet(K)/2"
)


def marginal_likelihood(X: Any, y: Any, s: Any, v: Any, **scale: Any) -> Any:
    D = ((X[:, None] - X[None]) ** 2).sum(-1)
    K = s**2 * jnp.exp(-D / (2 * scale["l"] ** 2)) + v * jnp.eye(len(y))
    return y @ jnp.linalg.solve(K, y) / 2 + jnp.linalg.slogdet(K)[1] / 2


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with kernels_kept_in(tmp_path_factory.mktemp("matrix_kernels") / "cache") as folder:
        yield folder


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Generated source is run as Python; nothing of it is left behind."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", True)
    monkeypatch.setattr(build, "_loaded", {})
    compiled = {name: module for name, module in sys.modules.items() if name.startswith("chainrule_")}
    with np.errstate(all="ignore"):
        yield
    for name in [name for name in sys.modules if name.startswith("chainrule_")]:
        del sys.modules[name]
    sys.modules.update(compiled)


@pytest.fixture(scope="session")
def process() -> Kernel:
    return kernel(GAUSSIAN_PROCESS, wrt=["l", "s", "v"], order=2)


@pytest.fixture
def data() -> Values:
    rng = np.random.default_rng(0)
    return {"X": rng.normal(size=(6, 2)), "y": rng.normal(size=6), "l": 0.9, "s": 1.2, "v": 0.3}


def close(found: Any, wanted: Any, rtol: float = 1e-9) -> None:
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=rtol * max(1.0, np.abs(wanted).max()))


# ---- the generated source ------------------------------------------------------------------------


MORE: list[tuple[str, str]] = [
    ("solve(X, b)@C@inv(X.T)@b + det(X)*logdet(X)", "X"),
    ("sum((R - ones((n, d)))*(inv(S)@(R - ones((n, d)))))", "S"),
    ("trace(inv(S)@C) + b@inv(S)@b - logdet(S)", "S"),
    ("norm(b - R@solve(R.T@R + eye(d), R.T@b))^2", "R"),
    ("P = S - S@R@solve(R.T@S@R + eye(d), R.T@S); trace(C@P)", "R"),
    ("L = tril(X); sum(log(diag(L)^2))/2 + norm(inv(L)@b)^2/2", "X"),
    ("sum(expm(X/2 - X.T/2)*C) + sum(eigvalsh(X + X.T))", "X"),
]


BATCHES = "A: real[k,n,n]; B: real[k,n,n]; b: real[k,n]; "


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(("text", "wrt"), [row[:2] for row in FORMULAS] + MORE)
def test_value_gradient_and_hessian(text: str, wrt: str) -> None:
    k = kernel(DECLARED + text, wrt=wrt, order=2)
    program = parse_formula(DECLARED + text)
    derivatives = derivative_program(program, [wrt]), hessian_program(program, [wrt])
    for n, d in ((3, 2), (2, 2) if ":2" in text else (1, 1)):
        values = point(n, d)
        expected = [evaluate(derivative, values)[derivative.outputs[-1]] for derivative in derivatives]
        value, first, second = k(**values)
        close(value, evaluate(program, values)[program.output.name])
        close(first, expected[0])
        close(second, expected[1])


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(("text", "wrt"), [
    ("sum(inv(A)*B) + sum(logdet(A)) + sum(det(A)) + sum((inv(A)@B)^2) + sum((B@inv(A))^3)", "A"),
    ("sum(einsum('kij,kj->ki', inv(A), b)^2) + sum(einsum('kj,kji->ki', b, inv(A))^3)", "A"),
    ("sum(cholesky(einsum('kij,klj->kil', A, A) + eye(n))*B)", "A"),
    ("sum(svdvals(A)*b) + sum(eigvalsh(A)^2) + sum(pinv(A)^2)", "A"),
    ("sum(expm(A)*B)", "A"),
    ("sum(inv(B[0]) @ A)", "B"),
])  # fmt: skip
def test_batches_of_matrices(text: str, wrt: str) -> None:
    program = parse_formula(BATCHES + text)
    rng = np.random.default_rng(0)
    shapes = {"A": (2, 3, 3), "B": (2, 3, 3), "b": (2, 3)}
    values = {item.name: rng.normal(size=shapes[item.name]) for item in program.inputs}
    values["A"] = values["A"] + 3 * np.eye(3)
    expected = evaluate(derivative_program(program, [wrt]), values)
    found = kernel(BATCHES + text, wrt=wrt)(**values)
    close(found[0], expected[program.output.name])
    close(found[1], expected[f"grad_{wrt}"])


# ---- compiled ------------------------------------------------------------------------------------------


def test_marginal_likelihood_of_a_gaussian_process(process: Kernel, data: Values) -> None:
    names = ("l", "s", "v")
    value, first, second = process(**data)

    def reference(*parameters: Any) -> Any:
        return marginal_likelihood(**{**data, **dict(zip(names, parameters, strict=True))})

    parameters = tuple(data[name] for name in names)
    close(value, reference(*parameters))
    close(first, jax.grad(reference, (0, 1, 2))(*parameters))
    close(second, jax.hessian(reference, (0, 1, 2))(*parameters), rtol=1e-7)
    close(process.hvp((1.0, 0.0, 0.0), **data), np.asarray(second)[:, 0])


DECOMPOSED = (
    "S: symmetric[n,n]; R: real[n,d]; b: real[n]; sum(eigvalsh(S)^3*b) + nuclear_norm(R) + sum(pinv(R)^2) "
    "+ sum(expm(S)*S) + sum(cholesky(S@S + eye(n))) + det(S) + sum(inv(S)@R)"
)


def decomposed(S: Any, R: Any, b: Any) -> Any:
    symmetric = (S + S.T) / 2
    root = jnp.linalg.cholesky((S @ S + S.T @ S.T) / 2 + jnp.eye(len(b)))
    values = jnp.sum(jnp.linalg.eigvalsh(symmetric) ** 3 * b) + jnp.linalg.svd(R, compute_uv=False).sum()
    products = jnp.sum(jnp.linalg.pinv(R) ** 2) + jnp.sum(jax.scipy.linalg.expm(S) * S)
    return values + products + root.sum() + jnp.linalg.det(S) + jnp.linalg.solve(S, R).sum()


def test_every_function_is_compiled() -> None:
    values = point(4, 3)
    values = {"S": values["X"] + values["X"].T, "R": values["R"], "b": values["b"]}
    k = kernel(DECOMPOSED, wrt=["S", "R"])
    value, slopes = k(**{**values, "R": np.asfortranarray(values["R"])})
    close(value, decomposed(**values))
    for slope, expected in zip(slopes, jax.grad(decomposed, (0, 1))(*values.values()), strict=True):
        close(slope, expected)


def test_single_precision() -> None:
    text = "A: real[n,n]; b: real[n]; b@solve(A, b) + logdet(A)"
    values = {"A": point(4, 3)["X"], "b": point(4, 3)["b"]}
    value, slope = kernel(text, wrt="b", dtype="float32")(**values)
    close(value, cr.formula(text).evaluate(**values), rtol=1e-5)
    close(slope, (np.linalg.inv(values["A"]) + np.linalg.inv(values["A"]).T) @ values["b"], rtol=1e-5)
    assert slope.dtype == np.float32


SECOND_PROCESS = """
import chainrule as cr
k = cr.kernel("A: real[n,n]; b: real[n]; b@inv(A)@b", wrt="b")
print(k(A=[[2.0, 1.0], [0.0, 3.0]], b=[1.0, 2.0])[0], sum(k._get("gradient").function.stats.cache_hits.values()))
"""


def test_a_second_process_does_not_compile() -> None:
    assert [run_python(SECOND_PROCESS).split()[1] for _ in range(2)] == ["0", "1"]


def test_pickling(process: Kernel, data: Values) -> None:
    copy = pickle.loads(pickle.dumps(process))
    assert copy.source == process.source
    assert copy.value(**data) == process.value(**data)


SAVED = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "scipy" else found(name, *rest)
sys.modules["scipy"] = None
import my_kernel, numpy as np
assert "chainrule" not in sys.modules
print(repr(my_kernel.value(np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]]), [1.0, -1.0, 0.5])))
"""


def test_saved_modules_stand_alone(tmp_path: Path) -> None:
    """Even without SciPy, by which numba calls LAPACK."""
    text = "S: symmetric[n,n]; b: real[n]; b@solve(S, b) + sum(eigvalsh(S)^3*b) + nuclear_norm(S) + det(S)"
    k = kernel(text, order=0)
    k.save(tmp_path / "my_kernel.py")
    lines = (tmp_path / "my_kernel.py").read_text().splitlines()
    imports = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imports == {"importlib", "math", "numpy", "numba"}
    S, b = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 0.5], [0.0, 0.5, 1.0]]), np.array([1.0, -1.0, 0.5])
    close(float(run_python(SAVED, folder=tmp_path)), cr.formula(text).evaluate(S=S, b=b), rtol=1e-12)


# ---- work that is shared ----------------------------------------------------------------------------


def calls(source: str, function: str) -> int:
    """How often a function is called."""
    return sum(line.strip().startswith(f"{function}(") or f" = {function}(" in line for line in source.splitlines())


def test_a_matrix_is_factorised_once(process: Kernel) -> None:
    process._get("value")
    value, both = process._get("value").module, process._get("hessian").module
    assert (calls(value, "factorise"), calls(value, "invert"), calls(value, "solve")) == (1, 0, 1)
    assert (calls(both, "factorise"), calls(both, "invert")) == (1, 1)
    assert calls(both, "find_log_determinant") == 1


def test_singular_vectors_of_a_matrix_come_from_one_decomposition() -> None:
    source = kernel("A: real[n,m]; sum(svdvals(A)) + sum(pinv(A)) + sum(left_singular(A))", wrt="A").standalone()
    assert calls(source.split("def _value_and_gradient")[1], "find_singular") == 1


def test_products_with_outer_products_and_deltas_are_not_computed_entry_by_entry() -> None:
    """The Hessian of trace(C inv(X)) has n^4 entries, and no sum over more than n^2 entries."""
    program = schedule(hessian_program(parse_formula(DECLARED + "trace(C@inv(X))"), ["X"]))
    sums = [item for item in program.definitions if item.reduce == "sum"]
    assert sums
    assert all(len(item.lengths) <= 3 for item in sums)


def test_differences_are_not_multiplied_out() -> None:
    """``sum_j W[i,j] (x[i] - x[j])`` loses no digits to a common shift."""
    k = kernel("W: real[n,n]; x: real[n]; sum(W*(x[:, None] - x)^2)", wrt="x")
    rng = np.random.default_rng(0)
    W, x = rng.normal(size=(4, 4)), rng.normal(size=4)
    np.testing.assert_allclose(k(W=W, x=x + 1e8)[1], k(W=W, x=(x + 1e8) - 1e8)[1], rtol=1e-12)


# ---- accuracy -----------------------------------------------------------------------------------------


def graded(n: int) -> Any:
    """A matrix with singular values from 1 to 1e-10."""
    rng = np.random.default_rng(n)
    left, right = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    return left @ np.diag(np.logspace(0, -10, n)) @ right


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("matrix", [linalg.hilbert, graded, lambda n: np.triu(-np.ones((n, n))) + 2 * np.eye(n)])
@pytest.mark.parametrize("n", [5, 9])
def test_products_with_an_inverse_are_as_accurate_as_solutions(matrix: Callable[[int], Any], n: int) -> None:
    A = matrix(n)
    b = A @ np.arange(1.0, n + 1)

    def residual(x: Any) -> float:
        with mpmath.workdps(40):
            left = mpmath.matrix(A.tolist()) * mpmath.matrix(x.tolist()) - mpmath.matrix(b.tolist())
            return float(mpmath.norm(left, 1)) / (np.abs(A).sum() * np.abs(x).max())

    found = kernel("A: real[n,n]; b: real[n]; inv(A)@b", order=0)(A=A, b=b)
    assert residual(found) <= 10 * residual(linalg.solve(A, b)) + 1e-17
    assert residual(found) < 1e-16


@pytest.mark.usefixtures("uncompiled")
def test_determinants_neither_overflow_nor_underflow() -> None:
    large, small = np.eye(120) * 1e9, np.eye(120) * 1e-9
    logdet, det = (kernel(f"A: real[n,n]; {name}(A)", order=0) for name in ("logdet", "det"))
    assert logdet(A=large) == pytest.approx(120 * np.log(1e9))
    assert logdet(A=small) == pytest.approx(-120 * np.log(1e9))
    assert det(A=linalg.block_diag(large[:40, :40], -small[:39, :39])) == pytest.approx(-1e9)


@pytest.mark.parametrize("n", [1, 3, 4, 5, 9])
@pytest.mark.parametrize("transposed", [False, True])
def test_factors(n: int, transposed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """All kinds of factors, with blocks smaller than the matrix."""
    monkeypatch.setattr(factors, "BLOCK", 4)
    rng = np.random.default_rng(n)
    A = rng.normal(size=(n, n))
    for matrix, kind in (
        (A, factors.GENERAL), (A @ A.T, factors.SYMMETRIC), (np.tril(A), factors.LOWER), (np.triu(A), factors.UPPER),
        (A + A.T - 9 * np.eye(n), factors.GENERAL),
    ):  # fmt: skip
        made, rows, inverse = np.empty((n, n)), np.empty(n + 1, np.int64), np.empty((n, n))
        factors.factorise(matrix, made, rows)
        assert n == 1 or rows[-1] == kind
        used = matrix.T if transposed else matrix
        right, left = np.empty((n, 2)), np.empty((2, n))
        factors.solve(made, rows, A[:, :1] * [1, 2], transposed, right)
        factors.solve_right(made, rows, (A[:, :1] * [1, 2]).T, transposed, left)
        close(used @ right, A[:, :1] * [1, 2])
        close(left @ used, (A[:, :1] * [1, 2]).T)
        factors.invert(made, rows, inverse)
        close(inverse @ matrix, np.eye(n))
        assert factors.find_determinant(made, rows) == pytest.approx(np.linalg.det(matrix))
        assert factors.find_log_determinant(made, rows) == pytest.approx(np.linalg.slogdet(matrix)[1])


@pytest.mark.parametrize("scale", [1e-3, 0.1, 0.8, 2.0, 5.0, 40.0])
def test_exponentials(scale: float) -> None:
    A = np.random.default_rng(0).normal(size=(4, 4))
    A *= scale / np.abs(A).sum(axis=0).max()
    found = np.empty((4, 4))
    decompositions.find_exponential(A, found)
    with mpmath.workdps(40):
        exact = np.array(mpmath.expm(mpmath.matrix(A.tolist())).tolist(), dtype=float)
    np.testing.assert_allclose(found, exact, rtol=0, atol=2e-14 * np.abs(exact).max())


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (5, 3), (3, 5)])
def test_rotations(shape: tuple[int, int]) -> None:
    A = np.random.default_rng(0).normal(size=shape)
    for matrix in (A, np.ones(shape), np.zeros(shape)):
        left, values, right = rotations._svd_by_rotations(matrix)
        close((left * values) @ right, matrix, rtol=1e-13)
        close(values, np.linalg.svd(matrix, compute_uv=False), rtol=1e-13)
        symmetric = matrix @ matrix.T - 2 * np.eye(shape[0])
        roots, vectors = rotations._eigh_by_rotations(symmetric)
        close((vectors * roots) @ vectors.T, symmetric, rtol=1e-13)
        close(roots, np.linalg.eigvalsh(symmetric), rtol=1e-13)


# ---- where there is no value ------------------------------------------------------------------------------


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("text", ["inv(A)@b", "b@inv(A)", "inv(A)", "det(A)", "logdet(A)", "cholesky(A)", "eigvalsh(A)",
                                  "svdvals(A)", "pinv(A)", "expm(A)", "det(A)*sum(inv(A))"])  # fmt: skip
def test_values_that_do_not_exist_are_those_of_evaluate(text: str) -> None:
    text = "A: real[n,n]; b: real[n]; " + text
    k, f = kernel(text, order=0), cr.formula(text)
    matrices = [np.zeros((2, 2)), np.ones((2, 2)), -np.eye(2), np.array([[0.0, 1.0], [1.0, 0.0]]),
                np.array([[np.nan, 1.0], [0.0, 2.0]]), np.array([[np.inf, 1.0], [1.0, 2.0]]), np.array([[0.0]]),
                np.array([[-2.0]]), np.tril(np.ones((2, 2)), -1)]  # fmt: skip
    for A in matrices:
        values = {"A": A, "b": np.arange(1.0, len(A) + 1)}
        np.testing.assert_allclose(k(**values), f.evaluate(**values), rtol=1e-13, atol=1e-13, equal_nan=True)


@pytest.mark.usefixtures("uncompiled")
def test_one_singular_matrix_of_a_batch() -> None:
    found = kernel("A: real[k,n,n]; b: real[n]; logdet(A) + einsum('kij,i,j->k', inv(A), b, b)", order=0)(
        A=[np.eye(2), np.ones((2, 2)), 2 * np.eye(2)], b=[1.0, 1.0]
    )
    np.testing.assert_allclose(found, [2.0, np.nan, 1 + 2 * np.log(2)])


@pytest.mark.parametrize("text", ["eigvalsh(A)", "sum(eigvalsh(A))", "logdet(A)", "inv(A)"])
def test_functions_of_matrices_have_no_value_per_sample(text: str) -> None:
    with pytest.raises(UnsupportedError, match="no loss per sample"):
        elementwise("A: real[n,n]; " + text, wrt="A")


@pytest.mark.usefixtures("uncompiled")
def test_names_of_the_generated_source_may_be_names_of_inputs() -> None:
    text = "solve: real[n,n]; factorise: real[n]; invert: real; inv(solve)@factorise*invert"
    k = kernel(text, order=0)
    A, b = np.array([[2.0, 1.0], [0.5, 3.0]]), np.array([1.0, 2.0])
    close(k(solve=A, factorise=b, invert=2.0), 2 * np.linalg.solve(A, b))
