"""Mean-field updates: the best factor of ``q`` given the others, ``q_j ~ exp E_{-j}[log p]``, named by the table.

Every term of the log-joint is a constant times a product of functions of one latent variable each; the expectations of
the other variables' functions make the coefficients of ``q_j``'s.

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 10.9 and section 10.1.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Mul, S, Symbol, log

from chainrule.derive.catalog.distributions import DISTRIBUTIONS
from chainrule.derive.errors import ChainruleError, InputError, UnsupportedError, near_names
from chainrule.derive.forms.bound_terms import Over
from chainrule.derive.program import Definition, Index, Input, Ref, free_indices, head
from chainrule.learning.divergence.laws import law_of
from chainrule.learning.divergence.natural import Natural, natural
from chainrule.learning.probability.conjugate import coefficients
from chainrule.learning.probability.family import family
from chainrule.learning.probability.model import Model, model
from chainrule.learning.probability.references import heads
from chainrule.learning.variational.joint import Drawn, Joint, entrywise, log_density

#: Differences of numbers of double precision that count as none.
TINY = 1e-9


@dataclass(frozen=True)
class Product:
    """A term of the log-joint: a constant, which may read data, times a function of each of some variables."""

    constant: Expr
    functions: Mapping[str, Expr]


@dataclass(frozen=True)
class Factor:
    """The distribution of one variable under ``q``.

    Attributes:
        name: the variable.
        law: its distribution.
        parameters: the symbols of the law's parameters.
        wanted: the coefficient of every function of the variable in ``E_{-j}[log p]``.
        update: the parameters in data, prior parameters and expectations of the others.
    """

    name: str
    law: Model
    parameters: Mapping[str, Symbol]
    wanted: Mapping[Expr, Expr]
    update: Mapping[str, Expr]


def products(joint: Joint, latents: Sequence[str]) -> tuple[Product, ...]:
    """The terms of the log-joint.

    Raises:
        UnsupportedError: a latent variable is no number, or a function does not come apart.
    """
    for name in latents:
        if joint.input(name).shape:
            raise UnsupportedError(f"{name} is an array: mean-field updates are derived for numbers", found=name)
    return tuple(part for item in joint.drawn for part in _of(joint, item, latents))


def _of(joint: Joint, item: Drawn, latents: Sequence[str]) -> Iterator[Product]:
    shape = joint.input(item.name).shape
    law = item.law
    body = entrywise(law, log_density(law), joint.program, {law.variable.name: item.name, **item.arguments}, len(shape))
    limits = dict(zip(free_indices(len(shape)), shape, strict=True))
    for term in sp.Add.make_args(_multiplied(heads(_written_in(joint, body)))):
        yield _separated(joint, term, latents, limits)


def _written_in(joint: Joint, body: Expr) -> Expr:
    while inner := {ref: joint.program.by_name[ref.name].at(ref.indices) for ref in body.atoms(Ref)  # type: ignore[union-attr]
                    if _is_pointwise(joint.program.by_name[ref.name])}:  # fmt: skip
        body = body.xreplace(inner)
    return body


def _is_pointwise(item: Input | Definition) -> bool:
    return isinstance(item, Definition) and not item.reduce


def _multiplied(body: Expr) -> Expr:
    body = body.replace(log, lambda part: sp.expand_log(log(sp.factor_terms(part)), force=True))
    body = sp.expand_power_base(sp.powdenest(body, force=True), force=True)
    return sp.expand(sp.powsimp(sp.expand(body, log=False, func=False)), log=False, func=False)


def _separated(joint: Joint, term: Expr, latents: Sequence[str], limits: Mapping[Index, Expr]) -> Product:
    symbols = {joint.input(name).head: name for name in latents}
    constant, inside, functions = S.One, S.One, dict[str, Expr]()
    for factor in Mul.make_args(term):
        read = [name for symbol, name in symbols.items() if factor.has(symbol)]
        if len(read) > 1 or (read and factor.atoms(Index)):
            raise UnsupportedError("a term of the log-joint is no product of functions of one latent variable each",
                                   found=sp.sstr(term))  # fmt: skip
        if read:
            functions[read[0]] = functions.get(read[0], S.One) * factor
        elif factor.atoms(Index):
            inside *= factor
        else:
            constant *= factor
    if inside != 1:
        constant *= Over("sum", inside, *limits.items())
    else:
        constant *= Mul(*limits.values())
    return Product(constant, functions)


# ---- factors -------------------------------------------------------------------------------------------------------


def mean_symbol(name: str, function: Expr) -> Symbol:
    """The expectation of a function of one variable under ``q``."""
    return Symbol(f"E[{sp.sstr(function)}]", positive=function.is_positive, real=True)


def factor(joint: Joint, terms: Sequence[Product], name: str) -> Factor:
    """The best factor of a variable.

    Raises:
        UnsupportedError: the table has no distribution of its form.
    """
    item = joint.input(name)
    wanted: dict[Expr, Expr] = {}
    for term in terms:
        if name not in term.functions:
            continue
        others = (mean_symbol(other, body) for other, body in term.functions.items() if other != name)
        for part in sp.Add.make_args(sp.expand_log(term.functions[name], force=True)):
            number, basis = part.as_independent(item.head, as_Add=False)
            wanted[basis] = wanted.get(basis, S.Zero) + number * term.constant * Mul(*others)
    for entry in DISTRIBUTIONS:
        found = _matched(entry.name, item, wanted)
        if found is not None:
            return found
    says = " + ".join(f"({sp.sstr(value)})*{sp.sstr(basis)}" for basis, value in wanted.items())
    raise UnsupportedError(f"the table has no distribution of the form of the factor of {name}", found=says)


def _matched(entry: str, item: Input, wanted: Mapping[Expr, Expr]) -> Factor | None:
    try:
        law = model(entry, known=[])
        if law.variable.domain.name != item.domain.name or any(part.shape for part in law.density.inputs):
            return None
        f = family(law)
    except ChainruleError:
        return None
    own_names = {part.name: head(f"{part.name}_{item.name}", part.domain.sign) for part in law.density.inputs[1:]}
    swap = {part.head: own_names[part.name] for part in law.density.inputs[1:]} | {law.variable.head: item.head}
    body = sum((f.body(eta) * f.body(t) for eta, t in zip(f.natural, f.statistics, strict=True)), f.body(f.base))
    own = coefficients(body.xreplace(swap), item.head)
    if own.keys() != wanted.keys():
        return None
    names = {basis: Symbol(f"c{place}", real=True) for place, basis in enumerate(wanted)}
    solutions = sp.solve([own[basis] - names[basis] for basis in wanted], list(own_names.values()), dict=True)
    values = {names[basis]: value for basis, value in wanted.items()}
    for found in solutions:
        if set(found) == set(own_names.values()) and _holds(found, own, names):
            update = {name: sp.simplify(found[symbol]).xreplace(values) for name, symbol in own_names.items()}
            return Factor(item.name, law, own_names, dict(wanted), update)
    return None


def _holds(found: Mapping[Symbol, Expr], own: Mapping[Expr, Expr], names: Mapping[Expr, Symbol]) -> bool:
    """Whether a solution gives parameters back from the coefficients that they make, not others of another sign."""
    point = {symbol: sp.Rational(5 + place, 4) for place, symbol in enumerate(found)}
    made = {names[basis]: body.subs(point) for basis, body in own.items()}
    return all(abs(sp.N(body.subs(made) - point[symbol])) < TINY for symbol, body in found.items())


def expectation(found: Factor, item: Input, function: Expr) -> Expr:
    """The expectation of a function of a variable in the parameters of its factor.

    Raises:
        UnsupportedError: it has no closed form here.
    """
    n: Natural = natural(found.law)
    x = found.law.variable.head
    body = function.xreplace({item.head: x})
    own = {part.head: found.parameters[part.name] for part in found.law.density.inputs[1:]}
    for place, statistic in enumerate(n.f.statistics):
        if sp.simplify(n.f.body(statistic) - body) == 0:
            mean = n.expected.means[place].output
            assert isinstance(mean, Definition)
            return heads(mean.body).xreplace(own)
    law = law_of(found.law)
    value = law[1](body) if law else None
    if value is None:
        raise UnsupportedError("an expectation has no closed form here", found=f"E[{sp.sstr(function)}]")
    return value.xreplace(own)


def factors(joint: Joint, latents: Sequence[str]) -> tuple[tuple[Product, ...], tuple[Factor, ...]]:
    """The terms of the log-joint, and the best factor of every latent variable.

    Raises:
        InputError: a latent variable has no distribution.
        UnsupportedError: as for :func:`products` and :func:`factor`.
    """
    known = [item.name for item in joint.drawn]
    for name in latents:
        if name not in known:
            raise InputError(f"{name} has no distribution", expected=", ".join(known), near=near_names(name, known))
    terms = products(joint, latents)
    return terms, tuple(factor(joint, terms, name) for name in latents)
