"""Sums over the entries of derivatives: what does not change when a variable is shifted or scaled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sympy import Expr

from chainrule.derive.narrative.check import Check, Question, check
from chainrule.derive.narrative.statements import (
    NOTHING,
    choice,
    equal,
    inner_product,
    listed,
    reduction,
    times,
    value_shown,
)
from chainrule.derive.narrative.symbols import named, partial
from chainrule.derive.program import Ref
from chainrule.derive.render.page import Note, Shown
from chainrule.derive.transforms import LOG_SCALE, Change, degree, scaling, shift_rate


def shifts(q: Question) -> Iterator[Check]:
    """Sums of derivatives, from what a number does that is added to the variable."""
    still: list[Shown] = []
    places: list[str | Shown] = []
    for variable, result in q.pairs:
        found = _shift(q, variable) if q.entrywise and q.depends([variable], result) else None
        if found is not None:
            axes, rate = found
            what: Note = (_entries(q.rank(variable), axes), named(variable))
            statement = equal(_summed(q, result, axes), value_shown(q.program, rate))
            if rate == 0:
                still.append(statement)
                places += [" or to " if places else "", *what]
            else:
                t = _letter(q)
                grown = times(value_shown(q.program, rate), t)
                yield check("shift", statement, "adding ", t, " to ", *what, " adds ", grown, " to ", named(q.output))
    if still:
        yield check("shift", listed(still), named(q.output), " stays the same when a number is added to ", *places[1:])


def _shift(q: Question, variable: str) -> tuple[tuple[int, ...], Expr] | None:
    """Axes along which a number may be added, and what the output grows by for each 1."""
    rank = q.rank(variable)
    single = [(axis,) for axis in reversed(range(rank))]
    for axes in [*single, *([tuple(range(rank))] if rank > 1 else [])]:
        rate = shift_rate(q.formula, variable, q.output, axes)
        if rate is not None:
            return axes, rate
    return None


def _letter(q: Question) -> Shown:
    """A letter for a number, which stands for nothing else."""
    letter = next(letter for letter in "tsacuvqbefgh" if letter not in q.formula.by_name)
    return Shown(letter, letter)


def _summed(q: Question, result: str, axes: Sequence[int]) -> Shown:
    """``sum(dL/dW, axis=1)``; the axes of the value stand before those of the variable."""
    places = tuple(q.rank(q.output) + axis for axis in axes)
    return reduction("sum", q.symbols[result], () if len(places) == len(q.result(result).shape) else places)


def _entries(rank: int, axes: Sequence[int]) -> str:
    """Which part of a variable is shifted."""
    if len(axes) == rank:
        return "all entries of "
    return {(2, 0): "a column of ", (2, 1): "a row of "}.get((rank, axes[0]), f"a line along axis {axes[0]} of ")


def scales(q: Question) -> Iterator[Check]:
    """Euler's identity for homogeneous functions, one variable at a time or all of them together."""
    if not q.entrywise or q.rank(q.output) or (q.of_one and not q.rank(q.variables[0])):
        return
    single: dict[Change, list[tuple[str, str]]] = {}
    for variable, result in q.pairs:
        change = scaling(q.formula, (variable,), q.output) if q.depends([variable], result) else None
        if change is not None and _euler(q, change) is not None:
            single.setdefault(change, []).append((variable, result))
    for change, pairs in single.items():
        yield _euler_line(q, change, [[pair] for pair in pairs], "or")
    if not single and len(q.pairs) > 1 and all(q.depends(q.variables, result) for _, result in q.pairs):
        together = scaling(q.formula, q.variables, q.output)
        if together is not None and _euler(q, together) is not None:
            yield _euler_line(q, together, [q.pairs], "and")


def _euler(q: Question, change: Change) -> tuple[Shown, Expr, Expr] | None:
    """What the sum of ``w * dL/dw`` is, the degree, and what is added for the logarithm of the scale."""
    order, rate = degree(change.factor), change.shift.coeff(LOG_SCALE)
    if order is None or order.atoms(Ref) or rate.atoms(Ref) or change.shift != rate * LOG_SCALE or order != 0 != rate:
        return None
    value = value_shown(q.program, rate if order == 0 else order)
    return (value if order == 0 else times(value, named(q.output))), order, rate


def _euler_line(q: Question, change: Change, groups: Sequence[Sequence[tuple[str, str]]], word: str) -> Check:
    found = _euler(q, change)
    assert found is not None
    value, order, rate = found
    output, names = named(q.output), choice([named(variable) for group in groups for variable, _ in group], word)
    statements = []
    for group in groups:
        terms = [
            inner_product(named(variable), q.symbols[result], q.formula.by_name[variable].shape)
            for variable, result in group
        ]
        left = Shown(" + ".join(term.text for term in terms), " + ".join(term.latex for term in terms))
        statements.append(equal(left, value))
    if order != 0:
        note: Note = (output, " is homogeneous of degree ", value_shown(q.program, order), " in ", *names, " (Euler)")
    elif rate == 0:
        verb = " is multiplied by a positive number" if word == "or" else " are multiplied by one positive number"
        note = (output, " stays the same when ", *names, verb)
    else:
        t = _letter(q)
        grown = times(value_shown(q.program, rate), Shown(f"log({t.text})", rf"\log {t.latex}"))
        note = (output, " grows by ", grown, " when ", *names, " is" if word == "or" else " are", " multiplied by ", t)
    return check("scale", listed(statements), *note)


def steady_gradient(q: Question) -> Iterator[Check]:
    """What the Hessian does to the directions in which the gradient does not change."""
    (variable, result), *_ = q.pairs
    if not q.of_one or q.rank(variable) != 1 or not q.depends([variable], result):
        return
    symbol, name, gradient = q.symbols[result], named(variable), partial(q.output, variable)
    if _shift(q, variable) is not None:
        rows = equal(reduction("sum", symbol, [1]), NOTHING)
        yield check("shift", rows, gradient, " stays the same when a number is added to all entries of ", name)
    change = scaling(q.formula, (variable,), q.output)
    if change is not None and change.shift == 0 and degree(change.factor) == 1:
        product = Shown(f"{symbol.text} @ {name.text}", lambda: f"{symbol.latex} {name.latex}")
        why = gradient, " stays the same when ", name, " is multiplied by a positive number"
        yield check("scale", equal(product, NOTHING), *why)
