"""NumPy functions with the same formula as text, and declarations of their arguments.

Each function stands in the text as its local variables do: what a variable holds is a statement
of that name.  ``np`` and ``special`` are this module's globals, so that the tests can run the same
functions with JAX in their place.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, special


@dataclass(frozen=True, eq=False)
class Case:
    """A function and the text that means the same."""

    function: Callable[..., Any]
    text: str
    declarations: dict[str, str]
    wrt: str

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def parameters(self) -> list[str]:
        """The declared parameters in order."""
        return [name for name in inspect.signature(self.function).parameters if name in self.declarations]


REGRESSION = {"X": "real[n,d]", "y": "real[n]", "w": "real[d]"}
CLASSES = {"X": "real[n,d]", "y": "binary[n]", "w": "real[d]", "b": "real"}
GAUSS = {"x": "real[n]", "u": "real[n]", "s": "real[n]"}
MATRICES = {"A": "real[n,n]", "B": "real[n,n]", "x": "real[n]"}

# ---- scalars --------------------------------------------------------------------------------------


def gauss_pdf(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def sinc(x):
    return np.sin(x) / x


def log_cosh(x):
    return np.log(np.cosh(x))


def mish(x):
    return x * np.tanh(np.log(1 + np.exp(x)))


def gelu_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def black_scholes(S, K, r, s, T):
    u = (np.log(S / K) + (r + s**2 / 2) * T) / (s * np.sqrt(T))
    return S * special.ndtr(u) - K * np.exp(-r * T) * special.ndtr(u - s * np.sqrt(T))


def thirds(x):
    return 1 / 3 * x**3 - 2 * math.pi * x + math.sqrt(2) * math.log(2)


# ---- regression and classification ----------------------------------------------------------------


def mse(X, y, w):
    r = y - X @ w
    return np.mean(r**2)


def mse_by_shape(X, y, w):
    n = X.shape[0]
    residual = X.dot(w) - y
    return (residual**2).sum() / n


def ridge(X, y, w, lam=0.1):
    return np.mean((X @ w - y) ** 2) + lam * np.linalg.norm(w) ** 2


def elastic_net(X, y, w, lam, r):
    fit = 0.5 * np.mean((X @ w - y) ** 2)
    return fit + lam * (r * np.sum(np.abs(w)) + 0.5 * (1 - r) * (w @ w))


def logistic(X, y, w, b):
    z = X @ w + b
    return np.mean(np.logaddexp(0, z) - y * z)


def logistic_with_helper(X, y, w, b):
    def sigmoid(t):
        return 1 / (1 + np.exp(-t))

    p = sigmoid(X @ w + b)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def negative_binomial(X, y, w, r):
    z = X @ w
    return np.sum((y + r) * np.log(r + np.exp(z)) - y * z)


def probit(X, y, w, b):
    t = (2 * y - 1) * (X @ w + b)
    return -np.sum(special.log_ndtr(t))


def huber(X, y, w, t):
    a = np.abs(y - X @ w)
    m = np.minimum(a, t)
    return np.sum(m * (a - 0.5 * m))


def hinge(X, y, w, b):
    return np.mean(np.maximum(0, 1 - y * (X @ w + b)))


def quantile_loss(x, u, q=0.75):
    r = x - u
    return np.mean(np.where(r >= 0, q * r, (q - 1) * r))


def poisson(X, y, w):
    return np.sum(np.exp(X @ w) - y * (X @ w) + special.gammaln(y + 1))


def softmax_regression(X, W, b, Y):
    Z = X @ W + b
    return -np.mean(np.sum(Y * (Z - np.logaddexp.reduce(Z, axis=1, keepdims=True)), axis=1))


def dice(z, y):
    p = special.expit(z)
    return 1 - 2 * (p * y).sum() / (p.sum() + y.sum())


def temperature(z, y, t):
    return np.logaddexp.reduce(z / t) - y @ z / t


# ---- the functions of the article that the project started from ------------------------------------


def log_likelihood(y_true, y_pred):
    """Log likelihood for binary classification"""
    epsilon = 1e-15  # Prevent log(0)
    y_pred = np.clip(y_pred, epsilon, 1 - epsilon)
    return np.sum(y_true * np.log(y_pred) +
                  (1 - y_true) * np.log(1 - y_pred))  # fmt: skip


def kl_divergence(p, q):
    """Compute KL divergence between distributions p and q"""
    return np.sum(p * np.log(p / q))


# ---- probability ----------------------------------------------------------------------------------


def gauss_logvar(x, u, s):
    return np.mean(0.5 * s + 0.5 * (x - u) ** 2 * np.exp(-s))


def entropy(a):
    return -np.sum(special.xlogy(a, a))


def gamma_nll(x, a, b):
    return np.sum(b * x - (a - 1) * np.log(x) - a * np.log(b) + special.gammaln(a))


def beta_nll(x, a, b):
    return -np.sum((a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - special.betaln(a, b))


def log_normal(x, u, s):
    return -0.5 * np.log(2 * np.pi) - np.log(s) - (x - u) ** 2 / (2 * s**2)


def sample_variance(x):
    return np.var(x, ddof=1) + x.std()


# ---- matrices -------------------------------------------------------------------------------------


def bilinear(A, B, x):
    return np.trace(A @ B) + np.dot(x, A.T.dot(x)) + np.einsum("ij,ij->", A, B)


def matrix_factorisation(T, U, W):
    E = T - U @ W.T
    return np.linalg.norm(E) ** 2


def rayleigh(A, B, x):
    return (x @ A @ x) / (x @ B @ x)


def outer_diag(A, B, x):
    return np.sum((np.outer(x, x) - np.diag(x) + np.diag(A)) * B)


def identity_like(A, B, x):
    n = A.shape[0]
    return np.sum((A + 2 * np.eye(n, like=A) - np.ones((n, n), like=A)) ** 2)


def causal_attention(A, B, x):
    n = len(A)
    P = special.softmax(np.where(np.tri(n) > 0, A, -np.inf), axis=1)
    return np.sum((P @ B) ** 2)


def rotated(A, B, x):
    t = x[0]
    R = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    return np.sum((R @ A[:2]) ** 2 * (R @ B[:2]))


def accumulated(A, B, x):
    out = np.zeros(len(x))
    terms = []
    for power in range(1, 4):
        out += np.tanh(x) ** power
        terms.append(power * x[0])
    return np.sum(out) * np.sum(np.array(terms) ** 2)


def pairwise(Y, T):
    D = np.sum((Y[:, None, :] - Y[None, :, :]) ** 2, axis=-1)
    return np.sum((np.sqrt(D + 1) - T) ** 2)


def pairwise_by_outer(x, u, s):
    return np.mean(np.exp(-np.subtract.outer(x, u) ** 2) * s[:, None])


def norms(A, B, x):
    return np.linalg.norm(x, 1) + np.linalg.norm(x, np.inf) + np.linalg.norm(x, 3) + np.linalg.norm(A, axis=1).sum()


# ---- shapes ---------------------------------------------------------------------------------------


def total_variation(x, u, s):
    return np.sum((x[1:] - x[:-1]) ** 2) + np.sum(np.abs(np.diff(u))) + s[0] * s[-1]


def bias_pair(W, u, v):
    return np.sum(W * (u - v) ** 2)


def standardise(x, a):
    mu = np.mean(x)
    z = (x - mu) / np.sqrt(np.mean((x - mu) ** 2))
    return a @ z


def layer_norm(X, g, b, C):
    mu = X.mean(axis=1, keepdims=True)
    v = X.var(axis=1, keepdims=True)
    return (C * (g * (X - mu) / np.sqrt(v + 1e-05) + b)).sum()


def attention(Q, K, V):
    d = Q.shape[1]
    S = Q @ K.T / np.sqrt(d)
    P = np.exp(S - np.logaddexp.reduce(S, axis=-1, keepdims=True))
    return ((P @ V) ** 2).sum()


def two_layers(X, W1, b1, w2, b2, y):
    H = np.tanh(X @ W1 + b1)
    r = H @ w2 + b2 - y
    return np.mean(r**2)


def unrolled(x, A, h):
    for t in range(3):
        h = np.tanh(A @ h + x[t])
    return h.sum()


def running_sum(x, u, s):
    total = 0
    for k in range(4):
        total = total + (k + 1) * np.sum(x**k)
    return total


def columns(x, u, s):
    Z = np.stack([x, u * s], axis=1)
    joined = np.concatenate([x, u])
    return np.sum(Z**3) + joined @ joined


def constant_weights(A, x):
    return np.array([0.5, 0.25, 0.25]) @ (A @ x) ** 2


def masked_mean(x, u, s):
    inside = (x > 0) & (u < 1)
    return np.sum(inside * s) / np.sum(inside + np.zeros(1))


def labels(Z, y):
    n = Z.shape[0]
    logp = Z - np.logaddexp.reduce(Z, axis=1, keepdims=True)
    return -np.mean(logp[np.arange(n, like=Z), y])


def embeddings(E, y, z):
    first = y - 1
    return np.sum(np.tanh(E[first]) * np.take(E, z, axis=0)) + np.sum(E[y[0], ::2])


def taken_along(Z, y):
    return np.sum(np.take_along_axis(np.exp(Z), y[:, None], axis=1))


#: Functions whose arguments are labels, with their texts.
LABELS: tuple[tuple[Callable[..., Any], str, dict[str, str]], ...] = (
    (
        labels, "logp = Z - logsumexp(Z, axis=1, keepdims=True); -mean(logp[arange(n), y])",
        {"Z": "real[n,k]", "y": "count[n]"},
    ),
    (
        embeddings, "first = y - 1; sum(tanh(E[first])*E[z]) + sum(E[y[0], ::2])",
        {"E": "real[v,d]", "y": "count[n]", "z": "integer[n]"},
    ),
    (taken_along, "sum(exp(Z)[arange(n)[:, None], y[:, None]])", {"Z": "real[n,k]", "y": "count[n]"}),
)  # fmt: skip

S1 = {"x": "real"}
V3 = {"x": "real[3,n]", "A": "real[n,n]", "h": "real[n]"}
UNROLLED = "h2 = tanh(A@h + x[0]); h3 = tanh(A@h2 + x[1]); h4 = tanh(A@h3 + x[2]); sum(h4)"
CASES: tuple[Case, ...] = (
    Case(gauss_pdf, "exp(-x**2/2)/sqrt(2*pi)", S1, "x"),
    Case(sinc, "sin(x)/x", {"x": "positive"}, "x"),
    Case(log_cosh, "log(cosh(x))", S1, "x"),
    Case(mish, "x*tanh(log(1+exp(x)))", S1, "x"),
    Case(gelu_tanh, "0.5*x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))", S1, "x"),
    Case(
        black_scholes,
        "u = (log(S/K) + (r + s**2/2)*T)/(s*sqrt(T)); S*normcdf(u) - K*exp(-r*T)*normcdf(u - s*sqrt(T))",
        {"S": "positive", "K": "positive", "r": "unit", "s": "positive", "T": "positive"}, "T",
    ),
    Case(thirds, "1/3*x**3 - 2*pi*x + 0.9802581434685472", S1, "x"),
    Case(mse, "r = y - X@w; mean(r**2)", REGRESSION, "w"),
    Case(mse_by_shape, "residual = X@w - y; sum(residual**2)/n", REGRESSION, "w"),
    Case(ridge, "mean((X@w - y)**2) + 0.1*norm(w)**2", REGRESSION, "w"),
    Case(
        elastic_net, "fit = 0.5*mean((X@w - y)**2); fit + lam*(r*sum(abs(w)) + 0.5*(1-r)*(w@w))",
        {**REGRESSION, "lam": "positive", "r": "unit"}, "w",
    ),
    Case(logistic, "z = X@w + b; mean(logaddexp(0, z) - y*z)", CLASSES, "w"),
    Case(logistic_with_helper, "p = 1/(1 + exp(-(X@w + b))); -mean(y*log(p) + (1-y)*log(1-p))", CLASSES, "w"),
    Case(
        negative_binomial, "z = X@w; sum((y+r)*log(r+exp(z)) - y*z)", {**REGRESSION, "y": "count[n]", "r": "positive"},
        "w",
    ),
    Case(probit, "t = (2*y - 1)*(X@w + b); -sum(lognormcdf(t))", CLASSES, "w"),
    Case(
        huber, "a = abs(y - X@w); m = minimum(a, t); sum(m*(a - 0.5*m))", {**REGRESSION, "t": "positive"}, "w"
    ),
    Case(hinge, "mean(maximum(0, 1 - y*(X@w + b)))", {**CLASSES, "y": "pm1[n]"}, "w"),
    Case(
        quantile_loss, "r = x - u; mean(where(r >= 0, 0.75*r, (0.75 - 1)*r))", {"x": "real[n]", "u": "real"}, "u"
    ),
    Case(poisson, "sum(exp(X@w) - y*(X@w) + lgamma(y + 1))", {**REGRESSION, "y": "count[n]"}, "w"),
    Case(
        softmax_regression, "Z = X@W + b; -mean(sum(Y*(Z - logsumexp(Z, axis=1, keepdims=True)), axis=1))",
        {"X": "real[n,d]", "W": "real[d,k]", "b": "real[k]", "Y": "onehot[n,k]"}, "W",
    ),
    Case(dice, "p = sigmoid(z); 1 - 2*sum(p*y)/(sum(p) + sum(y))", {"z": "real[n]", "y": "binary[n]"}, "z"),
    Case(
        temperature, "logsumexp(z/t) - y@z/t", {"z": "real[k]", "y": "simplex[k]", "t": "positive"}, "t"
    ),
    Case(
        log_likelihood,
        "y_pred2 = clip(y_pred, 1e-15, 0.999999999999999); sum(y_true*log(y_pred2) + (1-y_true)*log(1-y_pred2))",
        {"y_true": "binary[n]", "y_pred": "(0,1)[n]"}, "y_pred",
    ),
    Case(kl_divergence, "sum(p*log(p/q))", {"p": "simplex[k]", "q": "simplex[k]"}, "q"),
    Case(gauss_logvar, "mean(0.5*s + 0.5*(x-u)**2*exp(-s))", GAUSS, "s"),
    Case(entropy, "-sum(xlogy(a, a))", {"a": "simplex[k]"}, "a"),
    Case(
        gamma_nll, "sum(b*x - (a-1)*log(x) - a*log(b) + lgamma(a))",
        {"x": "positive[n]", "a": "positive", "b": "positive"}, "a",
    ),
    Case(
        beta_nll, "-sum((a-1)*log(x) + (b-1)*log1p(-x) - (lgamma(a) + lgamma(b) - lgamma(a+b)))",
        {"x": "(0,1)[n]", "a": "positive", "b": "positive"}, "b",
    ),
    Case(
        log_normal, "-0.5*log(2*pi) - log(s) - (x-u)**2/(2*s**2)", {"x": "real", "u": "real", "s": "positive"}, "s"
    ),
    Case(sample_variance, "var(x)*(n/(n-1)) + std(x)", {"x": "real[n]"}, "x"),
    Case(bilinear, "trace(A@B) + dot(x, dot(A.T, x)) + einsum('ij,ij->', A, B)", MATRICES, "A"),
    Case(
        matrix_factorisation, "E = T - U@W.T; norm(E)**2", {"T": "real[n,m]", "U": "real[n,k]", "W": "real[m,k]"}, "U"
    ),
    Case(rayleigh, "(x@A@x)/(x@B@x)", {**MATRICES, "A": "spd[n,n]", "B": "spd[n,n]"}, "x"),
    Case(outer_diag, "sum((outer(x, x) - diag(x) + diag(A))*B)", MATRICES, "x"),
    Case(causal_attention, "P = softmax(where(tril(ones((n, n))) > 0, A, -inf), axis=1); sum((P @ B)**2)",
         MATRICES, "A"),
    Case(rotated, "t = x[0]; R = stack([stack([cos(t), -sin(t)]), stack([sin(t), cos(t)])]);"
         "sum((R @ A[:2])**2 * (R @ B[:2]))", MATRICES, "x"),
    Case(accumulated, "out = tanh(x) + tanh(x)**2 + tanh(x)**3;"
         "sum(out) * sum(stack([x[0], 2*x[0], 3*x[0]])**2)", MATRICES, "x"),
    Case(identity_like, "sum((A + 2*eye(n) - ones((n, n)))**2)", MATRICES, "A"),
    Case(
        pairwise, "D = sum((Y[:, None, :] - Y[None, :, :])**2, axis=-1); sum((sqrt(D + 1) - T)**2)",
        {"Y": "real[n,q]", "T": "real[n,n]"}, "Y",
    ),
    Case(pairwise_by_outer, "mean(exp(-(x[:, None] - u)**2)*s[:, None])", GAUSS, "u"),
    Case(
        norms, "norm1(x) + norminf(x) + sum(abs(x)**3)**(1/3) + sum(norm(A, axis=1))", MATRICES, "x"
    ),
    Case(
        total_variation, "sum((x[1:] - x[:-1])**2) + sum(abs(u[1:] - u[:-1])) + s[0]*s[-1]", GAUSS, "x"
    ),
    Case(bias_pair, "sum(W*(u-v)**2)", {"W": "real[n,m]", "u": "real[n,1]", "v": "real[m]"}, "u"),
    Case(
        standardise, "mu = mean(x); z = (x - mu)/sqrt(mean((x - mu)**2)); a@z", {"x": "real[n]", "a": "real[n]"}, "x"
    ),
    Case(
        layer_norm, "mu = mean(X, axis=1, keepdims=True); v = var(X, axis=1, keepdims=True); "
        "sum(C*(g*(X - mu)/sqrt(v + 0.00001) + b))",
        {"X": "real[n,d]", "g": "real[d]", "b": "real[d]", "C": "real[n,d]"}, "X",
    ),
    Case(
        attention, "S = Q@K.T/sqrt(d); P = exp(S - logsumexp(S, axis=-1, keepdims=True)); sum((P@V)**2)",
        {"Q": "real[n,d]", "K": "real[m,d]", "V": "real[m,p]"}, "Q",
    ),
    Case(
        two_layers, "H = tanh(X@W1 + b1); r = H@w2 + b2 - y; mean(r**2)",
        {"X": "real[n,d]", "W1": "real[d,k]", "b1": "real[k]", "w2": "real[k]", "b2": "real", "y": "real[n]"}, "W1",
    ),
    Case(unrolled, UNROLLED, V3, "A"),
    Case(running_sum, "total = 0 + 1*sum(x**0) + 2*sum(x**1) + 3*sum(x**2) + 4*sum(x**3)", GAUSS, "x"),
    Case(
        columns, "Z = stack(x, u*s, axis=1); joined = concat(x, u); sum(Z**3) + joined@joined", GAUSS, "u"
    ),
    Case(constant_weights, "stack(0.5, 0.25, 0.25) @ (A@x)**2", {"A": "real[3,n]", "x": "real[n]"}, "x"),
    Case(
        masked_mean,
        "inside = where(x > 0, 1, 0)*where(u < 1, 1, 0); sum(inside*s)/sum(inside + 0*ones(1))",
        GAUSS, "s",
    ),
)  # fmt: skip

# ---- one line each: what NumPy computes is what the formula computes --------------------------------

SHAPES = {
    "x": "real[n]", "y": "real[n]", "A": "real[n,d]", "B": "real[n,d]", "S": "real[n,n]", "T": "real[2,n,d]",
    "P": "spd[n,n]", "c": "positive", "q": "positive[n]", "F": "real[3]", "U": "real[n,1]",
}  # fmt: skip
AS_IN_NUMPY: tuple[Callable[..., Any], ...] = (
    lambda x: x.sum(),
    lambda A: A.sum(0),
    lambda A: np.sum(A, axis=(0, 1)),
    lambda T: np.sum(T, axis=(0, -1), keepdims=True),
    lambda A: A.mean(axis=-1),
    lambda A: np.mean(A, 1, keepdims=True),
    lambda A: np.prod(A, axis=0),
    lambda A: A.max(1) - A.min(axis=1),
    lambda A: np.amax(A) + np.amin(A, axis=0).sum() + np.linalg.matmul(A.T, A).trace(),
    lambda A: np.var(A, axis=1, ddof=1),
    lambda A: A.std(axis=0, ddof=1, keepdims=True),
    lambda F: F.var(ddof=1),
    lambda A: np.average(A, axis=0),
    lambda x, q: np.average(x, weights=q),
    lambda A, q: np.average(A, axis=0, weights=q),
    lambda A, B: np.average(A, weights=B**2, axis=1),
    lambda x: np.linalg.norm(x),
    lambda A: np.linalg.norm(A, "fro") + np.linalg.norm(A, 1) + np.linalg.norm(A, np.inf),
    lambda A: np.linalg.norm(A, 1, axis=0),
    lambda A: np.linalg.norm(A, ord=np.inf, axis=1, keepdims=True),
    lambda A: np.linalg.norm(A, axis=(0, 1)),
    lambda x: np.linalg.norm(x, 4),
    lambda x: np.cumsum(x),
    lambda A: A.cumsum(axis=0),
    lambda A: np.cumprod(A, axis=1),
    lambda A: np.diff(A, axis=0),
    lambda T: np.diff(T, n=2),
    lambda A: np.clip(A, -0.5, 0.5),
    lambda A: np.clip(A, None, 0.5) + A.clip(0.1, None) + A.clip(min=0, max=1),
    lambda x: np.where(x > 0, x, 2),
    lambda x, y: np.where((x > 0) & ~(y > 0.5) | (x < -1), x, y),
    lambda x, y: np.where(np.logical_xor(x > 0, y > 0), x, -y),
    lambda x: (x > 0) * x + (x >= 0).sum() - 1.0 * (x != 0),
    lambda x: np.mean(x > 0) + (x > 0).astype(float) @ x,
    lambda x: np.where(np.less(x, 0), 1, 0) + np.where(x == 0, 1, 0),
    lambda x, y: x @ y + np.dot(x, y) + np.inner(x, y) + np.vdot(x, y),
    lambda A, B: np.inner(A, B) + A @ B.T + np.dot(A, B.T),
    lambda A, B: np.vdot(A, B),
    lambda c, x: np.dot(c, x) + np.inner(c, 2) + np.dot(3, x),
    lambda x, y: np.outer(x, y) + np.multiply.outer(x, y) - np.add.outer(x, y),
    lambda A, x: np.multiply.outer(A, x),
    lambda A, B: np.einsum("ij,kj", A, B),
    lambda T, A: np.einsum("...ij,ij->...i", T, A),
    lambda T: np.einsum("...j->...", T),
    lambda T, A: np.tensordot(T, A, axes=([1, 2], [0, 1])),
    lambda A, B: np.tensordot(A, B.T, axes=1),
    lambda A, B: np.tensordot(A, B),
    lambda A, B: np.linalg.multi_dot([A.T, B, A.T]),
    lambda S: np.linalg.matrix_power(S, 3),
    lambda S: np.trace(S) + S.trace() + np.linalg.det(S),
    lambda P: np.linalg.slogdet(P)[1] + np.linalg.slogdet(P).sign,
    lambda P, x: np.linalg.solve(P, x) + np.linalg.inv(P) @ x,
    lambda P: np.linalg.cholesky(P) + np.linalg.pinv(P),
    lambda P: np.linalg.eigvalsh(P) + np.linalg.eigh(P).eigenvalues,
    lambda A: np.linalg.svd(A, compute_uv=False).sum() + np.linalg.norm(A, "nuc") + np.linalg.norm(A, 2),
    lambda A: (np.linalg.svd(A, full_matrices=False)[0] ** 2).sum(axis=0),
    lambda S: np.diag(S) + np.diagonal(S) + S.diagonal() + np.diag(np.diag(S)).sum(axis=0),
    lambda S: np.tril(S) - np.triu(S),
    lambda A: A.T + np.transpose(A) + A.transpose() + A.transpose(1, 0) + np.swapaxes(A, 0, 1),
    lambda T: T.transpose(2, 0, 1) + np.transpose(T, (2, 0, 1)) + np.moveaxis(T, 2, 0),
    lambda T: T.mT.sum(axis=0) + np.matrix_transpose(T)[1] + T.swapaxes(-1, -2)[0],
    lambda T: T.T,
    lambda x: np.expand_dims(x, 0) + np.expand_dims(x, (0,)) * x[None],
    lambda U: np.squeeze(U) + U.squeeze(axis=1) + U[:, 0] + U.ravel() + U.reshape(-1),
    lambda x: x.reshape(-1, 1) + x.reshape((1, -1)) + np.reshape(x, (1, -1)),
    lambda A: A.ravel() + A.flatten() + A.reshape(-1) + np.ravel(A),
    lambda A: np.ravel(A, order="F") + A.reshape(-1, order="F"),
    lambda x, A: np.broadcast_to(x, (2, x.shape[0])) @ A,
    lambda x, y: np.concatenate([x, y]) + np.hstack([x, y]) + np.concatenate((x, y), axis=0),
    lambda A, B: np.concatenate([A, B], 1) + np.hstack((A, B)),
    lambda A, B: np.vstack([A, B]),
    lambda x, y: np.vstack([x, y]).sum(axis=0) + np.stack([x, y])[0] + np.stack([x, y], axis=-1)[:, 1],
    lambda x, A: np.column_stack([x, A, x]),
    lambda A: np.ones_like(A) + np.zeros_like(A) + np.full_like(A, 3) * A,
    lambda S: np.eye(S.shape[0], like=S) + np.identity(S.shape[0], like=S) + np.ones((2, 1, 1), like=S) * S,
    lambda A: np.full(A.shape, 2.5, like=A) + np.full((A.shape[0], 1), A[0, 0], like=A),
    lambda c: np.array([c, 2 * c, 1.0], like=c) if hasattr(c, "node") else np.array([c, 2 * c, 1.0]),
    lambda S: np.eye(len(S)) + np.eye(len(S), k=1) * S + np.ones(S.shape) + np.zeros((len(S), 1)),
    lambda S: np.where(np.tri(len(S), dtype=bool), S, 0) + np.tril(np.ones(S.shape)) + np.full(len(S), 2.5),
    lambda A: np.tri(*A.shape, k=-1) * A,
    lambda S: np.where(~np.eye(len(S), dtype=bool), S, 0) + np.arange(S.shape[1]) * S,
    lambda x: special.softmax(x) + special.logsumexp(x) + special.log_softmax(x) * len(x),
    lambda c: np.array([[c, 2 * c], [np.sin(c), 1.0]]) @ np.asarray([c, 1.0]),
    lambda S: linalg.expm(S) + linalg.inv(S @ S.T + np.eye(len(S))) + linalg.det(S),
    lambda c: math.sqrt(c**2 + 1) + math.exp(c) + math.lgamma(c**2 + 1) + math.pow(c, 2) + math.log(2, 10) * c,
    lambda x: x / math.sqrt(len(x)) + math.fsum([1, 2]),
    lambda A: A[0] + A[-1, :] + A[1, ...] + A[0, None, :][0],
    lambda A: A[..., 0] + A[:, -1] + A[..., None][:, 0, 0],
    lambda x: x[1:] * x[:-1] + x[1:].sum(),
    lambda x: x[::2].sum() + x[::-1] * x + np.flip(x) + x[-1::-1],
    lambda T: T[::-1, :, ::2].sum() + np.flip(T, axis=(0, 2)) + np.flip(T, 1)[..., ::-1, :],
    lambda A: A[[0, 1]] + A[np.array([1, 0])],
    lambda A: A[:, [1, 0, 1]] + A[None, 0, [0, 0, 1]],
    lambda F: F[[True, False, True]] * F[np.array([0, -1])],
    lambda x: x * np.arange(x.shape[0], like=x) + np.arange(3, like=x).sum(),
    lambda x: x[: x.shape[0] - 1] + x[1 : x.shape[0]],
    lambda T: T[0] @ T[1].T,
    lambda T: sum(part.sum() for part in T) + len(T),
    lambda F: F[0] * F[1] - sum(F) + max(1, 2),
    lambda x: x / x.size + x / x.shape[0] + np.size(x) + np.shape(x)[0] * np.ndim(x) + len(x.shape),
    lambda A: A.size * np.size(A, 1) + (A.shape[0] + 1 - A.shape[0]) + A.sum() / (A.shape[0] * A.shape[1] - 1),
    lambda x: np.logaddexp.reduce(x) + np.add.reduce(x) + np.maximum.reduce(x) + np.minimum.reduce(x),
    lambda A: np.multiply.reduce(A, axis=1) + np.logaddexp.reduce(A, axis=-1),
    lambda A: np.add.accumulate(A, axis=1) + np.multiply.accumulate(A),
    lambda x: np.array([1, 2, 3]).sum() * x + np.float64(2) * x - np.int64(1) + x * np.float32(0.5),
    lambda F: np.array([1.0, -2.0, 0.5]) @ F + F @ np.arange(3) + F[:2] @ [3, 4],
    lambda F: np.array([[1, 2, 3], [4, 5, 6.5]]) @ F + np.full(2, 7.0),
    lambda F: np.eye(3) @ F + np.ones((3, 3)) @ F - np.zeros(3),
    lambda x: -x + +x + abs(x) ** 1.5 + 2**x + x**2 / 3 - 1 / (1 + x**2) + divmod(7, 2)[0],
    lambda x: pow(x, 3) + 1.0 - x @ x,
    lambda c: math.pi * c + math.log(2) ** c + (1 / 3) * c + 1e-9 * c + 0.1 * c + c * np.sqrt(2 * np.pi) / 4,
)  # fmt: skip
