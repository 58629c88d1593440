"""Comparisons of indices in matrix notation: triangles, cumulative sums, padding, blocks.

``[j <= i] A[i, j]`` is ``tril(A)``, ``sum_k [k <= i] x[k]`` is ``cumsum(x)``, ``[i >= 1] x[i - 1]``
is ``pad(x[:-1], (1, 0))``, and what is one thing up to a place and another one from there is a ``concat``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sympy import Expr, Mul, S

from chainrule.derive.forms.bound_terms import (
    Cumulative,
    CumulativeProduct,
    CumulativeSum,
    Over,
    Padded,
    ReverseCumulativeSum,
    Triangle,
    indices_of,
)
from chainrule.derive.forms.layout import Layout, NoMatrixForm, axis_keyword, call
from chainrule.derive.forms.parts import Speller
from chainrule.derive.notation.syntax import Node, Tuple
from chainrule.derive.program import Index, Ref
from chainrule.derive.scalar import Indicator, less, less_equal, where


class MaskSpeller(Speller, Protocol):
    """What masks need of the writer of elementwise expressions."""

    def fresh(self, length: Expr) -> Index:
        """A new index of this length."""
        ...

    def whole(self, body: Expr, layout: Layout) -> Node:
        """An expression in exactly this layout, whether or not it has all its indices."""
        ...


@dataclass(frozen=True)
class Product:
    """Factors, those below the line too, and the indices that they are summed over."""

    upper: tuple[Expr, ...]
    lower: tuple[Expr, ...]
    bound: tuple[Index, ...]

    def having(self, index: Index) -> list[Expr]:
        """The factors, reciprocals of lower ones included, with an index."""
        return [factor for factor in self.factors if index in indices_of(factor)]

    @property
    def factors(self) -> tuple[Expr, ...]:
        """All factors."""
        return (*self.upper, *(1 / factor for factor in self.lower))

    def without(self, taken: Sequence[Expr], bound: Sequence[Index] = (), made: Expr = S.One) -> Product:
        """The product with a new factor in place of others."""
        upper = tuple(factor for factor in self.upper if factor not in taken)
        lower = tuple(factor for factor in self.lower if 1 / factor not in taken)
        new = () if made == 1 else (made,)
        return Product((*new, *upper), lower, tuple(index for index in self.bound if index not in bound))


def unmasked(speller: MaskSpeller, product: Product) -> Product:
    """A product whose comparisons of indices have become triangles, cumulative sums and padding."""
    found: dict[Index, list[tuple[Expr, Interval]]] = {}
    for mask in [factor for factor in product.upper if isinstance(factor, Indicator)]:
        interval = _interval(speller, mask)
        if interval is not None:
            found.setdefault(interval.index, []).append((mask, interval))
    for masks in found.values():
        common = _common([interval for _, interval in masks])
        if common is not None:
            product = _shifted(speller, product.without([mask for mask, _ in masks]), common)
    triangles = [factor for factor in product.upper if _triangle(speller, factor)]
    # A mask on a matrix first: what is left may be a mask on the product of such matrices.
    triangles.sort(key=lambda mask: not any(indices_of(f) == indices_of(mask) for f in product.upper if f != mask))
    for mask in triangles:
        product = _masked(speller, product, mask)
    return product


# ---- comparisons with a number --------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """The places of an index from ``start`` to before ``stop``."""

    index: Index
    start: Expr
    stop: Expr


def _interval(speller: Speller, mask: Indicator) -> Interval | None:
    """Where a comparison of an index with a number holds, if that is a part of its range."""
    left, right = mask.args
    if len(mask.atoms(Index)) != 1 or mask.atoms(Ref) or mask.operator == "==":
        return None
    (index,) = mask.atoms(Index)
    length = speller.lengths[index]
    slack = right - left - (1 if isinstance(mask, less) else 0)
    start, stop = index - slack, slack + index + 1
    if not start.has(index) and start.is_nonnegative:
        return Interval(index, start, length)
    if not stop.has(index) and (length - stop).is_nonnegative:
        return Interval(index, S.Zero, stop)
    return None


def _common(intervals: Sequence[Interval]) -> Interval | None:
    """What several intervals of one index have in common, if their ends can be compared."""
    first, *others = intervals
    for other in others:
        starts = [a for a, b in _both(first.start, other.start) if (a - b).is_nonnegative]
        stops = [a for a, b in _both(first.stop, other.stop) if (b - a).is_nonnegative]
        if not starts or not stops:
            return None
        first = Interval(first.index, starts[0], stops[0])
    return first


def _both(one: Expr, two: Expr) -> tuple[tuple[Expr, Expr], ...]:
    return (one, two), (two, one)


def _shifted(speller: MaskSpeller, product: Product, interval: Interval) -> Product:
    """A product that is zero outside an interval of an index: summed over less, or padded."""
    index, count = interval.index, interval.stop - interval.start
    inner = speller.fresh(count)
    moved = {index: inner + interval.start}
    if index in product.bound:
        bound = tuple(inner if other == index else other for other in product.bound)
        upper, lower = (tuple(f.xreplace(moved) for f in factors) for factors in (product.upper, product.lower))
        return Product(upper, lower, bound)
    taken, within = _component(product, index)
    body = _summed(speller, taken, within).xreplace(moved)
    return product.without(taken, within, Padded(body, (inner, count, index - interval.start)))


def _component(product: Product, index: Index) -> tuple[list[Expr], list[Index]]:
    """The factors that hang together with an index through summed indices, and those indices."""
    taken: list[Expr] = []
    within: list[Index] = []
    waiting = [index]
    while waiting:
        for factor in product.having(waiting.pop()):
            if factor not in taken:
                taken.append(factor)
                new = [k for k in product.bound if k in indices_of(factor) and k not in (index, *within)]
                within += new
                waiting += new
    return taken, within


def _summed(speller: Speller, factors: Sequence[Expr], bound: Sequence[Index]) -> Expr:
    body = Mul(*factors)
    return Over("sum", body, *((k, speller.lengths[k]) for k in bound)) if bound else body


# ---- comparisons of two indices -------------------------------------------------------------------


def _triangle(speller: Speller, factor: Expr) -> tuple[Index, Index, Expr] | None:
    """Row, column and offset where a factor says ``column <= row + offset``."""
    if not isinstance(factor, Indicator) or factor.operator == "==" or len(factor.atoms(Index)) != 2:
        return None
    left, right = factor.args
    one, two = sorted(factor.atoms(Index), key=str)
    slack = right - left - (1 if isinstance(factor, less) else 0)
    for row, column in ((one, two), (two, one)):
        offset = slack - row + column
        if offset.is_Integer and speller.lengths[row] == speller.lengths[column]:
            return row, column, offset
    return None


def _masked(speller: MaskSpeller, product: Product, mask: Expr) -> Product:
    """A product without one of its triangular masks."""
    found = _triangle(speller, mask)
    assert found is not None
    row, column, offset = found
    rest = product.without([mask])
    on_both = [factor for factor in rest.factors if indices_of(factor) == {row, column}]
    if on_both:
        return rest.without(on_both, (), Triangle(row, column, offset, Mul(*on_both)))
    for moving, place, kind in ((column, row, CumulativeSum), (row, column, ReverseCumulativeSum)):
        if moving in rest.bound and place not in rest.bound and offset in (0, -1):
            taken, within = _component(rest, moving)
            if not any(place in indices_of(factor) for factor in taken):
                body = _summed(speller, taken, within)
                made: Expr = kind(body, (moving, speller.lengths[moving], place))
                made -= body.xreplace({moving: place}) if offset == -1 else 0
                return rest.without(taken, (moving, *within), made)
    if not {row, column} & set(rest.bound):
        whole = [factor for factor in rest.factors if indices_of(factor)]
        inside = [k for k in rest.bound if any(k in indices_of(factor) for factor in whole)]
        return rest.without(whole, inside, Triangle(row, column, offset, _summed(speller, whole, inside)))
    return rest.without((), (), Triangle(row, column, offset, S.One))


# ---- writing ----------------------------------------------------------------------------------------


def triangle(speller: MaskSpeller, expr: Triangle, layout: Layout) -> Node:
    """``tril(A, k)`` or ``triu(A, k)``."""
    row, column, offset, body = expr.args
    if None in layout or set(layout) != {row, column}:
        raise NoMatrixForm
    lower = layout == (row, column)
    diagonal = offset if lower else -offset
    further = () if diagonal == 0 else (speller.spell(diagonal, ()),)
    return call("tril" if lower else "triu", speller.whole(body, layout), *further)


def cumulative_product(speller: MaskSpeller, expr: Over) -> CumulativeProduct | None:
    """The entry of a cumulative product, if a product leaves out the factors after a place."""
    if expr.kind != "prod" or len(expr.limits) != 1 or not isinstance(expr.body, where) or expr.body.args[2] != 1:
        return None
    ((bound, length),) = expr.limits.items()
    condition, factor, _ = expr.body.args
    at = condition.args[1]
    if condition != less_equal(bound, at) or not isinstance(at, Index) or at in indices_of(factor):
        return None
    inner = speller.fresh(length)
    made = CumulativeProduct(factor.xreplace({bound: inner}), (inner, length, at))
    return made if speller.lengths[at] == length else None


def cumulative(speller: MaskSpeller, expr: Cumulative, layout: Layout) -> Node:
    """``cumsum(x)``, ``cumprod(x)``, or ``flip(cumsum(flip(x)))`` from the end."""
    inner, place, _ = _inside(expr, layout)
    axis = axis_keyword([place], len(layout))
    body = speller.whole(expr.body, inner)
    if not isinstance(expr, ReverseCumulativeSum):
        return call(expr.notation, body, **axis)
    return call("flip", call(expr.notation, call("flip", body, **axis), **axis), **axis)


def padded(speller: MaskSpeller, expr: Padded, layout: Layout) -> Node:
    """``pad(x, (before, after))``, of several axes at once."""
    widths: list[Sequence[Expr]] = [(S.Zero, S.Zero)] * len(layout)
    body: Expr = expr
    while isinstance(body, Padded):
        layout, place, index = _inside(body, layout)
        ((at,), (count,)) = body.at, tuple(body.limits.values())
        widths[place] = (index - at, speller.lengths[index] - count - index + at)
        body = body.body
    pairs = [Tuple(tuple(speller.spell(width, ()) for width in pair)) for pair in widths]
    return call("pad", speller.whole(body, layout), pairs[0] if len(pairs) == 1 else Tuple(tuple(pairs)))


def _inside(expr: Cumulative | Padded, layout: Layout) -> tuple[Layout, int, Index]:
    """The layout of the body, and the axis and the index along which the function runs."""
    (bound,), (at,) = expr.limits, expr.at
    (index,) = indices_of(at)
    if index in indices_of(expr.body):
        raise NoMatrixForm
    place = layout.index(index)
    return (*layout[:place], bound, *layout[place + 1 :]), place, index


def pieces(speller: MaskSpeller, condition: Expr, chosen: Expr, other: Expr, layout: Layout) -> Node | None:
    """``concat(x, y)`` for ``where(i < c, x[i], y[i - c])``, or ``None`` for another condition."""
    found = _interval(speller, condition) if isinstance(condition, Indicator) else None
    if found is None or found.index not in layout:
        return None
    index, start, stop = found.index, found.start, found.stop
    parts = [(other, S.Zero, start), (chosen, start, stop), (other, stop, speller.lengths[index])]
    place = layout.index(index)
    nodes = [_piece(speller, *part, index, layout) for part in parts if part[1] != part[2]]
    if len(nodes) == 1:
        return nodes[0]
    axis = {} if place == 0 else axis_keyword([place], len(layout))
    return call("concat", *nodes, **axis)


def _piece(speller: MaskSpeller, body: Expr, start: Expr, stop: Expr, index: Index, layout: Layout) -> Node:
    inner = speller.fresh(stop - start)
    moved = {index: inner + start}
    return speller.whole(body.xreplace(moved), tuple(inner if axis == index else axis for axis in layout))
