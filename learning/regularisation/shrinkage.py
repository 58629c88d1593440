"""What ridge does: every singular direction of the data is shrunk by a factor of its own, line by line.

The start of each chain is the closed form that the engine finds for the loss.
Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 3.4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from chainrule.derive.goals import gradient
from chainrule.derive.render.page import Shown
from chainrule.derive.stationary import solve_stationary
from chainrule.learning.chains import Step, Text, chain, told
from chainrule.learning.chart import Chart, Series
from chainrule.learning.explanation import Demonstration, Explanation, Move, Part
from chainrule.learning.layers.stack import replaced

Array = npt.NDArray[np.float64]
RIDGE = "X: real[n, d]; y: real[n]; w: real[d]; lam: positive; norm(y - X @ w)^2 + lam*norm(w)^2"
DECOMPOSED = "U: orthonormal[n, d]; s: positive[d]; V: orthonormal[d, d]; y: real[n]; lam: positive"
SVD = "(U @ diag(s) @ V.T)"
WEIGHTS = "V @ diag(s/(s^2 + lam)) @ U.T @ y"
DEGREES = "sum(s^2/(s^2 + lam))"
#: Singular values of the picture, and strengths.
DRAWN = (10.0, 3.0, 1.0, 0.3)
SOURCE = "Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), eq. 3.47 to 3.50."


def closed_form() -> str:
    """Where the gradient of the ridge loss vanishes, found by the engine."""
    return solve_stationary(RIDGE, "w").solution["w"].matrix()


def decomposed(text: str) -> str:
    """A formula of the data with the singular value decomposition put in."""
    return replaced(text, {"X": SVD})


def shrinkage() -> Explanation:
    """Ridge by singular values: predictions, coefficients, effective degrees of freedom."""
    closed = closed_form()
    return Explanation(
        Shown("Ridge shrinks along the singular vectors", ""),
        (
            *_given(closed),
            *told(Shown("w", "w"), DECOMPOSED, decomposed(closed),
                  "X = U @ diag(s) @ V.T, the singular value decomposition.", _weights(), "The coefficients"),
            *told(Shown("X @ w", "X w"), DECOMPOSED, f"{SVD} @ {WEIGHTS}", "The coefficients put in.", _predictions(),
                  "The predictions"),
            Part("Direction by direction", (_sum_of_directions(), _against_least_squares()),
                 ("With u[j] and v[j] for the columns of U and V:",)),
            *chain(DECOMPOSED, "s^2/(s^2 + lam)", _factors(), "The factors"),
            *_degrees(),
        ),
        ("A direction with a large singular value nearly keeps its coefficient, one with s[j]^2 = lam keeps half of "
         "it, one along which the data hardly vary loses it.",
         "With the mean of the squares in place of their sum, n*lam stands for lam.", SOURCE),
    )  # fmt: skip


def _given(closed: str) -> tuple[Part, ...]:
    declarations, _, loss = RIDGE.rpartition("; ")
    slope = gradient(RIDGE, "w").result["w"].matrix()
    read = Text(declarations, loss).shown
    solution = Text(declarations, closed)
    return (
        Part("The closed form", (
            Move(read, (Shown("L", "L"),), ("The loss with its penalty.",)),
            Move(Text(declarations, slope).shown, (Shown("dL/dw", r"\frac{\partial L}{\partial w}"),),
                 ("The gradient.",), partial(_slope_gap, slope)),
            Move(solution.shown, (Shown("w", "w"),), ("Where it is zero.",), partial(_augmented_gap, closed)),
        )),
    )  # fmt: skip


def _weights() -> tuple[Step, ...]:
    return (
        ("=", "inv(V @ diag(s) @ U.T @ U @ diag(s) @ V.T + lam*eye(d)) @ V @ diag(s) @ U.T @ y",
         "A product is transposed factor by factor."),
        ("=", "inv(V @ diag(s^2) @ V.T + lam*eye(d)) @ V @ diag(s) @ U.T @ y", "U.T @ U = eye(d)."),
        ("=", "inv(V @ diag(s^2 + lam) @ V.T) @ V @ diag(s) @ U.T @ y", "eye(d) = V @ V.T."),
        ("=", "V @ diag(1/(s^2 + lam)) @ V.T @ V @ diag(s) @ U.T @ y", "V is orthogonal, the diagonal is inverted."),
        ("=", WEIGHTS, "V.T @ V = eye(d)."),
    )  # fmt: skip


def _predictions() -> tuple[Step, ...]:
    return (
        ("=", "U @ diag(s) @ diag(s/(s^2 + lam)) @ U.T @ y", "V.T @ V = eye(d)."),
        ("=", "U @ diag(s^2/(s^2 + lam)) @ U.T @ y", "Diagonals multiply entry by entry."),
    )


def _sum_of_directions() -> Move:
    return Move(
        Shown("sum_j u[j] * s[j]^2/(s[j]^2 + lam) * (u[j] @ y)",
              r"\sum_j u_j\, \frac{s_j^2}{s_j^2 + \lambda}\, u_j^{\top} y"),
        (Shown("X @ w", "X w"),), ("The projections of y on the directions, each shrunk.",), _checked(_directions_gap),
    )  # fmt: skip


def _against_least_squares() -> Move:
    return Move(
        Shown("s[j]^2/(s[j]^2 + lam) * (v[j] @ w0)", r"\frac{s_j^2}{s_j^2 + \lambda}\, v_j^{\top} w_0"),
        (Shown("v[j] @ w", r"v_j^{\top} w"),), ("w0 are the coefficients of least squares, lam = 0.",),
        _checked(_least_squares_gap),
    )  # fmt: skip


def _factors() -> tuple[Step, ...]:
    return (("=", "1 - lam/(s^2 + lam)", "lam is added and taken away."), ("<=", "ones(d)", "lam is positive."))


def _degrees() -> tuple[Part, ...]:
    change = gradient(f"s: positive[d]; lam: positive; {DEGREES}", "lam").result["lam"].matrix()
    declarations = "s: positive[d]; lam: positive"
    return (
        *told(Shown("df", r"\mathrm{df}"), DECOMPOSED, "trace(U @ diag(s^2/(s^2 + lam)) @ U.T)",
              "The trace of the matrix that makes the predictions of y.", (
            ("=", "trace(U.T @ U @ diag(s^2/(s^2 + lam)))", "Factors go round in a trace."),
            ("=", DEGREES, "U.T @ U = eye(d)."),
        ), "Effective degrees of freedom"),
        Part("How they vary", (
            Move(Text(declarations, change).shown, (Shown("d(df)/dlam", r"\frac{d\, \mathrm{df}}{d \lambda}"),),
                 ("They fall from d at lam = 0, least squares, to 0.",), partial(_change_gap, change)),
        )),
    )  # fmt: skip


# ---- pictures and numbers --------------------------------------------------------------------------------------


def picture() -> Chart:
    """The factor of a direction by the strength, for several singular values."""
    strengths = np.geomspace(1e-3, 1e4, 200)
    x = tuple(map(float, strengths))
    series = [Series(f"s = {s:g}", x, tuple(s**2 / (s**2 + strengths))) for s in DRAWN]
    series.append(Series("degrees of freedom / d", x, tuple(np.mean([line.y for line in series], axis=0))))
    return Chart("What ridge leaves of each direction", "lam", "s^2/(s^2 + lam)", tuple(series), x_scale="log")


def demonstration(seed: int) -> Demonstration:
    """The factors measured on random data: ridge's coefficients over those of least squares, direction by direction."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 4)) * np.array([3.0, 1.0, 0.3, 0.1])
    y = X @ rng.normal(size=4) + rng.normal(size=40)
    _, s, right = np.linalg.svd(X, full_matrices=False)
    least = np.linalg.lstsq(X, y, rcond=None)[0]
    lines, numbers = [], {}
    for strength in (0.1, 1.0, 10.0, 100.0):
        w = np.linalg.solve(X.T @ X + strength * np.eye(4), X.T @ y)
        measured, told = right @ w / (right @ least), s**2 / (s**2 + strength)
        numbers[f"gap at {strength:g}"] = float(np.max(np.abs(measured - told)))
        numbers[f"df at {strength:g}"] = float(told.sum())
        factors = ", ".join(f"{factor:.3f}" for factor in measured)
        lines.append(f"lam = {strength:<5g} factors measured {factors}; degrees of freedom {told.sum():.3f}")
    sizes = ", ".join(f"{value:.3g}" for value in s)
    return Demonstration("\n".join([f"singular values {sizes}", *lines]), numbers)


# ---- checks: in doubles, on random data, by other means than the text's ----------------------------------------


def _checked(gap: Callable[[np.random.Generator], float]) -> Callable[[], float]:
    return lambda: max(gap(np.random.default_rng(seed)) for seed in range(4))


def _problem(rng: np.random.Generator) -> tuple[Array, Array, float]:
    return rng.normal(size=(7, 3)), rng.normal(size=7), float(rng.uniform(0.1, 3))


def augmented(X: Array, y: Array, strength: float) -> Array:
    """Ridge as least squares with more rows: the square root of the strength times the identity, with targets 0."""
    rows = X.shape[1]
    tall = np.vstack([X, np.sqrt(strength) * np.eye(rows)])
    return np.asarray(np.linalg.lstsq(tall, np.concatenate([y, np.zeros(rows)]), rcond=None)[0])


def relative(found: object, wanted: object) -> float:
    """The largest difference, relative to the size of what is wanted."""
    a, b = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    return float(np.max(np.abs(a - b)) / (1 + np.max(np.abs(b))))


def _slope_gap(slope: str) -> float:
    """The gradient against central differences, which are exact for a quadratic."""
    rng = np.random.default_rng(0)
    (X, y, strength), w = _problem(rng), rng.normal(size=3)

    def loss(at: Array) -> float:
        return float(np.sum((y - X @ at) ** 2) + strength * np.sum(at**2))

    wanted = [(loss(w + unit) - loss(w - unit)) / 2 for unit in np.eye(3)]
    return relative(_value(slope, X=X, y=y, w=w, lam=strength), wanted)


def _augmented_gap(closed: str) -> float:
    X, y, strength = _problem(np.random.default_rng(1))
    return relative(_value(closed, X=X, y=y, w=np.zeros(3), lam=strength), augmented(X, y, strength))


def _value(text: str, **arrays: object) -> Array:
    return np.asarray(Text(RIDGE.rpartition("; ")[0], text).formula.evaluate(**arrays))


def _directions_gap(rng: np.random.Generator) -> float:
    X, y, strength = _problem(rng)
    left, s, _ = np.linalg.svd(X, full_matrices=False)
    told = sum(left[:, j] * s[j] ** 2 / (s[j] ** 2 + strength) * (left[:, j] @ y) for j in range(3))
    return relative(told, X @ augmented(X, y, strength))


def _least_squares_gap(rng: np.random.Generator) -> float:
    X, y, strength = _problem(rng)
    _, s, right = np.linalg.svd(X, full_matrices=False)
    least = np.linalg.lstsq(X, y, rcond=None)[0]
    return relative(s**2 / (s**2 + strength) * (right @ least), right @ augmented(X, y, strength))


def _change_gap(change: str) -> float:
    """The slope of the degrees of freedom by a complex step."""
    rng = np.random.default_rng(2)
    s, strength, tiny = rng.uniform(0.5, 2, size=4), 0.7, 1e-30
    wanted = np.sum(s**2 / (s**2 + strength + tiny * 1j)).imag / tiny
    return relative(Text("s: positive[d]; lam: positive", change).formula.evaluate(s=s, lam=strength), wanted)
