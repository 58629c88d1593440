"""What is left of derivatives where targets do not count any more: beyond a switch, or at large margins.

A margin is the product of a label, -1 or 1, and what the model says: ``y*z``.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

from sympy import Expr, Mul, S

from chainrule.derive.limits import limits, rewritten
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Program, Ref
from chainrule.derive.scalar import less, less_equal

#: Switches and margins of one derivation that are looked at.
MAX_TRIED = 4


def switched_off(program: Program, variables: Collection[str]) -> Iterator[tuple[Expr, dict[str, Program]]]:
    """Comparisons in which the variables take part, and what the outputs are where each of them fails everywhere.

    Only where all outputs read fewer inputs than before.
    """
    active = reached(program, frozenset(variables))
    found = dict.fromkeys(
        atom
        for definition in program.definitions
        for atom in sorted(definition.body.atoms(less, less_equal), key=str)
        if any(ref.name in active for ref in atom.atoms(Ref))
    )
    for atom in list(found)[:MAX_TRIED]:
        values = {name: rewritten(program, {atom: S.Zero}.get, {}, name) for name in program.outputs}
        kept = {name: value for name, value in values.items() if value is not None}
        fewer = (_inputs(value) < _inputs(program.pruned([name])) for name, value in kept.items())
        if len(kept) == len(values) and all(fewer):
            yield atom, kept


def _inputs(program: Program) -> set[str]:
    """The inputs that outputs read."""
    names = {item.name for item in program.inputs}
    return {name for definition in program.definitions for name in definition.reads & names}


def margins(program: Program, variables: Collection[str]) -> Iterator[Expr]:
    """The margins that all outputs vanish for, when they grow without bound."""
    active = reached(program, frozenset(variables))
    labels = {item.name for item in program.inputs if item.domain.name == "pm1"}
    found: dict[Expr, None] = {}
    for definition in program.definitions if labels else ():
        for product in sorted(definition.body.atoms(Mul), key=str):
            refs = [factor for factor in product.args if isinstance(factor, Ref)]
            pairs = itertools.product(*([ref for ref in refs if ref.name in names] for names in (labels, active)))
            found |= dict.fromkeys(y * z for y, z in pairs if y.indices == z.indices)
    yield from (margin for margin in list(found)[:MAX_TRIED] if _is_enough(program, margin, active))


def _is_enough(program: Program, margin: Expr, active: Collection[str]) -> bool:
    """Whether the outputs tend to 0 as a margin grows, everything that depends on the variables being in it."""
    outside: list[str] = []
    label, score = sorted(margin.args, key=lambda ref: ref.name in active)
    before = {score.name, *program.pruned([score.name]).by_name} & {*active}
    inner = {item.name for item in program.pruned([score.name]).definitions}

    def large(part: Expr) -> Expr | None:
        if isinstance(part, Mul):
            labels = [factor for factor in part.args if isinstance(factor, Ref) and factor.name == label.name]
            pairs = [(y, Ref(score.args[0], *y.indices)) for y in labels]
            return next((part / (y * z) * S.Infinity for y, z in pairs if z in part.args), None)
        if isinstance(part, Ref) and part.name in before:
            outside.append(part.name)
        return None

    known = limits([item for item in program.definitions if item.name not in inner], large, {})
    return not outside and all(known.get(name) == 0 for name in program.outputs)
