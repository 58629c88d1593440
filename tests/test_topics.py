"""Topics: each one is derived, printed in every format, and holds line by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import InputError
from chainrule.derive.render.page import Shown
from chainrule.learning.chart import Chart, Series
from chainrule.learning.explanation import Explanation, Move, Part

BY_TOPIC = pytest.mark.parametrize("topic", cr.topics, ids=lambda topic: topic.name)


@BY_TOPIC
def test_a_topic_is_printed_and_holds(topic: cr.Topic, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", topic.name, "--check", "--format", "text"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 5
    assert run(["explain", topic.name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["explanation"]


@BY_TOPIC
def test_a_topic_has_every_format(topic: cr.Topic) -> None:
    printed = cr.explain(topic.name)
    assert r"\begin{document}" in printed.latex(document=True)
    assert "<math" in printed.html()
    assert printed.markdown()


@BY_TOPIC
def test_pictures_are_drawn_and_demonstrations_come_again(topic: cr.Topic) -> None:
    if topic.plot:
        assert "<svg" in topic.plot().svg()
    if topic.run:
        assert topic.run(3) == topic.run(3)


def test_topics_are_listed_by_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topics"]) == 0
    out = capsys.readouterr().out
    assert all(topic.name in out and topic.section in out for topic in cr.topics)
    assert len({topic.name for topic in cr.topics}) == len(cr.topics)


def test_a_line_that_does_not_hold_is_a_defect() -> None:
    def moves(difference: float) -> Explanation:
        move = Move(Shown("2", "2"), (Shown("1 + 1", "1 + 1"),), ("Addition.",), lambda: difference)
        return Explanation(Shown("A sum", "A sum"), (Part("Derivation", (move,)),))

    assert [held.holds for held in moves(0.0).evidence()] == [True]
    assert [held.holds for held in moves(1e-3).evidence()] == [False]
    assert "1 + 1 = 2" in moves(0.0).text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["explain", "rigde"], "did you mean: ridge?"), (["explain", "affine_variance", "--plot"], "has no picture"),
     (["explain", "least_squares", "--run"], "has no demonstration"),
     (["explain", "ridge", "--run", "--plot"], "ask for one")],
)  # fmt: skip
def test_mistakes_are_answered(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert words in capsys.readouterr().err


def test_unknown_topics_are_input_errors() -> None:
    with pytest.raises(InputError, match="no topic"):
        cr.explain("alchemy")


def test_charts_are_drawn_and_saved(tmp_path: Path) -> None:
    error = Series("error", (0.0, 1.0, 2.0), (4.0, 1.0, 3.0))
    spread = Series("spread", (0.0, 1.0), (2.0, 2.0), "band", (1.0, 1.0))
    chart = Chart("Error by degree", "degree", "error", (error, spread))
    assert "<svg" in chart.svg()
    chart.save(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError):
        chart.save(tmp_path / "chart.gif")
