"""Formulas whose stationary points are known: the unknowns, the solutions as they are to be printed, the kind."""

from __future__ import annotations

LEAST = "X: real[n,d]; y: real[n]; w: real[d]; "
MANY = "X: real[n,d]; Y: real[n,k]; W: real[d,k]; "
SIDES = "A: real[p,m]; X: real[m,k]; B: real[k,q]; C: real[p,q]; "
OLS = "inv(X.T @ X) @ X.T @ y"
MEAN, RATE = "mean(x)", "n/sum(x)"
NORMAL = "x: real[n]; m: real; v: positive; "
MATRIX_NORMAL = (
    "M: real[n,p]; X: real[n,p]; U: spd[n,n]; V: spd[p,p]; "
    "p/2*logdet(U) + 0.5*trace(inv(U)@(X-M)@inv(V)@(X-M).T)"
)
KL = (
    "A: spd[d,d]; B: spd[d,d]; u: real[d]; v: real[d]; "
    "0.5*(trace(inv(B)@A) + (v-u)@inv(B)@(v-u) - d + logdet(B) - logdet(A))"
)
RATINGS = "M: binary[n,m]; R: real[n,m]; u: real[n,1]; v: real[m]; U: real[n,k]; W: real[m,k]; sum(M*(R-u-v-U@W.T)^2)"

#: formula, unknowns, what each solution is printed as ("" where only its value is checked), kind.
SOLVED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    # least squares
    (LEAST + "mean((y - X@w)^2)", "w", (OLS,), "minimum"),
    (LEAST + "sum((X@w - y)^2)/(2*n)", "w", (OLS,), "minimum"),
    (LEAST + "c: real; c*norm(y - X@w)^2", "w", (OLS,), "stationary point"),
    (LEAST + "-norm(y - X@w)^2", "w", (OLS,), "maximum"),
    (LEAST + "norm(y - X@w)", "w", (OLS,), "minimum"),
    (LEAST + "norm(y - X@w)^4", "w", (OLS,), "minimum"),
    (LEAST + "log(norm(y - X@w)^2)", "w", (OLS,), "minimum"),
    (LEAST + "exp(mean((y - X@w)^2))", "w", (OLS,), "minimum"),
    (LEAST + "lam: positive; norm(y-X@w)^2 + lam*norm(w)^2", "w", ("inv(X.T @ X + lam*eye(d)) @ X.T @ y",), "minimum"),
    (LEAST + "lam: positive; mean((y-X@w)^2) + lam*norm(w)^2", "w", ("inv(X.T @ X + n*lam*eye(d)) @ X.T @ y",),
     "minimum"),
    (LEAST + "lam: positive; G: psd[d,d]; norm(y-X@w)^2 + lam*w@G@w", "w", ("inv(X.T @ X + lam*G) @ X.T @ y",),
     "minimum"),
    (LEAST + "lam: positive; G: real[q,d]; norm(y-X@w)^2 + lam*norm(G@w)^2", "w", ("",), "minimum"),
    (LEAST + "c: positive[d]; norm(y-X@w)^2 + sum(c*w^2)", "w", ("inv(X.T @ X + diag(c)) @ X.T @ y",), "minimum"),
    (LEAST + "s: positive[n]; sum(s*(y-X@w)^2)", "w", ("inv(X.T @ diag(s) @ X) @ X.T @ (y*s)",), "minimum"),
    (LEAST + "S: spd[n,n]; (y-X@w)@inv(S)@(y-X@w)", "w", ("inv(X.T @ inv(S) @ X) @ X.T @ inv(S) @ y",), "minimum"),
    (LEAST + "S: invertible[n,n]; (y-X@w)@inv(S)@(y-X@w)", "w",
     ("inv(X.T @ (inv(S) + inv(S).T) @ X) @ X.T @ (inv(S) + inv(S).T) @ y",), "stationary point"),
    (LEAST + "b: real; mean((y-X@w-b)^2)", "w,b",
     ("inv(X.T @ (X - mean(X, axis=0))) @ X.T @ (y - mean(y))", "mean(y - X @ w)"), "minimum"),
    (LEAST + "b: real; s: positive[n]; sum(s*(y-X@w-b)^2)", "b,w", ("", ""), "minimum"),
    (LEAST + "b: real; lam: positive; norm(y-X@w-b)^2 + lam*norm(w)^2", "w,b", ("", "mean(y - X @ w)"), "minimum"),
    ("X: real[n,d]; y: pm1[n]; w: real[d]; b: real; c: positive; norm(w)^2/2 + c*sum((1-y*(X@w+b))^2)/2", "w,b",
     ("", ""), "minimum"),
    ("y: real[n]; Z: real[n,q]; X: real[n,d]; w: real[d]; v: real[q]; norm(y - X@w - Z@v)^2", "w,v",
     ("inv(X.T @ X) @ X.T @ (y - Z @ v)", ""), "minimum"),
    ("X: real[n,d]; V: real[d,h]; w: real[h]; y: real[n]; H = tanh(X@V); mean((H@w-y)^2)", "w",
     ("inv(H.T @ H) @ H.T @ y",), "minimum"),
    ("Q: orthonormal[n,d]; y: real[n]; w: real[d]; norm(Q@w-y)^2", "w", ("Q.T @ y",), "minimum"),
    ("K: spd[n,n]; y: real[n]; a: real[n]; lam: positive; norm(y-K@a)^2 + lam*a@K@a", "a",
     ("inv(K + lam*eye(n)) @ y",), "minimum"),
    ("A: real[n,d]; x: real[d]; g: real[d]; b: real[n]; t: real; norm(A@(x - t*g) - b)^2", "t", ("",), "minimum"),
    ("x: real[n]; a: real; sum((x[1:] - a*x[:-1])^2)", "a", ("",), "minimum"),
    ("w: real[n]; y: real[n]; lam: positive; norm(y-w)^2 + lam*norm(w[1:]-w[:-1])^2", "w", ("",), "minimum"),
    # quadratic models
    ("w: real[d]; A: spd[d,d]; b: real[d]; 0.5*w@A@w - b@w", "w", ("inv(A) @ b",), "minimum"),
    ("p: real[d]; g: real[d]; H: spd[d,d]; g@p + 0.5*p@H@p", "p", ("-inv(H) @ g",), "minimum"),
    ("p: real[d]; r: real[n]; J: real[n,d]; lam: positive; norm(r+J@p)^2 + lam*norm(p)^2", "p",
     ("-inv(J.T @ J + lam*eye(d)) @ J.T @ r",), "minimum"),
    ("H: real[n,d]; x: real[d]; y: real[n]; m: real[d]; R: spd[n,n]; P: spd[d,d]; "
     "(y-H@x)@inv(R)@(y-H@x) + (x-m)@inv(P)@(x-m)", "x",
     ("inv(H.T @ inv(R) @ H + inv(P)) @ (H.T @ inv(R) @ y + inv(P) @ m)",), "minimum"),
    ("K: real[d,n]; H: real[n,d]; P: spd[d,d]; R: spd[n,n]; "
     "trace((eye(d)-K@H)@P@(eye(d)-K@H).T + K@R@K.T)", "K", ("P @ H.T @ inv(H @ P @ H.T + R)",), "minimum"),
    ("x, y: real; (x-1)^2 + (y-2*x)^2", "x,y", ("", "2"), "minimum"),
    ("a: positive; b, c, x: real; a*x^2 + b*x + c", "x", ("-b/(2*a)",), "minimum"),
    ("x: real; x^4 - x^2", "x", ("1/sqrt(2)",), "stationary point"),
    # matrices as unknowns
    (MANY + "norm(Y-X@W)^2", "W", ("inv(X.T @ X) @ X.T @ Y",), "minimum"),
    (MANY + "S: spd[n,n]; trace((Y-X@W).T@S@(Y-X@W))", "W", ("inv(X.T @ S @ X) @ X.T @ S @ Y",), "minimum"),
    (MANY + "S: spd[k,k]; trace((Y-X@W)@inv(S)@(Y-X@W).T)", "W", ("inv(X.T @ X) @ X.T @ Y",), "minimum"),
    (MANY + "b: real[k]; mean((Y-X@W-b)^2)", "W,b",
     ("inv(X.T @ (X - mean(X, axis=0))) @ X.T @ (Y - mean(Y, axis=0))", "mean(Y - X @ W, axis=0)"), "minimum"),
    (MANY + "O: spd[k,k]; norm(Y-X@W)^2 + trace(W@O@W.T)", "W", ("",), "minimum"),
    (SIDES + "norm(A@X@B - C)^2", "X", ("inv(A.T @ A) @ A.T @ C @ B.T @ inv(B @ B.T)",), "minimum"),
    (SIDES + "lam: positive; norm(A@X@B - C)^2 + lam*norm(X)^2", "X", ("",), "minimum"),
    ("A: real[p,m]; X: real[m,k]; B: real[p,k]; C: real[k,q]; D: real[m,q]; norm(A@X-B)^2 + norm(X@C-D)^2", "X", ("",),
     "minimum"),
    ("X: real[d,d]; A: invertible[d,d]; B: real[d,d]; trace(X.T@A@X) + trace(X@X) - trace(B@X)", "X", ("",),
     "stationary point"),
    ("X: real[n,d]; Z: real[n,k]; y: real[n]; W: real[d,k]; lam: positive; "
     "sum((einsum('nd,dk,nk->n', X, W, Z) - y)^2) + lam*norm(W)^2", "W", ("",), "minimum"),
    ("T: real[n,m]; U: real[n,k]; W: real[m,k]; norm(T - U@W.T)^2", "U", ("T @ W @ inv(W.T @ W)",), "minimum"),
    ("T: real[n,m]; U: real[n,k]; W: real[m,k]; lam: positive; norm(T - U@W.T)^2 + lam*(norm(U)^2+norm(W)^2)", "W",
     ("T.T @ U @ inv(U.T @ U + lam*eye(k))",), "minimum"),
    (RATINGS, "U", ("",), "minimum"),
    (RATINGS, "v", ("sum(M*(R - U @ W.T - u), axis=0)/sum(M, axis=0)",), "minimum"),
    ("W: real[n,m]; u: real[n,1]; v: real[m]; sum(W*(u-v)^2)", "u", ("",), "stationary point"),
    ("X: real[b,n,d]; Y: real[b,n,k]; W: real[b,d,k]; sum((Y - X@W)^2)", "W", ("",), "minimum"),
    ("S: symmetric[d,d]; A: real[d,d]; norm(S-A)^2", "S", ("(A + A.T)/2",), "minimum"),
    # likelihoods
    (NORMAL + "n/2*log(v) + sum((x-m)^2)/(2*v)", "m,v", (MEAN, "mean((x - m)**2)"), "minimum"),
    ("x: real[n]; m: real; s: positive; n*log(s) + sum((x-m)^2)/(2*s^2)", "s", ("norm(x - m)/sqrt(n)",), "minimum"),
    ("x: real[n]; m: real; t: positive; t*sum((x-m)^2)/2 - n/2*log(t)", "t", ("n/norm(x - m)**2",), "minimum"),
    ("x: real[n]; u: real[n]; s: real[n]; mean(0.5*s + 0.5*(x-u)^2*exp(-s))", "s", ("log((x - u)**2)",), "minimum"),
    (LEAST + "v: positive; n/2*log(v) + norm(y-X@w)^2/(2*v)", "w,v", (OLS, "mean((y - X @ w)**2)"), "minimum"),
    ("X: real[n,d]; m: real[d]; v: positive[d]; sum(log(v) + (X-m)^2/v)/2", "m,v", ("mean(X, axis=0)", ""), "minimum"),
    ("S: spd[d,d]; C: spd[d,d]; c: positive; c/2*logdet(S) + trace(inv(S)@C)/2", "S", ("C/c",), "stationary point"),
    ("S: spd[d,d]; m: real[d]; X: real[n,d]; n/2*logdet(S) + sum(((X-m)@inv(S))*(X-m))/2", "m,S",
     ("mean(X, axis=0)", "(X - m).T @ (X - m) / n"), "stationary point"),
    ("P: spd[d,d]; S: spd[d,d]; -logdet(P) + trace(S@P)", "P", ("inv(S)",), "minimum"),
    ("P: invertible[d,d]; S: invertible[d,d]; -logdet(P) + trace(S@P)", "P", ("inv(S)",), "stationary point"),
    (MATRIX_NORMAL, "M", ("X",), "minimum"),
    (MATRIX_NORMAL, "U", ("(X - M) @ inv(V) @ (X - M).T / p",), "stationary point"),
    (KL, "u", ("v",), "minimum"),
    (KL, "A", ("B",), "minimum"),
    (KL, "B", ("A + outer(v - u, v - u)",), "stationary point"),
    ("x: positive[n]; lam: positive; lam*sum(x) - n*log(lam)", "lam", (RATE,), "minimum"),
    ("y: count[n]; lam: positive; n*lam - sum(y)*log(lam)", "lam", ("mean(y)",), "minimum"),
    ("y: count[n]; b: real; n*exp(b) - b*sum(y)", "b", ("log(mean(y))",), "minimum"),
    ("x: positive[n]; a: positive; b: positive; sum(b*x - (a-1)*log(x) - a*log(b) + gammaln(a))", "b",
     ("n*a/sum(x)",), "minimum"),
    ("y: binary[n]; p: unit; -mean(y*log(p)+(1-y)*log(1-p))", "p", ("mean(y)",), "minimum"),
    ("y: unit[n]; b: real; mean(softplus(b) - y*b)", "b", ("log(mean(y)/(1 - mean(y)))",), "minimum"),
    ("p: unit; x: count[n]; -(n*log(p) + sum(x)*log(1-p))", "p", ("n/(sum(x) + n)",), "minimum"),
    ("x: positive[n]; k: positive; l: positive; -sum(log(k) - k*log(l) + (k-1)*log(x) - (x/l)^k)", "l",
     ("mean(x**k)**(1/k)",), "minimum"),
    ("x: real[n]; m: real; b: positive; n*log(2*b) + sum(abs(x-m))/b", "b", ("mean(abs(m - x))",), "minimum"),
    ("x: positive[n]; m: positive; t: positive; sum(t*(x-m)^2/(2*m^2*x)) - n/2*log(t)", "m,t",
     (MEAN, "n*m**2/sum((x - m)**2/x)"), "minimum"),
    ("a: real; e: unit; exp(-a)*(1-e) + exp(a)*e", "a", ("log((1 - e)/e)/2",), "minimum"),
    ("g: real[n]; h: positive[n]; v: real; lam: positive; sum(g*v + h*v^2/2) + lam*v^2/2", "v",
     ("-sum(g)/(sum(h) + lam)",), "minimum"),
    ("R: positive[n,k]; X: real[n,d]; C: real[k,d]; "
     "sum(R*(sum(X^2,axis=1,keepdims=True) - 2*X@C.T + sum(C^2,axis=1)))", "C", ("",), "minimum"),
)  # fmt: skip

#: formula, unknowns, a part of the message, what was found (or ""): no closed form.
UNSOLVED: tuple[tuple[str, str, str, str], ...] = (
    (LEAST + "mean(softplus(X@w) - y*(X@w))", "w", "a term of the gradient is not linear in w",
     "X.T @ sigmoid(X @ w)"),
    (LEAST + "lam: positive; norm(y-X@w)^2 + lam*sum(abs(w))", "w", "a term of the gradient is not linear in w",
     "lam*sign(w)"),
    ("x: real[n]; m: real; sum(abs(x-m))", "m", "differs from term to term of a sum", "sum(sign(m - x))"),
    ("T: real[n,m]; U: real[n,k]; W: real[m,k]; norm(T - U@W.T)^2", "U,W", "the solution for U being put in", ""),
    ("x: real; x^4 + x^2 + x", "x", "a polynomial of degree 3 with more than two terms", ""),
    ("x: positive; exp(x) + log(x)", "x", "several functions of x", ""),
    ("x: real; exp(x)", "x", "the gradient is never zero", ""),
    ("w: real[d]; a: real[d]; a@w", "w", "the gradient does not depend on w", ""),
    ("w: real[d]; a: real[d]; b: real; (a@w - b)^2", "w", "the equations do not determine w", ""),
    ("X: real[d,d]; A: real[d,d]; norm(X-A)^2 + trace(X@X)", "X", "the equations do not determine X", ""),
    ("u: real; v: real; x: real[n]; sum((x-u-v)^2)", "u,v", "not depend on v, the solution for u being put in", ""),
    ("w: real[d]; norm(w)^2", "w", "no other input tells the length d", ""),
    ("y: binary[n]; p: unit[n]; -mean(y*log(p)+(1-y)*log(1-p))", "p", "does not lie inside the declared domain", ""),
    ("p: simplex[k]; y: real[k]; -sum(y*log(p))", "p", "p is restricted to", ""),
    ("L: lower[d,d]; x: real[d]; norm(L@x)^2", "L", "L is restricted to lower triangular matrices", ""),
    (MATRIX_NORMAL, "V", "the gradient vanishes for no value of V", ""),
    ("K: spd[n,n]; y: real[n]; s: positive; y@inv(K + s*eye(n))@y + logdet(K + s*eye(n))", "s",
     "s cannot be taken out", ""),
)  # fmt: skip
