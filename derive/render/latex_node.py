r"""Matrix notation in LaTeX.

With the ranks of the names at hand, products are told apart: ``\odot`` between arrays, a thin
space beside scalars, ``u^{\top} v`` for the product of two vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatchmethod

from sympy import S

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.forms.latex_names import latex_name
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    IndexSum,
    Juxtaposed,
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

# How tightly a text binds.
COMPARISON, SUM, PRODUCT, POWER, ATOM = range(5)

RELATIONS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne"}
#: Functions with a sign of their own, by the number of positional arguments that it takes.
SIGNS = {
    "trace": r"\operatorname{{tr}}\left({0}\right)",
    "diag": r"\operatorname{{diag}}\left({0}\right)",
    "digamma": r"\psi\left({0}\right)",
    "trigamma": r"\psi_{{1}}\left({0}\right)",
    "sqrt": r"\sqrt{{{0}}}",
    "eye": r"I_{{{0}}}",
    "max": r"\max\left({0}\right)",
    "min": r"\min\left({0}\right)",
}
#: Functions whose value has one axis less for every axis that they run over.
REDUCTIONS = frozenset({"sum", "mean", "prod", "max", "min", "var", "std", "logsumexp", "norm"})


def node_latex(node: Node, ranks: Mapping[str, int] | None = None) -> str:
    """A node in LaTeX.

    Args:
        node: what the parser or a printer made.
        ranks: number of axes by name; names that are not in it count as scalars.

    Returns:
        A fragment for mathematics mode.
    """
    return _Latex(ranks or {}).write(node)[0]


# ---- ranks ---------------------------------------------------------------------------------------


def rank(node: Node, ranks: Mapping[str, int]) -> int:
    """The number of axes of a node's value."""
    match node:
        case Name():
            return ranks.get(node.name, 0)
        case Negative() | Transpose():
            return rank(node.operand, ranks)
        case Binary(operator="@"):
            left, right = rank(node.left, ranks), rank(node.right, ranks)
            return max(left - 1, 0) + max(right - 1, 0)
        case Binary():
            return max(rank(node.left, ranks), rank(node.right, ranks))
        case Subscript():
            dropped = sum(not isinstance(item, Slice | NewAxis) for item in node.items)
            return rank(node.operand, ranks) - dropped + sum(isinstance(item, NewAxis) for item in node.items)
        case Call():
            return _call_rank(node, ranks)
        case _:
            return 0


def _call_rank(node: Call, ranks: Mapping[str, int]) -> int:
    keywords = dict(node.keywords)
    first = rank(node.arguments[0], ranks) if node.arguments else 0
    if node.function in REDUCTIONS:
        axis = keywords.get("axis")
        if keywords.get("keepdims") == Name("True"):
            return first
        return 0 if axis is None else first - (len(axis.items) if isinstance(axis, Tuple) else 1)
    if node.function in ("ones", "zeros"):
        shape = node.arguments[0]
        return len(shape.items) if isinstance(shape, Tuple) else 1
    if node.function == "einsum" and isinstance(node.arguments[0], Text):
        return len(node.arguments[0].text.partition("->")[2].strip())
    function = MATRIX_FUNCTION_BY_NAME.get(node.function)
    if function is not None:
        return len(function.shape(S.One, S.One))
    fixed = {"trace": 0, "dot": 0, "outer": 2, "eye": 2, "diag": 3 - first}
    return fixed.get(node.function, max((rank(argument, ranks) for argument in node.arguments), default=0))


# ---- writing --------------------------------------------------------------------------------------

Written = tuple[str, int]


@dataclass(frozen=True)
class _Latex:
    ranks: Mapping[str, int]

    def rank(self, node: Node) -> int:
        return rank(node, self.ranks)

    def at_least(self, level: int, node: Node) -> str:
        text, own = self.write(node)
        return text if own >= level else rf"\left({text}\right)"

    def plain(self, node: Node) -> str:
        return self.write(node)[0]

    @singledispatchmethod
    def write(self, node: Node) -> Written:
        """A node's LaTeX and how tightly it binds."""
        raise TypeError(f"no LaTeX of {type(node).__name__}")

    @write.register
    def _(self, node: Number) -> Written:
        value = node.value
        if value.q == 1:
            return str(value.p), ATOM
        denominator = int(value.q)
        while denominator % 2 == 0 or denominator % 5 == 0:
            denominator //= 2 if denominator % 2 == 0 else 5
        if denominator == 1:
            return f"{float(value):g}", ATOM
        return rf"\frac{{{value.p}}}{{{value.q}}}", ATOM

    @write.register
    def _(self, node: Name) -> Written:
        return latex_name(node.name), ATOM

    @write.register
    def _(self, node: Text) -> Written:
        return rf"\texttt{{{node.text}}}", ATOM

    @write.register
    def _(self, node: Negative) -> Written:
        return f"-{self.at_least(PRODUCT, node.operand)}", SUM

    @write.register
    def _(self, node: Transpose) -> Written:
        if isinstance(node.operand, Call) and node.operand.function == "inv":
            return f"{self.at_least(ATOM, node.operand.arguments[0])}^{{-\\top}}", POWER
        return f"{self.at_least(ATOM, node.operand)}^{{\\top}}", POWER

    @write.register
    def _(self, node: Slice) -> Written:
        parts = ["" if part is None else self.plain(part) for part in (node.start, node.stop)]
        return ":".join(parts), ATOM

    @write.register
    def _(self, node: NewAxis) -> Written:
        return r"\ast", ATOM

    @write.register
    def _(self, node: Tuple) -> Written:
        return rf"\left({', '.join(map(self.plain, node.items))}\right)", ATOM

    @write.register
    def _(self, node: Subscript) -> Written:
        inner = ",".join(map(self.plain, node.items))
        base = self.at_least(ATOM, node.operand)
        return (rf"\left({base}\right)_{{{inner}}}" if "_" in base else f"{base}_{{{inner}}}"), ATOM

    @write.register
    def _(self, node: Binary) -> Written:
        if node.operator in RELATIONS:
            return f"{self.plain(node.left)} {RELATIONS[node.operator]} {self.plain(node.right)}", COMPARISON
        return OPERATORS[node.operator](self, node)

    @write.register
    def _(self, node: Juxtaposed) -> Written:
        return f"{self.factor(node.left)} {self.tight(node.right)}", PRODUCT

    @write.register
    def _(self, node: IndexSum) -> Written:
        return rf"\sum_{{{','.join(node.letters)}}} {self.at_least(PRODUCT, node.body)}", SUM

    @write.register
    def _(self, node: Call) -> Written:
        special = CALLS.get(node.function)
        return self.function(node) if special is None else special(self, node)

    # ---- operators

    def sum(self, node: Binary) -> Written:
        right = SUM if node.operator == "+" else PRODUCT
        text = self.at_least(right, node.right)
        if text.startswith("-"):
            text = rf"\left({text}\right)"
        return f"{self.at_least(SUM, node.left)} {node.operator} {text}", SUM

    def times(self, node: Binary) -> Written:
        arrays = self.rank(node.left) > 0 and self.rank(node.right) > 0
        sign = r" \odot " if arrays else r" \, "
        return self.factor(node.left) + sign + self.tight(node.right), PRODUCT

    def matmul(self, node: Binary) -> Written:
        left = self.factor(node.left)
        row = isinstance(node.left, Binary) and node.left.operator == "@" and self.rank(node.left.left) == 1
        if self.rank(node.left) == 1 and not row:
            # A vector on the left is a row; a row times a matrix already is one.
            left = f"{self.at_least(ATOM, node.left)}^{{\\top}}"
        return f"{left} {self.tight(node.right)}", PRODUCT

    def factor(self, node: Node) -> str:
        """The left side of a product; a sign may stand before it."""
        if isinstance(node, Negative):
            return f"-{self.at_least(PRODUCT, node.operand)}"
        return self.at_least(PRODUCT, node)

    def tight(self, node: Node) -> str:
        """The right side of a product."""
        text, level = self.write(node)
        return text if level > PRODUCT or text.startswith(r"\frac") else rf"\left({text}\right)"

    def quotient(self, node: Binary) -> Written:
        if self.rank(node.right):
            upper = self.factor(node.left)
            if self.rank(node.left):
                return rf"{upper} \oslash {self.tight(node.right)}", PRODUCT
            return rf"\frac{{{upper}}}{{{self.plain(node.right)}}}", PRODUCT
        if self.rank(node.left) and not isinstance(node.left, Name):
            text = self.factor(node.left)
            sign = "-" if text.startswith("-") else ""
            return rf"{sign}\frac{{1}}{{{self.plain(node.right)}}} {text.removeprefix('-')}", PRODUCT
        return rf"\frac{{{self.plain(node.left)}}}{{{self.plain(node.right)}}}", PRODUCT

    def power(self, node: Binary) -> Written:
        base, exponent = self.at_least(ATOM, node.left), self.plain(node.right)
        if isinstance(node.left, Call) and node.left.function not in ("norm", "eye"):
            base = rf"\left({base}\right)"
        sign = r"\odot " if self.rank(node.left) else ""
        return f"{base}^{{{sign}{exponent}}}", POWER

    # ---- functions

    def function(self, node: Call) -> Written:
        """A function by its sign, or by its name with the axis as a subscript."""
        entry = BY_NAME.get(node.function)
        arguments = [self.plain(argument) for argument in node.arguments]
        axis = dict(node.keywords).get("axis")
        if node.function in SIGNS and axis is None:
            return SIGNS[node.function].format(*arguments), ATOM
        if entry is not None and entry.latex:
            # Arguments that were left out have their usual values.
            usual = [str(value) for value in entry.defaults[len(arguments) - len(entry.args) :]]
            return entry.latex.format(*arguments, *(usual if len(arguments) < len(entry.args) else [])), ATOM
        if node.function in MATRIX_FUNCTION_BY_NAME:
            return self.matrix_function(node)
        if node.function not in TENSOR_BY_NAME and entry is None:
            return rf"{latex_name(node.function)}\left({', '.join(arguments)}\right)", ATOM
        name = rf"\operatorname{{{node.function.replace('_', ' ')}}}"
        below = "" if axis is None else rf"_{{\mathrm{{axis}}={self.plain(axis)}}}"
        return rf"{name}{below}\left({', '.join(arguments)}\right)", ATOM

    def matrix_function(self, node: Call) -> Written:
        """A function of a matrix; a sign behind it binds like a power."""
        (argument,) = node.arguments
        pattern = MATRIX_FUNCTION_BY_NAME[node.function].latex
        if pattern.startswith("{0}"):
            return pattern.format(self.at_least(ATOM, argument)), POWER
        return pattern.format(self.plain(argument)), ATOM

    def norm(self, node: Call) -> Written:
        below = r"_{F}" if self.rank(node.arguments[0]) == 2 and not node.keywords else ""
        axis = dict(node.keywords).get("axis")
        if axis is not None:
            below = rf"_{{\mathrm{{axis}}={self.plain(axis)}}}"
        return rf"\lVert {self.plain(node.arguments[0])} \rVert{below}", ATOM

    def outer(self, node: Call) -> Written:
        left, right = node.arguments
        return f"{self.tight(left)} {self.at_least(ATOM, right)}^{{\\top}}", PRODUCT

    def where(self, node: Call) -> Written:
        condition, chosen, other = (self.plain(argument) for argument in node.arguments)
        if (chosen, other) == ("1", "0"):
            return rf"\mathbb{{1}}\left[{condition}\right]", ATOM
        cases = rf"{chosen} & {condition} \\ {other} & \text{{otherwise}}"
        return rf"\begin{{cases}} {cases} \end{{cases}}", ATOM

    def constant(self, node: Call) -> Written:
        (shape,) = node.arguments
        items = shape.items if isinstance(shape, Tuple) else (shape,)
        digit = "1" if node.function == "ones" else "0"
        sizes = r" \times ".join(map(self.plain, items))
        return rf"\mathbf{{{digit}}}_{{{sizes}}}", ATOM


OPERATORS: dict[str, Callable[[_Latex, Binary], Written]] = {
    "+": _Latex.sum,
    "-": _Latex.sum,
    "*": _Latex.times,
    "@": _Latex.matmul,
    "/": _Latex.quotient,
    "**": _Latex.power,
}
CALLS: dict[str, Callable[[_Latex, Call], Written]] = {
    "norm": _Latex.norm,
    "outer": _Latex.outer,
    "where": _Latex.where,
    "ones": _Latex.constant,
    "zeros": _Latex.constant,
}
