"""Mean-field inference: ``q`` as a product of one factor for each variable, each the best given the others, in turn."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.forms.bound_terms import Over
from chainrule.derive.formula import Formula
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Input, Program
from chainrule.derive.rational import cost, shortest
from chainrule.derive.render.page import Shown
from chainrule.derive.stationarity.building import Builder
from chainrule.learning.chains import chain
from chainrule.learning.divergence.derive import divergence
from chainrule.learning.divergence.measure import mean
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.likelihood import shown_input
from chainrule.learning.probability.points import agreement, number
from chainrule.learning.probability.references import references
from chainrule.learning.variational.checks import entry_densities
from chainrule.learning.variational.factors import Factor, Product, expectation, factors, mean_symbol
from chainrule.learning.variational.joint import Joint, read, written

Values = Mapping[str, Any]
#: Values of a variable at which the form of its factor is checked.
PLACES = (0.4, 0.9, 1.7)
WHY_EXP = (
    "One factor, over finitely many values: the bound is E_q[g] plus the entropy of q up to a constant, where g is the "
    "mean of log p under the other factors. It is largest where q is proportional to exp(g)."
)


@dataclass(frozen=True)
class MeanField(Explanation):
    """Mean-field updates of a model.

    Attributes:
        factors: the distribution of every latent variable, by its name.
        updates: the parameters of the factors as formulas of data, prior parameters, and each other.
        bound: the evidence lower bound in closed form.
    """

    factors: Mapping[str, str] = field(kw_only=True)
    updates: Mapping[str, Formula] = field(kw_only=True)
    bound: Formula = field(kw_only=True)

    def fit(self, steps: int = 50, /, **data: Any) -> tuple[dict[str, float], tuple[float, ...]]:
        """The parameters after some rounds of updates, from ones, and the bound after each round."""
        values, bounds = dict.fromkeys(self.updates, 1.0), []
        for _ in range(steps):
            for name, update in self.updates.items():
                values[name] = _value(update, {**data, **values})
            bounds.append(_value(self.bound, {**data, **values}))
        return values, tuple(bounds)


def mean_field(model: str, latent: str | Sequence[str]) -> MeanField:
    """The best factors of a variational distribution that is a product, derived from the terms of the log-joint.

    Args:
        model: statements, random variables as in ``mu: real ~ normal(0, 1/sqrt(tau))``.
        latent: the random variables that were not observed, numbers.

    Raises:
        InputError: the model is not understood, or a latent variable has no distribution.
        UnsupportedError: a term does not come apart, or the table has no distribution of a factor's form.
        NotationError: a formula cannot be read.

    Example:
        >>> found = mean_field("a: positive ~ gamma(2, 1); b: positive ~ gamma(3, a); y: count[n] ~ poisson(b)", "a, b")
        >>> found.factors["b"], found.updates["b_b"].matrix()
        ('gamma', 'n + a_a/b_a')
    """
    names = [name.strip() for name in latent.split(",")] if isinstance(latent, str) else list(latent)
    joint = read(model)
    terms, found = factors(joint, names)
    work = _Work(joint, terms, found)
    parts = (_model_part(joint, names), *_best_factor(), *work.parts())
    title = f"Mean-field updates of {', '.join(names)}"
    remark = "Each update makes the bound as large as it gets in one factor, so that it never falls."
    return MeanField(
        Shown(title, rf"\text{{{title}}}"), parts, (remark,), factors={f.name: f.law.entry.name for f in found},
        updates={str(f.parameters[name]): work.formula(work.put(f.update[name]))
                 for f in found for name in f.parameters},
        bound=work.formula(work.bound()),
    )  # fmt: skip


def _value(formula: Formula, values: Values) -> float:
    program = formula.program
    read_ = {item.name for item in program.inputs}
    arrays = {name: np.asarray(value, dtype=float) for name, value in values.items() if name in read_}
    return float(evaluate(program, arrays)[program.outputs[0]])


def _model_part(joint: Joint, names: Sequence[str]) -> Part:
    drawn = {item.name: item for item in joint.drawn}
    moves = []
    for item in joint.program.inputs:
        told, law = shown_input(item), drawn.get(item.name)
        if law is None:
            moves.append(Move(told))
            continue
        texts = [_written(joint, place) for place in law.arguments.values()]
        says = f"{law.law.entry.name.replace('_', ' ')}({', '.join(texts)})"
        moves.append(Move(Shown(f"{told.text} ~ {says}", rf"{told.latex} \sim \text{{{says}}}"), (),
                          ("latent" if item.name in names else "observed",)))  # fmt: skip
    return Part("Model", tuple(moves))


def _written(joint: Joint, place: Expr | str) -> str:
    """A parameter of a distribution as it was written."""
    plain = not isinstance(place, str) or any(item.name == place for item in joint.program.inputs)
    return str(place) if plain else shown(joint.program, str(place)).text


def _best_factor() -> tuple[Part, ...]:
    """Why the best factor is proportional to the exponential of the expected log-joint."""
    steps = chain("q: simplex[k]; g: real[k]", "sum(q*g) - sum(q*log(q))", [
        ("=", "logsumexp(g) - sum(q*log(q/softmax(g)))", "g = log softmax(g) + logsumexp(g), and q sums to one."),
        ("<=", "logsumexp(g)", "A divergence is never negative; it is 0 for q = softmax(g), that is q ~ exp(g)."),
    ], "The best factor")  # fmt: skip
    return (Part(steps[0].title, steps[0].moves, (WHY_EXP,)), *steps[1:])


@dataclass(frozen=True)
class _Work:
    """A model, the terms of its log-joint, and the factors."""

    joint: Joint
    terms: tuple[Product, ...]
    factors: tuple[Factor, ...]

    def inputs(self) -> tuple[Input, ...]:
        """Data, prior parameters, and the parameters of the factors."""
        latents = {item.name for item in self.factors}
        own = [Input(str(symbol), (), next(i.domain for i in f.law.density.inputs if i.name == name))
               for f in self.factors for name, symbol in f.parameters.items()]  # fmt: skip
        return (*(item for item in self.joint.program.inputs if item.name not in latents), *own)

    def put(self, body: Expr) -> Expr:
        """An expression with every expectation in the parameters of its factor."""
        return _short(body.xreplace(self.means))

    @functools.cached_property
    def means(self) -> dict[Expr, Expr]:
        """The symbol of every expectation, and the expectation."""
        pairs = ((f, function) for f in self.factors for function in self.functions(f))
        return {mean_symbol(f.name, body): expectation(f, self.joint.input(f.name), body) for f, body in pairs}

    def functions(self, f: Factor) -> list[Expr]:
        """The functions of a variable in the log-joint."""
        return list(dict.fromkeys(term.functions[f.name] for term in self.terms if f.name in term.functions))

    def formula(self, body: Expr, inputs: tuple[Input, ...] = ()) -> Formula:
        """An expression as a formula, of the inputs of updates unless others are given."""
        inputs = inputs or self.inputs()
        builder = Builder(Program(inputs, (), (inputs[0].name,)), {})
        builder.define("value", references(body, inputs), (), ())
        return builder.formula("value", ())

    def told(self, body: Expr) -> Shown:
        """An expression in the notation."""
        return shown(self.formula(body).program, "value")

    def bound(self) -> Expr:
        """The mean log-joint, plus the entropies of the factors."""
        total = sp.S.Zero
        for term in self.terms:
            total += term.constant * sp.Mul(*(mean_symbol(name, body) for name, body in term.functions.items()))
        for f in self.factors:
            entropy = divergence(f.law.entry.name, "entropy")
            swap = {item.head: f.parameters[name] for name, item in entropy.pair.members[0].items()}
            total += written(entropy.formula.program).xreplace(swap)
        return total.xreplace(self.means)

    def parts(self) -> Iterator[Part]:
        """The log-joint, a part for each factor, and the expectations."""
        names = ", ".join(item.name for item in self.joint.drawn)
        joint = self.joint_formula().program
        left = Shown(f"log p({names})", rf"\log p({names})")
        why = "The sum of the log-densities; each term is a product of functions of one latent variable each."
        yield Part("Log-joint", (Move(shown(joint, "value"), (left,), (why,), self.joint_difference),))
        for f in self.factors:
            yield self.part(f)
        lines = [self.mean_line(f, function) for f in self.factors for function in self.functions(f)]
        yield Part("Expectations under the factors", tuple(lines))

    def mean_line(self, f: Factor, function: Expr) -> Move:
        """The expectation of a function of one variable."""
        item = self.joint.input(f.name)
        left = shown(self.formula(function, (item,)).program, "value")
        value = self.means[mean_symbol(f.name, function)]
        check = functools.partial(self.mean_difference, f, function, value)
        return Move(self.told(value), (Shown(f"E_q[{left.text}]", rf"\mathbb{{E}}_q[{left.latex}]"),), (), check)

    def joint_formula(self) -> Formula:
        """The log-joint by its terms, a function of data and latent variables."""
        total = sp.Add(*(term.constant * sp.Mul(*term.functions.values()) for term in self.terms))
        return self.formula(total, self.joint.program.inputs)

    def part(self, f: Factor) -> Part:
        """The factor of one variable: its form, and its parameters."""
        name = f.law.entry.name.replace("_", " ")
        x = named(f.name)
        symbols = ", ".join(str(symbol) for symbol in f.parameters.values())
        check = functools.partial(self.form_difference, f)
        latex = ", ".join(named(str(symbol)).latex for symbol in f.parameters.values())
        why = f"exp E[log p] over the others has the functions of {f.name} of this distribution."
        lines = [Move(Shown(f"{name}({symbols})", rf"\text{{{name}}}({latex})"),
                      (Shown(f"q({x.text})", f"q({x.latex})"),), (why,), check)]  # fmt: skip
        for parameter, symbol in f.parameters.items():
            lines.append(Move(self.told(self.put(f.update[parameter])), (named(str(symbol)),),
                              ("Compare coefficients; expectations of the others put in.",), check))  # fmt: skip
        return Part(f"Factor of {f.name}", tuple(lines))

    # ---- checks ------------------------------------------------------------------------------------------

    def values(self) -> dict[str, Any]:
        """Values of everything that formulas read."""
        program = self.formula(sp.Add(*(self.put(v) for f in self.factors for v in f.update.values()))).program
        return sample(self.inputs(), size_assignments(program)[0], np.random.default_rng(0))

    def joint_difference(self) -> float:
        """The log-joint by its terms against the densities of the table, entry by entry."""
        formula = self.joint_formula()
        values = sample(formula.inputs, size_assignments(formula.program)[0], np.random.default_rng(1))
        direct = sum(entry_densities(item, values, self.joint.program) for item in self.joint.drawn)
        return agreement(_value(formula, values), direct)

    def form_difference(self, f: Factor) -> float:
        """``log q(z) - E_{-j}[log p]`` at some values of the variable, which must differ by nothing."""
        values = self.values()
        parameters = {name: _value(self.formula(self.put(body)), values) for name, body in f.update.items()}
        wanted = {basis: _value(self.formula(self.put(body)), values) for basis, body in f.wanted.items()}
        symbol, found = self.joint.input(f.name).head, []
        for place in PLACES:
            at = place if self.joint.input(f.name).domain.high != 1 else place / 2
            density = number(f.law.density.program, {f.law.variable.name: np.asarray(at), **parameters})
            found.append(density - sum(value * float(basis.subs(symbol, at)) for basis, value in wanted.items()))
        return max(agreement(found[0], other) for other in found[1:])

    def mean_difference(self, f: Factor, function: Expr, value: Expr) -> float:
        """An expectation against quadrature."""
        values = self.values()
        own = {name: values[str(symbol)] for name, symbol in f.parameters.items()}
        symbol = self.joint.input(f.name).head
        integral = mean(f.law, own, lambda x: float(function.subs(symbol, float(x))))
        return agreement(_value(self.formula(value), values), integral)


@functools.lru_cache(maxsize=128)
def _short(body: Expr) -> Expr:
    """As short as rational algebra makes it, sums over data and what stands under roots on their own."""
    names = {over: sp.Dummy(real=True) for over in body.atoms(Over)}
    plain = body.xreplace(names)
    plain = plain.replace(
        lambda e: isinstance(e, sp.Pow) and e.exp.is_Rational and not e.exp.is_Integer,
        lambda e: sp.Pow(shortest(sp.together(e.base)), e.exp),
    )
    plain = sp.powsimp(plain)
    together = sp.together(plain)
    found = min((sp.factor(together), shortest(sp.cancel(together)), shortest(plain)), key=cost)
    return found.xreplace({name: over for over, name in names.items()})
