"""Remarks on where formulas are not differentiable, against one-sided slopes in many digits."""

import random

import mpmath
import numpy as np
import pytest

import chainrule as cr
from chainrule.derive.numeric import MPMATH, evaluate

X = "x: real[n]; "

#: Differentiable everywhere although functions with kinks are in them.
SMOOTH = [
    "x: real; x*abs(x)",
    "x: real; cbrt(x)^3",
    "x: real; relu(x) - relu(-x)",
    "x: real; y: real; maximum(x, y) + minimum(x, y)",
    "x: real; y: real; (x^2 + y^2)^1.5",
    "x: real; where(x == 0, 1, sin(x)/x)",
    X + "sum(relu(x)^2)",
    X + "a = relu(x); sum(a^2)",
    X + "norm(x)^2",
    X + "g: positive; p = sigmoid(x); sum((1 - p)^g*log(p))",
    X + "g: positive; p = sigmoid(x); q = 1 - p; sum(q^g)",
    X + "norm(x)^3",
    X + "1/(1 + norm(x)^2)",
    X + "sqrt(1 + norm(x)^2)",
    X + "sqrt(sum(x^4))",
    X + "z = x^2; norm(z)",
    X + "sum(abs(x)^3)",
    X + "sum(abs(x)^1.5)",
    X + "sum(elu(x))",
    X + "sum(softsign(x))",
    X + "sum(relu(x^3))",
    X + "sum(relu(x^2 + 1))",
    X + "sum(abs(x^2 - 2*x + 1))",
    X + "sum(where(x > 0, x^2, 0))",
    X + "sum(where(x >= 1, x^2, 2*x - 1))",
    X + "c: real[n]; sum(where(c > 0, x^2, 0))",
    X + "c: real[n]; sum(abs(c)*x)",
    X + "d: positive; sum(where(abs(x) <= d, x^2/2, d*(abs(x) - d/2)))",
    X + "d: positive; sum(minimum(abs(x), d)*(abs(x) - 0.5*minimum(abs(x), d)))",
    X + "y: pm1[n]; mean(relu(1 - y*x)^2)",
]


@pytest.mark.parametrize("text", SMOOTH)
def test_nothing_is_said_of_smooth_formulas(text: str) -> None:
    assert cr.gradient(text, "x").assumptions == ()


#: What is said of a formula with kinks, in the order in which it is said.
KINKED = [
    ("x: real; abs(x)", ["L is not differentiable where x = 0 (abs: derivative 0)"]),
    ("x: real; relu(x) + relu(-x)", ["L is not differentiable where x = 0 (relu: derivative 0)"]),
    ("x: real; elu(x, 2)", ["L is not differentiable where x = 0 (elu: derivative a)"]),
    ("x: real; a: positive; elu(x, a)", ["L is not differentiable where x = 0 (elu: derivative a)"]),
    ("x: real; clip(x, 0, 1)", [
        "L is not differentiable where x - 1 = 0 (minimum: derivative 1/2 by each)",
        "L is not differentiable where x = 0 (maximum: derivative 1/2 by each)",
    ]),
    ("x: real; maximum(maximum(x, 0), 1)", [
        "L is not differentiable where x - 1 = 0 (maximum: derivative 1/2 by each)",
    ]),
    ("x: real; where(x > 0, x + 1, x)", ["L is not differentiable where x = 0 (where(..) jumps there)"]),
    ("x: real; where(x > 0, 2*x, x)", ["L is not differentiable where x = 0 (where(..) bends there)"]),
    ("x: real; where(x == 0, 2, sin(x)/x)", ["L is not differentiable where x = 0 (where(..) jumps there)"]),
    ("x: real; relu(exp(x) - 2)", ["L is not differentiable where exp(x) - 2 = 0 (relu: derivative 0)"]),
    ("x: real; y: real; sqrt(x^2 + y^2)", ["L is not differentiable where x^2 + y^2 = 0 (root: derivative 0)"]),
    ("x: real; sqrt(abs(x))", ["L is not differentiable where x = 0 (root: derivative 0)"]),
    ("x: real; phi: function; abs(phi(x))", ["L may not be differentiable where phi(x) = 0 (abs: derivative 0)"]),
    ("x: real; p: positive; abs(x)^p", ["L may not be differentiable where x = 0 (root: derivative 0)"]),
    (X + "y: pm1[n]; mean(relu(1 - y*x))", [
        "L is not differentiable where y[i] x[i] - 1 = 0 (relu: derivative 0)",
    ]),
    (X + "norm(x)", ["L is not differentiable where x[i] = 0 for every i (norm: derivative 0)"]),
    (X + "exp(-norm(x))", ["L is not differentiable where x[i] = 0 for every i (norm: derivative 0)"]),
    (X + "norm(x)/(1 + norm(x))", ["L is not differentiable where x[i] = 0 for every i (norm: derivative 0)"]),
    (X + "sum(abs(x[1:] - x[:-1]))", ["L is not differentiable where x[j] - x[1 + j] = 0 (abs: derivative 0)"]),
    (X + "sum(abs(x))^2", ["L is not differentiable where x[i] = 0 (abs: derivative 0)"]),
    (X + "lam: positive; sum(sign(x)*relu(abs(x) - lam))", [
        "L is not differentiable where abs(x[i]) - lam = 0 (relu: derivative 0)",
    ]),
    (X + "q: unit; y: real[n]; mean(maximum(q*(y - x), (q - 1)*(y - x)))", [
        "L is not differentiable where x[i] - y[i] = 0 (maximum: derivative 1/2 by each)",
    ]),
    (X + "A: real[n, n]; sqrt(x @ A @ x)", [
        "L may not be differentiable where sum_i x[i] sum_j x[j] A[i,j] = 0 (root: derivative 0)",
    ]),
    (X + "relu(1 - 1/norm(x))*x[0]", [
        "L is not differentiable where 1 - 1/sqrt(sum_i x[i]^2) = 0 (relu: derivative 0)",
    ]),
    ("x: nonnegative; sqrt(x)", []),
    (X + "max(x)", ["max is not differentiable where several entries attain it (they share equally)"]),
    (X + "norminf(x)", [
        "L is not differentiable where x[i] = 0 for an entry that attains the max (abs: derivative 0)",
        "max is not differentiable where several entries attain it (they share equally)",
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "remarks"), KINKED)
def test_kinks_are_named_in_the_names_of_the_formula(text: str, remarks: list[str]) -> None:
    assert list(cr.gradient(text, "x").assumptions) == remarks


def test_deep_networks_have_a_remark_for_each_layer() -> None:
    layers = "; ".join(f"h{i + 1} = relu(W{i} @ h{i}) + h{i}" for i in range(12))
    weights = "; ".join(f"W{i}: real[n, n]" for i in range(12))
    remarks = cr.gradient(f"h0: real[n]; {weights}; {layers}; sum(h12)", "W0").assumptions
    assert len(remarks) == 12
    for i, remark in enumerate(remarks):
        assert remark.startswith("L is not differentiable where")
        assert f" W{i}[" in remark


def test_remarks_are_about_the_variables() -> None:
    text = "X: real[n, m]; x: real[m]; c: real[n]; sum(relu(X @ x)) + sum(norm(X, axis=1)) + sum(abs(c))"
    assert list(cr.gradient(text, "X").assumptions) == [
        "L is not differentiable where sum_j X[i,j] x[j] = 0 (relu: derivative 0)",
        "L is not differentiable where X[i,j] = 0 for every j (norm: derivative 0)",
    ]
    assert list(cr.gradient(text, "c").assumptions) == [
        "L is not differentiable where c[i] = 0 (abs: derivative 0)"
    ]


def test_remarks_say_what_was_chosen() -> None:
    derived = cr.gradient("x: real[n]; sum(relu(x)) + max(x)", kinks={"relu": 0.5, "max": "first"})
    assert list(derived.assumptions) == [
        "L is not differentiable where x[i] = 0 (relu: derivative 1/2, as chosen)",
        "max is not differentiable where several entries attain it (the first of them has the derivative)",
    ]


def _random_formula(seed: int) -> tuple[str, int]:
    """A formula with a switch at a point; whether it has a kink there is not known."""
    pick = random.Random(seed)
    at, slope = pick.randint(-3, 3), pick.choice([-2, -1, 1, 3])
    u = f"({slope}*x - {slope * at})"
    kinked = pick.choice(["abs({})", "relu({})", "leaky_relu({})", "elu({})", "elu({}, 2)", "maximum({}, 0)",
                          "minimum(0, {})", "where({} < 0, 0, exp({}))", "where({} > 0, sin({}), 0)"])  # fmt: skip
    kinked = kinked.replace("{}", u)
    outer = pick.choice(["{k}", "{u}*{k}", "{k}^2", "{k}*sin({u})", "exp({k})", "cos({k})", "{k} - {k}", "{k} - x*{k}",
                         "log(1 + ({k})^2)", "x*{k} - {at}*{k}", "sqrt({k}^2 + 1)", "relu({k})^2"])  # fmt: skip
    return f"x: real; {outer.format(k=kinked, u=u, at=f'({at})')}", at


@pytest.mark.parametrize("seed", range(60))
def test_remarks_agree_with_one_sided_slopes(seed: int) -> None:
    text, at = _random_formula(seed)
    formula = cr.formula(text)

    def value(x: mpmath.mpf) -> mpmath.mpf:
        return evaluate(formula.program, {"x": np.array(x, dtype=object)}, MPMATH)[formula.output.name].item()

    with mpmath.workdps(60):
        step = mpmath.mpf(10) ** -25
        left, right = ((value(at + side * step) - value(mpmath.mpf(at))) / (side * step) for side in (-1, 1))
    smooth = abs(left - right) < 1e-10
    remarks = cr.gradient(formula, "x").assumptions
    assert bool(remarks) == (not smooth), (text, left, right, remarks)
    assert not any("may not be" in remark for remark in remarks)
