"""Curves for terminals: lines of braille letters, each two dots wide and four high."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.derive.pictures.curve import Curve, Tangent
from chainrule.derive.pictures.drawing import limits
from chainrule.derive.pictures.features import Array

#: The bit of each dot of a letter, by row and column.
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
FIRST = 0x2800


def terminal(name: str, curves: Sequence[Curve], tangent: Tangent | None, size: tuple[int, int]) -> str:
    """Every curve in a frame of its own, under its formula; the tangent in words."""
    frames = ["\n".join(_framed(name, curve, size)) for curve in curves]
    if tangent:
        frames[0] += f"\ntangent at {name} = {tangent.x:.4g}: value {tangent.y:.4g}, slope {tangent.slope:.4g}"
    return "\n\n".join(frames)


def _framed(name: str, curve: Curve, size: tuple[int, int]) -> Iterator[str]:
    width, height = size
    low, high = limits([curve])
    labels = {0: f"{high:.3g}", height - 1: f"{low:.3g}"}
    margin = max(map(len, labels.values()))
    yield f"{curve.symbol} = {curve.text}"
    for number, row in enumerate(letters(curve.x, curve.y, (low, high), (width, height))):
        yield f"{labels.get(number, ''):>{margin}} {'┤' if number in labels else '│'}{row}".rstrip()
    yield f"{'':{margin}} └{'─' * width}"
    start, stop = f"{curve.x[0]:.4g}", f"{curve.x[-1]:.4g}"
    yield f"{'':{margin}}  {start}{name:^{max(len(name), width - len(start) - len(stop))}}{stop}"
    for what, points in (("kink", curve.kinks), ("no value", curve.holes)):
        if points:
            yield f"{what} at {name} = {', '.join(f'{place:.4g}' for place, _ in points)}"
    if curve.poles:
        yield f"pole at {name} = {', '.join(f'{place:.4g}' for place in curve.poles)}"


def letters(x: Array, y: Array, limits: tuple[float, float], size: tuple[int, int]) -> list[str]:
    """A broken line as rows of braille letters, the top one first."""
    width, height = size
    low, high = limits
    grid = np.zeros((height, width), dtype=int)
    across = (x - x[0]) / (x[-1] - x[0]) * (2 * width - 1)
    up = (high - y) / (high - low) * (4 * height - 1)
    for number in range(len(x) - 1):
        a, b = up[number], up[number + 1]
        if np.isfinite(a) and np.isfinite(b):
            count = max(1, round(min(max(abs(b - a), across[number + 1] - across[number]), 8 * height)))
            for part in np.linspace(0, 1, count + 1):
                column = round(across[number] + part * (across[number + 1] - across[number]))
                row = round(a + part * (b - a))
                if 0 <= row < 4 * height:
                    grid[row // 4, column // 2] |= DOTS[row % 4][column % 2]
    return ["".join(chr(FIRST + bits) if bits else " " for bits in row) for row in grid.tolist()]
