"""Derives identities and inequalities of information: by joint entropies, line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from chainrule.derive.errors import InputError, LimitError
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.information import proofs
from chainrule.learning.information.quantities import (
    MAX_VARIABLES,
    Combination,
    Key,
    Quantity,
    Side,
    combined,
    plus,
    quantities,
    shown_combination,
    shown_side,
    shown_sum,
)
from chainrule.learning.information.reading import read_side
from chainrule.learning.information.tables import Fact, Tables, coins, tables

SEEDS = (0, 1)
ROUNDING = 1e-12
#: Tables in which a false statement is looked for.
TRIALS = 200
RELATION = re.compile(r"<=|>=|≤|≥|=")
SIGNS = {"≤": "<=", "≥": ">="}
INDEPENDENT = re.compile(r"(\w+)\s*,\s*(\w+)\s+independent(?:\s+given\s+(.+))?")
CHAIN = re.compile(r"\w+(?:\s*-\s*\w+){2,}")
FUNCTION = re.compile(r"(\w+)\s*=\s*\w+\(([^()]+)\)")
LATEX = {"=": "=", "<=": r"\le", ">=": r"\ge"}


@dataclass(frozen=True)
class Information(Explanation):
    """The proof of an identity or inequality, or a quantity by joint entropies."""


def facts_of(given: str) -> Iterator[Fact]:
    """``X, Y independent given Z``, ``X - Y - Z`` for a Markov chain, ``Y = f(X)``.

    Raises:
        InputError: a statement is none of these.
    """
    for statement in (part.strip() for part in re.split(r"[;\n]", given)):
        if not statement:
            continue
        if match := INDEPENDENT.fullmatch(statement):
            condition = tuple(re.findall(r"\w+", match[3] or ""))
            yield Fact(statement, Quantity("I", ((match[1],), (match[2],)), condition))
        elif CHAIN.fullmatch(statement):
            names = re.findall(r"\w+", statement)
            for place in range(2, len(names)):
                yield Fact(statement, Quantity("I", (tuple(names[: place - 1]), (names[place],)), (names[place - 1],)))
        elif match := FUNCTION.fullmatch(statement):
            yield Fact(statement, Quantity("H", ((match[1],),), tuple(re.findall(r"\w+", match[2]))))
        else:
            hint = "X, Y independent; X, Y independent given Z; X - Y - Z for a Markov chain; Y = f(X)"
            raise InputError("this declaration is not understood", found=statement, hint=hint)


def information(about: str, given: str = "") -> Information:
    """Prove an identity or inequality of entropies, informations and divergences, or take one apart.

    Args:
        about: such as ``I(X;Y) = H(X) - H(X|Y)``, ``H(X|Y) <= H(X)``, ``H(p,q) = H(p) + KL(p||q)``, ``JS(p,q) >= 0``.
        given: ``X, Y independent``, ``X, Y independent given Z``, ``X - Y - Z``, ``Y = f(X)`` between semicolons.

    Raises:
        NotationError, InputError: what is not understood, does not hold, or is not proved.
    """
    parts = RELATION.split(about)
    signs = [SIGNS.get(sign, sign) for sign in RELATION.findall(about)]
    sides = tuple(map(read_side, parts))
    facts = tuple(facts_of(given))
    if len(set(signs) - {"="}) > 1:
        raise InputError("the signs of a chain point one way", found=" ".join(signs))
    names = frozenset().union(*(q.names() for q in quantities(sides)), *(fact.quantity.names() for fact in facts))
    if not names or sum(name[0].isupper() for name in names) > MAX_VARIABLES:
        raise LimitError("so many variables are not taken on", expected=f"1 to {MAX_VARIABLES}", found=str(len(names)))
    work = Work(names, facts)
    made = [Part("Given", tuple(Move(Shown(t, rf"\text{{{t}}}")) for t in dict.fromkeys(f.text for f in facts)))]
    made += [Part("Definitions", tuple(_definitions(work, sides)))]
    for left, right, sign in zip(sides, sides[1:], signs, strict=False):
        made += work.compared(left, right, sign)
    title = shown_side(sides[0])
    for sign, side in zip(signs, sides[1:], strict=True):
        title = _related(title, sign, shown_side(side))
    unit = "Logarithms are natural: quantities are in nats; divide by log 2 for bits."
    return Information(title, tuple(part for part in made if part.moves), (unit,))


def _related(left: Shown, sign: str, right: Shown) -> Shown:
    return Shown(f"{left.text} {sign} {right.text}", f"{left.latex} {LATEX[sign]} {right.latex}")


def _definitions(work: Work, sides: tuple[Side, ...]) -> Iterator[Move]:
    """Every quantity as the mean of a logarithm, and by joint entropies."""
    for quantity in (quantity for quantity in quantities(sides) if quantity.kind != "log"):
        parts, side = quantity.combination(), ((Fraction(1), quantity),)
        yield Move(quantity.logarithm(), (quantity.shown(),), ("By definition.",))
        apart = shown_combination(parts)
        if apart.text not in (quantity.shown().text, quantity.logarithm().text):
            yield Move(apart, (), ("The logarithm of a quotient is a difference.",), work.difference(side, parts))


@dataclass(frozen=True)
class Work:
    """What a proof is made with: names and facts."""

    names: frozenset[str]
    facts: tuple[Fact, ...]

    def outcomes(self, seed: int) -> Tables:
        """Random tables in which the facts hold."""
        return tables(self.names, self.facts, seed)

    def difference(self, side: Side, parts: Combination) -> Callable[[], float]:
        """How far a side is from its parts in random tables, each computed by definition."""

        def largest() -> float:
            worst = max(abs(t.value(side) - _value(t, parts)) for t in map(self.outcomes, SEEDS))
            return worst if worst > ROUNDING else 0.0

        return largest

    def compared(self, left: Side, right: Side, sign: str) -> list[Part]:
        """The parts that prove one relation.

        Raises:
            InputError: it does not hold, or is not proved.
        """
        lower, upper = (right, left) if sign == ">=" else (left, right)
        goal = plus((Fraction(1), combined(upper)), (Fraction(-1), combined(lower)))
        known = [(fact.quantity, fact.quantity.combination()) for fact in self.facts]
        used = proofs.proof(goal, known, self.names, sign == "=")
        if used is None:
            self.refuse(left, right, sign)
        assert used is not None
        parts = [Part("Derivation", tuple(self.both(left, right, goal)))]
        if used:
            parts.append(Part("Difference", (self.whole(goal, used, upper, lower),)))
            parts.append(Part("Its terms", tuple(self.reasons(used))))
        return parts

    def both(self, left: Side, right: Side, goal: Combination) -> Iterator[Move]:
        """Both sides by joint entropies."""
        for side in (left, right):
            parts = combined(side)
            if len(side) > 1 and shown_combination(parts).text != shown_side(side).text:
                why = ("All terms together.",)
                yield Move(shown_combination(parts), (shown_side(side),), why, self.difference(side, parts))
        if not goal and left and right:
            yield Move(shown_side(right), (shown_side(left),), ("Both sides are the same.",),
                       self.difference(left, combined(right)))  # fmt: skip

    def whole(self, goal: Combination, used: tuple[proofs.Part, ...], upper: Side, lower: Side) -> Move:
        """The difference of both sides as a sum."""
        side = (*upper, *((-weight, quantity) for weight, quantity in lower))
        told = shown_sum((factor, _told(name)) for factor, name, _ in used)
        return Move(told, (shown_side(side),), ("Both are the same by the definitions.",), self.difference(side, goal))

    def reasons(self, used: tuple[proofs.Part, ...]) -> Iterator[Move]:
        """Why each term of the difference is 0 or is not negative."""
        zero = {fact.quantity: fact.text for fact in self.facts}
        for _, name, parts in used:
            text = zero.get(name) if isinstance(name, Quantity) else None
            sign, why = ("=", f"Given: {text}.") if text else (">=", _never_negative(name))
            yield Move(
                _related(_told(name, alone=True), sign, Shown("0", "0")), (), (why,), self.sign_of(parts, bool(text))
            )

    def sign_of(self, parts: Combination, zero: bool) -> Callable[[], float]:
        """How far a quantity is from being 0, or from not being negative."""

        def found() -> float:
            values = [_value(t, parts) for t in map(self.outcomes, SEEDS)]
            worst = max(abs(v) if zero else -v for v in values)
            return worst if worst > ROUNDING else 0.0

        return found

    def trials(self) -> Iterator[tuple[str, Tables]]:
        """Tables in which the facts hold: fair coins first, which a reader can check, then random ones."""
        for words, outcomes in coins(self.names):
            if all(abs(outcomes.quantity(fact.quantity)) < ROUNDING for fact in self.facts):
                yield f"where {words}", outcomes
        yield from (("in a random table", self.outcomes(seed)) for seed in range(TRIALS))

    def refuse(self, left: Side, right: Side, sign: str) -> None:
        """Say that a relation is false, with a table where it fails, or that it is not proved."""
        for where, outcomes in self.trials():
            one, two = outcomes.value(left), outcomes.value(right)
            if {"=": abs(one - two) > 1e-9, "<=": one > two + 1e-9, ">=": one < two - 1e-9}[sign]:
                raise InputError(
                    f"{shown_side(left).text} {sign} {shown_side(right).text} does not hold for all distributions",
                    found=f"{one:.6g} and {two:.6g} {where}",
                )  # fmt: skip
        raise InputError("this is neither proved nor refuted: it does not follow from I(A;B|C) >= 0 and H(A|B) >= 0")


def _value(outcomes: Tables, parts: Combination) -> float:
    return float(sum(float(weight) * _of(outcomes, key) for key, weight in parts.items()))


def _of(outcomes: Tables, key: Key) -> float:
    """A joint entropy, or ``sum p log r``."""
    if isinstance(key, frozenset):
        return outcomes.quantity(Quantity("H", (tuple(sorted(key)),)))
    if key[0] == "log":
        return float(np.log(int(key[1])))
    first, second = ([outcomes.single[name] for name in part.split("+")] for part in key)
    return float((first[0] * np.log(sum(second) / len(second))).sum())


def _told(name: proofs.Named, alone: bool = False) -> Shown:
    if isinstance(name, Quantity):
        return name.shown()
    p, q = (f"({' + '.join(part.split('+'))})/2" if "+" in part else part for part in name[:2])
    if len(name) > 2:
        text, latex = f"log({name[2]}) - KL({p}||{q})", rf"\log {name[2]} - D_{{\mathrm{{KL}}}}({p} \| {q})"
        return Shown(text, latex) if alone else Shown(f"({text})", rf"\left({latex}\right)")
    return Shown(f"KL({p}||{q})", rf"D_{{\mathrm{{KL}}}}({p} \| {q})") if q else Shown(f"H({p})", f"H({p})")


def _never_negative(name: proofs.Named) -> str:
    if isinstance(name, tuple):
        if len(name) > 2:
            return "A mixture has at least half of each probability, so that no logarithm of p/m exceeds log 2."
        return "A divergence is never negative." if name[1] else "The entropy of a finite distribution."
    return "Mutual information is a divergence." if name.kind == "I" else "The entropy of a finite distribution."
