"""Divergences and entropies in closed form, against SciPy's distributions, quadrature and sampling."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.catalog.distributions import BY_NAME, DISTRIBUTIONS
from chainrule.derive.errors import DomainError, InputError, UnsupportedError
from chainrule.learning.divergence import measure, parts
from chainrule.learning.divergence.natural import natural
from chainrule.learning.probability.model import model

derived = functools.lru_cache(cr.divergence)

Point = tuple[dict[str, float], dict[str, float]]
#: SciPy's distribution, and the parameters of p and of q.
SCIPY: dict[str, tuple[Callable[..., Any], Point, Any]] = {
    "normal": (lambda mu, sigma: stats.norm(mu, sigma), ({"mu": 0.3, "sigma": 1.2}, {"mu": -1, "sigma": 0.7}), None),
    "log_normal": (lambda mu, sigma: stats.lognorm(sigma, scale=np.exp(mu)),
                   ({"mu": 0.3, "sigma": 0.6}, {"mu": -0.2, "sigma": 0.9}), None),
    "von_mises": (lambda mu, kappa: stats.vonmises(kappa, mu),
                  ({"mu": 0.4, "kappa": 1.5}, {"mu": -1.0, "kappa": 0.7}), None),
    "exponential": (lambda lam: stats.expon(scale=1 / lam), ({"lam": 0.7}, {"lam": 2.0}), None),
    "gamma": (lambda a, b: stats.gamma(a, scale=1 / b), ({"a": 2.3, "b": 1.4}, {"a": 0.8, "b": 0.6}), None),
    "inverse_gamma": (lambda a, b: stats.invgamma(a, scale=b), ({"a": 3.3, "b": 1.4}, {"a": 1.8, "b": 0.6}), None),
    "beta": (lambda a, b: stats.beta(a, b), ({"a": 2.3, "b": 1.4}, {"a": 0.8, "b": 3.6}), None),
    "laplace": (lambda mu, b: stats.laplace(mu, b), ({"mu": 0.3, "b": 1.4}, {"mu": -1.0, "b": 0.6}), None),
    "cauchy": (lambda mu, s: stats.cauchy(mu, s), ({"mu": 0.3, "s": 1.4}, {"mu": -1.0, "s": 0.6}), None),
    "weibull": (lambda k, s: stats.weibull_min(k, scale=s), ({"k": 1.7, "s": 1.4}, {"k": 0.8, "s": 2.6}), None),
    "pareto": (lambda m, a: stats.pareto(a, scale=m), ({"m": 1.5, "a": 2.5}, {"m": 1.1, "a": 1.2}), None),
    "uniform": (lambda a, b: stats.uniform(a, b - a), ({"a": 0.2, "b": 0.9}, {"a": -0.4, "b": 1.7}), None),
    "bernoulli": (lambda p: stats.bernoulli(p), ({"p": 0.3}, {"p": 0.8}), None),
    "geometric": (lambda p: stats.geom(p, loc=-1), ({"p": 0.3}, {"p": 0.6}), None),
    "poisson": (lambda lam: stats.poisson(lam), ({"lam": 3.2}, {"lam": 1.7}), None),
    "binomial": (lambda p, m: stats.binom(m, p), ({"p": 0.3}, {"p": 0.6}), {"m": 9}),
    "negative_binomial": (lambda p, r: stats.nbinom(r, p), ({"p": 0.4}, {"p": 0.6}), {"r": 2.5}),
}  # fmt: skip
#: Distributions of the table that the methods do not reach.
REFUSED = {"student_t", "logistic"}
#: Where the entropy is not closed, as the mean of the base measure is not.
NO_ENTROPY = {"poisson", "binomial", "negative_binomial", "multinomial", "wishart"}


def both(name: str) -> tuple[Any, Any, dict[str, float]]:
    """SciPy's p and q, and the parameters under the names of the closed form."""
    make, (first, second), known = SCIPY[name]
    known = known or {}
    values = {f"{key}_1": value for key, value in first.items()} | {f"{key}_2": value for key, value in second.items()}
    return make(**first, **known), make(**second, **known), values | known


def expected(p: Any, function: Callable[[Any], Any]) -> float:
    """The mean of a function under a distribution of SciPy."""
    if hasattr(p.dist, "pmf"):
        low, high = (int(end) for end in p.interval(1 - 1e-14))
        x = np.arange(low, high + 200)
        x = x[p.pmf(x) > 0]
        return float(np.sum(p.pmf(x) * function(x)))
    return sum(integrate.quad(lambda u, at=quantile: function(at(u)), a, b, limit=400, epsabs=1e-11, epsrel=1e-9)[0]
               for quantile in (p.ppf, p.isf) for a, b in ((1e-300, 1e-4), (1e-4, 0.5)))  # fmt: skip


@pytest.mark.parametrize("name", SCIPY)
def test_divergences_are_those_of_scipys_distributions(name: str) -> None:
    p, q, values = both(name)
    log = "logpmf" if hasattr(p.dist, "pmf") else "logpdf"
    direct = expected(p, lambda x: getattr(p, log)(x) - getattr(q, log)(x))
    assert derived(name).evaluate(**values) == pytest.approx(direct, rel=1e-7)


@pytest.mark.parametrize("name", sorted(SCIPY.keys() - NO_ENTROPY))
def test_entropies_are_scipys(name: str) -> None:
    p, _, values = both(name)
    found = derived(name, "entropy")
    own = {item.name: values[item.name] for item in found.formula.inputs}
    assert found.evaluate(**own) == pytest.approx(float(p.entropy()), rel=1e-9, abs=1e-12)
    crossed = derived(name, "cross_entropy").evaluate(**values)
    assert crossed == pytest.approx(float(p.entropy()) + derived(name).evaluate(**values), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", [entry.name for entry in DISTRIBUTIONS if entry.name not in REFUSED])
def test_divergences_are_not_negative_and_zero_for_equal_parameters(name: str) -> None:
    found = derived(name)
    for seed in range(4):
        values = measure.small(found.pair, seed)
        first, second = found.pair.members
        assert found.evaluate(**values) >= -1e-12
        same = values | {item.name: values[first[key].name] for key, item in second.items()}
        assert found.evaluate(**same) == pytest.approx(0, abs=1e-12)
        # No trials tell nothing apart.
        told = values.get("m", 1) != 0
        if told and any(np.max(np.abs(values[i.name] - values[second[key].name])) > 0.02 for key, i in first.items()):
            assert found.evaluate(**values) > 1e-9


@pytest.mark.parametrize("name", ["gamma", "categorical", "cauchy", "pareto"])
def test_every_line_holds(name: str) -> None:
    for what in ("kl", "cross_entropy"):
        held = derived(name, what).evidence()
        assert len(held) >= 3
        assert all(item.holds for item in held)


#: Closed forms as textbooks print them.
TEXTBOOK = {
    "normal": "((mu_1 - mu_2)**2 + sigma_1**2)/(2*sigma_2**2) + log(sigma_2/sigma_1) - 1/2",
    "exponential": "lam_2/lam_1 + log(lam_1/lam_2) - 1",
    "poisson": "lam_1*log(lam_1/lam_2) + lam_2 - lam_1",
    "bernoulli": "p_1*log(p_1/p_2) + (1 - p_1)*log((1 - p_1)/(1 - p_2))",
    "gamma": "a_1*(b_2 - b_1)/b_1 + digamma(a_1)*(a_1 - a_2) + a_2*log(b_1/b_2) + lgamma(a_2) - lgamma(a_1)",
    "cauchy": "log(((mu_1 - mu_2)**2 + (s_1 + s_2)**2)/(4*s_1*s_2))",
    "multivariate_normal": "((mu_1 - mu_2) @ inv(Sigma_2) @ (mu_1 - mu_2) + trace(Sigma_1 @ inv(Sigma_2)) "
                           "+ logdet(Sigma_2) - logdet(Sigma_1) - d)/2",
    "von_mises": "kappa_1*bessel_ratio(kappa_1) + log_i0(kappa_2) - kappa_2*cos(mu_1 - mu_2)*bessel_ratio(kappa_1) "
                 "- log_i0(kappa_1)",
    "wishart": "nu*(trace(V_1 @ inv(V_2)) + logdet(V_2) - logdet(V_1) - d)/2",
    "dirichlet": "lgamma(sum(a_1)) + (a_1 - a_2) @ (digamma(a_1) - digamma(sum(a_1))) + sum(lgamma(a_2)) "
                 "- sum(lgamma(a_1)) - lgamma(sum(a_2))",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTBOOK)
def test_closed_forms_read_as_in_textbooks(name: str) -> None:
    assert derived(name).formula.matrix() == TEXTBOOK[name]


def covariances(rng: np.random.Generator, d: int) -> Any:
    half = rng.normal(size=(d, d))
    return half @ half.T + np.eye(d)


def test_vectors_and_matrices_of_several_numbers() -> None:
    rng = np.random.default_rng(0)
    s, t, m, u = covariances(rng, 3), covariances(rng, 3), rng.normal(size=3), rng.normal(size=3)
    p, q = stats.multivariate_normal(m, s), stats.multivariate_normal(u, t)
    x = p.rvs(200_000, random_state=1)
    ratio = p.logpdf(x) - q.logpdf(x)
    found = derived("multivariate_normal").evaluate(mu_1=m, Sigma_1=s, mu_2=u, Sigma_2=t)
    assert found == pytest.approx(ratio.mean(), abs=5 * ratio.std() / len(x) ** 0.5)
    assert derived("multivariate_normal", "entropy").evaluate(mu_1=m, Sigma_1=s) == pytest.approx(p.entropy())
    a, b = np.array([2.0, 0.7, 1.5]), np.array([1.0, 3.0, 0.5])
    x = stats.dirichlet(a).rvs(100_000, random_state=1).T
    ratio = stats.dirichlet(a).logpdf(x) - stats.dirichlet(b).logpdf(x)
    assert derived("dirichlet").evaluate(a_1=a, a_2=b) == pytest.approx(ratio.mean(), abs=5 * ratio.std() / 300)
    assert derived("dirichlet", "entropy").evaluate(a_1=a) == pytest.approx(stats.dirichlet(a).entropy())
    x = stats.wishart(5, s).rvs(4_000, random_state=1).transpose(1, 2, 0)
    ratio = stats.wishart(5, s).logpdf(x) - stats.wishart(5, t).logpdf(x)
    found = derived("wishart").evaluate(V_1=s, V_2=t, nu=5)
    assert found == pytest.approx(ratio.mean(), abs=5 * ratio.std() / 4_000**0.5)


#: Families that are not in the table, with what their divergence is for some parameters, from SciPy or NumPy.
RAYLEIGH = "x: positive; s: positive; log(x) - 2*log(s) - x^2/(2*s^2)"
INVERSE_GAUSSIAN = "x: positive; mu: positive; lam: positive; log(lam/(2*pi*x^3))/2 - lam*(x - mu)^2/(2*mu^2*x)"
GENERALISED_GAMMA = (
    "x: positive; a: positive; b: positive; k: positive; log(k) + a*k*log(b) - lgamma(a) + (a*k - 1)*log(x) - (b*x)^k"
)
CURVED = "x: real; mu: positive; -log(mu) - log(2*pi)/2 - (x - mu)^2/(2*mu^2)"
PRECISION = "x: real[d]; mu: real[d]; P: spd[d, d]; logdet(P)/2 - d*log(2*pi)/2 - (x - mu) @ P @ (x - mu)/2"
OWN = (
    (RAYLEIGH, lambda s: stats.rayleigh(scale=s), {"s": 1.4}, {"s": 0.8}),
    (INVERSE_GAUSSIAN, lambda mu, lam: stats.invgauss(mu / lam, scale=lam), {"mu": 1.4, "lam": 2.0},
     {"mu": 0.8, "lam": 1.1}),
    (GENERALISED_GAMMA, lambda a, b, k: stats.gengamma(a, k, scale=1 / b), {"a": 1.4, "b": 2.0, "k": 1.3},
     {"a": 0.8, "b": 1.1, "k": 2.0}),
    (CURVED, lambda mu: stats.norm(mu, mu), {"mu": 1.4}, {"mu": 0.8}),
)  # fmt: skip


@pytest.mark.parametrize(("text", "make", "first", "second"), OWN, ids=["rayleigh", "igauss", "gengamma", "curved"])
def test_families_that_are_not_in_the_table(text: str, make: Any, first: Any, second: Any) -> None:
    p, q = make(**first), make(**second)
    values = {f"{k}_1": v for k, v in first.items()} | {f"{k}_2": v for k, v in second.items()}
    direct = expected(p, lambda x: p.logpdf(x) - q.logpdf(x))
    assert derived(text).evaluate(**values) == pytest.approx(direct, rel=1e-7)


def test_a_precision_matrix_and_independent_coordinates() -> None:
    assert derived(PRECISION).formula.matrix() == (
        "((mu_1 - mu_2) @ P_2 @ (mu_1 - mu_2) + logdet(P_1) + trace(P_2 @ inv(P_1)) - logdet(P_2) - d)/2"
    )
    diagonal = derived("x: real[d]; m: real[d]; s: positive[d]; -sum(log(s)) - d*log(2*pi)/2 - sum((x-m)^2/(2*s^2))")
    m, u, s, t = np.random.default_rng(0).uniform(0.5, 2, (4, 3))
    single = [derived("normal").evaluate(mu_1=a, sigma_1=b, mu_2=c, sigma_2=d)
              for a, b, c, d in zip(m, s, u, t, strict=True)]  # fmt: skip
    assert diagonal.evaluate(m_1=m, s_1=s, m_2=u, s_2=t) == pytest.approx(sum(single))


def test_the_closed_form_is_a_formula_like_any_other() -> None:
    kl = derived("normal").formula
    assert cr.gradient(kl, "mu_1").result["mu_1"].matrix() == "(mu_1 - mu_2)/sigma_2**2"
    compiled = cr.kernel(kl, wrt=["sigma_1"])
    at = {"mu_1": 0.0, "sigma_1": 2.0, "mu_2": 1.0, "sigma_2": 1.0}
    assert compiled.value(**at) == pytest.approx(2 - np.log(2))
    assert compiled.gradient(**at) == pytest.approx((2 - 0.5,))


def test_counts_that_sum_to_a_known_number() -> None:
    p, q = np.array([0.2, 0.5, 0.3]), np.array([0.4, 0.4, 0.2])
    rows = [np.array([i, j, 4 - i - j]) for i in range(5) for j in range(5 - i)]
    first, second = stats.multinomial(4, p), stats.multinomial(4, q)
    measured = sum(first.pmf(row) * (first.logpmf(row) - second.logpmf(row)) for row in rows)
    assert derived("multinomial").evaluate(p_1=p, p_2=q, m=4) == pytest.approx(measured, rel=1e-12)


def test_a_support_that_is_not_covered_makes_it_infinite() -> None:
    assert derived("uniform").evaluate(a_1=0, b_1=1, a_2=0, b_2=0.5) == np.inf
    assert derived("pareto").evaluate(m_1=1, a_1=2, m_2=1.5, a_2=2) == np.inf
    found = cr.divergence_at("uniform", parameters={"a_1": 0, "b_1": 1, "a_2": 0, "b_2": 0.5})
    assert (found.closed, found.computed) == (np.inf, np.inf)
    assert "cover" in found.reason


def test_what_has_no_closed_form_says_why_and_has_numbers() -> None:
    for name in REFUSED:
        with pytest.raises(UnsupportedError, match="no closed form"):
            cr.divergence(name)
    with pytest.raises(UnsupportedError, match="base measure") as caught:
        cr.divergence("poisson", "entropy")
    assert caught.value.found == "log h = -lgamma(1 + x)"
    found = cr.divergence_at("poisson", "entropy", parameters={"lam_1": 3.0})
    assert found.closed is None
    assert found.computed == pytest.approx(float(stats.poisson(3).entropy()), rel=1e-10)
    values = {"mu_1": 0, "sigma_1": 1, "mu_2": 1, "sigma_2": 2, "nu": 5}
    t = cr.divergence_at("student_t", known=["nu"], parameters=values)
    p, q = stats.t(5), stats.t(5, 1, 2)
    assert t.computed == pytest.approx(expected(p, lambda x: p.logpdf(x) - q.logpdf(x)), rel=1e-8)


def test_faults_are_found() -> None:
    n = natural(model(replace(BY_NAME["gamma"])))
    right = derived("gamma").formula
    wrong = cr.formula(
        "a_1: positive; b_1: positive; a_2: positive; b_2: positive; a_1*(b_2 - b_1)/b_1 + digamma(a_1)*(a_1 - a_2) "
        "+ a_2*log(b_1/b_2) + lgamma(a_2) - lgamma(a_1) + (a_1 - a_2)^2/1000"
    )
    for formula, holds in ((right, True), (wrong, False)):
        moves = parts.closed_part(n.pair, "kl", n.divergence(), formula).moves
        assert moves[-1].difference is not None
        assert (moves[-1].difference() < 1e-9) is holds
    shifted = replace(n, expected=replace(n.expected, means=n.expected.means[::-1]))
    checks = [move.difference for move in parts.expectations_part(shifted).moves]
    assert all(check is not None and check() > 1e-3 for check in checks)
    assert shifted.expected.difference(n.f) > 1e-3


def test_bad_input() -> None:
    with pytest.raises(InputError, match="no quantity called"):
        cr.divergence("normal", "kll")
    with pytest.raises(InputError, match="integrate to one"):
        cr.divergence("x: positive; s: positive; -x/s")
    with pytest.raises(InputError, match="b_1"):
        cr.divergence_at("gamma", "entropy", parameters={"a_1": 1})
    with pytest.raises(DomainError):
        cr.divergence_at("gamma", "entropy", parameters={"a_1": 1, "b_1": -1})


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*args: str) -> tuple[int, str, str]:
        code = run(["distribution", *args])
        found = capsys.readouterr()
        return code, found.out, found.err

    code, out, _ = said("exponential", "--divergence", "--check")
    assert (code, "lam_2/lam_1 + log(lam_1/lam_2) - 1" in out) == (0, True)
    assert "H(p) = 1 - log(lam_1)" in said("exponential", "--entropy")[1]
    _, out, _ = said("exponential", "--divergence", "--at", "lam_1=1", "--at", "lam_2=2", "--json")
    data = json.loads(out)["divergence"]
    assert data["closed"] == pytest.approx(1 - np.log(2))
    assert data["computed"] == pytest.approx(1 - np.log(2))
    assert said("poisson", "--score", "--at", "lam_1=1")[0] == 2
    assert "no value is given for 'lam_2'" in said("exponential", "--divergence", "--at", "lam_1=1")[2]


def test_eulers_constant_is_printed() -> None:
    formula = cr.formula("x: real; x*digamma(1)")
    assert "digamma(1)" in formula.matrix()
    assert cr.formula(f"x: real; {formula.matrix()}").evaluate(x=2.0) == pytest.approx(-2 * np.euler_gamma)
    assert "digamma(1)" in formula.index()
