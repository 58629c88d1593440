"""Curves and surfaces drawn with Matplotlib, the extra ``chainrule[plot]``; nothing else imports it.

The functions here are given data and draw it; they compute only limits and levels.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.pictures.colours import BLUE, GREEN, PURPLE, VERMILLION
from chainrule.derive.pictures.contour import Surface
from chainrule.derive.pictures.curve import Curve, Tangent
from chainrule.derive.pictures.features import Array

ImageFormat = Literal["svg", "png"]

#: Colour and dashes of the function and its derivatives: they differ without colour as well.
LINES = ((BLUE, "-", 2.2), (VERMILLION, "--", 1.8), (GREEN, "-.", 1.8))
#: Shapes of marked points, one for each kind.
MARKS = ("o", "X", "^", "D")
#: Characters of a formula in a legend.
LONGEST = 64
#: Levels of a surface.
LEVELS = 16
#: How much levels are those at even distances, apart from those at even areas.
EVEN = 0.02
#: Values that a picture can show.
LARGEST = 1e150
#: A curve that reaches further than so many interquartile ranges is cut off.
OUTLYING = 8.0


def image(draw: Callable[[Any], None], form: ImageFormat) -> bytes:
    """A picture as bytes; ``draw`` is given an empty figure.

    Raises:
        UnsupportedError: if Matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UnsupportedError(
            "curves and surfaces are drawn with Matplotlib, which is not installed",
            hint="pip install 'chainrule[plot]'",
        ) from error
    settings: Any = {"svg.hashsalt": "chainrule", "font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
    file = io.BytesIO()
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(7.2, 5.2), layout="constrained", dpi=150)
        draw(figure)
        figure.savefig(file, format=form, metadata={"Date": None} if form == "svg" else None)
    return file.getvalue()


def draw_curves(figure: Any, name: str, curves: Sequence[Curve], tangent: Tangent | None) -> None:
    """The curves with their kinks, holes and poles, and the tangent."""
    axes = figure.add_subplot()
    low, high = limits(curves)
    for curve, (colour, dashes, width) in zip(curves, LINES, strict=False):
        y = np.clip(curve.y, low - 9 * (high - low), high + 9 * (high - low))
        axes.plot(curve.x, y, dashes, color=colour, lw=width, label=_shortened(f"{curve.symbol} = {curve.text}"))
    _draw_marks(axes, curves)
    if tangent:
        x = np.array([curves[0].x[0], curves[0].x[-1]])
        text = f"tangent at {name} = {tangent.x:.4g}: slope {tangent.slope:.4g}"
        axes.plot(x, tangent.y + tangent.slope * (x - tangent.x), ":", color=PURPLE, lw=1.8, label=text)
        axes.plot([tangent.x], [tangent.y], "o", color=PURPLE, ms=6)
        room = 0.05 * (high - low)
        low, high = min(low, tangent.y - room), max(high, tangent.y + room)
    axes.set(xlim=(curves[0].x[0], curves[0].x[-1]), ylim=(low, high))
    axes.set_xlabel(name, parse_math=False)
    axes.grid(alpha=0.25)
    axes.axhline(0, color="black", lw=0.6)
    _legend(figure)


def _draw_marks(axes: Any, curves: Sequence[Curve]) -> None:
    """Kinks as diamonds, holes as open circles, poles as thin lines; each kind is named once."""
    named: set[str] = set()
    for curve, (colour, _, _) in zip(curves, LINES, strict=False):
        for kind, points, shape, fill in (("kink", curve.kinks, "D", colour), ("no value", curve.holes, "o", "white")):
            if points:
                x, y = zip(*points, strict=True)
                label = None if kind in named else kind
                axes.plot(x, y, shape, color=colour, mfc=fill, ms=7, mew=1.6, ls="none", label=label, zorder=5)
                named.add(kind)
    for place in dict.fromkeys(round(place, 6) for curve in curves[:1] for place in curve.poles):
        axes.axvline(place, color="0.45", lw=0.9, ls=(0, (4, 4)), label=None if "pole" in named else "pole")
        named.add("pole")


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + " …"


def _legend(figure: Any) -> None:
    """The legend under the axes, where it hides nothing; formulas are no markup."""
    legend = figure.legend(loc="outside lower center", ncols=1, frameon=False)
    for text in legend.get_texts():
        text.set_parse_math(False)


def limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """The vertical limits: what the function does apart from its poles, and of the derivatives what fits beside it."""
    low, high = _range(curves[0])
    room = 0.6 * (high - low) or np.inf
    for curve in curves[1:]:
        below, above = _range(curve)
        low, high = min(low, max(below, low - room)), max(high, min(above, high + room))
    if high - low <= 1e-9 * (1 + abs(low)):
        return low - 1, high + 1
    margin = 0.06 * (high - low)
    return low - margin, high + margin


def _range(curve: Curve) -> tuple[float, float]:
    """All values of a curve; where some are far out, three interquartile ranges on both sides of the middle half."""
    finite = curve.y[np.abs(curve.y) < LARGEST]
    if not finite.size:
        return 0.0, 0.0
    low, first, third, high = (float(value) for value in np.percentile(finite, [0, 25, 75, 100]))
    reach = third - first
    if reach > 0 and (curve.poles or high - low > OUTLYING * reach):
        return max(low, first - 3 * reach), min(high, third + 3 * reach)
    return low, high


def draw_surface(figure: Any, surface: Surface) -> None:
    """Level lines over colours, arrows down the slope, and the stationary point."""
    from matplotlib.colors import BoundaryNorm

    axes = figure.add_subplot()
    levels = level_lines(surface.values)
    shown = np.ma.masked_invalid(surface.values)
    steps = BoundaryNorm(levels, 256)  # one step of colour from each level to the next, however far apart they are
    filled = axes.contourf(surface.x, surface.y, shown, levels=levels, cmap="cividis", norm=steps)
    axes.contour(surface.x, surface.y, shown, levels=levels, colors="white", linewidths=0.5, alpha=0.6)
    bar = figure.colorbar(filled, ax=axes, spacing="uniform", format="%.4g")
    bar.set_label(surface.symbol, parse_math=False, rotation=0)
    _draw_arrows(axes, surface)
    if surface.stationary:
        x, y = surface.stationary
        where = "" if _inside(surface) else ", outside the picture"
        label = f"{surface.kind} at ({x:.4g}, {y:.4g}){where}"
        axes.plot([x], [y], "*", color="white", mec="black", ms=16, mew=1.2, ls="none", label=label, zorder=6)
    _draw_points(axes, surface)
    axes.set(xlim=(surface.x[0], surface.x[-1]), ylim=(surface.y[0], surface.y[-1]))
    axes.set_xlabel(surface.names[0], parse_math=False)
    axes.set_ylabel(surface.names[1], parse_math=False)
    axes.set_title(_shortened(f"{surface.symbol} = {surface.text}"), fontsize=11, parse_math=False)
    _legend(figure)


def _draw_points(axes: Any, surface: Surface) -> None:
    """Every kind of marked points with a shape of its own."""
    for kind, shape in zip(dict.fromkeys(kind for _, _, kind in surface.marks), MARKS * 2, strict=False):
        x, y = zip(*((x, y) for x, y, other in surface.marks if other == kind), strict=True)
        axes.plot(x, y, shape, color="white", mec="black", ms=10, mew=1.3, ls="none", label=kind, zorder=6)


def _inside(surface: Surface) -> bool:
    assert surface.stationary
    pairs = zip(surface.stationary, (surface.x, surface.y), strict=True)
    return all(axis[0] <= value <= axis[-1] for value, axis in pairs)


def _draw_arrows(axes: Any, surface: Surface) -> None:
    """Arrows whose length grows slowly with the gradient, so that small ones are still seen."""
    # The direction is that of a step along the negative gradient, as the axes show it; the length is in parts of
    # the picture's height, whatever the units of the axes are.
    u, v = surface.descent
    size = np.hypot(u, v)
    with np.errstate(all="ignore"):
        scaled = (size / np.max(size, where=np.isfinite(size), initial=0.0)) ** 0.25 / size
        u, v = (np.ma.masked_invalid(part * scaled) for part in (u, v))
    axes.quiver(
        surface.arrows_x, surface.arrows_y, u, v, color="white",
        edgecolor="black", linewidth=0.5, angles="xy", scale_units="height",
        scale=1.1 * len(surface.arrows_x), width=0.0042, headwidth=4.5,
        zorder=4,
    )  # fmt: skip
    axes.plot([], [], marker=r"$\rightarrow$", color="black", ms=16, ls="none", label="negative gradient")


def level_lines(values: Array) -> Array:
    """Levels with about the same area between neighbours, so that flat valleys show their shape."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.array([0.0, 1.0])
    even = np.linspace(finite.min(), finite.max(), LEVELS)
    levels = np.unique((np.quantile(finite, np.linspace(0, 1, LEVELS)) + even * EVEN) / (1 + EVEN))
    return levels if len(levels) > 1 else np.array([levels[0] - 1, levels[0] + 1])
