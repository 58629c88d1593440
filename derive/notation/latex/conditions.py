"""Comparisons, what they choose between, and the rows of ``cases``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sympy import Rational

from chainrule.derive.errors import NotationError
from chainrule.derive.notation.latex.reading import RELATION, Reading, missing
from chainrule.derive.notation.latex.tables import CONDITION_WORDS, OTHERWISE
from chainrule.derive.notation.syntax import Binary, BinaryOperator, Call, Node, Number, Tuple
from chainrule.derive.notation.tokens import Token

#: Signs that compare, by what they are in the notation.
RELATIONS: dict[str, BinaryOperator] = {
    "<": "<", "<=": "<=", ">": ">", ">=": ">=", "!=": "!=", "=": "==",
}  # fmt: skip
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
ONE, ZERO = Number(Rational(1)), Number(Rational(0))


def word_of(token: Token) -> str:
    """The word that a token writes in upright letters, such as ``if``."""
    return token.text.partition(":")[2].strip(" ,.") if token.kind == "command" else ""


def has_relation(reading: Reading) -> bool:
    """Whether the bracket that opens here holds a comparison of its own."""
    level = 0
    for token in reading.tokens[reading.at :]:
        level += token.is_("(", "[", "{", "{(") or token.text.startswith("begin:")
        level -= token.is_(")", "]", "}", "})") or token.text.startswith("end:")
        if level == 0:
            return False
        if level == 1 and token.is_(*RELATIONS):
            return True
    return False


def read_conditions(reading: Reading) -> list[Binary]:
    """Comparisons that hold together: chained, or joined by a comma, a wedge or the word *and*."""
    reading.conditions += 1
    found: list[Binary] = []
    while True:
        found += _chain(reading)
        joined = reading.accept(",") or reading.is_command("wedge", "land") or word_of(reading.token) == "and"
        if not joined or reading.token.is_("&", "\\\\") or reading.token.kind == "end":
            break
        if reading.token.kind == "command" and (word_of(reading.token) == "and" or reading.is_command("wedge", "land")):
            reading.take()
    reading.conditions -= 1
    return found


def _chain(reading: Reading) -> list[Binary]:
    r"""``a < b``, ``a < b \le c``."""
    left = reading.expression(RELATION + 1)
    found: list[Binary] = []
    while reading.token.is_(*RELATIONS):
        token = reading.take()
        right = reading.expression(RELATION + 1)
        found.append(Binary(RELATIONS[token.text], left, right, span=token.span))
        left = right
    if not found:
        raise NotationError(
            "a comparison is missing here", reading.token.span, expected="a condition such as x > 0",
            found=reading.token.shown,
        )  # fmt: skip
    return found


def choice(conditions: Sequence[Node], chosen: Node, other: Node) -> Node:
    """One value where all conditions hold, else another."""
    span = conditions[0].span
    condition = conditions[0] if len(conditions) == 1 else Tuple(tuple(conditions), span=span)
    return Call("where", (condition, chosen, other), span=span)


def read_indicator(reading: Reading, closing: str, opening: Token) -> Node:
    """``[a = b]``: 1 where the condition holds, else 0; the bracket has been opened."""
    reading.open.append(opening.text)
    conditions = read_conditions(reading)
    if not reading.token.is_(closing):
        raise missing(closing, reading.token, opening)
    reading.take()
    reading.open.pop()
    return choice(conditions, ONE, ZERO)


# ---- cases ------------------------------------------------------------------------------------------


def read_cases(reading: Reading, environment: str) -> Node:
    """The rows of ``cases``, up to the end of the environment; the beginning has been read."""
    start = reading.tokens[reading.at - 1]
    rows: list[tuple[Node, list[Binary]]] = []
    reading.open.append("cases")
    while not reading.is_command(f"end:{environment}"):
        rows.append(_row(reading))
        if not reading.accept("\\\\"):
            break
    if not reading.is_command(f"end:{environment}"):
        raise missing(f"\\end{{{environment}}}", reading.token, start)
    reading.take()
    reading.open.pop()
    if not rows:
        raise NotationError("there are no cases here", start.span, expected="value & condition \\\\ ..")
    return _chosen(rows, start)


def _row(reading: Reading) -> tuple[Node, list[Binary]]:
    """A value and its conditions; none for the case that is left."""
    value = reading.expression()
    reading.accept(",")
    marked = reading.accept("&")
    word = word_of(reading.token)
    if not marked and word not in CONDITION_WORDS:
        raise NotationError(
            "'&' is missing", reading.token.span, expected="value & condition", found=reading.token.shown
        )
    if word in CONDITION_WORDS:
        reading.take()
    conditions = [] if word in OTHERWISE else read_conditions(reading)
    reading.accept(",", ".", ";")
    return value, conditions


def _chosen(rows: Sequence[tuple[Node, list[Binary]]], start: Token) -> Node:
    """The value of the first row whose conditions hold."""
    *first, (result, last) = rows
    if last and not _is_rest([conditions for _, conditions in first], last):
        raise NotationError(
            "it is not clear that these cases cover everything", last[0].span, expected="\\text{otherwise}",
            hint="the last case may also have the opposite of the only other condition",
        )  # fmt: skip
    for value, conditions in reversed(first):
        if not conditions:
            raise NotationError("only the last case can be the one that is left", start.span)
        result = choice(conditions, value, result)
    return result


def _is_rest(others: Sequence[Sequence[Binary]], last: Sequence[Binary]) -> bool:
    """Whether a condition holds where none of the others does."""
    if len(last) == 1 and len(others) == 1 and len(others[0]) == 1:
        other = others[0][0]
        negated = Binary(cast(BinaryOperator, _OPPOSITE[other.operator]), other.left, other.right)
        return last[0] in (negated, _turned(negated))
    return _covers([*others, last])


def _turned(relation: Binary) -> Binary:
    return Binary(cast(BinaryOperator, _TURNED[relation.operator]), relation.right, relation.left)


# ---- whether intervals cover the line -------------------------------------------------------------------

#: An interval: its ends, and whether they belong to it.
Interval = tuple[Rational | None, bool, Rational | None, bool]


def _covers(rows: Sequence[Sequence[Binary]]) -> bool:
    """Whether conditions on one quantity, with numbers as bounds, leave nothing out."""
    found = [_interval(row) for row in rows]
    quantities = {quantity for quantity, _ in found}
    if None in quantities or len(quantities) != 1:
        return False
    intervals = [interval for _, interval in found]
    reached: tuple[Rational | None, bool] | None = None
    while True:
        fitting = [interval for interval in intervals if _begins_by(interval, reached)]
        if not fitting:
            return False
        if any(interval[2] is None for interval in fitting):
            return True
        furthest = max((interval[2], interval[3]) for interval in fitting)
        if reached is not None and furthest <= reached:  # type: ignore[operator]
            return False
        reached = furthest


def _begins_by(interval: Interval, reached: tuple[Rational | None, bool] | None) -> bool:
    """Whether an interval begins where the line is covered up to, or before."""
    low, closed = interval[:2]
    if reached is None or low is None:
        return low is None
    end, included = reached
    return bool(low < end or (low == end and (closed or included)))


def _interval(row: Sequence[Binary]) -> tuple[Node | None, Interval]:
    """The quantity that conditions bound, and the interval that they leave it."""
    quantity: Node | None = None
    low, low_in, high, high_in = None, False, None, False
    for relation in row:
        bounded = relation if isinstance(_number(relation.right), Rational) else _turned(relation)
        limit = _number(bounded.right)
        if limit is None or (quantity is not None and quantity != bounded.left) or bounded.operator in ("==", "!="):
            return None, (None, False, None, False)
        quantity = bounded.left
        if bounded.operator in ("<", "<="):
            high, high_in = limit, bounded.operator == "<="
        else:
            low, low_in = limit, bounded.operator == ">="
    return quantity, (low, low_in, high, high_in)


def _number(node: Node) -> Rational | None:
    if isinstance(node, Number):
        return node.value
    inner = getattr(node, "operand", None)
    return -inner.value if isinstance(inner, Number) else None
