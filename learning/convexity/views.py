"""Parts of a scalar function seen through a power, a logarithm or an exponential of them that has a curvature.

``sum(x^2)`` is the square of a norm, ``sum(1/x)`` the inverse of a harmonic mean, ``logsumexp(g)`` the logarithm of
``sum(exp(g))``, and so on: what stands around them is then a scalar function of the norm, the mean, or the sum.
Source: Boyd and Vandenberghe, Convex Optimization (2004), sections 3.1.5 and 3.2.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import sympy as sp
from sympy import Abs, Add, Expr, Mul, Pow, S, Symbol, exp, log

from chainrule.derive.program import Definition, Ref
from chainrule.learning.convexity.claims import Claim, Known
from chainrule.learning.convexity.intervals import NONNEGATIVE, REALS, Interval

#: Stands for a part in a scalar function: the part, a power of it, its logarithm, or its exponential.
View = tuple[Claim, Callable[[Symbol], Expr]]


def views(leaf: Expr, calculus: Known) -> Iterator[View]:
    """What can stand for a part: itself, and what it is a function of."""
    claim = calculus.entry(leaf)
    if claim is not None:
        yield claim, lambda symbol: symbol
    if claim is not None and claim.curvature in ("constant", "affine"):
        return
    for exponent in _exponents(leaf, calculus):
        found = power(leaf, exponent, calculus)
        if found is not None:
            yield found, lambda symbol, exponent=exponent: symbol**exponent  # type: ignore[misc]
    for claim, inverse in ((logarithm(leaf, calculus), exp), (exponential(leaf, calculus), log)):
        if claim is not None:
            yield claim, inverse


def _definition(leaf: Expr, calculus: Known) -> Definition | None:
    item = calculus.program.by_name[leaf.name] if isinstance(leaf, Ref) else None
    return item if isinstance(item, Definition) else None


# ---- powers -------------------------------------------------------------------------------------------------


def _exponents(leaf: Expr, calculus: Known) -> list[Expr]:
    """The powers that a part may be a sum of: 2 first, and those in it; the size of a matrix for its determinant."""
    item = _definition(leaf, calculus)
    if item is not None and item.reduce == "det":
        return [item.bound[0]]
    read = item.body if item is not None and item.reduce == "sum" else leaf
    terms = [(term, *Mul.make_args(term)) for term in Add.make_args(read)]
    found = [_as_power(factor)[1] for term in terms for factor in term]
    sized = [_as_power(term)[1] for term, *_ in terms if isinstance(_as_power(term)[0], Abs)]
    found = sized or found
    others = [number for number in found if number.is_Rational and number not in (1, 2)]
    return [S(2), *dict.fromkeys(others)] if len(set(others)) <= 1 else [S(2)]


def _as_power(expr: Expr) -> tuple[Expr, Expr]:
    """Base and exponent, also of ``|g| g^2``, which is how SymPy has ``|g|^3``."""
    sizes = [factor for factor in Mul.make_args(expr) if isinstance(factor, Abs)]
    if len(sizes) == 1:
        base, exponent = (expr / sizes[0]).as_base_exp()
        if base == sizes[0].args[0] and exponent.is_Integer and exponent % 2 == 0:
            return sizes[0], exponent + 1
    found: tuple[Expr, Expr] = expr.as_base_exp() if isinstance(expr, Pow) else (expr, S.One)
    return found


def power(expr: Expr, exponent: Expr, calculus: Known) -> Claim | None:
    """The root of a sum of powers, by Minkowski's inequality: a norm of convex parts, or a mean of concave ones.

    Also the ``n``-th root of the determinant of a positive definite matrix.
    """
    item = _definition(expr, calculus)
    if item is not None and item.reduce == "det":
        body = calculus.entry(item.body) if calculus.is_definite(item) else None
        parts: tuple[Claim, ...] | None = None if body is None else (replace(body, lengths=item.lengths),)
        rule, curvature = "determinant-root", "concave"
    else:
        parts = _powers(expr, exponent, calculus)
        norm = exponent > 1
        rule, curvature = ("norm", "convex") if norm else ("power-mean", "concave")
    if parts is None:
        return None
    wording = "sqrt" if exponent == 2 else "power"
    return Claim(expr, curvature, NONNEGATIVE, rule, parts, wording=wording, exponent=1 / exponent)  # type: ignore[arg-type]


def _powers(expr: Expr, exponent: Expr, calculus: Known) -> tuple[Claim, ...] | None:
    """What is raised in a sum of powers: affine (an even power, or a size) or nonnegative and convex; concave."""
    if not calculus.moves(expr):
        return () if expr.is_nonnegative and exponent > 1 else None
    if isinstance(expr, Add):
        found = [_powers(arg, exponent, calculus) for arg in expr.args]
        kept = [parts for parts in found if parts is not None]
        return tuple(part for parts in kept for part in parts) if len(kept) == len(found) else None
    raised, exponent_of = _as_power(expr)
    if exponent_of == exponent and exponent != 1:
        base = calculus.entry(raised)
        return (base,) if base is not None and _may_be_raised(base, exponent) else None
    if isinstance(expr, Mul):
        rest = [factor for factor in expr.args if calculus.moves(factor)]
        weight = Mul(*(factor for factor in expr.args if not calculus.moves(factor)))
        if weight.is_nonnegative and weight != 1:
            return _powers(Mul(*rest), exponent, calculus)
        return calculus.squares(expr) if exponent == 2 else None
    return _power_sum(expr, exponent, calculus) if isinstance(expr, Ref) else None


def _power_sum(expr: Ref, exponent: Expr, calculus: Known) -> tuple[Claim, ...] | None:
    item = _definition(expr, calculus)
    if item is None or item.reduce not in ("", "sum"):
        return None
    inner = _powers(item.body, exponent, calculus)
    if inner is not None and item.reduce:
        return tuple(part if part.lengths else replace(part, lengths=item.lengths) for part in inner)
    return inner if inner is not None or exponent != 2 else calculus.squares(expr)


def _may_be_raised(base: Claim, exponent: Expr) -> bool:
    positive = bool(base.interval.low.is_nonnegative)
    if exponent > 1:
        even = exponent.is_Integer and exponent % 2 == 0
        return (base.is_("convex") and positive) or (bool(even) and base.curvature == "affine")
    return base.is_("concave") and positive


# ---- logarithms and exponentials ------------------------------------------------------------------------------


def logarithm(expr: Expr, calculus: Known) -> Claim | None:
    """The logarithm of a positive part, if its curvature is known."""
    item = _definition(expr, calculus)
    if item is None:
        return None
    if item.reduce == "det" and calculus.is_definite(item):
        body = calculus.entry(item.body)
        return None if body is None else Claim(expr, "concave", REALS, "log-determinant", (body,), wording="log")
    if item.sign != "positive" or item.reduce not in ("sum", "prod", ""):
        return None
    if item.reduce == "sum":
        inner = _exponent(item.body, calculus)
        if inner is None or not inner.is_("convex"):
            return None
        return Claim(expr, "convex", REALS, "log-sum-exp", (replace(inner, lengths=item.lengths),), wording="log")
    inner = calculus.entry(log(item.body))
    if inner is None:
        return None
    inner = replace(inner, lengths=item.lengths)
    return Claim(expr, inner.curvature, REALS, "weighted-sum", (inner,), wording="log")


def _exponent(body: Expr, calculus: Known) -> Claim | None:
    """What stands in an exponential with a constant positive factor, or the logarithm of a positive body."""
    if isinstance(body, Ref) and (found := logarithm(body, calculus)):
        return found
    return calculus.entry(sp.expand_log(log(body))) if body.is_positive else None


def exponential(expr: Expr, calculus: Known) -> Claim | None:
    """The sum of exponentials that a part is the logarithm of."""
    item = _definition(expr, calculus)
    if item is None or item.reduce != "logsumexp":
        return None
    inner = calculus.entry(exp(item.body))
    if inner is None or not inner.curvature:
        return None
    inner = replace(inner, lengths=item.lengths)
    low = S.Zero if inner.interval.low.is_nonnegative else S.NegativeInfinity
    return Claim(expr, inner.curvature, Interval(low), "weighted-sum", (inner,), wording="exp")
