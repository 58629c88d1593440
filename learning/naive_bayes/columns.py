"""Columns of data: by name, of numbers or of words, with what is missing in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, near_names

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]
#: Words that stand for a value that is not known.
MISSING = frozenset(["", "?", "na", "nan", "none", "null"])


def columns_of(X: Any, names: Sequence[str] | None = None) -> dict[str, Array]:
    """The columns of a mapping, of a data frame, or of rows, whose columns are called x1, x2, .. .

    Raises:
        InputError: these are no columns of one length.
    """
    if isinstance(X, Mapping):
        found = {str(name): _column(str(name), values) for name, values in X.items()}
    elif hasattr(X, "columns") and hasattr(X, "__getitem__"):
        found = {str(name): _column(str(name), X[name]) for name in X.columns}
    else:
        found = _of_rows(X, names)
    lengths = {len(values) for values in found.values()}
    if len(lengths) > 1:
        raise InputError("the columns have different lengths", found=", ".join(map(str, sorted(lengths))))
    return found


def _of_rows(X: Any, names: Sequence[str] | None) -> dict[str, Array]:
    rows = X if isinstance(X, np.ndarray) else np.asarray([list(row) for row in X], dtype=object)
    if rows.ndim != 2:
        raise InputError("features are rows with a column for each", found=f"an array with {rows.ndim} axes")
    names = names or [f"x{place + 1}" for place in range(rows.shape[1])]
    if len(names) != rows.shape[1]:
        raise InputError(f"the rows have {rows.shape[1]} columns", expected=str(len(names)))
    return {name: _column(name, rows[:, place]) for place, name in enumerate(names)}


def _column(name: str, values: Any) -> Array:
    array = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"the column {name} is no row of values", found=f"an array with {array.ndim} axes")
    if array.dtype == object:
        numbers = _as_numbers(array)
        return array if numbers is None else numbers
    return array


def _as_numbers(values: Array) -> Array | None:
    """A column of numbers; what is missing is NaN.  ``None`` if there are words in it."""
    try:
        return np.array([np.nan if is_missing(value) else float(value) for value in values])
    except (TypeError, ValueError):
        return None


def is_missing(value: Any) -> bool:
    """Whether a value is not known."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING
    return value is None or value != value


def missing(values: Array) -> npt.NDArray[np.bool_]:
    """Which values of a column are not known."""
    if values.dtype.kind in "biu":
        return np.zeros(len(values), dtype=bool)
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.array([is_missing(value) for value in values], dtype=bool)


def numbers(name: str, values: Array) -> npt.NDArray[np.float64]:
    """A column of numbers, NaN where they are missing.

    Raises:
        InputError: there is a word in it, or an infinite number.
    """
    found = values.astype(np.float64) if values.dtype.kind in "biuf" else _as_numbers(values)
    if found is None:
        word = next(value for value in values if not is_missing(value) and _as_numbers(np.array([value])) is None)
        hint = f"a column of words is categorical: {name}=categorical"
        raise InputError(f"{plain(word)!r} in the column {name} is no number", hint=hint)
    if np.any(np.isinf(found)):
        raise InputError(f"row {int(np.flatnonzero(np.isinf(found))[0]) + 1} of the column {name} is infinite")
    return found


def has_words(values: Array) -> bool:
    """Whether a column is not one of numbers."""
    return values.dtype.kind not in "biuf" and _as_numbers(values) is None


def plain(value: Any) -> Any:
    """A value of NumPy as one of Python."""
    return value.item() if isinstance(value, np.generic) else value


def values_in(values: Array) -> tuple[Any, ...]:
    """The values that occur in a column, in order; numbers before words."""
    there = {plain(value) for value in values[~missing(values)]}
    return tuple(sorted(there, key=lambda value: (isinstance(value, str), value)))


def codes(name: str, values: Array, known: Sequence[Any]) -> npt.NDArray[np.int64]:
    """The place of every value among the known ones; -1 where it is missing.

    Raises:
        InputError: a value is not among them.
    """
    place = {value: number for number, value in enumerate(known)}
    there = ~missing(values)
    if values.dtype == object:
        # Words and numbers in one column cannot be sorted.
        numbered = {value: number for number, value in enumerate(dict.fromkeys(map(plain, values[there])))}
        distinct = np.array([*numbered, None], dtype=object)[:-1]
        inverse = np.array([numbered[plain(value)] for value in values[there]], dtype=np.int64)
    else:
        distinct, inverse = np.unique(values[there], return_inverse=True)
    for value in map(plain, distinct):
        if value not in place:
            raise InputError(
                f"the value {value!r} of {name} is not known", expected=", ".join(map(str, known)),
                near=near_names(str(value), [str(item) for item in known]),
                hint="values that may come up later are named when the classifier is fitted: categories={..}",
            )  # fmt: skip
    found = np.full(len(values), -1, dtype=np.int64)
    if there.any():
        found[there] = np.array([place[plain(value)] for value in distinct], dtype=np.int64)[inverse.ravel()]
    return found
