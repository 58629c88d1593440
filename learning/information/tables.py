"""Random tables of probabilities in which declared facts hold, and quantities computed on them by definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, permutations, product
from operator import xor

import numpy as np
from numpy.typing import NDArray

from chainrule.derive.errors import UnsupportedError
from chainrule.learning.information.quantities import Quantity, Side

Array = NDArray[np.float64]
OUTCOMES = 3


@dataclass(frozen=True)
class Fact:
    """Something declared: ``quantity`` is 0.

    Attributes:
        text: as it was declared.
        quantity: the mutual information, or the conditional entropy of a function, that vanishes.
    """

    text: str
    quantity: Quantity


@dataclass(frozen=True)
class Tables:
    """A joint distribution of the variables, and distributions over one set, all without zeros unless declared."""

    names: tuple[str, ...]
    joint: Array
    single: dict[str, Array]

    def marginal(self, names: frozenset[str]) -> Array:
        """The distribution of some variables, spread over all axes."""
        away = tuple(axis for axis, name in enumerate(self.names) if name not in names)
        return np.asarray(self.joint.sum(axis=away, keepdims=True), dtype=np.float64)

    def value(self, side: Side) -> float:
        """The value of a side."""
        return float(sum(float(weight) * self.quantity(quantity) for weight, quantity in side))

    def quantity(self, quantity: Quantity) -> float:
        """The mean of a logarithm of probabilities."""
        if quantity.kind == "log":
            return float(np.log(int(quantity.groups[0][0])))
        if quantity.of_variables:
            return self._of_variables(quantity)
        p, q = (self.single[name] for name in (quantity.groups[0][0], quantity.groups[-1][-1]))
        if quantity.kind == "H":
            return float(-np.sum(p * np.log(q)))
        if quantity.kind == "KL":
            return float(np.sum(p * np.log(p / q)))
        return float(sum(np.sum(r * np.log(2 * r / (p + q))) for r in (p, q)) / 2)

    def _of_variables(self, quantity: Quantity) -> float:
        given = self.marginal(frozenset(quantity.given))
        weight = self.marginal(quantity.names())
        with np.errstate(all="ignore"):
            parts = [self.marginal(frozenset((*group, *quantity.given))) / given for group in quantity.groups]
            whole = weight / given
            ratio = 1 / parts[0] if quantity.kind == "H" else whole / np.prod(np.broadcast_arrays(*parts), axis=0)
            terms = np.where(weight > 0, weight * np.log(ratio), 0.0)
        return float(np.sum(terms))


def tables(names: frozenset[str], facts: tuple[Fact, ...], seed: int) -> Tables:
    """Random tables in which the facts hold.

    Raises:
        UnsupportedError: none were found.
    """
    rng = np.random.default_rng(seed)
    variables = sorted(name for name in names if name[0].isupper())
    single = {name: rng.dirichlet(np.full(4, 1.5)) for name in sorted(names) if not name[0].isupper()}
    for order in permutations(variables):
        found = Tables(tuple(variables), _joint(order, variables, facts, rng), single)
        if all(abs(found.quantity(fact.quantity)) < 1e-12 for fact in facts):
            return found
    raise UnsupportedError("no tables were found in which all that is declared holds")


def coins(names: frozenset[str]) -> Iterator[tuple[str, Tables]]:
    """Tables in which every variable is a sum modulo 2 of fair coins, each with what the variables are."""
    variables = tuple(sorted(name for name in names if name[0].isupper()))
    if len(variables) != len(names):
        return
    count = 3 if len(variables) <= 3 else 2
    for chosen in product(range(2**count), repeat=len(variables)):
        joint = np.zeros([2] * len(variables))
        for outcome in range(2**count):
            joint[tuple((vector & outcome).bit_count() % 2 for vector in chosen)] += 0.5**count
        yield _in_words(variables, chosen), Tables(variables, joint, {})


def _in_words(variables: tuple[str, ...], chosen: tuple[int, ...]) -> str:
    """``X is a fair coin, Y = X, Z is constant``."""
    free: list[tuple[str, int]] = []
    said = []
    for name, vector in zip(variables, chosen, strict=True):
        sums = (part for size in range(len(free) + 1) for part in combinations(free, size))
        made = next((part for part in sums if reduce(xor, (v for _, v in part), 0) == vector), None)
        if made is None:
            free.append((name, vector))
            said.append(f"{name} is a fair coin")
        else:
            total = " + ".join(other for other, _ in made)
            said.append(f"{name} = {total}{' modulo 2' if len(made) > 1 else ''}" if made else f"{name} is constant")
    return ", ".join(said)


def _joint(order: tuple[str, ...], variables: list[str], facts: tuple[Fact, ...], rng: np.random.Generator) -> Array:
    """A table made variable by variable, each given those before it that it may depend on."""
    axes = {name: axis for axis, name in enumerate(variables)}
    joint = np.ones([1] * len(variables))
    for number, name in enumerate(order):
        parents = [other for other in order[:number] if not _apart(name, other, order[:number], facts)]
        exact = next((fact for fact in facts if fact.quantity.kind == "H" and name in fact.quantity.groups[0]
                      and set(fact.quantity.given) <= set(order[:number])), None)  # fmt: skip
        parents = list(exact.quantity.given) if exact else parents
        shape = [1] * len(variables)
        for other in (*parents, name):
            shape[axes[other]] = OUTCOMES
        joint = joint * _conditional(shape, axes[name], exact is not None, rng)
    return np.asarray(joint, dtype=np.float64)


def _apart(name: str, other: str, before: tuple[str, ...], facts: tuple[Fact, ...]) -> bool:
    """Whether two variables are declared independent given some of those before."""
    for fact in facts:
        if fact.quantity.kind == "I" and set(fact.quantity.given) <= set(before):
            left, right = fact.quantity.groups
            if (name in left and other in right) or (name in right and other in left):
                return True
    return False


def _conditional(shape: list[int], axis: int, exact: bool, rng: np.random.Generator) -> Array:
    """Random conditional probabilities along an axis; for a function, one of them is 1."""
    drawn = rng.gamma(1.5, size=shape)
    if exact:
        drawn = (drawn == drawn.max(axis=axis, keepdims=True)).astype(np.float64)
    return np.asarray(drawn / drawn.sum(axis=axis, keepdims=True), dtype=np.float64)
