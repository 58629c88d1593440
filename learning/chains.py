"""Chains of formulas in the notation, each equal to the one before, or not greater: computed on their own at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.derive.checking.sampling import sample
from chainrule.derive.errors import ChainruleError
from chainrule.derive.formula import Formula, formula
from chainrule.derive.notation.parser import parse_expression
from chainrule.derive.render.latex_node import node_latex
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Move, Part

Relation = Literal["=", "<=", ">="]
#: A formula, how it stands to the one before, and why.
Step = tuple[Relation, str, str]
LATEX = {"<=": r"\le", ">=": r"\ge"}
SIZE = 5
#: Lengths that have to differ: more rows than columns.
SIZES: Mapping[str, int] = {"n": 7, "d": 3}
SEEDS = range(4)
ROUNDING = 1e-12


@dataclass(frozen=True)
class Text:
    """A formula with the declarations that it is read under."""

    declarations: str
    text: str
    sizes: Mapping[str, int] = field(default_factory=lambda: SIZES, compare=False)

    @cached_property
    def formula(self) -> Formula:
        """The formula, read once."""
        return _read(f"{self.declarations}; {self.text}")

    @property
    def shown(self) -> Shown:
        """The formula for any renderer, as it was written: a step must not look like the one before it."""
        return Shown(self.text, self._latex)

    def _latex(self) -> str:
        try:
            node = parse_expression(self.text, tuple(self.formula.program.by_name))
            return node_latex(node, self.formula.program.ranks)
        except (ChainruleError, TypeError):
            # Not every text that can be read is a tree that can be printed.
            return self.formula.latex()

    def value(self, seed: int) -> NDArray[np.float64]:
        """Its value at random inputs, which are those of every formula with the same declarations."""
        return np.asarray(self.formula.evaluate(**self.inputs(seed)), dtype=np.float64)

    def inputs(self, seed: int) -> dict[str, Any]:
        """Random inputs by name."""
        values: dict[str, Any] = {}
        for item in self.formula.inputs:
            rng = np.random.default_rng([seed, *item.name.encode()])
            sizes = {length: self.sizes.get(str(length), SIZE) for dim in item.shape for length in dim.free_symbols}
            values.update(sample([item], sizes, rng))
        return values


@lru_cache(maxsize=64)
def _read(text: str) -> Formula:
    return formula(text)


def chain(
    declarations: str, start: str, steps: Iterable[Step], title: str = "Derivation", sizes: Mapping[str, int] = SIZES
) -> tuple[Part, ...]:
    """The parts of a chain: equalities go on, an inequality is a line of its own.

    ``sizes`` are the lengths at which both sides are computed, five for those it does not name.
    """
    return tuple(_parts(Text(declarations, start, sizes), tuple(steps), title))


def told(
    symbol: Shown, declarations: str, start: str, reason: str, steps: Iterable[Step], title: str = "Derivation"
) -> tuple[Part, ...]:
    """A chain of what a symbol stands for, which begins on a line of its own."""
    first, *rest = chain(declarations, start, steps, title)
    head = Move(Text(declarations, start).shown, (symbol,), (reason,))
    return replace(first, moves=(head, replace(first.moves[0], left=()), *first.moves[1:])), *rest


def _parts(before: Text, steps: tuple[Step, ...], title: str) -> Iterator[Part]:
    moves: list[Move] = []
    for relation, text, reason in steps:
        after = replace(before, text=text)
        check = _difference(before, after, relation)
        if relation == "=":
            moves.append(Move(after.shown, (before.shown,) if not moves else (), (reason,), check))
        else:
            if moves:
                yield Part(title, tuple(moves))
            yield Part("Inequality", (Move(_related(before.shown, relation, after.shown), (), (reason,), check),))
            moves, title = [], "Derivation, continued"
        before = after
    if moves:
        yield Part(title, tuple(moves))


def _related(left: Shown, sign: str, right: Shown) -> Shown:
    return Shown(f"{left.text} {sign} {right.text}", lambda: f"{left.latex} {LATEX[sign]} {right.latex}")


def _difference(before: Text, after: Text, relation: Relation) -> Callable[[], float]:
    """How far a relation is from holding at random inputs."""

    def found() -> float:
        pairs = [(before.value(seed), after.value(seed)) for seed in SEEDS]
        away = {"=": [abs(a - b) for a, b in pairs], "<=": [a - b for a, b in pairs], ">=": [b - a for a, b in pairs]}
        scale = max(1.0, *(float(np.max(np.abs(a))) for a, _ in pairs))
        worst = max(float(np.max(values)) for values in away[relation]) / scale
        return worst if worst > ROUNDING else 0.0

    return found
