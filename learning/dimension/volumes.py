"""Volumes in many dimensions: the ball in its cube, the shell of a ball, the cells of a grid."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, gamma, pi

import numpy as np
from scipy.integrate import quad

from chainrule.derive.render.page import Shown
from chainrule.learning.chart import Chart, Series
from chainrule.learning.explanation import Demonstration, Explanation, Move, Part

DIMENSIONS = tuple(range(1, 21))
#: Dimensions that lines are checked in.
CHECKED = (1, 2, 3, 5, 8)
WIDTH = 0.05
SAMPLES = 200_000
ROUNDING = 1e-12


def ball(dimension: float) -> float:
    """``pi^(d/2) / Gamma(d/2 + 1)``, the volume of the ball of radius 1."""
    return pi ** (dimension / 2) / gamma(dimension / 2 + 1)


def sliced(dimension: int) -> float:
    """The volume of the ball slice by slice: ``V_d = V_(d-1) int (1 - t^2)^((d-1)/2) dt``, by quadrature."""
    volume = 1.0
    for number in range(1, dimension + 1):
        volume *= quad(lambda angle, n=number: np.cos(angle) ** n, -pi / 2, pi / 2)[0]
    return volume


def shell(dimension: float, width: float) -> float:
    """``1 - (1 - width)^d``, the part of a ball that is within ``width`` of its surface."""
    return float(1 - (1 - width) ** dimension)


def _check(left: Callable[[int], float], right: Callable[[int], float]) -> Callable[[], float]:
    """How far two functions of the dimension differ, relative to the first."""

    def difference() -> float:
        worst = max(abs(left(d) - right(d)) / max(1e-300, abs(left(d))) for d in CHECKED)
        return worst if worst > ROUNDING else 0.0

    return difference


def _vanishes(far: Callable[[], float]) -> Callable[[], float]:
    """Whether what should be 0 in the limit is next to it far out."""

    def difference() -> float:
        return far() if far() > ROUNDING else 0.0

    return difference


def _gaussian(dimension: int) -> float:
    """The integral of ``exp(-|x|^2)`` over all coordinates, one by one."""
    return float(quad(lambda t: exp(-t * t), -np.inf, np.inf)[0] ** dimension)


def _radial(dimension: int) -> float:
    """The integral of ``exp(-r^2)`` over all radii times the surface, taken from slices."""
    radial = quad(lambda r: r ** (dimension - 1) * exp(-r * r), 0, np.inf)[0]
    return float(dimension * sliced(dimension) * radial)


def ball_in_cube() -> Explanation:
    """``V_d / 2^d = (pi/4)^(d/2) / Gamma(d/2 + 1)``: the ball fills next to nothing of its cube."""
    integral = Shown("integral of exp(-|x|^2)", r"\int e^{-\lVert x \rVert^{2}}")
    surface = (
        Move(Shown("pi^(d/2)", r"\pi^{d/2}"), (integral,),
             ("A product of d integrals over one coordinate, each sqrt(pi).",),
             _check(_gaussian, lambda d: pi ** (d / 2))),
        Move(Shown("d*V_d * integral of r^(d-1) exp(-r^2)", r"d \, V_{d} \int r^{d-1} e^{-r^{2}}"), (),
             ("In shells of radius r, whose area is that of the unit sphere, d*V_d, times r^(d-1).",),
             _check(_gaussian, _radial)),
        Move(Shown("V_d * d/2 * Gamma(d/2)", r"V_{d} \frac{d}{2} \Gamma(d/2)"), (),
             ("With u = r^2 the integral is Gamma(d/2)/2.",),
             _check(_radial, lambda d: sliced(d) * d / 2 * gamma(d / 2))),
        Move(Shown("V_d * Gamma(d/2 + 1)", r"V_{d} \Gamma(d/2 + 1)"), (), ("Gamma(t + 1) = t Gamma(t).",),
             _check(_radial, lambda d: sliced(d) * gamma(d / 2 + 1))),
    )  # fmt: skip
    volume = Move(Shown("pi^(d/2)/Gamma(d/2 + 1)", r"\frac{\pi^{d/2}}{\Gamma(d/2 + 1)}"), (Shown("V_d", "V_{d}"),),
                  ("The first line over the last.",), _check(sliced, ball))  # fmt: skip
    ratio = Move(Shown("(pi/4)^(d/2)/Gamma(d/2 + 1)", r"\frac{(\pi/4)^{d/2}}{\Gamma(d/2 + 1)}"),
                 (Shown("V_d/2^d", r"\frac{V_{d}}{2^{d}}"),), ("The cube around the ball has side 2.",),
                 _check(lambda d: sliced(d) / 2**d, lambda d: (pi / 4) ** (d / 2) / gamma(d / 2 + 1)))  # fmt: skip
    goes = Move(Shown("V_d/2^d -> 0 as d grows", r"\frac{V_{d}}{2^{d}} \to 0"), (),
                ("Gamma grows faster than any power, and pi/4 < 1.",),
                _vanishes(lambda: ball(300) / 2.0**300))  # fmt: skip
    parts = (Part("One integral in two ways", surface), Part("Volume", (volume,)),
             Part("Against the cube", (ratio,)), Part("Many dimensions", (goes,)))  # fmt: skip
    return Explanation(Shown("The ball in its cube", r"\text{The ball in its cube}"), parts,
                       ("V_d is the volume of the ball of radius 1 in d dimensions.",))  # fmt: skip


def mass_in_the_shell() -> Explanation:
    """``1 - (1 - e)^d >= 1 - exp(-e d)``: nearly all of a ball is near its surface."""
    inner = Move(Shown("(1 - e)^d", r"(1 - e)^{d}"), (Shown("V_d*(1 - e)^d/V_d", r"\frac{V_{d} (1 - e)^{d}}{V_{d}}"),),
                 ("Volumes grow as the d-th power of the radius.",),
                 _check(lambda d: sliced(d) * (1 - WIDTH) ** d / ball(d), lambda d: (1 - WIDTH) ** d))  # fmt: skip
    outer = Move(Shown("1 - (1 - e)^d", r"1 - (1 - e)^{d}"), (Shown("part of the shell", r"\text{part of the shell}"),),
                 ("The rest of the ball.",), _check(_integrated_shell, lambda d: shell(d, WIDTH)))  # fmt: skip
    bound = Move(Shown("1 - (1 - e)^d >= 1 - exp(-e*d)", r"1 - (1 - e)^{d} \ge 1 - e^{-e d}"), (),
                 ("1 - e <= exp(-e).",),
                 lambda: max(0.0, *(1 - exp(-WIDTH * d) - shell(d, WIDTH) for d in CHECKED)))  # fmt: skip
    goes = Move(Shown("1 - (1 - e)^d -> 1 as d grows", r"1 - (1 - e)^{d} \to 1"), (), ("For every width e > 0.",),
                _vanishes(lambda: 1 - shell(5000, WIDTH)))  # fmt: skip
    parts = (Part("Inner ball", (inner,)), Part("Shell of width e", (outer,)), Part("Many dimensions", (bound, goes)))
    return Explanation(Shown("The shell of a ball", r"\text{The shell of a ball}"), parts)


def _integrated_shell(dimension: int) -> float:
    """The part of the shell as an integral over radii."""
    return float(quad(lambda r: dimension * r ** (dimension - 1), 1 - WIDTH, 1)[0])


def cells() -> Explanation:
    """``(1/h)^d`` cells of width ``h``, and the side ``r^(1/d)`` of a cube that holds a part ``r`` of uniform data."""
    count = Move(Shown("(1/h)^d", r"(1/h)^{d}"), (Shown("cells", r"\text{cells}"),),
                 ("There are 1/h of them along each axis.",),
                 _check(lambda d: float(np.prod(np.full(d, 4.0))), lambda d: (1 / 0.25) ** d))  # fmt: skip
    samples = Move(Shown("m*(1/h)^d", r"m \, (1/h)^{d}"), (Shown("samples", r"\text{samples}"),),
                   ("For m in each cell on average.",),
                   _check(lambda d: 10.0 * np.prod(np.full(d, 4.0)), lambda d: 10.0 * 4.0**d))  # fmt: skip
    side = Move(Shown("r^(1/d)", "r^{1/d}"), (Shown("side", r"\text{side}"),),
                ("A cube of side a holds the part a^d of uniform data: a^d = r.",),
                _check(lambda d: 0.01, lambda d: float(np.prod(np.full(d, 0.01 ** (1 / d))))))  # fmt: skip
    goes = Move(Shown("r^(1/d) -> 1 as d grows", r"r^{1/d} \to 1"), (),
                ("A neighbourhood of few points reaches across the whole cube.",),
                _vanishes(lambda: 1 - 0.01 ** (1 / 1e13)))  # fmt: skip
    parts = (Part("Cells of width h", (count, samples)), Part("Neighbourhoods", (side,)),
             Part("Many dimensions", (goes,)))  # fmt: skip
    return Explanation(Shown("Sample sizes", r"\text{Sample sizes}"), parts)


def picture() -> Chart:
    """The ball's part of its cube, and the shell's part of the ball."""
    x = tuple(map(float, DIMENSIONS))
    series = (Series("ball / cube", x, tuple(ball(d) / 2**d for d in DIMENSIONS)),
              Series(f"shell of width {WIDTH} / ball", x, tuple(shell(d, WIDTH) for d in DIMENSIONS)),
              Series("ball / cube, simulated", *_simulated_points(0), "points"))  # fmt: skip
    return Chart("Volumes in many dimensions", "dimension d", "part of the volume", series)


def _simulated_points(seed: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    rng = np.random.default_rng(seed)
    shown = range(1, 13)
    return tuple(map(float, shown)), tuple(simulated(d, rng) for d in shown)


def simulated(dimension: int, rng: np.random.Generator) -> float:
    """The part of uniform points of the cube that lie in the ball."""
    points = rng.uniform(-1, 1, (SAMPLES // 10, dimension))
    return float(np.mean((points**2).sum(1) <= 1))


def volumes(seed: int) -> Demonstration:
    """Ball and cube, derived and simulated."""
    rng = np.random.default_rng(seed)
    lines, numbers = ["   d  ball/cube  simulated     shell"], {}
    for d in (1, 2, 3, 5, 8, 10):
        found = simulated(d, rng)
        lines.append(f"{d:4d}{ball(d) / 2**d:11.5f}{found:11.5f}{shell(d, WIDTH):10.4f}")
        numbers[f"d={d}"] = found - ball(d) / 2**d
    return Demonstration("\n".join(lines), numbers)


def occupied(seed: int) -> Demonstration:
    """How many cells of width 1/4 a thousand uniform points reach."""
    rng = np.random.default_rng(seed)
    lines, numbers = ["1000 points, 4 cells along each axis", "   d     cells  occupied"], {}
    for d in (1, 2, 3, 5, 8, 10):
        reached = len(np.unique((4 * rng.uniform(size=(1000, d))).astype(int), axis=0))
        lines.append(f"{d:4d}{4**d:10d}{reached / 4**d:10.4f}")
        numbers[f"d={d}"] = reached / 4**d
    return Demonstration("\n".join(lines), numbers)
