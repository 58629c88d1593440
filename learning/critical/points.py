"""Critical points of a formula in a few numbers: all of them, each with what it is and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy import CRootOf, Expr, Matrix, Rational, S, Symbol

from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import variables
from chainrule.derive.pictures.plot import Plot, plot
from chainrule.derive.render.page import Detail, Form, Page
from chainrule.derive.render.printed import Printed
from chainrule.derive.steps import NOTHING_CHECKED, Checked
from chainrule.learning.critical.classify import Nature, nature
from chainrule.learning.critical.scalars import Scalars, in_domains, scalars
from chainrule.learning.critical.systems import Solution, solutions
from chainrule.learning.critical.telling import told
from chainrule.learning.explanation import Explanation

SCHEMA = 1
SIGNS = ("positive", "negative", "zero")


@dataclass(frozen=True)
class CriticalPoint:
    """A place at which the gradient is zero, or a family of them.

    Attributes:
        values: the value of each entry of a variable, in terms of those that are free.
        free: the entries that may have any value.
        unless: what must not be zero.
        exact: whether the values are exact; others are within 1e-10.
        height: the formula there.
        hessian: the matrix of second derivatives there.
        nature: what it is, and why.
    """

    values: tuple[tuple[Symbol, Expr], ...]
    free: tuple[Symbol, ...]
    unless: tuple[Expr, ...]
    exact: bool
    height: Expr
    hessian: Matrix
    nature: Nature

    @property
    def kind(self) -> str:
        """Minimum, maximum, saddle point, inflection point, or undecided."""
        return self.nature.kind

    def at(self, name: str) -> Expr:
        """The value of an entry."""
        return next(value for symbol, value in self.values if str(symbol) == name)


@dataclass(frozen=True)
class CriticalPoints(Printed):
    """The critical points of a formula.

    Attributes:
        formula: the formula.
        wrt: the variables.
        points: the points; all of them, if none was asked for by its values.
        gradient: the partial derivatives, factored.
        whole: the formula written out.
        remarks: sentences at the end.
    """

    formula: Formula
    wrt: tuple[str, ...]
    points: tuple[CriticalPoint, ...]
    gradient: tuple[Expr, ...]
    whole: Scalars
    remarks: tuple[str, ...] = ()

    def explanation(self) -> Explanation:
        """The derivation: gradient, points, and the Hessian at each; every line can be checked."""
        return told(self.whole, self.gradient, self.points, self.remarks)

    def plot(self) -> Plot:
        """Level lines with the points, for a formula of two scalar variables.

        Raises:
            UnsupportedError: there are not two scalar variables, or other inputs have no value.
        """
        if any(self.whole.shapes[name] for name in self.wrt) or len(self.wrt) != 2:
            raise UnsupportedError("the picture is of two scalar variables", found=", ".join(self.wrt))
        if self.whole.others:
            names = ", ".join(map(str, self.whole.others))
            raise UnsupportedError(f"the picture needs values of {names}", hint="give them: at=, or --at NAME=VALUE")
        marks = tuple((float(p.values[0][1]), float(p.values[1][1]), str(p.kind)) for p in self.points if not p.free)
        spans = [_span([mark[0] for mark in marks]), _span([mark[1] for mark in marks])]
        drawn = plot(self.formula, *self.wrt, span=spans[0], span_y=spans[1], at=self.whole.data)
        assert drawn.surface is not None
        return replace(drawn, surface=replace(drawn.surface, stationary=None, marks=marks))

    def page(self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix") -> Page:
        """The lines, for any renderer."""
        return self.explanation().page(detail, checked, form)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return {
            "schema": SCHEMA,
            "formula": self.formula.matrix(),
            "wrt": list(self.wrt),
            "gradient": {str(s): str(e) for s, e in zip(self.whole.symbols, self.gradient, strict=True)},
            "points": [_point_dict(point) for point in self.points],
            "remarks": list(self.remarks),
        }

    def to_json(self) -> str:
        """The record as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def critical_points(
    f: str | Formula, wrt: str | Sequence[str] | None = None, at: Mapping[str, Any] | None = None
) -> CriticalPoints:
    """Where the gradient of a smooth scalar formula is zero: minima, maxima and saddle points.

    Args:
        f: the formula, over scalars or arrays whose sizes are numbers.
        wrt: its variables; all inputs without a value, if none are named.
        at: values of other inputs, by name; of variables as well, for the point with these values alone.

    Raises:
        NoClosedFormError: the equations are neither solved nor eliminated.
        UnsupportedError: the formula is not scalar, has kinks, symbolic sizes or too many numbers.
        InputError: the gradient is not zero at a point that was given.

    Source: Nocedal and Wright, Numerical Optimization (2006), theorems 2.2 to 2.4.

    Example:
        >>> found = critical_points("x, y: real; x^4 + y^4 - 4*x*y")
        >>> [(str(p.at("x")), str(p.at("y")), p.kind) for p in found.points]
        [('0', '0', 'saddle point'), ('-1', '-1', 'minimum'), ('1', '1', 'minimum')]
    """
    f = as_formula(f)
    wanted = [n.strip() for n in wrt.split(",")] if isinstance(wrt, str) else wrt
    if not wanted and not f.wrt:
        inputs = [item.name for item in f.inputs]
        wanted = [name for name in inputs if name not in (at or {})] or inputs
    names = variables(f, wanted)
    if f.shape:
        raise UnsupportedError("critical points are of a scalar formula", found=f"shape {f.shape}")
    whole = scalars(f, names, {name: value for name, value in (at or {}).items() if name not in names})
    slopes = tuple(whole.derivative(symbol) for symbol in whole.symbols)
    fixed = _given(whole, at or {})
    found = solutions([_with(slope, fixed) for slope in slopes], [s for s in whole.symbols if s not in fixed])
    if fixed and not found:
        raise InputError("the gradient is zero nowhere at the values that were given")
    found = tuple(Solution((*fixed.items(), *s.values), s.free, s.unless, s.exact) for s in found)
    inside = [item for item in found if in_domains(whole, dict(item.values))]
    points = tuple(_point(whole, item) for item in inside)
    return CriticalPoints(f, tuple(names), points, tuple(map(_factored, slopes)), whole,
                          _remarks(whole, found, inside, bool(fixed)))  # fmt: skip


def _span(places: Sequence[float]) -> tuple[float, float]:
    """A range with all points well inside."""
    low, high = min(places, default=0.0), max(places, default=0.0)
    room = max(0.4 * (high - low), 1.5)
    return low - room, high + room


def _given(whole: Scalars, at: Mapping[str, Any]) -> dict[Symbol, Expr]:
    """Values of variables that were given; a number is the value of every entry."""
    found: dict[Symbol, Expr] = {}
    for symbol in whole.symbols:
        name, _, place = str(symbol).partition("[")
        if name in at:
            value = at[name]
            for index in place.rstrip("]").split(",") if place and isinstance(value, list) else ():
                value = value[int(index)]
            found[symbol] = Rational(repr(float(value)))
    return found


def _with(slope: Expr, fixed: Mapping[Symbol, Expr]) -> Expr:
    return slope.subs(fixed, simultaneous=True) if fixed else slope


def _factored(slope: Expr) -> Expr:
    whole = sp.factor(slope)
    return whole if whole.count_ops() <= slope.count_ops() + 4 else slope


def _point(whole: Scalars, item: Solution) -> CriticalPoint:
    """A solution with the Hessian there, and what it is."""
    place = {symbol: item.of(symbol) for symbol in whole.symbols}
    rows = [[_value(scalar_derivative(whole.derivative(a), b), place) for b in whole.symbols] for a in whole.symbols]
    hessian = Matrix(rows)
    found = nature(whole.body, whole.symbols, place, hessian)
    values = tuple(place.items())
    return CriticalPoint(values, item.free, item.unless, item.exact, _value(whole.body, place), hessian, found)


def _value(expr: Expr, place: Mapping[Symbol, Expr]) -> Expr:
    found = expr.subs(place, simultaneous=True)
    if found.has(sp.Float):
        return sp.N(found, 20)
    return found if found.has(CRootOf) else sp.simplify(found)


def _remarks(whole: Scalars, found: Sequence[Solution], inside: Sequence[Solution], one: bool) -> tuple[str, ...]:
    remarks: list[str] = []
    if not one:
        remarks.append("There are no other critical points." if inside else "There is no critical point.")
    if len(inside) < len(found):
        remarks.append("Points outside the declared domains are left out.")
    roots = {power.base for item in inside for _, value in item.values for power in value.atoms(sp.Pow)
             if power.exp.is_Rational and not power.exp.is_Integer and not power.base.is_nonnegative}  # fmt: skip
    remarks += [f"Roots are real where {base} >= 0." for base in sorted(roots, key=str) if base.free_symbols]
    given = sorted({str(s) for item in inside for e in item.unless for s in e.free_symbols & set(whole.others)})
    if given:
        remarks.append(f"With {' and '.join(given)} not zero.")
    return tuple(remarks)


def _point_dict(point: CriticalPoint) -> dict[str, Any]:
    found = point.nature
    return {
        "values": {str(symbol): str(value) for symbol, value in point.values},
        "decimals": {str(s): float(v) for s, v in point.values if v.is_number},
        "free": [str(symbol) for symbol in point.free],
        "unless": [str(expr) for expr in (*point.unless, *found.unless)],
        "exact": point.exact,
        "value": str(point.height),
        "hessian": [[str(entry) for entry in point.hessian.row(n)] for n in range(point.hessian.rows)],
        "kind": point.kind,
        "reason": found.reason,
        "eigenvalues": None if found.spectrum is None else dict(zip(SIGNS, found.spectrum, strict=True)),
        "direction": [str(entry) for entry in found.direction],
        "curvature": None if found.slope == S.Zero else str(found.slope),
    }
