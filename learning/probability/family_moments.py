"""Moments of sufficient statistics and Fisher information, by differentiating the log-partition.

The density is one in total, so ``d/dtheta_j`` of the total is zero:

    sum_k deta_k/dtheta_j E[T_k] = dA/dtheta_j,

and the expected negative Hessian of the log-density is

    I_jl = d2A/dtheta_j dtheta_l - sum_k d2eta_k/dtheta_j dtheta_l E[T_k].

Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 2.224 to 2.226.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy import Expr

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.numeric import evaluate
from chainrule.derive.program import Definition, Ref
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.probability.array_moments import array_moments
from chainrule.learning.probability.array_parts import array_parts, expectation_parts
from chainrule.learning.probability.array_parts import information_part as array_information
from chainrule.learning.probability.family import Family, family
from chainrule.learning.probability.integrals import at_rows, expectation
from chainrule.learning.probability.likelihood import given, remarks, title
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.points import agreement, point
from chainrule.learning.probability.scores import expected_scores
from chainrule.learning.probability.telling import information_symbol


@dataclass(frozen=True)
class Moments:
    """Moments of a family with as many scalar statistics as scalar parameters.

    Attributes:
        means: the expectations of the statistics.
        covariance: their covariance matrix.
        information: the Fisher information of one observation.
    """

    means: tuple[Expr, ...]
    covariance: sp.Matrix
    information: sp.Matrix


def moments(f: Family) -> Moments:
    """The moments, as expressions of the parameters.

    Raises:
        UnsupportedError: parameters and statistics differ in number.
    """
    _check(f)
    thetas = [f.program.by_name[name].head for name in f.m.parameters]
    etas, partition = sp.Matrix([f.body(name) for name in f.natural]), f.body(f.partition)
    jacobian = etas.jacobian(thetas)
    inverse = (jacobian.adjugate() / _short(jacobian.det())).applyfunc(_short)
    means = (inverse.T * sp.Matrix([partition.diff(theta) for theta in thetas])).applyfunc(_short)
    hessian = sp.hessian(partition, thetas)
    curved = [mean * sp.hessian(eta, thetas) for mean, eta in zip(means, etas, strict=True)]
    information = (hessian - sum(curved, sp.zeros(len(thetas)))).applyfunc(_short)
    covariance = (inverse.T * information * inverse).applyfunc(_short)
    return Moments(tuple(means), covariance, information)


def has_arrays(f: Family) -> bool:
    """Whether the observation or a parameter is an array, or sums over one are part of the form."""
    names = (f.m.variable.name, *f.m.parameters)
    return not f.is_plain or any(f.program.by_name[name].shape for name in names)


def _check(f: Family) -> None:
    if len(f.natural) != len(f.m.parameters):
        raise UnsupportedError(
            f"{len(f.natural)} natural parameters depend on {len(f.m.parameters)} parameters: moments do not "
            "follow from the log-partition alone", hint="see --known",
        )  # fmt: skip


def _short(body: Expr) -> Expr:
    if body.has(sp.sin, sp.cos):
        above, below = map(_squares, sp.fraction(sp.together(body)))
        quotient = sp.cancel(above / below)
        forms: tuple[Expr, ...] = (sp.factor(quotient), sp.expand(quotient), _squares(quotient))
    else:
        forms = (sp.factor(sp.together(body)), sp.simplify(body), sp.expand(body))
    return _complements(min(forms, key=lambda form: (sp.count_ops(form), str(form))))


def _squares(body: Expr) -> Expr:
    """Multiplied out, with squares of sines as those of cosines."""
    return sp.expand(sp.expand(body).replace(
        lambda e: e.is_Pow and isinstance(e.base, sp.sin) and e.exp.is_Integer and e.exp > 1,
        lambda e: (1 - sp.cos(e.base.args[0]) ** 2) ** (e.exp // 2) * e.base ** (e.exp % 2),
    ))  # fmt: skip


def _complements(body: Expr) -> Expr:
    """Powers of ``p - 1`` as powers of ``1 - p``."""
    return body.replace(
        lambda e: e.is_Pow and e.exp.is_Integer and e.base.is_Add and e.base.as_coeff_Add()[0].is_negative,
        lambda e: (-1) ** e.exp * (-e.base) ** e.exp,
    )


# ---- the derivation ---------------------------------------------------------------------------------------


def told(f: Family, body: Expr) -> Shown:
    """An expression of parameters and variable in the notation."""
    heads = {item.head: Ref(item.head) for item in f.program.inputs if not item.shape}
    item = Definition("told", (), sp.sympify(body).xreplace(heads), origin="named")
    program = f.program.with_definitions((*f.program.definitions, item), ("told",))
    return shown(program, "told")


def family_part(f: Family) -> Part:
    """The form, and what its parts are."""
    pairs = list(zip(f.natural, f.statistics, strict=True))
    definitions = [Move(f.shown(name), (named(name),)) for pair in pairs for name in pair]
    definitions += [Move(f.shown(name), (named(name),)) for name in (f.base, f.partition)]
    products = [_product(f, eta, t) for eta, t in pairs]
    text = " + ".join(part.text for part in products) + f" + {f.base} - {f.partition}"
    latex = " + ".join(part.latex for part in products) + f" + {named(f.base).latex} - {named(f.partition).latex}"
    check = Move(
        Shown(text, latex), (Shown("log p", r"\log p"),), ("Collect the terms by what they know of the variable.",),
        lambda: f.difference(_one(f.m)),
    )  # fmt: skip
    intro = "Every term of the expanded log-density is a function of the parameters times one of the variable."
    return Part("Exponential family", (*definitions, check), (intro,))


def _product(f: Family, eta: str, statistic: str) -> Shown:
    left, right = named(eta), named(statistic)
    if not f.program.by_name[eta].shape:
        return Shown(f"{eta}*{statistic}", rf"{left.latex} \, {right.latex}")
    return Shown(f"sum({eta}*{statistic})", rf"\langle {left.latex}, {right.latex} \rangle")


def _one(m: Model) -> dict[str, Any]:
    values = point(m)
    return {**values, m.variable.name: values[m.variable.name][0]}


def moments_parts(f: Family, found: Moments) -> Iterator[Part]:
    """Expectations and covariances of the statistics."""
    yield Part(
        "Equations for the expectations", tuple(_equations(f, found)),
        ("The density is one in total for all parameters; its derivatives by them are zero.",),
    )  # fmt: skip
    names = f.statistics
    means = [
        Move(told(f, mean), (_expected(f, t),), (), functools.partial(_against_statistics, f, mean, (t,)))
        for t, mean in zip(names, found.means, strict=True)
    ]
    yield Part("Expectations of the statistics", tuple(means))
    spreads = []
    for i, first in enumerate(names):
        for j, second in enumerate(names[: i + 1]):
            product = found.covariance[i, j] + found.means[i] * found.means[j]
            check = functools.partial(_against_statistics, f, product, (first, second))
            spreads.append(Move(told(f, found.covariance[i, j]), (_covariance(f, second, first),), (), check))
    intro = "The Hessian of the log-partition by the natural parameters, through the Jacobian of the parameters."
    yield Part("Covariances of the statistics", tuple(spreads), (intro,))


def _against_statistics(f: Family, body: Expr, names: Sequence[str]) -> float:
    """The expectation of a product of statistics against a sum or a quadrature."""
    values = _one(f.m)
    return _against(f, body, lambda x: np.prod([_at(f, values, name, x) for name in names], axis=0))


def _equations(f: Family, found: Moments) -> Iterator[Move]:
    partition = f.body(f.partition)
    for name in f.m.parameters:
        theta = f.program.by_name[name].head
        factors = [f.body(eta).diff(theta) for eta in f.natural]
        parts = [_times(told(f, factor), _expected(f, t))
                 for factor, t in zip(factors, f.statistics, strict=True) if factor != 0]  # fmt: skip
        left = Shown(" + ".join(p.text for p in parts), " + ".join(p.latex for p in parts))
        mean = sum(factor * value for factor, value in zip(factors, found.means, strict=True))
        slope = partition.diff(theta)
        check = functools.partial(_same, f, mean, slope)
        yield Move(told(f, slope), (left,), (f"Differentiate by {name}.",), check)


def _same(f: Family, left: Expr, right: Expr) -> float:
    values = _one(f.m)
    return agreement(_number(f, left, values), _number(f, right, values))


def _times(factor: Shown, expected: Shown) -> Shown:
    text = f"({factor.text})*{expected.text}" if factor.text != "1" else expected.text
    latex = rf"\left({factor.latex}\right) {expected.latex}" if factor.text != "1" else expected.latex
    return Shown(text, latex)


def _expected(f: Family, statistic: str) -> Shown:
    inner = f.shown(statistic)
    return Shown(f"E[{inner.text}]", rf"\mathbb{{E}}\left[{inner.latex}\right]")


def _covariance(f: Family, first: str, second: str) -> Shown:
    a, b = f.shown(first), f.shown(second)
    if first == second:
        return Shown(f"var({a.text})", rf"\operatorname{{var}}\left({a.latex}\right)")
    return Shown(f"cov({a.text}, {b.text})", rf"\operatorname{{cov}}\left({a.latex}, {b.latex}\right)")


def _number(f: Family, body: Expr, values: Any) -> float:
    heads = {item.head: Ref(item.head) for item in f.program.inputs if not item.shape}
    item = Definition("value", (), sp.sympify(body).xreplace(heads), origin="named")
    program = f.program.with_definitions((*f.program.definitions, item), ("value",))
    return float(evaluate(program, values)["value"])


def _at(f: Family, values: Any, name: str, x: Any) -> Any:
    return at_rows(f.m, f.program.pruned([name]), values)(x)


def _against(f: Family, body: Expr, function: Callable[[Any], Any]) -> float:
    """A moment against a sum or a quadrature."""
    values = _one(f.m)
    return agreement(_number(f, body, values), expectation(f.m, values, function))


def information_part(f: Family, found: Moments) -> Part:
    """The Fisher information of one observation, checked against the expected square of the score."""
    moves = []
    for i, first in enumerate(f.m.parameters):
        for j, second in enumerate(f.m.parameters[: i + 1]):
            symbol = information_symbol([second, first])
            check = functools.partial(_scores, f, first, second, found.information[i, j])
            moves.append(Move(told(f, found.information[i, j]), (symbol,), (), check))
    intro = "The expected negative Hessian of the log-density of one observation; n observations have n times as much."
    return Part("Fisher information", tuple(moves), (intro,))


def _scores(f: Family, first: str, second: str, body: Expr) -> float:
    values = _one(f.m)
    return agreement(_number(f, body, values), expected_scores(f.m, [first, second], values))


def exponential_family(m: Model) -> Explanation:
    """The distribution in the form of an exponential family, and its moments where they follow."""
    f = family(m)
    parts = [*given(m), family_part(f)]
    try:
        parts += _array_part(parts, f) if has_arrays(f) else moments_parts(f, moments(f))
    except UnsupportedError as error:
        return Explanation(
            title(m, "Exponential family"), tuple(parts), (*remarks(m), f"Of the moments: {error.message}.")
        )
    return Explanation(title(m, "Exponential family"), tuple(parts), remarks(m))


def _array_part(parts: list[Part], f: Family) -> Iterator[Part]:
    """Moments of arrays, after the form that they are derived from."""
    arrays = array_moments(f)
    parts[-1] = family_part(arrays.f)
    yield from array_parts(arrays)


def family_information(f: Family) -> Explanation:
    """The Fisher information of one observation, from the log-partition.

    Raises:
        UnsupportedError: the expectations of the statistics do not follow from it.
    """
    m = f.m
    if has_arrays(f):
        arrays = array_moments(f)
        told_so_far = (*given(m), family_part(arrays.f), *expectation_parts(arrays), array_information(arrays))
        return Explanation(title(m, "Fisher information"), told_so_far, remarks(m))
    found = moments(f)
    parts = (*given(m), family_part(f), *moments_parts(f, found), information_part(f, found))
    return Explanation(title(m, "Fisher information"), parts, remarks(m))
