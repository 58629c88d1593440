"""Verdicts as explanations: every line of a proof tried on its own."""

from __future__ import annotations

from functools import partial

from chainrule.derive.render.page import Shown
from chainrule.learning.convexity.rules import ABBREVIATION
from chainrule.learning.convexity.showing import witness_lines
from chainrule.learning.convexity.trial import violation
from chainrule.learning.convexity.verdict import Convexity, convex
from chainrule.learning.convexity.words import Statement
from chainrule.learning.explanation import Explanation, Move, Part

#: What a check of the lines does.
TRIED = "A check tries each line of a proof at random midpoints, where it must hold up to rounding."


def told(*verdicts: Convexity, title: str) -> Explanation:
    """Several verdicts as one explanation."""
    parts = [part for found in verdicts for part in _parts(found)]
    return Explanation(Shown(title, rf"\text{{{title}}}"), tuple(parts), (TRIED, ABBREVIATION))


def _parts(found: Convexity) -> list[Part]:
    parts = []
    name, together = found.formula.output.name, " and ".join(found.wrt)
    if found.proof:
        intro = ("For ", found.formula_shown(), ":")
        moves = tuple(_move(found, line) for line in found.proof)
        parts.append(Part(f"{name} is {found.verdict} in {together}", moves, intro))
    if found.witness is not None and not found.proof:
        moves = tuple(Move(line.right, line.left, line.note) for line in witness_lines(found.formula, found.witness))
        parts.append(Part(f"{name} is not convex in {together}", moves, ("For ", found.formula_shown(), ":")))
    return parts


def _move(found: Convexity, line: Statement) -> Move:
    """A line of a proof; the difference is how far it is from true at random midpoints."""
    tried = partial(violation, line.quantity, found.wrt, line.curvature) if line.quantity is not None else None
    return Move(line.right, line.left, line.reason, tried)


def composition_rules() -> Explanation:
    """Convexity by composition, on functions whose proofs use different laws."""
    proved = [
        convex("X: real[n,d]; y: real[n]; w: real[d]; lam: nonnegative; mean((X@w - y)^2) + lam*sum(|w|)", "w"),
        convex("logistic_regression", ("w", "b")),
        convex("x: real[n]; t: positive; sum(x^2)/t", ("x", "t")),
    ]
    return told(*proved, title="Convexity by composition")


def factorisation() -> Explanation:
    """A function that is convex in each variable alone but not in both together."""
    text = "U: real[n,k]; V: real[k,m]; T: real[n,m]; norm(T - U@V)^2"
    verdicts = (convex(text, wrt) for wrt in ("U", "V", ("U", "V")))
    return told(*verdicts, title="Convex in each factor, not in both")
