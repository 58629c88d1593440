"""Stand-alone modules: kernels as files that need only NumPy and numba."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

from chainrule.derive.binding import declaration
from chainrule.derive.program import Input, Program
from chainrule.derive.render.explicit_axes import index_source
from chainrule.kernels.emit import Source

#: Calls of numba that need SciPy, and the functions that stand for them in a module that may lack it.
_WITHOUT_SCIPY = {"np.dot(": "dot(", "np.linalg.eigh(": "eigh(", "np.linalg.svd(a, False)": "svd(a)"}

#: The files with these functions: the name, where the part for the module begins, and what calls it.
_FALLBACKS = (("dot.py", "SCIPY", "dot|eigh|svd"), ("rotations.py", "SWEEPS", "eigh|svd"))


def checked(name: str, value: Any, shape: tuple[int | str, ...], dtype: type, sizes: dict[str, int]) -> Any:
    """The value as a contiguous array whose axes agree with those seen before; a number for no axes."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is not made of real numbers (type {array.dtype})")
    if array.ndim != len(shape):
        raise ValueError(f"{name} has shape {array.shape}, expected {len(shape)} axes: {shape}")
    for axis, (length, size) in enumerate(zip(shape, array.shape)):  # noqa: B905 # the lengths were compared above
        expected = sizes.setdefault(length, size) if isinstance(length, str) else length
        if size != expected:
            raise ValueError(f"axis {axis} of {name} has length {size}, expected {length} = {expected}")
    if dtype is np.int64 and (array != np.floor(array)).any():
        raise ValueError(f"{name} is not made of integers")
    return np.require(array, dtype, ["C", "A"]) if shape else dtype(array)


def within(axis: str, values: Any, low: int, high: int) -> None:
    """Raises unless labels, or the ends of slices, lie on the axis that they select along."""
    outside = np.asarray(values)[(values < low) | (values > high)]
    if outside.size:
        raise ValueError(f"{outside.flat[0]} is no subscript of {axis}: expected {low} to {high}")


def public_function(source: Source, program: Program, dtype: str, about: str, results: Sequence[str]) -> str:
    """Source of the function that checks its arguments and calls the compiled one, ``_<name>``."""
    name = source.name.removeprefix("_")
    parameters = dict(zip((item.name for item in program.inputs), source.parameters, strict=True))
    lines = [f"def {name}({', '.join(source.parameters)}):"]
    lines += [f"    {line}".rstrip() for line in _docstring(program, about, results)]
    lines.append("    sizes = {}")
    for item in program.inputs:
        parameter = parameters[item.name]
        kind = "int64" if item.selects else dtype
        lines.append(f"    {parameter} = checked({item.name!r}, {parameter}, {_shape(item)}, np.{kind}, sizes)")
    lines += [f"    {line}" for line in _requirements(program, parameters)]
    lines.append(f"    results = {source.name}({', '.join(source.parameters)})")
    lines += ["    results = tuple(float(x) if np.ndim(x) == 0 else x for x in results)"]
    lines.append("    return results if len(results) > 1 else results[0]")
    return "\n".join(lines)


def _requirements(program: Program, parameters: Mapping[str, str]) -> Iterator[str]:
    """A check of every subscript whose place the arrays decide."""
    names = {**parameters, **{length.name: f"sizes[{length.name!r}]" for length in program.dims}}
    for requirement in (requirement for item in program.inputs for requirement in item.requirements):
        values, low, high = (
            ast.unparse(index_source(program, expr, requirement.shape if expr is requirement.value else (), names))
            for expr in (requirement.value, requirement.low, requirement.high)
        )
        yield f"within({requirement.axis!r}, {values}, {low}, {high})"


def standalone_module(core: str, public: Sequence[str]) -> str:
    """A module of compiled functions with what they need besides NumPy and numba, and its public functions."""
    core = re.sub("|".join(map(re.escape, _WITHOUT_SCIPY)), lambda call: _WITHOUT_SCIPY[call.group()], core)
    parts = [_included(file, start) for file, start, calls in _FALLBACKS if re.search(rf"\b({calls})\(", core)]
    if parts:
        core = core.replace("import math\n", "import importlib.util\nimport math\n", 1)
        text = "\n\n\n".join(["from numba.extending import overload\n\n" + parts[0], *parts[1:]])
        core = core.replace("types\n", f"types\n{text}\n", 1)
    checks: list[Callable[..., Any]] = [checked, within] if any(" within(" in text for text in public) else [checked]
    return "\n\n\n".join([core.rstrip(), *map(_without_types, checks), *public]) + "\n"


def _without_types(function: Callable[..., Any]) -> str:
    """The source of a function without the types of its parameters."""
    _, _, body = inspect.getsource(function).partition("\n")
    text = f"def {function.__name__}({', '.join(inspect.signature(function).parameters)}):\n{body}"
    return re.sub(r"  # noqa.*", "", text).rstrip()


def _included(file: str, start: str) -> str:
    """A file of this package as part of a module, without annotations."""
    text = resources.files("chainrule.kernels").joinpath(file).read_text(encoding="utf-8")
    text = text[text.index(f"\n{start} = ") + 1 :].replace(": Any = ", "=")
    return re.sub(r": Any\b| -> (Any|None)\b", "", text).rstrip()


def _shape(item: Input) -> str:
    lengths = [str(int(length)) if length.is_Integer else repr(str(length)) for length in item.shape]
    return f"({', '.join(lengths)}{',' if len(lengths) == 1 else ''})"


def _docstring(program: Program, about: str, results: Sequence[str]) -> list[str]:
    lines = [f'"""{about}', "", "Args:"]
    lines += [f"    {declaration(item)}" for item in program.inputs]
    lines += ["", "Returns:", *(f"    {result}" for result in results)]
    return [*lines, '"""']


def result_lines(program: Program, labels: Mapping[str, str]) -> list[str]:
    """What each output is, with its shape."""
    lines = []
    for output in program.outputs:
        shape = ", ".join(str(length) for length in program.by_name[output].shape)
        lines.append(f"{labels[output]}: " + (f"array of shape ({shape})" if shape else "number"))
    return lines
