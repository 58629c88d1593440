"""How the naive Bayes classifier follows: Bayes, conditional independence, logarithms, estimates, decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import integrate, stats
from scipy.special import logsumexp

from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.narrative.symbols import shown
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.graphs.dag import read_dag
from chainrule.learning.graphs.witness import dependence
from chainrule.learning.naive_bayes.odds import CLASSES, LogOdds, linear_if_shared, log_odds
from chainrule.learning.probability.equations import solve
from chainrule.learning.probability.estimation import estimates
from chainrule.learning.probability.model import Model, model

Array = npt.NDArray[np.float64]
#: The labels as a distribution of the table is written.
LABELS = Distribution("", "the class", "y: onehot[k]; prior: simplex[k]; sum(y*log(prior))", "")
#: Parts of an estimate that are told of every distribution.
TOLD = ("Log-density", "Likelihood equations", "Estimate", "Equations that can be solved", "To be solved numerically")
#: Classes, features and values of the distribution in which lines are checked.
SIZES = (3, 3, 4)
SCORE = Shown("log p(c) + sum_j log p(x_j | c)", r"\log p(c) + \sum_j \log p(x_j \mid c)")
POSTERIOR = Shown("p(c | x)", r"p(c \mid x)")


def derived(models: Sequence[Model], alpha: float = 1.0, variance: float = 0.0) -> Explanation:
    """The classifier of features with these distributions.

    Args:
        models: the distribution of every feature, once or several times.
        alpha: pseudo-counts.
        variance: what is added to variances.
    """
    distinct = list({m.entry: m for m in models}.values())
    parts = [_bayes(), _independence(), _logarithm(), _decision(), _sample(), *_priors()]
    for m in distinct:
        parts += _estimate(m)
    parts += [*_smoothing(distinct, alpha, variance), *_odds(distinct)]
    return Explanation(Shown("Naive Bayes: the most probable class", POSTERIOR.latex), tuple(parts), (
        "Source: Bishop, Pattern Recognition and Machine Learning (2006), sections 1.5 and 4.2.3.",))


# ---- the posterior ----------------------------------------------------------------------------------------


def _world() -> tuple[Array, list[Array], Array]:
    """Random priors, tables of three features by class, and their joint distribution."""
    rng = np.random.default_rng(0)
    classes, features, values = SIZES
    priors = rng.dirichlet(np.ones(classes))
    tables = [rng.dirichlet(np.ones(values), classes) for _ in range(features)]
    return priors, tables, np.einsum("c,ci,cj,ck->cijk", priors, *tables)


def _scores() -> Array:
    """The logarithm of every term of the numerator, from the factors alone."""
    priors, (one, two, three), _ = _world()
    a, b, c, d = (np.log(part) for part in (priors, one, two, three))
    return np.asarray(a[:, None, None, None] + b[:, :, None, None] + c[:, None, :, None] + d[:, None, None, :])


def _bayes() -> Part:
    whole = Shown("p(x)", "p(x)")
    fraction = Shown("p(c) p(x | c) / p(x)", r"\frac{p(c) \, p(x \mid c)}{p(x)}")
    total = Shown("sum_c p(c) p(x | c)", r"\sum_c p(c) \, p(x \mid c)")
    return Part("Bayes' theorem", (
        Move(fraction, (POSTERIOR,), ("Times p(x), both sides are the joint probability of class and features.",),
             _bayes_gap),
        Move(total, (whole,), ("The law of total probability.",), _total_gap),
    ), ("c is the class, x = (x_1, .., x_d) are the features.",))  # fmt: skip


def _bayes_gap() -> float:
    priors, _, joint = _world()
    of_class = joint / joint.sum(axis=(1, 2, 3), keepdims=True)
    posterior = joint / joint.sum(axis=0)
    return float(np.max(np.abs(priors[:, None, None, None] * of_class / joint.sum(axis=0) - posterior)))


def _total_gap() -> float:
    priors, tables, joint = _world()
    product = np.einsum("ci,cj,ck->cijk", *tables)
    return float(np.max(np.abs(np.tensordot(priors, product, 1) - joint.sum(axis=0))))


def _independence() -> Part:
    product = Shown("prod_j p(x_j | c)", r"\prod_j p(x_j \mid c)")
    reason = "Every path x_i <- c -> x_j is blocked by the class: given c the features are independent."
    return Part("Conditional independence", (
        Move(product, (Shown("p(x | c)", r"p(x \mid c)"),), (reason,), _independence_gap),
    ), ("This is the assumption, the graphical model c -> x_1, .., c -> x_d.",))  # fmt: skip


def _independence_gap() -> float:
    """Dependence of features given the class, in random distributions over the graph, and of the product."""
    exact = dependence(read_dag("c -> x1, x2, x3"), "x1", "x3", ["c"])
    _, tables, joint = _world()
    of_class = joint / joint.sum(axis=(1, 2, 3), keepdims=True)
    return exact + float(np.max(np.abs(of_class - np.einsum("ci,cj,ck->cijk", *tables))))


def _logarithm() -> Part:
    posterior = Shown("log p(c | x)", r"\log p(c \mid x)")
    total = Shown("log p(x)", r"\log p(x)")
    right = Shown(f"{SCORE.text} - log p(x)", rf"{SCORE.latex} - \log p(x)")
    normaliser = Shown(f"logsumexp_c({SCORE.text})", rf"\operatorname{{logsumexp}}_c \left({SCORE.latex}\right)")
    return Part("Logarithm", (
        Move(right, (posterior,), ("The logarithm of a product is the sum of the logarithms.",), _log_gap),
        Move(normaliser, (total,), ("p(x) is the sum of exponentials; products of many densities would underflow.",),
             _normaliser_gap),
    ))  # fmt: skip


def _log_gap() -> float:
    _, _, joint = _world()
    whole = joint.sum(axis=0)
    return float(np.max(np.abs(np.log(joint / whole) - (_scores() - np.log(whole)))))


def _normaliser_gap() -> float:
    _, _, joint = _world()
    return float(np.max(np.abs(logsumexp(_scores(), axis=0) - np.log(joint.sum(axis=0)))))


def _decision() -> Part:
    right = Shown(f"argmax_c ({SCORE.text})", rf"\operatorname{{argmax}}_c \left({SCORE.latex}\right)")
    reason = "p(x) is the same for all classes; no other choice is right more often."
    return Part("Decision", (Move(right, (Shown("c_hat(x)", r"\hat{c}(x)"),), (reason,), _decision_gap),))


def _decision_gap() -> float:
    """How much more often the best table of decisions is right than the rule."""
    _, _, joint = _world()
    chosen = np.take_along_axis(joint, np.argmax(_scores(), axis=0)[None], axis=0).sum()
    return float(joint.max(axis=0).sum() - chosen)


# ---- estimates --------------------------------------------------------------------------------------------


def _sample() -> Part:
    right = Shown(
        "sum_i log p(y_i) + sum_c sum_j sum_{i: y_i = c} log p(x_ij | c)",
        r"\sum_i \log p(y_i) + \sum_c \sum_j \sum_{i \, : \, y_i = c} \log p(x_{ij} \mid c)",
    )
    reason = "Every parameter stands in one of these sums: priors, and every feature in every class, on their own."
    return Part("Log-likelihood of the sample", (Move(right, (Shown("L", "L"),), (reason,), _sample_gap),))


def _sample_gap() -> float:
    """The log-likelihood row by row against the sums by class and feature."""
    rng = np.random.default_rng(1)
    priors, tables, _ = _world()
    y = rng.integers(0, SIZES[0], 40)
    x = rng.integers(0, SIZES[2], (40, SIZES[1]))
    rows = sum(np.log(priors[c] * np.prod([table[c, k] for table, k in zip(tables, row, strict=True)]))
               for c, row in zip(y, x, strict=True))  # fmt: skip
    sums = np.log(priors[y]).sum()
    for c in range(SIZES[0]):
        sums += sum(np.log(table[c, x[y == c, j]]).sum() for j, table in enumerate(tables))
    return float(abs(rows - sums) / abs(rows))


def _priors() -> Iterator[Part]:
    told = {part.title: part for part in estimates(model(LABELS)).parts}
    words = ("The class of a row is a vector y with a single one. ",)
    equations, estimate = told["Likelihood equations"], told["Estimate"]
    yield replace(equations, title="Priors: likelihood equations", intro=(*words, *equations.intro))
    counts = Move(Shown("n_c/n", r"\frac{n_c}{n}"), (Shown("prior_hat[c]", r"\widehat{\text{prior}}_c"),),
                  ("The rows of the class among all rows.",), _counts_gap)  # fmt: skip
    yield replace(estimate, title="Priors: estimate", moves=(*estimate.moves, counts))


def _counts_gap() -> float:
    """The closed form of the estimate against shares of rows."""
    labels = np.random.default_rng(2).integers(0, SIZES[0], 30)
    y = np.eye(SIZES[0])[labels]
    (found,) = [item.compute({"y": y}) for item in solve(model(LABELS)).closed]
    return float(np.max(np.abs(found - [np.mean(labels == c) for c in range(SIZES[0])])))


def _estimate(m: Model) -> Iterator[Part]:
    name = m.entry.name.replace("_", " ").capitalize() or "Own distribution"
    for part in estimates(m).parts:
        if part.title in TOLD or part.title.startswith("Estimate of"):
            title = f"{name}: {part.title[0].lower()}{part.title[1:]}"
            where = ("In every class, over its rows.", " ") if part.title.startswith("Estimate") else ()
            yield replace(part, title=title, intro=(*(where if part.intro else where[:1]), *part.intro))


def _smoothing(models: Sequence[Model], alpha: float, variance: float) -> Iterator[Part]:
    names = {m.entry.name for m in models}
    if alpha and names & {"bernoulli", "categorical", "multinomial"}:
        yield _dirichlet(alpha)
    if variance and "normal" in names:
        digits, power = f"{variance:.2e}".split("e")
        right = Shown(f"sigma_hat^2 + {variance:.3g}", rf"\hat{{\sigma}}^2 + {digits} \cdot 10^{{{int(power)}}}")
        why = "A share of the largest variance of a feature: no variance is zero."
        yield Part("Smoothing of variances", (Move(right, (Shown("sigma^2", r"\sigma^2"),), (why,)),))


def _dirichlet(alpha: float) -> Part:
    posterior = Shown("const * prod_k p_k^(N_k + alpha - 1)", r"\text{const} \cdot \prod_k p_k^{N_k + \alpha - 1}")
    mean = Shown("(N_k + alpha)/(N + alpha*K)", r"\frac{N_k + \alpha}{N + \alpha K}")
    return Part("Smoothing of counts", (
        Move(posterior, (Shown("p(p_1, .., p_K | data)", r"p(p_1, \ldots, p_K \mid \text{data})"),),
             ("The likelihood prod_k p_k^N_k times the density of a Dirichlet prior with all parameters alpha.",),
             partial(_posterior_gap, alpha)),
        Move(mean, (Shown("E[p_k | data]", r"\mathbb{E}[p_k \mid \text{data}]"),),
             ("The mean of this Dirichlet distribution: no probability is zero.",), partial(_mean_gap, alpha)),
    ), (f"alpha = {alpha:g} is added to each of K counts N_k, which sum to N.",))  # fmt: skip


def _posterior_gap(alpha: float) -> float:
    """The ratio of likelihood times prior to the stated form, at two points."""
    counts, points = np.array([3.0, 0.0, 5.0]), np.array([[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]])
    ratios = [stats.multinomial.logpmf(counts, 8, p) + stats.dirichlet.logpdf(p, [alpha] * 3)
              - np.sum((counts + alpha - 1) * np.log(p)) for p in points]  # fmt: skip
    return float(abs(ratios[0] - ratios[1]))


def _mean_gap(alpha: float) -> float:
    """The mean by quadrature, of two values."""
    seen, other = 3.0, 1.0

    def weight(p: float, power: float) -> float:
        return float(p**power * p ** (seen + alpha - 1) * (1 - p) ** (other + alpha - 1))

    above, below = (integrate.quad(weight, 0, 1, args=(power,), epsabs=0, epsrel=1e-12)[0] for power in (1.0, 0.0))
    return float(abs(above / below - (seen + alpha) / (seen + other + 2 * alpha)))


# ---- decisions --------------------------------------------------------------------------------------------


def _odds(models: Sequence[Model]) -> Iterator[Part]:
    one, two = CLASSES
    left = Shown(f"log(p({one} | x)/p({two} | x))", rf"\log \frac{{p({one} \mid x)}}{{p({two} \mid x)}}")
    right = Shown(
        f"log(p({one})/p({two})) + sum_j (log p(x_j | {one}) - log p(x_j | {two}))",
        rf"\log \frac{{p({one})}}{{p({two})}} + \sum_j \left(\log p(x_j \mid {one}) - \log p(x_j \mid {two})\right)",
    )
    reason = "p(x) cancels; the boundary between two classes is where this is zero."
    yield Part("Log-odds of two classes", (Move(right, (left,), (reason,), _odds_gap),))
    for m in models:
        yield _contribution(m)


def _odds_gap() -> float:
    priors, tables, joint = _world()
    direct = np.log(joint[0] / joint[1])
    one, two, three = (np.log(table[0] / table[1]) for table in tables)
    sums = np.log(priors[0] / priors[1]) + one[:, None, None] + two[None, :, None] + three[None, None, :]
    return float(np.max(np.abs(direct - sums)))


def _contribution(m: Model) -> Part:
    """What a feature with this distribution adds to the log-odds."""
    name = m.entry.name.replace("_", " ") or "own"
    found = log_odds(m)
    x = m.variable.name
    left = Shown(f"log p({x} | 1) - log p({x} | 2)", rf"\log p({x} \mid 1) - \log p({x} \mid 2)")
    where = ", where both are positive" if any(m.entry.support) else ""
    moves = [Move(shown(found.program, "log_odds"), (left,), (f"Put in the log-densities{where}.",), found.difference)]
    if found.collected:
        moves.append(_by_statistics(found, (), "Collected by functions of the feature"))
    shared = None if found.linear else linear_if_shared(m)
    if shared and shared.collected:
        words = " and ".join(shared.shared)
        moves.append(_by_statistics(shared, (left,), f"With the same {words} in both classes"))
    return Part(f"Log-odds of a feature: {name} distribution", tuple(moves))


def _by_statistics(found: LogOdds, left: tuple[Shown, ...], why: str) -> Move:
    assert found.collected
    linear = f"linear in {found.m.variable.name}, so that of such features the boundary is a hyperplane"
    reason = f"{why}: {linear}." if found.linear else f"{why}."
    return Move(shown(found.collected, "log_odds"), left, (reason,), partial(found.difference, True))


def explanation(distributions: Sequence[Any] = ("normal", "categorical")) -> Explanation:
    """The classifier of features with distributions of the table."""
    return derived([model(name) for name in distributions])
