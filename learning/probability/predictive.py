"""Predictive distributions: the density of one more observation, from two normalising constants.

    p(x | data) = h(x) Z(chi_n + T(x), nu_n + 1)/Z(chi_n, nu_n),  Z the integral of the kernel of the prior.

Source: Murphy, Machine Learning: A Probabilistic Perspective (2012), eq. 9.57.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr, Symbol

from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Move, Part
from chainrule.learning.probability.conjugate import Conjugate, log_normaliser
from chainrule.learning.probability.integrals import is_scalar
from chainrule.learning.probability.model import rowwise
from chainrule.learning.probability.points import agreement, bound, number, point
from chainrule.learning.probability.quadrature import integral

#: Values of the parameters of the posterior at which the predictive density is checked.
AFTER = 3.0


def predictive_part(c: Conjugate) -> Iterator[Part]:
    """The density of one more observation, given those that the posterior has seen."""
    if not is_scalar(c.f.m) or any(item.shape for item in c.f.m.density.inputs):
        return
    body = log_predictive(c)
    theta, x = named(c.theta.name), named(c.f.m.variable.name)
    left = Shown(f"p({x.text}_new | {x.text})", rf"p({x.latex}_{{\text{{new}}}} \mid {x.latex})")
    whole = Shown(
        f"integral p({x.text}_new | {theta.text}) p({theta.text} | {x.text}) d{theta.text}",
        rf"\int p({x.latex}_{{\text{{new}}}} \mid {theta.latex}) \, p({theta.latex} \mid {x.latex}) \, d{theta.latex}",
    )
    log_left = Shown(f"log {left.text}", rf"\log {left.latex}")
    reason = ("The integral is a ratio of normalising constants: of the posterior with one observation more, over that "
              f"of the posterior. On the right {x.text} is the new observation.",)  # fmt: skip
    yield Part("Predictive distribution", (
        Move(whole, (left,), ("The density of the next observation, averaged over the posterior.",)),
        Move(shown(program(c, body), "told"), (log_left,), reason, partial(_difference, c, body)),
    ))  # fmt: skip


def log_predictive(c: Conjugate) -> Expr:
    """The logarithm of the predictive density, in the parameters of the posterior and one observation."""
    f = c.f
    seen = dict(zip(c.sums, (f.body(t) for t in f.statistics), strict=True)) | {c.count: sp.S.One}
    grown = {name: sp.sympify(body).xreplace(seen) for name, body in c.update.items()}
    after = {symbol: _after(name) for name, symbol in c.hyper.items()}
    ratio = log_normaliser(c, grown) - log_normaliser(c, dict(c.hyper))
    found = sp.expand(ratio.xreplace(after)) + f.body(f.base)
    return short(found)


def _after(name: str) -> Symbol:
    return Symbol(f"{name}_n", real=True)


def short(body: Expr) -> Expr:
    """A sum of logarithms, of those of gamma functions and of a quotient, each collected."""
    found = sp.expand(_lowered(body)).replace(
        lambda e: isinstance(e, sp.log), lambda e: sp.log(sp.factor(sp.together(e.args[0])))
    )  # fmt: skip
    terms = sp.Add.make_args(found)
    plain = sp.Add(*(term for term in terms if not term.has(sp.log, sp.loggamma)))
    logarithms = sp.Add(*(term for term in terms if term.has(sp.log) and not term.has(sp.loggamma)))
    gammas = sp.Add(*(term for term in terms if term.has(sp.loggamma)))
    return gammas + sp.collect(logarithms, sorted(logarithms.atoms(sp.log), key=str)) + sp.factor(sp.together(plain))


def _lowered(body: Expr) -> Expr:
    """``log Gamma(a + 1) = log Gamma(a) + log a`` where both sides occur."""
    found = body.atoms(sp.loggamma)
    for one, other in itertools.permutations(found, 2):
        if sp.expand(one.args[0] - other.args[0]) == 1:
            body = body.xreplace({one: other + sp.log(other.args[0])})
    return body


def program(c: Conjugate, body: Expr) -> Program:
    """A program that computes an expression of one observation and the parameters of the posterior."""
    m = c.f.m
    extra = [Input(str(_after(name))) for name in c.hyper]
    heads: dict[Expr, Expr] = {item.head: item[()] for item in m.density.inputs}
    heads |= {_after(name): item[()] for name, item in zip(c.hyper, extra, strict=True)}
    told = Definition("told", (), body.xreplace(heads), origin="named")
    return Program((*m.density.inputs, *extra), (told,), ("told",))


def _difference(c: Conjugate, body: Expr) -> float:
    """The predictive density of observations against the integral of likelihood times posterior."""
    m, values = c.f.m, dict(point(c.f.m))
    after = {name: np.asarray(AFTER + 0.5 * place) for place, name in enumerate(c.hyper)}
    seen = {f"{name}_n": value for name, value in after.items()}
    x = m.variable.name
    rows = [{**values, **seen, x: row} for row in values[x][:3]]
    return max(agreement(np.exp(number(program(c, body), row)), _mixture(c, row, after)) for row in rows)


def _mixture(c: Conjugate, row: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    prior, theta = c.prior.m, c.theta.name
    densities = rowwise(prior.density.program, [prior.variable.name]), rowwise(c.f.m.density.program, [theta])

    def integrand(at: Any) -> Any:
        weights = evaluate(densities[0], {**after, prior.variable.name: at})[densities[0].output.name]
        values = evaluate(densities[1], {**row, theta: at})[densities[1].output.name]
        with np.errstate(all="ignore"):
            return np.nan_to_num(np.exp(weights + values), nan=0.0)

    ends = [bound(prior, 0, {}), *sorted({0.0, 1.0, AFTER}), bound(prior, 1, {})]
    cuts = sorted({end for end in ends if ends[0] <= end <= ends[-1]})
    return sum(integral(integrand, low, high) for low, high in itertools.pairwise(cuts))
