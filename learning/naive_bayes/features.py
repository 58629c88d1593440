"""Features of a naive Bayes classifier: a distribution of the table in every class, with its estimates."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.errors import ChainruleError, InputError
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program
from chainrule.learning.naive_bayes.columns import Array, Columns, codes, has_words, missing, numbers, values_in
from chainrule.learning.probability.equations import Solution, solve
from chainrule.learning.probability.estimates import data_values, maximum_likelihood
from chainrule.learning.probability.family import family
from chainrule.learning.probability.maximum import SEARCHES
from chainrule.learning.probability.model import Model, model, rowwise
from chainrule.learning.probability.points import bound

#: Distributions whose probabilities are estimated by counts, to which pseudo-counts are added.
COUNTED = ("bernoulli", "categorical", "multinomial")
#: The distribution whose variance is smoothed.
SMOOTHED = "normal"
#: Rows times classes whose densities are computed at once.
BLOCK = 2_000_000
#: A distribution with the values of its known parameters: binomial(m=10).
CALL = re.compile(r"\s*([a-z_-]+)\s*(?:\(([^()]*)\))?\s*")
Parameters = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Feature:
    """What is observed, and how it is distributed in every class.

    Attributes:
        name: what it is called: its column, or its columns.
        columns: the columns of data that it is made of.
        m: the distribution.
        known: the values of its known parameters.
        categories: the values of a categorical feature.
        parameters: the estimates, for every class.
    """

    name: str
    columns: tuple[str, ...]
    m: Model
    known: Mapping[str, float]
    categories: tuple[Any, ...] = ()
    parameters: tuple[Parameters, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether probabilities are estimated by counts."""
        return self.m.entry.name in COUNTED

    def log_density(self, data: Columns) -> npt.NDArray[np.float64]:
        """The log-density of every row in every class; 0 where the value is missing."""
        rows, there = encoded(self, data)
        found = np.zeros((len(there), len(self.parameters)))
        if self.categories:
            with np.errstate(divide="ignore"):
                tables = np.log([parameters["p"] for parameters in self.parameters])
            found[there] = tables.T[rows[there].astype(np.int64)]
            return found
        if not there.any():
            return found
        checked = _checked(self, rows[there])
        count = len(self.parameters)
        step = max(1, BLOCK // count)
        parts = [checked[start : start + step] for start in range(0, len(checked), step)]
        found[there] = np.concatenate([
            densities(self, np.tile(part, (count, *[1] * (part.ndim - 1))), np.repeat(np.arange(count), len(part)))
            .reshape(count, len(part)).T for part in parts
        ])  # fmt: skip
        return found


@dataclass(frozen=True)
class Prepared:
    """What is derived once of a distribution.

    Attributes:
        m: the distribution.
        solution: its likelihood equations, solved.
        by_row: its log-density for many observations.
        by_pair: the same for as many parameters as observations; of numbers with numbers for parameters.
        searches: starting points where the likelihood has no maximum in closed form.
    """

    m: Model
    solution: Solution
    by_row: Program
    by_pair: Program | None
    searches: int


@lru_cache(maxsize=64)
def prepared(entry: Distribution) -> Prepared:
    """The likelihood equations of a distribution solved, and its log-density for many rows."""
    m = model(entry, entry.known or None)
    x, program = m.variable.name, m.density.program
    by_row = rowwise(program, [x, *(["m"] if entry.name == "multinomial" else [])])
    by_pair = None if any(item.shape for item in m.density.inputs) else rowwise(program, [x, *m.parameters])
    return Prepared(m, solve(m), by_row, by_pair, 1 if _is_family(m) else SEARCHES)


def _is_family(m: Model) -> bool:
    """Whether a distribution is an exponential family, whose likelihood has no stationary point but the maximum."""
    try:
        family(m)
    except ChainruleError:
        return False
    return True


def feature(name: str | Sequence[str], text: str | Distribution, data: Columns, categories: Sequence[Any]) -> Feature:
    """A feature by the names of its columns and of its distribution.

    Raises:
        InputError: a column or a parameter is missing, or the distribution is not one of that many columns.
        UnknownNameError: there is no such distribution.
    """
    columns = (name,) if isinstance(name, str) else tuple(name)
    called = ", ".join(columns)
    source, known = _call(text) if isinstance(text, str) else (text, {})
    m = _model(source, tuple(known))
    wanted = [item for item in m.known if item not in known and m.entry.name != "multinomial"]
    if wanted:
        expected = f"{called}={source}({wanted[0]}=..)"
        raise InputError(f"{', '.join(wanted)} of {called} must be given", expected=expected)
    several = bool(m.variable.shape) and m.entry.name != "categorical"
    if len(m.variable.shape) > 1 or several != (len(columns) > 1):
        many = "matrices" if len(m.variable.shape) > 1 else "several columns" if several else "one column"
        raise InputError(f"the distribution of {called} is one of {many}", found=f"{len(columns)} of them")
    values = tuple(categories) or values_in(data[columns[0]]) if m.entry.name == "categorical" else ()
    return Feature(called, columns, m, known, values)


@lru_cache(maxsize=64)
def _model(source: str | Distribution, known: tuple[str, ...]) -> Model:
    """A distribution with these parameters known besides its own; columns share it."""
    return model(source, known or None)


def _call(text: str) -> tuple[str, dict[str, float]]:
    found = CALL.fullmatch(text)
    if not found or found[2] is None:
        return text, {}
    known = {}
    for part in filter(str.strip, found[2].split(",")):
        name, _, value = part.partition("=")
        try:
            known[name.strip()] = float(value)
        except ValueError:
            raise InputError("a known parameter has a number", expected="binomial(m=10)", found=text) from None
    return found[1], known


def usual(values: Array) -> str:
    """The distribution of a column for which none is named."""
    return "categorical" if has_words(values) else "normal"


def encoded(item: Feature, data: Columns) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The observations as numbers, and which rows have them."""
    for column in item.columns:
        if column not in data:
            raise InputError(f"the data has no column {column!r}", expected=", ".join(data))
    if item.categories:
        places = codes(item.name, data[item.columns[0]], item.categories)
        return places, places >= 0
    parts = [numbers(column, data[column]) for column in item.columns]
    there = ~np.any([missing(part) for part in parts], axis=0)
    return (np.column_stack(parts) if item.m.variable.shape else parts[0]), there


def _checked(item: Feature, rows: Array) -> Array:
    """Observations that belong to the domain of the distribution."""
    try:
        return np.asarray(data_values(item.m, rows, _known(item, rows))[item.m.variable.name])
    except ChainruleError as error:
        raise type(error)(f"{item.name} does not fit the {_called(item)} distribution: {error.message}",
                          expected=error.expected, found=error.found, hint=error.hint) from error  # fmt: skip


def _known(item: Feature, rows: Array) -> dict[str, Any]:
    """The known parameters; the number of trials of a multinomial is that of the row."""
    return {name: item.known[name] for name in item.m.known if name in item.known} | (
        {"m": float(np.max(rows.sum(axis=1), initial=0.0))} if item.m.entry.name == "multinomial" else {}
    )


def _called(item: Feature) -> str:
    return item.m.entry.name.replace("_", " ") or "own"


def densities(item: Feature, rows: Array, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The log-density of every row in the class that is named for it; minus infinity outside the support."""
    program, x = prepared(item.m.entry).by_pair, item.m.variable.name
    found = np.empty(len(rows))
    if program is not None:
        tables = {name: np.array([parameters[name] for parameters in item.parameters]) for name in item.m.parameters}
        values = {name: table[classes] for name, table in tables.items()}
        found[:] = _evaluated(program, {x: rows, **item.known, **values})
    for place, parameters in enumerate(item.parameters):
        mine = classes == place
        if program is None and mine.any():
            found[mine] = _by_row(item, rows[mine], parameters)
        if any(item.m.entry.support):
            low, high = (bound(item.m, end, {x: rows, **item.known, **parameters}) for end in (0, 1))
            found[mine & ((rows < low) | (rows > high))] = -np.inf
    return found


def _by_row(item: Feature, rows: Array, parameters: Parameters) -> Array:
    """The log-density of every row with the same parameters."""
    values = {item.m.variable.name: rows, **item.known, **parameters}
    if item.m.entry.name == "multinomial":
        values["m"] = rows.sum(axis=1)
    return _evaluated(prepared(item.m.entry).by_row, values)


def _evaluated(program: Program, values: Mapping[str, Any]) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(evaluate(program, values)[program.output.name])


# ---- estimates --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Smoothing:
    """What is added to estimates.

    Attributes:
        alpha: pseudo-counts of every value of a probability that is estimated by counts.
        variance: what is added to the variance of a normal distribution.
    """

    alpha: float
    variance: float


def fitted(item: Feature, data: Columns, labels: Array, classes: Sequence[Any], smoothing: Smoothing) -> Feature:
    """The feature with its estimates in every class.

    Raises:
        InputError: a class has no values of the feature, or they have no estimate.
    """
    rows, there = encoded(item, data)
    checked = rows if item.categories else np.zeros_like(rows)
    if not item.categories and there.any():
        checked[there] = _checked(item, rows[there])
    found = []
    for place, name in enumerate(classes):
        mine = checked[there & (labels == place)]
        if not len(mine):
            raise InputError(f"the class {name} has no values of {item.name}")
        found.append(_estimate(item, mine, name, smoothing))
    ready = replace(item, parameters=tuple(found))
    if not item.categories:
        _check_bounded(ready, checked[there], labels[there], classes)
    return ready


def _check_bounded(item: Feature, rows: Array, labels: Array, classes: Sequence[Any]) -> None:
    """Refuse estimates where the likelihood has no bound."""
    lost = ~np.isfinite(densities(item, rows, labels))
    if np.any(lost) and not item.counted:
        place = int(labels[np.argmax(lost)])
        what = f"{item.name} has no estimate in the class {classes[place]}: its density has no bound there"
        raise InputError(what, hint=_hint(item, rows[labels == place]))


def _estimate(item: Feature, rows: Array, label: Any, smoothing: Smoothing) -> dict[str, Any]:
    if item.counted:
        return _counted(item, rows, smoothing.alpha)
    try:
        ready = prepared(item.m.entry)
        given = {item.m.variable.name: rows, **_known(item, rows)}
        values = maximum_likelihood(ready.m, ready.solution, given, ready.searches)
    except ChainruleError as error:
        raise type(error)(f"{item.name} has no estimate in the class {label}: {error.message}", found=error.found,
                          hint=_hint(item, rows)) from error  # fmt: skip
    parameters = {name: np.asarray(values[name], dtype=np.float64) for name in item.m.parameters}
    if item.m.entry.name == SMOOTHED and smoothing.variance:
        parameters["sigma"] = np.sqrt(parameters["sigma"] ** 2 + smoothing.variance)
    return parameters


def _hint(item: Feature, rows: Array) -> str:
    if len(rows) == 1:
        return "the class has one value of it only"
    if len(np.unique(rows, axis=0)) == 1:
        more = "; variance_smoothing=1e-9 adds to every variance" if item.m.entry.name == SMOOTHED else ""
        return f"all its values in this class are the same{more}"
    return "another distribution may fit these values"


def _counted(item: Feature, rows: Array, alpha: float) -> dict[str, Any]:
    """Counts and pseudo-counts as probabilities."""
    if item.m.entry.name == "bernoulli":
        return {"p": np.asarray((rows.sum() + alpha) / (len(rows) + 2 * alpha))}
    counts = np.bincount(rows, minlength=len(item.categories)) if item.categories else rows.sum(axis=0)
    if not counts.sum() + alpha:
        raise InputError(f"all counts of {item.name} are zero", hint="alpha=1 adds one to each")
    return {"p": (counts + alpha) / (counts.sum() + alpha * len(counts))}
