"""``kkt``: the conditions of optimality of a problem, with its solution and its certificates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chainrule.derive.formula import Formula
from chainrule.derive.render.page import Detail, Form, Page
from chainrule.derive.render.printed import Printed
from chainrule.derive.steps import NOTHING_CHECKED, Checked
from chainrule.learning.explanation import Explanation
from chainrule.learning.optimality.conditions import Problem, problem
from chainrule.learning.optimality.numbers import Certificate, Method, certificate, solve
from chainrule.learning.optimality.solution import Solution, solution
from chainrule.learning.optimality.telling import explanation


@dataclass(frozen=True)
class Kkt(Printed):
    """The Karush-Kuhn-Tucker conditions of a problem.

    Attributes:
        problem: objective, variables, constraints; its ``lagrangian`` and ``stationarity``.
    """

    problem: Problem

    @cached_property
    def solution(self) -> Solution | None:
        """The closed solution, as far as a law finds one."""
        return solution(self.problem)

    @property
    def convex(self) -> bool:
        """Whether the problem is proved convex, so that the conditions are sufficient."""
        return self.problem.is_convex

    def explanation(self, numbers: Certificate | None = None) -> Explanation:
        """Everything, line by line."""
        return explanation(self.problem, self.solution, numbers)

    def page(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> Page:
        """The lines, for any renderer."""
        return self.explanation().page(detail, checked, form)

    def check(self, /, **values: Any) -> Certificate:
        """The residuals of the four conditions at values for all inputs; without multipliers, the best there are."""
        return certificate(self.problem, values)

    def solve(
        self, data: Mapping[str, Any] | None = None, start: Mapping[str, Any] | None = None, method: Method = "slsqp"
    ) -> Certificate:
        """A point that satisfies the conditions, by SciPy on derived gradients, with its multipliers."""
        return solve(self.problem, data or {}, start, method)

    def to_dict(self) -> dict[str, Any]:
        """The lines as plain data."""
        constraints = [{"text": item.text, "form": item.shown, "multiplier": item.multiplier.name}
                       for item in self.problem.constraints]  # fmt: skip
        known = {"convex": self.convex, "lagrangian": self.problem.lagrangian.matrix(), "constraints": constraints}
        return {**self.explanation().to_dict(), **known}

    def to_json(self) -> str:
        """The lines as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def kkt(
    f: str | Formula, wrt: str | Sequence[str] | None = None, subject_to: str | Sequence[str] = (), *,
    maximise: bool = False,
) -> Kkt:  # fmt: skip
    """The conditions of optimality of a scalar formula under constraints.

    For ``min f(x)`` with ``g(x) <= 0`` and ``h(x) = 0``: the gradient of ``f + mu g + nu h`` is zero, ``g <= 0``,
    ``h = 0``, ``mu >= 0`` and ``mu g = 0``.  For a convex problem they are sufficient.

    Args:
        f: the objective, with the declarations of everything that the constraints need.
        wrt: the variables; constraints are ``"A @ x = b"``, ``"x >= 0"``, ``"0 <= x <= 1"``; bounds that a variable's
            domain has (nonnegative, unit, simplex) are constraints too.
        subject_to: the constraints.
        maximise: whether the objective is to be large.

    Raises:
        InputError: a constraint that cannot be read, is strict, or does not depend on the variables.
        UnsupportedError: the objective is not scalar, or a variable's domain is not one to move in.

    Source: Boyd and Vandenberghe, Convex Optimization (2004), section 5.5.3.

    Example:
        >>> found = kkt("x, v: real[n]; norm(x - v)^2/2", "x", ["sum(x) = 1", "x >= 0"])
        >>> found.convex, [(step.left, step.value.matrix()) for step in found.solution.steps][0]
        (True, ('x', 'maximum(0, v - nu)'))
    """
    return Kkt(problem(f, wrt, subject_to, maximise))
