"""What follows from the ranges of indices: every index is at least 0 and below its length.

Index expressions are sums of indices and lengths, their multiples, and quotients and remainders
(``floor(i/p)``, ``Mod(i, p)``).  From the ranges follow bounds of such an expression, the truth of
comparisons (``i < n + m`` where ``i`` runs below ``n``), and simpler quotients
(``floor((p*i + k)/p) = i`` where ``k`` runs below ``p``).  All lengths are at least 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import sympy as sp
from sympy import Add, Dummy, Expr, Integer, KroneckerDelta, Mod, Mul, S, floor

from chainrule.derive.program import Definition, Dim, Index, Input, Ref, Requirement, free_index
from chainrule.derive.scalar import Indicator, compares_indices, equal, less, less_equal, where

#: Terms of a sum of numbers that are added one by one.
MAX_COUNTED = 64
Lengths = Mapping[Index, Expr]
#: Integer expressions that are known to be at least 0.
Facts = tuple[Expr, ...]


# ---- signs and bounds ---------------------------------------------------------------------------


@lru_cache(maxsize=20_000)
def is_nonnegative(expr: Expr) -> bool:
    """Whether an integer expression of lengths is at least 0 for all lengths from 1 on, as far as can be told."""
    expr = sp.expand(expr.replace(floor, _whole_part))
    expr = sp.expand(Add(*map(_below, Add.make_args(expr))))
    shifted = {length: 1 + Dummy(length.name, nonnegative=True) for length in expr.atoms(Dim)}
    fixed, moving = sp.expand(expr.xreplace(shifted)).as_coeff_Add()
    terms = Add.make_args(moving)
    # An integer above -1 is at least 0.
    above = fixed > -1 or (fixed == -1 and any(term.is_positive for term in terms))
    return bool(above) and all(term.as_coeff_Mul()[0].is_nonnegative and term.is_nonnegative for term in terms)


def _whole_part(ratio: Expr) -> Expr:
    """``floor(ratio)`` with the whole part of its number in front, so that equal ones look equal."""
    fixed = floor(sp.expand(ratio).as_coeff_Add()[0])
    return fixed + floor(sp.expand(ratio - fixed))


def _below(term: Expr) -> Expr:
    """A lower bound of a multiple of ``floor(e/m)``, which lies between ``(e - m + 1)/m`` and ``e/m``."""
    found = [factor for factor in Mul.make_args(term) if isinstance(factor, floor)]
    if len(found) != 1:
        return term
    scale, ratio = term / found[0], found[0].args[0]
    if scale.could_extract_minus_sign():
        return scale * ratio
    return scale * (ratio - 1 + 1 / sp.together(ratio).as_numer_denom()[1])


def bounds(expr: Expr, lengths: Lengths) -> tuple[Expr, Expr] | None:
    """The least and the largest value of an index expression, or looser bounds; None if it has none.

    >>> from chainrule.derive.program import dim, free_index
    >>> bounds(2 * free_index(0) + 1, {free_index(0): dim("n")})
    (1, 2*n - 1)
    """
    if isinstance(expr, Index):
        return (S.Zero, lengths[expr] - 1) if expr in lengths else None
    if expr.is_Integer or not expr.atoms(Index, Ref):
        return expr, expr
    if isinstance(expr, Add):
        return _sum_bounds(expr, lengths)
    if isinstance(expr, Mul):
        return _multiple_bounds(expr, lengths)
    if isinstance(expr, Mod):
        return _remainder_bounds(expr, lengths)
    if isinstance(expr, floor):
        inner = bounds(sp.expand(expr.args[0]), lengths)
        return None if inner is None else (floor(inner[0]), floor(inner[1]))
    return None


def _sum_bounds(expr: Add, lengths: Lengths) -> tuple[Expr, Expr] | None:
    low, high = S.Zero, S.Zero
    for term in expr.args:
        part = bounds(term, lengths)
        if part is None:
            return None
        low, high = low + part[0], high + part[1]
    return sp.expand(low), sp.expand(high)


def _multiple_bounds(expr: Mul, lengths: Lengths) -> tuple[Expr, Expr] | None:
    moving = [factor for factor in expr.args if factor.atoms(Index, Ref)]
    scale = expr / moving[0]
    inner = bounds(moving[0], lengths) if len(moving) == 1 else None
    if inner is None:
        return None
    if is_nonnegative(sp.numer(scale)):
        return scale * inner[0], scale * inner[1]
    return (scale * inner[1], scale * inner[0]) if is_nonnegative(-sp.numer(scale)) else None


def _remainder_bounds(expr: Mod, lengths: Lengths) -> tuple[Expr, Expr] | None:
    inner, modulus = expr.args
    if modulus.atoms(Index, Ref):
        return None
    return bounds(inner, lengths) if is_within(inner, modulus, lengths) else (S.Zero, modulus - 1)


def is_within(value: Expr, length: Expr, lengths: Lengths, facts: Facts = ()) -> bool:
    """Whether ``0 <= value < length`` for all values of the indices, as far as can be told."""
    return at_least_zero(value, lengths, facts) and at_least_zero(length - 1 - value, lengths, facts)


def at_least_zero(expr: Expr, lengths: Lengths, facts: Facts = ()) -> bool:
    """Whether an index expression is at least 0 for all values of the indices, as far as can be told."""
    found = bounds(sp.expand(expr), lengths)
    if found is not None and is_nonnegative(found[0]):
        return True
    return any(at_least_zero(expr - fact, lengths) for fact in facts)


# ---- comparisons ----------------------------------------------------------------------------------


def margin(comparison: Expr) -> Expr | None:
    """The integer expression that is at least 0 just where a comparison of indices holds."""
    if isinstance(comparison, less):
        return sp.expand(comparison.args[1] - comparison.args[0] - 1)
    return sp.expand(comparison.args[1] - comparison.args[0]) if isinstance(comparison, less_equal) else None


def facts_of(masks: Iterable[Expr]) -> Facts:
    """What the masks say where they are 1."""
    found: list[Expr] = []
    for mask in masks:
        for part in filter(compares_indices, Mul.make_args(mask)):
            if isinstance(part, equal | KroneckerDelta):
                difference = sp.expand(part.args[0] - part.args[1])
                found += [difference, -difference]
            elif (known := margin(part)) is not None:
                found.append(known)
    return tuple(found)


def required_facts(exprs: Iterable[Expr], items: Mapping[str, Input | Definition], lengths: Lengths) -> Facts:
    """What the requirements of inputs say of lengths, and of the labels in expressions."""
    found: list[Expr] = []
    refs = {ref for expr in exprs for ref in expr.atoms(Ref)}
    for item in items.values():
        for requirement in item.requirements if isinstance(item, Input) else ():
            values = [_instance(requirement, ref, lengths) for ref in refs]
            if not requirement.value.atoms(Ref, Index):
                values = [requirement.value]
            for value in values:
                found += [] if value is None else [value - requirement.low, requirement.high - value]
    return tuple(found)


def _instance(requirement: Requirement, ref: Ref, lengths: Lengths) -> Expr | None:
    """The value of a requirement with the one label in it read at the given place."""
    outer = [part for part in requirement.value.atoms(Ref) if part.name == ref.name]
    if len(outer) != 1:
        return None
    (pattern,) = outer
    places: dict[Index, Expr] = {}
    for own, given in zip(pattern.indices, ref.indices, strict=True):
        for index in own.atoms(Index):
            places.setdefault(index, sp.expand(given - own + index))
    ranges = {free_index(n): length for n, length in enumerate(requirement.shape)}
    if not all(is_within(place, ranges[index], lengths) for index, place in places.items()):
        return None
    value = requirement.value.xreplace(places)
    return value if ref in value.atoms(Ref) else None


def facts_against(mask: Expr) -> Facts:
    """What is known of indices where a single comparison of them is 0."""
    known = margin(mask) if compares_indices(mask) else None
    return () if known is None else (-known - 1,)


def decided(comparison: Expr, lengths: Lengths, facts: Facts = ()) -> Expr | None:
    """1 or 0 where the ranges of indices decide a comparison, else None."""
    if isinstance(comparison, equal | KroneckerDelta):
        difference = sp.expand(comparison.args[0] - comparison.args[1])
        apart = (difference - 1, -difference - 1)
        if any(at_least_zero(part, lengths, facts) for part in apart):
            return S.Zero
        same = all(at_least_zero(part, lengths, facts) for part in (difference, -difference))
        return S.One if same else None
    known = margin(comparison)
    if known is None:
        return None
    if at_least_zero(known, lengths, facts):
        return S.One
    return S.Zero if at_least_zero(-known - 1, lengths, facts) else None


def at_least(value: Expr, bound: Expr) -> Expr:
    """The mask of ``value >= bound``, the moving part by itself on its side where that is possible."""
    return _comparison(sp.expand(value - bound))


def _comparison(known: Expr) -> Expr:
    """The mask of ``known >= 0``, written as people do: ``i >= 1``, ``i < n - 1``, ``j <= i``."""
    plus = [term for term in Add.make_args(known) if term.atoms(Index, Ref) and not _negative(term)]
    minus = [term for term in Add.make_args(known) if term.atoms(Index, Ref) and _negative(term)]
    fixed = known - Add(*plus, *minus)
    if not minus:
        return less_equal(-fixed, Add(*plus))
    if not plus:
        return less(Add(*(-term for term in minus)), fixed + 1)
    return less_equal(Add(*(-term for term in minus)), Add(*plus, fixed))


def _negative(term: Expr) -> bool:
    return bool(term.could_extract_minus_sign())


# ---- quotients and remainders -----------------------------------------------------------------------


def divided(expr: Expr, modulus: Expr) -> tuple[Expr, Expr]:
    """An index expression as ``modulus * whole + rest``: the multiples of the modulus and the others."""
    whole, rest = S.Zero, S.Zero
    for term in Add.make_args(sp.expand(expr)):
        ratio = term / modulus
        if _is_whole(ratio):
            whole += ratio
        else:
            rest += term
    return whole, rest


def _is_whole(ratio: Expr) -> bool:
    """Whether a monomial over indices and lengths has no denominator."""
    return bool(ratio.as_numer_denom()[1] == 1)


def quotient(expr: Expr, modulus: Expr, lengths: Lengths) -> Expr:
    """``floor(expr / modulus)``, simplified by the ranges of the indices."""
    whole, rest = divided(expr, modulus)
    if is_within(rest, modulus, lengths):
        return whole
    for unit in _units(rest, modulus):
        upper, lower = divided(rest, unit)
        if is_within(lower, unit, lengths):
            return whole + quotient(upper, modulus / unit, lengths)
    if isinstance(rest, floor):
        inner, below = sp.together(rest.args[0]).as_numer_denom()
        return whole + quotient(inner, below * modulus, lengths)
    return whole + floor(rest / modulus)


def remainder(expr: Expr, modulus: Expr, lengths: Lengths) -> Expr:
    """``expr mod modulus``, simplified by the ranges of the indices."""
    _, rest = divided(expr, modulus)
    return rest if is_within(rest, modulus, lengths) else Mod(rest, modulus)


def _units(rest: Expr, modulus: Expr) -> list[Expr]:
    """Factors of terms that divide the modulus, such as ``p`` in ``p*i + k`` against ``p*q``."""
    found: dict[Expr, None] = {}
    for term in Add.make_args(rest):
        unit = Mul(*(factor for factor in Mul.make_args(term) if not factor.atoms(Index, Ref)))
        if unit not in (S.One, modulus) and _is_whole(modulus / unit) and not unit.could_extract_minus_sign():
            found[unit] = None
    return list(found)


# ---- whole expressions -------------------------------------------------------------------------------


def counted(factors: Sequence[Expr], index: Index, length: Expr) -> Expr | None:
    """The sum over an index of factors that are the same number everywhere or read nothing but the index.

    Without factors this is the length.
    """
    if not factors:
        return length
    term = Mul(*factors)
    if not length.is_Integer or length > MAX_COUNTED or term.free_symbols != {index} or term.has(Ref):
        return None
    return Add(*(term.xreplace({index: Integer(place)}) for place in range(int(length))))


def reduced(expr: Expr, lengths: Lengths, facts: Facts = ()) -> Expr:
    """An expression in which the ranges of the indices have been used wherever they decide something.

    Quotients and remainders become simpler, comparisons that always or never hold become 1 or 0,
    and a comparison that the others in its product imply is left out.
    """
    return _reduced(expr, lengths, facts) if expr.atoms(*_REDUCIBLE) else expr


#: What the ranges of indices may decide or simplify.
_REDUCIBLE = (floor, Mod, Indicator, KroneckerDelta)


def _reduced(expr: Expr, lengths: Lengths, facts: Facts = ()) -> Expr:
    if isinstance(expr, Index | Dim) or not expr.args:
        return expr
    if isinstance(expr, Ref):
        return Ref(expr.args[0], *(_reduced(index, lengths) for index in expr.indices))
    if isinstance(expr, floor | Mod) and not expr.atoms(Ref):
        return _reduced_quotient(expr, lengths)
    if isinstance(expr, where) and compares_indices(expr.args[0]):
        return _reduced_choice(expr, lengths, facts)
    if isinstance(expr, Mul):
        return _reduced_product(expr, lengths, facts)
    args = [_reduced(arg, lengths, facts) for arg in expr.args]
    if isinstance(expr, Indicator | KroneckerDelta) and compares_indices(expr):
        known = decided(expr.func(*args), lengths, facts)
        if known is not None:
            return known
    return expr if tuple(args) == expr.args else expr.func(*args)


def _reduced_quotient(expr: Expr, lengths: Lengths) -> Expr:
    if isinstance(expr, Mod):
        inner, modulus = (_reduced(arg, lengths) for arg in expr.args)
        return remainder(inner, modulus, lengths)
    above, below = sp.together(_reduced(expr.args[0], lengths)).as_numer_denom()
    return quotient(above, below, lengths)


def _reduced_choice(expr: Expr, lengths: Lengths, facts: Facts) -> Expr:
    condition, chosen, other = expr.args
    condition = _reduced(condition, lengths, facts)
    inside, outside = (*facts, *facts_of([condition])), (*facts, *facts_against(condition))
    return where(condition, _reduced(chosen, lengths, inside), _reduced(other, lengths, outside))


def _reduced_product(expr: Mul, lengths: Lengths, facts: Facts) -> Expr:
    """A product whose masks are decided one after the other, and whose rest knows what they say."""
    masks = [factor for factor in expr.args if compares_indices(factor)]
    kept: list[Expr] = []
    for position, mask in enumerate(masks):
        others = (*facts, *facts_of(kept), *facts_of(masks[position + 1 :]))
        known = decided(mask, lengths, others)
        if known == S.Zero:
            return S.Zero
        if known is None:
            kept.append(mask)
    inside = (*facts, *facts_of(kept))
    rest = [_reduced(factor, lengths, inside) for factor in expr.args if factor not in masks]
    return Mul(*kept, *rest)
