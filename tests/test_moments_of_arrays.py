"""Moments and Fisher information of families of vectors and matrices, against sums, SciPy and differences."""

from __future__ import annotations

import functools
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import chainrule as cr
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.learning.explanation import Explanation
from chainrule.learning.probability import array_parts
from chainrule.learning.probability.array_moments import ArrayMoments, array_moments
from chainrule.learning.probability.family import family
from chainrule.learning.probability.model import model

MATRIX_NORMAL = (
    "x: real[n, d]; M: real[n, d]; U: spd[n, n]; V: spd[d, d]; -n*d*log(2*pi)/2 - d*logdet(U)/2 - n*logdet(V)/2 "
    "- trace(inv(V) @ (x - M).T @ inv(U) @ (x - M))/2"
)
ISOTROPIC = "x: real[d]; mu: real[d]; s: positive; -d*log(2*pi*s^2)/2 - sum((x - mu)^2)/(2*s^2)"
COUNTS = "x: count[k]; lam: positive[k]; sum(x*log(lam) - lam - lgamma(x + 1))"
LOGITS = "x: onehot[k]; z: real[k]; sum(x*z) - logsumexp(z)"
PRECISION = "x: real[d]; w: real[d]; A: spd[d, d]; -d*log(2*pi)/2 + logdet(A)/2 - (x - w) @ A @ (x - w)/2"
SATURATED = "x: real; t: real; c: real[d]; -log(2*pi)/2 - (x - sum(tanh(t*c)))^2/2"
SYMMETRIC = "x: simplex[k]; a: positive; lgamma(k*a) - k*lgamma(a) + (a - 1)*sum(log(x))"


@functools.lru_cache
def explained(name: str, what: str = "family", known: tuple[str, ...] | None = None) -> Explanation:
    return cr.distribution(name, what, known=None if known is None else list(known))


@functools.lru_cache
def derived(name: str, known: tuple[str, ...] | None = None) -> ArrayMoments:
    return array_moments(family(model(name, None if known is None else list(known))))


def said(explanation: Explanation) -> dict[str, str]:
    return {move.left[0].text: move.right.text for move in explanation.moves() if move.left}


#: Distribution, known parameters, moments and information as textbooks print them.
TEXTBOOK: tuple[tuple[str, tuple[str, ...] | None, dict[str, str], dict[str, str]], ...] = (
    ("categorical", None, {"E[x]": "p", "cov(x)": "diag(p) - outer(p, p)"}, {"I_p": "diag(1/p)"}),
    ("multinomial", None, {"E[x]": "m*p", "cov(x)": "m*(diag(p) - outer(p, p))"}, {"I_p": "m*diag(1/p)"}),
    ("dirichlet", None, {"E[log(x)]": "digamma(a) - digamma(sum(a))",
                         "cov(log(x))": "diag(trigamma(a)) - trigamma(sum(a))"},
     {"I_a": "diag(trigamma(a)) - trigamma(sum(a))"}),
    ("multivariate_normal", None, {"E[x]": "mu", "E[outer(x, x)]": "outer(mu, mu) + Sigma", "cov(x)": "Sigma"},
     {"I_mu": "inv(Sigma)", "I_{mu,Sigma}(D)": "zeros(d)", "I_Sigma(D)": "inv(Sigma) @ D @ inv(Sigma) / 2"}),
    ("multivariate_normal", ("mu",), {"E[x]": "mu", "cov(x)": "Sigma"},
     {"I_Sigma(D)": "inv(Sigma) @ D @ inv(Sigma) / 2"}),
    ("wishart", None, {"E[x]": "nu*V", "cov(sum(S*x), x)": "2*nu*V @ S @ V"},
     {"I_V(D)": "nu/2*(inv(V) @ D @ inv(V))"}),
    ("wishart", (), {"cov(logdet(x), x)": "2*V", "var(logdet(x))": "sum_{i=0}^{d - 1} trigamma((nu - i)/2)",
                     "E[logdet(x)]": "sum_{i=0}^{d - 1} digamma((nu - i)/2) + logdet(V) + d log(2)"},
     {"I_{nu,V}(D)": "trace(D @ inv(V))/2"}),
    (COUNTS, None, {"E[x]": "lam", "cov(x)": "diag(lam)"}, {"I_lam": "diag(1/lam)"}),
    (LOGITS, None, {"cov(x)": "diag(softmax(z)) - outer(softmax(z), softmax(z))"}, {}),
    (ISOTROPIC, None, {"E[norm(x)**2]": "norm(mu)**2 + d*s**2", "cov(x)": "s**2*eye(d)"}, {"I_s": "2*d/s**2"}),
    (MATRIX_NORMAL, ("U", "V"), {"E[x]": "M", "cov(sum(S*x), x)": "U @ S @ V"}, {"I_M(D)": "inv(U) @ D @ inv(V)"}),
    (PRECISION, None, {"cov(x)": "inv(A)"}, {"I_w": "A", "I_A(D)": "inv(A) @ D @ inv(A) / 2"}),
    (SATURATED, ("c",), {"E[x]": "sum(tanh(t*c))", "var(x)": "1"}, {}),
    (SYMMETRIC, None, {"E[sum(log(x))]": "k*(digamma(a) - digamma(k*a))"}, {}),
)  # fmt: skip


@pytest.mark.parametrize(("name", "known", "moments", "information"), TEXTBOOK, ids=[row[0][:20] for row in TEXTBOOK])
def test_moments_and_information_are_the_textbooks(
    name: str, known: tuple[str, ...] | None, moments: dict[str, str], information: dict[str, str]
) -> None:  # fmt: skip
    for what, expected in (("family", moments), ("fisher", information)):
        explanation = explained(name, what, known)
        assert expected.items() <= said(explanation).items()
        assert not any("Of the moments" in remark for remark in explanation.remarks)
        assert all(held.holds for held in explanation.evidence())
        assert r"\mathbb{E}" in explanation.latex()


def test_what_is_known_gives_equations_but_has_no_information() -> None:
    found = explained("multivariate_normal", "fisher", ("mu",))
    (part,) = (part for part in found.parts if part.title == "Equations for the expectations")
    assert len(part.moves) == 2
    assert "by mu too" in str(part.intro)
    assert [move.left[0].text for move in found.parts[-1].moves] == ["I_Sigma(D)"]


def test_probabilities_are_freed_by_the_logarithm_of_a_sum() -> None:
    moves = {part.title: part.moves for part in explained("multinomial").parts}["Free parameters"]
    assert [move.right.text for move in moves] == ["m*log(sum(p))", "m*logsumexp(eta)"]


# ---- numbers from outside ---------------------------------------------------------------------------------


def test_multinomial_against_the_sum_over_all_counts_and_scipy() -> None:
    p, m = np.array([0.2, 0.5, 0.3]), 4
    rows = np.array([row for row in itertools.product(range(m + 1), repeat=3) if sum(row) == m])
    weights = stats.multinomial(m, p).pmf(rows)
    a = derived("multinomial")
    mean = weights @ rows
    spread = (rows - mean).T @ (weights[:, None] * (rows - mean))
    assert a.means[0].evaluate(p=p, m=m) == pytest.approx(mean)
    assert a.covariances[0, 0].evaluate(p=p, m=m) == pytest.approx(spread)
    assert a.covariances[0, 0].evaluate(p=p, m=m) == pytest.approx(stats.multinomial(m, p).cov())
    u = np.array([1.0, -3.0, 2.0])
    scores = rows @ (u / p)
    assert u @ a.information["p", "p"].evaluate(p=p, m=m) @ u == pytest.approx(weights @ scores**2)


def test_dirichlet_against_difference_quotients_of_the_normaliser() -> None:
    import mpmath

    at = [mpmath.mpf("0.7"), mpmath.mpf("2.3"), mpmath.mpf("1.9")]

    def log_beta(*a: Any) -> Any:
        return sum(map(mpmath.loggamma, a)) - mpmath.loggamma(sum(a))

    a, units = derived("dirichlet"), np.eye(3, dtype=int)
    values = np.array(at, dtype=float)
    slopes = [float(mpmath.diff(log_beta, at, tuple(map(int, unit)))) for unit in units]
    curves = [[float(mpmath.diff(log_beta, at, tuple(map(int, u + v)))) for v in units] for u in units]
    assert a.means[0].evaluate(a=values) == pytest.approx(slopes)
    assert a.covariances[0, 0].evaluate(a=values) == pytest.approx(np.array(curves))
    assert a.information["a", "a"].evaluate(a=values) == pytest.approx(np.array(curves))


def test_wishart_against_scipys_moments() -> None:
    V, nu, d = np.array([[2.0, 0.3], [0.3, 1.1]]), 5.5, 2
    law, a = stats.wishart(nu, V), derived("wishart")
    assert a.means[0].evaluate(V=V, nu=nu) == pytest.approx(law.mean())
    for i, j in itertools.product(range(d), repeat=2):
        S = np.zeros((d, d))
        S[i, j] += 0.5
        S[j, i] += 0.5
        assert a.covariances[0, 0].evaluate(V=V, nu=nu, S=S)[i, j] == pytest.approx(law.var()[i, j])
    whole = derived("wishart", ())
    digammas = sum(float(cr.formula("t: positive; digamma(t)").evaluate(t=(nu - i) / 2)) for i in range(d))
    log_det = digammas + d * np.log(2) + np.linalg.slogdet(V)[1]
    assert whole.means[1].evaluate(V=V, nu=nu) == pytest.approx(log_det)


def test_multivariate_normal_against_curvatures_of_entropy_and_known_fourth_moments() -> None:
    rng = np.random.default_rng(3)
    root, mu = rng.normal(size=(3, 3)), rng.normal(size=3)
    Sigma, S = root @ root.T + np.eye(3), (lambda m: m + m.T)(rng.normal(size=(3, 3)))
    a = derived("multivariate_normal")
    # Isserlis: E[x_i x_j x_k x_l] by pairs, with means put back.
    second = Sigma + np.outer(mu, mu)
    fourth = sum(np.einsum(f"{p},{q}->ijkl", second, second) for p, q in (("ij", "kl"), ("ik", "jl"), ("il", "jk")))
    fourth = fourth - 2 * np.einsum("i,j,k,l->ijkl", mu, mu, mu, mu)
    wanted = np.einsum("ij,ijkl->kl", S, fourth) - np.sum(S * second) * second
    assert a.covariances[1, 1].evaluate(mu=mu, Sigma=Sigma, S=S) == pytest.approx(wanted)
    inverse = np.linalg.inv(Sigma)
    kron = np.kron(inverse, inverse) / 2
    assert a.information["Sigma", "Sigma"].evaluate(Sigma=Sigma, D=S, mu=mu).ravel() == pytest.approx(kron @ S.ravel())


# ---- faults and refusals ----------------------------------------------------------------------------------


def doubled(found: Formula) -> Formula:
    last = found.program.definitions[-1]
    return Formula(found.program.with_definitions((*found.program.definitions[:-1], last.with_body(2 * last.body))))


@pytest.mark.parametrize("name", ["multinomial", "dirichlet", "multivariate_normal", "wishart", MATRIX_NORMAL])
def test_planted_faults_are_found(name: str) -> None:
    known = ("U", "V") if name is MATRIX_NORMAL else None
    good = derived(name, known)
    for field in ("means", "covariances", "information"):
        bad = replace(good)
        value = getattr(good, field)
        faulty = tuple(map(doubled, value)) if field == "means" else {key: doubled(one) for key, one in value.items()}
        bad.__dict__[field] = faulty
        titles = {"means": "Expectations", "covariances": "Covariances", "information": "Fisher"}
        parts = [*array_parts.array_parts(bad), array_parts.information_part(bad)]
        (part,) = (part for part in parts if part.title.startswith(titles[field]))
        differences = [move.difference() for move in part.moves if move.difference and move.right.text[:5] != "zeros"]
        assert max(differences) > 1e-3


def test_what_does_not_follow_is_named() -> None:
    unknown = "x: count[k]; p: simplex[k]; lgamma(sum(x) + 1) - sum(lgamma(x + 1)) + sum(x*log(p))"
    with pytest.raises(UnsupportedError, match="not known what the entries of the variable sum to"):
        cr.distribution(unknown, "fisher")
    with pytest.raises(UnsupportedError, match=r"E of x \[d\] from the derivatives by t \(a number\)"):
        array_moments(family(model("x: real[d]; t: real; c: real[d]; -d*log(2*pi)/2 - sum((x - t*c)^2)/2", ["c"])))
    scaled = (
        "x: real[d]; mu: real[d]; S: spd[d, d]; s: positive; -d*log(2*pi*s^2)/2 - logdet(S)/2 "
        "- (x - mu) @ inv(S) @ (x - mu)/(2*s^2)"
    )
    text = " ".join(cr.distribution(scaled, "family").text().split())
    assert "do not follow from the log-partition: E of x [d], outer(x, x) [d, d]" in text
