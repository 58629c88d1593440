"""How each function of whole tensors becomes definitions in index notation.

One function per entry of ``catalog/tensor_functions.py``, collected in :data:`LOWERINGS` under
the entry's name.  Each takes the workspace, the call and its arguments in the signature's order.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy import Expr, Integer, KroneckerDelta, Mul, S

from chainrule.derive.catalog.elementwise import abs_
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.errors import LimitError, NotationError, ShapeError, Span
from chainrule.derive.notation import scalars
from chainrule.derive.notation.syntax import Name, Node, Text, Transpose
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
from chainrule.derive.program import Reduction, free_index, is_unit
from chainrule.derive.scalar import equal, less, less_equal, where

#: Axes that a tensor may have.
MAX_RANK = 8


@dataclass(frozen=True)
class Axes:
    """Axes as written: ``None`` for all; ``several`` says that a tuple was written."""

    values: tuple[int, ...] | None
    span: Span | None

    def of(self, tensor: Tensor) -> tuple[int, ...]:
        """The axes of a tensor, counted from 0 and in order.

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
        return tuple(sorted(found))


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


def _cumulative(kind: Reduction, entry: Callable[[Expr, Expr], Expr]) -> Callable[..., Tensor]:
    """The reduction over all entries up to each one: a new last axis runs over those entries."""

    def lower(work: Workspace, node: Node, x: Tensor, axis: Axes) -> Tensor:
        (place,) = axis.of(x)
        other = free_index(x.rank)
        indices: list[Expr] = list(frees(x.rank))
        indices[place] = other
        body = entry(less_equal(other, free_index(place)), at(x, indices))
        pairs = Tensor((*x.shape, x.shape[place]), body, node)
        return work.reduce(pairs, [x.rank], kind, "c", node)

    return lower


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
    """A @ b, or a * b where one is a scalar."""
    if a.rank and b.rank:
        if max(a.rank, b.rank) > 2:
            raise ShapeError("dot is read for vectors and matrices", node.span, hint="use @ or einsum")
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


def lower_einsum(work: Workspace, node: Node, subscripts: Text, operands: Sequence[Tensor]) -> Tensor:
    """The sum of products over the letters that the output lacks."""
    text, span = subscripts.text, subscripts.span
    left, arrow, right = text.replace(" ", "").partition("->")
    terms = left.split(",")
    letters = left.replace(",", "")
    if not set(letters + right) <= set(string.ascii_letters):
        raise NotationError(
            "these are not subscripts of einsum", span, expected="letters, ',' and '->', such as 'ij,jk->ik'",
            found=f"'{text}'",
        )  # fmt: skip
    if not arrow:
        right = "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    if len(terms) != len(operands):
        raise NotationError(
            f"einsum has subscripts for {len(terms)} operands and {len(operands)} operands", span or node.span
        )
    for letter in right:
        if letter not in letters or right.count(letter) > 1:
            raise NotationError(f"the output letter {letter} must occur in the inputs, and once in the output", span)
    for term, operand in zip(terms, operands, strict=True):
        if len(term) != operand.rank:
            raise ShapeError(
                f"the subscripts '{term}' have {len(term)} letters, and {operand.text} has {operand.rank} axes",
                operand.span, expected=f"{operand.rank} letters", found=f"'{term}'",
                also=(("in these subscripts", span),) if span else (),
            )  # fmt: skip
    return work.contract(list(zip(operands, terms, strict=True)), right, node, "einsum")


# ---- structure ----------------------------------------------------------------------------------


def lower_transpose(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """The axes in reverse order."""
    return Tensor(x.shape[::-1], at(x, frees(x.rank)[::-1]), node, row=x.rank == 1 and not x.row)


def _square(x: Tensor, function: str) -> Expr:
    """The side of a square matrix."""
    if x.rank != 2 or x.shape[0] != x.shape[1]:
        raise ShapeError(
            f"{function} needs a square matrix", x.span, expected="shape (n, n)", found=f"shape {shape_text(x.shape)}"
        )
    return x.shape[0]


def lower_trace(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """sum_i x[i, i]."""
    side = _square(x, "trace")
    diagonal = Tensor((side,), at(x, [free_index(0), free_index(0)]), node)
    return work.reduce(diagonal, [0], "sum", "s", node)


def lower_diag(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """x[i] on the diagonal, or x[i, i] off it."""
    if x.rank == 1:
        delta = KroneckerDelta(free_index(0), free_index(1))
        return Tensor((x.shape[0], x.shape[0]), x.body * delta, node)
    side = _square(x, "diag")
    return Tensor((side,), at(x, [free_index(0), free_index(0)]), node)


def _triangle(inside: Callable[[Expr, Expr], Expr]) -> Callable[..., Tensor]:
    """The entries where a relation of row and column holds, zeros elsewhere."""

    def lower(work: Workspace, node: Node, x: Tensor) -> Tensor:
        if x.rank < 2:
            raise ShapeError(
                f"{x.text} has no triangle", x.span, expected="a matrix", found=f"shape {shape_text(x.shape)}"
            )
        return _mapped(x, inside(free_index(x.rank - 2), free_index(x.rank - 1)) * x.body)

    return lower


def lower_vec(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """vec(x)[j*m + i] = x[i, j] for x with m rows."""
    if x.rank == 1:
        return replace(x, node=node, row=False)
    if x.rank != 2:
        raise ShapeError("vec needs a matrix", x.span, expected="two axes", found=f"shape {shape_text(x.shape)}")
    rows, columns = x.shape
    column = sp.floor(free_index(0) / rows)
    return Tensor((rows * columns,), at(x, [free_index(0) - rows * column, column]), node)


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
        body = where(equal(index, Integer(position)), entries[position], body)
    return Tensor((*parts[0].shape[:place], count, *parts[0].shape[place:]), body, node)


# ---- constructors and choice --------------------------------------------------------------------


def lower_eye(work: Workspace, node: Node, side: Expr) -> Tensor:
    """1 where both indices are equal."""
    return Tensor((side, side), KroneckerDelta(free_index(0), free_index(1)), node)


def lower_arange(work: Workspace, node: Node, count: Expr) -> Tensor:
    """0, 1, .."""
    return Tensor((count,), free_index(0), node)


def _constant(value: Expr) -> Callable[..., Tensor]:
    def lower(work: Workspace, node: Node, shape: Shape) -> Tensor:
        if len(shape) > MAX_RANK:
            raise LimitError(f"a tensor has at most {MAX_RANK} axes", node.span)
        return Tensor(shape, value, node)

    return lower


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
    "cumsum": _cumulative("sum", lambda inside, entry: inside * entry),
    "cumprod": _cumulative("prod", lambda inside, entry: where(inside, entry, S.One)),
    "dot": lower_dot,
    "outer": lower_outer,
    "einsum": lower_einsum,
    "trace": lower_trace,
    "diag": lower_diag,
    "transpose": lower_transpose,
    "tril": _triangle(lambda row, column: less_equal(column, row)),
    "triu": _triangle(lambda row, column: less_equal(row, column)),
    "vec": lower_vec,
    "concat": lower_concat,
    "stack": lower_stack,
    "eye": lower_eye,
    "arange": lower_arange,
    "ones": _constant(S.One),
    "zeros": _constant(S.Zero),
    "where": lower_where,
}
