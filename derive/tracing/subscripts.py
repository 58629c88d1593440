"""``x[items]`` of a traced value."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from sympy import Integer

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.notation.syntax import NewAxis, Node, Number, Slice, Subscript
from chainrule.derive.tracing import structure
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.value import Traced, check_run, lift, step


def subscript(value: Traced, items: Any) -> Traced:
    """The part of a value: integers, lengths, slices, ``None``, ``...`` and labels, as in NumPy.

    Raises:
        UnsupportedError: an item is a condition, or no subscript.
    """
    record = value.record
    check_run(record, value)
    operand = lift(record, value)
    given = _expanded(items, operand.ndim)
    lists = [place for place, item in enumerate(given) if isinstance(item, list | np.ndarray)]
    if lists:
        return _chosen(operand, given, lists)
    nodes = tuple(_item(record, item) for item in given)
    return step(record, Subscript(operand.node, nodes)) if nodes else operand


def _expanded(items: Any, rank: int) -> list[Any]:
    """The items one by one, ``...`` written out."""
    given = list(items) if isinstance(items, tuple) else [items]
    places = [place for place, item in enumerate(given) if item is Ellipsis]
    if len(places) == 1:
        missing = rank - sum(item is not None and item is not Ellipsis for item in given)
        given[places[0] : places[0] + 1] = [slice(None)] * missing
    return given


def _chosen(operand: Traced, items: list[Any], lists: list[int]) -> Traced:
    """The entries that one constant list of places names, put together along its axis."""
    place = lists[0]
    chosen = np.asarray(items[place])
    places = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    others = [item for number, item in enumerate(items) if number != place]
    plain = all(item is None or isinstance(item, slice | int | np.integer) for item in others)
    if len(lists) > 1 or chosen.ndim != 1 or places.dtype.kind not in "iu" or not len(places) or not plain:
        raise UnsupportedError(
            "these lists of places cannot be traced", expected="one list of integers, beside slices and integers",
            hint="labels are arguments of the function, declared count[n]",
        )  # fmt: skip
    parts = [operand[(*items[:place], int(one), *items[place + 1 :])] for one in places]
    axis = sum(not isinstance(item, int | np.integer) for item in items[:place])
    return structure.stack(operand.record, parts, axis)


def _item(record: Record, item: Any) -> Node:
    if item is None:
        return NewAxis()
    if isinstance(item, slice):
        parts = (item.start, item.stop, item.step)
        return Slice(*(None if part is None else _place(record, part) for part in parts))
    return _place(record, item)


def _place(record: Record, item: Any) -> Node:
    """An integer, a length, or labels."""
    if isinstance(item, Traced) and not item.truth:
        check_run(record, item)
        return item.node
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return Number(Integer(index(item)))
    if isinstance(item, Traced):
        raise UnsupportedError(
            "a choice of entries by a condition has a length that depends on the arrays",
            hint="write np.where(condition, x, 0), and divide sums by np.sum(condition) for a mean",
        )
    raise UnsupportedError(
        f"a subscript of type {type(item).__name__} cannot be traced",
        expected="integers, lengths, slices, None, ... or labels",
    )
