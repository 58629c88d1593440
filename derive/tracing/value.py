"""A value of a traced function: what its arguments are while it is run once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from sympy import Add, Expr, Integer, Mul, Pow

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.notation.syntax import Binary, BinaryOperator, Call, Name, Node, Number, Tuple
from chainrule.derive.notation.tensors import Shape, shape_text
from chainrule.derive.program import Dim
from chainrule.derive.tracing import constants
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.refusals import protocol


@dataclass(frozen=True, eq=False, repr=False)
class Traced(NDArrayOperatorsMixin):
    """A value that records what is done with it.

    Attributes:
        record: the run that it belongs to.
        node: a name (of an input or a step), a number, a condition, or an expression of lengths.
        lengths: the length of each axis.
        truth: whether it is a condition.
        extent: the integer that it is, if it is made of lengths.
    """

    record: Record
    node: Node
    lengths: Shape = ()
    truth: bool = False
    extent: Expr | None = None

    # ---- what arrays have -----------------------------------------------------------------------

    @property
    def shape(self) -> tuple[Any, ...]:
        """The lengths: integers, or values that stand for symbolic lengths."""
        return tuple(length_value(self.record, length) for length in self.lengths)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.lengths)

    @property
    def size(self) -> Any:
        """The number of entries."""
        return length_value(self.record, Mul(*self.lengths))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Double precision, or truth values."""
        return np.dtype(bool if self.truth else np.float64)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self.record.readings.attribute(self, name)

    def __getitem__(self, items: Any) -> Any:
        return self.record.readings.subscript(self, items)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
        return self.record.readings.ufunc(self.record, function, method, inputs, keywords)

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        return self.record.readings.function(self.record, function, arguments, keywords)

    # ---- what needs numbers ---------------------------------------------------------------------

    def __bool__(self) -> bool:
        if self.extent is not None and self.extent.is_zero is False:
            return True
        raise protocol("bool", self.record)

    def __float__(self) -> float:
        raise protocol("number", self.record)

    def __int__(self) -> int:
        raise protocol("number", self.record)

    def __complex__(self) -> complex:
        raise protocol("number", self.record)

    def __index__(self) -> int:
        raise protocol("index", self.record)

    def __round__(self, digits: int = 0) -> NoReturn:
        raise protocol("round", self.record)

    def __array__(self, *arguments: Any, **keywords: Any) -> NoReturn:
        raise protocol("array", self.record)

    def __contains__(self, item: object) -> bool:
        raise protocol("contains", self.record)

    def __setitem__(self, items: object, value: object) -> NoReturn:
        raise protocol("setitem", self.record)

    def __len__(self) -> int:
        return self._fixed("len")

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(self._fixed("iter")))

    def _fixed(self, kind: str) -> int:
        """The length of the first axis, if it is a number."""
        if not self.lengths:
            raise TypeError("a traced scalar has no length and no entries")
        if not isinstance(self.lengths[0], Integer):
            raise protocol(kind, self.record)
        return int(self.lengths[0])

    # ---- what never changes ---------------------------------------------------------------------

    def __copy__(self) -> Traced:
        return self

    def __deepcopy__(self, memory: object) -> Traced:
        return self

    def __format__(self, specification: str) -> str:
        return repr(self)

    def __repr__(self) -> str:
        return f"<traced {'condition' if self.truth else 'value'} of shape {shape_text(self.lengths)}>"


# ---- making values --------------------------------------------------------------------------------


def step(record: Record, node: Node) -> Traced:
    """The value of a node, which becomes a step."""
    name, shape = record.add(node)
    return Traced(record, Name(name), shape)


def condition(record: Record, node: Node) -> Traced:
    """A condition: it is no step, for it can stand only in a choice."""
    return Traced(record, node, record.shape(node), truth=True)


def choice(record: Record, test: Node, yes: Node, no: Node) -> Traced:
    """``yes`` where the test holds, else ``no``."""
    return step(record, Call("where", (test, yes, no)))


def length_value(record: Record, length: Expr) -> Any:
    """A length as the function sees it: an integer where it is one."""
    if isinstance(length, Integer):
        return int(length)
    return Traced(record, length_node(length), extent=length)


def length_node(length: Expr) -> Node:
    """The node of an integer expression of lengths."""
    if isinstance(length, Integer):
        return Number(length)
    if isinstance(length, Dim):
        return Name(length.name)
    factors = [length.base] * int(length.exp) if isinstance(length, Pow) and length.exp.is_Integer else length.args
    if factors:
        sign: BinaryOperator = "+" if isinstance(length, Add) else "*"
        return reduce(lambda left, right: Binary(sign, left, right), map(length_node, factors))
    raise UnsupportedError(f"the length {length} cannot be used in a traced function")


def shape_node(shape: Shape) -> Node:
    """The node of a shape."""
    return Tuple(tuple(map(length_node, shape)))


def lift(record: Record, value: Any) -> Traced:
    """Anything that may stand for a tensor; a condition counts as 1 where it holds, else 0.

    Raises:
        UnsupportedError: the value is no number, array or traced value.
        InputError: it comes from another run.
    """
    if isinstance(value, Traced):
        check_run(record, value)
        return _counted(record, value) if value.truth else value
    operand = _literal(record, value)
    span = record.operands.get(id(value))
    return replace(operand, node=replace(operand.node, span=span)) if span else operand


def _counted(record: Record, value: Traced) -> Traced:
    """A condition as 1 or 0; conditions that were joined are that already."""
    if isinstance(value.node, Name):
        return replace(value, truth=False)
    return choice(record, value.node, constants.number(1), constants.number(0))


def _literal(record: Record, value: Any) -> Traced:
    if isinstance(value, list | tuple) and any(isinstance(item, Traced) for item in value):
        return step(record, Call("stack", (Tuple(tuple(lift(record, item).node for item in value)),)))
    if isinstance(value, list | tuple | np.ndarray):
        node = constants.array(np.asarray(value))
        return step(record, node) if np.ndim(value) else Traced(record, node)
    try:
        return Traced(record, constants.number(value))
    except (TypeError, ValueError):
        raise UnsupportedError(
            f"a value of type {type(value).__name__} cannot stand in a traced operation",
            expected="a number, an array of numbers, or a traced value",
        ) from None


def check_run(record: Record, value: Traced) -> None:
    """Refuse values that were kept from another run of the function."""
    if value.record is not record or not record.open:
        raise InputError(
            "this value was kept from an earlier run of a traced function",
            hint="a traced function may not keep values in lists or variables outside it",
        )


def call(record: Record, function: str, *arguments: Any, **keywords: Any) -> Traced:
    """A call of a function of the notation, with values and nodes as arguments."""
    nodes = tuple(argument if isinstance(argument, Node) else lift(record, argument).node for argument in arguments)
    return step(record, Call(function, nodes, tuple(keywords.items())))


def switch(value: object) -> Node:
    """``True`` or ``False``."""
    return Name(str(bool(value)))
