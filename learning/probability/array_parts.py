"""The derivation of moments and Fisher information of exponential families of arrays, with its checks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.derive.formula import Formula
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Move, Part
from chainrule.learning.probability.array_moments import ArrayMoments, one_observation, weighted_mean
from chainrule.learning.probability.array_sums import observations
from chainrule.learning.probability.family import Family
from chainrule.learning.probability.points import agreement, direction, slope
from chainrule.learning.probability.telling import information_symbol

Values = dict[str, Any]
ONE = (
    "The density is one in total for all parameters, so that the derivatives of sum eta E[T] - A by them are zero. "
    "Write {}."
)
SPREAD = (
    "The derivative of E[T_l] by a parameter is the sum over k of cov(T_l, T_k) times the derivative of eta_k; "
    "solve for the covariances."
)
DIRECTED = " {} is any constant {}, for the covariances of all entries at once."
CURVED = "The expected negative Hessian of the log-density of one observation; n observations have n times as much."


def array_parts(a: ArrayMoments) -> Iterator[Part]:
    """Expectations and covariances of the statistics."""
    yield from expectation_parts(a)
    yield _covariances(a)


def expectation_parts(a: ArrayMoments) -> Iterator[Part]:
    """Expectations of the statistics."""
    if a.total is not None:
        yield _free_part(a)
    yield _equations(a)
    means = [
        Move(_right(mean), (_expected(a.f, name),), (), functools.partial(_mean_difference, a, place))
        for place, (name, mean) in enumerate(zip(a.f.statistics, a.means, strict=True))
    ]
    words = "".join(f" The entries of {name} sum to one again." for name in a.rows)
    yield Part("Expectations of the statistics", tuple(means), (f"Solve.{words}",))


def _right(found: Formula) -> Shown:
    return shown(found.program, found.output.name)


def _free_part(a: ArrayMoments) -> Part:
    """The log-partition of weights that need not sum to one."""
    name, p, one = a.f.partition, a.rows[0], str(a.total)
    factor = "" if one == "1" else f"{one}*"
    (eta,) = a.f.natural if len(a.f.natural) == 1 else ("eta",)
    intro = (
        f"The entries of {p} sum to one and do not move on their own. {p}/sum({p}) in their place leaves the density "
        f"as it is there; as the entries of {a.f.m.variable.name} sum to {one}, it adds {factor}log(sum({p})) to "
        f"{name}, so that {p} is free."
    )
    moves = [Move(a.free.shown(a.free.partition), (named(name),), (), functools.partial(_free_difference, a))]
    if _is_logarithm(a):
        latex = named(eta).latex
        lead = "" if one == "1" else rf"{named(one).latex} \, "
        right = Shown(f"{factor}logsumexp({eta})", rf"{lead}\operatorname{{logsumexp}}\left({latex}\right)")
        moves.append(Move(right, (), ("By the natural parameters.",), functools.partial(_logsumexp, a)))
    return Part("Free parameters", tuple(moves), (intro,))


def _is_logarithm(a: ArrayMoments) -> bool:
    """Whether the log-partition is that of a softmax."""
    return len(a.f.natural) == 1 and _logsumexp(a) < 1e-9


def _weights(a: ArrayMoments) -> Values:
    """Parameters and one observation, probabilities as weights that do not sum to one."""
    values = one_observation(a.f.m)
    moved = {name: values[name] * 1.7 for name in a.rows}
    whole = observations(a.f.m, values)
    if whole is None:
        return {**values, **moved}
    here, rows = whole
    return {**here, a.f.m.variable.name: rows[1], **moved}


def _logsumexp(a: ArrayMoments) -> float:
    values = _weights(a)
    found = a.free.at(values, a.f.natural[0])
    factor = 1.0 if str(a.total) == "1" else float(values[str(a.total)])
    partition = float(a.free.at(values, a.free.partition))
    return agreement(partition, factor * float(np.log(np.sum(np.exp(found)))))


def _free_difference(a: ArrayMoments) -> float:
    """The log-density of the probabilities against the form of the weights."""
    weights = _weights(a)
    inside = {**weights, **{name: weights[name] / np.sum(weights[name]) for name in a.rows}}
    pairs = zip(a.f.natural, a.f.statistics, strict=True)
    form = sum(np.sum(a.free.at(weights, eta) * a.free.at(weights, t)) for eta, t in pairs)
    whole = a.free.at(weights, a.f.base) - a.free.at(weights, a.free.partition) + form
    direct = evaluate(a.f.m.density.program, inside)[a.f.m.density.output.name]
    return agreement(float(whole), float(direct))


def _equations(a: ArrayMoments) -> Part:
    moves = tuple(
        Move(shown(found, found.outputs[0]), (Shown("0", "0"),), (f"By {name}.",),
             functools.partial(a.expected.difference, a.free))
        for name, found in a.expected.equations
    )  # fmt: skip
    names = ", ".join(f"{m} for E[{t}]" for m, t in zip(a.expected.unknowns, a.f.statistics, strict=True))
    more = [name for name in a.f.m.parameters if name not in a.asked]
    words = f" They hold for every value of what is known, and so by {', '.join(more)} too." if more else ""
    return Part("Equations for the expectations", moves, (ONE.format(names) + words,))


def _expected(f: Family, statistic: str) -> Shown:
    inner = f.shown(statistic)
    return Shown(f"E[{inner.text}]", rf"\mathbb{{E}}\left[{inner.latex}\right]")


# ---- covariances ------------------------------------------------------------------------------------------


def _covariances(a: ArrayMoments) -> Part:
    moves, directed = [], list[str]()
    for (place, other), found in a.covariances.items():
        weight = a.weight(place)
        if weight.shape and weight.name in {item.name for item in found.program.inputs}:
            directed.append(f"{weight.name}|{_kind(a, place)}")
        check = functools.partial(_covariance_difference, a, place, other)
        moves.append(Move(_right(found), (_covariance(a, place, other, found),), (), check))
    intro = SPREAD + "".join(DIRECTED.format(*key.split("|")) for key in dict.fromkeys(directed))
    return Part("Covariances of the statistics", tuple(moves), (intro,))


def _kind(a: ArrayMoments, place: int) -> str:
    weight = a.weight(place)
    symmetric = "symmetric " if weight.domain.symmetric else ""
    return {1: "vector", 2: f"{symmetric}matrix"}.get(len(weight.shape), "array")


def _covariance(a: ArrayMoments, place: int, other: int, found: Formula) -> Shown:
    first, second = (a.f.shown(a.f.statistics[i]) for i in (place, other))
    weight = a.weight(place)
    if weight.shape and weight.name in {item.name for item in found.program.inputs}:
        first = _weighed(weight.name, first)
    elif place == other:
        word = "cov" if weight.shape else "var"
        return Shown(f"{word}({first.text})", rf"\operatorname{{{word}}}\left({first.latex}\right)")
    latex = rf"\operatorname{{cov}}\left({first.latex}, {second.latex}\right)"
    return Shown(f"cov({first.text}, {second.text})", latex)


def _weighed(weight: str, inner: Shown) -> Shown:
    return Shown(f"sum({weight}*{inner.text})", rf"\langle {named(weight).latex}, {inner.latex} \rangle")


# ---- Fisher information -----------------------------------------------------------------------------------


def information_part(a: ArrayMoments) -> Part:
    """The Fisher information of one observation."""
    moves = []
    for (first, second), found in a.information.items():
        symbol = information_symbol([first, second])
        if (along := a.direction(second)) and len(along.shape) > 1:
            latex = named(along.name).latex
            symbol = Shown(f"{symbol.text}({along.name})", rf"{symbol.latex}\left({latex}\right)")
        check = functools.partial(_information_difference, a, first, second)
        moves.append(Move(_right(found), (symbol,), (), check))
    return Part("Fisher information", tuple(moves), ("".join([CURVED, *_conventions(a)]),))


def _conventions(a: ArrayMoments) -> Iterator[str]:
    for name in a.asked:
        along = a.direction(name)
        if len(along.shape) > 1:
            kind = "symmetric direction" if along.domain.symmetric else "direction"
            yield (
                f" Of {name} it is applied to a {kind} {along.name}: the expected product of the scores along "
                f"{along.name} and along another direction is the sum of the products of the entries of "
                f"I_{name}({along.name}) and those of the other."
            )
    for name in set(a.rows) & set(a.asked):
        yield f" Of {name} it is for directions whose entries sum to zero, which keep the sum of {name} at one."


# ---- checks -----------------------------------------------------------------------------------------------


def _program(a: ArrayMoments, name: str) -> Program:
    return a.free.program.pruned([name])


def _along(program: Program, values: Values, name: str, along: Any, weights: Any) -> float:
    """The derivative of a weighted sum of the entries of a program, by differences in many digits."""
    return float(np.sum(weights * slope(program, values, name, along)))


def _mean_difference(a: ArrayMoments, place: int) -> float:
    """An expectation against the sum over all observations, or against the slope of the log-partition."""
    mean = a.means[place]
    exact = observations(a.f.m, one_observation(a.f.m))
    if exact is None:
        return replace(a.expected, means=tuple(one.program for one in a.means)).difference(a.free)
    values, rows = exact
    found = _average(a, values, rows, lambda x: a.f.at({**values, a.f.m.variable.name: x}, a.f.statistics[place]))
    return _apart(evaluate(mean.program, values)[mean.output.name], found)


def _average(a: ArrayMoments, values: Values, rows: Sequence[Any], function: Callable[[Any], Any]) -> Any:
    """The mean of a function over all observations with their probabilities."""
    program, x = a.f.m.density.program, a.f.m.variable.name
    weights = [np.exp(evaluate(program, {**values, x: row})[program.output.name]) for row in rows]
    return sum(weight * np.asarray(function(row)) for weight, row in zip(weights, rows, strict=True))


def _apart(left: Any, right: Any) -> float:
    found, wanted = np.broadcast_arrays(np.asarray(left, dtype=float), np.asarray(right, dtype=float))
    return max(agreement(float(x), float(y)) for x, y in zip(found.ravel(), wanted.ravel(), strict=True))


def _covariance_difference(a: ArrayMoments, place: int, other: int) -> float:
    """A covariance against the sum over all observations, or a row of them against the slopes of the expectations."""
    exact = observations(a.f.m, one_observation(a.f.m))
    if exact is None:
        return _by_slopes(a, place)
    values, rows = exact
    names = [a.f.statistics[i] for i in (place, other)]

    def product(x: Any) -> Any:
        first, second = (a.f.at({**values, a.f.m.variable.name: x}, name) for name in names)
        return np.multiply.outer(first, second)

    means = [evaluate(a.means[i].program, values)[a.means[i].output.name] for i in (place, other)]
    found = a.covariances[place, other]
    wanted = _average(a, values, rows, product) - np.multiply.outer(*means)
    return _apart(evaluate(found.program, values)[found.output.name], wanted)


def _by_slopes(a: ArrayMoments, place: int) -> float:
    """How the expectation of a statistic changes along each parameter, against the covariances times those of eta."""
    rng, weight = np.random.default_rng(4), a.weight(place)
    values = one_observation(a.f.m)
    if weight.shape:
        drawn = rng.normal(size=np.shape(a.f.at(values, a.f.statistics[place])))
        values[weight.name] = (drawn + drawn.T) / 2 if weight.domain.symmetric else drawn
    mean = weighted_mean(a.means[place].program, weight)
    worst = 0.0
    for name in a.f.m.parameters:
        along = direction(values, name, rng)
        found = float(slope(mean, values, name, along))
        parts = [
            _along(_program(a, eta), values, name, along, _contracted(a, place, other, values))
            for other, eta in enumerate(a.f.natural)
        ]
        worst = max(worst, agreement(found, sum(parts)))
    return worst


def _contracted(a: ArrayMoments, place: int, other: int, values: Values) -> Any:
    """``cov(<S, T_l>, T_k)`` as an array of the shape of ``T_k``."""
    if (place, other) not in a.covariances:
        return _transposed(a, place, other, values)
    found = a.covariances[place, other]
    value, weight = np.asarray(evaluate(found.program, values)[found.output.name]), a.weight(place)
    if not weight.shape or weight.name in {item.name for item in found.program.inputs}:
        return value
    return np.tensordot(values[weight.name], value, len(weight.shape))


def _transposed(a: ArrayMoments, place: int, other: int, values: Values) -> Any:
    """``cov(<S, T_l>, T_k)`` from ``cov(<R, T_k>, T_l)`` for every ``R`` of a single one."""
    shape = np.shape(a.f.at(values, a.f.statistics[other]))
    name, out = a.weight(other).name, np.empty(shape)
    for entry in np.ndindex(*shape):
        unit = np.zeros(shape)
        unit[entry] = 1.0
        unit = (unit + unit.T) / 2 if a.weight(other).domain.symmetric else unit
        inner = _contracted(a, other, place, {**values, name: unit})
        out[entry] = np.sum(inner * values.get(a.weight(place).name, 1.0))
    return out


def _information_difference(a: ArrayMoments, first: str, second: str) -> float:
    """The information along two directions: products of scores over all observations, or products of slopes."""
    rng, values = np.random.default_rng(6), one_observation(a.f.m)
    exact = observations(a.f.m, values)
    if exact is not None:
        values = exact[0]
    u, v = (_inside(a, name, direction(values, name, rng)) for name in (first, second))
    found = a.information[first, second]
    value = np.asarray(evaluate(found.program, {**values, a.direction(second).name: v})[found.output.name])
    if len(np.shape(v)) <= 1:
        value = np.tensordot(value, v, np.ndim(v)) if np.ndim(value) else value * np.sum(v)
    wanted = _scores(a, exact, (first, u), (second, v)) if exact is not None else sum(
        float(np.sum(slope(mean.program, values, first, u) * slope(_program(a, eta), values, second, v)))
        for mean, eta in zip(a.means, a.f.natural, strict=True)
    )  # fmt: skip
    return agreement(float(np.sum(value * u)), float(wanted))


def _inside(a: ArrayMoments, name: str, along: Any) -> Any:
    return along - np.mean(along) if name in a.rows else along


def _scores(a: ArrayMoments, exact: Any, first: tuple[str, Any], second: tuple[str, Any]) -> float:
    values, rows = exact
    program, x = a.f.m.density.program, a.f.m.variable.name

    def product(row: Any) -> Any:
        here = {**values, x: row}
        return np.prod([slope(program, here, name, along) for name, along in (first, second)])

    return float(_average(a, values, rows, product))
