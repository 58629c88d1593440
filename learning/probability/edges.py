"""Parameters that bound the support: whether the likelihood is monotone in them."""

from __future__ import annotations

from sympy import Dummy, Expr

from chainrule.derive.goals import gradient
from chainrule.derive.program import Input
from chainrule.learning.probability.model import Model


def growing(m: Model, name: str, position: int) -> bool:
    """Whether the log-likelihood certainly grows as a bound of the support moves towards the data."""
    derivative = gradient(m.likelihood, name).result[name].program
    output = derivative.output
    if isinstance(output, Input) or output.reduce or m.variable.name in output.reads:
        return False
    if any(item.name in output.reads for item in derivative.definitions):
        return False
    slope = _with_width(m, output.body)
    return bool(slope.is_positive if position == 0 else slope.is_negative)


def _with_width(m: Model, body: Expr) -> Expr:
    """The body with the upper bound written as the lower one and a positive width."""
    low, high = (m.likelihood.program.by_name.get(text) for text in m.entry.support)
    if not isinstance(low, Input) or not isinstance(high, Input):
        return body
    width = Dummy("width", positive=True)
    return body.xreplace({high[()]: low[()] + width}).simplify()
