"""Sums in which functions of whole matrices meet their operand, or each other.

The product of an inverse with its operand is the identity.  If the operand is a sum, its leading
term next to the inverse is rewritten,

    sum_k inv(M)[i,k] lead[k,j]  =  delta(i,j) - sum_k inv(M)[i,k] (M - lead)[k,j]

so that ``inv(A + B) @ A`` and ``I - inv(A + B) @ B`` have one form; the leading term is one with
most factors, so that this ends.  Eigenvectors and singular vectors are treated in the same way,
``M V = V diag(l)``, and their columns are orthonormal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from chainrule.derive.normal.functions import HALF
from chainrule.derive.normal.matrices import Matrices, only_atom
from chainrule.derive.normal.terms import (
    Atom,
    Exponent,
    Mono,
    Place,
    Poly,
    Token,
    atom_poly,
    content,
    merged,
    mono,
    mono_tokens,
    raised,
    rank,
    rename_mono,
    single,
)

#: Functions whose value times the operand is known, and in which of its places that is summed.
MEETS_OPERAND = {"inv": (0, 1), "eigvectors": (0,), "left_singular": (0,), "right_singular": (0,)}

#: Powers of eigenvalues whose sum is written as a trace.
MAX_TRACE = 4
#: Inverses of which it is tried to free a value.
MAX_INVERSES = 4


@dataclass(frozen=True)
class Pair:
    """``sum_k f(M)[p,k] middle(M)[k]**power g(M)[q,k]``, or with k in place 0, without one of the functions.

    The value is a product of M and its transpose T, written as a word; the empty word is
    ``delta(p,q)``, "inverse" is ``inv(M)``, and "factored" is ``inv(N)`` for the matrix N of which M,
    or its transpose, is the Cholesky factor.
    """

    functions: tuple[str, str]
    place: int
    value: str
    middle: str = ""
    power: int = 1


_EIGEN, _LEFT, _RIGHT = "eigvectors", "left_singular", "right_singular"
PAIRS = (
    Pair(("cholesky", "cholesky"), 1, "M"),
    Pair(("inv", "inv"), 0, "factored"),
    Pair(("inv", "inv"), 1, "factored"),
    Pair((_EIGEN, _EIGEN), 0, ""),
    Pair((_EIGEN, _EIGEN), 1, ""),
    Pair((_EIGEN, _EIGEN), 1, "inverse", "eigvalsh", -1),
    *(Pair((_EIGEN, _EIGEN), 1, "M" * power, "eigvalsh", power) for power in range(1, MAX_TRACE + 1)),
    Pair((_LEFT, _LEFT), 0, ""),
    Pair((_RIGHT, _RIGHT), 0, ""),
    Pair((_LEFT, _RIGHT), 1, "M", "svdvals"),
    Pair((_LEFT, _RIGHT), 1, "MTM", "svdvals", 3),
    Pair((_LEFT, _LEFT), 1, "MT", "svdvals", 2),
    Pair((_RIGHT, _RIGHT), 1, "TM", "svdvals", 2),
)


@dataclass(frozen=True)
class Lead:
    """The leading term of a matrix: ``scale * factors``, sums in it opened over ``inner``."""

    term: Mono
    scale: Poly
    factors: tuple[tuple[Atom, Exponent], ...]
    inner: tuple[Token, ...]


class MatrixSums(Matrices):
    """Rules for sums with functions of matrices in them."""

    def matrix_sum(self, factors: Mono, bound: tuple[Token, ...]) -> Poly | None:
        """The sum of a product over bound indices, if a rule applies."""
        for atom, power in factors:
            if power == 1 and atom.kind in MEETS_OPERAND:
                for place in MEETS_OPERAND[atom.kind]:
                    token, other = atom.places[place], atom.places[1 - place]
                    if token in bound and token != other:
                        found = self._operand_met(atom, place, factors, bound)
                        if found is not None:
                            return found
        if len(factors) == len(bound) == 1 and (found := self._alone(*factors[0], bound)) is not None:
            return found
        hit = {atom.kind for atom, _ in factors}
        rules = [pair for pair in PAIRS if hit.issuperset(pair.functions)]
        pairs = ((rule, token) for rule in rules for token in bound)
        return next((found for rule, token in pairs if (found := self._paired(rule, token, factors, bound))), None)

    def _alone(self, atom: Atom, power: Exponent, bound: tuple[Token, ...]) -> Poly | None:
        """A sum over one index of a power of one atom.

        Powers of eigenvalues sum to traces of powers, their logarithms to logdet, and those of the
        diagonal of a Cholesky factor to half of it.
        """
        if atom.kind == "eigvalsh" and atom.places == bound and power in range(1, MAX_TRACE + 1):
            index = self.token(atom.bound[0].length)
            return self.total(self._word("M" * int(power), atom, index, index), [index])
        entry = _size_of(atom.args[0]) if atom.kind == "log" and power == 1 else None
        if entry is None or entry.kind not in {"cholesky", "eigvalsh"} or set(entry.places) != set(bound):
            return None
        rows, body = self.opened(entry)
        return self.matrix("logdet", body, rows, ()).scaled(HALF if entry.kind == "cholesky" else Fraction(1))

    # ---- a function and its operand --------------------------------------------------------

    def _operand_met(self, atom: Atom, place: int, factors: Mono, bound: tuple[Token, ...]) -> Poly | None:
        token = atom.places[place]
        assert isinstance(token, Token)
        rows, columns = atom.bound
        # inv(M)[i,k] M[k,j] and U[k,q] M[k,j]; M[j,k] with k in the first place of an inverse otherwise.
        by_row = place == 1 if atom.kind == "inv" else atom.kind == "left_singular"
        mine, theirs = (rows, columns) if by_row else (columns, rows)
        if token.length != mine.length or token in atom.args[0].tokens:
            return None
        lead = self._lead(atom.args[0], mine, theirs)
        rest = mono({a: p for a, p in factors if a != atom})
        if lead is None:
            return None
        allowed: Allowed = {theirs: None, **dict.fromkeys(lead.inner, frozenset(bound) - {token})}
        for match in _matches(lead.factors, dict(rest), {mine: token}, allowed):
            left = merged(rest, raised(rename_mono(lead.factors, match), -1))
            gone = {match[index] for index in lead.inner}
            if len(gone) == len(lead.inner) and {token, *gone}.isdisjoint(mono_tokens(left)) and (
                gone.isdisjoint(atom.tokens) and match[theirs] not in {token, *gone}
            ):
                return self._rewritten(atom, place, lead, match, theirs, left, bound)
        return None

    def _rewritten(
        self, atom: Atom, place: int, lead: Lead, match: Mapping[Token, Place], end: Token, left: Mono,
        bound: tuple[Token, ...],
    ) -> Poly:  # fmt: skip
        """The value next to the operand instead of the function next to the leading term."""
        self.spend(len(left) + 1)
        inner = {match[index] for index in lead.inner}
        outside = self.mul(single(left), self.power(lead.scale, -1))
        first = self.mul(outside, self._next_to_operand(atom, place, match[end]))
        tail = Poly({m: v for m, v in atom.args[0].terms.items() if m != lead.term})
        places = {index: match[index] for index in atom.bound}
        second = self.product([outside, atom_poly(atom), self.rebuilt(tail, places)])
        over = tuple(index for index in bound if index not in inner)
        return self.total(first, [index for index in over if index != atom.places[place]]) - self.total(second, over)

    def _next_to_operand(self, atom: Atom, place: int, end: Place) -> Poly:
        """The function of a matrix times that matrix, between its other place and ``end``."""
        other = atom.places[1 - place]
        if atom.kind == "inv":
            return self.delta(other, end)
        values, vectors = _PARTNERS[atom.kind]
        bound, body = self.opened(atom)
        return self.mul(self.matrix(values, body, bound, (other,)), self.matrix(vectors, body, bound, (end, other)))

    def _lead(self, body: Poly, mine: Token, theirs: Token) -> Lead | None:
        """The term that is rewritten: one with most factors among those over both indices."""
        leads = [
            self._opened_term(factors, value, mine, theirs)
            for factors, value in body.terms.items()
            if {mine, theirs} <= mono_tokens(factors) and not any(atom.kind == "delta" for atom, _ in factors)
        ]
        return max(leads, key=lambda lead: (sum(p for _, p in lead.factors), rank(lead.term)), default=None)

    def _opened_term(self, factors: Mono, value: Fraction, mine: Token, theirs: Token) -> Lead:
        inner: tuple[Token, ...] = ()
        term: Mono = ()
        for atom, power in factors:
            if atom.kind == "sum" and power == 1 and atom.tokens & {mine, theirs}:
                fresh, body = self.opened(atom)
                term, inner = merged(term, next(iter(body.terms))), (*inner, *fresh)
            else:
                term = merged(term, ((atom, power),))
        ours = {mine, theirs, *inner}
        scale = mono({a: p for a, p in term if a.tokens.isdisjoint(ours)})
        rest = tuple((a, p) for a, p in term if not a.tokens.isdisjoint(ours))
        return Lead(factors, single(scale).scaled(value), rest, inner)

    # ---- two functions of one matrix -------------------------------------------------------

    def _paired(self, rule: Pair, token: Token, factors: Mono, bound: tuple[Token, ...]) -> Poly | None:
        hit = [(atom, power) for atom, power in factors if token in atom.tokens]
        vectors = [atom for atom, power in hit if atom.kind in rule.functions for _ in range(ceil(power))]
        values = [(atom, power) for atom, power in hit if atom.kind not in rule.functions]
        if sorted(atom.kind for atom in vectors) != sorted(rule.functions):
            return None
        first, second = vectors
        ends = [atom.places[1 - rule.place] for atom in vectors]
        middle = Atom(rule.middle or "inv", args=first.args, places=(token,), bound=first.bound)
        whole = all(power in (1, 2) for atom, power in hit if atom in vectors) and token not in first.args[0].tokens
        same = (first.args, first.bound) == (second.args, second.bound)
        if not (whole and same and values == ([(middle, rule.power)] if rule.middle else [])) or any(
            atom.places[rule.place] != token or atom.places[1 - rule.place] == token for atom in vectors
        ):
            return None
        value = self._value_of_pair(rule, first, ends)
        if value is None:
            return None
        rest = single(mono({atom: power for atom, power in factors if token not in atom.tokens}))
        return self.total(self.mul(rest, value), [index for index in bound if index != token])

    def _value_of_pair(self, rule: Pair, first: Atom, ends: list[Place]) -> Poly | None:
        if rule.value not in {"inverse", "factored"}:
            return self._word(rule.value, first, *(ends if first.kind == rule.functions[0] else reversed(ends)))
        bound, body = self.opened(first)
        if rule.value == "inverse":
            return self.matrix("inv", body, bound, ends)
        factor = only_atom(body)
        if factor is None or factor.kind != "cholesky" or factor.places != (bound[::-1] if rule.place else bound):
            return None
        rows, inner = self.opened(factor)
        return self.matrix("inv", inner, rows, ends)

    def _word(self, word: str, atom: Atom, row: Place, column: Place) -> Poly:
        """An entry of a product of the operand M and its transpose T."""
        if not word:
            return self.delta(row, column)
        inner = [self.token(atom.bound[letter == "M"].length) for letter in word[:-1]]
        ends = itertools.pairwise([row, *inner, column])
        turned = (pair if letter == "M" else pair[::-1] for letter, pair in zip(word, ends, strict=True))
        return self.total(self.product(self.operand(atom, *pair) for pair in turned), inner)


def _size_of(poly: Poly) -> Atom | None:
    """The atom that a polynomial is, or whose absolute value it is."""
    signs = [atom for factors in poly.terms for atom, _ in factors if atom.kind == "sign"]
    entry = only_atom(signs[0].args[0]) if len(signs) == 1 else only_atom(poly)
    same = entry is not None and poly == single(mono({entry: 1, **dict.fromkeys(signs, 1)}))
    return entry if same else None


#: What ``M @ V`` is made of: the values, and the vectors on the other side.
_PARTNERS = {
    "eigvectors": ("eigvalsh", "eigvectors"),
    "left_singular": ("svdvals", "right_singular"),
    "right_singular": ("svdvals", "left_singular"),
}


# ---- finding the leading term ------------------------------------------------------------------

Match = dict[Token, Place]
Factors = Sequence[tuple[Atom, Exponent]]
Allowed = Mapping[Token, frozenset[Token] | None]


def _matches(
    waiting: Factors, targets: Mapping[Atom, Exponent], known: Match, allowed: Allowed
) -> Iterator[Match]:
    """The ways to read factors as given ones: what their open indices stand for.

    ``allowed`` has the indices that each open one may stand for, ``None`` where it may be anything.
    """
    if not waiting:
        yield known
        return
    pattern, power = min(waiting, key=lambda row: len(row[0].tokens & (allowed.keys() - known.keys())))
    rest = [row for row in waiting if row[0] != pattern]
    for target, exponent in targets.items():
        if (target.kind, target.head, exponent) == (pattern.kind, pattern.head, power):
            for match in _unified(pattern, target, known, allowed):
                yield from _matches(rest, targets, match, allowed)


def _unified(
    pattern: Atom, target: Atom, known: Match, allowed: Allowed
) -> Iterator[Match]:
    """The ways in which open indices make one atom another."""
    unknown = sorted(pattern.tokens & (allowed.keys() - known.keys()), key=lambda t: t.name)
    numbers = [place for place in target.places if isinstance(place, int)]
    places: list[Place] = [*sorted(target.tokens, key=lambda t: t.name), *dict.fromkeys(numbers)]
    for choice in itertools.product(places, repeat=len(unknown)):
        match = {**known, **dict(zip(unknown, choice, strict=True))}
        if all(_may_be(token, match[token], allowed[token]) for token in unknown) and pattern.renamed(match) == target:
            yield match


def _may_be(token: Token, place: Place, allowed: frozenset[Token] | None) -> bool:
    if isinstance(place, int):
        return allowed is None
    return isinstance(place, Token) and place.length == token.length and (allowed is None or place in allowed)


# ---- clearing inverses -------------------------------------------------------------------------


def without_inverse(algebra: MatrixSums, poly: Poly) -> Iterator[Poly]:
    """Products of a matrix with the value, one for each inverse of a matrix at a free index.

    Each is zero only if the value is.  Factors of all terms are left out.
    """
    rest = content(poly).rest
    for atom in sorted(_inverses(rest), key=lambda atom: (-len(atom.args[0].terms), atom.order))[:MAX_INVERSES]:
        for place in (0, 1):
            index, other = atom.places[place], atom.places[1 - place]
            if isinstance(index, Token) and index != other and index in rest.tokens - atom.args[0].tokens:
                end = algebra.token(index.length)
                matrix = algebra.operand(atom, *((index, end) if place else (end, index)))
                yield algebra.total(algebra.mul(matrix, rest), [index])


def _inverses(poly: Poly) -> set[Atom]:
    """The inverses that are factors of terms or of sums in them, their operands not being summed over."""
    atoms = {atom for factors in poly.terms for atom, power in factors if power == 1}
    inside = {
        inner
        for atom in atoms
        for factors in (atom.args[0].terms if atom.kind == "sum" else ())
        for inner, _ in factors
        if inner.kind == "inv" and inner.args[0].tokens.isdisjoint(atom.bound)
    }
    return {atom for atom in atoms if atom.kind == "inv"} | inside
