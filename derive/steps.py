"""Derivations as data: what was wanted, each step with its rule, and the result.

A step rewrites one definition: ``before`` and ``after`` are both claims about the quantity
named ``where``, in terms of other quantities of the derivation, so that each step can be checked
on its own.  Renderers turn steps into text; nothing here formats anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sympy import Expr, S

from chainrule.derive.program import Definition, Ref
from chainrule.derive.rules import ASSUMING


class Partial(Expr):  # type: ignore[misc]
    """The derivative of the entry of an output by the entry of a variable, not yet worked out."""

    is_commutative = True
    is_real = True

    def __new__(cls, output: Ref, variable: Ref) -> Partial:
        """``d output / d variable``, both entries."""
        return Expr.__new__(cls, output, variable)

    def _eval_derivative(self, symbol: Any) -> Expr:
        return S.Zero

    @property
    def output(self) -> Ref:
        """The entry that is differentiated."""
        return self.args[0]

    @property
    def variable(self) -> Ref:
        """The entry by which it is differentiated."""
        return self.args[1]


class Along(Expr):  # type: ignore[misc]
    """The derivative of an entry of an output along directions of the variables, not yet worked out."""

    is_commutative = True
    is_real = True

    def __new__(cls, output: Ref, *moves: Ref) -> Along:
        """``moves`` are the variables, each followed by its direction, as their first entries."""
        return Expr.__new__(cls, output, *moves)

    def _eval_derivative(self, symbol: Any) -> Expr:
        return S.Zero

    @property
    def output(self) -> Ref:
        """The entry that is differentiated."""
        return self.args[0]

    @property
    def directions(self) -> dict[str, str]:
        """The names of the directions by those of the variables."""
        names = [ref.name for ref in self.args[1:]]
        return dict(zip(names[::2], names[1::2], strict=True))


class Slope(Expr):  # type: ignore[misc]
    """The derivative of a scalar expression by one of the entries in it, not yet worked out."""

    is_commutative = True
    is_real = True

    def __new__(cls, body: Expr, variable: Ref) -> Slope:
        """``d body / d variable``, with every other entry fixed."""
        return Expr.__new__(cls, body, variable)

    @property
    def body(self) -> Expr:
        """What is differentiated."""
        return self.args[0]

    @property
    def variable(self) -> Ref:
        """The entry by which it is differentiated."""
        return self.args[1]


@dataclass(frozen=True)
class Step:
    """One move of a derivation.

    Attributes:
        rule: id of the rule (``rules.BY_ID``).
        where: name of the quantity that the step is about.
        before, after: its definition before and after the move.
        bindings: what the rule's parts are here, as (name, value) pairs.
        substeps: the move in detail.
    """

    rule: str
    where: str
    before: Definition
    after: Definition
    bindings: tuple[tuple[str, str], ...] = ()
    substeps: tuple[Step, ...] = ()


#: What is known for each step, or each line of another kind, that was checked.
Checked = Mapping[Any, str]
NOTHING_CHECKED: Checked = MappingProxyType({})


def assumes(step: Step) -> bool:
    """Whether a step holds only because of what was declared about an input."""
    return bool({step.rule, *(value for name, value in step.bindings if name == "also")} & ASSUMING)
