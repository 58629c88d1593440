"""Variances and covariances in moment form, ``mean(x y) - mean(x) mean(y)``, which cancels in floating point."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Add, Expr, Mul

from chainrule.derive.program import Definition, Ref


@dataclass(frozen=True)
class Moment:
    """Two terms of a sum that are ``factor`` times a central moment, at the indices of ``entry``."""

    terms: tuple[Expr, Expr]
    factor: Expr
    entry: Ref
    central: Definition


def central_moment(total: Add, known: Mapping[str, Definition]) -> Moment | None:
    """A covariance among the terms of a sum.

    ``c sum_k w a_k b_k - c w/n (sum_k a_k)(sum_k b_k) = c sum_k w (a_k - A/n)(b_k - B/n)``, where
    ``A`` and ``B`` are the sums.
    """
    for first, second in itertools.permutations(total.args, 2):
        for entry in _sums(first, known):
            pair = _pair(second, entry, known)
            central = pair and _covariance(first / entry, second, known[entry.name], pair, known)
            if central:
                return Moment((first, second), first / entry, entry, central)
    return None


def _sums(term: Expr, known: Mapping[str, Definition]) -> list[Ref]:
    """The factors of a term that are sums."""
    factors = (factor for factor in Mul.make_args(term) if isinstance(factor, Ref))
    return [ref for ref in factors if ref.name in known and known[ref.name].reduce == "sum"]


def _pair(term: Expr, entry: Ref, known: Mapping[str, Definition]) -> tuple[Ref, Ref] | None:
    """The two sums, perhaps the same one, over the same range as ``entry``, whose product a term has."""
    found: list[Ref] = []
    for factor in Mul.make_args(term):
        base, power = factor.as_base_exp()
        if isinstance(base, Ref) and power in (1, 2) and base.name in known and known[base.name].reduce == "sum":
            found += [base] * int(power)
    ranges = {(known[ref.name].bound, ref.indices) for ref in (entry, *found)}
    return (found[0], found[1]) if len(found) == 2 and len(ranges) == 1 else None


def _covariance(
    factor: Expr, second: Expr, whole: Definition, pair: tuple[Ref, Ref], known: Mapping[str, Definition]
) -> Definition | None:
    count = Mul(*whole.bound)
    one, two = (known[ref.name] for ref in pair)
    weight = sp.cancel(whole.body / (one.body * two.body))
    if weight.has(*whole.bound_indices) or sp.cancel(second / (pair[0] * pair[1]) + factor * weight / count) != 0:
        return None
    deviations = (sp.factor_terms(part.body - part[whole.free] / count) for part in (one, two))
    return replace(whole, body=weight * Mul(*deviations), origin="auto")
