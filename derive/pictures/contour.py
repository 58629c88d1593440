"""The level lines of a function of two variables, with its negative gradient and its stationary point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.derive.computed import computed
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula
from chainrule.derive.pictures.points import Array, values_at
from chainrule.derive.stationary import solve_stationary

#: Points of the grid for levels and of that for arrows, along each axis.
GRID, ARROWS = 121, 17


@dataclass(frozen=True)
class Surface:
    """A scalar formula over a rectangle of two scalar inputs.

    Attributes:
        names: the inputs along the horizontal and the vertical axis.
        symbol, text: the name of the value, and the formula.
        x, y: the coordinates of the grid.
        values: of the formula, one row for each ``y``.
        arrows_x, arrows_y: the coordinates of the arrows' grid.
        descent: the negative gradient there: its two components, one row for each ``arrows_y``; NaN
            where the formula has no value.
        stationary: where the gradient is zero, if that has a closed form.
        kind: what the stationary point certainly is, such as ``minimum``.
        marks: other points to show, with what they are.
    """

    names: tuple[str, str]
    symbol: str
    text: str
    x: Array = field(compare=False)
    y: Array = field(compare=False)
    values: Array = field(compare=False)
    arrows_x: Array = field(compare=False)
    arrows_y: Array = field(compare=False)
    descent: tuple[Array, Array] = field(compare=False)
    stationary: tuple[float, float] | None = None
    kind: str = ""
    marks: tuple[tuple[float, float, str], ...] = ()


def surface(
    f: Formula, names: tuple[str, str], spans: tuple[tuple[float, float], tuple[float, float]],
    given: Mapping[str, Any],
) -> Surface:  # fmt: skip
    """The values and the negative gradient of a formula over a rectangle."""
    x, y = (np.linspace(*span, GRID) for span in spans)
    (values,) = _on_grid(computed(f.differentiable), names, x, y, given)
    # Arrows stand in the middle of their cells, so that none leaves the picture.
    across, up = (np.linspace(*span, 2 * ARROWS + 1)[1::2] for span in spans)
    there, *slopes = _on_grid(computed(f.differentiable, "gradient", names), names, across, up, given)
    along, upward = (np.where(np.isnan(there), np.nan, slope) for slope in slopes)
    place, kind = _stationary(f, names, given)
    return Surface(names, f.output.name, f.matrix(), x, y, values, across, up, (-along, -upward), place, kind)


def _on_grid(program: Any, names: tuple[str, str], x: Array, y: Array, given: Mapping[str, Any]) -> Array:
    points = dict(zip(names, (axis.ravel() for axis in np.meshgrid(x, y)), strict=True))
    return values_at(program, given, points).reshape(-1, len(y), len(x))


def _stationary(
    f: Formula, names: tuple[str, str], given: Mapping[str, Any]
) -> tuple[tuple[float, float] | None, str]:
    """The stationary point of the closed form, if there is one, and what it is."""
    try:
        found = solve_stationary(f, list(names))
        x, y = (_value(found.solution[name], given) for name in names)
    except ChainruleError:
        return None, ""
    return ((x, y), found.kind) if np.isfinite([x, y]).all() else (None, "")


def _value(solution: Formula, given: Mapping[str, Any]) -> float:
    return float(solution.evaluate(**{item.name: given[item.name] for item in solution.inputs}))
