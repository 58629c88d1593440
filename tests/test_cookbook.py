"""Derivatives published in The Matrix Cookbook, sections 2.1 to 2.8, and in papers that use them.

Each is proved (or found to agree), and a slightly changed one is refuted: a transpose left out, a
factor, a sign, an order of factors, or something that is right for symmetric matrices only.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from chainrule.derive.verify import verify


class Published(NamedTuple):
    """``wrong`` is the published derivative with a mistake put in; the source is an equation of the Cookbook."""

    source: str
    formula: str
    wrt: str
    claim: str
    wrong: str
    verdict: str = "proved"
    options: dict[str, Any] = {}  # noqa: RUF012

    @property
    def id(self) -> str:
        """A readable test id."""
        return f"{self.source}: d {self.formula} / d {self.wrt}"


DECLARED = (
    "X: invertible[n, n]; Y: real[n, d]; A: real[n, n]; B: real[n, n]; C: real[n, n]; M: real[d, d]; "
    "S: symmetric[n, n]; W: spd[n, n]; E: symmetric[d, d]; F: real[m, n]; H: real[n, m]; t: real; "
    "x: real[n]; a: real[n]; b: real[n]; c: real[n]; p: positive[n]; u: real[d]; v: real[d]; s: real[d]; "
)
HESSIAN = {"what": "hessian"}
TRIANGLE = {"symmetric": True}
GRAM, BETWEEN = "Y.T@S@Y", "inv(E + Y.T@S@Y)"

ROWS = (
    # 2.1 determinants
    Published("46", "det(A + t*B)", "t", "det(A + t*B)*trace(inv(A + t*B)@B)", "trace(inv(A + t*B)@B)"),
    Published("49", "det(X)", "X", "det(X)*inv(X).T", "det(X)*inv(X)"),
    Published("51", "det(A@X@B)", "X", "det(A@X@B)*inv(X).T", "det(A@X@B)*inv(A@X@B).T"),
    Published("52", "det(X.T@A@X)", "X", "2*det(X.T@A@X)*inv(X).T", "det(X.T@A@X)*inv(X).T"),
    Published("53", f"det({GRAM})", "Y", f"2*det({GRAM})*S@Y@inv({GRAM})", f"det({GRAM})*S@Y@inv({GRAM})"),
    Published("54", "det(Y.T@A@Y)", "Y", "det(Y.T@A@Y)*(A@Y@inv(Y.T@A@Y) + A.T@Y@inv(Y.T@A.T@Y))",
              "2*det(Y.T@A@Y)*A@Y@inv(Y.T@A@Y)"),
    Published("55", "log(det(Y.T@Y))", "Y", "2*pinv(Y).T", "pinv(Y).T", "agrees"),
    Published("57", "log(abs(det(X)))", "X", "inv(X).T", "inv(X)"),
    Published("57", "logdet(X)", "X", "inv(X.T)", "inv(X.T)/det(X)"),
    Published("58", "det(matrix_power(X, 3))", "X", "3*det(matrix_power(X, 3))*inv(X).T",
              "2*det(matrix_power(X, 3))*inv(X).T"),
    # 2.2 inverses
    Published("59", "inv(A + t*B)", "t", "-inv(A + t*B)@B@inv(A + t*B)", "inv(A + t*B)@B@inv(A + t*B)"),
    Published("60", "inv(X)", "X", "-einsum('ki,jl->klij', inv(X), inv(X))", "-einsum('ki,lj->klij', inv(X), inv(X))"),
    Published("61", "a@inv(X)@b", "X", "-inv(X).T@outer(a, b)@inv(X).T", "-inv(X).T@outer(b, a)@inv(X).T"),
    Published("62", "det(inv(X))", "X", "-det(inv(X))*inv(X).T", "det(inv(X))*inv(X).T"),
    Published("63", "trace(A@inv(X)@B)", "X", "-(inv(X)@B@A@inv(X)).T", "-(inv(X)@A@B@inv(X)).T"),
    Published("64", "trace(inv(X + A))", "X", "-(inv(X + A)@inv(X + A)).T", "-inv(X + A)@inv(X + A)"),
    # 2.3 eigenvalues
    Published("65", "sum(eigvalsh(S))", "S", "eye(n)", "ones((n, n))"),
    Published("66", "prod(eigvalsh(W))", "W", "det(W)*inv(W)", "det(W)*W", "agrees"),
    Published("67", "eigvalsh(S)[0]", "S", "outer(eigvectors(S)[:, 0], eigvectors(S)[:, 0])",
              "outer(eigvectors(S)[0, :], eigvectors(S)[0, :])"),
    # 2.4 matrices, vectors and scalars
    Published("69", "x@a", "x", "a", "x"),
    Published("70", "a@Y@u", "Y", "outer(a, u)", "2*outer(a, u)"),
    Published("71", "u@Y.T@a", "Y", "outer(a, u)", "-outer(a, u)"),
    Published("72", "a@A.T@a", "A", "outer(a, a)", "2*outer(a, a)"),
    Published("73", "Y", "Y", "einsum('ik,jl->ijkl', eye(n), eye(d))", "einsum('ik,jl->ijkl', eye(n), ones((d, d)))"),
    Published("74", "Y@M", "Y", "einsum('im,nj->ijmn', eye(n), M)", "einsum('im,jn->ijmn', eye(n), M)"),
    Published("75", "Y.T@A", "Y", "einsum('in,mj->ijmn', eye(d), A)", "einsum('in,jm->ijmn', eye(d), A)"),
    Published("76", "sum(Y)**2", "Y", "2*sum(Y)*ones((n, d))", "2*Y"),
    Published("77", "u@Y.T@Y@v", "Y", "Y@(outer(u, v) + outer(v, u))", "2*Y@outer(u, v)"),
    Published("78", "(B@x + b)@C@(A@x + a)", "x", "B.T@C@(A@x + a) + A.T@C.T@(B@x + b)",
              "B.T@C@(A@x + a) + A.T@C@(B@x + b)"),
    Published("79", "Y.T@B@Y", "Y", "einsum('lj,ki->klij', eye(d), Y.T@B) + einsum('kj,il->klij', eye(d), B@Y)",
              "einsum('lj,ki->klij', eye(d), Y.T@B.T) + einsum('kj,il->klij', eye(d), B@Y)"),
    Published("81", "x@B@x", "x", "(B + B.T)@x", "2*B@x"),
    Published("82", "u@Y.T@A@Y@v", "Y", "A.T@Y@outer(u, v) + A@Y@outer(v, u)", "A@Y@outer(u, v) + A@Y@outer(v, u)"),
    Published("83", "(Y@u + c)@A@(Y@u + c)", "Y", "(A + A.T)@outer(Y@u + c, u)", "2*A@outer(Y@u + c, u)"),
    Published("84", "(x - Y@s)@S@(x - Y@s)", "s", "-2*Y.T@S@(x - Y@s)", "2*Y.T@S@(x - Y@s)"),
    Published("85", "(x - a)@S@(x - a)", "x", "2*S@(x - a)", "S@(x - a)"),
    Published("86", "(x - a)@S@(x - a)", "a", "-2*S@(x - a)", "2*S@(x - a)"),
    Published("87", "(x - Y@s)@S@(x - Y@s)", "x", "2*S@(x - Y@s)", "-2*S@(x - Y@s)"),
    Published("88", "(x - Y@s)@S@(x - Y@s)", "Y", "-2*S@outer(x - Y@s, s)", "-2*outer(x - Y@s, s)"),
    Published("91", "a@matrix_power(A, 3)@b", "A",
              "outer(a, b)@(A@A).T + A.T@outer(a, b)@A.T + (A@A).T@outer(a, b)",
              "outer(a, b)@A@A + A.T@outer(a, b)@A.T + (A@A).T@outer(a, b)"),
    Published("97", "x@A@x + b@x", "x", "(A + A.T)@x + b", "(A + A.T)@x"),
    Published("98", "x@A@x + b@x", "x", "A + A.T", "2*A", options=HESSIAN),
    # 2.5 traces
    Published("99", "trace(A)", "A", "eye(n)", "n*eye(n)"),
    Published("101", "trace(F@A@H)", "A", "F.T@H.T", "H@F"),
    Published("102", "trace(F@A.T@H)", "A", "H@F", "F.T@H.T"),
    Published("103", "trace(A.T@B)", "A", "B", "B.T"),
    Published("104", "trace(B@A.T)", "A", "B", "B.T"),
    Published("106", "trace(A@A)", "A", "2*A.T", "2*A"),
    Published("107", "trace(A@A@B)", "A", "(A@B + B@A).T", "A@B + B@A"),
    Published("108", "trace(Y.T@B@Y)", "Y", "B@Y + B.T@Y", "2*B@Y"),
    Published("109", "trace(B@Y@Y.T)", "Y", "B@Y + B.T@Y", "B@Y"),
    Published("111", "trace(Y@M@Y.T)", "Y", "Y@M.T + Y@M", "2*Y@M"),
    Published("112", "trace(M@Y.T@Y)", "Y", "Y@M.T + Y@M", "2*Y@M.T"),
    Published("114", "trace(A@C@B@C)", "C", "A.T@C.T@B.T + B.T@C.T@A.T", "A.T@C@B.T + B.T@C@A.T"),
    Published("115", "trace(Y.T@Y)", "Y", "2*Y", "Y"),
    Published("116", "trace(M.T@Y.T@C@Y@M)", "Y", "C.T@Y@M@M.T + C@Y@M@M.T", "2*C@Y@M@M.T"),
    Published("117", "trace(Y.T@B@Y@M)", "Y", "B@Y@M + B.T@Y@M.T", "B@Y@M + B.T@Y@M"),
    Published("118", "trace(A@Y@M@Y.T@C)", "Y", "A.T@C.T@Y@M.T + C@A@Y@M", "A.T@C.T@Y@M + C@A@Y@M"),
    Published("119", "norm(F@A@H + eye(m))**2", "A", "2*F.T@(F@A@H + eye(m))@H.T", "2*F.T@(F@A@H)@H.T"),
    Published("121", "trace(matrix_power(A, 5))", "A", "5*matrix_power(A, 4).T", "5*matrix_power(A, 4)"),
    Published("122", "trace(B@matrix_power(A, 3))", "A", "(B@A@A + A@B@A + A@A@B).T", "(B@A@A + A@A@B + A@A@B).T"),
    Published("123", "trace(B.T@A.T@C@A@A.T@C@A@B)", "A",
              "C@A@A.T@C@A@B@B.T + C.T@A@B@B.T@A.T@C.T@A + C@A@B@B.T@A.T@C@A + C.T@A@A.T@C.T@A@B@B.T",
              "4*C@A@A.T@C@A@B@B.T"),
    Published("124", "trace(A@inv(X)@B)", "X", "-inv(X).T@A.T@B.T@inv(X).T", "-inv(X).T@B.T@A.T@inv(X).T"),
    Published("125", f"trace(inv({GRAM})@M)", "Y", f"-S@Y@inv({GRAM})@(M + M.T)@inv({GRAM})",
              f"-2*S@Y@inv({GRAM})@M@inv({GRAM})"),
    Published("126", f"trace(inv({GRAM})@Y.T@W@Y)", "Y",
              f"-2*S@Y@inv({GRAM})@Y.T@W@Y@inv({GRAM}) + 2*W@Y@inv({GRAM})", f"2*W@Y@inv({GRAM})"),
    Published("127", f"trace({BETWEEN}@Y.T@W@Y)", "Y", f"-2*S@Y@{BETWEEN}@Y.T@W@Y@{BETWEEN} + 2*W@Y@{BETWEEN}",
              f"-2*S@Y@{BETWEEN}@Y.T@W@Y@{BETWEEN} + W@Y@{BETWEEN}"),
    # 2.6, 2.7 norms
    Published("129", "norm(x - a)", "x", "(x - a)/norm(x - a)", "(x - a)*norm(x - a)"),
    Published("130", "(x - a)/norm(x - a)", "x", "eye(n)/norm(x - a) - outer(x - a, x - a)/norm(x - a)**3",
              "eye(n)/norm(x - a) - outer(x - a, x - a)/norm(x - a)**2"),
    Published("131", "norm(x)**2", "x", "2*x", "2*norm(x)*x"),
    Published("132", "norm(Y)**2", "Y", "2*Y", "2*norm(Y)*Y"),
    # 2.8 symmetric matrices
    Published("139", "trace(A@S)", "S", "A + A.T - A*eye(n)", "A + A.T", options=TRIANGLE),
    Published("140", "det(W)", "W", "det(W)*(2*inv(W) - inv(W)*eye(n))", "2*det(W)*inv(W)", options=TRIANGLE),
    Published("141", "logdet(W)", "W", "2*inv(W) - inv(W)*eye(n)", "inv(W)", options=TRIANGLE),
    # elsewhere
    Published("Boyd and Vandenberghe A.4.3", "logdet(W)", "W", "-einsum('jk,li->ijkl', inv(W), inv(W))",
              "-einsum('ik,lj->ijkl', inv(W), inv(W))", options=HESSIAN),
    Published("Magnus and Neudecker 1988", "det(X)", "X",
              "det(X)*(einsum('ji,lk->ijkl', inv(X), inv(X)) - einsum('li,jk->ijkl', inv(X), inv(X)))",
              "det(X)*(einsum('ji,lk->ijkl', inv(X), inv(X)) + einsum('li,jk->ijkl', inv(X), inv(X)))",
              options=HESSIAN),
    Published("Boyd and Vandenberghe 7.5 (D-optimal design)", "logdet(Y.T@diag(p)@Y)", "p",
              "-(Y@inv(Y.T@diag(p)@Y)@Y.T)**2", "-Y@inv(Y.T@diag(p)@Y)@Y.T", options=HESSIAN),
    Published("Watson 1992", "nuclear_norm(Y)", "Y", "left_singular(Y)@right_singular(Y).T", "Y"),
    Published("Zheng et al. 2018 (NOTEARS)", "trace(expm(A*A))", "A", "2*A*expm(A*A).T", "2*A*expm(A*A)"),
    Published("Rasmussen and Williams 5.9", "a@inv(W + t**2*eye(n))@a + 2*sum(log(diag(cholesky(W + t**2*eye(n)))))",
              "t", "2*t*(trace(inv(W + t**2*eye(n))) - norm(inv(W + t**2*eye(n))@a)**2)",
              "2*t*(trace(inv(W + t**2*eye(n))) + norm(inv(W + t**2*eye(n))@a)**2)"),
    Published("Golub and Pereyra 1973", "a@a - a@Y@inv(Y.T@Y)@Y.T@a", "Y",
              "-2*outer(a - Y@inv(Y.T@Y)@Y.T@a, inv(Y.T@Y)@Y.T@a)", "-2*outer(a, inv(Y.T@Y)@Y.T@a)"),
    Published("Kalman 1960", "trace((eye(n) - A@X)@W@(eye(n) - A@X).T)", "A", "-2*(eye(n) - A@X)@W@X.T",
              "-2*(eye(n) - A@X)@W@X"),
    Published("Tipping and Bishop 1999", "logdet(Y@Y.T + W) + trace(inv(Y@Y.T + W)@S)", "Y",
              "2*(inv(Y@Y.T + W) - inv(Y@Y.T + W)@S@inv(Y@Y.T + W))@Y", "2*inv(Y@Y.T + W)@Y - 2*S@Y"),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_published_derivatives(row: Published) -> None:
    found = verify(DECLARED + row.formula, row.wrt, row.claim, points=1, **row.options)
    assert found.verdict == row.verdict, found.report()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_changed_derivative_is_refuted(row: Published) -> None:
    found = verify(DECLARED + row.formula, row.wrt, row.wrong, points=1, **row.options)
    assert found.verdict == "refuted", found.report()
    assert found.witness is not None
