"""Entries of arrays in matrix notation: names, subscripts, slices, diagonals, unit matrices.

An array has a natural layout, its own axes in their order; it is brought into the one that is
wanted by transposing, by subscripts, or by ``einsum``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sympy import Expr, KroneckerDelta

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.forms.arrange import names_in
from chainrule.derive.forms.bound_terms import MatrixEntry, indices_of
from chainrule.derive.forms.layout import (
    Layout,
    NoMatrixForm,
    attempt,
    call,
    cheapest,
    einsum,
    indices_in,
    number,
    transposed,
)
from chainrule.derive.forms.parts import Speller
from chainrule.derive.forms.symmetry import Symmetry
from chainrule.derive.notation.syntax import Call, Name, Node, Slice, Subscript, Text, Transpose
from chainrule.derive.program import Index, Program, Ref, is_unit


class EntrySpeller(Speller, Protocol):
    """What entries need of the writer of elementwise expressions."""

    program: Program
    symmetry: Symmetry

    def fresh(self, length: Expr) -> Index:
        """A new index of this length."""
        ...

    def whole(self, body: Expr, layout: Layout) -> Node:
        """An expression in exactly this layout, whether or not it has all its indices."""
        ...


def entry(speller: EntrySpeller, ref: Ref, layout: Layout) -> Node:
    """A named array: subscripts for fixed entries and parts, ``diag`` for a repeated index."""
    shape = speller.program.by_name[ref.name].shape
    return _read(speller, Name(ref.name), (ref.indices, shape), layout, lambda: speller.symmetry.of_item(ref.name))


def matrix_value(speller: EntrySpeller, expr: MatrixEntry, layout: Layout) -> Node:
    """An entry of a function of a matrix, ``inv(A)`` being an array like any other."""
    names = {index: speller.fresh(length) for index, length in expr.limits.items()}
    axes = tuple(names.values())
    body = expr.body.xreplace(names)
    if indices_of(body) - set(axes):
        raise NoMatrixForm
    function = MATRIX_FUNCTION_BY_NAME[expr.kind]
    shape = function.shape(*expr.limits.values())

    def read(places: Layout, at: tuple[Expr, ...], shape: tuple[Expr, ...]) -> Node:
        node = call(expr.kind, speller.whole(body, places))
        return _read(speller, node, (at, shape), layout, lambda: speller.symmetry.of_value(expr))

    found = [attempt(lambda places: read(places, expr.at, shape), axes)]
    if function.transpose == "commutes":
        found.append(attempt(lambda places: read(places, expr.at[::-1], shape[::-1]), axes[::-1]))
        # inv(A + B).T, not inv((A + B).T).
        found = [node for node in found if not _takes_transpose(node)]
    best = cheapest(found)
    if best is None:
        raise NoMatrixForm
    return best


def untransposed(expr: MatrixEntry, node: Node | None) -> tuple[Node | None, tuple[Expr, ...]]:
    """``inv(A)`` at ``[j, i]`` for ``inv(A.T)`` at ``[i, j]``: the function of a matrix, and where it is read."""
    if MATRIX_FUNCTION_BY_NAME[expr.kind].transpose == "commutes" and isinstance(node, Call):
        match node.arguments[0]:
            case Transpose(operand):
                return call(expr.kind, operand), expr.at[::-1]
    return node, expr.at


def _takes_transpose(node: Node | None) -> bool:
    """Whether a function is called with the transpose of something."""
    return isinstance(node, Call) and isinstance(node.arguments[0], Transpose)


def _read(
    speller: EntrySpeller,
    node: Node,
    place: tuple[tuple[Expr, ...], tuple[Expr, ...]],
    layout: Layout,
    symmetric: Callable[[], bool],
) -> Node:
    """An array read at a ``place``, its indices and its shape, brought into the layout."""
    natural, items = _natural_axes(speller, *place)
    while items and items[-1] == Slice():
        items.pop()
    if len(natural) == 2 and natural == layout[::-1] and not items and speller.ordered and symmetric():
        return node
    if items:
        node = Subscript(node, tuple(items))
    if len(set(indices_in(natural))) < len(indices_in(natural)):
        node, natural = _diagonal_of(node, natural)
    return _rearranged(node, natural, layout)


def _natural_axes(
    speller: EntrySpeller, indices: tuple[Expr, ...], shape: tuple[Expr, ...]
) -> tuple[Layout, list[Node]]:
    natural: list[Index | None] = []
    items: list[Node] = []
    labelled = _labelled(speller, indices, shape)
    for place, (index, length) in enumerate(zip(indices, shape, strict=True)):
        if place in labelled:
            own = next(iter(indices_of(index)))
            natural += [] if own in natural else [own]
            items.append(labelled[place])
            continue
        part = _part_of_axis(speller, index, length)
        if part is None:
            natural.append(next(iter(indices_of(index)), None))
            items.append(Slice())
        elif isinstance(part, Slice):
            natural.append(next(iter(indices_of(index))))
            items.append(part)
        else:
            items.append(part)
    return tuple(natural), items


def _labelled(
    speller: EntrySpeller, indices: tuple[Expr, ...], shape: tuple[Expr, ...]
) -> dict[int, Node]:
    """Items by axis for labels that pick entries: ``E[y]``, also one in each row, ``P[arange(n), y]``."""
    labels = [place for place, index in enumerate(indices) if isinstance(index, Ref)]
    if len(labels) != 1 or not speller.readable or len(indices_of(indices[labels[0]])) != 1:
        return {}
    (place,) = labels
    own = next(iter(indices_of(indices[place])))
    rows = [axis for axis, index in enumerate(indices) if index == own and shape[axis] == speller.lengths[own]]
    if any(own in indices_of(index) for axis, index in enumerate(indices) if axis not in (place, *rows)):
        return {}
    if rows and rows != [place - 1]:
        return {}
    found = {place: speller.spell(indices[place], (own,))}
    return found | {row: call("arange", speller.spell(shape[row], ())) for row in rows}


def _part_of_axis(speller: EntrySpeller, index: Expr, length: Expr) -> Node | None:
    """``None`` for a whole axis, else an entry or a slice of it."""
    if index.is_Integer:
        return None if is_unit(length) and index == 0 else number(index)
    inner = indices_of(index)
    if not inner and not names_in(index):
        return speller.spell(index, ())
    if len(inner) != 1:
        raise NoMatrixForm
    (moving,) = inner
    count = speller.lengths[moving]
    if index == moving and count == length:
        return None
    start = index - moving
    room = length - count - start
    if start == 0 and room == 0:
        return None
    if not (start.is_nonnegative and room.is_nonnegative and not start.atoms(Index)):
        raise NoMatrixForm
    stop = None if room == 0 else speller.spell(start + count, ())
    return Slice(None if start == 0 else speller.spell(start, ()), stop)


def _diagonal_of(node: Node, natural: Layout) -> tuple[Node, Layout]:
    if len(natural) == 2:
        return call("diag", node), natural[:1]
    if None in natural:
        raise NoMatrixForm
    axes = tuple(dict.fromkeys(natural))
    letters = dict(zip(axes, "ijklmpqr", strict=False))
    text = "".join(letters[axis] for axis in natural) + "->" + "".join(letters[axis] for axis in axes)
    return call("einsum", Text(text), node), axes


def _rearranged(node: Node, natural: Layout, layout: Layout) -> Node:
    """A node in its natural layout brought into another one by dropping or transposing axes."""
    if natural == layout:
        return node
    if natural == layout[::-1]:
        return transposed(node)
    if None in natural:
        items = tuple(number(0) if axis is None else Slice() for axis in natural)
        while items and items[-1] == Slice():
            items = items[:-1]
        return _rearranged(_subscript(node, items), indices_in(natural), layout)
    if None in layout or len(layout) < 3:
        raise NoMatrixForm
    return einsum([(natural, node)], indices_in(layout))


def _subscript(node: Node, items: tuple[Node, ...]) -> Node:
    """A subscript, merged with one that is already there."""
    if not isinstance(node, Subscript):
        return Subscript(node, items)
    waiting = list(items)
    merged = [(waiting.pop(0) if waiting else part) if isinstance(part, Slice) else part for part in node.items]
    if any(isinstance(part, Slice) and part != Slice() for part in node.items):
        return Subscript(node, items)
    return Subscript(node.operand, (*merged, *waiting))


def delta(speller: EntrySpeller, expr: KroneckerDelta, layout: Layout) -> Node:
    """An entry, a column or the whole of the unit matrix, or of one that has ones on another diagonal."""
    moving = [arg for arg in expr.args if isinstance(arg, Index)]
    fixed = [arg for arg in expr.args if not arg.atoms(Index)]
    if None in layout:
        raise NoMatrixForm
    if len(moving) == 1 and len(fixed) == 1:
        eye = call("eye", speller.spell(speller.lengths[moving[0]], ()))
        return Subscript(eye, (speller.spell(fixed[0], ()),))
    labels = [arg for arg in expr.args if isinstance(arg, Ref)]
    if len(moving) == 1 and labels:
        return _onehot(speller, labels[0], moving[0], layout)
    return _shifted_unit(speller, expr, layout)


def _shifted_unit(speller: EntrySpeller, expr: KroneckerDelta, layout: Layout) -> Node:
    """``eye(n, k)``, where the column is the row plus k."""
    if len(layout) != 2 or expr.atoms(Ref) or expr.atoms(Index) != set(layout):
        raise NoMatrixForm
    row, column = layout
    first, second = expr.args
    offsets = [offset for offset in (first - second - row + column, second - first - row + column) if offset.is_Integer]
    lengths = [speller.spell(speller.lengths[axis], ()) for axis in indices_in(layout)]
    if not offsets:
        raise NoMatrixForm
    keywords = {} if offsets[0] == 0 else {"k": number(offsets[0])}
    return call("eye", *(lengths[:1] if lengths[0] == lengths[1] else lengths), **keywords)


def _onehot(speller: EntrySpeller, labels: Ref, index: Index, layout: Layout) -> Node:
    """``onehot(y, k)``: 1 where the label is the index."""
    if not speller.readable or not layout or layout[-1] != index or indices_of(labels) != set(layout[:-1]):
        raise NoMatrixForm
    return call("onehot", speller.spell(labels, layout[:-1]), speller.spell(speller.lengths[index], ()))
