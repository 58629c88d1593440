"""Eigenvalues, singular values, Cholesky factors and exponentials; their source goes into kernels.

Plain functions of arrays, compiled by numba where they are used.  Where the value does not exist
it is NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.kernels.factors import factorise, is_finite, make_cholesky, solve

#: Singular values below this times the largest count as 0, as in ``np.linalg.pinv``.
CUTOFF = 1e-15

#: Degrees of Pade approximants of the exponential, and the norms up to which they are right to
#: rounding (Higham, The scaling and squaring method for the matrix exponential revisited, 2005, table 2.3).
DEGREES = (3, 5, 7, 9, 13)
NORMS = (1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1, 2.097847961257068, 5.371920351148152)


def find_cholesky(a: Any, x: Any) -> None:
    """Writes the lower triangular factor of ``(a + a.T)/2`` to x."""
    write_symmetric(a, x)
    if not make_cholesky(x):
        x.fill(np.nan)
        return
    for i in range(x.shape[0]):
        for j in range(i + 1, x.shape[0]):
            x[i, j] = 0.0


def find_eigen(a: Any, values: Any, vectors: Any) -> None:
    """Writes the eigenvalues of ``(a + a.T)/2`` in ascending order, and its eigenvectors as columns."""
    symmetric = np.empty(a.shape, a.dtype)
    write_symmetric(a, symmetric)
    if len(a) > 0 and is_finite(symmetric):
        found, columns = np.linalg.eigh(symmetric)
        for i in range(a.shape[0]):
            values[i] = found[i]
        write(columns, vectors)
    else:
        values.fill(np.nan)
        vectors.fill(np.nan)


def find_singular(a: Any, left: Any, values: Any, right: Any) -> None:
    """Writes the singular values in descending order, and the singular vectors as columns."""
    if a.size > 0 and is_finite(a):
        columns, found, rows = np.linalg.svd(a, False)
        for i in range(values.shape[0]):
            values[i] = found[i]
        write(columns, left)
        write(rows.T, right)
    else:
        left.fill(np.nan)
        values.fill(np.nan)
        right.fill(np.nan)


def find_pseudo_inverse(left: Any, values: Any, right: Any, x: Any) -> None:
    """Writes the pseudo-inverse, from singular values and vectors."""
    scaled = np.empty(right.shape, right.dtype)
    for j in range(values.shape[0]):
        factor = 0.0 if values[j] <= CUTOFF * values[0] else 1.0 / values[j]
        for i in range(right.shape[0]):
            scaled[i, j] = right[i, j] * factor
    write(np.dot(scaled, left.T), x)


def find_exponential(a: Any, x: Any) -> None:
    """Writes the exponential of a square matrix: Pade approximant, scaling and squaring (Higham 2005)."""
    norm = 0.0
    for j in range(a.shape[0]):
        total = 0.0
        for i in range(a.shape[0]):
            total += abs(a[i, j])
        norm = total if total > norm or total != total else norm
    if len(a) == 0 or not norm < np.inf:
        x.fill(np.nan)
        return
    choice = 0
    while choice < len(NORMS) - 1 and norm > NORMS[choice]:
        choice += 1
    halvings = max(0, math.ceil(math.log2(norm / NORMS[choice]))) if norm > 0.0 else 0
    scaled = np.zeros(a.shape, a.dtype)
    add_multiple(0.5**halvings, a, scaled)
    approximate_exponential(scaled, DEGREES[choice], x)
    for _ in range(halvings):
        write(np.dot(x, x), x)


def approximate_exponential(a: Any, degree: int, x: Any) -> None:
    """Writes the diagonal Pade approximant ``inv(q(-a)) @ q(a)`` of the exponential of a to x."""
    n = a.shape[0]
    square, power = np.dot(a, a), np.eye(n, dtype=a.dtype)
    even, odd = np.zeros(a.shape, a.dtype), np.zeros(a.shape, a.dtype)
    coefficient = 1.0
    for k in range(degree + 1):
        if k > 0 and k % 2 == 0:
            power = square if k == 2 else np.dot(power, square)
        add_multiple(coefficient, power, odd if k % 2 else even)
        coefficient *= (degree - k) / ((2 * degree - k) * (k + 1))
    odd = np.dot(a, odd)
    below, factors, rows = even.copy(), np.empty(a.shape, a.dtype), np.empty(n + 1, np.int64)
    add_multiple(-1.0, odd, below)
    add_multiple(1.0, odd, even)
    factorise(below, factors, rows)
    solve(factors, rows, even, False, x)


def write_symmetric(a: Any, x: Any) -> None:
    """Writes ``(a + a.T)/2`` to x."""
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            x[i, j] = 0.5 * (a[i, j] + a[j, i])


def write(a: Any, x: Any) -> None:
    """Writes a matrix to x."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            x[i, j] = a[i, j]


def add_multiple(c: float, a: Any, x: Any) -> None:
    """Adds ``c * a`` to x."""
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            x[i, j] += c * a[i, j]
