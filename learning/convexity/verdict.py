"""Convex with a proof, not convex with a witness, or undecided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from chainrule.derive.errors import ChainruleError, InputError, UnsupportedError
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import hessian, variables
from chainrule.derive.narrative.symbols import second_partial, shown
from chainrule.derive.program import Input
from chainrule.derive.render.page import Detail, Form, Line, Page, Section, Shown
from chainrule.derive.render.printed import Printed
from chainrule.derive.semidefinite import is_smooth, semidefinite
from chainrule.derive.steps import NOTHING_CHECKED, Checked
from chainrule.learning.convexity.calculus import Calculus
from chainrule.learning.convexity.constants import Constants, constants
from chainrule.learning.convexity.quasi import NAMES, kinds
from chainrule.learning.convexity.rules import ABBREVIATION, BOYD, BY_ID
from chainrule.learning.convexity.showing import (
    constants_dict,
    constants_section,
    quasi_section,
    statement_dict,
    witness_dict,
    witness_lines,
)
from chainrule.learning.convexity.witness import Witness, witness
from chainrule.learning.convexity.words import Statement, statements

SCHEMA = 1
Verdict = Literal["affine", "convex", "concave", "not convex", "undecided"]
#: Segments on which a proved verdict is tried out, and on which a witness is looked for.
TRIED, SEARCHED = 8, 80
#: The same for witnesses against quasi-convexity.
QUASI = 24


@dataclass(frozen=True)
class Convexity(Printed):
    """What is known of the curvature of a formula.

    Attributes:
        formula: the formula.
        wrt: the variables, together.
        verdict: affine, convex or concave with a proof; not convex with a witness; or undecided.
        proof: its lines, premises first.
        witness: the violated inequality of a formula that is not convex.
        alone: the verdict in each variable alone, where it is not convex in all of them.
        remarks: sentences at the end.
        constants: moduli of strong convexity and smoothness of a formula that is convex in one variable.
        quasi: that it is quasiconvex or quasiconcave, each with why, where it is not convex.
        against: witnesses against quasi-convexity and quasi-concavity.
    """

    formula: Formula
    wrt: tuple[str, ...]
    verdict: Verdict
    proof: tuple[Statement, ...] = ()
    witness: Witness | None = None
    alone: tuple[tuple[str, Verdict], ...] = ()
    remarks: tuple[str, ...] = ()
    constants: Constants | None = None
    quasi: Mapping[str, str] = field(default_factory=dict)
    against: Mapping[str, Witness] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether the formula is proved convex."""
        return self.verdict in ("affine", "convex")

    def formula_shown(self) -> Shown:
        """The formula."""
        return shown(self.formula.program, self.formula.output.name)

    def page(
        self, detail: Detail = "normal", checked: Checked = NOTHING_CHECKED, form: Form = "matrix"
    ) -> Page:
        """Verdict, proof and witness, for any renderer."""
        sections = []
        if self.proof:
            lines = tuple(Line(s.right, s.left, s.reason if detail != "brief" else ()) for s in self.proof)
            sections.append(Section("Proof", lines))
        if self.constants is not None:
            sections += constants_section(self.constants)
        if self.witness is not None:
            sections.append(Section("Witness", witness_lines(self.formula, self.witness)))
        sections += quasi_section(self.quasi, self.against, self.formula)
        name, variables = self.formula.output.name, " and ".join(self.wrt)
        title = Shown(f"{name} is {self.verdict} in {variables}", rf"\text{{{name} is {self.verdict} in {variables}}}")
        if self.verdict == "undecided":
            text = f"Whether {name} is convex in {variables} is undecided"
            title = Shown(text, rf"\text{{{text}}}")
        alone = [f"In {one} alone it is {verdict}." for one, verdict in self.alone]
        sources = [ABBREVIATION] if any(BOYD in BY_ID[line.rule].source for line in self.proof) else []
        return Page(title, tuple(sections), (*alone, *self.remarks, *sources))

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data."""
        found = self.witness
        return {
            "schema": SCHEMA,
            "formula": self.formula.matrix(),
            "wrt": list(self.wrt),
            "verdict": self.verdict,
            "proof": [statement_dict(statement) for statement in self.proof],
            "witness": None if found is None else witness_dict(found),
            "constants": None if self.constants is None else constants_dict(self.constants),
            "quasi": dict(self.quasi),
            "against_quasi": {kind: witness_dict(seen) for kind, seen in self.against.items()},
            "alone": dict(self.alone),
            "remarks": list(self.remarks),
        }

    def to_json(self) -> str:
        """The record as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)


def convex(f: str | Formula, wrt: str | Sequence[str] | None = None) -> Convexity:
    """Whether a scalar formula is convex in some of its inputs together, with a proof or a witness.

    The proof composes curvatures of the formula's parts; those of scalar functions follow from the signs of
    their derivatives.  A witness is two points of the domain and the violated inequality at their midpoint, in
    exact arithmetic.

    Raises:
        UnsupportedError: the formula is not scalar, or a variable's domain is no convex set.
        InputError: a variable is defined by the formula.

    Source: Boyd and Vandenberghe, Convex Optimization (2004), chapter 3.

    Example:
        >>> convex("X: real[n, d]; y: real[n]; w: real[d]; norm(X @ w - y)^2", "w").verdict
        'convex'
        >>> convex("x, y: real; x*y", "x, y").verdict
        'not convex'
    """
    f = as_formula(f)
    names = _checked(f, wrt)
    found = _decided(f, names)
    return found if found else _with_quasi(found)


def _decided(f: Formula, names: tuple[str, ...]) -> Convexity:
    """The verdict, with those in each variable alone where it is not convex."""
    found = _proved(f, names)
    if found is None:
        against = witness(f.program, names, segments=SEARCHED)
        kind: Verdict = "undecided" if against is None else "not convex"
        found = Convexity(f, names, kind, witness=against, remarks=_hint(kind))
    else:
        found = _with_constants(_tried(found))
    if len(names) > 1 and not found:
        alone = tuple((name, _decided(f, (name,)).verdict) for name in names)
        found = replace(found, alone=alone)
    return found


def _with_quasi(found: Convexity) -> Convexity:
    """A formula that is not convex, with what is seen of its sublevel and superlevel sets."""
    f = found.formula
    seen = dict(kinds(Calculus(f.program, found.wrt), f.output.name))
    if found.verdict == "concave":
        seen = seen if "quasiconvex" in seen else {}
    open_ = [] if found.verdict == "concave" else [kind for kind in NAMES.values() if kind not in seen]
    tried = ((kind, witness(f.program, found.wrt, kind, QUASI)) for kind in open_)
    against = {kind: item for kind, item in tried if item is not None}
    for kind in seen:
        assert witness(f.program, found.wrt, kind, QUASI) is None, f"{kind}: a rule is wrong"
    remarks = []
    if len(seen) == 2:
        remarks.append("It is quasilinear: both quasiconvex and quasiconcave.")
    if len(against) == 2:
        remarks.append("It is neither quasiconvex nor quasiconcave.")
    return replace(found, quasi=seen, against=against, remarks=(*found.remarks, *remarks))


def _hint(kind: Verdict) -> tuple[str, ...]:
    return ("Neither a proof nor a witness was found.",) if kind == "undecided" else ()


def _checked(f: Formula, wrt: str | Sequence[str] | None) -> tuple[str, ...]:
    """The variables, which must range over convex sets."""
    names = tuple(variables(f, [n.strip() for n in wrt.split(",")] if isinstance(wrt, str) else wrt))
    if f.shape:
        raise UnsupportedError("convexity is asked of a scalar formula", found=f"shape {f.shape}")
    for name in names:
        item = f.program.by_name[name]
        if not isinstance(item, Input):
            raise InputError(f"{name} is defined by the formula", expected="an input as the variable")
        domain = item.domain
        if domain.values or domain.integer or domain.name in ("invertible", "orthonormal"):
            raise UnsupportedError(
                f"{name} ranges over {domain.describe}, which is no convex set",
                hint=f"declare {name} as real to ask about all numbers",
            )
    return names


def _proved(f: Formula, names: tuple[str, ...]) -> Convexity | None:
    """The verdict that the rules of composition, or the form of the Hessian, prove."""
    calculus = Calculus(f.program, names)
    claim = calculus.definition(f.output.name)
    if claim is not None and claim.curvature:
        kind: Verdict = "affine" if claim.curvature == "constant" else claim.curvature
        return Convexity(f, names, kind, statements(f.program, claim, names))
    return _by_hessian(f, names)


def _with_constants(found: Convexity) -> Convexity:
    """A formula that is convex in one variable, with what its terms tell of the Hessian's eigenvalues."""
    if found.verdict != "convex":
        return found
    known = constants(found.formula, found.wrt)
    if known is None:
        return found
    told = ((known.strict, known.strict_rank, "strictly convex"), (known.coercive, known.coercive_rank, "coercive"))
    remarks = tuple(
        f"It is {what}." if holds else f"It is {what} where {rank} has full column rank."
        for holds, rank, what in told if holds or rank
    )  # fmt: skip
    return replace(found, constants=known, remarks=(*found.remarks, *remarks))


def _by_hessian(f: Formula, names: tuple[str, ...]) -> Convexity | None:
    """A Hessian by one variable that is a sum of squares by its form."""
    if len(names) > 1 or not is_smooth(f.differentiable, names[0]):
        return None
    try:
        found = hessian(f, names[0]).result[names[0]]
    except ChainruleError:
        return None
    if not semidefinite(found.program, found.output.name):
        return None
    rule = BY_ID["hessian-form"]
    reason = (f"positive semidefinite: {rule.says} ({rule.source}).",)
    left = (second_partial(f.output.name, names[0], names[0]),)
    line = Statement(left, shown(found.program, found.output.name), "convex", rule.id, reason, f.program)
    return Convexity(f, names, "convex", (line,))


def _tried(found: Convexity) -> Convexity:
    """A proved verdict, tried out at random points; a concave formula gets its witness against convexity.

    Raises:
        AssertionError: there is a witness against what was proved, so a rule is wrong.
    """
    refuted = {"convex": ["convex"], "concave": ["concave"], "affine": ["convex", "concave"]}[found.verdict]
    for against in refuted:
        assert witness(found.formula.program, found.wrt, against, TRIED) is None, f"{found.verdict}: a rule is wrong"
    if found.verdict != "concave":
        return found
    against_convex = witness(found.formula.program, found.wrt, "convex", SEARCHED)
    return Convexity(found.formula, found.wrt, found.verdict, found.proof, against_convex)
