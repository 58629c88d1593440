"""Functions of whole matrices: the inverse, determinants, factorisations, and what is made of them.

Each becomes a definition that takes a matrix as a whole (see ``catalog/linalg.py``).  What is a
product with an inverse is lowered to just that: ``solve(A, b)`` is ``inv(A) @ b``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy import Expr, Integer, KroneckerDelta, Mul, S

from chainrule.derive.catalog.elementwise import abs_
from chainrule.derive.catalog.linalg import MATRIX_FUNCTIONS, MatrixFunction
from chainrule.derive.errors import LimitError, NotationError, ShapeError
from chainrule.derive.notation.functions import lower_transpose, matmul
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.tensors import PROVISIONAL, Tensor, Workspace, at, frees, shape_text
from chainrule.derive.program import Definition, Ref, bound_index

#: The largest power of a matrix that is multiplied out.
MAX_POWER = 32


def matrix_function(entry: MatrixFunction) -> Callable[..., Tensor]:
    """The lowering of one function of a matrix, or of the matrices along the last two axes."""

    def lower(work: Workspace, node: Node, x: Tensor) -> Tensor:
        return apply_to_matrix(work, node, entry, x)

    return lower


def apply_to_matrix(work: Workspace, node: Node, entry: MatrixFunction, x: Tensor) -> Tensor:
    """``f(x)`` for the matrices along the last two axes of x."""
    _check_matrix(entry, x)
    batch, rows, columns = x.shape[:-2], *x.shape[-2:]
    places = (*frees(x.rank - 2), bound_index(0), bound_index(1))
    body = at(x, places)
    turned = at(x, (*places[:-2], places[-1], places[-2]))
    if entry.transpose and isinstance(turned, Ref) and turned.indices == places:
        # f(A.T) is read as f(A).T, or as f(A), so that both are one quantity.
        value = apply_to_matrix(work, node, entry, Tensor((*batch, columns, rows), at(x, _swapped(x.rank)), x.node))
        return lower_transpose(work, node, value) if entry.transpose == "commutes" and x.rank == 2 else value
    simple = (
        _of_diagonal(work, node, entry, x)
        or _of_inverse(work, node, entry, body, x)
        or _of_product(work, node, entry, body, x)
    )
    if simple is not None:
        return simple
    shape = (*batch, *entry.shape(rows, columns))
    return work.define(shape, body, entry.stem, node, entry.name, (rows, columns))


def _check_matrix(entry: MatrixFunction, x: Tensor) -> None:
    if x.rank < 2:
        raise ShapeError(
            f"{entry.name} is a function of matrices, and {x.text} is none", x.span, expected="two axes or more",
            found=f"shape {shape_text(x.shape)}",
        )  # fmt: skip
    if entry.square and x.shape[-1] != x.shape[-2]:
        raise ShapeError(
            f"{entry.name} needs a square matrix", x.span, expected="shape (n, n)",
            found=f"shape {shape_text(x.shape)}",
            hint="the inverse of a matrix that is not square is pinv(..)" if entry.name == "inv" else "",
        )  # fmt: skip


def _swapped(rank: int) -> tuple[Expr, ...]:
    order = frees(rank)
    return (*order[:-2], order[-1], order[-2])


def _of_diagonal(work: Workspace, node: Node, entry: MatrixFunction, x: Tensor) -> Tensor | None:
    """``inv(diag(v))`` is ``diag(1/v)``, and so on."""
    row, column = frees(x.rank)[-2:]
    delta = KroneckerDelta(row, column)
    if entry.name not in {"inv", "det", "logdet"} or delta not in Mul.make_args(x.body):
        return None
    diagonal = (x.body / delta).xreplace({column: row})
    if entry.name == "inv":
        return Tensor(x.shape, delta / diagonal, node)
    entries = Tensor(x.shape[:-1], diagonal if entry.name == "det" else sp.log(abs_(diagonal)), node)
    return work.reduce(entries, [entries.rank - 1], "prod" if entry.name == "det" else "sum", "q", node)


def _of_inverse(work: Workspace, node: Node, entry: MatrixFunction, body: Expr, x: Tensor) -> Tensor | None:
    """``inv(inv(A))`` is ``A``; ``det(inv(A))`` is ``1/det(A)``, ``logdet(inv(A))`` is ``-logdet(A)``."""
    if not isinstance(body, Ref) or entry.name not in {"inv", "det", "logdet"}:
        return None
    inner = work.definitions.get(body.name)
    if inner is None or inner.reduce != "inv" or body.indices != (*frees(x.rank - 2), *inner.bound_indices):
        return None
    matrix = Tensor(x.shape, _operand(inner, x.rank), x.node)
    if entry.name == "inv":
        return matrix
    value = apply_to_matrix(work, node, entry, matrix)
    return Tensor(value.shape, 1 / value.body if entry.name == "det" else -value.body, node)


def _of_product(work: Workspace, node: Node, entry: MatrixFunction, body: Expr, x: Tensor) -> Tensor | None:
    """``inv(A @ B)`` is ``inv(B) @ inv(A)``, ``det(A @ B)`` is ``det(A)*det(B)``, for square factors."""
    pair = _square_factors(work, body, x) if entry.name in {"inv", "det", "logdet"} else None
    if pair is None:
        return None
    left, right = (apply_to_matrix(work, node, entry, factor) for factor in pair)
    if entry.name == "inv":
        return matmul(work, node, right, left)
    value = left.body * right.body if entry.name == "det" else left.body + right.body
    return Tensor((), value, node)


def _square_factors(work: Workspace, body: Expr, x: Tensor) -> tuple[Tensor, Tensor] | None:
    """The two square matrices that a nameless matrix is the product of."""
    inner = work.definitions.get(body.name) if isinstance(body, Ref) and x.rank == 2 else None
    if inner is None or inner.reduce != "sum" or inner.bound != x.shape[:1] or not inner.name.startswith(PROVISIONAL):
        return None
    (row, column), bound = inner.free, inner.bound_indices[0]
    if body.indices != (bound_index(0), bound_index(1)):
        return None
    factors = Mul.make_args(inner.body)
    left = Mul(*(factor for factor in factors if not factor.has(column)))
    right = Mul(*(factor for factor in factors if factor.has(column)))
    if right.has(row) or not (left.has(row) and left.has(bound) and right.has(bound)):
        return None
    return (
        Tensor(x.shape, left.xreplace({bound: column}), x.node),
        Tensor(x.shape, right.xreplace({bound: row}), x.node),
    )


def _operand(definition: Definition, rank: int) -> Expr:
    """The matrix that a function was taken of, in free indices."""
    return definition.body.xreplace(dict(zip(definition.bound_indices, frees(rank)[-2:], strict=True)))


def lower_solve(work: Workspace, node: Node, a: Tensor, b: Tensor) -> Tensor:
    """``inv(a) @ b``."""
    return matmul(work, node, apply_to_matrix(work, a.node, _BY_NAME["inv"], a), b)


def lower_matrix_power(work: Workspace, node: Node, x: Tensor, power: Expr) -> Tensor:
    """``x @ x @ ..``, a negative power being one of the inverse."""
    if not isinstance(power, Integer):
        raise NotationError("the power of a matrix is an integer", node.span, found=str(power))
    if abs(power) > MAX_POWER:
        raise LimitError(f"the power {power} of a matrix is above the limit {MAX_POWER}", node.span)
    _check_matrix(_BY_NAME["inv"], x)
    if power < 0:
        x = apply_to_matrix(work, node, _BY_NAME["inv"], x)
    value = x
    for _ in range(abs(int(power)) - 1):
        value = matmul(work, node, value, x)
    if power == 0:
        row, column = frees(x.rank)[-2:]
        return Tensor(x.shape, KroneckerDelta(row, column), node)
    return value


def lower_nuclear_norm(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """The sum of the singular values."""
    values = apply_to_matrix(work, node, _BY_NAME["svdvals"], x)
    return work.reduce(values, [values.rank - 1], "sum", "s", node)


def lower_spectral_norm(work: Workspace, node: Node, x: Tensor) -> Tensor:
    """The largest singular value."""
    values = apply_to_matrix(work, node, _BY_NAME["svdvals"], x)
    return Tensor(values.shape[:-1], at(values, (*frees(values.rank - 1), S.Zero)), node)


_BY_NAME = {entry.name: entry for entry in MATRIX_FUNCTIONS}

MATRIX_LOWERINGS: dict[str, Callable[..., Any]] = {
    **{entry.name: matrix_function(entry) for entry in MATRIX_FUNCTIONS},
    "solve": lower_solve,
    "matrix_power": lower_matrix_power,
    "nuclear_norm": lower_nuclear_norm,
    "spectral_norm": lower_spectral_norm,
}
