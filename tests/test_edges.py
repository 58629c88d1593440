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

import numpy as np
import pytest

import chainrule as cr
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


ROUTES: list[Callable[[Edge, Path], tuple[Any, Any]]] = [by_evaluation, by_source, by_kernel, by_saved_module]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("row", EDGES, ids=named)
@pytest.mark.filterwarnings("ignore:(divide|invalid)")
def test_edge_points(row: Edge, route: Callable[[Edge, Path], tuple[Any, Any]], tmp_path: Path) -> None:
    assert_at_edge(route(row, tmp_path), row, 1e-12)


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
