"""Tables to arrays: the columns of a file of comma-separated values as the inputs of a formula."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, near_names
from chainrule.derive.program import Input

Array = npt.NDArray[np.float64]
#: The two values of a label, by the name of its domain.
TWO_VALUES = {"binary": (0.0, 1.0), "pm1": (-1.0, 1.0)}


def read_table(path: str | Path) -> dict[str, list[str]]:
    """The columns of a file by the names in its first line.

    Raises:
        InputError: the file cannot be read, or its lines are of different length.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the table {str(path)!r}: {reason}") from error
    if len(rows) < 2:
        raise InputError(f"the table {str(path)!r} has no rows", expected="a line of names, then one line per example")
    names = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise InputError(
                f"line {number} of {str(path)!r} does not fit its first line",
                expected=f"{len(names)} values", found=f"{len(row)} values",
            )  # fmt: skip
    return {name: [row[place].strip() for row in rows[1:]] for place, name in enumerate(names)}


def arrays_of(
    columns: Mapping[str, Sequence[str]], inputs: Sequence[Input], chosen: Mapping[str, Sequence[str]]
) -> dict[str, Array]:
    """The inputs that a table gives: those that have a column of their name, and those with ``chosen`` columns.

    A vector is one column, a matrix several side by side.  Labels in words become numbers where the
    domain says how many there are: 0 and 1 for ``binary``, -1 and 1 for ``pm1``, a column for each class
    for ``onehot``, in alphabetical order.

    Raises:
        InputError: there is no such input or column, or what stands in it is no number.
    """
    known = [item.name for item in inputs]
    for name in chosen:
        if name not in known:
            raise InputError(f"columns are given for {name!r}, which is no input of the formula",
                             expected=", ".join(known), near=near_names(name, known))  # fmt: skip
    found: dict[str, Array] = {}
    for item in inputs:
        names = chosen.get(item.name, [item.name] if item.name in columns else [])
        if not names:
            continue
        for name in names:
            if name not in columns:
                near = near_names(name, columns)
                raise InputError(f"the table has no column {name!r}", expected=", ".join(columns), near=near)
        found[item.name] = _array(item, {name: columns[name] for name in names})
    return found


def _array(item: Input, columns: Mapping[str, Sequence[str]]) -> Array:
    if item.domain.name == "onehot" and len(columns) == 1:
        ((_, values),) = columns.items()
        classes = sorted(set(values))
        return np.array([[float(value == known) for known in classes] for value in values])
    numbers = [_numbers(item, name, values) for name, values in columns.items()]
    if len(item.shape) == 1 and len(numbers) == 1:
        return numbers[0]
    if len(item.shape) == 2:
        return np.column_stack(numbers)
    raise InputError(
        f"{len(numbers)} columns do not make up {item.name}", expected=f"an array with {len(item.shape)} axes",
        hint="a table gives vectors (one column) and matrices (several); other inputs: --at NAME=VALUE",
    )  # fmt: skip


def _numbers(item: Input, name: str, values: Sequence[str]) -> Array:
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        classes = sorted(set(values))
        codes = TWO_VALUES.get(item.domain.name, ())
        if len(classes) == len(codes):
            return np.array([codes[classes.index(value)] for value in values])
        row, wrong = next((row, value) for row, value in enumerate(values, 1) if not _is_number(value))
        if not wrong:
            hint = "leave out rows with missing values, or fill them in"
            raise InputError(f"row {row} has no value in the column {name}", hint=hint) from None
        raise InputError(
            f"{wrong!r} in row {row} of the column {name} is no number",
            expected=f"numbers for {item.name}: {item.domain.name}",
            hint="labels in words are read for inputs declared onehot, and two of them for binary or pm1",
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
