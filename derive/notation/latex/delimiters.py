"""Brackets, bars, norms, inner products, arrays, and the signs 1 and I for arrays."""

from __future__ import annotations

from dataclasses import replace

from sympy import Rational

from chainrule.derive.errors import NotationError, UnsupportedError
from chainrule.derive.notation.latex.applied import CLOSING, close, keywords_of
from chainrule.derive.notation.latex.conditions import has_relation, read_cases, read_indicator
from chainrule.derive.notation.latex.reading import Group, Reading, group_of, missing
from chainrule.derive.notation.latex.sums import read_array
from chainrule.derive.notation.syntax import Call, Node, Number, Overloaded, Tuple
from chainrule.derive.notation.tokens import Token

#: The orders of norms by what stands below their bars.
ORDERS = {
    (): "", ("1",): "1", ("2",): "2", ("F",): "F", ("mathrm:F",): "F", ("infty",): "inf", ("∗",): "nuclear",
    ("star",): "nuclear", ("mathrm:nuc",): "nuclear",
}  # fmt: skip
#: Bars, by the sign that opens them: what closes them.
BARS = {"|": "|", "|(": "|)", "‖": "‖", "‖(": "‖)"}


def read_bracket(reading: Reading) -> Node:
    """An expression in brackets, a tuple, a condition, or cases behind a brace."""
    opening = reading.token
    if opening.text == "[" and (array := read_array(reading, opening)) is not None:
        return array
    if opening.text in ("[", "{(") and has_relation(reading):
        reading.take()
        return read_indicator(reading, CLOSING[opening.text], opening)
    reading.take()
    if opening.text == "{(" and reading.is_command("begin:array"):
        return _braced_cases(reading, opening)
    reading.open.append(opening.text)
    items = [reading.expression()]
    is_tuple = reading.token.is_(",")
    while reading.accept(","):
        items.append(reading.expression())
    close(reading, CLOSING[opening.text], opening)
    reading.open.pop()
    span = reading.from_(opening)
    return Tuple(tuple(items), opening.text == "[", span=span) if is_tuple else replace(items[0], span=span)


def _braced_cases(reading: Reading, opening: Token) -> Node:
    r"""``\left\{ \begin{array}{ll} .. \end{array} \right.``, an older way to write cases."""
    owner = reading.take()
    reading.group(owner)
    node = read_cases(reading, "array")
    if not reading.accept("null", "})"):
        raise missing("null", reading.token, opening)
    return node


def positive_part(node: Node, reading: Reading, start: Token) -> Node:
    """``[x]_+``: the larger of x and 0."""
    return Call("maximum", (node, Number(Rational(0))), span=reading.from_(start))


# ---- bars -------------------------------------------------------------------------------------------


def opens_bars(reading: Reading) -> bool:
    """Whether the bar that stands here opens a pair: one without a side closes the pair it lies in."""
    token = reading.token
    if token.is_("|(", "‖("):
        return True
    return token.is_("|", "‖") and token.text not in reading.open[-1:] and "||" not in reading.open[-1:]


def read_bars(reading: Reading) -> Node:
    r"""``|x|``, or a norm: ``\lVert x \rVert_2``, ``||x||``."""
    opening = reading.take()
    closing = BARS[opening.text]
    double = opening.text == "|" and reading.token.is_("|") and not reading.token.spaced
    if double:
        reading.take()
    reading.open.append("||" if double else opening.text)
    inner = reading.expression()
    reading.open.pop()
    _close_bars(reading, closing, opening)
    if double:
        _close_bars(reading, closing, opening)
    if opening.text[0] == "|" and not double:
        return Overloaded("bars", (inner,), reading.detail, span=reading.from_(opening))
    below = reading.scripts_below()
    keywords = keywords_of(reading, below) if below is not None else ()
    if keywords:
        return Call("norm", (inner,), keywords, span=reading.from_(opening))
    return Overloaded("norm", (inner,), _order(below), span=reading.from_(opening))


def _close_bars(reading: Reading, closing: str, opening: Token) -> None:
    if not reading.accept(closing):
        raise missing(closing, reading.token, opening)


def _order(below: Group | None) -> str:
    words = below.words if below is not None else ()
    if words not in ORDERS:
        raise UnsupportedError(
            "this norm is not read", below.span if below else None, expected="below the bars 1, 2, F, \\infty or *"
        )
    return ORDERS[words]


def read_inner_product(reading: Reading) -> Node:
    r"""``\langle a, b \rangle``: the sum of the products of the entries."""
    opening = reading.take()
    reading.open.append(opening.text)
    left = reading.expression()
    if not reading.accept(",", "∣", "|"):
        raise missing(",", reading.token, opening)
    right = reading.expression()
    reading.open.pop()
    if not reading.accept("⟩"):
        raise missing("⟩", reading.token, opening)
    return Overloaded("inner", (left, right), span=reading.from_(opening))


# ---- arrays of ones, identity matrices, indicators ----------------------------------------------------------


def read_constant(reading: Reading, token: Token, group: Group) -> Node:
    r"""``\mathbf{1}``, ``\mathbb{1}[x > 0]``, ``\mathbf{0}_{n \times d}``: a sign that has been read."""
    digit = group.words[0]
    below = reading.scripts_below()
    if digit == "1" and below is not None and any(part.is_("=", "<", ">", "<=", ">=", "!=") for part in below.tokens):
        inside = reading.inner(_unbracketed(below))
        node = read_indicator_of(inside)
        return replace(node, span=reading.from_(token))
    if below is None and digit == "1" and reading.token.is_(*CLOSING) and has_relation(reading):
        opening = reading.take()
        return replace(read_indicator(reading, CLOSING[opening.text], opening), span=reading.from_(token))
    if below is None:
        if digit == "0":
            raise NotationError("the size of this array is missing", token.span, expected="\\mathbf{0}_{n}")
        return Overloaded("ones", (), span=reading.from_(token))
    sizes = tuple(reading.whole(part) for part in below.parts("×"))
    shape = sizes[0] if len(sizes) == 1 else Tuple(sizes, span=below.span)
    return Call("ones" if digit == "1" else "zeros", (shape,), span=reading.from_(token))


def _unbracketed(below: Group) -> Group:
    """A group without the brackets around all of it."""
    tokens = below.tokens[:-1]
    if len(tokens) > 2 and tokens[0].is_(*CLOSING) and tokens[-1].is_(CLOSING[tokens[0].text]):
        return group_of(tokens[1:-1], below.span)
    return below


def read_indicator_of(inside: Reading) -> Node:
    """The indicator of the condition that a group is."""
    end = inside.tokens[-1]
    closing = Token("operator", "])", end.span)
    inside.tokens[-1:] = [closing, end]
    node = read_indicator(inside, "])", inside.token)
    inside.finish()
    return node


# ---- matrices ------------------------------------------------------------------------------------------


def read_matrix(reading: Reading, environment: str, start: Token) -> Node:
    r"""``\begin{pmatrix} a & b \\ c & d \end{pmatrix}``; one column of numbers or vectors is a vector.

    ``vmatrix`` is the determinant.
    """
    rows: list[list[Node]] = [[]]
    reading.open.append(environment)
    while not reading.is_command(f"end:{environment}"):
        rows[-1].append(reading.expression())
        if reading.accept("\\\\"):
            if not reading.is_command(f"end:{environment}"):
                rows.append([])
        elif not reading.accept("&") and not reading.is_command(f"end:{environment}"):
            raise missing(f"\\end{{{environment}}}", reading.token, start)
    reading.take()
    reading.open.pop()
    span = reading.from_(start)
    if len({len(row) for row in rows}) != 1:
        raise NotationError("the rows of this matrix have different lengths", span)
    whole = Overloaded("blocks", tuple(block for row in rows for block in row), str(len(rows[0])), span=span)
    return Overloaded("bars", (whole,), span=span) if environment == "vmatrix" else whole
