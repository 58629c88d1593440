"""Options of the tests, and memory between their files."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-derivations", action="store_true", help="write the files in tests/derivations as derivations are now"
    )


@pytest.fixture(scope="module", autouse=True)
def memory_is_given_back() -> Iterator[None]:
    """Drop what JAX has compiled, and ask glibc for what is free: both keep gigabytes in each worker."""
    yield
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
