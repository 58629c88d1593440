"""Naive Bayes classifiers as a user sees them: fitted, asked for probabilities, explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.errors import InputError
from chainrule.learning.explanation import Explanation
from chainrule.learning.naive_bayes.columns import Array, codes, columns_of, missing, numbers, values_in
from chainrule.learning.naive_bayes.features import SMOOTHED, Feature, Smoothing, feature, fitted, usual
from chainrule.learning.naive_bayes.row import told_row
from chainrule.learning.naive_bayes.told import derived

Floats = npt.NDArray[np.float64]
#: Columns, or tuples of columns, with the names of their distributions.
Choices = Mapping[str | tuple[str, ...], str | Distribution]


@dataclass(frozen=True, eq=False)
class NaiveBayes:
    """A naive Bayes classifier that was fitted.

    Attributes:
        classes: the labels.
        priors: the probability of every class.
        counts: how many rows of every class there were.
        features: what is observed, with the estimates in every class.
        smoothing: what was added to counts and variances.
    """

    classes: tuple[Any, ...]
    priors: Floats
    counts: tuple[int, ...]
    features: tuple[Feature, ...]
    smoothing: Smoothing

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        return tuple(column for item in self.features for column in item.columns)

    @property
    def parameters(self) -> dict[str, dict[Any, dict[str, Any]]]:
        """The estimates by feature and class."""
        return {item.name: {name: {key: np.asarray(value).tolist() for key, value in parameters.items()}
                            for name, parameters in zip(self.classes, item.parameters, strict=True)}
                for item in self.features}  # fmt: skip

    def log_joint(self, X: Any) -> Floats:
        """``log p(c) + sum_j log p(x_j | c)`` for every row and class."""
        data = columns_of(X, self.columns)
        length = len(next(iter(data.values()))) if data else 0
        with np.errstate(divide="ignore"):
            whole = np.tile(np.log(self.priors), (length, 1))
        for item in self.features:
            whole += item.log_density(data)
        return whole

    def log_posterior(self, X: Any) -> Floats:
        """``log p(c | x)`` for every row and class: the scores less their logsumexp.

        Raises:
            InputError: a column is missing, a category is unknown, or a row is impossible in every class.
            DomainError: a value lies outside the domain of its distribution.
        """
        joint = self.log_joint(X)
        lost = np.flatnonzero(~np.isfinite(joint.max(axis=1, initial=-np.inf)))
        if len(lost):
            hint = "it lies outside all supports, or has a category without probability, as with alpha=0"
            raise InputError(f"row {lost[0] + 1} has probability zero in every class", hint=hint)
        return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

    def predict_proba(self, X: Any) -> Floats:
        """``p(c | x)`` for every row and class."""
        return np.exp(self.log_posterior(X))

    def predict(self, X: Any) -> Array:
        """The most probable class of every row."""
        alike = len({type(name) for name in self.classes}) == 1
        names = np.array(self.classes, dtype=None if alike else object)
        return np.asarray(names[np.argmax(self.log_posterior(X), axis=1)])

    def accuracy(self, X: Any, y: Any) -> float:
        """The share of rows whose class is predicted."""
        return float(np.mean(self.predict(X) == np.asarray(y)))

    def confusion(self, X: Any, y: Any) -> npt.NDArray[np.int64]:
        """How many rows of every class (down) are predicted to be of which (across)."""
        place = {name: number for number, name in enumerate(self.classes)}
        found = np.zeros((len(self.classes), len(self.classes)), dtype=np.int64)
        for true, predicted in zip(np.asarray(y).tolist(), self.predict(X).tolist(), strict=True):
            if true not in place:
                raise InputError(f"the label {true!r} is not known", expected=", ".join(map(str, self.classes)))
            found[place[true], place[predicted]] += 1
        return found

    @cached_property
    def explanation(self) -> Explanation:
        """The classifier, derived from Bayes' theorem."""
        return derived([item.m for item in self.features], self.smoothing.alpha, self.smoothing.variance)

    def explain(self, X: Any) -> Explanation:
        """Why one row is taken for its class: scores and posterior probabilities, line by line.

        Raises:
            InputError: also if there is more than one row.
        """
        data = columns_of(X, self.columns)
        if len(self.log_posterior(data)) != 1:
            raise InputError("one row is explained at a time", found=f"{len(next(iter(data.values())))} rows")
        return told_row(self.classes, self.priors, self.features, data)

    def text(self) -> str:
        """Priors and estimates as a table."""
        rows = [("class", "", *map(str, self.classes)), ("rows", "", *map(str, self.counts)),
                ("prior", "", *(f"{value:.6g}" for value in self.priors))]  # fmt: skip
        for item in self.features:
            for row in _rows(item):
                rows.append(row)
        widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
        return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
                         for row in rows)  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Priors and estimates as plain data."""
        names = list(map(str, self.classes))
        return {
            "classes": names, "counts": list(self.counts), "priors": self.priors.tolist(),
            "features": [{"columns": list(item.columns), "distribution": item.m.entry.name or item.m.entry.text,
                          "categories": [str(value) for value in item.categories], "known": dict(item.known),
                          "parameters": {name: {key: np.asarray(value).tolist() for key, value in parameters.items()}
                                         for name, parameters in zip(names, item.parameters, strict=True)}}
                         for item in self.features],
            "alpha": self.smoothing.alpha, "variance_smoothing": self.smoothing.variance,
        }  # fmt: skip

    def __str__(self) -> str:
        return self.text()


def _rows(item: Feature) -> list[tuple[str, ...]]:
    """The estimates of a feature, one line for every number of a parameter."""
    found = []
    for name in item.m.parameters:
        arrays = [np.asarray(parameters[name]) for parameters in item.parameters]
        for index in np.ndindex(arrays[0].shape):
            which = f"({item.categories[index[0]]})" if item.categories else f"[{','.join(map(str, index))}]"
            label = f"{name}{which if index else ''}"
            found.append((item.name, label, *(f"{float(array[index]):.6g}" for array in arrays)))
    return found


def naive_bayes(
    X: Any, y: Any, features: str | Choices | None = None, *, alpha: float = 1.0, variance_smoothing: float = 1e-9,
    priors: str | Mapping[Any, float] | None = None, categories: Mapping[str, Sequence[Any]] | None = None,
) -> NaiveBayes:  # fmt: skip
    """The classifier ``p(c | x) = p(c) prod_j p(x_j | c) / p(x)`` with maximum-likelihood estimates in every class.

    Args:
        X: the features: a mapping from names to columns, a data frame, or rows, whose columns are called x1, x2, .. .
        y: the class of every row.
        features: the distribution of every feature: one name for all, or names by column, or by a tuple of columns
            for a distribution of vectors.  Any of ``catalog.distributions``, with known parameters in brackets,
            ``binomial(m=10)``, or one that is written like its entries.  Without a name a column of numbers is
            normal, one of words categorical.
        alpha: what is added to every count of a Bernoulli, categorical or multinomial feature: the posterior mean
            with a symmetric Dirichlet prior; 1 is Laplace's rule, 0 the maximum-likelihood estimate.
        variance_smoothing: what share of the largest variance among the normal features is added to each of their
            variances; 0 for the maximum-likelihood estimate.
        priors: the probabilities of the classes; ``"uniform"``, or by class; their frequencies without.
        categories: the values of a categorical feature, where some do not occur in the data.

    Values that are missing (NaN, ``None``, ``""``, ``"?"``, ``"NA"``) are left out: of the estimates, and of the sum
    over features, since the density of the others is the integral over what is missing.

    Raises:
        InputError: the data does not fit, or a class has no estimate.
        UnknownNameError: there is no such distribution.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), section 4.2.3.

    Example:
        >>> found = naive_bayes({"x": [1.0, 2.0, 7.0, 9.0]}, ["a", "a", "b", "b"])
        >>> found.predict({"x": [2.5]}).tolist()
        ['a']
    """
    data = columns_of(X)
    labels, classes = _labels(y, data)
    _check_smoothing(alpha, variance_smoothing)
    chosen = _chosen(features, data)
    unknown = [name for name in categories or {} if name not in data]
    if unknown:
        raise InputError(f"the data has no column {unknown[0]!r}", expected=", ".join(data))
    items = [feature(name, text, data, (categories or {}).get(name, ()) if isinstance(name, str) else ())
             for name, text in chosen.items()]  # fmt: skip
    smoothing = Smoothing(alpha, variance_smoothing * _largest_variance(items, data))
    counts = np.bincount(labels, minlength=len(classes))
    return NaiveBayes(
        classes, _priors(priors, counts, classes), tuple(counts.tolist()),
        tuple(fitted(item, data, labels, classes, smoothing) for item in items), smoothing,
    )  # fmt: skip


def _labels(y: Any, data: Mapping[str, Array]) -> tuple[npt.NDArray[np.int64], tuple[Any, ...]]:
    labels = np.asarray(y)
    if labels.ndim != 1:
        raise InputError("the classes are one label for every row", found=f"an array with {labels.ndim} axes")
    if not data:
        raise InputError("there are no features")
    length = len(next(iter(data.values())))
    if len(labels) != length:
        raise InputError(f"there are {length} rows", found=f"{len(labels)} labels")
    if np.any(missing(labels)):
        raise InputError(f"row {int(np.flatnonzero(missing(labels))[0]) + 1} has no class", hint="leave such rows out")
    classes = values_in(labels)
    if len(classes) < 2:
        found = ", ".join(map(str, classes)) or "no rows"
        raise InputError("a classifier tells at least two classes apart", found=found)
    return codes("the class", labels, classes), classes


def _check_smoothing(alpha: float, variance: float) -> None:
    for name, value in (("alpha", alpha), ("variance_smoothing", variance)):
        if not (np.isfinite(value) and value >= 0):
            raise InputError(f"{name} is a number from 0 on", found=str(value))


def _chosen(
    features: str | Choices | None, data: Mapping[str, Array]
) -> dict[str | tuple[str, ...], str | Distribution]:
    """The distribution of every feature; columns that are not named have the usual one."""
    if isinstance(features, str):
        return dict.fromkeys(data, features)
    found: dict[str | tuple[str, ...], str | Distribution] = dict(features or {})
    named = [column for name in found for column in ((name,) if isinstance(name, str) else name)]
    for column in named:
        if column not in data:
            raise InputError(f"the data has no column {column!r}", expected=", ".join(data))
        if named.count(column) > 1:
            raise InputError(f"the column {column} belongs to two features")
    found |= {column: usual(values) for column, values in data.items() if column not in named}
    place = {name: number for number, name in enumerate(data)}
    return dict(sorted(found.items(), key=lambda pair: place[pair[0] if isinstance(pair[0], str) else pair[0][0]]))


def _largest_variance(items: Sequence[Feature], data: Mapping[str, Array]) -> float:
    normal = [item.columns[0] for item in items if item.m.entry.name == SMOOTHED]
    return max((float(np.nanvar(numbers(name, data[name]))) for name in normal), default=0.0)


def _priors(priors: str | Mapping[Any, float] | None, counts: npt.NDArray[np.int64], classes: Sequence[Any]) -> Floats:
    if priors is None:
        return np.asarray(counts / counts.sum())
    if isinstance(priors, str):
        if priors != "uniform":
            raise InputError("the priors are uniform, or given by class", found=priors)
        return np.full(len(classes), 1 / len(classes))
    if set(priors) != set(classes):
        expected, given = (", ".join(map(str, names)) for names in (classes, priors))
        raise InputError("every class has a prior", expected=expected, found=given)
    found = np.array([float(priors[name]) for name in classes])
    if np.any(found < 0) or abs(found.sum() - 1) > 1e-9:
        said = ", ".join(f"{value:g}" for value in found)
        raise InputError("the priors are probabilities that sum to one", found=said)
    return found
