"""Sanity checks below a result: where it vanishes, what it sums to, how it scales, what it tends to.

Every check is proved by the form of the formula or of its derivative; without a proof there is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from chainrule.derive.narrative.check import Check, Question
from chainrule.derive.narrative.check_sums import scales, shifts, steady_gradient
from chainrule.derive.narrative.check_values import convex, ends, values_at_zero
from chainrule.derive.narrative.check_zeros import beyond, vanishes

#: Checks of one derivation that are told, the most telling first.
MAX_CHECKS = 3
#: Definitions of a result up to which it is looked at.
MAX_DEFINITIONS = 60

_KINDS: Mapping[str, tuple[Callable[[Question], Iterator[Check]], ...]] = {
    "gradient": (vanishes, beyond, shifts, scales, values_at_zero, ends),
    "jacobian": (vanishes, shifts, scales, values_at_zero, ends),
    "hessian": (convex, steady_gradient, values_at_zero),
}


def checks(question: Question) -> tuple[Check, ...]:
    """The checks of a derivation, the most telling first."""
    if len(question.program.definitions) > MAX_DEFINITIONS:
        return ()
    found = itertools.chain.from_iterable(kind(question) for kind in _KINDS.get(question.goal, ()))
    return tuple(itertools.islice(found, MAX_CHECKS))
