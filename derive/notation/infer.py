"""Shapes of names that nobody declared, told by how they are used.

A name with index letters as subscripts is an array with an axis for each; axes on which one letter
stands have one length.  A name that is alone under a reduction, as in ``sum(w^2)``, is a vector.
The operands of ``f(A @ B + c)`` are those of a dense layer.  Every other name is a scalar.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sympy import Expr, Integer

from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.left import Stated
from chainrule.derive.notation.lengths import length
from chainrule.derive.notation.letters import LEFT, Survey, Use, survey
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    IndexSum,
    Juxtaposed,
    Name,
    NewAxis,
    Node,
    Subscript,
    children,
    walk,
)
from chainrule.derive.notation.tensors import Shape
from chainrule.derive.program import Dim, Input, dim, is_unit

#: Names for lengths, in the order in which they are taken.
LENGTHS = ("n", "d", "k", "m", "p", "q", "r")
#: Names that count the terms where they divide a sum over an index: ``1/n Σ_i``.
COUNTS = frozenset({"n", "N", "m", "M"})
#: Names that do so wherever they divide it: ``Σ_i x_i / n``.
TERMS = frozenset({"n", "N"})


#: An axis of a name, ``("x", 0)``, or a letter of a statement with the sum that binds it.
Key = tuple[str, int] | tuple[int, int, str]
#: A known length (an expression), a subscript with first and last value of its letter, or the name of a length.
Fact = Any


@dataclass
class Lengths:
    """Axes and letters that have one length, joined by union-find, with what is known of each."""

    parent: dict[Key, Key] = field(default_factory=dict)
    facts: list[tuple[Key, Fact]] = field(default_factory=list)

    def root(self, key: Key) -> Key:
        """The representative of what has the same length."""
        while self.parent.setdefault(key, key) != key:
            key = self.parent[key]
        return key

    def join(self, a: Key, b: Key) -> None:
        """Both have one length."""
        self.parent[self.root(b)] = self.root(a)

    def known(self, key: Key) -> list[Fact]:
        """What is known of a length."""
        root = self.root(key)
        return [fact for other, fact in self.facts if self.root(other) == root]


@dataclass
class Inference:
    """Finds the shapes of undeclared names, statement by statement.

    Attributes:
        statements: all statements.
        shape: the shape of a declared name, or of one whose statement has been read.
        dims: the named lengths; new ones are added.
        words: every name in the text, so that new lengths get others.
        inferred: the inputs found so far.
    """

    statements: Sequence[Stated]
    shape: Callable[[str], Shape | None]
    dims: dict[str, Dim]
    words: set[str]
    inferred: dict[str, Input] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.given = {statement.name for statement in self.statements}

    def unknown(self, name: str) -> bool:
        """Whether nobody has said what a name is."""
        return (
            self.shape(name) is None and name not in self.given and name not in self.inferred
            and name not in self.dims and name not in NOT_VARIABLES
        )  # fmt: skip

    # ---- subscripts -----------------------------------------------------------------------------

    def before(self, place: int) -> None:
        """Infer the names with subscripts that a statement uses first."""
        axes = self.axes(self.statements[place].node)
        if not axes:
            return
        lengths = self.lengths()
        for name, (rank, span) in axes.items():
            shape = tuple(self.length(lengths, name, axis, span) for axis in range(rank))
            self.inferred[name] = Input(name, shape, inferred="from the subscripts")

    def axes(self, node: Node) -> dict[str, tuple[int, Span | None]]:
        """The unknown names with subscripts, each with their number."""
        found: dict[str, tuple[int, Span | None]] = {}
        for part in walk(node):
            if not isinstance(part, Subscript) or not isinstance(part.operand, Name):
                continue
            name, rank = part.operand.name, sum(not isinstance(item, NewAxis) for item in part.items)
            if not self.unknown(name):
                continue
            before, span = found.setdefault(name, (rank, part.span))
            if before != rank:
                raise NotationError(
                    f"{name} has {before} subscript{'s' * (before > 1)} in one place and {rank} in another", part.span,
                    also=(("first used here", span),) if span else (), hint=f"different things need different names, "
                    f"or declare it: {name}: real[{', '.join(LENGTHS[: max(before, rank)])}]",
                )  # fmt: skip
        return found

    def lengths(self) -> Lengths:
        """What the subscripts of all statements say about lengths."""
        lengths = Lengths()
        for number, (statement, found) in enumerate(zip(self.statements, self.surveys, strict=True)):
            for axis, letter in enumerate(statement.letters):
                lengths.join((number, LEFT, letter), (statement.name, axis))
            for (a, b), (c, d) in found.pairs:
                lengths.join((number, a, b), (number, c, d))
            for use, factors in found.uses:
                if use.alone:
                    ((key, letter),) = factors
                    self.note(lengths, use, (number, key, letter), found)
            for key, letter, name in counted(statement.node):
                if self.unknown(name):
                    lengths.facts.append(((number, key, letter), name))
        return lengths

    @cached_property
    def surveys(self) -> list[Survey]:
        """The subscripts of every statement, the lengths of their axes left open."""
        return [survey(item.node, item.letters, lambda operand, letters: None, self.dims) for item in self.statements]

    def named_shape(self, name: str) -> Shape | None:
        """The shape of a declared, defined or inferred name."""
        item = self.inferred.get(name)
        return item.shape if item is not None else self.shape(name)

    def note(self, lengths: Lengths, use: Use, letter: tuple[int, int, str], found: Survey) -> None:
        """What one subscript says."""
        said = found.ranges[letter[1], letter[2]]
        if not isinstance(use.node.operand, Name):
            return
        axis: Key = (use.node.operand.name, use.axis)
        shape = self.named_shape(use.node.operand.name) or ()
        size = shape[use.axis] if use.axis < len(shape) else None
        if said.start is not None and said.stop is not None:
            if size is None:
                ends = length(said.start, self.dims), length(said.stop, self.dims)
                lengths.facts.append((axis, (use, *ends)))
        elif size is None:
            lengths.join(letter, axis)
        elif not is_unit(size):
            lengths.facts.append((letter, size))

    def length(self, lengths: Lengths, name: str, axis: int, span: Span | None) -> Expr:
        """The length of one axis."""
        facts = lengths.known((name, axis))
        sizes = {fact for fact in facts if isinstance(fact, Expr)}
        wanted = [fact for fact in facts if isinstance(fact, tuple)]
        names = {fact for fact in facts if isinstance(fact, str)}
        if len(sizes) == 1:
            return sizes.pop()
        found = None if sizes or len(names) > 1 else least_length(wanted) if wanted else self.new(names)
        if found is None:
            raise NotationError(
                f"the length of axis {axis} of {name} cannot be told", span, hint=f"declare it: {name}: real[..]",
                expected="one length for all subscripts",
            )  # fmt: skip
        lengths.facts.append(((name, axis), found))
        return found

    def new(self, names: Iterable[str]) -> Expr:
        """A new length, by the name that counts it if there is one."""
        name = next(iter(names), None) or self.free_name(LENGTHS)
        self.dims[name] = dim(name)
        return self.dims[name]

    def free_name(self, names: Sequence[str]) -> str:
        """The first of the names that means nothing yet, not as a capital either."""
        taken = {word.lower() for word in (*self.words, *self.dims)}
        further = (f"{LENGTHS[0]}{number}" for number in itertools.count(1))
        return next(name for name in itertools.chain(names, further) if name not in taken)

    # ---- arrays without subscripts --------------------------------------------------------------

    def whole(self) -> None:
        """Infer vectors under reductions and the operands of dense layers."""
        for statement in self.statements:
            subscripted = self.axes(statement.node)
            for part in walk(statement.node):
                name = self.reduced(part)
                if name and name not in subscripted:
                    item = Input(name, (self.new_vector_length(),), inferred=f"as the operand of {_function(part)}")
                    self.inferred[name] = item
            for layer in layers(statement.node):
                if all(map(self.unknown, layer)) and len(set(layer)) == len(layer):
                    n, d, k = (self.new(()) for _ in range(3))
                    for name, shape in zip(layer, ((n, d), (d, k), (k,)), strict=False):
                        self.inferred[name] = Input(name, shape, inferred="as in a dense layer")

    def reduced(self, node: Node) -> str:
        """The name that is alone under a reduction over all entries, if it is unknown."""
        if not isinstance(node, Call) or len(node.arguments) != 1 or node.keywords:
            return ""
        entry = TENSOR_BY_NAME.get(node.function)
        if entry is None or entry.group not in VECTOR_GROUPS:
            return ""
        inner = list(walk(node.arguments[0]))
        if any(isinstance(part, Subscript | IndexSum) or self.is_array(part) for part in inner):
            return ""
        names = {part.name for part in inner if isinstance(part, Name) and self.unknown(part.name)}
        return names.pop() if len(names) == 1 else ""

    def is_array(self, node: Node) -> bool:
        """Whether a node may have axes: a name that is declared, defined or inferred as an array."""
        if isinstance(node, Call):
            return node.function in TENSOR_BY_NAME
        if not isinstance(node, Name):
            return False
        return bool(self.named_shape(node.name)) or node.name in self.given

    def new_vector_length(self) -> Expr:
        """A new length for a vector of parameters: d rather than n."""
        return self.new([self.free_name(LENGTHS[1:])])


#: Groups of functions whose operand has at least one axis.
VECTOR_GROUPS = frozenset({"reduction", "along an axis"})
#: Names that are no variables unless they are declared.
NOT_VARIABLES = frozenset({"pi", "π", "inf", "∞", "True", "False", "None", "delta", "δ"})


def _function(node: Node) -> str:
    return node.function if isinstance(node, Call) else ""


def least_length(wanted: Sequence[tuple[Use, Expr, Expr]]) -> Expr | None:
    """The length of the smallest axis with all entries that written ranges read, if it is a name or a number."""
    for base in bases(wanted):
        ends = [places(use, first, last, base) for use, first, last in wanted]
        if any(low.is_negative for low, _ in ends):
            continue
        largest = ends[0][1] + 1
        for _, high in ends:
            if (high + 1 - largest).is_positive:
                largest = high + 1
        comparable = all((largest - high).is_positive for _, high in ends)
        if comparable and (isinstance(largest, Dim) or (isinstance(largest, Integer) and largest > 0)):
            return largest
    return None


def places(use: Use, first: Expr, last: Expr, base: int) -> tuple[Expr, Expr]:
    """The smallest and the largest place that a subscript with one letter reads."""
    (factor,) = use.coefficients.values()
    ends = [(factor * value + use.number - base).expand() for value in (first, last)]
    return (ends[0], ends[1]) if factor > 0 else (ends[1], ends[0])


def bases(wanted: Sequence[tuple[Use, Expr, Expr]]) -> tuple[int, ...]:
    """The subscripts that the first entry may have: 1 on paper, 0 where a range starts there or in brackets."""
    from_zero = any(first == 0 for _, first, _ in wanted)
    on_paper = all(use.node.paper for use, _, _ in wanted)
    if on_paper:
        return (0, 1) if from_zero else (1,)
    return (0,) if from_zero else (1, 0)


def counted(node: Node) -> Iterator[tuple[int, str, str]]:
    """Sum and letter with the name that counts their values: ``1/n Σ_i x_i``, ``Σ_i x_i / n``."""
    for part in walk(node):
        match part:
            case Juxtaposed(Binary("/", _, below), IndexSum() as total):
                names = COUNTS
            case Binary("*", Binary("/", _, below), IndexSum() as total):
                names = COUNTS
            case Binary("/", IndexSum() as total, below):
                names = TERMS
            case IndexSum(body=Binary("/", _, below)) as total:
                names = TERMS
            case _:
                continue
        found = [item.name for item in walk(below) if isinstance(item, Name) and item.name in names]
        if len(found) == 1 and total.kind == "sum" and total.letters:
            yield id(total), total.letters[0], found[0]


def layers(node: Node) -> Iterator[tuple[str, ...]]:
    """Names A, B and perhaps c of ``f(A @ B + c)`` for functions of the entries, outside of reductions."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Call) and part.function in TENSOR_BY_NAME:
            continue
        waiting += children(part)
        if not isinstance(part, Call) or len(part.arguments) != 1:
            continue
        match part.arguments[0]:
            case Binary("@", Name(a), Name(b)):
                yield a, b
            case Binary("+", Binary("@", Name(a), Name(b)), Name(c)):
                yield a, b, c
            case Binary("+", Name(c), Binary("@", Name(a), Name(b))):
                yield a, b, c


def words_of(node: Node) -> set[str]:
    """Every name in an expression, index letters included."""
    names = {part.name for part in walk(node) if isinstance(part, Name)}
    letters = {letter for part in walk(node) if isinstance(part, IndexSum) for letter in part.letters}
    return names | letters


def bound_names(node: Node, known: Iterable[str]) -> dict[str, Span | None]:
    """The lengths that ranges name: n in ``Σ_{i=1}^n``."""
    found: dict[str, Span | None] = {}
    waiting: list[tuple[Node, frozenset[str]]] = [(node, frozenset(known))]
    while waiting:
        part, scope = waiting.pop()
        if isinstance(part, IndexSum):
            scope = scope | set(part.letters)
            for entry in part.ranges:
                for bound in filter(None, (entry.start, entry.stop)):
                    names = (item for item in walk(bound) if isinstance(item, Name) and item.name not in scope)
                    found |= {item.name: item.span for item in names if item.name not in found}
        waiting += [(child, scope) for child in children(part)]
    return found
