"""Values of inputs as the command line takes them: ``NAME=VALUE``, or a file of NumPy arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from chainrule.derive.errors import InputError

EXPECTED = "NAME=VALUE, such as b=0.5 or w=[1, 2], or a file.npz"


def read_values(texts: Iterable[str]) -> dict[str, Any] | None:
    """The values of ``--at`` by name; ``None`` for none.  Nothing of them is run as code.

    Raises:
        InputError: a value is neither a number nor nested lists of numbers, or a file cannot be read.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if equals:
            found[name] = _value(name, value)
        else:
            found |= _arrays(text)
    return found or None


def _value(name: str, text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, list):
        raise InputError(f"the value of {name or '--at'} is no number and no list", expected=EXPECTED, found=text[:80])
    return value


def _arrays(path: str) -> dict[str, Any]:
    """The arrays of a ``.npz`` file."""
    # Imported here, so that the help of the command line does not wait for it.
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InputError(f"{path} holds one array without a name", expected=EXPECTED)
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read values from {path!r}: {reason}", expected=EXPECTED) from error
