"""LaTeX of names: Greek letters, subscripts, hats and bars."""

from __future__ import annotations

import re
import unicodedata

GREEK = frozenset(
    [
        "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu",
        "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
        "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
    ]
)  # fmt: skip
#: Usual spellings where the Greek name is a keyword or has a variant.
SPELLINGS = {"lam": "lambda", "lamda": "lambda", "eps": "epsilon", "ell": "ell", "omicron": "o"}
#: Endings of names that stand for an accent.
ACCENTS = {"bar": "bar", "hat": "hat", "tilde": "tilde", "dot": "dot", "star": "star"}
#: Combining characters and the accent that they are.
COMBINING = {"\u0302": "hat", "\u0304": "bar", "\u0305": "bar", "\u0303": "tilde", "\u0307": "dot"}
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def latex_name(name: str) -> str:
    r"""A name in LaTeX: ``delta2`` is ``\delta_{2}``, ``z2_bar`` is ``\bar{z}_{2}``.

    Example:
        >>> print(latex_name("lam"), latex_name("w_hat"), latex_name("total"))
        \lambda \hat{w} \mathrm{total}
    """
    if name.endswith("'"):
        base = name.rstrip("'")
        return latex_name(base) + name.removeprefix(base)
    if "_given_" in name:
        return _conditional(name)
    text, accents = _without_accents(unicodedata.normalize("NFD", name.translate(SUBSCRIPTS)))
    base, *parts = [part for part in text.split("_") if part] or [text]
    letters = re.fullmatch(r"(\D+)(\d+)", base)
    if letters:
        base, parts = letters[1], [letters[2], *parts]
    core = _letters(base)
    for accent in accents:
        core = f"{core}^{{*}}" if accent == "star" else f"\\{accent}{{{core}}}"
    return core + (f"_{{{','.join(_subscript(part) for part in parts)}}}" if parts else "")


def _conditional(name: str) -> str:
    r"""``P_A_given_B`` is ``P(A \mid B)``."""
    (head, *events), (*conditions,) = (side.split("_") for side in name.split("_given_", 1))
    if not head or not events:
        return rf"\mathrm{{{name.replace('_', ' ')}}}"
    inner = [", ".join(map(latex_name, side)) for side in (events, conditions)]
    return rf"{latex_name(head)}\left({inner[0]} \mid {inner[1]}\right)"


def _without_accents(name: str) -> tuple[str, list[str]]:
    """The name without its accents, innermost accent first."""
    accents = [COMBINING[char] for char in name if char in COMBINING]
    text = unicodedata.normalize("NFC", "".join(char for char in name if char not in COMBINING))
    while True:
        head, _, tail = text.rpartition("_")
        if head and tail in ACCENTS:
            accents.append(ACCENTS[tail])
            text = head
            continue
        glued = re.fullmatch(r"([A-Za-z]\d*)(bar|hat|tilde)", text)
        if not glued:
            return text, accents
        accents.append(glued[2])
        text = glued[1]


def _letters(text: str) -> str:
    text = SPELLINGS.get(text, text)
    if text in GREEK or text == "ell":
        return f"\\{text}"
    if len(text) == 1:
        return _greek_character(text) or text
    return rf"\mathrm{{{text}}}"


def _subscript(text: str) -> str:
    return text if text.isdigit() else _letters(text)


def _greek_character(char: str) -> str:
    words = unicodedata.name(char, "").split()
    if words[:1] != ["GREEK"] or len(words) < 4:
        return ""
    name = words[3].lower().replace("lamda", "lambda")
    name = name.capitalize() if words[1] == "CAPITAL" else name
    return f"\\{name}" if name in GREEK else ""
