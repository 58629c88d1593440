"""``dual``: the dual of a loss of linear scores with a penalty, as a user sees it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.derive.formula import Formula
from chainrule.derive.render.page import Detail, Form, Page
from chainrule.derive.render.printed import Printed
from chainrule.derive.steps import NOTHING_CHECKED, Checked
from chainrule.learning.duality.dual import Dual, Solved, derived_dual
from chainrule.learning.duality.telling import explanation
from chainrule.learning.explanation import Explanation


@dataclass(frozen=True)
class DualProblem(Printed):
    """A dual.

    Attributes:
        derived: its parts: the objective taken apart, the conjugates, the dual variable.
    """

    derived: Dual

    @property
    def primal(self) -> Formula:
        """What is minimised over the weights."""
        return self.derived.primal

    @property
    def objective(self) -> Formula:
        """What is maximised over the dual variable."""
        return self.derived.objective

    @property
    def constraints(self) -> tuple[str, ...]:
        """Under which constraints."""
        return self.derived.constraints

    @property
    def weights(self) -> Formula | None:
        """The weights by the dual variable; ``None`` where they are multipliers of the dual's constraints."""
        return self.derived.weights

    @property
    def closed(self) -> Formula | None:
        """The dual variable in closed form, if it has one."""
        return self.derived.closed

    def solve(self, /, **data: Any) -> Solved:
        """The optimum of both problems at data: the dual variable, the weights, and the gap."""
        return self.derived.solve(data)

    def explanation(self) -> Explanation:
        """The derivation, line by line."""
        return explanation(self.derived)

    def page(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> Page:
        """The lines, for any renderer."""
        return self.explanation().page(detail, checked, form)

    def to_dict(self) -> dict[str, Any]:
        """The lines as plain data, with the objective and the constraints as texts."""
        weights, closed = (None if f is None else f.matrix() for f in (self.weights, self.closed))
        known = {"primal": self.primal.matrix(), "dual": self.objective.matrix(), "constraints": list(self.constraints),
                 "variable": self.derived.variable, "weights": weights, "closed": closed}  # fmt: skip
        return {**self.explanation().to_dict(), **known}

    def to_json(self) -> str:
        """The lines as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def dual(f: str | Formula, wrt: str | Sequence[str] | None = None) -> DualProblem:
    """The dual of a sum of losses of linear scores ``X @ w + b`` with a penalty of ``w``.

    For ``min_w sum_i h(x_i w) + g(w)``: ``max_a -sum_i h*(-a_i) - g*(X' a)`` with the conjugates of loss and penalty,
    both derived.  Labels -1 and 1 that the scores are multiplied by make ``h`` a function of margins.

    Args:
        f: the objective.
        wrt: the weights, a vector, and an intercept if there is one.

    Raises:
        UnsupportedError: the objective has another form, or a part is not seen to be convex.
        NoClosedFormError: a conjugate has no closed form.

    Sources: Rockafellar, Convex Analysis (1970), section 31; Boyd and Vandenberghe, Convex Optimization (2004),
    section 5.7.

    Example:
        >>> found = dual("X: real[n, d]; y: real[n]; w: real[d]; c: positive; mean((X @ w - y)^2) + c*sum(|w|)", "w")
        >>> found.objective.matrix(), found.constraints
        ('(4*y - n*a) @ a / 4', ('-c <= X.T @ a <= c',))
    """
    return DualProblem(derived_dual(f, wrt))
