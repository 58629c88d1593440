"""The adjoints and tangents of functions of whole matrices, by the laws of ``catalog/linalg.py``.

A law is read once as a program of ``A``, ``B`` and ``G`` or ``D``; for a definition it is copied with these
names put in, entry by entry, the axes of the output and of a batch in front.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from sympy import Expr, KroneckerDelta, Symbol

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.program import (
    Definition,
    Input,
    Program,
    Ref,
    dim,
    free_index,
    fresh_names,
)
from chainrule.derive.rewriting import Context


def is_matrix_function(definition: Definition) -> bool:
    """Whether a definition takes a matrix as a whole."""
    return definition.reduce in MATRIX_FUNCTION_BY_NAME


def batch_axes(definition: Definition) -> int:
    """How many axes in front the function does not touch."""
    value = MATRIX_FUNCTION_BY_NAME[definition.reduce].shape(*definition.bound)
    return len(definition.shape) - len(value)


def with_operands(program: Program) -> Program:
    """The program in which every function of a matrix reads a matrix that is a quantity of its own.

    ``inv over (k0, k1) of A[k0,k1] + lam*delta(k0,k1)`` becomes ``inv over (k0, k1) of M[k0,k1]``
    with the definition of ``M`` in front.
    """
    names = fresh_names(set(program.by_name), "M")
    matrices: dict[tuple[object, ...], Definition] = {}
    definitions: list[Definition] = []
    for definition in program.definitions:
        if is_matrix_function(definition) and not _is_array(definition, program):
            matrix = _operand(definition)
            content = matrix.shape, matrix.body
            if content not in matrices:
                matrices[content] = replace(matrix, name=next(names))
                definitions.append(matrices[content])
            definition = definition.with_body(matrices[content][_operand_axes(definition)])
        definitions.append(definition)
    return program.with_definitions(definitions)


def _is_array(definition: Definition, program: Program) -> bool:
    """Whether the matrix is an array as it stands, and the whole of it."""
    operand, axes = definition.body, _operand_axes(definition)
    if not isinstance(operand, Ref) or operand.indices != axes:
        return False
    return program.by_name[operand.name].shape == tuple(definition.lengths[axis] for axis in axes)


def _operand_axes(definition: Definition) -> tuple[Expr, ...]:
    return (*definition.free[: batch_axes(definition)], *definition.bound_indices)


def _operand(definition: Definition) -> Definition:
    """The matrix that a function is taken of, without a name."""
    axes = _operand_axes(definition)
    renaming = {axis: free_index(place) for place, axis in enumerate(axes)}
    return Definition("", tuple(definition.lengths[axis] for axis in axes), definition.body.xreplace(renaming))


#: The laws of a function of a matrix: fields of its entry in the catalogue.
Law = Literal["adjoint", "of_trace", "tangent"]


@cache
def law(name: str, kind: Law = "adjoint") -> Program:
    """A law as a program of the inputs A and B, G (c for a multiple of the identity), and D."""
    entry = MATRIX_FUNCTION_BY_NAME[name]
    rows, columns = dim("n" if entry.square else "m"), dim("n")
    matrix, value = (rows, columns), entry.shape(rows, columns)
    inputs = (Input("A", matrix), Input("B", value), Input("G", value), Input("c"), Input("D", matrix))
    return parse_formula(getattr(entry, kind), scope=Program(inputs, (), ()))


@dataclass(frozen=True)
class Copied:
    """A law put in place: the parts that it needs, in order, and the sum that the operand receives."""

    parts: tuple[Definition, ...]
    body: Expr
    bound: tuple[Expr, ...]


def adjoint_law(quantity: Definition, adjoint: Definition, rank: int, context: Context) -> Copied:
    """What the operand of a function of a matrix receives, the output having ``rank`` axes."""
    multiple = _of_identity(adjoint, rank)
    of_trace = bool(MATRIX_FUNCTION_BY_NAME[quantity.reduce].of_trace) and multiple is not None
    return _Copy(quantity, adjoint, rank, context, multiple).run("of_trace" if of_trace else "adjoint")


def tangent_law(quantity: Definition, tangent: Definition | Input, context: Context) -> Copied:
    """The tangent of a function of a matrix, from the tangent of that matrix."""
    return _Copy(quantity, tangent, 0, context).run("tangent")


class _Copy:
    """One copy of a law; ``heads`` are the new names of its definitions.

    ``given`` is what the law maps: an adjoint with ``rank`` axes in front, which is ``multiple`` times
    the identity if that is a number, or a tangent.
    """

    def __init__(
        self, quantity: Definition, given: Definition | Input, rank: int, context: Context, multiple: Expr | None = None
    ) -> None:
        self.quantity, self.given, self.rank, self.context = quantity, given, rank, context
        self.batch = batch_axes(quantity)
        self.heads: dict[str, Definition] = {}
        self.varying = {"G", "c", "D"}
        self.multiple = multiple
        rows, columns = quantity.bound
        self.lengths: dict[Expr, Expr] = {dim("m"): rows, dim("n"): columns}

    def run(self, kind: Law) -> Copied:
        *inner, last = law(self.quantity.reduce, kind).definitions
        parts = tuple(self.parts(inner))
        _, body, bound = self.content(last)
        return Copied(parts, body, bound)

    def parts(self, inner: Sequence[Definition]) -> Iterator[Definition]:
        """The definitions of the law that are not among the known ones."""
        for definition in inner:
            if definition.reads & self.varying:
                self.varying.add(definition.name)
            shape, body, bound = self.content(definition)
            made = Definition("", shape, body, definition.reduce, bound, definition.sign)
            known = self.known(made)
            if known is None:
                function = MATRIX_FUNCTION_BY_NAME.get(definition.reduce)
                stem = function.stem if function else f"{self.quantity.name}_part"
                self.heads[definition.name] = self.context.split_off(made, stem)
                yield self.heads[definition.name]
            else:
                self.heads[definition.name] = known

    def known(self, made: Definition) -> Definition | None:
        """A definition with the same value that exists already."""
        content = (made.shape, made.body, made.reduce, made.bound)
        for item in self.context.known.values():
            if isinstance(item, Definition) and (item.shape, item.body, item.reduce, item.bound) == content:
                return item
        return None

    def leading(self, varying: bool) -> tuple[Expr, ...]:
        """The axes in front: those of the output, if the adjoint takes part, and of the batch."""
        seeds = self.rank if varying else 0
        return tuple(free_index(place) for place in range(seeds + self.batch))

    def content(self, definition: Definition) -> tuple[tuple[Expr, ...], Expr, tuple[Expr, ...]]:
        """Shape, body and bound of a definition of the law with everything put in."""
        varying = bool(definition.reads & self.varying)
        leading = self.leading(varying)
        batch = leading[len(leading) - self.batch :]
        shift = {index: free_index(len(leading) + place) for place, index in enumerate(definition.free)}
        entries = {ref: self.entry(ref, leading, batch, shift) for ref in definition.refs}
        body = _replaced(definition.body, entries, {**shift, **self.lengths})
        front = self.given.shape[: self.rank] if varying else ()
        shape = (*front, *self.quantity.shape[: self.batch], *map(self.length, definition.shape))
        return shape, body, tuple(map(self.length, definition.bound))

    def length(self, length: Expr) -> Expr:
        return length.xreplace(self.lengths)

    def entry(self, ref: Ref, leading: tuple[Expr, ...], batch: tuple[Expr, ...], shift: dict[Expr, Expr]) -> Expr:
        """The entry of what a name of the law stands for."""
        places = tuple(index.xreplace({**shift, **self.lengths}) for index in ref.indices)
        if ref.name in ("G", "D"):
            return _read(self.given, (*leading, *places))
        if ref.name == "c":
            assert self.multiple is not None
            return self.multiple
        if ref.name == "B":
            return self.quantity[(*batch, *places)]
        if ref.name == "A":
            operand = self.quantity.body
            return Ref(operand.args[0], *batch, *places)
        made = self.heads[ref.name]
        return made[(*(leading if ref.name in self.varying else batch), *places)]


def _of_identity(adjoint: Definition, rank: int) -> Expr | None:
    """The ``c`` of an adjoint that is ``c`` times the identity matrix, in the axes of the output."""
    if adjoint.reduce or len(adjoint.shape) < rank + 2:
        return None
    rows, columns = adjoint.free[-2:]
    multiple = adjoint.body / KroneckerDelta(rows, columns)
    return None if multiple.has(rows, columns, KroneckerDelta) else multiple


def _replaced(body: Expr, entries: dict[Expr, Expr], rest: dict[Expr, Expr]) -> Expr:
    """Both replacements at once: what entries are replaced by is left as it is."""
    marks = {ref: Symbol(f"entry {place}", real=True) for place, ref in enumerate(entries)}
    marked = body.xreplace(marks).xreplace(rest)
    return marked.xreplace({marks[ref]: value for ref, value in entries.items()})


def _read(definition: Definition | Input, places: tuple[Expr, ...]) -> Expr:
    """An entry; of another name for an entry or a number, that itself."""
    if isinstance(definition, Input) or definition.reduce:
        return definition[places]
    named = not (definition.body.is_number or isinstance(definition.body, Ref))
    return definition[places] if named else definition.at(places)
