"""The table of NumPy's functions: the catalogue's by their names there, and those of this package.

A function of the catalogue that names its like in NumPy can be traced without more ado.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from chainrule.derive.catalog.tensor_functions import TENSOR_FUNCTIONS, Argument, TensorFunction
from chainrule.derive.errors import InputError, near_names
from chainrule.derive.notation.syntax import Node, Text, Tuple
from chainrule.derive.tracing import arrays, constants, structure
from chainrule.derive.tracing.perform import perform
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.refusals import UnsupportedAttributeError, refuse_options, untraced
from chainrule.derive.tracing.subscripts import subscript
from chainrule.derive.tracing.ufuncs import read_ufunc
from chainrule.derive.tracing.value import Traced, call, length_node, lift, shape_node, switch

#: Methods that are not called like the function of their name: the function, and how it is called.
METHODS: dict[str, Callable[..., Any]] = {
    "flatten": structure.ravel,
    "reshape": lambda record, value, *shape, **keywords: structure.reshape(record, value, _one(shape), **keywords),
    "transpose": lambda record, value, *axes: structure.transpose(record, value, _one(axes) if axes else None),
    "astype": arrays.astype,
    "conj": arrays.same,
}
#: Attributes that are values of functions.
PROPERTIES: dict[str, Callable[..., Any]] = {
    "T": structure.transpose, "mT": structure.matrix_transpose, "real": arrays.same,
}  # fmt: skip


def _one(values: tuple[Any, ...]) -> Any:
    """``x.reshape(2, 3)`` is ``x.reshape((2, 3))``."""
    return values[0] if len(values) == 1 else values


def _found(path: str) -> Any:
    """The function of NumPy with this dotted name, if there is one."""
    found: Any = np
    for name in path.split("."):
        found = getattr(found, name, None)
    return found


@cache
def readings() -> dict[Any, Callable[..., Any]]:
    """How each function of NumPy is read, by the function itself."""
    special = {**structure.READINGS, **arrays.READINGS}
    table = {_found(path): read for path, read in special.items()}
    for entry in TENSOR_FUNCTIONS:
        function = _found(_path(entry))
        if callable(function):
            table.setdefault(function, partial(read_catalogued, entry))
    return {function: read for function, read in table.items() if function is not None}


def _path(entry: TensorFunction) -> str:
    """The name in NumPy of a function of the catalogue, as far as it is one function there."""
    if entry.group == "linear algebra":
        return f"linalg.{entry.name}"
    module, _, path = entry.numpy.partition(".")
    return path if module == "np" and path.replace(".", "").isidentifier() else ""


# ---- functions of the catalogue -------------------------------------------------------------------


def read_catalogued(entry: TensorFunction, record: Record, *arguments: Any, **keywords: Any) -> Traced:
    """A call of a function of tensors, its arguments read by their kinds.

    Raises:
        UnsupportedError: an argument is not one of the catalogue's function.
    """
    given = bound_arguments(entry, arguments, keywords)
    positional: list[Node] = []
    named: dict[str, Node] = {}
    for argument in entry.arguments:
        if argument.name in given and not _is_default(argument, given[argument.name]):
            node = ARGUMENT_NODES[argument.kind](record, given[argument.name])
            if argument.default:
                named[argument.name] = node
            else:
                positional.append(node)
    return call(record, entry.name, *positional, **named)


def bound_arguments(entry: TensorFunction, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments by their names in the catalogue.

    Raises:
        UnsupportedError: there is another one, which changes something.
    """
    names = [argument.name for argument in entry.arguments]
    if len(arguments) > len(names):
        raise InputError(f"{entry.numpy} is called with too many arguments", expected=entry.signature)
    given = {**dict(zip(names, arguments, strict=False)), **keywords}
    refuse_options(entry.numpy, {name: value for name, value in given.items() if name not in names})
    return {name: value for name, value in given.items() if name in names}


def _is_default(argument: Argument, value: Any) -> bool:
    return bool(argument.default) and (value is None or value is np._NoValue)


def nested(value: Any, node: Callable[[Any], Node]) -> Node:
    """Tuples and lists in each other as nested brackets."""
    if isinstance(value, tuple | list):
        return Tuple(tuple(nested(item, node) for item in value))
    return node(value)


#: How each kind of argument is given to a function of the catalogue.
ARGUMENT_NODES: dict[str, Callable[[Record, Any], Node]] = {
    "tensor": lambda record, value: lift(record, value).node,
    "tensors": lambda record, value: Tuple(tuple(lift(record, item).node for item in value)),
    "condition": lambda record, value: value.node if isinstance(value, Traced) else lift(record, value).node,
    "text": lambda record, value: Text(str(value)),
    "blocks": lambda record, value: nested(value, lambda item: lift(record, item).node),
    "labels": lambda record, value: lift(record, value).node,
    "order": lambda record, value: constants.axes(value),
    "new shape": lambda record, value: shape_node(structure.lengths(record, value)),
    "integers": lambda record, value: length_node(structure.length(record, value)),
    "numbers": lambda record, value: nested(value, lambda item: length_node(structure.length(record, item))),
    "axis": lambda record, value: constants.axes(value),
    "axes": lambda record, value: constants.axes(value),
    "integer": lambda record, value: constants.axes(value),
    "switch": lambda record, value: switch(value),
    "length": lambda record, value: length_node(structure.length(record, value)),
    "shape": lambda record, value: shape_node(structure.lengths(record, value)),
}


# ---- dispatch -------------------------------------------------------------------------------------


class Numpy:
    """Reads NumPy's operations on traced values."""

    def ufunc(self, record: Record, function: Any, method: str, inputs: Any, keywords: Any) -> Any:
        """A universal function, operators among them."""
        return perform(record, partial(read_ufunc, record, function, method), inputs, keywords)

    def function(self, record: Record, function: Any, arguments: Any, keywords: Any) -> Any:
        """Any other function of NumPy."""
        name = f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}"
        read = readings().get(function)
        if read is None:
            raise untraced(name, [known.__name__ for known in readings()])
        return perform(record, partial(self._called, name, read, record), arguments, keywords)

    def attribute(self, value: Traced, name: str) -> Any:
        """A property, or a method as a function."""
        record = value.record
        if name in PROPERTIES:
            return perform(record, partial(PROPERTIES[name], record), [value], {}, method=True)
        read = METHODS.get(name) or readings().get(_found(name))
        if not hasattr(np.ndarray, name):
            raise UnsupportedAttributeError(f"arrays have no attribute {name}", near=near_names(name, dir(np.ndarray)))
        if read is None:
            error = untraced(f".{name}", [known for known in dir(np.ndarray) if readings().get(_found(known))])
            raise UnsupportedAttributeError(error.message, hint=error.hint, near=error.near)
        return partial(self._method, f".{name}", read, value)

    def subscript(self, value: Traced, items: Any) -> Any:
        """``value[items]``."""
        return perform(value.record, lambda operand: subscript(operand, items), [value], {})

    def _method(self, name: str, read: Callable[..., Any], value: Traced, *arguments: Any, **keywords: Any) -> Any:
        record = value.record
        called = partial(self._called, name, read, record)
        return perform(record, called, [value, *arguments], keywords, method=True)

    @staticmethod
    def _called(name: str, read: Callable[..., Any], record: Record, *arguments: Any, **keywords: Any) -> Any:
        """The reading, called with the arguments that it knows; others must change nothing."""
        known = _parameters(read)
        if known is not None:
            refuse_options(name, {keyword: value for keyword, value in keywords.items() if keyword not in known})
            keywords = {keyword: value for keyword, value in keywords.items() if keyword in known}
        try:
            return read(record, *arguments, **keywords)
        except TypeError as error:
            raise InputError(f"{name} cannot be called so: {error}") from error


def _parameters(read: Callable[..., Any]) -> frozenset[str] | None:
    """The names of a reading's arguments; ``None`` if it takes any."""
    parameters = inspect.signature(read).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return None
    return frozenset(parameters)


NUMPY = Numpy()
