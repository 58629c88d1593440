"""Fits: against published estimates, closed forms and SciPy; every method; every mistake."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

import chainrule as cr
from chainrule.cli import run
from chainrule.derive.errors import ChainruleError, InputError, ShapeError, UnsupportedError

DATA = Path(__file__).resolve().parent.parent / "examples" / "data"
LINE = "x, y: real[n]; w, b: real; mean((w*x + b - y)^2)"
POINTS = {"x": [0.0, 1.0, 2.0, 4.0], "y": [1.0, 2.5, 5.5, 9.0]}
ORINGS = ["fit", "logistic_regression", "--data", str(DATA / "orings.csv"), "--columns", "X=temperature",
          "--columns", "y=damage", "--wrt", "w,b"]  # fmt: skip


@pytest.mark.parametrize("method", ["gradient", "momentum", "adam", "newton", "lbfgs"])
def test_every_method_finds_the_least_squares_line(method: cr.Method) -> None:
    found = cr.fit(LINE, ["w", "b"], data=POINTS, method=method, steps=5000)
    want = np.polyfit(POINTS["x"], POINTS["y"], 1)
    np.testing.assert_allclose([found.values["w"], found.values["b"]], want, atol=1e-6)
    assert found.closed is not None
    np.testing.assert_allclose([found.closed["w"], found.closed["b"]], want, atol=1e-9)
    assert found.losses[0] > found.losses[-1]


def test_the_estimates_of_the_published_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ORINGS, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["fit"]["values"]
    # Dalal, Fowlkes and Hoadley (1989), as statistics packages print it.
    np.testing.assert_allclose([values["b"], *values["w"]], [15.0429, -0.2322], atol=6e-5)


def test_a_rate_that_is_too_large_diverges_and_says_what_would_not() -> None:
    found = cr.fit(LINE, ["w", "b"], data=POINTS, method="gradient", rate=1.0)
    assert found.ending == "diverged"
    assert not found.converged
    x = np.array(POINTS["x"])
    largest = np.linalg.eigvalsh(2 * np.array([[np.mean(x**2), np.mean(x)], [np.mean(x), 1]]))[-1]
    assert found.stable_rate == pytest.approx(2 / largest)
    assert cr.fit(LINE, ["w", "b"], data=POINTS, method="gradient", rate=0.9 * found.stable_rate).converged


def test_bounds_of_domains_are_kept() -> None:
    text = "x: real[n]; a, b: nonnegative; sum((x - a + b)^2) + b"
    data = {"x": [-3.0, -1.0]}
    found = cr.fit(text, data=data)
    want = optimize.minimize(
        lambda v: sum((x - v[0] + v[1]) ** 2 for x in data["x"]) + v[1], [1, 1], bounds=[(0, None)] * 2, tol=1e-12
    )
    np.testing.assert_allclose([found.values["a"], found.values["b"]], want.x, atol=1e-5)
    assert found.values["a"] == 0
    assert found.converged


def test_a_hidden_layer_needs_a_size_and_learns_what_no_line_can() -> None:
    network = ("X: real[n, 2]; y: binary[n]; V: real[2, h]; a: real[h]; u: real[h]; c: real; "
               "z = tanh(X @ V + a) @ u + c; mean(softplus(z) - y*z)")  # fmt: skip
    data = {"X": [[0, 0], [0, 1], [1, 0], [1, 1]], "y": [0, 1, 1, 0]}
    with pytest.raises(ShapeError, match="length h"):
        cr.fit(network, data=data)
    start = {"u": np.ones(4), "a": np.array([0.5, -0.5, 0.2, -0.2])}
    first = cr.fit(network, data=data, sizes={"h": 4}, start=start, seed=1, steps=200)
    again = cr.fit(network, data=data, sizes={"h": 4}, start=start, seed=1, steps=200)
    assert first.losses[-1] < 0.01
    assert first.losses == again.losses


def test_progress_and_the_picture() -> None:
    told: list[tuple[int, float]] = []
    found = cr.fit(LINE, ["w", "b"], data=POINTS, progress=lambda step, loss: told.append((step, loss)))
    assert [loss for _, loss in told] == list(found.losses)
    assert "<svg" in found.chart().svg()
    assert "in closed form" in found.text()


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"method": "sgd"}, InputError, "no method"), ({"rate": -1.0, "method": "adam"}, InputError, "above zero"),
        ({"rate": 0.1}, InputError, "own step"), ({"steps": 0}, InputError, "at least one"),
        ({"start": {"v": 1.0}}, InputError, "no unknown"), ({"start": {"w": [1.0]}}, InputError, "another shape"),
        ({"sizes": {"m": 3}}, InputError, "length m"), ({"data": {"x": [1.0]}}, InputError, "no values for y"),
        ({"data": {**POINTS, "q": 1.0}}, InputError, "no input"),
        ({"data": {**POINTS, "w": 1.0}}, InputError, "unknown"),
        ({"data": {**POINTS, "y": [1.0, np.nan, 2.0, 3.0]}}, InputError, "not finite"),
    ],
)  # fmt: skip
def test_mistakes_are_answered(options: dict[str, object], kind: type[ChainruleError], words: str) -> None:
    with pytest.raises(kind, match=words):
        cr.fit(LINE, ["w", "b"], **{"data": POINTS, **options})  # type: ignore[arg-type]


def test_saddle_points_are_left_or_reported() -> None:
    found = cr.fit("x: real; x^4 - x^2", data={})
    assert abs(found.values["x"]) == pytest.approx(0.5**0.5)
    assert found.curvature is not None
    assert found.curvature.smallest == pytest.approx(4, rel=1e-5)
    chosen = cr.fit("x, y: real; x*y + (x*y)^2", data={}, start={"x": 0.0, "y": 0.0})
    assert (chosen.ending, chosen.converged) == ("saddle", False)
    assert "falls in some direction" in chosen.text()
    flat = cr.fit("x, y: real; (x + y - 1)^2", data={})
    assert "flat in some direction" in flat.text()


def test_a_loss_without_a_minimum_falls_without_bound() -> None:
    found = cr.fit("x: real; 1 - x^2", data={})
    assert (found.ending, found.closed, found.stable_rate) == ("diverged", None, None)
    assert "fell without bound" in found.text()


@pytest.mark.parametrize(
    ("text", "start", "words"),
    [("x: real; log(x)", {}, "not finite where"), ("x: positive; x - log(x)", {"x": -1.0}, "outside of its domain")],
)
def test_starts_that_do_not_fit_are_answered(text: str, start: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        cr.fit(text, data={}, start=start)


def test_unknowns_that_obey_equations_cannot_move() -> None:
    with pytest.raises(UnsupportedError, match="simplex"):
        cr.fit("p: simplex[k]; c: real[k]; sum(p*c)", "p", data={"c": [1.0, 2.0]})


def test_tables_give_labels_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,kind\n1,2,dog\n3,4,cat\n", encoding="utf-8")
    columns = cr.read_table(path)
    formula = cr.formula("X: real[n, d]; Y: onehot[n, k]; y: pm1[n]; W: real[d, k]; sum(Y*(X@W)) + sum(y)")
    arrays = cr.arrays_of(columns, formula.inputs, {"X": ["a", "b"], "Y": ["kind"], "y": ["kind"]})
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "X": [[1, 2], [3, 4]], "Y": [[0, 1], [1, 0]], "y": [1, -1],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "columns", "words"),
    [
        ("x,y\n1,2\n3\n", [], "line 3"), ("x\n", [], "no rows"), ("x,y\n1,two\n", [], "'two'"),
        ("x,y\n1,2\n", ["x=z"], "no column 'z'"), ("x,y\n1,2\n", ["x=x,y"], "do not make up x"),
        ("x,y\n1,2\n", ["x"], "takes a name and a value"), ("x,y\n1,2\n,3\n", [], "row 2 has no value"),
        ("x,y\n1,2\n", ["X=x"], "no input of the formula"),
    ],
)  # fmt: skip
def test_bad_tables_are_answered(
    content: str, columns: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "points.csv"
    path.write_text(content, encoding="utf-8")
    options = [part for text in columns for part in ("--columns", text)]
    assert run(["fit", LINE, "--wrt", "w,b", "--data", str(path), *options]) == 2
    assert words in capsys.readouterr().err


def test_exit_codes_and_the_picture_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--at", "x=[0, 1, 2]", "--at", "y=[1, 3, 5]"]
    picture = tmp_path / "loss.svg"
    assert run(["fit", LINE, "--wrt", "w,b", *at, "--plot", str(picture)]) == 0
    assert "<svg" in picture.read_text(encoding="utf-8")
    assert run(["fit", LINE, "--wrt", "w,b", *at, "--method", "adam", "--steps", "3"]) == 4
    assert run(["fit", LINE, "--wrt", "w,b", *at, "--method", "gradient", "--rate", "3"]) == 1
    assert "stable below" in capsys.readouterr().out
