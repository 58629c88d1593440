"""Where a formula is not differentiable: decided for the formula as a whole, not for its functions.

``x*abs(x)`` is differentiable at 0, ``relu(1 - y*z)`` is not where ``y*z = 1``.  Every array that is
summed up, or is the output, is written as one expression of sums and inputs; for each of its switches
the formulas of the two sides, and their slopes, are compared on the switching set: at random points of
it, where a difference is a kink, and exactly, where there is none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Abs, Add, Dummy, Expr, Mul, expand_mul

from chainrule.derive.one_sided import How, Side, compared
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Program, Ref
from chainrule.derive.roots import names_in, radicands, roots
from chainrule.derive.scalar_rules import one_minus
from chainrule.derive.switches import named_switches, on_side, oriented, spelled_out

#: Operations that a body may have with its parts written in, and other switches that are taken by cases.
MAX_OPERATIONS, MAX_SWITCHES = 120, 4
_WORST: tuple[How, ...] = ("jumps", "bends", "unclear")


@dataclass(frozen=True)
class Nonsmooth:
    """A set on which a formula is not, or may not be, differentiable.

    Attributes:
        place: the definition in whose indices it is told.
        zero: the expression that is zero there.
        names: the functions that have the switch.
        how: what happens there.
        every: whether ``zero`` is so for all bound indices of the place: the zero of a norm.
    """

    place: Definition
    zero: Expr
    names: tuple[str, ...]
    how: How
    every: bool = False


def nonsmooth(program: Program, wrt: Iterable[str]) -> tuple[Nonsmooth, ...]:
    """Where the output of a program is not differentiable by these variables; ties of maxima are left out."""
    active = frozenset(reached(program, frozenset(wrt)))
    written = _Written(program.pruned(), active)
    found: dict[tuple[str, Expr], Nonsmooth] = {}
    for place in written.places:
        for item in (*_of_place(written, place), *_uncertain_roots(written, place)):
            found.setdefault((item.place.name if item.every else "", item.zero), item)
    return tuple(found.values())


class _Written:
    """A program whose arrays are written in terms of inputs and sums."""

    def __init__(self, program: Program, active: frozenset[str]) -> None:
        self.program, self.active = program, active
        self.long: set[str] = set()

    @cached_property
    def places(self) -> list[Definition]:
        """What is summed up, or is the output, or is too long to be written into what reads it."""
        bodies = {item.name: self.body(item) for item in self.program.definitions if item.name in self.active}
        wanted = {item.name for item in self.program.definitions if item.reduce} | {*self.program.outputs, *self.long}
        items = [item for item in self.program.definitions if item.name in bodies and item.name in wanted]
        return [item.with_body(bodies[item.name]) for item in items]

    def body(self, definition: Definition) -> Expr:
        """The body with the pointwise arrays written in, if there are switches or roots in it."""
        return self.full(definition) if definition.name in self.kinked else definition.body

    def full(self, definition: Definition) -> Expr:
        """The body with the pointwise arrays written in."""
        body = definition.body
        while parts := {ref: self.pointwise[ref.name].at(ref.indices) for ref in body.atoms(Ref)
                        if ref.name in self.pointwise}:  # fmt: skip
            wider = body.xreplace(parts)
            if wider.count_ops() > MAX_OPERATIONS:
                self.long |= {ref.name for ref in parts}
                return body
            body = wider
        return body

    @cached_property
    def under_roots(self) -> Mapping[str, list[Expr]]:
        """What stands under roots in each place, is never negative and may vanish."""
        places = {place.name: place for place in self.places}
        program = self.program.with_definitions(places.get(item.name, item) for item in self.program.definitions)
        inputs = (item.name for item in program.inputs if item.name in self.active)
        found: dict[str, list[Expr]] = {}
        for item, base in radicands(program, inputs, self.active):
            found.setdefault(item.name, []).append(base)
        return found

    @cached_property
    def kinked(self) -> frozenset[str]:
        """The arrays with switches or roots in them, or in the pointwise arrays that they read."""
        found: set[str] = set()
        for item in self.program.definitions:
            own = any(True for _ in named_switches(item.body)) or any(not base.is_positive for base in roots(item.body))
            if own or item.reads & found & self.pointwise.keys():
                found.add(item.name)
        return frozenset(found)

    @cached_property
    def pointwise(self) -> Mapping[str, Definition]:
        """The arrays that are no reductions."""
        return {item.name: item for item in self.program.definitions if not item.reduce}


def _of_place(written: _Written, place: Definition) -> Iterator[Nonsmooth]:
    functions: dict[Expr, list[str]] = {}
    shown: dict[Expr, Expr] = {}
    distances = {order: Dummy("t", nonnegative=True) for order in _orders(written, place)}
    replaced = {order.base: symbol**order.power for order, symbol in distances.items() if order.power}
    back = {symbol: order.base ** (1 / order.power) for order, symbol in distances.items() if order.power}
    for raw, name in named_switches(place.body):
        if any(part in written.active for part in names_in(raw)):
            key = oriented(spelled_out(raw.xreplace(replaced)))[0]
            functions.setdefault(key, []).append(name)
            shown.setdefault(key, raw)
    if not functions and not distances:
        return
    body = spelled_out(expand_mul(place.body.xreplace(replaced)))
    varying = frozenset(ref for ref in body.atoms(Ref) if ref.name in written.active) | {*distances.values()}
    cases = _Cases(body, tuple(functions), varying, written.program)
    for key, names in functions.items():
        how, zeros = cases.decided(key)
        if how is not None:
            zero = _simplest([shown[key], *(item.xreplace(back) for item in zeros if len(zeros) == 1)])
            yield Nonsmooth(place, zero, tuple(dict.fromkeys(names)), how)
    for order, symbol in distances.items():
        how = cases.decided(symbol)[0] if order.power else "unclear"
        if how is not None:
            yield replace(order.zero(place), how=how)


def _simplest(zeros: list[Expr]) -> Expr:
    """The shortest of expressions that are zero together; not the negative of an entry."""
    return min(zeros, key=lambda zero: (zero.count_ops(), zero.could_extract_minus_sign()))


@dataclass(frozen=True)
class _Cases:
    """A spelled-out body with its switches."""

    body: Expr
    keys: tuple[Expr, ...]
    varying: frozenset[Expr]
    program: Program

    def decided(self, key: Expr) -> tuple[How | None, set[Expr]]:
        """What happens where a switch is zero, and what is zero there in the cases of the other switches."""
        terms = [term for term in Add.make_args(self.body) if _has_switch(term, key)]
        body = Add(*terms)
        others = [other for other in self.keys if other != key and (_has_switch(body, other))]
        if len(others) > MAX_SWITCHES:
            return "unclear", set()
        found: list[tuple[How, Expr]] = []
        for signs in itertools.product((1, -1), repeat=len(others)):
            case = dict(zip(others, signs, strict=True))
            zero = on_side(key, case)
            below, at, above = (on_side(body, {**case, key: sign}) for sign in (-1, 0, 1))
            positive = tuple(sign * on_side(other, case) for other, sign in case.items())
            how = compared(Side(zero, below, at, above, positive, self.varying, body, key.is_Dummy), self.program)
            if how is not None:
                found.append((how, oriented(zero)[0]))
        return min((how for how, _ in found), key=_WORST.index, default=None), {zero for _, zero in found}


def _has_switch(expr: Expr, key: Expr) -> bool:
    """Whether a switch, or the distance from the zeros of a norm, is in an expression."""
    return bool(expr.has(key)) if key.is_Dummy else any(oriented(raw)[0] == key for raw, _ in named_switches(expr))


# ---- roots ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Order:
    """How something that is never negative vanishes: as the power of a distance from ``inner = 0``."""

    base: Expr
    power: Expr | None = None
    place: Definition | None = None
    inner: Expr | None = None

    def zero(self, place: Definition) -> Nonsmooth:
        if self.place is None or self.inner is None:
            inner = self.base.args[0] if isinstance(self.base, Abs) else self.base
            return Nonsmooth(place, inner, ("root",), "unclear")
        return Nonsmooth(self.place, self.inner, ("norm",), "unclear", every=True)


def _orders(written: _Written, place: Definition) -> list[_Order]:
    """What stands under roots in a place, is never negative and may vanish."""
    return [_order(written, base) for base in written.under_roots.get(place.name, ())]


def _uncertain_roots(written: _Written, place: Definition) -> Iterator[Nonsmooth]:
    """The other roots, but for those that end where the domain of a variable does."""
    known = set(written.under_roots.get(place.name, ()))
    inputs = written.active & {item.name for item in written.program.inputs}
    for base in dict.fromkeys(roots(place.body)):
        item = written.program.by_name[base.name] if isinstance(base, Ref) else None
        under = written.full(item) if isinstance(item, Definition) else base
        if base in known or _is_positive(base) or not _varies(base, written.active):
            continue
        others = [name for name in names_in(under) if name in written.active - inputs]
        if others or not _is_linear(under, inputs):
            yield Nonsmooth(place, base, ("root",), "unclear")


def _is_positive(base: Expr) -> bool:
    """Whether a base is never 0, as ``1 - sigmoid(u) = sigmoid(-u)`` is not."""
    return bool(base.is_positive or getattr(one_minus(base), "is_positive", False))


def _order(written: _Written, base: Expr) -> _Order:
    definition = written.program.by_name[base.name] if isinstance(base, Ref) else None
    if isinstance(definition, Definition) and definition.reduce == "sum":
        power, inner = _power(written.full(definition), written.active)
        return _Order(base, power, definition, inner)
    return _Order(base, _power(base, written.active)[0])


def _power(body: Expr, active: frozenset[str]) -> tuple[Expr | None, Expr | None]:
    """The power of a distance that an expression is near its zeros, and what is zero there."""
    if isinstance(body, Add):
        found = {_power(term, active)[0] for term in body.args if _varies(term, active)}
        return (found.pop() if len(found) == 1 else None), None
    powers = [factor.as_base_exp() for factor in Mul.make_args(body) if _varies(factor, active)]
    if len(powers) != 1:
        return None, None
    inner, power = powers[0]
    if isinstance(inner, Abs):
        inner = inner.args[0]
    elif not (power.is_Integer and power % 2 == 0):
        return None, None
    return (power, inner) if _is_linear(inner, active) and power.is_positive else (None, None)


def _varies(expr: Expr, active: frozenset[str]) -> bool:
    return any(name in active for name in names_in(expr))


def _is_linear(expr: Expr, active: frozenset[str]) -> bool:
    """Whether an expression is linear in some entry that varies."""
    for ref in expr.atoms(Ref):
        if ref.name in active:
            symbol = Dummy("x", real=True)
            slope = expr.xreplace({ref: symbol}).diff(symbol)
            if slope != 0 and not slope.has(symbol):
                return True
    return False
