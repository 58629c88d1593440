"""A layered layout: boxes in columns, every edge running from left to right through every column.

The steps are those of Sugiyama, Tagawa and Toda (1981): layers, an order in each that leaves few
crossings, and places.  Places in a column are the ones nearest to the neighbours' (in least
squares) that keep the boxes apart, which is an isotonic regression.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

#: Sweeps over all columns, for the order and for the places.
SWEEPS = 12


@dataclass(frozen=True)
class Box:
    """What needs room: a node, the label of an edge, or the passage of an edge (of no width)."""

    key: Hashable
    width: float
    height: float


@dataclass(frozen=True)
class Place:
    """Where a box stands: its centre, and the sides of its column."""

    x: float
    y: float
    left: float
    right: float


def layers(sources: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """The layer of every node, given what it reads, in an order in which that stands before it.

    A node stands right after the last of its sources; one without sources right before its first reader.
    """
    found: dict[str, int] = {}
    for name, read in sources.items():
        found[name] = max((found[source] + 1 for source in read), default=0)
    for name, read in sources.items():
        readers = [found[other] for other, sources_of in sources.items() if name in sources_of]
        if not read and readers:
            found[name] = min(readers) - 1
    return found


Links = Sequence[tuple[Hashable, Hashable]]


def ordered(columns: Sequence[Sequence[Box]], links: Links) -> list[list[Box]]:
    """The boxes of every column in an order that leaves few crossings of links between neighbouring columns."""
    left, right = _neighbours(links)
    current = [list(column) for column in columns]
    best, fewest = current, crossings(current, links)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        current = [list(column) for column in current]
        for number in range(1, len(current)) if forward else range(len(current) - 2, -1, -1):
            fixed = current[number - 1] if forward else current[number + 1]
            place = {box.key: position for position, box in enumerate(fixed)}
            current[number] = _by_means(current[number], place, left if forward else right)
        if (count := crossings(current, links)) < fewest:
            best, fewest = current, count
    return best


def _by_means(column: list[Box], place: Mapping[Hashable, int], near: Mapping[Hashable, list[Hashable]]) -> list[Box]:
    """A column sorted by the mean place of the neighbours; who has none stays where it is."""
    means = {}
    for position, box in enumerate(column):
        places = [place[key] for key in near.get(box.key, ())]
        means[box.key] = sum(places) / len(places) if places else float(position)
    return sorted(column, key=lambda box: means[box.key])


def _neighbours(links: Links) -> tuple[dict[Hashable, list[Hashable]], dict[Hashable, list[Hashable]]]:
    left: dict[Hashable, list[Hashable]] = {}
    right: dict[Hashable, list[Hashable]] = {}
    for a, b in links:
        left.setdefault(b, []).append(a)
        right.setdefault(a, []).append(b)
    return left, right


def crossings(columns: Sequence[Sequence[Box]], links: Links) -> int:
    """How many pairs of links cross."""
    place = {box.key: (n, position) for n, column in enumerate(columns) for position, box in enumerate(column)}
    ends: list[list[tuple[int, int]]] = [[] for _ in columns]
    for a, b in links:
        ends[place[a][0]].append((place[a][1], place[b][1]))
    total = 0
    for pairs in ends:
        pairs.sort()
        total += sum(b > d for n, (a, b) in enumerate(pairs) for c, d in pairs[n + 1 :] if a < c)
    return total


def places(columns: Sequence[Sequence[Box]], links: Links, gap: tuple[float, float]) -> dict[Hashable, Place]:
    """Where every box stands, at least ``gap`` (across, down) from its neighbours; the corner is at 0, 0.

    Columns with many links between them are further apart.
    """
    left, right = _neighbours(links)
    y = {box.key: 0.0 for column in columns for box in column}
    for column in columns:
        y |= _apart(column, lambda _: 0.0, gap[1])
    for sweep in range(SWEEPS):
        # First from one side, then from the other, at last from both.
        sides = [left, right][sweep % 2 :][:1] if sweep < SWEEPS - 4 else [left, right]
        for column in columns if sweep % 2 == 0 else columns[::-1]:
            y |= _apart(column, _mean_of(sides, dict(y)), gap[1])
    top = min(y[box.key] - box.height / 2 for column in columns for box in column)
    found: dict[Hashable, Place] = {}
    start = 0.0
    for column in columns:
        width = max((box.width for box in column), default=0.0)
        place = Place(start + width / 2, 0.0, start, start + width)
        found |= {box.key: replace(place, y=y[box.key] - top) for box in column}
        start += width + gap[0] + sum(len(right.get(box.key, ())) for box in column)
    return found


def _mean_of(
    sides: Sequence[Mapping[Hashable, list[Hashable]]], y: Mapping[Hashable, float]
) -> Callable[[Box], float]:
    """Where a box wants to be: at the mean of its neighbours, or where it is."""

    def wanted(box: Box) -> float:
        near = [y[key] for side in sides for key in side.get(box.key, ())]
        return sum(near) / len(near) if near else y[box.key]

    return wanted


def _apart(column: Sequence[Box], wanted: Callable[[Box], float], gap: float) -> dict[Hashable, float]:
    """The centres nearest to the wanted ones (in least squares) that keep order and distance.

    Without the room that the boxes need, the centres must not decrease: pool adjacent violators.
    """
    offsets, offset = [], 0.0
    for before, box in zip([None, *column[:-1]], column, strict=True):
        offset += (before.height + box.height) / 2 + gap if before else 0.0
        offsets.append(offset)
    pools: list[tuple[float, int]] = []
    for box, shift in zip(column, offsets, strict=True):
        total, count = wanted(box) - shift, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    centres = [total / count for total, count in pools for _ in range(count)]
    return {box.key: centre + shift for box, centre, shift in zip(column, centres, offsets, strict=True)}
