"""A classifier of a table, with its accuracy on rows that were held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, near_names
from chainrule.learning.naive_bayes.classifier import Choices, NaiveBayes, naive_bayes
from chainrule.learning.naive_bayes.columns import columns_of, has_words, missing, values_in


@dataclass(frozen=True, eq=False)
class Report:
    """What a classifier does on rows that it was not fitted to.

    Attributes:
        classifier: the classifier.
        fitted, held_out: how many rows there were of each.
        accuracy: the share of rows whose class is predicted, among those held out; of all if there are none.
        log_loss: the mean of ``-log p(c | x)`` over the same rows.
        baseline: the share of the most frequent class among them.
        confusion: how many rows of every class (down) are predicted to be of which (across).
    """

    classifier: NaiveBayes
    fitted: int
    held_out: int
    accuracy: float
    log_loss: float
    baseline: float
    confusion: npt.NDArray[np.int64]

    def text(self) -> str:
        """The estimates, the accuracy and the confusion matrix."""
        names = list(map(str, self.classifier.classes))
        where = f"{self.held_out} rows held out" if self.held_out else "the rows it was fitted to"
        width = max(9, *(len(name) for name in names))
        table = [("true \\ predicted", *names), *((name, *map(str, row)) for name, row in
                                                  zip(names, self.confusion, strict=True))]  # fmt: skip
        first = max(len(row[0]) for row in table)
        lines = ["  ".join([row[0].ljust(first), *(cell.rjust(width) for cell in row[1:])]) for row in table]
        return "\n".join([
            self.classifier.text(), "",
            f"accuracy on {where}: {100 * self.accuracy:.1f} % (most frequent class: {100 * self.baseline:.1f} %), "
            f"mean of -log p(c | x): {self.log_loss:.4g}", "", *lines,
        ])  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "classifier": self.classifier.to_dict(), "fitted": self.fitted, "held_out": self.held_out,
            "accuracy": self.accuracy, "log_loss": self.log_loss, "baseline": self.baseline,
            "confusion": self.confusion.tolist(),
        }  # fmt: skip


def split(labels: npt.NDArray[Any], share: float, seed: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to fit and rows to hold out, the same share of every class; each class keeps one to fit.

    Raises:
        InputError: the share is not one.
    """
    if not 0 <= share < 1:
        raise InputError("the share of rows that are held out is a number from 0 to less than 1", found=str(share))
    rng = np.random.default_rng(seed)
    kept, held = list[int](), list[int]()
    for name in values_in(labels):
        rows = rng.permutation(np.flatnonzero(labels == name))
        count = min(round(share * len(rows)), len(rows) - 1)
        held += rows[:count].tolist()
        kept += rows[count:].tolist()
    return np.array(sorted(kept), dtype=np.int64), np.array(sorted(held), dtype=np.int64)


def classify_table(
    table: Mapping[str, Sequence[Any]], target: str, features: str | Choices | None = None, *,
    holdout: float = 0.3, seed: int = 0, **options: Any,
) -> Report:  # fmt: skip
    """A naive Bayes classifier of a table, tried on rows that were held out.

    Args:
        table: the columns; categories of a column are those that occur in any of its rows.
        target: the column of classes; rows without a class are left out.
        features: see :func:`naive_bayes`.
        holdout: the share of rows of every class that are held out.
        seed: of their choice.
        options: as for :func:`naive_bayes`.

    Raises:
        InputError: there is no such column, or the data does not fit.
    """
    if target not in table:
        near = near_names(target, table)
        raise InputError(f"the table has no column {target!r}", expected=", ".join(table), near=near)
    data = columns_of(table)
    there = ~missing(data[target])
    data = {name: values[there] for name, values in data.items()}
    labels = data.pop(target)
    kept, held = split(labels, holdout, seed)
    words = {name: values_in(values) for name, values in data.items() if _is_categorical(name, values, features)}
    fitted = naive_bayes(
        {name: values[kept] for name, values in data.items()}, labels[kept], features, categories=words, **options
    )
    tried = held if len(held) else kept
    X, y = {name: data[name][tried] for name in fitted.columns}, labels[tried]
    confusion = fitted.confusion(X, y)
    place = {name: number for number, name in enumerate(fitted.classes)}
    chosen = fitted.log_posterior(X)[np.arange(len(y)), [place[name] for name in y.tolist()]]
    return Report(
        fitted, len(kept), len(held), float(np.trace(confusion) / len(tried)), float(-chosen.mean()),
        float(confusion.sum(axis=1).max() / len(tried)), confusion,
    )  # fmt: skip


def _is_categorical(name: str, values: npt.NDArray[Any], features: str | Choices | None) -> bool:
    named = features if isinstance(features, str) else (features or {}).get(name)
    return named == "categorical" if named else has_words(values)
