"""What is claimed: the derivatives that a check compares with, and which claim is for which.

The derivatives are taken without use of declared equations, so that a proof names all that it uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainrule.derive.calculus import differentiate, hessian_program
from chainrule.derive.errors import InputError, UnknownNameError, near_names
from chainrule.derive.independent import with_independent_entries
from chainrule.derive.notation.left import spelled
from chainrule.derive.program import Program


@dataclass(frozen=True)
class Target:
    """A derivative that may be claimed.

    Attributes:
        wrt: the variables, one, or two for a second derivative by different ones.
        program: computes it, and the value of the formula as its first output.
        name: its name in the program.
        full: the derivative over all entries, if ``name`` is the one over independent entries.
        slope: the program and the name whose derivative it is, if not the formula's value.
    """

    wrt: tuple[str, ...]
    program: Program
    name: str
    full: str
    slope: tuple[Program, str] | None = None

    @property
    def moved(self) -> str:
        """The variable of the last axes."""
        return self.wrt[-1]


def exact_gradient(program: Program, wrt: tuple[str, ...]) -> Program:
    """The gradient program without use of declared equations."""
    return differentiate(program, wrt, exact=True).program


def gradient_targets(program: Program, wrt: tuple[str, ...], symmetric: bool = False) -> dict[str, Target]:
    """The gradient (or Jacobian) by each variable, over the independent entries of those declared symmetric."""
    if symmetric:
        return _over_independent_entries(program, wrt)
    gradient = exact_gradient(program, wrt)
    names = zip(wrt, gradient.outputs[1:], strict=True)
    return {variable: Target((variable,), gradient, name, name) for variable, name in names}


def _over_independent_entries(program: Program, wrt: tuple[str, ...]) -> dict[str, Target]:
    declared = [item.name for item in program.inputs if item.name in wrt and item.domain.symmetric]
    if not declared or program.output.shape:
        raise InputError(
            "symmetric=True is for gradients of scalars by variables that are declared symmetric",
            expected="a variable such as X: symmetric[n, n], or spd", found=", ".join(wrt),
        )  # fmt: skip
    over_all = differentiate(program, wrt, exact=True, labels={name: f"full_grad_{name}" for name in declared})
    found = with_independent_entries(over_all, declared)
    kept = found.program.with_definitions(found.context.definitions).pruned(
        [*found.program.outputs, *over_all.results.values()]
    )
    return {
        name: Target((name,), kept, found.results[name], over_all.results[name]) for name in wrt
    }


def hessian_targets(program: Program, wrt: tuple[str, ...]) -> dict[str, Target]:
    """The blocks of the Hessian, ``a`` for the one by a and a, ``a,b`` for the one by a and then b."""
    gradient, hessian = exact_gradient(program, wrt), hessian_program(program, wrt)
    blocks = iter(hessian.outputs[1 + len(wrt) :])
    targets: dict[str, Target] = {}
    for first, slope in zip(wrt, gradient.outputs[1:], strict=True):
        for second in wrt:
            block = next(blocks)
            both = (first,) if first == second else (first, second)
            targets[",".join(both)] = Target(both, hessian, block, block, (gradient, slope))
    return targets


# ---- which claim is for which ------------------------------------------------------------------


def checked_variables(program: Program, wrt: str | Sequence[str]) -> tuple[str, ...]:
    """The variables, if they are inputs, as the program spells them."""
    inputs = [item.name for item in program.inputs]
    names = tuple(_spelled(name, inputs) for name in ((wrt,) if isinstance(wrt, str) else wrt))
    for name in names:
        if name not in inputs:
            raise UnknownNameError(
                f"the formula has no input {name}", expected=", ".join(inputs), found=name,
                near=near_names(name, inputs),
            )  # fmt: skip
    if not names:
        raise InputError("no variable to differentiate by", expected=", ".join(inputs))
    return names


def assigned(targets: Iterable[str], names: tuple[str, ...], claim: Any) -> dict[str, Any]:
    """The claims by target; every variable has one, of the blocks of a Hessian those that are wanted."""
    if not isinstance(claim, Mapping):
        if len(names) > 1:
            raise InputError(
                "several variables need a claim for each", expected="a mapping " + str(dict.fromkeys(names, "..."))
            )
        claim = {names[0]: claim}
    claims = {_block(key, names): value for key, value in claim.items()}
    known, spoken_of = list(targets), {name for key in claims for name in key.split(",")}
    if any(key not in known for key in claims) or not spoken_of.issuperset(names):
        raise InputError(
            "claims and variables do not correspond", expected=", ".join(names), found=", ".join(map(str, claim)),
            hint=f"a block of the Hessian is named {known[1]!r}" if known[1:] and "," in known[1] else "",
        )  # fmt: skip
    return claims


def _block(key: Any, names: Sequence[str]) -> str:
    """The name of a target as users may write it: ``a, a`` is ``a``."""
    parts = [_spelled(part.strip(), names) for part in str(key).split(",")]
    return parts[0] if len(parts) == 2 and parts[0] == parts[1] else ",".join(parts)


def _spelled(name: str, known: Sequence[str]) -> str:
    return name if name in known else spelled(name)


def unclaimed(targets: Iterable[str], claims: Iterable[str]) -> list[str]:
    """The blocks that nobody claimed, not even transposed."""
    claimed = {frozenset(key.split(",")) for key in claims}
    return [key for key in targets if frozenset(key.split(",")) not in claimed]
