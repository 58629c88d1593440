"""What is given, and the formula as a chain of named quantities."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.domains import REAL
from chainrule.derive.forms.latex_names import latex_name
from chainrule.derive.narrative.symbols import equation, named, names_in, shape_text
from chainrule.derive.notation.syntax import Name
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.latex_node import node_latex
from chainrule.derive.render.page import Line, Section, Shown
from chainrule.derive.steps import Partial, Step


def inlined_parts(context: Program, moves: Sequence[Step]) -> dict[str, str]:
    """Nameless sums that are read once, by a pointwise definition, and have no adjoint of their own.

    They are shown as part of their reader, to which they map: ``X @ w`` in ``z = X @ w + b``.  An adjoint
    has such parts only where it is differentiated again.
    """
    varied = {step.before.body.variable.name for step in moves if isinstance(step.before.body, Partial)}
    passed = {name for step in moves for key, name in step.bindings if key == "through"}
    readers: dict[str, list[Definition]] = {}
    for definition in context.definitions:
        for ref in definition.refs:
            readers.setdefault(ref.name, []).append(definition)
    hidden = {}
    for item in context.definitions:
        found = readers.get(item.name, [])
        reading = [reader for reader in found if reader.origin != "adjoint" or item.name in passed]
        if item.origin == "auto" and item.reduce == "sum" and item.name not in varied and len(reading) == 1:
            (reader,) = reading
            if not reader.reduce:
                hidden[item.name] = reader.name
    return hidden


def by_name(context: Program, steps: Sequence[Step], hidden: Mapping[str, str]) -> Program:
    """The context with everything that has a step of its own shown by name, functions of matrices excepted."""
    functions = {item.name for item in context.definitions if item.reduce in MATRIX_FUNCTION_BY_NAME}
    own = {step.where for step in steps} - {*hidden, *functions}
    definitions = (
        replace(item, origin="adjoint") if item.name in own and item.origin == "auto" else item
        for item in context.definitions
    )
    return context.with_definitions(definitions)


def given(inputs: Iterable[Input], functions: Iterable[str]) -> Section:
    """The declarations; inputs of one domain and shape stand together."""
    groups: dict[tuple[object, ...], list[Input]] = {}
    for item in inputs:
        groups.setdefault((item.inferred, item.domain, item.shape), []).append(item)
    lines = [*map(_declaration, groups.values()), *map(_function, functions)]
    return Section("Given", tuple(lines))


def _function(name: str) -> Line:
    """A function without a definition."""
    words = "any differentiable function, entry by entry"
    return Line(Shown(f"{name}: function ({words})", rf"{latex_name(name)} \quad \text{{({words})}}"))


def _declaration(items: Sequence[Input]) -> Line:
    """The declaration of inputs of one domain and shape, and how it is known if nobody wrote it."""
    first = items[0]
    axes = f"[{', '.join(str(length) for length in first.shape)}]" if first.shape else ""
    text = f"{', '.join(item.name for item in items)}: {first.domain.name}{axes}"
    shape = r" \times ".join(str(length) for length in first.shape)
    names = ", ".join(node_latex(Name(item.name)) for item in items)
    latex = rf"{names} \in {first.domain.latex or REAL.latex}" + (f"^{{{shape}}}" if shape else "")
    if not first.domain.latex:
        latex += rf" \text{{ ({first.domain.name})}}"
    if first.inferred:
        text += f" (inferred {first.inferred})"
        latex += rf" \quad \text{{(inferred {first.inferred})}}"
    return Line(Shown(text, latex))


def quantities(
    program: Program, output: str, steps: Sequence[Step], words: Collection[str]
) -> list[tuple[Definition, Shown, Shown]]:
    """The definitions of the formula with both sides of each; a nameless part only if what follows speaks of it.

    Args:
        program: what the steps speak of.
        output: the name of the formula's value.
        steps: one for every definition.
        words: the names that the rest of the page mentions.
    """
    found: list[tuple[Definition, Shown, Shown]] = []
    mentioned = set(words)
    for step in reversed(steps):
        if step.where != output and step.after.origin == "auto" and step.where not in mentioned:
            continue
        left, right = equation(named(step.where), program, step.where)
        mentioned |= names_in([right])
        found.append((step.after, left, right))
    return found[::-1]


def forward(program: Program, output: str, steps: Sequence[Step], words: Collection[str]) -> Section:
    """The definitions of the formula as lines; the arguments are those of :func:`quantities`."""
    shapes = ((item.shape, left, right) for item, left, right in quantities(program, output, steps, words))
    lines = (Line(right, (left,), (shape_text(shape),) if shape else ()) for shape, left, right in shapes)
    return Section("Definitions", tuple(lines))
