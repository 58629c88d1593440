"""Maps between small spaces: arrays written out by components, in every form, against JAX."""

from __future__ import annotations

import json

import pytest
from against_jax import Case, check_hessian, check_kernel, check_value_and_derivatives, variables
from test_latex_back import read_back

import chainrule as cr
from chainrule.derive.checking.evidence import evidence
from chainrule.derive.derivation import Derivation


def rotation(np_, t):
    return np_.array([[np_.cos(t), -np_.sin(t)], [np_.sin(t), np_.cos(t)]])


CASES = [
    Case(
        "x: real[2]; f = [x[0]^2 - x[1], sin(x[0]*x[1])]; f",
        lambda np_, x: np_.array([x[0] ** 2 - x[1], np_.sin(x[0] * x[1])]),
    ),
    Case(
        "x: real[2]; (1 - x[0])^2 + 100*(x[1] - x[0]^2)^2",
        lambda np_, x: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2,
    ),
    Case("x: real[3]; x[0]*exp(x[2])", lambda np_, x: x[0] * np_.exp(x[2])),
    Case(
        "t: real; x: real[2]; y: real[2]; R = [[cos(t), -sin(t)], [sin(t), cos(t)]]; sum((R@x - y)^2)",
        lambda np_, t, x, y: np_.sum((rotation(np_, t) @ x - y) ** 2),
    ),
    Case("t: real; [[cos(t), -sin(t)], [sin(t), cos(t)]]", rotation),
    Case("r: real; t: real; [r*cos(t), r*sin(t)]", lambda np_, r, t: np_.array([r * np_.cos(t), r * np_.sin(t)])),
    Case(
        "u: real[3]; [u[0]*sin(u[1])*cos(u[2]), u[0]*sin(u[1])*sin(u[2]), u[0]*cos(u[1])]",
        lambda np_, u: np_.array([
            u[0] * np_.sin(u[1]) * np_.cos(u[2]), u[0] * np_.sin(u[1]) * np_.sin(u[2]), u[0] * np_.cos(u[1])
        ]),
    ),
    Case(
        "r: positive; t: real; det([[cos(t), -r*sin(t)], [sin(t), r*cos(t)]])",
        lambda np_, r, t: np_.linalg.det(np_.array([[np_.cos(t), -r * np_.sin(t)], [np_.sin(t), r * np_.cos(t)]])),
    ),
    Case(
        "w: real[2]; x: real[2]; b: real; y: real; (sigmoid(w[0]*x[0] + w[1]*x[1] + b) - y)^2",
        lambda np_, w, x, b, y: (1 / (1 + np_.exp(-(w[0] * x[0] + w[1] * x[1] + b))) - y) ** 2,
    ),
    Case(
        "x: real[2]; a: real; b: real; c: real; d: real; [a*x[0] - b*x[0]*x[1], c*x[0]*x[1] - d*x[1]]",
        lambda np_, x, a, b, c, d: np_.array([a * x[0] - b * x[0] * x[1], c * x[0] * x[1] - d * x[1]]),
    ),
    Case(
        "x: real[2]; m: real; x[0]^2 + x[1]^2 + m*(x[0]*x[1] - 1)",
        lambda np_, x, m: x[0] ** 2 + x[1] ** 2 + m * (x[0] * x[1] - 1),
    ),
    Case(
        "x: real[2]; y: real[2]; f = [x[0]^2 - x[1], sin(x[0]*x[1])]; sum((f - y)^2)",
        lambda np_, x, y: np_.sum((np_.array([x[0] ** 2 - x[1], np_.sin(x[0] * x[1])]) - y) ** 2),
    ),
    Case("x: real[n]; y: real[n]; a: real; [x, a*y]", lambda np_, x, y, a: np_.stack([x, a * y])),
    Case("x: real[2]; A: real[2, 2]; c: real; [x, c*A@x]", lambda np_, x, A, c: np_.stack([x, c * A @ x])),
    Case("x: real[3]; x[0]*x[1] + sum(x^2)", lambda np_, x: x[0] * x[1] + np_.sum(x**2)),
    Case("x: real[2]; A = [[2, 1], [1, 3]]; x @ A @ x", lambda np_, x: x @ np_.array([[2.0, 1], [1, 3]]) @ x),
    Case("x: real[4]; [x[0]*x[1], x[2]/x[3]]", lambda np_, x: np_.array([x[0] * x[1], x[2] / x[3]])),
    Case("a: real; X: real[2, 2]; a*X[0, 1]^2 + X[1, 0]", lambda np_, a, X: a * X[0, 1] ** 2 + X[1, 0]),
]  # fmt: skip
IDS = [case.text for case in CASES]


def derivations(case: Case) -> list[tuple[str, str, Derivation]]:
    f = cr.formula(case.text)
    kinds = ("jacobian",) if f.shape else ("gradient", "hessian")
    return [(kind, name, getattr(cr, kind)(f, name)) for kind in kinds for name in variables(f.program)]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_values_sources_and_kernels_agree_with_jax(case) -> None:
    for sizes in ({"n": 3}, {"n": 2}):
        check_value_and_derivatives(case, sizes)
    check_kernel(case, {"n": 3})
    f = cr.formula(case.text)
    for name in () if f.shape else variables(f.program):
        check_hessian(case, name, {"n": 3})


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_what_is_printed_is_read_back_and_every_step_holds(case) -> None:
    for kind, name, derivation in derivations(case):
        printed = str(derivation.result[name])
        what = "hessian" if kind == "hessian" else "gradient"
        assert cr.verify(case.text, name, printed, what=what).verdict in ("proved", "agrees"), printed
        read_back(derivation.result[name])
        assert all(item.holds and item.digits is not None for item in evidence(derivation))
        again = Derivation.from_json(derivation.to_json())
        assert again.text("full") == derivation.text("full")
        assert json.loads(derivation.to_json()) == json.loads(again.to_json())


@pytest.mark.parametrize(
    ("text", "wrt", "printed"),
    [
        ("x: real[2]; [x[0]^2 - x[1], sin(x[0]*x[1])]", "x",
         "[[2*x[0], -1], [x[1]*cos(x[0]*x[1]), x[0]*cos(x[0]*x[1])]]"),
        ("w: real[2]; x: real[2]; tanh(w[0]*x[0] + w[1]*x[1])", "w", "(1 - L**2)*x"),
        ("x: real[3]; x[0]*x[1]", "x", "[x[1], x[0], 0]"),
        ("x: real[n]; y: real[n]; t: real; [t*x, t^2*y]", "t", "[x, 2*t*y]"),
        ("x: real[2]; y: real[2]; sum(concat(x, y)^2)", "x", "2*x"),
        ("x: real[n]; x[0]^2", "x", "2*x[0]*eye(n)[0]"),
        ("x: real[20]; x[0]^2", "x", "2*x[0]*eye(20)[0]"),
    ],
)  # fmt: skip
def test_arrays_are_written_out_where_that_is_clear(text, wrt, printed) -> None:
    derive = cr.jacobian if cr.formula(text).shape else cr.gradient
    assert derive(text, wrt).result[wrt].matrix() == printed


def test_entries_that_are_whole_numbers_make_an_array_of_floats() -> None:
    result = cr.jacobian("x: real[2]; [x[0] - x[1], 2*x[1]]", "x").result["x"]
    assert "np.array([[1, -1], [0, 2]], dtype=float)" in result.numpy()


def test_an_array_of_components_is_a_matrix_in_latex_and_a_claim() -> None:
    text = "t: real; [[cos(t), -sin(t)], [sin(t), cos(t)]]"
    assert cr.formula(text).latex() == (
        r"\begin{bmatrix} \cos\left(t\right) & -\sin\left(t\right) \\ "
        r"\sin\left(t\right) & \cos\left(t\right) \end{bmatrix}"
    )
    right, wrong = "[[-sin(t), -cos(t)], [cos(t), -sin(t)]]", "[[-sin(t), cos(t)], [cos(t), -sin(t)]]"
    assert cr.verify(text, "t", right).verdict == "proved"
    assert cr.verify(text, "t", wrong).verdict == "refuted"
