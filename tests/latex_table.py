r"""Formulas as papers print them, each with its declarations, a variable, and the same in the notation of text."""

from __future__ import annotations

LINEAR = "X: real[n,d]; y: real[n]; w: real[d]; b: real; "
ROWS = "x: real[n,d]; y: pm1[n]; w: real[d]; b: real; "
GAUSS = "x, mu: real[d]; Sigma: spd[d,d]; "

#: Declarations, LaTeX, variable, text.
PAPERS: tuple[tuple[str, str, str, str], ...] = (
    # least squares
    (LINEAR, r"\frac{1}{n} \sum_{i=1}^n (y_i - X_i^\top w)^2", "w", "mean((y - X @ w)^2)"),
    (LINEAR, r"\lVert y - X w \rVert_2^2", "w", "norm(y - X @ w)^2"),
    (LINEAR, r"(y - Xw)^\top (y - Xw)", "w", "(y - X @ w) @ (y - X @ w)"),
    (LINEAR, r"\mathcal{L}(w, b) = \frac{1}{2n} \left\| X w + b \mathbf{1} - y \right\|^2", "b",
     "norm(X @ w + b - y)^2/(2*n)"),
    (LINEAR + "lam: positive", r"\frac1n \|y - Xw\|_2^2 + \lambda \|w\|_2^2", "w",
     "norm(y - X @ w)^2/n + lam*norm(w)^2"),
    (LINEAR + "lam: positive", r"\tfrac{1}{2n} \sum_{i=1}^{n} \left(y_i - \sum_{j=1}^{d} X_{ij} w_j\right)^2"
     r" + \lambda \sum_{j=1}^d |w_j|", "w", "norm(y - X @ w)^2/(2*n) + lam*sum(abs(w))"),
    ("X: real[n,d]; y: real[n]; lam: positive", r"\hat{\beta} = (X^\top X + \lambda I)^{-1} X^\top y", "y",
     "solve(X.T @ X + lam*eye(d), X.T @ y)"),
    ("X: real[n,d]; Y: real[n,k]; W: real[d,k]", r"\lVert Y - X W \rVert_F^2", "W", "norm(Y - X @ W)^2"),
    # logistic regression and the support vector machine
    ("X: real[n,d]; y: binary[n]; w: real[d]; ",
     r"p = \sigma(X w); -\frac{1}{n} \sum_{i=1}^n \left[ y_i \log p_i + (1 - y_i) \log(1 - p_i) \right]", "w",
     "p = sigmoid(X @ w); -mean(y*log(p) + (1 - y)*log(1 - p))"),
    (ROWS, r"\sum_{i=1}^{n} \ln(1 + e^{-y_i (w^T x_i + b)})", "w", "sum(log(1 + exp(-y*(x @ w + b))))"),
    (ROWS + "lam: positive", r"\frac{1}{n} \sum_{i=1}^n \max\left(0, 1 - y_i(\mathbf{w} \cdot \mathbf{x}_i - b)\right)"
     r" + \lambda \|\mathbf{w}\|^2", "w", "mean(maximum(0, 1 - y*(x @ w - b))) + lam*norm(w)^2"),
    (ROWS + "C: positive", r"\frac{1}{2} w^\top w + C \sum_{i=1}^n \left[1 - y_i (w^\top x_i + b)\right]_+", "w",
     "w @ w/2 + C*sum(maximum(1 - y*(x @ w + b), 0))"),
    ("a: real[n]; y: pm1[n]; x: real[n,d]",
     r"\sum_{i=1}^n a_i - \frac{1}{2} \sum_{i=1}^n \sum_{j=1}^n a_i a_j y_i y_j x_i^\top x_j", "a",
     "sum(a) - (a*y) @ (x @ x.T) @ (a*y)/2"),
    # cross-entropies
    ("y: onehot[n,k]; yhat: unit[n,k]", r"-\sum_{i=1}^n \sum_{j=1}^k y_{ij} \log \hat{y}_{ij}", "yhat",
     "-sum(y*log(yhat))"),
    ("y: onehot[k]; z: real[k]", r"p_j = \frac{e^{z_j}}{\sum_{l=1}^{k} e^{z_l}}; \; -\sum_{j=1}^{k} y_j \log p_j", "z",
     "p = exp(z)/sum(exp(z)); -sum(y*log(p))"),
    ("y: onehot[k]; z: real[k]", r"\log \sum_{j=1}^k e^{z_j} - y^\top z", "z", "logsumexp(z) - y @ z"),
    ("y: onehot[n,k]; X: real[n,d]; W: real[d,k]",
     r"P = \operatorname{softmax}(X W); -\frac{1}{n} \sum_{i,j} y_{ij} \log P_{ij}", "W",
     "-sum(y*log(softmax(X @ W)))/n"),
    ("p: unit; alpha, gamma: positive", r"-\alpha (1 - p)^\gamma \log(p)", "p", "-alpha*(1 - p)^gamma*log(p)"),
    # information
    ("p, q: simplex[k]", r"D_{\mathrm{KL}}(p \,\|\, q) = \sum_{i} p_i \log \frac{p_i}{q_i}", "q", "sum(p*log(p/q))"),
    ("p: simplex[k]", r"H(X) = -\sum_{x} p(x) \log p(x)", "p", "-sum(p*log(p))"),
    # Gaussians, and the terms of the evidence lower bound
    (GAUSS, r"-\frac{1}{2} (x-\mu)^\top \Sigma^{-1} (x-\mu) - \frac{1}{2} \log |\Sigma| - \frac{d}{2} \log 2\pi", "mu",
     "-(x - mu) @ inv(Sigma) @ (x - mu)/2 - logdet(Sigma)/2 - d/2*log(2*pi)"),
    (GAUSS, r"\frac{1}{(2\pi)^{d/2} |\Sigma|^{1/2}} \exp\left( -\frac{1}{2}(x-\mu)^T \Sigma^{-1} (x-\mu) \right)", "x",
     "exp(-(x - mu) @ inv(Sigma) @ (x - mu)/2)/((2*pi)^(d/2)*sqrt(det(Sigma)))"),
    ("x: real[n,d]; mu: real[d]; Sigma: spd[d,d]",
     r"\ell(\mu, \Sigma) = -\frac{n}{2} \log\det \Sigma"
     r" - \frac12 \sum_{i=1}^n (x_i - \mu)^\top \Sigma^{-1} (x_i - \mu)",
     "Sigma", "-n/2*logdet(Sigma) - trace((x - mu) @ inv(Sigma) @ (x - mu).T)/2"),
    ("x: real[n]; mu: real; sigma: positive",
     r"-\frac{n}{2} \log(2\pi\sigma^2) - \frac{1}{2\sigma^2} \sum_{i=1}^n (x_i - \mu)^2", "sigma",
     "-n/2*log(2*pi*sigma^2) - sum((x - mu)^2)/(2*sigma^2)"),
    ("mu: real[k]; sigma: positive[k]",
     r"\frac{1}{2} \sum_{j=1}^{k} \left(1 + \log(\sigma_j^2) - \mu_j^2 - \sigma_j^2\right)", "sigma",
     "sum(1 + log(sigma^2) - mu^2 - sigma^2)/2"),
    ("mu_1, mu_2: real[d]; Sigma_1, Sigma_2: spd[d,d]",
     r"\frac12 \left[ \operatorname{tr}(\Sigma_2^{-1}\Sigma_1) + (\mu_2-\mu_1)^\top \Sigma_2^{-1} (\mu_2-\mu_1) - d"
     r" + \ln\frac{|\Sigma_2|}{|\Sigma_1|} \right]", "Sigma_1",
     "(trace(inv(Sigma_2) @ Sigma_1) + (mu_2 - mu_1) @ inv(Sigma_2) @ (mu_2 - mu_1) - d"
     " + logdet(Sigma_2) - logdet(Sigma_1))/2"),
    ("y: real[n]; K: spd[n,n]", r"-\frac12 y^\top K^{-1} y - \frac12 \log |K| - \frac n2 \log 2\pi", "K",
     "-y @ inv(K) @ y/2 - logdet(K)/2 - n/2*log(2*pi)"),
    ("y: count[n]; x: real[n,d]; beta: real[d]",
     r"\sum_{i=1}^n \left( y_i \, x_i^\top \beta - e^{x_i^\top \beta} - \log(y_i!) \right)", "beta",
     "sum(y*(x @ beta) - exp(x @ beta) - lgamma(y + 1))"),
    # layers
    ("Q: real[n,d]; K: real[m,d]; V: real[m,k]",
     r"\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left( \frac{QK^\top}{\sqrt{d}} \right) V", "Q",
     "softmax(Q @ K.T/sqrt(d), axis=1) @ V"),
    ("x: real[m]; gamma, beta: real; epsilon: positive",
     r"\begin{aligned} \mu &= \frac{1}{m} \sum_{i=1}^m x_i \\ \sigma^2 &= \frac{1}{m} \sum_{i=1}^m (x_i - \mu)^2 \\"
     r" \hat{x}_i &= \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}} \\ y_i &= \gamma \hat{x}_i + \beta \end{aligned}",
     "x", "gamma*(x - mean(x))/sqrt(var(x) + epsilon) + beta"),
    ("x: real[d]; W1: real[h,d]; b1: real[h]; W2: real[k,h]; b2: real[k]",
     r"W^{(2)} \tanh(W^{(1)} x + b^{(1)}) + b^{(2)}", "W1", "W2 @ tanh(W1 @ x + b1) + b2"),
    ("x: real[d]; h, c: real[k]; W_f, W_i, W_c: real[k,d]; U_f, U_i, U_c: real[k,k]; b_f, b_i, b_c: real[k]",
     r"f = \sigma(W_f x + U_f h + b_f); i = \sigma(W_i x + U_i h + b_i);"
     r" f \odot c + i \odot \tanh(W_c x + U_c h + b_c)", "h",
     "sigmoid(W_f @ x + U_f @ h + b_f)*c + sigmoid(W_i @ x + U_i @ h + b_i)*tanh(W_c @ x + U_c @ h + b_c)"),
    ("W: real[k,d]; x: real[d]; b: real[k]", r"\operatorname{ReLU}(\mathbf{W} \mathbf{x} + \mathbf{b})", "x",
     "relu(W @ x + b)"),
    # other losses
    ("a: real; delta: positive",
     r"L_\delta(a) = \begin{cases} \frac{1}{2} a^2 & \text{for } |a| \le \delta, \\"
     r" \delta \left(|a| - \frac{1}{2} \delta\right) & \text{otherwise.} \end{cases}", "a",
     "where(abs(a) <= delta, a^2/2, delta*(abs(a) - delta/2))"),
    ("z: real[n]", r"\sum_{i=1}^n \begin{cases} 0 & z_i \ge 1 \\ \frac{1}{2}(1 - z_i)^2 & 0 < z_i < 1 \\"
     r" \frac12 - z_i & z_i \le 0 \end{cases}", "z", "sum(where(z >= 1, 0, where(z > 0, (1 - z)^2/2, 1/2 - z)))"),
    ("M: binary[n,m]; R: real[n,m]; U: real[n,k]; V: real[m,k]",
     r"\sum_{i,j} M_{ij} (R_{ij} - \mathbf{u}_i^\top \mathbf{v}_j)^2", "U", "sum(M*(R - U @ V.T)^2)"),
    ("z, w: real[n,d]; tau: positive",
     r"-\frac{1}{n}\sum_{i=1}^n \log \frac{\exp(z_i^\top w_i / \tau)}{\sum_{j=1}^n \exp(z_i^\top w_j / \tau)}", "z",
     "-mean(sum(z*w, axis=1)/tau - logsumexp(z @ w.T/tau, axis=1))"),
    ("a, p, q: real[d]; alpha: positive", r"\max\left(0, \|a - p\|_2^2 - \|a - q\|_2^2 + \alpha\right)", "a",
     "maximum(0, norm(a - p)^2 - norm(a - q)^2 + alpha)"),
    ("w: real[n]; A: symmetric[n,n]", r"\frac{w^\top A w}{w^\top w}", "w", "(w @ A @ w)/(w @ w)"),
    ("A: real[n,n]; X: real[n,m]; B: real[m,m]", r"\operatorname{tr}(A X B X^\top)", "X", "trace(A @ X @ B @ X.T)"),
    ("A: real[m,n]; x: real[n]; b: real[m]; gamma: positive",
     r"\lVert A x - b \rVert_2^2 + \gamma \lVert x \rVert_1", "x",
     "norm(A @ x - b)^2 + gamma*sum(abs(x))"),
    ("x: real[n]", r"\sum_{i=2}^n (x_i - x_{i-1})^2", "x", "sum((x[1:] - x[:-1])^2)"),
    ("x: real[n]", r"\sum_{i=1}^{n-1} \lvert x_{i+1} - x_i \rvert", "x", "sum(abs(x[1:] - x[:-1]))"),
    ("r: real[n]; gamma: unit", r"G = \sum_{t=0}^{n-1} \gamma^t r_t", "r", "Σ_{t=0}^{n-1} gamma^t r_t"),
    ("K, L: real[n,n]", r"H = I_n - \frac{1}{n} \mathbf{1}_n \mathbf{1}_n^\top; \operatorname{tr}(K H L H)", "K",
     "H = eye(n) - ones((n, n))/n; trace(K @ H @ L @ H)"),
    ("x: real[n]", r"\sum_{1 \le i < j \le n} (x_i - x_j)^2", "x", "Σ_{i<j} (x_i - x_j)^2"),
)  # fmt: skip
