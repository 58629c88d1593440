"""Scalar arithmetic with guards: SymPy folds constants exactly, so their size is bounded first.

A power such as ``9**9**9`` or ``exp(10**9 * log(3))`` would be folded into a number that no memory
holds.  Every constant must fit double precision (where NumPy would overflow too), exact integers
stay under :data:`MAX_BITS`, and exponents under :data:`MAX_POWER`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
import scipy
import sympy as sp
from sympy import Add, Expr, Mul, Pow, Rational, S

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.errors import LimitError, NotationError
from chainrule.derive.scalar import equal, less, less_equal, where

#: Bits that an exact number may have.
MAX_BITS = 4096
#: Size of a constant exponent.
MAX_POWER = 1024
#: Size of an exponent that powers of powers add up to.
MAX_TOTAL_POWER = 1_000_000
#: Size of a constant argument of functions that SymPy expands into factorials or sums.
MAX_EXPANDED = 1000

_NOT_REAL = (S.ComplexInfinity, S.Infinity, S.NegativeInfinity, S.NaN, S.ImaginaryUnit)
_EXPANDED = (sp.loggamma, sp.polygamma)
_COMPARISONS: dict[type, Callable[[float, float], bool]] = {
    less: lambda a, b: a < b,
    less_equal: lambda a, b: a <= b,
    equal: lambda a, b: a == b,
}


def approximate(expr: Expr) -> float:
    """The value of a constant in double precision, NaN or infinite where it has none."""
    return _float(expr, {})


def _float(expr: Expr, env: Mapping[Expr, float]) -> float:
    if isinstance(expr, Rational):
        return _quotient(int(expr.p), int(expr.q))
    if isinstance(expr, sp.NumberSymbol):
        return float(expr)
    if not expr.args:
        return env.get(expr, math.nan)
    values = [_float(arg, env) for arg in expr.args]
    if isinstance(expr, Add):
        return math.fsum(values) if all(map(math.isfinite, values)) else sum(values)
    if isinstance(expr, Mul):
        return reduce(lambda a, b: a * b, values, 1.0)
    if isinstance(expr, Pow):
        return _float_power(*values)
    if expr.func in _COMPARISONS:
        return float(_COMPARISONS[expr.func](*values))
    if isinstance(expr, where):
        return values[1] if values[0] else values[2]
    entry = BY_FUNCTION.get(expr.func)
    return _float_function(entry, values) if entry else math.nan


def _quotient(numerator: int, denominator: int) -> float:
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf


@np.errstate(all="ignore")
def _float_power(base: float, exponent: float) -> float:
    return float(np.power(np.float64(base), np.float64(exponent)))


@np.errstate(all="ignore")
def _float_function(entry: Elementwise, values: Sequence[float]) -> float:
    module, _, name = entry.numpy.partition(".")
    if name:
        return float(getattr(np if module == "np" else scipy.special, name)(*values))
    env: dict[Expr, float] = dict(zip(entry.args, values, strict=True))
    if entry.stable is None:
        return _float(entry.define, env)
    for symbol, definition in entry.stable.assignments:
        env[symbol] = _float(definition, env)
    return _float(entry.stable.result, env)


def add(terms: Sequence[Expr]) -> Expr:
    """The sum of the terms."""
    return checked(Add(*terms))


def multiply(factors: Sequence[Expr]) -> Expr:
    """The product of the factors."""
    return checked(Mul(*factors))


def inverse(denominator: Expr) -> Expr:
    """One over the denominator."""
    return power(denominator, S.NegativeOne)


def power(base: Expr, exponent: Expr) -> Expr:
    """``base ** exponent``, refused where the exact result would be huge."""
    if base == 0 and exponent.is_negative:
        raise NotationError("this divides by zero")
    if exponent.is_number:
        _check_power(base, exponent)
    return checked(Pow(base, exponent))


def _check_power(base: Expr, exponent: Expr) -> None:
    size = abs(approximate(exponent))
    if base.is_number:
        value = _float_power(approximate(base), approximate(exponent))
        if math.isinf(value) or (value == 0 and not base.is_zero):
            raise LimitError("this power is beyond double precision, about 1e-308 to 1e308")
        if math.isnan(value):
            raise NotationError("this power is not a real number")
    elif not size <= MAX_POWER:
        raise LimitError(f"this exponent is above the limit of {MAX_POWER}")
    for factor in Mul.make_args(base):
        if isinstance(factor, Rational) and _bits(factor) * size > MAX_BITS:
            raise LimitError(f"this power is an exact number of more than {MAX_BITS} bits, the limit")
        if isinstance(factor, Pow) and factor.exp.is_number:
            inner = abs(approximate(factor.exp))
            if inner * size > MAX_TOTAL_POWER or _bits(factor.base) * inner * size > MAX_BITS:
                raise LimitError(f"this power of a power has an exponent above the limit of {MAX_TOTAL_POWER}")


def _bits(expr: Expr) -> int:
    if not isinstance(expr, Rational):
        return 0
    return max(int(abs(expr.p)).bit_length() - 1, int(expr.q).bit_length() - 1)


def apply(entry: Elementwise, arguments: Sequence[Expr]) -> Expr:
    """The function at these arguments, defaults filled in."""
    if entry.name == "sqrt":
        return power(arguments[0], S.Half)
    filled = [*arguments, *entry.defaults[len(entry.defaults) - (len(entry.args) - len(arguments)) :]]
    if entry.kind != "own":
        for argument in filled:
            _check_argument(entry, argument)
    if all(argument.is_number for argument in filled):
        _check_constant(entry.name, _float_function(entry, [approximate(argument) for argument in filled]))
    return checked(entry(*filled))


def _check_argument(entry: Elementwise, argument: Expr) -> None:
    """Refuse what SymPy would expand into something huge."""
    if entry.define.has(*_EXPANDED) and argument.is_number and abs(approximate(argument)) > MAX_EXPANDED:
        raise LimitError(f"the constant argument of {entry.name} is above the limit of {MAX_EXPANDED}")
    if not entry.define.has(sp.exp):
        return
    for term in Add.make_args(argument):
        if term.is_number:
            _check_constant(entry.name, _float_power(math.e, approximate(term)))
        elif term.has(sp.log) and abs(approximate(term.as_coeff_Mul()[0])) > MAX_POWER:
            raise LimitError(f"this exponent is above the limit of {MAX_POWER}")


def _check_constant(name: str, value: float) -> None:
    if math.isinf(value):
        raise LimitError(f"the value of {name} here is beyond double precision, about 1e308")
    if math.isnan(value):
        raise NotationError(f"the value of {name} here is not a real number")


def compare(operator: str, left: Expr, right: Expr) -> Expr:
    """The comparison as an indicator, 1 where it holds and 0 elsewhere."""
    checked(left), checked(right)
    if operator in {">", ">="}:
        left, right = right, left
    kind = {"<": less, ">": less, "<=": less_equal, ">=": less_equal, "==": equal, "!=": equal}[operator]
    if left.is_number and right.is_number and left != right:
        holds: Expr = S(int(_COMPARISONS[kind](approximate(left), approximate(right))))
    else:
        holds = kind(left, right)
    return 1 - holds if operator == "!=" else holds


def checked(expr: Expr) -> Expr:
    """The expression, unless it is visibly not a finite real number."""
    if expr in _NOT_REAL or (any(arg in _NOT_REAL for arg in expr.args) and not isinstance(expr, where)):
        raise NotationError(
            "this is not a finite real number", hint="inf stands alone, as a value of where: where(x > 0, x, -inf)"
        )
    if isinstance(expr, Rational) and _bits(expr) > MAX_BITS:
        raise LimitError(f"this is an exact number of more than {MAX_BITS} bits, the limit")
    if expr.is_Number and not math.isfinite(approximate(expr)):
        raise LimitError("this number is beyond double precision, about 1e308")
    return expr
