"""What a matrix product means, entry by entry, and in its three readings: rows, columns, outer products.

Source: Golub and Van Loan, Matrix Computations (2013), section 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.derive.errors import InputError, ShapeError, UnknownNameError, UnsupportedError
from chainrule.derive.formula import formula
from chainrule.derive.narrative.symbols import named
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.syntax import Binary, Call, Name, Node, Number, Transpose
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.layers.numbers import DIGITS, Exact, array_shown, exact, fractions, shape_text
from chainrule.learning.layers.readings import Operand, applied, entrywise_part, product_parts
from chainrule.learning.layers.shapes import Lengths, children, names_of

#: Sizes of examples, by the order in which lengths come up.
SIZES = (2, 3, 2, 4, 3)
SEED = 1
NAMED = re.compile(r"([^\W\d]\w*)\s*=(?!=)(.*)", re.DOTALL)
ROUNDED = f"Values of functions have {DIGITS} digits."


def entries(text: str, /, **arrays: Any) -> Explanation:
    """An expression of matrix products written out: index notation, every dot product, and the three readings.

    Rows and columns count from 0, as in NumPy.  Variables without an array get small whole numbers; capitals
    are matrices and small letters vectors where the text does not declare them.

    Args:
        text: an expression of products ``@``, transposes ``.T``, sums, and functions entry by entry, with or without
            a name (``output = X @ W``); declarations may stand before it.
        arrays: numbers for its variables, vectors or matrices of 64 entries at most.

    Raises:
        InputError: an array is no array of numbers, or of no variable.
        ShapeError: the shapes do not fit together.
        UnsupportedError: the expression holds something else.

    Example:
        >>> print(entries("X @ w", X=[[1, 2], [3, 4]], w=[10, 1]).parts[1].moves[2].right.text)
        12
    """
    if not isinstance(text, str):
        raise InputError("an expression of products is a text", found=type(text).__name__)
    *declared, last = [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()] or [""]
    named_so = NAMED.fullmatch(last)
    name, expression = named_so.groups() if named_so else ("", last)
    node = parse_expression(expression, [])
    values = _values(node, declared, arrays)
    told = _Told(values, node, name or "P")
    told.of(node)
    if not told.parts:
        raise UnsupportedError(f"{unparse(node)} has no product to write out", expected="a product, such as X @ W")
    given = (Move(array_shown(array), (named(key),), (f"Shape {shape_text(array)}.",)) for key, array in values.items())
    title = Shown(f"{unparse(node)}, entry by entry", "")
    notes = ("Rows and columns count from 0.", *([ROUNDED] if told.rounded else []))
    return Explanation(title, (Part("Given", tuple(given)), *told.parts), notes)


def _values(node: Node, declared: list[str], arrays: Mapping[str, Any]) -> dict[str, Exact]:
    """The numbers of every variable."""
    names = list(dict.fromkeys(names_of(node)))
    for name in arrays:
        if name not in names:
            raise UnknownNameError(f"the expression has no variable {name}", expected=", ".join(names))
    found = {name: exact(name, array) for name, array in arrays.items()}
    shapes = _declared_shapes(declared, names)
    lengths = Lengths()
    lengths.declare({name: found[name].ndim if name in found else len(shapes[name]) if name in shapes
                     else 2 if name[0].isupper() else 1 for name in names})  # fmt: skip
    lengths.shape(node)
    sizes: dict[int, int] = {}
    for name in names:
        told = found[name].shape if name in found else shapes.get(name, ())
        for length, size in zip(lengths.shapes[name], told, strict=False):
            if str(size).isdecimal():
                _settle(sizes, lengths.root(length), int(str(size)), name)
    rng = np.random.default_rng(SEED)
    for name in names:
        if name not in found:
            shape = [sizes.get(lengths.root(length), SIZES[lengths.number(length) % len(SIZES)])
                     for length in lengths.shapes[name]]  # fmt: skip
            found[name] = exact(name, rng.integers(-2, 4, size=shape))
    return {name: found[name] for name in names}


def _settle(sizes: dict[int, int], root: int, size: int, name: str) -> None:
    if sizes.setdefault(root, size) != size:
        raise ShapeError(
            f"the shape of {name} does not fit the others", expected=f"an axis of length {sizes[root]}",
            found=f"one of length {size}", hint="A @ B needs as many columns of A as rows of B",
        )  # fmt: skip


def _declared_shapes(declared: list[str], names: list[str]) -> dict[str, tuple[Any, ...]]:
    """The shapes of declared variables, read by the notation."""
    if not declared:
        return {}
    read = formula("; ".join([*declared, "0"]))
    return {item.name: item.shape for item in read.inputs if item.name in names}


@dataclass
class _Told:
    """Works an expression out from the inside; every product becomes parts."""

    values: Mapping[str, Exact]
    whole: Node
    name: str
    rounded: bool = False
    parts: list[Part] = field(default_factory=list)
    count: int = 0

    def of(self, node: Node) -> Operand:
        """The value of an expression, its products told."""
        if isinstance(node, Name):
            return Operand(named(node.name), self.values[node.name])
        if isinstance(node, Number):
            return Operand(Shown(unparse(node), unparse(node)), fractions(float(node.value)))
        inner = [self.of(child) for child in children(node)]
        if isinstance(node, Transpose):
            return inner[0].turned()
        made = self._value(node, inner)
        told = product_parts if isinstance(node, Binary) and node.operator == "@" else entrywise_part
        self.parts += told(made, node, inner)
        return made

    def _value(self, node: Node, inner: list[Operand]) -> Operand:
        try:
            value = np.asarray(applied(node, [operand.value for operand in inner]), dtype=object)
        except (ValueError, ZeroDivisionError) as error:
            shapes = ", ".join(shape_text(operand.value) for operand in inner)
            raise ShapeError(
                f"{unparse(node)} cannot be worked out: {error}", span=node.span, found=f"operands {shapes}"
            ) from None
        self.rounded |= isinstance(node, Call)
        return Operand(named(self.name if node is self.whole else self._next()), value)

    def _next(self) -> str:
        """A name for a part that no variable has."""
        self.count += 1
        name = f"P{self.count}"
        return self._next() if name in self.values else name
