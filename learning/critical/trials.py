"""Slopes and second derivatives by differences in many digits, to check what was derived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpmath
import numpy as np

from chainrule.derive.numeric import MPMATH, evaluate
from chainrule.derive.program import Program

#: Digits of the arithmetic, and the step of differences.
DIGITS, STEP = 60, "1e-15"
Place = tuple[str, tuple[int, ...]]


def height(program: Program, arrays: Mapping[str, Any]) -> Any:
    """The value of a scalar formula in many digits."""
    return evaluate(program, arrays, MPMATH)[program.output.name][()]


def moved(arrays: Mapping[str, Any], steps: Mapping[str, Any], times: Any) -> dict[str, Any]:
    """Arrays after a multiple of a step."""
    exact = {name: np.asarray(np.frompyfunc(mpmath.mpf, 1, 1)(np.asarray(array))) for name, array in arrays.items()}
    for name, step in steps.items():
        exact[name] = np.asarray(exact[name] + times * np.asarray(step))
    return exact


def slope_along(program: Program, arrays: Mapping[str, Any], steps: Mapping[str, Any]) -> float:
    """The derivative along a step."""
    with mpmath.workdps(DIGITS):
        h = mpmath.mpf(STEP)
        ends = [height(program, moved(arrays, steps, side * h)) for side in (1, -1)]
        return float((ends[0] - ends[1]) / (2 * h))


def bend_along(program: Program, arrays: Mapping[str, Any], steps: Mapping[str, Any]) -> float:
    """The second derivative along a step."""
    with mpmath.workdps(DIGITS):
        h = mpmath.mpf(STEP)
        ends = [height(program, moved(arrays, steps, side * h)) for side in (1, 0, -1)]
        return float((ends[0] - 2 * ends[1] + ends[2]) / h**2)


def hessian_at(program: Program, arrays: Mapping[str, Any], places: Sequence[Place]) -> Any:
    """The matrix of second derivatives by some entries."""
    units = [_unit(arrays, place) for place in places]
    bends = [bend_along(program, arrays, unit) for unit in units]
    whole = np.diag(bends)
    for i in range(len(places)):
        for j in range(i):
            both = bend_along(program, arrays, _sum(units[i], units[j]))
            whole[i, j] = whole[j, i] = (both - bends[i] - bends[j]) / 2
    return whole


def gradient_at(program: Program, arrays: Mapping[str, Any], places: Sequence[Place]) -> Any:
    """The derivatives by some entries."""
    return np.array([slope_along(program, arrays, _unit(arrays, place)) for place in places])


def _unit(arrays: Mapping[str, Any], place: Place) -> dict[str, Any]:
    name, axes = place
    step = np.zeros(np.shape(arrays[name]))
    step[axes] = 1.0
    return {name: step}


def _sum(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.asarray(a.get(name, 0.0)) + np.asarray(b.get(name, 0.0)) for name in {**a, **b}}


def gap(found: Any, wanted: Any) -> float:
    """The largest difference, relative to the larger of 1 and what is wanted."""
    found, wanted = np.asarray(found, float), np.asarray(wanted, float)
    return float(np.max(np.abs(found - wanted) / np.maximum(1.0, np.abs(wanted)), initial=0.0))
