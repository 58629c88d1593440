"""Every scalar identity: it fires where it should, is true there, and leaves the rest alone."""

from __future__ import annotations

import random

import pytest
import sympy as sp
from support import expanded
from sympy import Abs, Expr, Rational, cosh, erf, erfc, exp, log, pi, sign, sin, sinh, sqrt, symbols, tan, tanh

from chainrule.derive.catalog.elementwise import (
    expm1,
    inverse_mills,
    log1mexp,
    log1p,
    logaddexp,
    logcosh,
    lognormcdf,
    maximum,
    normcdf,
    normpdf,
    relu,
    sech2,
    sigmoid,
    softplus,
    step,
)
from chainrule.derive.identities import READABLE, STABLE, Identity, rewrite
from chainrule.derive.program import Input, dim, free_index
from chainrule.derive.scalar import less, where

u, v, z, y = symbols("u v z y", real=True)
a, b, c, d = symbols("a b c d", positive=True)
p = sp.Symbol("p", nonnegative=True)

READABLE_IDS = {identity.id: identity for identity in READABLE}
STABLE_IDS = {identity.id: identity for identity in STABLE}
ALL = {**READABLE_IDS, **STABLE_IDS}

#: For each identity, expressions on which it fires, and what it makes of them.
FIRES: dict[str, list[tuple[Expr, Expr]]] = {
    "tanh-ratio": [
        ((exp(u) - exp(-u)) / (exp(u) + exp(-u)), tanh(u)),
        ((exp(2 * u) - 1) / (exp(2 * u) + 1), tanh(u)),
        (y * (1 - exp(u)) / (1 + exp(u)), -y * tanh(u / 2)),
        ((exp(u) - exp(-u)) * (exp(-u) - exp(u)) / (exp(u) + exp(-u)) ** 2, -(tanh(u) ** 2)),
        ((exp(u) - exp(-u)) ** 3 / (exp(u) + exp(-u)) ** 2, (exp(u) - exp(-u)) * tanh(u) ** 2),
    ],
    "sigmoid-ratio": [
        (exp(u) / (1 + exp(u)), sigmoid(u)),
        (1 / (1 + exp(-u)), sigmoid(u)),
        (1 / (exp(u - v) + 1), sigmoid(v - u)),
        (exp(u) / (exp(u) + exp(v)), sigmoid(u - v)),
        (exp(z) / (exp(z) + 1) ** 2, sigmoid(z) * sigmoid(-z)),
    ],
    "stable-sigmoid-ratio": [
        (1 / (c + exp(u)), sigmoid(log(c) - u) / c),
        (exp(u) / (c + d * exp(u)) ** 2, sigmoid(log(c) - u - log(d)) * sigmoid(u + log(d) - log(c)) / (c * d)),
        (exp(2 * u) / (1 + exp(u)), exp(u) * sigmoid(u)),
        ((exp(u) + 2 * exp(v)) / (exp(u) + exp(v)), sigmoid(u - v) + 2 * sigmoid(v - u)),
        ((z - y * exp(u)) / (1 + exp(u)), z * sigmoid(-u) - y * sigmoid(u)),
        (exp(u) / (exp(u) + exp(v) + exp(z)), exp(u - logaddexp(logaddexp(u, v), z))),
    ],
    "merge-exponentials": [(exp(u) * exp(v), exp(u + v)), (y * exp(u - v) * exp(v - z), y * exp(u - z))],
    "merge-powers": [
        (y * c**a / c, y * c ** (a - 1)),
        (u ** (a - 1) * u, u**a),
        (c ** (1 - a) * c ** (a - 1) * y, y),
        (c**a * c**b, c ** (a + b)),
    ],
    "factor-exponentials": [(exp(2 * u) + 2 * exp(u) + 1, (1 + exp(u)) ** 2)],
    "sinh-over-cosh": [(sinh(u) / cosh(u), tanh(u)), (sinh(u) / cosh(u) ** 2, tanh(u) / cosh(u))],
    "sin-over-cos": [(y * sin(u) / sp.cos(u), y * tan(u))],
    "softplus": [(log(1 + exp(u)), softplus(u)), (log(1 + exp(-y * z)), softplus(-y * z))],
    "log1p-by-name": [
        (log1p(exp(u)), log(1 + exp(u))),
        (log1p(-sigmoid(u)), log(1 - sigmoid(u))),
        (log1p(erf(u)), log(1 + erf(u))),
    ],
    "log-exp-product": [(log(c * exp(u)), u + log(c))],
    "exp-softplus": [(exp(-softplus(u)), sigmoid(-u)), (exp(v + softplus(u)), exp(v) * (1 + exp(u)))],
    "exp-times-sigmoid": [(y * exp(-u) * sigmoid(u), y * sigmoid(-u))],
    "stable-exp-times-sigmoid": [(exp(u) * sigmoid(-u) ** 2, sigmoid(u) * sigmoid(-u))],
    "exp-over-expm1": [
        (y * exp(u) / expm1(u), -y / expm1(-u)),
        (exp(u) / expm1(u) ** 2, -1 / (expm1(u) * expm1(-u))),
        (exp(2 * u) / expm1(u) ** 3, 1 / (expm1(u) * expm1(-u) ** 2)),
        ((y * exp(u) - z) / expm1(u), y * exp(u) / expm1(u) - z / expm1(u)),
    ],
    "sigmoid-quotient": [(sigmoid(u) / sigmoid(-u), exp(u))],
    "log-sigmoid-difference": [
        (log(sigmoid(u + c) - sigmoid(u)), log1mexp(c) - softplus(-u - c) - softplus(u)),
        (log(a * sigmoid((u + c) / d) - a * sigmoid((u - c) / d)),
         log(a) + log1mexp(2 * c / d) - softplus(-u / d - c / d) - softplus((u - c) / d)),
    ],
    "sigmoid-difference": [
        (y * sigmoid(u + c) - y * sigmoid(u) + z,
         z + y * tanh(c / 2) * (sigmoid(u + c) * sigmoid(-u) + sigmoid(u) * sigmoid(-u - c))),
    ],
    "softplus-difference": [(softplus(u) - softplus(-u), u), (y * softplus(-u) - y * softplus(u) + z, z - u * y)],
    "reflect-product": [(y * sigmoid(u) * sigmoid(-u), y * sigmoid(u) * (1 - sigmoid(u)))],
    "reflect-sum": [(y * sigmoid(-u) - (1 - y) * sigmoid(u), y - sigmoid(u))],
    "sign-products": [
        (u * sign(u), Abs(u)), (Abs(u) * sign(u), u), (y * u / Abs(u), y * sign(u)), (Abs(u) / u, sign(u))
    ],
    "sign-powers": [(sign(u) ** 3, sign(u)), (sign(u) ** 6, sign(u) ** 2)],
    "step-argument": [
        (step(c * u - (c - 1) * u), step(u)), (step(u / c), step(u)), (sign(c * u + d * c * u), sign(u)),
        (step(c * u - c * v), step(u - v)),
    ],
    "relu-multiple": [(relu(c * u), c * relu(u)), (relu(2 * u / c), 2 / c * relu(u))],
    "relu-indicator": [
        (2 * relu(u) * where(less(0, u), y, z), 2 * y * relu(u)),
        (sqrt(relu(u)) * where(less(0, u), 1, 0), sqrt(relu(u))),
    ],
    "step-reflection": [(c * step(u) + (c - 1) * step(-u), c - 1 + step(u))],
    "maximum-step": [(y * maximum(0, 1 - u) * step(1 - u), y * maximum(0, 1 - u))],
    "normpdf": [
        (exp(-(u**2) / 2) / sqrt(2 * pi), normpdf(u)),
        (exp(-((u - v) ** 2) / 2 / c**2) / sqrt(2 * pi) / c, normpdf((u - v) / c) / c),
    ],
    "normcdf": [((1 + erf(u / sqrt(2))) / 2, normcdf(u)), (y / 2 + y * erf(u / sqrt(2)) / 2, y * normcdf(u))],
    "normcdf-erfc": [(y * erfc(-u / sqrt(2)), 2 * y * normcdf(u))] if isinstance(erfc(-u), erfc) else
                    [(y * erfc(u / sqrt(2)), 2 * y * normcdf(-u))],
    "one-minus": [
        (1 - sigmoid(u), sigmoid(-u)),
        (sigmoid(u) - sigmoid(u) ** 2, sigmoid(u) * sigmoid(-u)),
        (y * sigmoid(u) - y + z, z - y * sigmoid(-u)),
        (1 - tanh(u) ** 2, sech2(u)),
        (tanh(u) ** 2 - 1, -sech2(u)),
        (1 - tanh(u), 2 * sigmoid(-2 * u)),
        (exp(u) - 1, expm1(u)),
        (c - c * exp(u), -c * expm1(u)),
        (y - y * exp(u - v), -y * expm1(u - v)),
        (1 - normcdf(u), normcdf(-u)),
        (1 - sp.cos(u), 2 * sin(u / 2) ** 2),
        (1 - sin(u) ** 2, sp.cos(u) ** 2),
        (1 - erf(u), erfc(u)),
        (1 - sech2(u), tanh(u) ** 2),
    ],
    "one-plus": [
        (1 + tanh(u), 2 * sigmoid(2 * u)),
        (1 + expm1(u), exp(u)),
        (y + y * erf(u), 2 * y * normcdf(sqrt(2) * u)),
        (1 + sp.cos(u), 2 * sp.cos(u / 2) ** 2),
    ],
    "log-exponentials": [
        (log(1 + exp(u)), softplus(u)),
        (log(c + exp(u)), logaddexp(log(c), u)),
        (log(exp(u) + exp(v)), logaddexp(u, v)),
        (log(1 + exp(u) + c * exp(v)), logaddexp(softplus(u), v + log(c))),
    ],
    "log-function": [
        (log(sigmoid(u)), -softplus(-u)),
        (log(sech2(u)), -2 * logcosh(u)),
        (log(cosh(u)), logcosh(u)),
        (log(normcdf(u)), lognormcdf(u)),
        (log(normpdf(u)), -(u**2) / 2 - log(2 * pi) / 2),
        (log(erfc(u)), log(2) + lognormcdf(-sqrt(2) * u)),
    ],
    "log-product": [
        (log(c * sigmoid(u)), log(c) + log(sigmoid(u))),
        (log(y * exp(u)), u + log(y)),
        (log(c / (1 + exp(u))), log(c) + log(1 / (1 + exp(u)))),
    ],
    "log-choice": [(log(where(less(0, y), c, d)), where(less(0, y), log(c), log(d)))],
    "exp-minus-softplus": [(exp(-2 * softplus(u)), sigmoid(-u) ** 2), (exp(v - softplus(u)), exp(v) * sigmoid(-u))],
    "exp-softplus-sigmoid": [
        (y * exp(v + softplus(u)) * sigmoid(u), y * exp(u + v)),
        (exp(2 * softplus(u)) * sigmoid(-u), exp(softplus(u))),
    ],
    "log-power": [(log(u**3), 3 * log(u)), (log(sqrt(u)), log(u) / 2), (log(sigmoid(u) ** 2), 2 * log(sigmoid(u)))],
    "log1mexp": [(log(-expm1(-c)), log1mexp(c)), (log(expm1(c)), c + log1mexp(c))],
    "log1p": [(log(1 + u**2), log1p(u**2)), (log(1 - p), log1p(-p)), (log(1 + u + v), log1p(u + v))],
    "inverse-mills": [
        (normpdf(u) / normcdf(u), inverse_mills(u)),
        (y * normpdf(u) / normcdf(-u) ** 2, y * inverse_mills(-u) / normcdf(-u)),
    ],
    "inverse-mills-exp": [(exp(-(u**2) / 2) / normcdf(u), sqrt(2 * pi) * inverse_mills(u))],
}  # fmt: skip

#: For each identity, expressions that look alike and must stay.
STAYS: dict[str, list[Expr]] = {
    "tanh-ratio": [(exp(u) - exp(v)) / (exp(u) + 2 * exp(v)), (exp(u) - 2) / (exp(u) + 1), exp(u) - exp(-u)],
    "sigmoid-ratio": [
        1 / (c + exp(u)), exp(u) / (c + exp(u)), exp(u) / (y + exp(u)), exp(2 * u) / (1 + exp(u)), 1 / (1 - exp(u)),
    ],
    "stable-sigmoid-ratio": [exp(u) / (y + exp(u)), 1 / (1 - exp(u)), exp(u) / c, 1 / (1 + c)],
    "merge-exponentials": [exp(u), exp(u) + exp(v), y * exp(u)],
    "merge-powers": [c**a * d, u**2 * v**3, c**a / d, c**a],
    "factor-exponentials": [exp(2 * u) + exp(u) + 1, 1 + exp(u)],
    "sinh-over-cosh": [sinh(u) / cosh(v), sinh(u) * cosh(u), cosh(u) / sinh(u)],
    "sin-over-cos": [sin(u) / sp.cos(v), sin(u) * sp.cos(u)],
    "softplus": [log(2 + exp(u)), log(1 + 2 * exp(u)), log(1 - exp(u)), log(1 + u)],
    "log1p-by-name": [log1p(u), log1p(sigmoid(u)), log1p(-exp(u) * y)],
    "log-exp-product": [log(c), log(c + exp(u))],
    "exp-softplus": [exp(softplus(u) * y), exp(u), exp(softplus(u) / 2)],
    "exp-times-sigmoid": [exp(u) * sigmoid(u), exp(-v) * sigmoid(u), exp(-u) / sigmoid(u)],
    "stable-exp-times-sigmoid": [exp(u) * sigmoid(u)],
    "exp-over-expm1": [exp(u) / expm1(v) ** y, exp(u) * expm1(u), 1 / expm1(u), exp(-u) / expm1(u)],
    "sigmoid-quotient": [sigmoid(u) / sigmoid(v), sigmoid(u) * sigmoid(-u)],
    "log-sigmoid-difference": [
        log(sigmoid(u) - sigmoid(v)), log(sigmoid(u + c) + sigmoid(u)), log(sigmoid(u + c) - sigmoid(u) + z),
        log(y * sigmoid(u + c) - y * sigmoid(u)),
    ],
    "sigmoid-difference": [sigmoid(u) - sigmoid(v), sigmoid(u + c) + sigmoid(u), sigmoid(u + c) - y * sigmoid(u)],
    "softplus-difference": [softplus(u) + softplus(-u), 2 * softplus(u) - softplus(-u), softplus(u) - softplus(v)],
    "reflect-product": [sigmoid(u) * sigmoid(v), sigmoid(u) ** 2],
    "reflect-sum": [sigmoid(u) + y * sigmoid(-u), sigmoid(u) - sigmoid(v)],
    "sign-products": [sign(u) ** 2, u * sign(v), u / sign(v), u * Abs(u)],
    "sign-powers": [sign(u) ** 2, sign(u), 1 / sign(u) ** 3],
    "step-argument": [step(u), step(y * u), sign(u - v), step(c - u)],
    "relu-multiple": [relu(u), relu(y * u), relu(u - v)],
    "relu-indicator": [
        relu(u) * where(less(u, 0), y, z), relu(v) * where(less(0, u), y, z), where(less(0, u), y, z) / relu(u),
    ],
    "step-reflection": [step(u) + 3 * step(v), step(u) + y * z * step(-u)],
    "maximum-step": [maximum(0, u) * step(-u), maximum(c, u) * step(u), step(u)],
    "normpdf": [exp(-(u**2)) / sqrt(2 * pi), exp(u**2 / 2) / sqrt(2 * pi), exp(-(u**2) / 2), u / sqrt(2 * pi)],
    "normcdf": [1 + erf(u), 1 - erf(u / sqrt(2)), 2 + erf(u / sqrt(2))],
    "normcdf-erfc": [y * erfc(u), y * erf(u / sqrt(2))],
    "one-minus": [2 - sigmoid(u), 1 + sigmoid(u), y - sigmoid(u), 1 - tanh(u) ** 3, 1 - log(c), u - u**2],
    "one-plus": [1 + exp(u), 2 + tanh(u), 1 + sigmoid(u), u + u**2],
    "log-exponentials": [log(y + exp(u)), log(1 - exp(u)), log(1 + c), log(exp(u) - exp(v))],
    "log-function": [log(tanh(u)), log(c), log(1 + sigmoid(u))],
    "log-product": [log(c * d), log(y * u)],
    "log-choice": [log(where(less(0, y), c, 0)), where(less(0, y), log(c), 0)],
    "exp-minus-softplus": [exp(softplus(u)), exp(-softplus(u) / 2)],
    "exp-softplus-sigmoid": [exp(softplus(u)) * sigmoid(v), exp(-softplus(u)) * sigmoid(u), sigmoid(u)],
    "log-power": [log(u**2), log(y**4), log(u)],
    "log1mexp": [log(2 * expm1(c)), log(c), log1p(expm1(c))],
    "log1p": [log(2 + u), log(u), log(1 + sqrt(2)), log(c + u), log(1 - sigmoid(u))],
    "inverse-mills": [normpdf(u) / normcdf(v), normpdf(u) * normcdf(u), normcdf(u) / normpdf(u)],
    "inverse-mills-exp": [exp(-(u**2)) / normcdf(u), exp(u) / normcdf(u)],
}


def values(expr: Expr, seed: int) -> sp.Float:
    draw = random.Random(seed)
    point = {symbol: Rational(draw.randint(-300, 300), 100) for symbol in (u, v, z, y)}
    point |= {symbol: Rational(draw.randint(30, 300), 100) for symbol in (a, b, c, d)}
    point[p] = Rational(draw.randint(5, 95), 100)
    return sp.N(expanded(expr).subs(point), 40)


def assert_equal(left: Expr, right: Expr) -> None:
    compared = 0
    for seed in range(24):
        if compared == 4:
            break
        one, two = values(left, seed), values(right, seed)
        if not (one.is_real and two.is_real):
            continue  # outside the domain of a logarithm
        assert abs(one - two) <= sp.Float("1e-30", 40) * (1 + abs(one)), (left, right, one, two)
        compared += 1
    assert compared >= 2, f"{left} was compared at {compared} points only"


def test_every_identity_has_cases() -> None:
    assert set(FIRES) == set(ALL) == set(STAYS)


@pytest.mark.parametrize("name", sorted(ALL))
def test_identity_fires_and_is_true(name: str) -> None:
    for before, after in FIRES[name]:
        result = ALL[name].apply(before)
        assert result is not None, before
        assert sp.expand(result - after) == 0, (before, result)
        assert_equal(before, result)


@pytest.mark.parametrize("name", sorted(ALL))
def test_identity_stays_away(name: str) -> None:
    for expr in STAYS[name]:
        assert ALL[name].apply(expr) in (None, expr), expr


@pytest.mark.parametrize("identities", [READABLE, STABLE], ids=["readable", "stable"])
def test_rewriting_keeps_values_and_ends(identities: tuple[Identity, ...]) -> None:
    for pairs in FIRES.values():
        for before, _ in pairs:
            result, used = rewrite(before * y + z, identities)
            assert rewrite(result, identities)[0] == result
            assert set(used) <= set(ALL)
            assert_equal(before * y + z, result)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (-y * log(sigmoid(z)) - (1 - y) * log(1 - sigmoid(z)), y * softplus(-z) + (1 - y) * softplus(z)),
        (log(1 / (1 + exp(-z))), -softplus(-z)),
        (log(1 - 1 / (1 + exp(-z))), -softplus(z)),
        (log(exp(u) / (exp(u) + exp(v))), -softplus(v - u)),
        (log(sigmoid(u) / (1 - sigmoid(u))), u),
        (exp(u) / (exp(2 * u) + 2 * exp(u) + 1), sigmoid(u) * sigmoid(-u)),
        (log(1 - exp(-exp(u))), log1mexp(exp(u))),
        (u * tanh(log(1 + exp(u))), u * tanh(softplus(u))),
        (log(sqrt(2) * exp(-(u**2) / 2) / (2 * sqrt(pi))), -(u**2) / 2 - log(2 * pi) / 2),
        (log(c * exp(u) + d * exp(v)), logaddexp(u + log(c), v + log(d))),
    ],
)
def test_stable_forms(before: Expr, after: Expr) -> None:
    result, _ = rewrite(before, STABLE)
    assert sp.expand(result - after) == 0
    assert_equal(before, result)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (-y * exp(-y * u) / (1 + exp(-y * u)), -y * sigmoid(-y * u)),
        (y / (1 + exp(u)) + (y - 1) * exp(u) / (1 + exp(u)), y - sigmoid(u)),
        (exp(-u) / (1 + exp(-u)) ** 2, sigmoid(u) * (1 - sigmoid(u))),
        (log(1 - sigmoid(u)), log(1 - sigmoid(u))),
    ],
)
def test_readable_forms(before: Expr, after: Expr) -> None:
    result, _ = rewrite(before, READABLE)
    assert sp.expand(result - after) == 0


def test_used_identities_are_reported_in_order() -> None:
    assert rewrite(log(1 - sigmoid(u)), STABLE)[1] == ("one-minus", "log-function")
    assert rewrite(u + v, STABLE) == (u + v, ())


def test_indices_and_lazy_branches_survive() -> None:
    x = Input("x", (dim("n"),))[free_index(0),]
    assert rewrite(where(less(0, x), log(1 + exp(x)), 0), STABLE)[0] == where(less(0, x), softplus(x), 0)


def test_a_false_identity_is_caught() -> None:
    with pytest.raises(AssertionError):
        assert_equal(log(1 + exp(u)), softplus(u) + Rational(1, 10**12))
