"""One equation in one unknown: which method solves it, and what kind of point that is."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp
from sympy import Expr, Mul

from chainrule.derive.forms.bound_terms import Over, indices_of
from chainrule.derive.program import Index
from chainrule.derive.stationarity.cancelling import without_invertible
from chainrule.derive.stationarity.definite import of_matrix, of_terms
from chainrule.derive.stationarity.entrywise import (
    Masked,
    TwoTerms,
    kind_of_point,
    masked,
    needs_positive,
    quotient,
    root,
    sides,
    stands_alone,
    two_signs,
    two_terms,
    zero_is_root,
)
from chainrule.derive.stationarity.equation import (
    Condition,
    Equation,
    Kind,
    Move,
    NoSolution,
    Reason,
    Solved,
    common_factor,
    divided,
    doubtful,
    equation,
    has_unknown,
)
from chainrule.derive.stationarity.inverse import nonzero, positive
from chainrule.derive.stationarity.likeness import merged, same
from chainrule.derive.stationarity.linear import solve_linear
from chainrule.derive.stationarity.signs import is_nonnegative
from chainrule.derive.stationarity.system import system
from chainrule.derive.stationarity.terms import Space, mentions, outer_factor, total
from chainrule.derive.stationarity.through_inverse import solve_through_inverse


def solve_single(space: Space, unknown: str, entry: Expr, axes: tuple[Expr, ...]) -> Solved:
    """The unknown that makes ``entry`` zero for every value of the axes.

    Raises:
        NoSolution: if there is no closed form by these methods.
    """
    outer, entry = outer_factor(entry, unknown)
    eq, why = _symmetrised(space, equation(space, unknown, entry, axes))
    if not any(has_unknown(eq, term) for term in eq.terms):
        raise NoSolution(f"the gradient does not depend on {unknown}")
    solved = _entrywise(space, eq) if stands_alone(space, eq) else _coupled(space, eq)
    scale = () if outer == 1 else (_scaling(outer),)
    reasons = (*scale, *solved.move.reasons, Reason("collect-unknown", (("name", unknown),)))
    return replace(
        solved,
        why=why,
        move=replace(solved.move, reasons=reasons),
        conditions=tuple(dict.fromkeys([*_nonzero(outer), *solved.conditions, *_in_domain(space, solved)])),
    )


# ---- entry by entry -----------------------------------------------------------------------------------


def _entrywise(space: Space, eq: Equation) -> Solved:
    factor = common_factor(eq)
    shared = Mul(*(part for part in Mul.make_args(factor) if mentions(part, [eq.unknown]) and part.has(Over)))
    found = masked(space, divided(space, eq, shared))
    terms = two_terms(found)
    own = space.input(eq.unknown)[eq.axes]
    move = Move((), *(found.shown(side).xreplace({found.x: own}) for side in sides(terms)))
    conditions = [*_nonzero(shared), *_conditions(found, terms), *_other_roots(found, terms, own)]
    value = found.shown(root(found, terms))
    kind = kind_of_point(terms, space.input(eq.unknown).domain.high) if shared == 1 else "stationary point"
    rule = "solve-entrywise" if terms.power == 1 and terms.function == found.x else "solve-for-entry"
    return Solved(eq.unknown, eq.axes, value, move, rule, tuple(conditions), kind)


def _conditions(found: Masked, terms: TwoTerms) -> list[Condition]:
    value, divisor = quotient(terms)
    cancelled = found.shown(sp.cancel(terms.first / divisor))
    conditions = [*nonzero(found.shown(divisor)), *_nonzero(cancelled)]
    if needs_positive(found, terms):
        conditions += positive(found.shown(value))
    return conditions


def _other_roots(found: Masked, terms: TwoTerms, own: Expr) -> list[Condition]:
    """Remarks about further stationary points of the same equation."""
    axes = tuple(sorted(indices_of(own), key=str))
    remarks = []
    if two_signs(terms):
        remarks.append(Condition(own, axes, "with the other sign is stationary, too", certain=True))
    if zero_is_root(terms):
        remarks.append(Condition(own, axes, "= 0 is stationary, too", certain=True))
    return remarks


def _nonzero(factor: Expr) -> list[Condition]:
    """The conditions that a factor may be divided by."""
    return [condition for base in doubtful(factor) for condition in nonzero(base)]


# ---- entries that depend on each other ------------------------------------------------------------------


def _coupled(space: Space, eq: Equation) -> Solved:
    factor = common_factor(eq)
    conditions = _nonzero(factor)
    plain, cancelled = without_invertible(space, divided(space, eq, factor))
    if not any(has_unknown(plain, term) for term in plain.terms):
        raise NoSolution(f"the gradient vanishes for no value of {eq.unknown}")
    try:
        solved = solve_linear(space, plain)
    except NoSolution as failure:
        found = solve_through_inverse(space, plain)
        if found is None:
            raise failure from None
        solved = found
    scale = [] if factor in (1, -1) else [_scaling(factor)]
    return replace(
        solved,
        move=replace(solved.move, reasons=(*scale, *cancelled, *solved.move.reasons)),
        conditions=(*conditions, *solved.conditions),
        kind=_kind_of_linear(space, eq),
    )


def _scaling(factor: Expr) -> Reason:
    """What the equation is divided or multiplied by."""
    upper, lower = sp.fraction(factor)
    rule, by = ("multiply-equation", upper * lower) if upper in (1, -1) else ("divide-equation", factor)
    return Reason(rule, (("factor", by, tuple(sorted(indices_of(by), key=str))),))


def _kind_of_linear(space: Space, eq: Equation) -> Kind:
    """By the Hessian, if the gradient is linear: its form may show that it is positive definite."""
    try:
        whole = system(space, eq)
    except NoSolution:
        return "stationary point"
    pairs = list(zip(whole.rows, whole.columns, strict=True))
    if of_terms(space, whole.coefficients, pairs):
        return "minimum"
    negative = [replace(term, scalar=-term.scalar) for term in whole.coefficients]
    return "maximum" if of_terms(space, negative, pairs) else "stationary point"


# ---- what the declaration says ----------------------------------------------------------------------------


def _symmetrised(space: Space, eq: Equation) -> tuple[Equation, Reason]:
    """For a symmetric unknown, only the symmetric part of the gradient must vanish."""
    if not space.symmetry.of_item(eq.unknown) or len(eq.free) != 2:
        return eq, Reason("stationary-point")
    row, column = eq.free
    swap: dict[Expr, Expr] = {row: column, column: row}
    turned = [term.renamed(swap) for term in eq.terms]
    if same(space, total(space, eq.terms), total(space, turned)):
        return eq, Reason("stationary-point")
    both = replace(eq, terms=tuple(merged(space, [*eq.terms, *turned], eq.unknown)))
    return both, Reason("symmetric-part", (("name", eq.unknown),))


def _in_domain(space: Space, solved: Solved) -> list[Condition]:
    """What the solution must fulfil to lie in the declared domain of the unknown."""
    domain = space.input(solved.unknown).domain
    axes = tuple(axis for axis in solved.axes if isinstance(axis, Index))
    if domain.name in ("spd", "psd") and len(axes) == 2:
        strength = of_matrix(space, solved.value, *axes)
        says = "is positive definite" if domain.name == "spd" else "is positive semidefinite"
        enough = strength == "definite" or (strength and domain.name == "psd")
        return [] if enough else [Condition(solved.value, axes, says)]
    if domain.name == "invertible":
        return [Condition(solved.value, axes, "is invertible")]
    if domain.high is not None:
        return [Condition(solved.value, axes, f"lies between {domain.low:g} and {domain.high:g}")]
    if domain.low is None or (domain.closed and is_nonnegative(solved.value)):
        return []
    return [Condition(solved.value, axes, "is not negative")] if domain.closed else [*positive(solved.value)]
