"""Calibration: whether probabilities are what they say, and one temperature that makes them so.

Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks (2017), sections 2 and 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError
from chainrule.learning.chart import Chart, Series
from chainrule.learning.fitting.fit import fit

Array = npt.NDArray[np.float64]
DECLARED = "Z: real[n, k]; Y: onehot[n, k]; T: positive"
#: The negative log-likelihood of labels whose logits are divided by a temperature.
LIKELIHOOD = "-sum(Y*log_softmax(Z/T, axis=1))/n"
#: The same by the inverse of the temperature.
INVERSE = "Z: real[n, k]; Y: onehot[n, k]; beta: positive"
CURVE = "sum(logsumexp(beta*Z, axis=1) - beta*sum(Y*Z, axis=1))/n"
BINS = 10
#: Predictions that a bin has at least in a picture: a share of fewer says little.
SHOWN = 10


@dataclass(frozen=True, eq=False)
class Reliability:
    """How often a prediction is right, by the probability that it was given.

    Attributes:
        count: how many predictions lie in each bin of the largest probability.
        confidence: their mean probability; 0 in an empty bin.
        accuracy: the share of them that is right; 0 in an empty bin.
        brier: the mean over the rows of the squared distance from probabilities to the label.
        nll: the mean negative logarithm of the probability of the label.
    """

    count: Array
    confidence: Array
    accuracy: Array
    brier: float
    nll: float

    @property
    def error(self) -> float:
        """The expected calibration error: the mean distance of accuracy and confidence."""
        return float(np.sum(self.count * np.abs(self.accuracy - self.confidence)) / np.sum(self.count))

    @property
    def right(self) -> float:
        """The share of all predictions that is right."""
        return float(np.sum(self.count * self.accuracy) / np.sum(self.count))

    def line(self, label: str) -> Series:
        """Accuracy by confidence, for a picture."""
        full = self.count >= SHOWN
        return Series(label, tuple(self.confidence[full]), tuple(self.accuracy[full]), "points")


def reliability(probabilities: Any, labels: Sequence[int] | npt.ArrayLike, bins: int = BINS) -> Reliability:
    """How often predictions are right, by the probability that they were given.

    Args:
        probabilities: one row per example, one column per class.
        labels: the class of each row, counted from 0.
        bins: how many intervals of equal width the largest probability is sorted into.

    Raises:
        InputError: shapes that do not fit, or rows that are no distributions.

    Source: Guo et al. (2017), eq. 1 to 5; Brier (1950).

    Example:
        >>> found = reliability([[0.9, 0.1], [0.3, 0.7]], [0, 0])
        >>> round(found.error, 6), found.right
        (0.4, 0.5)
    """
    P = np.asarray(probabilities, dtype=np.float64)
    classes = np.asarray(labels)
    if P.ndim != 2 or classes.shape != P.shape[:1] or not len(P):
        raise InputError("every row of probabilities has a label", expected="arrays (n, k) and (n,)",
                         found=f"{P.shape} and {classes.shape}")  # fmt: skip
    if np.any(P < 0) or np.max(np.abs(P.sum(axis=1) - 1)) > 1e-6:
        raise InputError("rows of probabilities are at least 0 and sum to 1", hint="softmax makes them of logits")
    if bins < 1 or np.any(classes < 0) or np.any(classes >= P.shape[1]):
        raise InputError("labels are classes counted from 0, and there is a bin at least")
    largest, right = P.max(axis=1), P.argmax(axis=1) == classes
    place = np.minimum((largest * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins).astype(np.float64)
    full = np.maximum(count, 1)
    own = P[np.arange(len(P)), classes.astype(int)]
    with np.errstate(divide="ignore"):
        nll = float(-np.mean(np.log(own)))
    onehot = np.eye(P.shape[1])[classes.astype(int)]
    return Reliability(
        count, np.bincount(place, largest, bins) / full, np.bincount(place, right, bins) / full,
        float(np.mean(np.sum((P - onehot) ** 2, axis=1))), nll,
    )  # fmt: skip


def temperature(logits: Any, labels: Sequence[int] | npt.ArrayLike) -> float:
    """The temperature that the logits of a classifier are divided by so that its likelihood is largest.

    The negative log-likelihood is convex in ``1/T``, so that there is one; see ``chainrule explain calibration``.

    Args:
        logits: one row per example, one column per class.
        labels: the class of each row, counted from 0.

    Raises:
        InputError: shapes that do not fit, or labels that are all the largest logit, so that T goes to 0.

    Source: Guo et al. (2017), eq. 9.
    """
    Z, classes = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if Z.ndim != 2 or classes.shape != Z.shape[:1] or np.any(classes < 0) or np.any(classes >= Z.shape[1]):
        raise InputError("every row of logits has a label", expected="arrays (n, k) and (n,), labels from 0 on",
                         found=f"{Z.shape} and {classes.shape}")  # fmt: skip
    if np.array_equal(Z[np.arange(len(Z)), classes.astype(int)], Z.max(axis=1)):
        raise InputError("every label has the largest logit, so that the likelihood grows as T goes to 0",
                         hint="take rows that the classifier was not trained on")  # fmt: skip
    Y = np.eye(Z.shape[1])[classes.astype(int)]
    # In beta = 1/T the likelihood is convex, and Newton's method goes straight to it.
    found = fit(f"{INVERSE}; {CURVE}", "beta", data={"Z": Z, "Y": Y}, start={"beta": 1.0}, method="newton")
    return 1 / float(found.values["beta"])


def diagram(parts: Sequence[tuple[str, Reliability]]) -> Chart:
    """The reliability diagram: accuracy by confidence, on the diagonal where probabilities are what they say."""
    diagonal = Series("calibrated", (0.0, 1.0), (0.0, 1.0))
    lines = tuple(found.line(f"{label}: error {found.error:.3f}") for label, found in parts)
    return Chart("How often predictions are right", "probability of the prediction", "share that is right",
                 (diagonal, *lines), equal=True)  # fmt: skip
