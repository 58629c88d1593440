"""Pictures of a scalar formula: its curve over one scalar input, or its level lines over two."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.derive.binding import bind
from chainrule.derive.derivation import Kinks
from chainrule.derive.errors import DomainError, InputError, UnknownNameError, UnsupportedError, near_names
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.narrative.symbols import shape_text
from chainrule.derive.pictures.contour import Surface, surface
from chainrule.derive.pictures.curve import Curve, Tangent, curves, tangent
from chainrule.derive.pictures.drawing import ImageFormat, draw_curves, draw_surface, image
from chainrule.derive.pictures.terminal import terminal
from chainrule.derive.program import Input

SCHEMA = 1
#: How far from the edge of an open domain a picture stays, as a part of its width.
EDGE = 1e-6

Span = tuple[float, float]


@dataclass(frozen=True)
class Plot:
    """A picture of a formula, as the data that is drawn; a notebook displays it.

    Attributes:
        formula: the formula.
        names: the inputs along the axes, one or two.
        curves: the function and its derivatives, for one input.
        tangent: the tangent that was asked for.
        surface: values and negative gradient, for two inputs.
    """

    formula: Formula
    names: tuple[str, ...]
    curves: tuple[Curve, ...] = ()
    tangent: Tangent | None = None
    surface: Surface | None = None

    def svg(self) -> str:
        """The picture as SVG, drawn with Matplotlib (``pip install 'chainrule[plot]'``)."""
        return self._image("svg").decode()

    def png(self) -> bytes:
        """The picture as PNG, drawn with Matplotlib."""
        return self._image("png")

    def text(self, width: int = 72, height: int = 12) -> str:
        """The curve in the dots of braille letters, for terminals.

        Raises:
            UnsupportedError: for two inputs.
        """
        if self.surface:
            raise UnsupportedError("level lines are drawn as svg or png, not as text")
        return terminal(self.names[0], self.curves, self.tangent, (width, height))

    def save(self, path: str | Path) -> None:
        """Write the picture to a file called ``.svg`` or ``.png``."""
        form = Path(path).suffix.lower().removeprefix(".")
        if form not in ("svg", "png"):
            raise InputError("the name of a picture's file says its format", expected=".svg or .png", found=str(path))
        Path(path).write_bytes(self._image("svg" if form == "svg" else "png"))

    def _image(self, form: ImageFormat) -> bytes:
        if self.surface:
            return image(partial(draw_surface, surface=self.surface), form)
        return image(partial(draw_curves, name=self.names[0], curves=self.curves, tangent=self.tangent), form)

    def to_dict(self) -> dict[str, Any]:
        """What is drawn as plain data; ``None`` stands where there is no finite value."""
        return {
            "schema": SCHEMA,
            "names": list(self.names),
            "curves": [plain(vars(curve)) for curve in self.curves],
            "tangent": plain(vars(self.tangent)) if self.tangent else None,
            "surface": plain(vars(self.surface)) if self.surface else None,
        }

    def to_json(self) -> str:
        """What is drawn, as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def _repr_svg_(self) -> str:
        return self.svg()


def plain(value: Any) -> Any:
    """Arrays as lists, numbers that are not finite as ``None``."""
    if isinstance(value, np.ndarray | tuple | list):
        return [plain(item) for item in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return None if isinstance(value, float) and not np.isfinite(value) else value


def plot(
    f: str | Formula, x: str | None = None, y: str | None = None, *, span: Span = (-3.0, 3.0),
    span_y: Span | None = None, derivatives: int = 2, tangent_at: float | None = None,
    at: Mapping[str, Any] | None = None, kinks: Kinks = None,
) -> Plot:  # fmt: skip
    """A picture of a scalar formula over one or two of its scalar inputs.

    Over one input: the curve with its first and second derivative, kinks, holes and poles marked.
    Over two: level lines, arrows along the negative gradient, and the stationary point where
    :func:`chainrule.solve_stationary` finds one.

    Args:
        f: the formula.
        x: the input along the horizontal axis; it may be left out if it is the only scalar one.
        y: the input along the vertical axis, for a picture over two.
        span: from where to where ``x`` goes; what lies outside its domain is left out.
        span_y: the same for ``y``; the same as ``span`` if not given.
        derivatives: how many derivatives are drawn, 0 to 2.
        tangent_at: where a tangent is drawn.
        at: values for all other inputs, by name.
        kinks: the values of derivatives at kinks, as in :func:`chainrule.gradient`.

    Raises:
        UnsupportedError: the formula is not scalar.
        InputError: an axis is no scalar input, a span is empty, or values are missing; also
            ``ShapeError`` and ``DomainError``, as in ``evaluate``.

    Example:
        >>> p = plot("x: real; x*abs(x)", tangent_at=1.0)
        >>> p.curves[1].symbol, p.curves[1].text, p.curves[1].kinks[0][0]
        ('dL/dx', '2*abs(x)', 0.0)
        >>> p.tangent
        Tangent(x=1.0, y=1.0, slope=2.0)
    """
    f = as_formula(f, kinks)
    if f.shape:
        raise UnsupportedError(
            f"pictures are of scalar formulas; this one has shape {shape_text(f.shape)}",
            hint="take one entry, or reduce the formula with sum(..) or mean(..)",
        )
    axes = [_axis(f, name) for name in ((x, y) if y is not None else (x,))]
    names = tuple(item.name for item in axes)
    spans = [_inside(item, limits) for item, limits in zip(axes, (span, span_y or span), strict=False)]
    given = _bound(f, axes, spans, dict(at or {}))
    if len(axes) == 2:
        if names[0] == names[1]:
            raise InputError("the two axes are the same input", found=names[0], expected="two inputs")
        if tangent_at is not None:
            raise InputError("a tangent is drawn to a curve over one input", found=" and ".join(names))
        return Plot(f, names, surface=surface(f, (names[0], names[1]), (spans[0], spans[1]), given))
    if derivatives not in (0, 1, 2):
        raise InputError("derivatives are drawn up to the second", expected="0, 1 or 2", found=repr(derivatives))
    drawn = curves(f, names[0], spans[0], derivatives, given)
    if np.isnan(drawn[0].y).all():
        low, high = spans[0]
        raise DomainError(f"the formula has no value from {names[0]} = {low:g} to {high:g}", hint="choose another span")
    if tangent_at is None:
        return Plot(f, names, drawn)
    bind([axes[0]], {names[0]: tangent_at})
    return Plot(f, names, drawn, tangent(f, names[0], float(tangent_at), given))


def _axis(f: Formula, name: str | None) -> Input:
    """The scalar input of that name, or the only one."""
    scalars = [item for item in f.inputs if not item.shape]
    known = ", ".join(item.name for item in scalars) or "none, the formula has no scalar input"
    if name is None:
        if len(scalars) != 1:
            raise InputError("which input goes along the axis?", expected=f"one of the scalar inputs: {known}")
        return scalars[0]
    found = next((item for item in f.inputs if item.name == name), None)
    if found is None:
        near = near_names(name, [item.name for item in scalars])
        raise UnknownNameError(f"the formula has no input called {name!r}", expected=f"one of {known}", near=near)
    if found.shape:
        raise InputError(f"{name} has shape {shape_text(found.shape)}", expected=f"a scalar input: {known}")
    if found.domain.integer or found.selects:
        raise InputError(f"{name} takes only {found.domain.describe}", expected="an input that varies continuously")
    return found


def _inside(item: Input, span: Iterable[float]) -> Span:
    """The part of a span that lies in the domain of an input."""
    start, stop = (float(value) for value in span)
    if not (np.isfinite([start, stop]).all() and start < stop):
        raise InputError(f"the span of {item.name} is from a smaller to a larger number", found=f"{start:g}, {stop:g}")
    edge = 0.0 if item.domain.closed else EDGE * (stop - start)
    low = start if item.domain.low is None else max(start, item.domain.low + edge)
    high = stop if item.domain.high is None else min(stop, item.domain.high - edge)
    if not low < high:
        raise DomainError(
            f"{item.name} has no values from {start:g} to {stop:g}", expected=item.domain.describe,
            found=f"{start:g}, {stop:g}",
        )  # fmt: skip
    return low, high


def _bound(f: Formula, axes: list[Input], spans: list[Span], at: dict[str, Any]) -> dict[str, Any]:
    """The values of the inputs that stay the same, checked like those of ``evaluate``."""
    names = [item.name for item in axes]
    taken = [name for name in names if name in at]
    if taken:
        raise InputError(f"{' and '.join(taken)} varies along an axis and has no value", found=", ".join(at))
    middle = {name: (low + high) / 2 for name, (low, high) in zip(names, spans, strict=True)}
    values, _ = bind(f.inputs, {**at, **middle})
    return {name: value for name, value in values.items() if name not in names}
