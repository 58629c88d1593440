"""Small problems exactly: every choice of active inequalities, its stationary points, the conditions that they meet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Symbol

from chainrule.learning.losses.sample import symbol_of, written_out
from chainrule.learning.optimality.conditions import Problem

#: Inequalities of which all choices are tried; unknowns, and degree, of the systems that are solved.
MAX_INEQUALITIES, MAX_UNKNOWNS, MAX_DEGREE = 4, 6, 3


@dataclass(frozen=True)
class Candidate:
    """A stationary point of the Lagrangian for one choice of active inequalities.

    Attributes:
        active: the inequalities that hold with equality, as they are written.
        values: variables and multipliers by name.
        objective: the value of the objective.
        faults: the conditions that it does not meet.
        conditions: those that depend on parameters, as expressions that must not be negative.
    """

    active: tuple[str, ...]
    values: Mapping[str, Expr]
    objective: Expr
    faults: tuple[str, ...]
    conditions: tuple[Expr, ...]


def candidates(problem: Problem) -> tuple[Candidate, ...]:
    """All candidates of a problem of numbers whose conditions are polynomials; none for other problems."""
    if any(item.shape for item in problem.objective.inputs) or len(problem.inequalities) > MAX_INEQUALITIES:
        return ()
    formulas = (problem.objective, *(item.formula for item in problem.constraints))
    bodies = [written_out(f.program, f.output.name) for f in formulas]
    if any(body is None for body in bodies):
        return ()
    system = _System(problem, [body for body in bodies if body is not None])
    if not system.is_polynomial():
        return ()
    sets = itertools.chain.from_iterable(
        itertools.combinations(range(len(problem.inequalities)), size) for size in range(len(problem.inequalities) + 1)
    )
    return tuple(candidate for chosen in sets for candidate in system.solved(chosen))


class _System:
    """The conditions as polynomials."""

    def __init__(self, problem: Problem, bodies: Sequence[Expr]) -> None:
        self.problem = problem
        inputs = {item.name: symbol_of(item) for item in problem.objective.inputs}
        # The bounds of the variables' domains are conditions of their own.
        self.free = {inputs[name]: Symbol(name, real=True) for name in problem.wrt}
        self.objective, *rest = (body.xreplace(self.free) for body in bodies)
        self.terms = dict(zip(problem.constraints, rest, strict=True))
        self.unknowns = list(self.free.values())
        self.multipliers = {item: Symbol(item.multiplier.name, real=True) for item in problem.constraints}

    def is_polynomial(self) -> bool:
        """Whether all parts are polynomials of low degree in the variables."""
        bodies = (self.objective, *self.terms.values())
        known = all(body.is_polynomial(*self.unknowns) for body in bodies)
        small = len(self.unknowns) + len(self.terms) <= MAX_UNKNOWNS
        return known and small and all(sp.Poly(body, *self.unknowns).total_degree() <= MAX_DEGREE for body in bodies)

    def solved(self, chosen: Sequence[int]) -> Iterator[Candidate]:
        """The candidates for one choice of active inequalities."""
        active = [item for n, item in enumerate(self.problem.inequalities) if n in chosen]
        used = [*self.problem.equations, *active]
        lagrangian = self.objective + sum((self.multipliers[item] * self.terms[item] for item in used), sp.S.Zero)
        equations = [sp.diff(lagrangian, symbol) for symbol in self.unknowns] + [self.terms[item] for item in used]
        unknowns = [*self.unknowns, *(self.multipliers[item] for item in used)]
        try:
            found = sp.solve(equations, unknowns, dict=True)
        except NotImplementedError:
            return
        for point in found:
            if set(point) == set(unknowns) and all(value.is_real is not False for value in point.values()):
                yield self._candidate(point, tuple(item.text for item in active))

    def _candidate(self, point: Mapping[Expr, Expr], active: tuple[str, ...]) -> Candidate:
        zero = {self.multipliers[item]: sp.S.Zero for item in self.problem.inequalities}
        values = {symbol: sp.simplify(value) for symbol, value in {**zero, **point}.items()}
        place = {symbol: values[symbol] for symbol in self.unknowns}
        used = self.problem.inequalities
        checks = [(f"{item.text} is violated", sp.simplify(-self.terms[item].subs(place))) for item in used]
        checks += [(f"{self.multipliers[item]} < 0", values[self.multipliers[item]]) for item in used]
        faults = tuple(words for words, value in checks if value.is_negative)
        open_ = tuple(dict.fromkeys(value for _, value in checks if value.is_nonnegative is None))
        sign = -1 if self.problem.maximise else 1
        named = {str(symbol): value for symbol, value in values.items()}
        return Candidate(active, named, sp.simplify(sign * self.objective.subs(place)), faults, open_)
