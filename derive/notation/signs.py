"""Signs over indices, ``Σ_{i=1}^n``, ``∏_i``, ``max_j``: what stands under and over them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import cast, get_args

from sympy import Rational

from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.cursor import Cursor
from chainrule.derive.notation.syntax import (
    Binary,
    BinaryOperator,
    IndexKind,
    IndexRange,
    Name,
    Node,
    Number,
    walk,
)
from chainrule.derive.notation.tokens import SIGNS, SMALL_OPERATORS, SUBSCRIPTS, Token, canonical_name

#: Words that are signs when index letters stand under them: ``sum_i``, ``max_j``.
KINDS: dict[str, IndexKind] = {kind: kind for kind in get_args(IndexKind)}
#: How tightly comparisons bind; what stands between them binds more tightly.
COMPARISON = 10
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
#: Characters that a subscript in the same word as its name may have.
MAX_ITEMS = 8
_PLAIN = str.maketrans({**SUBSCRIPTS, **SMALL_OPERATORS})


@dataclass(frozen=True)
class Sign:
    """A sign with its token: ``tail`` is what directly follows it in the same word."""

    kind: IndexKind
    tail: str
    token: Token


@dataclass(frozen=True)
class Under:
    """What stands under and over a sign."""

    letters: tuple[str, ...] = ()
    ranges: tuple[IndexRange, ...] = ()
    conditions: tuple[Node, ...] = ()


def is_letter(name: str) -> bool:
    """Whether a name can be an index."""
    return len(name) == 1 and name.isascii() and name.islower()


class Signs(Cursor):
    """Reads signs and what stands under them.

    Attributes:
        names: the variables that are known.
        letters: index letters of the signs that the place lies under.
        left: index letters on the left side of the statement, as in ``z_i = ..``.
    """

    def __init__(self, tokens: Sequence[Token], names: Collection[str], left: Sequence[str]) -> None:
        super().__init__(tokens)
        self.names, self.left = frozenset(names), tuple(left)
        self.letters: list[str] = []

    def expression(self, least: int = 0) -> Node:
        """An expression; see the parser."""
        raise NotImplementedError

    # ---- signs ----------------------------------------------------------------------------------

    def sign(self) -> Sign | None:
        """The sign that stands here, if one does."""
        token = self.token
        if token.kind != "name" or token.text in self.names:
            return None
        written = token.span.excerpt
        if written[0] in SIGNS:
            tail = written[1:]
            under = tail[:1] == "_" or tail[:1] in SUBSCRIPTS
            return None if written[0] == "Π" and not under else Sign(cast(IndexKind, SIGNS[written[0]]), tail, token)
        stem = written.rstrip("".join(SUBSCRIPTS))
        tail = written[len(stem) :]
        if not tail:
            stem, dash, rest = written.rpartition("_")
            tail = dash + rest
        if stem not in KINDS:
            return None
        plain = tail.translate(_PLAIN).removeprefix("_")
        braces = tail == "_" and self.next.is_("{") and not self.next.spaced
        return Sign(KINDS[stem], tail, token) if braces or self.carried(plain) else None

    def carried(self, letters: str) -> bool:
        """Whether each of the letters stands in a subscript further on, so that ``sum_ij`` is a sign."""
        later = list(takewhile(lambda token: token.kind != "separator", self.tokens[self.at + 1 :]))
        return bool(letters) and all(
            is_letter(letter) and any(letter in _subscript(token) for token in later) for letter in letters
        )

    def under(self, sign: Sign) -> Under:
        """What stands under and over a sign, which has been read."""
        if not sign.tail:
            return Under()
        if sign.tail == "_" and self.token.is_("{") and not self.token.spaced:
            return self.bounded(self.braces(), sign)
        if sign.tail[0] in SUBSCRIPTS or sign.tail[0] == "_":
            return self.small(sign)
        return self.attached(sign)

    def attached(self, sign: Sign) -> Under:
        """``Σx``: the name that follows without a space is read again."""
        rest = Span(sign.token.span.text, sign.token.span.start + 1, sign.token.span.end)
        if not sign.tail[0].isalpha():
            raise NotationError("a space is missing after the sum sign", rest)
        self.at -= 1
        self.tokens[self.at] = Token("name", canonical_name(sign.tail), rest)
        return Under()

    def small(self, sign: Sign) -> Under:
        """Letters in the same word as the sign: ``Σ_ij``, ``Σᵢⱼ``, ``Σᵢ₌₁ⁿ``."""
        letters, equals, start = sign.tail.translate(_PLAIN).removeprefix("_").partition("=")
        if not letters or not all(map(is_letter, letters)):
            raise self.unreadable(sign)
        if not equals and not self.token.is_("**") and self.token.kind != "superscript":
            return Under(tuple(letters))
        if not equals:
            raise self.unreadable(sign)
        first = _simple(start, sign.token.span)
        if first is None:
            raise self.unreadable(sign)
        return self.bounded(Under(tuple(letters), tuple(IndexRange(letter, first) for letter in letters)), sign)

    def unreadable(self, sign: Sign) -> NotationError:
        """What is wrong with what stands under a sign."""
        written = sign.token.span.excerpt[: len(sign.token.span.excerpt) - len(sign.tail)]
        return NotationError(
            "this range of a sum is not read", sign.token.span,
            expected=f"index letters such as {written}_i, or a range such as {written}_{{i=1}}^n",
            hint="without a range, each index runs over the whole axis that it stands on",
        )  # fmt: skip

    # ---- ranges and conditions ------------------------------------------------------------------

    def braces(self) -> Under:
        """``{i, j}``, ``{i=1}``, ``{i<j}``, ``{1 <= i < j <= n}``."""
        opening = self.take()
        letters: list[str] = []
        starts: dict[str, Node] = {}
        relations: list[Binary] = []
        while not self.token.is_("}"):
            if self.token.kind == "name" and self.next.is_("="):
                letters += self.take().text
                self.take()
                # Of ``i, j = 1`` both start there.
                start = self.expression(COMPARISON + 1)
                starts |= {letter: start for letter in letters if letter not in starts}
            else:
                self.entry(letters, relations)
            if not self.accept(","):
                break
        last = self.expect("}", opening)
        span = Span(opening.span.text, opening.span.start, last.span.end)
        self.refuse_no_letters(letters, span)
        ranges = [IndexRange(letter, start, span=start.span) for letter, start in starts.items()]
        found, conditions = self.bounds(relations, letters)
        return Under(tuple(letters), (*ranges, *found), conditions)

    def refuse_no_letters(self, letters: Sequence[str], span: Span) -> None:
        """Refuse what has no index letter, or another name in the place of one."""
        wrong = [letter for letter in letters if not is_letter(letter)]
        if not letters or wrong:
            raise NotationError(
                f"{wrong[0]} cannot be an index" if wrong else "no index stands under this sign", span,
                expected="one lower-case letter per index, such as {i=1} or {i<j}",
            )  # fmt: skip

    def entry(self, letters: list[str], relations: list[Binary]) -> None:
        """``ij``, or comparisons, chained as on paper."""
        sides, signs = [self.expression(COMPARISON + 1)], []
        while self.token.is_(*COMPARISONS):
            signs.append(self.take().text)
            sides.append(self.expression(COMPARISON + 1))
        if not signs:
            letters += sides[0].name if isinstance(sides[0], Name) else [_written(sides[0])]
            return
        for left, sign, right in zip(sides, signs, sides[1:], strict=False):
            relations.append(_relation(left, sign, right))
        known = {*self.names, *self.letters, *self.left, *letters}
        for side in sides:
            letters += [
                part.name for part in walk(side) if isinstance(part, Name) and part.name not in {*known, *letters}
                and self.carried(part.name)
            ]  # fmt: skip

    def bounds(
        self, relations: Sequence[Binary], letters: Sequence[str]
    ) -> tuple[list[IndexRange], tuple[Node, ...]]:
        """Comparisons of a letter with something without letters are bounds, the others conditions."""
        ranges: dict[str, IndexRange] = {}
        conditions: list[Node] = []
        for relation in relations:
            bound = bound_of(relation, letters, {*letters, *self.letters, *self.left})
            if bound is None:
                conditions.append(relation)
                continue
            before = ranges.get(bound.letter, IndexRange(bound.letter))
            ranges[bound.letter] = replace(
                before, start=before.start or bound.start, stop=before.stop or bound.stop, span=relation.span
            )
        return list(ranges.values()), tuple(conditions)

    def bounded(self, under: Under, sign: Sign) -> Under:
        """What stands under the sign together with the bound above it."""
        half = [entry for entry in under.ranges if entry.start is not None and entry.stop is None]
        if self.token.is_("**") or self.token.kind == "superscript":
            if not half:
                raise self.unreadable(sign)
            stop = self.above()
            under = replace(
                under, ranges=tuple(replace(entry, stop=stop) if entry in half else entry for entry in under.ranges)
            )
        elif half and not under.conditions:
            raise self.unreadable(sign)
        return under

    def above(self) -> Node:
        """The bound over a sign."""
        token = self.take()
        if token.kind == "superscript":
            bound = _simple(token.text, token.span)
            if bound is None:
                raise NotationError("this is not a bound", token.span, expected="a length such as n or n-1")
            return bound
        opening = self.token
        if self.accept("{") or self.accept("("):
            inner = self.expression()
            self.expect("}" if opening.text == "{" else ")", opening)
            return inner
        if opening.kind == "number" and opening.text.isdigit():
            return Number(Rational(int(self.take().text)), span=opening.span)
        if opening.kind == "name":
            return Name(self.take().text, span=opening.span)
        raise NotationError(
            "the bound of this range is missing", opening.span, expected="a length such as n, 3 or {n-1}",
            found=opening.shown,
        )  # fmt: skip


def check_letters(letters: Sequence[str], span: Span, names: Collection[str], outer: Collection[str] = ()) -> None:
    """Refuse index letters that mean something already: a name, or an index of an ``outer`` sign."""
    taken = set(letters).intersection(names)
    if taken:
        raise NotationError(f"{min(taken)} is a name here and cannot be an index", span, hint="use another letter")
    if set(letters).intersection(outer) or len(set(letters)) < len(letters):
        raise NotationError("this index is summed twice", span, hint="use another letter for the inner sum")


def small_items(token: Token) -> tuple[str, tuple[Node, ...]] | None:
    """Base and items of a name whose subscript is part of the word: ``y_i``, ``yᵢ₊₁``, ``X_ij``, ``w₁``."""
    written = token.span.excerpt
    base = written.rstrip("".join([*SUBSCRIPTS, *SMALL_OPERATORS]))
    tail = written[len(base) :].translate(_PLAIN)
    if not tail:
        base, _, tail = written.rpartition("_")
    base = base.removesuffix("_")
    if {"+", "-"} & set(tail):
        item = _simple(tail, token.span)
        return None if item is None else (base, (item,))
    if not base.strip("_") or not tail or len(tail) > MAX_ITEMS or not (tail.isascii() and tail.isalnum()):
        return None
    return (base, letters_and_numbers(tail, token.span)) if tail.islower() or tail.isdigit() else None


def letters_and_numbers(word: str, span: Span | None) -> tuple[Node, ...]:
    """``ij`` as i and j, ``i1`` as i and 1."""
    return tuple(
        Number(Rational(int(part)), span=span) if part.isdigit() else Name(part, span=span)
        for part in re.findall(r"[0-9]+|[A-Za-z]", word)
    )


def _subscript(token: Token) -> str:
    """The letters of a token that may be subscripts."""
    if token.kind != "name":
        return ""
    written = token.span.excerpt
    base = written.rstrip("".join(SUBSCRIPTS))
    return (written[len(base) :] or written.rpartition("_")[2]).translate(_PLAIN)


def _simple(text: str, span: Span) -> Node | None:
    """``n``, ``2``, ``n-1``, ``n+1``, as small characters write them."""
    first, sign, rest = text.partition("-") if "-" in text[1:] else text.partition("+")
    parts: list[Node] = []
    for part in (first, rest) if sign else (first,):
        if part.isdigit():
            parts.append(Number(Rational(int(part)), span=span))
        elif part.isalpha() and len(part) == 1:
            parts.append(Name(part, span=span))
        else:
            return None
    return Binary(cast(BinaryOperator, sign), parts[0], parts[1], span=span) if sign else parts[0]


def _written(node: Node) -> str:
    return node.span.excerpt if node.span else "this"


def _relation(left: Node, sign: str, right: Node) -> Binary:
    span = Span(left.span.text, left.span.start, right.span.end) if left.span and right.span else None
    return Binary(cast(BinaryOperator, sign), left, right, span=span)


def bound_of(relation: Binary, letters: Sequence[str], every: set[str]) -> IndexRange | None:
    """``1 <= i`` and ``i < n`` as a bound of i; ``None`` for other comparisons."""
    turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    for letter, sign, limit in (
        (relation.left, relation.operator, relation.right),
        (relation.right, turned.get(relation.operator, ""), relation.left),
    ):
        if sign not in turned or not isinstance(letter, Name) or letter.name not in letters:
            continue
        if any(isinstance(part, Name) and part.name in every for part in walk(limit)):
            continue
        one = Number(Rational(1), span=limit.span)
        if sign in ("<", "<="):
            return IndexRange(letter.name, None, limit if sign == "<=" else Binary("-", limit, one, span=limit.span))
        return IndexRange(letter.name, limit if sign == ">=" else Binary("+", limit, one, span=limit.span))
    return None
