"""Formulas read as programs and evaluated, against plain NumPy."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, special
from sympy import Integer, KroneckerDelta, Rational

from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.catalog.tensor_functions import NOT_A_TENSOR, TENSOR_BY_NAME, TENSOR_FUNCTIONS
from chainrule.derive.domains import DOMAINS
from chainrule.derive.errors import ChainruleError, NotationError, UnsupportedError
from chainrule.derive.notation.lower import ALL_LOWERINGS
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    IndexSum,
    Juxtaposed,
    Name,
    Negative,
    NewAxis,
    Number,
    Slice,
    Subscript,
    Text,
    Transpose,
    Tuple,
    walk,
)
from chainrule.derive.notation.tokens import canonical_name
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import bound_index, dim, free_index

#: Two assignments of sizes, so that nothing passes because two lengths happen to be equal.
SIZES = ({"n": 5, "d": 3, "k": 4}, {"n": 3, "d": 4, "k": 2})
DECLARATIONS = {
    "X": "real[n, d]", "Z": "real[n, d]", "W": "real[d, k]", "A": "real[n, n]", "B": "real[n, n]", "T": "real[n, d, k]",
    "F": "real[d, k]", "x": "real[n]", "y": "real[n]", "c": "real[n, 1]", "v": "real[d]", "w": "real[d]",
    "p": "unit[n]", "q": "positive[n]", "P": "unit[n, k]", "Y": "onehot[n, k]", "a": "real", "b": "positive",
    "three": "real[3]", "λ": "positive", "ŷ": "unit[n]", "w₁": "real[d]",
}  # fmt: skip


def draw(domain: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    if domain == "positive":
        return rng.uniform(0.5, 2.0, shape)
    if domain == "unit":
        return rng.uniform(0.1, 0.9, shape)
    if domain == "onehot":
        return np.eye(shape[-1])[rng.integers(0, shape[-1], shape[:-1])]
    return rng.standard_normal(shape)


def sample(declarations: dict[str, str], sizes: dict[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    """Arrays that fit the declarations."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, text in declarations.items():
        domain, _, dims = text.rstrip("]").partition("[")
        shape = tuple(sizes.get(length.strip()) or int(length) for length in dims.split(",") if length)
        values[canonical_name(name)] = np.asarray(draw(domain, shape, rng))
    return values


def value(text: str, declarations: dict[str, str], values: dict[str, np.ndarray]) -> np.ndarray:
    program = parse_formula(text, declarations)
    extra = {item.name: 1.5 for item in program.inputs if item.name not in values}
    return evaluate(program, {**values, **extra})[program.outputs[0]]


def lse(x, axis=None, keepdims=False):
    return special.logsumexp(x, axis=axis, keepdims=keepdims)


def sigmoid(x):
    return special.expit(x)


def log(x):
    return np.log(x)


# (formula, what NumPy computes from the namespace of the arrays and sizes)
FORMULAS = [
    # operators and precedence
    ("1 + 2*3", lambda s: 7),
    ("-2**2", lambda s: -4),
    ("2**-1", lambda s: 0.5),
    ("2**3**2", lambda s: 512),
    ("-x**2", lambda s: -(s.x**2)),
    ("(-x)**2", lambda s: s.x**2),
    ("a/2/b", lambda s: s.a / 2 / s.b),
    ("a - 2 - b", lambda s: s.a - 2 - s.b),
    ("a/b*2", lambda s: s.a / s.b * 2),
    ("x*y/q", lambda s: s.x * s.y / s.q),
    ("+x - -y", lambda s: s.x + s.y),
    ("2*-x", lambda s: -2 * s.x),
    ("x^2 + x**2", lambda s: 2 * s.x**2),
    ("q**a", lambda s: s.q**s.a),
    ("2**x", lambda s: 2**s.x),
    ("q**0.5", lambda s: np.sqrt(s.q)),
    ("x * X.T @ y", lambda s: (s.x * s.X.T) @ s.y),
    ("Z*X @ W", lambda s: (s.Z * s.X) @ s.W),
    ("Z*X @ W / 2 * Y", lambda s: (s.Z * s.X) @ s.W / 2 * s.Y),
    ("X.T @ x / n", lambda s: s.X.T @ s.x / s.n),
    (".5*x + 5.*x + 1e-1*x + 2E2*x", lambda s: 205.6 * s.x),
    ("pi*x + π", lambda s: np.pi * s.x + np.pi),
    ("n*d + k", lambda s: s.n * s.d + s.k),
    ("x/n**2", lambda s: s.x / s.n**2),
    # broadcasting
    ("X + v", lambda s: s.X + s.v),
    ("c + v", lambda s: s.c + s.v),
    ("c*X + a", lambda s: s.c * s.X + s.a),
    ("T + F", lambda s: s.T + s.F),
    ("T * X[:, :, None]", lambda s: s.T * s.X[:, :, None]),
    ("x - c", lambda s: s.x - s.c),
    ("c - c.T", lambda s: s.c - s.c.T),
    ("x[:, None] - y[None, :]", lambda s: s.x[:, None] - s.y[None, :]),
    ("(X - v)**2", lambda s: (s.X - s.v) ** 2),
    ("q[:, None]**X", lambda s: s.q[:, None] ** s.X),
    ("maximum(c, v)", lambda s: np.maximum(s.c, s.v)),
    ("where(c > v, X, a)", lambda s: np.where(s.c > s.v, s.X, s.a)),
    # products
    ("X @ w", lambda s: s.X @ s.w),
    ("x @ X", lambda s: s.x @ s.X),
    ("x @ y", lambda s: s.x @ s.y),
    ("X @ W", lambda s: s.X @ s.W),
    ("x @ A @ y", lambda s: s.x @ s.A @ s.y),
    ("X @ T", lambda s: s.X @ s.T),
    ("A @ T[:, 0]", lambda s: s.A @ s.T[:, 0]),
    ("T @ W.T", lambda s: s.T @ s.W.T),
    ("T @ W[0]", lambda s: s.T @ s.W[0]),
    ("v @ T", lambda s: s.v @ s.T),
    ("X[:, None, :] @ T", lambda s: s.X[:, None, :] @ s.T),
    ("c @ c.T", lambda s: s.c @ s.c.T),
    ("c.T @ c", lambda s: s.c.T @ s.c),
    ("(x - y) @ tanh(A) @ exp(y)", lambda s: (s.x - s.y) @ np.tanh(s.A) @ np.exp(s.y)),
    ("X.T @ (sigmoid(X @ w) - p)", lambda s: s.X.T @ (sigmoid(s.X @ s.w) - s.p)),
    ("dot(x, y) + dot(2, a)", lambda s: s.x @ s.y + 2 * s.a),
    ("dot(X, W)", lambda s: np.dot(s.X, s.W)),
    ("x.dot(y)", lambda s: s.x @ s.y),
    ("outer(x, tanh(w))", lambda s: np.outer(s.x, np.tanh(s.w))),
    ("einsum('ij,jk->ik', X, W)", lambda s: s.X @ s.W),
    ('einsum("ij,kj", X, Z)', lambda s: np.einsum("ij,kj", s.X, s.Z)),
    ("einsum('ij , jk', W.T, X.T)", lambda s: np.einsum("ij,jk", s.W.T, s.X.T)),
    ("einsum('ba', X)", lambda s: np.einsum("ba", s.X)),
    ("einsum('ii', A)", lambda s: np.trace(s.A)),
    ("einsum('ii->i', A)", lambda s: np.diag(s.A)),
    ("einsum('ij->', X)", lambda s: s.X.sum()),
    ("einsum('i,j,k->kji', x, w, three)", lambda s: np.einsum("i,j,k->kji", s.x, s.w, s.three)),
    ("einsum('ij,ij,i->j', X, exp(Z), x)", lambda s: np.einsum("ij,ij,i->j", s.X, np.exp(s.Z), s.x)),
    ("einsum('ijk->kij', T)", lambda s: np.einsum("ijk->kij", s.T)),
    ("einsum('ij,jk->ik', c, v[None, :])", lambda s: s.c @ s.v[None, :]),
    ("einsum('ij,ij->ij', c, X)", lambda s: s.c * s.X),
    ("einsum('ij,k->ijk', eye(n), w)", lambda s: np.einsum("ij,k->ijk", np.eye(s.n), s.w)),
    # transposes and structure
    ("X.T", lambda s: s.X.T),
    ("X'", lambda s: s.X.T),
    ("Xᵀ @ X", lambda s: s.X.T @ s.X),
    ("T.T", lambda s: s.T.T),
    ("x.T", lambda s: s.x),
    ("a.T", lambda s: s.a),
    ("X''", lambda s: s.X),
    ("transpose(X) + X.transpose()", lambda s: 2 * s.X.T),
    ("trace(A @ B) + tr(A) + A.trace()", lambda s: np.trace(s.A @ s.B) + 2 * np.trace(s.A)),
    ("diag(x) @ A", lambda s: np.diag(s.x) @ s.A),
    ("A @ diag(exp(x))", lambda s: s.A @ np.diag(np.exp(s.x))),
    ("X.T @ diag(p*(1-p)) @ X / n", lambda s: s.X.T @ np.diag(s.p * (1 - s.p)) @ s.X / s.n),
    ("diag(A)", lambda s: np.diag(s.A)),
    ("diag(diag(A))", lambda s: np.diag(np.diag(s.A))),
    ("trace(diag(x) @ diag(y))", lambda s: s.x @ s.y),
    ("(A - a*eye(n)) @ x", lambda s: (s.A - s.a * np.eye(s.n)) @ s.x),
    ("norm(A - eye(n))**2", lambda s: ((s.A - np.eye(s.n)) ** 2).sum()),
    ("sum(eye(n))", lambda s: s.n),
    ("sum(eye(n)*A) + sum(eye(d))", lambda s: np.trace(s.A) + s.d),
    ("arange(n) @ x", lambda s: np.arange(s.n) @ s.x),
    ("arange(2, n + 2) @ x", lambda s: np.arange(2, s.n + 2) @ s.x),
    ("arange(1, 2*n, 2) @ x", lambda s: np.arange(1, 2 * s.n, 2) @ s.x),
    ("diff(X, axis=0)", lambda s: np.diff(s.X, axis=0)),
    ("kron(X, W)", lambda s: np.kron(s.X, s.W)),
    ("tensordot(T, F)", lambda s: np.tensordot(s.T, s.F)),
    ("tensordot(T, X, ((0, 1), (0, 1)))", lambda s: np.tensordot(s.T, s.X, ((0, 1), (0, 1)))),
    ("diagonal(T[:, :, 0] @ X.T, 1)", lambda s: np.diagonal(s.T[:, :, 0] @ s.X.T, 1)),
    ("swapaxes(T, 0, 1) + T.swapaxes(1, 0)", lambda s: 2 * np.swapaxes(s.T, 0, 1)),
    ("moveaxis(T, 0, -1)", lambda s: np.moveaxis(s.T, 0, -1)),
    ("transpose(T, (1, 2, 0)) + T.transpose(1, 2, 0)", lambda s: 2 * np.transpose(s.T, (1, 2, 0))),
    ("expand_dims(x, 1) * squeeze(c[:, :, None])", lambda s: np.expand_dims(s.x, 1) * np.squeeze(s.c)),
    ("reshape(X, (d, n)) + X.reshape(d, -1)", lambda s: 2 * s.X.reshape(s.d, s.n)),
    ("ravel(T) + T.flatten()", lambda s: 2 * s.T.ravel()),
    ("broadcast_to(v, (n, d))", lambda s: np.broadcast_to(s.v, (s.n, s.d))),
    ("flip(X, 0) + roll(X, 2, axis=1)", lambda s: np.flip(s.X, 0) + np.roll(s.X, 2, axis=1)),
    ("repeat(X, 2, axis=1) + tile(X, (1, 2))", lambda s: np.repeat(s.X, 2, axis=1) + np.tile(s.X, (1, 2))),
    ("pad(X, ((1, 0), (0, 2)))", lambda s: np.pad(s.X, ((1, 0), (0, 2)))),
    ("tril(A) + triu(A, 1)", lambda s: s.A),
    ("hstack(X, c)", lambda s: np.hstack((s.X, s.c))),
    ("vstack((x, y))", lambda s: np.vstack((s.x, s.y))),
    ("column_stack(x, X)", lambda s: np.column_stack((s.x, s.X))),
    ("block([[A, X], [X.T, eye(d)]])", lambda s: np.block([[s.A, s.X], [s.X.T, np.eye(s.d)]])),
    ("take(X, arange(2), axis=1)", lambda s: s.X[:, :2]),
    ("take_along_axis(X, arange(n)[:, None] - arange(n)[:, None], 1)", lambda s: s.X[:, :1]),
    ("onehot(arange(k), k) @ W.T", lambda s: s.W.T),
    ("eye(3) @ three", lambda s: s.three),
    ("exp(eye(n))", lambda s: np.exp(np.eye(s.n))),
    ("ones(n) @ X", lambda s: s.X.sum(0)),
    ("full((n, d), a)", lambda s: np.full((s.n, s.d), s.a)),
    ("ones((n, d)) + zeros(d)", lambda s: np.ones((s.n, s.d))),
    ("ones(n, d) + ones((2*d,))[d:]", lambda s: np.full((s.n, s.d), 2.0)),
    ("sum(ones(n)) + mean(zeros((n, 2)))", lambda s: s.n),
    ("X @ ones(d)", lambda s: s.X.sum(1)),
    ("tril(A) - triu(A)", lambda s: np.tril(s.A) - np.triu(s.A)),
    ("inv(A) + inv(A.T).T", lambda s: 2 * np.linalg.inv(s.A)),
    ("solve(A, x) + solve(A, X)[:, 0]", lambda s: np.linalg.solve(s.A, s.x) + np.linalg.solve(s.A, s.X)[:, 0]),
    ("det(A) + logdet(A)", lambda s: np.linalg.det(s.A) + np.linalg.slogdet(s.A)[1]),
    ("matrix_power(A, 3) - matrix_power(A, -1) + matrix_power(A, 0)",
     lambda s: s.A @ s.A @ s.A - np.linalg.inv(s.A) + np.eye(s.n)),
    ("cholesky(X@X.T + eye(n))", lambda s: np.linalg.cholesky(s.X @ s.X.T + np.eye(s.n))),
    ("pinv(X)", lambda s: np.linalg.pinv(s.X)),
    ("expm(A)", lambda s: linalg.expm(s.A)),
    ("eigvalsh(A) + eigvectors(A)[0]**2", lambda s: np.linalg.eigvalsh((s.A + s.A.T) / 2)
     + np.linalg.eigh((s.A + s.A.T) / 2)[1][0] ** 2),
    ("svdvals(X)**2", lambda s: np.linalg.svd(s.X, compute_uv=False) ** 2),
    ("left_singular(X)*left_singular(X)", lambda s: np.linalg.svd(s.X, full_matrices=False)[0] ** 2),
    ("right_singular(X)*right_singular(X)", lambda s: np.linalg.svd(s.X, full_matrices=False)[2].T ** 2),
    ("nuclear_norm(X) + spectral_norm(A)", lambda s: np.linalg.norm(s.X, "nuc") + np.linalg.norm(s.A, 2)),
    ("vec(X)", lambda s: s.X.reshape(-1, order="F")),
    ("vec(x)", lambda s: s.x),
    ("vec(T)", lambda s: s.T.reshape(-1, order="F")),
    ("outer(X, x)", lambda s: np.outer(s.X, s.x)),
    ("dot(T, W[0])", lambda s: np.dot(s.T, s.W[0])),
    ("dot(X, T)", lambda s: np.dot(s.X, s.T)),
    ("eye(n, d) * X + eye(n, d, -1)", lambda s: np.eye(s.n, s.d) * s.X + np.eye(s.n, s.d, -1)),
    ("vec(X) @ vec(Z)", lambda s: (s.X * s.Z).sum()),
    ("vec(A @ B)[1:]", lambda s: (s.A @ s.B).reshape(-1, order="F")[1:]),
    ("sum(vec(X)**2 * vec(Z)) + norm(vec(X - Z))**2", lambda s: (s.X**2 * s.Z + (s.X - s.Z) ** 2).sum()),
    ("max(vec(X))", lambda s: s.X.max()),
    ("concat(x, w)", lambda s: np.concatenate([s.x, s.w])),
    ("concat((X, Z, 2*X), axis=0)", lambda s: np.concatenate([s.X, s.Z, 2 * s.X])),
    ("concat([X, c], axis=-1)", lambda s: np.concatenate([s.X, s.c], axis=-1)),
    ("concatenate(X[:1], X)", lambda s: np.concatenate([s.X[:1], s.X])),
    ("sum(concat(x, w)**2)", lambda s: s.x @ s.x + s.w @ s.w),
    ("stack(x, y, x*y)", lambda s: np.stack([s.x, s.y, s.x * s.y])),
    ("stack((x, y), axis=1)", lambda s: np.stack([s.x, s.y], axis=1)),
    ("stack(X, Z, axis=-1)", lambda s: np.stack([s.X, s.Z], axis=-1)),
    ("stack(a, b, 3)", lambda s: np.array([s.a, s.b, 3])),
    # subscripts
    ("x[0] + x[-1]", lambda s: s.x[0] + s.x[-1]),
    ("x[n-1] - x[n - 2]", lambda s: s.x[-1] - s.x[-2]),
    ("X[1]", lambda s: s.X[1]),
    ("X[1, :] + X[-1]", lambda s: s.X[1] + s.X[-1]),
    ("X[:, 0]", lambda s: s.X[:, 0]),
    ("T[0, :, 1]", lambda s: s.T[0, :, 1]),
    ("X[0, 1]", lambda s: s.X[0, 1]),
    ("x[1:] - x[:-1]", lambda s: s.x[1:] - s.x[:-1]),
    ("sum((x[1:] - x[:-1])**2)", lambda s: (np.diff(s.x) ** 2).sum()),
    ("A[1:, :-1] @ x[:n-1]", lambda s: s.A[1:, :-1] @ s.x[:-1]),
    ("x[-2:]", lambda s: s.x[-2:]),
    ("three[1:9]", lambda s: s.three[1:9]),
    ("three[-9:2]", lambda s: s.three[-9:2]),
    ("X[None]", lambda s: s.X[None]),
    ("X[:, None, :] - Z", lambda s: s.X[:, None, :] - s.Z),
    ("sum((X[:, None, :] - X[None, :, :])**2, axis=-1)",
     lambda s: ((s.X[:, None] - s.X[None]) ** 2).sum(-1)),
    ("(X @ W)[0]", lambda s: (s.X @ s.W)[0]),
    ("sigmoid(X)[:, 1:][:, 0]", lambda s: sigmoid(s.X)[:, 1]),
    # reductions
    ("sum(X)", lambda s: s.X.sum()),
    ("sum(X, axis=0)", lambda s: s.X.sum(0)),
    ("sum(X, 1)", lambda s: s.X.sum(1)),
    ("sum(X, axis=-1, keepdims=True)", lambda s: s.X.sum(-1, keepdims=True)),
    ("sum(T, axis=(0, 2))", lambda s: s.T.sum((0, 2))),
    ("sum(T, axis=(0, -1), keepdims=True)", lambda s: s.T.sum((0, -1), keepdims=True)),
    ("sum(T, axis=(1,))", lambda s: s.T.sum(1)),
    ("sum(X, axis=None)", lambda s: s.X.sum()),
    ("sum(X, keepdims=True)", lambda s: s.X.sum(keepdims=True)),
    ("sum(3*a)", lambda s: 3 * s.a),
    ("X.sum(axis=0) + X.mean(0)", lambda s: s.X.sum(0) + s.X.mean(0)),
    ("(X**2).sum(1).max()", lambda s: (s.X**2).sum(1).max()),
    ("mean(X)", lambda s: s.X.mean()),
    ("mean(T, axis=(0, 1))", lambda s: s.T.mean((0, 1))),
    ("mean(c, axis=1)", lambda s: s.c[:, 0]),
    ("prod(X, axis=1)", lambda s: s.X.prod(1)),
    ("max(X, axis=0) - min(X)", lambda s: s.X.max(0) - s.X.min()),
    ("max(X, axis=1, keepdims=True)", lambda s: s.X.max(1, keepdims=True)),
    ("var(X, axis=0)", lambda s: s.X.var(0)),
    ("var(x) + std(x)", lambda s: s.x.var() + s.x.std()),
    ("std(X, axis=1, keepdims=True)", lambda s: s.X.std(1, keepdims=True)),
    ("logsumexp(X)", lambda s: lse(s.X)),
    ("logsumexp(X, axis=1)", lambda s: lse(s.X, 1)),
    ("logsumexp(1000*X, axis=0, keepdims=True)", lambda s: lse(1000 * s.X, 0, True)),
    ("norm(x)", lambda s: np.linalg.norm(s.x)),
    ("norm(X)", lambda s: np.linalg.norm(s.X)),
    ("norm(X, axis=1)", lambda s: np.linalg.norm(s.X, axis=1)),
    ("X / norm(X, axis=1, keepdims=True)", lambda s: s.X / np.linalg.norm(s.X, axis=1, keepdims=True)),
    ("norm(x - y)**2", lambda s: ((s.x - s.y) ** 2).sum()),
    ("norm(a)", lambda s: abs(s.a)),
    ("norm1(X, axis=0) + norm1(x)", lambda s: abs(s.X).sum(0) + abs(s.x).sum()),
    ("norm2(X, axis=0)*norminf(X)", lambda s: np.linalg.norm(s.X, axis=0) * abs(s.X).max()),
    ("softmax(x)", lambda s: special.softmax(s.x)),
    ("softmax(X)", lambda s: special.softmax(s.X, axis=-1)),
    ("softmax(X, axis=0)", lambda s: special.softmax(s.X, axis=0)),
    ("softmax(tanh(X) @ W, 1)", lambda s: special.softmax(np.tanh(s.X) @ s.W, axis=1)),
    ("log_softmax(T, axis=1)", lambda s: special.log_softmax(s.T, axis=1)),
    ("hardmax(sign(X), axis=0)", lambda s: (np.sign(s.X) == np.sign(s.X).max(0))
     / (np.sign(s.X) == np.sign(s.X).max(0)).sum(0)),
    ("cumsum(x)", lambda s: s.x.cumsum()),
    ("cumsum(X, axis=0)", lambda s: s.X.cumsum(0)),
    ("cumprod(X, axis=-1) * cumsum(X, 1)", lambda s: s.X.cumprod(-1) * s.X.cumsum(1)),
    ("cumprod(X) + X.cumsum()", lambda s: s.X.cumprod() + s.X.cumsum()),
    ("x @ cumsum(y)", lambda s: s.x @ s.y.cumsum()),
    # functions of entries
    ("clip(x, -0.5, 0.5)", lambda s: np.clip(s.x, -0.5, 0.5)),
    ("leaky_relu(x)", lambda s: np.where(s.x > 0, s.x, 0.01 * s.x)),
    ("leaky_relu(x, 0.2)", lambda s: np.where(s.x > 0, s.x, 0.2 * s.x)),
    ("leaky_relu(x, a=b)", lambda s: np.where(s.x > 0, s.x, s.b * s.x)),
    ("xlogy(p, q) + ln(q)", lambda s: special.xlogy(s.p, s.q) + np.log(s.q)),
    ("abs(x)*sign(x)", lambda s: s.x),
    ("minimum(x, y) + maximum(x, 0)", lambda s: np.minimum(s.x, s.y) + np.maximum(s.x, 0)),
    ("asin(p) + expit(x) + gammaln(q)", lambda s: np.arcsin(s.p) + sigmoid(s.x) + special.gammaln(s.q)),
    ("where(x > 0, x, 0.1*x)", lambda s: np.where(s.x > 0, s.x, 0.1 * s.x)),
    ("where(x >= y, 1, 0) + where(y <= x, 1, 0)", lambda s: 2.0 * (s.x >= s.y)),
    ("where(Y == 1, P, 1 - P)", lambda s: np.where(s.Y == 1, s.P, 1 - s.P)),
    ("(Y == 1)*P", lambda s: (s.Y == 1) * s.P),
    ("0.5 - (x < y)", lambda s: 0.5 - (s.x < s.y)),
    ("sum(x > 0)*x", lambda s: np.sum(s.x > 0) * s.x),
    ("where(Y != 0, P, 0)", lambda s: s.Y * s.P),
    ("where(Y, P, 0)", lambda s: s.Y * s.P),
    ("where(x < 0, -1, where(x > 1, 1, 0))", lambda s: np.where(s.x < 0, -1, np.where(s.x > 1, 1, 0))),
    ("where(x ≤ y, 1, 2) + where(x ≥ y, 1, 2) + where(x ≠ y, 1, 2)", lambda s: np.full(s.n, 4.0)),
    ("where(condition=x > 0, a=x, b=0)", lambda s: np.maximum(s.x, 0)),
    # what people write on paper
    ("x² + x³ − x", lambda s: s.x**2 + s.x**3 - s.x),
    ("q⁻¹ + q⁻²", lambda s: 1 / s.q + s.q**-2.0),
    ("qⁿ", lambda s: s.q**s.n),
    ("2x + 3 y", lambda s: 2 * s.x + 3 * s.y),
    ("2(x + y)(a)", lambda s: 2 * (s.x + s.y) * s.a),
    ("2 X w", lambda s: 2 * s.X @ s.w),
    ("X w + y", lambda s: s.X @ s.w + s.y),
    ("y log(p) + (1-y) log(1-p)", lambda s: s.y * log(s.p) + (1 - s.y) * log(1 - s.p)),
    ("λ sum(w^2)", lambda s: s.λ * (s.w**2).sum()),
    ("λ w'w", lambda s: s.λ * s.w @ s.w),
    ("x' A x", lambda s: s.x @ s.A @ s.x),
    ("(x - y)' A (x - y) / 2", lambda s: (s.x - s.y) @ s.A @ (s.x - s.y) / 2),
    ("x y'", lambda s: np.outer(s.x, s.y)),
    ("-x' y", lambda s: -s.x @ s.y),
    ("X' X", lambda s: s.X.T @ s.X),
    ("Xᵀ(X w − y)", lambda s: s.X.T @ (s.X @ s.w - s.y)),
    ("a x y", lambda s: s.a * s.x * s.y),
    ("[x + y] a", lambda s: (s.x + s.y) * s.a),
    ("2 [x + y]", lambda s: 2 * (s.x + s.y)),
    ("x·y + x×y + x ⋅ y", lambda s: 3 * s.x * s.y),
    ("x .* y + x ./ q + x .^ 2", lambda s: s.x * s.y + s.x / s.q + s.x**2),
    ("√q + √(q + 1) + √2 q", lambda s: np.sqrt(s.q) + np.sqrt(s.q + 1) + np.sqrt(2) * s.q),
    ("√(q)² + √√q", lambda s: s.q + s.q**0.25),
    ("|x| + |x - |y||", lambda s: abs(s.x) + abs(s.x - abs(s.y))),
    ("a |x|²", lambda s: s.a * s.x**2),
    ("||x - y||² + ‖X‖² + ||x||_1 + ‖x‖₁ + ‖x‖_inf",
     lambda s: ((s.x - s.y) ** 2).sum() + (s.X**2).sum() + 2 * abs(s.x).sum() + abs(s.x).max()),
    ("Σ x", lambda s: s.x.sum()),
    ("Σ x y + 1", lambda s: s.x @ s.y + 1),
    ("Σ(x - y)²", lambda s: ((s.x - s.y) ** 2).sum()),
    ("∑ (x - y)² / n", lambda s: ((s.x - s.y) ** 2).mean()),
    ("-Σ p*log(p)", lambda s: -(s.p * log(s.p)).sum()),
    ("Σ(X, axis=0)", lambda s: s.X.sum(0)),
    ("2 Σ|x|", lambda s: 2 * abs(s.x).sum()),
    ("Σx + Σy", lambda s: s.x.sum() + s.y.sum()),
    ("Σ_i y_i log(p_i)", lambda s: s.y @ log(s.p)),
    # two readings, or shapes that do not fit
    ("a/b x", None),
    ("√x²", None),
    ("√x**2", None),
    ("x'*y", None),
    ("x'*A*x", None),
    ("A*X", None),
    ("X + x", None),
    ("X @ v[1:]", None),
    ("trace(X)", None),
    ("x[0, 0]", None),
    ("three[3]", None),
    ("sum(X, axis=2)", None),
    ("sum(X, axis=(0, -2))", None),
    ("stack(x, v)", None),
    ("concat(X, A)", None),
    ("concat(X, x)", None),
    ("einsum('ij,jk->ik', X, Z)", None),
    ("einsum('ij->ik', X)", None),
    ("einsum('ij->ii', X)", None),
    ("einsum('i...->i', X)", None),
    ("einsum('ijk->i', X)", None),
    ("einsum('ij,ij->i', X)", None),
    ("Σ_i x_i v_i", None),
    ("Σ_i x", None),
    ("Σ_i Σ_i x_i", None),
    ("Σ_i i", None),
    ("Σ_{i=1} x_i", None),
    ("x_i", None),
    ("x₁", None),
    ("|x|_1", None),
    ("Σ_n x_n", None),
    ("L = x\n  - y", None),
    ("L = x\n+ y", None),
    ("g: real, h: real; g", None),
    ("max(x, 0)", None),
    ("min(0, x)", None),
    ("eye(m)", None),
    ("eye(n - n)", None),
    ("ones(x)", None),
    ("eye((2, 3))", None),
    ("-1/n Σ_i [yᵢ log(ŷᵢ) + (1 - yᵢ) log(1 - ŷᵢ)]",
     lambda s: -(s.y * log(s.ŷ) + (1 - s.y) * log(1 - s.ŷ)).mean()),
    ("-(1/n) Σ_i [yᵢ log(ŷᵢ) + (1 - yᵢ) log(1 - ŷᵢ)]",
     lambda s: -(s.y * log(s.ŷ) + (1 - s.y) * log(1 - s.ŷ)).mean()),
    ("∑_i ∑_j A_ij x_i y_j", lambda s: s.x @ s.A @ s.y),
    ("Σ_{i,j} A[i,j] x[i] y[j]", lambda s: s.x @ s.A @ s.y),
    ("Σ_ij Xᵢⱼ²", lambda s: (s.X**2).sum()),
    ("Σᵢ (y_i - X[i, :] @ w)²", lambda s: ((s.y - s.X @ s.w) ** 2).sum()),
    ("Σ_i log(Σ_j exp(X_ij))", lambda s: lse(s.X, 1).sum()),
    ("Σ_i x_i X[i, :]", lambda s: s.x @ s.X),
    ("Σ_i c[i, 0] x[i]", lambda s: s.c[:, 0] @ s.x),
    ("Σ_i max(X[i])", lambda s: s.X.max(1).sum()),
    ("a Σ_i x_i² + Σ_i x_i", lambda s: s.a * s.x @ s.x + s.x.sum()),
    ("w₁ + w1", lambda s: 2 * s.w1),
    # several statements
    ("r = x - y; r @ r", lambda s: (s.x - s.y) @ (s.x - s.y)),
    ("H = tanh(X @ W)\nr = H @ ones(k) - y  # residual\n\nmean(r²)",
     lambda s: ((np.tanh(s.X @ s.W).sum(1) - s.y) ** 2).mean()),
    ("S = sum(X, axis=1, keepdims=True)\nX / S", lambda s: s.X / s.X.sum(1, keepdims=True)),
    ("G = (A @ B).T; s = sum(G * (A @ B)); s + G[0, 0]",
     lambda s: ((s.A @ s.B).T * (s.A @ s.B)).sum() + (s.A @ s.B)[0, 0]),
    ("e = 2; t = e x; t", lambda s: 2 * s.x),
    ("f(x) = x + 1; f", lambda s: s.x + 1),
    ("L := sum(x)", lambda s: s.x.sum()),
    ("mean(\n  x\n  + y,\n)", lambda s: (s.x + s.y).mean()),
    ("t = x\n-t", lambda s: -s.x),
    ("x +\n y", lambda s: s.x + s.y),
    ("max = x + 1; sum(max)", lambda s: (s.x + 1).sum()),
    ("lambda = 2; E = 3; lambda*E + S*0 + N + I*Q", lambda s: 6 + 1.5 + 1.5**2),
]  # fmt: skip
READABLE = [row for row in FORMULAS if row[1] is not None]
REFUSED = [text for text, want in FORMULAS if want is None]


@pytest.mark.parametrize("sizes", SIZES, ids=("n5", "n3"))
@pytest.mark.parametrize(("text", "want"), READABLE, ids=[row[0] for row in READABLE])
def test_value_is_numpys(text, want, sizes):
    values = sample(DECLARATIONS, sizes)
    expected = np.asarray(want(SimpleNamespace(**values, **sizes)), dtype=float)
    found = value(text, DECLARATIONS, values)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("text", REFUSED)
def test_ambiguous_or_unfitting_is_refused(text):
    with pytest.raises(ChainruleError) as caught:
        parse_formula(text, DECLARATIONS)
    assert caught.value.span is not None


def test_every_tensor_function_has_a_formula_above():
    used = {node.function for text, _ in READABLE if ";" not in text and "\n" not in text and ":=" not in text
            for node in walk(parse_expression(text, [canonical_name(name) for name in DECLARATIONS]))
            if isinstance(node, Call)}  # fmt: skip
    assert {entry.name for entry in TENSOR_FUNCTIONS} <= used


def test_the_table_and_the_lowerings_agree():
    assert set(ALL_LOWERINGS) == {entry.name for entry in TENSOR_FUNCTIONS}
    assert len(TENSOR_BY_NAME) == sum(1 + len(entry.aliases) for entry in TENSOR_FUNCTIONS)
    assert TENSOR_BY_NAME["norm"].signature == "norm(x, *, axis=None, keepdims=False)"
    assert TENSOR_BY_NAME["concat"].signature == "concat(*x, axis=0)"
    for entry in TENSOR_FUNCTIONS:
        assert entry.about, entry.name
        assert entry.numpy, entry.name


@pytest.mark.parametrize("entry", ELEMENTWISE, ids=lambda entry: entry.name)
def test_every_elementwise_function_is_read(entry):
    required = len(entry.args) - len(entry.defaults)
    arguments = ["2" if entry.name == "polygamma" and n == 0 else f"q{n}" for n in range(required)]
    program = parse_formula(
        f"{entry.name}({', '.join(arguments)})", {f"q{n}": "unit[n]" for n in range(required)}
    )
    assert program.output.shape == (dim("n"),)


@pytest.mark.parametrize("name", NOT_A_TENSOR)
def test_functions_with_several_values_say_what_to_write(name):
    with pytest.raises(UnsupportedError, match=f"{name} gives more than one tensor") as caught:
        parse_formula(f"A: spd[n, n]; {name}(A)")
    assert caught.value.hint == NOT_A_TENSOR[name]


# ---- facts: formulas of textbooks with an independent computation --------------------------------

LINEAR = {"X": "real[n, d]", "y": "real[n]", "w": "real[d]"}
TEXTBOOK = [
    ("mc_118", "trace(A@X@B@X.T@C)",
     {"A": "real[k, n]", "X": "real[n, d]", "B": "real[d, d]", "C": "real[n, k]"},
     lambda s: np.einsum("ij,jk,kl,ml,mi->", s.A, s.X, s.B, s.X, s.C)),
    ("glm_softmax", "-mean(sum(Y*log(softmax(X@W + b, axis=1)), axis=1)) + 0.5*lam*norm(W)**2",
     {"X": "real[n, d]", "W": "real[d, k]", "b": "real[k]", "Y": "onehot[n, k]", "lam": "positive"},
     lambda s: (lse(s.X @ s.W + s.b, 1) - (s.Y * (s.X @ s.W + s.b)).sum(1)).mean() + s.lam / 2 * (s.W**2).sum()),
    ("loss_huber", "sum(minimum(abs(y-X@w), t)*(abs(y-X@w) - 0.5*minimum(abs(y-X@w), t)))",
     {**LINEAR, "t": "positive"},
     lambda s: special.huber(s.t, s.y - s.X @ s.w).sum()),
    ("emb_infonce", "S = (A/norm(A,axis=1,keepdims=True))@(B/norm(B,axis=1,keepdims=True)).T/t\n"
                    "mean(logsumexp(S, axis=1) - diag(S))",
     {"A": "real[n, d]", "B": "real[n, d]", "t": "positive"},
     lambda s: -np.diag(special.log_softmax(
         (s.A / np.linalg.norm(s.A, axis=1)[:, None]) @ (s.B / np.linalg.norm(s.B, axis=1)[:, None]).T / s.t, axis=1
     )).mean()),
    ("nn_attention", "sum(C*(softmax(Q@K.T/sqrt(d), axis=1)@V))",
     {"Q": "real[n, d]", "K": "real[k, d]", "V": "real[k, 2]", "C": "real[n, 2]"},
     lambda s: (s.C * (special.softmax(s.Q @ s.K.T / np.sqrt(s.d), axis=1) @ s.V)).sum()),
    ("la_rbf", "D = sum(X**2,axis=1,keepdims=True) + sum(X**2,axis=1) - 2*X@X.T; sum(C*exp(-D/(2*l**2)))",
     {"X": "real[n, d]", "C": "real[n, n]", "l": "positive"},
     lambda s: (s.C * np.exp(-((s.X[:, None] - s.X[None]) ** 2).sum(-1) / (2 * s.l**2))).sum()),
    ("la_blackscholes", "u = (log(S/K)+(r+s**2/2)*T)/(s*sqrt(T)); S*normcdf(u) - K*exp(-r*T)*normcdf(u-s*sqrt(T))",
     {"S": "positive", "K": "positive", "r": "positive", "s": "positive", "T": "positive"},
     lambda s: s.S * special.ndtr((log(s.S / s.K) + (s.r + s.s**2 / 2) * s.T) / (s.s * np.sqrt(s.T)))
     - s.K * np.exp(-s.r * s.T) * special.ndtr((log(s.S / s.K) + (s.r - s.s**2 / 2) * s.T) / (s.s * np.sqrt(s.T)))),
    ("prob_gamma", "sum(b*x - (a-1)*log(x) - a*log(b) + gammaln(a))",
     {"x": "positive[n]", "a": "positive", "b": "positive"},
     lambda s: (s.b * s.x - (s.a - 1) * log(s.x) - s.a * log(s.b) + special.gammaln(s.a)).sum()),
    ("bias_mf", "sum(M*(R - u - v - U@W.T)**2)",
     {"M": "real[n, d]", "R": "real[n, d]", "u": "real[n, 1]", "v": "real[d]", "U": "real[n, k]", "W": "real[d, k]"},
     lambda s: np.einsum("ij,ij->", s.M, (s.R - s.u - s.v[None] - np.einsum("ik,jk->ij", s.U, s.W)) ** 2)),
]  # fmt: skip


@pytest.mark.parametrize("sizes", SIZES, ids=("n5", "n3"))
@pytest.mark.parametrize("row", TEXTBOOK, ids=lambda row: row[0])
def test_textbook_formulas(row, sizes):
    _, text, declarations, want = row
    values = sample(declarations, sizes, seed=1)
    np.testing.assert_allclose(
        value(text, declarations, values), want(SimpleNamespace(**values, **sizes)), rtol=1e-11
    )


# ---- the program that is made --------------------------------------------------------------------


def shown(text: str, **keywords) -> list[str]:
    """The definitions of a formula, one line each."""
    lines = []
    for item in parse_formula(text, **keywords).definitions:
        axes = ",".join(f"i{place}" for place in range(len(item.shape)))
        head = f"{item.name}[{axes}]" if axes else item.name
        reduce = f"{item.reduce}{[str(length) for length in item.bound]} " if item.reduce else ""
        lines.append(f"{head} := {reduce}{item.body}".replace("'", ""))
    return lines


PROGRAMS = [
    ("X: real[n,d]; y: {0,1}[n]; w: real[d]; b: real\np = sigmoid(X@w + b)\nL = -mean(y*log(p) + (1-y)*log(1-p))",
     ["z[i0] := sum[d] w[k0]*X[i0,k0]", "p[i0] := sigmoid(b + z[i0])",
      "L := sum[n] -((1 - y[k0])*log(1 - p[k0]) + log(p[k0])*y[k0])/n"]),
    # the square of a norm is the sum of squares; a factor goes into the sum
    ("X: real[n,d]; y: real[n]; w: real[d]; lam: positive; norm(y - X@w)**2/2",
     ["z[i0] := sum[d] w[k0]*X[i0,k0]", "L := sum[n] (y[k0] - z[k0])**2/2"]),
    # equal parts are shared, and take the name of a later statement
    ("X: real[n,d]; W: real[d,k]\nH = tanh(X@W)\nz = X@W\nsum(H*z)",
     ["z[i0,i1] := sum[d] W[k0,i1]*X[i0,k0]", "H[i0,i1] := tanh(z[i0,i1])", "L := sum[n, k] H[k0,k1]*z[k0,k1]"]),
    # a statement that is one reduction is that reduction, also with other axes
    ("A: real[n,m]; B: real[m,k]\nG = (A@B).T\nS = sum(G, axis=1, keepdims=True)\nG/S",
     ["G[i0,i1] := sum[m] A[i1,k0]*B[k0,i0]", "S[i0,i1] := sum[n] G[i0,k0]", "L[i0,i1] := G[i0,i1]/S[i0,0]"]),
    # factors of contractions are linear in entries
    ("X: real[n,d]; v: real[d]; exp(X) @ v",
     ["p[i0,i1] := exp(X[i0,i1])", "L[i0] := sum[d] v[k0]*p[i0,k0]"]),
    ("X: real[n,d]; r: real[n]; y: real[n]; X.T @ (r - 2*y)", ["L[i0] := sum[n] (r[k0] - 2*y[k0])*X[k0,i0]"]),
    ("Z: real[n,k]; softmax(Z, axis=1)",
     ["lse[i0] := logsumexp[k] Z[i0,k0]", "L[i0,i1] := exp(-lse[i0] + Z[i0,i1])"]),
    # automatic names stay clear of the user's
    ("s: real[n]; z: real; L = 1; f = sum(s)*sum(s**2) + z*L",
     ["L := 1", "s2 := sum[n] s[k0]", "s3 := sum[n] s[k0]**2", "f := L*z + s2*s3"]),
    ("L: real[f]; sum(L)", ["out := sum[f] L[k0]"]),
    # what nothing needs is kept if it has a name
    ("x: real[n]; t = sum(x); u = exp(t); 3*x", ["t := sum[n] x[k0]", "u := exp(t)", "L[i0] := 3*x[i0]"]),
    # identity matrices select
    ("A: real[n,n]; x: real[n]; eye(n) @ A + diag(x) @ A", ["L[i0,i1] := x[i0]*A[i0,i1] + A[i0,i1]"]),
    ("c: real[n,1]; v: real[d]; c + v", ["L[i0,i1] := v[i1] + c[i0,0]"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), PROGRAMS, ids=[lines[-1] for _, lines in PROGRAMS])
def test_program(text, lines):
    assert shown(text) == lines


def test_records_of_a_program():
    program = parse_formula("X: real[n, 3]; w: simplex[3]; s = norm(X @ w)**2; s + lam")
    assert [str(item.domain) for item in program.inputs] == ["real", "simplex", "real"]
    assert [item.name for item in program.inputs] == ["X", "w", "lam"]
    assert program.inputs[0].shape == (dim("n"), Integer(3))
    assert [item.origin for item in program.definitions] == ["auto", "named", "named"]
    assert [item.sign for item in program.definitions] == ["real", "nonnegative", "real"]
    assert program.outputs == ("L",)


def test_exact_numbers():
    assert parse_formula("0.1 + 1e-3").output.body == Rational(101, 1000)


def test_identity_entries_are_kronecker_deltas():
    assert parse_formula("x: real[n]; eye(n)").output.body == KroneckerDelta(free_index(0), free_index(1))


def test_sum_over_vec_runs_over_rows_and_columns():
    definition = parse_formula("X: real[n, d]; sum(vec(X)**2)").output
    assert definition.bound == (dim("n"), dim("d"))
    assert {ref.indices for ref in definition.refs} == {(bound_index(0), bound_index(1))}


DECLARED = [
    ("x: real", "real", ()),
    ("x: real[n]", "real", ("n",)),
    ("x : real [ n , d , 3 ]", "real", ("n", "d", "3")),
    ("x: (0, 1)[n]", "(0, 1)", ("n",)),
    ("x: (-2.5, 1e3)", "(-2.5, 1000)", ()),
    ("x: (0, inf)[n]", "positive", ("n",)),
    ("x: (-inf, inf)", "real", ()),
    ("x: {0,1}[n]", "binary", ("n",)),
    ("x: {1, -1}[n]", "pm1", ("n",)),
    ("x: spd[n, n]", "spd", ("n", "n")),
    ("x: orthonormal[n, d]", "orthonormal", ("n", "d")),
    ("x: real[1000000000]", "real", ("1000000000",)),
]


@pytest.mark.parametrize(("text", "domain", "shape"), DECLARED, ids=[row[0] for row in DECLARED])
def test_declaration(text, domain, shape):
    (item,) = parse_formula(f"{text}; 1").inputs
    assert (item.name, item.domain.name, tuple(map(str, item.shape))) == ("x", domain, shape)
    (name, _, rest) = text.partition(":")
    assert parse_formula("1", {name.strip(): rest}).inputs == (item,)


def test_several_names_in_one_declaration():
    program = parse_formula("a, b: positive[n]; c, d: real; a @ b + c")
    assert [(item.name, item.domain.name) for item in program.inputs] == [
        ("a", "positive"), ("b", "positive"), ("c", "real"), ("d", "real")
    ]  # fmt: skip


@pytest.mark.parametrize("domain", [name for name, item in DOMAINS.items() if item.square])
def test_square_domains_need_two_equal_lengths(domain):
    for dims in ("[n, d]", "[n]", "", "[n, n, n]"):
        with pytest.raises(NotationError, match="needs a square matrix"):
            parse_formula(f"A: {domain}{dims}; 1")


def test_an_undeclared_name_may_be_one_that_results_get():
    program = parse_formula("2*L + f")
    assert [item.name for item in program.inputs] == ["L", "f"]
    assert program.outputs == ("out",)


def test_pi_may_be_declared():
    assert evaluate(parse_formula("pi: real; 2*pi"), {"pi": 3.0})["L"] == 6


# ---- claims about a given program ----------------------------------------------------------------

LOGISTIC = "X: real[n,d]; y: binary[n]; w: real[d]; p = sigmoid(X@w); -mean(y*log(p) + (1-y)*log(1-p))"


def test_a_claim_uses_the_names_of_its_scope():
    scope = parse_formula(LOGISTIC)
    claim = parse_formula("X.T @ (p - y) / n", scope=scope)
    assert claim.inputs == scope.inputs
    values = sample({"X": "real[n, d]", "w": "real[d]"}, SIZES[0])
    values["y"] = np.array([0.0, 1, 1, 0, 1])
    want = values["X"].T @ (sigmoid(values["X"] @ values["w"]) - values["y"]) / 5
    np.testing.assert_allclose(evaluate(claim, values)[claim.outputs[0]], want, rtol=1e-12)


def test_a_claim_shares_equal_parts_with_its_scope():
    scope = parse_formula(LOGISTIC)
    claim = parse_formula("r = 1/(1 + exp(-(X@w))) - y; X.T @ r / n", scope=scope)
    assert [item.name for item in claim.definitions] == ["z", "r", "f"]
    assert scope.by_name["z"] == claim.by_name["z"]


@pytest.mark.parametrize("text", ["X.T @ (q - y)", "lam*w", "v: real[d]; v", "w = 2; w", "n = 3; n"])
def test_a_claim_knows_nothing_else(text):
    with pytest.raises(NotationError):
        parse_formula(text, scope=parse_formula(LOGISTIC))


# ---- text of syntax trees ------------------------------------------------------------------------

TEXTS = [
    ("X.T@(p-y)/n", "X.T @ (p - y) / n"),
    ("2*lam*w", "2*lam*w"),
    ("-2/n*X.T@r", "-2/n*X.T @ r"),
    ("(x**2)", "x**2"),
    ("a-(b-c)-(d+e)", "a - (b - c) - (d + e)"),
    ("a*(b*c)/(d*e)", "a*(b*c)/(d*e)"),
    ("(A@B)@C + A@(B@C)", "A @ B @ C + A @ (B @ C)"),
    ("2**3**2 + (2**3)**2", "2**3**2 + (2**3)**2"),
    ("-x**2 + (-x)**2 + x**-2", "-x**2 + (-x)**2 + x**-2"),
    ("a*(-b) - (-c)", "a*(-b) - (-c)"),
    ("-(a*b) + (-a)*b", "-(a*b) + (-a*b)"),
    ("sum(X, axis=(0, 1), keepdims=True)", "sum(X, axis=(0, 1), keepdims=True)"),
    ("x[0, 1:, :-1, None, :]", "x[0, 1:, :-1, None, :]"),
    ("(A@B).T[0]", "(A @ B).T[0]"),
    ("einsum('ij->ji', A)", "einsum('ij->ji', A)"),
    ("where(x >= 0, 1, -1)", "where(x >= 0, 1, -1)"),
    ("1e-3*x + 1.50*y + 1e300 + 1e-300", "0.001*x + 1.5*y + 1e300 + 1e-300"),
    ("x' A x", "x.T A x"),
    ("(a/b) c", "(a/b) c"),
    ("2 (a+b) (c)", "2 (a + b) c"),
    ("|x| + ||x||", "abs(x) + norm(x)"),
    ("Σ_i y_i (x[i] - 1) + 2", "Σ_i y_i (x[i] - 1) + 2"),
    ("Σᵢ₌₁ⁿ yᵢ xᵢⱼ", "Σ_{i=1}^{n} yᵢ xᵢⱼ"),
    ("sum_{i,j=1}^{n-1} x_{i+1,j}", "Σ_{i, j=1}^{n - 1} x_{i + 1, j}"),
    ("∏_{j≠i} (x_i - x_j)", "∏_{j, i, j != i} (x_i - x_j)"),
    ("Σ_{1<=i<j<=n} x_ij", "Σ_{i, j, 1 <= i, j <= n, i < j} x_ij"),
    ("max_j A_ij + Σ y", "max_j A_ij + Σ y"),
    ("[x > 0] softmax_k(z_k)", "[x > 0] softmax_k(z_k)"),
    ("p(x) log P(A|B, C)", "p(x) log(P(A | B, C))"),
]


@pytest.mark.parametrize(("text", "want"), TEXTS, ids=[row[0] for row in TEXTS])
def test_unparse(text, want):
    names = {"x", "y", "a", "b", "c", "A"}
    node = parse_expression(text, names)
    written = unparse(node)
    assert parse_expression(written, names) == node
    assert written == want


@pytest.mark.parametrize("text", [text for text, want in READABLE if not set(";\n") & set(text) and ":=" not in text])
def test_unparse_of_every_formula(text):
    names = [canonical_name(name) for name in DECLARATIONS]
    node = parse_expression(text, names)
    assert parse_expression(unparse(node), names) == node


NAMES = ("x", "y", "A", "lam", "T", "e1", "ŷ", "sum")
numbers = st.builds(
    lambda digits, places: Number(Rational(*Fraction(digits, 10**places).as_integer_ratio())),
    st.integers(0, 10**9), st.integers(0, 12),
)  # fmt: skip
names = st.sampled_from(NAMES).map(Name)


def _extended(nodes):
    operators = st.sampled_from(["+", "-", "*", "/", "@", "**"])
    items = st.one_of(nodes, st.builds(NewAxis), st.builds(Slice, st.none() | nodes, st.none() | nodes))
    calls = st.sampled_from(["exp", "sum", "maximum"])
    keywords = st.lists(st.tuples(st.sampled_from(["axis", "keepdims"]), nodes), max_size=2).map(tuple)
    subscripted = nodes.filter(lambda node: not isinstance(node, Number))
    return st.one_of(
        st.builds(Binary, operators, nodes, nodes),
        st.builds(Binary, operators, nodes, nodes),
        st.builds(Juxtaposed, nodes, nodes),
        st.builds(Negative, nodes),
        st.builds(Transpose, nodes),
        st.builds(Subscript, subscripted, st.lists(items, min_size=1, max_size=3).map(tuple)),
        st.builds(Call, calls, st.lists(nodes, max_size=3).map(tuple), keywords),
        st.builds(lambda a, b: Call("where", (Binary("<", a, b), a, b)), nodes, nodes),
        st.builds(lambda a: Call("einsum", (Text("ij->ji"), a)), nodes),
        st.builds(lambda a, b: Call("ones", (Tuple((a, b)),)), nodes, nodes),
        st.builds(lambda a: Call("ones", (Tuple((a,)),)), nodes),
    )


@settings(max_examples=400, deadline=None)
@given(st.recursive(numbers | names, _extended, max_leaves=14))
def test_unparse_round_trip(node):
    assert parse_expression(unparse(node), NAMES) == node


@settings(max_examples=100, deadline=None)
@given(st.recursive(names, lambda nodes: st.builds(Binary, st.sampled_from(["+", "*"]), nodes, nodes), max_leaves=5))
def test_unparse_round_trip_of_index_sums(node):
    def subscripted(part):
        if isinstance(part, Name):
            return Subscript(part, (Name("i"),))
        return Binary(part.operator, subscripted(part.left), subscripted(part.right))

    inner = IndexSum(("i",), subscripted(node))
    whole = Binary("+", inner, Binary("*", Name("x"), inner))
    assert parse_expression(unparse(whole), NAMES) == whole


def test_numbers_that_are_no_decimals_print_as_quotients():
    assert unparse(Binary("*", Name("x"), Number(Rational(1, 3)))) == "x*(1/3)"
    assert unparse(Binary("**", Name("x"), Number(Rational(-1, 2)))) == "x**-0.5"
    assert unparse(Number(Rational(-2, 3))) == "-2/3"


def test_long_chains_print_without_recursion():
    text = " + ".join(["x"] * 1000)
    assert unparse(parse_expression(text)) == text


# ---- random formulas, built beside the NumPy computation they mean --------------------------------


def _operator(sign, apply):
    def build(left, right):
        return f"({left[0]} {sign} {right[0]})", lambda s: apply(left[1](s), right[1](s))

    return build


def _function(text, apply):
    def build(inner):
        return text.format(inner[0]), lambda s: apply(inner[1](s))

    return build


LEAVES = st.sampled_from(["X", "Z", "W", "A", "c", "x", "y", "v", "a", "T"]).map(
    lambda name: (name, lambda s: getattr(s, name))
)
UNARY = [
    ("({}).T", lambda x: x.T), ("(-{})", lambda x: -x), ("tanh({})", np.tanh), ("({})**2", lambda x: x**2),
    ("sum({})", np.sum), ("sum({}, axis=0)", lambda x: np.sum(_tensor(x), axis=0)), ("({})[0]", lambda x: x[0]),
    ("mean({}, axis=1)", lambda x: np.mean(_tensor(x), axis=1)), ("({})[None]", lambda x: np.asarray(x)[None]),
    ("max({}, axis=-1, keepdims=True)", lambda x: np.max(_tensor(x), axis=-1, keepdims=True)),
    ("logsumexp({}, axis=0)", lambda x: lse(_tensor(x), axis=0)), ("({})[1:]", lambda x: _sliced(x)),
    ("softmax({})", lambda x: special.softmax(_tensor(x), axis=-1)),
    ("diag({})", lambda x: np.diag(x) if np.ndim(x) == 1 or np.shape(x)[:1] == np.shape(x)[1:2] else _refuse()),
    ("cumsum({}, axis=0)", lambda x: np.cumsum(_tensor(x), axis=0)),
]  # fmt: skip
BINARY = [("+", np.add), ("-", np.subtract), ("*", np.multiply), ("@", np.matmul)]


def _refuse():
    raise ValueError("refused here by design")


def _tensor(x):
    """NumPy lets scalars have axes 0 and -1; the notation does not."""
    return x if np.ndim(x) else _refuse()


def _sliced(x):
    return x[1:] if len(x) > 1 else _refuse()


def _grown(parts):
    unary = [st.builds(_function(text, apply), parts) for text, apply in UNARY]
    binary = [st.builds(_operator(sign, apply), parts, parts) for sign, apply in BINARY]
    return st.one_of(*unary, *binary, *binary)


@settings(max_examples=300, deadline=None)
@given(st.recursive(LEAVES, _grown, max_leaves=6))
def test_random_formulas_agree_with_numpy(formula):
    text, compute = formula
    # Far apart, so that lengths such as n - 1 differ from all others as they do in symbols.
    sizes = {"n": 16, "d": 4, "k": 10}
    values = sample(DECLARATIONS, sizes)
    try:
        with np.errstate(all="ignore"):
            want = compute(SimpleNamespace(**values))
    except (ValueError, IndexError, TypeError):
        with pytest.raises(ChainruleError):
            parse_formula(text, DECLARATIONS)
        return
    if np.ndim(want) > 8:
        return
    found = value(text, DECLARATIONS, values)
    assert found.shape == np.shape(want)
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    np.testing.assert_allclose(found / scale, want / scale, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("text", ["x: real[n]; p = exp(x); p", "x: real[n]; p = exp(x); q = 2*p; p"])
def test_a_name_asked_for_is_the_output(text: str) -> None:
    assert parse_formula(text).outputs == ("p",)
