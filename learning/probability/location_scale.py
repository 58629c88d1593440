"""Fisher information of locations and scales: numbers over the square of the scale, where they have no closed form.

    p(x | mu, s) = f((x - mu)/s)/s  implies  I(mu, s) = C/s^2  with numbers C that do not depend on mu and s.

Source: Lehmann and Casella, Theory of Point Estimation (1998), example 2.5.6 and eq. 2.5.14.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr, S, Symbol

from chainrule.derive.narrative.symbols import named
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.likelihood import given, remarks, title
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.pivots import elementary, scalar_log_density
from chainrule.learning.probability.points import agreement, point
from chainrule.learning.probability.scores import expected_scores
from chainrule.learning.probability.telling import Teller, information_symbol

#: Significant digits of the numbers, and what counts as rounding.
NUMBER_DIGITS, ROUNDING = 12, 1e-10


def location_scale(m: Model) -> Explanation | None:
    """The information of a location, a scale or both, with numbers by quadrature; ``None`` if there is more."""
    roles = _roles(m)
    if roles is None or len(m.density.inputs) - 1 != len(roles):
        return None
    parts = (*given(m), _reduction(m, roles), _numbers(m, roles))
    return Explanation(title(m, "Fisher information"), parts, remarks(m))


def _roles(m: Model) -> Mapping[str, str] | None:
    """Which parameter is the location and which the scale."""
    body, x = elementary(scalar_log_density(m)), m.variable.head
    heads = {item.name: item.head for item in m.density.inputs[1:]}
    location = next((name for name, head in heads.items() if _zero(body.diff(head) + body.diff(x))), None)
    middle = heads[location] if location else S.Zero
    scale = next((name for name, head in heads.items() if _scales(body, x, middle, head)), None)
    found = {name: role for name, role in ((location, "location"), (scale, "scale")) if name}
    return found if scale and set(m.parameters) <= set(found) else None


def _scales(body: Expr, x: Symbol, middle: Expr, head: Symbol) -> bool:
    return head != middle and bool(head.is_positive) and _zero(head * body.diff(head) + (x - middle) * body.diff(x) + 1)


def _zero(body: Expr) -> bool:
    return bool(sp.simplify(body) == 0)


def _reduction(m: Model, roles: Mapping[str, str]) -> Part:
    teller, x = Teller(m), m.variable.head
    body = elementary(scalar_log_density(m))
    heads = {item.name: item.head for item in m.density.inputs[1:]}
    moves = []
    for name, role in roles.items():
        middle = next((heads[other] for other, kind in roles.items() if kind == "location"), S.Zero)
        if role == "location":
            left, right = body.diff(heads[name]), -body.diff(x)
            words = f"{name} is a location: the log-density depends on {m.variable.name} - {name}."
        else:
            left, right = heads[name] * body.diff(heads[name]), -1 - (x - middle) * body.diff(x)
            words = f"{name} is a scale: the log-density plus log({name}) depends on a quotient by {name}."
        check = partial(_same, m, teller, left, right)
        moves.append(Move(_by_x(m, name, role, roles), (_by(m, name, role),), (words,), check))
    return Part("Location and scale", tuple(moves))


def _by(m: Model, name: str, role: str) -> Shown:
    factor = f"{name}*" if role == "scale" else ""
    latex = rf"{named(name).latex} \," if role == "scale" else ""
    return Shown(f"{factor}d(log p)/d{name}", rf"{latex} \frac{{\partial \log p}}{{\partial {named(name).latex}}}")


def _by_x(m: Model, name: str, role: str, roles: Mapping[str, str]) -> Shown:
    x = named(m.variable.name)
    slope = Shown(f"d(log p)/d{x.text}", rf"\frac{{\partial \log p}}{{\partial {x.latex}}}")
    if role == "location":
        return Shown(f"-{slope.text}", f"-{slope.latex}")
    middle = next((named(other) for other, kind in roles.items() if kind == "location"), None)
    factor = Shown(f"({x.text} - {middle.text})", rf"\left({x.latex} - {middle.latex}\right)") if middle else x
    return Shown(f"-1 - {factor.text}*{slope.text}", rf"-1 - {factor.latex} \, {slope.latex}")


def _same(m: Model, teller: Teller, left: Expr, right: Expr) -> float:
    values = point(m)
    rows = [{**values, m.variable.name: row} for row in values[m.variable.name]]
    return max(agreement(teller.number(left, row), teller.number(right, row)) for row in rows)


def _numbers(m: Model, roles: Mapping[str, str]) -> Part:
    scale = next(name for name, role in roles.items() if role == "scale")
    standard = {name: np.asarray(1.0 if role == "scale" else 0.0) for name, role in roles.items()}
    moves = []
    for i, first in enumerate(m.parameters):
        for second in m.parameters[: i + 1]:
            found = expected_scores(m, [second, first], standard)
            # Odd products have the expectation zero, of which quadrature leaves some rounding.
            constant = 0.0 if abs(found) < ROUNDING else float(f"{found:.{NUMBER_DIGITS}g}")
            check = partial(_against_quadrature, m, scale, [second, first], constant)
            moves.append(Move(_over_square(constant, scale), (information_symbol([second, first]),), (), check))
    zeros = " and ".join(f"{name} = {0 if role == 'location' else 1}" for name, role in roles.items())
    intro = (
        f"The products of scores are functions of the standardised variable over {scale}^2. Their expectations have no "
        f"closed form by this method: they are numbers, computed by quadrature at {zeros}."
    )
    return Part("Fisher information", tuple(moves), (intro,))


def _over_square(constant: float, scale: str) -> Shown:
    if constant == 0:
        return Shown("0", "0")
    return Shown(f"{constant!r}/{scale}**2", rf"\frac{{{constant!r}}}{{{named(scale).latex}^2}}")


def _against_quadrature(m: Model, scale: str, names: list[str], constant: float) -> float:
    values: dict[str, Any] = dict(point(m))
    row = {**values, m.variable.name: values[m.variable.name][0]}
    return agreement(constant / float(row[scale]) ** 2, expected_scores(m, names, row))
