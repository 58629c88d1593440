"""Formulas beside the same functions written with NumPy: values, Jacobians, Hessians, sources and kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

import chainrule as cr
from chainrule.derive.checking.sampling import sample
from chainrule.derive.program import Program

jax.config.update("jax_enable_x64", True)

Arrays = dict[str, npt.NDArray[Any]]
#: Two assignments in which no two lengths are equal by chance in both.
SIZES = (
    {"n": 5, "d": 3, "k": 4, "m": 7, "p": 2, "v": 6},
    {"n": 4, "d": 5, "k": 2, "m": 6, "p": 3, "v": 5},
)


@dataclass(frozen=True)
class Case:
    """A formula and the same in NumPy, as a function of the module ``np`` and the inputs.

    ``sizes`` are lengths that the NumPy function needs; they are passed to it by name.
    """

    text: str
    same: Callable[..., Any]
    sizes: tuple[str, ...] = ()

    def reference(self, sizes: Mapping[str, int]) -> Callable[..., Any]:
        """The NumPy function with the sizes put in."""
        extra = {name: sizes[name] for name in self.sizes}
        return lambda np_, **arrays: self.same(np_, **arrays, **extra)


def point(program: Program, sizes: Mapping[str, int], seed: int = 0) -> Arrays:
    """Values of the inputs; labels are integers."""
    dims = {length: sizes[length.name] for length in program.dims}
    values = sample(program.inputs, dims, np.random.default_rng(seed))
    return {item.name: values[item.name].astype(int) if item.selects else values[item.name] for item in program.inputs}


def variables(program: Program) -> list[str]:
    """The inputs that one may differentiate by."""
    return [item.name for item in program.inputs if not item.domain.integer]


def jax_jacobian(same: Callable[..., Any], arrays: Arrays, name: str) -> npt.NDArray[Any]:
    """The derivative by one input, forward mode, in double precision."""
    rest = {key: jnp.asarray(value) for key, value in arrays.items() if key != name}
    function = jax.jacfwd(lambda x: jnp.asarray(same(jnp, **rest, **{name: x})))
    return np.asarray(function(jnp.asarray(arrays[name], dtype=float)))


def jax_hessian(same: Callable[..., Any], arrays: Arrays, name: str) -> npt.NDArray[Any]:
    """The second derivative by one input."""
    rest = {key: jnp.asarray(value) for key, value in arrays.items() if key != name}
    function = jax.hessian(lambda x: jnp.asarray(same(jnp, **rest, **{name: x})))
    return np.asarray(function(jnp.asarray(arrays[name], dtype=float)))


def agree(found: Any, expected: Any, message: str = "") -> None:
    """Asserts equal shapes and equal values to 1e-9."""
    assert np.shape(found) == np.shape(expected), f"{message}: {np.shape(found)} instead of {np.shape(expected)}"
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10, err_msg=message)


def run_source(formula: cr.Formula, arrays: Arrays) -> Any:
    """What the NumPy source of a formula computes."""
    space: dict[str, Any] = {}
    exec(compile(formula.numpy("run"), "<source>", "exec"), space)  # the source is our own output
    inputs = [arrays[item.name] for item in formula.inputs]
    return space["run"](*inputs)


def check_value_and_derivatives(case: Case, sizes: Mapping[str, int]) -> None:
    """Value, Jacobian by every input, both also as NumPy source."""
    f = cr.formula(case.text)
    arrays = point(f.program, sizes)
    same = case.reference(sizes)
    agree(f.evaluate(**arrays), same(np, **arrays), case.text)
    agree(run_source(f, arrays), same(np, **arrays), f"source of {case.text}")
    for name in variables(f.program):
        derive = cr.jacobian if f.shape else cr.gradient
        result = derive(f, wrt=name).result[name]
        expected = jax_jacobian(same, arrays, name)
        agree(result.evaluate(**arrays), expected, f"{case.text} by {name}")
        agree(run_source(result, arrays), expected, f"source of {case.text} by {name}:\n{result.numpy()}")


def check_kernel(case: Case, sizes: Mapping[str, int], order: int = 1) -> None:
    """The compiled value and derivatives; the first ones beside what is evaluated (see above)."""
    f = cr.formula(case.text)
    arrays = point(f.program, sizes)
    names = variables(f.program)
    results = cr.kernel(f, wrt=names, order=order)(**arrays)
    agree(results[0], case.reference(sizes)(np, **arrays), case.text)
    first = (cr.jacobian if f.shape else cr.gradient)(f, wrt=names)
    for name, found in zip(names, results[1], strict=True):
        agree(found, first.result[name].evaluate(**arrays), f"kernel of {case.text} by {name}")
    for place, name in enumerate(names if order == 2 else ()):
        expected = jax_hessian(case.reference(sizes), arrays, name)
        agree(results[2][place][place], expected, f"Hessian of {case.text} by {name}")


def check_hessian(case: Case, name: str, sizes: Mapping[str, int]) -> None:
    """The second derivative of a scalar formula by one input, evaluated and compiled."""
    f = cr.formula(case.text)
    arrays = point(f.program, sizes)
    expected = jax_hessian(case.reference(sizes), arrays, name)
    result = cr.hessian(f, wrt=name).result[name]
    agree(result.evaluate(**arrays), expected, f"Hessian of {case.text}")
    agree(run_source(result, arrays), expected, f"source of the Hessian of {case.text}")
    agree(cr.kernel(f, wrt=name, order=2).hessian(**arrays), expected, f"kernel of the Hessian of {case.text}")
