"""Bayes' theorem for finitely many hypotheses and several pieces of evidence, in exact fractions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial

from chainrule.derive.errors import InputError, near_names
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part

#: A probability as text: 0.01, 1/3, 99%, 1e-3.
NUMBER = re.compile(r"\s*([0-9]{1,40}(?:\.[0-9]{0,40})?(?:e[+-]?[0-9]{1,3})?)(?:\s*/\s*([0-9]{1,40}))?\s*(%?)\s*", re.I)
#: Names as they are printed.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,59}")
#: What a hypothesis is called that is not named: the rest.
REST = "not"
#: Largest denominator of a fraction that is printed beside its decimals.
READABLE = 10**12

Number = str | int | float | Fraction | Decimal
Table = Mapping[str, Fraction]
#: Pieces of evidence by name, each with its probability under every hypothesis.
Evidence = Sequence[tuple[str, Mapping[str, Number]]] | Mapping[str, Mapping[str, Number]]


@dataclass(frozen=True)
class Posterior:
    """What evidence says of hypotheses.

    Attributes:
        prior: the probability of every hypothesis before any evidence.
        steps: for every piece of evidence its name, its probability under each hypothesis, the joint
            probabilities, its probability, and the posterior.
        explanation: the same line by line.
    """

    prior: Table
    steps: tuple[tuple[str, Table, Table, Fraction, Table], ...]
    explanation: Explanation

    @property
    def posterior(self) -> Table:
        """The probability of every hypothesis given all evidence."""
        return self.steps[-1][4] if self.steps else self.prior

    @property
    def evidence(self) -> Fraction:
        """The probability of all evidence together."""
        whole = Fraction(1)
        for step in self.steps:
            whole *= step[3]
        return whole


def probability(value: Number, what: str) -> Fraction:
    """A probability, exactly as it is written; a float as its shortest decimal.

    Raises:
        InputError: it is no number between 0 and 1.
    """
    found = NUMBER.fullmatch(str(value)) if not isinstance(value, Fraction) else None
    if isinstance(value, Fraction):
        number = value
    elif found is None or (found[2] is not None and int(found[2]) == 0):
        raise InputError(
            f"{what} is no probability", expected="a number between 0 and 1: 0.01, 1/3, 5%", found=str(value)
        )
    else:
        number = Fraction(found[1]) / Fraction(found[2] or 1) / (100 if found[3] else 1)
    if not 0 <= number <= 1:
        raise InputError(f"{what} is no probability", expected="a number between 0 and 1", found=str(value))
    return number


def bayes(prior: Mapping[str, Number], evidence: Evidence) -> Posterior:
    """The posterior probabilities of hypotheses, one piece of evidence after the other.

    Args:
        prior: the probability of every hypothesis; they sum to one. Of a single hypothesis the other is its negation.
        evidence: for every piece of evidence its probability under each hypothesis. Pieces of evidence are
            independent of each other given the hypothesis.

    Raises:
        InputError: a number is no probability, the priors do not sum to one, a likelihood is missing or names no
            hypothesis, or the evidence is impossible.

    Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 1.12.

    Example:
        >>> found = bayes({"ill": "0.01"}, {"positive": {"ill": "0.99", "not ill": "0.05"}})
        >>> found.posterior["ill"]
        Fraction(1, 6)
    """
    table = _prior(prior)
    pairs = list(evidence.items()) if isinstance(evidence, Mapping) else list(evidence)
    if not pairs:
        raise InputError("there is no evidence", expected="its probability under each hypothesis")
    current: Table = table
    steps = []
    for name, likelihood in pairs:
        steps.append(_step(_name(name), _likelihood(name, likelihood, table), current))
        current = steps[-1][4]
    return Posterior(table, tuple(steps), _explanation(table, steps))


def _name(name: str) -> str:
    if not NAME.fullmatch(name):
        raise InputError("a name has letters, digits and blanks, and begins with a letter", found=repr(name[:60]))
    return name


def _prior(prior: Mapping[str, Number]) -> dict[str, Fraction]:
    table = {_name(name): probability(value, f"P({name})") for name, value in prior.items()}
    if not table:
        raise InputError("there are no hypotheses", expected="a prior probability of each")
    if len(table) == 1:
        ((name, value),) = table.items()
        table[f"{REST} {name}"] = 1 - value
    total = sum(table.values())
    if total != 1:
        raise InputError("the priors do not sum to one", expected="1", found=plain(Fraction(total)))
    return table


def _likelihood(name: str, likelihood: Mapping[str, Number], hypotheses: Table) -> dict[str, Fraction]:
    for given in likelihood:
        if given not in hypotheses:
            raise InputError(f"there is no hypothesis {given!r}", near=near_names(given, hypotheses))
    missing = [given for given in hypotheses if given not in likelihood]
    if missing:
        raise InputError(f"the probability of {name} is not given for: {', '.join(missing)}")
    return {given: probability(likelihood[given], f"P({name} | {given})") for given in hypotheses}


def _step(name: str, likelihood: Table, prior: Table) -> tuple[str, Table, Table, Fraction, Table]:
    joint = {given: likelihood[given] * value for given, value in prior.items()}
    total = sum(joint.values(), Fraction(0))
    if total == 0:
        raise InputError(f"{name} is impossible under every hypothesis that is left", hint="nothing follows from it")
    return name, likelihood, joint, total, {given: value / total for given, value in joint.items()}


# ---- the derivation ---------------------------------------------------------------------------------------


def _explanation(prior: Table, steps: Sequence[tuple[str, Table, Table, Fraction, Table]]) -> Explanation:
    parts = [Part("Prior", tuple(Move(shown_fraction(value), (_event(name),)) for name, value in prior.items()))]
    known, seen = prior, list[str]()
    for name, likelihood, joint, total, posterior in steps:
        parts += [
            Part(f"Likelihood of {name}", tuple(
                Move(shown_fraction(value), (_event(name, (given,)),)) for given, value in likelihood.items())),
            Part(f"Evidence: {name}", tuple(_joints(name, seen, likelihood, known, joint, total))),
            Part(f"Posterior given {', '.join([*seen, name])}", tuple(
                _quotient(given, (*seen, name), joint[given], total, value) for given, value in posterior.items())),
        ]  # fmt: skip
        known, seen = posterior, [*seen, name]
    several = ("The pieces of evidence are independent of each other given the hypothesis.",) if len(steps) > 1 else ()
    title = "Bayes' theorem: P(H | E) = P(E | H) P(H) / P(E)"
    latex = r"\text{Bayes' theorem: } P(H \mid E) = \frac{P(E \mid H) \, P(H)}{P(E)}"
    return Explanation(Shown(title, latex), tuple(parts), several)


def _joints(
    name: str, seen: Sequence[str], likelihood: Table, prior: Table, joint: Table, total: Fraction
) -> list[Move]:
    moves = list[Move]()
    for given, value in joint.items():
        factors = Shown(
            f"{plain(likelihood[given])} * {plain(prior[given])} = {readable(value)}",
            rf"{fraction_latex(likelihood[given])} \cdot {fraction_latex(prior[given])} = {fraction_latex(value)}",
        )
        check = partial(fraction_error, float(likelihood[given]) * float(prior[given]), value)
        reason = (f"The product of likelihood and {'posterior so far' if seen else 'prior'}.",) if not moves else ()
        moves.append(Move(factors, (_event(f"{name}, {given}", tuple(seen)),), reason, check))
    terms = " + ".join(plain(value) for value in joint.values())
    latex = " + ".join(fraction_latex(value) for value in joint.values())
    right = Shown(f"{terms} = {readable(total)}", f"{latex} = {fraction_latex(total)}")
    check = partial(fraction_error, sum(map(float, joint.values())), total)
    moves.append(Move(right, (_event(name, tuple(seen)),), ("The sum over all hypotheses.",), check))
    return moves


def _quotient(given: str, seen: tuple[str, ...], joint: Fraction, total: Fraction, value: Fraction) -> Move:
    right = Shown(
        f"({plain(joint)}) / ({plain(total)}) = {readable(value)}",
        rf"\frac{{{fraction_latex(joint)}}}{{{fraction_latex(total)}}} = {fraction_latex(value)} "
        rf"\approx {float(value):.6g}",
    )
    return Move(right, (_event(given, seen),), (), partial(fraction_error, float(joint) / float(total), value))


def fraction_error(computed: float, exact: Fraction) -> float:
    """A fraction against the same in double precision."""
    return abs(computed - float(exact))


def _event(name: str, given: tuple[str, ...] = ()) -> Shown:
    text = f"P({name} | {', '.join(given)})" if given else f"P({name})"
    words = [rf"\text{{{part}}}".replace("_", r"\_") for part in (name, ", ".join(given))]
    return Shown(text, f"P({words[0]}" + (rf" \mid {words[1]})" if given else ")"))


def plain(value: Fraction) -> str:
    """A fraction, or its decimals where it is too long to read."""
    return str(value) if value.denominator < READABLE else f"{float(value):.12g}"


def readable(value: Fraction) -> str:
    """A fraction with its decimals, where those differ."""
    if value.denominator == 1:
        return str(value)
    return f"{plain(value)} = {float(value):.6g}" if Fraction(f"{float(value):.6g}") == value else (
        f"{plain(value)} (about {float(value):.6g})"
    )  # fmt: skip


def shown_fraction(value: Fraction) -> Shown:
    """A fraction with its decimals, in text and LaTeX."""
    return Shown(readable(value), fraction_latex(value))


def fraction_latex(value: Fraction) -> str:
    """A fraction in LaTeX."""
    if value.denominator == 1:
        return str(value.numerator)
    if value.denominator >= READABLE:
        return f"{float(value):.12g}"
    return rf"\tfrac{{{value.numerator}}}{{{value.denominator}}}"
