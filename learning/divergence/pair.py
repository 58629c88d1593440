"""Two members of one family: ``p`` with the parameters ``a_1, b_1`` and ``q`` with ``a_2, b_2``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Expr

from chainrule.derive.formula import Formula
from chainrule.derive.program import Definition, Input, Program, fresh_names
from chainrule.learning.probability.model import Model

Values = Mapping[str, Any]
#: What tells the parameters of ``p`` and ``q`` apart.
SUFFIXES = ("1", "2")


@dataclass(frozen=True)
class Pair:
    """Two members of a family.

    Attributes:
        m: the family.
        members: the parameters of ``p`` and of ``q``, by the names that they have in the family.
        known: the parameters that both have in common.
    """

    m: Model
    members: tuple[Mapping[str, Input], Mapping[str, Input]]
    known: tuple[Input, ...]

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What a divergence is a function of."""
        return (*self.members[0].values(), *self.members[1].values(), *self.known)

    def values(self, given: Values, which: int) -> dict[str, Any]:
        """Values of one member's parameters, by their names in the family."""
        own = {name: given[item.name] for name, item in self.members[which].items()}
        return own | {item.name: given[item.name] for item in self.known}

    def density(self, which: int) -> Formula:
        """The log-density of one member."""
        items = (self.m.variable, *self.members[which].values(), *self.known)
        program = self.m.density.program
        return Formula(Program(items, self.definitions(program, which), (_suffixed(program.outputs[0], which),)))

    def definitions(self, program: Program, which: int) -> tuple[Definition, ...]:
        """The definitions of a program of the family's parameters, with those of one member."""
        own = self.members[which]
        heads: dict[Expr, Expr] = {item.head: own[item.name].head for item in program.inputs if item.name in own}
        out = []
        for item in program.definitions:
            moved = replace(item, name=_suffixed(item.name, which))
            heads[item.head] = moved.head
            out.append(moved.with_body(item.body.xreplace(heads)))
        return tuple(out)

    def of(self, body: Expr, which: int) -> Expr:
        """An expression of the family's scalar parameters, with those of one member."""
        heads = {self.m.density.program.by_name[name].head: item.head for name, item in self.members[which].items()}
        return body.xreplace(heads)


def _suffixed(name: str, which: int) -> str:
    return f"{name}_{SUFFIXES[which]}"


def pair(m: Model) -> Pair:
    """Two members of a family, names told apart by numbers."""
    parameters = [item for item in m.density.inputs[1:] if item.name in m.parameters]
    known = tuple(item for item in m.density.inputs[1:] if item.name not in m.parameters)
    taken = {item.name for item in m.density.inputs} | {d.name for d in m.density.program.dims}
    first, second = (
        {item.name: replace(item, name=_name(item.name, which, taken)) for item in parameters} for which in (0, 1)
    )
    return Pair(m, (first, second), known)


def _name(name: str, which: int, taken: Iterable[str]) -> str:
    wanted = _suffixed(name, which)
    return next(fresh_names(set(taken), wanted)) if wanted in taken else wanted
