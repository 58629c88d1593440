"""Standardised variables: functions of an observation and the parameters that have a gamma or a beta distribution.

A part ``w(x; theta)`` of the log-density is inverted, and the density of ``u = w`` or ``u = 1/(1 + w)`` read off:
``a log u - b u`` is a gamma distribution, ``a log u + b log(1 - u)`` a beta distribution, of which expectations
of powers and logarithms are derivatives of gamma functions.

Source: Lehmann and Casella, Theory of Point Estimation (1998), section 2.5 on information in transformed variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from sympy import Abs, Add, Expr, Mul, Pow, Rational, S, Symbol, exp, log

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.program import Definition, Ref
from chainrule.learning.probability.model import Model

#: The standardised variable, and the sign of what was squared or made positive.
U, SIDE = Symbol("u", positive=True), Symbol("side", real=True)
#: Stands for ``1 - u`` where that is positive, so that powers of it are not multiplied out.
REST = Symbol("rest", positive=True)
#: What expectations are taken of, to powers.
PARTS = (U, REST, log(U), log(REST))
#: Candidates that are tried.
MAX_CANDIDATES = 40


@dataclass(frozen=True)
class Pivot:
    """A standardised variable.

    Attributes:
        variable: what it is, in the observation and the parameters.
        inverse: the observation in the standardised variable; reads ``SIDE`` where both signs have the same value.
        first, second: the parameters of its distribution.
        beta: whether that is the beta distribution, else the gamma distribution with a rate.
        sides: the number of observations that have the same value.
    """

    variable: Expr
    inverse: Expr
    first: Expr
    second: Expr
    beta: bool
    sides: int


def scalar_log_density(m: Model) -> Expr:
    """The log-density as an expression of symbols.

    Raises:
        UnsupportedError: variable or parameters are no numbers.
    """
    known: dict[Expr, Expr] = {}
    for item in m.density.program.definitions:
        if item.shape or item.reduce:
            raise UnsupportedError("this is derived for distributions of one number with parameters that are numbers")
        known[item[()]] = item.body.xreplace(known)
    output = m.density.program.output
    body = known[output[()]] if isinstance(output, Definition) else output[()]
    return body.xreplace({ref: ref.args[0] for ref in body.atoms(Ref)})


def elementary(body: Expr) -> Expr:
    """Functions of the catalogue by their definitions, in exponentials, powers and logarithms."""
    while body.has(CatalogFunction):
        body = body.replace(lambda e: isinstance(e, CatalogFunction), lambda e: e.entry.expanded(*e.args))
    return body.rewrite([sp.cosh, sp.sinh, sp.tanh], exp)


def pivots(m: Model) -> Iterator[Pivot]:
    """Standardised variables that are found among the parts of the log-density."""
    x, body = m.variable.head, elementary(scalar_log_density(m))
    for part in _candidates(body, x):
        for variable, value, beta in ((part, U, False), (part, U, True), (1 / (1 + part), (1 - U) / U, True)):
            inverse, sides = inverted(part, x, value)
            if inverse is None:
                continue
            found = _recognised(body, x, inverse, beta)
            if found is not None:
                yield Pivot(variable, inverse, *found, beta, sides)


def _candidates(body: Expr, x: Symbol) -> list[Expr]:
    """Parts in which the variable stands once, the largest ones first, and the squares of exponentials."""
    parts: dict[Expr, None] = {}
    for part in sp.postorder_traversal(body):
        if not part.has(x) or part.has(log) or sum(1 for leaf in sp.preorder_traversal(part) if leaf == x) != 1:
            continue
        if part == x or isinstance(part, Pow | exp | Abs | Mul):
            plain = part.as_independent(x, as_Add=False)
            unsigned = -part if plain[0].is_negative else part
            parts |= dict.fromkeys([unsigned, unsigned.as_coeff_Mul()[1]])
            parts |= dict.fromkeys([unsigned**2] if isinstance(part, exp) else [])
    return sorted(parts, key=lambda part: -sp.count_ops(part))[:MAX_CANDIDATES]


def inverted(part: Expr, x: Symbol, value: Expr) -> tuple[Expr | None, int]:
    """What the variable is where a part in which it stands once has a value, and how many signs it may have."""
    sides = 1
    while part != x:
        if isinstance(part, Add | Mul):
            rest, inner = part.as_independent(x, as_Add=isinstance(part, Add))
            part, value = inner, (value - rest if isinstance(part, Add) else value / rest)
        elif isinstance(part, Pow) and not part.exp.has(x):
            even = part.exp.is_Integer and part.exp % 2 == 0 and not part.base.is_positive
            part, value, sides = _rooted(part.base, value ** (1 / part.exp), even, sides)
        elif isinstance(part, Abs):
            part, value, sides = _rooted(part.args[0], value, not part.args[0].is_positive, sides)
        elif isinstance(part, exp):
            part, value = part.args[0], log(value)
        elif isinstance(part, log):
            part, value = part.args[0], exp(value)
        else:
            return None, 0
    return (value, sides) if sides < 4 else (None, 0)


def _rooted(part: Expr, value: Expr, both: bool, sides: int) -> tuple[Expr, Expr, int]:
    return (part, SIDE * value, 2 * sides) if both else (part, value, sides)


def _recognised(body: Expr, x: Symbol, inverse: Expr, beta: bool) -> tuple[Expr, Expr] | None:
    """The parameters of the distribution of the standardised variable, if its log-density has the form."""
    one_side = inverse.xreplace({SIDE: S.One})
    slope = one_side.diff(U)
    if slope == 0 or not _fits(body.xreplace({x: one_side}), slope, beta):
        return None
    slope = tidy(slope)
    other = elementary(body).xreplace({x: inverse.xreplace({SIDE: S.NegativeOne})})
    density = in_standard(body.xreplace({x: one_side}) + log(Abs(slope)), beta)
    if inverse.has(SIDE) and in_standard(other + log(Abs(slope)), beta) != density:
        return None
    logs, rest = density.coeff(log(U)), density
    rest = sp.expand(density - logs * log(U))
    last = rest.coeff(log(REST)) if beta else -rest.coeff(U)
    rest = sp.expand(rest - last * log(REST) if beta else rest + last * U)
    if any(part.has(U, REST) for part in (rest, logs, last)):
        return None
    first, second = sp.factor(logs + 1), sp.factor(last + 1 if beta else last)
    if first.is_nonpositive or second.is_nonpositive:
        return None
    constant = rest + sp.log(2 if inverse.has(SIDE) else 1)
    return (first, second) if _whole(constant - normaliser(first, second, beta)) else None


def _fits(there: Expr, slope: Expr, beta: bool) -> bool:
    """Whether the log-density has the form at some numbers, which is quickly seen."""
    symbols = sorted((there.free_symbols | slope.free_symbols) - {U}, key=str)
    at = {symbol: Rational(3 + 2 * place, 11 + 3 * place) for place, symbol in enumerate(symbols)}
    rows, values = [], []
    for u in np.linspace(0.15, 0.85, 5) * (1 if beta else 3):
        here = {**at, U: sp.Float(u)}
        value = sp.N(there.xreplace(here)) + sp.N(sp.log(Abs(slope.xreplace(here))))
        if not (value.is_Float or value == 0):
            return False
        rows.append([1.0, np.log(u), np.log1p(-u) if beta else u])
        values.append(float(value))
    left = np.array(values) - np.array(rows) @ np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return bool(np.max(np.abs(left)) < 1e-8 * max(1.0, np.max(np.abs(values))))


def normaliser(a: Expr, b: Expr, beta: bool) -> Expr:
    """The constant in the logarithm of the density of a beta or a gamma distribution."""
    if beta:
        return sp.loggamma(a + b) - sp.loggamma(a) - sp.loggamma(b)
    return a * sp.log(b) - sp.loggamma(a)


def _whole(missing: Expr) -> bool:
    """Whether nothing is missing from the constant: the variable takes all values that the distribution has."""
    symbols = sorted(missing.free_symbols, key=str)
    for start in (3, 7):
        at = {symbol: Rational(start + 2 * place, 4) for place, symbol in enumerate(symbols)}
        value = sp.N(missing.xreplace(at), 20)
        if not (value.is_real and abs(value) < 1e-12):
            return False
    return True


def in_standard(body: Expr, beta: bool) -> Expr:
    """A sum of products of powers and logarithms of ``U``, and of ``REST`` between 0 and 1, as far as it is one."""
    found = tidy(body.xreplace({Abs(SIDE): S.One, sp.sign(SIDE): SIDE}))
    found = _complemented(found) if beta else found
    found = found.replace(lambda e: isinstance(e, Abs), lambda e: e.args[0] if e.args[0].is_positive else e)
    found = found.replace(lambda e: isinstance(e, log), lambda e: sp.expand_log(log(_powers(e.args[0])), force=True))
    return sp.expand(_powers(sp.expand(_powers(found))))


def _complemented(body: Expr) -> Expr:
    """``1 - u`` and ``u - 1`` by the symbol of the former."""
    return body.replace(
        lambda e: isinstance(e, Add) and e in (1 - U, U - 1), lambda e: REST if e == 1 - U else -REST
    ).replace(lambda e: isinstance(e, Abs), lambda e: Abs(e.args[0]))


def _powers(body: Expr) -> Expr:
    """Powers of products and powers taken apart; the sign of a side is its own inverse."""
    found = sp.powdenest(sp.expand_power_base(sp.expand_power_exp(body), force=True), force=True)
    return sp.powsimp(found.xreplace({SIDE**2: S.One, SIDE**3: SIDE, SIDE**4: S.One}), force=False)


def tidy(body: Expr) -> Expr:
    """Every sum over a common denominator, from the inside out."""
    if not body.args or not body.has(U):
        return body
    found = body.func(*(tidy(arg) for arg in body.args))
    if isinstance(found, Add) and not found.has(log):
        return sp.factor(sp.together(_powers(found)))
    if isinstance(found, Pow):
        return _powers(found)
    return found


def monomials(body: Expr, beta: bool) -> list[tuple[Expr, tuple[Expr, Expr, int, int]]] | None:
    """Coefficients, with the powers of ``u`` and ``1 - u`` and of the logarithms of both; ``None`` if it is no sum."""
    found = []
    for term in Add.make_args(in_standard(body, beta)):
        factor, rest = term.as_independent(U, REST, as_Add=False)
        powers: list[Expr] = [S.Zero, S.Zero, S.Zero, S.Zero]
        for base, exponent in (part.as_base_exp() for part in Mul.make_args(rest)):
            if base == 1:
                continue
            if base not in PARTS or exponent.has(U, REST):
                return None
            powers[PARTS.index(base)] += exponent
        if not all(p.is_Integer and p >= 0 for p in powers[2:]):
            return None
        found.append((factor, (powers[0], powers[1], int(powers[2]), int(powers[3]))))
    return found


def moment(p: Pivot, powers: tuple[Expr, Expr, int, int]) -> Expr:
    """The expectation of ``u^i (1 - u)^j log(u)^k log(1 - u)^l``."""
    i, j, k, n = powers
    s, t = sp.Dummy("s"), sp.Dummy("t")
    a, b = p.first, p.second
    if p.beta:
        ratios = [sp.gamma(a + s) / sp.gamma(a), sp.gamma(b + t) / sp.gamma(b)]
        whole = sp.Mul(*ratios) * sp.gamma(a + b) / sp.gamma(a + b + s + t)
    elif j == 0 and n == 0:
        whole = sp.gamma(a + s) / sp.gamma(a) * b ** (-s)
    else:
        raise UnsupportedError("the expectation has no form in gamma functions")
    derived = whole.diff(s, k) if k else whole
    derived = derived.diff(t, n) if n else derived
    return derived.xreplace({s: i, t: j})


def written(body: Expr, positive: Sequence[Expr] = ()) -> Expr:
    """An expression in gamma and polygamma functions in a short form; arguments that are positive are kept so."""
    found = sp.gammasimp(sp.expand_func(body.replace(sp.polygamma, _shifted)))
    found = sp.expand(sp.expand_func(found.replace(sp.polygamma, _shifted)))
    found = found.replace(sp.gamma, lambda z: _raised(z, positive))
    special = sorted(found.atoms(sp.polygamma), key=str)
    forms = [sp.factor(sp.together(found)), sp.collect(found, special, sp.factor)]
    return min(forms, key=lambda form: (sp.count_ops(form), str(form)))


def _raised(argument: Expr, positive: Sequence[Expr]) -> Expr:
    """``Gamma(z) = Gamma(z + k)/(z (z + 1) .. (z + k - 1))`` where only ``z + k`` is known to be positive."""
    for known in positive:
        steps = sp.expand(known - argument)
        if steps.is_Integer and steps > 0:
            return sp.gamma(known) / sp.Mul(*(argument + i for i in range(int(steps))))
    return sp.gamma(argument)


def _shifted(order: Expr, argument: Expr) -> Expr:
    """``psi_n(z + j) = psi_n(z) + (-1)^n n! sum_{i < j} (z + i)^(-n - 1)``, the number in the argument below 1."""
    number, rest = argument.as_coeff_Add()
    steps = int(sp.floor(number)) if rest != 0 else int(sp.ceiling(number)) - 1
    if steps <= 0:
        return sp.polygamma(order, argument)
    lower = argument - steps
    added = sum((lower + i) ** (-order - 1) for i in range(steps))
    return sp.polygamma(order, lower) + S.NegativeOne**order * sp.factorial(order) * added
