"""The words of LaTeX that are read, one table for each kind; no other word is.

Words are written without their backslash.
"""

from __future__ import annotations

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.catalog.tensor_functions import TENSOR_BY_NAME
from chainrule.derive.notation.latex.greek import GREEK
from chainrule.derive.notation.unavailable import UNAVAILABLE

#: Words and signs that only set space, size or style.
INVISIBLE = frozenset([
    ",", ":", ";", "!", " ", ">", "/", "quad", "qquad", "enspace", "enskip", "thinspace", "medspace", "thickspace",
    "negthinspace", "displaystyle", "textstyle", "scriptstyle", "limits", "nolimits", "nonumber", "notag", "mathstrut",
    "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr",
    "middle",
])  # fmt: skip
#: Of those, the words that make the delimiter after them an opening or a closing one.
SIDES = {
    **dict.fromkeys(("left", "bigl", "Bigl", "biggl", "Biggl"), "open"),
    **dict.fromkeys(("right", "bigr", "Bigr", "biggr", "Biggr"), "close"),
}
#: Words whose argument in braces only sets space or names the equation.
INVISIBLE_WITH_ARGUMENT = frozenset(["hspace", "vspace", "label", "tag", "phantom", "hphantom", "vphantom"])

#: Signs that are another way to write an operator, as the lexer names it.
SIGNS = {
    "cdot": "·", "bullet": "·", "ast": "∗", "times": "×", "odot": "⊙", "circ": "⊙", "oslash": "⊘", "otimes": "⊗",
    "div": "/", "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "ne": "!=",
    "neq": "!=", "lt": "<", "gt": ">", "coloneqq": "=", "triangleq": "=", "doteq": "=", "equiv": "=",
    "{": "{(", "}": "})", "lbrace": "{(", "rbrace": "})", "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")",
    "|": "‖", "Vert": "‖", "lVert": "‖(", "rVert": "‖)", "vert": "|", "lvert": "|(", "rvert": "|)",
    "langle": "⟨", "rangle": "⟩", "prime": "'", "colon": ":", "mid": "∣", "parallel": "∥",
}  # fmt: skip
#: Characters that are another way to write an operator.
CHARACTERS = {
    "−": "-", "·": "·", "⋅": "·", "×": "×", "*": "∗", "∗": "∗", "⊙": "⊙", "∘": "⊙", "⊘": "⊘", "⊗": "⊗", "÷": "/",
    "≤": "<=", "≥": ">=", "≠": "!=", "′": "'", "’": "'", "‖": "‖", "∥": "‖", "⟨": "⟨", "⟩": "⟩", "∣": "∣",
    **{sign: sign for sign in "+-/=<>()[]|,:!&^_{}'"},
}  # fmt: skip

#: Other words that are letters.
LETTERS = {**GREEK, "ell": "ell", "imath": "i", "jmath": "j"}
#: Words that put an accent on a letter, and the accent.
ACCENTS = {
    "hat": "hat", "widehat": "hat", "bar": "bar", "overline": "bar", "tilde": "tilde", "widetilde": "tilde",
    "dot": "dot",
}  # fmt: skip
#: Words that change the shape of letters, which does not change what they mean.
FONTS = frozenset([
    "mathbf", "boldsymbol", "bm", "pmb", "mathcal", "mathscr", "mathfrak", "vec", "symbf", "mathbb", "bf",
])  # fmt: skip
#: Words whose argument is text: a name of several letters, or the name of a function.
ROMAN = frozenset(["mathrm", "mathit", "mathtt", "operatorname", "mathsf"])
#: Words whose argument is text between formulas, or a name that is known.
PROSE = frozenset(["text", "textrm", "textit", "textsf", "mbox"])

#: Functions that LaTeX sets upright without brackets, and what they are in the notation.
OPERATORS = {
    "log": "log", "ln": "log", "exp": "exp", "sin": "sin", "cos": "cos", "tan": "tan", "arcsin": "arcsin",
    "arccos": "arccos", "arctan": "arctan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "coth": "coth",
    "sec": "sec", "csc": "csc", "cot": "cot", "lg": "log10", "det": "det", "max": "max", "min": "min",
}  # fmt: skip
#: Words that papers define for themselves, and the functions that they always are.
OWN_OPERATORS = {
    "tr": "trace", "Tr": "trace", "diag": "diag", "sign": "sign", "sgn": "sign", "softmax": "softmax",
    "sigmoid": "sigmoid", "softplus": "softplus", "relu": "relu", "ReLU": "relu", "erf": "erf", "mean": "mean",
    "vectorize": "vec",
}  # fmt: skip
#: Functions that the notation knows by another name, as papers write them.
FUNCTION_NAMES = {
    "ReLU": "relu", "ReLu": "relu", "GELU": "gelu", "SiLU": "silu", "ELU": "elu", "Swish": "silu",
    "LeakyReLU": "leaky_relu", "leakyrelu": "leaky_relu", "Tr": "trace", "Trace": "trace", "sgn": "sign",
    "Diag": "diag", "Softmax": "softmax", "SoftMax": "softmax", "Sigmoid": "sigmoid", "LSE": "logsumexp",
    "lse": "logsumexp", "Softplus": "softplus", "arsinh": "arcsinh", "arcosh": "arccosh", "artanh": "arctanh",
    "chol": "cholesky", "abs": "abs", "sech": "sech", "ln": "log", "lg": "log10", "Var": "var", "concat": "concat",
    "logsoftmax": "log_softmax", "sec": "sec", "csc": "csc", "cot": "cot", "coth": "coth",
}  # fmt: skip
#: Functions of one argument that are one over another function.
RECIPROCALS = {"sech": "cosh", "sec": "cos", "csc": "sin", "cot": "tan", "coth": "tanh"}
#: Greek letters that are functions where they are applied.
APPLIED = {"sigma": "sigmoid", "Phi": "normcdf", "varphi": "normpdf", "Gamma": "gamma", "psi": "digamma"}

#: Functions whose power may be taken to be one of the argument: ``\log(x)^2``.
PREFIXED = frozenset(OPERATORS.values()) - {"det"}  # det(A^k) is det(A)^k
#: Signs that reduce over index letters below them.
REDUCTIONS = {"sum": "sum", "prod": "prod", "max": "max", "min": "min"}

#: Superscripts that are transposes wherever they stand.
TRANSPOSES = frozenset(["top", "intercal", "mathsf:T", "mathrm:T", "text:T", "textsf:T", "mathit:T", "'"])

#: Environments whose rows are statements or parts of one.
ROWS = frozenset(["aligned", "align", "align*", "alignat", "alignedat", "split", "gather", "gather*", "gathered",
                  "equation", "equation*", "eqnarray", "eqnarray*", "multline", "multline*"])  # fmt: skip
#: Environments that write an array.
ARRAYS = frozenset(["matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "smallmatrix"])

#: Words that mean something that is not read, with what to do instead.
NOT_READ = {
    "partial": "derivatives are what is computed: write the function itself",
    "nabla": "derivatives are what is computed: write the function itself",
    "int": "integrals are not read", "iint": "integrals are not read", "oint": "integrals are not read",
    "lim": "limits are not read", "limsup": "limits are not read", "sup": "write the maximum: \\max_i",
    "inf": "write the minimum: \\min_i", **dict.fromkeys(("arg", "argmax", "argmin"), UNAVAILABLE["argmax"]),
    "cdots": "write the sum with its index: \\sum_{i=1}^n x_i",
    "ldots": "write the sum with its index: \\sum_{i=1}^n x_i",
    "dots": "write the sum with its index: \\sum_{i=1}^n x_i",
    "binom": "write it with gamma functions", "pm": "write both formulas",
    "mp": "write both formulas", "sim": "write the density", "propto": "write the whole formula with =",
    "approx": "write the formula with =", "mapsto": "write f(x) = ..", "to": "write f(x) = ..",
    "rightarrow": "write f(x) = ..", **dict.fromkeys(("bmod", "pmod", "lfloor", "lceil"), UNAVAILABLE["floor"]),
    "bigcup": "sets are not read", "cup": "sets are not read", "cap": "sets are not read", "forall": "write a sum",
    "star": "a name with a star is written w^{\\star}", "dagger": "the pseudo-inverse is written A^{\\dagger}",
    "top": "the transpose is written x^{\\top}",
}  # fmt: skip


def function_name(word: str) -> str:
    """What a function is called in the notation; empty for a word that is none."""
    plain = word.replace(" ", "_").replace("-", "_")
    found = FUNCTION_NAMES.get(plain, plain)
    return found if found in BY_NAME or found in TENSOR_BY_NAME or found in RECIPROCALS else ""


def words() -> frozenset[str]:
    """Every word that means something, for near misses."""
    tables = (INVISIBLE, INVISIBLE_WITH_ARGUMENT, SIGNS, LETTERS, ACCENTS, FONTS, ROMAN, OPERATORS, OWN_OPERATORS,
              ("frac", "dfrac", "tfrac", "sqrt", "sum", "prod", "begin", "end", "top", "mathbb", "texttt"))  # fmt: skip
    return frozenset(word for table in tables for word in table if word.isalpha())

#: Words that stand before a condition, and those for all other cases.
OTHERWISE = frozenset(["otherwise", "else", "elsewhere"])
CONDITION_WORDS = frozenset(["if", "for", "when", "where", "and", *OTHERWISE])
