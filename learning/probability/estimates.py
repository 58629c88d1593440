"""Maximum-likelihood estimates: derived line by line, and computed from data with their standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.binding import bind
from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.errors import InputError, UnknownNameError, near_names
from chainrule.learning.probability.equations import Solution, solve
from chainrule.learning.probability.integrals import refuse_unnormalised
from chainrule.learning.probability.maximum import SEARCHES, maximise
from chainrule.learning.probability.model import Model, constant, model
from chainrule.learning.probability.points import bound, number
from chainrule.learning.probability.standard_errors import as_number, at_edge, standard_errors
from chainrule.learning.probability.unbounded import growth

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Estimate:
    """Maximum-likelihood estimates from data.

    Attributes:
        values: every estimated parameter.
        errors: their asymptotic standard errors: roots of the diagonal of the inverse observed information,
            taken from the squares of the scores where a kink of the density leaves that singular;
            NaN where a parameter lies at an edge, or bounds the support.
        methods: for every parameter, how it was found.
        log_likelihood: the largest value of the log-likelihood.
        count: the number of observations.
        remarks: why they may not be what they are called.
    """

    values: Mapping[str, Any]
    errors: Mapping[str, Any]
    methods: Mapping[str, str]
    log_likelihood: float
    count: int
    remarks: tuple[str, ...] = ()

    def text(self) -> str:
        """A table."""
        rows = [(name, _numbers(value), _numbers(self.errors[name]), self.methods[name])
                for name, value in self.values.items()]  # fmt: skip
        table = [("parameter", "estimate", "standard error", ""), *rows]
        widths = [max(len(row[column]) for row in table) for column in range(4)]
        padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in table)
        lines = ["  ".join(cells).rstrip() for cells in padded]
        last = f"log-likelihood {self.log_likelihood:.6g} of {self.count} observations"
        return "\n".join([*lines, "", last, *self.remarks])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain data; a standard error that does not exist is ``None``."""
        return {
            "estimate": {name: np.asarray(value).tolist() for name, value in self.values.items()},
            "standard_error": {name: _plain(value) for name, value in self.errors.items()},
            "method": dict(self.methods),
            "log_likelihood": self.log_likelihood,
            "observations": self.count,
            "remarks": list(self.remarks),
        }

    def __str__(self) -> str:
        return self.text()


def _plain(value: Any) -> Any:
    array = np.asarray(value)
    return array.tolist() if np.all(np.isfinite(array)) else None


def _numbers(value: Any) -> str:
    array = np.asarray(value)
    if array.ndim == 0:
        return "none" if np.isnan(array) else f"{float(array):.6g}"
    return "[" + ", ".join(_numbers(part) for part in array) + "]"


def estimate(
    distribution: str | Distribution | Model, data: Any, /, *, support: tuple[str, str] | None = None, **known: Any
) -> Estimate:
    """The maximum-likelihood estimates of the parameters of a distribution.

    Args:
        distribution: a name of the table, or the declarations and the log-density of one's own.
        data: the observations, one in each row.
        support: see :func:`model`.
        known: the values of parameters that are given.

    Raises:
        InputError: the data does not fit, or lies outside the support; or the density does not sum or integrate to one.
        DomainError: the data or a parameter lies outside its domain.
        NoClosedFormError: there is no closed form, and the numerical method finds no maximum.

    Example:
        >>> estimate("exponential", [1.0, 3.0, 2.0]).values["lam"]
        0.5
    """
    found = model(distribution, support=support)
    if not found.entry.name:
        refuse_unnormalised(found)
    _check_known(found, known)
    entry_known = tuple(dict.fromkeys([*found.entry.known, *known]))
    m = model(found.entry, entry_known) if set(known) - set(found.entry.known) else found
    solution = solve(m)
    values = maximum_likelihood(m, solution, data_values(m, data, known))
    methods = {item.name: f"closed form: {item.shown.text}" for item in solution.closed}
    edges = [name for name in m.parameters if name in m.entry.support or at_edge(m, name, values[name])]
    errors = standard_errors(m, values, edges)
    estimated = {name: as_number(values[name]) for name in m.parameters}
    whole = number(m.likelihood.computed, values)
    if not np.isfinite(whole):
        at = ", ".join(f"{name} = {_numbers(estimated[name])}" for name in m.parameters)
        raise InputError("the data has no maximum-likelihood estimate: the likelihood has no bound", found=at)
    return Estimate(
        estimated, errors, {name: methods.get(name, "numerical") for name in m.parameters}, whole,
        len(values[m.variable.name]), _remarks(m, solution, values),
    )  # fmt: skip


def _remarks(m: Model, solution: Solution, values: Mapping[str, Any]) -> tuple[str, ...]:
    grows = growth(m, solution.numeric, values)
    return (f"This is a local maximum of the likelihood: {grows}.",) if grows else ()


def _check_known(m: Model, known: Mapping[str, Any]) -> None:
    names = [item.name for item in m.density.inputs[1:]]
    for name in known:
        if name not in names:
            raise UnknownNameError(f"the distribution has no parameter {name!r}", near=near_names(name, names))
    missing = [name for name in m.entry.known if name not in known]
    if missing:
        raise InputError(f"{', '.join(missing)} must be given", expected=f"{missing[0]}=NUMBER")


def maximum_likelihood(
    m: Model, solution: Solution, given: Mapping[str, Any], searches: int = SEARCHES
) -> dict[str, Any]:
    """The data and the known parameters with the estimates: in closed form where there is one, else numerical.

    ``searches`` is the number of starting points of the numerical method.

    Raises:
        InputError: a closed form is not finite.
        NoClosedFormError: the numerical method finds no maximum.
    """
    values = dict(given)
    for item in solution.closed:
        values[item.name] = as_number(item.compute(values))
    _check_closed(m, solution, values)
    return values | (maximise(m, solution.numeric, values, searches) if solution.numeric else {})


def data_values(m: Model, data: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The data and the known parameters, checked.

    Raises:
        InputError: the data does not fit, or lies outside the support; or the density does not sum or integrate to one.
        DomainError: the data or a parameter lies outside its domain.
    """
    x = m.likelihood.inputs[0]
    inputs = [item for item in m.likelihood.inputs if item.name == x.name or item.name in known]
    values, _ = bind(inputs, {x.name: data, **known}, dtype=np.float64)
    for position, text in enumerate(m.entry.support):
        if text in known or (text and constant(text) is not None):
            edge = bound(m, position, values)
            if np.any(values[x.name] < edge if position == 0 else values[x.name] > edge):
                raise InputError(f"an observation lies {('below', 'above')[position]} {text} = {edge:g}")
    return dict(values)


def _check_closed(m: Model, solution: Solution, values: Mapping[str, Any]) -> None:
    for item in solution.closed:
        if not np.all(np.isfinite(values[item.name])):
            raise InputError(
                f"the data has no maximum-likelihood estimate of {item.name}", found=f"{item.shown.text} is not finite"
            )
