"""Small arrays of exact numbers: how they come about from decimals, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Rational

from chainrule.derive.errors import InputError, LimitError
from chainrule.derive.notation.unparse import decimal_text
from chainrule.derive.render.page import Shown

Exact = npt.NDArray[np.object_]
#: Entries of an array that are written out, and digits of numbers that are no decimals.
MAX_ENTRIES, DIGITS = 64, 10


def exact(name: str, value: Any) -> Exact:
    """An array of fractions, decimals as they are written.

    Raises:
        InputError: it is no array of finite numbers.
        LimitError: it has too many entries to write out.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} is no array of numbers", expected="numbers, rows of one length") from None
    if array.size == 0 or array.ndim > 2 or not np.isfinite(array).all():
        raise InputError(f"{name} cannot be written out", expected="a vector or a matrix of finite numbers")
    if array.size > MAX_ENTRIES:
        raise LimitError(f"{name} has {array.size} entries", expected=f"{MAX_ENTRIES} at most, to be written out")
    return fractions(array)


def fractions(array: npt.ArrayLike) -> Exact:
    """Doubles as the decimals that they are written as."""
    doubles = np.asarray(array, dtype=np.float64)
    made = np.empty(doubles.shape, dtype=object)
    for place in np.ndindex(doubles.shape):
        made[place] = Fraction(repr(float(doubles[place])))
    return made


def rounded(value: float) -> Fraction:
    """A number with the digits that are written."""
    return Fraction(repr(float(f"{value:.{DIGITS}g}")))


def written(value: Any) -> str:
    """An exact number as text: a decimal where it is one, else a fraction."""
    number = Fraction(value)
    text = decimal_text(Rational(abs(number.numerator), number.denominator)) or str(abs(number))
    return f"-{text}" if number < 0 else text


def factor(value: Any) -> str:
    """A number as it stands in a product or as a further term."""
    return f"({written(value)})" if Fraction(value) < 0 else written(value)


def array_shown(array: Exact) -> Shown:
    """An array: a list of rows as text, brackets in LaTeX; vectors stand upright there."""
    if array.ndim == 0:
        return Shown(written(array.item()), written(array.item()))
    rows = array[:, None] if array.ndim == 1 else array
    latex = r" \\ ".join(" & ".join(map(written, row)) for row in rows)
    return Shown(_lists(array), rf"\begin{{pmatrix}} {latex} \end{{pmatrix}}")


def _lists(array: Exact) -> str:
    if array.ndim == 1:
        return f"[{', '.join(map(written, array))}]"
    return f"[{', '.join(_lists(row) for row in array)}]"


def joined(parts: Iterable[Shown], text: str, latex: str) -> Shown:
    """Parts with a sign between them."""
    found = list(parts)
    return Shown(text.join(part.text for part in found), latex.join(part.latex for part in found))


def shape_text(array: Exact) -> str:
    """A shape as NumPy writes it."""
    return f"({array.shape[0]},)" if array.ndim == 1 else f"({', '.join(map(str, array.shape))})"
