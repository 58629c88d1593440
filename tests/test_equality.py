"""Proofs of equality: what is equal is proved, what is not never is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.normal import arithmetic
from chainrule.derive.normal.arithmetic import ProofLimit
from chainrule.derive.normal.equality import Proof, prove_equal
from chainrule.derive.normal.normal_form import normal_form
from chainrule.derive.normal.text import text
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program

VECTORS = "x: real[n]; y: real[n]; p: positive[n]; t: positive; c: real; "
MATRICES = "A: real[n, n]; B: real[n, n]; C: real[n, n]; x: real[n]; y: real[n]; "
REGRESSION = "X: real[n, d]; y: real[n]; w: real[d]; t: positive; "


def program(declarations: str, expression: str) -> Program:
    return parse_formula(declarations + expression)


def proof(declarations: str, left: str, right: str) -> Proof | None:
    a, b = program(declarations, left), program(declarations, right)
    return prove_equal(a, a.outputs[0], b, b.outputs[0], fixed=[item.name for item in a.inputs])


EQUAL = [
    (VECTORS, "softmax(x)", "exp(x)/sum(exp(x))"),
    (VECTORS, "log(softmax(x))", "x - logsumexp(x)"),
    (VECTORS, "sum(softmax(x))", "1"),
    (VECTORS, "sigmoid(x)", "exp(x)/(1+exp(x))"),
    (VECTORS, "sigmoid(x) + sigmoid(-x)", "ones(n)"),
    (VECTORS, "1 - tanh(x)**2", "4*sigmoid(2*x)*(1-sigmoid(2*x))"),
    (VECTORS, "tanh(x)", "2*sigmoid(2*x) - 1"),
    (VECTORS, "log(cosh(x))", "logaddexp(x, -x) - log(2)"),
    (VECTORS, "softplus(x) - x", "softplus(-x)"),
    (VECTORS, "log(sigmoid(x))", "-softplus(-x)"),
    (VECTORS, "silu(x)", "x/(1+exp(-x))"),
    (VECTORS, "normcdf(x)", "0.5*erfc(-x/sqrt(2))"),
    (VECTORS, "cosh(x)**2 - sinh(x)**2", "ones(n)"),
    (VECTORS, "sin(x)**2 + cos(x)**2", "ones(n)"),
    (VECTORS, "sin(2*x)", "2*sin(x)*cos(x)"),
    (VECTORS, "cos(x + y)", "cos(x)*cos(y) - sin(x)*sin(y)"),
    (VECTORS, "tan(x)*cos(x)", "sin(x)"),
    (VECTORS, "arcsin(c) + arccos(c)", "pi/2"),
    (VECTORS, "maximum(x, y)", "(x + y + abs(x-y))/2"),
    (VECTORS, "maximum(x, y) + minimum(x, y)", "x + y"),
    (VECTORS, "abs(x)", "maximum(x, -x)"),
    (VECTORS, "abs(x)*sign(x)", "x"),
    (VECTORS, "relu(x)", "where(x > 0, x, 0)"),
    (VECTORS, "x**2", "abs(x)**2"),
    (VECTORS, "exp(abs(x))", "where(x > 0, exp(x), exp(-x))"),
    (VECTORS, "clip(x, -t, t)", "where(abs(x) <= t, x, t*sign(x))"),
    (VECTORS, "sqrt(p)*sqrt(p)", "p"),
    (VECTORS, "sqrt(4*p**2)", "2*p"),
    (VECTORS, "log(p*t)", "log(p) + log(t)"),
    (VECTORS, "p**t*p**(-t)", "ones(n)"),
    (VECTORS, "exp(t*log(p))", "p**t"),
    (VECTORS, "x**c*x", "x**(c+1)"),
    (VECTORS, "1/sqrt(8)", "sqrt(2)/4"),
    (VECTORS, "log(6)", "log(2) + log(3)"),
    (VECTORS, "sum(x**2/(t+x**2))", "n - t*sum(1/(t+x**2))"),
    (VECTORS, "sum(outer(x, y))", "sum(x)*sum(y)"),
    (VECTORS, "mean((x-mean(x))**2)", "mean(x**2) - mean(x)**2"),
    (VECTORS, "diag(p)@(x/p)", "x"),
    (VECTORS, "(x@y)**2", "x@outer(y, x)@y"),
    (VECTORS, "tanh(log(1+exp(c)))", "((1+exp(c))**2-1)/((1+exp(c))**2+1)"),
    (MATRICES, "trace(A@B@C)", "trace(C@A@B)"),
    (MATRICES, "trace(A@B)", "sum(A*B.T)"),
    (MATRICES, "(A@B).T", "B.T@A.T"),
    (MATRICES, "A@(B@x + C@x)", "(A@B + A@C)@x"),
    (MATRICES, "x@A@y", "y@A.T@x"),
    (MATRICES, "trace(outer(x, y))", "x@y"),
    (MATRICES, "eye(n)@A", "A"),
    (MATRICES, "norm(A - B)**2", "norm(A)**2 - 2*trace(A.T@B) + norm(B)**2"),
    (MATRICES, "diag(A@B)", "sum(A*B.T, axis=1)"),
    (MATRICES, "einsum('ij,jk,ki->', A, B, C)", "trace(A@B@C)"),
    (MATRICES, "sum(A**2) + trace(A@A)", "0.5*sum((A + A.T)**2)"),
    (REGRESSION, "X.T@(1/(1+exp(-(X@w))) - y)", "X.T@(exp(X@w)/(1+exp(X@w))) - X.T@y"),
    (REGRESSION, "2*X.T@(X@w-y)/n", "(2/n)*(X.T@X@w - X.T@y)"),
    (REGRESSION, "X.T@clip(X@w-y, -t, t)", "X.T@maximum(-t, minimum(t, X@w-y))"),
    (REGRESSION, "X.T@tanh(X@w)", "X.T@((exp(2*(X@w))-1)/(exp(2*(X@w))+1))"),
]

WITH_FACTS = [
    ("y: simplex[k]; z: real[k]; ", "softmax(z)*sum(y) - y", "softmax(z) - y", "y sums to 1"),
    ("Y: onehot[n, k]; Z: real[n, k]; ", "sum(Y*(Z - Z), axis=1) + sum(Y, axis=1)", "ones(n)", "Y sums to 1"),
    ("y: binary[n]; z: real[n]; ", "y**2*z", "y*z", "y**2 = y"),
    ("y: pm1[n]; z: real[n]; ", "y**2*z", "z", "y**2 = 1"),
    ("y: pm1[n]; z: real[n]; ", "-y*sigmoid(-y*z)", "sigmoid(z) - (1+y)/2", "-1 or 1"),
    ("y: binary[n]; z: real[n]; ", "where(y == 1, z, 0)", "y*z", "0 or 1"),
    ("A: symmetric[n, n]; x: real[n]; ", "A@x + x@A", "2*A@x", "A is symmetric"),
    ("A: spd[n, n]; B: real[n, n]; ", "trace(A@B)", "trace(A@B.T)", "A is symmetric"),
    ("Q: orthonormal[n, d]; x: real[d]; ", "Q.T@Q@x", "x", "Q are orthonormal"),
]

#: Pairs that are different, many of them equal at special sizes, signs or values.
DIFFERENT = [
    (MATRICES, "trace(A@B@C)", "trace(B@A@C)"),
    (MATRICES, "A@x", "A.T@x"),
    (MATRICES, "x@A@x + y@A@y", "2*(x@A@y)"),
    (MATRICES, "sum(A, axis=0)", "sum(A, axis=1)"),
    (MATRICES, "sum(A*B)", "sum(A)*sum(B)"),
    (VECTORS, "sqrt(x**2)", "x"),
    (VECTORS, "log(x**2)", "2*log(x)"),
    (VECTORS, "sqrt(x)*sqrt(y) + c", "sqrt(x*y)"),
    (VECTORS, "(c**2)**0.5*c", "c**2"),
    (VECTORS, "relu(x)", "x"),
    (VECTORS, "mean(x)", "sum(x)"),
    (VECTORS, "n*mean(x)/(n-1)", "mean(x)"),
    (VECTORS, "sum(x)**2", "sum(x**2)"),
    (VECTORS, "tanh(x)", "2*sigmoid(x) - 1"),
    (VECTORS, "abs(x+y)", "abs(x) + abs(y)"),
    (VECTORS, "where(x > t, 1, 0)", "where(x > -t, 1, 0)"),
    (VECTORS, "maximum(x, -t)", "maximum(x, t)"),
    (VECTORS, "x**c", "abs(x)**c"),
    ("y: simplex[n, k]; ", "sum(y, axis=0)", "ones(k)"),
    ("y: unit[n]; ", "y**2", "y"),
    ("y: binary[n]; ", "(y - 1/2)**2", "y/4"),
    ("Q: orthonormal[n, d]; x: real[n]; ", "Q@(Q.T@x)", "x"),
]


@pytest.mark.parametrize(("declarations", "left", "right"), EQUAL)
def test_equal_expressions_are_proved_without_facts(declarations: str, left: str, right: str) -> None:
    found = proof(declarations, left, right)
    assert found is not None
    assert found.facts == ()


@pytest.mark.parametrize(("declarations", "left", "right", "fact"), WITH_FACTS)
def test_facts_are_used_and_listed(declarations: str, left: str, right: str, fact: str) -> None:
    found = proof(declarations, left, right)
    assert found is not None
    assert any(fact in used for used in found.facts), found.facts
    a, b = program(declarations, left), program(declarations, right)
    assert prove_equal(a, a.outputs[0], b, b.outputs[0], fixed=()) is None


@pytest.mark.parametrize(("declarations", "left", "right"), DIFFERENT)
def test_different_expressions_are_not_proved(declarations: str, left: str, right: str) -> None:
    assert proof(declarations, left, right) is None


def values(target: Program, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        evaluate(target, sample(target.inputs, sizes, rng))[target.outputs[0]]
        for sizes in size_assignments(target)
        for _ in range(3)
    ]


@pytest.mark.parametrize("declarations", [VECTORS, MATRICES, REGRESSION])
def test_no_two_different_values_are_proved_equal(declarations: str) -> None:
    """Every pair of the expressions above over the same inputs: a proof implies equal numbers."""
    pairs = [*EQUAL, *DIFFERENT]
    texts = sorted({side for d, left, right in pairs if d == declarations for side in (left, right)})
    programs = [program(declarations, expression) for expression in texts]
    forms = [normal_form(target, target.outputs[0]) for target in programs]
    numbers = [values(target, seed=1) for target in programs]
    proved = 0
    for i, j in itertools.combinations(range(len(texts)), 2):
        if programs[i].output.shape != programs[j].output.shape:
            continue
        found = prove_equal(programs[i], programs[i].outputs[0], programs[j], programs[j].outputs[0])
        assert (found is not None) or forms[i] != forms[j]
        if found is not None:
            proved += 1
            for a, b in zip(numbers[i], numbers[j], strict=True):
                both = np.isfinite(a) & np.isfinite(b)
                np.testing.assert_allclose(a[both], b[both], rtol=1e-9, atol=1e-9, err_msg=f"{texts[i]} {texts[j]}")
    assert proved >= 4


def test_kinks_are_named() -> None:
    found = proof(VECTORS, "where(x > 0, 1, where(x < 0, -1, 3))", "sign(x)")
    assert found is not None
    assert found.kinks == ("x[i]",)


def test_shapes_that_only_happen_to_agree_are_not_equal() -> None:
    assert proof("X: real[n, d]; ", "X", "X.T") is None


def test_limits_give_no_answer_instead_of_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = "sum((x+y+p+c)**9)", "sum((p+c+x+y)**8*(x+y+p+c))"
    monkeypatch.setattr(arithmetic, "MAX_WORK", 500)
    assert proof(VECTORS, left, right) is None
    target = program(VECTORS, left)
    with pytest.raises(ProofLimit):
        normal_form(target, target.outputs[0])


def test_growth_is_bounded() -> None:
    """A product of many sums would have 4**24 terms."""
    product = "*".join(f"(sum(x**{k}) + sum(y**{k}) + c**{k} + t**{k})" for k in range(1, 24))
    assert proof(VECTORS, product, product + " + 0*c + c - c + sin(c)") is None


def test_normal_form_as_text() -> None:
    target = program(REGRESSION, "X.T@(X@w)")
    assert text(normal_form(target, target.outputs[0])) == "sum_j,k(X[k,j]*X[k,i]*w[j])"


def test_proofs_repeat() -> None:
    first, again = (proof(REGRESSION, "X.T@clip(X@w, -t, t)", "X.T@maximum(-t, minimum(t, X@w))") for _ in range(2))
    assert first == again
