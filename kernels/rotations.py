"""Eigen- and singular vectors in stand-alone kernels; this file becomes part of them.

numba's ``np.linalg`` calls the LAPACK that SciPy brings.  Where SciPy is not installed, Jacobi's
rotations are used instead (Golub and Van Loan, Matrix Computations (2013), sections 8.5 and 8.6.3).
"""

import math
from typing import Any

import numpy as np
from numba import njit
from numba.extending import overload

from chainrule.kernels.dot import SCIPY

SWEEPS = 60


def eigh(a: Any) -> Any:
    """Eigenvalues in ascending order and eigenvectors of a symmetric matrix, as ``np.linalg.eigh``."""
    return np.linalg.eigh(a)


def svd(a: Any) -> Any:
    """Left singular vectors, singular values and right singular vectors, as ``np.linalg.svd``."""
    return np.linalg.svd(a, False)


def _eigh_by_lapack(a: Any) -> Any:
    return np.linalg.eigh(a)


def _svd_by_lapack(a: Any) -> Any:
    return np.linalg.svd(a, False)


@njit
def rotation(p: Any, q: Any, r: Any) -> Any:
    """Cosine and sine of the rotation that makes ``[[p, r], [r, q]]`` diagonal."""
    if r == 0.0:
        return 1.0, 0.0
    ratio = (q - p) / (2.0 * r)
    tangent = math.copysign(1.0, ratio) / (abs(ratio) + math.hypot(1.0, ratio))
    cosine = 1.0 / math.hypot(1.0, tangent)
    return cosine, cosine * tangent


@njit
def rotate(x: Any, i: int, j: int, cosine: Any, sine: Any) -> None:
    """Turns two rows."""
    for k in range(x.shape[1]):
        one, two = x[i, k], x[j, k]
        x[i, k], x[j, k] = cosine * one - sine * two, sine * one + cosine * two


def _eigh_by_rotations(a: Any) -> Any:
    n = a.shape[0]
    work, rows = a.copy(), np.eye(n, dtype=a.dtype)
    for _ in range(SWEEPS):
        turned = False
        for i in range(n):
            for j in range(i + 1, n):
                scale = math.sqrt(abs(work[i, i])) * math.sqrt(abs(work[j, j]))
                if abs(work[i, j]) > 1e-3 * np.finfo(a.dtype).eps * scale:
                    turned = True
                    cosine, sine = rotation(work[i, i], work[j, j], work[i, j])
                    rotate(work, i, j, cosine, sine)
                    rotate(work.T, i, j, cosine, sine)
                    rotate(rows, i, j, cosine, sine)
                    work[i, j] = work[j, i] = 0.0
        if not turned:
            break
    order = np.argsort(np.diag(work))
    return np.diag(work)[order], rows[order].T


def _svd_by_rotations(a: Any) -> Any:
    wide = a.shape[0] < a.shape[1]
    columns = a.copy() if wide else a.T.copy()
    n = columns.shape[0]
    vectors = np.eye(n, dtype=a.dtype)
    for _ in range(SWEEPS):
        turned = False
        for i in range(n):
            for j in range(i + 1, n):
                p, q, r = 0.0, 0.0, 0.0
                for k in range(columns.shape[1]):
                    p += columns[i, k] ** 2
                    q += columns[j, k] ** 2
                    r += columns[i, k] * columns[j, k]
                if abs(r) > np.finfo(a.dtype).eps * math.sqrt(p) * math.sqrt(q):
                    turned = True
                    cosine, sine = rotation(p, q, r)
                    rotate(columns, i, j, cosine, sine)
                    rotate(vectors, i, j, cosine, sine)
        if not turned:
            break
    values = np.empty(n, a.dtype)
    for i in range(n):
        values[i] = math.sqrt(np.sum(columns[i] ** 2))
        if values[i] > 0.0:
            columns[i] /= values[i]
    order = np.argsort(-values)
    if wide:
        return vectors[order].T, values[order], columns[order]
    return columns[order].T, values[order], vectors[order]


def _eigh(a: Any) -> Any:
    """What numba compiles."""
    return _eigh_by_lapack if SCIPY else _eigh_by_rotations


def _svd(a: Any) -> Any:
    """What numba compiles."""
    return _svd_by_lapack if SCIPY else _svd_by_rotations


overload(eigh)(_eigh)
overload(svd)(_svd)
