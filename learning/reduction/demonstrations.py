"""Principal components of real data: pictures, and what is derived beside what is measured."""

from __future__ import annotations

import numpy as np

from chainrule.learning.chart import Chart
from chainrule.learning.data_sets import data_set
from chainrule.learning.explanation import Demonstration
from chainrule.learning.reduction.components import pca

DIRECTIONS = 2000
KEPT = (1, 2, 5, 10, 20, 40)


def scatter() -> Chart:
    """The wines along their first two principal components."""
    return pca("wine", standardise=True).chart()


def scree() -> Chart:
    """What the components of the digits explain."""
    return pca("digits").scree()


def directions(seed: int) -> Demonstration:
    """Variances along the components, beside those along random directions that are orthogonal to the ones before."""
    found = pca("wine", standardise=True)
    rows = found.data.values - found.mean
    rows /= found.scale
    rng = np.random.default_rng(seed)
    lines = [f"{rows.shape[0]} wines, {rows.shape[1]} standardised quantities; {DIRECTIONS} random directions",
             "component  eigenvalue  variance of scores  largest at random"]  # fmt: skip
    numbers: dict[str, float] = {}
    for number in range(5):
        before = found.components[:number]
        tried = rng.normal(size=(DIRECTIONS, rows.shape[1]))
        tried -= tried @ before.T @ before
        tried /= np.linalg.norm(tried, axis=1, keepdims=True)
        best = float(np.max(np.var(rows @ tried.T, axis=0, ddof=1)))
        measured = float(np.var(rows @ found.components[number], ddof=1))
        lines.append(f"{number + 1:9d}{found.variances[number]:12.4f}{measured:20.4f}{best:19.4f}")
        numbers |= {f"variance {number + 1}": measured, f"random {number + 1}": best}
    return Demonstration("\n".join(lines), numbers)


def errors(seed: int) -> Demonstration:
    """Errors of reconstruction from k components, beside the eigenvalues left out and random subspaces."""
    rows = data_set("digits").features
    rng = np.random.default_rng(seed)
    spectrum = pca(rows, 1).spectrum
    centred = rows - rows.mean(axis=0)
    lines = [f"{rows.shape[0]} digits of {rows.shape[1]} pixels", "   k     error  left out  random subspace"]
    numbers: dict[str, float] = {}
    for k in KEPT:
        error, left_out = pca(rows, k).error, float(spectrum[k:].sum())
        V = np.linalg.qr(rng.normal(size=(rows.shape[1], k)))[0]
        at_random = float(np.sum((centred - centred @ V @ V.T) ** 2)) / (len(rows) - 1)
        lines.append(f"{k:4d}{error:10.3f}{left_out:10.3f}{at_random:17.3f}")
        numbers |= {f"error {k}": error, f"left out {k}": left_out, f"random {k}": at_random}
    return Demonstration("\n".join(lines), numbers)
