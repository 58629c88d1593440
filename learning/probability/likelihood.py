"""Log-likelihood, score and observed information of a sample, line by line."""

from __future__ import annotations

import numpy as np

from chainrule.derive.derivation import Derivation
from chainrule.derive.goals import gradient, hessian
from chainrule.derive.narrative.model import given as given_inputs
from chainrule.derive.narrative.symbols import named, partial, second_partial, shown
from chainrule.derive.program import Input
from chainrule.derive.render.page import Line, Section, Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.integrals import normalisation
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import agreement, gradient_check, number, point

#: How the log-density is written.
LOG_DENSITY = "log p"


def given(m: Model) -> tuple[Part, ...]:
    """The distribution: its variable, its parameters, its log-density."""
    roles = {m.variable.name: "the observation", **dict.fromkeys(m.known, "known")}
    rows = tuple(Move(shown_input(item), (), (roles.get(item.name, "to be estimated"),)) for item in m.density.inputs)
    density = Move(shown(m.density.program, m.density.output.name), (_log_density(m),))
    return Part("Given", rows), Part("Log-density", (density,))


def shown_input(item: Input) -> Shown:
    """The declaration of an input."""
    return given_inputs([item], ()).lines[0].right


def _log_density(m: Model) -> Shown:
    names = [item.name for item in m.density.inputs]
    latex = [named(name).latex for name in names]
    return Shown(
        f"{LOG_DENSITY}({names[0]} | {', '.join(names[1:])})",
        rf"\log p({latex[0]} \mid {', '.join(latex[1:])})",
    )


def likelihood_part(m: Model) -> Part:
    """Independence makes the density of the sample a product, and its logarithm a sum."""
    x, n = m.variable.name, str(m.size)
    product = Shown(f"log prod_i p({x}_i)", rf"\log \prod_{{i=1}}^{{{n}}} p({named(x).latex}_i)")
    total = Shown(f"sum_i {LOG_DENSITY}({x}_i)", rf"\sum_{{i=1}}^{{{n}}} \log p({named(x).latex}_i)")
    whole = m.likelihood
    return Part("Log-likelihood", (
        Move(product, (named(whole.output.name),),
             ("The observations are independent: the density of the sample is the product of theirs.",)),
        Move(total, (), ("The logarithm of a product is the sum of the logarithms.",)),
        Move(shown(whole.program, whole.output.name), (), ("Put in the log-density.",), lambda: _by_terms(m)),
    ))  # fmt: skip


def _by_terms(m: Model) -> float:
    """The log-likelihood against the log-densities of the observations, one by one."""
    values = point(m)
    x = m.variable.name
    terms = [number(m.density.program, {**values, x: row}) for row in values[x]]
    return agreement(float(np.sum(terms)), number(m.likelihood.program, values))


def score_part(m: Model, found: Derivation, detail: bool = True) -> Part:
    """The gradient of the log-likelihood, with the steps of its derivation."""
    steps = found.reasoning("full")
    chain = steps[-1] if detail and steps else Section("")
    moves = [_told(line) for line in chain.lines]
    known = {move.left[0].text: position for position, move in enumerate(moves) if move.left}
    for name, result in found.result.items():
        symbol = partial(found.formula.output.name, name)
        check = gradient_check(m, result, name)
        final = Move(shown(result.program, result.output.name), (symbol,), (), check)
        last = _last_of(moves, known.get(symbol.text))
        if last is None or moves[last].right.text != final.right.text:
            moves.append(final)
        else:
            moves[last] = Move(moves[last].right, moves[last].left, moves[last].reason, check, moves[last].details)
    return Part("Score", tuple(moves), ("The score is the gradient of the log-likelihood.",))


def _last_of(moves: list[Move], first: int | None) -> int | None:
    """The last line of the chain of equations that begins at a line."""
    if first is None:
        return None
    last = first
    while last + 1 < len(moves) and not moves[last + 1].left:
        last += 1
    return last


def _told(line: Line) -> Move:
    return Move(line.right, line.left, line.note, None, tuple(map(_told, line.details)))


def information_part(m: Model, found: Derivation) -> Part:
    """The negative Hessian of the log-likelihood."""
    output = found.formula.output.name
    first = gradient(m.likelihood, m.parameters)
    moves = []
    for key, result in found.result.items():
        names = key.split(",") * (2 if "," not in key else 1)
        symbol = second_partial(output, names[0], names[1])
        check = gradient_check(m, result, names[1], first.result[names[0]])
        moves.append(Move(shown(result.program, result.output.name), (symbol,), (), check))
    intro = "The observed information is the negative of the Hessian of the log-likelihood, at the estimate."
    return Part("Second derivatives", tuple(moves), (intro,))


def likelihood(m: Model) -> Explanation:
    """The log-likelihood of a sample, derived."""
    parts = (*given(m), *normalisation(m), likelihood_part(m))
    return Explanation(title(m, "Log-likelihood"), parts, remarks(m))


def score(m: Model) -> Explanation:
    """The score of a sample, derived."""
    found = gradient(m.likelihood, m.parameters)
    parts = (*given(m), likelihood_part(m), score_part(m, found))
    return Explanation(title(m, "Score"), parts, (*remarks(m), *found.assumptions))


def information(m: Model) -> Explanation:
    """The observed information of a sample, derived."""
    found = gradient(m.likelihood, m.parameters)
    second = hessian(m.likelihood, m.parameters)
    parts = (*given(m), likelihood_part(m), score_part(m, found), information_part(m, second))
    return Explanation(title(m, "Observed information"), parts, (*remarks(m), *second.assumptions))


def title(m: Model, what: str) -> Shown:
    """What is derived, of which distribution."""
    name = m.entry.name.replace("_", " ") or "own"
    return Shown(f"{what}: {name} distribution", rf"\text{{{what}: {name} distribution}}")


def remarks(m: Model) -> tuple[str, ...]:
    """Conventions of the entry, and where it is found."""
    low, high = m.entry.support
    x = m.variable.name
    ends = " <= ".join(part for part in (low, x, high) if part)
    support = [f"The density is positive for {ends} only."] if low or high else []
    return tuple(filter(None, (m.entry.note, *support, f"Source: {m.entry.source}." if m.entry.source else "")))
