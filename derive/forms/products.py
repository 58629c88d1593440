"""Terms in matrix notation: a coefficient times a sum of products.

A term is flattened (linear sums inside it become part of it), unit matrices are resolved, and the
connected components of what remains are contracted one by one.  Signs are turned round, sums split
into terms and common factors taken out where that gives a shorter text.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import sympy as sp
from sympy import Add, Expr, KroneckerDelta, Mul, Pow, S

from chainrule.derive.forms.arrange import Fraction, common_factors, fraction, names_in, negated
from chainrule.derive.forms.bound_terms import Over, indices_of
from chainrule.derive.forms.coefficients import Scalars
from chainrule.derive.forms.components import cased
from chainrule.derive.forms.contraction import combined, cycle_traces, eliminated, total
from chainrule.derive.forms.layout import (
    Layout,
    NoMatrixForm,
    attempt,
    call,
    cheapest,
    in_front,
    indices_in,
)
from chainrule.derive.forms.masks import Product, unmasked
from chainrule.derive.forms.parts import Group, Groups, Part, Speller, grouped
from chainrule.derive.notation.syntax import Node
from chainrule.derive.program import Index
from chainrule.derive.scalar import Indicator

#: Ways of writing one term that are compared at most.
MAX_WAYS = 12


class TermSpeller(Speller, Protocol):
    """What terms need of the writer of elementwise expressions."""

    plans: dict[Expr, Plan]

    def fresh(self, length: Expr) -> Index:
        """A new index of this length."""
        ...

    def whole(self, body: Expr, layout: Layout) -> Node:
        """An expression in exactly this layout, whether or not it has all its indices."""
        ...


@dataclass(frozen=True)
class Term(Fraction):
    """A fraction summed over ``bound``; its sums have no common numbers left."""

    bound: tuple[Index, ...] = ()


@dataclass(frozen=True)
class Way:
    """One way of writing a term: its scalars, and what is left of its arrays once sums are done."""

    term: Term
    scalars: Scalars
    choices: tuple[tuple[Group, ...], ...]


@dataclass(frozen=True)
class Plan:
    """Everything about an expression that does not depend on the layout it is written in."""

    ways: tuple[Way, ...] = ()
    splits: tuple[Expr, ...] = ()
    instead: Expr | None = None


def write_term(speller: TermSpeller, expr: Expr, layout: Layout) -> Node:
    """A product or a sum over indices, in a layout that has all its indices.

    Indices of the layout that the expression lacks are filled up with ones.
    """
    if expr not in speller.plans:
        speller.plans[expr] = _plan(speller, expr)
    plan = speller.plans[expr]
    if plan.instead is not None:
        return speller.spell(plan.instead, layout)
    found = [attempt(partial(_write, speller, way), layout) for way in plan.ways]
    found += [attempt(partial(speller.spell, split), layout) for split in plan.splits]
    best = cheapest(found)
    if best is None:
        raise NoMatrixForm
    return best


def _plan(speller: TermSpeller, expr: Expr) -> Plan:
    term = flattened(speller, expr)
    expanded = _without_unit_sums(speller, term) if speller.readable else None
    if expanded is not None:
        return Plan(instead=expanded)
    ways = []
    for way in _ways(term):
        scalars = Scalars.of(speller, way)
        ways.append(Way(way, scalars, tuple(map(tuple, _contracted(speller, way, scalars)))))
    return Plan(tuple(ways), tuple(_splits(speller, term)))


def flattened(speller: TermSpeller, expr: Expr) -> Term:
    """A term with its linear sums opened, lengths counted and unit matrices resolved."""
    parts = fraction([expr])
    bound: list[Index] = []
    total, upper, lower = parts.number, list(parts.upper), list(parts.lower)
    while True:
        inner = next((f for f in upper if isinstance(f, Over) and f.kind == "sum"), None)
        if inner is None:
            break
        upper.remove(inner)
        names = {index: speller.fresh(length) for index, length in inner.limits.items()}
        bound += names.values()
        parts = fraction([inner.body.xreplace(names)])
        total *= parts.number
        upper, lower = upper + list(parts.upper), lower + list(parts.lower)
    term = _cancelled(Term(total, tuple(upper), tuple(lower), tuple(bound)))
    return _unmasked(speller, _counted(speller, _without_deltas(speller, term)))


def _unmasked(speller: TermSpeller, term: Term) -> Term:
    """The term with comparisons of indices as functions that readers know."""
    if not speller.readable or not any(isinstance(factor, Indicator) for factor in term.upper):
        return term
    product = unmasked(speller, Product(term.upper, term.lower, term.bound))
    parts = fraction([*product.upper, *(1 / factor for factor in product.lower)])
    return _cancelled(Term(term.number * parts.number, parts.upper, parts.lower, product.bound))


def _cancelled(term: Term) -> Term:
    """Equal factors of a term, which came together from several sums, as powers."""
    powers = Counter(term.upper)
    powers.subtract(Counter(term.lower))
    upper = tuple(factor**power for factor, power in powers.items() if power > 0)
    return replace(term, upper=upper, lower=tuple(factor**-power for factor, power in powers.items() if power < 0))


def _without_deltas(speller: Speller, term: Term) -> Term:
    """``sum_k delta(k, i) f(k) = f(i)``."""
    for delta in term.upper:
        if isinstance(delta, KroneckerDelta):
            for index, other in (delta.args, delta.args[::-1]):
                if index in term.bound and _same_length(speller, index, other):
                    upper = [factor.xreplace({index: other}) for factor in term.upper if factor is not delta]
                    lower = [factor.xreplace({index: other}) for factor in term.lower]
                    rest = tuple(k for k in term.bound if k != index)
                    inner = fraction([*upper, *(1 / factor for factor in lower)])
                    reduced = _cancelled(Term(term.number * inner.number, inner.upper, inner.lower, rest))
                    return _without_deltas(speller, reduced)
    return term


def _same_length(speller: Speller, index: Expr, other: Expr) -> bool:
    return isinstance(other, Index) and speller.lengths[index] == speller.lengths[other]


def _is_unit_matrix(speller: Speller, factor: Expr) -> bool:
    if not isinstance(factor, KroneckerDelta):
        return False
    row, column = factor.args
    return isinstance(row, Index) and _same_length(speller, row, column)


def _counted(speller: Speller, term: Term) -> Term:
    """The term without the bound indices that nothing in it depends on."""
    used = frozenset().union(*(indices_of(factor) for factor in term.upper + term.lower))
    idle = [index for index in term.bound if index not in used]
    if not idle:
        return term
    scalars = [factor for factor in term.upper if not indices_of(factor)]
    under = [factor for factor in term.lower if not indices_of(factor)]
    count = fraction([Mul(*(speller.lengths[index] for index in idle), *scalars, *(1 / f for f in under))])
    upper = [factor for factor in term.upper if indices_of(factor)]
    lower = [factor for factor in term.lower if indices_of(factor)]
    return Term(
        term.number * count.number,
        (*count.upper, *upper),
        (*count.lower, *lower),
        tuple(index for index in term.bound if index in used),
    )


# ---- ways of writing a term ---------------------------------------------------------------------------


def _ways(term: Term) -> Iterator[Term]:
    """The term as it is, with differences turned round, with common factors taken out."""
    yield term
    if term.number < 0:
        for n, factor in enumerate(term.upper):
            turned = negated(factor)
            if turned is not None and not _has_twin(factor, term):
                yield replace(term, number=-term.number, upper=(*term.upper[:n], turned, *term.upper[n + 1 :]))
    for n, factor in enumerate(term.upper):
        if isinstance(factor, Add) and term.bound:
            shared, rest = common_factors(factor)
            if shared:
                parts = fraction([*term.upper[:n], *shared, rest, *term.upper[n + 1 :]])
                lower = term.lower + parts.lower
                whole = _cancelled(replace(term, number=term.number * parts.number, upper=parts.upper, lower=lower))
                yield from _ways(whole)


def _has_twin(factor: Expr, term: Term) -> bool:
    """Whether a factor is one of two like those of ``outer(x - mu, x - mu)``, of which none is turned round."""
    sums = [other for other in term.upper if isinstance(other, Add) and indices_of(other) and other != factor]
    return any(names_in(other) == names_in(factor) for other in sums)


def _without_unit_sums(speller: Speller, term: Term) -> Expr | None:
    """``p_i (delta_ij - p_j)`` as ``p_i delta_ij - p_i p_j``: a unit matrix wants to be resolved."""
    for n, factor in enumerate(term.upper):
        if isinstance(factor, Add) and any(map(_has_unit_factor, factor.args)):
            others = Mul(term.number, *term.upper[:n], *term.upper[n + 1 :], *(1 / f for f in term.lower))
            if not indices_of(others) and not term.bound:
                continue
            return Add(*(_summed(speller, part * others, term.bound) for part in factor.args))
    return None


def _has_unit_factor(product: Expr) -> bool:
    """Whether a unit matrix is a factor, also of a sum's terms; inside a condition or a quotient it stays."""
    if isinstance(product, Over):
        return product.kind == "sum" and _has_unit_factor(product.body)
    if isinstance(product, Add | Mul):
        return any(map(_has_unit_factor, product.args))
    return isinstance(product, KroneckerDelta) and not cased(product)


def opened(speller: TermSpeller, term: Expr) -> Expr:
    """A term as a sum of terms where a unit matrix in it wants to be resolved."""
    if not speller.readable or not isinstance(term, Mul | Over) or not term.has(KroneckerDelta):
        return term
    expanded = _without_unit_sums(speller, flattened(speller, term))
    return term if expanded is None else expanded


def _summed(speller: Speller, body: Expr, bound: Sequence[Index]) -> Expr:
    """The sum of a product over bound indices, those that a unit matrix fixes put in."""
    for delta in Mul.make_args(body):
        if isinstance(delta, KroneckerDelta):
            for index, other in (delta.args, delta.args[::-1]):
                if index in bound and _same_length(speller, index, other):
                    rest = (body / delta).xreplace({index: other})
                    return _summed(speller, rest, [k for k in bound if k != index])
    return Over("sum", body, *((index, speller.lengths[index]) for index in bound)) if bound else body


def _splits(speller: Speller, term: Term) -> Iterator[Expr]:
    """The term as a sum of terms, where a factor is a sum that does not fit on a matrix."""
    for n, factor in enumerate(term.upper):
        base, power = factor.as_base_exp() if isinstance(factor, Pow) else (factor, S.One)
        if not isinstance(base, Add) or power not in (1, 2) or not indices_of(factor) & set(term.bound):
            continue
        several = len(indices_of(factor)) > 2 or len(term.upper) == 1
        if several and any(indices_of(factor) != indices_of(part) for part in base.args):
            others = Mul(term.number, *term.upper[:n], *term.upper[n + 1 :], *(1 / f for f in term.lower))
            limits = [(index, speller.lengths[index]) for index in term.bound]
            parts = Add.make_args(sp.expand_mul(base**power) if power == 1 else sp.expand(base**power, deep=False))
            yield Add(*(Over("sum", part * others, *limits) for part in parts))


def _write(speller: TermSpeller, way: Way, layout: Layout) -> Node:
    """One way of writing: coefficient, contracted components, ones for missing axes."""
    deltas = [f for f in way.term.upper if _is_unit_matrix(speller, f)]
    if len(deltas) == 1 and len(layout) == 2:
        return _diagonal(speller, way.term, deltas[0], layout)
    best = cheapest(attempt(partial(way.scalars.times, speller, groups), layout) for groups in way.choices)
    if best is None:
        raise NoMatrixForm
    return best


def _diagonal(speller: TermSpeller, term: Term, delta: Expr, layout: Layout) -> Node:
    """``diag(v)`` or ``c * eye(n)`` for a term with a unit matrix over the two indices of the layout."""
    if None in layout or indices_of(delta) != set(layout) or not _same_length(speller, *layout):
        raise NoMatrixForm
    row, column = indices_in(layout)
    upper = [f.xreplace({column: row}) for f in term.upper if f is not delta]
    lower = [f.xreplace({column: row}) for f in term.lower]
    limits = [(index, speller.lengths[index]) for index in term.bound]
    body = Mul(*(f for f in upper if indices_of(f)), *(1 / f for f in lower if indices_of(f)))
    inner = Over("sum", body, *limits) if limits else body
    scalars = Scalars.of(speller, term)
    if indices_of(inner):
        return scalars.before(speller, call("diag", speller.spell(inner, (row,))))
    eye: Node = call("eye", speller.spell(speller.lengths[row], ()))
    return scalars.before(speller, eye if inner == 1 else in_front(speller.spell(inner, ()), eye))


def _contracted(speller: TermSpeller, term: Term, scalars: Scalars) -> Iterator[list[Group]]:
    """The groups that are left once every component is contracted, in several ways."""
    upper = [speller.part(f) for f in speller.order.factors(f for f in term.upper if indices_of(f))]
    lower = [speller.part(f) for f in speller.order.factors(f for f in term.lower if indices_of(f))]
    parts = [(part, False) for part in upper] + [(part, True) for part in lower]
    free: tuple[list[Part], list[Part]] = ([], [])
    ways: list[list[list[Group]]] = []
    for members, bound in _with_weights(components(parts, term.bound)):
        if not bound:
            free[members[0][1]].append(members[0][0])
            continue
        groups = grouped([p for p, down in members if not down], [p for p, down in members if down])
        lengths = {index: speller.lengths[index] for index in bound}
        ways.append(list(_eliminations(speller, groups, lengths, scalars.average(Mul(*lengths.values())))))
    outside = list(grouped(*free).values())
    for choice in itertools.islice(itertools.product(*ways), MAX_WAYS):
        yield outside + [group for groups in choice for group in groups]


def _eliminations(
    speller: Speller, groups: Groups, bound: Mapping[Index, Expr], averaged: bool
) -> Iterator[list[Group]]:
    for node in cycle_traces(speller, groups, bound):
        yield [Group([Part(frozenset(), partial(_constant, node))])]
    orders = itertools.permutations(bound) if len(bound) <= 3 else _rotations(tuple(bound))
    for order in orders:
        yield eliminated(speller, groups, {index: bound[index] for index in order}, averaged)
    whole = frozenset(bound)
    if speller.readable and len(groups) > 1 and whole in groups and all(indices <= whole for indices in groups):
        # sum(y*x*g) for sum_ij y[i,j] x[i,j] g[j], which nobody takes for (y*x) @ g.
        entries = Part(frozenset(bound), partial(combined, speller, groups))
        yield [Group([total(speller, Group([entries]), bound, averaged)])]


def _rotations(order: tuple[Index, ...]) -> Iterator[tuple[Index, ...]]:
    if len(order) > MAX_WAYS:
        yield order
        return
    for n in range(len(order)):
        yield order[n:] + order[:n]


def _constant(node: Node, layout: Layout) -> Node:
    return node


Member = tuple[Part, bool]


def components(parts: Sequence[Member], bound: Sequence[Index]) -> list[tuple[list[Member], list[Index]]]:
    """Parts that are connected by bound indices, with those indices."""
    found: list[tuple[list[Member], set[Index]]] = []
    for member in parts:
        shared = set(member[0].indices) & set(bound)
        members = [member]
        rest = []
        for other, indices in found:
            if indices & shared:
                members, shared = other + members, shared | indices
            else:
                rest.append((other, indices))
        found = [*rest, (members, shared)]
    return [(members, [index for index in bound if index in indices]) for members, indices in found]


def _with_weights(found: list[tuple[list[Member], list[Index]]]) -> list[tuple[list[Member], list[Index]]]:
    """Components with the free vectors that weight a matrix which is also weighted at its other end."""
    alone = [members[0] for members, bound in found if not bound]
    joined, taken = [], set()
    for members, bound in found:
        if not bound:
            continue
        weighted = {index for part, _ in members for index in part.indices if len(part.indices) == 1}
        ends = {part.indices - weighted for part, _ in members if len(part.indices) == 2 and part.indices & weighted}
        extra = [m for m in alone if m[0].indices in ends and not m[1] and m[0].indices.isdisjoint(bound)]
        extra = [m for m in extra if id(m[0]) not in taken]
        taken |= {id(part) for part, _ in extra}
        joined.append((members + extra, bound))
    return [([m], []) for m in alone if id(m[0]) not in taken] + joined
