"""Bayes' theorem for the parameter of an exponential family, line by line: prior, likelihood, evidence, posterior."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp
from scipy import integrate
from sympy import Expr

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, Ref, bound_index
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.compared_posterior import compared_posterior
from chainrule.learning.probability.compared_priors import compared
from chainrule.learning.probability.conjugate import Conjugate, coefficients, conjugate, log_normaliser
from chainrule.learning.probability.family import family
from chainrule.learning.probability.family_moments import family_part
from chainrule.learning.probability.general_prior import general_posterior
from chainrule.learning.probability.likelihood import given, remarks, title
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import agreement, bound, number, point
from chainrule.learning.probability.predictive import predictive_part

#: What a sample does to the prior's form.
ADDED = "Sums of statistics are added to chi, the count to nu_0."
#: Values of the hyperparameters at which lines are checked.
HYPER = 2.5


def posterior(m: Model) -> Explanation:
    """The conjugate prior of the parameters, and how a sample updates it; in its general form if it has no name.

    Raises:
        UnsupportedError: the distribution is no exponential family.
    """
    try:
        c = conjugate(m)
    except UnsupportedError as error:
        found, f = compared(m), family(m)
        return compared_posterior(found, f) if found else general_posterior(f, error.message)
    parts = (*given(m), family_part(c.f), _prior_part(c), _update_part(c), *_mode_part(c), _evidence_part(c),
             *predictive_part(c))  # fmt: skip
    return Explanation(title(m, "Conjugate prior"), parts, remarks(m))


def _prior_part(c: Conjugate) -> Part:
    theta = named(c.theta.name)
    density = Shown(f"log p({theta.text})", rf"\log p({theta.latex})")
    form = " + ".join(f"{w}*{eta}" for w, eta in zip(c.weights, c.f.natural, strict=True))
    latex = " + ".join(rf"{named(str(w)).latex} \, {named(eta).latex}"
                       for w, eta in zip(c.weights, c.f.natural, strict=True))  # fmt: skip
    last = named(c.f.partition)
    end = Shown(f"{form} - nu_0*{last.text} + const", rf"{latex} - \nu_0 \, {last.latex} + \text{{const}}")
    lines = [
        Move(end, (density,), ("A prior of the form that the likelihood has as a function of the parameter.",)),
        Move(_constant(told(c, _collected(c, c.kernel))), (), ("Put in eta and A.",)),
    ]
    kind = c.prior.m.entry.name.replace("_", " ")
    names = ", ".join(str(symbol) for symbol in c.hyper.values())
    reason = (f"The {kind} distribution with the parameters {names} has the same functions of {theta.text}.",)
    for place, (name, symbol) in enumerate(c.hyper.items()):
        lines.append(Move(told(c, c.values[name]), (named(str(symbol)),), reason if not place else ()))
    return Part("Conjugate prior", tuple(lines))


def _collected(c: Conjugate, body: Expr) -> Expr:
    return sp.Add(*(sp.factor(factor) * basis for basis, factor in coefficients(body, c.theta).items()))


def _constant(body: Shown) -> Shown:
    return Shown(f"{body.text} + const", rf"{body.latex} + \text{{const}}")


def _update_part(c: Conjugate) -> Part:
    theta, x = named(c.theta.name), named(c.f.m.variable.name)
    left = Shown(f"log p({theta.text} | {x.text})", rf"\log p({theta.latex} \mid {x.latex})")
    bayes = Shown(
        f"log p({theta.text}) + sum_i log p({x.text}_i | {theta.text}) - log p({x.text})",
        rf"\log p({theta.latex}) + \sum_i \log p({x.latex}_i \mid {theta.latex}) - \log p({x.latex})",
    )
    grown = {w: w + total for w, total in zip(c.weights, c.sums, strict=True)}
    kernel = c.kernel.xreplace({**grown, _nu(c): _nu(c) + c.count})
    lines = [
        Move(bayes, (left,), ("Bayes' theorem: the posterior is the prior times the likelihood, over the evidence.",)),
        Move(_constant(told(c, _collected(c, kernel))), (), (ADDED,)),
    ]
    for place, name in enumerate(c.hyper):
        reason = ("It is the same distribution with other parameters.",) if not place else ()
        check = functools.partial(_posterior_difference, c)
        lines.append(Move(told(c, c.update[name]), (named(f"{name}_n"),), reason, check))
    return Part("Posterior", tuple(lines))


def _nu(c: Conjugate) -> Expr:
    return next(symbol for symbol in c.kernel.free_symbols if str(symbol) == "nu_0")


def _mode_part(c: Conjugate) -> Iterator[Part]:
    """Where the posterior is largest, in its own parameters."""
    swap = {part.head: sp.Symbol(f"{part.name}_n", positive=part.head.is_positive, real=True)
            for part in c.prior.m.density.inputs[1:]}  # fmt: skip
    prior = c.prior
    body = prior.body(prior.base) + sum(
        prior.body(eta) * prior.body(t) for eta, t in zip(prior.natural, prior.statistics, strict=True)
    )
    slope = sp.together(body.diff(prior.m.variable.head)).xreplace(swap | {prior.m.variable.head: c.theta})
    found = sp.solve(slope, c.theta)
    if len(found) != 1:
        return
    zero = Move(Shown("0", "0"), (told(c, slope),), ("The derivative of the logarithm of the posterior.",))
    name = named(c.theta.name)
    mode = Move(told(c, sp.simplify(found[0])), (Shown(f"{name.text}_MAP", rf"{{{name.latex}}}_{{\text{{MAP}}}}"),),
                ("Solve; it is the largest value where it lies in the domain.",))  # fmt: skip
    yield Part("Maximum a posteriori", (zero, mode))


def _evidence_part(c: Conjugate) -> Part:
    before = dict(c.hyper)
    whole = sp.expand(log_normaliser(c, c.update)) - sp.expand(log_normaliser(c, before))
    x = named(c.f.m.variable.name)
    base = Shown(f"sum_i {c.f.base}({x.text}_i)", rf"\sum_i {named(c.f.base).latex}({x.latex}_i)")
    ratio = told(c, whole)
    right = Shown(f"{ratio.text} + {base.text}", f"{ratio.latex} + {base.latex}")
    left = Shown(f"log p({x.text})", rf"\log p({x.latex})")
    reason = ("What the posterior's kernel integrates to, over what the prior's does.",)
    check = functools.partial(_evidence_difference, c, whole)
    return Part("Evidence", (Move(right, (left,), reason, check),))


# ---- printing and computing -------------------------------------------------------------------------------


def _program(c: Conjugate, body: Expr) -> Program:
    """A program that computes an expression of hyperparameters, known parameters and sums over the sample."""
    m = c.f.m
    sample = m.likelihood.inputs[0]
    known = list(m.density.inputs[1:])
    symbols = {s for s in body.free_symbols if isinstance(s, sp.Symbol)}
    plain = {item.head for item in known} | set(c.sums) | {c.count}
    extra = [Input(str(symbol)) for symbol in sorted(symbols - plain, key=str)]
    sums = []
    for symbol, statistic in zip(c.sums, c.f.statistics, strict=True):
        item = c.f.program.by_name[statistic]
        assert isinstance(item, Definition)
        row = item.body.xreplace({m.variable[()]: sample[(bound_index(0),)]})
        sums.append(Definition(str(symbol), (), row, "sum", sample.shape, origin="auto"))
    heads: dict[Expr, Expr] = {symbol: Ref(symbol) for symbol in symbols if symbol != c.count}
    heads |= {total: definition[()] for total, definition in zip(c.sums, sums, strict=True)}
    heads |= {sp.Symbol(item.name): item[()] for item in extra} | {c.count: m.size}
    rewritten = body.xreplace(heads | {s: Input(str(s))[()] for s in symbols - plain})
    whole = Definition("told", (), rewritten, origin="named")
    return Program((sample, *known, *extra), (*sums, whole), ("told",))


def told(c: Conjugate, body: Expr) -> Shown:
    """An expression in the notation."""
    return shown(_program(c, sp.sympify(body)), "told")


def _values(c: Conjugate) -> dict[str, Any]:
    values: dict[str, Any] = dict(point(c.f.m))
    for place, symbol in enumerate(c.hyper.values()):
        values[str(symbol)] = HYPER + 0.25 * place
    return values


def _computed(c: Conjugate, body: Expr, values: Mapping[str, Any]) -> float:
    return float(evaluate(_program(c, sp.sympify(body)), values)["told"])


def _log_prior(c: Conjugate, theta: float, hyper: Mapping[str, float]) -> float:
    return number(c.prior.m.density.program, {c.prior.m.variable.name: np.asarray(theta), **hyper})


def _posterior_difference(c: Conjugate) -> float:
    """Posterior over prior and likelihood must not depend on the parameter."""
    values = _values(c)
    after = {name: _computed(c, c.update[name], values) for name in c.hyper}
    before = {name: values[str(symbol)] for name, symbol in c.hyper.items()}
    low, high = _ends(c)
    start = float(values[c.theta.name])
    grid = [start, start * 1.1 if high == np.inf else (start + high) / 2, start * 0.9 + 0.01 * (low == -np.inf)]
    found = [
        _log_prior(c, t, after) - _log_prior(c, t, before)
        - number(c.f.m.likelihood.program, {**values, c.theta.name: np.asarray(t)})
        for t in grid
    ]  # fmt: skip
    return max(agreement(found[0], other) for other in found[1:])


def _ends(c: Conjugate) -> tuple[float, float]:
    m = c.prior.m
    return bound(m, 0, {}), bound(m, 1, {})


def _evidence_difference(c: Conjugate, body: Expr) -> float:
    """The evidence against the integral of prior times likelihood."""
    values = _values(c)
    m = c.f.m
    before = {name: values[str(symbol)] for name, symbol in c.hyper.items()}
    base = sum(
        float(evaluate(c.f.program, {**values, m.variable.name: row})[c.f.base]) for row in values[m.variable.name]
    )
    expected = _computed(c, body, values) + base
    low, high = _ends(c)

    def integrand(theta: float) -> float:
        whole = number(m.likelihood.program, {**values, c.theta.name: np.asarray(theta)})
        return float(np.exp(_log_prior(c, theta, before) + whole - expected))

    with np.errstate(all="ignore"):
        cuts = [low, *sorted({_middle(c, values)}), high]
        total = sum(integrate.quad(integrand, a, b, limit=400, epsabs=1e-13, epsrel=1e-12)[0]
                    for a, b in itertools.pairwise(cuts))  # fmt: skip
    return abs(total - 1)


def _middle(c: Conjugate, values: Mapping[str, Any]) -> float:
    """A point near the bulk of the posterior: the best of a grid."""
    low, high = _ends(c)
    after = {name: _computed(c, c.update[name], values) for name in c.hyper}
    grid = np.linspace(low, high, 101)[1:-1] if np.isfinite(high) else np.concatenate(
        [np.geomspace(1e-3, 1e3, 200), -np.geomspace(1e-3, 1e3, 200) if low == -np.inf else []]
    )  # fmt: skip
    return float(max(grid, key=lambda t: _log_prior(c, t, after)))
