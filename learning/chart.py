"""Charts of what was computed: lines, points, bands and bars over labelled axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from chainrule.derive.errors import InputError
from chainrule.derive.pictures.colours import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILLION
from chainrule.derive.pictures.drawing import ImageFormat, image

Kind = Literal["line", "points", "band", "bars"]
Scale = Literal["linear", "log"]
#: Colour, dashes and marker of the series in turn: they differ without colour as well.
STYLES = (
    (BLUE, "-", "o"), (VERMILLION, "--", "s"), (GREEN, "-.", "^"), (PURPLE, ":", "D"), (ORANGE, "-", "v"),
    (SKY, "--", "P"), (BLACK, "-.", "x"), ("#8B4513", ":", "*"), ("#9ACD32", "-", "<"), ("#6A3D9A", "--", ">"),
)  # fmt: skip
#: Entries of a legend beyond which it stands beside the picture.
BESIDE = 5


@dataclass(frozen=True)
class Series:
    """One set of values in a chart.

    Attributes:
        label: what it is, for the legend; none if empty.
        x, y: the values.
        kind: how they are drawn.
        low: the lower edge of a band, whose upper edge is ``y``.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: Kind = "line"
    low: tuple[float, ...] = ()


@dataclass(frozen=True)
class Chart:
    """A picture as the data that is drawn.

    Attributes:
        title: what is seen.
        x_label, y_label: the axes, with units where there are any.
        series: what is drawn, in order.
        x_scale, y_scale: the scales of the axes.
        equal: whether both axes have one scale, as in a map.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    x_scale: Scale = "linear"
    y_scale: Scale = "linear"
    equal: bool = False

    def svg(self) -> str:
        """The picture as SVG, drawn with Matplotlib (``pip install 'chainrule[plot]'``)."""
        return self._image("svg").decode()

    def png(self) -> bytes:
        """The picture as PNG, drawn with Matplotlib."""
        return self._image("png")

    def save(self, path: str | Path) -> None:
        """Write the picture to a file called ``.svg`` or ``.png``."""
        form = Path(path).suffix.lower().removeprefix(".")
        if form not in ("svg", "png"):
            raise InputError("the name of a picture's file says its format", expected=".svg or .png", found=str(path))
        Path(path).write_bytes(self._image("svg" if form == "svg" else "png"))

    def to_dict(self) -> dict[str, Any]:
        """The picture as plain data."""
        return asdict(self)

    def _image(self, form: ImageFormat) -> bytes:
        return image(partial(_draw, chart=self), form)


def _draw(figure: Any, chart: Chart) -> None:
    axes = figure.add_subplot()
    styles = dict(zip((item.label for item in chart.series), _cycle(len(chart.series)), strict=False))
    for item in chart.series:
        colour, dashes, marker = styles[item.label]
        if item.kind == "line":
            axes.plot(item.x, item.y, dashes, color=colour, linewidth=2, label=item.label or None)
        elif item.kind == "points":
            axes.plot(item.x, item.y, marker, color=colour, markersize=4, alpha=0.8, label=item.label or None)
        elif item.kind == "band":
            axes.fill_between(item.x, item.low, item.y, color=colour, alpha=0.25, label=item.label or None)
        else:
            axes.bar(item.x, item.y, color=colour, alpha=0.8, label=item.label or None)
            axes.locator_params(axis="x", integer=all(value.is_integer() for value in item.x))
    axes.set(title=chart.title, xlabel=chart.x_label, ylabel=chart.y_label)
    axes.set_xscale(chart.x_scale)
    axes.set_yscale(chart.y_scale)
    if chart.equal:
        axes.set_aspect("equal")
    if any(item.label for item in chart.series):
        _legend(figure, axes, len(styles))


def _legend(figure: Any, axes: Any, entries: int) -> None:
    if entries > BESIDE:
        figure.legend(frameon=False, loc="outside right upper", markerscale=1.6)
    else:
        axes.legend(frameon=False)


def _cycle(count: int) -> Sequence[tuple[str, str, str]]:
    """A style for each: the colours come round again with other dashes and markers."""
    different = len(STYLES)
    turned = (STYLES[(number + number // different) % different] for number in range(count))
    return [(STYLES[number % different][0], *style[1:]) for number, style in enumerate(turned)]
