"""Sums of products of two arrays that BLAS computes: which they are, and how they are written.

``C[b.., l.., r..] := sum over c.. of A[..] B[..]`` is a matrix product where the axes of ``A`` are
the batch ``b``, then the left indices ``l`` and the summed indices ``c`` in either order, and
likewise for ``B``; several neighbouring axes count as one.  A factor may also lack the batch, and
is the same matrix for all of it then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sympy import Expr, Mul

from chainrule.derive.program import Definition, Index, Program, Ref


@dataclass(frozen=True)
class MatrixProduct:
    """A definition that is a matrix product of two arrays.

    Attributes:
        first, second: the factors, in the order in which they are multiplied.
        batch: the first indices of the result, for each of which there is a product.
        left, right: the indices of the result that come from the first and the second factor.
        contracted: the indices summed over.
        flip_first, flip_second: whether a factor is transposed.
    """

    first: Ref
    second: Ref
    batch: tuple[Index, ...]
    left: tuple[Expr, ...]
    right: tuple[Expr, ...]
    contracted: tuple[Expr, ...]
    flip_first: bool
    flip_second: bool


#: The shapes of arrays by name; one that is not there is read as a whole.
Shapes = Mapping[str, tuple[Expr, ...]]
NO_SHAPES: Shapes = MappingProxyType({})


def is_plain(ref: Ref, lengths: Mapping[Index, Expr], shapes: Shapes) -> bool:
    """Whether an array is read as a whole, at distinct index variables that run over its axes."""
    indices = ref.indices
    if not all(isinstance(index, Index) for index in indices) or len(set(indices)) < len(indices):
        return False
    return ref.name not in shapes or tuple(lengths[index] for index in indices) == shapes[ref.name]


def shapes_of(program: Program) -> Shapes:
    """The shapes of the inputs and definitions."""
    return {item.name: item.shape for item in program.by_name.values()}


def matrix_product(
    definition: Definition, shapes: Shapes = NO_SHAPES, vectors: bool = False
) -> MatrixProduct | None:
    """How to compute a definition as one matrix product of whole arrays, or None.

    A batch of products with vectors is better computed by loops, and counts only if asked for.
    """
    factors = Mul.make_args(definition.body)
    if definition.reduce != "sum" or len(factors) != 2:
        return None
    if not all(isinstance(factor, Ref) and is_plain(factor, definition.lengths, shapes) for factor in factors):
        return None
    one, two = factors
    orders = (_ordered(definition, one, two), _ordered(definition, two, one))
    possible = [order for order in orders if order and (vectors or not order.batch or (order.left and order.right))]
    return min(possible, key=lambda order: order.flip_first + order.flip_second, default=None)


def _ordered(definition: Definition, one: Ref, two: Ref) -> MatrixProduct | None:
    """The product with the factors in this order, with as small a batch as possible, if there is one."""
    bound = set(definition.bound_indices)
    if not bound <= set(one.indices) & set(two.indices):
        return None
    sizes = range(len(definition.free) + 1)
    return next((found for size in sizes if (found := _batched(definition, one, two, size))), None)


def _batched(definition: Definition, one: Ref, two: Ref, size: int) -> MatrixProduct | None:
    """The product with a batch of so many indices, if the axes allow it."""
    free, bound = definition.free, definition.bound_indices
    batch = free[:size]
    if not set(batch) <= {*one.indices, *two.indices}:
        return None
    first, second = _matrix(one, batch), _matrix(two, batch)
    if first is None or second is None:
        return None
    contracted = tuple(index for index in first if index in bound)
    left = tuple(index for index in first if index not in bound)
    right = tuple(index for index in second if index not in bound)
    if batch + left + right != free:
        return None
    flip_first, flip_second = _flip(first, left, contracted), _flip(second, contracted, right)
    if flip_first is None or flip_second is None:
        return None
    return MatrixProduct(one, two, batch, left, right, contracted, flip_first, flip_second)


def _matrix(ref: Ref, batch: tuple[Index, ...]) -> tuple[Expr, ...] | None:
    """The axes of a factor without the batch, which it has in front or not at all."""
    if ref.indices[: len(batch)] == batch:
        return ref.indices[len(batch) :]
    return None if set(batch) & set(ref.indices) else ref.indices


def _flip(indices: Sequence[object], rows: tuple[Expr, ...], columns: tuple[Expr, ...]) -> bool | None:
    """Whether the axes are (columns, rows) instead of (rows, columns); None if neither."""
    if tuple(indices) == rows + columns:
        return False
    return True if tuple(indices) == columns + rows else None
