"""What a function of a whole matrix does with an adjoint, as mathematics: its law, and where that is found."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME, MatrixFunction
from chainrule.derive.forms.layout import binary, number, transposed
from chainrule.derive.narrative.symbols import named, node_shown, quantity, quotient
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.resolve import mapped
from chainrule.derive.notation.syntax import Binary, Call, Name, Node, Transpose
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.page import Note, Shown
from chainrule.derive.steps import Partial, Step

#: Length from which a source goes by its authors.
LONG_TITLE = 20


def matrix_laws(step: Step, context: Program, adjoints: Mapping[str, str]) -> Iterator[tuple[str, Note]]:
    """The law of each function of a matrix that a step passes through, with the name of its value.

    ``adjoints`` are the names that the adjoints of quantities go by.
    """
    for key, name in step.bindings:
        item = context.by_name.get(name)
        if key == "through" and isinstance(item, Definition) and item.reduce in MATRIX_FUNCTION_BY_NAME:
            place = _Place(item, MATRIX_FUNCTION_BY_NAME[item.reduce], context)
            yield name, (*_law(place, step, adjoints.get(name, "")), f" ({_cited(place.function.source)})")


@dataclass(frozen=True)
class _Place:
    """Where a law is used: the value of a function of a matrix."""

    value: Definition
    function: MatrixFunction
    context: Program

    @property
    def operand(self) -> str:
        """The name of the matrix."""
        return self.value.refs[0].name

    @property
    def symbol(self) -> Shown:
        """``d(inv(A))/dA``."""
        return quotient(quantity(self.context, self.value.name), named(self.operand))

    def put_in(self, law: str, **others: Node) -> Shown:
        """A law with the matrix and the value by what they are; a transpose that changes nothing is left out."""
        value = Name(self.value.name)
        written = Call(self.function.name, (Name(self.operand),)) if self.value.origin == "auto" else value
        matrix = self.context.by_name[self.operand]
        own = ("A", "B") if self.function.symmetric else ("A",)
        symmetric = own if isinstance(matrix, Input) and matrix.domain.symmetric else ()
        names = {"A": Name(self.operand), "B": written, **others}
        return node_shown(_replaced(parse_expression(law), names, symmetric), self.context)


def _law(place: _Place, step: Step, adjoint: str) -> Note:
    """``d(logdet(S))/dS = inv(S).T``; for a matrix ``G * d(inv(S))/dS = -inv(S).T @ G @ inv(S).T``."""
    function, symbol = place.function, place.symbol
    if not place.value.shape:
        return (_equation(symbol, place.put_in(function.adjoint, G=number(1))),)
    if function.of_trace and place.value.name in step.after.reads:
        return (_equation(_product(Shown("c*eye(n)", "c I"), symbol), place.put_in(function.of_trace)),)
    if function.differential:
        return (Shown(function.differential, function.law),)
    assert isinstance(step.before.body, Partial)
    known = named(adjoint or "G")
    *parts, last = function.adjoint.split("; ")
    note: Note = (_equation(_product(known, symbol), place.put_in(last, G=Name(known.text))),)
    for part in parts:
        name, _, text = part.partition(" = ")
        note = (*note, ", where ", _equation(named(name), place.put_in(text, G=Name(known.text))))
    output = named(step.before.body.output.name)
    meaning = _equation(known, quotient(output, quantity(place.context, place.value.name)))
    return note if adjoint else (*note, ", where ", meaning)


def _cited(source: str) -> str:
    """The first of several sources, a long title by its authors."""
    first = source.partition(";")[0]
    parts = re.fullmatch(r"(.*?)(?:, (.*?))? (\(\d+\))(.*)", first)
    if parts is None:
        return first
    authors, title, year, place = parts.groups("")
    return f"{title if title and len(title) < LONG_TITLE else authors} {year}{place}"


def _product(left: Shown, right: Shown) -> Shown:
    return Shown(f"{left.text} * {right.text}", lambda: rf"{left.latex} \cdot {right.latex}")


def _equation(left: Shown, right: Shown) -> Shown:
    return Shown(f"{left.text} = {right.text}", lambda: f"{left.latex} = {right.latex}")


def _replaced(node: Node, names: Mapping[str, Node], symmetric: Collection[str] = ()) -> Node:
    """A tree with other nodes for names, and without products by one."""
    match node:
        case Name(name) if name in names:
            return names[name]
        case Transpose(Name(name)) if name in symmetric:
            return names[name]
        case Transpose(Call("inv", (Name(name),))) if name in symmetric:
            return Call("inv", (names[name],))
        case Transpose(operand):
            return transposed(_replaced(operand, names, symmetric))
    changed = mapped(node, lambda part: _replaced(part, names, symmetric))
    return binary(changed.operator, changed.left, changed.right) if isinstance(changed, Binary) else changed
