"""Writes catalogue.md from the tables that the library itself reads.

`make docs` runs this file; a test compares the page with what it would write.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import chainrule as cr
from chainrule.derive.catalog.losses import ALIASES, Entry
from chainrule.derive.catalog.tensor_functions import TensorFunction
from chainrule.learning.losses.record import LossFacts

HEAD = """\
# Catalogue

<!-- Written by `make docs` from the tables in derive/catalog; edits here are overwritten. -->

Every name below is understood by `cr.formula`, by the command line and, for functions, inside
formulas. How derivatives at kinks are chosen is said in [conventions](conventions.md).
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def formula_section(entry: Entry) -> str:
    """A named formula: its text, its derivatives, its source."""
    aliases = sorted(alias for alias, name in ALIASES.items() if name == entry.name)
    statements = "\n".join(part.strip() for part in entry.text.split(";"))
    claims = [("gradient", *claim) for claim in entry.gradient] + [("Hessian", *claim) for claim in entry.hessian]
    parts = [
        f"### `{entry.name}`",
        entry.about[0].upper() + entry.about[1:] + "." + (f" Also: `{'`, `'.join(aliases)}`." if aliases else ""),
        f"```text\n{statements}\n```",
        "\n".join(f"- {kind} by `{name}`: `{text}`" for kind, name, text in claims),
        entry.note,
        f"Source: {entry.source}.",
    ]
    return "\n\n".join(part for part in parts if part)


def facts_table(found: Sequence[LossFacts]) -> str:
    """The losses as a Markdown table."""
    head = ("loss", "for one sample", "domain", "link", "minimiser", "convexity", "gradient", "Hessian", "robustness")
    rows = []
    for item in found:
        derivatives = ("; ".join(text for _, text in pairs) for pairs in (item.gradient, item.hessian))
        gradient, hessian = (f"`{text}`" if text else "" for text in derivatives)
        minimiser, link = (f"`{text}`" if text else "" for text in (item.minimiser, item.link))
        rows.append([
            f"`{item.name}`", f"`{item.formula}`", item.domain, link, minimiser, item.convexity, gradient, hessian,
            item.robustness,
        ])  # fmt: skip
    return table(head, rows)


FACTS = """\
What each loss is smallest at in expectation, its link (the function that takes the mean of the target to that
prediction), its convexity, its derivatives by the prediction, and what becomes of the gradient far out. All of it is
derived: `cr.loss` and `chainrule loss` do the same for a loss of your own."""


def page() -> str:
    """The text of catalogue.md."""
    sections = [HEAD.rstrip(), "## Formulas"]
    for kind in dict.fromkeys(entry.kind for entry in cr.catalog):
        sections += [formula_section(entry) for entry in cr.catalog if entry.kind == kind]
    facts = [item for item in cr.losses() if item.kind == "loss"]
    sections += ["## Losses", FACTS, facts_table(facts)]
    elementwise, tensor = [], []
    for entry in cr.catalog.functions:
        row = [f"`{entry.signature}`", ", ".join(f"`{alias}`" for alias in entry.aliases), entry.about]
        if isinstance(entry, TensorFunction):
            tensor.append([*row, f"`{entry.numpy}`"])
        else:
            elementwise.append([*row, entry.kinks])
    head = ("function", "other names", "what it is")
    sections += ["## Elementwise functions", table((*head, "kinks"), elementwise)]
    sections += ["## Functions of tensors", table((*head, "in NumPy"), tensor)]
    rows = [[f"`{item.name}`", item.about, f"`{item.text}`", item.source] for item in cr.catalog.distributions]
    sections += ["## Distributions", table(("distribution", "what it is", "log-density", "source"), rows)]
    return "\n\n".join(sections) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("catalogue.md").write_text(page(), encoding="utf-8")
