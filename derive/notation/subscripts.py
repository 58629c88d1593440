"""Subscripts: ``operand[items]`` as NumPy reads them.

Integers and slices (with steps), ``None``, ``...``, index letters of open sums, and integer arrays,
which select entries by labels: ``E[y]`` are the rows of ``E`` with the labels ``y``, and in
``logp[arange(n), y]`` two arrays of labels are read side by side.  What cannot be known before the
arrays are given (labels, slices with symbolic bounds) is noted as a :class:`Requirement`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import sympy as sp
from sympy import Add, Expr, Integer, Mul, Pow, S, floor

from chainrule.derive.errors import LimitError, NotationError, ShapeError, UnsupportedError
from chainrule.derive.notation.functions import MAX_RANK
from chainrule.derive.notation.lengths import length
from chainrule.derive.notation.letters import Letter, ends_of, is_sum_of_letters, letters_in, linear
from chainrule.derive.notation.signs import COMPARISONS, is_letter
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    Dots,
    Name,
    NewAxis,
    Node,
    Slice,
    Subscript,
    walk,
)
from chainrule.derive.notation.tensors import Tensor, Workspace, at, broadcast_shape, shape_text, spread
from chainrule.derive.program import Definition, Dim, Index, Input, Ref, free_index, is_unit
from chainrule.derive.ranges import Facts, is_within


class Context(Protocol):
    """What subscripts need of the reader of expressions."""

    @property
    def work(self) -> Workspace:
        """The definitions so far."""

    @property
    def dims(self) -> Mapping[str, Dim]:
        """The named lengths."""

    @property
    def letters(self) -> Mapping[str, Letter]:
        """The open index letters."""

    @property
    def facts(self) -> Facts:
        """What the comparisons around the place say of the letters."""

    @property
    def values(self) -> Mapping[str, Input | Definition]:
        """Inputs and named definitions."""

    def lower(self, node: Node) -> Tensor:
        """The tensor of an expression."""


@dataclass(frozen=True)
class _Range:
    """A slice: the entries ``start + step*i`` for ``i`` below ``count``."""

    start: Expr
    step: Expr
    count: Expr


@dataclass(frozen=True)
class _Place:
    """One entry of an axis."""

    place: Expr


@dataclass(frozen=True)
class _Labels:
    """The entries that an array of labels selects."""

    labels: Tensor


_Part = _Range | _Place | _Labels | None


def subscripted(context: Context, operand: Tensor, node: Subscript) -> Tensor:
    """The tensor ``operand[items]``, or ``operand_i`` as on paper, where numbers count like the letters.

    Raises:
        ShapeError: too many subscripts, or one outside its axis.
        NotationError: a subscript that is no integer.
    """
    reader = _Subscripting(context, operand, node.paper, _base(context, node) if node.paper else 0)
    parts: list[_Part] = []
    axis = 0
    for item in _completed(operand, node.items, node):
        parts.append(None if isinstance(item, NewAxis) else reader.part(item, axis))
        axis += not isinstance(item, NewAxis)
    return _assembled(operand, parts, node)


def _base(context: Context, node: Subscript) -> int:
    """From where numbers count in a subscript on paper: as the letters beside them do."""
    found = {context.letters[name].base for item in node.items for name in letters_in(item, context.letters)}
    return min(found, default=1)


def _completed(operand: Tensor, items: Sequence[Node], node: Node) -> list[Node]:
    """The items, one for every axis of the operand."""
    given = sum(not isinstance(item, NewAxis | Dots) for item in items)
    if given > operand.rank:
        raise ShapeError(
            f"{operand.text} has {operand.rank} axes and {given} subscripts", node.span,
            expected=f"at most {operand.rank} subscripts", found=f"shape {shape_text(operand.shape)}",
        )  # fmt: skip
    places = [position for position, item in enumerate(items) if isinstance(item, Dots)] or [len(items)]
    if len(places) > 1:
        raise NotationError("... stands once in a subscript", items[places[1]].span)
    rest = [Slice()] * (operand.rank - given)
    return [*items[: places[0]], *rest, *items[places[0] + 1 :]]


def _assembled(operand: Tensor, parts: Sequence[_Part], node: Node) -> Tensor:
    """The subscripted tensor; axes of labels stand where the labels do, or first if those are apart."""
    arrays = [part.labels for part in parts if isinstance(part, _Labels)]
    shared = broadcast_shape(arrays, "subscripts")
    at_labels = _position_of_labels(parts) if arrays else None
    lengths: list[Expr] = list(shared) if at_labels == -1 else []
    first = 0
    places: list[Expr] = []
    for position, part in enumerate(parts):
        if position == at_labels:
            first = len(lengths)
            lengths += shared
        if isinstance(part, _Range):
            places.append(part.start + part.step * free_index(len(lengths)))
        elif isinstance(part, _Place):
            places.append(part.place)
        elif isinstance(part, _Labels):
            moved = {free_index(n): free_index(first + n) for n in range(len(shared))}
            places.append(spread(part.labels, shared).xreplace(moved))
        if part is None or isinstance(part, _Range):
            lengths.append(S.One if part is None else part.count)
    if len(lengths) > MAX_RANK:
        raise LimitError(f"a tensor has at most {MAX_RANK} axes", node.span)
    return Tensor(tuple(lengths), at(operand, places), node)


def _position_of_labels(parts: Sequence[_Part]) -> int:
    """The first of the subscripts that are integers or labels if these are neighbours, else -1."""
    places = [position for position, part in enumerate(parts) if isinstance(part, _Place | _Labels)]
    return places[0] if places[-1] - places[0] == len(places) - 1 else -1


@dataclass
class _Subscripting:
    """Reads the subscripts of one operand.

    Attributes:
        context: what names and letters mean.
        operand: what is subscripted.
        paper: whether the subscript is written as on paper.
        base: the subscript of the first entry where numbers are written.
    """

    context: Context
    operand: Tensor
    paper: bool
    base: int

    def part(self, item: Node, axis: int) -> _Part:
        """What one subscript selects of an axis."""
        if isinstance(item, Slice):
            return self.sliced(item, axis)
        if is_sum_of_letters(item) and letters_in(item, self.context.letters):
            return _Place(self.lettered(item, axis))
        known = {*self.context.dims, *self.context.letters}
        return self.entry(item, axis) if _is_length(item, known) else self.selected(item, axis)

    def entry(self, item: Node, axis: int) -> _Place:
        """One entry, counted from the end where the subscript is negative."""
        size = self.operand.shape[axis]
        value = length(item, self.context.dims) - self.base
        place = value + size if _is_negative(value) and not self.paper else value
        if (size - place).is_nonpositive or place.is_negative:
            raise ShapeError(
                f"the index {value + self.base} is outside axis {axis} of {self.operand.text}, "
                f"which has length {size}", item.span,
                expected=f"an index from {self.base} to {size - 1 + self.base}", found=str(value + self.base),
            )  # fmt: skip
        if not place.is_Integer:
            self.require(place, S.Zero, size - 1, axis)
        return _Place(place)

    # ---- index letters ------------------------------------------------------------------------------

    def lettered(self, item: Node, axis: int) -> Expr:
        """A subscript that holds index letters."""
        size, ranges = self.operand.shape[axis], self.context.work.lengths
        coefficients, number = linear(item, self.context.letters, self.context.dims)
        letters = {self.context.letters[name]: factor for name, factor in coefficients.items()}
        if isinstance(item, Name):
            (letter,) = letters
            if ranges.get(letter.index) is None or is_unit(size) or letter.length is None:
                return self.whole(letter.index, item, axis)
        bases = {letter.base for letter in letters}
        if len(bases) > 1:
            raise NotationError(
                "the letters of this subscript count from different numbers", item.span,
                expected="ranges that all start at 0 or all at 1 or more",
            )  # fmt: skip
        low, high = ends_of(letters, number - max(bases))
        place = sum((letter.value * factor for letter, factor in letters.items()), number - max(bases)).expand()
        if self.context.facts and is_within(place, size, ranges, self.context.facts):
            return place
        if low.is_negative or (size - 1 - high).is_negative:
            raise ShapeError(
                f"this subscript leaves axis {axis} of {self.operand.text}, which has length {size}", item.span,
                expected=f"places from {max(bases)} to {size - 1 + max(bases)}",
                found=f"{low + max(bases)} to {high + max(bases)}",
            )  # fmt: skip
        self.require(place, S.Zero, size - 1, axis)
        return place

    def whole(self, index: Index, item: Node, axis: int) -> Expr:
        """An index letter that runs over a whole axis."""
        size, ranges = self.operand.shape[axis], self.context.work.lengths
        known = ranges.get(index)
        if known is None or is_unit(known):
            ranges[index] = size
        elif is_unit(size):
            return S.Zero
        elif known != size:
            raise ShapeError(
                f"the index {item.span.excerpt if item.span else ''} runs over axes of different lengths", item.span,
                expected=f"length {known}", found=f"axis {axis} of {self.operand.text} has length {size}",
            )  # fmt: skip
        return index

    # ---- slices -----------------------------------------------------------------------------------

    def sliced(self, item: Slice, axis: int) -> _Range:
        """The entries of a slice."""
        size = self.operand.shape[axis]
        step = S.One if item.step is None else length(item.step, self.context.dims)
        if not step.is_Integer or step == 0:
            raise NotationError(
                "the step of a slice is an integer other than 0", item.span, expected="a step such as 2 or -1",
                found=str(step),
            )  # fmt: skip
        back = bool(step < 0)
        start = (size - 1 if back else S.Zero) if item.start is None else self.bound(item.start, size, back)
        stop = (-S.One if back else size) if item.stop is None else self.bound(item.stop, size, back)
        distance = sp.expand(start - stop if back else stop - start)
        if distance.is_nonpositive:
            raise ShapeError(
                f"this slice of axis {axis} of {self.operand.text} is empty", item.span,
                expected="start after stop" if back else "start before stop",
                found=f"{start}:{stop} of length {size}",
            )  # fmt: skip
        self.require_inside(start, stop, distance, axis, back)
        return _Range(start, step, distance if abs(step) == 1 else floor((distance + abs(step) - 1) / abs(step)))

    def bound(self, node: Node, size: Expr, back: bool) -> Expr:
        """A bound of a slice counted from the front, cut to the axis where that is known."""
        value = length(node, self.context.dims)
        place = value + size if _is_negative(value) else value
        last = size - 1 if back else size
        if place.is_negative:
            return -S.One if back else S.Zero
        return last if isinstance(size, Integer) and (place - last).is_positive else place

    def require_inside(self, start: Expr, stop: Expr, distance: Expr, axis: int, back: bool) -> None:
        """Notes what is not certain of the ends of a slice."""
        size = self.operand.shape[axis]
        low, high = (stop + 1, start + 1) if back else (start, stop)
        self.require(distance, S.Zero, size, axis)
        self.require(low, S.Zero, size, axis)
        self.require(high, S.Zero, size, axis)

    # ---- labels -----------------------------------------------------------------------------------

    def selected(self, item: Node, axis: int) -> _Part:
        """The entries with given labels, one or an array of them."""
        if isinstance(item, Binary) and item.operator in COMPARISONS:
            raise NotationError(
                "entries are not selected by a condition: their number would depend on the data", item.span,
                expected="an integer, a slice or an array of integers",
                hint="entries that do not count are made 0 with where(x > 0, x, 0)",
            )  # fmt: skip
        tensor = labels(self.context, item)
        self.require(tensor.body, S.Zero, self.operand.shape[axis] - 1, axis, tensor.shape)
        return _Labels(tensor) if tensor.rank else _Place(tensor.body)

    # ---- what the arrays must fulfil ------------------------------------------------------------------

    def require(self, value: Expr, low: Expr, high: Expr, axis: int, shape: Sequence[Expr] = ()) -> None:
        """Notes that ``low <= value <= high`` is needed, unless the ranges of indices say so."""
        self.context.work.require(value, low, high, f"axis {axis} of {self.operand.text}", tuple(shape))


def _is_length(item: Node, known: Container[str]) -> bool:
    """Whether a subscript is made of numbers and names of lengths and letters alone, so that it is no array."""
    arrays = (part for part in walk(item) if isinstance(part, Name) and part.name not in known)
    calls = (part for part in walk(item) if isinstance(part, Call) and part.function not in {"min", "minimum"})
    return next(arrays, None) is None and next(calls, None) is None


def _is_negative(value: Expr) -> bool:
    """Whether an index counts from the end: negative, or written as ``-k``."""
    return bool(value.is_negative or (value.is_negative is None and value.could_extract_minus_sign()))

# ---- labels ---------------------------------------------------------------------------------------


def labels(context: Context, item: Node) -> Tensor:
    """An expression made of integers: inputs declared so, index letters, lengths, their sums and products.

    Raises:
        NotationError: something in it is not an integer for certain.
        UnsupportedError: it is computed in another way.
    """
    tensor = context.lower(item)
    body = _written_out(context, tensor.body)
    for part in sp.preorder_traversal(body):
        _refuse_broken(context, part, tensor)
    return Tensor(tensor.shape, body, item)


def _written_out(context: Context, body: Expr) -> Expr:
    """Labels with the pointwise definitions they come from written in."""
    found = {ref: context.work.definitions.get(ref.name) for ref in body.atoms(Ref)}
    bodies = {ref: item.at(ref.indices) for ref, item in found.items() if item is not None and not item.reduce}
    return _written_out(context, body.xreplace(bodies)) if bodies else body


def _refuse_broken(context: Context, part: Expr, tensor: Tensor) -> None:
    """Refuse what is not an integer for certain."""
    if isinstance(part, Ref):
        item = context.values.get(part.name)
        if not isinstance(item, Input) or not item.domain.integer:
            shown = f"{part.name}: count[..]" if isinstance(item, Input) else "y: count[n]"
            raise NotationError(
                f"{part.name if isinstance(item, Input) else tensor.text} is a subscript and not made of integers",
                tensor.span, expected="an integer, a slice, or labels, which are declared as integers",
                found=str(item.domain) if isinstance(item, Input) else "a computed value",
                hint=f"over an index: sum_{part.name} .." if is_letter(part.name) else f"labels are declared {shown}",
            )  # fmt: skip
    elif not isinstance(part, Integer | Index | Dim | Add | Mul | sp.Symbol | sp.Mod | floor) and not (
        isinstance(part, Pow) and part.exp.is_Integer and part.exp > 0
    ):
        raise UnsupportedError(
            "labels are computed by sums and products only", tensor.span,
            expected="integer inputs, index letters and lengths, added, subtracted and multiplied",
        )  # fmt: skip
