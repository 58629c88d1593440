"""Pieces of matrix notation: nodes whose axes are laid out along indices.

A layout is what the axes of a node's value run over, in order: an index, or ``None`` for an axis
of length one.  ``X`` may be written in the layout ``(i, j)``, its transpose in ``(j, i)``; a vector
over ``i`` that is broadcast against ``(i, j)`` needs the layout ``(i, None)``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from sympy import Rational

from chainrule.derive.notation.syntax import (
    Binary,
    BinaryOperator,
    Call,
    Name,
    Negative,
    NewAxis,
    Node,
    Number,
    Slice,
    Subscript,
    Text,
    Transpose,
    Tuple,
)
from chainrule.derive.program import Index

Layout = tuple[Index | None, ...]

#: Functions whose value on a vector is a diagonal or unit matrix, its own transpose.
SYMMETRIC_CALLS = frozenset({"diag", "eye"})
#: Extra cost of a call, in characters: what readers and machines would rather avoid.
CALL_COST = {"einsum": 25, "diag": 5, "ones": 8, "outer": 0}
NEW_AXIS_COST, TRANSPOSE_COST, NAME_COST = 9, 3, 2
#: Reductions of all entries, and the cost of transposes between entries that might as well stand as they are.
TOTALS, TURNED_COST = frozenset({"sum", "mean"}), 12
#: Cost of broadcasting to three axes, which nobody reads.
UNCLEAR_COST = 1000


def indices_in(layout: Layout) -> tuple[Index, ...]:
    """The indices of a layout without its axes of length one."""
    return tuple(axis for axis in layout if axis is not None)


def number(value: object) -> Node:
    """A number; negative ones as ``-number``."""
    exact = Rational(value)
    return Negative(Number(-exact)) if exact < 0 else Number(exact)


def call(function: str, *arguments: Node, **keywords: Node) -> Call:
    """``function(arguments, keyword=value)``."""
    return Call(function, arguments, tuple(keywords.items()))


def binary(operator: BinaryOperator, left: Node, right: Node) -> Node:
    """A binary operation, without multiplying or dividing by one."""
    one = Number(Rational(1))
    if operator in ("*", "/") and right == one:
        return left
    return right if operator == "*" and left == one else Binary(operator, left, right)


def chain(operator: BinaryOperator, nodes: Sequence[Node]) -> Node:
    """Nodes joined from left to right."""
    result = nodes[0]
    for node in nodes[1:]:
        result = binary(operator, result, node)
    return result


def divided(upper: Sequence[Node], lower: Sequence[Node]) -> Node:
    """``u*v/(s*t)``; equal factors are a power."""
    top = chain("*", _powers(upper)) if upper else number(1)
    return Binary("/", top, chain("*", _powers(lower))) if lower else top


def _powers(nodes: Sequence[Node]) -> list[Node]:
    counts: Counter[Node] = Counter()
    for node in nodes:
        base, power = _base_and_power(node)
        counts[base] += power
    return [base if count == 1 else Binary("**", base, number(count)) for base, count in counts.items()]


def _base_and_power(node: Node) -> tuple[Node, int]:
    """``s`` and 2 for ``s**2``; whole powers only."""
    match node:
        case Binary("**", base, Number(power)) if power.is_Integer and power > 0:
            return base, int(power)
    return node, 1


def several(count: int, node: Node) -> Node:
    """``count`` times a node, cancelled against what the node is divided by."""
    if isinstance(node, Binary) and node.operator == "/" and node.right == number(count):
        return node.left
    return node if count == 1 else in_front(number(count), node)


def transposed(node: Node) -> Node:
    """The transpose, without double or idle transposes."""
    if isinstance(node, Transpose):
        return node.operand
    if isinstance(node, Call) and node.function in SYMMETRIC_CALLS and len(node.arguments) == 1 and not node.keywords:
        return node
    if isinstance(node, Call) and node.function == "outer":
        return Call("outer", (node.arguments[1], node.arguments[0]))
    return Transpose(node)


def with_axes(node: Node, layout: Layout) -> Node:
    """A node whose value has only the indices of ``layout``, with its axes of length one put in."""
    if None not in layout:
        return node
    items = tuple(NewAxis() if axis is None else Slice() for axis in layout)
    return Subscript(node, items)


def einsum(operands: Sequence[tuple[Layout, Node]], out: Sequence[Index]) -> Node:
    """``einsum('ij,k->ijk', A, b)``."""
    order = dict.fromkeys(out)
    for layout, _ in operands:
        order.update(dict.fromkeys(indices_in(layout)))
    letters = dict(zip(order, "ijklmpqrstuvabcdefgho", strict=False))
    inputs = ",".join("".join(letters[axis] for axis in indices_in(layout)) for layout, _ in operands)
    text = f"{inputs}->{''.join(letters[axis] for axis in out)}"
    return call("einsum", Text(text), *(node for _, node in operands))


def shape_node(lengths: Sequence[Node]) -> Node:
    """A shape: one length, or a tuple."""
    return lengths[0] if len(lengths) == 1 else Tuple(tuple(lengths))


def axis_keyword(places: Sequence[int], rank: int) -> dict[str, Node]:
    """``axis=..`` for a reduction over some axes, nothing for all of them."""
    if len(places) == rank:
        return {}
    return {"axis": number(places[0]) if len(places) == 1 else Tuple(tuple(number(p) for p in places))}


# ---- products -----------------------------------------------------------------------------------


def matmul(left: Node, right: Node) -> Node:
    """``left @ right`` as a flat chain, numbers and signs in front of it.

    A chain on the right must begin with a matrix.
    """
    positive = without_minus(right)
    if positive is not None:
        return minus(matmul(left, positive))
    if isinstance(right, Binary) and right.operator == "*" and isinstance(right.left, Number):
        return in_front(right.left, matmul(left, right.right))
    if isinstance(right, Binary) and right.operator == "@" and not isinstance(right.left, Number):
        return Binary("@", matmul(left, right.left), right.right)
    return Binary("@", left, right)


def in_front(factor: Node, node: Node) -> Node:
    """``factor * node`` with the factor before the first operand of the product, its sign in front."""
    positive = without_minus(node)
    if positive is not None:
        return minus(in_front(factor, positive))
    if isinstance(node, Binary) and node.operator in ("*", "/", "@"):
        if node.left == Number(Rational(1)) and node.operator == "/":
            return Binary("/", factor, node.right)
        if node.operator == "@" and isinstance(node.left, Binary) and node.left.operator in ("*", "/"):
            # 2*(M*D) @ W: what is multiplied as a matrix stays together.
            return Binary("@", binary("*", factor, node.left), node.right)
        return Binary(node.operator, in_front(factor, node.left), node.right)
    return binary("*", factor, node)


def minus(node: Node) -> Node:
    """``-node``: a difference turned round, a sign before the first operand of a product."""
    if isinstance(node, Negative):
        return node.operand
    if isinstance(node, Binary) and node.operator == "-":
        return Binary("-", node.right, node.left)
    if isinstance(node, Binary) and node.operator in ("*", "/", "@"):
        return Binary(node.operator, minus(node.left), node.right)
    return Negative(node)


def without_minus(node: Node) -> Node | None:
    """The node without the sign that :func:`minus` puts before it, if it has one."""
    if isinstance(node, Negative):
        return node.operand
    if isinstance(node, Binary) and node.operator in ("*", "/", "@"):
        inner = without_minus(node.left)
        return None if inner is None else Binary(node.operator, inner, node.right)
    return None


def without_number(node: Node) -> tuple[Rational, Node]:
    """The number that :func:`in_front` puts before a product, and the rest of the product."""
    if isinstance(node, Binary) and node.operator == "*" and isinstance(node.left, Number):
        return node.left.value, node.right
    if isinstance(node, Binary) and node.operator in ("*", "/", "@"):
        value, left = without_number(node.left)
        return value, Binary(node.operator, left, node.right)
    return Rational(1), node


def begins_transposed(node: Node) -> bool:
    """Whether the first operand of a product is a transpose."""
    while isinstance(node, Binary) and node.operator in ("*", "/", "@"):
        node = node.left
    return isinstance(node, Transpose)


def begins_with_number(node: Node) -> bool:
    """Whether the first operand of a product is a number."""
    while isinstance(node, Binary) and node.operator in ("*", "/", "@"):
        node = node.left
    return isinstance(node, Number)


# ---- choosing -----------------------------------------------------------------------------------


def cost(node: Node) -> int:
    """Roughly the length of the text, with extra for what is hard to read or slow to run."""
    match node:
        case Name():
            return NAME_COST
        case Number():
            return len(str(node.value))
        case Negative():
            return 1 + cost(node.operand) + _parentheses(node.operand)
        case Transpose():
            return cost(node.operand) + _transpose_cost(node.operand)
        case Binary():
            gap = 2 if node.operator == "**" else 3
            gap += 6 * (node.operator == "@" and isinstance(node.right, Binary) and node.right.operator == "@")
            inner = _parentheses(node.left) + _parentheses(node.right) if node.operator not in "+-" else 0
            return gap + cost(node.left) + cost(node.right) + inner
        case Subscript():
            inner = 2 + cost(node.operand) + _parentheses(node.operand) + sum(cost(item) + 1 for item in node.items)
            return inner + UNCLEAR_COST * (len(node.items) > 2 and NewAxis() in node.items)
        case Call():
            extra = CALL_COST.get(node.function, 0) + len(node.function) + 2
            # A sum over the rows of a transpose is one over columns.
            extra += 10 * any(key == "axis" and _turns_operands(node.arguments[0]) for key, _ in node.keywords)
            if node.function in TOTALS and not node.keywords:
                extra += TURNED_COST * any(map(_turns_operands, node.arguments))
            extra += sum(_keyword_cost(node.function, key, value) for key, value in node.keywords)
            return extra + sum(cost(argument) + 2 for argument in node.arguments)
        case NewAxis():
            return NEW_AXIS_COST
        case Tuple():
            return 2 + sum(cost(item) for item in node.items) + 2 * node.square * (len(node.items) - 1)
        case _:
            return 1


def _keyword_cost(function: str, key: str, value: Node) -> int:
    """Softmax over rows is what people expect; keeping an axis is better than transposing twice."""
    if key == "keepdims":
        return 1
    return 10 if "softmax" in function and value == Number(Rational(0)) else 6


def _transpose_cost(node: Node) -> int:
    """The transpose of a whole difference reads well, that of a product less so, one around others not at all."""
    if not isinstance(node, Binary):
        return TRANSPOSE_COST
    if _turns_operands(node):
        return 20
    return {"+": 2, "-": 2, "*": 5, "/": 5, "@": 8}.get(node.operator, 20)


def _turns_operands(node: Node) -> bool:
    """Whether an operand of an elementwise operation is a transpose."""
    if isinstance(node, Transpose):
        return True
    if isinstance(node, Negative):
        return _turns_operands(node.operand)
    if isinstance(node, Binary) and node.operator != "@":
        return _turns_operands(node.left) or _turns_operands(node.right)
    return isinstance(node, Call) and any(map(_turns_operands, node.arguments))


def _parentheses(node: Node) -> int:
    return 2 * (isinstance(node, Binary) and node.operator in "+-")


def cheapest(nodes: Iterable[Node | None]) -> Node | None:
    """The first of the cheapest nodes."""
    found = [node for node in nodes if node is not None]
    return min(found, key=cost) if len(found) > 1 else found[0] if found else None


class NoMatrixForm(Exception):
    """Raised inside the printers where something cannot be written in matrix notation."""


def in_layout(direct: Callable[[Layout], Node], layout: Layout) -> Node:
    """The cheapest way to write something in a layout: as it is, transposed, or with axes put in.

    Raises:
        NoMatrixForm: if ``direct`` cannot write it in any of these ways.
    """
    plain = indices_in(layout)
    found = [attempt(direct, layout)]
    if layout != plain:
        found += [with_axes(node, layout) for node in [attempt(lambda inner: in_layout(direct, inner), plain)] if node]
    elif len(layout) == 2:
        found += [transposed(node) for node in [attempt(direct, layout[::-1])] if node]
    best = cheapest(found)
    if best is None:
        raise NoMatrixForm
    return best


def attempt(direct: Callable[[Layout], Node], layout: Layout) -> Node | None:
    """What ``direct`` writes, or ``None`` where it cannot."""
    try:
        return direct(layout)
    except NoMatrixForm:
        return None
