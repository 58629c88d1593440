"""Equations, limits and lists of them, put together from what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr

from chainrule.derive.narrative.symbols import shown
from chainrule.derive.program import Definition, Index, Program, free_index, fresh_names
from chainrule.derive.render.page import Note, Shown

NOTHING = Shown("0", "0")
INFINITY = Shown("oo", r"\infty")


def value_shown(program: Program, value: Expr, shape: Sequence[Expr] = ()) -> Shown:
    """An expression over the free indices of a shape, in the notation of results."""
    name = next(fresh_names(program.by_name, "value"))
    definition = Definition(name, tuple(shape), value, origin="adjoint")
    return shown(program.with_definitions((*program.definitions, definition), [name]), name)


def entries_shown(program: Program, definition: Definition, value: Expr) -> Shown:
    """An expression in the indices of a definition, free and bound, as an array over those that it has."""
    used = [index for index in definition.lengths if value.has(index)]
    moved: dict[Index, Index] = {index: free_index(n) for n, index in enumerate(used)}
    return value_shown(program, value.xreplace(moved), [definition.lengths[index] for index in used])


def related(left: Shown, sign: str, latex: str, right: Shown) -> Shown:
    """Two sides with a sign between them."""
    return Shown(f"{left.text} {sign} {right.text}", lambda: f"{left.latex} {latex} {right.latex}")


def tends(left: Shown, right: Shown) -> Shown:
    """``a -> b``."""
    return related(left, "->", r"\to", right)


def equal(*sides: Shown) -> Shown:
    """``a = b = c``."""
    return Shown(" = ".join(side.text for side in sides), lambda: " = ".join(side.latex for side in sides))


def listed(parts: Sequence[Shown]) -> Shown:
    """``a, b``."""
    return Shown(", ".join(part.text for part in parts), lambda: r",\quad ".join(part.latex for part in parts))


def times(left: Shown, right: Shown) -> Shown:
    """A number times something."""
    if left.text in ("1", "-1"):
        sign = left.text[:-1]
        return Shown(f"{sign}{right.text}", lambda: f"{sign}{right.latex}")
    return Shown(f"{left.text}*{right.text}", lambda: rf"{left.latex} \, {right.latex}")


def reduction(function: str, inner: Shown, axes: Sequence[int] = ()) -> Shown:
    """A sum or mean over all entries, or along axes: ``sum(a, axis=1)``."""
    where = f"axis={axes[0] if len(axes) == 1 else tuple(axes)}" if axes else ""
    text = f"{function}({inner.text}, {where})" if where else f"{function}({inner.text})"
    below = rf"_{{\mathrm{{axis}}{where[4:]}}}" if where else ""
    return Shown(text, lambda: rf"\operatorname{{{function}}}{below}\left({inner.latex}\right)")


def inner_product(left: Shown, right: Shown, shape: Sequence[Expr]) -> Shown:
    """The sum of the products of the entries of two arrays."""
    if not shape:
        return times(left, right)
    if len(shape) == 1:
        return Shown(f"{left.text} @ {right.text}", lambda: rf"{left.latex}^\top {right.latex}")
    if len(shape) == 2 and shape[0] == shape[1]:
        trace = rf"\operatorname{{tr}}\left({left.latex}^\top {right.latex}\right)"
        return Shown(f"trace({left.text}.T @ {right.text})", trace)
    return reduction("sum", Shown(f"{left.text}*{right.text}", lambda: rf"{left.latex} \odot {right.latex}"))


def choice(names: Sequence[Shown], word: str) -> Note:
    """``a``, ``a or b``, ``a, b or c``."""
    parts: list[str | Shown] = []
    for n, name in enumerate(names):
        parts += ["" if n == 0 else f" {word} " if n == len(names) - 1 else ", ", name]
    return tuple(parts[1:])
