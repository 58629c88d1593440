"""Test points: arrays drawn from the declared domains of inputs, at several sizes.

Everything is deterministic: the same generator state gives the same arrays.  Values are rounded
to few decimals, so that a witness can be read and typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
from sympy import Expr, Integer, Max

from chainrule.derive.domains import Domain
from chainrule.derive.errors import ChainruleError
from chainrule.derive.program import Dim, Index, Input, Program, Ref
from chainrule.derive.requirements import check_requirements

Array = npt.NDArray[Any]
Sizes = Mapping[Dim, int]

#: Decimals that sampled numbers have.
DECIMALS = 3
#: Grid of simplex entries: multiples of ``1 / SIMPLEX_GRID``, which doubles hold exactly.
SIMPLEX_GRID = 1024

#: Steps by which sizes are enlarged, and draws of labels, before that is given up.
MAX_ENLARGED, MAX_ATTEMPTS = 64, 20

#: Sizes given to the dimensions in turn; within one row distinct as far as it reaches.
_SIZE_ROWS = ((3, 4, 2, 5, 6, 7, 8, 9), (4, 2, 5, 3, 7, 6, 9, 8), (3,) * 8)


def size_assignments(
    program: Program, size_rows: Sequence[Sequence[int]] = _SIZE_ROWS
) -> tuple[dict[Dim, int], ...]:
    """Several sizes for the dimensions of a program: two rows of distinct ones, then all equal.

    Every dimension is at least as long as the constant indices in the program need.
    """
    dims = program.dims
    least = _least_sizes(program)
    rows = [
        {d: max(row[place % len(row)], least.get(d, 1)) for place, d in enumerate(dims)} for row in size_rows
    ]
    unique = {tuple(row.values()): row for row in (_roomy(program, _tall(program, row)) for row in rows)}
    return tuple(unique.values())


def _tall(program: Program, row: dict[Dim, int]) -> dict[Dim, int]:
    """The sizes with matrices of orthonormal columns at least as tall as wide."""
    for item in program.inputs:
        if item.domain.name == "orthonormal" and len(item.shape) == 2:
            tall, wide = item.shape
            if isinstance(tall, Dim):
                row[tall] = max(row[tall], *shape_at((wide,), row), 1)
    return row


def _roomy(program: Program, row: dict[Dim, int]) -> dict[Dim, int]:
    """The sizes, enlarged until every slice with symbolic ends lies on its axis and is not empty."""
    needed = [r for item in program.inputs for r in item.requirements if not r.value.atoms(Ref, Index)]
    for _ in range(MAX_ENLARGED):
        gaps = (gap for r in needed for gap in (r.value - Max(r.low, 1), r.high - r.value))
        lacking = next((gap for gap in gaps if gap.xreplace(_numbers(row)) < 0), None)
        if lacking is None:
            break
        grown = next((d for d in row if lacking.coeff(d).is_positive), None)
        if grown is None:
            break
        row[grown] += 1
    return row


def _numbers(sizes: Sizes) -> dict[Dim, Integer]:
    return {d: Integer(size) for d, size in sizes.items()}


def smallest_sizes(program: Program) -> Iterator[dict[Dim, int]]:
    """Sizes for a witness that a person reads, smallest first."""
    least = _least_sizes(program)
    dims = program.dims
    rows: list[dict[Dim, int]] = []
    for small in ((1,), (2,), (2, 1), (1, 2), (2, 3), (3, 2)):
        row = {d: max(small[place % len(small)], least.get(d, 1)) for place, d in enumerate(dims)}
        row = _roomy(program, _tall(program, row))
        if row not in rows:
            rows.append(row)
            yield row


def _least_sizes(program: Program) -> dict[Dim, int]:
    """The smallest size of each dimension that makes the constant indices of all entries valid."""
    least: dict[Dim, int] = {}
    for definition in program.definitions:
        for ref in definition.refs:
            for index, length in zip(ref.indices, program.by_name[ref.name].shape, strict=True):
                if isinstance(length, Dim) and isinstance(index, Integer):
                    least[length] = max(least.get(length, 1), int(index) + 1)
                elif isinstance(length, Dim) and not isinstance(index, Index):
                    offsets = [abs(int(number)) for number in index.atoms(Integer)]
                    least[length] = max([least.get(length, 1), *(offset + 1 for offset in offsets)])
    return least


def shape_at(shape: Sequence[Expr], sizes: Sizes) -> tuple[int, ...]:
    """A symbolic shape at given sizes."""
    return tuple(int(length.xreplace(_numbers(sizes))) for length in shape)


def sample(inputs: Sequence[Input], sizes: Sizes, rng: np.random.Generator) -> dict[str, Array]:
    """Generic points of the domains: kinks and boundaries are hit by discrete domains only."""
    return with_labels(
        inputs, {item.name: _draw(item.domain, shape_at(item.shape, sizes), rng) for item in inputs}, sizes, rng
    )


def with_labels(
    inputs: Sequence[Input], values: dict[str, Array], sizes: Sizes, rng: np.random.Generator
) -> dict[str, Array]:
    """The point with every label redrawn so that it selects something."""
    selecting = [item for item in inputs if item.selects]
    for attempt in range(MAX_ATTEMPTS if selecting else 0):
        for item in selecting:
            # Labels that are computed from several inputs may not fit at first; zeros do in the end.
            count = 1 if attempt == MAX_ATTEMPTS - 1 else _count_of_labels(item, sizes)
            low = 1 if item.domain.name == "positive" else 0
            values[item.name] = rng.integers(low, max(count, low + 1), values[item.name].shape).astype(float)
        try:
            check_requirements(inputs, values, sizes)
        except ChainruleError:
            continue
        break
    return values


def _count_of_labels(item: Input, sizes: Sizes) -> int:
    """How many labels there are for an input, as far as single requirements tell."""
    highest = [shape_at((r.high,), sizes)[0] for r in item.requirements if r.value.atoms(Ref)]
    if item.domain.high is not None:
        highest.append(int(item.domain.high))
    return min(highest) + 1


def _draw(domain: Domain, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if domain.name in _DRAW:
        return np.asarray(_DRAW[domain.name](shape, rng), dtype=np.float64)
    return _between(*_bounds(domain), shape, rng)


def _bounds(domain: Domain) -> tuple[float, float]:
    """The ends of an interval."""
    low = -np.inf if domain.low is None else domain.low
    return low, np.inf if domain.high is None else domain.high


def _between(low: float, high: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Uniform in the inner nine tenths of an interval, infinite ends replaced by finite ones."""
    low = low if np.isfinite(low) else min(-2.0, high - 4.0)
    high = high if np.isfinite(high) else max(2.0, low + 4.0)
    margin = (high - low) / 20
    decimals = DECIMALS + max(0, int(np.ceil(-np.log10(high - low))))
    values = np.round(rng.uniform(low + margin, high - margin, shape), decimals)
    return np.asarray(values)


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Rounded standard normal numbers, none of them 0."""
    values = np.round(rng.standard_normal(shape), DECIMALS)
    return np.where(values == 0, 0.5, values)


def _simplex(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Positive entries on a binary grid, so that rows sum to one exactly."""
    weights = np.exp(rng.standard_normal(shape))
    counts = np.floor(weights / weights.sum(axis=-1, keepdims=True) * (SIMPLEX_GRID - shape[-1])) + 1
    counts[..., -1] += SIMPLEX_GRID - counts.sum(axis=-1)
    return np.asarray(counts / SIMPLEX_GRID)


def _onehot(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return np.asarray(np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])])


def _symmetric(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    upper = np.triu(_normal(shape, rng))
    return upper + np.triu(upper, 1).swapaxes(-1, -2)


def _gram(shape: tuple[int, ...], rng: np.random.Generator, columns: int, ridge: float) -> Array:
    """``B B' + ridge I`` with entries of B on a grid, so that symmetry is exact."""
    factor = np.round(rng.standard_normal((*shape[:-1], columns)) * 8) / 8
    return np.asarray(factor @ factor.swapaxes(-1, -2) + ridge * np.eye(shape[-1]))


def _invertible(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return 2.0 * np.eye(shape[-1]) + np.round(0.35 * rng.standard_normal(shape), DECIMALS)


def _orthonormal(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return np.asarray(np.linalg.qr(rng.standard_normal(shape))[0])


def _lower(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Lower triangular with a positive diagonal, as factors of Cholesky are."""
    values = np.tril(_normal(shape, rng), -1)
    return values + np.eye(shape[-1]) * np.round(rng.uniform(0.7, 1.8, shape), DECIMALS)


_DRAW: dict[str, Callable[[tuple[int, ...], np.random.Generator], Any]] = {
    "real": _normal,
    "positive": lambda shape, rng: np.round(rng.uniform(0.5, 2.0, shape), DECIMALS),
    "nonnegative": lambda shape, rng: np.round(rng.uniform(0.1, 2.0, shape), DECIMALS),
    "unit": lambda shape, rng: np.round(rng.uniform(0.1, 0.9, shape), DECIMALS),
    "binary": lambda shape, rng: rng.integers(0, 2, shape),
    "pm1": lambda shape, rng: 2 * rng.integers(0, 2, shape) - 1,
    "count": lambda shape, rng: rng.poisson(2.0, shape),
    "integer": lambda shape, rng: rng.integers(-4, 5, shape),
    "simplex": _simplex,
    "onehot": _onehot,
    "symmetric": _symmetric,
    "spd": lambda shape, rng: _gram(shape, rng, shape[-1], 1.0),
    "psd": lambda shape, rng: _gram(shape, rng, max(1, shape[-1] - 1), 0.0),
    "invertible": _invertible,
    "lower": _lower,
    "diagonal": lambda shape, rng: _normal(shape, rng) * np.eye(shape[-1]),
    "orthonormal": _orthonormal,
}


def exact(inputs: Sequence[Input], values: Mapping[str, Array]) -> dict[str, Array]:
    """The point in mpmath numbers, its equations holding to the working precision.

    Orthonormal columns are orthonormal only to 16 digits as doubles; they are made so again.
    """
    point = {name: to_mp(array) for name, array in values.items()}
    for item in inputs:
        if item.domain.name == "orthonormal":
            point[item.name] = _orthonormalised(point[item.name])
    return point


def to_mp(array: Array) -> Array:
    """An array of mpmath numbers, each double taken exactly."""
    with np.errstate(invalid="ignore"):  # NaN is converted like any other number
        return np.asarray(np.frompyfunc(mpmath.mpf, 1, 1)(array), dtype=object)


def _orthonormalised(matrix: Array) -> Array:
    """Gram-Schmidt on the columns."""
    result = matrix.copy()
    for place in range(matrix.shape[1]):
        column = result[:, place]
        for earlier in range(place):
            column = column - (result[:, earlier] @ column) * result[:, earlier]
        result[:, place] = column / mpmath.sqrt(column @ column)
    return result


# ---- kinks, boundaries, far regions ----------------------------------------------------------------


def scaled_sample(
    inputs: Sequence[Input], sizes: Sizes, rng: np.random.Generator, spread: float = 10.0
) -> dict[str, Array]:
    """A point whose inputs are near, at or far from their usual size, each by its own factor."""
    point = sample(inputs, sizes, rng)
    for item in inputs:
        factor = float(rng.choice([1 / spread, 1.0, 1.0, spread]))
        scaled = np.round(point[item.name] * factor, DECIMALS + 1)
        if _unbounded(item.domain) and not item.selects and np.all(scaled != 0):
            point[item.name] = scaled
    return point


def shifted_sample(inputs: Sequence[Input], sizes: Sizes, rng: np.random.Generator) -> dict[str, Array]:
    """A point whose real inputs keep to one sign or near zero or beyond 1, for functions defined only there."""
    point = sample(inputs, sizes, rng)
    for item in inputs:
        if item.domain.name == "real":
            size = np.abs(point[item.name])
            choices = (size, -size, np.round(point[item.name] / 5, DECIMALS), 1 + size)
            point[item.name] = choices[int(rng.integers(len(choices)))]
    return point


def _unbounded(domain: Domain) -> bool:
    """Whether multiples of points of a domain belong to it."""
    return domain.name in {"real", "positive", "nonnegative", "symmetric"}


def edge_sample(inputs: Sequence[Input], sizes: Sizes, rng: np.random.Generator) -> dict[str, Array]:
    """A point of small integers: zeros, ties and boundaries are frequent, and arithmetic is exact."""
    return with_labels(
        inputs, {item.name: _edge(item.domain, shape_at(item.shape, sizes), rng) for item in inputs}, sizes, rng
    )


def _edge(domain: Domain, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    if domain.name == "real":
        reach = int(rng.integers(0, 3))
        return rng.integers(-reach, reach + 1, shape).astype(float)
    if domain.name == "positive":
        return rng.integers(1, 4, shape).astype(float)
    if domain.name == "nonnegative":
        return rng.integers(0, 3, shape).astype(float)
    if domain.name == "unit":
        return rng.integers(1, 4, shape) / 4.0
    if domain.name == "symmetric":
        upper = np.triu(rng.integers(-1, 2, shape)).astype(float)
        return upper + np.triu(upper, 1).swapaxes(-1, -2)
    if domain.values or domain.integer or domain.square or domain.sums_to_one or domain.name == "orthonormal":
        return _draw(domain, shape, rng)
    return _integers_between(*_bounds(domain), shape, rng)


def _integers_between(low: float, high: float, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Integers strictly inside an interval if it has some, else its midpoint or generic points."""
    low, high = max(low, -3.0), min(high, max(low, -3.0) + 6.0)
    first, last = int(np.floor(low)) + 1, int(np.ceil(high)) - 1
    if first > last:
        return np.full(shape, (low + high) / 2)
    return rng.integers(first, last + 1, shape).astype(float)
