"""Certificates in numbers: the residuals of the conditions at a point, and points found by SciPy.

Multipliers that are not given are those that come closest to stationarity: least squares over the multipliers of
the equations and the nonnegative ones of the active inequalities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import LinearConstraint, NonlinearConstraint, lsq_linear, minimize

from chainrule.derive.binding import bind_dims
from chainrule.derive.errors import InputError, NoClosedFormError, near_names
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient, jacobian
from chainrule.learning.optimality.conditions import Problem
from chainrule.learning.optimality.constraints import Constraint

Array = npt.NDArray[np.float64]
Method = Literal["slsqp", "trust-constr"]
#: Size of a residual up to which a condition holds, and sizes of a constraint up to which it may be active.
HOLDS, ACTIVE = 1e-5, (1e-9, 1e-6, 1e-4)
#: How far inside open domains SciPy stays, and its tolerance and steps.
INSIDE, TOLERANCE, STEPS = 1e-9, 1e-12, 200

SOURCE = "Kraft, A software package for sequential quadratic programming (1988), through SciPy"


@dataclass(frozen=True)
class Certificate:
    """How far a point is from satisfying each condition.

    Attributes:
        values: the variables.
        multipliers: the multipliers by name.
        objective: the value of the objective (of what was to be maximised, if it was).
        stationarity: the largest entry of the Lagrangian's gradient.
        primal: the largest violation of a constraint.
        dual: the largest violation of the sign of a multiplier.
        slackness: the largest product of a multiplier and its inequality.
    """

    values: Mapping[str, Any]
    multipliers: Mapping[str, Any]
    objective: float
    stationarity: float
    primal: float
    dual: float
    slackness: float

    @property
    def residuals(self) -> dict[str, float]:
        """The four residuals by name."""
        names = ("stationarity", "primal", "dual", "slackness")
        return {name: float(getattr(self, name)) for name in names}

    @property
    def holds(self) -> bool:
        """Whether all conditions hold, relative to the size of the numbers."""
        size = 1 + max((float(np.max(np.abs(value), initial=0)) for value in self.multipliers.values()), default=0)
        return max(self.residuals.values()) <= HOLDS * size

    def text(self) -> str:
        """The report."""
        names = {"stationarity": "stationarity", "primal": "primal feasibility", "dual": "dual feasibility",
                 "slackness": "complementary slackness"}  # fmt: skip
        lines = [f"objective  {self.objective:.8g}", ""]
        lines += [f"{name} = {_shown(value)}" for name, value in (*self.values.items(), *self.multipliers.items())]
        lines += ["", *(f"{names[name]:<24} off by {value:.1e}" for name, value in self.residuals.items())]
        return "\n".join([*lines, "", "the conditions hold" if self.holds else "the conditions do not hold"])

    def to_dict(self) -> dict[str, Any]:
        """It as plain data."""
        lists = {
            what: {name: np.asarray(value).tolist() for name, value in found.items()}
            for what, found in (("values", self.values), ("multipliers", self.multipliers))
        }
        return {**lists, "objective": self.objective, "residuals": self.residuals, "holds": self.holds}


def certificate(problem: Problem, values: Mapping[str, Any]) -> Certificate:
    """The residuals of the conditions at values for all inputs, and for all multipliers or none.

    Raises:
        InputError: a value is missing or unknown, or does not fit its declaration.
    """
    work = Work(problem, values)
    names = [item.multiplier.name for item in problem.constraints]
    given = {name: np.asarray(values[name], dtype=float) for name in names if name in values}
    if given and len(given) < len(names):
        missing = ", ".join(name for name in names if name not in given)
        raise InputError(f"no value for the multiplier {missing}", expected="values for all multipliers, or for none")
    point = work.vector(values)
    return work.certificate(point, given or work.multipliers(point))


def solve(problem: Problem, data: Mapping[str, Any], start: Mapping[str, Any] | None, method: Method) -> Certificate:
    """A point that satisfies the conditions, by SciPy on derived gradients.

    Raises:
        InputError: data are missing or unknown, or there is no such method.
        NoClosedFormError: SciPy ended at no feasible stationary point.
    """
    if method not in get_args(Method):
        raise InputError(f"there is no method {method!r}", expected=", ".join(get_args(Method)),
                         near=near_names(method, get_args(Method)))  # fmt: skip
    work = Work(problem, {**data, **_starting(problem, data, start or {})})
    found = _MINIMISE[method](work, work.vector(work.given))
    result = work.certificate(found, work.multipliers(found))
    if result.primal > HOLDS or not np.isfinite(result.objective):
        raise NoClosedFormError("no feasible point was found", found=f"constraints violated by {result.primal:.1e}",
                                hint="the constraints may contradict each other; or start somewhere else")  # fmt: skip
    return result


def _starting(problem: Problem, data: Mapping[str, Any], start: Mapping[str, Any]) -> dict[str, Any]:
    """Where the variables start: as told, else at small positive numbers."""
    items = {item.name: item for item in problem.objective.inputs}
    given = {name: np.asarray(value, dtype=float) for name, value in {**data, **start}.items()}
    dims = bind_dims([items[name] for name in given if name in items], given)
    found = {}
    for name in problem.wrt:
        shape = [length.subs(dims) for length in items[name].shape]
        if not all(length.is_Integer for length in shape):
            raise InputError(f"the data do not tell the shape of {name}", hint=f"give {name} a value to start from")
        size = int(np.prod([int(length) for length in shape], initial=1))
        spread = 0.5 + 0.1 * np.linspace(-1, 1, size) if size > 1 else np.array([0.5])
        default = np.eye(int(shape[0])) if items[name].domain.name == "spd" else spread
        found[name] = start.get(name, default.reshape([int(length) for length in shape]))
    return found


class Work:
    """A problem at given data: functions of one vector."""

    def __init__(self, problem: Problem, values: Mapping[str, Any]) -> None:
        self.problem = problem
        names = {item.name for item in problem.objective.inputs}
        known = names | {item.multiplier.name for item in problem.constraints}
        unknown = [name for name in values if name not in known]
        if unknown:
            raise InputError(f"there is no input called {unknown[0]}", near=near_names(unknown[0], known))
        missing = [item.name for item in problem.objective.inputs if item.name not in values]
        if missing:
            raise InputError(f"no values for {', '.join(missing)}", expected="values for every input")
        self.given = {name: np.asarray(value, dtype=float) for name, value in values.items() if name in names}
        self.shapes = {name: self.given[name].shape for name in problem.wrt}
        self.domains = {item.name: item.domain for item in problem.objective.inputs}
        self.slope = gradient(problem.objective, list(problem.wrt)).result
        self.jacobians = {item: self._jacobian(item) for item in problem.constraints}

    def _jacobian(self, item: Constraint) -> Mapping[str, Formula]:
        derive = jacobian if item.formula.shape else gradient
        return derive(item.formula, list(self.problem.wrt)).result

    def vector(self, values: Mapping[str, Any]) -> Array:
        """The variables end to end."""
        return np.concatenate([np.ravel(np.asarray(values[name], dtype=float)) for name in self.problem.wrt])

    def arrays(self, point: Array) -> dict[str, Any]:
        """All inputs at a point."""
        found, start = dict(self.given), 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape, initial=1))
            domain = self.domains[name]
            found[name] = np.clip(point[start : start + size].reshape(shape), domain.low, domain.high)
            start += size
        return found

    def value(self, point: Array) -> float:
        """The objective."""
        return float(self.problem.objective.evaluate(**self.arrays(point)))

    def gradient(self, point: Array) -> Array:
        """The gradient of the objective."""
        arrays = self.arrays(point)
        return np.concatenate([np.ravel(self.slope[name].evaluate(**arrays)) for name in self.problem.wrt])

    def constraint(self, item: Constraint, point: Array) -> Array:
        """The entries of a constraint."""
        return np.ravel(item.formula.evaluate(**self.arrays(point)))

    def rows(self, item: Constraint, point: Array) -> Array:
        """The gradients of the entries of a constraint, one a row."""
        arrays = self.arrays(point)
        height = self.constraint(item, point).size
        blocks = [np.reshape(self.jacobians[item][name].evaluate(**arrays), (height, -1)) for name in self.problem.wrt]
        return np.hstack(blocks)

    def multipliers(self, point: Array) -> dict[str, Any]:
        """The multipliers that come closest to stationarity at a point, without leaving complementary slackness."""
        tried = [self._multipliers(point, near) for near in ACTIVE]
        residuals = [self.certificate(point, found).residuals for found in tried]
        sizes = [max(item["stationarity"], item["slackness"]) for item in residuals]
        return tried[int(np.argmin(sizes))]

    def _multipliers(self, point: Array, near: float) -> dict[str, Any]:
        columns, low, places = [], [], []
        for item in self.problem.constraints:
            values, rows = self.constraint(item, point), self.rows(item, point)
            for n, value in enumerate(values):
                if item.relation == "=" or value > -near:
                    columns.append(rows[n])
                    low.append(-np.inf if item.relation == "=" else 0.0)
                    places.append((item.multiplier.name, n))
        found = {c.multiplier.name: np.zeros(self.constraint(c, point).shape) for c in self.problem.constraints}
        if columns:
            fitted = lsq_linear(np.array(columns).T, -self.gradient(point), (np.array(low), np.inf), tol=1e-14)
            for (name, n), value in zip(places, fitted.x, strict=True):
                found[name][n] = value
        arrays = self.arrays(point)
        shapes = {c.multiplier.name: np.shape(c.formula.evaluate(**arrays)) for c in self.problem.constraints}
        return {name: value.reshape(shapes[name]) for name, value in found.items()}

    def certificate(self, point: Array, multipliers: Mapping[str, Any]) -> Certificate:
        """The residuals at a point with multipliers."""
        slope = self.gradient(point)
        primal = dual = slack = 0.0
        for item in self.problem.constraints:
            weight, value = np.ravel(multipliers[item.multiplier.name]), self.constraint(item, point)
            slope = slope + self.rows(item, point).T @ weight
            primal = max(primal, _largest(value if item.relation == "<=" else np.abs(value)))
            if item.relation == "<=":
                dual, slack = max(dual, _largest(-weight)), max(slack, _largest(np.abs(weight * value)))
        arrays = self.arrays(point)
        sign = -1 if self.problem.maximise else 1
        found = {name: arrays[name] for name in self.problem.wrt}
        return Certificate(found, multipliers, sign * self.value(point), _largest(np.abs(slope)), primal, dual, slack)

    def rules(self, used: Sequence[Constraint] | None = None) -> list[dict[str, Any]]:
        """All constraints, or some, as SciPy's SLSQP takes them."""
        return [
            {
                "type": "eq" if item.relation == "=" else "ineq",
                "fun": _signed(self.constraint, item),
                "jac": _signed(self.rows, item),
            }
            for item in (self.problem.constraints if used is None else used)
        ]

    def bounds(self) -> list[tuple[float | None, float | None]]:
        """The bounds of open domains, which SciPy must not leave."""
        found: list[tuple[float | None, float | None]] = []
        for name, shape in self.shapes.items():
            domain = self.domains[name]
            low = None if domain.low is None else domain.low + INSIDE
            high = None if domain.high is None else domain.high
            found += [(low, high)] * int(np.prod(shape, initial=1))
        return found


def _largest(values: Array) -> float:
    return float(np.max(values, initial=0.0))


def _sequential(work: Work, start: Array) -> Array:
    """Sequential quadratic programming."""
    found = minimize(
        work.value, start, jac=work.gradient, constraints=work.rules(), bounds=work.bounds(), method="SLSQP",
        options={"ftol": TOLERANCE, "maxiter": STEPS},
    )  # fmt: skip
    return np.asarray(found.x)


def _signed(function: Callable[[Constraint, Array], Array], item: Constraint) -> Callable[[Array], Array]:
    sign = 1.0 if item.relation == "=" else -1.0
    return lambda point: sign * function(item, point)


def _trust_region(work: Work, start: Array) -> Array:
    """An interior point method with trust regions."""
    found = minimize(
        work.value, start, jac=work.gradient, constraints=list(_limits(work, start)), bounds=work.bounds(),
        method="trust-constr", options={"gtol": TOLERANCE, "xtol": TOLERANCE, "maxiter": STEPS},
    )  # fmt: skip
    return np.asarray(found.x)


def _limits(work: Work, start: Array) -> Iterator[LinearConstraint | NonlinearConstraint]:
    for item in work.problem.constraints:
        low = 0.0 if item.relation == "=" else -np.inf
        if work.problem.curvatures[item.multiplier.name] == "affine":
            rows = work.rows(item, start)
            shift = rows @ start - work.constraint(item, start)
            yield LinearConstraint(rows, low + shift, shift)
        else:
            yield NonlinearConstraint(_plain(work.constraint, item), low, 0.0, jac=_plain(work.rows, item))


def _plain(function: Callable[[Constraint, Array], Array], item: Constraint) -> Callable[[Array], Array]:
    return lambda point: function(item, point)


_MINIMISE: Mapping[str, Callable[[Work, Array], Array]] = {"slsqp": _sequential, "trust-constr": _trust_region}


def _shown(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=6, suppress_small=True, threshold=40)
