"""Integrals of functions that take arrays: the double exponential rule, and QUADPACK where that does not settle.

Source: Takahasi and Mori, Double exponential formulas for numerical integration (1974), eq. 3.8 and 4.2.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import integrate

Array = npt.NDArray[Any]

#: Range of the transformed variable, steps per unit at first and how often they are halved.
REACH, FIRST, HALVINGS = 6.0, 4, 6
#: Agreement of two steps that is enough, and the part of the integral that the outermost nodes may hold.
ENOUGH, OUTERMOST = 1e-13, 1e-13


def integral(function: Callable[[Array], Array], low: float, high: float) -> float:
    """The integral of a function of arrays between two ends, of which one may be infinite, or both."""
    if np.isinf(low) and np.isinf(high):
        return integral(function, low, 0.0) + integral(function, 0.0, high)
    if np.isinf(low):
        return integral(lambda x: function(-x), -high, np.inf)
    previous, size = np.inf, 0.0
    for halving in range(HALVINGS + 1):
        step = 1.0 / (FIRST * 2**halving)
        terms = _terms(function, low, high, step)
        found, size = float(np.sum(terms)) * step, float(np.sum(np.abs(terms))) * step
        edges = max(abs(float(terms[0])), abs(float(terms[-1])))
        if abs(found - previous) <= ENOUGH * max(size, 1e-3) and edges <= OUTERMOST * max(size, 1e-3):
            return found
        previous = found
    return _quadpack(function, low, high)


def _terms(function: Callable[[Array], Array], low: float, high: float, step: float) -> Array:
    count = round(REACH / step)
    t = step * np.arange(-count, count + 1)
    inner = np.pi / 2 * np.sinh(t)
    with np.errstate(all="ignore"):
        if np.isinf(high):
            x, weights = low + np.exp(inner), np.pi / 2 * np.cosh(t) * np.exp(inner)
        else:
            # From the nearer end, so that nodes crowd together at 0 without being rounded to it.
            share = 1 / (1 + np.exp(2 * np.abs(inner)))
            x = np.where(t < 0, low + (high - low) * share, high - (high - low) * share)
            weights = (high - low) * np.pi / 2 * np.cosh(t) / (2 * np.cosh(inner) ** 2)
        used = (weights > 0) & np.isfinite(weights) & (x > low) & (x < high)
        values = np.asarray(function(x[used]), dtype=float) * weights[used]
    return np.where(np.isfinite(values), values, np.inf)


def _quadpack(function: Callable[[Array], Array], low: float, high: float) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", integrate.IntegrationWarning)
        return float(integrate.quad(
            lambda x: float(function(np.array([x]))[0]), low, high, limit=200, epsabs=1e-13, epsrel=1e-11,
        )[0])  # fmt: skip
