"""What the comparisons of a claim with the derivative at many places came to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from chainrule.derive.checking.claims import ClaimFailure
from chainrule.derive.checking.comparison import Comparison, Place, Side, Subject, compare, sides


@dataclass
class Tally:
    """What the comparisons at all points came to.

    Attributes:
        points: places at which both agree.
        digits: to how many digits, at least.
        undefined: places at which not everything is defined.
        unclear: places at which too few digits can be trusted.
        silent: places at which the derivative has a value and the claim has none.
        kinks: places of agreement on kinks.
        other: whether the claim is somewhere a subgradient other than the engine's.
        fault: whether the engine was found wrong.
        wrong: the first difference.
        failure: what a claimed function did wrong.
        right_sides, wrong_sides: the signs of the switches where the claim is right and wrong.
    """

    points: int = 0
    digits: float = math.inf
    undefined: int = 0
    unclear: int = 0
    silent: list[Comparison] = field(default_factory=list)
    kinks: int = 0
    other: bool = False
    fault: bool = False
    wrong: Comparison | None = None
    failure: str = ""
    right_sides: set[Side] = field(default_factory=set)
    wrong_sides: set[Side] = field(default_factory=set)

    @property
    def compared(self) -> bool:
        """Whether anything was found out."""
        return bool(self.points or self.unclear or self.silent or self.fault or self.wrong)

    def count(self, subject: Subject, place: Place, thorough: bool = True) -> bool:
        """Compare at one place; whether the verdict is now settled."""
        try:
            found = compare(subject, place, thorough)
        except ClaimFailure as failure:
            self.failure = self.failure or str(failure)
            return False
        if found.outcome in {"agrees", "differs"} and not found.on_kink:
            known = self.right_sides if found.outcome == "agrees" else self.wrong_sides
            known |= sides(subject, place.values)
        return self.add(found)

    def add(self, found: Comparison) -> bool:
        """Count one comparison; whether the verdict is now settled."""
        if found.outcome == "agrees":
            self.points += 1
            self.kinks += found.on_kink
            self.other |= found.other
            if not found.other:
                self.digits = min(self.digits, found.digits)
        self.undefined += found.outcome == "undefined"
        self.unclear += found.outcome == "unclear"
        self.fault |= found.outcome == "engine fault"
        if found.outcome == "claim undefined":
            self.silent.append(found)
        if found.outcome == "differs" and self.wrong is None:
            self.wrong = found
        return self.fault or self.wrong is not None
