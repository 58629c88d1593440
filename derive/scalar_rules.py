"""The rules behind the identities: each takes a node and gives its other form, or None."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp
from sympy import Add, Expr, Mul, Pow, S, cosh, erf, erfc, exp, log, tanh

from chainrule.derive.catalog import elementwise as fn
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.exponentials import (
    exponential_sum,
    factored_exponentials,
    log_of_sum,
    opened,
    quotient,
    split_exponential,
)
from chainrule.derive.scalar import where

# ---- pieces of products and sums -----------------------------------------------------------------


def factors_of(node: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Base and exponent of every factor."""
    for factor in Mul.make_args(node):
        yield (factor.base, factor.exp) if isinstance(factor, Pow) else (factor, S.One)


def applications(node: Expr, entry: Elementwise) -> list[tuple[Expr, Expr]]:
    """Argument and exponent of every factor that applies a one-argument function of the catalogue."""
    return [(base.args[0], power) for base, power in factors_of(node) if base.func == entry.function]


def _argument(node: Expr, entry: Elementwise) -> Expr | None:
    return node.args[0] if node.func == entry.function else None


# ---- exponentials ------------------------------------------------------------------------------------


def merge_exponentials(node: Expr) -> Expr | None:
    """``e^a e^b = e^(a + b)``."""
    if not isinstance(node, Mul) or sum(isinstance(arg, exp) for arg in node.args) < 2:
        return None
    rest, exponent = split_exponential(node)
    return rest * exp(exponent)


def merge_powers(node: Expr) -> Expr | None:
    """``x^a / x = x^(a - 1)``, which is right at 0, too: powers of one base with a variable exponent."""
    powers: dict[Expr, list[Expr]] = {}
    for base, power in factors_of(node) if isinstance(node, Mul) else ():
        powers.setdefault(base, []).append(power)
    several = {base for base, found in powers.items() if len(found) > 1 and not all(p.is_number for p in found)}
    if not several:
        return None
    return Mul(*(base ** Add(*found) if base in several else base ** found[0] for base, found in powers.items()))


def factor_exponentials(node: Expr) -> Expr | None:
    """A polynomial in an exponential as a product."""
    return factored_exponentials(node) if isinstance(node, Add) else None


def _cancel_against(node: Expr, top: Any, bottom: Any, quotient: Any) -> Expr | None:
    """``top(u)**a / bottom(u)**b`` with ``quotient = top/bottom`` taken out as often as possible."""
    if not isinstance(node, Mul):
        return None
    powers = {base: power for base, power in factors_of(node) if isinstance(base, top | bottom)}
    for base, power in powers.items():
        mate = bottom(base.args[0])
        below = powers.get(mate, S.Zero)
        if isinstance(base, top) and power.is_positive and below.is_negative:
            times = min(power, -below)
            return node * (mate / base) ** times * quotient(base.args[0]) ** times
    return None


def sinh_over_cosh(node: Expr) -> Expr | None:
    """``sinh(u)/cosh(u) = tanh(u)``."""
    return _cancel_against(node, sp.sinh, cosh, tanh)


def sin_over_cos(node: Expr) -> Expr | None:
    """``sin(u)/cos(u) = tan(u)``."""
    return _cancel_against(node, sp.sin, sp.cos, sp.tan)


def exp_softplus(node: Expr) -> Expr | None:
    """``exp(a + k softplus(u))``: the softplus leaves the exponential."""
    return _without_softplus(node, rising=True)


def exp_minus_softplus(node: Expr) -> Expr | None:
    """``exp(a - k softplus(u))``: the softplus leaves the exponential as what is between 0 and 1."""
    return _without_softplus(node, rising=False)


def _without_softplus(node: Expr, *, rising: bool) -> Expr | None:
    if not isinstance(node, exp):
        return None
    for term in Add.make_args(node.args[0]):
        count, rest = term.as_coeff_Mul()
        u = _argument(rest, fn.softplus)
        if u is not None and count.is_Integer and (rising or count < 0):
            factor = fn.sigmoid(-u) ** -count if count < 0 else (1 + exp(u)) ** count
            return exp(node.args[0] - term) * factor
    return None


def exp_softplus_times_sigmoid(node: Expr) -> Expr | None:
    """``exp(softplus(u)) sigmoid(u) = exp(u)``, without the exponential that may be infinite."""
    rest, exponent = split_exponential(node) if isinstance(node, Mul) else (node, S.Zero)
    terms = Add.make_args(exponent)
    for u, power in applications(rest, fn.sigmoid):
        for inside, change in ((u, u), (-u, S.Zero)):
            counts = (term / fn.softplus(inside) for term in terms)
            risen = any(count.is_Integer and count > 0 for count in counts)
            if risen and power.is_Integer and power > 0:
                return rest / fn.sigmoid(u) * exp(exponent - fn.softplus(inside) + change)
    return None


def exp_times_sigmoid(node: Expr) -> Expr | None:
    """``exp(-u) sigmoid(u) = sigmoid(-u)``."""
    if not isinstance(node, Mul):
        return None
    rest, exponent = split_exponential(node)
    for u, power in applications(rest, fn.sigmoid):
        if power.is_Integer and power > 0 and exponent == -u:
            return rest * fn.sigmoid(-u) / fn.sigmoid(u)
    return None


def sigmoid_quotient(node: Expr) -> Expr | None:
    """``sigmoid(u)/sigmoid(-u) = exp(u)``."""
    powers = dict(applications(node, fn.sigmoid)) if isinstance(node, Mul) else {}
    for u, power in powers.items():
        other = powers.get(-u, S.Zero)
        if power.is_Integer and other.is_Integer and power > 0 > other:
            return node * fn.sigmoid(-u) / fn.sigmoid(u) * exp(u)
    return None


def exp_over_expm1(node: Expr) -> Expr | None:
    """``exp(u)/expm1(u) = -1/expm1(-u)``, for every power of the denominator and every term above it."""
    below = [(u, -power) for u, power in applications(node, fn.expm1) if power.is_Integer and power < 0]
    if not below or not isinstance(node, Mul):
        return None
    terms = opened(node)
    if terms:
        return Add(*terms)
    rest, exponent = split_exponential(node)
    for u, power in below if exponent != 0 else ():
        # So many factors exp(u)/expm1(u) as leave the shortest exponential.
        left = [sp.expand(exponent - k * u) for k in range(power + 1)]
        k = min(range(power + 1), key=lambda count: (left[count] != 0, left[count].count_ops()))
        if k:
            return rest * exp(left[k]) * (-fn.expm1(u) / fn.expm1(-u)) ** k
    return None


def softplus_difference(node: Expr) -> Expr | None:
    """``c softplus(u) - c softplus(-u) = c u``."""
    terms = set(node.args) if isinstance(node, Add) else set()
    for term in terms:
        for u, power in applications(term, fn.softplus):
            mate = -term / fn.softplus(u) * fn.softplus(-u)
            if power == 1 and mate in terms:
                return node - term - mate + term / fn.softplus(u) * u
    return None


# ---- one minus something ---------------------------------------------------------------------------------


def _complement(f: Expr) -> Expr | None:
    """A form of ``1 - f`` that does not cancel."""
    base, table = (f.base, _SQUARE_COMPLEMENTS) if isinstance(f, Pow) and f.exp == 2 else (f, _COMPLEMENTS)
    form = table.get(base.func)
    return None if form is None else form(base.args[0])


_SQUARE_COMPLEMENTS: dict[type, Callable[[Expr], Expr]] = {
    tanh: lambda u: fn.sech2(u),
    sp.cos: lambda u: sp.sin(u) ** 2,
    sp.sin: lambda u: sp.cos(u) ** 2,
}


_COMPLEMENTS: dict[type, Callable[[Expr], Expr]] = {
    fn.sigmoid.function: lambda u: fn.sigmoid(-u),
    fn.normcdf.function: lambda u: fn.normcdf(-u),
    exp: lambda u: -fn.expm1(u),
    tanh: lambda u: 2 * fn.sigmoid(-2 * u),
    erf: lambda u: erfc(u),
    erfc: lambda u: erf(u),
    fn.sech2.function: lambda u: tanh(u) ** 2,
    sp.cos: lambda u: 2 * sp.sin(u / 2) ** 2,
}

_SUPPLEMENTS: dict[type, Callable[[Expr], Expr]] = {
    fn.expm1.function: lambda u: exp(u),
    tanh: lambda u: 2 * fn.sigmoid(2 * u),
    erf: lambda u: 2 * fn.normcdf(sp.sqrt(2) * u),
    sp.cos: lambda u: 2 * sp.cos(u / 2) ** 2,
}


def _pieces(term: Expr) -> Iterator[Expr]:
    """The functions in a term that may stand against one: each factor once, and its square."""
    for base, power in factors_of(term):
        if base.args and power.is_Integer and power > 0:
            yield base
            if power > 1:
                yield base**2


def one_minus(node: Expr) -> Expr | None:
    """``T - T f``, wherever it stands in a sum, in a form that does not cancel."""
    terms = set(node.args) if isinstance(node, Add) else set()
    for term in sorted(terms, key=sp.default_sort_key):
        for piece in _pieces(term):
            form, rest = _complement(piece), quotient(term, piece)
            if form is not None and -rest in terms:
                return node - term + rest - rest * form
    return None


def one_plus(node: Expr) -> Expr | None:
    """``T + T f``, wherever it stands in a sum."""
    terms = set(node.args) if isinstance(node, Add) else set()
    for term in sorted(terms, key=sp.default_sort_key):
        for piece in _pieces(term):
            form, rest = _SUPPLEMENTS.get(piece.func), quotient(term, piece)
            if form is not None and rest in terms:
                return node - term - rest + rest * form(piece.args[0])
    return None


# ---- logarithms ----------------------------------------------------------------------------------------------


def softplus_of_sum(node: Expr) -> Expr | None:
    """``log(1 + exp(u))``."""
    groups = exponential_sum(node.args[0]) if isinstance(node, log) else None
    if groups is None or len(groups) != 2 or groups[0] != (S.One, S.Zero) or groups[1][0] != 1:
        return None
    return fn.softplus(groups[1][1])


def log_of_exponentials(node: Expr) -> Expr | None:
    """``log(c exp(a) + d exp(b) + ..)`` by logaddexp."""
    groups = exponential_sum(node.args[0]) if isinstance(node, log) else None
    return None if groups is None else log_of_sum(groups)


#: Logarithms of positive functions that are known in closed form.
_LOGARITHMS: dict[type, Callable[[Expr], Expr]] = {
    fn.sigmoid.function: lambda u: -fn.softplus(-u),
    fn.sech2.function: lambda u: -2 * fn.logcosh(u),
    fn.normcdf.function: lambda u: fn.lognormcdf(u),
    fn.normpdf.function: lambda u: -(u**2) / 2 - log(2 * sp.pi) / 2,
    cosh: lambda u: fn.logcosh(u),
    erfc: lambda u: log(2) + fn.lognormcdf(-sp.sqrt(2) * u),
}


def log_of_function(node: Expr) -> Expr | None:
    """The logarithm of a function that has one in closed form."""
    form = _LOGARITHMS.get(node.args[0].func) if isinstance(node, log) else None
    return None if form is None else form(node.args[0].args[0])


def log_of_power(node: Expr) -> Expr | None:
    """``log(b**c) = c log(b)`` where ``b`` is positive, or must be for the left side to exist."""
    power = node.args[0] if isinstance(node, log) else None
    if not isinstance(power, Pow):
        return None
    base, exponent = power.base, power.exp
    odd = exponent.is_Integer and exponent.is_odd
    broken = exponent.is_Rational and not exponent.is_Integer
    return exponent * log(base) if base.is_positive or odd or broken else None


def _is_exponential(factor: Expr) -> bool:
    """Whether a factor is positive and its logarithm is better taken by itself."""
    base = factor.base if isinstance(factor, Pow) else factor
    return base.func in _LOGARITHMS or isinstance(base, exp) or exponential_sum(base) is not None


def log_of_product(node: Expr) -> Expr | None:
    """``log(f r) = log(f) + log(r)`` for the factors ``f`` that are positive and made of exponentials."""
    product = node.args[0] if isinstance(node, log) else None
    if not isinstance(product, Mul):
        return None
    parts = [factor for factor in product.args if _is_exponential(factor)]
    rest = Mul(*(factor for factor in product.args if factor not in parts))
    return Add(log(rest), *(log(part) for part in parts)) if parts else None


def log_of_choice(node: Expr) -> Expr | None:
    """``log(where(c, a, b)) = where(c, log(a), log(b))``."""
    if not isinstance(node, log) or not isinstance(node.args[0], where):
        return None
    condition, *branches = node.args[0].args
    logs = [log(branch) for branch in branches]
    return None if any(part.has(S.ComplexInfinity) for part in logs) else where(condition, *logs)


def log_of_exp_product(node: Expr) -> Expr | None:
    """``log(c exp(u)) = u + log(c)``."""
    product = node.args[0] if isinstance(node, log) else None
    if not isinstance(product, Mul):
        return None
    rest, exponent = split_exponential(product)
    return None if exponent == 0 else exponent + log(rest)


def log_of_expm1(node: Expr) -> Expr | None:
    """``log(-expm1(-u)) = log1mexp(u)``; ``log(expm1(u)) = u + log1mexp(u)``."""
    if not isinstance(node, log):
        return None
    sign_, inner = node.args[0].as_coeff_Mul()
    u = _argument(inner, fn.expm1)
    if u is None or sign_ not in (1, -1):
        return None
    return fn.log1mexp(-u) if sign_ == -1 else u + fn.log1mexp(u)


def log1p(node: Expr) -> Expr | None:
    """``log(1 + u)`` for other u than exponentials."""
    total = node.args[0] if isinstance(node, log) else None
    if not isinstance(total, Add) or S.One not in total.args or total.is_number:
        return None
    result: Expr = fn.log1p(total - 1)
    return result if log1p_by_name(result) is None else None


def log1p_by_name(node: Expr) -> Expr | None:
    """``log1p(u) = log(1 + u)`` where a form of ``1 + u`` is known."""
    u = _argument(node, fn.log1p)
    if u is None:
        return None
    total = 1 + u
    known = exponential_sum(total) is not None or one_minus(total) is not None or one_plus(total) is not None
    return log(total) if known else None


# ---- the normal distribution --------------------------------------------------------------------


def normpdf(node: Expr) -> Expr | None:
    """The normal density by its name: ``exp(-u**2/2)/sqrt(2 pi)``."""
    if not isinstance(node, Mul) or Pow(sp.pi, -S.Half) not in node.args:
        return None
    rest, exponent = split_exponential(node)
    root = sp.sqrt(sp.factor(-2 * exponent)) if exponent != 0 else S.Zero
    u = root.args[0] if isinstance(root, sp.Abs) else root.replace(sp.Abs, lambda value: value)
    if exponent == 0 or not u.is_real or u.has(sp.sqrt(2)) or sp.expand(u**2 + 2 * exponent) != 0:
        return None
    rest = rest * sp.sqrt(2 * sp.pi)
    return None if rest.has(sp.pi) or rest.has(sp.sqrt(2)) else rest * fn.normpdf(u)


def normcdf(node: Expr) -> Expr | None:
    """The normal distribution function by its name: ``(1 + erf(u/sqrt(2)))/2``."""
    result = one_plus(node) if node.has(erf) else None
    if result is None or any(sp.expand(part.args[0]).has(sp.sqrt(2)) for part in result.atoms(fn.normcdf.function)):
        return None
    return result


def normcdf_of_erfc(node: Expr) -> Expr | None:
    """``erfc(-u/sqrt(2))/2 = normcdf(u)``."""
    if not isinstance(node, Mul):
        return None
    for factor in node.args:
        u = -sp.sqrt(2) * factor.args[0] if isinstance(factor, erfc) else None
        if u is not None and not u.has(sp.sqrt(2)):
            return 2 * node / factor * fn.normcdf(u)
    return None


def inverse_mills(node: Expr) -> Expr | None:
    """The inverse Mills ratio by its name: ``normpdf(u)/normcdf(u)``, also of ``-u``."""
    powers = dict(factors_of(node)) if isinstance(node, Mul) else {}
    for base, power in powers.items():
        u = _argument(base, fn.normpdf)
        if u is None or not power.is_Integer or power < 1:
            continue
        for inside in (u, -u):
            below = powers.get(fn.normcdf(inside), S.Zero)
            if below.is_Integer and below < 0:
                return node / base * fn.normcdf(inside) * fn.inverse_mills(inside)
    return None


def densities_over_cdf(node: Expr) -> Expr | None:
    """``exp(-u**2/2)/normcdf(u) = sqrt(2 pi) inverse_mills(u)``, also of ``-u``."""
    if not isinstance(node, Mul):
        return None
    rest, exponent = split_exponential(node)
    for u, power in applications(rest, fn.normcdf):
        if power.is_Integer and power < 0 and exponent != 0 and sp.expand(exponent + u**2 / 2) == 0:
            return sp.sqrt(2 * sp.pi) * rest * fn.normcdf(u) * fn.inverse_mills(u)
    return None


# ---- sigmoid of u and of -u --------------------------------------------------------------------------------------


def _facing(node: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Pairs sigmoid(u), sigmoid(-u) that both occur, u being the one without a leading minus."""
    found = node.atoms(fn.sigmoid.function)
    for one in sorted(found, key=sp.default_sort_key):
        u = one.args[0]
        if fn.sigmoid(-u) in found and not u.could_extract_minus_sign():
            yield one, fn.sigmoid(-u)


def reflect_product(node: Expr) -> Expr | None:
    """``sigmoid(u) sigmoid(-u) = sigmoid(u) (1 - sigmoid(u))``."""
    if isinstance(node, Mul):
        for one, other in _facing(node):
            if {one, other} <= {base for base, _ in factors_of(node)}:
                return node.xreplace({other: 1 - one})
    return None


def reflect_sum(node: Expr) -> Expr | None:
    """Both sigmoid(u) and sigmoid(-u) in a sum: all in sigmoid(u), where that is no longer."""
    if isinstance(node, Add):
        for one, other in _facing(node):
            result = sp.expand_mul(node.xreplace({other: 1 - one}))
            if result.count_ops() < node.count_ops():
                return result
    return None
