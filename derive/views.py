"""A derivation told in another way: by differentials, or by tangents from the variables to the output."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from chainrule.derive.calculus import differentiate
from chainrule.derive.derivation import Derivation
from chainrule.derive.differentials import action, assembled, stages
from chainrule.derive.errors import InputError
from chainrule.derive.links import links_between
from chainrule.derive.narrative.model import inlined_parts
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Input, Program, fresh_names
from chainrule.derive.quotients import with_quotients
from chainrule.derive.render.page import VIEWS, View
from chainrule.derive.reverse import Derivative
from chainrule.derive.steps import Step
from chainrule.derive.tangents import tangents


def checked_view(view: str) -> View:
    """The view of this name.

    Raises:
        InputError: there is none.
    """
    for known in VIEWS:
        if view == known:
            return known
    raise InputError("there is no such view of a derivation", expected=", ".join(VIEWS), found=str(view))


def viewed(derivation: Derivation, view: View) -> Derivation:
    """A gradient or Jacobian derived in another way; its result is the same.

    Raises:
        InputError: a variable is a quantity that another variable acts through.
    """
    if view == "reverse":
        return derivation
    program, names = derivation.formula.differentiable, derivation.wrt
    _refuse_nested(program, names)
    found = differentiate(program, names)
    if program.outputs[0] not in found.adjoints:
        return replace(derivation, view=view)
    owner = stages(found)
    told = {name for name, own in owner.items() if own == name}
    alone = names[0] if view == "forward" and len(names) == 1 and not program.by_name[names[0]].shape else ""
    labels = _labels(found, names, view)
    directions = {} if alone else {name: Input(labels[name], found.context.by_name[name].shape) for name in names}
    moves = tangents(found, directions, labels, told, alone)
    scalar = not derivation.formula.shape
    context, lines = (assembled if view == "differential" and scalar else action)(found, moves, owner)
    definitions = tuple(Step("definition", item.name, item, item) for item in found.forward)
    context, hidden = with_quotients(context), inlined_parts(found.context, found.steps)
    worked = (_with_links(step, told | {*names}, context, {*found.adjoints}, hidden) for step in moves.steps)
    return replace(derivation, view=view, steps=(*definitions, *worked, *lines), context=context)


def _with_links(
    step: Step, told: Collection[str], program: Program, moving: Collection[str], hidden: Mapping[str, str]
) -> Step:
    """A differential or tangent with the local derivatives by the quantities that it is told by.

    ``moving`` is what depends on the variables.
    """
    items, links = [dict(step.bindings)["through"]], dict[Step, None]()
    for name in items:
        quantity = program.by_name[name]
        for inner in sorted(quantity.reads if isinstance(quantity, Definition) else ()):
            if inner in told:
                links |= dict.fromkeys(links_between(name, inner, program, hidden))
            elif inner in moving and inner not in items:
                items.append(inner)
    return replace(step, substeps=tuple(links))


def _refuse_nested(program: Program, names: Iterable[str]) -> None:
    """Variables that act through each other have no directions of their own."""
    for name in names:
        inner = reached(program, frozenset([name])) & set(names) - {name}
        if inner:
            raise InputError(
                f"{name} acts through {min(inner)}, so that they have no independent directions",
                expected="variables of which none depends on another",
                hint='the view "reverse" derives by both',
            )


def _labels(found: Derivative, variables: Sequence[str], view: View) -> dict[str, str]:
    """Names that nothing else has: ``dz``; or ``z_dot`` for tangents, ``v`` or ``v_w`` for directions."""
    taken = set(found.context.by_name)
    labels: dict[str, str] = {}
    for name in (*variables, *(item.name for item in found.forward)):
        if name not in labels:
            labels[name] = _free(_wished(name, variables, view), taken)
            taken.add(labels[name])
    return labels


def _wished(name: str, variables: Sequence[str], view: View) -> list[str]:
    """The names for the tangent of a quantity, the best first."""
    if view == "differential":
        return [f"d{name}", f"d_{name}"]
    if name not in variables:
        return [f"{name}_dot"]
    return ["v", f"v_{name}"] if len(variables) == 1 else [f"v_{name}"]


def _free(wished: Sequence[str], taken: Collection[str]) -> str:
    """The first name that is not taken."""
    names = itertools.chain(wished, fresh_names(taken, wished[-1]))
    return next(name for name in names if name not in taken)
