"""The unknowns of a fit as one vector: their shapes, where they start, and the bounds of their domains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.binding import size_of
from chainrule.derive.domains import has_equations
from chainrule.derive.errors import InputError, ShapeError, UnsupportedError, near_names
from chainrule.derive.program import Dim, Input

Array = npt.NDArray[np.float64]
#: How far inside an open domain the unknowns stay, relative to one.
INSIDE = 1e-9


@dataclass(frozen=True)
class Unknowns:
    """Arrays laid end to end.

    Attributes:
        names: the unknowns.
        shapes: their shapes.
        low, high: bounds of every entry.
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    low: Array
    high: Array

    def arrays(self, vector: Array) -> dict[str, Any]:
        """The unknowns by name; scalars as numbers."""
        found: dict[str, Any] = {}
        start = 0
        for name, shape in zip(self.names, self.shapes, strict=True):
            size = math.prod(shape)
            part = vector[start : start + size].reshape(shape)
            found[name] = part if shape else float(part)
            start += size
        return found

    def vector(self, arrays: Sequence[Any]) -> Array:
        """Arrays in the order of the names, end to end."""
        return np.concatenate([np.ravel(np.asarray(array, dtype=float)) for array in arrays])

    def inside(self, vector: Array) -> Array:
        """The nearest point of the domains."""
        return np.clip(vector, self.low, self.high)

    @property
    def bounded(self) -> bool:
        """Whether any entry has a bound."""
        return bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())


def unknowns(items: Sequence[Input], dims: Mapping[Dim, int]) -> Unknowns:
    """The unknowns, their lengths known from the data.

    Raises:
        ShapeError: the data do not tell a length.
        UnsupportedError: the entries of an unknown obey equations, so that it cannot move freely.
    """
    shapes = tuple(_shape(item, dims) for item in items)
    low, high = [], []
    for item, shape in zip(items, shapes, strict=True):
        domain = item.domain
        if has_equations(domain) or domain.integer:
            raise UnsupportedError(
                f"{item.name} is declared {domain.name}, whose entries cannot move one by one",
                hint="write it as a function of free unknowns, for example softmax(z) for a simplex",
            )
        margin = 0.0 if domain.closed else INSIDE
        low += [-np.inf if domain.low is None else domain.low + margin] * math.prod(shape)
        high += [np.inf if domain.high is None else domain.high - margin] * math.prod(shape)
    return Unknowns(tuple(item.name for item in items), shapes, np.array(low), np.array(high))


def _shape(item: Input, dims: Mapping[Dim, int]) -> tuple[int, ...]:
    for length in item.shape:
        for dim in length.atoms(Dim):
            if dim not in dims:
                raise ShapeError(
                    f"the length {dim} of {item.name} is not known from the data",
                    hint=f"give it: sizes={{'{dim}': 16}}, or --size {dim}=16",
                )
    return tuple(size_of(length, dims) for length in item.shape)


def start_of(items: Sequence[Input], found: Unknowns, given: Mapping[str, Any], seed: int) -> Array:
    """Where the descent starts: as given; zero; for matrices small random numbers, so that units differ.

    The random numbers have the variance one over the number of rows (Glorot and Bengio 2010 discuss why).
    """
    for name in given:
        if name not in found.names:
            near = near_names(name, found.names)
            raise InputError(f"{name} is no unknown", expected=", ".join(found.names), near=near)
    generator = np.random.default_rng(seed)
    parts: list[Array] = []
    for item, shape in zip(items, found.shapes, strict=True):
        if item.name in given:
            value = np.asarray(given[item.name], dtype=float)
            if value.shape != shape:
                wrong = f"the start of {item.name} has another shape"
                raise InputError(wrong, expected=str(shape), found=str(value.shape))
        elif len(shape) > 1:
            value = generator.normal(scale=1 / math.sqrt(shape[0]), size=shape)
        else:
            value = np.full(shape, 0.0 if item.domain.sign == "real" else 1.0)
        parts.append(value)
    vector = found.inside(found.vector(parts))
    moved = [name for name, value in found.arrays(vector).items() if name in given and np.any(value != given[name])]
    if moved:
        item = next(item for item in items if item.name == moved[0])
        raise InputError(f"{item.name} starts outside of its domain", expected=item.domain.describe or str(item.domain),
                         found=str(given[item.name]))  # fmt: skip
    return vector
