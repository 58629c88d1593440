"""Where a program changes its formula: the arguments of comparisons, absolute values and maxima.

A switch is an array whose sign decides which formula holds (``x`` for ``abs(x)``, ``a - b`` for
``maximum(a, b)`` and for ``where(a < b, ..)``); its zeros are the kinks.  A maximum over an axis
has a kink where two entries tie, and a norm where it is zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from sympy import Expr

from chainrule.derive.numeric import FLOAT64, Backend, evaluate
from chainrule.derive.program import (
    Definition,
    Program,
    Ref,
    bound_index,
    free_index,
    fresh_names,
)
from chainrule.derive.roots import radicands
from chainrule.derive.switches import basic_switches

Array = npt.NDArray[Any]

#: Absolute size below which a switch counts as zero, in doubles and in 50 digits.
ZERO_FLOAT, ZERO_EXACT = 1e-12, 1e-30


@dataclass(frozen=True)
class Switch:
    """One switch of a program.

    Attributes:
        name: the definition, in :attr:`Switches.program`, that computes it.
        expr: the argument as an expression over the definition it was found in.
        ties: whether it has one sign only: it is a root, or its zeros are the largest entries of a
            maximum, so that one is always zero.
    """

    name: str
    expr: Expr
    ties: bool = False


@dataclass(frozen=True)
class Switches:
    """A program that computes all switches of another one."""

    program: Program
    all: tuple[Switch, ...]

    def evaluate(self, values: Mapping[str, Any], backend: Backend = FLOAT64) -> dict[str, Array]:
        """The array of each switch at a point."""
        if not self.all:
            return {}
        found = evaluate(self.program, values, backend)
        return {switch.name: found[switch.name] for switch in self.all}


def switches(program: Program) -> Switches:
    """The switches of everything that the outputs of a program need."""
    program = program.pruned()
    names = fresh_names(program.by_name, "switch")
    found: list[Switch] = []
    added: list[Definition] = []
    under_roots = _under_roots(program)
    for definition in program.definitions:
        rows = _of_definition(definition) + [(expr, True) for expr in under_roots.get(definition.name, ())]
        for expr, ties in rows:
            name = next(names)
            added.append(_as_definition(name, definition, expr))
            found.append(Switch(name, expr, ties))
    outputs = tuple(switch.name for switch in found)
    widened = replace(program, definitions=program.definitions + tuple(added))
    return Switches(widened.pruned(outputs) if outputs else widened, tuple(found))


def _of_definition(definition: Definition) -> list[tuple[Expr, bool]]:
    arguments = dict.fromkeys(basic_switches(definition.body))
    rows: list[tuple[Expr, bool]] = [(expr, False) for expr in arguments if expr.has(Ref)]
    if definition.reduce in {"max", "min"}:
        rows.append((definition.body - definition[definition.free], True))
    return rows


def _under_roots(program: Program) -> dict[str, list[Expr]]:
    """The roots of what is never negative, by the definition that they stand in."""
    found: dict[str, list[Expr]] = {}
    for definition, base in radicands(program, (item.name for item in program.inputs), frozenset(program.by_name)):
        found.setdefault(definition.name, []).append(sp.sqrt(base))
    return found


def _as_definition(name: str, place: Definition, expr: Expr) -> Definition:
    """A switch as a pointwise definition over the free and bound indices of where it was found."""
    rank = len(place.shape)
    moved = {bound_index(n): free_index(rank + n) for n in range(len(place.bound))}
    return Definition(name, place.shape + place.bound, expr.xreplace(moved))


def crossings(values: Array, moved: Array, tolerance: float) -> list[Any]:
    """What the zeros of a switch become when the continuous inputs move a little.

    Zeros that stay are left out, they are no kinks: a switch over 0/1 labels chooses a formula
    and has no derivative to speak of, and the largest entry of a maximum stays the largest.
    """
    kinks = np.asarray(abs(values) <= tolerance, dtype=bool) & ~np.asarray(abs(moved) <= tolerance, dtype=bool)
    return list(np.asarray(moved)[kinks])


def signs(switch: Switch, values: Array) -> frozenset[int]:
    """Which signs a switch takes at a point."""
    if switch.ties:
        return frozenset()
    return frozenset(sign for sign, hit in ((1, values > 0), (-1, values < 0)) if np.any(hit))
