"""The laws that proofs of convexity cite, one entry each."""

from __future__ import annotations

from dataclasses import dataclass

BOYD = "B&V, section "
#: What the abbreviation stands for.
ABBREVIATION = "B&V: Boyd and Vandenberghe, Convex Optimization (2004)."


@dataclass(frozen=True)
class Rule:
    """A law: its stable id, what it says, and where it is found."""

    id: str
    says: str
    source: str


RULES: tuple[Rule, ...] = (
    Rule("constant", "it does not depend on the variables", BOYD + "3.1.1"),
    Rule("affine", "a linear function plus a constant, both convex and concave", BOYD + "3.1.1"),
    Rule("weighted-sum", "a sum with nonnegative weights", BOYD + "3.2.1"),
    Rule("scaled", "a nonnegative multiple", BOYD + "3.2.1"),
    Rule("turned-over", "a nonpositive multiple, which makes convex of concave and concave of convex", BOYD + "3.2.1"),
    Rule("second-derivative", "a second derivative that has one sign", BOYD + "3.1.4"),
    Rule("kinks", "pieces of one curvature that meet, and whose slopes do not turn back where they do",
         "Rockafellar, Convex Analysis (1970), theorem 24.2"),
    Rule("hessian-minors", "a Hessian whose principal minors are nonnegative", BOYD + "3.1.4"),
    Rule("affine-composition", "a convex or concave function of affine functions", BOYD + "3.2.2"),
    Rule("composition", "a convex nondecreasing function of a convex one, nonincreasing of a concave one",
         BOYD + "3.2.4"),
    Rule("maximum", "the largest of convex functions", BOYD + "3.2.3"),
    Rule("minimum", "the smallest of concave functions", BOYD + "3.2.3"),
    Rule("log-sum-exp", "the logarithm of a sum of exponentials of convex functions", BOYD + "3.1.5 and 3.2.4"),
    Rule("norm", "a norm, of affine functions or of nonnegative convex ones", BOYD + "3.1.5 and 3.2.4"),
    Rule("perspective", "homogeneous of degree 1, and of this curvature where a positive variable is 1",
         BOYD + "3.2.6"),
    Rule("power-mean", "sum(g^p)^(1/p) of nonnegative concave g, for p below 1", BOYD + "3.1.5 and exercise 3.18"),
    Rule("determinant-root", "the n-th root of the determinant of a positive definite matrix, affine in the variables",
         BOYD + "3.1.5 and exercise 3.18"),
    Rule("sum-of-squares", "squares of affine functions with nonnegative weights", BOYD + "3.2.1 and 3.2.2"),
    Rule("quadratic-form", "x.T @ P @ x of affine x, with P positive semidefinite", BOYD + "3.1.4 and 3.2.2"),
    Rule("geometric-mean", "a product of powers whose exponents are nonnegative and sum to at most 1", BOYD + "3.1.5"),
    Rule("log-determinant", "the log-determinant of a positive definite matrix, affine in the variables",
         BOYD + "3.1.5"),
    Rule("matrix-fractional", "x.T @ inv(S) @ x, jointly in x and the positive definite S", BOYD + "3.1.7"),
    Rule("spectral", "a symmetric convex or concave function of the eigenvalues of a symmetric matrix",
         "Davis, All convex invariant functions of hermitian matrices (1957)"),
    Rule("singular-values", "a symmetric convex nondecreasing function of the singular values",
         "Lewis, The convex analysis of unitarily invariant matrix functions (1995), corollary 2.6"),
    Rule("hessian-form", "a Hessian that is a sum of squares, A.T @ diag(d) @ A with d >= 0", BOYD + "3.1.4"),
)  # fmt: skip

BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
