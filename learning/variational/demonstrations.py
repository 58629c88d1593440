"""Bounds that are climbed on real data with derived kernels, and how much two estimators of a gradient vary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.derive.errors import InputError
from chainrule.kernels.kernel import kernel
from chainrule.learning.chart import Chart, Series
from chainrule.learning.data_sets import data_set
from chainrule.learning.explanation import Demonstration
from chainrule.learning.variational.derive import Elbo, elbo
from chainrule.learning.variational.mean_field import MeanField, mean_field

Arrays = Mapping[str, Any]

LAYER = "X: real[n, d]; w: real[d] ~ normal(0, 1); y: binary[n] ~ bernoulli(sigmoid(X @ w))"
AUTOENCODER = (
    "A: real[d, h]; a: real[h]; M: real[h, k]; R: real[h, k]; H = tanh(X @ A + a); mu_z = H @ M; rho_z = H @ R; "
    "z: real[n, k] ~ normal(0, 1); B: real[k, h]; b: real[h]; D: real[h, d]; c: real[d]; "
    "X: binary[n, d] ~ bernoulli(sigmoid(tanh(z @ B + b) @ D + c))"
)
LINEAR = "X: real[n, d]; w: real[d] ~ normal(0, 1); y: real[n] ~ normal(X @ w, 1)"
MEASURED = "tau: positive ~ gamma(1, 1); mu: real ~ normal(0, 1/sqrt(tau)); x: real[n] ~ normal(mu, 1/sqrt(tau))"
#: Adam: decay of the mean of gradients, and of their squares; what keeps it from dividing by zero.
MEAN, SQUARE, SMALL = 0.9, 0.99, 1e-8
#: Digits that the autoencoder sees, examples of each, hidden units.
DIGITS, EACH, HIDDEN = (0, 1, 4, 7), 60, 16
#: Samples of the noise that means are taken over.
DRAWS = 200


@lru_cache(maxsize=1)
def bayesian_layer() -> Elbo:
    """A layer with normal weights, a normal prior, and binary observations."""
    return elbo(LAYER, "w")


@lru_cache(maxsize=1)
def autoencoder() -> Elbo:
    """A variational autoencoder: encoder and decoder with a hidden layer each, binary pixels."""
    return elbo(AUTOENCODER, "z")


@lru_cache(maxsize=1)
def linear() -> Elbo:
    """Linear regression with normal noise, whose bound has a closed form."""
    return elbo(LINEAR, "w")


@dataclass(frozen=True)
class Climb:
    """How a bound was climbed.

    Attributes:
        values: the parameters at the end.
        bounds: the bound at one sample, step by step.
    """

    values: Arrays
    bounds: tuple[float, ...]


def climb(bound: Elbo, data: Arrays, start: Arrays, *, steps: int, rate: float, seed: int) -> Climb:
    """Adam on gradients of one sample, new noise at each step.

    Args:
        bound: what is climbed.
        data: what was observed.
        start: the parameters at the beginning, which are those that move.
        steps: how many.
        rate: the learning rate.
        seed: of the noise.

    Raises:
        InputError: the noise is not normal.
    """
    names = list(start)
    step_of = kernel(bound.formula, wrt=names)
    values = {name: np.array(value, dtype=float) for name, value in start.items()}
    mean, square = ({name: np.zeros_like(value) for name, value in values.items()} for _ in range(2))
    rng, bounds = np.random.default_rng(seed), []
    for step in range(1, steps + 1):
        found, slopes = step_of(**data, **values, **noise(bound, data, values, rng))
        bounds.append(float(found))
        for name, slope in zip(names, slopes, strict=True):
            mean[name] = MEAN * mean[name] + (1 - MEAN) * slope
            square[name] = SQUARE * square[name] + (1 - SQUARE) * slope**2
            size = np.sqrt(square[name] / (1 - SQUARE**step)) + SMALL
            values[name] = values[name] + rate * mean[name] / (1 - MEAN**step) / size
    return Climb(values, tuple(bounds))


def noise(bound: Elbo, data: Arrays, values: Arrays, rng: np.random.Generator) -> dict[str, Any]:
    """A sample of the noise.

    Raises:
        InputError: it is not normal.
    """
    if set(bound.noise.values()) != {"normal(0, 1)"}:
        raise InputError("noise is drawn here for the normal family", found=", ".join(bound.noise.values()))
    sizes: dict[Any, int] = {}
    for item in bound.formula.inputs:
        if item.name not in bound.noise:
            given = data[item.name] if item.name in data else values[item.name]
            sizes |= dict(zip(item.shape, np.shape(given), strict=True))
    items = [item for item in bound.formula.inputs if item.name in bound.noise]
    return {item.name: rng.normal(size=[int(length.subs(sizes)) for length in item.shape]) for item in items}


# ---- a Bayesian layer --------------------------------------------------------------------------------------------


def _flowers() -> tuple[Any, Any]:
    """Two kinds of iris that overlap: standardised measurements and a column of ones, and the kind."""
    found = data_set("iris")
    kept = found.labels > 0
    features = found.features[kept]
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    return np.column_stack([features, np.ones(len(features))]), (found.labels[kept] == 2).astype(float)


def _trained_layer(seed: int) -> Climb:
    features, labels = _flowers()
    start = {"mu_w": np.zeros(features.shape[1]), "rho_w": np.full(features.shape[1], -1.0)}
    return climb(bayesian_layer(), {"X": features, "y": labels}, start, steps=400, rate=0.03, seed=seed)


def layer_on_flowers(seed: int) -> Demonstration:
    """The bound of a Bayesian logistic layer on iris data, its weights, and how well their mean prediction does."""
    features, labels = _flowers()
    found = _trained_layer(seed)
    mu, spread = found.values["mu_w"], np.exp(found.values["rho_w"])
    weights = mu + spread * np.random.default_rng(seed + 1).normal(size=(DRAWS, len(mu)))
    predicted = (1 / (1 + np.exp(-features @ weights.T))).mean(axis=1)
    accuracy = float(np.mean((predicted > 0.5) == labels))
    first, last = (float(np.mean(found.bounds[part])) for part in (slice(0, 30), slice(-100, None)))
    lines = [f"A Bayesian layer on {len(labels)} iris flowers, versicolor or virginica; 400 steps of Adam",
             f"bound, mean of the first 30 steps   {first:10.3f}",
             f"bound, mean of the last 100 steps   {last:10.3f}",
             f"accuracy of the mean prediction     {accuracy:10.3f}",
             "weight        mean   standard deviation"]  # fmt: skip
    lines += [f"w[{place}]    {m:10.3f}   {s:10.3f}" for place, (m, s) in enumerate(zip(mu, spread, strict=True))]
    return Demonstration("\n".join(lines), {"first": first, "last": last, "accuracy": accuracy})


def layer_picture() -> Chart:
    """The bound of a Bayesian layer, step by step."""
    bounds = _trained_layer(0).bounds
    steps = tuple(float(step) for step in range(1, len(bounds) + 1))
    smooth = np.convolve(bounds, np.ones(50) / 50, mode="valid")
    middle = tuple((25.0 + np.arange(len(smooth))).tolist())
    series = (Series("one sample", steps, bounds, "points"),
              Series("mean of 50 steps", middle, tuple(smooth.tolist())))  # fmt: skip
    return Chart("The bound of a Bayesian layer on iris data", "step of Adam", "evidence lower bound in nats", series)


# ---- a variational autoencoder -----------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _pixels() -> tuple[Any, Any]:
    """Handwritten digits with 64 pixels, black or white."""
    found = data_set("digits")
    rows = np.concatenate([np.flatnonzero(found.labels == digit)[:EACH] for digit in DIGITS])
    return (found.features[rows] > 7).astype(float), found.labels[rows]


@lru_cache(maxsize=2)
def _trained_autoencoder(seed: int) -> Climb:
    pixels, _ = _pixels()
    rng = np.random.default_rng(seed)
    shapes = {"A": (64, HIDDEN), "a": (HIDDEN,), "M": (HIDDEN, 2), "R": (HIDDEN, 2), "B": (2, HIDDEN), "b": (HIDDEN,),
              "D": (HIDDEN, 64), "c": (64,)}  # fmt: skip
    start = {name: rng.normal(size=shape) * (0.2 if len(shape) > 1 else 0.0) for name, shape in shapes.items()}
    return climb(autoencoder(), {"X": pixels}, start, steps=400, rate=0.02, seed=seed)


def _codes(values: Arrays) -> Any:
    """The means of the latent variables."""
    return np.tanh(_pixels()[0] @ values["A"] + values["a"]) @ values["M"]


def autoencoder_on_digits(seed: int) -> Demonstration:
    """The bound of a small variational autoencoder on handwritten digits, and what its codes know of the digit."""
    pixels, labels = _pixels()
    found = _trained_autoencoder(seed)
    first, last = (float(np.mean(found.bounds[part])) / len(pixels) for part in (slice(0, 5), slice(-50, None)))
    share = np.clip(pixels.mean(axis=0), 1e-3, 1 - 1e-3)
    alone = float(np.mean(np.sum(pixels * np.log(share) + (1 - pixels) * np.log(1 - share), axis=1)))
    codes = _codes(found.values)
    gaps = np.linalg.norm(codes[:, None] - codes[None], axis=2) + np.diag(np.full(len(codes), np.inf))
    near = float(np.mean(labels[gaps.argmin(axis=1)] == labels))
    lines = [f"A variational autoencoder on {len(pixels)} digits, {HIDDEN} hidden units, codes of two numbers",
             f"bound per digit, first 5 steps        {first:9.3f}",
             f"bound per digit, last 50 steps        {last:9.3f}",
             f"independent pixels, log-likelihood    {alone:9.3f}",
             f"digits whose nearest code is the same {near:9.3f}"]  # fmt: skip
    return Demonstration("\n".join(lines), {"first": first, "last": last, "independent": alone, "nearest": near})


def codes_picture() -> Chart:
    """Where a variational autoencoder puts handwritten digits."""
    _, labels = _pixels()
    codes = _codes(_trained_autoencoder(0).values)
    places = {digit: codes[labels == digit].T.tolist() for digit in DIGITS}
    series = tuple(Series(f"digit {digit}", tuple(x), tuple(y), "points") for digit, (x, y) in places.items())
    axes = "mean of the first latent number", "mean of the second"
    return Chart("Codes of handwritten digits", *axes, series, equal=True)


# ---- mean field ----------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def mean_and_precision() -> MeanField:
    """Mean and precision of normal observations, as if they were independent."""
    return mean_field(MEASURED, "mu, tau")


def _petals() -> Any:
    """Lengths of petals of one kind of iris, in centimetres."""
    found = data_set("iris")
    return found.features[found.labels == 1, 2]


def rounds_on_petals(seed: int) -> Demonstration:
    """Rounds of updates on lengths of petals: the bound, and the mean beside the exact posterior's."""
    x = _petals()[np.random.default_rng(seed).permutation(50)[:30]]
    values, bounds = mean_and_precision().fit(12, x=x)
    exact = float(np.sum(x) / (len(x) + 1))
    lines = [f"Length of petals of {len(x)} irises: normal, mean and precision unknown", "round        bound"]
    lines += [f"{place + 1:5d}{bound:16.9f}" for place, bound in enumerate(bounds[:6])]
    lines += [f"mean under q        {values['mu_mu']:10.6f}", f"exact posterior mean{exact:10.6f}",
              f"precision under q   {values['a_tau'] / values['b_tau']:10.6f}"]  # fmt: skip
    least = float(np.min(np.diff(bounds)))
    return Demonstration("\n".join(lines), {"mean": values["mu_mu"], "exact": exact, "least step": least})


# ---- two estimators -----------------------------------------------------------------------------------------


def two_estimators(seed: int) -> Demonstration:
    """Reparameterised gradients and those of the score function, against the exact gradient of linear regression.

    With ``y ~ normal(X w, 1)`` and ``w ~ normal(mu, s^2)`` the bound is
    ``-|y - X mu|^2/2 - sum_j s_j^2 |X_j|^2/2 - KL`` up to a constant, so its gradient by ``mu`` is
    ``X.T (y - X mu) - mu``.
    """
    rng = np.random.default_rng(seed)
    features, mu, rho = rng.normal(size=(20, 3)), np.array([0.5, -1.0, 0.2]), np.full(3, -1.0)
    labels = features @ np.array([1.0, -0.5, 0.3]) + rng.normal(size=20)
    exact = features.T @ (labels - features @ mu) - mu
    bound, joint = linear(), kernel(linear().terms["log_p_y"], wrt="mu_w")
    slope = kernel(bound.formula, wrt="mu_w")
    given = {"X": features, "y": labels, "mu_w": mu, "rho_w": rho}
    moved, scored = [], []
    for draw in rng.normal(size=(10 * DRAWS, 3)):
        moved.append(slope.gradient(**given, eps_w=draw))
        likelihood = joint.value(**given, eps_w=draw)
        scored.append(likelihood * draw / np.exp(rho) - mu)
    rows = {"reparameterised": np.array(moved), "score function": np.array(scored)}
    lines = [f"Gradient by mu_w of the bound of linear regression, {10 * DRAWS} samples; exact: " + _row(exact),
             "estimator          mean of the samples           standard deviation of one"]  # fmt: skip
    lines += [f"{name:<16}{_row(found.mean(axis=0))}{_row(found.std(axis=0))}" for name, found in rows.items()]
    worst = {f"{name}, standard errors away": float(np.max(np.abs(found.mean(axis=0) - exact) / _error(found)))
             for name, found in rows.items()}  # fmt: skip
    ratio = float(np.mean(rows["score function"].var(axis=0)) / np.mean(rows["reparameterised"].var(axis=0)))
    lines += [f"{name}: {value:.2f}" for name, value in worst.items()]
    lines.append(f"variance of the score function's over that of the reparameterised: {ratio:.1f}")
    return Demonstration("\n".join(lines), {**worst, "variance ratio": ratio})


def _row(numbers: Any) -> str:
    return "".join(f"{number:9.3f}" for number in numbers)


def _error(found: Any) -> Any:
    return found.std(axis=0) / len(found) ** 0.5
