"""Losses, penalties, layers and measures of information: one entry each, written in the notation.

The claims of an entry are what textbooks print for its derivatives; the tests prove every one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["model", "loss", "penalty", "likelihood", "information", "layer"]


@dataclass(frozen=True)
class Entry:
    """A named formula.

    Attributes:
        name: the name by which ``formula`` and the command line know it.
        kind: what sort of formula it is.
        about: one line of what it is.
        text: declarations and statements; the last one is the formula.
        wrt: the variables by which one differentiates it, unless told otherwise.
        gradient: for some variables, the textbook's gradient (or Jacobian) in the notation.
        hessian: for some variables, the textbook's Hessian.
        source: where it is found, with equation number.
        note: conventions: factors, dropped constants, what happens at kinks and at 0.
    """

    name: str
    kind: Kind
    about: str
    text: str
    wrt: tuple[str, ...]
    gradient: tuple[tuple[str, str], ...]
    source: str
    hessian: tuple[tuple[str, str], ...] = ()
    note: str = ""


PRML = "Bishop, Pattern Recognition and Machine Learning (2006)"
ESL = "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009)"
COVER = "Cover and Thomas, Elements of Information Theory (2006)"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "mse", "loss", "mean squared error of a linear model",
        "X: real[n, d]; y: real[n]; w: real[d]; mean((y - X @ w)^2)",
        ("w",), (("w", "-(2/n) * X.T @ (y - X @ w)"),), hessian=(("w", "2/n * X.T @ X"),),
        source=f"{ESL}, eq. 3.3 to 3.5", note="Mean over the n samples, no factor 1/2."),
    Entry(
        "squared_error", "loss", "squared error between targets and predictions, per sample",
        "y, yhat: real[n]; (y - yhat)^2",
        ("yhat",), (("yhat", "diag(2*(yhat - y))"),), source=f"{PRML}, eq. 1.2 without the factor 1/2"),
    Entry(
        "simple_linear_regression", "model", "mean squared error of a straight line w x + b",
        "x, y: real[n]; w: real; b: real; y_pred = w*x + b; mean((y - y_pred)^2)",
        ("w", "b"), (("w", "-(2/n) * sum(x * (y - y_pred))"), ("b", "-(2/n) * sum(y - y_pred)")),
        source=f"{ESL}, eq. 3.2 divided by n"),
    Entry(
        "linear_regression", "model", "mean squared error of a linear model with bias",
        "X: real[n, d]; y: real[n]; w: real[d]; b: real; r = X @ w + b - y; mean(r^2)",
        ("w", "b"), (("w", "2/n * X.T @ r"), ("b", "2*mean(r)")), source=f"{ESL}, eq. 3.3 to 3.5"),
    Entry(
        "ridge", "model", "least squares with a squared penalty on the weights",
        "X: real[n, d]; y: real[n]; w: real[d]; lam: nonnegative; mean((X @ w - y)^2) + lam*norm(w)^2",
        ("w",), (("w", "(2/n) * X.T @ (X @ w - y) + 2*lam*w"),),
        hessian=(("w", "2/n * X.T @ X + 2*lam*eye(d)"),), source=f"{ESL}, eq. 3.43 with the mean in place of the sum"),
    Entry(
        "lasso", "model", "least squares with an absolute penalty on the weights",
        "X: real[n, d]; y: real[n]; w: real[d]; lam: nonnegative; mean((X @ w - y)^2) + lam*sum(|w|)",
        ("w",), (("w", "(2/n) * X.T @ (X @ w - y) + lam*sign(w)"),), source=f"{ESL}, eq. 3.52",
        note="Not differentiable where w_j = 0; the subgradient 0 of |w_j| is used there."),
    Entry(
        "logistic_regression", "model", "mean negative log-likelihood of logistic regression with 0/1 labels",
        "X: real[n, d]; y: binary[n]; w: real[d]; b: real; p = sigmoid(X @ w + b); "
        "-mean(y*log(p) + (1 - y)*log(1 - p))",
        ("w", "b"), (("w", "X.T @ (p - y) / n"), ("b", "mean(p - y)")),
        hessian=(("w", "X.T @ diag(p*(1 - p)) @ X / n"),), source=f"{PRML}, eq. 4.90, 4.91 and 4.97, divided by n"),
    Entry(
        "softmax_regression", "model", "mean negative log-likelihood of multiclass logistic regression",
        "X: real[n, d]; Y: onehot[n, k]; W: real[d, k]; b: real[k]; P = softmax(X @ W + b, axis=1); "
        "-mean(sum(Y*log(P), axis=1))",
        ("W", "b"), (("W", "X.T @ (P - Y) / n"), ("b", "mean(P - Y, axis=0)")),
        source=f"{PRML}, eq. 4.108 and 4.109, divided by n"),
    Entry(
        "two_layer_network", "model", "mean squared error of a network with one hidden layer",
        "X: real[n, d]; W1: real[d, h]; b1: real[h]; W2: real[h, k]; b2: real[k]; Y: real[n, k]; "
        "z1 = X @ W1 + b1; h1 = tanh(z1); z2 = h1 @ W2 + b2; sum((z2 - Y)^2)/n",
        ("W1", "b1", "W2", "b2"),
        (("W2", "2/n * h1.T @ (z2 - Y)"), ("b2", "2/n * sum(z2 - Y, axis=0)"),
         ("W1", "2/n * X.T @ (((z2 - Y) @ W2.T) * (1 - h1^2))"),
         ("b1", "2/n * sum(((z2 - Y) @ W2.T) * (1 - h1^2), axis=0)")),
        source=f"{PRML}, eq. 5.65 to 5.67, divided by n/2"),
    Entry(
        "matrix_factorisation", "model", "squared error of a low-rank factorisation",
        "T: real[n, m]; U: real[n, k]; W: real[m, k]; norm(T - U @ W.T)^2",
        ("U", "W"), (("U", "2*(U @ W.T - T) @ W"), ("W", "2*(U @ W.T - T).T @ U")),
        source="Laue, Mitterreiter and Giesen (2018), section 1"),
    Entry(
        "dense_layer", "layer", "dense layer with a logistic activation: activation(input @ weights + bias)",
        "input: real[n, d]; weights: real[d, k]; bias: real[k]; sigmoid(input @ weights + bias)",
        ("bias",), (), source=f"{PRML}, eq. 5.2 and 5.3"),
    Entry(
        "chain", "model", "squared error of one neuron, for the chain dL/dw1 = dL/dy * dy/dz * dz/dw1",
        "x1, w1, b, t: real; z = w1*x1 + b; y = sigmoid(z); (y - t)^2",
        ("w1",), (("w1", "2*(y - t)*y*(1 - y)*x1"),), source=f"{PRML}, section 5.3"),
    Entry(
        "binary_cross_entropy", "loss", "mean binary cross-entropy from logits",
        "z: real[n]; y: unit[n]; mean(softplus(z) - y*z)",
        ("z",), (("z", "(sigmoid(z) - y)/n"),), hessian=(("z", "diag(sigmoid(z)*(1 - sigmoid(z)))/n"),),
        source=f"{PRML}, eq. 4.90, in the logit", note="Equals -mean(y log p + (1-y) log(1-p)) with p = sigmoid(z)."),
    Entry(
        "binary_cross_entropy_from_probabilities", "loss", "mean binary cross-entropy from probabilities",
        "p: unit[n]; y: unit[n]; -mean(y*log(p) + (1 - y)*log(1 - p))",
        ("p",), (("p", "(p - y)/(p*(1 - p))/n"),), source=f"{PRML}, eq. 4.90"),
    Entry(
        "categorical_cross_entropy", "loss", "mean categorical cross-entropy from logits",
        "Z: real[n, k]; Y: simplex[n, k]; mean(logsumexp(Z, axis=1) - sum(Y*Z, axis=1))",
        ("Z",), (("Z", "(softmax(Z, axis=1) - Y)/n"),), source=f"{PRML}, eq. 4.108, in the logits",
        note="Equals -mean(sum(Y log P)) with P = softmax(Z), because the rows of Y sum to one."),
    Entry(
        "categorical_cross_entropy_from_probabilities", "loss", "mean categorical cross-entropy from probabilities",
        "P: unit[n, k]; Y: simplex[n, k]; -mean(sum(Y*log(P), axis=1))",
        ("P",), (("P", "-Y/P/n"),), source=f"{PRML}, eq. 4.108"),
    Entry(
        "bernoulli_log_likelihood", "likelihood", "log-likelihood of 0/1 observations",
        "y: binary[n]; p: unit[n]; sum(y*log(p) + (1 - y)*log(1 - p))",
        ("p",), (("p", "y/p - (1 - y)/(1 - p)"),), source=f"{PRML}, eq. 4.89"),
    Entry(
        "entropy", "information", "entropy of a distribution, in nats",
        "p: simplex[k]; -sum(p*log(p))",
        ("p",), (("p", "-log(p) - 1"),), hessian=(("p", "-diag(1/p)"),), source=f"{COVER}, eq. 2.1",
        note="0 log 0 = 0. The entries of p are differentiated as independent."),
    Entry(
        "cross_entropy", "information", "cross-entropy of q under p, in nats",
        "p: simplex[k]; q: simplex[k]; -sum(p*log(q))",
        ("q",), (("q", "-p/q"),), source=f"{PRML}, section 1.6", note="0 log 0 = 0."),
    Entry(
        "kl_divergence", "information", "Kullback-Leibler divergence of q from p, in nats",
        "p: simplex[k]; q: simplex[k]; sum(p*log(p/q))",
        ("p", "q"), (("p", "log(p/q) + 1"), ("q", "-p/q")), source=f"{COVER}, eq. 2.26", note="0 log 0 = 0."),
    Entry(
        "l1_penalty", "penalty", "sum of absolute weights",
        "w: real[d]; lam: nonnegative; lam*sum(|w|)",
        ("w",), (("w", "lam*sign(w)"),), source=f"{ESL}, eq. 3.52",
        note="Not differentiable where w_j = 0; the subgradient 0 is used there."),
    Entry(
        "l2_penalty", "penalty", "sum of squared weights",
        "w: real[d]; lam: nonnegative; lam*sum(w^2)",
        ("w",), (("w", "2*lam*w"),), hessian=(("w", "2*lam*eye(d)"),), source=f"{ESL}, eq. 3.41"),
    Entry(
        "elastic_net_penalty", "penalty", "mixture of absolute and squared penalty",
        "w: real[d]; lam: nonnegative; alpha: unit; lam*(alpha*sum(|w|) + (1 - alpha)/2*sum(w^2))",
        ("w",), (("w", "lam*(alpha*sign(w) + (1 - alpha)*w)"),),
        source="Zou and Hastie (2005); factor 1/2 as in Friedman, Hastie and Tibshirani (2010), eq. 3",
        note="Not differentiable where w_j = 0; the subgradient 0 of |w_j| is used there."),
)  # fmt: skip

BY_NAME: dict[str, Entry] = {entry.name: entry for entry in ENTRIES}

#: Other names under which an entry is looked for.
ALIASES: dict[str, str] = {
    "bce": "binary_cross_entropy",
    "kl": "kl_divergence",
    "mean_squared_error": "mse",
    "l1": "l1_penalty",
    "l2": "l2_penalty",
    "elastic_net": "elastic_net_penalty",
}
