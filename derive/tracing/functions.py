"""The catalogue's functions for use in Python: on arrays they compute, in traced functions they are recorded.

``functions.softmax`` is SciPy's for arrays, and for traced values wherever it is called from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from sympy import Integer

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME, TensorFunction
from chainrule.derive.errors import UnknownNameError, near_names
from chainrule.derive.notation.syntax import Name
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Input
from chainrule.derive.tracing import finish
from chainrule.derive.tracing.perform import perform
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.table import NUMPY, bound_arguments, read_catalogued
from chainrule.derive.tracing.value import Traced, call

#: Kinds of arguments that are arrays.
ARRAYS = frozenset({"tensor", "condition"})


class UnknownFunctionError(UnknownNameError, AttributeError):
    """A name that is no function of the catalogue; ``hasattr`` answers no."""


class Functions:
    """Every function that formulas may use, as a Python function: ``functions.softmax(Z, axis=1)``.

    On arrays and numbers the functions compute with NumPy in double precision; on the values of
    a traced function they are recorded.

    >>> functions.logsumexp([[0.0, 0.0], [1.0, 1.0]], axis=1).round(3).tolist()
    [0.693, 1.693]
    """

    def __getattr__(self, name: str) -> Callable[..., Any]:
        entry = BY_NAME.get(name) or TENSOR_BY_NAME.get(name)
        if entry is None:
            near = near_names(name, dir(self))
            raise UnknownFunctionError(f"the catalogue has no function called {name!r}", near=near)
        return partial(_called, entry)

    def __dir__(self) -> list[str]:
        return sorted({*BY_NAME, *TENSOR_BY_NAME})


functions = Functions()


def _called(entry: Elementwise | TensorFunction, /, *arguments: Any, **keywords: Any) -> Any:
    """The value for arrays, or a step of the traced function that the arguments belong to."""
    collected = _collected(entry, arguments)
    record = next(_records([*collected, *keywords.values()]), None)
    if record is not None:
        return perform(record, partial(_read, entry, record), collected, keywords)
    return _computed(entry, collected, keywords)


def _collected(entry: Elementwise | TensorFunction, arguments: Sequence[Any]) -> list[Any]:
    """The arguments in the places of the signature: ``concat(a, b)`` is ``concat((a, b))``."""
    names = [] if isinstance(entry, Elementwise) else [argument.kind for argument in entry.arguments]
    if "tensors" not in names:
        return list(arguments)
    place = names.index("tensors")
    several = arguments[place:]
    whole = several[0] if len(several) == 1 and isinstance(several[0], tuple | list) else several
    return [*arguments[:place], list(whole)]


def _records(values: Sequence[Any]) -> Any:
    """The runs that traced values among the arguments belong to."""
    for value in values:
        if isinstance(value, Traced):
            yield value.record
        elif isinstance(value, tuple | list):
            yield from _records(value)


def _read(entry: Elementwise | TensorFunction, record: Record, *arguments: Any, **keywords: Any) -> Traced:
    if isinstance(entry, TensorFunction):
        return read_catalogued(entry, record, *arguments, **keywords)
    names = [str(symbol) for symbol in entry.args]
    extra = [keywords.pop(name) for name in names[len(arguments) :] if name in keywords]
    return call(record, entry.name, *arguments, *extra, **keywords)


def _computed(entry: Elementwise | TensorFunction, arguments: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """The value of a call on arrays: that of a program whose inputs are the arrays."""
    values: dict[str, Any] = {}
    record = Record({}, {}, NUMPY)

    def entered(value: Any) -> Traced:
        array = np.asarray(value, dtype=np.float64)
        name = f"x{len(values)}"
        values[name] = array
        item = record.enter(Input(name, tuple(Integer(length) for length in array.shape)))
        return Traced(record, Name(name), item.shape)

    if isinstance(entry, Elementwise):
        placed = _read(entry, record, *map(entered, arguments), **{k: entered(v) for k, v in keywords.items()})
    else:
        given = bound_arguments(entry, arguments, keywords)
        for argument in entry.arguments:
            if argument.name in given and argument.kind in ARRAYS:
                given[argument.name] = entered(given[argument.name])
            elif argument.name in given and argument.kind == "tensors":
                given[argument.name] = [entered(item) for item in given[argument.name]]
        placed = read_catalogued(entry, record, **given)
    program = finish.program(record, placed.node)
    return evaluate(program, values)[program.outputs[0]][()]
