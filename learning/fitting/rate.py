"""The largest stable learning rate of gradient descent, and what it is for a straight line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from chainrule.derive.goals import hessian
from chainrule.derive.render.page import Shown
from chainrule.learning.chart import Chart, Series
from chainrule.learning.explanation import Demonstration, Explanation, Move, Part
from chainrule.learning.fitting.fit import fit

Array = npt.NDArray[np.float64]

LINE = "x, y: real[n]; w, b: real; y_pred = w*x + b; mean((y - y_pred)^2)"
#: Rates of the demonstration and the picture, relative to the largest stable one.
RATES = (0.5, 0.95, 1.02)
STEPS = 60
#: Points at which each line is checked.
CHECKED = 5


def explanation() -> Explanation:
    """Why gradient descent is stable below ``2/(largest eigenvalue of the Hessian)``, and that rate for a line."""
    return Explanation(
        Shown("Learning rate of gradient descent", ""),
        (
            Part("Near a minimum", _near_a_minimum()), Part("Stability", _stability()),
            Part("For the line w*x + b and squared errors", _for_a_line()),
        ),
        ("A loss that is not quadratic has this limit near a minimum; elsewhere its curvature differs.",),
    )


def _near_a_minimum() -> tuple[Move, ...]:
    """One step in terms of the error ``e = w - w*``, for a quadratic loss, direction by direction."""
    return (
        Move(
            Shown("w[t] - eta*grad L(w[t])", r"w_t - \eta \nabla L(w_t)"), (Shown("w[t+1]", "w_{t+1}"),),
            ("A step of gradient descent.",),
        ),
        Move(
            Shown("H @ e[t]", "H e_t"), (Shown("grad L(w[t])", r"\nabla L(w_t)"),),
            ("The gradient is zero at the minimum and linear near it, with the error ", Shown("e[t] = w[t] - w*",
             "e_t = w_t - w^*"), "."), _checked(_gradient_gap),
        ),
        Move(
            Shown("(I - eta*H) @ e[t]", r"(I - \eta H) e_t"), (Shown("e[t+1]", "e_{t+1}"),),
            ("Take the minimum away from both sides.",), _checked(_step_gap),
        ),
        Move(
            Shown("(1 - eta*lam)^t c[0]", r"(1 - \eta \lambda)^t c_0"), (Shown("c[t]", "c_t"),),
            ("Along an eigenvector of the Hessian with eigenvalue ", Shown("lam", r"\lambda"), "."),
            _checked(_power_gap),
        ),
    )  # fmt: skip


def _stability() -> tuple[Move, ...]:
    return (
        Move(
            Shown("eta < 2/lam_max", r"\eta < \frac{2}{\lambda_{\max}}"), (),
            ("Every error shrinks if ", Shown("|1 - eta*lam| < 1", r"|1 - \eta \lambda| < 1"),
             " for every eigenvalue."),
        ),
    )  # fmt: skip


def _for_a_line() -> tuple[Move, ...]:
    derived = hessian(LINE, ["w", "b"]).result
    keys = ("w", "w,b", "b")
    symbols = (
        Shown("d2L/dw2", r"\frac{\partial^2 L}{\partial w^2}"),
        Shown("d2L/dwdb", r"\frac{\partial^2 L}{\partial w \partial b}"),
        Shown("d2L/db2", r"\frac{\partial^2 L}{\partial b^2}"),
    )
    blocks = tuple(
        Move(Shown(derived[key].matrix(), derived[key].latex()), (symbol,), ("Differentiate twice.",))
        for key, symbol in zip(keys, symbols, strict=True)
    )
    return (
        *blocks,
        Move(
            Shown("1 + mean(x^2) + sqrt((mean(x^2) - 1)^2 + 4*mean(x)^2)",
                  r"1 + \overline{x^2} + \sqrt{\left(\overline{x^2} - 1\right)^2 + 4 \bar{x}^2}"),
            (Shown("lam_max", r"\lambda_{\max}"),),
            ("The larger root of the characteristic polynomial ", Shown("lam^2 - tr(H)*lam + det(H) = 0",
             r"\lambda^2 - \operatorname{tr}(H) \lambda + \det H = 0"), "."), _checked(_eigenvalue_gap),
        ),
        Move(
            Shown("2/lam_max", r"\frac{2}{\lambda_{\max}}"), (Shown("eta_max", r"\eta_{\max}"),),
            ("So large a rate no longer shrinks the error along its eigenvector.",),
        ),
    )  # fmt: skip


def largest_rate(x: Array) -> float:
    """``2/lam_max`` of the mean squared error of a line through points at ``x``."""
    square, mean = float(np.mean(x**2)), float(np.mean(x))
    return 2 / (1 + square + float(np.sqrt((square - 1) ** 2 + 4 * mean**2)))


def picture() -> Chart:
    """The loss by step for rates below and above the largest stable one."""
    data = _points(0)
    limit = largest_rate(data["x"])
    series = []
    for share in RATES:
        found = fit(LINE, ["w", "b"], data=data, method="gradient", rate=share * limit, steps=STEPS)
        steps = tuple(map(float, range(len(found.losses))))
        series.append(Series(f"{share:g} of the limit {limit:.3g}", steps, found.losses))
    return Chart("Gradient descent below and above its limit", "step", "loss", tuple(series), y_scale="log")


def demonstration(seed: int) -> Demonstration:
    """Descents on random points with rates below and above the limit."""
    data = _points(seed)
    limit = largest_rate(data["x"])
    numbers, lines = {"limit": limit}, [f"largest stable rate 2/lam_max = {limit:.6g}"]
    for share in RATES:
        found = fit(LINE, ["w", "b"], data=data, method="gradient", rate=share * limit, steps=STEPS)
        first, last = found.losses[0], found.losses[-1]
        numbers[f"loss at {share:g}"] = last
        lines.append(f"rate {share:g} of it: loss {first:.4g} -> {last:.4g} in {found.steps} steps")
    return Demonstration("\n".join(lines), numbers)


def _points(seed: int) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    x = generator.uniform(-1, 3, size=20)
    return {"x": x, "y": 2 * x + 1 + generator.normal(scale=0.3, size=20)}


# ---- checks: each on quadratics and points of its own, by other means than the text's ---------------------


def _checked(gap: Callable[[np.random.Generator], float]) -> Callable[[], float]:
    """The largest gap at a few random instances."""
    return lambda: max(gap(np.random.default_rng(seed)) for seed in range(CHECKED))


def _quadratic(generator: np.random.Generator) -> tuple[Array, Array, Array]:
    """A positive definite Hessian, a minimum, and a point."""
    factor = generator.normal(size=(3, 3))
    return factor @ factor.T + np.eye(3), generator.normal(size=3), generator.normal(size=3)


def _slope(H: Array, minimum: Array, w: Array) -> Array:
    """The gradient of ``(w - w*).T H (w - w*)/2`` by central differences, which are exact for a quadratic."""
    units = np.eye(len(w))
    return np.array([(_loss(H, w + unit - minimum) - _loss(H, w - unit - minimum)) / 2 for unit in units])


def _loss(H: Array, error: Array) -> float:
    return float(error @ H @ error / 2)


def _gradient_gap(generator: np.random.Generator) -> float:
    H, minimum, w = _quadratic(generator)
    return _relative(_slope(H, minimum, w), H @ (w - minimum))


def _step_gap(generator: np.random.Generator) -> float:
    H, minimum, w = _quadratic(generator)
    after = w - 0.1 * _slope(H, minimum, w)
    return _relative(after - minimum, (np.eye(3) - 0.1 * H) @ (w - minimum))


def _power_gap(generator: np.random.Generator) -> float:
    H, minimum, w = _quadratic(generator)
    values, vectors = np.linalg.eigh(H)
    rate, point = 1.5 / values[-1], w
    for _ in range(4):
        point = point - rate * _slope(H, minimum, point)
    return _relative(vectors.T @ (point - minimum), (1 - rate * values) ** 4 * (vectors.T @ (w - minimum)))


def _eigenvalue_gap(generator: np.random.Generator) -> float:
    x = generator.normal(size=6)
    H = 2 * np.array([[np.mean(x**2), np.mean(x)], [np.mean(x), 1]])
    return _relative(np.array(2 / largest_rate(x)), np.linalg.eigvalsh(H)[-1])


def _relative(found: Array, wanted: Array) -> float:
    return float(np.max(np.abs(found - wanted)) / (1 + np.max(np.abs(wanted))))
