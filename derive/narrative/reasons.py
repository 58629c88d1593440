"""Why a line holds: the rule, the local derivatives that it uses, and these worked out move by move."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Abs, Dummy, Expr, Function

from chainrule.derive.kinks import derivative
from chainrule.derive.links import as_matrix, is_component
from chainrule.derive.narrative.matrix_laws import matrix_laws
from chainrule.derive.narrative.symbols import entry, entry_partial, is_told_by_cases, named, quantity
from chainrule.derive.program import Input, Program, fresh_names
from chainrule.derive.render.page import Line, Note, Shown
from chainrule.derive.rules import BY_ID
from chainrule.derive.scalar import where
from chainrule.derive.scalar_moves import pending
from chainrule.derive.steps import Checked, Partial, Slope, Step

#: Bindings whose values are names of quantities.
QUANTITIES = frozenset({"name", "through", "softmax", "above", "below"})
#: The derivative of a function as an equation, and what its inner function is.
_Law = tuple[Shown] | tuple[Shown, str, Shown]


def sentence(step: Step) -> str:
    """What a step does, in words."""
    return " ".join(BY_ID[rule].say(step.bindings) for rule in _rules(step))


def _rules(step: Step) -> list[str]:
    return [step.rule, *(rule for name, rule in step.bindings if name == "also")]


def _said(rules: Iterable[str], bindings: Iterable[tuple[str, str]]) -> Note:
    """The sentences of rules, the names of quantities as they are shown."""
    values: dict[str, list[str]] = {}
    for key, value in bindings:
        values.setdefault(key, []).append(value)
    note: list[str | Shown] = []
    for text, key in re.findall(r"([^{]*)(?:\{(\w+)\})?", " ".join(BY_ID[rule].sentence for rule in rules)):
        note.append(text)
        for place, value in enumerate(values.get(key, ())):
            shown = named(value) if key in QUANTITIES and value.isidentifier() else value
            note += [", ", shown] if place else [shown]
    return tuple(part for part in note if part)


def reason(step: Step, context: Program, adjoints: Mapping[str, str]) -> Note:
    """The rule of a step; for the chain rule, the derivatives of the links instead.

    ``adjoints`` are the names that the adjoints of quantities go by.
    """
    links, laws = _links(step), dict(matrix_laws(step, context, adjoints))
    if not links and not laws:
        return _said(_rules(step), step.bindings)
    if is_direct(step) and not laws:
        rule = "term-by-term" if step.rule == "sum-rule" else "differentiate"
        return _said([rule], (("through", _reader(links[0])),))
    note: list[str | Shown] = []
    last = ""
    for link in _shown(links, context):
        reader = _reader(link)
        begins = [", and "] if reader == last else [", through ", named(reader), ": "]
        note += [*begins, _stated(link, links, context)]
        last = reader
    for name, law in laws.items():
        note += [", through ", quantity(context, name), ": ", *law]
    first = str(note[0]).removeprefix(", ")
    return (first[:1].upper() + first[1:], *note[1:], ".")


def _shown(links: Sequence[Step], context: Program) -> Iterator[Step]:
    """The links, the components of one derivative together as a matrix if it can be written out."""
    for _, group in itertools.groupby(links, lambda link: link.where):
        own = list(group)
        matrix = as_matrix(own, context)
        yield from own if matrix is None or not is_told_by_cases(matrix.after) else [matrix]


def _stated(link: Step, links: Sequence[Step], context: Program) -> Shown:
    """A local derivative as an equation; of one of several terms that read the same array only that term's."""
    symbol = link_symbol(link, context)
    if link.substeps and not is_component(link) and [_reader(other) for other in links].count(_reader(link)) > 1:
        symbol = entry(context, link.substeps[0].before)
    return _equation(symbol, entry(context, link.after))


def is_direct(step: Step) -> bool:
    """Whether a quantity is differentiated by something that it reads itself, with nothing in between."""
    body = step.before.body
    return isinstance(body, Partial) and {_reader(link) for link in _links(step)} == {body.output.name}


def worked_out(step: Step, context: Program, checked: Checked) -> Iterator[Line]:
    """The local derivatives of a step that take more than one look, move by move."""
    for link in _links(step):
        if link.substeps:
            yield from moves(link, link_symbol(link, context), context, checked)
    if step.rule == "local-derivative" and step.substeps:
        assert isinstance(step.before.body, Partial)
        yield from moves(step, entry_partial(context, step.before, step.before.body), context, checked)


def moves(link: Step, symbol: Shown, context: Program, checked: Checked) -> Iterator[Line]:
    """A local derivative move by move."""
    left: tuple[Shown, ...] = (symbol,)
    last = ""
    for move in link.substeps:
        right = entry(context, move.after)
        if right.text != last:
            yield Line(right, left, (*about(move, context), *mark(move, checked)))
        left, last = (), right.text


def mark(step: Step, checked: Checked) -> Note:
    """What is known of a step, in brackets."""
    return (f" [{checked[step]}]",) if step in checked else ()


def local_derivatives(step: Step, context: Program) -> Iterator[tuple[str, str, Shown]]:
    """The local derivatives of a step: the variable, its reader, and the equation ``dz[i]/dw[j] = X[i,j]``.

    A function of a matrix has instead what it does with its adjoint.
    """
    yield from stated([step] if step.rule == "local-derivative" else _links(step), context)
    if isinstance(step.before.body, Partial):
        for name, law in matrix_laws(step, context, {}):
            yield step.before.body.variable.name, name, _first(law)


def _first(note: Note) -> Shown:
    """The first formula of a note."""
    return next(part for part in note if isinstance(part, Shown))


def stated(links: Sequence[Step], context: Program) -> Iterator[tuple[str, str, Shown]]:
    """Local derivatives that belong together, each with the variable and its reader."""
    for link in links:
        assert isinstance(link.before.body, Partial)
        yield link.before.body.variable.name, _reader(link), _stated(link, links, context)


def _links(step: Step) -> list[Step]:
    return [link for link in step.substeps if link.rule == "link"]


def _equation(left: Shown, right: Shown) -> Shown:
    return Shown(f"{left.text} = {right.text}", lambda: f"{left.latex} = {right.latex}")


def about(move: Step, context: Program) -> Note:
    """The rules of a move; for functions their derivatives, with the inner function where there is one."""
    laws: dict[str, _Law] = {}
    for slope in pending(move.before.body):
        functions = [arg for arg in slope.body.args if arg.has(slope.variable)]
        if isinstance(slope.body, Function | Abs) and not isinstance(slope.body, where) and len(functions) == 1:
            law = _law(slope, functions[0], move, context)
            # One law for all arguments; with an inner function, if there is one.
            laws[law[0].text] = max(law, laws.get(law[0].text, law), key=len)
    plain = [rule for rule in _rules(move) if not laws or rule not in ("table", "composite")]
    parts: list[Note] = [(BY_ID[rule].say(move.bindings).removesuffix("."),) for rule in plain]
    joined = [piece for part in (*parts, *laws.values()) for piece in ("; ", *part)]
    return (*joined[1:], ".")


def _law(slope: Slope, inner: Expr, move: Step, context: Program) -> _Law:
    """``d(tanh(u))/du = 1 - tanh(u)^2``, and what u is."""
    symbol = Input(next(fresh_names(context.by_name, "u")))
    u = symbol[()]
    outer = slope.body.func(*(u if arg == inner else arg for arg in slope.body.args))
    program = replace(context, inputs=(*context.inputs, symbol))
    plain = Dummy("u", real=True)
    value = derivative(outer.xreplace({u: plain}), plain, context.kinks).xreplace({plain: u})
    sides = [entry(program, move.before.with_body(side)) for side in (Slope(outer, u), value)]
    law = _equation(*sides)
    if inner == slope.variable:
        return (law,)
    return law, " with ", _equation(Shown(symbol.name, symbol.name), entry(context, move.before.with_body(inner)))


def _reader(link: Step) -> str:
    assert isinstance(link.before.body, Partial)
    return link.before.body.output.name


def link_symbol(link: Step, context: Program) -> Shown:
    """The left-hand side of a local derivative."""
    assert isinstance(link.before.body, Partial)
    return entry_partial(context, link.before, link.before.body, whole=is_told_by_cases(link.after))
