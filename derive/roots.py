"""Roots of quantities that are never negative, where these vanish.

``norm(x) = sqrt(s)`` with ``s := sum x^2`` has no derivative at 0, but 0 is its smallest value, so
that 0 is a subgradient there (Rockafellar and Wets, Variational Analysis, definition 8.3).  The
same holds for every ``u^p`` with ``u >= 0`` and ``p > 0``.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping

from sympy import Dummy, Expr, Mul, Pow, log

from chainrule.derive.program import Definition, Input, Program, Ref
from chainrule.derive.signs import sign_of

#: What is under a root, as the sorted names of the quantities that it reads.
Radicand = tuple[str, ...]


def names_in(expr: Expr) -> Radicand:
    """The names of the quantities that an expression reads, sorted."""
    return tuple(sorted({ref.name for ref in expr.atoms(Ref)}))


def vanishing_roots(program: Program, wrt: Iterable[str], active: Container[str]) -> tuple[Radicand, ...]:
    """The radicands whose roots have the derivative 0 where they vanish, those of given derivatives among them."""
    found = {names_in(base): None for _, base in radicands(program, wrt, active)}
    for definition in program.definitions:
        if definition.name in active and definition.edges:
            found |= dict.fromkeys(definition.edges.roots)
    return tuple(sorted(found))


def uncertain_roots(program: Program, wrt: Iterable[str], active: Container[str]) -> tuple[Radicand, ...]:
    """The other radicands that vary: where they vanish, so does their derivative unless that of the root is infinite.

    ``sqrt(x @ A @ x)`` is such a root, and the distance ``sqrt(x @ x - 2*x @ y + y @ y)``.
    """
    certain = vanishing_roots(program, wrt, active)
    found: dict[Radicand, None] = {}
    for definition in program.definitions:
        if definition.name in active:
            bases = map(names_in, (base for base in roots(definition.body) if not base.is_positive))
            found |= dict.fromkeys(names for names in bases if any(name in active for name in names))
            found |= dict.fromkeys(definition.edges.uncertain if definition.edges else ())
    return tuple(sorted(found.keys() - set(certain)))


def radicands(
    program: Program, wrt: Iterable[str], active: Container[str]
) -> Iterator[tuple[Definition, Expr]]:
    """What stands under a root, may be 0, and is never negative, whatever real values ``wrt`` take.

    ``active`` are the names that depend on the variables; each radicand comes with its definition.
    """
    found = [
        (definition, base)
        for definition in program.definitions
        if definition.name in active
        for base in dict.fromkeys(roots(definition.body))
    ]
    signs = _signs(program, frozenset(wrt), active) if found else {}
    yield from ((definition, base) for definition, base in found if _may_vanish(base, active, signs))


def roots(body: Expr) -> Iterator[Expr]:
    """The bases of the powers that are zero where the base is, and not differentiable there as they stand.

    A root in a logarithm is none: ``log(norm(x))`` is half the logarithm of ``norm(x)^2``.
    """
    if isinstance(body, log):
        factors = (factor.base if isinstance(factor, Pow) else factor for factor in Mul.make_args(body.args[0]))
        for factor in factors:
            yield from roots(factor)
        return
    if isinstance(body, Pow) and body.exp.is_positive and not body.exp.is_Integer:
        yield body.base
    for part in () if isinstance(body, Ref) else body.args:
        yield from roots(part)


def _may_vanish(base: Expr, active: Container[str], signs: Mapping[str, Dummy]) -> bool:
    """Whether a radicand varies, is never negative, and may be 0."""
    if base.is_positive or not any(name in active for name in names_in(base)):
        return False
    return bool(_with_signs(base, signs).is_nonnegative)


def _signs(program: Program, wrt: frozenset[str], active: Container[str]) -> dict[str, Dummy]:
    """What can be told of the sign of each quantity if the variables may have any sign."""
    signs: dict[str, Dummy] = {}
    for item in program.by_name.values():
        sign = item.domain.sign if isinstance(item, Input) else item.sign
        if item.name in wrt:
            sign = "real"
        elif isinstance(item, Definition) and item.name in active:
            sign = sign_of(_with_signs(item.body, signs), item.reduce)
        signs[item.name] = Dummy(item.name, **{sign: True})
    return signs


def _with_signs(expr: Expr, signs: Mapping[str, Dummy]) -> Expr:
    """The expression with what is known of the signs; roots and logarithms are real wherever there is a value."""
    signed = expr.xreplace({ref: signs[ref.name] for ref in expr.atoms(Ref)})
    real = {part: _real(part) for part in signed.atoms(Pow, log) if not part.is_real}
    return signed.xreplace(real)


def _real(part: Expr) -> Expr:
    """A stand-in for a root or logarithm that has a value."""
    return Dummy(**{"nonnegative" if isinstance(part, Pow) else "real": True})
