"""What kind of point a descent has ended at: the eigenvalues of the Hessian there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chainrule.learning.fitting.descent import Problem

Array = npt.NDArray[np.float64]
#: Unknowns up to which the Hessian is worked out, by differences of the gradient.
LARGEST = 60
#: The width of the differences relative to a point, best for central ones in double precision.
WIDTH = np.finfo(float).eps ** (1 / 3)
#: Eigenvalues that count as zero, relative to the largest: the error of such differences.
NOISE = 1e-6


@dataclass(frozen=True)
class Curvature:
    """The extreme eigenvalues of the Hessian over the unknowns that are at no bound."""

    smallest: float
    largest: float

    @property
    def _noise(self) -> float:
        return NOISE * max(abs(self.smallest), abs(self.largest))

    @property
    def is_negative(self) -> bool:
        """Whether the function falls to second order in some direction, so that this is no minimum."""
        return self.smallest < -self._noise

    def text(self) -> str:
        """What the eigenvalues say."""
        between = f"eigenvalues of the Hessian from {self.smallest:.3g} to {self.largest:.3g}"
        if self.is_negative:
            return f"{between}: no minimum, since it falls in some direction"
        if self.smallest <= self._noise:
            return f"{between}: flat in some direction"
        return f"{between}: a minimum, and the only one near"


def curvature(problem: Problem, point: Array) -> Curvature | None:
    """The curvature at a point; nothing where there are too many unknowns, or all are at their bounds."""
    free = np.flatnonzero((point > problem.low) & (point < problem.high))
    if not 0 < free.size <= LARGEST:
        return None
    hessian = np.array([_column(problem, point, int(place))[free] for place in free])
    if not np.isfinite(hessian).all():
        return None
    values = np.linalg.eigvalsh((hessian + hessian.T) / 2)
    return Curvature(float(values[0]), float(values[-1]))


def _column(problem: Problem, point: Array, place: int) -> Array:
    """A column of the Hessian by differences of the gradient within the domain."""
    step = np.zeros_like(point)
    step[place] = WIDTH * max(1.0, abs(point[place]))
    ahead, behind = problem.inside(point + step), problem.inside(point - step)
    slopes = [problem.value_and_gradient(there)[1] for there in (ahead, behind)]
    return np.asarray((slopes[0] - slopes[1]) / (ahead[place] - behind[place]), dtype=np.float64)
