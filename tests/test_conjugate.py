"""Conjugate priors: named by the table, updated as in textbooks, with evidence that quadrature confirms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.learning.probability import predictive
from chainrule.learning.probability.conjugate import conjugate
from chainrule.learning.probability.family import Family
from chainrule.learning.probability.model import model
from chainrule.learning.probability.points import number
from chainrule.learning.probability.predictive import log_predictive

#: Distribution, known parameters, the prior's name, and how its parameters are updated.
TEXTBOOK = (
    ("bernoulli", None, "beta", {"a_n": "sum(x) + a_0", "b_n": "b_0 + n - sum(x)"}),
    ("binomial", None, "beta", {"a_n": "sum(x) + a_0"}),
    ("geometric", None, "beta", {"a_n": "a_0 + n", "b_n": "sum(x) + b_0"}),
    ("poisson", None, "gamma", {"a_n": "sum(x) + a_0", "b_n": "b_0 + n", "lam_MAP": "(a_n - 1)/b_n"}),
    ("exponential", None, "gamma", {"a_n": "a_0 + n", "b_n": "sum(x) + b_0"}),
    ("gamma", ["a"], "gamma", {"b_n": "sum(x) + b_0"}),
    ("laplace", ["mu"], "inverse gamma", {"a_n": "a_0 + n", "b_n": "sum(abs(mu - x)) + b_0"}),
    ("normal", ["sigma"], "normal", {"mu_n": "(sigma_0**2*sum(x) + sigma**2*mu_0)/(sigma**2 + n*sigma_0**2)",
                                     "mu_MAP": "mu_n"}),
    ("x: real; mu: real; v: positive; -log(v)/2 - log(2*pi)/2 - (x - mu)^2/(2*v)", ["mu"], "inverse gamma",
     {"a_n": "a_0 + n/2"}),
    ("x: positive; v: positive; log(x) - log(v) - x^2/(2*v)", None, "inverse gamma", {"a_n": "a_0 + n"}),
)  # fmt: skip


@pytest.mark.parametrize(("name", "known", "prior", "expected"), TEXTBOOK, ids=[row[0][:20] for row in TEXTBOOK])
def test_priors_and_updates(name: str, known: list[str] | None, prior: str, expected: dict[str, str]) -> None:
    explained = cr.distribution(name, "conjugate", known=known)
    assert all(held.holds for held in explained.evidence())
    assert f"The {prior} distribution" in explained.text()
    said = {move.left[0].text: move.right.text for move in explained.moves() if move.left}
    assert expected.items() <= said.items()
    assert "log p(x)" in said
    assert "log p(x_new | x)" in said


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [("gamma", None, "no prior of"), ("gamma", ["b"], "no distribution"), ("dirichlet", None, "no prior of"),
     ("wishart", None, "no prior of"),
     ("von_mises", None, "no prior of"), ("weibull", ["k"], "no distribution")],
)  # fmt: skip
def test_priors_without_a_name_have_their_general_form(name: str, known: list[str] | None, words: str) -> None:
    explained = cr.distribution(name, "conjugate", known=known)
    held = explained.evidence()
    assert len(held) >= 4
    assert all(item.holds for item in held)
    assert words in explained.remarks[0]
    assert explained.parts[-1].moves[-1].right.text == "nu_0 + n"


def test_a_wrong_update_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Family.at
    monkeypatch.setattr(Family, "at", lambda f, values, name: right(f, values, name) * (1.01 if name == "T1" else 1))
    assert any(not item.holds for item in cr.distribution("gamma", "conjugate").evidence())


def test_what_is_no_exponential_family_has_no_conjugate_prior() -> None:
    with pytest.raises(UnsupportedError, match="no exponential family"):
        cr.distribution("cauchy", "conjugate", known=["s"])


#: Distribution, known parameters and their values, and the predictive density by SciPy.
PREDICTIVE = (
    ("bernoulli", {}, lambda x, a, b: stats.betabinom(1, a, b).pmf(x)),
    ("binomial", {"m": 7.0}, lambda x, a, b: stats.betabinom(7, a, b).pmf(x)),
    ("poisson", {}, lambda x, a, b: stats.nbinom(a, b / (b + 1)).pmf(x)),
    ("exponential", {}, lambda x, a, b: stats.lomax(a, scale=b).pdf(x)),
    ("normal", {"sigma": 1.5}, lambda x, mu, s: stats.norm(mu, np.hypot(s, 1.5)).pdf(x)),
    ("x: real; mu: real; v: positive; -log(v)/2 - log(2*pi)/2 - (x - mu)^2/(2*v)", {"mu": 0.5},
     lambda x, a, b: stats.t(2 * a, 0.5, np.sqrt(b / a)).pdf(x)),
)  # fmt: skip


@pytest.mark.parametrize(("name", "known", "density"), PREDICTIVE, ids=[row[0][:20] for row in PREDICTIVE])
def test_predictive_distributions_are_those_of_scipy(name: str, known: dict[str, float], density: object) -> None:
    c = conjugate(model(name, list(known)))
    after = {f"{symbol}_n": 2.5 + place for place, symbol in enumerate(c.hyper)}
    body = log_predictive(c)
    program = predictive.program(c, body)
    for x in (0.0, 1.0) if name == "bernoulli" else (1.0, 3.0):
        values = {item.name: np.asarray(1.0) for item in program.inputs} | {"x": np.asarray(x)} | known | after
        ours = np.exp(number(program, values))
        assert ours == pytest.approx(density(x, *after.values()), rel=1e-10)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("noise", "prior", "penalty"),
    [("normal", "normal", "norm(w)**2"), ("normal", "laplace", "sum(abs(w))/b_w"),
     ("laplace", "normal", "sum(abs(X @ w - y))/b_eps"), ("student_t", "logistic", "softplus")],
)  # fmt: skip
def test_priors_are_penalties(noise: str, prior: str, penalty: str) -> None:
    explained = cr.penalised(noise, prior)
    assert all(held.holds for held in explained.evidence())
    assert penalty in explained.parts[-1].moves[0].right.text


def test_a_prior_without_location_is_no_penalty_of_a_weight() -> None:
    with pytest.raises(InputError, match="no parameter mu"):
        cr.penalised("normal", "gamma")
