"""A solution tried out: the gradient at random points, with the solution put in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Input, Program

Array = npt.NDArray[Any]
#: "outside" means that the solution does not lie inside the declared domain.
Outcome = Literal["holds", "singular", "outside", "fails"]

#: Sizes of the dimensions: matrices with more rows than columns, more columns than rows, square ones.
SIZES = ((7, 3, 2, 4, 5, 6), (2, 3, 5, 7, 4, 6), (4, 2, 6, 3, 7, 5), (3,) * 6, (6, 6, 2, 2, 3, 3))
#: Points that are tried.
POINTS = 10
#: What the gradient may be at the solution, relative to what it is elsewhere.
TOLERANCE = 1e-7
#: Entries of a solution from which on its equations count as singular.
HUGE = 1e7
#: Condition number from which on a matrix counts as singular.
CONDITION = 1e9
#: What counts as 0 where nothing may be divided by 0.
NEAR_ZERO = 1e-9


@dataclass(frozen=True)
class Trial:
    """What is tried out.

    Attributes:
        gradients: the derivative by each unknown, of all inputs.
        solutions: each unknown, of the other inputs.
        nonzero: quantities that must not be 0, of all inputs.
        symmetric: unknowns of which only the symmetric part of the gradient counts.
    """

    gradients: Mapping[str, Program]
    solutions: Mapping[str, Program]
    nonzero: Sequence[Program] = ()
    symmetric: frozenset[str] = frozenset()


def tried(trial: Trial) -> Outcome:
    """Whether the gradient vanishes wherever the solutions exist; "singular" if they exist nowhere."""
    outcomes = {_outcome(trial, point) for point in _points(next(iter(trial.gradients.values())))}
    ranked: tuple[Outcome, ...] = ("fails", "holds", "outside")
    return next((outcome for outcome in ranked if outcome in outcomes), "singular")


def _points(program: Program) -> Iterator[dict[str, Array]]:
    rng = np.random.default_rng(0)
    rows = size_assignments(program, SIZES)
    for place in range(POINTS):
        yield sample(program.inputs, rows[place % len(rows)], rng)


def _outcome(trial: Trial, point: Mapping[str, Array]) -> Outcome | None:
    """The outcome at one point, ``None`` where there is no gradient, as beyond the unknown's domain."""
    found = {name: _value(program, point) for name, program in trial.solutions.items()}
    values = {name: value for name, value in found.items() if value is not None and np.abs(value).max() < HUGE}
    if len(values) < len(found):
        return "singular"
    if any(not _inside(item, values[item.name]) for item in _unknowns(trial)):
        return "outside"
    at, beside = {**point, **values}, {**point, **{name: _moved(value) for name, value in values.items()}}
    if any(_vanishes(_value(program, at)) for program in trial.nonzero):
        return None
    for name, program in trial.gradients.items():
        slope, other = (_slope(program, where, name in trial.symmetric) for where in (at, beside))
        if slope is None:
            return None
        if slope > TOLERANCE * (1 + (other or 0)):
            return "fails"
    return "holds"


def _unknowns(trial: Trial) -> list[Input]:
    inputs = next(iter(trial.gradients.values())).inputs
    return [item for item in inputs if item.name in trial.solutions]


def _inside(item: Input, value: Array) -> bool:
    """Whether every entry lies inside the declared interval, not on its boundary."""
    low = -np.inf if item.domain.low is None else item.domain.low
    high = np.inf if item.domain.high is None else item.domain.high
    return bool(np.all(value > low) and np.all(value < high))


def _value(program: Program, point: Mapping[str, Array]) -> Array | None:
    """The output, or ``None`` where it is not finite or needs the inverse of a matrix that is close to singular."""
    env = evaluate(program, {item.name: point[item.name] for item in program.inputs})
    inverses = (env[item.name] for item in program.definitions if item.reduce == "inv")
    if any(not np.all(np.isfinite(a)) or np.max(np.linalg.cond(a)) > CONDITION for a in inverses):
        return None
    value = env[program.outputs[0]]
    return value if np.all(np.isfinite(value)) else None


def _vanishes(value: Array | None) -> bool:
    return value is None or bool(np.abs(value).min() < NEAR_ZERO)


def _slope(program: Program, point: Mapping[str, Array], symmetric: bool) -> float | None:
    """The largest entry of a gradient."""
    value = _value(program, point)
    return None if value is None else float(np.abs(value + value.T if symmetric else value).max())


def _moved(value: Array) -> Array:
    return value * 1.1 + 0.1
