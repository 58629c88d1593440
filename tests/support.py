"""Shared by the tests: derivatives by differences with many digits, which share no code with the engine."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import mpmath
import numpy as np
import numpy.typing as npt
import sympy as sp
from sympy import Expr, Float

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.numeric import FLOAT64, MPMATH, bind_dims, evaluate, evaluate_definition
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.scalar import Indicator, where
from chainrule.derive.steps import Partial, Step

Values = Mapping[str, npt.NDArray[np.float64]]


@contextlib.contextmanager
def kernels_kept_in(folder: Path) -> Iterator[Path]:
    """Compiled kernels are kept in another folder for a while."""
    previous = os.environ.get("CHAINRULE_CACHE_DIR")
    os.environ["CHAINRULE_CACHE_DIR"] = str(folder)
    yield folder
    del os.environ["CHAINRULE_CACHE_DIR"]
    if previous is not None:
        os.environ["CHAINRULE_CACHE_DIR"] = previous


def run_python(code: str, *arguments: str, folder: Path | None = None) -> str:
    """What another process prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def value_of(program: Program, values: Values) -> npt.NDArray[np.float64]:
    """The first output in double precision."""
    return evaluate(program, values, FLOAT64)[program.outputs[0]]


def cut(program: Program, name: str) -> Program:
    """The program in which the definition ``name`` has become an input."""
    item = program.by_name[name]
    if isinstance(item, Input):
        return program
    definitions = tuple(definition for definition in program.definitions if definition.name != name)
    # What only the cut definition needed stays: it does no harm.
    return Program((*program.inputs, Input(name, item.shape)), definitions, program.outputs)


def differences(program: Program, output: str, variable: str, values: Values) -> npt.NDArray[np.float64]:
    """``d output / d variable`` by central differences at 60 digits; shape output + variable.

    ``variable`` may be a definition, which is then varied on its own.
    """
    with mpmath.workdps(60):
        every = evaluate(program, values, MPMATH)
        opened = cut(program, variable)
        point = {item.name: every[item.name] for item in opened.inputs}
        step = mpmath.mpf(10) ** -20
        shape = every[variable].shape
        result = np.empty(every[output].shape + shape)
        for place in itertools.product(*map(range, shape)):
            sides = []
            for sign in (1, -1):
                moved = np.array(point[variable], dtype=object)
                moved[place] = moved[place] + sign * step
                sides.append(evaluate(opened, {**point, variable: moved}, MPMATH)[output])
            slope = (sides[0] - sides[1]) / (2 * step)
            result[(..., *place)] = np.asarray(slope, dtype=object).astype(float)
        return result




def check_steps(context: Program, steps: Iterable[Step], values: Values) -> int:
    """Asserts that both sides of each step have the same value, on their own; the number compared.

    The side that is a partial derivative is computed by differences of the formula.
    """
    with mpmath.workdps(40):
        env = evaluate(context, values, MPMATH)
        dims = bind_dims(context.inputs, env)
        compared = 0
        for step in steps:
            sides = [_side(context, definition, env, dims, values) for definition in (step.before, step.after)]
            message = f"{step.rule} at {step.where}: {step.before.body} --> {step.after.body}"
            assert sides[0].shape == sides[1].shape, message
            np.testing.assert_allclose(*sides, rtol=1e-9, atol=1e-12, err_msg=message)
            compared += sides[0].size
        return compared


def _side(
    context: Program, definition: Definition, env: Mapping[str, object], dims: Mapping[object, int], values: Values
) -> npt.NDArray[np.float64]:
    body = definition.body
    if isinstance(body, Partial):
        return differences(context, body.output.name, body.variable.name, values)
    numbers = {part: Float(_slope(context, part, values)) for part in body.atoms(Partial)}
    definition = definition.with_body(body.xreplace(numbers))
    return np.asarray(evaluate_definition(definition, env, dims, MPMATH), dtype=float)  # type: ignore[arg-type]


def _slope(context: Program, part: Partial, values: Values) -> float:
    """A partial derivative of a scalar by a scalar."""
    return float(differences(context, part.output.name, part.variable.name, values))


def expanded(expr: Expr) -> Expr:
    """The expression with catalogue functions replaced by their definitions, for SymPy to evaluate."""
    while found := expr.atoms(CatalogFunction):
        expr = expr.xreplace({node: node.entry.expanded(*node.args) for node in found})
    return expr.replace(where, lambda test, chosen, other: sp.Piecewise((chosen, _truth(test)), (other, True)))


def _truth(condition: Expr) -> sp.Basic:
    if not isinstance(condition, Indicator):
        return sp.true if condition == 1 else sp.false
    return {"<": sp.Lt, "<=": sp.Le, "==": sp.Eq}[condition.operator](*condition.args)


def same_value(first: Program, second: Program, output: int = 0) -> None:
    """Asserts that an output of two programs with the same inputs has one value, at two assignments of sizes."""
    assert {item.name for item in first.inputs} == {item.name for item in second.inputs}
    for seed, sizes in enumerate(size_assignments(first)[:2]):
        values = sample(first.inputs, sizes, np.random.default_rng(seed))
        found, expected = (evaluate(each, values, FLOAT64)[each.outputs[output]] for each in (first, second))
        assert np.shape(found) == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)
