"""Networks in the short notation, their backpropagation, and matrix products entry by entry."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError, ShapeError
from chainrule.learning.explanation import TOLERANCE
from chainrule.learning.layers import backward, products
from chainrule.learning.layers.initial import mean_square

WIDTHS = {"d": 4, "h": 5, "k": 3}
#: Networks, losses, declarations, and the same in JAX: activations layer by layer and the loss of logits and output.
NETWORKS: tuple[tuple[str, str | None, str, tuple[Any, ...], Any], ...] = (
    ("4 -> 6 tanh -> 5 relu -> 3 softmax", "cross_entropy", "", (jnp.tanh, jax.nn.relu, jax.nn.softmax),
     lambda z, a, y: -jnp.mean(jnp.sum(y * jax.nn.log_softmax(z), axis=1))),
    ("d -> h z*sigmoid(1.5*z) -> 1", "mse", "", (lambda z: z * jax.nn.sigmoid(1.5 * z), lambda z: z),
     lambda z, a, y: jnp.mean((a - y) ** 2)),
    ("d -> h leaky_relu(z, 0.2) -> k sigmoid", "cross_entropy", "",
     (lambda z: jax.nn.leaky_relu(z, 0.2), jax.nn.sigmoid),
     lambda z, a, y: -jnp.mean(jnp.sum(y * jnp.log(a) + (1 - y) * jnp.log(1 - a), axis=1))),
    ("d -> h softmax -> k exp(-z^2)", "huber", "", (jax.nn.softmax, lambda z: jnp.exp(-(z**2))),
     lambda z, a, y: jnp.mean(jnp.where(jnp.abs(a - y) < 1, (a - y) ** 2 / 2, jnp.abs(a - y) - 0.5))),
    ("3 -> h -> k gelu", "e = output - y; sum(e^4)/n + 0.1*sum(logits)", "",
     (lambda z: z, lambda z: jax.nn.gelu(z, approximate=False)),
     lambda z, a, y: jnp.sum((a - y) ** 4) / len(y) + 0.1 * jnp.sum(z)),
    ("1 -> 5 softplus -> 5 arctan -> 1", "mae", "", (jax.nn.softplus, jnp.arctan, lambda z: z),
     lambda z, a, y: jnp.mean(jnp.abs(a - y))),
)  # fmt: skip
BY_NETWORK = pytest.mark.parametrize(("text", "loss", "given", "activations", "value"), NETWORKS,
                                     ids=[row[0] for row in NETWORKS])  # fmt: skip


def points(net: cr.Network, seed: int, rows: int) -> dict[str, Any]:
    """Random values for everything that a network reads."""
    rng = np.random.default_rng(seed)
    made = net.initial(seed, sizes=WIDTHS)
    made = {name: value + 0.1 * rng.normal(size=value.shape) for name, value in made.items()}
    first, last = made["W1"].shape[0], made[net.parameters[-1]].shape[0]
    made["X"] = rng.normal(size=(rows, first))
    domain = {item.name: item.domain.name for item in net.objective.inputs}
    if domain.get("Y") == "onehot":
        made["Y"] = np.eye(last)[rng.integers(last, size=rows)]
    elif "Y" in domain:
        made["Y"] = rng.uniform(0.1, 0.9, size=(rows, last))
    return made


@BY_NETWORK
def test_gradients_are_those_of_jax(
    text: str, loss: str, given: str, activations: tuple[Any, ...], value: Any
) -> None:
    net = cr.network(text, loss, given)

    def in_jax(parameters: dict[str, Any], x: Any, y: Any) -> Any:
        z = a = x
        for number, activation in enumerate(activations, start=1):
            z = a @ parameters[f"W{number}"] + parameters[f"b{number}"]
            a = activation(z)
        return value(z, a, y)

    derived = net.gradient().result
    with jax.enable_x64(True):
        arrays = points(net, 0, 7)
        parameters = {name: jnp.asarray(arrays[name]) for name in net.parameters}
        wanted, slopes = jax.value_and_grad(in_jax)(parameters, arrays["X"], arrays["Y"])
        assert net.formula.evaluate(**arrays) == pytest.approx(float(wanted), rel=1e-10)
        for name in net.parameters:
            np.testing.assert_allclose(derived[name].evaluate(**arrays), slopes[name], rtol=1e-8, atol=1e-11)


@BY_NETWORK
def test_every_line_of_backpropagation_holds(
    text: str, loss: str, given: str, activations: tuple[Any, ...], value: Any
) -> None:
    told = cr.network(text, loss, given).explain()
    evidence = told.evidence()
    assert len(evidence) == 3 * len(activations) + 1
    assert max(item.difference for item in evidence) < TOLERANCE
    assert r"\begin{document}" in told.latex(document=True)


def test_the_recursion_is_printed_layer_by_layer() -> None:
    text = cr.network("4 -> 16 tanh -> 16 relu -> 3 softmax", loss="cross_entropy").explain().text()
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "delta3 = dL/dz3 = (softmax(z3, axis=1) - Y)/n The loss, differentiated by the last product.",
        "dL/dW3 = a2.T @ delta3 Shape (16, 3).",
        "delta2 = dL/dz2 = where(z2 > 0, 1, 0)*(delta3 @ W3.T)",
        "delta1 = dL/dz1 = (1 - a1**2)*(delta2 @ W2.T)",
        "in all = 403",
    ):
        assert line in lines


def test_backpropagation_is_derived_for_any_activations() -> None:
    told = cr.explain("backpropagation")
    assert isinstance(told, cr.Explanation)
    assert max(item.difference for item in told.evidence()) < TOLERANCE
    lines = [" ".join(line.split()) for line in told.text().splitlines()]
    assert "delta3 = dL/dz3 = G*phi3'(z3) The adjoint, through the layer." in lines
    assert "delta2 = dL/dz2 = phi2'(z2)*(delta3 @ W3.T)" in lines


def test_a_wrong_line_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = backward.Layer.activated
    told = cr.network("3 -> 4 tanh -> 2", "mse")
    story = backward.Story(told)
    story.bench  # noqa: B018 -- the network is as it should be; what is told of it is not
    monkeypatch.setattr(backward.Layer, "activated", lambda self, z: layer(self, z).replace("tanh", "sin"))
    moves = [*story.backward()]
    bad = {move.left[-1].text for move in moves if move.difference and move.difference() > TOLERANCE}
    assert bad == {"dL/dz1", "dL/dW1", "dL/db1", "dL/dX"}


def test_without_a_loss_an_adjoint_flows_back() -> None:
    net = cr.network("d -> k z*sigmoid(z)")
    rng = np.random.default_rng(0)
    arrays = {"X": rng.normal(size=(5, 4)), "W1": rng.normal(size=(4, 3)), "b1": rng.normal(size=3)}
    adjoint = rng.normal(size=(5, 3))
    z = arrays["X"] @ arrays["W1"] + arrays["b1"]
    s = 1 / (1 + np.exp(-z))
    np.testing.assert_allclose(net.output.evaluate(**arrays), z * s)
    _, (by_input, by_weights, by_bias) = net.kernel()(**arrays, G=adjoint)
    delta = adjoint * s * (1 + z * (1 - s))
    np.testing.assert_allclose(by_input, delta @ arrays["W1"].T)
    np.testing.assert_allclose(by_weights, arrays["X"].T @ delta)
    np.testing.assert_allclose(by_bias, delta.sum(axis=0))
    with pytest.raises(ShapeError):
        net.kernel()(**arrays, G=adjoint[:, :2])


def test_the_formula_is_a_formula_like_any() -> None:
    net = cr.network("2 -> 3 tanh -> 1", loss="mse")
    assert cr.verify(net.formula, wrt="b2", claim="2/n*sum(a1 @ W2 + b2 - Y, axis=0)").verdict == "proved"
    assert "z2" in cr.graph(net.formula).text()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    fit = cr.fit(net.formula, net.parameters, data={"X": X, "Y": X[:, :1] * X[:, 1:]}, start=net.initial(0), steps=500)
    assert fit.losses[-1] < 0.2 * fit.losses[0]


def test_losses_of_the_catalogue_are_losses_of_networks() -> None:
    named = cr.network("d -> k softmax", loss="categorical_cross_entropy")
    own = cr.network("d -> k softmax", loss="cross_entropy", given="Y: simplex[n, k]")
    arrays = {**points(own, 0, 6), "Y": np.full((6, 3), 1 / 3)}
    assert named.formula.evaluate(**arrays) == pytest.approx(own.formula.evaluate(**arrays), rel=1e-12)


def test_losses_with_numbers_of_their_own_declare_them() -> None:
    net = cr.network("d -> 1", loss="quantile_loss")
    arrays = {"X": [[1.0], [2.0]], "W1": [[1.0]], "b1": [0.0], "Y": [[3.0], [0.0]], "tau": 0.25}
    assert net.formula.evaluate(**arrays) == pytest.approx((0.25 * 2 + 0.75 * 2) / 2)
    assert max(item.difference for item in net.explain().evidence()) < TOLERANCE


def test_an_activation_of_whole_rows_has_no_slope() -> None:
    text = cr.network("4 -> 3 z - mean(z, axis=1, keepdims=True) -> 2", "mse").explain().text()
    assert "its slope" not in text
    assert "mixes entries" in text


def test_cross_entropy_does_not_overflow() -> None:
    net = cr.network("1 -> 2 softmax", loss="cross_entropy")
    assert net.formula.evaluate(X=[[1e4]], W1=[[1.0, -1.0]], b1=[0.0, 0.0], Y=[[0.0, 1.0]]) == 2e4


@pytest.mark.parametrize(
    ("scheme", "variance"), [("glorot", 2 / 700), ("he", 2 / 400), ("lecun", 1 / 400), ("preserving", 2 / 400)]
)
def test_weights_start_with_the_variance_of_the_scheme(scheme: str, variance: float) -> None:
    net = cr.network("200 -> 400 relu -> 300 relu -> 2")
    start = net.initial(3, scheme)
    assert start["W2"].var() == pytest.approx(variance, rel=0.05)
    assert not start["b2"].any()
    np.testing.assert_array_equal(start["W2"], net.initial(3, scheme)["W2"])
    assert not np.array_equal(start["W2"], net.initial(4, scheme)["W2"])


def test_the_mean_square_of_an_activation_is_that_of_a_sample() -> None:
    z = np.random.default_rng(0).normal(size=400_000)
    net = cr.network("1 -> 1 relu -> 1 tanh -> 1 z*sigmoid(z)")
    for layer, values in zip(net.layers, (np.maximum(z, 0), np.tanh(z), z / (1 + np.exp(-z))), strict=True):
        assert mean_square(layer) == pytest.approx(float(np.mean(values**2)), rel=0.01)


@pytest.mark.parametrize(
    ("text", "loss", "words"),
    [("4", None, "a width and a layer"), ("4 -> tanh", None, "has no width"), ("4 -> 3 tahn", None, "tanh"),
     ("4 relu -> 3", None, "a width only"), ("4 -> 0 relu", None, "from 1 on"), ("4 -> 3 sum(z)", None, "shape"),
     ("n -> 3", None, "something called n"), ("4 -> 3 2*beta", None, "does not depend on z"),
     ("4 -> 3 tanh", "cross_entropy", "softmax or sigmoid"), ("4 -> 3", "mean(y)", "does not depend"),
     ("4 -> 3", "output - y", "one number"), ("4 -> 3", "mze", "mse"), ("4 -> 3 z +", None, "operand is missing")],
)  # fmt: skip
def test_mistakes_in_networks_are_answered(text: str, loss: str | None, words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.network(text, loss)
    assert words in str(caught.value)


def test_the_command_prints_and_compiles_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["network", "2 -> 3 tanh -> 2 softmax", "--loss", "cross_entropy"]
    assert run([*command, "--check"]) == 0
    assert "delta1 = dL/dz1 = (1 - a1**2)*(delta2 @ W2.T)" in capsys.readouterr().out
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"]["count"] == "17"
    assert run([*command, "--formula"]) == 0
    assert cr.formula(capsys.readouterr().out) == cr.network(command[1], "cross_entropy").formula
    assert run([*command, "-o", str(tmp_path / "net.py")]) == 0
    module = runpy.run_path(str(tmp_path / "net.py"))
    net = cr.network(command[1], "cross_entropy")
    arrays = points(net, 0, 4)
    value, *gradients = module["value_and_gradient"](**arrays)
    assert value == pytest.approx(net.formula.evaluate(**arrays))
    for name, gradient in net.gradient().result.items():
        np.testing.assert_allclose(gradients[net.parameters.index(name)], gradient.evaluate(**arrays), rtol=1e-12)
    assert run(["network", "2 -> 3 tahn"]) == 2


# ---- products ---------------------------------------------------------------------------------------------------

EXPRESSIONS = ("X @ W", "A @ B @ x", "X.T @ X", "tanh(X @ W + b)", "u @ v", "x @ A", "(A + B) @ x/2", "-(A @ x)",
               "2*(A.T @ B).T", "X: real[2, 4]; X @ w")  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_products_are_written_out_and_every_line_holds(text: str) -> None:
    told = cr.entries(text)
    evidence = told.evidence()
    assert evidence
    assert max(item.difference for item in evidence) < TOLERANCE
    assert told.latex()


def test_the_products_of_the_introduction() -> None:
    lines = [" ".join(line.split()) for line in cr.explain("matrix_product").text().splitlines()]
    assert "output[i,j] = sum_k X[i,k] W[k,j] Shapes: (3, 3) @ (3, 2) = (3, 2)." in lines
    assert "output[0,0] = 1.5*0.5 + 2.3*0.2 + 0.8*0.7 = 1.77" in lines
    assert "output = [[1.77, 2.37], [2.27, 2.27], [1.34, 2.48]] Their sum." in lines


def test_entries_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    A, B, x = rng.integers(-9, 9, size=(2, 3)) / 8, rng.integers(-9, 9, size=(3, 3)), rng.integers(-9, 9, size=3)
    told = cr.entries("y = A @ B.T @ x", A=A, B=B, x=x)
    last = {move.left[0].text: float(move.right.text) for part in told.parts for move in part.moves
            if move.left[0].text in ("y[0]", "y[1]") and move.difference}  # fmt: skip
    np.testing.assert_allclose([last["y[0]"], last["y[1]"]], A @ B.T @ x)


@pytest.mark.parametrize(
    ("text", "arrays", "words"),
    [("X @ W", {"X": [[1, 2]], "W": [[1, 2]]}, "axis of length 2"), ("X @", {}, "operand is missing"),
     ("X @ softmax(W)", {}, "no function of one number"), ("X @ W", {"X": "q"}, "no array of numbers"),
     ("X @ W", {"Z": 1}, "no variable Z"), ("X @ W", {"X": [[1] * 70]}, "70 entries"),
     ("X @ 2", {}, "multiplies a scalar"), ("sum(X @ W, axis=0)", {}, "not written out"), ("X", {}, "no product")],
)  # fmt: skip
def test_mistakes_in_products_are_answered(text: str, arrays: dict[str, Any], words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.entries(text, **arrays)
    assert words in str(caught.value)


def test_a_product_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = products.applied
    monkeypatch.setattr(products, "applied", lambda node, arrays: right(node, arrays) + 1)
    assert max(item.difference for item in cr.entries("A @ B").evidence()) > TOLERANCE


def test_the_command_writes_products_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["entries", "X @ w", "--at", "X=[[1.5, 2], [3, 4]]", "--at", "w=[10, 1]", "--check"]) == 0
    assert "P[0] = 1.5*10 + 2*1 = 17 " in capsys.readouterr().out
    assert run(["entries", "X +"]) == 2
    with pytest.raises(ChainruleError):
        cr.entries("2 = X @ W")
