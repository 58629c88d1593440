"""From steps to a page: which quantity is shown, in which notation, with which reason."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from chainrule.derive.forms.index_form import index_latex, index_letters, index_text
from chainrule.derive.forms.latex_names import latex_name
from chainrule.derive.forms.matrix_form import matrix_form
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
    return Shown(unparse(node), node_latex(node, program.ranks))


def indexed(program: Program, name: str) -> Shown:
    """A definition's right-hand side in index notation."""
    latex = index_latex(program, name, lambda part: node_latex(part, program.ranks))
    return Shown(index_text(program, name), latex)


def named(name: str) -> Shown:
    """A quantity's name."""
    return Shown(name, node_latex(Name(name)))


def partial(output: str, variable: str) -> Shown:
    """The derivative of one quantity by another, as a symbol."""
    above, below = node_latex(Name(output)), node_latex(Name(variable))
    return Shown(f"d{output}/d{variable}", rf"\frac{{\partial {above}}}{{\partial {below}}}")


def second_partial(output: str, first: str, second: str) -> Shown:
    """A second derivative, as a symbol."""
    names = [node_latex(Name(name)) for name in (output, first, second)]
    below = rf"\partial {names[1]}^2" if first == second else rf"\partial {names[1]} \partial {names[2]}"
    text = f"d2{output}/d{first}2" if first == second else f"d2{output}/d{first}d{second}"
    return Shown(text, rf"\frac{{\partial^2 {names[0]}}}{{{below}}}")


def product_with_directions(output: str, variable: str, wrt: Iterable[str]) -> Shown:
    """One part of the product of the Hessian with the directions, as a symbol."""
    terms = [(second_partial(output, variable, name), f"v_{name}") for name in wrt]
    text = " + ".join(f"{symbol.text} v_{direction[2:]}" for symbol, direction in terms)
    return Shown(text, " + ".join(f"{symbol.latex} {node_latex(Name(direction))}" for symbol, direction in terms))


def curvature_symbol(letter: str, first: str, second: str) -> Shown:
    """The block of a curvature matrix for two variables: ``G_w``, ``G_{w,b}``."""
    names = [first] if first == second else [first, second]
    below = ", ".join(node_latex(Name(name)) for name in names)
    return Shown(f"{letter}_{{{','.join(names)}}}" if len(names) > 1 else f"{letter}_{first}", f"{letter}_{{{below}}}")


def shape_text(shape: Iterable[object]) -> str:
    """A shape as it is written in Python."""
    lengths = [str(length) for length in shape]
    return f"({lengths[0]},)" if len(lengths) == 1 else f"({', '.join(lengths)})"


def inlined_parts(context: Program, moves: Sequence[Step]) -> dict[str, str]:
    """Nameless sums that are read once, by a pointwise definition, and have no adjoint of their own.

    They are shown as part of their reader, to which they map: ``X @ w`` in ``z = X @ w + b``.
    """
    varied = {step.before.body.variable.name for step in moves if isinstance(step.before.body, Partial)}
    readers: dict[str, list[Definition]] = {}
    for definition in context.definitions:
        for ref in definition.refs:
            readers.setdefault(ref.name, []).append(definition)
    hidden = {}
    for item in context.definitions:
        reading = [reader for reader in readers.get(item.name, []) if reader.origin != "adjoint"]
        if item.origin == "auto" and item.reduce == "sum" and item.name not in varied and len(reading) == 1:
            (reader,) = reading
            if not reader.reduce:
                hidden[item.name] = reader.name
    return hidden


def by_name(context: Program, steps: Sequence[Step], hidden: Mapping[str, str]) -> Program:
    """The context with everything that has a step of its own shown by name."""
    own = {step.where for step in steps} - set(hidden)
    definitions = (
        replace(item, origin="adjoint") if item.name in own and item.origin == "auto" else item
        for item in context.definitions
    )
    return context.with_definitions(definitions)


def given(inputs: Iterable[Input], functions: Iterable[str]) -> Section:
    """The declarations; inputs whose shape was inferred in one way stand together."""
    groups: dict[tuple[object, ...], list[Input]] = {}
    for item in inputs:
        key = (item.inferred, item.domain, item.shape) if item.inferred else (item.name,)
        groups.setdefault(key, []).append(item)
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
    values = first.domain.latex or rf"\mathrm{{{first.domain.name}}}"
    names = ", ".join(node_latex(Name(item.name)) for item in items)
    latex = rf"{names} \in {values}" + (f"^{{{shape}}}" if shape else "")
    if first.inferred:
        text += f" (inferred {first.inferred})"
        latex += rf" \quad \text{{(inferred {first.inferred})}}"
    return Line(Shown(text, latex))


def forward(program: Program, steps: Iterable[Step]) -> Section:
    """The definitions of the formula."""
    lines = []
    for step in steps:
        note = f"Shape {shape_text(step.after.shape)}." if step.after.shape else ""
        note = " ".join(filter(None, [note, _softmax_note(program, step.after)]))
        lines.append(Line(shown(program, step.where), (_left(named(step.where), program, step.where),), note))
    return Section("Definitions", tuple(lines))


def _softmax_note(program: Program, definition: Definition) -> str:
    """What a softmax has to do with the logsumexp that is defined beside it."""
    beside = [
        source.name
        for ref in definition.refs
        if isinstance(source := program.by_name[ref.name], Definition)
        and source.reduce == "logsumexp"
        and source.origin != "auto"
    ]
    if not beside or "softmax" not in shown(program, definition.name).text:
        return ""
    return f"softmax(a) = exp(a - {beside[0]}), with {beside[0]} = logsumexp(a)."


def backward(context: Program, steps: Iterable[Step], hidden: Mapping[str, str]) -> Section:
    """The adjoints, each from the chain rule to its textbook form.

    The sums that an adjoint was split into are shown inside it, so a step about one of them is
    shown as a step about the adjoint.
    """
    steps = list(steps)
    owners = _owners(steps)
    steps = [_seen(step, {**hidden, **owners}) for step in steps]
    state = {name: item for name, item in context.by_name.items() if isinstance(item, Definition)}
    state |= {step.where: replace(step.before, origin="auto") for step in reversed(steps) if step.where in owners}
    mentioned = frozenset().union(*(step.before.reads | step.after.reads for step in steps))
    lines: list[Line] = []
    for where, group in itertools.groupby(steps, key=lambda step: str(owners.get(step.where, step.where))):
        lines += _one_quantity(context, list(group), state, where in mentioned)
    return Section("Chain rule, from the output back", tuple(lines))


def _owners(steps: Sequence[Step]) -> dict[str, str]:
    """The adjoint that each split-off sum is a part of."""
    whole = [step for step in steps if step.before.body.has(Partial)]
    own = {step.where for step in whole}
    parts = {step.where for step in steps if step.rule != "definition"} - own
    return {name: step.where for step in whole for name in step.after.reads & parts}


def _one_quantity(
    context: Program, steps: list[Step], state: dict[str, Definition], mentioned: bool
) -> Iterator[Line]:
    """The lines about one quantity; its name is given if others mention it."""
    before, where, last = steps[0].before.body, steps[0].where, ""
    left: tuple[Shown, ...] = ()
    if isinstance(before, Partial):
        symbol = partial(before.output.name, before.variable.name)
        left = (named(where), symbol) if mentioned and steps[0].rule not in SYMBOLIC else (symbol,)
    elif steps[0].before == steps[0].after:
        left = (named(where),)
    elif before.has(Partial):
        left = (_of_step(context, steps[0].before, state),)
    whole = steps[0].after
    for step in steps:
        if step.where == where:
            whole = step.after
        else:
            state[step.where] = replace(step.after, origin="auto")
        right = _of_step(context, whole, state)
        if right.text != last:
            yield Line(right, left, sentence(step))
            left, last = (), right.text


def _seen(step: Step, hidden: Mapping[str, str]) -> Step:
    """The step with the readers of inlined parts in their place."""
    bindings = dict.fromkeys((name, hidden.get(value, value)) for name, value in step.bindings)
    # A part of the quantity itself is not put into it.
    others = tuple(binding for binding in bindings if binding != ("name", hidden.get(step.where, step.where)))
    return replace(step, bindings=others if "name" in dict(others) else tuple(bindings))


def sentence(step: Step) -> str:
    """What a step does, in words."""
    rules = [step.rule, *(rule for name, rule in step.bindings if name == "also")]
    return " ".join(BY_ID[rule].say(step.bindings) for rule in rules)


def _of_step(context: Program, definition: Definition, state: Mapping[str, Definition]) -> Shown:
    """A definition as it stood at some step, other quantities by their names."""
    if definition.body.has(Partial):
        places = {name: position for position, name in enumerate(context.by_name)}
        factors = sorted(definition.body.atoms(Partial), key=lambda factor: -places[factor.output.name])
        symbols = [partial(factor.output.name, factor.variable.name) for factor in factors]
        return Shown(" * ".join(s.text for s in symbols), r" \cdot ".join(s.latex for s in symbols))
    earlier = itertools.takewhile(lambda known: known.name != definition.name, context.definitions)
    shown_state = (state[known.name] for known in earlier)
    program = Program(context.inputs, (*shown_state, replace(definition, origin="adjoint")), (definition.name,))
    return shown(program, definition.name)


def results(items: Iterable[tuple[Shown, Program, str]]) -> Section:
    """The derivatives in matrix and in index notation, then the quantities they refer to, once.

    Each item is a derivative's symbol, its program and its name in the program.
    """
    lines: list[Line] = []
    parts: dict[str, Line] = {}
    for symbol, program, name in items:
        definition = program.by_name[name]
        matrix, index = shown(program, name), indexed(program, name)
        shape = shape_text(definition.shape) if definition.shape else ""
        lines.append(Line(matrix, (_left(symbol, program, name),), f"Shape {shape}." if shape else ""))
        if index.text != matrix.text and definition.shape:
            lines.append(Line(index, (_entry(symbol, index_letters(program, name)),)))
        for part in program.pruned([name]).definitions:
            if part.origin != "auto" and part.name != name:
                left = _left(named(part.name), program, part.name)
                parts.setdefault(part.name, Line(shown(program, part.name), (left,)))
    return Section("Result", (*lines, *parts.values()))


def _left(whole: Shown, program: Program, name: str) -> Shown:
    """What stands left of :func:`shown`: an entry if only index notation can say it."""
    entries = program.by_name[name].shape and matrix_form(program, name) is None
    return _entry(whole, index_letters(program, name)) if entries else whole


def _entry(whole: Shown, letters: Iterable[str]) -> Shown:
    indices = ",".join(letters)
    if whole.text.isidentifier():
        return Shown(f"{whole.text}[{indices}]", rf"{{{whole.latex}}}_{{{indices}}}")
    return Shown(f"({whole.text})[{indices}]", rf"\left({whole.latex}\right)_{{{indices}}}")
