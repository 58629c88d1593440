r"""Names as letters with accents and subscripts, which is what LaTeX shows of them.

``w_hat2`` shows as ``\hat{w}_2``.  Several names may show as one symbol (``W1`` and ``W_1``, ``lam``
and ``λ``): :func:`symbol_of` says as which, and :meth:`Symbol.name` is the name that a symbol gets
which no known name shows as.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from chainrule.derive.notation.latex.greek import GREEK
from chainrule.derive.notation.tokens import canonical_name

#: Usual spellings of Greek letters where the name is a keyword or long.
SPELLINGS = {"lam": "lambda", "lamda": "lambda", "eps": "epsilon"}
#: Endings of names that stand for an accent.
ENDINGS = frozenset(["bar", "hat", "tilde", "dot", "star"])
#: The combining character of each accent.
COMBINING = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
#: Combining characters and the accent that they are.
_ACCENT_OF = {**{char: accent for accent, char in COMBINING.items()}, "\u0305": "bar"}


@dataclass(frozen=True)
class Symbol:
    """A letter or word, its accents from the inside out, and its subscripts."""

    base: str
    accents: tuple[str, ...] = ()
    subscripts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the symbol in the notation of text: ``ŷ``, ``w1``, ``W_out``.

        >>> Symbol("y", ("hat",)).name, Symbol("W", (), ("1",)).name, Symbol("θ", ("star",), ("k",)).name
        ('ŷ', 'W1', 'θ_k_star')
        """
        text = self.base + "".join(COMBINING.get(accent, "") for accent in self.accents)
        for place, part in enumerate(self.subscripts):
            glued = place == 0 and part.isdigit() and not text[-1].isdigit()
            text += part if glued else f"_{part}"
        return canonical_name(text + "_star" * self.accents.count("star"))

    @property
    def plain(self) -> Symbol:
        """The symbol without its subscripts."""
        return Symbol(self.base, self.accents)


def letter(word: str) -> str:
    """A word as one letter if it is the name of a Greek one, else the word: ``lam`` is ``λ``."""
    return GREEK.get(SPELLINGS.get(word, word), word)


@lru_cache(maxsize=4096)
def symbol_of(name: str) -> Symbol:
    """As what a name shows.

    >>> symbol_of("lam"), symbol_of("z2_bar")
    (Symbol(base='λ', accents=(), subscripts=()), Symbol(base='z', accents=('bar',), subscripts=('2',)))
    """
    text, accents = _without_accents(unicodedata.normalize("NFD", canonical_name(name)))
    base, *parts = [part for part in text.split("_") if part] or [text]
    numbered = re.fullmatch(r"(\D+)(\d+)", base)
    if numbered:
        base, parts = numbered[1], [numbered[2], *parts]
    return Symbol(letter(base), accents, tuple(letter(part) for part in parts))


def _without_accents(name: str) -> tuple[str, tuple[str, ...]]:
    """The name without its accents, and these from the inside out."""
    inner = [_ACCENT_OF[char] for char in name if char in _ACCENT_OF]
    text = unicodedata.normalize("NFC", "".join(char for char in name if char not in _ACCENT_OF))
    outer: list[str] = []
    while True:
        head, _, tail = text.rpartition("_")
        glued = re.fullmatch(r"([A-Za-z]\d*)(bar|hat|tilde)", text)
        if head and tail in ENDINGS:
            text = head
        elif glued:
            text, tail = glued[1], glued[2]
        else:
            return text, (*inner, *reversed(outer))
        outer.append(tail)
