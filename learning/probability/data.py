"""Observations in text files: numbers separated by commas or blanks, one observation a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError


def observations(text: str) -> npt.NDArray[Any]:
    """The numbers of a text; a first line without numbers is taken for a header, and # starts a comment.

    Raises:
        InputError: a line is no numbers, or the lines have different lengths.
    """
    rows, lines = list[list[float]](), text.splitlines()
    for number, line in enumerate(lines, 1):
        cells = line.partition("#")[0].replace(",", " ").replace(";", " ").split()
        try:
            row = [float(cell) for cell in cells]
        except ValueError:
            if not rows and number == 1:
                continue
            raise InputError(f"line {number} of the data is no numbers", found=repr(line[:60])) from None
        if row and rows and len(row) != len(rows[0]):
            raise InputError(f"line {number} of the data has {len(row)} numbers", expected=str(len(rows[0])))
        rows += [row] if row else []
    if not rows:
        raise InputError("the data has no numbers")
    found = np.array(rows)
    return found.ravel() if 1 in found.shape else found
