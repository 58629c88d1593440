"""Posterior probabilities in a graphical model with tables: exact, by summing out variable after variable."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError, near_names
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.graphs.dag import Dag
from chainrule.learning.graphs.factors import Factor, check_cells, eliminate, elimination_order, joined, product
from chainrule.learning.graphs.tables import Table, condition
from chainrule.learning.graphs.words import density, factors_of, juxtaposed, listed, variable
from chainrule.learning.probability.bayes import fraction_error, fraction_latex, plain, readable, shown_fraction

#: Terms of all rows of a sum up to which the rows are told; axes that a sum in double precision may have.
MOST_TERMS, MOST_AXES = 96, 50
Values = Mapping[str, str]
Tables = Mapping[str, Table]


@dataclass(frozen=True)
class Query:
    """A posterior distribution.

    Attributes:
        names: the variables that are asked for.
        given: the observed values.
        posterior: the probability of every value; of several variables with commas between their values.
        evidence: the probability of what was observed.
        explanation: the same line by line.
    """

    names: tuple[str, ...]
    given: Values
    posterior: Mapping[str, Fraction]
    evidence: Fraction
    explanation: Explanation


@dataclass(frozen=True)
class Message:
    """What is left of the tables that vary with a variable once it is summed out.

    Attributes:
        name: what it is called.
        variable: what was summed out.
        sources: the factors that went into it.
        before: their product.
        factor: the sums.
    """

    name: str
    variable: str
    sources: tuple[Named, ...]
    before: Factor
    factor: Factor


@dataclass(frozen=True)
class Named:
    """A factor, how it is called, and the tables that it is made of."""

    factor: Factor
    called: Shown
    tables: tuple[str, ...]


def read_query(tables: Tables, text: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The variables and the observed values of ``rain | wet=yes`` or ``P(rain | wet, not sprinkler)``.

    Raises:
        InputError: the text is no query, or names a variable or a value that there is not.
    """
    inner = text.strip()
    if inner[:2] in ("P(", "p(") and inner.endswith(")"):
        inner = inner[2:-1]
    asked, bar, seen = inner.partition("|")
    names = tuple(part.strip() for part in asked.split(",") if part.strip())
    if not names or (bar and not seen.strip()):
        raise InputError("this is no query", expected="rain | wet=true", found=text)
    given: dict[str, str] = {}
    for part in seen.split(",") if bar else ():
        name, value = condition(part, "what is observed")
        if name in given:
            raise InputError(f"{name} is observed twice")
        given[name] = value
    return names, given


def query(dag: Dag, tables: Tables, names: Sequence[str], given: Values) -> Query:
    """The distribution of some variables given the values of others.

    Raises:
        InputError: a variable or a value is unknown, or what is observed is impossible.
        LimitError: a table in between would be too large.
    """
    asked = tuple(dict.fromkeys(map(dag.known, names)))
    for name, value in given.items():
        known = tables[dag.known(name)].values
        if value not in known:
            near = near_names(value, known)
            raise InputError(f"{name} has no value {value!r}", expected=", ".join(known), near=near)
        if name in asked:
            raise InputError(f"{name} is asked for and observed")
    relevant = dag.restricted(dag.ancestors({*asked, *given}))
    factors = [Named(tables[name].factor.at(_places(tables, given)), density([name], relevant.parents[name], given),
                     (name,)) for name in relevant.nodes]  # fmt: skip
    messages, left = _messages(factors, asked)
    check_cells([item.factor for item in left])
    joint = product(item.factor for item in left).over(asked)
    total = Fraction(joint.values.sum())
    if not total:
        raise InputError(f"what is observed is impossible: {listed(given, given).text}", hint="nothing follows from it")
    choices = list(itertools.product(*(tables[name].values for name in asked)))
    joints = {choice: Fraction(value) for choice, value in zip(choices, joint.values.ravel(), strict=True)}
    told = _explanation(dag, relevant, tables, given, asked, messages, left, joints, total)
    posterior = {", ".join(choice): value / total for choice, value in joints.items()}
    return Query(asked, dict(given), posterior, total, told)


def _places(tables: Tables, given: Values) -> dict[str, int]:
    return {name: tables[name].values.index(value) for name, value in given.items()}


def _messages(factors: Sequence[Named], keep: Sequence[str]) -> tuple[list[Message], list[Named]]:
    """The sums over the other variables, one after the other, and the factors that are left."""
    current, messages = list(factors), list[Message]()
    for name in elimination_order([item.factor for item in factors], keep):
        used = tuple(item for item in current if name in item.factor.names)
        before = joined([item.factor for item in used], name)
        message = Message(f"f{len(messages) + 1}", name, used, before, before.summed(name))
        tables = tuple(table for item in used for table in item.tables)
        current = [item for item in current if item not in used]
        current.append(Named(message.factor, _called(message.name, message.factor.names), tables))
        messages.append(message)
    return messages, current


def _called(name: str, names: Sequence[str], values: Values | None = None) -> Shown:
    inner = listed(names, values)
    subscripted = f"{name[0]}_{{{name[1:]}}}"
    if not names:
        return Shown(name, subscripted)
    return Shown(f"{name}({inner.text})", lambda: f"{subscripted}({inner.latex})")


# ---- the derivation ---------------------------------------------------------------------------------------


def _explanation(
    dag: Dag, relevant: Dag, tables: Tables, given: Values, asked: Sequence[str], messages: Sequence[Message],
    left: Sequence[Named], joints: Mapping[tuple[str, ...], Fraction], total: Fraction,
) -> Explanation:  # fmt: skip
    wanted = density(asked, tuple(given), given)
    parts = [_model(dag, relevant), *(_sum(tables, given, message) for message in messages)]
    if given:
        parts.append(Part("Joint probability", tuple(_joint(tables, given, asked, left, joints, total))))
    parts.append(_posterior(tables, given, asked, left, joints, total))
    title = Shown(f"Posterior: {wanted.text}", wanted.source)
    return Explanation(title, tuple(parts))


def _model(dag: Dag, relevant: Dag) -> Part:
    dropped = dag.sorted(set(dag.nodes) - set(relevant.nodes))
    intro = (f"Not needed, as they have no descendant that is asked for or observed: {', '.join(dropped)}.",)
    move = Move(factors_of(relevant), (density(relevant.nodes),), ("The tables of the graph.",))
    return Part("Model", (move,), intro if dropped else ())


def _sum(tables: Tables, given: Values, message: Message) -> Part:
    """The sum over one variable: the formula, then the numbers."""
    over = message.factor.names
    symbol, inner = variable(message.variable), juxtaposed(item.called for item in message.sources)
    formula = Shown(f"sum_{symbol.text} {inner.text}", lambda: rf"\sum_{{{symbol.latex}}} {inner.latex}")
    reason = (f"The factors that vary with {symbol.text}, summed over its values.",)
    moves = [Move(formula, (_called(message.name, over),), reason, partial(_sum_gap, tables, given, message))]
    if message.before.values.size <= MOST_TERMS:
        moves += _rows(tables, message)
    return Part(f"Sum over {message.variable}", tuple(moves))


def _rows(tables: Tables, message: Message) -> Iterator[Move]:
    over = message.factor.names
    for choice in itertools.product(*(tables[name].values for name in over)):
        values = dict(zip(over, choice, strict=True))
        terms = [[_entry(tables, item.factor, {**values, message.variable: value}) for item in message.sources]
                 for value in tables[message.variable].values]  # fmt: skip
        exact = sum((Fraction(math.prod(term)) for term in terms), Fraction(0))
        computed = sum(math.prod(map(float, term)) for term in terms)
        yield Move(_sum_of_products(terms, exact), (_called(message.name, over, values),), (),
                   partial(fraction_error, computed, exact))  # fmt: skip


def _entry(tables: Tables, factor: Factor, values: Values) -> Fraction:
    places = {name: tables[name].values.index(value) for name, value in values.items()}
    return Fraction(factor.at(places).values.item())


def _sum_of_products(terms: Sequence[Sequence[Fraction]], exact: Fraction) -> Shown:
    text = " + ".join(" * ".join(map(plain, term)) for term in terms)
    latex = " + ".join(r" \cdot ".join(map(fraction_latex, term)) for term in terms)
    if all(len(term) == 1 for term in terms) and len(terms) == 1:
        return shown_fraction(exact)
    return Shown(f"{text} = {readable(exact)}", f"{latex} = {fraction_latex(exact)}")


def _joint(
    tables: Tables, given: Values, asked: Sequence[str], left: Sequence[Named],
    joints: Mapping[tuple[str, ...], Fraction], total: Fraction,
) -> Iterator[Move]:  # fmt: skip
    names = (*asked, *given)
    yield Move(juxtaposed(item.called for item in left), (density(names, (), given),), ("What is left.",))
    for choice, value in joints.items():
        values = {**given, **dict(zip(asked, choice, strict=True))}
        yield Move(_product(tables, left, values, value), (density(names, (), values),), (),
                   partial(_whole_gap, tables, values, value))  # fmt: skip
    text, latex = (" + ".join(write(value) for value in joints.values()) for write in (plain, fraction_latex))
    yield Move(Shown(f"{text} = {readable(total)}", f"{latex} = {fraction_latex(total)}"),
               (density(tuple(given), (), given),), (f"The sum over {listed(asked).text}.",),
               partial(_whole_gap, tables, given, total))  # fmt: skip


def _product(tables: Tables, left: Sequence[Named], values: Values, value: Fraction) -> Shown:
    inside = [{name: values[name] for name in item.factor.names} for item in left]
    return _sum_of_products([[_entry(tables, item.factor, of) for item, of in zip(left, inside, strict=True)]], value)


def _posterior(
    tables: Tables, given: Values, asked: Sequence[str], left: Sequence[Named],
    joints: Mapping[tuple[str, ...], Fraction], total: Fraction,
) -> Part:  # fmt: skip
    moves = []
    for choice, value in joints.items():
        values = {**given, **dict(zip(asked, choice, strict=True))}
        result = value / total
        shown = Shown(
            f"({plain(value)}) / ({plain(total)}) = {readable(result)}",
            rf"\frac{{{fraction_latex(value)}}}{{{fraction_latex(total)}}} = {fraction_latex(result)} "
            rf"\approx {float(result):.6g}",
        ) if given else _product(tables, left, values, result)  # fmt: skip
        moves.append(Move(shown, (density(asked, tuple(given), values),), (),
                          partial(_posterior_gap, tables, values, given, result)))  # fmt: skip
    return Part("Posterior" if given else "Probability", tuple(moves))


# ---- checks: sums over all variables at once, in double precision -----------------------------------------


def _whole(tables: Tables, names: Sequence[str], given: Values, keep: Sequence[str] = ()) -> npt.NDArray[Any]:
    """The sum over all variables but some of the product of some tables, at once."""
    axes = {name: place for place, name in enumerate(dict.fromkeys(n for t in names for n in tables[t].factor.names))}
    if len(axes) > MOST_AXES:
        places = _places(tables, given)
        return np.asarray(eliminate([tables[name].factor.at(places) for name in names], keep).values, float)
    operands: list[object] = []
    for name in names:
        factor = tables[name].factor
        operands += [factor.values.astype(float), [axes[axis] for axis in factor.names]]
    for name, value in given.items():
        if name in axes:
            operands += [np.array([float(other == value) for other in tables[name].values]), [axes[name]]]
    return np.asarray(np.einsum(*operands, [axes[name] for name in keep], optimize="greedy"))  # type: ignore[call-overload]


def _whole_gap(tables: Tables, values: Values, exact: Fraction) -> float:
    return fraction_error(float(_whole(tables, list(tables), values)), exact)


def _posterior_gap(tables: Tables, values: Values, given: Values, exact: Fraction) -> float:
    return fraction_error(float(_whole(tables, list(tables), values) / _whole(tables, list(tables), given)), exact)


def _sum_gap(tables: Tables, given: Values, message: Message) -> float:
    """The sums against those over all variables that are summed out by then."""
    names = [name for item in message.sources for name in item.tables]
    found = _whole(tables, names, given, message.factor.names)
    return float(np.max(np.abs(found - message.factor.values.astype(float)), initial=0.0))
