"""Stable forms across definitions, and the passes that prepare a program for computation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from sympy import Integer, KroneckerDelta, Mod, log

import chainrule as cr
from chainrule.derive.calculus import derivative_program
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, bound_index, dim, free_index
from chainrule.derive.ranges import is_within
from chainrule.derive.stable import stabilise
from chainrule.kernels.loops import Nest, Task, arrange, tasks_of
from chainrule.kernels.operations import operations
from chainrule.kernels.products import matrix_product
from chainrule.kernels.schedule import schedule

Values = dict[str, npt.NDArray[np.float64]]
SIZES = {"n": 5, "d": 3, "k": 4, "m": 6}
n, m = dim("n"), dim("m")
i, j, k = free_index(0), free_index(1), bound_index(0)


def sample(program: Program, seed: int = 0) -> Values:
    """Numbers for every input, positive where the domain says so."""
    rng = np.random.default_rng(seed)
    values = {}
    for item in program.inputs:
        shape = tuple(SIZES[str(length)] if not length.is_Integer else int(length) for length in item.shape)
        drawn = rng.normal(size=shape)
        if item.domain.values:
            drawn = rng.choice(np.array(item.domain.values, dtype=float), size=shape)
        elif item.domain.sign != "real":
            drawn = rng.uniform(0.2, 0.8, size=shape)
        if item.domain.sums_to_one:
            drawn = drawn / drawn.sum(axis=-1, keepdims=True)
        values[item.name] = np.asarray(drawn, dtype=float)
    return values


def assert_same(before: Program, after: Program) -> None:
    """Both programs have the same outputs with the same values."""
    values = sample(before)
    one, two = evaluate(before, values), evaluate(after, values)
    assert before.outputs == after.outputs
    for name in before.outputs:
        assert one[name].shape == two[name].shape
        assert np.isfinite(one[name]).all()
        np.testing.assert_allclose(two[name], one[name], rtol=1e-11, atol=1e-13)


LOGISTIC = "X: real[n,d]; y: binary[n]; w: real[d]; "

#: Formulas that overflow or cancel as they stand, an input, its dangerous value, and the right result.
DANGEROUS = [
    (LOGISTIC + "p = sigmoid(X@w); -mean(y*log(p) + (1-y)*log(1-p))", "w", [900.0, -800.0, 700.0]),
    (LOGISTIC + "z = X@w; mean(log(1+exp(z)) - y*z)", "w", [900.0, -800.0, 700.0]),
    (LOGISTIC + "e = exp(X@w); mean(log(1+e) - y*log(e))", "w", [900.0, -800.0, 700.0]),
    (LOGISTIC + "q = 1/(1+exp(-(X@w))); -mean(y*log(q) + (1-y)*log(1-q))", "w", [900.0, -800.0, 700.0]),
    ("z: real[k]; y: simplex[k]; s = sum(exp(z)); p = exp(z)/s; -sum(y*log(p))", "z", [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; log(mean(exp(z)))", "z", [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; log(1 + sum(exp(z)))", "z", [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; w: positive[k]; log(sum(w*exp(z)))", "z", [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; log(prod(sigmoid(z)))", "z", [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; e = exp(z); e/sum(e)", "z", [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; sum(log(cosh(z)))", "z", [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; y: binary[k]; sum(y*log(normcdf(z)) + (1-y)*log(1-normcdf(z)))", "z", [80.0, -80.0, 0.0, 9.0]),
    ("z: real[k]; t = tanh(z); sum(log(1 - t^2))", "z", [800.0, -800.0, 0.0, 790.0]),
    ("a: real; b: real; exp(a)/(exp(a) + exp(b))", "a", 1000.0),
    ("z: real[k]; a: real; d: positive; p = sigmoid(a - z); q = sigmoid(a + d - z); -sum(log(q - p))", "z",
     [800.0, -800.0, 0.0, 790.0]),
    ("z: real[k]; c: positive; sum(log(c + exp(z)))", "z", [800.0, -800.0, 0.0, 790.0]),
]


@pytest.mark.parametrize(("text", "name", "value"), DANGEROUS)
def test_dangerous_formulas_stay_finite(text: str, name: str, value: object) -> None:
    program = parse_formula(text)
    stable = stabilise(program)
    assert_same(program, stable)
    values = {**sample(program), name: np.asarray(value, dtype=float)}
    naive, safe = (np.asarray(evaluate(p, values)[program.outputs[0]]) for p in (program, stable))
    assert not np.isfinite(naive).all() or name == "z", "the point was to be dangerous"
    assert np.isfinite(safe).all()
    derivative = stabilise(derivative_program(stable, (name,)))
    slope = evaluate(derivative, values)[derivative.outputs[1]]
    assert np.isfinite(slope).all()
    # The derivative agrees with differences of the stable value.
    moved = {**values, name: values[name] * (1 + 1e-7)}
    direction = moved[name] - values[name]
    change = np.asarray(evaluate(stable, moved)[stable.outputs[0]]) - safe
    np.testing.assert_allclose(
        np.tensordot(slope, direction, axes=direction.ndim), change, rtol=2e-3, atol=1e-9 * (1 + np.abs(safe).max())
    )


@pytest.mark.parametrize(
    "terms", ["exp(S)*(1 - eye(n))", "M*exp(S)", "E*(1 - eye(n))", "E*M", "where(eye(n) == 1, 0, exp(S))"]
)
def test_masks_leave_nothing_of_an_exponential_that_overflows(terms: str) -> None:
    """The denominators of contrastive losses, in which each sample is masked out of its own sum."""
    text = f"S: real[n,n]; M: binary[n,n]; E = exp(S); sum(log(sum({terms}, axis=1)))"
    arrays = {"S": [[900.0, 1.0], [2.0, -900.0]], "M": [[0, 1], [1, 0]]}
    assert cr.formula(text).evaluate(**arrays) == pytest.approx(3.0)
    slope = cr.gradient(text, wrt="S").result["S"].evaluate(**arrays)
    np.testing.assert_allclose(slope, [[0.0, 1.0], [1.0, 0.0]])


def test_a_formula_without_danger_is_left_alone() -> None:
    program = parse_formula("X: real[n,d]; y: real[n]; w: real[d]; r = X@w - y; mean(r^2) + sum(abs(w))")
    assert stabilise(program).definitions == program.definitions


def test_names_are_kept_where_nothing_is_gained() -> None:
    program = parse_formula("z: real[n]; p = sigmoid(z); q = tanh(z); sum(p*q + q*(1 - q^2))")
    bodies = {definition.name: definition.body for definition in stabilise(program).definitions}
    assert {"p", "q"} <= set(bodies)


# ---- the schedule --------------------------------------------------------------------------------

FORMULAS = [
    "X: real[n,d]; y: real[n]; w: real[d]; mean((X@w - y)^2)",
    "A: real[n,m]; B: real[m,k]; C: real[k,n]; trace(A@B@C)",
    "a: real[n]; A: real[n,m]; B: real[m,k]; a@A@B",
    "A: real[n,n]; x: real[n]; (x@A@x)/(x@x)",
    "X: real[n,d]; D = sum(X^2, axis=1, keepdims=True) + sum(X^2, axis=1) - 2*X@X.T; sum(exp(-D))",
    "Z: real[n,k]; Y: real[n,k]; -sum(Y*log_softmax(Z, axis=1))",
    "A: real[n,m]; sum(diag(A@A.T))",
    "A: real[n,m,k]; B: real[n,k,d]; einsum('nmk,nkd->nmd', A, B)",
    "A: real[n,m,k]; B: real[d,m,k]; einsum('nmk,dmk->nd', A, B)",
    "A: real[n,m,k]; B: real[m,k]; einsum('nmk,mk->n', A, B)",
    "a: real[n]; b: real[m]; C: real[n,m]; sum(outer(a,b)*C)",
    "a: real[n]; b: real[m]; c: real[k]; einsum('n,m,k->', a, b, c)",
    "x: real[n]; sum(eye(n) @ x)",
    "A: real[n,m]; max(A, axis=0) + min(A, axis=0) + prod(A, axis=0)",
    "x: real[n]; sum((x[1:] - x[:-1])^2)",
    "x: real[n]; cumsum(x)",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_scheduling_keeps_the_values(text: str) -> None:
    program = parse_formula(text)
    assert_same(program, schedule(program))
    name = program.inputs[0].name
    derivative = derivative_program(program, (name,))
    assert_same(derivative, schedule(derivative))


@pytest.mark.parametrize(
    ("text", "most"),
    [
        ("A: real[n,m]; B: real[m,k]; C: real[k,n]; trace(A@B@C)", 3),
        ("a: real[n]; A: real[n,m]; B: real[m,k]; b: real[k]; a@A@B@b", 2),
        ("a: real[n]; b: real[m]; c: real[k]; einsum('n,m,k->', a, b, c)", 1),
        ("A: real[n,m]; x: real[m]; B: real[n,k]; y: real[k]; sum((A@x)*(B@y))", 2),
        ("A: real[n,m]; B: real[m,k]; C: real[n,k]; sum((A@B)*C)", 3),
    ],
)
def test_no_loop_nest_is_deeper_than_needed(text: str, most: int) -> None:
    scheduled = schedule(parse_formula(text))
    depths = [len(definition.lengths) for definition in scheduled.definitions]
    assert max(depths) <= most, [str(d.body) for d in scheduled.definitions]


def test_products_of_sums_are_contracted_pairwise() -> None:
    a, big, b = Input("a", (n,)), Input("A", (n, m)), Input("B", (m, n))
    left, right = bound_index(0), bound_index(1)
    total = Definition("t", (n,), a[left,] * big[left, right] * b[right, i], "sum", (n, m))
    scheduled = schedule(Program((a, big, b), (total,), ("t",)))
    assert [matrix_product(d) is not None for d in scheduled.definitions] == [True, True]
    assert_same(Program((a, big, b), (total,), ("t",)), scheduled)


def test_deltas_are_solved_not_looped_over() -> None:
    x = Input("x", (n,))
    body = (KroneckerDelta(i, k) - x[k,]) * x[k,] ** 2
    program = Program((x,), (Definition("t", (n,), body, "sum", (n,)),), ("t",))
    scheduled = schedule(program)
    assert not any(definition.body.has(KroneckerDelta) for definition in scheduled.definitions)
    assert_same(program, scheduled)


def test_a_delta_may_fall_outside_the_range() -> None:
    x = Input("x", (n,))
    body = KroneckerDelta(k, i + 1) * x[k,]
    program = Program((x,), (Definition("t", (n,), body, "sum", (n,)),), ("t",))
    values = sample(program)
    shifted = np.append(values["x"][1:], 0.0)
    np.testing.assert_array_equal(evaluate(schedule(program), values)["t"], shifted)


def test_equal_definitions_are_computed_once() -> None:
    x = Input("x", (n,))
    one, two = (Definition(name, (n,), log(1 + x[i,] ** 2)) for name in ("one", "two"))
    total = Definition("t", (), one[k,] * two[k,], "sum", (n,))
    program = Program((x,), (one, two, total), ("t",))
    assert [definition.name for definition in schedule(program).definitions] == ["one", "t"]


def test_indices_within_an_axis() -> None:
    lengths = {i: n, k: m}
    assert is_within(i, n, lengths)
    assert is_within(n - 1 - i, n, lengths)
    assert is_within(Integer(0), n, lengths)
    assert is_within(i + 1, n + 1, lengths)
    assert is_within(Mod(i + 1, n), n, lengths)
    assert not is_within(i + 1, n, lengths)
    assert not is_within(i - 1, n, lengths)
    assert not is_within(k, n, lengths)
    assert not is_within(Integer(1), n, lengths)


def test_loops_over_the_same_rows_are_shared() -> None:
    program = stabilise(parse_formula(LOGISTIC + "p = sigmoid(X@w); -mean(y*log(p) + (1-y)*log(1-p))"))
    derivative = schedule(stabilise(derivative_program(program, ("w",))))
    slots = arrange(tasks_of(derivative.definitions, operations(derivative)))
    nests = [slot for slot in slots if isinstance(slot, Nest)]
    assert len(nests) == 1
    assert isinstance(slots[0], Task)
    assert matrix_product(slots[0].definition) is not None


def test_a_loop_is_not_shared_before_a_sum_is_complete() -> None:
    x = Input("x", (n,))
    total = Definition("s", (), x[k,], "sum", (n,))
    share = Definition("p", (n,), x[i,] / total[()])
    slots = arrange(tasks_of([total, share], ()))
    assert len([slot for slot in slots if isinstance(slot, Nest)]) == 2


