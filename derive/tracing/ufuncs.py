"""Universal functions, Python's operators among them: how each is read.

The functions of the catalogue are found by their names in NumPy and SciPy; the tables here hold
what the catalogue does not know under such a name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import scipy

from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.errors import ShapeError, UnsupportedError
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.signs import COMPARISONS
from chainrule.derive.notation.syntax import Binary, BinaryOperator, Name, Negative, Node, Subscript, Transpose
from chainrule.derive.notation.tensors import shape_text
from chainrule.derive.tracing import constants
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.refusals import refuse_options, untraced
from chainrule.derive.tracing.value import Traced, call, check_run, condition, length_value, lift, step, switch

#: Operators by their function.
OPERATORS: dict[str, BinaryOperator] = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "float_power": "**", "matmul": "@",
    "less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">=", "equal": "==", "not_equal": "!=",
}  # fmt: skip

#: Other functions in the notation, with arguments called a, b, ..
FORMULAS: dict[str, str] = {
    "fabs": "abs(a)",
    "fmax": "maximum(a, b)",
    "fmin": "minimum(a, b)",
    "hypot": "sqrt(a**2 + b**2)",
    "exp2": "2**a",
    "deg2rad": "a*pi/180",
    "radians": "a*pi/180",
    "rad2deg": "a*180/pi",
    "degrees": "a*180/pi",
    "heaviside": "where(a > 0, 1, where(a < 0, 0, b))",
    "logaddexp2": "log(2**a + 2**b)/log(2)",
    "vecdot": "sum(a*b, axis=-1)",
    "ndtr": "normcdf(a)",
    "log_ndtr": "lognormcdf(a)",
    "log_expit": "log(sigmoid(a))",
    "exp10": "10**a",
    "entr": "-xlogy(a, a)",
    "rel_entr": "a*log(a/b)",
    "kl_div": "a*log(a/b) - a + b",
    "huber": "where(abs(b) <= a, b**2/2, a*(abs(b) - a/2))",
    "pseudo_huber": "a**2*(sqrt(1 + (b/a)**2) - 1)",
    "betaln": "lgamma(a) + lgamma(b) - lgamma(a + b)",
    "boxcox": "(a**b - 1)/b",
    "cosm1": "-2*sin(a/2)**2",
}
#: Conditions joined; where a condition counts as 1 or 0, "and" is the product.
JOINS: dict[str, str] = {
    "bitwise_and": "a*b", "logical_and": "a*b", "bitwise_or": "maximum(a, b)", "logical_or": "maximum(a, b)",
    "bitwise_xor": "abs(a - b)", "logical_xor": "abs(a - b)", "invert": "1 - a", "logical_not": "1 - a",
}  # fmt: skip
#: What ``function.reduce`` and ``function.accumulate`` are in the notation.
REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logaddexp": "logsumexp"}
CUMULATIVE = {"add": "cumsum", "multiply": "cumprod"}


@cache
def catalogued() -> dict[Any, str]:
    """The catalogue's name of every universal function that it knows."""
    found: dict[Any, str] = {}
    modules = {"np": np, "special": scipy.special}
    for entry in ELEMENTWISE:
        paths = [entry.numpy, *(f"{module}.{name}" for name in (entry.name, *entry.aliases) for module in modules)]
        for module, _, name in (path.partition(".") for path in paths if path):
            function: Any = getattr(modules[module], name, None)
            least = len(entry.args) - len(entry.defaults)
            if isinstance(function, np.ufunc) and least <= function.nin <= len(entry.args):
                found.setdefault(function, entry.name)
    return found


def name_of(function: Any) -> str:
    """How a universal function is written."""
    name = str(function.__name__)
    if vars(np).get(name) is function:
        return f"np.{name}"
    return f"scipy.special.{name}" if vars(scipy.special).get(name) is function else name


def read_ufunc(record: Record, function: Any, method: str, *inputs: Any, **keywords: Any) -> Any:
    """The value of a universal function or of one of its methods."""
    for value in inputs:
        if isinstance(value, Traced):
            check_run(record, value)
    if method == "__call__":
        target = keywords.pop("out", None)
        refuse_options(name_of(function), keywords)
        if target is None:
            return _applied(record, function, inputs)
        return _in_place(record, function, inputs, target[0])
    reader = _METHODS.get(method)
    if reader is None:
        raise untraced(f"{name_of(function)}.{method}")
    return reader(record, function, *inputs, **keywords)


def _applied(record: Record, function: Any, inputs: tuple[Any, ...]) -> Any:
    name = name_of(function).rpartition(".")[2] if "." in name_of(function) else ""
    if name in JOINS and all(_is_truth(value) for value in inputs):
        return _joined(record, name, inputs)
    operands = [lift(record, value) for value in inputs]
    if name in OPERATORS:
        return _operator(record, OPERATORS[name], inputs, *operands)
    if name in _SIGNS:
        return _SIGNS[name](record, *operands)
    if function in catalogued():
        return call(record, catalogued()[function], *operands)
    if name in FORMULAS:
        return step(record, template(FORMULAS[name], operands))
    if name in JOINS:
        raise UnsupportedError(f"{name_of(function)} joins conditions, and these are numbers", hint="write np.where")
    raise untraced(name_of(function), [known.__name__ for known in catalogued()])


def template(text: str, operands: list[Traced]) -> Node:
    """The node of a text with operands for its names a, b, .."""
    names = "abcdef"[: len(operands)]
    values = {name: operand.node for name, operand in zip(names, operands, strict=True)}
    return substituted(parse_expression(text, names), values)


def substituted(node: Node, values: Mapping[str, Node]) -> Node:
    """A node with other nodes in the place of names."""
    if isinstance(node, Name):
        return values.get(node.name, node)
    changed = {key: _replaced(part, values) for key, part in vars(node).items() if key != "span"}
    return replace(node, **changed, span=None)


def _replaced(part: Any, values: Mapping[str, Node]) -> Any:
    if isinstance(part, tuple):
        return tuple(_replaced(item, values) for item in part)
    return substituted(part, values) if isinstance(part, Node) else part


# ---- operators ------------------------------------------------------------------------------------


def _operator(record: Record, sign: BinaryOperator, inputs: tuple[Any, ...], left: Traced, right: Traced) -> Any:
    node = Binary(sign, left.node, right.node)
    extents = _is_extent(left) and _is_extent(right)
    if sign in COMPARISONS:
        known = _compared(record, sign, left, right) if extents else None
        return condition(record, node) if known is None else known
    if sign in "+-" and all(_is_truth(value) for value in inputs):
        raise UnsupportedError(f"{sign} of two conditions is no number in NumPy", hint="join conditions with & or |")
    if extents and sign in "+-*":
        return length_value(record, record.length(node))
    return step(record, node)


def _is_truth(value: Any) -> bool:
    return value.truth if isinstance(value, Traced) else isinstance(value, bool | np.bool)


def _is_extent(value: Traced) -> bool:
    """Whether a value is an integer made of lengths, or a literal integer."""
    return value.extent is not None or bool(getattr(getattr(value.node, "value", None), "is_Integer", False))


def _compared(record: Record, sign: str, left: Traced, right: Traced) -> bool | None:
    """Whether one length is less than another, .., where that is so for all lengths or for none."""
    difference = record.length(left.node) - record.length(right.node)
    decided = {
        "==": difference.is_zero, "<": difference.is_negative, "<=": difference.is_nonpositive,
        ">": difference.is_positive, ">=": difference.is_nonnegative,
        "!=": None if difference.is_zero is None else not difference.is_zero,
    }  # fmt: skip
    known = decided[sign]
    return None if known is None else bool(known)


def _negative(record: Record, operand: Traced) -> Any:
    if operand.extent is not None:
        return length_value(record, -operand.extent)
    return step(record, Negative(operand.node))


_SIGNS: dict[str, Callable[[Record, Traced], Any]] = {
    "negative": _negative,
    "positive": lambda record, operand: operand,
    "conjugate": lambda record, operand: operand,
}


def _joined(record: Record, name: str, inputs: tuple[Any, ...]) -> Traced:
    """A condition made of conditions."""
    node = template(JOINS[name], [lift(record, value) for value in inputs])
    return replace(step(record, node), truth=True)


# ---- in-place operators ---------------------------------------------------------------------------


def _in_place(record: Record, function: Any, inputs: tuple[Any, ...], target: Any) -> Any:
    """``x += y``: a new value for the variable, where no other value would have changed in NumPy."""
    if inputs[0] is target and isinstance(target, np.ndarray):  # an array of numbers that grows: out += x
        if target.base is not None or record.aliases(target) > 1:
            raise _visible("it would change the other variable that holds this array")
        target = lift(record, target)
    elif not isinstance(target, Traced) or not isinstance(inputs[0], Traced) or target.node != inputs[0].node:
        refuse_options(name_of(function), {"out": target})
    elif target.ndim:
        _refuse_shared(record, target)
    result = _applied(record, function, inputs)
    if result.lengths != target.lengths:
        raise ShapeError(
            "an in-place operation keeps the shape of what it changes",
            expected=f"shape {shape_text(target.lengths)}", found=f"shape {shape_text(result.lengths)}",
            hint="write x = x + y",
        )  # fmt: skip
    return result


def _refuse_shared(record: Record, target: Traced) -> None:
    """Refuse in-place changes that NumPy makes visible elsewhere: to the caller, or through another name."""
    node = target.node
    made = record.steps[node.name].node if isinstance(node, Name) and node.name in record.steps else node
    if isinstance(made, Name):
        reason = "it would change the argument of the caller"
    elif isinstance(made, Subscript | Transpose):
        reason = "it would change the array that this is a part of"
    elif record.aliases(target) > 1:
        reason = "it would change the other variable that holds this array"
    else:
        return
    raise _visible(reason)


def _visible(reason: str) -> UnsupportedError:
    return UnsupportedError(f"an in-place operation is not traced here: {reason}", hint="write x = x + y")


# ---- methods of functions -------------------------------------------------------------------------


def _reduce(record: Record, function: Any, value: Any, axis: Any = 0, **keywords: Any) -> Any:
    name = REDUCTIONS.get(function.__name__)
    if name is None:
        raise untraced(f"{name_of(function)}.reduce")
    keep = bool(keywords.pop("keepdims", False))
    refuse_options(f"{name_of(function)}.reduce", keywords)
    axes = axis if axis is None else constants.axes(axis)
    return call(record, name, value, **({} if axes is None else {"axis": axes}), keepdims=switch(keep))


def _accumulate(record: Record, function: Any, value: Any, axis: int = 0, **keywords: Any) -> Any:
    name = CUMULATIVE.get(function.__name__)
    if name is None:
        raise untraced(f"{name_of(function)}.accumulate")
    refuse_options(f"{name_of(function)}.accumulate", keywords)
    return call(record, name, value, axis=constants.axes(axis))


def _outer(record: Record, function: Any, left: Any, right: Any, **keywords: Any) -> Any:
    """``function(a[i], b[j])`` for all pairs of entries."""
    refuse_options(f"{name_of(function)}.outer", keywords)
    first, second = lift(record, left), lift(record, right)
    spread = first[(..., *[None] * second.ndim)] if second.ndim else first
    return _applied(record, function, (spread, second))


_METHODS: dict[str, Callable[..., Any]] = {"reduce": _reduce, "accumulate": _accumulate, "outer": _outer}
