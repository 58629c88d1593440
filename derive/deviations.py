"""Deviations from a mean sum to zero: ``sum_k (m - x_k) = 0`` for ``m = 1/n sum_k x_k``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import sympy as sp
from sympy import Add, Expr, Mul

from chainrule.derive.program import Definition, Index, Input, Ref, bound_index

#: Bound indices of the mean are renumbered from here, clear of those of the sum that it stands in.
APART = 100
#: Terms of a sum that may be a deviation.
MAX_TERMS = 6
#: Pointwise definitions between a deviation and its mean that are looked through.
DEPTH = 3


def deviations(
    total: Expr, bound: tuple[Index, ...], lengths: Mapping[Index, Expr], known: Mapping[str, Input | Definition]
) -> tuple[Index, ...]:
    """The bound indices over which ``total`` is a deviation from its own mean; none if it is not."""
    if not isinstance(total, Add) or len(total.args) > MAX_TERMS:
        return ()
    total = opened(total, known)
    means = [ref for ref in total.atoms(Ref) if _is_sum(known[ref.name])]
    for mean in sorted(means, key=lambda ref: ref.sort_key()):
        source = known[mean.name]
        assert isinstance(source, Definition)
        weight, rest = _linear(sp.expand_mul(total), mean)
        for over in itertools.permutations(bound, len(source.bound)):
            same = all(lengths[index] == length for index, length in zip(over, source.bound, strict=True))
            if not same or weight.has(*over) or mean.has(*over):
                continue
            names = {bound_index(APART + position): index for position, index in enumerate(over)}
            value = source.at(mean.indices, APART).xreplace(names)
            if sp.expand(rest + weight * value * Mul(*source.bound)) == 0:
                return over
    return ()


def _is_sum(source: Input | Definition) -> bool:
    return isinstance(source, Definition) and source.reduce == "sum"


def _linear(total: Expr, mean: Ref) -> tuple[Expr, Expr]:
    """``weight`` and ``rest`` with ``total == weight * mean + rest``."""
    having = [term for term in Add.make_args(total) if mean in Mul.make_args(term)]
    return Add(*(term / mean for term in having)), Add(*(t for t in Add.make_args(total) if t not in having))


def opened(total: Expr, known: Mapping[str, Input | Definition]) -> Expr:
    """The expression with the pointwise definitions that it names put in."""
    for _ in range(DEPTH):
        inner = dict(_pointwise(total, known))
        if not inner:
            break
        total = total.xreplace(inner)
    return total


def _pointwise(total: Expr, known: Mapping[str, Input | Definition]) -> Iterator[tuple[Ref, Expr]]:
    for ref in total.atoms(Ref):
        source = known[ref.name]
        if isinstance(source, Definition) and not source.reduce:
            yield ref, source.at(ref.indices)
