"""The values of functions of whole matrices, in double precision and with mpmath.

A matrix for which a function has no value, such as a singular one that is to be inverted, or one
with an infinite entry or NaN, gives NaN, so that an array of matrices is evaluated as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import scipy

Array = npt.NDArray[Any]

#: The share of the digits that the inverse of a matrix may lose before the matrix counts as singular.
WORST_CONDITION = 0.7


def matrix_function(name: str, matrices: Array) -> Array:
    """The function of each of the matrices along the last two axes, in double precision."""
    return _each(_NUMPY[name], matrices)


def exact_matrix_function(name: str, matrices: Array) -> Array:
    """The same for arrays of mpmath numbers, at the working precision."""
    return _each(lambda matrix: _MPMATH[name](mpmath.matrix(matrix.tolist())), matrices)


def _each(function: Callable[[Any], Any], matrices: Array) -> Array:
    batch = matrices.shape[:-2]
    values = [_value(function, matrix) for matrix in matrices.reshape(math.prod(batch), *matrices.shape[-2:])]
    known = next((value for value in values if value is not None), None)
    if known is None:
        return np.asarray(mpmath.nan if matrices.dtype == object else np.nan, dtype=matrices.dtype)
    filled = [np.full(known.shape, np.nan, dtype=known.dtype) if value is None else value for value in values]
    return np.stack(filled).reshape(batch + known.shape)


def _value(function: Callable[[Any], Any], matrix: Array) -> Array | None:
    if not all(map(mpmath.isfinite, matrix.flat) if matrix.dtype == object else np.isfinite(matrix).flat):
        return None
    try:
        return _array(function(matrix))
    except (np.linalg.LinAlgError, ZeroDivisionError, ValueError):
        return None


def _array(value: Any) -> Array:
    """A number or matrix of either library as an array."""
    if isinstance(value, mpmath.matrix):
        rows = [[value[i, j] for j in range(value.cols)] for i in range(value.rows)]
        return np.array(rows, dtype=object).reshape(value.rows, value.cols)
    return np.asarray(value, dtype=object if isinstance(value, mpmath.mpf | list) else np.float64)


def _symmetric(matrix: Any) -> Any:
    return (matrix + matrix.T) / 2


def _eigenvectors(matrix: Array) -> Array:
    return np.asarray(np.linalg.eigh(_symmetric(matrix))[1])


_NUMPY: dict[str, Callable[[Array], Any]] = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "cholesky": lambda a: np.linalg.cholesky(_symmetric(a)),
    "pinv": np.linalg.pinv,
    "expm": lambda a: scipy.linalg.expm(a),
    "eigvalsh": lambda a: np.linalg.eigvalsh(_symmetric(a)),
    "eigvectors": _eigenvectors,
    "svdvals": lambda a: np.linalg.svd(a, compute_uv=False),
    "left_singular": lambda a: np.linalg.svd(a, full_matrices=False)[0],
    "right_singular": lambda a: np.linalg.svd(a, full_matrices=False)[2].T,
}


# ---- many digits ------------------------------------------------------------------------------------


def _inverse(matrix: Any) -> Any:
    """The inverse, unless the matrix is singular but for rounding."""
    inverse = _or_singular(mpmath.inverse, matrix)
    if mpmath.mnorm(matrix) * mpmath.mnorm(inverse) > mpmath.mpf(10) ** (mpmath.mp.dps * WORST_CONDITION):
        raise ZeroDivisionError
    return inverse


def _or_singular(function: Callable[[Any], Any], matrix: Any) -> Any:
    """A function by LU factors, for which mpmath finds no pivot in a column of zeros: a TypeError of its own."""
    try:
        return function(matrix)
    except TypeError:
        raise ZeroDivisionError from None


def _det(matrix: Any) -> Any:
    try:
        return _or_singular(mpmath.det, matrix)
    except ZeroDivisionError:
        return mpmath.mpf(0)


def _logdet(matrix: Any) -> Any:
    return mpmath.log(abs(_det(matrix)))


def _pinv(matrix: Any) -> Any:
    turned = matrix.T
    if matrix.rows >= matrix.cols:
        return _inverse(turned * matrix) * turned
    return turned * _inverse(matrix * turned)


def _eigen(matrix: Any) -> tuple[list[Any], Any]:
    values, vectors = mpmath.eigsy(_symmetric(matrix))
    order = sorted(range(matrix.rows), key=lambda place: values[place])
    sorted_vectors = mpmath.matrix(matrix.rows, matrix.rows)
    for column, place in enumerate(order):
        sorted_vectors[:, column] = vectors[:, place]
    return [values[place] for place in order], sorted_vectors


def _singular(matrix: Any) -> tuple[Any, list[Any], Any]:
    left, values, right = mpmath.svd_r(matrix)
    return left, list(values), right.T


_MPMATH: dict[str, Callable[[Any], Any]] = {
    "inv": _inverse,
    "det": _det,
    "logdet": _logdet,
    "cholesky": lambda a: mpmath.cholesky(_symmetric(a)),
    "pinv": _pinv,
    "expm": mpmath.expm,
    "eigvalsh": lambda a: _eigen(a)[0],
    "eigvectors": lambda a: _eigen(a)[1],
    "svdvals": lambda a: _singular(a)[1],
    "left_singular": lambda a: _singular(a)[0],
    "right_singular": lambda a: _singular(a)[2],
}
