"""Options of the tests."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-derivations", action="store_true", help="write the files in tests/derivations as derivations are now"
    )
