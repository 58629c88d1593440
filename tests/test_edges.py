"""Edge points: where formulas are not differentiable, 0 * infinity or 0/0 in part; the same answer everywhere.

Every row is evaluated with NumPy, by the printed NumPy source, by kernels of both precisions and
by a saved module.  Expected values are limits, or the subgradient that docs/conventions.md states.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import chainrule as cr
from chainrule.derive.calculus import derivative_program
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import MPMATH, evaluate
from chainrule.kernels import build

INF = np.inf
Z = [0.0, 0.0, 0.0]
V = [0.0, 1.0, -2.0]
LOG2 = float(np.log(2))


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of its own for compiled kernels."""
    folder = tmp_path_factory.mktemp("edges") / "cache"
    previous = os.environ.get(build.CACHE_VARIABLE)
    os.environ[build.CACHE_VARIABLE] = str(folder)
    yield folder
    if previous is None:
        del os.environ[build.CACHE_VARIABLE]
    else:
        os.environ[build.CACHE_VARIABLE] = previous


@dataclass(frozen=True)
class Edge:
    """A formula, a point, and what must come out there; ``hessian`` may be left out."""

    text: str
    wrt: str
    point: Mapping[str, Any]
    value: float
    gradient: Any
    hessian: Any = None


def edge(text: str, wrt: str, value: float, gradient: Any, hessian: Any = None, **point: Any) -> Edge:
    return Edge(text, wrt, point, value, gradient, hessian)


DISTANCES = "X: real[n,d]; D = sqrt(sum((X[:,None,:] - X[None,:,:])^2, axis=2)); "
UNIT = [[0.6, 0.8], [-0.6, -0.8]]

KINKS = [
    edge("x: real[n]; norm(x)^2", "x", 0, Z, 2 * np.eye(3), x=Z),
    edge("x: real[n]; norm(x)", "x", 0, Z, np.zeros((3, 3)), x=Z),
    edge("x: real[n]; norm(x)^3", "x", 0, Z, np.zeros((3, 3)), x=Z),
    edge("x: real[n]; exp(-norm(x))", "x", 1, Z, np.zeros((3, 3)), x=Z),
    edge("x: real[n]; cos(norm(x))", "x", 1, Z, x=Z),
    edge("x: real[n]; norm(x)*log(norm(x))", "x", 0, Z, x=Z),
    edge("x: real[n]; norm(x)^2*log(norm(x))", "x", 0, Z, x=Z),
    edge("x: real[n]; y: real[n]; norm(x - y)", "x", 0, Z, np.zeros((3, 3)), x=V, y=V),
    edge("x: real[n]; y: real[n]; sum(x)*norm(x - y)", "x", 0, Z, x=V, y=V),
    edge("A: real[n,d]; sum(norm(A, axis=1))", "A", 5, [[0, 0], [0.6, 0.8]], A=[[0, 0], [3, 4]]),
    edge("A: real[n,d]; sum(sqrt(sum(A^2, axis=1)))", "A", 5, [[0, 0], [0.6, 0.8]], A=[[0, 0], [3, 4]]),
    edge("a: real; b: real; sqrt(a^2 + b^2)", "a", 0, 0, 0, a=0.0, b=0.0),
    edge("x: real[n]; p: positive; norm(x)^p", "x", 0, Z, x=Z, p=1.0),
    edge("x: real[n]; p: positive; norm(x)^p", "x", 0, Z, x=Z, p=2.0),
    edge("x: real[n]; std(x)", "x", 0, Z, np.zeros((3, 3)), x=[2.0, 2.0, 2.0]),
    edge("x: real[n]; var(x)", "x", 0, Z, (2 * np.eye(3) - 2 / 3) / 3, x=[2.0, 2.0, 2.0]),
    edge("x: real[n]; sum(x*abs(x))", "x", -3, [0, 2, 4], np.diag([0.0, 2, -2]), x=V),
    edge("x: real[n]; sum(cbrt(x)^3)", "x", -1, [1, 1, 1], np.zeros((3, 3)), x=V),
    edge("x: real[n]; sum(sqrt(x^2))", "x", 3, [0, 1, -1], np.zeros((3, 3)), x=V),
    edge("x: real[n]; sum(maximum(0, x)^2)", "x", 1, [0, 2, 0], x=V),
    edge("x: real[n]; sum(relu(x)^2)", "x", 1, [0, 2, 0], x=V),
    edge("x: real[n]; sum(relu(x)^1.5)", "x", 1, [0, 1.5, 0], np.diag([0, 0.75, 0]), x=V),
    edge("x: real[n]; sum(sqrt(relu(x)))", "x", 1, [0, 0.5, 0], np.diag([0, -0.25, 0]), x=V),
    edge("x: real[n]; sum(sqrt(maximum(0, x)))", "x", 1, [0, 0.5, 0], np.diag([0, -0.25, 0]), x=V),
    edge("x: real[n]; sum(sqrt(abs(x)))", "x", 3, [0, 0.5, -0.25], x=[0.0, 1.0, -4.0]),
    edge("x: real[n]; maximum(0, norm(x) - 1)^2", "x", 0, Z, np.zeros((3, 3)), x=Z),
    edge("x: real[n]; t: positive; sum(minimum(abs(x), t)*(abs(x) - 0.5*minimum(abs(x), t)))", "x", 2, [0, 1, -1],
         x=V, t=1.0),
    edge("x: real[n]; max(x)", "x", 1, [0.5, 0.5, 0], np.zeros((3, 3)), x=[1.0, 1.0, -2.0]),
    edge("x: real[n]; norminf(x)", "x", 0, Z, x=Z),
    edge("x: real[n]; norm1(x)", "x", 3, [0, 1, -1], x=V),
    edge("x: positive[n]; y: positive[n]; norm(sqrt(x) - sqrt(y))", "x", 0, Z, x=[1.0, 2.0, 3.0], y=[1.0, 2.0, 3.0]),
    edge("x: positive[n]; y: positive[n]; norm(log(x) - log(y))", "x", 0, Z, x=[1.0, 2.0, 3.0], y=[1.0, 2.0, 3.0]),
    edge("x: real[n]; y: real; relu(1 - y/maximum(norm(x), y))*x[0]", "x", 0, Z, x=Z, y=1.0),
    edge("x: real[n]; A: psd[n,n]; sqrt(x @ A @ x)", "x", 0, Z, x=Z, A=np.eye(3)),
    edge("x: real[n]; m: real[n]; S: spd[n,n]; sqrt((x - m) @ inv(S) @ (x - m))", "x", 0, Z, x=V, m=V, S=np.eye(3)),
    edge("X: real[n,d]; S: spd[d,d]; sum(sqrt(sum((X @ inv(S))*X, axis=1)))", "X", 1, [[0, 0], [1, 0]],
         X=[[0.0, 0.0], [1.0, 0.0]], S=np.eye(2)),
    edge("x: real[n]; y: real[n]; sqrt(x @ x - 2*x @ y + y @ y)", "x", 0, Z, x=V, y=V),
    edge("x: real; sqrt(1 - cos(x))", "x", 0, 0, x=0.0),
    edge("x: real; y: nonnegative; x*sqrt(y)", "y", 0, 0, x=0.0, y=0.0),
    edge("x: real; y: nonnegative; x*sqrt(y)", "y", 0, INF, x=1.0, y=0.0),
    edge(DISTANCES + "sum(D)", "X", 10, 2 * np.array(UNIT), X=[[3.0, 4.0], [0.0, 0.0]]),
    edge(DISTANCES + "sum(exp(-D))", "X", 2 + 2 * np.exp(-5), -2 * np.exp(-5) * np.array(UNIT),
         X=[[3.0, 4.0], [0.0, 0.0]]),
    edge("a: real[n]; p: real[n]; q: real[n]; maximum(0, norm(a - p) - norm(a - q) + 2)", "a", 1, [1, 0, 0],
         a=Z, p=Z, q=[1.0, 0.0, 0.0]),
]  # fmt: skip

LIMITS = [
    edge("x: real[n]; sum(x^2*log(x^2))", "x", 8 * LOG2, [0, 2, -4 - 8 * LOG2], np.diag([-INF, 6, 6 + 4 * LOG2]), x=V),
    edge("p: simplex[n]; -sum(p*log(p))", "p", LOG2, [INF, LOG2 - 1, LOG2 - 1], np.diag([-INF, -2, -2]),
         p=[0, 0.5, 0.5]),
    edge("p: simplex[n]; q: positive[n]; sum(p*log(p/q))", "q", 0, [0, -1, -1], p=[0, 0.5, 0.5], q=[1, 0.5, 0.5]),
    edge("p: simplex[k]; M: real[n,k]; sum(M @ log(p))", "p", 0, [0, 2], p=[0, 1], M=[[0, 1], [0, 1]]),
    edge("p: simplex[k]; h = log(p); -sum(p*h)", "p", 0, [INF, -1], p=[0, 1]),
    edge("x: nonnegative[n]; p: positive; sum(x^p)", "p", 5, 4 * LOG2, 4 * LOG2**2, x=[0, 1, 2], p=2.0),
    edge("x: nonnegative[n]; p: positive; sum(x^p)", "x", 5, [0, 2, 4], 2 * np.eye(3), x=[0, 1, 2], p=2.0),
    edge("x: nonnegative[n]; p: positive; sum(x^p)", "x", 3, [1, 1, 1], np.zeros((3, 3)), x=[0, 1, 2], p=1.0),
    edge("p: unit[n]; y: real[n]; sum(p^y)", "p", 3, [0, 0, 0], np.zeros((3, 3)), p=[0, 1, 0.5], y=Z),
    edge("p: unit[n]; y: real[n]; sum(p^y)", "p", 1.25, [0, 2, 1], 2 * np.eye(3), p=[0, 1, 0.5], y=[2.0, 2.0, 2.0]),
    edge("x: real[n]; prod(x)", "x", 0, [0, 0, 0], [[0, 2, 0], [2, 0, 0], [0, 0, 0]], x=[0.0, 0.0, 2.0]),
    edge("x: real[n]; sum(where(x > 0, x*log(x), 0))", "x", 0, [0, 1, 0], np.diag([0.0, 1, 0]), x=V),
    edge("x: real[n]; sum(where(x > 0, 1, 0)*sqrt(x))", "x", 1, [0, 0.5, 0], x=V),
    edge("Y: onehot[n,k]; P: simplex[n,k]; -sum(Y*log(P))", "P", 0, [[0, -1]], np.diag([0.0, 1]).reshape(1, 2, 1, 2),
         Y=[[0, 1]], P=[[0, 1]]),
    edge("Y: simplex[k]; P: simplex[k]; sum(Y*log(Y/P))", "P", 0, [0, -1, -1], Y=[0, 0.5, 0.5], P=[0, 0.5, 0.5]),
    edge("y: binary[n]; p: unit[n]; -sum(y*log(p) + (1-y)*log(1-p))", "p", 0, [1, -1], np.eye(2), y=[0, 1], p=[0, 1]),
    edge("y: unit[n]; p: unit[n]; -sum(y*log(p) + (1-y)*log(1-p))", "p", 0, [1, -1], np.eye(2), y=[0, 1], p=[0, 1]),
]  # fmt: skip

EDGES = [*KINKS, *LIMITS]

#: Formulas as they stand in textbooks, at points where as they stand they overflow, underflow or
#: cancel; the truth is computed in 1000 digits.  Printed NumPy source does not protect from this.
STRESS: list[tuple[str, str, dict[str, Any]]] = [
    ("z: real[n]; y: binary[n]; p = sigmoid(z); -sum(log(y*p + (1-y)*(1-p)))", "z",
     {"z": [800, -800, 3], "y": [0, 1, 1]}),
    ("z: real[n]; y: pm1[n]; p = sigmoid(z); -sum(log((1+y)/2*p + (1-y)/2*(1-p)))", "z",
     {"z": [800, -800, 3], "y": [-1, 1, 1]}),
    ("z: real[n]; y: binary[n]; p = sigmoid(z); -sum(log(where(y > 0, p, 1-p)))", "z",
     {"z": [800, -800, 3], "y": [0, 1, 1]}),
    ("z: real[n]; y: binary[n]; p = sigmoid(z); q = where(y == 1, p, 1-p); -sum(log(q))", "z",
     {"z": [800, -800, 3], "y": [0, 1, 1]}),
    ("z: real[n]; y: binary[n]; p = sigmoid(z); q = y*p + (1-y)*(1-p); -sum((1-q)^2*log(q))", "z",
     {"z": [300, -300, 3], "y": [0, 1, 1]}),
    ("Z: real[n,k]; Y: real[n,k]; P = exp(Z)/sum(exp(Z), axis=1, keepdims=True); -sum(Y*log(P))", "Z",
     {"Z": [[1000, 0, -1000]], "Y": [[0, 1, 0]]}),
    ("Z: real[n,k]; E = exp(Z); S = sum(E, axis=1, keepdims=True); sum((E/S)^2)", "Z", {"Z": [[1000, 999, -1000]]}),
    ("S: real[n,m]; V: real[m,d]; E = exp(S); sum(((E @ V)/sum(E, axis=1, keepdims=True))^2)", "S",
     {"S": [[1000, 999], [-1000, -1001]], "V": [[1, -2], [3, -1]]}),
    ("z: real[k]; v: real[k]; sum(v*exp(z))/sum(exp(z))", "z", {"z": [1000, 0, 999], "v": [1, -1, 2]}),
    ("x: real; a: real[k]; c: real[k]; sum(c*exp(-(x - a)^2))/sum(exp(-(x - a)^2))", "x",
     {"x": 100, "a": [0, 1, 2], "c": [1, -1, 2]}),
    ("x: real[n]; log(1 + exp(-x)) @ x", "x", {"x": [-800, 1, 800]}),
    ("z: real[k]; log(sum(1 + exp(z)))", "z", {"z": [1000, 0, 999]}),
    ("x: real; p: simplex[k]; m: real[k]; s: positive[k]; log(sum(p*normpdf((x - m)/s)/s))", "m",
     {"x": 100, "p": [0.5, 0.5], "m": [0, 1], "s": [1, 2]}),
    ("x: real; p: simplex[k]; m: real[k]; s: positive[k]; log(sum(p*exp(-(x - m)^2/(2*s^2))/(s*sqrt(2*pi))))", "p",
     {"x": 100, "p": [0.5, 0.5], "m": [0, 1], "s": [1, 1.01]}),
    ("x: real[d]; a: real[k]; M: real[k,d]; s: positive[k]; "
     "log(sum(softmax(a)*prod(normpdf((x - M)/s[:,None])/s[:,None], axis=1)))", "M",
     {"x": [60, -60], "a": [1, 2], "M": [[0, 1], [1, 0]], "s": [1, 2]}),
    ("x: real[n]; mean(x^2) - mean(x)^2", "x", {"x": [1e5, 1e5 + 1, 1e5 + 3]}),
    ("x: real[n]; m = mean(x); sqrt(sum(x^2)/n - m^2)", "x", {"x": [1e5, 1e5 + 1, 1e5 + 3]}),
    ("x: real[n]; y: real[n]; mean(x*y) - mean(x)*mean(y)", "x",
     {"x": [1e5, 1e5 + 1, 1e5 + 3], "y": [1e5, 1e5 - 2, 1e5]}),
    ("X: real[n,d]; sum((sum(X^2, axis=0) - sum(X, axis=0)^2/n)/(n - 1))", "X", {"X": [[1e5], [1e5 + 1], [1e5 + 3]]}),
]  # fmt: skip


def named(row: Edge) -> str:
    return f"{row.text} by {row.wrt}"


def arrays(row: Edge) -> dict[str, Any]:
    return {name: np.asarray(value, dtype=float) for name, value in row.point.items() if value is not None}


def assert_at_edge(found: tuple[Any, Any], row: Edge, rtol: float) -> None:
    value, gradient = found
    np.testing.assert_allclose(value, row.value, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(gradient, row.gradient, rtol=rtol, atol=rtol)


def by_evaluation(row: Edge, folder: Path) -> tuple[Any, Any]:
    values = arrays(row)
    derivative = cr.gradient(row.text, wrt=row.wrt).result[row.wrt]
    return cr.formula(row.text).evaluate(**values), derivative.evaluate(**values)


def by_source(row: Edge, folder: Path) -> tuple[Any, Any]:
    results = []
    for part in (cr.formula(row.text), cr.gradient(row.text, wrt=row.wrt).result[row.wrt]):
        names: dict[str, Any] = {}
        exec(part.numpy("computed"), names)
        results.append(names["computed"](**arrays(row)))
    return results[0], results[1]


def by_kernel(row: Edge, folder: Path) -> tuple[Any, Any]:
    value, gradient = cr.kernel(row.text, wrt=row.wrt)(**arrays(row))
    return value, gradient


def by_saved_module(row: Edge, folder: Path) -> tuple[Any, Any]:
    path = folder / "saved_kernel.py"
    cr.kernel(row.text, wrt=row.wrt).save(path)
    spec = importlib.util.spec_from_file_location("saved_kernel", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    value, gradient = module.value_and_gradient(**arrays(row))
    return value, gradient


@pytest.mark.parametrize("route", [by_evaluation, by_source, by_kernel])
@pytest.mark.parametrize("row", EDGES, ids=named)
@pytest.mark.filterwarnings("ignore:(divide|invalid)")
def test_edge_points(row: Edge, route: Callable[[Edge, Path], tuple[Any, Any]], tmp_path: Path) -> None:
    assert_at_edge(route(row, tmp_path), row, 1e-12)


@pytest.mark.parametrize("row", EDGES[::3], ids=named)
def test_edge_points_in_saved_modules(row: Edge, tmp_path: Path) -> None:
    assert_at_edge(by_saved_module(row, tmp_path), row, 1e-12)


@pytest.mark.parametrize("row", EDGES, ids=named)
def test_edge_points_in_single_precision(row: Edge) -> None:
    value, gradient = cr.kernel(row.text, wrt=row.wrt, dtype="float32")(**arrays(row))
    assert_at_edge((value, gradient), row, 1e-5)


@pytest.mark.parametrize("row", [row for row in EDGES if row.hessian is not None], ids=named)
def test_second_derivatives_at_edge_points(row: Edge) -> None:
    by_numpy = cr.hessian(row.text, wrt=row.wrt).result[row.wrt].evaluate(**arrays(row))
    compiled = cr.kernel(row.text, wrt=row.wrt, order=2).hessian(**arrays(row))
    np.testing.assert_allclose(by_numpy, row.hessian, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(compiled, row.hessian, rtol=1e-12, atol=1e-12)

#: Norms of entries whose squares overflow or underflow.
NORMS: list[tuple[str, str, dict[str, Any]]] = [
    ("x: real[n]; norm(x)", "x", {"x": [1e200, -2e200, 3e199]}),
    ("x: real[n]; norm(x)", "x", {"x": [1e-200, 0, 2e-200]}),
    ("x: real[n]; norm(x)", "x", {"x": [1e-160, 3e-163]}),
    ("x: real[n]; norm(x)", "x", {"x": [1e200, 1e-200, 1]}),
    ("x: real[n]; y: real[n]; norm(x - y)", "y", {"x": [1e180, 2], "y": [3e180, 1]}),
    ("A: real[n,d]; sum(norm(A, axis=0))", "A", {"A": [[1e200, 0.1, 1e-200], [2e200, 0.2, 3e-200]]}),
    ("A: real[n,d]; sum(norm(A, axis=1))", "A", {"A": [[1e200, 2e200], [0.1, 0.2], [0, 0], [1e-200, 3e-200]]}),
    ("A: real[n,d]; norm(A)", "A", {"A": [[1e200, 2e200], [0.1, 0.2]]}),
    ("x: real[n]; std(x)", "x", {"x": [1e200, 3e200, -1e200]}),
]  # fmt: skip


def exactly(row: tuple[str, str, dict[str, Any]]) -> tuple[Any, Any]:
    """Value and gradient in 1000 digits, of the program as it was read."""
    text, name, point = row
    program = derivative_program(parse_formula(text), (name,))
    with mpmath.workdps(1000):
        found = evaluate(program, {key: np.asarray(value, dtype=float) for key, value in point.items()}, MPMATH)
        value, gradient = (np.asarray(found[output], dtype=float) for output in program.outputs)
    return value, gradient


@pytest.mark.parametrize("row", STRESS, ids=lambda row: row[0])
def test_formulas_as_they_stand_do_not_overflow(row: tuple[str, str, dict[str, Any]], tmp_path: Path) -> None:
    truth = exactly(row)
    edge_row = Edge(row[0], row[1], row[2], *truth)
    for route in (by_evaluation, by_kernel):
        value, gradient = route(edge_row, tmp_path)
        np.testing.assert_allclose(value, truth[0], rtol=1e-11, err_msg=route.__name__)
        np.testing.assert_allclose(gradient, truth[1], rtol=1e-9, atol=1e-13, err_msg=route.__name__)


@pytest.mark.parametrize("row", STRESS, ids=lambda row: row[0])
def test_second_derivatives_do_not_overflow(row: tuple[str, str, dict[str, Any]]) -> None:
    values = {key: np.asarray(value, dtype=float) for key, value in row[2].items()}
    by_numpy = cr.hessian(row[0], wrt=row[1]).result[row[1]].evaluate(**values)
    compiled = cr.kernel(row[0], wrt=row[1], order=2).hessian(**values)
    assert np.isfinite(by_numpy).all()
    np.testing.assert_allclose(compiled, by_numpy, rtol=1e-9, atol=1e-9)


def test_a_named_part_as_variable_is_not_looked_through() -> None:
    text = "z: real[n]; p = sigmoid(z); -sum(log(p))"
    expected = [-2.0, -1 - np.exp(-1.0)]
    np.testing.assert_allclose(cr.kernel(text, wrt="p").gradient(z=[0.0, 1.0]), expected, rtol=1e-14)
    np.testing.assert_allclose(cr.gradient(text, wrt="p").result["p"].evaluate(z=[0.0, 1.0]), expected, rtol=1e-14)


def test_a_derivation_read_from_json_evaluates_alike() -> None:
    made = cr.gradient("x: real[n]; log(1 + exp(-x)) @ x", wrt="x")
    read = cr.Derivation.from_json(made.to_json())
    point = {"x": [-800.0, 800.0]}
    np.testing.assert_array_equal(read.result["x"].evaluate(**point), made.result["x"].evaluate(**point))
    assert np.isfinite(made.result["x"].evaluate(**point)).all()


@pytest.mark.parametrize("row", NORMS, ids=lambda row: f"{row[0]} {row[2]}")
def test_norms_have_the_full_range(row: tuple[str, str, dict[str, Any]], tmp_path: Path) -> None:
    truth = exactly(row)
    edge_row = Edge(row[0], row[1], row[2], *truth)
    for route in (by_evaluation, by_kernel, by_saved_module):
        value, gradient = route(edge_row, tmp_path)
        np.testing.assert_allclose(value, truth[0], rtol=1e-14, err_msg=route.__name__)
        np.testing.assert_allclose(gradient, truth[1], rtol=1e-12, atol=1e-15, err_msg=route.__name__)


@pytest.mark.parametrize("size", [1e25, 1.0, 1e-25])
def test_norms_have_the_full_range_in_single_precision(size: float) -> None:
    value, gradient = cr.kernel("x: real[n]; norm(x)", wrt="x", dtype="float32")(x=[3 * size, 4 * size])
    np.testing.assert_allclose(value, 5 * size, rtol=1e-6)
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)


def test_norms_pass_on_infinity_and_nan() -> None:
    kernel = cr.kernel("x: real[n]; norm(x)", wrt="x")
    for bad in (np.inf, np.nan):
        point = {"x": [1.0, bad, 2.0]}
        np.testing.assert_equal(kernel.value(**point), bad)
        np.testing.assert_equal(cr.formula("x: real[n]; norm(x)").evaluate(**point), bad)
