"""Indices written in two digits, ``i = p*a + b`` with ``b`` below ``p``, where quotients by ``p`` are read.

A sum over ``i`` of what reads ``i // p`` and ``i % p`` is a sum over both digits, and reads ``a`` and ``b``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import sympy as sp
from sympy import Expr, Mod, floor

from chainrule.derive.program import Index, Ref, bound_index
from chainrule.derive.ranges import divided, reduced


def splittable(exprs: Iterable[Expr], lengths: Mapping[Index, Expr]) -> tuple[Index, Expr, Expr] | None:
    """An index that occurs in quotients by a divisor of its length, with the divisor and the quotient."""
    parts = {part for expr in exprs for part in expr.atoms(floor, Mod)}
    for part in sorted(parts, key=lambda part: (part.count_ops(), str(part))):
        inner, modulus = part.args if isinstance(part, Mod) else sp.together(part.args[0]).as_numer_denom()
        length = lengths.get(inner)
        if length is None or length == modulus:
            continue
        count, rest = divided(length, modulus)
        if rest == 0:
            return inner, modulus, count
    return None


def in_digits(body: Expr, bound: Mapping[Index, Expr], free: Mapping[Index, Expr]) -> tuple[Expr, dict[Index, Expr]]:
    """A body whose bound indices are split wherever that can be done, and its bound indices then."""
    ranges = dict(bound)
    while (found := splittable([body], ranges)) is not None:
        index, modulus, count = found
        unused = (bound_index(position) for position in itertools.count() if bound_index(position) not in ranges)
        low, high = next(unused), next(unused)
        ranges |= {high: count, low: modulus}
        del ranges[index]
        body = reduced(body.xreplace({index: modulus * high + low}), {**free, **ranges})
    return body, ranges if ranges.keys() == bound.keys() else _as_read(body, ranges)


def _as_read(body: Expr, ranges: Mapping[Index, Expr]) -> dict[Index, Expr]:
    """The ranges in the order in which the arrays of a body have the indices."""
    refs = sorted(body.atoms(Ref), key=lambda ref: ref.sort_key())
    order = dict.fromkeys(index for ref in refs for index in ref.indices if index in ranges)
    return {index: ranges[index] for index in (*order, *(index for index in ranges if index not in order))}
