"""Witnesses, constants and proofs as lines of a page, and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.formula import Formula
from chainrule.derive.narrative.symbols import named
from chainrule.derive.render.page import Line, Section, Shown
from chainrule.learning.convexity.constants import Constants
from chainrule.learning.convexity.witness import Witness
from chainrule.learning.convexity.words import Statement

#: Characters up to which an exact value is printed beside its decimals.
MAX_EXACT = 40


def witness_lines(f: Formula, found: Witness) -> tuple[Line, ...]:
    """A witness line by line: data, points, values, and the violated inequality."""
    lines = [_array_line(name, array) for name, array in found.data.items()]
    lines += [_array_line(f"{name}_{tag}", array) for tag, place in _places(found) for name, array in place.items()]
    name = f.output.name
    for tag, value in zip("abm", found.values, strict=True):
        lines.append(Line(_number(value), (Shown(f"{name}_{tag}", f"{named(name).latex}_{tag}"),)))
    relation, says = _relation(name, found.against)
    note = (f"positive: at the midpoint m the formula {says}, so it is not {found.against}.",)
    lines.append(Line(_number(found.gap), (relation,), note))
    return tuple(lines)


def _relation(name: str, against: str) -> tuple[Shown, str]:
    """The difference that is positive, and what that says."""
    if against in ("convex", "concave"):
        relation = Shown(f"{name}_m - ({name}_a + {name}_b)/2", rf"{name}_m - \tfrac12 ({name}_a + {name}_b)")
        return relation, f"lies {'above' if against == 'convex' else 'below'} its chord"
    if against == "quasiconvex":
        relation = Shown(f"{name}_m - max({name}_a, {name}_b)", rf"{name}_m - \max({name}_a, {name}_b)")
        return relation, "is larger than at both ends"
    relation = Shown(f"min({name}_a, {name}_b) - {name}_m", rf"\min({name}_a, {name}_b) - {name}_m")
    return relation, "is smaller than at both ends"


def quasi_section(found: Mapping[str, str], against: Mapping[str, Witness], f: Formula) -> list[Section]:
    """What is seen of quasi-convexity, each with its proof; a witness where there is none."""
    lines = tuple(Line(Shown(kind, rf"\text{{{kind}}}"), (), (f"{why}.",)) for kind, why in found.items())
    sections = [Section("Quasi-convexity", lines)] if lines else []
    if "quasiconvex" in against:
        sections.append(Section("Witness against quasi-convexity", witness_lines(f, against["quasiconvex"])))
    return sections


def constants_section(known: Constants) -> list[Section]:
    """Bounds of the eigenvalues of the Hessian, each with what it means."""
    lines = []
    if known.strong is not None:
        holds = "strongly convex" if known.certain else "strongly convex where this is positive"
        note = (f"{holds}: no eigenvalue of the Hessian is smaller (B&V, section 9.1.2).",)
        lines.append(Line(_formula_shown(known.strong), (Shown("mu", r"\mu"),), note))
    if known.smooth is not None:
        note = ("smooth: no eigenvalue of the Hessian is larger; a Lipschitz constant of the gradient.",)
        lines.append(Line(_formula_shown(known.smooth), (Shown("beta", r"\beta"),), note))
    return [Section("Constants", tuple(lines))] if lines else []


def _formula_shown(known: Formula) -> Shown:
    return Shown(known.matrix(), known.latex())


def constants_dict(known: Constants) -> dict[str, Any]:
    """The constants as plain data."""
    return {
        "strong": None if known.strong is None else known.strong.matrix(),
        "smooth": None if known.smooth is None else known.smooth.matrix(),
        "certain": known.certain,
        "strict": known.strict,
        "coercive": known.coercive,
        "strict_rank": known.strict_rank,
        "coercive_rank": known.coercive_rank,
    }


def _places(found: Witness) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return ("a", found.first), ("b", found.second), ("m", found.middle)


def _array_line(name: str, array: Any) -> Line:
    text = _array_text(array)
    latex = text if not np.asarray(array).shape else rf"\mathtt{{{text}}}"
    return Line(Shown(text, latex), (Shown(name, rf"\mathit{{{name}}}".replace("_", r"\_")),))


def _array_text(array: Any) -> str:
    return str(np.asarray(array).tolist())


def _number(value: Expr) -> Shown:
    """A number exactly where it is short, and in decimals."""
    decimals = str(sp.N(value, 8))
    exact = str(value)
    if value.is_Rational and len(exact) <= MAX_EXACT // 3:
        return Shown(exact, sp.latex(value))
    if len(exact) > MAX_EXACT:
        return Shown(decimals, decimals)
    return Shown(f"{exact} = {decimals}", rf"{sp.latex(value)} \approx {decimals}")


# ---- JSON ----------------------------------------------------------------------------------------------------


def statement_dict(statement: Statement) -> dict[str, Any]:
    """A line of a proof as plain data."""
    return {
        "left": [part.text for part in statement.left],
        "right": statement.right.text,
        "curvature": statement.curvature,
        "rule": statement.rule,
        "reason": "".join(part if isinstance(part, str) else part.text for part in statement.reason),
    }


def witness_dict(found: Witness) -> dict[str, Any]:
    """A witness as plain data, its numbers as texts that lose nothing."""
    return {
        "against": found.against,
        "sizes": {str(length): size for length, size in found.sizes.items()},
        "data": {name: _exact(array) for name, array in found.data.items()},
        "first": {name: _exact(array) for name, array in found.first.items()},
        "second": {name: _exact(array) for name, array in found.second.items()},
        "middle": {name: _exact(array) for name, array in found.middle.items()},
        "values": [str(value) for value in found.values],
        "gap": str(found.gap),
    }


def _exact(array: Any) -> Any:
    """Rational numbers as texts, which lose nothing."""
    return np.vectorize(str, otypes=[object])(np.asarray(array)).tolist() if np.asarray(array).shape else str(array)
