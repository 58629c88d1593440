"""Models as texts: ``w: real[d] ~ normal(0, 1); y: binary[n] ~ bernoulli(sigmoid(X @ w))`` and other statements.

A variable with ``~`` has independent entries, each from a distribution of the table of one number, whose parameters are
formulas of what stands before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Expr

from chainrule.derive.errors import InputError, ShapeError, UnknownNameError, near_names
from chainrule.derive.formula import formula
from chainrule.derive.program import Definition, Input, Program, Ref, bound_indices, free_indices
from chainrule.learning.probability.model import Model, model
from chainrule.learning.probability.references import heads

DRAWN = re.compile(
    r"\s*(?P<name>\w+)\s*:\s*(?P<domain>[^~]+?)\s*~\s*(?P<law>\w+)\s*\((?P<arguments>.*)\)\s*", re.DOTALL
)
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?|[+-]?\d+/\d+")
EXPECTED = "name: domain[shape] ~ distribution(parameters), as in w: real[d] ~ normal(0, 1)"
#: The value of the program that definitions are read in; it is not used.
UNUSED = "unused_value"


@dataclass(frozen=True)
class Drawn:
    """A variable with a distribution.

    Attributes:
        name: the variable.
        law: the distribution of each of its entries.
        arguments: parameters of the law: numbers, or names of inputs and definitions.
    """

    name: str
    law: Model
    arguments: Mapping[str, Expr | str]


@dataclass(frozen=True)
class Joint:
    """A model that was read.

    Attributes:
        program: inputs and definitions.
        drawn: the variables with distributions, in order.
    """

    program: Program
    drawn: tuple[Drawn, ...]

    def input(self, name: str) -> Input:
        """The declaration of a variable."""
        return next(item for item in self.program.inputs if item.name == name)


def read(text: str) -> Joint:
    """Reads a model.

    Raises:
        InputError: a statement with ``~`` is not understood, or there is none.
        UnknownNameError: there is no such distribution.
        NotationError: a formula cannot be read.
    """
    statements, drawn = list[str](), list[Drawn]()
    for statement in _split(text, ";\n"):
        if "~" not in statement:
            statements.append(statement)
            continue
        match = DRAWN.fullmatch(statement)
        if match is None:
            raise InputError("a variable with a distribution is not understood", expected=EXPECTED, found=statement)
        more, item = _drawn(match, {one.name for one in drawn})
        statements += more
        drawn.append(item)
    if not drawn:
        raise InputError("no variable has a distribution", expected=EXPECTED)
    program = formula(";\n".join([*statements, f"{UNUSED} = 0*{_anything(drawn)}", UNUSED])).program
    found = Joint(program, tuple(drawn))
    for item in drawn:
        _check(found, item)
    return found


def _anything(drawn: Sequence[Drawn]) -> str:
    return f"sum({drawn[0].name})"


def _split(text: str, ends: str) -> Iterator[str]:
    """Parts of a text between separators that stand in no brackets."""
    depth, part = 0, ""
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if sign in ends and depth == 0:
            if part.strip():
                yield part.strip()
            part = ""
        else:
            part += sign
    if part.strip():
        yield part.strip()


def _drawn(match: re.Match[str], before: set[str]) -> tuple[list[str], Drawn]:
    name, texts = match["name"], list(_split(match["arguments"], ","))
    if name in before:
        raise InputError(f"{name} has two distributions")
    law = model(match["law"], known=[])
    parameters = [item.name for item in law.density.inputs[1:]]
    if law.variable.shape or any(item.shape for item in law.density.inputs):
        raise InputError("entries have distributions of one number", expected="normal, gamma, ..", found=law.entry.name)
    if len(texts) != len(parameters):
        raise InputError(
            f"{law.entry.name} has {len(parameters)} parameters", expected=f"{law.entry.name}({', '.join(parameters)})",
            found=match["law"] + f"({match['arguments']})",
        )  # fmt: skip
    statements, arguments = [f"{name}: {match['domain']}"], dict[str, Expr | str]()
    for parameter, text in zip(parameters, texts, strict=True):
        if NUMBER.fullmatch(text):
            arguments[parameter] = sp.Rational(text)
        elif text.isidentifier():
            arguments[parameter] = text
        else:
            arguments[parameter] = f"{name}_{parameter}"
            statements.insert(-1, f"{name}_{parameter} = {text}")
    return statements, Drawn(name, law, arguments)


def _check(joint: Joint, item: Drawn) -> None:
    shape = joint.input(item.name).shape
    own = joint.input(item.name).domain
    if own.name != item.law.variable.domain.name:
        wanted = f"{item.law.variable.domain.name}, the values of {item.law.entry.name}"
        raise InputError(f"{item.name} is declared {own.name}", expected=wanted)
    for argument in item.arguments.values():
        if not isinstance(argument, str):
            continue
        if argument not in joint.program.by_name:
            raise UnknownNameError(f"there is no {argument!r}", near=near_names(argument, joint.program.by_name))
        other = joint.program.by_name[argument].shape
        if other != shape[len(shape) - len(other) :]:
            raise ShapeError(f"a parameter of {item.name} has another shape", expected=str(shape), found=str(other))


def entrywise(law: Model, body: Expr, program: Program, places: Mapping[str, Expr | str], rank: int) -> Expr:
    """An expression of the variable and parameters of a law at one entry of arrays, over free indices.

    Args:
        law: whose parameters the symbols in ``body`` are.
        body: the expression.
        program: what has the arrays.
        places: for every symbol a number or the name of an array, whose last axes are those of the variable.
        rank: the number of axes of the variable.
    """
    free = free_indices(rank)
    swap: dict[Expr, Expr] = {}
    for name, place in places.items():
        head = next(item.head for item in law.density.inputs if item.name == name)
        if isinstance(place, str):
            item = program.by_name[place]
            swap[head] = item[free[rank - len(item.shape) :]]
        else:
            swap[head] = place
    return body.xreplace(swap)


def log_density(law: Model) -> Expr:
    """The log-density of a law of one number, in symbols."""
    return written(law.density.program)


def written(program: Program) -> Expr:
    """A number as an expression of the program's inputs, in symbols."""
    output = program.output
    body = output.body if isinstance(output, Definition) else output[()]
    while inner := dict(_inner(program, body)):
        body = body.xreplace(inner)
    return heads(body)


def _inner(program: Program, body: Expr) -> Iterator[tuple[Ref, Expr]]:
    for ref in body.atoms(Ref):
        item = program.by_name[ref.name]
        if isinstance(item, Definition):
            yield ref, item.at(())


def total(name: str, body: Expr, shape: tuple[Expr, ...]) -> Definition:
    """The sum of an expression over all entries."""
    if not shape:
        return Definition(name, (), body, origin="named")
    bound = bound_indices(len(shape))
    return Definition(name, (), body.xreplace(dict(zip(free_indices(len(shape)), bound, strict=True))), "sum", shape,
                      origin="named")  # fmt: skip
