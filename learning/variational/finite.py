"""The evidence lower bound over a finite latent variable: every line computed on its own at random distributions."""

from __future__ import annotations

from chainrule.derive.render.page import Shown
from chainrule.learning.chains import chain
from chainrule.learning.explanation import Explanation

#: Prior and variational distribution of a latent variable with k values, and the likelihood of what was seen.
GIVEN = "prior, q: simplex[k]; like: (0, 1)[k]"
BOUND = "sum(q*log(prior*like/q))"
POSTERIOR = "(prior*like/sum(prior*like))"
SOURCE = "Source: Jordan, Ghahramani, Jaakkola and Saul, An Introduction to Variational Methods (1999), section 6."
NAMES = (
    "The latent variable z has k values: prior is p(z), like is p(x | z), prior*like is p(x, z), its sum p(x); "
    "for a continuous one the sums are integrals."
)


def bound() -> Explanation:
    """``log p(x) = ELBO + KL(q || p(z | x))``, by Jensen's inequality and as an identity; two decompositions."""
    jensen = chain(GIVEN, "log(sum(prior*like))", [
        ("=", "log(sum(q*(prior*like/q)))", "Each term times q/q; the sum is now a mean under q."),
        (">=", BOUND, "Jensen's inequality: the logarithm is concave, so that log E_q[t] >= E_q[log t]."),
    ], "By Jensen's inequality")  # fmt: skip
    identity = chain(GIVEN, "log(sum(prior*like))", [
        ("=", "sum(q*log(sum(prior*like)))", "q sums to one, and log p(x) does not depend on z."),
        ("=", f"sum(q*log(prior*like/{POSTERIOR}))", "p(x) = p(x, z)/p(z | x) for every z."),
        ("=", f"sum(q*(log(prior*like/q) + log(q/{POSTERIOR})))", "Times q/q inside of the logarithm."),
        ("=", f"{BOUND} + sum(q*log(q/{POSTERIOR}))", "The lower bound, and the divergence of q from p(z | x)."),
    ], "As an identity")  # fmt: skip
    not_negative = chain(GIVEN, f"sum(q*log(q/{POSTERIOR}))", [
        (">=", "0", "A divergence is never negative, and 0 only if q is p(z | x): there the bound is tight."),
    ])  # fmt: skip
    parts = chain(GIVEN, BOUND, [
        ("=", "sum(q*log(like)) + sum(q*log(prior/q))", "The logarithm of a product is the sum of the logarithms."),
        ("=", "sum(q*log(like)) - sum(q*log(q/prior))", "Reconstruction, minus the divergence of q from the prior."),
    ], "Reconstruction and divergence from the prior")  # fmt: skip
    energy = chain(GIVEN, BOUND, [
        ("=", "sum(q*log(prior*like)) - sum(q*log(q))", "The mean log-joint, minus the energy, plus the entropy of q."),
    ], "Energy and entropy")  # fmt: skip
    title = Shown("log p(x) = ELBO + KL(q||p(z|x)) >= ELBO",
                  r"\log p(x) = \mathrm{ELBO} + D_{\mathrm{KL}}(q \| p(z \mid x)) \ge \mathrm{ELBO}")  # fmt: skip
    return Explanation(title, (*jensen, *identity, *not_negative, *parts, *energy), (NAMES, SOURCE))
