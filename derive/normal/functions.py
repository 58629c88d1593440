"""Exponentials, logarithms, signs and choices of polynomials over atoms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor

from sympy import factorint

from chainrule.derive.normal.arithmetic import MAX_FACTORED, UNIT, ZERO, Arithmetic, ProofLimit
from chainrule.derive.normal.signs import is_discrete, is_nonnegative, nonnegative, positive
from chainrule.derive.normal.terms import (
    ONE,
    Atom,
    Exponent,
    Mono,
    Poly,
    Token,
    atom_poly,
    content,
    merged,
    mono,
    number,
    raised,
    rank,
    single,
)

HALF = Fraction(1, 2)


class Functions(Arithmetic):
    """The functions that have rules of their own."""

    # ---- exp and log -----------------------------------------------------------------------

    def exp(self, poly: Poly) -> Poly:
        """The exponential: a product over the terms."""
        return self.product(self._exp_term(factors, value) for factors, value in poly.terms.items())

    def _exp_term(self, factors: Mono, value: Fraction) -> Poly:
        if len(factors) == 1 and factors[0][0].kind == "log" and factors[0][1] == 1:
            return self.power(factors[0][0].args[0], value)
        power = int(value) if value.denominator == 1 else value
        return atom_poly(Atom("exp", args=(single(factors),), sign="positive"), power)

    def log(self, poly: Poly) -> Poly:
        """The logarithm: a sum over the factors that cannot be negative."""
        if not poly:
            raise ProofLimit
        above, below = self.together(poly)
        parts = content(above)
        result = self._log_number(abs(parts.number))
        doubtful: dict[Atom, Exponent] = {}
        for atom, power in merged(parts.factors, raised(below, -1)):
            if is_nonnegative(atom):
                result = result + self._log_atom(atom).scaled(Fraction(power))
            elif power % 2 == 0:
                size = self.mul(atom_poly(atom), self.sign(atom_poly(atom)))
                result = result + _log_of(size).scaled(Fraction(power))
            else:
                doubtful[atom] = power
        rest = parts.rest.scaled(Fraction(1 if parts.number > 0 else -1))
        if doubtful and nonnegative(rest):
            result, rest = result + self._log_sum(rest), UNIT
        if len(doubtful) == 1 and rest == UNIT:
            ((atom, power),) = doubtful.items()
            return result + self._log_atom(atom).scaled(Fraction(power))
        return result + self._log_sum(self.mul(self.expanded(mono(doubtful)), rest))

    def _log_sum(self, total: Poly) -> Poly:
        return ZERO if total.constant == 1 else _log_of(total)

    def _log_number(self, value: Fraction) -> Poly:
        if max(value.numerator, value.denominator) > MAX_FACTORED:
            raise ProofLimit
        factors = {**factorint(value.numerator), **{p: -k for p, k in factorint(value.denominator).items()}}
        terms = [_log_of(number(p)).scaled(Fraction(k)) for p, k in factors.items() if p != 1]
        return sum(terms, ZERO)

    def _log_atom(self, atom: Atom) -> Poly:
        if atom.kind == "exp":
            return atom.args[0]
        if atom.kind == "power":
            return _log_of(atom.args[0])
        if atom.kind == "number":
            return _log_of(number(int(atom.head)))
        return _log_of(atom_poly(atom))

    def any_power(self, base: Poly, exponent: Poly) -> Poly:
        """``base ** exponent``."""
        if exponent.constant is not None:
            return self.power(base, exponent.constant)
        if positive(base):
            return self.exp(self.mul(exponent, self.log(base)))
        # base**(c + q) with an integer c is base**c * base**q; the base may be negative.
        whole = floor(exponent.terms.get(ONE, Fraction(0)))
        rest = self.function("base_to", base, exponent - number(whole))
        return self.mul(self.power(base, whole), rest)

    def log_absolute(self, poly: Poly) -> Poly:
        """``log(abs(poly))``, a sum over the factors; where one is 0 it has no value."""
        if not poly:
            raise ProofLimit
        above, below = self.together(poly)
        parts = content(above)
        result = self._log_number(abs(parts.number))
        for atom, power in merged(parts.factors, raised(below, -1)):
            value = self._log_atom(atom) if is_nonnegative(atom) else self._log_size(atom_poly(atom))
            result = result + value.scaled(Fraction(power))
        return result + (self._log_sum(parts.rest) if nonnegative(parts.rest) else self._log_size(parts.rest))

    def _log_size(self, poly: Poly) -> Poly:
        return _log_of(self.mul(poly, atom_poly(Atom("sign", args=(poly,)))))

    # ---- signs and choices -----------------------------------------------------------------

    def sign(self, poly: Poly) -> Poly:
        """The sign, off the places where it is 0."""
        if not poly:
            return ZERO
        inner = _sign_in(poly)
        if inner is not None and len(poly.terms) > 1:
            low, high = (self.rebuilt(poly, {}, {inner: number(value)}) for value in (-1, 1))
            return self._choose_sign(inner, self.sign(high), self.sign(low))
        above, below = self.together(poly)
        parts = content(above)
        result = number(1 if parts.number > 0 else -1)
        for atom, power in merged(parts.factors, raised(below, -1)):
            if power % 2 == 1 and not is_nonnegative(atom):
                result = self.mul(result, self._sign_of(atom.args[0] if atom.kind == "power" else atom_poly(atom)))
        return self.mul(result, self._sign_of(parts.rest))

    def _choose_sign(self, atom: Atom, positive: Poly, negative: Poly) -> Poly:
        half = (positive - negative).scaled(HALF)
        return (positive + negative).scaled(HALF) + self.mul(atom_poly(atom), half)

    def _sign_of(self, poly: Poly) -> Poly:
        if nonnegative(poly):
            return UNIT
        if len(poly.terms) == 1:
            ((factors, _),) = poly.terms.items()
            if len(factors) == 1 and factors[0][0].kind == "sign":
                return poly
        atom = Atom("sign", args=(poly,))
        self.kinks[poly.key] = poly
        return atom_poly(atom)

    def absolute(self, poly: Poly) -> Poly:
        """``|poly|``."""
        if is_discrete(poly, self.inputs):
            return self._on_values(poly, abs, "abs")
        return self.mul(poly, self.sign(poly))

    def signum(self, poly: Poly) -> Poly:
        """``sign(poly)`` as a function of the user."""
        if is_discrete(poly, self.inputs):
            return self._on_values(poly, lambda v: Fraction((v > 0) - (v < 0)), "sign")
        return self.sign(poly)

    def positive(self, poly: Poly) -> Poly:
        """1 where ``poly > 0``, else 0."""
        if is_discrete(poly, self.inputs):
            return self._on_values(poly, lambda v: Fraction(v > 0), "positive")
        return (UNIT + self.sign(poly)).scaled(HALF)

    def is_zero(self, poly: Poly) -> Poly:
        """1 where ``poly == 0``, else 0; off kinks, 0 for anything that varies."""
        if (places := _two_indices(poly)) is not None:
            return self.delta(*places)
        if is_discrete(poly, self.inputs):
            return self._on_values(poly, lambda v: Fraction(v == 0), "zero")
        inner = _sign_in(poly)
        if inner is not None:
            low, high = (self.rebuilt(poly, {}, {inner: number(value)}) for value in (-1, 1))
            return self._choose_sign(inner, self.is_zero(high), self.is_zero(low))
        self.kinks[poly.key] = poly
        return ZERO

    def _on_values(self, poly: Poly, function: Callable[[Fraction], Fraction], name: str) -> Poly:
        """A function of something discrete: by its values where it is one two-valued entry, delta or comparison."""
        if poly.constant is not None:
            return number(function(poly.constant))
        atoms = {atom for factors in poly.terms for atom, _ in factors}
        if len(atoms) == 1 and len(values := _values(entry := next(iter(atoms)))) == 2:
            low, high = values
            inside = [self.rebuilt(poly, {}, {entry: number(value)}).constant for value in (low, high)]
            at = [number(function(value if value is not None else Fraction(0))) for value in inside]
            if entry.values:
                self.use(entry.head, f"entries of {entry.head} are {low} or {high}")
            slope = (at[1] - at[0]).scaled(Fraction(1, high - low))
            return at[0] - slope.scaled(Fraction(low)) + self.mul(slope, atom_poly(entry))
        if name == "zero":
            poly = up_to_sign(poly)
        kind = "compare" if name in {"positive", "zero"} else "function"
        return atom_poly(Atom(kind, name, (poly,), sign="real" if name == "sign" else "nonnegative"))

    def choice(self, condition: Poly, chosen: Poly, other: Poly) -> Poly:
        """``where(condition, chosen, other)`` for an indicator."""
        return self.mul(condition, chosen) + self.mul(UNIT - condition, other)


def up_to_sign(poly: Poly) -> Poly:
    """The polynomial or its negative, whichever has a positive lowest term."""
    return poly.scaled(Fraction(-1)) if poly.terms[min(poly.terms, key=rank)] < 0 else poly


def _values(atom: Atom) -> tuple[int, ...]:
    """The finite set of values that an atom may take, if there is one."""
    return (0, 1) if atom.kind in {"compare", "delta"} else atom.values


def _two_indices(poly: Poly) -> tuple[Token, Token] | None:
    """The two indices that a polynomial is the difference of."""
    if sorted(poly.terms.values()) != [-1, 1]:
        return None
    factors = [factors[0] for factors in poly.terms if len(factors) == 1]
    places = [atom.places[0] for atom, power in factors if atom.kind == "position" and power == 1]
    first, second = places if len(places) == 2 else (None, None)
    return (first, second) if isinstance(first, Token) and isinstance(second, Token) else None


def _sign_in(poly: Poly) -> Atom | None:
    """A sign that is a factor of a term."""
    return next((atom for factors in poly.terms for atom, _ in factors if atom.kind == "sign"), None)


def _log_of(poly: Poly) -> Poly:
    return atom_poly(Atom("log", args=(poly,)))
