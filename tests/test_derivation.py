"""Every derivation of the catalogue: each step holds on its own, leads on, and ends at the result."""

from __future__ import annotations

import itertools
import json
import pickle
import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from support import check_steps, differences

from chainrule.derive.catalog.losses import ENTRIES, Entry
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.derivation import Derivation
from chainrule.derive.errors import ChainruleError, InputError, UnknownNameError, UnsupportedError
from chainrule.derive.formula import formula
from chainrule.derive.goals import gradient, hessian, hvp, jacobian
from chainrule.derive.steps import Partial

BY_NAME = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)


def first_order(entry: Entry) -> Derivation:
    f = formula(entry.name)
    return jacobian(f) if f.shape else gradient(f)


def points(derivation: Derivation) -> Iterator[dict[str, np.ndarray]]:
    """Inputs (and directions, for products with the Hessian) drawn from their domains, at two sizes."""
    program = derivation.context
    rng = np.random.default_rng(3)
    for sizes in size_assignments(program)[:2]:
        yield sample(program.inputs, sizes, rng)


def check(derivation: Derivation) -> None:
    values = next(points(derivation))
    assert check_steps(derivation.context, derivation.steps, values) > 0
    last = {}
    for step in derivation.steps:
        if step.where in last and step.rule != "definition":
            assert last[step.where].body == step.before.body, step.where
        last[step.where] = step.after
    for result in derivation.result.values():
        assert last[result.output.name].body == result.output.body  # type: ignore[union-attr]


@BY_NAME
def test_first_derivatives(entry: Entry) -> None:
    derivation = first_order(entry)
    check(derivation)
    for values in points(derivation):
        for name, result in derivation.result.items():
            want = differences(derivation.formula.program, derivation.formula.output.name, name, values)
            np.testing.assert_allclose(result.evaluate(**values), want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("derive", [hessian, hvp])
@pytest.mark.parametrize("name", ["logistic_regression", "ridge", "softmax_regression", "kl_divergence", "chain"])
def test_second_derivatives(name: str, derive: Callable[..., Derivation]) -> None:
    check(derive(name))


@BY_NAME
def test_json_comes_back_exactly(entry: Entry) -> None:
    derivation = first_order(entry)
    text = derivation.to_json()
    assert json.loads(text)["schema"] == 1
    assert Derivation.from_json(text) == derivation


@BY_NAME
def test_every_renderer_prints_every_result_and_assumption(entry: Entry) -> None:
    derivation = first_order(entry)
    text, latex = derivation.text(), derivation.latex(document=True)
    assert latex.count("{") == latex.count("}")
    for result in derivation.result.values():
        assert result.matrix() in text
        assert result.latex() in latex
    for assumption in derivation.assumptions:
        assert assumption in text
    for item in derivation.formula.inputs:
        assert re.search(rf"^  (.*, )?{item.name}(, .*)?: {re.escape(item.domain.name)}", text, re.MULTILINE)


def test_the_checker_finds_a_wrong_step() -> None:
    derivation = gradient("logistic_regression")
    steps = list(derivation.steps)
    place = next(n for n, step in enumerate(steps) if isinstance(step.before.body, Partial))
    wrong = steps[place].after.with_body(steps[place].after.body * 1.000001)
    steps[place] = type(steps[place])(steps[place].rule, steps[place].where, steps[place].before, wrong)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_steps(derivation.context, steps, next(points(derivation)))


def test_declared_facts_are_named_and_not_differentiated() -> None:
    """sum(p) is 1 on the simplex, but its derivative by p is not 0."""
    derivation = gradient("p: simplex[k]; w: real[k]; sum(p)*sum(w*w)", "w")
    assert derivation.result["w"].matrix() == "2*w"
    assert any("p" in text and "sum to one" in text for text in derivation.assumptions)
    again = jacobian(derivation.result["w"], "p").result["p"]
    w = np.array([1.0, -2.0])
    np.testing.assert_allclose(again.evaluate(p=np.array([0.3, 0.7]), w=w), np.outer(2 * w, np.ones(2)))


def test_results_can_be_differentiated_again() -> None:
    first = gradient("mse", "w").result["w"]
    assert jacobian(first, "w").result["w"].matrix() == "2/n*X.T @ X"


@pytest.mark.parametrize(
    ("text", "wrt", "result"),
    [
        ("X: real[n,d]; y: binary[n]; w: real[d]; "
         "-mean(y*log(sigmoid(X@w)) + (1-y)*log(1-sigmoid(X@w)))", "w", "X.T @ (sigmoid(X @ w) - y) / n"),
        ("X: real[n,d]; y: pm1[n]; w: real[d]; mean(log(1 + exp(-y*(X@w))))", "w",
         "-X.T @ (y*sigmoid(-y*(X @ w))) / n"),
        ("X: real[n,d]; y: binary[n]; w: real[d]; mean(softplus(X@w) - y*(X@w))", "w",
         "X.T @ (sigmoid(X @ w) - y) / n"),
        ("X: real[n,d]; Y: simplex[n,k]; W: real[d,k]; -mean(sum(Y*log_softmax(X@W, axis=1), axis=1))", "W",
         "X.T @ (softmax(X @ W, axis=1) - Y) / n"),
        ("X: real[n,d]; y: real[n]; w: real[d]; lam: positive; mean((y - X@w)^2) + lam*norm(w)^2", "w",
         "2/n*X.T @ (X @ w - y) + 2*lam*w"),
        ("T: real[n,m]; U: real[n,k]; W: real[m,k]; norm(T - U@W.T)^2", "U", "2*(U @ W.T - T) @ W"),
        ("A: real[n,n]; x: real[n]; x @ A @ x", "x", "(A + A.T) @ x"),
        ("x: real[n]; sum((x - mean(x))^2)", "x", "2*(x - mean(x))"),
        ("s: real; g: positive; p = sigmoid(s); -(1 - p)^g*log(p)", "s", "(1 - p)**g*(g*p*log(p) + p - 1)"),
        ("s: real[n]; y: binary[n]; g: positive; p = sigmoid(s); -sum(y*(1 - p)^g*log(p) + (1 - y)*p^g*log(1 - p))",
         "s", "p**(1 + g)*(1 - y) + g*y*p*(1 - p)**g*log(p) + g*p**g*(y - 1)*(1 - p)*log(1 - p) - y*(1 - p)**(1 + g)"),
    ],
)  # fmt: skip
def test_textbook_forms(text: str, wrt: str, result: str) -> None:
    assert gradient(text, wrt).result[wrt].matrix() == result


@pytest.mark.parametrize(
    ("text", "zero"),
    [
        ("x: real[n]; sum((x - mean(x))^2)", True),
        ("X: real[n, d]; c: real[d]; sum(c*sum((X - mean(X, axis=0))^2, axis=0))", True),
        ("x: real[n]; sum((x - mean(x))^4)", False),
        ("x, y: real[n]; sum((x - mean(y))^2*x)", False),
        ("X: real[n, d]; sum((X - mean(X, axis=0))^2*sum(X, axis=1, keepdims=True))", False),
    ],
)
def test_deviations_from_a_mean_sum_to_zero(text: str, zero: bool) -> None:
    derivation = gradient(text, text[0])
    assert any(step.rule == "deviations" for step in derivation.steps) == zero
    check(derivation)
    values = next(points(derivation))
    want = differences(derivation.formula.program, derivation.formula.output.name, text[0], values)
    np.testing.assert_allclose(derivation.result[text[0]].evaluate(**values), want, rtol=1e-9, atol=1e-12)


def test_softmax_regression_from_logits_that_have_no_name() -> None:
    data = "X: real[n,d]; W: real[d,k]; b: real[k]; Y: onehot[n,k]; "
    shown = gradient(data + "-mean(sum(Y*log_softmax(X @ W + b, axis=1), axis=1))", ("W", "b")).text()
    for line in ("z   = X @ W + b ", "X.T @ (softmax(z, axis=1) - Y) / n    Put in delta",
                 "mean(softmax(z, axis=1) - Y, axis=0)    Put in delta"):  # fmt: skip
        assert line in shown


def test_the_derivative_by_a_quantity_in_between_is_put_in() -> None:
    text = "X: real[n,d]; W: real[d,k]; Y: onehot[n,k]; Z = X @ W; P = softmax(Z, axis=1); -sum(Y*log(P))"
    result = gradient(text, ("P", "Z", "W")).result
    assert [result[name].matrix() for name in ("P", "Z", "W")] == ["-Y/P", "P - Y", "X.T @ (P - Y)"]


def test_a_preactivation_has_a_name_whatever_varies_in_it() -> None:
    gate = "x, h: real[d]; W, U: real[d, d]; b: real[d]; y: pm1[d]; "
    for text in ("r = sigmoid(W @ x + U @ h + b); norm(r)^2", "sum(softplus(-y*(W @ x + U @ h + b)))"):
        shown = gradient(gate + text, "U").text()
        assert "delta = dL/dz" in shown
        assert "dL/dU" in shown
        assert "outer(delta, h)" in shown


def test_deltas_of_a_network_are_shared_by_name() -> None:
    derivation = gradient("two_layer_network")
    assert derivation.result["W1"].matrix() == "X.T @ delta1"
    assert derivation.result["b2"].matrix() == "sum(delta2, axis=0)"
    assert dict(derivation.result["W1"].parts())["delta1"] == "(1 - h1**2)*(delta2 @ W2.T)"


def test_the_logistic_hessian() -> None:
    assert hessian("logistic_regression", "w").result["w"].matrix() == "X.T @ diag(p*(1 - p)) @ X / n"


def test_blocks_of_a_hessian_are_named_by_pairs() -> None:
    derivation = hessian("simple_linear_regression")
    assert set(derivation.result) == {"w", "w,b", "b,w", "b"}
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 1.0])
    assert derivation.result["w,b"].evaluate(x=x, y=y, w=0.3, b=0.1) == pytest.approx(2 * x.mean())


def test_blocks_below_the_diagonal_of_a_hessian_are_those_above_it() -> None:
    derivation = hessian("U: real[n,k]; v: real[k]; x: real[n]; sum(tanh(U @ v - x)^2)", ("U", "v"))
    assert [step.where for step in derivation.steps if step.rule == "mixed-partials"] == ["hess_v_U"]
    values = next(points(derivation))
    above, below = (derivation.result[key].evaluate(**values) for key in ("U,v", "v,U"))
    np.testing.assert_allclose(below, np.moveaxis(above, 2, 0), rtol=1e-12)
    assert derivation.result["v,U"].matrix()
    check(derivation)


def test_a_sum_that_has_a_name_is_not_summed_again() -> None:
    text = "x: real[n]; A: {}[n,n]; exp(-x @ A @ x / 2)"
    derivation = hessian(text.format("spd"), "x")
    assert derivation.result["x"].matrix() == "L*(outer(A @ x, A @ x) - A)"
    assert len([step for step in derivation.steps if step.rule == "fold"]) == 2
    check(derivation)
    plain = hessian(text.format("real"), "x")
    assert not [step for step in plain.steps if step.rule == "symmetry"]
    check(plain)


def test_lines_in_index_notation_have_indices_on_the_left() -> None:
    text = gradient("x: real[n]; c = cumprod(x); sum(c^2)").text()
    assert "c          = cumprod(x)" in text
    assert "(dL/dx)[i] = 2 sum_j c[j] [i <= j] prod_{k != i} where(k <= j, x[k], 1)" in text


def test_a_brief_line_has_both_sides_in_one_notation() -> None:
    derivation = gradient("X: real[n, d]; w: real[d]; y: real[n]; norm(X@w - y)^2", "w")
    for form, symbol in (("both", "  dL/dw "), ("matrix", "  dL/dw "), ("index", "  (dL/dw)[j] ")):
        told = derivation.text("brief", form=form).partition("Result")[0]
        assert told.splitlines()[-2].startswith(symbol), told


@pytest.mark.parametrize("text", ["x: real[n]; sum(softplus(x)*step(x))", "x: real[n]; softmax(x) @ relu(x)", "mse"])
def test_formulas_and_derivations_can_be_pickled(text: str) -> None:
    derivation = gradient(text, None if text == "mse" else "x")
    assert pickle.loads(pickle.dumps(derivation)) == derivation


def test_no_line_is_said_twice_in_a_row() -> None:
    pairs = "X: real[n, d]; A: real[k, d]; z = X @ A.T; sum((z[:, None, :] - z[None, :, :])^2)"
    for derivation in (gradient(pairs, "A"), gradient("softmax_regression"), gradient("two_layer_network")):
        lines = [line for section in derivation.reasoning() for line in section.lines]
        for line, following in itertools.pairwise(lines):
            assert following.left or line.right.text != following.right.text


def test_reasons_name_each_quantity_once() -> None:
    text = jacobian("A: real[n, n]; x: real[n]; A@x + x", "x").text()
    assert "Differentiate L." in text
    assert "jac_x" not in text.partition("In NumPy")[0]


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: gradient("mse", "v"), UnknownNameError, "no variable called 'v'"),
        (lambda: gradient("x: real[n]; x^2", "x"), UnsupportedError, r"shape \(n,\)(.|\n)*use jacobian"),
        (lambda: gradient("x, y: real[n]; sum(x*y)"), InputError, "which variables"),
        (lambda: gradient("mse", ["w", "w"]), InputError, "twice"),
        (lambda: gradient("mse", []), InputError, "names no variable"),
        (lambda: gradient("mse", 5), InputError, "a name or several"),  # type: ignore[arg-type]
        (lambda: gradient("2 + 3"), InputError, "no variable to differentiate by"),
        (lambda: gradient("mean_sqared_eror", "w"), UnknownNameError, "mean_squared_error"),
        (lambda: Derivation.from_json('{"schema": 7}'), InputError, "schema"),
    ],
)
def test_mistakes_are_answered(call: Callable[[], object], kind: type[ChainruleError], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
