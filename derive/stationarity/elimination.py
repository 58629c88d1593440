"""Several unknowns, one after the other.

The equation that gives its unknown without the others, or without an inverse, is solved first.  A
solution that depends on other unknowns is put into their equations, which is the elimination of
Gauss; one that does not is known from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sympy import Expr, preorder_traversal

from chainrule.derive.forms.bound_terms import LogSoftmax, MatrixEntry, Over
from chainrule.derive.program import Ref
from chainrule.derive.stationarity.equation import NoSolution, Reason, Solved
from chainrule.derive.stationarity.single import solve_single
from chainrule.derive.stationarity.terms import Space, mentions, rebound

#: Nodes that an equation may have after solutions have been put into it.
MAX_NODES = 3000

#: An entry of a gradient and its axes.
Entry = tuple[Expr, tuple[Expr, ...]]


def eliminate(space: Space, entries: Mapping[str, Entry]) -> list[Solved]:
    """Every unknown, in the order in which they were solved for.

    Raises:
        NoSolution: if some equation has no closed form by this method.
    """
    solved: list[Solved] = []
    while len(solved) < len(entries):
        solved.append(_next(space, entries, solved))
    return solved


def _next(space: Space, entries: Mapping[str, Entry], solved: list[Solved]) -> Solved:
    """The next solution: one without other unknowns, else one without an inverse, with the fewest conditions."""
    waiting = [name for name in entries if name not in {done.unknown for done in solved}]
    open_ones = _open(solved, waiting)
    failures: list[NoSolution] = []
    attempts: list[Solved] = []
    for name in waiting:
        try:
            found = _solve(space, name, entries[name], open_ones)
        except NoSolution as failure:
            failures.append(failure)
            continue
        if not any(mentions(found.value, [other]) for other in waiting):
            return found
        attempts.append(found)
    if not attempts:
        raise failures[0]
    return min(attempts, key=lambda found: (bool(found.value.atoms(MatrixEntry)), len(found.conditions)))


def _open(solved: list[Solved], waiting: list[str]) -> list[Solved]:
    """The solutions that depend on unknowns that have none yet, in order."""
    unsolved, found = list(waiting), list[Solved]()
    for done in reversed(solved):
        if mentions(done.value, unsolved):
            unsolved.append(done.unknown)
            found.insert(0, done)
    return found


def _solve(space: Space, name: str, given: Entry, open_ones: list[Solved]) -> Solved:
    """One unknown, open solutions of others being put into its equation."""
    entry, axes = given
    put_in = []
    for done in open_ones:
        if mentions(entry, [done.unknown]):
            entry = substituted(space, entry, done)
            put_in.append(done.unknown)
    if put_in and sum(1 for _ in preorder_traversal(entry)) > MAX_NODES:
        raise NoSolution(f"the equation for {name} is too long, the solution for {' and '.join(put_in)} being put in")
    try:
        found = solve_single(space, name, entry, axes)
    except NoSolution as failure:
        names = " and ".join(put_in)
        where = f", the solution for {names} being put in" if put_in else ""
        raise NoSolution(failure.reason + where, failure.term, failure.axes) from None
    reasons = [Reason("put-in-solution", (("name", ", ".join(put_in)),))] if put_in else []
    move = replace(found.move, reasons=(*reasons, *found.move.reasons))
    return replace(found, value=unique(space, found.value), move=move)


def substituted(space: Space, expr: Expr, solved: Solved) -> Expr:
    """The expression with the solution in the place of its unknown."""
    reads = {ref for ref in expr.atoms(Ref) if ref.name == solved.unknown}
    values = {}
    for ref in reads:
        ends = {axis: index for axis, index in zip(solved.axes, ref.indices, strict=True) if axis != 0}
        values[ref] = unique(space, solved.value.xreplace(ends))
    return expr.xreplace(values)


def unique(space: Space, expr: Expr) -> Expr:
    """The expression with bound indices that occur nowhere else."""
    if not expr.args or isinstance(expr, Ref):
        return expr
    args = [unique(space, arg) if isinstance(arg, Expr) else arg for arg in expr.args]
    if not isinstance(expr, Over | MatrixEntry | LogSoftmax):
        return expr.func(*args)
    names = {index: space.fresh(length) for index, length in expr.limits.items()}
    place = 0 if isinstance(expr, LogSoftmax) else 1
    args[place] = rebound(args[place], names)
    limits = [
        arg.func(names[arg[0]], *arg[1:]) if arg and arg[0] in names and n < len(expr.limits) else arg
        for n, arg in enumerate(args[place + 1 :])
    ]
    return expr.func(*args[: place + 1], *limits)
