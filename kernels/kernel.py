"""Compiled functions of formulas: values, gradients, Jacobians, Hessians and Hessian-vector products."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.derive.binding import bind, check_names, declaration
from chainrule.derive.catalog.unspecified import function_names, no_values
from chainrule.derive.computed import Kind, computed
from chainrule.derive.derivation import Kinks
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import variables
from chainrule.derive.program import Program
from chainrule.derive.serialise import decode_program, encode_program
from chainrule.kernels.build import load, module_source
from chainrule.kernels.emit import emit
from chainrule.kernels.schedule import schedule
from chainrule.kernels.standalone import public_function, result_lines, standalone_module

DTYPES = ("float64", "float32")

#: The generated function for each kind of result.
FUNCTIONS = {
    "value": "value",
    "gradient": "value_and_gradient",
    "hessian": "value_gradient_and_hessian",
    "hvp": "value_gradient_and_hvp",
}

#: What is computed for each order of a kernel.
KIND_OF_ORDER: tuple[Kind, ...] = ("value", "gradient", "hessian")


@dataclass(frozen=True)
class Compiled:
    """A generated function: its program, its source, and the compiled function itself."""

    program: Program
    module: str
    function: Callable[..., tuple[Any, ...]]
    dtype: str

    def __call__(self, arrays: Mapping[str, Any]) -> list[Any]:
        """The outputs at the given inputs, which are checked first."""
        bound, _ = bind(self.program.inputs, arrays, dtype=self.dtype)
        number = np.float32 if self.dtype == "float32" else float
        arguments = [
            bound[item.name] if item.shape else (int if item.selects else number)(bound[item.name])
            for item in self.program.inputs
        ]
        return [float(result) if np.ndim(result) == 0 else result for result in self.function(*arguments)]


def build(program: Program, name: str, dtype: str, about: str) -> Compiled:
    """Generates, compiles and loads a function of a program's inputs that returns its outputs."""
    text = module_source([(emit(schedule(program), name, dtype), program)], dtype, escaped(about))
    return Compiled(program, text, getattr(load(text), name), dtype)


class Kernel:
    """A compiled formula with its derivatives.

    Calling it gives the value for order 0; value and derivative for order 1; value, derivative
    and Hessian for order 2.  The derivative by one variable is an array (a float for a scalar),
    by several a tuple in the order of ``wrt``; it is the gradient of a scalar formula and the
    Jacobian of any other.  Every keyword is the name of an input.

    Arrays may be anything NumPy makes an array of; integers are converted, and so are floats of
    the other precision.  NaN may stand in an input declared ``real``, and is computed with.
    """

    def __init__(
        self, program: Program, exact: Program, wrt: tuple[str, ...], *, single: bool, order: int, dtype: str, text: str
    ) -> None:
        self._program, self._exact, self._wrt, self._single = program, exact, wrt, single
        self._order, self._dtype, self._text = order, dtype, text
        self._compiled: dict[str, Compiled] = {}

    # ---- calls -------------------------------------------------------------------------------------

    def __call__(self, /, **arrays: Any) -> Any:
        """The value; with the derivative for order 1; with the Hessian too for order 2."""
        if self._order == 0:
            return self.value(**arrays)
        results = self._run(KIND_OF_ORDER[self._order], arrays)
        value, first = results[0], self._plain(results[1 : 1 + len(self._wrt)])
        if self._order == 1:
            return value, first
        return value, first, self._blocks(results[1 + len(self._wrt) :])

    def value(self, /, **arrays: Any) -> Any:
        """The formula's value: a float, or an array."""
        return self._run("value", arrays)[0]

    def gradient(self, /, **arrays: Any) -> Any:
        """The gradient of a scalar formula, the Jacobian of any other."""
        return self._plain(self._run("gradient", arrays)[1:])

    def hessian(self, /, **arrays: Any) -> Any:
        """The Hessian of a scalar formula, of shape ``a.shape + b.shape``.

        For several variables a tuple of rows of blocks, one block for each pair.
        """
        return self._blocks(self._run("hessian", arrays)[1 + len(self._wrt) :])

    def hvp(self, direction: Any, /, **arrays: Any) -> Any:
        """The Hessian times a direction: an array; for several variables a tuple or a dict of arrays."""
        check_names([item.name for item in self._program.inputs], list(arrays))
        compiled = self._get("hvp")
        names = [item.name for item in compiled.program.inputs[len(self._program.inputs) :]]
        parts = dict(zip(names, self._directions(direction), strict=True))
        return self._plain(compiled({**arrays, **parts})[1 + len(self._wrt) :])

    # ---- source ------------------------------------------------------------------------------------

    @cached_property
    def source(self) -> str:
        """The source of the generated module that calling the kernel runs."""
        return self._get(KIND_OF_ORDER[self._order]).module

    def save(self, path: str | os.PathLike[str], /) -> None:
        """Writes a module that needs only NumPy and numba.

        It has a function ``value`` and, for order 1, ``value_and_gradient``, for order 2
        ``value_gradient_and_hessian``.  They check the types and shapes of their arguments, not
        the domains.
        """
        Path(path).write_text(self.standalone(), encoding="utf-8")

    def standalone(self) -> str:
        """The source of the module that :meth:`save` writes."""
        kinds = KIND_OF_ORDER[: self._order + 1]
        programs = {kind: self._derived(kind) for kind in kinds}
        sources = [
            (emit(schedule(program), f"_{FUNCTIONS[kind]}", self._dtype, dot="dot"), program)
            for kind, program in programs.items()
        ]
        public = []
        for kind, (source, program) in zip(kinds, sources, strict=True):
            about = f"{FUNCTIONS[kind].replace('_', ' ').capitalize()} of {' '.join(self._text.split())}"
            results = result_lines(program, self._labels(program))
            public.append(public_function(source, program, self._dtype, escaped(about), results))
        return standalone_module(module_source(sources, self._dtype, escaped(self._about()), alone=True), public)

    def _about(self) -> str:
        return f"Generated by chainrule {__version__}.\n\n{self._text.strip()}\n"

    def _labels(self, program: Program) -> dict[str, str]:
        labels = dict.fromkeys(program.outputs, "second derivative")
        firsts = zip(program.outputs[1:], self._wrt, strict=False)
        labels |= {output: f"derivative by {name}" for output, name in firsts}
        return {**labels, program.outputs[0]: "value"}

    # ---- parts -------------------------------------------------------------------------------------------

    def _run(self, kind: Kind, arrays: Mapping[str, Any]) -> list[Any]:
        return self._get(kind)(arrays)

    def _get(self, kind: Kind) -> Compiled:
        """The compiled function of a kind, made when it is first asked for."""
        if kind not in self._compiled:
            self._compiled[kind] = build(self._derived(kind), FUNCTIONS[kind], self._dtype, self._about())
        return self._compiled[kind]

    def _derived(self, kind: Kind) -> Program:
        """The stabilised program of a kind of result."""
        if kind == "value":
            return computed(self._program)
        if kind != "gradient" and self._program.output.shape:
            shape = ", ".join(str(length) for length in self._program.output.shape)
            raise UnsupportedError(
                f"second derivatives are for scalar formulas; this one has shape ({shape})",
                hint="reduce the formula with sum(..) or mean(..)",
            )
        return computed(self._exact, kind, self._wrt)

    def _directions(self, direction: Any) -> list[Any]:
        if self._single:
            return [direction]
        if isinstance(direction, Mapping):
            check_names(list(self._wrt), list(direction))
            return [direction[name] for name in self._wrt]
        if not isinstance(direction, Sequence) or len(direction) != len(self._wrt):
            raise InputError(
                "the direction does not fit the variables",
                expected=f"a tuple or dict with an array for each of {', '.join(self._wrt)}",
                found=type(direction).__name__,
            )
        return list(direction)

    def _plain(self, results: Sequence[Any]) -> Any:
        return results[0] if self._single else tuple(results)

    def _blocks(self, results: Sequence[Any]) -> Any:
        if self._single:
            return results[0]
        width = len(self._wrt)
        return tuple(tuple(results[row * width : (row + 1) * width]) for row in range(width))

    # ---- pickling, printing --------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        options = {"single": self._single, "order": self._order, "dtype": self._dtype, "text": self._text}
        return _unpickle, (encode_program(self._program), encode_program(self._exact), self._wrt, options)

    def __repr__(self) -> str:
        inputs = "; ".join(declaration(item) for item in self._program.inputs)
        return f"Kernel({inputs}; wrt={', '.join(self._wrt)}; order={self._order}, {self._dtype})"


def _unpickle(program: Any, exact: Any, wrt: Sequence[str], options: dict[str, Any]) -> Kernel:
    return Kernel(decode_program(program), decode_program(exact), tuple(wrt), **options)


def escaped(text: str) -> str:
    """The text as it may stand in a docstring."""
    return text.replace("\\", "\\\\").replace('"""', "\'\'\'")


def kernel(
    f: str | Formula,
    wrt: str | Sequence[str] | None = None,
    order: int = 1,
    dtype: str = "float64",
    threads: int | None = None,
    kinks: Kinks = None,
) -> Kernel:
    """Compiles a formula and its derivatives.

    Args:
        f: a formula, its text, or a catalogue name.
        wrt: the variables of the derivatives; for one name given as a string the derivative is
            an array, for a list a tuple.  By default those of the catalogue entry, or the only input.
        order: 0 for the value, 1 for value and derivative, 2 for the Hessian as well.
        dtype: ``"float64"`` or ``"float32"``, of computation and results.
        threads: a positive number; kernels run on one thread whatever it is, apart from BLAS.
        kinks: the derivatives of functions at their kinks, see :func:`~chainrule.derive.goals.gradient`.

    Raises:
        InputError: wrong options or names.
        UnsupportedError: a formula that cannot be compiled.

    Example:
        >>> k = kernel("x: real[n]; sum(x^2)", wrt="x")
        >>> k(x=[1.0, 2.0])
        (5.0, array([2., 4.]))
    """
    formula = as_formula(f, kinks)
    order, dtype = checked_order(order), checked_dtype(dtype)
    _check_threads(threads)
    names: tuple[str, ...] = () if order == 0 and wrt is None else variables(formula, wrt)
    for function in function_names(definition.body for definition in formula.program.definitions):
        raise no_values(function)
    single = len(names) == 1 and (wrt is None or isinstance(wrt, str))
    text = formula.text or "; ".join(map(declaration, formula.inputs)) + "; " + formula.output.name
    return Kernel(
        formula.program, formula.differentiable, names, single=single, order=order, dtype=dtype, text=text
    )


def checked_order(order: Any) -> int:
    """The number of derivatives, if it is one."""
    if order not in (0, 1, 2) or isinstance(order, bool):
        raise InputError("the order is the number of derivatives", expected="0, 1 or 2", found=repr(order))
    return int(order)


def checked_dtype(dtype: Any) -> str:
    """The name of the float type, if kernels know it."""
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = repr(dtype)
    if name not in DTYPES or dtype is None:
        raise InputError("a kernel computes in float64 or float32", expected=" or ".join(DTYPES), found=repr(dtype))
    return name


def _check_threads(threads: Any) -> None:
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise InputError("threads is a positive integer", expected="1, 2, .. or None", found=repr(threads))
