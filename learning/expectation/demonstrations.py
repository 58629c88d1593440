"""What the derived formulas say, beside what simulations with a seed measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainrule.learning.chart import Chart, Series
from chainrule.learning.expectation.results import averaging_models as average
from chainrule.learning.expectation.results import sample_variance as unbiased
from chainrule.learning.explanation import Demonstration

Array = NDArray[np.float64]
#: The experiment of the picture: noisy samples of a sine, fitted by polynomials.
POINTS, NOISE, SAMPLES = 15, 0.5, 600
DEGREES = tuple(range(12))
RUNS = 40_000


@dataclass(frozen=True)
class Fits:
    """Errors of polynomial fits by degree, means over test points and training samples.

    Attributes:
        bias: the squared bias.
        variance: the variance of the prediction.
        error: the squared error at fresh noisy observations, measured without the other two.
    """

    bias: Array
    variance: Array
    error: Array


def truth(x: Array) -> Array:
    """The function that is observed with noise."""
    return np.sin(2 * np.pi * x)


def measured(seed: int) -> Fits:
    """The errors of all degrees, each fit by least squares on Legendre polynomials."""
    rng = np.random.default_rng(seed)
    train, test = np.linspace(0, 1, POINTS), np.linspace(0.02, 0.98, 49)
    targets = truth(train)[:, None] + NOISE * rng.normal(size=(POINTS, SAMPLES))
    fresh = truth(test)[:, None] + NOISE * rng.normal(size=(len(test), SAMPLES))
    rows = []
    for degree in DEGREES:
        basis, at = (np.polynomial.legendre.legvander(2 * x - 1, degree) for x in (train, test))
        predictions = at @ np.linalg.lstsq(basis, targets, rcond=None)[0]
        bias = np.mean((predictions.mean(1) - truth(test)) ** 2)
        rows.append((bias, np.mean(predictions.var(1)), np.mean((fresh - predictions) ** 2)))
    return Fits(*np.array(rows).T)


def polynomial_picture() -> Chart:
    """Bias falls, variance grows, the error has its least value between."""
    fits = measured(0)
    total = fits.bias + fits.variance + NOISE**2
    curves = {
        "error, measured": (fits.error, "points"), "bias² + variance + noise": (total, "line"),
        "bias²": (fits.bias, "line"), "variance": (fits.variance, "line"),
    }  # fmt: skip
    series = (
        Series(name, tuple(map(float, DEGREES)), tuple(map(float, values)), "points" if kind == "points" else "line")
        for name, (values, kind) in curves.items()
    )
    title = f"Polynomial fits of sin(2πx), {POINTS} points with noise {NOISE}"
    return Chart(title, "degree of the polynomial", "mean squared error", tuple(series))


def polynomial_fits(seed: int) -> Demonstration:
    """The measured error beside the sum of its parts, degree by degree."""
    fits = measured(seed)
    total = fits.bias + fits.variance + NOISE**2
    lines = [f"{SAMPLES} training sets of {POINTS} points, y = sin(2 pi x) + noise of variance {NOISE**2:.2f}", "",
             "degree    bias^2  variance     noise       sum  measured"]  # fmt: skip
    for degree, *values in zip(DEGREES, fits.bias, fits.variance, total, fits.error, strict=True):
        bias, variance, whole, error = values
        lines.append(f"{degree:6d}{bias:10.4f}{variance:10.4f}{NOISE**2:10.4f}{whole:10.4f}{error:10.4f}")
    best = int(np.argmin(fits.error))
    lines.append(f"\nThe least error is at degree {best}.")
    numbers = {"best_degree": float(best), "largest_relative_difference": float(np.max(np.abs(fits.error / total - 1)))}
    return Demonstration("\n".join(lines), numbers)


def sample_variance(seed: int) -> Demonstration:
    """Means of both estimates of the variance over many small samples, beside what is derived."""
    size, spread = 5, 2.0
    samples = np.random.default_rng(seed).exponential(spread, (RUNS, size))
    sums = ((samples - samples.mean(1, keepdims=True)) ** 2).sum(1)
    means = {"n - 1": float(np.mean(sums / (size - 1))), "n": float(np.mean(sums / size))}
    derived = unbiased().value(s=spread)
    lines = [f"{RUNS} samples of {size} from an exponential distribution of variance {spread**2:g}",
             f"divided by n - 1: {means['n - 1']:.3f} on average, derived {derived:.3f}",
             f"divided by n:     {means['n']:.3f} on average, derived {derived * (size - 1) / size:.3f}"]  # fmt: skip
    numbers = {"unbiased": means["n - 1"], "biased": means["n"], "derived": derived}
    return Demonstration("\n".join(lines), numbers)


CORRELATIONS = (0.0, 0.2, 0.5)
COUNTS = (1, 2, 3, 5, 10, 20, 50)


def simulated_average(rho: float, count: int, rng: np.random.Generator) -> float:
    """The mean squared average of errors with a common part."""
    errors = np.sqrt(rho) * rng.normal(size=(RUNS, 1)) + np.sqrt(1 - rho) * rng.normal(size=(RUNS, count))
    return float(np.mean(errors.mean(1) ** 2))


def averaging_picture() -> Chart:
    """Averages are better the more models there are, down to what the errors have in common."""
    rng, derived = np.random.default_rng(0), average()
    x = tuple(map(float, COUNTS))
    lines = (Series(f"rho = {rho}", x, tuple(derived.value(m=m, rho=rho, s=1) for m in COUNTS)) for rho in CORRELATIONS)
    simulated = tuple(simulated_average(rho, m, rng) for rho in CORRELATIONS for m in COUNTS)
    series = (*lines, Series("simulated", x * len(CORRELATIONS), simulated, "points"))
    return Chart("Error of an average of m models", "models m", "mean squared error / s²", series,
                 x_scale="log", y_scale="log")  # fmt: skip


def averaging_models(seed: int) -> Demonstration:
    """The derived error of an average beside the simulated one."""
    rng, derived = np.random.default_rng(seed), average()
    lines, numbers = ["   rho     m   derived  simulated"], {}
    for rho in CORRELATIONS:
        for count in (1, 5, 20):
            said, found = derived.value(m=count, rho=rho, s=1), simulated_average(rho, count, rng)
            lines.append(f"{rho:6.1f}{count:6d}{said:10.4f}{found:11.4f}")
            numbers[f"rho={rho}, m={count}"] = found / said
    return Demonstration("\n".join(lines), numbers)
