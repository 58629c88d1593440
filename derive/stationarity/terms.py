"""Sums of products over index notation: the form in which an equation is taken apart.

An entry of a gradient, multiplied out in one unknown, is a sum of terms

    scalar * factor[i, k] * factor[k, l] * .. * unknown[l]      summed over the bound indices k, l

Parts without the unknown stay as they are wherever nothing has to be taken apart, so that
``X.T @ (y - b)`` is not written as ``X.T @ y - b*sum(X, axis=0)``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import Add, Expr, Mul, Pow, S

from chainrule.derive.errors import LimitError
from chainrule.derive.forms.bound_terms import LogSoftmax, MatrixEntry, Over, indices_of
from chainrule.derive.forms.inlining import Inliner
from chainrule.derive.forms.symmetry import Symmetry
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Index, Input, Program, Ref, is_unit
from chainrule.derive.scalar import where
from chainrule.derive.stationarity.signs import is_nonnegative

#: Terms that an equation may have when it is multiplied out.
MAX_TERMS = 300
#: Powers of sums that are multiplied out.
MAX_POWER = 4
#: Nodes up to which a nameless part without the unknown is written in.
MAX_NODES = 120


@dataclass(frozen=True)
class Term:
    """``scalar`` times ``factors``, summed over ``bound``; the scalar has no index and no unknown."""

    scalar: Expr
    factors: tuple[Expr, ...] = ()
    bound: tuple[Index, ...] = ()

    def times(self, other: Term) -> Term:
        """The product of two terms whose bound indices differ."""
        return Term(self.scalar * other.scalar, self.factors + other.factors, self.bound + other.bound)

    def renamed(self, names: dict[Expr, Expr]) -> Term:
        """The term with indices replaced; bound ones that are replaced are no longer summed over."""
        bound = tuple(index for index in self.bound if index not in names)
        return replace(self, factors=tuple(factor.xreplace(names) for factor in self.factors), bound=bound)

    def without(self, *factors: Expr) -> Term:
        """The term without one occurrence of each factor."""
        left = list(self.factors)
        for factor in factors:
            left.remove(factor)
        return replace(self, factors=tuple(left))


class Space:
    """What the terms of one problem share: the program, the lengths of indices, what is symmetric."""

    def __init__(self, program: Program, unknowns: Iterable[str]) -> None:
        self.program = program
        self.unknowns = frozenset(unknowns)
        self.symmetry = Symmetry(program)
        self.lengths: dict[Index, Expr] = {}
        self.counter = itertools.count()
        self.orders: dict[Expr, Expr] = {}
        #: Scalar sums in their canonical form.
        self.canonical: dict[Expr, Expr] = {}
        self.active = reached(program, self.unknowns)
        self.inliner = Inliner(program, self.written_in)

    def fresh(self, length: Expr) -> Index:
        """A new index of this length."""
        index = Index(f"f{next(self.counter)}", integer=True, nonnegative=True)
        self.lengths[index] = length
        return index

    def ordered(self, expr: Expr) -> Expr:
        """The expression with the indices of every symmetric matrix in one order."""
        if expr not in self.orders:
            self.orders[expr] = self.symmetry.ordered(expr)
        return self.orders[expr]

    def written_in(self, definition: Definition) -> bool:
        """Whatever depends on an unknown is written in, and what is nameless and short."""
        if definition.name in self.active:
            return True
        return definition.origin != "named" and self.inliner.size(definition) <= MAX_NODES

    def axes(self, shape: Sequence[Expr]) -> tuple[Expr, ...]:
        """An index for each axis; 0 for an axis of length one."""
        return tuple(S.Zero if is_unit(length) else self.fresh(length) for length in shape)

    def entry(self, name: str, axes: tuple[Expr, ...]) -> Expr:
        """An entry of an input or definition, everything that depends on an unknown written in."""
        item = self.program.by_name[name]
        if isinstance(item, Input):
            return item[axes]
        limit = max(MAX_NODES * 10, 1)
        if self.inliner.size(item) > limit:
            raise LimitError(f"{name} has more than {limit} nodes when written out")
        return self.inliner.entry_at(item, axes)

    def input(self, name: str) -> Input:
        """The declaration of an unknown."""
        item = self.program.by_name[name]
        assert isinstance(item, Input)
        return item


def mentions(expr: Expr, names: Iterable[str]) -> bool:
    """Whether an expression reads one of the names."""
    wanted = frozenset(names)
    return any(ref.name in wanted for ref in expr.atoms(Ref))


# ---- multiplying out ------------------------------------------------------------------------------


def expand(space: Space, expr: Expr, unknown: str) -> list[Term]:
    """An expression as terms, multiplied out as far as the unknown makes it necessary."""
    return list(_expanded(space, expr, unknown, top=True))


def outer_factor(expr: Expr, unknown: str) -> tuple[Expr, Expr]:
    """What a whole entry is multiplied by: sums and functions without indices that are never negative.

    ``exp(s) sum_i X[i,j] (z[i] - y[i])`` is ``exp(s)`` times the rest, which depends on the unknown as well.
    """
    if isinstance(expr, Over) and expr.kind == "sum":
        factor, body = outer_factor(expr.body, unknown)
        return factor, Over("sum", body, *expr.limits.items())
    if isinstance(expr, Mul):
        factors = [f for f in expr.args if _may_stand_outside(f, unknown)]
        rest = Mul(*(f for f in expr.args if f not in factors))
        inner = [f for f in Mul.make_args(rest) if isinstance(f, Over)]
        if len(inner) == 1:
            factor, body = outer_factor(inner[0], unknown)
            rest, factors = rest / inner[0] * body, [*factors, factor]
        return (Mul(*factors), rest) if mentions(rest, [unknown]) else (S.One, expr)
    if isinstance(expr, Add):
        pairs = [outer_factor(arg, unknown) for arg in expr.args]
        if len({factor for factor, _ in pairs}) == 1:
            return pairs[0][0], Add(*(rest for _, rest in pairs))
    return S.One, expr


def _may_stand_outside(factor: Expr, unknown: str) -> bool:
    base = factor.base if isinstance(factor, Pow) else factor
    if isinstance(base, Ref) or indices_of(factor) or not mentions(factor, [unknown]):
        return False
    return factor.has(Over) and is_nonnegative(factor)


def _expanded(space: Space, expr: Expr, unknown: str, top: bool = False) -> Iterator[Term]:
    if not mentions(expr, [unknown]):
        yield from (_split(space, part) for part in (Add.make_args(expr) if top else [expr]))
    elif isinstance(expr, Add):
        yield from _sum(space, expr, unknown, top)
    elif isinstance(expr, Mul):
        yield from _product(space, expr.args, unknown, top)
    elif isinstance(expr, Pow) and expr.exp.is_Integer and 1 < expr.exp <= MAX_POWER:
        yield from _product(space, [expr.base] * int(expr.exp), unknown, top)
    elif isinstance(expr, Over) and expr.kind == "sum":
        body, bound = opened(space, expr)
        for term in _expanded(space, body, unknown):
            yield replace(term, bound=term.bound + bound)
    elif isinstance(expr, where) and not mentions(expr.args[0], [unknown]):
        condition, chosen, other = expr.args
        parts = where(condition, 1, 0) * chosen + where(condition, 0, 1) * other
        yield from _expanded(space, parts, unknown, top)
    else:
        yield Term(S.One, (expr,))


def _sum(space: Space, total: Expr, unknown: str, top: bool) -> Iterator[Term]:
    """The terms of a sum; what lacks the unknown stays one term inside a sum over indices."""
    rest = [arg for arg in total.args if not mentions(arg, [unknown])]
    for arg in total.args:
        if mentions(arg, [unknown]):
            yield from _expanded(space, arg, unknown, top)
    if rest:
        yield from _expanded(space, Add(*rest), unknown, top)


def _product(space: Space, args: Sequence[Expr], unknown: str, top: bool) -> Iterator[Term]:
    known = [arg for arg in args if not mentions(arg, [unknown])]
    front = [_split(space, Mul(*known))] if known else [Term(S.One)]
    # A product with one sum is still a sum at the top.
    alone = top and len(known) == len(args) - 1 and all(not indices_of(arg) for arg in known)
    choices = [list(_expanded(space, arg, unknown, alone)) for arg in args if mentions(arg, [unknown])]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MAX_TERMS:
        raise LimitError(f"the equation for {unknown} has more than {MAX_TERMS} terms")
    for parts in itertools.product(front, *choices):
        term = parts[0]
        for part in parts[1:]:
            term = term.times(_refreshed(space, part))
        yield term


def _refreshed(space: Space, term: Term) -> Term:
    """The term with new bound indices, so that copies of it can be multiplied."""
    names: dict[Expr, Expr] = {index: space.fresh(space.lengths[index]) for index in term.bound}
    renamed = term.renamed(names)
    return replace(renamed, bound=tuple(names[index] for index in term.bound))


def _split(space: Space, expr: Expr) -> Term:
    """A product without the unknown as a term, sums over indices of products opened."""
    term = Term(S.One)
    waiting = list(Mul.make_args(expr))
    while waiting:
        factor = waiting.pop(0)
        if isinstance(factor, Over) and factor.kind == "sum" and indices_of(factor):
            body, bound = opened(space, factor)
            term = replace(term, bound=term.bound + bound)
            waiting += Mul.make_args(body)
        elif indices_of(factor):
            term = replace(term, factors=(*term.factors, factor))
        else:
            term = replace(term, scalar=term.scalar * factor)
    return term


def opened(space: Space, over: Over) -> tuple[Expr, tuple[Index, ...]]:
    """The body of a sum in new indices, and these indices."""
    names = {index: space.fresh(length) for index, length in over.limits.items()}
    return rebound(over.body, names), tuple(names.values())


def rebound(expr: Expr, names: dict[Index, Index]) -> Expr:
    """An expression with free indices replaced, not those that are bound inside it under the same name."""
    if not names or not indices_of(expr) & set(names):
        return expr
    if isinstance(expr, Over | LogSoftmax | MatrixEntry):
        inner = {index: name for index, name in names.items() if index not in expr.limits}
        return expr.func(*(_part(arg, expr, names, inner) for arg in expr.args))
    return expr.func(*(rebound(arg, names) for arg in expr.args)) if expr.args else names.get(expr, expr)


def _part(arg: Any, expr: Expr, names: dict[Index, Index], inner: dict[Index, Index]) -> Any:
    """An argument of a term that binds indices: its body, a limit, or where it is read."""
    if isinstance(arg, Expr):
        return rebound(arg, inner)
    if isinstance(expr, MatrixEntry) and arg is expr.args[-1]:
        return arg.func(*(rebound(place, names) for place in arg))
    return arg.func(*arg[:2], *(rebound(place, names) for place in arg[2:]))


# ---- back to expressions ------------------------------------------------------------------------------


def closed(space: Space, term: Term) -> Expr:
    """A term as an expression."""
    inside = [factor for factor in term.factors if indices_of(factor) & set(term.bound)]
    outside = Mul(term.scalar, *(factor for factor in term.factors if factor not in inside))
    limits = ((index, space.lengths[index]) for index in term.bound)
    return outside * Over("sum", Mul(*inside), *limits) if term.bound else outside


def total(space: Space, terms: Iterable[Term]) -> Expr:
    """The sum of terms as an expression."""
    return Add(*(closed(space, term) for term in terms))
