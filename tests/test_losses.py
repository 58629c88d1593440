"""The table of losses: every fact is derived again, and every minimiser and limit is measured on its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize_scalar

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.catalog.losses import BY_NAME, ENTRIES, Entry
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.learning.losses.minimiser import P, minimiser
from chainrule.learning.losses.robustness import robustness
from chainrule.learning.losses.sample import Sample, numbers, sample

FACTS = {item.name: item for item in cr.losses()}
LOSSES = [entry for entry in ENTRIES if entry.target]
DERIVED = [*LOSSES, *(BY_NAME[name] for name in ("mse", "ridge", "entropy", "l1_penalty", "matrix_factorisation"))]
SCALAR = [entry for entry in LOSSES if sample(cr.formula(entry.name), entry.wrt[0], entry.target).body is not None]
#: Values of a target and their probabilities: not symmetric, inside every domain but those of labels.
VALUES, CHANCES = np.array([0.2, 0.7, 1.5, 4.0, 5.5]), np.array([0.1, 0.25, 0.3, 0.15, 0.2])


def of(text: str, wrt: str, target: str) -> Sample:
    return sample(cr.formula(text), wrt, target)


def of_entry(entry: Entry) -> Sample:
    return of(entry.name, entry.wrt[0], entry.target)


def risk(one: Sample, values: np.ndarray, chances: np.ndarray) -> Callable[[float], float]:
    """The expected loss, computed by the formula itself."""
    given = numbers(one)

    def expected(f: float) -> float:
        costs = [one.formula.evaluate(**given, **{one.target: value, one.prediction: f}) for value in values]
        return float(np.dot(costs, chances))

    return expected


def distribution(one: Sample, chance: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
    domain = one.input(one.target).domain
    labels = sorted(domain.values) or ([0.0, 1.0] if domain.high == 1 else [])
    if labels:
        return np.array(labels, dtype=float), np.array([1 - chance, chance])
    return (VALUES.round() if domain.integer else VALUES), CHANCES


def bounds(one: Sample) -> tuple[float, float]:
    domain = one.input(one.prediction).domain
    low = -6.0 if domain.low is None else domain.low + 1e-6
    return low, 6.0 if domain.high is None else domain.high - 1e-6


def closed(one: Sample, value: sp.Expr, values: np.ndarray, chances: np.ndarray) -> float:
    """A closed form at the moments of a distribution, or at the probability of its larger value."""
    y = one.symbol(one.target)
    given: dict[sp.Expr, float] = {P: float(chances[-1])}
    for symbol in value.free_symbols - {P}:
        moment = next(m for m in (y, y**2, sp.log(y), sp.exp(y)) if f"E[{m}]" == str(symbol))
        given[symbol] = float(np.dot([float(moment.subs(y, v)) for v in values], chances))
    return float(value.subs(given))


def excess(one: Sample, found: float, values: np.ndarray, chances: np.ndarray) -> float:
    """How much larger the expected loss is at a prediction than at its minimum."""
    expected = risk(one, values, chances)
    low, high = bounds(one)
    grid = np.linspace(low, high, 33)
    best = grid[np.argmin([expected(f) for f in grid])]
    step = grid[1] - grid[0]
    near = (max(low, best - step), min(high, best + step))
    end = minimize_scalar(expected, bounds=near, method="bounded", options={"xatol": 1e-6})
    return expected(found) - min(float(end.fun), expected(best))


@pytest.mark.parametrize("entry", DERIVED, ids=lambda entry: entry.name)
def test_the_table_is_what_is_derived(entry: Entry) -> None:
    assert cr.loss(entry.name) == FACTS[entry.name]


def test_the_table_has_every_formula() -> None:
    assert [item.name for item in cr.losses()] == [entry.name for entry in ENTRIES]


@pytest.mark.parametrize("entry", SCALAR, ids=lambda entry: entry.name)
def test_minimisers_minimise(entry: Entry) -> None:
    one = of_entry(entry)
    found = minimiser(one)
    assert found is not None
    values, chances = distribution(one)
    if found.value is not None:
        assert excess(one, closed(one, found.value, values, chances), values, chances) < 1e-7
        assert excess(one, closed(one, found.value, values, chances) + 0.3, values, chances) > 1e-3
    elif found.level is not None:
        level = float(found.level.subs({symbol: numbers(one)[str(symbol)] for symbol in found.level.free_symbols}))
        quantile = values[np.searchsorted(np.cumsum(chances), level)]
        assert excess(one, quantile, values, chances) < 1e-7
    elif found.cases is not None:
        for chance, case in ((0.3, found.cases[0]), (0.7, found.cases[1])):
            place = {"z = 1": 1.0, "z = -1": -1.0, "z > 0": 2.0, "z < 0": -2.0}[case]
            assert excess(one, place, *distribution(one, chance)) < 1e-7


@pytest.mark.parametrize("entry", [e for e in SCALAR if "centre" in FACTS[e.name].minimiser], ids=lambda e: e.name)
def test_centres_of_symmetric_distributions(entry: Entry) -> None:
    values, chances = np.array([0.0, 1.0, 2.0, 3.0, 4.0]) / 2, np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    assert excess(of_entry(entry), 1.0, values, chances) < 1e-7


def test_the_tube_of_support_vector_regression() -> None:
    """As much probability above the tube as below it."""
    one = of_entry(BY_NAME["epsilon_insensitive_loss"])
    width = numbers(one)["epsilon"]
    grid = np.linspace(0, 6, 401)
    values = np.concatenate([VALUES, VALUES + 1.1])
    expected = risk(one, values, np.full(10, 0.1))
    best = grid[np.argmin([expected(f) for f in grid])]
    assert abs(np.sum(values < best - width) - np.sum(values > best + width)) <= 1
    assert FACTS["epsilon_insensitive_loss"].minimiser == "P(y < -epsilon + yhat) = P(y > epsilon + yhat)"


@pytest.mark.parametrize("entry", SCALAR, ids=lambda entry: entry.name)
def test_limits_of_gradients_far_out(entry: Entry) -> None:
    one = of_entry(entry)
    found = robustness(one)
    assert found is not None
    slope = cr.gradient(one.formula, one.prediction).result[one.prediction]
    for where, limit in found.limits:
        place = _far(one, where)
        value = slope.evaluate(**numbers(one), **place)
        wanted = limit.subs({s: {**numbers(one), **place}[str(s)] for s in limit.free_symbols})
        assert abs(value) > 90 if wanted.is_infinite else value == pytest.approx(float(wanted), abs=2e-3)


def _far(one: Sample, where: str) -> Mapping[str, float]:
    """A point far out, or near the end of the domain."""
    name, end = where.split(" for ")[0].split(" -> ")
    limit = {"oo": 50.0, "-oo": -50.0}.get(end)
    if limit is None:
        limit = float(end) + (1e-5 if float(end) == 0 else -1e-5)
    if name == one.target:
        exact = one.input(one.target).domain.integer
        return {one.target: (round(limit) if exact else limit) * (1e3 if abs(limit) > 1 else 1), one.prediction: 0.4}
    return {one.prediction: limit, one.target: float(where.split(" = ")[1])}


def test_influence_in_words() -> None:
    words = {name: item.robustness.split()[0] for name, item in FACTS.items() if item.robustness}
    assert {name for name, word in words.items() if word == "redescending"} == {"tukey_biweight_loss", "cauchy_loss"}
    assert words["huber_loss"] == words["quantile_loss"] == words["categorical_cross_entropy"] == "bounded"
    assert words["squared_error"] == words["exponential_loss"] == words["poisson_loss"] == "unbounded"
    assert "; not classification-calibrated" in FACTS["perceptron_loss"].robustness


@pytest.mark.parametrize(
    ("text", "wrt", "target", "smallest", "link"),
    [("y, f: positive; (log(y) - log(f))^2", "f", "y", "f = exp(E[log(y)])", ""),
     ("y, f: positive; y/f - log(y/f) - 1", "f", "y", "f = E[y]", "identity"),
     ("y, f: positive; (y/f - 1)^2", "f", "y", "f = E[y^2]/E[y]", ""),
     ("t, m: real[n]; sum(exp(t - m) - (t - m) - 1)", "m", "t", "m = log(E[exp(t)])", ""),
     ("y: pm1; f: real; (1 - y*f)^2", "f", "y", "f = 2*p - 1 with p = P(y = 1)", "2*mu - 1"),
     ("y: binary; z: real; (y - sigmoid(z))^2", "z", "y", "z = log(E[y]/(1 - E[y]))", "logit"),
     ("y, f: real; 3*relu(y - f) + relu(f - y)", "f", "y", "f = the 3/4 quantile of y", ""),
     ("y, f: real; |y - f|^3", "f", "y", "E[dL/df] = 0; the centre of a symmetric distribution", "")],
)  # fmt: skip
def test_losses_of_your_own(text: str, wrt: str, target: str, smallest: str, link: str) -> None:
    one = of(text, wrt, target)
    found = cr.loss(text, wrt, target)
    assert (found.minimiser, found.link) == (smallest, link)
    derived = minimiser(one)
    assert derived is not None
    if derived.value is not None:
        values, chances = distribution(one)
        assert excess(one, closed(one, derived.value, values, chances), values, chances) < 1e-7


def test_several_classes() -> None:
    rows = np.array([0.5, 0.3, 0.2])
    logits = np.log(rows)
    slope = cr.gradient(of("categorical_cross_entropy", "Z", "Y").formula, "Z").result["Z"]
    assert np.allclose(sum(p * slope.evaluate(Z=logits, Y=np.eye(3)[n]) for n, p in enumerate(rows)), 0)
    hinge = of("multiclass_hinge_loss", "z", "y").formula
    others = np.random.default_rng(0).normal(size=(60, 3), scale=1.5)
    # Close classes get equal scores; the likeliest leads where it is far ahead.
    cases = (([0.6, 0.3, 0.1], [2, 1, 0]), ([0.45, 0.35, 0.2], [1, 1, 0]), ([0.51, 0.3, 0.19], [1, 0, 0]))
    for chances, scores in cases:
        expected = [
            sum(p * hinge.evaluate(z=z, y=np.eye(3)[n]) for n, p in enumerate(chances)) for z in (scores, *others)
        ]
        assert expected[0] <= min(expected[1:])


def test_the_table_is_printed_with_names_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "losses"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line[:1].strip()] == [entry.name for entry in ENTRIES]
    assert max(map(len, lines)) <= 120
    assert run(["list", "losses", "--brief"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(ENTRIES)
    assert run(["list", "losses", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["losses"]}
    assert rows["huber_loss"]["gradient"]["yhat"] == FACTS["huber_loss"].gradient[0][1]


def test_the_command_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["loss", "y, f: positive; y/f - log(y/f) - 1", "--wrt", "f"]) == 0
    assert "minimiser   f = E[y]" in capsys.readouterr().out
    assert run(["loss", "hinge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loss"]["name"] == "hinge_loss"
    assert run(["loss", "hinge", "--target", "t"]) == 2
    assert "t is no input of the loss" in capsys.readouterr().err


def test_mistakes_are_answered() -> None:
    with pytest.raises(InputError, match="both the prediction and the target"):
        cr.loss("y, f: real; (y - f)^2", "f", "f")
    with pytest.raises(UnsupportedError, match="joined by logsumexp"):
        cr.loss("y, f: real[n]; logsumexp(y - f)", "f", "y")
