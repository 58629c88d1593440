"""Fisher information outside exponential families: expected products of scores in a standardised variable.

    I_jk = E[s_j s_k],  s_j = d log p(x | theta) / d theta_j,

where the support does not depend on the parameters.  The scores are written in a variable that has a gamma or a
beta distribution, of which expectations of powers and logarithms are derivatives of gamma functions.

Source: Lehmann and Casella, Theory of Point Estimation (1998), eq. 2.5.8 and 2.5.11 (information), section 2.5.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.derive.goals import gradient
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.program import Program
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.family import family
from chainrule.learning.probability.family_moments import family_information
from chainrule.learning.probability.integrals import at_rows, expectation, is_discrete, is_scalar
from chainrule.learning.probability.likelihood import LOG_DENSITY, given, remarks, title
from chainrule.learning.probability.location_scale import location_scale
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.pivots import (
    PARTS,
    REST,
    SIDE,
    Pivot,
    U,
    elementary,
    in_standard,
    moment,
    monomials,
    normaliser,
    pivots,
    scalar_log_density,
    written,
)  # fmt: skip
from chainrule.learning.probability.points import agreement, number, point, possible, slope
from chainrule.learning.probability.scores import expected_scores, refuse_irregular, refuse_moving_support
from chainrule.learning.probability.telling import Teller, expected, information_symbol

#: Points at which the conditions of the expectations are looked for.
SEEDS, MARGIN = 12, 0.3


@dataclass(frozen=True)
class Standard:
    """The scores in a standardised variable, and the information that follows.

    Attributes:
        m: the distribution.
        p: the standardised variable.
        scores: the score of every parameter, in the observation.
        terms: for every pair of parameters, coefficients and powers of the expected product.
        information: their expectations.
        exists: what must be positive for every expectation to exist on its own.
    """

    m: Model
    p: Pivot
    scores: tuple[Expr, ...]
    terms: dict[tuple[int, int], list[Any]]
    information: dict[tuple[int, int], Expr]
    exists: tuple[Expr, ...]


def fisher_information(m: Model) -> Explanation:
    """The Fisher information of one observation: from the log-partition, or from products of scores.

    Raises:
        UnsupportedError: the support depends on a parameter, or no form is found.
    """
    refuse_moving_support(m)
    try:
        return family_information(family(m))
    except UnsupportedError:
        if not is_scalar(m) or any(item.shape for item in m.density.inputs):
            raise
    refuse_irregular(m)
    found = None if is_discrete(m) else standardised(m)
    if found is not None:
        return _explained(found)
    reduced = None if is_discrete(m) else location_scale(m)
    if reduced is None:
        raise UnsupportedError(
            "no closed form of the Fisher information is found: this is no exponential family with as many statistics "
            "as parameters, and no part of the log-density has a gamma or a beta distribution",
            hint="its value at given parameters is computed: --at NAME=NUMBER or chainrule.fisher_matrix",
        )  # fmt: skip
    return reduced


def standardised(m: Model) -> Standard | None:
    """The information from the first standardised variable in which all products of scores are sums of monomials."""
    body = elementary(scalar_log_density(m))
    slopes = tuple(sp.diff(body, m.density.program.by_name[name].head) for name in m.parameters)
    pairs = [(i, j) for i in range(len(slopes)) for j in range(i + 1)]
    for p in pivots(m):
        there = [in_standard(s.xreplace({m.variable.head: p.inverse}), p.beta) for s in slopes]
        terms = {pair: monomials(there[pair[0]] * there[pair[1]], p.beta) for pair in pairs}
        if all(found is not None for found in terms.values()):
            return _integrated(m, p, tuple(there), terms)
    return None


def _integrated(m: Model, p: Pivot, scores: tuple[Expr, ...], terms: Any) -> Standard:
    exists: dict[Expr, None] = {}
    information = {}
    for pair, found in terms.items():
        kept = [(factor, powers) for factor, powers in found if not factor.has(SIDE)]
        for _, powers in kept:
            needed = [p.first + powers[0], *([p.second + powers[1]] if p.beta else [])]
            exists |= dict.fromkeys(sp.expand(part) for part in needed if not part.is_positive)
        terms[pair] = kept
        information[pair] = written(sum((c * moment(p, powers) for c, powers in kept), sp.S.Zero), tuple(exists))
    return Standard(m, p, scores, terms, information, tuple(exists))


# ---- the derivation ---------------------------------------------------------------------------------------


def _explained(s: Standard) -> Explanation:
    m, teller = s.m, Teller(s.m)
    rows = _rows(s, teller)
    parts = (*given(m), _score_part(m, rows), _variable_part(s, teller, rows), _standard_scores(s, teller, rows),
             _information_part(s, teller, rows))  # fmt: skip
    return Explanation(title(m, "Fisher information"), parts, (*_notes(s, teller), *remarks(m)))


def _rows(s: Standard, teller: Teller) -> list[dict[str, Any]]:
    """Parameters at which all expectations exist, with each observation of a sample."""
    for seed, factor in itertools.product(range(SEEDS), (1, 4, 16)):
        values = dict(point(s.m, seed))
        grown = {item.name for item in s.m.density.inputs[1:] if item.domain.name == "positive"}
        values |= {name: values[name] * factor for name in grown}
        rows = [{**values, s.m.variable.name: row} for row in values[s.m.variable.name]]
        if all(teller.number(part, rows[0]) > MARGIN for part in s.exists) and all(possible(s.m, row) for row in rows):
            return rows
    raise InputError("no parameters were found at which the expectations exist")


def _score_part(m: Model, rows: list[dict[str, Any]]) -> Part:
    found = gradient(m.density, m.parameters).result
    moves = [
        Move(shown(result.program, result.output.name), (_score(m, name),), (),
             partial(_slope_difference, m, result.program, name, rows))
        for name, result in found.items()
    ]  # fmt: skip
    return Part("Score of one observation", tuple(moves))


def _score(m: Model, name: str) -> Shown:
    below = named(name)
    return Shown(f"d({LOG_DENSITY})/d{name}", rf"\frac{{\partial \log p}}{{\partial {below.latex}}}")


def _slope_difference(m: Model, program: Program, name: str, rows: list[dict[str, Any]]) -> float:
    one = np.asarray(1.0)
    return max(agreement(number(program, row), float(slope(m.density.program, row, name, one))) for row in rows)


def _variable_part(s: Standard, teller: Teller, rows: list[dict[str, Any]]) -> Part:
    p, u, x = s.p, named(teller.names[0]), named(s.m.variable.name)
    first, second = teller.shown(p.first).text, teller.shown(p.second).text
    kind = f"beta distribution with shapes {first} and {second}" if p.beta else (
        f"gamma distribution with shape {first} and rate {second}")  # fmt: skip
    name = Shown(f"{LOG_DENSITY}({u.text})", rf"\log p({u.latex})")
    sides = f" Both values of {teller.names[1]}, 1 and -1, have the probability 1/2." if p.sides > 1 else ""
    reason = (f"The log-density there plus log|d{x.text}/d{u.text}|, both sides together: " if p.sides > 1 else
              f"The log-density there plus log|d{x.text}/d{u.text}|: ") + f"the {kind}.{sides}"  # fmt: skip
    moves = (
        Move(teller.shown(p.variable), (u,), ("A part of the log-density, on its own scale.",)),
        Move(teller.shown(p.inverse), (x,), ("Solve for the observation.",), partial(_inverse, s, teller, rows)),
        Move(teller.shown(_log_density(p)), (name,), (reason,), partial(_density, s, teller, rows)),
        _moments_move(s, teller, rows),
    )
    return Part("Standardised variable", moves)


def _log_density(p: Pivot) -> Expr:
    a, b = p.first, p.second
    powers = (b - 1) * sp.log(REST) if p.beta else -b * U
    return (a - 1) * sp.log(U) + powers + normaliser(a, b, p.beta)


def _standing(s: Standard, teller: Teller, row: dict[str, Any]) -> dict[str, Any]:
    """A row with the standardised variable and the side of its observation."""
    u, side = teller.names
    there = {**row, u: np.asarray(teller.number(s.p.variable, row))}
    x = float(row[s.m.variable.name])
    sides = ({**there, side: np.asarray(sign)} for sign in (1.0, -1.0))
    return min(sides, key=lambda one: abs(teller.number(s.p.inverse, one) - x))


def _inverse(s: Standard, teller: Teller, rows: list[dict[str, Any]]) -> float:
    """The standardised variable of an observation gives the observation back."""
    there = [_standing(s, teller, row) for row in rows]
    return max(agreement(teller.number(s.p.inverse, one), float(one[s.m.variable.name])) for one in there)


def _density(s: Standard, teller: Teller, rows: list[dict[str, Any]]) -> float:
    """The log-density at an observation and the logarithm of a difference quotient, against the one named."""
    differences, program = [], teller.program(s.p.inverse)
    for row in rows:
        there = teller.values(_standing(s, teller, row))
        stretched = abs(float(slope(program, there, teller.names[0], np.asarray(1.0))))
        found = number(s.m.density.program, row) + np.log(stretched * s.p.sides)
        differences.append(agreement(float(found), teller.number(_log_density(s.p), there)))
    return max(differences)


def _standard_scores(s: Standard, teller: Teller, rows: list[dict[str, Any]]) -> Part:
    found = gradient(s.m.density, s.m.parameters).result
    moves = [
        Move(teller.shown(body), (_score(s.m, name),), (), partial(_same, s, teller, rows, [found[name]], body))
        for name, body in zip(s.m.parameters, s.scores, strict=True)
    ]
    return Part("Scores in the standardised variable", tuple(moves))


def _same(s: Standard, teller: Teller, rows: list[dict[str, Any]], scores: list[Formula], body: Expr) -> float:
    """A product of scores at observations against what it is in the standardised variable."""
    pairs = (
        (np.prod([number(score.program, row) for score in scores]), teller.number(body, _standing(s, teller, row)))
        for row in rows
    )
    return max(agreement(float(left), right) for left, right in pairs)


def _information_part(s: Standard, teller: Teller, rows: list[dict[str, Any]]) -> Part:
    found, moves = gradient(s.m.density, s.m.parameters).result, []
    for i, j in s.terms:
        names = [s.m.parameters[j], s.m.parameters[i]]
        product = _collected(sp.expand(s.scores[i] * s.scores[j]).xreplace({SIDE**2: sp.S.One}))
        whole = expected(teller.shown(product))
        scores = [found[name] for name in names]
        side = f"; that of {teller.names[1]} is zero" if product.has(SIDE) else ""
        moves += [
            Move(whole, (information_symbol(names),), ("The product of the scores.",),
                 partial(_same, s, teller, rows, scores, product)),
            Move(teller.shown(s.information[i, j]), (), (f"Put in the expectations{side}.",),
                 partial(_quadrature, s, teller, rows[0], names, s.information[i, j])),
        ]
    intro = "The expected product of two scores of one observation; n observations have n times as much."
    return Part("Fisher information", tuple(moves), (intro,))


def _collected(product: Expr) -> Expr:
    """A product of scores with a factor that all terms share in front."""
    factors, rest = sp.factor_terms(product).as_independent(U, REST, SIDE, as_Add=False)
    return factors * rest


def _moments_move(s: Standard, teller: Teller, rows: list[dict[str, Any]]) -> Move:
    """What expectations of powers are, which those of logarithms are derivatives of."""
    u = teller.names[0]
    a, b = teller.shown(s.p.first), teller.shown(s.p.second)
    if s.p.beta:
        left = Shown(f"E[{u}^i (1 - {u})^j]", rf"\mathbb{{E}}\left[{u}^i (1 - {u})^j\right]")
        right = Shown(f"B({a.text} + i, {b.text} + j)/B({a.text}, {b.text})",
                      rf"\frac{{B({a.latex} + i, {b.latex} + j)}}{{B({a.latex}, {b.latex})}}")  # fmt: skip
        reason = "With the beta function B(a, b) = Gamma(a) Gamma(b)/Gamma(a + b)"
    else:
        left = Shown(f"E[{u}^i]", rf"\mathbb{{E}}\left[{u}^i\right]")
        rate = Shown("", "") if s.p.second == 1 else Shown(f" ({b.text})^(-i)", rf" \left({b.latex}\right)^{{-i}}")
        right = Shown(f"Gamma({a.text} + i)/Gamma({a.text}){rate.text}",
                      rf"\frac{{\Gamma({a.latex} + i)}}{{\Gamma({a.latex})}}{rate.latex}")  # fmt: skip
        reason = "With the gamma function"
    note = f"{reason}; logarithms come in by derivatives by the exponents."
    return Move(right, (left,), (note,), partial(_power, s, teller, rows[0]))


def _power(s: Standard, teller: Teller, row: dict[str, Any]) -> float:
    """The expectations of the variable and of its root, by quadrature over the observation."""
    differences = []
    for power in ((sp.S.Half, sp.S.Zero, 0, 0), (sp.S.Half, sp.S.Half if s.p.beta else sp.S.Zero, 1, 0)):
        inner = sp.Mul(*(part**exponent for part, exponent in zip(PARTS, power, strict=True)))
        body = inner.xreplace({REST: 1 - s.p.variable, U: s.p.variable})
        value = at_rows(s.m, teller.program(body), teller.values(row))
        differences.append(agreement(teller.number(moment(s.p, power), row), expectation(s.m, row, value)))
    return max(differences)


def _quadrature(s: Standard, teller: Teller, row: dict[str, Any], names: Sequence[str], body: Expr) -> float:
    return agreement(teller.number(body, row), expected_scores(s.m, names, row))


def _notes(s: Standard, teller: Teller) -> Iterator[str]:
    yield from teller.notes(list(s.information.values()))
    conditions = [f"{teller.shown(part).text} > 0" for part in s.exists]
    if conditions:
        yield f"Derived for {', '.join(conditions)}, where the expectation of every term exists."
    if elementary(scalar_log_density(s.m)).has(sp.Abs):
        yield "The density has a kink: the information is the expected square of the score, not the expected curvature."
