"""Asymptotic standard errors of maximum-likelihood estimates, from the observed information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.goals import gradient, hessian
from chainrule.derive.numeric import evaluate
from chainrule.learning.probability.coordinates import chart
from chainrule.learning.probability.model import Model

Array = npt.NDArray[Any]


def at_edge(m: Model, name: str, value: Any) -> bool:
    """Whether an estimate lies on the boundary of its domain."""
    domain = m.density.program.by_name[name].domain  # type: ignore[union-attr]
    if domain.name == "spd":
        return bool(np.linalg.eigvalsh(value)[0] <= 1e-12 * np.linalg.eigvalsh(value)[-1])
    return bool(np.any(np.isin(value, [end for end in (domain.low, domain.high) if end is not None])))


def standard_errors(m: Model, values: Mapping[str, Any], edges: Sequence[str]) -> dict[str, Any]:
    """Asymptotic standard errors from the observed information, over the directions that parameters can move in."""
    free = [name for name in m.parameters if name not in edges]
    none = {name: np.full(np.shape(values[name]), np.nan) for name in m.parameters}
    if not free or any(name in edges and name not in m.entry.support for name in m.parameters):
        return {name: as_number(value) for name, value in none.items()}
    covariance = covariance_of(information_at(m, values, free), m, values, free)
    if not np.all(np.diag(covariance) > 0):
        covariance = covariance_of(scores_product(m, values, free), m, values, free)
    variances, place = np.diag(covariance), 0
    for name in free:
        size, shape = np.size(values[name]), np.shape(values[name])
        with np.errstate(invalid="ignore"):
            none[name] = np.sqrt(variances[place : place + size]).reshape(shape)
        place += size
    return {name: as_number(value) for name, value in none.items()}


def as_number(value: Any) -> Any:
    """An array; a float if it has no axes."""
    array = np.asarray(value, dtype=float)
    return float(array) if array.ndim == 0 else array


def information_at(m: Model, values: Mapping[str, Any], names: Sequence[str]) -> Array:
    """The observed information, the parameters flattened one after the other."""
    found = hessian(m.likelihood, names)
    rows = []
    for first in names:
        blocks = []
        for second in names:
            key = first if first == second else f"{first},{second}"
            program = found.result[key].program
            block = evaluate(program, values)[program.output.name]
            shape = (*np.shape(values[first]), *np.shape(values[second]))
            blocks.append(np.broadcast_to(block, shape).reshape(np.size(values[first]), -1))
        rows.append(np.hstack(blocks))
    return np.asarray(-np.vstack(rows))


def scores_product(m: Model, values: Mapping[str, Any], names: Sequence[str]) -> Array:
    """The information from the squares of the scores, for densities with kinks, whose Hessian does not tell it."""
    found = gradient(m.density, names)
    x, rows = m.variable.name, []
    for row in values[x]:
        here = {**values, x: row}
        parts = [evaluate(found.result[name].program, here)[found.result[name].output.name] for name in names]
        rows.append(np.concatenate([np.ravel(np.broadcast_to(p, np.shape(values[n])))
                                    for p, n in zip(parts, names, strict=True)]))  # fmt: skip
    return np.asarray(np.array(rows).T @ np.array(rows))


def covariance_of(information: Array, m: Model, values: Mapping[str, Any], names: Sequence[str]) -> Array:
    """The inverse of the information over the directions that the domains of the parameters allow."""
    bases = [chart(m.density.program.by_name[name].domain).directions(np.asarray(values[name]))  # type: ignore[union-attr]
             for name in names]  # fmt: skip
    width = sum(basis.shape[1] for basis in bases)
    basis, place, row = np.zeros((sum(len(b) for b in bases), width)), 0, 0
    for part in bases:
        basis[row : row + len(part), place : place + part.shape[1]] = part
        row, place = row + len(part), place + part.shape[1]
    inner = basis @ information @ basis.T
    try:
        return np.asarray(basis.T @ np.linalg.inv(inner) @ basis)
    except np.linalg.LinAlgError:
        return np.full((width, width), np.nan)
