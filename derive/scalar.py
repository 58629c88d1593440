"""Scalar building blocks of bodies that SymPy lacks: comparisons and a lazy choice.

Comparisons are indicators, numbers 0 or 1, whose derivative is zero (they are constant almost
everywhere); ``where(c, a, b)`` is ``a`` where the indicator ``c`` is 1, else ``b``, and its
derivative chooses between the derivatives, so that the branch not taken is never computed.

A comparison of indices, such as ``j <= i`` in a lower triangle, is a *mask*.  A mask that is 0 is a
strong zero (Knuth, Two Notes on Notation, 1992): its product with anything is 0, also with what
is infinite or lies outside an array, so that ``where(mask, a, 0)`` is ``mask*a``.
"""

from __future__ import annotations

from typing import Any

from sympy import Expr, Function, KroneckerDelta, Mul, S

from chainrule.derive.program import Dim, Index


class Indicator(Function):  # type: ignore[misc]
    """Base of comparisons: 1 where the relation holds, else 0."""

    nargs = (2,)
    is_nonnegative = True
    is_real = True
    is_finite = True
    is_integer = True
    #: How the relation is written between its two operands.
    operator = ""

    def fdiff(self, argindex: int = 1) -> Expr:
        return S.Zero

    def _eval_power(self, exponent: Expr) -> Expr | None:
        return self if exponent.is_positive else None


def _decided(relation: Any) -> Expr | None:
    """A comparison of numbers as 0 or 1; None if SymPy cannot tell."""
    return {True: S.One, False: S.Zero}.get(relation) if relation in (S.true, S.false) else None


def _are_numbers(a: Expr, b: Expr) -> bool:
    """Whether both are numbers that can be compared; an undefined value cannot."""
    return bool(a.is_number and b.is_number and a.is_extended_real and b.is_extended_real)


def _of_mask(kind: type[Indicator], a: Expr, b: Expr) -> Expr | None:
    """A comparison of indicators with a number: ``(x > 0) == 1`` is ``x > 0``."""
    for mask, number, values in ((a, b, ((S.Zero, b), (S.One, b))), (b, a, ((a, S.Zero), (a, S.One)))):
        if number.is_Rational and (are_indicators(mask) or are_indicators(1 - mask)):
            low, high = (kind(*pair) for pair in values)
            return low + (high - low) * mask
    return None


def are_indicators(expr: Expr) -> bool:
    """Whether an expression is a comparison or a product of comparisons."""
    return all(isinstance(factor, Indicator) for factor in Mul.make_args(expr))


class less(Indicator):
    """1 if a < b, else 0."""

    operator = "<"

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if a == b:
            return S.Zero
        return _decided(a < b) if _are_numbers(a, b) else _of_mask(cls, a, b)


class less_equal(Indicator):
    """1 if a <= b, else 0."""

    operator = "<="

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if a == b:
            return S.One
        return _decided(a <= b) if _are_numbers(a, b) else _of_mask(cls, a, b)


class equal(Indicator):
    """1 if a == b, else 0."""

    operator = "=="

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        if a == b:
            return S.One
        return S.Zero if (a - b).is_zero is False and a.is_number and b.is_number else _of_mask(cls, a, b)


#: Values of ``where`` that leave nothing of an exponential or a maximum; they stand nowhere else.
INFINITE = (S.Infinity, S.NegativeInfinity)
INFINITIES = (type(S.Infinity), type(S.NegativeInfinity))
#: The comparison that holds where another does not, its operands exchanged.
_OPPOSITE: dict[type[Indicator], type[Indicator]] = {less: less_equal, less_equal: less}


def compares_indices(expr: Expr) -> bool:
    """Whether an expression is a comparison of indices, or a product of such comparisons."""
    if isinstance(expr, Mul):
        return all(map(compares_indices, expr.args))
    if isinstance(expr, Indicator):
        return all(isinstance(symbol, Index | Dim) for symbol in expr.free_symbols)
    return isinstance(expr, KroneckerDelta)


class where(Function):  # type: ignore[misc]
    """``where(c, a, b)``: ``a`` where the indicator ``c`` is 1, else ``b``."""

    nargs = (3,)

    @classmethod
    def eval(cls, condition: Expr, chosen: Expr, other: Expr) -> Expr | None:
        if condition == S.One or chosen == other:
            return chosen
        if condition == S.Zero:
            return other
        if condition.is_Add and are_indicators(1 - condition):
            return cls(1 - condition, other, chosen)
        if other == S.Zero and compares_indices(condition) and chosen not in INFINITE:
            return condition * chosen
        if chosen == S.Zero and type(condition) in _OPPOSITE and compares_indices(condition) and other not in INFINITE:
            return _OPPOSITE[type(condition)](*reversed(condition.args)) * other
        return None

    def _eval_derivative(self, symbol: Any) -> Expr:
        condition, chosen, other = self.args
        return where(condition, chosen.diff(symbol), other.diff(symbol))

    def _eval_is_real(self) -> bool | None:
        return True if self.args[1].is_real and self.args[2].is_real else None

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.args[1].is_nonnegative and self.args[2].is_nonnegative else None

    def _eval_is_positive(self) -> bool | None:
        return True if self.args[1].is_positive and self.args[2].is_positive else None
