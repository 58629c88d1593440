"""Functions that cannot be traced: what the error says, which source it points at, and what to write instead."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

DECLARATIONS = {"X": "real[n,d]", "w": "real[d]", "b": "real", "S": "real[n,n]"}


def data_dependent_if(X, w, b):
    if np.sum(X @ w) > b:
        return b
    return np.sum(X)


def data_dependent_while(w, b):
    while b < 1:
        b = b * 2
    return b


def comparison_chain(w):
    return np.sum(np.where(0 < w < 1, w, 0))


def conditional_expression(b):
    return b if b > 0 else -b


def boolean_operator(w, b):
    return np.where((b > 0) and (b < 1), b, 0)


def builtin_max(w, b):
    return max(np.sum(w), b)


def builtin_sum(X, w):
    return sum(X @ w)


def builtin_float(b):
    return float(b)


def builtin_int(b):
    return int(b)


def symbolic_range(X):
    return sum(X[i, 0] for i in range(X.shape[0]))


def loop_over_an_axis(w):
    total = 0
    for entry in w:
        total = total + entry
    return total


def local_import(S):
    import numpy as local

    return np.sum(S - local.eye(S.shape[0]))


def local_math(b):
    import math as local

    return local.sqrt(b)


def scipy_cholesky(S):
    return np.trace(linalg.cholesky(S))


def written_entry(w):
    w[0] = 1
    return np.sum(w)


def written_constant(w, b):
    values = np.zeros(3)
    values[0] = b
    return np.sum(values)


def changed_argument(w):
    w += 1
    return np.sum(w)


def changed_part(X):
    Y = 2 * X
    row = Y[0]
    row *= 2
    return np.sum(Y)


def changed_through_another_name(w):
    u = 2 * w
    v = u
    v += 1
    return np.sum(u)


def grown_in_place(X, w):
    u = 2 * w
    u += X
    return np.sum(u)


def out_argument(w):
    values = np.zeros(3)
    np.multiply(w, 2, out=values)
    return np.sum(values)


def dtype_argument(w):
    return np.sum(w, dtype=np.float32)


def where_argument(w):
    return np.sum(w, where=w > 0)


def fourier(w):
    return np.sum(np.fft.fft(w))


def order_statistic(w):
    return np.median(w)


def place_of_the_largest(w):
    return w[np.argmax(w)]


def method_argmax(w):
    return w.argmax()


def no_attribute(w):
    return w.summ()


def floor_division(w):
    return np.sum(w // 2)


def chosen_entries(w):
    return np.sum(w[w > 0])


def lists_of_places(X):
    return np.sum(X[[0, 1], [1, 0]])


def real_labels(X, w):
    return np.sum(X[:, 2 * w])


def random_vector(w):
    return np.sum(w + np.random.default_rng(0).normal(size=5))


def random_size(w):
    return np.sum(w + np.random.default_rng(0).normal(size=w.shape))


def large_constant(w):
    return np.sum(w * np.arange(1000.0))


def sum_of_conditions(w):
    return np.sum((w > 0) + (w < 1))


def infinite(w):
    return np.sum(w - np.inf)


def undefined_number(w):
    return np.sum(np.where(w > 0, w, np.nan))


def undefined_name(w):
    return np.sum(w) + undefined  # noqa: F821


def wrong_product(X, w):
    z = 1.0
    return np.sum(
        z * (X.T @ w)
    )


def wrong_axis(w):
    return np.sum(w, axis=1)


def in_a_helper(X, w):
    def product(A, v):
        return v @ A

    return np.sum(product(X, w))


def a_pair(w, b):
    return np.sum(w), b


def nothing(w):
    np.sum(w)


def a_condition(b):
    return b > 0


#: Function; the error's code; its message; the source it points at; what the hint says.
REFUSED: tuple[tuple[Callable[..., Any], str, str, str, str], ...] = (
    (data_dependent_if, "unsupported", "whether np.sum(X @ w) > b holds depends on the arrays", "np.sum(X @ w) > b",
     "np.where(condition, a, b)"),
    (data_dependent_while, "unsupported", "whether b < 1 holds depends on the arrays", "b < 1", "np.where"),
    (comparison_chain, "unsupported", "whether 0 < w < 1 holds", "0 < w < 1", "joined with & and |"),
    (conditional_expression, "unsupported", "whether b > 0 holds", "b > 0", "np.where"),
    (boolean_operator, "unsupported", "holds depends on the arrays", "", "joined with & and |"),
    (builtin_max, "unsupported", "max compares values", "max(np.sum(w), b)", "np.maximum(a, b)"),
    (builtin_sum, "unsupported", "sum goes over the entries one by one", "sum(X @ w)", "write np.sum(x)"),
    (builtin_float, "unsupported", "float needs a number", "float(b)", "leave the conversion out"),
    (builtin_int, "unsupported", "int needs a number", "int(b)", "leave the conversion out"),
    (symbolic_range, "unsupported", "range needs an integer", "range(X.shape[0])", "over an axis write np.sum"),
    (loop_over_an_axis, "unsupported", "w goes over the entries one by one", "w", "np.sum(x)"),
    (local_import, "unsupported", "local.eye needs an integer", "local.eye(S.shape[0])", ""),
    (local_math, "unsupported", "local.sqrt needs a number", "local.sqrt(b)", "use NumPy's function"),
    (scipy_cholesky, "unsupported", "linalg.cholesky needs an array", "linalg.cholesky(S)", ""),
    (written_entry, "unsupported", "an entry of a traced value cannot be written to", "w[0]", "np.where"),
    (written_constant, "unsupported", "values[0] needs a number", "values[0]", ""),
    (changed_argument, "unsupported", "it would change the argument of the caller", "w += 1", "write x = x + y"),
    (changed_part, "unsupported", "it would change the array that this is a part of", "row *= 2", "write x = x + y"),
    (changed_through_another_name, "unsupported", "it would change the other variable", "v += 1", "write x = x + y"),
    (grown_in_place, "shape", "an in-place operation keeps the shape", "u += X", "write x = x + y"),
    (out_argument, "unsupported", "np.multiply with out= cannot be traced", "np.multiply(w, 2, out=values)",
     "in-place writes"),
    (dtype_argument, "unsupported", "np.sum with dtype= cannot be traced", "np.sum(w, dtype=np.float32)",
     "leave dtype out"),
    (where_argument, "unsupported", "np.sum with where= cannot be traced", "np.sum(w, where=w > 0)", "np.where"),
    (fourier, "unsupported", "np.fft.fft cannot be traced", "np.fft.fft(w)", "docs/traced.md"),
    (order_statistic, "unsupported", "np.median cannot be traced", "np.median(w)", "order statistics"),
    (place_of_the_largest, "unsupported", "np.argmax cannot be traced", "np.argmax(w)", "np.max(x)"),
    (method_argmax, "unsupported", ".argmax cannot be traced", "w.argmax", "np.max(x)"),
    (no_attribute, "unsupported", "arrays have no attribute summ", "w.summ", ""),
    (floor_division, "unsupported", "np.floor_divide cannot be traced", "w // 2", "rounding"),
    (chosen_entries, "unsupported", "has a length that depends on the arrays", "w[w > 0]", "np.where"),
    (lists_of_places, "unsupported", "these lists of places cannot be traced", "X[[0, 1], [1, 0]]", "count[n]"),
    (real_labels, "notation", "2 * w is a subscript and not made of integers", "X[:, 2 * w]", "labels are declared"),
    (random_vector, "shape", "axis 0 of w has length d, axis 0 of", "w + np.random.default_rng(0).normal(size=5)", ""),
    (random_size, "unsupported", "normal needs an integer", "np.random.default_rng(0).normal(size=w.shape)", ""),
    (large_constant, "limit", "an array of shape (1000,) stands in the function", "w * np.arange(1000.0)",
     "make it an argument"),
    (sum_of_conditions, "unsupported", "+ of two conditions is no number", "(w > 0) + (w < 1)", "& or |"),
    (infinite, "notation", "this is not a finite real number", "w - np.inf", "inf stands alone"),
    (undefined_number, "unsupported", "nan is not a number here", "np.where(w > 0, w, np.nan)", "what counts"),
    (undefined_name, "input", "fails while it is traced: NameError", "undefined", ""),
    (wrong_product, "shape", "@: axis 1 of X.T has length n, axis 0 of w has length d", "X.T @ w", "X fits"),
    (wrong_axis, "shape", "w has no axis 1", "np.sum(w, axis=1)", ""),
    (in_a_helper, "shape", "@: axis 0 of v has length d, axis 0 of A has length n", "v @ A", ""),
    (a_pair, "unsupported", "a_pair returns a tuple of 2 values", "", "np.stack"),
    (nothing, "unsupported", "nothing returns nothing", "", ""),
    (a_condition, "unsupported", "a_condition returns a condition", "", "np.where(a > b, 1, 0)"),
)  # fmt: skip


def counted(w, numbers=itertools.count()):  # noqa: B008
    return np.sum(w) * next(numbers)


def random_factor(w):
    return np.sum(w) * np.random.rand()  # noqa: NPY002
