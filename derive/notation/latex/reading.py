"""A walk over tokens of LaTeX: arguments, groups, scripts, and what is open at a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Rational

from chainrule.derive.errors import LimitError, NotationError, Span
from chainrule.derive.notation.cursor import Cursor, number_value
from chainrule.derive.notation.latex.names import Names
from chainrule.derive.notation.latex.tables import FONTS, LETTERS
from chainrule.derive.notation.latex.tokens import unknown_word
from chainrule.derive.notation.postfix import MAX_DEPTH
from chainrule.derive.notation.syntax import ENTRYWISE, Node, Number
from chainrule.derive.notation.tokens import Token

#: How tightly operators bind.
RELATION, SUM, PRODUCT, SIGN = 10, 20, 30, 40
_OPENING = {"{": "}", "(": ")", "[": "]", "{(": "})", "⟨": "⟩"}


@dataclass(frozen=True)
class Group:
    """The tokens of an argument, the last of them an end."""

    tokens: tuple[Token, ...]
    span: Span

    @property
    def words(self) -> tuple[str, ...]:
        """What the tokens are, without the end."""
        return tuple(token.text for token in self.tokens[:-1])

    def parts(self, sign: str = ",") -> list[Group]:
        """The group cut at a sign that stands outside of brackets."""
        found: list[list[Token]] = [[]]
        level = 0
        for token in self.tokens[:-1]:
            level += token.is_(*_OPENING) - token.is_(*_OPENING.values())
            if level == 0 and token.is_(sign):
                found.append([])
            else:
                found[-1].append(token)
        return [group_of(part, self.span) for part in found]


@dataclass(frozen=True)
class Scripts:
    """What stands below and above an operand, and the number of its primes."""

    below: Group | None = None
    above: Group | None = None
    primes: int = 0

    def __bool__(self) -> bool:
        return self.below is not None or self.above is not None or self.primes > 0


def group_of(tokens: Sequence[Token], around: Span) -> Group:
    """The group of some tokens; ``around`` is where they stand if there are none."""
    start = tokens[0].span.start if tokens else around.start
    stop = tokens[-1].span.end if tokens else around.end
    end = Token("end", "", Span(around.text, stop, stop))
    return Group((*tokens, end), Span(around.text, start, stop))


class Reading(Cursor):
    """The place in a statement.

    Attributes:
        names: the names that are known, and what has been done with the others.
        letters: index letters that are open.
        open: the brackets and bars that the place lies in.
        conditions: how many conditions the place lies in, where ``=`` compares.
        bare: how many sums without an index the place lies in.
        entrywise: how many functions that reduce over all entries the place lies in.
        depth: how deeply it is nested.
    """

    def __init__(self, tokens: Sequence[Token], names: Names, letters: Sequence[str] = (), depth: int = 0) -> None:
        super().__init__(tokens)
        self.names, self.letters, self.depth = names, list(letters), depth
        self.open: list[str] = []
        self.conditions = self.bare = self.entrywise = 0

    # ---- what the parser reads ---------------------------------------------------------------------

    def expression(self, least: int = 0) -> Node:
        """An expression of operators that bind at least as tightly as ``least``."""
        raise NotImplementedError

    def atom(self) -> Node:
        """An operand with its scripts."""
        raise NotImplementedError

    @property
    def detail(self) -> str:
        """What signs for matrices note: that they may be meant entry by entry here."""
        return ENTRYWISE if self.bare or self.entrywise else ""

    def bracket(self) -> Node:
        """An expression in brackets."""
        opening = self.token
        if not self.accept("(", "[", "{("):
            raise NotationError("a bracket is missing", opening.span, expected="(..)", found=opening.shown)
        self.open.append(opening.text)
        node = self.expression()
        self.expect(_OPENING[opening.text], opening)
        self.open.pop()
        return node

    def starts_factor(self) -> bool:
        """Whether what stands here begins an operand."""
        raise NotImplementedError

    def inner(self, group: Group) -> Reading:
        """A reading of a group by itself, in the same place."""
        found = type(self)(group.tokens, self.names, self.letters, self.depth)
        found.conditions, found.bare, found.entrywise = self.conditions, self.bare, self.entrywise
        return found

    def whole(self, group: Group) -> Node:
        """The expression that a group is."""
        reading = self.inner(group)
        reading.deeper(1)
        node = reading.expression()
        reading.finish()
        return replace(node, span=group.span)

    # ---- walking -----------------------------------------------------------------------------------

    def deeper(self, levels: int) -> None:
        """Count levels of nesting."""
        self.depth += levels
        if self.depth > MAX_DEPTH:
            raise LimitError(
                f"the formula is nested more than {MAX_DEPTH} levels deep", self.token.span,
                hint="give inner parts names: name = expression",
            )  # fmt: skip

    def finish(self, expected: str = "an operator or the end") -> None:
        """Nothing may be left."""
        token = self.token
        if token.kind == "command" and ":" not in token.text:
            raise unknown_word(token)
        super().finish(expected)

    def is_command(self, *words: str) -> bool:
        """Whether one of these words stands here."""
        return self.token.kind == "command" and self.token.text in words

    def from_(self, start: Token) -> Span:
        """The span from a token to the end of the last token that was read."""
        return Span(start.span.text, start.span.start, max(self.tokens[self.at - 1].span.end, start.span.end))

    # ---- arguments ---------------------------------------------------------------------------------

    def group(self, owner: Token) -> Group:
        """The argument of a word or a script: what stands in braces, or one token."""
        token = self.token
        if token.is_("{"):
            self.take()
            tokens = self.until("}", token)
            return group_of(tokens, self.from_(token))
        if token.kind in {"end", "separator"} or token.is_("}", "&", "\\\\", "_", "^"):
            raise NotationError("an argument is missing", owner.span, expected=f"{owner.span.excerpt}{{..}}")
        if token.kind == "number" and len(token.text) > 1:
            first = f"{owner.span.excerpt}{token.text[0]} {token.text[1:]}"
            raise NotationError(
                "without braces, this can be read in two ways", token.span,
                expected=f"{owner.span.excerpt}{{{token.text}}} or {first}",
                hint="TeX takes the first digit only",
            )  # fmt: skip
        self.take()
        if token.kind == "command" and token.text in FONTS:
            return group_of([token, *self.group(token).tokens[:-1]], self.from_(token))
        return group_of([token], token.span)

    def until(self, closing: str, opening: Token) -> list[Token]:
        """The tokens up to a closing brace, which is stepped over."""
        found: list[Token] = []
        level = 1
        while True:
            token = self.take()
            if token.kind in {"end", "separator"}:
                raise missing(closing, token, opening)
            level += token.is_("{") - token.is_(closing)
            if level == 0:
                return found
            found.append(token)

    def argument(self, owner: Token) -> Node:
        r"""The expression that is the argument of a word such as ``\frac``."""
        token = self.token
        if token.kind == "number":
            return self.digit()
        if token.kind == "command" and token.text not in LETTERS:
            return self.atom()
        return self.whole(self.group(owner))

    def digit(self) -> Node:
        """The first digit of a number, as TeX takes it for an argument without braces."""
        token = self.token
        if len(token.text) == 1:
            self.take()
            return Number(number_value(token), span=token.span)
        if not token.text.isdigit():
            raise NotationError("a number with a point needs braces here", token.span, expected=f"{{{token.text}}}")
        first, rest = token.span.start, token.span.start + 1
        self.tokens[self.at] = Token("number", token.text[1:], Span(token.span.text, rest, token.span.end))
        return Number(Rational(int(token.text[0])), span=Span(token.span.text, first, rest))

    def scripts(self) -> Scripts:
        """What stands below and above the operand that has been read.

        Raises:
            NotationError: there are two scripts at one place.
        """
        below: Group | None = None
        above: Group | None = None
        primes = 0
        while self.token.is_("_", "^", "'"):
            token = self.take()
            if token.text == "'":
                primes += 1
                continue
            taken = below if token.text == "_" else above
            if taken is not None:
                raise NotationError(
                    f"there are two {'subscripts' if token.text == '_' else 'superscripts'} here", token.span,
                    also=(("the first", taken.span),), hint="put the operand and the first of them in braces",
                )  # fmt: skip
            group = self.group(token)
            below, above = (group, above) if token.text == "_" else (below, group)
        return Scripts(below, above, primes)


    def scripts_below(self) -> Group | None:
        """What stands below the operand that has been read, if what follows is that."""
        if not self.token.is_("_"):
            return None
        return self.group(self.take())


def missing(closing: str, found: Token, opening: Token) -> NotationError:
    """The error that a closing delimiter is missing."""
    sign = SHOWN.get(closing, closing)
    return NotationError(
        f"'{sign}' is missing", found.span, expected=f"'{sign}'", found=found.shown,
        also=(("opened here", opening.span),),
    )  # fmt: skip


#: Delimiters as they are written.
SHOWN = {"})": "\\}", "{(": "\\{", "|)": "\\rvert", "‖)": "\\rVert", "‖": "\\|", "⟩": "\\rangle", "null": "\\right."}
