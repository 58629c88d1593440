"""``einsum``: the sum of products over the letters that the output lacks."""

from __future__ import annotations

import string
from collections.abc import Sequence

from chainrule.derive.errors import NotationError, ShapeError, Span
from chainrule.derive.notation.syntax import Node, Text
from chainrule.derive.notation.tensors import Tensor, Workspace

#: What stands for the axes that have no letter.
DOTS = "..."

Labels = list[object]


def lower_einsum(work: Workspace, node: Node, subscripts: Text, operands: Sequence[Tensor]) -> Tensor:
    """The sum of products over the letters that the output lacks.

    Without an output, its letters are those that occur once, in alphabetical order, after the axes
    that ``...`` stands for; those are broadcast against each other, the last ones together.

    Raises:
        NotationError: these are no subscripts.
        ShapeError: they do not fit the operands.
    """
    text, span = subscripts.text, subscripts.span
    left, arrow, right = text.replace(" ", "").partition("->")
    terms = left.split(",")
    letters = left.replace(DOTS, "").replace(",", "")
    if not set(letters + right.replace(DOTS, "")) <= set(string.ascii_letters):
        raise NotationError(
            "these are not subscripts of einsum", span, expected="letters, ',' and '->', such as 'ij,jk->ik'",
            found=f"'{text}'",
        )  # fmt: skip
    if not arrow:
        right = DOTS * (DOTS in left) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if len(terms) != len(operands):
        raise NotationError(
            f"einsum has subscripts for {len(terms)} operands and {len(operands)} operands", span or node.span
        )
    for letter in right.replace(DOTS, ""):
        if letter not in letters or right.count(letter) > 1:
            raise NotationError(f"the output letter {letter} must occur in the inputs, and once in the output", span)
    labelled = [(operand, _labels(term, operand, span)) for term, operand in zip(terms, operands, strict=True)]
    hidden = {label for _, labels in labelled for label in labels if isinstance(label, int)}
    if hidden and DOTS not in right:
        raise NotationError("the output lacks the axes that ... stands for", span, expected="...", found=f"'{right}'")
    before, dots, after = right.partition(DOTS)
    return work.contract(labelled, [*before, *(sorted(hidden) if dots else ()), *after], node, "einsum")


def _labels(term: str, operand: Tensor, span: Span | None) -> Labels:
    """One label for each axis of an operand: letters, and numbers from the end for those under ``...``."""
    before, dots, after = term.partition(DOTS)
    letters = len(before) + len(after)
    if letters > operand.rank or (not dots and letters < operand.rank) or DOTS in after:
        raise ShapeError(
            f"the subscripts '{term}' have {letters} letters, and {operand.text} has {operand.rank} axes",
            operand.span, expected=f"{operand.rank} letters", found=f"'{term}'",
            also=(("in these subscripts", span),) if span else (),
        )  # fmt: skip
    return [*before, *range(letters - operand.rank, 0), *after]
