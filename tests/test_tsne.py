"""t-SNE: the published gradient proved, similarities and maps against scikit-learn and from their definitions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.spatial.distance import cdist
from sklearn.manifold import TSNE
from sklearn.manifold import trustworthiness as known_trustworthiness

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError, LimitError
from chainrule.learning.data_sets import data_set
from chainrule.learning.reduction import demonstrations, embedding, gradient
from chainrule.learning.reduction.embedding import Embedding, divergence
from chainrule.learning.reduction.lines import slope_check
from chainrule.learning.reduction.neighbours import agreement, conditional, joint, trustworthiness

IRIS = Path(__file__).resolve().parent.parent / "examples" / "data" / "iris.csv"


@pytest.fixture(scope="module")
def digits() -> Embedding:
    return cr.tsne("digits", rows=200, steps=300, seed=4)


def divergence_by_hand(P: np.ndarray, Y: np.ndarray) -> float:
    """``sum_{i != j} p_ij log(p_ij/q_ij)`` in plain loops of NumPy."""
    weights = 1 / (1 + cdist(Y, Y) ** 2)
    off = ~np.eye(len(Y), dtype=bool)
    Q = weights / weights[off].sum()
    return float(sum(p * np.log(p / q) for p, q in zip(P[off], Q[off], strict=True) if p > 0))


# ---- the derivation --------------------------------------------------------------------------------------

OFF = "where(eye(n) == 1, 0, {})"
CLAIMS = [
    (f"{gradient.ROW}; {gradient.ENTROPY}", "beta", gradient.SLOPE),
    (gradient.BY_TOTAL, "Z", "1/Z"),
    (gradient.BY_WEIGHTS, "W", OFF.format("1/Z - P/W")),
    (gradient.BY_DISTANCES, "D", OFF.format("(P - Q)*W")),
    (gradient.BY_POINTS, "Y", gradient.SUMMED),
    (gradient.BY_POINTS, "Y", gradient.FOLDED),
    (gradient.BY_POINTS, "Y", gradient.PUBLISHED),
]


@pytest.mark.parametrize(("formula", "wrt", "claim"), CLAIMS)
def test_derivatives_are_proved(formula: str, wrt: str, claim: str) -> None:
    assert cr.verify(formula, wrt, claim).verdict == "proved"


@pytest.mark.parametrize(
    "wrong",
    [
        gradient.PUBLISHED.replace("4*", "2*"),
        gradient.PUBLISHED.replace("/(1 + norm(Y_i - Y_k)^2)", ""),
        gradient.PUBLISHED.replace(")^2)", ")^2)^2"),
        gradient.PUBLISHED.replace("P_ik", "C_ik/T"),
    ],
)
def test_wrong_forms_are_refuted(wrong: str) -> None:
    assert cr.verify(gradient.BY_POINTS, "Y", wrong).verdict == "refuted"
    assert slope_check(gradient.BY_POINTS, "Y", wrong)() > 1e-6


def test_every_line_holds_and_is_checked() -> None:
    explanation = gradient.gradient_of_tsne()
    assert all(item.holds for item in explanation.evidence())
    checked = [move for part in explanation.parts[-1:] for move in part.moves]
    assert len(checked) == 7
    assert all(move.difference is not None for move in checked)


def test_a_false_line_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient, "FOLDED", "2*Σ_k (P_ik - Q_ik)*W_ik*(Y_ij - Y_kj)")
    monkeypatch.setattr(gradient, "APART", gradient.APART.replace("+ log(Z)", "- log(Z)"))
    failed = [item.move.right.text for item in gradient.gradient_of_tsne().evidence() if not item.holds]
    assert len(failed) == 2
    assert any(text.startswith("2 sum_k W[i,k]") for text in failed)


# ---- similarities ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("perplexity", [2.5, 30, 100])
def test_rows_have_the_perplexity(perplexity: float) -> None:
    X = data_set("wine").features
    conditionals, precisions = conditional(X, perplexity)
    np.testing.assert_allclose(conditionals.sum(axis=1), 1, rtol=1e-12)
    assert not np.diag(conditionals).any()
    logarithms = np.log(conditionals, out=np.zeros_like(conditionals), where=conditionals > 0)
    np.testing.assert_allclose(np.exp(-(conditionals * logarithms).sum(axis=1)), perplexity, rtol=1e-9)
    by_definition = np.exp(-precisions[5] * (cdist(X, X)[5] ** 2))
    by_definition[5] = 0
    np.testing.assert_allclose(conditionals[5], by_definition / by_definition.sum(), rtol=1e-6, atol=1e-200)


def test_joint_similarities_are_symmetric_and_sum_to_one() -> None:
    P = joint(conditional(data_set("iris").features, 20)[0])
    np.testing.assert_array_equal(P, P.T)
    assert P.sum() == pytest.approx(1, rel=1e-12)


def test_rows_that_are_the_same() -> None:
    X = np.repeat([[0.0, 0], [1, 0], [0, 3]], 10, axis=0)
    conditionals, _ = conditional(X, 5)
    assert np.isfinite(conditionals).all()
    np.testing.assert_allclose(conditionals[0, 1:10], 1 / 9, rtol=1e-6)
    assert np.isfinite(cr.tsne(X, perplexity=5, steps=50).points).all()


# ---- maps ------------------------------------------------------------------------------------------------


def test_the_compiled_divergence_is_the_definition(digits: Embedding) -> None:
    assert digits.divergence == pytest.approx(divergence_by_hand(digits.similarities, digits.points), rel=1e-10)


def test_the_compiled_gradient_by_differences(digits: Embedding) -> None:
    P = joint(conditional(digits.data.values[:25], 5)[0])
    Y = np.random.default_rng(0).normal(size=(25, 2))
    found = divergence(P, Y)[1]
    np.testing.assert_allclose(
        found.ravel(), approx_fprime(Y.ravel(), lambda y: divergence_by_hand(P, y.reshape(-1, 2))), atol=1e-6
    )


def test_a_map_is_as_good_as_that_of_scikit_learn(digits: Embedding) -> None:
    X, P = digits.data.values, digits.similarities
    known = TSNE(init="pca", method="exact", max_iter=300, random_state=0).fit_transform(X).astype(float)
    assert digits.divergence < divergence(P, known)[0] * 1.05
    assert digits.trustworthiness() > known_trustworthiness(X, known, n_neighbors=10) - 0.02
    assert digits.agreement() > agreement(known, digits.data.labels) - 0.05


def test_scikit_learn_finds_nothing_better_nearby(digits: Embedding) -> None:
    """Its own descent, started at our map, stays there."""
    start = digits.points.astype(np.float32)
    made = TSNE(init=start, method="exact", early_exaggeration=1, max_iter=300)
    made.fit(digits.data.values)
    assert made.kl_divergence_ == pytest.approx(digits.divergence, rel=0.03)


def test_the_divergence_falls(digits: Embedding) -> None:
    values = [value for _, value in digits.divergences]
    assert values[-1] < 0.5 * values[0]
    assert digits.slope < 1e-4
    np.testing.assert_allclose(digits.points.mean(axis=0), 0, atol=1e-9)


def test_trustworthiness_as_scikit_learn_has_it(digits: Embedding) -> None:
    X = digits.data.values + np.random.default_rng(0).normal(scale=0.1, size=digits.data.values.shape)  # no ties
    for k in (1, 5, 12):
        known = known_trustworthiness(X, digits.points, n_neighbors=k)
        assert trustworthiness(X, digits.points, k) == pytest.approx(known, abs=1e-12)
    with pytest.raises(InputError, match="half of the rows"):
        trustworthiness(digits.data.values, digits.points, 100)


def test_agreement_counts_labels() -> None:
    points = np.array([[0.0], [1], [2.1], [10], [11]])
    assert agreement(points, ["a", "a", "b", "c", "c"], 1) == pytest.approx(4 / 5)


def test_other_numbers_of_coordinates() -> None:
    found = cr.tsne(data_set("iris").features[::5], 1, perplexity=5, steps=60)
    assert found.points.shape == (30, 1)
    with pytest.raises(InputError, match="in the plane"):
        found.chart()
    assert cr.tsne([[0, 1], [1, 2], [2, 3], [5, 6], [7, 8]], 3, perplexity=2, steps=20).points.shape == (5, 3)


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [(np.eye(5), {}, "counts neighbours"), (np.eye(5), {"perplexity": 1}, "counts neighbours"),
     (np.ones((6, 2)), {"perplexity": 2}, "all the same"), (np.eye(5), {"rows": 9}, "cannot be drawn"),
     (np.eye(5), {"perplexity": 2, "steps": 0}, "one step"), ([[1, np.inf], [0, 1]], {}, "is inf")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(X: object, options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        cr.tsne(X, **options)


def test_columns_without_variance_are_named() -> None:
    with pytest.raises(InputError, match="standardised: pixel_0_0"):
        cr.tsne("digits", rows=50, perplexity=5, standardise=True)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(LimitError, match="pair by pair"):
        cr.tsne(np.zeros((embedding.MOST_ROWS + 1, 2)))


# ---- the command and the demonstration -------------------------------------------------------------------


def test_the_command_maps_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tsne", "--data", str(IRIS), "--label", "species", "--steps", "200", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["tsne"]
    assert np.shape(found["points"]) == (150, 2)
    assert found["agreement"] > 0.9
    assert found["trustworthiness"] > 0.97


def test_the_command_draws(tmp_path: Path) -> None:
    path = tmp_path / "iris.png"
    arguments = ["tsne", "--data", str(IRIS), "--label", "species", "--steps", "60", "--plot", "-o", str(path)]
    assert run(arguments) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert run([*arguments[:-3], "-o", str(path)]) == 2


def test_maps_beside_each_other() -> None:
    numbers = demonstrations.maps(0).numbers
    assert numbers["t-SNE, KL"] < numbers["scikit-learn's TSNE, KL"] * 1.05
    assert numbers["t-SNE, trust"] > numbers["principal components, trust"] + 0.1
    assert numbers["t-SNE, same"] > numbers["principal components, same"] + 0.2
