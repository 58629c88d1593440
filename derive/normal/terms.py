"""Polynomials over atoms: the data of the normal form that proofs of equality compare.

A :class:`Poly` is a sum of monomials with rational coefficients; a monomial is a product of
powers of :class:`Atom`; an atom is an entry of an input, a dimension, a constant, or a function
(``exp``, ``log``, ``sign``, a power of a sum, a sum over bound indices ..) of polynomials.
Everything is immutable and compared by a digest of its structure.

Bound indices of a closed sum carry its height (one more than the height of what is inside), so
that closed sums nest without capture and two sums that differ in naming only are the same atom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from hashlib import blake2b
from math import gcd, lcm

from sympy import Expr, Integer, Symbol

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.domains import Sign

Exponent = int | Fraction


def digest(*parts: str) -> str:
    """A digest of a list of texts."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Token:
    """An index in a normal form, with the length of its range."""

    name: str
    length: Expr

    @cached_property
    def key(self) -> str:
        """Name and range as text."""
        return f"{self.name}<{self.length}"

    @cached_property
    def symbol(self) -> Symbol:
        """The symbol that stands for this index in an index expression."""
        return Symbol(self.key, integer=True)


@dataclass(frozen=True)
class Offset:
    """An index expression that is more than an index or a number, such as ``i + 1``."""

    expr: Expr
    tokens: tuple[Token, ...]

    @cached_property
    def key(self) -> str:
        """The expression as text."""
        return str(self.expr)


Place = Token | int | Offset


def place_key(place: Place) -> str:
    """A text that identifies a place."""
    return str(place) if isinstance(place, int) else place.key


def place_tokens(place: Place) -> tuple[Token, ...]:
    """The indices in a place."""
    if isinstance(place, Token):
        return (place,)
    return place.tokens if isinstance(place, Offset) else ()


def place_expr(place: Place) -> Expr:
    """A place as an integer expression."""
    if isinstance(place, Token):
        return place.symbol
    return place.expr if isinstance(place, Offset) else Integer(place)


def place_of(expr: Expr, tokens: Iterable[Token]) -> Place:
    """The place that an integer expression over the indices' symbols stands for."""
    if isinstance(expr, Integer):
        return int(expr)
    used = tuple(token for token in dict.fromkeys(tokens) if expr.has(token.symbol))
    if len(used) == 1 and expr == used[0].symbol:
        return used[0]
    return Offset(expr, used)


def rename_place(place: Place, mapping: Mapping[Token, Place]) -> Place:
    """The place with indices replaced."""
    if isinstance(place, Token):
        return mapping.get(place, place)
    if isinstance(place, int) or not any(token in mapping for token in place.tokens):
        return place
    replaced = {token: mapping.get(token, token) for token in place.tokens}
    expr = place.expr.xreplace({token.symbol: place_expr(new) for token, new in replaced.items()})
    return place_of(expr, [token for new in replaced.values() for token in place_tokens(new)])


class Atom:
    """An indivisible factor.

    Attributes:
        kind: "entry", "symmetric" (an entry whose two indices commute), "dim", "number", "exp",
            "log", "power", "sign", "compare", "delta", "position", "sum", "prod", "max", "min",
            "function", or the name of a function of whole matrices such as "inv".
        head: the name of the input, dimension, constant or function.
        args: the polynomials it is a function of.
        places: the indices of an entry or delta, or of a matrix that is the value of a function.
        bound: the bound indices of a sum, product or maximum; row and column of a matrix.
        sign: what is known of its sign.
        values: the finite set of values it may take, if there is one.
        ties: orders of the bound indices between which the names of the free ones decide.
    """

    __slots__ = ("args", "bound", "head", "height", "key", "kind", "places", "sign", "ties", "tokens", "values")

    def __init__(
        self, kind: str, head: str = "", args: tuple[Poly, ...] = (), places: tuple[Place, ...] = (),
        bound: tuple[Token, ...] = (), sign: Sign = "real", values: tuple[int, ...] = (),
        ties: tuple[tuple[int, ...], ...] = (),
    ) -> None:  # fmt: skip
        if kind in {"symmetric", "delta"}:
            places = tuple(sorted(places, key=place_key))
        if kind in MATRIX_FUNCTION_BY_NAME:
            args, places, bound = _oriented(kind, args[0], places, bound)
        self.kind, self.head, self.args, self.places, self.bound = kind, head, args, places, bound
        self.sign, self.values, self.ties = sign, values, ties
        inner = min(_orders_of(args[0], bound, ties)) if ties else ",".join(arg.key for arg in args)
        self.key = digest(kind, head, inner, "@", *map(place_key, places), "#", *(b.key for b in bound))
        inside = frozenset(t for p in places for t in place_tokens(p)).union(*(arg.tokens for arg in args))
        self.tokens: frozenset[Token] = inside.difference(bound)
        self.height: int = max((arg.height for arg in args), default=0) + bool(bound)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def order(self) -> tuple[str, str, str]:
        """Rank among atoms: by kind and name first, so that it rarely depends on index names."""
        return (self.kind, self.head, self.key)

    def renamed(self, mapping: Mapping[Token, Place]) -> Atom:
        """The atom with free indices renamed one to one."""
        if self.tokens.isdisjoint(mapping):
            return self
        args = tuple(arg.renamed(mapping) for arg in self.args)
        places = tuple(rename_place(place, mapping) for place in self.places)
        return Atom(self.kind, self.head, args, places, self.bound, self.sign, self.values, self.ties)

    def walk(self) -> Iterable[Atom]:
        """The atom and all atoms inside it."""
        yield self
        for arg in self.args:
            yield from arg.walk()


def turned(body: Poly, bound: tuple[Token, ...]) -> tuple[Poly, tuple[Token, ...]]:
    """The transpose of a matrix over the indices of its rows and columns."""
    row, column = bound
    new = Token(row.name, column.length), Token(column.name, row.length)
    return body.renamed({row: new[1], column: new[0]}), new


def _oriented(
    kind: str, body: Poly, places: tuple[Place, ...], bound: tuple[Token, ...]
) -> tuple[tuple[Poly], tuple[Place, ...], tuple[Token, ...]]:
    """``f(A.T)`` and ``f(A)`` in one form, where the function says how they are related."""
    function = MATRIX_FUNCTION_BY_NAME[kind]
    if function.transpose:
        other, new = turned(body, bound)
        if other.key < body.key:
            body, bound = other, new
            places = places[::-1] if function.transpose == "commutes" else places
        elif other.key == body.key and function.symmetric:
            places = tuple(sorted(places, key=place_key))
    return (body,), places, bound


def _orders_of(body: Poly, bound: tuple[Token, ...], ties: tuple[tuple[int, ...], ...]) -> Iterable[str]:
    """The digests of a body with its bound indices in each of the given orders."""
    for order in ties:
        yield body.renamed({token: bound[place] for token, place in zip(bound, order, strict=True)}).key


Mono = tuple[tuple[Atom, Exponent], ...]
ONE: Mono = ()


def mono(factors: Mapping[Atom, Exponent]) -> Mono:
    """The monomial with these factors."""
    kept = [(atom, _plain(power)) for atom, power in factors.items() if power]
    return tuple(sorted(kept, key=lambda factor: factor[0].key))


def _plain(power: Exponent) -> Exponent:
    return int(power) if power.denominator == 1 else power


def merged(left: Mono, right: Mono) -> Mono:
    """The product of two monomials, exponents added and nothing else."""
    factors = dict(left)
    for atom, power in right:
        factors[atom] = factors.get(atom, 0) + power
    return mono(factors)


def raised(base: Mono, power: Exponent) -> Mono:
    """A monomial with all exponents multiplied."""
    return tuple((atom, _plain(exponent * power)) for atom, exponent in base) if power else ONE


def rename_mono(factors: Mono, mapping: Mapping[Token, Place]) -> Mono:
    """A monomial with free indices renamed one to one."""
    renamed = mono({atom.renamed(mapping): power for atom, power in factors})
    for delta in [atom for atom, _ in renamed if atom.kind == "delta"]:
        renamed = _next_to_delta(delta, renamed)
    return renamed


def _next_to_delta(delta: Atom, factors: Mono) -> Mono:
    """The factors with the first of the two indices of a delta, whichever was kept under other names."""
    keep, drop = delta.places
    if not isinstance(keep, Token) or not isinstance(drop, Token) or keep.length != drop.length:
        return factors
    return mono({atom if atom == delta else atom.renamed({drop: keep}): power for atom, power in factors})


def mono_tokens(factors: Mono) -> frozenset[Token]:
    """The free indices of a monomial."""
    return frozenset().union(*(atom.tokens for atom, _ in factors))


def rank(factors: Mono) -> tuple[Exponent, tuple[tuple[tuple[str, str, str], Exponent], ...]]:
    """The order of monomials: total degree, then atoms."""
    degree = sum((power for _, power in factors), 0)
    return degree, tuple(sorted(((atom.order, power) for atom, power in factors), reverse=True))


class Poly:
    """A sum of monomials with rational coefficients."""

    def __init__(self, terms: Mapping[Mono, Fraction]) -> None:
        self.terms = {factors: value for factors, value in terms.items() if value}

    @cached_property
    def key(self) -> str:
        """A digest of the structure."""
        rows = sorted(
            ";".join([str(value), *(f"{atom.key}^{power}" for atom, power in factors)])
            for factors, value in self.terms.items()
        )
        return digest(*rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Poly) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.key)

    def __bool__(self) -> bool:
        return bool(self.terms)

    @cached_property
    def tokens(self) -> frozenset[Token]:
        """The free indices."""
        return frozenset().union(*(mono_tokens(factors) for factors in self.terms))

    @cached_property
    def height(self) -> int:
        """The greatest height of a closed sum inside."""
        return max((atom.height for factors in self.terms for atom, _ in factors), default=0)

    @property
    def constant(self) -> Fraction | None:
        """The value, if the polynomial is a number."""
        if not self.terms:
            return Fraction(0)
        return self.terms.get(ONE) if len(self.terms) == 1 else None

    def renamed(self, mapping: Mapping[Token, Place]) -> Poly:
        """The polynomial with free indices renamed one to one."""
        if self.tokens.isdisjoint(mapping):
            return self
        return Poly({rename_mono(factors, mapping): value for factors, value in self.terms.items()})

    def walk(self) -> Iterable[Atom]:
        """All atoms inside."""
        for factors in self.terms:
            for atom, _ in factors:
                yield from atom.walk()

    def scaled(self, number: Fraction) -> Poly:
        """The polynomial times a number."""
        return Poly({factors: value * number for factors, value in self.terms.items()})

    def __add__(self, other: Poly) -> Poly:
        terms = dict(self.terms)
        for factors, value in other.terms.items():
            terms[factors] = terms.get(factors, Fraction(0)) + value
        return Poly(terms)

    def __sub__(self, other: Poly) -> Poly:
        return self + other.scaled(Fraction(-1))


def number(value: int | Fraction) -> Poly:
    """A number as a polynomial."""
    return Poly({ONE: Fraction(value)})


def atom_poly(atom: Atom, power: Exponent = 1) -> Poly:
    """A power of one atom as a polynomial."""
    return Poly({mono({atom: power}): Fraction(1)})


def single(factors: Mono) -> Poly:
    """A monomial as a polynomial."""
    return Poly({factors: Fraction(1)})


@dataclass(frozen=True)
class Content:
    """``number * factors * rest``: a polynomial without its common factors."""

    number: Fraction
    factors: Mono
    rest: Poly


def content(poly: Poly) -> Content:
    """Split the common number and the common monomial off a nonzero polynomial.

    The lowest term of the rest has a positive coefficient.
    """
    values = list(poly.terms.values())
    size = Fraction(gcd(*(v.numerator for v in values)), lcm(*(v.denominator for v in values)))
    lowest = min(poly.terms, key=rank)
    if poly.terms[lowest] < 0:
        size = -size
    common = _common(list(poly.terms))
    inverse = raised(common, -1)
    return Content(size, common, Poly({merged(m, inverse): v / size for m, v in poly.terms.items()}))


def _common(monos: list[Mono]) -> Mono:
    """The factors of all monomials: every atom to its least exponent."""
    tables = [dict(factors) for factors in monos]
    atoms = {atom for table in tables for atom in table}
    return mono({atom: min(table.get(atom, 0) for table in tables) for atom in atoms})
