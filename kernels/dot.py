"""Products of matrices and vectors in stand-alone kernels; this file becomes part of them.

numba's ``np.dot`` calls the BLAS that SciPy brings.  Where SciPy is not installed, ``dot`` is
computed by loops instead.
"""

import importlib.util
from typing import Any

import numpy as np
from numba.extending import overload

SCIPY = importlib.util.find_spec("scipy") is not None


def dot(a: Any, b: Any, out: Any = None) -> Any:
    """The product of two matrices or vectors, as ``np.dot``; of matrices written to ``out`` if that is given."""
    return np.dot(a, b, out)


def _by_blas(a: Any, b: Any, out: Any = None) -> Any:
    return np.dot(a, b) if out is None else np.dot(a, b, out)


def _vector_vector(a: Any, b: Any, out: Any = None) -> Any:
    total = 0.0
    for k in range(a.shape[0]):
        total += a[k] * b[k]
    return total


def _matrix_vector(a: Any, b: Any, out: Any = None) -> Any:
    result = np.zeros(a.shape[0], a.dtype)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            result[i] += a[i, k] * b[k]
    return result


def _vector_matrix(a: Any, b: Any, out: Any = None) -> Any:
    result = np.zeros(b.shape[1], a.dtype)
    for k in range(b.shape[0]):
        for j in range(b.shape[1]):
            result[j] += a[k] * b[k, j]
    return result


def _matrix_matrix(a: Any, b: Any, out: Any = None) -> Any:
    result = np.empty((a.shape[0], b.shape[1]), a.dtype) if out is None else out
    result.fill(0.0)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                result[i, j] += a[i, k] * b[k, j]
    return result


_BY_LOOPS = {(1, 1): _vector_vector, (2, 1): _matrix_vector, (1, 2): _vector_matrix, (2, 2): _matrix_matrix}


def _chosen(a: Any, b: Any, out: Any = None) -> Any:
    """What numba compiles for operands of these types."""
    return _by_blas if SCIPY else _BY_LOOPS[a.ndim, b.ndim]


overload(dot)(_chosen)
