"""Letters and words with fonts and accents, and the names that they are together with subscripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Rational

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.errors import NotationError, Span, UnknownNameError
from chainrule.derive.notation.latex.reading import Group, Reading, group_of
from chainrule.derive.notation.latex.symbols import Symbol, letter, symbol_of
from chainrule.derive.notation.latex.tables import ACCENTS, FONTS, LETTERS, PROSE
from chainrule.derive.notation.signs import is_letter
from chainrule.derive.notation.syntax import (
    Binary,
    Name,
    NewAxis,
    Node,
    Number,
    Slice,
    Subscript,
    Subscripted,
    walk,
)
from chainrule.derive.notation.tokens import WORD, Token, canonical_name

#: A subscript as indices, if it is that.
Items = tuple[Node, ...] | None
#: Signs in the place of a subscript that stand for a whole axis.
_WHOLE_AXIS = frozenset([":", "·"])


@dataclass(frozen=True)
class Letter:
    """What has been read of a name: its symbol, how it was written, and where.

    ``exact`` is the name itself where it was written upright, ``prose`` whether as text.
    """

    symbol: Symbol
    shape: str
    span: Span
    exact: str = ""
    below: Group | None = None
    prose: bool = False


# ---- reading ---------------------------------------------------------------------------------------


def begins_letter(token: Token) -> bool:
    """Whether a token begins a name."""
    if token.kind == "name":
        return True
    word = token.text.partition(":")[0]
    return token.kind == "command" and (word in LETTERS or word in ACCENTS or word in FONTS or is_roman(token))


def is_roman(token: Token) -> bool:
    """Whether a token is a word in upright letters."""
    return token.kind == "command" and ":" in token.text and not token.text.startswith(("begin:", "end:"))


def read_letter(reading: Reading) -> Letter:
    """The letter or word that stands here, without what stands below it."""
    token = reading.take()
    if token.kind == "name":
        return Letter(symbol_of(token.text), "", token.span)
    if is_roman(token):
        return _upright(token)
    if token.text in LETTERS:
        return Letter(Symbol(LETTERS[token.text]), token.text, token.span)
    group = reading.group(token)
    inside = reading.inner(group)
    if not begins_letter(inside.token):
        raise NotationError(
            f"\\{token.text} stands over something that is no name", group.span, expected="a letter or a word"
        )
    found = read_letter(inside)
    below = inside.scripts().below if inside.token.is_("_") else found.below
    inside.finish(f"the end of what \\{token.text} stands over")
    span = reading.from_(token)
    if token.text in FONTS:
        return replace(found, shape=f"{token.text} {found.shape}".strip(), span=span, below=below)
    symbol = replace(found.symbol, accents=(*found.symbol.accents, ACCENTS[token.text]))
    return Letter(symbol, found.shape, span, below=below)


def _upright(token: Token) -> Letter:
    """A word in upright letters, which is that word exactly."""
    font, _, written = token.text.partition(":")
    word = re.sub(r"\\?[ -]", "_", written.replace("\\_", "_").strip())
    if not WORD.fullmatch(word):
        raise NotationError(
            "this is no name", token.span, expected="letters, digits and \\_", found=f"'{written}'",
            hint="words between formulas are not read",
        )  # fmt: skip
    name = canonical_name(word)
    shape = f"upright {font}" if len(name) == 1 and font not in PROSE else ""
    return Letter(Symbol(name), shape, token.span, exact=name, prose=font in PROSE)


# ---- runs of letters ----------------------------------------------------------------------------------


def check_run(reading: Reading) -> None:
    """Refuse letters side by side that may be meant as one word: a declared name, or a function.

    Raises:
        NotationError: with both readings.
    """
    tokens = reading.tokens
    if reading.at and tokens[reading.at - 1].kind == "name" and not reading.token.spaced:
        return
    end = reading.at + 1
    while tokens[end].kind == "name" and not tokens[end].spaced:
        end += 1
    run = "".join(token.text for token in tokens[reading.at : end])
    if len(run) == 1 and tokens[end].kind == "number" and not tokens[end].spaced:
        _check_numbered(reading, run, tokens[end])
    if len(run) > 1:
        _check_word(reading, run, tokens[reading.at : end], tokens[end])


def _check_numbered(reading: Reading, run: str, number: Token) -> None:
    if run + number.text in reading.names.ranks:
        raise NotationError(
            f"{run}{number.text} is a declared name, and LaTeX shows a product here", reading.token.span,
            expected=f"{run}_{{{number.text}}} or {run} \\cdot {number.text}",
        )  # fmt: skip


def _check_word(reading: Reading, run: str, tokens: Sequence[Token], following: Token) -> None:
    names, span = reading.names, Span(tokens[0].span.text, tokens[0].span.start, tokens[-1].span.end)
    spaced = " ".join(run)
    inside = {run[start:end] for start in range(len(run)) for end in range(start + 2, len(run) + 1)}
    declared = next((word for word in sorted(inside, key=len, reverse=True) if word in names.ranks), "")
    if declared:
        raise NotationError(
            f"this can be read as the name {declared} or as a product of letters", span,
            expected=f"\\mathrm{{{declared}}} or {' '.join(declared)}",
            hint="letters side by side are a product in LaTeX",
        )  # fmt: skip
    is_function = run in BY_NAME or run in TENSOR_BY_NAME or run in ("ln", "Tr", "ReLU")
    unknown = [char for char in run if names.find(symbol_of(char), span) is None and char not in reading.letters]
    if is_function and (unknown or following.is_("(")):
        raise NotationError(
            f"this can be read as the function {run} or as a product of letters", span,
            expected=f"\\operatorname{{{run}}} or {spaced}", hint="letters side by side are a product in LaTeX",
        )  # fmt: skip
    if len(unknown) > 1:
        raise NotationError(
            f"this can be read as one name or as a product of {len(run)} letters, of which {', '.join(unknown)} "
            "are not declared", span, expected=f"\\mathrm{{{run}}} or {spaced}",
            hint="letters side by side are a product in LaTeX",
        )  # fmt: skip


# ---- names and entries -----------------------------------------------------------------------------------


def resolve(reading: Reading, written: Letter, below: Group | None, span: Span) -> Node:
    """The name or the entry that a letter with a subscript is.

    Raises:
        NotationError: it can be read as both (UnknownNameError: as neither).
    """
    if below is None or not below.words:
        return _plain(reading, written, span)
    parts = below.parts()
    spelled = [spelled_part(part) for part in parts]
    base = reading.names.find(written.symbol, span)
    rank = None if base is None else reading.names.ranks[base]
    items = [_items(reading, part, rank) for part in parts]
    found = list(_candidates(reading, written, spelled, items, span))
    if len(found) > 1:
        raise NotationError(
            "this can be read in two ways: " + " or ".join(map(_meaning, found)), span,
            expected=" or ".join(_unambiguous(node, below) for node in found),
            hint="a name with this subscript is known, and an array that has such an entry",
        )  # fmt: skip
    if found:
        return found[0]
    return _new(reading, written, spelled, items, span)


def _plain(reading: Reading, written: Letter, span: Span) -> Name:
    """The name that a letter without subscript is."""
    names = reading.names
    if written.symbol.name in reading.letters:
        return Name(written.symbol.name, span=span)
    name = written.exact if written.exact in names.ranks else names.find(written.symbol, span)
    if name is None:
        if written.prose:
            raise NotationError(
                "words between formulas are not read", span, hint=f"a name is written \\mathrm{{{written.exact}}}"
            )
        name = written.symbol.name
        if name not in ("π", "pi"):
            names.note_scalar(name, span)
    names.note_shape(name, written.shape, span)
    return Name(name, span=span)


def _candidates(
    reading: Reading, written: Letter, spelled: Sequence[str | None], items: Sequence[Items], span: Span
) -> list[Node]:
    """The known names that the letter is with the first subscripts, the others being indices."""
    found: list[Node] = []
    for count in range(len(spelled), -1, -1):
        parts, rest = spelled[:count], items[count:]
        if None in parts or None in rest:
            continue
        name = reading.names.find(replace(written.symbol, subscripts=tuple(map(str, parts))), span)
        wanted = tuple(item for group in rest for item in group or ())
        if name is None or (wanted and reading.names.ranks[name] == 0):
            continue
        found.append(_indexed(reading, name, wanted, span) if wanted else Name(name, span=span))
    return found


def _new(
    reading: Reading, written: Letter, spelled: Sequence[str | None], items: Sequence[Items], span: Span
) -> Node:
    """The entry of an array that nobody declared, or a new name with a subscript."""
    base = reading.names.find(written.symbol, span)
    wanted = tuple(item for group in items for item in group or ())
    if None not in items and _has_letter(reading, wanted):
        return Subscripted(base or written.symbol.name, wanted, "", span=span)
    if (base is not None and reading.names.ranks[base] != 0) or None in spelled:
        raise UnknownNameError(
            f"this is neither a known name nor an entry of {base or written.symbol.name}", span,
            near=(base,) if base else (), expected="indices of open sums, numbers from 1 on, or names of lengths",
            hint="subscripts with letters are indices only under a sum such as \\sum_i",
        )  # fmt: skip
    symbol = replace(written.symbol, subscripts=tuple(map(str, spelled)))
    reading.names.note_scalar(symbol.name, span)
    return Name(symbol.name, span=span)


def indices(reading: Reading, below: Group) -> Items:
    """A subscript as indices, counted from 1, or ``None`` if it is none."""
    items = [_items(reading, part, None) for part in below.parts()]
    return None if None in items else tuple(item for group in items for item in group or ())


def entry_of(operand: Node, items: tuple[Node, ...], span: Span) -> Node:
    """An entry of an array, whose entries count from 1."""
    return Subscript(operand, items, paper=True, span=span)


def _indexed(reading: Reading, name: str, items: tuple[Node, ...], span: Span) -> Node:
    """An entry of a known array; a sum without an index looks for its letters among the subscripts."""
    letters = {part.name for item in items for part in walk(item) if isinstance(part, Name)}
    if letters <= {*reading.letters, *reading.names.ranks}:
        return entry_of(Name(name, span=span), items, span)
    return Subscripted(name, items, "", span=span)


def _has_letter(reading: Reading, items: Sequence[Node]) -> bool:
    names = {part.name for item in items for part in walk(item) if isinstance(part, Name)}
    return bool(names - reading.names.lengths)


def _meaning(node: Node) -> str:
    return f"the name {node.name}" if isinstance(node, Name) else "an entry"


def _unambiguous(node: Node, below: Group) -> str:
    if isinstance(node, Name):
        escaped = node.name.replace("_", r"\_")
        return rf"\mathrm{{{escaped}}}"
    base = node.base if isinstance(node, Subscripted) else getattr(getattr(node, "operand", None), "name", "x")
    return f"({base})_{{{below.span.excerpt.strip('{}')}}}"


# ---- subscripts -------------------------------------------------------------------------------------------


def spelled_part(part: Group) -> str | None:
    """A subscript as part of a name, or ``None`` if it is an expression."""
    text = ""
    for token in part.tokens[:-1]:
        if token.kind in {"name", "number"}:
            text += token.text
        elif is_roman(token):
            text += token.text.partition(":")[2].replace("\\_", "_")
        elif token.kind == "command" and token.text in LETTERS:
            text += LETTERS[token.text]
        else:
            return None
    word = canonical_name(text)
    return letter(word) if word and re.fullmatch(r"\w+", word) else None


def _items(reading: Reading, part: Group, rank: int | None) -> Items:
    """A subscript as indices of an array with some number of axes, or ``None`` if it is none."""
    tokens = part.tokens[:-1]
    if tokens and all(token.kind == "name" for token in tokens):
        known = all(_is_index(reading, token.text) for token in tokens)
        return tuple(Name(token.text, span=token.span) for token in tokens) if known else None
    side_by_side = len(tokens) > 1 and rank is not None and rank > 1
    if side_by_side and all(token.kind in {"name", "number"} or token.is_(*_WHOLE_AXIS) for token in tokens):
        single = [_item(reading, group_of([token], token.span)) for token in tokens]
        return None if None in single else tuple(item for item in single if item is not None)
    if len(tokens) == 1 and tokens[0].kind == "number" and len(tokens[0].text) > 1 and rank is not None and rank > 1:
        written = tokens[0].text
        raise NotationError(
            "this subscript can be read as one index or as several", part.span,
            expected=f"{','.join(written)} or {written},:",
        )  # fmt: skip
    item = _item(reading, part)
    return None if item is None else (item,)


def _item(reading: Reading, part: Group) -> Node | None:
    """One index, counted from 1, a range or a whole axis."""
    tokens = part.tokens[:-1]
    if len(tokens) == 1 and tokens[0].is_(*_WHOLE_AXIS):
        return Slice(span=part.span)
    if len(tokens) == 1 and tokens[0].is_("∗"):
        return NewAxis(span=part.span)
    bounds = part.parts(":")
    if len(bounds) != 2:
        return _position(reading, part)
    start, stop = (_position(reading, bound) if bound.words else None for bound in bounds)
    if (start is None and bounds[0].words) or (stop is None and bounds[1].words):
        return None
    before = None if start is None else Binary("-", start, Number(Rational(1)), span=start.span)
    return Slice(before, stop, span=part.span)


def _position(reading: Reading, part: Group) -> Node | None:
    """An index as an expression of letters, lengths, numbers and labels; ``None`` if it is something else."""
    for token, following in zip(part.tokens, part.tokens[1:], strict=False):
        label = following.is_("_") and reading.names.ranks.get(token.text)
        if token.kind == "name" and not label and not _is_index(reading, token.text):
            return None
        allowed = token.kind in {"name", "number"} or token.is_("+", "-", "·", "{", "}", "(", ")", "_")
        if not allowed or (token.kind in {"name", "number"} and following.kind in {"name", "number"}):
            return None
    node = reading.whole(part)
    return None if isinstance(node, Number) and node.value < Rational(1) else node


def _is_index(reading: Reading, name: str) -> bool:
    if name in reading.letters or name in reading.names.lengths:
        return True
    return reading.bare > 0 and is_letter(name) and name not in reading.names.ranks
