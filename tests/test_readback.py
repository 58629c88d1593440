"""What is printed is read: results with their named parts are claims that are proved."""

from __future__ import annotations

import pytest
from closed_forms import CASES

import chainrule as cr
from chainrule.derive.errors import NotationError

DERIVE = {"grad": cr.gradient, "hess": cr.hessian, "jac": cr.jacobian}
SCORES = "Z: real[n, k]; Y: onehot[n, k]; "
LOSSES = [
    (entry.name, what, name)
    for entry in cr.catalog
    for what in (("jac",) if cr.formula(entry.name).shape else ("grad", "hess"))
    for name in cr.formula(entry.name).wrt
]
CLOSED = [(case.formula, *case.derivative.split(":")) for case in CASES if not case.symmetric]
#: Results with named parts, of which the formula has some of the same name, and parts in index notation.
PARTS = [
    ("S: spd[n, n]; y: real[n]; L = cholesky(S); norm(solve(L, y))^2", "grad", "S"),
    ("A: real[n, n]; B: real[n, n]; L = inv(A @ B); trace(L @ L @ B)", "grad", "A"),
    (SCORES + "W: real[k, k]; P = softmax(tanh(Z @ W), axis=1); sum(P*P*Y)", "grad", "W"),
]


@pytest.mark.parametrize(("formula", "what", "name"), [*LOSSES, *CLOSED, *PARTS])
def test_a_printed_result_is_a_claim_that_is_found_right(formula, what, name) -> None:
    printed = str(DERIVE[what](formula, name).result[name])
    verdict = cr.verify(formula, name, printed, what="hessian" if what == "hess" else "gradient")
    assert verdict.verdict in ("proved", "agrees"), printed


def test_named_parts_stand_after_where_on_a_line_of_its_own() -> None:
    f = cr.formula("X: real[n, d]; w: real[d]; y: real[n]; X.T @ r\nwhere\n  r = X @ w - y")
    assert str(f) == "X.T @ r\nwhere\n  r = X @ w - y"


@pytest.mark.parametrize("text", [
    "where\nx = 1", "x: real\nwhere\ny = x", "x\nwhere\ny", "x + y\nwhere\ny = 1\nwhere\nx = 1",
])  # fmt: skip
def test_where_without_a_formula_or_parts_is_refused(text) -> None:
    with pytest.raises(NotationError, match="where on a line of its own stands between"):
        cr.formula(text)


def test_a_claim_may_define_anew_what_the_formula_names_but_no_input() -> None:
    formula = "x: real[n]; p = exp(x); sum(p)"
    assert cr.verify(formula, "x", "p\nwhere\n  p = exp(x)").verdict == "proved"
    assert cr.verify(formula, "x", "p\nwhere\n  p = 2*exp(x)").verdict == "refuted"
    with pytest.raises(NotationError, match="x is known already"):
        cr.verify(formula, "x", "x\nwhere\n  x = 1")


P = "\nwhere\n  P = softmax(Z, axis=1)"


@pytest.mark.parametrize(("loss", "printed"), [
    ("P = exp(Z)/sum(exp(Z), axis=1, keepdims=True); -mean(sum(Y*log(P), axis=1))", "(P - Y)/n" + P),
    ("E = exp(Z - max(Z, axis=1, keepdims=True)); P = E/sum(E, axis=1, keepdims=True); -sum(Y*log(P))/n",
     "(P - Y)/n" + P),
    ("-sum(Y*log(exp(Z)/sum(exp(Z), axis=1, keepdims=True)))/n", "(softmax(Z, axis=1) - Y)/n"),
    ("mean(log(sum(exp(Z), axis=1)) - sum(Y*Z, axis=1))", "(softmax(Z, axis=1) - Y)/n"),
    ("m = max(Z, axis=1); sum(m + log(sum(exp(Z - m[:, None]), axis=1)))", "softmax(Z, axis=1)"),
])  # fmt: skip
def test_a_softmax_written_by_hand_has_the_gradient_of_a_softmax(loss, printed) -> None:
    """Bishop, PRML, eq. 4.109."""
    assert str(cr.gradient(SCORES + loss, "Z").result["Z"]) == printed


@pytest.mark.parametrize("quotient", ["exp(Z)/sum(exp(2*Z))", "exp(Z)/sum(exp(Z.T[0]))", "exp(Z)/sum(Y*exp(Z))"])
def test_a_quotient_of_other_exponentials_is_no_softmax(quotient) -> None:
    f = cr.formula("Z: real[k, k]; Y: real[k, k]; sum(Y*" + quotient + ")")
    result = cr.gradient(f, "Z").result["Z"]
    assert "softmax" not in result.matrix()
    assert cr.verify(f, "Z", str(result)).verdict in ("proved", "agrees")
