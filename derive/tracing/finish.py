"""Steps to a program: values that a local variable held become named statements, as in text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeGuard

from chainrule.derive.errors import ChainruleError, NotationError, Span
from chainrule.derive.notation.attach import with_requirements
from chainrule.derive.notation.lower import Reader
from chainrule.derive.notation.operator_chains import CHAINED
from chainrule.derive.notation.parser import FUNCTIONS
from chainrule.derive.notation.read import target_name
from chainrule.derive.notation.syntax import Binary, Name, Node, Subscript, walk
from chainrule.derive.notation.tensors import Tensor, Workspace
from chainrule.derive.notation.tokens import tokenize
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.program import Program, fresh_names
from chainrule.derive.tracing.places import site
from chainrule.derive.tracing.record import STEP, Record, Variable
from chainrule.derive.tracing.ufuncs import substituted

#: Operators by which running sums and products are made.
ACCUMULATING = frozenset("+-*/")
#: Expression nodes up to which a nameless value is written out wherever it is read.
MAX_SHARED_SIZE = 30
#: Operations inside each other that the text of an operand shows at most.
QUOTED_DEPTH = 4
#: Names that the notation would not read back as the name of a value.
NO_NAMES = frozenset({*FUNCTIONS, "pi", "True", "False", "None", "inf", "nan", "oo"})


def program(record: Record, result: Node) -> Program:
    """The program of a record whose output is ``result``.

    What local variables held at the end stays in the program even where the output does not need
    it, so that a claim may refer to it.

    Raises:
        ChainruleError: a step cannot be read, or the program is too large.
    """
    needed = _needed(record, result)
    names = _names(record, needed)
    output = names.get(result.name, "") if isinstance(result, Name) else ""
    output = output or target_name({*record.inputs, *record.dims, *names.values()})
    reader = Reader(Workspace(), dict(record.inputs), record.dims, closed=True)
    finisher = _Finisher(record, reader, names)
    for name in needed:
        if name in names:
            finisher.statement(Name(name), names[name])
    if output not in names.values():
        finisher.statement(result, output)
    taken = {*reader.values, *record.dims, "pi"}
    inputs = with_requirements(tuple(record.inputs.values()), reader.work.requirements)
    return reader.work.finish(inputs, output, taken, names.values())


def _step_names(node: Node) -> Iterator[str]:
    return (part.name for part in walk(node) if isinstance(part, Name) and part.name.startswith(STEP))


def _needed(record: Record, result: Node) -> list[str]:
    """The steps that the result and the last values of variables need, in order."""
    wanted = {*_step_names(result), *record.held}
    for name in reversed(record.steps):
        if name in wanted:
            wanted.update(_step_names(record.steps[name].node))
    return [name for name in record.steps if name in wanted]


# ---- names ----------------------------------------------------------------------------------------


def _names(record: Record, needed: list[str]) -> dict[str, str]:
    """The formula's names of steps that variables held; those of further values are numbered."""
    readers = _readers(record, needed)
    held = {name: record.variables[name] for name in needed if name in record.variables}
    kept = {
        name: variable.name for name, variable in held.items()
        if _is_name(variable.name) and not _is_partial(record, name, readers, held)
    }  # fmt: skip
    given: dict[str, str] = {}
    taken = {*record.inputs, *record.dims, *NO_NAMES}
    for name, stem in kept.items():
        free = stem if stem not in taken else next(fresh_names({*taken, *kept.values()}, stem))
        if _is_name(free):
            given[name] = free
            taken.add(free)
    return given


def _readers(record: Record, needed: Iterable[str]) -> Mapping[str, list[str]]:
    """The steps that read each step, one entry for each time."""
    found: dict[str, list[str]] = {}
    for name in needed:
        for read in _step_names(record.steps[name].node):
            found.setdefault(read, []).append(name)
    return found


def _is_partial(
    record: Record, name: str, readers: Mapping[str, list[str]], held: Mapping[str, Variable]
) -> bool:
    """Whether a value is only a part of a running sum or product: ``s`` before ``s = s + x``."""
    variable = held[name]
    while len(readers.get(name, ())) == 1:
        (name,) = readers[name]
        node = record.steps[name].node
        if not isinstance(node, Binary) or node.operator not in ACCUMULATING:
            return False
        if name in held:
            return held[name] == variable
    return False


def _is_name(name: str) -> bool:
    """Whether the notation reads this as the name of a value."""
    if name.startswith("_") or name in NO_NAMES:
        return False
    try:
        tokens = tokenize(name)
    except NotationError:
        return False
    return len(tokens) == 2 and tokens[0].kind == "name" and tokens[0].text == name


# ---- statements -----------------------------------------------------------------------------------


class _Finisher:
    """Reads steps statement by statement.

    The steps of a statement that have no name are its parts; each is read once per statement,
    for naming a statement's value may rename what earlier parts referred to.
    """

    def __init__(self, record: Record, reader: Reader, names: Mapping[str, str]) -> None:
        self.record, self.reader, self.names = record, reader, names
        self.readers = _readers(record, record.steps)

    def statement(self, value: Node, name: str) -> None:
        """Adds the definition ``name = value``."""
        plain = self.record.steps[value.name].node if _is_step(value) else value
        root = self.expanded(plain)
        self.parts(plain, root)
        tensor = self.lowered(value.name, root) if _is_step(value) else self.reader.lower(root)
        self.reader.parts.clear()
        definition = self.reader.work.name(tensor, name)
        self.reader.values[name] = definition
        if isinstance(value, Name):
            self.reader.values[value.name] = definition

    def parts(self, plain: Node, root: Node) -> None:
        """Reads the nameless steps under a node, in the order in which they were done.

        A step that is only written out in another is read by itself as well, so that the
        definitions of its operands come in that order, too.
        """
        operands = self.under(root, self.expanded)
        for name in sorted(self.under(plain, lambda node: node), key=lambda step: int(step[len(STEP) :])):
            node = self.record.steps[name].node
            tensor = self.lowered(name, self.expanded(node) if name in operands else node)
            self.reader.parts[name] = self.shared(name, tensor)

    def shared(self, name: str, tensor: Tensor) -> Tensor:
        """The tensor, as a definition of its own if it is large and read more than once."""
        large = self.reader.work.measure(tensor.body)[1] > MAX_SHARED_SIZE
        return self.reader.work.own(tensor, "t") if large and len(self.readers.get(name, ())) > 1 else tensor

    def under(self, node: Node, written: Callable[[Node], Node]) -> set[str]:
        """The nameless steps under a node, each seen as it is written."""
        found: set[str] = set()
        waiting = list(self.open_names(node))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self.open_names(written(self.record.steps[name].node))
        return found

    def open_names(self, node: Node) -> Iterator[str]:
        """The nameless steps that a node reads."""
        return (name for name in _step_names(node) if name not in self.names)

    def expanded(self, node: Node) -> Node:
        """A chain of operators with its nameless left operands written out, so that it is read at once."""
        chain: list[Binary] = []
        while _is_chained(node):
            chain.append(node)
            left = node.left
            if not _is_step(left) or left.name in self.names or not _is_chained(self.record.steps[left.name].node):
                break
            node = self.record.steps[left.name].node
        if not chain:
            return node
        written = chain.pop()
        while chain:
            written = replace(chain.pop(), left=written)
        return written

    def lowered(self, name: str, node: Node) -> Tensor:
        """The tensor of a step; its errors get the place of the operation."""
        try:
            return self.reader.lower(self.quoted(node))
        except ChainruleError as error:
            place = site(self.record.steps[name].spot)
            if error.span is None and place is not None:
                error.span = place.span
            raise


    def quoted(self, node: Node) -> Node:
        """A subscript with the text of its operand, which is kept with what the subscript requires."""
        if not isinstance(node, Subscript):
            return node
        text = unparse(self.written(node.operand, QUOTED_DEPTH))
        shown = text if STEP not in text else "the operand"
        return replace(node, operand=replace(node.operand, span=Span(shown, 0, len(shown))))

    def written(self, node: Node, depth: int) -> Node:
        """A node with the formula's names of steps, and with nameless steps written out."""
        if not _is_step(node) or not depth:
            return node
        if node.name in self.names:
            return Name(self.names[node.name])
        made = self.record.steps[node.name].node
        return substituted(made, {name: self.written(Name(name), depth - 1) for name in _step_names(made)})


def _is_step(node: Node) -> TypeGuard[Name]:
    return isinstance(node, Name) and node.name.startswith(STEP)


def _is_chained(node: Node) -> TypeGuard[Binary]:
    return isinstance(node, Binary) and node.operator in CHAINED
