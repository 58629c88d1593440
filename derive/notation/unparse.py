"""Syntax trees to text, with as few brackets as the grammar allows.

``parse_expression(unparse(node))`` is the node again, places in the text excepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Rational

from chainrule.derive.errors import near_names
from chainrule.derive.notation.parser import BINDING, FUNCTIONS, PRODUCT, SIGN, SUM
from chainrule.derive.notation.signs import COMPARISON
from chainrule.derive.notation.syntax import (
    ALONG,
    Applied,
    Binary,
    Call,
    Dots,
    IndexSum,
    Iverson,
    Juxtaposed,
    Name,
    Negative,
    NewAxis,
    Node,
    Number,
    Rate,
    Slice,
    Subscript,
    Subscripted,
    Text,
    Transpose,
    Tuple,
)
from chainrule.derive.notation.tokens import MAX_DIGITS, SUBSCRIPTS

#: Binding power of what needs no brackets anywhere.
ATOM = 60
#: Subscripts in the same word as their name, as small characters.
SMALL = str.maketrans({plain: small for small, plain in SUBSCRIPTS.items()})
#: A sum over index letters takes the whole product that follows it.
INDEX_SUM = SUM + 5


def unparse(node: Node) -> str:
    """The text of a node.

    >>> from chainrule.derive.notation.parser import parse_expression
    >>> unparse(parse_expression("(2)*((X.T) @ (p-y))/n"))
    '2*(X.T @ (p - y))/n'
    """
    return _WRITERS[type(node)](node)


def binding(node: Node) -> int:
    """How tightly the text of a node holds together."""
    if isinstance(node, Binary):
        return BINDING[node.operator]
    if isinstance(node, Number):
        return SIGN if node.value < 0 else ATOM if decimal_text(node.value) else PRODUCT
    if isinstance(node, IndexSum):
        return ATOM if node.kind in ALONG else INDEX_SUM
    return {Juxtaposed: PRODUCT, Rate: PRODUCT, Negative: SIGN}.get(type(node), ATOM)


def _bracketed(node: Node, least: int, sign: bool = True) -> str:
    """The text in brackets if it binds less tightly than ``least``, or has a sign where none may stand."""
    text = unparse(node)
    return f"({text})" if binding(node) < least or (not sign and text.startswith("-")) else text


def _chain(node: Binary | Juxtaposed) -> str:
    """Operators of one level, followed in a loop so that the stack does not limit their number."""
    if isinstance(node, Binary) and node.operator == "**":
        exponent = _bracketed(node.right, SIGN)
        return f"{_bracketed(node.left, ATOM)}**{exponent}"
    level = binding(node)
    chain: list[Binary | Juxtaposed] = [node]
    while level != COMPARISON and not _needs_brackets(chain[-1]):
        left = chain[-1].left
        if not isinstance(left, Binary | Juxtaposed) or binding(left) != level or _misread(chain[-1]):
            break
        chain.append(left)
    first = chain[-1]
    least = ATOM + 1 if _needs_brackets(first) or _misread(first) else level + (level == COMPARISON)
    parts, wide = [_bracketed(first.left, least)], False
    for item in reversed(chain):
        wide = wide or (isinstance(item, Binary) and item.operator == "@")
        parts.append(_right(item, level, wide))
    return "".join(parts)


def _right(node: Binary | Juxtaposed, level: int, wide: bool = True) -> str:
    """An operator with its right operand; ``*`` and ``/`` are spaced where an ``@`` went before."""
    text = _bracketed(node.right, level + 1, sign=False)
    if isinstance(node, Juxtaposed):
        return f" ({text})" if text[0].isdigit() or text[0] == "." else f" {text}"
    return f"{node.operator}{text}" if node.operator in "*/" and not wide else f" {node.operator} {text}"


def _misread(node: Binary | Juxtaposed) -> bool:
    """Whether ``A*B @ C`` would be taken for ``A*(B @ C)``, although the grammar is clear; not so ``2/n*A @ C``.

    Neither is ``u @ v * x`` left to the grammar.
    """
    if not (isinstance(node, Binary) and isinstance(node.left, Binary)):
        return False
    if node.operator != "@":
        return node.operator == "*" and node.left.operator == "@"
    first: Node = node.left
    while isinstance(first, Binary) and binding(first) == PRODUCT:
        first = first.left
    if isinstance(first, Negative):
        first = first.operand
    return node.left.operator in "*/" and not isinstance(first, Number)


def _needs_brackets(node: Binary | Juxtaposed) -> bool:
    """Whether the left operand of a juxtaposition would be read as a function or as part of a quotient."""
    if not isinstance(node, Juxtaposed):
        return False
    left = node.left
    quotient = isinstance(left, Binary) and left.operator == "/"
    closed = isinstance(left, Number | Call | Transpose | Subscript | Iverson)
    closed = closed or (isinstance(left, Subscripted) and not near_names(left.whole, FUNCTIONS))
    call = _right(node, PRODUCT).startswith(" (") and not closed
    return quotient or call


def _negative(node: Negative) -> str:
    return "-" + _bracketed(node.operand, SIGN, sign=False)


def _operand(node: Node) -> str:
    """The text of what a transpose or a subscript follows."""
    return f"({unparse(node)})" if isinstance(node, Number) else _bracketed(node, ATOM)


def _number(node: Number) -> str:
    text = decimal_text(abs(node.value)) or f"{abs(node.value.p)}/{node.value.q}"
    return f"-{text}" if node.value < 0 else text


def decimal_text(value: Rational) -> str:
    """A number that has finitely many digits, written so; empty for others."""
    places, denominator = 0, int(value.q)
    while denominator > 1 and 10**places % denominator and places < 4 * MAX_DIGITS * 3:
        places += 1
    scaled = abs(int(value.p)) * 10**places
    if scaled % denominator:
        return ""
    digits = str(scaled // denominator)
    if len(digits) + max(places - len(digits) + 1, 0) > MAX_DIGITS:
        short = digits.rstrip("0")
        return f"{short}e{len(digits) - len(short) - places}"
    digits = digits.rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits


def _tuple(node: Tuple) -> str:
    inner = ", ".join(map(unparse, node.items))
    if node.square:
        return f"[{inner}]"
    return f"({inner},)" if len(node.items) == 1 else f"({inner})"


def _slice(node: Slice) -> str:
    parts = (node.start, node.stop) if node.step is None else (node.start, node.stop, node.step)
    return ":".join("" if part is None else unparse(part) for part in parts)


def _call(node: Call) -> str:
    written = [*map(unparse, node.arguments), *(f"{name}={unparse(value)}" for name, value in node.keywords)]
    return f"{node.function}({', '.join(written)})"


def _index_sum(node: IndexSum) -> str:
    if node.kind in ALONG:
        return f"{node.kind}_{''.join(node.letters)}({unparse(node.body)})"
    sign = {"sum": "Σ", "prod": "∏"}.get(node.kind, node.kind)
    return f"{sign}{_under(node)} {_bracketed(node.body, PRODUCT)}"


def _under(node: IndexSum) -> str:
    """What stands under and over the sign: the letters, or ranges and conditions in braces."""
    if not node.ranges and not node.conditions:
        return f"_{''.join(node.letters)}" if node.letters else ""
    conditions = [*map(unparse, node.conditions)]
    written = {(entry.start, entry.stop) for entry in node.ranges}
    start, stop = next(iter(written), (None, None))
    if len(written) == 1 and start and stop and {entry.letter for entry in node.ranges} == set(node.letters):
        inner = f"{', '.join(node.letters)}={unparse(start)}"
        return f"_{{{', '.join([inner, *conditions])}}}^{{{unparse(stop)}}}"
    ranges = [f"{unparse(entry.start)} <= {entry.letter}" for entry in node.ranges if entry.start is not None]
    ranges += [f"{entry.letter} <= {unparse(entry.stop)}" for entry in node.ranges if entry.stop is not None]
    return f"_{{{', '.join([*node.letters, *ranges, *conditions])}}}"


def _subscripted(node: Subscripted) -> str:
    small = node.whole.removeprefix(node.base)
    if node.whole and not small.startswith("_"):
        return node.base + small.translate(SMALL)
    return node.whole or f"{node.base}_{{{', '.join(map(unparse, node.items))}}}"


def _applied(node: Applied) -> str:
    given = f" | {', '.join(map(unparse, node.given))}" if node.given else ""
    return f"{node.name}({', '.join(map(unparse, node.arguments))}{given})"


_WRITERS: dict[type[Node], Callable[[Any], str]] = {
    Number: _number,
    Name: lambda node: node.name,
    Text: lambda node: f"'{node.text}'" if "'" not in node.text else f'"{node.text}"',
    Negative: _negative,
    Binary: _chain,
    Juxtaposed: _chain,
    Transpose: lambda node: f"{_operand(node.operand)}.T",
    IndexSum: _index_sum,
    Subscript: lambda node: f"{_operand(node.operand)}[{', '.join(map(unparse, node.items))}]",
    Subscripted: _subscripted,
    Iverson: lambda node: f"[{unparse(node.condition)}]",
    Applied: _applied,
    Rate: lambda node: f"d({unparse(node.body)})/d{unparse(node.variable)}",
    NewAxis: lambda node: "None",
    Dots: lambda node: "...",
    Slice: _slice,
    Tuple: _tuple,
    Call: _call,
}
