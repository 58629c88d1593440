r"""Signs over indices: ``\sum_{i=1}^n``, ``\prod_i``, ``\max_{j \ne i}``, and sums without an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from chainrule.derive.errors import NotationError
from chainrule.derive.notation.latex.conditions import RELATIONS, read_conditions
from chainrule.derive.notation.latex.reading import PRODUCT, Group, Reading, Scripts, group_of
from chainrule.derive.notation.signs import bound_of, check_letters, is_letter
from chainrule.derive.notation.syntax import ALONG, Binary, IndexKind, IndexRange, IndexSum, Node
from chainrule.derive.notation.tokens import Token

#: Functions that reduce over index letters when these stand below them.
KINDS: dict[str, IndexKind] = {kind: kind for kind in get_args(IndexKind)}


@dataclass
class Under:
    """What stands below and above a sign."""

    letters: list[str]
    ranges: list[IndexRange]
    conditions: list[Binary]


def index_sign(reading: Reading, token: Token, kind: IndexKind, scripts: Scripts) -> Node:
    """A sign that has been read with its scripts, and the product that it stands before."""
    if scripts.below is None:
        if scripts.above is not None:
            raise NotationError(
                "the index of this bound is missing", scripts.above.span, expected=f"{token.span.excerpt}_{{i=1}}^{{n}}"
            )
        return _bare(reading, token, kind)
    if kind in ALONG:
        letters = tuple(letter for part in scripts.below.parts() for letter in _letters(reading, part))
        return IndexSum(letters, reading.bracket(), kind, span=reading.from_(token))
    under = _under(reading, scripts)
    before = len(reading.letters)
    reading.letters += under.letters
    body = reading.expression(PRODUCT)
    del reading.letters[before:]
    return IndexSum(
        tuple(under.letters), body, kind, tuple(under.ranges), tuple(under.conditions), span=reading.from_(token)
    )


def _bare(reading: Reading, token: Token, kind: IndexKind) -> Node:
    """A sum over all entries, or over the subscripts that its terms carry."""
    reading.bare += 1
    body = reading.expression(PRODUCT)
    reading.bare -= 1
    return IndexSum((), body, kind, span=reading.from_(token))


def read_array(reading: Reading, opening: Token) -> Node | None:
    r"""``\left[a_{ij}\right]_{i,j=1}^{n,m}``: the array of these entries; ``None`` if the bracket is another one."""
    start, closing = reading.at, _matching(reading)
    if closing < 0 or not reading.tokens[closing + 1].is_("_"):
        return None
    reading.at = closing + 1
    scripts = reading.scripts()
    after, reading.at = reading.at, start
    assert scripts.below is not None
    if not _binds(reading, scripts.below):
        return None
    reading.take()
    under = _under(reading, scripts)
    before = len(reading.letters)
    reading.letters += under.letters
    reading.open.append(opening.text)
    body = reading.expression()
    reading.expect("]", opening)
    reading.open.pop()
    del reading.letters[before:]
    reading.at = after
    return IndexSum(tuple(under.letters), body, "array", tuple(under.ranges), span=reading.from_(opening))


def _matching(reading: Reading) -> int:
    """The place of the bracket that closes the one at the place, -1 if there is none."""
    level = 0
    for place, token in enumerate(reading.tokens[reading.at :], reading.at):
        level += token.is_("(", "[", "{", "{(") - token.is_(")", "]", "}", "})")
        if level == 0:
            return place if token.is_("]") else -1
    return -1


def _binds(reading: Reading, below: Group) -> bool:
    """Whether a subscript of a bracket holds index letters that nothing has opened."""
    names = [token.text for token in below.tokens if token.kind == "name"]
    allowed = all(token.kind in {"name", "number", "end"} or token.is_(",", "=") for token in below.tokens)
    taken = {*reading.letters, *reading.names.ranks}
    return allowed and bool(names) and all(is_letter(name) and name not in taken for name in names)


def _under(reading: Reading, scripts: Scripts) -> Under:
    """The letters, ranges and conditions below and above a sign."""
    assert scripts.below is not None
    under = Under([], [], [])
    starts: list[tuple[str, Group]] = []
    for part in scripts.below.parts():
        sign = next((token for token in part.tokens if token.is_(*RELATIONS)), None)
        if sign is None:
            under.letters += _letters(reading, part)
        elif sign.text == "=":
            place = part.tokens.index(sign)
            (letter,) = _letters(reading, group_of(part.tokens[:place], part.span))
            under.letters.append(letter)
            starts.append((letter, group_of(part.tokens[place + 1 : -1], part.span)))
        else:
            _restrict(reading, part, under)
    check_letters(under.letters, scripts.below.span, reading.names.ranks, reading.letters)
    _bound(reading, under, starts, scripts)
    return under


def _letters(reading: Reading, part: Group) -> list[str]:
    """Index letters, side by side."""
    tokens = part.tokens[:-1]
    if not tokens or not all(token.kind == "name" and len(token.text) == 1 for token in tokens):
        raise NotationError(
            "this is no index", part.span, expected="index letters such as i or ij, or a range such as i=1",
            hint="each index runs over the whole axis that it stands on, or from one number to another",
        )  # fmt: skip
    return [token.text for token in tokens]


def _restrict(reading: Reading, part: Group, under: Under) -> None:
    r"""``i \ne j``: a condition, whose unknown letters are indices of the sign."""
    known = {*reading.letters, *reading.names.ranks, *under.letters}
    names = [token.text for token in part.tokens if token.kind == "name" and token.text not in known]
    lengths = _outer_bounds(part, names)
    for name in lengths:
        reading.names.add(name, 0)
        reading.names.lengths.add(name)
    under.letters += dict.fromkeys(name for name in names if name not in lengths)
    inside = reading.inner(part)
    inside.letters += under.letters
    relations = read_conditions(inside)
    inside.finish()
    for relation in relations:
        bound = bound_of(relation, under.letters, {*under.letters, *reading.letters})
        if bound is None:
            under.conditions.append(relation)
        else:
            _narrow(under, replace(bound, span=relation.span))


def _outer_bounds(part: Group, names: Sequence[str]) -> list[str]:
    r"""Of the unknown letters of ``1 \le i < j \le n``, the last: the length that ends the chain."""
    relations = sum(token.is_(*RELATIONS) for token in part.tokens)
    last = part.tokens[-2]
    ends = relations > 1 and last.kind == "name" and last.text in names and names.count(last.text) == 1
    return [last.text] if ends else []


def _narrow(under: Under, bound: IndexRange) -> None:
    """Add a bound to what is said of its letter."""
    for place, known in enumerate(under.ranges):
        if known.letter == bound.letter:
            under.ranges[place] = replace(known, start=known.start or bound.start, stop=known.stop or bound.stop)
            return
    under.ranges.append(bound)


def _bound(reading: Reading, under: Under, starts: Sequence[tuple[str, Group]], scripts: Scripts) -> None:
    """The ranges of the letters: of ``i, j = 1`` both start there, and one bound above is that of all."""
    stops = scripts.above.parts() if scripts.above else []
    if not starts and stops:
        raise NotationError(
            "the start of this range is missing", scripts.below.span if scripts.below else None, expected="i=1",
            hint="without a start, an index runs over the whole axis",
        )  # fmt: skip
    if starts and not stops:
        raise NotationError(
            "the end of this range is missing", starts[0][1].span, expected="a bound above the sign such as ^{n}"
        )
    if not starts:
        return
    ranged = under.letters if len(starts) == 1 else [letter for letter, _ in starts]
    if len(stops) not in (1, len(ranged)):
        raise NotationError(
            f"there are {len(stops)} bounds for {len(ranged)} indices", scripts.above.span if scripts.above else None
        )
    for place, letter in enumerate(ranged):
        start = _limit(reading, starts[min(place, len(starts) - 1)][1])
        stop = _limit(reading, stops[min(place, len(stops) - 1)])
        under.ranges.append(IndexRange(letter, start, stop, span=scripts.below.span if scripts.below else None))


def _limit(reading: Reading, group: Group) -> Node:
    """An end of a range; a letter that is not known is a length from here on."""
    for token in group.tokens:
        if token.kind == "name" and token.text not in reading.names.ranks and token.text not in reading.letters:
            reading.names.add(token.text, 0)
            reading.names.lengths.add(token.text)
    return reading.whole(group)
