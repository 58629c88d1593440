"""What a traced function has done so far: one step per operation, each checked when it is made.

A step is a node of the syntax tree over inputs and earlier steps, which stand in it under
provisional names.  Its shape is found by reading it as text is read, with the earlier steps as
inputs, so that broadcasting, shape rules and messages are those of the notation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from types import CodeType, FrameType
from typing import Any, Protocol

from sympy import Expr

from chainrule.derive.domains import DOMAINS, REAL
from chainrule.derive.errors import LimitError, Span
from chainrule.derive.notation import lengths
from chainrule.derive.notation.lower import Reader
from chainrule.derive.notation.signs import COMPARISONS
from chainrule.derive.notation.syntax import Binary, Call, Name, Negative, Node, Number, Subscript, Transpose
from chainrule.derive.notation.tensors import Shape, Workspace
from chainrule.derive.program import Dim, Input
from chainrule.derive.tracing.places import Spot, frames, is_library, spot, variables

#: Operations that a traced function may do.
MAX_STEPS = 5_000
#: Operators that make integers of integers.
WHOLE = frozenset("+-*")
#: Frames, from the innermost, in which the names of values are looked for.
MAX_FRAMES = 20
#: Provisional names of steps start with a character that no name of a formula has.
STEP = "$"


class Readings(Protocol):
    """How operations on traced values are read; given to the record, so that values need not know."""

    def ufunc(self, record: Record, function: Any, method: str, inputs: Any, keywords: Any) -> Any:
        """A universal function of NumPy or SciPy, operators among them."""

    def function(self, record: Record, function: Any, arguments: Any, keywords: Any) -> Any:
        """Any other function of NumPy."""

    def attribute(self, value: Any, name: str) -> Any:
        """A method of arrays."""

    def subscript(self, value: Any, items: Any) -> Any:
        """``value[items]``."""


@dataclass(frozen=True)
class Step:
    """One operation: its node, the shape of its value, and where in the source it was done."""

    node: Node
    shape: Shape
    spot: Spot | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Variable:
    """A local variable of a function."""

    code: CodeType
    name: str


@dataclass
class Record:
    """The steps of one run of a function.

    Attributes:
        inputs: the declared inputs.
        dims: the named lengths.
        readings: how operations are read.
        runner: the code that runs the function; frames above it are the function's.
        steps: by provisional name, in order.
        variables: the local variables that held steps when they were used.
        values: inputs and steps, as the reader of nodes takes them.
        where: the place that new nodes get; known once an operation has failed.
        operands: the places of its operands that are no traced values, by identity.
        outermost: the frame of the traced function itself.
        open: whether the function still runs.
        busy: whether an operation of the user's is being read.
        held: the steps that local variables held when the function returned.
    """

    inputs: dict[str, Input]
    dims: dict[str, Dim]
    readings: Readings
    runner: CodeType | None = None
    steps: dict[str, Step] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    where: Span | None = None
    operands: Mapping[int, Span] = field(default_factory=dict)
    outermost: FrameType | None = None
    open: bool = True
    busy: bool = False
    held: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values.update(self.inputs)

    def enter(self, item: Input) -> Input:
        """Adds an input."""
        self.inputs[item.name] = self.values[item.name] = item
        return item

    def reader(self) -> Reader:
        """A reader of nodes over inputs and steps."""
        return Reader(Workspace(), self.values, self.dims, closed=True)

    def shape(self, node: Node) -> Shape:
        """The shape of a node's value.

        Raises:
            ChainruleError: the node means nothing, as in text.
        """
        if isinstance(node, Binary) and node.operator in COMPARISONS:
            return self.reader().condition(node).shape
        return self.reader().lower(node).shape

    def length(self, node: Node) -> Expr:
        """The integer expression of lengths that a node is."""
        return lengths.length(node, self.dims)

    def add(self, node: Node) -> tuple[str, Shape]:
        """Records a step; its provisional name and the shape of its value."""
        if len(self.steps) >= MAX_STEPS:
            raise LimitError(f"the function does more than {MAX_STEPS} operations, the limit")
        if self.where is not None:
            node = replace(node, span=self.where)
        shape = self.shape(node)
        name = f"{STEP}{len(self.steps)}"
        self.steps[name] = Step(node, shape, self.here())
        self.values[name] = Input(name, shape, DOMAINS["integer"] if self.is_integer(node) else REAL)
        return name, shape

    def is_integer(self, node: Node) -> bool:
        """Whether a node's value is made of integers for certain, so that it may be a label."""
        match node:
            case Number(value):
                return bool(value.is_Integer)
            case Name(name):
                return name in self.dims or (name in self.values and self.values[name].domain.integer)
            case Binary(operator, left, right):
                return operator in WHOLE and self.is_integer(left) and self.is_integer(right)
            case Negative(operand) | Transpose(operand) | Subscript(operand):
                return self.is_integer(operand)
        return isinstance(node, Call) and node.function == "arange"

    # ---- frames ---------------------------------------------------------------------------------

    def user_frames(self) -> Iterator[FrameType]:
        """The user's frames, innermost first."""
        return (frame for frame in frames(self.runner) if not is_library(frame)) if self.runner else iter(())

    def here(self) -> Spot | None:
        """The user's instruction that is being executed."""
        innermost = next(self.user_frames(), None)
        return spot(innermost) if innermost is not None else None

    def note(self, values: Iterable[tuple[str, object]]) -> None:
        """Remember which local variables hold the steps, given by provisional name and object."""
        self.outermost = self.outermost or next(reversed([*self.user_frames()]), None)
        unknown = {id(value): name for name, value in values if name in self.steps and name not in self.variables}
        for frame in islice(self.user_frames(), MAX_FRAMES) if unknown else ():
            for name, value in variables(frame, frame is self.outermost):
                if id(value) in unknown:
                    self.variables.setdefault(unknown[id(value)], Variable(frame.f_code, name))

    def aliases(self, value: object) -> int:
        """How many local variables of the user's functions hold this very object."""
        return sum(held is value for frame in self.user_frames() for _, held in variables(frame, True))

    @contextmanager
    def at(self, where: Span, operands: Mapping[int, Span]) -> Iterator[None]:
        """Gives new nodes a place, and operands that are no traced values, by identity."""
        self.where, self.operands = where, operands
        try:
            yield
        finally:
            self.where, self.operands = None, {}

    def close(self) -> None:
        """Lets go of the function's frames."""
        self.open, self.outermost = False, None
