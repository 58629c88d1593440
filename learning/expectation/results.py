"""Results of learning theory that the algebra derives: what is asked, and what is declared."""

from __future__ import annotations

from chainrule.learning.expectation.derive import Expectation, expectation


def bias_variance() -> Expectation:
    """``E[(y - g)^2] = (f - E[g])^2 + Var[g] + s^2``: bias squared, variance and noise.

    ``f`` is the true value at a point, ``eps`` the noise of a new observation there, ``g`` the prediction,
    which depends on the training data.  Source: Hastie, Tibshirani and Friedman, The Elements of
    Statistical Learning, 2nd ed., eq. (7.9).
    """
    return expectation(
        "E[(y - g)^2]", "y = f + eps; f constant; E[eps] = 0; Var[eps] = s^2; g independent of eps"
    )


def affine_variance() -> Expectation:
    """``Var[a*X + b] = a^2 Var[X]``."""
    return expectation("Var[a*X + b]")


def variance_of_a_sum() -> Expectation:
    """``Var[sum_i a_i x_i]``: the weighted variances and all covariances."""
    return expectation("Var[sum_i a_i*x_i]", "x_i random")


def sample_variance() -> Expectation:
    """``E[sum_i (x_i - xbar)^2 / (n - 1)] = s^2``: the sample variance is unbiased."""
    return expectation(
        "E[sum_i (x_i - xbar)^2 / (n - 1)]", "xbar = sum_i x_i / n; x_i independent; E[x_i] = mu; Var[x_i] = s^2"
    )


def total_variance() -> Expectation:
    """``Var[Y] = E[Var[Y | X]] + Var[E[Y | X]]``."""
    return expectation("Var[Y] = E[Var[Y | X]] + Var[E[Y | X]]")


def best_predictor() -> Expectation:
    """``E[(Y - h(X))^2] = E[(Y - m)^2] + E[(m - h(X))^2]`` with ``m = E[Y | X]``."""
    return expectation("E[(Y - h(X))^2] = E[(Y - m)^2] + E[(m - h(X))^2]", "m = E[Y | X]")


def averaging_models() -> Expectation:
    """``E[(sum_i e_i / m)^2] = rho s^2 + (1 - rho) s^2 / m`` for errors with correlation ``rho``.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd ed., eq. (15.1).
    """
    return expectation(
        "E[(sum_i e_i / m)^2]", "i = 1..m; E[e_i] = 0; Var[e_i] = s^2; Cov[e_i, e_j] = rho*s^2"
    )
