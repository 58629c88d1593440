"""Differentials and tangents as they are shown: ``dX`` in text, an upright d before the symbol in LaTeX."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from chainrule.derive.forms.index_form import index_latex, index_letters, index_text
from chainrule.derive.forms.layout import call, minus, number, without_minus
from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.narrative.factor_order import differentials_last, with_columns
from chainrule.derive.notation.resolve import mapped
from chainrule.derive.notation.syntax import Binary, Call, Name, Negative, Node, Transpose
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.program import Definition, Index, Program, bound_index, fresh_names
from chainrule.derive.render.latex_node import node_latex
from chainrule.derive.render.page import Shown


@dataclass(frozen=True)
class Writing:
    """What a line needs to be written.

    Attributes:
        program: what the steps speak of.
        symbols: the names of differentials, each with what LaTeX reads instead.
        moving: the names of differentials or tangents.
    """

    program: Program
    symbols: Mapping[str, str]
    moving: Collection[str]

    def node(self, node: Node, latex: Node | None = None) -> Shown:
        """A syntax tree, and another one for LaTeX where that writes it in another way."""
        text = with_columns(_with_short_names(node), self.moving, self.program.ranks)
        return Shown(unparse(text), lambda: self._latex(latex or node))

    def _latex(self, node: Node) -> str:
        ranks = self.program.ranks
        renamed = {new: ranks[old] for old, new in self.symbols.items() if old in ranks}
        return node_latex(self.renamed(node), {**ranks, **renamed}, ())

    def name(self, name: str) -> Shown:
        """A quantity, a differential or a tangent by its name."""
        return self.node(Name(name))

    def renamed(self, node: Node) -> Node:
        """The tree with the names that LaTeX reads."""
        if isinstance(node, Name):
            return Name(self.symbols.get(node.name, node.name))
        return mapped(node, self.renamed)

    def entries(self, definition: Definition) -> Shown:
        """The entries of a definition."""
        program = self._with(definition)
        (name,) = program.outputs
        return Shown(index_text(program, name, False), lambda: index_latex(program, name, self._latex, False))

    def shown(self, definition: Definition) -> Shown:
        """A definition in matrix notation where it has one, else by its entries."""
        node = self.matrix(definition)
        return self.entries(definition) if node is None else self.node(node)

    def letters(self, definition: Definition) -> Sequence[str]:
        """The letters of the indices of a definition."""
        program = self._with(definition)
        return index_letters(program, program.outputs[0])

    def matrix(self, definition: Definition) -> Node | None:
        """A definition in matrix notation."""
        program = self._with(definition)
        return self.ordered(matrix_form(program, program.outputs[0]))

    def ordered(self, node: Node | None) -> Node | None:
        """A tree with the differential at the end of each product."""
        symmetric = [item.name for item in self.program.inputs if item.domain.symmetric]
        return None if node is None else differentials_last(node, self.moving, self.program.ranks, symmetric)

    def _with(self, definition: Definition) -> Program:
        """The program with one more definition, as its output."""
        name = next(fresh_names(self.program.by_name, definition.name))
        shown = replace(definition, name=name, origin="adjoint")
        return self.program.with_definitions((*self.program.definitions, shown), (name,))

    def products(self, pairs: Sequence[tuple[str, str]]) -> Shown | None:
        """``<factor, differential> + ..``; ``None`` where one of them has no matrix notation."""
        if not pairs:
            return Shown("0", "0")
        terms = [self.product(*pair) for pair in pairs]
        found = [term for term in terms if term is not None]
        if len(found) < len(terms):
            return None
        return self.node(*(_total([term[place] for term in found]) for place in (0, 1)))

    def product(self, factor: str, differential: str) -> tuple[Node, Node] | None:
        """A factor and a differential summed over the axes of the differential."""
        weighted = self._weighted_sum(factor, differential)
        if weighted is not None:
            positive = without_minus(weighted)
            node = weighted if positive is None else Negative(positive)
            return node, node
        left, right = self.value(factor), self.value(differential)
        ranks = self.program.ranks[factor], self.program.ranks[differential]
        if left is None or right is None or (ranks[0] > ranks[1] > 0 and ranks != (2, 1)):
            return None
        return inner(ranks[0], left, right) if ranks[0] == ranks[1] else applied(left, right, ranks[1])

    def _weighted_sum(self, factor: str, differential: str) -> Node | None:
        """``mean(dx)`` for a factor that is the same for all entries."""
        item, moved = self.program.by_name[factor], self.program.by_name[differential]
        if not isinstance(item, Definition) or item.reduce or item.refs or item.body.atoms(Index):
            return None
        if not item.shape or item.shape != moved.shape:
            return None
        body = item.body * moved[tuple(bound_index(place) for place in range(len(item.shape)))]
        return self.matrix(Definition(factor, (), body, "sum", item.shape))

    def value(self, name: str) -> Node | None:
        """A quantity by its name, a nameless one by what it is."""
        item = self.program.by_name[name]
        if isinstance(item, Definition) and item.origin == "auto":
            return self.ordered(matrix_form(self.program, name))
        return Name(name)


def inner(rank: int, left: Node, right: Node) -> tuple[Node, Node]:
    """``tr(G.T @ dX)``, ``g.T @ dx`` or ``g*dx`` as text, and as LaTeX reads it; a sign stands in front."""
    positive = without_minus(left)
    if positive is not None:
        text, latex = inner(rank, positive, right)
        return Negative(text), Negative(latex)
    if rank == 0:
        node = right if left == number(1) else Binary("*", left, right)
        return node, node
    turned = left.operand if isinstance(left, Transpose) else Transpose(left)
    if rank == 1:
        # LaTeX transposes a column before a column by itself.
        return Binary("@", turned, right), Binary("@", left, right)
    node = call("trace", Binary("@", turned, right)) if rank == 2 else call("sum", Binary("*", left, right))
    return node, node


def applied(left: Node, right: Node, rank: int) -> tuple[Node, Node]:
    """``J @ dx`` for a vector, ``J*dx`` for a scalar."""
    positive = without_minus(left)
    node = Binary("@" if rank else "*", left if positive is None else positive, right)
    return (node, node) if positive is None else (Negative(node), Negative(node))


def _total(terms: Sequence[Node]) -> Node:
    """The sum of products, each with its sign, a positive one first if there is one."""
    first, *others = sorted(terms, key=lambda term: term != next(filter(_is_positive, terms), terms[0]))
    total = minus(first.operand) if isinstance(first, Negative) else first
    for term in others:
        total = Binary("-", total, term.operand) if isinstance(term, Negative) else Binary("+", total, term)
    return total


def _is_positive(term: Node) -> bool:
    return without_minus(term) is None


def _with_short_names(node: Node) -> Node:
    """The tree with ``tr`` for traces, as it is written on paper."""
    short = mapped(node, _with_short_names)
    return Call("tr", short.arguments) if isinstance(short, Call) and short.function == "trace" else short
