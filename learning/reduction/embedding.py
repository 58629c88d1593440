"""``tsne``: a map of data in which near points stay near, by descent on a divergence through its derived kernel.

Source: van der Maaten and Hinton, Visualizing Data using t-SNE (2008).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import xlogy

from chainrule.derive.errors import InputError, LimitError
from chainrule.kernels.kernel import Kernel, kernel
from chainrule.learning.chart import Chart
from chainrule.learning.reduction.components import components_of
from chainrule.learning.reduction.measured import Measured, groups, measured
from chainrule.learning.reduction.neighbours import agreement, conditional, joint, trustworthiness

Array = npt.NDArray[np.float64]
#: The divergence without the part that does not depend on the map; alpha exaggerates the attraction.
OBJECTIVE = (
    "alpha: positive; P: nonnegative[n,n]; Y: real[n,d]; D_ij = Σ_k (Y_ik - Y_jk)^2; "
    "Z = Σ_{k≠l} 1/(1 + D_kl); alpha*sum(P*log(1 + D)) + log(Z)"
)
#: Rows up to which every pair is looked at in every step.
MOST_ROWS = 5000
#: How much the attraction is exaggerated at first, and for how many steps, as published; more of it draws the points
#: together until rounding decides what becomes of them.
EXAGGERATION, EARLY = 4.0, 50
#: Momentum early and late.
MOMENTA = (0.5, 0.8)
#: Gains of the rate of a coordinate whose slope keeps its sign or changes it, and the least rate.
FASTER, SLOWER, LEAST = 0.2, 0.8, 0.01
#: The largest entry of the gradient at which the descent ends.
FLAT = 1e-9
START = 1e-4
#: Steps between two records of the divergence.
EVERY = 50
NEIGHBOURS = 10

Progress = Callable[[int, float], None]


@dataclass(frozen=True, eq=False)
class Embedding:
    """A map of data.

    Attributes:
        data: the rows, standardised if that was asked for.
        points: where each row is on the map.
        similarities: ``P``, symmetric with sum one.
        precisions: ``beta`` of every row, ``1/(2 sigma^2)``.
        perplexity: how many neighbours every row has, in effect.
        divergences: steps and the divergence after them.
        slope: the largest entry of the gradient at the end.
    """

    data: Measured
    points: Array
    similarities: Array
    precisions: Array
    perplexity: float
    divergences: tuple[tuple[int, float], ...]
    slope: float

    @property
    def divergence(self) -> float:
        """``KL(P || Q)`` at the end, in nats."""
        return self.divergences[-1][1]

    @property
    def neighbours(self) -> int:
        """How many neighbours the report looks at."""
        return min(NEIGHBOURS, max(1, (len(self.points) - 1) // 2))

    def trustworthiness(self, neighbours: int | None = None) -> float:
        """How few neighbours on the map are no neighbours in the data, from 0 to 1."""
        return trustworthiness(self.data.values, self.points, neighbours or self.neighbours)

    def agreement(self, neighbours: int | None = None) -> float | None:
        """The share of the nearest neighbours on the map that have the same label, if there are labels."""
        labels = self.data.labels
        return agreement(self.points, labels, neighbours or self.neighbours) if labels else None

    def text(self) -> str:
        """The report."""
        n, d = self.data.values.shape
        k = self.neighbours
        lines = [
            f"{n} rows, {d} column{'s' if d > 1 else ''}, perplexity {self.perplexity:g}", "", "step  divergence",
            *(f"{step:4d}{value:12.5f}" for step, value in self._told()), "",
            f"gradient         largest entry {self.slope:.1e}",
            f"trustworthiness  {self.trustworthiness():.4f} of {k} neighbours",
        ]  # fmt: skip
        same = self.agreement()
        if same is not None:
            chance = agreement_by_chance(self.data.labels)
            lines.append(f"same label       {same:.4f} of {k} neighbours, by chance {chance:.4f}")
        return "\n".join(lines)

    def _told(self) -> tuple[tuple[int, float], ...]:
        every = max(1, len(self.divergences) // 5)
        return (*self.divergences[:-1][::every], self.divergences[-1])

    def to_dict(self) -> dict[str, Any]:
        """The map as plain data."""
        return {
            "points": self.points.tolist(), "labels": list(self.data.labels), "perplexity": self.perplexity,
            "precisions": self.precisions.tolist(), "divergence": self.divergence,
            "divergences": [list(pair) for pair in self.divergences], "slope": self.slope,
            "trustworthiness": self.trustworthiness(), "agreement": self.agreement(),
        }  # fmt: skip

    def chart(self) -> Chart:
        """The map, in a colour for each label."""
        if self.points.shape[1] != 2:
            raise InputError("a map is drawn in the plane", expected="two components", found=str(self.points.shape[1]))
        title = f"t-SNE of {len(self.points)} rows, perplexity {self.perplexity:g}, KL = {self.divergence:.3f}"
        return Chart(title, "first coordinate", "second coordinate", groups(self.points, self.data.labels), equal=True)


def agreement_by_chance(labels: Sequence[str]) -> float:
    """The share of pairs with the same label."""
    counts = np.unique(np.asarray(labels), return_counts=True)[1]
    return float(np.sum(counts * (counts - 1)) / (len(labels) * (len(labels) - 1)))


def tsne(
    X: Any, components: int = 2, *, perplexity: float = 30.0, steps: int = 1000, rows: int | None = None,
    columns: Sequence[str] = (), label: str | None = None, labels: Sequence[Any] | None = None,
    standardise: bool = False, seed: int = 0, progress: Progress | None = None,
) -> Embedding:  # fmt: skip
    """A map of data by t-SNE: ``Y`` that makes ``KL(P || Q)`` small.

    ``p_ij`` says how near the rows are, with a bandwidth for every row so that it has ``perplexity`` neighbours in
    effect; ``q_ij`` is ``1/(1 + |y_i - y_j|^2)`` over the sum of all.  The descent follows the compiled gradient that
    ``chainrule explain tsne`` derives, with momentum and a rate for every coordinate; it starts at the principal
    components, with the attraction exaggerated.

    Args:
        X: as for :func:`pca`: an array with one row per example, the path of a table, or a data set of scikit-learn.
        components: the coordinates of the map.
        perplexity: between 1 and the number of rows less one; usually 5 to 50.
        steps: of the descent.
        rows: how many rows are drawn at random; all by default.
        columns: as for :func:`pca`.
        label: as for :func:`pca`.
        labels: as for :func:`pca`.
        standardise: as for :func:`pca`.
        seed: of the rows, and of a start where the data have fewer directions than the map.
        progress: is told the step and the divergence.

    Raises:
        InputError: a file, a number or an option that does not fit.
        LimitError: there are more rows than every pair of can be looked at.
        UnsupportedError: a data set of scikit-learn is asked for, which is not installed.
    """
    rng = np.random.default_rng(seed)
    data = _chosen(measured(X, columns=columns, label=label, labels=labels), rows, rng)
    if components < 1 or steps < 1:
        raise InputError("a map has at least one coordinate, a descent one step", found=f"{components}, {steps}")
    if len(data.values) > MOST_ROWS:
        raise LimitError(
            "so many rows are not compared pair by pair", expected=f"up to {MOST_ROWS}", found=str(len(data.values)),
            hint="rows=1000, or --rows 1000, draws some of them at random",
        )  # fmt: skip
    axes = components_of(data, standardise=standardise)
    data = replace(data, values=data.values / axes.scale)
    conditionals, precisions = conditional(data.values, perplexity)
    P = joint(conditionals)
    Y, divergences, slope = _descended(P, _start(axes.scores[:, : axes.rank], components, rng), steps, progress)
    return Embedding(data, Y, P, precisions, float(perplexity), divergences, slope)


def _chosen(data: Measured, rows: int | None, rng: np.random.Generator) -> Measured:
    n = len(data.values)
    if rows is None or rows == n:
        return data
    if not 4 <= rows <= n:
        raise InputError("so many rows cannot be drawn", expected=f"4 to {n}", found=str(rows))
    chosen = np.sort(rng.choice(n, size=rows, replace=False))
    return Measured(data.values[chosen], data.columns, tuple(data.labels[row] for row in chosen) if data.labels else ())


def _start(scores: Array, components: int, rng: np.random.Generator) -> Array:
    """The first principal components, small; random coordinates where there are too few."""
    known = scores[:, :components]
    more = rng.normal(size=(len(scores), components - known.shape[1])) * known[:, 0].std()
    return np.asarray(np.column_stack([known, more]) * START / known[:, 0].std())


@lru_cache(maxsize=1)
def objective() -> Kernel:
    """Value and gradient of the objective, derived and compiled."""
    return kernel(OBJECTIVE, "Y")


def divergence(P: Array, Y: Array) -> tuple[float, Array]:
    """``KL(P || Q)`` of a map and its gradient."""
    value, gradient = objective()(alpha=1.0, P=P, Y=Y)
    return float(value) + float(xlogy(P, P).sum()), np.asarray(gradient)


def _descended(
    P: Array, Y: Array, steps: int, progress: Progress | None
) -> tuple[Array, tuple[tuple[int, float], ...], float]:
    compiled = objective()
    rate = max(len(P) / 5, 50.0)
    velocity, gains = np.zeros_like(Y), np.ones_like(Y)
    told = [(0, divergence(P, Y)[0])]
    early = min(EARLY, steps // 4)
    for step in range(1, steps + 1):
        late = step > early
        _, gradient = compiled(alpha=1.0 if late else EXAGGERATION, P=P, Y=Y)
        gradient = np.asarray(gradient)
        gains = np.maximum(np.where(gradient * velocity < 0, gains + FASTER, gains * SLOWER), LEAST)
        velocity = MOMENTA[late] * velocity - rate * gains * gradient
        Y = Y + velocity
        flat = late and float(np.max(np.abs(gradient))) < FLAT
        if step % EVERY == 0 or step == steps or flat:
            told.append((step, divergence(P, Y)[0]))
            if progress:
                progress(*told[-1])
        if flat:
            break
    return Y - Y.mean(axis=0), tuple(told), float(np.max(np.abs(divergence(P, Y)[1])))
