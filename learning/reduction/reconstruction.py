"""Principal components as the subspace that data are rebuilt from with the smallest squared error.

Source: Jolliffe, Principal Component Analysis, 2nd ed. (2002), section 3.2.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from chainrule.derive.render.page import Shown
from chainrule.learning.chains import chain
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.reduction.lines import Array, decomposed, definition, derivative, sampled, shown

DATA = "X: real[n,d]; V: orthonormal[d,k]; A = X - mean(X, axis=0); S = A.T @ A/(n - 1)"
#: How much of each eigenvector the subspace holds.
HELD = "S: psd[d,d]; V: orthonormal[d,k]; l = eigvalsh(S); U = eigvectors(S); h = sum((U.T @ V)^2, axis=1)"
STATIONARY = "S: psd[d,d]; V: real[d,k]; M: symmetric[k,k]"
LAGRANGIAN = "trace(V.T @ S @ V) - trace(M @ (V.T @ V - eye(k)))"
#: A subspace has fewer dimensions than the space.
SIZES = {"n": 7, "d": 4, "k": 2}
STEPS = 50_000
SMALLEST = 1e-15


def smallest_error() -> Explanation:
    """The squared error of ``A @ V @ V.T`` is total minus explained variance; eigenvectors make it smallest."""
    parts = (
        Part("Centred data, their covariance, and k orthonormal directions", _definitions(), (
            "Rows are projected on the directions and rebuilt: ", Shown("A @ V @ V.T", r"A V V^{\top}"),
            " is what comes back.",
        )),
        *chain(DATA, "norm(A - A @ V @ V.T)^2/(n - 1)", [
            ("=", "(trace(A.T @ A) - 2*trace(V.T @ A.T @ A @ V) + trace(V.T @ V @ V.T @ A.T @ A @ V))/(n - 1)",
             "Multiplied out; a trace does not change when its factors are turned round in a circle."),
            ("=", "(trace(A.T @ A) - trace(V.T @ A.T @ A @ V))/(n - 1)", "The columns of V are orthonormal."),
            ("=", "trace(S) - trace(V.T @ S @ V)", "Total variance minus explained variance."),
        ], "Error of the reconstruction", SIZES),
        Part("The directions that explain most", _stationary(), ("The multipliers M, a symmetric matrix, keep the "
             "columns of V orthonormal.",)),
        decomposed(HELD, SIZES),
        Part("What the subspace holds of each eigenvector", (
            definition(HELD, "h", "sum((U.T @ V)^2, axis=1)", "The squared lengths of their projections on V."),
        )),
        *chain(HELD, "sum(h)", [("=", "k", "Each column of V has length 1.")], "Together", SIZES),
        *chain(HELD, "h", [("<=", "1", "The projection of a unit vector is not longer than it.")], sizes=SIZES),
        *chain(HELD, "trace(V.T @ S @ V)", [
            ("=", "sum(l*h)", "In the basis of the eigenvectors."),
            ("<=", "sum(l[d-k:])", "The h lie between 0 and 1 and sum to k: nothing is larger than all of the k last."),
        ], "Which eigenvectors", SIZES),
        Part("The smallest error", (_left_out(),)),
    )  # fmt: skip
    title = Shown("Principal components: smallest reconstruction error",
                  r"\min_{V^\top V = I} \lVert A - A V V^\top \rVert_F^2")  # fmt: skip
    return Explanation(title, parts, (
        "Total variance is fixed: to lose least is to explain most, so both ways lead to the same components.",
        "Divided by n instead of n - 1 all lines hold with that factor; the components are the same.",
    ))  # fmt: skip


def _definitions() -> tuple[Move, ...]:
    return (
        definition("X: real[n,d]", "A", "X - mean(X, axis=0)", "The columns without their means."),
        definition("A: real[n,d]", "S", "A.T @ A/(n - 1)", "The covariance matrix."),
        Move(Shown("eye(k)", "I_k"), (Shown("V.T @ V", r"V^{\top} V"),), ("The columns of V are orthonormal.",)),
    )


def _stationary() -> tuple[Move, ...]:
    return (
        definition(STATIONARY, "L", LAGRANGIAN, "The explained variance, and the multipliers of the condition."),
        derivative(STATIONARY, LAGRANGIAN, "V", ("Differentiate by V.",)),
        Move(shown(STATIONARY, "V @ M"), (shown(STATIONARY, "S @ V"),), ("It is zero at a maximum.",),
             sampled(_condition)),
        Move(Shown("(V @ R) @ diag(m)", r"(V R) \operatorname{diag}(m)"), (Shown("S @ (V @ R)", "S (V R)"),),
             ("With the eigenvectors R and eigenvalues m of M, ", Shown("M @ R = R @ diag(m)",
              r"M R = R \operatorname{diag}(m)"), ": the columns of V @ R are eigenvectors of S."),
             sampled(_eigenvectors)),
        Move(Shown("V @ V.T", r"V V^{\top}"), (Shown("(V @ R) @ (V @ R).T", r"(V R) (V R)^{\top}"),),
             ("R is orthogonal: the reconstruction does not change, and V may be taken to be these eigenvectors.",),
             sampled(_turned)),
    )  # fmt: skip


def _left_out() -> Move:
    return Move(
        Shown("sum(l[:d-k])", r"\sum_{j=1}^{d-k} l_j"), (Shown("min error", r"\min \text{error}"),),
        ("The sum of all eigenvalues is the trace of S: the error is the sum of those that are left out.",),
        sampled(_smallest),
    )  # fmt: skip


# ---- checks: the smallest error found by descent over orthonormal matrices, without eigenvectors -----------


def _data(rng: np.random.Generator) -> tuple[Array, Array]:
    A = rng.normal(size=(9, 4)) * [3.0, 2.0, 1.0, 0.5]
    A -= A.mean(axis=0)
    return A, A.T @ A / (len(A) - 1)


def _found(A: Array, S: Array, rng: np.random.Generator) -> Array:
    """Two orthonormal directions with the smallest error: alternately the best scores and the best directions."""
    V = np.linalg.qr(rng.normal(size=(4, 2)))[0]
    for _ in range(STEPS):
        scores = A @ V
        loadings = np.linalg.solve(scores.T @ scores, scores.T @ A).T
        before, V = V, np.linalg.qr(loadings)[0]
        if np.max(np.abs(V @ V.T - before @ before.T)) < SMALLEST:
            break
    return np.asarray(V)


def _case(rng: np.random.Generator) -> tuple[Array, Array, Array]:
    A, S = _data(rng)
    return A, S, _found(A, S, rng)


def _condition(rng: np.random.Generator) -> tuple[Array, Array]:
    _, S, V = _case(rng)
    return S @ V, V @ np.linalg.lstsq(V, S @ V, rcond=None)[0]


def _eigenvectors(rng: np.random.Generator) -> tuple[Array, Array]:
    _, S, V = _case(rng)
    m, R = scipy.linalg.eigh(V.T @ S @ V)
    return S @ V @ R, V @ R * m


def _turned(rng: np.random.Generator) -> tuple[Array, Array]:
    _, S, V = _case(rng)
    R = scipy.linalg.eigh(V.T @ S @ V)[1]
    return V @ R @ (V @ R).T, V @ V.T


def _smallest(rng: np.random.Generator) -> tuple[Array, Array]:
    A, S, V = _case(rng)
    error = np.sum((A - A @ V @ V.T) ** 2) / (len(A) - 1)
    return np.asarray(error), np.sum(np.linalg.eigvalsh(S)[:2])
