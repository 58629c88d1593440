"""Reverse mode against central differences at 60 digits, for every kind of definition and reading."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from support import Values, check_steps, differences
from sympy import Expr, Integer, KroneckerDelta, Rational

from chainrule.derive.calculus import differentiate, hessian_program, hvp_program
from chainrule.derive.catalog.elementwise import abs_, clip, digamma, lgamma, maximum, minimum, relu
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import (
    Definition,
    Input,
    Program,
    Ref,
    bound_index,
    dim,
    free_index,
    head,
)
from chainrule.derive.scalar import less, less_equal, where

n, d = dim("n"), dim("d")
i, j = free_index(0), free_index(1)
k, m = bound_index(0), bound_index(1)
X, A, x = Input("X", (n, d)), Input("A", (n, n)), Input("x", (n,))
u, w = Input("u", (n, Integer(1))), Input("w", (d,))
INPUTS = (X, A, x, u, w)


def entry(name: str, *indices: Expr) -> Ref:
    return Ref(head(name), *indices)


def total(body: Expr, *bound: Expr) -> Definition:
    return Definition("L", (), body, "sum", bound)


half = Rational(1, 2)
ROW_LSE = Definition("s", (n,), X[i, k] * w[k,], "logsumexp", (d,))

CASES: dict[str, list[Definition]] = {
    "diagonal": [total(A[k, k] ** 2, n)],
    "both orders": [total(A[k, m] * A[m, k] * x[k,], n, n)],
    "shifted": [Definition("f", (n - 1,), x[i + 1,] * x[i,] ** 2)],
    "reversed": [total(x[n - 1 - k,] * x[k,] ** 2 * sp.exp(x[k,]), n)],
    "constant index": [total(A[0, k] * x[k,] + A[k, n - 1], n)],
    "product": [Definition("p", (n,), X[i, k], "prod", (d,)), total(entry("p", k) ** 2, n)],
    "product over all": [Definition("L", (), X[k, m], "prod", (n, d))],
    "logsumexp": [ROW_LSE, total(entry("s", k) ** 2, n)],
    "max": [Definition("m", (n,), X[i, k] * w[k,], "max", (d,)), total(sp.sin(entry("m", k)), n)],
    "min over all": [Definition("m", (), X[k, m], "min", (n, d)), total(X[k, m] / entry("m"), n, d)],
    "softmax": [
        Definition("s", (n,), X[i, k], "logsumexp", (d,)),
        Definition("P", (n, d), sp.exp(X[i, j] - entry("s", i))),
        Definition("f", (n,), entry("P", i, k) * w[k,], "sum", (d,)),
    ],
    "unit axis": [Definition("f", (n, d), u[i, 0] * w[j,] + sp.tanh(X[i, j]))],
    "unit axis kept": [Definition("f", (n, Integer(1)), u[i, j] ** 2 * x[i,])],
    "delta in body": [Definition("f", (n, n), KroneckerDelta(i, j) * x[i,] + A[j, i])],
    "lazy choice": [Definition("f", (n,), where(less(0, x[i,]), sp.log(x[i,]), x[i,] ** 2))],
    "kinks": [
        total(
            maximum(x[k,], A[k, 0]) + abs_(x[k,]) * relu(A[k, k]) + minimum(x[k,], 1) + clip(x[k,], -half, half), n
        )
    ],
    "cumulative sum": [Definition("f", (n,), less_equal(k, i) * x[k,] ** 2, "sum", (n,))],
    "vec": [Definition("f", (n * d,), X[sp.Mod(i, n), sp.floor(i / n)] ** 2)],
    "special functions": [total(lgamma(sp.exp(x[k,])) + digamma(sp.exp(x[k,])), n)],
    "read twice": [Definition("r", (n,), A[i, k] * x[k,], "sum", (n,)), total(entry("r", k) * x[k,], n)],
    "rows of length one": [
        Definition("s", (n,), X[i, k] ** 2, "sum", (d,)),
        Definition("f", (n, d), X[i, j] / sp.sqrt(entry("s", i))),
    ],
    "entry by name": [
        Definition("a", (), sp.exp(x[0,])),
        Definition("s", (), sp.exp(sp.exp(x[k,])), "sum", (n,)),
        Definition("f", (), entry("a") * entry("s")),
    ],
    "output is an input": [],
}


def program_of(name: str) -> Program:
    definitions = tuple(CASES[name])
    return Program(INPUTS, definitions, (definitions[-1].name if definitions else "X",))


def sampled(rows: int, columns: int, seed: int = 1) -> Values:
    rng = np.random.default_rng(seed)
    values = {"X": (rows, columns), "A": (rows, rows), "x": (rows,), "u": (rows, 1), "w": (columns,)}
    return {name: rng.normal(size=shape) for name, shape in values.items()}


def used_inputs(program: Program) -> list[str]:
    read = {program.outputs[0]}.union(*(definition.reads for definition in program.definitions))
    return [item.name for item in program.inputs if item.name in read]


@pytest.mark.parametrize("size", [(3, 2), (2, 3)])
@pytest.mark.parametrize("name", CASES)
def test_derivative_agrees_with_differences(name: str, size: tuple[int, int]) -> None:
    program, values = program_of(name), sampled(*size)
    variables = used_inputs(program)
    found = differentiate(program, variables)
    computed = evaluate(found.program, values)
    for variable in variables:
        want = differences(program, program.outputs[0], variable, values)
        np.testing.assert_allclose(computed[found.results[variable]], want, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_each_step_holds_on_its_own_and_leads_to_the_next(name: str) -> None:
    program, values = program_of(name), sampled(3, 2)
    found = differentiate(program, used_inputs(program))
    assert check_steps(found.context, found.steps, values) > 0
    last = {}
    for step in found.steps:
        assert step.where not in last or last[step.where] == step.before
        last[step.where] = step.after
    for result in found.results.values():
        assert replace(last[result], origin="adjoint") == found.program.by_name[result]


@pytest.mark.parametrize("name", [name for name, defs in CASES.items() if defs and not defs[-1].shape])
def test_hessian_and_product_agree_with_differences(name: str) -> None:
    program, values = program_of(name), sampled(2, 3)
    variables = used_inputs(program)
    count = len(variables)
    first = differentiate(program, variables, exact=True)
    hessian, product = hessian_program(program, variables), hvp_program(program, variables)
    blocks = evaluate(hessian, values)
    directions = {f"v_{name}": np.cos(values[name] + 1) for name in variables}
    products = evaluate(product, {**values, **directions})
    for row, a in enumerate(variables):
        expected = np.zeros(values[a].shape)
        for column, b in enumerate(variables):
            want = differences(first.program, first.results[a], b, values)
            got = blocks[hessian.outputs[1 + count + row * count + column]]
            np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-10)
            expected += np.tensordot(want, directions[f"v_{b}"], axes=values[b].ndim)
        np.testing.assert_allclose(products[product.outputs[1 + count + row]], expected, rtol=1e-8, atol=1e-10)


def test_a_product_with_a_zero_factor_has_the_right_gradient() -> None:
    program, values = program_of("product"), sampled(2, 3)
    values["X"][0, 1] = 0.0
    found = differentiate(program, ["X"])
    want = differences(program, "L", "X", values)
    np.testing.assert_allclose(evaluate(found.program, values)[found.results["X"]], want, atol=1e-12)


def test_ties_of_a_maximum_share_equally() -> None:
    program = Program((w,), (Definition("L", (), w[k,], "max", (d,)),), ("L",))
    found = differentiate(program, ["w"])
    shares = evaluate(found.program, {"w": np.array([1.0, 3.0, 3.0])})[found.results["w"]]
    np.testing.assert_array_equal(shares, [0.0, 0.5, 0.5])


def test_a_variable_that_is_not_read_has_gradient_zero() -> None:
    program = Program((x, w), (total(x[k,] ** 2, n),), ("L",))
    found = differentiate(program, ["w"])
    values = {"x": np.ones(2), "w": np.ones(3)}
    np.testing.assert_array_equal(evaluate(found.program, values)[found.results["w"]], np.zeros(3))


def test_an_intermediate_quantity_can_be_the_variable() -> None:
    program, values = program_of("logsumexp"), sampled(3, 2)
    found = differentiate(program, ["s", "w"])
    computed = evaluate(found.program, values)
    np.testing.assert_allclose(computed[found.results["s"]], 2 * computed["s"], rtol=1e-12)
    np.testing.assert_allclose(computed[found.results["w"]], differences(program, "L", "w", values), rtol=1e-9)


def test_derivation_cost_is_linear_in_the_number_of_layers() -> None:
    """Counts definitions and steps; the times are in benchmarks/."""

    def sizes(layers: int) -> tuple[int, int]:
        definitions, previous = [], "X"
        inputs = [Input("X", (n, d))]
        for layer in range(layers):
            inputs.append(Input(f"W{layer}", (d, d)))
            product = entry(previous, i, k) * inputs[-1][k, j]
            definitions.append(Definition(f"z{layer}", (n, d), product, "sum", (d,)))
            definitions.append(Definition(f"h{layer}", (n, d), sp.tanh(entry(f"z{layer}", i, j))))
            previous = f"h{layer}"
        definitions.append(Definition("L", (), entry(previous, k, m) ** 2, "sum", (n, d)))
        program = Program(tuple(inputs), tuple(definitions), ("L",))
        found = differentiate(program, [item.name for item in inputs[1:]])
        return len(found.program.definitions), len(found.steps)

    five, ten, twenty = sizes(5), sizes(10), sizes(20)
    assert twenty[0] - ten[0] == 2 * (ten[0] - five[0])
    assert twenty[1] - ten[1] == 2 * (ten[1] - five[1])
