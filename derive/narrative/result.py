"""The results: in matrix and in index notation, with the quantities that they refer to."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.derive.forms.components import is_written_out
from chainrule.derive.forms.index_form import index_letters
from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.narrative.symbols import entry_of, equation, indexed, is_told_by_cases, named, shape_text, sides
from chainrule.derive.program import Program
from chainrule.derive.render.page import Line, Section, Shown


def results(items: Iterable[tuple[Shown, Program, str]]) -> Section:
    """The derivatives in matrix and in index notation, then the quantities they refer to, once.

    Each item is a derivative's symbol, its program and its name in the program.
    """
    lines: list[Line] = []
    parts: dict[str, Line] = {}
    for symbol, program, name in items:
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


