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
INVERSES = MATRICES + "S: spd[n, n]; X: real[n, d]; p: positive[n]; l: positive; c: real; "
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
    (VECTORS, "where(x >= max(x), 1, 0)", "where(x == max(x), 1, 0)"),
    (VECTORS, "where(x > min(x), 1, 0)", "1 - where(x == min(x), 1, 0)"),
    (VECTORS, "sum(where(x == max(x), 1, 0))", "1"),
    (VECTORS, "abs(max(x) - x)", "max(x) - x"),
    (VECTORS, "where(max(x) > c, 1, -1)", "sign(max(x) - c)"),
    (VECTORS, "where(relu(x) == 0, 1, 0)", "where(x <= 0, 1, 0)"),
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
    (MATRICES, "Σ_{i≠j} A_ij*x_j", "sum(A@x) - sum(diag(A)*x)"),
    (MATRICES, "z_i = Σ_k A_ik*(x_i - x_k); z", "z_i = Σ_{k≠i} A_ik*(x_i - x_k); z"),
    (MATRICES, "where(eye(n) == 1, 0, A)", "where(eye(n) == 0, A, 0)"),
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
    (INVERSES, "inv(A.T)", "inv(A).T"),
    (INVERSES, "inv(A)@A", "eye(n)"),
    (INVERSES, "A@solve(A, x)", "x"),
    (INVERSES, "trace(B@inv(A)@A)", "trace(B)"),
    (INVERSES, "inv(-c*A)", "-inv(A)/c"),
    (INVERSES, "inv(A@diag(p)@B)", "inv(B)@diag(1/p)@inv(A)"),
    (INVERSES, "inv(inv(A)@inv(B))", "B@A"),
    (INVERSES, "inv(A+B)@A", "eye(n) - inv(A+B)@B"),
    (INVERSES, "A@inv(A+B)@B", "B@inv(A+B)@A"),
    (INVERSES, "inv(A) - inv(B)", "inv(A)@(B-A)@inv(B)"),
    (INVERSES, "inv(inv(A)+inv(B))", "A@inv(A+B)@B"),
    (INVERSES, "inv(X.T@X)", "inv(X.T@X).T"),
    (INVERSES, "inv(X.T@X/n + l*eye(d))", "n*inv(X.T@X + n*l*eye(d))"),
    (INVERSES, "inv(X.T@X + l*eye(d))@X.T@X", "eye(d) - l*inv(X.T@X + l*eye(d))"),
    (INVERSES, "inv(X.T@X + l*eye(d))@X.T", "X.T@inv(X@X.T + l*eye(n))"),
    (INVERSES, "inv(A + outer(x, y))", "inv(A) - outer(inv(A)@x, y@inv(A))/(1 + y@inv(A)@x)"),
    (INVERSES, "inv(A + X@X.T)", "inv(A) - inv(A)@X@inv(eye(d) + X.T@inv(A)@X)@X.T@inv(A)"),
    (INVERSES, "det(c*A)", "c**n*det(A)"),
    (INVERSES, "det(A@B)", "det(B)*det(A.T)"),
    (INVERSES, "det(inv(A))*det(A)", "1"),
    (INVERSES, "logdet(c*A@B)", "n*log(abs(c)) + logdet(A) + logdet(B)"),
    (INVERSES, "logdet(diag(p)@A)", "sum(log(p)) + logdet(A)"),
    (INVERSES, "logdet(A)", "log(abs(det(A)))"),
    (INVERSES, "logdet(S)", "log(det(S))"),
    (INVERSES, "logdet(inv(A))", "-logdet(A)"),
    (INVERSES, "det(expm(A))", "exp(trace(A))"),
    (INVERSES, "expm(A.T + A)", "expm(A + A.T).T"),
    (INVERSES, "cholesky(A)@cholesky(A).T", "(A + A.T)/2"),
    (INVERSES, "inv(cholesky(A)).T@inv(cholesky(A))", "inv((A + A.T)/2)"),
    (INVERSES, "2*sum(log(diag(cholesky(A))))", "logdet(A + A.T) - n*log(2)"),
    (INVERSES, "tril(cholesky(A))", "cholesky(A)"),
    (INVERSES, "triu(inv(cholesky(A)))", "diag(1/diag(cholesky(A)))"),
    (INVERSES, "eigvectors(A)@diag(eigvalsh(A))@eigvectors(A).T", "(A + A.T)/2"),
    (INVERSES, "eigvectors(A).T@(A + A.T)@eigvectors(A)", "2*diag(eigvalsh(A))"),
    (INVERSES, "eigvectors(A)@eigvectors(A).T", "eye(n)"),
    (INVERSES, "inv(eigvectors(A))", "eigvectors(A).T"),
    (INVERSES, "sum(eigvalsh(A))", "trace(A)"),
    (INVERSES, "prod(eigvalsh(A))", "det((A + A.T)/2)"),
    (INVERSES, "logdet(diag(eigvalsh(A)))", "logdet(A + A.T) - n*log(2)"),
    (INVERSES, "sum(eigvalsh(A)**2)", "sum((A + A.T)**2)/4"),
    (INVERSES, "left_singular(X)@diag(svdvals(X))@right_singular(X).T", "X"),
    (INVERSES, "eigvectors(S)@diag(eigvalsh(S)**3)@eigvectors(S).T*8", "matrix_power(S + S.T, 3)"),
    (INVERSES, "eigvectors(A)@diag(1/eigvalsh(A))@eigvectors(A).T", "2*inv(A + A.T)"),
    (INVERSES, "left_singular(X)@diag(svdvals(X)**3)@right_singular(X).T", "X@X.T@X"),
    (INVERSES, "right_singular(X)@diag(svdvals(X)**2)@right_singular(X).T", "X.T@X"),
    (INVERSES, "X@right_singular(X)", "left_singular(X)@diag(svdvals(X))"),
    (INVERSES, "sum(svdvals(X.T))", "sum(svdvals(X))"),
    (INVERSES, "inv(exp(c)*A + exp(-c)*B)", "exp(c)*inv(exp(2*c)*A + B)"),
    (MATRICES, "einsum('ab,cb,cd,ed,ef,af->', A, A, A, A, A, A)", "einsum('qr,st,sr,uv,ut,qv->', A, A, A, A, A, A)"),
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
    ("Q: orthonormal[n, n]; x: real[n]; ", "Q@Q.T@x", "x", "Q are orthonormal"),
    ("Q: orthonormal[n, n]; ", "inv(Q)", "Q.T", "Q are orthonormal"),
    ("S: spd[n, n]; ", "inv(S)", "inv(S).T", "S is symmetric"),
    ("S: spd[n, n]; X: real[n, d]; ", "inv(X.T@S@X)", "inv(X.T@S@X).T", "S is symmetric"),
    ("S: symmetric[n, n]; ", "expm(S)", "expm(S).T", "S is symmetric"),
    ("T: symmetric[n, n]; ", "exp(T@T@T)", "exp((T@T@T).T)", "T is symmetric"),
    ("D: diagonal[n, n]; ", "inv(D)", "diag(1/diag(D))", "D is diagonal"),
    ("D: diagonal[n, n]; ", "inv(D)", "inv(D).T", "D is diagonal"),
    ("D: diagonal[n, n]; A: real[n, n]; ", "D@A", "diag(D)[:, None]*A", "D is diagonal"),
    ("D: diagonal[n, n]; ", "logdet(D)", "sum(log(abs(diag(D))))", "D is diagonal"),
    ("L: lower[n, n]; ", "tril(L)", "L", "L is lower triangular"),
    ("L: lower[n, n]; ", "diag(inv(L))", "1/diag(L)", "L is lower triangular"),
    ("L: lower[n, n]; ", "triu(inv(L).T)", "inv(L.T)", "L is lower triangular"),
    ("L: lower[n, n]; ", "det(L)", "prod(diag(L))", "L is lower triangular"),
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
    (VECTORS, "where(x == max(x), 1, 0)", "zeros(n)"),
    (VECTORS, "where(x < max(x), 1, 0)", "ones(n)"),
    (VECTORS, "sign(max(x) - x)", "ones(n)"),
    (VECTORS, "where(x**2 == max(x)**2, 1, 0)", "zeros(n)"),
    (VECTORS, "where(relu(x) == 0, 1, 0)", "zeros(n)"),
    (INVERSES, "inv(A)", "inv(A).T"),
    (INVERSES, "inv(A)", "inv(A.T)"),
    (INVERSES, "inv(A)@B", "B@inv(A)"),
    (INVERSES, "inv(A@B)", "inv(A)@inv(B)"),
    (INVERSES, "inv(A).T@A", "eye(n)"),
    (INVERSES, "inv(A)@A", "ones((n, n))"),
    (INVERSES, "inv(A+B)@A", "eye(n) + inv(A+B)@B"),
    (INVERSES, "inv(A+B)@A", "eye(n) - B@inv(A+B)"),
    (INVERSES, "inv(S)*inv(S)", "inv(S*S)"),
    (INVERSES, "inv(X.T@X + l*eye(d))@X.T@X", "eye(d) - inv(X.T@X + l*eye(d))"),
    (INVERSES, "inv(A + outer(x, y))", "inv(A) - outer(inv(A)@y, x@inv(A))/(1 + y@inv(A)@x)"),
    (INVERSES, "det(c*A)", "c*det(A)"),
    (INVERSES, "det(A+B)", "det(A) + det(B)"),
    (INVERSES, "det(X.T@X)", "det(X@X.T)"),
    (INVERSES, "det(inv(A))", "det(A)"),
    (INVERSES, "logdet(A)", "log(det(A))"),
    (INVERSES, "logdet(2*A)", "log(2) + logdet(A)"),
    (INVERSES, "expm(A)", "expm(A).T"),
    (INVERSES, "expm(A+B)", "expm(A)@expm(B)"),
    (INVERSES, "expm(A)", "exp(A)"),
    (INVERSES, "cholesky(S).T@cholesky(S)", "S"),
    (INVERSES, "cholesky(A)@cholesky(A).T", "A"),
    (INVERSES, "eigvectors(A)@diag(eigvalsh(A))@eigvectors(A).T", "A"),
    (INVERSES, "eigvectors(A).T@diag(eigvalsh(A))@eigvectors(A)", "(A + A.T)/2"),
    (INVERSES, "left_singular(X)@left_singular(X).T", "eye(n)"),
    (INVERSES, "pinv(X)@X", "eye(d)"),
    ("L: lower[n, n]; ", "triu(L)", "L"),
    ("L: lower[n, n]; ", "inv(L)", "diag(1/diag(L))"),
    ("Q: orthonormal[n, d]; ", "Q@Q.T", "eye(n)"),
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


def test_equal_forms_of_functions_of_matrices_mean_equal_numbers() -> None:
    texts = sorted({side for d, *sides in [*EQUAL, *DIFFERENT] if d == INVERSES for side in sides})
    programs = [program(INVERSES, expression) for expression in texts]
    forms = [normal_form(target, target.outputs[0]) for target in programs]
    numbers = [values(target, seed=3) for target in programs]
    known = [(form, target.output.shape) for form, target in zip(forms, programs, strict=True)]
    equal = [(i, j) for i, j in itertools.combinations(range(len(texts)), 2) if known[i] == known[j]]
    for i, j in equal:
        for a, b in zip(numbers[i], numbers[j], strict=True):
            both = np.isfinite(a) & np.isfinite(b)
            np.testing.assert_allclose(a[both], b[both], rtol=1e-7, atol=1e-9, err_msg=f"{texts[i]} {texts[j]}")
    assert len(equal) > 30


def test_kinks_are_named() -> None:
    found = proof(VECTORS, "where(x > 0, 1, where(x < 0, -1, 3))", "sign(x)")
    assert found is not None
    assert found.kinks == ("x[i]",)
    largest = "sum(where(x == max(x), x, 0))/sum(where(x == max(x), 1, 0))"
    found = proof(VECTORS, largest, "sum(where(x >= max(x), x, 0))")
    assert found is not None
    assert found.kinks == ("x[i] - x[j]",)


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
    target = program(MATRICES, "det(A + A.T)*inv(A + A.T)")
    form = text(normal_form(target, target.outputs[0]))
    assert form == "det(A[l,k] + A[k,l] over k,l)*inv(A[l,k] + A[k,l] over k,l)[i,j]"


def test_proofs_repeat() -> None:
    first, again = (proof(REGRESSION, "X.T@clip(X@w, -t, t)", "X.T@maximum(-t, minimum(t, X@w))") for _ in range(2))
    assert first == again
