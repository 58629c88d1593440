"""Linear equations: the matrix in front of the unknown, and its inverse where it has a form.

The terms with the unknown are ``T[i.., a..] unknown[a..]``.  An axis on which every ``T`` is a
unit matrix needs no inverse.  One other axis is a system of equations ``A u = c`` (for each value
of the other axes that ``A`` depends on).  Two are ``K U L.T = C`` if ``T`` is a product of a matrix
on each side; a Sylvester equation ``K U + U L.T = C`` and the like are solved in the bases of
eigenvectors of both matrices; anything else is one system of equations for all entries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sympy import Expr, Mul

from chainrule.derive.forms.bound_terms import indices_of
from chainrule.derive.stationarity.collect import collected
from chainrule.derive.stationarity.equation import Equation, Move, Solved
from chainrule.derive.stationarity.inverse import matrix, nonzero, system_condition
from chainrule.derive.stationarity.sides import all_entries, by_eigenvectors, product_of_sides, split
from chainrule.derive.stationarity.system import Found, System, solved_along, system, times
from chainrule.derive.stationarity.terms import Space


def solve_linear(space: Space, eq: Equation) -> Solved:
    """The solution of a linear equation.

    Raises:
        NoSolution: if a term is not linear in the unknown.
    """
    whole = system(space, eq)
    turned = _turned(space, whole)
    for candidate in (whole, turned) if turned else (whole,):
        places = [n for n in range(len(whole.rows)) if not all(candidate.unit(t, n) for t in candidate.coefficients)]
        found = _METHODS[len(places)](space, candidate, *places) if len(places) in _METHODS else None
        if found is not None:
            return _solved(eq, found)
    return _solved(eq, all_entries(space, whole))


def _solved(eq: Equation, found: Found) -> Solved:
    return Solved(eq.unknown, eq.axes, found.value, Move((), found.left, found.right), found.rule, found.conditions)


def _turned(space: Space, whole: System) -> System | None:
    """The transposed equation of a square matrix."""
    if len(whole.rows) != 2 or space.lengths[whole.rows[0]] != space.lengths[whole.rows[1]]:
        return None
    first, second = whole.rows
    swap: dict[Expr, Expr] = {first: second, second: first}
    return replace(
        whole,
        coefficients=tuple(term.renamed(swap) for term in whole.coefficients),
        constant=tuple(term.renamed(swap) for term in whole.constant),
    )


def entrywise(space: Space, whole: System) -> Found | None:
    """``d * u = c``, entry by entry."""
    factors = whole.stripped(range(len(whole.rows)))
    if any(indices_of(Mul(*term.factors)) & set(whole.columns) for term in factors):
        return None
    factor, right = collected(space, factors, ()), whole.right(space)
    left = factor * whole.unknown.xreplace(dict(zip(whole.columns, whole.rows, strict=True)))
    return Found("solve-entrywise", left, right, right / factor, nonzero(factor))


def one_side(space: Space, whole: System, place: int) -> Found | None:
    """``A u = c`` along one axis."""
    row, column = whole.rows[place], whole.columns[place]
    others = whole.others(place)
    terms = whole.stripped(others)
    if any(indices_of(Mul(*term.factors)) & {whole.columns[n] for n in others} for term in terms):
        return None
    right = whole.right(space, [place])
    across: dict[Expr, Expr] = {whole.columns[n]: whole.rows[n] for n in others}
    left = times(space, matrix(space, terms, row, column), whole.unknown.xreplace(across), column)
    return Found(
        "solve-system", left, right, solved_along(space, terms, row, column, right),
        system_condition(space, terms, row, column),
    )  # fmt: skip


def two_sides(space: Space, whole: System, first: int, second: int) -> Found | None:
    """``K U L.T = C``, or a Sylvester equation with symmetric matrices."""
    parts = split(space, whole, (first, second))
    if parts is None:
        return None
    return product_of_sides(space, whole, parts) or by_eigenvectors(space, whole, parts)


_METHODS: dict[int, Callable[..., Found | None]] = {0: entrywise, 1: one_side, 2: two_sides}
