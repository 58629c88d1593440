"""The small real data sets that scikit-learn brings along, the extra ``chainrule[data]``; nothing else imports it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, UnsupportedError, near_names

NAMES = ("breast_cancer", "digits", "iris", "wine")
#: Data sets whose target is a number.
MEASURED = ("diabetes",)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Examples with labels.

    Attributes:
        name: what it is called in scikit-learn.
        features: one row per example, one column per measured quantity.
        labels: the class of each example, counted from 0.
        columns: what the columns are called.
        classes: what the classes are called.
    """

    name: str
    features: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    columns: tuple[str, ...]
    classes: tuple[str, ...]


def data_set(name: str) -> DataSet:
    """A data set of scikit-learn: ``iris``, ``wine``, ``breast_cancer`` or ``digits``.

    Raises:
        InputError: there is none of this name.
        UnsupportedError: scikit-learn is not installed.
    """
    if name not in NAMES:
        raise InputError(f"there is no data set {name!r}", expected=", ".join(NAMES), near=near_names(name, NAMES))
    found = _loaded(name)
    return DataSet(
        name, np.asarray(found.data, np.float64), np.asarray(found.target, np.int64),
        tuple(map(str, found.feature_names)), tuple(map(str, found.target_names)),
    )  # fmt: skip


def measured_table(name: str) -> dict[str, list[str]]:
    """The columns of a data set whose target, the last column, is a number: ``diabetes``.

    Raises:
        InputError: there is none of this name.
        UnsupportedError: scikit-learn is not installed.
    """
    if name not in MEASURED:
        near = near_names(name, MEASURED)
        raise InputError(f"there is no data set {name!r}", expected=", ".join(MEASURED), near=near)
    found = _loaded(name, scaled=False)
    columns = dict(zip(map(str, found.feature_names), np.asarray(found.data, np.float64).T, strict=True))
    columns["target"] = np.asarray(found.target, np.float64)
    return {column: [repr(float(value)) for value in values] for column, values in columns.items()}


def _loaded(name: str, **options: bool) -> Any:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise UnsupportedError(
            f"the data set {name} comes with scikit-learn, which is not installed", hint="pip install 'chainrule[data]'"
        ) from error
    return getattr(datasets, f"load_{name}")(**options)
