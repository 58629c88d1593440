"""Derives expectations: one move after the other, each a line that is checked on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial

import numpy as np
from sympy import Expr, Symbol, expand, together

from chainrule.derive.errors import InputError
from chainrule.derive.render.page import Note, Shown
from chainrule.learning.expectation.declare import declared
from chainrule.learning.expectation.joint import table
from chainrule.learning.expectation.measure import Table, value
from chainrule.learning.expectation.moves import Algebra
from chainrule.learning.expectation.nodes import Covariance, Expect, Over, Variance, has, ungrouped
from chainrule.learning.expectation.setting import Setting, name_of
from chainrule.learning.expectation.terms import free_indices
from chainrule.learning.expectation.tidying import collected
from chainrule.learning.expectation.writing import shown, text
from chainrule.learning.explanation import Explanation, Move, Part

#: Random distributions that every line is checked in.
SEEDS = (0, 1)
#: Differences that are rounding alone.
ROUNDING = 1e-12
Stage = tuple[str, Callable[[Algebra, Expr], Expr]]

#: The moves in their order: about deviations from means.
CENTRAL: tuple[Stage, ...] = (
    ("By definition of {names}.", Algebra.defined),
    ("The variance of a sum of independent terms is the sum of their variances.", Algebra.separated),
    ("A constant factor comes out of a variance squared, and an added constant does not change it.", Algebra.scaled),
    ("By the definition of {kinds}.", Algebra.spread),
    ("The inner expectation is a number, which is worked out first.", Algebra.means),
    ("Independent factors: the expectation of the product is the product of the expectations.", Algebra.parted),
    ("The mean is added and subtracted: every variable is its mean plus its deviation from it.", Algebra.centred),
    ("Linearity of expectation; constants are drawn out.", Algebra.linear),
    ("Double sums by which indices are equal.", Algebra.split),
    ("{because}", Algebra.vanished),
    ("Independent factors: the expectation of the product is the product of the expectations.", Algebra.parted),
    ("By the definition of {kinds}.", Algebra.named),
    ("The declared moments.", Algebra.valued),
)
#: The same with raw moments, where something is given.
RAW: tuple[Stage, ...] = (
    ("By definition of {names}.", Algebra.defined),
    ("The declared conditional moments.", Algebra.conditioned),
    ("The law of total variance: the mean of the conditional variance plus the variance of the conditional mean.",
     Algebra.totalled),
    ("A constant factor comes out of a variance squared, and an added constant does not change it.", Algebra.scaled),
    ("Variances and covariances by their moments: Var[Z] = E[Z**2] - E[Z]**2.", Algebra.by_moments),
    ("Linearity of expectation; constants and functions of what is given are drawn out.", Algebra.linear),
    ("The tower rule: the expectation of a conditional expectation is the expectation.", Algebra.towered),
    ("Independent factors: the expectation of the product is the product of the expectations.", Algebra.parted),
    ("By the definition of {kinds}.", Algebra.folded),
    ("The declared moments.", Algebra.valued),
)


#: Signs that LaTeX's text writes as words.
IN_TEXT = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "|": r"\textbar{}",
    **{sign: f"\\{sign}" for sign in "_%#&$"},
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """What a derivation is made with.

    Attributes:
        algebra: the moves.
        stages: those that are made, in order.
        outcomes: a random distribution for each seed.
    """

    algebra: Algebra
    stages: tuple[Stage, ...]
    outcomes: Callable[[int], Table]


@dataclass(frozen=True)
class Expectation(Explanation):
    """The derivation of an expectation, variance or covariance.

    Attributes:
        setting: what is declared.
        left: what was asked for.
        right: what it is.
    """

    setting: Setting = field(default_factory=Setting)
    left: Expr = field(default_factory=lambda: Symbol("x"))
    right: Expr = field(default_factory=lambda: Symbol("x"))

    @property
    def result(self) -> str:
        """What was derived, as text that is read back."""
        return text(self.right)

    def value(self, **numbers: float) -> float:
        """The result at numbers for its constants.

        Raises:
            InputError: a constant has no number.
        """
        found = self.right.subs({item: numbers[item.name] for item in self.right.free_symbols if item.name in numbers})
        if not found.is_number:
            names = sorted(str(item) for item in found.free_symbols)
            raise InputError("the result has constants without a number", found=", ".join(names) or text(found))
        return float(found)


def expectation(about: str, given: str = "") -> Expectation:
    """Derive an expression of expectations, variances and covariances, or prove an equation of them.

    Args:
        about: such as ``E[(y - g)^2]``, ``Var[sum_i x_i / n]``, ``Var[Y] = E[Var[Y | X]] + Var[E[Y | X]]``.
        given: declarations between semicolons, such as ``y = f + eps; E[eps] = 0; g independent of eps``.
            What is not declared independent may depend on each other; a name is a constant unless
            something is declared of it that makes it random, or it begins with a capital letter.

    Raises:
        NotationError, InputError: what is not understood; sides of an equation that are not equal.
    """
    setting, sides = declared(given, about)
    left = sides[0]
    algebra = Algebra(setting, [])
    if not any(setting.all_variables(node.args) for node in _inside(algebra.defined(left))):
        raise InputError("nothing in here is random", found=about, hint="declare it: x random, or E[x] = m")
    for side in map(algebra.defined, sides):
        if free_indices(side) and has(side, Over):
            index = min(map(str, free_indices(side)))
            raise InputError(f"the index {index} stands free beside a sum", hint="sum over it, or name the member: x")
    conditional = setting.conditional or any(_is_conditional(algebra.defined(side)) for side in sides)
    work = Work(algebra, RAW if conditional else CENTRAL, cache(partial(table, setting)))
    moves = list(_moves(work, left))
    right = _final(moves, left)
    parts = [Part("Given", tuple(_given(setting)))] if setting.text or setting.random else []
    if moves and text(right) != text(left):
        parts.append(Part("Derivation", tuple(move for move, _ in moves)))
    if len(sides) == 2:
        parts += _other_side(work, left, right, sides[1])
        right = sides[1]
    result = Move(shown(right), (shown(left),), (), _difference(work, left, right))
    parts.append(Part("Result", (result,)))
    asked = Shown(" = ".join(map(text, sides)), lambda: " = ".join(shown(side).latex for side in sides))
    silent = () if len(sides) == 2 or moves else ("No law of the algebra applies: it knows moments and independence.",)
    return Expectation(asked, tuple(parts), (*_remarks(setting), *silent), setting, left, right)


def _inside(expr: Expr) -> Iterator[Expr]:
    yield from (node for node in _walk(expr) if isinstance(node, Expect | Variance | Covariance))


def _walk(expr: Expr) -> Iterator[Expr]:
    yield expr
    for arg in expr.args:
        yield from _walk(arg)


def _is_conditional(expr: Expr) -> bool:
    return any(bool(node.args[-1]) for node in _inside(expr))


def _moves(work: Work, expr: Expr) -> Iterator[tuple[Move, Expr]]:
    """One line for every stage that changes the expression."""
    start, algebra = expr, work.algebra
    head: tuple[Shown, ...] = (shown(start),)
    for why, stage in work.stages:
        algebra.because.clear()
        new = stage(algebra, expr)
        if new == expr or text(new) == text(expr):
            expr = new
            continue
        details = tuple(_detail(work, *claim) for claim in dict.fromkeys(algebra.because))
        reason = _reason(why, algebra, expr, new)
        yield Move(shown(new), head, reason, _difference(work, start, new), details), new
        head, expr = (), new
    tidy = collected(ungrouped(expr))
    if tidy != ungrouped(expr):
        yield Move(shown(tidy), head, ("Collected.",), _difference(work, start, tidy)), tidy


def _detail(work: Work, left: Expr, right: Expr, reason: str) -> Move:
    sentence = f"{reason[:1].upper()}{reason[1:]}."
    return Move(shown(right), (shown(left),), (sentence,), _difference(work, left, right))


def _reason(why: str, algebra: Algebra, before: Expr, after: Expr) -> Note:
    if "{names}" in why:
        present = set(map(name_of, _walk(before)))
        used = [name for name in algebra.setting.definitions if name in present]
        return (why.format(names=" and ".join(used) or "the names"),)
    if "{kinds}" in why:
        kinds = ((Variance, "the variance"), (Covariance, "the covariance"))
        return (why.format(kinds=" and ".join(name for kind, name in kinds if has(before, kind) != has(after, kind))),)
    if why == "{because}":
        return (_vanishing(algebra),)
    return (why,)


def _vanishing(algebra: Algebra) -> str:
    """Why terms vanish, in a sentence."""
    crossed = [left for left, _, _ in algebra.because if "independent" in _]
    if not crossed:
        return "A deviation from the mean has mean 0."
    return "Cross terms vanish: their factors are independent, and a deviation has mean 0."


def _final(moves: list[tuple[Move, Expr]], left: Expr) -> Expr:
    return moves[-1][1] if moves else left


def _other_side(work: Work, left: Expr, right: Expr, claimed: Expr) -> list[Part]:
    """The other side of an equation, brought to the same form."""
    other = list(_moves(work, claimed))
    reached = _final(other, claimed)
    if expand(together(ungrouped(reached - right))) != 0:
        if _difference(work, left, claimed)() > 1e-6:
            raise InputError("the two sides are not equal", expected=text(right), found=text(reached))
        raise InputError("the two sides agree in examples, but the moves do not bring them together",
                         expected=text(right), found=text(reached))  # fmt: skip
    title = "The other side" if text(right) != text(left) else "Derivation"
    return [Part(title, tuple(move for move, _ in other))] if other else []


def _given(setting: Setting) -> Iterator[Move]:
    for statement in setting.text:
        yield Move(Shown(statement, rf"\text{{{_plain(statement)}}}"))
    said = {word for statement in setting.text for word in statement.replace(",", " ").split()}
    silent = sorted(name for name in setting.random if name not in said and not any(name in word for word in said))
    if silent:
        yield Move(Shown(f"{', '.join(silent)} random", rf"\text{{{', '.join(silent)} random}}"))


def _plain(statement: str) -> str:
    """A declaration as text in LaTeX."""
    return "".join(IN_TEXT.get(sign, sign) for sign in statement)


def _remarks(setting: Setting) -> tuple[str, ...]:
    if len(setting.random) < 2 and not setting.families:
        return ()
    return ("Variables that are not declared independent may depend on each other.",)


def _difference(work: Work, left: Expr, right: Expr) -> Callable[[], float]:
    """How far both sides differ in random distributions, each computed by the definition of expectations."""
    free = sorted(free_indices(left) | free_indices(right), key=str)
    bound = {index: number for number, index in enumerate(free, 1)}

    def difference() -> float:
        worst = 0.0
        for seed in SEEDS:
            outcomes = work.outcomes(seed)
            one, two = value(left, outcomes, bound), value(right, outcomes, bound)
            worst = max(worst, float(np.max(np.abs(one - two)) / max(1.0, float(np.max(np.abs(one))))))
        return worst if worst > ROUNDING else 0.0

    return difference
