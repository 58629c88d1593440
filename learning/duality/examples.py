"""Duals that the topics show, a support vector machine on real flowers among them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.learning.chart import Chart, Series
from chainrule.learning.data_sets import data_set
from chainrule.learning.duality.dual import Solved
from chainrule.learning.duality.duals import dual
from chainrule.learning.explanation import Demonstration, Explanation

RIDGE = "X: real[n, d]; y: real[n]; w: real[d]; lam: positive; norm(X @ w - y)^2/2 + lam/2*norm(w)^2"
LASSO = "X: real[n, d]; y: real[n]; w: real[d]; lam: positive; norm(X @ w - y)^2/2 + lam*sum(|w|)"
MACHINE = (
    "X: real[n, d]; y: pm1[n]; w: real[d]; b: real; C: positive; "
    "norm(w)^2/2 + C*sum(maximum(0, 1 - y*(X @ w + b)))"
)  # fmt: skip
#: Columns of the data set iris that are looked at: the length and the width of the petals.
PETAL = (2, 3)
#: Share of C by which a dual variable differs from 0 or C.
NEAR = 1e-5


def ridge() -> Explanation:
    """Ridge regression by inner products of samples."""
    return dual(RIDGE, "w").explanation()


def lasso() -> Explanation:
    """The lasso as a projection onto a polyhedron."""
    return dual(LASSO, "w").explanation()


def machine() -> Explanation:
    """The support vector machine."""
    return dual(MACHINE, "w,b").explanation()


def kernel_ridge(seed: int) -> Demonstration:
    """Ridge regression with more weights than samples, by both formulas."""
    rng = np.random.default_rng(seed)
    X, lam = rng.normal(size=(20, 500)), 2.0
    y = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=20)
    found = dual(RIDGE, "w").solve(X=X, y=y, lam=lam)
    direct = np.linalg.solve(X.T @ X + lam * np.eye(500), X.T @ y)
    gap = float(np.max(np.abs(found.unknowns["w"] - direct)))
    text = [
        "20 samples, 500 weights", "dual:   a system of 20 equations, w = X.T @ a / lam",
        "primal: a system of 500 equations", f"largest difference of the weights: {gap:.1e}",
        f"duality gap: {found.gap:.1e}",
    ]  # fmt: skip
    return Demonstration("\n".join(text), {"difference": gap, "gap": found.gap})


def sparse(seed: int) -> Demonstration:
    """The lasso solved by its dual: which constraints are active tells which weights are not zero."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 8))
    y = 3 * X[:, 0] - 2 * X[:, 1] + 0.5 * rng.normal(size=40)
    lam = 20.0
    found = dual(LASSO, "w").solve(X=X, y=y, lam=lam)
    reached = np.abs(X.T @ found.dual)
    pairs = enumerate(zip(reached, found.unknowns["w"], strict=True))
    rows = [f"{n}  {value:8.4f}  {weight:8.4f}" for n, (value, weight) in pairs]
    text = [f"lam = {lam:g}", "", "j  |X' a|_j       w_j", *rows, "", f"duality gap {found.gap:.1e}"]
    kept = float(np.sum(np.abs(found.unknowns["w"]) > NEAR))
    return Demonstration("\n".join(text), {"weights": kept, "gap": found.gap})


def _petals() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], tuple[str, ...]]:
    """Two kinds of iris that overlap, by their petals."""
    flowers = data_set("iris")
    chosen = flowers.labels > 0
    return flowers.features[chosen][:, PETAL], np.where(flowers.labels[chosen] == 2, 1.0, -1.0), flowers.classes[1:]


@lru_cache(maxsize=1)
def _solved(C: float = 1.0) -> Solved:
    X, y, _ = _petals()
    return dual(MACHINE, "w,b").solve(X=X, y=y, C=C)


def _kinds(a: Any, C: float = 1.0) -> tuple[Any, Any]:
    """Samples on the margin, and those inside of it or misclassified."""
    return (a > NEAR * C) & (a < C * (1 - NEAR)), a >= C * (1 - NEAR)


def flowers(seed: int) -> Demonstration:
    """A support vector machine on two kinds of iris, by its dual; the samples are drawn in another order by seed."""
    X, y, classes = _petals()
    order = np.random.default_rng(seed).permutation(y.size)
    found = dual(MACHINE, "w,b").solve(X=X[order], y=y[order], C=1.0)
    w, b = found.unknowns["w"], found.unknowns["b"]
    on, inside = _kinds(found.dual)
    right = float(np.mean(np.sign(X @ w + b) == y))
    text = [
        f"{classes[0]} and {classes[1]} by length and width of the petals, {y.size} flowers, C = 1", "",
        f"w = {np.round(w, 4)}, b = {b:.4f}", f"margin 2/|w| = {2 / np.linalg.norm(w):.4f} cm",
        f"support vectors: {int(on.sum())} on the margin (0 < a < C), {int(inside.sum())} inside of it (a = C)",
        f"{y.size - int(on.sum() + inside.sum())} flowers do not matter (a = 0)", f"right: {right:.0%}",
        f"duality gap {found.gap:.1e}",
    ]  # fmt: skip
    numbers = {"w1": float(w[0]), "w2": float(w[1]), "b": float(b), "support": float(on.sum() + inside.sum()),
               "accuracy": right, "gap": found.gap}  # fmt: skip
    return Demonstration("\n".join(text), numbers)


def margin() -> Chart:
    """The flowers, the line between them, its margin and the support vectors."""
    X, y, classes = _petals()
    found = _solved()
    w, b = np.asarray(found.unknowns["w"]), float(found.unknowns["b"])
    on, inside = _kinds(found.dual)
    rest = ~(on | inside)
    series = [
        Series(f"{classes[n]}", *_points(X[rest & (y == sign)]), kind="points") for n, sign in enumerate((-1.0, 1.0))
    ]
    series += [Series("on the margin, 0 < a < C", *_points(X[on]), kind="points"),
               Series("inside, a = C", *_points(X[inside]), kind="points")]  # fmt: skip
    ends = np.array([X[:, 0].min() - 0.1, X[:, 0].max() + 0.1])
    for level, label in ((0.0, "m = 0"), (1.0, "m = 1 for " + classes[1]), (-1.0, "m = 1 for " + classes[0])):
        heights = (level - b - w[0] * ends) / w[1]
        low, high = X[:, 1].min() - 0.2, X[:, 1].max() + 0.2
        x = np.clip(ends, *sorted((level - b - w[1] * np.array([low, high])) / w[0]))
        heights = (level - b - w[0] * x) / w[1]
        series.append(Series(label, tuple(map(float, x)), tuple(map(float, heights))))
    return Chart("Support vectors of two kinds of iris", "length of petal, cm", "width of petal, cm", tuple(series))


def _points(rows: npt.NDArray[np.float64]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(map(float, rows[:, 0])), tuple(map(float, rows[:, 1]))
