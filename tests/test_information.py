"""Information: identities and inequalities that are known, those that are false, numbers against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError, InputError
from chainrule.learning.chains import chain
from chainrule.learning.information.reading import read_side
from chainrule.learning.information.tables import tables

TRUE = (
    ("I(X;Y) = H(X) + H(Y) - H(X,Y) = H(X) - H(X|Y) = H(Y) - H(Y|X)", ""),
    ("H(X,Y,Z) = H(X) + H(Y|X) + H(Z|X,Y)", ""),
    ("I(X;Y,Z) = I(X;Z) + I(X;Y|Z)", ""),
    ("H(p,q) = H(p) + KL(p||q)", ""),
    ("JS(p,q) = JS(q,p)", ""),
    ("H(X|Y) <= H(X)", ""),
    ("H(X,Y) <= H(X) + H(Y)", ""),
    ("2 H(X,Y,Z) <= H(X,Y) + H(Y,Z) + H(X,Z)", ""),
    ("KL(p||q) >= 0", ""),
    ("JS(p,q) <= 1/2 KL(p||q)", ""),
    ("H(p,q) >= H(p)", ""),
    ("H(X,Y) = H(X) + H(Y)", "X, Y independent"),
    ("H(X|Y,Z) = H(X|Y)", "X, Z independent given Y"),
    ("I(X;Z) <= I(X;Y)", "X - Y - Z"),
    ("I(A;D) <= I(B;C)", "A - B - C - D"),
    ("H(Y) <= H(X)", "Y = f(X)"),
    ("I(X;Y) = H(Y)", "Y = f(X)"),
    ("I(X;Y) <= I(X;Y|Z)", "X, Z independent"),
    ("H(X,Y,Z) <= (H(X,Y) + H(Y,Z) + H(X,Z))/2", ""),
    ("H(X) - (H(X|Y) - 2*(I(X;Y)/2 - H(Y))) = 2*(I(X;Y) - H(Y)*1)", ""),
    ("JS(p,q) <= log(2)", ""),
    ("2*JS(p,q) - KL(p||q)/3 <= 2*log(2)", ""),
)  # fmt: skip


@pytest.mark.parametrize(("about", "given"), TRUE)
def test_what_holds_is_proved_and_every_line_holds(about: str, given: str) -> None:
    proved = cr.information(about, given)
    assert all(held.holds for held in proved.evidence())
    assert proved.text()
    assert "<math" in proved.html()


@pytest.mark.parametrize(
    ("about", "given"),
    [("H(X,Y) = H(X) + H(Y)", ""), ("I(X;Y|Z) <= I(X;Y)", ""), ("KL(p||q) = KL(q||p)", ""),
     ("I(X;Y) <= I(X;Z)", "X - Y - Z"), ("H(X) <= H(Y)", "Y = f(X)"),
     ("JS(p,q) >= 1/2 KL(p||q)", ""), ("I(X;Y) = 0", ""), ("JS(p,q) <= log(2)/8", "")],
)  # fmt: skip
def test_what_does_not_hold_is_refused_with_a_table(about: str, given: str) -> None:
    with pytest.raises(InputError, match="does not hold"):
        cr.information(about, given)


@pytest.mark.parametrize(
    ("about", "given", "where"),
    [("I(X;Y) <= H(X|Y)", "", "X is a fair coin, Y = X"),
     ("I(X;Y|Z) <= I(X;Y)", "", "X is a fair coin, Y is a fair coin, Z = X + Y modulo 2"),
     ("H(X,Y,Z) = H(X,Y)", "X, Z independent", "X is constant, Y is constant, Z is a fair coin")],
)  # fmt: skip
def test_what_is_false_is_refused_with_coins_where_they_show_it(about: str, given: str, where: str) -> None:
    with pytest.raises(InputError, match="does not hold") as caught:
        cr.information(about, given)
    assert where in str(caught.value)


@pytest.mark.parametrize(
    ("about", "given", "words"),
    [("H(X", "", "expected here"), ("T(X;Y) = 0", "", "no quantity"), ("H(X,p)", "", "both stand"), ("", "", "missing"),
     ("I(X)", "", "does not take"), ("H()", "", "names stand here"), ("H(X)", "X is nice", "not understood"),
     ("H(X) <= H(X,Y) >= 0", "", "one way"), ("H(A,B,C,D,E,F)", "", "not taken on"),
     ("H(X) H(Y)", "", "expected here"), ("(H(X) + H(Y)", "", "not closed"), ("H(X)/H(Y)", "", "divided"),
     ("H(X) <= 1", "", "by itself"), ("log(x)", "", "whole number"), ("H(X)/0", "", "divided")],
)  # fmt: skip
def test_mistakes_are_answered(about: str, given: str, words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.information(about, given)
    assert words in str(caught.value)


def test_quantities_have_the_values_of_scipy() -> None:
    found = tables(frozenset(["X", "Y", "p", "q"]), (), 7)
    p, q = found.single["p"], found.single["q"]
    rows, columns = found.joint.sum(1), found.joint.sum(0)
    expected = {
        "H(p)": stats.entropy(p), "KL(p||q)": stats.entropy(p, q), "H(X,Y)": stats.entropy(found.joint.ravel()),
        "JS(p,q)": (stats.entropy(p, (p + q) / 2) + stats.entropy(q, (p + q) / 2)) / 2,
        "I(X;Y)": stats.entropy(found.joint.ravel(), np.outer(rows, columns).ravel()),
        "H(X|Y)": sum(c * stats.entropy(column / c) for c, column in zip(columns, found.joint.T, strict=True)),
    }  # fmt: skip
    assert {text: found.value(read_side(text)) for text in expected} == pytest.approx(expected)


def test_a_chain_that_does_not_hold_is_found() -> None:
    wrong = chain("p: simplex[k]", "-sum(p*log(p))", [("<=", "0", "Wrong."), ("=", "1", "Wrong.")])
    assert all(move.difference and move.difference() > 0.01 for part in wrong for move in part.moves)


def test_closed_forms_of_uses() -> None:
    vae = cr.expectation(
        "E[log_q - log_p]", "log_q = -(z - mu)^2/(2 s^2) - log(s); log_p = -z^2/2; z ~ normal(mu, s^2)"
    )
    grid = np.linspace(-12, 12, 200_001)
    density = stats.norm(0.7, 1.3)
    measured = np.trapezoid(density.pdf(grid) * (density.logpdf(grid) - stats.norm.logpdf(grid)), grid)
    assert vae.value(mu=0.7, s=1.3) == pytest.approx(measured, rel=1e-8)
    assert "T*(softmax(z/T) - softmax(t/T))" in cr.explain("distillation").text()


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["information", "H(X|Y) <= H(X)", "--check"]) == 0
    assert "I(X; Y) >= 0" in capsys.readouterr().out
    assert run(["information", "H(X,Y) = H(X)"]) == 2
    assert "does not hold" in capsys.readouterr().err
    sampled = cr.topic("cross_entropy").run
    assert sampled
    assert all(abs(error) < 0.02 for error in sampled(1).numbers.values())
