"""Naive Bayes: equal to scikit-learn where it has the same classifier, to SciPy's densities where it has not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.catalog.distributions import DISTRIBUTIONS
from chainrule.derive.errors import ChainruleError
from chainrule.learning.data_sets import data_set
from chainrule.learning.naive_bayes import told
from chainrule.learning.naive_bayes.odds import linear_if_shared, log_odds
from chainrule.learning.naive_bayes.report import split
from chainrule.learning.naive_bayes.row import _density_gap
from chainrule.learning.probability.model import model

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "data"
EQUAL = {"rtol": 1e-9, "atol": 1e-12}


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_normal_features_are_those_of_scikit_learn(name: str) -> None:
    data = data_set(name)
    found, other = cr.naive_bayes(data.features, data.labels), GaussianNB().fit(data.features, data.labels)
    np.testing.assert_allclose(found.predict_proba(data.features), other.predict_proba(data.features), **EQUAL)
    np.testing.assert_allclose(found.log_posterior(data.features), other.predict_log_proba(data.features), rtol=1e-9,
                               atol=1e-9)  # fmt: skip
    assert found.predict(data.features).tolist() == other.predict(data.features).tolist()
    assert found.accuracy(data.features, data.labels) == pytest.approx(other.score(data.features, data.labels))


@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_counted_features_are_those_of_scikit_learn(alpha: float) -> None:
    data = data_set("digits")
    counts = data.features[:400]
    labels = data.labels[:400]
    levels = np.column_stack([np.unique(column, return_inverse=True)[1] for column in (counts // 6).T])
    found = cr.naive_bayes(levels, labels, "categorical", alpha=alpha)
    other = CategoricalNB(alpha=alpha).fit(levels, labels)
    np.testing.assert_allclose(found.predict_proba(levels), other.predict_proba(levels), **EQUAL)
    dark = (counts > 8).astype(int)
    found, other = cr.naive_bayes(dark, labels, "bernoulli", alpha=alpha), BernoulliNB(alpha=alpha).fit(dark, labels)
    np.testing.assert_allclose(found.predict_proba(dark), other.predict_proba(dark), **EQUAL)
    columns = {f"c{place}": counts[:, place] for place in range(64)}
    found = cr.naive_bayes(columns, labels, {tuple(columns): "multinomial"}, alpha=alpha)
    other = MultinomialNB(alpha=alpha).fit(counts, labels)
    np.testing.assert_allclose(found.predict_proba(columns), other.predict_proba(counts), rtol=1e-8, atol=1e-12)


def test_other_distributions_have_the_densities_of_scipy() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b", "c"], [80, 60, 100])
    scale = np.repeat([1.0, 2.0, 4.0], [80, 60, 100])
    X = {"wait": rng.exponential(scale), "size": rng.gamma(2 * scale, 0.5), "count": rng.poisson(scale),
         "colour": np.where(rng.random(240) < scale / 5, "red", "blue"), "level": rng.normal(scale, 1)}  # fmt: skip
    found = cr.naive_bayes(X, labels, {"wait": "exponential", "size": "gamma", "count": "poisson"},
                           variance_smoothing=0)  # fmt: skip
    scores = np.zeros((240, 3))
    for place, name in enumerate("abc"):
        mine = labels == name
        shape, _, width = stats.gamma.fit(X["size"][mine], floc=0)
        red = (np.sum(X["colour"][mine] == "red") + 1) / (mine.sum() + 2)
        scores[:, place] = (
            np.log(mine.mean()) + stats.expon.logpdf(X["wait"], scale=X["wait"][mine].mean())
            + stats.gamma.logpdf(X["size"], shape, scale=width)
            + stats.poisson.logpmf(X["count"], X["count"][mine].mean())
            + np.log(np.where(X["colour"] == "red", red, 1 - red))
            + stats.norm.logpdf(X["level"], X["level"][mine].mean(), X["level"][mine].std())
        )  # fmt: skip
    expected = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.predict_proba(X), expected, rtol=1e-5, atol=1e-9)


def test_vectors_and_distributions_of_ones_own() -> None:
    data = data_set("iris")
    pair = {"a": data.features[:, 0], "b": data.features[:, 1]}
    found = cr.naive_bayes(pair, data.labels, {("a", "b"): "multivariate_normal"})
    rows = np.column_stack(list(pair.values()))
    scores = np.column_stack([
        stats.multivariate_normal.logpdf(rows, rows[data.labels == c].mean(axis=0),
                                         np.cov(rows[data.labels == c].T, ddof=0)) for c in range(3)])  # fmt: skip
    np.testing.assert_allclose(found.log_joint(pair) - np.log(1 / 3), scores, rtol=1e-9)
    own = cr.naive_bayes(pair, data.labels, "x: positive; s: positive; log(x) - 2*log(s) - x^2/(2*s^2)")
    for c in range(3):
        size = np.sqrt(np.mean(pair["a"][data.labels == c] ** 2) / 2)
        assert own.parameters["a"][c]["s"] == pytest.approx(size)
        expected = stats.rayleigh.logpdf(pair["a"], scale=size)
        np.testing.assert_allclose(own.features[0].log_density(pair)[:, c], expected)
    known = cr.naive_bayes({"k": [0, 1, 3, 3]}, list("aabb"), "binomial(m=4)")
    assert known.parameters["k"]["b"]["p"] == pytest.approx(0.75)


def test_what_is_missing_is_left_out() -> None:
    X = {"x": [1.0, 2.0, np.nan, 5.0, 6.0, 9.0], "w": ["u", "", "v", "u", "?", "v"]}
    labels = list("aaabbb")
    found = cr.naive_bayes(X, labels)
    assert found.parameters["x"]["a"]["mu"] == pytest.approx(1.5)
    assert found.parameters["w"]["a"]["p"] == pytest.approx([0.5, 0.5])
    only = cr.naive_bayes({"x": X["x"]}, labels)
    whole, part = found.predict_proba({"x": [4.0], "w": [""]}), only.predict_proba({"x": [4.0]})
    np.testing.assert_allclose(whole, part)
    np.testing.assert_allclose(found.predict_proba({"x": [np.nan], "w": ["NA"]}), [[0.5, 0.5]])


def test_priors_and_categories_may_be_given() -> None:
    X, labels = {"w": ["u", "v", "u", "u"]}, list("aabb")
    found = cr.naive_bayes(X, labels, categories={"w": ["u", "v", "z"]}, priors={"a": 0.25, "b": 0.75})
    assert found.parameters["w"]["b"]["p"] == pytest.approx([3 / 5, 1 / 5, 1 / 5])
    np.testing.assert_allclose(found.predict_proba({"w": ["z"]}), [[0.25, 0.75]])
    np.testing.assert_allclose(cr.naive_bayes(X, labels, priors="uniform").priors, [0.5, 0.5])


def test_supports_that_depend_on_parameters() -> None:
    found = cr.naive_bayes({"x": [0.0, 2.0, 1.0, 5.0]}, list("aabb"), "uniform")
    np.testing.assert_allclose(found.predict_proba({"x": [0.5, 3.0, 1.5]}), [[1, 0], [0, 1], [2 / 3, 1 / 3]])
    with pytest.raises(ChainruleError, match="row 2 has probability zero"):
        found.predict({"x": [1.0, 7.0]})


@pytest.mark.parametrize(
    ("X", "labels", "options", "words"),
    [({"x": [1.0, 1.0, 2.0, 3.0]}, "aabb", {"variance_smoothing": 0}, "all its values in this class are the same"),
     ({"x": [1.0, 2.0, 2.0, 3.0]}, "aaab", {"variance_smoothing": 0}, "one value of it only"),
     ({"x": [1.0, 1.0, 2.0, 3.0]}, "aabb", {"features": "gamma"}, "no estimate in the class a"),
     ({"x": [-1.0, 1.0, 2.0, 3.0]}, "aabb", {"features": "exponential"}, "does not fit the exponential distribution"),
     ({"x": [np.inf, 1.0, 2.0, 3.0]}, "aabb", {}, "row 1 of the column x is infinite"),
     ({"x": [np.nan, np.nan, 2.0, 3.0]}, "aabb", {}, "the class a has no values of x"),
     ({"x": [1.0, 2.0, 3.0, 4.0]}, "aaaa", {}, "at least two classes"),
     ({"x": [1.0, 2.0, 3.0]}, "aabb", {}, "4 labels"), ({"x": [1.0, 2.0], "y": [1.0]}, "ab", {}, "different lengths"),
     ({"x": [1.0, 2.0]}, "ab", {"alpha": -1.0}, "alpha"), ({"x": [1.0, 2.0]}, "ab", {"priors": "flat"}, "uniform"),
     ({"x": [1.0, 2.0]}, "ab", {"priors": {"a": 0.3, "b": 0.3}}, "sum to one"),
     ({"x": [1.0, 2.0]}, "ab", {"features": {"z": "normal"}}, "no column 'z'"),
     ({"x": [1.0, 2.0]}, "ab", {"features": "nrmal"}, "did you mean: normal"),
     ({"x": [1.0, 2.0]}, "ab", {"features": "binomial"}, "binomial(m=..)"),
     ({"x": [1.0, 2.0]}, "ab", {"features": "multivariate_normal"}, "several columns"),
     ({"x": [0, 0, 1, 2]}, "aabb", {"features": "poisson"}, "no estimate in the class a")],
)  # fmt: skip
def test_mistakes_are_answered(X: dict[str, object], labels: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.naive_bayes(X, list(labels), **options)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_mistakes_in_new_rows_are_answered() -> None:
    found = cr.naive_bayes({"x": [1.0, 2.0, 3.0, 5.0], "w": ["u", "v", "u", "v"]}, list("aabb"))
    for X, words in [({"x": [1.0], "w": ["z"]}, "'z' of w is not known"), ({"x": [1.0]}, "no column 'w'"),
                     ({"x": ["k"], "w": ["u"]}, "'k' in the column x is no number")]:  # fmt: skip
        with pytest.raises(ChainruleError) as caught:
            found.predict(X)
        assert words in str(caught.value)
    assert found.predict([[1.0, "u"], [5.0, "v"]]).tolist() == ["a", "b"]
    mixed = cr.naive_bayes([[1, 0.0], ["u", 1.0], [None, 4.0], ["u", 7.0]], list("aabb"))
    assert mixed.features[0].categories == (1, "u")
    assert mixed.predict([["u", 6.0]]).tolist() == ["b"]
    labels = np.array([1, "a", 1, "a"], dtype=object)
    assert cr.naive_bayes({"x": [1.0, 4.0, 2.0, 6.0]}, labels).predict({"x": [1.0, 5.0]}).tolist() == [1, "a"]


# ---- the derivation ---------------------------------------------------------------------------------------


def test_every_line_of_the_derivation_holds() -> None:
    explained = told.explanation(("normal", "categorical", "gamma", "uniform"))
    held = explained.evidence()
    assert all(item.holds for item in held), [str(item.move.right.text) for item in held if not item.holds]
    text = explained.text()
    assert "= sum(y, axis=0)/sum(y)" in text
    assert "prior_hat[c] = n_c/n" in text
    assert "x*(mu_1 - mu_2)/sigma**2 + (mu_2**2 - mu_1**2)/(2*sigma**2)" in text


@pytest.mark.parametrize("entry", DISTRIBUTIONS, ids=lambda entry: entry.name)
def test_log_odds_are_differences_of_log_densities(entry: object) -> None:
    found = log_odds(model(entry))  # type: ignore[arg-type]
    assert found.difference() < 1e-9
    assert found.difference(collected=True) < 1e-9


def test_when_decisions_are_linear() -> None:
    assert not log_odds(model("normal")).linear
    assert linear_if_shared(model("normal")).shared == ("sigma",)  # type: ignore[union-attr]
    assert linear_if_shared(model("gamma")).shared == ("a",)  # type: ignore[union-attr]
    assert all(log_odds(model(name)).linear for name in ("bernoulli", "poisson", "exponential", "geometric"))
    assert linear_if_shared(model("cauchy")) is None
    assert log_odds(model("x: real; t: real; z = x - t; -z^2/2 - log(2*pi)/2")).difference() < 1e-9


def test_planted_faults_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(log_odds(model("log_normal")), program=log_odds(model("normal")).program)
    assert wrong.difference() > 1e-3
    monkeypatch.setattr(told, "_scores", lambda: -told._world()[2])
    assert told._log_gap() > 1e-3
    assert told._normaliser_gap() > 1e-3
    assert told._decision_gap() > 1e-3


def test_why_a_row_is_taken_for_its_class() -> None:
    X = {"wait": [0.2, 0.9, 3.1, 5.0], "colour": ["red", "red", "blue", "red"], "hits": [1, 0, 4, 3]}
    found = cr.naive_bayes(X, list("aabb"), {"wait": "exponential", "hits": "binomial(m=5)"})
    for row in ({"wait": [1.0], "colour": ["blue"], "hits": [2]}, {"wait": [np.nan], "colour": [""], "hits": [2]}):
        explained = found.explain(row)
        assert all(item.holds for item in explained.evidence())
        assert f"{found.predict_proba(row)[0, 1]:.6g}" in explained.parts[-1].moves[-1].right.text
    assert explained.remarks == ("Not observed, and left out: wait, colour.",)
    with pytest.raises(ChainruleError, match="one row"):
        found.explain(X)
    uniform = cr.naive_bayes({"x": [0.0, 2.0, 1.0, 5.0]}, list("aabb"), "uniform").explain({"x": [4.0]})
    assert all(item.holds for item in uniform.evidence())
    assert uniform.title.text == "The most probable class: b"


def test_a_wrong_density_of_a_row_is_found() -> None:
    found = cr.naive_bayes({"x": [1.0, 2.0, 4.0, 7.0]}, list("aabb"))
    data = {"x": np.array([3.0])}
    term = float(found.features[0].log_density(data)[0, 0])
    assert _density_gap(found.features[0], 0, data, term) < 1e-12
    assert _density_gap(found.features[0], 1, data, term) > 1e-3


# ---- tables and the command line --------------------------------------------------------------------------


def test_rows_are_held_out_class_by_class() -> None:
    labels = np.array(["a"] * 10 + ["b"] * 20 + ["c"])
    kept, held = split(labels, 0.3, 0)
    assert sorted([*kept, *held]) == list(range(31))
    assert {name: int(np.sum(labels[held] == name)) for name in "abc"} == {"a": 3, "b": 6, "c": 0}
    assert split(labels, 0.3, 0)[1].tolist() == held.tolist() != split(labels, 0.3, 1)[1].tolist()


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = ["naive-bayes", "--data", str(EXAMPLES / "iris.csv"), "--target", "species"]
    assert run([*base, "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["held_out"] == 45
    assert np.trace(data["confusion"]) / 45 == pytest.approx(data["accuracy"])
    assert data["accuracy"] > 0.85
    assert run([*base, "--feature", "petal_width=gamma", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "petal_width   a" in out
    assert "true \\ predicted" in out
    assert run([*base, "--columns", "petal_width", "--explain", "--format", "text"]) == 0
    assert "With the same sigma in both classes" in capsys.readouterr().out
    table = tmp_path / "table.csv"
    table.write_text("colour,length,kind\nred,1.5,a\nred,,a\nblue,2.5,b\n?,3.5,b\nblue,4,b\ngreen,1,a\nred,2,\n")
    assert run(["naive-bayes", "--data", str(table), "--target", "kind", "--holdout", "0"]) == 0
    assert "p(green)" in capsys.readouterr().out
    assert run([*base, "--row", "71", "--check", "--format", "text"]) == 0
    assert "p(versicolor | x)" in capsys.readouterr().out
    for wrong in ([*base, "--row", "151"], [*base, "--row", "1", "--explain"],
                  [*base, "--check"], [*base, "--feature", "petal_width"],
                  [*base, "--feature", "petal=gamma"],
                  [*base[:-1], "kind"], [*base, "--columns", "petal"], ["naive-bayes", "--target", "x"]):  # fmt: skip
        assert run(wrong) == 2
