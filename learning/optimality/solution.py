"""Closed solutions of the conditions, where a law leads to one.

Equations alone: the stationary point of the Lagrangian in variables and multipliers together.  Bounds of single
entries of a convex problem: the stationary point of what is left, cut off at the bounds.  One inequality that is not a
bound: two cases, inactive and active.  Else the variables by their multipliers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula, formula
from chainrule.derive.goals import gradient
from chainrule.derive.program import Definition, Ref
from chainrule.derive.stationary import Stationary, solve_stationary
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.optimality.active import Candidate, candidates
from chainrule.learning.optimality.conditions import Problem
from chainrule.learning.optimality.constraints import Constraint
from chainrule.learning.optimality.multiplier import roots


@dataclass(frozen=True)
class Step:
    """A line of a solution: ``name = value``, or an equation ``left = value``, and why."""

    left: str
    value: Formula
    reason: str
    equation: bool = False


@dataclass(frozen=True)
class Solution:
    """How the conditions are solved.

    Attributes:
        law: equations, bounds, cases or multipliers.
        steps: its lines; each may refer to names of those after it.
        conditions: what must hold.
        case: for a solution by cases, the formula that is at most zero in the first case and positive in the second.
        inner: for a solution by cases, the variables in the first case.
        candidates: for a solution by active sets, what every set leads to.
    """

    law: str
    steps: tuple[Step, ...]
    conditions: tuple[str, ...] = ()
    case: Formula | None = None
    inner: tuple[Step, ...] = ()
    candidates: tuple[Candidate, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything is in closed form."""
        return self.law != "multipliers" and not any(step.equation for step in (*self.steps, *self.inner))


def solution(problem: Problem) -> Solution | None:
    """The closed solution of the conditions, as far as a law finds one."""
    laws: tuple[Callable[[Problem], Solution | None], ...] = (
        _of_equations, _of_bounds, _of_numbers, _by_cases, _by_multipliers,
    )  # fmt: skip
    for law in laws:
        try:
            found = law(problem)
        except ChainruleError:
            found = None
        if found is not None:
            return found
    return None


def _read(problem: Problem, text: str) -> Formula:
    """A text of inputs and multipliers as a formula."""
    return formula(f"{problem.declared(problem.constraints)}; {text}")


def _names(used: tuple[Constraint, ...]) -> list[str]:
    return [item.multiplier.name for item in used]


# ---- equations --------------------------------------------------------------------------------------------------


def _of_equations(problem: Problem) -> Solution | None:
    if problem.inequalities:
        return None
    found = solve_stationary(problem.lagrangian, [*problem.wrt, *_names(problem.equations)])
    return Solution("equations", _results(found), found.conditions)


def _results(found: Stationary) -> tuple[Step, ...]:
    """The unknowns in closed form; each may refer to those behind it."""
    return tuple(Step(name, found.solution[name], _because(found, name)) for name in found.wrt)


def _because(found: Stationary, name: str) -> str:
    notes = [step.note for step in found.equations if step.variable == name and step.note]
    return notes[-1] if notes else ""


# ---- bounds -----------------------------------------------------------------------------------------------------


def _of_bounds(problem: Problem) -> Solution | None:
    """A convex problem whose inequalities bound the entries of its variable, each of which moves on its own."""
    if len(problem.wrt) != 1 or not problem.is_convex or not problem.inequalities:
        return None
    (name,) = problem.wrt
    bounds = [_bound(item, name) for item in problem.inequalities]
    kept = [bound for bound in bounds if bound is not None]
    partial = problem.lagrangian_of(problem.equations)
    if len(kept) < len(bounds) or not _is_separable(partial, name):
        return None
    root = solve_stationary(partial, name).solution[name]
    text = root.matrix()
    sign = root.output[root.output.free if isinstance(root.output, Definition) else ()].is_positive
    for side, end in kept:
        inside = side == "low" and end == "0" and _is_positive(root, bool(sign))
        text = text if inside else f"{'maximum' if side == 'low' else 'minimum'}({end}, {text})"
    cut = text != root.matrix()
    reason = "Between the bounds mu = 0 and the gradient is zero; it grows with the entry, which is cut off at a bound."
    first = Step(name, _read(problem, text), reason if cut else "The gradient is zero here, inside of the bounds.")
    slope = gradient(partial, name).result[name]
    steps = [first, *_bound_multipliers(problem, kept, slope, cut), *_remaining(problem, name, text)]
    return Solution("bounds", tuple(steps))


def _bound(item: Constraint, name: str) -> tuple[str, str] | None:
    """Whether an inequality bounds the entries from below or above, and by what."""
    output = item.formula.output
    variable = item.formula.program.by_name[name]
    if not isinstance(output, Definition) or output.reduce or output.shape != variable.shape:
        return None
    entry = variable[output.free]
    body = Calculus(item.formula.program, (name,)).written_out(output.body)
    slope, rest = sp.expand(body).coeff(entry, 1), sp.expand(body).coeff(entry, 0)
    if not slope.is_number or slope == 0 or sp.expand(body - slope * entry - rest) != 0:
        return None
    end = sp.expand(-rest / slope)
    return ("low" if slope < 0 else "high", str(end)) if end.is_number else _named_bound(end, slope, output.free)


def _named_bound(end: sp.Expr, slope: sp.Expr, places: tuple[Any, ...]) -> tuple[str, str] | None:
    """A bound that is an input, or a number times one."""
    factor, ref = end.as_coeff_Mul()
    if not isinstance(ref, Ref) or ref.indices not in ((), places):
        return None
    return ("low" if slope < 0 else "high"), ref.name if factor == 1 else f"{factor}*{ref.name}"


def _is_separable(f: Formula, name: str) -> bool:
    """Whether every entry of the gradient depends on the same entry of the variable only."""
    slope = gradient(f, name).result[name].program
    output = slope.output
    if not isinstance(output, Definition) or output.reduce:
        return False
    calculus = Calculus(slope, (name,))
    body, before = output.body, None
    while body != before:
        body, before = calculus.written_out(body), body
    moving = [ref for ref in body.atoms(Ref) if ref.name in calculus.active]
    return all(ref.name == name and ref.indices == output.free for ref in moving)


def _is_positive(root: Formula, known: bool) -> bool:
    output = root.output
    return known or (isinstance(output, Definition) and not output.reduce and bool(output.body.is_positive))


def _bound_multipliers(problem: Problem, kept: list[tuple[str, str]], slope: Formula, cut: bool) -> list[Step]:
    """The multipliers of the bounds, by stationarity."""
    steps = []
    for item, (side, _) in zip(problem.inequalities, kept, strict=True):
        text = slope.matrix() if side == "low" else f"-({slope.matrix()})"
        text = text if len(kept) == 1 else f"maximum(0, {text})"
        shape = "" if not item.formula.shape else f"zeros({', '.join(map(str, item.formula.shape))})"
        value = _read(problem, text if cut else shape or "0")
        steps.append(Step(item.multiplier.name, value, "By stationarity." if cut else "The bound is not active."))
    return steps


def _remaining(problem: Problem, name: str, text: str) -> list[Step]:
    """The equations that the multipliers solve, in closed form where there is one."""
    steps = []
    for item in problem.equations:
        left = _substituted(problem, item, {name: text})
        found = roots(left, item.multiplier.name) if len(problem.equations) == 1 else ()
        if len(found) == 1:
            reason = f"{item.text}, with {name} put in."
            steps.append(Step(item.multiplier.name, _read(problem, found[0].text), reason))
        else:
            why = f"{item.text}, with {name} put in: an equation for {', '.join(_names(problem.equations))}."
            steps.append(Step(item.multiplier.name, left, why, equation=True))
    return steps


def _substituted(problem: Problem, item: Constraint, values: Mapping[str, str]) -> Formula:
    """A constraint with texts in place of variables."""
    body = item.body
    for name, text in values.items():
        body = re.sub(rf"\b{re.escape(name)}\b", f"({text})", body)
    return _read(problem, body)


# ---- numbers ----------------------------------------------------------------------------------------------------


def _of_numbers(problem: Problem) -> Solution | None:
    """Every choice of active inequalities, where all inputs are numbers."""
    found = candidates(problem)
    return Solution("active sets", (), candidates=found) if found else None


# ---- one inequality -----------------------------------------------------------------------------------------------


def _by_cases(problem: Problem) -> Solution | None:
    """One inequality of a convex problem: the minimum without it, or a minimum on its boundary."""
    if len(problem.constraints) != 1 or not problem.is_convex or problem.constraints[0].formula.shape:
        return None
    (item,) = problem.constraints
    inner = solve_stationary(problem.objective, list(problem.wrt))
    outer = solve_stationary(problem.lagrangian, list(problem.wrt))
    first = _substituted(problem, item, {name: inner.solution[name].matrix() for name in problem.wrt})
    active = _substituted(problem, item, {name: outer.solution[name].matrix() for name in problem.wrt})
    found = roots(active, item.multiplier.name)
    name = item.multiplier.name
    root = _nonnegative(found)
    if root is None:
        last = Step(name, active, f"{item.text} holds with equality: an equation for {name}.", equation=True)
    else:
        last = Step(name, _read(problem, root), f"{item.text} holds with equality: the root that is not negative.")
    steps = tuple(Step(step.left, step.value, f"Stationarity, for {name} > 0.") for step in _results(outer))
    why = "The stationary point without the constraint."
    inside = tuple(Step(step.left, step.value, why) for step in _results(inner))
    conditions = tuple(dict.fromkeys((*inner.conditions, *outer.conditions)))
    return Solution("cases", (*steps, last), conditions, first, inside)


def _nonnegative(found: tuple[Any, ...]) -> str | None:
    """The largest root: the only one that can be nonnegative where two have different signs."""
    if len(found) == 1:
        return str(found[0].text)
    ones = [(float(root.value.subs({symbol: 9 for symbol, _ in root.sums})), root.text) for root in found]
    return str(max(ones)[1]) if ones else None


# ---- multipliers ---------------------------------------------------------------------------------------------------


def _by_multipliers(problem: Problem) -> Solution | None:
    found = solve_stationary(problem.lagrangian, list(problem.wrt))
    return Solution("multipliers", (*_results(found), *_unsolved(problem, found)), found.conditions)


def _unsolved(problem: Problem, found: Stationary) -> list[Step]:
    """The equations for the multipliers, where there are only such."""
    if problem.inequalities or len(problem.wrt) != 1:
        return []
    (name,) = problem.wrt
    values, why = {name: found.solution[name].matrix()}, f"with {name} put in."
    return [
        Step(item.multiplier.name, _substituted(problem, item, values), f"{item.text}, {why}", equation=True)
        for item in problem.equations
    ]
