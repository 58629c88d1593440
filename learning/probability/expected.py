"""Expectations of sufficient statistics, from the derivatives of the log-partition.

The density is one in total for all parameters, so that the score has expectation zero:

    d/dtheta (<eta(theta), m> - A(theta)) = 0   at   m = E[T],

linear equations in the expectations ``m``.  Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 2.226.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.derivation import Derivation
from chainrule.derive.errors import ChainruleError, UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Input, Program, bound_indices, fresh_names
from chainrule.derive.rational import cost, shortest
from chainrule.derive.stationarity.answer import answer
from chainrule.learning.probability.array_sums import total
from chainrule.learning.probability.family import Family
from chainrule.learning.probability.points import agreement, direction, point, slope
from chainrule.learning.probability.references import references
from chainrule.learning.probability.textbook import simplified

UNDETERMINED = "the expectations of the sufficient statistics do not follow from the log-partition"


@dataclass(frozen=True)
class Expected:
    """Expectations of the sufficient statistics of a family.

    Attributes:
        means: a program of the parameters for each statistic.
        potential: ``<eta, m> - A`` as a function of parameters and expectations ``m``.
        unknowns: the names of ``m``.
        equations: what must vanish, by the name of the parameter.
    """

    means: tuple[Program, ...]
    potential: Program
    unknowns: tuple[str, ...]
    equations: tuple[tuple[str, Program], ...]

    def difference(self, f: Family) -> float:
        """How far the derivatives of the potential are from zero, by differences in many digits."""
        values: dict[str, Any] = dict(point(f.m))
        values[f.m.variable.name] = values[f.m.variable.name][0]
        means = {name: evaluate(mean, values)[mean.outputs[0]]
                 for name, mean in zip(self.unknowns, self.means, strict=True)}  # fmt: skip
        rng = np.random.default_rng(3)
        worst = 0.0
        for name in f.m.parameters:
            along = _within(f, name, direction(values, name, rng))
            found = float(slope(self.potential, {**values, **means}, name, along))
            worst = max(worst, agreement(found, 0.0))
        return worst


def _within(f: Family, name: str, along: Any) -> Any:
    """The direction without the part that leaves the simplex."""
    item = f.program.by_name[name]
    return along - np.mean(along) if isinstance(item, Input) and item.domain.sums_to_one else along


def expected(f: Family) -> Expected:
    """The expectations of the sufficient statistics.

    Raises:
        UnsupportedError: the equations do not determine them, or have no closed form.
    """
    whole, unknowns = potential(f)
    try:
        derivation = gradient(Formula(_on_simplex(f, whole)), list(f.m.parameters))
    except ChainruleError as error:
        raise UnsupportedError(UNDETERMINED, found=error.message) from None
    equations = tuple((name, found.program) for name, found in derivation.result.items())
    means = _scalar(f) if f.is_plain else None
    names = tuple(item.name for item in unknowns)
    return Expected(means or _solved(derivation, unknowns), whole, names, equations)


def potential(f: Family) -> tuple[Program, tuple[Input, ...]]:
    """``<eta, m> - A``, and the expectations ``m`` as its inputs."""
    program = f.program
    inputs = _inputs(f)
    kept = list(program.pruned([*f.natural, f.partition]).definitions)
    taken = set(program.by_name)
    total, unknowns = -program.by_name[f.partition][()], list[Input]()
    for eta in f.natural:
        item = program.by_name[eta]
        unknown = Input(_new(taken, f"m{len(unknowns) + 1}"), item.shape)
        unknowns.append(unknown)
        index = bound_indices(len(item.shape))
        product = item[index] * unknown[index]
        if item.shape:
            part = Definition(_new(taken, "product"), (), product, "sum", item.shape)
            kept.append(part)
            product = part[()]
        total += product
    whole = Definition(_new(taken, "potential"), (), total, origin="named")
    return Program((*inputs, *unknowns), (*kept, whole), (whole.name,)), tuple(unknowns)


def _inputs(f: Family) -> tuple[Input, ...]:
    """The parameters, and the observation if lengths are read off it alone."""
    rest = tuple(item for item in f.program.inputs if item.name != f.m.variable.name)
    lengths = {length for item in rest for length in item.shape}
    return f.program.inputs if set(f.m.variable.shape) - lengths else rest


def _new(taken: set[str], stem: str) -> str:
    name = next(fresh_names(taken, stem))
    taken.add(name)
    return name


def _scalar(f: Family) -> tuple[Program, ...] | None:
    """Numbers as statistics and parameters, as many of one as of the other: linear equations for SymPy."""
    thetas = [f.program.by_name[name].head for name in f.m.parameters]
    if len(thetas) != len(f.natural):
        return None
    jacobian = sp.Matrix([f.body(name) for name in f.natural]).jacobian(thetas)
    if jacobian.det() == 0:
        return None
    slopes = sp.Matrix([f.body(f.partition).diff(theta) for theta in thetas])
    return tuple(_program(f, _short(mean)) for mean in jacobian.T.LUsolve(slopes))


def _short(body: Expr) -> Expr:
    """As short as may be, a product rather than a sum of about the same length."""
    body = sp.trigsimp(body) if body.has(sp.cos, sp.sin) else body
    plain, product = shortest(sp.expand(body)), shortest(sp.factor(sp.together(body)))
    return product if cost(product) <= cost(plain) + 1 else plain


def _program(f: Family, body: Expr) -> Program:
    inputs = _inputs(f)
    return Program(inputs, (Definition("mean", (), references(body, inputs), origin="named"),), ("mean",))


def _solved(derivation: Derivation, unknowns: tuple[Input, ...]) -> tuple[Program, ...]:
    """Arrays: the gradient by each parameter is solved for an expectation of the same shape."""
    names = tuple(item.name for item in unknowns)
    for results in _pairings(list(derivation.result.values()), unknowns):
        try:
            found = answer(replace(derivation, wrt=names, result=dict(zip(names, results, strict=True))))
        except (ChainruleError, ValueError):
            continue
        return tuple(simplified(_alone(found.solution[name].program, names)).program for name in names)
    raise UnsupportedError(UNDETERMINED, hint="see --known")


def _pairings(results: list[Formula], unknowns: tuple[Input, ...]) -> Iterator[tuple[Formula, ...]]:
    if len(results) != len(unknowns):
        return
    for order in itertools.permutations(results):
        if all(one.shape == unknown.shape for one, unknown in zip(order, unknowns, strict=True)):
            yield order


def _alone(program: Program, names: tuple[str, ...]) -> Program:
    """A solution without the expectations as inputs."""
    return replace(program, inputs=tuple(item for item in program.inputs if item.name not in names))


def _on_simplex(f: Family, potential: Program) -> Program:
    """The potential with a multiplier for probabilities, which is what the variable's entries sum to."""
    rows = [item for item in potential.inputs if item.domain.sums_to_one]
    if not rows:
        return potential
    one = total(f.m)
    whole, definitions = potential.output, list(potential.definitions[:-1])
    assert isinstance(whole, Definition)
    body, taken = whole.body, set(potential.by_name)
    for item in rows:
        row = Definition(_new(taken, "row"), (), item[bound_indices(1)], "sum", item.shape)
        definitions.append(row)
        body -= one * row[()]
    return replace(potential, definitions=(*definitions, whole.with_body(body)))
