"""What can be asked about a distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.errors import InputError, near_names
from chainrule.learning.explanation import Explanation
from chainrule.learning.probability.estimation import estimates
from chainrule.learning.probability.family_moments import exponential_family
from chainrule.learning.probability.fisher import fisher_information
from chainrule.learning.probability.integrals import refuse_unnormalised
from chainrule.learning.probability.likelihood import information, likelihood, score
from chainrule.learning.probability.model import Model, model
from chainrule.learning.probability.posterior import posterior

#: What is derived, by the name of the question.
QUESTIONS: Mapping[str, Callable[[Model], Explanation]] = {
    "likelihood": likelihood,
    "score": score,
    "information": information,
    "estimate": estimates,
    "family": exponential_family,
    "fisher": fisher_information,
    "conjugate": posterior,
}


def distribution(
    source: str | Distribution, what: str = "estimate", *, known: Sequence[str] | None = None,
    support: tuple[str, str] | None = None,
) -> Explanation:  # fmt: skip
    """What follows from a distribution, derived line by line.

    Args:
        source: a name, see ``catalog.distributions``; or declarations, the variable's first, and the
            logarithm of the density: ``"x: positive; lam: positive; log(lam) - lam*x"``.
        what: one of ``QUESTIONS``.
        known: parameters that are given and not estimated.
        support: the lower and the upper end of the support, where it depends on parameters.

    Raises:
        InputError: there is no such question, or the density does not sum or integrate to one.
        UnsupportedError: the question is about exponential families, and this is none.
        UnknownNameError: there is no such distribution or parameter.
        NotationError: the text cannot be read.

    Example:
        >>> print(distribution("exponential").parts[-1].moves[0].right.text)
        n/sum(x)
    """
    if what not in QUESTIONS:
        near = near_names(what, QUESTIONS)
        raise InputError(f"there is no question called {what!r}", expected=", ".join(QUESTIONS), near=near)
    found = model(source, known, support)
    if not found.entry.name:
        refuse_unnormalised(found)
    return QUESTIONS[what](found)
