"""Sums of products in matrix notation: which products, transposes, traces and sums to write.

The factors of a sum of products are grouped by the indices they run over: groups over two
indices are edges, groups over one index sit on a vertex.  Bound indices are eliminated one after
the other: a vertex at the end of one edge by a matrix-vector product or a sum along an axis, a
vertex between two edges by a matrix product with ``diag`` of what sits on it.  Edges that come to
lie side by side are multiplied entry by entry.  What cannot be eliminated becomes an ``einsum``.
Where the order of elimination makes a difference (scalars and cycles) several are tried, and the
cheapest text wins.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import sympy as sp
from sympy import Expr

from chainrule.derive.forms.layout import (
    Layout,
    NoMatrixForm,
    attempt,
    call,
    chain,
    cheapest,
    cost,
    divided,
    einsum,
    indices_in,
    matmul,
    number,
)
from chainrule.derive.forms.parts import Group, Groups, Part, Speller, grouped, reduced, square_root
from chainrule.derive.notation.syntax import Binary, Node, Transpose, walk
from chainrule.derive.program import Index

#: Argument cost up to which a sum of squares is written ``norm(x)**2``.
SHORT = 20


def total(speller: Speller, group: Group, bound: Mapping[Index, Expr], averaged: bool) -> Part:
    """The sum of a group over ``bound``, with dots and norms where it is a scalar."""
    body = group.part()

    def direct(layout: Layout) -> Node:
        found = [attempt(lambda inner: reduced(speller, "sum", body, bound, inner), layout)]
        if body.indices == set(bound) and not layout:
            norm = _norm(speller, group, tuple(bound), averaged)
            if norm is not None:
                return norm
            traces = _traces(speller, group, tuple(bound))
            others = [*found, _dot(speller, group, tuple(bound), averaged)]
            found = traces if traces and speller.order.traces else [*others, *traces]
        best = cheapest(found)
        if best is None:
            raise NoMatrixForm
        return best

    return Part(body.indices - set(bound), direct)


def _dot(speller: Speller, group: Group, bound: tuple[Index, ...], averaged: bool) -> Node | None:
    """``u @ v``, or ``u @ A @ v`` where a part is itself a matrix-vector product."""
    if len(bound) != 1 or group.lower or len(group.upper) < 2:
        return None
    parts = sorted(group.upper, key=lambda part: _place(speller, part))
    if parts[-1].expr is not None and (averaged or len(parts) > 2 or _has_log(group)):
        return None
    right, left = parts[-1], Group(parts[:-1]).part()
    first, second = attempt(left.write, bound), attempt(right.write, bound)
    if first is None or second is None:
        return None
    chained = isinstance(first, Binary) and first.operator == "@"
    return Binary("@", first, second) if chained else matmul(first, second)


def _place(speller: Speller, part: Part) -> tuple[bool, int]:
    """Where a factor stands in an inner product: results of elimination last, others as they are written."""
    return part.expr is None, 0 if part.expr is None else speller.order.first_factor(part.expr)


def _has_log(group: Group) -> bool:
    return any(part.expr is not None and part.expr.has(sp.log) and not part.expr.is_Add for part in group.upper)


def _norm(speller: Speller, group: Group, bound: tuple[Index, ...], averaged: bool) -> Node | None:
    """``norm(x)**2`` for a sum of squares."""
    root = square_root(group)
    if root is None or averaged or not speller.readable or len(bound) > 2:
        return None
    node = cheapest(attempt(lambda o: speller.spell(root, o), order) for order in itertools.permutations(bound))
    return None if node is None or cost(node) > SHORT else Binary("**", call("norm", node), number(2))


def _traces(speller: Speller, group: Group, bound: tuple[Index, ...]) -> list[Node | None]:
    """``trace(A @ B)`` for a sum over two indices of a product of two parts."""
    if len(bound) != 2 or group.lower or len(group.upper) != 2 or not speller.readable:
        return []
    found: list[Node | None] = []
    for first, second in itertools.permutations(group.upper):
        for i, j in itertools.permutations(bound):
            left, right = attempt(first.write, (i, j)), attempt(second.write, (j, i))
            if left is not None and right is not None and _are_matrices(speller, left, right):
                found.append(call("trace", matmul(left, right)))
    return found


def _are_matrices(speller: Speller, *nodes: Node) -> bool:
    """Whether these are products of matrices, or the text writes traces; ``A*B`` has no transposes inside sums."""
    return speller.order.traces or not any(
        isinstance(part, Binary) and part.operator != "@" and any(isinstance(inner, Transpose) for inner in walk(part))
        for node in nodes for part in walk(node)
    )  # fmt: skip


# ---- elimination ----------------------------------------------------------------------------------


def eliminated(speller: Speller, groups: Groups, bound: Mapping[Index, Expr], averaged: bool) -> list[Group]:
    """What is left of a connected component once its bound indices are summed, in their order if possible."""
    groups = {indices: Group([*group.upper], [*group.lower]) for indices, group in groups.items()}
    waiting = dict(bound)
    while waiting:
        if len(groups) == 1:
            (group,) = groups.values()
            return [Group([total(speller, group, waiting, averaged)])]
        index = _next(groups, waiting)
        if index is None:
            return [Group([_einsum(groups, waiting)])]
        del waiting[index]
        part = _without(speller, groups, index)
        groups.setdefault(part.indices, Group()).upper.append(part)
    return list(groups.values())


def _next(groups: Groups, waiting: Mapping[Index, Expr]) -> Index | None:
    """The next index to eliminate: the end of an edge first, then one between two edges."""
    several = len(waiting) > 1 and waiting.keys() == frozenset().union(*groups)
    candidates = list(waiting)[: -1 if several else None]
    for edges in (1, 2):
        for index in candidates:
            around = _edges(groups, index)
            if len(around) == edges and all(len(indices) == 2 for indices in around):
                return index
    return None


def _edges(groups: Groups, index: Index) -> list[frozenset[Index]]:
    return [indices for indices in groups if index in indices and len(indices) > 1]


def _without(speller: Speller, groups: Groups, index: Index) -> Part:
    """The sum over one index; takes the groups that it joins out of ``groups``."""
    edges = _edges(groups, index)
    vertex = groups.pop(frozenset([index]), None)
    taken = [groups.pop(edge) for edge in edges]
    if len(edges) == 1:
        return _matrix_vector(speller, index, taken[0], vertex)
    first, second = taken
    if vertex is not None and not vertex.upper and not _alike(index, edges, taken):
        # A @ (B / s[:, None]) reads better than A @ diag(1 / s) @ B, but not than A.T @ diag(1 / s) @ A.
        scaled = {edges[1]: second, frozenset([index]): vertex}
        second, vertex = Group([Part(edges[1], partial(combined, speller, scaled))]), None
    weight = vertex.part() if vertex else None
    if weight is not None and speller.readable:
        for edge, other in ((edges[1], first), (edges[0], second)):
            end, group = edge - {index}, first if other is second else second
            # X.T @ (outer(r, w) * S) reads better than X.T @ diag(r) @ S * w.
            if end in groups and not group.plain():
                joined = grouped([group.part(), weight, groups.pop(end).part()])
                outer = Part(edge, partial(combined, speller, joined))
                return _matrix_matrix(speller, index, other.part(), None, outer)
    return _matrix_matrix(speller, index, first.part(), weight, second.part())


def _alike(index: Index, edges: Sequence[frozenset[Index]], groups: Sequence[Group]) -> bool:
    """Whether one array stands on both sides of an index."""
    places = ((index, *(edge - {index})) for edge in edges)
    first, second = (attempt(group.part().write, place) for group, place in zip(groups, places, strict=True))
    return first is not None and first == second


def _matrix_vector(speller: Speller, index: Index, edge: Group, vertex: Group | None) -> Part:
    matrix = edge.part()
    free = matrix.indices - {index}
    if vertex is None:
        return total(speller, edge, {index: speller.lengths[index]}, averaged=False)
    vector = vertex.part()

    def direct(layout: Layout) -> Node:
        if len(layout) == 2 and layout[0] is None:
            return Binary("@", vector.write((None, index)), matrix.write((index, layout[1])))
        (end,) = indices_in(layout)
        return _product(speller, matrix.write((end, index)), vector.write((index, *layout[1:])))

    return Part(free, direct)


def _product(speller: Speller, matrix: Node, vector: Node) -> Node:
    # Flat chains read better; nested ones multiply vectors first.
    return matmul(matrix, vector) if speller.readable else Binary("@", matrix, vector)


def _matrix_matrix(speller: Speller, index: Index, first: Part, weight: Part | None, second: Part) -> Part:
    def direct(layout: Layout) -> Node:
        if None in layout:
            raise NoMatrixForm
        start, end = layout
        left, right = (first, second) if start in first.indices else (second, first)
        head, tail = left.write((start, index)), right.write((index, end))
        if weight is None:
            return matmul(head, tail)
        if speller.readable:
            return matmul(matmul(head, call("diag", weight.write((index,)))), tail)
        return Binary("@", Binary("*", head, weight.write((index,))), tail)

    return Part((first.indices | second.indices) - {index}, direct)


def _einsum(groups: Groups, bound: Mapping[Index, Expr]) -> Part:
    parts = [part for group in groups.values() for part in group.upper]
    if any(group.lower for group in groups.values()):
        parts = [group.part() for group in groups.values()]
    free = frozenset().union(*(part.indices for part in parts)) - set(bound)

    def direct(layout: Layout) -> Node:
        if None in layout:
            raise NoMatrixForm
        out = indices_in(layout)
        operands = [_natural(part) for part in parts]
        operands.sort(key=lambda pair: min((out.index(axis) for axis in pair[0] if axis in out), default=len(out)))
        return einsum(operands, out)

    return Part(free, direct)


def _natural(part: Part) -> tuple[Layout, Node]:
    """A part in the layout in which it is cheapest."""
    found: list[tuple[Layout, Node]] = []
    for layout in itertools.permutations(sorted(part.indices, key=str)):
        node = attempt(part.write, layout)
        if node is not None:
            found.append((layout, node))
    if not found:
        raise NoMatrixForm
    return min(found, key=lambda pair: cost(pair[1]))


# ---- products without sums --------------------------------------------------------------------------


def combined(speller: Speller, groups: Groups, layout: Layout) -> Node:
    """The product of groups over free indices, in a layout of all of them."""
    if len(groups) == 1:
        return next(iter(groups.values())).part().write(layout)
    found = [attempt(partial(_broadcast, groups), layout), attempt(partial(_broadcast, _whole(groups, layout)), layout)]
    if len(layout) == 2 and None not in layout:
        found += _with_diagonals(speller, groups, layout)
    if len(layout) > 2 and not any(group.lower for group in groups.values()):
        found.append(attempt(_einsum(groups, {}).write, layout))
    best = cheapest(found)
    if best is None:
        raise NoMatrixForm
    return best


def _whole(groups: Groups, layout: Layout) -> Groups:
    """The groups with quotients that need new axes as one part: ``(u / v)[:, None]``."""
    return {
        indices: Group([group.part()]) if group.upper and None in operand_layout(indices, layout) else group
        for indices, group in groups.items()
    }


def _broadcast(groups: Groups, layout: Layout) -> Node:
    """Everything multiplied as NumPy broadcasts it, largest first."""
    order = sorted(groups, key=lambda indices: -len(indices))
    upper = [part.write(operand_layout(indices, layout)) for indices in order for part in groups[indices].upper]
    lower = [part.write(operand_layout(indices, layout)) for indices in order for part in groups[indices].lower]
    return divided(upper, lower)


def operand_layout(indices: frozenset[Index], layout: Layout) -> Layout:
    """The layout of an operand that broadcasts to ``layout``: gaps where it has no index."""
    if layout and layout[0] is None:
        return layout if set(indices_in(layout)) == indices else _gaps(indices, layout) if indices else ()
    place = _gaps(indices, layout)
    while place and place[0] is None:
        place = place[1:]
    return place


def _gaps(indices: frozenset[Index], layout: Layout) -> Layout:
    return tuple(axis if axis in indices else None for axis in layout)


def _with_diagonals(speller: Speller, groups: Groups, layout: Layout) -> list[Node | None]:
    """``outer(u, v)``, ``outer(u, v) * A``, ``diag(u) @ A``."""
    row, column = (frozenset([axis]) for axis in indices_in(layout))
    both = groups.get(row | column)
    u, v = groups.get(row), groups.get(column)
    if u is not None and v is not None:
        outer = _outer(u, v, layout)
        rest = None if both is None else attempt(both.part().write, layout)
        return [outer if both is None or outer is None else None if rest is None else Binary("*", outer, rest)]
    vector = u or v
    if both is None or vector is None or vector.lower or not speller.readable:
        return []
    matrix, node = attempt(both.part().write, layout), attempt(vector.part().write, layout[:1] if u else layout[1:])
    if matrix is None or node is None:
        return []
    diagonal = call("diag", node)
    return [matmul(diagonal, matrix) if u else None, matmul(matrix, diagonal) if v else None]


def _outer(u: Group, v: Group, layout: Layout) -> Node | None:
    left, right = attempt(u.part().write, layout[:1]), attempt(v.part().write, layout[1:])
    return None if left is None or right is None else call("outer", left, right)


def cycle_traces(speller: Speller, groups: Groups, bound: Mapping[Index, Expr]) -> Iterator[Node]:
    """``trace(A @ B @ C)`` where the component is a bare cycle of at least three edges."""
    if not speller.readable or len(bound) < 3 or any(len(indices) != 2 for indices in groups):
        return
    if any(len(_edges(groups, index)) != 2 for index in bound) or len(groups) != len(bound):
        return
    for start in sorted(bound, key=lambda index: min(_first_name(speller, groups[e]) for e in _edges(groups, index))):
        first, second = _edges(groups, start)
        for edges in sorted(((first, second), (second, first)), key=lambda e: _first_name(speller, groups[e[0]])):
            node = _walk(groups, start, edges)
            if node is not None:
                yield call("trace", node)


def _first_name(speller: Speller, group: Group) -> int:
    return min(speller.order.first_factor(part.expr) for part in group.upper + group.lower if part.expr is not None)


def _walk(groups: Groups, start: Index, ends: tuple[frozenset[Index], frozenset[Index]]) -> Node | None:
    edge, here, nodes = ends[0], start, []
    while True:
        (there,) = edge - {here}
        nodes.append(attempt(groups[edge].part().write, (here, there)))
        if there == start:
            break
        here = there
        edge = next(other for other in _edges(groups, here) if other != edge)
    found = [node for node in nodes if node is not None]
    return chain("@", found) if len(found) == len(nodes) else None
