"""Tables and arrays as rows of measured numbers, with labels where there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, near_names
from chainrule.learning.chart import Series
from chainrule.learning.data_sets import NAMES, data_set
from chainrule.learning.fitting.tables import read_table

Array = npt.NDArray[np.float64]
#: Classes that a picture tells apart.
MOST_CLASSES = 30


@dataclass(frozen=True, eq=False)
class Measured:
    """Rows of numbers.

    Attributes:
        values: one row per example, one column per quantity.
        columns: what the columns are called.
        labels: the class of every example, if it is known.
    """

    values: Array
    columns: tuple[str, ...]
    labels: tuple[str, ...] = ()


def measured(
    source: Any, *, columns: Sequence[str] = (), label: str | None = None, labels: Sequence[Any] | None = None
) -> Measured:
    """The rows of an array, of a file of comma-separated values, or of a data set of scikit-learn.

    Args:
        source: an array with two axes, the path of a file, or ``iris``, ``wine``, ``breast_cancer``, ``digits``.
        columns: the columns of a file that are measured quantities; without it all but the label.
        label: the column of a file that says the class.
        labels: the classes of the rows of an array.

    Raises:
        InputError: a file, a column or a number that does not fit.
    """
    if not isinstance(source, str | Path):
        if columns or label:
            raise InputError("columns have names in a file, not in an array", hint="labels=[..] are those of the rows")
        return _labelled(_rows(source), labels)
    if labels is not None:
        raise InputError("the labels of a file are one of its columns", hint='label="species"')
    if not Path(source).exists():
        if source in NAMES:
            return _known(str(source), columns, label)
        if near := near_names(str(source), NAMES):
            raise InputError(f"there is no table and no data set {str(source)!r}", near=near)
    return _of_table(read_table(source), columns, label)


def _labelled(values: Array, labels: Sequence[Any] | None) -> Measured:
    names = tuple(f"x{number}" for number in range(1, values.shape[1] + 1))
    if labels is not None and len(labels) != len(values):
        raise InputError("every row has a label", expected=f"{len(values)} labels", found=str(len(labels)))
    return Measured(values, names, tuple(map(str, labels)) if labels is not None else ())


def _known(name: str, columns: Sequence[str], label: str | None) -> Measured:
    found = data_set(name)
    if label:
        raise InputError(f"the data set {name} brings its labels along", hint="leave the label out")
    table = dict(zip(found.columns, found.features.T, strict=True))
    chosen = list(columns) or list(table)
    _check_columns(chosen, table)
    return Measured(
        np.column_stack([table[column] for column in chosen]), tuple(chosen),
        tuple(found.classes[number] for number in found.labels),
    )  # fmt: skip


def _of_table(table: Mapping[str, Sequence[str]], columns: Sequence[str], label: str | None) -> Measured:
    _check_columns([*columns, *([label] if label else [])], table)
    if label in columns:
        raise InputError(f"the column {label} is a label or a quantity, not both")
    chosen = list(columns) or [name for name in table if name != label]
    if not chosen:
        raise InputError("the table has no column but the label")
    values = np.column_stack([_numbers(name, table[name]) for name in chosen])
    return Measured(values, tuple(chosen), tuple(table[label]) if label else ())


def _check_columns(names: Sequence[str], table: Mapping[str, Any]) -> None:
    for name in names:
        if name not in table:
            raise InputError(
                f"the table has no column {name!r}", expected=", ".join(table), near=near_names(name, table)
            )


def _numbers(name: str, texts: Sequence[str]) -> Array:
    values = []
    for number, text in enumerate(texts, start=2):
        try:
            value = float(text)
        except ValueError:
            raise InputError(
                f"{text!r} in line {number} of the column {name} is no number",
                hint=f"--label {name} names a column of classes, --columns A,B those that are measured",
            ) from None
        if not np.isfinite(value):
            raise InputError(f"{text} in line {number} of the column {name} is not finite", expected="finite numbers")
        values.append(value)
    return np.array(values)


def _rows(source: Any) -> Array:
    try:
        values = np.asarray(source, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"these are not rows of numbers: {error}") from error
    if values.ndim != 2 or 0 in values.shape:
        raise InputError("an array with one row per example is needed", expected="two axes", found=f"{values.shape}")
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise InputError(f"row {row}, column {column} is {values[row, column]}", expected="finite numbers")
    return values


def groups(points: Array, labels: Sequence[str]) -> tuple[Series, ...]:
    """The points of a plane by their labels, each label in a style of its own.

    Raises:
        InputError: there are too many labels.
    """
    if not labels:
        return (Series("", tuple(points[:, 0].tolist()), tuple(points[:, 1].tolist()), "points"),)
    named = np.asarray(labels)
    if len(set(labels)) > MOST_CLASSES:
        raise InputError(
            "so many classes are not told apart in a picture", expected=f"up to {MOST_CLASSES}",
            found=str(len(set(labels))), hint="leave the label out, or choose a column with fewer values",
        )  # fmt: skip
    return tuple(
        Series(name, tuple(points[named == name, 0].tolist()), tuple(points[named == name, 1].tolist()), "points")
        for name in dict.fromkeys(sorted(labels, key=_natural))
    )


def _natural(label: str) -> tuple[int, float, str]:
    """Numbers by their size, words after them."""
    return (0, float(label), label) if label.replace(".", "", 1).isdecimal() else (1, 0.0, label)
