"""Identities of scalar functions, as data, and their application to an expression.

Two lists are made of them.  ``READABLE`` turns what the calculus leaves behind into what a
textbook prints: ``exp(u)/(1 + exp(u))`` is ``sigmoid(u)``.  ``STABLE`` turns an expression into
one that can be evaluated in floating point: ``log(1 - sigmoid(u))`` is ``-softplus(u)``.

Every identity is exact wherever its left side is defined, so the order in which identities are
applied changes the form of a result, never its value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sympy import Expr, KroneckerDelta

from chainrule.derive import kink_rules as kinks
from chainrule.derive import scalar_rules as rules
from chainrule.derive.exponentials import (
    log_of_sigmoid_difference,
    readable_sigmoid_ratio,
    sigmoid_difference,
    sigmoid_ratio,
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


# ---- the tables ------------------------------------------------------------------------------------------------------

_MERGE = Identity("merge-exponentials", r"e^a e^b = e^{a+b}", "one exponential per product", rules.merge_exponentials)
_POWERS = Identity("merge-powers", r"\frac{x^a}{x} = x^{a-1}", "one power of each base", rules.merge_powers)
_FACTOR = Identity("factor-exponentials", r"1 + 2e^u + e^{2u} = (1 + e^u)^2",
                   "a polynomial in an exponential, in factors", rules.factor_exponentials)  # fmt: skip
_TANH = Identity("tanh-ratio", r"\frac{e^u - e^{-u}}{e^u + e^{-u}} = \tanh u", "the hyperbolic tangent by its name",
                 tanh_ratio, outermost=True)  # fmt: skip
_SINH = Identity("sinh-over-cosh", r"\frac{\sinh u}{\cosh u} = \tanh u", "the hyperbolic tangent by its name",
                 rules.sinh_over_cosh)  # fmt: skip
_SOFTPLUS = Identity("softplus", r"\log(1 + e^u) = \operatorname{softplus}(u)", "the softplus by its name",
                     rules.softplus_of_sum)  # fmt: skip
_LOG1P_NAMED = Identity("log1p-by-name", r"\operatorname{log1p}(u) = \log(1 + u)",
                        "where 1 + u has a better form, as a sum of exponentials has", rules.log1p_by_name)  # fmt: skip
_SOFTPLUS_DIFFERENCE = Identity(
    "softplus-difference", r"\operatorname{softplus}(u) - \operatorname{softplus}(-u) = u",
    "the odd part of the softplus", rules.softplus_difference)  # fmt: skip
_EXP_SOFTPLUS = Identity(
    "exp-softplus", r"e^{-\operatorname{softplus}(u)} = \sigma(-u)", "exponential and softplus cancel",
    rules.exp_softplus)  # fmt: skip
_SIGMOID_QUOTIENT = Identity("sigmoid-quotient", r"\frac{\sigma(u)}{\sigma(-u)} = e^u", "the odds of a logistic model",
                             rules.sigmoid_quotient)  # fmt: skip
_MAXIMUM_STEP = Identity("maximum-step", r"\max(0, u)\,\operatorname{step}(u) = \max(0, u)",
                         "the step is redundant", kinks.maximum_times_step)  # fmt: skip
_SIGN = Identity("sign-products", r"x \operatorname{sign}(x) = |x|", "products of a number and its sign",
                 kinks.times_sign)  # fmt: skip
_SIGN_POWERS = Identity("sign-powers", r"\operatorname{sign}(x)^3 = \operatorname{sign}(x)", "powers of a sign",
                        kinks.sign_powers)  # fmt: skip

#: Functions with kinks.
_KINKS: tuple[Identity, ...] = (
    _SIGN_POWERS, _SIGN, _MAXIMUM_STEP,
    Identity("step-argument", r"\operatorname{step}(c\,u) = \operatorname{step}(u),\; c > 0",
             "only the sign of the argument matters", kinks.only_the_sign),
    Identity("relu-multiple", r"\operatorname{relu}(c\,u) = c \operatorname{relu}(u),\; c > 0",
             "a positive factor leaves the function", kinks.relu_of_multiple),
    Identity("relu-indicator", r"\operatorname{relu}(u)^k\,[u > 0] = \operatorname{relu}(u)^k",
             "the indicator is redundant", kinks.relu_times_indicator),
    Identity("step-reflection", r"\operatorname{step}(-u) = 1 - \operatorname{step}(u)", "one step instead of two",
             kinks.reflect_steps),
)  # fmt: skip
_NORMPDF = Identity("normpdf", r"\frac{e^{-u^2/2}}{\sqrt{2\pi}} = \varphi(u)", "the normal density by its name",
                    rules.normpdf)  # fmt: skip

#: What the derivative of a power needs: SymPy writes it as ``a x^a / x``, which is not defined at 0.
POWERS: tuple[Identity, ...] = (_POWERS,)

#: What is smooth although it is written with kinks: ``sign(x)^3 |x|`` is ``x``.
SIGNS: tuple[Identity, ...] = (_SIGN_POWERS, _SIGN)

#: What a textbook would print.
READABLE: tuple[Identity, ...] = (
    _TANH,
    Identity("sigmoid-ratio", r"\frac{e^u}{e^u + e^v} = \sigma(u - v)", "the logistic function by its name",
             readable_sigmoid_ratio, outermost=True),
    _POWERS, _FACTOR, _SINH,
    Identity("sin-over-cos", r"\frac{\sin u}{\cos u} = \tan u", "the tangent by its name", rules.sin_over_cos),
    _SOFTPLUS, _LOG1P_NAMED,
    Identity("log-exp-product", r"\log(c\,e^u) = u + \log c", "logarithm and exponential cancel",
             rules.log_of_exp_product),
    _EXP_SOFTPLUS,
    Identity("exp-times-sigmoid", r"e^{-u} \sigma(u) = \sigma(-u)", "exponential and sigmoid combine",
             rules.exp_times_sigmoid),
    _SIGMOID_QUOTIENT, _SOFTPLUS_DIFFERENCE,
    Identity("reflect-product", r"\sigma(u)\,\sigma(-u) = \sigma(u)\,(1 - \sigma(u))",
             "the derivative of the logistic function as it is usually written", rules.reflect_product),
    Identity("reflect-sum", r"\sigma(-u) = 1 - \sigma(u)", "one sigmoid instead of two", rules.reflect_sum),
    *_KINKS, _NORMPDF,
    Identity("normcdf", r"\tfrac12\left(1 + \operatorname{erf}(u/\sqrt2)\right) = \Phi(u)",
             "the normal distribution function by its name", rules.normcdf),
    Identity("normcdf-erfc", r"\tfrac12 \operatorname{erfc}(-u/\sqrt2) = \Phi(u)",
             "the normal distribution function by its name", rules.normcdf_of_erfc),
)  # fmt: skip

#: What must be done before an expression is evaluated in floating point.
STABLE: tuple[Identity, ...] = (
    _TANH,
    Identity("stable-sigmoid-ratio", r"\frac{e^a}{(c\,e^a + d\,e^b)^m} \to \text{powers of } \sigma",
             "quotients of sums of exponentials neither overflow nor give infinity over infinity",
             sigmoid_ratio, outermost=True),
    Identity("log-sigmoid-difference",
             r"\log(\sigma(u) - \sigma(v)) = \log(1 - e^{v - u}) - \log(1 + e^{-u}) - \log(1 + e^v)",
             "the probability between two thresholds, also far out", log_of_sigmoid_difference, outermost=True),
    _MERGE, _POWERS, _FACTOR, _SINH, _NORMPDF,
    Identity("sigmoid-difference",
             r"\sigma(u) - \sigma(v) = \tanh\frac{u - v}{2} (\sigma(u)\,\sigma(-v) + \sigma(v)\,\sigma(-u))",
             "the probability between two thresholds, without cancellation", sigmoid_difference),
    Identity("one-minus", r"1 - \sigma(u) = \sigma(-u),\; 1 - e^u = -\operatorname{expm1}(u),\; \ldots",
             "one minus a function near one, without cancellation", rules.one_minus),
    Identity("one-plus", r"1 + \operatorname{erf}(u) = 2\,\Phi(\sqrt2\,u),\; 1 + \tanh u = 2\,\sigma(2u),\; \ldots",
             "one plus a function near minus one, without cancellation", rules.one_plus),
    _LOG1P_NAMED,
    Identity("log-exponentials", r"\log(c\,e^a + d\,e^b) = \operatorname{logaddexp}(a + \log c, b + \log d)",
             "the logarithm of a sum of exponentials does not overflow", rules.log_of_exponentials),
    Identity("log-function", r"\log \sigma(u) = -\operatorname{softplus}(-u),\; \log\cosh u,\; \log\Phi(u),\; \ldots",
             "logarithms of functions that underflow or overflow", rules.log_of_function),
    Identity("log-product", r"\log(f r) = \log f + \log r", "factors that underflow or overflow, each by itself",
             rules.log_of_product),
    Identity("log-choice", r"\log\operatorname{where}(c, a, b) = \operatorname{where}(c, \log a, \log b)",
             "the logarithm of each branch by itself", rules.log_of_choice),
    Identity("log-power", r"\log b^c = c \log b", "the power may overflow, its logarithm does not", rules.log_of_power),
    Identity("log1mexp", r"\log(1 - e^{-u}) = \operatorname{log1mexp}(u)", "accurate near 0 and far out",
             rules.log_of_expm1),
    Identity("log1p", r"\log(1 + u) = \operatorname{log1p}(u)", "accurate for small u", rules.log1p),
    Identity("exp-over-expm1", r"\frac{e^u}{e^u - 1} = \frac{1}{1 - e^{-u}}", "not infinity over infinity",
             rules.exp_over_expm1),
    Identity("exp-softplus-sigmoid", r"e^{\operatorname{softplus}(u)}\,\sigma(u) = e^u",
             "the exponential of a softplus may overflow where its product does not", rules.exp_softplus_times_sigmoid),
    Identity("exp-minus-softplus", r"e^{-\operatorname{softplus}(u)} = \sigma(-u)", "exponential and softplus cancel",
             rules.exp_minus_softplus),
    Identity("stable-exp-times-sigmoid", r"e^{-u} \sigma(u) = \sigma(-u)", "exponential and sigmoid combine",
             rules.exp_times_sigmoid),
    _SIGMOID_QUOTIENT, _SOFTPLUS_DIFFERENCE, _SIGN_POWERS, _SIGN,
    Identity("inverse-mills", r"\frac{\varphi(u)}{\Phi(u)} = \lambda(u)", "the inverse Mills ratio, not 0/0",
             rules.inverse_mills),
    Identity("inverse-mills-exp", r"\frac{e^{-u^2/2}}{\Phi(u)} = \sqrt{2\pi}\,\lambda(u)",
             "the inverse Mills ratio, not 0/0", rules.densities_over_cdf),
)  # fmt: skip
