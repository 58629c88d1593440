"""The results: in matrix and in index notation, with the quantities that they refer to."""

from __future__ import annotations

from collections.abc import Iterable

from chainrule.derive.forms.index_form import index_letters
from chainrule.derive.narrative.symbols import entry_of, equation, indexed, named, shape_text
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
        (left, matrix), index = equation(symbol, program, name), indexed(program, name)
        shape = shape_text(definition.shape) if definition.shape else ""
        lines.append(Line(matrix, (left,), (shape,) if shape else ()))
        if index.text != matrix.text and definition.shape:
            lines.append(Line(index, (entry_of(symbol, index_letters(program, name)),)))
        for part in program.pruned([name]).definitions:
            if part.origin != "auto" and part.name != name and part.name not in parts:
                left, right = equation(named(part.name), program, part.name)
                parts[part.name] = Line(right, (left,))
    return Section("Result", (*lines, *parts.values()))


