"""What ridge and lasso do, told from their losses: slopes, conditions of the minimum, thresholds.

Source: Hastie, Tibshirani and Wainwright, Statistical Learning with Sparsity (2015), chapter 2.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import numpy.typing as npt
import sympy as sp

from chainrule.derive.goals import gradient, jacobian
from chainrule.derive.narrative.symbols import named
from chainrule.derive.render.page import Shown
from chainrule.derive.stationary import solve_stationary
from chainrule.learning.chains import Step, Text, told
from chainrule.learning.convexity.proximal import Case, Proximal, T, V, prox
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.regularisation.shrinkage import augmented, relative

Array = npt.NDArray[np.float64]
DATA = "X: real[n, d]; y: real[n]; w: real[d]; lam: positive"
RIDGE, LASSO = "mean((X @ w - y)^2) + lam*norm(w)^2", "mean((X @ w - y)^2) + lam*sum(|w|)"
FIT = "mean((X @ w - y)^2)"
#: Columns of mean square 1 without correlations; b are their inner products with the targets.
ORTHONORMAL = "Q: orthonormal[n, d]; y: real[n]; w: real[d]; lam: positive; b = Q.T @ y/sqrt(n)"
SCALED = "(sqrt(n)*Q)"
SCALING = "Columns of mean square 1 without correlations: X = sqrt(n)*Q."
EFFECT = "What it does, seen where columns do not interfere"
PRIOR = "X: real[n, d]; y: real[n]; w: real[d]; sigma, tau: positive"
#: The entries that are not zero, their columns, and their signs.
ACTIVE = "A: real[n, k]; y: real[n]; u: real[k]; g: real[k]; lam: positive"
W = Shown("w", "w")
SWEEPS = 4000
SPARSITY = "Source: Hastie, Tibshirani and Wainwright, Statistical Learning with Sparsity (2015), chapter 2."


def ridge() -> Explanation:
    """Gradient, closed form, and what becomes of the coefficients."""
    slope = gradient(f"{DATA}; {RIDGE}", "w").result["w"].matrix()
    closed = solve_stationary(f"{DATA}; {RIDGE}", "w").solution["w"].matrix()
    return Explanation(
        Shown("Ridge: what a squared penalty does", ""),
        (
            Part("The loss and its gradient", (
                Move(Text(DATA, RIDGE).shown, (Shown("L", "L"),), ("Mean squared error, and a squared penalty.",)),
                Move(Text(DATA, slope).shown, (Shown("dL/dw", r"\frac{\partial L}{\partial w}"),),
                     ("The penalty pulls every coefficient towards 0, the more the larger it is.",),
                     partial(_slope_gap, slope, RIDGE)),
            )),
            Part("Where it is zero", (
                Move(Text(DATA, closed).shown, (W,), ("There is one solution for lam > 0, whatever the data.",),
                     partial(_closed_gap, closed)),
            )),
            *told(W, ORTHONORMAL, closed.replace("X", SCALED), SCALING, (
                ("=", "inv(n*eye(d) + n*lam*eye(d)) @ (sqrt(n)*Q).T @ y", "Q.T @ Q = eye(d)."),
                ("=", "b/(1 + lam)", "With b = X.T @ y/n, the coefficients of least squares."),
            ), EFFECT),
            *_as_prior("normal", RIDGE.replace("lam", "(sigma^2/(n*tau^2))"),
                       "norm(X @ w - y)^2/(2*sigma^2) + norm(w)^2/(2*tau^2)", "lam = sigma^2/(n*tau^2)"),
        ),
        ("Every coefficient is divided by 1 + lam: smaller, but never exactly 0.",
         "For any data the same holds along the singular vectors of X: see shrinkage.",
         "A larger lam means more bias and less variance: see ridge_bias_variance. Where the prior comes from: see "
         "map_ridge."),
    )  # fmt: skip


def lasso() -> Explanation:
    """Subgradients, the conditions of the minimum, the soft threshold."""
    slope = gradient(f"{DATA}; {FIT}", "w").result["w"].matrix()
    return Explanation(
        Shown("Lasso: what a penalty on absolute values does", ""),
        (
            Part("The loss", (
                Move(Text(DATA, LASSO).shown, (Shown("L", "L"),), ("Mean squared error, and absolute values.",)),
                Move(Text(DATA, slope).shown, (Shown("d", r"d"),), ("The gradient of the first term.",),
                     partial(_slope_gap, slope, FIT)),
            )),
            *_conditions(),
            *_all_zero(slope),
            *_threshold(),
            *_as_prior("Laplace", LASSO.replace("lam", "(2*sigma^2/(n*tau))"),
                       "norm(X @ w - y)^2/(2*sigma^2) + sum(|w|)/tau", "lam = 2*sigma^2/(n*tau)"),
        ),
        ("Small coefficients become exactly 0 and the others are moved towards 0 by the same lam/2: lasso selects.",
         "Ridge divides them by 1 + lam instead. Where the prior comes from: see map_lasso.", SPARSITY),
    )  # fmt: skip


def _as_prior(prior: str, loss: str, posterior: str, strength: str) -> tuple[Part, ...]:
    """The loss as a posterior: noise of variance sigma^2, and a prior of the scale tau for every coefficient."""
    return told(
        Shown("-log p(w | X, y)", r"-\log p(w \mid X, y)"), PRIOR, f"n/(2*sigma^2)*({loss})",
        f"Up to a constant, for normal noise of variance sigma^2 and a {prior} prior of scale tau: {strength}.",
        (("=", posterior, "The least loss is the largest posterior density."),), "As a prior",
    )  # fmt: skip


def _conditions() -> tuple[Part, ...]:
    low, high = next(case.slopes for case in _operator().cases if case.slopes)
    return (
        Part("At the minimum, where w[j] is not 0", (
            Move(Shown("-lam*sign(w[j])", r"-\lambda \operatorname{sign} w_j"), (Shown("d[j]", "d_j"),),
                 ("L has a derivative there, which vanishes.",), partial(_kkt_gap, False)),
        )),
        Part("At the minimum, where w[j] = 0", (
            Move(Shown(f"{low} <= -d[j] <= {high}", r"-\lambda \le -d_j \le \lambda"), (),
                 ("0 lies between the slopes on both sides of the kink.",), partial(_kkt_gap, True)),
        )),
    )  # fmt: skip


def _all_zero(slope: str) -> tuple[Part, ...]:
    at_zero = "-2/n*X.T @ y"
    return (
        Part("With all entries 0", (
            Move(Text(DATA, at_zero).shown, (Shown("d", "d"),), ("The gradient of the first term at w = 0.",),
                 partial(_at_zero_gap, slope, at_zero)),
        )),
        Part("So that w = 0 is the minimum", (
            Move(Shown("lam >= 2/n*max(abs(X.T @ y))", r"\lambda \ge \tfrac{2}{n} \max_j |X_j^{\top} y|"), (),
                 ("Then, and only then: no entry of d leaves the interval from -lam to lam.",), _largest_gap),
        )),
    )  # fmt: skip


def _threshold() -> tuple[Part, ...]:
    """The loss without correlations as a sum of one term for each entry, and the minimum of each."""
    steps: tuple[Step, ...] = (
        ("=", "mean(y^2) - 2*b @ w + norm(w)^2 + lam*sum(|w|)", "Q.T @ Q = eye(d), and b = X.T @ y/n."),
        ("=", "mean(y^2) - norm(b)^2 + sum((w - b)^2 + lam*|w|)", "The square is completed: a term for each entry."),
    )
    return (
        *told(Shown("L", "L"), ORTHONORMAL, LASSO.replace("X", SCALED), SCALING, steps, EFFECT),
        Part("Its minimum, entry by entry", (
            *map(_case, _operator().cases),
            Move(Text("b: real[d]; lam: positive", "sign(b)*relu(|b| - lam/2)").shown, (W,),
                 ("All cases in one: the soft threshold.",), _soft_gap),
        ), ("The proximal operator of lam*abs(x) at b[j] with the step 1/2, derived from 0 in the subdifferential:",)),
    )  # fmt: skip


def _operator() -> Proximal:
    return prox("w: real[d]; lam: positive; lam*sum(|w|)", "w")


def _case(case: Case) -> Move:
    """A case of the operator at the step 1/2."""

    def put_in(expr: sp.Expr, name: str) -> sp.Expr:
        return expr.subs({T: sp.Rational(1, 2), V: sp.Symbol(name)})

    low, high, value = (put_in(expr, "b[j]") for expr in (case.low, case.high, case.value))
    where = " <= ".join([*([str(low)] if low.is_finite is not False else []), "b[j]",
                         *([str(high)] if high.is_finite is not False else [])])  # fmt: skip
    written = put_in(case.value, "b_j")
    latex = sp.latex(written, symbol_names={symbol: named(str(symbol)).latex for symbol in written.free_symbols})
    return Move(Shown(str(value), latex), (Shown("w[j]", "w_j"),), (f"Where {where}.",), partial(_case_gap, case))


def straight_pieces() -> Explanation:
    """Why lasso's path is made of straight pieces, and where it begins."""
    loss = "mean((A @ u - y)^2) + lam*g @ u"
    closed = solve_stationary(f"{ACTIVE}; {loss}", "u").solution["u"].matrix()
    change = jacobian(f"{ACTIVE}; {closed}", "lam").result["lam"].matrix()
    slope = gradient(f"{DATA}; {FIT}", "w").result["w"].matrix()
    return Explanation(
        Shown("The regularisation path", ""),
        (
            *_all_zero(slope),
            Part("Between two strengths at which an entry begins or ceases to be 0", (
                Move(Text(ACTIVE, loss).shown, (Shown("L", "L"),),
                     ("A are the columns of the entries that are not 0, u these entries, g their signs.",),
                     _active_gap),
                Move(Text(ACTIVE, closed).shown, (Shown("u", "u"),), ("Its gradient is zero.",),
                     partial(_active_solution_gap, closed)),
                Move(Text(ACTIVE, change).shown, (Shown("du/dlam", r"\frac{d u}{d \lambda}"),),
                     ("Constant, so that the pieces are straight (curved over a logarithmic axis).",),
                     partial(_piece_gap, change)),
            )),
            Part("Ridge has no such beginning", (
                Move(Shown("s[j]/(s[j]^2 + n*lam) * (u[j] @ y)", r"\frac{s_j}{s_j^2 + n \lambda} u_j^{\top} y"),
                     (Shown("v[j] @ w", r"v_j^{\top} w"),),
                     ("Along a singular direction; not 0 for any lam: see shrinkage.",), _ridge_direction_gap),
            )),
        ),
        (SPARSITY,),
    )  # fmt: skip


# ---- checks: minimisers by coordinate descent, in doubles, and the claims about them -----------------------------


@cache
def _problem(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(12, 4)) @ np.triu(rng.normal(size=(4, 4)) + 2 * np.eye(4))
    return X, X @ np.array([1.0, 0.0, -0.5, 0.0]) + 0.5 * rng.normal(size=12)


def descended(X: Array, y: Array, strength: float) -> Array:
    """Lasso's minimum by coordinate descent."""
    w = np.zeros(X.shape[1])
    for _ in range(SWEEPS):
        before = w.copy()
        for j, column in enumerate(X.T):
            rest = y - X @ w + column * w[j]
            w[j] = _one(float(column @ column) / len(y), float(column @ rest) / len(y), strength)
        if np.max(np.abs(w - before)) < 1e-15:
            break
    return w


def _one(square: float, product: float, strength: float) -> float:
    """The smallest of ``square*x^2 - 2*product*x + strength*|x|``: the best of 0 and the vertices of both halves."""
    right, left = (2 * product - strength) / (2 * square), (2 * product + strength) / (2 * square)
    places = [0.0, *([right] if right > 0 else []), *([left] if left < 0 else [])]
    return min(places, key=lambda x: square * x**2 - 2 * product * x + strength * abs(x))


def _strengths(X: Array, y: Array) -> tuple[float, ...]:
    return tuple(share * float(np.max(np.abs(X.T @ y))) for share in (0.002, 0.02, 0.08))


def _minima() -> list[tuple[Array, Array, float, Array]]:
    return [(X, y, lam, descended(X, y, lam)) for X, y in map(_problem, range(3)) for lam in _strengths(X, y)]


def _kkt_gap(zeros: bool) -> float:
    gaps = []
    for X, y, strength, w in _minima():
        d = 2 * X.T @ (X @ w - y) / len(y)
        own = (np.abs(d) - strength)[w == 0] if zeros else np.abs(d + strength * np.sign(w))[w != 0]
        gaps += [max(0.0, float(gap)) / strength for gap in own]
    return max(gaps)


def _at_zero_gap(slope: str, at_zero: str) -> float:
    X, y = _problem(0)
    arrays = {"X": X, "y": y, "w": np.zeros(4), "lam": 1.0}
    return relative(Text(DATA, at_zero).formula.evaluate(**arrays), Text(DATA, slope).formula.evaluate(**arrays))


def _largest_gap() -> float:
    """Above the bound the minimum is zero, below it is not."""
    gaps = []
    for X, y in map(_problem, range(3)):
        bound = 2 / len(y) * float(np.max(np.abs(X.T @ y)))
        above, below = descended(X, y, bound * (1 + 1e-6)), descended(X, y, bound * (1 - 1e-6))
        gaps.append(float(above.any() or not below.any()))
    return max(gaps)


def _slope_gap(slope: str, loss: str) -> float:
    """A gradient against central differences, the penalty being smooth."""
    X, y = _problem(1)
    w, arrays = np.array([0.3, -1.2, 0.7, 2.0]), {"X": X, "y": y, "lam": 0.4}
    read = Text(DATA, loss).formula
    ends = [(read.evaluate(w=w + unit, **arrays) - read.evaluate(w=w - unit, **arrays)) / 2 for unit in np.eye(4)]
    return relative(Text(DATA, slope).formula.evaluate(w=w, **arrays), ends)


def _closed_gap(closed: str) -> float:
    X, y = _problem(2)
    found = Text(DATA, closed).formula.evaluate(X=X, y=y, w=np.zeros(4), lam=0.3)
    return relative(found, augmented(X, y, 0.3 * len(y)))


def _orthonormal(seed: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    X = np.sqrt(9) * np.linalg.qr(rng.normal(size=(9, 4)))[0]
    y = 3 * rng.normal(size=9)
    return X, y, X.T @ y / 9


def _soft_gap() -> float:
    gaps = []
    for X, y, b in map(_orthonormal, range(4)):
        strength = float(np.median(np.abs(b))) * 2
        told_so = Text("b: real[d]; lam: positive", "sign(b)*relu(|b| - lam/2)").formula.evaluate(b=b, lam=strength)
        gaps.append(relative(told_so, descended(X, y, strength)))
    return max(gaps)


def _case_gap(case: Case) -> float:
    """A case against the smallest of (x - b)^2 + lam*|x| among its candidates, where the case says it holds."""
    gaps = []
    strength = 0.8
    for b in np.linspace(-2, 2, 41):
        free = case.low.free_symbols | case.high.free_symbols | case.value.free_symbols
        numbers = {T: 0.5, V: b} | dict.fromkeys(free - {T, V}, strength)
        low, high = (float(end.subs(numbers)) for end in (case.low, case.high))
        if low < b < high:
            gaps.append(abs(float(case.value.subs(numbers)) - _one(1.0, float(b), strength)))
    return max(gaps)


def _active() -> list[tuple[Array, Array, float, Array, Array]]:
    found = []
    for X, y, strength, w in _minima():
        if w.any():
            found.append((X[:, w != 0], y, strength, w[w != 0], np.sign(w[w != 0])))
    return found


def _active_gap() -> float:
    """The loss of the entries that are not zero against the whole loss there."""
    gaps = []
    for A, y, strength, u, g in _active():
        value = Text(ACTIVE, "mean((A @ u - y)^2) + lam*g @ u").formula.evaluate(A=A, y=y, u=u, g=g, lam=strength)
        gaps.append(relative(value, np.mean((A @ u - y) ** 2) + strength * np.abs(u).sum()))
    return max(gaps)


def _active_solution_gap(closed: str) -> float:
    read = Text(ACTIVE, closed).formula
    return max(relative(read.evaluate(A=A, y=y, u=u, g=g, lam=lam), u) for A, y, lam, u, g in _active())


def _piece_gap(change: str) -> float:
    """The change along the path, by two minima nearby with the same entries."""
    gaps = []
    for X, y in map(_problem, range(3)):
        strength = _strengths(X, y)[1]
        near = [descended(X, y, strength * (1 + side * 1e-4)) for side in (-1, 1)]
        w = descended(X, y, strength)
        keep = w != 0
        slope = (near[1] - near[0])[keep] / (2e-4 * strength)
        found = Text(ACTIVE, change).formula.evaluate(A=X[:, keep], y=y, u=w[keep], g=np.sign(w[keep]), lam=strength)
        gaps.append(relative(found, slope))
    return max(gaps)


def _ridge_direction_gap() -> float:
    X, y = _problem(0)
    left, s, right = np.linalg.svd(X, full_matrices=False)
    return relative(s / (s**2 + 12 * 0.7) * (left.T @ y), right @ augmented(X, y, 12 * 0.7))
