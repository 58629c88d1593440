"""Equations in a matrix that occurs as its inverse, as in the likelihood of a covariance matrix.

Either the equation is linear in the inverse, ``n*inv(P) = C``, or it becomes linear when it is
multiplied by the matrix from one side or both: ``n*inv(S) = inv(S) @ C @ inv(S)`` to ``n*S = C``.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr, KroneckerDelta, S

from chainrule.derive.domains import DOMAINS
from chainrule.derive.program import Index, Input, Program, Ref, fresh_names
from chainrule.derive.stationarity.equation import Equation, Move, NoSolution, Reason, Solved
from chainrule.derive.stationarity.inverse import inverse_entry, system_condition
from chainrule.derive.stationarity.likeness import inverted, merged
from chainrule.derive.stationarity.linear import solve_linear
from chainrule.derive.stationarity.terms import Space, Term, expand, mentions


def solve_through_inverse(space: Space, eq: Equation) -> Solved | None:
    """The unknown matrix, or ``None`` if the equation is not of this form."""
    if len(eq.free) != 2 or space.lengths[eq.free[0]] != space.lengths[eq.free[1]]:
        return None
    wider, name = _with_inverse(space, eq.unknown)
    terms = [_named(space, wider, term, eq.unknown, name) for term in eq.terms]
    if not any(mentions(factor, [name]) for term in terms for factor in term.factors):
        return None
    found = _in_the_inverse(wider, replace(eq, terms=tuple(terms)), name)
    return found or _multiplied(wider, replace(eq, terms=tuple(terms)), name)


def _with_inverse(space: Space, unknown: str) -> tuple[Space, str]:
    """The same problem with the inverse of the unknown as a quantity of its own."""
    program, item = space.program, space.input(unknown)
    name = next(fresh_names({*program.by_name, *(d.name for d in program.dims)}, "P"))
    domain = DOMAINS["symmetric"] if item.domain.symmetric else DOMAINS["invertible"]
    inputs = (*program.inputs, Input(name, item.shape, domain))
    wider = Space(Program(inputs, program.definitions, program.outputs), [*space.unknowns, name])
    wider.lengths, wider.counter = space.lengths, space.counter
    return wider, name


def _named(space: Space, wider: Space, term: Term, unknown: str, name: str) -> Term:
    """The term with the inverse of the unknown by its name."""
    inverse = wider.input(name)
    factors = []
    for factor in term.factors:
        operand = inverted(space, factor)
        if operand is not None and isinstance(operand.body, Ref) and operand.body.name == unknown:
            at = operand.at if operand.body.indices == tuple(operand.limits) else operand.at[::-1]
            factor = inverse[tuple(at)]
        factors.append(factor)
    return replace(term, factors=tuple(factors))


def _in_the_inverse(space: Space, eq: Equation, name: str) -> Solved | None:
    """An equation that is linear in the inverse."""
    if any(mentions(factor, [eq.unknown]) for term in eq.terms for factor in term.factors):
        return None
    try:
        found = solve_linear(space, replace(eq, unknown=name))
    except NoSolution:
        return None
    row, column = eq.free
    terms = merged(space, expand(space, found.value, ""), "")
    if not terms:
        return None
    ends = (space.fresh(space.lengths[row]), space.fresh(space.lengths[column]))
    named: dict[Expr, Expr] = dict(zip((row, column), ends, strict=True))
    value = inverse_entry(space, [term.renamed(named) for term in terms], *ends, at=(row, column))
    conditions = system_condition(space, terms, row, column)
    return Solved(eq.unknown, eq.axes, value, _shown(space, found, eq), "solve-for-inverse", conditions)


def _shown(space: Space, found: Solved, eq: Equation) -> Move:
    """The inverse of the unknown, which the equation gives."""
    row, column = eq.free
    unknown = Term(S.One, (space.input(eq.unknown)[row, column],))
    inverse = inverse_entry(space, [unknown], row, column, at=(row, column))
    return Move((), inverse, found.value)


def _multiplied(space: Space, eq: Equation, name: str) -> Solved | None:
    """An equation that is linear once it is multiplied by the unknown."""
    for sides in ((True, True), (True, False), (False, True)):
        terms = list(eq.terms)
        for axis, wanted in zip(eq.free, sides, strict=True):
            terms = _times(space, terms, axis, eq.unknown, name) if wanted and terms else terms
        terms = merged(space, terms, eq.unknown)
        if not any(mentions(factor, [eq.unknown]) for term in terms for factor in term.factors):
            continue
        if any(mentions(factor, [name]) for term in terms for factor in term.factors):
            continue
        try:
            found = solve_linear(space, replace(eq, terms=tuple(terms)))
        except NoSolution:
            continue
        reason = Reason("multiply-by-unknown", (("name", eq.unknown),))
        return replace(found, move=replace(found.move, reasons=(reason,)))
    return None


def _times(space: Space, terms: list[Term], axis: Index, unknown: str, name: str) -> list[Term]:
    """The terms multiplied by the unknown along an axis, where it meets its inverse in one of them."""
    slots = {slot for term in terms for slot in _slots(term, axis, name)}
    if not slots or (len(slots) > 1 and not space.symmetry.of_item(name)):
        return []
    slot = slots.pop()
    return [_term_times(space, term, axis, slot, unknown, name) for term in terms]


def _slots(term: Term, axis: Index, name: str) -> list[int]:
    """Where the axis stands among the indices of the inverse."""
    refs = [factor for factor in term.factors if isinstance(factor, Ref) and factor.name == name]
    return [ref.indices.index(axis) for ref in refs if axis in ref.indices]


def _term_times(space: Space, term: Term, axis: Index, slot: int, unknown: str, name: str) -> Term:
    for factor in term.factors:
        if isinstance(factor, Ref) and factor.name == name and axis in factor.indices:
            (other,) = [index for index in factor.indices if index != axis] or [axis]
            rest = term.without(factor)
            return replace(rest, factors=(*rest.factors, KroneckerDelta(axis, other)))
    inner = space.fresh(space.lengths[axis])
    ends = (axis, inner) if slot == 0 else (inner, axis)
    moved = term.renamed({axis: inner})
    return replace(moved, factors=(*moved.factors, space.input(unknown)[ends]), bound=(*moved.bound, inner))
