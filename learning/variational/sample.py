"""The evidence lower bound at one sample of the noise, as a formula.

    L = E_q[log p(x | z)] - KL(q(z) || p(z)),   z = mu + exp(rho) eps,   eps from the standard member of q's family

Source: Kingma and Welling, Auto-Encoding Variational Bayes (2014), eq. 10; Blundell et al., Weight Uncertainty in
Neural Networks (2015), section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Expr

from chainrule.derive.errors import ChainruleError, InputError, UnsupportedError, near_names
from chainrule.derive.formula import Formula
from chainrule.derive.program import Definition, Input, Program, free_indices, fresh_names
from chainrule.learning.divergence.derive import Divergence, divergence
from chainrule.learning.probability.model import Model, model
from chainrule.learning.variational.joint import UNUSED, Drawn, Joint, entrywise, log_density, total, written


@dataclass(frozen=True)
class Latent:
    """A latent variable and its variational distribution.

    Attributes:
        drawn: the variable with its prior.
        family: the distribution of the variational family, with a location and a scale.
        mean, log_scale, noise: the names of location, logarithm of the scale, and noise.
        amortised: whether location and scale are computed by the model, as by an encoder.
        positive: whether the variable is the exponential of what has a location and a scale.
        divergence: from the prior, in closed form; ``None`` if it is sampled as well.
    """

    drawn: Drawn
    family: Model
    mean: str
    log_scale: str
    noise: str
    amortised: bool
    positive: bool
    divergence: Divergence | None

    @property
    def parameters(self) -> tuple[str, str]:
        """The names that the family has for location and scale."""
        first, second = (item.name for item in self.family.density.inputs[1:])
        return first, second


def latent(joint: Joint, drawn: Drawn, family: str) -> Latent:
    """The variational distribution of a variable: ``family`` or, of a positive one, its exponential.

    Raises:
        UnsupportedError: the family has no location and scale, or the variable takes other values.
    """
    domain = joint.input(drawn.name).domain.name
    if domain not in ("real", "positive"):
        wanted = "a real or positive variable"
        raise UnsupportedError(f"{drawn.name} is not moved by noise", expected=wanted, found=domain)
    own = location_scale(family)
    names = joint.program.by_name
    mean, log_scale = f"mu_{drawn.name}", f"rho_{drawn.name}"
    given = {name for name in (mean, log_scale) if name in names}
    if len(given) == 1:
        wanted = f"{mean} and {log_scale}, or none of them"
        raise InputError(f"the model has {given.pop()}, but not both", expected=wanted)
    noise = next(fresh_names(names, f"eps_{drawn.name}"))
    wanted = own.entry.name if domain == "real" else f"log_{own.entry.name}"
    closed = divergence(wanted) if wanted == drawn.law.entry.name and _is_closed(wanted) else None
    return Latent(drawn, own, mean, log_scale, noise, bool(given), domain == "positive", closed)


def _is_closed(name: str) -> bool:
    try:
        divergence(name)
    except ChainruleError:
        return False
    return True


def location_scale(name: str) -> Model:
    """A family of real numbers with a location and a scale.

    Raises:
        UnsupportedError: it is none.
    """
    found = model(name, known=[])
    items = found.density.inputs
    x, eps = found.variable.head, sp.Symbol("eps", real=True)
    if [item.domain.name for item in items] == ["real", "real", "positive"]:
        location, scale = (item.head for item in items[1:])
        moved = log_density(found).subs(x, location + scale * eps) + sp.log(scale)
        if not sp.simplify(moved).has(location, scale):
            return found
    wanted = "normal, laplace, logistic, cauchy"
    raise UnsupportedError(f"{name} is no family with a location and a scale", expected=wanted)


@dataclass(frozen=True)
class Sampled:
    """The parts of the bound at one sample.

    Attributes:
        joint: the model.
        latents: its latent variables.
        program: every part as a definition.
        terms: the names of the parts, with their signs and what they are.
        formula: the bound.
    """

    joint: Joint
    latents: tuple[Latent, ...]
    program: Program
    terms: tuple[tuple[int, str, str], ...]
    formula: Formula

    @property
    def variational(self) -> tuple[str, ...]:
        """The parameters of the variational distributions that are inputs."""
        return tuple(name for item in self.latents if not item.amortised for name in (item.mean, item.log_scale))

    @property
    def noise(self) -> tuple[str, ...]:
        """The noise."""
        return tuple(item.noise for item in self.latents)


def sampled(joint: Joint, names: Sequence[str], family: str) -> Sampled:
    """The bound at one sample of the noise.

    Raises:
        UnknownNameError: a latent variable has no distribution.
    """
    known = {item.name: item for item in joint.drawn}
    for name in names:
        if name not in known:
            raise InputError(f"{name} has no distribution", expected=", ".join(known), near=near_names(name, known))
    latents = tuple(latent(joint, known[name], family) for name in names)
    program = _moved(joint, latents)
    definitions, terms = list(program.definitions), list[tuple[int, str, str]]()
    for item in joint.drawn:
        own = next((one for one in latents if one.drawn is item), None)
        for sign, name, what, body in _parts(program, item, own):
            definitions.append(total(name, body, joint.input(item.name).shape))
            terms.append((sign, name, what))
    whole = Definition("ELBO", (), sum((sign * _ref(definitions, name) for sign, name, _ in terms), sp.S.Zero),
                       origin="named")  # fmt: skip
    full = Program(program.inputs, (*definitions, whole), ("ELBO",))
    return Sampled(joint, latents, full, tuple(terms), Formula(_needed(full)))


def _ref(definitions: Sequence[Definition], name: str) -> Expr:
    return next(item for item in definitions if item.name == name)[()]


def _needed(program: Program) -> Program:
    """What the bound is computed from, without what the model has besides."""
    found = program.pruned([program.outputs[0]])
    read = {name for item in found.definitions for name in item.reads}
    return replace(found, inputs=tuple(item for item in found.inputs if item.name in read))


def _moved(joint: Joint, latents: Sequence[Latent]) -> Program:
    """The model with its latent variables as functions of noise."""
    inputs, waiting = list[Input](), list[Definition]()
    for item in joint.program.inputs:
        own = next((one for one in latents if one.drawn.name == item.name), None)
        if own is None:
            inputs.append(item)
            continue
        kept = () if own.amortised else (own.mean, own.log_scale)
        inputs += [Input(name, item.shape) for name in (*kept, own.noise)]
        free = free_indices(len(item.shape))
        by_name: dict[str, Input | Definition] = {one.name: one for one in joint.program.definitions}
        by_name |= {one.name: one for one in inputs}
        mean, scale = (_at(by_name[name], free) for name in (own.mean, own.log_scale))
        body = mean + sp.exp(scale) * by_name[own.noise][free]
        body = sp.exp(body) if own.positive else body
        waiting.append(Definition(item.name, item.shape, body, sign=item.domain.sign, origin="named"))
    definitions = [item for item in joint.program.definitions if item.name != UNUSED and UNUSED not in item.reads]
    ordered = _ordered({item.name for item in inputs}, [*waiting, *definitions])
    return Program(tuple(inputs), tuple(ordered), (ordered[-1].name,))


def _at(item: Input | Definition, free: Sequence[Expr]) -> Expr:
    return item[tuple(free[len(free) - len(item.shape) :])]


def _ordered(known: set[str], waiting: list[Definition]) -> list[Definition]:
    """Definitions after those that they read.

    Raises:
        InputError: some read each other.
    """
    found, known = list[Definition](), set(known)
    while waiting:
        ready = next((item for item in waiting if item.reads <= known), None)
        if ready is None:
            raise InputError("the variational parameters depend on the variable itself",
                             found=", ".join(item.name for item in waiting if item.origin == "named"))  # fmt: skip
        waiting.remove(ready)
        found.append(ready)
        known.add(ready.name)
    return found


Part = tuple[int, str, str, Expr]


def _parts(program: Program, item: Drawn, own: Latent | None) -> list[Part]:
    rank = len(program.by_name[item.name].shape)
    prior = entrywise(item.law, log_density(item.law), program,
                      {item.law.variable.name: item.name, **item.arguments}, rank)  # fmt: skip
    if own is None:
        return [(1, f"log_p_{item.name}", f"log-density of {item.name}", prior)]
    if own.divergence is not None:
        return [(-1, f"KL_{item.name}", f"divergence of q({item.name}) from its prior", _closed(program, own, rank))]
    return [
        (1, f"log_p_{item.name}", f"log-density of the prior of {item.name}", prior),
        (-1, f"log_q_{item.name}", f"log-density of {item.name} under q", _log_q(program, own, rank)),
    ]


def _closed(program: Program, own: Latent, rank: int) -> Expr:
    """The divergence of one entry."""
    assert own.divergence is not None
    formula, pair, free = own.divergence.formula, own.divergence.pair, free_indices(rank)
    location, scale = own.divergence.pair.members[0].values()
    mean, log_scale = (_at(program.by_name[name], free) for name in (own.mean, own.log_scale))
    swap: dict[Expr, Expr] = {location.head: mean, scale.head: sp.exp(log_scale)}
    for name, item in pair.members[1].items():
        place = own.drawn.arguments[name]
        swap[item.head] = _at(program.by_name[place], free) if isinstance(place, str) else place
    return sp.expand_log(written(formula.program).xreplace(swap))


def _log_q(program: Program, own: Latent, rank: int) -> Expr:
    """The log-density of one entry under q, in the noise: that of the standard member, over the scale."""
    free = free_indices(rank)
    location, scale = own.parameters
    heads_ = {item.name: item.head for item in own.family.density.inputs}
    x = own.family.variable.head
    body = log_density(own.family).xreplace({heads_[location]: sp.S.Zero, heads_[scale]: sp.S.One})
    body = body.xreplace({x: _at(program.by_name[own.noise], free)}) - _at(program.by_name[own.log_scale], free)
    if own.positive:
        body -= sp.log(program.by_name[own.drawn.name][free])
    return body
