"""What the expectation of a loss is smallest at, derived from ``E[dL/df] = 0``.

Four laws in turn: where the derivative is a sum of products of functions of the prediction and of the target, the
equation is solved for the prediction, with the moments of the target in it; where the target has two values, the
expectation is a function of one probability, and is minimised piece by piece; where the derivative is constant
between kinks, the equation is one of probabilities, a quantile; else the equation itself is the answer.
Source: Gneiting, Making and evaluating point forecasts (2011).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sympy as sp
from sympy import Abs, Add, Dummy, Expr, S, Symbol, exp, sign

from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.scalar import Indicator, where
from chainrule.learning.convexity.intervals import REALS, Interval, elementary
from chainrule.learning.convexity.scalar import Piece, direction_in, is_convex_in, pieces
from chainrule.learning.losses.sample import Sample, interval_of, numbers

#: The probability of the larger of two values of the target.
P = Symbol("p", positive=True)
#: Probabilities at which candidates for a minimum are compared.
CHANCES = tuple(sp.Rational(n, 20) for n in (1, 5, 9, 11, 15, 19))
#: The odds of it.
ODDS = Symbol("q", positive=True)
#: Degree of factors whose roots are taken.
MAX_DEGREE = 2
#: How closely the smallest of some values is met.
CLOSE = 1e-9


@dataclass(frozen=True)
class Minimiser:
    """Where the expectation of a loss is smallest.

    Attributes:
        text: the prediction, or the equation that it solves.
        value: the prediction in closed form, of ``E[y]`` (or another moment) or of the probability ``p``.
        link: the function that takes the mean of the target to the prediction, if it is one.
        cases: where the closed form depends on the probability: values for smaller and larger than 1/2.
        level: for a quantile, its level.
    """

    text: str
    value: Expr | None = None
    link: str = ""
    cases: tuple[str, str] | None = None
    level: Expr | None = None


def minimiser(one: Sample) -> Minimiser | None:
    """Where the expectation of a loss is smallest; ``None`` where this method does not tell."""
    if one.body is None:
        return None
    values = one.input(one.target).domain.values
    found = _by_moments(one)
    if found is None and len(values) == 2:
        return _of_two_values(one, values)
    return found or _by_probabilities(one) or _by_symmetry(one)


# ---- moments ------------------------------------------------------------------------------------------------


def _by_moments(one: Sample) -> Minimiser | None:
    """The solution of an equation between moments of the target."""
    assert one.body is not None
    f, y = one.symbol(one.prediction), one.symbol(one.target)
    slope = elementary(one.body).diff(f)
    if slope.has(where, Indicator, Abs, sign, sp.Derivative):
        return None
    moments: dict[Expr, Symbol] = {}
    averaged = S.Zero
    top, bottom = sp.together(sp.expand(slope)).as_numer_denom()
    if bottom.has(y):
        return None
    for term in Add.make_args(sp.expand(top)):
        fixed, random = _reduced(term, one.input(one.target).domain.values, y).as_independent(y)
        if random.has(f):
            return None
        name = Symbol(f"E[{random}]", **_sign(random))
        averaged += fixed * (moments.setdefault(random, name) if random != 1 else S.One)
    root = _root(averaged, f, one)
    if root is None or not _is_lowest(one, {name: random for random, name in moments.items()}, root):
        return None
    binary = set(one.input(one.target).domain.values) == {0, 1}
    text = f"{f} = {_plain(root)}" + (" (the probability of 1)" if binary and root == moments.get(y) else "")
    link = _link(root, moments[y]) if set(moments) == {y} else ""
    return Minimiser(text, root, link)


def _reduced(term: Expr, values: Sequence[int], y: Symbol) -> Expr:
    """A term with powers of a target whose values are few as lower powers: squares of 0 and 1, of -1 and 1."""
    square = y if set(values) == {0, 1} else S.One if set(values) == {-1, 1} else None
    while square is not None and term.has(y**2):
        term = sp.expand(term.subs(y**2, square))
    return term


def _is_lowest(one: Sample, moments: dict[Symbol, Expr], root: Expr) -> bool:
    """Whether no other prediction has a smaller expectation, for two values of the target."""
    assert one.body is not None
    f, y = one.symbol(one.prediction), one.symbol(one.target)
    values = (S.Zero, S.One) if one.input(one.target).domain.high else (sp.Rational(1, 2), sp.Integer(2))
    given = _parameters(one)
    means = {name: sum((random.subs(y, value) for value in values), S.Zero) / 2 for name, random in moments.items()}
    risk = sum((one.body.subs(y, value) for value in values), S.Zero).subs(given) / 2
    best = sp.N(root.subs(means).subs(given))
    domain = interval_of(one.input(one.prediction).domain)
    places = (best + sp.Rational(n, 16) for n in range(-24, 25) if n)
    others = [sp.N(risk.subs(f, place)) for place in places if domain.low < place < domain.high]
    return all(value >= sp.N(risk.subs(f, best)) for value in others)


def _sign(random: Expr) -> dict[str, bool]:
    return {"positive": True} if random.is_nonnegative else {"real": True}


def _root(equation: Expr, f: Symbol, one: Sample) -> Expr | None:
    """The only root inside the domain of the prediction, the logarithm of a root if exponentials stand there."""
    power = Dummy("u", positive=True)
    unknown, body, back = f, equation, _same
    if equation.has(exp):
        unknown, back = power, sp.log
        body = sp.expand(sp.powsimp(equation.subs(f, sp.log(power)), force=True))
    elif equation.has(sp.log):
        unknown, back = Dummy("v", real=True), exp
        body = sp.expand(sp.expand_log(equation.subs(f, exp(unknown)), force=True))
    roots = [back(_upright(root)) for root in _two_terms(body, unknown) or _solutions(body, unknown)]
    inside = [root for root in roots if not root.has(f, unknown) and _lies_inside(root, one)]
    return inside[0] if len(inside) == 1 else None


def _same(root: Expr) -> Expr:
    return root


def _upright(root: Expr) -> Expr:
    """A fraction without a minus sign in front of what is positive: ``m/(1 - m)``."""
    top, bottom = sp.factor(root).as_numer_denom()
    return -top / sp.expand(-bottom) if top.could_extract_minus_sign() and bottom.is_Add else top / bottom


def _solutions(body: Expr, unknown: Symbol) -> list[Expr]:
    """The roots of the linear and quadratic factors of a rational function."""
    numerator = sp.together(body).as_numer_denom()[0]
    if not numerator.is_polynomial(unknown):
        return []
    factors = (factor for factor, _ in sp.factor_list(numerator)[1] if factor.has(unknown))
    found = (sp.Poly(factor, unknown) for factor in factors)
    return [root for poly in found if poly.degree() <= MAX_DEGREE for root in sp.roots(poly)]


def _two_terms(body: Expr, unknown: Symbol) -> list[Expr]:
    """The root of two powers of an unknown that are equal."""
    terms = Add.make_args(body)
    if len(terms) != 2:
        return []
    ratio = sp.powsimp(sp.simplify(-terms[0] / terms[1]), force=True)
    rest, power = ratio.as_independent(unknown, as_Add=False)
    degree = sp.simplify(sp.diff(sp.expand_log(sp.log(power), force=True), unknown) * unknown)
    return [sp.powsimp(rest ** (-1 / degree))] if not degree.has(unknown) and degree != 0 and rest.is_positive else []


def _lies_inside(root: Expr, one: Sample) -> bool:
    """Whether a root lies in the domain of the prediction where all moments are 1/3."""
    value = sp.N(root.xreplace({symbol: sp.Rational(1, 3) for symbol in root.free_symbols}))
    domain = interval_of(one.input(one.prediction).domain)
    return bool(value.is_real and domain.low <= value <= domain.high)


def _link(root: Expr, mean: Symbol) -> str:
    """The function of the mean, by its name where it has one."""
    x = Symbol("x", positive=True)
    body = root.xreplace({mean: x})
    if body.free_symbols != {x}:
        return ""
    names = {"identity": x, "log": sp.log(x), "logit": sp.log(x / (1 - x)), "reciprocal": 1 / x}
    known = next((name for name, form in names.items() if sp.simplify(body - form) == 0), None)
    return known or str(body.subs(x, Symbol("mu")))


def _plain(root: Expr) -> str:
    return str(root).replace("**", "^")


# ---- two values -----------------------------------------------------------------------------------------------


def _of_two_values(one: Sample, values: Sequence[int]) -> Minimiser | None:
    """The minimum over the prediction of ``q L(high, f) + L(low, f)`` with the odds ``q``."""
    assert one.body is not None
    f, y = one.symbol(one.prediction), one.symbol(one.target)
    low, high = sorted(values)
    found = _risk(one.body.subs(y, high), one.body.subs(y, low), f)
    if found is None:
        return None
    candidates = dict(_candidates(found, f))
    if not candidates:
        return _unsolved(one, high)
    chosen = [_best(found, f, candidates, chance, one) for chance in CHANCES]
    if any(name is None for name in chosen):
        return _unsolved(one, high)
    below, above = chosen[: len(chosen) // 2], chosen[len(chosen) // 2 :]
    if len(set(below)) > 1 or len(set(above)) > 1:
        return None
    (small, large), name = (str(below[0]), str(above[0])), f"P({y} = {high})"
    if small == large:
        value = candidates[small][0]
        text = f"{f} = {_plain(value)}" + (f" with p = {name}" if value.has(P) else "")
        return Minimiser(text, value, _link(value, P) if value.has(P) else "")
    return Minimiser(f"{large} if {name} > 1/2, {small} if it is smaller", cases=(small, large))


def _risk(first: Expr, second: Expr, f: Symbol) -> list[Piece] | None:
    """The odds times one function plus another, piece by piece; ``None`` where kinks have no certain order."""
    left, right = pieces(first, f, REALS), pieces(second, f, REALS)
    if left is None or right is None:
        return None
    places = list(dict.fromkeys(piece.interval.high for piece in (*left, *right)))
    if not all(place.is_extended_real and (place.is_number or place == sp.oo) for place in places):
        return None
    ends = [-sp.oo, *sorted(places)]
    return [Piece(Interval(a, b), ODDS * _over(left, b) + _over(right, b)) for a, b in itertools.pairwise(ends)]


def _over(found: Sequence[Piece], high: Expr) -> Expr:
    """The piece that reaches up to a place or beyond it."""
    return next(piece.body for piece in found if piece.interval.high >= high)


def _candidates(found: Sequence[Piece], f: Symbol) -> Iterator[tuple[str, tuple[Expr, Piece | None]]]:
    """Places where the risk may be smallest: roots of its slope, kinks, and pieces on which it is constant."""
    for left, right in itertools.pairwise(found):
        del left
        yield f"{f} = {right.interval.low}", (right.interval.low, None)
    for piece in found:
        slope = sp.diff(elementary(piece.body), f)
        if slope == 0:
            yield _where(piece, f), (_middle(piece.interval), piece)
            continue
        power = Dummy("u", positive=True)
        if slope.has(exp):
            swapped = sp.powsimp(sp.expand(slope.subs(f, sp.log(power))), force=True)
            roots = [sp.expand_log(sp.log(root), force=True) for root in _solutions(swapped, power)]
        else:
            roots = _solutions(slope, f)
        for root in roots:
            value = root.subs(sp.log(ODDS), sp.log(P / (1 - P))).subs(ODDS, P / (1 - P))
            value = value if value.has(sp.log) else sp.simplify(value)
            yield f"{f} = {_plain(value)}", (value, piece)


def _where(piece: Piece, f: Symbol) -> str:
    low, high = piece.interval.low, piece.interval.high
    if low == -sp.oo:
        return f"{f} < {high}" if high != sp.oo else f"any {f}"
    return f"{f} > {low}" if high == sp.oo else f"{low} < {f} < {high}"


def _middle(interval: Interval) -> Expr:
    if interval.low == -sp.oo:
        return interval.high - 1 if interval.high != sp.oo else S.Zero
    return interval.low + 1 if interval.high == sp.oo else (interval.low + interval.high) / 2


def _best(
    found: Sequence[Piece], f: Symbol, candidates: dict[str, tuple[Expr, Piece | None]], chance: Expr, one: Sample
) -> str | None:
    """The candidate at which the risk is smallest, if no other place beats it."""
    given = {P: chance, ODDS: chance / (1 - chance), **_parameters(one)}
    heights = {name: _height(found, f, place, piece, given) for name, (place, piece) in candidates.items()}
    best = min(heights, key=lambda name: heights[name])
    return best if heights[best] <= min(_heights(found, f, given)) + CLOSE else None


def _parameters(one: Sample) -> dict[Expr, Expr]:
    """Numbers for the parameters of a loss."""
    return {one.symbol(name): sp.nsimplify(value, rational=True) for name, value in numbers(one).items()}


def _height(found: Sequence[Piece], f: Symbol, place: Expr, piece: Piece | None, given: dict[Expr, Expr]) -> float:
    """The risk at a candidate, infinite where it lies outside of its piece; at a kink the larger of both sides."""
    point = sp.N(place.subs(given))
    if not point.is_real:
        return np.inf
    homes = [piece] if piece is not None else [p for p in found if place in (p.interval.low, p.interval.high)]
    inside = [p for p in homes if p.interval.low.subs(given) <= point <= p.interval.high.subs(given)]
    return max((float(sp.N(home.body.subs(given).subs(f, point))) for home in inside), default=np.inf)


def _heights(found: Sequence[Piece], f: Symbol, given: dict[Expr, Expr]) -> Iterator[float]:
    """The risk at many places."""
    for place in range(-24, 25):
        point = sp.Rational(place, 6)
        for piece in found:
            if piece.interval.low.subs(given) < point < piece.interval.high.subs(given):
                yield float(sp.N(piece.body.subs(given).subs(f, point)))


def _unsolved(one: Sample, high: int) -> Minimiser:
    """The equation, where it has no closed form."""
    return Minimiser(f"solves E[dL/d{one.prediction}] = 0, a function of P({one.target} = {high})")


# ---- probabilities ----------------------------------------------------------------------------------------------


def _by_probabilities(one: Sample) -> Minimiser | None:
    """The equation of probabilities that a derivative makes which is constant between kinks."""
    assert one.body is not None
    f, y = one.symbol(one.prediction), one.symbol(one.target)
    found = pieces(one.body, y, interval_of(one.input(one.target).domain))
    if found is None or len(found) < 2:
        return None
    slopes = [sp.simplify(scalar_derivative(piece.body, f)) for piece in found]
    if any(slope.has(f, y) for slope in slopes):
        return None
    if len(found) == 2 and found[0].interval.high == f:
        level = sp.simplify(-slopes[1] / (slopes[0] - slopes[1]))
        name = "the median" if level == S.Half else f"the {level} quantile"
        return Minimiser(f"{f} = {name} of {y}", level=level)
    kept = [(slope, piece) for slope, piece in zip(slopes, found, strict=True) if slope != 0]
    above, below = ([item for item in kept if (item[0] > 0) == wanted] for wanted in (True, False))
    left, right = (" + ".join(_chance(slope, piece, y) for slope, piece in side) for side in (above, below))
    return Minimiser(f"{left} = {right}")


def _chance(slope: Expr, piece: Piece, y: Symbol) -> str:
    weight = Abs(slope)
    return ("" if weight == 1 else f"{weight}*") + f"P({_where(piece, y)})"


def _by_symmetry(one: Sample) -> Minimiser | None:
    """The equation, and its solution for symmetric distributions."""
    assert one.body is not None
    f, y = one.symbol(one.prediction), one.symbol(one.target)
    r = Symbol("r", real=True)
    body = sp.simplify(one.body.subs(f, y - r))
    plain = elementary(body)
    text = f"E[dL/d{f}] = 0"
    if body.has(y):
        return Minimiser(text)
    flipped = sp.simplify(plain - plain.subs(r, -r)) == 0
    if flipped and is_convex_in(body, r, REALS):
        return Minimiser(f"{text}; the centre of a symmetric distribution")
    if flipped and direction_in(body, r, Interval(S.Zero)) == "nondecreasing":
        return Minimiser(f"{text}; the centre of a symmetric distribution with one peak")
    return Minimiser(text)
