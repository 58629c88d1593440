"""How maximum-likelihood estimates follow from the likelihood equations, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.goals import gradient
from chainrule.derive.narrative.symbols import indexed, named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.render.page import Shown
from chainrule.derive.stationary import EquationStep, Stationary
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.coordinates import chart
from chainrule.learning.probability.equations import Solution, solve
from chainrule.learning.probability.likelihood import given, likelihood_part, remarks, score_part, title
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import bound, number, point

#: How far from an estimate the likelihood is compared.
NEARBY = 1e-3


def estimates(m: Model) -> Explanation:
    """How the maximum-likelihood estimates follow from the log-likelihood."""
    solution = solve(m)
    found = gradient(m.likelihood, m.parameters)
    parts = (*given(m), likelihood_part(m), score_part(m, found), *_solution_parts(m, solution))
    return Explanation(title(m, "Maximum-likelihood estimate"), parts, (*remarks(m), *_conditions(solution)))


def _conditions(solution: Solution) -> Iterator[str]:
    seen = dict.fromkeys(
        text
        for item in (*solution.closed, *solution.partial)
        if item.found
        for text in (*(f"Condition: {c}." for c in item.found.conditions), *(f"{r}." for r in item.found.remarks))
    )
    yield from seen


def _solution_parts(m: Model, solution: Solution) -> Iterator[Part]:
    stationary = list[Stationary]()
    for item in solution.closed:
        if item.found is None:
            reason = (item.reason,)
            best = partial(_best, m, solution, item.name)
            yield Part(f"Estimate of {item.name}", (Move(item.shown, (_hat(item.name),), reason, best),))
        elif item.found not in stationary:
            stationary.append(item.found)
            yield Part("Likelihood equations", tuple(_equations(m, item.found, solution)), _constraint(m, item.found))
    if solution.closed:
        moves = tuple(
            Move(item.shown, (_hat(item.name),), (), partial(_best, m, solution, item.name)) for item in solution.closed
        )
        others = "Parameters on the right-hand sides are their estimates."
        yield Part("Estimate", moves, (others,) if len(moves) > 1 else ())
    if solution.partial:
        lines = [move for item in solution.partial if item.found for move in _equations(m, item.found, solution)]
        intro = "In closed form only as a function of parameters that have none:"
        yield Part("Equations that can be solved", tuple(lines), (intro,))
    if solution.numeric:
        names = ", ".join(solution.numeric)
        lead = "The equations have no closed form" if not solution.closed else f"The equations for {names} have none"
        zero = tuple(Move(Shown("0", "0"), (_score_symbol(m, name),)) for name in solution.numeric)
        yield Part("To be solved numerically", zero, (f"{lead} by this method: the maximum is found from the score.",))


def _best(m: Model, solution: Solution, name: str) -> float:
    """0 if the likelihood of a sample is nowhere near the estimate larger than there."""
    values: dict[str, Any] = dict(point(m))
    for item in solution.closed:
        values[item.name] = item.compute(values)
    highest = number(m.likelihood.program, values)
    there = values[name]
    basis = chart(m.density.program.by_name[name].domain).directions(np.asarray(there))  # type: ignore[union-attr]
    nearby = (there + sign * NEARBY * row.reshape(np.shape(there)) for row in basis for sign in (1, -1))
    excess = [number(m.likelihood.program, {**values, name: moved}) - highest
              for moved in nearby if _covers(m, {**values, name: moved})]  # fmt: skip
    return max(0.0, *(value for value in excess if np.isfinite(value)), 0.0)


def _covers(m: Model, values: Mapping[str, Any]) -> bool:
    """Whether all observations lie in the support."""
    x = values[m.variable.name]
    return bool(np.all(bound(m, 0, values) <= x) and np.all(x <= bound(m, 1, values)))


def _constraint(m: Model, found: Stationary) -> tuple[str, ...]:
    extra = [name for name in found.wrt if name not in m.parameters]
    words = f"The entries sum to one: {', '.join(extra)} is the multiplier of this condition."
    return (words,) if extra else ()


def _hat(name: str) -> Shown:
    return Shown(f"{name}_hat", rf"\hat{{{named(name).latex}}}")


def _score_symbol(m: Model, name: str) -> Shown:
    found = gradient(m.likelihood, name).result[name]
    return shown(found.program, found.output.name)


def _equations(m: Model, found: Stationary, solution: Solution) -> Iterator[Move]:
    for line in found.equations:
        programs = (line.left.program, line.right.program)
        whole = all(matrix_form(program, program.output.name) is not None for program in programs)
        left, right = ((shown if whole else indexed)(program, program.output.name) for program in programs)
        right = Shown("0", "0") if right.text.startswith("zeros(") else right
        note = (line.note,) if line.note else ()
        yield Move(right, (left,), note, lambda line=line: _holds(m, found, line, solution))  # type: ignore[misc]


def _holds(m: Model, found: Stationary, line: EquationStep, solution: Solution) -> float:
    """Both sides of an equation at the solution, for a sample."""
    values: dict[str, Any] = dict(point(m))
    for item in solution.closed:
        values[item.name] = item.compute(values)
    for name in found.wrt:
        program = found.solution[name].program
        known = [item for item in program.inputs if item.name in values]
        values[name] = evaluate(_only(program, known), values)[program.output.name]
    sides = [evaluate(side.program, values)[side.program.output.name] for side in (line.left, line.right)]
    scale = max(1.0, *(float(np.max(np.abs(side))) for side in sides))
    return float(np.max(np.abs(sides[0] - sides[1])) / scale)


def _only(program: Any, inputs: Sequence[Any]) -> Any:
    return type(program)(tuple(inputs), program.definitions, program.outputs)
