"""Directed acyclic graphs, and the texts that they are read from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

from chainrule.derive.errors import InputError, LimitError, NotationError, Span, UnknownNameError, near_names

#: Variables of a graph at most.
LARGEST = 2000
#: A text in the manner of bnlearn, ``[a][b|a]``, and one in that of dagitty, ``dag { a -> b }``.
BRACKETED = re.compile(r"\s*\[")
BRACED = re.compile(r"\s*(?:dag|digraph)\b[^{}]*\{(.*)\}\s*", re.S)
#: What dagitty says of a picture: attributes of a variable, the frame.
ATTRIBUTES = re.compile(r"\[[^\]]*\]|^\s*bb\s*=[^\n]*", re.M)
TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+|#[^\n]*)|(?P<name>[^\W\d]\w*)|(?P<undirected><->|↔|--+(?!>))|(?P<right>-+>|→|⟶)"
    r"|(?P<left><-+|←|⟵)|(?P<end>[;\n])|(?P<sign>[,{}\[\]|:])|(?P<other>.)", re.S,
)  # fmt: skip
#: What the text of a graph may be.
EXPECTED = "edges, such as rain -> wet; sprinkler -> wet"


@dataclass(frozen=True)
class Dag:
    """A directed acyclic graph.

    Attributes:
        parents: the parents of every variable; every variable stands after its parents.
    """

    parents: Mapping[str, tuple[str, ...]]

    @property
    def nodes(self) -> tuple[str, ...]:
        """The variables, every one after its parents."""
        return tuple(self.parents)

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The arrows from parent to child."""
        return tuple((parent, name) for name, parents in self.parents.items() for parent in parents)

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """The children of every variable."""
        found: dict[str, list[str]] = {name: [] for name in self.parents}
        for parent, name in self.edges:
            found[parent].append(name)
        return {name: tuple(children) for name, children in found.items()}

    def ancestors(self, names: Iterable[str]) -> tuple[str, ...]:
        """The variables themselves and all from which a directed path leads to one of them."""
        return self._closure(names, self.parents)

    def descendants(self, names: Iterable[str]) -> tuple[str, ...]:
        """The variables themselves and all to which a directed path leads from one of them."""
        return self._closure(names, self.children)

    def _closure(self, names: Iterable[str], step: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        waiting, found = list(names), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += step[name]
        return self.sorted(found)

    def sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        """The variables in the order of the graph."""
        wanted = set(names)
        return tuple(name for name in self.parents if name in wanted)

    def restricted(self, names: Iterable[str]) -> Dag:
        """The graph of some of its variables, which are closed under parents."""
        return Dag({name: self.parents[name] for name in self.sorted(names)})

    def blanket(self, name: str) -> tuple[str, ...]:
        """The Markov blanket: parents, children, and the other parents of the children."""
        children = self.children[self.known(name)]
        others = (parent for child in children for parent in self.parents[child])
        return self.sorted({*self.parents[name], *children, *others} - {name})

    def known(self, name: str) -> str:
        """The name of a variable.

        Raises:
            UnknownNameError: there is no such variable.
        """
        if name not in self.parents:
            raise UnknownNameError(
                f"the graph has no variable {name!r}", expected=", ".join(self.nodes[:20]),
                near=near_names(name, self.nodes),
            )  # fmt: skip
        return name


def directed(parents: Mapping[str, Iterable[str]]) -> Dag:
    """The graph in which these are the parents of these variables.

    Raises:
        InputError: the arrows make a cycle; it is named.
        LimitError: there are too many variables.
    """
    given = {name: tuple(dict.fromkeys(read)) for name, read in parents.items()}
    for read in list(given.values()):
        for name in read:
            given.setdefault(name, ())
    if not given:
        raise InputError("the graph has no variables", expected=EXPECTED)
    if len(given) > LARGEST:
        raise LimitError(f"the graph has more than {LARGEST} variables")
    try:
        order = tuple(TopologicalSorter(given).static_order())
    except CycleError as error:
        raise InputError("the arrows make a cycle", found=_cycle(error.args[1])) from error
    place = {name: number for number, name in enumerate(order)}
    return Dag({name: tuple(sorted(given[name], key=lambda read: place[read])) for name in order})


def _cycle(names: list[str]) -> str:
    """The cycle of a ``CycleError``, in which every name is a parent of the next, begun at its first name."""
    ring = names[:-1]
    first = ring.index(min(ring))
    return " -> ".join([*ring[first:], *ring[:first], ring[first]])


# ---- reading ----------------------------------------------------------------------------------------------


def read_dag(text: str) -> Dag:
    """The graph of a text: ``a -> b -> c; d, e -> c; f``, also ``[a][b|a]`` and ``dag { a -> b }``.

    Raises:
        NotationError: the text cannot be read.
        InputError: the arrows make a cycle.

    Example:
        >>> read_dag("rain -> wet <- sprinkler").parents["wet"]
        ('rain', 'sprinkler')
    """
    parents: dict[str, list[str]] = {}
    if BRACKETED.match(text):
        for name, read in _factors(text):
            parents.setdefault(name, []).extend(read)
        return directed(parents)
    braced = BRACED.fullmatch(text)
    if braced:
        text = ATTRIBUTES.sub(lambda found: " " * len(found[0]), text)
    tokens = _tokens(text, *((braced.start(1), braced.end(1)) if braced else (0, len(text))))
    for statement in _statements(tokens):
        for before, arrow, after in _arrows(statement, text):
            for name in (*before, *after):
                parents.setdefault(name, [])
            sources, targets = (before, after) if arrow == "right" else (after, before)
            for target in targets if arrow else ():
                parents[target] += sources
    return directed(parents)


Token = tuple[str, str, Span]


def _tokens(text: str, start: int, end: int) -> list[Token]:
    found = [(str(item.lastgroup), item[0], Span(text, item.start(), item.end()))
             for item in TOKEN.finditer(text, start, end) if item.lastgroup != "blank"]  # fmt: skip
    for kind, sign, span in found:
        if kind == "undirected":
            hint = "a hidden common cause is a variable of its own: u -> a; u -> b" if sign in ("<->", "↔") else ""
            raise NotationError("an edge has one direction", span, expected="-> or <-", found=repr(sign), hint=hint)
        if kind == "other":
            raise NotationError("this sign has no meaning in a graph", span, expected=EXPECTED, found=repr(sign))
    return found


def _statements(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens between ends of statements; a line that ends with an arrow or a comma goes on in the next."""
    statement, depth = list[Token](), 0
    for token in tokens:
        kind, sign, _ = token
        depth += (sign == "{") - (sign == "}")
        going_on = depth > 0 or (sign == "\n" and statement and statement[-1][1] != "}" and statement[-1][0] != "name")
        if kind != "end":
            statement.append(token)
        elif statement and not (sign == "\n" and going_on):
            yield statement
            statement = []
    if statement:
        yield statement


def _arrows(statement: list[Token], text: str) -> Iterator[tuple[list[str], str, list[str]]]:
    """The groups of a statement two by two with the arrow between them; a single group stands alone."""
    before, place = _group(statement, 0, text)
    if place == len(statement):
        yield before, "", []
    while place < len(statement):
        kind, sign, span = statement[place]
        if kind not in ("right", "left"):
            raise NotationError("two variables have nothing between them", span, expected="-> , ;", found=repr(sign))
        after, place = _group(statement, place + 1, text)
        yield before, kind, after
        before = after


def _group(statement: list[Token], place: int, text: str) -> tuple[list[str], int]:
    """Names with commas between them, in braces or not, and where they end."""
    braces = place < len(statement) and statement[place][1] == "{"
    place += braces
    names = list[str]()
    while True:
        if place >= len(statement) or statement[place][0] != "name":
            span = statement[min(place, len(statement) - 1)][2]
            raise NotationError("a variable is missing", span, expected="a name")
        names.append(statement[place][1])
        place += 1
        comma = place < len(statement) and statement[place][1] == ","
        if not comma and not (braces and place < len(statement) and statement[place][0] == "name"):
            break
        place += comma
    if braces:
        if place >= len(statement) or statement[place][1] != "}":
            raise NotationError("the braces are not closed", statement[place - 1][2], expected="}")
        place += 1
    return names, place


def _factors(text: str) -> Iterator[tuple[str, list[str]]]:
    """The factors of ``[a][b|a:c]``."""
    rest = re.sub(r"\s", "", text)
    for part in re.findall(r"\[[^\[\]]*\]|[^\[\]]+|[\[\]]", rest):
        found = re.fullmatch(r"\[([^\W\d]\w*)(?:\|([^\W\d]\w*(?:[:,][^\W\d]\w*)*))?\]", part)
        if not found:
            raise NotationError("this is no factor", expected="[a] or [b|a:c]", found=part[:60])
        yield found[1], re.split("[:,]", found[2]) if found[2] else []
