"""The NumPy lines at the end of a derivation compute what it derives, as they are printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import linalg, special

from chainrule.derive.catalog.losses import ENTRIES, Entry
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.derivation import Derivation
from chainrule.derive.formula import formula as formula_of
from chainrule.derive.goals import GOALS, gradient, jacobian
from chainrule.derive.numeric import evaluate

FILES = sorted((Path(__file__).parent / "derivations").glob("*.txt"))

FORMULAS = [
    ("x: positive; x^x", "x"),
    ("p: unit[n]; y: binary[n]; -mean(y*log(p) + (1 - y)*log(1 - p))", "p"),
    ("z: real[k]; p = softmax(z); -sum(p*log(p))", "z"),
    ("y, m: real[n]; K: spd[n, n]; s: positive; y@inv(K + s*eye(n))@y + logdet(K + s*eye(n))", "s,y"),
    ("y: real[m]; H: real[m, n]; x: real[n]; R: spd[m, m]; (y - H@x)@inv(R)@(y - H@x)", "x"),
    ("X: real[n, d]; w: real[d]; y: real[n]; mean(maximum(0, X@w) - y*abs(X@w))", "w"),
]  # fmt: skip


def assert_lines(derivation: Derivation) -> None:
    """The printed lines give the values of the results at a point of the domain, for two sizes."""
    program = derivation._program()
    code = next(section.code for section in derivation.page().sections if section.code)
    rng = np.random.default_rng(0)
    for sizes in size_assignments(program):
        values = sample(program.inputs, sizes, rng)
        space = {"np": np, "special": special, "linalg": linalg, **values}
        exec(compile(code, "<page>", "exec"), space)
        wanted = evaluate(program, values)
        for name in program.outputs:
            np.testing.assert_allclose(space[name], wanted[name], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_derivations(path: Path) -> None:
    head = path.read_text(encoding="utf-8").partition("\n\n")[0]
    settings = dict(line.split(": ", 1) for line in head.splitlines())
    view = {"view": settings["view"]} if "view" in settings else {}
    assert_lines(GOALS[settings.get("goal", "gradient")](settings["formula"], settings["wrt"], **view))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_losses(entry: Entry) -> None:
    formula = formula_of(entry.text)
    assert_lines((gradient if not formula.shape else jacobian)(formula, entry.wrt))


@pytest.mark.parametrize(("text", "names"), FORMULAS)
def test_without_guards(text: str, names: str) -> None:
    derivation = gradient(text, names)
    assert_lines(derivation)
    code = next(section.code for section in derivation.page().sections if section.code)
    assert not any(word in code for word in ("where", "errstate", "times", "einsum", "broadcast", ".T @ y"))
