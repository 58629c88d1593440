"""Chosen derivatives at kinks: in every way of computing them, against one-sided differences in many digits."""

import json
import pickle
import random
from collections.abc import Iterator
from pathlib import Path

import mpmath
import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner
from support import kernels_kept_in

import chainrule as cr
from chainrule import cli
from chainrule.derive.catalog.elementwise import ELEMENTWISE, step
from chainrule.derive.errors import InputError, UnknownNameError
from chainrule.derive.kinks import CHOOSABLE
from chainrule.derive.numeric import MPMATH, evaluate


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of its own for compiled kernels."""
    with kernels_kept_in(tmp_path_factory.mktemp("kinks") / "cache") as folder:
        yield folder


KINKED = [entry for entry in ELEMENTWISE if entry.kink]
STEP = mpmath.mpf(10) ** -25


def one_sided(formula: cr.Formula, at: float) -> tuple[float, float]:
    """The slopes of a formula of ``x`` on the left and on the right."""

    def value(x: mpmath.mpf) -> mpmath.mpf:
        found = evaluate(formula.program, {"x": np.array(x, dtype=object)}, MPMATH)
        return found[formula.output.name].item()

    with mpmath.workdps(50):
        middle = mpmath.mpf(at)
        slopes = [(value(middle + sign * STEP) - value(middle)) / (sign * STEP) for sign in (-1, 1)]
    return float(slopes[0]), float(slopes[1])


def everywhere(formula: cr.Formula, kinks: dict[str, object], x: float) -> list[float]:
    """The derivative by ``x``: evaluated, from a kernel, from NumPy source, for samples, as a Jacobian."""
    derived = cr.gradient(formula, "x", kinks=kinks)
    names: dict[str, object] = {}
    exec(derived.result["x"].numpy("derived"), names)
    return [
        derived.result["x"].evaluate(x=x),
        cr.kernel(formula, "x", kinks=kinks).gradient(x=x),
        float(names["derived"](np.float64(x))),
        cr.elementwise(formula, "x", order=1, kinks=kinks)(x=[x])[1].item(),
        cr.jacobian(formula, "x", kinks=kinks).result["x"].evaluate(x=x),
        cr.Derivation.from_json(derived.to_json()).result["x"].evaluate(x=x),
    ]


#: A formula of x with a kink, where it is, and choices with the weight of the slope on the right.
CHOSEN = [
    ("abs(x)", 0, {"abs": 1}, 1),
    ("abs(x)", 0, {"abs": "left"}, 0),
    ("abs(x)", 0, {"abs": 0.5}, 0.75),
    ("abs(x - 3)", 3, {"abs": 1}, 1),
    ("exp(x)*abs(2*x - 1)", 0.5, {"abs": "right"}, 1),
    ("relu(x)", 0, {"relu": 1}, 1),
    ("relu(x)", 0, {"relu": 0.25}, 0.25),
    ("relu(x)", 0, {"relu": "middle"}, 0.5),
    ("relu(1 - 2*x)^3 + relu(2*x - 1)", 0.5, {"relu": 1}, 1),
    ("log(2 + relu(sin(x)))", 0, {"relu": 1}, 1),
    ("leaky_relu(x)", 0, {"leaky_relu": 1}, 1),
    ("leaky_relu(x, 0.5)", 0, {"leaky_relu": "middle"}, 0.5),
    ("elu(x, 2)", 0, {"elu": 1}, 1),
    ("elu(x, 2)", 0, {"elu": "left"}, 0),
    ("maximum(x, 1)", 1, {"maximum": "first"}, 1),
    ("maximum(1, x)", 1, {"maximum": "first"}, 0),
    ("maximum(x^2, 1)", 1, {"maximum": 0.25}, 0.25),
    ("minimum(x, 1)", 1, {"minimum": "first"}, 0),
    ("minimum(x, 1)", 1, {"minimum": "last"}, 1),
    ("clip(x, -1, 1)", -1, {"maximum": "first"}, 1),
    ("clip(x, -1, 1)", 1, {"minimum": "first"}, 0),
    ("hardtanh(x)", 1, {"minimum": "right"}, 1),
]


@pytest.mark.parametrize(("text", "at", "kinks", "weight"), CHOSEN)
def test_the_chosen_value_is_used_everywhere(text: str, at: float, kinks: dict[str, object], weight: float) -> None:
    formula = cr.formula(f"x: real; {text}")
    left, right = one_sided(formula, at)
    assert abs(left - right) > 1e-3
    expected = (1 - weight) * left + weight * right
    np.testing.assert_allclose(everywhere(formula, kinks, at), expected, rtol=1e-12, atol=1e-15)


def _random_formula(seed: int) -> tuple[str, dict[str, object], float, float]:
    """A formula whose only kink is at a point, a choice there, and the weight of the slope on the right."""
    pick = random.Random(seed)
    name = pick.choice([entry.name for entry in KINKED])
    at, slope, weight = pick.randint(-3, 3), pick.choice([-2, -1, 1, 3]), pick.choice([0, 0.25, 0.5, 1])
    other = ", 0" if name in {"maximum", "minimum"} else ""
    outer = pick.choice(["3*{}", "-2*{}", "exp(x)*{}", "sin({}) + x^2", "log(2 + x^2 + {}) - x"])
    # |u| and |-u| are one function.
    slope = abs(slope) if name == "abs" else slope
    inner = f"({slope}*x - {slope * at})*{pick.choice(['1', 'exp(x)', '(x^2 + 1)'])}"
    entry = next(entry for entry in KINKED if entry.name == name)
    values = dict(zip(entry.args, [sp.S.Zero, *(entry.defaults or [sp.S.Zero])], strict=False))
    low, high = (float(value) for value in entry.kink.slopes(values))
    choice = low + weight * (high - low)
    # The slope "above" is that of the first argument; for a minimum it is on the left.
    rising = (slope > 0) != (name == "minimum")
    return f"x: real; {outer.format(f'{name}({inner}{other})')}", {name: choice}, at, weight if rising else 1 - weight


@pytest.mark.parametrize("seed", range(24))
def test_choices_in_random_formulas(seed: int) -> None:
    text, kinks, at, weight = _random_formula(seed)
    formula = cr.formula(text)
    left, right = one_sided(formula, at)
    expected = (1 - weight) * left + weight * right
    np.testing.assert_allclose(everywhere(formula, kinks, at), expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("entry", KINKED, ids=lambda entry: entry.name)
def test_the_table_of_kinks_is_that_of_the_derivatives(entry: object) -> None:
    for x, y in ((-2, 1), (0, 0), (3, 1)):
        point = dict(zip(entry.args, (sp.Integer(x), sp.Integer(y)), strict=False))
        if entry.defaults:
            point[entry.args[1]] = sp.Rational(1, 3)
        for position in range(len(entry.args)):
            usual = entry.function(*entry.args).diff(entry.args[position]).xreplace(point)
            usual = usual.replace(lambda node: node.func == step.function, lambda node: step.expanded(*node.args))
            table = entry.kink.derivative(position, entry.kink.usual).xreplace(point).doit()
            assert sp.N(usual.doit() - table, 30) == 0


TIED = [2.0, 5.0, 1.0, 5.0, 5.0]


@pytest.mark.parametrize("reduction", ["max", "min"])
@pytest.mark.parametrize(("choice", "position"), [("first", 1), ("last", 4)])
def test_one_entry_gets_the_derivative_of_a_tie(reduction: str, choice: str, position: int) -> None:
    sign = 1 if reduction == "max" else -1
    x = sign * np.array(TIED)
    formula = cr.formula(f"x: real[n]; {reduction}(x)^2")
    expected = np.zeros(5)
    expected[position] = 2 * x[position]
    derived = cr.gradient(formula, kinks={reduction: choice})
    np.testing.assert_array_equal(derived.result["x"].evaluate(x=x), expected)
    np.testing.assert_array_equal(cr.kernel(formula, kinks={reduction: choice}).gradient(x=x), expected)
    shared = cr.gradient(formula, kinks={reduction: "shared"}).result["x"].evaluate(x=x)
    np.testing.assert_allclose(shared, 2 * x[1] / 3 * (x == x[1]))


@pytest.mark.parametrize("size", [(3, 4), (2, 6)])
def test_the_first_of_a_tie_is_that_of_numpy(size: tuple[int, int]) -> None:
    x = np.random.default_rng(0).integers(0, 3, size).astype(float)
    whole = np.zeros(size)
    whole.flat[np.argmax(x)] = 1
    rows = np.eye(size[1])[np.argmax(x, axis=1)]
    for text, expected in (("max(X)", whole), ("sum(max(X, axis=1))", rows)):
        derived = cr.gradient(f"X: real[n, d]; {text}", kinks={"max": "first"}).result["X"]
        kernel = cr.kernel(f"X: real[n, d]; {text}", kinks={"max": "first"})
        np.testing.assert_array_equal(derived.evaluate(X=x), expected)
        np.testing.assert_array_equal(kernel.gradient(X=x), expected)


def test_choices_hold_in_second_derivatives_and_products() -> None:
    text = "x: real[n]; sum(x*abs(x))"
    hessian = cr.hessian(text, kinks={"abs": 1}).result["x"].evaluate(x=[0.0, 2.0, -1.0])
    np.testing.assert_array_equal(hessian, np.diag([2.0, 2.0, -2.0]))
    kernel = cr.kernel(text, order=2, kinks={"abs": 1})
    np.testing.assert_array_equal(kernel.hessian(x=[0.0, 2.0, -1.0]), hessian)
    np.testing.assert_array_equal(kernel.hvp([1.0, 1.0, 1.0], x=[0.0, 2.0, -1.0]), hessian.sum(axis=0))
    product = cr.hvp(text, kinks={"abs": 1}).result["x"].evaluate(x=[0.0], v_x=[3.0])
    np.testing.assert_array_equal(product, [6.0])


def test_kernels_with_different_choices_are_different() -> None:
    text = "x: real[n]; sum(relu(x))"
    usual, chosen = cr.kernel(text), cr.kernel(text, kinks={"relu": 1})
    assert usual.gradient(x=[0.0]) == [0.0]
    assert chosen.gradient(x=[0.0]) == [1.0]
    assert pickle.loads(pickle.dumps(chosen)).gradient(x=[0.0]) == [1.0]
    assert usual.source != chosen.source


def test_a_choice_stays_with_further_derivatives_and_can_be_taken_back() -> None:
    slope = cr.jacobian("x: real[n]; x*relu(x)", kinks={"relu": 1})
    assert dict(slope.formula.program.kinks)["relu"] == 1
    again = cr.gradient(slope.formula.program and cr.formula("x: real[n]; sum(relu(x))"), kinks={"relu": "left"})
    assert again.formula.program.kinks == ()
    assert cr.gradient(cr.gradient("x: real; x*relu(x)", kinks={"relu": 1}).result["x"]).result["x"].evaluate(x=0) == 2


@pytest.mark.parametrize("text", ["max(eigvalsh(A))", "sum(relu(eigvalsh(A)))", "max(eigvalsh(A)^2)"])
def test_second_derivatives_of_kinks_of_eigenvalues(text: str) -> None:
    a = np.array([[1.0, 0.3], [0.3, -2.0]])
    kernel = cr.kernel(f"A: symmetric[n, n]; {text}", order=2)
    v, h = np.array([[0.2, -0.1], [-0.1, 0.5]]), 1e-6
    differences = (kernel.gradient(A=a + h * v) - kernel.gradient(A=a - h * v)) / (2 * h)
    np.testing.assert_allclose(kernel.hvp(v, A=a), differences, atol=1e-8)
    np.testing.assert_allclose(np.einsum("ijkl,kl", kernel.hessian(A=a), v), differences, atol=1e-8)


def test_verify_tells_the_chosen_subgradient_from_others() -> None:
    text, note = "x: real[n]; sum(relu(x))", "not the one that chainrule uses"
    same = cr.verify(text, "x", "where(x < 0, 0, 1)", kinks={"relu": 1})
    other = cr.verify(text, "x", "where(x < 0, 0, 1)")
    assert same.verdict == other.verdict == "proved"
    assert note not in same.report()
    assert note in other.report()


@pytest.mark.parametrize(
    ("kinks", "words"),
    [
        ({"relu": 2}, "a number from 0 to 1 or 'left' or 'right' or 'middle'"),
        ({"abs": "up"}, "a number from -1 to 1"),
        ({"abs": True}, "found:    True"),
        ({"abs": float("nan")}, "found:    nan"),
        ({"leaky_relu": 0}, "a number from 1/100 to 1"),
        ({"maximum": "middle"}, "'shared' or 'first' or 'last'"),
        ({"max": 1}, "'shared' or 'first' or 'last'"),
        ("relu", "a mapping such as"),
    ],
)
def test_impossible_values_say_what_is_possible(kinks: object, words: str) -> None:
    with pytest.raises(InputError) as caught:
        cr.gradient("x: real[n]; sum(relu(x))", kinks=kinks)
    assert words in str(caught.value)


@pytest.mark.parametrize(("slope", "possible"), [("a", "'left' or"), ("2", "a number from 1 to 2"), ("1", "number 1")])
def test_the_slopes_of_the_formula_bound_the_choice(slope: str, possible: str) -> None:
    with pytest.raises(InputError, match=possible):
        cr.gradient(f"x: real; a: real; elu(x, {slope})", "x", kinks={"elu": 3})


def test_unknown_functions_list_those_that_are_known() -> None:
    with pytest.raises(UnknownNameError) as caught:
        cr.gradient("x: real[n]; sum(relu(x))", kinks={"sign": 1})
    assert all(name in str(caught.value) for name in CHOOSABLE)
    with pytest.raises(UnknownNameError, match="clip is written with maximum and minimum"):
        cr.kernel("x: real[n]; sum(relu(x))", kinks={"clip": 1})


def test_choices_on_the_command_line() -> None:
    arguments = ["x: real[n]; sum(relu(x))", "--wrt", "x", "--kink", "relu=1/4", "--kink", "max=first"]
    shown = CliRunner().invoke(cli.cli, ["show", *arguments, "--json"], standalone_mode=False).return_value
    assert json.loads(json.dumps(shown.data))["derivation"]["formula"]["program"]["kinks"] == {
        "max": "first", "relu": "1/4",
    }  # fmt: skip
    assert cli.run(["compile", *arguments]) == 0
    assert cli.run(["verify", *arguments, "--claim", "where(x < 0, 0, where(x > 0, 1, 1/4))"]) == 0
    assert cli.run(["show", "x: real; abs(x)", "--kink", "abs"]) == 2
    assert cli.run(["show", "x: real; abs(x)", "--kink", "abs=3"]) == 2
