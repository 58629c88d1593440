"""Conditional probability tables over a directed graph, read from mappings, in exact fractions."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.derive.errors import InputError, LimitError, near_names
from chainrule.learning.graphs.dag import Dag, directed
from chainrule.learning.graphs.factors import MOST_CELLS, Factor
from chainrule.learning.probability.bayes import Number, probability

#: The values of a variable that is given by one number, the probability of the first.
YES, NO = "true", "false"
#: Names of variables, and what a value may be called.
NAME, VALUE = re.compile(r"[^\W\d]\w*"), re.compile(r"[^,=|()]+")
#: What a condition may be: rain=yes, rain, not rain.
CONDITION = re.compile(r"\s*(?:(not)\s+)?([^\W\d]\w*)\s*(?:=\s*([^=,|]+?)\s*)?")
#: The tables of variables: a row, or a row for every choice of the parents' values.
Given = Mapping[str, Any]
Row = dict[str, Fraction]


@dataclass(frozen=True)
class Table:
    """The distribution of a variable given its parents.

    Attributes:
        name: the variable.
        parents: what it depends on.
        values: its values.
        factor: the probabilities, with an axis for every parent, then one for the variable.
    """

    name: str
    parents: tuple[str, ...]
    values: tuple[str, ...]
    factor: Factor


def condition(text: str, what: str) -> tuple[str, str]:
    """A variable and its value: ``rain=yes``; ``rain`` and ``not rain`` are its two values ``true`` and ``false``.

    Raises:
        InputError: the text says no such thing.
    """
    found = CONDITION.fullmatch(text)
    if not found or (found[1] and found[3]):
        raise InputError(f"{what} names a variable and its value", expected="rain=yes, rain, not rain", found=text)
    return found[2], found[3] or (NO if found[1] else YES)


def read_tables(path: str | Path) -> Given:
    """The tables of a JSON file; its numbers are kept as they are written.

    Raises:
        InputError: the file cannot be read, or is no JSON object.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8-sig"), parse_float=str, parse_int=str)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the tables {str(path)!r}: {reason}") from error
    if not isinstance(found, dict):
        raise InputError(f"the tables {str(path)!r} are no JSON object", expected='{"rain": 0.2, ..}')
    return found


def graph_of(given: Given) -> Dag:
    """The graph of tables: the parents of a variable are those that its conditions name."""
    for name in given:
        if not NAME.fullmatch(name):
            raise InputError("a variable is called by a word", expected="letters, digits and _", found=repr(name[:60]))
    return directed({name: _named_parents(name, table, given) for name, table in given.items()})


def _named_parents(name: str, table: Any, given: Given) -> list[str]:
    """The variables that the first condition names; none if the keys are values of the variable itself."""
    if not isinstance(table, Mapping) or not table:
        return []
    texts = [part for text in table for part in str(text).split(",") if part.strip()]
    about = [CONDITION.fullmatch(text) for text in texts]
    rows = any(isinstance(row, Mapping) for row in table.values())
    if not rows and not all(found and found[2] in given and found[2] != name for found in about):
        return []
    return [parent for parent, _ in _conditions(name, next(iter(table)))]


def _conditions(name: str, text: str) -> Iterator[tuple[str, str]]:
    for part in filter(str.strip, str(text).split(",")):
        yield condition(part, f"a row of the table of {name}")


def tables(dag: Dag, given: Given) -> dict[str, Table]:
    """The table of every variable, checked.

    A row is a mapping from values to probabilities, or one number, the probability of ``true``.

    Raises:
        InputError: a table or a row is missing, too much, or does not sum to one.
    """
    for name in given:
        if name not in dag.parents:
            raise InputError(f"the graph has no variable {name!r}", near=near_names(name, dag.nodes))
    missing = [name for name in dag.nodes if name not in given]
    if missing:
        raise InputError(f"there is no table for: {', '.join(missing)}")
    found: dict[str, Table] = {}
    for name in dag.nodes:
        found[name] = _table(name, [found[parent] for parent in dag.parents[name]], given[name])
    return found


def _table(name: str, parents: list[Table], given: Any) -> Table:
    rows = _rows(name, parents, given)
    values = tuple(next(iter(rows.values())))
    cells = len(values) * int(np.prod([len(parent.values) for parent in parents], dtype=object))
    if cells > MOST_CELLS:
        raise LimitError(f"the table of {name} has {cells} entries", expected=f"at most {MOST_CELLS}")
    array = np.empty([*(len(parent.values) for parent in parents), len(values)], dtype=object)
    for choice in itertools.product(*(parent.values for parent in parents)):
        row = rows.get(choice)
        if row is None:
            raise InputError(f"the table of {name} has no row for {_said(parents, choice)}")
        if set(row) != set(values):
            raise InputError(
                f"the rows of {name} have different values", expected=", ".join(values), found=", ".join(row)
            )
        place = tuple(parent.values.index(value) for parent, value in zip(parents, choice, strict=True))
        array[place] = [row[value] for value in values]
    names = tuple(parent.name for parent in parents)
    return Table(name, names, values, Factor((*names, name), array))


def _said(parents: list[Table], choice: tuple[str, ...]) -> str:
    return ", ".join(f"{parent.name}={value}" for parent, value in zip(parents, choice, strict=True))


def _rows(name: str, parents: list[Table], given: Any) -> dict[tuple[str, ...], Row]:
    """The rows by the parents' values."""
    if not parents:
        only = next(iter(given.values())) if isinstance(given, Mapping) and list(given) == [""] else given
        return {(): _row(name, "", only)}
    if not isinstance(given, Mapping):
        need = ", ".join(parent.name for parent in parents)
        raise InputError(f"the table of {name} has no rows", expected=f"one for every choice of {need}")
    found: dict[tuple[str, ...], Row] = {}
    for text, row in given.items():
        choice = _choice(name, parents, str(text))
        if choice in found:
            raise InputError(f"the table of {name} has two rows for {_said(parents, choice)}")
        found[choice] = _row(name, str(text), row)
    if not found:
        raise InputError(f"the table of {name} has no rows")
    return found


def _choice(name: str, parents: list[Table], text: str) -> tuple[str, ...]:
    said = dict(_conditions(name, text))
    names = [parent.name for parent in parents]
    if set(said) != set(names):
        what = f"a row of the table of {name} does not name its parents"
        raise InputError(what, expected=", ".join(names), found=text or "nothing")
    for parent in parents:
        if said[parent.name] not in parent.values:
            raise InputError(
                f"{parent.name} has no value {said[parent.name]!r}", expected=", ".join(parent.values),
                near=near_names(said[parent.name], parent.values),
            )  # fmt: skip
    return tuple(said[parent.name] for parent in parents)


def _row(name: str, text: str, row: Number | Mapping[str, Number]) -> Row:
    given = f" | {text}" if text else ""
    if not isinstance(row, Mapping):
        first = probability(row, f"P({name}{given})")
        return {YES: first, NO: 1 - first}
    for value in map(str, row):
        if not VALUE.fullmatch(value):
            raise InputError(f"a value of {name} has a sign that conditions are written with", expected="no , = | ( )",
                             found=repr(value[:60]))  # fmt: skip
    found = {str(value): probability(number, f"P({name}={value}{given})") for value, number in row.items()}
    total = sum(found.values(), Fraction(0))
    if total != 1:
        raise InputError(f"the probabilities P({name}{given}) do not sum to one", expected="1", found=str(total))
    return found
