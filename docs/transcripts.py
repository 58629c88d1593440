"""Console blocks of the documentation: reading them, running them, writing their outputs anew.

A block holds lines ``$ chainrule ..`` (and ``$ echo $?``), each followed by what it prints;
``...`` in an output stands for anything.  `make docs` runs this file, which writes every output
without such a gap as it is now; the tests compare.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from pathlib import Path

from chainrule.cli import run

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


class Shell:
    """Runs the commands of one page in this process and remembers the last exit code."""

    def __init__(self) -> None:
        self.code = 0

    def output(self, command: str) -> str:
        """What a command prints."""
        words = shlex.split(command.replace("\\\n", " "))
        if words == ["echo", "$?"]:
            return f"{self.code}\n"
        if words[0] != "chainrule":
            raise ValueError(f"a console block runs {words[0]}")
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            self.code = run(words[1:])
        return out.getvalue()


def transcript(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown under it."""
    first, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    if first.strip():
        raise ValueError("a console block begins with '$ '")
    return [split_command(part) for part in parts]


def split_command(part: str) -> tuple[str, str]:
    """The command, which goes on while a quote is open or a line ends with a backslash, and the output."""
    command, _, output = part.partition("\n")
    while command.count('"') % 2 or command.endswith("\\"):
        more, _, output = output.partition("\n")
        command += "\n" + more
    return command, output.rstrip("\n") + "\n" if output.strip() else ""


def renewed(page: str) -> str:
    """The text of a page with the outputs of its console blocks as they are now."""
    shell = Shell()

    def block(match: re.Match[str]) -> str:
        lines = []
        for command, shown in transcript(match.group(1)):
            printed = shell.output(command)
            lines.append(f"$ {command}\n{shown if '...' in shown else printed}")
        return f"```console\n{''.join(lines)}```"

    return re.sub(r"```console\n(.*?)```", block, page, flags=re.DOTALL)


def furnish(folder: Path) -> None:
    """Put the examples where commands of the pages expect them."""
    (folder / "examples").symlink_to(ROOT / "examples")


def main() -> None:
    """Renew every page, commands being run in a folder that holds nothing but the examples."""
    with tempfile.TemporaryDirectory() as folder:
        furnish(Path(folder))
        os.chdir(folder)
        for path in PAGES:
            path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
