"""A network on scikit-learn's digits from end to end, on derived kernels, beside scikit-learn's own.

Linear algebra is the stack of layers, calculus its derived gradient, optimisation Adam on mini-batches, probability
the softmax with its cross-entropy, and the temperature that calibrates it.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.learning.chart import Chart
from chainrule.learning.data_sets import data_set
from chainrule.learning.explanation import Demonstration
from chainrule.learning.layers.network import Network, network
from chainrule.learning.training.calibration import Reliability, diagram, reliability, temperature
from chainrule.learning.training.minibatch import Keep, Training, train

Array = npt.NDArray[np.float64]
LAYERS, LOSS = "64 -> 32 relu -> 10 softmax", "cross_entropy"
BATCH, RATE = 32, 0.003
#: Grey levels of a pixel.
LEVELS = 16


@dataclass(frozen=True)
class Setting:
    """How a network is trained.

    Attributes:
        fitted, chosen: shares of the images that are trained on, and that choose epoch and temperature; the others
            are the test.
        epochs: how often every image is seen.
        keep: which epoch's weights are kept.
    """

    fitted: float
    chosen: float
    epochs: int
    keep: Keep


#: Most images, and the epoch that does best on others; few images for a long time, which makes a network too sure.
MOST = Setting(0.6, 0.2, 60, "best")
FEW = Setting(0.1, 0.4, 200, "last")


@dataclass(frozen=True, eq=False)
class Part:
    """Some images with their digits."""

    X: Array
    labels: npt.NDArray[np.int64]

    @property
    def given(self) -> Mapping[str, Any]:
        """The inputs of the network's loss."""
        return {"X": self.X, "Y": np.eye(10)[self.labels]}


@dataclass(frozen=True, eq=False)
class Digits:
    """A trained network with what was measured.

    Attributes:
        net: the network.
        training: the training.
        fitted, chosen: how many images it was trained on, and chosen by.
        test: the images that it has not seen.
        temperature: what its logits are divided by.
        raw, calibrated: its probabilities on the test, before and after.
    """

    net: Network
    training: Training
    fitted: int
    chosen: int
    test: Part
    temperature: float
    raw: Reliability
    calibrated: Reliability


def parts(seed: int, setting: Setting) -> tuple[Part, Part, Part]:
    """The images, pixels scaled to between 0 and 1, in three parts."""
    found = data_set("digits")
    order = np.random.default_rng(seed).permutation(len(found.labels))
    ends = [int(setting.fitted * len(order)), int((setting.fitted + setting.chosen) * len(order))]
    first, second, third = (
        Part(found.features[rows] / LEVELS, found.labels[rows]) for rows in np.split(order, ends)
    )
    return first, second, third


@lru_cache(maxsize=4)
def trained(seed: int, setting: Setting = MOST) -> Digits:
    """The network trained and calibrated."""
    fitted, chosen, test = parts(seed, setting)
    net = network(LAYERS, LOSS)
    training = train(
        net.formula, data=fitted.given, held_out=chosen.given, batch=BATCH, epochs=setting.epochs, rate=RATE,
        start=net.initial(seed, "preserving"), seed=seed, keep=setting.keep,
    )  # fmt: skip
    T = temperature(logits(net, training, chosen.X), chosen.labels)
    Z = logits(net, training, test.X)
    raw, calibrated = (reliability(softmax(Z / t), test.labels) for t in (1.0, T))
    return Digits(net, training, len(fitted.labels), len(chosen.labels), test, T, raw, calibrated)


def logits(net: Network, training: Training, X: Array) -> Array:
    """The last product of the network, for some images."""
    return np.asarray(net.logits.evaluate(X=X, **training.values))


def softmax(Z: Array) -> Array:
    """Rows of probabilities."""
    powers = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def demonstration(seed: int) -> Demonstration:
    """The network beside scikit-learn's of the same layers, trained in the same way."""
    return measured(seed, MOST)


def sureness(seed: int) -> Demonstration:
    """The same after few images, before and after the temperature."""
    return measured(seed, FEW)


def measured(seed: int, setting: Setting) -> Demonstration:
    """Accuracy, likelihood, Brier score and calibration error on the images that were held out."""
    found, theirs = trained(seed, setting), scikit_learn(seed, setting)
    rows = [("chainrule", found.raw), (f"at T = {found.temperature:.3f}", found.calibrated), ("scikit-learn", theirs)]
    lines = [
        f"network   {LAYERS}, {found.net.count()} parameters",
        f"images    {found.fitted} trained on, {found.chosen} to choose by, {len(found.test.labels)} to measure by",
        *found.training.text().splitlines(),
        "",
        "              accuracy  log-likelihood   Brier  calibration error",
        *(f"{name:<13}{r.right:9.4f}{-r.nll:16.4f}{r.brier:8.4f}{r.error:19.4f}" for name, r in rows),
    ]
    numbers = {"accuracy": found.raw.right, "accuracy of scikit-learn": theirs.right, "temperature": found.temperature,
               "nll": found.raw.nll, "nll at T": found.calibrated.nll, "error": found.raw.error,
               "error at T": found.calibrated.error, "Brier": found.raw.brier, "Brier at T": found.calibrated.brier}
    return Demonstration("\n".join(lines), numbers)


def scikit_learn(seed: int, setting: Setting) -> Reliability:
    """``MLPClassifier`` with the same layers, batches, rate and epochs, on the same images."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    fitted, _, test = parts(seed, setting)
    model = MLPClassifier((32,), alpha=0, batch_size=BATCH, learning_rate_init=RATE, max_iter=setting.epochs,
                          random_state=seed)  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(fitted.X, fitted.labels)
    return reliability(model.predict_proba(test.X), test.labels)


def losses() -> Chart:
    """The loss by epoch, on the images trained on and on others."""
    return trained(0).training.chart()


def picture() -> Chart:
    """The reliability diagram before and after the temperature."""
    found = trained(0, FEW)
    return diagram([("T = 1", found.raw), (f"T = {found.temperature:.2f}", found.calibrated)])
