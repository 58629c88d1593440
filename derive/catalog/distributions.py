"""Probability distributions: one entry each, a log-density in the notation.

Everything else (likelihoods, scores, estimates, information, exponential families, conjugate priors)
is derived from the entries, and from distributions that users write in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Distribution:
    """A distribution.

    Attributes:
        name: what it is called.
        about: one line of what it is.
        text: declarations, the variable's first, and the logarithm of the density, or of the probabilities.
        source: where it is found, with equation number.
        known: parameters that are given, not estimated.
        support: the lower and the upper end of the values that have positive density, where it depends on
            parameters; empty where the variable's domain says it.
        note: conventions.
    """

    name: str
    about: str
    text: str
    source: str
    known: tuple[str, ...] = ()
    support: tuple[str, str] = ("", "")
    note: str = ""


PRML = "Bishop, Pattern Recognition and Machine Learning (2006)"
FEP = "Forbes, Evans, Hastings and Peacock, Statistical Distributions (2011)"

DISTRIBUTIONS: tuple[Distribution, ...] = (
    Distribution("bernoulli", "one trial with two outcomes",
        "x: binary; p: (0, 1); x*log(p) + (1 - x)*log(1 - p)", f"{PRML}, eq. 2.2"),
    Distribution("binomial", "successes among m independent trials",
        "x: count; m: count; p: (0, 1); lgamma(m + 1) - lgamma(x + 1) - lgamma(m - x + 1) + x*log(p) "
        "+ (m - x)*log(1 - p)", f"{PRML}, eq. 2.9", ("m",), ("", "m")),
    Distribution("categorical", "one trial with k outcomes, written as a row with a single one",
        "x: onehot[k]; p: simplex[k]; sum(x*log(p))", f"{PRML}, eq. 2.26"),
    Distribution("multinomial", "counts of k outcomes among m independent trials",
        "x: count[k]; m: count; p: simplex[k]; lgamma(m + 1) - sum(lgamma(x + 1)) + sum(x*log(p))",
        f"{PRML}, eq. 2.34", ("m",), note="The counts sum to m."),
    Distribution("geometric", "failures before the first success",
        "x: count; p: (0, 1); log(p) + x*log(1 - p)", f"{FEP}, chapter 23"),
    Distribution("negative_binomial", "failures before the r-th success; r may be any positive number",
        "x: count; r: positive; p: (0, 1); lgamma(x + r) - lgamma(r) - lgamma(x + 1) + r*log(p) + x*log(1 - p)",
        f"{FEP}, chapter 31", ("r",)),
    Distribution("poisson", "number of events at a constant rate",
        "x: count; lam: positive; x*log(lam) - lam - lgamma(x + 1)", f"{FEP}, chapter 35"),
    Distribution("normal", "normal distribution with mean mu and standard deviation sigma",
        "x: real; mu: real; sigma: positive; -log(sigma) - log(2*pi)/2 - (x - mu)^2/(2*sigma^2)",
        f"{PRML}, eq. 1.46"),
    Distribution("log_normal", "a positive number whose logarithm is normal",
        "x: positive; mu: real; sigma: positive; -log(x) - log(sigma) - log(2*pi)/2 - (log(x) - mu)^2/(2*sigma^2)",
        f"{FEP}, chapter 29"),
    Distribution("multivariate_normal", "normal distribution of a vector with mean mu and covariance Sigma",
        "x: real[d]; mu: real[d]; Sigma: spd[d, d]; "
        "-d*log(2*pi)/2 - logdet(Sigma)/2 - (x - mu) @ inv(Sigma) @ (x - mu)/2", f"{PRML}, eq. 1.52"),
    Distribution("exponential", "waiting time at a constant rate",
        "x: positive; lam: positive; log(lam) - lam*x", f"{FEP}, chapter 17"),
    Distribution("gamma", "gamma distribution with shape a and rate b",
        "x: positive; a: positive; b: positive; a*log(b) - lgamma(a) + (a - 1)*log(x) - b*x", f"{PRML}, eq. 2.146"),
    Distribution("inverse_gamma", "a positive number whose reciprocal has a gamma distribution",
        "x: positive; a: positive; b: positive; a*log(b) - lgamma(a) - (a + 1)*log(x) - b/x", f"{FEP}, chapter 22"),
    Distribution("beta", "beta distribution of a number between 0 and 1",
        "x: (0, 1); a: positive; b: positive; lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1)*log(x) "
        "+ (b - 1)*log(1 - x)", f"{PRML}, eq. 2.13"),
    Distribution("dirichlet", "Dirichlet distribution of a vector of probabilities",
        "x: simplex[k]; a: positive[k]; lgamma(sum(a)) - sum(lgamma(a)) + sum((a - 1)*log(x))",
        f"{PRML}, eq. 2.38"),
    Distribution("laplace", "Laplace distribution with location mu and scale b",
        "x: real; mu: real; b: positive; -log(2*b) - |x - mu|/b", f"{FEP}, chapter 27"),
    Distribution("student_t", "Student's t distribution with location mu, scale sigma and nu degrees of freedom",
        "x: real; mu: real; sigma: positive; nu: positive; lgamma((nu + 1)/2) - lgamma(nu/2) - log(pi*nu)/2 "
        "- log(sigma) - (nu + 1)/2*log(1 + ((x - mu)/sigma)^2/nu)", f"{PRML}, eq. 2.159 with lambda = sigma^(-2)"),
    Distribution("cauchy", "Cauchy distribution with location mu and scale s",
        "x: real; mu: real; s: positive; -log(pi*s) - log(1 + ((x - mu)/s)^2)", f"{FEP}, chapter 7"),
    Distribution("logistic", "logistic distribution with location mu and scale s",
        "x: real; mu: real; s: positive; -(x - mu)/s - log(s) - 2*softplus(-(x - mu)/s)", f"{FEP}, chapter 28"),
    Distribution("weibull", "Weibull distribution with shape k and scale s",
        "x: positive; k: positive; s: positive; log(k) - k*log(s) + (k - 1)*log(x) - (x/s)^k", f"{FEP}, chapter 46"),
    Distribution("pareto", "Pareto distribution above the threshold m",
        "x: positive; m: positive; a: positive; log(a) + a*log(m) - (a + 1)*log(x)", f"{FEP}, chapter 34",
        support=("m", "")),
    Distribution("uniform", "uniform distribution between a and b",
        "x: real; a: real; b: real; -log(b - a)", f"{FEP}, chapter 40", support=("a", "b")),
    Distribution("von_mises", "a direction: an angle with mean direction mu and concentration kappa",
        "x: real; mu: real; kappa: positive; kappa*cos(x - mu) - log(2*pi) - log_i0(kappa)",
        f"{PRML}, eq. 2.179", support=("-pi", "pi"), note="Angles that differ by 2*pi are the same direction."),
    Distribution("wishart", "Wishart distribution of a positive definite matrix with nu degrees of freedom",
        "x: spd[d, d]; nu: positive; V: spd[d, d]; (nu - d - 1)/2*logdet(x) - trace(inv(V) @ x)/2 "
        "- nu*d/2*log(2) - nu/2*logdet(V) - d*(d - 1)/4*log(pi) - sum_{j=1}^{d} lgamma((nu + 1 - j)/2)",
        f"{PRML}, eq. B.78 and B.79", ("nu",), note="nu > d - 1."),
)  # fmt: skip

BY_NAME: dict[str, Distribution] = {item.name: item for item in DISTRIBUTIONS}
