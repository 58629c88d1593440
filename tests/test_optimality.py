"""Conditions of optimality: derived, solved where a law leads to a solution, and measured at numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.learning.optimality import examples
from chainrule.learning.optimality.proof import solution_gap
from chainrule.learning.optimality.solution import Step

NORM = "x, v: real[n]; norm(x - v)^2/2"
MACHINE = (
    "X: real[n, d]; y: pm1[n]; w: real[d]; b: real; xi: real[n]; C: positive; norm(w)^2/2 + C*sum(xi)",
    "w,b,xi", ["y*(X @ w + b) >= 1 - xi", "xi >= 0"],
)  # fmt: skip

#: Objective, variables, constraints, the law of the solution, and its lines.
SOLVED = [
    (NORM, "x", ["sum(x) = 1", "x >= 0"], "bounds", {"x": "maximum(0, v - nu)", "mu": "x + nu - v"}),
    (NORM, "x", ["0 <= x <= 1"], "bounds", {"x": "minimum(1, maximum(0, v))"}),
    ("x, v, l, u: real[n]; norm(x - v)^2/2", "x", ["l <= x", "x <= u"], "bounds",
     {"x": "minimum(u, maximum(l, v))", "mu": "maximum(0, x - v)", "mu2": "maximum(0, v - x)"}),
    ("x, v: real[n]; r: positive; norm(x - v)^2/2", "x", ["norm(x)^2 <= r^2"], "cases",
     {"x": "v/(1 + 2*mu)", "mu": "(norm(v) - r)/(2*r)"}),
    ("x, v, a: real[n]; b: real; norm(x - v)^2/2", "x", ["a @ x <= b"], "cases",
     {"x": "v - mu*a", "mu": "(v @ a - b)/norm(a)**2"}),
    ("A: real[m, n]; b: real[m]; x: real[n]; norm(x)^2/2", "x", ["A @ x = b"], "equations",
     {"x": "-A.T @ nu", "nu": "-inv(A @ A.T) @ b"}),
    ("x: real[n]; a: positive[n]; -sum(log(a + x))", "x", ["sum(x) = 1", "x >= 0"], "bounds",
     {"x": "maximum(0, (1 - nu*a)/nu)"}),
    ("p: simplex[n]; c: real[n]; c @ p + sum(p*log(p))", "p", [], "bounds",
     {"p": "exp(-(1 + c + nu))", "nu": "log(exp(-1)*sum(exp(-c)))"}),
    ("p: positive[n]; y: positive[n]; -sum(y*log(p))", "p", ["sum(p) = 1"], "equations", {"p": "y/nu", "nu": "sum(y)"}),
    ("p: positive[n]; f: real[n]; c: real; sum(p*log(p))", "p", ["sum(p) = 1", "f @ p = c"], "multipliers",
     {"p": "exp(-(1 + nu2*f + nu))"}),
    ("X: real[n, d]; y: real[n]; w: real[d]; t: positive; norm(X @ w - y)^2", "w", ["norm(w)^2 <= t"], "cases",
     {"w": "inv(X.T @ X + mu*eye(d)) @ X.T @ y"}),
    ("S: spd[n, n]; w: real[n]; w @ S @ w/2", "w", ["sum(w) = 1"], "equations", {"nu": "-1/sum(inv(S))"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "limits", "law", "lines"), SOLVED, ids=lambda value: str(value)[:40])
def test_solutions(text: str, wrt: str, limits: list[str], law: str, lines: dict[str, str]) -> None:
    """A line that a law leads to, and the four conditions at random data."""
    found = cr.kkt(text, wrt, limits)
    assert found.solution is not None
    assert found.solution.law == law
    solved = {step.left: step.value.matrix() for step in found.solution.steps}
    assert lines.items() <= solved.items()
    assert found.convex
    assert all(held.holds for held in found.explanation().evidence())


@pytest.mark.parametrize(("number", "wrong"), [(0, "maximum(0, v - 2*nu)"), (1, "maximum(0, v)"), (3, "v/(1 + mu)")])
def test_a_wrong_solution_is_found_out(number: int, wrong: str) -> None:
    text, wrt, limits, _, _ = SOLVED[number]
    found = cr.kkt(text, wrt, limits)
    solved = found.solution
    assert solved is not None
    problem = found.problem
    value = cr.formula(f"{problem.declared(problem.constraints)}; {wrong}")
    steps = (Step("x", value, ""), *solved.steps[1:])
    assert solution_gap(problem, solved) == 0
    assert solution_gap(problem, replace(solved, steps=steps)) > 1e-3


def test_the_lagrangian_and_its_gradients() -> None:
    found = cr.kkt(*MACHINE)
    slopes = {name: derivation.result[name].matrix() for name, derivation in found.problem.stationarity.items()}
    assert slopes == {"w": "w - X.T @ (y*mu)", "b": "-y @ mu", "xi": "C - mu - mu2"}
    assert [item.shown for item in found.problem.constraints] == ["1 - xi - y*(X @ w + b) <= 0", "-xi <= 0"]
    assert found.solution is None
    text = found.text()
    assert "-mu2*xi = 0" in text
    assert "Complementary slackness, entry by entry." in text


@pytest.mark.parametrize(
    ("text", "wrt", "limits", "sentences"),
    [(NORM, "x", ["sum(x) = 1"], ["is convex: every point", "All constraints are affine"]),
     (NORM, "x", ["norm(x)^2 <= 1"], ["is convex: every point", "Slater's condition"]),
     (NORM, "x", ["norm(x)^2 = 1"], ["the equation 'norm(x)^2 = 1' is not seen to be affine", "are independent"]),
     ("x, y: real; x*y", "x,y", ["x + y = 1"], ["the objective is not convex", "All constraints are affine"]),
     (NORM, "x", ["norm(x)^2 >= 1"], ["the left side of '1 - norm(x)**2 <= 0' is concave"])],
)  # fmt: skip
def test_what_the_conditions_are_good_for(text: str, wrt: str, limits: list[str], sentences: list[str]) -> None:
    told = " ".join(cr.kkt(text, wrt, limits).problem.statements())
    assert all(sentence in told for sentence in sentences)


def test_active_sets_exactly() -> None:
    found = cr.kkt("x, y: real; x^2 + y^2", "x,y", ["x*y = 1", "0 <= x <= 3"])
    assert found.solution is not None
    sound = [item for item in found.solution.candidates if not item.faults]
    assert [(item.values["x"], item.values["y"], item.objective) for item in sound] == [(1, 1, 2)]
    assert {fault for item in found.solution.candidates for fault in item.faults} == {"0 <= x is violated", "mu2 < 0"}
    assert all(held.holds for held in found.explanation().evidence())


def test_active_sets_of_parameters() -> None:
    found = cr.kkt("x, y, a: real; (x - a)^2 + y^2", "x,y", ["x + y <= 1", "x >= 0"])
    told = found.text()
    assert "x = a/2 + 1/2, y = 1/2 - a/2, mu = a - 1" in told
    assert "A solution where a/2 + 1/2 >= 0, a - 1 >= 0." in told


def test_the_best_of_several_points() -> None:
    found = cr.kkt("x, y: real; x*y", "x,y", ["x^2 + y^2 <= 2"], maximise=True)
    assert found.text().count("the objective is 1 (the best of all)") == 2
    assert cr.kkt("x: real; c: real; c - x^2", "x", ["x >= 1"], maximise=True).check(x=1, c=5).objective == 4


def projected(v: np.ndarray) -> np.ndarray:
    """The projection onto the simplex by sorting (Held, Wolfe and Crowder, 1974)."""
    ordered = np.sort(v)[::-1]
    heights = (np.cumsum(ordered) - 1) / np.arange(1, v.size + 1)
    return np.maximum(0, v - heights[np.nonzero(ordered > heights)[0][-1]])


@pytest.mark.parametrize("method", ["slsqp", "trust-constr"])
def test_scipy_on_derived_gradients(method: str) -> None:
    v = np.random.default_rng(1).normal(size=7)
    found = cr.kkt(NORM, "x", ["sum(x) = 1", "x >= 0"]).solve({"v": v}, method=method)
    assert np.allclose(found.values["x"], projected(v), atol=1e-4)
    assert found.holds
    assert np.allclose(found.multipliers["mu"], found.values["x"] + found.multipliers["nu"] - v, atol=1e-4)


def test_certificates() -> None:
    found = cr.kkt(NORM, "x", ["sum(x) = 1", "x >= 0"])
    v = np.array([0.4, 1.2, -0.3])
    right = found.check(x=[0.1, 0.9, 0.0], v=v)
    assert right.holds
    assert right.multipliers["nu"] == pytest.approx(0.3)
    wrong = found.check(x=[0.2, 0.8, 0.0], v=v)
    assert not wrong.holds
    assert wrong.residuals["primal"] < 1e-12 < wrong.residuals["stationarity"]
    assert found.check(x=[0.1, 0.9, 0.1], v=v).residuals["primal"] == pytest.approx(0.1)
    given = found.check(x=[0.1, 0.9, 0.0], v=v, nu=0.3, mu=[0, 0, -0.6])
    assert given.residuals["dual"] == pytest.approx(0.6)


def test_the_loaded_die_of_jaynes() -> None:
    shown = examples.loaded_die(0)
    published = [0.05435, 0.07877, 0.11416, 0.16545, 0.23977, 0.34749]
    assert np.allclose([shown.numbers[f"p{n}"] for n in range(1, 7)], published, atol=1e-5)


@pytest.mark.parametrize(
    ("wrt", "limits", "words"),
    [("x", ["x > 0"], "strict inequality 'x > 0'"), ("x", ["sum(x)"], "a constraint compares two sides"),
     ("x", ["z = 0"], "z in the constraint 'z = 0' is not declared"), ("x", [], "there is no constraint"),
     ("x", ["sum(v) = 1"], "does not depend on x"), ("x", ["x[ >= 0"], "x[")],
)  # fmt: skip
def test_mistakes_are_answered(wrt: str, limits: list[str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        cr.kkt(NORM, wrt, limits)
    assert words in str(caught.value)


def test_other_mistakes_are_answered() -> None:
    with pytest.raises(UnsupportedError, match="the objective is a number"):
        cr.kkt("x: real[n]; x^2", "x", ["sum(x) = 1"])
    with pytest.raises(UnsupportedError, match="is restricted to"):
        cr.kkt("y: count; y", "y", ["y >= 1"])
    found = cr.kkt(NORM, "x", ["sum(x) = 1"])
    with pytest.raises(InputError, match="no values for v"):
        found.check(x=[1, 0])
    with pytest.raises(InputError, match="do not tell the shape of w"):
        cr.kkt("w: real[d]; norm(w)^2", "w", ["sum(w) = 1"]).solve()


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    problem = ["kkt", NORM, "--wrt", "x", "--subject-to", "sum(x) = 1", "--subject-to", "x >= 0"]
    assert run([*problem, "--check"]) == 0
    assert "x                           = maximum(0, v - nu)" in capsys.readouterr().out
    assert run([*problem, "--solve", "--at", "v=[0.4, 1.2, -0.3]", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["certificate"]["multipliers"]["nu"] == pytest.approx(0.3)
    assert run([*problem, "--at", "v=[0.4, 1.2]", "--at", "x=[0.5, 0.5]"]) == 1
    assert "the conditions do not hold" in capsys.readouterr().out
    assert run(["kkt", NORM, "--wrt", "x", "--subject-to", "x > 0"]) == 2
    assert "write >=" in capsys.readouterr().err
