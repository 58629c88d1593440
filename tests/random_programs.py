"""Random programs and values for the tests of the printers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp
from hypothesis import strategies as st
from sympy import Expr, Integer, KroneckerDelta, Mul, Rational, S

from chainrule.derive.catalog.elementwise import sigmoid
from chainrule.derive.program import (
    Definition,
    Index,
    Input,
    Program,
    Reduction,
    Ref,
    bound_index,
    dim,
    free_index,
    is_unit,
)
from chainrule.derive.scalar import less, where

DIMS = (dim("n"), dim("m"), dim("k"))
#: Two assignments, so that nothing agrees because two lengths happen to be equal.
SIZES = ({"n": 2, "m": 3, "k": 4}, {"n": 4, "m": 2, "k": 5})


def values_of(program: Program, sizes: dict[str, int], seed: int = 0) -> dict[str, npt.NDArray[np.float64]]:
    """Values of the inputs."""
    rng = np.random.default_rng(seed)
    lengths = {dim(name): Integer(size) for name, size in sizes.items()}
    found = {}
    for item in program.inputs:
        shape = tuple(int(length.xreplace(lengths)) for length in item.shape)
        positive = item.domain.sign == "positive"
        found[item.name] = rng.uniform(0.5, 2, shape) if positive else rng.normal(size=shape)
    return found


def programs(definitions: int = 3) -> st.SearchStrategy[Program]:
    """Programs of sums of products, elementwise functions, broadcasts, diagonals and unit matrices."""
    return st.randoms(use_true_random=False).map(lambda rng: _program(rng, definitions))


def _program(rng: Random, count: int) -> Program:
    inputs = [Input("B0", DIMS[:2]), Input("B1", DIMS[2:])]
    inputs += [Input(f"A{n}", _shape(rng, (0, 1, 1, 2, 2, 2), 0.06)) for n in range(rng.randint(2, 4))]
    items: list[Input | Definition] = [*inputs]
    while len(items) < len(inputs) + count:
        items.append(_definition(rng, f"D{len(items) - len(inputs)}", items))
    last = items[-1].name
    return Program(tuple(inputs), tuple(items[len(inputs) :]), (last,))  # type: ignore[arg-type]


def _shape(rng: Random, ranks: Sequence[int], unit: float) -> tuple[Expr, ...]:
    return tuple(Integer(1) if rng.random() < unit else rng.choice(DIMS) for _ in range(rng.choice(ranks)))


def _definition(rng: Random, name: str, items: Sequence[Input | Definition]) -> Definition:
    shape = _shape(rng, (0, 1, 1, 2, 2), 0.06)
    kinds: tuple[Reduction, ...] = ("", "", "sum", "sum", "sum", "sum", "max", "logsumexp", "prod")
    kind = rng.choice(kinds)
    count = 0 if not kind else rng.choice([1, 1, 1, 2, 2, 3] if kind == "sum" else [1, 1, 2])
    bound = tuple(rng.choice(DIMS) for _ in range(count))
    lengths: dict[Index, Expr] = dict(zip(map(free_index, range(len(shape))), shape, strict=True))
    lengths |= dict(zip(map(bound_index, range(count)), bound, strict=True))
    body = _Bodies(rng, lengths, items).expression(rng.choice([1, 2, 2, 3]))
    origin = rng.choice(("auto", "auto", "named"))
    return Definition(name, shape, body, kind, bound, origin=origin)  # type: ignore[arg-type]


@dataclass
class _Bodies:
    rng: Random
    lengths: dict[Index, Expr]
    items: Sequence[Input | Definition]

    def entry(self) -> Expr:
        for _ in range(20):
            item = self.rng.choice(self.items)
            indices = [self.index(length) for length in item.shape]
            if None not in indices:
                return Ref(item.head, *indices)
        return Integer(self.rng.choice([1, 2, 3]))

    def index(self, length: Expr) -> Any:
        fitting = [index for index, other in self.lengths.items() if other == length]
        if is_unit(length) and (not fitting or self.rng.random() < 0.5):
            return S.Zero
        if fitting and self.rng.random() < 0.97:
            return self.rng.choice(fitting)
        return Integer(self.rng.choice([0, 1])) if self.rng.random() < 0.15 and not is_unit(length) else None

    def expression(self, depth: int) -> Expr:
        rng, inner = self.rng, depth - 1
        choices = [
            (30, self.entry),
            (30, lambda: Mul(*(self.expression(inner) for _ in range(rng.randint(2, 4))))),
            (15, lambda: sum((self.term(inner) for _ in range(rng.randint(2, 3))), S.Zero)),
            (5, lambda: self.expression(inner) ** 2),
            (3, lambda: sp.tanh(self.expression(inner))),
            (2, lambda: sigmoid(self.expression(inner))),
            (3, lambda: 1 / (2 + self.expression(inner) ** 2)),
            (3, lambda: sp.sqrt(1 + self.expression(inner) ** 2)),
            (2, lambda: where(less(self.entry(), self.entry()), self.entry(), 1)),
            (3, lambda: self.delta() * self.expression(inner)),
            (2, lambda: self.expression(inner) / rng.choice(DIMS)),
            (2, lambda: Rational(rng.randint(-3, 3), rng.choice([1, 2, 3])) * self.expression(inner)),
        ]
        if depth == 0:
            return self.entry()
        weights, makers = zip(*choices, strict=True)
        return rng.choices(makers, weights)[0]()

    def term(self, depth: int) -> Expr:
        return self.rng.choice([S.One, S.One, -S.One, Integer(2), Rational(1, 2)]) * self.expression(depth)

    def delta(self) -> Expr:
        if len(self.lengths) < 2:
            return S.One
        left, right = self.rng.sample(list(self.lengths), 2)
        return KroneckerDelta(left, right) if self.lengths[left] == self.lengths[right] else S.One
