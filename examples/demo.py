"""A tour on real data: derive, compile, verify, fit, compare.

Logistic regression of O-ring damage on temperature for the 23 flights of the Space Shuttle before
the Challenger accident (Dalal, Fowlkes and Hoadley 1989), then of iris species on petal and sepal
measurements (Anderson 1936, Fisher 1936).  The data sets are described in ``data/README.md``.
"""

from __future__ import annotations

import csv
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Both sides of the comparison run on one thread; BLAS reads this when NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

import chainrule as cr

Array = npt.NDArray[np.float64]
DATA = Path(__file__).resolve().parent / "data"

#: The model, as a textbook writes it; the first column of X is 1, so w[0] is the intercept.
MODEL = """\
X: real[n, d]; y: binary[n]; w: real[d]
p = sigmoid(X @ w)
-mean(y*log(p) + (1 - y)*log(1 - p))
"""

#: What statistics packages print for damage on temperature: coefficient, standard error.
PUBLISHED = {"intercept": (15.0429, 7.3786), "temperature": (-0.2322, 0.1082)}


def orings() -> tuple[Array, Array]:
    """Design matrix with a column of ones and the temperature in Fahrenheit; damage as 0 or 1."""
    table = np.loadtxt(DATA / "orings.csv", delimiter=",", skiprows=1)
    return np.column_stack([np.ones(len(table)), table[:, 0]]), table[:, 1]


def iris() -> tuple[Array, Array]:
    """Design matrix with a column of ones and four lengths in cm; 1 for virginica, 0 for versicolor."""
    with (DATA / "iris.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["species"] != "setosa"]
    lengths = [[float(value) for name, value in row.items() if name != "species"] for row in rows]
    target = [float(row["species"] == "virginica") for row in rows]
    return np.column_stack([np.ones(len(rows)), lengths]), np.array(target)


def heading(text: str) -> None:
    """A heading on standard output."""
    print(f"\n{text}\n{'-' * len(text)}\n")


def fit(kernel: cr.Kernel, X: Array, y: Array) -> Any:
    """Minimise with L-BFGS, value and gradient from the kernel."""
    return minimize(
        lambda w: kernel(X=X, y=y, w=w),
        np.zeros(X.shape[1]),
        jac=True,
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 2000, "maxcor": 20},
    )


def plain(X: Array, y: Array, w: Array) -> tuple[float, Array]:
    """The same loss in NumPy as the textbook writes it: infinite or NaN for large logits."""
    p = 1 / (1 + np.exp(-(X @ w)))
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))), X.T @ (p - y) / len(y)


def stable(X: Array, y: Array, w: Array) -> tuple[float, Array]:
    """The same loss in NumPy, rewritten by hand so that the value does not overflow."""
    z = X @ w
    return float(np.mean(np.logaddexp(0, z) - y * z)), X.T @ (1 / (1 + np.exp(-z)) - y) / len(y)


def medians(calls: dict[Callable[..., Any], Callable[[], Any]], rounds: int = 30) -> dict[Callable[..., Any], float]:
    """Median microseconds per call, measured in turn so that all meet the same conditions."""
    seconds: dict[Callable[..., Any], list[float]] = {function: [] for function in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for function, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[function].append(time.perf_counter() - start)
    return {function: 1e6 * statistics.median(values) for function, values in seconds.items()}


def derive(formula: cr.Formula) -> None:
    """Print the derivation of the gradient."""
    heading("1. The derivation")
    print(cr.gradient(formula, wrt="w").text())


def compile_(formula: cr.Formula) -> cr.Kernel:
    """Compile value and gradient; a second run finds them in the cache."""
    heading("2. The compiled function")
    X, y = orings()
    start = time.perf_counter()
    kernel = cr.kernel(formula, wrt="w")
    value, gradient = kernel(X=X, y=y, w=np.zeros(2))
    print(f"ready in {time.perf_counter() - start:.1f} s (compiled once, then read from the cache)")
    print(f"at w = 0: value {value:.12f} (log 2 = {np.log(2):.12f}), gradient {gradient}")
    return kernel


def verify(formula: cr.Formula) -> bool:
    """Check one right and one wrong gradient; whether the verdicts are as they must be."""
    heading("3. Two gradients derived by hand")
    verdicts = []
    for claim in ("X.T @ (p - y) / n", "X.T @ (y - p) / n"):
        verdict = cr.verify(formula, wrt="w", claim=claim)
        print(f"claim: {claim}\n{verdict.report()}\n")
        verdicts.append(verdict.verdict)
    return verdicts[0] in {"proved", "agrees"} and verdicts[1] == "refuted"


def fit_orings(kernel: cr.Kernel) -> bool:
    """Fit, print coefficients with standard errors; whether they are the published ones."""
    heading("4. The fit: O-ring damage by temperature, 23 flights")
    X, y = orings()
    result = fit(kernel, X, y)
    hessian = kernel.hessian(X=X, y=y, w=result.x)
    errors = np.sqrt(np.diag(np.linalg.inv(len(y) * hessian)))
    print(f"{'':12}{'coefficient':>12}{'std. error':>12}{'published':>20}")
    right = True
    for name, value, error in zip(PUBLISHED, result.x, errors, strict=True):
        known, known_error = PUBLISHED[name]
        print(f"{name:12}{value:12.4f}{error:12.4f}{known:12.4f} ({known_error:.4f})")
        right &= abs(value - known) < 1e-4 and abs(error - known_error) < 1e-3
    print(f"\n{result.nfev} evaluations; both agree with the published fit: {'yes' if right else 'NO'}")
    print(f"estimated chance of damage at 31 F, the morning of the accident: {chance(result.x, 31):.4f}")
    return right


def chance(w: Array, temperature: float) -> float:
    """The model's probability of damage."""
    return float(1 / (1 + np.exp(-(w[0] + w[1] * temperature))))


def fit_iris(kernel: cr.Kernel) -> bool:
    """Fit versicolor against virginica; whether the optimum was reached."""
    heading("5. The same function on other data: versicolor or virginica, 100 flowers")
    X, y = iris()
    result = fit(kernel, X, y)
    _, gradient = kernel(X=X, y=y, w=result.x)
    right = int(np.sum((X @ result.x > 0) == (y == 1)))
    print("coefficients:", np.round(result.x, 3))
    print(f"{right} of {len(y)} flowers on the right side; largest entry of the gradient {abs(gradient).max():.1e}")
    return bool(abs(gradient).max() < 1e-5)


def compare(kernel: cr.Kernel) -> None:
    """Time per evaluation of value and gradient, kernel against NumPy."""
    heading("6. Microseconds for value and gradient, one thread, median of interleaved rounds")
    X, y = iris()
    print(f"{'rows':>8}{'NumPy':>12}{'NumPy, stable':>16}{'kernel':>12}")
    for copies in (1, 100, 1000):
        times = medians(candidates(kernel, np.tile(X, (copies, 1)), np.tile(y, copies)))
        print(f"{len(y) * copies:8d}{times[plain]:12.1f}{times[stable]:16.1f}{times[kernel]:12.1f}")
    print("\n(the iris rows repeated)")


def candidates(kernel: cr.Kernel, X: Array, y: Array) -> dict[Callable[..., Any], Callable[[], Any]]:
    """What is compared, each with a call of it."""
    w = np.full(X.shape[1], 0.1)
    return {
        plain: lambda: plain(X, y, w),
        stable: lambda: stable(X, y, w),
        kernel: lambda: kernel(X=X, y=y, w=w),
    }


def main() -> int:
    """Run the tour; 0 if every check on the way held."""
    print("The model:\n\n" + "\n".join("    " + line for line in MODEL.splitlines()))
    formula = cr.formula(MODEL)
    derive(formula)
    kernel = compile_(formula)
    held = [verify(formula), fit_orings(kernel), fit_iris(kernel)]
    compare(kernel)
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
