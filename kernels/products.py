"""Sums of products of two arrays that BLAS computes: which they are, and how they are written.

``C[b.., l.., r..] := sum over c.. of A[..] B[..]`` is a matrix product where the axes of ``A`` are
the batch ``b``, then the left indices ``l`` and the summed indices ``c`` in either order, and
likewise for ``B``; several neighbouring axes count as one.
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
        batch: the indices that both factors and the result have.
        left, right: the indices of the result that come from the first and the second factor.
        contracted: the indices summed over.
        flip_first, flip_second: whether a factor is transposed.
    """

    first: Ref
    second: Ref
    batch: tuple[Index, ...]
    left: tuple[Index, ...]
    right: tuple[Index, ...]
    contracted: tuple[Index, ...]
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


def matrix_product(definition: Definition, shapes: Shapes = NO_SHAPES) -> MatrixProduct | None:
    """How to compute a definition as one matrix product of whole arrays, or None."""
    factors = Mul.make_args(definition.body)
    if definition.reduce != "sum" or len(factors) != 2:
        return None
    if not all(isinstance(factor, Ref) and is_plain(factor, definition.lengths, shapes) for factor in factors):
        return None
    one, two = factors
    orders = (_ordered(definition, one, two), _ordered(definition, two, one))
    possible = [order for order in orders if order is not None]
    return min(possible, key=lambda order: order.flip_first + order.flip_second, default=None)


def _ordered(definition: Definition, one: Ref, two: Ref) -> MatrixProduct | None:
    """The product with the factors in this order, if the result's axes allow it."""
    free, bound = definition.free, definition.bound_indices
    first, second = one.indices, two.indices
    contracted = tuple(index for index in first if index in bound)
    if set(contracted) != set(bound) or not set(bound) <= set(second):
        return None
    batch = tuple(index for index in free if index in first and index in second)
    left = tuple(index for index in first if index in free and index not in second)
    right = tuple(index for index in second if index in free and index not in first)
    if batch + left + right != free or (batch and not (left and right)):
        return None
    flip_first = _flip(first, batch, left, contracted)
    flip_second = _flip(second, batch, contracted, right)
    if flip_first is None or flip_second is None:
        return None
    return MatrixProduct(one, two, batch, left, right, contracted, flip_first, flip_second)


def _flip(
    indices: Sequence[object], batch: tuple[Index, ...], rows: tuple[Index, ...], columns: tuple[Index, ...]
) -> bool | None:
    """Whether the axes are (batch, columns, rows) instead of (batch, rows, columns); None if neither."""
    if tuple(indices) == batch + rows + columns:
        return False
    return True if tuple(indices) == batch + columns + rows else None
