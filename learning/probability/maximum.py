"""The maximum of a log-likelihood, by a numerical method on its derived gradient."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from chainrule.derive.errors import NoClosedFormError
from chainrule.derive.goals import gradient
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Input
from chainrule.learning.probability.coordinates import chart
from chainrule.learning.probability.model import Model

Array = npt.NDArray[Any]
#: Starting points that are tried, and those from which the search is made.
STARTS, SEARCHES = 600, 3
#: Coordinates beyond which the maximum is at infinity, and the slope per observation that counts as none.
FAR, FLAT = 25.0, 1e-6


@dataclass(frozen=True)
class _Problem:
    """The negative log-likelihood per observation in unrestricted coordinates."""

    m: Model
    names: tuple[str, ...]
    values: Mapping[str, Any]
    inputs: tuple[Input, ...]
    shapes: tuple[tuple[int, ...], ...]
    scores: tuple[Any, ...]
    count: int

    def parameters(self, u: Array) -> dict[str, Array]:
        found, place = {}, 0
        for item, shape in zip(self.inputs, self.shapes, strict=True):
            size = int(np.prod(shape))
            found[item.name] = chart(item.domain).value(u[place : place + size].reshape(shape))
            place += size
        return found

    def coordinates(self, start: Mapping[str, Array]) -> Array:
        return np.concatenate([np.ravel(chart(item.domain).coordinates(start[item.name])) for item in self.inputs])

    def value(self, u: Array) -> float:
        program = self.m.likelihood.computed
        found = float(evaluate(program, {**self.values, **self.parameters(u)})[program.output.name])
        return -found / self.count if np.isfinite(found) else np.inf

    def slope(self, u: Array) -> Array:
        parameters = self.parameters(u)
        parts = []
        for item, score in zip(self.inputs, self.scores, strict=True):
            given = evaluate(score, {**self.values, **parameters})[score.output.name]
            by = np.broadcast_to(given, np.shape(parameters[item.name]))
            parts.append(np.ravel(chart(item.domain).pull(parameters[item.name], by)))
        return -np.concatenate(parts) / self.count


def maximise(
    m: Model, names: Sequence[str], values: Mapping[str, Any], searches: int = SEARCHES
) -> dict[str, Array]:
    """The parameters at which the log-likelihood is largest, the others being given.

    BFGS on the derived score, from the best of a grid of starting points, so many of them; one is enough where
    every stationary point is the maximum, as in exponential families.

    Raises:
        NoClosedFormError: no maximum was found.
    """
    problem = _problem(m, tuple(names), values)
    starts = sorted(_starts(problem), key=problem.value)[:searches]
    with np.errstate(all="ignore"):
        found = [optimize.minimize(problem.value, u, jac=problem.slope, method="BFGS",
                                   options={"gtol": 1e-10, "maxiter": 2000}) for u in starts]  # fmt: skip
    best = min(found, key=lambda item: item.fun if np.isfinite(item.fun) else np.inf)
    steep = not np.all(np.abs(problem.slope(best.x)) < FLAT)
    far = [item.name for item in problem.inputs if item.domain.name != "real"
           and np.max(np.abs(chart(item.domain).coordinates(problem.parameters(best.x)[item.name]))) > FAR]  # fmt: skip
    if steep or far:
        what = f": it keeps growing with {', '.join(far)}" if far else ""
        raise NoClosedFormError("no maximum of the likelihood was found" + what)
    return problem.parameters(best.x)


def _problem(m: Model, names: tuple[str, ...], values: Mapping[str, Any]) -> _Problem:
    inputs = tuple(item for item in m.likelihood.inputs if item.name in names)
    data = values[m.variable.name]
    lengths = dict(zip(m.variable.shape, np.shape(data)[1:], strict=True))
    shapes = tuple(tuple(int(lengths.get(length, length)) for length in item.shape) for item in inputs)
    found = gradient(m.likelihood, names)
    scores = tuple(found.result[item.name].computed for item in inputs)
    return _Problem(m, names, values, inputs, shapes, scores, len(data))


def _starts(problem: _Problem) -> Iterator[Array]:
    """Points to start from: every parameter at the usual numbers, and at the location and scale of the data."""
    options = [_guesses(item, shape, problem.values[problem.m.variable.name])
               for item, shape in zip(problem.inputs, problem.shapes, strict=True)]  # fmt: skip
    for choice in itertools.islice(itertools.product(*options), STARTS):
        yield problem.coordinates(dict(zip((item.name for item in problem.inputs), choice, strict=True)))


def _guesses(item: Input, shape: tuple[int, ...], data: Array) -> list[Array]:
    if item.domain.sums_to_one:
        return [np.full(shape, 1 / shape[-1])]
    if item.domain.square:
        return [np.eye(shape[0])]
    middle, spread = float(np.median(data)), float(np.std(data)) or 1.0
    numbers = {0.0, 1.0, middle, spread, 1 / spread, 5.0, 0.5, *([1 / middle] if middle else [])}
    low = -np.inf if item.domain.low is None else item.domain.low
    high = np.inf if item.domain.high is None else item.domain.high
    return [np.full(shape, number) for number in sorted(numbers) if low < number < high]
