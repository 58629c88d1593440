"""The squared distance of two points with independent coordinates, by the algebra of expectations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sympy import Expr, Symbol, limit, oo, simplify, sqrt

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.render.page import Shown
from chainrule.learning.chart import Chart, Series
from chainrule.learning.expectation.derive import Expectation, expectation
from chainrule.learning.expectation.joint import FROZEN
from chainrule.learning.expectation.nodes import Covariance, Expect, Variance, has
from chainrule.learning.expectation.writing import shown
from chainrule.learning.explanation import Demonstration, Explanation, Move, Part

SQUARED = "sum_i (x_i - y_i)^2"
POINTS = "i = 1..d; x_i, y_i independent"
#: Coordinates with any distribution, by their moments; ``k`` is the kurtosis.
MOMENTS = "E[{0}_i] = mu; Var[{0}_i] = s^2; E[({0}_i - mu)^4] = k*s^4"
DIMENSIONS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
PAIRS = 2000
#: A dimension that is as good as infinite for a check.
LARGE = 1e26


def concentration(law: str = "") -> Explanation:
    """Mean, variance and relative contrast of the squared distance of two points in ``d`` dimensions.

    Args:
        law: the distribution of every coordinate, such as ``normal(0, s^2)`` or ``uniform(0, 1)``; if there is none,
            any one with mean ``mu``, variance ``s^2`` and kurtosis ``k``.

    Raises:
        NotationError, InputError: the distribution is not understood.
    """
    mean, variance = squared_distance(law)
    # Scales are positive as they stand, so that their roots are plain.
    signs = {item: Symbol(item.name, positive=True) for item in mean.right.free_symbols | variance.right.free_symbols}
    contrast = simplify(sqrt(simplify(variance.right / mean.right**2).xreplace(signs)))
    parts = [*mean.parts[:1], *(_titled(part, "Mean") for part in mean.parts[1:-1])]
    parts += [_titled(part, "Variance") for part in variance.parts[1:-1]]
    quotient, goes = _contrast(mean, variance, contrast)
    parts += [Part("Relative contrast", (quotient,)), Part("Many dimensions", (goes,))]
    remark = "The squared distance of every pair of points is nearly its mean in many dimensions: no point is near."
    title = Shown("Squared distance of two points in d dimensions", r"\text{Squared distance of two points in } d")
    return Explanation(title, tuple(parts), (remark,))


def squared_distance(law: str = "") -> tuple[Expectation, Expectation]:
    """The derivations of mean and variance of the squared distance."""
    if ";" in law or "\n" in law:
        raise InputError("one distribution is expected here", found=law)
    known = [f"{name}_i ~ {law}" if law.strip() else MOMENTS.format(name) for name in "xy"]
    given = "; ".join([POINTS, *known])
    found = expectation(f"E[{SQUARED}]", given), expectation(f"Var[{SQUARED}]", given)
    if any(has(item.right, Expect, Variance, Covariance) or item.right == 0 for item in found):
        raise UnsupportedError("these coordinates have no variance to speak of", found=law)
    return found


def _titled(part: Part, what: str) -> Part:
    return replace(part, title=f"{what} of the squared distance" if part.title == "Derivation" else part.title)


def _contrast(mean: Expectation, variance: Expectation, contrast: Expr) -> tuple[Move, Move]:
    """Standard deviation over mean, and where it goes."""
    quotient = Shown("sqrt(Var)/E", r"\frac{\sqrt{\operatorname{Var}}}{\mathbb{E}}")
    d = Symbol("d", positive=True)
    names = sorted(item.name for item in variance.right.free_symbols | mean.right.free_symbols)
    numbers = {**dict(zip(names, NUMBERS, strict=False)), "d": 7.0}
    left = variance.value(**numbers) ** 0.5 / mean.value(**numbers)
    found = contrast.subs({item: numbers[item.name] for item in contrast.free_symbols})
    small = abs(float(contrast.subs({item: numbers[item.name] for item in contrast.free_symbols - {d}} | {d: LARGE})))
    bound = limit(contrast, d, oo)
    goes = rf"\frac{{\sqrt{{\operatorname{{Var}}}}}}{{\mathbb{{E}}}} \to {bound}"
    return (
        Move(shown(contrast), (quotient,), ("Both by what was derived.",),
             lambda: _rounded(abs(left - float(found)))),
        Move(Shown(f"sqrt(Var)/E -> {bound} as d grows", goes), (),
             ("The mean grows as d, the standard deviation as its root.",), lambda: _rounded(small)),
    )  # fmt: skip


#: Numbers for constants, in the order of their names; probabilities may be among them.
NUMBERS = (0.3, 0.55, 0.7, 0.85)


def _rounded(difference: float) -> float:
    return difference if difference > 1e-12 else 0.0


def simulated(law: str, arguments: tuple[float, ...], dimension: int, rng: np.random.Generator) -> tuple[float, float]:
    """Mean and standard deviation of the squared distance of random pairs."""
    frozen = FROZEN[law](*arguments)
    left, right = (frozen.rvs((PAIRS, dimension), random_state=rng) for _ in range(2))
    squared = ((left - right) ** 2).sum(1)
    return float(squared.mean()), float(squared.std())


LAWS: dict[str, tuple[float, ...]] = {"normal": (0.0, 1.0), "uniform": (0.0, 1.0)}


def _derived(law: str, dimension: int) -> tuple[float, float]:
    numbers = ", ".join(f"{value:g}" for value in LAWS[law])
    mean, variance = squared_distance(f"{law}({numbers})")
    return mean.value(d=dimension), variance.value(d=dimension) ** 0.5


def picture() -> Chart:
    """The relative contrast falls as one over the root of the dimension."""
    rng = np.random.default_rng(0)
    x = tuple(map(float, DIMENSIONS))
    series, points = [], []
    for law in LAWS:
        mean, deviation = _derived(law, 1)
        series.append(Series(f"{law}, derived", x, tuple(deviation / mean / d**0.5 for d in x)))
        measured = (simulated(law, LAWS[law], dimension, rng) for dimension in DIMENSIONS)
        points += [found / middle for middle, found in measured]
    series.append(Series("simulated", x * len(LAWS), tuple(points), "points"))
    label = "standard deviation / mean of squared distance"
    return Chart("Distances of random points grow alike", "dimension d", label, tuple(series), "log", "log")


def demonstration(seed: int) -> Demonstration:
    """Derived and simulated moments side by side."""
    rng = np.random.default_rng(seed)
    lines, numbers = ["law          d      mean  simulated   deviation  simulated   contrast"], {}
    for law, arguments in LAWS.items():
        base = _derived(law, 1)
        for d in (1, 10, 100, 1000):
            mean, deviation = base[0] * d, base[1] * d**0.5
            found = simulated(law, arguments, d, rng)
            figures = f"{mean:10.3f}{found[0]:11.3f}{deviation:12.3f}{found[1]:11.3f}{deviation / mean:11.4f}"
            lines.append(f"{law:<8}{d:6d}{figures}")
            numbers[f"{law}, d={d}"] = found[0] / mean
            numbers[f"{law}, d={d}, deviation"] = found[1] / deviation
    return Demonstration("\n".join(lines), numbers)

