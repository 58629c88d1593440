"""What subscripts need of the arrays, checked before any number is computed.

Labels must select entries that exist, and the ends of slices must lie on their axes.  Nothing is
counted from the end, wrapped round or cut off: a label outside its axis is an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Expr, Integer

from chainrule.derive.errors import DomainError, ShapeError
from chainrule.derive.index_values import index_values
from chainrule.derive.program import Dim, Index, Input, Ref, Requirement, free_index

Array = npt.NDArray[Any]


def check_requirements(inputs: Sequence[Input], arrays: Mapping[str, Array], dims: Mapping[Dim, int]) -> None:
    """Raises unless everything that is subscripted exists.

    Raises:
        DomainError: a label outside the axis that it selects along.
        ShapeError: a slice that reaches beyond its axis.
    """
    lengths = {length: Integer(size) for length, size in dims.items()}
    for requirement in (requirement for item in inputs for requirement in item.requirements):
        low, high = (int(bound.xreplace(lengths)) for bound in (requirement.low, requirement.high))
        values = required_values(requirement, arrays, dims)
        outside = np.argwhere((values < low) | (values > high))
        if len(outside):
            _refuse(requirement, values[tuple(outside[0])], outside[0], (low, high))


def required_values(requirement: Requirement, arrays: Mapping[str, Array], dims: Mapping[Dim, int]) -> Array:
    """The values that have to lie between the bounds, one for each of the requirement's indices."""
    sizes = [_size(length, dims) for length in requirement.shape]

    def along(index: Index) -> Array:
        place = next(n for n in range(len(sizes)) if free_index(n) == index)
        return np.arange(sizes[place]).reshape([-1 if n == place else 1 for n in range(len(sizes))])

    def entry(ref: Ref) -> Array:
        array = arrays[ref.name]
        places = [index_values(index, dims, along, entry) for index in ref.indices]
        # A label of a label may itself lie outside; that is a requirement of its own.
        inside = [np.clip(place, 0, size - 1) for place, size in zip(places, array.shape, strict=True)]
        return np.asarray(array[tuple(inside)])

    return np.broadcast_to(index_values(requirement.value, dims, along, entry), sizes)


def _size(length: Expr, dims: Mapping[Dim, int]) -> int:
    return int(length.xreplace({name: Integer(size) for name, size in dims.items()}))


def _refuse(requirement: Requirement, value: int, place: Sequence[int], allowed: tuple[int, int]) -> None:
    """The error that a subscript is outside its axis."""
    expected = f"an integer from {allowed[0]} to {allowed[1]}"
    if not requirement.value.atoms(Ref):
        raise ShapeError(
            f"{requirement.value} = {value} does not fit {requirement.axis}", expected=expected, found=str(value)
        )  # fmt: skip
    indices = {free_index(n): Integer(int(index)) for n, index in enumerate(place)}
    shown = str(requirement.value.xreplace(indices))
    raise DomainError(
        f"the label {shown} = {value} selects nothing along {requirement.axis}", expected=expected, found=str(value),
        hint="labels count from 0, and negative ones do not count from the end",
    )  # fmt: skip
