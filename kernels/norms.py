"""The source of a norm: the root of a sum of squares, computed anew where that sum left its range."""

from __future__ import annotations

from collections.abc import Sequence

#: Between these a sum of squares has lost nothing that matters.
RANGE = {"float64": (1e-280, 1e290), "float32": (1e-30, 1e36)}


def norm_lines(
    name: str, squares: str, size: str, loops: Sequence[tuple[str, str]], dtype: str, scratch: Sequence[str]
) -> list[str]:
    """Lines that assign a norm to ``name``, each with its indentation.

    ``squares`` is the source of the sum of squares, ``size`` that of one term without its square,
    inside ``loops`` (variable and length); ``scratch`` are three names that are free.  The largest
    term is taken out of the sum (Hammarling, in LAPACK's dnrm2).
    """
    largest, total, term = scratch
    low, high = RANGE[dtype]
    single = "f32({})" if dtype == "float32" else "{}"
    heads = [f"{'    ' * depth}for {variable} in range({length}):" for depth, (variable, length) in enumerate(loops)]
    inside = "    " * len(loops)
    rescaled = [
        f"{largest} = 0.0",
        *heads,
        f"{inside}{term} = abs(float({size}))",
        f"{inside}if {term} > {largest} or {term} != {term}:",
        f"{inside}    {largest} = {term}",
        f"{total} = 1.0",
        f"if 0.0 < {largest} < np.inf:",
        f"    {total} = 0.0",
        *(f"    {head}" for head in heads),
        f"    {inside}{total} += (float({size}) / {largest}) ** 2",
        f"{name} = {single.format(f'{largest} * math.sqrt({total})')}",
    ]
    return [
        f"{name} = {single.format(f'math.sqrt({squares})')}",
        f"if not {low} < {squares} < {high}:",
        *(f"    {line}" for line in rescaled),
    ]
