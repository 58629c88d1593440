"""Verdicts on derivatives that somebody else worked out.

A claim, text in the notation or a NumPy function, is compared with the engine's derivative in 50
digits at points of several sizes, on both sides of every switch and on kinks; the engine is
confirmed at the same points by differences of the formula itself.  What survives is proved, if
normal forms can do it, for all sizes and values.

    proved      equal by normal form, off the kinks; confirmed at points, kinks included
    agrees      no difference at any point
    refuted     a witness is given
    undecided   the reason is given
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import mpmath
import numpy as np
import numpy.typing as npt
from sympy import Expr

from chainrule.derive.catalog.unspecified import no_values
from chainrule.derive.checking.claims import (
    Claimed,
    ClaimFailure,
    claimed_function,
    claimed_program,
    shape_text,
)
from chainrule.derive.checking.comparison import (
    DIGITS,
    Comparison,
    Place,
    Subject,
    compare,
    generic_places,
    kink_places,
    region_places,
    shifted_places,
)
from chainrule.derive.checking.instances import instance, stand_in, unspecified_in
from chainrule.derive.checking.kinks import Switches, switches
from chainrule.derive.checking.mistakes import diagnosed
from chainrule.derive.checking.sampling import (
    edge_sample,
    sample,
    shape_at,
    size_assignments,
    smallest_sizes,
)
from chainrule.derive.checking.tally import Tally
from chainrule.derive.checking.targets import (
    Target,
    assigned,
    checked_variables,
    gradient_targets,
    hessian_targets,
    unclaimed,
)
from chainrule.derive.checking.verdict import Answer, Verdict, Witness
from chainrule.derive.errors import InputError, ShapeError, UnknownNameError, near_names
from chainrule.derive.forms.index_form import index_text
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.normal.equality import Proof, prove_equal
from chainrule.derive.notation.read import parse_formula
from chainrule.derive.program import Program

Array = npt.NDArray[Any]
ClaimSource = str | Callable[..., Any]

NO_PROOF = "the same values wherever they were compared; no proof was found"

#: Entries of one value, bound indices included, up to which it is computed in many digits.
MAX_ENTRIES = 200_000
#: Usual points at each size.
POINTS = 3
#: Points that are looked at after a difference, to learn where else the claim is right or wrong.
AFTERWARDS = 12
#: Candidates per size for a small witness.
WITNESS_TRIES = 5


# ---- the public function -----------------------------------------------------------------------------


def verify(
    formula: str | Formula,
    wrt: str | Sequence[str],
    claim: ClaimSource | Mapping[str, ClaimSource],
    *,
    what: Literal["gradient", "hessian"] = "gradient",
    symmetric: bool = False,
    points: int | None = None,
    seed: int = 0,
    kinks: Mapping[str, Any] | None = None,
) -> Verdict:
    """Checks a claimed gradient (Jacobian of a non-scalar formula, Hessian on request).

    Args:
        formula: a formula, its text, or a catalogue name.
        wrt: the variable, or several.
        claim: text in the notation, in which inputs, dimensions and named parts of the formula
            may be used; or a function of NumPy arrays whose parameters are named like inputs
            (or dimensions).  For several variables a mapping from their names; for a Hessian also
            from "a,b", the block of second derivatives of shape ``a.shape + b.shape``.
        what: "gradient" (or Jacobian) or "hessian".
        symmetric: whether only the entries on and below the diagonal of variables that are
            declared symmetric are independent, see :func:`~chainrule.derive.goals.gradient`.
        points: usual points per size assignment (3 unless given).
        seed: of the choice of points; the same seed gives the same verdict.
        kinks: the derivatives of functions at their kinks, see :func:`~chainrule.derive.goals.gradient`;
            other subgradients are right too.

    Returns:
        The verdict; ``bool(verdict)`` is whether the claim was found right.

    Raises:
        UnknownNameError: ``wrt`` names no input.
        InputError: a claim is missing, or a function asks for something that is no input; with
            ``symmetric``, no variable is declared symmetric.
        NotationError: the claim cannot be read.
    """
    program = as_formula(formula, kinks)
    return verify_program(program.differentiable, wrt, claim, what=what, symmetric=symmetric, points=points,
                          seed=seed, scope=program.program)  # fmt: skip


def verify_program(
    program: Program,
    wrt: str | Sequence[str],
    claim: ClaimSource | Program | Mapping[str, Any],
    *,
    what: Literal["gradient", "hessian"] = "gradient",
    symmetric: bool = False,
    points: int | None = None,
    seed: int = 0,
    scope: Program | None = None,
) -> Verdict:
    """:func:`verify` for a program; a claim may be a program over the same inputs, too."""
    if what not in ("gradient", "hessian"):
        raise InputError("this derivative cannot be claimed", expected="'gradient' or 'hessian'", found=repr(what))
    names = checked_variables(program, wrt)
    task = _Task(program, names, what, POINTS if points is None else max(1, points), seed, scope or program, symmetric)
    claims = assigned(task.targets, names, claim)
    parts = {key: task.verdict(key, claims[key]) for key in task.targets if key in claims}
    left = unclaimed(task.targets, claims)
    if len(parts) == 1 and not left:
        return next(iter(parts.values()))
    return _together(names, parts, tuple(f"no block by {key} was claimed" for key in left))


def _together(names: tuple[str, ...], parts: dict[str, Verdict], notes: tuple[str, ...]) -> Verdict:
    """One verdict over several variables or blocks: as good as the worst of them."""
    order: tuple[Answer, ...] = ("refuted", "undecided", "agrees", "proved")
    worst = min(parts.values(), key=lambda part: order.index(part.verdict))
    return replace(
        worst,
        wrt=names,
        reason=worst.reason if worst else f"by {', '.join(worst.wrt)}: {worst.reason}",
        points=sum(part.points for part in parts.values()),
        digits=min(part.digits for part in parts.values()),
        facts=tuple(dict.fromkeys(fact for part in parts.values() for fact in part.facts)),
        exceptions=(*dict.fromkeys(note for part in parts.values() for note in part.exceptions), *notes),
        parts=parts,
    )


# ---- one variable ------------------------------------------------------------------------------------------


class _Task:
    """A formula whose derivatives are claimed."""

    def __init__(
        self, program: Program, wrt: tuple[str, ...], what: str, points: int, seed: int, scope: Program,
        symmetric: bool,
    ) -> None:  # fmt: skip
        self.program, self.points, self.seed, self.scope = program, points, seed, scope
        self.smooth = what == "hessian"
        if self.smooth and symmetric:
            raise InputError("symmetric=True is for gradients, not for Hessians")
        self.targets = hessian_targets(program, wrt) if self.smooth else gradient_targets(program, wrt, symmetric)

    def verdict(self, key: str, source: Any) -> Verdict:
        """The verdict on the claim for one derivative."""
        target = self.targets[key]
        shape = target.program.by_name[target.name].shape
        try:
            claimed = self.claimed(source, shape)
        except ShapeError as error:
            # A forgotten transpose is a wrong claim, not a wrong question.
            return Verdict("refuted", target.wrt, f"the shapes in the claim do not fit: {error.message}")
        if claimed.program is not None:
            given = claimed.program.output.shape
            if given != shape:
                reason = f"the claim has shape {shape_text(given)}, the derivative has shape {shape_text(shape)}"
                return Verdict("refuted", target.wrt, reason)
        groups = (switches(self.program), *claimed.switches)
        if (entries := self.entries(target.program, groups)) > MAX_ENTRIES:
            reason = f"values of {entries} entries are too many to compare in {DIGITS} digits; use symbolic sizes"
            return Verdict("undecided", target.wrt, reason)
        subject = self.subject(target, claimed, groups)
        return self.decide(target, subject, claimed, self.tally(subject))

    def subject(self, target: Target, claimed: Claimed, groups: tuple[Switches, ...]) -> Subject:
        """What is compared at points, stand-ins taking the place of functions without a definition."""
        numeric = claimed if claimed.program is None else claimed_program(instance(claimed.program))
        slope = target.slope and (instance(target.slope[0]), target.slope[1])
        return Subject(
            instance(self.program), instance(target.program), target.name, target.moved, numeric.evaluate, groups,
            claimed.tolerant, slope, numeric.program, target.full,
        )  # fmt: skip

    def claimed(self, source: Any, shape: tuple[Expr, ...]) -> Claimed:
        """The claim, read."""
        if isinstance(source, str):
            return claimed_program(self.checked(parse_formula(source, scope=self.scope, shape=shape)))
        if isinstance(source, Program):
            return claimed_program(self.checked(source))
        if callable(source):
            for function in unspecified_in(self.program):
                raise no_values(function)
            return claimed_function(source, self.program, shape)
        raise InputError("a claim is text or a function", found=type(source).__name__)

    def checked(self, claim: Program) -> Program:
        """The claim, if it has no inputs of its own."""
        known = {item.name for item in self.program.inputs}
        if strange := [item.name for item in claim.inputs if item.name not in known]:
            raise UnknownNameError(
                f"the claim uses {', '.join(strange)}, which the formula does not have",
                expected=", ".join(sorted(known)), near=near_names(strange[0], known),
            )  # fmt: skip
        return replace(self.program, definitions=claim.definitions, outputs=claim.outputs)

    def entries(self, derivative: Program, groups: Iterable[Switches]) -> int:
        """Entries of the largest value that a comparison computes, bound indices included."""
        sizes = size_assignments(self.program)[0]
        shapes = [item.shape for item in self.program.inputs]
        for program in (derivative, *(group.program for group in groups)):
            shapes += [definition.shape + definition.bound for definition in program.definitions]
        return max(math.prod(shape_at(shape, sizes)) for shape in shapes)

    def usual_places(self, subject: Subject) -> Iterable[Place]:
        """Usual points, two at each size."""
        return generic_places(subject.inputs, size_assignments(self.program), np.random.default_rng(self.seed), 2)

    def places(self, subject: Subject) -> Iterable[Place]:
        """Where to compare: usual points, both sides of every switch, kinks."""
        rng = np.random.default_rng(self.seed)
        assignments = size_assignments(self.program)
        yield from generic_places(subject.inputs, assignments, rng, self.points)
        if any(group.all for group in subject.switches):
            yield from region_places(subject, assignments, rng)
            if not self.smooth:
                yield from kink_places(subject, assignments, rng)

    def tally(self, subject: Subject) -> Tally:
        """Compare at all places; after a difference, only to learn on which sides of switches it is."""
        tally, places = Tally(), iter(self.places(subject))
        branching = any(group.all for group in subject.switches)
        for place in places:
            if tally.count(subject, place):
                break
        self.insist(subject, tally)
        if tally.wrong is not None and not tally.wrong.on_kink and branching:
            for place in itertools.islice(places, AFTERWARDS):
                tally.count(subject, place, thorough=False)
        return tally

    def insist(self, subject: Subject, tally: Tally) -> None:
        """More points where nothing could be compared so far."""
        if tally.compared or tally.failure:
            return
        for place in shifted_places(subject.inputs, size_assignments(self.program), np.random.default_rng(self.seed)):
            if tally.count(subject, place) or tally.points >= self.points:
                return

    def decide(self, target: Target, subject: Subject, claimed: Claimed, tally: Tally) -> Verdict:
        """The verdict that the comparisons and, where they agree, a proof come to."""
        wrt = target.wrt
        if tally.fault:
            reason = "the engine's derivative and differences of the formula disagree; please report this formula"
            return Verdict("undecided", wrt, reason)
        if tally.failure:
            partly = tally.points or tally.wrong is not None or "shape" in tally.failure
            answer: Answer = "refuted" if partly else "undecided"
            return Verdict(answer, wrt, tally.failure, points=tally.points)
        if tally.wrong is not None:
            return self.refuted(target, subject, claimed, tally)
        if tally.silent and claimed.program is not None:
            return Verdict("refuted", wrt, "the claim is not defined at points where the derivative is")
        if not tally.points and not tally.unclear:
            return _nothing_compared(wrt, tally)
        proof = self.proof(target, claimed)
        exceptions = _exceptions(tally, proof, unspecified_in(self.program))
        right = Verdict("agrees", wrt, NO_PROOF, points=tally.points, digits=tally.digits, exceptions=exceptions)
        if proof is not None:
            return replace(right, verdict="proved", reason=_proof_text(proof), facts=proof.facts)
        if tally.unclear:
            return replace(right, verdict="undecided", reason=f"too few digits agree at {tally.unclear} points to tell")
        return right

    def proof(self, target: Target, claimed: Claimed) -> Proof | None:
        """A proof for all sizes and values, if there is one.

        The derivative was taken without declared equations, so they may be used on all inputs now.
        """
        if claimed.program is None:
            return None
        fixed = [item.name for item in self.program.inputs]
        return prove_equal(target.program, target.name, claimed.program, claimed.program.outputs[0], fixed)

    def refuted(self, target: Target, subject: Subject, claimed: Claimed, tally: Tally) -> Verdict:
        """A refutation, with the smallest witness that a short search finds."""
        assert tally.wrong is not None
        found, mistake = tally.wrong, None
        if found.on_kink:
            off = "proved equal" if self.proof(target, claimed) else "equal at all points"
            reason = (
                f"right except on a kink ({off} elsewhere): "
                f"the claimed value {_short(found.claimed)} is no subgradient there"
            )
        else:
            reason, mistake = _region_text(subject, tally), diagnosed(subject, self.usual_places(subject))
        found = self.smaller(subject, found)
        return Verdict("refuted", target.wrt, reason, mistake, witness=_witness(found), points=tally.points)

    def smaller(self, subject: Subject, found: Comparison) -> Comparison:
        """A difference at a point that is easier to read, or the given one."""
        rng = np.random.default_rng(self.seed)
        for sizes in smallest_sizes(self.program):
            for number in range(WITNESS_TRIES):
                values = (sample if number == WITNESS_TRIES - 1 else edge_sample)(subject.inputs, sizes, rng)
                if (other := _differs(subject, Place(values, sizes), found.on_kink)) is not None:
                    return other
        rounded = {name: np.round(array) for name, array in found.place.values.items()}
        if all(_inside(item.domain.name) for item in subject.inputs):
            return _differs(subject, Place(rounded, found.place.sizes), found.on_kink) or found
        return found


def _inside(domain: str) -> bool:
    """Whether rounding keeps values of a domain inside it."""
    return domain in {"real", "symmetric", "binary", "pm1", "count", "integer", "onehot"}


def _differs(subject: Subject, place: Place, on_kink: bool) -> Comparison | None:
    try:
        found = compare(subject, place)
    except ClaimFailure:
        return None
    return found if found.outcome == "differs" and found.on_kink == on_kink else None


def _nothing_compared(wrt: tuple[str, ...], tally: Tally) -> Verdict:
    """Why a claim could not be compared anywhere."""
    if not tally.silent:
        return Verdict("undecided", wrt, "the derivative is not defined at any of the points that were tried")
    first = tally.silent[0]
    reason = (
        f"the claimed function returns {_short(first.claimed)} instead of a number at all {len(tally.silent)} points "
        "that were tried, where the derivative is finite, so there was nothing to compare; here is one of them"
    )
    return Verdict("undecided", wrt, reason, witness=_witness(first))


def _witness(found: Comparison) -> Witness:
    bounds = None if found.bounds is None else (float(found.bounds[0]), float(found.bounds[1]))
    return Witness(dict(found.place.values), found.entry, float(found.claimed), float(found.true), bounds)


def _region_text(subject: Subject, tally: Tally) -> str:
    """Where a claim is wrong, if it is right on the other side of a switch."""
    assert tally.wrong is not None
    new = sorted(tally.wrong_sides - tally.right_sides)
    if not tally.points or not new:
        return "the claim and the derivative differ"
    number, name, sign = new[0]
    where = f"{index_text(subject.switches[number].program, name)} {'>' if sign > 0 else '<'} 0"
    return f"right at {tally.points} points, wrong only in a region: where {where}"


def _short(value: Any) -> str:
    return mpmath.nstr(value, 6)


def _proof_text(proof: Proof) -> str:
    return f"for all sizes and all values where both are defined: {proof.method}"


def _exceptions(tally: Tally, proof: Proof | None, functions: Iterable[str]) -> tuple[str, ...]:
    notes = [f"at the points {name}(x) was {stand_in(name)}" for name in functions]
    if tally.other:
        notes.append("on kinks the claim is a valid subgradient, not the one that chainrule uses")
    if proof is not None and proof.kinks:
        notes.append(f"the proof leaves out kinks, zeros of {'; '.join(proof.kinks[:3])}; {tally.kinks} were compared")
    if tally.silent:
        notes.append(f"the function returned no number at {len(tally.silent)} more points, where the derivative does")
    if tally.undefined and tally.points:
        notes.append(f"{tally.undefined} more points were left out, where not everything is defined")
    return tuple(notes)
