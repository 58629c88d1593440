"""Functions of NumPy that move, join or make arrays: how each is read.

As in ``arrays.py``; :data:`READINGS` holds them under NumPy's names.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import index
from typing import Any

import numpy as np
from sympy import Expr, Integer, Mul

from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import ShapeError, UnsupportedError
from chainrule.derive.notation.syntax import Binary, Call, Node, Text, Tuple
from chainrule.derive.notation.tensors import Shape, shape_text
from chainrule.derive.program import is_unit
from chainrule.derive.tracing import constants
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.value import Traced, call, check_run, length_node, lift, shape_node, step

# ---- lengths --------------------------------------------------------------------------------------


def length(record: Record, value: Any) -> Expr:
    """An integer, or an integer made of lengths.

    Raises:
        UnsupportedError: the value is something else.
    """
    if isinstance(value, Traced) and value.extent is not None:
        check_run(record, value)
        return value.extent
    if isinstance(value, Traced):
        raise UnsupportedError(
            "this is no length that is known without the arrays", expected="an integer or a part of x.shape"
        )
    return Integer(index(value))


def lengths(record: Record, shape: Any) -> Shape:
    """A shape as NumPy takes it: a length, or a tuple of lengths."""
    if isinstance(shape, tuple | list):
        return tuple(length(record, item) for item in shape)
    return (length(record, shape),)


def full(record: Record, shape: Any, fill_value: Any) -> Traced:
    """A tensor of one value."""
    return step(record, Call("full", (shape_node(lengths(record, shape)), lift(record, fill_value).node)))


def constant(function: str) -> Callable[..., Traced]:
    """A tensor of ones or zeros; of truth values where ``dtype`` says so."""

    def read(record: Record, shape: Any, dtype: Any = float) -> Traced:
        made = step(record, Call(function, (shape_node(lengths(record, shape)),)))
        return _of_type(made, dtype)

    return read


def _of_type(value: Traced, dtype: Any) -> Traced:
    """Zeros and ones as truth values or as numbers."""
    return replace(value, truth=np.dtype(dtype) == np.dtype(bool))


def tri(record: Record, N: Any, M: Any = None, k: int = 0, dtype: Any = float) -> Traced:
    """Ones on and below the diagonal k."""
    sides = (length(record, N), length(record, N if M is None else M))
    return _of_type(call(record, "tril", step(record, Call("ones", (shape_node(sides),))), k=constants.axes(k)), dtype)


def constant_like(function: str) -> Callable[..., Traced]:
    """A tensor of ones or zeros with the shape of another."""

    def read(record: Record, a: Any) -> Traced:
        return step(record, Call(function, (shape_node(lift(record, a).lengths),)))

    return read


def full_like(record: Record, a: Any, fill_value: Any) -> Traced:
    """A tensor of one value with the shape of another."""
    return full(record, lift(record, a).shape, fill_value)


def eye(record: Record, N: Any, M: Any = None, k: int = 0, dtype: Any = float) -> Traced:
    """Ones on the diagonal k."""
    sides = [length(record, N), *([] if M is None else [length(record, M)])]
    keywords = {"k": constants.axes(k)} if k else {}
    made = call(record, "eye", *map(length_node, sides), **keywords)
    return _of_type(made, dtype)


def array(record: Record, object: Any) -> Traced:
    """Numbers and traced values put together."""
    if isinstance(object, list | tuple):
        parts = [array(record, item) if isinstance(item, list | tuple) else item for item in object]
        return stack(record, parts)
    return lift(record, object)


# ---- axes -----------------------------------------------------------------------------------------


def permuted(record: Record, value: Traced, order: Sequence[int]) -> Traced:
    """The axes in another order; ``order`` says where each comes from."""
    if list(order) == list(range(value.ndim)):
        return value
    if list(order) == list(range(value.ndim))[::-1]:
        return call(record, "transpose", value)
    letters = string.ascii_letters[: value.ndim]
    return call(record, "einsum", Text(f"{letters}->{''.join(letters[axis] for axis in order)}"), value)


def from_front(axis: Any, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= index(axis) < rank:
        raise ShapeError(f"there is no axis {axis}", found=f"{rank} axes")
    return index(axis) % rank


def transpose(record: Record, a: Any, axes: Any = None) -> Traced:
    """The axes in reverse order, or in the order given."""
    value = lift(record, a)
    order = [from_front(axis, value.ndim) for axis in axes] if axes else list(range(value.ndim))[::-1]
    if sorted(order) != list(range(value.ndim)):
        raise ShapeError("axes name each axis once", found=str(axes), expected=f"an order of {value.ndim} axes")
    return permuted(record, value, order)


def matrix_transpose(record: Record, x: Any) -> Traced:
    """The last two axes exchanged."""
    return swapaxes(record, x, -1, -2)


def swapaxes(record: Record, a: Any, axis1: Any, axis2: Any) -> Traced:
    """Two axes exchanged."""
    value = lift(record, a)
    first, second = from_front(axis1, value.ndim), from_front(axis2, value.ndim)
    order = list(range(value.ndim))
    order[first], order[second] = second, first
    return permuted(record, value, order)


def moveaxis(record: Record, a: Any, source: int, destination: int) -> Traced:
    """One axis moved to another place."""
    value = lift(record, a)
    order = [axis for axis in range(value.ndim) if axis != from_front(source, value.ndim)]
    order.insert(from_front(destination, value.ndim), from_front(source, value.ndim))
    return permuted(record, value, order)


def expand_dims(record: Record, a: Any, axis: Any) -> Traced:
    """New axes of length one."""
    value = lift(record, a)
    chosen = axis if isinstance(axis, tuple | list) else (axis,)
    rank = value.ndim + len(chosen)
    new = {from_front(item, rank) for item in chosen}
    return value[tuple(None if axis in new else slice(None) for axis in range(rank))]


def squeeze(record: Record, a: Any, axis: Any = None) -> Any:
    """Without the axes of length one."""
    value = lift(record, a)
    units = [place for place, length in enumerate(value.lengths) if is_unit(length)]
    chosen = units if axis is None else [from_front(item, value.ndim) for item in _several(axis)]
    if not set(chosen) <= set(units):
        raise ShapeError(
            "only axes of length one can be left out", found=f"axis {axis} of shape {shape_text(value.lengths)}"
        )
    return value[tuple(0 if place in chosen else slice(None) for place in range(value.ndim))] if chosen else value


def _several(axis: Any) -> Sequence[int]:
    return axis if isinstance(axis, tuple | list) else (axis,)


def reshape(record: Record, a: Any, shape: Any, order: str = "C") -> Any:
    """The same entries in another shape: axes of length one put in or left out, or all in one axis."""
    value = lift(record, a)
    target = _completed(value, lengths(record, shape))
    if [size for size in target if not is_unit(size)] == [size for size in value.lengths if not is_unit(size)]:
        return _with_units(value, target)
    if "reshape" in TENSOR_BY_NAME and order == "C":
        return call(record, "reshape", value, shape_node(target))
    if len(target) == 1 and target[0] == Mul(*value.lengths):
        return ravel(record, value, order)
    raise UnsupportedError(
        f"reshape from {shape_text(value.lengths)} to {shape_text(target)} cannot be traced",
        hint="new axes of length one are written x[:, None]",
    )


def _completed(value: Traced, target: Shape) -> Shape:
    """The shape with the length that ``-1`` stands for."""
    if Integer(-1) not in target:
        return target
    missing = Mul(*value.lengths) / Mul(*(size for size in target if size != -1))
    return tuple(missing if size == -1 else size for size in target)


def _with_units(value: Traced, target: Shape) -> Any:
    """The value with axes of length one left out, and put in where the target has them."""
    items: list[Any] = [0 if is_unit(size) else slice(None) for size in value.lengths]
    plain = value[tuple(items)] if 0 in items else value
    return plain[tuple(None if is_unit(size) else slice(None) for size in target)] if target else plain


def ravel(record: Record, a: Any, order: str = "C") -> Traced:
    """All entries in one axis, row by row; column by column for order F."""
    value = lift(record, a)
    if order not in {"C", "F"} or value.ndim > 2:
        raise UnsupportedError(
            f"ravel of shape {shape_text(value.lengths)} in the order {order} cannot be traced",
            expected="a matrix and the order C or F",
        )
    if value.ndim == 2:
        return call(record, "vec", value if order == "F" else call(record, "transpose", value))
    return value if value.ndim else value[None]


def broadcast_to(record: Record, array: Any, shape: Any) -> Traced:
    """The value repeated along new axes and axes of length one."""
    value, target = lift(record, array), lengths(record, shape)
    result = step(record, Binary("*", value.node, Call("ones", (shape_node(target),))))
    if result.lengths != target:
        raise ShapeError(
            "a value can only be broadcast to more axes or longer ones", expected=f"shape {shape_text(target)}",
            found=f"shape {shape_text(value.lengths)}",
        )  # fmt: skip
    return result


# ---- chosen entries -------------------------------------------------------------------------------


def flip(record: Record, m: Any, axis: Any = None) -> Traced:
    """The entries in reverse order, along all axes or some."""
    value = lift(record, m)
    chosen = range(value.ndim) if axis is None else [from_front(item, value.ndim) for item in _several(axis)]
    return value[tuple(slice(None, None, -1) if place in chosen else slice(None) for place in range(value.ndim))]


def take(record: Record, a: Any, indices: Any, axis: Any = None) -> Traced:
    """The entries with the labels ``indices`` along an axis."""
    value = lift(record, a)
    if axis is None and value.ndim != 1:
        raise UnsupportedError("np.take without axis= flattens a matrix", hint="give the axis")
    return value[(*[slice(None)] * from_front(axis or 0, value.ndim), indices)]


def take_along_axis(record: Record, arr: Any, indices: Any, axis: Any = -1) -> Traced:
    """The entries with the labels ``indices`` along an axis, at the same places along the others."""
    value, labels = lift(record, arr), lift(record, indices)
    along = from_front(axis, value.ndim)
    if labels.ndim != value.ndim:
        raise ShapeError("take_along_axis needs as many axes in both", found=f"{value.ndim} and {labels.ndim}")
    items: list[Any] = []
    for number, size in enumerate(value.lengths):
        beside = tuple(slice(None) if other == number else None for other in range(value.ndim))
        items.append(labels if number == along else step(record, Call("arange", (length_node(size),)))[beside])
    return value[tuple(items)]


# ---- several arrays -------------------------------------------------------------------------------


def _joined(record: Record, function: str, parts: Sequence[Traced], axis: int) -> Traced:
    nodes: tuple[Node, ...] = tuple(part.node for part in parts)
    return step(record, Call(function, (Tuple(nodes),), (("axis", constants.axes(axis)),)))


def _parts(record: Record, arrays: Any) -> list[Traced]:
    if isinstance(arrays, Traced):
        return list(arrays)
    return [lift(record, item) for item in arrays]


def concatenate(record: Record, arrays: Any, axis: int | None = 0) -> Traced:
    """One after the other along an axis."""
    if axis is None:
        raise UnsupportedError("np.concatenate with axis=None cannot be traced", hint="give the axis")
    return _joined(record, "concat", _parts(record, arrays), axis)


def stack(record: Record, arrays: Any, axis: int = 0) -> Traced:
    """Side by side along a new axis."""
    return _joined(record, "stack", _parts(record, arrays), axis)


def hstack(record: Record, tup: Any) -> Traced:
    """Side by side: along the second axis, or the only one."""
    parts = _parts(record, tup)
    return _joined(record, "concat", parts, 0 if parts[0].ndim < 2 else 1)


def vstack(record: Record, tup: Any) -> Traced:
    """Under one another; vectors become rows."""
    rows = [part if part.ndim > 1 else part[None, :] for part in _parts(record, tup)]
    return _joined(record, "concat", rows, 0)


def column_stack(record: Record, tup: Any) -> Traced:
    """Side by side; vectors become columns."""
    columns = [part if part.ndim > 1 else part[:, None] for part in _parts(record, tup)]
    return _joined(record, "concat", columns, 1)


def diagonal(record: Record, a: Any) -> Traced:
    """The diagonal of a matrix."""
    value = lift(record, a)
    if value.ndim != 2:
        raise ShapeError("np.diagonal needs a matrix", found=f"shape {shape_text(value.lengths)}")
    return call(record, "diag", value)


READINGS: dict[str, Callable[..., Any]] = {
    "ones": constant("ones"),
    "zeros": constant("zeros"),
    "tri": tri,
    "full": full,
    "eye": eye,
    "identity": eye,
    "array": array,
    "asarray": array,
    "ones_like": constant_like("ones"),
    "zeros_like": constant_like("zeros"),
    "full_like": full_like,
    "transpose": transpose,
    "matrix_transpose": matrix_transpose,
    "swapaxes": swapaxes,
    "moveaxis": moveaxis,
    "expand_dims": expand_dims,
    "squeeze": squeeze,
    "reshape": reshape,
    "ravel": ravel,
    "broadcast_to": broadcast_to,
    "flip": flip,
    "take": take,
    "take_along_axis": take_along_axis,
    "concatenate": concatenate,
    "stack": stack,
    "hstack": hstack,
    "vstack": vstack,
    "column_stack": column_stack,
    "diagonal": diagonal,
    "linalg.diagonal": diagonal,
    "linalg.matrix_transpose": matrix_transpose,
}
