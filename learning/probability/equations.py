"""Likelihood equations: which parameters have a closed form, found one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import sign

from chainrule.derive.domains import DOMAINS
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, bound_index, fresh_names
from chainrule.derive.render.page import Shown
from chainrule.derive.stationary import Stationary, solve_stationary
from chainrule.learning.probability.closed import Closed, Values, x_row
from chainrule.learning.probability.directions import direction
from chainrule.learning.probability.edges import growing
from chainrule.learning.probability.model import Model


@dataclass(frozen=True)
class Solution:
    """What the likelihood equations say.

    Attributes:
        closed: estimates in closed form, each of which reads only those before it.
        partial: closed forms of further parameters that read parameters without a closed form.
        numeric: the parameters that have no closed form.
    """

    closed: tuple[Closed, ...]
    partial: tuple[Closed, ...]
    numeric: tuple[str, ...]


def solve(m: Model) -> Solution:
    """The closed forms that the likelihood equations have."""
    closed = [item for item in (_at_edge(m, name) for name in m.parameters) if item]
    left = [name for name in m.parameters if name not in {item.name for item in closed}]
    while left:
        step = _jointly(m, left) or _median(m, left) or direction(m, left) or _alone(m, left)
        if not step:
            break
        closed += step
        left = [name for name in left if name not in {item.name for item in step}]
    partial = [item for name in left for item in _jointly(m, [name])] if len(left) > 1 else []
    return Solution(tuple(closed), tuple(partial), tuple(left))


def _jointly(m: Model, names: Sequence[str]) -> list[Closed]:
    """The solution of all equations together, if there is one."""
    program, multipliers = _with_multipliers(m.likelihood.program, names)
    try:
        found = solve_stationary(Formula(program), [*names, *multipliers])
    except ChainruleError:
        return []
    return [_closed(found, name, names) for name in found.wrt if name in names]


def _closed(found: Stationary, name: str, names: Sequence[str]) -> Closed:
    program = found.solution[name].program
    hidden = [item if item.name in names else replace(item, origin="auto")
              for item in program.definitions if item.name != name]  # fmt: skip
    written = program.with_definitions([*hidden, program.by_name[name]])  # type: ignore[list-item]

    def compute(values: Values) -> Any:
        known = {item.name: values[item.name] for item in program.inputs if item.name in values}
        return evaluate(replace(program, inputs=tuple(i for i in program.inputs if i.name in known)), known)[
            program.output.name
        ]

    return Closed(name, shown(written, name), compute, "", found)


def _with_multipliers(program: Program, names: Sequence[str]) -> tuple[Program, list[str]]:
    """The likelihood with a multiplier for every unknown whose entries sum to one."""
    rows = [item for item in program.inputs if item.name in names and item.domain.sums_to_one]
    if not rows:
        return program, []
    multipliers = list[str]()
    definitions = list(program.definitions)
    inputs = [replace(item, domain=DOMAINS["positive"]) if item in rows else item for item in program.inputs]
    heads = {item.head: new.head for item, new in zip(program.inputs, inputs, strict=True) if item is not new}
    definitions = [item.with_body(item.body.xreplace(heads)) for item in definitions]
    taken = set(program.by_name)
    for item in [new for new in inputs if new.name in {row.name for row in rows}]:
        multiplier = Input(next(fresh_names(taken, "lagrange")))
        total = Definition(
            next(fresh_names(taken, "total")), (), item[(bound_index(0),)], "sum", item.shape[-1:], origin="auto"
        )
        taken |= {multiplier.name, total.name}
        last = definitions.pop()
        inner = replace(last, name=next(fresh_names(taken, "unrestricted")), origin="auto")
        taken.add(inner.name)
        body = inner[()] + multiplier[()] * (1 - total[()])
        definitions += [inner, total, Definition(last.name, (), body, origin="named")]
        inputs.append(multiplier)
        multipliers.append(multiplier.name)
    return Program(tuple(inputs), tuple(definitions), program.outputs), multipliers


def _alone(m: Model, names: Sequence[str]) -> list[Closed]:
    """One parameter whose closed form reads none of the others that are still unknown."""
    for name in names:
        for item in _jointly(m, [name]):
            assert item.found is not None
            solution = item.found.solution[name].program
            if not set(names) & {ref for d in solution.definitions for ref in d.reads}:
                return [item]
    return []


def _at_edge(m: Model, name: str) -> Closed | None:
    """A parameter that bounds the support, if the likelihood grows until the bound meets the data."""
    if name not in m.entry.support:
        return None
    position = m.entry.support.index(name)
    if not growing(m, name, position):
        return None
    x = named(m.variable.name)
    word, least = (("min", "smallest"), ("max", "largest"))[position]
    pick = (np.min, np.max)[position]
    verb = ("grows", "falls")[position]
    return Closed(
        name, Shown(f"{word}({x.text})", rf"\{word}({x.latex})"), lambda values: pick(values[m.variable.name]),
        f"The likelihood {verb} with {name}, which cannot pass the {least} observation.",
    )  # fmt: skip


def _median(m: Model, names: Sequence[str]) -> list[Closed]:
    """A parameter whose equation says that as many observations lie below it as above."""
    x = m.variable
    for name in names:
        item = m.likelihood.program.by_name[name]
        if x.shape or not isinstance(item, Input) or item.shape:
            continue
        program = gradient(m.likelihood, name).result[name].program
        differences = (item[()] - x_row(m), x_row(m) - item[()])
        holders = [d for d in program.definitions if name in d.reads]
        if len(holders) != 1 or holders[0].reduce != "sum":
            continue
        factors = holders[0].body.as_independent(x_row(m), as_Add=False)
        if factors[1] in {sign(part) for part in differences} and not factors[0].has(item[()]):
            symbol = named(x.name)
            return [Closed(
                name, Shown(f"median({symbol.text})", rf"\operatorname{{median}}({symbol.latex})"),
                lambda values: np.median(values[x.name]),
                "The score is zero where as many observations lie below as above.",
            )]  # fmt: skip
    return []
