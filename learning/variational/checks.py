"""Checks of the lines of a bound: entry by entry with the table's densities, by quadrature, by differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.formula import Formula
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Program
from chainrule.learning.divergence.measure import mean
from chainrule.learning.probability.points import agreement, number, slope
from chainrule.learning.variational.joint import Drawn
from chainrule.learning.variational.sample import Latent, Sampled

Values = Mapping[str, Any]
#: Entries whose divergence is compared with quadrature.
INTEGRATED = 2


def _values(found: Sampled, seed: int = 0) -> dict[str, Any]:
    sizes = size_assignments(found.formula.program)[seed]
    return sample(found.formula.inputs, sizes, np.random.default_rng(seed))


def _computed(found: Sampled, values: Values, name: str) -> Any:
    return evaluate(found.program.pruned([name]), _all(found, values))[name]


def _all(found: Sampled, values: Values) -> dict[str, Any]:
    """Values of every input, zeros for those that the bound does not read."""
    missing = [item for item in found.program.inputs if item.name not in values]
    sizes = size_assignments(found.program)[0]
    return {**sample(missing, sizes, np.random.default_rng(9)), **values}


def parts_difference(found: Sampled) -> float:
    """The bound at one sample against ``log p - log q`` of the variables there, entry by entry."""
    values = _values(found)
    total = sum(sign * float(_computed(found, values, name)) for sign, name, _ in found.terms)
    direct = sum(_density(found, values, item) for item in found.joint.drawn if not _closed(found, item))
    for own in found.latents:
        if own.divergence is None:
            direct -= _under_q(found, values, own)
        else:
            direct -= float(_computed(found, values, f"KL_{own.drawn.name}"))
    return agreement(total, direct)


def _closed(found: Sampled, item: Drawn) -> bool:
    return any(own.drawn is item and own.divergence is not None for own in found.latents)


def _density(found: Sampled, values: Values, item: Drawn) -> float:
    """The log-density of a variable, entry by entry by the entry of the table."""
    names = [name for name in (item.name, *item.arguments.values()) if isinstance(name, str)]
    arrays = {name: _value(found, values, name) for name in names}
    return entry_densities(item, arrays, found.program)


def entry_densities(item: Drawn, values: Values, program: Program) -> float:
    """The log-density of a variable, the sum over its entries of that of the table; definitions are computed."""

    def at(place: Any) -> Any:
        if not isinstance(place, str):
            return float(place)
        return values[place] if place in values else evaluate(program.pruned([place]), values)[place]

    x = np.asarray(at(item.name), dtype=float)
    arguments = {name: np.broadcast_to(np.asarray(at(place), dtype=float), x.shape)
                 for name, place in item.arguments.items()}  # fmt: skip
    density, variable = item.law.density.program, item.law.variable.name
    return sum(
        number(density, {variable: x[at], **{name: array[at] for name, array in arguments.items()}})
        for at in np.ndindex(x.shape)
    )


def _value(found: Sampled, values: Values, name: str) -> Any:
    return values[name] if name in values else _computed(found, values, name)


def _argument(found: Sampled, values: Values, place: Any) -> Any:
    return _value(found, values, place) if isinstance(place, str) else float(place)


def _under_q(found: Sampled, values: Values, own: Latent) -> float:
    """The log-density under q of a sample, entry by entry at the sample itself."""
    x = np.asarray(_value(found, values, own.drawn.name), dtype=float)
    inner = np.log(x) if own.positive else x
    first, second = own.parameters
    location, scale = (np.broadcast_to(np.asarray(_value(found, values, name), dtype=float), x.shape)
                       for name in (own.mean, own.log_scale))  # fmt: skip
    total = sum(
        number(own.family.density.program, {own.family.variable.name: inner[at], first: location[at],
                                            second: np.exp(scale[at])})
        for at in np.ndindex(x.shape)
    )  # fmt: skip
    return total - (float(np.sum(np.log(x))) if own.positive else 0.0)


def noise_difference(found: Sampled, own: Latent) -> float:
    """``log q(z) + log dz/deps`` against the log-density of the noise."""
    values = _values(found)
    x = np.asarray(_value(found, values, own.drawn.name), dtype=float)
    scale = np.broadcast_to(np.asarray(_value(found, values, own.log_scale), dtype=float), x.shape)
    jacobian = float(np.sum(scale) + (np.sum(np.log(x)) if own.positive else 0.0))
    first, second = own.parameters
    noise = sum(number(own.family.density.program, {own.family.variable.name: np.asarray(e), first: np.asarray(0.0),
                                                    second: np.asarray(1.0)})
                for e in np.ravel(values[own.noise]))  # fmt: skip
    return agreement(_under_q(found, values, own) + jacobian, noise)


def divergence_difference(found: Sampled, own: Latent) -> float:
    """The divergence against its closed form entry by entry, and that against quadrature at some entries."""
    values = _values(found)
    assert own.divergence is not None
    law, x = own.drawn.law, own.drawn.law.variable.name
    names = [item.name for item in law.density.inputs[1:]]
    moments = [np.asarray(_value(found, values, name), dtype=float) for name in (own.mean, own.log_scale)]
    first, second = (array.ravel() for array in moments)
    priors = [np.broadcast_to(np.asarray(_argument(found, values, place), dtype=float),
                              np.shape(_value(found, values, own.drawn.name))).ravel()
              for place in own.drawn.arguments.values()]  # fmt: skip
    total, worst, program = 0.0, 0.0, law.density.program
    for place, (location, scale) in enumerate(zip(first, second, strict=True)):
        q = dict(zip(names, (np.asarray(location), np.asarray(np.exp(scale))), strict=True))
        p = {name: np.asarray(prior[place]) for name, prior in zip(names, priors, strict=True)}
        members = own.divergence.pair.members
        given = {item.name: own_[name] for own_, member in zip((q, p), members, strict=True)
                 for name, item in member.items()}  # fmt: skip
        entry = own.divergence.evaluate(**given)
        total += entry
        if place < INTEGRATED:
            worst = max(worst, agreement(entry, mean(law, q, _ratio(program, x, q, p))))
    return max(worst, agreement(total, float(_computed(found, values, f"KL_{own.drawn.name}"))))


def _ratio(program: Any, x: str, q: Values, p: Values) -> Callable[[Any], float]:
    return lambda at: number(program, {**q, x: at}) - number(program, {**p, x: at})


def term_difference(found: Sampled, name: str) -> float:
    """A log-density against the entries of the table."""
    values = _values(found)
    own = next((item for item in found.latents if name == f"log_q_{item.drawn.name}"), None)
    if own is not None:
        return agreement(float(_computed(found, values, name)), _under_q(found, values, own))
    item = next(item for item in found.joint.drawn if name == f"log_p_{item.name}")
    return agreement(float(_computed(found, values, name)), _density(found, values, item))


def slope_difference(found: Sampled, result: Formula, name: str) -> float:
    """A gradient against a difference quotient in many digits, in a random direction."""
    values = _values(found)
    along = np.random.default_rng(4).normal(size=np.shape(values[name]))
    applied = float(np.sum(np.asarray(evaluate(result.program, values)[result.output.name]) * along))
    return agreement(applied, float(slope(found.formula.program, values, name, along)))
