"""Conjugate priors in their general form, of parameters of any number and shape.

    prior       p(theta) ~ exp(sum_k <chi_k, eta_k(theta)> - nu_0 A(theta))
    posterior   p(theta | x) ~ exp(sum_k <chi_k + sum_i T_k(x_i), eta_k(theta)> - (nu_0 + n) A(theta))

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 2.229 and 2.230.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.narrative.symbols import named
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.family import Family
from chainrule.learning.probability.family_moments import family_part
from chainrule.learning.probability.likelihood import given, remarks, title
from chainrule.learning.probability.points import agreement, number, point

#: Points of the parameters at which a posterior is compared with prior and likelihood.
POINTS = 4
#: The count of the prior at which lines are checked.
COUNT = 2.5


def general_posterior(f: Family, reason: str) -> Explanation:
    """The general conjugate prior of all parameters, and how a sample updates it.

    Args:
        f: the likelihood in the form of a family.
        reason: why the prior is not one of the table.
    """
    m = f.m
    names = [f"chi_{place}" if len(f.natural) > 1 else "chi" for place in range(1, len(f.natural) + 1)]
    parts = (*given(m), family_part(f), _prior_part(f, names), _posterior_part(f, names))
    said = (
        f"The prior has no name here: {reason}.",
        "It counts for nu_0 observations whose statistics sum to chi, and can be normalised for some chi and nu_0.",
    )
    return Explanation(title(m, "Conjugate prior"), parts, (*said, *remarks(m)))


def _parameters(f: Family) -> Shown:
    latex = ", ".join(named(name).latex for name in f.m.parameters)
    return Shown(", ".join(f.m.parameters), latex)


def _prior_part(f: Family, names: list[str]) -> Part:
    theta = _parameters(f)
    density = Shown(f"log p({theta.text})", rf"\log p({theta.latex})")
    weights = [named(name) for name in names]
    words = "A prior of the form that the likelihood has as a function of the parameters."
    return Part("Conjugate prior", (Move(_form(f, weights, Shown("nu_0", r"\nu_0")), (density,), (words,)),))


def _form(f: Family, weights: list[Shown], count: Shown) -> Shown:
    """The sum of weighted natural parameters, minus the weighted log-partition."""
    text, latex = [], []
    for weight, eta in zip(weights, f.natural, strict=True):
        symbol = named(eta)
        if f.program.by_name[eta].shape:
            text.append(f"sum({weight.text}*{symbol.text})")
            latex.append(rf"\langle {weight.latex}, {symbol.latex} \rangle")
        else:
            text.append(f"{weight.text}*{symbol.text}")
            latex.append(rf"{weight.latex} \, {symbol.latex}")
    last = named(f.partition)
    return Shown(
        f"{' + '.join(text)} - {count.text}*{last.text} + const",
        rf"{' + '.join(latex)} - {count.latex} \, {last.latex} + \text{{const}}",
    )


def _posterior_part(f: Family, names: list[str]) -> Part:
    theta, x, n = _parameters(f), named(f.m.variable.name), str(f.m.size)
    left = Shown(f"log p({theta.text} | {x.text})", rf"\log p({theta.latex} \mid {x.latex})")
    bayes = Shown(
        f"log p({theta.text}) + sum_i log p({x.text}_i | {theta.text}) - log p({x.text})",
        rf"\log p({theta.latex}) + \sum_i \log p({x.latex}_i \mid {theta.latex}) - \log p({x.latex})",
    )
    sums = [Shown(f"sum_i {t}({x.text}_i)", rf"\sum_i {named(t).latex}({x.latex}_i)") for t in f.statistics]
    grown = [Shown(f"{name} + {total.text}", f"{named(name).latex} + {total.latex}")
             for name, total in zip(names, sums, strict=True)]  # fmt: skip
    inside = [Shown(f"({part.text})", rf"\left({part.latex}\right)") for part in grown]
    check = partial(_difference, f)
    moves = [
        Move(bayes, (left,), ("Bayes' theorem: the posterior is the prior times the likelihood, over the evidence.",)),
        Move(_form(f, inside, Shown(f"(nu_0 + {n})", rf"(\nu_0 + {n})")), (),
             ("Sums of statistics are added to chi, the count to nu_0.",), check),
    ]  # fmt: skip
    moves += [Move(part, (named(f"{name}_n"),), (), check) for name, part in zip(names, grown, strict=True)]
    moves.append(Move(Shown(f"nu_0 + {n}", rf"\nu_0 + {n}"), (named("nu_n"),), (), check))
    return Part("Posterior", tuple(moves))


def _difference(f: Family) -> float:
    """Posterior over prior and likelihood must not depend on the parameters."""
    first = point(f.m)
    sample = first[f.m.variable.name]
    rng = np.random.default_rng(0)
    found, chi = [], list[npt.NDArray[Any]]()
    for seed in range(POINTS):
        values = {**first, **{name: point(f.m, seed)[name] for name in f.m.parameters}}
        row = {**values, f.m.variable.name: sample[0]}
        etas = [f.at(row, eta) for eta in f.natural]
        chi = chi or [rng.normal(size=np.shape(eta)) for eta in etas]
        sums = [sum(f.at({**values, f.m.variable.name: one}, t) for one in sample) for t in f.statistics]
        partition = float(f.at(row, f.partition))
        prior = sum(float(np.sum(w * eta)) for w, eta in zip(chi, etas, strict=True)) - COUNT * partition
        after = sum(float(np.sum((w + s) * eta)) for w, s, eta in zip(chi, sums, etas, strict=True))
        posterior = after - (COUNT + len(sample)) * partition
        found.append(posterior - prior - number(f.m.likelihood.program, values))
    return max(agreement(found[0], other) for other in found[1:])
