"""The words of LaTeX that formulas are written in, as Unicode: one table for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.derive.notation.latex.greek import GREEK

#: Letters and other signs by their words.
NAMED = {
    **GREEK, "epsilon": "ϵ", "varepsilon": "ε", "phi": "ϕ", "varphi": "φ", "vartheta": "ϑ", "varrho": "ϱ",
    "ell": "ℓ", "partial": "∂", "nabla": "∇", "infty": "∞", "top": "⊤", "ldots": "…", "cdots": "⋯", "dots": "…",
    "ast": "∗", "star": "⋆", "dagger": "†", "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^",
    "emptyset": "∅", "textless": "<", "textgreater": ">", "textbar": "|",
}  # fmt: skip
_RELATIONS = {
    "in": "∈", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "to": "→", "Rightarrow": "⇒",
    "mid": "∣", "approx": "≈", "equiv": "≡", "sim": "∼", "mapsto": "↦", "succ": "≻", "succeq": "⪰",
    "leftarrow": "←", "perp": "⊥",
}  # fmt: skip
_BINARY = {
    "cdot": "⋅", "odot": "⊙", "oslash": "⊘", "otimes": "⊗", "times": "×", "wedge": "∧", "vee": "∨", "pm": "±",
    "circ": "∘", "bmod": "mod",
}  # fmt: skip
_BIG = {"sum": "∑", "prod": "∏", "int": "∫"}

#: Signs with what they are among their neighbours (see ``math_tree.Kind``); functions are words by themselves.
SIGNS: Mapping[str, tuple[str, Any]] = {
    **{f"\\{word}": (sign, "letter") for word, sign in NAMED.items()},
    **{f"\\{word}": (sign, "relation") for word, sign in _RELATIONS.items()},
    **{f"\\{word}": (sign, "binary") for word, sign in _BINARY.items()},
    **{f"\\{word}": (sign, "big") for word, sign in _BIG.items()},
    **{sign: (sign, "relation") for sign in "=<>:"},
    "+": ("+", "binary"), "-": ("−", "binary"), "*": ("∗", "binary"), "/": ("/", "letter"), "'": ("′", "letter"),
    ",": (",", "punctuation"), ";": (";", "punctuation"), r"\_": ("_", "letter"), r"\%": ("%", "letter"),
    r"\#": ("#", "letter"), r"\&": ("&", "letter"), r"\$": ("$", "letter"), "|": ("|", "letter"),
}  # fmt: skip

#: Brackets.
DELIMITERS = {
    "(": "(", ")": ")", "[": "[", "]": "]", r"\{": "{", r"\}": "}", "|": "|", r"\|": "‖", ".": "",
    r"\lVert": "‖", r"\rVert": "‖", r"\lvert": "|", r"\rvert": "|", r"\lfloor": "⌊", r"\rfloor": "⌋",
    r"\lceil": "⌈", r"\rceil": "⌉", r"\langle": "⟨", r"\rangle": "⟩",
}  # fmt: skip
#: Words that set the size of the bracket after them.
SIZES = frozenset(["big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr"])
#: Gaps, in em.
SPACES = {",": 0.17, ":": 0.22, ";": 0.28, "!": 0.0, " ": 0.33, "quad": 1.0, "qquad": 2.0}

#: Words that set a sign over what follows.
ACCENTS = {
    "overline": "¯", "bar": "¯", "widehat": "^", "hat": "^", "widetilde": "~", "tilde": "~", "dot": "˙", "ddot": "¨",
    "vec": "→",
}  # fmt: skip
#: Words whose argument is text, and what the text is.
UPRIGHT: Mapping[str, Any] = {
    "mathrm": "name", "mathsf": "name", "mathit": "name", "operatorname": "word", "text": "text", "textrm": "text",
    "texttt": "code", "mathtt": "code",
}  # fmt: skip
#: Words that take letters of another shape.
FONTS: Mapping[str, Mapping[str, str]] = {
    "mathbb": {"R": "ℝ", "N": "ℕ", "Z": "ℤ", "E": "𝔼", "1": "𝟙", "P": "ℙ", "S": "𝕊"},
    "mathbf": {"0": "𝟎", "1": "𝟏"},
    "boldsymbol": {},
    "mathcal": {"L": "ℒ", "N": "𝒩"},
}
#: Words that need no entry: they are shown as they are.
FUNCTIONS = frozenset([
    "log", "ln", "exp", "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "arcsin", "arccos",
    "arctan", "max", "min", "det", "arg", "lim", "sup", "inf",
])  # fmt: skip
