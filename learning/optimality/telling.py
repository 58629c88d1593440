"""The conditions as an explanation: every line with the means to check it on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from chainrule.derive.checking.evidence import evidence
from chainrule.derive.derivation import Derivation
from chainrule.derive.formula import Formula, formula
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.narrative.symbols import partial as partial_symbol
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.optimality.active import Candidate
from chainrule.learning.optimality.conditions import Problem
from chainrule.learning.optimality.constraints import Constraint
from chainrule.learning.optimality.numbers import Certificate
from chainrule.learning.optimality.proof import candidate_gap, inner_gap, solution_gap
from chainrule.learning.optimality.solution import Solution, Step

SOURCE = "Source: Boyd and Vandenberghe, Convex Optimization (2004), sections 5.5.2 and 5.5.3."
ZERO = Shown("0", "0")


def explanation(problem: Problem, solved: Solution | None, numbers: Certificate | None = None) -> Explanation:
    """Problem, Lagrangian, the four conditions, what they are good for, and the solution."""
    parts = [_posed(problem), _lagrangian(problem), _conditions(problem)]
    if solved is not None:
        parts += _solved(problem, solved)
    if numbers is not None:
        parts.append(_measured(numbers))
    what = ", ".join(problem.wrt)
    title = f"Karush-Kuhn-Tucker conditions in {what}"
    return Explanation(_text(title), tuple(parts), (*problem.statements(), *_notes(solved), SOURCE))


def _notes(solved: Solution | None) -> tuple[str, ...]:
    if solved is None:
        return ("No law leads to a closed solution; with numbers for the data it is found by SciPy.",)
    return tuple(f"Condition: {condition}." for condition in solved.conditions)


def _text(words: str) -> Shown:
    return Shown(words, rf"\text{{{words}}}".replace("_", r"\_").replace("^", r"\^{}"))


def _of(f: Formula) -> Shown:
    return shown(f.program, f.output.name)


def _posed(problem: Problem) -> Part:
    """What is minimised, and under what constraints."""
    verb = "minimise" if not problem.maximise else "minimise the negative:"
    moves = [Move(_said(verb, _of(problem.objective)))]
    moves += [Move(_said("subject to", _related(item)), (), (item.text + ".",)) for item in problem.constraints]
    return Part("Problem", tuple(moves))


def _said(words: str, what: Shown) -> Shown:
    """Words in front of a formula."""
    return Shown(f"{words} {what.text}", rf"\text{{{words} }} {what.latex}")


def _lagrangian(problem: Problem) -> Part:
    """The Lagrangian, and its gradient."""
    first = Move(_of(problem.lagrangian), (Shown("Lambda", r"\Lambda"),), (_multipliers(problem),))
    moves = [first]
    for name, derivation in problem.stationarity.items():
        gradient = _of(derivation.result[name])
        gap = partial(gradient_gap, derivation)
        moves.append(Move(gradient, (partial_symbol("Lambda", name),), ("The gradient.",), gap))
    return Part("Lagrangian", tuple(moves))


def _multipliers(problem: Problem) -> str:
    kinds = (("equation", problem.equations), ("inequality", problem.inequalities))
    told = [f"{', '.join(item.multiplier.name for item in used)} for each {kind}" for kind, used in kinds if used]
    return f"One multiplier for each constraint: {'; '.join(told)}."


def _related(item: Constraint) -> Shown:
    sign = "=" if item.relation == "=" else r"\le"
    return Shown(item.shown, f"{_of(item.formula).latex} {sign} 0")


def _conditions(problem: Problem) -> Part:
    """Stationarity, primal and dual feasibility, complementary slackness."""
    moves = []
    for name, derivation in problem.stationarity.items():
        moves.append(Move(_zero(_of(derivation.result[name])), (), (f"Stationarity in {name}.",)))
    moves += [Move(_related(item), (), ("Primal feasibility.",)) for item in problem.constraints]
    for item in problem.inequalities:
        mu = named(item.multiplier.name)
        moves.append(Move(Shown(f"{mu.text} >= 0", rf"{mu.latex} \ge 0"), (), ("Dual feasibility.",)))
    for item in problem.inequalities:
        product = _of(formula(f"{problem.declared([item])}; {item.multiplier.name}*({item.body})"))
        each = ", entry by entry." if item.formula.shape else "."
        moves.append(Move(_zero(product), (), (f"Complementary slackness{each}",)))
    return Part("Conditions", tuple(moves))


def _zero(left: Shown) -> Shown:
    return Shown(f"{left.text} = 0", f"{left.latex} = 0")


def gradient_gap(derivation: Derivation) -> float:
    """Whether every step of a derivation holds on its own: 0 if so, else 1."""
    return 0.0 if all(item.holds for item in evidence(derivation)) else 1.0


def _solved(problem: Problem, solved: Solution) -> list[Part]:
    if solved.candidates:
        return [_table(problem, solved.candidates)]
    check = partial(solution_gap, problem, solved)
    if solved.case is None:
        if solved.law == "multipliers":
            tried = check if any(step.equation for step in solved.steps) else None
            return [Part("Variables by the multipliers", _lines(solved.steps, tried))]
        return [Part("Solution", _lines(solved.steps, check))]
    (item,) = problem.constraints
    body = _of(solved.case)
    signs = (("<=", r"\le"), (">", ">"))
    first, second = (Shown(f"{body.text} {sign} 0", f"{body.latex} {tex} 0") for sign, tex in signs)
    name = item.multiplier.name
    inner = (*_lines(solved.inner, partial(inner_gap, problem, solved)), Move(ZERO, (named(name),), ("Not active.",)))
    outer = Part("Solution, active", _lines(solved.steps, check), ("If ", second, ":"))
    return [Part("Solution, inactive", inner, ("If ", first, ":")), outer]


def _lines(steps: Sequence[Step], check: Callable[[], float] | None) -> tuple[Move, ...]:
    """The lines of a solution; the first is checked, by all four conditions at random data."""
    moves = []
    for n, step in enumerate(steps):
        right, left = (ZERO, _of(step.value)) if step.equation else (_of(step.value), named(step.left))
        moves.append(Move(right, (left,), (step.reason,), check if n == 0 else None))
    return tuple(moves)


def _table(problem: Problem, found: Sequence[Candidate]) -> Part:
    """Every choice of active inequalities, and what becomes of it."""
    sound = [item for item in found if not item.faults]
    best = None
    if sound and all(item.objective.is_number and not item.conditions for item in sound):
        best = (max if problem.maximise else min)(item.objective for item in sound)
    moves = tuple(_row(problem, item, best) for item in found)
    intro = "Every choice of active inequalities makes equations; their solutions meet the other conditions or do not."
    return Part("Solution by active sets", moves, (intro,))


def _row(problem: Problem, item: Candidate, best: sp.Expr | None) -> Move:
    names = [name for name in item.values if name in problem.wrt] + [n for n in item.values if n not in problem.wrt]
    text = ", ".join(f"{name} = {item.values[name]}" for name in names)
    latex = r",\; ".join(f"{named(name).latex} = {sp.latex(item.values[name])}" for name in names)
    active = f"Active: {' and '.join(item.active) or 'none'}."
    if item.faults:
        told = f" Not a solution: {', '.join(item.faults)}."
    elif item.conditions:
        told = f" A solution where {', '.join(f'{condition} >= 0' for condition in item.conditions)}."
    else:
        extreme = " (the best of all)" if best is not None and item.objective == best else ""
        told = f" All conditions hold; the objective is {item.objective}{extreme}."
    return Move(Shown(text, latex), (), (active, told), partial(candidate_gap, problem, item))


def _measured(numbers: Certificate) -> Part:
    moves = [Move(Shown(_array(value), _array(value)), (named(name),)) for name, value in numbers.values.items()]
    moves += [Move(Shown(_array(value), _array(value)), (named(name),)) for name, value in numbers.multipliers.items()]
    moves += [Move(Shown(f"{value:.1e}", f"{value:.1e}"), (_text(f"residual of {name}"),))
              for name, value in numbers.residuals.items()]  # fmt: skip
    return Part("In numbers", tuple(moves))


def _array(value: Any) -> str:
    return np.array2string(np.asarray(value), precision=6, suppress_small=True, threshold=40, separator=", ")
