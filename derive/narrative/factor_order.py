"""Products with the differential last, as it is written on paper: ``(1 - h**2)*dz``, ``tr(inv(A) @ dA)``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial, reduce

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.forms.layout import matmul, minus, transposed, without_minus
from chainrule.derive.notation.resolve import mapped
from chainrule.derive.notation.syntax import (
    Binary,
    BinaryOperator,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Transpose,
    Tuple,
    walk,
)
from chainrule.derive.render.latex_node import rank


def differentials_last(
    node: Node, moving: Collection[str], ranks: Mapping[str, int], symmetric: Collection[str]
) -> Node:
    """The node with factors exchanged where the product allows it, so that what is ``moving`` comes last.

    ``sum(A*dX)`` is ``tr(A @ dX)`` where ``A`` is symmetric; ``symmetric`` are the names of such matrices.
    """
    node = mapped(node, partial(differentials_last, moving=moving, ranks=ranks, symmetric=symmetric))
    match node:
        case Binary(operator="*"):
            return _repeated(_with_last(_chain("*", _entrywise(node)), moving), ranks)
        case Binary("@", left, right) if rank(left, ranks) == rank(right, ranks) == 1:
            turns = _moves(left, moving) and not _moves(right, moving) and not _is_form(left, ranks)
            return _turned(left, right) if turns else node
        case Call("sum", (Binary() as body,)) if not node.keywords and _moves(body, moving):
            return _summed(body, ranks, symmetric)
        case Call("trace", (Binary(operator="@") as product,)) if not node.keywords:
            return Call("trace", (_rotated(product, moving, ranks),))
    return node


def _summed(body: Node, ranks: Mapping[str, int], symmetric: Collection[str]) -> Node:
    """The sum of all entries: of a sum term by term; of a product, where it can be, as a product of matrices."""
    match body:
        case Binary("+" | "-" as sign, left, right) if rank(left, ranks) == rank(right, ranks):
            return Binary(sign, _summed(left, ranks, symmetric), _summed(right, ranks, symmetric))
        case Binary("*", left, right) if rank(left, ranks) == rank(right, ranks) == 1:
            return matmul(left, right)
        case Binary("*", left, right) if rank(left, ranks) == 2 and _is_own_transpose(left, symmetric):
            return Call("trace", (Binary("@", left, right),))
    return Call("sum", (body,))


def with_columns(node: Node, moving: Collection[str], ranks: Mapping[str, int]) -> Node:
    """The node with ``g.T @ dx`` for inner products of a vector and a differential."""
    node = mapped(node, partial(with_columns, moving=moving, ranks=ranks))
    match node:
        case Binary("@", left, right) if rank(left, ranks) == rank(right, ranks) == 1 and _moves(right, moving):
            positive = without_minus(left)
            if isinstance(positive or left, Transpose) or _moves(left, moving) or _is_form(left, ranks):
                return node
            return Binary("@", Transpose(left) if positive is None else Negative(Transpose(positive)), right)
    return node


def _is_own_transpose(node: Node, symmetric: Collection[str]) -> bool:
    """Whether a matrix reads the same when it is transposed: ``inv(S)``, ``inv(S) @ r.T @ r @ inv(S)``."""
    factors = _factors(node, "@")
    turned = [_transpose(factor, symmetric) for factor in reversed(factors)]
    return factors == turned


def _transpose(node: Node, symmetric: Collection[str]) -> Node:
    match node:
        case Name(name) if name in symmetric:
            return node
        case Call(name, (operand,)) if name in MATRIX_FUNCTION_BY_NAME and MATRIX_FUNCTION_BY_NAME[name].symmetric:
            return Call(name, (_transpose(operand, symmetric),))
    return transposed(node)


def _moves(node: Node, moving: Collection[str]) -> bool:
    return any(isinstance(part, Name) and part.name in moving for part in walk(node))


def _is_form(left: Node, ranks: Mapping[str, int]) -> bool:
    """Whether a vector is a product that begins with one, as in ``a @ dX @ b``."""
    first, *others = _factors(left, "@")
    return bool(others) and rank(first, ranks) == 1


def _factors(node: Node, operator: str) -> list[Node]:
    """The operands of a chain, in order."""
    found: list[Node] = []
    while isinstance(node, Binary) and node.operator == operator:
        found.append(node.right)
        node = node.left
    return [node, *reversed(found)]


def _entrywise(node: Node) -> list[Node]:
    """The factors of a product of entries, those of inner products of entries among them."""
    if isinstance(node, Binary) and node.operator == "*":
        return [*_entrywise(node.left), *_entrywise(node.right)]
    return [node]


def _chain(operator: BinaryOperator, factors: Sequence[Node]) -> Node:
    return reduce(lambda left, right: Binary(operator, left, right), factors)


def _with_last(product: Node, moving: Collection[str]) -> Node:
    """A product of entries with the only factor that moves at the end; a sign stays in front."""
    factors = _factors(product, "*")
    places = [place for place, factor in enumerate(factors) if _moves(factor, moving)]
    if len(places) != 1 or places[0] == len(factors) - 1:
        return product
    last = factors.pop(places[0])
    if isinstance(last, Negative):
        return minus(_chain("*", [*factors, last.operand]))
    return _chain("*", [*factors, last])


def _repeated(product: Node, ranks: Mapping[str, int]) -> Node:
    """A vector that stands in every row as ``outer(ones(n), dx)``."""
    match product:
        case Binary("*", Negative(ones), vector) if rank(vector, ranks) == 1 < rank(ones, ranks):
            positive = Binary("*", ones, vector)
            turned = _repeated(positive, ranks)
            return product if turned == positive else Negative(turned)
        case Binary("*", Call("ones", (Tuple((length, Number(one))),)), vector) if one == rank(vector, ranks) == 1:
            return Call("outer", (Call("ones", (length,)), vector))
    return product


def _turned(left: Node, right: Node) -> Node:
    """The inner product of two vectors, exchanged; a sign stays in front."""
    if isinstance(left, Negative):
        return minus(Binary("@", right, left.operand))
    return Binary("@", right, left)


def _rotated(product: Node, moving: Collection[str], ranks: Mapping[str, int]) -> Node:
    """A product of matrices under a trace, rotated so that the only factor that moves is the last."""
    factors = _factors(product, "@")
    places = [place for place, factor in enumerate(factors) if _moves(factor, moving)]
    plain = all(rank(factor, ranks) == 2 and not isinstance(factor, Negative | Binary) for factor in factors)
    if len(places) != 1 or not plain:
        return product
    cut = places[0] + 1
    return _chain("@", [*factors[cut:], *factors[:cut]])
