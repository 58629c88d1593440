"""Conjugates and duals: derived, and measured against SciPy, strong duality and scikit-learn."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize
from sklearn import linear_model, svm

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError, NoClosedFormError, UnsupportedError
from chainrule.learning.duality import examples
from chainrule.learning.duality.cases import U
from chainrule.learning.duality.telling import explanation

DATA = "X: real[n, d]; y: real[n]; w: real[d]; lam: positive; "
LABELS = "X: real[n, d]; y: pm1[n]; w: real[d]; b: real; "
MACHINE = LABELS + "C: positive; norm(w)^2/2 + C*sum(maximum(0, 1 - y*(X @ w + b)))"
TUBE = "X: real[n, d]; y: real[n]; w: real[d]; b: real; C, eps: positive; "
TUBE += "norm(w)^2/2 + C*sum(maximum(0, |y - X @ w - b| - eps))"
ELASTIC = "X: real[n, d]; y: real[n]; w: real[d]; l1, l2: positive; norm(X @ w - y)^2/2 + l1*sum(|w|) + l2/2*sum(w^2)"
RNG = np.random.default_rng(5)
X = RNG.normal(size=(18, 3))
Y = X @ [1.0, -2.0, 0.1] + RNG.normal(size=18)
SIGNS = np.where(X @ [1.0, -1.0, 0.5] + RNG.normal(size=18) > 0, 1.0, -1.0)

#: Functions, and the cases of their conjugates.
CONJUGATES = [
    ("x: real; x^2/2", [("-oo", "oo", "u**2/2")]),
    ("x: real; |x|", [("-1", "1", "0")]),
    ("x: real; maximum(0, 1 - x)", [("-1", "0", "u")]),
    ("x: real; softplus(x)", [("0", "1", "u*log(u) + (1 - u)*log(1 - u)")]),
    ("x: real; exp(x)", [("0", "oo", "u*log(u) - u")]),
    ("x: positive; x*log(x)", [("-oo", "oo", "exp(u - 1)")]),
    ("x: positive; -log(x)", [("-oo", "0", "-log(-u) - 1")]),
    ("x: unit; x*log(x) + (1 - x)*log(1 - x)", [("-oo", "oo", "log(exp(u) + 1)")]),
    ("x: nonnegative; 0*x", [("-oo", "0", "0")]),
    ("x: unit; x", [("-oo", "1", "0"), ("1", "oo", "u - 1")]),
    ("x: real; delta: positive; where(|x| <= delta, x^2/2, delta*(|x| - delta/2))", [("-delta", "delta", "u**2/2")]),
    ("x: real; 3*x + 2", [("3", "3", "-2")]),
    ("x: real; x^4", [("-oo", "0", "3*2**(1/3)*(-u)**(4/3)/8"), ("0", "oo", "3*2**(1/3)*u**(4/3)/8")]),
    ("x: real; sqrt(1 + x^2)", [("-1", "1", "-sqrt(1 - u**2)")]),
    ("x: positive; 1/x", [("-oo", "0", "-2*sqrt(-u)")]),
    ("x: real[n]; lam: positive; lam*norm(x)", [("-oo", "lam", "0")]),
    ("x: real[n]; lam: positive; lam*sum(|x|)", [("-lam", "lam", "0")]),
]


@pytest.mark.parametrize(("text", "cases"), CONJUGATES, ids=lambda value: value if isinstance(value, str) else "")
def test_conjugates(text: str, cases: list[tuple[str, str, str]]) -> None:
    found = cr.conjugate(text, "x")
    assert [(str(case.low), str(case.high)) for case in found.cases] == [(low, high) for low, high, _ in cases]
    known = {"u": U, "lam": sp.Symbol("lam", positive=True), "delta": sp.Symbol("delta", positive=True)}
    for case, (_, _, value) in zip(found.cases, cases, strict=True):
        wanted = sp.parse_expr(value, local_dict=known)
        place = {U: sp.Rational(-3, 7) if case.high == 0 or case.low == -1 else sp.Rational(3, 7)}
        assert abs(sp.N((case.value - wanted).subs(place))) < 1e-12
    assert all(held.holds for held in found.explanation().evidence())


def test_values_of_conjugates() -> None:
    found = cr.conjugate("x: real; lam: positive; lam*|x|", "x")
    assert (found.value(0.5, lam=1), found.value(1.5, lam=1)) == (0, float("inf"))
    assert cr.conjugate("x: real; softplus(x)").value(0.0) == 0


def test_a_wrong_conjugate_is_found_out() -> None:
    scalar = cr.conjugate("x: real; exp(x)").scalar
    (case,) = scalar.cases
    assert scalar.miss(case) == 0
    assert scalar.miss(replace(case, value=case.value + U / 10)) > 1e-2


#: Objective, variables, the dual, its constraints, the weights.
DUALS = [
    (DATA + "norm(X @ w - y)^2/2 + lam/2*norm(w)^2", "w", "((2*y - a) @ a - norm(X.T @ a)**2/lam)/2", (),
     "X.T @ a / lam"),
    (DATA + "mean((X @ w - y)^2) + lam*sum(|w|)", "w", "(4*y - n*a) @ a / 4", ("-lam <= X.T @ a <= lam",), None),
    (MACHINE, "w,b", "sum(a) - norm(X.T @ (y*a))**2/2", ("0 <= a <= C", "a @ y = 0"), "X.T @ (y*a)"),
    (DATA.replace("y: real", "y: pm1") + "sum(softplus(-y*(X @ w))) + lam/2*norm(w)^2", "w",
     "-(norm(X.T @ (y*a))**2/(2*lam) + sum(a*log(a) + (1 - a)*log(1 - a)))", ("0 <= a <= 1",), "X.T @ (y*a) / lam"),
    (DATA.replace("y: real", "y: binary") + "z = X @ w; sum(softplus(z) - y*z) + lam/2*norm(w)^2", "w",
     "-(norm(X.T @ a)**2/(2*lam) + sum((y - a)*log(y - a) + (1 + a - y)*log(1 + a - y)))", ("y - 1 <= a <= y",),
     "X.T @ a / lam"),
    (ELASTIC, "w", "(2*y - a) @ a / 2 - sum(where(abs(X.T @ a) <= l1, 0, (abs(X.T @ a) - l1)**2/(2*l2)))", (),
     "where(abs(X.T @ a) <= l1, 0, sign(X.T @ a)*(abs(X.T @ a) - l1)/l2)"),
    (TUBE, "w,b", "sum(y*a - eps*abs(a)) - norm(X.T @ a)**2/2", ("-C <= a <= C", "sum(a) = 0"), "X.T @ a"),
    (DATA + "norm(X @ w - y)^2/2 + lam*norm(w)", "w", "(2*y - a) @ a / 2", ("norm(X.T @ a)**2 <= lam**2",), None),
    (DATA + "sum(|X @ w - y|) + lam*norm(w)^2", "w", "y @ a - norm(X.T @ a)**2/(4*lam)", ("-1 <= a <= 1",),
     "X.T @ a / (2*lam)"),
    (DATA.replace("y: real", "y: count") + "z = X @ w; sum(exp(z) - y*z) + lam/2*norm(w)^2", "w", None, ("a <= y",),
     "X.T @ a / lam"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "objective", "limits", "weights"), DUALS, ids=lambda value: str(value)[-40:])
def test_duals(text: str, wrt: str, objective: str | None, limits: tuple[str, ...], weights: str | None) -> None:
    """The dual, and a gap of zero between both optima on random data."""
    found = cr.dual(text, wrt)
    assert objective in (None, found.objective.matrix())
    assert found.constraints == limits
    assert (found.weights.matrix() if found.weights else None) == weights
    assert all(held.holds for held in found.explanation().evidence())


def test_the_gap_finds_a_wrong_conjugate() -> None:
    found = cr.dual(DATA + "norm(X @ w - y)^2/2 + lam/2*norm(w)^2", "w").derived
    (case,) = found.penalty.cases
    larger = replace(case, value=case.value * sp.Rational(11, 10))
    wrong = replace(found, penalty=replace(found.penalty, cases=(larger,)))
    assert not all(held.holds for held in explanation(wrong).evidence())


def solved(text: str, wrt: str, **data: Any) -> Any:
    found = cr.dual(text, wrt).solve(X=X, **data)
    assert abs(found.gap) < 1e-6 * (1 + abs(found.primal))
    return found.unknowns


def test_ridge_and_its_kernel_form() -> None:
    w = solved(DATA + "norm(X @ w - y)^2/2 + lam/2*norm(w)^2", "w", y=Y, lam=3.0)["w"]
    assert np.allclose(w, linear_model.Ridge(alpha=3.0, fit_intercept=False).fit(X, Y).coef_)
    closed = cr.dual("ridge").closed
    assert closed is not None
    a = closed.evaluate(X=X, y=Y, lam=3.0)
    assert np.allclose(X.T @ a / 6, np.linalg.solve(X.T @ X + 18 * 3.0 * np.eye(3), X.T @ Y))


def test_lasso_and_elastic_net() -> None:
    w = solved(DATA + "norm(X @ w - y)^2/2 + lam*sum(|w|)", "w", y=Y, lam=4.0)["w"]
    theirs = linear_model.Lasso(alpha=4.0 / 18, fit_intercept=False, tol=1e-12).fit(X, Y).coef_
    assert np.allclose(w, theirs, atol=1e-6)
    assert (np.abs(w) < 1e-9).any()
    w = solved(ELASTIC, "w", y=Y, l1=2.0, l2=1.0)["w"]
    net = linear_model.ElasticNet(alpha=3.0 / 18, l1_ratio=2 / 3, fit_intercept=False, tol=1e-12)
    assert np.allclose(w, net.fit(X, Y).coef_, atol=1e-6)


def test_support_vectors() -> None:
    found = cr.dual(MACHINE, "w,b").solve(X=X, y=SIGNS, C=0.7)
    theirs = svm.SVC(kernel="linear", C=0.7, tol=1e-10).fit(X, SIGNS)
    assert np.allclose(found.unknowns["w"], theirs.coef_[0], atol=1e-4)
    assert found.unknowns["b"] == pytest.approx(theirs.intercept_[0], abs=1e-4)
    assert set(np.nonzero(found.dual > 1e-6)[0]) == set(theirs.support_)
    tube = solved(TUBE, "w,b", y=Y, C=0.5, eps=0.3)
    regression = svm.SVR(kernel="linear", C=0.5, epsilon=0.3, tol=1e-10).fit(X, Y)
    assert np.allclose(tube["w"], regression.coef_[0], atol=1e-4)
    assert tube["b"] == pytest.approx(regression.intercept_[0], abs=1e-4)


def test_logistic_regression() -> None:
    text = DATA.replace("y: real", "y: pm1") + "sum(softplus(-y*(X @ w))) + lam/2*norm(w)^2"
    theirs = linear_model.LogisticRegression(C=2.0, fit_intercept=False, tol=1e-12, max_iter=1000).fit(X, SIGNS)
    assert np.allclose(solved(text, "w", y=SIGNS, lam=0.5)["w"], theirs.coef_[0], atol=1e-5)


def test_a_group_of_weights() -> None:
    """The norm of all weights: against SciPy on the primal."""
    w = solved(DATA + "norm(X @ w - y)^2/2 + lam*norm(w)", "w", y=Y, lam=3.0)["w"]
    theirs = minimize(lambda w: np.sum((X @ w - Y) ** 2) / 2 + 3 * np.linalg.norm(w), np.ones(3), tol=1e-12).x
    assert np.allclose(w, theirs, atol=1e-5)


def test_what_is_told_of_samples() -> None:
    told = cr.dual(MACHINE, "w,b").text()
    for line in ("a[i] = C", "Where m[i] lies below 1", "m[i] = 1", "Where 0 < a[i] < C", "With K = X @ X.T"):
        assert line in told


def test_the_machine_on_flowers() -> None:
    shown = examples.flowers(0)
    flowers = examples._petals()
    theirs = svm.SVC(kernel="linear", C=1.0, tol=1e-10).fit(flowers[0], flowers[1])
    assert [shown.numbers["w1"], shown.numbers["w2"]] == pytest.approx(list(theirs.coef_[0]), abs=1e-4)
    # Equal flowers on the margin share their dual variable in many ways.
    assert abs(shown.numbers["support"] - theirs.support_.size) <= 2


@pytest.mark.parametrize(
    ("text", "wrt", "error", "words"),
    [(DATA + "norm(X @ w - y)^2 - lam*norm(w)^2", "w", UnsupportedError, "not seen to be convex"),
     (DATA + "norm(tanh(X @ w) - y)^2", "w", UnsupportedError, "not seen to be convex"),
     (DATA + "norm(X @ w - y)^2 + lam*norm(w) + lam*sum(|w|)", "w", UnsupportedError, "no dual by this method"),
     (DATA + "lam*norm(w)^2", "w", UnsupportedError, "no dual by this method"),
     ("two_layer_network", None, InputError, "a vector of weights"),
     (DATA + "sum(exp(X @ w) + (X @ w - y)^2) + lam*norm(w)^2", "w", NoClosedFormError, "no closed form")],
)  # fmt: skip
def test_other_objectives_are_refused(text: str, wrt: str | None, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        cr.dual(text, wrt)


def test_other_functions_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="is not seen to be convex"):
        cr.conjugate("x: real; x^2 - x^4")
    with pytest.raises(UnsupportedError, match="neither a sum over the entries"):
        cr.conjugate("x: real[n]; sum(x^2)*sum(|x|)", "x")
    (case,) = cr.conjugate("x: real[n]; sum(x^2) + 5", "x").cases
    assert case.value == U**2 / 4 - 5


def test_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dual", "lasso", "--check"]) == 0
    assert "-lam <= X.T @ a <= lam" in capsys.readouterr().out
    assert run(["dual", "svm", "--format", "text"]) == 0
    assert "0 <= a <= C" in capsys.readouterr().out
    assert run(["dual", "ridge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dual"]["weights"] == "X.T @ a / (2*lam)"
    assert run(["dual", "ridge", "--at", "X=[[1, 2], [3, 4], [0, 1]]", "--at", "y=[1, 0, 2]", "--at", "lam=0.5"]) == 0
    assert "duality gap" in capsys.readouterr().out
    assert run(["conjugate", "x: real; softplus(x)", "--check"]) == 0
    assert "[exact]" in capsys.readouterr().out
