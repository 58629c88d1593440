"""Where results vanish, and what is left of them where the targets do not count any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sympy import Expr

from chainrule.derive.limits import rewritten
from chainrule.derive.margins import margins, switched_off
from chainrule.derive.narrative.check import Check, Question, check
from chainrule.derive.narrative.statements import (
    INFINITY,
    NOTHING,
    entries_shown,
    equal,
    listed,
    reduction,
    related,
    tends,
    value_shown,
)
from chainrule.derive.narrative.symbols import named, shown
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition
from chainrule.derive.render.page import Shown
from chainrule.derive.vanishing import Residual, is_approached, is_multiple, residuals, vanishing

#: Characters of what is left that are told.
MAX_LEFT = 40


def vanishes(q: Question) -> Iterator[Check]:
    """Where the model says what the targets are; if something is left there, what."""
    seen: set[str] = set()
    for residual in residuals(q.program, q.variables):
        zero = [name for name in _zero(q, residual) if name not in seen and q.result(name).body != 0]
        seen.update(zero)
        if not all(is_multiple(q.result(name), residual) for name in zero):
            yield _where(q, residual, dict.fromkeys(zero, NOTHING))
        elif not (zero or residual.missing or residual.is_discrete) and (left := _left(q, residual)):
            seen.update(left)
            yield _where(q, residual, left)


def _zero(q: Question, residual: Residual) -> Iterator[str]:
    """The results that vanish with a residual."""
    active = reached(q.program, frozenset(q.variables))
    for name in vanishing(q.program, residual):
        if residual.missing or not residual.is_discrete or is_approached(q.program.pruned([name]), residual, active):
            yield name


def _left(q: Question, residual: Residual) -> dict[str, Shown]:
    """What is left of all results where a residual is zero, if that is much less."""
    found: dict[str, Shown] = {}
    for name in q.program.outputs:
        program = rewritten(q.program, residual.of, {}, name)
        read = set() if program is None else {ref for item in program.definitions for ref in item.reads}
        if program is None or residual.target.name in read or not read & {*q.variables}:
            return {}
        found[name] = shown(program, name)
        length = len(found[name].text)
        if length > MAX_LEFT or 3 * length > 2 * len(shown(q.program, name).text):
            return {}
    return found


def _where(q: Question, residual: Residual, values: Mapping[str, Shown]) -> Check:
    """``dL/dw = 0`` where ``p = y``; where the targets may only be approached, the limit."""
    target = named(residual.target.name)
    shape = [length for n, length in enumerate(residual.target.shape) if n not in residual.missing]
    model = value_shown(q.program, residual.squeezed, shape)
    if residual.is_discrete and not residual.missing:
        parts = [tends(q.symbols[name], value) for name, value in values.items()]
        return check("vanishes", listed(parts), "as ", tends(model, target))
    if residual.missing:
        where = equal(model, reduction("mean", target, residual.missing if shape else ()))
    else:
        where = equal(named(residual.name), NOTHING) if residual.name else equal(model, target)
    return check("vanishes", _equations(q, values), "where ", where)


def _equations(q: Question, values: Mapping[str, Shown]) -> Shown:
    """``dL/dw = dL/db = 0``, or one equation for each result."""
    if len({value.text for value in values.values()}) == 1:
        return equal(*(q.symbols[name] for name in values), next(iter(values.values())))
    return listed([equal(q.symbols[name], value) for name, value in values.items()])


def beyond(q: Question) -> Iterator[Check]:
    """What is left where the targets do not count any more."""
    for comparison, values in switched_off(q.program, q.variables):
        place = next(item for item in q.program.definitions if item.body.has(comparison))
        if place.reduce or place.name not in q.program.outputs:
            left = {
                name: NOTHING if program.definitions[-1].body == 0 else shown(program, name)
                for name, program in values.items()
            }
            yield check("beyond", _equations(q, left), "where ", _failing(q, place, comparison), " in every entry")
            return
    for margin in margins(q.program, q.variables):
        place = next(item for item in q.program.definitions if {*margin.args} <= {*item.refs})
        growing = tends(entries_shown(q.program, place, margin), INFINITY)
        yield check("beyond", listed([tends(q.symbols[name], NOTHING) for name in q.program.outputs]), "as ", growing)
        return


def _failing(q: Question, place: Definition, comparison: Expr) -> Shown:
    """Where a comparison does not hold, the number on the right: ``y*z > 1`` for ``0 < 1 - y*z``."""
    left, right = comparison.args
    number, rest = (right - left).as_coeff_Add()
    if rest.could_extract_minus_sign():
        return related(entries_shown(q.program, place, -rest), ">", ">", value_shown(q.program, number))
    return related(entries_shown(q.program, place, rest), "<", "<", value_shown(q.program, -number))
