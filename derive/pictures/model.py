"""What stands on the nodes and edges of a graph, read off a formula and the steps of its derivation.

Which quantities there are, and which nameless parts are told inside their readers, is decided
where derivations are told, in ``narrative/model.py``; so are the local derivatives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from chainrule.derive.computed import computed
from chainrule.derive.derivation import Derivation
from chainrule.derive.formula import Formula
from chainrule.derive.links import links_between
from chainrule.derive.narrative.chain import SYMBOLIC
from chainrule.derive.narrative.model import by_name, inlined_parts, quantities
from chainrule.derive.narrative.reasons import local_derivatives, stated
from chainrule.derive.narrative.symbols import named, quantity, quotient
from chainrule.derive.numeric import evaluate
from chainrule.derive.pictures.record import Edge, Kind, Node, Numbers
from chainrule.derive.program import Definition, Program
from chainrule.derive.steps import Partial, Step


@dataclass(frozen=True)
class Model:
    """A formula with what is known of its derivatives.

    Attributes:
        formula: the formula.
        program: its definitions as the steps speak of them.
        definitions: one step for every definition of the formula.
        moves: the steps after them; none where nothing is differentiated.
        results: the derivatives that were asked for.
    """

    formula: Formula
    program: Program
    definitions: tuple[Step, ...]
    moves: tuple[Step, ...] = ()
    results: Mapping[str, Formula] | None = None

    @cached_property
    def hidden(self) -> Mapping[str, str]:
        """Parts that are shown inside their reader."""
        return inlined_parts(self.program, self.moves)

    @cached_property
    def context(self) -> Program:
        """The program with the names that are shown."""
        return by_name(self.program, (*self.definitions, *self.moves), self.hidden)

    @cached_property
    def adjoints(self) -> dict[str, str]:
        """The quantities that adjoints flow back to, with the adjoints' names, if they have any."""
        found: dict[str, str] = {}
        for step in self.moves:
            body = step.before.body
            if isinstance(body, Partial) and body.variable.name != self.formula.output.name:
                named = step.rule not in SYMBOLIC and body.variable.name not in (self.results or ())
                found.setdefault(body.variable.name, step.where if named else "")
        return found

    @cached_property
    def varied(self) -> frozenset[str]:
        """The variables and what depends on them; the derivatives by these flow back."""
        found = set(self.results or ())
        for step in self.definitions:
            if not found.isdisjoint(step.after.reads):
                found.add(step.where)
        return frozenset(found)

    def between(self, name: str, readers: Iterable[str]) -> tuple[str, ...]:
        """How the readers move with a quantity: what the derivation says of it, or else their local derivatives."""
        said = [text for reader in readers for text in self.local.get((name, reader), ())]
        if said or name not in self.varied:
            return tuple(said)
        links = [link for reader in readers for link in links_between(reader, name, self.context, self.hidden)]
        return tuple(shown.text for _, _, shown in stated(links, self.context))

    @cached_property
    def local(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """The local derivatives by variable and reader."""
        found: dict[tuple[str, str], dict[str, None]] = {}
        for step in self.moves:
            if isinstance(step.before.body, Partial):
                for variable, reader, shown in local_derivatives(step, self.context):
                    found.setdefault((variable, reader), {})[shown.text] = None
        return {key: tuple(texts) for key, texts in found.items()}


def unvaried(f: Formula) -> Model:
    """The model of a formula of which nothing is differentiated."""
    steps = (Step("definition", item.name, item, item) for item in f.program.definitions)
    return Model(f, f.program, tuple(steps))


def differentiated(d: Derivation) -> Model:
    """The model of a formula and its derivative."""
    definitions = tuple(step for step in d.steps if step.rule == "definition")
    moves = tuple(step for step in d.steps if step.rule != "definition")
    return Model(d.formula, d.context, definitions, moves, d.result)


def nodes(model: Model) -> Iterator[Node]:
    """The inputs, and the quantities in the order in which they are computed."""
    output, context = model.formula.output.name, model.context
    for given in model.formula.inputs:
        yield _backward(model, Node(given.name, "input", given.domain.name, tuple(map(str, given.shape))))
    told = [step for step in model.definitions if step.where not in model.hidden]
    for item, _, right in quantities(context, output, told, model.adjoints.keys()):
        kind: Kind = "output" if item.name == output else "quantity"
        label = quantity(context, item.name).text
        shape = tuple(map(str, item.shape))
        yield _backward(model, Node(item.name, kind, right.text, shape, label if label != item.name else ""))


def _backward(model: Model, node: Node) -> Node:
    """A node with its adjoint, if one flows back to it."""
    if node.name not in model.varied or node.name == model.formula.output.name:
        return node
    symbol = quotient(named(model.formula.output.name), quantity(model.context, node.name)).text
    result = (model.results or {}).get(node.name)
    derivative = result.matrix() if result else ""
    return replace(node, symbol=symbol, adjoint=model.adjoints.get(node.name, ""), derivative=derivative)


def edges(model: Model, shown: Iterable[Node]) -> Iterator[Edge]:
    """Who reads whom, by way of nameless parts that are not shown."""
    by_name = {node.name: node for node in shown}
    for node in by_name.values():
        for name, readers in _sources(model.context, node.name, by_name).items():
            yield Edge(name, node.name, by_name[name].shape, model.between(name, readers), name in model.varied)


def _sources(program: Program, name: str, shown: Mapping[str, Node]) -> dict[str, list[str]]:
    """What a quantity is made of, among what is shown, with the quantity and the nameless parts that read it."""
    readers: dict[str, dict[str, None]] = {}
    waiting = [name]
    while waiting:
        reader = waiting.pop()
        item = program.by_name[reader]
        for read in sorted(item.reads) if isinstance(item, Definition) else ():
            readers.setdefault(read, {})[name] = None
            readers[read][reader] = None
            if read not in shown:
                waiting.append(read)
    return {read: list(readers[read]) for read in program.by_name if read in readers and read in shown}


def with_numbers(model: Model, shown: Sequence[Node], values: Mapping[str, npt.NDArray[np.float64]]) -> list[Node]:
    """The nodes with the numbers of the quantities and of their adjoints at the given inputs."""
    output = model.formula.output.name
    names = [node.name for node in shown]
    parts = {step.where for step in model.definitions}
    forward = model.program.with_definitions(
        [item for item in model.program.definitions if item.name in parts], [output]
    )
    found = evaluate(computed(replace(forward, outputs=tuple(names))), values)
    slopes: dict[str, Numbers] = {}
    varied = [node.name for node in shown if node.symbol]
    if varied:
        program = computed(forward, "gradient", varied)
        results = evaluate(program, values)
        slopes = {name: _numbers(results[key]) for name, key in zip(varied, program.outputs[1:], strict=True)}
    return [replace(node, value=_numbers(found[node.name]), slope=slopes.get(node.name)) for node in shown]


def _numbers(array: npt.NDArray[np.float64]) -> Numbers:
    array = np.asarray(array, dtype=np.float64)
    if not array.size:
        return Numbers(float("nan"), 0.0, False)
    return Numbers(float(np.mean(array)), float(np.linalg.norm(array)), array.ndim == 0)
