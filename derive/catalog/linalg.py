"""Functions of whole matrices that are no sums: one entry each, with the laws of its adjoint and its tangent.

A law is written in the notation itself, for a matrix ``A`` of ``m`` rows and ``n`` columns
(``n`` and ``n`` for a function of square matrices) and the value ``B``; that of the adjoint with the
adjoint ``G`` of ``B``, that of the tangent with the tangent ``D`` of ``A``.  The calculus reads it,
puts in what the letters are, and can differentiate it again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sympy import Expr, Min

from chainrule.derive.program import MatrixFunctionName

Shape = tuple[Expr, ...]

GILES = "Giles, Collected matrix derivative results for forward and reverse mode (2008), section "
COOKBOOK = "Petersen and Pedersen, The Matrix Cookbook (2012), eq. "
TOWNSEND = "Townsend, Differentiating the singular value decomposition (2016)"


@dataclass(frozen=True)
class MatrixFunction:
    """A function of one matrix.

    Attributes:
        name: as written in a formula; further spellings in ``aliases``.
        about: one line of what it is, and for which matrices.
        shape: the shape of the value, from the numbers of rows and columns.
        adjoint: what the adjoint of ``A`` receives, see above.
        tangent: the tangent of ``B`` for a tangent ``D`` of ``A``.
        of_trace: the same where ``G`` is ``c`` times the identity matrix, if that is simpler.
        law: the law as a differential in LaTeX.
        differential: the same as plain text, where derivations state this instead of the adjoint.
        source: where the law is found.
        square: whether the matrix must be square.
        transpose: "commutes" if ``f(A.T)`` is ``f(A).T``, "invariant" if it is ``f(A)``.
        symmetric: whether the value for a symmetric matrix is symmetric.
        symmetrises: whether only the symmetric part ``(A + A.T)/2`` of the matrix counts.
        numpy: the value of ``A`` in NumPy or ``scipy.linalg``, as Python source.
        latex: LaTeX with ``{0}`` for the matrix.
        stem: what a value without a name of its own is called.
    """

    name: MatrixFunctionName
    about: str
    shape: Callable[[Expr, Expr], Shape]
    adjoint: str
    tangent: str
    law: str
    source: str
    square: bool = True
    transpose: Literal["", "commutes", "invariant"] = ""
    symmetric: bool = False
    symmetrises: bool = False
    numpy: str = ""
    latex: str = ""
    of_trace: str = ""
    stem: str = ""
    differential: str = ""
    aliases: tuple[str, ...] = ()


def _scalar(m: Expr, n: Expr) -> Shape:
    return ()


def _same(m: Expr, n: Expr) -> Shape:
    return (m, n)


#: 1/(l_j - l_i) off the diagonal, 0 on it, for the vector l named in the braces.
_GAPS = "where(eye({1}) == 1, 0, 1/({0} - {0}[:, None] + eye({1})))"

MATRIX_FUNCTIONS: tuple[MatrixFunction, ...] = (
    MatrixFunction(
        "inv", "inverse of a square matrix that has one", _same, "-B.T @ G @ B.T",
        "-B @ D @ B",
        r"dA^{-1} = -A^{-1}\,dA\,A^{-1}", COOKBOOK + "40; " + GILES + "2.2.3", transpose="commutes", symmetric=True,
        numpy="np.linalg.inv(A)", latex="{0}^{{-1}}", stem="inverse",
    ),
    MatrixFunction(
        "det", "determinant of a square matrix; its derivative needs an inverse", _scalar, "G * B * inv(A).T",
        "B * trace(inv(A) @ D)",
        r"d\det A = \det A\,\operatorname{tr}(A^{-1} dA)", COOKBOOK + "41 and 49", transpose="invariant",
        numpy="np.linalg.det(A)", latex=r"\det\left({0}\right)", stem="determinant",
    ),
    MatrixFunction(
        "logdet", "log(abs(det(A))), without overflow", _scalar, "G * inv(A).T",
        "trace(inv(A) @ D)",
        r"d\log\left|\det A\right| = \operatorname{tr}(A^{-1} dA)", COOKBOOK + "43 and 57", transpose="invariant",
        numpy="np.linalg.slogdet(A)[1]", latex=r"\log\left|\det\left({0}\right)\right|", stem="log_determinant",
    ),
    MatrixFunction(
        "cholesky", "the lower triangular L with L @ L.T = (A + A.T)/2, which must be positive definite", _same,
        "P = tril(B.T @ G) - diag(diag(B.T @ G))/2; inv(B).T @ (P + P.T) @ inv(B) / 2",
        "P = inv(B) @ (D + D.T)/2 @ inv(B).T; B @ (tril(P) - diag(diag(P))/2)",
        r"dL = L\,\Phi(L^{-1} dA\,L^{-\top})", "Murray, Differentiation of the Cholesky decomposition (2016)",
        symmetrises=True, numpy="np.linalg.cholesky((A + A.T)/2)", latex=r"\operatorname{{chol}}\left({0}\right)",
        stem="factor",
    ),
    MatrixFunction(
        "pinv", "Moore-Penrose inverse of a matrix of full rank", lambda m, n: (n, m),
        "-B.T @ G @ B.T + (eye(m) - A@B) @ G.T @ B @ B.T + B.T @ B @ G.T @ (eye(n) - B@A)",
        "-B @ D @ B + B @ B.T @ D.T @ (eye(m) - A@B) + (eye(n) - B@A) @ D.T @ B.T @ B",
        r"dA^+ = -A^+ dA\,A^+ + A^+A^{+\top} dA^\top (I - AA^+) + (I - A^+A)\,dA^\top A^{+\top}A^+",
        "Golub and Pereyra (1973), eq. 4.12", square=False, transpose="commutes", symmetric=True,
        numpy="np.linalg.pinv(A)", latex="{0}^{{+}}", stem="pseudo_inverse",
    ),
    MatrixFunction(
        "expm", "exponential of a square matrix, sum of A**k / k!", _same,
        "expm(concat(concat(A.T, G, axis=1), concat(zeros((n, n)), A.T, axis=1), axis=0))[:n, n:]",
        "expm(concat(concat(A, D, axis=1), concat(zeros((n, n)), A, axis=1), axis=0))[:n, n:]",
        r"\exp\begin{pmatrix} A & dA \\ 0 & A \end{pmatrix} = \begin{pmatrix} e^A & d\,e^A \\ 0 & e^A \end{pmatrix}",
        "Higham, Functions of Matrices (2008), theorem 3.6", transpose="commutes", symmetric=True,
        numpy="linalg.expm(A)", latex=r"\operatorname{{expm}}\left({0}\right)", of_trace="c * B.T", stem="exponential",
        differential="expm([[A, dA], [0, A]]) = [[expm(A), d(expm(A))], [0, expm(A)]]",
    ),
    MatrixFunction(
        "eigvalsh", "eigenvalues of (A + A.T)/2 in ascending order; differentiable where they are distinct",
        lambda m, n: (n,), "eigvectors(A) @ diag(G) @ eigvectors(A).T",
        "diag(eigvectors(A).T @ D @ eigvectors(A))",
        r"d\lambda_i = v_i^\top dA\,v_i", COOKBOOK + "67", transpose="invariant", symmetrises=True,
        numpy="np.linalg.eigvalsh((A + A.T)/2)", latex=r"\operatorname{{eigvalsh}}\left({0}\right)", stem="eigenvalues",
    ),
    MatrixFunction(
        "eigvectors", "orthonormal eigenvectors of (A + A.T)/2 as columns, in the order of eigvalsh", _same,
        f"E = {_GAPS.format('eigvalsh(A)', 'n')} * (B.T @ G); B @ (E + E.T) @ B.T / 2",
        f"B @ ({_GAPS.format('eigvalsh(A)', 'n')} * (B.T @ (D + D.T)/2 @ B))",
        r"dV = V \left(F \odot V^\top dA\,V\right),\quad F_{ij} = \frac{1}{\lambda_j - \lambda_i},\ F_{ii} = 0",
        GILES + "3.1", symmetrises=True, numpy="np.linalg.eigh((A + A.T)/2)[1]",
        latex=r"\operatorname{{eigvectors}}\left({0}\right)", stem="eigenvectors",
        differential="dV = V @ (F * (V.T @ dA @ V)), F[i,j] = 1/(l[j] - l[i]), F[i,i] = 0",
    ),
    MatrixFunction(
        "svdvals", "singular values in descending order; differentiable where they are distinct",
        lambda m, n: (Min(m, n),), "left_singular(A) @ diag(G) @ right_singular(A).T",
        "diag(left_singular(A).T @ D @ right_singular(A))",
        r"d\sigma_i = u_i^\top dA\,v_i", GILES + "3.2", square=False, transpose="invariant",
        numpy="np.linalg.svd(A, compute_uv=False)", latex=r"\operatorname{{svdvals}}\left({0}\right)",
        stem="singular_values",
    ),
    MatrixFunction(
        "left_singular", "orthonormal left singular vectors as columns, in the order of svdvals",
        lambda m, n: (m, Min(m, n)),
        "s = svdvals(A); V = right_singular(A); "
        f"E = {_GAPS.format('(s**2)', 'min(m, n)')} * (B.T @ G); "
        "B @ (E + E.T) @ diag(s) @ V.T + (G - B @ (B.T @ G)) @ diag(1/s) @ V.T",
        "s = svdvals(A); P = B.T @ D @ right_singular(A); "
        f"B @ ({_GAPS.format('(s**2)', 'min(m, n)')} * (P @ diag(s) + diag(s) @ P.T))"
        " + (D @ right_singular(A) - B @ P) @ diag(1/s)",
        r"dU = U \left(F \odot (U^\top dA\,V S + S V^\top dA^\top U)\right)"
        r" + (I - UU^\top)\,dA\,V S^{-1}",
        TOWNSEND, square=False, numpy="np.linalg.svd(A, full_matrices=False)[0]",
        latex=r"\operatorname{{left singular}}\left({0}\right)", stem="left_vectors",
        differential="dU = U @ (F * (U.T @ dA @ V @ S + S @ V.T @ dA.T @ U)) + (I - U @ U.T) @ dA @ V @ inv(S)",
    ),
    MatrixFunction(
        "right_singular", "orthonormal right singular vectors as columns, in the order of svdvals",
        lambda m, n: (n, Min(m, n)),
        "s = svdvals(A); U = left_singular(A); "
        f"E = {_GAPS.format('(s**2)', 'min(m, n)')} * (B.T @ G); "
        "U @ diag(s) @ (E + E.T) @ B.T + U @ diag(1/s) @ (G - B @ (B.T @ G)).T",
        "s = svdvals(A); P = left_singular(A).T @ D @ B; "
        f"B @ ({_GAPS.format('(s**2)', 'min(m, n)')} * (diag(s) @ P + P.T @ diag(s)))"
        " + (D.T @ left_singular(A) - B @ P.T) @ diag(1/s)",
        r"dV = V \left(F \odot (S U^\top dA\,V + V^\top dA^\top U S)\right) + (I - VV^\top)\,dA^\top U S^{-1}",
        TOWNSEND, square=False, numpy="np.linalg.svd(A, full_matrices=False)[2].T",
        latex=r"\operatorname{{right singular}}\left({0}\right)", stem="right_vectors",
        differential="dV = V @ (F * (S @ U.T @ dA @ V + V.T @ dA.T @ U @ S)) + (I - V @ V.T) @ dA.T @ U @ inv(S)",
    ),
)  # fmt: skip

MATRIX_FUNCTION_BY_NAME: dict[str, MatrixFunction] = {entry.name: entry for entry in MATRIX_FUNCTIONS}
