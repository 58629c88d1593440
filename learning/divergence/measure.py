"""Expectations under a distribution, computed: sums and quadrature, of vectors at their smallest length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from scipy import integrate

from chainrule.derive.checking.sampling import sample
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Dim, Input, Program
from chainrule.learning.divergence.pair import Pair
from chainrule.learning.probability.array_sums import counts, total
from chainrule.learning.probability.integrals import expectation, is_scalar
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import bound, number, possible

Values = Mapping[str, Any]
#: Lengths of a vector: two probabilities or counts, three outcomes, or one number.
FEW = {"simplex": 2, "onehot": 3, "count": 2}
#: Draws until both members have positive density somewhere.
DRAWS = 200


def mean(m: Model, values: Values, function: Callable[[Any], float]) -> float:
    """The expectation of a function of one observation.

    Raises:
        UnsupportedError: observations are arrays with more than one number that moves.
        InputError: a sum does not converge.
    """
    if is_scalar(m):
        return expectation(m, values, lambda x: _each(function, x))
    return sum(_parts(m, values, function))


def _each(function: Callable[[Any], float], x: Any) -> Any:
    found = [function(np.asarray(float(one))) for one in np.atleast_1d(x)]
    return np.array(found) if np.ndim(x) else found[0]


def _parts(m: Model, values: Values, function: Callable[[Any], float]) -> Iterator[float]:
    x = m.variable
    shape = tuple(int(n) for n in np.shape(_example(m, values)))

    def weighted(point: Any) -> float:
        density = float(np.exp(number(m.density.program, {**values, x.name: point})))
        return density * function(point) if density else 0.0

    if x.domain.name == "onehot":
        yield from map(weighted, np.eye(shape[-1]))
    elif x.domain.integer and len(shape) == 1 and shape[0] > 1:
        whole = int(values[str(total(m).name)])
        yield from map(weighted, counts(whole, m, {**values, x.name: np.empty(shape)}))
    elif x.domain.name == "simplex" and shape == (2,):
        yield _quad(lambda t: weighted(np.array([t, 1 - t])), 0.0, 1.0)
    elif np.prod(shape) == 1 and not x.domain.integer:
        low, high = (-np.inf, np.inf) if x.domain.low is None and x.domain.name != "spd" else (0.0, np.inf)
        for start, stop in ((low, 0.0), (0.0, 1.0), (1.0, high)):
            if start < stop:
                yield _quad(lambda t: weighted(np.full(shape, t)), start, stop)
    else:
        raise UnsupportedError("quadrature is for observations with one number that moves", found=f"shape {shape}")


def _quad(integrand: Callable[[float], float], start: float, stop: float) -> float:
    with np.errstate(all="ignore"):
        return float(integrate.quad(integrand, start, stop, limit=400, epsabs=1e-13, epsrel=1e-12)[0])


def _example(m: Model, values: Values) -> Any:
    """An array of the shape of an observation."""
    sizes: dict[Dim, int] = {}
    for item in m.density.inputs[1:]:
        for length, size in zip(item.shape, np.shape(values[item.name]), strict=True):
            if isinstance(length, Dim):
                sizes[length] = size
    return np.empty([int(length.subs(sizes)) for length in m.variable.shape])


def small(pair: Pair, seed: int = 0) -> dict[str, Any]:
    """Parameters of both members, so that ``p`` has no density where ``q`` has none.

    Raises:
        UnsupportedError: none were found.
    """
    rng = np.random.default_rng(seed)
    domain = pair.m.variable.domain.name
    sizes = dict.fromkeys(pair.m.density.program.dims, FEW.get(domain, 1))
    for attempt in range(DRAWS):
        values = sample(pair.inputs, sizes, rng)
        if attempt % 2:
            values |= {item.name: values[item.name] * 4 for item in pair.inputs if _grows(item)}
        if covered(pair, values) and all(_has_density(pair, values, which, sizes, rng) for which in (0, 1)):
            return values
    raise UnsupportedError("no parameters were found at which both members have a density")


def _grows(item: Input) -> bool:
    return not item.shape and item.domain.low is not None and item.domain.high is None


def _has_density(pair: Pair, values: Values, which: int, sizes: Mapping[Dim, int], rng: np.random.Generator) -> bool:
    own, x = pair.values(values, which), pair.m.variable
    return any(possible(pair.m, {**own, x.name: sample([x], sizes, rng)[x.name]}) for _ in range(40))


def covered(pair: Pair, values: Values) -> bool:
    """Whether the support of ``p`` lies in that of ``q``."""
    p, q = (pair.values(values, which) for which in (0, 1))
    (low, high), (lower, higher) = (tuple(bound(pair.m, end, own) for end in (0, 1)) for own in (p, q))
    return bool(lower <= low < high <= higher)


def log_ratio(pair: Pair, values: Values) -> float:
    """``E_p[log p(x) - log q(x)]``; infinite where the support of ``q`` does not cover that of ``p``."""
    if not covered(pair, values):
        return np.inf
    p, q = (pair.values(values, which) for which in (0, 1))
    name, program = pair.m.variable.name, pair.m.density.program
    return mean(pair.m, p, lambda x: number(program, {**p, name: x}) - number(program, {**q, name: x}))


def code_length(pair: Pair, values: Values, which: int) -> float:
    """``-E_p[log p(x)]``, or ``-E_p[log q(x)]``."""
    if which and not covered(pair, values):
        return np.inf
    p, own = pair.values(values, 0), pair.values(values, which)
    name, program = pair.m.variable.name, pair.m.density.program
    return mean(pair.m, p, lambda x: -number(program, {**own, name: x}))


def observation(pair: Pair, values: Values, rng: np.random.Generator) -> Any:
    """An observation at which both members have positive density."""
    x = pair.m.variable
    sizes = dict.fromkeys(pair.m.density.program.dims, FEW.get(x.domain.name, 1))
    for _ in range(DRAWS):
        drawn = sample([x], sizes, rng)[x.name]
        if all(possible(pair.m, {**pair.values(values, which), x.name: drawn}) for which in (0, 1)):
            return drawn
    raise UnsupportedError("no observation was found at which both members have positive density")


def array(program: Program, values: Values) -> Any:
    """The value of a program."""
    return evaluate(program, values)[program.outputs[0]]


def value(program: Program, values: Values) -> float:
    """A scalar program in double precision."""
    return float(evaluate(program, values)[program.outputs[0]])
