"""What is known of a loss, as a record of texts."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass
from typing import Any

#: Columns of a printed record, and of its labels.
WIDTH, LABEL = 100, 12


@dataclass(frozen=True)
class LossFacts:
    """One row of the table of losses; what does not apply is empty.

    Attributes:
        name: its name in the catalogue, if it has one.
        kind: loss, model, penalty, likelihood, information or layer.
        about: one line of what it is.
        formula: it, for one sample where it is a mean over samples.
        domain: the declarations of its inputs.
        link: the function that takes the mean of the target to the prediction with the smallest expected loss.
        minimiser: that prediction, or where a formula is smallest in closed form.
        convexity: the verdict in the variables together, and in each alone where that differs.
        gradient: the gradient by each variable.
        hessian: the Hessian by each variable.
        robustness: what becomes of the gradient far out, and whether a classifier is calibrated.
    """

    name: str
    kind: str
    about: str
    formula: str
    domain: str
    link: str
    minimiser: str
    convexity: str
    gradient: tuple[tuple[str, str], ...]
    hessian: tuple[tuple[str, str], ...]
    robustness: str

    def rows(self) -> tuple[tuple[str, str], ...]:
        """Labels and texts, without those that do not apply."""
        gradient = [("gradient", f"by {name}: {text}") for name, text in self.gradient]
        hessian = [("Hessian", f"by {name}: {text}") for name, text in self.hessian]
        rows = [
            ("formula", self.formula), ("domain", self.domain), ("link", self.link), ("minimiser", self.minimiser),
            ("convexity", self.convexity), *gradient, *hessian, ("robustness", self.robustness),
        ]  # fmt: skip
        return tuple((label, text) for label, text in rows if text)

    def text(self) -> str:
        """Name and description, then one line for each fact."""
        head = f"{self.name}  {self.about}" if self.name else "loss"
        return "\n".join([head, *(line for row in self.rows() for line in _lines(*row))])

    def __str__(self) -> str:
        return self.text()

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        return asdict(self) | {"gradient": dict(self.gradient), "hessian": dict(self.hessian)}


def _lines(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"    {label:<{LABEL}}", subsequent_indent=" " * (4 + LABEL + 2),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
