"""Ridge and lasso on real data: paths, held-out errors, and the balls of their constraints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from chainrule.learning.chart import Chart, Series
from chainrule.learning.data_sets import measured_table
from chainrule.learning.explanation import Demonstration
from chainrule.learning.regularisation.effects import descended
from chainrule.learning.regularisation.path import Path, path
from chainrule.learning.regularisation.shrinkage import augmented

Array = npt.NDArray[np.float64]
DATA = "diabetes"
#: Share of the rows that the path is found on, and strengths of a demonstration.
TRAINED, COUNT = 0.6, 30
#: The picture of the balls: correlated columns, and the radius.
RADIUS, ROWS = 1.0, 60


def diabetes() -> tuple[Array, Array, tuple[str, ...]]:
    """Ten measurements of 442 patients, and the progression of the disease a year later."""
    table = {name: np.asarray(column, dtype=np.float64) for name, column in measured_table(DATA).items()}
    y = table.pop("target")
    return np.column_stack(list(table.values())), y, tuple(table)


def path_of(name: str, count: int = 60) -> Path:
    """The path of ridge or lasso on all patients."""
    X, y, columns = diabetes()
    return path(name, data={"X": X, "y": y}, scale=True, names=columns, count=count)


def ridge_picture() -> Chart:
    """Ridge's path."""
    return path_of("ridge").chart()


def lasso_picture() -> Chart:
    """Lasso's path."""
    return path_of("lasso").chart()


def held_out(name: str) -> Callable[[int], Demonstration]:
    """Fits to some patients, errors on the others, by strength."""

    def run(seed: int) -> Demonstration:
        X, y, columns = diabetes()
        order = np.random.default_rng(seed).permutation(len(y))
        split = int(TRAINED * len(y))
        train, test = order[:split], order[split:]
        mean, deviation = X[train].mean(axis=0), X[train].std(axis=0)
        data = {"X": (X[train] - mean) / deviation, "y": y[train] - y[train].mean()}
        found = path(name, data=data, names=columns, count=COUNT)
        rest = (y[test] - y[train].mean())[:, None] - (X[test] - mean) / deviation @ found.values.T
        return _told(found, np.mean(rest**2, axis=0).tolist(), split, len(test))

    return run


def _told(found: Path, errors: list[float], fitted: int, tested: int) -> Demonstration:
    best = int(np.argmin(errors))
    zeros = [int(np.sum(w == 0)) for w in found.values]
    lines = [f"{fitted} patients fitted, {tested} held out", "     lam     norm  zeros  error on held out"]
    for place in sorted({*np.linspace(0, len(errors) - 1, 7).astype(int), best}):
        mark = "  smallest" if place == best else ""
        norm = float(np.linalg.norm(found.values[place]))
        lines.append(f"{found.strengths[place]:8.4g} {norm:8.4g} {zeros[place]:6d} {errors[place]:12.1f}{mark}")
    numbers = {"best": float(found.strengths[best]), "error": errors[best], "error without penalty": errors[-1],
               "zeros": float(zeros[best])}  # fmt: skip
    return Demonstration("\n".join(lines), numbers)


def balls() -> Chart:
    """The smallest error within a diamond and within a disc of one radius, with the level lines through it."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(ROWS, 2)) @ np.array([[1.0, 0.5], [0.0, 0.8]])
    y = X @ np.array([1.6, 0.5]) + 0.3 * rng.normal(size=ROWS)
    least = np.linalg.lstsq(X, y, rcond=None)[0]
    corner = _within(lambda strength: descended(X, y, strength), lambda w: float(np.abs(w).sum()))
    round_one = _within(lambda strength: augmented(X, y, strength), lambda w: float(np.linalg.norm(w)))
    turn = np.linspace(0, 2 * np.pi, 181)
    diamond = RADIUS * np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 0.0]]).T
    series = (
        _line("sum |w| = 1", diamond), _line("norm(w) = 1", RADIUS * np.array([np.cos(turn), np.sin(turn)])),
        _line("error of lasso", _level(X, y, least, corner)), _line("error of ridge", _level(X, y, least, round_one)),
        Series("lasso", (float(corner[0]),), (float(corner[1]),), "points"),
        Series("ridge", (float(round_one[0]),), (float(round_one[1]),), "points"),
        Series("least squares", (float(least[0]),), (float(least[1]),), "points"),
    )  # fmt: skip
    return Chart("The smallest error within a ball", "w[0]", "w[1]", series, equal=True)


def _line(label: str, points: Array) -> Series:
    return Series(label, tuple(map(float, points[0])), tuple(map(float, points[1])))


def _within(minimum: Callable[[float], Array], size: Callable[[Array], float]) -> Array:
    """The minimum whose size is the radius, by bisection over the strength."""
    low, high = 0.0, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if size(minimum(middle)) > RADIUS else (low, middle)
    return minimum(high)


def _level(X: Array, y: Array, least: Array, through: Array) -> Array:
    """The ellipse of coefficients with the same error as a point."""
    values, vectors = np.linalg.eigh(X.T @ X)
    level = float((through - least) @ X.T @ X @ (through - least))
    turn = np.linspace(0, 2 * np.pi, 181)
    circle = np.array([np.cos(turn), np.sin(turn)]) * np.sqrt(level / values)[:, None]
    return np.asarray(least[:, None] + vectors @ circle)
