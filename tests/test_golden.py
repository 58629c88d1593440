"""Derivations to be read as prose: what they print is kept in tests/derivations, one file each.

A file begins with the formula, the variables and the detail; the rest is the text.  After a change
that is meant, ``pytest tests/test_golden.py --update-derivations`` writes the files anew; what
changed is then read by a person.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.derive.checking.evidence import evidence
from chainrule.derive.goals import GOALS

FILES = sorted((Path(__file__).parent / "derivations").glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_derivation(path: Path, request: pytest.FixtureRequest) -> None:
    head, _, expected = path.read_text(encoding="utf-8").partition("\n\n")
    settings = dict(line.split(": ", 1) for line in head.splitlines())
    view = {"view": settings["view"]} if "view" in settings else {}
    derivation = GOALS[settings.get("goal", "gradient")](settings["formula"], settings["wrt"], **view)
    assert all(item.holds and item.digits is not None for item in evidence(derivation))
    text = derivation.text(settings["detail"], form=settings.get("form", "matrix"))
    if request.config.getoption("--update-derivations"):
        path.write_text(f"{head}\n\n{text}", encoding="utf-8")
    else:
        assert text == expected
