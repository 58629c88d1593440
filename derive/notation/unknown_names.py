"""Names that nobody declared and that cannot be scalars, and what they may have been meant to be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from chainrule.derive.errors import NotationError, UnknownNameError, near_names
from chainrule.derive.notation.parser import FUNCTIONS
from chainrule.derive.notation.syntax import Node, Subscripted
from chainrule.derive.notation.tokens import SUBSCRIPTS, canonical_name
from chainrule.derive.program import Definition, Dim, Input

#: Words that are no names unless they are declared: the words, what is wrong, what to try.
NO_NAMES: tuple[tuple[frozenset[str], str, str], ...] = (
    (FUNCTIONS, "{0} is a function and needs brackets", "write {0}(..); a variable called {0} has to be declared"),
    (frozenset({"True", "False", "None"}), "{0} cannot stand here", ""),
    (
        frozenset({"nan", "NaN", "Inf", "infinity", "oo"}),
        "{0} is not a number here", "only finite numbers are read, and inf as a value of where(x > 0, x, -inf)",
    ),
    (
        frozenset({"and", "or", "not", "if", "else", "for", "in", "is", "import", "return", "def"}),
        "the word {0} means nothing here", "a choice is written where(x > 0, a, b)",
    ),
)  # fmt: skip


class Known(Protocol):
    """What is known of names at a place, see ``lower.Reader``."""

    @property
    def values(self) -> Mapping[str, Input | Definition]:
        """Inputs and named definitions."""
        ...

    @property
    def inferred(self) -> Mapping[str, Input]:
        """Inputs that nobody declared whose shape their use tells."""
        ...

    @property
    def dims(self) -> Mapping[str, Dim]:
        """The named lengths."""
        ...

    @property
    def functions(self) -> Collection[str]:
        """Names of functions without a definition."""
        ...

    @property
    def later(self) -> Collection[str]:
        """Names that this and later statements give."""
        ...

    @property
    def current(self) -> str:
        """The name that this statement gives."""
        ...

    @property
    def closed(self) -> bool:
        """Whether every name must be known."""
        ...


def refuse_name(known: Known, name: str, node: Node) -> None:
    """Refuse names that nobody declared and that cannot be scalars."""
    if name in known.functions:
        raise NotationError(f"{name} is a function and needs brackets", node.span, hint=f"write {name}(..)")
    if name == known.current:
        raise NotationError(
            f"{name} is defined by itself here", node.span,
            hint="a recurrence is written out step by step: h1 = f(h0); h2 = f(h1)",
        )  # fmt: skip
    if name in known.later:
        raise NotationError(f"{name} is used before it is defined", node.span, hint="put its statement first")
    for words, message, hint in NO_NAMES:
        if name in words:
            raise NotationError(message.format(name), node.span, hint=hint.format(name))
    base = node.base if isinstance(node, Subscripted) else _without_subscript(name, node)
    if base in known.values or base in known.inferred:
        _refuse_subscript(name, base, node)
    if name.startswith("_"):
        raise UnknownNameError(f"{name} is not declared", node.span, hint=f"declare it, for example {name}: real")
    if known.closed:
        names = [*known.values, *known.dims]
        raise UnknownNameError(
            f"{name} is not known", node.span, near=near_names(name, names), hint="known here: " + ", ".join(names)
        )


def _refuse_subscript(name: str, base: str, node: Node) -> None:
    """Refuse a name that may be an entry of a known one."""
    number = name.removeprefix(base).removeprefix("_")
    if number.isdigit() and int(number) > 0:
        raise UnknownNameError(
            f"{name} can be read in two ways", node.span, near=(base,),
            expected=f"{base}[{int(number) - 1}], entry {number} of {base}, or a scalar: {name}: real",
            hint="entries in brackets count from 0",
        )  # fmt: skip
    raise UnknownNameError(
        f"{name} is not declared", node.span, near=(base,),
        hint=f"subscripts are indices only under a sum such as Σ_i; the whole of {base} is written {base}",
    )  # fmt: skip


def _without_subscript(name: str, node: Node) -> str:
    """The name before a subscript such as that of ``x_i`` or ``x₁``."""
    written = node.span.excerpt if node.span else name
    base = written.rstrip("".join(SUBSCRIPTS))
    return canonical_name(base) if base != written else name.rpartition("_")[0]
