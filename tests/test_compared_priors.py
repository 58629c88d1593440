"""Conjugate priors of vectors and of two numbers: recognised by their terms, and confirmed by SciPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.learning.probability import compared_posterior as posterior
from chainrule.learning.probability.compared_priors import Compared, compared
from chainrule.learning.probability.family import family
from chainrule.learning.probability.model import model

PRECISION = (
    "y: real[p]; mu: real[p]; Lam: spd[p, p]; "
    "-p*log(2*pi)/2 + logdet(Lam)/2 - (y - mu) @ Lam @ (y - mu)/2"
)  # fmt: skip
TAU = "x: real; mu: real; tau: positive; log(tau)/2 - log(2*pi)/2 - tau*(x - mu)^2/2"
VARIANCE = "y: real; v: positive; c: real; -log(v)/2 - log(2*pi)/2 - (y - c)^2/(2*v)"
#: Distribution, known parameters, and lines of the page.
PAGES = (
    ("categorical", None, {
        "p(p)": "dirichlet(p | alpha_0)", "alpha_n": "alpha_0 + sum(x, axis=0)", "mean_x": "mean(x, axis=0)",
        "E[p | x]": "weight*mean_0 + (1 - weight)*mean_x", "log p(x_new | x)": "sum(x*log(alpha_n/sum(alpha_n)))"}),
    ("multinomial", None, {"alpha_n": "alpha_0 + sum(x, axis=0)", "mean_x": "sum(x, axis=0)/sum(x)"}),
    ("c: count[q]; t: simplex[q]; sum(c*log(t)) + lgamma(sum(c) + 1) - sum(lgamma(c + 1))", None,
     {"p(t)": "dirichlet(t | alpha_0)", "alpha_n": "alpha_0 + sum(c, axis=0)"}),
    ("multivariate_normal", ["Sigma"], {
        "S_n": "inv(inv(S_0) + n*inv(Sigma))", "m_n": "S_n @ (inv(S_0) @ m_0 + inv(Sigma) @ sum(x, axis=0))",
        "E[mu | x]": "W_0 @ m_0 + W_x @ mean_x"}),
    ("normal", None, {"m_n": "(kappa_0*m_0 + sum(x))/kappa_n", "kappa_n": "kappa_0 + n", "a_n": "a_0 + n/2",
                      "E[mu | x]": "weight*m_0 + (1 - weight)*mean_x"}),
    (VARIANCE, None, {"p(c, v)": "normal_inverse_gamma(c, v | m_0, kappa_0, a_0, b_0)", "a_n": "a_0 + n/2"}),
    (TAU, None, {"p(mu, tau)": "normal_gamma(mu, tau | m_0, kappa_0, a_0, b_0)", "a_n": "a_0 + n/2"}),
    (PRECISION, ["Lam"], {"S_n": "inv(inv(S_0) + n*Lam)", "m_n": "S_n @ (inv(S_0) @ m_0 + Lam @ sum(y, axis=0))"}),
)  # fmt: skip


@pytest.mark.parametrize(("name", "known", "expected"), PAGES, ids=[row[0][:20] for row in PAGES])
def test_priors_of_several_numbers_have_names(name: str, known: list[str] | None, expected: dict[str, str]) -> None:
    explained = cr.distribution(name, "conjugate", known=known)
    held = explained.evidence()
    assert len(held) >= 8
    assert all(item.holds for item in held)
    said = {move.left[0].text: move.right.text for move in explained.moves() if move.left}
    assert expected.items() <= said.items()
    assert "Predictive distribution" in [part.title for part in explained.parts]


def _recognised(name: str, known: list[str] | None = None) -> Compared:
    found = compared(model(name, known))
    assert found is not None
    return found


def _told(c: Compared, title: str, values: dict[str, object], of_one: bool = False) -> float:
    """The last line of a part of the page, computed."""
    page = posterior.compared_posterior(c, family(c.m))
    text = next(part for part in page.parts if part.title == title).moves[-1].right.text
    return float(posterior.computed(c, text, {k: np.asarray(v) for k, v in values.items()}, of_one))


@pytest.mark.parametrize("k", [2, 4])
def test_counts_have_the_dirichlet_multinomial_distribution_of_scipy(k: int) -> None:
    rng = np.random.default_rng(k)
    before, after, m = rng.uniform(0.5, 3, k), rng.uniform(0.5, 3, k), 7
    rows = np.eye(k)[rng.integers(0, k, 6)]
    counts = rows.sum(axis=0)
    c = _recognised("categorical")
    evidence = _told(c, "Evidence", {"x": rows, "alpha_0": before, "alpha_n": before + counts})
    orders = stats.multinomial(6, np.full(k, 1 / k)).logpmf(counts) + 6 * np.log(k)
    assert evidence == pytest.approx(stats.dirichlet_multinomial(before, 6).logpmf(counts) - orders, rel=1e-10)
    assert _told(c, "Predictive distribution", {"x": rows[0], "alpha_n": after}, True) == pytest.approx(
        stats.dirichlet_multinomial(after, 1).logpmf(rows[0]), rel=1e-10
    )
    new = rng.multinomial(m, np.full(k, 1 / k))
    ours = _told(_recognised("multinomial"), "Predictive distribution", {"x": new, "m": m, "alpha_n": after}, True)
    assert ours == pytest.approx(stats.dirichlet_multinomial(after, m).logpmf(new), rel=1e-10)


@pytest.mark.parametrize("d", [1, 3])
def test_normal_samples_have_the_joint_distribution_of_scipy(d: int) -> None:
    rng = np.random.default_rng(d)
    half = rng.normal(size=(2, d, d))
    noise, prior = half @ half.transpose(0, 2, 1) + np.eye(d)
    mean, rows = rng.normal(size=d), rng.normal(size=(5, d))
    after = np.linalg.inv(np.linalg.inv(prior) + 5 * np.linalg.inv(noise))
    centre = after @ (np.linalg.solve(prior, mean) + np.linalg.solve(noise, rows.sum(axis=0)))
    values = {"x": rows, "Sigma": noise, "m_0": mean, "S_0": prior, "m_n": centre, "S_n": after}
    c = _recognised("multivariate_normal", ["Sigma"])
    assert np.allclose(posterior.computed(c, c.rule.update["S"], values), after, rtol=1e-10)
    assert np.allclose(posterior.computed(c, c.rule.update["m"], values), centre, rtol=1e-10)
    joint = stats.multivariate_normal(np.tile(mean, 5), np.kron(np.ones((5, 5)), prior) + np.kron(np.eye(5), noise))
    assert _told(c, "Evidence", values) == pytest.approx(joint.logpdf(rows.ravel()), rel=1e-10)
    ours = _told(c, "Predictive distribution", {**values, "x": rows[0]}, True)
    assert ours == pytest.approx(stats.multivariate_normal(centre, after + noise).logpdf(rows[0]), rel=1e-10)


@pytest.mark.parametrize("name", ["normal", TAU, VARIANCE])
def test_normal_samples_of_unknown_mean_and_variance_have_the_t_distributions_of_scipy(name: str) -> None:
    c = _recognised(name)
    rows, (m, kappa, a, b) = np.random.default_rng(0).normal(2, 1.5, 6), (0.4, 1.7, 2.3, 1.1)
    x = c.m.variable.name
    values = {x: rows, "m_0": m, "kappa_0": kappa, "a_0": a, "b_0": b}
    for key, text in c.rule.update.items():
        values[f"{key}_n"] = posterior.computed(c, text, values)
    moved = b + np.sum((rows - rows.mean()) ** 2) / 2 + kappa * 6 * (rows.mean() - m) ** 2 / (2 * (kappa + 6))
    assert values["b_n"] == pytest.approx(moved, rel=1e-12)
    joint = stats.multivariate_t(np.full(6, m), b / a * (np.eye(6) + 1 / kappa), 2 * a)
    assert _told(c, "Evidence", values) == pytest.approx(joint.logpdf(rows), rel=1e-10)
    m, kappa, a, b = (float(values[f"{key}_n"]) for key in ("m", "kappa", "a", "b"))
    new = stats.t(2 * a, m, np.sqrt(b * (1 + 1 / kappa) / a)).logpdf(0.8)
    assert _told(c, "Predictive distribution", {**values, x: 0.8}, True) == pytest.approx(new, rel=1e-10)


def test_every_entry_of_a_vector_counts_as_an_observation() -> None:
    text = "x: real[d]; mu: real; s: positive; -d*log(s) - d*log(2*pi)/2 - sum((x - mu)^2)/(2*s^2)"
    explained = cr.distribution(text, "conjugate")
    assert all(held.holds for held in explained.evidence())
    said = {move.left[0].text: move.right.text for move in explained.moves() if move.left}
    assert {"kappa_n": "kappa_0 + n*d", "a_n": "a_0 + n*d/2", "mean_x": "mean(x)"}.items() <= said.items()


def test_both_parameters_of_a_log_normal_sample_are_updated() -> None:
    explained = cr.distribution("log_normal", "conjugate")
    assert all(held.holds for held in explained.evidence())
    assert {"normal_inverse_gamma(mu, sigma | m_0, kappa_0, a_0, b_0)", "(kappa_0*m_0 + sum(log(x)))/kappa_n"} <= {
        move.right.text for move in explained.moves()
    }


@pytest.mark.parametrize(
    ("name", "known", "update"),
    [("categorical", None, {"alpha": "alpha_0 + 2*G1"}), ("multinomial", None, {"alpha": "alpha_0 + G1 + 1"}),
     ("multivariate_normal", ["Sigma"], {"S": "inv(inv(S_0) - G2)", "m": "S_n @ (inv(S_0) @ m_0 + G1)"}),
     ("multivariate_normal", ["Sigma"], {"S": "inv(inv(S_0) - 2*G2)", "m": "S_n @ (inv(S_0) @ m_0 - G1)"}),
     ("normal", None, {"kappa": "kappa_0 - 2*SQUARE", "m": "(kappa_0*m_0 + LINEAR)/kappa_n", "a": "a_0 - LOG",
                       "b": "b_0 - PLAIN + kappa_0*m_0^2/2 - kappa_n*m_n^2/2"})],
)  # fmt: skip
def test_a_wrong_update_is_found(name: str, known: list[str] | None, update: dict[str, str]) -> None:
    c = _recognised(name, known)
    wrong = replace(c, rule=replace(c.rule, update=update))
    page = posterior.compared_posterior(wrong, family(c.m))
    broken = [held.move for held in page.evidence() if not held.holds]
    titles = {part.title for part in page.parts for move in part.moves if move in broken}
    assert {"Posterior", "Evidence"} <= titles


def test_a_wrong_coefficient_and_a_wrong_normaliser_are_found() -> None:
    c = _recognised("categorical")
    for wrong, title in ((replace(c, gains=("2*sum(x, axis=0)",)), "Terms of the log-likelihood"),
                         (replace(c, partition="sum(lgamma(alpha))"), "Evidence")):  # fmt: skip
        page = posterior.compared_posterior(wrong, family(c.m))
        part = next(part for part in page.parts if part.title == title)
        assert not all(held.holds for held in page.evidence() if held.move in part.moves)


def test_a_likelihood_with_other_terms_has_no_named_prior() -> None:
    assert compared(model("x: onehot[k]; p: simplex[k]; sum(x*log(p)) - sum(p^2)")) is None
    assert compared(model("dirichlet")) is None
    assert compared(model("x: onehot[k]; alpha_0: positive; p: simplex[k]; sum(x*log(p)) + 0*alpha_0")) is None
