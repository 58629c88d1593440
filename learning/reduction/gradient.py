"""The gradient of t-SNE from its definition as a divergence, quantity by quantity.

Source: van der Maaten and Hinton, Visualizing Data using t-SNE (2008), equation 5 and appendix A.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from chainrule.derive.render.page import Note, Shown
from chainrule.learning.chains import chain
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.reduction.lines import definition, shown, slope_check

#: Similarities of the data from any nonnegative weights; ``C`` has the conditional probabilities as rows.
DATA = "C: nonnegative[n,n]; T = Σ_{k≠l} (C_kl + C_lk); P_ij = (C_ij + C_ji)/T"
#: The map, its squared distances, and the similarities on it.
POINTS, DISTANCES = "Y: real[n,d]", "D_ij = Σ_k (Y_ik - Y_jk)^2"
WEIGHTS, TOTAL, SHARES = "W_ij = 1/(1 + D_ij)", "Z = Σ_{k≠l} W_kl", "Q_ij = W_ij/Z"
MAP = f"{POINTS}; {DISTANCES}; {WEIGHTS}; {TOTAL}; {SHARES}"
DIVERGENCE = "Σ_{i≠j} P_ij*log(P_ij/Q_ij)"
APART = "Σ_{i≠j} P_ij*log(P_ij) - Σ_{i≠j} P_ij*log(W_ij) + log(Z)"
#: As they are printed: P stands for itself.
PRINTED = f"P: nonnegative[n,n]; {MAP}; G: real[n,n]"
#: The divergence as a function of each quantity in turn.
BY_TOTAL = f"{DATA}; W: positive[n,n]; Z: positive; {APART}"
BY_WEIGHTS = f"{DATA}; W: positive[n,n]; {TOTAL}; {SHARES}; {DIVERGENCE}"
BY_DISTANCES = f"{DATA}; D: nonnegative[n,n]; {WEIGHTS}; {TOTAL}; {SHARES}; {DIVERGENCE}"
BY_POINTS = f"{DATA}; {MAP}; {DIVERGENCE}"
#: The gradient with the slope by the distances, with that put in, and as it was published.
THROUGH = "2*Σ_k (G_ik + G_ki)*(Y_ij - Y_kj)"
SUMMED = f"G_ij = (P_ij - Q_ij)*W_ij; U_ij = {THROUGH}; U"
FOLDED = "4*Σ_k (P_ik - Q_ik)*W_ik*(Y_ij - Y_kj)"
PUBLISHED = "4*Σ_k (P_ik - Q_ik)*(Y_ij - Y_kj)/(1 + norm(Y_i - Y_k)^2)"
#: One row: squared distances of a point to the others, and the precision of its neighbourhood.
ROW = "s: nonnegative[n]; beta: positive; p = softmax(-beta*s)"
ENTROPY = "-sum(p*log(p))"
SLOPE = "-beta*(sum(p*s^2) - sum(p*s)^2)"


def gradient_of_tsne() -> Explanation:
    """``4 sum_j (p_ij - q_ij)(y_i - y_j)(1 + |y_i - y_j|^2)^-1``, derived from ``KL(P || Q)`` and proved."""
    title = Shown("t-SNE: the gradient of KL(P || Q)", r"\nabla_Y D_{\mathrm{KL}}(P \| Q)")
    parts = (
        Part("Neighbours of one point", _row(), (
            "The other points have squared distances s. With what probability would they be picked under a normal "
            "density around the point?",
        )),
        *chain(ROW, ENTROPY, [
            ("=", "log(sum(exp(-beta*s))) + beta*sum(p*s)",
             "The logarithm of p is -beta*s less that of the sum, and p sums to one."),
        ], "Entropy of the choice"),
        Part("Perplexity", (_precision(),)),
        Part("Similarities of the data", (
            _entries("T", "The sum of all pairs, 2n if every row sums to one."),
            _entries("P", "P is symmetric, and sums to one over all pairs of different points."),
        ), ("Row i of C has the choices of point i.",)),
        Part("Similarities of the map", (
            _entries("D", "Squared distances on the map."),
            _entries("W", "A heavy tail: a point may be far away without being impossible."),
            _entries("Z", "The sum of all pairs."),
            _entries("Q", "They sum to one over all pairs of different points."),
        )),
        Part("The divergence, taken apart", _apart()),
        Part("Derivatives, from the divergence back to the map", _derivatives(), (
            "The first sum does not depend on the map.",
        )),
    )  # fmt: skip
    return Explanation(title, parts, (
        "Every point is pulled to the points that are nearer in the data than on the map, and pushed from the others; "
        "far away the force fades, as 1/(1 + |y_i - y_j|^2) does.",
        "Early exaggeration multiplies P by a number in the gradient: more pull, the same push. It belongs to the "
        "objective with that number before the second sum of the divergence.",
    ))  # fmt: skip


def _row() -> tuple[Move, ...]:
    bandwidth = Shown("beta = 1/(2 sigma^2)", r"\beta = \frac{1}{2 \sigma^2}")
    return (definition("s: nonnegative[n]; beta: positive", "p", "exp(-beta*s)/sum(exp(-beta*s))", "With ", bandwidth,
                       ": near points are likely, and the probabilities sum to one."),)  # fmt: skip


def _precision() -> Move:
    return Move(
        shown(ROW, SLOPE), (Shown("dH/dbeta", r"\frac{\partial H}{\partial \beta}"),),
        ("The entropy H falls as beta grows, since the bracket is the variance of s under p: there is exactly one beta "
         "with the perplexity ", Shown("exp(H)", "e^{H}"), " that is asked for."),
        slope_check(f"{ROW}; {ENTROPY}", "beta", SLOPE),
    )  # fmt: skip


def _entries(name: str, reason: str) -> Move:
    """The definition of a quantity, entry by entry."""
    left = Shown(name, name) if name in "TZ" else Shown(f"{name}[i,k]", f"{name}_{{ik}}")
    return Move(shown(f"{DATA}; {MAP}" if name in "TP" else PRINTED, name, True), (left,), (reason,))


def _apart() -> tuple[Move, ...]:
    """The divergence by weights and their sum; the second line rests on the sum of P."""
    whole = "Σ_{i≠j} P_ij*log(P_ij) - Σ_{i≠j} P_ij*log(W_ij) + log(Z)*Σ_{i≠j} P_ij"
    (part,) = chain(f"{DATA}; {MAP}", DIVERGENCE, [
        ("=", whole, "Q is W/Z, and the logarithm of a quotient is a difference."),
        ("=", APART, "P sums to one."),
    ])  # fmt: skip
    first = Move(shown(PRINTED, DIVERGENCE, True), (Shown("KL", r"\mathrm{KL}"),), ("The definition.",))
    printed = (replace(move, right=shown(PRINTED, text, True), left=())
               for move, text in zip(part.moves, (whole, APART), strict=True))  # fmt: skip
    return (first, *printed)


def _derivatives() -> tuple[Move, ...]:
    off = "where(eye(n) == 1, 0, {})"
    return (
        _slope("Z", "1/Z", ("Only the logarithm of Z depends on Z, for given W.",), slope_check(BY_TOTAL, "Z", "1/Z")),
        _slope("W[i,k]", "1/Z - P/W", ("For i != k: through Z, and through the logarithm of W.",),
               slope_check(BY_WEIGHTS, "W", off.format("1/Z - P/W"))),
        _slope("D[i,k]", "(P - Q)*W", ("For i != k: ", Shown("dW/dD = -W^2", r"\frac{\partial W_{ik}}{\partial D_{ik}} "
               "= -W_{ik}^{2}"), ", and W/Z is Q. On the diagonal P and Q do not occur."),
               slope_check(BY_DISTANCES, "D", off.format("(P - Q)*W"))),
        _slope("Y[i,j]", f"U_ij = {THROUGH}; U", ("Point i has a part in row i and in column i of D, each time with ",
               Shown("2*(Y[i,j] - Y[k,j])", r"2 \left(Y_{ij} - Y_{kj}\right)"), "; G is ", Shown("dKL/dD",
               r"\frac{\partial \mathrm{KL}}{\partial D}"), "."), _claim(SUMMED)),
        Move(shown(PRINTED, f"U_ij = {FOLDED}; U", True), (), ("P, Q and W are symmetric: both are the same.",),
             _claim(FOLDED)),
        Move(shown(PRINTED, f"U_ij = {PUBLISHED}; U", True), (), ("W written out.",), _claim(PUBLISHED)),
        Move(Shown("4 sum_j (p_ij - q_ij) (y_i - y_j) (1 + |y_i - y_j|^2)^-1",
                   r"4 \sum_{j} (p_{ij} - q_{ij}) (y_i - y_j) \left(1 + \lVert y_i - y_j \rVert^{2}\right)^{-1}"),
             (Shown("dKL/dy_i", r"\frac{\partial \mathrm{KL}}{\partial y_i}"),),
             ("The same in vectors, as published: y_i is row i of Y.",), _claim(PUBLISHED)),
    )  # fmt: skip


def _slope(wrt: str, right: str, reason: Note, check: Callable[[], float]) -> Move:
    """``dKL/dW[i,k]`` and what it is."""
    name, _, at = wrt.partition("[")
    below = f"{name}_{{{at.rstrip(']').replace(',', '')}}}" if at else name
    left = Shown(f"dKL/d{wrt}", rf"\frac{{\partial \mathrm{{KL}}}}{{\partial {below}}}")
    return Move(shown(PRINTED, right, True), (left,), reason, check)


def _claim(text: str) -> Callable[[], float]:
    """How far the derivative by the map is from this."""
    return slope_check(BY_POINTS, "Y", text)
