"""What is imported when: the command line starts without SymPy, the package without Numba."""

from __future__ import annotations

import ast
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule

HEAVY = {"sympy", "numba", "numpy", "scipy", "mpmath", "llvmlite"}


def loaded_after(program: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a program."""
    report = "\nimport sys, json\nprint(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", program + report], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_importing_the_package_imports_nothing_heavy() -> None:
    loaded = loaded_after("import chainrule as cr")
    assert "chainrule" in loaded
    assert not loaded & (HEAVY | {"click"})


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["show", "--help"], ["verify", "-h"], ["shwo"], []])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    loaded = loaded_after(f"from chainrule.cli import run\nrun({arguments!r})")
    assert "click" in loaded
    assert not loaded & HEAVY


def seconds(*arguments: str) -> float:
    """Processor seconds of the installed command, which unlike elapsed time do not depend on what runs beside."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([Path(sys.executable).with_name("chainrule"), *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_help_and_version_answer_at_once(argument: str) -> None:
    assert min(seconds(argument) for _ in range(5)) < 0.2


def test_numba_is_imported_only_for_kernels() -> None:
    symbolic = (
        "import chainrule as cr\n"
        "f = cr.formula('x: real[n]; sum(x^2)')\n"
        "cr.gradient(f, wrt='x').text()\n"
        "assert cr.verify(f, wrt='x', claim='2*x').verdict == 'proved'\n"
        "f.evaluate(x=[1.0, 2.0])\n"
        "list(cr.catalog)\n"
    )
    assert "numba" not in loaded_after(symbolic)
    assert "numba" in loaded_after(symbolic + "cr.kernel(f, wrt='x')(x=[1.0, 2.0])\n")


def test_public_names_are_listed_once_and_typed() -> None:
    tree = ast.parse(Path(chainrule.__file__).read_text(encoding="utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)]
    homes = {
        alias.name: node.module for node in typed.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert homes == chainrule._MODULES
    assert chainrule.__all__ == sorted(homes)


def test_public_names_exist() -> None:
    for name in chainrule.__all__:
        assert getattr(chainrule, name) is not None
        assert name in dir(chainrule)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'gradiant'"):
        _ = chainrule.gradiant  # type: ignore[attr-defined]
