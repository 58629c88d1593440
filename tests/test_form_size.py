"""Printed derivatives are as short as the published closed forms, by their number of operations."""

from __future__ import annotations

import statistics

import pytest
from closed_forms import CASES
from form_size import MEDIAN, WORST, operations, ratio, sizes

import chainrule as cr


@pytest.fixture(scope="module")
def ratios() -> dict[str, float]:
    return {f"{case.name} {case.derivative}": ratio(*sizes(case)[1:]) for case in CASES}


def test_half_of_the_results_are_no_longer_than_published(ratios) -> None:
    assert statistics.median(ratios.values()) <= MEDIAN


def test_no_result_is_much_longer_than_published(ratios) -> None:
    assert {name: value for name, value in ratios.items() if value > WORST} == {}


@pytest.mark.parametrize(("text", "count"), [
    ("x", 0), ("-2", 0), ("-x", 1), ("X.T @ y", 2), ("sum(x, axis=0)", 1), ("2*x[0]", 2), ("where(x > 0, x, 0)", 2),
])  # fmt: skip
def test_operations_are_counted(text, count) -> None:
    assert operations(text, ["x", "y", "X"]) == count


def test_gaussian_densities_cancel() -> None:
    """Hull, Options, Futures and Other Derivatives: delta, vega, gamma."""
    declared = "S, K, r, s, T: positive; u = (log(S/K) + (r + s**2/2)*T)/(s*sqrt(T)); "
    value = declared + "S*normcdf(u) - K*exp(-r*T)*normcdf(u - s*sqrt(T))"
    assert cr.gradient(value, "S").result["S"].matrix() == "normcdf(u)"
    assert cr.gradient(value, "s").result["s"].matrix() == "K*sqrt(T)*exp(-r*T)*normpdf(u - s*sqrt(T))"
    assert cr.hessian(value, "S").result["S"].matrix() == "normpdf(u)/(S*s*sqrt(T))"


@pytest.mark.parametrize(("formula", "wanted"), [
    ("X: spd[n, n]; logdet(X)", "2*inv(X) - diag(diag(inv(X)))"),
    ("X: symmetric[n, n]; A: real[n, n]; trace(A @ X)", "A + A.T - diag(diag(A))"),
    ("X: symmetric[n, n]; trace(X @ X)", "4*X - 2*diag(diag(X))"),
])  # fmt: skip
def test_gradients_over_the_independent_entries(formula, wanted) -> None:
    """Matrix Cookbook, eq. 138 to 141."""
    derivation = cr.gradient(formula, "X", symmetric=True)
    assert derivation.result["X"].matrix() == wanted
    assert "on and below the diagonal of X count as independent" in derivation.text()
    assert cr.Derivation.from_json(derivation.to_json()).text() == derivation.text()
    assert "All entries of X count as independent" in cr.gradient(formula, "X").text()


def test_independent_entries_are_for_symmetric_variables() -> None:
    with pytest.raises(cr.ChainruleError, match="for variables that are declared symmetric"):
        cr.gradient("X: real[n, n]; trace(X)", "X", symmetric=True)


def test_results_name_what_they_would_repeat() -> None:
    attention = ("X: real[n, d]; Q, K, V, C: real[d, d]; Y: real[n, d]; A = softmax((X@Q)@(X@K).T/sqrt(d), axis=1); "
                 "sum((tanh(A@(X@V) + X@C) - Y)**2)")  # fmt: skip
    result = cr.gradient(attention, "Q").result["Q"]
    assert [name for name, _ in result.parts()] == ["A", "A_bar"]
    assert result.matrix() == "X.T @ (A*(A_bar - sum(A*A_bar, axis=1, keepdims=True))) @ X @ K / sqrt(d)"


@pytest.mark.parametrize(("body", "wanted"), [
    ("relu(x)**2", "2*relu(x)"),
    ("minimum(abs(x), t)*(abs(x) - 0.5*minimum(abs(x), t))", "minimum(maximum(x, -t), t)"),
    ("maximum(x, a)**2", "2*x*step(x - a)"),
])  # fmt: skip
def test_one_case_for_several(body, wanted) -> None:
    assert cr.gradient(f"x, a: real; t: positive; {body}", "x").result["x"].matrix() == wanted


def test_a_program_of_many_layers_is_read_and_its_gradient_has_named_deltas() -> None:
    """The text is longer than one statement may be; the definitions grow linearly with the layers."""
    def network(depth: int) -> str:
        weights = ", ".join(f"weights_of_layer_{n}" for n in range(depth))
        layers = "; ".join(f"h{n + 1} = tanh(h{n} @ weights_of_layer_{n})" for n in range(depth))
        return f"h0: real[n, d]; Y: real[n, d]; {weights}: real[d, d]; {layers}; mean((h{depth} - Y)^2)"

    assert len(network(120)) > 4096
    counts = []
    for depth in (30, 60, 120):
        formula = cr.formula(network(depth))
        found = cr.gradient(formula, [item.name for item in formula.inputs[2:]])
        counts.append(len(found.context.definitions) / depth)
    assert max(counts) / min(counts) < 1.1


@pytest.mark.parametrize(("formula", "wanted"), [
    ("X: real[n, m]; sum(std(X, axis=1))", "(X - mean(X, axis=1, keepdims=True))/std(X, axis=1, keepdims=True)/m"),
    ("X: real[n, n]; sum(sqrt(mean((X - mean(X, axis=1))**2, axis=1)))", None),
])  # fmt: skip
def test_standard_deviations_by_name(formula, wanted) -> None:
    """A mean over rows that is subtracted from columns makes no standard deviation."""
    result = cr.gradient(formula, "X").result["X"]
    assert result.matrix() == wanted if wanted else "std" not in result.matrix()
