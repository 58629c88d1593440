"""Gauss-Newton and Fisher matrices against J.T H J from JAX and closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats
from support import check_steps

import chainrule as cr

jax.config.update("jax_enable_x64", True)

RNG = np.random.default_rng(4)
X, W, V = RNG.standard_normal((5, 3)), RNG.standard_normal((3, 4)), RNG.standard_normal(4)
w, y = RNG.standard_normal(3), RNG.standard_normal(5)
LABELS = np.array([0.0, 1.0, 1.0, 0.0, 1.0])
LINEAR = "X: real[n, d]; y: real[n]; w: real[d]; "


def gauss_newton(model, loss, at):
    """J.T H J by automatic differentiation."""
    z = model(at)
    jacobian = jax.jacobian(model)(at).reshape(z.size, -1)
    bend = jax.hessian(loss)(z).reshape(z.size, z.size)
    return (jacobian.T @ bend @ jacobian).reshape(at.shape + at.shape)


@pytest.mark.parametrize(("formula", "variable", "values", "model", "loss"), [
    (LINEAR + "mean((y - X@w)^2)", "w", {"X": X, "y": y, "w": w}, lambda w: X @ w, lambda z: jnp.mean((y - z) ** 2)),
    (LINEAR + "mean((y - exp(X@w))^2)", "w", {"X": X, "y": y, "w": w}, lambda w: X @ w,
     lambda z: jnp.mean((y - jnp.exp(z)) ** 2)),
    (LINEAR + "sum(log(cosh(tanh(X@w) - y)))", "w", {"X": X, "y": y, "w": w}, lambda w: X @ w,
     lambda z: jnp.sum(jnp.log(jnp.cosh(jnp.tanh(z) - y)))),
    ("X: real[n, d]; y: real[n]; W: real[d, h]; v: real[h]; mean((tanh(X@W)@v - y)^4)", "W",
     {"X": X, "y": y, "W": W, "v": V}, lambda W: jnp.tanh(X @ W) @ V, lambda z: jnp.mean((z - y) ** 4)),
    ("X: real[n, d]; Y: onehot[n, k]; W: real[d, k]; -mean(sum(Y*log(softmax(X@W, axis=1)), axis=1))", "W",
     {"X": X, "Y": np.eye(4)[[0, 2, 1, 3, 3]], "W": W}, lambda W: X @ W,
     lambda z: -jnp.mean(jnp.sum(jnp.eye(4)[jnp.array([0, 2, 1, 3, 3])] * jax.nn.log_softmax(z, axis=1), axis=1))),
])  # fmt: skip
def test_gauss_newton(formula, variable, values, model, loss) -> None:
    derivation = cr.gauss_newton(formula, variable)
    found = derivation.result[variable].evaluate(**values)
    np.testing.assert_allclose(found, gauss_newton(model, loss, values[variable]), rtol=1e-9, atol=1e-12)
    assert check_steps(derivation.context, derivation.steps, values)


def test_through_chooses_the_output_of_the_model() -> None:
    """Through the residuals of a linear model or its predictions: the same matrix; through exp(z), another."""
    formula = LINEAR + "z = X@w; p = exp(z); mean((y - p)^2)"
    assert cr.gauss_newton(formula, "w", through="p").result["w"].matrix() == "2/n*X.T @ diag(p**2) @ X"
    assert cr.gauss_newton(formula, "w", through="z").result["w"] != cr.gauss_newton(
        formula, "w", through="p"
    ).result["w"]


def test_blocks_of_two_variables() -> None:
    formula = "X: real[n, d]; y: {0,1}[n]; w: real[d]; b: real; p = sigmoid(X@w + b); -sum(y*log(p) + (1-y)*log(1-p))"
    results = cr.fisher(formula, "w,b", over="y").result
    assert {key: result.matrix() for key, result in results.items()} == {
        "w": "X.T @ diag(p*(1 - p)) @ X", "w,b": "X.T @ (p*(1 - p))", "b,w": "X.T @ (p*(1 - p))", "b": "p @ (1 - p)",
    }  # fmt: skip


@pytest.mark.parametrize(("loss", "weights"), [
    ("sum(exp(X@w) - y*(X@w))", lambda z: np.exp(z)),
    ("sum((y - X@w)^2)/2", lambda z: np.ones_like(z)),
    ("-sum(y*log(sigmoid(X@w)) + (1-y)*log(1 - sigmoid(X@w)))", lambda z: special.expit(z) * special.expit(-z)),
    ("-sum(y*log(normcdf(X@w)) + (1-y)*log(normcdf(-X@w)))",
     lambda z: stats.norm.pdf(z) ** 2 / (stats.norm.cdf(z) * stats.norm.cdf(-z))),
    ("sum(y*exp(-X@w) + X@w)", lambda z: np.ones_like(z)),
])  # fmt: skip
def test_fisher_information_of_generalised_linear_models(loss, weights) -> None:
    """``X.T diag(weights) X``: McCullagh and Nelder, Generalized Linear Models (1989), section 2.5."""
    derivation = cr.fisher("X: real[n, d]; y: {0,1}[n]; w: real[d]; " + loss, "w", over="y")
    values = {"X": X, "y": LABELS, "w": w}
    want = X.T @ np.diag(weights(X @ w)) @ X
    np.testing.assert_allclose(derivation.result["w"].evaluate(**values), want, rtol=1e-9)
    np.testing.assert_allclose(derivation.result["w"].evaluate(**{**values, "y": 1 - LABELS}), want, rtol=1e-9)
    assert check_steps(derivation.context, derivation.steps, values)
    assert cr.Derivation.from_json(derivation.to_json()).text() == derivation.text()


@pytest.mark.parametrize(("call", "message"), [
    (lambda: cr.gauss_newton(LINEAR + "sum(w^2) + sum((X@w - y)^2)", "w", through="z"), "do not all act through z"),
    (lambda: cr.gauss_newton("a: real; a^2", "a"), "no array that all variables act through"),
    (lambda: cr.fisher(LINEAR + "sum((y - X@w)^4)", "w", over="y"), "not linear in y, entry by entry"),
    (lambda: cr.fisher(LINEAR + "sum((y - X@w)^2)", "w", over="t"), "t is not an input"),
])  # fmt: skip
def test_refusals(call, message) -> None:
    with pytest.raises(cr.ChainruleError, match=message):
        call()
