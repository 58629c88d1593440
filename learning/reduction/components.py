"""``pca``: principal components of data through the singular values of the centred rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError
from chainrule.learning.chart import Chart, Series
from chainrule.learning.reduction.measured import Measured, groups, measured

Array = npt.NDArray[np.float64]
#: Rows of a text that are shown.
LONGEST = 12
#: A second component whose variance is a smaller share of the first's is drawn on a scale of its own.
FLAT = 0.02
#: An error that is not told from zero, relative to the total variance.
ROUNDING = 1e-13
#: Singular values whose squares are numbers.
SMALLEST, LARGEST = 1e-140, 1e150


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components.

    Attributes:
        data: the rows.
        mean: the mean of every column.
        scale: what every column was divided by; ones unless the columns were standardised.
        components: one orthonormal direction per row, the first explains most.
        scores: the rows of the data along the components.
        spectrum: the variance along every component there is.
        error: the squared distance of the rows from their reconstruction, summed, over n - 1.
        rank: how many directions the data vary in.
    """

    data: Measured
    mean: Array
    scale: Array
    components: Array
    scores: Array
    spectrum: Array
    error: float
    rank: int

    @property
    def variances(self) -> Array:
        """The variance along each component."""
        return self.spectrum[: len(self.components)]

    @property
    def total(self) -> float:
        """The variances of all columns together."""
        return float(self.spectrum.sum())

    @property
    def ratios(self) -> Array:
        """What share of the total each component explains."""
        return self.variances / self.total

    def project(self, rows: Any) -> Array:
        """Further rows along the components.

        Raises:
            InputError: they are no rows of numbers, or have other columns.
        """
        values = measured(rows).values
        if values.shape[1] != len(self.mean):
            raise InputError(
                "these rows have other columns", expected=f"{len(self.mean)} columns", found=str(values.shape[1])
            )
        return np.asarray((values - self.mean) / self.scale @ self.components.T)

    def rebuilt(self, scores: Any = None) -> Array:
        """Rows from their scores, by default those of the data."""
        scores = self.scores if scores is None else np.asarray(scores, dtype=np.float64)
        return np.asarray(scores @ self.components * self.scale + self.mean)

    def text(self) -> str:
        """The report."""
        n, d = self.data.values.shape
        lines = [f"{n} rows, {d} column{'s' if d > 1 else ''}, rank {self.rank}", ""]
        width = max(9, *(len(name) + 2 for name in self.data.columns[:LONGEST]))
        lines.append("component  variance     share  together")
        together = np.cumsum(self.ratios)
        for number, (variance, share, reached) in enumerate(zip(self.variances, self.ratios, together, strict=True), 1):
            lines.append(f"{number:<9}{variance:>10.5g}{share:>10.4f}{reached:>10.4f}")
        lines += ["", "column".ljust(width) + "".join(f"{number:>9}" for number in range(1, len(self.components) + 1))]
        for name, row in list(zip(self.data.columns, self.components.T, strict=True))[:LONGEST]:
            lines.append(name.ljust(width) + "".join(f"{entry:>9.4f}" for entry in row))
        if d > LONGEST:
            lines.append(f".. and {d - LONGEST} more columns")
        kept = float(self.variances.sum())
        error = self.error if self.error > ROUNDING * self.total else 0.0
        lines += ["", f"total variance        {self.total:.6g}", f"explained             {kept:.6g}",
                  f"reconstruction error  {error:.6g}"]  # fmt: skip
        if self.rank < len(self.components):
            lines.append(f"components after the first {self.rank} have no variance: their directions are arbitrary")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The components as plain data."""
        return {
            "columns": list(self.data.columns), "mean": self.mean.tolist(), "scale": self.scale.tolist(),
            "components": self.components.tolist(), "variances": self.variances.tolist(),
            "ratios": self.ratios.tolist(), "spectrum": self.spectrum.tolist(), "total": self.total,
            "error": self.error, "rank": self.rank, "scores": self.scores.tolist(), "labels": list(self.data.labels),
        }  # fmt: skip

    def chart(self) -> Chart:
        """The rows along the first two components, in a colour for each label."""
        scores = self.scores if self.scores.shape[1] > 1 else np.column_stack([self.scores, np.zeros(len(self.scores))])
        ratios = [*self.ratios, 0.0]
        x, y = (f"component {number} ({ratios[number - 1]:.1%} of the variance)" for number in (1, 2))
        title = f"{len(scores)} rows along their first two principal components"
        if self.scores.shape[1] == 1:
            title, y = f"{len(scores)} rows along their first principal component", ""
        return Chart(title, x, y, groups(scores, self.data.labels), equal=ratios[1] > FLAT * ratios[0])

    def scree(self) -> Chart:
        """The share of every component, and of all so far."""
        shares = self.spectrum / self.total
        numbers = tuple(map(float, range(1, len(shares) + 1)))
        series = (Series("each component", numbers, tuple(shares.tolist()), "bars"),
                  Series("all so far", numbers, tuple(np.cumsum(shares).tolist())))  # fmt: skip
        return Chart("Explained variance", "component", "share of the total variance", series)


def pca(
    X: Any, components: int | None = None, *, columns: Sequence[str] = (), label: str | None = None,
    labels: Sequence[Any] | None = None, standardise: bool = False,
) -> Components:  # fmt: skip
    """The principal components of data: orthonormal directions of largest variance, one after the other.

    With the centred rows ``A = U @ diag(s) @ V.T`` they are the columns of ``V``, with variances ``s**2/(n - 1)``.
    The entry of each component that is largest in size is positive.

    Args:
        X: an array of shape ``(n, d)`` with one row per example, the path of a file of comma-separated values, or the
            name of a data set of scikit-learn (``iris``, ``wine``, ``breast_cancer``, ``digits``).
        components: how many, at most ``min(n, d)``; all by default.
        columns: the columns of a file that are measured quantities; without it all but the label.
        label: the column of a file with the classes, for the colours of pictures.
        labels: the classes of the rows of an array.
        standardise: whether every column is divided by its standard deviation first.

    Raises:
        InputError: a file, a number or an option that does not fit.
        UnsupportedError: a data set of scikit-learn is asked for, which is not installed.

    Example:
        >>> found = pca([[0, 0], [1, 2], [2, 4], [3, 6.5]], 1)
        >>> found.components.round(3).tolist(), found.ratios.round(4).tolist()
        ([[0.421, 0.907]], [0.9995])
    """
    return components_of(measured(X, columns=columns, label=label, labels=labels), components, standardise)


def components_of(data: Measured, components: int | None = None, standardise: bool = False) -> Components:
    """The principal components of measured rows, see :func:`pca`."""
    n, d = data.values.shape
    _check(n, d, components)
    mean = data.values.mean(axis=0)
    centred = _centred(data.values, mean)
    scale = _deviations(centred, data.columns) if standardise else np.ones(d)
    left, sizes, right = np.linalg.svd(centred / scale, full_matrices=False)
    kept = min(n, d) if components is None else components
    if sizes[0] and not SMALLEST < sizes[0] < LARGEST:
        raise InputError("variances of such numbers are out of range", hint="measure the columns in other units")
    rank = int(np.sum(sizes > sizes[0] * max(n, d) * np.finfo(float).eps))
    if not rank:
        raise InputError("the rows are all the same: there is no variance to explain")
    signs = _signs(right)
    directions, scores = (right * signs[:, None])[:kept], (left * sizes * signs)[:, :kept]
    rest = centred / scale - scores @ directions
    return Components(
        data, mean, scale, directions, scores, sizes**2 / (n - 1), float(np.sum(rest**2)) / (n - 1), rank
    )


def _check(n: int, d: int, components: int | None) -> None:
    if n < 2:
        raise InputError("one row has no variance", expected="at least two rows", found=str(n))
    if components is not None and not 1 <= components <= min(n, d):
        raise InputError(
            "so many components do not exist", expected=f"1 to {min(n, d)}, for {n} rows and {d} columns",
            found=str(components),
        )  # fmt: skip


def _centred(values: Array, mean: Array) -> Array:
    """The rows without their mean; a column of equal numbers becomes zero, not its rounding errors."""
    centred = values - mean
    centred[:, np.ptp(values, axis=0) == 0] = 0
    return np.asarray(centred)


def _deviations(centred: Array, columns: Sequence[str]) -> Array:
    found = np.sqrt(np.sum(centred**2, axis=0) / (len(centred) - 1))
    constant = [name for name, deviation in zip(columns, found, strict=True) if deviation == 0]
    if constant:
        raise InputError(
            f"a column without variance cannot be standardised: {', '.join(constant)}", hint="leave it out by columns"
        )
    return np.asarray(found)


def _signs(directions: Array) -> Array:
    """The sign of the entry that is largest in size; the first of those that are as large to rounding."""
    sizes = np.abs(directions)
    largest = np.argmax(sizes >= sizes.max(axis=1, keepdims=True) * (1 - 1e-10), axis=1)
    return np.where(directions[np.arange(len(directions)), largest] < 0, -1.0, 1.0)
