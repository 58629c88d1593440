"""Distributions: every entry is a density, and what is derived from it holds, checked from outside."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special, stats

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.catalog.distributions import DISTRIBUTIONS, Distribution
from chainrule.derive.errors import ChainruleError, InputError, NoClosedFormError, UnknownNameError
from chainrule.learning.probability.estimates import Estimate
from chainrule.learning.probability.integrals import is_scalar, total
from chainrule.learning.probability.model import model
from chainrule.learning.probability.points import number, point

BY_ENTRY = pytest.mark.parametrize("entry", DISTRIBUTIONS, ids=lambda entry: entry.name)
SIGMA = np.array([[2.0, 0.5], [0.5, 1.0]])
RAYLEIGH = "x: positive; s: positive; log(x) - 2*log(s) - x^2/(2*s^2)"

#: SciPy's log-density with our parameters, by our name.
SCIPY = {
    "bernoulli": lambda x, p: stats.bernoulli(p).logpmf(x),
    "binomial": lambda x, m, p: stats.binom(m, p).logpmf(x),
    "geometric": lambda x, p: stats.geom(p, loc=-1).logpmf(x),
    "negative_binomial": lambda x, r, p: stats.nbinom(r, p).logpmf(x),
    "poisson": lambda x, lam: stats.poisson(lam).logpmf(x),
    "normal": lambda x, mu, sigma: stats.norm(mu, sigma).logpdf(x),
    "log_normal": lambda x, mu, sigma: stats.lognorm(sigma, scale=np.exp(mu)).logpdf(x),
    "multivariate_normal": lambda x, mu, Sigma: stats.multivariate_normal(mu, Sigma).logpdf(x),
    "exponential": lambda x, lam: stats.expon(scale=1 / lam).logpdf(x),
    "gamma": lambda x, a, b: stats.gamma(a, scale=1 / b).logpdf(x),
    "inverse_gamma": lambda x, a, b: stats.invgamma(a, scale=b).logpdf(x),
    "beta": lambda x, a, b: stats.beta(a, b).logpdf(x),
    "laplace": lambda x, mu, b: stats.laplace(mu, b).logpdf(x),
    "student_t": lambda x, mu, sigma, nu: stats.t(nu, mu, sigma).logpdf(x),
    "cauchy": lambda x, mu, s: stats.cauchy(mu, s).logpdf(x),
    "logistic": lambda x, mu, s: stats.logistic(mu, s).logpdf(x),
    "weibull": lambda x, k, s: stats.weibull_min(k, scale=s).logpdf(x),
    "pareto": lambda x, m, a: stats.pareto(a, scale=m).logpdf(x),
    "uniform": lambda x, a, b: stats.uniform(a, b - a).logpdf(x),
    "von_mises": lambda x, mu, kappa: stats.vonmises(kappa, mu).logpdf(x),
}


@BY_ENTRY
def test_densities_are_those_of_scipy_and_sum_to_one(entry: Distribution) -> None:
    m = model(entry)
    if is_scalar(m):
        assert total(m) == pytest.approx(1, abs=1e-9)
    if entry.name in SCIPY:
        values = point(m, 3)
        rows = values.pop("x")
        ours = [number(m.density.program, {**values, "x": row}) for row in rows]
        assert ours == pytest.approx([float(SCIPY[entry.name](row, **values)) for row in rows], rel=1e-10)


def test_densities_of_vectors_and_matrices_are_those_of_scipy() -> None:
    p, counts, a = np.array([0.2, 0.3, 0.5]), np.array([2.0, 1.0, 4.0]), np.array([1.5, 2.0, 3.0])
    matrix = np.array([[3.0, 0.2], [0.2, 1.0]])
    ours = [cr.formula(item.text).evaluate for item in DISTRIBUTIONS]
    found = dict(zip((item.name for item in DISTRIBUTIONS), ours, strict=True))
    assert found["categorical"](x=[0, 1, 0], p=p) == pytest.approx(np.log(0.3))
    assert found["multinomial"](x=counts, m=7, p=p) == pytest.approx(stats.multinomial(7, p).logpmf(counts))
    assert found["dirichlet"](x=p, a=a) == pytest.approx(stats.dirichlet(a).logpdf(p))
    assert found["wishart"](x=matrix, nu=4, V=SIGMA) == pytest.approx(stats.wishart(4, SIGMA).logpdf(matrix))


@BY_ENTRY
def test_every_line_of_every_derivation_holds(entry: Distribution) -> None:
    for what in ("likelihood", "estimate", "information"):
        explained = cr.distribution(entry.name, what)
        held = explained.evidence()
        assert held
        assert all(item.holds for item in held), what
        assert entry.name.replace("_", " ") in explained.text()


@cache
def sample(name: str) -> np.ndarray:
    rng = np.random.default_rng(5)
    n = 200
    return {
        "gamma": lambda: rng.gamma(3, 50, n), "beta": lambda: rng.beta(2, 0.5, n),
        "student_t": lambda: 10 + 2 * rng.standard_t(4, n), "cauchy": lambda: 1000 + 2 * rng.standard_cauchy(n),
        "logistic": lambda: rng.logistic(5, 2, n), "weibull": lambda: 30 * rng.weibull(2, n),
        "inverse_gamma": lambda: 1 / rng.gamma(3, 0.1, n), "laplace": lambda: rng.laplace(3, 2, n),
        "normal": lambda: rng.normal(1e3, 20, n), "uniform": lambda: rng.uniform(2, 5, n),
        "log_normal": lambda: np.exp(rng.normal(1, 2, n)), "pareto": lambda: 2 * (1 + rng.pareto(3, n)),
        "exponential": lambda: rng.exponential(100, n), "poisson": lambda: rng.poisson(3, n),
        "geometric": lambda: rng.geometric(0.3, n) - 1, "bernoulli": lambda: rng.random(n) < 0.3,
        "von_mises": lambda: rng.vonmises(-2, 3, n),
    }[name]()  # fmt: skip


@pytest.mark.parametrize(
    "name", ["gamma", "beta", "student_t", "cauchy", "logistic", "weibull", "inverse_gamma", "laplace", "normal",
             "log_normal", "exponential", "poisson", "geometric", "bernoulli", "von_mises"],
)  # fmt: skip
def test_estimates_are_the_maximum_that_direct_search_finds(name: str) -> None:
    data = sample(name)
    found = cr.estimate(name, data)
    start = np.array(list(found.values.values()))

    def loss(parameters: np.ndarray) -> float:
        value = -float(np.sum(SCIPY[name](data, *parameters)))
        return value if np.isfinite(value) else 1e300

    searched = optimize.minimize(loss, start * 1.05 + 0.01, method="Nelder-Mead",
                                 options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000, "maxfev": 4000})  # fmt: skip
    assert -found.log_likelihood <= searched.fun + 1e-6
    assert start == pytest.approx(searched.x, rel=1e-3)
    assert -found.log_likelihood == pytest.approx(loss(start))


@pytest.mark.parametrize(
    ("name", "fit", "ours"),
    [("gamma", lambda d: stats.gamma.fit(d, floc=0), lambda v: (v["a"], 0, 1 / v["b"])),
     ("weibull", lambda d: stats.weibull_min.fit(d, floc=0), lambda v: (v["k"], 0, v["s"])),
     ("laplace", stats.laplace.fit, lambda v: (v["mu"], v["b"])),
     ("uniform", stats.uniform.fit, lambda v: (v["a"], v["b"] - v["a"])),
     ("pareto", lambda d: stats.pareto.fit(d, floc=0), lambda v: (v["a"], 0, v["m"])),
     ("logistic", stats.logistic.fit, lambda v: (v["mu"], v["s"]))],
)  # fmt: skip
def test_estimates_are_those_of_scipy(name: str, fit: object, ours: object) -> None:
    found = cr.estimate(name, sample(name))
    assert ours(found.values) == pytest.approx(fit(sample(name)), rel=2e-3)  # type: ignore[operator]


def test_estimates_of_vectors_and_matrices() -> None:
    rng = np.random.default_rng(1)
    normal = cr.estimate("multivariate_normal", rows := rng.multivariate_normal([1, 2], SIGMA, 80))
    assert normal.values["mu"] == pytest.approx(rows.mean(0))
    assert normal.values["Sigma"] == pytest.approx(np.cov(rows.T, bias=True))
    assert normal.errors["mu"] == pytest.approx(np.sqrt(np.diag(np.cov(rows.T, bias=True)) / 80))
    counts = rng.multinomial(7, [0.2, 0.3, 0.5], 60)
    found = cr.estimate("multinomial", counts, m=7)
    p = counts.sum(0) / (7 * 60)
    assert found.values["p"] == pytest.approx(p)
    assert found.errors["p"] == pytest.approx(np.sqrt(p * (1 - p) / (7 * 60)))
    dirichlet = cr.estimate("dirichlet", shares := rng.dirichlet([1, 2, 3], 60)).values["a"]
    nearby = [stats.dirichlet(dirichlet + step).logpdf(shares.T).sum() for step in (-1e-3, 0, 1e-3)]
    assert np.argmax(nearby) == 1
    wishart = stats.wishart(5, SIGMA).rvs(40, random_state=2)
    assert cr.estimate("wishart", wishart, nu=5).values["V"] == pytest.approx(wishart.mean(0) / 5)


def test_standard_errors_are_those_of_textbooks() -> None:
    normal, data = cr.estimate("normal", sample("normal")), sample("normal")
    assert normal.errors["mu"] == pytest.approx(data.std() / np.sqrt(200))
    assert normal.errors["sigma"] == pytest.approx(data.std() / np.sqrt(400))
    laplace = cr.estimate("laplace", sample("laplace"))
    # From the squares of the scores, which differ from their expectation where the median is no observation.
    assert laplace.errors["mu"] == pytest.approx(laplace.values["b"] / np.sqrt(200), rel=1e-2)
    assert np.isnan(cr.estimate("uniform", sample("uniform")).errors["a"])


def test_directions() -> None:
    angles = sample("von_mises")
    found = cr.estimate("von_mises", angles)
    kappa, mu, _ = stats.vonmises.fit(angles, fscale=1)
    assert found.values == pytest.approx({"mu": mu, "kappa": kappa}, rel=1e-6)
    ratio = special.i1(kappa) / special.i0(kappa)
    assert found.errors["mu"] == pytest.approx(1 / np.sqrt(200 * kappa * ratio), rel=1e-6)
    assert found.errors["kappa"] == pytest.approx(1 / np.sqrt(200 * (1 - ratio**2 - ratio / kappa)), rel=1e-6)
    assert cr.estimate("von_mises", angles, kappa=2).values["mu"] == pytest.approx(mu)
    fisher = cr.distribution("von_mises", "fisher")
    assert [move.right.text for move in fisher.parts[-1].moves] == [
        "kappa*bessel_ratio(kappa)", "0", "1 - bessel_ratio(kappa)**2 - bessel_ratio(kappa)/kappa"]  # fmt: skip
    assert all(item.holds for item in fisher.evidence())
    # A wave of twice the angle, written by hand: axes rather than directions.
    axial = "x: real; mu: real; kappa: positive; kappa*cos(2*(x - mu)) - log(2*pi) - log_i0(kappa)"
    moved = cr.estimate(axial, angles, support=("-pi", "pi"))
    assert moved.methods["mu"] == "numerical"
    assert np.tan(2 * moved.values["mu"]) == pytest.approx(np.sin(2 * angles).sum() / np.cos(2 * angles).sum())


def test_a_distribution_of_ones_own_goes_the_same_way() -> None:
    data = stats.rayleigh(scale=3).rvs(100, random_state=4)
    found = cr.estimate(RAYLEIGH, data)
    assert found.values["s"] == pytest.approx(np.sqrt(np.mean(data**2) / 2))
    assert "closed form" in found.methods["s"]
    shifted = "x: real; c: real; lam: positive; log(lam) - lam*(x - c)"
    moved = cr.estimate(shifted, data, support=("c", ""))
    assert moved.values == pytest.approx({"c": data.min(), "lam": 1 / (data.mean() - data.min())})
    assert all(item.holds for item in cr.distribution(shifted, support=("c", "")).evidence())
    maxwell = "v: positive; T: positive; 2*log(v) - 3/2*log(T) - v^2/(2*T) + log(2/pi)/2"
    assert cr.estimate(maxwell, data).values["T"] == pytest.approx(np.mean(data**2) / 3)


def test_supports_that_begin_later_and_sums_over_all_integers() -> None:
    series = "x: count; p: (0, 1); x*log(p) - log(x) - log(-log(1 - p))"
    data = stats.logser(0.6).rvs(150, random_state=1)
    found = cr.estimate(series, data, support=("1", ""))
    nearby = [stats.logser(found.values["p"] + step).logpmf(data).sum() for step in (-1e-3, 0, 1e-3)]
    assert np.argmax(nearby) == 1
    fisher = cr.distribution(series, "fisher", support=("1", ""))
    assert fisher.parts[-1].moves[0].right.text == "-(p + log(1 - p))/(p*(1 - p)**2*log(1 - p)**2)"
    assert all(item.holds for item in fisher.evidence())
    skellam = "x: integer; a: positive; b: positive; -(a + b) + x/2*log(a/b) + log(besseli(abs(x), 2*sqrt(a*b)))"
    counts = stats.skellam(2, 3).rvs(60, random_state=1)
    both = cr.estimate(skellam, counts)
    assert both.log_likelihood == pytest.approx(stats.skellam(*both.values.values()).logpmf(counts).sum())
    information = cr.fisher_matrix(skellam, a=2, b=3).matrix
    assert information[0, 0] > 0 > information[0, 1]


def test_a_likelihood_without_bound_is_said_to_have_none() -> None:
    start = "x: real; w: (0, 1); m1: real; m2: real; s1: positive; s2: positive; logaddexp("
    mixture = f"{start}log(w/s1) - ((x - m1)/s1)^2/2, log((1 - w)/s2) - ((x - m2)/s2)^2/2) - log(2*pi)/2"
    rng = np.random.default_rng(0)
    data = np.r_[rng.normal(-2, 1, 40), rng.normal(3, 1, 40)]
    found = cr.estimate(mixture, data)
    assert "local maximum" in str(found)
    assert "an observation" in found.to_dict()["remarks"][0]
    shared = mixture.replace("s1", "s").replace("s2", "s").replace("s: positive; s: positive", "s: positive")
    assert cr.estimate(shared, data).remarks == ()
    assert cr.estimate("cauchy", sample("cauchy")).remarks == ()
    assert cr.estimate("student_t", sample("student_t")).remarks == ()


def test_known_parameters_are_not_estimated() -> None:
    data = sample("student_t")
    assert list(cr.estimate("student_t", data, nu=4).values) == ["mu", "sigma"]
    assert "sigma: positive    known" in cr.distribution("normal", known=["sigma"]).text()
    assert model("negative_binomial", known=[]).parameters == ("r", "p")
    with pytest.raises(InputError, match="nothing is left"):
        model("binomial", known=["p"])


def test_estimates_are_printed_and_are_data() -> None:
    found = cr.estimate("uniform", [1.0, 2.0, 4.0])
    assert isinstance(found, Estimate)
    assert "closed form: min(x)" in str(found)
    assert found.to_dict()["standard_error"] == {"a": None, "b": None}


@pytest.mark.parametrize(
    ("action", "error", "words"),
    [(lambda: cr.distribution("nromal"), UnknownNameError, "normal"),
     (lambda: cr.distribution("normal", "scroe"), InputError, "score"),
     (lambda: cr.distribution("normal", known=["tau"]), UnknownNameError, "tau"),
     (lambda: cr.distribution("normal", known=["mu", "sigma"]), InputError, "nothing is left"),
     (lambda: cr.distribution("x: positive; s: positive; log(x) - x^2/(2*s^2)"), InputError, "integrate to one"),
     (lambda: cr.distribution("x: count; p: (0, 1); x*log(p)"), InputError, "sum to one"),
     (lambda: cr.distribution("x: real[n]; m: real; x - m"), InputError, "one number"),
     (lambda: cr.distribution("x: real; -x^2"), InputError, "parameters"),
     (lambda: cr.distribution("x: real; m: real; x - m", support=("", "m + 1")), InputError, "number or a parameter"),
     (lambda: cr.estimate("von_mises", [0.5, 4.0]), InputError, "above pi"),
     (lambda: cr.estimate("x: count; lam: positive; nu: positive; x*log(lam) - nu*lgamma(x + 1)", [1, 2]), InputError,
      "does not sum to one"),
     (lambda: cr.estimate("binomial", [1, 2]), InputError, "m must be given"),
     (lambda: cr.estimate("binomial", [1, 5], m=3), InputError, "above m = 3"),
     (lambda: cr.estimate("gamma", [1, -1]), ChainruleError, "outside its domain"),
     (lambda: cr.estimate("gamma", []), ChainruleError, "is empty"),
     (lambda: cr.estimate("normal", [1, 1, 1]), InputError, "no bound"),
     (lambda: cr.estimate("gamma", [1, 1, 1]), NoClosedFormError, "keeps growing"),
     (lambda: cr.observations("1\nx\n"), InputError, "line 2"),
     (lambda: cr.observations("1 2\n3\n"), InputError, "line 2"),
     (lambda: cr.observations("\n"), InputError, "no numbers")],
)  # fmt: skip
def test_mistakes_are_answered(action: object, error: type[ChainruleError], words: str) -> None:
    with pytest.raises(error) as caught:
        action()  # type: ignore[operator]
    assert words in str(caught.value)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data.csv"
    data.write_text("waiting time\n1\n3\n2\n", encoding="utf-8")
    assert run(["distribution", "exponential", "--data", str(data)]) == 0
    assert "lam        0.5" in capsys.readouterr().out
    assert run(["distribution", RAYLEIGH, "--score", "--check"]) == 0
    assert "dL/ds" in capsys.readouterr().out
    assert run(["distribution", "binomial", "--given", "m=x"]) == 2
    assert "NAME=NUMBER" in capsys.readouterr().err
    assert run(["distribution", "gamma", "--score", "--data", str(data)]) == 2
    assert run(["list", "distributions"]) == 0
    listed = capsys.readouterr().out
    assert all(item.name in listed for item in DISTRIBUTIONS)
