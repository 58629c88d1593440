"""Bayes' theorem for finite tables: exact, step by step, and clear about mistakes."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError

TEST = {"positive": {"ill": "0.99", "not ill": "0.05"}}


def test_the_base_rate_decides() -> None:
    found = cr.bayes({"ill": "1%"}, TEST)
    assert found.posterior == {"ill": Fraction(1, 6), "not ill": Fraction(5, 6)}
    assert found.evidence == Fraction(99 + 495, 10_000)
    assert all(held.holds for held in found.explanation.evidence())
    assert "1/6" in found.explanation.text()


def test_several_pieces_of_evidence_are_one_table() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        names = [f"h{number}" for number in range(rng.integers(2, 6))]
        weights = [int(number) for number in rng.integers(1, 50, len(names))]
        prior = {name: Fraction(weight, sum(weights)) for name, weight in zip(names, weights, strict=True)}
        pieces = [(f"e{k}", {name: Fraction(int(rng.integers(1, 99)), 100) for name in names}) for k in range(3)]
        whole = {name: prior[name] * np.prod([table[name] for _, table in pieces]) for name in names}
        found = cr.bayes(prior, pieces)
        assert found.evidence == sum(whole.values())
        assert found.posterior == {name: value / sum(whole.values()) for name, value in whole.items()}
        assert all(held.holds for held in found.explanation.evidence())


def test_frequencies_in_a_simulation_agree() -> None:
    rng = np.random.default_rng(0)
    ill = rng.random(400_000) < 0.1
    positive = rng.random(400_000) < np.where(ill, 0.9, 0.2)
    found = cr.bayes({"ill": 0.1}, {"positive": {"ill": 0.9, "not ill": 0.2}})
    assert float(found.posterior["ill"]) == pytest.approx(ill[positive].mean(), abs=5e-3)


@pytest.mark.parametrize(
    ("prior", "evidence", "words"),
    [({"a": 0.5, "b": 0.4}, {"e": {"a": 1, "b": 1}}, "9/10"), ({"a": 1.5}, {"e": {}}, "no probability"),
     ({"a": "x"}, {"e": {}}, "no probability"), ({"a": "1/0"}, {"e": {}}, "no probability"), ({}, {}, "no hypotheses"),
     ({"a": 0.5}, {}, "no evidence"), ({"a": 0.5}, {"e": {"a": 1}}, "not a"),
     ({"a": 0.5}, {"e": {"a": 1, "not b": 1}}, "did you mean: not a"),
     ({"a": 0.5}, {"e": {"a": 0, "not a": 0}}, "impossible"), ({"a|b": 0.5}, {"e": {}}, "letters"),
     ({"a": -0.5}, {"e": {}}, "no probability"), ({"a": float("nan")}, {"e": {}}, "no probability")],
)  # fmt: skip
def test_mistakes_are_answered(prior: dict[str, object], evidence: dict[str, object], words: str) -> None:
    with pytest.raises(InputError) as caught:
        cr.bayes(prior, evidence)  # type: ignore[arg-type]
    assert words in str(caught.value)


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    base = ["bayes", "--prior", "ill=0.01", "--evidence", "positive: ill=0.99, not ill=0.05"]
    assert run([*base, "--check"]) == 0
    assert "P(ill | positive)" in capsys.readouterr().out
    assert run([*base, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["posterior"]["ill"]["fraction"] == "1/6"
    assert run(["bayes", "--prior", "ill", "--evidence", "positive: ill=1"]) == 2
    assert run(["bayes", "--prior", "ill=1/2", "--evidence", "ill=1"]) == 2
    assert run(["bayes", "--prior", "a=1/2,a=1/2", "--evidence", "e: a=1"]) == 2
    assert "twice" in capsys.readouterr().err
