"""Traced functions: the same program as text, the same derivative as JAX, refusals by name and place."""

from __future__ import annotations

import functools
import inspect
import math
import types
from collections.abc import Callable
from fractions import Fraction
from typing import Any, get_args

import jax
import jax.numpy as jnp
import jax.scipy.special
import numpy as np
import pytest
import refused_table
import traced_table
from scipy import special
from traced_table import CASES, Case

import chainrule as cr
from chainrule.derive.catalog.tensor_functions import ArgumentKind
from chainrule.derive.checking.sampling import sample
from chainrule.derive.errors import ChainruleError
from chainrule.derive.tracing import arrays, structure, table, ufuncs

jax.config.update("jax_enable_x64", True)

SIZES = ({"n": 5, "d": 3, "k": 4, "m": 2, "q": 2, "p": 3}, {"n": 2, "d": 4, "k": 3, "m": 5, "q": 1, "p": 1})


class JaxNumpy:
    """NumPy's names in JAX, which has no ``like=``."""

    def __getattr__(self, name: str) -> Any:
        return getattr(jnp, name)

    def eye(self, n: int, like: Any = None) -> Any:
        return jnp.eye(n)

    def ones(self, shape: Any, like: Any = None) -> Any:
        return jnp.ones(shape)


def under_jax(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with JAX in the place of NumPy and SciPy."""
    names = {**vars(traced_table), "np": JaxNumpy(), "special": jax.scipy.special}
    assert isinstance(function, types.FunctionType)
    return types.FunctionType(function.__code__, names, argdefs=function.__defaults__)


@functools.cache
def formula_of(case: Case) -> cr.Formula:
    return cr.formula(case.function, **case.declarations)


def points(case: Case, sizes: dict[str, int]) -> dict[str, Any]:
    program = formula_of(case).program
    return sample(program.inputs, {d: sizes[d.name] for d in program.dims}, np.random.default_rng(7))


by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@by_name
def test_the_program_is_that_of_the_text(case: Case) -> None:
    assert formula_of(case).program == cr.formula(case.text, **case.declarations).program


@pytest.mark.parametrize("row", traced_table.LABELS, ids=lambda row: row[0].__name__)
def test_labels_are_those_of_the_text(row: tuple[Any, ...]) -> None:
    function, text, declarations = row
    formula = cr.formula(function, **declarations)
    assert formula.program == cr.formula(text, **declarations).program
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {"Z": rng.normal(size=(3, 4)), "E": rng.normal(size=(4, 5)), "y": np.array([2, 1, 3])}
    given = {item.name: arrays.get(item.name, arrays["y"]) for item in formula.inputs}
    np.testing.assert_allclose(formula.evaluate(**given), function(**given), rtol=1e-12)


@by_name
def test_the_function_computes_the_formula(case: Case) -> None:
    for sizes in SIZES:
        values = points(case, sizes)
        np.testing.assert_allclose(formula_of(case).evaluate(**values), case.function(**values), rtol=1e-10, atol=1e-14)


@by_name
def test_the_gradient_is_that_of_jax(case: Case) -> None:
    result = cr.gradient(formula_of(case), wrt=case.wrt).result[case.wrt]
    for sizes in SIZES:
        values = {name: jnp.asarray(value) for name, value in points(case, sizes).items()}
        place = list(inspect.signature(case.function).parameters).index(case.wrt)
        expected = jax.grad(under_jax(case.function), argnums=place)(*[values[name] for name in case.parameters])
        np.testing.assert_allclose(result.evaluate(**values), expected, rtol=1e-9, atol=1e-12)


# ---- refusals -------------------------------------------------------------------------------------


def declared(function: Callable[..., Any]) -> dict[str, str]:
    return {name: refused_table.DECLARATIONS[name] for name in inspect.signature(function).parameters}


def refusal(function: Callable[..., Any], **declarations: str) -> ChainruleError:
    with pytest.raises(ChainruleError) as caught:
        cr.formula(function, **declarations)
    return caught.value


@pytest.mark.parametrize("row", refused_table.REFUSED, ids=lambda row: row[0].__name__)
def test_what_cannot_be_traced_is_refused_by_name_and_place(row: tuple[Any, ...]) -> None:
    function, code, message, excerpt, hint = row
    error = refusal(function, **declared(function))
    assert error.code == code
    assert message in error.message
    assert hint in error.hint
    assert (error.span.excerpt if error.span else "") == excerpt or not excerpt
    if excerpt:
        assert error.span is not None
        first = inspect.getsourcelines(function)[1]
        assert error.span.file == refused_table.__file__
        assert first < error.span.line <= first + 10


@pytest.mark.parametrize("function", [refused_table.random_factor])
def test_what_changes_between_runs_is_refused(function: Callable[..., Any]) -> None:
    assert "does something else when it is run again" in refusal(function, w="real[n]").message


# ---- as in NumPy ----------------------------------------------------------------------------------


@pytest.mark.parametrize("function", traced_table.AS_IN_NUMPY, ids=lambda f: inspect.getsource(f).strip()[7:60])
def test_the_formula_computes_what_numpy_does(function: Callable[..., Any]) -> None:
    declarations = {name: traced_table.SHAPES[name] for name in inspect.signature(function).parameters}
    formula = cr.formula(function, **declarations)
    for sizes in ({"n": 4, "d": 3}, {"n": 2, "d": 2}):
        named = {d: sizes[d.name] for d in formula.program.dims}
        values = sample(formula.program.inputs, named, np.random.default_rng(3))
        expected = function(**values)
        assert np.shape(formula.evaluate(**values)) == np.shape(expected)
        np.testing.assert_allclose(formula.evaluate(**values), expected, rtol=1e-9, atol=1e-12)


def points_of(function: np.ufunc) -> list[Any]:
    """Arguments inside every domain: 0.2 to 0.8, above 1 for arccosh."""
    base = np.linspace(0.2, 0.8, 4) + (1 if function is np.arccosh else 0)
    return [base + 0.01 * place for place in range(function.nin)]


UFUNCS = [*ufuncs.catalogued(), *(getattr(np, name, None) or getattr(special, name) for name in ufuncs.FORMULAS)]


@pytest.mark.parametrize("function", UFUNCS, ids=lambda function: ufuncs.name_of(function))
def test_universal_functions_compute_what_they_do_in_numpy(function: np.ufunc) -> None:
    names = ["u", "v", "s"][: function.nin]
    called: dict[int, Callable[..., Any]] = {
        1: lambda u: function(u), 2: lambda u, v: function(u, v), 3: lambda u, v, s: function(u, v, s),
    }  # fmt: skip
    formula = cr.formula(called[function.nin], **dict.fromkeys(names, "positive[4]"))
    values = points_of(function)
    computed = formula.evaluate(**dict(zip(names, values, strict=True)))
    np.testing.assert_allclose(computed, function(*values), rtol=1e-12, atol=1e-15)


# ---- names ----------------------------------------------------------------------------------------


def named(function: Callable[..., Any], **declarations: str) -> list[str]:
    """The names of the statements, in order."""
    program = cr.formula(function, **declarations).program
    return [definition.name for definition in program.definitions if definition.origin == "named"]


def test_local_variables_name_their_values() -> None:
    def loss(X, y, w):
        z = X @ w
        p = 1 / (1 + np.exp(-z))
        result = -np.mean(y * np.log(p))
        return result

    assert named(loss, X="real[n,d]", y="binary[n]", w="real[d]") == ["z", "p", "result"]


def test_values_that_the_result_does_not_need_keep_their_names() -> None:
    def loss(X, y, w):
        z = X @ w
        p = 1 / (1 + np.exp(-z))  # noqa: F841
        mask = z > 0  # noqa: F841
        return np.mean(np.logaddexp(0, z) - y * z)

    formula = cr.formula(loss, X="real[n,d]", y="binary[n]", w="real[d]")
    assert [item.name for item in formula.program.definitions if item.origin == "named"] == ["z", "p", "L"]
    assert cr.verify(formula, wrt="w", claim="X.T @ (p - y) / n").verdict == "proved"


def test_a_variable_with_further_values_is_numbered() -> None:
    def f(x, A):
        h = np.tanh(A @ x)
        h = np.tanh(A @ h)
        x = np.tanh(A @ h) + x
        return x @ x

    assert named(f, x="real[n]", A="real[n,n]") == ["h", "h2", "x2", "L"]


def test_running_sums_and_products_have_one_name() -> None:
    def f(x):
        total, weight = 0.0, 1.0
        for power in range(1, 4):
            total += np.sum(x**power)
            weight = np.sum(x) * weight / 2
        z = np.sum(np.exp(x))
        z = z + 1
        return total * weight * z

    assert named(f, x="real[n]") == ["total", "weight", "z", "L"]


def test_variables_of_helpers_name_their_values_and_parameters_do_not() -> None:
    def layer(h, W):
        z = W @ h
        return np.tanh(z)

    def f(x, A, B):
        return np.sum(layer(layer(x, A), B))

    assert named(f, x="real[n]", A="real[m,n]", B="real[k,m]") == ["z", "z2", "L"]


def test_names_that_mean_something_in_formulas_are_not_given() -> None:
    def f(x):
        sum = np.exp(x)
        pi = np.tanh(sum)
        _hidden = np.sin(pi)
        n = np.cos(_hidden)
        return np.sum(n * n + sum * pi + _hidden)

    assert named(f, x="real[n]") == ["n2", "L"]


def test_values_used_twice_need_no_name_to_be_shared() -> None:
    def doubled(x):
        values = [np.sum(x**2)]
        for _ in range(60):
            values.append(values[-1] + np.sin(values[-1]) * values[-1])
        return values[-1]

    formula = cr.formula(doubled, x="real[n]")
    assert formula.evaluate(x=[0.1, 0.2]) == pytest.approx(doubled(np.array([0.1, 0.2])))


# ---- numbers and lengths --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "1/3"), (0.1, "0.1"), (-2 / 7, "-2/7"), (1e-15, "1e-15"), (2.5, "2.5"), (np.float32(0.5), "0.5"),
        (np.pi, "pi"), (2 * np.pi, "2*pi"), (-np.pi / 4, "-pi/4"), (np.sqrt(2 * np.pi), "sqrt(2*pi)"),
        (0.5 * np.log(2 * np.pi), "log(2*pi)/2"), (math.e, "exp(1)"), (1 / np.sqrt(2), "sqrt(2)/2"),
        (np.True_, "1"), (3, "3"), (np.int64(-4), "-4"), (Fraction(5, 1001), "5/1001"),
        (0.577215664901532, "0.577215664901532"), (0.1 + 0.2, "0.30000000000000004"),
    ],
)  # fmt: skip
def test_numbers_stand_for_what_they_are_nearest_to(value: Any, text: str) -> None:
    assert cr.formula(lambda x: x * value, x="real").program == cr.formula(f"x*({text})", x="real").program


def test_lengths_are_compared_where_that_holds_for_all_sizes() -> None:
    def f(X, Y):
        if X.shape != Y.shape or X.ndim != 2 or X.shape[0] < 1 or not X.shape[0] + 1 > 1:
            raise ValueError("shapes differ")
        assert X.shape[0] == Y.shape[0]
        assert X.shape[1]
        return np.sum(X * Y) / X.size

    assert cr.formula(f, X="real[n,d]", Y="real[n,d]").matrix() == "mean(X*Y)"
    error = refusal(f, X="real[n,d]", Y="real[n,k]")
    assert error.message == "whether X.shape != Y.shape holds depends on the arrays, and the function is traced " \
                            "without them"  # fmt: skip


def test_a_parameter_called_like_a_length_is_that_length() -> None:
    formula = cr.formula(lambda x, n: np.sum(x) / n, x="real[n]")
    assert formula.program == cr.formula("sum(x)/n", x="real[n]").program


# ---- calls ----------------------------------------------------------------------------------------


def test_all_kinds_of_parameters() -> None:
    def f(x, /, y, *, scale=2.0, power=1):
        return scale * np.sum(x * y) ** power

    expected = cr.formula("2*sum(x*y)**3", x="real[n]", y="real[n]").program
    given = functools.partial(f, power=3)
    assert cr.formula(given, x="real[n]", y="real[n]").program == expected
    assert cr.formula(f, x="real[n]", y="real[n]", power="positive").inputs[2].name == "power"
    assert cr.formula(lambda **inputs: sum(inputs.values()), a="real", b="real").evaluate(a=1, b=2) == 3


def test_methods_and_callable_objects() -> None:
    class Model:
        def __init__(self, weight: float) -> None:
            self.weight = weight

        def loss(self, x):
            return self.weight * np.sum(x)

        __call__ = loss

    expected = cr.formula("3*sum(x)", x="real[n]").program
    assert cr.formula(Model(3).loss, x="real[n]").program == expected
    assert cr.formula(Model(3), x="real[n]").program == expected
    assert cr.formula(np.linalg.norm, x="real[n]").program == cr.formula("norm(x)", x="real[n]").program


@pytest.mark.parametrize(
    ("function", "declarations", "message"),
    [
        (lambda x: x, {"x": "real", "z": "real"}, "has no parameter called z"),
        (lambda x, y: x, {"x": "real"}, "the parameter y of <lambda> is not declared"),
        (lambda *x: x, {"x": "real"}, "has no parameter called x"),
        (lambda x: "text", {"x": "real"}, "returns a str"),
        (lambda x: x + "text", {"x": "real"}, "a value of type str cannot stand in a traced operation"),
        (lambda x: x + 1j, {"x": "real"}, "complex numbers cannot be traced"),
        (lambda x: {"loss": x}, {"x": "real"}, "returns a dict of 1 values"),
        (lambda x: x, {"x": "real[2"}, "in the declaration of x"),
        (lambda x: len(x), {"x": "real"}, "TypeError"),
        (lambda x: x.reshape(2, 3), {"x": "real[5]"}, "cannot be reshaped to (2, 3)"),
        (lambda x: np.sum(x, keepdims=True, initial=3), {"x": "real[n]"}, "np.sum with initial= cannot be traced"),
    ],
)  # fmt: skip
def test_calls_that_cannot_be_made(function: Callable[..., Any], declarations: dict[str, str], message: str) -> None:
    assert message in refusal(function, **declarations).message


def test_endless_recursion_and_endless_loops_end() -> None:
    def deep(x):
        return deep(x)

    def endless(x):
        while True:
            x = x + 1

    assert "more deeply than Python's limit" in refusal(deep, x="real").message
    assert refusal(endless, x="real").code == "limit"


def test_values_kept_from_an_earlier_run_are_refused() -> None:
    kept: list[Any] = []

    def f(x):
        kept.append(x)
        return kept[0] + x

    assert "kept from an earlier run" in refusal(f, x="real").message
    with pytest.raises(ChainruleError, match="kept from an earlier run"):
        kept[0] + 1


def test_errors_inside_the_function_keep_their_cause() -> None:
    error = refusal(lambda x: x + {}["key"], x="real")
    assert error.message == "<lambda> fails while it is traced: KeyError: 'key'"
    assert isinstance(error.__cause__, KeyError)


def test_the_place_names_file_line_and_column() -> None:
    error = refusal(refused_table.wrong_axis, w="real[d]")
    line = inspect.getsourcelines(refused_table.wrong_axis)[1] + 1
    assert f" --> {refused_table.__file__}, line {line}, column 12\n" in str(error)
    assert error.to_dict()["file"] == refused_table.__file__


def test_without_source_the_message_stands_alone() -> None:
    names: dict[str, Any] = {"np": np}
    code = compile("f = lambda x, y: np.sum(x @ y)", "<no file>", "exec")
    exec(code, names)
    error = refusal(names["f"], x="real[n]", y="real[d]")
    assert error.span is None
    assert error.message == "@: axis 0 of the operand has length n, axis 0 of the operand has length d"


# ---- everything that takes a formula ----------------------------------------------------------------


@cr.traced(X="real[n,d]", y="{0,1}[n]", w="real[d]", b="real")
def decorated(X, y, w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0, z) - y * z)


def test_a_traced_function_is_a_formula() -> None:
    assert isinstance(decorated, cr.Formula)
    assert decorated.matrix() == "mean(logaddexp(0, z) - y*z)"
    assert str(decorated) == "mean(logaddexp(0, z) - y*z)\nwhere\n  z = X @ w + b"
    assert cr.gradient(decorated, wrt="w").result["w"].matrix() == "X.T @ (sigmoid(z) - y) / n"
    assert cr.verify(decorated, wrt="w", claim="X.T @ (sigmoid(X@w + b) - y)/n").verdict == "proved"
    rng = np.random.default_rng(0)
    values = {"X": rng.normal(size=(4, 2)), "y": np.array([0.0, 1, 1, 0]), "w": rng.normal(size=2), "b": 0.5}
    value, slope = cr.kernel(decorated, wrt="b")(**values)
    p = 1 / (1 + np.exp(-(values["X"] @ values["w"] + 0.5)))
    np.testing.assert_allclose([value, slope], [decorated.evaluate(**values), np.mean(p - values["y"])], rtol=1e-12)


def test_a_bare_function_is_no_formula() -> None:
    with pytest.raises(ChainruleError, match="a function is made a formula first"):
        cr.gradient(lambda x: x, wrt="x")  # type: ignore[arg-type]


# ---- the tables -----------------------------------------------------------------------------------


def test_every_kind_of_argument_can_be_given() -> None:
    assert set(get_args(ArgumentKind)) == set(table.ARGUMENT_NODES)


def test_every_reading_is_of_a_function_that_numpy_has() -> None:
    for name in (*arrays.READINGS, *structure.READINGS):
        function: Any = functools.reduce(getattr, name.split("."), np)
        assert table.readings()[function] is (arrays.READINGS.get(name) or structure.READINGS[name])


# ---- what a function calls -------------------------------------------------------------------------

RUNS: list[int] = []
LAST = 0


def counting(x):
    """Writes to a global and to a list, as functions that report what they do may."""
    global LAST
    LAST = len(RUNS)
    RUNS.append(LAST)
    return helper(x) + np.sum(np.ones(len(x)) * x)


def helper(x):
    return np.sum(np.tri(len(x)) @ x)


def test_functions_that_are_called_see_the_same_numpy_and_globals_stay_the_users() -> None:
    RUNS.clear()
    inner = functools.partial(lambda scale, x: scale * np.sum(np.eye(len(x)) @ x), 2)
    f = cr.formula(lambda x: counting(x) + inner(x), x="real[n]")
    assert (len(RUNS), LAST) == (2, 1)
    assert f.evaluate(x=np.array([1.0, 2.0, 4.0])) == (1 + 3 + 7) + 7 + 14
    assert counting(np.ones(2)) == 5
    assert np.ones(2).tolist() == [1, 1]


# ---- the catalogue's functions ----------------------------------------------------------------------


def test_functions_compute_on_arrays() -> None:
    Z = np.array([[0.5, -1.0, 2.0], [800.0, 0.0, 1.0]])
    np.testing.assert_allclose(cr.functions.softmax(Z, axis=1), special.softmax(Z, axis=1), rtol=1e-13)
    np.testing.assert_allclose(cr.functions.logsumexp(Z, axis=0, keepdims=True)[0], special.logsumexp(Z, axis=0))
    np.testing.assert_allclose(cr.functions.elu([-1.0, 1.0], a=2), [2 * np.expm1(-1), 1])
    np.testing.assert_allclose(cr.functions.relu(-3), 0)
    np.testing.assert_allclose(cr.functions.concat([1.0], [2.0, 3.0]), [1, 2, 3])
    np.testing.assert_allclose(cr.functions.stack([Z, Z], axis=1).shape, (2, 2, 3))
    np.testing.assert_allclose(cr.functions.einsum("ij->j", Z), Z.sum(axis=0))
    np.testing.assert_allclose(cr.functions.where(Z > 0, Z, 0), np.where(Z > 0, Z, 0))
    np.testing.assert_allclose(cr.functions.eye(2), np.eye(2))
    np.testing.assert_allclose(cr.functions.norm(Z[0], keepdims=True), [np.linalg.norm(Z[0])])


def test_functions_are_recorded_in_traced_functions() -> None:
    F = cr.functions

    def f(X, W):
        Z = X @ W
        return np.sum(F.softmax(Z, axis=1) * F.gelu(Z)) + F.sum(F.concat(X, X, axis=1)) + F.trace(F.eye(X.shape[0]))

    text = "Z = X@W; sum(softmax(Z, axis=1)*gelu(Z)) + sum(concat(X, X, axis=1)) + trace(eye(n))"
    declarations = {"X": "real[n,d]", "W": "real[d,k]"}
    assert cr.formula(f, **declarations).program == cr.formula(text, **declarations).program


def test_functions_that_are_not_there() -> None:
    assert not hasattr(cr.functions, "soft_max")
    with pytest.raises(ChainruleError, match="no function called 'soft_max'") as caught:
        cr.functions.soft_max(1)
    assert "softmax" in caught.value.near
    assert {"softmax", "relu", "inv"} <= set(dir(cr.functions))
