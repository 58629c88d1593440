"""What is installed: the import name, the files of the wheel, the declared dependencies."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import chainrule

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def package_files() -> list[Path]:
    """Every Python file of the package, relative to the root."""
    inner = [path for folder in ("commands", "derive", "kernels", "learning") for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.py"), *inner])


def test_packages_are_listed() -> None:
    folders = {path.parent for path in package_files() if path.name == "__init__.py"}
    names = {".".join(("chainrule", *folder.parts)) for folder in folders}
    assert names == set(CONFIGURATION["tool"]["setuptools"]["packages"])


def test_python_files_lie_in_packages() -> None:
    folders = {path.parent for path in package_files()}
    assert all((ROOT / folder / "__init__.py").exists() for folder in folders)
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "cli.py"}, "the root is packed as it is"


def test_link_for_type_checkers() -> None:
    assert (ROOT / ".static" / "chainrule").resolve() == ROOT


def test_editable_import() -> None:
    assert chainrule.__version__
    assert Path(chainrule.__file__).samefile(ROOT / "__init__.py")


#: Packages that are imported under another name.
IMPORTED_AS = {"scikit-learn": "sklearn"}


def imported_top_levels() -> set[str]:
    names: set[str] = set()
    for path in package_files():
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"chainrule"}


def test_dependencies_are_those_imported() -> None:
    """Numba is imported by the modules that kernels generate; what an extra installs is imported where it is used."""
    project = CONFIGURATION["project"]
    extras = project["optional-dependencies"]
    lines = [*project["dependencies"], *extras["pdf"], *extras["plot"], *extras["data"]]
    names = {re.split(r"[<>=]", line)[0] for line in lines}
    assert {IMPORTED_AS.get(name, name) for name in names} == imported_top_levels() | {"numba"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by way of a source archive from a copy without anything untracked."""
    source = tmp_path_factory.mktemp("source")
    for path in [*package_files(), *map(Path, ("py.typed", "pyproject.toml", "README.md", "LICENSE"))]:
        target = source / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, target)
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (built,) = out.glob("*.whl")
    return built


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "chainrule",
        f"chainrule-{chainrule.__version__}.dist-info",
    }
    packed = {name for name in names if name.startswith("chainrule/")}
    assert packed == {f"chainrule/{path.as_posix()}" for path in [*package_files(), Path("py.typed")]}


def test_wheel_has_entry_point_and_licence(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    info = f"chainrule-{chainrule.__version__}.dist-info"
    assert "chainrule = chainrule.cli:main" in archive.read(f"{info}/entry_points.txt").decode()
    assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_wheel_runs_outside_the_repository(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere and run with that folder first on the path, it is the copy that answers."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    program = (
        "import chainrule as cr, pathlib, sys\n"
        "assert pathlib.Path(cr.__file__).is_relative_to(sys.argv[1]), cr.__file__\n"
        "for top in ('commands', 'derive', 'kernels', 'learning', 'cli', 'tests'):\n"
        "    assert top not in sys.modules\n"
        "f = cr.formula('x: real[n]; sum(x^2)')\n"
        "print(cr.gradient(f, wrt='x').result['x'].matrix())\n"
    )
    site = str(tmp_path / "site")
    run = subprocess.run(
        [sys.executable, "-c", program, site],
        cwd=tmp_path,
        env={"PYTHONPATH": site, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "2*x\n"), run.stderr
