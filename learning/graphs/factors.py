"""Tables of numbers over variables with finitely many values: products, sums, elimination.

The numbers are exact fractions, integers or floats; the operations are the same.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import LimitError

Array = npt.NDArray[Any]
#: Entries that a table may have while variables are summed out.
MOST_CELLS = 2**16


@dataclass(frozen=True, eq=False)
class Factor:
    """A table with one axis for each variable.

    Attributes:
        names: the variables.
        values: the entries.
    """

    names: tuple[str, ...]
    values: Array

    def along(self, names: Sequence[str]) -> Array:
        """The entries with an axis for each of these variables, of length one where the table does not vary."""
        kept = [name for name in names if name in self.names]
        moved = self.values.transpose([self.names.index(name) for name in kept])
        lengths = iter(moved.shape)
        return moved.reshape([next(lengths) if name in self.names else 1 for name in names])

    def at(self, values: Mapping[str, int]) -> Factor:
        """The part of the table where some variables have given values."""
        index = tuple(values.get(name, slice(None)) for name in self.names)
        return Factor(tuple(name for name in self.names if name not in values), np.asarray(self.values[index]))

    def summed(self, name: str) -> Factor:
        """The sums over one variable."""
        axis = self.names.index(name)
        return Factor(self.names[:axis] + self.names[axis + 1 :], np.asarray(self.values.sum(axis=axis)))

    def over(self, names: Sequence[str]) -> Factor:
        """The same table with its axes in this order."""
        return Factor(tuple(names), self.along(names))


def product(factors: Iterable[Factor]) -> Factor:
    """The product of tables, over all their variables."""
    given = list(factors)
    names = tuple(dict.fromkeys(name for factor in given for name in factor.names))
    whole: Array = np.array(1, dtype=object)
    for factor in given:
        whole = whole * factor.along(names)
    return Factor(names, np.asarray(whole))


def eliminate(factors: Sequence[Factor], keep: Sequence[str]) -> Factor:
    """The product of tables, summed over all other variables than those kept, one after the other.

    Raises:
        LimitError: a table in between would be too large.
    """
    current = list(factors)
    for name in elimination_order(factors, keep):
        current = [*(factor for factor in current if name not in factor.names), joined(current, name).summed(name)]
    check_cells(current)
    return product(current).over(keep)


def joined(factors: Sequence[Factor], name: str) -> Factor:
    """The product of those tables that vary with a variable."""
    holders = [factor for factor in factors if name in factor.names]
    check_cells(holders)
    return product(holders)


def check_cells(factors: Iterable[Factor]) -> None:
    """Refuse a product that would be too large.

    Raises:
        LimitError: it has more than ``MOST_CELLS`` entries.
    """
    lengths = lengths_of(factors)
    cells = math.prod(lengths.values())
    if cells > MOST_CELLS:
        raise LimitError(
            f"a table over {len(lengths)} variables would have {cells} entries", expected=f"at most {MOST_CELLS}",
            hint="the graph is too densely connected for exact sums",
        )  # fmt: skip


def elimination_order(factors: Sequence[Factor], keep: Collection[str]) -> list[str]:
    """An order in which variables are summed out: always the one with the smallest table."""
    lengths = lengths_of(factors)
    near: dict[str, set[str]] = {name: {name} for name in lengths}
    for factor in factors:
        for name in factor.names:
            near[name].update(factor.names)
    place = {name: number for number, name in enumerate(lengths)}
    sizes = {name: _cells(near[name], lengths) for name in lengths if name not in keep}
    order = list[str]()
    while sizes:
        best = min(sizes, key=lambda name: (sizes[name], -place[name]))
        scope = near.pop(best) - {best}
        del sizes[best]
        for name in scope:
            near[name] = (near[name] | scope) - {best}
            if name in sizes:
                sizes[name] = _cells(near[name], lengths)
        order.append(best)
    return order


def lengths_of(factors: Iterable[Factor]) -> dict[str, int]:
    """How many values every variable has."""
    return {name: length for factor in factors for name, length in zip(factor.names, factor.values.shape, strict=True)}


def _cells(names: Iterable[str], lengths: Mapping[str, int]) -> int:
    return math.prod(lengths[name] for name in names)
