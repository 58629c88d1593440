"""The order in which people write: terms of sums, factors of products, signs and fractions.

Both printers, of matrix notation and of index notation, take sums and products apart here, so
that they agree.  SymPy sorts terms by its own keys and distributes numbers over sums; here
positive terms come first, then names in the order of their declarations, and common numbers and
lengths are pulled out of sums again.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import sympy as sp
from sympy import Add, Expr, Mul, Pow, Rational, S

from chainrule.derive.forms.bound_terms import Over, indices_of
from chainrule.derive.program import Dim, Program, Ref

#: Sorts after every declared name.
LAST = 1_000_000


@dataclass(frozen=True)
class Order:
    """Positions of names in sums and in products: as they are written, then inputs as declared, then definitions.

    ``traces`` says whether sums over a product of matrices are written as traces wherever that is possible.
    """

    in_sums: Mapping[str, int]
    in_products: Mapping[str, int]
    traces: bool = False

    @staticmethod
    def of(program: Program) -> Order:
        """The order of a program's names."""
        declared = [*program.by_name, *(d.name for d in program.dims)]
        written = program.written
        sums, products = (dict.fromkeys([*names, *declared]) for names in (written.terms, written.factors))
        return Order(_numbered(sums), _numbered(products), written.traces)

    def first_name(self, expr: Expr) -> int:
        """The position of the earliest name in a term."""
        return _first(expr, self.in_sums)

    def first_factor(self, expr: Expr) -> int:
        """The position of the earliest name in a factor."""
        return _first(expr, self.in_products)

    def term(self, term: Expr) -> tuple[Any, ...]:
        """Positive terms first, one before others, arrays before scalars, then by name, numbers."""
        coefficient, rest = term.as_coeff_Mul()
        kind = (0 if abs(term) == 1 else 2) if term.is_number else 1
        return (bool(coefficient.is_negative), kind, -len(indices_of(rest)), self.first_name(rest), _Text(rest))

    def factor(self, factor: Expr) -> tuple[Any, ...]:
        """Lengths, names and powers of names, others by name (functions before sums), logarithms."""
        base = factor.base if isinstance(factor, Pow) else factor
        kind = 0 if isinstance(base, Dim) or base.is_number else 1 if isinstance(base, Ref) else 2
        kind = 3 if isinstance(base, sp.log) else kind
        return (kind, self.first_factor(factor), isinstance(base, Add), _Text(factor))

    def terms(self, terms: Iterable[Expr]) -> list[Expr]:
        """Terms in the order of writing."""
        return sorted(terms, key=self.term)

    def size(self, term: Expr) -> tuple[Any, ...]:
        """The order of terms, whatever their signs."""
        return self.term(term)[1:]

    def factors(self, factors: Iterable[Expr]) -> list[Expr]:
        """Factors in the order of writing."""
        return sorted(factors, key=self.factor)


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _first(expr: Expr, positions: Mapping[str, int]) -> int:
    found = names_in(expr) or {length.name for length in expr.atoms(Dim)}
    return min((positions.get(name, LAST) for name in found), default=LAST)


@lru_cache(maxsize=20_000)
def names_in(expr: Expr) -> frozenset[str]:
    """The inputs and definitions that an expression reads."""
    if isinstance(expr, Ref):
        return frozenset([expr.name])
    return frozenset().union(*map(names_in, expr.args))


@dataclass(frozen=True)
class _Text:
    """Compares expressions by the length of their text, then by the text, which is made only on a tie."""

    expr: Expr

    def __lt__(self, other: _Text) -> bool:
        return self.key < other.key

    @cached_property
    def key(self) -> tuple[int, str]:
        text = str(self.expr)
        return len(text), text


# ---- sums ---------------------------------------------------------------------------------------


def content(total: Expr) -> tuple[Expr, Expr]:
    """A sum as ``common * rest``: a number and powers of lengths and scalars that all terms share.

    Numbers are pulled out only where that leaves fewer of them, so ``2*a + 2*b`` is
    ``2 * (a + b)`` but ``a/2 + b`` stays.
    """
    terms = Add.make_args(total)
    if len(terms) < 2:
        return S.One, total
    scalars = _common_scalars(terms)
    number = _common_number([term.as_coeff_Mul()[0] for term in terms])
    if abs(number) != 1 and any(_has_scalar(term / scalars) for term in terms):
        # 2/n * X.T @ r + 2*lam*w: each term keeps its coefficient.
        number = number / abs(number)
    common = number * scalars
    return (common, Add(*(term / common for term in terms))) if common != 1 else (S.One, total)


def _has_scalar(term: Expr) -> bool:
    """Whether an array term has a scalar factor."""
    if not indices_of(term):
        return False
    factors = Mul.make_args(term)
    # The length of a mean is no coefficient.
    sums = [factor for factor in factors if isinstance(factor, Over) and factor.kind == "sum"]
    means = {1 / length for over in sums for length in over.limits.values()}
    return any(not factor.is_number and not indices_of(factor) and factor not in means for factor in factors)


def _common_number(numbers: Sequence[Expr]) -> Expr:
    if not all(number.is_Rational for number in numbers):
        return S.One
    common = Rational(math.gcd(*(number.p for number in numbers)), math.lcm(*(number.q for number in numbers)))
    sign = -1 if all(number.is_negative for number in numbers) else 1
    before = sum(abs(number) != 1 for number in numbers)
    after = sum(abs(number) != common for number in numbers) + 1
    return sign * common if common != 1 and after < before else S(sign)


def _common_scalars(terms: Sequence[Expr]) -> Expr:
    shared: dict[Expr, Expr] | None = None
    for term in terms:
        powers = {base: power for base, power in _powers(term).items() if _is_coefficient(base, term)}
        if shared is None:
            shared = powers
        shared = {base: power for base, power in shared.items() if powers.get(base) == power}
    return Mul(*(base**power for base, power in (shared or {}).items()))


def _is_coefficient(factor: Expr, term: Expr) -> bool:
    """Whether a factor of a term is a length, or a scalar beside arrays."""
    return isinstance(factor, Dim) or (not factor.is_number and not indices_of(factor) and bool(indices_of(term)))


def _powers(term: Expr) -> dict[Expr, Expr]:
    return dict(factor.as_base_exp() for factor in Mul.make_args(term))


def common_factors(total: Expr) -> tuple[list[Expr], Expr]:
    """A sum as the factors that all its terms have, and the rest."""
    terms = Add.make_args(total)
    shared = [factor for factor in Mul.make_args(terms[0]) if not factor.is_number]
    for term in terms[1:]:
        factors = Mul.make_args(term)
        shared = [factor for factor in shared if factor in factors]
    # Taken out one by one: SymPy does not cancel x**(1 - a) against x**(a - 1) in a quotient.
    return shared, Add(*(_without(term, shared) for term in terms))


def _without(term: Expr, shared: Sequence[Expr]) -> Expr:
    return Mul(*(factor for factor in Mul.make_args(term) if factor not in shared))


def scaled_sums(total: Expr) -> Expr:
    """A sum of terms in which reductions have their numbers and scalars in front."""
    return Add(*(_scaled(term) for term in Add.make_args(total)))


def _scaled(term: Expr) -> Expr:
    """``sum_k c[i]*f(k)`` as ``c[i] * sum_k f(k)``."""
    over = next((f for f in Mul.make_args(term) if isinstance(f, Over) and f.kind == "sum"), None)
    if over is None:
        return term
    parts = fraction([over.body if isinstance(over.body, Add) else _scaled(over.body)])
    factors = [*parts.upper, *(1 / factor for factor in parts.lower)]
    bound = set(over.limits)
    moving = [factor for factor in factors if indices_of(factor) & bound]
    scalars = [factor for factor in factors if not indices_of(factor) & bound]
    if not moving or (parts.number == 1 and not scalars):
        return term
    return Mul(term / over, parts.number, *scalars, Over("sum", Mul(*moving), *over.limits.items()))


def paired(total: Expr) -> Expr:
    """``sum M v + sum N v`` as ``sum (M + N) v`` where the sums share a factor over what they run over."""
    terms = Add.make_args(total)
    sums = [(term, *found) for term in terms if (found := _scaled_sum(term)) is not None]
    for (first, *one), (second, *two) in itertools.combinations(sums, 2):
        joined = _paired(*one, *two)
        if joined is not None:
            return paired(Add(*(term for term in terms if term not in (first, second)), joined))
    return total


def _paired(scale: Expr, one: Over, other_scale: Expr, two: Over) -> Expr | None:
    if one.limits != two.limits or abs(scale / other_scale) != 1:
        return None
    shared, rest = common_factors(one.body + scale / other_scale * two.body)
    bound = set(one.limits)
    rests = Add.make_args(rest)
    alike = any(indices_of(factor) & bound for factor in shared) or names_in(one) == names_in(two)
    if len(rests) != 2 or not alike:
        return None
    places = [indices_of(part) for part in rests]
    if places[0] != places[1] or len(places[0]) > 2 or not places[0] & bound:
        return None
    return scale * Over("sum", Mul(*shared, rest), *one.limits.items())


def _scaled_sum(term: Expr) -> tuple[Expr, Over] | None:
    """A term as scalars times a sum."""
    sums = [factor for factor in Mul.make_args(term) if isinstance(factor, Over) and factor.kind == "sum"]
    if len(sums) != 1 or indices_of(term / sums[0]):
        return None
    return term / sums[0], sums[0]


# ---- products -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fraction:
    """``number * upper.. / lower..`` with a rational number; lower factors have positive powers."""

    number: Rational
    upper: tuple[Expr, ...]
    lower: tuple[Expr, ...]


def fraction(factors: Iterable[Expr]) -> Fraction:
    """A product taken apart; sums lose the numbers and lengths that their terms share."""
    number, upper, lower = S.One, [], []
    waiting = [factor for product in factors for factor in reversed(Mul.make_args(product))]
    surds: list[Expr] = []
    while waiting:
        factor = waiting.pop()
        base, power = factor.as_base_exp() if isinstance(factor, Pow) else (factor, S.One)
        shared, rest = content(base) if isinstance(base, Add) and power.is_Integer else (S.One, base)
        if factor.is_Rational:
            number *= factor
        elif shared != 1:
            number *= 1
            waiting += [rest**power, *Mul.make_args(shared**power)]
        elif base.is_Integer and power.is_Rational:
            surds.append(factor)
        elif power.is_number and power.is_negative:
            lower.append(base**-power)
        else:
            upper.append(factor)
    number, root_up, root_down = _root(number, Mul(*surds))
    return Fraction(number, tuple(root_up + upper), tuple(root_down + lower))


def _root(number: Expr, surd: Expr) -> tuple[Expr, list[Expr], list[Expr]]:
    """``sqrt(2)/2`` as ``1/sqrt(2)``: a root beside a number, on the side that is shorter."""
    if surd == 1:
        return number, [], []
    square = surd**2
    if square.is_Rational and (number / square).is_Rational:
        turned = number * square
        if abs(turned.q) < abs(number.q):
            return turned, [], [Pow(square, S.Half, evaluate=False) if square.is_Integer else sp.sqrt(square)]
    return number, [surd], []


def is_decimal(number: Rational) -> bool:
    """Whether people write a fraction in decimals: 0.1 and 0.25/10, but not 1/2 or 1/3."""
    denominator = int(number.q)
    if denominator % 5:
        return False
    while denominator % 2 == 0:
        denominator //= 2
    while denominator % 5 == 0:
        denominator //= 5
    return denominator == 1 and int(number.q) <= 10**6


def negated(factor: Expr) -> Expr | None:
    """``b - a`` for a factor ``a - b``, where there is something to turn round."""
    base, power = factor.as_base_exp()
    if not isinstance(base, Add) or not (power.is_Integer and power % 2):
        return None
    if not any(term.as_coeff_Mul()[0] < 0 for term in base.args):
        return None
    return Add(*(-term for term in base.args)) ** power


def loosened(parts: Fraction) -> Fraction:
    """A fraction in which numbers and scalars have moved out of its only sum over indices."""
    sums = [factor for factor in parts.upper if isinstance(factor, Over) and factor.kind == "sum"]
    if len(sums) != 1:
        return parts
    (over,) = sums
    inner = loosened(fraction([over.body]))
    bound = over.limits.keys()
    outside = [factor for factor in inner.upper if indices_of(factor).isdisjoint(bound)]
    under = [factor for factor in inner.lower if indices_of(factor).isdisjoint(bound)]
    rest = Mul(
        *(factor for factor in inner.upper if factor not in outside),
        *(1 / factor for factor in inner.lower if factor not in under),
    )
    kept = [factor for factor in parts.upper if factor is not over]
    scalars = fraction([Mul(*kept, *outside, *(1 / f for f in (*parts.lower, *under)))])
    body = Over("sum", rest, *over.limits.items())
    return Fraction(parts.number * inner.number * scalars.number, (*scalars.upper, body), scalars.lower)


def made_positive(parts: Fraction) -> Fraction:
    """A negative fraction made positive by turning a difference in it round, where there is one."""
    if parts.number >= 0:
        return parts
    for n, factor in enumerate(parts.upper):
        other = negated(factor)
        if other is None and isinstance(factor, Over) and factor.kind == "sum":
            inner = made_positive(replace(fraction([factor.body]), number=-S.One))
            if inner.number > 0:
                other = Over("sum", Mul(*inner.upper, *(1 / f for f in inner.lower)), *factor.limits.items())
        if other is not None:
            return Fraction(-parts.number, (*parts.upper[:n], other, *parts.upper[n + 1 :]), parts.lower)
    return parts
