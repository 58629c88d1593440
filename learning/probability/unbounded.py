"""Likelihoods without a bound: a location at an observation and a scale that shrinks to zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.derive.program import Input
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import number

#: Scales that are tried, in units of the spread of the data.
SHRUNK = (1e-12, 1e-24, 1e-48, 1e-96)
#: The least slope in ``-log(scale)`` that counts as growth, and how steady it must be.
LEAST = 0.1


def growth(m: Model, names: Sequence[str], values: Mapping[str, Any]) -> str:
    """What makes the likelihood grow without bound, as a multiple of ``-log(scale)``; empty if nothing is seen to.

    Args:
        m: the distribution.
        names: the parameters that were found numerically.
        values: the data and all parameters, at a maximum that was found.
    """
    x = m.variable
    if x.shape or x.domain.integer:
        return ""
    data = np.asarray(values[x.name], dtype=float)
    for location, scale in _pairs(m, names):
        for place in (data[0], np.median(data), np.max(data)):
            nearest = data[np.argmin(np.abs(data - place))]
            tried = [number(m.likelihood.computed, {**values, location: nearest, scale: np.std(data) * size})
                     for size in SHRUNK]  # fmt: skip
            slopes = -np.diff(tried[-4:]) / np.diff(np.log(SHRUNK[-4:]))
            if np.all(slopes > LEAST) and np.ptp(slopes) < LEAST:
                return f"it grows without bound as {scale} shrinks to 0 where {location} is an observation"
    return ""


def _pairs(m: Model, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    items = [item for item in m.density.inputs if isinstance(item, Input) and item.name in names and not item.shape]
    for first in items:
        for second in items:
            if first.domain.name == "real" and second.domain.name == "positive":
                yield first.name, second.name
