"""Separation in directed acyclic graphs: path by path, and by the moral graph of the ancestors.

Source: Pearl, Probabilistic Reasoning in Intelligent Systems (1988), section 3.3.1; Lauritzen, Dawid,
Larsen and Leimer, Independence properties of directed Markov fields (1990), proposition 3.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from chainrule.learning.graphs.dag import Dag

Kind = Literal["chain", "fork", "collider"]
Neighbours = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Junction:
    """A variable in the middle of a path.

    Attributes:
        name: the variable.
        kind: how the arrows of the path meet there.
        observed: whether it is observed.
        witness: of a collider the observed variable that is the collider or a descendant of it, if there is one.
    """

    name: str
    kind: Kind
    observed: bool
    witness: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it blocks the path."""
        return not self.witness if self.kind == "collider" else self.observed


@dataclass(frozen=True)
class Path:
    """A path between two variables, whatever way the arrows point.

    Attributes:
        nodes: the variables along it.
        forward: for every edge whether it points along the path.
        junctions: the variables between its ends.
    """

    nodes: tuple[str, ...]
    forward: tuple[bool, ...]
    junctions: tuple[Junction, ...]

    @property
    def blocking(self) -> tuple[Junction, ...]:
        """The junctions that block it."""
        return tuple(junction for junction in self.junctions if junction.blocks)

    @property
    def open(self) -> bool:
        """Whether nothing blocks it."""
        return not self.blocking

    @property
    def text(self) -> str:
        """``a -> b <- c``."""
        return self.nodes[0] + "".join(
            f"{' -> ' if along else ' <- '}{name}" for along, name in zip(self.forward, self.nodes[1:], strict=True)
        )


def moral(dag: Dag) -> dict[str, set[str]]:
    """The moral graph: the edges without direction, and an edge between any two parents of a variable."""
    found: dict[str, set[str]] = {name: set() for name in dag.nodes}
    for name, parents in dag.parents.items():
        for one, other in itertools.combinations((name, *parents), 2):
            found[one].add(other)
            found[other].add(one)
    return found


def reached(neighbours: Neighbours, start: Iterable[str], without: Collection[str] = ()) -> set[str]:
    """What is connected with the start by edges that avoid some variables."""
    found, waiting = set[str](), [name for name in start if name not in without]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in neighbours[name] if other not in without]
    return found


def separated(dag: Dag, left: Collection[str], right: Collection[str], given: Collection[str]) -> bool:
    """Whether the observed variables separate the two sets in the moral graph of the ancestors of all three."""
    whole = moral(dag.restricted(dag.ancestors({*left, *right, *given})))
    return reached(whole, left, given).isdisjoint(right)


# ---- paths ------------------------------------------------------------------------------------------------


def path_of(dag: Dag, nodes: tuple[str, ...], given: Collection[str]) -> Path:
    """A path with what the observed variables mean for it."""
    forward = tuple(one in dag.parents[other] for one, other in itertools.pairwise(nodes))
    inner = zip(nodes[1:-1], forward, forward[1:], strict=False)
    junctions = (_junction(dag, name, into, out, given) for name, into, out in inner)
    return Path(nodes, forward, tuple(junctions))


def _junction(dag: Dag, name: str, into: bool, out: bool, given: Collection[str]) -> Junction:
    kind: Kind = "chain" if into == out else "collider" if into else "fork"
    below = [other for other in dag.descendants([name]) if other in given] if kind == "collider" else []
    return Junction(name, kind, name in given, below[0] if below else "")


def paths(dag: Dag, start: str, end: str, given: Collection[str], most: int) -> tuple[tuple[Path, ...], bool]:
    """The shortest paths from one variable to another, at most so many, and whether these are all."""
    neighbours = {name: (*dag.parents[name], *dag.children[name]) for name in dag.nodes}
    longest = len(reached(neighbours, [start])) - 1
    found = list(itertools.islice(_simple(neighbours, start, end, longest), most + 1))
    whole = len(found) <= most
    if not whole:
        by_length = (_simple(neighbours, start, end, length, exactly=True) for length in range(1, longest + 1))
        found = list(itertools.islice(itertools.chain.from_iterable(by_length), most))
    return tuple(path_of(dag, nodes, given) for nodes in sorted(found, key=len)), whole


def _simple(
    neighbours: Neighbours, start: str, end: str, longest: int, exactly: bool = False
) -> Iterator[tuple[str, ...]]:
    """Paths with at most or with exactly so many edges; none is begun that cannot reach the end."""
    waiting: list[tuple[str, ...]] = [(start,)]
    while waiting:
        begun = waiting.pop()
        left = longest - len(begun) + 1
        if begun[-1] == end:
            if not (exactly and left):
                yield begun
            continue
        near = _within(neighbours, end, left - 1, begun)
        waiting += [(*begun, name) for name in sorted(near.intersection(neighbours[begun[-1]]), reverse=True)]


def _within(neighbours: Neighbours, end: str, steps: int, without: Collection[str]) -> set[str]:
    """What is at most so many edges from the end, apart from what is on the path already."""
    if steps < 0:
        return set()
    found, edge, barred = {end}, {end}, set(without)
    for _ in range(steps):
        edge = {other for name in edge for other in neighbours[name]} - found - barred
        if not edge:
            break
        found |= edge
    return found


def open_path(dag: Dag, start: str, end: str, given: Collection[str]) -> Path | None:
    """The shortest path that nothing blocks, if there is one.

    A search over variables together with the direction in which they are reached; the shortest walk
    without a block visits no variable twice.
    """
    above = set(dag.ancestors(given))
    first = (start, False)
    before: dict[tuple[str, bool], tuple[str, bool]] = {}
    waiting = deque([first])
    while waiting:
        state = waiting.popleft()
        name, into = state
        if name == end:
            return path_of(dag, _traced(before, state), given)
        passes = state == first or name not in given
        steps = [(child, True) for child in dag.children[name] if passes]
        # Against the arrows one goes on from the start, from a fork or chain, and from a collider that is opened.
        backwards = name in above if into else passes
        steps += [(parent, False) for parent in dag.parents[name] if backwards]
        for step in steps:
            if step not in before and step[0] != start:
                before[step] = state
                waiting.append(step)
    return None


def _traced(before: Mapping[tuple[str, bool], tuple[str, bool]], state: tuple[str, bool]) -> tuple[str, ...]:
    names = [state[0]]
    while state in before:
        state = before[state]
        names.append(state[0])
    return tuple(reversed(names))
