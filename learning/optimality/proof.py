"""Solutions tried out: the four conditions at random data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog, root

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula
from chainrule.learning.optimality.active import Candidate
from chainrule.learning.optimality.conditions import Problem
from chainrule.learning.optimality.numbers import Work
from chainrule.learning.optimality.solution import Solution, Step

Array = npt.NDArray[np.float64]
#: Residuals up to which a condition holds: what an iterative root leaves is no fault.
ROUNDING = 1e-7
#: Draws of data, those of them that fit a case and are used, and the factor that makes data fit the first case.
ATTEMPTS, DRAWS, SMALL = 24, 3, 0.02
#: Numbers beyond which a matrix has no inverse, and residuals of a root.
HUGE, EXACT = 1e8, 1e-10
#: Where the search for multipliers that solve equations begins.
STARTS = (1.0, 0.3, -0.3, 3.0)


def candidate_gap(problem: Problem, item: Candidate) -> float:
    """The stationarity of a candidate and the violation of its active constraints, at numbers for the parameters."""
    others = [part.name for part in problem.objective.inputs if part.name not in problem.wrt]
    given = {name: 0.7 + 0.2 * n for n, name in enumerate(others)}
    values = {name: complex(value.subs({s: given[str(s)] for s in value.free_symbols}))
              for name, value in item.values.items()}  # fmt: skip
    if any(abs(value.imag) > ROUNDING for value in values.values()):
        return 0.0
    numbers = {name: value.real for name, value in values.items()}
    try:
        work = Work(problem, {**given, **{name: numbers[name] for name in problem.wrt}})
        point = work.vector(numbers)
        names = [c.multiplier.name for c in problem.constraints]
        found = work.certificate(point, {name: np.array(numbers.get(name, 0.0)) for name in names})
    except ChainruleError:
        return 0.0
    return _rounded(max(found.stationarity, found.slackness))


def solution_gap(problem: Problem, solved: Solution, steps: Sequence[Step] = ()) -> float:
    """The largest residual of the four conditions at the solution, for random data of several sizes.

    Under conditions, such as that a matrix has an inverse, one of the sizes must be good: they fail at others.
    """
    rng = np.random.default_rng(0)
    rows = size_assignments(problem.objective.program)
    tried = [_gaps(problem, solved, steps or solved.steps, sizes, rng) for sizes in rows]
    gaps = [max(found) for found in tried if found]
    worst = min if solved.conditions else max
    return _rounded(worst(gaps)) if gaps else np.inf


def inner_gap(problem: Problem, solved: Solution) -> float:
    """The same for the first case of a solution by cases."""
    return solution_gap(problem, solved, solved.inner)


def _rounded(gap: float) -> float:
    return 0.0 if gap <= ROUNDING else gap


def _gaps(
    problem: Problem, solved: Solution, steps: Sequence[Step], sizes: Mapping[Any, int], rng: np.random.Generator
) -> list[float]:
    """The residuals at some points, relative to the size of the numbers."""
    inner = bool(solved.inner) and steps == solved.inner
    found: list[float] = []
    for _ in range(ATTEMPTS):
        data = sample(problem.objective.inputs, sizes, rng)
        small = SMALL if inner else 1.0
        data = {name: value * small if np.ndim(value) == 1 else value for name, value in data.items()}
        gap = _gap(problem, solved, steps, {n: value for n, value in data.items() if n not in problem.wrt}, inner)
        found += [gap] if gap is not None else []
        if len(found) == DRAWS:
            break
    return found


def _gap(
    problem: Problem, solved: Solution, steps: Sequence[Step], data: Mapping[str, Any], inner: bool
) -> float | None:
    """The largest residual at one point; ``None`` if the data do not fit the case, or allow no solution."""
    if solved.case is not None and (solved.case.evaluate(**_fill(solved.case, data)) <= 0) != inner:
        return None
    try:
        values = _values(problem, steps, data)
    except (ChainruleError, np.linalg.LinAlgError, ValueError):
        return None
    work = Work(problem, {**data, **{name: values[name] for name in problem.wrt}})
    point = work.vector(values)
    multipliers = {c.multiplier.name: np.asarray(values.get(c.multiplier.name, 0.0)) for c in problem.constraints}
    found = work.certificate(point, multipliers)
    size = 1 + abs(found.objective) + max(float(np.max(np.abs(value))) for value in multipliers.values())
    if not size < HUGE or (found.primal > ROUNDING and not _is_feasible(work, point)):
        return None
    return max(found.residuals.values()) / size


def _is_feasible(work: Work, point: Array) -> bool:
    """Whether affine constraints can be satisfied at all, for these data."""
    sides: dict[str, list[Array]] = {"=": [], "<=": []}
    limits: dict[str, list[Array]] = {"=": [], "<=": []}
    for item in work.problem.constraints:
        rows = work.rows(item, point)
        sides[item.relation].append(rows)
        limits[item.relation].append(rows @ point - work.constraint(item, point))
    (equal, right), (below, high) = (
        (np.vstack(sides[sign]), np.concatenate(limits[sign])) if sides[sign] else (None, None) for sign in sides
    )
    found = linprog(np.zeros(point.size), A_ub=below, b_ub=high, A_eq=equal, b_eq=right, bounds=(None, None))
    return not work.problem.is_qualified or bool(found.status == 0)


def _fill(f: Formula, data: Mapping[str, Any]) -> dict[str, Any]:
    """Values for all inputs of a formula: what it does not depend on is one."""
    known = [item for item in f.inputs if item.name in data]
    dims = {d: n for item in known for d, n in zip(item.shape, np.shape(data[item.name]), strict=True)}
    shapes = {item.name: tuple(int(length.subs(dims)) for length in item.shape) for item in f.inputs}
    return {item.name: data.get(item.name, np.ones(shapes[item.name])) for item in f.inputs}


def _values(problem: Problem, steps: Sequence[Step], data: Mapping[str, Any]) -> dict[str, Any]:
    """The variables and multipliers of a solution: its equations solved for the multipliers, the rest computed."""
    found = dict(data)
    unknowns = [step.left for step in steps if step.equation]
    at_least_zero = {item.multiplier.name for item in problem.inequalities}
    if unknowns:
        equations = [step.value for step in steps if step.equation]
        for scale in STARTS:
            start = scale * np.linspace(1, 1.3, len(unknowns))
            ended = root(lambda at: _residuals(equations, unknowns, at, data), start, tol=1e-13)
            signed = [at for at, name in zip(ended.x, unknowns, strict=True) if name in at_least_zero]
            if ended.success and np.max(np.abs(ended.fun)) < EXACT and min(signed, default=0.0) >= 0:
                break
        else:
            raise ValueError("no root")
        found |= dict(zip(unknowns, map(float, ended.x), strict=True))
    for step in reversed([step for step in steps if not step.equation and step.left not in data]):
        if step.value.program.by_name.get(step.left) is None or step.left not in found:
            found[step.left] = step.value.evaluate(**_fill(step.value, found))
    return _settled(steps, found)


def _settled(steps: Sequence[Step], found: dict[str, Any]) -> dict[str, Any]:
    """The values again, now that those which lines refer to are known."""
    for _ in range(2):
        for step in steps:
            if not step.equation:
                found[step.left] = step.value.evaluate(**_fill(step.value, found))
    return found


def _residuals(equations: Sequence[Formula], unknowns: Sequence[str], at: Any, data: Mapping[str, Any]) -> list[float]:
    place = {**data, **dict(zip(unknowns, map(float, at), strict=True))}
    return [float(equation.evaluate(**_fill(equation, place))) for equation in equations]
