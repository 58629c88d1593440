"""Formulas over a few numbers, written out: a symbol for every entry of a variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr, Symbol

from chainrule.derive.binding import bind
from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.derive.program import Input
from chainrule.derive.scalar import Indicator, where
from chainrule.learning.convexity.exact import rational, written_value
from chainrule.learning.convexity.intervals import elementary

#: Entries of all variables together.
MAX_NUMBERS = 6


@dataclass(frozen=True)
class Scalars:
    """A formula of a few numbers.

    Attributes:
        formula: the formula.
        wrt: its variables.
        body: the formula in symbols.
        symbols: one for each entry of a variable.
        others: symbols for the other inputs that have no value.
        data: the values that were given, and the sizes.
    """

    formula: Formula
    wrt: tuple[str, ...]
    body: Expr
    symbols: tuple[Symbol, ...]
    others: tuple[Symbol, ...]
    data: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]

    def derivative(self, *symbols: Symbol) -> Expr:
        """A partial derivative of the body."""
        body = self.body
        for symbol in symbols:
            body = scalar_derivative(body, symbol)
        return body

    def arrays(self, numbers: Mapping[Symbol, float]) -> dict[str, Any]:
        """Arrays of all inputs, for evaluation, from numbers for the symbols."""
        found = {name: np.asarray(value, float) for name, value in self.data.items()}
        for item in self.formula.inputs:
            if item.name not in found:
                names = _symbols(item, self.shapes[item.name])
                found[item.name] = np.vectorize(lambda symbol: float(numbers[symbol]), otypes=[float])(names)
        return found


def scalars(f: Formula, wrt: Sequence[str], at: Mapping[str, Any]) -> Scalars:
    """A formula written out over the entries of its variables.

    Raises:
        InputError: a value is given for what is no input.
        UnsupportedError: an input has a symbolic size, there are too many entries, or a function has a kink.
    """
    inputs = {item.name: item for item in f.inputs}
    unknown = [name for name in at if name not in inputs]
    if unknown:
        raise InputError(f"there is no input {unknown[0]!r}", near=tuple(inputs))
    given = {name: np.asarray(value, float) for name, value in at.items() if name not in wrt}
    sizes = bind([inputs[name] for name in given], given)[1] if given else {}
    shapes = {item.name: _shape(item, sizes) for item in f.inputs}
    arrays = {name: rational(array) for name, array in given.items()}
    free = {name: _symbols(item, shapes[name]) for name, item in inputs.items() if name not in given}
    symbols = tuple(symbol for name in wrt for symbol in np.ravel(free[name]))
    if len(symbols) > MAX_NUMBERS:
        raise UnsupportedError(f"{len(symbols)} numbers are too many", expected=f"at most {MAX_NUMBERS}")
    body = elementary(written_value(f.program, {**arrays, **free}, sizes))
    if body.has(Indicator, where, sp.Abs, sp.Max, sp.Min, sp.sign):
        raise UnsupportedError("critical points are of smooth formulas; this one has kinks or jumps",
                               hint="chainrule convex tells whether it is convex")  # fmt: skip
    others = tuple(sorted(body.free_symbols - set(symbols), key=str))
    return Scalars(f, tuple(wrt), body, symbols, others, given, shapes)


def _shape(item: Input, sizes: Mapping[Any, int]) -> tuple[int, ...]:
    shape = tuple(sp.S(length.xreplace(dict(sizes))) for length in item.shape)
    if not all(length.is_Integer for length in shape):
        twos = ", ".join("2" for _ in item.shape)
        raise UnsupportedError(
            f"{item.name} has a symbolic size", expected="numbers, or arrays of a size that is a number",
            hint=f"declare {item.name}: real[{twos}], or give the data: --at {item.name}=..",
        )  # fmt: skip
    return tuple(map(int, shape))


def _symbols(item: Input, shape: tuple[int, ...]) -> Any:
    """Symbols for the entries, with what is known of their sign."""
    found = np.empty(shape, dtype=object)
    for place in np.ndindex(*shape):
        name = item.name + (f"[{','.join(map(str, place))}]" if place else "")
        found[place] = Symbol(name, **_assumptions(item))
    return found


def _assumptions(item: Input) -> dict[str, bool]:
    return {item.domain.sign: True} if item.domain.sign != "real" else {"real": True}


def in_domains(point: Scalars, values: Mapping[Symbol, Expr]) -> bool:
    """Whether numbers lie inside the domains of the variables; unknown parameters are let pass."""
    for symbol, value in values.items():
        item = point.formula.program.by_name[str(symbol).partition("[")[0]]
        assert isinstance(item, Input)
        for bound, sense in ((item.domain.low, 1), (item.domain.high, -1)):
            gap = None if bound is None else sense * (value - sp.nsimplify(bound))
            if gap is not None and gap.is_number and not sp.N(gap) > 0:
                return False
    return True
