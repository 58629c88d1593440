"""NumPy, SciPy and ``math`` as a traced function sees them: calls with traced values reach the record.

NumPy hands a call over to the arrays among its arguments, but ``np.ones((n, n))`` has only a length,
``np.array([a, b])`` only a list, and functions of SciPy and of ``math`` turn their arguments into
numbers.  So the function is run as a copy whose globals have forwarding modules in the place of
these, and likewise each function of the user's that it calls.  No text is evaluated.
"""

from __future__ import annotations

import builtins
import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial, wraps
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import scipy

from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.tracing.perform import perform
from chainrule.derive.tracing.places import LIBRARIES
from chainrule.derive.tracing.record import Record
from chainrule.derive.tracing.table import NUMPY, read_catalogued, readings
from chainrule.derive.tracing.value import Traced

Reading = Callable[..., Any]
#: Packages whose modules are forwarded.
MODULES = frozenset({"numpy", "scipy", "math"})
#: Functions of SciPy that the catalogue has under the same name.
IN_SPECIAL = ("softmax", "log_softmax", "logsumexp")
IN_LINALG = ("expm",)
#: Functions of ``scipy.linalg`` that mean what NumPy's of the same name does.
LIKE_NUMPY = ("inv", "det", "solve", "pinv", "norm")
#: Functions of ``math`` that have another name in NumPy, and those that are in ``scipy.special``.
IN_NUMPY = {"pow": "power", "fabs": "abs"}
OF_MATH_IN_SPECIAL = {"lgamma": "gammaln", "gamma": "gamma", "erf": "erf", "erfc": "erfc"}
#: The types of functions that may be forwarded.
FUNCTIONS = (FunctionType, BuiltinFunctionType, type(np.sum))


class Forwarded:
    """A module whose functions are forwarded."""

    def __init__(self, record: Record, module: ModuleType) -> None:
        self._record, self._module = record, module

    def __getattr__(self, name: str) -> Any:
        return forwarded(self._record, getattr(self._module, name))

    def __dir__(self) -> list[str]:
        return dir(self._module)


def forwarded(record: Record, value: Any) -> Any:
    """A module or function as a traced function sees it."""
    if isinstance(value, ModuleType) and value.__name__.partition(".")[0] in MODULES:
        return Forwarded(record, value)
    read = _table().get(value) if isinstance(value, FUNCTIONS) else None
    if read is None:
        return value

    @wraps(value)
    def called(*arguments: Any, **keywords: Any) -> Any:
        if has_traced([*arguments, *keywords.values()]):
            keywords.pop("like", None)
            return read(record, *arguments, **keywords)
        return value(*arguments, **keywords)

    return called


def has_traced(values: Iterable[Any]) -> bool:
    """Whether there is a traced value among these, or in their lists."""
    return any(
        isinstance(value, Traced) or (isinstance(value, tuple | list) and has_traced(value)) for value in values
    )


# ---- how the functions are read -------------------------------------------------------------------


@cache
def _table() -> dict[Any, Reading]:
    """How each function is read that traced values may not reach by themselves."""
    table: dict[Any, Reading] = {function: partial(_of_numpy, function) for function in readings()}
    table |= {getattr(scipy.special, name): partial(_catalogued, name) for name in IN_SPECIAL}
    table |= {getattr(scipy.linalg, name): partial(_catalogued, name) for name in IN_LINALG}
    table |= {getattr(scipy.linalg, name): partial(_of_numpy, getattr(np.linalg, name)) for name in LIKE_NUMPY}
    for name, function in vars(math).items():
        special = OF_MATH_IN_SPECIAL.get(name)
        universal = getattr(scipy.special, special) if special else getattr(np, IN_NUMPY.get(name, name), None)
        if isinstance(universal, np.ufunc):
            table[function] = partial(_of_math, function, universal)
    return {**table, len: _length, math.fsum: partial(_of_numpy, np.sum), math.prod: partial(_of_numpy, np.prod)}


def _of_numpy(function: Any, record: Record, *arguments: Any, **keywords: Any) -> Any:
    return NUMPY.function(record, function, arguments, keywords)


def _catalogued(name: str, record: Record, *arguments: Any, **keywords: Any) -> Any:
    return perform(record, partial(read_catalogued, TENSOR_BY_NAME[name], record), arguments, keywords)


def _of_math(function: Any, universal: np.ufunc, record: Record, *arguments: Any) -> Any:
    """A function of one number or two; ``math.log(x, base)`` has one more argument than NumPy's."""
    return (universal if len(arguments) == universal.nin else function)(*arguments)


def _length(record: Record, value: Any) -> Any:
    """``len(X)``, a number of the formula where it is symbolic."""
    return value.shape[0] if isinstance(value, Traced) and value.lengths else len(value)


# ---- copies of the user's functions ---------------------------------------------------------------


class Copies:
    """Copies of a function and of those that it calls, with forwarding globals.

    What they assign to globals is assigned to the user's own by :meth:`write_back`.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self.made: dict[int, FunctionType] = {}
        self.spaces: dict[int, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {}

    def callable(self, value: Any) -> Any:
        """Anything that may be called, callable objects too."""
        call = inspect.getattr_static(type(value), "__call__", None)
        if isinstance(call, FunctionType) and _is_users(call):
            return MethodType(self.function(call), value)
        return self.of(value)

    def of(self, value: Any) -> Any:
        """A value of a global or of a closure as the copies see it."""
        if isinstance(value, FunctionType) and _is_users(value):
            return self.function(value)
        if isinstance(value, MethodType):
            return MethodType(self.of(value.__func__), value.__self__)
        if type(value) is partial:
            return partial(self.of(value.func), *value.args, **value.keywords)
        return forwarded(self.record, value)

    def function(self, function: FunctionType) -> FunctionType:
        """The copy of a function of the user's."""
        if id(function) in self.made:
            return self.made[id(function)]
        cells = [_changeable(cell) for cell in function.__closure__ or ()]
        _, space, _ = self.space(function.__globals__)
        copy = FunctionType(function.__code__, space, function.__name__, function.__defaults__, tuple(cells) or None)
        self.made[id(function)] = copy
        copy.__kwdefaults__, copy.__qualname__ = function.__kwdefaults__, function.__qualname__
        copy.__dict__.update(function.__dict__)
        self.fill(function)
        for new, old in zip(cells, function.__closure__ or (), strict=True):
            if new is not old:
                new.cell_contents = self.of(old.cell_contents)
        return copy

    def space(self, names: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """The user's globals, their copy, and the copy as it is when the function starts."""
        return self.spaces.setdefault(id(names), (names, dict(names), dict(names)))

    def fill(self, function: FunctionType) -> None:
        """Put what a function names into the copy of its globals."""
        original, space, start = self.space(function.__globals__)
        for name in _names(function.__code__):
            if name in original:
                space[name] = start[name] = self.of(original[name])
            elif name == "len":
                space[name] = start[name] = forwarded(self.record, builtins.len)

    def write_back(self) -> None:
        """Assign to the user's globals what the copies have assigned to theirs."""
        for original, space, start in self.spaces.values():
            for name, value in space.items():
                if name not in start or value is not start[name]:
                    original[name] = value


def _is_users(function: FunctionType) -> bool:
    """Whether a function is of no library: neither chainrule's, NumPy's and SciPy's nor Python's own."""
    module = str(function.__globals__.get("__name__", ""))
    ours = any(module == name or module.startswith(f"{name}.") for name in LIBRARIES)
    return not ours and module.partition(".")[0] not in sys.stdlib_module_names


def _changeable(cell: CellType) -> CellType:
    """A cell of its own for what the copies see otherwise; all others stay shared."""
    try:
        value = cell.cell_contents
    except ValueError:
        return cell
    return CellType() if isinstance(value, (*FUNCTIONS, ModuleType, MethodType, partial)) else cell


def _names(code: CodeType) -> Iterator[str]:
    """The global names that a function's code may read, those of functions inside it too."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
