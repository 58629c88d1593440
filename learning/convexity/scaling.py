"""Laws that look at a scalar as a whole: perspectives, and squares that cancel.

A function that is homogeneous of degree one is the perspective of what it is at ``t = 1``, for any positive variable
``t``: it is convex jointly if that is.  A scalar whose gradient does not depend on the variables is affine.
Source: Boyd and Vandenberghe, Convex Optimization (2004), section 3.2.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from sympy import Expr, S

from chainrule.derive.domains import DOMAINS
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient
from chainrule.derive.normal.equality import prove_equal
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Input, Program, Ref, fresh_names

#: Definitions beyond which no gradient is taken and nothing is scaled.
MAX_DEFINITIONS = 25


def scalar_program(program: Program, expr: Expr) -> Program:
    """A program whose output is an expression over scalars."""
    name = next(fresh_names(program.by_name, "whole"))
    return program.with_definitions((*program.definitions, Definition(name, (), expr)), (name,)).pruned()


def is_affine_by_gradient(program: Program, variables: Sequence[str]) -> bool:
    """Whether the gradient of a scalar does not depend on the variables: squares cancel in it."""
    if len(program.definitions) > MAX_DEFINITIONS or not _is_polynomial(program, variables):
        return False
    try:
        slopes = gradient(Formula(program), list(variables)).result
    except ChainruleError:
        return False
    moving = (reached(slope.program, frozenset(variables)) for slope in slopes.values())
    return not any(active & set(slope.program.outputs) for active, slope in zip(moving, slopes.values(), strict=True))


def _is_polynomial(program: Program, variables: Sequence[str]) -> bool:
    """Whether what depends on the variables is made by sums and products alone."""
    active = reached(program, frozenset(variables))
    moving = [item for item in program.definitions if item.name in active]
    return all(item.reduce in ("", "sum") and _is_polynomial_in(item.body, active) for item in moving)


def _is_polynomial_in(body: Expr, active: set[str]) -> bool:
    refs = [ref for ref in body.atoms(Ref) if ref.name in active]
    return bool(body.is_polynomial(*refs))


def scales(program: Program, variables: Sequence[str]) -> Iterator[str]:
    """The positive scalars among the variables."""
    for name in variables:
        item = program.by_name[name]
        if isinstance(item, Input) and not item.shape and item.domain.name == "positive":
            yield name


@lru_cache(maxsize=256)
def at_one(program: Program, name: str) -> Program:
    """The program with 1 in place of a scalar."""
    return program.with_definitions(_replaced(program, {name: S.One}))


@lru_cache(maxsize=256)
def is_homogeneous(program: Program, variables: tuple[str, ...]) -> bool:
    """Whether a scalar is multiplied by any positive factor that all variables are multiplied by, proved."""
    if len(program.definitions) > MAX_DEFINITIONS:
        return False
    name = next(fresh_names(program.by_name, "factor"))
    factor = Input(name, (), DOMAINS["positive"])
    wide = replace(program, inputs=(*program.inputs, factor))
    output = program.output
    assert isinstance(output, Definition)
    times = next(fresh_names(wide.by_name, "times"))
    right = wide.with_definitions(
        (*wide.definitions, Definition(times, (), factor[()] * output[()])), (times,)
    )
    left = wide.with_definitions(_replaced(wide, dict.fromkeys(variables, factor[()])))
    try:
        return prove_equal(left, output.name, right, times) is not None
    except ChainruleError:
        return False


def _replaced(program: Program, factors: Mapping[str, Expr]) -> tuple[Definition, ...]:
    """The definitions with inputs multiplied by factors, or with 1 in place of a scalar."""
    found = []
    for item in program.definitions:
        refs = [ref for ref in item.refs if ref.name in factors]
        swaps = {ref: S.One if factors[ref.name] == 1 else factors[ref.name] * ref for ref in refs}
        found.append(item.with_body(item.body.xreplace(swaps)))
    return tuple(found)
