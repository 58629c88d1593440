"""How each function of whole tensors becomes definitions in index notation.

One function per entry of ``catalog/tensor_functions.py``, collected in :data:`LOWERINGS` under
the entry's name.  Each takes the workspace, the call and its arguments in the signature's order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy import Expr, Integer, Mul, S

from chainrule.derive.catalog.elementwise import abs_
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.errors import LimitError, ShapeError, Span
from chainrule.derive.notation import scalars
from chainrule.derive.notation.syntax import Name, Node, Transpose
from chainrule.derive.notation.tensors import (
    Shape,
    Tensor,
    Workspace,
    at,
    broadcast_shape,
    frees,
    mismatch,
    shape_text,
    spread,
)
from chainrule.derive.program import Reduction
from chainrule.derive.scalar import equal, where

#: Axes that a tensor may have.
MAX_RANK = 8


@dataclass(frozen=True)
class Axes:
    """Axes as written: ``None`` for all; ``several`` says that a tuple was written."""

    values: tuple[int, ...] | None
    span: Span | None

    def of(self, tensor: Tensor) -> tuple[int, ...]:
        """The axes of a tensor, counted from 0 and in order; see :meth:`places`."""
        return tuple(sorted(self.places(tensor)))

    def places(self, tensor: Tensor) -> tuple[int, ...]:
        """The axes of a tensor, counted from 0, as they are named.

        Raises:
            ShapeError: the tensor has no such axis, or an axis is named twice.
        """
        if self.values is None:
            return tuple(range(tensor.rank))
        found = [value + tensor.rank if value < 0 else value for value in self.values]
        for value, written in zip(found, self.values, strict=True):
            if not 0 <= value < tensor.rank:
                raise ShapeError(
                    f"{tensor.text} has no axis {written}", self.span,
                    expected=_legal_axes(tensor.rank),
                    found=f"shape {shape_text(tensor.shape)}",
                )  # fmt: skip
        if len(set(found)) < len(found):
            raise ShapeError("an axis is named twice", self.span)
        return tuple(found)


#: Every axis.
ALL_AXES = Axes(None, None)


def _legal_axes(rank: int) -> str:
    if rank < 2:
        return "axis 0" if rank else "no axis: a scalar has none"
    return f"an axis from 0 to {rank - 1}, or from -{rank} to -1"


# ---- reductions ---------------------------------------------------------------------------------


def _plain(kind: Reduction, stem: str) -> Callable[..., Tensor]:
    def lower(work: Workspace, node: Node, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
        return work.reduce(x, axis.of(x), kind, stem, node, keepdims)

    return lower


def _count(tensor: Tensor, axes: Sequence[int]) -> Expr:
    return Mul(*(tensor.shape[axis] for axis in axes))


def _mapped(tensor: Tensor, body: Expr) -> Tensor:
    return replace(tensor, body=scalars.checked(body), row=False)


def lower_mean(work: Workspace, node: Node, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    """sum(x / count)."""
    axes = axis.of(x)
    return _averaged(work, node, x, axes, keepdims, "mu")


def _averaged(work: Workspace, node: Node, x: Tensor, axes: Sequence[int], keepdims: bool, stem: str) -> Tensor:
    return work.reduce(_mapped(x, x.body / _count(x, axes)), axes, "sum", stem, node, keepdims)


def lower_var(work: Workspace, node: Node, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    """mean((x - mean(x))**2)."""
    x = work.factor(x)
    mean = lower_mean(work, node, x, axis, True)
    squares = _mapped(x, scalars.power(x.body - spread(mean, x.shape), Integer(2)))
    return _averaged(work, node, squares, axis.of(x), keepdims, "variance")


def lower_std(work: Workspace, node: Node, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    """sqrt(var(x))."""
    variance = lower_var(work, node, x, axis, keepdims)
    return _mapped(variance, sp.sqrt(variance.body))


def lower_norm(work: Workspace, node: Node, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
    """sqrt(sum(x**2)); its square is the sum itself."""
    squares = _mapped(x, scalars.power(x.body, Integer(2)))
    total = work.reduce(squares, axis.of(x), "sum", "s", node, keepdims)
    return _mapped(total, sp.sqrt(total.body))


def _absolute(kind: Reduction, stem: str) -> Callable[..., Tensor]:
    def lower(work: Workspace, node: Node, x: Tensor, axis: Axes, keepdims: bool) -> Tensor:
        return work.reduce(_mapped(x, abs_(x.body)), axis.of(x), kind, stem, node, keepdims)

    return lower


# ---- along an axis ------------------------------------------------------------------------------


def lower_log_softmax(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
    """X - logsumexp(x)."""
    x = work.factor(x)
    total = work.reduce(x, axis.of(x), "logsumexp", "lse", node, keepdims=True)
    return Tensor(x.shape, x.body - spread(total, x.shape), node)


def lower_softmax(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
    """exp(x - logsumexp(x))."""
    logs = lower_log_softmax(work, node, x, axis)
    return _mapped(logs, sp.exp(logs.body))


def lower_hardmax(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
    """The limit of softmax(x / t) for t -> 0."""
    x = work.factor(x)
    largest = work.reduce(x, axis.of(x), "max", "m", node, keepdims=True)
    attained = _mapped(x, equal(x.body, spread(largest, x.shape)))
    ties = work.reduce(attained, axis.of(x), "sum", "ties", node, keepdims=True)
    return _mapped(x, attained.body / spread(ties, x.shape))


# ---- products -----------------------------------------------------------------------------------


def matmul(work: Workspace, node: Node, a: Tensor, b: Tensor) -> Tensor:
    """``a @ b``: the sum over the last axis of a and the last but one of b, or its only one."""
    for operand in (a, b):
        if not operand.rank:
            raise ShapeError(
                f"{operand.text} is a scalar, and @ multiplies vectors and matrices", operand.span,
                expected="a vector or matrix", found="shape ()", hint="a product with a scalar is written *",
            )  # fmt: skip
    last = -1 if b.rank == 1 else -2
    if a.shape[-1] != b.shape[last]:
        raise mismatch(a, a.rank - 1, b, b.rank + last, "@", _transpose_hint(a, b))
    batch = max(a.rank, b.rank, 2) - 2
    left: list[object] = [*range(batch - max(a.rank - 2, 0), batch), *(["row"] if a.rank > 1 else []), "inner"]
    right: list[object] = [*range(batch - max(b.rank - 2, 0), batch), "inner", *(["column"] if b.rank > 1 else [])]
    out = [*range(batch), *(label for label in ("row", "column") if label in left + right)]
    return work.contract([(a, left), (b, right)], out, node, "@")


def _transpose_hint(a: Tensor, b: Tensor) -> str:
    if a.rank == 2 and a.shape[0] == b.shape[0 if b.rank == 1 else -2]:
        return f"{_transposed(a)} fits: its axis 1 has length {a.shape[0]}"
    if b.rank == 2 and a.shape[-1] == b.shape[-1]:
        return f"{_transposed(b)} fits: its axis 0 has length {b.shape[-1]}"
    return ""


def _transposed(tensor: Tensor) -> str:
    """How the transpose of an operand is written."""
    if isinstance(tensor.node, Transpose):
        return replace(tensor, node=tensor.node.operand).text
    if tensor.text.endswith(".T"):
        return tensor.text.removesuffix(".T")
    return f"{tensor.text}.T" if isinstance(tensor.node, Name) else f"({tensor.text}).T"


def lower_dot(work: Workspace, node: Node, a: Tensor, b: Tensor) -> Tensor:
    """A @ b, or a * b where one is a scalar; the axes of two tensors of higher order stay apart."""
    if max(a.rank, b.rank) > 2 and a.rank and b.rank:
        last = -1 if b.rank == 1 else -2
        if a.shape[-1] != b.shape[last]:
            raise mismatch(a, a.rank - 1, b, b.rank + last, "dot")
        left: list[object] = [*range(a.rank - 1), "inner"]
        right: list[object] = [*range(a.rank, a.rank + b.rank)]
        right[last] = "inner"
        out = [label for label in left + right if label != "inner"]
        return work.contract([(a, left), (b, right)], out, node, "dot")
    if a.rank and b.rank:
        return matmul(work, node, a, b)
    shape = broadcast_shape([a, b], "dot")
    return Tensor(shape, scalars.multiply([spread(a, shape), spread(b, shape)]), node)


def lower_outer(work: Workspace, node: Node, a: Tensor, b: Tensor) -> Tensor:
    """a[i] * b[j]."""
    for operand in (a, b):
        if operand.rank != 1:
            raise ShapeError(
                f"outer multiplies two vectors, and {operand.text} is none", operand.span, expected="one axis",
                found=f"shape {shape_text(operand.shape)}",
            )  # fmt: skip
    return work.contract([(a, ["i"]), (b, ["j"])], ["i", "j"], node, "outer")


def lower_transpose(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """The axes in reverse order."""
    return Tensor(x.shape[::-1], at(x, frees(x.rank)[::-1]), node, row=x.rank == 1 and not x.row)


# ---- constructors and choice --------------------------------------------------------------------


def _constant(value: Expr) -> Callable[..., Tensor]:
    def lower(work: Workspace, node: Node, shape: Shape) -> Tensor:
        if len(shape) > MAX_RANK:
            raise LimitError(f"a tensor has at most {MAX_RANK} axes", node.span)
        return Tensor(shape, value, node)

    return lower


def lower_full(work: Workspace, node: Node, shape: Shape, value: Tensor) -> Tensor:
    """A value broadcast to a shape."""
    found = Tensor(broadcast_shape([Tensor(shape, S.Zero, node), value], "full"), spread(value, shape), node)
    if found.shape != shape:
        raise ShapeError(
            "full broadcasts its value to the shape", value.span, expected=f"shape {shape_text(shape)} or less",
            found=f"shape {shape_text(value.shape)}",
        )  # fmt: skip
    return found


def lower_where(work: Workspace, node: Node, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """A where the condition is 1, else b."""
    shape = broadcast_shape([condition, a, b], "where")
    return Tensor(shape, where(spread(condition, shape), spread(a, shape), spread(b, shape)), node)


def elementwise(node: Node, entry: Elementwise, arguments: Sequence[Tensor]) -> Tensor:
    """A function of the entries, its arguments broadcast."""
    shape = broadcast_shape(arguments, entry.name)
    return Tensor(shape, scalars.apply(entry, [spread(argument, shape) for argument in arguments]), node)


LOWERINGS: dict[str, Callable[..., Any]] = {
    "sum": _plain("sum", "s"),
    "mean": lower_mean,
    "prod": _plain("prod", "q"),
    "max": _plain("max", "m"),
    "min": _plain("min", "m"),
    "var": lower_var,
    "std": lower_std,
    "logsumexp": _plain("logsumexp", "lse"),
    "norm": lower_norm,
    "norm1": _absolute("sum", "s"),
    "norm2": lower_norm,
    "norminf": _absolute("max", "m"),
    "softmax": lower_softmax,
    "log_softmax": lower_log_softmax,
    "hardmax": lower_hardmax,
    "dot": lower_dot,
    "ones": _constant(S.One),
    "zeros": _constant(S.Zero),
    "full": lower_full,
    "where": lower_where,
}
