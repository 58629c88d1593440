"""Values of a program at many points of some scalar inputs at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Dim, Program, Ref, dim, free_index, fresh_names

Array = npt.NDArray[np.float64]

#: Points that are computed in one pass.
CHUNK = 512


def values_at(program: Program, given: Mapping[str, Any], points: Mapping[str, Array]) -> Array:
    """The scalar outputs of a program: one row for each, one column for each point.

    Args:
        program: its outputs are scalar.
        given: values of the other inputs.
        points: for each scalar input that varies its values, all arrays of one length.
    """
    (count,) = {len(array) for array in points.values()}
    wide = batched(program, points)
    starts = range(0, count, CHUNK if wide else 1)
    columns = [_chunk(wide or program, given, points, start, CHUNK if wide else 1) for start in starts]
    return np.concatenate(columns, axis=1) if columns else np.zeros((len(program.outputs), 0))


def _chunk(program: Program, given: Mapping[str, Any], points: Mapping[str, Array], start: int, size: int) -> Array:
    ranks = program.ranks
    part = {name: array[start : start + size] for name, array in points.items()}
    length = len(next(iter(part.values())))
    found = evaluate(program, {**given, **{name: array if ranks[name] else array[0] for name, array in part.items()}})
    return np.stack([np.broadcast_to(found[name], (length,)) for name in program.outputs])


def batched(program: Program, names: Collection[str]) -> Program | None:
    """The program with one more axis, the last one, on these scalar inputs and on all that depends on them.

    ``None`` where a function of a whole matrix depends on them: its matrices are two-dimensional.
    """
    many = dim(next(fresh_names({length.name for length in program.dims}, "points")))
    inputs = tuple(replace(item, shape=(many,)) if item.name in names else item for item in program.inputs)
    wide = set(names)
    definitions: list[Definition] = []
    for item in program.definitions:
        if wide.isdisjoint(item.reads):
            definitions.append(item)
            continue
        if item.reduce in MATRIX_FUNCTION_BY_NAME:
            return None
        wide.add(item.name)
        definitions.append(_with_axis(item, wide, many))
    return replace(program, inputs=inputs, definitions=tuple(definitions))


def _with_axis(item: Definition, wide: Collection[str], many: Dim) -> Definition:
    last = free_index(len(item.shape))
    refs = {ref: Ref(ref.args[0], *ref.indices, last) for ref in item.refs if ref.name in wide}
    return replace(item, shape=(*item.shape, many), body=item.body.xreplace(refs))
