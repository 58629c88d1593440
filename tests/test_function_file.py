"""Functions in a file: from_file, and --function on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule import cli
from chainrule.derive.errors import ChainruleError

LOSSES = '''"""Losses."""
from dataclasses import dataclass

import numpy as np

import chainrule as cr
from helpers import residual


@dataclass
class Scaled:
    scale: float

    def __call__(self, x):
        return self.scale * np.sum(x)


def mse(X, y, w):
    r = residual(X, y, w)
    return np.mean(r**2)


@cr.traced(x="real[n]")
def square(x):
    return x @ x


twice = Scaled(2)
number = 3


def branch(x):
    if x > 0:
        return x
    return -x


if __name__ == "__main__":
    raise SystemExit("run as a program")
'''
DECLARATIONS = "X: real[n,d]; y: real[n]; w: real[d]"

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "losses.py").write_text(LOSSES, encoding="utf-8")
    (tmp_path / "helpers.py").write_text("def residual(X, y, w):\n    return X @ w - y\n", encoding="utf-8")
    (tmp_path / "fails.py").write_text("x = 1\nraise ValueError('no data')\n", encoding="utf-8")
    (tmp_path / "broken.py").write_text("def f(:\n", encoding="utf-8")
    (tmp_path / "leaves.py").write_text("import sys\nsys.exit(5)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "helpers", raising=False)
    return tmp_path


def test_a_function_with_declarations() -> None:
    path = list(sys.path)
    formula = cr.from_file("losses.py:mse", DECLARATIONS)
    assert formula.program == cr.formula(f"{DECLARATIONS}; r = X@w - y; mean(r^2)").program
    assert sys.path == path


def test_formulas_and_callable_objects_of_a_file() -> None:
    assert cr.from_file("losses.py:square").matrix() == cr.formula("x: real[n]; x@x").matrix()
    assert cr.from_file("losses.py:twice", "x: real[n]").matrix() == "2*sum(x)"


@pytest.mark.parametrize(
    ("source", "declarations", "message"),
    [
        ("losses.py", "", "a function in a file is named by both"),
        ("losses.py:", "", "a function in a file is named by both"),
        ("losses.py:mse.x", "", "a function in a file is named by both"),
        ("none.py:f", "", "cannot read the function from 'none.py'"),
        ("losses.py:msee", "", "losses.py has no function called msee"),
        ("losses.py:number", "", "losses.py has no function called number"),
        ("losses.py:square", "x: real[n]", "square is a formula with declarations of its own"),
        ("losses.py:mse", "X + 1", "beside a function there are only declarations"),
        ("losses.py:mse", "X: real[n", "']' is missing"),
        ("losses.py:mse", "X: real[n,d]", "the parameter y of mse is not declared"),
        ("fails.py:f", "", "fails.py fails when it is run: ValueError: no data"),
        ("broken.py:f", "", "broken.py fails when it is run: SyntaxError"),
        ("leaves.py:f", "", "leaves.py fails when it is run: SystemExit: 5"),
    ],
)
def test_mistakes(source: str, declarations: str, message: str) -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.from_file(source, declarations)
    assert message in caught.value.message


def test_a_file_that_fails_is_located() -> None:
    with pytest.raises(ChainruleError) as caught:
        cr.from_file("fails.py:f")
    assert caught.value.span is not None
    assert (Path(caught.value.span.file).name, caught.value.span.line) == ("fails.py", 2)


def run(capsys: Captured, *arguments: str) -> tuple[int, str, str]:
    code = cli.run(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_show(capsys: Captured) -> None:
    code, out, _ = run(capsys, "show", DECLARATIONS, "--function", "losses.py:mse", "--wrt", "w", "--format", "matrix")
    assert (code, out) == (0, "2/n*X.T @ r\n")


def test_compile(capsys: Captured, folder: Path) -> None:
    code, _, _ = run(capsys, "compile", "--function", "losses.py:square", "-o", "kernel.py")
    assert code == 0
    assert "def " in (folder / "kernel.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(("claim", "code"), [("2*x", 0), ("3*x", 1)])
def test_verify(capsys: Captured, claim: str, code: int) -> None:
    assert run(capsys, "verify", "--function", "losses.py:square", "--claim", claim)[0] == code


def test_refusals_name_the_file(capsys: Captured) -> None:
    code, out, err = run(capsys, "show", "x: real", "--function", "losses.py:branch", "--json")
    error = json.loads(out)["error"]
    assert (code, error["code"], error["line"]) == (2, "unsupported", 33)
    assert Path(error["file"]).name == "losses.py"
    assert "help: a choice between values is np.where" in err


def test_neither_formula_nor_function(capsys: Captured) -> None:
    assert run(capsys, "show", "--wrt", "x")[0] == 2
