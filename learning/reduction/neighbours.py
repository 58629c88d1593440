"""Similarities of points by perplexity, and how well the neighbours of points are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from chainrule.derive.errors import InputError

Array = npt.NDArray[np.float64]
#: Steps of the search for a bandwidth, by Newton's method in an interval that bisection shrinks.
SEARCH = 200
#: How far the logarithm of a perplexity may be off.
TOLERANCE = 1e-12
#: The logarithm of a precision relative to the squared distances lies between these.
WIDEST, NARROWEST = -60.0, 60.0


def conditional(X: Array, perplexity: float) -> tuple[Array, Array]:
    """``p[i, j] = exp(-beta_i |x_i - x_j|^2)/Z_i`` with entropy ``log(perplexity)`` in every row, and the ``beta_i``.

    The entropy falls as ``beta`` grows, by ``beta`` times the variance of the squared distances under ``p``
    (``chainrule explain tsne``).  Where so many points are equally near that no ``beta`` is large enough, the largest
    one is taken.

    Raises:
        InputError: no rows have this perplexity.
    """
    n = len(X)
    if not 1 < perplexity < n - 1:
        raise InputError(
            "a perplexity counts neighbours", expected=f"a number between 1 and {max(n - 1, 1)}, for {n} rows",
            found=f"{perplexity:g}",
        )  # fmt: skip
    squared = cdist(X, X, "sqeuclidean")
    np.fill_diagonal(squared, np.inf)
    nearest = squared.min(axis=1, keepdims=True)
    away = squared - nearest
    np.fill_diagonal(away, 0)
    scale = away.sum(axis=1) / (n - 1)
    scale[scale == 0] = 1
    away /= scale[:, None]
    np.fill_diagonal(away, np.inf)
    logarithm = _searched(away, float(np.log(perplexity)))
    return _softmax(away, np.exp(logarithm)), np.exp(logarithm) / scale


def _searched(away: Array, wanted: float) -> Array:
    """The logarithm of the precision of every row, at which the entropy is what is wanted."""
    low, high = np.full(len(away), WIDEST), np.full(len(away), NARROWEST)
    found = np.zeros(len(away))
    for _ in range(SEARCH):
        entropy, slope = _entropy(away, np.exp(found))
        excess = entropy - wanted
        if np.all((np.abs(excess) < TOLERANCE) | (high - low < TOLERANCE)):
            break
        low, high = np.where(excess > 0, found, low), np.where(excess > 0, high, found)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            newton = found - excess / slope
        inside = (newton > low) & (newton < high)
        found = np.where(np.abs(excess) < TOLERANCE, found, np.where(inside, newton, (low + high) / 2))
    return found


def _entropy(away: Array, beta: Array) -> tuple[Array, Array]:
    """``H = log Z + beta*E[s]``, and ``dH/dlog(beta) = -beta^2 Var[s]``."""
    weights = np.exp(-beta[:, None] * away)
    total = weights.sum(axis=1)
    finite = np.where(np.isinf(away), 0, away)
    mean = (weights * finite).sum(axis=1) / total
    square = (weights * finite**2).sum(axis=1) / total
    return np.log(total) + beta * mean, -(beta**2) * (square - mean**2)


def _softmax(away: Array, beta: Array) -> Array:
    weights = np.exp(-beta[:, None] * away)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def joint(conditionals: Array) -> Array:
    """``(p_{j|i} + p_{i|j})/(2n)``: symmetric, zero on the diagonal, with sum one."""
    return np.asarray((conditionals + conditionals.T) / (2 * len(conditionals)))


def _order(points: Array) -> npt.NDArray[np.int64]:
    """For every row the other rows from near to far."""
    squared = cdist(points, points, "sqeuclidean")
    np.fill_diagonal(squared, -1)
    return np.argsort(squared, axis=1, kind="stable")[:, 1:]


def trustworthiness(X: Array, points: Array, neighbours: int = 10) -> float:
    """How few of the neighbours in a map are no neighbours in the data, from 0 to 1.

    ``1 - 2/(n k (2n - 3k - 1)) sum_i sum_{j near i in the map} max(rank of j in the data - k, 0)``.
    Source: Venna and Kaski, Neighborhood Preservation in Nonlinear Projection Methods (2001).

    Raises:
        InputError: so many neighbours are more than half of the rows.
    """
    n, k = len(X), neighbours
    if not 1 <= k < n / 2:
        raise InputError("neighbours are fewer than half of the rows", expected=f"1 to {(n - 1) // 2}", found=str(k))
    ranks = np.zeros((n, n), dtype=np.int64)
    np.put_along_axis(ranks, _order(X), np.arange(1, n)[None, :], axis=1)
    near = np.take_along_axis(ranks, _order(points)[:, :k], axis=1)
    return float(1 - 2 / (n * k * (2 * n - 3 * k - 1)) * np.maximum(near - k, 0).sum())


def agreement(points: Array, labels: Sequence[str], neighbours: int = 10) -> float:
    """The share of the nearest neighbours that have the same label."""
    named = np.asarray(labels)
    near = _order(points)[:, :neighbours]
    return float(np.mean(named[near] == named[:, None]))
