"""Principal components and maps of real data: pictures, and what is derived beside what is measured."""

from __future__ import annotations

import numpy as np

from chainrule.learning.chart import Chart
from chainrule.learning.data_sets import data_set
from chainrule.learning.explanation import Demonstration
from chainrule.learning.reduction.components import pca
from chainrule.learning.reduction.embedding import NEIGHBOURS, divergence, tsne
from chainrule.learning.reduction.lines import Array
from chainrule.learning.reduction.neighbours import agreement, trustworthiness

DIRECTIONS = 2000
#: Digits on a map, and the steps of its descent.
DIGITS, STEPS = 300, 400
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


def map_of_digits() -> Chart:
    """Some of the digits on a map."""
    return tsne("digits", rows=DIGITS, steps=STEPS).chart()


def maps(seed: int) -> Demonstration:
    """Divergence and kept neighbours of a map of digits, beside scikit-learn's and the principal components."""
    found = tsne("digits", rows=DIGITS, steps=STEPS, seed=seed)
    X, P, labels = found.data.values, found.similarities, found.data.labels
    components = pca(X, 2).scores
    components *= found.points.std() / components.std()
    others = {"principal components": components, "scikit-learn's TSNE": _known_map(X, seed)}
    lines = [f"{DIGITS} digits at random, perplexity {found.perplexity:g}, {NEIGHBOURS} neighbours",
             "                      KL(P || Q)  trustworthiness  same digit"]  # fmt: skip
    numbers: dict[str, float] = {}
    for name, Y in {"t-SNE": found.points, **others}.items():
        measures = divergence(P, Y)[0], trustworthiness(X, Y, NEIGHBOURS), agreement(Y, labels, NEIGHBOURS)
        lines.append(f"{name:<22}{measures[0]:10.4f}{measures[1]:17.4f}{measures[2]:12.4f}")
        numbers |= dict(zip((f"{name}, {what}" for what in ("KL", "trust", "same")), measures, strict=True))
    return Demonstration("\n".join(lines), numbers)


def _known_map(X: Array, seed: int) -> Array:
    """The map that scikit-learn makes of the same rows."""
    from sklearn.manifold import TSNE

    made = TSNE(init="pca", method="exact", max_iter=STEPS, random_state=seed).fit_transform(X)
    return np.asarray(made, dtype=np.float64)
