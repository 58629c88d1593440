"""Kinds of mistakes: what a wrong claim is instead of the derivative.

Each kind is a value made of the derivative; a claim that has this value at every point tried, at
several sizes, is told so.  A derivative by a symmetric matrix is written in three ways, which are
among the kinds: over all entries (G), as a symmetric matrix ((G + G.T)/2), and over the entries on
and below the diagonal (G + G.T - diag(diag(G))).  A claim may also be right only for symmetric
matrices where the formula has any.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from chainrule.derive.checking.claims import ClaimFailure
from chainrule.derive.checking.comparison import DIGITS, Place, Subject, digits_between, finite
from chainrule.derive.checking.sampling import exact
from chainrule.derive.domains import SYMMETRIC_DOMAINS
from chainrule.derive.numeric import MPMATH, evaluate
from chainrule.derive.program import Dim, Program

Array = npt.NDArray[Any]

#: Digits to which a claim must be what a mistake makes of the derivative.
ENOUGH = 20.0
#: Places that are looked at.
PLACES = 5
#: Domains of matrices that a claim may take for symmetric.
GENERAL_DOMAINS = frozenset({"real", "invertible"})
#: Numerator and denominator of a factor that is told.
MAX_FACTOR = 64


@dataclass(frozen=True)
class Observed:
    """Claim and derivative at one place; ``full`` is the derivative over all entries."""

    claimed: Array
    true: Array
    full: Array
    sizes: Mapping[Dim, int]


@dataclass(frozen=True)
class Mistake:
    """A kind of mistake: the value that it gives, the words, and the domains of the variable {name}."""

    value: Callable[[Array], Any]
    words: str
    domains: frozenset[str] = frozenset()


def _over_triangle(full: Array) -> Any:
    return full + full.T - np.diag(np.diag(full))


#: Of the derivative over all entries of a variable of certain domains.
CONVENTIONS = (
    Mistake(
        lambda full: np.diag(np.diag(full)),
        "the claim is diag(diag(G)), the derivative over the diagonal of {name}; "
        "the derivative G over all entries as independent is asked for",
        frozenset({"diagonal"}),
    ),
    Mistake(
        np.tril,
        "the claim is tril(G), the derivative over the entries on and below the diagonal of {name}; "
        "the derivative G over all entries as independent is asked for",
        frozenset({"lower"}),
    ),
    Mistake(
        lambda full: full,
        "the claim is the derivative G over all entries of {name} as independent; with symmetric=True the "
        "derivative is G + G.T - diag(diag(G)), over the entries on and below the diagonal",
        SYMMETRIC_DOMAINS,
    ),
    Mistake(
        _over_triangle,
        "the claim is G + G.T - diag(diag(G)), the derivative over the entries on and below the diagonal of {name}; "
        "the derivative G over all entries as independent is asked for (symmetric=True asks for the other)",
        SYMMETRIC_DOMAINS,
    ),
    Mistake(
        lambda full: (full + full.T) / 2,
        "the claim is (G + G.T)/2, the derivative as a symmetric matrix, where G is the one over all entries of {name}",
        SYMMETRIC_DOMAINS,
    ),
)

#: Of the derivative itself.
GENERAL = (
    Mistake(lambda true: -true, "the claim has the wrong sign"),
    Mistake(lambda true: true.T, "the claim is the transpose of the derivative"),
    Mistake(lambda true: -true.T, "the claim is the transpose of the derivative with the wrong sign"),
)


def diagnosed(subject: Subject, places: Iterable[Place]) -> str | None:
    """What a wrong claim is instead, if that is a known kind of mistake."""
    few = list(itertools.islice(places, PLACES))
    with mpmath.workdps(DIGITS):
        seen = _observations(subject, few)
        return (_mistake(subject, seen) if seen else None) or _if_symmetric(subject, few)


def _observations(subject: Subject, places: Iterable[Place]) -> list[Observed]:
    found = (_observed(subject, place) for place in places)
    return [row for row in found if row is not None]


def _if_symmetric(subject: Subject, places: list[Place]) -> str | None:
    """The matrix (or matrices) of the formula that the claim takes for symmetric."""
    general = [item.name for item in subject.inputs if item.domain.name in GENERAL_DOMAINS
               and len(item.shape) == 2 and item.shape[0] == item.shape[1]]  # fmt: skip
    read = {name for program in (subject.derivative, subject.claim_program) if program for name in _read(program)}
    wanted = [name for name in general if name in read or subject.claim_program is None]
    for names in [*([name] for name in wanted), *([wanted] if wanted[1:] else [])]:
        seen = _observations(subject, (_symmetrised(place, names) for place in places))
        if seen and all(_same(row.claimed, row.true, min(ENOUGH, subject.tolerant[0])) for row in seen):
            return f"the claim is right only where {' and '.join(names)} {'are' if names[1:] else 'is'} symmetric"
    return None


def _read(program: Program) -> set[str]:
    """What the outputs of a program read."""
    return set().union(*(definition.reads for definition in program.pruned().definitions))


def _symmetrised(place: Place, names: Iterable[str]) -> Place:
    return replace(place, values={
        name: (array + array.T) / 2 if name in names else array for name, array in place.values.items()
    })  # fmt: skip


def _observed(subject: Subject, place: Place) -> Observed | None:
    point = exact(subject.inputs, place.values)
    found = evaluate(subject.derivative, point, MPMATH)
    try:
        claimed = subject.claim(point, place.sizes)
    except ClaimFailure:
        return None
    true, full = (np.asarray(found[name], dtype=object) for name in (subject.name, subject.checked))
    return Observed(claimed, true, full, place.sizes) if all(map(finite, (claimed, true, full))) else None


def _mistake(subject: Subject, seen: list[Observed]) -> str | None:
    enough = min(ENOUGH, subject.tolerant[0])
    variable = next(item for item in subject.inputs if item.name == subject.wrt)
    square = seen[0].full.ndim == 2
    for kind in [kind for kind in CONVENTIONS if square and variable.domain.name in kind.domains]:
        if all(_same(row.claimed, kind.value(row.full), enough) for row in seen):
            return kind.words.format(name=variable.name)
    for kind in GENERAL:
        if all(_same(row.claimed, kind.value(row.true), enough) for row in seen):
            return kind.words
    return _factor(seen, enough)


def _same(claimed: Array, value: Any, enough: float) -> bool:
    value = np.asarray(value, dtype=object)
    if claimed.shape != value.shape:
        return False
    scale = max(map(abs, np.ravel(value)))
    return all(digits_between(gap, scale) >= enough for gap in np.ravel(np.asarray(claimed - value, dtype=object)))


def _factor(seen: list[Observed], enough: float) -> str | None:
    """The number, or the length of an axis, by which the claim is off."""
    ratios = [_ratio(row) for row in seen]
    if any(ratio is None for ratio in ratios):
        return None
    fractions = [_fraction(ratio) for ratio in ratios]
    candidates = {str(fractions[0]): [fractions[0]] * len(seen)}
    for d in seen[0].sizes:
        candidates[d.name] = [Fraction(row.sizes[d]) for row in seen]
        candidates[f"1/{d.name}"] = [Fraction(1, row.sizes[d]) for row in seen]
    for name, values in candidates.items():
        pairs = zip(seen, [mpmath.mpf(value.numerator) / value.denominator for value in values], strict=True)
        if 0 not in values and all(_same(row.claimed, row.true * factor, enough) for row, factor in pairs):
            return f"the claim is {name} times the derivative"
    return None


def _ratio(row: Observed) -> Any:
    place = max(range(row.true.size), key=lambda n: abs(np.ravel(row.true)[n]), default=None)
    if place is None or row.claimed.shape != row.true.shape or not np.ravel(row.true)[place]:
        return None
    return np.ravel(row.claimed)[place] / np.ravel(row.true)[place]


def _fraction(ratio: Any) -> Fraction:
    return Fraction(float(ratio)).limit_denominator(MAX_FACTOR)
