"""The rules that derivations are made of: one entry each, with the law, the wording, the source.

Steps refer to rules by id; renderers print what stands here.  Ids are part of the JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.derive.catalog.linalg import MATRIX_FUNCTIONS, MatrixFunction


@dataclass(frozen=True)
class Rule:
    """A law of the calculus.

    Attributes:
        id: stable name, kebab-case.
        law: the law in LaTeX.
        text: the law in plain text.
        sentence: what a step with this rule does, in words; ``{name}`` and the like stand for the
            bindings of the step.
        source: where the law is found.
    """

    id: str
    law: str
    text: str
    sentence: str
    source: str = ""

    def say(self, bindings: tuple[tuple[str, str], ...]) -> str:
        """The sentence for a step with these bindings; several values of one name are listed."""
        values: dict[str, list[str]] = {}
        for name, value in bindings:
            values.setdefault(name, []).append(value)
        return self.sentence.format_map({name: ", ".join(found) for name, found in values.items()})


#: Length of a law of an adjoint that a sentence quotes.
SHORT_LAW = 30

LAUE = "Laue, Mitterreiter and Giesen, Computing Higher Order Derivatives of Matrix and Tensor Expressions (2018)"
GRIEWANK = "Griewank and Walther, Evaluating Derivatives (2008), section 3.2"
BOYD = "Boyd and Vandenberghe, Convex Optimization (2004)"
GOLUB = "Golub and Van Loan, Matrix Computations (2013)"
ANDERSON = "Anderson, An Introduction to Multivariate Statistical Analysis (2003)"
COOKBOOK = "Petersen and Pedersen, The Matrix Cookbook (2012), eq. "
MAGNUS = "Magnus and Neudecker, Matrix Differential Calculus (2019)"
PRML = "Bishop, Pattern Recognition and Machine Learning (2006)"


def _passing_on(entry: MatrixFunction) -> str:
    """What a function of a matrix does with an adjoint, where that is short."""
    if len(entry.adjoint) > SHORT_LAW or "{" in entry.adjoint:
        return f"the differential of {entry.name}"
    return f"the adjoint G of B = {entry.name}(A) gives {entry.adjoint}"


RULES: tuple[Rule, ...] = (
    Rule("definition", r"q := \text{its definition}", "q := its definition",
         "Definition."),
    Rule("seed", r"\frac{\partial L}{\partial L} = 1", "dL/dL = 1",
         "The derivative of the output by itself is one (a unit tensor for a tensor-valued output)."),
    Rule("independent", r"\frac{\partial L}{\partial a} = 0", "dL/da = 0",
         "The output does not depend on it."),
    Rule("chain-rule",
         r"\frac{\partial L}{\partial a} = \sum_c \frac{\partial L}{\partial c}\frac{\partial c}{\partial a}",
         "dL/da = sum_c dL/dc * dc/da",
         "Chain rule through {through}.", GRIEWANK),
    Rule("chain-expansion", r"\frac{dL}{dw} = \frac{dL}{dy}\frac{dy}{dz}\frac{dz}{dw}", "dL/dw = dL/dy * dy/dz * dz/dw",
         "Chain rule: one factor for each link of the chain.", PRML + ", section 5.3"),
    Rule("differentiate", r"\frac{\partial L}{\partial a}", "dL/da", "Differentiate {through}."),
    Rule("term-by-term", r"\Big(\sum_k f_k\Big)' = \sum_k f_k'", "(sum_k f_k)' = sum_k f_k'",
         "Differentiate {through} term by term."),
    Rule("link", r"\frac{\partial c_{\ldots}}{\partial a_{\ldots}}", "dc[..]/da[..]",
         "The derivative of one entry by one entry, with everything else fixed."),
    Rule("linearity", r"(c f + g)' = c f' + g'", "(c f + g)' = c f' + g'", "Linearity."),
    Rule("product", "(u v)' = u' v + u v'", "(u v)' = u' v + u v'", "Product rule."),
    Rule("quotient", r"\Big(\frac{u}{v}\Big)' = \frac{u' v - u v'}{v^2}", "(u/v)' = (u' v - u v')/v^2",
         "Quotient rule."),
    Rule("power", r"(u^a)' = a u^{a-1} u'", "(u^a)' = a u^(a-1) u'", "Power rule."),
    Rule("exponential", r"(a^u)' = a^u \log(a)\, u'", "(a^u)' = a^u log(a) u'", "Exponential with a constant base."),
    Rule("logarithmic", r"(u^v)' = u^v (v \log u)'", "(u^v)' = u^v (v log(u))'", "Logarithmic differentiation."),
    Rule("branches", r"\text{each branch}", "where(c, u, v)' = where(c, u', v')", "Branch by branch."),
    Rule("entries", r"\begin{bmatrix} u & v \end{bmatrix}' = \begin{bmatrix} u' & v' \end{bmatrix}",
         "[u, v]' = [u', v']", "Entry by entry."),
    Rule("table", r"\text{table}", "table", "Table of derivatives."),
    Rule("composite", r"f(u)' = f'(u)\, u'", "f(u)' = f'(u) u'", "Chain rule."),
    Rule("local-derivative", r"\frac{dy}{dz}", "dy/dz", "Differentiate one link by the next quantity."),
    Rule("sum-rule",
         r"c = \sum_k f(a_k) \Rightarrow \frac{\partial c}{\partial a_k} = f'(a_k)",
         "c = sum_k f(a_k)  =>  dc/da_k = f'(a_k)",
         "Chain rule through {through}: each term of a sum is differentiated on its own.", LAUE + ", theorem 8"),
    Rule("logsumexp-rule",
         r"c = \log\sum_k e^{a_k} \Rightarrow \frac{\partial c}{\partial a_k} = e^{a_k - c}",
         "c = log sum_k exp(a_k)  =>  dc/da_k = exp(a_k - c) = softmax(a)_k",
         "Chain rule through {through}: the gradient of a log-sum-exp is the softmax.", PRML + ", eq. 4.106"),
    Rule("softmax-rule",
         r"p = \operatorname{softmax}(a) \Rightarrow \frac{\partial L}{\partial a_k} ="
         r" p_k \Big(\frac{\partial L}{\partial p_k} - \sum_l p_l \frac{\partial L}{\partial p_l}\Big)",
         "p = softmax(a)  =>  dL/da_k = p_k (dL/dp_k - sum_l p_l dL/dp_l)",
         "Chain rule through {through}: the derivative of the softmax is dp_k/da_l = p_k (delta_kl - p_l).",
         PRML + ", eq. 4.106"),
    Rule("max-rule",
         r"c = \max_k a_k \Rightarrow \frac{\partial c}{\partial a_k} = [a_k = c] / \#\{l : a_l = c\}",
         "c = max_k a_k  =>  dc/da_k = [a_k = c] / (number of largest entries)",
         "Chain rule through {through}: the derivative goes to the entry that attains it; ties share equally."),
    Rule("product-rule",
         r"c = \prod_k a_k \Rightarrow \frac{\partial c}{\partial a_k} = \prod_{l \ne k} a_l",
         "c = prod_k a_k  =>  dc/da_k = prod_{l != k} a_l",
         "Chain rule through {through}: the derivative of a product is the product of the other factors."),
    Rule("mixed-partials",
         r"\frac{\partial^2 L}{\partial b \partial a} = \Big(\frac{\partial^2 L}{\partial a \partial b}\Big)^{\top}",
         "d2L/db da = (d2L/da db).T", "Second derivatives may be taken in either order."),
    Rule("substitute", r"q \to \text{its definition}", "q -> its definition",
         "Put in {name}."),
    Rule("collapse-delta", r"\sum_k \delta_{ka} f_k = f_a", "sum_k delta[k,a] f[k] = f[a]",
         "A Kronecker delta picks one term of the sum."),
    Rule("constant-sum", r"\sum_{k=1}^{n} c = n c", "sum_{k=1..n} c = n c",
         "The summand does not depend on the index."),
    Rule("index-range", r"0 \le i < n", "0 <= i < n",
         "Every index lies in the range of its axis, which settles comparisons and quotients of indices."),
    Rule("simplify", r"\text{algebra}", "algebra", "Simplify."),
    Rule("identity", r"\text{identity of the function}", "identity of the function",
         "By an identity: {identity}."),
    Rule("sums-to-one", r"\sum_k y_k = 1", "sum_k y_k = 1",
         "The entries of {name} along the last axis sum to one, as declared."),
    Rule("softmax-quotient",
         r"p = \frac{e}{s} \Rightarrow \frac{\partial p_k}{\partial a_l} = \frac{\delta_{kl} e_k s - e_k e_l}{s^2}",
         "p = e/s  =>  dp_k/da_l = (delta_kl e_k s - e_k e_l)/s^2",
         "Quotient rule for {softmax} = {above}/{below}, exponentials {above} of the scores over their sum {below}.",
         PRML + ", eq. 4.106"),
    Rule("softmax-shares", r"\frac{e_k}{s} = p_k", "e_k/s = p_k", "{above}/{below} is {softmax}."),
    Rule("softmax-cases",
         r"\frac{\partial p_k}{\partial a_l} = \begin{cases} p_k (1 - p_k) & k = l \\ -p_k p_l & k \ne l \end{cases}",
         "dp_k/da_l = where(k == l, p_k (1 - p_k), -p_k p_l)",
         "Equal indices give {softmax} (1 - {softmax}), different ones minus the product of both.",
         PRML + ", eq. 4.106"),
    Rule("softmax-sums-to-one", r"\sum_k \operatorname{softmax}(z)_k = 1", "sum_k softmax(z)_k = 1",
         "The entries of a softmax sum to one."),
    Rule("deviations", r"\sum_k (x_k - \bar{x}) = 0", "sum_k (x_k - mean(x)) = 0",
         "The deviations from a mean sum to zero."),
    Rule("idempotent", r"y \in \{0, 1\} \Rightarrow y^2 = y", "y in {0, 1}  =>  y^2 = y",
         "{name} is 0 or 1, so it equals its square."),
    Rule("unit-square", r"y \in \{-1, 1\} \Rightarrow y^2 = 1", "y in {-1, 1}  =>  y^2 = 1",
         "{name} is -1 or 1, so its square is one."),
    Rule("symmetry", r"A_{ij} = A_{ji}", "A[i,j] = A[j,i]", "{name} is symmetric, as declared."),
    Rule("independent-entries", r"\frac{\partial L}{\partial X_{ij}} = G_{ij} + G_{ji} - \delta_{ij} G_{ij}",
         "dL/dX = G + G.T - diag(diag(G))",
         "{name} is symmetric: an entry off the diagonal stands at two places, one on it at one.",
         "Petersen and Pedersen, The Matrix Cookbook (2012), eq. 138"),
    Rule("gauss-newton", r"G = J^\top H J", "G = J.T H J, with J = dz/dw and H = d2L/dz2",
         "The curvature of the loss by {through}, carried to the variables by the Jacobian.",
         "Martens, New insights and perspectives on the natural gradient method (2020)"),
    Rule("expected-score", r"\operatorname{E}[\partial L/\partial z] = 0", "E[dL/dz] = 0",
         "The expected score is zero, which gives the mean of {name}."),
    Rule("fold", r"\text{its definition} \to q", "its definition -> q", "Write {name} by its name."),
    Rule("merge-sums", r"\sum_k f_k + \sum_k g_k = \sum_k (f_k + g_k)", "sum_k f_k + sum_k g_k = sum_k (f_k + g_k)",
         "Sums over the same range are one sum."),
    Rule("tangent", r"dq = \sum_a \frac{\partial q}{\partial a} da", "dq = sum_a dq/da * da",
         "The tangent of {through}.", "Griewank and Walther, Evaluating Derivatives (2008), section 3.1"),
    Rule("put-in-differential", r"dq \to \text{its definition}", "dq -> its definition", "Put in {name}."),
    Rule("carry-over", r"\langle G, A\,dx \rangle = \langle A^\top G, dx \rangle", "<G, A dx> = <A.T G, dx>",
         "What multiplies the differentials in that of {through} goes to the other side.", MAGNUS + ", section 8.3"),
    Rule("collect-differential", r"\langle F, dx \rangle + \langle G, dx \rangle = \langle F + G, dx \rangle",
         "<F, dx> + <G, dx> = <F + G, dx>", "Collect the terms with {name}."),
    Rule("adjoint", r"dL = \langle G, dx \rangle \Rightarrow \frac{\partial L}{\partial x} = G",
         "dL = <G, dx>  =>  dL/dx = G", "What multiplies a differential is the derivative.", MAGNUS + ", section 9.3"),
    Rule("action", r"\dot L = \langle \partial L/\partial x, \dot x \rangle", "L_dot = <dL/dx, x_dot>",
         "The derivative along a direction is the derivative applied to it."),
    Rule("stationary-point", r"\nabla f(x^*) = 0", "grad f(x*) = 0",
         "At a stationary point the gradient is zero.", BOYD + ", section 4.2.3"),
    Rule("put-in-solution", r"x = x(y)", "x = x(y)", "Put in the solution for {name}.",
         GOLUB + ", section 3.2 (elimination)"),
    Rule("symmetric-part", r"G + G^\top = 0", "G + G.T = 0",
         "{name} is symmetric, so at a stationary point the symmetric part of the gradient is zero."),
    Rule("divide-equation", r"c\,g = 0,\ c \ne 0 \Rightarrow g = 0", "c g = 0, c != 0  =>  g = 0",
         "Divide by {factor}."),
    Rule("multiply-equation", r"g/c = 0 \Rightarrow g = 0", "g/c = 0  =>  g = 0", "Multiply by {factor}."),
    Rule("cancel-invertible", r"K g = 0 \Rightarrow g = 0", "K g = 0  =>  g = 0",
         "{matrix} is invertible and stands in every term: cancel it."),
    Rule("multiply-by-unknown", r"S^{-1} G S^{-1} = 0 \Rightarrow G = 0", "inv(S) G inv(S) = 0  =>  G = 0",
         "Multiply by {name} where its inverse stands.", ANDERSON + ", section 3.2"),
    Rule("collect-unknown", r"A x = c", "A x = c", "Collect the terms with {name}."),
    Rule("solve-entrywise", r"d\,x = c \Rightarrow x = c/d", "d x = c  =>  x = c/d", "Divide."),
    Rule("solve-for-entry", r"g(x) = c \Rightarrow x = g^{-1}(c)", "g(x) = c  =>  x = inverse of g at c",
         "Solve for {name}."),
    Rule("solve-system", r"A x = c \Rightarrow x = A^{-1} c", "A x = c  =>  x = inv(A) c",
         "Solve the system of linear equations.", GOLUB + ", section 3.1"),
    Rule("solve-both-sides", r"K X L^\top = C \Rightarrow X = K^{-1} C L^{-\top}",
         "K X L.T = C  =>  X = inv(K) C inv(L.T)", "Multiply by the inverse on either side."),
    Rule("solve-by-eigenvectors", r"K X + X L = C", "K X + X L = C",
         "In the bases of eigenvectors of the matrices on both sides it is solved entry by entry.",
         GOLUB + ", section 7.6"),
    Rule("solve-all-entries", r"A \operatorname{vec} X = \operatorname{vec} C", "A vec(X) = vec(C)",
         "Solve one system of linear equations for all entries, row after row.", COOKBOOK + "520"),
    Rule("solve-for-inverse", r"X^{-1} = C \Rightarrow X = C^{-1}", "inv(X) = C  =>  X = inv(C)", "Invert both sides."),
    *(
        Rule(f"{entry.name}-rule", entry.law, f"B = {entry.name}(A), G its adjoint  =>  A receives {entry.adjoint}",
             f"Chain rule through {{through}}: {_passing_on(entry)}.", entry.source)
        for entry in MATRIX_FUNCTIONS
    ),
)  # fmt: skip

BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}

#: Rules that hold only because of what was declared about an input.
ASSUMING = frozenset({"sums-to-one", "idempotent", "unit-square", "symmetry"})
