"""What the passes over a definition share: what they may look up, and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from sympy import Expr, Integer, Pow

from chainrule.derive.program import Definition, Input, fresh_names


def powers_of_root(body: Expr, root: Expr) -> Iterator[tuple[Pow, Integer]]:
    """The powers in an expression that are whole powers of a root of something positive: ``1/u^(3/2)`` of ``sqrt(u)``.

    Args:
        body: the expression; its powers of another base are found too.
        root: what a quantity is; nothing is found unless it is ``u^(p/q)`` with ``u > 0``.
    """
    if isinstance(root, Pow) and root.exp.is_Rational and not root.exp.is_Integer and root.base.is_positive:
        for power in body.atoms(Pow):
            count = power.exp / root.exp
            if count.is_Integer:
                yield power, count


@dataclass
class Context:
    """What a pass may look up, and where it puts definitions that it has to split off.

    Attributes:
        known: inputs and definitions by name.
        inline: names of pointwise definitions to be replaced by their bodies.
        exact: names whose declared identities must not be used, because the result may still be
            differentiated by them.
        added: auto definitions that passes split off, in order.
        foldable: pointwise definitions whose bodies are to be written by name.
        reserved: names of definitions that were written into others: they must not mean anything else.
        beside: the names that the quantity reads whose parts are simplified.
    """

    known: dict[str, Input | Definition]
    inline: set[str] = field(default_factory=set)
    exact: frozenset[str] = frozenset()
    added: list[Definition] = field(default_factory=list)
    foldable: list[Definition] = field(default_factory=list)
    reserved: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()

    def fresh(self, stem: str) -> str:
        """A name that nothing has."""
        return next(name for name in fresh_names(self.known, stem) if name not in self.reserved)

    def split_off(self, definition: Definition, stem: str) -> Definition:
        """Adds a definition under a fresh name."""
        named = replace(definition, name=self.fresh(stem))
        self.known[named.name] = named
        self.added.append(named)
        return named


@dataclass(frozen=True)
class Rewrite:
    """The outcome of a pass: the rule that was used and the definition after it."""

    rule: str
    definition: Definition
    bindings: tuple[tuple[str, str], ...] = ()


Pass = Callable[[Definition, Context], Rewrite | None]
