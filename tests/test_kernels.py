"""Compiled kernels against independent references: values, derivatives, guards, cache, saved modules."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import special as scipy_special
from support import expanded, kernels_kept_in, run_python
from sympy import Symbol, lambdify

import chainrule as cr
from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.errors import DomainError, InputError, ShapeError, UnsupportedError
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.program import Definition, Input, Program, dim, free_index
from chainrule.kernels import build, dot, special
from chainrule.kernels.elementwise import elementwise
from chainrule.kernels.kernel import Kernel, kernel
from chainrule.kernels.kernel import build as compiled

jax.config.update("jax_enable_x64", True)

Values = dict[str, Any]

LOGISTIC = "X: real[n,d]; y: binary[n]; w: real[d]; b: real; p = sigmoid(X@w + b); -mean(y*log(p) + (1-y)*log(1-p))"


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of its own for compiled kernels."""
    with kernels_kept_in(tmp_path_factory.mktemp("kernels") / "cache") as folder:
        yield folder


@pytest.fixture(scope="session")
def logistic() -> Kernel:
    return kernel(LOGISTIC, wrt=["w", "b"])


@pytest.fixture
def data() -> Values:
    rng = np.random.default_rng(0)
    return {"X": rng.normal(size=(7, 3)), "y": rng.integers(0, 2, 7).astype(float), "w": rng.normal(size=3), "b": 0.3}


def logistic_loss(X: Any, y: Any, w: Any, b: Any) -> Any:
    z = X @ w + b
    return jnp.mean(y * jnp.logaddexp(0, -z) + (1 - y) * jnp.logaddexp(0, z))


def softmax_loss(X: Any, Y: Any, W: Any) -> Any:
    z = X @ W
    return -jnp.mean(jnp.sum(Y * jax.nn.log_softmax(z, axis=1), axis=1))


def mlp_loss(X: Any, y: Any, W1: Any, c: Any, w2: Any) -> Any:
    return jnp.mean((jnp.tanh(X @ W1 + c) @ w2 - y) ** 2)


def attention_loss(Q: Any, K: Any, V: Any) -> Any:
    return jnp.sum((jax.nn.softmax(Q @ K.T / jnp.sqrt(Q.shape[1]), axis=1) @ V) ** 2)


def distances(Z: Any) -> Any:
    return jnp.sum(jnp.exp(-jnp.sum((Z[:, None] - Z[None]) ** 2, -1)))


def huber(X: Any, y: Any, w: Any, t: Any) -> Any:
    r = y - X @ w
    return jnp.sum(jnp.where(jnp.abs(r) <= t, 0.5 * r**2, t * (jnp.abs(r) - 0.5 * t)))


#: Text, variables, reference with JAX.
FORMULAS: dict[str, tuple[str, list[str], Callable[..., Any]]] = {
    "logistic": (LOGISTIC, ["w", "b"], logistic_loss),
    "softmax": ("X: real[n,d]; Y: onehot[n,k]; W: real[d,k]; -mean(sum(Y*log(softmax(X@W, axis=1)), axis=1))",
                ["W"], softmax_loss),
    "mlp": ("X: real[n,d]; y: real[n]; W1: real[d,k]; c: real[k]; w2: real[k]; mean((tanh(X@W1 + c)@w2 - y)^2)",
            ["W1", "c", "w2"], mlp_loss),
    "attention": ("Q: real[n,d]; K: real[m,d]; V: real[m,k]; sum((softmax(Q@K.T/sqrt(d), axis=1)@V)^2)",
                  ["Q", "K", "V"], attention_loss),
    "distances": ("Z: real[n,d]; D = sum(Z^2, axis=1, keepdims=True) + sum(Z^2, axis=1) - 2*Z@Z.T; sum(exp(-D))",
                  ["Z"], distances),
    "huber": ("X: real[n,d]; y: real[n]; w: real[d]; t: positive; r = y - X@w; "
              "sum(where(abs(r) <= t, 0.5*r^2, t*(abs(r) - 0.5*t)))", ["w"], huber),
    "batched": ("A: real[n,m,k]; B: real[n,k,d]; sum(einsum('nmk,nkd->nmd', A, B)^2)", ["A", "B"],
                lambda A, B: jnp.sum((A @ B) ** 2)),
    "smoothness": ("x: real[n]; sum((x[1:] - x[:-1])^2) + x[0]^2", ["x"],
                   lambda x: jnp.sum(jnp.diff(x) ** 2) + x[0] ** 2),
    "cumulative": ("x: real[n]; c: real[n]; sum(c*cumsum(x)^2)", ["x"], lambda x, c: jnp.sum(c * jnp.cumsum(x) ** 2)),
    "extremes": ("A: real[n,m]; sum(max(A, axis=0)*min(A, axis=0)) + prod(A[0, :])", ["A"],
                 lambda A: jnp.sum(A.max(0) * A.min(0)) + jnp.prod(A[0])),
    "gamma": ("x: positive[n]; a: positive; b: positive; sum(b*x - (a-1)*log(x) - a*log(b) + lgamma(a))", ["a", "b"],
              lambda x, a, b: jnp.sum(b * x - (a - 1) * jnp.log(x) - a * jnp.log(b) + jax.scipy.special.gammaln(a))),
    "probit": ("X: real[n,d]; y: binary[n]; w: real[d]; q = normcdf(X@w); -sum(y*log(q) + (1-y)*log(1-q))", ["w"],
               lambda X, y, w: -jnp.sum(y * jax.scipy.stats.norm.logcdf(X @ w)
                                        + (1 - y) * jax.scipy.stats.norm.logcdf(-(X @ w)))),
}  # fmt: skip

SIZES = ({"n": 5, "d": 3, "k": 4, "m": 6}, {"n": 1, "d": 1, "k": 1, "m": 2})


def sample(inputs: tuple[Input, ...], seed: int, sizes: dict[str, int]) -> Values:
    rng = np.random.default_rng(seed)
    values: Values = {}
    for item in inputs:
        shape = tuple(sizes[str(length)] for length in item.shape)
        drawn = rng.normal(size=shape)
        if item.domain.sums_to_one:
            drawn = np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
        elif item.domain.values:
            drawn = rng.choice(np.array(item.domain.values, dtype=float), size=shape)
        elif item.domain.sign == "positive":
            drawn = rng.uniform(0.5, 2.0, size=shape)
        values[item.name] = np.asarray(drawn, dtype=float)
    return values


@pytest.fixture(scope="session")
def kernels() -> dict[str, Kernel]:
    return {name: kernel(text, wrt=wrt) for name, (text, wrt, _) in FORMULAS.items()}


def close(actual: Any, expected: Any, rtol: float = 1e-9) -> None:
    expected = np.asarray(expected)
    scale = max(1.0, float(np.abs(expected).max())) if expected.size else 1.0
    assert np.shape(actual) == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * 1e-3 * scale)


def slope_of(reference: Callable[..., Any], values: Values, variable: str) -> Any:
    return jax.jit(jax.grad(lambda x: reference(**{**values, variable: x})))(values[variable])


# ---- values and derivatives --------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_gradient(kernels: dict[str, Kernel], name: str) -> None:
    text, wrt, reference = FORMULAS[name]
    for seed, sizes in enumerate(SIZES):
        values = sample(parse_formula(text).inputs, seed, sizes)
        value, gradients = kernels[name](**values)
        assert isinstance(value, float)
        close(value, reference(**values))
        for variable, gradient in zip(wrt, gradients, strict=True):
            close(gradient, slope_of(reference, values, variable))


@pytest.mark.parametrize("name", ["logistic", "mlp", "smoothness", "gamma"])
def test_hessian_and_its_products(kernels: dict[str, Kernel], name: str) -> None:
    text, wrt, reference = FORMULAS[name]
    values = sample(parse_formula(text).inputs, 1, SIZES[0])
    point = {variable: values[variable] for variable in wrt}
    expected = jax.jit(jax.hessian(lambda x: reference(**{**values, **x})))(point)
    blocks = kernels[name].hessian(**values)
    rng = np.random.default_rng(2)
    direction = {variable: rng.normal(size=np.shape(values[variable])) for variable in wrt}
    products = kernels[name].hvp(direction, **values)
    for row, first in enumerate(wrt):
        total = 0.0
        for column, second in enumerate(wrt):
            close(blocks[row][column], expected[first][second])
            total = total + np.tensordot(expected[first][second], direction[second], axes=direction[second].ndim)
        close(products[row], total)


def test_a_formula_that_is_no_scalar_gives_its_jacobian() -> None:
    k = kernel("A: real[n,m]; x: real[m]; tanh(A@x)", wrt="x")
    rng = np.random.default_rng(0)
    A, x = rng.normal(size=(4, 3)), rng.normal(size=3)
    value, jacobian = k(A=A, x=x)
    close(value, np.tanh(A @ x))
    close(jacobian, jax.jacobian(lambda x: jnp.tanh(A @ x))(x))
    with pytest.raises(UnsupportedError, match="second derivatives are for scalar formulas"):
        k.hessian(A=A, x=x)


def test_results_have_the_form_of_what_was_asked(logistic: Kernel, data: Values) -> None:
    value, (dw, db) = logistic(**data)
    assert isinstance(db, float)
    assert logistic.value(**data) == pytest.approx(value, rel=1e-14)
    first, second = logistic.gradient(**data)
    np.testing.assert_array_equal(first, dw)
    assert second == db
    single = kernel("x: real[n]; s: real; sum(s*x^2)", wrt="s", order=2)
    assert single(x=[1.0, 2.0], s=3) == (15.0, 5.0, 0.0)
    assert single.hvp(2.0, x=[1.0, 2.0], s=3) == 0.0
    assert kernel("x: real[n]; sum(x)", order=0)(x=[1, 2]) == 3.0


def test_dangerous_values() -> None:
    k = kernel(LOGISTIC, wrt=["w", "b"])
    values = {"X": [[1.0, -1.0], [1.0, 1.0]], "y": [1, 0], "w": [1000.0, 0.0], "b": 0.0}
    value, (dw, db) = k(**values)
    assert (value, db) == (500.0, 0.5)
    np.testing.assert_array_equal(dw, [0.5, 0.5])


def test_zero_times_the_logarithm_of_zero_is_zero() -> None:
    k = kernel("p: simplex[k]; q: simplex[k]; sum(p*log(p/q))", wrt="q")
    value, slope = k(p=[0.0, 1.0, 0.0], q=[0.0, 0.5, 0.5])
    assert value == pytest.approx(np.log(2))
    assert slope[1] == -2.0
    assert kernel("a: simplex[k]; -sum(a*log(a))", wrt="a").value(a=[0.0, 1.0]) == 0.0
    assert kernel("a: nonnegative[k]; b: nonnegative[k]; sum(a*(log(a) - log(b)))", order=0)(a=[0, 1], b=[0, 1]) == 0.0
    bce = "y: unit[n]; p: unit[n]; -sum(y*log(p) + (1-y)*log(1-p))"
    assert kernel(bce, order=0)(y=[0.0, 1.0], p=[0.0, 1.0]) == 0.0


def test_log_sum_exp_of_infinities() -> None:
    k = kernel("z: real[n]; logsumexp(z)", order=0)
    assert k(z=[-np.inf, -np.inf]) == -np.inf
    assert k(z=[-np.inf, 1.0]) == 1.0
    assert k(z=[np.inf, 1.0, -np.inf]) == np.inf
    assert k(z=[1000.0, 1000.0]) == pytest.approx(1000 + np.log(2))
    assert np.isnan(k(z=[np.nan, 1.0]))


def test_extremes_pass_nan_on() -> None:
    assert np.isnan(kernel("z: real[n]; max(z)", order=0)(z=[1.0, np.nan, 2.0]))
    assert np.isnan(kernel("z: real[n]; sum(maximum(z, 0))", order=0)(z=[1.0, np.nan]))


def test_the_branch_not_taken_is_not_computed() -> None:
    k = kernel("x: real[n]; sum(where(x > 0, log(x), x))", wrt="x")
    value, slope = k(x=[-1.0, 1.0])
    assert value == -1.0
    np.testing.assert_array_equal(slope, [1.0, 1.0])


# ---- precision --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["logistic", "softmax", "gamma", "huber", "probit"])
def test_single_precision(name: str) -> None:
    text, wrt, reference = FORMULAS[name]
    k = kernel(text, wrt=wrt, dtype="float32")
    values = sample(parse_formula(text).inputs, 0, SIZES[0])
    value, gradients = k(**{variable: np.float32(x) for variable, x in values.items()})
    assert value == pytest.approx(float(reference(**values)), rel=1e-5)
    for variable, gradient in zip(wrt, gradients, strict=True):
        expected = slope_of(reference, values, variable)
        assert isinstance(gradient, float) or gradient.dtype == np.float32
        close(gradient, expected, rtol=2e-4)
    assert "f32(" in k.source


def test_sums_in_single_precision_are_collected_in_double() -> None:
    k = kernel("x: real[n]; sum(x)", order=0, dtype="float32")
    x = np.full(3_000_000, 0.1, dtype=np.float32)
    assert k(x=x) == pytest.approx(float(np.float32(0.1)) * 3_000_000, rel=1e-6)


def test_sums_in_single_precision_are_read_where_they_are_made() -> None:
    text = "A: real[n,m]; B: real[n,n]; G = sum(exp(B[:, :, None]*A[None, :, :]), axis=1); sum(where(G > 2, G^2, G))"
    rng = np.random.default_rng(0)
    values = {"A": rng.normal(size=(3, 2)), "B": rng.normal(size=(3, 3))}
    single, double = (kernel(text, order=0, dtype=dtype)(**values) for dtype in ("float32", "float64"))
    assert single == pytest.approx(double, rel=1e-5)


NAMED = [entry for entry in ELEMENTWISE if len(entry.args) == 1]


@pytest.fixture(scope="session")
def all_functions() -> Any:
    """One kernel that applies every elementwise function of one argument."""
    x = Input("x", (dim("n"),))
    entry_at = x[free_index(0),]
    definitions = tuple(Definition(f"f_{entry.name}", (dim("n"),), entry(entry_at)) for entry in NAMED)
    program = Program((x,), definitions, tuple(definition.name for definition in definitions))
    return compiled(program, "functions", "float64", "")


@pytest.mark.parametrize("entry", NAMED, ids=lambda entry: entry.name)
def test_elementwise_functions(all_functions: Any, entry: Elementwise) -> None:
    low, high = entry.domain[0] if entry.domain else (None, None)
    points = np.array([-30.0, -8.5, -7.5, -2.0, -0.7, -1e-9, 0.0, 1e-9, 0.3, 0.9, 1.6, 4.0, 9.0, 30.0])
    if low is not None:
        points = points[points > low]
    if high is not None:
        points = points[points < high]
    results = all_functions({"x": points})[NAMED.index(entry)]
    x = Symbol("x", real=True)
    reference = lambdify(x, expanded(entry(x)), "mpmath")
    # Enough digits for 1 - normcdf(30), which is about 1e-198.
    with mpmath.workdps(260):
        expected = [reference(mpmath.mpf(point)) if entry.name != "reciprocal" or point else None for point in points]
    for point, result, value in zip(points, results, expected, strict=True):
        if value is not None:
            assert result == pytest.approx(float(value), rel=2e-13, abs=1e-300), point


def test_special_functions() -> None:
    points = np.concatenate([np.logspace(-6, 6, 60), np.linspace(1.2, 1.8, 31), [1.4616321449683622]])
    with mpmath.workdps(40):
        for x in map(float, points):
            assert special.digamma(x) == pytest.approx(float(mpmath.digamma(mpmath.mpf(x))), rel=1e-14)
            for order in (1, 2, 3, 7):
                expected = float(mpmath.psi(order, mpmath.mpf(x)))
                assert special.polygamma(order, x) == pytest.approx(expected, rel=1e-14)
    assert np.isnan(special.digamma(-1.0))
    assert np.isnan(special.polygamma(1, 0.0))


def test_bessel_functions() -> None:
    points = np.concatenate([np.logspace(-6, 2.84, 50), [34.99, 35.01, 80.1, 100.0, 3600.0 / 6]])
    with mpmath.workdps(40):
        for x in map(float, points):
            for order in (0, 1, 2, 0.5, -0.5, 3.7, 10):
                expected = mpmath.besseli(order, mpmath.mpf(x))
                assert abs(special.besseli(order, x) / expected - 1) < 4e-15, (order, x)
    assert special.besseli(1, -2.0) == -special.besseli(1, 2.0) == -special.besseli(-1, 2.0)
    assert (special.besseli(0, 0.0), special.besseli(3, 0.0), special.besseli(0, 800.0)) == (1.0, 0.0, np.inf)
    assert np.isnan(special.besseli(0.5, -1.0))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_concentration_of_directions_compiled(dtype: str) -> None:
    k = kernel("kappa: positive[n]; sum(log_i0(kappa)) + sum(i0(exp(-kappa)))", wrt="kappa", order=2, dtype=dtype)
    at = np.array([1e-3, 0.3, 4.0, 79.0, 81.0, 1e4])
    value, slope, curvature = k(kappa=at.astype(dtype))
    with mpmath.workdps(40):
        terms = [(mpmath.log(mpmath.besseli(0, z)) + mpmath.besseli(0, mpmath.exp(-z)),
                  mpmath.besseli(1, z) / mpmath.besseli(0, z) - mpmath.exp(-z) * mpmath.besseli(1, mpmath.exp(-z)))
                 for z in map(mpmath.mpf, at)]  # fmt: skip
    eps = float(np.finfo(dtype).eps)
    close(value, float(sum(term[0] for term in terms)), rtol=20 * eps)
    close(slope, [float(term[1]) for term in terms], rtol=40 * eps)
    ratio = scipy_special.i1e(at[1:4]) / scipy_special.i0e(at[1:4])
    inner = np.exp(-at[1:4])
    second = inner * scipy_special.i1(inner) + inner**2 * (scipy_special.i0(inner) + scipy_special.iv(2, inner)) / 2
    close(np.diag(curvature)[1:4], 1 - ratio**2 - ratio / at[1:4] + second, rtol=2e4 * eps)


def test_derivatives_of_the_gamma_function() -> None:
    k = kernel("a: positive[n]; sum(lgamma(a))", wrt="a", order=2)
    a = np.array([0.01, 0.5, 1.4616, 3.0, 40.0])
    _, slope, curvature = k(a=a)
    close(slope, scipy_special.digamma(a), rtol=1e-12)
    close(np.diag(curvature), scipy_special.polygamma(1, a), rtol=1e-13)


# ---- per-sample losses ----------------------------------------------------------------------------------


def test_elementwise_loss() -> None:
    e = elementwise("z: real[n]; y: binary[n]; p = sigmoid(z); -mean(y*log(p) + (1-y)*log(1-p))", wrt="z")
    z, y = np.array([0.5, -1000.0, 1000.0]), np.array([1.0, 1.0, 1.0])
    loss, first, second = e(z=z, y=y)
    s = scipy_special.expit(z)
    close(loss, np.logaddexp(0, -z))
    close(first, s - y)
    close(second, s * (1 - s))
    again = pickle.loads(pickle.dumps(e))
    np.testing.assert_array_equal(again(z=z, y=y)[0], loss)


def test_elementwise_loss_of_scalars_broadcasts() -> None:
    e = elementwise("r: real; t: positive; where(abs(r) <= t, 0.5*r^2, t*(abs(r) - 0.5*t))", wrt="r")
    loss, first, second = e(r=[[0.5], [3.0]], t=[1.0, 2.0])
    close(loss, np.array([[0.125, 0.125], [2.5, 4.0]]))
    close(first, np.array([[0.5, 0.5], [1.0, 2.0]]))
    close(second, np.array([[1.0, 1.0], [0.0, 0.0]]))
    assert e(r=0.5, t=1.0) == (0.125, 0.5, 1.0)
    with pytest.raises(ShapeError, match="broadcast"):
        e(r=[1.0, 2.0], t=[1.0, 2.0, 3.0])


@pytest.mark.parametrize("text", ["z: real[n]; logsumexp(z)", "z: real[n]; sum(z^2)^2", "z: real[n]; sum(softmax(z)*z)",
                                  "z: real[n]; sum(z^2) + sum(z)^2", "z: real[n]; A: real[n,n]; sum(A@z)"])  # fmt: skip
def test_losses_that_are_not_per_sample(text: str) -> None:
    with pytest.raises(UnsupportedError, match="no loss per sample"):
        elementwise(text, wrt="z")


# ---- guards ------------------------------------------------------------------------------------------------


BAD: list[tuple[Values, type[Exception], list[str]]] = [
    ({"w": None}, InputError, ["no value is given for 'w'", "inputs X, y, w, b"]),
    ({"W": 1.0, "w": None}, InputError, ["no input called 'W'", "did you mean: w?"]),
    ({"X": np.ones(7)}, ShapeError, ["X has 1 axis, not the declared 2 axes", "X: real[n, d]", "shape (7,)"]),
    ({"b": [1.0]}, ShapeError, ["b has 1 axis, but is declared as a number"]),
    ({"y": np.ones(5)}, ShapeError, ["the lengths called n differ", "X (axis 0) has 7", "y (axis 0) has 5"]),
    ({"w": np.ones(4)}, ShapeError, ["X (axis 1) has 3", "w (axis 0) has 4"]),
    ({"X": np.ones((0, 3)), "y": []}, ShapeError, ["X (axis 0) is empty"]),
    ({"w": np.ones(3) + 1j}, InputError, ["w is not made of real numbers", "complex128"]),
    ({"w": ["a", "b", "c"]}, InputError, ["w is not made of real numbers"]),
    ({"w": [1.0, None, 2.0]}, InputError, ["w is not made of real numbers", "object"]),
    ({"w": [[1.0], [1.0, 2.0]]}, InputError, ["w is not an array"]),
    ({"w": np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])}, InputError, ["w has masked entries"]),
    ({"y": [0, 1, 0.5, 0, 0, 0, 0]}, DomainError, ["y is outside its domain", "that is 0 or 1", "y[2] = 0.5"]),
    ({"y": [0, 1, np.nan, 0, 0, 0, 0]}, DomainError, ["y[2] = nan"]),
]


@pytest.mark.parametrize(("changes", "kind", "parts"), BAD)
def test_bad_inputs(logistic: Kernel, data: Values, changes: Values, kind: type[Exception], parts: list[str]) -> None:
    values = {name: value for name, value in {**data, **changes}.items() if value is not None}
    with pytest.raises(kind) as caught:
        logistic(**values)
    for part in parts:
        assert part in str(caught.value)
    if kind is not InputError:
        with pytest.raises(kind):
            parse_value(values)


def parse_value(values: Values) -> Any:
    return cr.formula(LOGISTIC).evaluate(**values)


DOMAINS: list[tuple[str, Any, Any, str]] = [
    ("positive[n]", [1.0, 2.0], [1.0, 0.0], "x[1] = 0"),
    ("nonnegative[n]", [1.0, 0.0], [1.0, -0.5], "x[1] = -0.5"),
    ("unit[n]", [0.0, 1.0], [0.5, 1.5], "x[1] = 1.5"),
    ("pm1[n]", [1, -1], [1, 0], "x[1] = 0"),
    ("count[n]", [0, 3], [0.5, 1.0], "x[0] = 0.5"),
    ("integer[n]", [-2, 3], [0.5, 1.0], "x[0] = 0.5"),
    ("simplex[n]", [0.25, 0.75], [0.5, 0.6], "x sums to 1.1"),
    ("simplex[n,k]", [[0.25, 0.75], [1.0, 0.0]], [[0.25, 0.75], [1.0, 0.5]], "x[1] sums to 1.5"),
    ("onehot[n,k]", [[0, 1], [1, 0]], [[0, 1], [1, 1]], "x[1] sums to 2"),
    ("symmetric[n,n]", [[1.0, 2.0], [2.0, 1.0]], [[1.0, 2.0], [3.0, 1.0]], "entry [0, 1] = 2, entry [1, 0] = 3"),
    ("spd[n,n]", [[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]], "the smallest eigenvalue is -1"),
    ("psd[n,n]", [[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]], "the smallest eigenvalue is -1"),
    ("invertible[n,n]", [[1.0, 2.0], [2.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]], "a singular matrix"),
    ("orthonormal[n,k]", [[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]], "differ from the identity"),
    ("(0, 2)[n]", [0.5, 1.5], [0.5, 2.0], "x[1] = 2"),
]


@pytest.mark.parametrize(("domain", "good", "bad", "found"), DOMAINS)
def test_domains(domain: str, good: Any, bad: Any, found: str) -> None:
    f = cr.formula("sum(x)", x=domain)
    assert f.evaluate(x=good) == pytest.approx(np.sum(good))
    with pytest.raises(DomainError) as caught:
        f.evaluate(x=bad)
    assert found in str(caught.value)
    assert f"x: {domain.split('[')[0]}" in str(caught.value)


def test_array_likes(logistic: Kernel, data: Values) -> None:
    value, (dw, _) = logistic(**data)
    frozen = data["X"].copy()
    frozen.flags.writeable = False
    unaligned = np.frombuffer(b"x" + data["X"].tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(7, 3)
    for X in (np.asfortranarray(data["X"]), np.repeat(data["X"], 2, axis=0)[::2], data["X"].tolist(), frozen,
              jnp.asarray(data["X"]), unaligned):  # fmt: skip
        again, (slope, _) = logistic(**{**data, "X": X, "y": data["y"].astype(bool), "b": np.float32(0.3)})
        assert again == pytest.approx(value, rel=1e-6)
        np.testing.assert_allclose(slope, dw, rtol=1e-6)
    whole = logistic(X=np.ones((7, 3), int), y=data["y"], w=[1, 2, 3], b=1)
    close(whole[0], logistic_loss(np.ones((7, 3)), data["y"], np.array([1.0, 2.0, 3.0]), 1.0))


def test_inputs_are_never_changed(logistic: Kernel, data: Values) -> None:
    before = {name: np.copy(value) for name, value in data.items()}
    logistic(**data)
    for name, value in data.items():
        np.testing.assert_array_equal(value, before[name])
    same = kernel("x: real[n]; x", wrt="x")
    x = np.array([1.0, 2.0])
    value, slope = same(x=x)
    assert value is not x
    np.testing.assert_array_equal(slope, np.eye(2))


def test_names_of_python_may_be_names_of_inputs() -> None:
    text = "self: real; s: real; v: real; out: real; dtype: real; order: real; np: real; sigmoid_: real; " \
           "self*s + v*out + dtype*order + np*sigmoid_"  # fmt: skip
    k = kernel(text, wrt=["self", "np"])
    value, (first, second) = k(self=2, s=3, v=5, out=7, dtype=11, order=13, np=17, sigmoid_=19)
    assert (value, first, second) == (2 * 3 + 5 * 7 + 11 * 13 + 17 * 19, 3, 19)
    assert k.hvp((1.0, 1.0), self=2, s=3, v=5, out=7, dtype=11, order=13, np=17, sigmoid_=19) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 3}, "number of derivatives"),
        ({"order": True}, "number of derivatives"),
        ({"dtype": "float16"}, "float64 or float32"),
        ({"dtype": "nonsense"}, "float64 or float32"),
        ({"dtype": None}, "float64 or float32"),
        ({"threads": 0}, "threads is a positive integer"),
        ({"threads": 1.5}, "threads is a positive integer"),
        ({"wrt": None}, "which variables"),
        ({"wrt": "q"}, "no variable called 'q'"),
        ({"wrt": ["w", "w"]}, "named twice"),
    ],
)
def test_bad_options(options: Values, message: str) -> None:
    with pytest.raises(cr.ChainruleError, match=message):
        kernel(LOGISTIC, **{"wrt": "w", **options})


def test_directions_are_checked(logistic: Kernel, data: Values) -> None:
    with pytest.raises(InputError, match="direction does not fit"):
        logistic.hvp(np.ones(3), **data)
    with pytest.raises(InputError, match="no input called 'c'"):
        logistic.hvp({"w": np.ones(3), "c": 1.0}, **data)
    with pytest.raises(ShapeError, match="v_w"):
        logistic.hvp((np.ones(4), 1.0), **data)
    with pytest.raises(InputError, match="no input called 'v_w'"):
        logistic.hvp((np.ones(3), 1.0), **data, v_w=1.0)


# ---- source, cache, saved modules ----------------------------------------------------------------------------


def test_source_is_readable(logistic: Kernel) -> None:
    source = logistic.source
    assert "# a[i] := sum over j < d of" in source
    assert "# z[i] := b + a[i]" in source
    assert "np.dot(X, w)" in source
    assert max(map(len, source.splitlines())) <= 140
    assert "float32" not in source
    compile(source, "kernel", "exec")


def test_the_same_source_is_compiled_once(cache: Path) -> None:
    text = "x: real[n]; sum(exp(-x^2))"
    one, two = kernel(text, wrt="x"), kernel(text, wrt="x")
    one(x=[1.0])
    before = sorted(cache.glob("*.py"))
    two(x=np.arange(3))
    assert sorted(cache.glob("*.py")) == before
    assert one._get("gradient").function is two._get("gradient").function
    assert len(one._get("gradient").function.signatures) == 1


SECOND_PROCESS = """
import sys
import chainrule as cr
assert "numba" not in sys.modules
k = cr.kernel("x: real[n]; sum(tanh(x)^2)", wrt="x")
print(k(x=[1.0, 2.0])[0], sum(k._get("gradient").function.stats.cache_hits.values()))
"""


def test_a_second_process_does_not_compile() -> None:
    value, hits = run_python(SECOND_PROCESS).split()
    again, more = run_python(SECOND_PROCESS).split()
    assert value == again
    assert (hits, more) == ("0", "1")


def test_a_tampered_file_is_rewritten(cache: Path) -> None:
    k = kernel("x: real[n]; sum(x^4)", wrt="x")
    module = sys.modules[k._get("gradient").function.__module__]
    path = Path(module.__file__ or "")
    assert path.parent == cache
    original = path.read_text()
    path.write_text(original.replace("4", "5"))
    digest = next(key for key, loaded in build._loaded.items() if loaded is module)
    del build._loaded[digest]
    assert kernel("x: real[n]; sum(x^4)", wrt="x")(x=[2.0])[0] == 16.0
    assert path.read_text() == original


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions are those of POSIX")
def test_a_folder_that_others_can_write_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o777)
    monkeypatch.setenv(build.CACHE_VARIABLE, str(folder))
    with pytest.raises(InputError) as caught:
        build.cache_folder()
    assert "other users can write to it (mode 777)" in str(caught.value)
    assert "CHAINRULE_CACHE_DIR" in str(caught.value)
    monkeypatch.setenv(build.CACHE_VARIABLE, str(tmp_path / "new" / "kernels"))
    assert build.cache_folder().stat().st_mode & 0o777 == 0o700
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(build.CACHE_VARIABLE, str(file))
    with pytest.raises(InputError, match="cannot be kept"):
        build.cache_folder()


def test_pickling(logistic: Kernel, data: Values) -> None:
    copy = pickle.loads(pickle.dumps(logistic))
    assert repr(copy) == repr(logistic)
    assert "X: real[n, d]" in repr(copy)
    assert copy.source == logistic.source
    assert copy.value(**data) == logistic.value(**data)
    np.testing.assert_array_equal(copy.hessian(**data)[0][0], logistic.hessian(**data)[0][0])


SAVED = """
import importlib.util, sys
if sys.argv[1] == "without":
    found = importlib.util.find_spec
    importlib.util.find_spec = lambda name, *rest: None if name == "scipy" else found(name, *rest)
import my_kernel, numpy as np
assert "chainrule" not in sys.modules and "sympy" not in sys.modules
X, y, w = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]]), [0, 1, 1], [0.5, -0.25]
value, dw, db = my_kernel.value_and_gradient(X, y, w, 0.1)
print(repr(value), dw.tolist(), db, my_kernel.value(X, y, w, 0.1))
try:
    my_kernel.value(X, [1, 2], w, 0.1)
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("scipy", ["with", "without"])
def test_saved_modules_stand_alone(logistic: Kernel, tmp_path: Path, scipy: str) -> None:
    logistic.save(tmp_path / "my_kernel.py")
    text = (tmp_path / "my_kernel.py").read_text()
    imports = {line.split()[1].split(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imports == {"importlib", "math", "numpy", "numba"}
    printed, message = run_python(SAVED, scipy, folder=tmp_path).splitlines()
    X, y, w = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.0]]), np.array([0.0, 1.0, 1.0]), np.array([0.5, -0.25])
    value, (dw, db) = logistic(X=X, y=y, w=w, b=0.1)
    assert printed == f"{value!r} {dw.tolist()} {db} {logistic.value(X=X, y=y, w=w, b=0.1)}"
    assert message == "axis 0 of y has length 2, expected n = 3"


def test_saved_modules_have_second_derivatives(tmp_path: Path) -> None:
    k = kernel("x: real[n]; sum(x^3)", wrt="x", order=2)
    k.save(tmp_path / "cubes.py")
    code = "import cubes; print(*(x.tolist() for x in cubes.value_gradient_and_hessian([1.0, 2.0])[1:]))"
    assert run_python(code, folder=tmp_path) == "[3.0, 12.0] [[6.0, 0.0], [0.0, 12.0]]"


def test_products_without_blas(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    for one, two in (((3,), (3,)), ((4, 3), (3,)), ((4,), (4, 3)), ((2, 3), (3, 4))):
        a, b = rng.normal(size=one), rng.normal(size=two)
        assert dot._chosen(a, b) is dot._by_blas
        monkeypatch.setattr(dot, "SCIPY", False)
        np.testing.assert_allclose(dot._chosen(a, b)(a, b), a @ b, rtol=1e-13)
        monkeypatch.setattr(dot, "SCIPY", True)


def test_importing_chainrule_does_not_import_numba() -> None:
    code = "import sys, chainrule as cr; cr.formula('x: real[n]; sum(x)'); cr.kernel; print('numba' in sys.modules)"
    assert run_python(code) == "False"
