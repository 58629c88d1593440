"""What subscripts need of the arrays becomes part of the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chainrule.derive.errors import NotationError, ShapeError
from chainrule.derive.program import Dim, Input, Ref, Requirement
from chainrule.derive.ranges import is_nonnegative


def with_requirements(inputs: Sequence[Input], requirements: Sequence[Requirement]) -> tuple[Input, ...]:
    """The inputs, each with the requirements that concern it and that it does not have yet.

    Raises:
        ShapeError: a requirement that no array can change is not fulfilled.
    """
    found = list(inputs)
    for requirement in dict.fromkeys(requirements):
        if any(implies(known, requirement) for item in found for known in item.requirements):
            continue
        places = _places(requirement, found)
        if not places:
            raise ShapeError(f"{requirement.value} does not fit {requirement.axis}")
        for place in places:
            found[place] = replace(found[place], requirements=(*found[place].requirements, requirement))
    return tuple(found)


def refuse_new(inputs: Sequence[Input], requirements: Sequence[Requirement]) -> None:
    """Refuse subscripts that need more of given inputs than these fulfil.

    Raises:
        NotationError: there is such a subscript.
    """
    for requirement in requirements:
        if not any(implies(known, requirement) for item in inputs for known in item.requirements):
            raise NotationError(
                f"it is not known that this subscript of {requirement.axis} lies on the axis",
                expected=f"{requirement.low} <= {requirement.value} <= {requirement.high}",
            )


def implies(known: Requirement, wanted: Requirement) -> bool:
    """Whether one requirement includes another."""
    if known.value != wanted.value or known.shape != wanted.shape:
        return False
    return is_nonnegative(known.low - wanted.low) and is_nonnegative(wanted.high - known.high)


def _places(requirement: Requirement, inputs: Sequence[Input]) -> list[int]:
    """The inputs that carry a requirement: those whose entries it is about, or the first that has its lengths."""
    names = {ref.name for ref in requirement.value.atoms(Ref)}
    if names:
        return [n for n, item in enumerate(inputs) if item.name in names]
    expressions = (requirement.value, requirement.low, requirement.high)
    lengths = {length for expr in expressions for length in expr.atoms(Dim)}
    return [n for n, item in enumerate(inputs) if any(length.atoms(Dim) & lengths for length in item.shape)][:1]
