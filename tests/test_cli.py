"""The command line: answers, exit codes, the JSON envelope, mistakes and hostile input."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from chainrule import cli
from chainrule.commands import answers, arguments
from chainrule.derive.errors import LimitError

SCRIPT = str(Path(sys.executable).with_name("chainrule"))
SQUARE = "x: real[n]; sum(x^2)"

Captured = pytest.CaptureFixture[str]


def chainrule(capsys: Captured, *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command line, run in this process."""
    code = cli.run(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def answer(capsys: Captured, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and JSON object of a command line with ``--json``."""
    code, out, _ = chainrule(capsys, *arguments, "--json")
    data = json.loads(out)
    assert data["schema"] == 1
    assert data["ok"] == (code == 0)
    assert ("error" in data) == (code not in (0, 1, 3))
    return code, data


def process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    """The installed command in a process of its own."""
    return subprocess.run([SCRIPT, *arguments], capture_output=True, check=False, timeout=120, **options)


# ---- answers ------------------------------------------------------------------------------------


def test_show_prints_the_derivation(capsys: Captured) -> None:
    code, out, err = chainrule(capsys, "show", SQUARE, "--wrt", "x")
    assert (code, err) == (0, "")
    assert "2*x" in out
    assert out.endswith("\n")
    assert not out.endswith("\n\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["mse", "--format", "matrix"], "2/n*X.T @ (X @ w - y)\n"),
        (["two_layer_network", "--wrt", "W1,b1", "--format", "matrix"], "delta1 = "),
        (["logistic_regression", "--format", "matrix"], "d/dw: X.T @ (p - y) / n\nd/db: "),
        ([SQUARE, "--hessian", "--format", "matrix"], "2*eye(n)"),
        ([SQUARE, "--hvp", "--format", "matrix"], "2*v_x"),
        (["x: real[n]; x^2", "--jacobian", "--format", "matrix"], "2*diag(x)\n"),
        (["x: real[n]; x^2", "--format", "matrix"], "2*diag(x)\n"),
        (["mse", "--format", "index"], "sum_"),
        (["two_layer_network", "--format", "index"], "delta2[i,m] = 2 (z2[i,m] - Y[i,m])/n"),
        (["mse", "--format", "numpy"], "return"),
        (["mse", "--format", "latex"], r"\frac"),
    ],
)
def test_show_forms(capsys: Captured, arguments: list[str], expected: str) -> None:
    code, out, _ = chainrule(capsys, "show", *arguments)
    assert code == 0
    assert expected in out


def test_show_json_is_the_derivation(capsys: Captured) -> None:
    code, data = answer(capsys, "show", SQUARE, "--wrt", "x")
    assert code == 0
    assert data["derivation"]["result"]["x"]["matrix"] == "2*x"
    assert data["derivation"]["steps"]


@pytest.mark.parametrize("wrt", [["--wrt", "w,b"], ["--wrt", "w", "--wrt", "b"], ["--wrt", "w b"]])
def test_several_variables(capsys: Captured, wrt: list[str]) -> None:
    _, data = answer(capsys, "show", "logistic_regression", *wrt)
    assert list(data["derivation"]["result"]) == ["w", "b"]


@pytest.mark.parametrize("arguments", [["-exp(x)"], ["--", "-x"], ["--wrt", "x", "-log(x)"], ["-h*x^2"], ["-o*x"]])
def test_formula_may_begin_with_a_minus(capsys: Captured, arguments: list[str]) -> None:
    wrt = [] if "--wrt" in arguments else ["--wrt", "x"]
    code, out, err = chainrule(capsys, "show", *wrt, *arguments)
    assert (code, err) == (0, "")
    assert "Usage" not in out


def test_formula_from_file_and_standard_input(capsys: Captured, tmp_path: Path) -> None:
    (tmp_path / "loss.txt").write_text("\ufeffλ: real\nx: real[n]\nλ*sum(x²)\n", encoding="utf-8")
    code, out, _ = chainrule(capsys, "show", f"@{tmp_path / 'loss.txt'}", "--wrt", "x", "--format", "matrix")
    assert (code, out) == (0, "2*λ*x\n")
    run = process("show", "-", "--wrt", "x", "--format", "matrix", input="λ, x: real; λ*x²".encode())
    assert (run.returncode, run.stdout.decode(), run.stderr) == (0, "2*λ*x\n", b"")


def test_solve_prints_the_solution_in_every_format(capsys: Captured) -> None:
    arguments = ("solve", "ridge", "--wrt", "w")
    code, text, err = chainrule(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "Gradient set to zero" in text
    assert chainrule(capsys, *arguments, "--format", "matrix")[1] == "inv(X.T @ X + n*lam*eye(d)) @ X.T @ y\n"
    assert chainrule(capsys, *arguments, "--format", "index")[1].startswith("sum_")
    assert "np.linalg.solve(X.T @ X" in chainrule(capsys, *arguments, "--format", "numpy")[1]
    assert r"\frac{\partial L}{\partial w} = 0" in chainrule(capsys, *arguments, "--format", "latex")[1]


def test_solve_labels_several_unknowns(capsys: Captured) -> None:
    code, out, _ = chainrule(capsys, "solve", "linear_regression", "--format", "matrix")
    first, second = out.splitlines()
    assert code == 0
    assert first.startswith("w: inv(")
    assert second == "b: mean(y - X @ w)"


def test_solve_as_json(capsys: Captured) -> None:
    code, data = answer(capsys, "solve", "mse", "--wrt", "w")
    found = data["stationary"]
    assert code == 0
    assert found["solution"]["w"]["matrix"] == "inv(X.T @ X) @ X.T @ y"
    assert (found["kind"], len(found["equations"]), len(found["conditions"])) == ("minimum", 3, 1)


def test_solve_without_a_closed_form(capsys: Captured) -> None:
    code, out, err = chainrule(capsys, "solve", "logistic_regression", "--wrt", "w")
    assert (code, out) == (3, "")
    assert "no closed form by this method: a term of the gradient is not linear in w" in err
    code, out, _ = chainrule(capsys, "solve", "logistic_regression", "--wrt", "w", "--json")
    data = json.loads(out)
    assert (code, data["ok"], data["error"]["code"]) == (3, False, "no-closed-form")
    assert data["error"]["found"] == "X.T @ sigmoid(X @ w + b)"


def test_compile_writes_a_module_that_stands_alone(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "square.py"
    code, out, err = chainrule(capsys, "compile", SQUARE, "--wrt", "x", "-o", str(path))
    assert (code, out) == (0, "")
    assert str(path) in err
    assert "chainrule" not in re.findall(r"^(?:import|from) (\w+)", path.read_text(encoding="utf-8"), flags=re.M)
    code, out, err = chainrule(capsys, "compile", SQUARE, "--wrt", "x")
    assert (code, out, err) == (0, path.read_text(encoding="utf-8"), "")


@pytest.mark.parametrize(
    ("claim", "code", "verdicts"),
    [
        ("-(2/n) * X.T @ (y - X@w)", 0, {"proved"}),
        ("2/n * (X.T @ X @ w - X.T @ y)", 0, {"proved", "agrees"}),
        ("(2/n) * X.T @ (y - X@w)", 1, {"refuted"}),
    ],
)
def test_verify_exit_codes(capsys: Captured, claim: str, code: int, verdicts: set[str]) -> None:
    found, data = answer(capsys, "verify", "mse", "--wrt", "w", "--claim", claim)
    assert found == code
    assert data["verdict"] in verdicts
    found, out, err = chainrule(capsys, "verify", "mse", "--wrt", "w", "--claim", claim)
    assert (found, err) == (code, "")
    assert out.split()[0].strip(":,.") in verdicts


def test_a_shown_result_is_a_claim_that_holds(capsys: Captured) -> None:
    for formula, wrt in (("mse", "w"), ("two_layer_network", "W1"), ("softmax_regression", "W")):
        _, shown, _ = chainrule(capsys, "show", formula, "--wrt", wrt, "--format", "matrix")
        code, out, _ = chainrule(capsys, "verify", formula, "--wrt", wrt, "--claim", shown)
        assert (code, out.split(":")[0]) == (0, "proved"), shown


def test_one_claim_for_each_variable(capsys: Captured) -> None:
    claims = ["--claim", "-(2/n) * sum(x * (y - y_pred))", "--claim", "-(2/n) * sum(y - y_pred)"]
    code, data = answer(capsys, "verify", "simple_linear_regression", "--wrt", "w,b", *claims)
    assert (code, data["verdict"], list(data["parts"])) == (0, "proved", ["w", "b"])
    code, data = answer(capsys, "verify", "simple_linear_regression", "--wrt", "b,w", *claims)
    assert (code, data["verdict"]) == (1, "refuted")


def test_a_claimed_hessian(capsys: Captured) -> None:
    assert answer(capsys, "verify", "mse", "--hessian", "--claim", "2/n * X.T @ X")[0] == 0
    assert answer(capsys, "verify", "mse", "--hessian", "--claim", "X.T @ X")[0] == 1


def test_claimed_blocks_of_a_hessian(capsys: Captured) -> None:
    formula = "u: real[n]; v: real[d]; A: real[n, d]; u @ A @ v + sum(u^2)"
    blocks = ["--block", "u,v", "--block", "u", "--claim", "A"]
    code, data = answer(capsys, "verify", formula, *blocks, "--claim", "2*eye(n)")
    assert (code, data["verdict"], list(data["parts"])) == (0, "proved", ["u", "u,v"])
    assert data["exceptions"] == ["no block by v was claimed"]
    code, data = answer(capsys, "verify", formula, *blocks, "--claim", "eye(n)")
    assert (code, data["parts"]["u"]["mistake"]) == (1, "the claim is 1/2 times the derivative")
    code, data = answer(capsys, "verify", formula, "--block", "u,v", "--claim", "A", "--claim", "A")
    assert (code, data["error"]["message"]) == (2, "each block needs one claim")


def test_claims_over_the_entries_of_a_triangle(capsys: Captured) -> None:
    call = ["verify", "X: spd[n, n]; logdet(X)", "--claim", "2*inv(X) - diag(diag(inv(X)))"]
    assert answer(capsys, *call, "--symmetric")[0] == 0
    code, data = answer(capsys, *call)
    assert (code, "symmetric=True" in data["mistake"]) == (1, True)


def test_refutation_comes_with_a_witness(capsys: Captured) -> None:
    code, data = answer(capsys, "verify", SQUARE, "--claim", "x")
    assert code == 1
    assert data["witness"]


def test_list(capsys: Captured) -> None:
    _, data = answer(capsys, "list")
    assert set(data) == {"schema", "ok", "losses", "functions", "distributions", "topics"}
    assert {"mse", "logistic_regression"} <= {entry["name"] for entry in data["losses"]}
    assert {"sigmoid", "softmax"} <= {entry["name"] for entry in data["functions"]}
    for topic in ("losses", "functions", "distributions", "topics"):
        code, out, err = chainrule(capsys, "list", topic)
        assert (code, err) == (0, "")
        # What is known of an entry stands under it, indented.
        lines = [line for line in out.splitlines() if line[:1].strip()]
        for entry, line in zip(data[topic], lines, strict=True):
            assert line.startswith(entry["name"])
            assert line.endswith(entry["about"])


@pytest.mark.parametrize("command", [cli.cli, *cli.cli.commands.values()], ids=lambda command: command.name)
def test_examples_of_the_help_run(
    capsys: Captured, command: arguments.Command | arguments.Group, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(Path(__file__).resolve().parent.parent / "examples")
    monkeypatch.chdir(tmp_path)
    assert command.examples
    for example in command.examples:
        words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', example)]
        code, _, err = chainrule(capsys, *words[1:])
        assert code == (1 if "--claim x" in " ".join(words) else 0), err


# ---- pictures -----------------------------------------------------------------------------------


def test_graph_is_drawn_in_the_format_of_the_file(capsys: Captured, tmp_path: Path) -> None:
    for form, start in (("svg", "<svg"), ("dot", "digraph")):
        file = tmp_path / f"mse.{form}"
        code, out, err = chainrule(capsys, "graph", "mse", "--wrt", "w", "-o", str(file))
        assert (code, out, err) == (0, "", f"wrote {file}\n")
        assert file.read_text(encoding="utf-8").startswith(start)
        assert chainrule(capsys, "graph", "mse", "--wrt", "w", "--format", form)[1] == file.read_text(encoding="utf-8")
    assert chainrule(capsys, "graph", "mse")[1].startswith("L = mean((y - z)**2)\n├─ y: real[n]\n")


def test_graph_takes_values_from_the_command_line_and_from_files(capsys: Captured, tmp_path: Path) -> None:
    file = tmp_path / "data.npz"
    np.savez(file, X=np.eye(2), y=np.array([1.0, 3.0]))
    _, data = answer(capsys, "graph", "mse", "--wrt", "w", "--at", str(file), "--at", "w=[0, 1]")
    nodes = {node["name"]: node for node in data["graph"]["nodes"]}
    assert nodes["L"]["value"]["mean"] == 2.5
    assert nodes["w"]["slope"]["norm"] == pytest.approx(5**0.5)


def test_plot_writes_pictures_and_text(capsys: Captured, tmp_path: Path) -> None:
    for form, start in (("svg", b"<?xml"), ("png", b"\x89PNG")):
        file = tmp_path / f"curve.{form}"
        command = ("plot", "x: real; s: real; s*x*abs(x)", "--x", "x", "--at", "s=2", "--from", "-2", "-o", str(file))
        assert chainrule(capsys, *command) == (0, "", f"wrote {file}\n")
        assert file.read_bytes().startswith(start)
    code, out, _ = chainrule(capsys, "plot", "x: real; abs(x)", "--tangent-at", "-1", "--derivatives", "1")
    assert code == 0
    assert "kink at x = 0" in out
    assert "slope -1" in out
    _, data = answer(capsys, "plot", "x: real; y: real; x^2 + y^2", "--x", "x", "--y", "y", "--y-from", "-1")
    assert data["plot"]["surface"]["y"][0] == -1
    assert data["plot"]["surface"]["stationary"] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("graph", "mse", "--at", "w=[1, oops]"), "the value of w is no number and no list"),
        (("graph", "mse", "--at", "w=" + "[" * 3000), "the value of w is no number and no list"),
        (("graph", "mse", "--at", "no_such_file.npz"), "cannot read values from 'no_such_file.npz'"),
        (("graph", "mse", "--at", __file__), "cannot read values from"),
        (("graph", "mse", "-o", "no_such_folder/graph.svg"), "cannot write 'no_such_folder/graph.svg'"),
        (("graph", "mse", "--at", "w=[1]"), "no value is given for 'X' and 'y'"),
        (("plot", "mse"), "which input goes along the axis?"),
        (("plot", "x: real; x", "--format", "png"), "a png picture goes to a file"),
        (("plot", "x: real; y: real; x*y", "--x", "x", "--y", "y"), "drawn as svg or png, not as text"),
        (("plot", "x: real; x", "--from", "5"), "from a smaller to a larger number"),
    ],
)
def test_mistakes_in_pictures(capsys: Captured, arguments: tuple[str, ...], message: str) -> None:
    code, out, err = chainrule(capsys, *arguments)
    assert (code, out) == (2, "")
    assert message in err


# ---- mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["shwo"], ["No such command 'shwo'", "show"]),
        (["show", "--wrtt", "x"], ["No such option '--wrtt'", "--wrt"]),
        (["show"], ["Missing argument 'FORMULA'", "chainrule show --help"]),
        (["show", SQUARE, "--wrt", "z"], ["z", "x"]),
        (["show", "x: real[n]; sum(x^)", "--wrt", "x"], ["line 1, column 19", "^"]),
        (["show", "x: real[n]; sgmoid(x)", "--jacobian"], ["sgmoid", "did you mean: sigmoid"]),
        (["show", "x: reel[n]; sum(x)"], ["reel", "real"]),
        (["show", "msee", "--wrt", "w"], ["msee"]),
        (["show", SQUARE, "--format", "docx"], ["docx", "latex"]),
        (["show", "x: real[n]; x^2", "--wrt", "x", "--gradient"], ["scalar", "jacobian"]),
        (["show", "x: real; 0^x", "--wrt", "x"], ["no derivative anywhere"]),
        (["verify", "x: real; 0^x", "--wrt", "x", "--claim", "0"], ["no derivative anywhere"]),
        (["show", ""], ["formula"]),
        (["show", "@missing.txt"], ["cannot read the formula from 'missing.txt'", "No such file"]),
        (["show", "@."], ["cannot read the formula from '.'", "directory"]),
        (["show", "@"], ["cannot read the formula"]),
        (["show", "@a\0b"], ["cannot read the formula"]),
        (["verify", SQUARE, "--wrt", "x"], ["Missing option '--claim'"]),
        (["verify", SQUARE, "--wrt", "x", "--claim", "x +"], ["line 1, column"]),
        (["verify", "ridge", "--wrt", "w,lam", "--claim", "x"], ["each variable needs one claim", "w, lam", "1 claim"]),
        (["verify", SQUARE, "--claim", "x", "--claim", "x"], ["each variable needs one claim", "2 claims"]),
        (["verify", "-", "--claim", "-"], ["only one of the formula and the claims"]),
        (["compile", SQUARE, "--wrt", "x", "--dtype", "float16"], ["float16", "float32"]),
        (["compile", SQUARE, "--wrt", "x", "-o", "."], ["cannot write '.'"]),
        (["compile", SQUARE, "--wrt", "x", "-o", "no/such/folder.py"], ["cannot write 'no/such/folder.py'"]),
        (["compile", SQUARE, "--wrt", "x", "--order", "3"], ["order"]),
        (["list", "moments"], ["moments", "losses, functions"]),
        (["list", "loses"], ["did you mean: losses"]),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) and len(value) > 1 else "",
)
def test_mistakes_are_explained(
    capsys: Captured, arguments: list[str], messages: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = chainrule(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "Traceback" not in err
    for message in messages:
        assert message in err
    code, data = answer(capsys, *arguments)
    assert code == 2
    assert data["error"]["message"]
    assert list(tmp_path.iterdir()) == []


def test_error_places_are_in_the_json(capsys: Captured) -> None:
    _, data = answer(capsys, "show", "x: real[n]\nsum(sgmoid(x))")
    error = data["error"]
    assert (error["line"], error["column"], error["end_column"]) == (2, 5, 11)
    assert (error["code"], error["did_you_mean"][0]) == ("unknown-name", "sigmoid")


def test_bare_call_shows_help(capsys: Captured) -> None:
    code, out, err = chainrule(capsys)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: chainrule")
    assert "Examples:" in err


@pytest.mark.parametrize("command", ["", *cli.cli.commands])
def test_help_leads_with_examples_and_has_a_short_form(capsys: Captured, command: str) -> None:
    words = [command] if command else []
    code, out, _ = chainrule(capsys, *words, "-h")
    assert code == 0
    assert 0 < out.index("Examples:") < out.index("Options:")
    assert (0, out, "") == chainrule(capsys, *words, "--help")


DEGENERATE = [
    *("x: real; x", "x: real; 1", "x, y: real; y", "x: real[n]; x[0]"),
    *("x: simplex[n]; sum(x)", "x: real; 1e300*1e300*x"),
]


@pytest.mark.parametrize("formula", DEGENERATE)
@pytest.mark.parametrize("arguments", [["show"], ["show", "--hessian"], ["show", "--hvp"], ["compile"]], ids=" ".join)
def test_degenerate_formulas_have_answers(capsys: Captured, formula: str, arguments: list[str]) -> None:
    code, out, err = chainrule(capsys, *arguments, formula, "--wrt", "x")
    assert (code, err) == (0, "")
    assert out


# ---- limits and hostile input -------------------------------------------------------------------


@pytest.mark.parametrize(
    "formula",
    ["(" * 1000 + "x" + ")" * 1000, "-" * 3000 + "x", "x" + "+x" * 3000, "x" * 5000, "9" * 41 + "*x"],
    ids=["parentheses", "minus", "sum", "name", "digits"],
)
def test_limits_are_named(capsys: Captured, formula: str, tmp_path: Path) -> None:
    path = tmp_path / "formula.txt"
    path.write_text(formula, encoding="utf-8")
    code, out, err = chainrule(capsys, "show", f"@{path}", "--wrt", "x")
    assert (code, out) == (LimitError.exit_code, "")
    assert "Traceback" not in err
    assert re.search(r"\d+", err)


def test_endless_input_is_not_read_to_the_end(capsys: Captured) -> None:
    code, _, err = chainrule(capsys, "show", "@/dev/zero")
    assert code == LimitError.exit_code
    assert str(arguments.MAX_BYTES) in err


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('touch planted')",
        "open('planted', 'w')",
        "(lambda: 1)()",
        "x.__class__",
        "exec(x)",
        "print(x)",
        "f'{x}'",
        "x; import os",
        "9**9**9**9",
        "x\u202ey",
        "x\0y",
        "\ud800",
        "λ" * 70,
        "1e999999999",
        "\\input{x}",
        "0x10",
        "x[",
    ],
)
def test_hostile_text_is_refused_or_just_a_formula(
    capsys: Captured, formula: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    code, _, err = chainrule(capsys, "show", formula, "--wrt", "x")
    assert code in (0, 2, 4)
    assert "Traceback" not in err
    assert "\u202e" not in err
    assert time.process_time() - start < 20
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_no_text() -> None:
    run = process("show", "-", input=b"x: real; \xff\xfe")
    assert run.returncode == 2
    assert b"standard input is not UTF-8 text: byte 9" in run.stderr
    run = process("show", b"x: real; \xff")  # type: ignore[arg-type]
    assert run.returncode == 2
    assert b"Traceback" not in run.stderr


def test_output_survives_a_narrow_encoding() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    run = process("show", "λ, x: real; λ*x²", "--wrt", "x", "--format", "matrix", env=environment)
    assert (run.returncode, run.stdout) == (0, b"2*\\u03bb*x\n")


def test_reader_that_goes_away() -> None:
    command = f'"{SCRIPT}" list functions | true; exit ${{PIPESTATUS[0]}}'
    run = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    assert run.stderr == b""
    assert run.returncode in (0, 141)
    full = subprocess.run(["bash", "-c", f'"{SCRIPT}" --help > /dev/full'], capture_output=True, check=False)
    assert full.returncode == 2
    assert full.stderr.startswith(b"error: the answer: No space left")


def test_interrupt() -> None:
    # A shell lets what it starts in the background ignore the signal; the command must not inherit that.
    heed = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", heed, SCRIPT, "show", "-"]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(2.0)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert b"Traceback" not in err


def test_internal_errors_say_how_to_report(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: str, __: str) -> str:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(arguments, "read_text", fail)
    code, data = answer(capsys, "show", SQUARE)
    assert (code, data["error"]["code"]) == (101, "internal")
    code, _, err = chainrule(capsys, "show", SQUARE)
    assert "ZeroDivisionError: planted" in err
    assert "CHAINRULE_DEBUG=1" in err
    assert "Traceback" not in err
    monkeypatch.setenv("CHAINRULE_DEBUG", "1")
    code, _, err = chainrule(capsys, "show", SQUARE)
    assert code == 101
    assert "Traceback" in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RecursionError(), 4),
        (MemoryError(), 4),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (LimitError("more than 3 things"), 4),
    ],
)
def test_exit_codes_of_errors(error: BaseException, code: int) -> None:
    assert answers.explain(error)[0] == code


# ---- colour -------------------------------------------------------------------------------------


def on_a_terminal(environment: dict[str, str]) -> str:
    """What the command prints to a terminal on a mistake."""
    master, slave = pty.openpty()
    run = subprocess.Popen([SCRIPT, "shwo"], stdout=slave, stderr=slave, env={**os.environ, **environment})
    run.wait(timeout=60)
    os.close(slave)
    printed = os.read(master, 10000).decode()
    os.close(master)
    return printed


def test_colour_only_where_it_is_wanted() -> None:
    assert "\x1b[" in on_a_terminal({"TERM": "xterm", "NO_COLOR": ""})
    assert "\x1b[" not in on_a_terminal({"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b[" not in on_a_terminal({"TERM": "dumb", "NO_COLOR": ""})
    assert b"\x1b[" not in process("shwo").stderr
