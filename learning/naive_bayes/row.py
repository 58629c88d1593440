"""Why a row is taken for a class: its scores and its posterior probabilities, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import mpmath
import numpy as np
from scipy.special import logsumexp

from chainrule.derive.numeric import MPMATH, evaluate
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.graphs.words import word
from chainrule.learning.naive_bayes.columns import Array, Columns
from chainrule.learning.naive_bayes.features import Feature, densities, encoded
from chainrule.learning.probability.points import agreement

#: Digits in which densities are computed again.
DIGITS = 30


def told_row(classes: Sequence[Any], priors: Array, features: Sequence[Feature], data: Columns) -> Explanation:
    """The posterior of the only row of some columns, for a classifier with these classes, priors and features."""
    observed = {item.name: _said(item, data) for item in features}
    missing = [name for name, said in observed.items() if said is None]
    scores, parts = list[float](), list[Part]()
    for place, name in enumerate(classes):
        terms = [float(np.log(priors[place])), *(float(item.log_density(data)[0, place]) for item in features)]
        scores.append(sum(terms))
        parts.append(Part(f"Score of {name}", tuple(_score(str(name), place, priors, features, data, observed, terms))))
    parts.append(_posterior(list(map(str, classes)), scores, priors, features, data))
    best = str(classes[int(np.argmax(scores))])
    remarks = (f"Not observed, and left out: {', '.join(missing)}.",) if missing else ()
    return Explanation(Shown(f"The most probable class: {best}", word(best)), tuple(parts), remarks)


def _gap(computed: float, printed: float) -> float:
    """The relative difference of two numbers, which may both be infinite."""
    return 0.0 if computed == printed else agreement(computed, printed)


def _said(item: Feature, data: Columns) -> str | None:
    """The observation in words; ``None`` if it is missing."""
    if not encoded(item, data)[1][0]:
        return None
    values = [data[column][0] for column in item.columns]
    said = ", ".join(f"{value:.6g}" if isinstance(value, float | np.floating) else str(value) for value in values)
    return said if len(values) == 1 else f"({said})"


def _number(value: float) -> Shown:
    if value == -np.inf:
        return Shown("-inf", r"-\infty")
    return Shown(f"{value:.6g}", rf"{value:.6g}" if "e" not in f"{value:.6g}" else
                 r"{} \cdot 10^{{{}}}".format(*f"{value:.5e}".replace("e", " ").split()))  # fmt: skip


def _score(
    name: str, place: int, priors: Array, features: Sequence[Feature], data: Columns,
    observed: Mapping[str, str | None], terms: Sequence[float],
) -> Iterator[Move]:  # fmt: skip
    yield Move(_number(terms[0]), (_symbol(name),), (f"The prior of {name} is {priors[place]:.6g}.",),
               lambda: _gap(float(mpmath.log(mpmath.mpf(float(priors[place])))), terms[0]))  # fmt: skip
    for item, term in zip(features, terms[1:], strict=True):
        said = observed[item.name]
        if said is not None:
            check = partial(_density_gap, item, place, data, term)
            yield Move(_number(term), (_symbol(f"{item.name} = {said}", name),), (_parameters(item, place),), check)
    yield Move(_number(sum(terms)), (Shown("score", r"\text{score}"),), ("The sum.",),
               lambda: _gap(float(mpmath.fsum(terms)), sum(terms)))  # fmt: skip


def _symbol(what: str, given: str = "") -> Shown:
    if not given:
        return Shown(f"log p({what})", rf"\log p({word(what)})")
    return Shown(f"log p({what} | {given})", rf"\log p({word(what)} \mid {word(given)})")


def _parameters(item: Feature, place: int) -> str:
    """The distribution with the estimates of a class."""
    name = item.m.entry.name.replace("_", " ").capitalize() or "Own distribution"
    given = {**item.known, **item.parameters[place]}
    said = (f"{key} = {float(value):.6g}" for key, value in given.items() if np.ndim(value) == 0)
    return f"{name} distribution, {', '.join(said)}." if any(np.ndim(v) == 0 for v in given.values()) else (
        f"{name} distribution with the estimates of the class.")  # fmt: skip


def _density_gap(item: Feature, place: int, data: Columns, term: float) -> float:
    """A log-density against the same in many digits, of one observation as the table writes it."""
    rows, _ = encoded(item, data)
    values = {**item.known, **item.parameters[place]}
    if item.categories:
        x = np.eye(len(item.categories))[rows[0]]
        with mpmath.workdps(DIGITS):
            found = mpmath.log(mpmath.fdot(map(float, x), map(float, values["p"])))
        return _gap(float(found), term)
    if not np.isfinite(term):
        return _gap(float(np.exp(densities(item, rows[:1], np.array([place]))[0])), 0.0)
    if item.m.entry.name == "multinomial":
        values["m"] = rows[0].sum()
    with mpmath.workdps(DIGITS):
        program = item.m.density.program
        return _gap(float(evaluate(program, {**values, item.m.variable.name: rows[0]}, MPMATH)[
            program.output.name][()]), term)  # fmt: skip


def _posterior(
    names: Sequence[str], scores: Sequence[float], priors: Array, features: Sequence[Feature], data: Columns
) -> Part:
    total = float(logsumexp(scores))
    moves = [Move(_number(total), (Shown("log p(x)", r"\log p(x)"),), ("The logsumexp of the scores.",),
                  lambda: _gap(_in_digits(scores), total))]  # fmt: skip
    for place, (name, score) in enumerate(zip(names, scores, strict=True)):
        value = float(np.exp(score - total))
        left = Shown(f"p({name} | x)", rf"p({word(name)} \mid x)")
        text, latex = f"exp({score:.6g} - {total:.6g})", rf"\exp({_number(score).latex} - ({_number(total).latex}))"
        text = text.replace("- -", "+ ")
        right = Shown(f"{text} = {value:.6g}", f"{latex} = {_number(value).latex}")
        moves.append(Move(right, (left,), (), partial(_product_gap, place, priors, features, data, value)))
    return Part("Posterior", tuple(moves))


def _in_digits(scores: Sequence[float]) -> float:
    with mpmath.workdps(DIGITS):
        return float(mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(score)) for score in scores)))


def _product_gap(place: int, priors: Array, features: Sequence[Feature], data: Columns, value: float) -> float:
    """A posterior against Bayes' theorem with products of densities, in many digits."""
    with mpmath.workdps(DIGITS):
        products = [mpmath.mpf(float(prior)) for prior in priors]
        for item in features:
            densities = item.log_density(data)[0]
            products = [whole * mpmath.exp(mpmath.mpf(float(term)))
                        for whole, term in zip(products, densities, strict=True)]  # fmt: skip
        return _gap(float(products[place] / mpmath.fsum(products)), value)
