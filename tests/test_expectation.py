"""The algebra of expectations: results that are known, lines that hold, mistakes that are answered."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError, InputError
from chainrule.learning.expectation.declare import declared
from chainrule.learning.expectation.estimators import linear_estimator
from chainrule.learning.expectation.joint import table
from chainrule.learning.expectation.measure import value
from chainrule.learning.expectation.moves import Algebra

IID = "x_i independent; E[x_i] = mu; Var[x_i] = s^2"
#: What is asked, what is declared, the known result.
RESULTS = (
    ("E[(y - g)^2]", "y = f + e; f constant; E[e] = 0; Var[e] = s^2; g independent of e",
     "(f - E[g])^2 + Var[g] + s^2"),
    ("E[(y - g)^2]", "y = f + e; f constant; g independent of e", "(f + E[e] - E[g])^2 + Var[g] + Var[e]"),
    ("E[(y - g)^2]", "y = f + e; f constant; E[e] = 0; g random",
     "(f - E[g])^2 + Var[g] + Var[e] - 2 Cov[e, g]"),
    ("Var[a*X + b]", "", "a^2 Var[X]"),
    ("Var[X - Y]", "X, Y independent", "Var[X] + Var[Y]"),
    ("Var[X - Y]", "", "Var[X] + Var[Y] - 2 Cov[X, Y]"),
    ("Cov[X + Y, X - Y]", "", "Var[X] - Var[Y]"),
    ("Var[X Y]", "X, Y independent", "E[X]^2 Var[Y] + E[Y]^2 Var[X] + Var[X] Var[Y]"),
    ("Var[sum_i x_i / n]", IID, "s^2/n"),
    ("E[sum_i (x_i - m)^2 / n]", f"m = sum_i x_i / n; {IID}", "s^2 (n - 1)/n"),
    ("Var[sum_i e_i / m]", "i = 1..m; Var[e_i] = s^2; Cov[e_i, e_j] = rho*s^2", "rho*s^2 + (1 - rho)*s^2/m"),
    ("Var[sum_i a_i x_i]", "x_i independent", "sum_i a_i^2 Var[x_i]"),
    ("Var[sum_i (x_i - y_i)^2]", "x_i, y_i independent; x_i ~ normal(0, s^2); y_i ~ normal(0, s^2)", "8 n s^4"),
    ("Var[(X - mu)^2]", "X ~ normal(mu, s^2)", "2 s^4"),
    ("E[(X - E[X])^4]", "X ~ uniform(0, b)", "b^4/80"),
    ("E[X^3]", "X ~ exponential(r)", "6/r^3"),
    ("Var[X]", "X ~ bernoulli(p)", "p (1 - p)"),
    ("E[X^2]", "X ~ poisson(r)", "r + r^2"),
    ("Var[Y]", "Y = Z X; Z, X independent; E[Z] = 0; Var[Z] = 1", "Var[X] + E[X]^2"),
    ("E[e h(X)]", "E[e | X] = 0", "0"),
    ("Var[Y]", "E[Y | X] = a X + b; Var[Y | X] = s^2; Var[X] = t^2", "a^2 t^2 + s^2"),
    ("Var[Y]", "Y | X ~ poisson(X); X ~ gamma(a, r)", "a/r + a/r^2"),
    ("E[Y^2]", "Y | X ~ normal(b X, s^2); Var[X] = t^2; E[X] = m", "b^2 (m^2 + t^2) + s^2"),
    ("Var[X - Y]", "Y | X ~ bernoulli(X); E[X] = m", "m - E[X^2]"),
    ("Var[Y]", "Y | X ~ normal(X^2, X); X ~ exponential(r)", "20/r^4 + 1/r"),
    ("Var[Z]", "Z | Y ~ normal(Y, t^2); Y | X ~ normal(X, s^2); Var[X] = v", "s^2 + t^2 + v"),
    ("Cov[X, Y]", "Y | X ~ normal(b X, s^2); Var[X] = t^2", "b t^2"),
    ("Var[sum_i m_i w_i x_i / p]", "m_i ~ bernoulli(p); m_i independent; w_i constant; x_i constant",
     "(1 - p) sum_i w_i^2 x_i^2 / p"),
    ("E[y x]", "y = b x + e; E[e | x] = 0; x random", "b E[x^2]"),
)  # fmt: skip


@pytest.mark.parametrize(("about", "given", "known"), RESULTS)
def test_results_that_are_known(about: str, given: str, known: str) -> None:
    found = cr.expectation(about, given)
    assert all(held.holds for held in found.evidence())
    setting, sides = declared(given, f"{found.result} = {known}")
    for seed in (3, 4):
        outcomes = table(setting, seed)
        left, right = (value(side, outcomes, {}) for side in sides)
        assert np.allclose(left, right, rtol=1e-9, atol=1e-9), found.result
    assert len(found.result) < 2.2 * len(known) + 12


@pytest.mark.parametrize(
    ("about", "given"),
    [("Var[Y] = E[Var[Y | X]] + Var[E[Y | X]]", ""),
     ("E[(Y - h(X))^2] = E[(Y - m)^2] + E[(m - h(X))^2]", "m = E[Y | X]"),
     ("Cov[X, Y] = E[X Y] - E[X] E[Y]", ""),
     ("Cov[Y, Z] = E[Cov[Y, Z | X]] + Cov[E[Y | X], E[Z | X]]", ""),
     ("Cov[a X + b, c Y + d] = a c Cov[X, Y]", "")],
)  # fmt: skip
def test_equations_are_proved(about: str, given: str) -> None:
    assert all(held.holds for held in cr.expectation(about, given).evidence())


def test_an_expectation_that_nothing_is_known_of_says_so() -> None:
    assert "No law of the algebra applies" in cr.expectation("E[exp(t*X)]", "X ~ normal(mu, s^2)").text()


def test_the_variance_of_a_multiple_is_used_on_the_way_and_derived_where_it_is_the_question() -> None:
    way = cr.expectation("Var[3*X - 2*Y + 1]", "X independent of Y; Var[X] = s^2; Var[Y] = t^2")
    assert way.result == "4*t**2 + 9*s**2"
    assert "A constant factor comes out" in way.text()
    assert "A constant factor comes out" not in cr.expectation("Var[3*X + 1]").text()


def test_the_moves_are_named() -> None:
    lines = cr.explain("bias_variance").text("full")
    for words in ("By definition of y", "mean is added and subtracted", "Linearity", "Cross terms vanish", "declared"):
        assert words in lines
    assert "E[(y - g)**2] = (f - E[g])**2 + Var[g] + s**2" in lines


@pytest.mark.parametrize("move", [Algebra.vanished, Algebra.parted])
def test_a_move_without_its_condition_would_be_found(
    move: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    given, about = "X, Y random", "E[(X - Y)^2]" if move is Algebra.vanished else "E[X Y]"
    monkeypatch.setattr("chainrule.learning.expectation.setting.Setting.may_depend", lambda *_: False)
    assert not all(held.holds for held in cr.expectation(about, given).evidence())


def test_variables_depend_unless_they_are_declared_independent() -> None:
    setting, (product, square) = declared("X, Y independent; Z random", "E[X Y] - E[X] E[Y] = Cov[X, Z]")
    outcomes = table(setting)
    assert np.allclose(value(product, outcomes, {}), 0, atol=1e-12)
    assert np.all(np.abs(value(square, outcomes, {})) > 1e-3)


def test_results_are_read_back_and_have_values() -> None:
    found = cr.expectation("Var[sum_i a_i x_i]", "x_i random")
    assert cr.expectation(f"Var[sum_i a_i x_i] = {found.result}", "x_i random").result == found.result
    average = cr.expectation("Var[sum_i e_i / m]", "i = 1..m; Var[e_i] = s^2; Cov[e_i, e_j] = rho*s^2")
    assert average.value(m=4, rho=0.5, s=2) == pytest.approx(0.5 * 4 + 0.5 * 4 / 4)
    with pytest.raises(InputError, match="without a number"):
        average.value(m=4)


@pytest.mark.parametrize(
    ("about", "given", "words"),
    [("E[X", "", "missing here"), ("E[X] = E[Y]", "", "not equal"), ("Corr[X, Y]", "", "no operator"),
     ("E[X; Y]", "", "no meaning"), ("a + b", "", "nothing in here is random"), ("E[X]", "X wobbly", "not understood"),
     ("E[X]", "X ~ normal(0)", "takes 2 parameters"), ("E[X]", "X ~ wigner(1)", "no distribution"),
     ("E[Y]", "Y = Z + X; Z = Y; X random", "defined by itself"), ("E[X^99]", "", "power is too high"),
     ("E[X]", "X constant; Var[X] = 1", "makes it random"), ("E[X]", "Y independent", "independent of what"),
     ("E[" * 70 + "X" + "]" * 70, "", "nested too deeply"), ("E[X/0]", "", "division by zero"),
     ("E[sum_i x_i]", "i = 1..N; N ~ poisson(r); x_i ~ bernoulli(p)", "number of terms N is random"),
     ("Var[X]", "X | Y ~ poisson(Y); Y | X ~ poisson(X)", "in a circle"),
     ("Cov[X]", "", "takes 2"), ("Cov[m, x_i - m]", f"m = sum_i x_i / n; {IID}", "stands free")],
)  # fmt: skip
def test_mistakes_are_answered(about: str, given: str, words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.expectation(about, given)
    assert words in str(caught.value)


def test_declarations_that_contradict_each_other_are_found() -> None:
    found = cr.expectation("Var[X + Y]", "Var[X] = 1; Var[Y] = 1; Cov[X, Y] = 2")
    with pytest.raises(InputError, match="no distribution"):
        found.evidence()


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["expect", "Var[2 X]", "--check"]) == 0
    assert "Var[2*X] = 4*Var[X]" in capsys.readouterr().out
    assert run(["expect", "-E[X]", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["explanation"]["parts"]
    assert run(["expect", "E[X", "--given", "X random"]) == 2
    assert "missing" in capsys.readouterr().err


def test_demonstrations_agree_with_what_is_derived() -> None:
    runs = {name: cr.topic(name).run for name in ("bias_variance", "sample_variance", "averaging_models")}
    numbers = {name: made(5).numbers for name, made in runs.items() if made}
    assert numbers["bias_variance"]["largest_relative_difference"] < 0.05
    assert numbers["bias_variance"]["best_degree"] in (3, 4, 5)
    assert numbers["sample_variance"]["unbiased"] == pytest.approx(4, rel=0.05)
    assert numbers["sample_variance"]["biased"] == pytest.approx(3.2, rel=0.05)
    assert all(ratio == pytest.approx(1, abs=0.05) for ratio in numbers["averaging_models"].values())


def test_linear_estimators() -> None:
    ridge = cr.explain("ridge_bias_variance")
    assert isinstance(ridge, cr.Explanation)
    assert all(held.holds for held in ridge.evidence())
    plain = linear_estimator("inv(X.T @ X) @ X.T", forms={"mean": (("w", "Unbiased."),)})
    assert all(held.holds for held in plain.evidence())
    wrong = linear_estimator("inv(X.T @ X + lam*eye(d)) @ X.T", "lam: positive", {"mean": (("w", "Wrong."),)})
    assert [held.holds for held in wrong.evidence()] == [True, False, True, True, True]
