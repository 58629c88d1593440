"""How index notation looks as text and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.forms.latex_functions import call_latex, function_word, takes_bracket
from chainrule.derive.forms.latex_names import latex_name, latex_names, shown_names
from chainrule.derive.notation.latex.symbols import symbol_of
from chainrule.derive.program import Program


@dataclass(frozen=True)
class Style:
    """How the pieces of index notation look.

    Attributes:
        first: the subscript of the first entry of an axis.
        name: a name.
        entry: a name or, in parentheses, an expression with subscripts.
        product: two factors side by side.
        quotient: numerator and denominator, both as products; whether the denominator is a product.
        power: base and exponent; whether the base is a call of a function.
        root: a square root.
        parentheses: around a text.
        reduction: kind, index, its last value, whether the body shows the range, and the index that it is not, if
            there is one; to be followed by the body.
        function: name and arguments of a function of the catalogue.
        choice: condition, value and other value.
        comparison: the relations, and how two of them are joined.
        delta: the two indices of a unit matrix.
        whole_quotient: dividend and divisor of a quotient that is rounded down.
        remainder: dividend and divisor.
        slope: what is differentiated, in parentheses unless it is an entry, and by which entry.
        defaults: whether arguments with their usual values are left out.
    """

    first: int
    name: Callable[[str], str]
    entry: Callable[[str, Sequence[str]], str]
    product: Callable[[str, str], str]
    quotient: Callable[[str, str, bool], str]
    power: Callable[[str, str, bool], str]
    root: Callable[[str], str]
    parentheses: Callable[[str], str]
    reduction: Callable[[str, str, str, bool, str], str]
    function: Callable[[str, Sequence[str]], str]
    choice: Callable[[str, str, str], str]
    comparison: Mapping[str, str]
    delta: Callable[[str, str], str]
    whole_quotient: Callable[[str, str], str]
    remainder: Callable[[str, str], str]
    slope: Callable[[str, str], str]
    defaults: bool


TEXT = Style(
    first=0,
    name=lambda name: name,
    entry=lambda name, indices: f"{name}[{','.join(indices)}]",
    product=lambda left, right: f"{left} {right}",
    quotient=lambda upper, lower, several: f"{upper}/({lower})" if several else f"{upper}/{lower}",
    power=lambda base, exponent, called: f"{base}^{exponent if exponent.isalnum() else f'({exponent})'}",
    root=lambda inner: f"sqrt({inner})",
    parentheses=lambda inner: f"({inner})",
    reduction=lambda kind, index, last, clear, apart: (
        f"{kind}_{{{index} != {apart}}} " if apart else f"{kind}_{index} " if clear else
        f"{kind}_{{{index}=0}}^{{{last}}} "
    ),
    function=lambda name, args: f"{name}({', '.join(args)})",
    choice=lambda condition, chosen, other: f"where({condition}, {chosen}, {other})",
    comparison={operator: operator for operator in ("<", "<=", ">", ">=", "==", "!=", "and")},
    delta=lambda left, right: f"delta[{left},{right}]",
    whole_quotient=lambda upper, lower: f"{upper} // {lower}",
    remainder=lambda upper, lower: f"{upper} % {lower}",
    slope=lambda body, variable: f"d{body}/d{variable}",
    defaults=True,
)  # fmt: skip


def latex_style(program: Program) -> Style:
    """The style of LaTeX, in which every name of the program is found again; entries count from 1."""
    ranks = {name: program.ranks[name] for name in shown_names(program)}
    names = latex_names({**ranks, **{length.name: 0 for length in program.dims}})
    letters = {symbol_of(name) for name in names}

    def name_latex(name: str) -> str:
        return names.get(name) or latex_name(name)

    def entry(base: str, indices: Sequence[str]) -> str:
        known = base in program.by_name
        text = name_latex(base) if known else base
        simple = known and "_" not in text
        inner = "".join(indices) if all(len(index) == 1 and index.isalpha() for index in indices) else ",".join(indices)
        return f"{text if simple else _parentheses(text)}_{{{inner}}}"

    def function(name: str, args: Sequence[str]) -> str:
        found = next((entry for entry in BY_FUNCTION.values() if entry.name == name), None)
        if found is None:
            return rf"{function_word(name)}\left({', '.join(args)}\right)"
        return call_latex(found, args, letters)

    return Style(
        first=1, name=name_latex, entry=entry, product=_product,
        quotient=lambda upper, lower, several: rf"\frac{{{_bare(upper)}}}{{{_bare(lower)}}}", power=latex_power,
        root=lambda inner: rf"\sqrt{{{inner}}}", parentheses=_parentheses, reduction=_reduction, function=function,
        choice=lambda condition, chosen, other: (
            rf"\begin{{cases}} {chosen} & {condition} \\ {other} & \text{{otherwise}} \end{{cases}}"
        ),
        comparison={"<": "<", "<=": r"\le", ">": ">", ">=": r"\ge", "==": "=", "!=": r"\ne", "and": r"\wedge"},
        delta=_delta, defaults=False,
        whole_quotient=lambda upper, lower: rf"\left\lfloor \frac{{{upper}}}{{{lower}}} \right\rfloor",
        remainder=lambda upper, lower: rf"{upper} \bmod {lower}",
        slope=lambda body, variable: rf"\frac{{\partial}}{{\partial {variable}}} {body}",
    )  # fmt: skip


def latex_power(base: str, exponent: str, called: bool) -> str:
    """A power; what would be read as part of a function or as another sign is told apart."""
    if called or base == "e":
        base = _parentheses(base)
    return f"{base}^{{{'+' if exponent in ('T', 'H') else ''}{exponent}}}"


def _parentheses(inner: str) -> str:
    return rf"\left({inner}\right)"


def _product(left: str, right: str) -> str:
    """Factors side by side; an operator sign brings its own space."""
    if right.startswith(("\\sum", "\\prod")):
        return f"{left} {right}"
    last = left.rpartition(" ")[2]
    dot = right.startswith(r"\left(") and takes_bracket(last)
    return rf"{left} \cdot {right}" if dot else rf"{left} \, {right}"


def _reduction(kind: str, index: str, last: str, clear: bool, apart: str) -> str:
    if apart:
        return rf"\{kind}_{{{index} \ne {apart}}} "
    if kind in ("sum", "prod"):
        return rf"\{kind}_{{{index}=1}}^{{{last}}} "
    operator = rf"\{kind}" if kind in ("max", "min") else function_word(kind)
    below = index if clear else rf"1 \le {index} \le {last}"
    return f"{operator}_{{{below}}} "


def _delta(left: str, right: str) -> str:
    comma = "" if len(left + right) == 2 and (left + right).isalpha() else ","
    return rf"\delta_{{{left}{comma}{right}}}"


def _bare(latex: str) -> str:
    """A side of a fraction without parentheses around all of it."""
    inner = latex.removeprefix(r"\left(").removesuffix(r"\right)")
    if len(inner) != len(latex) - len(r"\left(\right)"):
        return latex
    depth = 0
    for word in re.findall(r"\\(left|right)(?![A-Za-z])", inner):
        depth += 1 if word == "left" else -1
        if depth < 0:
            return latex
    return inner
