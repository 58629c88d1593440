"""What can be seen of the sign and of the values of a polynomial over atoms."""

from __future__ import annotations

from collections.abc import Mapping

from chainrule.derive.normal.terms import Atom, Mono, Poly, atom_poly
from chainrule.derive.program import Input

DISCRETE_DOMAINS = {"binary", "pm1", "count", "integer", "onehot"}


def is_nonnegative(atom: Atom) -> bool:
    """Whether an atom cannot be negative."""
    if atom.kind == "sum":
        return nonnegative(atom.args[0])
    return atom.sign != "real"


def positive(poly: Poly) -> bool:
    """Whether a polynomial is seen to be positive: term by term."""
    return all(
        value > 0 and all(_positive_atom(atom) for atom, _ in factors) for factors, value in poly.terms.items()
    )


def _positive_atom(atom: Atom) -> bool:
    return atom.sign == "positive" or (atom.kind in {"power", "sum"} and positive(atom.args[0]))


def nonnegative(poly: Poly) -> bool:
    """Whether a polynomial is seen to be nonnegative: term by term."""
    return all(value > 0 and _mono_nonnegative(factors) for factors, value in poly.terms.items())


def _mono_nonnegative(factors: Mono) -> bool:
    odd = {atom for atom, power in factors if not is_nonnegative(atom) and power % 2}
    signs = {atom for atom in odd if atom.kind == "sign"}
    return {Atom("sign", args=(atom_poly(atom),)) for atom in odd - signs} == signs


def is_discrete(poly: Poly, inputs: Mapping[str, Input]) -> bool:
    """Whether a polynomial takes values from a discrete set, so that it may well be 0."""
    leaves = [a for a in poly.walk() if not a.args]
    return all(
        atom.kind in {"dim", "number", "position", "delta"}
        or (atom.kind in {"entry", "symmetric"} and inputs[atom.head].domain.name in DISCRETE_DOMAINS)
        for atom in leaves
    )
