r"""Matrix notation in LaTeX.

With the ranks of the names at hand, products are told apart: ``\odot`` between arrays, a thin
space beside scalars, ``u^{\top} v`` for the product of two vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import singledispatchmethod

from sympy import Rational, S

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.forms.index_styles import latex_power
from chainrule.derive.forms.latex_functions import call_latex, function_word, signs_of, takes_bracket
from chainrule.derive.forms.latex_names import latex_name, latex_names
from chainrule.derive.notation.latex.symbols import Symbol, symbol_of
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
    Rate,
    Slice,
    Subscript,
    Text,
    Transpose,
    Tuple,
    walk,
)
from chainrule.derive.notation.unparse import decimal_text

# How tightly a text binds.
# A function without brackets around all of its argument is open: a factor after it might belong to it.
COMPARISON, SUM, OPEN, PRODUCT, FRACTION, POWER, ATOM = range(7)

#: How a name of several letters begins.
WORD = r"\mathrm{"
RELATIONS = {"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne"}
#: Functions with a sign of their own, by the number of positional arguments that it takes.
SIGNS = {
    "trace": r"\operatorname{{tr}}\left({0}\right)",
    "diag": r"\operatorname{{diag}}\left({0}\right)",
    "digamma": r"\psi\left({0}\right)",
    "i0": r"I_0\left({0}\right)",
    "i1": r"I_1\left({0}\right)",
    "trigamma": r"\psi_{{1}}\left({0}\right)",
    "sqrt": r"\sqrt{{{0}}}",
    "max": r"\max\left({0}\right)",
    "min": r"\min\left({0}\right)",
}
#: Functions whose value has one axis less for every axis that they run over.
REDUCTIONS = frozenset({"sum", "mean", "prod", "max", "min", "var", "std", "logsumexp", "norm"})


def node_latex(node: Node, ranks: Mapping[str, int] | None = None, shown: Collection[str] | None = None) -> str:
    """A node in LaTeX.

    Args:
        node: what the parser or a printer made.
        ranks: number of axes by name; names that are not in it count as scalars.
        shown: the names that must look different, those of ``ranks`` unless told otherwise.

    Returns:
        A fragment for mathematics mode.
    """
    known = dict(ranks or {})
    names = {*(known if shown is None else shown), *(part.name for part in walk(node) if isinstance(part, Name))}
    spelled = latex_names({name: known.get(name, 0) for name in names})
    return _Latex(known, spelled, frozenset(map(symbol_of, names))).write(node)[0]


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
        case Tuple(square=True):
            return 1 + max(rank(item, ranks) for item in node.items)
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
    fixed = {"trace": 0, "dot": 0, "outer": 2, "eye": 2, "diag": 3 - first, "arange": 1, "onehot": first + 1}
    return fixed.get(node.function, max((rank(argument, ranks) for argument in node.arguments), default=0))


# ---- writing --------------------------------------------------------------------------------------

Written = tuple[str, int]


@dataclass(frozen=True)
class _Latex:
    ranks: Mapping[str, int]
    names: Mapping[str, str]
    letters: frozenset[Symbol]

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
        value = abs(node.value)
        sign = "-" if node.value < 0 else ""
        digits = decimal_text(value)
        if digits:
            mantissa, _, power = digits.partition("e")
            text = rf"{mantissa} \cdot 10^{{{power}}}" if power else mantissa
            return sign + text, PRODUCT if power or sign else ATOM
        return rf"{sign}\frac{{{value.p}}}{{{value.q}}}", PRODUCT if sign else FRACTION

    @write.register
    def _(self, node: Name) -> Written:
        return self.names.get(node.name) or latex_name(node.name), ATOM

    @write.register
    def _(self, node: Text) -> Written:
        return rf"\texttt{{{node.text}}}", ATOM

    @write.register
    def _(self, node: Negative) -> Written:
        return f"-{self.at_least(OPEN, node.operand)}", SUM

    @write.register
    def _(self, node: Rate) -> Written:
        return rf"\frac{{d}}{{d {self.plain(node.variable)}}} \left({self.plain(node.body)}\right)", PRODUCT

    @write.register
    def _(self, node: Transpose) -> Written:
        if isinstance(node.operand, Call) and node.operand.function == "inv":
            return f"{self.at_least(ATOM, node.operand.arguments[0])}^{{-\\top}}", POWER
        return f"{self.at_least(ATOM, node.operand)}^{{\\top}}", POWER

    @write.register
    def _(self, node: Slice) -> Written:
        start = "" if node.start is None else self.plain(next_place(node.start))
        return f"{start}:{'' if node.stop is None else self.plain(node.stop)}".replace(" ", ""), ATOM

    @write.register
    def _(self, node: NewAxis) -> Written:
        return r"\ast", ATOM

    @write.register
    def _(self, node: Tuple) -> Written:
        if node.square:
            return self.array(node), ATOM
        return rf"\left({', '.join(map(self.plain, node.items))}\right)", ATOM

    @write.register
    def _(self, node: Subscript) -> Written:
        inner = ",".join(map(self.place, node.items))
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

    def array(self, node: Tuple) -> str:
        """A column of numbers, rows under each other, or a list of matrices."""
        if self.rank(node) > 2:
            return rf"\left[{', '.join(map(self.plain, node.items))}\right]"
        rows = r" \\ ".join(map(self.row, node.items))
        return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"

    def row(self, item: Node) -> str:
        """What stands in one row of an array: an entry, the entries of a row, or a vector as a row."""
        if isinstance(item, Tuple):
            return " & ".join(map(self.plain, item.items))
        return self.column(item, turned=True) if self.rank(item) == 1 else self.plain(item)

    def place(self, item: Node) -> str:
        """An item of a subscript; in LaTeX, entries count from 1."""
        return self.plain(item if isinstance(item, Slice | NewAxis) else next_place(item)).replace(" ", "")

    # ---- operators

    def sum(self, node: Binary) -> Written:
        right = SUM if node.operator == "+" else OPEN
        text = self.at_least(right, node.right)
        if text.startswith("-"):
            text = rf"\left({text}\right)"
        return f"{self.at_least(SUM, node.left)} {node.operator} {text}", SUM

    def times(self, node: Binary) -> Written:
        if self.rank(node.left) > 0 and self.rank(node.right) > 0:
            return rf"{self.apart(node.left, '@')} \odot {self.tight(node.right)}", PRODUCT
        left, right = self.apart(node.left), self.tight(node.right)
        dot = right.startswith(r"\left(") and takes_bracket(left.rpartition(" ")[2])
        return rf"{left} \cdot {right}" if dot else rf"{left} \, {right}", PRODUCT

    def matmul(self, node: Binary) -> Written:
        left = self.column(node.left, turned=True) if self.rank(node.left) == 1 else self.apart(node.left, "*")
        right = self.column(node.right) if self.rank(node.right) == 1 else self.tight(node.right)
        before, space, last = left.rpartition(" ")
        if right.startswith(r"\left(") and takes_bracket(last):
            left = f"{before}{space}{{{last}}}"
        elif right.startswith(WORD) or last.startswith(WORD):
            # Names of several letters run into each other.
            left += r" \,"
        return f"{left} {right}", PRODUCT

    def column(self, node: Node, turned: bool = False) -> str:
        """A vector as a column, or ``turned`` as a row: transposed where it is written the other way."""
        if self.is_row(node) == turned:
            return self.apart(node, "*") if turned else self.tight(node)
        if isinstance(node, Binary) and node.operator == "*" and isinstance(node.left, Number):
            return rf"{self.factor(node.left)} \, {self.column(node.right, turned)}"
        return rf"{self.at_least(ATOM, node)}^{{\top}}"

    def is_row(self, node: Node) -> bool:
        r"""Whether a vector is written as a row, such as ``x^{\top} A``."""
        if isinstance(node, Negative):
            return self.is_row(node.operand)
        if not isinstance(node, Binary) or node.operator == "**" or self.rank(node) != 1:
            return False
        if node.operator == "@":
            return self.rank(node.right) == 2
        arrays = [side for side in (node.left, node.right) if self.rank(side)]
        return all(map(self.is_row, arrays)) and (node.operator in "+-" or len(arrays) == 1)

    def apart(self, node: Node, operator: str = "") -> str:
        """The left side of a product; in parentheses if it ends with a quotient, or is a product of the other kind."""
        return rf"\left({self.plain(node)}\right)" if self.is_loose(node, operator) else self.factor(node)

    def is_loose(self, node: Node, operator: str) -> bool:
        """Whether a left side is a product of arrays by this operator, or a quotient of them."""
        if isinstance(node, Negative):
            return self.is_loose(node.operand, operator)
        if isinstance(node, Call) and node.function == "outer":
            return operator == "@"
        if not isinstance(node, Binary) or node.operator not in ("*", "/", "@"):
            return False
        arrays = self.rank(node.left) > 0 and self.rank(node.right) > 0
        if node.operator == "/":
            return arrays
        return (arrays and node.operator == operator) or self.is_loose(node.left, operator)

    def factor(self, node: Node) -> str:
        """The left side of a product; a sign may stand before it."""
        if isinstance(node, Negative):
            return f"-{self.at_least(PRODUCT, node.operand)}"
        return self.at_least(PRODUCT, node)

    def tight(self, node: Node) -> str:
        """The right side of a product."""
        text, level = self.write(node)
        return text if level > PRODUCT else rf"\left({text}\right)"

    def quotient(self, node: Binary) -> Written:
        if self.rank(node.right):
            if self.rank(node.left):
                return rf"{self.apart(node.left, '@')} \oslash {self.tight(node.right)}", PRODUCT
            return rf"\frac{{{self.factor(node.left)}}}{{{self.plain(node.right)}}}", FRACTION
        if self.rank(node.left) and not isinstance(node.left, Name):
            text = self.factor(node.left)
            sign = "-" if text.startswith("-") else ""
            return rf"{sign}\frac{{1}}{{{self.plain(node.right)}}} {text.removeprefix('-')}", PRODUCT
        return rf"\frac{{{self.plain(node.left)}}}{{{self.plain(node.right)}}}", FRACTION

    def power(self, node: Binary) -> Written:
        base, exponent = self.at_least(ATOM, node.left), self.plain(node.right)
        called = isinstance(node.left, Call) and node.left.function not in ("norm", "eye")
        sign = r"\odot " if self.rank(node.left) else ""
        return latex_power(base, sign + exponent, called), POWER

    # ---- functions

    def function(self, node: Call) -> Written:
        """A function by its sign, or by its name with the axis as a subscript."""
        entry = BY_NAME.get(node.function)
        arguments = [self.plain(argument) for argument in node.arguments]
        sign = SIGNS.get(node.function, "")
        if sign and not node.keywords and self.letters.isdisjoint(signs_of(sign)):
            return sign.format(*arguments), ATOM
        if node.function == "abs" and self.rank(node.arguments[0]) > 1:
            return rf"{function_word('abs')}\left({arguments[0]}\right)", ATOM
        if entry is not None and not sign:
            return call_latex(entry, arguments, self.letters), ATOM
        if node.function in MATRIX_FUNCTION_BY_NAME:
            return self.matrix_function(node)
        if node.function not in TENSOR_BY_NAME and entry is None:
            return rf"{latex_name(node.function)}\left({', '.join(arguments)}\right)", ATOM
        return rf"{function_word(node.function)}{self.below(node)}\left({', '.join(arguments)}\right)", ATOM

    def below(self, node: Call) -> str:
        """The axis of a function, as a subscript."""
        shown = [
            rf"\mathrm{{{key}}}" if value == Name("True") else rf"\mathrm{{{key}}}={self.plain(value)}"
            for key, value in node.keywords
        ]
        return rf"_{{{', '.join(shown)}}}" if shown else ""

    def matrix_function(self, node: Call) -> Written:
        """A function of a matrix; a sign behind it binds like a power."""
        (argument,) = node.arguments
        pattern = MATRIX_FUNCTION_BY_NAME[node.function].latex
        if pattern.startswith("{0}"):
            return pattern.format(self.at_least(ATOM, argument)), POWER
        return pattern.format(self.plain(argument)), OPEN if pattern.startswith(r"\log") else ATOM

    def norm(self, node: Call) -> Written:
        frobenius = self.rank(node.arguments[0]) >= 2 and not node.keywords
        below = r"_{F}" if frobenius else self.below(node)
        return rf"\lVert {self.plain(node.arguments[0])} \rVert{below}", ATOM

    def eye(self, node: Call) -> Written:
        (side,) = map(self.plain, node.arguments)
        taken = any(symbol.base == "I" for symbol in self.letters)
        return (rf"{function_word('eye')}\left({side}\right)" if taken else f"I_{{{side}}}"), ATOM

    def outer(self, node: Call) -> Written:
        left, right = node.arguments
        return f"{self.column(left)} {self.column(right, turned=True)}", PRODUCT

    def where(self, node: Call) -> Written:
        chosen, other = (self.plain(argument) for argument in node.arguments[1:])
        condition = r" \wedge ".join(map(self.plain, conjunction(node.arguments[0])))
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
    "eye": _Latex.eye,
    "outer": _Latex.outer,
    "where": _Latex.where,
    "ones": _Latex.constant,
    "zeros": _Latex.constant,
}


def conjunction(node: Node) -> list[Node]:
    """The comparisons that a condition holds together: those of ``where(a, 1, 0)*where(b, 1, 0) != 0``."""
    zero, one = Number(Rational(0)), Number(Rational(1))
    if not isinstance(node, Binary) or node.operator not in RELATIONS:
        return [Binary("!=", node, zero)]
    found: list[Node] = []
    waiting = [node.left] if node.operator == "!=" and node.right == zero else []
    while waiting:
        part = waiting.pop()
        if isinstance(part, Binary) and part.operator == "*":
            waiting += [part.right, part.left]
        elif isinstance(part, Call) and part.function == "where" and part.arguments[1:] == (one, zero):
            found += conjunction(part.arguments[0])
        else:
            return [node]
    return found or [node]


def next_place(node: Node) -> Node:
    """A subscript that counts from 0, counted from 1."""
    one = Number(Rational(1))
    match node:
        case Number(value):
            return Number(value + 1)
        case Binary("-", left, Number(value)):
            return left if value == 1 else Binary("-", left, Number(value - 1))
        case Binary("+", left, Number(value)):
            return Binary("+", left, Number(value + 1))
    return Binary("+", node, one)
