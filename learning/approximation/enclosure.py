"""Interval arithmetic for scalar formulas of one number, over many intervals at once.

Every operation gives ends that contain all values, rounded outward by a few units of the last place; where a comparison
is not decided on an interval, both branches are taken.  Source: Moore, Kearfott and Cloud, Introduction to Interval
Analysis (2009), chapters 2 to 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import sympy as sp
from scipy import special
from sympy import Expr

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.program import Definition, Program, Ref, bound_index, free_index
from chainrule.derive.scalar import equal, less, less_equal, where

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
#: How far ends are moved outward: more than the error of the functions of the C library and of SciPy.
EPSILON, TINY = 16 * np.finfo(float).eps, 1e-300
#: Entries of one quantity, or terms of one sum, that are worked out one by one.
MOST_ENTRIES = 1000
#: Where the gamma function is smallest among positive numbers.
LEAST = 1.4616321449683623


@dataclass(frozen=True)
class Box:
    """Intervals side by side, and where an undecided comparison went into them."""

    low: Array
    high: Array
    open: Flags

    @property
    def largest(self) -> Array:
        """The largest absolute value in each; infinite where nothing is known."""
        return np.nan_to_num(np.maximum(np.abs(self.low), np.abs(self.high)), nan=np.inf, posinf=np.inf)


#: The entries of quantities that have been worked out.
Known = dict[tuple[str, tuple[int, ...]], Box]


def box(low: Array, high: Array) -> Box:
    """Intervals between two ends."""
    return Box(np.asarray(low, dtype=float), np.asarray(high, dtype=float), np.zeros(np.shape(low), dtype=bool))


def enclose(program: Program, name: str, values: Box) -> Box:
    """The values of a scalar program of one scalar input ``name`` over intervals.

    Raises:
        UnsupportedError: the program has arrays of unknown length, or functions without a law here.
    """
    known: Known = {(name, ()): values}
    with np.errstate(all="ignore"):
        for item in program.definitions:
            for place in np.ndindex(*_lengths(item.shape, item)):
                known[item.name, place] = _entry(item, place, known)
    return known[program.outputs[0], ()]


def _lengths(shape: Sequence[Expr], item: Definition) -> tuple[int, ...]:
    if not all(length.is_Integer for length in shape) or math.prod(map(int, shape)) > MOST_ENTRIES:
        raise UnsupportedError("intervals are worked out for a few numbers alone", found=item.name)
    return tuple(map(int, shape))


def _entry(item: Definition, place: tuple[int, ...], known: Known) -> Box:
    body = item.body.xreplace({free_index(n): sp.Integer(k) for n, k in enumerate(place)})
    terms = (
        _value(body.xreplace({bound_index(n): sp.Integer(k) for n, k in enumerate(bound)}), known)
        for bound in np.ndindex(*_lengths(item.bound, item))
    )
    return reduce(_reduction(item), terms)


def _reduction(item: Definition) -> Callable[[Box, Box], Box]:
    if item.reduce not in REDUCTIONS:
        raise UnsupportedError("intervals are not worked out through this reduction", found=item.reduce)
    return REDUCTIONS[item.reduce]


def _value(expr: Expr, known: Known) -> Box:
    if expr.is_number:
        return _constant(expr, next(iter(known.values())))
    if isinstance(expr, Ref):
        return known[expr.name, tuple(map(int, expr.indices))]
    if isinstance(expr, where):
        return _chosen(*(_value(arg, known) for arg in expr.args))
    if isinstance(expr, CatalogFunction) and expr.func.__name__ not in RISING:
        return _value(expr.entry.expanded(*expr.args), known)
    arguments = [_value(arg, known) for arg in expr.args]
    law = next((law for kind, law in LAWS.items() if isinstance(expr, kind)), None)
    if law is not None:
        return reduce(law, arguments)
    if isinstance(expr, sp.Pow):
        return _power(arguments[0], expr.exp, arguments[1])
    if expr.func.__name__ in RISING:
        return _rising(RISING[expr.func.__name__], arguments[0])
    if isinstance(expr, sp.tan):
        return _value(sp.sin(expr.args[0]) / sp.cos(expr.args[0]), known)
    if isinstance(expr, sp.polygamma) and expr.args[0].is_Integer:
        return _polygamma(int(expr.args[0]), arguments[1])
    if isinstance(expr, sp.sin | sp.cos):
        return _wave(arguments[0], 0.25 if isinstance(expr, sp.sin) else 0.0)
    if expr.func in SINGLE:
        return SINGLE[expr.func](arguments[0])
    raise UnsupportedError("intervals are not worked out through this function", found=expr.func.__name__)


# Laws


def _out(low: Array, high: Array, opened: Flags) -> Box:
    """Ends moved outward; what is not a number may be anything."""
    unknown = np.isnan(low) | np.isnan(high)
    low = np.where(unknown, -np.inf, low - EPSILON * np.abs(low) - TINY * (low != 0))
    high = np.where(unknown, np.inf, high + EPSILON * np.abs(high) + TINY * (high != 0))
    return Box(low, high, opened)


def _constant(number: Expr, like: Box) -> Box:
    value = np.full(like.low.shape, float(number))
    exact = number.is_Rational and sp.Rational(float(number)) == number
    opened = np.zeros(like.low.shape, dtype=bool)
    return Box(value, value, opened) if exact else _out(value, value, opened)


def _add(a: Box, b: Box) -> Box:
    return _out(a.low + b.low, a.high + b.high, a.open | b.open)


def _multiply(a: Box, b: Box) -> Box:
    products = [_product(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return _out(np.minimum.reduce(products), np.maximum.reduce(products), a.open | b.open)


def _product(x: Array, y: Array) -> Array:
    """A product of ends, in which 0 times what is infinite is 0."""
    return np.where((x == 0) | (y == 0), 0.0, x * y)


def _maximum(a: Box, b: Box) -> Box:
    return Box(np.maximum(a.low, b.low), np.maximum(a.high, b.high), a.open | b.open)


def _minimum(a: Box, b: Box) -> Box:
    return Box(np.minimum(a.low, b.low), np.minimum(a.high, b.high), a.open | b.open)


def _power(base: Box, exponent: Expr, power: Box) -> Box:
    if not exponent.is_number:
        return _rising(np.exp, _multiply(power, _rising(np.log, base)))
    if exponent.is_negative:
        positive = _power(base, -exponent, power)
        crosses = (positive.low <= 0) & (positive.high >= 0)
        ends = 1 / positive.high, 1 / positive.low
        touches = (positive.low == 0) & (positive.high > 0)
        low = np.where(touches, ends[0], np.where(crosses, -np.inf, ends[0]))
        return _out(low, np.where(crosses, np.inf, ends[1]), positive.open)
    if exponent.is_Integer and int(exponent) % 2 == 0:
        size = _single_abs(base)
        return _out(size.low ** int(exponent), size.high ** int(exponent), base.open)
    if not exponent.is_Integer:
        # A root of what is negative is no number; rounding alone may have led there.
        inside = np.where((base.low < 0) & (base.high >= 0), 0.0, base.low)
        return _out(inside ** float(exponent), base.high ** float(exponent), base.open)
    return _out(base.low ** int(exponent), base.high ** int(exponent), base.open)


def _rising(function: Callable[[Array], Array], inner: Box) -> Box:
    return _out(function(inner.low), function(inner.high), inner.open)


def _wave(angle: Box, shift: float) -> Box:
    """``cos(x - 2 pi shift)``: its ends, and 1 or -1 where a crest or a trough lies between."""
    turn = 2 * math.pi
    ends = [np.cos(end - turn * shift) for end in (angle.low, angle.high)]
    within = [np.floor(angle.high / turn - shift - half + 1e-9) >= np.ceil(angle.low / turn - shift - half - 1e-9)
              for half in (0.0, 0.5)]  # fmt: skip
    wide = ~np.isfinite(angle.low) | ~np.isfinite(angle.high)
    low = np.where(within[1] | wide, -1.0, np.minimum(*ends))
    high = np.where(within[0] | wide, 1.0, np.maximum(*ends))
    made = _out(low, high, angle.open)
    return Box(np.maximum(made.low, -1), np.minimum(made.high, 1), made.open)


def _single_abs(inner: Box) -> Box:
    crosses = (inner.low <= 0) & (inner.high >= 0)
    sizes = np.abs(inner.low), np.abs(inner.high)
    return Box(np.where(crosses, 0.0, np.minimum(*sizes)), np.maximum(*sizes), inner.open)


def _single_sign(inner: Box) -> Box:
    undecided = (inner.low <= 0) & (inner.high >= 0) & (inner.low != inner.high)
    return Box(np.sign(inner.low), np.sign(inner.high), inner.open | undecided)


def _single_cosh(inner: Box) -> Box:
    return _rising(np.cosh, _single_abs(inner))


def _single_loggamma(inner: Box) -> Box:
    ends = [np.where(end > 0, special.gammaln(end), np.nan) for end in (inner.low, inner.high)]
    turns = (inner.low < LEAST) & (inner.high > LEAST)
    return _out(np.where(turns, special.gammaln(LEAST), np.minimum(*ends)), np.maximum(*ends), inner.open)


def _polygamma(order: int, inner: Box) -> Box:
    """Where the argument is positive, digamma and its even derivatives rise and the odd ones fall."""
    ends = [np.where(end > 0, special.polygamma(order, end), np.nan) for end in (inner.low, inner.high)]
    return _out(np.minimum(*ends), np.maximum(*ends), inner.open)


def _below(a: Box, b: Box) -> Box:
    """1 where a < b, 0 where not, both where that is not decided."""
    return _indicator(a.high < b.low, a.low >= b.high, a.open | b.open)


def _not_above(a: Box, b: Box) -> Box:
    return _indicator(a.high <= b.low, a.low > b.high, a.open | b.open)


def _same(a: Box, b: Box) -> Box:
    point = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
    return _indicator(point, (a.high < b.low) | (a.low > b.high), a.open | b.open)


def _indicator(holds: Flags, fails: Flags, opened: Flags) -> Box:
    return Box(np.where(holds, 1.0, 0.0), np.where(fails, 0.0, 1.0), opened | ~(holds | fails))


def _chosen(condition: Box, yes: Box, no: Box) -> Box:
    only_yes, only_no = condition.low > 0, condition.high < 1
    low = np.where(only_yes, yes.low, np.where(only_no, no.low, np.minimum(yes.low, no.low)))
    high = np.where(only_yes, yes.high, np.where(only_no, no.high, np.maximum(yes.high, no.high)))
    branches = np.where(only_yes, yes.open, np.where(only_no, no.open, yes.open | no.open))
    return Box(low, high, branches | condition.open)


#: Operations of two arguments, taken one after the other.
LAWS: dict[type, Callable[[Box, Box], Box]] = {
    sp.Add: _add, sp.Mul: _multiply, less: _below, less_equal: _not_above, equal: _same,
}  # fmt: skip
REDUCTIONS: dict[str, Callable[[Box, Box], Box]] = {
    "": _add, "sum": _add, "prod": _multiply, "max": _maximum, "min": _minimum,
}  # fmt: skip
SINGLE: dict[type, Callable[[Box], Box]] = {
    sp.Abs: _single_abs, sp.sign: _single_sign, sp.cosh: _single_cosh, sp.loggamma: _single_loggamma,
    sp.erfc: lambda inner: _multiply(_constant(sp.Integer(-1), inner), _rising(lambda x: -special.erfc(x), inner)),
}  # fmt: skip
#: Functions that rise everywhere, by their names in the table of functions or in SymPy.
RISING: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sinh": np.sinh, "atan": np.arctan, "asinh": np.arcsinh,
    "asin": np.arcsin, "acosh": np.arccosh, "atanh": np.arctanh, "erf": special.erf, "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x), "normcdf": special.ndtr, "log1p": np.log1p, "expm1": np.expm1,
}  # fmt: skip
