"""Real solutions of systems of a few equations: by factors, by elimination, and by isolated roots.

A product is zero where one of its factors is.  An equation of one unknown is solved for it; one that is linear in an
unknown is solved for that, once where its coefficient is not zero and once where it is.  A polynomial system that is
left is eliminated by a Groebner basis for each of its unknowns.
Source: Cox, Little and O'Shea, Ideals, Varieties, and Algorithms, 4th edition (2015), sections 2.8 and 3.1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Mul, Poly, Pow, Rational, S, Symbol

from chainrule.derive.errors import NoClosedFormError
from chainrule.learning.convexity.intervals import REALS, Interval, at_least, elementary
from chainrule.learning.convexity.patterns import pattern

#: Unknowns, product of the degrees, and depth of cases up to which a system is looked at.
MAX_BEZOUT, MAX_CASES, MAX_OPERATIONS = 40, 12, 400
#: Digits in which candidates are tried, and how near to zero they must come.
DIGITS, NEAR = 60, Rational(1, 10**40)


@dataclass(frozen=True)
class Solution:
    """Values of the unknowns, in terms of those that stay free.

    Attributes:
        values: the value of each unknown that is fixed.
        free: the unknowns that may have any value.
        unless: what was divided by, and must not be zero.
        exact: whether the values are exact; others are within 1e-10.
    """

    values: tuple[tuple[Symbol, Expr], ...]
    free: tuple[Symbol, ...] = ()
    unless: tuple[Expr, ...] = ()
    exact: bool = True

    def of(self, symbol: Symbol) -> Expr:
        """The value of an unknown."""
        return dict(self.values).get(symbol, symbol)


def solutions(equations: Sequence[Expr], unknowns: Sequence[Symbol]) -> tuple[Solution, ...]:
    """All real solutions.

    Raises:
        NoClosedFormError: an equation is neither solved nor eliminated.
    """
    found: list[Solution] = []
    for item in _solved(tuple(equations), tuple(unknowns), MAX_CASES):
        if _is_real(item) and not any(_is_within(item, other) for other in found):
            found = [other for other in found if not _is_within(other, item)] + [item]
    return tuple(found)


def _is_real(item: Solution) -> bool:
    unreal = (S.ImaginaryUnit, sp.nan, sp.zoo, sp.oo)
    return not any(value.has(*unreal) or value.is_real is False for _, value in item.values)


def _is_within(item: Solution, other: Solution) -> bool:
    """Whether a solution is one of another family, or the same."""
    free = {symbol: item.of(symbol) for symbol in other.free}
    if len(item.free) > len(other.free):
        return False
    if any(sp.simplify(bound.subs(free)) == 0 for bound in other.unless if bound.free_symbols & set(other.free)):
        return False
    return all(_is_zero(item.of(symbol) - value.subs(free)) for symbol, value in other.values)


def _is_zero(gap: Expr) -> bool:
    if gap.has(sp.zoo, sp.nan):
        return False
    if gap.is_number:
        return bool(abs(sp.N(gap, 30)) < Rational(1, 10**8 if gap.has(sp.Float) else 10**20))
    return bool(sp.simplify(gap) == 0)


# ---- cases ------------------------------------------------------------------------------------------------


def _solved(equations: tuple[Expr, ...], unknowns: tuple[Symbol, ...], depth: int) -> Iterator[Solution]:
    left = _reduced(equations, unknowns)
    if left is None:
        return
    if not left:
        yield Solution((), unknowns)
        return
    if not depth:
        raise NoClosedFormError("the equations have too many cases", found=", ".join(f"{e} = 0" for e in left))
    factored = [_factors(equation, unknowns) for equation in left]
    split = next((n for n, factors in enumerate(factored) if len(factors) > 1), None)
    if split is not None:
        for factor in factored[split]:
            rest = (*left[:split], factor, *left[split + 1 :])
            yield from _solved(rest, unknowns, depth - 1)
        return
    yield from _by_one(left, unknowns, depth)


def _reduced(equations: tuple[Expr, ...], unknowns: tuple[Symbol, ...]) -> tuple[Expr, ...] | None:
    """Numerators that are not zero, each once; ``None`` if one is a number, or what is given, and not zero."""
    found: dict[Expr, None] = {}
    for equation in equations:
        whole = sp.numer(sp.together(equation))
        if whole.count_ops() > MAX_OPERATIONS:
            raise NoClosedFormError("an equation is too long")
        factors = _factors(whole, unknowns)
        expanded = Mul(*factors)
        if sp.expand(expanded) == 0:
            continue
        if not factors or not expanded.has(*unknowns):
            return None
        found |= dict.fromkeys(_squares(expanded) or [expanded])
    return tuple(found)


def _squares(equation: Expr) -> list[Expr]:
    """The terms of a sum of squares, which is zero where they all are."""
    terms = sp.Add.make_args(sp.expand(equation))
    one_sign = all(term.is_nonnegative for term in terms) or all(term.is_nonpositive for term in terms)
    return list(terms) if len(terms) > 1 and one_sign else []


def _factors(equation: Expr, unknowns: tuple[Symbol, ...]) -> list[Expr]:
    """The factors that can be zero; what is given is taken as not zero."""
    whole = sp.factor(sp.expand(equation)) if equation.is_polynomial(*unknowns) else sp.factor(equation)
    if whole == 0:
        return [S.Zero]
    bases = [f.base if isinstance(f, Pow) and f.exp.is_positive else f for f in Mul.make_args(whole)]
    return list(dict.fromkeys(base for base in bases if base.has(*unknowns) and not _never_zero(base)))


def _never_zero(base: Expr) -> bool:
    if isinstance(base, sp.exp) or (isinstance(base, Pow) and not base.exp.is_positive):
        return True
    return any(at_least(sense * base, {}, strict=True) for sense in (1, -1))


# ---- one equation -------------------------------------------------------------------------------------------


def _by_one(left: tuple[Expr, ...], unknowns: tuple[Symbol, ...], depth: int) -> Iterator[Solution]:
    """Solve one of the equations for one of the unknowns, and go on with the rest."""
    single = next(((e, u) for e in left for u in unknowns if e.free_symbols & set(unknowns) == {u}), None)
    if single is not None:
        equation, unknown = single
        for root, exact in _roots(equation, unknown):
            yield from _with_value(left, equation, unknowns, unknown, root, exact, depth)
        return
    choices = [(e, u, e.coeff(u, 1)) for e in map(sp.expand, left) for u in unknowns if _is_linear(e, u)]
    plain = [choice for choice in choices if not choice[2].has(*unknowns)]
    if not choices or (not plain and _is_zero_dimensional(left, unknowns)):
        yield from _eliminated(left, unknowns)
        return
    expanded, unknown, slope = (plain or choices)[0]
    rest = expanded - slope * unknown
    for item in _with_value(left, None, unknowns, unknown, -rest / slope, True, depth):
        bound = slope.subs(dict(item.values))
        if not _is_zero(bound):
            unless = (*item.unless, bound) if bound.has(*unknowns) else item.unless
            yield Solution(item.values, item.free, unless, item.exact)
    if slope.has(*unknowns):
        yield from _solved((*left, slope, rest), unknowns, depth - 1)


def _is_linear(equation: Expr, unknown: Symbol) -> bool:
    return equation.is_polynomial(unknown) and Poly(equation, unknown).degree() == 1


def _with_value(
    left: tuple[Expr, ...], done: Expr | None, unknowns: tuple[Symbol, ...], unknown: Symbol, value: Expr, exact: bool,
    depth: int,
) -> Iterator[Solution]:
    """The solutions of the other equations with a value in place of an unknown."""
    others = tuple(symbol for symbol in unknowns if symbol != unknown)
    rest = tuple(equation.subs(unknown, value) for equation in left if equation != done)
    if not others:
        if all(_is_zero(item) if exact else abs(sp.N(item)) < 1e-6 for item in rest):
            yield Solution(((unknown, value),), (), (), exact)
        return
    for item in _solved(rest, others, depth - 1):
        own = value.subs(dict(item.values))
        if not own.has(sp.zoo, sp.nan):
            own = own if own.has(sp.Float) else sp.simplify(own)
            yield Solution(((unknown, own), *item.values), item.free, item.unless, exact and item.exact)


def _roots(equation: Expr, unknown: Symbol) -> Iterator[tuple[Expr, bool]]:
    """The real roots of an equation of one unknown, and whether each is exact."""
    if equation.is_polynomial(unknown):
        poly = Poly(equation, unknown)
        if all(number.is_Rational for number in poly.all_coeffs()):
            yield from ((root, True) for root in dict.fromkeys(sp.real_roots(poly)))
            return
        closed = sp.roots(poly)
        if sum(closed.values()) == poly.degree():
            yield from ((sp.simplify(root), True) for root in closed)
            return
    interval = Interval(S.Zero) if unknown.is_nonnegative else REALS
    signs = pattern(elementary(equation), unknown, interval.low, interval.high)
    if signs is None:
        found = f"{equation} = 0"
        raise NoClosedFormError("no closed form by this method", found=found, expected="a polynomial equation")
    # Powers of exp(p/q) with a large q would be taken apart by SymPy for ever; a number in doubles is not.
    for item in signs.breaks:
        yield (sp.Float(item.place, 30), False) if item.radius else (item.place, True)


# ---- elimination --------------------------------------------------------------------------------------------


def _is_zero_dimensional(left: tuple[Expr, ...], unknowns: tuple[Symbol, ...]) -> bool:
    """Whether a polynomial system with numbers has finitely many solutions, and few."""
    if not all(equation.is_polynomial(*unknowns) for equation in left):
        return False
    polys = [Poly(equation, *unknowns) for equation in left]
    if not all(number.is_Rational for poly in polys for number in poly.coeffs()):
        return False
    bezout = S.One
    for poly in polys:
        bezout *= max(poly.total_degree(), 1)
    return bool(bezout <= MAX_BEZOUT) and bool(sp.groebner(polys, *unknowns, order="grevlex").is_zero_dimensional)


def _eliminated(left: tuple[Expr, ...], unknowns: tuple[Symbol, ...]) -> Iterator[Solution]:
    """Every unknown by itself, then the combinations that solve all equations."""
    if not _is_zero_dimensional(left, unknowns):
        raise NoClosedFormError("no closed form by this method", found=", ".join(f"{e} = 0" for e in left),
                                hint="give numbers for the other inputs with --at")  # fmt: skip
    candidates = []
    for unknown in unknowns:
        others = [symbol for symbol in unknowns if symbol != unknown]
        basis = sp.groebner(left, *others, unknown, order="lex")
        alone = next(e for e in basis.exprs if e.free_symbols <= {unknown})
        candidates.append(list(dict.fromkeys(sp.real_roots(Poly(alone, unknown)))) if alone != 1 else [])
    for chosen in itertools.product(*candidates):
        numbers = {symbol: sp.N(root, DIGITS) for symbol, root in zip(unknowns, chosen, strict=True)}
        if all(abs(equation.subs(numbers)) < NEAR for equation in left):
            yield Solution(tuple(zip(unknowns, chosen, strict=True)))
