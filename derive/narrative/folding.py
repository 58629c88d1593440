"""Repeats folded: what goes as an earlier quantity did, with other letters, is told by its result."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace

from chainrule.derive.notation.tokens import WORD
from chainrule.derive.render.page import Line, Note, Shown

#: Names and numbers, and the signs between them.
TOKENS = re.compile(rf"{WORD.pattern}|\d+|\S")


def folded(lines: Iterable[Line], names: Container[str]) -> list[Line]:
    """The lines about each quantity; one whose lines are those of an earlier one in other names has only its last.

    Args:
        lines: lines of a derivation; those about one quantity begin with its symbol.
        names: the quantities, which may differ; so may the letters of indices.
    """
    told: list[list[Line]] = []
    found: list[Line] = []
    for group in _groups(lines):
        model = next((earlier for earlier in told if _alike(earlier, group, names)), None)
        if model is None or not any(isinstance(part, Shown) for line in group for part in line.note):
            told.append(group)
            found += group
        else:
            found.append(replace(group[-1], left=group[0].left, note=("As for ", model[0].left[-1], ".")))
    return found


def _groups(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """The lines about each quantity."""
    group: list[Line] = []
    for line in lines:
        if line.left and group:
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def _plain(note: Note) -> str:
    return "".join(part.text if isinstance(part, Shown) else part for part in note)


def _alike(first: Sequence[Line], second: Sequence[Line], names: Container[str]) -> bool:
    """Whether two groups of lines are the same but for a renaming of quantities and indices."""
    before, after = ([_tokens(line) for line in group] for group in (first, second))
    if [len(tokens) for tokens in before] != [len(tokens) for tokens in after]:
        return False
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for one, other in ((a, b) for lines in zip(before, after, strict=True) for a, b in zip(*lines, strict=True)):
        kind, name = _kind(one, names)
        same_kind, renamed = _kind(other, names)
        if kind != same_kind or (not kind and name != renamed):
            return False
        if kind and (there.setdefault(name, renamed) != renamed or back.setdefault(renamed, name) != name):
            return False
    return True


def _tokens(line: Line) -> list[str]:
    """A line as it is read; of its symbols the derivative alone."""
    symbol = line.left[-1].text if line.left else ""
    return TOKENS.findall(f"{symbol} = {line.right.text} {_plain(line.note)}")


def _kind(token: str, names: Container[str]) -> tuple[str, str]:
    """What may be renamed: a quantity, the differential of one, or the letter of an index."""
    if token in names:
        return "name", token
    if token[:1] == "d" and token[1:] in names:
        return "differential", token[1:]
    return ("letter" if len(token) == 1 and token.isalpha() else "", token)
