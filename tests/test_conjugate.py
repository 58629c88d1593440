"""Conjugate priors: named by the table, updated as in textbooks, with evidence that quadrature confirms."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule.derive.errors import InputError, UnsupportedError

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


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [("normal", None, "one parameter"), ("cauchy", ["s"], "no exponential family"), ("gamma", ["b"], "no distribution"),
     ("dirichlet", None, "one parameter")],
)  # fmt: skip
def test_what_has_no_named_prior_is_refused(name: str, known: list[str] | None, words: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        cr.distribution(name, "conjugate", known=known)
    assert words in str(caught.value)


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
