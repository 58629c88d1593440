"""Matrix notation: what is printed is what a reader expects, and never wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from random_programs import SIZES, programs, values_of
from sympy import Integer

from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.notation.syntax import Node
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, bound_index, dim, free_index
from chainrule.derive.scalar import less, where

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


def test_entries_outside_the_array_have_no_matrix_form() -> None:
    """A shifted entry that only a condition keeps inside the array is no slice."""
    n, x = dim("n"), Input("x", (dim("n"),))
    body = where(less(0, free_index(0)), x[(free_index(0) - 1,)], Integer(0))
    assert matrix_form(Program((x,), (Definition("z", (n,), body),), ("z",)), "z") is None


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
