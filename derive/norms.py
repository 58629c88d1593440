"""Norms of entries whose squares overflow or underflow.

``norm(x)`` is ``sqrt(s)`` with ``s := sum x^2``, and ``s`` has twice the range of ``x``.  In a program
that is about to be computed the root becomes a quantity of its own, ``r := norm of x``, which is
``sqrt(s)`` where ``s`` is an ordinary number and is computed anew from scaled entries where it is not.
"""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr, Function, Mul, Pow, S, log, sqrt

from chainrule.derive.program import Definition, Program, Ref, fresh_names
from chainrule.derive.scalar import equal


class Rooted(Function):  # type: ignore[misc]
    """``Rooted(s, t)``, the body of a norm: the root of ``s``, or of the sum of the squares of ``t``."""

    nargs = (2,)
    is_nonnegative = True


def with_norms(program: Program) -> Program:
    """The program in which roots and logarithms of sums of squares are taken of norms."""
    squares = {item.name: size for item in program.definitions if (size := _size(item)) is not None}
    rooted = {ref.name for item in program.definitions for ref, _ in _roots(item.body) if ref.name in squares}
    if not rooted:
        return program
    names = fresh_names(set(program.by_name), "norm")
    norms: dict[str, Definition] = {}
    definitions: list[Definition] = []
    for item in program.definitions:
        definitions.append(item.with_body(_with_norms(item.body, norms)))
        if item.name in rooted:
            norms[item.name] = _norm(item, squares[item.name], next(names))
            definitions.append(norms[item.name])
    return program.with_definitions(definitions)


def _size(definition: Definition) -> Expr | None:
    """The ``t`` of a definition ``sum t^2``."""
    if definition.reduce != "sum" or not definition.body.is_nonnegative:
        return None
    roots = [_root(factor) for factor in Mul.make_args(definition.body)]
    return None if any(root is None for root in roots) else Mul(*roots)


def _root(factor: Expr) -> Expr | None:
    base, power = factor.as_base_exp()
    if power.is_Integer and power > 0 and power % 2 == 0:
        return base ** (power / 2)
    return sqrt(factor) if factor.is_positive and not factor.has(Ref) else None


def _norm(squares: Definition, size: Expr, name: str) -> Definition:
    body = Rooted(squares[squares.free], size)
    return Definition(name, squares.shape, body, "norm", squares.bound, sign=squares.sign)


def _roots(body: Expr) -> Iterator[tuple[Ref, Expr]]:
    """The entries of which a body takes a root or logarithm, each with what it takes."""
    for part in body.atoms(Pow, log):
        inside, power = part.as_base_exp() if isinstance(part, Pow) else (part.args[0], S.Half)
        if isinstance(inside, Ref) and power.is_Rational and power.q == 2:
            yield inside, part


def _with_norms(body: Expr, norms: dict[str, Definition]) -> Expr:
    """The body with powers, logarithms and zeros of sums of squares as those of norms."""
    swaps: dict[Expr, Expr] = {}
    for part in body.atoms(Pow, log, equal):
        ref = part.args[0]
        norm = norms.get(ref.name) if isinstance(ref, Ref) else None
        if norm is None:
            continue
        entry = norm[ref.indices]
        if isinstance(part, log):
            swaps[part] = 2 * log(entry)
        elif isinstance(part, equal) and part.args[1] == 0:
            swaps[part] = equal(entry, S.Zero)
        elif isinstance(part, Pow) and part.exp.is_Rational and (part.exp.q == 2 or part.exp < 0):
            swaps[part] = entry ** (2 * part.exp)
    return body.xreplace(swaps)
