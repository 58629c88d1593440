"""A derivation as a user sees it: its steps, its result, its page, and itself as JSON."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from chainrule.derive.catalog.unspecified import function_names
from chainrule.derive.computed import Kind
from chainrule.derive.errors import InputError
from chainrule.derive.formula import Formula, Source
from chainrule.derive.narrative.chain import backward
from chainrule.derive.narrative.check import Check, Question
from chainrule.derive.narrative.checks import checks
from chainrule.derive.narrative.differentials import by_told_names, comparison, moving, names_written, short_names, told
from chainrule.derive.narrative.model import by_name, forward, given, inlined_parts
from chainrule.derive.narrative.result import results
from chainrule.derive.narrative.symbols import (
    curvature_symbol,
    names_in,
    partial,
    product_with_directions,
    second_partial,
)
from chainrule.derive.program import Program
from chainrule.derive.render.numpy_source import numpy_lines, numpy_source
from chainrule.derive.render.page import Detail, Form, Note, Page, Section, Shown, View
from chainrule.derive.render.printed import Printed
from chainrule.derive.rules import BY_ID
from chainrule.derive.serialise import (
    decode_program,
    decode_step,
    encode_program,
    encode_step,
)
from chainrule.derive.steps import NOTHING_CHECKED, Checked, Step

Goal = Literal["gradient", "jacobian", "hessian", "hvp", "gauss_newton", "fisher"]

#: The value of the derivative at a kink by function, such as ``{"relu": 1, "max": "first"}``.
Kinks = Mapping[str, Any] | None

SCHEMA = 1
#: Goals that are curvatures through the output of a model, with their symbols.
CURVATURES: Mapping[str, str] = {"gauss_newton": "G", "fisher": "F"}


@dataclass(frozen=True)
class Derivation(Printed):
    """What was wanted, each step, and the result.

    Attributes:
        goal: which derivative.
        formula: the formula that is differentiated.
        wrt: the variables.
        steps: definitions first, then one group per adjoint, in the order of reverse mode.
        result: the derivative by each variable; for several variables a Hessian has a block for
            each pair, called ``"a,b"`` (and ``"a"`` for the pair of a with itself).
        assumptions: what was used of the declarations, and where functions have kinks.
        context: every definition that the steps speak of.
        view: how the result is derived.
    """

    goal: Goal
    formula: Formula
    wrt: tuple[str, ...]
    steps: tuple[Step, ...]
    result: Mapping[str, Formula]
    assumptions: tuple[str, ...]
    context: Program
    view: View = "reverse"

    def page(
        self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix"
    ) -> Page:
        """The derivation as lines, for any renderer.

        Args:
            detail: what fits a slide, a page of lecture notes, or every scalar move.
            checked: what is known for each step that was checked, see ``evidence``.
            form: adjoints as matrices, by their entries, or first the entries and then the matrices.
        """
        items = ((_quotient(self, key), item.program, item.output.name) for key, item in self.result.items())
        told = {step.where for step in self.steps if step.rule == "definition"} - {self.formula.output.name}
        result = replace(results(items, told), intro=self._comparison(detail, form))
        computable = not function_names(item.body for item in self.context.definitions)
        code = [Section("In NumPy", code=numpy_lines(self._program()))] if computable and detail != "brief" else []
        sane = Section("Sanity checks", tuple(check.line for check in self.checks()) if detail != "brief" else ())
        words = names_in([*result.shown(), *sane.shown()])
        sections = (*self.reasoning(detail, words, checked, form), *filter(has_lines, (result, sane)), *code)
        return Page(_title(self), sections, self.assumptions, _layout(self))

    def reasoning(
        self, detail: Detail = "normal", words: Collection[str] = (), checked: Checked = NOTHING_CHECKED,
        form: Form = "matrix",
    ) -> tuple[Section, ...]:  # fmt: skip
        """What leads to the result; ``words`` are the names that what follows mentions."""
        definitions = list(itertools.takewhile(lambda step: step.rule == "definition", self.steps))
        moves = self.steps[len(definitions) :]
        if self.view != "reverse":
            return self._moving(definitions, moves, detail, words, checked, form)
        hidden = inlined_parts(self.context, moves)
        context = by_name(self.context, self.steps, hidden)
        output = self.formula.output.name
        chain = backward(context, output, moves, hidden, detail, checked, form)
        mentioned = {*names_in(chain.shown()), *words}
        sections = (
            given(self.formula.inputs, function_names(item.body for item in self.formula.program.definitions)),
            forward(context, output, [step for step in definitions if step.where not in hidden], mentioned),
            chain,
        )
        return tuple(filter(has_lines, sections))

    def checks(self) -> tuple[Check, ...]:
        """Sanity checks of the results that are proved and worth a look, at most three.

        Example:
            >>> from chainrule.derive.goals import gradient
            >>> d = gradient("X: real[n, d]; y: real[n]; w: real[d]; norm(X @ w - y)^2", "w")
            >>> print(d.checks()[0])
            dL/dw = 0    where X @ w = y.
        """
        program = self._program().pruned()
        symbols = {item.output.name: _quotient(self, key) for key, item in self.result.items()}
        entrywise = not any(step.rule == "independent-entries" for step in self.steps)
        formula = self.formula.differentiable
        return checks(Question(self.goal, formula, formula.output.name, self.wrt, program, symbols, entrywise))

    def _moving(
        self, definitions: Sequence[Step], moves: Sequence[Step], detail: Detail, words: Collection[str],
        checked: Checked, form: Form,
    ) -> tuple[Section, ...]:  # fmt: skip
        """What leads to the result by differentials or tangents."""
        context = by_told_names(self.context, moves)
        lines = moving(self.view, moves, self.context, detail, checked, form)
        mentioned = {*(name for section in lines for name in names_written(section.lines)), *words, *told(moves)}
        hidden = inlined_parts(context, moves)
        shown = [step for step in definitions if step.where not in hidden]
        sections = (
            given(self.formula.inputs, function_names(item.body for item in self.formula.program.definitions)),
            forward(context, self.formula.output.name, shown, mentioned),
            *lines,
        )
        return tuple(section for section in sections if section.lines)

    def _comparison(self, detail: Detail, form: Form) -> Note:
        """How the result is read off, where no line has said so."""
        if detail == "brief" or short_names(self.steps, self.context):
            return ()
        return comparison(self.view, self.steps, self.context, form)

    def numpy(self) -> str:
        """Runnable NumPy source of a function that returns the results."""
        return numpy_source(self._program(), self.goal)

    def _program(self) -> Program:
        """The results as the outputs of one program."""
        outputs = tuple(item.output.name for item in self.result.values())
        if self.view == "reverse":
            return replace(self.context, outputs=outputs)
        return replace(self.context.pruned(outputs), inputs=self.formula.differentiable.inputs)

    def to_json(self) -> str:
        """Everything, exactly; ``from_json`` gives the same derivation back."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The derivation as plain data, with the printed forms of the results for convenience."""
        return {
            "schema": SCHEMA,
            "goal": self.goal,
            "view": self.view,
            "formula": formula_dict(self.formula),
            "wrt": list(self.wrt),
            "steps": [encode_step(step) for step in self.steps],
            "rules": {step.rule: BY_ID[step.rule].sentence for step in self.steps},
            "result": {key: formula_dict(item) for key, item in self.result.items()},
            "assumptions": list(self.assumptions),
            "context": encode_program(self.context),
        }

    @staticmethod
    def from_json(text: str) -> Derivation:
        """The derivation that ``to_json`` wrote."""
        data = json.loads(text)
        if data.get("schema") != SCHEMA:
            raise InputError("not a derivation of this schema", expected=str(SCHEMA), found=str(data.get("schema")))
        formula, names = formula_from(data["formula"]), tuple(data["wrt"])
        steps = tuple(decode_step(step) for step in data["steps"])
        results = {key: formula_from(item) for key, item in data["result"].items()}
        return Derivation(
            data["goal"],
            formula,
            names,
            steps,
            with_sources(data["goal"], formula, names, steps, results),
            tuple(data["assumptions"]),
            decode_program(data["context"]),
            data.get("view", "reverse"),
        )


def with_sources(
    goal: Goal, f: Formula, names: tuple[str, ...], steps: Iterable[Step], results: Mapping[str, Formula]
) -> dict[str, Formula]:
    """The results, each with what it is the derivative of, if that can be computed as such."""
    kind = _KINDS.get(goal)
    if kind is None or any(step.rule == "independent-entries" for step in steps):
        return dict(results)
    first = 1 if kind == "gradient" else 1 + len(names)
    return {
        key: replace(result, source=Source(f.differentiable, kind, names, first + position))
        for position, (key, result) in enumerate(results.items())
    }


#: The kind of program that computes each goal.
_KINDS: Mapping[str, Kind] = {"gradient": "gradient", "jacobian": "gradient", "hessian": "hessian", "hvp": "hvp"}


def has_lines(section: Section) -> bool:
    """Whether a section has something to say."""
    return bool(section.lines)


def _quotient(d: Derivation, key: str) -> Shown:
    """The symbol of one result."""
    output = d.formula.output.name
    if d.goal == "hessian":
        a, _, b = key.partition(",")
        return second_partial(output, a, b or a)
    if d.goal in CURVATURES:
        a, _, b = key.partition(",")
        return curvature_symbol(CURVATURES[d.goal], a, b or a)
    if d.goal == "hvp":
        return product_with_directions(output, key, d.wrt)
    return partial(output, key)


def _layout(d: Derivation) -> str:
    """Which axis of the result is which, where there are any."""
    arrays = [name for name in d.wrt if d.formula.differentiable.by_name[name].shape]
    if d.goal in ("gradient", "hvp") and arrays:
        return "Layout: every derivative has the shape of its variable."
    if d.goal == "jacobian" and d.formula.shape and arrays:
        return f"Layout: the axes of {d.formula.output.name}, then those of the variable."
    if len(d.wrt) > 1 or arrays:
        return {"hessian": "Layout: the axes of the first variable, then those of the second."}.get(d.goal, "")
    return ""


def _title(d: Derivation) -> Shown:
    words = {
        "gradient": "Gradient", "jacobian": "Jacobian", "hessian": "Hessian", "hvp": "Hessian-vector product",
        "gauss_newton": "Gauss-Newton matrix", "fisher": "Fisher information",
    }  # fmt: skip
    parts = [_quotient(d, key) for key in d.result]
    text = ", ".join(part.text for part in parts)
    return Shown(f"{words[d.goal]}: {text}", ", ".join(part.latex for part in parts))


def formula_dict(f: Formula) -> dict[str, Any]:
    """A formula as plain data, with its printed forms for convenience."""
    return {
        "text": f.text,
        "name": f.name,
        "matrix": f.matrix(),
        "index": f.index(),
        "latex": f.latex(),
        "shape": [str(length) for length in f.shape],
        "program": encode_program(f.program),
        "exact": encode_program(f.differentiable) if f.exact or f.start else None,
    }


def formula_from(data: Any) -> Formula:
    """The formula that ``formula_dict`` made ``data`` of."""
    exact = decode_program(data["exact"]) if data["exact"] else None
    return Formula(decode_program(data["program"]), data["text"], data["name"], exact=exact)
