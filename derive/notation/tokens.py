"""Text to tokens: the closed alphabet of the notation.

Every token knows its place in code points.  Names are letters, digits, ``_`` and accents, in
Unicode's composed form (NFC); subscript digits and letters are another way to write them, so
``w₁`` is the name ``w1``, as it is to Python.  Letters that only look like others (mathematical
bold, full-width, ..) are refused rather than folded.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from chainrule.derive.errors import LimitError, NotationError, Span

Kind = Literal[
    "number", "name", "text", "operator", "superscript", "subscript", "method", "separator", "end", "command"
]

#: A name in a text that was printed.
WORD = re.compile(r"[^\W\d]\w*")
#: Characters that a statement may have, unless the caller says otherwise.
MAX_CHARACTERS = 4096
#: Statements of this length that a text may have: a program of many layers is long, not deep.
MAX_STATEMENTS = 16
#: Characters that a name may have.
MAX_NAME = 64
#: Digits that a number may have.
MAX_DIGITS = 40

SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿⁱᵏᵐᵈᵖ", "0123456789-+nikmdp", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789aehijklmnoprstuvx", strict=True))
#: Variants of Greek letters that mean the letter itself, folded as Python folds them.
GREEK_VARIANTS = dict(zip("ϐϑϕϖϰϱϵµ", "βθφπκρεμ", strict=True))
#: Signs that are another way to write an operator.
SAME_OPERATOR = {
    "−": "-", "·": "*", "⋅": "*", "∙": "*", "×": "*", "∗": "*", "⊙": "*", "∘": "*", "÷": "/",
    "≤": "<=", "≥": ">=", "≠": "!=", "′": "'", "’": "'", "ᵀ": "'",
    ".*": "*", "./": "/", ".^": "**", ".**": "**", "^": "**", ".'": "'",
}  # fmt: skip
OPERATORS = (
    "...", ".**", ".*", "./", ".^", ".'", "**", "==", "!=", "<=", ">=",
    *"+-*/@^()[]{},:=<>|√‖'−·⋅∙×∗⊙∘÷≤≥≠′’ᵀ∂",
)  # fmt: skip
#: Signs that write a sum or a product over indices; the letter Π does so only with indices under it.
SIGNS = {"Σ": "sum", "∑": "sum", "∏": "prod", "Π": "prod"}
#: What may stand among the letters under a sign, as in ``Σᵢ₌₁``.
SMALL_OPERATORS = dict(zip("₌₊₋", "=+-", strict=True))

_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_METHOD = re.compile(r"\.([A-Za-z_][A-Za-z_0-9]*)")
_FOREIGN_NUMBER = re.compile(
    r"0[xXbBoO][0-9a-fA-F]|[0-9.]+_|[0-9.]+[jJ](?!\w)|[0-9.]+[eE](?!\w|[+-][0-9])"
    r"|[0-9]+\.(?![eE][+-]?[0-9])[A-Za-z_]"
)
_ADVICE = {
    "&": "conditions are nested: where(a > 0, where(b > 0, x, y), y)",
    "\\": "this is LaTeX, which is not read in the notation of text: write X.T @ w, exp(x), sum(x)",
    "$": "this is LaTeX, which is not read in the notation of text: write X.T @ w, exp(x), sum(x)",
    "!": "the factorial of x is gamma(x + 1)",
    "%": "a percentage is written 0.05",
    "∈": "a declaration is written X: real[n, d]",
    "∞": "only finite numbers are read",
    "⊤": "the transpose is written X.T or X'",
    "ℝ": "a declaration is written X: real[n, d]",
}


@dataclass(frozen=True)
class Token:
    """One word of a formula.

    Attributes:
        kind: what sort of word.
        text: its canonical spelling: the folded name, the plain operator.
        span: where it stands.
        spaced: whether white space stands before it.
    """

    kind: Kind
    text: str
    span: Span
    spaced: bool = False

    def is_(self, *texts: str) -> bool:
        """Whether this is one of these operators."""
        return self.kind == "operator" and self.text in texts

    @property
    def shown(self) -> str:
        """The token as error messages name it."""
        names = {"end": "the end of the formula", "separator": "the end of the statement"}
        return names.get(self.kind, f"'{self.span.excerpt}'")

    @property
    def ends_operand(self) -> bool:
        """Whether an operand may end with this token, so that a quote after it is a transpose."""
        return self.kind in {"number", "name", "superscript", "text"} or self.is_(")", "]", "'", "|", "‖", ".T")


def canonical_name(text: str) -> str:
    """The one spelling of a name: composed accents, plain digits for subscripts.

    >>> canonical_name("w₁")
    'w1'
    """
    folded = "".join(SUBSCRIPTS.get(char, GREEK_VARIANTS.get(char, char)) for char in text)
    return unicodedata.normalize("NFC", folded)


def check_length(text: str, max_characters: int) -> None:
    """Refuse a statement, or a text of statements, that is too long."""
    whole = MAX_STATEMENTS * max_characters
    if len(text) > whole:
        raise LimitError(f"the formula has {len(text)} characters; the limit is {whole}", Span(text, whole, whole + 1))
    start = 0
    for statement in re.split("[;\n]", text) if len(text) > max_characters else ():
        if len(statement) > max_characters:
            raise LimitError(
                f"the statement has {len(statement)} characters; the limit is {max_characters}",
                Span(text, start + max_characters, start + max_characters + 1),
                hint="give parts of it names in statements of their own: name = expression",
            )
        start += len(statement) + 1


def tokenize(text: str, max_characters: int = MAX_CHARACTERS) -> list[Token]:
    """The tokens of a text, ended by an ``end`` token.

    Raises:
        LimitError: the text, a name or a number is too long.
        NotationError: a character has no meaning in a formula.
    """
    check_length(text, max_characters)
    return tokenize_part(text, 0, len(text))


def tokenize_part(text: str, start: int, end: int) -> list[Token]:
    """The tokens of a part of a text, ended by an ``end`` token; their places are those in the whole."""
    return _Scanner(text, start, end).tokens()


class _Scanner:
    """Walks over the text once; ``depth`` counts the open brackets, in which lines do not end."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.place, self.end, self.depth, self.spaced = text, start, end, 0, False
        self.found: list[Token] = []

    def tokens(self) -> list[Token]:
        while self.place < self.end:
            self.step(self.text[self.place])
        self.add("end", "", 0)
        return self.found

    def add(self, kind: Kind, text: str, length: int) -> None:
        span = Span(self.text, self.place, self.place + length)
        self.found.append(Token(kind, text, span, self.spaced))
        self.place += length
        self.spaced = False

    def step(self, char: str) -> None:
        if char == "#":
            end = self.text.find("\n", self.place)
            self.place = len(self.text) if end < 0 else end
        elif char in "\n\r;":
            self.separator(char)
        elif char == "\t" or unicodedata.category(char) == "Zs":
            self.place, self.spaced = self.place + 1, True
        elif (char.isascii() and char.isdigit()) or _NUMBER.match(self.text, self.place):
            self.number()
        elif char in SUPERSCRIPTS:
            self.superscript()
        elif char in SUBSCRIPTS:
            self.add("subscript", SUBSCRIPTS[char], 1)
        elif char in SIGNS or char == "_" or _is_letter(char):
            self.name()
        elif char == '"' or (char == "'" and not (self.found and self.found[-1].ends_operand)):
            self.quoted(char)
        else:
            self.operator(char)

    def separator(self, char: str) -> None:
        last = self.found[-1] if self.found else None
        unfinished = last is not None and last.is_("+", "-", "*", "/", "@", "**", "=", ",")
        if char != ";" and (self.depth > 0 or unfinished):
            self.place, self.spaced = self.place + 1, True
        else:
            self.add("separator", char, 1)

    def number(self) -> None:
        foreign = _FOREIGN_NUMBER.match(self.text, self.place)
        if foreign:
            raise NotationError(
                "this way to write a number is not known",
                Span(self.text, self.place, foreign.end()),
                expected="a decimal number such as 12, 0.5 or 1e-3",
                hint="a product with a name needs a sign or a space: 2*e",
            )
        match = _NUMBER.match(self.text, self.place)
        assert match is not None
        digits = sum(char.isdigit() for char in re.split("[eE]", match.group())[0])
        if digits > MAX_DIGITS:
            span = Span(self.text, self.place, match.end())
            raise LimitError(f"the number has {digits} digits; the limit is {MAX_DIGITS}", span)
        self.add("number", match.group(), len(match.group()))

    def superscript(self) -> None:
        end = self.place
        while end < len(self.text) and self.text[end] in SUPERSCRIPTS:
            end += 1
        plain = "".join(SUPERSCRIPTS[char] for char in self.text[self.place : end])
        self.add("superscript", plain, end - self.place)

    def name(self) -> None:
        end = self.place + 1
        while end < len(self.text) and (_continues_name(self.text[end]) or self.continues_subscript(end)):
            end += 1
        name = canonical_name(self.text[self.place : end])
        if len(name) > MAX_NAME:
            span = Span(self.text, self.place, end)
            raise LimitError(f"the name has {len(name)} characters; the limit is {MAX_NAME}", span)
        if name.startswith("__"):
            raise NotationError("names do not start with two underscores", Span(self.text, self.place, end))
        self.add("name", name, end - self.place)

    def continues_subscript(self, place: int) -> bool:
        """Whether a small sign stands in a subscript: ``Σᵢ₌₁``, ``xᵢ₊₁``."""
        around = self.text[place - 1], self.text[place + 1 : place + 2]
        return self.text[place] in SMALL_OPERATORS and all(char and char in SUBSCRIPTS for char in around)

    def quoted(self, quote: str) -> None:
        end = self.text.find(quote, self.place + 1)
        newline = self.text.find("\n", self.place)
        if end < 0 or 0 <= newline < end:
            raise NotationError(
                "the quotation does not end", Span(self.text, self.place, self.place + 1),
                expected=f"a closing {quote} on the same line",
                hint="quotes hold the subscripts of einsum; a transpose follows its operand directly: x'",
            )  # fmt: skip
        self.add("text", self.text[self.place + 1 : end], end + 1 - self.place)

    def operator(self, char: str) -> None:
        method = _METHOD.match(self.text, self.place)
        if method and method.group(1) == "T":
            return self.add("operator", ".T", 2)
        if method:
            return self.add("method", method.group(1), len(method.group()))
        for sign in OPERATORS:
            if self.text.startswith(sign, self.place):
                self.depth += (sign in "([{") - (sign in ")]}" and self.depth > 0)
                return self.add("operator", SAME_OPERATOR.get(sign, sign), len(sign))
        raise self.meaningless(char)

    def meaningless(self, char: str) -> NotationError:
        span = Span(self.text, self.place, self.place + 1)
        code = f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip()
        plain = unicodedata.normalize("NFKC", char)
        if plain != char and len(plain) == 1 and char not in _ADVICE:
            message = f"the character {code} only looks like '{plain}'"
            return NotationError(message, span, hint=f"type '{plain}' itself")
        return NotationError(
            f"the character {code} has no meaning in a formula", span, hint=_ADVICE.get(char, "")
        )


def _is_letter(char: str) -> bool:
    """A letter that is itself under every normalisation, or a variant of a Greek one."""
    if char.isascii():
        return char.isalpha()
    if char in GREEK_VARIANTS:
        return True
    composed = unicodedata.normalize("NFC", char)
    return unicodedata.category(char) in {"Lu", "Ll", "Lo"} and unicodedata.normalize("NFKC", char) == composed


def _continues_name(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char == "_"
    return char in SUBSCRIPTS or _is_letter(char) or unicodedata.category(char) == "Mn"
