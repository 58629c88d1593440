"""Estimates in closed form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sympy import S

from chainrule.derive.program import bound_index
from chainrule.derive.render.page import Shown
from chainrule.derive.stationary import Stationary
from chainrule.learning.probability.model import Model

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Closed:
    """A parameter's estimate in closed form.

    Attributes:
        name: the parameter.
        shown: the estimate as it is written.
        compute: the estimate from the data, the known parameters, and the parameters that it reads.
        reason: why it is the estimate, where no equation is solved.
        found: the equations that were solved.
    """

    name: str
    shown: Shown
    compute: Callable[[Values], Any]
    reason: str = ""
    found: Stationary | None = None


def x_row(m: Model) -> Any:
    """An observation in the sum over the sample."""
    return m.likelihood.inputs[0][(bound_index(0),)] if not m.variable.shape else S.Zero
