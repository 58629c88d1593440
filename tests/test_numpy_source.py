"""Generated NumPy source runs and gives the program's values."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from random_programs import SIZES, programs, values_of
from sympy import Integer

from chainrule.derive.calculus import derivative_program, hessian_program
from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.goals import gradient
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, bound_index, dim, free_index
from chainrule.derive.render.numpy_source import numpy_source


def run(source: str, name: str, values: dict[str, Any]) -> Any:
    space: dict[str, Any] = {}
    exec(compile(source, "<generated>", "exec"), space)
    return space[name](*values.values())


def assert_runs(program: Program, sizes: dict[str, int]) -> None:
    values = values_of(program, sizes)
    expected = evaluate(program, values)
    with np.errstate(all="ignore"):
        found = run(numpy_source(program, "function"), "function", values)
    outputs = found if len(program.outputs) > 1 else (found,)
    for name, value in zip(program.outputs, outputs, strict=True):
        assert np.shape(value) == expected[name].shape, name
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_programs(program: Program) -> None:
    everything = program.with_definitions(program.definitions, [d.name for d in program.definitions])
    for sizes in SIZES:
        assert_runs(everything, sizes)


FORMULAS = [
    "X: real[n, m]; y: binary[n]; w: real[m]; p = sigmoid(X@w); -mean(y*log(p) + (1-y)*log(1-p))",
    "X: real[n, m]; Y: simplex[n, k]; w: real[m, k]; -mean(sum(Y*log(softmax(X@w, axis=1)), axis=1))",
    "X: real[n, m]; W: real[m, k]; w: real[k]; sum(tanh(X@W)@w)",
    "T: real[n, k]; U: real[n, m]; w: real[k, m]; norm(T - U@w.T)^2",
    "x: real[n]; w: real[n]; logsumexp(x*w) + max(w) + prod(w) + norm(w)",
    "X: real[n, m]; w: real[m]; sum(sum((X[:, None, :] - X[None, :, :])^2, axis=2)*exp(w[0]))",
    "x: real[n]; w: real[n]; sum(where(x > 0, w*x, w^2)) + sum(x[1:]*w[1:])",
    "x: real[n]; w: positive[n]; sum(lgamma(w)) + sum(erf(x*w)) + sum(gelu(x*w)) + sum(relu(x*w)) + digamma(w[0])",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_gradients_and_hessians(text: str) -> None:
    program = parse_formula(text)
    for sizes in SIZES:
        assert_runs(derivative_program(program, ("w",)), sizes)
        assert_runs(hessian_program(program, ("w",)), sizes)


@pytest.mark.parametrize("entry", ELEMENTWISE, ids=lambda entry: entry.name)
def test_every_elementwise_function(entry: Any) -> None:
    arguments = [Input(f"x{n}", (dim("n"),)) for n in range(len(entry.args))]
    if entry.name == "polygamma":
        body = entry(Integer(2), arguments[1][(free_index(0),)])
    else:
        body = entry(*(item[(free_index(0),)] for item in arguments))
    program = Program(tuple(arguments), (Definition("z", (dim("n"),), body),), ("z",))
    values = {item.name: np.array([0.3, 0.6, 0.9]) + (entry.name == "arccosh") for item in arguments}
    found = run(numpy_source(program, "function"), "function", values)
    np.testing.assert_allclose(found, evaluate(program, values)["z"], rtol=1e-12)


def test_the_source_reads_as_an_expert_writes_it() -> None:
    program = parse_formula("X: real[n, d]; y: real[n]; w: real[d]; r = X@w - y; norm(r)^2/n")
    gradient = derivative_program(program, ("w",))
    source = numpy_source(gradient.with_definitions(gradient.definitions, [gradient.outputs[1]]), "gradient")
    assert source == (
        "import numpy as np\n\n\n"
        "def gradient(X, y, w):\n"
        '    """Return grad_w[d] of X[n, d], y[n], w[d]."""\n'
        "    n = X.shape[0]\n"
        "    r = X @ w - y\n"
        "    return 2 / n * (X.T @ r)\n"
    )


def test_matrix_vector_products_come_first() -> None:
    program = parse_formula("A: real[n, n]; B: real[n, n]; x: real[n]; A@B@x")
    assert "A @ (B @ x)" in numpy_source(program, "f")
    weighted = parse_formula("X: real[n, d]; s: real[n]; X.T @ diag(s) @ X")
    assert "diag" not in numpy_source(weighted, "f")


def test_keywords_and_taken_names_get_an_underscore() -> None:
    names = ("lambda", "np", "relu", "f")
    x = [Input(name) for name in names]
    body = sum(item[()] * (number + 2) for number, item in enumerate(x))
    program = Program(tuple(x), (Definition("class", (), body),), ("class",))
    source = numpy_source(program, "f")
    assert "def f(lambda_, np_, relu, f_):" in source
    assert run(source, "f", dict(zip(names, (1, 2, 3, 4), strict=True))) == 1 * 2 + 2 * 3 + 3 * 4 + 4 * 5


def test_names_of_functions_that_the_source_does_not_call_stay() -> None:
    assert "def evaluate(gamma, relu, x)" in numpy_source(parse_formula("gamma, relu, x: real; exp(gamma*x)*relu"))
    called = numpy_source(parse_formula("gelu, x: real; gelu(x) + gelu"))
    assert "def evaluate(gelu_, x)" in called


def test_an_input_as_output() -> None:
    assert run(numpy_source(parse_formula("x: real[n]; x"), "f"), "f", {"x": np.ones(2)}).tolist() == [1, 1]


def test_logarithm_of_zero_times_zero_is_zero() -> None:
    program = parse_formula("p: nonnegative[n]; -sum(p*log(p))")
    assert run(numpy_source(program, "f"), "f", {"p": np.array([0.0, 1.0])}) == 0


def test_stable_functions_stay_finite_without_warnings() -> None:
    program = parse_formula("x: real[n]; sum(sigmoid(x)) + sum(softplus(x)) + sum(logcosh(x))")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = run(numpy_source(program, "f"), "f", {"x": np.array([-1000.0, 1000.0])})
    np.testing.assert_allclose(value, 1 + 1000 + 2 * (1000 - np.log(2)))


def test_shifted_entries_and_three_axes_have_explicit_axes() -> None:
    n, x = dim("n"), Input("x", (dim("n"),))
    i, j, k = free_index(0), bound_index(0), bound_index(1)
    definitions = (
        Definition("z", (n,), abs(x[(i,)] - x[(j,)] * x[(k,)]), "max", (n, n)),
        Definition("u", (n,), x[(n - 1 - i,)] + i),
    )
    assert_runs(Program((x,), definitions, ("z", "u")), {"n": 4})


def test_repeated_parts_are_computed_once() -> None:
    program = parse_formula("X: real[n, d]; w: real[d]; sum(exp(X@w)) + sum((X@w)^2)")
    source = numpy_source(derivative_program(program, ("w",)), "f")
    assert source.count("X @ w") == 1


def test_an_entry_that_attains_a_maximum_equals_it_to_the_last_digit() -> None:
    derivation = gradient("X: real[n, d]; w: real[d]; u: real[n]; max(u*(X @ w)/(1 + exp(u)))", "w")
    generator = np.random.default_rng(0)
    for _ in range(50):
        values = {name: generator.normal(size=shape) for name, shape in (("X", (5, 3)), ("w", 3), ("u", 5))}
        scores = values["u"] * (values["X"] @ values["w"]) / (1 + np.exp(values["u"]))
        best = int(np.argmax(scores))
        want = values["u"][best] * values["X"][best] / (1 + np.exp(values["u"][best]))
        np.testing.assert_allclose(run(derivation.numpy(), "gradient", values), want, rtol=1e-12)
