"""Lines of proofs on their own: what a quantity does at random midpoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.errors import ChainruleError
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program
from chainrule.learning.convexity.scalar import Curvature

#: Pairs of points at each size, and signs of heights above chords that refute a curvature.
PAIRS = 4
REFUTING: dict[Curvature, tuple[int, ...]] = {"convex": (1,), "concave": (-1,), "affine": (1, -1), "constant": (1, -1)}


def violation(quantity: Program, variables: Sequence[str], curvature: Curvature, seed: int = 0) -> float:
    """The largest relative height above chords (below them, for "concave") of all entries at random midpoints."""
    rng = np.random.default_rng(seed)
    worst = 0.0
    for sizes in size_assignments(quantity)[:2]:
        for _ in range(PAIRS):
            first, other = (sample(quantity.inputs, sizes, rng) for _ in range(2))
            second = {**first, **{name: other[name] for name in variables}}
            middle = {**first, **{name: (first[name] + other[name]) / 2 for name in variables}}
            try:
                a, b, m = (evaluate(quantity, place)[quantity.output.name] for place in (first, second, middle))
            except ChainruleError:
                continue
            with np.errstate(all="ignore"):
                height = (m - (a + b) / 2) / np.maximum(1.0, np.maximum(abs(a), abs(b)))
            heights = np.ravel(height)
            heights = heights[np.isfinite(heights)]
            worst = max([worst, *(float(np.max(sign * heights, initial=0.0)) for sign in REFUTING[curvature])])
    return worst if worst > np.finfo(float).eps * 64 else 0.0
