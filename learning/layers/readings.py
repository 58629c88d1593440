"""One product of small arrays: each entry as a dot product, the columns and rows as combinations, outer products."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sympy import Rational

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import formula
from chainrule.derive.notation.syntax import Binary, Call, Name, Negative, Node, Number
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.render.latex_node import node_latex
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Move, Part
from chainrule.learning.layers.numbers import Exact, array_shown, factor, joined, rounded, shape_text, written

ENTRY_BY_ENTRY: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}  # fmt: skip


@dataclass(frozen=True)
class Operand:
    """An array, its symbol, and of a transpose the symbol of what is transposed."""

    shown: Shown
    value: Exact
    base: Shown | None = None

    def turned(self) -> Operand:
        """The transpose."""
        if self.base is not None:
            return Operand(self.base, self.value.T)
        return Operand(Shown(f"{self.shown.text}.T", rf"{self.shown.latex}^{{\top}}"), self.value.T, self.shown)

    def entry(self, *places: object) -> Shown:
        """The symbol of one entry, or of a row or column; of a transpose that of the entry which it is."""
        symbol = self.base or self.shown
        inside = ",".join(str(place) for place in (places if self.base is None else places[::-1]))
        return Shown(f"{symbol.text}[{inside}]", rf"{symbol.latex}_{{{inside}}}")


def applied(node: Node, arrays: Sequence[Exact]) -> Any:
    """An operation on exact arrays; functions are rounded to the digits that are written.

    Raises:
        UnsupportedError: the function is not one of one number.
    """
    if isinstance(node, Binary):
        return arrays[0] @ arrays[1] if node.operator == "@" else ENTRY_BY_ENTRY[node.operator](*arrays)
    if isinstance(node, Negative):
        return -arrays[0]
    assert isinstance(node, Call)
    if node.function not in BY_NAME:
        raise UnsupportedError(f"{node.function} is no function of one number", span=node.span)
    read = formula(f"x: real; {node.function}(x)")
    return np.vectorize(lambda x: rounded(read.evaluate(x=float(x))), otypes=[object])(arrays[0])


def entrywise_part(made: Operand, node: Node, inner: Sequence[Operand]) -> list[Part]:
    """An operation on every entry by itself."""
    whole = unparse(_with(node, [Name(operand.shown.text) for operand in inner]))
    moves = []
    for place in np.ndindex(made.value.shape):
        numbers: list[Any] = [np.broadcast_to(operand.value, made.value.shape)[place] for operand in inner]
        told = _with(node, [Number(Rational(number.numerator, number.denominator)) for number in numbers])
        check = partial(_gap, made.value[place], partial(_value, unparse(told)))
        left = (made.entry(*place), Shown(unparse(told), partial(node_latex, told)))
        moves.append(Move(_number(made.value[place]), left, (), check))
    return [Part(f"{made.shown.text} = {whole}, every entry by itself", tuple(moves))]


def _with(node: Node, operands: Sequence[Node]) -> Node:
    """An operation on other operands."""
    if isinstance(node, Binary):
        return replace(node, left=operands[0], right=operands[1])
    if isinstance(node, Negative):
        return replace(node, operand=operands[0])
    assert isinstance(node, Call)
    return replace(node, arguments=tuple(operands))


def _value(text: str) -> float:
    """A number as the notation reads it."""
    return float(formula(f"x: real; {text} + 0*x").evaluate(x=0.0))


def product_parts(made: Operand, node: Node, inner: Sequence[Operand]) -> list[Part]:
    """A product entry by entry, and by its columns, its rows, and outer products where it has them."""
    left, right = inner
    parts = [_dot_products(made, left, right)]
    if right.value.ndim == 1 and left.value.ndim == 2:
        parts.append(_columns(made, left, right))
    elif left.value.ndim == 1 and right.value.ndim == 2:
        parts.append(_rows(made, left, right))
    elif left.value.ndim == right.value.ndim == 2:
        parts += [_columns(made, left, right), _rows(made, left, right), _outer_products(made, left, right)]
    return parts


def _dot_products(made: Operand, left: Operand, right: Operand) -> Part:
    """The index notation, the first entry with its symbols, and every entry with its numbers."""
    rows, columns = (["i"] if left.value.ndim == 2 else []), (["j"] if right.value.ndim == 2 else [])
    first, second = left.entry(*rows, "k"), right.entry("k", *columns)
    symbol = made.entry(*rows, *columns) if rows or columns else made.shown
    law = Move(Shown(f"sum_k {first.text} {second.text}", rf"\sum_k {first.latex} {second.latex}"), (symbol,),
               (f"Shapes: {shape_text(left.value)} @ {shape_text(right.value)} = {shape_text(made.value)}.",),
               partial(_index_gap, made, left, right))  # fmt: skip
    moves = [law]
    for place in np.ndindex(made.value.shape):
        row, column = place[: len(rows)], place[len(rows) :]
        pairs = [(left.entry(*row, k), right.entry(k, *column)) for k in range(right.value.shape[0])]
        symbols = joined((Shown(f"{a.text}*{b.text}", f"{a.latex} {b.latex}") for a, b in pairs), " + ", " + ")
        a, b = left.value[row], right.value[(slice(None), *column)]
        entry = made.entry(*place) if place else made.shown
        if len(moves) == 1:
            moves.append(Move(symbols, (entry,)))
        check = partial(_dot_gap, made.value[place], a, b)
        moves.append(Move(_number(made.value[place]), (entry, _sum(a, b)), (), check))
    return Part(f"{made.shown.text} = {left.shown.text} @ {right.shown.text}: rows times columns", tuple(moves),
                ("Every entry is the dot product of a row on the left and a column on the right.",))  # fmt: skip


def _columns(made: Operand, left: Operand, right: Operand) -> Part:
    """Every column as a combination of the columns on the left."""
    moves = []
    for column in [()] if right.value.ndim == 1 else [(j,) for j in range(right.value.shape[1])]:
        place = (slice(None), *column)
        symbol = made.entry(":", *column) if column else made.shown
        moves.append(_combination(symbol, right.value[place], left.value.T, made.value[place]))
    weights = "the entries of" if right.value.ndim == 1 else "a column of"
    intro = f"A combination of the columns of {left.shown.text}, with {weights} {right.shown.text} as weights."
    return Part("The same by columns", tuple(moves), (intro,))


def _rows(made: Operand, left: Operand, right: Operand) -> Part:
    """Every row as a combination of the rows on the right."""
    moves = []
    for row in [()] if left.value.ndim == 1 else [(i,) for i in range(left.value.shape[0])]:
        symbol = made.entry(*row, ":") if row else made.shown
        moves.append(_combination(symbol, left.value[row], right.value, made.value[row]))
    weights = "the entries of" if left.value.ndim == 1 else "a row of"
    intro = f"A combination of the rows of {right.shown.text}, with {weights} {left.shown.text} as weights."
    return Part("The same by rows", tuple(moves), (intro,))


def _combination(symbol: Shown, weights: Exact, vectors: Exact, whole: Exact) -> Move:
    terms = [Shown(f"{factor(weight)}*{array_shown(vector).text}", f"{factor(weight)} {array_shown(vector).latex}")
             for weight, vector in zip(weights, vectors, strict=True)]  # fmt: skip
    check = partial(_array_gap, whole, lambda: sum(
        float(weight) * vector.astype(float) for weight, vector in zip(weights, vectors, strict=True)))  # fmt: skip
    return Move(array_shown(whole), (symbol, joined(terms, " + ", " + ")), (), check)


def _outer_products(made: Operand, left: Operand, right: Operand) -> Part:
    """The whole as a sum of matrices of rank one, one for each value of the summed index."""
    count = right.value.shape[0]
    parts = [np.asarray(np.multiply.outer(left.value[:, k], right.value[k]), dtype=object) for k in range(count)]
    moves = []
    for k, part in enumerate(parts):
        column, row = left.entry(":", k), right.entry(k, ":")
        symbol = Shown(f"outer({column.text}, {row.text})", rf"{column.latex} \otimes {row.latex}")
        doubles = left.value[:, k].astype(float), right.value[k].astype(float)
        check = partial(_array_gap, part, partial(np.outer, *doubles))
        moves.append(Move(array_shown(part), (symbol,), (), check))
    check = partial(_array_gap, made.value, lambda: np.sum([part.astype(float) for part in parts], axis=0))
    moves.append(Move(array_shown(made.value), (made.shown,), ("Their sum.",), check))
    return Part("The same as a sum of outer products", tuple(moves),
                (f"A column of {left.shown.text} times the row of {right.shown.text} with the same number.",))


def _sum(a: Exact, b: Exact) -> Shown:
    """A dot product with its numbers."""
    pairs = [(factor(x) if place else written(x), factor(y)) for place, (x, y) in enumerate(zip(a, b, strict=True))]
    terms = [Shown(f"{x}*{y}", rf"{x} \cdot {y}") for x, y in pairs]
    return joined(terms, " + ", " + ")


def _number(value: Any) -> Shown:
    return Shown(written(value), written(value))


# ---- checks: in doubles, by other operations than those that made the exact numbers -------------------------


def _gap(value: Any, other: Callable[[], float]) -> float:
    return abs(float(value) - other()) / (1 + abs(float(value)))


def _dot_gap(value: Any, a: Exact, b: Exact) -> float:
    return _gap(value, lambda: float(np.dot(a.astype(float), b.astype(float))))


def _array_gap(value: Exact, other: Callable[[], Any]) -> float:
    doubles = value.astype(float)
    return float(np.max(np.abs(doubles - other()) / (1 + np.abs(doubles))))


def _index_gap(made: Operand, left: Operand, right: Operand) -> float:
    """The law against a sum over the index that both share."""
    rows, columns = "i" * (left.value.ndim - 1), "j" * (right.value.ndim - 1)
    law = f"{rows}k,k{columns}->{rows}{columns}"
    return _array_gap(np.asarray(made.value, dtype=object), lambda: np.einsum(
        law, left.value.astype(float), right.value.astype(float)))  # fmt: skip
