"""Proofs that two values of programs are equal for all sizes and all inputs.

Both sides are brought to normal form over the same free indices; their difference is zero if

1. it has no terms; or
2. its numerator over a common denominator multiplies out to zero; or
3. after choosing signs (every consistent pattern of the signs and two-valued entries in it) each
   case is zero; or
4. the sums in it, opened and merged over the same bound indices, have bodies that are zero.

Equality means: wherever both sides are defined, off the kinks that the proof names.
``None`` is never "different": it only says that no proof was found within the limits.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from chainrule.derive.normal.algebra import Algebra
from chainrule.derive.normal.arithmetic import ProofLimit
from chainrule.derive.normal.normal_form import Lowering
from chainrule.derive.normal.signs import nonnegative
from chainrule.derive.normal.terms import (
    Atom,
    Mono,
    Poly,
    Token,
    merged,
    mono,
    number,
    rank,
    rename_mono,
)
from chainrule.derive.normal.text import text
from chainrule.derive.program import Program

#: Signs and two-valued entries whose cases are distinguished.
MAX_CASES = 6
#: How often sums inside sums are opened.
MAX_DEPTH = 4
#: Alignments of bound indices that are tried when sums are merged.
MAX_ALIGNMENTS = 24


@dataclass(frozen=True)
class Proof:
    """A proof of equality.

    Attributes:
        facts: the declared facts about inputs that it rests on.
        method: how the difference was seen to be zero.
        kinks: expressions at whose zeros the proof says nothing.
    """

    facts: tuple[str, ...] = ()
    method: str = "equal normal forms"
    kinks: tuple[str, ...] = ()


def prove_equal(
    left: Program, left_name: str, right: Program, right_name: str, fixed: Iterable[str] = ()
) -> Proof | None:
    """A proof that two values over the same inputs are equal, or ``None``.

    ``fixed`` names the inputs whose declared equations may be used (see ``normal_form``).
    """
    if left.by_name[left_name].shape != right.by_name[right_name].shape:
        return None
    domains = {item.name: item.domain for item in left.inputs}
    useful = frozenset(name for name in fixed if domains[name].name not in {"real", "positive", "nonnegative"})
    attempts = [frozenset[str](), useful] if useful else [frozenset[str]()]
    for allowed in attempts:
        proof = _attempt(left, left_name, right, right_name, allowed)
        if proof is not None:
            return _fewest_facts(left, left_name, right, right_name, allowed, proof)
    return None


def _fewest_facts(
    left: Program, left_name: str, right: Program, right_name: str, allowed: frozenset[str], proof: Proof
) -> Proof:
    """The proof with inputs whose facts are not needed left out one after the other."""
    for name in sorted(allowed):
        fewer = _attempt(left, left_name, right, right_name, allowed - {name})
        if fewer is not None:
            allowed, proof = allowed - {name}, fewer
    return proof


def _attempt(
    left: Program, left_name: str, right: Program, right_name: str, fixed: frozenset[str]
) -> Proof | None:
    algebra = Algebra(left.inputs, fixed)
    try:
        difference = Lowering(left, algebra).value(left_name) - Lowering(right, algebra).value(right_name)
        method = zero_method(algebra, difference)
    except (ProofLimit, RecursionError, ZeroDivisionError):
        return None
    if method is None:
        return None
    kinks = tuple(dict.fromkeys(sorted(text(poly) for poly in algebra.kinks.values())))
    return Proof(tuple(sorted(algebra.used.values())), method, kinks)


def zero_method(algebra: Algebra, poly: Poly, depth: int = 0) -> str | None:
    """How a polynomial is seen to be zero, or ``None``."""
    if not poly:
        return "equal normal forms"
    if depth > MAX_DEPTH:
        return None
    numerator, _ = algebra.together(poly)
    if not numerator:
        return "the difference over a common denominator is zero"
    switches = _switches(poly)
    if switches:
        cases = _cases(algebra, poly, switches)
        if all(_flat_zero(algebra, case, depth) for case in cases):
            return "equal in every case of the signs"
    elif _flat_zero(algebra, numerator, depth) or _flat_zero(algebra, poly, depth):
        return "equal sums after merging"
    return None


def _flat_zero(algebra: Algebra, poly: Poly, depth: int) -> bool:
    """Whether a polynomial without cases is zero."""
    numerator, _ = algebra.together(poly)
    if not numerator:
        return True
    return any(_sums_zero(algebra, form, depth) for form in (poly, numerator))


# ---- cases ----------------------------------------------------------------------------------------


def _switches(poly: Poly) -> list[Atom]:
    """Signs and two-valued entries that are the same for the whole polynomial."""
    found = {
        atom: None
        for atom in poly.walk()
        if (atom.kind == "sign" or len(atom.values) == 2) and not any(t.name.startswith("b") for t in atom.tokens)
    }
    ordered = sorted(found, key=lambda atom: atom.order)
    return ordered if len(ordered) <= MAX_CASES else []


def _cases(algebra: Algebra, poly: Poly, switches: list[Atom]) -> Iterable[Poly]:
    """The polynomial in every consistent case."""
    for choice in itertools.product(*(atom.values or (1, -1) for atom in switches)):
        case = dict(zip(switches, choice, strict=True))
        if _consistent(case):
            for atom in case:
                if atom.values:
                    algebra.use(atom.head, f"entries of {atom.head} are {atom.values[0]} or {atom.values[1]}")
            yield algebra.rebuilt(poly, {}, {atom: number(value) for atom, value in case.items()})


def _consistent(case: dict[Atom, int]) -> bool:
    """Whether signs can occur together: no two of them have a sum that is visibly negative."""
    positive = [atom.args[0].scaled(Fraction(value)) for atom, value in case.items() if atom.kind == "sign"]
    return not any(_exclude(a, b) for a, b in itertools.combinations(positive, 2))


def _exclude(left: Poly, right: Poly) -> bool:
    """Whether ``left > 0`` and ``right > 0`` contradict each other: a combination is <= 0."""
    for factors in left.terms.keys() & right.terms.keys():
        a, b = left.terms[factors], right.terms[factors]
        if a * b < 0 and nonnegative((left.scaled(abs(b)) + right.scaled(abs(a))).scaled(Fraction(-1))):
            return True
    return False


# ---- sums -----------------------------------------------------------------------------------------

_Body = tuple[Mono, tuple[Token, ...], Fraction]


def _sums_zero(algebra: Algebra, poly: Poly, depth: int) -> bool:
    """Whether the sums of a polynomial, merged over common bound indices, are zero."""
    groups: dict[tuple[str, ...], list[_Body]] = defaultdict(list)
    for factors, value in poly.terms.items():
        body, bound = _opened(algebra, factors)
        groups[tuple(sorted(str(token.length) for token in bound))].append((body, bound, value))
    if set(groups) == {()}:
        return False
    if any(len(group) == 1 or not lengths for lengths, group in groups.items()):
        return False
    return all(zero_method(algebra, _merged_bodies(group), depth + 1) is not None for group in groups.values())


def _opened(algebra: Algebra, factors: Mono) -> tuple[Mono, tuple[Token, ...]]:
    """A monomial with the sums in it opened, and their bound indices."""
    body: Mono = mono({a: p for a, p in factors if not _is_open(a, p)})
    bound: tuple[Token, ...] = ()
    for atom, power in factors:
        for _ in range(int(power) if _is_open(atom, power) else 0):
            fresh, inner = algebra.opened(atom)
            body, bound = merged(body, next(iter(inner.terms))), (*bound, *fresh)
    return body, bound


def _is_open(atom: Atom, power: Fraction | int) -> bool:
    return atom.kind == "sum" and power.denominator == 1 and 0 < power <= 3


def _merged_bodies(group: list[_Body]) -> Poly:
    """One polynomial of bodies over the bound indices of the first, best alignment each."""
    group = sorted(group, key=lambda row: rank(row[0]), reverse=True)
    _, frame, _ = group[0]
    terms: dict[Mono, Fraction] = {}
    known: set[Atom] = set()
    for body, bound, value in group:
        aligned = max(_alignments(body, bound, frame), key=lambda m: _overlap(m, known))
        known |= {atom for atom, _ in aligned}
        terms[aligned] = terms.get(aligned, Fraction(0)) + value
    return Poly(terms)


def _alignments(body: Mono, bound: tuple[Token, ...], frame: tuple[Token, ...]) -> Iterable[Mono]:
    for order in itertools.islice(itertools.permutations(frame), 5000):
        if all(old.length == new.length for old, new in zip(bound, order, strict=True)):
            yield rename_mono(body, dict(zip(bound, order, strict=True)))


def _overlap(body: Mono, known: set[Atom]) -> int:
    atoms = {inner for atom, _ in body for inner in atom.walk()}
    inside = {inner for atom in known for inner in atom.walk()}
    return len(atoms & inside)

