"""Sums over index letters, left sides with indices: syntax to tensors.

An open letter is an index symbol in bodies; definitions that are made under it get an axis for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from sympy import Expr, KroneckerDelta, S

from chainrule.derive.errors import NotationError
from chainrule.derive.notation.functions import LOWERINGS, MAX_RANK, Axes
from chainrule.derive.notation.left import Stated
from chainrule.derive.notation.lengths import length
from chainrule.derive.notation.letters import DELTAS, LEFT, Letter, Ranges, linear, survey
from chainrule.derive.notation.open_lengths import refuse_open
from chainrule.derive.notation.syntax import ALONG, Binary, IndexSum, Iverson, Name, Node, Subscript, walk
from chainrule.derive.notation.tensors import Shape, Tensor, Workspace, at, frees
from chainrule.derive.program import Dim, Reduction, bound_index, free_index
from chainrule.derive.ranges import Facts, facts_of
from chainrule.derive.scalar import where

#: Reductions over index letters, each with what it is called while it has no name.
REDUCTIONS: dict[str, tuple[Reduction, str]] = {
    "sum": ("sum", "s"), "prod": ("prod", "q"), "max": ("max", "m"), "min": ("min", "m"),
    "logsumexp": ("logsumexp", "lse"),
}  # fmt: skip
#: The value of terms that a condition excludes.
NEUTRAL = {"sum": S.Zero, "prod": S.One}


NOTHING: Mapping[str, Expr] = MappingProxyType({})


class Context(Protocol):
    """What index notation needs of the reader of expressions."""

    @property
    def work(self) -> Workspace:
        """The definitions so far."""

    @property
    def dims(self) -> Mapping[str, Dim]:
        """The named lengths."""

    def lower(self, node: Node) -> Tensor:
        """The tensor of an expression."""

    def condition(self, node: Node) -> Tensor:
        """The indicator of a condition."""

    def shape_of_name(self, name: str) -> Shape | None:
        """The shape of a name, if it is known."""


@dataclass
class Indices:
    """The index letters while a statement is read.

    Attributes:
        context: the reader of expressions.
        letters: the open letters.
        ranges: the letters of every sum that has been looked at, by the sum's identity.
        facts: what the comparisons around the place say of the letters.
    """

    context: Context
    letters: dict[str, Letter] = field(default_factory=dict)
    ranges: dict[int, dict[str, Letter]] = field(default_factory=dict)
    facts: Facts = ()

    def statement(self, item: Stated, shape: Shape | None) -> Tensor:
        """The tensor with an axis for each letter of the left side, then the axes of the expression."""
        node, letters = item.node, item.letters
        self.look(node, letters)
        if not item.ordered and len(letters) > 1:
            letters = self.order(node, letters, shape)
        if shape is not None and letters:
            self.look(node, letters, dict(zip(letters, shape, strict=False)))
        opened = self.ranges.pop(LEFT, {})
        for name, letter in opened.items():
            if letter.start is not None and letter.start != letter.base:
                raise NotationError(
                    f"the first value of {name} here is {letter.start}", node.span,
                    expected=f"entries from {letter.base}", hint=f"shift the subscripts: {name} + 1 in place of {name}",
                )  # fmt: skip
        with self.opened(opened):
            body = self.context.lower(node)
            lengths = self.lengths_of(opened, node)
        refuse_open(body.shape, node)
        return replace(_entered(body, opened, lengths), node=node)

    def look(self, node: Node, letters: Sequence[str] = (), given: Mapping[str, Expr] = NOTHING) -> None:
        """Find the ranges of the letters in an expression; ``given`` are lengths of letters on the left."""
        found = survey(node, letters, self.shape_of, self.context.dims)
        self.ranges |= Ranges(found, lambda bound: length(bound, self.context.dims), given).solve()

    def order(self, node: Node, letters: Sequence[str], shape: Shape | None) -> tuple[str, ...]:
        """The order of free letters without a left side that gives the wanted shape."""
        known = {name: letter.length for name, letter in self.ranges[LEFT].items()}
        orders = [
            order for order in itertools.permutations(letters)
            if shape is not None and len(order) == len(shape)
            and all(known[name] in (None, size) for name, size in zip(order, shape, strict=True))
        ]  # fmt: skip
        if len(letters) > MAX_RANK or not orders:
            first, second = tuple(letters), tuple(reversed(letters))
            raise NotationError(
                "the order of the axes can be read in two ways", node.span,
                expected=f"a left side: A[{', '.join(first)}] = .. or A[{', '.join(second)}] = ..",
            )  # fmt: skip
        # Letters of axes of one length stand in the order of the alphabet, as in einsum.
        return orders[0]

    def shape_of(self, operand: Node, letters: frozenset[str]) -> Shape | None:
        """The shape of a subscripted operand; ``None`` if it depends on open letters."""
        if isinstance(operand, Name):
            return self.context.shape_of_name(operand.name)
        names = {part.name for part in walk(operand) if isinstance(part, Name)}
        if names & letters or any(isinstance(part, IndexSum) for part in walk(operand)):
            return None
        return self.context.lower(operand).shape

    @contextmanager
    def opened(self, letters: Mapping[str, Letter]) -> Iterator[None]:
        """Index letters for the time that their scope is read, after which their lengths are known."""
        self.letters |= letters
        self.context.work.lengths |= {item.index: item.length for item in letters.values() if item.length is not None}
        yield
        for name, letter in letters.items():
            del self.letters[name], self.context.work.lengths[letter.index]

    @contextmanager
    def knowing(self, facts: Facts) -> Iterator[None]:
        """What holds of the letters for the time that something is read which counts only there."""
        before, self.facts = self.facts, (*self.facts, *facts)
        yield
        self.facts = before

    def facts_of_factors(self, operands: Sequence[Node], sums: Sequence[bool]) -> list[Facts] | None:
        """What holds of the letters where each operand of a chain counts; ``None`` if no factor says anything.

        A bracket ``[i < j]`` multiplies all that stands before it in the chain, and the factors behind
        it up to the next sum; ``sums`` says which operators add.
        """
        if not self.letters or not any(isinstance(operand, Iverson) for operand in operands):
            return None
        masks = [
            facts_of([self.context.condition(operand.condition).body]) if isinstance(operand, Iverson) else ()
            for operand in operands
        ]
        adds = [False, *sums]
        found: list[Facts] = []
        for place in range(len(operands)):
            behind = [other for other in range(place + 1, len(operands)) if not adds[other]]
            start = max(other for other in range(place + 1) if adds[other] or not other)
            before = range(start, place) if not adds[place] else ()
            found.append(tuple(fact for other in (*before, *behind) for fact in masks[other]))
        return found

    def lengths_of(self, letters: Mapping[str, Letter], node: Node) -> tuple[Expr, ...]:
        """The lengths of open letters, all of which must have stood somewhere."""
        for name, letter in letters.items():
            if letter.index not in self.context.work.lengths:
                raise NotationError(
                    f"nothing has the index {name}", node.span,
                    expected=f"a subscript such as x_{name} or X[{name}, :]",
                    hint=f"or write its range under its sign: {name}=0 below and n-1 above",
                )  # fmt: skip
        return tuple(self.context.work.lengths[letter.index] for letter in letters.values())

    def sum(self, node: IndexSum) -> Tensor:
        """``Σ_i body``, ``∏_i body``, ``max_j body``: the letters are axes of their own until the body is read."""
        if node.kind in ALONG:
            return self.along(node)
        if id(node) not in self.ranges:
            self.look(node)
        opened = self.ranges[id(node)]
        with self.opened(opened):
            masks = [self.mask(condition, node) for condition in node.conditions]
            with self.knowing(facts_of(mask for mask, holds in masks if holds)):
                body = self.context.lower(node.body)
            for mask, holds in masks:
                term, other = (body.body, NEUTRAL[node.kind]) if holds else (NEUTRAL[node.kind], body.body)
                body = replace(body, body=where(mask, term, other))
            bound = self.lengths_of(opened, node)
        if node.bare and body.rank:
            raise NotationError(
                f"this sum runs over {', '.join(node.letters)} and its terms are arrays", node.span,
                expected=f"Σ_{''.join(node.letters)} for the sum over indices, or sum(..) for all entries",
            )  # fmt: skip
        if node.kind == "array":
            return _entered(body, opened, bound)
        places = {letter.index: bound_index(position) for position, letter in enumerate(opened.values())}
        renamed = body.body.xreplace(places)
        self.lengths_of({name: letter for name, letter in self.letters.items() if renamed.has(letter.index)}, node)
        kind, stem = REDUCTIONS[node.kind]
        if kind == "sum":
            return self.context.work.sum(body.shape, renamed, bound, stem, node)
        return self.context.work.define(body.shape, renamed, stem, node, kind, bound)

    def mask(self, condition: Node, node: IndexSum) -> tuple[Expr, bool]:
        """A comparison, and whether the terms count where it holds; the others are the neutral element."""
        if node.kind not in NEUTRAL:
            raise NotationError(
                f"a condition under {node.kind} is not read", condition.span,
                hint=f"give the excluded terms a value: {node.kind}_j where(j != i, x_j, 0)",
            )  # fmt: skip
        assert isinstance(condition, Binary)
        unequal = condition.operator == "!="
        holds = self.context.condition(replace(condition, operator="==") if unequal else condition)
        if holds.rank:
            raise NotationError("a condition under a sum compares numbers", condition.span, expected="such as i < j")
        return holds.body, not unequal

    def along(self, node: IndexSum) -> Tensor:
        """``softmax_k(z_k)``: the entry at k of the softmax along the axis over which k runs."""
        for name in node.letters:
            if name not in self.letters:
                raise NotationError(
                    f"nothing runs over the index {name} here", node.span, expected=f"a left side such as p_{name} = .."
                )
        scores, opened = self.context.lower(node.body), [self.letters[name] for name in node.letters]
        lengths = self.lengths_of({name: self.letters[name] for name in node.letters}, node)
        axes = {letter.index: free_index(position) for position, letter in enumerate(opened)}
        whole = Tensor(lengths, scores.body.xreplace(axes), node)
        every = Axes(tuple(range(len(lengths))), node.span)
        result: Tensor = LOWERINGS[node.kind](self.context.work, node, whole, every)
        return Tensor((), at(result, [letter.index for letter in opened]), node)

    def is_delta(self, node: Subscript) -> bool:
        """Whether a subscript is Kronecker's delta: two indices on a name that means nothing else."""
        name = node.operand.name if isinstance(node.operand, Name) else ""
        return name in DELTAS and len(node.items) == 2 and self.context.shape_of_name(name) is None

    def delta(self, node: Subscript) -> Tensor:
        """``delta[i, j]``: 1 where the indices are equal, else 0."""
        places: list[Expr] = []
        for item in node.items:
            coefficients, number = linear(item, self.letters, self.context.dims)
            letters = [(self.letters[name], factor) for name, factor in coefficients.items()]
            self.lengths_of({name: self.letters[name] for name in coefficients}, node)
            base = max((letter.base for letter, _ in letters), default=int(node.paper))
            places.append(sum((letter.value * factor for letter, factor in letters), number - base))
        return Tensor((), KroneckerDelta(*places), node)

    def value(self, name: str, node: Node, comparing: bool) -> Tensor:
        """An index letter as a number."""
        letter = self.letters[name]
        if not letter.counts and not comparing:
            raise NotationError(
                f"the number {name} can be read in two ways", node.span,
                expected=f"counted from 1, Σ_{{{name}=1}}^n, or from 0, Σ_{{{name}=0}}^{{n-1}}",
                hint="write the range of the index under its sign",
            )  # fmt: skip
        return Tensor((), letter.value, node)


def _entered(body: Tensor, letters: Mapping[str, Letter], lengths: Shape) -> Tensor:
    """The tensor with an axis for each letter before its own axes."""
    moved = {old: free_index(len(letters) + position) for position, old in enumerate(frees(body.rank))}
    moved |= {letter.index: free_index(position) for position, letter in enumerate(letters.values())}
    return Tensor((*lengths, *body.shape), body.body.xreplace(moved), body.node)
