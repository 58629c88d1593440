"""Divergences and entropies of the members of a family as derivations with formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np

from chainrule.derive.binding import bind
from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.errors import ChainruleError, InputError, UnsupportedError, near_names
from chainrule.derive.formula import Formula
from chainrule.derive.program import Input
from chainrule.derive.render.page import Shown
from chainrule.learning.divergence import parts
from chainrule.learning.divergence.measure import covered
from chainrule.learning.divergence.natural import natural
from chainrule.learning.divergence.pair import Pair, pair
from chainrule.learning.divergence.parts import Quantity
from chainrule.learning.divergence.plain import plain
from chainrule.learning.explanation import Explanation, Part
from chainrule.learning.probability.family_moments import family_part
from chainrule.learning.probability.integrals import refuse_unnormalised
from chainrule.learning.probability.likelihood import remarks
from chainrule.learning.probability.model import Model, model

TITLES = {"kl": "Kullback-Leibler divergence", "entropy": "Entropy", "cross_entropy": "Cross-entropy"}
UNIT = "Logarithms are natural: the value is in nats."
NOT_NEGATIVE = "A divergence is never negative, and zero only if both are the same distribution."
COVERED = "The support of q must cover that of p: it is infinite otherwise."
BREGMAN = (
    f"{NOT_NEGATIVE} This one is the Bregman divergence "
    "of the log-partition: A(eta_2) - A(eta_1) - (eta_2 - eta_1) grad A(eta_1)."
)


@dataclass(frozen=True)
class Divergence(Explanation):
    """The derivation of a divergence or an entropy.

    Attributes:
        what: which one.
        pair: the members of the family, whose parameters are those of ``formula``.
        formula: the closed form, which can be differentiated and compiled like any other.
    """

    what: Quantity = field(kw_only=True)
    pair: Pair = field(kw_only=True)
    formula: Formula = field(kw_only=True)

    def evaluate(self, /, **parameters: Any) -> float:
        """The closed form at parameters; infinite where the support of ``q`` does not cover that of ``p``."""
        values = bind(needed(self.pair, self.what), parameters, dtype=np.float64)[0]
        return np.inf if _uncovered(self.pair, self.what, values) else self.formula.evaluate(**parameters)


@dataclass(frozen=True)
class Numbers:
    """A quantity at parameters.

    Attributes:
        symbol: what it is.
        closed: by the closed form; ``None`` if there is none.
        computed: by a sum or by quadrature; ``None`` if there is none.
        reason: why one of them is missing.
    """

    symbol: str
    closed: float | None
    computed: float | None
    reason: str = ""

    def __str__(self) -> str:
        rows = [("closed form", self.closed), ("by summation or quadrature", self.computed)]
        lines = [f"{self.symbol} = {value:.12g}    {how}" for how, value in rows if value is not None]
        return "\n".join([*lines, *([self.reason] if self.reason else [])])

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain data."""
        return {"quantity": self.symbol, "closed": self.closed, "computed": self.computed, "reason": self.reason}


def needed(members: Pair, what: Quantity) -> tuple[Input, ...]:
    """The parameters that a quantity depends on."""
    return tuple(item for item in members.inputs if what != "entropy" or item not in members.members[1].values())


def _uncovered(members: Pair, what: Quantity, values: Mapping[str, Any]) -> bool:
    return what != "entropy" and not covered(members, values)


def divergence(
    source: str | Distribution, what: str = "kl", *, known: Sequence[str] | None = None,
    support: tuple[str, str] | None = None,
) -> Divergence:  # fmt: skip
    """A divergence or entropy of members of one family in closed form, derived line by line.

    The members are ``p`` with the parameters ``a_1, b_1`` and ``q`` with ``a_2, b_2``; known parameters are the same.
    In an exponential family ``KL(p||q) = (eta_1 - eta_2) E_p[T] - A_1 + A_2`` with the expectations from derivatives
    of the log-partition ``A``; elsewhere it is taken term by term, where the integrals are known.

    Args:
        source: a distribution of the table, or declarations, the variable's first, and the log-density.
        what: ``kl``, ``entropy`` or ``cross_entropy``.
        known: parameters that both members have in common, besides those of the table.
        support: the lower and the upper end of the support, where it depends on parameters.

    Raises:
        InputError: there is no such quantity, or the density does not sum or integrate to one.
        UnsupportedError: there is no closed form by these methods; it says what is in the way.
        UnknownNameError, NotationError: as for :func:`distribution`.

    Example:
        >>> divergence("normal").formula.matrix()
        '((mu_1 - mu_2)**2 + sigma_1**2)/(2*sigma_2**2) + log(sigma_2/sigma_1) - 1/2'
        >>> divergence("exponential", "entropy").formula.matrix()
        '1 - log(lam_1)'
    """
    quantity = _quantity(what)
    return _derived(_model(source, known, support), quantity)


def divergence_at(
    source: str | Distribution, what: str = "kl", *, parameters: Mapping[str, Any], known: Sequence[str] | None = None,
    support: tuple[str, str] | None = None,
) -> Numbers:  # fmt: skip
    """A divergence or entropy at parameters: by its closed form, and on its own by a sum or quadrature.

    Args:
        source: as for :func:`divergence`.
        what: likewise.
        parameters: values by name, ``a_1`` and so on.
        known: as for :func:`divergence`.
        support: likewise.

    Raises:
        InputError, ShapeError, DomainError: the parameters do not fit; as for :func:`divergence` otherwise.

    Example:
        >>> print(divergence_at("exponential", parameters={"lam_1": 1, "lam_2": 2}))
        KL(p||q) = 0.30685281944    closed form
        KL(p||q) = 0.30685281944    by summation or quadrature
    """
    quantity = _quantity(what)
    m = _model(source, known, support)
    members, symbol = pair(m), parts.SYMBOLS[quantity].text
    values = bind(needed(members, quantity), dict(parameters), dtype=np.float64)[0]
    if _uncovered(members, quantity, values):
        return Numbers(symbol, np.inf, np.inf, "The support of q does not cover that of p.")
    closed, computed, reason = None, None, ""
    try:
        closed = _derived(m, quantity).formula.evaluate(**parameters)
    except UnsupportedError as error:
        reason = _sentence(error)
    try:
        computed = parts.computed(members, quantity, values)
    except (UnsupportedError, InputError) as error:
        reason = reason or _sentence(error)
        if closed is None:
            raise
    return Numbers(symbol, closed, computed, reason)


def _sentence(error: ChainruleError) -> str:
    found = f": {error.found}" if error.found else ""
    return f"{error.message[0].upper()}{error.message[1:]}{found}."


def _quantity(what: str) -> Quantity:
    for known in get_args(Quantity):
        if what == known:
            return known  # type: ignore[no-any-return]
    names = get_args(Quantity)
    raise InputError(f"there is no quantity called {what!r}", expected=", ".join(names), near=near_names(what, names))


def _model(source: str | Distribution, known: Sequence[str] | None, support: tuple[str, str] | None) -> Model:
    m = model(source, known, support)
    if not m.entry.name:
        refuse_unnormalised(m)
    return m


def _derived(m: Model, what: Quantity) -> Divergence:
    """By natural parameters; else by a law for the integrals; the first reason if there is neither."""
    try:
        return _natural(m, what)
    except UnsupportedError as error:
        first = error
    try:
        return _plain(m, what)
    except UnsupportedError as error:
        found = error.found or first.found
        raise UnsupportedError(
            f"no closed form by these methods: {first.message}; {error.message}", found=found,
            hint="with parameters, divergence_at (on the command line --at) computes it by a sum or by quadrature",
        ) from None  # fmt: skip


def _natural(m: Model, what: Quantity) -> Divergence:
    n = natural(m)
    start = n.divergence() if what == "kl" else n.cross_entropy(0 if what == "entropy" else 1)
    short = _of(n.pair, what, n.short(start))
    lines = (
        *parts.given(n.pair, what), family_part(n.f), parts.natural_part(n, what, start), parts.equations_part(n),
        parts.expectations_part(n), parts.closed_part(n.pair, what, start, short), *_at_equal(n.pair, what, short),
    )  # fmt: skip
    said = (BREGMAN,) if what == "kl" else ()
    return Divergence(_title(m, what), lines, (*said, UNIT, *remarks(m)), what=what, pair=n.pair, formula=short)


def _plain(m: Model, what: Quantity) -> Divergence:
    found = plain(m)
    body = parts.plain_body(found, what)
    means = found.means(body)
    start = found.expected(body, means)
    short = _of(found.pair, what, found.short(start))
    lines = (
        *parts.given(found.pair, what), parts.terms_part(found, what, body), *parts.law_part(found, means),
        parts.closed_part(found.pair, what, start, short), *_at_equal(found.pair, what, short),
    )  # fmt: skip
    said: tuple[str, ...] = (NOT_NEGATIVE,) if what == "kl" else ()
    covers = (COVERED,) if what != "entropy" and any(m.entry.support) else ()
    said = (*said, *covers, UNIT, *remarks(m))
    return Divergence(_title(m, what), lines, said, what=what, pair=found.pair, formula=short)


def _at_equal(members: Pair, what: Quantity, short: Formula) -> tuple[Part, ...]:
    return (parts.equal_part(members, short),) if what == "kl" else ()


def _of(members: Pair, what: Quantity, short: Formula) -> Formula:
    """The formula as a function of what the quantity depends on."""
    inputs = needed(members, what)
    return Formula(replace(short.program, inputs=inputs))


def _title(m: Model, what: Quantity) -> Shown:
    name = m.entry.name.replace("_", " ") or "own"
    return Shown(f"{TITLES[what]}: {name} distribution", rf"\text{{{TITLES[what]}: {name} distribution}}")
