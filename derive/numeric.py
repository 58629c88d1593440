"""Evaluation of programs with NumPy, nothing compiled: in double precision or with mpmath.

Every definition is computed as one array expression over its free and bound indices; sums of
products go through ``einsum`` so that no intermediate is larger than its factors.  The same code
runs on arrays of mpmath numbers, for checks that need many digits.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt
import scipy
import sympy as sp
from sympy import Add, Expr, Integer, KroneckerDelta, Mul, Number, NumberSymbol, Pow, S

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.catalog.unspecified import Unspecified, no_values
from chainrule.derive.edges import explicit
from chainrule.derive.errors import LimitError, UnsupportedError
from chainrule.derive.index_values import index_values
from chainrule.derive.matrix_numeric import exact_matrix_function, matrix_function
from chainrule.derive.program import Definition, Dim, Index, Input, Program, Ref, bound_index, free_index
from chainrule.derive.scalar import INFINITE, Indicator, less, less_equal, where
from chainrule.derive.scatter import Scatter, scatter_of
from chainrule.derive.zero_products import parts, wild_names

Array = npt.NDArray[Any]

#: Between these a sum of squares has lost nothing that matters.
SMALLEST_SQUARES, LARGEST_SQUARES = 1e-280, 1e290

#: Entries that one intermediate array may have.
MAX_ENTRIES = 200_000_000


@dataclass(frozen=True)
class Backend:
    """A number type: how to make a number, and the library's function for an entry, if it has one."""

    number: Callable[[Expr], Any]
    function: Callable[[Any], Callable[..., Array] | None]
    dtype: Any
    einsum: bool
    matrix_function: Callable[[str, Array], Array]


def _numpy_function(entry: Elementwise) -> Callable[..., Array] | None:
    if not entry.numpy:
        return None
    module, _, name = entry.numpy.partition(".")
    # SciPy loads a module of its own when it is first asked for, which a page does not wait for.
    function: Callable[..., Array] = getattr(np if module == "np" else scipy.special, name)
    return function


def _mpmath_function(entry: Elementwise) -> Callable[..., Array] | None:
    if not entry.mpmath:
        return None
    function = getattr(mpmath, entry.mpmath)

    def real(*values: Any) -> Any:
        try:
            value = function(*values)
        except (ValueError, ZeroDivisionError):
            return mpmath.nan
        return value if not isinstance(value, mpmath.mpc) else mpmath.nan

    return np.frompyfunc(real, len(entry.args), 1)


def _mp_number(value: Expr) -> Any:
    if value.is_Rational:
        return mpmath.mpf(int(value.p)) / int(value.q)
    if value in INFINITE:
        return mpmath.mpf("inf" if value is S.Infinity else "-inf")
    return mpmath.mpf(value.evalf(mpmath.mp.dps + 5))


FLOAT64 = Backend(float, _numpy_function, np.float64, True, matrix_function)
MPMATH = Backend(_mp_number, _mpmath_function, object, False, exact_matrix_function)


def evaluate(program: Program, values: Mapping[str, Any], backend: Backend = FLOAT64) -> dict[str, Array]:
    """The values of all inputs and definitions of a program, by name.

    ``values`` holds an array per input whose shapes fit the declarations (see ``bind_dims``).
    """
    env: dict[str, Array] = {
        item.name: _converted(values[item.name], backend) for item in program.inputs
    }
    dims = bind_dims(program.inputs, env)
    program = explicit(program)
    wild = wild_names(program)
    with np.errstate(all="ignore"):
        for definition in program.definitions:
            env[definition.name] = _Evaluator(definition, env, dims, backend, wild).value()
    return env


def evaluate_definition(
    definition: Definition, env: Mapping[str, Array], dims: Mapping[Dim, int], backend: Backend = FLOAT64
) -> Array:
    """The value of one definition, given the values of everything that it reads."""
    with np.errstate(all="ignore"):
        return _Evaluator(definition, env, dims, backend).value()


def _converted(value: Any, backend: Backend) -> Array:
    """An input as numbers of the backend; doubles must not stay among numbers of many digits."""
    array = np.asarray(value, dtype=backend.dtype)
    return np.asarray(np.frompyfunc(mpmath.mpf, 1, 1)(array)) if backend.dtype is object else array


def bind_dims(inputs: Sequence[Input], arrays: Mapping[str, Array]) -> dict[Dim, int]:
    """The sizes of the symbolic dimensions, read off the arrays' shapes."""
    dims: dict[Dim, int] = {}
    for item in inputs:
        for length, size in zip(item.shape, np.shape(arrays[item.name]), strict=True):
            if isinstance(length, Dim):
                dims[length] = size
    return dims


class _Evaluator:
    """Evaluates one definition; ``axes`` are its free, then its bound indices."""

    def __init__(
        self,
        definition: Definition,
        env: Mapping[str, Array],
        dims: Mapping[Dim, int],
        backend: Backend,
        wild: Container[str] = (),
    ) -> None:
        self.definition, self.env, self.dims, self.backend, self.wild = definition, env, dims, backend, wild
        self.lengths = {index: self.size(length) for index, length in definition.lengths.items()}
        self.free = definition.free
        self.axes = self.free + definition.bound_indices
        self.memo: dict[Expr, Any] = {}

    def evaluator(self, definition: Definition) -> _Evaluator:
        """The evaluator of another definition in the same place."""
        return _Evaluator(definition, self.env, self.dims, self.backend, self.wild)

    def size(self, length: Expr) -> int:
        return int(length.xreplace({d: Integer(size) for d, size in self.dims.items()}))

    def value(self) -> Array:
        definition = self.definition
        shape = tuple(self.lengths[index] for index in self.free)
        if definition.reduce == "sum":
            total: Any = 0
            for term in Add.make_args(definition.body):
                total = total + self.sum_term(term)
            return self.finish(total, shape)
        if not definition.reduce:
            return self.finish(self.array(definition.body), shape)
        if definition.reduce in MATRIX_FUNCTION_BY_NAME:
            return self.finish(self.matrix_function(definition.reduce), shape)
        if definition.reduce == "norm":
            return self.finish(self.norm(*definition.body.args), shape)
        full = tuple(self.lengths[index] for index in self.axes)
        body = self.finish(self.array(definition.body), full)
        over = tuple(range(len(self.free), len(self.axes)))
        return self.finish(_reduce(definition.reduce, body, over, self.backend), shape)

    def norm(self, squares: Expr, size: Expr) -> Array:
        """The root of a sum of squares, from scaled terms where the sum left its range."""
        total = np.asarray(self.array(squares)).reshape([self.lengths[index] for index in self.free])
        if self.backend.dtype is object:
            return np.asarray(np.frompyfunc(mpmath.sqrt, 1, 1)(total))
        if np.all((total > SMALLEST_SQUARES) & (total < LARGEST_SQUARES)):
            return np.asarray(np.sqrt(total))
        terms = self.finish(self.array(size), tuple(self.lengths[index] for index in self.axes))
        over = tuple(range(len(self.free), len(self.axes)))
        largest = np.abs(terms).max(axis=over, keepdims=True)
        scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        return np.asarray(np.sqrt(((terms / scale) ** 2).sum(axis=over)) * np.squeeze(scale, axis=over))

    def matrix_function(self, name: str) -> Array:
        """The function of the matrices along the last two axes, the others being a batch."""
        count = len(self.free) - len(MATRIX_FUNCTION_BY_NAME[name].shape(S.One, S.One))
        axes = (*self.axes[:count], *self.axes[len(self.free) :])
        body = np.asarray(self.array(self.definition.body), dtype=self.backend.dtype)
        if body.ndim:
            body = body.reshape(body.shape[:count] + body.shape[len(self.free) :])
        return self.backend.matrix_function(name, np.broadcast_to(body, [self.lengths[axis] for axis in axes]))

    def finish(self, value: Any, shape: tuple[int, ...]) -> Array:
        if np.prod(shape, dtype=float) > MAX_ENTRIES:
            raise LimitError(f"{self.definition.name} has more than {MAX_ENTRIES} entries")
        return np.array(np.broadcast_to(np.asarray(value, dtype=self.backend.dtype), shape))

    def sum_term(self, term: Expr) -> Any:
        """The sum of one term over the bound indices, as an array over the free axes."""
        count = self.backend.number(S.One)
        bound = list(self.definition.bound_indices)
        for index in [index for index in bound if not term.has(index)]:
            count = count * self.lengths[index]
            bound.remove(index)
        if not bound:
            return np.multiply(count, np.asarray(self.array(term)).reshape(self.array_shape(term)))
        scatter = scatter_of(term, self.free, bound)
        if scatter is not None:
            return np.multiply(count, self.scattered(scatter, bound))
        if self.backend.einsum:
            total = self.contract(term)
            # Where a factor is infinite, another one may be 0: then the terms are looked at one by one.
            if np.isfinite(total).all() or self.entries(term) > MAX_ENTRIES:
                return count * total
        full = np.asarray(self.array(term), dtype=self.backend.dtype)
        full = np.broadcast_to(full, [self.lengths[i] if term.has(i) else 1 for i in self.axes])
        over = tuple(range(len(self.free), len(self.axes)))
        return np.multiply(count, full.sum(axis=over))

    def entries(self, term: Expr) -> float:
        """The number of terms that a sum has."""
        return float(np.prod([self.lengths[index] for index in self.axes if term.has(index)], dtype=float))

    def scattered(self, scatter: Scatter, bound: Sequence[Index]) -> Array:
        """The sum of a term, each summand added where its labels say."""
        used = {index for place in scatter.places.values() for index in place.atoms(Index)}
        kept = [index for index in self.free if index not in scatter.places]
        kept += [index for index in bound if index in used]
        rest = [index for index in bound if index not in used]
        order = dict(zip(kept, map(free_index, range(len(kept))), strict=True))
        inner = order | dict(zip(rest, map(bound_index, range(len(rest))), strict=True))
        shape, over = ([Integer(self.lengths[index]) for index in group] for group in (kept, rest))
        part = Definition("", tuple(shape), scatter.rest.xreplace(inner), "sum" if rest else "", tuple(over))
        terms = self.evaluator(part).value()
        evaluator = self.evaluator(Definition("", tuple(shape), S.Zero))
        places = {index: evaluator.integer(place.xreplace(order)) for index, place in scatter.places.items()}
        result = np.full([self.lengths[index] for index in self.free], self.backend.number(S.Zero), self.backend.dtype)
        target = tuple(places[i] if i in places else evaluator.along(order[i]) for i in self.free)
        np.add.at(result, target, terms)
        return result

    def array_shape(self, term: Expr) -> tuple[int, ...]:
        return tuple(self.lengths[index] if term.has(index) else 1 for index in self.free)

    def contract(self, term: Expr) -> Array:
        """``einsum`` over groups of factors that live on the same indices."""
        groups: dict[tuple[int, ...], Expr] = {}
        for factor in Mul.make_args(term):
            place = tuple(n for n, index in enumerate(self.axes) if factor.has(index))
            groups[place] = groups.get(place, S.One) * factor
        operands: list[Any] = []
        used: set[int] = set()
        for place, factor in groups.items():
            value = np.asarray(self.array(factor), dtype=self.backend.dtype)
            shape = tuple(self.lengths[self.axes[n]] for n in place)
            operands += [np.broadcast_to(value, [self.lengths[a] if n in place else 1
                                                 for n, a in enumerate(self.axes)]).reshape(shape), place]  # fmt: skip
            used |= set(place)
        out = [n for n in range(len(self.free)) if n in used]
        value = np.einsum(*operands, out, optimize=True)
        return value.reshape([self.lengths[i] if n in used else 1 for n, i in enumerate(self.free)])

    def array(self, expr: Expr) -> Any:
        """The values of an expression, one axis per index of ``axes`` (length 1 where absent)."""
        if expr not in self.memo:
            self.memo[expr] = self.compute(expr)
        return self.memo[expr]

    def compute(self, expr: Expr) -> Any:
        if isinstance(expr, Ref):
            return self.entry(expr)
        if isinstance(expr, Dim):
            return self.backend.number(Integer(self.dims[expr]))
        if isinstance(expr, Index):
            return self.along(expr)
        if isinstance(expr, Number | NumberSymbol):
            return self.backend.number(expr)
        if isinstance(expr, Add):
            return reduce(np.add, (self.array(arg) for arg in expr.args))
        if isinstance(expr, Mul):
            return self.product(expr)
        if isinstance(expr, Pow):
            return self.power(expr)
        if isinstance(expr, KroneckerDelta):
            left, right = (self.integer(arg) for arg in expr.args)
            return self.indicator(left == right)
        if isinstance(expr, sp.floor | sp.Mod):
            return self.integer(expr)
        if isinstance(expr, Indicator):
            left, right = (self.array(arg) for arg in expr.args)
            if isinstance(expr, less):
                return self.indicator(left < right)
            return self.indicator(left <= right if isinstance(expr, less_equal) else left == right)
        if isinstance(expr, where):
            condition, chosen, other = (self.array(arg) for arg in expr.args)
            return np.where(np.asarray(condition != 0, dtype=bool), chosen, other)
        return self.apply(expr)

    def indicator(self, truth: Any) -> Any:
        one, zero = self.backend.number(S.One), self.backend.number(S.Zero)
        return np.where(np.asarray(truth, dtype=bool), one, zero)

    def product(self, expr: Mul) -> Any:
        """A product, 0 where an indicator is and where ``0 * log(0)`` has the limit 0."""
        factors = parts(expr.args, self.wild.__contains__)
        value: Any = self.backend.number(S.One)
        for factor in factors.plain:
            # Not `*`: mpmath numbers try to read an array on their right, slowly and in vain.
            value = np.multiply(value, self.array(factor))
        for factor in factors.wild:
            value = np.where(np.asarray(value == 0, dtype=bool), value, np.multiply(value, self.array(factor)))
        for factor in factors.masks:
            mask = self.array(factor)
            value = np.where(np.asarray(mask == 0, dtype=bool), mask, value)
        return value

    def power(self, expr: Pow) -> Any:
        base, exponent = self.array(expr.base), expr.exp
        if exponent == -1:
            return self.divide(self.backend.number(S.One), base)
        if exponent.is_Integer and exponent < 0:
            return self.divide(self.backend.number(S.One), base ** int(-exponent))
        if exponent.is_Integer:
            return base ** int(exponent)
        if self.backend.dtype is object:
            return np.frompyfunc(_mp_power, 2, 1)(base, self.array(exponent))
        if exponent == Integer(1) / 2:
            return np.sqrt(base)
        if exponent == -Integer(1) / 2:
            return 1 / np.sqrt(base)
        return np.power(base, self.array(exponent))

    def divide(self, numerator: Any, denominator: Any) -> Any:
        if self.backend.dtype is object:
            return np.frompyfunc(_mp_divide, 2, 1)(numerator, denominator)
        return np.divide(numerator, denominator)

    def apply(self, expr: Expr) -> Any:
        if isinstance(expr, Unspecified):
            raise no_values(expr.symbol)
        entry = BY_FUNCTION.get(expr.func)
        if entry is None:
            raise UnsupportedError(f"no numeric form of {expr.func.__name__}")
        function = self.backend.function(entry)
        if function is not None:
            return function(*(self.array(arg) for arg in expr.args))
        # In a place of its own the symbols of the stable form have values, and its steps are not re-associated.
        inner = self.evaluator(self.definition)
        inner.memo |= {symbol: self.array(value) for symbol, value in zip(entry.args, expr.args, strict=True)}
        if entry.stable is None or (entry.stable.doubles_only and self.backend.dtype is object):
            return inner.array(entry.define)
        for symbol, definition in entry.stable.assignments:
            inner.memo[symbol] = inner.array(definition)
        return inner.array(entry.stable.result)

    def along(self, index: Index) -> Array:
        numbers = np.arange(self.lengths[index])
        return numbers.reshape([-1 if axis == index else 1 for axis in self.axes])

    def integer(self, expr: Expr) -> Any:
        """An index expression as integers; quotients that are not whole are rounded down."""
        return index_values(expr, self.dims, self.along, self.entry)

    def entry(self, ref: Ref) -> Any:
        array = self.env[ref.name]
        indices = ref.indices
        if not indices:
            return array[()]
        sizes = tuple(self.lengths.get(index) for index in indices)
        if sizes == array.shape and len(set(indices)) == len(indices):
            order = sorted(range(len(indices)), key=lambda n: self.axes.index(indices[n]))
            shape = [self.lengths[axis] if axis in indices else 1 for axis in self.axes]
            return array.transpose(order).reshape(shape)
        places = [self.integer(index) for index in indices]
        # Entries outside the range are read only where a `where` discards them.
        clipped = [np.clip(p, 0, size - 1) for p, size in zip(places, array.shape, strict=True)]
        return array[tuple(clipped)]


def _mp_power(base: Any, exponent: Any) -> Any:
    try:
        value = mpmath.mpf(base) ** exponent
    except ZeroDivisionError:
        return mpmath.nan
    return value if isinstance(value, mpmath.mpf) else mpmath.nan


def _mp_divide(numerator: Any, denominator: Any) -> Any:
    return mpmath.nan if denominator == 0 else numerator / denominator


def _reduce(kind: str, body: Array, over: tuple[int, ...], backend: Backend) -> Array:
    if kind == "max":
        return np.asarray(body.max(axis=over))
    if kind == "min":
        return np.asarray(body.min(axis=over))
    if kind == "prod":
        return np.asarray(body.prod(axis=over))
    largest = body.max(axis=over, keepdims=True)
    exp, log = (backend.function(BY_FUNCTION[function]) for function in (sp.exp, sp.log))
    assert exp is not None
    assert log is not None
    shift = largest if backend.dtype is object else np.where(np.isfinite(largest), largest, 0)
    total = np.asarray(exp(body - shift)).sum(axis=over)
    return np.asarray(log(total) + np.squeeze(shift, axis=over))
