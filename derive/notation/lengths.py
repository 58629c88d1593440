"""Arguments that are not tensors: lengths, axes, shapes, switches and subscripts.

They are integers that are known when the formula is read: numbers and names of lengths, added,
subtracted and multiplied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Expr, Integer, Min, S

from chainrule.derive.errors import LimitError, NotationError, ShapeError
from chainrule.derive.notation.declarations import MAX_LENGTH
from chainrule.derive.notation.functions import MAX_RANK, Axes
from chainrule.derive.notation.letters import Letter, ends_of, is_inside, is_sum_of_letters, letters_in, linear
from chainrule.derive.notation.syntax import Binary, Call, Name, Negative, NewAxis, Node, Number, Slice, Tuple
from chainrule.derive.notation.tensors import Shape, Tensor, at, shape_text
from chainrule.derive.program import Dim, Index, free_index, is_unit


def length(node: Node, dims: Mapping[str, Dim]) -> Expr:
    """An integer expression of lengths, such as ``n - 1``.

    Raises:
        NotationError: the node is something else.
    """
    if isinstance(node, Number) and node.value.is_Integer:
        if node.value > MAX_LENGTH:
            raise LimitError(f"the length {node.value} is above the limit {MAX_LENGTH}", node.span)
        return node.value
    if isinstance(node, Name) and node.name in dims:
        return dims[node.name]
    if isinstance(node, Negative):
        return -length(node.operand, dims)
    if isinstance(node, Binary) and node.operator in {"+", "-", "*"}:
        left, right = length(node.left, dims), length(node.right, dims)
        return {"+": left + right, "-": left - right, "*": left * right}[node.operator]
    if isinstance(node, Call) and node.function in {"min", "minimum"} and len(node.arguments) == 2:
        return Min(*(length(argument, dims) for argument in node.arguments))
    known = f"lengths: {', '.join(sorted(dims))}" if dims else "no declaration has a named length"
    raise NotationError(
        "this is not an integer that is known when the formula is read", node.span,
        expected="an integer, the name of a length, or a sum of these such as n - 1", hint=known,
    )  # fmt: skip


def shape(nodes: tuple[Node, ...], dims: Mapping[str, Dim]) -> Shape:
    """The shape that ``ones(n)``, ``ones((n, p))`` or ``ones(n, p)`` names."""
    if len(nodes) == 1 and isinstance(nodes[0], Tuple):
        nodes = nodes[0].items
    if len(nodes) > MAX_RANK:
        raise LimitError(f"a tensor has at most {MAX_RANK} axes", nodes[MAX_RANK].span)
    return tuple(side(node, dims) for node in nodes)


def side(node: Node, dims: Mapping[str, Dim]) -> Expr:
    """The length of an axis, which is positive."""
    value = length(node, dims)
    if value.is_nonpositive:
        raise NotationError("an axis has a positive length", node.span, found=str(value))
    return value


def axes(node: Node, several: bool) -> Axes:
    """``axis=``: an integer, a tuple of integers, or ``None``."""
    if several and isinstance(node, Name) and node.name == "None":
        return Axes(None, node.span)
    items = node.items if several and isinstance(node, Tuple) else (node,)
    return Axes(tuple(_integer(item) for item in items), node.span)


def _integer(node: Node) -> int:
    sign, inner = (-1, node.operand) if isinstance(node, Negative) else (1, node)
    if isinstance(inner, Number) and inner.value.is_Integer and inner.value < 100:
        return sign * int(inner.value)
    raise NotationError(
        "an axis is an integer", node.span, expected="an integer such as 0 or -1",
        hint="the larger of two values is maximum(a, b), the smaller is minimum(a, b)",
    )  # fmt: skip


def switch(node: Node) -> bool:
    """``True`` or ``False``."""
    if isinstance(node, Name) and node.name in {"True", "False"}:
        return node.name == "True"
    raise NotationError("a switch is True or False", node.span, expected="True or False")


# ---- subscripts -----------------------------------------------------------------------------------


@dataclass
class Subscripting:
    """Applies the items of ``operand[items]`` one by one.

    Attributes:
        operand: what is subscripted.
        dims: the named lengths.
        letters: the open index letters.
        ranges: the lengths of those letters, as far as they are known; filled here.
        paper: whether the subscript is written as on paper, where numbers count like the letters.
    """

    operand: Tensor
    dims: Mapping[str, Dim]
    letters: Mapping[str, Letter]
    ranges: dict[Index, Expr]
    paper: bool = False

    def result(self, items: tuple[Node, ...], node: Node) -> Tensor:
        """The subscripted tensor.

        Raises:
            ShapeError: too many subscripts, or one outside the axis.
        """
        given = sum(not isinstance(item, NewAxis) for item in items)
        if given > self.operand.rank:
            raise ShapeError(
                f"{self.operand.text} has {self.operand.rank} axes and {given} subscripts", node.span,
                expected=f"at most {self.operand.rank} subscripts", found=f"shape {shape_text(self.operand.shape)}",
            )  # fmt: skip
        every = (*items, *[Slice()] * (self.operand.rank - given))
        base = self.base(items) if self.paper else 0
        lengths: list[Expr] = []
        places: list[Expr] = []
        for item in every:
            if isinstance(item, NewAxis):
                lengths.append(S.One)
                continue
            axis = len(places)
            if isinstance(item, Slice):
                start, size = self.sliced(item, axis)
                places.append(free_index(len(lengths)) + start)
                lengths.append(size)
            else:
                places.append(self.place(item, axis, base))
        if len(lengths) > MAX_RANK:
            raise LimitError(f"a tensor has at most {MAX_RANK} axes", node.span)
        return Tensor(tuple(lengths), at(self.operand, places), node)

    def base(self, items: tuple[Node, ...]) -> int:
        """From where numbers count in a subscript on paper: as the letters beside them do."""
        found = {self.letters[name].base for item in items for name in letters_in(item, self.letters)}
        return min(found, default=1)

    def place(self, item: Node, axis: int, base: int = 0) -> Expr:
        """One index of an axis; ``base`` is the subscript of the first entry where numbers are written."""
        size = self.operand.shape[axis]
        if is_sum_of_letters(item) and letters_in(item, self.letters):
            return self.lettered(item, axis)
        value = length(item, self.dims) - base
        place = value + size if _is_negative(value) and not self.paper else value
        if (size - place).is_nonpositive or place.is_negative:
            raise ShapeError(
                f"the index {value + base} is outside axis {axis} of {self.operand.text}, which has length {size}",
                item.span, expected=f"an index from {base} to {size - 1 + base}", found=str(value + base),
            )  # fmt: skip
        return place

    def lettered(self, item: Node, axis: int) -> Expr:
        """A subscript that holds index letters."""
        size = self.operand.shape[axis]
        coefficients, number = linear(item, self.letters, self.dims)
        letters = {self.letters[name]: factor for name, factor in coefficients.items()}
        if isinstance(item, Name):
            (letter,) = letters
            if self.ranges.get(letter.index) is None or is_unit(size) or letter.length is None:
                return self.whole(letter.index, item, axis)
        bases = {letter.base for letter in letters}
        if len(bases) > 1:
            raise NotationError(
                "the letters of this subscript count from different numbers", item.span,
                expected="ranges that all start at 0 or all at 1 or more",
            )  # fmt: skip
        low, high = ends_of(letters, number - max(bases))
        if not (is_inside(low) and is_inside(size - 1 - high)):
            raise ShapeError(
                f"this subscript leaves axis {axis} of {self.operand.text}, which has length {size}", item.span,
                expected=f"places from {max(bases)} to {size - 1 + max(bases)}",
                found=f"{low + max(bases)} to {high + max(bases)}",
            )  # fmt: skip
        return sum((letter.value * factor for letter, factor in letters.items()), number - max(bases)).expand()

    def whole(self, index: Index, item: Node, axis: int) -> Expr:
        """An index letter that runs over a whole axis."""
        size = self.operand.shape[axis]
        known = self.ranges.get(index)
        if known is None or is_unit(known):
            self.ranges[index] = size
        elif is_unit(size):
            return S.Zero
        elif known != size:
            raise ShapeError(
                f"the index {item.span.excerpt if item.span else ''} runs over axes of different lengths", item.span,
                expected=f"length {known}", found=f"axis {axis} of {self.operand.text} has length {size}",
            )  # fmt: skip
        return index

    def sliced(self, item: Slice, axis: int) -> tuple[Expr, Expr]:
        """First index and length of a slice."""
        size = self.operand.shape[axis]
        start = S.Zero if item.start is None else self.bound(item.start, size)
        stop = size if item.stop is None else self.bound(item.stop, size)
        count = stop - start
        if count.is_nonpositive:
            raise ShapeError(
                f"this slice of axis {axis} of {self.operand.text} is empty", item.span, expected="start before stop",
                found=f"{start}:{stop} of length {size}",
            )  # fmt: skip
        return start, count

    def bound(self, node: Node, size: Expr) -> Expr:
        """A bound of a slice counted from the front, cut to the axis where that is known."""
        value = length(node, self.dims)
        place = value + size if _is_negative(value) else value
        if place.is_negative:
            return S.Zero
        return size if isinstance(size, Integer) and (place - size).is_positive else place


def _is_negative(value: Expr) -> bool:
    """Whether an index counts from the end: negative, or written as ``-k``."""
    return bool(value.is_negative or (value.is_negative is None and value.could_extract_minus_sign()))


