"""What derivatives mean where their closed forms divide by zero, written out for whoever computes.

A derivative is printed as in a textbook: ``x/norm(x)``, ``(p - y)/(p (1 - p))``.  Where such a form
is 0/0 it still has a value:

- a root of something that is never negative has the subgradient 0 where it vanishes
  (see :mod:`chainrule.derive.roots`), and the negative powers in its derivatives are 0 there; of other
  roots, 0 times a negative power is 0;
- what does not depend on the variables is a constant: where ``y = 0``, the derivative by ``p`` of
  ``y log(p) + (1 - y) log(1 - p)`` is that of ``log(1 - p)``, also at ``p = 0``.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Add, Expr, Integer, Mul, Pow, S

from chainrule.derive.program import Definition, Edges, Index, Input, Program, Ref
from chainrule.derive.roots import Radicand, names_in
from chainrule.derive.scalar import equal, less, where

_INFINITE = (S.ComplexInfinity, S.Infinity, S.NegativeInfinity, S.NaN)

#: Weights of one quotient that are looked at, and operations that it may have.
MAX_WEIGHTS, MAX_OPERATIONS = 3, 40


def noted(
    definition: Definition, roots: Iterable[Radicand], uncertain: Iterable[Radicand], active: Container[str]
) -> Definition:
    """A derivative with a note of what matters where it divides by zero."""
    divisors = [power for power in definition.body.atoms(Pow) if _may_be_infinite(power)]
    bases = {names_in(power.base) for power in divisors}
    found = tuple(one for one in roots if one in bases)
    others = tuple(one for one in uncertain if one in bases)
    weights = tuple(name for name in sorted(definition.reads) if name not in active) if divisors else ()
    return replace(definition, edges=Edges(found, weights, others)) if found or weights or others else definition


def explicit(program: Program) -> Program:
    """The program with the choices written out that the notes on its definitions stand for."""
    if not any(definition.edges for definition in program.definitions):
        return program
    definitions: list[Definition] = []
    infinite: set[str] = set()
    for item in program.definitions:
        wild = _Wild(item.edges.uncertain if item.edges else (), infinite)
        if not item.reduce and any(map(wild, Mul.make_args(item.body))):
            infinite.add(item.name)
        definitions.append(explicit_definition(item, program.by_name, wild))
    return program.with_definitions(definitions)


def without_notes(program: Program) -> Program:
    """The program that is defined only where its closed forms are."""
    return program.with_definitions(replace(definition, edges=None) for definition in program.definitions)


@dataclass(frozen=True)
class _Wild:
    """Whether a factor may be infinite where others are 0: a power of an uncertain root, or a name for one."""

    uncertain: Container[Radicand]
    names: Container[str]

    def __call__(self, factor: Expr) -> bool:
        if isinstance(factor, Ref):
            return factor.name in self.names
        return isinstance(factor, Pow) and _may_be_infinite(factor) and names_in(factor.base) in self.uncertain


def explicit_definition(
    definition: Definition, known: Mapping[str, Input | Definition], wild: Callable[[Expr], bool]
) -> Definition:
    """A definition that says itself what it is where it would divide by zero."""
    edges = definition.edges or Edges()
    body = _with_zero_roots(definition.body, edges.roots)
    body = _with_wild_factors(body, wild)
    body = _with_weights(body, edges.weights, known) if edges.weights else body
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


def _with_wild_factors(body: Expr, is_wild: Callable[[Expr], bool]) -> Expr:
    def is_product(part: Expr) -> bool:
        return isinstance(part, Mul) and any(map(is_wild, part.args))

    def guarded(part: Expr) -> Expr:
        plain = Mul(*(factor for factor in part.args if not is_wild(factor)))
        return where(equal(plain, S.Zero), S.Zero, part) if plain.has(Ref) else part

    return body.replace(is_product, guarded)


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
