"""Expectations outside of exponential families: densities whose integrals have a known form.

Each law recognises the terms of a log-density that depend on the variable, and knows expectations of some functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Abs, Expr, S, Symbol, exp, gamma, log

from chainrule.learning.probability.model import Model
from chainrule.learning.probability.references import heads
from chainrule.learning.probability.terms import terms

#: The expectation of a function of the variable; none if the law does not know it.
Expectation = Callable[[Expr], Expr | None]
#: The exponent of a power of the variable.
T = Symbol("t", real=True)


@dataclass(frozen=True)
class Law:
    """A density whose integrals are known.

    Attributes:
        says: the law in words.
        source: where it is found.
        expectation: the law for a density, from its terms with the variable, which are sums of them.
    """

    says: str
    source: str
    expectation: Callable[[Model, Symbol, Sequence[Expr]], Expectation | None]


def log_terms(m: Model) -> list[Expr]:
    """The terms of the log-density of a scalar variable, in symbols."""
    return [_plain(heads(term.parameters * term.variable * term.mixed)) for term in terms(m)]


def _plain(body: Expr) -> Expr:
    return sp.powsimp(sp.expand_power_base(body, force=True), force=True)


def _power(x: Symbol, g: Expr) -> tuple[Expr, Expr] | None:
    """Coefficient and exponent, if an expression is a power of the variable."""
    exponent = sp.simplify(x * g.diff(x) / g)
    return None if exponent.has(x) else (sp.simplify(g / x**exponent), exponent)


def _generalised_gamma(m: Model, x: Symbol, found: Sequence[Expr]) -> Expectation | None:
    """``x^beta exp(-g x^k)`` for positive x."""
    if m.variable.domain.name != "positive" or any(m.entry.support):
        return None
    beta, powers = S.Zero, list[tuple[Expr, Expr]]()
    for term in found:
        if not (term / log(x)).has(x):
            beta += term / log(x)
            continue
        power = _power(x, term)
        if power is None:
            return None
        powers.append(power)
    if len({exponent for _, exponent in powers}) != 1:
        return None
    g, k = -sum(factor for factor, _ in powers), powers[0][1]
    moment = g ** (-T / k) * gamma((beta + 1 + T) / k) / gamma((beta + 1) / k)

    def expectation(body: Expr) -> Expr | None:
        count, rest = _logs(x, body)
        power = (S.One, S.Zero) if rest == 1 else _power(x, rest)
        if power is None:
            return None
        found = sp.expand_func(moment.diff(T, count).subs(T, power[1]))
        return power[0] * sp.gammasimp(sp.simplify(sp.expand_log(found, force=True)))

    return expectation


def _logs(x: Symbol, body: Expr) -> tuple[int, Expr]:
    """How often the logarithm of the variable is a factor, and the rest."""
    exponent = next((e for b, e in (f.as_base_exp() for f in sp.Mul.make_args(body)) if b == log(x)), S.Zero)
    count = int(exponent) if exponent.is_Integer and exponent > 0 else 0
    return count, body / log(x) ** count


def _normal(m: Model, x: Symbol, found: Sequence[Expr]) -> Expectation | None:
    """``exp(-g (x - c)^2)`` on the real line."""
    whole = sp.expand(sp.Add(*found))
    if m.variable.domain.name != "real" or any(m.entry.support):
        return None
    if not whole.is_polynomial(x) or sp.degree(whole, x) != 2:
        return None
    g = -whole.coeff(x, 2)
    centre, variance = whole.coeff(x, 1) / (2 * g), 1 / (2 * g)
    generating = exp(centre * T + variance * T**2 / 2)

    def expectation(body: Expr) -> Expr | None:
        if not body.is_polynomial(x):
            return None
        powers = sp.Poly(body, x).all_coeffs()[::-1]
        return sp.simplify(sum((c * generating.diff(T, n).subs(T, 0) for n, c in enumerate(powers)), S.Zero))

    return expectation


def _laplace(m: Model, x: Symbol, found: Sequence[Expr]) -> Expectation | None:
    """``exp(-g |x - c|)`` on the real line."""
    if m.variable.domain.name != "real" or any(m.entry.support) or len(found) != 1:
        return None
    factor, part = found[0].as_independent(x, as_Add=False)
    centre = _centre(x, part)
    if centre is None:
        return None
    rate = -factor

    def expectation(body: Expr) -> Expr | None:
        if body == x:
            return centre
        if body == x**2:
            return centre**2 + 2 / rate**2
        other = _centre(x, body)
        if other is None:
            return None
        gap = Abs(centre - other)
        return gap + exp(-rate * gap) / rate if gap != 0 else 1 / rate

    return expectation


def _centre(x: Symbol, body: Expr) -> Expr | None:
    if not isinstance(body, Abs):
        return None
    inner = sp.expand(body.args[0])
    slope = inner.diff(x)
    return sp.expand(x - inner / slope) if slope in (1, -1) else None


def _uniform(m: Model, x: Symbol, found: Sequence[Expr]) -> Expectation | None:
    """A constant, or a power, between two ends."""
    ends = [_end(m, position) for position in (0, 1)]
    if ends[0] is None:
        return None
    beta = sum(found) / log(x)
    if not any(m.entry.support) or sp.simplify(beta).has(x):
        return None
    whole = beta + 1

    def expectation(body: Expr) -> Expr | None:
        count, rest = _logs(x, body)
        power = (S.One, S.Zero) if rest == 1 else _power(x, rest)
        if power is None or (ends[1] is None and count > 1):
            return None
        if ends[1] is None:
            moment = whole / (whole + T) * ends[0] ** T
        elif beta == 0:
            moment = (ends[1] ** (T + 1) - ends[0] ** (T + 1)) / ((T + 1) * (ends[1] - ends[0]))
        else:
            return None
        return power[0] * sp.simplify(moment.diff(T, count).subs(T, power[1]))

    return expectation


def _end(m: Model, position: int) -> Expr | None:
    name = m.entry.support[position]
    item = next((item for item in m.density.inputs if item.name == name), None)
    return None if item is None else item.head


def _cauchy(m: Model, x: Symbol, found: Sequence[Expr]) -> Expectation | None:
    """``1/((x - c)^2 + s^2)`` on the real line."""
    if m.variable.domain.name != "real" or any(m.entry.support) or len(found) != 1:
        return None
    factor, part = found[0].as_independent(x, as_Add=False)
    own = _root(x, part)
    if factor != -1 or own is None:
        return None

    def expectation(body: Expr) -> Expr | None:
        other = _root(x, body)
        if other is None:
            return None
        (a, c, s), (_, centre, scale) = other, own
        return log(a) + log((c - centre) ** 2 + (s + scale) ** 2)

    return expectation


def _root(x: Symbol, body: Expr) -> tuple[Expr, Expr, Expr] | None:
    """``a, c, s`` of ``log(a ((x - c)^2 + s^2))``."""
    inner = sp.expand(body.args[0]) if isinstance(body, log) else x
    if not inner.is_polynomial(x) or sp.degree(inner, x) != 2:
        return None
    a, b, c = (inner.coeff(x, n) for n in (2, 1, 0))
    square = sp.factor(sp.simplify(c / a - b**2 / (4 * a**2)))
    return a, sp.simplify(-b / (2 * a)), sp.sqrt(square)


LAWS: tuple[Law, ...] = (
    Law("the integral of x^(c - 1) exp(-g x^k) over positive x is g^(-c/k) Gamma(c/k)/|k|; logarithms come from "
        "derivatives by c", "NIST Digital Library of Mathematical Functions, eq. 5.9.1", _generalised_gamma),
    Law("moments of a normal density come from derivatives of exp(c t + v t^2/2) at t = 0",
        "Bishop, Pattern Recognition and Machine Learning (2006), section 2.3", _normal),
    Law("the mean of |x - a| under the density g/2 exp(-g |x - c|) is |c - a| + exp(-g |c - a|)/g",
        "integrate piece by piece", _laplace),
    Law("powers are integrated between the ends of the support", "the power rule", _uniform),
    Law("log((x - a)^2 + t^2) is harmonic above the real line, and its mean under a Cauchy density with centre c and "
        "scale s is its value at height s, log((a - c)^2 + (s + t)^2)",
        "Chyzak and Nielsen, A closed-form formula for the Kullback-Leibler divergence between Cauchy distributions "
        "(2019)", _cauchy),
)  # fmt: skip


def law_of(m: Model) -> tuple[Law, Expectation] | None:
    """The law that knows integrals of a density of one number, if there is one."""
    if m.variable.shape or m.variable.domain.integer:
        return None
    x = m.variable.head
    found = [term for term in log_terms(m) if term.has(x)]
    for law in LAWS:
        expectation = law.expectation(m, x, found)
        if expectation is not None:
            return law, expectation
    return None
