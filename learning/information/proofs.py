"""Proofs: a combination as one of facts that are 0 and quantities that are never negative.

Every inequality that follows from ``I(A;B|C) >= 0`` and ``H(A|B) >= 0`` is a sum of elementary ones, found as a linear
programme and confirmed in exact arithmetic.  Source: Yeung, A Framework for Linear Information Inequalities (1997).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
from scipy.optimize import linprog

from chainrule.learning.information.quantities import (
    Combination,
    Key,
    Quantity,
    divergence,
    mixture,
    pairing,
    plus,
)

#: What is never negative: a quantity; ``KL(p||q)`` as ``(p, q)``; ``H(p)`` as ``(p, "")``; ``log(2) - KL(p||m)`` for a
#: mixture ``m`` of ``p`` with another as ``(p, m, "2")``.
Named = Quantity | tuple[str, ...]
#: A part of a proof: its factor, what it is called, what it is made of.
Part = tuple[Fraction, Named, Combination]
LARGEST_DENOMINATOR = 720


def elementary(names: frozenset[str]) -> Iterator[tuple[Named, Combination]]:
    """What is never negative: of variables the elementary quantities, of distributions divergences and entropies.

    The divergence from a mixture with equal weights is at most ``log(2)``.
    """
    variables = sorted(name for name in names if name[0].isupper())
    for name in variables:
        rest = tuple(other for other in variables if other != name)
        yield from _named(Quantity("H", ((name,),), rest))
    for left, right in combinations(variables, 2):
        rest = tuple(other for other in variables if other not in (left, right))
        for size in range(len(rest) + 1):
            for given in combinations(rest, size):
                yield from _named(Quantity("I", ((left,), (right,)), given))
    single = sorted(name for name in names if not name[0].isupper())
    every = [*single, *(mixture(p, q) for p, q in combinations(single, 2))]
    for p in every:
        yield (p, ""), plus((Fraction(-1), pairing(p, p)))
        yield from (((p, q), divergence(p, q)) for q in every if q != p)
    for p, q in combinations(single, 2):
        m = mixture(p, q)
        bit: Combination = {("log", "2"): Fraction(1)}
        yield from (((r, m, "2"), plus((Fraction(1), bit), (Fraction(-1), divergence(r, m)))) for r in (p, q))


def _named(quantity: Quantity) -> Iterator[tuple[Quantity, Combination]]:
    yield quantity, quantity.combination()


def proof(
    goal: Combination, facts: Sequence[tuple[Quantity, Combination]], names: frozenset[str], exact: bool
) -> tuple[Part, ...] | None:
    """The goal as a combination of facts, and unless it is to be 0, of what is never negative with factors >= 0.

    ``None`` if there is none.
    """
    never = [] if exact else list(elementary(names))
    parts = [*((name, made) for name, made in facts), *never]
    if not goal:
        return ()
    if not parts:
        return None
    keys: list[Key] = sorted({key for made in (goal, *(made for _, made in parts)) for key in made}, key=_order)
    columns = np.array([[float(made.get(key, 0)) for _, made in parts] for key in keys])
    wanted = np.array([float(goal.get(key, 0)) for key in keys])
    bounds = [(None, None)] * len(facts) + [(0, None)] * len(never)
    found = linprog(np.ones(len(parts)), A_eq=columns, b_eq=wanted, bounds=bounds) if not facts else linprog(
        np.r_[np.zeros(len(facts)), np.ones(len(never))], A_eq=columns, b_eq=wanted, bounds=bounds)  # fmt: skip
    if found.x is None:
        return None
    factors = [Fraction(float(number)).limit_denominator(LARGEST_DENOMINATOR) for number in found.x]
    used = tuple((factor, *part) for factor, part in zip(factors, parts, strict=True) if factor)
    reached = plus(*((factor, made) for factor, _, made in used))
    return used if reached == goal and all(part[0] > 0 for part in used[_facts_in(used, facts) :]) else None


def _facts_in(used: Sequence[Part], facts: Sequence[tuple[Quantity, Combination]]) -> int:
    return sum(any(part[1] is name for name, _ in facts) for part in used)


def _order(key: Key) -> tuple[int, list[str]]:
    return len(key), sorted(key) if isinstance(key, frozenset) else list(key)
