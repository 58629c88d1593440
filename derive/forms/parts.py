"""Parts and groups: the factors of a product, and how a reduction over axes is written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sympy import Expr, Mul, Pow

from chainrule.derive.forms.arrange import Order
from chainrule.derive.forms.layout import (
    Layout,
    NoMatrixForm,
    attempt,
    axis_keyword,
    call,
    cheapest,
    divided,
    in_layout,
    indices_in,
)
from chainrule.derive.notation.syntax import Call, Name, Node
from chainrule.derive.program import Index

#: Rank of an elementwise expression up to which all orders of its axes are tried.
MAX_RANK = 3


class Speller(Protocol):
    """What contraction needs of the writer of elementwise expressions."""

    order: Order
    readable: bool
    ordered: bool
    lengths: dict[Index, Expr]
    sums: dict[Node, Expr]

    def part(self, expr: Expr) -> Part:
        """The expression, to be written in any layout of its indices."""
        ...

    def spell(self, expr: Expr, layout: Layout) -> Node:
        """The expression in a layout that has exactly its indices."""
        ...


@dataclass(eq=False)
class Part:
    """Something over ``indices`` that can be written in any layout of them.

    ``expr`` is the expression it stands for, ``None`` for a result of elimination.
    """

    indices: frozenset[Index]
    direct: Callable[[Layout], Node]
    expr: Expr | None = None
    written: dict[Layout, Node | None] = field(default_factory=dict)

    def write(self, layout: Layout) -> Node:
        """The cheapest node in this layout."""
        if layout not in self.written:
            self.written[layout] = attempt(lambda inner: in_layout(self.direct, inner), layout)
        node = self.written[layout]
        if node is None:
            raise NoMatrixForm
        return node


@dataclass
class Group:
    """Parts over the same indices, multiplied and divided entry by entry."""

    upper: list[Part] = field(default_factory=list)
    lower: list[Part] = field(default_factory=list)

    def part(self) -> Part:
        """The group as one part."""
        if len(self.upper) == 1 and not self.lower:
            return self.upper[0]
        indices = (self.upper + self.lower)[0].indices
        return Part(indices, self._direct)

    def _direct(self, layout: Layout) -> Node:
        return divided([p.write(layout) for p in self.upper], [p.write(layout) for p in self.lower])

    def plain(self) -> bool:
        """Whether the group is a single name."""
        return len(self.upper) == 1 and not self.lower and isinstance(_sample(self.upper[0]), Name)


def _sample(part: Part) -> Node | None:
    layouts = itertools.permutations(sorted(part.indices, key=str))
    return cheapest(attempt(part.write, layout) for layout in layouts)


Groups = dict[frozenset[Index], Group]


def grouped(parts: Sequence[Part], lower: Sequence[Part] = ()) -> Groups:
    """Parts by the indices that they run over."""
    groups: Groups = {}
    for part in parts:
        groups.setdefault(part.indices, Group()).upper.append(part)
    for part in lower:
        groups.setdefault(part.indices, Group()).lower.append(part)
    return groups


def square_root(group: Group) -> Expr | None:
    """``x`` where the group is ``x**2``."""
    exprs = [part.expr for part in group.upper]
    if group.lower or len(exprs) != 1 or exprs[0] is None:
        return None
    return exprs[0].base if isinstance(exprs[0], Pow) and exprs[0].exp == 2 else None


# ---- reductions along axes ----------------------------------------------------------------------


def reduced(speller: Speller, kind: str, body: Part, bound: Mapping[Index, Expr], layout: Layout) -> Node:
    """``kind(body, axis=.., keepdims=..)`` in a layout; whole axes are kept where it has gaps."""
    found = [_reduction(kind, body, bound, place, layout) for place in _placements(layout, tuple(bound))]
    best = cheapest(found)
    if best is None:
        raise NoMatrixForm
    speller.sums[best] = Mul(*bound.values())
    return best


def _placements(layout: Layout, bound: tuple[Index, ...]) -> Iterator[Layout]:
    """Layouts of the body, the free indices in their order."""
    free = indices_in(layout)
    if len(free) + len(bound) <= MAX_RANK:
        orders = itertools.permutations(free + bound)
        yield from (order for order in orders if tuple(axis for axis in order if axis in free) == free)
        return
    size = len(free) + len(bound)
    for places in itertools.combinations(range(size), len(bound)):
        rest, inner = iter(free), iter(bound)
        yield tuple(next(inner) if n in places else next(rest) for n in range(size))


def _reduction(kind: str, body: Part, bound: Mapping[Index, Expr], place: Layout, layout: Layout) -> Node | None:
    kept = tuple(None if axis in bound else axis for axis in place)
    if layout not in (kept, indices_in(kept)):
        return None
    node = attempt(body.write, place)
    if node is None:
        return None
    if kind == "sum" and len(place) == 1 and isinstance(node, Call) and node.function == "diag" and not layout:
        return call("trace", *node.arguments)
    places = [n for n, axis in enumerate(place) if axis in bound]
    keywords = axis_keyword(places, len(place))
    if layout == kept:
        keywords = {**keywords, "keepdims": Name("True")}
    return call(kind, node, **keywords)
