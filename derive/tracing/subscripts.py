"""``x[items]`` of a traced value."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from sympy import Integer

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.notation.syntax import NewAxis, Node, Number, Slice, Subscript
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.value import Traced, check_run, lift, step


def subscript(value: Traced, items: Any) -> Traced:
    """The part of a value: integers, lengths, slices, ``None`` and ``...`` as in NumPy.

    Raises:
        UnsupportedError: an item depends on the arrays.
    """
    record = value.record
    check_run(record, value)
    operand = lift(record, value)
    nodes = tuple(_item(record, item) for item in _expanded(items, operand.ndim))
    return step(record, Subscript(operand.node, nodes)) if nodes else operand


def _expanded(items: Any, rank: int) -> list[Any]:
    """The items one by one, ``...`` written out."""
    given = list(items) if isinstance(items, tuple) else [items]
    places = [place for place, item in enumerate(given) if item is Ellipsis]
    if len(places) == 1:
        missing = rank - sum(item is not None and item is not Ellipsis for item in given)
        given[places[0] : places[0] + 1] = [slice(None)] * missing
    return given


def _item(record: Record, item: Any) -> Node:
    if item is None:
        return NewAxis()
    if isinstance(item, slice):
        if item.step not in (None, 1):
            raise UnsupportedError("a slice with a step cannot be traced", hint="slices are written start:stop")
        return Slice(*(None if bound is None else _place(record, bound) for bound in (item.start, item.stop)))
    return _place(record, item)


def _place(record: Record, item: Any) -> Node:
    """An integer, or a length."""
    if isinstance(item, Traced) and item.extent is not None:
        check_run(record, item)
        return item.node
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return Number(Integer(index(item)))
    if isinstance(item, Traced) and item.truth:
        raise UnsupportedError(
            "a choice of entries by a condition has a length that depends on the arrays",
            hint="write np.where(condition, x, 0), and divide sums by np.sum(condition) for a mean",
        )
    what = "that is a traced value" if isinstance(item, Traced) else f"of type {type(item).__name__}"
    raise UnsupportedError(f"a subscript {what} cannot be traced", expected="integers, lengths, slices, None or ...")
