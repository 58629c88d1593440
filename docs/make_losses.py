"""Derives the facts of every loss of the catalogue and writes learning/losses/table.py from them.

`make docs` runs this file; a test derives the facts again and compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from chainrule.learning.losses.facts import derived_losses
from chainrule.learning.losses.record import LossFacts

HEAD = '''\
"""The facts of the losses of the catalogue.

Written by `make docs`, which derives every one of them; a test derives them again. Edits are overwritten.
"""

# ruff: noqa: E501

from __future__ import annotations

from chainrule.learning.losses.record import LossFacts

'''


def facts_module(found: Sequence[LossFacts]) -> str:
    """The text of learning/losses/table.py."""
    rows = []
    names = [field.name for field in fields(LossFacts)]
    for item in found:
        values = "".join(f"        {name}={getattr(item, name)!r},\n" for name in names)
        rows.append(f"    LossFacts(\n{values}    ),\n")
    quoted = "".join(rows)
    ending = "\n\ndef losses() -> tuple[LossFacts, ...]:\n" + ENDING
    return f"{HEAD}TABLE: tuple[LossFacts, ...] = (\n{quoted})  # fmt: skip\n{ending}"


ENDING = '''\
    """Every named formula with its domain, link, minimiser, convexity, derivatives and robustness.

    The facts are derived when the table is made; ``loss`` derives those of any formula.

    Example:
        >>> {item.name: item.minimiser for item in losses()}["quantile_loss"]
        'yhat = the tau quantile of y'
    """
    return TABLE
'''


if __name__ == "__main__":
    module = Path(__file__).parent.parent.joinpath("learning", "losses", "table.py")
    module.write_text(facts_module(derived_losses()), encoding="utf-8")
