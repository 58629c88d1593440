"""Expressions over free indices as definitions of a program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sympy import Expr

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.forms.bound_terms import LogSoftmax, MatrixEntry, Over, indices_of
from chainrule.derive.formula import Formula
from chainrule.derive.program import (
    Definition,
    Index,
    Program,
    Reduction,
    Ref,
    bound_index,
    free_index,
    fresh_names,
)
from chainrule.derive.signs import sign_of


class Builder:
    """Adds definitions to those of a program; ``lengths`` are those of all free indices."""

    def __init__(self, program: Program, lengths: Mapping[Index, Expr]) -> None:
        self.inputs = list(program.inputs)
        self.definitions = {item.name: item for item in program.definitions}
        self.lengths = dict(lengths)
        self.made: dict[tuple[object, ...], Definition] = {}

    def names(self, stem: str) -> str:
        """A name that is not taken."""
        taken = {item.name for item in self.inputs} | set(self.definitions)
        return next(fresh_names(taken, stem))

    def define(self, name: str, expr: Expr, axes: Sequence[Expr], shape: Sequence[Expr]) -> Definition:
        """The definition of ``name`` at ``axes``, with what it needs before it."""
        places: dict[Expr, Expr] = {axis: free_index(n) for n, axis in enumerate(axes) if isinstance(axis, Index)}
        if isinstance(expr, Over) and all(isinstance(axis, Index) for axis in indices_of(expr)):
            made = self.reduction(expr, list(axes), tuple(shape))
        else:
            body = self.lowered(expr).xreplace(places)
            made = Definition("", tuple(shape), body, sign=sign_of(body))
        named = replace(made, name=name, origin="named")
        self.definitions[name] = named
        return named

    def lowered(self, expr: Expr) -> Expr:
        """The expression with a definition read in the place of every term that binds indices."""
        if not expr.args or isinstance(expr, Ref):
            return expr
        if isinstance(expr, LogSoftmax):
            return self.lowered(expr.expanded())
        if isinstance(expr, Over):
            free = sorted(indices_of(expr), key=str)
            made = self.reduction(expr, free, tuple(self.lengths[index] for index in free))
            return self.shared(made, "s")[tuple(free)]
        if isinstance(expr, MatrixEntry):
            return self.function(expr)
        args = [self.lowered(arg) for arg in expr.args]
        return expr if tuple(args) == expr.args else expr.func(*args)

    def reduction(self, over: Over, free: Sequence[Expr], shape: tuple[Expr, ...]) -> Definition:
        """A reduction as a definition without a name."""
        self.lengths |= over.limits
        body = self.lowered(over.body)
        places: dict[Expr, Expr] = {axis: free_index(n) for n, axis in enumerate(free) if isinstance(axis, Index)}
        places |= {index: bound_index(n) for n, index in enumerate(over.limits)}
        body = body.xreplace(places)
        kind: Reduction = over.kind  # type: ignore[assignment]
        return Definition("", shape, body, kind, tuple(over.limits.values()), sign_of(body, kind))

    def function(self, entry: MatrixEntry) -> Expr:
        """An entry of a function of a matrix."""
        self.lengths |= entry.limits
        body = self.lowered(entry.body)
        batch = sorted(indices_of(entry.body) - set(entry.limits), key=str)
        places: dict[Expr, Expr] = {index: free_index(n) for n, index in enumerate(batch)}
        places |= {index: bound_index(n) for n, index in enumerate(entry.limits)}
        bound = tuple(entry.limits.values())
        shape = (*(self.lengths[index] for index in batch), *MATRIX_FUNCTION_BY_NAME[entry.kind].shape(*bound))
        made = Definition("", shape, body.xreplace(places), entry.kind, bound)  # type: ignore[arg-type]
        at = [self.lowered(index) for index in entry.at]
        return self.shared(made, entry.kind)[(*batch, *at)]

    def shared(self, made: Definition, stem: str) -> Definition:
        """A definition under a name of its own, made only once."""
        content = (made.shape, made.body, made.reduce, made.bound)
        if content not in self.made:
            named = replace(made, name=self.names(stem))
            self.definitions[named.name] = named
            self.made[content] = named
        return self.made[content]

    def formula(self, name: str, unknowns: Iterable[str]) -> Formula:
        """The formula of one definition in terms of the inputs that are not ``unknowns``."""
        absent = set(unknowns)
        inputs = tuple(item for item in self.inputs if item.name not in absent)
        needed = _needed(name, self.definitions)
        definitions = (item for item in self.definitions.values() if item.name in needed)
        return Formula(Program(inputs, tuple(definitions), (name,)))


def _needed(name: str, definitions: Mapping[str, Definition]) -> set[str]:
    """The definitions that one of them depends on, itself included."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in definitions and current not in found:
            found.add(current)
            waiting += definitions[current].reads
    return found


def nameless(program: Program) -> Program:
    """The program with its adjoints as nameless parts."""
    definitions = (replace(item, origin="auto") if item.origin == "adjoint" else item for item in program.definitions)
    return program.with_definitions(definitions)
