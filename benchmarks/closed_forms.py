"""Published derivatives of formulas of the field: what the size of printed results is measured against.

Equation numbers are those of Petersen and Pedersen, The Matrix Cookbook (2012), where it is named.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """A formula with the published closed form of a derivative.

    Attributes:
        name: unique together with ``derivative``.
        formula: declarations and expression.
        derivative: "grad:w", "hess:w" or "jac:w".
        closed: the closed form, in the notation.
        source: where it is published.
        symmetric: whether it is over the independent entries of a symmetric matrix.
    """

    name: str
    formula: str
    derivative: str
    closed: str
    source: str
    symmetric: bool = False


CASES: tuple[Case, ...] = (
    Case(
        "scalar_gausspdf",
        "x: real; exp(-x**2/2)/sqrt(2*pi)",
        "grad:x",
        "-x*exp(-x**2/2)/sqrt(2*pi)",
        "textbook",
    ),
    Case(
        "scalar_gausspdf",
        "x: real; exp(-x**2/2)/sqrt(2*pi)",
        "hess:x",
        "(x**2-1)*exp(-x**2/2)/sqrt(2*pi)",
        "textbook",
    ),
    Case(
        "scalar_sinc",
        "x: (0.3, 3.0); sin(x)/x",
        "grad:x",
        "(x*cos(x)-sin(x))/x**2",
        "quotient rule",
    ),
    Case(
        "scalar_mobius",
        "x: positive; (1-x)/(1+x)",
        "grad:x",
        "-2/(1+x)**2",
        "quotient rule",
    ),
    Case(
        "scalar_logcosh",
        "x: real; log(cosh(x))",
        "grad:x",
        "tanh(x)",
        "textbook",
    ),
    Case(
        "scalar_logcosh",
        "x: real; log(cosh(x))",
        "hess:x",
        "1-tanh(x)**2",
        "textbook",
    ),
    Case(
        "scalar_softsign",
        "x: real; x/(1+abs(x))",
        "grad:x",
        "1/(1+abs(x))**2",
        "derived",
    ),
    Case(
        "scalar_mish",
        "x: real; x*tanh(log(1+exp(x)))",
        "grad:x",
        "tanh(log(1+exp(x))) + x*sigmoid(x)*(1-tanh(log(1+exp(x)))**2)",
        "Misra 2019",
    ),
    Case(
        "mc_049",
        "X: invertible[n,n]; det(X)",
        "grad:X",
        "det(X)*inv(X).T",
        "The Matrix Cookbook, eq. 49",
    ),
    Case(
        "mc_053",
        "A: spd[n,n]; X: real[n,p]; det(X.T@A@X)",
        "grad:X",
        "2*det(X.T@A@X)*A@X@inv(X.T@A@X)",
        "The Matrix Cookbook, eq. 53 (A symmetric)",
    ),
    Case(
        "mc_060",
        "X: invertible[d,d]; inv(X)",
        "jac:X",
        "-einsum('ki,jl->klij', inv(X), inv(X))",
        "The Matrix Cookbook, eq. 60",
    ),
    Case(
        "mc_064",
        "A: spd[n,n]; X: invertible[n,n]; trace(inv(X+A))",
        "grad:X",
        "-(inv(X+A)@inv(X+A)).T",
        "The Matrix Cookbook, eq. 64",
    ),
    Case(
        "mc_072",
        "a: real[n]; X: real[n,n]; a@X@a",
        "grad:X",
        "outer(a,a)",
        "The Matrix Cookbook, eq. 72",
    ),
    Case(
        "mc_072",
        "a: real[n]; X: real[n,n]; a@X@a",
        "grad:a",
        "(X+X.T)@a",
        "The Matrix Cookbook, eq. 72",
    ),
    Case(
        "mc_082",
        "b, e: real[d]; X: real[n,d]; D: real[n,n]; b@X.T@D@X@e",
        "grad:X",
        "D.T@X@outer(b,e) + D@X@outer(e,b)",
        "The Matrix Cookbook, eq. 82",
    ),
    Case(
        "mc_091",
        "a, b: real[n]; X: real[n,n]; a@X@X@X@b",
        "grad:X",
        "outer(a,b)@(X@X).T + X.T@outer(a,b)@X.T + (X@X).T@outer(a,b)",
        "The Matrix Cookbook, eq. 91, n=3",
    ),
    Case(
        "mc_101",
        "A: real[k,n]; X: real[n,m]; B: real[m,k]; trace(A@X@B)",
        "grad:X",
        "A.T@B.T",
        "The Matrix Cookbook, eq. 101",
    ),
    Case(
        "mc_107",
        "X, B: real[n,n]; trace(X@X@B)",
        "grad:X",
        "(X@B+B@X).T",
        "The Matrix Cookbook, eq. 107",
    ),
    Case(
        "mc_114",
        "A, B: real[m,n]; X: real[n,m]; trace(A@X@B@X)",
        "grad:X",
        "A.T@X.T@B.T + B.T@X.T@A.T",
        "The Matrix Cookbook, eq. 114",
    ),
    Case(
        "mc_118",
        "A: real[k,n]; X: real[n,m]; B: real[m,m]; C: real[n,k]; trace(A@X@B@X.T@C)",
        "grad:X",
        "A.T@C.T@X@B.T + C@A@X@B",
        "The Matrix Cookbook, eq. 118",
    ),
    Case(
        "mc_122",
        "A, X: real[n,n]; trace(A@X@X@X)",
        "grad:X",
        "(X@X@A).T + (X@A@X).T + (A@X@X).T",
        "The Matrix Cookbook, eq. 122, k=3",
    ),
    Case(
        "mc_127",
        "A: spd[p,p]; X: real[n,p]; C: spd[n,n]; B: symmetric[n,n]; trace(inv(A+X.T@C@X)@(X.T@B@X))",
        "grad:X",
        "-2*C@X@inv(A+X.T@C@X)@X.T@B@X@inv(A+X.T@C@X) + 2*B@X@inv(A+X.T@C@X)",
        "The Matrix Cookbook, eq. 127 (A, B, C symmetric)",
    ),
    Case(
        "mc_132",
        "X: real[n,m]; norm(X)**2",
        "grad:X",
        "2*X",
        "The Matrix Cookbook, eq. 132",
    ),
    Case(
        "mc_141",
        "X: spd[n,n]; logdet(X)",
        "grad:X",
        "2*inv(X) - inv(X)*eye(n)",
        "The Matrix Cookbook, eq. 141", symmetric=True,
    ),
    Case(
        "mc_constplus",
        "X: real[n,m]; trace(X@X.T) + 3",
        "grad:X",
        "2*X",
        "sympy/sympy#26561 (SymPy returns 0)",
    ),
    Case(
        "laue_matfac",
        "T: real[n,m]; U: real[n,k]; W: real[m,k]; norm(T - U@W.T)**2",
        "grad:U",
        "-2*(T-U@W.T)@W",
        "Laue et al. 2018/2020: Hessian is 2 V'V (x) I, never to be materialised densely",
    ),
    Case(
        "laue_matfac",
        "T: real[n,m]; U: real[n,k]; W: real[m,k]; norm(T - U@W.T)**2",
        "grad:W",
        "-2*(T-U@W.T).T@U",
        "Laue et al. 2018/2020: Hessian is 2 V'V (x) I, never to be materialised densely",
    ),
    Case(
        "laue_matfac",
        "T: real[n,m]; U: real[n,k]; W: real[m,k]; norm(T - U@W.T)**2",
        "hess:U",
        "2*einsum('ik,jl->ijkl', eye(n), W.T@W)",
        "Laue et al. 2018/2020: Hessian is 2 V'V (x) I, never to be materialised densely",
    ),
    Case(
        "laue_matfac",
        "T: real[n,m]; U: real[n,k]; W: real[m,k]; norm(T - U@W.T)**2",
        "hess:W",
        "2*einsum('ik,jl->ijkl', eye(m), U.T@U)",
        "Laue et al. 2018/2020: Hessian is 2 V'V (x) I, never to be materialised densely",
    ),
    Case(
        "glm_logistic_bias",
        "X: real[n,d]; y: binary[n]; w: real[d]; b: real; -mean(y*log(sigmoid(X@w+b)) + "
        "(1-y)*log(1-sigmoid(X@w+b)))",
        "grad:w",
        "X.T@(sigmoid(X@w+b)-y)/n",
        "Bishop PRML 4.91",
    ),
    Case(
        "glm_logistic_bias",
        "X: real[n,d]; y: binary[n]; w: real[d]; b: real; -mean(y*log(sigmoid(X@w+b)) + "
        "(1-y)*log(1-sigmoid(X@w+b)))",
        "grad:b",
        "mean(sigmoid(X@w+b)-y)",
        "Bishop PRML 4.91",
    ),
    Case(
        "glm_negbin",
        "X: real[n,d]; y: count[n]; w: real[d]; r: positive; sum((y+r)*log(r+exp(X@w)) - y*(X@w))",
        "grad:w",
        "X.T@((y+r)*exp(X@w)/(r+exp(X@w)) - y)",
        "Hilbe, Negative Binomial Regression",
    ),
    Case(
        "glm_softmax_mean_l2",
        "X: real[n,d]; W: real[d,k]; b: real[k]; Y: onehot[n,k]; lam: positive; "
        "-mean(sum(Y*log(softmax(X@W + b, axis=1)), axis=1)) + 0.5*lam*norm(W)**2",
        "grad:W",
        "X.T@(softmax(X@W+b,axis=1)-Y)/n + lam*W",
        "CS231n / Bishop PRML 4.109",
    ),
    Case(
        "glm_softmax_mean_l2",
        "X: real[n,d]; W: real[d,k]; b: real[k]; Y: onehot[n,k]; lam: positive; "
        "-mean(sum(Y*log(softmax(X@W + b, axis=1)), axis=1)) + 0.5*lam*norm(W)**2",
        "grad:b",
        "mean(softmax(X@W+b,axis=1)-Y, axis=0)",
        "CS231n / Bishop PRML 4.109",
    ),
    Case(
        "loss_ols_mean",
        "X: real[n,d]; y: real[n]; w: real[d]; mean((X@w-y)**2)",
        "grad:w",
        "2*X.T@(X@w-y)/n",
        "ESL 3.4-3.6",
    ),
    Case(
        "loss_ols_mean",
        "X: real[n,d]; y: real[n]; w: real[d]; mean((X@w-y)**2)",
        "hess:w",
        "2*X.T@X/n",
        "ESL 3.4-3.6",
    ),
    Case(
        "loss_elasticnet",
        "X: real[n,d]; y: real[n]; w: real[d]; lam: positive; r: unit; 0.5*mean((X@w-y)**2) + "
        "lam*(r*sum(abs(w)) + 0.5*(1-r)*norm(w)**2)",
        "grad:w",
        "X.T@(X@w-y)/n + lam*(r*sign(w) + (1-r)*w)",
        "Zou & Hastie 2005",
    ),
    Case(
        "loss_huber",
        "X: real[n,d]; y: real[n]; w: real[d]; t: positive; sum(minimum(abs(y-X@w), t)*(abs(y-X@w) - "
        "0.5*minimum(abs(y-X@w), t)))",
        "grad:w",
        "-X.T@maximum(-t, minimum(t, y-X@w))",
        "Huber 1964",
    ),
    Case(
        "loss_logcosh",
        "X: real[n,d]; y: real[n]; w: real[d]; mean(log(cosh(X@w-y)))",
        "grad:w",
        "X.T@tanh(X@w-y)/n",
        "textbook",
    ),
    Case(
        "loss_bce_prob",
        "Y: binary[n,k]; P: unit[n,k]; -mean(Y*log(P) + (1-Y)*log(1-P))",
        "grad:P",
        "(P-Y)/(P*(1-P))/(n*k)",
        "textbook",
    ),
    Case(
        "loss_dice",
        "z: real[n]; y: binary[n]; 1 - 2*sum(sigmoid(z)*y)/(sum(sigmoid(z)) + sum(y))",
        "grad:z",
        "-2*(y*(sum(sigmoid(z))+sum(y)) - "
        "sum(sigmoid(z)*y))/(sum(sigmoid(z))+sum(y))**2*sigmoid(z)*(1-sigmoid(z))",
        "Milletari et al. 2016",
    ),
    Case(
        "loss_temperature",
        "z: real[k]; y: simplex[k]; t: positive; logsumexp(z/t) - y@z/t",
        "grad:t",
        "(y-softmax(z/t))@z/t**2",
        "Guo et al. 2017 (temperature scaling)",
    ),
    Case(
        "loss_temperature",
        "z: real[k]; y: simplex[k]; t: positive; logsumexp(z/t) - y@z/t",
        "grad:z",
        "(softmax(z/t)-y)/t",
        "Guo et al. 2017 (temperature scaling)",
    ),
    Case(
        "loss_reinforce",
        "A: real[n]; Y: onehot[n,k]; Z: real[n,k]; -mean(A*(sum(Y*Z, axis=1) - logsumexp(Z, axis=1)))",
        "grad:Z",
        "diag(A)@(softmax(Z,axis=1)-Y)/n",
        "Williams 1992",
    ),
    Case(
        "prob_gauss_logvar",
        "x, u, s: real[n]; mean(0.5*s + 0.5*(x-u)**2*exp(-s))",
        "grad:u",
        "(u-x)*exp(-s)/n",
        "Nix & Weigend 1994",
    ),
    Case(
        "prob_gauss_logvar",
        "x, u, s: real[n]; mean(0.5*s + 0.5*(x-u)**2*exp(-s))",
        "grad:s",
        "0.5*(1-(x-u)**2*exp(-s))/n",
        "Nix & Weigend 1994",
    ),
    Case(
        "prob_mvn_chol",
        "x, u: real[n]; L: lower[n,n]; sum(log(diag(L))) + 0.5*norm(inv(L)@(x-u))**2",
        "grad:u",
        "-inv(L).T@inv(L)@(x-u)",
        "derived",
    ),
    Case(
        "prob_mvn_chol",
        "x, u: real[n]; L: lower[n,n]; sum(log(diag(L))) + 0.5*norm(inv(L)@(x-u))**2",
        "grad:L",
        "diag(1/diag(L)) - inv(L).T@outer(inv(L)@(x-u), inv(L)@(x-u))",
        "derived",
    ),
    Case(
        "prob_kl_mvn",
        "A, B: spd[d,d]; u, v: real[d]; 0.5*(trace(inv(B)@A) + (v-u)@inv(B)@(v-u) - d + logdet(B) - "
        "logdet(A))",
        "grad:u",
        "-inv(B)@(v-u)",
        "Rasmussen & Williams A.23",
    ),
    Case(
        "prob_kl_mvn",
        "A, B: spd[d,d]; u, v: real[d]; 0.5*(trace(inv(B)@A) + (v-u)@inv(B)@(v-u) - d + logdet(B) - "
        "logdet(A))",
        "grad:v",
        "inv(B)@(v-u)",
        "Rasmussen & Williams A.23",
    ),
    Case(
        "prob_kl_mvn",
        "A, B: spd[d,d]; u, v: real[d]; 0.5*(trace(inv(B)@A) + (v-u)@inv(B)@(v-u) - d + logdet(B) - "
        "logdet(A))",
        "grad:A",
        "0.5*(inv(B)-inv(A))",
        "Rasmussen & Williams A.23",
    ),
    Case(
        "prob_kl_mvn",
        "A, B: spd[d,d]; u, v: real[d]; 0.5*(trace(inv(B)@A) + (v-u)@inv(B)@(v-u) - d + logdet(B) - "
        "logdet(A))",
        "grad:B",
        "0.5*(inv(B) - inv(B)@A@inv(B) - inv(B)@outer(v-u,v-u)@inv(B))",
        "Rasmussen & Williams A.23",
    ),
    Case(
        "prob_entropy",
        "a: simplex[k]; -sum(a*log(a))",
        "grad:a",
        "-(log(a)+1)",
        "Cover & Thomas",
    ),
    Case(
        "prob_entropy",
        "a: simplex[k]; -sum(a*log(a))",
        "hess:a",
        "-diag(1/a)",
        "Cover & Thomas",
    ),
    Case(
        "prob_gamma",
        "x: positive[n]; a, b: positive; sum(b*x - (a-1)*log(x) - a*log(b) + gammaln(a))",
        "grad:a",
        "-sum(log(x)) - n*log(b) + n*digamma(a)",
        "MLE textbook",
    ),
    Case(
        "prob_gamma",
        "x: positive[n]; a, b: positive; sum(b*x - (a-1)*log(x) - a*log(b) + gammaln(a))",
        "grad:b",
        "sum(x) - n*a/b",
        "MLE textbook",
    ),
    Case(
        "prob_beta",
        "x: unit[n]; a, b: positive; -sum((a-1)*log(x) + (b-1)*log(1-x) + gammaln(a+b) - gammaln(a) - "
        "gammaln(b))",
        "grad:a",
        "-sum(log(x)) - n*(digamma(a+b)-digamma(a))",
        "derived",
    ),
    Case(
        "emb_biasmf",
        "M, R: real[n,m]; u: real[n,1]; v: real[m]; U: real[n,k]; W: real[m,k]; sum(M*(R - u - v - U@W.T)**2)",
        "grad:u",
        "-2*sum(M*(R-u-v-U@W.T), axis=1, keepdims=True)",
        "Koren et al. 2009 (broadcast biases)",
    ),
    Case(
        "emb_biasmf",
        "M, R: real[n,m]; u: real[n,1]; v: real[m]; U: real[n,k]; W: real[m,k]; sum(M*(R - u - v - U@W.T)**2)",
        "grad:v",
        "-2*sum(M*(R-u-v-U@W.T), axis=0)",
        "Koren et al. 2009 (broadcast biases)",
    ),
    Case(
        "emb_metric",
        "A, B: real[n,d]; L: real[d,p]; sum(((A-B)@L)*((A-B)@L))",
        "grad:L",
        "2*(A-B).T@(A-B)@L",
        "LMNN",
    ),
    Case(
        "nn_attention_lin",
        "Q: real[n,d]; K: real[m,d]; V: real[m,p]; C: real[n,p]; sum(C*(softmax(Q@K.T/sqrt(d), axis=1)@V))",
        "grad:V",
        "softmax(Q@K.T/sqrt(d),axis=1).T@C",
        "cotangent form",
    ),
    Case(
        "nn_standardise",
        "x, a: real[n]; a @ ((x - mean(x)) / sqrt(mean((x - mean(x)) ** 2)))",
        "grad:x",
        "(a - mean(a) - (x - mean(x)) / sqrt(mean((x - mean(x)) ** 2)) * mean(a * ((x - mean(x)) / "
        "sqrt(mean((x - mean(x)) ** 2))))) / sqrt(mean((x - mean(x)) ** 2))",
        "textbook",
    ),
    Case(
        "nn_mlp1",
        "X: real[n,d]; W1: real[d,k]; b1, w2: real[k]; b2: real; y: real[n]; mean((tanh(X @ W1 + b1) @ "
        "w2 + b2 - y) ** 2)",
        "grad:b2",
        "2 * mean(tanh(X @ W1 + b1) @ w2 + b2 - y)",
        "backpropagation, Bishop PRML 5.3",
    ),
    Case(
        "nn_mlp1",
        "X: real[n,d]; W1: real[d,k]; b1, w2: real[k]; b2: real; y: real[n]; mean((tanh(X @ W1 + b1) @ "
        "w2 + b2 - y) ** 2)",
        "grad:w2",
        "2 * tanh(X @ W1 + b1).T @ (tanh(X @ W1 + b1) @ w2 + b2 - y) / n",
        "backpropagation, Bishop PRML 5.3",
    ),
    Case(
        "nn_mlp1",
        "X: real[n,d]; W1: real[d,k]; b1, w2: real[k]; b2: real; y: real[n]; mean((tanh(X @ W1 + b1) @ "
        "w2 + b2 - y) ** 2)",
        "grad:W1",
        "2 * X.T @ (outer(tanh(X @ W1 + b1) @ w2 + b2 - y, w2) * (1 - tanh(X @ W1 + b1) ** 2)) / n",
        "backpropagation, Bishop PRML 5.3",
    ),
    Case(
        "nn_mlp1",
        "X: real[n,d]; W1: real[d,k]; b1, w2: real[k]; b2: real; y: real[n]; mean((tanh(X @ W1 + b1) @ "
        "w2 + b2 - y) ** 2)",
        "grad:b1",
        "2 * sum(outer(tanh(X @ W1 + b1) @ w2 + b2 - y, w2) * (1 - tanh(X @ W1 + b1) ** 2), axis=0) / n",
        "backpropagation, Bishop PRML 5.3",
    ),
    Case(
        "nn_glu",
        "X: real[n,d]; W, U: real[d,k]; C: real[n,k]; sum(C*((X@W)*sigmoid(X@U)))",
        "grad:W",
        "X.T@(C*sigmoid(X@U))",
        "Dauphin et al. 2017",
    ),
    Case(
        "nn_glu",
        "X: real[n,d]; W, U: real[d,k]; C: real[n,k]; sum(C*((X@W)*sigmoid(X@U)))",
        "grad:U",
        "X.T@(C*(X@W)*sigmoid(X@U)*(1-sigmoid(X@U)))",
        "Dauphin et al. 2017",
    ),
    Case(
        "nn_gelu_mlp",
        "X: real[n,d]; W1: real[d,k]; W2: real[k,p]; C: real[n,k]; sum(C*((X@W1)*normcdf(X@W1))@W2)",
        "grad:W2",
        "(C*(X@W1)*normcdf(X@W1)).T@ones((n,p))",
        "precedence: * and @ bind equally, left to right",
    ),
    Case(
        "la_rbf",
        "X: real[n,d]; C: real[n,n]; l: positive; sum(C * exp(-(sum(X ** 2, axis=1, keepdims=True) + "
        "sum(X ** 2, axis=1) - 2 * X @ X.T) / (2 * l ** 2)))",
        "grad:l",
        "sum(C * exp(-(sum(X ** 2, axis=1, keepdims=True) + sum(X ** 2, axis=1) - 2 * X @ X.T) / (2 * l "
        "** 2)) * (sum(X ** 2, axis=1, keepdims=True) + sum(X ** 2, axis=1) - 2 * X @ X.T)) / l ** 3",
        "kernel textbook",
    ),
    Case(
        "la_rbf",
        "X: real[n,d]; C: real[n,n]; l: positive; sum(C * exp(-(sum(X ** 2, axis=1, keepdims=True) + "
        "sum(X ** 2, axis=1) - 2 * X @ X.T) / (2 * l ** 2)))",
        "grad:X",
        "-(diag(sum(C * exp(-(sum(X ** 2, axis=1, keepdims=True) + sum(X ** 2, axis=1) - 2 * X @ X.T) / "
        "(2 * l ** 2)) + (C * exp(-(sum(X ** 2, axis=1, keepdims=True) + sum(X ** 2, axis=1) - 2 * X @ "
        "X.T) / (2 * l ** 2))).T, axis=1)) @ X - (C * exp(-(sum(X ** 2, axis=1, keepdims=True) + sum(X "
        "** 2, axis=1) - 2 * X @ X.T) / (2 * l ** 2)) + (C * exp(-(sum(X ** 2, axis=1, keepdims=True) + "
        "sum(X ** 2, axis=1) - 2 * X @ X.T) / (2 * l ** 2))).T) @ X) / l ** 2",
        "kernel textbook",
    ),
    Case(
        "la_fisher",
        "w: real[n]; B, S: spd[n,n]; (w@B@w)/(w@S@w)",
        "grad:w",
        "2*(B@w)/(w@S@w) - 2*(w@B@w)*(S@w)/(w@S@w)**2",
        "Bishop PRML 4.26",
    ),
    Case(
        "la_glasso",
        "P, S: spd[n,n]; -logdet(P) + trace(S@P)",
        "grad:P",
        "S.T - inv(P).T",
        "Friedman et al. 2008 (smooth part)",
    ),
    Case(
        "la_blackscholes",
        "S, K: (80.0, 120.0); r: (0.01, 0.05); s: (0.1, 0.4); T: (0.3, 2.0); S * normcdf((log(S / K) + "
        "(r + s ** 2 / 2) * T) / (s * sqrt(T))) - K * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / "
        "2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "grad:S",
        "normcdf((log(S / K) + (r + s ** 2 / 2) * T) / (s * sqrt(T)))",
        "Hull: delta, vega, rho, dual delta, theta (sign flipped), gamma",
    ),
    Case(
        "la_blackscholes",
        "S, K: (80.0, 120.0); r: (0.01, 0.05); s: (0.1, 0.4); T: (0.3, 2.0); S * normcdf((log(S / K) + "
        "(r + s ** 2 / 2) * T) / (s * sqrt(T))) - K * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / "
        "2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "grad:s",
        "S * exp(-((log(S / K) + (r + s ** 2 / 2) * T) / (s * sqrt(T))) ** 2 / 2) / sqrt(2 * pi) * sqrt(T)",
        "Hull: delta, vega, rho, dual delta, theta (sign flipped), gamma",
    ),
    Case(
        "la_blackscholes",
        "S, K: (80.0, 120.0); r: (0.01, 0.05); s: (0.1, 0.4); T: (0.3, 2.0); S * normcdf((log(S / K) + "
        "(r + s ** 2 / 2) * T) / (s * sqrt(T))) - K * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / "
        "2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "grad:r",
        "K * T * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / 2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "Hull: delta, vega, rho, dual delta, theta (sign flipped), gamma",
    ),
    Case(
        "la_blackscholes",
        "S, K: (80.0, 120.0); r: (0.01, 0.05); s: (0.1, 0.4); T: (0.3, 2.0); S * normcdf((log(S / K) + "
        "(r + s ** 2 / 2) * T) / (s * sqrt(T))) - K * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / "
        "2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "grad:K",
        "-exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / 2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "Hull: delta, vega, rho, dual delta, theta (sign flipped), gamma",
    ),
    Case(
        "la_blackscholes",
        "S, K: (80.0, 120.0); r: (0.01, 0.05); s: (0.1, 0.4); T: (0.3, 2.0); S * normcdf((log(S / K) + "
        "(r + s ** 2 / 2) * T) / (s * sqrt(T))) - K * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / "
        "2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "grad:T",
        "S * exp(-((log(S / K) + (r + s ** 2 / 2) * T) / (s * sqrt(T))) ** 2 / 2) / sqrt(2 * pi) * s / "
        "(2 * sqrt(T)) + r * K * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / 2) * T) / (s * "
        "sqrt(T)) - s * sqrt(T))",
        "Hull: delta, vega, rho, dual delta, theta (sign flipped), gamma",
    ),
    Case(
        "la_blackscholes",
        "S, K: (80.0, 120.0); r: (0.01, 0.05); s: (0.1, 0.4); T: (0.3, 2.0); S * normcdf((log(S / K) + "
        "(r + s ** 2 / 2) * T) / (s * sqrt(T))) - K * exp(-r * T) * normcdf((log(S / K) + (r + s ** 2 / "
        "2) * T) / (s * sqrt(T)) - s * sqrt(T))",
        "hess:S",
        "exp(-((log(S / K) + (r + s ** 2 / 2) * T) / (s * sqrt(T))) ** 2 / 2) / sqrt(2 * pi) / (S * s * "
        "sqrt(T))",
        "Hull: delta, vega, rho, dual delta, theta (sign flipped), gamma",
    ),
    Case(
        "jac_linear_A",
        "A: real[m,n]; x: real[n]; A@x",
        "jac:A",
        "einsum('ij,k->ijk', eye(m), x)",
        "3rd-order tensor",
    ),
    Case(
        "jac_transpose",
        "X: real[n,m]; X.T",
        "jac:X",
        "einsum('jk,il->ijkl', eye(n), eye(m))",
        "transposition tensor (commutation matrix)",
    ),
    Case(
        "bc_pair",
        "W: real[n,m]; u: real[n,1]; v: real[m]; sum(W*(u-v)**2)",
        "grad:u",
        "2*sum(W*(u-v),axis=1,keepdims=True)",
        "(n,1) against (m,)",
    ),
    Case(
        "bc_pair",
        "W: real[n,m]; u: real[n,1]; v: real[m]; sum(W*(u-v)**2)",
        "grad:v",
        "-2*sum(W*(u-v),axis=0)",
        "(n,1) against (m,)",
    ),
    Case(
        "bc_pair",
        "W: real[n,m]; u: real[n,1]; v: real[m]; sum(W*(u-v)**2)",
        "grad:W",
        "(u-v)**2",
        "(n,1) against (m,)",
    ),
    Case(
        "bc_lse0",
        "X: real[n,m]; sum(logsumexp(X,axis=0)**2)",
        "grad:X",
        "2*logsumexp(X,axis=0)*softmax(X,axis=0)",
        "textbook",
    ),
    Case(
        "bc_maxred",
        "X: real[n,m]; sum(max(X,axis=1))",
        "grad:X",
        "where(X >= max(X,axis=1,keepdims=True), 1, 0)",
        "subgradient; ties: convex combination",
    ),
    Case(
        "softmax_by_hand",
        "Z: real[n, k]; Y: onehot[n, k]; E = exp(Z - max(Z, axis=1, keepdims=True)); "
        "-sum(Y*log(E/sum(E, axis=1, keepdims=True)))/n",
        "grad:Z",
        "(softmax(Z, axis=1) - Y)/n",
        "Bishop, PRML (2006), section 4.3.4",
    ),
    Case(
        "mixture_means",
        "x: real[n]; m: real[k]; p: simplex[k]; -sum(logsumexp(log(p) - (x[:, None] - m)**2/2, axis=1))",
        "grad:m",
        "-sum(softmax(log(p) - (x[:, None] - m)**2/2, axis=1)*(x[:, None] - m), axis=0)",
        "Bishop, PRML (2006), section 9.2.2",
    ),
    Case(
        "gaussian_process",
        "K: spd[n, n]; y: real[n]; y @ inv(K) @ y/2 + logdet(K)/2",
        "grad:K",
        "(inv(K) - outer(inv(K) @ y, inv(K) @ y))/2",
        "Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), section 5.4.1",
    ),
    Case(
        "gaussian_covariance",
        "M: spd[d, d]; S: spd[d, d]; n: positive; n/2*logdet(M) + n/2*trace(inv(M) @ S)",
        "grad:M",
        "n/2*(inv(M) - inv(M) @ S @ inv(M))",
        "Bishop, PRML (2006), section 2.3.4",
    ),
    Case(
        "deviations",
        "X: real[n, d]; norm(X - mean(X, axis=0))**2",
        "grad:X",
        "2*(X - mean(X, axis=0))",
        "textbook",
    ),
    Case(
        "cox",
        "X: real[n, d]; w: real[d]; e: binary[n]; -sum(e*(X @ w - log(cumsum(exp(X @ w)))))",
        "grad:w",
        "X.T @ (exp(X @ w)*flip(cumsum(flip(e/cumsum(exp(X @ w))))) - e)",
        "Cox, Regression Models and Life-Tables (1972), for samples in order of falling times",
    ),
    Case(
        "design",
        "A: real[m, n]; x: positive[n]; -logdet(A @ diag(x) @ A.T)",
        "grad:x",
        "-diag(A.T @ inv(A @ diag(x) @ A.T) @ A)",
        "Boyd and Vandenberghe, Convex Optimization (2004), section 7.5",
    ),
    Case(
        "lower_triangle",
        "A: real[n, n]; x: real[n]; norm(tril(A) @ x)**2",
        "grad:A",
        "2*tril(outer(tril(A) @ x, x))",
        "textbook",
    ),
    Case(
        "embedding",
        "E: real[v, d]; y: integer[n]; W: real[n, d]; sum(E[y]*W)",
        "grad:E",
        "onehot(y, v).T @ W",
        "textbook",
    ),
)  # fmt: skip
