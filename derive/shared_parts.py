"""Which parts of a result have names: what would be written out again and again gets one.

A nameless definition is written out wherever it is read.  One that is long and would be written
several times is shown by its name instead; the adjoint of a nameless quantity that would be
written once only loses its name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from dataclasses import replace

from chainrule.derive.program import Definition, Program, Ref
from chainrule.derive.rational import cost

#: Length (see ``cost``) that naming a part must save at least.
WORTHWHILE = 60


def with_names(context: Program, lasting: Container[str]) -> Program:
    """The program with names for its shared parts; ``lasting`` adjoints keep theirs in any case."""
    needed = context.pruned()
    lengths = _lengths(needed)
    written: Counter[str] = Counter()
    origins: dict[str, Definition] = {}
    for item in reversed(needed.definitions):
        count = written[item.name]
        item = _named(item, count, lengths[item.name], item.name in needed.outputs or item.name in lasting)
        origins[item.name] = item
        readings = Counter(ref.name for ref in item.body.atoms(Ref))
        for name, times in readings.items():
            written[name] += times * (count if item.origin == "auto" else 1)
    return context.with_definitions(origins.get(item.name, item) for item in context.definitions)


def _named(item: Definition, count: int, length: int, lasting: bool) -> Definition:
    if item.origin == "adjoint" and count == 1 and not lasting:
        return replace(item, origin="auto")
    if item.origin == "auto" and not lasting and (count - 1) * length >= WORTHWHILE:
        return replace(item, origin="adjoint")
    return item


def _lengths(program: Program) -> dict[str, int]:
    """How long each definition is, the nameless ones that it reads written out."""
    lengths: dict[str, int] = {}
    for item in program.definitions:
        inner = (program.by_name[name] for name in item.reads)
        parts = [d for d in inner if isinstance(d, Definition) and d.origin == "auto"]
        lengths[item.name] = cost(item.body) + 2 * bool(item.reduce) + sum(lengths[part.name] for part in parts)
    return lengths
