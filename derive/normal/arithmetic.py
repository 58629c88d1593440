"""Products and powers of polynomials over atoms, with the rules of the normal form.

Every operation returns a polynomial that equals its meaning wherever both are defined; where a
rule is valid only off a kink (``sign(x)**2 = 1``) that is part of the meaning of the result: the
normal form describes the expression off its kinks.

The rules, here and in the modules built on this one:

1. entries of ``{0,1}`` and ``{-1,1}``: ``y**2 = y``, ``y**2 = 1`` (facts, listed when used);
2. ``sign(x)**2 = 1``, indicators and Kronecker deltas are idempotent, ``cos**2 = 1 - sin**2``;
3. ``exp`` of a sum is a product of powers, ``log`` of a product of nonnegative factors is a sum;
4. a power of a sum ``Q**e`` is an atom; with ``e < 0`` the leading term of ``Q`` times it is
   rewritten, ``lead * Q**e = Q**(e+1) - tail * Q**e``, so that ``e^z / (1 + e^z)`` and
   ``1 - 1/(1 + e^z)`` are the same;
5. a sum of products falls apart into its connected components over bound indices; deltas are
   eliminated; an index that occurs nowhere gives its length; bound indices are named canonically.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor

from sympy import Expr, Integer, factorint

from chainrule.derive.domains import Sign
from chainrule.derive.normal.signs import is_nonnegative, nonnegative
from chainrule.derive.normal.terms import (
    ONE,
    Atom,
    Exponent,
    Mono,
    Offset,
    Place,
    Poly,
    Token,
    atom_poly,
    content,
    merged,
    mono,
    mono_tokens,
    number,
    place_key,
    raised,
    rank,
    single,
)
from chainrule.derive.program import Dim, Input

ZERO, UNIT = number(0), number(1)

#: Term products that one proof may take; beyond it the proof is given up.
MAX_WORK = 100_000
#: Terms that one polynomial may have.
MAX_TERMS = 2_500
#: Integers that are factored when a root or logarithm of them is taken.
MAX_FACTORED = 10**12
#: Powers that are multiplied out.
MAX_POWER = 24

SYMMETRIC_DOMAINS = {"symmetric", "spd", "psd"}
#: Functions with f(-x) = -f(x) and with f(-x) = f(x).
ODD, EVEN = {"sin", "erf", "asin", "atan"}, {"cos"}
#: The products in sin(a + b) = sin a cos b + cos a sin b and cos(a + b) = cos a cos b - sin a sin b.
ANGLES = {"sin": (("sin", "cos"), ("cos", "sin")), "cos": (("sin", "sin"), ("cos", "cos"))}
#: Terms (with multiplicity) of an angle up to which the sine of a sum is expanded.
MAX_ANGLES = 5


class ProofLimit(Exception):
    """A limit on the size of a proof was hit, or something has no normal form; nothing is claimed."""


class Arithmetic(ABC):
    """Products and powers, over given inputs.

    ``fixed`` names the inputs whose declared equations may be used: those that no derivative
    is taken by.  ``used`` collects the facts that were used, by input.
    """

    def __init__(self, inputs: Sequence[Input], fixed: frozenset[str] = frozenset()) -> None:
        self.inputs = {item.name: item for item in inputs}
        self.fixed = fixed
        self.used: dict[str, str] = {}
        self.kinks: dict[str, Poly] = {}
        self.work = 0
        self.fresh = itertools.count()
        self.tidied: dict[Mono, Poly] = {}

    @abstractmethod
    def sign(self, poly: Poly) -> Poly:
        """The sign, off the places where it is 0."""

    @abstractmethod
    def rebuilt(self, poly: Poly, places: Mapping[Token, Place], atoms: Mapping[Atom, Poly] | None = None) -> Poly:
        """The polynomial with indices and atoms replaced, everything computed anew."""

    def spend(self, amount: int) -> None:
        """Count work against the limit."""
        self.work += amount
        if self.work > MAX_WORK:
            raise ProofLimit

    def use(self, name: str, fact: str) -> None:
        """Note that a fact about an input was used."""
        self.used[name] = fact

    def token(self, length: Expr) -> Token:
        """An index that occurs nowhere else."""
        return Token(f"t{next(self.fresh)}", length)

    def place(self, length: Expr) -> Place:
        """A new index for an axis; an axis of length one is read at 0."""
        return 0 if length == Integer(1) else self.token(length)

    def entry(self, name: str, places: Sequence[Place]) -> Poly:
        """An entry of an input."""
        domain = self.inputs[name].domain
        sign: Sign = domain.sign
        values = domain.values if name in self.fixed else ()
        kind = "entry"
        if domain.name == "diagonal" and name in self.fixed:
            self.use(name, f"{name} is diagonal")
            row, column = places
            value = atom_poly(Atom(kind, name, places=(row, row), sign=sign, values=values))
            return self.mul(self.delta(row, column), value)
        if domain.name in SYMMETRIC_DOMAINS and name in self.fixed:
            kind = "symmetric"
            self.use(name, f"{name} is symmetric")
        return atom_poly(Atom(kind, name, places=tuple(places), sign=sign, values=values))

    def dimension(self, name: str) -> Poly:
        """A length as a number."""
        return atom_poly(Atom("dim", name, sign="positive"))

    def length(self, length: Expr) -> Poly:
        """The length of an axis as a number."""
        if isinstance(length, Integer):
            return number(int(length))
        if isinstance(length, Dim):
            return self.dimension(length.name)
        if length.is_Mul or length.is_Add:
            parts = [self.length(arg) for arg in length.args]
            return self.product(parts) if length.is_Mul else sum(parts, ZERO)
        raise ProofLimit

    def position(self, place: Place) -> Poly:
        """An index as a number."""
        if isinstance(place, int):
            return number(place)
        return atom_poly(Atom("position", places=(place,), sign="nonnegative"))

    def delta(self, left: Place, right: Place) -> Poly:
        """The Kronecker delta of two indices."""
        if left == right:
            return UNIT
        if isinstance(left, int) and isinstance(right, int):
            return ZERO
        places = sorted((left, right), key=place_key)
        return atom_poly(Atom("delta", places=tuple(places), sign="nonnegative"))

    def function(self, name: str, *args: Poly) -> Poly:
        """An application of a function without rules of its own, apart from parity."""
        if len(args) == 1 and name in ODD | EVEN:
            if not args[0]:
                return UNIT if name in EVEN else ZERO
            if args[0].terms[min(args[0].terms, key=rank)] < 0:
                value = atom_poly(Atom("function", name, (args[0].scaled(Fraction(-1)),)))
                return value if name in EVEN else value.scaled(Fraction(-1))
        if name in ANGLES and (parts := _split_angle(args[0])):
            first, rest = parts
            sine, cosine = (self.mul(self.function(f, first), self.function(g, rest)) for f, g in ANGLES[name])
            return sine + cosine if name == "sin" else cosine - sine
        return atom_poly(Atom("function", name, args))

    # ---- products --------------------------------------------------------------------------

    def mul(self, left: Poly, right: Poly) -> Poly:
        """The product."""
        self.spend(len(left.terms) * len(right.terms))
        terms: dict[Mono, Fraction] = {}
        for (m, a), (n, b) in itertools.product(left.terms.items(), right.terms.items()):
            for factors, value in self.tidy(merged(m, n)).terms.items():
                terms[factors] = terms.get(factors, Fraction(0)) + a * b * value
        result = Poly(terms)
        if len(result.terms) > MAX_TERMS:
            raise ProofLimit
        return result

    def product(self, factors: Iterable[Poly]) -> Poly:
        """The product of several."""
        result = UNIT
        for factor in factors:
            result = self.mul(result, factor)
        return result

    def expanded(self, factors: Mono) -> Poly:
        """A monomial whose factors may still be subject to rules."""
        return self.product(self.tidy(((atom, power),)) for atom, power in factors)

    def tidy(self, factors: Mono) -> Poly:
        """A product of atoms with all rules applied."""
        if factors not in self.tidied:
            self.tidied[factors] = self._tidy(factors)
        return self.tidied[factors]

    def _tidy(self, factors: Mono) -> Poly:
        for atom, power in factors:
            replaced = self._replacement(atom, power)
            if replaced is not None:
                self.spend(1)
                rest = tuple(factor for factor in factors if factor[0] != atom)
                return self.mul(replaced, self.tidy(rest))
        for atom, power in factors:
            moved = None
            if atom.kind == "delta":
                moved = self._substitute_delta(atom, factors)
            elif atom.kind == "power" and power < 0:
                moved = self._reduce(atom, power, factors)
            if moved is not None:
                self.spend(1)
                return moved
        return single(factors)

    def _replacement(self, atom: Atom, power: Exponent) -> Poly | None:
        """What a power of one atom is, if a rule changes it."""
        if atom.kind == "number":
            return self._prime_power(int(atom.head), power) if power.denominator > 1 and not 0 < power < 1 else None
        if power.denominator != 1:
            return self._expansion(atom, power) if atom.kind == "power" and power > 1 else None
        if atom.values == (0, 1) and power > 1:
            self.use(atom.head, f"{atom.head}**2 = {atom.head} (entries are 0 or 1)")
            return atom_poly(atom)
        if atom.values == (-1, 1) and power not in (0, 1):
            self.use(atom.head, f"{atom.head}**2 = 1 (entries are -1 or 1)")
            return atom_poly(atom) if power % 2 else UNIT
        if atom.kind == "sign" and power != 1:
            return atom_poly(atom) if power % 2 else UNIT
        if atom.kind in {"compare", "delta"} and power > 1:
            return atom_poly(atom)
        if atom.kind == "power" and power > 0:
            return self._expansion(atom, power)
        if atom.head == "cos" and power > 1:
            sine = self.function("sin", *atom.args)
            return self.mul(UNIT - self.mul(sine, sine), self.tidy(mono({atom: power - 2})))
        return None

    def _substitute_delta(self, delta: Atom, factors: Mono) -> Poly | None:
        """``delta(i, j) f(j) = delta(i, j) f(i)``."""
        keep, drop = delta.places
        if not isinstance(drop, Token) or isinstance(keep, Offset):
            keep, drop = drop, keep
        if not isinstance(drop, Token) or isinstance(keep, Offset) or not same_range(keep, drop):
            return None
        rest = mono({atom: power for atom, power in factors if atom != delta})
        if drop not in mono_tokens(rest):
            return None
        return self.mul(atom_poly(delta), self.rebuilt(single(rest), {drop: keep}))

    def _reduce(self, base: Atom, power: Exponent, factors: Mono) -> Poly | None:
        """Rule 4 of the module: the leading term of a sum times a negative power of the sum."""
        table, (total,) = dict(factors), base.args
        lead = max(total.terms, key=rank)
        pivot: Mono | None = None
        if all(table.get(atom, 0) >= need > 0 for atom, need in lead):
            pivot = lead
        elif power.denominator == 1 and ONE in total.terms and len(total.terms) > 1:
            rest_of = [dict(m) for m in total.terms if m != ONE]
            if any(
                atom.kind == "exp" and exponent < 0 and all(row.get(atom, 0) >= 1 for row in rest_of)
                for atom, exponent in factors
            ):
                pivot = ONE
        if pivot is None:
            return None
        value = total.terms[pivot]
        tail = Poly({m: v for m, v in total.terms.items() if m != pivot})
        higher = self.tidy(mono({base: power + 1}))
        lower = Poly({merged(m, mono({base: power})): v for m, v in tail.terms.items()})
        rest = merged(merged(factors, raised(pivot, -1)), mono({base: -power}))
        return self.mul_untidy(rest, higher - lower).scaled(1 / value)

    def mul_untidy(self, factors: Mono, poly: Poly) -> Poly:
        """A monomial times a polynomial, rules applied to the products only."""
        self.spend(len(poly.terms))
        result = ZERO
        for other, value in poly.terms.items():
            result = result + self.tidy(merged(factors, other)).scaled(value)
        return result

    # ---- powers ----------------------------------------------------------------------------

    def power(self, base: Poly, power: Exponent) -> Poly:
        """``base ** power`` for a rational exponent."""
        if power == 0:
            return UNIT
        if power.denominator == 1 and power > 0:
            if power > MAX_POWER:
                raise ProofLimit
            return self.product([base] * int(power))
        if not base:
            raise ProofLimit
        above, below = self.together(base)
        parts = content(above)
        factors = merged(parts.factors, raised(below, -1))
        if power.denominator == 1:
            outside = self.expanded(raised(factors, power)).scaled(parts.number ** int(power))
            return self.mul(outside, self.sum_power(parts.rest, power))
        return self._root(parts.number, factors, parts.rest, power)

    def _root(self, value: Fraction, factors: Mono, rest: Poly, power: Exponent) -> Poly:
        result = self.rational_power(abs(value), power)
        doubtful: dict[Atom, Exponent] = {}
        for atom, exponent in factors:
            if is_nonnegative(atom):
                result = self.mul(result, self.expanded(((atom, exponent * power),)))
            elif exponent % 2 == 0:
                result = self.mul(result, self.absolute_power(atom, exponent * power))
            else:
                doubtful[atom] = exponent
        inside = self.expanded(mono(doubtful)).scaled(Fraction(1 if value > 0 else -1))
        if value > 0 and nonnegative(rest):
            return self.product([result, self.sum_power(rest, power), self.sum_power(inside, power)])
        return self.mul(result, self.sum_power(self.mul(inside, rest), power))

    def absolute_power(self, atom: Atom, power: Exponent) -> Poly:
        """``|atom| ** power``."""
        if power.denominator == 1:
            value = self.tidy(((atom, power),))
            return value if power % 2 == 0 else self.mul(value, self.sign(atom_poly(atom)))
        return self.sum_power(self.mul(atom_poly(atom), self.sign(atom_poly(atom))), power)

    def sum_power(self, total: Poly, power: Exponent) -> Poly:
        """A power of a sum as an atom."""
        if total.constant == 1:
            return UNIT
        sign: Sign = "nonnegative" if nonnegative(total) else "real"
        return self.tidy(((Atom("power", args=(total,), sign=sign), power),))

    def rational_power(self, value: Fraction, power: Exponent) -> Poly:
        """A positive rational to a rational power."""
        if max(value.numerator, value.denominator) > MAX_FACTORED:
            raise ProofLimit
        factors = {**factorint(value.numerator), **{p: -k for p, k in factorint(value.denominator).items()}}
        return self.product(self._prime_power(p, k * power) for p, k in factors.items() if p != 1)

    def _prime_power(self, prime: int, power: Exponent) -> Poly:
        whole = floor(power)
        root = mono({Atom("number", str(prime), sign="positive"): power - whole})
        return single(root).scaled(Fraction(prime) ** whole)

    def together(self, poly: Poly) -> tuple[Poly, Mono]:
        """Numerator and denominator: no negative power of a sum is left in the numerator."""
        below: Mono = ONE
        for _ in range(4):
            need: dict[Atom, Exponent] = {}
            for factors in poly.terms:
                for atom, power in factors:
                    if atom.kind == "power" and power < 0:
                        need[atom] = max(need.get(atom, 0), ceil(-power))
            if not need:
                return poly, below
            denominator = mono(need)
            below = merged(below, denominator)
            self.spend(len(poly.terms))
            poly = self.mul_untidy(denominator, poly)
        raise ProofLimit

    def _expansion(self, atom: Atom, power: Exponent) -> Poly:
        """A power of a sum with exponent of at least 1: the whole part multiplied out."""
        whole = floor(power)
        if whole > MAX_POWER:
            raise ProofLimit
        outside = self.product([atom.args[0]] * whole)
        return self.mul(outside, self.tidy(mono({atom: power - whole})))


def _split_angle(angle: Poly) -> tuple[Poly, Poly] | None:
    """One unit term and the rest of a small sum or integer multiple of angles."""
    counts = [abs(value) for value in angle.terms.values()]
    whole = [int(count) if count.denominator == 1 else 1 for count in counts]
    if not 1 < sum(whole) <= MAX_ANGLES:
        return None
    factors, value = max(angle.terms.items(), key=lambda term: rank(term[0]))
    unit = value / abs(value) if value.denominator == 1 else value
    first = Poly({factors: unit})
    return first, angle - first


def same_range(keep: Place, drop: Token) -> bool:
    """Whether an index may take the place of another."""
    return isinstance(keep, int) or (isinstance(keep, Token) and keep.length == drop.length)
