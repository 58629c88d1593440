"""Comparisons with a maximum over an axis, which are not off their kinks almost everywhere.

``max_j(x[j]) - x[i]`` is never negative, and 0 not only at a kink but wherever ``x[i]`` is the
largest entry.  So ``[max_j(x[j]) == x[i]]`` stays as it is; over i it sums to 1 where no entries tie.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from fractions import Fraction

from chainrule.derive.normal.arithmetic import UNIT, ZERO
from chainrule.derive.normal.functions import Functions, up_to_sign
from chainrule.derive.normal.terms import Atom, Mono, Poly, Token, atom_poly, mono, mono_tokens, single


class Maxima(Functions):
    """Signs and comparisons of differences from a maximum."""

    @abstractmethod
    def total(self, poly: Poly, bound: Sequence[Token]) -> Poly:
        """The sum over the bound indices."""

    @abstractmethod
    def opened(self, atom: Atom) -> tuple[tuple[Token, ...], Poly]:
        """The body of a closed sum or maximum, or the operand of a function of a matrix, with fresh indices."""

    def sign(self, poly: Poly) -> Poly:
        """The sign, off the places where it is 0."""
        for factor in (Fraction(1), Fraction(-1)):
            if self.entry_below(poly.scaled(factor)) is not None:
                return UNIT.scaled(factor)
        return super().sign(poly)

    def signum(self, poly: Poly) -> Poly:
        """``sign(poly)`` as a function of the user."""
        if not self.stays_zero(poly):
            return super().signum(poly)
        return self.positive(poly) - self.positive(poly.scaled(Fraction(-1)))

    def positive(self, poly: Poly) -> Poly:
        """1 where ``poly > 0``, else 0."""
        if not self.stays_zero(poly):
            return super().positive(poly)
        if self.entry_below(poly.scaled(Fraction(-1))) is not None:
            return ZERO
        if self.entry_below(poly) is not None:
            return UNIT - self.is_zero(poly)
        return atom_poly(Atom("compare", "positive", (poly,), sign="nonnegative"))

    def is_zero(self, poly: Poly) -> Poly:
        """1 where ``poly == 0``, else 0."""
        if not self.stays_zero(poly):
            return super().is_zero(poly)
        return atom_poly(Atom("compare", "zero", (up_to_sign(poly),), sign="nonnegative"))

    def stays_zero(self, poly: Poly) -> bool:
        """Whether a polynomial is 0 wherever a certain entry is the largest."""
        return any(
            not self.rebuilt(poly, {}, {atom: entry})
            for atom in _maxima(poly)
            for _, entry in self._entries(atom, poly)
        )

    def entry_below(self, poly: Poly) -> tuple[Token, ...] | None:
        """The indices of the entry, if a polynomial is a maximum minus one of its entries."""
        for atom in _maxima(poly):
            for places, entry in self._entries(atom, poly):
                if atom_poly(atom) - entry == poly:
                    return places
        return None

    def _entries(self, atom: Atom, poly: Poly) -> Iterator[tuple[tuple[Token, ...], Poly]]:
        """The entries of what a maximum is taken of, at indices that occur in a polynomial."""
        tokens = sorted(poly.tokens, key=lambda token: token.name)
        choices = [[token for token in tokens if token.length == bound.length] for bound in atom.bound]
        for places in itertools.product(*choices):
            bound, body = self.opened(atom)
            yield places, self.rebuilt(body, dict(zip(bound, places, strict=True)))

    def attained(self, factors: Mono, bound: tuple[Token, ...]) -> Poly | None:
        """The sum over all entries of the indicator of the largest: 1, where no entries tie."""
        for atom, _ in factors:
            places = self._attaining(atom)
            rest = mono({other: power for other, power in factors if other != atom})
            if places and set(places) <= set(bound) and mono_tokens(rest).isdisjoint(places):
                self._note_ties(atom, places)
                return self.total(single(rest), [token for token in bound if token not in places])
        return None

    def _attaining(self, atom: Atom) -> tuple[Token, ...] | None:
        """The indices of the entry, if an atom is the indicator of its being the largest."""
        if atom.kind != "compare" or atom.head != "zero":
            return None
        (poly,) = atom.args
        return self.entry_below(poly) or self.entry_below(poly.scaled(Fraction(-1)))

    def _note_ties(self, atom: Atom, places: tuple[Token, ...]) -> None:
        """The proof says nothing where two entries are equal."""
        entry = Poly({m: v for m, v in atom.args[0].terms.items() if not _maxima(single(m))})
        other = entry.renamed({token: self.token(token.length) for token in places})
        self.kinks[entry.key] = entry - other


def _maxima(poly: Poly) -> set[Atom]:
    return {atom for factors in poly.terms for atom, _ in factors if atom.kind == "max"}
