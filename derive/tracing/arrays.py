"""Functions of NumPy that the catalogue lacks, or that take more than the catalogue's: how each is read.

Each is written with NumPy's own parameters, as far as they are read, and with operations on
traced values; :data:`READINGS` holds them under NumPy's names.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from functools import reduce
from math import inf
from typing import Any, NamedTuple

import numpy as np
from sympy import Mul

from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import NotationError, ShapeError, UnsupportedError
from chainrule.derive.notation.syntax import Node, Text
from chainrule.derive.notation.tensors import shape_text
from chainrule.derive.tracing.constants import axes
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.value import Traced, call, choice, length_value, lift, switch

#: Factors that ``matrix_power`` writes out where the catalogue has no such function.
MAX_POWER = 16


class SlogdetResult(NamedTuple):
    """What ``np.linalg.slogdet`` gives."""

    sign: Any
    logabsdet: Any


class EighResult(NamedTuple):
    """What ``np.linalg.eigh`` gives."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """What ``np.linalg.svd`` gives."""

    U: Any
    S: Any
    Vh: Any


def named(record: Record, function: str, *arguments: Any, axis: Any = None, keepdims: bool = False) -> Traced:
    """A call of the notation with ``axis`` and ``keepdims``, where they say something."""
    keywords: dict[str, Node] = {} if axis is None else {"axis": axes(axis)}
    if keepdims:
        keywords["keepdims"] = switch(True)
    return call(record, function, *arguments, **keywords)


# ---- choice and size ------------------------------------------------------------------------------


def where(record: Record, condition: Any, x: Any = None, y: Any = None) -> Traced:
    """X where the condition holds, else y."""
    if x is None or y is None:
        raise UnsupportedError("np.where with a condition alone gives places", hint="write np.where(condition, x, y)")
    test = condition.node if isinstance(condition, Traced) else lift(record, condition).node
    return choice(record, test, lift(record, x).node, lift(record, y).node)


def clip(record: Record, a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Traced:
    """A limited to an interval; ``None`` where it has no bound."""
    low, high = (min if a_min is None else a_min), (max if a_max is None else a_max)
    if low is None or high is None:
        bound, function = (high, "minimum") if low is None else (low, "maximum")
        return lift(record, a) if bound is None else call(record, function, a, bound)
    return call(record, "clip", a, low, high)


def shape(record: Record, a: Any) -> Any:
    """The shape, as the property of that name."""
    return lift(record, a).shape


def ndim(record: Record, a: Any) -> int:
    """The number of axes."""
    return lift(record, a).ndim


def size(record: Record, a: Any, axis: int | None = None) -> Any:
    """The number of entries, of all or of one axis."""
    return lift(record, a).size if axis is None else lift(record, a).shape[axis]


def same(record: Record, a: Any) -> Traced:
    """The value itself: it never changes."""
    return lift(record, a)


def astype(record: Record, a: Any, dtype: Any) -> Traced:
    """Conditions as numbers; numbers as they are."""
    if np.dtype(dtype) != np.float64 and not (isinstance(a, Traced) and a.truth and np.dtype(dtype).kind in "iuf"):
        raise UnsupportedError(f"astype to {np.dtype(dtype)} cannot be traced", hint="traced values count as real")
    return lift(record, a)


# ---- reductions -----------------------------------------------------------------------------------


def _count(value: Traced, axis: Any) -> Any:
    """The number of entries along some axes."""
    chosen = range(value.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    return length_value(value.record, Mul(*(value.lengths[place] for place in chosen)))


def var(record: Record, a: Any, axis: Any = None, *, ddof: Any = 0, keepdims: bool = False) -> Any:
    """Sum of the squared distances from the mean over (count - ddof)."""
    operand = lift(record, a)
    mean = named(record, "var", operand, axis=axis, keepdims=keepdims)
    if isinstance(ddof, int) and ddof == 0:
        return mean
    count = _count(operand, axis)
    return mean * (count / (count - ddof))


def std(record: Record, a: Any, axis: Any = None, *, ddof: Any = 0, keepdims: bool = False) -> Any:
    """The square root of var."""
    if isinstance(ddof, int) and ddof == 0:
        return named(record, "std", a, axis=axis, keepdims=keepdims)
    return np.sqrt(var(record, a, axis, ddof=ddof, keepdims=keepdims))


def average(record: Record, a: Any, axis: Any = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    """The mean with weights."""
    if weights is None:
        return named(record, "mean", a, axis=axis, keepdims=keepdims)
    value, weight = lift(record, a), lift(record, weights)
    if value.lengths != weight.lengths and (axis is None or weight.ndim != 1):
        raise ShapeError(
            "the weights have another shape than the values", expected=f"shape {shape_text(value.lengths)}",
            found=f"shape {shape_text(weight.lengths)}",
        )  # fmt: skip
    if value.ndim != weight.ndim:
        weight = weight[(slice(None), *[None] * (value.ndim - 1 - axis % value.ndim))]
    total = named(record, "sum", value * weight, axis=axis, keepdims=keepdims)
    summed = axis if weight.ndim == value.ndim else None
    return total / named(record, "sum", weight, axis=summed, keepdims=keepdims and summed is not None)


def norm(record: Record, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The norms of vectors and matrices that NumPy numbers by ``ord``."""
    value = lift(record, x)
    if ord is None or (ord == "fro" and _is_matrix(value, axis)):
        return named(record, "norm", value, axis=axis, keepdims=keepdims)
    if _is_matrix(value, axis):
        return _matrix_norm(record, value, ord, axis, keepdims)
    known = {2: "norm", 1: "norm1", inf: "norminf"}.get(ord)
    if known:
        return named(record, known, value, axis=axis, keepdims=keepdims)
    if isinstance(ord, str) or ord <= 0:
        raise UnsupportedError(f"np.linalg.norm with ord={ord!r} cannot be traced", expected="ord > 0")
    return named(record, "sum", np.abs(value) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _is_matrix(value: Traced, axis: Any) -> bool:
    return value.ndim == 2 if axis is None else not isinstance(axis, int)


def _matrix_norm(record: Record, value: Traced, ord: Any, axis: Any, keepdims: bool) -> Any:
    """Norms of one matrix."""
    catalogued = {2: "spectral_norm", "nuc": "nuclear_norm"}.get(ord)
    if axis is None and not keepdims:
        if catalogued in TENSOR_BY_NAME:
            return call(record, catalogued, value)
        if ord in (1, inf):
            return np.max(np.sum(np.abs(value), axis=0 if ord == 1 else 1))
    raise UnsupportedError(
        f"np.linalg.norm of a matrix with ord={ord!r}"
        + (" and axis= or keepdims=" if axis is not None or keepdims else "") + " cannot be traced",
        hint="the Frobenius norm is np.linalg.norm(x)",
    )  # fmt: skip


def maximal(function: str) -> Callable[..., Traced]:
    """The largest or smallest entry, under its older name."""

    def read(record: Record, a: Any, axis: Any = None, *, keepdims: bool = False) -> Traced:
        return named(record, function, a, axis=axis, keepdims=keepdims)

    return read


def diff(record: Record, a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours, n times."""
    value = lift(record, a)
    for _ in range(n):
        before = [slice(None)] * value.ndim
        after = list(before)
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        value = value[tuple(after)] - value[tuple(before)]
    return value


# ---- products -------------------------------------------------------------------------------------


def inner(record: Record, a: Any, b: Any) -> Any:
    """The sum over the last axes."""
    left, right = lift(record, a), lift(record, b)
    if not left.ndim or not right.ndim:
        return left * right
    if right.ndim > 2:
        raise UnsupportedError("np.inner of more than two axes cannot be traced", hint="write np.einsum")
    return left @ right.T


def vdot(record: Record, a: Any, b: Any) -> Any:
    """The sum of the products of all entries."""
    left, right = lift(record, a), lift(record, b)
    if left.lengths != right.lengths:
        raise ShapeError("np.vdot needs equal shapes", found=f"{shape_text(left.lengths)}, {shape_text(right.lengths)}")
    return left @ right if left.ndim == 1 else named(record, "sum", left * right)


def einsum(record: Record, subscripts: Any, *operands: Any) -> Traced:
    """The sum of products; ``...`` is written out in letters."""
    if not isinstance(subscripts, str):
        raise UnsupportedError("np.einsum is traced with a text of subscripts", expected="np.einsum('ij,j->i', A, x)")
    values = [lift(record, operand) for operand in operands]
    return call(record, "einsum", Text(_without_dots(subscripts, [value.ndim for value in values])), *values)


def _without_dots(subscripts: str, ranks: Sequence[int]) -> str:
    """Subscripts with letters for ``...``: the last axes that no letter names."""
    if "..." not in subscripts:
        return subscripts
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    counts = [rank - len(term.replace("...", "")) for term, rank in zip(left.split(","), ranks, strict=False)]
    most = max(0, *(count for term, count in zip(left.split(","), counts, strict=False) if "..." in term), 0)
    if most > len(free) or not arrow:
        raise NotationError("these subscripts cannot be traced", expected="subscripts with ->", found=f"'{subscripts}'")
    terms = [
        term.replace("...", "".join(free[most - max(count, 0) : most]))
        for term, count in zip(left.split(","), counts, strict=False)
    ]
    return ",".join(terms) + "->" + right.replace("...", "".join(free[:most]))


def tensordot(record: Record, a: Any, b: Any, axes: Any = 2) -> Traced:
    """The sum of products over pairs of axes."""
    left, right = lift(record, a), lift(record, b)
    if isinstance(axes, int):
        pairs = list(zip(range(left.ndim - axes, left.ndim), range(axes), strict=True))
    else:
        first, second = ([part] if isinstance(part, int) else list(part) for part in axes)
        pairs = [(i % left.ndim, j % right.ndim) for i, j in zip(first, second, strict=True)]
    letters = string.ascii_letters
    one, two = list(letters[: left.ndim]), list(letters[left.ndim : left.ndim + right.ndim])
    for i, j in pairs:
        two[j] = one[i]
    summed = {one[i] for i, _ in pairs}
    out = "".join(letter for letter in one + two if letter not in summed)
    return einsum(record, f"{''.join(one)},{''.join(two)}->{out}", left, right)


def matmul(record: Record, x1: Any, x2: Any) -> Any:
    """The product of matrices."""
    return lift(record, x1) @ lift(record, x2)


def multi_dot(record: Record, arrays: Sequence[Any]) -> Any:
    """The product of several matrices."""
    return reduce(lambda a, b: a @ b, [lift(record, item) for item in arrays])


def matrix_power(record: Record, a: Any, n: int) -> Any:
    """The n-th power of a square matrix."""
    value = lift(record, a)
    if "matrix_power" in TENSOR_BY_NAME:
        return call(record, "matrix_power", value, axes(n))
    if not 0 < n <= MAX_POWER:
        raise UnsupportedError(f"np.linalg.matrix_power with n={n} cannot be traced", expected=f"1 to {MAX_POWER}")
    return reduce(lambda product, _: product @ value, range(n - 1), value)


# ---- matrices -------------------------------------------------------------------------------------


def slogdet(record: Record, a: Any) -> SlogdetResult:
    """Sign and logarithm of the absolute value of the determinant."""
    return SlogdetResult(np.sign(call(record, "det", a)), call(record, "logdet", a))


def eigh(record: Record, a: Any) -> EighResult:
    """Eigenvalues in ascending order, and eigenvectors as columns."""
    return EighResult(call(record, "eigvalsh", a), call(record, "eigvectors", a))


def svd(record: Record, a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values in descending order, between the singular vectors of the reduced form."""
    values = call(record, "svdvals", a)
    if not compute_uv:
        return values
    if full_matrices:
        raise UnsupportedError(
            "the full singular value decomposition cannot be traced", hint="write full_matrices=False"
        )
    return SVDResult(call(record, "left_singular", a), values, call(record, "right_singular", a).T)


READINGS: dict[str, Callable[..., Any]] = {
    "where": where,
    "clip": clip,
    "shape": shape,
    "ndim": ndim,
    "size": size,
    "copy": same,
    "ascontiguousarray": same,
    "real": same,
    "var": var,
    "std": std,
    "average": average,
    "amax": maximal("max"),
    "amin": maximal("min"),
    "linalg.norm": norm,
    "diff": diff,
    "inner": inner,
    "vdot": vdot,
    "einsum": einsum,
    "tensordot": tensordot,
    "linalg.tensordot": tensordot,
    "linalg.matmul": matmul,
    "linalg.multi_dot": multi_dot,
    "linalg.matrix_power": matrix_power,
    "linalg.slogdet": slogdet,
    "linalg.eigh": eigh,
    "linalg.svd": svd,
}
