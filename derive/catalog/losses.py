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
        target: of a loss per sample, the input that is observed; the prediction is the first of ``wrt``.
        minimiser: of such a loss, what its expectation is smallest at, where that is not derived.
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
    target: str = ""
    minimiser: str = ""


PRML = "Bishop, Pattern Recognition and Machine Learning (2006)"
ESL = "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009)"
COVER = "Cover and Thomas, Elements of Information Theory (2006)"
GLM = "McCullagh and Nelder, Generalized Linear Models (1989)"

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "mse", "loss", "mean squared error of a linear model",
        "X: real[n, d]; y: real[n]; w: real[d]; mean((y - X @ w)^2)",
        ("w",), (("w", "-(2/n) * X.T @ (y - X @ w)"),), hessian=(("w", "2/n * X.T @ X"),),
        source=f"{ESL}, eq. 3.3 to 3.5", note="Mean over the n samples, no factor 1/2."),
    Entry(
        "squared_error", "loss", "squared error between targets and predictions, per sample",
        "y, yhat: real[n]; (y - yhat)^2",
        ("yhat",), (("yhat", "diag(2*(yhat - y))"),), source=f"{PRML}, eq. 1.2 without the factor 1/2",
        target="y"),
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
        "support_vector_machine", "model", "hinge losses of the margins of a linear classifier, with squared weights",
        "X: real[n, d]; y: pm1[n]; w: real[d]; b: real; C: positive; m = y*(X @ w + b); "
        "norm(w)^2/2 + C*sum(maximum(0, 1 - m))",
        ("w", "b"), (("w", "w - C*X.T @ (y*step(1 - m))"), ("b", "-C*sum(y*step(1 - m))")), source=f"{ESL}, eq. 12.8",
        note="Not differentiable where a margin is 1; the middle of the slopes is used there."),
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
        source=f"{PRML}, eq. 4.90, in the logit", note="Equals -mean(y log p + (1-y) log(1-p)) with p = sigmoid(z).",
        target="y"),
    Entry(
        "binary_cross_entropy_from_probabilities", "loss", "mean binary cross-entropy from probabilities",
        "p: unit[n]; y: unit[n]; -mean(y*log(p) + (1 - y)*log(1 - p))",
        ("p",), (("p", "(p - y)/(p*(1 - p))/n"),), source=f"{PRML}, eq. 4.90", target="y"),
    Entry(
        "categorical_cross_entropy", "loss", "mean categorical cross-entropy from logits",
        "Z: real[n, k]; Y: simplex[n, k]; mean(logsumexp(Z, axis=1) - sum(Y*Z, axis=1))",
        ("Z",), (("Z", "(softmax(Z, axis=1) - Y)/n"),), source=f"{PRML}, eq. 4.108, in the logits",
        note="Equals -mean(sum(Y log P)) with P = softmax(Z), because the rows of Y sum to one.",
        target="Y"),
    Entry(
        "categorical_cross_entropy_from_probabilities", "loss", "mean categorical cross-entropy from probabilities",
        "P: unit[n, k]; Y: simplex[n, k]; -mean(sum(Y*log(P), axis=1))",
        ("P",), (("P", "-Y/P/n"),), source=f"{PRML}, eq. 4.108", target="Y",
        minimiser="P = E[Y], among rows that sum to one"),
    Entry(
        "absolute_error", "loss", "mean absolute error",
        "y, yhat: real[n]; mean(|y - yhat|)",
        ("yhat",), (("yhat", "sign(yhat - y)/n"),), source=f"{ESL}, section 10.6", target="y"),
    Entry(
        "huber_loss", "loss", "squared near the target, absolute far from it",
        "y, yhat: real[n]; delta: positive; "
        "mean(where(|y - yhat| <= delta, (y - yhat)^2/2, delta*(|y - yhat| - delta/2)))",
        ("yhat",), (("yhat", "clip(yhat - y, -delta, delta)/n"),), source=f"{ESL}, eq. 10.23 divided by 2", target="y"),
    Entry(
        "pseudo_huber_loss", "loss", "a smooth loss that is squared near the target and absolute far from it",
        "y, yhat: real[n]; delta: positive; mean(delta^2*(sqrt(1 + ((y - yhat)/delta)^2) - 1))",
        ("yhat",), (("yhat", "(yhat - y)/sqrt(1 + ((y - yhat)/delta)^2)/n"),),
        source="Charbonnier, Blanc-Feraud, Aubert and Barlaud (1997)", target="y"),
    Entry(
        "log_cosh_loss", "loss", "logarithm of the hyperbolic cosine of the error",
        "y, yhat: real[n]; mean(logcosh(y - yhat))",
        ("yhat",), (("yhat", "tanh(yhat - y)/n"),), hessian=(("yhat", "diag(sech2(yhat - y))/n"),),
        source="Saleh and Saleh (2022)", target="y"),
    Entry(
        "quantile_loss", "loss", "errors below and above the target weighted as 1 - tau to tau",
        "y, yhat: real[n]; tau: (0, 1); mean(tau*relu(y - yhat) + (1 - tau)*relu(yhat - y))",
        ("yhat",), (("yhat", "(step(yhat - y) - tau)/n"),), source="Koenker and Bassett (1978)", target="y"),
    Entry(
        "epsilon_insensitive_loss", "loss", "absolute error beyond a tolerance, as of support vector regression",
        "y, yhat: real[n]; epsilon: positive; mean(maximum(0, |y - yhat| - epsilon))",
        ("yhat",), (), source=f"{ESL}, eq. 12.37", target="y"),
    Entry(
        "tukey_biweight_loss", "loss", "bounded loss that gives far outliers no weight",
        "y, yhat: real[n]; c: positive; r = (y - yhat)/c; mean(where(|r| <= 1, c^2/6*(1 - (1 - r^2)^3), c^2/6))",
        ("yhat",), (("yhat", "where(|r| <= 1, -c*r*(1 - r^2)^2, 0)/n"),),
        source="Beaton and Tukey (1974)", target="y"),
    Entry(
        "cauchy_loss", "loss", "negative log-likelihood of Cauchy errors, up to a constant and a factor",
        "y, yhat: real[n]; c: positive; mean(c^2/2*log(1 + ((y - yhat)/c)^2))",
        ("yhat",), (("yhat", "(yhat - y)/(1 + ((y - yhat)/c)^2)/n"),), source="Barron (2019), section 1",
        target="y"),
    Entry(
        "poisson_loss", "loss", "negative log-likelihood of counts, by the logarithm of their mean",
        "y: count[n]; z: real[n]; mean(exp(z) - y*z)",
        ("z",), (("z", "(exp(z) - y)/n"),), hessian=(("z", "diag(exp(z))/n"),), source=f"{GLM}, table 2.1",
        note="Without log(y!), which does not depend on z.", target="y"),
    Entry(
        "gamma_loss", "loss", "negative log-likelihood of gamma observations, by the logarithm of their mean",
        "y: positive[n]; z: real[n]; mean(z + y*exp(-z))",
        ("z",), (("z", "(1 - y*exp(-z))/n"),), hessian=(("z", "diag(y*exp(-z))/n"),), source=f"{GLM}, table 2.1",
        note="For shape 1, without terms that do not depend on z.", target="y"),
    Entry(
        "tweedie_loss", "loss", "half the deviance of a Tweedie distribution of power 1 + rho, by the log of the mean",
        "y: nonnegative[n]; z: real[n]; rho: (0, 1); mean(y*exp(-rho*z)/rho + exp((1 - rho)*z)/(1 - rho))",
        ("z",), (("z", "(exp((1 - rho)*z) - y*exp(-rho*z))/n"),), source="Jorgensen (1987)",
        note="Without terms that do not depend on z.", target="y"),
    Entry(
        "logistic_loss", "loss", "logistic loss of the margin y z, with labels -1 and 1",
        "y: pm1[n]; z: real[n]; mean(softplus(-y*z))",
        ("z",), (("z", "-y*sigmoid(-y*z)/n"),), source=f"{ESL}, table 12.1", target="y"),
    Entry(
        "hinge_loss", "loss", "hinge loss of the margin, as of the support vector machine",
        "y: pm1[n]; z: real[n]; mean(maximum(0, 1 - y*z))",
        ("z",), (("z", "-y*step(1 - y*z)/n"),), source=f"{ESL}, eq. 12.25", target="y"),
    Entry(
        "squared_hinge_loss", "loss", "squared hinge loss of the margin",
        "y: pm1[n]; z: real[n]; mean(maximum(0, 1 - y*z)^2)",
        ("z",), (("z", "-2*y*maximum(0, 1 - y*z)/n"),), source=f"{ESL}, table 12.1", target="y"),
    Entry(
        "exponential_loss", "loss", "exponential loss of the margin, as of AdaBoost",
        "y: pm1[n]; z: real[n]; mean(exp(-y*z))",
        ("z",), (("z", "-y*exp(-y*z)/n"),), source=f"{ESL}, eq. 10.8", target="y"),
    Entry(
        "perceptron_loss", "loss", "minus the margin of what is misclassified",
        "y: pm1[n]; z: real[n]; mean(maximum(0, -y*z))",
        ("z",), (("z", "-y*step(-y*z)/n"),), source=f"{PRML}, eq. 4.54, divided by n", target="y"),
    Entry(
        "focal_loss", "loss", "cross-entropy that weighs down what is already classified well",
        "y: pm1[n]; z: real[n]; focus: nonnegative; q = sigmoid(-y*z); -mean(q^focus*log(1 - q))",
        ("z",), (), source="Lin, Goyal, Girshick, He and Dollar (2017), eq. 4", target="y"),
    Entry(
        "zero_one_loss", "loss", "share of labels that the sign of the score misses",
        "y: pm1[n]; z: real[n]; mean(where(y*z <= 0, 1, 0))",
        ("z",), (("z", "zeros(n)"),), source=f"{ESL}, section 10.6",
        note="A score of 0 counts as a mistake. The gradient is 0 wherever it exists.", target="y"),
    Entry(
        "brier_score", "loss", "mean squared error of predicted probabilities",
        "y: binary[n]; p: unit[n]; mean((p - y)^2)",
        ("p",), (("p", "2*(p - y)/n"),), hessian=(("p", "2*eye(n)/n"),), source="Brier (1950)", target="y"),
    Entry(
        "multiclass_hinge_loss", "loss", "hinge losses of the lead of the true class over every other, summed",
        "z: real[k]; y: onehot[k]; sum(maximum(0, 1 + z - y @ z)) - 1",
        ("z",), (), source="Weston and Watkins (1999)", note="The true class itself counts 1, which is taken away.",
        target="y", minimiser="scores in the order of E[y], equal ones where classes are too close"),
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
    "huber": "huber_loss",
    "hinge": "hinge_loss",
    "mae": "absolute_error",
    "mean_absolute_error": "absolute_error",
    "pinball_loss": "quantile_loss",
    "svm": "support_vector_machine",
    "kl": "kl_divergence",
    "mean_squared_error": "mse",
    "l1": "l1_penalty",
    "l2": "l2_penalty",
    "elastic_net": "elastic_net_penalty",
}
