"""Reductions over the letters that stand open in their argument: ``mean(lp[i, y[i]])`` is ``mean`` over i.

A letter counts where nobody declared it and it stands nowhere else in the statement.  The outermost
reduction runs over all letters of its argument, whose terms are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sympy import S

from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.notation.resolve import bracket_letters, mapped
from chainrule.derive.notation.syntax import Call, IndexSum, Name, Node, Number, Subscripted, walk

NOTHING = Number(S.Zero)


def with_carried_letters(node: Node, taken: Collection[str], opened: Collection[str]) -> Node:
    """The node with its outermost reductions over letters written as such.

    Args:
        node: what a statement says.
        taken: names that are no letters.
        opened: the letters on its left side.
    """
    if bracket_letters(node) <= {*taken, *opened}:
        return node
    elsewhere = {*taken, *_names(_mapped(node, lambda call, _: NOTHING))}

    def over_letters(call: Call, around: frozenset[str]) -> Node:
        (body,) = call.arguments
        letters = bracket_letters(body) - around
        if not letters or letters & elsewhere:
            return call
        ordered = dict.fromkeys(part.name for part in walk(body) if isinstance(part, Name) and part.name in letters)
        whole = IndexSum(tuple(ordered), body, "array", bare=True, span=body.span)
        return Call(call.function, (whole,), span=call.span)

    return _mapped(node, over_letters, frozenset(opened))


def _mapped(node: Node, change: Callable[[Call, frozenset[str]], Node], around: frozenset[str] = frozenset()) -> Node:
    """The node with its outermost reductions of one argument changed, told the letters of the sums around them."""
    if isinstance(node, Call) and _is_reduction(node):
        return change(node, around) if len(node.arguments) == 1 and not node.keywords else node
    inner = around | frozenset(node.letters) if isinstance(node, IndexSum) else around
    return mapped(node, lambda part: _mapped(part, change, inner))


def _is_reduction(call: Call) -> bool:
    entry = TENSOR_BY_NAME.get(call.function)
    return entry is not None and entry.group == "reduction"


def _names(node: Node) -> set[str]:
    """Every name in a node, and the letters of subscripts as on paper."""
    paper = {name for part in walk(node) if isinstance(part, Subscripted) for name in part.whole.rpartition("_")[2]}
    return paper | {part.name for part in walk(node) if isinstance(part, Name)}
