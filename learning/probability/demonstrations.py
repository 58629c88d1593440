"""Estimates on simulated data, and the picture of a likelihood."""

from __future__ import annotations

import numpy as np

from chainrule.learning.chart import Chart, Series
from chainrule.learning.explanation import Demonstration
from chainrule.learning.probability.bayes import bayes
from chainrule.learning.probability.estimates import estimate
from chainrule.learning.probability.model import model
from chainrule.learning.probability.points import number

#: Samples that are simulated, observations in each, and their rate.
SAMPLES, SIZE, RATE = 40, 50, 2.0
#: The quantile of the normal distribution for 95 %.
QUANTILE = 1.959964


def coverage(seed: int) -> Demonstration:
    """How often the interval of 1.96 standard errors about an estimate holds the truth."""
    rng = np.random.default_rng(seed)
    found = [estimate("exponential", rng.exponential(1 / RATE, SIZE)) for _ in range(SAMPLES)]
    values = np.array([item.values["lam"] for item in found])
    errors = np.array([item.errors["lam"] for item in found])
    share = float(np.mean(np.abs(values - RATE) <= QUANTILE * errors))
    numbers = {"mean": float(values.mean()), "deviation": float(values.std(ddof=1)),
               "standard_error": float(errors.mean()), "coverage": share}  # fmt: skip
    text = (
        f"{len(found)} samples of {SIZE} waiting times at rate {RATE:g}, estimated by maximum likelihood\n"
        f"mean of the estimates              {numbers['mean']:.4f}\n"
        f"their standard deviation           {numbers['deviation']:.4f}\n"
        f"mean of their standard errors      {numbers['standard_error']:.4f}\n"
        f"intervals that hold the true rate  {100 * share:.0f} %"
    )
    return Demonstration(text, numbers)


def profile() -> Chart:
    """The log-likelihood of the mean of a normal sample, and its maximum."""
    data = np.random.default_rng(0).normal(3, 2, 25)
    found = estimate("normal", data)
    m, sigma, best = model("normal"), found.values["sigma"], found.values["mu"]
    grid = np.linspace(best - 4 * found.errors["mu"], best + 4 * found.errors["mu"], 121)
    heights = [number(m.likelihood.program, {"x": data, "mu": mu, "sigma": sigma}) for mu in grid]
    line = Series("log-likelihood", tuple(map(float, grid)), tuple(heights))
    top = Series("estimate", (float(best),), (found.log_likelihood,), "points")
    return Chart("Log-likelihood of 25 observations from a normal distribution", "mu", "log-likelihood", (line, top))


def base_rates() -> Chart:
    """What a positive test means, by the share of the ill."""
    shares = [f"{number}/200" for number in range(1, 200)]
    likelihood = {"ill": "0.99", "not ill": "0.05"}
    found = [float(bayes({"ill": share}, {"positive": likelihood}).posterior["ill"]) for share in shares]
    prior = tuple(number / 200 for number in range(1, 200))
    series = (Series("after a positive test", prior, tuple(found)), Series("before", prior, prior))
    title = "A test that is positive for 99 % of the ill, 5 % of the others"
    return Chart(title, "P(ill)", "probability of being ill", series)
