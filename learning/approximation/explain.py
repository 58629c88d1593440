"""Why a hidden layer is enough, and what depth buys: the two constructions line by line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from chainrule.derive.render.page import Shown
from chainrule.learning.approximation.network import STAIRCASE, approximate
from chainrule.learning.chart import Chart, Series
from chainrule.learning.explanation import Demonstration, Explanation, Move, Part
from chainrule.learning.fitting.fit import fit

Array = npt.NDArray[np.float64]

#: What the picture and the demonstration approximate.
EXAMPLE, INTERVAL, ERROR = "x: real; sin(3*x)*exp(-x/2)", (0.0, 4.0), 0.2
#: An error that a picture can show.
DRAWN = 0.6
#: A trained network and its samples; the trained one has far fewer units than the construction needs.
TRAINED = "x, y: real[n]; v, a, u: real[h]; c: real; mean((tanh(x[:, None]*v[None, :] + a[None, :]) @ u + c - y)^2)"
HIDDEN, SAMPLES, STEPS = 12, 200, 2000
#: Compositions of the tent map in the picture.
DEPTH = 4

_M, _H = Shown("M", "M"), Shown("h", "h")


def universal_approximation() -> Explanation:
    """One hidden layer of relu units, or of steep sigmoids, within any error of a function with bounded slope."""
    return Explanation(
        Shown("Universal approximation on an interval", ""),
        (
            Part("A function with slopes up to M", (
                Move(Shown("|f(x) - f(y)| <= M*|x - y|", r"|f(x) - f(y)| \le M |x - y|"), (),
                     ("The mean value theorem, with ", _M, " the largest slope on the interval from a to b."),
                     _checked(_lipschitz_gap)),
            )),
            Part("A hidden layer of relu units", _interpolant()),
            Part("Its error in a cell, at x = (1 - s)*t[k] + s*t[k+1]", _error_of_interpolant()),
            Part("How many units", _number_of_units()),
            *_staircase(),
        ),
        ("A continuous function without a bound on its slope has cells small enough as well, by uniform continuity.",
         "Source: Cybenko (1989) for sigmoids in any dimension; the construction here is for one."),
    )  # fmt: skip


def _interpolant() -> tuple[Move, ...]:
    return (
        Move(Shown("(b - a)/N", r"\frac{b - a}{N}"), (_H,), ("Knots t[k] = a + k*h cut the interval into N cells.",)),
        Move(Shown("(f(t[k+1]) - f(t[k]))/h", r"\frac{f(t_{k+1}) - f(t_k)}{h}"), (Shown("m[k]", "m_k"),),
             ("The slope of the chord over a cell.",)),
        Move(Shown("f(a) + m[0]*relu(x - t[0]) + sum_{k=1..N-1} (m[k] - m[k-1])*relu(x - t[k])",
                   r"f(a) + m_0 \operatorname{relu}(x - t_0) + \sum_{k=1}^{N-1} (m_k - m_{k-1})"
                   r" \operatorname{relu}(x - t_k)"),
             (Shown("p(x)", "p(x)"),),
             ("Each unit changes the slope at its knot: the line through all (t[k], f(t[k])).",),
             _checked(_interpolation_gap)),
    )  # fmt: skip


def _error_of_interpolant() -> tuple[Move, ...]:
    return (
        Move(Shown("|f(x) - p(x)| = |(1 - s)*(f(x) - f(t[k])) + s*(f(x) - f(t[k+1]))|",
                   r"|f(x) - p(x)| = |(1 - s) (f(x) - f(t_k)) + s (f(x) - f(t_{k+1}))|"), (),
             ("p is linear in the cell, and the weights sum to one.",), _checked(_weights_gap)),
        Move(Shown("<= (1 - s)*M*s*h + s*M*(1 - s)*h = 2*s*(1 - s)*M*h",
                   r"\le (1 - s) M s h + s M (1 - s) h = 2 s (1 - s) M h"), (),
             ("The knots are s*h and (1 - s)*h away.",), _checked(_cell_gap)),
        Move(Shown("<= M*h/2", r"\le \tfrac{1}{2} M h"), (),
             (Shown("2*s*(1 - s) <= 1/2", r"2 s (1 - s) \le \tfrac{1}{2}"), "."), _checked(_half_gap)),
    )  # fmt: skip


def _number_of_units() -> tuple[Move, ...]:
    return (
        Move(Shown("ceil(M*(b - a)/(2*eps))", r"\left\lceil \frac{M (b - a)}{2 \varepsilon} \right\rceil"),
             (Shown("N", "N"),), ("Then M*h/2 is at most the error eps.",)),
    )  # fmt: skip


def _staircase() -> tuple[Part, ...]:
    return (
        Part("With steep sigmoids instead", (
            Move(Shown("f(a) + sum_k (f(t[k+1]) - f(t[k]))*sigmoid(10*(x - (t[k] + t[k+1])/2)/h)",
                       r"f(a) + \sum_k (f(t_{k+1}) - f(t_k))\, \sigma\left(\frac{10}{h}"
                       r" \left(x - \frac{t_k + t_{k+1}}{2}\right)\right)"),
                 (Shown("q(x)", "q(x)"),), ("A staircase with a step in the middle of each cell.",)),
        )),
        Part("Their error", (
            Move(Shown("|f(x) - q(x)| <= M*h/2 + M*h/2 + 2*M*h*exp(-5)/(1 - exp(-10))",
                       r"|f(x) - q(x)| \le \tfrac{1}{2} M h + \tfrac{1}{2} M h"
                       r" + \frac{2 M h\, e^{-5}}{1 - e^{-10}}"), (),
                 ("Half a cell to the nearest knot, half a step where a sigmoid is at 1/2, and the tails of the "
                  "others: a geometric series on each side.",), _checked(_staircase_gap)),
            Move(Shown(f"<= {STAIRCASE:.4f}*M*h", rf"\le {STAIRCASE:.4f}\, M h"), (), ("About twice as many units.",)),
        )),
    )  # fmt: skip


def picture() -> Chart:
    """A function and its approximants by relu units and by steep sigmoids."""
    relu, steep = (approximate(EXAMPLE, INTERVAL, DRAWN, unit) for unit in ("relu", "sigmoid"))
    lines = (*relu.chart().series, steep.chart().series[1])
    return Chart(f"Within {DRAWN:g} of a function", "x", "", lines)


def demonstration(seed: int) -> Demonstration:
    """The construction measured, and a small network trained on derived gradients beside it."""
    numbers: dict[str, float] = {}
    lines = []
    for unit in ("relu", "sigmoid"):
        made = approximate(EXAMPLE, INTERVAL, ERROR, unit)
        numbers[f"{unit} units"], numbers[f"{unit} error"] = float(made.units), made.measured
        lines.append(f"{made.units} {unit} units: guaranteed {made.bound:.3g}, measured {made.measured:.3g}")
    generator = np.random.default_rng(seed)
    x = np.linspace(*INTERVAL, SAMPLES)
    y = np.sin(3 * x) * np.exp(-x / 2)
    start = {"v": generator.normal(scale=2, size=HIDDEN), "a": generator.uniform(-6, 6, size=HIDDEN),
             "u": generator.normal(scale=0.3, size=HIDDEN)}  # fmt: skip
    found = fit(TRAINED, ["v", "a", "u", "c"], data={"x": x, "y": y}, start=start, sizes={"h": HIDDEN}, steps=STEPS)
    w = found.values
    off = float(np.max(np.abs(np.tanh(np.outer(x, w["v"]) + w["a"]) @ w["u"] + w["c"] - y)))
    numbers["trained error"] = off
    lines.append(f"{HIDDEN} tanh units trained on {SAMPLES} samples: at most {off:.3g} off, after {found.steps} steps")
    return Demonstration("\n".join(lines), numbers)


# ---- depth -----------------------------------------------------------------------------------------------------


def depth() -> Explanation:
    """A sawtooth with as many teeth as two to the power of the depth."""
    return Explanation(
        Shown("What depth buys: the sawtooth", ""),
        (
            Part("The tent map on 0 <= x <= 1", (
                Move(Shown("2*relu(x) - 4*relu(x - 1/2)",
                           r"2 \operatorname{relu}(x) - 4 \operatorname{relu}(x - \tfrac{1}{2})"),
                     (Shown("g(x)", "g(x)"),), ("Two units: up from 0 to 1, and down again from 1/2 on.",),
                     _checked(_tent_gap)),
            )),
            Part("Composed k times", (
                Move(Shown("g(g_{k-1}(x))", "g(g_{k-1}(x))"), (Shown("g_k(x)", "g_k(x)"),),
                     ("Each half of the interval is mapped onto the whole, so every tooth becomes two.",)),
                Move(Shown("2^k", "2^k"), (Shown("linear pieces of g_k", r"\text{linear pieces of } g_k"),),
                     ("Twice as many with every layer, which has two units.",), _pieces_gap),
            )),
            Part("With one hidden layer", (
                Move(Shown("2^k - 1 units at least", r"2^k - 1 \text{ units at least}"), (),
                     ("The slope of a layer of relu units changes at most once for each unit.",)),
            )),
        ),
        ("Source: Telgarsky, Benefits of depth in neural networks (2016).",),
    )  # fmt: skip


def sawtooth() -> Chart:
    """The tent map and its compositions."""
    grid = np.linspace(0, 1, 1 + 2**8)
    lines = [Series("", tuple(grid), tuple(_composed(grid, DEPTH)))]
    return Chart(f"{2 * DEPTH} units in {DEPTH} layers: {2**DEPTH} pieces", "x", "g(g(..g(x)))", tuple(lines))


def _tent(x: Array) -> Array:
    return np.asarray(2 * np.maximum(x, 0) - 4 * np.maximum(x - 0.5, 0))


def _composed(x: Array, times: int) -> Array:
    for _ in range(times):
        x = _tent(x)
    return x


def _pieces_gap() -> float:
    """The pieces counted on a grid that holds every knot."""
    gaps = []
    for times in range(1, 7):
        grid = np.linspace(0, 1, 1 + 2 ** (times + 2))
        slopes = np.diff(_composed(grid, times))
        gaps.append(abs(1 + int(np.sum(np.abs(np.diff(slopes)) > 1e-9)) - 2**times))
    return float(max(gaps))


# ---- checks ------------------------------------------------------------------------------------------------------


def _checked(gap: Callable[[np.random.Generator], float]) -> Callable[[], float]:
    return lambda: max(gap(np.random.default_rng(seed)) for seed in range(5))


def _wave(generator: np.random.Generator) -> tuple[Callable[[Array], Array], float]:
    """A random smooth function and a bound of its slope, by hand."""
    rates, sizes = generator.uniform(1, 5, size=3), generator.normal(size=3)
    return lambda x: np.sin(np.multiply.outer(x, rates)) @ sizes, float(np.abs(rates * sizes).sum())


def _lipschitz_gap(generator: np.random.Generator) -> float:
    f, slope = _wave(generator)
    x, y = generator.uniform(0, 3, size=(2, 500))
    return float(np.max(np.maximum(np.abs(f(x) - f(y)) - slope * np.abs(x - y), 0)))


def _interpolation_gap(generator: np.random.Generator) -> float:
    f, _ = _wave(generator)
    knots, x = np.linspace(0, 3, 8), np.sort(generator.uniform(0, 3, size=200))
    slopes = np.diff(f(knots)) / np.diff(knots)
    layer = f(knots)[0] + np.maximum(x[:, None] - knots[:-1], 0) @ np.diff(slopes, prepend=0.0)
    return float(np.max(np.abs(layer - np.interp(x, knots, f(knots)))))


def _weights_gap(generator: np.random.Generator) -> float:
    f, _ = _wave(generator)
    left, right, s = 0.4, 0.9, generator.uniform(size=100)
    x = (1 - s) * left + s * right
    ends = f(np.array([left, right]))
    told = np.abs((1 - s) * (f(x) - ends[0]) + s * (f(x) - ends[1]))
    return float(np.max(np.abs(told - np.abs(f(x) - np.interp(x, [left, right], ends)))))


def _cell_gap(generator: np.random.Generator) -> float:
    f, slope = _wave(generator)
    s = generator.uniform(size=100)
    ends = f(np.array([0.4, 0.9]))
    off = np.abs(f((1 - s) * 0.4 + s * 0.9) - (1 - s) * ends[0] - s * ends[1])
    return float(np.max(np.maximum(off - 2 * s * (1 - s) * slope * 0.5, 0)))


def _staircase_gap(generator: np.random.Generator) -> float:
    f, slope = _wave(generator)
    knots, x = np.linspace(0, 3, 30), generator.uniform(0, 3, size=500)
    h = knots[1] - knots[0]
    steps = 1 / (1 + np.exp(-10 * (x[:, None] - (knots[:-1] + knots[1:]) / 2) / h))
    off = np.abs(f(knots)[0] + steps @ np.diff(f(knots)) - f(x))
    return float(np.max(np.maximum(off - slope * h * (1 + 2 * np.exp(-5) / (1 - np.exp(-10))), 0)))


def _half_gap(generator: np.random.Generator) -> float:
    s = generator.uniform(size=1000)
    return float(np.max(np.maximum(2 * s * (1 - s) - 0.5, 0)))


def _tent_gap(generator: np.random.Generator) -> float:
    x = generator.uniform(size=1000)
    return float(np.max(np.abs(_tent(x) - (1 - np.abs(2 * x - 1)))))
