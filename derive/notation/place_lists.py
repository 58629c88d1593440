"""Lists in square brackets: arrays ``[[1, 0], [0, a]]``, and subscripts that are lists of numbers.

The entries ``x[[0, 2]]`` are taken one by one and put together along an axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chainrule.derive.errors import NotationError, ShapeError, UnsupportedError
from chainrule.derive.notation.functions import Axes
from chainrule.derive.notation.structure import lower_stack
from chainrule.derive.notation.subscripts import Context, subscripted
from chainrule.derive.notation.syntax import Call, Dots, Negative, NewAxis, Node, Number, Slice, Subscript, Tuple
from chainrule.derive.notation.tensors import Tensor


def as_stack(node: Tuple) -> Call:
    """An array as its entries or rows put together.

    Raises:
        NotationError: it is a single list in two brackets, of which one may only group.
    """
    written = "".join(node.span.excerpt.split()) if node.span else ""
    if written.startswith("[[") and not (node.items[0].span and node.items[0].span.excerpt.startswith("[")):
        raise NotationError(
            "these brackets can be read in two ways", node.span, expected="a vector [a, b], or a matrix with one row",
            hint="a single row is stack([a, b])[None, :]; brackets around one expression group it",
        )  # fmt: skip
    return Call("stack", (replace(node, square=False, span=None),), span=node.span)


def selected(context: Context, operand: Tensor, node: Subscript) -> Tensor:
    """The tensor ``operand[items]``.

    Several lists are read side by side, as NumPy does: ``X[[0, 1], [2, 3]]`` are two entries.

    Raises:
        ShapeError: lists differ in length, or as in :func:`subscripted`.
        UnsupportedError: there are arrays of labels beside lists.
    """
    items = _spelled_out(node.items, operand.rank)
    lists = {place: listed for place, item in enumerate(items) if (listed := _numbers(item))}
    if not lists:
        return subscripted(context, operand, node)
    count = _count(lists, items)
    kept = [place for place, item in enumerate(items) if isinstance(item, Slice | NewAxis)]
    for place, item in enumerate(items):
        if place not in lists and place not in kept and not _is_number(item):
            raise UnsupportedError(
                "lists of places stand beside numbers and slices only", item.span,
                hint="take the parts one after the other",
            )  # fmt: skip
    parts = []
    for turn in range(count):
        now = {place: numbers[turn % len(numbers)] for place, numbers in lists.items()}
        one = tuple(now.get(place, item) for place, item in enumerate(items))
        parts.append(subscripted(context, operand, replace(node, items=one)))
    return lower_stack(context.work, node, parts, Axes((_axis(items, kept),), node.span))


def _count(lists: Mapping[int, Sequence[Node]], items: Sequence[Node]) -> int:
    """The length of all lists."""
    count = max(map(len, lists.values()))
    for place, numbers in lists.items():
        if len(numbers) not in (1, count):
            raise ShapeError(
                "lists of places are read side by side and have one length", items[place].span,
                expected=f"{count} numbers", found=f"{len(numbers)} numbers",
            )  # fmt: skip
    return count


def _axis(items: Sequence[Node], kept: Sequence[int]) -> int:
    """Where the new axis stands: at the lists and numbers, or first if slices part them."""
    taken = [place for place in range(len(items)) if place not in kept]
    together = taken == list(range(taken[0], taken[-1] + 1))
    return sum(place < taken[0] for place in kept) if together else 0


def _spelled_out(items: Sequence[Node], rank: int) -> list[Node]:
    """The items with ``...`` as slices of whole axes."""
    missing = rank - sum(not isinstance(item, NewAxis | Dots) for item in items)
    return [part for item in items for part in ([Slice()] * missing if isinstance(item, Dots) else [item])]


def _numbers(item: Node) -> tuple[Node, ...]:
    """The numbers of a list; one number in brackets has only its place to show for them."""
    if isinstance(item, Tuple):
        return item.items if all(map(_is_number, item.items)) else ()
    bracketed = item.span is not None and item.span.excerpt.startswith("[")
    return (item,) if bracketed and _is_number(item) else ()


def _is_number(item: Node) -> bool:
    inner = item.operand if isinstance(item, Negative) else item
    return isinstance(inner, Number) and inner.value.is_Integer
