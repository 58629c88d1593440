"""Terms in their simplest form, and equal terms made one.

Kronecker deltas and idle sums are worked out, a matrix beside its inverse vanishes, what has no
index and no unknown becomes part of the scalar, and terms that differ only in the naming of bound
indices, the order of factors, or the transposition of symmetric matrices are added up.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import sympy as sp
from sympy import Add, Dummy, Expr, KroneckerDelta, Mul, Pow, S

from chainrule.derive.forms.arrange import names_in
from chainrule.derive.forms.bound_terms import MatrixEntry, Over, indices_of
from chainrule.derive.forms.inlining import closed_over
from chainrule.derive.program import Definition, Index, Input, Ref
from chainrule.derive.stationarity.terms import Space, Term, closed, mentions, opened

#: An index that stands for any other.
PLACE = Index("place", integer=True, nonnegative=True)


def tidied(space: Space, term: Term, unknown: str) -> Term:
    """A term without deltas, idle sums and inverses beside their matrices, as far as possible."""
    return _simplified(space, term, unknown, (*_LOCAL, _with_scalars, _canonical_scalar))


def _simplified(space: Space, term: Term, unknown: str, steps: Sequence[_Step]) -> Term:
    while True:
        simpler = next((found for step in steps if (found := step(space, term, unknown)) is not None), None)
        if simpler is None:
            return term
        term = simpler


def _ordered(space: Space, term: Term, unknown: str) -> Term | None:
    """Symmetric matrices inside factors with their indices in order: ``A[i,k] + A[k,i]`` is ``2 A[i,k]``."""
    factors = tuple(space.ordered(factor) for factor in term.factors)
    return None if factors == term.factors else replace(term, factors=factors)


def _primitive(space: Space, term: Term, unknown: str) -> Term | None:
    """Numbers that all terms of a factor have in common: ``2*y - 2*z`` is twice ``y - z``."""
    pairs = [factor.primitive() if isinstance(factor, Add) else (S.One, factor) for factor in term.factors]
    if all(number == 1 for number, _ in pairs):
        return None
    number = Mul(*(number for number, _ in pairs))
    return replace(term, scalar=term.scalar * number, factors=tuple(factor for _, factor in pairs))


def _flat(space: Space, term: Term, unknown: str) -> Term | None:
    """Factors that are products, and factors that have lost their indices."""
    if all(indices_of(f) or mentions(f, [unknown]) for f in term.factors) and not any(
        isinstance(factor, Mul) for factor in term.factors
    ):
        return None
    factors = [part for factor in term.factors for part in Mul.make_args(factor)]
    scalars = [part for part in factors if not indices_of(part) and not mentions(part, [unknown])]
    kept = tuple(part for part in factors if indices_of(part) or mentions(part, [unknown]))
    return replace(term, scalar=term.scalar * Mul(*scalars), factors=kept)


def _without_delta(space: Space, term: Term, unknown: str) -> Term | None:
    for delta in term.factors:
        if isinstance(delta, KroneckerDelta):
            for index, other in (delta.args, delta.args[::-1]):
                if index in term.bound and _same_range(space, index, other):
                    return term.without(delta).renamed({index: other})
    return None


def _same_range(space: Space, index: Index, other: Expr) -> bool:
    length = space.lengths[index]
    if isinstance(other, Index):
        return bool(space.lengths[other] == length)
    return bool(other == 0) or bool(other.is_Integer and length.is_Integer and 0 <= other < length)


def _counted(space: Space, term: Term, unknown: str) -> Term | None:
    used = frozenset[Index]().union(*map(indices_of, term.factors))
    idle = [index for index in term.bound if index not in used]
    if not idle:
        return None
    count = Mul(*(space.lengths[index] for index in idle))
    return replace(term, scalar=term.scalar * count, bound=tuple(index for index in term.bound if index in used))


def _without_inverse(space: Space, term: Term, unknown: str) -> Term | None:
    """``sum_k inv(A)[i,k] A[k,j]`` is ``delta[i,j]``."""
    for inverse in term.factors:
        operand = inverted(space, inverse)
        if operand is None:
            continue
        for other in term.factors:
            found = None if other is inverse else _beside(space, term, operand, inverse, other)
            if found is not None:
                return found
    return None


def inverted(space: Space, factor: Expr) -> MatrixEntry | None:
    """An entry of an inverse, of one with a name as well, as a function of its matrix."""
    if isinstance(factor, MatrixEntry):
        return factor if factor.kind == "inv" else None
    if not isinstance(factor, Ref) or len(factor.indices) != 2:
        return None
    item = space.program.by_name[factor.name]
    if not isinstance(item, Definition) or item.reduce != "inv":
        return None
    row, column = zip(item.bound_indices, item.bound, strict=True)
    return MatrixEntry("inv", item.body, row, column, factor.indices)


def _beside(space: Space, term: Term, operand: MatrixEntry, inverse: Expr, other: Expr) -> Term | None:
    """The term without an inverse and its matrix, if they meet in an index that nothing else has."""
    rows, columns = operand.limits
    for left, right in ((operand.at[0], operand.at[1]), (operand.at[1], operand.at[0])):
        if right not in term.bound or sum(factor.has(right) for factor in term.factors) != 2:
            continue
        for end in indices_of(other) - {right}:
            first = (right, end) if right == operand.at[1] else (end, right)
            entry = operand.body.xreplace(dict(zip((rows, columns), first, strict=True)))
            if entry.func == other.func and same(space, entry, other):
                rest = term.without(inverse, other)
                kept = tuple(index for index in rest.bound if index != right)
                return replace(rest, factors=(*rest.factors, KroneckerDelta(left, end)), bound=kept)
    return None


def _orthonormal(space: Space, term: Term, unknown: str) -> Term | None:
    """``sum_i Q[i,j] Q[i,k]`` is ``delta[j,k]`` for orthonormal columns."""
    for one, other in itertools.combinations(term.factors, 2):
        refs = [part for part in (one, other) if isinstance(part, Ref) and len(part.indices) == 2]
        if len(refs) < 2 or refs[0].name != refs[1].name or refs[0].indices[0] != refs[1].indices[0]:
            continue
        item, row = space.program.by_name[one.name], one.indices[0]
        if not isinstance(item, Input) or item.domain.name != "orthonormal" or row not in term.bound:
            continue
        if sum(factor.has(row) for factor in term.factors) == 2:
            rest = term.without(one, other)
            delta = KroneckerDelta(one.indices[1], other.indices[1])
            kept = tuple(index for index in rest.bound if index != row)
            return replace(rest, factors=(*rest.factors, delta), bound=kept)
    return None


def _with_scalars(space: Space, term: Term, unknown: str) -> Term | None:
    """Factors that are connected to no free index and to no unknown, as a sum that is a number."""
    for factors, bound in components(term.factors, term.bound):
        free = frozenset[Index]().union(*map(indices_of, factors)) - set(bound)
        if not free and bound and not mentions(Mul(*factors), [unknown]):
            number = closed(space, Term(S.One, factors, bound))
            rest = term.without(*factors)
            kept = tuple(index for index in rest.bound if index not in bound)
            return replace(rest, scalar=term.scalar * number, bound=kept)
    return None


def _canonical_scalar(space: Space, term: Term, unknown: str) -> Term | None:
    scalar = canonical(space, term.scalar)
    return None if scalar == term.scalar else replace(term, scalar=scalar)


def canonical(space: Space, scalar: Expr) -> Expr:
    """A number with its sums over indices in one form: nothing in them that could stand outside."""
    if isinstance(scalar, Over) and scalar.kind == "sum" and not indices_of(scalar):
        if scalar not in space.canonical:
            body, bound = opened(space, scalar)
            term = _simplified(space, Term(S.One, (body,), bound), "", _LOCAL)
            simple = Mul(term.scalar, *(_named(space, part) for part in components(term.factors, term.bound)))
            space.canonical[scalar] = space.canonical[simple] = simple
        return space.canonical[scalar]
    if isinstance(scalar, Add | Mul | Pow) and scalar.has(Over):
        return scalar.func(*(canonical(space, arg) for arg in scalar.args))
    return scalar


def _named(space: Space, part: tuple[tuple[Expr, ...], tuple[Index, ...]]) -> Expr:
    """The sum of a product, its indices named by their depth."""
    factors, bound = part
    limits = {index: space.lengths[index] for index in bound}
    return closed_over("sum", Mul(*factors), limits) if limits else Mul(*factors)


def _declared(space: Space, term: Term, unknown: str) -> Term | None:
    """Squares of entries that are 0 or 1, or -1 or 1."""
    counts = Counter(factor for factor in term.factors if isinstance(factor, Ref))
    for factor, count in counts.items():
        item = space.program.by_name[factor.name]
        if count > 1 and isinstance(item, Input) and item.name not in space.unknowns:
            if item.domain.values == (0, 1):
                return term.without(factor)
            if item.domain.values == (-1, 1):
                return term.without(factor, factor)
    return None


_Step = Callable[[Space, Term, str], Term | None]
#: What simplifies a term without looking at what is connected with what.
_LOCAL: tuple[_Step, ...] = (
    _ordered,
    _primitive,
    _flat,
    _without_delta,
    _counted,
    _without_inverse,
    _orthonormal,
    _declared,
)


def components(factors: Sequence[Expr], bound: Sequence[Index]) -> list[tuple[tuple[Expr, ...], tuple[Index, ...]]]:
    """Factors that are connected by bound indices, with these indices."""
    found: list[tuple[list[Expr], set[Index]]] = []
    for factor in factors:
        members, shared = [factor], set(indices_of(factor)) & set(bound)
        rest = []
        for others, indices in found:
            if indices & shared:
                members, shared = others + members, shared | indices
            else:
                rest.append((others, indices))
        found = [*rest, (members, shared)]
    return [(tuple(members), tuple(index for index in bound if index in shared)) for members, shared in found]


# ---- equal terms --------------------------------------------------------------------------------------


def same(space: Space, left: Expr, right: Expr) -> bool:
    """Whether two expressions are equal up to the naming of bound indices and symmetric matrices."""
    if left == right:
        return True
    if names_in(left) != names_in(right):
        return False
    symmetry = space.symmetry
    return symmetry.same(symmetry.tidy(left), symmetry.tidy(right))


def merged(space: Space, terms: Iterable[Term], unknown: str) -> list[Term]:
    """The terms with equal ones added up and those that vanish left out."""
    found: list[Term] = []
    for term in terms:
        term = tidied(space, term, unknown)
        place = next((n for n, other in enumerate(found) if like(space, term, other)), None)
        if place is None:
            found.append(term)
        else:
            found[place] = replace(found[place], scalar=found[place].scalar + term.scalar)
    simple = [replace(term, scalar=_summed(term.scalar)) for term in found]
    return [term for term in simple if term.scalar != 0]


def _summed(scalar: Expr) -> Expr:
    """A sum of scalars as short as it is easily made, sums over indices being left as they are."""
    if not isinstance(scalar, Add):
        return scalar
    names = {over: Dummy() for over in scalar.atoms(Over)}
    short = sp.factor_terms(sp.expand(scalar.xreplace(names)))
    return short.xreplace({name: over for over, name in names.items()})


def like(space: Space, one: Term, other: Term) -> bool:
    """Whether two terms differ only in their scalars."""
    if len(one.factors) != len(other.factors) or len(one.bound) != len(other.bound):
        return False
    return same(space, closed(space, replace(one, scalar=S.One)), closed(space, replace(other, scalar=S.One)))
