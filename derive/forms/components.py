"""Arrays that are written out by components: ``[a, b]`` for ``where(i < 1, a, b)``.

An axis of constant length is *told by cases* where comparisons of its index with numbers decide about
the entries, ``[i < 1]`` or ``delta(i, 0)``.  With numbers put in the place of such indices, every
comparison is decided, and what is left are the entries themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from sympy import Expr, Integer, KroneckerDelta, preorder_traversal

from chainrule.derive.forms.bound_terms import indices_of
from chainrule.derive.forms.layout import Layout, NoMatrixForm, attempt, cost, indices_in
from chainrule.derive.forms.parts import Speller
from chainrule.derive.notation.syntax import Node, Transpose, Tuple, walk
from chainrule.derive.program import Index, Ref
from chainrule.derive.scalar import Indicator, where

#: Entries, or rows, that an array may have to be written out.
MAX_ENTRIES = 16
#: What an array may be longer than another form, which needs ``concat``, ``pad`` or unit matrices: part and number.
LONGER, MORE = 1.5, 10


class ComponentSpeller(Speller, Protocol):
    """What components need of the writer of elementwise expressions."""

    def direct(self, expr: Expr, layout: Layout) -> Node:
        """An expression in a layout, without transposing the whole or putting axes into it."""
        ...


@lru_cache(maxsize=20_000)
def cased(expr: Expr) -> frozenset[Index]:
    """The indices that are compared with numbers in an expression."""
    if isinstance(expr, Indicator | KroneckerDelta):
        symbols = expr.free_symbols
        return frozenset(symbols) if len(symbols) == 1 and all(isinstance(s, Index) for s in symbols) else frozenset()
    return frozenset().union(*map(cased, expr.args))


def is_written_out(node: Node | None) -> bool:
    """Whether arrays written out by components are a part of a node, or all of it."""
    return node is not None and any(isinstance(part, Tuple) and part.square for part in walk(node))


def components(expr: Expr, lengths: Mapping[Index, Expr], axes: Sequence[Index]) -> dict[tuple[int, ...], Expr]:
    """The entries of an expression by their places on the first axes, up to the last that is told by cases.

    What is left of an expression has all the other axes.  Empty if no axis is told by cases, if those
    that are have no constant length, or one that is 1, or if there are too many entries.
    """
    found: dict[tuple[int, ...], Expr] = {(): expr}
    if not cased(expr) & set(axes):
        return {}
    for position, axis in enumerate(axes):
        rest = set(axes[position:])
        if all(indices_of(entry) >= rest and not cased(entry) & rest for entry in found.values()):
            break
        length = lengths[axis]
        if not isinstance(length, Integer) or length == 1 or len(found) * length > MAX_ENTRIES:
            return {}
        found = {
            (*place, number): entry.xreplace({axis: Integer(number)})
            for (place, entry), number in itertools.product(found.items(), range(int(length)))
        }
    return found


def written_out(speller: ComponentSpeller, expr: Expr, layout: Layout) -> Node | None:
    """``[[a, b], [c, d]]`` for an expression whose entries are told by cases, else ``None``."""
    axes = indices_in(layout)
    if len(axes) < len(layout) or not axes or list(axes) != sorted(axes, key=_order(expr)):
        return None
    entries = components(expr, speller.lengths, axes)
    if not entries:
        return None
    depth = len(next(iter(entries)))
    alike = _alike(entries, axes[0]) if depth == 1 else None
    if alike is not None:
        return attempt(lambda place: speller.spell(alike, place), axes)
    nodes = {place: attempt(lambda rest, entry=entry: speller.spell(entry, rest), axes[depth:])  # type: ignore[misc]
             for place, entry in entries.items()}  # fmt: skip
    for level in reversed(range(depth)):
        rows: dict[tuple[int, ...], list[Node]] = {}
        for place, node in nodes.items():
            if node is None:
                return None
            rows.setdefault(place[:level], []).append(node)
        nodes = {place: Tuple(tuple(row), square=True) for place, row in rows.items()}
    return nodes[()]


def _alike(entries: Mapping[tuple[int, ...], Expr], axis: Index) -> Expr | None:
    """One expression for all entries, where each reads the next ones of some arrays: ``x`` for ``[x[0], x[1]]``."""
    first, second, *_ = entries.values()
    whole = _between(first, second, axis)
    if whole is None or cased(whole) or not whole.has(axis):
        return None
    same = all(whole.xreplace({axis: Integer(number)}) == entry for (number,), entry in entries.items())
    return whole if same else None


def _between(first: Expr, second: Expr, axis: Index) -> Expr | None:
    """An expression that is the first one at 0 and the second one at 1, if they differ in subscripts only."""
    if first == second:
        return first
    if first.func != second.func or len(first.args) != len(second.args):
        return None
    if isinstance(first, Ref):
        steps = [later - sooner for sooner, later in zip(first.indices, second.indices, strict=True)]
        if first.args[0] != second.args[0] or any(step not in (0, 1) for step in steps):
            return None
        return Ref(first.args[0], *(index + step * axis for index, step in zip(first.indices, steps, strict=True)))
    args = [_between(one, two, axis) for one, two in zip(first.args, second.args, strict=True)]
    return None if None in args else first.func(*args)


def _order(expr: Expr) -> Callable[[Index], tuple[int, str, int]]:
    """The order of axes in which an array is written, another one being its transpose.

    Cases as they are nested, then the axes of what it is differentiated by.
    """
    nested = [index for node in preorder_traversal(expr) if isinstance(node, where) for index in cased(node.args[0])]
    places = {index: place for place, index in reversed(list(enumerate(nested)))}
    return lambda index: (places.get(index, len(nested)), index.name[:1], int(index.name[1:]))


def turned(node: Node) -> Node:
    """``[[a, c], [b, d]]`` for ``[[a, b], [c, d]].T``; any other node as it is."""
    if not isinstance(node, Transpose) or not isinstance(node.operand, Tuple):
        return node
    rows = [row.items for row in node.operand.items if isinstance(row, Tuple)]
    if len(rows) < len(node.operand.items):
        return node
    return Tuple(tuple(Tuple(column, square=True) for column in zip(*rows, strict=True)), square=True)


def clearer(array: Node | None, other: Node | None) -> Node:
    """The array that is written out, unless the other form is much shorter.

    Raises:
        NoMatrixForm: there is neither.
    """
    if array is None or other is None:
        found = array or other
        if found is None:
            raise NoMatrixForm
        return found
    much = cost(other) if is_written_out(other) else LONGER * cost(other) + MORE
    return array if cost(array) <= much else other
