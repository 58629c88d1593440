"""Values of programs where something in them is zero or grows without bound.

Bodies are evaluated from the inside out with numbers of the extended real line; what is read and is
a number is put in.  Where a function jumps or bends, or where the arithmetic of limits does not decide
(``0 * oo``, ``oo - oo``), the value is :data:`UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sympy import AccumBounds, Add, Expr, Integer, Mul, S, log, sign, zoo

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.program import Definition, Index, Program, Ref
from chainrule.derive.scalar import INFINITE, Indicator, compares_indices, equal, where

#: A value that is not known.
UNKNOWN = S.NaN
#: What no finite value has in it.
ENDLESS = (S.Infinity, S.NegativeInfinity, zoo, S.NaN, AccumBounds)
#: What to put in the place of an expression, or ``None`` to look inside.
Replace = Callable[[Expr], Expr | None]


def limits(definitions: Iterable[Definition], replace: Replace, given: Mapping[str, Expr]) -> dict[str, Expr]:
    """The values that are numbers: of every definition whose entries all are the same number.

    Args:
        definitions: definitions in order.
        replace: what to put in place of subexpressions.
        given: inputs and definitions whose entries all are one number.
    """
    known = dict(given)
    for definition in definitions:
        if definition.name not in known:
            body = limit(definition.body, replace, known)
            if not body.atoms(Ref, Index):
                known[definition.name] = reduced(definition, body)
            elif body.has(*ENDLESS):
                known[definition.name] = UNKNOWN
    return known


def rewritten(program: Program, replace: Replace, given: Mapping[str, Expr], name: str) -> Program | None:
    """The program of one value after replacements, what is a number put in; ``None`` if it may be undefined."""
    known = limits(program.definitions, replace, given)
    needed, kept = {name}, []
    for definition in reversed(program.definitions):
        if definition.name in needed:
            number = known.get(definition.name)
            new = definition.with_body(limit(definition.body, replace, known))
            if number is not None:  # only the value itself is still asked for
                new = Definition(name, definition.shape, number, origin=definition.origin)
            needed |= new.reads
            kept.append(new)
    names = {item.name for item in program.inputs}
    for new in reversed(kept):
        if new.body.has(*ENDLESS) or not new.reads <= names:
            return None
        names.add(new.name)
    return program.with_definitions(reversed(kept), [name])


def limit(expr: Expr, replace: Replace, known: Mapping[str, Expr]) -> Expr:
    """An expression after replacements, evaluated as far as it is a number."""
    memo: dict[Expr, Expr] = {}

    def value(part: Expr) -> Expr:
        if part not in memo:
            memo[part] = _value(part)
        return memo[part]

    def _value(part: Expr) -> Expr:
        if isinstance(part, Ref) and part.name in known:
            return known[part.name]
        found = replace(part)
        if found is not None:
            return found
        if not part.args or isinstance(part, Ref) or compares_indices(part):
            return part
        return _applied(part, [value(arg) for arg in part.args])

    return value(expr)


def _applied(expr: Expr, args: list[Expr]) -> Expr:
    """A function of arguments some of which have become numbers."""
    if isinstance(expr, where) and args[0].is_number:
        return args[1] if args[0] == 1 else args[2] if args[0] == 0 else UNKNOWN
    if any(arg in (UNKNOWN, zoo) for arg in args) or (isinstance(expr, sign) and args[0] == 0):
        return UNKNOWN
    if isinstance(expr, Indicator):
        return _compared(expr, *args)
    if isinstance(expr, log) and args[0] == 0:
        return S.NegativeInfinity  # what has a logarithm is positive
    if args == list(expr.args):
        return expr
    if isinstance(expr, CatalogFunction) and any(arg.is_number for arg in args):
        entry = expr.entry
        value = limit(entry.define, dict(zip(entry.args, args, strict=True)).get, {})
        if all(arg.is_number for arg in args) or not value.has(Indicator, where):
            return value
    return expr.func(*args)


def _compared(expr: Expr, left: Expr, right: Expr) -> Expr:
    """A comparison; what is infinite is more than anything finite, and equal sides are a place where it jumps."""
    if left == right:
        return UNKNOWN
    ends = [side for side in (left, right) if side in INFINITE]
    if len(ends) == 1 and not Add(left, right, -ends[0]).has(*INFINITE):
        return Integer(int((right if right in INFINITE else -left) == S.Infinity and not isinstance(expr, equal)))
    if not ends and (right - left).is_nonzero and (right - left).is_nonnegative is not None:
        return Integer(int(bool((right - left).is_positive) and not isinstance(expr, equal)))
    return expr.func(left, right)


def reduced(definition: Definition, body: Expr) -> Expr:
    """A reduction of a body that is one number."""
    count = Mul(*definition.bound)
    if definition.reduce in MATRIX_FUNCTION_BY_NAME or definition.reduce == "norm" or body.has(AccumBounds):
        return UNKNOWN
    if definition.reduce == "sum":
        return body * count
    if definition.reduce == "prod":
        return body**count
    return body + log(count) if definition.reduce == "logsumexp" else body
