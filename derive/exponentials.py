"""Sums and quotients of exponentials: taking them apart and putting them together safely."""

from __future__ import annotations

import sympy as sp
from sympy import Add, Expr, Mul, Pow, S, exp, log

from chainrule.derive.catalog.elementwise import log1mexp, logaddexp, sigmoid, softplus

#: A sum ``c0 exp(u0) + c1 exp(u1) + ..`` as pairs (c, u), all c positive, the constant first.
Groups = tuple[tuple[Expr, Expr], ...]

#: Terms of a sum that is still factored as a polynomial.
MAX_FACTOR_TERMS = 8


def split_exponential(node: Expr) -> tuple[Expr, Expr]:
    """``(rest, u)`` with ``node == rest * exp(u)``; exponentials of numbers stay in the rest."""
    factors = Mul.make_args(node)
    parts = [part for part in factors if isinstance(part, exp) and not part.is_number]
    if not parts:
        return node, S.Zero
    return Mul(*(part for part in factors if part not in parts)), Add(*(part.args[0] for part in parts))


def quotient(product: Expr, factor: Expr) -> Expr:
    """``product / factor``, the factor left out where it stands in the product.

    SymPy does not cancel ``exp(u - v)`` against ``exp(v - u)``.
    """
    factors = list(Mul.make_args(product))
    if factor not in factors:
        return product / factor
    factors.remove(factor)
    return Mul(*factors)


def exponential_groups(node: Expr) -> Groups:
    """The terms of a sum collected by the exponential they carry, without regard to signs."""
    found: dict[Expr, Expr] = {}
    for term in Add.make_args(node):
        rest, exponent = split_exponential(term)
        found[exponent] = found.get(exponent, S.Zero) + rest
    ordered = sorted(found, key=lambda exponent: (exponent != 0, exponent.sort_key()))
    return tuple((found[exponent], exponent) for exponent in ordered)


def exponential_sum(node: Expr) -> Groups | None:
    """The groups of a sum of at least two exponentials with positive coefficients, else None."""
    if not isinstance(node, Add) or not node.has(exp):
        return None
    groups = exponential_groups(node)
    return groups if len(groups) > 1 and all(c.is_positive for c, _ in groups) else None


def log_of_sum(groups: Groups) -> Expr:
    """The logarithm of a sum of exponentials."""
    first, *others = [u + log(c) for c, u in groups]
    total: Expr = first
    for term in others:
        total = softplus(term) if total == 0 else logaddexp(total, term)
    return total


def factored_exponentials(node: Expr) -> Expr | None:
    """A sum of at least three exponentials as a product of shorter sums, if it is one."""
    groups = exponential_groups(node) if node.has(exp) else ()
    if not 3 <= len(groups) <= MAX_FACTOR_TERMS:
        return None
    result = sp.factor(node)
    parts = [part.base if isinstance(part, Pow) else part for part in Mul.make_args(result)]
    shorter = [part for part in parts if isinstance(part, Add) and exponential_sum(part)]
    return result if shorter and result != node and not isinstance(result, Add) else None


def sigmoid_ratio(node: Expr) -> Expr | None:
    """``exp(u)/(c + exp(u)) = sigmoid(u - log(c))`` and the like, for every numerator."""
    return ratio_of_exponentials(node, every=True)


def readable_sigmoid_ratio(node: Expr) -> Expr | None:
    """The same where the result is shorter than the quotient."""
    return ratio_of_exponentials(node, every=False)


def ratio_of_exponentials(node: Expr, *, every: bool) -> Expr | None:
    """``r exp(a) / (c exp(u) + d exp(v))**m`` in sigmoids.

    With ``every`` unset only where the result is shorter: no coefficient goes into a logarithm or
    is left as a divisor, and no exponential is left over.
    """
    if not isinstance(node, Mul | Pow):
        return None
    for factor in Mul.make_args(node):
        groups = exponential_sum(factor.base) if isinstance(factor, Pow) else None
        if groups is None or not factor.exp.is_Integer or factor.exp > 0:
            continue
        shorter = factored_exponentials(factor.base)
        if shorter is not None:
            return quotient(node, factor) * shorter**factor.exp
        result = _resolve(quotient(node, factor), groups, int(-factor.exp), every)
        if result is not None:
            return result
    return None


def _resolve(numerator: Expr, groups: Groups, power: int, every: bool) -> Expr | None:
    """``numerator / (sum of the groups)**power``."""
    terms = opened(numerator) if every else ()
    if terms:
        parts = [_resolve(term, groups, power, every) for term in terms]
        return Add(*parts) if all(part is not None for part in parts) else None
    rest, exponent = split_exponential(numerator)
    if len(groups) == 2:
        return _two_groups(rest, exponent, groups, power, every)
    return rest * exp(exponent - power * log_of_sum(groups)) if every and exponent != 0 else None


def opened(product: Expr) -> tuple[Expr, ...]:
    """The terms of a product one factor of which is a sum with exponentials; none if there is no such factor.

    Over a denominator that grows as fast, each term is finite where the sum would be infinite.
    """
    for part in Mul.make_args(product):
        if isinstance(part, Add) and any(split_exponential(term)[1] != 0 for term in part.args):
            others = quotient(product, part)
            return tuple(others * term for term in part.args)
    return ()


def _two_groups(rest: Expr, exponent: Expr, groups: Groups, power: int, every: bool) -> Expr | None:
    """``rest exp(exponent) / (c exp(u) + d exp(v))**power`` as powers of two opposite sigmoids.

    Of the ``power`` factors of the denominator, ``k`` are divided by ``c exp(u)`` and the others by
    ``d exp(v)``, with the ``k`` that leaves the shortest exponential.
    """
    (c, u), (d, v) = groups
    left = [sp.expand(exponent - k * u - (power - k) * v) for k in range(power + 1)]
    k = min(range(power + 1), key=lambda count: (left[count] != 0, left[count].count_ops()))
    remainder, coefficient = left[k], c**k * d ** (power - k)
    if not every and (remainder != 0 or c != d or not (rest / coefficient).as_numer_denom()[1].is_number):
        return None
    towards_u = sigmoid(u - v + log(c) - log(d))
    towards_v = sigmoid(v - u + log(d) - log(c))
    return rest / coefficient * exp(remainder) * towards_u**k * towards_v ** (power - k)


def tanh_ratio(node: Expr) -> Expr | None:
    """``(exp(u) - exp(v))/(exp(u) + exp(v)) = tanh((u - v)/2)``, also its powers, also with a common coefficient."""
    if not isinstance(node, Mul) or not node.has(exp):
        return None
    for factor in node.args:
        groups = exponential_sum(factor.base) if isinstance(factor, Pow) and factor.exp.is_Integer else None
        if groups is None or len(groups) != 2 or groups[0][0] != groups[1][0] or factor.exp > 0:
            continue
        (c, u), (_, v) = groups
        rest, count = _without_power(quotient(node, factor), c * exp(u) - c * exp(v), -factor.exp)
        if count:
            return rest * factor.base ** (factor.exp + count) * sp.tanh((u - v) / 2) ** count
    return None


def _without_power(product: Expr, base: Expr, most: int) -> tuple[Expr, int]:
    """The product without powers of ``base`` or ``-base``, at most so many, and how many they were."""
    rest: Expr = S.One
    count = 0
    for factor in Mul.make_args(product):
        inside, power = factor.as_base_exp()
        taken = min(power, most - count) if inside in (base, -base) and power.is_Integer and power > 0 else 0
        count += taken
        sign = 1 if inside == base else -1
        rest *= sign**taken * inside ** (power - taken) if taken else factor
    return rest, count


def _sigmoid_pair(total: Expr) -> tuple[Expr, Expr, Expr, Expr] | None:
    """``(T, u, v, u - v)`` for terms ``T sigmoid(u) - T sigmoid(v)`` of a sum, if ``u - v`` is simpler than both."""
    found: dict[Expr, list[Expr]] = {}
    for term in total.args if isinstance(total, Add) else ():
        for factor in Mul.make_args(term):
            if factor.func == sigmoid.function:
                found.setdefault(quotient(term, factor), []).append(factor.args[0])
    for rest, above in found.items():
        for u in above:
            for v in found.get(-rest, ()):
                gap = sp.expand(u - v)
                if gap.free_symbols < u.free_symbols | v.free_symbols:
                    return rest, u, v, gap
    return None


def sigmoid_difference(node: Expr) -> Expr | None:
    """``sigmoid(u) - sigmoid(v) = tanh((u - v)/2) (sigmoid(u) sigmoid(-v) + sigmoid(v) sigmoid(-u))``."""
    pair = _sigmoid_pair(node)
    if pair is None:
        return None
    rest, u, v, gap = pair
    both = sigmoid(u) * sigmoid(-v) + sigmoid(v) * sigmoid(-u)
    return node - rest * sigmoid(u) + rest * sigmoid(v) + rest * sp.tanh(gap / 2) * both


def log_of_sigmoid_difference(node: Expr) -> Expr | None:
    """``log(sigmoid(u) - sigmoid(v)) = log1mexp(u - v) - softplus(-u) - softplus(v)``."""
    pair = _sigmoid_pair(node.args[0]) if isinstance(node, log) and len(node.args[0].args) == 2 else None
    if pair is None:
        return None
    rest, u, v, gap = pair
    if rest.is_negative:
        rest, u, v, gap = -rest, v, u, -gap
    return None if not rest.is_positive else log(rest) + log1mexp(gap) - softplus(-u) - softplus(v)
