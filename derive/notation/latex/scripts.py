"""What stands above and below operands: powers, transposes, inverses, indices, parts of names."""

from __future__ import annotations

from dataclasses import replace

from sympy import Rational

from chainrule.derive.errors import NotationError, UnsupportedError
from chainrule.derive.notation.latex.applied import apply_letter, refuse_unknown_function
from chainrule.derive.notation.latex.letters import Letter, entry_of, indices, resolve
from chainrule.derive.notation.latex.names import square_name
from chainrule.derive.notation.latex.reading import Group, Reading, Scripts, group_of
from chainrule.derive.notation.latex.tables import TRANSPOSES
from chainrule.derive.notation.syntax import (
    Binary,
    Call,
    Name,
    Negative,
    Node,
    Number,
    Overloaded,
    Slice,
    Subscript,
    Transpose,
)
from chainrule.derive.notation.tokens import Token

#: Superscripts that make another name.
STARS = frozenset([("∗",), ("star",)])
#: Superscripts that are the pseudo-inverse.
PSEUDO = frozenset([("dagger",), ("+",)])


def read_name(reading: Reading, written: Letter, start: Token) -> Node:
    """A letter that has been read, with its scripts, and its arguments if it is a function."""
    scripts = reading.scripts()
    if written.below is not None:
        if scripts.below is not None:
            raise NotationError("there are two subscripts here", scripts.below.span, hint="keep one of them")
        scripts = replace(scripts, below=written.below)
    if scripts.above is not None and scripts.above.words in STARS:
        written = replace(written, symbol=replace(written.symbol, accents=(*written.symbol.accents, "star")), exact="")
        scripts = replace(scripts, above=None)
    elif scripts.above is not None and _is_layer(reading, written, scripts):
        scripts = Scripts(group_of(scripts.above.tokens[1:-2], scripts.above.span), None, scripts.primes)
    applied = apply_letter(reading, written, scripts, start)
    if applied is not None:
        return raised(reading, applied, reading.scripts(), start)
    special = _exponential(reading, written, scripts, start) or _unit(reading, written, scripts, start)
    if special is not None:
        return special
    squared = _square(reading, written, scripts, start)
    if squared is not None:
        return squared
    node = resolve(reading, written, scripts.below, reading.from_(start))
    if isinstance(node, Name) and reading.token.is_("(") and scripts.above is None:
        refuse_unknown_function(reading, node, start)
    return raised(reading, node, replace(scripts, below=None), start, named=True)


def _square(reading: Reading, written: Letter, scripts: Scripts, start: Token) -> Node | None:
    r"""A name whose square a statement has defined, ``\sigma^2 = ..``; it stands only with its square."""
    name = written.symbol.name if scripts.below is None else ""
    if name not in reading.names.squares:
        return None
    span = reading.from_(start)
    if scripts.above is None or scripts.above.words != ("2",):
        raise NotationError(
            f"only the square of {name} is defined", span, also=(("defined here", reading.names.squares[name]),),
            hint=f"its root is written \\sqrt{{{start.span.excerpt}^2}}",
        )  # fmt: skip
    return Name(square_name(name), span=span)


def _is_layer(reading: Reading, written: Letter, scripts: Scripts) -> bool:
    """``W^{(1)}``: a number or an open index in brackets above a letter is one below it."""
    words = scripts.above.words if scripts.above else ()
    inside = len(words) == 3 and words[0] == "(" and words[2] == ")"
    if not inside or reading.token.is_("("):
        return False
    if scripts.below is not None:
        assert scripts.above is not None
        raise NotationError(
            "a subscript and a superscript in brackets are not read together", scripts.above.span,
            hint="write both as subscripts: x_{i,j}",
        )  # fmt: skip
    return words[1].isdigit() or words[1] in reading.letters


def _exponential(reading: Reading, written: Letter, scripts: Scripts, start: Token) -> Node | None:
    """``e^{x}``, where e is no name."""
    above = scripts.above
    if written.symbol.base != "e" or written.symbol.accents or scripts.below is not None or above is None:
        return None
    if is_transpose(reading, above) or above.tokens[0].is_("⊙") or "e" in reading.letters:
        return None
    if written.exact != "e" and "e" in reading.names.ranks:
        raise NotationError(
            "this can be read in two ways, because e is a name here", reading.from_(start),
            expected="\\exp(..), or {e}^{..} for a power of the name",
        )  # fmt: skip
    if written.exact != "e":
        reading.names.note_function("e", start.span)
    return Overloaded("exp", (reading.whole(above),), span=reading.from_(start))


def _unit(reading: Reading, written: Letter, scripts: Scripts, start: Token) -> Node | None:
    r"""``I`` and ``I_n``: the identity matrix, where I is no name; ``\delta_{ij}``: its entries."""
    symbol, names, span = written.symbol, reading.names, reading.from_(start)
    if symbol.accents or written.exact in names.ranks or symbol.base not in ("I", "δ"):
        return None
    if names.find(symbol, span) is not None:
        return None
    below = scripts.below
    if symbol.base == "I":
        found: Node | None = None
        if below is None:
            found = Overloaded("eye", (), span=span)
        elif names.find(replace(symbol, subscripts=below.words), span) is None and _is_length(reading, below):
            found = Call("eye", (reading.whole(below),), span=span)
        return None if found is None else raised(reading, found, replace(scripts, below=None), start)
    items = indices(reading, below) if symbol.base == "δ" and below is not None else None
    if items is None or len(items) != 2:
        return None
    return raised(reading, entry_of(Name("δ", span=span), items, span), replace(scripts, below=None), start)


def _is_length(reading: Reading, below: Group) -> bool:
    return all(
        token.kind == "number" or token.text in reading.names.lengths or token.is_("+", "-", "·")
        for token in below.tokens[:-1]
    )


# ---- superscripts --------------------------------------------------------------------------------------


def raised(reading: Reading, node: Node, scripts: Scripts, start: Token, named: bool = False) -> Node:
    """An operand with its scripts; those below a name are part of it already."""
    span = reading.from_(start)
    if scripts.below is not None and not named:
        node = _below(reading, node, scripts.below, start)
    for _ in range(scripts.primes):
        scalar = isinstance(node, Name) and reading.names.ranks.get(node.name) == 0
        if reading.token.is_("(") or scripts.primes > 1 or scalar:
            raise NotationError(
                "a prime here can be read as a transpose or as a derivative", span, expected="x^{\\top}",
                hint="derivatives are what is computed: write the function itself",
            )  # fmt: skip
        node = Transpose(node, prime=True, span=span)
    if scripts.above is not None:
        return _above(reading, node, scripts.above, start)
    if reading.token.is_("!"):
        reading.take()
        above = Binary("+", node, Number(Rational(1)), span=span)
        return Call("gamma", (above,), span=reading.from_(start))
    return node


def _below(reading: Reading, node: Node, below: Group, start: Token) -> Node:
    """A subscript of an expression: an entry, or the positive part."""
    span = reading.from_(start)
    if below.words == ("+",):
        return Call("maximum", (node, Number(Rational(0))), span=span)
    items = indices(reading, below)
    if items is None:
        raise NotationError(
            "this subscript of an expression is not read", below.span,
            expected="indices of open sums, or numbers from 1 on",
        )  # fmt: skip
    return entry_of(node, items, span)


def is_transpose(reading: Reading, above: Group) -> bool:
    """Whether a superscript is a transpose.

    Raises:
        NotationError: it is the letter T, and T is a name.
    """
    words = above.words
    if words == ("T",):
        if "T" in reading.names.ranks:
            raise NotationError(
                "this can be read as a transpose or as a power, because T is a name here", above.span,
                expected="^{\\top} or ^{+T}",
            )  # fmt: skip
        return True
    return len(words) == 1 and words[0] in TRANSPOSES


def _above(reading: Reading, node: Node, above: Group, start: Token) -> Node:
    """A superscript: a transpose, an inverse, or a power."""
    span = reading.from_(start)
    words = above.words
    if not words:
        raise NotationError("this superscript is empty", above.span)
    if is_transpose(reading, above):
        _refuse_entry(node, above, "\\top")
        return Transpose(node, span=span)
    if words[0] == "-" and is_transpose(reading, group_of(above.tokens[1:-1], above.span)):
        inverse = Overloaded("power", (node, Negative(Number(Rational(1)))), span=span)
        return Transpose(inverse, span=span)
    if words in PSEUDO:
        return Call("pinv", (node,), span=span)
    if words[0] == "⊙" and above.tokens[0].kind == "operator":
        return Binary("**", node, reading.whole(group_of(above.tokens[1:-1], above.span)), span=span)
    _refuse_unread(above)
    if words == ("-", "1"):
        _refuse_entry(node, above, "-1")
    return Overloaded("power", (node, reading.whole(above)), reading.detail, span=span)


def _refuse_entry(node: Node, above: Group, sign: str) -> None:
    """``A_{ij}^{-1}`` is one over an entry or an entry of the inverse."""
    indexed = isinstance(node, Subscript) and sum(not isinstance(item, Slice) for item in node.items) > 1
    if indexed:
        raise NotationError(
            "this can be read in two ways: above the whole or above the entry", above.span,
            expected=f"(A^{{{sign}}})_{{ij}} or (A_{{ij}})^{{{sign}}}",
        )  # fmt: skip


def _refuse_unread(above: Group) -> None:
    words = above.words
    if words in STARS or words in (("H",), ("mathrm:H",)):
        raise UnsupportedError("this superscript is not read", above.span, hint="the transpose is written ^{\\top}")
    if len(words) == 3 and words[0] == "(" and words[2] == ")":
        raise NotationError(
            "a superscript in brackets can be read in two ways", above.span,
            expected="a subscript for a number of a layer or a sample, or a power without brackets",
        )  # fmt: skip


def degree(reading: Reading) -> int | None:
    r"""The degree of a root, ``\sqrt[3]{x}``."""
    opening = reading.token
    if not reading.accept("["):
        return None
    token = reading.take()
    if token.kind != "number" or not token.text.isdigit() or not 2 <= int(token.text) <= 100:
        raise NotationError("this is not the degree of a root", token.span, expected="an integer from 2 to 100")
    reading.expect("]", opening)
    return int(token.text)
