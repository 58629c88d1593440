"""Conjugate priors: found from the form of an exponential family, named by the table, updated by Bayes' theorem.

    prior       p(theta) ~ exp(chi eta(theta) - nu A(theta))
    posterior   p(theta | x) ~ exp((chi + sum_i T(x_i)) eta(theta) - (nu + n) A(theta))

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 2.229 and 2.230.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Symbol

from chainrule.derive.catalog.distributions import DISTRIBUTIONS
from chainrule.derive.errors import ChainruleError, UnsupportedError
from chainrule.derive.program import Input, head
from chainrule.learning.probability.family import Family, family
from chainrule.learning.probability.model import Model, model

#: The weight of the prior's statistics, and the number of observations that it counts for.
NU = Symbol("nu_0", positive=True)


@dataclass(frozen=True)
class Conjugate:
    """A conjugate prior that the table has a name for.

    Attributes:
        f: the likelihood in the form of a family.
        prior: the distribution of the parameter, a family too.
        hyper: the prior's parameters: the symbol of each, such as ``a_0``.
        weights: the symbols of ``chi``, one for each statistic.
        kernel: the logarithm of the prior up to a constant, in ``chi`` and ``nu``.
        values: the hyperparameters in ``chi`` and ``nu``.
        update: the hyperparameters after one sample, in those before, the sums of the statistics and the count.
        sums: the symbols of the sums of the statistics.
        count: the symbol of the number of observations.
    """

    f: Family
    prior: Family
    hyper: Mapping[str, Symbol]
    weights: tuple[Symbol, ...]
    kernel: Expr
    values: Mapping[str, Expr]
    update: Mapping[str, Expr]
    sums: tuple[Symbol, ...]
    count: Symbol

    @property
    def theta(self) -> Symbol:
        """The parameter."""
        return parameter(self.f.m).head


def parameter(m: Model) -> Input:
    """The only parameter that is estimated.

    Raises:
        UnsupportedError: there are several, or it is no number.
    """
    items = [item for item in m.density.inputs if item.name in m.parameters]
    if len(items) > 1 or items[0].shape:
        raise UnsupportedError(
            "for these parameters no prior of the table was found", found=", ".join(m.parameters),
            hint=f"take others as given, for example --known {m.parameters[-1]}",
        )  # fmt: skip
    return items[0]


def conjugate(m: Model) -> Conjugate:
    """The conjugate prior of the parameter of an exponential family.

    Raises:
        UnsupportedError: the distribution is no exponential family, has several parameters, or the table has no
            distribution of the prior's form.
    """
    item, f = parameter(m), family(m)
    theta = item.head
    weights = tuple(Symbol(f"chi_{place}" if len(f.natural) > 1 else "chi", real=True)
                    for place in range(1, len(f.natural) + 1))  # fmt: skip
    kernel = sum((w * f.body(eta) for w, eta in zip(weights, f.natural, strict=True)), -NU * f.body(f.partition))
    wanted = coefficients(kernel, theta)
    for entry in DISTRIBUTIONS:
        found = _matched(entry.name, item, wanted)
        if found is not None:
            return _updated(f, *found, weights, kernel, wanted)
    raise UnsupportedError(
        "the table has no distribution of the form of the conjugate prior",
        found=f"the logarithm of the prior: {sp.sstr(kernel)}",
    )


def coefficients(body: Expr, theta: Symbol) -> dict[Expr, Expr]:
    """The coefficient of every function of the parameter, constants left out."""
    found: dict[Expr, Expr] = {}
    for term in sp.Add.make_args(sp.expand(sp.expand_log(sp.expand(body), force=True))):
        factor, basis = term.as_independent(theta, as_Add=False)
        if basis != 1:
            found[basis] = found.get(basis, sp.S.Zero) + factor
    return {basis: factor for basis, factor in found.items() if factor != 0}


Match = tuple[Family, dict[str, Symbol], dict[Expr, Expr]]


def _matched(name: str, item: Input, wanted: Mapping[Expr, Expr]) -> Match | None:
    """A distribution of the table over the parameter's domain with the same functions of its variable."""
    try:
        m = model(name, known=[])
        if m.variable.shape or m.variable.domain.name != item.domain.name:
            return None
        prior = family(m)
    except ChainruleError:
        return None
    if any(part.shape for part in m.density.inputs):
        return None
    hyper = {part.name: head(f"{part.name}_0", part.domain.sign) for part in m.density.inputs[1:]}
    swap = {part.head: hyper[part.name] for part in m.density.inputs[1:]} | {m.variable.head: item.head}
    body = sum((prior.body(eta) * prior.body(t) for eta, t in zip(prior.natural, prior.statistics, strict=True)),
               prior.body(prior.base))  # fmt: skip
    own = coefficients(body.xreplace(swap), item.head)
    return (prior, hyper, own) if own.keys() == wanted.keys() else None


def _updated(
    f: Family, prior: Family, hyper: dict[str, Symbol], own: Mapping[Expr, Expr], weights: tuple[Symbol, ...],
    kernel: Expr, wanted: Mapping[Expr, Expr],
) -> Conjugate:  # fmt: skip
    equations = [own[basis] - wanted[basis] for basis in wanted]
    symbols = list(hyper.values())
    values = _solved(equations, symbols)
    inverse = _solved([symbol - values[symbol] for symbol in symbols], [*weights, NU])
    sums = tuple(Symbol(f"S_{place}", real=True) for place in range(1, len(weights) + 1))
    count = Symbol("n", positive=True, integer=True)
    moved = {w: inverse[w] + total for w, total in zip(weights, sums, strict=True)} | {NU: inverse[NU] + count}
    update = {name: sp.simplify(values[symbol].subs(moved, simultaneous=True)) for name, symbol in hyper.items()}
    named = {name: sp.simplify(values[symbol]) for name, symbol in hyper.items()}
    return Conjugate(f, prior, hyper, weights, kernel, named, update, sums, count)


def _solved(equations: list[Expr], symbols: list[Symbol]) -> dict[Symbol, Expr]:
    found = sp.solve(equations, symbols, dict=True)
    whole = [item for item in found if set(item) == set(symbols)]
    if not whole:
        raise UnsupportedError("the parameters of the conjugate prior have no closed form")
    return dict(whole[0])


def log_normaliser(c: Conjugate, at: Mapping[str, Expr]) -> Expr:
    """The logarithm of what the prior's kernel integrates to, at these hyperparameters."""
    swap = {part.head: at[part.name] for part in c.prior.m.density.inputs[1:]}
    constant = coefficient_free(c, swap)
    return c.prior.body(c.prior.partition).xreplace(swap) - constant


def coefficient_free(c: Conjugate, swap: Mapping[Expr, Expr]) -> Expr:
    """The part of the prior's base measure that does not depend on the parameter."""
    base = c.prior.body(c.prior.base).xreplace(dict(swap))
    x = c.prior.m.variable.head
    return sum((term for term in sp.Add.make_args(sp.expand(base)) if not term.has(x)), sp.S.Zero)
