"""Observations that are vectors of counts or of a single one: all of them, one by one, and what they sum to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sympy import Expr, S

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.program import Input
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import Values, number, point

#: Counts in a sum over all vectors of them, and how far their probabilities may be from one.
FEW, ROUNDING = 3, 1e-9


def total(m: Model) -> Expr:
    """What the entries of every possible observation sum to.

    Raises:
        UnsupportedError: it is not known.
    """
    if m.variable.domain.name == "onehot" or m.variable.domain.sums_to_one:
        return S.One
    for item in _candidates(m):
        if all(_is_one(m, item, seed) for seed in (0, 1)):
            return item[()]
    raise UnsupportedError(
        "the parameters are probabilities, and it is not known what the entries of the variable sum to: with no known "
        "count m do the probabilities of all vectors of counts that sum to m add up to one",
    )  # fmt: skip


def _candidates(m: Model) -> Iterator[Input]:
    """Known numbers that may be the sum of a vector of counts."""
    if m.variable.domain.integer and len(m.variable.shape) == 1:
        yield from (item for item in m.density.inputs[1:] if item.name in m.known and not item.shape)


def _is_one(m: Model, item: Input, seed: int) -> bool:
    values = {**point(m, seed), item.name: np.asarray(float(FEW))}
    found = sum(float(np.exp(number(m.density.program, {**values, m.variable.name: row})))
                for row in counts(FEW, m, values))  # fmt: skip
    return abs(found - 1) < ROUNDING


def counts(whole: int, m: Model, values: Values) -> Iterator[Any]:
    """All vectors of counts of the length of an observation that sum to a number."""
    length = np.shape(values[m.variable.name])[-1]
    yield from (np.array(row, dtype=float) for row in _rows(whole, length))


def _rows(whole: int, length: int) -> Iterator[tuple[int, ...]]:
    if length == 1:
        yield (whole,)
        return
    for first in range(whole + 1):
        yield from ((first, *rest) for rest in _rows(whole - first, length - 1))


def observations(m: Model, values: Values) -> tuple[dict[str, Any], list[Any]] | None:
    """Parameters near those given, and all observations with their probabilities; ``None`` if they are too many."""
    if m.variable.domain.name == "onehot" and len(m.variable.shape) == 1:
        here, rows = dict(values), list(np.eye(np.shape(values[m.variable.name])[-1]))
    else:
        sums = next((item for item in _candidates(m) if all(_is_one(m, item, seed) for seed in (0, 1))), None)
        if sums is None:
            return None
        here = {**values, sums.name: np.asarray(float(FEW))}
        rows = list(counts(FEW, m, values))
    return here, rows
