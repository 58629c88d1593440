"""What derivatives mean where their closed forms divide by zero, written out for whoever computes.

A derivative is printed as in a textbook: ``x/norm(x)``, ``(p - y)/(p (1 - p))``.  Where such a form
is 0/0 it still has a value:

- a root of something that is never negative has the subgradient 0 where it vanishes
  (see :mod:`chainrule.derive.roots`), and the negative powers in its derivatives are 0 there;
- what does not depend on the variables is a constant: where ``y = 0``, the derivative by ``p`` of
  ``y log(p) + (1 - y) log(1 - p)`` is that of ``log(1 - p)``, also at ``p = 0``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import replace

import sympy as sp
from sympy import Add, Expr, Integer, Mul, Pow, S

from chainrule.derive.program import Definition, Edges, Index, Input, Program, Ref
from chainrule.derive.roots import Radicand, names_in
from chainrule.derive.scalar import equal, less, where

_INFINITE = (S.ComplexInfinity, S.Infinity, S.NegativeInfinity, S.NaN)

#: Weights of one quotient that are looked at, and operations that it may have.
MAX_WEIGHTS, MAX_OPERATIONS = 3, 40


def noted(definition: Definition, roots: Iterable[Radicand], active: Container[str]) -> Definition:
    """A derivative with a note of what matters where it divides by zero."""
    divisors = [power for power in definition.body.atoms(Pow) if _may_be_infinite(power)]
    found = tuple(one for one in roots if any(names_in(power.base) == one for power in divisors))
    weights = tuple(name for name in sorted(definition.reads) if name not in active) if divisors else ()
    return replace(definition, edges=Edges(found, weights)) if found or weights else definition


def explicit(program: Program) -> Program:
    """The program with the choices written out that the notes on its definitions stand for."""
    if not any(definition.edges for definition in program.definitions):
        return program
    return program.with_definitions(explicit_definition(item, program.by_name) for item in program.definitions)


def without_notes(program: Program) -> Program:
    """The program that is defined only where its closed forms are."""
    return program.with_definitions(replace(definition, edges=None) for definition in program.definitions)


def explicit_definition(definition: Definition, known: Mapping[str, Input | Definition]) -> Definition:
    """A definition that says itself what it is where it would divide by zero."""
    if definition.edges is None:
        return definition
    body = _with_zero_roots(definition.body, definition.edges.roots)
    body = _with_weights(body, definition.edges.weights, known)
    return replace(definition, body=body, edges=None)


def _may_be_infinite(power: Pow) -> bool:
    """Whether a power is infinite where its base is 0, and may be there."""
    return not (power.base.is_positive or power.base.is_number or power.exp.is_nonnegative)


# ---- roots ----------------------------------------------------------------------------------------------


def _with_zero_roots(body: Expr, radicands: Container[Radicand]) -> Expr:
    def is_inverse(part: Expr) -> bool:
        return isinstance(part, Pow) and _may_be_infinite(part) and names_in(part.base) in radicands

    return body.replace(is_inverse, _zero_where_infinite)


def _zero_where_infinite(power: Expr) -> Expr:
    at_zero = equal(power.base, S.Zero)
    if not power.exp.is_negative:
        at_zero *= less(power.exp, S.Zero)
    return where(at_zero, S.Zero, power)


# ---- weights --------------------------------------------------------------------------------------------


def _with_weights(expr: Expr, weights: Container[str], known: Mapping[str, Input | Definition]) -> Expr:
    """The expression with every quotient taken by itself where a weight in it is 0, or 1."""
    if isinstance(expr, Add):
        return Add(*(_with_weights(term, weights, known) for term in expr.args))
    factors = Mul.make_args(expr)
    axes = {index for base in _divisors(expr) for index in base.atoms(Index)}
    if not axes and not _divisors(expr):
        return expr
    near = [factor for factor in factors if factor.atoms(Index) <= axes]
    rest = Mul(*(factor for factor in factors if factor not in near))
    quotient = Mul(*near)
    refs = sorted((ref for ref in quotient.atoms(Ref) if ref.name in weights), key=lambda ref: ref.sort_key())
    if len(refs) > MAX_WEIGHTS or quotient.count_ops() > MAX_OPERATIONS:
        return expr
    return rest * _by_cases(quotient, refs, known)


def _by_cases(quotient: Expr, refs: list[Ref], known: Mapping[str, Input | Definition]) -> Expr:
    result = quotient
    for ref in refs:
        for value in _special_values(known[ref.name]):
            there = sp.cancel(quotient.xreplace({ref: Integer(value)}))
            if not there.has(*_INFINITE) and _divisors(there) < _divisors(quotient):
                result = where(equal(ref, Integer(value)), there, result)
    return result


def _special_values(item: Input | Definition) -> tuple[int, ...]:
    """The values at which a weight makes a difference: 0, and the ends of its domain."""
    if isinstance(item, Definition):
        return (0,)
    if item.domain.values:
        return item.domain.values
    return (0, 1) if item.domain.high == 1 else (0,)


def _divisors(expr: Expr) -> frozenset[Expr]:
    """What an expression divides by that may be 0, in factors; choices have settled that for themselves."""
    if isinstance(expr, where | Ref):
        return frozenset()
    own = _factors(expr.base) if isinstance(expr, Pow) and _may_be_infinite(expr) else ()
    return frozenset(own).union(*map(_divisors, expr.args))


def _factors(base: Expr) -> Iterator[Expr]:
    """The factors of a sum that may be 0, without regard to their signs."""
    for factor in Mul.make_args(sp.factor(base) if base.is_Add else base):
        inner = factor.as_base_exp()[0]
        if not (inner.is_number or inner.is_positive):
            yield -inner if inner.could_extract_minus_sign() else inner
