"""Principal components: the derivations, and the numbers against scikit-learn on real data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError
from chainrule.derive.normal.equality import prove_equal
from chainrule.derive.notation.read import parse_formula
from chainrule.learning.chart import _cycle
from chainrule.learning.data_sets import data_set
from chainrule.learning.reduction import demonstrations, reconstruction, variance
from chainrule.learning.reduction.lines import slope_check

ROOT = Path(__file__).resolve().parent.parent
IRIS = ROOT / "examples" / "data" / "iris.csv"


def rows(name: str) -> np.ndarray:
    return data_set(name).features


def assert_like_scikit_learn(X: np.ndarray, k: int) -> None:
    found, known = cr.pca(X, k), PCA(k, svd_solver="full").fit(X)
    np.testing.assert_allclose(found.variances, known.explained_variance_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.ratios, known.explained_variance_ratio_, rtol=1e-9, atol=1e-12)
    kept = slice(0, min(k, found.rank))
    signs = np.sign(np.sum(found.components * known.components_, axis=1))[kept]
    np.testing.assert_allclose(found.components[kept] * signs[:, None], known.components_[kept], atol=1e-7)
    np.testing.assert_allclose(found.scores[:, kept] * signs, known.transform(X)[:, kept], atol=1e-6)
    np.testing.assert_allclose(found.rebuilt(), known.inverse_transform(known.transform(X)), atol=1e-8)


# ---- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "k"), [("iris", 2), ("iris", 4), ("wine", 3), ("breast_cancer", 5), ("digits", 10)])
def test_real_data_as_scikit_learn_has_them(name: str, k: int) -> None:
    assert_like_scikit_learn(rows(name), k)


def test_fewer_rows_than_columns() -> None:
    X = rows("digits")[:20]
    assert_like_scikit_learn(X, 19)
    assert cr.pca(X).rank == 19
    with pytest.raises(InputError, match="so many components"):
        cr.pca(X, 21)


def test_rank_deficient_rows_and_constant_columns() -> None:
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(30, 2)) @ rng.normal(size=(2, 4)), np.full(30, 0.1)])
    found = cr.pca(X)
    assert found.rank == 2
    assert found.error == pytest.approx(0, abs=1e-20)
    assert "after the first 2 have no variance" in found.text()
    assert np.all(found.components[:2, 4] == 0)
    assert_like_scikit_learn(X, 2)


def test_standardised_columns() -> None:
    X = rows("wine")
    found = cr.pca(X, 3, standardise=True)
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_allclose(found.ratios, PCA(3).fit(scaled).explained_variance_ratio_, rtol=1e-9)
    np.testing.assert_allclose(cr.pca(X, standardise=True).rebuilt(), X, rtol=1e-9)
    with pytest.raises(InputError, match="standardised: x2"):
        cr.pca([[1, 5], [2, 5], [4, 5]], standardise=True)


def test_the_largest_entry_of_a_component_is_positive() -> None:
    X = rows("wine")
    for found in (cr.pca(X), cr.pca(-X)):
        largest = np.argmax(np.abs(found.components), axis=1)
        assert (found.components[np.arange(len(largest)), largest] > 0).all()


def test_errors_are_what_is_left_out() -> None:
    X = rows("wine")
    for k in (1, 2, 6):
        found = cr.pca(X, k)
        assert found.error == pytest.approx(found.spectrum[k:].sum(), rel=1e-8)
        assert found.error == pytest.approx(np.sum((X - found.rebuilt()) ** 2) / (len(X) - 1), rel=1e-8)


def test_new_rows_are_projected() -> None:
    X = rows("iris")
    known = PCA(2).fit(X[:100])
    np.testing.assert_allclose(np.abs(cr.pca(X[:100], 2).project(X[100:])), np.abs(known.transform(X[100:])), atol=1e-9)


@pytest.mark.parametrize(
    ("X", "message"),
    [([[1, 2]], "one row"), ([[1, np.nan], [2, 3]], "row 0, column 1 is nan"), ([1, 2, 3], "one row per example"),
     ([[1, 2], [1, 2]], "all the same"), ([["a", 1], ["b", 2]], "not rows of numbers"), (np.zeros((0, 3)), "one row")],
)  # fmt: skip
def test_rows_that_do_not_fit_are_refused(X: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cr.pca(X)


@pytest.mark.parametrize("size", [1e-180, 1e200])
def test_numbers_without_variances_are_refused(size: float) -> None:
    with pytest.raises(InputError, match="out of range"):
        cr.pca(np.eye(3) * size)


def test_rows_with_other_columns_are_not_projected() -> None:
    found = cr.pca(np.eye(3))
    with pytest.raises(InputError, match="other columns"):
        found.project([[1, 2]])
    with pytest.raises(InputError, match="one row per example"):
        found.project([1, 2, 3])


def test_styles_of_many_classes_differ() -> None:
    rng = np.random.default_rng(0)
    chart = cr.pca(rng.normal(size=(60, 3)), labels=list(range(30)) * 2).chart()
    assert [series.label for series in chart.series][:12] == [str(label) for label in range(12)]
    assert len(set(_cycle(30))) == 30
    with pytest.raises(InputError, match="so many classes"):
        cr.pca(rng.normal(size=(60, 3)), labels=list(range(60))).chart()


def test_labels_fit_the_rows() -> None:
    with pytest.raises(InputError, match="every row has a label"):
        cr.pca([[1, 2], [3, 5]], labels=["a"])


# ---- the command -----------------------------------------------------------------------------------------


def test_the_command_reads_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pca", "--data", str(IRIS), "--label", "species", "--components", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["pca"]
    table = cr.read_table(IRIS)
    X = np.column_stack([np.array(table[name], float) for name in found["columns"]])
    np.testing.assert_allclose(found["variances"], PCA(2).fit(X).explained_variance_, rtol=1e-9)
    assert set(found["labels"]) == {"setosa", "versicolor", "virginica"}


@pytest.mark.parametrize("option", ["--plot", "--scree"])
def test_the_command_draws(option: str, tmp_path: Path) -> None:
    path = tmp_path / "iris.svg"
    assert run(["pca", "--data", str(IRIS), "--label", "species", option, "-o", str(path)]) == 0
    assert path.read_text().count("<svg") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "is no number"), (["--label", "kind"], "no column 'kind'"), (["--columns", "petal_length,x"], "'x'"),
        (["--label", "species", "--components", "5"], "1 to 4"),
        (["--label", "species", "--components", "0"], "1 to 4"),
        (["--label", "species", "-o", "a.svg"], "--plot"), (["--plot", "--scree"], "two pictures"),
        (["--label", "species", "--plot", "-o", "a.pdf"], ".svg or .png"),
    ],
)  # fmt: skip
def test_the_command_refuses(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pca", "--data", str(IRIS), *arguments]) != 0
    assert message in capsys.readouterr().err


def test_a_data_set_that_is_misspelt(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pca", "--data", "digit"]) == 2
    assert "digits" in capsys.readouterr().err


def test_missing_numbers_in_a_table_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("a,b\n1,2\n,3\n4,nan\n")
    assert run(["pca", "--data", str(path)]) == 2
    assert "'' in line 3 of the column a" in capsys.readouterr().err
    assert run(["pca", "--data", str(path), "--columns", "b"]) == 2
    assert "nan in line 4 of the column b is not finite" in capsys.readouterr().err


def test_every_class_has_a_style_of_its_own() -> None:
    chart = cr.pca("digits", 2).chart()
    assert [series.label for series in chart.series] == [str(digit) for digit in range(10)]
    svg = chart.svg()
    assert all(colour.lower() in svg.lower() for colour in ("#0072B2", "#6A3D9A"))


# ---- derivations -----------------------------------------------------------------------------------------

PROVED = [
    (f"{variance.DATA}; v: real[d]", "sum((X @ v - mean(X @ v))^2)/(n - 1)", "norm(A @ v)^2/(n - 1)"),
    (f"{variance.DATA}; v: real[d]", "norm(A @ v)^2/(n - 1)", "v @ S @ v"),
    (variance.UNIT, "v @ S @ v", "sum(l*c^2)"),
    (variance.ORTHOGONAL, "(S - mu*outer(u, u)) @ v", "S @ v"),
    (reconstruction.DATA, "norm(A - A @ V @ V.T)^2/(n - 1)", "trace(S) - trace(V.T @ S @ V)"),
    (reconstruction.HELD, "trace(V.T @ S @ V)", "sum(l*h)"),
    (reconstruction.HELD, "sum(h)", "k"),
]


@pytest.mark.parametrize(("declarations", "left", "right"), PROVED)
def test_lines_are_proved_by_normal_forms(declarations: str, left: str, right: str) -> None:
    a, b = (parse_formula(f"{declarations}; {side}") for side in (left, right))
    assert prove_equal(a, a.outputs[0], b, b.outputs[0], fixed=[item.name for item in a.inputs])


@pytest.mark.parametrize("derive", [variance.maximum_variance, reconstruction.smallest_error])
def test_every_line_holds(derive: object) -> None:
    explanation = derive()
    held = explanation.evidence()
    assert len(held) >= 11
    assert all(item.holds for item in held)
    unchecked = {move.left[0].text for move in explanation.moves() if move.difference is None}
    assert unchecked <= {"A", "S", "L", "c", "h", "V.T @ V"}  # definitions


def test_lines_in_latex_are_as_they_are_written() -> None:
    latex = reconstruction.smallest_error().latex()
    assert r"\operatorname{tr}\left(S\right) - \operatorname{tr}\left(V^{\top} S V\right)" in latex


def test_a_false_line_is_found() -> None:
    text = f"{variance.COVARIANCE}; {variance.LAGRANGIAN}"
    assert slope_check(text, "v", "2*S @ v - lam*v")() > 1e-3
    (part, *_) = variance.chain(f"{variance.DATA}; v: real[d]", "v @ S @ v", [("=", "v @ v", "")])
    assert part.moves[0].difference() > 1e-3


def test_a_direction_that_is_no_maximum_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(variance, "ASCENTS", 1)
    failed = {item.move.right.text for item in variance.maximum_variance().evidence() if not item.holds}
    assert {"lam*v", "lam"} <= failed
    monkeypatch.setattr(reconstruction, "STEPS", 1)
    failed = {item.move.right.text for item in reconstruction.smallest_error().evidence() if not item.holds}
    assert {"V @ M", "sum(l[:d-k])"} <= failed


def test_ascent_finds_the_components() -> None:
    rng = np.random.default_rng(3)
    S = np.cov(rows("iris"), rowvar=False)
    first = variance.climbed(S, rng)
    second = variance.climbed(S, rng, first)
    found = cr.pca(rows("iris"), 2).components
    np.testing.assert_allclose(np.abs(found @ np.stack([first, second]).T), np.eye(2), atol=1e-9)


def test_no_random_direction_varies_more() -> None:
    numbers = demonstrations.directions(1).numbers
    assert all(numbers[f"variance {k}"] > numbers[f"random {k}"] for k in range(1, 6))


def test_no_random_subspace_rebuilds_better() -> None:
    numbers = demonstrations.errors(1).numbers
    for k in demonstrations.KEPT:
        assert numbers[f"error {k}"] == pytest.approx(numbers[f"left out {k}"], rel=1e-9)
        assert numbers[f"error {k}"] < numbers[f"random {k}"]
