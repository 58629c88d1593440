"""Numerical comparison of a claimed derivative with the engine's, in 50 digits.

The engine's derivative is itself checked against differences of the formula's own value, so that
a fault of the engine makes a comparison worthless instead of wrong.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import mpmath
import numpy as np
import numpy.typing as npt

from chainrule.derive.checking.kinks import ZERO_EXACT, ZERO_FLOAT, Switches, crossings, signs
from chainrule.derive.checking.sampling import edge_sample, exact, sample, scaled_sample, shifted_sample, to_mp
from chainrule.derive.edges import without_notes
from chainrule.derive.numeric import FLOAT64, MPMATH, Backend, evaluate
from chainrule.derive.program import Dim, Input, Program
from chainrule.derive.zero_products import has_infinite

Array = npt.NDArray[Any]
Point = dict[str, Array]
#: A claimed derivative as a function of a point in mpmath numbers and the sizes.
Claim = Callable[[Mapping[str, Array], Mapping[Dim, int]], Array]

#: Working precision in decimal digits, and a second one that tells rounding from difference.
DIGITS, MORE_DIGITS = 50, 100
#: Digits of a claimed value that more precision must leave alone for a difference to count.
STABLE_DIGITS = 10
#: Sizes below this count as rounding noise of numbers around 1.
FLOOR = 1e-6
#: Precision, step of the central differences and digits to which they must confirm the engine, in
#: two attempts: their error is about the square of the step, and rounding over the step.
ENGINE_CHECKS = ((50, 16, 20), (160, 50, 20))
#: Distance at which one-sided limits of the derivative are taken around a kink.
NEARBY = mpmath.mpf(10) ** -25
NEARBY_FLOAT = 1e-7
#: Digits to which a claim on a kink must respect the limits, which are taken nearby.
KINK_DIGITS = 12.0
#: Kinks that a point may be on at once, and draws per pattern of their signs.
MAX_KINKS, DRAWS = 3, 48
#: Values above this are not evaluated in many digits: iterated exponentials would not end.
HUGE = 1e200
#: Candidates that a search looks at, and points it keeps for each switch.
CANDIDATES, KEPT = 120, 2

#: A sign that a switch takes: the number of its group, its name, and the sign.
Side = tuple[int, str, int]
Outcome = Literal["agrees", "differs", "unclear", "undefined", "claim undefined", "engine fault"]


@dataclass(frozen=True)
class Place:
    """A point to compare at; ``usual`` points are no boundary cases of their domains."""

    values: Point
    sizes: Mapping[Dim, int]
    usual: bool = True


@dataclass(frozen=True)
class Comparison:
    """The outcome at one point.

    Attributes:
        outcome: what was found.
        place: the point.
        digits: agreement in decimal digits.
        entry: the entry that differs most.
        claimed, true: its two values.
        bounds: at a kink, the interval of valid values of that entry.
        on_kink: whether the point is on a kink.
        other: whether the claim is valid but not the engine's own choice at the kink.
    """

    outcome: Outcome
    place: Place
    digits: float = 0.0
    entry: tuple[int, ...] = ()
    claimed: Any = None
    true: Any = None
    bounds: tuple[Any, Any] | None = None
    on_kink: bool = False
    other: bool = False


@dataclass(frozen=True)
class Subject:
    """What a claim is compared with.

    Attributes:
        value: the formula's program.
        derivative: the engine's program; its output ``name`` is the derivative by ``wrt``.
        name, wrt: see above.
        switches: the switches of the formula and of the claim.
        claim: the claim.
        tolerant: digits that count as agreement, and below which values differ.
        slope: the program and name whose differences confirm the engine, if not the value.
        claim_program: the program of the claim, unless it is a function.
        full: the output over all entries, if ``name`` is the one over independent entries.
    """

    value: Program
    derivative: Program
    name: str
    wrt: str
    claim: Claim
    switches: tuple[Switches, ...] = ()
    tolerant: tuple[float, float] = (30.0, 25.0)
    slope: tuple[Program, str] | None = None
    claim_program: Program | None = None
    full: str = ""

    @property
    def checked(self) -> str:
        """The output that the differences confirm."""
        return self.full or self.name

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The declared inputs."""
        return self.value.inputs


# ---- one point ---------------------------------------------------------------------------------------


def compare(subject: Subject, place: Place, thorough: bool = True) -> Comparison:
    """The claim against the derivative at one point; unless thorough, without engine check and kinks."""
    programs = [subject.derivative, *([subject.claim_program] if subject.claim_program else [])]
    if not all(_moderate(program, place.values) for program in programs):
        return Comparison("undefined", place)
    with mpmath.workdps(DIGITS):
        first = _compare(subject, place, thorough)
    if first.outcome not in {"differs", "unclear"} or first.on_kink or subject.claim_program is None:
        return first
    with mpmath.workdps(MORE_DIGITS):
        second = _compare(subject, place, thorough=False)
    if second.outcome != "differs":
        return second if second.outcome == "agrees" else replace(first, outcome="unclear")
    # The sizes of the gap are compared, not single entries: several may be equally wrong.
    before, after = abs(first.claimed - first.true), abs(second.claimed - second.true)
    stable = digits_between(before - after, before) > STABLE_DIGITS
    return first if stable else replace(first, outcome="unclear")


def _moderate(program: Program, values: Mapping[str, Array]) -> bool:
    """Whether no intermediate value is so large that arithmetic in many digits would not end."""
    found = evaluate(program, values)
    if has_infinite(program):  # what -inf leaves nothing of
        found = {name: np.where(np.isinf(array), 0.0, array) for name, array in found.items()}
    return all(bool(np.all(~(np.abs(array) > HUGE))) for array in found.values())


def _compare(subject: Subject, place: Place, thorough: bool) -> Comparison:
    point = exact(subject.inputs, place.values)
    found = evaluate(subject.derivative, point, MPMATH)
    truth = found[subject.name]
    if not (finite(truth) and finite(found[subject.derivative.outputs[0]])):
        return Comparison("undefined", place)
    kinks = len(set().union(*kinks_at(subject, point, MPMATH).values()))
    if thorough and not kinks and not engine_agrees(subject, place):
        return Comparison("engine fault", place)
    claimed = subject.claim(point, place.sizes)
    if not finite(claimed):
        silent = place.usual and not kinks and _defined_as_printed(subject, point)
        return _no_number(place, claimed, truth) if silent else Comparison("undefined", place)
    direct = _against(subject, place, claimed, truth)
    if not kinks or direct.outcome == "agrees":
        return replace(direct, on_kink=kinks > 0)
    return _at_kink(subject, place, point, claimed, kinks) if thorough else Comparison("undefined", place)


def _defined_as_printed(subject: Subject, point: Mapping[str, Array]) -> bool:
    """Whether the engine's derivative is defined without saying more than its closed form does."""
    return finite(evaluate(without_notes(subject.derivative), point, MPMATH)[subject.name])


def _no_number(place: Place, claimed: Array, truth: Array) -> Comparison:
    """The first entry of a claim that is no number."""
    entry = next(index for index in np.ndindex(truth.shape) if not mpmath.isfinite(claimed[index]))
    return Comparison("claim undefined", place, entry=entry, claimed=claimed[entry], true=truth[entry])


def finite(array: Array) -> bool:
    """Whether all entries are finite numbers."""
    return all(mpmath.isfinite(entry) for entry in np.ravel(array))


def digits_between(error: Any, scale: Any) -> float:
    """Agreement in decimal digits."""
    if not error:
        return float(mpmath.mp.dps)
    return float(-mpmath.log10(abs(error) / max(scale, mpmath.mpf(FLOOR))))


def _against(subject: Subject, place: Place, claimed: Array, truth: Array) -> Comparison:
    if not truth.size:
        return Comparison("undefined", place)
    gaps = np.asarray(abs(claimed - truth))
    entry = tuple(int(n) for n in np.unravel_index(_largest(gaps), truth.shape))
    scale = max(max(map(abs, np.ravel(truth))), max(map(abs, np.ravel(claimed))))
    digits = digits_between(gaps[entry], scale)
    enough, few = subject.tolerant
    outcome: Outcome = "agrees" if digits >= enough else "differs" if digits < few else "unclear"
    return Comparison(outcome, place, digits, entry, claimed[entry], truth[entry])


def _largest(gaps: Array) -> int:
    entries = list(np.ravel(gaps))
    return max(range(len(entries)), key=entries.__getitem__)


# ---- the engine against differences ------------------------------------------------------------------


def engine_agrees(subject: Subject, place: Place) -> bool:
    """Whether the engine's derivative along a direction is the slope of the value itself."""
    return any(_slope_agrees(subject, place, *check) for check in ENGINE_CHECKS)


def _slope_agrees(subject: Subject, place: Place, precision: int, exponent: int, enough: int) -> bool:
    program, output = subject.slope or (subject.value, subject.value.outputs[0])
    with mpmath.workdps(precision):
        point, step = exact(subject.inputs, place.values), mpmath.mpf(10) ** -exponent
        truth, center = evaluate(subject.derivative, point, MPMATH)[subject.checked], point[subject.wrt]
        rng = np.random.default_rng(center.size)
        direction = to_mp(np.round(rng.uniform(-1, 1, center.shape), 3))
        ends = []
        for side in (1, -1):
            moved = {**point, subject.wrt: np.asarray(center + side * step * direction, dtype=object)}
            ends.append(evaluate(program, moved, MPMATH)[output])
        if not (finite(ends[0]) and finite(ends[1])):
            return True
        slope = np.asarray((ends[0] - ends[1]) / (2 * step), dtype=object)
        expected = np.asarray(np.tensordot(truth, direction, axes=center.ndim), dtype=object)
        scale = max(max(map(abs, np.ravel(slope))), max(map(abs, np.ravel(expected))), 1)
        return all(digits_between(gap, scale) >= enough for gap in np.ravel(slope - expected))


# ---- kinks ---------------------------------------------------------------------------------------------


def _at_kink(
    subject: Subject, place: Place, point: Mapping[str, Array], claimed: Array, kinks: int
) -> Comparison:
    """Whether the claim lies between the limits of the derivative from all sides."""
    if kinks > MAX_KINKS:
        return Comparison("undefined", place)
    low = high = None
    for limit in _limits(subject, point, DRAWS * 2**kinks):
        if finite(limit):
            low, high = (limit, limit) if low is None else (_least(low, limit), _greatest(high, limit))
            found = _between(subject, place, claimed, low, high)
            if found.outcome == "agrees":
                return found
    return Comparison("undefined", place) if low is None else found


def _between(subject: Subject, place: Place, claimed: Array, low: Array, high: Array) -> Comparison:
    """Whether every claimed entry lies in the interval of its limits."""
    outside = _greatest(low - claimed, claimed - high)
    entry = tuple(int(n) for n in np.unravel_index(_largest(outside), outside.shape))
    scale = max(abs(low[entry]), abs(high[entry]), abs(claimed[entry]))
    right = outside[entry] <= 0 or digits_between(outside[entry], scale) >= min(KINK_DIGITS, subject.tolerant[0])
    return Comparison(
        "agrees" if right else "differs", place, subject.tolerant[0], entry, claimed[entry],
        (low[entry] + high[entry]) / 2, (low[entry], high[entry]), on_kink=True, other=right,
    )  # fmt: skip


def _least(left: Any, right: Any) -> Array:
    return np.asarray(np.frompyfunc(min, 2, 1)(left, right), dtype=object)


def _greatest(left: Any, right: Any) -> Array:
    return np.asarray(np.frompyfunc(max, 2, 1)(left, right), dtype=object)


def _limits(subject: Subject, point: Mapping[str, Array], draws: int) -> Iterator[Array]:
    """The derivative at points around a kink, every continuous input moved a little."""
    rng = np.random.default_rng(draws)
    for _ in range(draws // 2):
        steps = {name: to_mp(step) for name, step in _steps(subject.inputs, point, rng).items()}
        for side in (NEARBY, -NEARBY):
            yield evaluate(subject.derivative, _moved(point, steps, side), MPMATH)[subject.name]


def _steps(inputs: Sequence[Input], point: Mapping[str, Array], rng: np.random.Generator) -> Point:
    """A direction in which every continuous input moves."""
    movable = [item.name for item in inputs if not (item.domain.values or item.domain.integer)]
    return {name: np.round(rng.uniform(-1, 1, np.shape(point[name])), 3) for name in movable}


def _moved(point: Mapping[str, Array], steps: Mapping[str, Array], size: Any) -> Point:
    return {**point, **{name: np.asarray(point[name] + size * step) for name, step in steps.items()}}


def kinks_at(subject: Subject, point: Mapping[str, Array], backend: Backend) -> dict[tuple[int, str], set[float]]:
    """The kinks that a point is on, by switch; switches without one are left out.

    A kink is told by how fast its switch changes along one direction, so that the same switch in
    formula and claim is one kink.
    """
    if not any(group.all for group in subject.switches):
        return {}
    exactly = backend is MPMATH
    steps = _steps(subject.inputs, point, np.random.default_rng(1))
    if exactly:
        steps = {name: to_mp(step) for name, step in steps.items()}
    near = NEARBY if exactly else NEARBY_FLOAT
    beside = _moved(point, steps, near)
    found = {}
    for number, group in enumerate(subject.switches):
        here, there = group.evaluate(point, backend), group.evaluate(beside, backend)
        for switch in group.all:
            tolerance = ZERO_EXACT if exactly else ZERO_FLOAT
            if hits := crossings(here[switch.name], there[switch.name], tolerance):
                found[number, switch.name] = {float(f"{float(abs(moved) / near):.4g}") for moved in hits}
    return found


# ---- which points ----------------------------------------------------------------------------------------


def generic_places(
    inputs: Sequence[Input], assignments: Iterable[Mapping[Dim, int]], rng: np.random.Generator, count: int
) -> Iterator[Place]:
    """Usual points and points near and far, at every size."""
    for sizes in assignments:
        for number in range(count):
            draw = sample if number % 3 < 2 else scaled_sample
            yield Place(draw(inputs, sizes, rng), sizes)


def shifted_places(
    inputs: Sequence[Input], assignments: Sequence[Mapping[Dim, int]], rng: np.random.Generator
) -> Iterator[Place]:
    """Points for formulas that are not defined at usual ones, smallest sizes first."""
    for _ in range(CANDIDATES):
        sizes = min(assignments, key=lambda row: sum(row.values()))
        yield Place(shifted_sample(inputs, sizes, rng), sizes)


def region_places(
    subject: Subject, assignments: Sequence[Mapping[Dim, int]], rng: np.random.Generator
) -> Iterator[Place]:
    """Points at which a switch takes a sign that no earlier candidate showed."""
    seen: set[Side] = set()
    wanted = 2 * sum(not switch.ties for group in subject.switches for switch in group.all)
    for number, sizes in zip(range(CANDIDATES), itertools.cycle(assignments), strict=False):
        if len(seen) >= wanted:
            return
        draw = (sample, scaled_sample, edge_sample)[number % 3]
        values = draw(subject.inputs, sizes, rng)
        if new := sides(subject, values) - seen:
            seen |= new
            yield Place(values, sizes, usual=False)


def sides(subject: Subject, values: Mapping[str, Array]) -> set[Side]:
    """The signs that the switches take at a point."""
    return {
        (number, switch.name, sign)
        for number, group in enumerate(subject.switches)
        for name, array in group.evaluate(values).items()
        for switch in group.all
        if switch.name == name
        for sign in signs(switch, array)
    }


def kink_places(
    subject: Subject, assignments: Sequence[Mapping[Dim, int]], rng: np.random.Generator
) -> Iterator[Place]:
    """Points on kinks: few at once, and each switch a few times."""
    counts: dict[tuple[int, str], int] = {
        (number, switch.name): 0 for number, group in enumerate(subject.switches) for switch in group.all
    }
    for number, sizes in zip(range(CANDIDATES), itertools.cycle(assignments), strict=False):
        if all(count >= KEPT for count in counts.values()):
            return
        values = kink_candidate(subject.inputs, sizes, rng, number)
        hits = kinks_at(subject, values, FLOAT64)
        if 0 < len(set().union(*hits.values())) <= MAX_KINKS and any(counts[key] < KEPT for key in hits):
            for key in hits:
                counts[key] += 1
            yield Place(values, sizes, usual=False)


def kink_candidate(
    inputs: Sequence[Input], sizes: Mapping[Dim, int], rng: np.random.Generator, number: int
) -> Point:
    """A point of small integers, or a usual one in which something is zero or equal to something else."""
    if number % 2:
        return edge_sample(inputs, sizes, rng)
    values = sample(inputs, sizes, rng)
    real = [item.name for item in inputs if item.domain.name == "real" and values[item.name].size]
    if real:
        name = real[int(rng.integers(len(real)))]
        alike = [other for other in real if other != name and values[other].shape == values[name].shape]
        _MARKS[number // 2 % len(_MARKS)](values[name], values[alike[0]] if alike else 0.0, rng)
    return values


def _zero_entry(array: Array, other: Any, rng: np.random.Generator) -> None:
    array.reshape(-1)[rng.integers(array.size)] = 0.0


def _equal_entries(array: Array, other: Any, rng: np.random.Generator) -> None:
    target, source = rng.integers(0, array.size, 2)
    array.reshape(-1)[target] = array.reshape(-1)[source]


def _zero_row(array: Array, other: Any, rng: np.random.Generator) -> None:
    rows = array.reshape(len(array) if array.ndim > 1 else 1, -1)
    rows[rng.integers(len(rows))] = 0.0


def _all_equal(array: Array, other: Any, rng: np.random.Generator) -> None:
    """The array as another one of its shape, so that their difference is zero; zero if there is none."""
    array[...] = other


_MARKS = (_zero_entry, _zero_row, _equal_entries, _all_equal)
