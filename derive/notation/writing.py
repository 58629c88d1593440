"""The order in which a text multiplies and adds names, which what is printed keeps where it can be chosen."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeGuard

from chainrule.derive.notation.syntax import Binary, Call, Juxtaposed, Name, Node, Subscripted, walk
from chainrule.derive.program import Index, Program

#: Signs between the factors of a product, and between the terms of a sum.
PRODUCTS, SUMS = frozenset("*/@"), frozenset("+-")
#: Names in an operand up to which it tells an order.
MAX_NAMES = 4


def written_order(names: Sequence[str], formulas: Iterable[Node], signs: Collection[str]) -> tuple[str, ...]:
    """The names, each before those that a sign joins it with first; otherwise in the order they have.

    By the products of ``x @ A @ x - b @ x`` the vector ``b`` stands before ``x``.
    """
    after: dict[str, set[str]] = {name: set() for name in names}
    for first, second in _pairs(formulas, signs):
        if first in after and second in after and first not in _beyond(after, second):
            after[first].add(second)
    place = {name: number for number, name in enumerate(names)}
    waiting_for = Counter(name for later in after.values() for name in later)
    ready = [place[name] for name in names if not waiting_for[name]]
    found: list[str] = []
    while ready:
        found.append(names[heapq.heappop(ready)])
        for name in after[found[-1]]:
            waiting_for[name] -= 1
            if not waiting_for[name]:
                heapq.heappush(ready, place[name])
    return tuple(found)


def with_nameless(order: Iterable[str], program: Program, leading: Sequence[Index] = ()) -> tuple[str, ...]:
    """The names with each nameless definition after the first that it reads, at leading indices if there are any."""
    places = {name: (number, 0) for number, name in enumerate(order)}
    for number, item in enumerate(program.definitions, 1):
        if item.name not in places:
            first = [ref for ref in item.refs if set(leading) & set(ref.indices)] or item.refs
            places[item.name] = (min((places[ref.name][0] for ref in first), default=len(places)), number)
    return tuple(sorted(places, key=places.__getitem__))


def calls(formulas: Iterable[Node]) -> frozenset[str]:
    """The functions that formulas call."""
    return frozenset(part.function for node in formulas for part in walk(node) if isinstance(part, Call))


def _beyond(after: dict[str, set[str]], name: str) -> set[str]:
    """The name and everything that comes after it."""
    found, waiting = {name}, [name]
    while waiting:
        new = after[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _pairs(formulas: Iterable[Node], signs: Collection[str]) -> Iterator[tuple[str, str]]:
    """Each name of an operand with each name of the next one; names of several operands tell no order."""
    for operands in _chains(formulas, signs):
        names = [_names(operand) for operand in operands]
        often = Counter(name for found in names for name in found)
        once = [[name for name in found if often[name] == 1] for found in names]
        for left, right in itertools.pairwise(once):
            if max(len(left), len(right)) <= MAX_NAMES:
                yield from itertools.product(left, right)


def _chains(formulas: Iterable[Node], signs: Collection[str]) -> Iterator[list[Node]]:
    """The operands of each chain of signs, outer chains first."""
    inner: set[int] = set()
    for node in (part for formula in formulas for part in walk(formula) if id(part) not in inner):
        operands: list[Node] = []
        while _joins(node, signs):
            inner.add(id(node))
            operands.append(node.right)
            node = node.left
        yield [node, *reversed(operands)]


def _joins(node: Node, signs: Collection[str]) -> TypeGuard[Binary | Juxtaposed]:
    return node.operator in signs if isinstance(node, Binary) else isinstance(node, Juxtaposed) and "*" in signs


def _names(node: Node) -> list[str]:
    """The names in an operand, in the order of the text."""
    parts = (part for part in walk(node) if isinstance(part, Name | Subscripted))
    return list(dict.fromkeys(part.name if isinstance(part, Name) else part.base for part in parts))
