"""What is computed: the stable forms of values and derivatives, for NumPy and for kernels alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from chainrule.derive.calculus import derivative_program, hessian_program, hvp_program
from chainrule.derive.edges import explicit
from chainrule.derive.norms import with_norms
from chainrule.derive.program import Program
from chainrule.derive.stable import stabilise

Kind = Literal["value", "gradient", "hessian", "hvp"]

_DERIVE: Mapping[str, Callable[[Program, Sequence[str]], Program]] = {
    "gradient": derivative_program,
    "hessian": hessian_program,
    "hvp": hvp_program,
}


def computed(program: Program, kind: Kind = "value", wrt: Sequence[str] = ()) -> Program:
    """The program that computes a value, with its derivatives of a kind by ``wrt``.

    Stable forms come first: the derivative of ``logsumexp`` is stable, that of ``log(sum(exp))`` is not.
    """
    if kind == "value":
        return with_norms(stabilise(explicit(program)))
    return with_norms(stabilise(explicit(_DERIVE[kind](stabilise(program, wrt), wrt))))
