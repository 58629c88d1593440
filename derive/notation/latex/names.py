"""The names that are known while LaTeX is read, found by what they show as."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chainrule.derive.errors import NotationError, Span
from chainrule.derive.notation.latex.symbols import Symbol, symbol_of


@dataclass
class Names:
    """Known names, and how the text has written and used the others.

    Attributes:
        ranks: the number of axes of every known name; ``None`` where it is not known yet.
        lengths: the known names that are lengths of axes.
        arguments: what stood in the brackets after names that the text defines as ``f(x) = ..``.
        shapes: the font in which each name was first written, and where.
        scalars: names that nobody declared and that stood as scalars, and where.
        functions: letters that stood as functions, and where.
        squares: names of which only the square is defined, and where.
        unspecified: functions without a definition.
        events: names such as P of ``P(A | B)``, whose applications are numbers of their own.
    """

    ranks: dict[str, int | None]
    lengths: set[str] = field(default_factory=set)
    arguments: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[str, Span]] = field(default_factory=dict)
    scalars: dict[str, Span] = field(default_factory=dict)
    functions: dict[str, Span] = field(default_factory=dict)
    squares: dict[str, Span] = field(default_factory=dict)
    unspecified: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    by_symbol: dict[Symbol, list[str]] = field(default_factory=dict)

    @staticmethod
    def of(ranks: Mapping[str, int | None], lengths: Collection[str], functions: Collection[str] = ()) -> Names:
        """The known names, the lengths of axes, and the functions without a definition."""
        names = Names({}, set(lengths), unspecified=frozenset(functions))
        for name, rank in {**dict.fromkeys(lengths, 0), **ranks}.items():
            names.add(name, rank)
        return names

    def add(self, name: str, rank: int | None = None) -> None:
        """Add a known name."""
        self.ranks[name] = rank
        self.by_symbol.setdefault(symbol_of(name), []).append(name)

    def find(self, symbol: Symbol, span: Span) -> str | None:
        """The known name that shows as a symbol.

        Raises:
            NotationError: several names do.
        """
        found = self.by_symbol.get(symbol, [])
        if len(found) > 1:
            readings = " or ".join(roman(name) for name in found)
            raise NotationError(
                f"this can be read as {' or as '.join(found)}", span, expected=readings,
                hint="both names look the same in LaTeX; written upright, each is itself",
            )  # fmt: skip
        return found[0] if found else None

    def note_shape(self, name: str, shape: str, span: Span) -> None:
        """Refuse a name that was written in another font before: it may be another quantity."""
        first, place = self.shapes.setdefault(name, (shape, span))
        if first != shape:
            raise NotationError(
                f"{name} is written in two ways, and it can be read as one name or as two", span,
                also=(("written so first here", place),), expected="one way of writing for each name",
                hint="if they are two quantities, give one of them another letter",
            )  # fmt: skip

    def note_scalar(self, name: str, span: Span) -> None:
        """Note a name that nobody declared, unless the same letter was a function."""
        if name in self.functions:
            raise _both(name, span, self.functions[name])
        self.scalars.setdefault(name, span)

    def note_function(self, name: str, span: Span) -> None:
        """Note a letter that is a function, unless it was a scalar."""
        if name in self.scalars:
            raise _both(name, span, self.scalars[name])
        self.functions.setdefault(name, span)


def square_name(name: str) -> str:
    """What the square of a name is called where only that is defined."""
    return f"{name}_squared"


def roman(name: str) -> str:
    """A name exactly as it is, in LaTeX."""
    escaped = name.replace("_", r"\_")
    return rf"\mathrm{{{escaped}}}"


def _both(name: str, span: Span, other: Span) -> NotationError:
    return NotationError(
        f"{name} is a function at one place and a scalar at another", span, also=(("the other place", other),),
        hint=f"declare the scalar, {name}: real, and write the function by its name, such as \\operatorname{{sigmoid}}",
    )  # fmt: skip
