"""Gradients worked out by hand, right and wrong: the facts that verdicts are tested on.

Each row: formula with its declarations, variable, claim, and whether the claim is right.  Some
rows are marked "agrees" because no normal form decides them; all other right ones are proved.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    formula: str
    wrt: str
    claim: str
    right: bool
    verdict: str
    what: str = "gradient"

    @property
    def id(self) -> str:
        """A readable test id."""
        formula = self.formula.split(";")[-1].strip()
        return f"{'right' if self.right else 'wrong'}: d {formula[:40]} / d {self.wrt} = {self.claim[:40]}"


LR = "X: real[n, d]; y: real[n]; w: real[d]; "
BINARY = "X: real[n, d]; y: binary[n]; w: real[d]; "
SIGNED = "X: real[n, d]; y: pm1[n]; w: real[d]; "
SQUARE = "A: real[n, n]; x: real[n]; "


def right(formula: str, wrt: str, claim: str, verdict: str = "proved", what: str = "gradient") -> Row:
    return Row(formula, wrt, claim, True, verdict, what)


def wrong(formula: str, wrt: str, claim: str, what: str = "gradient") -> Row:
    return Row(formula, wrt, claim, False, "refuted", what)


RIGHT = (
    right(BINARY + "-sum(y*log(sigmoid(X@w)) + (1-y)*log(1-sigmoid(X@w)))", "w", "X.T@(1/(1+exp(-(X@w))) - y)"),
    right(BINARY + "mean(log(1+exp(X@w)) - y*(X@w))", "w", "X.T@(exp(X@w)/(1+exp(X@w)) - y)/n"),
    right(SIGNED + "sum(log(1+exp(-y*(X@w))))", "w", "-X.T@(y*sigmoid(-y*(X@w)))"),
    right(SIGNED + "sum(log(1+exp(-y*(X@w))))", "w", "X.T@(sigmoid(X@w) - (1+y)/2)"),
    right("x: real[n]; a: real[n]; norm(x-a)", "x", "(x-a)/sqrt(sum((x-a)**2))"),
    right(SQUARE + "x@A@x", "x", "A@x + x@A"),
    right("A: symmetric[n, n]; x: real[n]; x@A@x", "x", "2*A@x"),
    right("x: real[n]; sum(maximum(0,x)**2)", "x", "x + abs(x)"),
    right(SQUARE + "(x@A@x)/(x@x)", "x", "((x@x)*(A+A.T) - 2*(x@A@x)*eye(n))@x/(x@x)**2"),
    right("u: real[n]; v: real[n]; -log(sigmoid(u@v))", "v", "(sigmoid(u@v)-1)*u"),
    right(SIGNED + "sum(maximum(0,1-y*(X@w)))", "w", "-0.5*X.T@(y*(1+sign(1-y*(X@w))))"),
    right(SIGNED + "sum(maximum(0,1-y*(X@w)))", "w", "-X.T@where(y*(X@w) < 1, y, 0)"),
    right("a: simplex[k]; z: real[k]; sum(a*log(a)) - a@(z-logsumexp(z))", "z", "exp(z)/sum(exp(z)) - a"),
    right("x: real[n]; sum(where(x > 0, x, 0.1*x))", "x", "0.55 + 0.45*sign(x)"),
    right("X: real[n, n]; u: real[n]; sum((X-u)**2)", "u", "-2*(X-u).T@ones(n)"),
    right("U: real[n, n]; h: real[n]; sum(tanh(U@tanh(U@h)))", "U",
          "outer(1-tanh(U@tanh(U@h))**2, tanh(U@h))"
          " + outer(((1-tanh(U@tanh(U@h))**2)@U)*(1-tanh(U@h)**2), h)"),
    right(LR + "mean((X@w-y)**2)", "w", "2*(X.T@X@w - X.T@y)/n"),
    right(LR + "lam: positive; 0.5*sum((X@w-y)**2) + lam*norm(w)**2", "w", "X.T@X@w - X.T@y + 2*lam*w"),
    right(LR + "t: positive; sum(where(abs(y-X@w) <= t, 0.5*(y-X@w)**2, t*(abs(y-X@w)-0.5*t)))", "w",
          "X.T@clip(X@w-y, -t, t)"),
    right(LR + "t: positive; sum(t**2*(sqrt(1+((X@w-y)/t)**2) - 1))", "w", "X.T@((X@w-y)/sqrt(1+((X@w-y)/t)**2))"),
    right(LR + "v: positive; sum(log(1+(y-X@w)**2/v))", "w", "-2*X.T@((y-X@w)/(v+(y-X@w)**2))"),
    right(LR + "q: unit; sum(where(y > X@w, q*(y-X@w), (q-1)*(y-X@w)))", "w", "-X.T@where(y > X@w, q, q-1)"),
    right("X: real[n, d]; y: count[n]; w: real[d]; sum(exp(X@w) - y*(X@w))", "w", "X.T@(exp(X@w) - y)"),
    right("X: real[n, d]; W: real[d, k]; Y: onehot[n, k]; -mean(sum(Y*log(softmax(X@W, axis=1)), axis=1))", "W",
          "X.T@(softmax(X@W, axis=1) - Y)/n"),
    right("P: unit[n, k]; Y: binary[n, k]; -mean(Y*log(P) + (1-Y)*log(1-P))", "P", "(P-Y)/(P*(1-P))/(n*k)"),
    right("P: positive[n]; Q: positive[n]; sum(P*log(P/Q))", "Q", "-P/Q"),
    right("P: positive[n]; Q: positive[n]; sum(P*log(P/Q))", "P", "log(P) - log(Q) + 1"),
    right("a: simplex[k]; -sum(a*log(a))", "a", "-log(a) - 1"),
    right("z: real[k]; logsumexp(z)", "z", "softmax(z)"),
    right("z: real[k]; logsumexp(z)", "z", "diag(softmax(z)) - outer(softmax(z), softmax(z))", what="hessian"),
    right("z: real[k]; softmax(z)", "z", "diag(softmax(z)) - outer(softmax(z), softmax(z))"),
    right("A: real[m, n]; x: real[n]; A@x", "x", "A"),
    right("T: real[n, m]; U: real[n, k]; W: real[m, k]; norm(T - U@W.T)**2", "U", "-2*(T-U@W.T)@W"),
    right("A: real[n, n]; X: real[n, m]; trace(X.T@A@X)", "X", "(A + A.T)@X"),
    right("x: real[n]; a: real[n]; (a@x)/(norm(a)*norm(x))", "x", "a/(norm(a)*norm(x)) - (a@x)*x/(norm(a)*norm(x)**3)"),
    right("x: real[n]; a: real[n]; a@((x-mean(x))/sqrt(mean((x-mean(x))**2)))", "x",
          "(a - mean(a) - (x-mean(x))*mean(a*(x-mean(x)))/mean((x-mean(x))**2))/sqrt(mean((x-mean(x))**2))"),
    right("x: real; x*tanh(log(1+exp(x)))", "x", "tanh(log(1+exp(x))) + x*sigmoid(x)*(1-tanh(log(1+exp(x)))**2)"),
    right("x: real[n]; sum(x*sigmoid(x))", "x", "sigmoid(x)*(1 + x*(1-sigmoid(x)))"),
    right("x: real[n]; sum(log(cosh(x)))", "x", "(exp(x)-exp(-x))/(exp(x)+exp(-x))"),
    right("x: real[n]; sum(gelu(x))", "x", "normcdf(x) + x*exp(-x**2/2)/sqrt(2*pi)"),
    right("x: real[n]; sum(sin(x)**2 + x)", "x", "sin(2*x) + 1"),
    right("x: real[n]; norm1(x)", "x", "sign(x)"),
    right("x: real[n]; sum(abs(x))", "x", "where(x > 0, 1, -1)"),
    right("X: real[n, m]; sum(max(X, axis=1))", "X", "where(X >= max(X, axis=1, keepdims=True), 1, 0)"),
    right("X: real[n, m]; sum(logsumexp(X, axis=0)**2)", "X", "2*logsumexp(X, axis=0)*softmax(X, axis=0)"),
    right("W: real[n, m]; u: real[n, 1]; v: real[m]; sum(W*(u-v)**2)", "u", "2*sum(W*(u-v), axis=1, keepdims=True)"),
    right("C: real[n, n]; X: real[n, d]; sum(C*(X@X.T))", "X", "(C + C.T)@X"),
    right("Q: orthonormal[n, d]; x: real[d]; 0.5*norm(Q@x)**2", "x", "x"),
    right("z: real[n]; y: binary[n]; 1 - 2*sum(sigmoid(z)*y)/(sum(sigmoid(z)) + sum(y))", "z",
          "-2*(y*(sum(sigmoid(z))+sum(y)) - sum(sigmoid(z)*y))/(sum(sigmoid(z))+sum(y))**2*sigmoid(z)*(1-sigmoid(z))"),
    right("x: positive[n]; a: positive; b: positive; sum(b*x - (a-1)*log(x) - a*log(b) + lgamma(a))", "a",
          "-sum(log(x)) - n*log(b) + n*digamma(a)"),
    right("Q: real[n, d]; K: real[m, d]; V: real[m, p]; C: real[n, p]; sum(C*(softmax(Q@K.T/sqrt(d), axis=1)@V))", "V",
          "softmax(Q@K.T/sqrt(d), axis=1).T@C"),
    right("S: real[n, n]; mean(logsumexp(S, axis=1) - diag(S))", "S", "(softmax(S, axis=1) - eye(n))/n"),
    right(LR + "mean((X@w-y)**2)", "w", "2*X.T@X/n", what="hessian"),
    right("w: real[n]; sum(abs(w))", "w", "where(w > 0, 1, where(w < 0, -1, 0.3))"),
    right("X: real[n, d]; W: real[d, k]; v: real[k]; sum(maximum(X@W, 0)@v)", "W", "X.T@(where(X@W >= 0, 1, 0)*v)"),
    right("X: real[n, d]; W: real[d, k]; v: real[k]; y: real[n]; mean((relu(X@W)@v-y)**2)", "W",
          "2/n*X.T@(outer(relu(X@W)@v-y, v)*where(X@W > 0, 1, 0))"),
    right("x: real[n]; sum(clip(x, -1, 1))", "x", "where(abs(x) <= 1, 1, 0)"),
    right("x: real[n]; norminf(x)", "x", "where(abs(x) >= max(abs(x)), sign(x), 0)"),
    right("x: real[n]; y: real[n]; sum(minimum(x, y)**2)", "y", "2*where(y <= x, y, 0)"),
    right("a: real[d]; p: real[d]; q: real[d]; m: positive; maximum(0, m + norm(a-p)**2 - norm(a-q)**2)", "a",
          "where(m + norm(a-p)**2 - norm(a-q)**2 > 0, 2*(q-p), 0*a)"),
    right("x: real[n]; sum(elu(x))", "x", "where(x > 0, 1, exp(x))"),
    right("x: real[n]; sum(x*abs(x))", "x", "2*abs(x)"),
    right("x: real[n]; prod(x)", "x", "prod(x)/x", "agrees"),
    right(LR + "e: positive; sum(maximum(abs(y-X@w)-e, 0))", "w", "-X.T@(where(abs(y-X@w) > e, 1, 0)*sign(y-X@w))"),
    right(BINARY + "g: positive; -sum(y*(1-sigmoid(X@w))**g*log(sigmoid(X@w)))", "w",
          "X.T@(y*(1-sigmoid(X@w))**g*(g*sigmoid(X@w)*log(sigmoid(X@w)) - (1-sigmoid(X@w))))"),
    right("X: real[n, d]; V: real[d, k]; 0.5*sum((X@V)**2 - X**2@V**2)", "V", "X.T@(X@V) - (X**2).T@ones((n,k))*V"),
    right("X: positive[n, m]; W: positive[n, k]; H: positive[k, m]; sum(X*log(X/(W@H)) - X + W@H)", "W",
          "(1 - X/(W@H))@H.T"),
    right("x: positive[n]; p: positive; sum(x**p)**(1/p)", "x", "sum(x**p)**(1/p-1)*x**(p-1)"),
    right("x: real[n]; std(x)", "x", "(x-mean(x))/(n*std(x))"),
    right("z: real[n, k]; y: onehot[n, k]; e: unit; -mean(sum(((1-e)*y+e/k)*log_softmax(z, axis=1), axis=1))", "z",
          "(softmax(z, axis=1) - (1-e)*y - e/k)/n"),
    right("x: real; exp(-abs(x))", "x", "-sign(x)*exp(-abs(x))"),
    right("x: real[n]; sum(1/(1+exp(-x)))", "x", "1/(4*cosh(x/2)**2)"),
    right("x: real[n]; y: binary[n]; sum(where(y == 1, x**2, -x))", "x", "2*x*y - (1-y)"),
    right("x: real[n]; y: binary[n]; sum(abs(y*x))", "x", "y*sign(x)"),
    right("X: real[n, d]; sum(norm(X, axis=1))", "X", "X/norm(X, axis=1, keepdims=True)"),
    right("x: real[n]; 3*x[0]**2", "x", "6*x[0]*eye(n)[0, :]"),
)

WRONG = (
    wrong(BINARY + "mean(log(1+exp(X@w)) - y*(X@w))", "w", "X.T@(y-sigmoid(X@w))/n"),
    wrong(BINARY + "mean(log(1+exp(X@w)) - y*(X@w))", "w", "X.T@(sigmoid(X@w)-y)"),
    wrong(BINARY + "mean(log(1+exp(X@w)) - y*(X@w))", "w", "X.T@(sigmoid(X@w)-y)/d"),
    wrong(SIGNED + "sum(log(1+exp(-y*(X@w))))", "w", "-X.T@(y*sigmoid(y*(X@w)))"),
    wrong("A: real[n, n]; x: real[n]; sum(tanh(A@x))", "x", "A@(1-tanh(A@x)**2)"),
    wrong(SQUARE + "x@A@x", "x", "2*A@x"),
    wrong("X: real[n, n]; u: real[n]; sum((X-u)**2)", "u", "-2*sum(X-u, axis=1)"),
    wrong("X: real[n, d]; u: real[d]; sum((X-u)**2)", "u", "-2*sum(X-u, axis=1)"),
    wrong("X: real[n, d]; u: real[d]; sum((X-u)**2)", "u", "-2*sum(X-u, axis=0, keepdims=True)"),
    wrong(LR + "t: (4, 5); sum(where(abs(y-X@w) <= t, 0.5*(y-X@w)**2, t*(abs(y-X@w)-0.5*t)))", "w", "X.T@(X@w-y)"),
    wrong("x: real[n]; sum(abs(x))", "x", "where(x > 0, 1, where(x < 0, -1, 3))"),
    wrong("x: real[n]; sum(abs(x))", "x", "where(x > 0, 1, where(x < 0, -1, -1.5))"),
    wrong("x: real[n]; sum(maximum(x, 0))", "x", "where(x > 0, 1, where(x < 0, 0, -0.5))"),
    wrong("x: real[n]; sum(maximum(x, 0) - maximum(-x, 0))", "x", "where(x > 0, 1, where(x < 0, 1, 0))"),
    wrong("U: real[n, n]; h: real[n]; sum(tanh(U@tanh(U@h)))", "U", "outer(1-tanh(U@tanh(U@h))**2, tanh(U@h))"),
    wrong("w: real[n]; B: spd[n, n]; S: spd[n, n]; (w@B@w)/(w@S@w)", "w",
          "2*(B@w)/(w@S@w) + 2*(w@B@w)*(S@w)/(w@S@w)**2"),
    wrong("X: real[n, n]; sum(logsumexp(X, axis=1))", "X", "softmax(X, axis=0)"),
    wrong("Q: real[n, d]; K: real[m, d]; U: real[m, p]; C: real[n, p]; sum(C*(softmax(Q@K.T/sqrt(d), axis=1)@U))", "Q",
          "(softmax(Q@K.T/sqrt(d), axis=1)*(C@U.T"
          " - sum(softmax(Q@K.T/sqrt(d), axis=1)*(C@U.T), axis=1, keepdims=True)))@K"),
    wrong("x: real[n]; a: real[n]; norm(x-a)", "x", "(x-a)/sum((x-a)**2)"),
    wrong("x: real[n]; a: real[n]; norm(x-a)", "x", "2*(x-a)"),
    wrong("P: unit[n, k]; Y: binary[n, k]; -mean(Y*log(P) + (1-Y)*log(1-P))", "P", "(P-Y)/(P*(1-P))/n"),
    wrong("P: unit[n, k]; Y: binary[n, k]; -mean(Y*log(P) + (1-Y)*log(1-P))", "P", "-(Y/P + (1-Y)/(1-P))/(n*k)"),
    wrong("a: simplex[k]; -sum(a*log(a))", "a", "-log(a)"),
    wrong("z: real[k]; softmax(z)", "z", "diag(softmax(z))"),
    wrong("A: real[m, n]; x: real[n]; A@x", "x", "A.T"),
    wrong("A: real[n, n]; x: real[n]; A@x", "x", "A.T"),
    wrong("T: real[n, m]; U: real[n, k]; W: real[m, k]; norm(T - U@W.T)**2", "U", "2*(T-U@W.T)@W"),
    wrong("x: real[n]; sum(gelu(x))", "x", "normcdf(x)"),
    wrong("x: real[n]; sum(sin(x))", "x", "sin(x)"),
    wrong("x: real[n]; a: real[n]; a@((x-mean(x))/sqrt(mean((x-mean(x))**2)))", "x",
          "(a - mean(a))/sqrt(mean((x-mean(x))**2))"),
    wrong("C: real[n, n]; X: real[n, d]; sum(C*(X@X.T))", "X", "2*C@X"),
    wrong("z: real[k]; logsumexp(z)", "z", "diag(softmax(z))", what="hessian"),
    wrong(LR + "mean((X@w-y)**2)", "w", "X.T@X/n", what="hessian"),
    wrong("x: real[n]; sum(x**2)/2 + 1/1000000*sum(x)", "x", "x"),
    wrong("x: real[n]; sum(exp(-x**2))", "x", "-2*x*exp(-x**2) + 1/10000000000"),
)
