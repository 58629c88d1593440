"""The documentation is true: every example runs, every output is the real one, every link leads somewhere."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

from chainrule.cli import run
from chainrule.derive.catalog.elementwise import ELEMENTWISE
from chainrule.derive.domains import DOMAINS

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])

#: Languages of code blocks that are run, and those that only show something.
RUN = {"python", "console"}
SHOWN = {"sh", "text", "json", "latex"}


class Console:
    """Runs the ``$ chainrule ..`` lines of a console block in this process and compares what they print."""

    def __init__(self) -> None:
        self.code = 0

    def __call__(self, example: Example) -> str | None:
        for command, expected in transcript(example.parsed):
            printed = self.output(command)
            if not OutputChecker().check_output(expected, printed, ELLIPSIS):
                return f"$ {command}\nexpected:\n{expected}\nprinted:\n{printed}"
        return None

    def output(self, command: str) -> str:
        words = shlex.split(command)
        if words == ["echo", "$?"]:
            return f"{self.code}\n"
        assert words[0] == "chainrule", f"a console block runs {words[0]}"
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            self.code = run(words[1:])
        return out.getvalue()


def transcript(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown under it."""
    first, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert first.strip() == "", "a console block begins with '$ '"
    return [split_command(part.replace("\\\n", " ")) for part in parts]


def split_command(part: str) -> tuple[str, str]:
    """The command, which ends with the line on which its quotes are closed, and the output."""
    command, _, output = part.partition("\n")
    while command.count('"') % 2:
        more, _, output = output.partition("\n")
        command += "\n" + more
    return command, output.rstrip("\n") + "\n" if output.strip() else ""


def document(page: Path) -> Document:
    python = PythonCodeBlockParser(doctest_optionflags=ELLIPSIS)
    return Document.parse(str(page), python, CodeBlockParser("console", Console()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for example in document(page).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_name_a_known_language(page: Path) -> None:
    fences = re.findall(r"^ {0,3}```(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(fences[::2]) <= RUN | SHOWN
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize("name", ["README.md", "docs/index.md", "docs/verify.md", "docs/kernels.md", "docs/cli.md"])
def test_pages_have_examples(name: str) -> None:
    assert len(list(document(ROOT / name).examples())) >= 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_every_page_is_reached_from_the_index() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {page for page in pages if f"]({page})" not in text} == set()


def test_make_targets_in_the_documentation_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
            assert set(re.findall(r"^make (\w+)", block, flags=re.MULTILINE)) <= targets


def test_notation_page_has_every_domain() -> None:
    text = (ROOT / "docs" / "notation.md").read_text(encoding="utf-8")
    assert [name for name in DOMAINS if f"`{name}`" not in text] == []


def test_catalogue_page_is_what_the_tables_say() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        from make_catalogue import page
    finally:
        sys.path.pop(0)
    written = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert written == page(), "run `make docs`"
    assert all(f"`{entry.name}" in written for entry in ELEMENTWISE)


@pytest.mark.parametrize(
    ("block", "fails"),
    [
        ("```python\n>>> 1 + 1\n3\n```\n", True),
        ("```python\n>>> 1 + 1\n2\n```\n", False),
        ("```python\nassert False\n```\n", True),
        ("```console\n$ chainrule --version\nchainrule 99\n```\n", True),
        ("```console\n$ chainrule --version\nchainrule ...\n$ echo $?\n0\n```\n", False),
        ("```console\n$ chainrule shwo\n...\n$ echo $?\n0\n```\n", True),
    ],
)
def test_the_check_sees_wrong_examples(block: str, fails: bool, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(block, encoding="utf-8")
    (example,) = document(page).examples()
    if fails:
        with pytest.raises(AssertionError):
            example.evaluate()
    else:
        example.evaluate()
