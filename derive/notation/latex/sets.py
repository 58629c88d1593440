r"""Declarations as papers write them: ``X \in \mathbb{R}^{n \times d}``, ``y_i \in \{0,1\}``, ``\lambda > 0``.

They become the tokens of a declaration in the notation of text, ``X: real[n, d]``.
"""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.derive.errors import NotationError
from chainrule.derive.notation.latex.letters import begins_letter, read_letter, spelled_part
from chainrule.derive.notation.latex.names import Names
from chainrule.derive.notation.latex.parser import Parser
from chainrule.derive.notation.latex.reading import Group, Reading, group_of
from chainrule.derive.notation.tokens import Token

#: Letters of sets, with what stands below or above them, and the domains that they are.
NUMBERS = {
    "R": {"": "real", "+": "nonnegative", ">=0": "nonnegative", "++": "positive", ">0": "positive"},
    "Z": {"": "integer", "+": "count", ">=0": "count"},
    "N": {"": "count", "0": "count"},
    "S": {"": "symmetric", "+": "psd", "++": "spd"},
}
#: Subscripts that run over the entries of an array rather than belong to its name.
INDEX_LETTERS = frozenset("ijt")
#: What a relation to zero says of a number.
RELATIONS = {">": "positive", ">=": "nonnegative"}
OPENING, CLOSING = ("(", "[", "{("), (")", "]", "})")
EXPECTED = r"\mathbb{R}^{n \times d}, \mathbb{R}_{+}, \mathbb{Z}, \mathbb{N}, \mathbb{S}_{++}^n, \{0,1\}^n, (0, 1)"


def is_declaration(tokens: Sequence[Token]) -> bool:
    r"""Whether a statement is ``x \in ..`` or ``x > 0`` and says nothing else."""
    return begins_letter(tokens[0]) and _relation(tokens) > 0


def _relation(tokens: Sequence[Token]) -> int:
    r"""Where ``\in``, ``>`` or ``\ge`` stands, outside of all brackets and before any ``=``; else -1."""
    level = 0
    for place, token in enumerate(tokens):
        opening = token.is_("{", *OPENING, "|", "‖") or token.text.startswith("begin:")
        level += opening - token.is_("}")
        if token.is_("=") or (opening and not token.is_("{")):
            return -1
        if level == 0 and (_is_in(token) or token.is_(*RELATIONS)):
            return place
    return -1


def _is_in(token: Token) -> bool:
    return token.kind == "command" and token.text == "in"


def declarations(tokens: Sequence[Token]) -> list[list[Token]]:
    r"""The tokens of the declarations, in the notation of text, that ``x \in A, y \in B`` makes.

    Raises:
        NotationError: a set or a name is not read.
    """
    found: list[list[Token]] = []
    names: list[Group] = []
    for part in group_of(tokens, tokens[0].span).parts():
        if not part.words:
            continue
        place = _relation(part.tokens)
        if place < 0:
            names.append(part)
            continue
        names.append(group_of(part.tokens[:place], part.span))
        sign, rest = part.tokens[place], group_of(part.tokens[place + 1 : -1], part.span)
        found.append(_declaration(names, sign, rest))
        names = []
    if names:
        raise NotationError(
            "a set is missing here", names[0].span, expected=f"{names[0].span.excerpt} \\in ..",
            hint="end declarations with ; or their line before a formula begins",
        )  # fmt: skip
    return found


def _declaration(names: Sequence[Group], sign: Token, rest: Group) -> list[Token]:
    """``a, b: domain[lengths]``."""
    found: list[Token] = []
    for group in names:
        found += [Token("operator", ",", group.span)] if found else []
        found.append(Token("name", _name(group), group.span))
    domain, lengths = _set(rest) if _is_in(sign) else (_bounded(sign, rest), [])
    span = rest.span
    found += [Token("operator", ":", sign.span), *domain]
    if lengths:
        found.append(Token("operator", "[", span))
        for number, length in enumerate(lengths):
            found += [Token("operator", ",", span)] if number else []
            found += _length(length)
        found.append(Token("operator", "]", span))
    return [*found, rest.tokens[-1]]


def _name(group: Group) -> str:
    """The name on the left of a set."""
    reading: Reading = Parser(group.tokens, Names({}))
    if not begins_letter(reading.token):
        raise NotationError("this is no name that can be declared", group.span, expected="a name such as \\hat{y}")
    written = read_letter(reading)
    scripts = reading.scripts()
    below = scripts.below or written.below
    if scripts.above is not None or reading.token.kind != "end":
        raise NotationError("this is no name that can be declared", group.span, expected="a name such as \\hat{y}")
    if below is None:
        return written.exact or written.symbol.name
    parts = [spelled_part(part) for part in below.parts()]
    if None in parts or set(below.words) & INDEX_LETTERS:
        raise NotationError(
            "this declares the entries of an array one by one", group.span,
            expected=f"the array itself: {written.symbol.name} \\in \\mathbb{{R}}^{{n \\times d}}",
        )  # fmt: skip
    return type(written.symbol)(written.symbol.base, written.symbol.accents, tuple(map(str, parts))).name


def _length(group: Group) -> list[Token]:
    """The length of an axis: a number, or a name with its subscript."""
    if begins_letter(group.tokens[0]):
        return [Token("name", _name(group), group.span)]
    if len(group.words) != 1 or group.tokens[0].kind != "number":
        raise NotationError(
            "a length is a name or an integer", group.span, hint="give this axis a name of its own: \\mathbb{R}^{m}"
        )
    return list(group.tokens[:-1])


def _bounded(sign: Token, rest: Group) -> list[Token]:
    """The domain of ``x > 0``."""
    if rest.words != ("0",):
        raise NotationError(
            "this condition on a name is not read", rest.span, expected=f"{sign.span.excerpt} 0, or \\in (a, b)"
        )
    return [Token("name", RELATIONS[sign.text], rest.span)]


def _set(group: Group) -> tuple[list[Token], list[Group]]:
    """The domain of a set and the lengths in its exponent."""
    tokens = group.tokens
    closing = next((place for place, token in enumerate(tokens) if token.is_(*CLOSING)), -1) + 1
    if tokens[0].is_(*OPENING) and closing:
        domain = _listed(tokens[:closing], group)
        reading: Reading = Parser(tokens[closing:], Names({}))
        above = reading.scripts().above
    else:
        reading = Parser(tokens, Names({}))
        word, above = _numbers(reading, group)
        domain = [Token("name", word, group.span)]
    if reading.token.kind != "end":
        raise _unread(group, "end a declaration with ;")
    lengths = above.parts("×") if above is not None else []
    twice = domain[0].text in ("symmetric", "psd", "spd") and len(lengths) == 1
    return domain, lengths * 2 if twice else lengths


def _numbers(reading: Reading, group: Group) -> tuple[str, Group | None]:
    r"""The domain that a letter such as ``\mathbb{R}_+`` is, and what stands above it."""
    if not begins_letter(reading.token):
        raise _unread(group)
    letter = read_letter(reading)
    scripts = reading.scripts()
    above, below = scripts.above, scripts.below or letter.below
    if above is not None and above.words == ("+",):
        above, below = None, above
    word = NUMBERS.get(letter.symbol.base, {}).get("".join(below.words) if below else "")
    if word is None:
        raise _unread(group)
    return word, above


def _listed(tokens: Sequence[Token], group: Group) -> list[Token]:
    r"""``\{0,1\}``, ``(a, b)`` or ``[0, 1]`` in the notation of text."""
    first, *inner, last = tokens
    if first.is_("{("):
        return [Token("operator", "{", first.span), *inner, Token("operator", "}", last.span)]
    if first.is_("("):
        return list(tokens)
    if [token.text for token in inner] != ["0", ",", "1"]:
        raise _unread(group, "intervals are open, (a, b), or [0, 1]")
    return [Token("name", "unit", group.span)]


def _unread(group: Group, hint: str = "") -> NotationError:
    return NotationError("this set is not read", group.span, expected=EXPECTED, hint=hint)
