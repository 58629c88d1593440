"""Stationary points in closed form: where the gradient of a scalar formula is zero, and how that follows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from chainrule.derive.derivation import Derivation, formula_dict, formula_from
from chainrule.derive.errors import InputError, NoClosedFormError
from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import gradient, variables
from chainrule.derive.narrative.result import results
from chainrule.derive.narrative.symbols import indexed, named, partial, shown
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.page import Detail, Form, Line, Page, Section, Shown
from chainrule.derive.render.printed import Printed
from chainrule.derive.rules import BY_ID
from chainrule.derive.stationarity.answer import answer
from chainrule.derive.stationarity.equation import Kind
from chainrule.derive.steps import NOTHING_CHECKED, Checked

SCHEMA = 1

#: Domains of unknowns that can move in every direction from any of their values.
FREE = frozenset({"real", "positive", "nonnegative", "unit", "symmetric", "spd", "psd", "invertible"})


@dataclass(frozen=True)
class EquationStep:
    """One line of a solution: an equation that follows from the one before.

    Attributes:
        variable: the unknown that the equation is solved for.
        left, right: both sides, formulas of all inputs.
        reasons: ids of the rules that it follows by, each with what the rule's parts are here.
    """

    variable: str
    left: Formula
    right: Formula
    reasons: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]

    @property
    def note(self) -> str:
        """The reasons in words."""
        return " ".join(BY_ID[rule].say(bindings) for rule, bindings in self.reasons)


@dataclass(frozen=True)
class Stationary(Printed):
    """Where a gradient is zero.

    Attributes:
        formula: the formula whose gradient is zero.
        wrt: the unknowns.
        solution: every unknown in closed form, a formula of the other inputs.
        equations: what was solved, in order: the gradient set to zero, the equation in the form in
            which it is solved, and the solution; the latter may refer to other unknowns.
        conditions: what must hold for the solution to exist, or to lie in the declared domain.
        remarks: what is known to hold, and why.
        kind: what the stationary point certainly is.
        gradient: the derivation of the gradient.
    """

    formula: Formula
    wrt: tuple[str, ...]
    solution: Mapping[str, Formula]
    equations: tuple[EquationStep, ...]
    conditions: tuple[str, ...]
    remarks: tuple[str, ...]
    kind: Kind
    gradient: Derivation

    def page(
        self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix"
    ) -> Page:
        """Gradient, equations, solution and conditions as lines, for any renderer."""
        sections = list(self.gradient.reasoning(detail, checked=checked, form=form))
        solutions = [(named(name), _standing_alone(self.solution[name], self.wrt), name) for name in self.wrt]
        sections += [Section("Gradient set to zero", tuple(map(self._line, self.equations))), results(solutions)]
        conditions = [f"Condition: {condition}." for condition in self.conditions]
        remarks = [f"{remark}." for remark in self.remarks]
        return Page(_title(self), tuple(sections), (*conditions, *remarks, *self.gradient.assumptions))

    def _line(self, equation: EquationStep) -> Line:
        left, right = _sides(equation)
        zero = right.text.startswith("zeros(")
        return Line(Shown("0", "0") if zero else right, (left,), (equation.note,) if equation.note else ())

    def to_json(self) -> str:
        """Everything, exactly; ``from_json`` gives the same record back."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data, with the printed forms of the formulas for convenience."""
        return {
            "schema": SCHEMA,
            "formula": formula_dict(self.formula),
            "wrt": list(self.wrt),
            "solution": {name: formula_dict(item) for name, item in self.solution.items()},
            "equations": [_step_dict(step) for step in self.equations],
            "conditions": list(self.conditions),
            "remarks": list(self.remarks),
            "kind": self.kind,
            "gradient": self.gradient.to_dict(),
        }

    @staticmethod
    def from_json(text: str) -> Stationary:
        """The record that ``to_json`` wrote."""
        data = json.loads(text)
        if data.get("schema") != SCHEMA or data.get("kind") not in get_args(Kind):
            found = f"schema {data.get('schema')}, kind {data.get('kind')}"
            raise InputError("not a stationary point of this schema", expected=f"schema {SCHEMA}", found=found)
        return Stationary(
            formula_from(data["formula"]),
            tuple(data["wrt"]),
            {name: formula_from(item) for name, item in data["solution"].items()},
            tuple(_step_from(item) for item in data["equations"]),
            tuple(data["conditions"]),
            tuple(data["remarks"]),
            data["kind"],
            Derivation.from_json(json.dumps(data["gradient"])),
        )


def solve_stationary(f: str | Formula, wrt: str | Sequence[str] | None = None) -> Stationary:
    """The values of some inputs at which the gradient of a scalar formula by them is zero, in closed form.

    The gradient must be linear in an unknown, or become so: when what all its terms have in common
    is divided out, when denominators are cleared, in a function of the unknown that has an inverse,
    or when it is multiplied by an unknown matrix whose inverse it contains.  Several unknowns are
    eliminated one after the other.  Every solution is tried out at random points before it is given.

    Raises:
        NoClosedFormError: if there is no closed form by this method; it says which term is in the way.
        UnsupportedError: if the formula is not scalar.
        UnknownNameError: if an unknown is not an input of the formula.

    Example:
        >>> s = solve_stationary("X: real[n, d]; y: real[n]; w: real[d]; mean((X @ w - y)^2)", "w")
        >>> s.solution["w"].matrix(), s.conditions, s.kind
        ('inv(X.T @ X) @ X.T @ y', ('X.T @ X is invertible (X has full column rank)',), 'minimum')
    """
    f = as_formula(f)
    derivation = gradient(f, wrt)
    _check_unknowns(f, variables(f, wrt))
    found = answer(derivation)
    steps = tuple(EquationStep(line.variable, line.left, line.right, line.reasons) for line in found.lines)
    return Stationary(f, derivation.wrt, found.solution, steps, found.conditions, found.remarks, found.kind, derivation)


def _check_unknowns(f: Formula, names: Sequence[str]) -> None:
    """The unknowns are inputs, free to move.

    Raises:
        InputError: if one is a definition.
        NoClosedFormError: if one is restricted to a set on which it cannot move freely.
    """
    for name in names:
        item = f.differentiable.by_name[name]
        if not isinstance(item, Input):
            known = ", ".join(item.name for item in f.inputs)
            raise InputError(f"{name} is defined by the formula", expected=f"an input as the unknown: {known}")
        domain = item.domain
        if domain.name not in FREE and (domain.low is None or domain.values or domain.integer or domain.sums_to_one):
            raise NoClosedFormError(
                f"no closed form by this method: {name} is restricted to {domain.describe}",
                hint=f"declare {name} as real for the stationary point without the restriction",
            )


# ---- printing ---------------------------------------------------------------------------------------------


def _title(found: Stationary) -> Shown:
    parts = [partial(found.formula.output.name, name) for name in found.wrt]
    text = ", ".join(f"{part.text} = 0" for part in parts)
    return Shown(f"Stationary point: {text}", ", ".join(f"{part.latex} = 0" for part in parts))


def _sides(equation: EquationStep) -> tuple[Shown, Shown]:
    """Both sides in matrix notation or, where one has no such form, both in index notation."""
    programs = (equation.left.program, equation.right.program)
    whole = all(matrix_form(program, program.output.name) is not None for program in programs)
    left, right = ((shown if whole else indexed)(program, program.output.name) for program in programs)
    return left, right


def _standing_alone(solution: Formula, names: Sequence[str]) -> Program:
    """The program of a solution, other unknowns being inputs."""
    program = solution.program
    others = [item for item in program.definitions if item.name in names and item.name != solution.output.name]
    inputs = (*program.inputs, *(Input(item.name, item.shape) for item in others))
    kept = tuple(item for item in program.definitions if item not in others)
    return Program(inputs, _needed(kept, solution.output.name), program.outputs)


def _needed(definitions: Sequence[Definition], output: str) -> tuple[Definition, ...]:
    """The definitions that one of them depends on, itself included."""
    wanted, kept = {output}, list[Definition]()
    for item in reversed(definitions):
        if item.name in wanted:
            wanted |= item.reads
            kept.insert(0, item)
    return tuple(kept)


# ---- JSON -------------------------------------------------------------------------------------------------


def _step_dict(step: EquationStep) -> dict[str, Any]:
    return {
        "variable": step.variable,
        "left": formula_dict(step.left),
        "right": formula_dict(step.right),
        "reasons": [{"rule": rule, "bindings": [list(pair) for pair in pairs]} for rule, pairs in step.reasons],
        "note": step.note,
    }


def _step_from(data: Any) -> EquationStep:
    reasons = tuple(
        (item["rule"], tuple((name, value) for name, value in item["bindings"])) for item in data["reasons"]
    )
    return EquationStep(data["variable"], formula_from(data["left"]), formula_from(data["right"]), reasons)
