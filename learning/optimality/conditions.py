"""The Karush-Kuhn-Tucker conditions of a problem: Lagrangian, stationarity, feasibility, complementary slackness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from chainrule.derive.binding import declaration
from chainrule.derive.derivation import Derivation
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula, formula
from chainrule.derive.goals import gradient, variables
from chainrule.derive.program import Input
from chainrule.learning.convexity.verdict import Convexity, convex
from chainrule.learning.optimality.constraints import Constraint, constraints, implied

#: Domains of variables that are sets without a boundary among themselves, or whose bounds are constraints.
FREE = ("real", "positive", "nonnegative", "unit", "simplex", "symmetric", "spd")


@dataclass(frozen=True)
class Problem:
    """Minimise a formula over some inputs under constraints.

    Attributes:
        objective: what is minimised.
        wrt: the variables.
        constraints: equations and inequalities, ``c = 0`` and ``c <= 0``.
        maximise: whether the objective was given to be maximised, so that its negative is minimised.
    """

    objective: Formula
    wrt: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    maximise: bool = False

    @property
    def equations(self) -> tuple[Constraint, ...]:
        """The constraints ``c = 0``."""
        return tuple(item for item in self.constraints if item.relation == "=")

    @property
    def inequalities(self) -> tuple[Constraint, ...]:
        """The constraints ``c <= 0``."""
        return tuple(item for item in self.constraints if item.relation == "<=")

    def declared(self, multipliers: Sequence[Constraint] = ()) -> str:
        """The declarations of the inputs and of some multipliers, and the named parts of the objective."""
        items = [*self.objective.inputs, *(item.multiplier for item in multipliers)]
        parts = [f"{name} = {text}" for name, text in self.objective.parts()]
        return "; ".join([*map(declaration, items), *parts])

    def lagrangian_of(self, used: Sequence[Constraint]) -> Formula:
        """The objective plus some constraints times their multipliers."""
        terms = " + ".join([self.objective.matrix(), *(item.term for item in used)])
        return formula(f"{self.declared(used)}; {terms}") if used else self.objective

    @cached_property
    def lagrangian(self) -> Formula:
        """The objective plus all constraints times their multipliers."""
        return self.lagrangian_of(self.constraints)

    @cached_property
    def stationarity(self) -> Mapping[str, Derivation]:
        """The derivation of the Lagrangian's gradient by each variable."""
        return {name: gradient(self.lagrangian, name) for name in self.wrt}

    @cached_property
    def verdict(self) -> Convexity:
        """The curvature of the objective."""
        return convex(self.objective, self.wrt)

    @cached_property
    def curvatures(self) -> Mapping[str, str]:
        """The curvature of each constraint, by its multiplier."""
        return {item.multiplier.name: item.curvature(self.wrt) for item in self.constraints}

    @property
    def crooked(self) -> tuple[Constraint, ...]:
        """The constraints that are not seen to make a convex set."""
        good = {"=": ("affine", "constant"), "<=": ("affine", "constant", "convex")}
        known = self.curvatures
        return tuple(item for item in self.constraints if known[item.multiplier.name] not in good[item.relation])

    @property
    def is_convex(self) -> bool:
        """Whether the problem is proved convex."""
        return bool(self.verdict) and not self.crooked

    @property
    def is_qualified(self) -> bool:
        """Whether all constraints are affine, so that a minimum satisfies the conditions."""
        return all(curvature in ("affine", "constant") for curvature in self.curvatures.values())

    def statements(self) -> tuple[str, ...]:
        """What the conditions are good for, in sentences."""
        what = "maximum" if self.maximise else "minimum"
        if self.is_convex:
            first = f"The problem is convex: every point that satisfies the conditions is a global {what}."
            return first, self._qualification(what)
        reasons = [f"the objective is {self.verdict.verdict}"] if not self.verdict else []
        reasons += [_why(item, self.curvatures[item.multiplier.name]) for item in self.crooked]
        first = f"The problem is not seen to be convex ({'; '.join(reasons)}): the conditions need not be sufficient."
        return first, self._qualification(f"local {what}")

    def _qualification(self, what: str) -> str:
        if self.is_qualified:
            return f"All constraints are affine, so that every {what} satisfies them."
        if self.is_convex:
            return (f"Every {what} satisfies them if some point satisfies the inequalities that are not affine strictly"
                    " (Slater's condition).")  # fmt: skip
        return f"Every {what} at which the gradients of the active constraints are independent satisfies them."


def _why(item: Constraint, curvature: str) -> str:
    if item.relation == "=":
        return f"the equation {item.text!r} is not seen to be affine"
    return f"the left side of {item.shown!r} is {curvature or 'not seen to be convex'}"


def problem(
    f: str | Formula, wrt: str | Sequence[str] | None = None, subject_to: str | Sequence[str] = (),
    maximise: bool = False,
) -> Problem:  # fmt: skip
    """A problem from texts.

    Raises:
        UnsupportedError: the objective is not scalar, or a variable's domain cannot be moved in.
        InputError: there is no constraint, a variable is no input, or a constraint cannot be read.
    """
    f = as_formula(f)
    if f.shape:
        raise UnsupportedError("the objective is a number", found=f"shape {f.shape}")
    split = [name.strip() for name in wrt.split(",")] if isinstance(wrt, str) else wrt
    names = tuple(variables(f, split))
    for name in names:
        item = f.program.by_name[name]
        if not isinstance(item, Input):
            raise InputError(f"{name} is defined by the formula", expected="an input as the variable")
        if item.domain.name not in FREE:
            raise UnsupportedError(f"{name} is restricted to {item.domain.describe}",
                                   hint=f"declare {name} as real and write the restriction as constraints")  # fmt: skip
    if maximise:
        parts = [f"{name} = {text}" for name, text in f.parts()]
        f = formula("; ".join([*map(declaration, f.inputs), *parts, f"-({f.matrix()})"]))
    texts = [subject_to] if isinstance(subject_to, str) else list(subject_to)
    free = _freed(f, names)
    found = constraints(free, names, [*texts, *implied(f, names)])
    if not found:
        raise InputError("there is no constraint", hint='write subject_to=["sum(x) = 1"], or use solve_stationary')
    return Problem(free, names, found, maximise)


def _freed(f: Formula, names: Sequence[str]) -> Formula:
    """The formula with variables that need not sum to one: that is a constraint now."""
    rows = [item.name for item in f.inputs if item.name in names and item.domain.sums_to_one]
    if not rows:
        return f
    texts = [declaration(item).replace(": simplex", ": nonnegative") if item.name in rows else declaration(item)
             for item in f.inputs]  # fmt: skip
    return formula("; ".join([*texts, *(f"{name} = {text}" for name, text in f.parts()), f.matrix()]))


def values_of(problem: Problem, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some values that are inputs of the objective."""
    names = {item.name for item in problem.objective.inputs}
    return {name: value for name, value in values.items() if name in names}
