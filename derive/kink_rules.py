"""The rules of functions with kinks behind the identities: each takes a node and gives its other form, or None.

Every law holds at the kinks too, with the values that the functions have there.
"""

from __future__ import annotations

import sympy as sp
from sympy import Add, Expr, Mul, S, sign

from chainrule.derive.catalog import elementwise as fn
from chainrule.derive.scalar import less, where
from chainrule.derive.scalar_rules import applications, factors_of

# ---- signs ---------------------------------------------------------------------------------------------


def times_sign(node: Expr) -> Expr | None:
    """``x sign(x) = |x|``, ``|x| sign(x) = x``, ``x/|x| = sign(x)``, ``|x|/x = sign(x)``, ``sign(x)/|x| = 1/x``."""
    powers = dict(factors_of(node)) if isinstance(node, Mul) else {}
    for base, power in powers.items():
        x = base.args[0] if isinstance(base, sign | sp.Abs) else None
        if x is None or not power.is_Integer:
            continue
        if isinstance(base, sign) and power > 0:
            for mate, product in ((x, sp.Abs(x)), (sp.Abs(x), x)):
                if (powers.get(mate, S.Zero) - 1).is_nonnegative:
                    return node / base / mate * product
            if (powers.get(sp.Abs(x), S.Zero) + 1).is_nonpositive:
                return node / base * sp.Abs(x) / x
        mated = powers.get(x, S.Zero)
        if isinstance(base, sp.Abs) and ((power < 0 < mated) if mated.is_Integer else False):
            return node * base / x * sign(x)
        if isinstance(base, sp.Abs) and ((mated < 0 < power) if mated.is_Integer else False):
            return node / base * x * sign(x)
    return None


def sign_powers(node: Expr) -> Expr | None:
    """``sign(x)^3 = sign(x)`` and ``sign(x)^4 = sign(x)^2``."""
    if not isinstance(node, sp.Pow) or not isinstance(node.base, sign) or not node.exp.is_Integer or node.exp < 3:
        return None
    return node.base ** (2 - node.exp % 2)


def _direction(u: Expr) -> Expr:
    """An expression with the sign of ``u``, as short as it is found: multiplied out, without positive factors."""
    short = min((u, sp.expand(u)), key=lambda form: (form.count_ops(), form is not u))
    factors = Mul.make_args(sp.factor_terms(short))
    return Mul(*(factor for factor in factors if not factor.is_positive))


def only_the_sign(node: Expr) -> Expr | None:
    """``step(c u) = step(u)`` and ``sign(c u) = sign(u)`` for positive ``c``; what cancels in ``u`` cancels."""
    if not isinstance(node, sign) and node.func != fn.step.function:
        return None
    u = _direction(node.args[0])
    return None if u == node.args[0] or u.count_ops() >= node.args[0].count_ops() else node.func(u)


def relu_of_multiple(node: Expr) -> Expr | None:
    """``relu(c u) = c relu(u)`` for positive ``c``."""
    factors = Mul.make_args(node.args[0]) if node.func == fn.relu.function else ()
    outside = Mul(*(factor for factor in factors if factor.is_positive))
    return None if outside == 1 or outside == node.args[0] else outside * fn.relu(node.args[0] / outside)


# ---- steps beside what they belong to -------------------------------------------------------------------


def maximum_times_step(node: Expr) -> Expr | None:
    """``max(0, x) step(x) = max(0, x)``: both sides are 0 at the kink."""
    steps = dict(applications(node, fn.step)) if isinstance(node, Mul) else {}
    for base, _ in factors_of(node):
        if base.func != fn.maximum.function or S.Zero not in base.args:
            continue
        x = base.args[0] + base.args[1]
        if x in steps:
            return node / fn.step(x) ** steps[x]
    return None


def relu_times_indicator(node: Expr) -> Expr | None:
    """``relu(u)^k where(u > 0, c, d) = c relu(u)^k``: where u is not positive both sides are 0."""
    above = {u for u, power in applications(node, fn.relu) if power.is_positive} if isinstance(node, Mul) else set()
    for factor in node.args if above else ():
        if isinstance(factor, where) and factor.args[0] in {less(S.Zero, u) for u in above}:
            return node / factor * factor.args[1]
    return None


def reflect_steps(node: Expr) -> Expr | None:
    """Both ``step(u)`` and ``step(-u) = 1 - step(u)`` in a sum: all in one of them, where that is shorter."""
    found = node.atoms(fn.step.function) if isinstance(node, Add) else set()
    for one in sorted(found, key=sp.default_sort_key):
        u = one.args[0]
        if fn.step(-u) in found and not u.could_extract_minus_sign():
            result = sp.expand_mul(node.xreplace({fn.step(-u): 1 - one}))
            if result.count_ops() < node.count_ops():
                return result
    return None
