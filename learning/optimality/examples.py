"""Problems under constraints that the topics show: a projection, the least norm, the largest entropy."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from chainrule.learning.explanation import Demonstration, Explanation
from chainrule.learning.optimality.kkt import Kkt, kkt

#: The nearest point with entries that are not negative and sum to one.
SIMPLEX = ("x, v: real[n]; norm(x - v)^2/2", "x", ("sum(x) = 1", "x >= 0"))
#: The smallest solution of a system with more unknowns than equations.
LEAST_NORM = ("A: real[m, n]; b: real[m]; x: real[n]; norm(x)^2/2", "x", ("A @ x = b",))
#: The distribution of largest entropy with a given mean of f.
ENTROPY = ("p: positive[n]; f: real[n]; c: real; sum(p*log(p))", "p", ("sum(p) = 1", "f @ p = c"))


def _posed(case: tuple[str, str, tuple[str, ...]]) -> Kkt:
    text, wrt, constraints = case
    return kkt(text, wrt, constraints)


def projection() -> Explanation:
    """The conditions of the projection onto the probability simplex, and what they lead to."""
    return _posed(SIMPLEX).explanation()


def projections(seed: int) -> Demonstration:
    """A random point projected by the derived formula, and by SciPy."""
    v = np.random.default_rng(seed).normal(size=6)
    found = _posed(SIMPLEX)
    nu = brentq(lambda nu: float(np.sum(np.maximum(0, v - nu)) - 1), float(v.min()) - 1, float(v.max()))
    x = np.maximum(0, v - nu)
    certificate = found.check(x=x, v=v)
    numeric = found.solve({"v": v})
    gap = float(np.max(np.abs(x - numeric.values["x"])))
    lines = [
        f"v = {np.round(v, 4)}", f"nu = {nu:.6f}, the root of sum(max(0, v - nu)) = 1", f"x = {np.round(x, 4)}", "",
        certificate.text(), "", f"SciPy's solution differs by {gap:.1e}",
    ]  # fmt: skip
    return Demonstration("\n".join(lines), {"nu": float(nu), "gap": gap, **certificate.residuals})


def least_norm() -> Explanation:
    """The smallest solution of a linear system, by Lagrange multipliers."""
    return _posed(LEAST_NORM).explanation()


def largest_entropy() -> Explanation:
    """The form of the distribution of largest entropy with a given mean."""
    return _posed(ENTROPY).explanation()


def loaded_die(seed: int) -> Demonstration:
    """The probabilities of a die whose rolls have a known mean, and how its own sample compares."""
    faces, mean = np.arange(1.0, 7.0), 4.5
    found = _posed(ENTROPY).solve({"f": faces, "c": mean})
    p = np.asarray(found.values["p"])
    slope = -np.diff(np.log(p))
    rolls = np.random.default_rng(seed).choice(faces, size=10_000, p=p / p.sum())
    lines = [
        "a die whose mean is 4.5 (Jaynes, Where do we stand on maximum entropy?, 1978)", "", found.text(), "",
        f"log p changes by {-slope[0]:.6f} from face to face, which is -nu2; the changes differ by {np.ptp(slope):.1e}",
        f"mean of {rolls.size} rolls of it: {rolls.mean():.3f}",
    ]  # fmt: skip
    numbers = {f"p{n}": float(value) for n, value in enumerate(p, 1)}
    return Demonstration("\n".join(lines), {**numbers, "mean": float(rolls.mean()), "spread": float(np.ptp(slope))})
