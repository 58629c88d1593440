"""Expected products of scores, and whether a distribution is regular enough to have a Fisher information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.binding import bind
from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.errors import InputError, UnknownNameError, UnsupportedError, near_names
from chainrule.derive.goals import gradient
from chainrule.learning.probability.integrals import at_rows, expectation, is_scalar
from chainrule.learning.probability.model import Model, model
from chainrule.learning.probability.points import point

#: How far an expected score may be from zero before a distribution is refused.
IRREGULAR = 1e-6


def refuse_moving_support(m: Model) -> None:
    """Refuse a distribution whose support depends on what is estimated.

    Raises:
        UnsupportedError: it does.
    """
    moving = [end for end in m.entry.support if end in m.parameters]
    if moving:
        raise UnsupportedError(
            f"there is no Fisher information of {', '.join(moving)}: the support depends on it, so that "
            "differentiation and expectation do not change places, and the expected score is not zero",
            hint=f"it may exist for the others where that is known: --known {','.join(moving)}",
        )  # fmt: skip


def refuse_irregular(m: Model) -> None:
    """Refuse a distribution whose expected score is not zero.

    Raises:
        UnsupportedError: variable or parameters are no numbers, or the expected score of one is not zero.
    """
    _check_numbers(m)
    _refuse_expected_scores(m, point(m))


def _check_numbers(m: Model) -> None:
    if not is_scalar(m) or any(item.shape for item in m.density.inputs):
        raise UnsupportedError("this is derived for distributions of one number with parameters that are numbers")


def _refuse_expected_scores(m: Model, values: Mapping[str, Any]) -> None:
    for name in m.parameters:
        mean = expected_scores(m, [name], values)
        if not abs(mean) < IRREGULAR:
            raise UnsupportedError(
                f"there is no Fisher information of {name}: the expected score is not zero", found=f"{mean:.4g}"
            )


def expected_scores(m: Model, names: Sequence[str], values: Mapping[str, Any]) -> float:
    """The expectation of a product of scores, by summation or quadrature."""
    found = gradient(m.density, list(dict.fromkeys(names))).result
    factors = [at_rows(m, found[name].computed, values) for name in names]

    def product(x: Any) -> Any:
        return np.prod([factor(x) for factor in factors], axis=0)

    return expectation(m, values, product)


@dataclass(frozen=True)
class FisherMatrix:
    """The Fisher information of one observation at given parameters.

    Attributes:
        names: the parameters, in the order of the rows.
        matrix: the expected products of their scores.
    """

    names: tuple[str, ...]
    matrix: npt.NDArray[Any]

    def text(self) -> str:
        """A table."""
        cells = [["", *self.names]]
        cells += [[name, *(f"{entry:.8g}" for entry in row)] for name, row in zip(self.names, self.matrix, strict=True)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(cells))]
        padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in cells)
        lines = ["  ".join(row).rstrip() for row in padded]
        return "\n".join([*lines, "", "Fisher information of one observation, by quadrature or summation"])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"parameters": list(self.names), "information": self.matrix.tolist()}

    def __str__(self) -> str:
        return self.text()


def fisher_matrix(
    distribution: str | Distribution | Model, /, *, known: Sequence[str] = (), support: tuple[str, str] | None = None,
    **values: Any,
) -> FisherMatrix:  # fmt: skip
    """The Fisher information of one observation at given parameters, ``E[s_j s_k]`` by quadrature or summation.

    Args:
        distribution: a name of the table, or the declarations and the log-density of one's own.
        known: parameters that are given and not estimated; they have no rows.
        support: see :func:`model`.
        values: the values of all parameters.

    Raises:
        InputError: a value is missing, or the integral does not converge.
        UnsupportedError: the support depends on an estimated parameter, or the expected score is not zero.
        UnknownNameError: there is no such parameter.

    Source: Lehmann and Casella, Theory of Point Estimation (1998), eq. 2.5.8 and 2.5.11.

    Example:
        >>> float(fisher_matrix("cauchy", mu=0, s=2).matrix[0, 0])
        0.125
    """
    m = model(distribution, known, support)
    inputs = m.density.inputs[1:]
    names = [item.name for item in inputs]
    for name in values:
        if name not in names:
            raise UnknownNameError(f"the distribution has no parameter {name!r}", near=near_names(name, names))
    missing = [name for name in names if name not in values]
    if missing:
        raise InputError(f"the value of {', '.join(missing)} is missing", expected=f"{missing[0]}=NUMBER")
    refuse_moving_support(m)
    _check_numbers(m)
    here, _ = bind(inputs, values, dtype=np.float64)
    if not abs(expectation(m, here, np.ones_like) - 1) < IRREGULAR:
        raise InputError("the density does not sum or integrate to one there, as far as quadrature can tell")
    _refuse_expected_scores(m, here)
    size = len(m.parameters)
    matrix = np.empty((size, size))
    for i, first in enumerate(m.parameters):
        for j, second in enumerate(m.parameters[: i + 1]):
            matrix[i, j] = matrix[j, i] = expected_scores(m, [first, second], here)
    if not np.all(np.isfinite(matrix)):
        raise InputError("an expected product of scores does not converge")
    size_of = np.sqrt(np.diag(matrix))
    # Odd products have the expectation zero, of which quadrature leaves some rounding.
    return FisherMatrix(m.parameters, np.where(np.abs(matrix) < 1e-12 * np.outer(size_of, size_of), 0.0, matrix))
