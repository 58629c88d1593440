"""The regularisation path: the unknowns of a penalised loss for many strengths of the penalty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.binding import bind_dims
from chainrule.derive.errors import InputError, UnsupportedError, near_names
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import variables
from chainrule.learning.chart import Chart, Series
from chainrule.learning.convexity.verdict import convex
from chainrule.learning.fitting.unknowns import unknowns
from chainrule.learning.regularisation.composite import Composite, taken_apart
from chainrule.learning.regularisation.solver import Solver

Array = npt.NDArray[np.float64]
#: Strengths by default, and the smallest as a share of the largest.
COUNT, SHARE = 60, 1e-3
#: The strengths of a smooth penalty reach from and to these shares of the largest curvature of the loss.
SMOOTH_RANGE = (1e-4, 1e2)
#: Rows of the report.
ROWS = 9


@dataclass(frozen=True, eq=False)
class Path:
    """The unknowns for every strength, the strongest penalty first.

    Attributes:
        formula: the loss with its penalty.
        unknown: the unknown that is penalised.
        over: the input that is the strength.
        strengths: its values, falling.
        values: the unknown for each, one row per strength.
        others: the other unknowns for each, by name.
        names: what its entries are called.
        largest: the strength from which on the unknown is exactly zero; ``None`` where there is none.
        scaled: whether columns were brought to mean 0 and variance 1, and targets to mean 0.
    """

    formula: Formula
    unknown: str
    over: str
    strengths: Array
    values: Array
    others: Mapping[str, Array]
    names: tuple[str, ...]
    largest: float | None
    scaled: bool

    def entered(self) -> dict[str, float]:
        """The largest strength at which each entry is not zero."""
        rows = {name: np.flatnonzero(column) for name, column in zip(self.names, self.values.T, strict=True)}
        return {name: float(self.strengths[places[0]]) for name, places in rows.items() if len(places)}

    def text(self) -> str:
        """The report: where the path starts, and some of its points."""
        lines = [f"{self.formula.output.name} = {self.formula.matrix()}",
                 f"{self.unknown} for {len(self.strengths)} values of {self.over}"]  # fmt: skip
        if self.scaled:
            lines.append("columns scaled to mean 0 and variance 1, targets to mean 0")
        if self.largest is not None:
            lines.append(f"{self.unknown} = 0 exactly for {self.over} >= {self.largest:.6g}")
            order = sorted(self.entered().items(), key=lambda item: -item[1])
            lines.append("first not zero at: " + ", ".join(f"{name} {strength:.4g}" for name, strength in order))
        return "\n".join([*lines, "", *self._table()])

    def _table(self) -> list[str]:
        places = np.unique(np.linspace(0, len(self.strengths) - 1, ROWS).astype(int))
        rows = [[self.over, "norm", *self.names]]
        for place in places:
            w = self.values[place]
            rows.append([f"{self.strengths[place]:.4g}", f"{np.linalg.norm(w):.4g}", *(f"{x:.4g}" for x in w)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]

    def chart(self) -> Chart:
        """The path picture: every entry against the strength."""
        x = tuple(map(float, self.strengths))
        columns = zip(self.names, self.values.T, strict=True)
        series = tuple(Series(name, x, tuple(map(float, column))) for name, column in columns)
        title = f"Coefficients by {self.over}"
        if self.largest is not None:
            title += f": all 0 from {self.largest:.4g} on"
        return Chart(title, self.over, self.unknown, series, x_scale="log")

    def to_dict(self) -> dict[str, Any]:
        """The path as plain data."""
        return {
            "unknown": self.unknown, "over": self.over, "strengths": self.strengths.tolist(),
            "values": self.values.tolist(), "others": {name: value.tolist() for name, value in self.others.items()},
            "names": list(self.names), "largest": self.largest, "scaled": self.scaled,
        }  # fmt: skip


def path(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, data: Mapping[str, Any], over: str = "lam",
    strengths: Sequence[float] | None = None, count: int = COUNT, scale: bool = False,
    names: Sequence[str] | None = None,
) -> Path:  # fmt: skip
    """The minimisers of a convex loss with a penalty, for many strengths of the penalty.

    Where the penalty has a kink at zero, its proximal operator and the strength from which on the unknown is zero are
    derived; the path is followed by accelerated proximal gradient steps and Newton's method on the entries that are
    not zero.  A smooth penalty needs Newton's method only.

    Args:
        f: the loss, such as ``ridge`` or ``lasso``, or a formula of one's own.
        wrt: the unknowns; without it those of the catalogue, or all inputs that the data do not give.
        data: the other inputs by name.
        over: the input that is the strength.
        strengths: its values; by default ``count`` of them, down to a thousandth of the largest that leaves something.
        count: how many strengths.
        scale: whether to bring the columns of matrices to mean 0 and variance 1, and real vectors to mean 0.
        names: what the entries of the unknown are called.

    Raises:
        InputError: names, shapes or strengths that do not fit.
        UnsupportedError: the penalty has no proximal operator that can be derived, the loss is not convex, or an
            unknown that is not penalised has bounds.
        LimitError: no minimum was found.

    Source: Friedman, Hastie and Tibshirani, Regularization paths (2010), section 2.5.
    """
    f = as_formula(f)
    wanted = wrt if wrt is not None else f.wrt or [x.name for x in f.inputs if x.name not in data and x.name != over]
    found = variables(f, wanted)
    given = _given(f, found, data, over, scale)
    items = {item.name: item for item in f.inputs}
    vector = unknowns([items[name] for name in found], bind_dims([items[name] for name in given], given))
    composite = taken_apart(f, found)
    _refuse(f, found, composite)
    solver = Solver(f, composite, vector, given, over)
    penalised = composite.unknown if composite else found[0]
    start, largest = _start(solver)
    chosen = _strengths(solver, strengths, count, largest, start)
    points = []
    for strength in chosen:
        start = solver.minimiser(float(strength), start)
        points.append(vector.arrays(start))
    values = np.array([np.ravel(point[penalised]) for point in points])
    others = {name: np.array([point[name] for point in points]) for name in found if name != penalised}
    return Path(f, penalised, over, chosen, values, others, _names(names, penalised, values.shape[1]), largest, scale)


def _refuse(f: Formula, names: Sequence[str], composite: Composite | None) -> None:
    """What would not be followed truly: bounds that no proximal operator keeps, and losses with several minima."""
    free = {name for name in names if composite is None or name != composite.unknown}
    bounded = [item for item in f.inputs if item.name in free and (item.domain.low, item.domain.high) != (None, None)]
    if bounded:
        raise UnsupportedError(
            f"{bounded[0].name} is declared {bounded[0].domain.name}, which a path does not keep",
            expected="an unknown declared real", hint="cr.fit keeps bounds, for one strength at a time",
        )  # fmt: skip
    if convex(f, list(names)).verdict == "not convex":
        raise UnsupportedError("the loss is not convex, so that it may have several minima",
                               hint="chainrule convex shows where")  # fmt: skip


def _given(f: Formula, found: Sequence[str], data: Mapping[str, Any], over: str, scale: bool) -> dict[str, Array]:
    """The data as arrays, scaled if that is asked for."""
    inputs = {item.name: item for item in f.inputs}
    if over not in inputs or inputs[over].shape:
        near = near_names(over, inputs)
        raise InputError(f"the formula has no number {over}", expected="the strength of its penalty", near=near)
    if not any(over in item.reads for item in f.program.definitions):
        raise InputError(f"the loss does not depend on {over}", expected="a penalty with this strength")
    needed = [name for name in inputs if name not in found and name != over]
    for name in data:
        if name not in needed:
            what = "what varies" if name == over else "an unknown" if name in found else "no input of the formula"
            raise InputError(f"the data give {name}, which is {what}", near=near_names(name, needed))
    for name in needed:
        if name not in data:
            raise InputError(f"no values for {name}", expected="data for every input that is no unknown")
    arrays = {name: np.asarray(data[name], dtype=np.float64) for name in needed}
    if scale:
        arrays = {name: _scaled(name, array) if inputs[name].domain.name == "real" else array
                  for name, array in arrays.items()}  # fmt: skip
    return arrays


def _scaled(name: str, array: Array) -> Array:
    """Columns with mean 0 and variance 1; a vector with mean 0."""
    if array.ndim != 2:
        return np.asarray(array - array.mean()) if array.ndim else array
    deviation = array.std(axis=0)
    if not deviation.all():
        raise InputError(f"a column of {name} is constant and cannot be scaled", hint="leave it out")
    return np.asarray((array - array.mean(axis=0)) / deviation)


def _start(solver: Solver) -> tuple[Array, float | None]:
    """The minimum at zero of the penalised unknown, and the strength from which on it is the minimum."""
    zero = np.zeros(len(solver.unknowns.low))
    if solver.composite is None:
        return zero, None
    return solver.null(zero)


def _strengths(
    solver: Solver, strengths: Sequence[float] | None, count: int, largest: float | None, start: Array
) -> Array:
    if strengths is not None:
        chosen = np.sort(np.asarray(strengths, dtype=np.float64).ravel())[::-1]
        if not len(chosen) or not np.isfinite(chosen).all() or chosen[-1] < 0:
            raise InputError("strengths are numbers from 0 on", found=str(list(strengths))[:60])
        return np.asarray(chosen)
    if count < 2:
        raise InputError("a path has two strengths at least", found=str(count))
    if largest is not None:
        if not largest > 0:
            raise UnsupportedError("the gradient at zero vanishes: the unknown is zero for every strength")
        return np.geomspace(largest, SHARE * largest, count)
    high = solver.balance(start)
    return np.geomspace(SMOOTH_RANGE[1] * high, SMOOTH_RANGE[0] * high, count)


def _names(names: Sequence[str] | None, unknown: str, count: int) -> tuple[str, ...]:
    found = tuple(names) if names is not None else tuple(f"{unknown}[{place}]" for place in range(count))
    if len(found) != count:
        raise InputError(f"{unknown} has {count} entries", expected=f"{count} names", found=str(len(found)))
    return found
