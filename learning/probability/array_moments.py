"""Moments and Fisher information of exponential families of arrays, in matrix notation.

With one more factor ``S`` of the shape of a statistic ``T_l``, a constant, both the expectations and the covariances
are solutions of linear equations, one for every parameter ``theta_j``:

    d/dtheta_j (<eta, m> - A) = 0              at  m_k = E[T_k],
    d/dtheta_j (<eta, c> - <S, E[T_l]>) = 0    at  c_k = cov(<S, T_l>, T_k),

and the Fisher information is the expected negative Hessian of ``<eta, T> - A``.  Probabilities do not move freely:
``p / sum(p)`` in their place leaves the density as it is where they sum to one, and adds ``total log sum(p)`` to ``A``,
that is ``total logsumexp(eta)``.

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 2.224 to 2.226.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr, S, log

from chainrule.derive.domains import DOMAINS
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient, hessian, jacobian
from chainrule.derive.program import Definition, Input, Program, bound_indices, fresh_names
from chainrule.learning.probability.array_sums import total
from chainrule.learning.probability.expected import Expected, expected, potential
from chainrule.learning.probability.family import Family, family
from chainrule.learning.probability.model import Model, model
from chainrule.learning.probability.points import point
from chainrule.learning.probability.textbook import simplified


@dataclass(frozen=True)
class ArrayMoments:
    """Moments of a family some of whose parameters or statistics are arrays.

    Attributes:
        f: the family as it is, of more parameters where those that are asked for do not determine the moments.
        asked: the parameters whose information is asked for.
        free: the family with probabilities that need not sum to one.
        total: what the entries of the observation sum to, where the parameters are probabilities.
        expected: the expectations of the statistics of ``free``.
    """

    f: Family
    asked: tuple[str, ...]
    free: Family
    total: Expr | None
    expected: Expected

    @property
    def rows(self) -> tuple[str, ...]:
        """The parameters that are probabilities."""
        return _rows(self.f)

    @cached_property
    def means(self) -> tuple[Formula, ...]:
        """The expectations, where probabilities sum to one."""
        return tuple(self.where_one(mean) for mean in self.expected.means)

    def where_one(self, program: Program) -> Formula:
        """A program of free weights where they sum to one, as short as may be."""
        sums, kept = dict[Expr, Expr](), list[Definition]()
        for item in program.definitions:
            body = item.body.xreplace(sums)
            over = {program.by_name[name][bound_indices(1)] for name in self.rows}
            if item.reduce == "sum" and not item.shape and body in over:
                sums[item[()]] = S.One
            kept.append(item.with_body(body))
        inputs = tuple(self._own(item) for item in program.inputs)
        return simplified(replace(program, inputs=inputs, definitions=tuple(kept)))

    def _own(self, item: Input) -> Input:
        found = self.f.program.by_name.get(item.name)
        return found if isinstance(found, Input) else item

    def weight(self, place: int) -> Input:
        """A constant of the shape of a statistic, symmetric where only its symmetric part counts."""
        name = self.f.statistics[place]
        shape = self.f.program.by_name[name].shape
        taken = {part for program in (self.f.program, *self.expected.means) for part in program.by_name}
        stem = next(fresh_names(taken | {d.name for d in self.f.program.dims}, "w" if len(shape) < 2 else "S"))
        return Input(stem, shape, DOMAINS["symmetric" if _symmetric(self.f, name) else "real"])

    @cached_property
    def covariances(self) -> dict[tuple[int, int], Formula]:
        """``cov(<S, T_l>, T_k)`` by ``(l, k)``; of vectors and numbers the covariance itself.

        Raises:
            UnsupportedError: the equations do not determine them, or have no closed form.
        """
        found = {}
        for place in range(len(self.f.statistics)):
            weight = self.weight(place)
            for other, program in enumerate(self._against(place, weight)[: place + 1]):
                found[place, other] = self._covariance(weight, program)
        return found

    def _covariance(self, weight: Input, program: Program) -> Formula:
        """Of vectors the matrix, by which a linear function of the weight multiplies it."""
        if len(weight.shape) != 1 or len(program.output.shape) > 1:
            return self.where_one(program)
        derivation = (jacobian if program.output.shape else gradient)(Formula(program), weight.name)
        (found,) = derivation.result.values()
        inputs = tuple(item for item in found.program.inputs if item.name != weight.name)
        return self.where_one(replace(found.program, inputs=inputs))

    def _against(self, place: int, weight: Input) -> tuple[Program, ...]:
        """The expectations of a family whose log-partition is ``<S, E[T_l]>``."""
        whole = weighted_mean(self.expected.means[place], weight)
        program = self.free.program
        renamed, name = _inlined(program, whole)
        own = (weight,) if weight.shape else ()
        bigger = replace(program, inputs=(*program.inputs, *own), definitions=(*program.definitions, *renamed))
        try:
            return expected(replace(self.free, program=bigger, partition=name)).means
        except UnsupportedError as error:
            text = self.f.shown(self.f.statistics[place]).text
            raise UnsupportedError(
                f"the covariances of {text} with the statistics have no closed form by these equations",
                found=error.found,
            ) from None

    @cached_property
    def information(self) -> dict[tuple[str, str], Formula]:
        """The Fisher information by pairs of parameters; of a matrix, applied to a direction ``D``."""
        whole, unknowns = potential(self.f)
        names = self.asked
        found = {}
        for i, first in enumerate(names):
            for second in names[: i + 1]:
                result = self._curvature(whole, second, first)
                put = dict(zip((item.name for item in unknowns), self.means, strict=True))
                found[second, first] = simplified(_put(result, put))
        return found

    def direction(self, name: str) -> Input:
        """A constant of the shape of a parameter, in which the information is taken."""
        item = self.f.program.by_name[name]
        domain = item.domain if isinstance(item, Input) else DOMAINS["real"]
        return Input(_new(self.f.program, "D"), item.shape, DOMAINS["symmetric" if domain.symmetric else "real"])

    def _curvature(self, whole: Program, first: str, second: str) -> Program:
        """The negative second derivative of the potential."""
        negative = whole.with_definitions(
            (*whole.definitions[:-1], whole.definitions[-1].with_body(-whole.definitions[-1].body)), whole.outputs
        )
        if len(self.f.program.by_name[second].shape) > 1:
            slope = gradient(Formula(negative), second).result[second].program
            negative = weighted_mean(slope, self.direction(second))
            return gradient(Formula(negative), first).result[first].program
        found = hessian(Formula(negative), list(dict.fromkeys([first, second]))).result
        return found[first if first == second else f"{first},{second}"].program


def array_moments(f: Family) -> ArrayMoments:
    """The moments of a family of arrays.

    Raises:
        UnsupportedError: they do not follow from the log-partition in closed form; the message says which do not.
    """
    try:
        return _determined(f)
    except UnsupportedError as error:
        wider = _wider(f.m)
        if wider is None:
            raise
        try:
            return replace(_determined(wider), asked=f.m.parameters)
        except UnsupportedError:
            raise error from None


def _determined(f: Family) -> ArrayMoments:
    rows = _rows(f)
    one = total(f.m) if rows else None
    free = _freed(f, rows, one) if one is not None else f
    try:
        return ArrayMoments(f, f.m.parameters, free, one, expected(free))
    except UnsupportedError as error:
        raise UnsupportedError(f"{error.message}: {_shapes(f)}", found=error.found, hint=error.hint) from None


def _wider(m: Model) -> Family | None:
    """The family with the known parameters that are no integers as parameters: more equations for the same moments."""
    integers = [item.name for item in m.density.inputs[1:] if item.name in m.known and item.domain.integer]
    if set(m.known) == set(integers):
        return None
    try:
        return family(model(replace(m.entry, known=()), integers))
    except UnsupportedError:
        return None


def _shapes(f: Family) -> str:
    """What the equations are to determine, and from what."""
    sides = (f.statistics, f.m.parameters)
    statistics, parameters = (", ".join(f"{f.shown(name).text if side is f.statistics else name}{_brackets(f, name)}"
                                        for name in side) for side in sides)  # fmt: skip
    return f"E of {statistics} from the derivatives by {parameters}"


def _brackets(f: Family, name: str) -> str:
    shape = f.program.by_name[name].shape
    return f" [{', '.join(map(str, shape))}]" if shape else " (a number)"


def _rows(f: Family) -> tuple[str, ...]:
    items = (f.program.by_name[name] for name in f.m.parameters)
    return tuple(item.name for item in items if isinstance(item, Input) and item.domain.sums_to_one)


def _symmetric(f: Family, name: str) -> bool:
    """Whether a statistic is a symmetric matrix."""
    found = np.asarray(f.at(one_observation(f.m), name))
    return found.ndim == 2 and found.shape[0] == found.shape[1] and bool(np.allclose(found, found.T))


def one_observation(m: Model) -> dict[str, Any]:
    """Parameters and one observation."""
    values = point(m)
    return {**values, m.variable.name: values[m.variable.name][0]}


def _new(program: Program, stem: str) -> str:
    taken = set(program.by_name) | {d.name for d in program.dims}
    return next(fresh_names(taken, stem))


def _freed(f: Family, rows: Sequence[str], one: Expr) -> Family:
    """The family with ``p / sum(p)`` for probabilities ``p``."""
    if len(rows) > 1:
        raise UnsupportedError("moments are derived where one parameter is a vector of probabilities",
                               found=", ".join(rows))  # fmt: skip
    program = f.program
    item = program.by_name[rows[0]]
    inputs = tuple(replace(i, domain=DOMAINS["nonnegative"]) if i.name in rows else i for i in program.inputs)
    whole = Definition(_new(program, "row"), (), item[bound_indices(1)], "sum", item.shape)
    wider = program.with_definitions((*program.definitions, whole), program.outputs)
    name = _new(wider, "A_free")
    partition = program.by_name[f.partition]
    own = partition.body if isinstance(partition, Definition) and not partition.reduce else partition[()]
    body = own + one * log(whole[()])
    last = Definition(name, (), body, origin="named")
    outputs = tuple(name if out == f.partition else out for out in program.outputs)
    return replace(f, program=Program(inputs, (*wider.definitions, last), outputs), partition=name)


def weighted_mean(program: Program, weight: Input) -> Program:
    """The sum of the entries of a program times those of a constant."""
    item = program.output
    index = bound_indices(len(item.shape))
    body = item[index] * weight[index] if weight.shape else item[()]
    name = next(fresh_names({*program.by_name, weight.name}, "along"))
    whole = Definition(name, (), body, "sum" if item.shape else "", item.shape, origin="named")
    inputs = (*program.inputs, *((weight,) if weight.shape and weight not in program.inputs else ()))
    return Program(inputs, (*program.definitions, whole), (name,))


def _inlined(program: Program, other: Program) -> tuple[list[Definition], str]:
    """The definitions of another program of the same inputs, under names that are free."""
    taken, heads, out = set(program.by_name), dict[Expr, Expr](), list[Definition]()
    for item in other.definitions:
        name = next(fresh_names(taken, "piece"))
        taken.add(name)
        moved = replace(item, name=name, body=item.body.xreplace(heads))
        heads[item.head] = moved.head
        out.append(moved)
    return out, out[-1].name


def _put(program: Program, values: Mapping[str, Formula]) -> Program:
    """A program with formulas for some of its inputs."""
    heads, first = dict[Expr, Expr](), list[Definition]()
    for name, value in values.items():
        moved, last = _inlined(program.with_definitions((*first, *program.definitions), program.outputs), value.program)
        first += moved
        heads[program.by_name[name].head] = first[-1].head
        assert last == first[-1].name
    inputs = tuple(item for item in program.inputs if item.name not in values)
    rest = (item.with_body(item.body.xreplace(heads)) for item in program.definitions)
    return Program(inputs, (*first, *rest), program.outputs)

