"""What information theory says in machine learning: derived by the algebra, by chains of formulas, by gradients."""

from __future__ import annotations

import numpy as np

from chainrule.derive.derivation import Derivation
from chainrule.derive.goals import gradient
from chainrule.derive.render.page import Shown
from chainrule.learning.chains import chain
from chainrule.learning.chart import Chart, Series
from chainrule.learning.expectation.derive import Expectation, expectation
from chainrule.learning.explanation import Demonstration, Explanation
from chainrule.learning.information.derive import Information, information

BOTH = "p, q: simplex[k]"


def cross_entropy() -> Information:
    """``H(p,q) = H(p) + KL(p||q)``."""
    return information("H(p,q) = H(p) + KL(p||q)")


def mutual_information() -> Information:
    """``I(X;Y) = H(X) + H(Y) - H(X,Y) = H(X) - H(X|Y)``."""
    return information("I(X;Y) = H(X) + H(Y) - H(X,Y) = H(X) - H(X|Y)")


def chain_rules() -> Information:
    """``H(X,Y,Z) = H(X) + H(Y|X) + H(Z|X,Y)``."""
    return information("H(X,Y,Z) = H(X) + H(Y|X) + H(Z|X,Y)")


def data_processing() -> Information:
    """``I(X;Z) <= I(X;Y)`` for a Markov chain X - Y - Z."""
    return information("I(X;Z) <= I(X;Y)", "X - Y - Z")


def jensen_shannon() -> Information:
    """``0 <= JS(p,q)``, a mean of two divergences."""
    return information("JS(p,q) >= 0")


def divergence_is_not_negative() -> Explanation:
    """``KL(p||q) >= 0`` by ``log t <= t - 1``.

    Source: Cover and Thomas, Elements of Information Theory, 2nd ed., theorem 2.6.3.
    """
    why = "The tangent at t = 1 lies above the concave logarithm."
    tangent = chain("t: positive", "log(t)", [("<=", "t - 1", why)])
    steps = chain(BOTH, "-sum(p*log(p/q))", [
        ("=", "sum(p*log(q/p))", "log(q/p) = -log(p/q)."),
        ("<=", "sum(p*(q/p - 1))", "The inequality above with t = q/p, times p >= 0, summed."),
        ("=", "sum(q) - sum(p)", "Multiplied out."),
        ("=", "0", "Both sum to one."),
    ])  # fmt: skip
    remark = "Equality holds where q/p = 1 everywhere, so that only p = q has divergence 0."
    return Explanation(Shown("KL(p||q) >= 0", r"D_{\mathrm{KL}}(p \| q) \ge 0"), (*tangent, *steps), (remark,))


def largest_entropy() -> Explanation:
    """``H(p) <= log k``: the uniform distribution has the largest entropy."""
    steps = chain("p: simplex[k]", "-sum(p*log(p))", [
        ("=", "log(k)*sum(p) - sum(p*log(k*p))", "log(k p) = log k + log p."),
        ("=", "log(k) - sum(p*log(p/(1/k)))", "p sums to one; the sum is the divergence of p from uniform."),
        ("<=", "log(k)", "A divergence is never negative."),
    ])  # fmt: skip
    remark = "Equality holds where the divergence is 0: at p = 1/k."
    return Explanation(Shown("H(p) <= log(k)", r"H(p) \le \log k"), steps, (remark,))


def label_smoothing() -> Explanation:
    """Cross-entropy with smoothed labels is that with the labels, and a penalty on confident predictions."""
    steps = chain("y: onehot[k]; q: simplex[k]; eps: unit", "-sum(((1 - eps)*y + eps/k)*log(q))", [
        ("=", "-(1 - eps)*sum(y*log(q)) - eps*sum(log(q))/k", "The sum is taken apart."),
        ("=", "-(1 - eps)*sum(y*log(q)) + eps*(log(k) + sum(log(1/k) - log(q))/k)",
         "The second part is the cross-entropy of uniform and q: its entropy, log k, and its divergence from q."),
    ])  # fmt: skip
    remark = "The penalty eps*KL(u||q) grows without bound where q leaves out a class: it regularises the prediction."
    return Explanation(Shown("Label smoothing", r"\text{Label smoothing}"), steps, (remark,))


def distillation() -> Derivation:
    """``T (softmax(z/T) - softmax(t/T))``, the gradient of the loss of a student with scores z of a teacher's t.

    Source: Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network (2015), eq. (2), with T^2.
    """
    loss = "T^2*sum(softmax(t/T)*(log_softmax(t/T) - log_softmax(z/T)))"
    return gradient(f"z: real[k]; t: real[k]; T: positive; {loss}", "z")


def vae_divergence() -> Expectation:
    """``KL(N(mu, s^2) || N(0, 1)) = (mu^2 + s^2 - 1 - 2 log s)/2``.

    ``c`` is the constant of both log-densities, ``log(2 pi)/2``.
    Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), appendix B.
    """
    given = "log_q = -(z - mu)^2/(2 s^2) - log(s) - c; log_p = -z^2/2 - c; z ~ normal(mu, s^2)"
    return expectation("E[log_q - log_p]", given)


def binary_entropy_picture() -> Chart:
    """Entropy of a coin, and its cross-entropy with a fixed prediction."""
    p = np.linspace(0.001, 0.999, 400)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    predicted = -(p * np.log2(0.7) + (1 - p) * np.log2(0.3))
    x = tuple(p.tolist())
    series = (Series("H(p)", x, tuple(entropy.tolist())),
              Series("H(p, q) with q = 0.7: touches at p = q", x, tuple(predicted.tolist())))  # fmt: skip
    return Chart("Entropy and cross-entropy of a coin", "probability p of heads", "bits", series)


def code_lengths(seed: int) -> Demonstration:
    """The mean negative log-likelihood of samples of p under p and q, beside what is derived."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.ones(6)), rng.dirichlet(np.full(6, 3.0))
    drawn = rng.choice(6, size=200_000, p=p)
    figures = {
        "H(p)": (-np.sum(p * np.log(p)), -np.mean(np.log(p[drawn]))),
        "H(p,q)": (-np.sum(p * np.log(q)), -np.mean(np.log(q[drawn]))),
        "KL(p||q)": (np.sum(p * np.log(p / q)), np.mean(np.log(p[drawn] / q[drawn]))),
    }
    lines = [f"{len(drawn)} samples of a random distribution p over 6 outcomes, in nats", "          exact   sampled"]
    lines += [f"{name:<9}{exact:7.4f}{sampled:10.4f}" for name, (exact, sampled) in figures.items()]
    return Demonstration("\n".join(lines), {name: float(sampled - exact) for name, (exact, sampled) in figures.items()})
