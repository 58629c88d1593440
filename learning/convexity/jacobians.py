"""The matrix by which an affine argument depends on the variables, as text: ``X``, ``X.T``, or blocks side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Expr, S

from chainrule.derive.program import Definition, Index, Input, Ref
from chainrule.learning.convexity.calculus import Calculus


@dataclass(frozen=True)
class Block:
    """The columns of one variable: what they are as text, the index of the rows, and the square of their scale.

    Without rows, the argument is the variable itself, entry by entry.
    """

    variable: str
    text: str
    row: Expr | None
    square: Expr


@dataclass(frozen=True)
class Placed:
    """A matrix as text, ``1`` for the unit matrix; the square of its scale; the variables that it multiplies."""

    text: str
    square: Expr
    variables: frozenset[str]


def jacobian(calculus: Calculus, variables: Sequence[str], item: Definition, argument: Expr) -> Placed | None:
    """The matrix of an affine argument, whose entries stand in the indices of a definition."""
    blocks = list(_blocks(calculus, variables, item, argument))
    found = [block for block in blocks if block is not None]
    if not found or len(found) < len(blocks) or len({block.variable for block in found}) < len(found):
        return None
    if len({sp.expand(block.square) for block in found}) > 1:
        return None
    names, square = frozenset(block.variable for block in found), found[0].square
    if len(found) == 1 and found[0].text != "ones":
        return Placed(found[0].text, square, names)
    row = found[0].row
    if not isinstance(row, Index) or any(block.row != row for block in found):
        return None
    ordered = sorted(found, key=lambda block: list(variables).index(block.variable))
    length = item.lengths[row]
    texts = [f"ones(({length}, 1))" if block.text == "ones" else block.text for block in ordered]
    return Placed(f"hstack({', '.join(texts)})" if len(texts) > 1 else texts[0], square, names)


def _blocks(
    calculus: Calculus, variables: Sequence[str], item: Definition, argument: Expr
) -> Iterator[Block | None]:
    expanded = sp.expand(argument)
    for ref in sorted((ref for ref in argument.atoms(Ref) if calculus.moves(ref)), key=str):
        scale = expanded.coeff(ref, 1)
        column, rest = _column(calculus, item, ref, scale)
        square = _square(calculus, rest)
        if square is None:
            yield None
        elif ref.name in variables:
            own = _own(item, ref, column)
            yield None if own is None else replace(own, square=square)
        else:
            yield from _of_definition(calculus, variables, item, ref, square) if column is None else (None,)


def _column(calculus: Calculus, item: Definition, ref: Ref, scale: Expr) -> tuple[Ref | None, Expr]:
    """A vector of data that a number is multiplied by, and what is left of the scale."""
    given = [part for part in sp.Mul.make_args(scale) if isinstance(part, Ref) and part.atoms(Index)]
    plain = len(given) == 1 and isinstance(calculus.program.by_name[given[0].name], Input)
    if plain and not ref.indices and len(given[0].indices) == 1 and not _is_sign(calculus, given[0]):
        return given[0], scale / given[0]
    return None, scale


def _own(item: Definition, ref: Ref, column: Ref | None) -> Block | None:
    """The columns of a variable that stands in the argument itself."""
    places = {*item.free, *item.bound_indices}
    missing = places - set(ref.indices)
    if len(set(ref.indices)) < len(ref.indices) or not set(ref.indices) <= places or len(missing) > 1:
        return None
    if not missing:
        return Block(ref.name, "1", None, S.One)
    (row,) = missing
    if column is not None:
        return Block(ref.name, f"{column.name}[:, None]", row, S.One) if column.indices == (row,) else None
    return Block(ref.name, "ones", row, S.One)


def _of_definition(
    calculus: Calculus, variables: Sequence[str], item: Definition, ref: Ref, square: Expr
) -> Iterator[Block | None]:
    """The columns of the variables in a part that is read entry by entry."""
    inner = calculus.program.by_name[ref.name]
    places = {*item.free, *item.bound_indices}
    if not isinstance(inner, Definition) or len(set(ref.indices)) < len(ref.indices) or set(ref.indices) != places:
        yield None
        return
    names = dict(zip(inner.free, ref.indices, strict=True))
    parts = _blocks(calculus, variables, inner, inner.body) if not inner.reduce else ()
    for block in parts if not inner.reduce else (_product(calculus, variables, inner),):
        if block is None:
            yield None
        else:
            row = None if block.row is None else names.get(block.row)
            yield replace(block, row=row, square=square * block.square)


def _product(calculus: Calculus, variables: Sequence[str], inner: Definition) -> Block | None:
    """``X`` or ``X.T``, whose columns are contracted with a variable."""
    if inner.reduce != "sum" or len(inner.bound) != 1:
        return None
    given = [part for part in inner.body.atoms(Ref) if not calculus.moves(part)]
    moving = [part for part in inner.body.atoms(Ref) if part.name in variables]
    if len(given) != 1 or len(moving) != 1 or inner.body != given[0] * moving[0]:
        return None
    (place,), source = inner.bound_indices, calculus.program.by_name[given[0].name]
    if len(given[0].indices) != 2 or given[0].indices.count(place) != 1 or not isinstance(source, Input):
        return None
    (row,) = (index for index in given[0].indices if index != place)
    others = [index for index in moving[0].indices if index != place]
    if row in others or sorted([row, *others], key=str) != sorted(inner.free, key=str):
        return None
    text = source.name if given[0].indices[1] == place else f"{source.name}.T"
    return Block(moving[0].name, text, row, S.One)


def _square(calculus: Calculus, scale: Expr) -> Expr | None:
    """The square of a scale that is the same for all entries: also of labels -1 and 1."""
    labels = [ref for ref in scale.atoms(Ref) if _is_sign(calculus, ref)]
    square = sp.expand(scale**2).xreplace({ref**2: S.One for ref in labels})
    return None if square.atoms(Index) or calculus.moves(square) else square


def _is_sign(calculus: Calculus, ref: Ref) -> bool:
    item = calculus.program.by_name[ref.name]
    return isinstance(item, Input) and item.domain.name == "pm1"
