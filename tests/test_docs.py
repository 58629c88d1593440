"""The documentation is true: every example runs, every output is the real one, every link leads somewhere."""

from __future__ import annotations

import re
import sys
from doctest import ELLIPSIS, OutputChecker
from pathlib import Path

import pytest
from sybil import Document, Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import chainrule
from chainrule.derive.domains import DOMAINS

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))
try:
    import make_catalogue
    import transcripts
finally:
    sys.path.pop(0)

PAGES = transcripts.PAGES

#: Languages of code blocks that are run, and those that only show something.
RUN = {"python", "console"}
SHOWN = {"sh", "text", "json", "latex"}


class Console:
    """Compares what the commands of a console block print with what is shown."""

    def __init__(self) -> None:
        self.shell = transcripts.Shell()

    def __call__(self, example: Example) -> str | None:
        for command, expected in transcripts.transcript(example.parsed):
            printed = self.shell.output(command)
            if not OutputChecker().check_output(expected, printed, ELLIPSIS):
                return f"$ {command}\nexpected:\n{expected}\nprinted:\n{printed}"
        return None


def document(page: Path) -> Document:
    python = PythonCodeBlockParser(doctest_optionflags=ELLIPSIS)
    return Document.parse(str(page), python, CodeBlockParser("console", Console()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcripts.furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    for example in document(page).examples():
        example.evaluate()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_blocks_name_a_known_language(page: Path) -> None:
    fences = re.findall(r"^ {0,3}```(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(fences[::2]) <= RUN | SHOWN
    assert set(fences[1::2]) <= {""}


@pytest.mark.parametrize(
    "name", ["README.md", "docs/index.md", "docs/verify.md", "docs/kernels.md", "docs/cli.md", "docs/solve.md"]
)
def test_pages_have_examples(name: str) -> None:
    assert len(list(document(ROOT / name).examples())) >= 2


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose)
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_files_named_in_the_contributing_guide_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`([\w./]+(?:\.py|\.md|\.toml|/))`", text)) - {".static/chainrule"}
    assert len(names) > 20
    assert [name for name in sorted(names) if not (ROOT / name).exists()] == []


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
    written = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    assert written == make_catalogue.page(), "run `make docs`"
    assert all(f"`{entry.name}" in written for entry in chainrule.catalog.functions)
    assert all(f"`{entry.name}`" in written for entry in chainrule.catalog)


def test_outputs_are_written_anew() -> None:
    page = "text\n```console\n$ chainrule \\\n  --version\nold\n$ chainrule -h\n...\n$ echo $?\n```\n"
    version = f"$ chainrule \\\n  --version\nchainrule {chainrule.__version__}\n"
    assert transcripts.renewed(page) == f"text\n```console\n{version}$ chainrule -h\n...\n$ echo $?\n0\n```\n"


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
