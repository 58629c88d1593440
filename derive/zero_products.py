"""Products that are zero where one factor is, although another is infinite there.

``0 * log(0)`` is the limit 0, and an indicator or Kronecker delta that is 0 leaves nothing of what
it is multiplied with.  Everything that computes takes products apart by :func:`parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from sympy import Abs, Add, Expr, KroneckerDelta, Mul, Pow, S, Symbol, log, sign

from chainrule.derive.catalog.elementwise import log1p
from chainrule.derive.program import Dim, Index, Program, Ref
from chainrule.derive.scalar import INFINITE, Indicator, equal, where

Named = Callable[[str], bool]
#: What has finite values for finite arguments.
BOUNDED = (Add, Mul, Indicator, where, Abs, sign)


@dataclass(frozen=True)
class Parts:
    """The factors of a product.

    Attributes:
        masks: numbers 0 and 1 that choose.
        plain: all others.
        wild: what may be infinite where the plain factors are 0.
    """

    masks: tuple[Expr, ...]
    plain: tuple[Expr, ...]
    wild: tuple[Expr, ...]


def parts(factors: Iterable[Expr], known: Named = lambda name: False) -> Parts:
    """The factors of a product by what they do where they are 0 or infinite."""
    kinds: tuple[list[Expr], list[Expr], list[Expr]] = ([], [], [])
    for factor in factors:
        kinds[0 if is_mask(factor) else 2 if is_wild(factor, known) else 1].append(factor)
    return Parts(*map(tuple, kinds))


def wild_names(program: Program) -> frozenset[str]:
    """The pointwise definitions that are infinite where a logarithm in them is."""
    found: set[str] = set()
    for definition in program.definitions:
        if not definition.reduce and is_wild(definition.body, found.__contains__):
            found.add(definition.name)
    return frozenset(found)


def finite_names(program: Program) -> frozenset[str]:
    """The inputs, and what sums, products and choices alone make of them."""
    found = {item.name for item in program.inputs}
    for definition in program.definitions:
        if definition.reduce in ("", "sum", "max", "min") and _is_finite(definition.body, found):
            found.add(definition.name)
    return frozenset(found)


def _is_finite(body: Expr, finite: Container[str]) -> bool:
    if isinstance(body, Ref):
        return body.name in finite
    if isinstance(body, Pow):
        lengths = isinstance(body.base, Dim) and bool(body.exp.is_number)
        return lengths or (bool(body.exp.is_Integer and body.exp.is_positive) and _is_finite(body.base, finite))
    if body.is_number or isinstance(body, Dim | Index | KroneckerDelta):
        return not body.has(*INFINITE)
    return isinstance(body, BOUNDED) and all(_is_finite(part, finite) for part in body.args)


def has_infinite(program: Program) -> bool:
    """Whether a program chooses ``inf`` anywhere, so that the sign of an exponential is no longer positive."""
    return any(definition.body.has(*INFINITE) for definition in program.definitions)


def as_choice(term: Expr, known: Named) -> Expr:
    """A product that is 0 where its plain factors are, written as a choice, if there is danger."""
    kinds = parts(Mul.make_args(term), known)
    return where(equal(Mul(*kinds.plain), S.Zero), S.Zero, term) if kinds.wild and kinds.plain else term


def with_masks(product: Expr, binary: Container[str]) -> Expr:
    """A product whose numbers 0 and 1 are all masks: ``1 - delta`` and inputs that have no other values."""
    return Mul(*(_as_mask(factor, binary) for factor in Mul.make_args(product)))


def _as_mask(factor: Expr, binary: Container[str]) -> Expr:
    if isinstance(factor, Ref) and factor.name in binary:
        return where(equal(factor, S.One), S.One, S.Zero)
    rest = 1 - factor
    if isinstance(factor, Add) and is_mask(rest):
        condition = equal(*rest.args) if isinstance(rest, KroneckerDelta) else rest
        return where(condition, S.Zero, S.One)
    return factor


def is_mask(factor: Expr) -> bool:
    """Whether a factor is a Kronecker delta, an indicator, or a choice of 1 or 0."""
    return isinstance(factor, KroneckerDelta | Indicator) or (
        isinstance(factor, where) and set(factor.args[1:]) == {S.One, S.Zero}
    )


def is_wild(factor: Expr, known: Named = lambda name: False) -> bool:
    """Whether a factor is infinite as a logarithm is at 0, a power with a negative exponent, or a choice of ``-inf``.

    ``known`` tells it of names: of quantities and of local variables.
    """
    if isinstance(factor, Add | Mul):
        return any(is_wild(part, known) for part in factor.args)
    if isinstance(factor, where):
        return factor.has(*INFINITE)
    if isinstance(factor, log):
        return not factor.args[0].is_positive
    if isinstance(factor, log1p.function):
        return not (1 + factor.args[0]).is_positive
    if isinstance(factor, Pow):
        if factor.exp.is_Integer and factor.exp > 0:
            return is_wild(factor.base, known)
        # x^(a - 1), which a derivative multiplies by a: 0 where a is, also at x = 0.
        return not (factor.exp.is_number or factor.exp.is_nonnegative or factor.base.is_positive)
    if isinstance(factor, Ref | Symbol):
        return known(factor.name)
    return False
