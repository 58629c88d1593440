"""Functions with cases that share a switch, written with one: ``relu(u) step(u)`` is ``relu(u)``.

In each of the cases ``c > 0`` and ``c < 0`` of a switch ``c`` the functions ``step``, ``relu``,
``maximum``, ``minimum`` and ``where`` are one of their branches, so a body of several is an
expression in each.  If one of the functions times a common factor has the same two values (and the
same value at ``c = 0``), it says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Mul, Pow, S

from chainrule.derive.catalog.elementwise import clip, maximum, minimum, relu, step
from chainrule.derive.rational import cost, shortest
from chainrule.derive.scalar import less, where

#: What a derivation says of the move.
IDENTITY = "the cases of a switch, compared"
HALF = sp.Rational(1, 2)


@dataclass(frozen=True)
class Switched:
    """A function with a switch: its values where the switch is positive, negative, zero."""

    part: Expr
    switch: Expr
    values: tuple[Expr, Expr, Expr]


def one_case(body: Expr) -> Expr | None:
    """The body with one function in the place of several with the same switch, if that is shorter."""
    groups: dict[Expr, list[Switched]] = {}
    for item in sorted(_switched(body), key=lambda item: str(item.part)):
        switch, turned = _oriented(item.switch)
        values = (item.values[1], item.values[0], item.values[2]) if turned else item.values
        groups.setdefault(switch, []).append(Switched(item.part, switch, values))
    for group in groups.values():
        found = _joined(body, group) if len(group) > 1 else None
        if found is not None and cost(found) < cost(body):
            return found
    return _clipped(body)


def _switched(body: Expr) -> Iterator[Switched]:
    for part in body.atoms(sp.Function):
        if isinstance(part, step.function):
            yield Switched(part, part.args[0], (S.One, S.Zero, HALF))
        elif isinstance(part, relu.function):
            yield Switched(part, part.args[0], (part.args[0], S.Zero, S.Zero))
        elif isinstance(part, maximum.function | minimum.function):
            a, b = part.args
            switch = a - b if isinstance(part, maximum.function) else b - a
            yield Switched(part, switch, (a, b, a))
        elif isinstance(part, where) and isinstance(part.args[0], less):
            low, high = part.args[0].args
            yield Switched(part, high - low, (part.args[1], part.args[2], part.args[2]))


def _oriented(switch: Expr) -> tuple[Expr, bool]:
    """The switch without its sign and positive numbers, and whether the sign was turned."""
    _, switch = sp.expand(switch).primitive()
    turned = switch.could_extract_minus_sign()
    return (-switch if turned else switch), turned


def _joined(body: Expr, group: list[Switched]) -> Expr | None:
    """A common factor times one of the functions, or what all cases agree on."""
    positive, negative, tie = (
        shortest(body.xreplace({item.part: item.values[case] for item in group})) for case in range(3)
    )
    if positive == negative == tie:
        return positive
    for item in group:
        factor = _quotient(positive, item.values[0], negative, item.values[1])
        if factor is not None and _is_total(factor) and _same(factor * item.values[2], tie):
            return shortest(factor * item.part)
    return None


def _quotient(one: Expr, one_value: Expr, two: Expr, two_value: Expr) -> Expr | None:
    """The ``q`` with ``one = q one_value`` and ``two = q two_value``."""
    if not _same(one * two_value, two * one_value):
        return None
    value, whole = (one_value, one) if one_value != 0 else (two_value, two)
    if value == 0 or (two_value == 0 and two != 0):
        return None
    quotient = shortest(whole / value)
    return quotient if _same(quotient * one_value, one) and _same(quotient * two_value, two) else None


def _is_total(factor: Expr) -> bool:
    """Whether a factor that was found where a switch is positive is defined where it is not, too."""
    partial = (power.base for power in factor.atoms(Pow) if power.exp.is_negative or not power.exp.is_Integer)
    return all(base.is_positive for base in (*partial, *(part.args[0] for part in factor.atoms(sp.log))))


def _same(left: Expr, right: Expr) -> bool:
    return bool(sp.expand(left - right) == 0)


def _clipped(body: Expr) -> Expr | None:
    """``sign(x) minimum(abs(x), t)`` as ``clip(x, -t, t)`` for ``t >= 0``."""
    factors = Mul.make_args(body)
    signs = {factor.args[0]: factor for factor in factors if isinstance(factor, sp.sign)}
    for part in [factor for factor in factors if isinstance(factor, minimum.function)]:
        for size, bound in (part.args, part.args[::-1]):
            x = next((x for x in signs if isinstance(size, sp.Abs) and size.args[0] in (x, -x)), None)
            if x is not None and bound.is_nonnegative:
                return body / part / signs[x] * clip(x, -bound, bound)
    return None
