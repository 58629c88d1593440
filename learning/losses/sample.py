"""A loss of one sample: means and sums over samples left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Expr, S, Symbol

from chainrule.derive.domains import Domain
from chainrule.derive.errors import InputError, UnsupportedError, near_names
from chainrule.derive.formula import Formula
from chainrule.derive.program import (
    Definition,
    Dim,
    Index,
    Input,
    Program,
    Ref,
    bound_indices,
    free_indices,
)
from chainrule.learning.convexity.intervals import REALS, Interval


@dataclass(frozen=True)
class Sample:
    """A loss of one sample.

    Attributes:
        formula: it, without the axis of the samples.
        prediction, target: the names of what is predicted, and of what is observed.
        body: it as an expression of symbols called like the inputs, if all of them are single numbers.
    """

    formula: Formula
    prediction: str
    target: str
    body: Expr | None

    def input(self, name: str) -> Input:
        """An input by its name."""
        return next(item for item in self.formula.inputs if item.name == name)

    def symbol(self, name: str) -> Symbol:
        """The symbol of an input in the body."""
        return symbol_of(self.input(name))


def sample(f: Formula, prediction: str, target: str) -> Sample:
    """The loss of one sample.

    Raises:
        InputError: a name is no input.
        UnsupportedError: prediction and target have no axis of samples in common.
    """
    names = [item.name for item in f.inputs]
    for name in (prediction, target):
        if name not in names:
            raise InputError(f"{name} is no input of the loss", expected=", ".join(names), near=near_names(name, names))
    if prediction == target:
        raise InputError(f"{target} is both the prediction and the target", hint="name the target as well")
    one = f if not f.shape and not _shared_axis(f, prediction, target) else _one(f, prediction, target)
    body = None if any(item.shape for item in one.inputs) else written_out(one.program, one.output.name)
    return Sample(one, prediction, target, body)


def _shared_axis(f: Formula, prediction: str, target: str) -> Dim | None:
    """The first axis of prediction and target, if they have it in common and there is one beside it or none."""
    first, second = (f.program.by_name[name].shape for name in (prediction, target))
    observed = f.program.by_name[target]
    classes = isinstance(observed, Input) and observed.domain.sums_to_one
    if not first or first[:1] != second[:1] or (classes and len(second) == 1):
        return None
    return first[0] if isinstance(first[0], Dim) else None


def _one(f: Formula, prediction: str, target: str) -> Formula:
    axis = _shared_axis(f, prediction, target)
    if axis is None:
        raise UnsupportedError(
            f"{prediction} and {target} have no axis of samples in common", expected="a loss of one sample, or a mean"
        )
    smaller = _Without(axis)
    inputs = tuple(smaller.input(item) for item in f.inputs)
    definitions = tuple(smaller.definition(item) for item in f.program.definitions)
    outputs = f.program.outputs
    return Formula(Program(inputs, definitions, outputs, f.program.kinks, f.program.written), wrt=(prediction,))


class _Without:
    """Rewrites inputs and definitions without one axis, whose length is one."""

    def __init__(self, axis: Dim) -> None:
        self.axis = axis
        self.kept: dict[str, tuple[int, ...]] = {}

    def input(self, item: Input) -> Input:
        places = self._places(item.name, item.shape)
        return replace(item, shape=tuple(item.shape[place] for place in places), requirements=())

    def _places(self, name: str, shape: tuple[Expr, ...]) -> tuple[int, ...]:
        self.kept[name] = tuple(place for place, length in enumerate(shape) if length != self.axis)
        return self.kept[name]

    def definition(self, item: Definition) -> Definition:
        free = self._places(item.name, item.shape)
        bound = tuple(place for place, length in enumerate(item.bound) if length != self.axis)
        if len(bound) < len(item.bound) and item.reduce not in ("sum", "max", "min"):
            how = f"the samples are joined by {item.reduce}, not by a sum"
            raise UnsupportedError(how, expected="a mean over samples")
        shape = tuple(item.shape[place].xreplace({self.axis: S.One}) for place in free)
        lengths = tuple(item.bound[place].xreplace({self.axis: S.One}) for place in bound)
        renamed: dict[Expr, Expr] = dict(zip((item.free[p] for p in free), free_indices(len(free)), strict=True))
        renamed |= dict(zip((item.bound_indices[p] for p in bound), bound_indices(len(bound)), strict=True))
        body = item.body.replace(lambda node: isinstance(node, Ref), self._ref)
        body = body.xreplace({**renamed, self.axis: S.One})
        return Definition(item.name, shape, body, item.reduce if bound else "", lengths, item.sign, item.origin)

    def _ref(self, ref: Ref) -> Expr:
        kept = self.kept[ref.name]
        lost = [index for place, index in enumerate(ref.indices) if place not in kept]
        if not all(isinstance(index, Index) for index in lost):
            raise UnsupportedError("the samples are not treated one by one", found=str(ref))
        return Ref(ref.args[0], *(ref.indices[place] for place in kept))


def written_out(program: Program, name: str) -> Expr | None:
    """A definition without axes as an expression of its inputs."""
    item = program.by_name[name]
    if isinstance(item, Input):
        return symbol_of(item)
    if item.reduce:
        return None
    parts: dict[Expr, Expr] = {}
    for ref in item.refs:
        part = written_out(program, ref.name)
        if part is None:
            return None
        parts[ref] = part
    return item.body.xreplace(parts)


def symbol_of(item: Input) -> Symbol:
    """An input that is one number as a symbol."""
    low = item.domain.low
    if item.domain.sign == "positive":
        return Symbol(item.name, positive=True)
    return Symbol(item.name, nonnegative=True) if low is not None and low >= 0 else Symbol(item.name, real=True)


def interval_of(domain: Domain) -> Interval:
    """The interval that a domain fills, or lies in."""
    if domain.low is None and domain.high is None:
        return REALS
    ends = (-sp.oo if domain.low is None else domain.low, sp.oo if domain.high is None else domain.high)
    return Interval(*(sp.nsimplify(end, rational=True) if end not in (sp.oo, -sp.oo) else end for end in ends))


def numbers(one: Sample, seed: int = 0) -> Mapping[str, float]:
    """Values for the parameters of a loss, inside their domains."""
    spread = (0.37, 0.61, 0.83)
    values = {}
    for place, item in enumerate(it for it in one.formula.inputs if it.name not in (one.prediction, one.target)):
        low, high = item.domain.low, item.domain.high
        share = spread[(place + seed) % 3]
        values[item.name] = (low or 0.0) + (share * (high - (low or 0.0)) if high is not None else 1 + share)
    return values
