"""Identities of scalar functions, as data, and their application to an expression.

Two lists are made of them.  ``READABLE`` turns what the calculus leaves behind into what a
textbook prints: ``exp(u)/(1 + exp(u))`` is ``sigmoid(u)``.  ``STABLE`` turns an expression into
one that can be evaluated in floating point: ``log(1 - sigmoid(u))`` is ``-softplus(u)``.

Every identity is exact wherever its left side is defined, so the order in which identities are
applied changes the form of a result, never its value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy import Add, Expr, KroneckerDelta, Mul, Pow, S, cosh, erf, erfc, exp, log, sign, tanh

from chainrule.derive.catalog import elementwise as fn
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.exponentials import (
    exponential_sum,
    factored_exponentials,
    log_of_sum,
    ratio_of_exponentials,
    split_exponential,
    tanh_ratio,
)
from chainrule.derive.program import Ref

#: Applications of identities at one node before the rewriting gives up on it.
MAX_STEPS = 50


@dataclass(frozen=True)
class Identity:
    """An equality of scalar expressions, used from left to right.

    Attributes:
        id: stable name.
        law: the equality in LaTeX.
        about: what it is for, in words.
        apply: the right side if the node is an instance of the left side, else None.
        outermost: whether it is tried on a node before the parts of the node are rewritten.
    """

    id: str
    law: str
    about: str
    apply: Callable[[Expr], Expr | None]
    outermost: bool = False


def rewrite(expr: Expr, identities: Sequence[Identity]) -> tuple[Expr, tuple[str, ...]]:
    """The expression rewritten until no identity applies, and the identities used, in order."""
    used: dict[str, None] = {}
    memo: dict[Expr, Expr] = {}
    early = [identity for identity in identities if identity.outermost]

    def visit(node: Expr) -> Expr:
        if not node.args or isinstance(node, Ref | KroneckerDelta):
            return node
        if node not in memo:
            memo[node] = settle(node)
        return memo[node]

    def settle(node: Expr) -> Expr:
        for _ in range(MAX_STEPS):
            changed = _first(node, early, used)
            if changed is None:
                arguments = [visit(argument) for argument in node.args]
                rebuilt = node if tuple(arguments) == node.args else node.func(*arguments)
                changed = _first(rebuilt, identities, used)
                if changed is None and rebuilt == node:
                    return node
                changed = rebuilt if changed is None else changed
            node = changed
            if not node.args or isinstance(node, Ref | KroneckerDelta):
                return node
        return node

    return visit(expr), tuple(used)


def _first(node: Expr, identities: Sequence[Identity], used: dict[str, None]) -> Expr | None:
    """What the first applicable identity makes of the node."""
    for identity in identities:
        result = identity.apply(node)
        if result is not None and result != node:
            used[identity.id] = None
            return result
    return None


# ---- pieces of products and sums -----------------------------------------------------------------


def _factors(node: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Base and exponent of every factor."""
    for factor in Mul.make_args(node):
        yield (factor.base, factor.exp) if isinstance(factor, Pow) else (factor, S.One)


def _applications(node: Expr, entry: Elementwise) -> list[tuple[Expr, Expr]]:
    """Argument and exponent of every factor that applies a one-argument function of the catalogue."""
    return [(base.args[0], power) for base, power in _factors(node) if base.func == entry.function]


def _argument(node: Expr, entry: Elementwise) -> Expr | None:
    return node.args[0] if node.func == entry.function else None


# ---- exponentials ------------------------------------------------------------------------------------


def _merge_exponentials(node: Expr) -> Expr | None:
    if not isinstance(node, Mul) or sum(isinstance(arg, exp) for arg in node.args) < 2:
        return None
    rest, exponent = split_exponential(node)
    return rest * exp(exponent)


def _factor_exponentials(node: Expr) -> Expr | None:
    return factored_exponentials(node) if isinstance(node, Add) else None


def _sigmoid_ratio(node: Expr) -> Expr | None:
    return ratio_of_exponentials(node, every=True)


def _readable_sigmoid_ratio(node: Expr) -> Expr | None:
    return ratio_of_exponentials(node, every=False)


def _tanh_ratio(node: Expr) -> Expr | None:
    return tanh_ratio(node)


def _cancel_against(node: Expr, top: Any, bottom: Any, quotient: Any) -> Expr | None:
    """``top(u)**a / bottom(u)**b`` with ``quotient = top/bottom`` taken out as often as possible."""
    if not isinstance(node, Mul):
        return None
    powers = {base: power for base, power in _factors(node) if isinstance(base, top | bottom)}
    for base, power in powers.items():
        mate = bottom(base.args[0])
        below = powers.get(mate, S.Zero)
        if isinstance(base, top) and power.is_positive and below.is_negative:
            times = min(power, -below)
            return node * (mate / base) ** times * quotient(base.args[0]) ** times
    return None


def _sinh_over_cosh(node: Expr) -> Expr | None:
    return _cancel_against(node, sp.sinh, cosh, tanh)


def _sin_over_cos(node: Expr) -> Expr | None:
    return _cancel_against(node, sp.sin, sp.cos, sp.tan)


def _exp_softplus(node: Expr) -> Expr | None:
    """``exp(a + k softplus(u))``: the softplus leaves the exponential."""
    if not isinstance(node, exp):
        return None
    for term in Add.make_args(node.args[0]):
        count, rest = term.as_coeff_Mul()
        u = _argument(rest, fn.softplus)
        if u is not None and count.is_Integer:
            factor = fn.sigmoid(-u) ** -count if count < 0 else (1 + exp(u)) ** count
            return exp(node.args[0] - term) * factor
    return None


def _exp_times_sigmoid(node: Expr) -> Expr | None:
    """``exp(-u) sigmoid(u) = sigmoid(-u)``."""
    if not isinstance(node, Mul):
        return None
    rest, exponent = split_exponential(node)
    for u, power in _applications(rest, fn.sigmoid):
        if power.is_Integer and power > 0 and exponent == -u:
            return rest * fn.sigmoid(-u) / fn.sigmoid(u)
    return None


def _sigmoid_quotient(node: Expr) -> Expr | None:
    """``sigmoid(u)/sigmoid(-u) = exp(u)``."""
    powers = dict(_applications(node, fn.sigmoid)) if isinstance(node, Mul) else {}
    for u, power in powers.items():
        other = powers.get(-u, S.Zero)
        if power.is_Integer and other.is_Integer and power > 0 > other:
            return node * fn.sigmoid(-u) / fn.sigmoid(u) * exp(u)
    return None


def _softplus_difference(node: Expr) -> Expr | None:
    """``c softplus(u) - c softplus(-u) = c u``."""
    terms = set(node.args) if isinstance(node, Add) else set()
    for term in terms:
        for u, power in _applications(term, fn.softplus):
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
    for base, power in _factors(term):
        if base.args and power.is_Integer and power > 0:
            yield base
            if power > 1:
                yield base**2


def _one_minus(node: Expr) -> Expr | None:
    """``T - T f``, wherever it stands in a sum, in a form that does not cancel."""
    terms = set(node.args) if isinstance(node, Add) else set()
    for term in sorted(terms, key=sp.default_sort_key):
        for piece in _pieces(term):
            form = _complement(piece)
            if form is not None and -term / piece in terms:
                return node - term + term / piece - term / piece * form
    return None


def _one_plus(node: Expr) -> Expr | None:
    """``T + T f``, wherever it stands in a sum."""
    terms = set(node.args) if isinstance(node, Add) else set()
    for term in sorted(terms, key=sp.default_sort_key):
        for piece in _pieces(term):
            form = _SUPPLEMENTS.get(piece.func)
            if form is not None and term / piece in terms:
                return node - term - term / piece + term / piece * form(piece.args[0])
    return None


# ---- logarithms ----------------------------------------------------------------------------------------------


def _softplus_of_sum(node: Expr) -> Expr | None:
    """``log(1 + exp(u))``."""
    groups = exponential_sum(node.args[0]) if isinstance(node, log) else None
    if groups is None or len(groups) != 2 or groups[0] != (S.One, S.Zero) or groups[1][0] != 1:
        return None
    return fn.softplus(groups[1][1])


def _log_of_exponentials(node: Expr) -> Expr | None:
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


def _log_of_function(node: Expr) -> Expr | None:
    form = _LOGARITHMS.get(node.args[0].func) if isinstance(node, log) else None
    return None if form is None else form(node.args[0].args[0])


def _log_of_power(node: Expr) -> Expr | None:
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


def _log_of_product(node: Expr) -> Expr | None:
    """``log(f r) = log(f) + log(r)`` for the factors ``f`` that are positive and made of exponentials."""
    product = node.args[0] if isinstance(node, log) else None
    if not isinstance(product, Mul):
        return None
    parts = [factor for factor in product.args if _is_exponential(factor)]
    return Add(log(product / Mul(*parts)), *(log(part) for part in parts)) if parts else None


def _log_of_exp_product(node: Expr) -> Expr | None:
    """``log(c exp(u)) = u + log(c)``."""
    product = node.args[0] if isinstance(node, log) else None
    if not isinstance(product, Mul):
        return None
    rest, exponent = split_exponential(product)
    return None if exponent == 0 else exponent + log(rest)


def _log_of_expm1(node: Expr) -> Expr | None:
    """``log(-expm1(-u)) = log1mexp(u)``; ``log(expm1(u)) = u + log1mexp(u)``."""
    if not isinstance(node, log):
        return None
    sign_, inner = node.args[0].as_coeff_Mul()
    u = _argument(inner, fn.expm1)
    if u is None or sign_ not in (1, -1):
        return None
    return fn.log1mexp(-u) if sign_ == -1 else u + fn.log1mexp(u)


def _log1p(node: Expr) -> Expr | None:
    total = node.args[0] if isinstance(node, log) else None
    if not isinstance(total, Add) or S.One not in total.args or total.is_number:
        return None
    result: Expr = fn.log1p(total - 1)
    return result if _log1p_by_name(result) is None else None


def _log1p_by_name(node: Expr) -> Expr | None:
    """``log1p(u) = log(1 + u)`` where a form of ``1 + u`` is known."""
    u = _argument(node, fn.log1p)
    if u is None:
        return None
    total = 1 + u
    known = exponential_sum(total) is not None or _one_minus(total) is not None or _one_plus(total) is not None
    return log(total) if known else None


# ---- signs, kinks and the normal distribution --------------------------------------------------------------------


def _times_sign(node: Expr) -> Expr | None:
    """``x sign(x) = |x|``, ``|x| sign(x) = x``, ``x/|x| = sign(x)`` and ``|x|/x = sign(x)``."""
    powers = dict(_factors(node)) if isinstance(node, Mul) else {}
    for base, power in powers.items():
        x = base.args[0] if isinstance(base, sign | sp.Abs) else None
        if x is None or not power.is_Integer:
            continue
        if isinstance(base, sign) and power > 0:
            for mate, product in ((x, sp.Abs(x)), (sp.Abs(x), x)):
                if powers.get(mate, S.Zero).is_positive:
                    return node / base / mate * product
        mated = powers.get(x, S.Zero)
        if isinstance(base, sp.Abs) and ((power < 0 < mated) if mated.is_Integer else False):
            return node * base / x * sign(x)
        if isinstance(base, sp.Abs) and ((mated < 0 < power) if mated.is_Integer else False):
            return node / base * x * sign(x)
    return None


def _maximum_times_step(node: Expr) -> Expr | None:
    """``max(0, x) step(x) = max(0, x)``: both sides are 0 at the kink."""
    steps = dict(_applications(node, fn.step)) if isinstance(node, Mul) else {}
    for base, _ in _factors(node):
        if base.func != fn.maximum.function or S.Zero not in base.args:
            continue
        x = base.args[0] + base.args[1]
        if x in steps:
            return node / fn.step(x) ** steps[x]
    return None


def _normpdf(node: Expr) -> Expr | None:
    """``exp(-u**2/2)/sqrt(2 pi) = normpdf(u)``."""
    if not isinstance(node, Mul) or Pow(sp.pi, -S.Half) not in node.args:
        return None
    rest, exponent = split_exponential(node)
    root = sp.sqrt(sp.factor(-2 * exponent)) if exponent != 0 else S.Zero
    u = root.args[0] if isinstance(root, sp.Abs) else root.replace(sp.Abs, lambda value: value)
    if exponent == 0 or sp.expand(u**2 + 2 * exponent) != 0:
        return None
    rest = rest * sp.sqrt(2 * sp.pi)
    return None if rest.has(sp.pi) or rest.has(sp.sqrt(2)) else rest * fn.normpdf(u)


def _normcdf(node: Expr) -> Expr | None:
    """``(1 + erf(u/sqrt(2)))/2 = normcdf(u)``."""
    result = _one_plus(node) if node.has(erf) else None
    if result is None or any(sp.expand(part.args[0]).has(sp.sqrt(2)) for part in result.atoms(fn.normcdf.function)):
        return None
    return result


def _normcdf_of_erfc(node: Expr) -> Expr | None:
    """``erfc(-u/sqrt(2))/2 = normcdf(u)``."""
    if not isinstance(node, Mul):
        return None
    for factor in node.args:
        u = -sp.sqrt(2) * factor.args[0] if isinstance(factor, erfc) else None
        if u is not None and not u.has(sp.sqrt(2)):
            return 2 * node / factor * fn.normcdf(u)
    return None


def _inverse_mills(node: Expr) -> Expr | None:
    powers = dict(_factors(node)) if isinstance(node, Mul) else {}
    for base, power in powers.items():
        u = _argument(base, fn.normpdf)
        if u is None or not power.is_Integer or power < 1:
            continue
        for inside in (u, -u):
            below = powers.get(fn.normcdf(inside), S.Zero)
            if below.is_Integer and below < 0:
                return node / base * fn.normcdf(inside) * fn.inverse_mills(inside)
    return None


def _densities_over_cdf(node: Expr) -> Expr | None:
    """``exp(-u**2/2)/normcdf(u) = sqrt(2 pi) inverse_mills(u)``, also of ``-u``."""
    if not isinstance(node, Mul):
        return None
    rest, exponent = split_exponential(node)
    for u, power in _applications(rest, fn.normcdf):
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


def _reflect_product(node: Expr) -> Expr | None:
    """``sigmoid(u) sigmoid(-u) = sigmoid(u) (1 - sigmoid(u))``."""
    if isinstance(node, Mul):
        for one, other in _facing(node):
            if {one, other} <= {base for base, _ in _factors(node)}:
                return node.xreplace({other: 1 - one})
    return None


def _reflect_sum(node: Expr) -> Expr | None:
    """Both sigmoid(u) and sigmoid(-u) in a sum: all in sigmoid(u), where that is no longer."""
    if isinstance(node, Add):
        for one, other in _facing(node):
            result = sp.expand_mul(node.xreplace({other: 1 - one}))
            if result.count_ops() < node.count_ops():
                return result
    return None


# ---- the tables ------------------------------------------------------------------------------------------------------

_MERGE = Identity("merge-exponentials", r"e^a e^b = e^{a+b}", "one exponential per product", _merge_exponentials)
_FACTOR = Identity("factor-exponentials", r"1 + 2e^u + e^{2u} = (1 + e^u)^2",
                   "a polynomial in an exponential, in factors", _factor_exponentials)  # fmt: skip
_TANH = Identity("tanh-ratio", r"\frac{e^u - e^{-u}}{e^u + e^{-u}} = \tanh u", "the hyperbolic tangent by its name",
                 _tanh_ratio, outermost=True)  # fmt: skip
_SINH = Identity("sinh-over-cosh", r"\frac{\sinh u}{\cosh u} = \tanh u", "the hyperbolic tangent by its name",
                 _sinh_over_cosh)  # fmt: skip
_SOFTPLUS = Identity("softplus", r"\log(1 + e^u) = \operatorname{softplus}(u)", "the softplus by its name",
                     _softplus_of_sum)  # fmt: skip
_LOG1P_NAMED = Identity("log1p-by-name", r"\operatorname{log1p}(u) = \log(1 + u)",
                        "where 1 + u has a better form, as a sum of exponentials has", _log1p_by_name)  # fmt: skip
_SOFTPLUS_DIFFERENCE = Identity(
    "softplus-difference", r"\operatorname{softplus}(u) - \operatorname{softplus}(-u) = u",
    "the odd part of the softplus", _softplus_difference)  # fmt: skip
_EXP_SOFTPLUS = Identity(
    "exp-softplus", r"e^{-\operatorname{softplus}(u)} = \sigma(-u)", "exponential and softplus cancel", _exp_softplus)
_SIGMOID_QUOTIENT = Identity("sigmoid-quotient", r"\frac{\sigma(u)}{\sigma(-u)} = e^u", "the odds of a logistic model",
                             _sigmoid_quotient)  # fmt: skip
_MAXIMUM_STEP = Identity("maximum-step", r"\max(0, u)\,\operatorname{step}(u) = \max(0, u)",
                         "the step is redundant", _maximum_times_step)  # fmt: skip
_SIGN = Identity("sign-products", r"x \operatorname{sign}(x) = |x|", "products of a number and its sign", _times_sign)
_NORMPDF = Identity("normpdf", r"\frac{e^{-u^2/2}}{\sqrt{2\pi}} = \varphi(u)", "the normal density by its name",
                    _normpdf)  # fmt: skip

#: What a textbook would print.
READABLE: tuple[Identity, ...] = (
    _TANH,
    Identity("sigmoid-ratio", r"\frac{e^u}{c + e^u} = \sigma(u - \log c)", "the logistic function by its name",
             _readable_sigmoid_ratio, outermost=True),
    _MERGE, _FACTOR, _SINH,
    Identity("sin-over-cos", r"\frac{\sin u}{\cos u} = \tan u", "the tangent by its name", _sin_over_cos),
    _SOFTPLUS, _LOG1P_NAMED,
    Identity("log-exp-product", r"\log(c\,e^u) = u + \log c", "logarithm and exponential cancel", _log_of_exp_product),
    _EXP_SOFTPLUS,
    Identity("exp-times-sigmoid", r"e^{-u} \sigma(u) = \sigma(-u)", "exponential and sigmoid combine",
             _exp_times_sigmoid),
    _SIGMOID_QUOTIENT, _SOFTPLUS_DIFFERENCE,
    Identity("reflect-product", r"\sigma(u)\,\sigma(-u) = \sigma(u)\,(1 - \sigma(u))",
             "the derivative of the logistic function as it is usually written", _reflect_product),
    Identity("reflect-sum", r"\sigma(-u) = 1 - \sigma(u)", "one sigmoid instead of two", _reflect_sum),
    _SIGN, _MAXIMUM_STEP, _NORMPDF,
    Identity("normcdf", r"\tfrac12\left(1 + \operatorname{erf}(u/\sqrt2)\right) = \Phi(u)",
             "the normal distribution function by its name", _normcdf),
    Identity("normcdf-erfc", r"\tfrac12 \operatorname{erfc}(-u/\sqrt2) = \Phi(u)",
             "the normal distribution function by its name", _normcdf_of_erfc),
)  # fmt: skip

#: What must be done before an expression is evaluated in floating point.
STABLE: tuple[Identity, ...] = (
    _TANH,
    Identity("stable-sigmoid-ratio", r"\frac{e^a}{(c\,e^a + d\,e^b)^m} \to \text{powers of } \sigma",
             "quotients of sums of exponentials neither overflow nor give infinity over infinity",
             _sigmoid_ratio, outermost=True),
    _MERGE, _FACTOR, _SINH, _NORMPDF,
    Identity("one-minus", r"1 - \sigma(u) = \sigma(-u),\; 1 - e^u = -\operatorname{expm1}(u),\; \ldots",
             "one minus a function near one, without cancellation", _one_minus),
    Identity("one-plus", r"1 + \operatorname{erf}(u) = 2\,\Phi(\sqrt2\,u),\; 1 + \tanh u = 2\,\sigma(2u),\; \ldots",
             "one plus a function near minus one, without cancellation", _one_plus),
    _LOG1P_NAMED,
    Identity("log-exponentials", r"\log(c\,e^a + d\,e^b) = \operatorname{logaddexp}(a + \log c, b + \log d)",
             "the logarithm of a sum of exponentials does not overflow", _log_of_exponentials),
    Identity("log-function", r"\log \sigma(u) = -\operatorname{softplus}(-u),\; \log\cosh u,\; \log\Phi(u),\; \ldots",
             "logarithms of functions that underflow or overflow", _log_of_function),
    Identity("log-product", r"\log(f r) = \log f + \log r", "factors that underflow or overflow, each by itself",
             _log_of_product),
    Identity("log-power", r"\log b^c = c \log b", "the power may overflow, its logarithm does not", _log_of_power),
    Identity("log1mexp", r"\log(1 - e^{-u}) = \operatorname{log1mexp}(u)", "accurate near 0 and far out",
             _log_of_expm1),
    Identity("log1p", r"\log(1 + u) = \operatorname{log1p}(u)", "accurate for small u", _log1p),
    _EXP_SOFTPLUS,
    Identity("stable-exp-times-sigmoid", r"e^{-u} \sigma(u) = \sigma(-u)", "exponential and sigmoid combine",
             _exp_times_sigmoid),
    _SIGMOID_QUOTIENT, _SOFTPLUS_DIFFERENCE, _SIGN,
    Identity("inverse-mills", r"\frac{\varphi(u)}{\Phi(u)} = \lambda(u)", "the inverse Mills ratio, not 0/0",
             _inverse_mills),
    Identity("inverse-mills-exp", r"\frac{e^{-u^2/2}}{\Phi(u)} = \sqrt{2\pi}\,\lambda(u)",
             "the inverse Mills ratio, not 0/0", _densities_over_cdf),
)  # fmt: skip
