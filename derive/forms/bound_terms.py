"""Terms that bind indices, as they occur in printed formulas: reductions, softmax, masks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy import Expr, KroneckerDelta, Symbol, Tuple

from chainrule.derive.program import Index, Ref
from chainrule.derive.scalar import Indicator, equal


class _Bound(Expr):  # type: ignore[misc]
    """Base of terms that bind indices: a real number for each value of their free indices."""

    is_commutative = True
    is_extended_real = True
    is_real = True
    is_finite = True
    is_complex = True

    def _eval_derivative(self, symbol: object) -> Expr:
        raise NotImplementedError("terms of printed formulas are not differentiated")


class Over(_Bound):
    """``kind`` over indices of a body: ``Over("sum", body, (k, n), ..)``."""

    def __new__(cls, kind: str | Symbol, body: Expr, *limits: Iterable[Any]) -> Over:
        """A reduction; ``limits`` are pairs of an index and its length."""
        return Expr.__new__(cls, Symbol(str(kind)), body, *(Tuple(*limit) for limit in limits))

    @property
    def kind(self) -> str:
        """The reduction."""
        return str(self.args[0])

    @property
    def body(self) -> Expr:
        """What is reduced."""
        return self.args[1]

    @property
    def limits(self) -> dict[Index, Expr]:
        """The bound indices and their lengths."""
        return {limit[0]: limit[1] for limit in self.args[2:]}


class Along(_Bound):
    """An entry of a function of all entries along some axes: ``Along(body, (k, n, at), ..)``.

    The function is applied to the body over the bound indices ``k``; ``at`` is where its value is read.
    """

    def __new__(cls, body: Expr, *limits: Iterable[Any]) -> Along:
        """An entry; ``limits`` are triples of an index, its length and where it is read."""
        return Expr.__new__(cls, body, *(Tuple(*limit) for limit in limits))

    @property
    def body(self) -> Expr:
        """What the function is applied to, in the bound indices."""
        return self.args[0]

    @property
    def limits(self) -> dict[Index, Expr]:
        """The bound indices and their lengths."""
        return {limit[0]: limit[1] for limit in self.args[1:]}

    @property
    def at(self) -> tuple[Expr, ...]:
        """The entry that is read along each bound index."""
        return tuple(limit[2] for limit in self.args[1:])


class LogSoftmax(Along):
    """``scores[at] - logsumexp over k of scores[k]``."""

    #: The function's name in the notation.
    notation = "log_softmax"

    def expanded(self) -> Expr:
        """The same value with the reduction written out."""
        entry = self.body.xreplace(dict(zip(self.limits, self.at, strict=True)))
        return entry - Over("logsumexp", self.body, *self.limits.items())


class Cumulative(Along):
    """A reduction over all ``k <= at``."""

    #: The function's name in the notation.
    notation = ""


class CumulativeSum(Cumulative):
    """The sum over all ``k <= at``."""

    notation = "cumsum"


class ReverseCumulativeSum(CumulativeSum):
    """The sum over all ``k >= at``."""


class CumulativeProduct(Cumulative):
    """The product over all ``k <= at``."""

    notation = "cumprod"


class Padded(Along):
    """The body at ``k = at`` where that is in the range of ``k``, else zero."""


class Triangle(_Bound):
    """The body where ``column <= row + offset``, else zero: ``Triangle(row, column, offset, body)``."""


class Softmax(LogSoftmax):
    """The exponential of :class:`LogSoftmax`."""

    notation = "softmax"

    def expanded(self) -> Expr:
        """The same value with the reduction written out."""
        return sp.exp(super().expanded())


class Hardmax(LogSoftmax):
    """The share of an entry among the largest ones: the limit of ``softmax(scores / t)`` for ``t -> 0``."""

    notation = "hardmax"

    def expanded(self) -> Expr:
        """The same value with the comparisons written out."""
        entry = self.body.xreplace(dict(zip(self.limits, self.at, strict=True)))
        largest = Over("max", self.body, *self.limits.items())
        return equal(entry, largest) / Over("sum", equal(self.body, largest), *self.limits.items())


class MatrixEntry(_Bound):
    """An entry of a function of a matrix: ``MatrixEntry("inv", body, (k, n), (l, n), (i, j))``.

    The matrix has ``body`` at row ``k`` and column ``l``; ``at`` are the indices of the value.
    """

    def __new__(
        cls, kind: str | Symbol, body: Expr, row: Iterable[Any], column: Iterable[Any], at: Iterable[Any]
    ) -> MatrixEntry:
        """An entry; ``row`` and ``column`` are pairs of an index and its length."""
        return Expr.__new__(cls, Symbol(str(kind)), body, Tuple(*row), Tuple(*column), Tuple(*at))

    @property
    def kind(self) -> str:
        """The function."""
        return str(self.args[0])

    @property
    def body(self) -> Expr:
        """The entry of the matrix."""
        return self.args[1]

    @property
    def limits(self) -> dict[Index, Expr]:
        """The indices of row and column, and their lengths."""
        return {limit[0]: limit[1] for limit in self.args[2:4]}

    @property
    def at(self) -> tuple[Expr, ...]:
        """The entry of the value that is read."""
        return tuple(self.args[4])


@lru_cache(maxsize=20_000)
def indices_of(expr: Expr) -> frozenset[Index]:
    """The free indices of an expression."""
    if isinstance(expr, Index):
        return frozenset([expr])
    inner: frozenset[Index] = frozenset().union(*(indices_of(arg) for arg in _read_args(expr)))
    return inner


def _read_args(expr: Expr) -> Iterator[Expr]:
    if isinstance(expr, Over | Along | MatrixEntry):
        yield from indices_of(expr.body) - set(expr.limits)
        yield from () if isinstance(expr, Over) else expr.at
    else:
        yield from expr.args


def counted_from_one(expr: Expr) -> Expr:
    """An expression for indices that count from 1, in which subscripts count from 1 as well.

    ``x[i + 1] - x[i]`` stays as it is, ``x[0]`` becomes ``x[1]``, and the number ``i`` becomes ``i - 1``.
    """
    if isinstance(expr, Index):
        return expr - 1
    if isinstance(expr, Ref):
        return Ref(expr.args[0], *map(_place_from_one, expr.indices))
    if isinstance(expr, KroneckerDelta | Indicator) and not expr.atoms(Ref):
        return expr.func(*map(_place_from_one, expr.args))
    if isinstance(expr, Over):
        return Over(expr.kind, counted_from_one(expr.body), *expr.limits.items())
    if isinstance(expr, LogSoftmax):
        limits = zip(expr.limits.items(), map(_place_from_one, expr.at), strict=True)
        return type(expr)(counted_from_one(expr.body), *((*limit, at) for limit, at in limits))
    if isinstance(expr, MatrixEntry):
        row, column = expr.limits.items()
        return MatrixEntry(expr.kind, expr.body, row, column, map(_place_from_one, expr.at))
    args = tuple(map(counted_from_one, expr.args))
    return expr if args == expr.args else expr.func(*args)


def _place_from_one(place: Expr) -> Expr:
    """A subscript; labels, which are data, count from 0 in any case."""
    moved = counted_from_one(place)
    return moved if place.atoms(Ref) else sp.expand(moved + 1)
