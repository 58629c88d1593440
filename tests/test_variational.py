"""Evidence lower bounds: against JAX, exact bounds, quadrature over the noise, and evidence that is known."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError, ShapeError, UnknownNameError, UnsupportedError
from chainrule.learning.variational import checks, demonstrations, factors, finite, mean_field
from chainrule.learning.variational.joint import read
from chainrule.learning.variational.sample import location_scale, sampled

derived = functools.lru_cache(cr.elbo)

REGRESSION = (
    "X: real[n, d]; s: positive; tau: positive; w: real[d] ~ normal(0, tau); b: real ~ normal(1/2, 3); "
    "y: real[n] ~ normal(X @ w + b, s)"
)
SPARSE = "X: real[n, d]; w: real[d] ~ laplace(0, 1/2); y: binary[n] ~ bernoulli(sigmoid(X @ w))"
RATES = "lam: positive ~ gamma(3, 2); y: count[n] ~ poisson(lam)"


def tree(rng: np.random.Generator, bound: cr.Elbo, **sizes: int) -> dict[str, Any]:
    """Random arrays for every input."""
    found = {}
    for item in bound.formula.inputs:
        shape = [sizes[str(length)] for length in item.shape]
        values = rng.normal(size=shape) * 0.7
        binary = item.domain.name == "binary"
        found[item.name] = (values > 0).astype(float) if binary else np.exp(values) if item.domain.low == 0 else values
    return found


def normal_kl(mu: Any, rho: Any, scale: Any = 1.0, centre: Any = 0.0) -> Any:
    return jnp.sum(jnp.log(scale) - rho + (jnp.exp(2 * rho) + (mu - centre) ** 2) / (2 * scale**2) - 0.5)


def layer(X: Any, y: Any, mu_w: Any, rho_w: Any, eps_w: Any) -> Any:
    scores = X @ (mu_w + jnp.exp(rho_w) * eps_w)
    return jnp.sum(y * jax.nn.log_sigmoid(scores) + (1 - y) * jax.nn.log_sigmoid(-scores)) - normal_kl(mu_w, rho_w)


def autoencoder(X: Any, A: Any, a: Any, M: Any, R: Any, B: Any, b: Any, D: Any, c: Any, eps_z: Any) -> Any:
    hidden = jnp.tanh(X @ A + a)
    mu, rho = hidden @ M, hidden @ R
    scores = jnp.tanh((mu + jnp.exp(rho) * eps_z) @ B + b) @ D + c
    likelihood = jnp.sum(X * jax.nn.log_sigmoid(scores) + (1 - X) * jax.nn.log_sigmoid(-scores))
    return likelihood - normal_kl(mu, rho)


def regression(
    X: Any, y: Any, s: Any, tau: Any, mu_w: Any, rho_w: Any, eps_w: Any, mu_b: Any, rho_b: Any, eps_b: Any
) -> Any:
    mean = X @ (mu_w + jnp.exp(rho_w) * eps_w) + mu_b + jnp.exp(rho_b) * eps_b
    likelihood = jnp.sum(jax.scipy.stats.norm.logpdf(y, mean, s))
    return likelihood - normal_kl(mu_w, rho_w, tau) - normal_kl(mu_b, rho_b, 3.0, 0.5)


def sparse(X: Any, y: Any, mu_w: Any, rho_w: Any, eps_w: Any) -> Any:
    w = mu_w + jnp.exp(rho_w) * eps_w
    prior = jnp.sum(jax.scipy.stats.laplace.logpdf(w, 0, 0.5))
    return prior + layer(X, y, mu_w, rho_w, eps_w) + normal_kl(mu_w, rho_w) - jnp.sum(
        jax.scipy.stats.norm.logpdf(w, mu_w, jnp.exp(rho_w))
    )


CASES = (
    (demonstrations.LAYER, "w", layer),
    (demonstrations.AUTOENCODER, "z", autoencoder),
    (REGRESSION, "w, b", regression),
    (SPARSE, "w", sparse),
)


@pytest.mark.parametrize(("text", "latent", "direct"), CASES, ids=["layer", "vae", "regression", "sparse"])
def test_bounds_and_gradients_are_those_of_jax(text: str, latent: str, direct: Any) -> None:
    bound = derived(text, latent)
    for seed, sizes in enumerate(({"n": 4, "d": 3, "h": 2, "k": 2}, {"n": 2, "d": 5, "h": 4, "k": 1})):
        values = tree(np.random.default_rng(seed), bound, **sizes)
        with jax.enable_x64(True):
            assert bound.formula.evaluate(**values) == pytest.approx(float(direct(**values)), rel=1e-10)
            moving = {name: jnp.asarray(values[name]) for name in bound.derivation.result}
            slopes = jax.grad(lambda parts, rest: direct(**{**rest, **parts}))(moving, values)
            for name, result in bound.derivation.result.items():
                np.testing.assert_allclose(result.evaluate(**values), slopes[name], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(("text", "latent"), [(RATES, "lam"), (SPARSE, "w")])
def test_every_line_holds(text: str, latent: str) -> None:
    held = derived(text, latent).evidence()
    assert len(held) >= 7
    assert all(item.holds for item in held)
    assert all(item.holds for item in cr.evidence(derived(text, latent).derivation))


def test_the_mean_over_the_noise_is_the_bound_below_the_evidence() -> None:
    """Counts with a gamma prior: the bound lies under the evidence by the divergence from the posterior."""
    bound, y = derived(RATES, "lam"), np.array([2.0, 4.0])
    prior = stats.gamma(3, scale=1 / 2)
    evidence = integrate.quad(lambda lam: prior.pdf(lam) * np.prod(stats.poisson(lam).pmf(y)), 0, 60)

    def mean(mu: float, rho: float) -> float:
        return integrate.quad(
            lambda e: stats.norm.pdf(e) * bound.formula.evaluate(y=y, mu_lam=mu, rho_lam=rho, eps_lam=e), -9, 9
        )[0]

    at = {"y": y, "mu_lam": 0.7, "rho_lam": -0.9}
    gap = np.log(evidence[0]) - mean(0.7, -0.9)
    posterior, q = stats.gamma(3 + 6, scale=1 / 4), stats.lognorm(np.exp(-0.9), scale=np.exp(0.7))
    divergence = integrate.quad(lambda lam: q.pdf(lam) * (q.logpdf(lam) - posterior.logpdf(lam)), 1e-9, 60)[0]
    assert 0 < gap == pytest.approx(divergence, abs=1e-6)
    slopes = [integrate.quad(lambda e, one=one: stats.norm.pdf(e) * one.evaluate(**at, eps_lam=e), -9, 9)[0]
              for one in bound.derivation.result.values()]  # fmt: skip
    step = 1e-4
    assert slopes[0] == pytest.approx((mean(0.7 + step, -0.9) - mean(0.7 - step, -0.9)) / (2 * step), rel=1e-6)
    assert slopes[1] == pytest.approx((mean(0.7, -0.9 + step) - mean(0.7, -0.9 - step)) / (2 * step), rel=1e-6)


def test_the_bound_of_the_exact_posterior_is_the_evidence() -> None:
    """One weight with a normal prior: with the posterior for q the bound does not vary with the noise."""
    bound = derived("x: real[n]; w: real ~ normal(0, 1); y: real[n] ~ normal(x*w, 1/2)", "w")
    x, y = np.array([0.5, -1.2, 2.0]), np.array([0.3, -1.0, 1.4])
    precision = 1 + 4 * x @ x
    mu, rho = 4 * x @ y / precision, -np.log(precision) / 2
    evidence = stats.multivariate_normal(np.zeros(3), np.outer(x, x) + np.eye(3) / 4).logpdf(y)
    nodes, weights = np.polynomial.hermite_e.hermegauss(5)
    values = [bound.formula.evaluate(x=x, y=y, mu_w=mu, rho_w=rho, eps_w=e) for e in nodes]
    assert np.dot(weights, values) / weights.sum() == pytest.approx(evidence, rel=1e-12)


def test_every_name_of_the_chain_rule_is_told_before_it_is_used() -> None:
    told = cr.explain("vae").text().split("Chain rule")[0]
    for name in ("z2", "z3", "h2", "z4", "H", "mu_z", "rho_z", "X_p", "log_p_X", "KL_z"):
        assert re.search(rf"^ +{name} += ", told, re.MULTILINE), name


def test_a_prior_of_another_family_is_sampled_and_one_of_the_same_is_closed() -> None:
    assert derived(SPARSE, "w").terms.keys() == {"log_p_w", "log_q_w", "log_p_y"}
    same = cr.elbo(SPARSE, "w", family="laplace")
    assert same.terms.keys() == {"KL_w", "log_p_y"}
    assert same.noise == {"eps_w": "laplace(0, 1)"}
    assert location_scale("logistic").entry.name == "logistic"
    positive = cr.elbo("s: positive[k] ~ log_normal(0, 1); y: real[k] ~ normal(0, s)", "s")
    assert positive.terms.keys() == {"KL_s", "log_p_y"}
    assert all(item.holds for item in positive.evidence())


NORMAL_GAMMA = "tau: positive ~ gamma(3, 2); mu: real ~ normal(0, 1/sqrt(2*tau)); x: real[n] ~ normal(mu, 1/sqrt(tau))"


def test_mean_field_updates_of_mean_and_precision() -> None:
    """Bishop (2006), eq. 10.26 to 10.30, and the evidence, which is known here."""
    found, x = cr.mean_field(NORMAL_GAMMA, "mu, tau"), np.array([0.4, 1.9, 1.1, 0.2, 1.4])
    assert found.factors == {"mu": "normal", "tau": "gamma"}
    assert found.updates["mu_mu"].matrix() == "sum(x)/(n + 2)"
    values, bounds = found.fit(30, x=x)
    assert values["a_tau"] == pytest.approx(3 + (5 + 1) / 2)
    rate = values["a_tau"] / values["b_tau"]
    assert values["sigma_mu"] == pytest.approx(((2 + 5) * rate) ** -0.5)
    mean, square = values["mu_mu"], values["mu_mu"] ** 2 + values["sigma_mu"] ** 2
    assert values["b_tau"] == pytest.approx(2 + (np.sum(x**2) - 2 * mean * x.sum() + 5 * square + 2 * square) / 2)
    assert np.all(np.diff(bounds) > -1e-12)
    rng = np.random.default_rng(0)
    tau, mu = rng.gamma(values["a_tau"], 1 / values["b_tau"], 200_000), rng.normal(mean, values["sigma_mu"], 200_000)
    joint = stats.gamma(3, scale=1 / 2).logpdf(tau) + stats.norm(0, (2 * tau) ** -0.5).logpdf(mu)
    joint += stats.norm(mu[:, None], tau[:, None] ** -0.5).logpdf(x).sum(axis=1)
    ratio = joint - stats.gamma(values["a_tau"], scale=1 / values["b_tau"]).logpdf(tau)
    ratio -= stats.norm(mean, values["sigma_mu"]).logpdf(mu)
    assert bounds[-1] == pytest.approx(ratio.mean(), abs=5 * ratio.std() / 200_000**0.5)
    spread = 2 / 3 * (np.eye(5) + np.ones((5, 5)) / 2)
    evidence = stats.multivariate_t(np.zeros(5), spread, df=6).logpdf(x)
    assert bounds[-1] < evidence < bounds[-1] + 0.2


HIERARCHY = (
    "X: real[n]; lam: positive ~ gamma(2, 1); b: real ~ normal(0, 1/sqrt(lam)); "
    "t: positive ~ gamma(1, 1); y: real[n] ~ normal(b*X, 1/sqrt(t))"
)


def test_mean_field_of_other_models_holds_and_climbs() -> None:
    rng = np.random.default_rng(2)
    data = {"X": rng.normal(size=12), "y": rng.normal(size=12)}
    for text, latent, given in ((HIERARCHY, "b, lam, t", data), (RATES, "lam", {"y": np.array([1.0, 4.0])})):
        found = cr.mean_field(text, latent)
        assert all(item.holds for item in found.evidence())
        bounds = found.fit(15, **given)[1]
        assert np.all(np.diff(bounds) > -1e-9)
    beta = cr.mean_field("p: (0, 1) ~ beta(2, 3); y: binary[n] ~ bernoulli(p)", "p")
    assert beta.factors == {"p": "beta"}
    assert all(item.holds for item in beta.evidence())
    assert beta.fit(1, y=np.array([1.0, 1.0, 0.0]))[0] == pytest.approx({"a_p": 4.0, "b_p": 4.0})


def test_mean_field_refusals() -> None:
    with pytest.raises(UnsupportedError, match="is an array"):
        cr.mean_field("w: real[d] ~ normal(0, 1)", "w")
    with pytest.raises(UnsupportedError, match="no product of functions"):
        cr.mean_field("a: real ~ normal(0, 1); b: real ~ normal(0, 1); y: real[n] ~ normal(sin(a*b), 1)", "a, b")
    with pytest.raises(UnsupportedError, match="no distribution of the form"):
        cr.mean_field("a: real ~ normal(0, 1); y: real[n] ~ normal(exp(a), 1)", "a")
    with pytest.raises(InputError, match="has no distribution"):
        cr.mean_field("a: real ~ normal(0, 1)", "b")


def test_the_lower_bound_over_a_finite_variable() -> None:
    held = finite.bound().evidence()
    assert len(held) == 10
    assert all(item.holds for item in held)


def test_demonstrations_climb() -> None:
    layer_, digits, two = (
        demonstrations.layer_on_flowers(1).numbers, demonstrations.autoencoder_on_digits(0).numbers,
        demonstrations.two_estimators(1).numbers,
    )  # fmt: skip
    assert layer_["last"] > layer_["first"] + 10
    assert layer_["accuracy"] > 0.9
    assert digits["last"] > digits["independent"] > digits["first"]
    assert digits["nearest"] > 0.8
    assert two["variance ratio"] > 10
    assert max(value for name, value in two.items() if "away" in name) < 4


def test_a_fault_in_a_part_is_found() -> None:
    found = sampled(read(demonstrations.LAYER), ["w"], "normal")
    assert checks.divergence_difference(found, found.latents[0]) < 1e-12
    assert checks.parts_difference(found) < 1e-12
    flipped = sampled(read(demonstrations.LAYER.replace("normal(0, 1)", "normal(0, 2)")), ["w"], "normal")
    mixed = type(found)(found.joint, found.latents, flipped.program, found.terms, found.formula)
    assert checks.divergence_difference(mixed, found.latents[0]) > 1e-3
    shifted = derived(demonstrations.LAYER, "w").derivation.result["mu_w"]
    assert checks.slope_difference(found, shifted, "mu_w") < 1e-9
    assert checks.slope_difference(found, shifted, "rho_w") > 1e-3


REFUSED = (
    ("w: real ~ normal(0, 1", "w", InputError, "not understood"),
    ("X: real[n]; sum(X)", "X", InputError, "no variable has a distribution"),
    ("w: real ~ normal(0)", "w", InputError, "2 parameters"),
    ("w: real ~ gaussian(0, 1)", "w", UnknownNameError, "gaussian"),
    ("w: real ~ normal(m, 1)", "w", UnknownNameError, "'m'"),
    ("w: positive ~ normal(0, 1)", "w", InputError, "declared positive"),
    ("w: real ~ normal(0, 1)", "v", InputError, "v has no distribution"),
    ("p: (0, 1) ~ beta(1, 1); y: binary[n] ~ bernoulli(p)", "p", UnsupportedError, "not moved by noise"),
    ("m: real[k]; w: real[d] ~ normal(m, 1)", "w", ShapeError, "another shape"),
    ("w: real[d] ~ normal(0, 1); mu_w = 2*w; rho_w = w", "w", InputError, "depend on the variable"),
    ("w: real[d] ~ dirichlet(1)", "w", InputError, "one number"),
)


@pytest.mark.parametrize(("text", "latent", "error", "message"), REFUSED, ids=[row[3] for row in REFUSED])
def test_bad_models_are_refused(text: str, latent: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        cr.elbo(text, latent)
    with pytest.raises(UnsupportedError, match="no family with a location"):
        cr.elbo("w: real ~ normal(0, 1)", "w", family="gamma")


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["elbo", demonstrations.LINEAR, "--latent", "w", "--check"]) == 0
    out = capsys.readouterr().out
    assert "dELBO/dmu_w" in out
    assert "KL_w     = sum(mu_w**2 + exp(2*rho_w) - 1 - 2*rho_w)/2" in out
    assert run(["elbo", "w: real ~ normal(0)", "--latent", "w"]) == 2
    assert "normal(mu, sigma)" in capsys.readouterr().err


def test_a_fault_in_a_factor_is_found() -> None:
    joint = read(NORMAL_GAMMA)
    terms, found = factors.factors(joint, ["mu", "tau"])
    work = mean_field._Work(joint, terms, found)
    wrong = replace(found[1], update={**found[1].update, "a": found[1].update["a"] + 1})
    assert work.form_difference(found[1]) < 1e-12
    assert work.form_difference(wrong) > 1e-2
    mean = next(iter(work.means.values()))
    square = work.functions(found[0])[0]
    assert work.mean_difference(found[0], square, mean) < 1e-12
    assert work.mean_difference(found[0], square, mean + 1) > 1e-2
    assert mean_field._Work(joint, terms[:-1], found).joint_difference() > 1e-3
