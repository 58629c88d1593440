"""The lines of a derivation of a divergence or an entropy, each with its check."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import sympy as sp

from chainrule.derive.catalog.distributions import Distribution
from chainrule.derive.checking.sampling import sample, size_assignments
from chainrule.derive.formula import Formula
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.program import Definition, Program
from chainrule.derive.render.page import Shown
from chainrule.learning.divergence import measure
from chainrule.learning.divergence.natural import Natural
from chainrule.learning.divergence.pair import Pair, Values
from chainrule.learning.divergence.pair import pair as pair_of
from chainrule.learning.divergence.plain import Plain
from chainrule.learning.explanation import Move, Part
from chainrule.learning.probability.array_sums import total
from chainrule.learning.probability.likelihood import shown_input
from chainrule.learning.probability.model import model
from chainrule.learning.probability.points import agreement

Quantity = Literal["kl", "entropy", "cross_entropy"]

SYMBOLS = {
    "kl": Shown("KL(p||q)", r"D_{\mathrm{KL}}(p \| q)"),
    "entropy": Shown("H(p)", "H(p)"),
    "cross_entropy": Shown("H(p,q)", "H(p, q)"),
}
#: Seeds of the parameters that lines are checked at.
SEEDS = (0, 1)


def given(pair: Pair, what: Quantity) -> tuple[Part, ...]:
    """The members and their log-densities."""
    members = (0,) if what == "entropy" else (0, 1)
    rows = [Move(shown_input(pair.m.variable), (), ("the observation",))]
    for which in members:
        rows += [Move(shown_input(item), (), (f"parameter of {'pq'[which]}",)) for item in pair.members[which].values()]
    rows += [Move(shown_input(item), (), ("known",)) for item in pair.known]
    x = named(pair.m.variable.name)
    densities = []
    for which in members:
        density = pair.density(which).program
        left = Shown(f"log {'pq'[which]}({x.text})", rf"\log {'pq'[which]}({x.latex})")
        densities.append(Move(shown(density, density.output.name), (left,)))
    return Part("Given", tuple(rows)), Part("Log-densities", tuple(densities))


def definition(pair: Pair, what: Quantity) -> Move:
    """What the quantity is."""
    x = named(pair.m.variable.name)
    p, q = (Shown(f"log {name}({x.text})", rf"\log {name}({x.latex})") for name in "pq")
    inner = {"kl": Shown(f"{p.text} - {q.text}", f"{p.latex} - {q.latex}"), "entropy": p, "cross_entropy": q}[what]
    sign = "" if what == "kl" else "-"
    return Move(_mean(inner, sign), (SYMBOLS[what],), (f"By definition; E_p is the mean over {x.text} from p.",))


def _mean(inner: Shown, sign: str = "") -> Shown:
    return Shown(f"{sign}E_p[{inner.text}]", lambda: rf"{sign}\mathbb{{E}}_p\left[{inner.latex}\right]")


# ---- exponential families --------------------------------------------------------------------------------------


def natural_part(n: Natural, what: Quantity, start: Program) -> Part:
    """The quantity by natural parameters and log-partition."""
    first, check = definition(n.pair, what), functools.partial(_by_quadrature, n.pair, what, start)
    if what == "kl":
        inner = _joined(n, lambda eta, t: (f"{_gap(eta).text}*{t}", rf"{_gap(eta).latex} \, {_tex(t)}"))
        end = _partitions(n, ((1, -1), (2, 1)))
        lines = [
            Move(_plus(_mean(inner), end), (), ("Put in both densities; h is the same in both and cancels.",),
                 lambda: _pointwise(n)),
        ]  # fmt: skip
        outside = _joined(n, lambda eta, t: (f"{_gap(eta).text}*E_p[{t}]", rf"{_gap(eta).latex} \, {_expected(t)}"))
        lines.append(Move(_plus(outside, end), (), ("The expectation is linear.",), check))
    else:
        which = 1 if what == "entropy" else 2
        outside = _joined(n, lambda eta, t: (f"{eta}_{which}*E_p[{t}]", rf"{_sub(eta, which)} \, {_expected(t)}"))
        a, base = n.f.partition, n.f.base
        end = Shown(f"{a}_{which} - ({outside.text}) - E_p[{base}]",
                    rf"{_sub(a, which)} - \left({outside.latex}\right) - {_expected(base)}")  # fmt: skip
        lines = [Move(end, (), ("Put in the density; the expectation is linear.",), check)]
    intro = "Indices 1 and 2 say whose parameters are put in, those of p or those of q."
    return Part("By natural parameters", (first, *lines), (intro,))


def _sub(name: str, which: int) -> str:
    return rf"{{{named(name).latex}}}^{{({which})}}"


def _gap(eta: str) -> Shown:
    return Shown(f"({eta}_1 - {eta}_2)", f"({_sub(eta, 1)} - {_sub(eta, 2)})")


def _expected(name: str) -> str:
    return rf"\mathbb{{E}}_p[{_tex(name)}]"


def _tex(name: str) -> str:
    return named(name).latex


def _joined(n: Natural, product: Callable[[str, str], tuple[str, str]]) -> Shown:
    texts, latex = [], []
    for eta, t in zip(n.f.natural, n.f.statistics, strict=True):
        text, tex = product(eta, t)
        array = bool(n.f.program.by_name[eta].shape)
        texts.append(f"sum({text})" if array else text)
        latex.append(rf"\sum {tex}" if array else tex)
    return Shown(" + ".join(texts), " + ".join(latex))


def _partitions(n: Natural, members: Sequence[tuple[int, int]]) -> Shown:
    name = n.f.partition
    parts = [(f"{'-' if sign < 0 else '+'} {name}_{which}", f"{'-' if sign < 0 else '+'} {_sub(name, which)}")
             for which, sign in members]  # fmt: skip
    return Shown(" ".join(text for text, _ in parts), " ".join(latex for _, latex in parts))


def _plus(first: Shown, end: Shown) -> Shown:
    return Shown(f"{first.text} {end.text}", lambda: f"{first.latex} {end.latex}")


def _pointwise(n: Natural) -> float:
    """The log-ratio of both members at one observation against their natural forms."""
    values, rng = measure.small(n.pair), np.random.default_rng(5)
    members = [n.pair.values(values, which) for which in (0, 1)]
    x = measure.observation(n.pair, values, rng)
    return max(n.f.difference({**own, n.pair.m.variable.name: x}) for own in members)


def equations_part(n: Natural) -> Part:
    """The expected score, set to zero."""
    moves = []
    for name, found in n.expected.equations:
        check = functools.partial(n.expected.difference, n.f)
        moves.append(Move(shown(found, found.outputs[0]), (Shown("0", "0"),), (f"By {name}.",), check))
    pairs = zip(n.expected.unknowns, n.f.statistics, strict=True)
    names = ", ".join(f"{m} for E[{t}]" for m, t in pairs)
    intro = (
        "The density is one in total for all parameters, so that the derivatives of sum eta E[T] - A by them are zero. "
        f"Write {names}."
    )
    if any(item.domain.sums_to_one for item in n.pair.members[0].values()):
        one = str(total(n.f.m)).replace("1", "one")
        intro += f" Probabilities sum to one: their multiplier is what the entries of the observation sum to, {one}."
    return Part("Equations for the expectations", tuple(moves), (intro,))


def expectations_part(n: Natural) -> Part:
    """The expectations under ``p``."""
    moves = []
    for place, name in enumerate(n.f.statistics):
        found, inner = n.mean(place), n.f.shown(name)
        check = functools.partial(_mean_difference, n, place)
        moves.append(Move(shown(found.program, found.output.name), (_mean(inner),), (), check))
    return Part("Expectations under p", tuple(moves), ("Solve, with the parameters of p.",))


def _mean_difference(n: Natural, place: int) -> float:
    """The expectation of a statistic, summed over its entries with weights, by quadrature."""
    values = measure.small(n.pair)
    own, name, statistic = n.pair.values(values, 0), n.pair.m.variable.name, n.f.statistics[place]
    found = np.asarray(measure.array(n.mean(place).program, values))
    weights = np.random.default_rng(2).normal(size=found.shape)
    program = n.f.program.pruned([statistic])

    def weighted(x: Any) -> float:
        return float(np.sum(weights * measure.array(program, {**own, name: x})))

    return agreement(float(np.sum(weights * found)), measure.mean(n.pair.m, own, weighted))


# ---- closed forms ---------------------------------------------------------------------------------------------------


def closed_part(pair: Pair, what: Quantity, start: Program, short: Formula) -> Part:
    """What was put in, and its short form; both checked on their own."""
    plain = shown(start, start.outputs[0])
    lines = []
    if plain.text != shown(short.program, short.output.name).text:
        check = functools.partial(_by_quadrature, pair, what, start)
        lines.append(Move(plain, (SYMBOLS[what],), ("Put in.",), check))
    both = functools.partial(_closed_difference, pair, what, start, short.program)
    left = () if lines else (SYMBOLS[what],)
    lines.append(Move(shown(short.program, short.output.name), left, ("Collect terms.",) if lines else (), both))
    return Part("Closed form", tuple(lines))


def _by_quadrature(pair: Pair, what: Quantity, program: Program) -> float:
    """A closed form against sums and quadrature."""
    return max(agreement(measure.value(program, values), found) for values, found in quadrature(pair.m.entry, what))


@lru_cache(maxsize=16)
def quadrature(entry: Distribution, what: Quantity) -> tuple[tuple[Values, float], ...]:
    """A quantity by sums or quadrature, at parameters of both members."""
    members = pair_of(model(entry, list(entry.known)))
    points = [measure.small(members, seed) for seed in SEEDS]
    return tuple((values, computed(members, what, values)) for values in points)


def _closed_difference(pair: Pair, what: Quantity, start: Program, short: Program) -> float:
    """The short form against quadrature, and against what it was made of at several lengths."""
    worst = _by_quadrature(pair, what, short)
    for seed, sizes in enumerate(size_assignments(start)):
        values = sample(pair.inputs, sizes, np.random.default_rng(seed))
        if measure.covered(pair, values):
            worst = max(worst, agreement(measure.value(start, values), measure.value(short, values)))
    return worst


def computed(pair: Pair, what: Quantity, values: Any) -> float:
    """The quantity by a sum or by quadrature."""
    if what == "kl":
        return measure.log_ratio(pair, values)
    return measure.code_length(pair, values, 0 if what == "entropy" else 1)


def equal_part(pair: Pair, short: Formula) -> Part:
    """The divergence of a member from itself."""
    first, second = pair.members
    heads = {second[name].head: first[name].head for name in first}
    definitions = tuple(item.with_body(item.body.xreplace(heads)) for item in short.program.definitions)
    program = Program(pair.inputs, definitions, short.program.outputs)

    def check() -> float:
        return max(abs(measure.value(program, measure.small(pair, seed))) for seed in SEEDS)

    why = "Equal parameters: both are the same distribution."
    return Part("At q = p", (Move(Shown("0", "0"), (Shown("KL(p||p)", r"D_{\mathrm{KL}}(p \| p)"),), (why,), check),))


# ---- outside of exponential families ------------------------------------------------------------------------


def plain_body(found: Plain, what: Quantity) -> sp.Expr:
    """What the expectation is taken of."""
    members = {"kl": ((0, 1), (1, -1)), "entropy": ((0, -1),), "cross_entropy": ((1, -1),)}[what]
    return sum((sign * found.log_density(which) for which, sign in members), sp.S.Zero)


def terms_part(found: Plain, what: Quantity, body: sp.Expr) -> Part:
    """The quantity as the expectation of a sum."""
    check = functools.partial(_body_difference, found, what, body)
    line = Move(_mean(_told(found, body)), (), ("Put in the log-densities.",), check)
    return Part("Term by term", (definition(found.pair, what), line))


def law_part(found: Plain, means: Mapping[sp.Expr, sp.Expr]) -> Iterator[Part]:
    """The expectations of the terms, by a law for the integrals."""
    lines = []
    for part, mean in means.items():
        value = found.short(found.program(mean)).program
        check = functools.partial(_part_difference, found, part, value)
        lines.append(Move(shown(value, value.outputs[0]), (_mean(_told(found, part)),), (), check))
    if lines:
        says = f"{found.law.says[0].upper()}{found.law.says[1:]} ({found.law.source})."
        yield Part("Expectations under p", tuple(lines), (says,))


def _told(found: Plain, body: sp.Expr) -> Shown:
    program = _with_variable(found, body)
    return shown(program, "told")


def _with_variable(found: Plain, body: sp.Expr) -> Program:
    inputs = (found.pair.m.variable, *found.pair.inputs)
    program = found.program(body)
    item = program.output
    assert isinstance(item, Definition)
    heads = {found.pair.m.variable.head: found.pair.m.variable[()]}
    return replace(program, inputs=inputs, definitions=(replace(item, name="told", body=item.body.xreplace(heads)),),
                   outputs=("told",))  # fmt: skip


def _part_difference(found: Plain, part: sp.Expr, value: Program) -> float:
    program = _with_variable(found, part)
    return _expected_difference(found, program, lambda values: measure.value(value, values))


def _body_difference(found: Plain, what: Quantity, body: sp.Expr) -> float:
    program = _with_variable(found, body)
    return _expected_difference(found, program, lambda values: computed(found.pair, what, values))


def _expected_difference(found: Plain, program: Program, value: Callable[[Any], float]) -> float:
    values = measure.small(found.pair)
    own, name = found.pair.values(values, 0), found.pair.m.variable.name
    integral = measure.mean(found.pair.m, own, lambda x: measure.value(program, {**values, name: x}))
    return agreement(integral, value(values))
