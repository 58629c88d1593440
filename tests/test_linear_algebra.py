"""Functions of whole matrices: values, derivatives and Hessians against JAX, at two size assignments."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np
import pytest
from support import check_steps

from chainrule.derive.calculus import derivative_program, hessian_program
from chainrule.derive.catalog.linalg import MATRIX_FUNCTIONS
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import formula
from chainrule.derive.goals import gradient, jacobian
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.numeric import MPMATH, evaluate

jax.config.update("jax_enable_x64", True)

DECLARED = "X: real[n, n]; S: spd[n, n]; R: real[n, d]; C: real[n, n]; D: real[d, n]; b: real[n]; "


def point(n: int, d: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(n)
    root = rng.standard_normal((n, n))
    return {
        "X": rng.standard_normal((n, n)) + 2 * np.eye(n), "S": root @ root.T + n * np.eye(n),
        "R": rng.standard_normal((n, d)), "C": rng.standard_normal((n, n)), "D": rng.standard_normal((d, n)),
        "b": rng.standard_normal(n),
    }  # fmt: skip


def sym(a):
    return (a + a.T) / 2


def singular_values(a):
    return jnp.linalg.svd(a, compute_uv=False)


FORMULAS = [
    ("trace(C@inv(X))", "X", lambda X, C, **_: jnp.trace(C @ jnp.linalg.inv(X))),
    ("trace(C@inv(X.T))", "X", lambda X, C, **_: jnp.trace(C @ jnp.linalg.inv(X.T))),
    ("det(X)", "X", lambda X, **_: jnp.linalg.det(X)),
    ("det(R.T@X@R)", "R", lambda X, R, **_: jnp.linalg.det(R.T @ X @ R)),
    ("logdet(X)", "X", lambda X, **_: jnp.linalg.slogdet(X)[1]),
    ("logdet(inv(X))", "X", lambda X, **_: -jnp.linalg.slogdet(X)[1]),
    ("logdet(R.T@R)", "R", lambda R, **_: jnp.linalg.slogdet(R.T @ R)[1]),
    ("b@solve(X, b)", "X", lambda X, b, **_: b @ jnp.linalg.solve(X, b)),
    ("sum(C*cholesky(S))", "S", lambda S, C, **_: jnp.sum(C * jnp.linalg.cholesky(sym(S)))),
    ("sum(D*pinv(R))", "R", lambda R, D, **_: jnp.sum(D * jnp.linalg.pinv(R))),
    ("sum(C*expm(X))", "X", lambda X, C, **_: jnp.sum(C * jsl.expm(X))),
    ("sum(eigvalsh(S)^3*b)", "S", lambda S, b, **_: jnp.sum(jnp.linalg.eigvalsh(sym(S)) ** 3 * b)),
    ("sum((eigvectors(S)@diag(b)@eigvectors(S).T)*C)", "S",
     lambda S, C, b, **_: jnp.sum((jnp.linalg.eigh(sym(S))[1] * b) @ jnp.linalg.eigh(sym(S))[1].T * C)),
    ("nuclear_norm(R)", "R", lambda R, **_: jnp.sum(singular_values(R))),
    ("spectral_norm(R)", "R", lambda R, **_: singular_values(R)[0]),
    ("spectral_norm(R)^2", "R", lambda R, **_: jnp.linalg.eigvalsh(R.T @ R)[-1]),
    ("eigvalsh(S)[n-1] + eigvalsh(S)[0]", "S", lambda S, **_: jnp.linalg.eigvalsh(sym(S))[jnp.array([0, -1])].sum()),
    ("M = X + b[0]*C; log(abs(det(M)))", "X", lambda X, b, C, **_: jnp.linalg.slogdet(X + b[0] * C)[1]),
    ("M = C + b[0]^2*X; log(abs(det(M))) + b@b", "b", lambda X, b, C, **_: (
        jnp.linalg.slogdet(C + b[0] ** 2 * X)[1] + b @ b)),
    ("sum(C*matrix_power(X, 3))", "X", lambda X, C, **_: jnp.sum(C * (X @ X @ X))),
    ("trace(C@matrix_power(X, -2))", "X", lambda X, C, **_: jnp.trace(C @ jnp.linalg.inv(X @ X))),
    ("sum(tril(X)^2) + sum(triu(X)^3)", "X", lambda X, **_: jnp.sum(jnp.tril(X) ** 2) + jnp.sum(jnp.triu(X) ** 3)),
    ("-1/2*b@inv(S)@b - 1/2*logdet(S)", "S",
     lambda S, b, **_: -b @ jnp.linalg.inv(S) @ b / 2 - jnp.linalg.slogdet(S)[1] / 2),
    ("b@inv(S + C*C)@b", "C", lambda S, C, b, **_: b @ jnp.linalg.inv(S + C * C) @ b),
    ("logdet(diag(b^2 + 1)) + sum(inv(diag(b^2 + 1)))", "b",
     lambda b, **_: jnp.sum(jnp.log(b**2 + 1)) + jnp.sum(1 / (b**2 + 1))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "reference"), FORMULAS, ids=[row[0] for row in FORMULAS])
def test_gradient_and_hessian(text, wrt, reference):
    program = parse_formula(DECLARED + text)
    first, second = derivative_program(program, [wrt]), hessian_program(program, [wrt])
    for n, d in ((4, 3), (3, 2)):
        values = point(n, d)

        def value(x, values=values):
            return reference(**{**values, wrt: x})

        for derivative, wanted in ((first, jax.grad), (second, jax.hessian)):
            found = evaluate(derivative, values)[derivative.outputs[-1]]
            want = np.asarray(wanted(value)(values[wrt]))
            np.testing.assert_allclose(found, want, rtol=0, atol=1e-9 * max(1.0, np.abs(want).max()))


@pytest.mark.parametrize("text", [row[0] for row in FORMULAS if "eigv" not in row[0] and "norm" not in row[0]])
def test_each_step_holds(text):
    """Eigen- and singular vectors are left out: they are determined up to signs only."""
    derivation = gradient(DECLARED + text, next(row[1] for row in FORMULAS if row[0] == text))
    assert check_steps(derivation.context, derivation.steps, point(3, 2))


@pytest.mark.parametrize("entry", MATRIX_FUNCTIONS, ids=lambda entry: entry.name)
def test_values_in_many_digits(entry):
    values = point(4, 3)
    argument = "S" if entry.symmetrises else "X" if entry.square else "R"
    # What is determined only up to signs is compared by its product with itself.
    text = f"{entry.name}({argument})" + (f" @ {entry.name}({argument}).T" if "vectors" in entry.about else "")
    program = parse_formula(DECLARED + text)
    double, exact = (evaluate(program, values, *backend)[program.output.name] for backend in ((), (MPMATH,)))
    np.testing.assert_allclose(double, exact.astype(float), rtol=1e-12, atol=1e-13)


def test_batches_of_matrices():
    program = parse_formula("A: real[k, n, n]; B: real[k, n, n]; sum(inv(A)*B) + sum(logdet(A))")
    rng = np.random.default_rng(0)
    values = {"A": rng.standard_normal((2, 3, 3)) + 3 * np.eye(3), "B": rng.standard_normal((2, 3, 3))}

    def value(a):
        return jnp.sum(jnp.linalg.inv(a) * values["B"]) + jnp.sum(jnp.linalg.slogdet(a)[1])

    derivative = derivative_program(program, ["A"])
    np.testing.assert_allclose(evaluate(derivative, values)["grad_A"], jax.grad(value)(values["A"]), rtol=1e-12)


def test_jacobian_of_an_inverse():
    """Matrix Cookbook, eq. 60."""
    derivative = jacobian("X: invertible[n, n]; inv(X)", "X")
    value = derivative.result["X"].evaluate(X=point(4, 3)["X"])
    np.testing.assert_allclose(value, jax.jacobian(jnp.linalg.inv)(point(4, 3)["X"]), rtol=1e-10, atol=1e-12)
    assert derivative.result["X"].matrix() == "-einsum('ik,lj->ijkl', L, L)"


FORMS = [
    ("trace(C@inv(X))", "X", "-(inv(X) @ C @ inv(X)).T", r"-\left(X^{-1} C X^{-1}\right)^{\top}"),
    ("trace(inv(X))", "X", "-inv(X).T @ inv(X).T", r"-X^{-\top} X^{-\top}"),
    ("logdet(S)", "S", "inv(S)", "S^{-1}"),
    ("logdet(R.T@S@R)", "R", "2*S @ R @ inv(R.T @ S @ R)", r"2 \, S R \left(R^{\top} S R\right)^{-1}"),
    ("b@solve(X, b)", "X", "-outer(inv(X).T @ b, inv(X) @ b)",
     r"-\left(X^{-\top} b\right) \left(X^{-1} b\right)^{\top}"),
    ("b@inv(S)@b", "b", "2*inv(S) @ b", r"2 \, S^{-1} b"),
    ("logdet(eye(n) + X@X.T)", "X", "2*inv(X @ X.T + eye(n)) @ X",
     r"2 \, \left(X X^{\top} + I_{n}\right)^{-1} X"),
    ("nuclear_norm(R)", "R", "left_singular(R) @ right_singular(R).T",
     r"\operatorname{left singular}\left(R\right) \operatorname{right singular}\left(R\right)^{\top}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wrt", "matrix", "latex"), FORMS, ids=[row[0] for row in FORMS])
def test_printed_forms(text, wrt, matrix, latex):
    result = gradient(DECLARED + text, wrt).result[wrt]
    assert (result.matrix(), result.latex()) == (matrix, latex)


@pytest.mark.parametrize("text", [row[0] for row in FORMULAS])
def test_numpy_source_computes_the_gradient(text):
    wrt = next(row[1] for row in FORMULAS if row[0] == text)
    result = gradient(DECLARED + text, wrt).result[wrt]
    values = point(4, 3)
    namespace: dict = {}
    exec(result.numpy("found"), namespace)
    want = result.evaluate(**values)
    np.testing.assert_allclose(namespace["found"](**values), want, rtol=1e-10, atol=1e-10 * np.abs(want).max())


@pytest.mark.parametrize(("text", "message"), [
    ("inv(R)", "inv needs a square matrix"),
    ("inv(b)", "inv is a function of matrices, and b is none"),
    ("solve(R, b)", "inv needs a square matrix"),
    ("matrix_power(X, 99)", "the power 99 of a matrix is above the limit 32"),
    ("tril(b)", "b has no triangle"),
])  # fmt: skip
def test_messages(text, message):
    with pytest.raises(ChainruleError, match=message) as caught:
        formula(DECLARED + text)
    assert caught.value.span is not None


def test_a_singular_matrix_has_determinant_zero_and_no_inverse_in_many_digits():
    """A column of zeros leaves nothing to choose a pivot from."""
    program = parse_formula("X: real[n, n]; det(X) + 0*trace(X)")
    values = {"X": np.array([[0.0, 1.0], [0.0, 2.0]])}
    assert evaluate(program, values, MPMATH)[program.output.name] == 0
    inverse = parse_formula("X: real[n, n]; trace(inv(X))")
    assert np.isnan(float(evaluate(inverse, values, MPMATH)[inverse.output.name]))


def test_singular_vectors_in_index_notation_say_how_many_there_are():
    derivation = gradient("R: real[n, d]; sum(svdvals(R)^3)", "R")
    assert "sum_{k=0}^{min(d, n) - 1}" in derivation.result["R"].index()
    assert r"\operatorname{min}" in derivation.latex()


def test_a_singular_matrix_gives_nan_and_no_error():
    assert np.isnan(formula("A: real[n, n]; det(A)*sum(inv(A))").evaluate(A=np.zeros((2, 2))))


@pytest.mark.parametrize("text", ["inv(X).T", "Y = inv(X).T; Y", "Y = cholesky(S).T; Y @ Y.T", "expm(X)[:, None, :]"])
def test_named_values_keep_the_order_of_their_axes(text):
    values = point(3, 2)
    root = np.linalg.cholesky(values["S"])
    expected = {"inv": np.linalg.inv(values["X"]).T, "cho": root.T @ root, "exp": jsl.expm(values["X"])[:, None, :]}
    found = formula(DECLARED + text).evaluate(**values)
    np.testing.assert_allclose(found, expected[text.removeprefix("Y = ")[:3]], rtol=1e-12)
