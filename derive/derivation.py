"""Gradients, Jacobians, Hessians and Hessian-vector products with their derivations."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from chainrule.derive.calculus import (
    Derivative,
    differentiate,
    directional_derivative,
    hessian_labels,
    joined,
    product_labels,
)
from chainrule.derive.catalog.unspecified import function_names
from chainrule.derive.chain import chain_rule
from chainrule.derive.computed import Kind
from chainrule.derive.curvature import Curvature, curvature
from chainrule.derive.errors import InputError, UnknownNameError, UnsupportedError, near_names
from chainrule.derive.formula import Formula, Source, Start, as_formula
from chainrule.derive.independent import with_independent_entries
from chainrule.derive.links import with_links
from chainrule.derive.narrative.chain import backward
from chainrule.derive.narrative.model import by_name, forward, given, inlined_parts
from chainrule.derive.narrative.reasons import sentence
from chainrule.derive.narrative.result import results
from chainrule.derive.narrative.symbols import (
    curvature_symbol,
    names_in,
    partial,
    product_with_directions,
    second_partial,
    shape_text,
)
from chainrule.derive.notation.left import spelled
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.remarks import about_kinks
from chainrule.derive.render.numpy_source import numpy_lines, numpy_source
from chainrule.derive.render.page import Detail, Form, Page, Section, Shown
from chainrule.derive.render.printed import Printed
from chainrule.derive.rules import BY_ID
from chainrule.derive.serialise import (
    decode_program,
    decode_step,
    encode_program,
    encode_step,
)
from chainrule.derive.steps import NOTHING_CHECKED, Checked, Step, assumes

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
    """

    goal: Goal
    formula: Formula
    wrt: tuple[str, ...]
    steps: tuple[Step, ...]
    result: Mapping[str, Formula]
    assumptions: tuple[str, ...]
    context: Program

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
        result = results(items)
        computable = not function_names(item.body for item in self.context.definitions)
        code = [Section("In NumPy", code=numpy_lines(self._program()))] if computable and detail != "brief" else []
        sections = (*self.reasoning(detail, names_in(result.shown()), checked, form), result, *code)
        return Page(_title(self), sections, self.assumptions, _layout(self))

    def reasoning(
        self, detail: Detail = "normal", words: Collection[str] = (), checked: Checked = NOTHING_CHECKED,
        form: Form = "matrix",
    ) -> tuple[Section, ...]:  # fmt: skip
        """What leads to the result; ``words`` are the names that what follows mentions."""
        definitions = list(itertools.takewhile(lambda step: step.rule == "definition", self.steps))
        moves = self.steps[len(definitions) :]
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
        return tuple(section for section in sections if section.lines)

    def numpy(self) -> str:
        """Runnable NumPy source of a function that returns the results."""
        return numpy_source(self._program(), self.goal)

    def _program(self) -> Program:
        """The results as the outputs of one program."""
        return replace(self.context, outputs=tuple(item.output.name for item in self.result.values()))

    def to_json(self) -> str:
        """Everything, exactly; ``from_json`` gives the same derivation back."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The derivation as plain data, with the printed forms of the results for convenience."""
        return {
            "schema": SCHEMA,
            "goal": self.goal,
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
            _with_sources(data["goal"], formula, names, steps, results),
            tuple(data["assumptions"]),
            decode_program(data["context"]),
        )


def gradient(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, symmetric: bool = False, kinks: Kinks = None
) -> Derivation:
    """The gradient of a scalar formula by each variable, with its derivation.

    ``df/dX`` has the shape of ``X``; its entries are differentiated as independent of each other,
    also where ``X`` is declared symmetric.  With ``symmetric``, only the entries on and below the
    diagonal of the variables declared symmetric are independent, and the result is
    ``G + G.T - diag(diag(G))`` for the gradient ``G`` over all entries.

    ``kinks`` chooses the derivative of functions at their kinks: ``"abs"``, ``"relu"``, ``"leaky_relu"``,
    ``"elu"`` take ``"left"``, ``"right"``, ``"middle"`` or a number between the slopes on both sides;
    ``"maximum"`` and ``"minimum"`` take ``"shared"``, ``"first"``, ``"last"`` or the derivative by their
    first argument; ``"max"`` and ``"min"`` over axes take ``"shared"``, ``"first"`` or ``"last"``.
    The other derivations, kernels and ``verify`` have the same option.

    Raises:
        UnsupportedError: if the formula is not scalar (use ``jacobian``).
        UnknownNameError: if a variable is not an input or definition of the formula, or ``kinks`` names
            no function with a kink.
        InputError: with ``symmetric``, if no variable is declared symmetric; if ``kinks`` has a value
            that is not possible.

    Source: Petersen and Pedersen, The Matrix Cookbook (2012), eq. 138.

    Example:
        >>> d = gradient("X: real[n, d]; y: real[n]; w: real[d]; norm(X @ w - y)^2", "w")
        >>> d.result["w"].matrix()
        '2*X.T @ (X @ w - y)'
    """
    f, names = _checked(f, wrt, kinks, scalar="gradient")
    return _over_independent_entries(f, names) if symmetric else _first_order("gradient", f, names)


def jacobian(f: str | Formula, wrt: str | Sequence[str] | None = None, *, kinks: Kinks = None) -> Derivation:
    """The derivative of a formula of any shape; its shape is the formula's followed by the variable's."""
    f, names = _checked(f, wrt, kinks)
    return _first_order("jacobian", f, names)


def hessian(f: str | Formula, wrt: str | Sequence[str] | None = None, *, kinks: Kinks = None) -> Derivation:
    """The second derivatives of a scalar formula; a block has the shape ``a.shape + b.shape``."""
    f, names = _checked(f, wrt, kinks, scalar="Hessian")
    first = differentiate(f.differentiable, names, exact=True, labels=_gradient_labels(names))
    steps, context = list(first.steps), first.context
    results: dict[str, Formula] = {}
    for a in names:
        gradient_of_a = replace(context, outputs=(first.results[a],))
        second = differentiate(gradient_of_a, names, labels=hessian_labels(a, names))
        context = joined(context, second.context)
        steps += second.steps
        blocks = _formulas(gradient_of_a, second)
        results |= {a if a == b else f"{a},{b}": block for b, block in blocks.items()}
    return _derivation("hessian", f, names, (first.forward, steps), results, context)


def _gradient_labels(names: Sequence[str]) -> dict[str, str]:
    """Names for gradients that are differentiated again: ``g``, or ``g_w`` and ``g_b``."""
    return {name: "g" if len(names) == 1 else f"g_{name}" for name in names}


def hvp(f: str | Formula, wrt: str | Sequence[str] | None = None, *, kinks: Kinks = None) -> Derivation:
    """The product of the Hessian with a direction, a new input ``v_w`` for each variable ``w``.

    It is the gradient of the directional derivative ``sum_a <df/da, v_a>``.
    """
    f, names = _checked(f, wrt, kinks, scalar="Hessian-vector product")
    first = differentiate(f.differentiable, names, exact=True, labels=_gradient_labels(names))
    slope, directions = directional_derivative(first, names)
    second = differentiate(slope, names, labels=product_labels(names))
    context = joined(replace(first.context, inputs=(*f.inputs, *directions), outputs=()), second.context)
    slopes = [item for item in slope.definitions if item.name not in first.context.by_name]
    steps = (*first.steps, *map(_definition_step, slopes), *second.steps)
    return _derivation("hvp", f, names, (first.forward, steps), _formulas(slope, second), context)


def gauss_newton(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, through: str | None = None, kinks: Kinks = None
) -> Derivation:
    """The Gauss-Newton matrix ``J.T H J`` of a loss, with its derivation.

    ``J`` is the Jacobian of the model's output ``z`` by the variables, ``H`` the Hessian of the loss
    by ``z``.  The output is the quantity called ``through``, or the last array that every variable
    acts through and that the loss is not linear in.  A block has the shape ``a.shape + b.shape``.

    Raises:
        InputError: there is no such quantity.

    Source: Martens, New insights and perspectives on the natural gradient method (2020), section 8.
    """
    f, names = _checked(f, wrt, kinks, scalar="Gauss-Newton matrix")
    return _curvature("gauss_newton", f, names, curvature(f.differentiable, names, through))


def fisher(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, over: str, through: str | None = None,
    kinks: Kinks = None,
) -> Derivation:
    """The Fisher information ``J.T E[H] J`` of a negative log-likelihood, with its derivation.

    The expectation is over the targets, the input called ``over``; their mean is the value at which
    the derivative by the model's output vanishes, which must be linear in them (as it is for the
    exponential families).  Otherwise as :func:`gauss_newton`.

    Raises:
        UnsupportedError: the derivative by the model's output is not linear in the targets.

    Source: Martens, New insights and perspectives on the natural gradient method (2020), section 9.
    """
    f, names = _checked(f, wrt, kinks, scalar="Fisher information")
    return _curvature("fisher", f, names, curvature(f.differentiable, names, through, over))


def _curvature(goal: Goal, f: Formula, names: tuple[str, ...], found: Curvature) -> Derivation:
    blocks = {
        a if a == b else f"{a},{b}": Formula(found.program.pruned([name])) for (a, b), name in found.blocks.items()
    }
    return _derivation(goal, f, names, (found.forward, found.steps), blocks, found.context)


def _first_order(goal: Goal, f: Formula, names: tuple[str, ...]) -> Derivation:
    chains = [chain_rule(f.differentiable, name) for name in names]
    if all(chains):
        return _along_chains(goal, f, names, [chain for chain in chains if chain])
    found = differentiate(f.differentiable, names)
    results = _formulas(f.differentiable, found)
    return _derivation(goal, f, names, (found.forward, found.steps), results, found.context)


def _over_independent_entries(f: Formula, names: tuple[str, ...]) -> Derivation:
    """The gradient over the entries of symmetric matrices that are independent of each other."""
    program = f.differentiable
    declared = [item.name for item in program.inputs if item.name in names and item.domain.symmetric]
    if not declared:
        raise InputError(
            "symmetric=True is for variables that are declared symmetric", found=", ".join(names),
            expected="a variable such as X: symmetric[n, n], or spd",
            hint="without symmetric=True all entries count as independent",
        )  # fmt: skip
    labels = {name: f"full_grad_{name}" for name in declared}
    found = with_independent_entries(differentiate(program, names, labels=labels), declared)
    results = {variable: Formula(found.program.pruned([name])) for variable, name in found.results.items()}
    return _derivation("gradient", f, names, (found.forward, found.steps), results, found.context)


def _along_chains(goal: Goal, f: Formula, names: tuple[str, ...], chains: Sequence[Derivative]) -> Derivation:
    """A derivation by products along chains; a link that two chains share is differentiated once."""
    context = chains[0].context
    for chain in chains[1:]:
        context = joined(context, chain.context)
    results: dict[str, Formula] = {}
    for chain in chains:
        results |= _formulas(f.differentiable, chain)
    steps = dict.fromkeys(step for chain in chains for step in chain.steps)
    return _derivation(goal, f, names, (chains[0].forward, steps), results, context)


def _formulas(source: Program, found: Derivative) -> dict[str, Formula]:
    """The results by variable; where declared facts were used, each with an exact program to go on from,
    which is derived when it is needed.
    """
    formulas = {variable: Formula(found.program.pruned([name])) for variable, name in found.results.items()}
    if any(assumes(step) for step in found.steps):
        for variable in formulas:
            formulas[variable] = replace(formulas[variable], start=Start(source, tuple(formulas), variable))
    return formulas


def _derivation(
    goal: Goal,
    f: Formula,
    names: tuple[str, ...],
    parts: tuple[Sequence[Definition], Iterable[Step]],
    results: dict[str, Formula],
    context: Program,
) -> Derivation:
    """``parts`` are the definitions of the formula and the steps that follow them."""
    steps = (*map(_definition_step, parts[0]), *parts[1])
    hidden = inlined_parts(context, steps[len(parts[0]) :])
    steps = tuple(with_links(step, context, hidden) for step in steps)
    results = _with_sources(goal, f, names, steps, results)
    entries = _about_entries(f.differentiable, names, steps)
    used = dict.fromkeys(sentence(step) for step in steps if assumes(step))
    remarks = (*entries, *used, *about_kinks(f.differentiable, names))
    return Derivation(goal, f, names, steps, results, remarks, context)


def _with_sources(
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


def _definition_step(definition: Definition) -> Step:
    return Step("definition", definition.name, definition, definition)


def _about_entries(program: Program, names: Sequence[str], steps: Sequence[Step]) -> Iterator[str]:
    """For symmetric variables: which entries count as independent of each other."""
    over_triangle = {value for step in steps if step.rule == "independent-entries" for _, value in step.bindings}
    for item in program.inputs:
        if item.name in names and item.domain.symmetric:
            entries = "The entries on and below the diagonal" if item.name in over_triangle else "All entries"
            yield f"{entries} of {item.name} count as independent of each other."


def _checked(
    f: str | Formula, wrt: str | Sequence[str] | None, kinks: Kinks, scalar: str = ""
) -> tuple[Formula, tuple[str, ...]]:
    """The formula, and the names of the variables, all of which exist."""
    f = as_formula(f, kinks)
    if scalar and f.shape:
        raise UnsupportedError(
            f"the {scalar} is for scalar formulas; this one has shape {shape_text(f.shape)}",
            hint="use jacobian, or reduce the formula with sum(..) or mean(..)",
        )
    names = variables(f, wrt)
    if not names:
        raise InputError("wrt names no variable", expected="one or more of " + ", ".join(i.name for i in f.inputs))
    return f, names


def variables(f: Formula, wrt: str | Sequence[str] | None) -> tuple[str, ...]:
    """The variables to differentiate by: those named, the formula's usual ones, or the only input."""
    if wrt is None:
        usual = f.wrt or (tuple(item.name for item in f.inputs) if len(f.inputs) == 1 else ())
        if not f.inputs:
            raise InputError("the formula has no variable to differentiate by")
        if not usual:
            raise InputError(
                "which variables should the derivative be taken by?",
                expected="one or more of " + ", ".join(item.name for item in f.inputs),
                hint=f"for example wrt={f.inputs[-1].name!r}",
            )
        return usual
    if not isinstance(wrt, Iterable):
        raise InputError("wrt is a name or several", expected="for example 'w' or ['w', 'b']", found=repr(wrt))
    names = tuple(part.strip() for part in wrt.split(",")) if isinstance(wrt, str) else tuple(wrt)
    program = f.differentiable
    names = tuple(name if name in program.by_name else spelled(name) for name in names)
    for name in names:
        if name not in program.by_name:
            known = [item.name for item in program.inputs]
            raise UnknownNameError(
                f"the formula has no variable called {name!r}", expected="one of " + ", ".join(known),
                near=near_names(name, known),
            )  # fmt: skip
        item = program.by_name[name]
        if isinstance(item, Input) and item.selects:
            raise UnsupportedError(
                f"{name} selects entries, so there is no derivative by it",
                expected="a variable that is not used as a subscript",
            )
    if len(set(names)) != len(names):
        raise InputError("a variable is named twice in wrt", found=", ".join(names))
    return names


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


GOALS: Mapping[str, Callable[..., Derivation]] = {
    "gradient": gradient,
    "jacobian": jacobian,
    "hessian": hessian,
    "hvp": hvp,
    "gauss_newton": gauss_newton,
    "fisher": fisher,
}
