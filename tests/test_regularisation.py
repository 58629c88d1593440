"""Paths of ridge, lasso and other penalties against scikit-learn, and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from sklearn import linear_model

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError
from chainrule.learning.explanation import TOLERANCE
from chainrule.learning.regularisation import effects, examples, shrinkage
from chainrule.learning.regularisation.composite import taken_apart

X, Y, COLUMNS = examples.diabetes()
SCALED, CENTRED = (X - X.mean(axis=0)) / X.std(axis=0), Y - Y.mean()
ELASTIC = (
    "X: real[n, d]; y: real[n]; w: real[d]; b: real; lam: nonnegative; alpha: unit; "
    "mean((y - X @ w - b)^2)/2 + lam*(alpha*sum(|w|) + (1 - alpha)/2*norm(w)^2)"
)
LOGISTIC = (
    "X: real[n, d]; y: binary[n]; w: real[d]; b: real; lam: nonnegative; "
    "z = X @ w + b; mean(softplus(z) - y*z) + lam*norm1(w)"
)
SQUARES = "X: real[n, d]; y: real[n]; w: real[d]; lam: nonnegative; mean((y - X @ w)^2)"
NUCLEAR = "X: real[n, d]; Y: real[n, k]; W: real[d, k]; lam: nonnegative; norm(Y - X @ W)^2 + lam*nuclear_norm(W)"
GROUP = "X: real[n, d]; y: real[n]; w: real[d]; lam: nonnegative; mean((y - X @ w)^2)/2 + lam*norm(w)"


@pytest.fixture(scope="module")
def lasso() -> cr.Path:
    return cr.path("lasso", data={"X": X, "y": Y}, scale=True, names=COLUMNS, count=25)


def test_the_path_of_lasso_is_that_of_scikit_learn(lasso: cr.Path) -> None:
    _, wanted, _ = linear_model.lasso_path(SCALED, CENTRED, alphas=lasso.strengths / 2, tol=1e-12, max_iter=10**6)
    np.testing.assert_allclose(lasso.values, wanted.T, atol=1e-6)


def test_lasso_begins_at_the_largest_product(lasso: cr.Path) -> None:
    assert lasso.largest == pytest.approx(2 * np.max(np.abs(SCALED.T @ CENTRED)) / len(Y), rel=1e-12)
    assert not lasso.values[0].any()
    assert lasso.values[1].any()
    assert max(lasso.entered(), key=lasso.entered().__getitem__) in ("bmi", "s5")


def test_the_path_of_ridge_is_that_of_scikit_learn_and_of_the_closed_form() -> None:
    found = cr.path("ridge", data={"X": X, "y": Y}, scale=True, count=12)
    closed = cr.solve_stationary("ridge", "w").solution["w"]
    assert found.largest is None
    for strength, w in zip(found.strengths, found.values, strict=True):
        model = linear_model.Ridge(alpha=strength * len(Y), fit_intercept=False).fit(SCALED, CENTRED)
        np.testing.assert_allclose(w, model.coef_, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(w, closed.evaluate(X=SCALED, y=CENTRED, lam=strength), rtol=1e-7, atol=1e-9)


def test_an_elastic_net_with_an_intercept_is_that_of_scikit_learn() -> None:
    found = cr.path(ELASTIC, ["w", "b"], data={"X": SCALED, "y": Y, "alpha": 0.3}, count=6)
    for strength, w, b in zip(found.strengths, found.values, found.others["b"], strict=True):
        model = linear_model.ElasticNet(alpha=strength, l1_ratio=0.3, tol=1e-12, max_iter=10**6).fit(SCALED, Y)
        np.testing.assert_allclose(w, model.coef_, atol=1e-6)
        assert b == pytest.approx(model.intercept_, rel=1e-8)
    largest = np.max(np.abs(SCALED.T @ CENTRED)) / len(Y) / 0.3
    assert found.largest == pytest.approx(largest, rel=1e-9)


def test_a_logistic_lasso_meets_its_conditions() -> None:
    labels = (Y > 140) * 1.0
    found = cr.path(LOGISTIC, ["w", "b"], data={"X": SCALED, "y": labels}, count=6)
    for strength, w, b in zip(found.strengths, found.values, found.others["b"], strict=True):
        rest = 1 / (1 + np.exp(-(SCALED @ w + b))) - labels
        pull = -SCALED.T @ rest / len(labels)
        np.testing.assert_allclose(pull[w != 0], strength * np.sign(w)[w != 0], rtol=1e-6)
        assert np.all(np.abs(pull[w == 0]) <= strength * (1 + 1e-9))
        assert abs(rest.mean()) < 1e-9


def test_a_norm_keeps_all_entries_at_zero_together() -> None:
    found = cr.path(GROUP, "w", data={"X": SCALED, "y": CENTRED}, count=5)
    pull = SCALED.T @ CENTRED / len(Y)
    assert found.largest == pytest.approx(np.linalg.norm(pull), rel=1e-12)
    for strength, w in zip(found.strengths[1:], found.values[1:], strict=True):
        slope = -SCALED.T @ (CENTRED - SCALED @ w) / len(Y)
        np.testing.assert_allclose(slope, -strength * w / np.linalg.norm(w), atol=1e-6)


def test_names_of_the_operator_are_free() -> None:
    text = "X: real[n, d]; y: real[n]; x: real[d]; t: nonnegative; mean((X @ x - y)^2) + t*sum(|x|)"
    found = cr.path(text, "x", data={"X": SCALED, "y": CENTRED}, over="t", count=4)
    wanted = cr.path("lasso", data={"X": SCALED, "y": CENTRED}, count=4)
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-9)


def test_a_bound_is_kept() -> None:
    text = "X: real[n, d]; y: real[n]; w: nonnegative[d]; lam: nonnegative; norm(X @ w - y)^2 + lam*norm(w)^2"
    found = cr.path(text, "w", data={"X": SCALED, "y": CENTRED}, strengths=[3000, 100, 1])
    for strength, w in zip(found.strengths, found.values, strict=True):
        tall = np.vstack([SCALED, np.sqrt(strength) * np.eye(SCALED.shape[1])])
        np.testing.assert_allclose(w, optimize.nnls(tall, np.append(CENTRED, np.zeros(10)))[0], atol=1e-6)
    assert (found.values == 0).any()
    assert found.largest is None


def test_parts_of_a_loss_are_taken_apart() -> None:
    found = taken_apart(cr.formula(ELASTIC), ["w", "b"])
    assert found is not None
    assert found.smooth.matrix() == "mean((y - X @ w - b)**2)/2"
    step = found.step.evaluate(v=[-3.0, 0.1, 2.0], t=0.5, lam=1.0, alpha=0.5)
    np.testing.assert_allclose(step, [-2.75 / 1.25, 0, 1.75 / 1.25])
    assert taken_apart(cr.formula("ridge"), ["w"]) is None


EXPLANATIONS = (effects.ridge, effects.lasso, effects.straight_pieces, shrinkage.shrinkage)


@pytest.mark.parametrize("made", EXPLANATIONS, ids=[made.__name__ for made in EXPLANATIONS])
def test_every_line_holds(made: Any) -> None:
    evidence = made().evidence()
    assert len(evidence) > 3
    assert max(item.difference for item in evidence) < TOLERANCE


@pytest.mark.parametrize(
    ("module", "name", "value", "made"),
    [
        (shrinkage, "WEIGHTS", "V @ diag(s/(s + lam)) @ U.T @ y", shrinkage.shrinkage),
        (shrinkage, "DEGREES", "sum(s/(s^2 + lam))", shrinkage.shrinkage),
        (effects, "FIT", "mean((X @ w - y)^2)/2", effects.lasso),
        (effects, "_one", lambda a, b, s: np.sign(b) * max(abs(b) - s, 0) / a, effects.lasso),
        (effects, "augmented", lambda X, y, strength: shrinkage.augmented(X, y, strength / 2), effects.ridge),
    ],
)
def test_a_planted_fault_is_found(
    module: Any, name: str, value: Any, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, name, value)
    assert max(item.difference for item in made().evidence()) > 1e-3


def test_what_is_told_reads_so() -> None:
    lines = [" ".join(line.split()) for line in cr.explain("lasso").text().splitlines()]
    for line in (
        "w[j] = b[j] + lam/2 Where b[j] <= -lam/2.",
        "w[j] = 0 Where -lam/2 <= b[j] <= lam/2.",
        "w = sign(b)*relu(|b| - lam/2) All cases in one: the soft threshold.",
    ):
        assert line in lines
    assert "w = inv(X.T @ X + n*lam*eye(d)) @ X.T @ y" in cr.explain("ridge").text()


def test_steps_look_different_in_every_format() -> None:
    steps = [move.right.latex for part in shrinkage.shrinkage().parts[1:3] for move in part.moves]
    assert len(set(steps)) == len(steps)


def test_degrees_of_freedom_are_measured() -> None:
    numbers = shrinkage.demonstration(1).numbers
    assert max(value for name, value in numbers.items() if name.startswith("gap")) < 1e-10
    assert numbers["df at 0.1"] > numbers["df at 100"] > 0


def test_the_balls_are_touched_where_lasso_and_ridge_lie() -> None:
    series = {item.label: np.array([item.x, item.y]) for item in examples.balls().series}
    corner, on_disc = series["lasso"][:, 0], series["ridge"][:, 0]
    assert np.abs(corner).sum() == pytest.approx(1)
    assert np.linalg.norm(on_disc) == pytest.approx(1)
    assert np.min(np.abs(corner)) < 1e-9 < np.min(np.abs(on_disc))
    assert np.all(np.abs(series["error of lasso"]).sum(axis=0) > 1 - 1e-6)
    assert np.all(np.linalg.norm(series["error of ridge"], axis=0) > 1 - 1e-6)


IRIS = str(Path(__file__).parent.parent / "examples/data/iris.csv")


def test_the_command_follows_a_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--columns", "X=sepal_length,petal_length", "--columns", "y=petal_width"]
    command = ["path", "lasso", "--data", IRIS, *columns, "--scale", "--count", "5"]
    assert run([*command, "--plot", str(tmp_path / "path.svg")]) == 0
    out = capsys.readouterr().out
    assert "w = 0 exactly for lam >= 1.46296" in out
    assert "petal_length" in out
    assert "<svg" in (tmp_path / "path.svg").read_text(encoding="utf-8")
    assert run([*command, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["path"]["values"]) == 5
    assert run(["path", "ridge", "--data", "diabetes", "--scale", "--count", "3"]) == 0
    assert " s6" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [({"over": "mu"}, "no number mu"), ({"data": {"X": [[1.0]]}}, "no values for y"),
     ({"strengths": [-1.0]}, "from 0 on"), ({"count": 1}, "two strengths"), ({"names": ["a"]}, "2 names"),
     ({"data": {"X": [[1.0, 2.0]], "y": [0.0]}, "scale": True}, "constant"),
     ({"data": {"X": [[1.0, 2.0]], "y": [0.0]}}, "zero for every strength"),
     ({"data": {"X": [[1.0, 2.0]], "y": [0.0], "q": 1}}, "no input of the formula"),
     ({"f": SQUARES.replace("X @ w", "tanh(X @ w)") + " + lam*norm1(w)", "wrt": "w"}, "not convex"),
     ({"f": SQUARES, "wrt": "w"}, "does not depend on lam"),
     ({"f": NUCLEAR, "wrt": "W", "data": {"X": [[1.0, 2.0]], "Y": [[1.0, 0.0]]}}, "a sum over the entries"),
     ({"f": f"b: positive; {SQUARES} + b + lam*norm1(w)", "wrt": ["w", "b"]}, "does not keep")],
)  # fmt: skip
def test_mistakes_are_answered(options: dict[str, Any], words: str) -> None:
    data = {"X": [[1.0, 2.0], [2.0, -1.0], [0.5, 1.0]], "y": [1.0, 2.0, 0.0]}
    with pytest.raises(ChainruleError) as caught:
        cr.path(**{"f": "lasso", "data": data, "count": 2, **options})
    assert words in str(caught.value)
