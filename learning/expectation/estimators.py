"""Bias and variance of estimators that are linear in the targets, ``w_hat = A @ y`` with ``y = X @ w + eps``.

The rules are those of the scalar algebra, entry by entry: ``E[A eps + b] = A E[eps] + b`` and
``Cov[A eps + b] = A Cov[eps] A.T``.  Each line is computed on its own over noise that takes ``2n`` values,
``+-s sqrt(n) e_k``: its mean is 0 and its covariance ``s^2 I``, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from chainrule.derive.render.page import Shown
from chainrule.learning.chains import SEEDS, Text
from chainrule.learning.explanation import Explanation, Move, Part

Array = NDArray[np.float64]
#: What is computed of all estimates, one row each, and of the true parameters.
Statistic = Callable[[Array, Array], Array]
DECLARED = "X: real[n,d]; w: real[d]; s: positive"
ROUNDING = 1e-12
INVERSE = "inv(X.T @ X + lam*eye(d))"


#: Further forms of a line, each with the reason why it is the same.
Forms = tuple[tuple[str, str], ...]


def linear_estimator(matrix: str, declarations: str = "", forms: Mapping[str, Forms] | None = None) -> Explanation:
    """Mean, bias, covariance and expected error of ``w_hat = A @ y``.

    Args:
        matrix: ``A`` in the notation, of shape (d, n), such as ``inv(X.T @ X) @ X.T``.
        declarations: of the names in it other than ``X``.
        forms: further forms of ``mean``, ``bias``, ``covariance`` and ``error``.

    Raises:
        ChainruleError: the matrix is not understood.
    """
    known = "; ".join(filter(None, [DECLARED, declarations]))
    about = _Estimator(matrix, known)
    error = f"sum(({matrix} @ X @ w - w)^2) + s^2*trace({matrix} @ ({matrix}).T)"
    why = "The squared bias of every entry and its variance, summed."
    more = {"mean": (), "bias": (), "covariance": (), "error": (), **(forms or {})}
    parts = (
        Part("Given", tuple(Move(Shown(text, rf"\texttt{{{text.replace('_', chr(92) + '_')}}}")) for text in GIVEN)),
        Part("Mean", about.lines(f"{matrix} @ X @ w", "E[w_hat]", "Linearity: E[eps] = 0.", _mean, more["mean"])),
        Part("Bias", about.lines(f"{matrix} @ X @ w - w", "E[w_hat] - w", "The mean, less what is estimated.", _bias,
                                 more["bias"])),
        Part("Covariance", about.lines(f"s^2*{matrix} @ ({matrix}).T", "Cov[w_hat]",
                                       "Cov[A @ eps] = A @ Cov[eps] @ A.T.", _covariance, more["covariance"])),
        Part("Expected squared error", about.lines(error, "E[|w_hat - w|^2]", why, _error, more["error"])),
    )  # fmt: skip
    return Explanation(Shown(f"w_hat = {matrix} @ y", r"\text{Bias and variance of a linear estimator}"), parts)


GIVEN = ("y = X @ w + eps", "E[eps] = 0", "Cov[eps] = s^2*eye(n)")


def ridge() -> Explanation:
    """``E[w_hat] = (X'X + lam I)^-1 X'X w`` and ``Cov[w_hat] = s^2 (X'X + lam I)^-1 X'X (X'X + lam I)^-1``."""
    forms: dict[str, Forms] = {
        "mean": ((f"w - lam*{INVERSE} @ w", "X.T @ X is X.T @ X + lam*eye(d), less lam*eye(d)."),),
        "bias": ((f"-lam*{INVERSE} @ w", "By the second form of the mean."),),
        "covariance": ((f"s^2*{INVERSE} @ X.T @ X @ {INVERSE}", "The inverse is symmetric."),),
        "error": ((f"lam^2*sum(({INVERSE} @ w)^2) + s^2*trace({INVERSE} @ X.T @ X @ {INVERSE})",
                   "Bias grows with lam, variance falls."),),
    }  # fmt: skip
    return linear_estimator(f"{INVERSE} @ X.T", "lam: positive", forms)


class _Estimator:
    """The lines about one estimator."""

    def __init__(self, matrix: str, declarations: str) -> None:
        self.declarations = declarations
        self.matrix = Text(declarations, matrix)
        self.whole = Text(declarations, f"({matrix}) @ (X @ w) + s*w")

    def estimates(self, seed: int) -> tuple[Array, Array]:
        """All estimates, one a row, and the true parameters."""
        inputs = self.whole.inputs(seed)
        design, truth = np.asarray(inputs["X"]), np.asarray(inputs["w"])
        count = len(design)
        noise = float(inputs["s"]) * np.sqrt(count) * np.vstack([np.eye(count), -np.eye(count)])
        return (design @ truth + noise) @ self.matrix.value(seed).T, truth

    def line(self, text: str, name: str, why: str, statistic: Statistic) -> Move:
        """One line whose left side is computed from all estimates."""
        formula = Text(self.declarations, text)

        def difference() -> float:
            worst = 0.0
            for seed in SEEDS:
                wanted = statistic(*self.estimates(seed))
                away = np.max(np.abs(wanted - formula.value(seed)))
                worst = max(worst, float(away / max(1.0, np.max(np.abs(wanted)))))
            return worst if worst > ROUNDING else 0.0

        return Move(formula.shown, (Shown(name, _latex(name)),) if name else (), (why,), difference)

    def lines(
        self, text: str, name: str, why: str, statistic: Statistic, further: Forms
    ) -> tuple[Move, ...]:
        """A line and further forms of it."""
        first = self.line(text, name, why, statistic)
        return (first, *(self.line(other, "", reason, statistic) for other, reason in further))


def _latex(name: str) -> str:
    changed = name.replace("w_hat", r"\hat{w}").replace("E[", r"\mathbb{E}[").replace("Cov", r"\operatorname{Cov}")
    return changed


def _mean(estimates: Array, truth: Array) -> Array:
    return np.asarray(estimates.mean(0), dtype=np.float64)


def _bias(estimates: Array, truth: Array) -> Array:
    return np.asarray(estimates.mean(0) - truth, dtype=np.float64)


def _covariance(estimates: Array, truth: Array) -> Array:
    centred = estimates - estimates.mean(0)
    return np.asarray(centred.T @ centred / len(estimates), dtype=np.float64)


def _error(estimates: Array, truth: Array) -> Array:
    return np.asarray(((estimates - truth) ** 2).sum(1).mean(), dtype=np.float64)
