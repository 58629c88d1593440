"""Stand-ins for functions without a definition, so that claims about them can be compared at points.

What holds for every differentiable function holds for the stand-in; a difference at the stand-in
refutes a claim.
"""

from __future__ import annotations

import sympy as sp
from sympy import Expr, Rational, Symbol

from chainrule.derive.catalog.unspecified import Unspecified, function_names
from chainrule.derive.program import Definition, Program

_X = Symbol("x", real=True)


def unspecified_in(*programs: Program) -> tuple[str, ...]:
    """The functions without a definition in some programs."""
    return function_names(definition.body for program in programs for definition in program.definitions)


def stand_in(name: str) -> Expr:
    """A smooth positive function of x, another one for each name."""
    number = sum(map(ord, name)) % 7
    return sp.exp(sp.sin(Rational(4 + number, 5) * _X + Rational(number, 3)))


def instance(program: Program) -> Program:
    """The program with a stand-in for every function without a definition."""
    if not unspecified_in(program):
        return program
    return program.with_definitions(map(definition_instance, program.definitions))


def definition_instance(definition: Definition) -> Definition:
    """A definition with a stand-in for every function without a definition."""
    return definition.with_body(definition.body.replace(lambda part: isinstance(part, Unspecified), _value))


def _value(application: Expr) -> Expr:
    body = stand_in(application.symbol)
    return body.diff(_X, application.order).xreplace({_X: application.args[0]})
