"""Loop nests: which definitions share a loop, and in which order the loops of each are nested.

Definitions over the same range share a loop where each needs no more of the others than the
current row: then a row's intermediate values stay in registers or in cache.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from sympy import Expr

from chainrule.derive.program import Definition, Index
from chainrule.derive.scatter import Scatter, scatter_of

#: Reductions that are accumulated in local variables, so that their own loops are the innermost.
SEQUENTIAL = frozenset({"max", "min", "prod", "logsumexp"})


@dataclass(frozen=True)
class Task:
    """A definition, the indices whose loops surround the place, and those still to be looped over."""

    definition: Definition
    outer: tuple[Index, ...] = ()
    inner: tuple[Index, ...] = ()

    @property
    def name(self) -> str:
        """The name of the definition."""
        return self.definition.name

    def inside(self, index: Index) -> Task:
        """The task within a loop over the index."""
        rest = tuple(other for other in self.inner if other != index)
        return Task(self.definition, (*self.outer, index), rest)


@dataclass
class Nest:
    """A loop, the tasks in it (each with the index that runs), and what its body consists of."""

    length: Expr
    tasks: list[Task] = field(default_factory=list)
    body: list[Nest | Task] = field(default_factory=list)


def arrange(tasks: Iterable[Task]) -> list[Nest | Task]:
    """Tasks in an order that respects what they read, those that can share a loop in one nest."""
    slots: list[Nest | Task] = []
    place: dict[str, int] = {}
    for task in tasks:
        earliest = max((place[name] for name in task.definition.reads if name in place), default=-1)
        place[task.name] = _put(task, slots, earliest)
    for slot in slots:
        if isinstance(slot, Nest):
            slot.body = arrange(slot.tasks)
    return slots


def tasks_of(definitions: Sequence[Definition], whole: Container[str] = ()) -> list[Task]:
    """One task per definition; those that are computed as a whole have no loops of their own."""
    return [Task(item, inner=() if item.name in whole else _loops(item)) for item in definitions]


def _loops(definition: Definition) -> tuple[Index, ...]:
    """The indices that a definition loops over: a label takes the place of the index it stands for.

    A norm has loops of its own only where the sum of its squares is of no use.
    """
    if definition.reduce == "norm":
        return definition.free
    scatter = scattering(definition)
    places = scatter.places if scatter else {}
    return tuple(index for index in definition.free if index not in places) + definition.bound_indices


def scattering(definition: Definition) -> Scatter | None:
    """How the terms of a sum are added to the entries that labels select, if they are."""
    if definition.reduce != "sum":
        return None
    return scatter_of(definition.body, definition.free, definition.bound_indices)


def _put(task: Task, slots: list[Nest | Task], earliest: int) -> int:
    """Places a task behind everything it reads; returns the position."""
    for position in range(max(earliest, 0), len(slots)):
        slot = slots[position]
        index = _joining(task, slot) if isinstance(slot, Nest) else None
        if isinstance(slot, Nest) and index is not None:
            slot.tasks.append(task.inside(index))
            return position
    if not task.inner:
        slots.append(task)
        return len(slots) - 1
    index = _opening(task)
    slots.append(Nest(task.definition.lengths[index], [task.inside(index)]))
    return len(slots) - 1


def _joining(task: Task, nest: Nest) -> Index | None:
    """The index of the task that may run with the nest's loop."""
    known = {other.name: other for other in nest.tasks}
    read = [ref for ref in task.definition.refs if ref.name in known]
    for index in _outermost_candidates(task):
        if task.definition.lengths[index] != nest.length:
            continue
        if all(index in ref.indices and ref.indices.index(index) == _row(known[ref.name]) for ref in read):
            return index
    return None


def _row(task: Task) -> int | None:
    """The axis of the definition that the innermost loop around the task runs along."""
    running, free = task.outer[-1], task.definition.free
    return free.index(running) if running in free else None


def _opening(task: Task) -> Index:
    """The index of the outermost loop of a nest that is begun for the task."""
    return _outermost_candidates(task)[0]


def _outermost_candidates(task: Task) -> list[Index]:
    """The indices that may run outermost, the innermost one kept for the end."""
    definition, left = task.definition, task.inner
    free = [index for index in left if index in definition.free]
    if definition.reduce in SEQUENTIAL and free:
        left = tuple(free)
        if len(free) < len(task.inner):
            return list(left)
    if len(left) < 2:
        return list(left)
    last = max(left, key=lambda index: (_contiguity(definition, index), left.index(index)))
    return [index for index in left if index != last]


def _contiguity(definition: Definition, index: Index) -> int:
    """How much is gained by running along neighbouring entries with this index innermost."""
    score = 0 if index not in definition.free else 1 if index == definition.free[-1] else -1
    for ref in definition.refs:
        if index in ref.indices:
            score += 2 if ref.indices[-1] == index else -2
    return score
