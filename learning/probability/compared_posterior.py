"""Bayes' theorem for a vector, or for two numbers: prior, posterior, mean, evidence, predictive density."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.errors import ChainruleError
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Program
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import TOLERANCE, Explanation, Move, Part
from chainrule.learning.probability.compared_priors import Compared
from chainrule.learning.probability.family import Family
from chainrule.learning.probability.family_moments import family_part
from chainrule.learning.probability.likelihood import given, remarks, title
from chainrule.learning.probability.points import agreement, number, point

Values = dict[str, Any]

#: Points of the parameter at which prior, likelihood and posterior are compared.
POINTS = 4
#: How the indices of a function's entries are written.
LETTERS = {"i0": "i", "i1": "j"}


def compared_posterior(c: Compared, f: Family) -> Explanation:
    """The named prior of a vector or of two numbers, and how a sample updates it."""
    parts = (*given(c.m), family_part(f), _terms_part(c), _prior_part(c), _update_part(c), _mean_part(c),
             _evidence_part(c), *_predictive_part(c))  # fmt: skip
    return Explanation(title(c.m, "Conjugate prior"), parts, remarks(c.m))


def told(c: Compared, text: str, of_one: bool = False) -> Shown:
    """A text of a rule, put in and written by the notation."""
    found = c.formula(text, of_one)
    return shown(found.program, found.output.name)


def _theta(c: Compared) -> Shown:
    """The parameters."""
    parts = [named(item.name) for item in c.thetas]
    return Shown(", ".join(part.text for part in parts), ", ".join(part.latex for part in parts))


def basis(function: Any) -> Shown:
    """A function of the parameter's entries: ``mu_i*mu_j``."""
    text = re.sub(r"\[([^]]*)\]", lambda hit: "_" + "".join(LETTERS[part.strip()] for part in hit[1].split(",")),
                  str(function))  # fmt: skip
    return Shown(text, text.replace("*", r" \, ").replace("log", r"\log"))


def _terms_part(c: Compared) -> Part:
    theta = _theta(c)
    moves = []
    for place, (function, _) in enumerate(c.bases):
        name = basis(function)
        left = Shown(f"coefficients of {name.text}", rf"\text{{coefficients of }} {name.latex}")
        reason = (f"The log-likelihood of the sample as a function of {theta.text}, term by term.",)
        moves.append(Move(told(c, f"G{place + 1}"), (left,), reason if not place else (), partial(_terms, c)))
    return Part("Terms of the log-likelihood", tuple(moves))


def _prior_part(c: Compared) -> Part:
    theta = _theta(c)
    names = [named(f"{name}_0") for name in c.rule.symbols.values()]
    kind = c.rule.entry.replace("_", " ")
    left = Shown(f"p({theta.text})", f"p({theta.latex})")
    right = Shown(f"{c.rule.entry}({theta.text} | {', '.join(part.text for part in names)})",
                  rf"\text{{{kind}}}({theta.latex} \mid {', '.join(part.latex for part in names)})")  # fmt: skip
    functions = ", ".join(basis(function).text for function, _ in c.bases)
    words = f"The logarithm of the {kind} distribution is a sum of the same functions: {functions}."
    density = told(c, _density(c, "0"))
    said = (c.rule.said.format(*(item.name for item in c.thetas)),) if c.rule.said else ()
    log_left = Shown(f"log {left.text}", rf"\log {left.latex}")
    return Part("Conjugate prior", (
        Move(right, (left,), (words,)),
        Move(density, (log_left,), said, partial(_prior, c)),
    ))  # fmt: skip


def _density(c: Compared, ending: str) -> str:
    """The text of the prior's log-density, with an ending on its parameters."""
    program = c.prior.density.program
    names = {old: f"{new}_{ending}" for old, new in c.rule.symbols.items()}
    for x, theta in zip(c.prior.density.inputs, c.thetas, strict=False):
        names |= {x.name: theta.name, **{str(a): str(b) for a, b in zip(x.shape, theta.shape, strict=True)}}
    text = shown(program, program.output.name).text
    return re.sub(r"\b[A-Za-z]\w*\b", lambda hit: names.get(hit[0], hit[0]), text)


def _update_part(c: Compared) -> Part:
    theta, x = _theta(c), named(c.m.variable.name)
    left = Shown(f"log p({theta.text} | {x.text})", rf"\log p({theta.latex} \mid {x.latex})")
    bayes = Shown(
        f"log p({theta.text}) + sum_i log p({x.text}_i | {theta.text}) - log p({x.text})",
        rf"\log p({theta.latex}) + \sum_i \log p({x.latex}_i \mid {theta.latex}) - \log p({x.latex})",
    )
    names = ", ".join(f"{name}_n" for name in c.rule.symbols.values())
    right = Shown(f"log {c.rule.entry}({theta.text} | {names})",
                  rf"\log \text{{{c.rule.entry.replace('_', ' ')}}}({theta.latex} \mid "
                  rf"{', '.join(named(f'{name}_n').latex for name in c.rule.symbols.values())})")  # fmt: skip
    check = partial(_posterior, c)
    lines = [
        Move(bayes, (left,), ("Bayes' theorem: the posterior is the prior times the likelihood, over the evidence.",)),
        Move(right, (), ("Coefficients of the same function of the parameter are added: it is the same distribution.",),
             check),
    ]  # fmt: skip
    lines += [Move(told(c, text), (named(f"{name}_n"),), (), check) for name, text in c.rule.update.items()]
    return Part("Posterior", tuple(lines))


def _mean_part(c: Compared) -> Part:
    theta, x = named(c.thetas[0].name), named(c.m.variable.name)
    left = Shown(f"E[{theta.text} | {x.text}]", rf"\mathbb{{E}}[{theta.latex} \mid {x.latex}]")
    true = [text for text in c.rule.mean if _same(c, text) <= TOLERANCE][:2]
    check = partial(_mean, c)
    lines = [Move(told(c, text), (left,), (), check if not place else partial(_same, c, text))
             for place, text in enumerate(true)]  # fmt: skip
    data = next((text for text in c.rule.data if _same(c, _average_text(c, text)) <= TOLERANCE), None)
    return Part("Posterior mean", (*lines, *(_average_moves(c, data, left) if data else ())))


def _average_moves(c: Compared, data: str, left: Shown) -> Iterator[Move]:
    *weights, (_, whole) = c.rule.average
    for name, text in weights:
        yield Move(told(c, text), (named(name),))
    joined = re.sub(r"\bD\b", "mean_x", whole)
    yield Move(told(c, data), (named("mean_x"),), ("What the data alone say.",))
    yield Move(Shown(joined, _latex(joined)), (left,), ("A weighted average of prior mean and data.",),
               partial(_same, c, _average_text(c, data)))  # fmt: skip


def _latex(text: str) -> str:
    return re.sub(r"\w+_\w+|\w+|[*@]", lambda hit: r" \, " if hit[0] in "*@" else named(hit[0]).latex
                  if not hit[0].isdigit() else hit[0], text.replace(" * ", "*").replace(" @ ", "@"))  # fmt: skip


def _evidence_part(c: Compared) -> Part:
    x = named(c.m.variable.name)
    text = f"{c.at(c.partition, 'n')} - ({c.at(c.partition, '0')}) + ({c.free[0]})"
    left = Shown(f"log p({x.text})", rf"\log p({x.latex})")
    reason = ("What the posterior's kernel integrates to, over what the prior's does.",)
    return Part("Evidence", (Move(told(c, text), (left,), reason, partial(_evidence, c, text)),))


def _predictive_part(c: Compared) -> Iterator[Part]:
    theta, x = _theta(c), named(c.m.variable.name)
    text = next((text for text in c.rule.predictive if _predictive(c, text) <= TOLERANCE), None)
    if text is None:
        return
    measure = Shown(" ".join(f"d{item.name}" for item in c.thetas),
                    r" \, ".join(f"d{named(item.name).latex}" for item in c.thetas))  # fmt: skip
    left = Shown(f"p({x.text}_new | {x.text})", rf"p({x.latex}_{{\text{{new}}}} \mid {x.latex})")
    whole = Shown(
        f"integral p({x.text}_new | {theta.text}) p({theta.text} | {x.text}) {measure.text}",
        rf"\int p({x.latex}_{{\text{{new}}}} \mid {theta.latex}) \, p({theta.latex} \mid {x.latex}) \, {measure.latex}",
    )
    log_left = Shown(f"log {left.text}", rf"\log {left.latex}")
    reason = ("The evidence of one observation more, with the posterior as its prior. "
              f"On the right {x.text} is the new observation.",)  # fmt: skip
    yield Part("Predictive distribution", (
        Move(whole, (left,), ("The density of the next observation, averaged over the posterior.",)),
        Move(told(c, text, of_one=True), (log_left,), reason, partial(_predictive, c, text)),
    ))  # fmt: skip


# ---- checks -----------------------------------------------------------------------------------------------


def values_at(c: Compared, seed: int = 0) -> Values:
    """A sample, known parameters, the prior's parameters before the sample and, by the update, after it."""
    values: Values = dict(point(c.m))
    values |= {item.name: point(c.m, seed)[item.name] for item in c.thetas}
    before = [f"{name}_0" for name in c.rule.symbols.values()]
    inputs = [item for name in before for item in c.formula(f"sum({name})").inputs]
    sizes = size_assignments(c.m.density.program)[0]
    values |= sample(inputs, sizes, np.random.default_rng(3))
    return _updated(c, values)


def _updated(c: Compared, values: Values) -> Values:
    for name, text in c.rule.update.items():
        values[f"{name}_n"] = computed(c, text, values)
    return values


def computed(c: Compared, text: str, values: Values, of_one: bool = False) -> Any:
    """A text of a rule, computed."""
    found = c.formula(text, of_one)
    return evaluate(found.program, values)[found.output.name]


def log_prior(c: Compared, values: Values, ending: str) -> float:
    """The log-density of the entry that the prior was recognised as, by the entry's own program."""
    at = {old: values[f"{new}_{ending}"] for old, new in c.rule.symbols.items()}
    where = {name: values[item.name] for name, item in zip(c.rule.variables, c.thetas, strict=True)}
    return number(c.prior.density.program, {**at, **where})


def _likelihood(c: Compared, values: Values) -> float:
    return number(c.m.likelihood.program, values)


def _log_evidence(c: Compared, values: Values) -> float:
    return log_prior(c, values, "0") + _likelihood(c, values) - log_prior(c, values, "n")


def _posterior(c: Compared) -> float:
    """Posterior over prior and likelihood must not depend on the parameter."""
    found = [_log_evidence(c, values_at(c, seed)) for seed in range(POINTS)]
    return max(agreement(found[0], other) for other in found[1:])


def _evidence(c: Compared, text: str) -> float:
    """The evidence against prior times likelihood over posterior, at points of the parameter."""
    points = [values_at(c, seed) for seed in range(POINTS)]
    return max(agreement(float(computed(c, text, at)), _log_evidence(c, at)) for at in points)


def _prior(c: Compared) -> float:
    values = values_at(c)
    return agreement(float(computed(c, _density(c, "0"), values)), log_prior(c, values, "0"))


def _terms(c: Compared) -> float:
    """Differences of the log-likelihood against those of the sum of coefficients times functions."""
    points = [values_at(c, seed) for seed in range(POINTS)]
    sums = [sum(_term(c, place, at) for place in range(len(c.bases))) for at in points]
    whole = [_likelihood(c, at) for at in points]
    return max(agreement(s - sums[0], w - whole[0]) for s, w in zip(sums, whole, strict=True))


def _term(c: Compared, place: int, values: Values) -> float:
    function, shape = c.bases[place]
    program = Program(c.thetas, (Definition("basis", shape, function, origin="named"),), ("basis",))
    return float(np.sum(computed(c, f"G{place + 1}", values) * evaluate(program, values)["basis"]))


def _same(c: Compared, text: str) -> float:
    """One expression of the posterior mean against the first."""
    values = values_at(c)
    try:
        return _distance(computed(c, text, values), computed(c, c.rule.mean[0], values))
    except (ChainruleError, ValueError):
        return np.inf


def _average_text(c: Compared, data: str) -> str:
    """The weighted average with its parts put in."""
    *parts, (_, whole) = c.rule.average
    texts = {**dict(parts), "D": data}
    return re.sub(r"\b[A-Za-z]\w*\b", lambda hit: f"({texts[hit[0]]})" if hit[0] in texts else hit[0], whole)


def _mean(c: Compared) -> float:
    values = values_at(c)
    return MEANS[c.rule.entry](c, values, computed(c, c.rule.mean[0], values))


def _simplex_mean(c: Compared, values: Values, mean: Any) -> float:
    """``p_j`` times the density is ``E[p_j]`` times the density with one more count of ``j``."""
    (name,) = c.rule.symbols.values()
    after = values[f"{name}_n"]
    found = [np.log(values[c.thetas[0].name][j]) + log_prior(c, values, "n")
             - log_prior(c, {**values, f"{name}_n": after + np.eye(len(after))[j]}, "n") for j in range(len(after))]
    return _distance(np.exp(found), mean)


def _centre(c: Compared, values: Values, mean: Any) -> float:
    """The posterior density is the same on both sides of its mean."""
    name = c.thetas[0].name
    away = values[name] - mean
    sides = [log_prior(c, {**values, name: mean + sign * away}, "n") for sign in (1, -1)]
    return agreement(*sides)


#: How the mean of each distribution is checked, by its density alone.
MEANS: Mapping[str, Callable[[Compared, Values, Any], float]] = {
    "dirichlet": _simplex_mean, "multivariate_normal": _centre, "normal_inverse_gamma": _centre,
    "normal_gamma": _centre,
}


def _predictive(c: Compared, text: str) -> float:
    """The predictive density against the posterior as a prior of one observation more."""
    values, x = values_at(c), c.m.variable.name
    found = []
    for row in values[x][:3]:
        one = {**values, x: row[None]}
        one |= {f"{name}_0": values[f"{name}_n"] for name in c.rule.symbols.values()}
        expected = _log_evidence(c, _updated(c, one))
        try:
            ours = computed(c, text, {**values, x: row}, of_one=True)
        except (ChainruleError, ValueError):
            return np.inf
        if np.shape(ours):
            return np.inf
        found.append(agreement(float(ours), expected))
    return max(found)


def _distance(left: Any, right: Any) -> float:
    return float(np.max(np.abs(np.asarray(left) - np.asarray(right)))) if np.shape(left) == np.shape(right) else np.inf
