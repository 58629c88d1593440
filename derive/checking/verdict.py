"""Verdicts and witnesses: what a check of a claimed derivative came to."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.derive.render.notebook import bundle

Answer = Literal["proved", "agrees", "refuted", "undecided"]


@dataclass(frozen=True)
class Witness:
    """A point at which a claim is wrong.

    Attributes:
        inputs: the arrays, by input name.
        entry: the index of the entry that differs most.
        claimed, true: the claimed and the true value of that entry.
        bounds: on a kink, the smallest and largest subgradient entry (``true`` is between them).
    """

    inputs: dict[str, Any]
    entry: tuple[int, ...]
    claimed: float
    true: float
    bounds: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The witness as JSON data."""
        return {
            "inputs": {name: np.asarray(array).tolist() for name, array in self.inputs.items()},
            "entry": list(self.entry),
            "claimed": _json_number(self.claimed),
            "true": _json_number(self.true),
            "bounds": None if self.bounds is None else [_json_number(bound) for bound in self.bounds],
        }


def _json_number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


@dataclass(frozen=True)
class Verdict:
    """What is known about a claimed derivative.

    Attributes:
        verdict: "proved", "agrees", "refuted" or "undecided".
        wrt: the variables.
        reason: why, in a sentence.
        mistake: what a refuted claim is instead of the derivative, if that is a known kind of mistake.
        witness: a point where a refuted claim is wrong, or where a claimed function gives no number.
        points: at how many points claim and derivative were compared.
        digits: the agreement in decimal digits, smallest over those points.
        facts: declared facts about inputs that a proof rests on.
        exceptions: where a proof or an agreement does not speak of one value (kinks).
        parts: the verdict by each variable, or on each block of a Hessian, where there are several.
    """

    verdict: Answer
    wrt: tuple[str, ...]
    reason: str = ""
    mistake: str | None = None
    witness: Witness | None = None
    points: int = 0
    digits: float = 0.0
    facts: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    parts: Mapping[str, Verdict] | None = None

    def __bool__(self) -> bool:
        """Whether the claim was found right."""
        return self.verdict in {"proved", "agrees"}

    def report(self) -> str:
        """The verdict in words."""
        if self.parts:
            own = [note for note in self.exceptions if all(note not in part.exceptions for part in self.parts.values())]
            parts = [part.report() for part in self.parts.values()]
            return "\n".join([f"{self.verdict}", *parts, *(f"note: {note}" for note in own)])
        lines = [f"{self.verdict}: derivative by {', '.join(self.wrt)}", f"  {self.reason}"]
        if self.mistake:
            lines.append(f"  {self.mistake}")
        if self.witness is not None:
            lines += [f"  {line}" for line in _witness_lines(self.witness)]
        if self:
            lines.append(f"  compared at {self.points} points, {self.digits:.0f} digits agree")
        lines += [f"  uses: {fact}" for fact in self.facts]
        lines += [f"  note: {exception}" for exception in self.exceptions]
        return "\n".join(line.rstrip() for line in lines if line.strip())

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        return bundle({"text/plain": self.report, "text/markdown": self._markdown}, include, exclude)

    def _markdown(self) -> str:
        """The verdict in bold, and the rest of the report."""
        return f"**{self.verdict}**\n\n```text\n{self.report()}\n```\n"

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON data."""
        return {
            "verdict": self.verdict,
            "wrt": list(self.wrt),
            "reason": self.reason,
            "mistake": self.mistake,
            "witness": None if self.witness is None else self.witness.to_dict(),
            "points": self.points,
            "digits": round(self.digits, 1),
            "facts": list(self.facts),
            "exceptions": list(self.exceptions),
            "parts": {name: part.to_dict() for name, part in (self.parts or {}).items()},
        }


def _witness_lines(witness: Witness) -> list[str]:
    rows = [f"{name} = {_array_text(array)}" for name, array in witness.inputs.items()]
    entry = f"entry [{', '.join(map(str, witness.entry))}]: " if witness.entry else ""
    claimed = f"{witness.claimed:.6g}"
    if witness.bounds is None:
        claimed, true = _told_apart(witness.claimed, witness.true)
        true = f"true {true}"
    else:
        low, high = witness.bounds
        true = f"subgradients from {low:.6g} to {high:.6g}" if low != high else f"true {low:.6g}"
    return ["at", *(f"  {row}" for row in rows), f"{entry}claimed {claimed}, {true}"]


def _told_apart(claimed: float, true: float) -> tuple[str, str]:
    """Both values in as many digits as it takes to see that they differ, 6 at least."""
    pairs = ((f"{claimed:.{digits}g}", f"{true:.{digits}g}") for digits in range(6, 18))
    return next(((one, other) for one, other in pairs if one != other),
                (f"{claimed:.6g}", f"{true:.6g}, the difference being below double precision"))  # fmt: skip


def _array_text(array: Any) -> str:
    text = np.array2string(np.asarray(array), separator=", ", precision=6, suppress_small=True, threshold=64)
    return " ".join(text.replace("\n", " ").split())
