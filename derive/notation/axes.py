"""How functions that move, cut or repeat entries become index expressions.

As in ``functions.py``; :data:`AXIS_LOWERINGS` holds them under the names of the catalogue.
Nothing here computes: an entry of the result is an entry of the argument at another place, or 0.
Where an axis is split or made of others, places are quotients and remainders: ``x.reshape(n, 3)``
is ``x[3*i + j]``, and ``X.reshape(-1)`` is ``X[i // 3, i % 3]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp
from sympy import Expr, Mod, Mul, S

from chainrule.derive.errors import LimitError, NotationError, ShapeError
from chainrule.derive.notation import scalars
from chainrule.derive.notation.functions import ALL_AXES, MAX_RANK, Axes
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.tensors import Shape, Tensor, Workspace, at, broadcast_shape, frees, shape_text, spread
from chainrule.derive.program import Index, Reduction, free_index, is_unit
from chainrule.derive.ranges import at_least, divided, is_nonnegative, quotient, remainder
from chainrule.derive.scalar import less_equal, where

# ---- order of axes ------------------------------------------------------------------------------


def permuted(x: Tensor, order: Sequence[int], node: Node) -> Tensor:
    """The axes in another order; ``order`` says where each comes from."""
    places: list[Expr] = [S.Zero] * x.rank
    for position, axis in enumerate(order):
        places[axis] = free_index(position)
    row = x.rank == 1 and not x.row
    return Tensor(tuple(x.shape[axis] for axis in order), at(x, places), node, row=row)


def lower_transpose(work: Workspace, node: Node, x: Tensor, axes: Axes = ALL_AXES) -> Tensor:
    """The axes in reverse order, or in the order given."""
    if axes.values is None:
        return permuted(x, range(x.rank)[::-1], node)
    order = axes.places(x)
    if len(order) != x.rank:
        raise ShapeError(
            f"the order names {len(order)} axes, and {x.text} has {x.rank}", axes.span,
            expected=f"each axis from 0 to {x.rank - 1} once", found=str(axes.values),
        )  # fmt: skip
    return replace(permuted(x, order, node), row=False)


def lower_swapaxes(work: Workspace, node: Node, x: Tensor, axis1: Axes, axis2: Axes) -> Tensor:
    """Two axes exchanged."""
    (first,), (second,) = axis1.places(x), axis2.places(x)
    order = list(range(x.rank))
    order[first], order[second] = second, first
    return replace(permuted(x, order, node), row=False)


def lower_moveaxis(work: Workspace, node: Node, x: Tensor, source: Axes, destination: Axes) -> Tensor:
    """Axes moved to other places, the others in their order."""
    sources, targets = source.places(x), destination.places(x)
    if len(sources) != len(targets):
        raise ShapeError("moveaxis needs as many places as axes", node.span, found=f"{sources} and {targets}")
    order: list[int] = [axis for axis in range(x.rank) if axis not in sources]
    for target, axis in sorted(zip(targets, sources, strict=True)):
        order.insert(target, axis)
    return replace(permuted(x, order, node), row=False)


def lower_expand_dims(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
    """New axes of length one."""
    count = len(axis.values or ())
    wide = Tensor((S.One,) * (x.rank + count), S.Zero, x.node)
    new = axis.places(wide)
    kept = [place for place in range(wide.rank) if place not in new]
    return work.widened(replace(x, node=node, row=False), kept, wide.rank)


def lower_squeeze(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
    """Without axes of length one."""
    units = [place for place, length in enumerate(x.shape) if is_unit(length)]
    dropped = units if axis.values is None else axis.places(x)
    for place in dropped:
        if place not in units:
            raise ShapeError(
                f"axis {place} of {x.text} cannot be left out", axis.span or x.span, expected="an axis of length 1",
                found=f"length {x.shape[place]}",
            )  # fmt: skip
    kept = [place for place in range(x.rank) if place not in dropped]
    places = [free_index(kept.index(place)) if place in kept else S.Zero for place in range(x.rank)]
    return Tensor(tuple(x.shape[place] for place in kept), at(x, places), node)


# ---- other shapes -------------------------------------------------------------------------------


def lower_reshape(work: Workspace, node: Node, x: Tensor, shape: Shape) -> Tensor:
    """The same entries, row by row, in another shape; -1 stands for the length that is left."""
    return reshaped(work, x, _completed(x, shape, node), node)


def reshaped(work: Workspace, x: Tensor, shape: Shape, node: Node) -> Tensor:
    """The entries in the order of NumPy (the last index moves fastest) in another shape.

    The axes are taken in groups of equal size; within one, the place is counted in entries.

    Raises:
        ShapeError: the numbers of entries differ; where lengths are symbols, the arrays may tell.
    """
    if len(shape) > MAX_RANK:
        raise LimitError(f"a tensor has at most {MAX_RANK} axes", node.span)
    lengths = dict(zip(frees(len(shape)), shape, strict=True))
    places: list[Expr] = []
    for old, new in _groups(work, x, shape, node):
        flat = sum((index * _stride(shape, index, new) for index in new), S.Zero)
        for axis in old:
            stride = Mul(*(x.shape[later] for later in old if later > axis))
            place = quotient(flat, stride, lengths)
            places.append(place if axis == old[0] else remainder(place, x.shape[axis], lengths))
    return Tensor(shape, at(x, places), node)


def _stride(shape: Shape, index: Index, group: Sequence[Index]) -> Expr:
    """How many entries of its group one step of an index passes."""
    places = {free_index(axis): axis for axis in range(len(shape))}
    return Mul(*(shape[places[later]] for later in group if places[later] > places[index]))


def _groups(work: Workspace, x: Tensor, shape: Shape, node: Node) -> list[tuple[list[int], list[Index]]]:
    """Neighbouring axes of both shapes that hold as many entries, as few as possible in each group."""
    groups: list[tuple[list[int], list[Index]]] = []
    old, new = 0, 0
    while old < x.rank or new < len(shape):
        sizes, ours, theirs = [S.One, S.One], [old, old], [new, new]
        while True:
            short = not _is_multiple(sizes[0], sizes[1])
            if ours[1] < x.rank and (short or theirs[1] == len(shape)):
                sizes[0], ours[1] = sizes[0] * x.shape[ours[1]], ours[1] + 1
            elif theirs[1] < len(shape):
                sizes[1], theirs[1] = sizes[1] * shape[theirs[1]], theirs[1] + 1
            elif all(size.is_Integer for size in sizes):
                raise _other_size(x, shape, node)
            else:
                # Only the arrays tell whether both shapes hold as many entries.
                ours_, theirs_ = map(sp.expand, sizes)
                work.require(ours_, theirs_, theirs_, f"the new shape {shape_text(shape)}")
                break
            if sp.expand(sizes[0] - sizes[1]) == 0:
                break
        groups.append((list(range(*ours)), [free_index(axis) for axis in range(*theirs)]))
        old, new = ours[1], theirs[1]
    return groups


def _is_multiple(size: Expr, of: Expr) -> bool:
    """Whether one size is a multiple of another, larger than it."""
    return bool(size != of and divided(size, of)[1] == 0)


def _other_size(x: Tensor, shape: Shape, node: Node) -> ShapeError:
    return ShapeError(
        f"{x.text} cannot be reshaped to {shape_text(shape)}", node.span,
        expected=f"{sp.expand(Mul(*x.shape))} entries", found=f"{sp.expand(Mul(*shape))} entries",
    )  # fmt: skip


def _completed(x: Tensor, shape: Shape, node: Node) -> Shape:
    """The shape with the length that ``-1`` stands for."""
    open_axes = [axis for axis, length in enumerate(shape) if length == -1]
    if not open_axes:
        return shape
    known = tuple(length for length in shape if length != -1)
    if len(open_axes) > 1:
        raise NotationError("one length of a new shape may be left open", node.span, found=shape_text(shape))
    total, rest = divided(Mul(*x.shape), Mul(*known))
    left = total if rest == 0 else sp.floor(Mul(*x.shape) / Mul(*known))
    if left == 0 or (left.is_Integer and rest != 0):
        raise _other_size(x, known, node)
    return tuple(left if length == -1 else length for length in shape)


def lower_ravel(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """All entries in one axis, row by row."""
    return reshaped(work, x, (Mul(*x.shape),), node)


def lower_vec(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """vec(x)[j*m + i] = x[i, j] for x with m rows: the first index moves fastest."""
    return lower_ravel(work, node, permuted(x, range(x.rank)[::-1], x.node))


def lower_broadcast_to(work: Workspace, node: Node, x: Tensor, shape: Shape) -> Tensor:
    """Repeated along new axes and axes of length one."""
    target = Tensor(shape, S.Zero, node)
    if len(shape) > MAX_RANK or broadcast_shape([x, target], "broadcast_to") != shape:
        raise ShapeError(
            f"{x.text} cannot be broadcast to {shape_text(shape)}", node.span,
            expected="more axes, or longer ones in place of length 1", found=f"shape {shape_text(x.shape)}",
        )  # fmt: skip
    return Tensor(shape, spread(x, shape), node)


# ---- along axes ---------------------------------------------------------------------------------


def _moved(x: Tensor, axis: int, place: Expr, node: Node, length: Expr | None = None) -> Tensor:
    """The entries at another place of one axis, which may get another length."""
    places: list[Expr] = list(frees(x.rank))
    places[axis] = place
    lengths = x.shape if length is None else (*x.shape[:axis], length, *x.shape[axis + 1 :])
    return Tensor(lengths, at(x, places), node)


def lower_flip(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
    """The entries in reverse order."""
    for place in axis.of(x):
        x = _moved(x, place, x.shape[place] - 1 - free_index(place), node)
    return replace(x, node=node, row=False)


def lower_roll(work: Workspace, node: Node, x: Tensor, shift: Expr, axis: Axes) -> Tensor:
    """Every entry moved on by ``shift`` places, round the end; all axes as one if none is named."""
    if axis.values is None and x.rank != 1:
        flat = lower_roll(work, node, lower_ravel(work, node, x), shift, axis)
        return reshaped(work, flat, x.shape, node)
    for place in axis.of(x):
        x = _moved(x, place, Mod(free_index(place) - shift, x.shape[place]), node)
    return replace(x, node=node, row=False)


def lower_repeat(work: Workspace, node: Node, x: Tensor, repeats: Expr, axis: Axes) -> Tensor:
    """Every entry ``repeats`` times in a row; all axes as one if none is named."""
    if axis.values is None and x.rank != 1:
        x = lower_ravel(work, node, x)
    (place,) = axis.of(x)
    length = sp.expand(repeats * x.shape[place])
    index = free_index(place)
    return _moved(x, place, quotient(index, repeats, {index: length}), node, length)


def lower_tile(work: Workspace, node: Node, x: Tensor, reps: Shape) -> Tensor:
    """The whole array several times along each axis."""
    x = work.widened(x, range(max(len(reps) - x.rank, 0), max(x.rank, len(reps))), max(x.rank, len(reps)))
    for axis, count in enumerate((*[S.One] * (x.rank - len(reps)), *reps)):
        length, index = sp.expand(count * x.shape[axis]), free_index(axis)
        x = _moved(x, axis, remainder(index, x.shape[axis], {index: length}), node, length)
    return replace(x, node=node, row=False)


def lower_diff(work: Workspace, node: Node, x: Tensor, n: Expr, axis: Axes) -> Tensor:
    """``x[1:] - x[:-1]`` along an axis, n times."""
    (place,) = axis.of(x)
    index = free_index(place)
    for _ in range(_small(n, node)):
        length = x.shape[place] - 1
        if length.is_nonpositive:
            raise ShapeError(f"axis {place} of {x.text} is too short for diff", node.span, found=shape_text(x.shape))
        work.require(length, S.Zero, length, f"axis {place} of {x.text}")
        later, earlier = (_moved(x, place, index + step, node, length) for step in (1, 0))
        x = work.settle(replace(later, body=scalars.add([later.body, -earlier.body])))
    return replace(x, node=node, row=False)


def _small(count: Expr, node: Node) -> int:
    if not count.is_Integer or not 0 <= count <= 20:
        raise NotationError("the order of a difference is a small integer", node.span, found=str(count))
    return int(count)


def _cumulative(kind: Reduction, entry: Callable[[Expr, Expr], Expr]) -> Callable[..., Tensor]:
    """The reduction over all entries up to each one: a new last axis runs over those entries."""

    def lower(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
        if axis.values is None and x.rank != 1:
            x = lower_ravel(work, node, x)
        (place,) = axis.of(x)
        other = free_index(x.rank)
        indices: list[Expr] = list(frees(x.rank))
        indices[place] = other
        body = entry(less_equal(other, free_index(place)), at(x, indices))
        pairs = Tensor((*x.shape, x.shape[place]), body, node)
        return work.reduce(pairs, [x.rank], kind, "c", node)

    return lower


def lower_pad(work: Workspace, node: Node, x: Tensor, pad_width: Any) -> Tensor:
    """Zeros before and after each axis: ``n``, ``(before, after)``, or such a pair for each axis."""
    for axis, (before, after) in enumerate(_pairs(x, pad_width, node)):
        length, index = x.shape[axis], free_index(axis)
        from_start = S.One if before == 0 else at_least(index, before)
        to_end = S.One if after == 0 else at_least(before + length - 1, index)
        x = _moved(x, axis, index - before, node, sp.expand(before + length + after))
        x = replace(x, body=from_start * to_end * x.body)
    return replace(x, node=node, row=False)


def _pairs(x: Tensor, widths: Any, node: Node) -> list[tuple[Expr, Expr]]:
    """What is put before and after each axis."""
    items = widths if isinstance(widths, tuple) else (widths, widths)
    each = items if all(isinstance(item, tuple) for item in items) else (items,) * x.rank
    pairs = [item * 2 if len(item) == 1 else item for item in each]
    if len(pairs) != x.rank or any(len(item) != 2 or not _are_widths(item) for item in pairs):
        raise NotationError(
            "this is no width for pad", node.span, expected="n, (before, after), or a pair for each axis",
            found=f"{len(pairs)} for shape {shape_text(x.shape)}",
        )  # fmt: skip
    return pairs


def _are_widths(pair: tuple[Any, ...]) -> bool:
    return all(isinstance(width, Expr) and is_nonnegative(width) for width in pair)


AXIS_LOWERINGS: dict[str, Callable[..., Any]] = {
    "cumsum": _cumulative("sum", lambda inside, entry: inside * entry),
    "cumprod": _cumulative("prod", lambda inside, entry: where(inside, entry, S.One)),
    "diff": lower_diff,
    "transpose": lower_transpose,
    "swapaxes": lower_swapaxes,
    "moveaxis": lower_moveaxis,
    "expand_dims": lower_expand_dims,
    "squeeze": lower_squeeze,
    "reshape": lower_reshape,
    "ravel": lower_ravel,
    "vec": lower_vec,
    "broadcast_to": lower_broadcast_to,
    "flip": lower_flip,
    "roll": lower_roll,
    "repeat": lower_repeat,
    "tile": lower_tile,
    "pad": lower_pad,
}
