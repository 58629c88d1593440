"""Divergence, entropy and cross-entropy of members of an exponential family, by its log-partition.

    KL(p || q)  = <eta_1 - eta_2, E_p[T]> - A_1 + A_2
    H(p, q)     = A_2 - <eta_2, E_p[T]> - E_p[log h]

Source: Nielsen and Nock, Entropies and cross-entropies of exponential families (2010), eq. 9 to 13.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Add, Expr, Mul

from chainrule.derive.algebra import match_indices
from chainrule.derive.errors import ChainruleError, UnsupportedError
from chainrule.derive.forms.bound_terms import Over
from chainrule.derive.formula import Formula
from chainrule.derive.program import Definition, Program, bound_indices, fresh_names
from chainrule.derive.stationarity.building import Builder
from chainrule.derive.stationarity.terms import Space, mentions
from chainrule.learning.divergence.pair import Pair, pair
from chainrule.learning.probability.expected import Expected, expected
from chainrule.learning.probability.family import Family, family
from chainrule.learning.probability.model import Model, model
from chainrule.learning.probability.textbook import simplified


@dataclass(frozen=True)
class Natural:
    """Both members by natural parameters, and the expectations under ``p``.

    Attributes:
        f: the family.
        pair: its members.
        expected: the expectations of the statistics.
        further: statistics of the family with nothing taken as known, and their expectations.
    """

    f: Family
    pair: Pair
    expected: Expected
    further: tuple[tuple[Definition, Program], ...] = ()

    def divergence(self) -> Program:
        """``<eta_1 - eta_2, E_p[T]> - A_1 + A_2`` put in."""
        builder = _Builder(self)
        total = builder.partition(1) - builder.partition(0)
        for place in range(len(self.f.natural)):
            total += builder.product(place, (0, 1), (1, -1))
        return builder.program("KL", total)

    def cross_entropy(self, which: int) -> Program:
        """``A - <eta, E_p[T]> - E_p[log h]`` put in: of ``p`` itself for 0, with ``q`` for 1.

        Raises:
            UnsupportedError: the base measure has no expectation in closed form.
        """
        builder = _Builder(self)
        total = builder.partition(which) - builder.base()
        for place in range(len(self.f.natural)):
            total += builder.product(place, (which,), (-1,))
        return builder.program("H", total)

    def mean(self, place: int) -> Formula:
        """The expectation of one statistic under ``p``."""
        program = self.expected.means[place]
        definitions = self.pair.definitions(program, 0)
        return Formula(Program(self.pair.inputs, definitions, (definitions[-1].name,), written=program.written))

    def short(self, program: Program) -> Formula:
        """A program as textbooks write it."""
        first, second = self.pair.members
        shifts = [(first[name], second[name]) for name in self.f.m.parameters if first[name].domain.name == "real"]
        used = {ref for item in program.definitions for ref in item.reads}
        return simplified(program, [pair for pair in shifts if {item.name for item in pair} <= used])


def natural(m: Model) -> Natural:
    """Both members of an exponential family.

    Raises:
        UnsupportedError: it is none, or the expectations of its statistics do not follow from the log-partition.
    """
    f = family(m)
    return Natural(f, pair(m), expected(f), _further(m))


def _further(m: Model) -> tuple[tuple[Definition, Program], ...]:
    if not m.known:
        return ()
    try:
        whole = family(model(m.entry, known=[]))
        means = expected(whole).means
    except ChainruleError:
        return ()
    return tuple((_source(whole, name), mean) for name, mean in zip(whole.statistics, means, strict=True))


class _Builder:
    """Definitions of the quantities of both members, made once each."""

    def __init__(self, n: Natural) -> None:
        self.n = n
        quantities = n.f.program.pruned([*n.f.natural, n.f.partition])
        self.definitions = [item for which in (0, 1) for item in n.pair.definitions(quantities, which)]
        self.taken = {item.name for item in self.definitions} | {item.name for item in n.pair.inputs}
        self.means = [self.mean(program) for program in n.expected.means]

    def mean(self, program: Program) -> Definition:
        """The expectation of a statistic, its definitions under new names."""
        heads: dict[Expr, Expr] = {}
        for item in self.n.pair.definitions(program, 0):
            moved = replace(item, name=self.new(item.name), body=item.body.xreplace(heads))
            heads[item.head] = moved.head
            self.definitions.append(moved)
        return self.definitions[-1]

    def new(self, stem: str) -> str:
        """A name that is not taken."""
        name = next(fresh_names(self.taken, stem))
        self.taken.add(name)
        return name

    def of(self, name: str, which: int) -> Definition:
        """A quantity of one member."""
        wanted = f"{name}_{which + 1}"
        return next(item for item in self.definitions if item.name == wanted)

    def partition(self, which: int) -> Expr:
        """The log-partition of one member."""
        return self.of(self.n.f.partition, which)[()]

    def product(self, place: int, members: Sequence[int], signs: Sequence[int]) -> Expr:
        """A natural parameter, or a difference of both, times the expectation of its statistic."""
        mean, eta = self.means[place], self.n.f.natural[place]
        index = bound_indices(len(mean.shape))
        body = sum(sign * self.of(eta, which)[index] for which, sign in zip(members, signs, strict=True)) * mean[index]
        if not mean.shape:
            return body
        part = Definition(self.new("product"), (), body, "sum", mean.shape)
        self.definitions.append(part)
        return part[()]

    def base(self) -> Expr:
        """The expectation of the logarithm of the base measure."""
        f = self.n.f
        body, space = self.base_entry()
        means = [(_source(f, name), mean) for name, mean in zip(f.statistics, self.means, strict=True)]
        means += [(source, self.mean(program)) for source, program in self.n.further]
        body = _linear(body, f.m.variable.name, [pair for pair in means if not pair[0].reduce])
        if body is None:
            raise UnsupportedError(
                "the expectation of the logarithm of the base measure has no closed form by the statistics",
                found=f"log h = {f.shown(f.base).text}",
            )  # fmt: skip
        program = Program(self.n.pair.inputs, tuple(self.definitions), (self.definitions[-1].name,))
        builder = Builder(program, space.lengths)
        made = builder.define(self.new("base"), body, (), ())
        self.definitions = list(builder.definitions.values())
        return made[()]

    def base_entry(self) -> tuple[Expr, Space]:
        """The logarithm of the base measure, everything written in."""
        f = self.n.f
        program = f.program.pruned([f.base])
        definitions = self.n.pair.definitions(program, 0)
        whole = Program((f.m.variable, *self.n.pair.inputs), definitions, (definitions[-1].name,))
        space = Space(whole, [item.name for item in whole.inputs])
        return space.entry(whole.outputs[0], ()), space

    def program(self, name: str, total: Expr) -> Program:
        """A number made of the quantities."""
        whole = Definition(self.new(name), (), total, origin="named")
        parts = tuple(replace(item, origin="auto") for item in self.definitions)
        return Program(self.n.pair.inputs, (*parts, whole), (whole.name,)).pruned([whole.name])


def _source(f: Family, statistic: str) -> Definition:
    item = f.program.by_name[statistic]
    assert isinstance(item, Definition)
    return item


def _linear(body: Expr, name: str, means: Sequence[tuple[Definition, Definition]]) -> Expr | None:
    """The expectation of a linear combination of statistics; none if it is none."""
    if not mentions(body, [name]):
        return body
    for source, mean in means:
        place = match_indices(source.body, body, source)
        if place is not None:
            return mean[place]
    if isinstance(body, Over):
        inner = _linear(body.body, name, means) if body.kind == "sum" else None
        return None if inner is None else Over("sum", inner, *body.limits.items())
    if not isinstance(body, Add | Mul) or (isinstance(body, Mul) and sum(mentions(f, [name]) for f in body.args) > 1):
        return None
    parts = [_linear(part, name, means) for part in body.args]
    return None if any(part is None for part in parts) else body.func(*parts)
