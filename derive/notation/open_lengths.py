r"""Arrays whose size the other operand tells: the ``I`` of ``X^{\top} X + I``, the 1 of ``X 1``.

Such an array has a length of its own until it meets another; what never meets one is refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sympy import Expr, KroneckerDelta, S

from chainrule.derive.errors import NotationError
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.tensors import Tensor
from chainrule.derive.program import Dim, dim, free_index, is_unit

_SERIAL = itertools.count()
#: Open lengths have names that no length of a formula has.
_MARK = "?"


def open_identity(node: Node) -> Tensor:
    """An identity matrix of any size."""
    side = dim(f"{_MARK}{next(_SERIAL)}")
    return Tensor((side, side), KroneckerDelta(free_index(0), free_index(1)), node)


def open_ones(node: Node) -> Tensor:
    """A vector of ones of any length."""
    return Tensor((dim(f"{_MARK}{next(_SERIAL)}"),), S.One, node)


def is_open(length: Expr) -> bool:
    """Whether a length is still to be told."""
    return isinstance(length, Dim) and length.name.startswith(_MARK)


def aligned(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Tensors that are broadcast together, with the open lengths that the others tell."""
    if not any(is_open(length) for tensor in tensors for length in tensor.shape):
        return list(tensors)
    pairs = [
        [tensor.shape[-back] for tensor in tensors if tensor.rank >= back]
        for back in range(1, 1 + max(tensor.rank for tensor in tensors))
    ]
    return [_told(tensor, pairs) for tensor in tensors]


def multiplied(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The operands of a product of matrices, with the open lengths that the other tells."""
    if not left.rank or not right.rank:
        return left, right
    pair = [[left.shape[-1], right.shape[-1 if right.rank == 1 else -2]]]
    left, right = _told(left, pair), _told(right, pair)
    refuse_open(left.shape[-1:], left.node)
    return left, right


def _told(tensor: Tensor, groups: Iterable[Sequence[Expr]]) -> Tensor:
    """The tensor with each open length replaced by an equal one that is known."""
    known: dict[Expr, Expr] = {}
    for group in groups:
        found = [length for length in group if not is_open(length) and not is_unit(length)]
        best = found[0] if found else group[0]
        known |= {length: best for length in group if is_open(length)}
    return replace(tensor, shape=tuple(known.get(length, length) for length in tensor.shape))


def refuse_open(lengths: Iterable[Expr], node: Node) -> None:
    """Refuse a value whose size nothing has told."""
    if any(map(is_open, lengths)):
        raise NotationError(
            "nothing here tells the size of this", node.span,
            expected="a size below it: I_{n}, \\mathbf{1}_{n}",
        )  # fmt: skip
