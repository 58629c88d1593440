"""Python functions to programs: the entry of tracing.

The function is run on values that record what is done with them.  It is run twice, and both
runs must do the same: random numbers and counters from outside would be frozen into the formula.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from inspect import Parameter
from typing import Any

import numpy as np

from chainrule.derive.errors import ChainruleError, InputError, LimitError, UnsupportedError, near_names
from chainrule.derive.notation.declarations import Declared
from chainrule.derive.notation.read import room
from chainrule.derive.notation.syntax import Name, Node
from chainrule.derive.program import Dim, Input, Program
from chainrule.derive.tracing import finish
from chainrule.derive.tracing.forwarding import Copies
from chainrule.derive.tracing.places import raised_at, site, variables
from chainrule.derive.tracing.record import STEP, Record, Variable
from chainrule.derive.tracing.table import NUMPY
from chainrule.derive.tracing.value import Traced, length_value, lift

#: Provisional names of steps in a message.
STEP_NAME = re.compile(re.escape(STEP) + r"\d+")


def trace(function: Callable[..., Any], declared: Mapping[str, Declared]) -> Program:
    """The program of a function that is written with NumPy; its one output is what it returns.

    Local variables name their values as statements do in text.

    Args:
        function: any callable whose signature can be read.
        declared: the declarations of its parameters.  A parameter called like a length is that
            length; one without a declaration keeps its default.

    Raises:
        InputError: declarations and parameters differ, or the function fails.
        UnsupportedError: the function does something that cannot be traced.
        ShapeError, NotationError, LimitError: as for text.
    """
    inputs = {name: entry.item for name, entry in declared.items()}
    dims = {d.name: d for item in inputs.values() for length in item.shape for d in length.atoms(Dim)}
    with room():
        record, result = _recorded(function, inputs, dims)
        again, repeated = _recorded(function, inputs, dims)
        if (record.steps, result) != (again.steps, repeated):
            raise InputError(
                f"{_name(function)} does something else when it is run again", expected="the same operations each time",
                hint="random numbers and values that change between runs have to be arguments of the function",
            )  # fmt: skip
        return finish.program(record, result)


def _recorded(
    function: Callable[..., Any], inputs: dict[str, Input], dims: dict[str, Dim]
) -> tuple[Record, Node]:
    """One run of the function, and what it returned."""
    record = Record(inputs, dims, NUMPY, _run.__code__)
    copies = Copies(record)
    try:
        arguments = _arguments(function, record)
        try:
            value = _run(copies.callable(function), arguments)
        finally:
            copies.write_back()
        result = _returned(function, record, value)
        _hold(record)
    except ChainruleError as error:
        _explain(record, error)
        raise
    finally:
        record.close()
    return record, result


def _run(function: Callable[..., Any], arguments: inspect.BoundArguments) -> Any:
    """Runs the function; the frames above this one are the user's."""
    try:
        return function(*arguments.args, **arguments.kwargs)
    except ChainruleError:
        raise
    except RecursionError:
        raise LimitError(f"{_name(function)} calls functions more deeply than Python's limit") from None
    except Exception as error:
        # NumPy hides what a value answered when it asked for a number.
        told = next((cause for cause in _causes(error) if isinstance(cause, ChainruleError)), None)
        if told is not None:
            raise told from None
        raise _failure(function, error) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _failure(function: Callable[..., Any], error: Exception) -> InputError:
    """The error of a function that fails by itself."""
    place = site(raised_at(error.__traceback__))
    message = f"{_name(function)} fails while it is traced: {type(error).__name__}: {error}"
    return InputError(message, place.span if place else None)


def _explain(record: Record, error: ChainruleError) -> None:
    """Gives an error the place in the user's source where it arose, and the source of the steps that it names."""
    place = site(raised_at(error.__traceback__)) if error.span is None else None
    if place is not None:
        error.span = place.span
    for part in ("message", "expected", "found", "hint"):
        setattr(error, part, STEP_NAME.sub(lambda found: _source(record, found[0]), getattr(error, part)))


def _source(record: Record, name: str) -> str:
    """The variable that holds a step, or the expression that made it."""
    if name in record.variables:
        return record.variables[name].name
    place = site(record.steps[name].spot) if name in record.steps else None
    return " ".join(place.span.excerpt.split()) if place else "this"


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


# ---- arguments ------------------------------------------------------------------------------------


def _arguments(function: Callable[..., Any], record: Record) -> inspect.BoundArguments:
    """The arguments of the function: traced inputs and lengths.

    Raises:
        InputError: a declared name is no parameter, or a parameter is neither declared nor optional.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise InputError(
            f"{_name(function)} has no readable signature", hint="wrap it in a function or lambda"
        ) from None
    parameters = signature.parameters
    _refuse_strangers(function, record, parameters)
    bound = signature.bind_partial()
    for name, parameter in parameters.items():
        if parameter.kind is Parameter.VAR_KEYWORD:
            bound.arguments[name] = {
                other: _input(record, item) for other, item in record.inputs.items() if other not in parameters
            }
        elif name in record.inputs:
            bound.arguments[name] = _input(record, record.inputs[name])
        elif name in record.dims:
            bound.arguments[name] = length_value(record, record.dims[name])
        elif parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL:
            raise InputError(
                f"the parameter {name} of {_name(function)} is not declared",
                expected=f'a declaration such as {name}="real[n]"',
                near=near_names(name, [*record.inputs, *record.dims]),
            )  # fmt: skip
    bound.apply_defaults()
    return bound


def _refuse_strangers(function: Callable[..., Any], record: Record, parameters: Mapping[str, Parameter]) -> None:
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in record.inputs:
        if name not in parameters or parameters[name].kind is Parameter.VAR_POSITIONAL:
            raise InputError(
                f"{_name(function)} has no parameter called {name}", found=f"parameters: {', '.join(parameters)}",
                near=near_names(name, parameters),
            )  # fmt: skip


def _input(record: Record, item: Input) -> Traced:
    return Traced(record, Name(item.name), item.shape)


# ---- results --------------------------------------------------------------------------------------


def _returned(function: Callable[..., Any], record: Record, value: Any) -> Node:
    """The node of what the function returned.

    Raises:
        UnsupportedError: it is not one value.
    """
    if isinstance(value, tuple | list | dict):
        raise UnsupportedError(
            f"{_name(function)} returns a {type(value).__name__} of {len(value)} values", expected="one value",
            hint="trace a function of each, or put values of one shape together with np.stack",
        )  # fmt: skip
    if isinstance(value, Traced) and value.truth:
        raise UnsupportedError(
            f"{_name(function)} returns a condition", expected="a number or an array",
            hint="1 where it holds and 0 elsewhere is np.where(a > b, 1, 0)",
        )  # fmt: skip
    if value is None:
        raise UnsupportedError(f"{_name(function)} returns nothing", expected="return with the value of the formula")
    if not isinstance(value, Traced | int | float | np.ndarray | np.generic):
        raise UnsupportedError(
            f"{_name(function)} returns a {type(value).__name__}", expected="a number or an array"
        )
    return lift(record, value).node


def _hold(record: Record) -> None:
    """Remembers what the function's local variables held when it returned, used or not."""
    frame = record.outermost
    for variable, value in variables(frame, True) if frame is not None else ():
        name = value.node.name if isinstance(value, Traced) and isinstance(value.node, Name) else ""
        if frame is not None and name in record.steps and value.record is record and not value.truth:
            record.variables.setdefault(name, Variable(frame.f_code, variable))
            record.held.append(name)
