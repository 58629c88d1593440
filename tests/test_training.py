"""Training on mini-batches, calibration, and the network on digits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from scipy import optimize
from sklearn.metrics import brier_score_loss, log_loss

import chainrule as cr
from chainrule.derive.errors import ChainruleError
from chainrule.learning.explanation import TOLERANCE
from chainrule.learning.fitting.descent import ADAM
from chainrule.learning.training import calibration, digits, told

LINE = "x, y: real[n]; w: real; b: real; lam: nonnegative; mean((w*x + b - y)^2) + lam*w^2"


def softmax(Z: np.ndarray) -> np.ndarray:
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_the_steps_are_those_of_adam() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 10))
    found = cr.train(LINE, ["w", "b"], data={"x": x, "y": y, "lam": 0.1}, batch=4, epochs=3, rate=0.05, seed=7)
    order = np.random.default_rng(7)
    point, m, v, count = np.zeros(2), np.zeros(2), np.zeros(2), 0
    for _ in range(3):
        rows = order.permutation(10)
        for batch in (rows[:4], rows[4:8], rows[8:]):
            rest = point[0] * x[batch] + point[1] - y[batch]
            slope = np.array([2 * np.mean(rest * x[batch]) + 0.2 * point[0], 2 * np.mean(rest)])
            count += 1
            m, v = ADAM[0] * m + (1 - ADAM[0]) * slope, ADAM[1] * v + (1 - ADAM[1]) * slope**2
            point = point - 0.05 * (m / (1 - ADAM[0] ** count)) / (np.sqrt(v / (1 - ADAM[1] ** count)) + ADAM[2])
    np.testing.assert_allclose([found.values["w"], found.values["b"]], point, rtol=1e-12)


def test_the_best_epoch_on_rows_held_out_is_kept() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 8))
    apart = {"x": rng.normal(size=8), "y": rng.normal(size=8), "lam": 0.0}
    options: dict[str, Any] = {"data": {"x": x, "y": y, "lam": 0.0}, "held_out": apart, "epochs": 60, "rate": 0.05}
    best, last = (cr.train(LINE, ["w", "b"], keep=keep, **options) for keep in ("best", "last"))
    formula = cr.formula(LINE)
    assert formula.evaluate(**apart, **best.values) == pytest.approx(min(best.held_out), rel=1e-12)
    assert formula.evaluate(**apart, **last.values) == pytest.approx(last.held_out[-1], rel=1e-12)
    assert (best.epoch, last.epoch) == (int(np.argmin(best.held_out)) + 1, 60)
    assert best.epoch < 60
    assert [item.label for item in best.chart().series] == ["trained on", "held out"]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"batch": 0}, "counted from 1"), ({"rate": 0.0}, "above zero"), ({"rows": "m"}, "rows of number m"),
     ({"data": {"x": [1.0]}}, "no values for y"), ({"data": {"x": [1.0], "y": [1.0], "w": 2}}, "beside the unknowns"),
     ({"rate": 1e200, "epochs": 5}, "no longer finite")],
)  # fmt: skip
def test_mistakes_in_training_are_answered(options: dict[str, Any], words: str) -> None:
    text = "x, y: real[n]; w: real; mean((w*x - y)^2)"
    with pytest.raises(ChainruleError) as caught:
        cr.train(text, "w", **{"data": {"x": [1.0, 2.0], "y": [2.0, 4.0]}, **options})
    assert words in str(caught.value)


@pytest.fixture(scope="module")
def scored() -> tuple[np.ndarray, np.ndarray]:
    """Logits three times as sure as they should be, and labels."""
    rng = np.random.default_rng(2)
    Z = 2 * rng.normal(size=(3000, 4))
    labels = np.array([rng.choice(4, p=row) for row in softmax(Z)])
    return 3 * Z, labels


def test_the_temperature_is_that_of_scipy(scored: tuple[np.ndarray, np.ndarray]) -> None:
    Z, labels = scored
    found = cr.temperature(Z, labels)
    wanted = optimize.minimize_scalar(lambda T: log_loss(labels, softmax(Z / T)), bounds=(0.5, 9), method="bounded")
    assert found == pytest.approx(wanted.x, rel=1e-5)
    assert found == pytest.approx(3, rel=0.1)


def test_reliability_is_measured(scored: tuple[np.ndarray, np.ndarray]) -> None:
    Z, labels = scored
    P = softmax(Z)
    found = cr.reliability(P, labels)
    assert found.nll == pytest.approx(log_loss(labels, P))
    assert found.brier == pytest.approx(brier_score_loss(labels, P, labels=range(4), scale_by_half=False))
    assert found.right == pytest.approx(np.mean(P.argmax(axis=1) == labels))
    bins = np.minimum((P.max(axis=1) * 10).astype(int), 9)
    sure, right = P.max(axis=1), P.argmax(axis=1) == labels
    gaps = [abs(np.sum(sure[bins == b]) - np.sum(right[bins == b])) for b in np.unique(bins)]
    assert found.error == pytest.approx(sum(gaps) / len(labels))
    after = cr.reliability(softmax(Z / cr.temperature(Z, labels)), labels)
    assert after.error < 0.03 < 0.1 < found.error
    assert after.nll < found.nll
    assert after.brier < found.brier
    assert after.right == found.right
    assert "<svg" in cr.diagram([("before", found), ("after", after)]).svg()


@pytest.mark.parametrize(
    ("call", "words"),
    [(lambda: cr.reliability([[0.5, 0.6]], [0]), "sum to 1"), (lambda: cr.reliability([[0.5, 0.5]], [2]), "from 0"),
     (lambda: cr.reliability([[0.5, 0.5]], [0, 1]), "has a label"),
     (lambda: cr.temperature([[1.0, 2.0]], [1]), "grows as T goes to 0"),
     (lambda: cr.temperature([[1.0, 2.0]], [3]), "labels from 0 on")],
)  # fmt: skip
def test_mistakes_in_calibration_are_answered(call: Any, words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        call()
    assert words in str(caught.value)


@pytest.mark.parametrize("made", [told.all_together, told.calibration])
def test_every_line_holds(made: Any) -> None:
    assert max(item.difference for item in made().evidence()) < TOLERANCE


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [(told, "LIKELIHOOD", "-sum(Y*log_softmax(Z/T^2, axis=1))/n"),
     (told, "SPREAD", "sum(softmax(beta*Z, axis=1)*Z^2)/n"),
     (told, "CURVE", calibration.CURVE + " + log(beta)")],
)  # fmt: skip
def test_a_planted_fault_is_found(module: Any, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told._logits.cache_clear()
    monkeypatch.setattr(module, name, value)
    assert max(item.difference for item in told.calibration().evidence()) > 1e-3
    told._logits.cache_clear()


def test_the_four_parts_are_named() -> None:
    text = told.all_together().text()
    for part in ("Linear algebra:", "Calculus:", "Optimisation:", "Probability:"):
        assert re.search(rf"^{part}", text, re.MULTILINE)
    assert "delta1 = dL/dz1 = where(z1 > 0, 1, 0)*(delta2 @ W2.T)" in text


def test_the_network_reads_digits_as_well_as_scikit_learn() -> None:
    numbers = digits.demonstration(0).numbers
    assert numbers["accuracy"] > 0.96
    assert numbers["accuracy"] > numbers["accuracy of scikit-learn"] - 0.02


def test_a_network_that_is_too_sure_is_calibrated() -> None:
    numbers = digits.sureness(1).numbers
    assert numbers["temperature"] > 1.05
    assert numbers["nll at T"] < numbers["nll"]
    assert numbers["error at T"] < numbers["error"]
