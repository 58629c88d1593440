r"""LaTeX to tokens.

Spacing and sizes vanish; signs get one spelling each, whether they are words (``\cdot``) or
characters (``·``).  Every token knows its place.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace

from chainrule.derive.errors import LimitError, NotationError, Span, UnsupportedError, near_names
from chainrule.derive.notation.latex.tables import (
    CHARACTERS,
    INVISIBLE,
    INVISIBLE_WITH_ARGUMENT,
    NOT_READ,
    PROSE,
    ROMAN,
    SIDES,
    SIGNS,
    words,
)
from chainrule.derive.notation.tokens import MAX_DIGITS, MAX_NAME, SUBSCRIPTS, SUPERSCRIPTS, Token

#: Words that begin and end formulas, and the word that ends what each begins.
MATHEMATICS = {"$": "$", "$$": "$$", "[": "]", "(": ")"}
#: Delimiters that have a side only by the word before them.
_SIDELESS = {"|": ("|(", "|)"), "‖": ("‖(", "‖)")}
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_EXPONENT = re.compile(r"[0-9.]+[eE][+-]?[0-9]+")
_WORD = re.compile(r"\\([A-Za-z]+\*?|.)", re.DOTALL)
_ARGUMENT = re.compile(r"\s*\{((?:[^{}\\$\n]|\\[_ ,;:!&%#\-])*)\}")
_BRACED = re.compile(r"\s*\{[^{}]*\}")


@dataclass(frozen=True)
class Place:
    """Where the lexer stands: its position, and the delimiters and braces that are open there."""

    at: int
    depth: int = 0
    closing: tuple[str, ...] = ()


class Lexer:
    """Walks over the text from one statement to the next."""

    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self.found: list[Token] = []
        self.spaced, self.side = False, ""
        self.depth = 0
        self.closing: list[str] = []

    # ---- one step --------------------------------------------------------------------------------

    def step(self) -> None:
        """Read what stands at the place."""
        char = self.text[self.place]
        if char in "%#":
            end = self.text.find("\n", self.place)
            self.place = len(self.text) if end < 0 else end
        elif char in "\n\r":
            self.line()
        elif char == ";" and self.depth == 0:
            self.add("separator", ";", 1)
        elif char in "\t~" or unicodedata.category(char) == "Zs":
            self.skip(1)
        elif char == "\\":
            self.word()
        elif char == "$":
            self.mathematics("$$" if self.text.startswith("$$", self.place) else "$", 0)
        elif _NUMBER.match(self.text, self.place):
            self.number()
        elif _is_letter(char):
            self.letter()
        else:
            self.operator(char)

    def add(self, kind: str, text: str, length: int) -> None:
        """Add a token of some length, and go behind it."""
        span = Span(self.text, self.place, self.place + length)
        self.found.append(Token(kind, text, span, self.spaced))  # type: ignore[arg-type]
        self.place += length
        self.spaced, self.side = False, ""

    def skip(self, length: int) -> None:
        """Go over something that only sets space."""
        self.place, self.spaced = self.place + length, True

    def span(self, length: int) -> Span:
        """The next characters."""
        return Span(self.text, self.place, self.place + length)

    # ---- kinds -----------------------------------------------------------------------------------

    def line(self) -> None:
        """The end of a line, which ends a statement only outside brackets and mathematics."""
        blank = re.compile(r"\s*\n\s*\n").match(self.text, self.place)
        if self.depth or self.closing:
            self.skip(1)
        else:
            self.add("separator", "\n\n" if blank else "\n", 1)

    def number(self) -> None:
        """A decimal number."""
        foreign = _EXPONENT.match(self.text, self.place)
        if foreign:
            raise NotationError(
                "this number can be read in two ways", self.span(len(foreign.group())),
                expected="1 \\cdot 10^{-3}, or 1 e - 3 with a name e", hint="a power of ten is written 10^{-3}",
            )  # fmt: skip
        match = _NUMBER.match(self.text, self.place)
        assert match is not None
        if sum(map(str.isdigit, match.group())) > MAX_DIGITS:
            raise LimitError(f"the number has more digits than the limit {MAX_DIGITS}", self.span(len(match.group())))
        self.add("number", match.group(), len(match.group()))

    def letter(self) -> None:
        """One letter with the accents on it."""
        end = self.place + 1
        while end < len(self.text) and unicodedata.category(self.text[end]) == "Mn":
            end += 1
        if end - self.place > MAX_NAME:
            raise LimitError(f"the letter has more accents than the limit {MAX_NAME}", self.span(end - self.place))
        self.add("name", unicodedata.normalize("NFC", self.text[self.place : end]), end - self.place)

    def operator(self, char: str) -> None:
        """A sign of one character, or of two such as ``:=``."""
        if self.text.startswith(":=", self.place):
            return self.add("operator", "=", 2)
        if char in "{([":
            self.depth += 1
        elif char in "})]" and self.depth:
            self.depth -= 1
        if char == ";" and self.depth:
            return self.add("operator", ";", 1)
        if char in "∑∏√":
            return self.add("command", {"∑": "sum", "∏": "prod", "√": "sqrt"}[char], 1)
        if char not in CHARACTERS and char not in ".;":
            raise self.meaningless(char)
        return self.add("operator", self.sided(CHARACTERS.get(char, char)), 1)

    def sided(self, sign: str) -> str:
        """A delimiter with the side that the word before it gives it."""
        if sign in _SIDELESS and self.side:
            return _SIDELESS[sign][self.side == "close"]
        return sign

    def meaningless(self, char: str) -> NotationError:
        """The error that a character means nothing."""
        code = f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip()
        hint = ""
        if char in SUPERSCRIPTS or char in SUBSCRIPTS:
            hint = "in LaTeX it is written x^{2} and x_{1}"
        elif char in "@":
            hint = "products are written side by side in LaTeX: X w"
        elif char in "'\"":
            hint = "text is written \\text{..}"
        return NotationError(f"the character {code} has no meaning in a LaTeX formula", self.span(1), hint=hint)

    # ---- words -----------------------------------------------------------------------------------

    def word(self) -> None:
        """A word with its backslash."""
        match = _WORD.match(self.text, self.place)
        if match is None:
            raise NotationError("a word is missing after this backslash", self.span(1))
        name, length = match.group(1), len(match.group())
        if name.endswith("*") and name[:-1] != "operatorname":
            name, length = name[:-1], length - 1
        if name in "[]()" and len(name) == 1:
            self.mathematics(name, 1)
        elif name in SIDES:
            self.skip(length)
            self.side = SIDES[name]
            self.invisible_delimiter()
        elif name in INVISIBLE or name.isspace():
            self.skip(length)
        elif name in INVISIBLE_WITH_ARGUMENT:
            braced = _BRACED.match(self.text, self.place + length)
            self.skip(length + (len(braced.group()) if braced else 0))
        elif name == "\\":
            self.row(length)
        elif name in SIGNS:
            self.sign(name, length)
        elif name.removesuffix("*") in ROMAN | PROSE or name == "texttt":
            self.roman(name, length)
        elif name in ("begin", "end"):
            self.environment(name, length)
        else:
            self.add("command", name, length)

    def row(self, length: int) -> None:
        """The end of a row, with the space that may be asked for after it."""
        extra = re.compile(r"\*?(?:\[[^\]\n]*\])?").match(self.text, self.place + length)
        assert extra is not None
        self.add("operator", "\\\\", length + len(extra.group()))

    def sign(self, name: str, length: int) -> None:
        """A word that is a sign; braces that are written count as brackets."""
        sign = SIGNS[name]
        if sign in ("{(", "[", "(", "⟨"):
            self.depth += 1
        elif sign in ("})", "]", ")", "⟩") and self.depth:
            self.depth -= 1
        self.add("operator", self.sided(sign), length)

    def invisible_delimiter(self) -> None:
        r"""``\right.``, which closes a brace that nothing else closes."""
        rest = re.compile(r"\s*\.").match(self.text, self.place)
        if rest:
            self.add("operator", "null", len(rest.group()))

    def roman(self, name: str, length: int) -> None:
        """A word in upright letters; its text becomes the token's."""
        argument = _ARGUMENT.match(self.text, self.place + length)
        if argument is None:
            raise NotationError(f"\\{name} needs a word in braces", self.span(length), expected=f"\\{name}{{word}}")
        words_ = re.sub(r"\\[,;:!]|\s+", " ", argument.group(1)).strip()
        length += len(argument.group())
        if name == "texttt":
            self.add("text", words_, length)
        else:
            self.add("command", f"{name.removesuffix('*')}:{words_}", length)

    def environment(self, name: str, length: int) -> None:
        r"""``\begin{..}`` and ``\end{..}``, inside which lines do not end."""
        match = re.compile(r"\s*\{([A-Za-z]+\*?)\}").match(self.text, self.place + length)
        if match is None:
            raise NotationError(f"\\{name} needs the name of an environment", self.span(length))
        self.depth = max(0, self.depth + (1 if name == "begin" else -1))
        self.add("command", f"{name}:{match.group(1)}", length + len(match.group()))

    def mathematics(self, sign: str, slash: int) -> None:
        """The beginning or the end of mathematics, at which a statement begins or ends."""
        length = len(sign) + slash
        if self.closing and self.closing[-1] == sign:
            self.closing.pop()
        elif sign in MATHEMATICS and not self.closing:
            self.closing.append(MATHEMATICS[sign])
        else:
            raise NotationError(
                "this sign neither begins nor ends a formula here", self.span(length),
                expected="; or the end" if not self.closing else f"the end of what began with it: {self.closing[-1]}",
            )  # fmt: skip
        self.depth = 0
        self.add("separator", "$", length)


def unknown_word(token: Token) -> NotationError | UnsupportedError:
    """The error that a word of LaTeX is not one that is read."""
    if token.text in NOT_READ:
        return UnsupportedError(f"\\{token.text} is not read", token.span, hint=NOT_READ[token.text])
    near = tuple(f"\\{word}" for word in near_names(token.text, words()))
    return NotationError(
        f"\\{token.text} is not read", token.span, near=near, hint="" if near else "docs/latex.md lists what is read"
    )


def ended(tokens: list[Token]) -> tuple[Token, ...]:
    """The tokens followed by an end that stands behind the last one."""
    last = tokens[-1].span
    return (*tokens, Token("end", "", replace(last, start=last.end, end=last.end)))


def _is_letter(char: str) -> bool:
    """A letter that is itself under every normalisation."""
    if char.isascii():
        return char.isalpha()
    return unicodedata.category(char) in {"Lu", "Ll", "Lo"} and (
        unicodedata.normalize("NFKC", char) == unicodedata.normalize("NFC", char)
    )
