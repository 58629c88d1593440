"""Parameters on restricted domains as functions of unrestricted coordinates, for numerical maximisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from chainrule.derive.domains import Domain
from chainrule.derive.errors import UnsupportedError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Chart:
    """A map from unrestricted coordinates to a domain.

    Attributes:
        value: the parameter at its coordinates.
        pull: the gradient by the coordinates from the parameter and the gradient by it.
        coordinates: the coordinates of a parameter.
        directions: the directions in which a parameter can move, one in each row.
    """

    value: Callable[[Array], Array]
    pull: Callable[[Array, Array], Array]
    coordinates: Callable[[Array], Array]
    directions: Callable[[Array], Array]


def _every(value: Array) -> Array:
    return np.eye(value.size)


def _interval(low: float, high: float) -> Chart:
    width = high - low
    return Chart(
        lambda u: low + width * expit(u),
        lambda v, g: g * (v - low) * (high - v) / width,
        lambda v: np.asarray(logit((v - low) / width)),
        _every,
    )


def _above(low: float) -> Chart:
    return Chart(lambda u: low + np.exp(u), lambda v, g: g * (v - low), lambda v: np.log(v - low), _every)


def _softmax(u: Array) -> Array:
    e = np.exp(u - u.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _tangents(value: Array) -> Array:
    """An orthonormal basis of the vectors whose entries sum to zero."""
    basis = np.linalg.svd(np.ones((1, value.size)))[2]
    return np.asarray(basis[1:])


def _factor(u: Array) -> Array:
    lower = np.tril(u, -1)
    return lower + np.diag(np.exp(np.diag(u)))


def _to_factor(value: Array) -> Array:
    factor = np.linalg.cholesky(value)
    return np.asarray(np.tril(factor, -1) + np.diag(np.log(np.diag(factor))))


def _pull_factor(value: Array, g: Array) -> Array:
    factor = np.linalg.cholesky(value)
    slope = np.tril((g + g.T) @ factor)
    return np.asarray(np.tril(slope, -1) + np.diag(np.diag(slope) * np.diag(factor)))


def _symmetric(value: Array) -> Array:
    size, rows = value.shape[0], []
    for i in range(size):
        for j in range(i + 1):
            unit = np.zeros((size, size))
            unit[i, j] = unit[j, i] = 1
            rows.append(unit.ravel())
    return np.array(rows)


REAL = Chart(lambda u: u, lambda v, g: g, lambda v: v, _every)
SIMPLEX = Chart(_softmax, lambda v, g: v * (g - np.sum(g * v)), np.log, _tangents)
POSITIVE_DEFINITE = Chart(lambda u: _factor(u) @ _factor(u).T, _pull_factor, _to_factor, _symmetric)

#: By the name of a domain; intervals follow from their bounds.
CHARTS = {"real": REAL, "simplex": SIMPLEX, "spd": POSITIVE_DEFINITE}


def chart(domain: Domain) -> Chart:
    """The coordinates of a domain.

    Raises:
        UnsupportedError: it has none here.
    """
    if domain.name in CHARTS:
        return CHARTS[domain.name]
    plain = not (domain.values or domain.integer or domain.sums_to_one or domain.square)
    if plain and domain.low is not None:
        return _above(domain.low) if domain.high is None else _interval(domain.low, domain.high)
    raise UnsupportedError(f"no estimate of a parameter that is one of the {domain.describe}")
