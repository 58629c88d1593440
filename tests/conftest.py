"""Options of the tests, and memory between their files."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-derivations", action="store_true", help="write the files in tests/derivations as derivations are now"
    )


@pytest.fixture(scope="module", autouse=True)
def memory_is_given_back() -> Iterator[None]:
    """Ask glibc for the memory that compilers have left free: it keeps more than a gigabyte in each worker."""
    yield
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
