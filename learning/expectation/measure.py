"""Values of expressions over a finite table of outcomes: expectations are sums, by their definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from sympy import Add, Expr, Function, Indexed, Mul, Pow, Symbol, exp, log

from chainrule.derive.errors import UnsupportedError
from chainrule.learning.expectation.nodes import Covariance, Deviation, Expect, Group, Over, Variance
from chainrule.learning.expectation.setting import Setting, name_of

Array = NDArray[np.float64]
#: A name, with the number of the member for a family.
Place = tuple[str, int | None]
Bound = Mapping[Symbol, int]
#: Outcomes whose given variables differ by less are taken for equal.
DIGITS = 9


@dataclass(frozen=True)
class Table:
    """A joint distribution with finitely many outcomes.

    Attributes:
        setting: what is declared.
        probability: of each outcome.
        columns: the values of each variable.
        constants: the numbers that constants stand for.
    """

    setting: Setting
    probability: Array
    columns: dict[Place, Array]
    constants: Mapping[Place, float]

    def given(self, body: Array, keys: Sequence[Array]) -> Array:
        """The mean of a variable where others have the values that they have."""
        if not keys:
            return np.full(len(self.probability), float(np.dot(self.probability, body)))
        stacked = np.round(np.column_stack(keys), DIGITS)
        _, group = np.unique(stacked, axis=0, return_inverse=True)
        group = group.reshape(-1)
        weight = np.bincount(group, self.probability)
        return (np.bincount(group, self.probability * body) / weight)[group]


def value(expr: Expr, table: Table, bound: Bound) -> Array:
    """The values of an expression, one for each outcome; definitions are looked up."""
    definition = table.setting.definitions.get(name_of(expr))
    if definition is not None:
        index, meaning = definition
        inner = {} if index is None else {index: _number(expr.indices[0], bound)}
        return value(meaning, table, inner)
    if isinstance(expr, Symbol):
        if expr in bound:
            return _full(table, float(bound[expr]))
        return _column(table, (expr.name, None))
    if isinstance(expr, Indexed):
        return _column(table, (name_of(expr), _number(expr.indices[0], bound)))
    if expr.is_number:
        return _full(table, float(expr))
    for kind, valued in KINDS.items():
        if isinstance(expr, kind):
            return valued(expr, table, bound)
    raise UnsupportedError("this cannot be computed", found=str(expr))


def _number(index: Expr, bound: Bound) -> int:
    return int(bound[index]) if index in bound else int(index)


def _full(table: Table, number: float) -> Array:
    return np.full(len(table.probability), number)


def _column(table: Table, place: Place) -> Array:
    return table.columns[place] if place in table.columns else _full(table, table.constants[place])


def _expect(expr: Expr, table: Table, bound: Bound) -> Array:
    keys = [value(item, table, bound) for item in expr.args[-1]]
    return table.given(value(expr.args[0], table, bound), keys)


def _covariance(expr: Expr, table: Table, bound: Bound) -> Array:
    keys = [value(item, table, bound) for item in expr.args[-1]]
    left, right = (value(expr.args[place], table, bound) for place in (0, -2))
    return table.given((left - table.given(left, keys)) * (right - table.given(right, keys)), keys)


def _deviation(expr: Expr, table: Table, bound: Bound) -> Array:
    inner = value(expr.args[0], table, bound)
    return inner - table.given(inner, [])


def _over(expr: Expr, table: Table, bound: Bound) -> Array:
    body, indices, upper = expr.args
    count = round(float(value(upper, table, bound)[0]))
    total = _full(table, 0.0)
    for numbers in permutations(range(1, count + 1), len(indices)):
        total = total + value(body, table, {**bound, **dict(zip(indices, numbers, strict=True))})
    return total


def _add(expr: Expr, table: Table, bound: Bound) -> Array:
    return np.asarray(np.sum([value(arg, table, bound) for arg in expr.args], axis=0), dtype=np.float64)


def _mul(expr: Expr, table: Table, bound: Bound) -> Array:
    return np.asarray(np.prod([value(arg, table, bound) for arg in expr.args], axis=0), dtype=np.float64)


def _pow(expr: Expr, table: Table, bound: Bound) -> Array:
    base, power = (value(arg, table, bound) for arg in expr.args)
    return base**power


def _function(expr: Expr, table: Table, bound: Bound) -> Array:
    """A function without a definition is a polynomial with coefficients that its name says."""
    inner = value(expr.args[0], table, bound)
    rng = np.random.default_rng(crc32(str(expr.func).encode()))
    return np.asarray(np.polyval(rng.uniform(-1, 1, 4), inner), dtype=np.float64)


KINDS = {
    Expect: _expect, Variance: _covariance, Covariance: _covariance, Deviation: _deviation, Over: _over,
    Group: lambda expr, table, bound: value(expr.args[0], table, bound),
    Add: _add, Mul: _mul, exp: lambda expr, table, bound: np.exp(value(expr.args[0], table, bound)), Pow: _pow,
    log: lambda expr, table, bound: np.log(value(expr.args[0], table, bound)), Function: _function,
}  # fmt: skip
