"""Chains of operators: where they are cut, and products in them that can be read in two ways."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.derive.errors import NotationError
from chainrule.derive.notation.syntax import Binary, Juxtaposed, Subscript, Transpose, walk
from chainrule.derive.notation.tensors import Tensor

#: How an inner product of vectors with a subscript is written.
DOTS = frozenset({"·", "⋅", "∙", "\\cdot"})
#: Operators that end a product.
SUMS = ("+", "-")
#: Operators whose chains are followed in a loop.
CHAINED = frozenset("+-*/@")


def operator_of(node: Binary | Juxtaposed) -> str:
    """The operator; nothing between factors side by side."""
    return node.operator if isinstance(node, Binary) else ""


def runs_of(chain: Sequence[Binary | Juxtaposed]) -> list[list[Binary | Juxtaposed]]:
    """The chain cut where the kind of operator changes; ``@`` and juxtaposition stand alone."""
    kinds = {"+": 1, "-": 1, "*": 2, "/": 2, "@": 0, "": 0}
    runs: list[list[Binary | Juxtaposed]] = []
    previous = 0
    for node in chain:
        kind = kinds[operator_of(node)]
        if runs and kind and kind == previous:
            runs[-1].append(node)
        else:
            runs.append([node])
        previous = kind
    return runs


def has_dot(node: Binary | Juxtaposed) -> bool:
    """Whether a product is written with a dot."""
    if isinstance(node, Juxtaposed):
        return node.sign == "·"
    if operator_of(node) != "*" or node.left.span is None or node.right.span is None:
        return False
    text, start, end = node.left.span.text, node.left.span.end, node.right.span.start
    return text[start:end].strip("() ") in DOTS


def is_row(tensor: Tensor) -> bool:
    """Whether a vector is made of rows such as x_i, which index notation leaves an axis."""
    return any(isinstance(part, Subscript) and part.paper for part in walk(tensor.node))


def refuse_primed(node: Binary | Juxtaposed, left: Tensor, right: Tensor) -> None:
    """``x'*A`` is a product of matrices in other tools and entry by entry here, so it is refused."""
    if operator_of(node) != "*" or not left.rank or not right.rank:
        return
    for tensor in (left, right):
        if tensor.row and isinstance(tensor.node, Transpose) and tensor.node.prime:
            raise NotationError(
                f"{tensor.text} of a vector before or after * can be read in two ways", node.span,
                expected=f"{left.text} @ {right.text} or {_plain(left)} * {_plain(right)}",
                hint="* multiplies entry by entry; the product of matrices is @",
            )  # fmt: skip


def _plain(tensor: Tensor) -> str:
    return tensor.text.rstrip("'ᵀ′’")


def product_hint(left: Tensor, right: Tensor, operator: str) -> str:
    """What to try where the shapes of a product do not fit."""
    if operator != "*" or not left.rank or not right.rank:
        return ""
    if left.shape[-1] == right.shape[-2 if right.rank > 1 else -1]:
        return "* multiplies entry by entry; the product of matrices is @"
    return ""


def matmul_proposal(is_left: bool, other: Tensor) -> str:
    """A declaration that would fit the other operand of ``@``."""
    if not other.rank:
        return "{0}: real[n, d]" if is_left else "{0}: real[d]"
    inner = other.shape[-1 if not is_left or other.rank == 1 else -2]
    return "{0}: real[m, " + f"{inner}]" if is_left else "{0}: real[" + f"{inner}]"
