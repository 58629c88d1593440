"""Critical points: known functions, every line checked, planted faults, the command."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize
from sympy import Matrix, Symbol

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError, NoClosedFormError, UnsupportedError
from chainrule.learning.critical.classify import nature
from chainrule.learning.critical.systems import solutions
from chainrule.learning.critical.telling import told

x, y, z = sp.symbols("x y z", real=True)

#: Formula, variables, and the kinds of its points in order of the values.
KNOWN = [
    ("x, y: real; x^4 + y^4 - 4*x*y", "x,y", ["minimum", "minimum", "saddle point"]),
    ("x, y: real; (1 - x)^2 + 100*(y - x^2)^2", "x,y", ["minimum"]),
    ("x, y: real; x^3 - 3*x*y^2", "x,y", ["saddle point"]),
    ("x, y: real; (y - x^2)*(y - 2*x^2)", "x,y", ["saddle point"]),
    ("x, y: real; x^4 + y^4", "x,y", ["minimum"]),
    ("x, y: real; x^2 + y^3", "x,y", ["saddle point"]),
    ("x, y: real; -x^2 - y^4", "x,y", ["maximum"]),
    ("x, y: real; x^4 - y^4", "x,y", ["saddle point"]),
    ("x: real; x^3", "x", ["inflection point"]),
    ("x: real; x^5 - x^4", "x", ["maximum", "minimum"]),
    ("x: positive; x*log(x)", "x", ["minimum"]),
    ("x, y: real; exp(x) - 2*x + y^2", "x,y", ["minimum"]),
    ("x, y: real; x*exp(-x^2 - y^2)", "x,y", ["maximum", "minimum"]),
    ("x: real; silu(x)", "x", ["minimum"]),
    ("x, y: real; exp(x) + y", "x,y", []),
    ("x, y, z: real; x^2 + y^2 + z^2 - 2*x*y*z", "x,y,z", ["minimum", *["saddle point"] * 4]),
    ("w: real[2]; (w[0]*w[1] - 1)^2", "w", ["minimum", "saddle point"]),
    ("w1, w2, x, y: real; (w1*w2*x - y)^2", "w1,w2", ["minimum", "saddle point"]),
]


@pytest.mark.parametrize(("text", "wrt", "kinds"), KNOWN, ids=[text for text, _, _ in KNOWN])
def test_known_functions(text: str, wrt: str, kinds: list[str]) -> None:
    found = cr.critical_points(text, wrt)
    assert sorted(point.kind for point in found.points) == kinds
    held = found.explanation().evidence()
    assert held
    assert all(item.holds for item in held)


def test_all_nine_points_of_himmelblau() -> None:
    found = cr.critical_points("x, y: real; (x^2 + y - 11)^2 + (x + y^2 - 7)^2")
    kinds = [point.kind for point in found.points]
    assert (kinds.count("minimum"), kinds.count("saddle point"), kinds.count("maximum")) == (4, 4, 1)
    places = [np.array([float(value) for _, value in point.values]) for point in found.points]
    for point, place in zip(found.points, places, strict=True):
        if point.kind == "minimum":
            seen = minimize(lambda p: found.formula.evaluate(x=p[0], y=p[1]), place + 0.05).x
            assert np.allclose(seen, place, atol=1e-4)


def test_a_direction_of_negative_curvature() -> None:
    (origin,) = [p for p in cr.critical_points("x, y: real; x^4 + y^4 - 4*x*y").points if p.kind == "saddle point"]
    direction = np.array(origin.nature.direction, float)
    hessian = np.array(origin.hessian, float)
    assert direction @ hessian @ direction == float(origin.nature.slope) < 0


def test_matrix_factorisation_is_the_singular_value_decomposition() -> None:
    text = "u: real[2]; v: real[2]; T: real[2,2]; norm(T - outer(u, v))^2"
    found = cr.critical_points(text, "u,v", {"T": [[2, 0], [0, 1]]})
    heights = {str(point.height): point.kind for point in found.points}
    # The largest singular value is a minimum, the other one and the origin are saddle points.
    assert heights == {"1": "minimum", "4": "saddle point", "5": "saddle point"}
    assert all(item.holds for item in found.explanation().evidence())


def test_values_of_other_inputs_and_of_variables() -> None:
    text = "x, a: real; x^4 - a*x^2"
    assert len(cr.critical_points(text, "x", {"a": 2}).points) == 3
    (origin,) = cr.critical_points(text, "x", {"a": 2, "x": 0}).points
    assert origin.kind == "maximum"
    with pytest.raises(InputError, match="gradient is zero nowhere"):
        cr.critical_points(text, "x", {"a": 2, "x": 0.5})


def test_data_of_a_regression() -> None:
    data = {"X": [[1, 2], [3, 4], [5, 6]], "y": [1, 0, 2]}
    (found,) = cr.critical_points("X: real[n,2]; y: real[n]; w: real[2]; mean((X@w - y)^2)", "w", data).points
    wanted = np.linalg.lstsq(np.array(data["X"]), np.array(data["y"]), rcond=None)[0]
    assert np.allclose([float(found.at("w[0]")), float(found.at("w[1]"))], wanted)


def test_points_outside_the_domain_are_left_out() -> None:
    found = cr.critical_points("x: positive; x^3 - 3*x", "x")
    assert [(str(point.at("x")), point.kind) for point in found.points] == [("1", "minimum")]


def test_systems_have_no_false_and_no_lost_solutions() -> None:
    found = solutions([x**2 + y**2 - 5, x * y - 2], [x, y])
    assert {tuple(item.of(s) for s in (x, y)) for item in found} == {(1, 2), (2, 1), (-1, -2), (-2, -1)}
    assert solutions([x**2 + 1], [x]) == ()
    (circle,) = solutions([x * (y**2 + z**2), y], [x, y, z])[:1]
    assert circle.free


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("x: real; abs(x)", UnsupportedError),
        ("X: real[n,d]; w: real[d]; norm(X@w)^2", UnsupportedError),
        ("x: real[2]; 2*x", UnsupportedError),
        ("x, y: real; sin(x)*y", NoClosedFormError),
    ],
)
def test_refusals(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        cr.critical_points(text)


def test_a_wrong_hessian_and_a_wrong_point_are_seen() -> None:
    found = cr.critical_points("x, y: real; x^4 + y^4 - 4*x*y")
    wrong = [replace(found.points[0], hessian=Matrix([[1, 0], [0, 1]])),
             replace(found.points[1], values=tuple((s, sp.Integer(2)) for s in found.whole.symbols))]  # fmt: skip
    for point in wrong:
        lines = told(found.whole, found.gradient, [point], ()).evidence()
        assert not all(item.holds for item in lines)
    sloped = told(found.whole, (found.gradient[0], found.gradient[0]), [], ()).evidence()
    assert [item.holds for item in sloped] == [True, False]


def test_what_the_parameters_leave_open() -> None:
    a = Symbol("a", real=True)
    assert nature(a * x**2, [x], {x: sp.S.Zero}, Matrix([[2 * a]])).kind == "undecided"
    seen = nature(a**2 * x**2, [x], {x: sp.S.Zero}, Matrix([[2 * a**2]]))
    assert (seen.kind, seen.unless) == ("minimum", (a,))


def test_the_picture_and_the_command(capsys: pytest.CaptureFixture[str], tmp_path: object) -> None:
    drawn = cr.critical_points("x, y: real; x^4 + y^4 - 4*x*y").plot()
    assert drawn.surface is not None
    assert set(drawn.surface.marks) == {(0.0, 0.0, "saddle point"), (1.0, 1.0, "minimum"), (-1.0, -1.0, "minimum")}
    picture = f"{tmp_path}/points.svg"
    assert run(["critical", "x, y: real; x^4 + y^4 - 4*x*y", "-o", picture]) == 0
    capsys.readouterr()
    assert run(["critical", "x: real; x^3 - 3*x", "--wrt", "x", "--json", "--check"]) == 0
    data = json.loads(capsys.readouterr().out)["critical"]
    assert [point["kind"] for point in data["points"]] == ["maximum", "minimum"]
    assert run(["critical", "x, y: real; sin(x)*y"]) == 3
