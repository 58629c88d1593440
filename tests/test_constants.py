"""Constants of convex formulas in several variables, against the eigenvalues of Hessians by differences."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.learning.convexity import constants as module
from chainrule.learning.critical.trials import hessian_at

DATA = "X: real[n,d]; y: real[n]; w: real[d]; b: real; "
JOINT = "concat(X, ones((n, 1)), axis=1)"
RANK = "hstack(X, ones((n, 1)))"

#: Formula, variables, modulus, Lipschitz constant of the gradient, and the matrix whose rank makes it strict.
KNOWN = [
    ("linear_regression", "w,b", f"2*min(eigvalsh(concat(X.T, ones((1, n))) @ {JOINT}))/n",
     f"2*max(svdvals({JOINT}))**2/n", RANK),
    ("logistic_regression", "w,b", None, f"max(svdvals({JOINT}))**2/(4*n)", RANK),
    ("X: real[n,d]; y: pm1[n]; w: real[d]; b: real; lam: positive; mean(softplus(-y*(X@w + b))) + lam*(sum(w^2) + b^2)",
     "w,b", "2*lam", f"2*lam + max(svdvals({JOINT}))**2/(4*n)", RANK),
    (DATA + "d0: positive; r = X@w + b - y; sum(where(abs(r) <= d0, r^2/2, d0*(abs(r) - d0/2)))", "w,b", None,
     f"max(svdvals({JOINT}))**2", ""),
    ("x, y: real[n]; w, b: real; mean((w*x + b - y)^2)", "w,b",
     "2*min(eigvalsh([[norm(x)**2, sum(x)], [sum(x), n]]))/n",
     "2*max(svdvals(concat(x*ones((1, 1)), ones((1, n))).T))**2/n", "hstack(x[:, None], ones((n, 1)))"),
    ("X: real[n,d]; W: real[d,k]; Y: onehot[n,k]; Z = X@W; mean(logsumexp(Z, axis=1) - sum(Y*Z, axis=1))", "W", None,
     "max(svdvals(X))**2/(2*n)", ""),
    ("z: real[k]; y: simplex[k]; logsumexp(z) - y@z", "z", None, "1/2", ""),
    ("X: real[n,d]; y: real[n]; z: real[n]; w: real[d]; norm(X@w - y)^2 + norm(X@w - z)^2", "w",
     "4*min(eigvalsh(X.T @ X))", "4*max(svdvals(X))**2", "X"),
    ("x, y: real; x^2 + x*y + y^2", "x,y", "1", "3", ""),
    ("x, y: real; 3*x^2 + 3*y^2 + sin(x)*cos(y)", "x,y", "4", "8", ""),
    ("x: real; y: real; x^2 + 3*y^2", "x,y", "2", "6", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "strong", "smooth", "rank"), KNOWN, ids=[row[0] for row in KNOWN])
def test_constants(text: str, wrt: str, strong: str | None, smooth: str | None, rank: str) -> None:
    found = cr.convex(text, wrt)
    known = found.constants
    assert known is not None
    assert [item and item.matrix() for item in (known.strong, known.smooth)] == [strong, smooth]
    assert known.strict_rank == rank
    low, high = _worst(found)
    assert low < 1e-9
    assert high < 1e-9


def _worst(found: cr.Convexity) -> tuple[float, float]:
    """How far eigenvalues of the Hessian come below the modulus, and above the Lipschitz constant."""
    known, rng = found.constants, np.random.default_rng(0)
    assert known is not None
    below, above = [0.0], [0.0]
    for sizes in size_assignments(found.formula.program)[:2]:
        point = sample(found.formula.inputs, sizes, rng)
        places = [(name, axes) for name in found.wrt for axes in np.ndindex(*np.shape(point[name]))]
        values = np.linalg.eigvalsh(hessian_at(found.formula.program, point, places).astype(float))
        for item, gaps, end in ((known.strong, below, 0), (known.smooth, above, -1)):
            if item is not None:
                bound = item.evaluate(**{given.name: point[given.name] for given in item.inputs})
                gaps.append(bound - values[0] if end == 0 else values[-1] - bound)
    return max(below), max(above)


def test_conditions_are_said() -> None:
    remarks = cr.convex("linear_regression", "w,b").remarks
    assert f"It is strictly convex where {RANK} has full column rank." in remarks
    assert f"It is coercive where {RANK} has full column rank." in remarks
    assert "It is coercive." in cr.convex("x, y: real; x^2 + x*y + y^2", "x,y").remarks


def test_formulas_in_latex() -> None:
    for found in (cr.convex("ridge", "w"), cr.prox("x: real; abs(x)", "x"), cr.critical_points("x: real; x^2", "x")):
        assert "bound method" not in found.latex()
    assert "\\lambda" in cr.convex("ridge", "w").latex()


def test_what_is_not_claimed() -> None:
    # Neither bounded below, nor curved along the sum of all scores.
    assert not any("coercive" in text for text in cr.convex("x: real; logcosh(x) - 2*x", "x").remarks)
    assert cr.convex("z: real[k]; y: simplex[k]; logsumexp(z) - y@z", "z").remarks == ()
    assert cr.convex("u, v: real; (u - v)^2", "u,v").remarks == ()


def test_a_wrong_bound_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = module._bound

    def halved(term: module.Term, sign: int) -> object:
        found = bound(term, sign)
        return found if found is None or sign > 0 else found / 2

    monkeypatch.setattr(module, "_bound", halved)
    assert _worst(cr.convex("linear_regression", "w,b"))[1] > 0.1
