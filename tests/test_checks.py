"""Sanity checks of results: what is printed is read back and computed with NumPy at random points.

Each statement is evaluated as it stands, with the derivatives at points that meet its condition.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from scipy import special

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.derivation import Derivation
from chainrule.derive.goals import GOALS, gradient, hessian, jacobian
from chainrule.derive.narrative.check import Check
from chainrule.derive.narrative.checks import MAX_CHECKS
from chainrule.derive.numeric import evaluate

Values = dict[str, Any]

LOGITS = "X: real[n, d]; y: binary[n]; w: real[d]; mean(softplus(X@w) - y*(X@w))"
SOFTMAX = (
    "X: real[n, d]; Y: onehot[n, k]; W: real[d, k]; b: real[k]; P = softmax(X@W + b, axis=1); "
    "-mean(sum(Y*log(P), axis=1))"
)
SIGNED = "X: real[n, d]; y: pm1[n]; w: real[d]; "
RIDGE = "X: real[n, d]; y: real[n]; w: real[d]; lam: positive; mean((X@w - y)^2) + lam*norm(w)^2"
ATTENTION = (
    "Q: real[n, d]; K: real[m, d]; V: real[m, p]; G: real[n, p]; A = softmax(Q@K.T/sqrt(d), axis=1); sum(G*(A@V))"
)
CLASSES = "H: real[n, h]; Y: onehot[n, k]; U: real[h, m]; W: real[m, k]; -sum(Y*log(softmax(tanh(H@U)@W, axis=1)))"
BATCH_NORM = (
    "X: real[n, d]; g: real[d]; G: real[n, d]; eps: positive; m = mean(X, axis=0); v = var(X, axis=0); "
    "sum(G*g*(X - m)/sqrt(v + eps))"
)
GAUSSIAN = "x: real[n, d]; mu: real[d]; S: spd[d, d]; r = x - mu; n/2*logdet(S) + 1/2*sum(r@inv(S)*r)"
NETWORK = "X: real[n, d]; U: real[d, h]; W: real[h, k]; T: real[n, k]; H = tanh(X@U); Z = H@W; sum((Z - T)^2)"

#: Goal, formula, variables, and what is said.
SAID = [
    ("gradient", "X: real[n, d]; y: real[n]; w: real[d]; b: real; r = X@w + b - y; mean(r^2)", "w,b",
     ["dL/dw = dL/db = 0    where r = 0."]),
    ("gradient", NETWORK, "U,W", ["dL/dU = dL/dW = 0    where Z = T."]),
    ("gradient", "T: real[n, m]; U: real[n, k]; V: real[m, k]; norm(T - U@V.T)^2", "U,V",
     ["dL/dU = dL/dV = 0    where U @ V.T = T."]),
    ("gradient", RIDGE, "w", ["dL/dw = 2*lam*w    where X @ w = y."]),
    ("gradient", GAUSSIAN, "mu", ["dL/dmu = 0    where mu = mean(x, axis=0)."]),
    ("gradient", "x: real[n]; mu: real; s: positive; n*log(s) + sum((x - mu)^2)/(2*s^2)", "mu",
     ["dL/dmu = 0    where mu = mean(x)."]),
    ("gradient", "y: binary[n]; b: real; mean(softplus(b) - y*b)", "b",
     ["dL/db = 0    where sigmoid(b) = mean(y).", "dL/db = mean(1/2 - y)    at b = 0."]),
    ("gradient", LOGITS, "w",
     ["dL/dw -> 0    as sigmoid(X @ w) -> y.", "dL/dw = X.T @ (1/2 - y) / n    at w = 0."]),
    ("gradient", SOFTMAX, "W,b",
     ["dL/dW -> 0, dL/db -> 0    as P -> Y.",
      "sum(dL/dW, axis=1) = 0, sum(dL/db) = 0    "
      "L stays the same when a number is added to a row of W or to all entries of b.",
      "dL/dW = X.T @ (1/k - Y) / n, dL/db = mean(1/k - Y, axis=0)    at W = b = 0."]),
    ("gradient", SIGNED + "C: positive; norm(w)^2/2 + C*sum(relu(1 - y*(X@w)))", "w",
     ["dL/dw = w    where y*(X @ w) > 1 in every entry.", "dL/dw = -C*(X.T @ y)    at w = 0."]),
    ("gradient", "X: real[n, d]; w: real[d]; b: real; sum(relu(X@w + b))", "w,b",
     ["dL/dw = dL/db = 0    where X @ w + b < 0 in every entry.",
      "w @ dL/dw + b*dL/db = L    L is homogeneous of degree 1 in w and b (Euler).",
      "dL/db -> n as b -> oo, dL/db -> 0 as b -> -oo    "]),
    ("gradient", SIGNED + "mean(log(1 + exp(-y*(X@w))))", "w",
     ["dL/dw -> 0    as y*(X @ w) -> oo.", "dL/dw = -X.T @ y / (2*n)    at w = 0."]),
    ("gradient", ATTENTION, "K",
     ["sum(dL/dK, axis=0) = 0    L stays the same when a number is added to a column of K."]),
    ("gradient", BATCH_NORM, "X",
     ["sum(dL/dX, axis=0) = 0    L stays the same when a number is added to a column of X."]),
    ("gradient", "Y: real[n, p]; D[i,j] = sum((Y[i,:] - Y[j,:])^2); sum(log(1 + D))", "Y",
     ["sum(dL/dY, axis=0) = 0    L stays the same when a number is added to a column of Y."]),
    ("gradient", "Z: real[n, k]; Y: simplex[n, k]; sum(logsumexp(Z, axis=1) - sum(Y*Z, axis=1))", "Z",
     ["sum(dL/dZ, axis=1) = 0    L stays the same when a number is added to a row of Z.",
      "dL/dZ = 1/k - Y    at Z = 0."]),
    ("gradient", "z: real[n]; logsumexp(z)", "z",
     ["sum(dL/dz) = 1    adding t to all entries of z adds t to L.", "dL/dz = ones(n)/n    at z = 0."]),
    ("gradient", "a, b: real[n]; sum(a*b)/(norm(a)*norm(b))", "a,b",
     ["a @ dL/da = 0, b @ dL/db = 0    L stays the same when a or b is multiplied by a positive number."]),
    ("gradient", "X: invertible[n, n]; logdet(X)", "X",
     ["trace(X.T @ dL/dX) = n    L grows by n*log(t) when X is multiplied by t."]),
    ("gradient", "A: real[n, n]; x: real[n]; x@A@x", "x",
     ["x @ dL/dx = 2*L    L is homogeneous of degree 2 in x (Euler)."]),
    ("gradient", "p, q: positive[k]; sum(p*log(p/q) - p + q)", "p,q",
     ["p @ dL/dp + q @ dL/dq = L    L is homogeneous of degree 1 in p and q (Euler)."]),
    ("gradient", "p, q: simplex[k]; -sum(p*log(q))", "q",
     ["q @ dL/dq = -1    L grows by -log(t) when q is multiplied by t."]),
    ("gradient", "mu, s: real[k]; -1/2*sum(1 + s - mu^2 - exp(s))", "mu,s", ["dL/dmu = dL/ds = 0    at mu = s = 0."]),
    ("gradient", "x: real; sigmoid(x)", "x", ["dL/dx = 1/4    at x = 0.", "dL/dx -> 0    as |x| -> oo."]),
    ("gradient", "r: real; k: positive; where(abs(r) <= k, r^2/2, k*abs(r) - k^2/2)", "r",
     ["dL/dr -> k as r -> oo, dL/dr -> -k as r -> -oo    "]),
    ("gradient", "S, K, s, T: positive; r: real; a = (log(S/K) + (r + s^2/2)*T)/(s*sqrt(T)); "
     "S*normcdf(a) - K*exp(-r*T)*normcdf(a - s*sqrt(T))", "S", ["dL/dS -> 1 as S -> oo, dL/dS -> 0 as S -> 0    "]),
    ("jacobian", "z: real[n, k]; softmax(z, axis=1)", "z",
     ["sum(dL/dz, axis=3) = 0    L stays the same when a number is added to a row of z."]),
    ("gradient", "X: real[n, m]; sum(max(X, axis=1))", "X",
     ["sum(dL/dX, axis=1) = 1    adding t to a row of X adds t to L.",
      "sum(X*dL/dX) = L    L is homogeneous of degree 1 in X (Euler)."]),
    ("gradient", "z: real[k]; y: simplex[k]; t: positive; logsumexp(z/t) - y@z/t", "z,t",
     ["dL/dz = dL/dt = 0    where softmax(z/t) = y.",
      "sum(dL/dz) = 0    L stays the same when a number is added to all entries of z.",
      "z @ dL/dz + t*dL/dt = 0    L stays the same when z and t are multiplied by one positive number."]),
    ("gradient", "X: real[n, d]; y: real[n]; w: real[d]; t: positive; sum(minimum(abs(y - X@w), t)"
     "*(abs(y - X@w) - 0.5*minimum(abs(y - X@w), t)))", "w", ["dL/dw = 0    where X @ w = y."]),
    ("hessian", LOGITS, "w",
     ["v @ d2L/dw2 @ v >= 0    for every v: L is convex in w.", "d2L/dw2 = X.T @ X / (4*n)    at w = 0."]),
    ("hessian", RIDGE, "w", ["v @ d2L/dw2 @ v >= 0    for every v: L is convex in w."]),
    ("hessian", "x: real; softplus(x)", "x", ["d2L/dx2 >= 0    L is convex in x.", "d2L/dx2 = 1/4    at x = 0."]),
    ("hessian", "z: real[n]; logsumexp(z)", "z",
     ["sum(d2L/dz2, axis=1) = 0    dL/dz stays the same when a number is added to all entries of z.",
      "d2L/dz2 = (eye(n) - 1/n)/n    at z = 0."]),
    ("hessian", "x: real[n]; norm(x)", "x",
     ["d2L/dx2 @ x = 0    dL/dx stays the same when x is multiplied by a positive number."]),
]  # fmt: skip
IDS = [f"{goal}-{text.split(';')[-1].strip()[:40]}" for goal, text, _, _ in SAID]


@pytest.mark.parametrize(("goal", "text", "wrt", "said"), SAID, ids=IDS)
def test_what_is_said(goal: str, text: str, wrt: str, said: list[str]) -> None:
    assert [str(check) for check in GOALS[goal](text, wrt).checks()] == said


# ---- what is said is so ------------------------------------------------------------------------------------

FUNCTIONS = {
    name: getattr(np, name)
    for name in ("sum", "mean", "trace", "ones", "eye", "log", "exp", "sign", "diag", "sqrt", "tanh", "pi")
} | {"sigmoid": special.expit, "softmax": special.softmax}
SYMBOL = re.compile(r"\bd2?\w+/d\w+")


class Point:
    """The values of everything at a point, by the words of a statement."""

    def __init__(self, d: Derivation, inputs: Mapping[str, Any]) -> None:
        self.d, self.inputs = d, {name: np.asarray(value, dtype=float) for name, value in inputs.items()}
        # The domain of a target is left where a condition says so: nothing is validated here.
        program = d.formula.differentiable
        self.values: Values = {**evaluate(d.context, self.inputs), **evaluate(program, self.inputs)}
        for item in program.inputs:
            for length, size in zip(item.shape, self.inputs[item.name].shape, strict=True):
                self.values[str(length)] = size

    def symbol(self, text: str) -> Any:
        """The value of a derivative by its symbol."""
        key = text.rpartition("/d")[2].removesuffix("2") if text.startswith("d2") else text.rpartition("/d")[2]
        return self.values[self.d.result[key].output.name]

    def value(self, text: str) -> Any:
        """The value of an expression."""
        names: Values = {**FUNCTIONS, **self.values}
        for n, symbol in enumerate(sorted(set(SYMBOL.findall(text)), key=len, reverse=True)):
            text, names[f"derivative{n}"] = text.replace(symbol, f"derivative{n}"), self.symbol(symbol)
        if "v @" in text and "v" not in names:
            names["v"] = np.linspace(-1, 1, len(next(v for k, v in names.items() if k.startswith("derivative"))))
        return eval(text, {"__builtins__": {}}, names)

    def holds(self, statement: str, tolerance: float = 1e-9) -> bool:
        """Whether equations, inequalities and limits separated by commas are so."""
        parts = re.split(r", (?=[^()]*(?:\(|$))(?=.*(?:=|->))", statement)
        return all(self._holds(part.partition(" as ")[0], tolerance) for part in parts)

    def _holds(self, part: str, tolerance: float) -> bool:
        if ">=" in part:
            left, right = (self.value(side) for side in part.split(" >= "))
            return bool(np.all(left >= right - tolerance))
        sides = [np.asarray(self.value(side)) for side in re.split(r" = | -> ", part)]
        size = max(1.0, *(np.abs(side).max() for side in sides))
        return all(np.allclose(side - sides[-1], 0, atol=tolerance * size) for side in sides[:-1])


def meeting(d: Derivation, check: Check, point: Values) -> Values:
    """A point at which the condition of a check is met."""
    reason = check.reason.removesuffix(".")
    condition = reason.partition(" ")[2]
    if check.kind == "value":
        return point | {name: np.zeros_like(point[name]) for name in d.wrt}
    if check.kind == "vanishes":
        left, right = re.split(r" = | -> ", condition)
        there = Point(d, point)
        if right == "0":
            return point | {"y": point["y"] + there.value(left)}
        if right.startswith("mean("):
            name = right[5:].partition(",")[0].rstrip(")")
            return point | {name: point[name] - there.value(right) + there.value(left)}
        return point | {right: np.asarray(there.value(left))}
    if " < " in check.reason:
        return point | {"b": np.asarray(-1e3)}
    if check.kind == "beyond":
        # Every example on its own side: labels are what the model says, which is made large.
        large = point | {"w": 1000 * point["w"]}
        return large | {"y": np.sign(large["X"] @ large["w"])}
    return point



@pytest.mark.parametrize(("goal", "text", "wrt", "said"), SAID, ids=IDS)
def test_what_is_said_is_so(goal: str, text: str, wrt: str, said: list[str]) -> None:
    d = GOALS[goal](text, wrt)
    rng = np.random.default_rng(5)
    for sizes in size_assignments(d.formula.program)[:2]:
        point = sample(d.formula.inputs, sizes, rng)
        for check in d.checks():
            if check.kind == "limit":
                assert_limits(d, check, point)
            else:
                assert Point(d, meeting(d, check, point)).holds(check.statement), str(check)


def assert_limits(d: Derivation, check: Check, point: Values) -> None:
    """Far out the derivative is near its limit, and nearer farther out."""
    name = check.statement.partition("/d")[2].partition(" ")[0]
    text = check.statement if " as " in check.statement else f"{check.statement} as {name} -> oo"
    for part in text.split(", "):
        statement, _, where = part.partition(" as ")
        sign = -1.0 if where.endswith("-oo") else 1.0
        at = {"0": 1e-9}.get(where.rpartition(" -> ")[2], sign * 1e9)
        assert Point(d, point | {name: at}).holds(statement, 1e-6), part


def test_the_reader_of_statements_sees_what_is_wrong() -> None:
    d = gradient("z: real[n]; logsumexp(z)", "z")
    point = Point(d, {"z": [0.5, -1.0, 2.0]})
    assert point.holds("sum(dL/dz) = 1")
    for wrong in ("sum(dL/dz) = 0", "z @ dL/dz = L", "sum(dL/dz) = 1, dL/dz = 0", "dL/dz >= 1", "dL/dz -> 0"):
        assert not point.holds(wrong), wrong


# ---- what is not said -----------------------------------------------------------------------------------------

#: Formulas near those above for which a statement would be wrong: the kinds of checks that there are.
NOT_SAID = [
    # The residual is divided by something that vanishes with it: the derivative tends to -1, not 0.
    (gradient, "y: binary[n]; p: unit[n]; -sum(y*log(p) + (1 - y)*log(1 - p))", "p", []),
    # At a kink there is no derivative.
    (gradient, "X: real[n, d]; y: real[n]; w: real[d]; mean(abs(X@w - y))", "w", []),
    (gradient, "X: real[n, d]; y: real[n]; w: real[d]; norm(X@w - y)", "w", []),
    # Deviations are weighted, or squared.
    (gradient, "x, c: real[n]; mu: real; sum(c*(x - mu)^2)", "mu", []),
    (gradient, "x: real[n]; s: positive; mu: real; n*log(s) + sum((x - mu)^2)/(2*s^2)", "s", []),
    (gradient, "deviation: real[n]; c: real[n]; mu: real; sum(c*(deviation - mu)^2)", "mu", []),
    # The second layer may grow while the residual shrinks.
    (gradient, CLASSES, "U", ["value"]),
    # Targets that do not sum to one, numbers that are not added alike, scales that are not alike.
    (gradient, "Z: real[n, k]; Y: unit[n, k]; sum(logsumexp(Z, axis=1) - sum(Y*Z, axis=1))", "Z", ["value"]),
    (gradient, "z, t: real[n]; logsumexp(z) - sum(t*z)", "z", ["value"]),
    (gradient, "Q: real[n, d]; K: real[m, d]; G: real[n, m]; sum(G*(Q@K.T)) + sum((Q@K.T)^4)", "K", []),
    (gradient, "X: real[n, d]; eps: positive; X2 = X/sqrt(mean(X^2, axis=1, keepdims=True) + eps); sum(X2^4)", "X", []),
    (gradient, "w: real[d]; a, b: positive; a*sum(abs(w)) + b*sum(w^2)", "w", []),
    (gradient, "A: real[n, n]; x: real[n]; b: real[n]; x@A@x - 2*b@x", "x", []),
    # A margin that is not all there is.
    (gradient, SIGNED + "lam: positive; mean(log(1 + exp(-y*(X@w)))) + lam*sum(w^4)", "w", ["value"]),
    (gradient, SIGNED + "sum(y*(X@w)*exp(-y*(X@w)))", "w", ["value"]),
    (gradient, SIGNED + "sum((X@w)^2*exp(-y*(X@w)))", "w", []),
    # No value where the formula has none.
    (gradient, "x: real; arctan(1/x)", "x", ["limit"]),
    (gradient, "x: positive; x*log(x)", "x", []),
    (gradient, "x: real; b: real; tanh(b*x)", "x", ["value"]),
    # What does not depend on a variable at all.
    (gradient, "x, m: real; x^2", "m", []),
    (gradient, "X: real[n, d]; y: binary[n]; w: real[d]; b: real; mean(softplus(X@w) - y*(X@w))", "b", []),
    # Nonnegative second derivatives of what is not convex.
    (hessian, "x: real; 1/x^2", "x", []),
    (hessian, "x: real; -log(abs(x))", "x", []),
    (hessian, "x: real; -abs(x)", "x", []),
    (hessian, "x: real[n]; sum(relu(x))", "x", []),
    (hessian, "X: real[n, d]; w: real[d]; sum(tanh(X@w))", "w", []),
    (hessian, "X: real[n, d]; c: real[n]; w: real[d]; sum(c*(X@w)^2)", "w", []),
]  # fmt: skip


@pytest.mark.parametrize(("derive", "text", "wrt", "kinds"), NOT_SAID, ids=[c[1].split("; ")[-1] for c in NOT_SAID])
def test_what_is_not_said(derive: Callable[..., Derivation], text: str, wrt: str, kinds: list[str]) -> None:
    assert [check.kind for check in derive(text, wrt).checks()] == kinds


def test_independent_entries_of_a_symmetric_matrix_have_no_sums() -> None:
    text = "S: spd[n, n]; logdet(S)"
    assert [check.kind for check in gradient(text, "S").checks()] == ["scale"]
    assert gradient(text, "S", symmetric=True).checks() == ()


def test_derivatives_by_a_part_of_the_formula() -> None:
    d = gradient("X: real[n, d]; w: real[d]; z = X@w; logsumexp(z)", "z")
    assert str(d.checks()[0]) == "sum(dL/dz) = 1    adding t to all entries of z adds t to L."


def test_there_are_few_and_none_in_brief() -> None:
    d = gradient(SOFTMAX, "W,b")
    assert len(d.checks()) == MAX_CHECKS
    assert "Sanity checks" in d.text()
    assert "Sanity checks" not in d.text("brief")
    assert r"\operatorname{sum}" in d.checks()[1].latex


def test_checks_come_back_with_json() -> None:
    d = jacobian("z: real[k]; softmax(z)", "z")
    assert Derivation.from_json(d.to_json()).checks() == d.checks() != ()
