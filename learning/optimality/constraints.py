"""Constraints as texts: ``A @ x = b``, ``x >= 0``, ``0 <= x <= 1``; what a declaration restricts counts as well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chainrule.derive.binding import declaration
from chainrule.derive.errors import InputError, UnknownNameError, UnsupportedError, near_names
from chainrule.derive.formula import Formula, formula
from chainrule.derive.program import Input, fresh_names
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.scalar import Curvature

Relation = Literal["=", "<="]
#: Relations as they are written; those with one sign more come first.
SIGNS = {"<=": "<=", "≤": "<=", ">=": ">=", "≥": ">=", r"\le": "<=", "==": "=", "=": "=", "<": "<", ">": ">"}
RELATION = re.compile("<=|>=|==|≤|≥|=|<|>")
#: Names of multipliers: of equations, and of inequalities.
MULTIPLIERS: dict[Relation, str] = {"=": "nu", "<=": "mu"}
#: Domains whose bounds are constraints; those of open domains are never reached.
BOUNDED = {"nonnegative": ("{0} >= 0",), "unit": ("{0} >= 0", "{0} <= 1"), "simplex": ("{0} >= 0", "sum({0}) = 1")}


@dataclass(frozen=True)
class Constraint:
    """``c = 0`` or ``c <= 0``.

    Attributes:
        text: the constraint as it is written.
        relation: an equation or an inequality.
        formula: ``c``, a formula of all inputs.
        multiplier: the input that stands for its multiplier, of the same shape.
    """

    text: str
    relation: Relation
    formula: Formula
    multiplier: Input

    @property
    def body(self) -> str:
        """``c`` as text."""
        return self.formula.matrix()

    @property
    def shown(self) -> str:
        """``c = 0`` or ``c <= 0``."""
        return f"{self.body} {self.relation} 0"

    @property
    def term(self) -> str:
        """What the constraint adds to the Lagrangian."""
        product = {0: "{0}*({1})", 1: "{0} @ ({1})"}.get(len(self.formula.shape), "sum({0}*({1}))")
        return product.format(self.multiplier.name, self.body)

    def curvature(self, names: Sequence[str]) -> Curvature:
        """The curvature of every entry of ``c`` in some variables; ``""`` if it is not known."""
        claim = Calculus(self.formula.program, tuple(names)).definition(self.formula.output.name)
        return "" if claim is None else claim.curvature


def constraints(f: Formula, names: Sequence[str], texts: Sequence[str]) -> tuple[Constraint, ...]:
    """The constraints on some inputs of a formula, with names for their multipliers."""
    given = [part for text in texts for part in _parts(text)]
    taken = {item.name for item in f.inputs} | {item.name for item in f.program.definitions}
    found: list[Constraint] = []
    for text, left, relation, right in given:
        c = _difference(f, left, right, text)
        name = next(fresh_names(taken, MULTIPLIERS[relation]))
        taken.add(name)
        multiplier = formula(f"{name}: {'real' if relation == '=' else 'nonnegative'}{_shape(c)}; {name}").inputs[0]
        found.append(Constraint(text.strip(), relation, c, multiplier))
    _check(found, names)
    return tuple(found)


def implied(f: Formula, names: Sequence[str]) -> Iterator[str]:
    """The constraints that the domains of the variables are."""
    for name in names:
        item = f.program.by_name[name]
        if isinstance(item, Input) and item.domain.name in BOUNDED:
            if item.domain.sums_to_one and len(item.shape) != 1:
                raise UnsupportedError(f"{name} is an array of several rows that sum to one",
                                       hint=f"declare {name} as real and write sum({name}, axis=1) = 1")  # fmt: skip
            yield from (text.format(name) for text in BOUNDED[item.domain.name])


def _parts(text: str) -> Iterator[tuple[str, str, Relation, str]]:
    """Every relation in a text: it alone, and both sides so that ``left - right`` is at most zero."""
    pieces, signs = _split(text)
    if not signs or not all(piece.strip() for piece in pieces):
        raise InputError("a constraint compares two sides", expected='such as "sum(x) = 1" or "x >= 0"', found=text)
    for left, sign, right in zip(pieces, signs, pieces[1:], strict=False):
        if sign in "<>":
            raise InputError(
                f"the strict inequality {text.strip()!r} has no multiplier: its boundary does not belong to it",
                expected="<=, >= or =", hint=f"write {sign}=, or declare the variable positive",
            )  # fmt: skip
        alone = f"{left.strip()} {sign} {right.strip()}"
        if sign == ">=":
            left, right = right, left
        yield alone, left.strip(), "=" if sign == "=" else "<=", right.strip()


def _split(text: str) -> tuple[list[str], list[str]]:
    """The parts between relations outside of brackets."""
    pieces, signs, start = list[str](), list[str](), 0
    for match in RELATION.finditer(text):
        before = text[: match.start()]
        if sum(map(before.count, "([")) == sum(map(before.count, ")]")):
            pieces.append(text[start : match.start()])
            signs.append(SIGNS[match.group()])
            start = match.end()
    return [*pieces, text[start:]], signs


def _difference(f: Formula, left: str, right: str, text: str) -> Formula:
    """``left - right`` as a formula of the same inputs."""
    declared = "; ".join(map(declaration, f.inputs))
    lines = _statements(f)
    zero = right.strip() in ("0", "0.0")
    body = left if zero else f"({left}) - ({right})" if not _is_plain(right) else f"{left} - {right}"
    try:
        found = formula("; ".join([declared, *lines, body if left.strip() not in ("0", "0.0") else f"-({right})"]))
    except UnknownNameError as error:
        raise InputError(f"the constraint {text.strip()!r} cannot be read: {error.message}",
                         expected="the inputs of the objective; data that only a constraint has are declared there",
                         near=error.near) from error  # fmt: skip
    known = {item.name for item in f.inputs}
    unknown = [item.name for item in found.inputs if item.name not in known]
    if unknown:
        raise InputError(f"{unknown[0]} in the constraint {text.strip()!r} is not declared",
                         expected=", ".join(sorted(known)), near=near_names(unknown[0], known),
                         hint="declare with the objective what only constraints need")  # fmt: skip
    return found


def _is_plain(text: str) -> bool:
    return bool(re.fullmatch(r"\w+|[0-9.]+", text.strip()))


def _statements(f: Formula) -> list[str]:
    """The named parts of a formula as statements."""
    return [f"{name} = {text}" for name, text in f.parts()]


def _shape(c: Formula) -> str:
    return f"[{', '.join(map(str, c.shape))}]" if c.shape else ""


def _check(found: Sequence[Constraint], names: Sequence[str]) -> None:
    for item in found:
        if not any(_reads(item.formula, name) for name in names):
            raise InputError(f"the constraint {item.text!r} does not depend on {', '.join(names)}")


def _reads(c: Formula, name: str) -> bool:
    """Whether a formula depends on an input."""
    wanted = {c.output.name}
    for item in reversed(c.program.definitions):
        if item.name in wanted:
            wanted |= item.reads
    return name in wanted
