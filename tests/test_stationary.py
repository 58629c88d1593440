"""Stationary points: closed forms as people write them, their values, derivations, conditions and refusals."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import scipy.optimize
from scipy import linalg
from stationary_table import SOLVED, UNSOLVED
from support import differences

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.domains import Domain
from chainrule.derive.errors import InputError, NoClosedFormError, UnknownNameError, UnsupportedError
from chainrule.derive.formula import formula
from chainrule.derive.goals import gradient
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program
from chainrule.derive.stationarity.check import SIZES, Trial, tried
from chainrule.derive.stationarity.convex import is_convex
from chainrule.derive.stationarity.definite import of_matrix
from chainrule.derive.stationarity.terms import Space
from chainrule.derive.stationary import Stationary, solve_stationary

Array = np.ndarray
Values = dict[str, Array]

ROWS = pytest.mark.parametrize(("text", "wrt", "printed", "kind"), SOLVED, ids=[f"{t} by {w}" for t, w, *_ in SOLVED])


def points(found: Stationary) -> list[Values]:
    """Inputs at two sizes, with the solutions in the place of the unknowns, where these exist."""
    program, rng, kept = found.formula.program, np.random.default_rng(5), []
    for sizes in size_assignments(program, SIZES) * 6:
        values = sample(program.inputs, sizes, rng)
        given = {name: value for name, value in values.items() if name not in found.wrt}
        solved = {name: np.asarray(item.evaluate(**given)) for name, item in found.solution.items()}
        regular = all(inside(program.by_name[name].domain, value) for name, value in solved.items())
        programs = [item.program for item in (*found.solution.values(), *found.gradient.result.values())]
        if regular and all(well_conditioned(program, {**values, **solved}) for program in programs):
            kept.append({**values, **solved})
        if len(kept) == 2:
            break
    return kept


def inside(domain: Domain, value: Array) -> bool:
    """Whether a value lies inside a domain, not on its boundary, and is not large."""
    low = -1e4 if domain.low is None else domain.low
    high = 1e4 if domain.high is None else domain.high
    return bool(np.all(value > low) and np.all(value < high))


@cache
def solved_once(text: str, wrt: str) -> Stationary:
    return solve_stationary(text, wrt)


def well_conditioned(program: Program, values: Values) -> bool:
    """Whether the matrices that are inverted are far from singular."""
    env = evaluate(program, values)
    inverses = [env[item.name] for item in program.definitions if item.reduce == "inv"]
    return all(np.isfinite(inverse).all() and np.max(np.linalg.cond(inverse)) < 1e6 for inverse in inverses)


@ROWS
def test_solutions(text: str, wrt: str, printed: tuple[str, ...], kind: str) -> None:
    found = solved_once(text, wrt)
    assert list(found.solution) == wrt.split(",")
    for item, wanted in zip(found.solution.values(), printed, strict=True):
        assert wanted in ("", item.matrix())
        assert not {given.name for given in item.inputs} & set(found.wrt)
    assert found.kind == kind


@ROWS
def test_the_gradient_vanishes(text: str, wrt: str, printed: tuple[str, ...], kind: str) -> None:
    """By differences of the formula with 60 digits, which share no code with the derivation of the gradient."""
    found = solved_once(text, wrt)
    program = found.formula.program
    tested = points(found)
    assert tested
    for values in tested:
        for name in found.wrt:
            slope = differences(program, program.output.name, name, values)
            if program.by_name[name].domain.symmetric:  # type: ignore[union-attr]
                slope = slope + slope.T
            moved = {**values, name: values[name] * 1.1 + 0.1}
            scale = max(1.0, float(np.abs(differences(program, program.output.name, name, moved)).max()))
            np.testing.assert_allclose(slope, 0, atol=1e-9 * scale, err_msg=f"{text} by {name}")


def moved_from(value: Array) -> Array:
    """Another value in the same domain: larger, of a symmetric matrix on the diagonal."""
    return value * 1.1 + (0.1 * np.eye(*value.shape[-2:]) if value.ndim > 1 else 0.1)


@ROWS
def test_every_equation_holds_at_the_solution_and_not_elsewhere(
    text: str, wrt: str, printed: tuple[str, ...], kind: str
) -> None:
    found = solved_once(text, wrt)
    (values, *_) = points(found)
    for equation in found.equations:
        name = equation.variable
        moved = {**values, name: moved_from(values[name])}
        both = (equation.left, equation.right)
        sides = [[np.asarray(item.evaluate(**at)) for item in both] for at in (values, moved)]
        scale = max(1.0, *(float(np.abs(side).max()) for side in sides[1]))
        np.testing.assert_allclose(*sides[0], atol=1e-9 * scale, rtol=1e-9, err_msg=equation.note)
        assert np.abs(sides[1][0] - sides[1][1]).max() > 1e-6, equation.note


def test_what_an_equation_is_divided_by_is_what_the_reason_says() -> None:
    text = "X: real[n,d]; y: real[n]; w: real[d]; lam: positive; mean((y-X@w)^2) + lam*norm(w)^2"
    found = solve_stationary(text, "w")
    first, second, _ = found.equations
    assert second.note.startswith("Divide by 2/n.")
    values = sample(found.formula.inputs, size_assignments(found.formula.program)[0], np.random.default_rng(0))
    left, right = second.left.evaluate(**values), second.right.evaluate(**values)
    np.testing.assert_allclose(first.left.evaluate(**values), 2 / len(values["y"]) * (left - right))


# ---- against other programs ----------------------------------------------------------------------------------


def _sylvester(A: Array, B: Array, C: Array, D: Array, **_: Array) -> Array:
    return linalg.solve_sylvester(A.T @ A, C @ C.T, A.T @ B + D @ C.T)


def _intercept(X: Array, y: Array, **_: Array) -> Array:
    return np.linalg.lstsq(np.column_stack([X, np.ones(len(y))]), y, rcond=None)[0]


REFERENCES: list[tuple[str, str, Callable[..., Array]]] = [
    ("X: real[n,d]; y: real[n]; w: real[d]; mean((y - X@w)^2)", "w", lambda X, y: np.linalg.lstsq(X, y, rcond=None)[0]),
    ("X: real[n,d]; y: real[n]; w: real[d]; b: real; mean((y - X@w - b)^2)", "w,b", _intercept),
    ("x: real[n]; y: real[n]; w: real; b: real; sum((y - w*x - b)^2)", "w,b", lambda x, y: np.polyfit(x, y, 1)),
    ("X: real[n,d]; m: real[d]; S: spd[d,d]; n/2*logdet(S) + sum(((X-m)@inv(S))*(X-m))/2", "m,S",
     lambda X: np.concatenate([X.mean(0), np.cov(X.T, bias=True).ravel()])),
    ("A: real[p,m]; X: real[m,k]; B: real[p,k]; C: real[k,q]; D: real[m,q]; norm(A@X-B)^2 + norm(X@C-D)^2", "X",
     _sylvester),
    ("w: real[n]; y: real[n]; lam: positive; norm(y-w)^2 + lam*norm(w[1:]-w[:-1])^2", "w",
     lambda y, lam: np.linalg.solve(np.eye(len(y)) + lam * np.diff(np.eye(len(y)), axis=0).T
                                    @ np.diff(np.eye(len(y)), axis=0), y)),
    ("A: real[p,m]; X: real[m,k]; B: real[k,q]; C: real[p,q]; lam: positive; norm(A@X@B-C)^2 + lam*norm(X)^2", "X",
     lambda A, B, C, lam: np.linalg.solve(np.kron(A.T @ A, B @ B.T) + lam * np.eye(A.shape[1] * len(B)),
                                          (A.T @ C @ B.T).ravel())),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "reference"), REFERENCES, ids=[row[0] for row in REFERENCES])
def test_against_numpy_and_scipy(text: str, wrt: str, reference: Callable[..., Array]) -> None:
    found = solve_stationary(text, wrt)
    for values in points(found):
        given = {name: value for name, value in values.items() if name not in found.wrt}
        want = np.ravel(reference(**given))
        have = np.concatenate([np.ravel(values[name]) for name in found.wrt])
        np.testing.assert_allclose(have, want, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("text", "wrt"),
    [
        ("X: real[n,d]; y: real[n]; w: real[d]; lam: positive; s: positive[n]; mean(s*(y-X@w)^2) + lam*norm(w)^2", "w"),
        ("f: real[n]; y: real[n]; L: psd[n,n]; mu: positive; f@L@f + mu*norm(f-y)^2", "f"),
        ("y: unit[n]; b: real; mean(softplus(b) - y*b)", "b"),
        ("a: real; e: unit; exp(-a)*(1-e) + exp(a)*e", "a"),
    ],
)
def test_against_an_optimiser(text: str, wrt: str) -> None:
    found = solve_stationary(text, wrt)
    assert found.kind == "minimum"
    for values in points(found):
        shape = values[wrt].shape

        def value(x: Array, values: Values = values, shape: tuple[int, ...] = shape) -> float:
            return float(found.formula.evaluate(**{**values, wrt: x.reshape(shape)}))

        start = np.zeros(max(1, values[wrt].size))
        best = scipy.optimize.minimize(value, start, method="BFGS", options={"gtol": 1e-9, "maxiter": 2000})
        np.testing.assert_allclose(np.ravel(values[wrt]), best.x, atol=1e-4)
        assert value(np.ravel(values[wrt])) <= best.fun + 1e-9


# ---- conditions and kinds --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "wrt", "conditions", "remark"),
    [
        ("X: real[n,d]; y: real[n]; w: real[d]; norm(y-X@w)^2", "w",
         ("X.T @ X is invertible (X has full column rank)",), ""),
        ("B: real[k,q]; X: real[m,k]; C: real[m,q]; norm(X@B-C)^2", "X",
         ("B @ B.T is invertible (B has full row rank)",), ""),
        ("X: real[n,d]; y: real[n]; w: real[d]; lam: nonnegative; norm(y-X@w)^2 + lam*norm(w)^2", "w",
         ("X.T @ X + lam*eye(d) is invertible (lam > 0 or X has full column rank)",), ""),
        ("X: real[n,d]; y: real[n]; w: real[d]; lam: positive; norm(y-X@w)^2 + lam*norm(w)^2", "w", (),
         "X.T @ X + lam*eye(d) is positive definite, so it has an inverse"),
        ("X: real[n,d]; y: real[n]; w: real[d]; lam: real; norm(y-X@w)^2 + lam*norm(w)^2", "w",
         ("X.T @ X + lam*eye(d) is invertible",), ""),
        ("c: real; x: real[n]; m: real; c*sum((x-m)^2)", "m", ("c is not 0",), ""),
        ("x: real[n]; m: real; v: positive; n/2*log(v) + sum((x-m)^2)/(2*v)", "v", ("norm(x - m)**2 is not 0",), ""),
        ("y: binary[n]; p: unit; -mean(y*log(p)+(1-y)*log(1-p))", "p", ("mean(y) lies between 0 and 1",), ""),
        ("a, c: real; v: positive; a*v - c*log(v)", "v", ("a is not 0", "c/a is positive"), ""),
        ("x: real; x^4 - x^2", "x", (), "x = 0 is stationary, too"),
        ("A: real[p,m]; X: real[m,k]; B: real[p,k]; C: real[k,q]; D: real[m,q]; norm(A@X-B)^2 + norm(X@C-D)^2", "X",
         ("A.T @ A or C @ C.T is invertible",), "The form of the equations shows that it is a minimum"),
        ("X: real[n,d]; y: real[n]; w: real[d]; b: real; mean((y-X@w-b)^2)", "w,b",
         ("X.T @ (X - mean(X, axis=0)) is invertible",), "L is convex in w and b, so it is a minimum"),
    ],
)  # fmt: skip
def test_conditions(text: str, wrt: str, conditions: tuple[str, ...], remark: str) -> None:
    found = solve_stationary(text, wrt)
    assert found.conditions == conditions
    assert not remark or remark in found.remarks


MATRICES = "X: real[n,d]; S: spd[n,n]; G: psd[n,n]; R: real[n,n]; s: positive[n]; t: real[n]; c: nonnegative; "


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("X.T @ X", "semidefinite"), ("X.T @ S @ X", "semidefinite"), ("X.T @ inv(S) @ X", "semidefinite"),
        ("X.T @ diag(s) @ X", "semidefinite"), ("X.T @ diag(t^2) @ X", "semidefinite"), ("S", "definite"),
        ("inv(S)", "definite"), ("G", "semidefinite"), ("S + G", "definite"), ("diag(s)", "definite"),
        ("X @ X.T + eye(n)", "definite"), ("c*S", "semidefinite"), ("inv(X @ X.T + 2*S)", "definite"),
        ("outer(t, t)", "semidefinite"), ("S * outer(t, t)", "semidefinite"), ("S @ G @ S", "semidefinite"),
        ("R", ""), ("R + R.T", ""), ("X.T @ R @ X", ""), ("X.T @ diag(t) @ X", ""), ("S - G", ""), ("inv(G)", ""),
        ("S @ G", ""), ("R @ R", ""), ("outer(t, s)", ""), ("-S", ""),
    ],
)  # fmt: skip
def test_definite_by_form(text: str, want: str) -> None:
    """What is claimed is true of the eigenvalues, and nothing is claimed of what has no sign."""
    program = parse_formula(MATRICES + text)
    space = Space(program, ())
    row, column = (space.fresh(length) for length in program.output.shape)
    assert of_matrix(space, space.entry(program.output.name, (row, column)), row, column) == want
    if want:
        for sizes in size_assignments(program):
            value = formula(MATRICES + text).evaluate(**sample(program.inputs, sizes, np.random.default_rng(1)))
            assert np.linalg.eigvalsh(value).min() > (1e-12 if want == "definite" else -1e-9)


@pytest.mark.parametrize(
    ("text", "wrt", "want"),
    [
        ("X: real[n,d]; w: real[d]; b: real; norm(X@w + b)^2", "w,b", True),
        ("S: spd[n,n]; u, v: real[n]; (u-v)@inv(S)@(u-v)", "u,v", True),
        ("x: positive; y: real; x*y^2", "x,y", False),
        ("X: real[n,n]; trace(X@X)", "X", False),
        ("X: real[n,n]; trace(X@X.T)", "X", True),
        ("x: real; y: real; x*y", "x,y", False),
        ("x: real; y: real; x^2*y^2", "x,y", False),
        ("x: real[n]; y: real[n]; sum(x^2*(x + y)^2)", "x,y", False),
        ("x: positive[n]; sum(x) - sum(log(x))", "x", True),
        ("x: positive[n]; sum(log(x))", "x", False),
        ("P: spd[n,n]; S: spd[n,n]; trace(S@P) - logdet(P)", "P", True),
        ("S: spd[n,n]; logdet(S)", "S", False),
        ("x: real; y: real; exp(x + y) + abs(x)", "x,y", True),
        ("x: real; c: real; c*x^2", "x", False),
        ("G: symmetric[n,n]; x: real[n]; x@G@x", "x", False),
    ],
)
def test_convex_by_form(text: str, wrt: str, want: bool) -> None:
    program = parse_formula(text)
    space = Space(program, wrt.split(","))
    assert is_convex(space, space.entry(program.output.name, ())) is want


# ---- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "wrt", "message", "term"), UNSOLVED, ids=[f"{t} by {w}" for t, w, *_ in UNSOLVED])
def test_no_closed_form(text: str, wrt: str, message: str, term: str) -> None:
    with pytest.raises(NoClosedFormError) as caught:
        solve_stationary(text, wrt)
    assert caught.value.message.startswith("no closed form by this method: ")
    assert message in caught.value.message
    assert term in ("", caught.value.found)
    assert (caught.value.exit_code, caught.value.code) == (3, "no-closed-form")


def test_mistakes() -> None:
    with pytest.raises(UnsupportedError, match="the gradient is for scalar formulas"):
        solve_stationary("x: real[n]; x", "x")
    with pytest.raises(UnknownNameError, match="no variable called 'v'"):
        solve_stationary("x: real[n]; sum(x^2)", "v")
    with pytest.raises(InputError, match="z is defined by the formula") as caught:
        solve_stationary("x: real[n]; y: real[n]; z = x - y; sum(z^2)", "z")
    assert caught.value.expected == "an input as the unknown: x, y"


def test_a_wrong_solution_is_noticed() -> None:
    """The trial that every solution goes through tells wrong, singular and right ones apart."""
    text = "X: real[n,d]; y: real[n]; w: real[d]; norm(y-X@w)^2"
    slope = gradient(text, "w").result["w"].program
    inputs = "X: real[n,d]; y: real[n]; "
    outcomes = {
        "inv(X.T@X)@X.T@y": "holds",
        "inv(X.T@X)@X.T@y*1.000001": "fails",
        "inv(X.T@X + 0.001*eye(d))@X.T@y": "fails",
        "inv(X.T@X*0)@X.T@y": "singular",
    }
    for solution, outcome in outcomes.items():
        assert tried(Trial({"w": slope}, {"w": parse_formula(inputs + solution)})) == outcome, solution


# ---- the record ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "wrt"), [(row[0], row[1]) for row in SOLVED[::6]])
def test_the_record_is_printed_and_comes_back_exactly(text: str, wrt: str) -> None:
    found = solved_once(text, wrt)
    written = found.to_json()
    assert json.loads(written)["schema"] == 1
    assert Stationary.from_json(written) == found
    assert pickle.loads(pickle.dumps(found)) == found
    page, latex = found.text(), found.latex(document=True)
    assert latex.count("{") == latex.count("}")
    for name, item in found.solution.items():
        assert item.matrix().partition("\n")[0] in page
        assert f"d{found.formula.output.name}/d{name} = 0" in page
    for statement in (*found.conditions, *found.remarks):
        assert statement in page
    bundle = {"text/plain": page, "text/markdown": found.markdown(), "text/latex": found.latex()}
    assert found._repr_mimebundle_() == bundle
    assert str(found) == page


def test_a_record_of_another_schema_is_refused() -> None:
    with pytest.raises(InputError, match="not a stationary point of this schema"):
        Stationary.from_json('{"schema": 99}')


def test_a_page() -> None:
    page = solve_stationary("X: real[n,d]; y: real[n]; w: real[d]; mean((X@w - y)^2)", "w").text()
    assert page.endswith("""\
Gradient set to zero
  2/n*X.T @ (X @ w - y) = 0                         At a stationary point the gradient is zero.
  X.T @ X @ w           = X.T @ y                   Divide by 2/n. Collect the terms with w.
  w                     = inv(X.T @ X) @ X.T @ y    Solve the system of linear equations.

Result
  w    = inv(X.T @ X) @ X.T @ y    (d,)
  w[j] = sum_k inv(X.T @ X)[k,j] sum_i X[i,k] y[i]

Remarks
  Condition: X.T @ X is invertible (X has full column rank).
  The form of the equations shows that it is a minimum.
""")


def test_the_unknown_that_needs_no_condition_is_eliminated_first() -> None:
    solved = solve_stationary("simple_linear_regression", ["w", "b"])
    assert solved.solution["b"].matrix() == "mean(y - w*x)"
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 9))
    w, b = np.polyfit(x, y, 1)
    assert solved.solution["w"].evaluate(x=x, y=y) == pytest.approx(w)
    assert solved.solution["b"].evaluate(x=x, y=y) == pytest.approx(b)
