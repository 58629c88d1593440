r"""LaTeX of function calls, such that the LaTeX reader finds the function again.

The signs ``\sigma``, ``\Phi``, ``\varphi``, ``\psi`` and ``e`` stand for functions only where no name of the
program shows as the same letter; there the function is written by its name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.notation.latex.greek import GREEK
from chainrule.derive.notation.latex.symbols import Symbol
from chainrule.derive.notation.latex.tables import APPLIED, function_name

_SIGN = re.compile(r"\\([A-Za-z]+)|(?<![A-Za-z\\])(e)\^")


def function_word(name: str) -> str:
    r"""A function by its name: ``\operatorname{log softmax}``."""
    return rf"\operatorname{{{name.replace('_', ' ')}}}"


def call_latex(entry: Elementwise, arguments: Sequence[str], letters: Set[Symbol]) -> str:
    """A call of an elementwise function; ``letters`` are the symbols that names show as."""
    missing = len(entry.args) - len(arguments)
    # Arguments that were left out have their usual values.
    usual = [str(value) for value in entry.defaults[len(entry.defaults) - missing :]] if missing else []
    if entry.latex and letters.isdisjoint(signs_of(entry.latex)):
        return entry.latex.format(*arguments, *usual)
    return rf"{function_word(entry.name)}\left({', '.join([*arguments, *usual])}\right)"


def signs_of(pattern: str) -> set[Symbol]:
    """The letters that stand for functions in a pattern of LaTeX."""
    found = {match.group(1) or match.group(2) for match in _SIGN.finditer(pattern)}
    return {Symbol(GREEK.get(word, word)) for word in found if word in APPLIED or word == "e"}


def takes_bracket(latex: str) -> bool:
    r"""Whether a name before a bracket would be read as a function: ``\sigma \left(..\right)``."""
    upright = re.fullmatch(r"\\mathrm\{(.*)\}", latex)
    return bool(function_name(upright[1])) if upright else latex.removeprefix("\\") in APPLIED
