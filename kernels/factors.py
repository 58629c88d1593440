"""Factors of square matrices, and what is computed from them; their source goes into kernels.

Plain functions of arrays, compiled by numba where they are used.  A matrix is factorised once:

- a triangular matrix is its own factor;
- a symmetric positive definite matrix is ``U.T @ U`` (Cholesky), kept with both triangles;
- any other is ``L @ U`` after exchanges of rows, ``L`` with a diagonal of ones, both in one array.

``rows`` has the row that each row was exchanged with, for the last kind, and behind that the kind.
Work goes by blocks of rows, most of it as products of matrices.  A singular matrix has no inverse:
its entries are NaN, and so is everything that is computed from a matrix with an entry that is
infinite or NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

GENERAL = 0
LOWER = 1
UPPER = 2
SYMMETRIC = 3
BLOCK = 32
ASYMMETRY = 32


def factorise(a: Any, factors: Any, rows: Any) -> None:
    """Writes the factors of a square matrix, and which they are."""
    if not is_finite(a):
        factors.fill(np.nan)
        rows.fill(GENERAL)
        return
    kind = kind_of(a)
    if kind == SYMMETRIC:
        for i in range(a.shape[0]):
            for j in range(a.shape[0]):
                factors[i, j] = 0.5 * (a[i, j] + a[j, i])
        if not make_cholesky(factors):
            kind = GENERAL
    if kind != SYMMETRIC:
        for i in range(a.shape[0]):
            for j in range(a.shape[0]):
                factors[i, j] = a[i, j]
    if kind == GENERAL:
        make_lu(factors, rows)
    rows[-1] = kind


def kind_of(a: Any) -> int:
    """Whether a matrix is triangular, or symmetric up to rounding with a positive diagonal."""
    lower, upper, symmetric = True, True, True
    for i in range(a.shape[0]):
        symmetric = symmetric and a[i, i] > 0.0
        for j in range(i):
            lower = lower and a[j, i] == 0.0
            upper = upper and a[i, j] == 0.0
            if symmetric and a[i, j] != a[j, i]:
                tolerance = ASYMMETRY * np.finfo(a.dtype).eps * math.sqrt(a[i, i]) * math.sqrt(a[j, j])
                symmetric = abs(a[i, j] - a[j, i]) <= tolerance
        if not (lower or upper or symmetric):
            return GENERAL
    return LOWER if lower else UPPER if upper else SYMMETRIC


def make_cholesky(f: Any) -> bool:
    """Replaces a symmetric matrix by U and its transpose; False if it is not positive definite."""
    n = f.shape[0]
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        for j in range(start, stop):
            for k in range(start, j):
                c = f[k, j]
                for i in range(j, n):
                    f[j, i] -= c * f[k, i]
            if not 0.0 < f[j, j] < np.inf:
                return False
            root = math.sqrt(f[j, j])
            f[j, j] = root
            for i in range(j + 1, n):
                f[j, i] /= root
        for first in range(stop, n, BLOCK):
            last = min(first + BLOCK, n)
            left = part(f, start, stop, first, last)
            subtract(np.dot(left.T, part(f, start, stop, first, n)), f, first, first)
    for i in range(n):
        for j in range(i):
            f[i, j] = f[j, i]
    return True


def make_lu(f: Any, rows: Any) -> None:
    """Replaces a matrix by L and U with exchanges of rows (Gaussian elimination, partial pivoting)."""
    n = f.shape[0]
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        for j in range(start, stop):
            rows[j] = j
            for i in range(j + 1, n):
                if abs(f[i, j]) > abs(f[rows[j], j]):
                    rows[j] = i
            exchange(f, j, rows[j])
            if f[j, j] != 0.0:
                for i in range(j + 1, n):
                    f[i, j] /= f[j, j]
                    c = f[i, j]
                    for k in range(j + 1, stop):
                        f[i, k] -= c * f[j, k]
        for i in range(start, stop):
            for k in range(start, i):
                c = f[i, k]
                for j in range(stop, n):
                    f[i, j] -= c * f[k, j]
        if stop < n:
            subtract(np.dot(part(f, stop, n, start, stop), part(f, start, stop, stop, n)), f, stop, stop)


def solve(factors: Any, rows: Any, b: Any, transposed: bool, x: Any) -> None:
    """Writes ``inv(a) @ b``, or ``inv(a.T) @ b``, to x, from the factors of a."""
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            x[i, j] = b[i, j]
    substitute(factors, rows, transposed, x)


def solve_right(factors: Any, rows: Any, b: Any, transposed: bool, x: Any) -> None:
    """Writes ``b @ inv(a)``, or ``b @ inv(a.T)``, to x, from the factors of a."""
    turned = np.empty((b.shape[1], b.shape[0]), b.dtype)
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            turned[j, i] = b[i, j]
    substitute(factors, rows, not transposed, turned)
    for i in range(b.shape[0]):
        for j in range(b.shape[1]):
            x[i, j] = turned[j, i]


def invert(factors: Any, rows: Any, x: Any) -> None:
    """Writes the inverse to x, from the factors."""
    n = factors.shape[0]
    for i in range(n):
        for j in range(n):
            x[i, j] = 1.0 if i == j else 0.0
    kind = rows[-1]
    symmetric, exchanged = kind == SYMMETRIC, kind == GENERAL
    if kind != UPPER:
        eliminate(factors, True, exchanged, True, x)
    if kind != LOWER:
        eliminate(factors, False, False, symmetric, x)
    for j in range(n - 1, -1, -1):
        for i in range(n):
            if symmetric and i > j:
                x[j, i] = x[i, j]
            elif exchanged:
                x[i, j], x[i, rows[j]] = x[i, rows[j]], x[i, j]
    if is_singular(factors):
        x.fill(np.nan)


def find_determinant(factors: Any, rows: Any) -> Any:
    """The determinant, from the factors."""
    sign, product = 1.0, 1.0
    for i in range(factors.shape[0]):
        product *= factors[i, i]
        if rows[-1] == GENERAL and rows[i] != i:
            sign = -sign
    if rows[-1] == SYMMETRIC:
        product *= product
    if 1e-280 < abs(product) < 1e280:
        return sign * product
    # Too large or too small on the way does not mean so in the end.
    for i in range(factors.shape[0]):
        if factors[i, i] < 0.0:
            sign = -sign
    return sign * np.exp(find_log_determinant(factors, rows))


def find_log_determinant(factors: Any, rows: Any) -> Any:
    """The logarithm of the determinant's absolute value, from the factors."""
    total = 0.0
    for i in range(factors.shape[0]):
        total += np.log(abs(factors[i, i]))
    return 2.0 * total if rows[-1] == SYMMETRIC else total


# ---- substitution ------------------------------------------------------------------------------------


def substitute(factors: Any, rows: Any, transposed: bool, x: Any) -> None:
    """Replaces x by ``inv(a) @ x``, or ``inv(a.T) @ x``, from the factors of a."""
    kind, n = rows[-1], factors.shape[0]
    exchanged = kind == GENERAL
    f = part(factors.T, 0, n, 0, n) if transposed else factors
    if exchanged and not transposed:
        for j in range(n):
            exchange(x, j, rows[j])
    if kind != (LOWER if transposed else UPPER):
        eliminate(f, True, exchanged and not transposed, False, x)
    if kind != (UPPER if transposed else LOWER):
        eliminate(f, False, exchanged and transposed, False, x)
    if exchanged and transposed:
        for j in range(n - 1, -1, -1):
            exchange(x, j, rows[j])
    if is_singular(factors):
        x.fill(np.nan)


def eliminate(f: Any, lower: bool, ones: bool, triangular: bool, x: Any) -> None:
    """Replaces x by ``inv(T) @ x``, T being the lower or upper triangle of f, or that with ones on the diagonal.

    What is above the diagonal of x is left alone if x is triangular, or only that triangle is wanted.
    """
    n = f.shape[0]
    blocks = (n + BLOCK - 1) // BLOCK
    for block in range(blocks):
        start = (block if lower else blocks - 1 - block) * BLOCK
        stop = min(start + BLOCK, n)
        first, last = (0, start) if lower else (stop, n)
        width = stop if triangular else x.shape[1]
        if first < last:
            subtract(np.dot(part(f, start, stop, first, last), part(x, first, last, 0, width)), x, start, 0)
        for step in range(stop - start):
            i = start + step if lower else stop - 1 - step
            for k in range(start if lower else i + 1, i if lower else stop):
                c = f[i, k]
                for j in range(width):
                    x[i, j] -= c * x[k, j]
            if not ones:
                for j in range(width):
                    x[i, j] /= f[i, i]


def is_singular(factors: Any) -> bool:
    """Whether the matrix with these factors has no inverse."""
    smallest = np.inf
    for i in range(factors.shape[0]):
        # A comparison with NaN is false.
        smallest = min(smallest, abs(factors[i, i]) if abs(factors[i, i]) > 0.0 else 0.0)
    return smallest == 0.0


def is_finite(a: Any) -> bool:
    """Whether no entry is infinite or NaN."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            if not abs(a[i, j]) < np.inf:
                return False
    return True


def exchange(x: Any, i: int, j: int) -> None:
    """Exchanges two rows."""
    if i != j:
        for k in range(x.shape[1]):
            x[i, k], x[j, k] = x[j, k], x[i, k]


def part(x: Any, top: int, bottom: int, left: int, right: int) -> Any:
    """A copy of ``x[top:bottom, left:right]``."""
    result = np.empty((bottom - top, right - left), x.dtype)
    for i in range(bottom - top):
        for j in range(right - left):
            result[i, j] = x[top + i, left + j]
    return result


def subtract(y: Any, x: Any, top: int, left: int) -> None:
    """Subtracts y from the part of x that begins at ``x[top, left]``."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            x[top + i, left + j] -= y[i, j]
