"""Normal forms as text in index notation, for reports."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.normal.terms import Atom, Exponent, Mono, Offset, Place, Poly, Token, rank

_LETTERS = "ijklmnopqrstuvwxyz"
_SYMBOLS = {"zero": "[{} == 0]", "positive": "[{} > 0]"}

Names = Mapping[Token, str]


def text(poly: Poly) -> str:
    """A polynomial in index notation, indices called i, j, k .."""
    return _poly(poly, _named({}, sorted(poly.tokens, key=lambda token: token.name)))


def _named(names: Names, tokens: list[Token] | tuple[Token, ...]) -> Names:
    """Names for more indices, none of them taken."""
    free = (letter for letter in _LETTERS if letter not in names.values())
    return {**names, **{token: next(free, token.name) for token in tokens}}


def _poly(poly: Poly, names: Names) -> str:
    rows = sorted(poly.terms.items(), key=lambda row: (row[1] < 0, rank(row[0])))
    return " + ".join(_term(factors, value, names) for factors, value in rows).replace("+ -", "- ") or "0"


def _term(factors: Mono, value: Fraction, names: Names) -> str:
    parts = [_power(atom, power, names) for atom, power in sorted(factors, key=lambda f: f[0].order)]
    if not parts or abs(value) != 1:
        number = str(value) if value.denominator == 1 or not parts else f"({value})"
        return "*".join([number, *parts])
    return ("-" if value < 0 else "") + "*".join(parts)


def _power(atom: Atom, power: Exponent, names: Names) -> str:
    if power == 1:
        return _atom(atom, names)
    return f"{_atom(atom, names)}**{power if isinstance(power, int) and power > 0 else f'({power})'}"


def _place(place: Place, names: Names) -> str:
    if isinstance(place, Token):
        return names.get(place, place.name)
    return str(place.expr) if isinstance(place, Offset) else str(place)


def _atom(atom: Atom, names: Names) -> str:
    places = ",".join(_place(place, names) for place in atom.places)
    if atom.kind in MATRIX_FUNCTION_BY_NAME:
        inner = _named(names, atom.bound)
        row, column = (inner[token] for token in atom.bound)
        body = f"{atom.kind}({_poly(atom.args[0], inner)} over {row},{column})"
        return f"{body}[{places}]" if places else body
    if atom.bound:
        names = _named(names, atom.bound)
        over = ",".join(names[token] for token in atom.bound)
        return f"{atom.kind}_{over}({_poly(atom.args[0], names)})"
    args = ", ".join(_poly(arg, names) for arg in atom.args)
    if atom.kind == "power":
        return f"({args})"
    if atom.kind in {"delta", "position"}:
        return f"{atom.kind}({places})"
    if atom.kind in {"entry", "symmetric", "dim", "number"}:
        return f"{atom.head}[{places}]" if places else atom.head
    return _SYMBOLS.get(atom.head, f"{atom.head or atom.kind}({{}})").format(args)
