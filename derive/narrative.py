"""From steps to a page: which quantity is shown, in which notation, with which reason."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from chainrule.derive.index_form import index_latex, index_text
from chainrule.derive.matrix_form import matrix_form
from chainrule.derive.notation.syntax import Name
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.latex_node import node_latex
from chainrule.derive.render.page import Line, Section, Shown
from chainrule.derive.rules import BY_ID
from chainrule.derive.steps import Partial, Step


#: Rules whose steps are about a derivative under its symbol, not under a name of its own.
SYMBOLIC = frozenset({"chain-expansion", "local-derivative"})


def shown(program: Program, name: str) -> Shown:
    """A definition's right-hand side in matrix notation where it has one, else in index notation."""
    node = matrix_form(program, name)
    if node is None:
        return indexed(program, name)
    return Shown(unparse(node), node_latex(node))


def indexed(program: Program, name: str) -> Shown:
    """A definition's right-hand side in index notation."""
    return Shown(index_text(program, name), index_latex(program, name))


def named(name: str) -> Shown:
    """A quantity's name."""
    return Shown(name, node_latex(Name(name)))


def partial(output: str, variable: str) -> Shown:
    """The derivative of one quantity by another, as a symbol."""
    above, below = node_latex(Name(output)), node_latex(Name(variable))
    return Shown(f"d{output}/d{variable}", rf"\frac{{\partial {above}}}{{\partial {below}}}")


def shape_text(shape: Iterable[object]) -> str:
    """A shape as it is written in Python."""
    lengths = [str(length) for length in shape]
    return f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"


def given(inputs: Iterable[Input]) -> Section:
    """The declarations."""
    lines = []
    for item in inputs:
        axes = f"[{', '.join(str(length) for length in item.shape)}]" if item.shape else ""
        shape = r" \times ".join(str(length) for length in item.shape) or "1"
        latex = rf"{node_latex(Name(item.name))} \in \text{{{item.domain.name}}}^{{{shape}}}"
        lines.append(Line(Shown(f"{item.name}: {item.domain.name}{axes}", latex)))
    return Section("Given", tuple(lines))


def forward(program: Program, steps: Iterable[Step]) -> Section:
    """The definitions of the formula."""
    lines = []
    for step in steps:
        shape = step.after.shape
        aside = Shown(f"shape {shape_text(shape)}", rf"\text{{shape }} {shape_text(shape)}") if shape else None
        lines.append(Line(shown(program, step.where), (named(step.where),), aside=aside))
    return Section("Definitions", tuple(lines))


def backward(context: Program, steps: Iterable[Step]) -> Section:
    """The adjoints, each from the chain rule to its textbook form."""
    lines: list[Line] = []
    for where, group in groupby(steps, key=lambda step: step.where):
        lines += _one_quantity(context, where, list(group))
    return Section("Chain rule, from the output back", tuple(lines))


def _one_quantity(context: Program, where: str, steps: list[Step]) -> Iterator[Line]:
    before = steps[0].before.body
    last = ""
    if isinstance(before, Partial):
        symbol = partial(before.output.name, before.variable.name)
        known = steps[0].rule not in SYMBOLIC and where in context.by_name
        left = (named(where), symbol) if known else (symbol,)
    elif before.has(Partial):
        left = (_of_step(context, steps[0].before),)
    else:
        start = _of_step(context, steps[0].before)
        yield Line(start, (named(where),), "One of the sums.")
        left, last = (), start.text
    for step in steps:
        right = _of_step(context, step.after)
        if right.text != last:
            yield Line(right, left, BY_ID[step.rule].sentence)
            left, last = (), right.text


def _of_step(context: Program, definition: Definition) -> Shown:
    """A definition as it stood at some step, other quantities by their names."""
    if definition.body.has(Partial):
        factors = sorted(definition.body.atoms(Partial), key=lambda part: order(context, part.output.name), reverse=True)
        symbols = [partial(factor.output.name, factor.variable.name) for factor in factors]
        return Shown(" * ".join(s.text for s in symbols), r" \cdot ".join(s.latex for s in symbols))
    earlier = []
    for known in context.definitions:
        if known.name == definition.name:
            break
        earlier.append(known)
    program = Program(context.inputs, (*earlier, replace(definition, origin="adjoint")), (definition.name,))
    return shown(program, definition.name)


def order(program: Program, name: str) -> int:
    """The position of a quantity in its program."""
    return list(program.by_name).index(name)


def result(program: Program, output: str, variable: str, name: str) -> Section:
    """The derivative, in matrix and in index notation, with its shape."""
    definition = program.by_name[name]
    matrix, index = shown(program, name), indexed(program, name)
    lines = [Line(matrix, (partial(output, variable),))]
    if index.text != matrix.text and definition.shape:
        lines.append(Line(index, (_entry(output, variable, definition),)))
    shape = shape_text(definition.shape)
    lines += [Line(shown(program, part.name), (named(part.name),), "")
              for part in program.pruned([name]).definitions
              if part.origin != "auto" and part.name != name]  # fmt: skip
    title = f"Result, of shape {shape}" if definition.shape else "Result"
    return Section(title, tuple(lines))


def _entry(output: str, variable: str, definition: Definition | Input) -> Shown:
    whole = partial(output, variable)
    letters = ",".join("ijklmpqr"[: len(definition.shape)])
    return Shown(f"({whole.text})[{letters}]", rf"\left({whole.latex}\right)_{{{letters}}}")
