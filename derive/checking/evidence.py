"""Evidence for every step of a derivation: both sides computed in many digits, on their own.

A side that is a derivative is the slope of what it is the derivative of, by differences along a
random direction; no code of the calculus takes part.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from sympy import Expr, Float, Integer

from chainrule.derive.checking.comparison import digits_between, finite
from chainrule.derive.checking.instances import definition_instance, instance
from chainrule.derive.checking.sampling import exact, sample, size_assignments, to_mp
from chainrule.derive.derivation import Derivation
from chainrule.derive.narrative.model import inlined_parts
from chainrule.derive.numeric import MPMATH, Array, bind_dims, evaluate, evaluate_definition
from chainrule.derive.program import Definition, Dim, Index, Program, Ref
from chainrule.derive.scalar_moves import pending
from chainrule.derive.steps import Along, Partial, Slope, Step

#: Digits that are computed with; half of them may be lost to differences.
DIGITS = 60
#: Distance over which differences are taken.
DISTANCE = 20
#: Digits to which both sides must agree.
ENOUGH = 20
#: Points that are tried.
POINTS = 3
#: Sizes at which a derivation is checked.
SIZES = ((2, 3, 4), (3, 2, 2))

#: Rules of steps from the derivative of one entry by one entry to what it is.
LINKS = frozenset({"link", "softmax-quotient"})

Point = Mapping[str, Array]


@dataclass(frozen=True)
class Evidence:
    """How well both sides of one step agree.

    Attributes:
        step: the step.
        digits: decimal digits that agree, the least at all points; ``None`` if a side has no value there.
        points: how many points were tried.
    """

    step: Step
    digits: int | None
    points: int

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against the step."""
        return self.digits is None or self.digits >= ENOUGH

    def __str__(self) -> str:
        return "no value" if self.digits is None else f"{'' if self.holds else 'only '}{self.digits} digits"


def evidence(derivation: Derivation) -> tuple[Evidence, ...]:
    """Every step of a derivation computed on its own, at random points of random small sizes.

    Args:
        derivation: any derivation.

    Returns:
        One record for every step that is not a definition, its local derivatives included.
    """
    with mpmath.workdps(DIGITS):
        places = list(_places(derivation))
        return tuple(
            _summed(step, [place.digits(step, together) for place in places])
            for step, together in _steps(derivation.steps)
        )


def _steps(steps: Sequence[Step]) -> Iterator[tuple[Step, tuple[Step, ...]]]:
    """Every step that is not a definition, with those that make up one derivative with it."""
    for step in steps:
        if step.rule != "definition":
            for substep in step.substeps:
                for move in substep.substeps:
                    yield move, (move,) if move.rule in LINKS else ()
                yield substep, tuple(link for link in step.substeps if _about(link) == _about(substep))
            yield step, ()


def _about(step: Step) -> tuple[str, str] | None:
    """The quantity that is differentiated locally, and the variable."""
    part = step.before.body
    return (part.output.name, part.variable.name) if isinstance(part, Partial) else None


def _summed(step: Step, found: Sequence[float | None]) -> Evidence:
    digits = [int(number) for number in found if number is not None]
    return Evidence(step, min(digits) if digits else None, len(found))


def _places(derivation: Derivation) -> Iterator[_Place]:
    context = instance(derivation.context)
    hidden = inlined_parts(derivation.context, derivation.steps)
    for seed, sizes in zip(range(POINTS), itertools.cycle(size_assignments(context, SIZES)), strict=False):
        rng = np.random.default_rng(seed)
        values = exact(context.inputs, sample(context.inputs, sizes, rng))
        yield _Place(context, evaluate(context, values, MPMATH), rng, hidden)


@dataclass(frozen=True)
class _Place:
    """One point: the value of every quantity there."""

    context: Program
    env: Point
    rng: np.random.Generator
    hidden: Mapping[str, str]

    def digits(self, step: Step, together: Sequence[Step]) -> float | None:
        """The digits to which both sides of a step agree; ``together`` are the links of one derivative."""
        sides = self._moves(step) if step.before.body.has(Slope) else self._sides(step, together)
        left, right = (np.asarray(side, dtype=object) for side in sides)
        if not (finite(left) and finite(right)):
            return None
        scale = max((abs(entry) for entry in (*np.ravel(left), *np.ravel(right))), default=1)
        gaps = (digits_between(gap, max(scale, 1)) for gap in np.ravel(left - right))
        return min(gaps, default=float(DIGITS))

    def _sides(self, step: Step, together: Sequence[Step]) -> tuple[Any, Any]:
        """Both sides; of a derivative by an array, both along one direction."""
        part = step.before.body
        if isinstance(part, Along):
            moves = {name: self.env[direction] for name, direction in part.directions.items()}
            return self._slope(self.context.definitions, part.output.name, moves), self._value(step.after)
        if not isinstance(part, Partial):
            return self._value(step.before), self._value(step.after)
        local = step.rule in LINKS or step.rule == "local-derivative"
        definitions = self._locally(part.output.name) if local else self.context.definitions
        direction = self._direction(part.variable.name)
        slope = self._slope(definitions, part.output.name, {part.variable.name: direction})
        if step.rule in LINKS:
            return slope, sum(self._along(link, direction, np.shape(slope)) for link in together)
        return slope, np.tensordot(self._value(step.after), direction, axes=direction.ndim)

    def _value(self, definition: Definition) -> Array:
        """A side without derivatives of arrays; those of scalars are computed by differences."""
        one = to_mp(np.array(1.0))
        numbers = {
            part: Float(str(self._slope(self.context.definitions, part.output.name, {part.variable.name: one})), DIGITS)
            for part in definition.body.atoms(Partial)
        }
        definition = definition_instance(definition.with_body(definition.body.xreplace(numbers)))
        return evaluate_definition(definition, self.env, self.dims, MPMATH)

    @property
    def dims(self) -> dict[Dim, int]:
        """The sizes at this point."""
        return bind_dims(self.context.inputs, self.env)

    def _direction(self, name: str) -> Array:
        return to_mp(np.round(self.rng.uniform(-1, 1, np.shape(self.env[name])), 3))

    def _slope(self, definitions: Sequence[Definition], output: str, moves: Point) -> Array:
        """The derivative of a quantity along directions of other ones, by central differences."""
        step = mpmath.mpf(10) ** -DISTANCE
        ends = []
        for side in (1, -1):
            moved = {name: np.asarray(self.env[name] + side * step * moves[name], dtype=object) for name in moves}
            ends.append(self._after(definitions, moved)[output])
        return np.asarray((ends[0] - ends[1]) / (2 * step), dtype=object)

    def _after(self, definitions: Sequence[Definition], values: Point) -> Point:
        """Every quantity after some of them, inputs or not, have got other values."""
        env, changed = {**self.env, **values}, set(values)
        for definition in definitions:
            if definition.name not in values and definition.reads & changed:
                env[definition.name] = evaluate_definition(definition, env, self.dims, MPMATH)
                changed.add(definition.name)
        return env

    def _locally(self, reader: str) -> list[Definition]:
        """A quantity and the parts that are told as a part of it; whatever else it reads is given."""
        quantity = self.context.by_name[reader]
        assert isinstance(quantity, Definition)
        own = {reader, *(name for name, owner in self.hidden.items() if owner == reader)}
        if not quantity.reduce:
            own |= {item.name for item in self.context.definitions
                    if item.name in quantity.reads and item.reduce == "logsumexp"}  # fmt: skip
        return [item for item in self.context.definitions if item.name in own]

    def _along(self, link: Step, direction: Array, shape: tuple[int, ...]) -> Array:
        """What a local derivative makes of a direction, entry by entry."""
        part = link.before.body
        assert isinstance(part, Partial)
        total = np.full(shape, mpmath.mpf(0), dtype=object)
        slopes = np.asarray(self._value(link.after), dtype=object)
        for place in itertools.product(*map(range, slopes.shape)):
            numbers = dict(zip(link.after.free, map(Integer, place), strict=True))
            above, below = (self._places_of(ref, numbers) for ref in (part.output, part.variable))
            if all(0 <= index < size for index, size in zip(below, direction.shape, strict=True)):
                total[above] += slopes[place] * direction[below]
        return total

    def _places_of(self, ref: Ref, numbers: Mapping[Index, Integer]) -> tuple[int, ...]:
        """Where an entry stands, labels looked up."""
        sizes = {length: Integer(size) for length, size in self.dims.items()}
        places = []
        for index in ref.indices:
            place = index.xreplace(numbers).xreplace(sizes)
            labels = {label: self.env[label.name][self._places_of(label, {})] for label in place.atoms(Ref)}
            places.append(int(place.xreplace({label: Integer(int(value)) for label, value in labels.items()})))
        return tuple(places)

    def _moves(self, step: Step) -> tuple[Any, Any]:
        """Both sides of a move of scalars, every entry in it being a number of its own."""
        refs = sorted(step.before.body.atoms(Ref) | step.after.body.atoms(Ref), key=lambda ref: ref.sort_key())
        symbols = {ref: Ref(ref.args[0].func(f"x{n}", **ref.args[0].assumptions0)) for n, ref in enumerate(refs)}
        env = {symbols[ref].name: np.asarray(self._some(ref, n), dtype=object) for n, ref in enumerate(refs)}
        indices = {index: Integer(n) for n, index in enumerate(step.before.free)}
        left, right = (side.body.xreplace(symbols).xreplace(indices) for side in (step.before, step.after))
        return self._scalar(left, env), self._scalar(right, env)

    def _some(self, ref: Ref, number: int) -> Any:
        """Some entry of an array, another one for another number; of whole numbers a fraction, as 0 and 1 hide much."""
        entries = np.ravel(self.env[ref.name])
        entry = entries[number % len(entries)]
        return to_mp(np.round(self.rng.uniform(0.2, 0.9, ()), 3))[()] if mpmath.isint(entry) else entry

    def _scalar(self, body: Expr, env: Point) -> Any:
        """A scalar in which derivatives are not worked out; these are computed by differences."""
        step = mpmath.mpf(10) ** -DISTANCE
        numbers = {}
        for slope in pending(body):
            name = slope.variable.name
            ends = [self._scalar(slope.body, {**env, name: np.asarray(env[name] + side * step)}) for side in (1, -1)]
            if not finite(np.asarray(ends)):
                return mpmath.nan
            numbers[slope] = Float(str((ends[0] - ends[1]) / (2 * step)), DIGITS)
        definition = definition_instance(Definition("", (), body.xreplace(numbers)))
        return evaluate_definition(definition, env, self.dims, MPMATH)[()]
