"""Functions that move, join, cut and repeat entries: values and derivatives beside NumPy and JAX."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from against_jax import SIZES, Case, agree, check_hessian, check_kernel, check_value_and_derivatives

import chainrule as cr
from chainrule.derive.errors import ChainruleError, DomainError, NotationError, ShapeError

DECLARED = "x: real[n]; X: real[n,d]; Z: real[n,d]; T: real[n,d,k]; A: real[n,n]; y: count[m]; "



def _neg_entropy(np: Any, weights: Any) -> Any:
    shares = weights / weights.sum(1, keepdims=True)
    return np.sum(shares * np.log(np.where(shares > 0, shares, 1)), axis=1)


ROWS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    ("transpose(T, (2,0,1))", lambda np, s: np.transpose(s.T, (2, 0, 1))),
    ("T.transpose(2,0,1)", lambda np, s: np.transpose(s.T, (2, 0, 1))),
    ("T.swapaxes(0,-1)^2", lambda np, s: np.swapaxes(s.T, 0, -1) ** 2),
    ("moveaxis(T, 0, -1)", lambda np, s: np.moveaxis(s.T, 0, -1)),
    ("moveaxis(T, (0,1), (2,0))", lambda np, s: np.moveaxis(s.T, (0, 1), (2, 0))),
    ("expand_dims(X, (0,2))*1", lambda np, s: np.expand_dims(s.X, (0, 2))),
    ("squeeze(expand_dims(X,1))", lambda np, s: s.X),
    ("reshape(X, (d, n))^2", lambda np, s: s.X.reshape(s.d, s.n) ** 2),
    ("reshape(X, -1)", lambda np, s: s.X.reshape(-1)),
    ("T.reshape(n, -1)", lambda np, s: s.T.reshape(s.n, -1)),
    ("T.reshape(-1, k) @ ones(k)", lambda np, s: s.T.reshape(-1, s.k) @ np.ones(s.k)),
    ("reshape(reshape(T, -1), (k, n*d))", lambda np, s: s.T.reshape(s.k, -1)),
    ("ravel(T)*2", lambda np, s: s.T.ravel() * 2),
    ("vec(T)", lambda np, s: np.transpose(s.T, (2, 1, 0)).ravel()),
    ("vec(X)^2", lambda np, s: s.X.T.ravel() ** 2),
    ("flip(X)", lambda np, s: np.flip(s.X)),
    ("flip(X, 1)^2", lambda np, s: np.flip(s.X, 1) ** 2),
    ("roll(x, 2)*x", lambda np, s: np.roll(s.x, 2) * s.x),
    ("roll(X, -1)", lambda np, s: np.roll(s.X, -1)),
    ("roll(X, 1, axis=0)^2", lambda np, s: np.roll(s.X, 1, axis=0) ** 2),
    ("roll(T, 1, axis=(0,2))", lambda np, s: np.roll(s.T, (1, 1), axis=(0, 2))),
    ("repeat(X, 3, axis=1)^2", lambda np, s: np.repeat(s.X, 3, axis=1) ** 2),
    ("repeat(X, 2)", lambda np, s: np.repeat(s.X, 2)),
    ("tile(X, (2,3))^2", lambda np, s: np.tile(s.X, (2, 3)) ** 2),
    ("tile(x, 2)", lambda np, s: np.tile(s.x, 2)),
    ("broadcast_to(x, (d, n))^2", lambda np, s: np.broadcast_to(s.x, (s.d, s.n)) ** 2),
    ("pad(x, 1)^2", lambda np, s: np.pad(s.x, 1) ** 2),
    ("pad(X, ((0,1),(2,0)))", lambda np, s: np.pad(s.X, ((0, 1), (2, 0)))),
    ("pad(x, (0,2)) * pad(x, (2,0))", lambda np, s: np.pad(s.x, (0, 2)) * np.pad(s.x, (2, 0))),
    ("diff(x)^2", lambda np, s: np.diff(s.x) ** 2),
    ("diff(X, axis=0, n=2)", lambda np, s: np.diff(s.X, n=2, axis=0)),
    ("cumsum(X)^2", lambda np, s: np.cumsum(s.X) ** 2),
    ("cumsum(X, axis=0)*Z", lambda np, s: np.cumsum(s.X, axis=0) * s.Z),
    ("X.cumsum(1)", lambda np, s: np.cumsum(s.X, axis=1)),
    ("cumprod(X, axis=1)", lambda np, s: np.cumprod(s.X, axis=1)),
    ("cumprod(x)", lambda np, s: np.cumprod(s.x)),
    ("tril(X)^2", lambda np, s: np.tril(s.X) ** 2),
    ("triu(A, 1) @ x", lambda np, s: np.triu(s.A, 1) @ s.x),
    ("tril(T, -1)", lambda np, s: np.tril(s.T, -1)),
    ("diag(x, 1)", lambda np, s: np.diag(s.x, 1)),
    ("diag(x, -2) @ ones(n+2)", lambda np, s: np.diag(s.x, -2) @ np.ones(s.n + 2)),
    ("diag(A, 1)^2", lambda np, s: np.diag(s.A, 1) ** 2),
    ("diag(A, -2)", lambda np, s: np.diag(s.A, -2)),
    ("trace(A, 1)", lambda np, s: np.trace(s.A, 1)),
    ("trace(einsum('ij,k->ijk', A, x))", lambda np, s: np.trace(np.einsum("ij,k->ijk", s.A, s.x))),
    (
        "diagonal(einsum('ij,k->kij', A, x), axis1=1, axis2=2)",
        lambda np, s: np.diagonal(np.einsum("ij,k->kij", s.A, s.x), axis1=1, axis2=2),
    ),
    # arrays written out
    ("[[x[0], 2], [-1, x[1]]] @ [0.5, x[2]]", lambda np, s: np.array([s.x[0] / 2 + 2 * s.x[2],
     -1 / 2 + s.x[1] * s.x[2]])),
    # masks with -inf; comparisons as numbers
    ("softmax(where(tril(ones((n,n))) > 0, A, -inf), axis=1) @ X", lambda np, s: np.tril(np.exp(s.A))
     / np.tril(np.exp(s.A)).sum(1, keepdims=True) @ s.X),
    ("softmax(A + triu(full((n,n), -inf), 1), axis=1)^2", lambda np, s: (np.tril(np.exp(s.A))
     / np.tril(np.exp(s.A)).sum(1, keepdims=True)) ** 2),
    ("P = softmax(where(eye(n) == 1, -inf, A), axis=1); sum(P*log(P), axis=1)",
     lambda np, s: _neg_entropy(np, np.exp(s.A) * (1 - np.eye(s.n)))),
    ("logsumexp(where(x > min(x), x, -inf))", lambda np, s: np.log(np.sum(np.where(s.x > s.x.min(), np.exp(s.x), 0)))),
    ("min(where(X < max(X, axis=0), X, inf), axis=0)^2", lambda np, s: np.where(s.X.max(0) > s.X, s.X, 99).min(0) ** 2),
    ("x*(0.3 - (x < 0)) + sum(X > 0)*x", lambda np, s: s.x * (0.3 - (s.x < 0)) + (s.X > 0).sum() * s.x),
    ("kron(X, A)", lambda np, s: np.kron(s.X, s.A)),
    ("kron(x, X)^2", lambda np, s: np.kron(s.x, s.X) ** 2),
    ("sum(kron(X, Z)^2)", lambda np, s: (np.kron(s.X, s.Z) ** 2).sum()),
    ("kron(X, eye(k)) @ ones(d*k)", lambda np, s: np.kron(s.X, np.eye(s.k)) @ np.ones(s.d * s.k)),
    ("outer(X, x)", lambda np, s: np.outer(s.X, s.x)),
    ("tensordot(T, X, ((0,1),(0,1)))", lambda np, s: np.tensordot(s.T, s.X, ((0, 1), (0, 1)))),
    ("tensordot(X.T, T, 1)", lambda np, s: np.tensordot(s.X.T, s.T, 1)),
    ("concat((X,Z), 1)^2", lambda np, s: np.concatenate((s.X, s.Z), 1) ** 2),
    ("stack(X, Z, axis=1)^2", lambda np, s: np.stack((s.X, s.Z), 1) ** 2),
    ("sum(exp(stack(x, 2*x, x^2)))", lambda np, s: np.exp(np.stack((s.x, 2 * s.x, s.x**2))).sum()),
    ("hstack(X, Z)", lambda np, s: np.hstack((s.X, s.Z))),
    ("vstack(x, 2*x)", lambda np, s: np.vstack((s.x, 2 * s.x))),
    ("column_stack(x, X)", lambda np, s: np.column_stack((s.x, s.X))),
    ("block([[A, X], [X.T, eye(d)]])", lambda np, s: np.block([[s.A, s.X], [s.X.T, np.eye(s.d)]])),
    ("take(X, y, axis=0)^2", lambda np, s: np.take(s.X, s.y, axis=0) ** 2),
    ("eye(n, d, 1)*X", lambda np, s: np.eye(s.n, s.d, 1) * s.X),
    ("arange(1, n+1)*x", lambda np, s: np.arange(1, s.n + 1) * s.x),
    ("onehot(y, n) @ x", lambda np, s: (s.y[:, None] == np.arange(s.n)) @ s.x),
    ("einsum('i...,ij->j...', T, A)", lambda np, s: np.einsum("i...,ij->j...", s.T, s.A)),
    ("einsum('...j,...j', X, T[0].T[0])", lambda np, s: np.einsum("...j,...j", s.X, s.T[0].T[0])),
    ("einsum('ii...', A)", lambda np, s: np.einsum("ii...", s.A)),
    ("take_along_axis(X[y], y[:,None] - y[:,None], axis=1)", lambda np, s: s.X[s.y][:, :1]),
)


def case(text: str, same: Callable[[Any, Any], Any], sizes: dict[str, int]) -> Case:
    """The formula with all declarations, and NumPy's value as a function of the inputs and sizes."""
    return Case(DECLARED + text, lambda np_, **arrays: same(np_, SimpleNamespace(**arrays, **sizes)))


@pytest.mark.parametrize("sizes", SIZES, ids=("n5", "n4"))
@pytest.mark.parametrize(("text", "same"), ROWS, ids=[row[0] for row in ROWS])
def test_values_and_derivatives(text: str, same: Callable[[Any, Any], Any], sizes: dict[str, int]) -> None:
    check_value_and_derivatives(case(text, same, sizes), sizes)


@pytest.mark.parametrize(("text", "same"), ROWS, ids=[row[0] for row in ROWS])
def test_kernels(text: str, same: Callable[[Any, Any], Any]) -> None:
    for sizes in SIZES:
        check_kernel(case(text, same, sizes), sizes)


SECOND: tuple[tuple[str, str, Callable[[Any, Any], Any]], ...] = (
    ("sum(tril(A)^3)", "A", lambda np, s: (np.tril(s.A) ** 3).sum()),
    ("sum(kron(x, x)^2)", "x", lambda np, s: (np.kron(s.x, s.x) ** 2).sum()),
    ("sum(cumprod(x))", "x", lambda np, s: np.cumprod(s.x).sum()),
    ("sum(cumsum(x)^3)", "x", lambda np, s: (np.cumsum(s.x) ** 3).sum()),
    ("sum(exp(diff(x)))", "x", lambda np, s: np.exp(np.diff(s.x)).sum()),
    ("sum(pad(x, 2)^3 * arange(n + 4))", "x", lambda np, s: (np.pad(s.x, 2) ** 3 * np.arange(s.n + 4)).sum()),
    ("x @ flip(x)^2", "x", lambda np, s: s.x @ np.flip(s.x) ** 2),
    ("sum(roll(x, 1) * x^2)", "x", lambda np, s: (np.roll(s.x, 1) * s.x**2).sum()),
    ("sum(reshape(X, (d, n))^3)", "X", lambda np, s: (s.X**3).sum()),
    ("sum(exp(concat(x, 2*x)))", "x", lambda np, s: np.exp(np.concatenate((s.x, 2 * s.x))).sum()),
    ("sum(vec(X)^2 * vec(Z))", "X", lambda np, s: (s.X**2 * s.Z).sum()),
    ("sum(exp(stack(x, x^2)))", "x", lambda np, s: np.exp(np.stack((s.x, s.x**2))).sum()),
)


@pytest.mark.parametrize(("text", "wrt", "same"), SECOND, ids=[row[0] for row in SECOND])
def test_second_derivatives(text: str, wrt: str, same: Callable[[Any, Any], Any]) -> None:
    for sizes in SIZES:
        check_hessian(case(text, same, sizes), wrt, sizes)


# ---- around -------------------------------------------------------------------------------------


def test_cumprod_has_an_exact_derivative_at_zeros() -> None:
    """JAX gives NaN here."""
    result = cr.jacobian("x: real[n]; cumprod(x)", wrt="x").result["x"]
    agree(result.evaluate(x=[2.0, 0.0, 3.0]), np.array([[1.0, 0, 0], [0, 2, 0], [0, 6, 0]]))
    value, slope = cr.kernel("x: real[n]; sum(cumprod(x))", wrt="x")(x=[2.0, 0.0, 3.0, 0.0])
    assert value == 2
    agree(slope, np.array([1.0, 8, 0, 0]))


def test_what_lies_outside_a_triangle_does_not_count() -> None:
    """As in NumPy, infinite entries that are cut off leave zeros."""
    f = cr.formula("A: real[n,n]; sum(tril(A))")
    assert f.evaluate(A=[[1.0, np.inf], [2.0, 3.0]]) == 6
    assert cr.kernel(f).value(A=[[1.0, np.inf], [2.0, 3.0]]) == 6
    agree(cr.formula("x: real[n]; cumsum(x)").evaluate(x=[1.0, np.inf]), np.array([1, np.inf]))
    agree(cr.formula("x: real[n]; diag(x)").evaluate(x=[1.0, np.inf]), np.diag([1, np.inf]))


@pytest.mark.parametrize(
    ("text", "wrt", "index"),
    [
        ("A: real[n,m]; B: real[p,q]; C: real[r,s]; sum(kron(A, B))^2", "A", "2 (sum_ij A[i,j])"),
    ],
)
def test_no_quotients_are_printed_where_an_axis_splits(text: str, wrt: str, index: str) -> None:
    found = cr.gradient(text, wrt=wrt).result[wrt].index()
    assert "//" not in found
    assert "%" not in found


def test_a_kronecker_factor_is_read_at_one_digit() -> None:
    d = cr.gradient("A: real[n,m]; B: real[p,q]; sum(kron(A, B)^2)", wrt="A")
    assert d.result["A"].index() == "2 A[i,j] sum_k sum_l B[k,l]^2"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("X: real[n,d]; transpose(X, (0, 0))", ShapeError, "an axis is named twice"),
        ("X: real[n,d]; transpose(X, (0,))", ShapeError, "the order names 1 axes"),
        ("X: real[n,d]; squeeze(X, 0)", ShapeError, "axis 0 of X cannot be left out"),
        ("X: real[n,d]; swapaxes(X, 0, 2)", ShapeError, "X has no axis 2"),
        ("x: real[6]; reshape(x, (4, 2))", ShapeError, "x cannot be reshaped to (4, 2)"),
        ("x: real[6]; reshape(x, (4, -1))", ShapeError, "cannot be reshaped"),
        ("x: real[6]; reshape(x, (-1, -1))", NotationError, "one length of a new shape"),
        ("x: real[n]; broadcast_to(x, (n, 3))", ShapeError, "broadcast_to"),
        ("x: real[n]; tril(x)", ShapeError, "x has no triangle"),
        ("T: real[n,n,n]; diag(T)", ShapeError, "diag takes a vector or a matrix"),
        ("X: real[n,d]; trace(X)", ShapeError, "the diagonal needs a square matrix"),
        ("X: real[3,3]; diag(X, 3)", ShapeError, "there is no diagonal 3"),
        ("x: real[1]; diff(x)", ShapeError, "too short for diff"),
        ("x: real[n]; pad(x, (1, 2, 3))", NotationError, "this is no width for pad"),
        ("x: real[n]; pad(x, -1)", NotationError, "this is no width for pad"),
        ("X: real[n,d]; concat(X, X, axis=2)", ShapeError, "X has no axis 2"),
        ("X: real[n,d]; x: real[n]; concat(X, x)", ShapeError, "the same number of axes"),
        ("X: real[n,d]; block([[X, X], X])", NotationError, "one depth of brackets"),
        ("A: real[n,d]; B: real[k,n]; tensordot(A, B, 1)", ShapeError, "tensordot: axis 1 of A has length d"),
        ("A: real[n,d]; tensordot(A, A, 3)", NotationError, "no axes of tensordot"),
        ("X: real[n,d]; einsum('i...', X[0] * X[0, 0])[0] * einsum('...->', X)", NotationError, "the output lacks"),
        ("y: real[n]; onehot(y, 3)", NotationError, "not made of integers"),
        ("y: count[n]; X: real[n,d]; take_along_axis(X, y, 1)", ShapeError, "with as many axes"),
    ],
)
def test_refusals(text: str, error: type[ChainruleError], words: str) -> None:
    with pytest.raises(error, match=re.escape(words)) as caught:
        cr.formula(text)
    assert caught.value.span is not None


def test_lengths_that_only_the_arrays_tell() -> None:
    f = cr.formula("x: real[n]; sum(reshape(x, (-1, 2))[:, 1]^2)")
    assert f.evaluate(x=[1.0, 2.0, 3.0, 4.0]) == 20
    with pytest.raises(ShapeError, match=re.escape("n = 3 does not fit the new shape")):
        f.evaluate(x=[1.0, 2.0, 3.0])
    g = cr.formula("x: real[n]; b: real[k]; reshape(x, (k, 3)).T @ b")
    agree(g.evaluate(x=np.arange(6.0), b=[1.0, 1.0]), np.arange(6.0).reshape(2, 3).T @ np.ones(2))
    with pytest.raises(ShapeError, match="n = 5 does not fit the new shape"):
        g.evaluate(x=np.arange(5.0), b=[1.0, 1.0])


def test_labels_of_onehot_lie_below_their_number() -> None:
    f = cr.formula("y: integer[n]; w: real[k]; onehot(y, k) @ w")
    agree(f.evaluate(y=[1, 0], w=[2.0, 3.0]), np.array([3.0, 2.0]))
    with pytest.raises(DomainError, match=re.escape("the label y[1] = 2 selects nothing along the k labels of y")):
        f.evaluate(y=[1, 2], w=[2.0, 3.0])
