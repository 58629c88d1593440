"""Coefficients: the scalar factors of a term, written before and under an array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sympy import Expr, Integer, Mul, Rational, S

from chainrule.derive.forms.arrange import Fraction, Order, is_decimal
from chainrule.derive.forms.bound_terms import indices_of
from chainrule.derive.forms.contraction import combined
from chainrule.derive.forms.layout import (
    Layout,
    begins_with_number,
    binary,
    call,
    chain,
    divided,
    in_front,
    in_layout,
    indices_in,
    minus,
    number,
    shape_node,
    without_number,
)
from chainrule.derive.forms.parts import Group, Part, Speller, grouped
from chainrule.derive.notation.syntax import Binary, Call, Node, Number
from chainrule.derive.program import Dim, Index


@dataclass(frozen=True)
class Scalars:
    """The scalar factors of a term: ``number * upper.. / lower..``."""

    number: Rational
    upper: tuple[Expr, ...]
    lower: tuple[Expr, ...]

    @staticmethod
    def of(speller: Speller, term: Fraction) -> Scalars:
        """The factors of a term without indices, in the order of writing."""
        order: Order = speller.order
        return Scalars(
            term.number,
            tuple(order.factors(factor for factor in term.upper if not indices_of(factor))),
            tuple(order.factors(factor for factor in term.lower if not indices_of(factor))),
        )

    def average(self, length: Expr) -> bool:
        """Whether the scalars divide by this length."""
        return all(factor in self.lower for factor in Mul.make_args(length))

    def times(self, speller: Speller, groups: Sequence[Group], layout: Layout) -> Node:
        """The scalars times the product of groups, in a layout."""
        parts = [group.part() for group in groups]
        numbers = [part.write(()) for part in parts if not part.indices]
        upper = [part for group in groups for part in group.upper if part.indices]
        lower = [part for group in groups for part in group.lower if part.indices]
        missing = set(indices_in(layout)).difference(*(part.indices for part in parts))
        arrays = grouped([*upper, *_ones(speller, missing, layout)], lower)
        if not arrays:
            return self.around(speller, *numbers)
        body = in_layout(lambda place: combined(speller, arrays, place), layout)
        averaged, scalars = self._mean(speller, body)
        done, rest = scalars._means(speller, numbers)
        return rest._around(speller, done, averaged)

    def around(self, speller: Speller, *nodes: Node) -> Node:
        """The scalars times scalar nodes, or around one array node."""
        upper, rest = self._means(speller, nodes)
        return rest._around(speller, upper, None)

    def before(self, speller: Speller, array: Node) -> Node:
        """The scalars times an array node."""
        return self._around(speller, [], array)

    def _means(self, speller: Speller, nodes: Iterable[Node]) -> tuple[list[Node], Scalars]:
        scalars, done = self, []
        for node in nodes:
            averaged, scalars = scalars._mean(speller, node)
            done.append(averaged)
        return done, scalars

    def _mean(self, speller: Speller, node: Node) -> tuple[Node, Scalars]:
        """``mean(..)`` for a sum that the scalars divide by its length."""
        length = speller.sums.get(node)
        if length is None or not isinstance(node, Call) or node.function != "sum" or not self.average(length):
            return node, self
        lower = list(self.lower)
        for factor in Mul.make_args(length):
            lower.remove(factor)
        if any(isinstance(factor, Dim) for factor in lower):
            return node, self
        return replace(node, function="mean"), replace(self, lower=tuple(lower))

    def _around(self, speller: Speller, nodes: Sequence[Node], body: Node | None) -> Node:
        inner, body = (S.One, None) if body is None else without_number(body)
        size, sign = abs(self.number * inner), self.number < 0
        decimal = is_decimal(size)
        upper = [number(size if decimal else size.p)] if decimal or size.p != 1 else []
        lower = [number(size.q)] if size.q != 1 and not decimal else []
        upper += [speller.spell(factor, ()) for factor in self.upper]
        lower += [speller.spell(factor, ()) for factor in self.lower]
        upper += nodes
        node = _coefficient(speller, upper, _merged_roots(lower), body)
        return minus(node) if sign else node


def _coefficient(speller: Speller, upper: list[Node], lower: list[Node], body: Node | None) -> Node:
    """``2/n * body``, ``body / n``, ``lam * body``."""
    if body is None:
        return divided([_scalar_product(upper)] if upper else [], lower)
    if not upper:
        return Binary("/", body, chain("*", lower)) if lower else body
    front = divided(upper, lower)
    if isinstance(body, Binary) and body.operator == "@" and not (speller.readable and begins_with_number(front)):
        # C*(X.T @ v); only numbers stand before a product without brackets, 2*X.T @ v.
        return binary("*", front, body)
    return in_front(front, body)


def _scalar_product(factors: Sequence[Node]) -> Node:
    """``2 * u @ v``, ``lam*(u @ v)``: only a number stands before the first operand of a product of arrays."""
    last = factors[-1]
    if len(factors) == 2 and isinstance(factors[0], Number) and isinstance(last, Binary) and last.operator == "@":
        return in_front(factors[0], last)
    return chain("*", factors)


def _merged_roots(lower: list[Node]) -> list[Node]:
    """``sqrt(2)*sqrt(pi)`` as ``sqrt(2*pi)``."""
    roots = [node.arguments[0] for node in lower if isinstance(node, Call) and node.function == "sqrt"]
    if len(roots) < 2:
        return lower
    rest = [node for node in lower if not (isinstance(node, Call) and node.function == "sqrt")]
    return [*rest, call("sqrt", chain("*", roots))]


def _ones(speller: Speller, missing: set[Index], layout: Layout) -> list[Part]:
    """Ones over the axes that nothing depends on."""
    if not missing:
        return []

    def direct(place: Layout) -> Node:
        lengths = [Integer(1) if axis is None else speller.lengths[axis] for axis in place]
        return call("ones", shape_node([speller.spell(length, ()) for length in lengths]))

    return [Part(frozenset(missing), direct)]
