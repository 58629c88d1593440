"""What a critical point is: by the signs of the Hessian's eigenvalues, and by higher orders where some are zero.

All roots of the characteristic polynomial of a symmetric matrix are real, so that the signs of its coefficients count
the positive and the negative ones exactly (Descartes).  Where the Hessian is semidefinite with one zero eigenvalue, the
function is reduced to a curve on which the other partial derivatives vanish.
Source: Golubitsky and Guillemin, Stable Mappings and Their Singularities (1973), section III.4 (splitting lemma).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import sympy as sp
from sympy import CRootOf, Dummy, Expr, Matrix, Poly, S, Symbol

from chainrule.learning.convexity.exact import is_certainly_positive
from chainrule.learning.convexity.intervals import sign_in
from chainrule.learning.convexity.patterns import pattern

Kind = Literal["minimum", "maximum", "saddle point", "inflection point", "undecided"]
#: Orders up to which a function is looked at where its Hessian is singular.
MAX_ORDER = 8
#: Directions that are tried where the Hessian has parameters.
MAX_TRIED = 30
#: Operations of a function whose sign is asked for everywhere.
MAX_OPERATIONS = 60
#: Digits of algebraic numbers, and how near to zero they come without being it.
DIGITS, NEAR = 50, sp.Rational(1, 10**30)
#: What numbers within 1e-10 may have lost.
ROUGH = sp.Rational(1, 10**6)


@dataclass(frozen=True)
class Nature:
    """What a critical point is.

    Attributes:
        kind: minimum, maximum (local ones), saddle point, inflection point, or undecided.
        reason: why.
        spectrum: how many eigenvalues of the Hessian are positive, negative and zero; ``None`` if not known.
        direction: a direction along which the function falls below its value, at a saddle point.
        slope: along it, the second derivative.
        unless: what must not be zero for all this.
    """

    kind: Kind
    reason: str
    spectrum: tuple[int, int, int] | None
    direction: tuple[Expr, ...] = ()
    slope: Expr = S.Zero
    unless: tuple[Expr, ...] = ()


def sign_of(value: Expr, unless: list[Expr] | None = None) -> int | None:
    """The sign of a number, or of an expression by what is known of its symbols; ``None`` if it is not certain.

    With ``unless``, what is positive but where it is zero counts as positive, and is noted there.
    """
    if value.is_number:
        return _of_number(value)
    if value.is_zero or sp.simplify(value) == 0:
        return 0
    whole = sp.factor(value)
    sign = sign_in(whole, ())
    if unless is not None and sign in ("nonnegative", "nonpositive"):
        unless += [f for f in _bases(whole) if not f.is_positive and f not in unless]
        return 1 if sign == "nonnegative" else -1
    return {"positive": 1, "negative": -1, "zero": 0}.get(sign)


def _bases(whole: Expr) -> list[Expr]:
    factors = (factor.as_base_exp()[0] for factor in sp.Mul.make_args(whole))
    return [base for base in factors if base.free_symbols]


def _of_number(value: Expr) -> int | None:
    """The sign of a number; algebraic ones come near to zero only if they are zero."""
    number = sp.N(value, 40)
    if value.has(sp.Float):
        return int(sp.sign(number)) if abs(number) > ROUGH else None
    if value.is_algebraic or value.has(CRootOf):
        if abs(number) > NEAR:
            return int(sp.sign(number))
        return 0 if value == 0 or sp.simplify(value) == 0 else None
    if is_certainly_positive(value) or is_certainly_positive(-value):
        return int(sp.sign(number))
    return 0 if sp.simplify(value) == 0 else None


def spectrum(hessian: Matrix, unless: list[Expr]) -> tuple[int, int, int] | None:
    """How many eigenvalues of a symmetric matrix are positive, negative and zero."""
    unknown = Dummy("lambda")
    rough = hessian.evalf(DIGITS) if hessian.has(CRootOf, sp.Float) else hessian
    coefficients = rough.charpoly(unknown).all_coeffs()[1:]
    signs = [1, *(sign_of(c if c.has(sp.Float) else sp.simplify(c), unless) for c in coefficients)]
    counts = {_counted(chosen) for chosen in _completed(signs)}
    return next(iter(counts)) if len(counts) == 1 else None


def _completed(signs: Sequence[int | None]) -> Iterator[tuple[int, ...]]:
    """The signs with every possibility for those that are not known."""
    return itertools.product(*([sign] if sign is not None else [-1, 0, 1] for sign in signs))


def _counted(signs: Sequence[int]) -> tuple[int, int, int]:
    """Positive, negative and zero roots of a polynomial all of whose roots are real."""
    zero = next(n for n, sign in enumerate(reversed(signs)) if sign)
    positive = sum(a != b for a, b in itertools.pairwise(sign for sign in signs if sign))
    return positive, len(signs) - 1 - positive - zero, zero


def nature(body: Expr, symbols: Sequence[Symbol], place: Mapping[Symbol, Expr], hessian: Matrix) -> Nature:
    """What the critical point of a smooth function is."""
    unless: list[Expr] = []
    found = spectrum(hessian, unless)
    if found is None:
        return Nature("undecided", "the signs of the eigenvalues depend on what is given", None)
    positive, negative, zero = found
    conditions = tuple(unless)
    if positive and negative:
        direction = falling(hessian)
        slope = _along(hessian, direction) if direction else S.Zero
        return Nature("saddle point", "eigenvalues of both signs", found, direction, slope, conditions)
    if not zero:
        kind: Kind = "minimum" if positive else "maximum"
        word, other = ("positive", "smaller") if positive else ("negative", "larger")
        whole = _is_extreme(body, place, 1 if positive else -1)
        more = f", and the function is nowhere {other} than here" if whole else ""
        return Nature(kind, f"all eigenvalues are {word}{more}", found, unless=conditions)
    kind, reason = _degenerate(body, symbols, place, hessian, found)
    return Nature(kind, reason, found)


def falling(hessian: Matrix) -> tuple[Expr, ...]:
    """A direction of small integers along which the second derivative is certainly negative, or a numeric one."""
    size = hessian.rows
    reach = (0, 1, -1, 2, -2) if size <= 4 else (0, 1, -1)
    tried = sorted(itertools.product(reach, repeat=size), key=lambda d: (sum(map(abs, d)), [n < 0 for n in d]))
    for direction in tried[: MAX_TRIED if hessian.free_symbols else None]:
        if any(direction) and sign_of(_along(hessian, direction), []) == -1:
            return tuple(map(S, direction))
    if hessian.free_symbols:
        mixed = [d for d in _mixed(hessian) if sign_of(_along(hessian, d), []) == -1]
        return mixed[0] if mixed else ()
    values = hessian.evalf(20).eigenvects()
    vector = min(values, key=lambda item: sp.re(item[0]))[2][0]
    rounded = tuple(sp.Rational(str(sp.N(sp.re(entry), 4))) for entry in vector)
    return rounded if sign_of(_along(hessian, rounded)) == -1 else ()


def _mixed(hessian: Matrix) -> Iterator[tuple[Expr, ...]]:
    """Directions of two entries against their mixed derivative."""
    for i, j in itertools.permutations(range(hessian.rows), 2):
        yield tuple(S.One if n == i else -hessian[i, j] if n == j else S.Zero for n in range(hessian.rows))


def _along(hessian: Matrix, direction: Sequence[object]) -> Expr:
    vector = Matrix(list(direction))
    found = (vector.T * hessian * vector)[0, 0]
    return found if found.has(CRootOf, sp.Float) else sp.simplify(found)


# ---- singular Hessians ----------------------------------------------------------------------------------------


def _degenerate(
    body: Expr, symbols: Sequence[Symbol], place: Mapping[Symbol, Expr], hessian: Matrix, found: tuple[int, int, int]
) -> tuple[Kind, str]:
    """A point at which some eigenvalues are zero, and the others have one sign."""
    if any(value.has(sp.Float, CRootOf) for value in place.values()):
        return "undecided", "the Hessian is singular, and the point is not known exactly"
    if _is_extreme(body, place, 1):
        return "minimum", "the Hessian is singular, but the function is nowhere smaller than here"
    if _is_extreme(body, place, -1):
        return "maximum", "the Hessian is singular, but the function is nowhere larger than here"
    free = {symbol for value in place.values() for symbol in value.free_symbols & set(symbols)}
    if free:
        # Along the family the function is constant; across it, the Hessian is definite (Bott's lemma).
        kind: Kind = "minimum" if found[0] else "maximum"
        alone = found[2] == len(free)
        return (kind, "zero along the family alone") if alone else ("undecided", "the Hessian is singular")
    height = sp.simplify(body.subs(place))
    moved = body.subs({symbol: symbol + place[symbol] for symbol in symbols}, simultaneous=True) - height
    if moved.free_symbols - set(symbols):
        return "undecided", "the Hessian is singular: the second order does not decide"
    if len(symbols) == 1:
        return _along_line(moved, symbols[0])
    if found[2] == 1:
        return _along_curve(moved, symbols, hessian, found)
    return _lowest_form(moved, symbols, found)


def _is_extreme(body: Expr, place: Mapping[Symbol, Expr], sense: int) -> bool:
    """Whether a function is certainly nowhere smaller (larger) than at a place."""
    height = body.subs(place, simultaneous=True)
    if height.has(CRootOf, sp.Float) or body.count_ops() > MAX_OPERATIONS:
        return False
    whole = sp.factor(sp.simplify(sense * (body - height)))
    return bool(whole.is_nonnegative) or sign_in(whole, ()) in ("positive", "nonnegative", "zero")


def _along_line(moved: Expr, symbol: Symbol) -> tuple[Kind, str]:
    """The first derivative of one number that is not zero."""
    for order in range(3, MAX_ORDER + 1):
        value = sign_of(sp.diff(moved, symbol, order).subs(symbol, 0))
        if value is None:
            break
        if value:
            text = f"the first derivative that is not zero is of order {order}"
            return ("inflection point", text) if order % 2 else (_by_sign(value), text)
    return "undecided", f"all derivatives up to order {MAX_ORDER} are zero, or not known"


def _by_sign(value: int) -> Kind:
    return "minimum" if value > 0 else "maximum"


def _along_curve(
    moved: Expr, symbols: Sequence[Symbol], hessian: Matrix, found: tuple[int, int, int]
) -> tuple[Kind, str]:
    """The function on the curve along the null direction on which its other partial derivatives vanish."""
    null = hessian.nullspace()
    if len(null) != 1:
        return "undecided", "the Hessian is singular"
    along = next(n for n, entry in enumerate(null[0]) if sign_of(entry))
    others = [n for n in range(len(symbols)) if n != along]
    t = Dummy("t", real=True)
    coefficients = {n: [Dummy(f"c{n}{k}", real=True) for k in range(2, MAX_ORDER)] for n in others}
    direction = [sp.simplify(entry / null[0][along]) for entry in null[0]]
    curve = {
        symbols[n]: direction[n] * t + sum((c * t**k for k, c in enumerate(coefficients.get(n, ()), 2)), S.Zero)
        for n in range(len(symbols))
    }
    slopes = [_series(sp.diff(moved, symbols[n]).subs(curve, simultaneous=True), t) for n in others]
    known: dict[Expr, Expr] = {}
    for k in range(2, MAX_ORDER):
        unknowns = [coefficients[n][k - 2] for n in others]
        solved = sp.solve([slope.coeff(t, k).subs(known) for slope in slopes], unknowns, dict=True)
        known |= solved[0] if solved else {}
    reduced = _series(moved.subs(curve, simultaneous=True).subs(known), t)
    for order in range(3, MAX_ORDER + 1):
        value = sign_of(reduced.coeff(t, order))
        if value is None:
            break
        if value:
            return _of_order(order, value, found)
    return "undecided", f"along the curve on which the other slopes vanish, it is zero up to order {MAX_ORDER}"


def _series(expr: Expr, t: Symbol) -> Expr:
    """The Taylor polynomial at zero."""
    if expr.is_polynomial(t):
        return sum((c * t**k for (k,), c in Poly(expr, t).terms() if k <= MAX_ORDER), S.Zero)
    return sum((sp.diff(expr, t, k).subs(t, 0) / sp.factorial(k) * t**k for k in range(MAX_ORDER + 1)), S.Zero)


def _of_order(order: int, value: int, found: tuple[int, int, int]) -> tuple[Kind, str]:
    text = f"along the curve on which the other slopes vanish, it begins with order {order}"
    if order % 2 or value != (1 if found[0] else -1):
        sign = "" if order % 2 else ", with the other sign"
        return "saddle point", text + sign
    return _by_sign(value), text


def _lowest_form(moved: Expr, symbols: Sequence[Symbol], found: tuple[int, int, int]) -> tuple[Kind, str]:
    """The homogeneous part of lowest order, where the Hessian is zero."""
    if found[0] or found[1]:
        return "undecided", "the Hessian is singular in several directions"
    t = Dummy("t", real=True)
    for order in range(3, MAX_ORDER + 1):
        form = sp.expand(sp.diff(moved.subs({s: t * s for s in symbols}), t, order).subs(t, 0) / sp.factorial(order))
        if form == 0:
            continue
        if order % 2:
            return "saddle point", f"the Hessian is zero, and the part of lowest order, {form}, is odd"
        return _of_form(form, symbols)
    return "undecided", f"all derivatives up to order {MAX_ORDER} are zero"


def _of_form(form: Expr, symbols: Sequence[Symbol]) -> tuple[Kind, str]:
    """A form of even degree: definite, with both signs, or neither for certain."""
    text = f"the Hessian is zero, and the part of lowest order is {form}"
    places = itertools.product((0, 1, -1, 2, -2), repeat=len(symbols))
    signs = {sign_of(form.subs(dict(zip(symbols, place, strict=True)))) for place in places}
    if {1, -1} <= signs:
        return "saddle point", f"{text}, which has both signs"
    ratio = Dummy("r", real=True)
    if len(symbols) == 2:
        alone = form.subs({symbols[0]: ratio, symbols[1]: 1})
        signs_there = pattern(alone, ratio, -sp.oo, sp.oo)
        first = sign_of(form.subs({symbols[0]: 1, symbols[1]: 0}))
        if first and signs_there is not None and signs_there.signs == (first,):
            return _by_sign(first), f"{text}, which is definite"
    return "undecided", text
