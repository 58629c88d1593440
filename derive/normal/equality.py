"""Proofs that two values of programs are equal for all sizes and all inputs.

Both sides are brought to normal form over the same free indices; their difference is zero if

1. it has no terms; or
2. its numerator over a common denominator multiplies out to zero; or
3. after choosing signs (every consistent pattern of the signs and two-valued entries in it) each
   case is zero; or
4. the sums in it, opened and merged over the same bound indices, have bodies that are zero; or
5. its product with a matrix of which it has the inverse is zero; or
6. each of the components that a small array is written out by is zero.

Equality means: wherever both sides are defined, off the kinks that the proof names.
``None`` is never "different": it only says that no proof was found within the limits.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter

from sympy import Integer

from chainrule.derive.domains import has_equations
from chainrule.derive.forms.components import components
from chainrule.derive.normal.algebra import Algebra
from chainrule.derive.normal.arithmetic import ProofLimit
from chainrule.derive.normal.matrix_sums import without_inverse
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
from chainrule.derive.program import Definition, Program, free_index, fresh_names

#: Signs and two-valued entries whose cases are distinguished.
MAX_CASES = 6
#: How often sums inside sums are opened.
MAX_DEPTH = 4
#: Alignments of bound indices that are tried when sums are merged.
MAX_ALIGNMENTS = 120
#: Inverses that a value is freed of, one after the other.
MAX_CLEARED = 2


Method = Callable[[Algebra, Poly], str | None]


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
    equation = _Equation(left, left_name, right, right_name)
    domains = {item.name: item.domain for item in left.inputs}
    useful = frozenset(name for name in fixed if has_equations(domains[name]))
    for method in (zero_method, zero_without_inverses):
        for allowed in dict.fromkeys((frozenset[str](), useful)):
            found = equation.attempt(allowed, method)
            if found is not None:
                return _fewest_facts(equation, method, *found)
    return _by_components(equation, fixed)


def _by_components(equation: _Equation, fixed: Iterable[str]) -> Proof | None:
    """A proof that every component of two arrays is equal, where their entries are told by cases."""
    sides = (equation.left, equation.left_name), (equation.right, equation.right_name)
    items = [program.by_name[name] for program, name in sides]
    cases = [set(components(item.body, item.lengths, item.free))
             for item in items if isinstance(item, Definition) and not item.reduce]  # fmt: skip
    if len(cases) < 2 or not any(cases):
        return None
    proofs = []
    for place in max(cases, key=lambda found: len(next(iter(found), ()))):
        (left, name), (right, other) = (_at(program, own, place) for program, own in sides)
        proof = prove_equal(left, name, right, other, fixed)
        if proof is None:
            return None
        proofs.append(proof)
    facts, kinks = ({part for proof in proofs for part in parts(proof)} for parts in (_FACTS, _KINKS))
    return Proof(tuple(sorted(facts)), "equal component by component", tuple(sorted(kinks)))


_FACTS, _KINKS = attrgetter("facts"), attrgetter("kinks")


def _at(program: Program, name: str, place: tuple[int, ...]) -> tuple[Program, str]:
    """The program with the part of an array that stands at a place of its first axes, and the name of that."""
    item = program.by_name[name]
    assert isinstance(item, Definition)
    part = next(fresh_names(program.by_name, "part"))
    axes = (*map(Integer, place), *(free_index(n) for n in range(len(item.shape) - len(place))))
    entry = Definition(part, item.shape[len(place) :], item.at(axes))
    return program.with_definitions((*program.definitions, entry), (part,)), part


@dataclass(frozen=True)
class _Equation:
    """Two values of programs."""

    left: Program
    left_name: str
    right: Program
    right_name: str

    def attempt(self, fixed: frozenset[str], method: Method) -> tuple[Proof, frozenset[str]] | None:
        """A proof with the declared equations of some inputs, and those of them that it uses."""
        algebra = Algebra(self.left.inputs, fixed)
        try:
            sides = Lowering(self.left, algebra), Lowering(self.right, algebra)
            how = method(algebra, sides[0].value(self.left_name) - sides[1].value(self.right_name))
        except (ProofLimit, RecursionError, ZeroDivisionError):
            return None
        if how is None:
            return None
        kinks = tuple(dict.fromkeys(sorted(text(poly) for poly in algebra.kinks.values())))
        return Proof(tuple(sorted(algebra.used.values())), how, kinks), frozenset(algebra.used)


def _fewest_facts(equation: _Equation, method: Method, proof: Proof, allowed: frozenset[str]) -> Proof:
    """The proof with inputs whose facts are not needed left out one after the other."""
    for name in sorted(allowed):
        fewer = equation.attempt(allowed - {name}, method)
        if fewer is not None:
            proof, allowed = fewer[0], allowed - {name}
    return proof


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


def zero_without_inverses(algebra: Algebra, poly: Poly) -> str | None:
    """How a polynomial is seen to be zero after multiplication with what it has the inverse of."""
    bodies = _merged(algebra, poly)
    if _cleared_zero(algebra, poly, MAX_CLEARED) or (
        bodies and all(_cleared_zero(algebra, body, MAX_CLEARED) for body in bodies)
    ):
        return "equal after multiplication by what is inverted"
    return None


def _cleared_zero(algebra: Algebra, poly: Poly, left: int) -> bool:
    """Whether a product with matrices whose inverses occur is zero."""
    for cleared in without_inverse(algebra, poly):
        if not algebra.together(cleared)[0] or (left > 1 and _cleared_zero(algebra, cleared, left - 1)):
            return True
    return False


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
    bodies = _merged(algebra, poly)
    return bool(bodies) and all(zero_method(algebra, body, depth + 1) is not None for body in bodies)


def _merged(algebra: Algebra, poly: Poly) -> list[Poly]:
    """The bodies of the sums of a polynomial, merged over common bound indices; none if there is no gain."""
    groups: dict[tuple[str, ...], list[_Body]] = defaultdict(list)
    for factors, value in poly.terms.items():
        body, bound = _opened(algebra, factors)
        groups[tuple(sorted(str(token.length) for token in bound))].append((body, bound, value))
    if any(len(group) == 1 or not lengths for lengths, group in groups.items()):
        return []
    return [_merged_bodies(group) for group in groups.values()]


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
    """The body with its bound indices renamed to those of the frame, lengths respected."""
    lengths = list(dict.fromkeys(token.length for token in bound))
    own = [[token for token in bound if token.length == length] for length in lengths]
    theirs = [itertools.permutations(token for token in frame if token.length == length) for length in lengths]
    for choice in itertools.islice(itertools.product(*theirs), MAX_ALIGNMENTS):
        yield rename_mono(body, dict(zip(itertools.chain(*own), itertools.chain(*choice), strict=True)))


def _overlap(body: Mono, known: set[Atom]) -> int:
    atoms = {inner for atom, _ in body for inner in atom.walk()}
    inside = {inner for atom in known for inner in atom.walk()}
    return len(atoms & inside)

