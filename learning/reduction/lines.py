"""Lines of explanations that the engine differentiates or reads, printed from the formulas themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from chainrule.derive.checking.verdict import Verdict
from chainrule.derive.forms.index_form import index_latex
from chainrule.derive.formula import Formula, formula
from chainrule.derive.goals import gradient
from chainrule.derive.render.page import Note, Shown
from chainrule.derive.verify import verify
from chainrule.learning.chains import SIZES, Text, chain
from chainrule.learning.explanation import Move, Part

Array = npt.NDArray[np.float64]
SEEDS = range(4)
ROUNDING = 1e-12


def shown(declarations: str, text: str, entries: bool = False) -> Shown:
    """A formula for any renderer: as it is written, or entry by entry."""
    if not entries:
        return Text(declarations, text).shown
    found = read(f"{declarations}; {text}")
    return Shown(found.index(), lambda: index_latex(found.program, found.output.name, lambda _: ""))


def definition(declarations: str, name: str, text: str, *reason: str | Shown) -> Move:
    """A line that says what a name stands for."""
    return Move(shown(declarations, text), (read_name(name),), reason)


def decomposed(declarations: str, sizes: Mapping[str, int] = SIZES) -> Part:
    """``S = U @ diag(l) @ U.T``: what the names of eigenvectors and eigenvalues stand for."""
    reason = "The columns of U are the eigenvectors of S, and l has their eigenvalues in increasing order."
    (part,) = chain(declarations, "S", [("=", "U @ diag(l) @ U.T", reason)], "Eigenvectors of the covariance", sizes)
    return part


def read_name(name: str) -> Shown:
    """A name for any renderer."""
    return Shown(name, {"lam": r"\lambda", "eta": r"\eta", "mu": r"\mu"}.get(name, name))


def derivative(declarations: str, text: str, wrt: str, reason: Note, of: str = "L") -> Move:
    """``dL/dv`` as the engine derives it, confirmed by differences of the formula."""
    result = gradient(read(f"{declarations}; {text}"), wrt).result[wrt]
    verdict = slope_check(f"{declarations}; {text}", wrt, result.matrix())
    return Move(Shown(result.matrix(), result.latex()), (quotient(of, wrt),), reason, verdict)


def quotient(of: str, wrt: str) -> Shown:
    """``dL/dv`` for any renderer."""
    below = read_name(wrt).latex
    return Shown(f"d{of}/d{wrt}", rf"\frac{{\partial {of}}}{{\partial {below}}}")


def slope_check(text: str, wrt: str, claim: str) -> Callable[[], float]:
    """How far a claimed derivative is from that of the formula, proofs and differences in 50 digits."""
    return lambda: gap(verify(text, wrt, claim))


def gap(verdict: Verdict) -> float:
    """The relative difference that a verdict has found."""
    if verdict:
        return 0.0
    witness = verdict.witness
    return abs(witness.claimed - witness.true) / max(1.0, abs(witness.true)) if witness else math.inf


@lru_cache(maxsize=128)
def read(text: str) -> Formula:
    """A formula, read once."""
    return formula(text)


def sampled(sides: Callable[[np.random.Generator], tuple[Array, Array]]) -> Callable[[], float]:
    """The largest relative difference of two sides at a few random instances."""

    def found() -> float:
        worst = max(_relative(*sides(np.random.default_rng(seed))) for seed in SEEDS)
        return worst if worst > ROUNDING else 0.0

    return found


def _relative(found: Array, wanted: Array) -> float:
    return float(np.max(np.abs(found - wanted)) / max(1.0, float(np.max(np.abs(wanted)))))
