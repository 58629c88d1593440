r"""LaTeX of names: Greek letters, subscripts, hats and bars.

A name shows as its symbol (see ``notation/latex/symbols.py``), unless the LaTeX reader would not find
the name again: because another name shows as the same symbol, or as an array that has such an
entry.  Then it is written as it is, upright: ``\mathrm{W\_1}``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from chainrule.derive.notation.latex.greek import GREEK
from chainrule.derive.notation.latex.names import roman
from chainrule.derive.notation.latex.symbols import Symbol, symbol_of
from chainrule.derive.program import Program

#: What the name of a quantity is preceded by where its differential is meant.
DIFFERENTIAL = "\u2146"
#: The word of each Greek letter.
_WORDS = {char: word for word, char in reversed(GREEK.items())}


def latex_name(name: str) -> str:
    r"""A name in LaTeX: ``delta2`` is ``\delta_{2}``, ``z2_bar`` is ``\bar{z}_{2}``.

    Example:
        >>> print(latex_name("lam"), latex_name("w_hat"), latex_name("total"))
        \lambda \hat{w} \mathrm{total}
    """
    if name.startswith(DIFFERENTIAL):
        return rf"\mathrm{{d}}{latex_name(name.removeprefix(DIFFERENTIAL))}"
    if name.endswith("'"):
        base = name.rstrip("'")
        return latex_name(base) + name.removeprefix(base)
    if "_given_" in name:
        return _conditional(name)
    symbol = symbol_of(name)
    core = _letters(symbol.base)
    for accent in symbol.accents:
        core = f"{core}^{{*}}" if accent == "star" else f"\\{accent}{{{core}}}"
    if not symbol.subscripts:
        return core
    return core + f"_{{{','.join(map(_subscript, symbol.subscripts))}}}"


def _conditional(name: str) -> str:
    r"""``P_A_given_B`` is ``P(A \mid B)``."""
    (head, *events), (*conditions,) = (side.split("_") for side in name.split("_given_", 1))
    if not head or not events:
        return rf"\mathrm{{{name.replace('_', ' ')}}}"
    inner = [", ".join(map(latex_name, side)) for side in (events, conditions)]
    return rf"{latex_name(head)}\left({inner[0]} \mid {inner[1]}\right)"


def latex_names(ranks: Mapping[str, int]) -> dict[str, str]:
    """The LaTeX of all names of a program, by which each is found again; ``ranks`` are their numbers of axes."""
    symbols = {name: symbol_of(name) for name in ranks}
    count = Counter(symbols.values())
    arrays = {symbol for name, symbol in symbols.items() if ranks[name] > 0}
    return {
        name: _exact(name) if count[symbol] > 1 or _is_entry(symbol, arrays) else latex_name(name)
        for name, symbol in symbols.items()
    }


def _exact(name: str) -> str:
    """A name exactly as it is, a differential behind its sign."""
    sign = r"\mathrm{d}" if name.startswith(DIFFERENTIAL) else ""
    return sign + roman(name.removeprefix(DIFFERENTIAL))


def shown_names(program: Program) -> frozenset[str]:
    """The names that printed forms of a program are written in."""
    named = (item.name for item in program.definitions if item.origin != "auto")
    return frozenset([*(item.name for item in program.inputs), *named])


def _is_entry(symbol: Symbol, arrays: set[Symbol]) -> bool:
    """Whether a symbol also shows an entry of an array."""
    return any(
        replace(symbol, subscripts=symbol.subscripts[:count]) in arrays
        and all(part.isdigit() or (len(part) == 1 and part.isascii()) for part in symbol.subscripts[count:])
        for count in range(len(symbol.subscripts))
    )


def _letters(text: str) -> str:
    if text in _WORDS:
        return f"\\{_WORDS[text]}"
    if text == "inf":
        return r"\infty"
    if text == "ell":
        return r"\ell"
    return text if len(text) == 1 and text != "_" else roman(text)


def _subscript(text: str) -> str:
    return text if text.isdigit() else _letters(text)
