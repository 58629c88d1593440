"""Per-sample losses with their first and second derivatives, as boosting libraries want them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sympy import Expr, S

from chainrule.derive.binding import check_names, declaration
from chainrule.derive.computed import computed
from chainrule.derive.derivation import Kinks
from chainrule.derive.errors import InputError, ShapeError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import variables
from chainrule.derive.program import Definition, Dim, Index, Input, Program, Ref, bound_index, dim, free_index
from chainrule.derive.serialise import decode_program, encode_program
from chainrule.kernels.kernel import KIND_OF_ORDER, build, checked_dtype, checked_order

#: The length of the axis along which samples lie in generated programs.
SAMPLES = dim("samples")


@dataclass(frozen=True)
class PerSample:
    """The loss of one sample.

    Attributes:
        program: inputs and loss, all scalars.
        parameters: the inputs that are the same for all samples.
    """

    program: Program
    parameters: tuple[str, ...]


class ElementwiseKernel:
    """A loss per sample and its derivatives by one prediction.

    Calling it with a value for each input gives ``(loss,)``, ``(loss, first)`` or
    ``(loss, first, second)`` for order 0, 1, 2: arrays of the shape that the inputs broadcast to.
    """

    def __init__(self, loss: PerSample, wrt: str, order: int, dtype: str, text: str) -> None:
        self._loss, self._wrt, self._order, self._dtype, self._text = loss, wrt, order, dtype, text
        program = computed(loss.program, KIND_OF_ORDER[order], (wrt,))
        about = f"The loss of each sample and its derivatives.\n\n{text.strip()}\n"
        self._compiled = build(_over_samples(program, loss.parameters), "loss_per_sample", dtype, about)

    def __call__(self, /, **arrays: Any) -> tuple[Any, ...]:
        """The loss of each sample and its derivatives."""
        names = [item.name for item in self._loss.program.inputs]
        check_names(names, list(arrays))
        columns = {name: arrays[name] for name in names if name not in self._loss.parameters}
        shape, flat = _broadcast(columns)
        results = self._compiled({**arrays, **flat})
        return tuple(result.reshape(shape) if shape else float(result[0]) for result in results)

    @property
    def source(self) -> str:
        """The source of the generated module."""
        return self._compiled.module

    def __reduce__(self) -> tuple[Any, ...]:
        options = (self._loss.parameters, self._wrt, self._order, self._dtype, self._text)
        return _unpickle, (encode_program(self._loss.program), *options)

    def __repr__(self) -> str:
        inputs = "; ".join(declaration(item) for item in self._loss.program.inputs)
        return f"ElementwiseKernel({inputs}; wrt={self._wrt}; order={self._order}, {self._dtype})"


def _unpickle(
    program: Any, parameters: tuple[str, ...], wrt: str, order: int, dtype: str, text: str
) -> ElementwiseKernel:
    return ElementwiseKernel(PerSample(decode_program(program), parameters), wrt, order, dtype, text)


def elementwise(
    f: str | Formula, wrt: str, order: int = 2, dtype: str = "float64", kinks: Kinks = None
) -> ElementwiseKernel:
    """Compiles a loss per sample with its derivatives by one of its inputs.

    The formula has one value per sample, or is the sum or mean over the samples of such values
    (the factor ``1/n`` is left out), or is a function of scalars, which then is applied entry by
    entry to arrays that broadcast.

    Args:
        f: a formula, its text, or a catalogue name.
        wrt: the name of the prediction.
        order: 0, 1 or 2: how many derivatives.
        dtype: ``"float64"`` or ``"float32"``.
        kinks: the derivatives of functions at their kinks, see :func:`~chainrule.derive.goals.gradient`.

    Raises:
        InputError: wrong options or names.
        UnsupportedError: the value of a sample depends on other samples.

    Example:
        >>> e = elementwise("z: real; y: binary; softplus(z) - y*z", wrt="z")
        >>> loss, first, second = e(z=[0.0, 0.0], y=[0, 1])
        >>> first, second
        (array([ 0.5, -0.5]), array([0.25, 0.25]))
    """
    formula = as_formula(f, kinks)
    names = variables(formula, wrt)
    if len(names) > 1:
        raise InputError("a derivative per sample is by one variable", expected="one name", found=", ".join(names))
    loss = per_sample(formula.differentiable, names[0])
    return ElementwiseKernel(loss, names[0], checked_order(order), checked_dtype(dtype), formula.text)


# ---- the term of one sample ------------------------------------------------------------------------


def per_sample(program: Program, wrt: str) -> PerSample:
    """The loss of one sample, for a formula whose samples enter one by one."""
    output = program.output
    if isinstance(output, Input):
        raise _refused(output.name, "an expression of the inputs")
    body, axis = _term(program, output)
    inputs = tuple(Input(item.name, (), item.domain) for item in program.inputs)
    heads = {item.name: item for item in inputs}
    replaced: dict[Expr, Expr] = {}
    for ref in body.atoms(Ref):
        if ref.indices not in ((), (axis,)):
            raise _refused(str(ref), "the entry of the sample itself")
        replaced[ref] = heads[ref.name][()]
    body = body.xreplace(replaced)
    if body.atoms(Index, Dim):
        raise _refused(output.name, "a loss that does not depend on the position or the number of samples")
    parameters = tuple(item.name for item in program.inputs if axis is not None and not item.shape)
    if wrt in parameters:
        raise _refused(wrt, "a variable with a value for each sample")
    return PerSample(Program(inputs, (Definition("loss", (), body),), ("loss",), program.kinks), parameters)


def _term(program: Program, output: Definition) -> tuple[Expr, Index | None]:
    """The loss of one sample in terms of the inputs, and the index that counts the samples."""
    if len(output.shape) > 1:
        raise _refused(output.name, "one axis of samples")
    if output.shape:
        return _written_out(program, output.at(output.free)), free_index(0)
    if output.reduce:
        return _summand(program, output, S.One), bound_index(0)
    whole = _written_out(program, output.body, keep_sums=True)
    sums = [ref for ref in whole.atoms(Ref) if isinstance(program.by_name[ref.name], Definition)]
    if not sums:
        return whole, None
    total, factor = program.by_name[sums[0].name], whole / sums[0]
    if not isinstance(total, Definition) or factor.atoms(Ref):
        raise _refused(output.name, "nothing but the sum or mean over the samples")
    return _summand(program, total, factor), bound_index(0)


def _summand(program: Program, total: Definition, factor: Expr) -> Expr:
    """The term of a sum over samples, times a factor, without the factor 1/n of a mean."""
    if total.reduce != "sum" or len(total.bound) != 1 or total.shape:
        raise _refused(total.name, "the sum or mean over one axis of samples")
    term = factor * _written_out(program, total.body)
    mean = term * total.bound[0]
    return term if mean.atoms(Dim) else mean if term.atoms(Dim) else term


def _written_out(program: Program, body: Expr, keep_sums: bool = False) -> Expr:
    """The expression with every pointwise definition written in."""
    while True:
        found = {}
        for ref in body.atoms(Ref):
            definition = program.by_name[ref.name]
            if isinstance(definition, Input):
                continue
            if not definition.reduce:
                found[ref] = definition.at(ref.indices)
            elif not keep_sums:
                raise _refused(ref.name, "values of the sample itself, not of all samples")
        if not found:
            return body
        body = body.xreplace(found)


def _refused(name: str, expected: str) -> UnsupportedError:
    return UnsupportedError(
        f"the formula has no loss per sample because of {name}", expected=expected,
        hint="kernel() gives the gradient and the Hessian of any formula",
    )  # fmt: skip


# ---- programs over all samples ------------------------------------------------------------------------


def _over_samples(program: Program, parameters: tuple[str, ...]) -> Program:
    """The program with an axis of samples on everything but the parameters."""
    inputs = tuple(
        item if item.name in parameters else Input(item.name, (SAMPLES,), item.domain) for item in program.inputs
    )
    definitions = []
    for definition in program.definitions:
        refs = {
            ref: Ref(ref.args[0], free_index(0)) for ref in definition.body.atoms(Ref) if ref.name not in parameters
        }
        definitions.append(
            Definition(
                definition.name, (SAMPLES,), definition.body.xreplace(refs), sign=definition.sign,
                origin=definition.origin,
            )
        )  # fmt: skip
    return replace(program, inputs=inputs, definitions=tuple(definitions))


def _broadcast(columns: Mapping[str, Any]) -> tuple[tuple[int, ...], dict[str, Any]]:
    """The common shape of the values, and each of them as one long row."""
    arrays = {name: np.asarray(value) for name, value in columns.items()}
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays.values()))
    except ValueError:
        found = ", ".join(f"{name}: {array.shape}" for name, array in arrays.items())
        raise ShapeError("the inputs do not broadcast together", expected="equal shapes", found=found) from None
    return shape, {name: np.broadcast_to(array, shape).reshape(-1) for name, array in arrays.items()}
