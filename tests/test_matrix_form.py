"""Matrix notation: what is printed is what a reader expects, and never wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from random_programs import SIZES, programs, values_of
from sympy import Integer

from chainrule.derive.calculus import derivative_program
from chainrule.derive.forms.inlining import written_in
from chainrule.derive.forms.layout import NoMatrixForm
from chainrule.derive.forms.matrix_form import Writer, matrix_form
from chainrule.derive.goals import gradient, jacobian
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, bound_index, dim, free_index
from chainrule.derive.scalar import less, where
from chainrule.derive.verify import verify

REGRESSION = {"X": "real[n, d]", "y": "real[n]", "w": "real[d]", "b": "real", "lam": "positive"}
SQUARE = {"A": "real[n, n]", "B": "real[n, n]", "C": "real[n, n]", "x": "real[n]", "v": "real[n]", "s": "real"}
FACTORS = {"U": "real[n, k]", "W": "real[m, k]", "T": "real[n, m]", "u": "real[n, 1]", "r": "real[n]", "c": "real[m]"}
LAYER = {"X": "real[n, d]", "W": "real[d, k]", "b": "real[k]", "Y": "real[n, k]", "r": "real[n]", "q": "real[k]"}

#: Declarations, a formula, and how it is printed.
FORMS: list[tuple[dict[str, str], str, str]] = [
    # regression
    (REGRESSION, "p = sigmoid(X@w + b); einsum('ij,i->j', X, p - y)/n", "X.T @ (p - y)/n"),
    (REGRESSION, "p = sigmoid(X@w + b); -einsum('ij,i->j', X, y - p)/n", "X.T @ (p - y)/n"),
    (REGRESSION, "p = sigmoid(X@w + b); mean(p - y)", "mean(p - y)"),
    (REGRESSION, "p = sigmoid(X@w); einsum('ij,i,ik->jk', X, p*(1 - p), X)/n", "X.T @ diag(p*(1 - p)) @ X/n"),
    (REGRESSION, "-2*einsum('ij,i->j', X, y - X@w)/n + 2*lam*w", "2/n*X.T @ (X @ w - y) + 2*lam*w"),
    (REGRESSION, "mean((y - X@w - b)^2) + lam*norm(w)^2", "mean((y - X @ w - b)**2) + lam*norm(w)**2"),
    (REGRESSION, "p = sigmoid(X@w); -mean((1 - y)*log(1 - p) + y*log(p))", "-mean(y*log(p) + (1 - y)*log(1 - p))"),
    # layers
    (LAYER, "softmax(X@W + b, axis=1)", "softmax(X @ W + b, axis=1)"),
    (LAYER, "log(softmax(X@W, axis=1))", "log_softmax(X @ W, axis=1)"),
    (LAYER, "log_softmax(X@W, axis=0)", "log_softmax(X @ W, axis=0)"),
    (LAYER, "softmax(X@q_)", "softmax(X @ q_)"),
    (LAYER, "L = logsumexp(W, axis=1); exp(W - L[:, None])", "softmax(W, axis=1)"),
    (LAYER, "X.T @ (softmax(X@W + b, axis=1) - Y)/n", "X.T @ (softmax(X @ W + b, axis=1) - Y)/n"),
    (LAYER, "mean(X@W - Y, axis=0)", "mean(X @ W - Y, axis=0)"),
    (LAYER, "X.T @ (outer(r, q)*(1 - tanh(X@W)^2))", "X.T @ (outer(r, q)*(1 - tanh(X @ W)**2))"),
    (LAYER, "Y*(Y - sum(Y, axis=1, keepdims=True))", "Y*(Y - sum(Y, axis=1, keepdims=True))"),
    (LAYER, "Y/norm(Y, axis=1, keepdims=True)", "Y/norm(Y, axis=1, keepdims=True)"),
    # factors
    (FACTORS, "2*(U@W.T - T)@W", "2*(U @ W.T - T) @ W"),
    (FACTORS, "2*(W@U.T - T.T)@U", "2*(U @ W.T - T).T @ U"),
    (FACTORS, "norm(U@W.T - T)^2", "norm(U @ W.T - T)**2"),
    (FACTORS, "sum(T*(U@W.T))", "sum(U*(T @ W))"),
    (FACTORS, "sum(T*(u - c)^2)", "sum(T*(u - c)**2)"),
    (FACTORS, "2*sum(T*(u - c), axis=1, keepdims=True)", "2*sum(T*(u - c), axis=1, keepdims=True)"),
    (FACTORS, "outer(r, c)", "outer(r, c)"),
    (FACTORS, "einsum('i,ij->ij', r, T)", "diag(r) @ T"),
    (FACTORS, "einsum('j,ij->ij', c, T)", "T*c"),
    (FACTORS, "T @ ones(m)", "sum(T, axis=1)"),
    (FACTORS, "r*sum(c)*ones(n)", "sum(c)*r"),
    (FACTORS, "einsum('ia,ja,ka->ijk', T, T, T)", "einsum('il,jl,kl->ijk', T, T, T)"),
    (REGRESSION, "2*lam*X.T@(X@w) + 2*lam*w", "2*lam*(X.T @ X @ w + w)"),
    (REGRESSION, "2*X - 2*mean(X, axis=0)", "2*(X - mean(X, axis=0))"),
    (SQUARE, "2*s*(A@x)", "2*s*A @ x"),
    # responsibilities of a mixture
    (FACTORS, "exp(-(r[:, None] - c)^2 - logsumexp(log(abs(c)) - (r[:, None] - c)^2, axis=1)[:, None])*abs(c)",
     "softmax(log(abs(c)) - (r[:, None] - c)**2, axis=1)"),
    # square matrices
    (SQUARE, "x@A@x", "x @ A @ x"),
    (SQUARE, "A@x + A.T@x", "(A + A.T) @ x"),
    (SQUARE, "trace(A)", "trace(A)"),
    (SQUARE, "trace(A@B@C)", "trace(A @ B @ C)"),
    (SQUARE, "trace(A@B)", "trace(A @ B)"),
    (SQUARE, "A.T@B.T@C.T", "(C @ B @ A).T"),
    (SQUARE, "A.T@C.T@B@A.T", "A.T @ C.T @ B @ A.T"),
    (SQUARE, "diag(A@B)", "sum(A*B.T, axis=1)"),
    (SQUARE, "diag(x)@A", "diag(x) @ A"),
    (SQUARE, "diag(x) - outer(x, x)", "diag(x) - outer(x, x)"),
    (SQUARE, "einsum('i,ij->ij', x, eye(n) - outer(ones(n), x))", "diag(x) - outer(x, x)"),
    (SQUARE, "s*eye(n)", "s*eye(n)"),
    (SQUARE, "-diag(1/x)", "-diag(1/x)"),
    (SQUARE, "A[0]*x[1]", "x[1]*A[0]"),
    (SQUARE, "x[1:]", "x[1:]"),
    (SQUARE, "max(A, axis=1)", "max(A, axis=1)"),
    (SQUARE, "x/norm(x)", "x/norm(x)"),
    (SQUARE, "0.1*x + v/3", "0.1*x + v/3"),
    (SQUARE, "s*ones(n)", "s*ones(n)"),
    (SQUARE, "0*x", "zeros(n)"),
    (SQUARE, "outer(x, ones(n))", "outer(x, ones(n))"),
    (SQUARE, "exp(-s^2/2)/sqrt(2*pi)", "exp(-s**2/2)/sqrt(2*pi)"),
    (SQUARE, "where(x > s, x, 0)", "where(x > s, x, 0)"),
    (SQUARE, "einsum('ij,k->ijk', eye(n), x)", "einsum('ij,k->ijk', eye(n), x)"),
]  # fmt: skip


def read(declarations: dict[str, str], text: str) -> Program:
    return parse_formula(text, {**declarations, "q_": "real[d]"} if "q_" in text else declarations)


def assert_reads_back(program: Program, name: str, node: Node) -> None:
    """The printed text has the definition's shape and value, at two sizes."""
    text = unparse(node)
    assert parse_expression(text) == node, text
    back = parse_formula(text, scope=program)
    assert back.output.shape == program.by_name[name].shape, text
    for sizes in SIZES:
        values = values_of(program, {**sizes, "d": 3}, seed=1)
        with np.errstate(all="ignore"):
            expected = evaluate(program, values)[name]
            found = evaluate(back, values)[back.output.name]
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=text)


@pytest.mark.parametrize(("declarations", "text", "expected"), FORMS, ids=[row[1] for row in FORMS])
def test_prints_what_people_write(declarations: dict[str, str], text: str, expected: str) -> None:
    program = read(declarations, text)
    node = matrix_form(program, program.output.name)
    assert node is not None
    assert unparse(node) == unparse(parse_expression(expected))
    assert_reads_back(program, program.output.name, node)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_programs_read_back(program: Program) -> None:
    for definition in program.definitions:
        node = matrix_form(program, definition.name)
        if node is not None:
            assert_reads_back(program, definition.name, node)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_most_random_programs_have_a_matrix_form(program: Program) -> None:
    """A form is missing only where three axes or shifted entries are involved."""
    for definition in program.definitions:
        if len(definition.shape) + len(definition.bound) <= 1 and not definition.body.has(where):
            assert matrix_form(program, definition.name) is not None, definition


def test_inputs_print_as_their_names() -> None:
    program = parse_formula("x: real[n]; x")
    assert matrix_form(program, "x") == parse_expression("x")


def test_a_shifted_entry_that_a_condition_keeps_inside_the_array_is_padding() -> None:
    n, x = dim("n"), Input("x", (dim("n"),))
    body = where(less(0, free_index(0)), x[(free_index(0) - 1,)], Integer(0))
    form = matrix_form(Program((x,), (Definition("z", (n,), body),), ("z",)), "z")
    assert form is not None
    assert unparse(form) == "pad(x[:n - 1], (1, 0))"


#: Formulas with one variable, and how a gradient with comparisons of indices in it is printed.
MASKED = [
    ("x: real[n]; sum((x[1:] - x[:-1])^2)", "2*(pad(x[:n - 1] - x[1:], (0, 1)) + pad(x[1:] - x[:n - 1], (1, 0)))"),
    ("x: real[n]; sum((x[2:] - x[1:-1])*x[:-2])",
     "pad(x[:n - 2], (2, 0)) + pad(x[2:] - x[1:n - 1], (0, 2)) - pad(x[:n - 2], (1, 1))"),
    ("X: real[n, d]; norm(X[1:, :-1])^2", "2*pad(X[1:, :d - 1], ((1, 0), (0, 1)))"),
    ("x: real[n]; g: real[n]; sum(g*cumsum(x))", "flip(cumsum(flip(g)))"),
    ("X: real[n, d]; G: real[n, d]; sum(G*cumsum(X, axis=1))", "flip(cumsum(flip(G, axis=1), axis=1), axis=1)"),
    ("A: real[n, n]; B: real[n, n]; sum(tril(A)*B)", "tril(B)"),
    ("A: real[n, n]; x: real[n]; sum((tril(A, -1) @ x)^2)", "2*tril(outer(tril(A, -1) @ x, x), -1)"),
    ("A: real[n, n]; logdet(tril(A))", "tril(inv(tril(A)).T)"),
    ("A: real[n, d]; B: real[m, d]; C: real[k, d]; norm(concat(A, B) @ C.T)^2", "2*A @ C.T @ C"),
    ("A: real[n, n]; B: real[n, n]; trace(B @ expm(A))",
     "expm(concat(concat(A, B).T, pad(A.T, ((0, 0), (n, 0)))))[:n, n:]"),
    ("E: real[v, d]; y: integer[n]; W: real[n, d]; sum(E[y]*W)", "onehot(y, v).T @ W"),
    ("W: real[d, k]; E: real[v, d]; y: integer[n]; G: real[n, k]; sum((E[y] @ W)*G)", "E[y].T @ G"),
    ("Z: real[n, k]; y: integer[n]; -mean(log_softmax(Z, axis=1)[arange(n), y])",
     "(softmax(Z, axis=1) - onehot(y, k))/n"),
    ("Z: real[n, k]; y: integer[n]; -mean(log_softmax(Z, axis=1)[:, y])",
     "softmax(Z, axis=1)/n - sum(onehot(y, k), axis=0)/n**2"),
    ("x: real[n]; prod(x)", "prod(where(eye(n) == 1, 1, x), axis=1)"),
]


@pytest.mark.parametrize(("formula", "printed"), MASKED)
def test_comparisons_of_indices_are_functions_that_readers_know(formula: str, printed: str) -> None:
    name = formula.partition(":")[0]
    assert gradient(formula, name).result[name].matrix() == printed
    assert verify(formula, name, printed).verdict in ("proved", "agrees")


@pytest.mark.parametrize(("formula", "printed"), [
    ("x: real[n]; x[1:] - x[:-1]", "eye(n - 1, n, k=1) - eye(n - 1, n)"),
    ("x: real[n]; cumsum(x)", "tril(ones((n, n)))"),
])  # fmt: skip
def test_unit_matrices_with_ones_beside_the_diagonal(formula: str, printed: str) -> None:
    assert jacobian(formula, "x").result["x"].matrix() == printed
    assert verify(formula, "x", printed).verdict in ("proved", "agrees")


def test_the_letters_of_a_result_stand_in_the_order_in_which_they_are_read() -> None:
    result = jacobian("x: real[n]; x[1:] - x[:-1]", "x").result["x"]
    assert result.index() == "[i == j - 1] - delta[i,j]"
    assert verify("x: real[n]; x[1:] - x[:-1]", "x", result.index()).verdict in ("proved", "agrees")


def test_cumulative_products_have_their_name() -> None:
    program = parse_formula("X: real[n, d]; cumprod(exp(X), axis=1)")
    form = matrix_form(program, program.output.name)
    assert form is not None
    assert unparse(form) == "cumprod(exp(X), axis=1)"


def test_three_axes_without_a_product_have_no_matrix_form() -> None:
    n, x = dim("n"), Input("x", (dim("n"),))
    i, j, k = free_index(0), bound_index(0), bound_index(1)
    body = abs(x[(i,)] - x[(j,)] * x[(k,)])
    program = Program((x,), (Definition("z", (n,), body, "max", (n, n)),), ("z",))
    assert matrix_form(program, "z") is None


def test_nameless_parts_are_written_in_and_named_ones_are_not() -> None:
    program = parse_formula("X: real[n, d]; w: real[d]; y: real[n]; r = X@w - y; norm(r)^2")
    assert unparse(matrix_form(program, program.output.name) or parse_expression("0")) == "norm(r)**2"
    nameless = parse_formula("X: real[n, d]; w: real[d]; y: real[n]; norm(X@w - y)^2")
    assert unparse(matrix_form(nameless, nameless.output.name) or parse_expression("0")) == "norm(X @ w - y)**2"


def test_a_unit_matrix_inside_a_condition_is_not_resolved_for_ever() -> None:
    formula = parse_formula("A: symmetric[n,n]; C: real[n,n]; V = eigvectors(A); sum((V@C)^3)")
    program = derivative_program(formula, ["A"])
    gradient_of_a = program.by_name["grad_A"]
    assert isinstance(gradient_of_a, Definition)
    with pytest.raises(NoMatrixForm):
        Writer(program, written_in, readable=True).definition(gradient_of_a)


def test_too_long_forms_are_left_out() -> None:
    """Nameless parts that are used again and again would fill pages; the printer gives up."""
    x = Input("x", (dim("n"),))
    definitions = [Definition("h0", (dim("n"),), 1 + x[(free_index(0),)] ** 2)]
    for number in range(1, 16):
        inner = definitions[-1][(free_index(0),)]
        definitions.append(Definition(f"h{number}", (dim("n"),), 1 / (inner + 1) + inner**2))
    program = Program((x,), tuple(definitions), ("h15",))
    assert matrix_form(program, "h15") is None


def test_symmetric_inputs_are_not_transposed() -> None:
    program = parse_formula("A: spd[n, n]; x: real[n]; A.T@x + A@x")
    assert unparse(matrix_form(program, program.output.name) or parse_expression("0")) == "2*A @ x"
