"""Solutions, equations and conditions as formulas, from the derivation of a gradient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr

from chainrule.derive.derivation import Derivation
from chainrule.derive.errors import NoClosedFormError
from chainrule.derive.formula import Formula
from chainrule.derive.program import Definition, Dim, Index, Program
from chainrule.derive.stationarity.building import Builder, nameless
from chainrule.derive.stationarity.check import Trial, tried
from chainrule.derive.stationarity.convex import is_convex
from chainrule.derive.stationarity.elimination import eliminate
from chainrule.derive.stationarity.equation import Condition, Kind, NoSolution, Reason, Solved
from chainrule.derive.stationarity.terms import Space, closed, mentions

#: Why a solution is not given, by the outcome of trying it out.
OUTCOMES = {
    "singular": "the equations do not determine {}, or have no solution",
    "outside": "the solution for {} does not lie inside the declared domain",
    "fails": "a candidate for {} was found, but the gradient does not vanish there at random points",
}

Bindings = tuple[tuple[str, str], ...]
Reasons = tuple[tuple[str, Bindings], ...]


@dataclass(frozen=True)
class Line:
    """An equation between two formulas, and the rules that it follows by."""

    variable: str
    left: Formula
    right: Formula
    reasons: Reasons


@dataclass(frozen=True)
class Answer:
    """What was found: see ``stationary.Stationary``."""

    solution: Mapping[str, Formula]
    lines: tuple[Line, ...]
    conditions: tuple[str, ...]
    remarks: tuple[str, ...]
    kind: Kind


def answer(derivation: Derivation) -> Answer:
    """The stationary point of the formula whose gradient was derived.

    Raises:
        NoClosedFormError: if there is none by these methods, or none at all.
    """
    writer = _Writer(derivation)
    found = writer.solved()
    solution = writer.solution(found)
    writer.check(found, solution)
    statements = [writer.statement(condition) for done in found for condition in done.conditions]
    kind, why = writer.kind(found)
    certain = [text for text, holds in statements if holds]
    return Answer(
        solution,
        tuple(line for done in found for line in writer.lines(done)),
        tuple(dict.fromkeys(text for text, holds in statements if not holds)),
        (*dict.fromkeys(certain), *why),
        kind,
    )


class _Writer:
    """Everything about one derivation."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.names = derivation, derivation.wrt
        self.program = nameless(_joined([item.program for item in derivation.result.values()]))
        self.space = Space(self.program, self.names)

    def solved(self) -> list[Solved]:
        """Every unknown, in the order of the elimination."""
        entries = {}
        for name, item in self.derivation.result.items():
            axes = self.space.axes(self.space.input(name).shape)
            entries[name] = (self.space.entry(item.output.name, axes), axes)
        try:
            return eliminate(self.space, entries)
        except NoSolution as failure:
            raise self.refusal(failure) from None

    def refusal(self, failure: NoSolution) -> NoClosedFormError:
        """The reason why there is no closed form, in words."""
        term = ""
        if failure.term is not None:
            term = self.text(closed(self.space, failure.term), failure.axes)
        return NoClosedFormError(
            f"no closed form by this method: {failure.reason}",
            found=term,
            hint="kernel(..) compiles value and gradient for a numerical optimiser",
        )

    # ---- formulas ------------------------------------------------------------------------------------

    def formula(self, expr: Expr, axes: Sequence[Expr], shape: Sequence[Expr], name: str) -> Formula:
        """An expression as a formula of all inputs."""
        builder = Builder(self.program, self.space.lengths)
        name = builder.names(name)
        builder.define(name, expr, axes, shape)
        return builder.formula(name, ())

    def text(self, expr: Expr, axes: Sequence[Index]) -> str:
        """An expression in matrix notation."""
        return self.formula(expr, axes, [self.space.lengths[axis] for axis in axes], "q").matrix()

    def solution(self, found: Sequence[Solved]) -> dict[str, Formula]:
        """Every unknown as a formula of what is no unknown."""
        builder = Builder(self.program, self.space.lengths)
        for done in _in_order(found):
            builder.define(done.unknown, done.value, done.axes, self.space.input(done.unknown).shape)
        return {name: builder.formula(name, self.names) for name in self.names}

    def lines(self, done: Solved) -> Iterator[Line]:
        """Gradient set to zero, the equation that is solved, and the solution."""
        shape, name = self.space.input(done.unknown).shape, done.unknown
        zero = self.formula(done.value * 0, done.axes, shape, "zero")
        yield Line(name, self.gradient(done), zero, (self.reason(done.why),))
        left, right = (self.formula(side, done.axes, shape, "side") for side in (done.move.left, done.move.right))
        own = self.formula(self.space.input(name)[done.axes], done.axes, shape, "side")
        value = self.formula(done.value, done.axes, shape, "side")
        if (left, right) != (own, value):
            yield Line(name, left, right, tuple(map(self.reason, done.move.reasons)))
            yield Line(name, own, value, ((done.rule, (("name", name),)),))
        else:
            reasons = (*done.move.reasons[:-1], Reason(done.rule, (("name", name),)))
            yield Line(name, own, value, tuple(map(self.reason, reasons)))

    def gradient(self, done: Solved) -> Formula:
        """What must vanish: the gradient or, for a symmetric unknown, its symmetric part."""
        found = self.derivation.result[done.unknown]
        if done.why.rule == "stationary-point":
            return found
        own = self.space.entry(found.output.name, done.axes)
        both = own + self.space.entry(found.output.name, done.axes[::-1])
        return self.formula(both, done.axes, found.shape, "side")

    def reason(self, reason: Reason) -> tuple[str, Bindings]:
        """A rule with its parts as texts."""
        return reason.rule, tuple((name, self.part(*value)) for name, *value in reason.parts)

    def part(self, value: str | Expr, axes: tuple[Index, ...] = ()) -> str:
        """A part of a reason as text."""
        return value if isinstance(value, str) else self.text(value, axes)

    def statement(self, condition: Condition) -> tuple[str, bool]:
        """A condition in words, and whether it certainly holds."""
        parts = [self.text(expr, axes) for expr, axes in condition.parts]
        return f"{self.about(condition).matrix()} {condition.says.format(*parts)}", condition.certain

    def about(self, condition: Condition) -> Formula:
        """What a condition is about."""
        shape = [self.space.lengths[axis] for axis in condition.axes]
        return self.formula(condition.expr, condition.axes, shape, "q")

    # ---- what is true of it ------------------------------------------------------------------------------

    def kind(self, found: Sequence[Solved]) -> tuple[Kind, tuple[str, ...]]:
        """What the point certainly is, and why."""
        kinds = {done.kind for done in found}
        if len(kinds) == 1 and kinds != {"stationary point"}:
            (kind,) = kinds
            return kind, (f"The form of the equations shows that it is a {kind}",)
        formula = self.derivation.formula
        space = Space(formula.differentiable, self.names)
        if is_convex(space, space.entry(space.program.output.name, ())):
            return "minimum", (f"{formula.output.name} is convex in {' and '.join(self.names)}, so it is a minimum",)
        return "stationary point", ()

    def check(self, found: Sequence[Solved], solution: Mapping[str, Formula]) -> None:
        """Tries the solution out.

        Raises:
            NoClosedFormError: if the equations are singular, whatever the numbers.
        """
        self.check_lengths(solution)
        trial = Trial(
            {name: item.program for name, item in self.derivation.result.items()},
            {name: item.program for name, item in solution.items()},
            [self.about(c).program for done in found for c in done.conditions if c.says == "is not 0"],
            frozenset(name for name in self.names if self.space.symmetry.of_item(name)),
        )
        outcome = tried(trial)
        if outcome != "holds":
            raise NoClosedFormError(
                "no closed form by this method: " + OUTCOMES[outcome].format(", ".join(self.names)),
                hint=f"a penalty such as lam*norm({self.names[0]})^2 makes the point unique"
                if outcome == "singular"
                else "",
            )

    def check_lengths(self, solution: Mapping[str, Formula]) -> None:
        """Raises ``NoClosedFormError`` if a solution has a length that no other input tells."""
        for name, item in solution.items():
            known = {length for given in item.inputs for axis in given.shape for length in axis.atoms(Dim)}
            lost = [str(length) for length in item.program.dims if length not in known]
            if lost:
                raise NoClosedFormError(
                    f"no closed form by this method: {name} = {item.matrix()}, but no other input tells "
                    f"the length {lost[0]}"
                )


def _joined(programs: Sequence[Program]) -> Program:
    """One program with the definitions of all."""
    definitions: dict[str, Definition] = {}
    for program in programs:
        definitions |= {item.name: item for item in program.definitions if item.name not in definitions}
    return Program(programs[0].inputs, tuple(definitions.values()), tuple(p.outputs[0] for p in programs))


def _in_order(found: Sequence[Solved]) -> list[Solved]:
    """Solutions after those that they refer to."""
    waiting, ordered = list(found), list[Solved]()
    while waiting:
        names = [done.unknown for done in waiting]
        done = next(d for d in waiting if not mentions(d.value, [name for name in names if name != d.unknown]))
        waiting.remove(done)
        ordered.append(done)
    return ordered
