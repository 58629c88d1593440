"""How diagonals, Kronecker products, blocks and what labels select become index expressions.

As in ``functions.py``; the table at the end holds them under the names of the catalogue.
The Kronecker product with B of shape (p, q) is ``A[i // p, j // q] * B[i % p, j % q]``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sympy as sp
from sympy import Expr, Integer, KroneckerDelta, S

from chainrule.derive.errors import LimitError, NotationError, ShapeError
from chainrule.derive.notation import functions, scalars
from chainrule.derive.notation.axes import lower_ravel
from chainrule.derive.notation.functions import MAX_RANK, Axes
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.tensors import (
    Tensor,
    Workspace,
    at,
    broadcast_shape,
    frees,
    mismatch,
    shape_text,
    spread,
)
from chainrule.derive.program import free_index, is_unit
from chainrule.derive.ranges import at_least, is_nonnegative, quotient, remainder
from chainrule.derive.scalar import less, where

# ---- diagonals and triangles --------------------------------------------------------------------


def _triangle(side: int) -> Callable[..., Tensor]:
    """The entries on one side of the diagonal k, the last two axes being rows and columns."""

    def lower(work: Workspace, node: Node, x: Tensor, k: Expr) -> Tensor:
        if x.rank < 2:
            raise ShapeError(
                f"{x.text} has no triangle", x.span, expected="a matrix", found=f"shape {shape_text(x.shape)}"
            )
        above = side * (free_index(x.rank - 2) + k - free_index(x.rank - 1))
        return Tensor(x.shape, where(at_least(above, S.Zero), x.body, S.Zero), node)

    return lower


def lower_diag(work: Workspace, node: Node, x: Tensor, k: Expr) -> Tensor:
    """x[i] on the diagonal k of a matrix, or the diagonal k of x."""
    if x.rank == 2:
        return lower_diagonal(work, node, x, k, Axes((0,), None), Axes((1,), None))
    if x.rank != 1:
        raise ShapeError(
            "diag takes a vector or a matrix", x.span, expected="one axis or two", found=f"shape {shape_text(x.shape)}",
            hint="the diagonals of several matrices are diagonal(x, axis1=.., axis2=..)",
        )  # fmt: skip
    row, column = frees(2)
    above = _is_above(k, node)
    side = x.shape[0] + (k if above else -k)
    on_diagonal = KroneckerDelta(row, column - k) if above else KroneckerDelta(row + k, column)
    return Tensor((side, side), at(x, [row if above else column]) * on_diagonal, node)


def _is_above(offset: Expr, node: Node) -> bool:
    """Whether a diagonal is the main one or above it."""
    if not (is_nonnegative(offset) or is_nonnegative(-offset)):
        raise NotationError("it is not known on which side this diagonal is", node.span, found=f"diagonal {offset}")
    return is_nonnegative(offset)


def lower_diagonal(work: Workspace, node: Node, x: Tensor, offset: Expr, axis1: Axes, axis2: Axes) -> Tensor:
    """x[.., i, .., i + offset, ..], the axis of i last."""
    (first,), (second,) = axis1.places(x), axis2.places(x)
    if first == second:
        raise ShapeError("a diagonal needs two different axes", node.span)
    above = _is_above(offset, node)
    length = _diagonal_length(x, (first, second), offset, node)
    work.require(length, S.Zero, x.shape[first], f"axis {first} of {x.text}")
    kept = [axis for axis in range(x.rank) if axis not in (first, second)]
    index = free_index(len(kept))
    places: list[Expr] = [S.Zero] * x.rank
    places[first] = index if above else index - offset
    places[second] = index + offset if above else index
    for position, axis in enumerate(kept):
        places[axis] = free_index(position)
    return Tensor((*(x.shape[axis] for axis in kept), length), at(x, places), node)


def _diagonal_length(x: Tensor, axes: tuple[int, int], offset: Expr, node: Node) -> Expr:
    """The length of a diagonal, where both sides can be compared."""
    rows, columns = (x.shape[axis] for axis in axes)
    ends = (rows, columns - offset) if _is_above(offset, node) else (rows + offset, columns)
    if not all(end.is_Integer for end in ends) and rows != columns:
        raise ShapeError(
            "the diagonal needs a square matrix", x.span, expected="shape (n, n)", found=f"shape {shape_text(x.shape)}"
        )
    length = ends[0] if is_nonnegative(ends[1] - ends[0]) else ends[1]
    if length.is_nonpositive:
        raise ShapeError(f"there is no diagonal {offset}", node.span, found=f"shape {shape_text(x.shape)}")
    return length


def lower_trace(work: Workspace, node: Node, x: Tensor, offset: Expr, axis1: Axes, axis2: Axes) -> Tensor:
    """The sum of a diagonal."""
    if x.rank < 2:
        raise ShapeError(
            "trace needs a square matrix", x.span, expected="shape (n, n)", found=f"shape {shape_text(x.shape)}"
        )
    diagonal = lower_diagonal(work, node, x, offset, axis1, axis2)
    return work.reduce(diagonal, [diagonal.rank - 1], "sum", "s", node)


# ---- products -----------------------------------------------------------------------------------


def lower_kron(work: Workspace, node: Node, a: Tensor, b: Tensor) -> Tensor:
    """a[i // p, ..] * b[i % p, ..] for b of shape (p, ..)."""
    rank = max(a.rank, b.rank)
    a, b = (work.widened(work.factor(t), range(rank - t.rank, rank), rank) for t in (a, b))
    shape = tuple(sp.expand(one * two) for one, two in zip(a.shape, b.shape, strict=True))
    lengths = dict(zip(frees(rank), shape, strict=True))
    outer = [quotient(index, length, lengths) for index, length in zip(lengths, b.shape, strict=True)]
    inner = [remainder(index, length, lengths) for index, length in zip(lengths, b.shape, strict=True)]
    return Tensor(shape, scalars.multiply([at(a, outer), at(b, inner)]), node)


def lower_outer(work: Workspace, node: Node, a: Tensor, b: Tensor) -> Tensor:
    """a[i] * b[j]; other arrays are taken row by row."""
    left, right = (t if t.rank == 1 else lower_ravel(work, t.node, t) for t in (a, b))
    return functions.lower_outer(work, node, left, right)


def lower_tensordot(work: Workspace, node: Node, a: Tensor, b: Tensor, axes: Any) -> Tensor:
    """The sum over the last axes of a and the first ones of b, or over axes that are named."""
    first, second = _contracted_axes(a, b, axes, node)
    left: list[object] = [("a", axis) for axis in range(a.rank)]
    right: list[object] = [("b", axis) for axis in range(b.rank)]
    for one, other in zip(first, second, strict=True):
        right[other] = left[one]
    out = [label for label in left + right if (label in left) != (label in right)]
    return work.contract([(a, left), (b, right)], out, node, "tensordot")


def _contracted_axes(a: Tensor, b: Tensor, axes: Any, node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of both operands that are summed over: a number of them, or nested tuples."""
    if isinstance(axes, Expr) and axes.is_Integer and 0 <= axes <= min(a.rank, b.rank):
        count = int(axes)
        return tuple(range(a.rank - count, a.rank)), tuple(range(count))
    pair = axes if isinstance(axes, tuple) and len(axes) == 2 else ()
    sides = [item if isinstance(item, tuple) else (item,) for item in pair]
    if len(sides) == 2 and len(sides[0]) == len(sides[1]):
        found = [Axes(tuple(int(axis) for axis in side), node.span) for side in sides]
        return found[0].places(a), found[1].places(b)
    raise NotationError("these are no axes of tensordot", node.span, expected="a number of axes, or ((..), (..))")


# ---- several tensors ----------------------------------------------------------------------------


def lower_concat(work: Workspace, node: Node, parts: Sequence[Tensor], axis: Axes) -> Tensor:
    """Along the axis, the entries of the first tensor, then of the second, .."""
    (place,) = axis.of(parts[0])
    for part in parts[1:]:
        if part.rank != parts[0].rank:
            raise ShapeError("concat needs tensors with the same number of axes", part.span)
        for other in set(range(part.rank)) - {place}:
            if part.shape[other] != parts[0].shape[other]:
                raise mismatch(parts[0], other, part, other, "concat")
    index, body = free_index(place), S.Zero
    total = sum((part.shape[place] for part in parts), S.Zero)
    end = total
    for part in reversed(parts):
        start = end - part.shape[place]
        indices: list[Expr] = list(frees(part.rank))
        indices[place] = S.Zero if is_unit(part.shape[place]) else index - start
        entry = at(part, indices)
        body = entry if end == total else where(less(index, end), entry, body)
        end = start
    return Tensor((*parts[0].shape[:place], total, *parts[0].shape[place + 1 :]), body, node)


def lower_stack(work: Workspace, node: Node, parts: Sequence[Tensor], axis: Axes) -> Tensor:
    """A new axis over the tensors."""
    for part in parts[1:]:
        if part.shape != parts[0].shape:
            raise ShapeError(
                "stack needs tensors of one shape", part.span, expected=f"shape {shape_text(parts[0].shape)}",
                found=f"shape {shape_text(part.shape)}",
            )  # fmt: skip
    count = Integer(len(parts))
    (place,) = axis.of(replace(parts[0], shape=(*parts[0].shape, count)))
    index = free_index(place)
    indices = [*frees(place), *(free_index(position + 1) for position in range(place, parts[0].rank))]
    entries = [at(part, indices) for part in parts]
    body = entries[-1]
    for position in reversed(range(len(parts) - 1)):
        body = where(less(index, Integer(position + 1)), entries[position], body)
    return Tensor((*parts[0].shape[:place], count, *parts[0].shape[place:]), body, node)


def lower_hstack(work: Workspace, node: Node, parts: Sequence[Tensor]) -> Tensor:
    """Side by side: along the second axis, or the only one."""
    return lower_concat(work, node, parts, Axes((0 if parts[0].rank < 2 else 1,), node.span))


def lower_vstack(work: Workspace, node: Node, parts: Sequence[Tensor]) -> Tensor:
    """Under one another; vectors become rows."""
    rows = [work.widened(part, range(2 - part.rank, 2), 2) if part.rank < 2 else part for part in parts]
    return lower_concat(work, node, rows, Axes((0,), node.span))


def lower_column_stack(work: Workspace, node: Node, parts: Sequence[Tensor]) -> Tensor:
    """Side by side; vectors become columns."""
    columns = [work.widened(part, range(part.rank), 2) if part.rank < 2 else part for part in parts]
    return lower_concat(work, node, columns, Axes((1,), node.span))


def lower_block(work: Workspace, node: Node, blocks: Any) -> Tensor:
    """Blocks in nested tuples: the innermost along the last axis, those around them along the one before."""
    rank = max(_depth(blocks), *(tensor.rank for tensor in _leaves(blocks)))
    if rank > MAX_RANK:
        raise LimitError(f"a tensor has at most {MAX_RANK} axes", node.span)

    def joined(part: Any, level: int) -> Tensor:
        if isinstance(part, Tensor):
            return work.widened(part, range(rank - part.rank, rank), rank)
        items = [joined(item, level - 1) for item in part]
        return lower_concat(work, node, items, Axes((rank - level,), node.span))

    return joined(blocks, _depth(blocks))


def _depth(blocks: Any) -> int:
    """How deep the brackets around blocks are."""
    if isinstance(blocks, Tensor):
        return 0
    depths = {_depth(item) for item in blocks}
    if len(depths) != 1:
        raise NotationError("blocks have one depth of brackets", expected="block([[A, B], [C, D]])")
    return 1 + depths.pop()


def _leaves(blocks: Any) -> list[Tensor]:
    return [blocks] if isinstance(blocks, Tensor) else [leaf for item in blocks for leaf in _leaves(item)]


# ---- constructors and labels --------------------------------------------------------------------


def lower_eye(work: Workspace, node: Node, n: Expr, m: Expr | None, k: Expr) -> Tensor:
    """1 on the diagonal k."""
    row, column = frees(2)
    return Tensor((n, n if m is None else m), KroneckerDelta(row + k, column), node)


def lower_arange(work: Workspace, node: Node, bounds: Sequence[Expr]) -> Tensor:
    """``0, 1, ..`` below the bound, or from a start on, in steps."""
    if not 1 <= len(bounds) <= 3 or (len(bounds) == 3 and not bounds[2].is_positive):
        raise NotationError("these are no bounds of arange", node.span, expected="arange(stop) or (start, stop, step)")
    start, stop = (S.Zero, bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = bounds[2] if len(bounds) == 3 else S.One
    distance = sp.expand(stop - start)
    if distance.is_nonpositive:
        raise NotationError("there is no number in this range", node.span, found=f"{start} to {stop}")
    work.require(distance, S.Zero, distance, "arange")
    count = distance if step == 1 else sp.floor((distance + step - 1) / step)
    return Tensor((count,), start + step * free_index(0), node)


def lower_onehot(work: Workspace, node: Node, y: Tensor, k: Expr) -> Tensor:
    """[y[i] == c] for every label c below k."""
    work.require(y.body, S.Zero, k - 1, f"the {k} labels of {y.text}", y.shape)
    return Tensor((*y.shape, k), KroneckerDelta(y.body, free_index(y.rank)), node)


def lower_take(work: Workspace, node: Node, x: Tensor, indices: Tensor, axis: Axes) -> Tensor:
    """The entries with the given labels along an axis; all axes as one if none is named."""
    if axis.values is None and x.rank != 1:
        x = lower_ravel(work, node, x)
    (place,) = axis.of(x)
    _require_labels(work, indices, x, place)
    count = indices.rank
    moved = {free_index(n): free_index(place + n) for n in range(count)}
    places: list[Expr] = [free_index(n if n < place else n + count - 1) for n in range(x.rank)]
    places[place] = indices.body.xreplace(moved)
    return Tensor((*x.shape[:place], *indices.shape, *x.shape[place + 1 :]), at(x, places), node)


def lower_take_along_axis(work: Workspace, node: Node, x: Tensor, indices: Tensor, axis: Axes) -> Tensor:
    """x[i, indices[i, j]]: labels along one axis, the others side by side."""
    (place,) = axis.of(x)
    if indices.rank != x.rank:
        raise ShapeError(
            "take_along_axis needs labels with as many axes", node.span, expected=f"{x.rank} axes",
            found=f"shape {shape_text(indices.shape)}",
        )  # fmt: skip
    wide, labels = (replace(t, shape=(*t.shape[:place], S.One, *t.shape[place + 1 :])) for t in (x, indices))
    shape = list(broadcast_shape([wide, labels], "take_along_axis"))
    shape[place] = indices.shape[place]
    _require_labels(work, indices, x, place)
    places: list[Expr] = [
        S.Zero if is_unit(length) and not is_unit(shape[n]) else free_index(n) for n, length in enumerate(wide.shape)
    ]
    places[place] = spread(indices, tuple(shape))
    return Tensor(tuple(shape), at(x, places), node)


def _require_labels(work: Workspace, labels: Tensor, x: Tensor, axis: int) -> None:
    work.require(labels.body, S.Zero, x.shape[axis] - 1, f"axis {axis} of {x.text}", labels.shape)


STRUCTURE_LOWERINGS: dict[str, Callable[..., Any]] = {
    "outer": lower_outer,
    "kron": lower_kron,
    "tensordot": lower_tensordot,
    "trace": lower_trace,
    "diag": lower_diag,
    "diagonal": lower_diagonal,
    "tril": _triangle(1),
    "triu": _triangle(-1),
    "concat": lower_concat,
    "stack": lower_stack,
    "hstack": lower_hstack,
    "vstack": lower_vstack,
    "column_stack": lower_column_stack,
    "block": lower_block,
    "take": lower_take,
    "take_along_axis": lower_take_along_axis,
    "eye": lower_eye,
    "arange": lower_arange,
    "onehot": lower_onehot,
}
