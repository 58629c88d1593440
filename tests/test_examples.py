"""The demo runs and its checks hold; the data sets are what their README says."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def rows(name: str) -> list[dict[str, str]]:
    with (EXAMPLES / "data" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_demo() -> None:
    run = subprocess.run([sys.executable, EXAMPLES / "demo.py"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    for line in ("X.T @ (p - y) / n", "proved: ", "refuted: ", "both agree with the published fit: yes"):
        assert line in run.stdout
    assert run.stderr == ""


def test_digits(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "digits.py", tmp_path / "picture.svg"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "delta2 = (softmax(z2, axis=1) - Y)/n" in run.stdout
    assert ": proved" in run.stdout
    ours, at_t, theirs = (line.split() for line in run.stdout.splitlines()[-3:])
    assert float(ours[1]) > 0.95
    assert float(ours[1]) > float(theirs[1]) - 0.02
    assert float(at_t[4]) == float(ours[1])
    assert "<svg" in (tmp_path / "picture.svg").read_text(encoding="utf-8")


def test_orings() -> None:
    table = rows("orings.csv")
    assert len(table) == 23
    assert sum(int(row["damage"]) for row in table) == 7
    assert {row["temperature"] for row in table if row["damage"] == "1"} == {"53", "57", "58", "63", "70", "75"}


def test_iris_has_the_values_of_fisher() -> None:
    table = rows("iris.csv")
    assert Counter(row["species"] for row in table) == {"setosa": 50, "versicolor": 50, "virginica": 50}
    assert list(table[34].values())[:4] == ["4.9", "3.1", "1.5", "0.2"]
    assert list(table[37].values())[:4] == ["4.9", "3.6", "1.4", "0.1"]
    lengths = [float(row["petal_length"]) for row in table if row["species"] == "virginica"]
    assert abs(sum(lengths) / 50 - 5.552) < 1e-9
