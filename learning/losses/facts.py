"""The facts of a loss, each one derived: by the calculus, the verdicts of convexity, the laws of minimisers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chainrule.derive.binding import declaration
from chainrule.derive.catalog.losses import BY_NAME, ENTRIES, Entry
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import gradient, hessian, variables
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.stationary import solve_stationary
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.verdict import Convexity, convex
from chainrule.learning.losses.minimiser import Minimiser, minimiser
from chainrule.learning.losses.record import LossFacts
from chainrule.learning.losses.robustness import far_out, robustness
from chainrule.learning.losses.sample import Sample, sample

#: Characters of a Hessian beyond which it is not part of a table.
MAX_TEXT = 160


def loss(f: str | Formula, wrt: str | Sequence[str] | None = None, target: str = "") -> LossFacts:
    """Everything that the table of losses says of one: of a formula of your own too.

    A loss has a prediction, ``wrt``, and a ``target``; without a target the other input with the same shape is it,
    if there is only one.  A formula that has no target is a model or a penalty: its minimiser is then where its
    gradient by ``wrt`` is zero, in closed form.

    Raises:
        InputError: names that are no inputs, or a target that is also the prediction.
        UnsupportedError: samples that are not treated one by one.

    Sources: Gneiting, Making and evaluating point forecasts (2011); Bartlett, Jordan and McAuliffe (2006); Huber
    and Ronchetti, Robust Statistics (2009).

    Example:
        >>> facts = loss("y, f: positive; y/f - log(y/f) - 1", "f")
        >>> facts.minimiser, facts.link, facts.convexity
        ('f = E[y]', 'identity', 'not convex in f')
    """
    f = as_formula(f)
    entry = BY_NAME.get(f.name)
    names = variables(f, [wrt] if isinstance(wrt, str) and "," not in wrt else _split(wrt))
    observed = target or (entry.target if entry is not None else _target(f, names))
    return _of_sample(f, names[0], observed, entry) if observed and len(names) == 1 else _of_formula(f, names, entry)


def _split(wrt: str | Sequence[str] | None) -> Sequence[str] | None:
    return [name.strip() for name in wrt.split(",")] if isinstance(wrt, str) else wrt


def _target(f: Formula, names: Sequence[str]) -> str:
    """The only other input with the shape of the prediction; parameters of scalar losses are declared otherwise."""
    if len(names) != 1:
        return ""
    shape = f.program.by_name[names[0]].shape
    others = [item for item in f.inputs if item.name != names[0] and item.shape == shape]
    named = [item for item in others if item.name in ("y", "t", "Y", "T", "target")]
    found = others if len(others) == 1 else named
    return found[0].name if len(found) == 1 else ""


def _of_sample(f: Formula, prediction: str, target: str, entry: Entry | None) -> LossFacts:
    one = sample(f, prediction, target)
    g = one.formula
    smallest, robust = minimiser(one), robustness(one)
    smallest = smallest or _of_vector(one)
    text = (entry.minimiser if entry is not None else "") or smallest.text
    return LossFacts(
        f.name, "loss", entry.about if entry else "", g.matrix(), _domain(g), smallest.link, text,
        _convexity(convex(g, prediction)), _gradient(g, [prediction]), _hessian(g, [prediction]),
        robust.text if robust else far_out(one),
    )  # fmt: skip


def _of_vector(one: Sample) -> Minimiser:
    """The equation of a loss of several classes whose gradient is affine in the target."""
    f, y = one.prediction, one.target
    slope = gradient(one.formula, f).result[f]
    claim = Calculus(slope.program, (y,)).definition(slope.output.name)
    if claim is None or claim.curvature != "affine":
        return Minimiser(f"solves E[dL/d{f}] = 0")
    text = slope.matrix()
    inverse = re.fullmatch(rf"(\w+)\({f}\) - {y}", text)
    if inverse:
        return Minimiser(f"{inverse[1]}({f}) = E[{y}]", link=f"inverse of {inverse[1]}")
    return Minimiser(re.sub(rf"\b{y}\b", f"E[{y}]", text) + " = 0")


def _of_formula(f: Formula, names: Sequence[str], entry: Entry | None) -> LossFacts:
    """A model, a penalty or a measure, by all its variables."""
    scalar = not f.shape
    return LossFacts(
        f.name, entry.kind if entry else "model", entry.about if entry else "", f.matrix(), _domain(f), "",
        _closed(f, names) if scalar else "", _convexity(_verdict(f, names)) if scalar else "",
        _gradient(f, names) if scalar else (), _hessian(f, names) if scalar else (), "",
    )  # fmt: skip


def _verdict(f: Formula, names: Sequence[str]) -> Convexity | None:
    try:
        return convex(f, names)
    except ChainruleError:
        return None


def _convexity(found: Convexity | None) -> str:
    if found is None:
        return ""
    alone = [f"{verdict} in {name}" for name, verdict in found.alone if verdict != found.verdict]
    return "; ".join([f"{found.verdict} in {', '.join(found.wrt)}", *alone])


def _closed(f: Formula, names: Sequence[str]) -> str:
    """The variables where the gradient is zero, if that is a minimum in closed form."""
    try:
        found = solve_stationary(f, list(names))
    except ChainruleError:
        return ""
    if found.kind != "minimum":
        return ""
    return "; ".join(f"{name} = {found.solution[name].matrix()}" for name in names)


def _domain(f: Formula) -> str:
    return "; ".join(map(declaration, f.inputs))


def _gradient(f: Formula, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = gradient(f, list(names)).result
    return tuple((name, _standing_alone(found[name], f)) for name in names)


def _hessian(f: Formula, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    try:
        texts = [(name, _standing_alone(hessian(f, name).result[name], f)) for name in names]
    except ChainruleError:
        return ()
    return tuple((name, text) for name, text in texts if len(text) <= MAX_TEXT)


def _standing_alone(found: Formula, f: Formula) -> str:
    """A derivative in which the loss is written out, with what its names stand for."""
    text, name = found.matrix(), f.output.name
    if re.search(rf"\b{name}\b", text):
        text = unparse(parse_expression(re.sub(rf"\b{name}\b", f"({f.matrix()})", text)))
    parts = [f"{part} = {value}" for part, value in found.parts() if part != name]
    return ", ".join([text, *parts])


def derived_losses() -> tuple[LossFacts, ...]:
    """The facts of all entries of the catalogue, derived; this takes a while."""
    return tuple(loss(entry.name) for entry in ENTRIES)
