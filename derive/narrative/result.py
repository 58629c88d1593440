"""The results: in matrix and in index notation, with the quantities that they refer to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from chainrule.derive.forms.components import is_written_out
from chainrule.derive.forms.index_form import index_letters
from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.narrative.symbols import (
    entry_of,
    equation,
    indexed,
    is_told_by_cases,
    named,
    names_in,
    shape_text,
    sides,
)
from chainrule.derive.program import Program
from chainrule.derive.render.page import Line, Section, Shown

#: Characters of a result above which it is told with the names of the derivation.
LONG = 56
#: How much shorter the names have to make it.
SHORTER = 0.75

#: A derivative's symbol, its program and its name in the program.
Item = tuple[Shown, Program, str]


def results(items: Iterable[Item], told: Collection[str] = ()) -> Section:
    """The derivatives in matrix and in index notation, then the quantities they refer to, once.

    Where one is long, nameless quantities that the derivation has ``told`` of go by their names there.
    """
    lines: list[Line] = []
    parts: dict[str, Line] = {}
    for symbol, program, name in _with_names(list(items), told):
        definition = program.by_name[name]
        node = matrix_form(program, name)
        left, matrix = sides(symbol, node, program, name)
        shape = shape_text(definition.shape) if definition.shape else ""
        lines.append(Line(matrix, (left,), (shape,) if shape else ()))
        if definition.shape and not is_written_out(node) and not is_told_by_cases(definition):
            index = indexed(program, name)
            entry = entry_of(symbol, index_letters(program, name))
            lines += [Line(index, (entry,))] if index.text != matrix.text else []
        for part in program.pruned([name]).definitions:
            if part.origin != "auto" and part.name != name and part.name not in parts:
                left, right = equation(named(part.name), program, part.name)
                parts[part.name] = Line(right, (left,))
    return Section("Result", (*lines, *parts.values()))


def _with_names(items: Sequence[Item], told: Collection[str]) -> Sequence[Item]:
    """The items, long ones with the quantities named that make them much shorter."""
    if not told or all(_length(item) <= LONG for item in items):
        return items
    spoken = {word for _, program, name in items for word in names_in([_matrix(_named(program, told), name)])}
    named_items = [(symbol, _named(program, spoken & set(told)), name) for symbol, program, name in items]
    return named_items if sum(map(_length, named_items)) <= SHORTER * sum(map(_length, items)) else items


def _named(program: Program, names: Collection[str]) -> Program:
    """The program with these of its nameless quantities under their names."""
    return program.with_definitions(
        replace(item, origin="named") if item.origin == "auto" and item.name in names else item
        for item in program.definitions
    )


def _matrix(program: Program, name: str) -> Shown:
    return sides(Shown("", ""), matrix_form(program, name), program, name)[1]


def _length(item: Item) -> int:
    return len(_matrix(*item[1:]).text)
