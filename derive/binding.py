"""Binding arrays to declared inputs: names, types, shapes and domains, checked before any number is computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Expr, Integer

from chainrule.derive.domains import Domain
from chainrule.derive.errors import DomainError, InputError, ShapeError, near_names
from chainrule.derive.program import Dim, Input
from chainrule.derive.requirements import check_requirements

Array = npt.NDArray[Any]

#: How far the entries of a simplex row may be from summing to one, and a matrix from symmetric or orthonormal.
TOLERANCE = 1e-6


def bind(
    inputs: Sequence[Input], arrays: Mapping[str, Any], *, dtype: npt.DTypeLike = np.float64
) -> tuple[dict[str, Array], dict[Dim, int]]:
    """The inputs as C-ordered arrays of one type (labels as integers), and the sizes of the dimensions.

    Integers, booleans and other float types are converted; array-likes are made arrays; no array
    is copied that fits as it is.  NaN passes where any real number is allowed, and nowhere else.

    Args:
        inputs: the declarations.
        arrays: a value for each input, by name.
        dtype: ``float64`` or ``float32``.

    Raises:
        InputError: a name is missing or unknown, or a value is not made of real numbers.
        ShapeError: ranks or lengths that do not fit the declarations or each other.
        DomainError: values outside the declared domain, or labels that select nothing.
    """
    check_names([item.name for item in inputs], list(arrays))
    given = {item.name: _real_array(item, arrays[item.name]) for item in inputs}
    dims = bind_dims(inputs, given)
    for item in inputs:
        _check_domain(item, given[item.name])
    check_requirements(inputs, given, dims)
    with np.errstate(over="ignore"):
        bound = {
            item.name: np.require(
                given[item.name], np.dtype(np.int64 if item.selects else dtype), ["C", "A"]
            ).reshape(given[item.name].shape)
            for item in inputs
        }
    return bound, dims


def declaration(item: Input) -> str:
    """The declaration of an input as it is written: ``X: real[n, d]``."""
    lengths = ", ".join(str(length) for length in item.shape)
    return f"{item.name}: {item.domain}" + (f"[{lengths}]" if lengths else "")


# ---- names and types ---------------------------------------------------------------------------


def check_names(wanted: Sequence[str], given: Sequence[str]) -> None:
    """Raises ``InputError`` if a name is missing or unknown."""
    missing = [name for name in wanted if name not in given]
    unknown = [name for name in given if name not in wanted]
    expected = "inputs " + ", ".join(wanted) if wanted else "no inputs"
    if unknown:
        near = tuple(dict.fromkeys(near for name in unknown for near in near_names(name, missing or wanted)))
        raise InputError(
            f"the formula has no input called {_listed(unknown)}",
            expected=expected, found=", ".join(given), near=near,
        )  # fmt: skip
    if missing:
        found = ", ".join(given) or "nothing"
        raise InputError(f"no value is given for {_listed(missing)}", expected=expected, found=found)


def _listed(names: Sequence[str]) -> str:
    *first, last = map(repr, names)
    return f"{', '.join(first)} and {last}" if first else last


def _real_array(item: Input, value: Any) -> Array:
    """The value as an array of real numbers."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise InputError(f"{item.name} has masked entries", expected=declaration(item), hint="fill or drop them first")
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"{item.name} is not an array: {error}", expected=declaration(item)) from None
    if array.dtype.kind not in "biuf":
        raise InputError(
            f"{item.name} is not made of real numbers",
            expected=f"{declaration(item)}, of a float, integer or boolean type",
            found=f"{type(value).__name__} of type {array.dtype}",
        )
    return array


# ---- shapes ----------------------------------------------------------------------------------------


def bind_dims(inputs: Sequence[Input], given: Mapping[str, Array]) -> dict[Dim, int]:
    """The size of every dimension; all axes are checked against them."""
    sizes: dict[Dim, tuple[int, str]] = {}
    for item in inputs:
        _check_rank(item, given[item.name])
    for item in inputs:
        for axis, (length, size) in enumerate(zip(item.shape, given[item.name].shape, strict=True)):
            if isinstance(length, Dim):
                _bind_dim(sizes, length, size, f"{item.name} (axis {axis})")
    dims = {length: size for length, (size, _) in sizes.items()}
    for item in inputs:
        _check_lengths(item, given[item.name], dims)
    return dims


def _check_rank(item: Input, array: Array) -> None:
    if array.ndim != len(item.shape):
        declared = {0: "but is declared as a number", 1: "not the declared 1 axis"}.get(
            len(item.shape), f"not the declared {len(item.shape)} axes"
        )
        raise ShapeError(
            f"{item.name} has {array.ndim} {'axis' if array.ndim == 1 else 'axes'}, {declared}",
            expected=declaration(item), found=f"shape {array.shape}",
        )  # fmt: skip


def _bind_dim(sizes: dict[Dim, tuple[int, str]], length: Dim, size: int, place: str) -> None:
    if size == 0:
        raise ShapeError(f"{place} is empty", expected=f"{length} >= 1", found=f"{length} = 0")
    first, where = sizes.setdefault(length, (size, place))
    if first != size:
        raise ShapeError(
            f"the lengths called {length} differ: {where} has {first}, {place} has {size}",
            expected=f"{length} = {first} everywhere", found=f"{length} = {size} in {place}",
        )  # fmt: skip


def _check_lengths(item: Input, array: Array, dims: Mapping[Dim, int]) -> None:
    values = {length: Integer(size) for length, size in dims.items()}
    for axis, (length, size) in enumerate(zip(item.shape, array.shape, strict=True)):
        wanted = length.xreplace(values)
        if wanted.is_Integer and int(wanted) != size:
            meaning = "" if length.is_Integer else f" = {wanted}"
            raise ShapeError(
                f"axis {axis} of {item.name} has length {size}, not {length}{meaning}",
                expected=declaration(item), found=f"shape {array.shape}",
            )  # fmt: skip


def size_of(length: Expr, dims: Mapping[Dim, int]) -> int:
    """The length of an axis, dimensions being bound."""
    return int(length.xreplace({name: Integer(size) for name, size in dims.items()}))


# ---- domains --------------------------------------------------------------------------------------------


def _check_domain(item: Input, array: Array) -> None:
    domain = item.domain
    inside = _inside(domain, array)
    if inside is not None and not inside.all():
        place = tuple(int(n) for n in np.argwhere(~np.atleast_1d(inside))[0]) if array.ndim else ()
        entry = f"{item.name}[{', '.join(map(str, place))}]" if place else item.name
        _refuse(item, f"{entry} = {_shown(array[place])}")
    if domain.sums_to_one:
        _check_rows(item, array)
    if domain.name in _MATRIX_CHECKS:
        if array.ndim < 2 or (domain.square and array.shape[-1] != array.shape[-2]):
            raise ShapeError(
                f"{item.name} is not a square matrix", expected=declaration(item), found=f"shape {array.shape}"
            )
        problem = _MATRIX_CHECKS[domain.name](array.astype(np.float64))
        if problem:
            _refuse(item, problem)


def _refuse(item: Input, found: str) -> None:
    raise DomainError(
        f"{item.name} is outside its domain", expected=f"{declaration(item)}, that is {item.domain.describe}",
        found=found,
    )  # fmt: skip


def _shown(value: Any) -> str:
    return f"{float(value):.17g}" if not float(value).is_integer() else f"{float(value):g}"


def _inside(domain: Domain, array: Array) -> Array | None:
    """Which entries belong to the domain, looked at one by one; None if every number does.

    Written so that NaN belongs to no domain that says anything about its entries.
    """
    if domain.values:
        return np.logical_or.reduce([array == value for value in domain.values])
    inside: Array | None = None
    if domain.low is not None:
        inside = array >= domain.low if domain.closed else array > domain.low
    if domain.high is not None:
        below = array <= domain.high if domain.closed else array < domain.high
        inside = below if inside is None else inside & below
    if domain.integer and array.dtype.kind == "f":
        whole = (array == np.floor(array)) & np.isfinite(array)
        inside = whole if inside is None else inside & whole
    return inside


def _check_rows(item: Input, array: Array) -> None:
    totals = array.sum(axis=-1, dtype=np.float64)
    resolution = np.finfo(array.dtype).eps * array.shape[-1] if array.dtype.kind == "f" else 0.0
    wrong = np.argwhere(~(np.abs(np.atleast_1d(totals) - 1) <= max(TOLERANCE, 4 * resolution)))
    if len(wrong):
        place = tuple(int(n) for n in wrong[0]) if totals.ndim else ()
        row = f"{item.name}[{', '.join(map(str, place))}]" if place else item.name
        _refuse(item, f"{row} sums to {float(totals[place]):.9g}")


def _transposed(matrix: Array) -> Array:
    return np.swapaxes(matrix, -1, -2)


def _asymmetry(matrix: Array) -> str:
    difference = np.abs(matrix - _transposed(matrix))
    if (difference <= TOLERANCE * max(1.0, float(np.abs(matrix).max()))).all():
        return ""
    place = np.unravel_index(int(np.nanargmax(np.where(np.isnan(difference), np.inf, difference))), matrix.shape)
    mirrored = (*place[:-2], place[-1], place[-2])
    one, other = (", ".join(str(int(n)) for n in where) for where in (place, mirrored))
    return f"entry [{one}] = {_shown(matrix[place])}, entry [{other}] = {_shown(matrix[mirrored])}"


def _indefinite(matrix: Array) -> str:
    problem = _asymmetry(matrix)
    if problem:
        return problem
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return f"the smallest eigenvalue is {float(np.linalg.eigvalsh(matrix).min()):.6g}"
    return ""


def _negative(matrix: Array) -> str:
    problem = _asymmetry(matrix)
    if problem:
        return problem
    values = np.linalg.eigvalsh(matrix)
    scale = max(1.0, float(np.abs(values).max()))
    return "" if values.min() >= -TOLERANCE * scale else f"the smallest eigenvalue is {float(values.min()):.6g}"


def _singular(matrix: Array) -> str:
    signs, _ = np.linalg.slogdet(matrix)
    return "" if np.all(np.abs(signs) == 1) else "a singular matrix"


def _skewed(matrix: Array) -> str:
    gram = _transposed(matrix) @ matrix
    worst = float(np.abs(gram - np.eye(gram.shape[-1])).max())
    return "" if worst <= TOLERANCE else f"columns whose products differ from the identity matrix by {worst:.6g}"


def _outside(kept: Callable[[Array], Array], where: str) -> Callable[[Array], str]:
    """The check that a matrix has no entry but those that are ``kept``."""

    def problem(matrix: Array) -> str:
        others = np.argwhere(matrix != kept(matrix))
        if not len(others):
            return ""
        place = tuple(int(n) for n in others[0])
        return f"entry [{', '.join(map(str, place))}] = {_shown(matrix[place])} {where}"

    return problem


_MATRIX_CHECKS: dict[str, Callable[[Array], str]] = {
    "lower": _outside(np.tril, "above the diagonal"),
    "diagonal": _outside(lambda matrix: matrix * np.eye(matrix.shape[-1]), "off the diagonal"),
    "symmetric": _asymmetry,
    "spd": _indefinite,
    "psd": _negative,
    "invertible": _singular,
    "orthonormal": _skewed,
}
