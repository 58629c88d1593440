"""Methods of descent over a vector: each yields the points it visits, with value and gradient.

They share one signature, so that a table of them is all that the rest needs to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import optimize

Array = npt.NDArray[np.float64]
Method = Literal["gradient", "momentum", "adam", "newton", "lbfgs"]
METHODS: tuple[Method, ...] = get_args(Method)

#: Share of the decrease that the slope promises which a step must bring (Nocedal and Wright, eq. 3.4).
ARMIJO = 1e-4
#: Halvings of a step until the descent counts as stuck.
HALVINGS = 60
#: What is first added to the diagonal of a Hessian that is not positive definite, relative to its entries.
LEAST_SHIFT = 1e-12
#: What is left of the velocity after a step (Polyak 1964).
MOMENTUM = 0.9
#: Adam's decay rates and guard (Kingma and Ba 2015, algorithm 1), and its usual rate.
ADAM = (0.9, 0.999, 1e-8)
ADAM_RATE = 0.01


@dataclass(frozen=True)
class Problem:
    """What is minimised.

    Attributes:
        value_and_gradient: the function and its gradient at a point.
        hessian: its Hessian at a point.
        inside: the nearest point of the domain.
        low, high: the bounds of the domain.
        steps: how many steps will be looked at, at most.
    """

    value_and_gradient: Callable[[Array], tuple[float, Array]]
    hessian: Callable[[Array], Array]
    inside: Callable[[Array], Array]
    low: Array
    high: Array
    steps: int


@dataclass(frozen=True)
class Visit:
    """A point of the descent, with value and gradient there."""

    point: Array
    value: float
    gradient: Array


def gradient_descent(problem: Problem, start: Array, rate: float | None) -> Iterator[Visit]:
    """``w := w - rate*grad``; without a rate each step is halved until it brings enough decrease."""
    visit = _at(problem, start)
    step = 1.0
    while True:
        yield visit
        if rate is not None:
            visit = _at(problem, problem.inside(visit.point - rate * visit.gradient))
            continue
        step, found = _searched(problem, visit, -visit.gradient, 2 * step)
        if found is None:
            return
        visit = found


def momentum(problem: Problem, start: Array, rate: float | None) -> Iterator[Visit]:
    """``v := 0.9 v - rate*grad; w := w + v``."""
    visit, velocity = _at(problem, start), np.zeros_like(start)
    rate = _safe_rate(problem, visit) if rate is None else rate
    while True:
        yield visit
        velocity = MOMENTUM * velocity - rate * visit.gradient
        visit = _at(problem, problem.inside(visit.point + velocity))


def adam(problem: Problem, start: Array, rate: float | None) -> Iterator[Visit]:
    """Steps scaled by running means of gradient and squared gradient."""
    visit, first, second, count = _at(problem, start), np.zeros_like(start), np.zeros_like(start), 0
    rate, (beta1, beta2, guard) = ADAM_RATE if rate is None else rate, ADAM
    while True:
        yield visit
        count += 1
        first = beta1 * first + (1 - beta1) * visit.gradient
        second = beta2 * second + (1 - beta2) * visit.gradient**2
        scaled = first / (1 - beta1**count) / (np.sqrt(second / (1 - beta2**count)) + guard)
        visit = _at(problem, problem.inside(visit.point - rate * scaled))


def newton(problem: Problem, start: Array, rate: float | None) -> Iterator[Visit]:
    """``w := w - H^-1 grad``, with a multiple of the identity added to H until it is positive definite."""
    visit = _at(problem, start)
    while True:
        yield visit
        direction = _newton_direction(problem.hessian(visit.point), visit.gradient)
        _, found = _searched(problem, visit, direction, 1.0 if rate is None else rate)
        if found is None:
            return
        visit = found


def lbfgs(problem: Problem, start: Array, rate: float | None) -> Iterator[Visit]:
    """SciPy's L-BFGS-B; every accepted point is a visit."""
    visits = [_at(problem, start)]
    optimize.minimize(
        problem.value_and_gradient, start, jac=True, method="L-BFGS-B",
        bounds=optimize.Bounds(problem.low, problem.high), callback=lambda point: visits.append(_at(problem, point)),
        options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": problem.steps, "maxfun": 20 * problem.steps, "maxcor": 20},
    )  # fmt: skip
    yield from visits


DESCENTS: Mapping[Method, Callable[[Problem, Array, float | None], Iterator[Visit]]] = {
    "gradient": gradient_descent, "momentum": momentum, "adam": adam, "newton": newton, "lbfgs": lbfgs,
}  # fmt: skip


def largest_curvature(problem: Problem, point: Array) -> float:
    """The largest eigenvalue of the Hessian; gradient descent near a minimum is stable for rates below 2 over it."""
    return float(np.linalg.eigvalsh(problem.hessian(point))[-1])


def _at(problem: Problem, point: Array) -> Visit:
    value, gradient = problem.value_and_gradient(point)
    return Visit(point, value, gradient)


def _searched(problem: Problem, visit: Visit, direction: Array, step: float) -> tuple[float, Visit | None]:
    """Backtracking: the first halving of the step that brings its share of the promised decrease."""
    for _ in range(HALVINGS):
        found = _at(problem, problem.inside(visit.point + step * direction))
        promised = visit.gradient @ (found.point - visit.point)
        if np.isfinite(found.value) and found.value <= visit.value + ARMIJO * promised and found.value < visit.value:
            return step, found
        step /= 2
    return step, None


def _safe_rate(problem: Problem, visit: Visit) -> float:
    """One over the largest curvature at the start."""
    curvature = largest_curvature(problem, visit.point)
    return 1 / curvature if np.isfinite(curvature) and curvature > 0 else ADAM_RATE


def _newton_direction(hessian: Array, gradient: Array) -> Array:
    shift = 0.0
    while True:
        try:
            factor = np.linalg.cholesky(hessian + shift * np.eye(len(hessian)))
        except np.linalg.LinAlgError:
            shift = max(10 * shift, LEAST_SHIFT * (1 + float(np.abs(hessian).max())))
            if not np.isfinite(shift):
                return -gradient
            continue
        return -np.linalg.solve(factor.T, np.linalg.solve(factor, gradient))
