"""Small discrete distributions in which everything holds that is declared, and nothing more.

Every set of variables that may depend on each other shares a chance of its own with a few outcomes, so that
variables that are declared independent are exactly so, and all others are not.  Means over such a table are
finite sums: they check a line without any of the algebra that has made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import product
from math import comb, isfinite
from typing import Any
from zlib import crc32

import numpy as np
from scipy import stats
from sympy import Expr, Symbol

from chainrule.derive.errors import InputError, LimitError
from chainrule.learning.expectation.measure import Array, Bound, Place, Table, value
from chainrule.learning.expectation.setting import Setting

#: How many members a family has in a table.
MEMBERS = 3
ATTEMPTS = 300
#: Attempts after which variances that are not declared are half as large, so that probabilities stay between 0 and 1.
CALMER = 5
MAX_OUTCOMES = 300_000
FROZEN: dict[str, Callable[..., Any]] = {
    "normal": lambda m, v: stats.norm(m, v**0.5),
    "uniform": lambda a, b: stats.uniform(a, b - a),
    "bernoulli": lambda p: stats.bernoulli(p),
    "poisson": lambda rate: stats.poisson(rate),
    "exponential": lambda rate: stats.expon(scale=1 / rate),
    "gamma": lambda a, rate: stats.gamma(a, scale=1 / rate),
    "laplace": lambda m, b: stats.laplace(m, b),
}


class _Contradiction(Exception):
    """These constants allow no distribution."""


@dataclass
class Constants(dict[Place, float]):
    """Numbers for constants, drawn when they are first asked for."""

    seed: int
    sizes: dict[str, int] = field(default_factory=dict)
    calm: float = 1.0

    def __missing__(self, key: Place) -> float:
        """A number that depends on the name and the seed alone."""
        if key[0] in self.sizes:
            return float(self.sizes[key[0]])
        rng = np.random.default_rng([crc32(repr(key).encode()), self.seed])
        low, high = ((0.15, 0.95), (1.1, 3.5))[int(rng.integers(2))] if self.seed else (0.15, 0.95)
        return self.setdefault(key, round(float(rng.uniform(low, high)), 3))


def table(setting: Setting, seed: int = 0) -> Table:
    """A distribution of the variables of a setting.

    Raises:
        InputError: none was found, so that the declarations seem to contradict each other.
        LimitError: there are too many variables.
    """
    for attempt in range(ATTEMPTS):
        try:
            return _drawn(setting, seed * ATTEMPTS + attempt, 1 / (1 + attempt / CALMER))
        except _Contradiction:
            continue
    raise InputError("no distribution was found in which all that is declared holds",
                     hint="a covariance may be too large, or declarations may contradict each other")  # fmt: skip


def _drawn(setting: Setting, seed: int, calm: float) -> Table:
    uppers = {item.name for upper in _uppers(setting) for item in upper.free_symbols}
    constants = Constants(seed, dict.fromkeys(uppers, MEMBERS), calm)
    places = list(_places(setting))
    rng = np.random.default_rng([seed, 7])
    # What has a declared conditional variance is made of what it is given and a coin of its own.
    cliques = list(_cliques(set(), [place for place in places if place[0] not in setting.spreads], [], setting))
    chances, parts = [], []
    for clique in cliques:
        chance, part = _shared(clique, cliques, setting, constants, rng)
        chances.append(chance)
        parts.append(part)
    tossed = [place for place in places if place[0] in setting.spreads]
    coins = {place: len(chances) + number for number, place in enumerate(tossed)}
    chances += [np.array([0.5, 0.5])] * len(coins)
    sizes = [len(chance) for chance in chances]
    if np.prod(sizes, dtype=float) > MAX_OUTCOMES:
        raise LimitError("there are too many random variables to check the lines", found=str(len(places)))
    grid = np.array(list(product(*map(range, sizes)))).reshape(-1, len(sizes))
    probability = np.prod([chance[grid[:, k]] for k, chance in enumerate(chances)], axis=0)
    columns = {place: np.full(len(grid), _mean(place, setting, constants)) for place in places}
    for number, (clique, part) in enumerate(zip(cliques, parts, strict=True)):
        for place, outcomes in zip(clique, part.T, strict=True):
            columns[place] = columns[place] + outcomes[grid[:, number]]
    made = Table(setting, probability, columns, constants)
    _set_conditional_means(made)
    _set_conditional_variances(made, {place: 2.0 * grid[:, number] - 1 for place, number in coins.items()})
    return made


def _uppers(setting: Setting) -> Iterator[Expr]:
    yield from setting.upper.values()
    if not setting.upper:
        yield setting.upper_of(Symbol("i"))


def _places(setting: Setting) -> Iterator[Place]:
    for name in sorted(setting.random):
        if name in setting.families:
            yield from ((name, number) for number in range(1, MEMBERS + 1))
        else:
            yield name, None


def _dependent(setting: Setting, left: Place, right: Place) -> bool:
    marks = [None if number is None else Symbol(str(number)) for _, number in (left, right)]
    return setting.dependent((left[0], marks[0]), (right[0], marks[1]))


def _cliques(
    chosen: set[Place], open_: list[Place], done: list[Place], setting: Setting
) -> Iterator[tuple[Place, ...]]:
    """The largest sets of variables that all may depend on each other (Bron and Kerbosch)."""
    if not open_ and not done:
        yield tuple(sorted(chosen, key=str))
    open_, done = list(open_), list(done)
    while open_:
        place = open_.pop()
        near = [other for other in open_ if _dependent(setting, place, other)]
        yield from _cliques({*chosen, place}, near, [o for o in done if _dependent(setting, place, o)], setting)
        done.append(place)


def _declared(setting: Setting, kind: str, place: Place, order: int, constants: Constants) -> float | None:
    """A declared moment of a variable as a number."""
    found = (setting.moments if kind == "raw" else setting.central).get((place[0], order))
    if found is None:
        return None
    index, expr = found
    bound = {} if index is None or place[1] is None else {index: place[1]}
    return _number(expr, setting, constants, bound)


def _number(expr: Expr, setting: Setting, constants: Constants, bound: Bound) -> float:
    """A constant expression as a number."""
    return float(value(expr, Table(setting, np.ones(1), {}, constants), bound)[0])


def _mean(place: Place, setting: Setting, constants: Constants) -> float:
    found = _declared(setting, "raw", place, 1, constants)
    return constants["mean of " + place[0], place[1]] if found is None else found


def _variance(place: Place, setting: Setting, constants: Constants) -> float:
    found = _declared(setting, "central", place, 2, constants)
    second = _declared(setting, "raw", place, 2, constants)
    if found is None and second is not None:
        found = second - _mean(place, setting, constants) ** 2
    if found is None:
        return constants.calm * (constants["variance of " + place[0], place[1]] + 0.3)
    if not found > 0:
        raise _Contradiction
    return found


def _shared(
    clique: tuple[Place, ...], cliques: list[tuple[Place, ...]], setting: Setting, constants: Constants,
    rng: np.random.Generator,
) -> tuple[Array, Array]:  # fmt: skip
    """The chance that the variables of a clique share: its probabilities, and what it adds to each variable."""
    if len(clique) == 1:
        special = _special(clique[0], setting, constants)
        if special is not None:
            return special[0], special[1][:, None]
    count = len(clique) + 2
    chance = rng.integers(1, 9, count) / 1.0
    chance /= chance.sum()
    raw = rng.normal(size=(count, len(clique)))
    raw -= chance @ raw
    try:
        whitened = raw @ np.linalg.inv(np.linalg.cholesky(raw.T @ (raw * chance[:, None]))).T
        coloured = whitened @ np.linalg.cholesky(_target(clique, cliques, setting, constants, rng)).T
    except np.linalg.LinAlgError:
        raise _Contradiction from None
    return chance, coloured


def _target(
    clique: tuple[Place, ...], cliques: list[tuple[Place, ...]], setting: Setting, constants: Constants,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """The covariances that a clique contributes."""
    shares = [sum(place in other for other in cliques) for place in clique]
    deviations = np.array([
        (_variance(place, setting, constants) / share) ** 0.5 for place, share in zip(clique, shares, strict=True)
    ])  # fmt: skip
    size = len(clique)
    mixed = rng.normal(size=(size, size + 2))
    correlation = mixed @ mixed.T
    scale = deviations / np.sqrt(np.diag(correlation))
    target = np.asarray(correlation * np.outer(scale, scale), dtype=np.float64)
    for one, two in ((i, j) for i in range(size) for j in range(size) if i != j):
        found = _covariance(clique[one], clique[two], setting, constants)
        if found is not None:
            first = next(other for other in cliques if clique[one] in other and clique[two] in other) == clique
            target[one, two] = target[two, one] = found if first else 0.0
    return target


def _covariance(left: Place, right: Place, setting: Setting, constants: Constants) -> float | None:
    for one, two in ((left, right), (right, left)):
        found = setting.covariances.get((one[0], two[0]))
        if found:
            pairs = zip(found[:2], (one[1], two[1]), strict=True)
            bound = {index: number for index, number in pairs if index is not None and number is not None}
            return _number(found[2], setting, constants, bound)
    return None


def _special(place: Place, setting: Setting, constants: Constants) -> tuple[Array, Array] | None:
    """Few outcomes with the moments of a named distribution, or with those that are declared beyond the second."""
    if place[0] in setting.laws:
        name, arguments = setting.laws[place[0]]
        numbers = [_number(item, setting, constants, {}) for item in arguments]
        law = FROZEN[name](*numbers)
        raw = [float(law.moment(order)) for order in range(1, 8)]
        if not all(map(isfinite, raw)):
            raise _Contradiction
        return _quadrature(_central([1.0, *raw]))
    orders = {order for table_ in (setting.moments, setting.central) for name, order in table_ if name == place[0]}
    if not orders or max(orders) < 3:
        return None
    mean, variance = _mean(place, setting, constants), _variance(place, setting, constants)
    moments = [1.0, 0.0, variance, 0.3 * variance**1.5, 3.3 * variance**2, 4.0 * variance**2.5]
    for order in range(3, min(max(orders), 5) + 1):
        central, raw_one = (_declared(setting, kind, place, order, constants) for kind in ("central", "raw"))
        if central is not None:
            moments[order] = central
        elif raw_one is not None:
            known = sum(comb(order, k) * moments[k] * mean ** (order - k) for k in range(order))
            moments[order] = raw_one - known
    return _quadrature(moments)


def _central(raw: list[float]) -> list[float]:
    return [sum(comb(n, k) * raw[k] * (-raw[1]) ** (n - k) for k in range(n + 1)) for n in range(len(raw))]


def _quadrature(moments: list[float]) -> tuple[Array, Array]:
    """The fewest outcomes that have these moments (Golub and Welsch)."""
    scale = moments[2] ** 0.5
    moments = [moment / scale**order for order, moment in enumerate(moments)]
    for count in range(len(moments) // 2, 0, -1):
        hankel = np.array([[moments[i + j] for j in range(count)] for i in range(count)])
        shifted = np.array([[moments[i + j + 1] for j in range(count)] for i in range(count)])
        smallest = np.linalg.eigvalsh(hankel)[0]
        if smallest > 1e-9:
            inverse = np.linalg.inv(np.linalg.cholesky(hankel))
            nodes, vectors = np.linalg.eigh(inverse @ shifted @ inverse.T)
            return vectors[0] ** 2, nodes * scale
        if smallest < -1e-9:
            raise _Contradiction
    raise _Contradiction


def _set_conditional_means(made: Table) -> None:
    """Declared conditional means are made to hold."""
    for name, (given, expr) in made.setting.conditional.items():
        if name in made.setting.spreads:
            continue
        for place in [key for key in made.columns if key[0] == name]:
            keys = [made.columns[key] for key in made.columns if key[0] in given]
            present = made.given(made.columns[place], keys)
            made.columns[place] = made.columns[place] - present + value(expr, made, {})


def _set_conditional_variances(made: Table, coins: Mapping[Place, Array]) -> None:
    """What has a declared conditional variance lies on both sides of its conditional mean, as its coin falls."""
    spreads = made.setting.spreads
    order = TopologicalSorter({name: given for name, (given, _) in spreads.items()}).static_order()
    for name in (name for name in order if name in spreads):
        variance = value(spreads[name][1], made, {})
        if np.any(variance < 0):
            raise _Contradiction
        for place in [key for key in made.columns if key[0] == name]:
            mean = made.setting.conditional.get(name)
            centre = made.columns[place] if mean is None else value(mean[1], made, {})
            made.columns[place] = centre + np.sqrt(variance) * coins[place]
