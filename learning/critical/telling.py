"""Critical points as an explanation: gradient, points, Hessians, and what follows, every line with its check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import sympy as sp
from sympy import CRootOf, Expr, Matrix, S, Symbol

from chainrule.derive.narrative.symbols import named
from chainrule.derive.render.page import Shown
from chainrule.learning.critical.classify import Nature
from chainrule.learning.critical.scalars import Scalars
from chainrule.learning.critical.trials import bend_along, gap, gradient_at, height, hessian_at
from chainrule.learning.explanation import Explanation, Move, Part

#: Characters up to which a value is printed exactly, and digits of what is longer.
MAX_EXACT, SHORT = 40, 6
SOURCE = "Source: Nocedal and Wright, Numerical Optimization (2006), theorems 2.2 to 2.4."


class Told(Protocol):
    """What is told of a critical point."""

    @property
    def values(self) -> tuple[tuple[Symbol, Expr], ...]:
        """The values of the entries."""

    @property
    def free(self) -> tuple[Symbol, ...]:
        """The entries that may have any value."""

    @property
    def unless(self) -> tuple[Expr, ...]:
        """What must not be zero."""

    @property
    def height(self) -> Expr:
        """The formula there."""

    @property
    def hessian(self) -> Matrix:
        """The second derivatives there."""

    @property
    def nature(self) -> Nature:
        """What it is."""


def told(whole: Scalars, gradient: Sequence[Expr], points: Sequence[Told], remarks: Sequence[str]) -> Explanation:
    """The explanation of the critical points of a formula."""
    text = f"Critical points of {whole.formula.matrix()} in {' and '.join(whole.wrt)}"
    parts = [Part("Gradient", tuple(_slopes(whole, gradient)), ("Every critical point makes all of these zero.",))]
    parts += [Part(_title(point), tuple(_moves(whole, point))) for point in points]
    latex = rf"\text{{Critical points of }} {whole.formula.latex()}"
    return Explanation(Shown(text, latex), tuple(parts), (*remarks, SOURCE))


def shown(expr: Expr) -> Shown:
    """A number exactly where that is short, else in decimals; other expressions as they are."""
    if expr.has(CRootOf, sp.Float) or (expr.is_number and len(str(expr)) > MAX_EXACT):
        decimals = str(sp.N(expr, SHORT, chop=True))
        return Shown(decimals, decimals)
    return Shown(str(expr), sp.latex(expr))


def _slopes(whole: Scalars, gradient: Sequence[Expr]) -> Iterator[Move]:
    output = whole.formula.output.name
    for n, (symbol, slope) in enumerate(zip(whole.symbols, gradient, strict=True)):
        left = Shown(f"d{output}/d{symbol}", rf"\partial {named(output).latex} / \partial {_latex(symbol)}")
        yield Move(shown(slope), (left,), (), partial(_slope_gap, whole, n, slope))


def _latex(symbol: Symbol) -> str:
    name, bracket, place = str(symbol).partition("[")
    return named(name).latex + (rf"_{{{place.rstrip(']')}}}" if bracket else "")


def _title(point: Told) -> str:
    values = ", ".join(f"{symbol} = {shown(value).text}" for symbol, value in point.values if symbol not in point.free)
    free = "".join(f", any {symbol}{_but_zero(point, symbol)}" for symbol in point.free)
    return f"{values}{free}: {_words(point.nature.kind)}"


def _but_zero(point: Told, symbol: Symbol) -> str:
    return " but 0" if any(bound.subs(symbol, 0) == 0 for bound in point.unless) else ""


def _words(kind: str) -> str:
    return {"undecided": "undecided by the second order"}.get(kind, kind)


def _moves(whole: Scalars, point: Told) -> Iterator[Move]:
    found, name = point.nature, whole.formula.output.name
    yield Move(shown(point.height), (named(name),), ("The value there; the gradient is zero.",),
               partial(_height_gap, whole, point))  # fmt: skip
    yield Move(_matrix(point.hessian), (Shown("H", "H"),), ("The Hessian there.",), partial(_hessian_gap, whole, point))
    if found.spectrum is not None:
        unless = "".join(f", where {bound} is not zero" for bound in found.unless)
        article = "an" if found.kind == "inflection point" else "a"
        text = f"{found.reason}: {article} {found.kind}{unless}." if found.kind != "undecided" else f"{found.reason}."
        left = (Shown("eigenvalues", r"\mathrm{eigenvalues}"),)
        yield Move(_counted(found.spectrum), left, (text,), partial(_sign_gap, whole, point))
    elif found.reason:
        yield Move(Shown(found.kind, rf"\text{{{found.kind}}}"), (), (f"{found.reason}.",))
    if found.direction:
        direction = f"({', '.join(map(str, found.direction))})"
        why = (f"negative along d = {direction}: a direction of negative curvature.",)
        yield Move(shown(found.slope), (Shown("d.T @ H @ d", r"d^\top H d"),), why, partial(_bend_gap, whole, point))


def _matrix(matrix: Matrix) -> Shown:
    rows = [[shown(matrix[i, j]) for j in range(matrix.cols)] for i in range(matrix.rows)]
    text = "[" + ", ".join("[" + ", ".join(entry.text for entry in row) + "]" for row in rows) + "]"
    body = r" \\ ".join(" & ".join(entry.latex for entry in row) for row in rows)
    return Shown(text, rf"\begin{{bmatrix}} {body} \end{{bmatrix}}")


def _counted(counts: tuple[int, int, int]) -> Shown:
    words = [f"{n} {word}" for n, word in zip(counts, ("positive", "negative", "zero"), strict=True) if n]
    text = ", ".join(words)
    return Shown(text, rf"\text{{{text}}}")


# ---- checks ----------------------------------------------------------------------------------------------------


def _numbers(whole: Scalars, place: Mapping[Symbol, Expr], seed: int = 1) -> dict[Symbol, Expr]:
    """Numbers for all symbols: what is free or not known is drawn."""
    rng = np.random.default_rng(seed)
    drawn = {symbol: sp.Rational(int(rng.integers(1, 9)), 4) for symbol in (*whole.others, *whole.symbols)}
    values = {symbol: place.get(symbol, symbol).subs(drawn) for symbol in whole.symbols}
    return {**drawn, **values}


def _arrays(whole: Scalars, numbers: Mapping[Symbol, Expr]) -> dict[str, Any]:
    return whole.arrays({symbol: float(sp.N(value, 30)) for symbol, value in numbers.items()})


def _places(whole: Scalars) -> list[tuple[str, tuple[int, ...]]]:
    found = []
    for symbol in whole.symbols:
        name, _, place = str(symbol).partition("[")
        found.append((name, tuple(int(n) for n in place.rstrip("]").split(",")) if place else ()))
    return found


def _slope_gap(whole: Scalars, n: int, slope: Expr) -> float:
    numbers = _numbers(whole, {})
    seen = gradient_at(whole.formula.program, _arrays(whole, numbers), _places(whole)[n : n + 1])
    return gap(seen, [float(sp.N(slope.subs(numbers)))])


def _at(whole: Scalars, point: Told) -> tuple[dict[Symbol, Expr], dict[str, Any]]:
    numbers = _numbers(whole, dict(point.values))
    return numbers, _arrays(whole, numbers)


def _height_gap(whole: Scalars, point: Told) -> float:
    numbers, arrays = _at(whole, point)
    slopes = gradient_at(whole.formula.program, arrays, _places(whole))
    value = height(whole.formula.program, arrays)
    return max(gap(float(value), float(sp.N(point.height.subs(numbers)))), gap(slopes, np.zeros(len(slopes))))


def _hessian_gap(whole: Scalars, point: Told) -> float:
    numbers, arrays = _at(whole, point)
    seen = hessian_at(whole.formula.program, arrays, _places(whole))
    wanted = np.array([[float(sp.N(entry.subs(numbers))) for entry in point.hessian.row(n)]
                       for n in range(point.hessian.rows)])  # fmt: skip
    return gap(seen, wanted)


def _sign_gap(whole: Scalars, point: Told) -> float:
    """0 if the eigenvalues by differences have these signs, else 1."""
    _, arrays = _at(whole, point)
    values = np.linalg.eigvalsh(hessian_at(whole.formula.program, arrays, _places(whole)))
    small = 1e-7 * max(1.0, float(np.max(np.abs(values))))
    counts = (int(np.sum(values > small)), int(np.sum(values < -small)), int(np.sum(np.abs(values) <= small)))
    return float(counts != point.nature.spectrum)


def _bend_gap(whole: Scalars, point: Told) -> float:
    numbers, arrays = _at(whole, point)
    steps: dict[str, Any] = {}
    for (name, axes), entry in zip(_places(whole), point.nature.direction, strict=True):
        steps.setdefault(name, np.zeros(np.shape(arrays[name])))[axes] += float(S(entry).subs(numbers))
    seen = bend_along(whole.formula.program, arrays, steps)
    wanted = float(sp.N(point.nature.slope.subs(numbers)))
    return gap(seen, wanted) if wanted < 0 else 1.0
