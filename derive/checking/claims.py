"""Claims made ready for comparison: programs and NumPy functions as functions of a point."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Expr

from chainrule.derive.checking.kinks import Switches, switches
from chainrule.derive.checking.sampling import shape_at, to_mp
from chainrule.derive.errors import InputError, near_names
from chainrule.derive.numeric import MPMATH, evaluate
from chainrule.derive.program import Dim, Program

Array = npt.NDArray[Any]

#: Digits that a NumPy function must agree to, and below which it is wrong: it works in doubles.
FUNCTION_DIGITS = (8.0, 5.0)


class ClaimFailure(Exception):
    """A claimed function fails, or returns the wrong shape, at some sizes."""


@dataclass(frozen=True)
class Claimed:
    """A claim ready for comparison; ``program`` is ``None`` for a function."""

    evaluate: Callable[[Mapping[str, Array], Mapping[Dim, int]], Array]
    program: Program | None
    switches: tuple[Switches, ...]
    tolerant: tuple[float, float] = (30.0, 25.0)


def claimed_program(program: Program) -> Claimed:
    """A claim that is a program: computed in as many digits as are asked for."""
    name = program.outputs[0]
    return Claimed(lambda point, _: evaluate(program, point, MPMATH)[name], program, (switches(program),))


def claimed_function(function: Callable[..., Any], program: Program, shape: tuple[Expr, ...]) -> Claimed:
    """A claim that is a function of NumPy arrays, computed in doubles on copies of the inputs.

    Raises:
        InputError: the function asks for something that is neither an input nor a dimension.
    """
    names = _parameters(function, program)

    def value(point: Mapping[str, Array], sizes: Mapping[Dim, int]) -> Array:
        known: dict[str, Any] = {d.name: size for d, size in sizes.items()}
        known |= {name: np.array(array, dtype=np.float64)[()] for name, array in point.items()}
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(function(**{name: known[name] for name in names}), dtype=np.float64)
        except Exception as error:
            raise ClaimFailure(f"the claim fails at {sizes_text(sizes)}: {error}") from error
        if result.shape != shape_at(shape, sizes):
            raise ClaimFailure(
                f"the claim returns shape {result.shape} at {sizes_text(sizes)}, "
                f"the derivative has shape {shape_text(shape)} = {shape_at(shape, sizes)}"
            )
        return to_mp(result)

    return Claimed(value, None, (), FUNCTION_DIGITS)


def _parameters(function: Callable[..., Any], program: Program) -> list[str]:
    """The names of inputs (and dimensions) that a claimed function takes."""
    known = [item.name for item in program.inputs] + [d.name for d in program.dims]
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise InputError("the claimed function has no readable signature", hint="wrap it in a lambda") from None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return known[: len(program.inputs)]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    strange = [p.name for p in parameters if p not in named or (p.name not in known and p.default is p.empty)]
    if strange:
        raise InputError(
            f"the claimed function asks for {', '.join(strange)}",
            expected="parameters named like inputs or dimensions: " + ", ".join(known),
            found=", ".join(p.name for p in parameters),
            near=near_names(strange[0], known),
        )
    return [p.name for p in named if p.name in known]


def sizes_text(sizes: Mapping[Dim, int]) -> str:
    """The sizes of the dimensions in words."""
    return ", ".join(f"{d.name} = {size}" for d, size in sizes.items()) or "any size"


def shape_text(shape: tuple[Expr, ...]) -> str:
    """A symbolic shape as Python writes a tuple."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
