"""Linear equations in which the unknown matrix has matrices on both sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Dummy, Expr, Integer, KroneckerDelta, Mod, Mul, S, floor

from chainrule.derive.forms.bound_terms import MatrixEntry, Over, indices_of
from chainrule.derive.program import Index
from chainrule.derive.stationarity.definite import of_terms
from chainrule.derive.stationarity.equation import Condition
from chainrule.derive.stationarity.inverse import matrix, system_condition
from chainrule.derive.stationarity.likeness import components, like
from chainrule.derive.stationarity.signs import is_nonnegative, is_positive
from chainrule.derive.stationarity.system import Found, System, solved_along, times
from chainrule.derive.stationarity.terms import Space, Term, total


@dataclass(frozen=True)
class Side:
    """The matrices on one side: those that differ, over a row and a column."""

    row: Index
    column: Index
    matrices: tuple[Term, ...]

    @property
    def unit(self) -> Term:
        """The unit matrix."""
        return Term(S.One, (KroneckerDelta(self.row, self.column),))


@dataclass(frozen=True)
class Sides:
    """The coefficients ``sum over k, l of scalars[k, l] * left[k] (x) right[l]``."""

    left: Side
    right: Side
    scalars: dict[tuple[int, int], Expr]


def split(space: Space, whole: System, places: tuple[int, int]) -> Sides | None:
    """The coefficients as products of a matrix on each side, if nothing connects the sides."""
    found: list[list[Term]] = [[], []]
    scalars: dict[tuple[int, int], Expr] = {}
    for term in whole.stripped(whole.others(*places)):
        parts = _halves(whole, term, places)
        if parts is None:
            return None
        key = (_place(space, found[0], parts[0]), _place(space, found[1], parts[1]))
        scalars[key] = scalars.get(key, S.Zero) + term.scalar
    left, right = (
        Side(whole.rows[place], whole.columns[place], tuple(terms)) for place, terms in zip(places, found, strict=True)
    )
    return Sides(left, right, scalars)


def _halves(whole: System, term: Term, places: tuple[int, int]) -> tuple[Term, Term] | None:
    ends = [{whole.rows[place], whole.columns[place]} for place in places]
    halves = [Term(S.One), Term(S.One)]
    for factors, bound in components(term.factors, term.bound):
        free = indices_of(Mul(*factors)) - set(bound)
        sides = [n for n, end in enumerate(ends) if free <= end]
        if len(sides) != 1:
            return None
        halves[sides[0]] = halves[sides[0]].times(Term(S.One, factors, bound))
    return halves[0], halves[1]


def _place(space: Space, known: list[Term], term: Term) -> int:
    """Where a term stands among those that differ from each other; it is added if it is new."""
    for n, other in enumerate(known):
        if like(space, term, other):
            return n
    known.append(term)
    return len(known) - 1


def product_of_sides(space: Space, whole: System, sides: Sides) -> Found | None:
    """``K U L.T = C`` is solved by ``inv(K) C inv(L.T)``."""
    factors = _rank_one(sides)
    if factors is None:
        return None
    left, right = sides.left, sides.right
    constant = whole.right(space)
    value = solved_along(space, factors[0], left.row, left.column, constant)
    value = solved_along(space, factors[1], right.row, right.column, value)
    shown = times(space, matrix(space, factors[0], left.row, left.column), whole.unknown, left.column)
    shown = times(space, matrix(space, factors[1], right.row, right.column), shown, right.column)
    conditions = (
        *system_condition(space, factors[0], left.row, left.column),
        *system_condition(space, factors[1], right.row, right.column),
    )
    return Found("solve-both-sides", shown, constant, value, conditions)


def _rank_one(sides: Sides) -> tuple[list[Term], list[Term]] | None:
    """The matrices of both sides if the scalars are products of one scalar for each side."""
    (first, second), pivot = next(iter(sides.scalars.items()))
    rows, columns = range(len(sides.left.matrices)), range(len(sides.right.matrices))
    scalars = {(m, n): sides.scalars.get((m, n), S.Zero) for m in rows for n in columns}
    left = [scalars[m, second] / pivot for m in rows]
    right = [scalars[first, n] for n in columns]
    if any(sp.cancel(scalars[m, n] - left[m] * right[n]) != 0 for m in rows for n in columns):
        return None
    return (
        [replace(term, scalar=scalar) for term, scalar in zip(sides.left.matrices, left, strict=True)],
        [replace(term, scalar=scalar) for term, scalar in zip(sides.right.matrices, right, strict=True)],
    )


# ---- matrices with a basis of eigenvectors --------------------------------------------------------------


@dataclass(frozen=True)
class Pair:
    """The coefficients as a function of one matrix on each side and its eigenvalues ``p`` and ``q``.

    Attributes:
        left, right: the terms of the matrices.
        value: the function.
        growing: whether it grows with ``p`` and ``q``, from 0 if ``bounded`` is false.
        bounded: whether it has a positive term without ``p`` and ``q``.
    """

    left: tuple[Term, ...]
    right: tuple[Term, ...]
    value: Expr
    growing: bool
    bounded: bool


P, Q = (Dummy(name, nonnegative=True) for name in "pq")


def by_eigenvectors(space: Space, whole: System, sides: Sides) -> Found | None:
    """A Sylvester equation ``K U + U L = C`` or the like with symmetric matrices, by their eigenvalues.

    ``K = V diag(p) V.T`` and ``L = W diag(q) W.T`` give ``U = V ((V.T C W) / (p[:, None] + q)) W.T``.
    Source: Golub and Van Loan, Matrix Computations (2013), section 7.6.
    """
    pair = _sum_of_sides(space, sides) or _polynomial(space, sides)
    if pair is None:
        return None
    left, right = sides.left, sides.right
    k, r = matrix(space, pair.left, left.row, left.column), matrix(space, pair.right, right.row, right.column)
    if not (space.symmetry.of(k, left.row, left.column) and space.symmetry.of(r, right.row, right.column)):
        return None
    constant = whole.right(space)
    limits = ((index, space.lengths[index]) for index in whole.columns)
    shown = Over("sum", total(space, whole.coefficients) * whole.unknown, *limits)
    conditions = _regular(space, pair, (k, r), (left, right))
    value = _diagonalised(space, pair, (k, r), (left, right), constant)
    return Found("solve-by-eigenvectors", shown, constant, value, conditions)


def _sum_of_sides(space: Space, sides: Sides) -> Pair | None:
    """The matrices on the left and on the right, if each comes with a unit matrix on the other side."""
    left, right = list[Term](), list[Term]()
    for (n, m), scalar in sides.scalars.items():
        one, other = sides.left.matrices[n], sides.right.matrices[m]
        if like(space, other, sides.right.unit):
            left.append(replace(one, scalar=scalar))
        elif like(space, one, sides.left.unit):
            right.append(replace(other, scalar=scalar))
        else:
            return None
    return Pair(tuple(left), tuple(right), P + Q, True, False) if left and right else None


def _polynomial(space: Space, sides: Sides) -> Pair | None:
    """One matrix on each side, beside unit matrices."""
    left, right = _only(space, sides.left), _only(space, sides.right)
    if left is None or right is None:
        return None
    value: Expr = S.Zero
    for (n, m), scalar in sides.scalars.items():
        powers = [term is not kept for term, kept in ((sides.left.matrices[n], left), (sides.right.matrices[m], right))]
        value = value + scalar * Mul(*(S.One if unit else x for unit, x in zip(powers, (P, Q), strict=True)))
    growing = all(is_nonnegative(scalar) for scalar in sides.scalars.values())
    return Pair((left,), (right,), value, growing, is_positive(value.xreplace({P: S.Zero, Q: S.Zero})))


def _only(space: Space, side: Side) -> Term | None:
    """The only matrix of a side that is not the unit matrix."""
    others = [term for term in side.matrices if not like(space, term, side.unit)]
    return others[0] if len(others) == 1 else None


def _regular(space: Space, pair: Pair, matrices: Sequence[Expr], ends: tuple[Side, Side]) -> tuple[Condition, ...]:
    """When the function of the eigenvalues is nowhere 0."""
    strengths = [
        of_terms(space, terms, [(end.row, end.column)])
        for terms, end in zip((pair.left, pair.right), ends, strict=True)
    ]
    if "" not in strengths and pair.growing and (pair.bounded or "definite" in strengths):
        return ()
    if "" not in strengths and pair.value == P + Q:
        says = "or {0} is invertible"
    else:
        says = f"and {{0}} have no eigenvalues p and q with {pair.value} = 0".replace("_p", "p").replace("_q", "q")
    first, second = ((end.row, end.column) for end in ends)
    return (Condition(matrices[0], first, says, ((matrices[1], second),)),)


def _diagonalised(space: Space, pair: Pair, matrices: Sequence[Expr], ends: Sequence[Side], constant: Expr) -> Expr:
    """The solution in the bases of eigenvectors, entry by entry, and back."""

    def function(n: int, kind: str, *at: Expr) -> Expr:
        length = space.lengths[ends[n].row]
        return MatrixEntry(kind, matrices[n], (ends[n].row, length), (ends[n].column, length), at)

    rows = [end.row for end in ends]
    inner, places = ([space.fresh(space.lengths[row]) for row in rows] for _ in range(2))
    turned = constant.xreplace(dict(zip(rows, inner, strict=True)))
    turned = turned * Mul(*(function(n, "eigvectors", inner[n], places[n]) for n in (0, 1)))
    turned = Over("sum", turned, *((k, space.lengths[k]) for k in inner))
    scaled = turned / pair.value.xreplace(
        {P: function(0, "eigvalsh", places[0]), Q: function(1, "eigvalsh", places[1])}
    )
    back = scaled * Mul(*(function(n, "eigvectors", rows[n], places[n]) for n in (0, 1)))
    return Over("sum", back, *((k, space.lengths[k]) for k in places))


# ---- everything else -----------------------------------------------------------------------------------


def all_entries(space: Space, whole: System) -> Found:
    """One system of equations for all entries of the unknown, row after row."""
    lengths = [space.lengths[row] for row in whole.rows]
    count = Mul(*lengths)
    row, column, inner = (space.fresh(count) for _ in range(3))
    rows = dict(zip(whole.rows, _decoded(row, lengths), strict=True))
    columns = dict(zip(whole.columns, _decoded(column, lengths), strict=True))
    coefficients = total(space, whole.coefficients)
    constant = whole.right(space)
    flat: Expr = Integer(0)
    for axis, length in zip(whole.rows, lengths, strict=True):
        flat = flat * length + axis
    stacked = coefficients.xreplace({**rows, **columns})
    inverse = MatrixEntry("inv", stacked, (row, count), (column, count), (flat, inner))
    right = constant.xreplace(dict(zip(whole.rows, _decoded(inner, lengths), strict=True)))
    limits = ((index, space.lengths[index]) for index in whole.columns)
    left = Over("sum", coefficients * whole.unknown, *limits)
    value = right if right == 0 else Over("sum", inverse * right, (inner, count))
    return Found("solve-all-entries", left, constant, value, (Condition(stacked, (row, column), "is invertible"),))


def _decoded(index: Index, lengths: Sequence[Expr]) -> list[Expr]:
    """The indices along each axis of the entry with this number."""
    found: list[Expr] = []
    rest: Expr = index
    for length in reversed(lengths[1:]):
        found.append(Mod(rest, length))
        rest = floor(rest / length)
    return [rest, *reversed(found)]
