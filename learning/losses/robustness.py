"""How far one outlier moves a loss: the limits of its derivative by the prediction; calibration of classifiers.

The influence of an observation on a minimiser is proportional to the derivative of its loss: bounded where that
is, and vanishing for far outliers where that redescends to zero.
Sources: Huber and Ronchetti, Robust Statistics (2009), section 3.2; Bartlett, Jordan and McAuliffe, Convexity,
classification, and risk bounds (2006), theorem 2.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy as sp
from sympy import Expr, Symbol

from chainrule.derive.domains import Domain
from chainrule.derive.goals import gradient
from chainrule.learning.convexity.intervals import REALS, elementary
from chainrule.learning.convexity.scalar import Piece, direction_in, is_convex_in, pieces
from chainrule.learning.losses.sample import Sample, interval_of

Influence = Literal["bounded", "unbounded", "redescending", "flat", "undecided"]
#: Distances from the end of a domain at which the gradient of several classes is computed.
NEAR, FAR = (1e-4, 1e-8), (50.0, 100.0)
#: Classes that it is computed for.
CLASSES = 3


@dataclass(frozen=True)
class Robustness:
    """What becomes of the derivative by the prediction far out.

    Attributes:
        influence: bounded, unbounded, redescending (bounded, and vanishing far out), or flat everywhere.
        limits: what goes where, and the limit of the derivative.
        calibrated: for scores of two classes, whether the minimiser has the sign of the likelier class.
    """

    influence: Influence
    limits: tuple[tuple[str, Expr], ...]
    calibrated: bool | None = None

    @property
    def text(self) -> str:
        """It in words."""
        ways = ", ".join(f"{limit} as {where}" for where, limit in self.limits)
        words = {None: "", True: "; classification-calibrated", False: "; not classification-calibrated"}
        if self.influence == "flat":
            return "the gradient is 0 wherever it exists" + words[self.calibrated]
        told = "undecided" if self.influence == "undecided" else f"{self.influence} gradient"
        return told + (f": {ways}" if ways else "") + words[self.calibrated]


def robustness(one: Sample) -> Robustness | None:
    """The robustness of a loss of single numbers; ``None`` for others."""
    if one.body is None:
        return None
    y, f = one.input(one.target), one.symbol(one.prediction)
    values: list[float] = sorted(y.domain.values) or _both_ends(y.domain)
    limits: list[tuple[str, Expr | None]] = []
    if len(values) == 2:
        domain = interval_of(one.input(one.prediction).domain)
        for value, end in zip(values, (domain.high, domain.low), strict=True):
            body = one.body.subs(one.symbol(one.target), sp.Integer(value))
            limits.append((f"{f} -> {end} for {one.target} = {value:g}", _limit(body, f, f, end)))
    else:
        domain = interval_of(y.domain)
        symbol = one.symbol(one.target)
        limits += [(f"{symbol} -> {end}", _limit(one.body, f, symbol, end)) for end in (domain.low, domain.high)]
    known = tuple((where, limit) for where, limit in limits if limit is not None)
    influence = "flat" if _is_flat(one, values) else _influence(known, len(limits))
    return Robustness(influence, known, _calibrated(one, sorted(y.domain.values)))


def _both_ends(domain: Domain) -> list[float]:
    return [domain.low, domain.high] if domain.low is not None and domain.high is not None else []


def _is_flat(one: Sample, values: Sequence[float]) -> bool:
    """Whether a loss is constant in the prediction, piece by piece."""
    assert one.body is not None
    f, y = one.symbol(one.prediction), one.symbol(one.target)
    found = [pieces(one.body.subs(y, sp.Integer(value)), f, REALS) for value in values]
    return bool(found) and all(parts is not None and not any(part.body.has(f) for part in parts) for parts in found)


def _influence(known: tuple[tuple[str, Expr], ...], wanted: int) -> Influence:
    ends = [limit for _, limit in known]
    if any(limit.is_infinite for limit in ends):
        return "unbounded"
    if len(ends) < wanted:
        return "undecided"
    return "redescending" if all(limit == 0 for limit in ends) else "bounded"


def _limit(body: Expr, f: Symbol, moving: Symbol, end: Expr) -> Expr | None:
    """The limit of the derivative by ``f`` as a symbol goes to an end of its range."""
    found = pieces(body, moving, REALS)
    if found is None:
        return None
    outer = found[0] if end == -sp.oo else found[-1]
    if end.is_finite:
        outer = next(piece for piece in found if not end < piece.interval.low and not end > piece.interval.high)
    slope = sp.expand(sp.diff(elementary(outer.body), f))
    side = "-" if end == sp.oo or (end.is_finite and end != 0) else "+"
    found_limit = _tried(slope, moving, end, side)
    if found_limit is None and not end.is_finite:
        found_limit = _tried(sp.simplify(slope.subs(moving, -moving)), moving, -end, "+")
    return found_limit


def _tried(slope: Expr, moving: Symbol, end: Expr, side: str) -> Expr | None:
    try:
        limit = sp.limit(slope, moving, end, side)
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    good = isinstance(limit, Expr) and not limit.has(sp.Limit, sp.nan, sp.AccumBounds)
    return sp.powsimp(sp.factor(limit)) if good else None


def _calibrated(one: Sample, values: list[int]) -> bool | None:
    """Whether a loss of the margin leads to the likelier class.

    A convex loss does exactly if it has a negative slope at zero; so does one that nowhere rises and falls at zero.
    """
    f, y = one.symbol(one.prediction), one.symbol(one.target)
    if len(values) != 2 or interval_of(one.input(one.prediction).domain) != REALS or one.body is None:
        return None
    low, high = (one.body.subs(y, value) for value in values)
    if sp.simplify(elementary(low.subs(f, -f) - high)) != 0:
        return None
    found = pieces(high, f, REALS)
    if found is None:
        return None
    sides = [p for p in found if p.interval.low == 0 or p.interval.high == 0 or p.interval.low < 0 < p.interval.high]
    slopes = [sp.simplify(sp.diff(elementary(piece.body), f).subs(f, 0)) for piece in sides]
    values_at = [sp.simplify(elementary(piece.body).subs(f, 0)) for piece in sides]
    if is_convex_in(high, f, REALS):
        return all(slope.is_negative is True and slope == slopes[0] for slope in slopes)
    falls = all(slope.is_negative for slope in slopes) or values_at[0] > values_at[-1]
    if direction_in(high, f, REALS) == "nonincreasing" or _steps_down(found, f):
        return True if falls else None
    return None


def _steps_down(found: Sequence[Piece], f: Symbol) -> bool:
    """Whether the pieces are constant and each is lower than the one before."""
    bodies = [piece.body for piece in found]
    return not any(body.has(f) for body in bodies) and all(b - a <= 0 for a, b in itertools.pairwise(bodies))


def far_out(one: Sample) -> str:
    """Of several classes: the gradient as the prediction for the true class goes to the lower end of its domain."""
    f, y = one.input(one.prediction), one.input(one.target)
    if len(f.shape) != 1 or not y.domain.sums_to_one or len(one.formula.inputs) > 2:
        return ""
    slope = gradient(one.formula, f.name).result[f.name]
    ends = [-far for far in FAR] if f.domain.low is None else [f.domain.low + near for near in NEAR]
    rest = 0.0 if f.domain.low is None else 1 / CLASSES
    found = []
    for end in ends:
        place = np.array([end] + [rest] * (CLASSES - 1))
        found.append(slope.evaluate(**{f.name: place, y.name: np.eye(CLASSES)[0]}))
    way = f"as {f.name}[class] -> {'-oo' if f.domain.low is None else f'{f.domain.low:g}'}"
    if np.abs(found[1]).max() > 2 * np.abs(found[0]).max():
        return f"unbounded gradient {way}"
    settled = bool(np.allclose(found[0], found[1], atol=1e-6))
    return f"bounded gradient: {round(found[1][0], 6):g} for the true class {way}" if settled else ""
