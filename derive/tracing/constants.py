"""Numbers and arrays that a traced function holds, as nodes of the syntax tree.

A Python function has doubles where a formula on paper has ``1/3`` or ``2π``.  A double that is
the nearest one to a small fraction, or to a small fraction of a constant in :data:`KNOWN`, stands
for it; every other double is written with the fewest digits that mean it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Integer, Rational

from chainrule.derive.errors import LimitError, UnsupportedError
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.syntax import Binary, Call, Name, Negative, Node, Number, Tuple

#: Constants as the notation writes them, with their values.
KNOWN: tuple[tuple[str, float], ...] = (
    ("pi", math.pi),
    ("pi**2", math.pi**2),
    ("sqrt(2)", math.sqrt(2)),
    ("sqrt(pi)", math.sqrt(math.pi)),
    ("sqrt(2*pi)", math.sqrt(2 * math.pi)),
    ("sqrt(2/pi)", math.sqrt(2 / math.pi)),
    ("log(2)", math.log(2)),
    ("log(10)", math.log(10)),
    ("log(pi)", math.log(math.pi)),
    ("log(2*pi)", math.log(2 * math.pi)),
    ("exp(1)", math.e),
    ("1/pi", 1 / math.pi),
    ("1/log(2)", 1 / math.log(2)),
)
#: Largest denominator of a fraction that a double may stand for, alone and before a known constant.
MAX_DENOMINATOR, MAX_FACTOR = 999, 16
#: Digits up to which a number is meant as it is written.
SHORT = 12
#: Entries that a constant array may have.
MAX_ENTRIES = 64


def number(value: Any) -> Node:
    """The node of a number of Python or NumPy.

    Raises:
        UnsupportedError: it is complex or not a number.
    """
    if isinstance(value, bool | np.bool | int | np.integer):
        return Number(Integer(int(value)))
    if isinstance(value, Fraction):
        return Number(_rational(value))
    if isinstance(value, complex | np.complexfloating):
        raise UnsupportedError("complex numbers cannot be traced", found=repr(value))
    double = float(value)
    if math.isnan(double):
        raise UnsupportedError("nan is not a number here", hint="np.where chooses what counts")
    if math.isinf(double):
        return Name("inf") if double > 0 else Negative(Name("inf"))
    return _double(double)


@cache
def _double(value: float) -> Node:
    written = Fraction(repr(value))
    near = Fraction(value).limit_denominator(MAX_DENOMINATOR)
    if _digits(value) <= SHORT or not near or float(near) != value:
        known = _known(value) if _digits(value) > SHORT else None
        return known or Number(_rational(written))
    return Number(_rational(near))


def _known(value: float) -> Node | None:
    """A double as a small fraction of a known constant."""
    for text, constant in KNOWN:
        ratio = Fraction(value / constant).limit_denominator(MAX_FACTOR)
        if ratio and abs(ratio.numerator) <= MAX_FACTOR and abs(float(ratio) * constant - value) <= math.ulp(value):
            node = parse_expression(text)
            return node if ratio == 1 else Binary("*", Number(_rational(ratio)), node)
    return None


def _digits(value: float) -> int:
    """The digits of the shortest decimal number that is read as this double."""
    return len(repr(value).partition("e")[0].replace(".", "").strip("-0"))


def _rational(value: Fraction) -> Rational:
    return Rational(value.numerator, value.denominator)


def array(values: npt.NDArray[Any]) -> Node:
    """The node of an array: stacked numbers, ``eye(n)`` or ``full(.., value)``.

    Raises:
        UnsupportedError: the entries are no real numbers.
        LimitError: there are too many of them.
    """
    if values.dtype.kind not in "biuf":
        raise UnsupportedError(f"an array of {values.dtype} cannot be traced", expected="an array of numbers")
    if not values.ndim:
        return number(values[()])
    if values.size and np.all(values == values.flat[0]):
        shape = Tuple(tuple(Number(Integer(length)) for length in values.shape))
        return Call("full", (shape, number(values.flat[0])))
    if values.ndim == 2 and np.array_equal(values, np.eye(len(values))):
        return Call("eye", (Number(Integer(len(values))),))
    if not 0 < values.size <= MAX_ENTRIES:
        raise LimitError(
            f"an array of shape {values.shape} stands in the function; constants have 1 to {MAX_ENTRIES} entries",
            hint="make it an argument of the function and declare it",
        )
    return _stacked(values)


def _stacked(values: npt.NDArray[Any]) -> Node:
    return Call("stack", (Tuple(tuple(_stacked(row) if row.ndim else number(row) for row in map(np.asarray, values))),))


def axes(value: int | Sequence[int]) -> Node:
    """The node of an axis, or of several."""
    if isinstance(value, Sequence):
        return Tuple(tuple(map(axes, value)))
    return Number(Integer(index(value)))
