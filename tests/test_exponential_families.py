"""Exponential families: found term by term, with moments and information that summation and quadrature confirm."""

from __future__ import annotations

import pytest

import chainrule as cr
from chainrule.derive.catalog.distributions import DISTRIBUTIONS
from chainrule.derive.errors import UnsupportedError
from chainrule.learning.probability.family import family
from chainrule.learning.probability.model import model
from chainrule.learning.probability.points import point

NO_FAMILY = {"laplace", "student_t", "cauchy", "logistic", "weibull", "pareto", "uniform"}


@pytest.mark.parametrize("entry", DISTRIBUTIONS, ids=lambda entry: entry.name)
def test_the_form_is_the_density_or_is_refused(entry: object) -> None:
    m = model(entry)  # type: ignore[arg-type]
    if m.entry.name in NO_FAMILY:
        with pytest.raises(UnsupportedError, match="no exponential family"):
            family(m)
        return
    for seed in (0, 1):
        values = point(m, seed)
        assert family(m).difference({**values, "x": values["x"][0]}) < 1e-12


#: Distribution, known parameters, expectations and Fisher information as textbooks print them.
TEXTBOOK = (
    ("bernoulli", None, {"E[x]": "p", "var(x)": "p*(1 - p)", "I_p": "1/(p*(1 - p))"}),
    ("poisson", None, {"E[x]": "lam", "var(x)": "lam", "I_lam": "1/lam"}),
    ("normal", None, {"E[x]": "mu", "var(x)": "sigma**2", "I_mu": "1/sigma**2", "I_sigma": "2/sigma**2",
                      "I_{mu,sigma}": "0"}),
    ("exponential", None, {"E[x]": "1/lam", "var(x)": "1/lam**2", "I_lam": "1/lam**2"}),
    ("gamma", None, {"E[x]": "a/b", "E[log(x)]": "digamma(a) - log(b)", "I_a": "trigamma(a)", "I_b": "a/b**2"}),
    ("laplace", ["mu"], {"E[abs(mu - x)]": "b", "I_b": "1/b**2"}),
    ("weibull", ["k"], {"E[x**k]": "s**k", "I_s": "k**2/s**2"}),
    ("x: positive; s: positive; log(x) - 2*log(s) - x^2/(2*s^2)", None, {"E[x**2]": "2*s**2", "I_s": "4/s**2"}),
)  # fmt: skip


@pytest.mark.parametrize(("name", "known", "expected"), TEXTBOOK, ids=[row[0][:12] for row in TEXTBOOK])
def test_moments_and_information(name: str, known: list[str] | None, expected: dict[str, str]) -> None:
    explained = cr.distribution(name, "fisher", known=known)
    assert all(held.holds for held in explained.evidence())
    said = {move.left[0].text: move.right.text for move in explained.moves() if move.left}
    assert expected.items() <= said.items()


def test_families_of_vectors_have_the_textbooks_natural_parameters() -> None:
    said = {move.left[0].text: move.right.text for move in cr.distribution("multivariate_normal", "family").moves()
            if move.left}  # fmt: skip
    assert (said["eta1"], said["T1"]) == ("inv(Sigma) @ mu", "x")
    assert (said["eta2"], said["T2"]) == ("-inv(Sigma)/2", "outer(x, x)")


def test_what_is_no_family_says_which_term_is_in_the_way() -> None:
    with pytest.raises(UnsupportedError) as caught:
        cr.distribution("cauchy", "family")
    assert "log(" in caught.value.found
    with pytest.raises(UnsupportedError) as caught:
        cr.distribution("pareto", "family")
    assert caught.value.hint.endswith("--known m")
    curved = "x: real; mu: positive; -log(mu) - log(2*pi)/2 - (x - mu)^2/(2*mu^2)"
    assert any("2 natural parameters" in remark for remark in cr.distribution(curved, "family").remarks)
