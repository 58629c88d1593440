"""The local derivative of every link: how the entries of a quantity move with those it is made of.

A step of the chain rule passes an adjoint on through a quantity ``c``.  What it multiplies by is
``dc[..]/da[..]``, the derivative of one entry by one entry with everything else fixed, which
textbooks work out first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Add, Expr, Integer, KroneckerDelta, Mul, S

from chainrule.derive.algebra import simplify
from chainrule.derive.forms.components import components
from chainrule.derive.normalised import Normalised, normalised
from chainrule.derive.program import Definition, Index, Program, Ref, bound_index, free_index, fresh_names
from chainrule.derive.quotients import is_softmax, quotient_moves
from chainrule.derive.reverse import local_derivative
from chainrule.derive.rewriting import Context
from chainrule.derive.scalar_moves import scalar_steps
from chainrule.derive.steps import Partial, Step
from chainrule.derive.weights import softmax_of


def with_links(step: Step, program: Program, hidden: Mapping[str, str]) -> Step:
    """A step of the chain rule with the local derivatives that it uses; other steps as they are.

    ``hidden`` are sums that are told as a part of their reader, which is linear in them.
    """
    if not isinstance(step.before.body, Partial) or step.rule in ("seed", "independent"):
        return step
    if step.rule == "local-derivative":
        quantity = program.by_name[step.before.body.output.name]
        assert isinstance(quantity, Definition)
        return replace(step, substeps=_worked_out(step.after, quantity.body, step.before.body.variable, program))
    links: dict[Step, None] = {}
    for key, name in step.bindings:
        through = program.by_name.get(name)
        if key == "through" and isinstance(through, Definition):
            links |= dict.fromkeys(_links(_told(through, program, hidden), step.before.body.variable.name, program))
    return replace(step, substeps=tuple(_together(links)))


def links_between(reader: str, variable: str, program: Program, hidden: Mapping[str, str]) -> Iterator[Step]:
    """The local derivatives of a quantity by one that it reads, whether or not a step passes through it."""
    quantity = program.by_name[reader]
    if isinstance(quantity, Definition):
        yield from _together(_links(_told(quantity, program, hidden), variable, program))


def is_component(link: Step) -> bool:
    """Whether a local derivative is that of one component by one component."""
    return not link.after.shape and not link.after.reduce and not link.before.body.atoms(Index)


def as_matrix(links: Sequence[Step], program: Program) -> Step | None:
    """The components of the derivative of one quantity by one array as the matrix that they make up."""
    pairs = {(link.before.body.output.name, link.before.body.variable.name) for link in links}
    if len(links) < 2 or len(pairs) > 1 or not all(map(is_component, links)):
        return None
    above, below = (program.by_name[name] for name in next(iter(pairs)))
    shape = above.shape + below.shape
    axes = tuple(free_index(n) for n in range(len(shape)))
    body = Add(*(_at(link, axes) for link in links))
    whole = Partial(above[axes[: len(above.shape)]], below[axes[len(above.shape) :]])
    before = Definition(links[0].where, shape, whole)
    return replace(links[0], before=before, after=before.with_body(body), substeps=())


def _at(link: Step, axes: Sequence[Index]) -> Expr:
    """A component in its place, zero elsewhere."""
    part = link.before.body
    places = (*part.output.indices, *part.variable.indices)
    return link.after.body * Mul(*(KroneckerDelta(axis, place) for axis, place in zip(axes, places, strict=True)))


def _together(links: Iterable[Step]) -> Iterator[Step]:
    """Several terms of a quantity that read the same entry have one derivative, their sum."""
    groups: dict[tuple[Expr, tuple[Expr, ...], str], list[Step]] = {}
    for link in links:
        groups.setdefault((link.before.body, link.before.shape, link.after.reduce), []).append(link)
    for first, *others in groups.values():
        body = Add(first.after.body, *(other.after.body for other in others))
        yield replace(first, after=first.after.with_body(body), substeps=()) if others else first


def _told(quantity: Definition, program: Program, hidden: Mapping[str, str]) -> Definition:
    """A sum as a term of its reader, under the reader's name; any other quantity as it is."""
    reader = program.by_name.get(hidden.get(quantity.name, ""))
    if not isinstance(reader, Definition):
        return quantity
    (ref,) = [ref for ref in reader.refs if ref.name == quantity.name]
    back = dict(zip(ref.indices, quantity.free, strict=True))
    factor = local_derivative(reader, ref, program.kinks).xreplace(back)
    axes = tuple(length for index, length in reader.lengths.items() if index in back)
    return replace(quantity, name=reader.name, shape=axes, body=factor * quantity.body)


def _links(quantity: Definition, variable: str, program: Program) -> Iterator[Step]:
    """The local derivatives of a quantity by the entries of a variable that it reads."""
    unit = normalised(quantity, program.by_name, {variable, *quantity.reads})
    if unit:
        yield from _softmax_links(quantity, unit, variable, program)
    elif quantity.reduce in ("", "sum", "logsumexp"):
        for part, at in _by_components(quantity, variable):
            for ref in part.refs:
                if ref.name == variable:
                    yield _moved(part, ref, at, program)


def _moved(quantity: Definition, ref: Ref, at: tuple[Expr, ...], program: Program) -> Step:
    """The local derivative of a quantity, or of the part of it that stands ``at`` a place, move by move."""
    value = quantity[quantity.free]
    weight = softmax_of(quantity) if quantity.reduce == "logsumexp" else S.One
    slope = (local_derivative(quantity, ref, program.kinks) * weight).xreplace({value: quantity[at]})
    link, placed = _link(quantity, ref, slope, quantity.bound_indices, program, at=at)
    if quantity.reduce == "logsumexp" or not all(map(ref.has, quantity.bound_indices)):
        return link
    moves = _worked_out(link.after, quantity.body.xreplace(placed), ref.xreplace(placed), program)
    return replace(link, substeps=moves)


def _by_components(quantity: Definition, variable: str) -> Iterator[tuple[Definition, tuple[Expr, ...]]]:
    """A quantity that is told by cases part by part, each with its place; any other as it is.

    By a scalar, all parts are differentiated at once.
    """
    scalar = not any(ref.indices for ref in quantity.refs if ref.name == variable)
    parts = {} if scalar or quantity.reduce else components(quantity.body, quantity.lengths, quantity.free)
    for place, body in parts.items():
        rest = quantity.free[len(place) :]
        renamed = {index: free_index(n) for n, index in enumerate(rest)}
        part = Definition(quantity.name, quantity.shape[len(place) :], body.xreplace(renamed), sign=quantity.sign)
        yield part, (*map(Integer, place), *part.free)
    if not parts:
        yield quantity, quantity.free


def _softmax_links(quantity: Definition, unit: Normalised, variable: str, program: Program) -> Iterator[Step]:
    """``dp[..,k]/da[..,l] = p[..,k] (delta[k,l] - p[..,l])`` for ``p = softmax(a)``, or what reads it so."""
    over = [index for index, own in unit.own.items() if own in unit.normaliser.bound_indices]
    others = {index: Index(f"l{n}", integer=True, nonnegative=True) for n, index in enumerate(over)}
    same = Mul(*(KroneckerDelta(index, other) for index, other in others.items()))
    scores = quantity.with_body(unit.scores)
    refs = [ref for ref in scores.refs if ref.name == variable]
    for ref in refs:
        own = local_derivative(scores, ref, program.kinks).xreplace(others)
        slope = own * unit.slope * (same - unit.share.xreplace(others))
        lengths = {others[index]: quantity.lengths[index] for index in over}
        link, placed = _link(quantity, ref.xreplace(others), slope, tuple(lengths), program, lengths)
        if len(refs) == 1 and not link.after.reduce and is_softmax(quantity, unit):
            moves = quotient_moves(link, quantity, unit, others, (same, own), placed, program)
            link = replace(link, substeps=moves)
        yield link


def _link(
    quantity: Definition, ref: Ref, slope: Expr, more: Sequence[Index], program: Program,
    lengths: Mapping[Index, Expr] | None = None, at: tuple[Expr, ...] | None = None,
) -> tuple[Step, dict[Index, Index]]:  # fmt: skip
    """``dc[..]/da[..] = slope`` over the axes of the quantity, and how its indices were renamed.

    ``more`` are further indices of the slope: those in the entry become axes, and over the others
    is summed, since an entry that several terms read has the sum of their slopes.  ``at`` is where
    the quantity stands in another one of its name, of which it is a part.
    """
    lengths = quantity.lengths if lengths is None else lengths
    own, summed = ([index for index in more if ref.has(index) == with_entry] for with_entry in (True, False))
    placed = {index: free_index(len(quantity.shape) + n) for n, index in enumerate(own)}
    placed |= {index: bound_index(n) for n, index in enumerate(summed)}
    name = next(fresh_names(program.by_name, f"d{quantity.name}_d{ref.name}"))
    shape = (*quantity.shape, *(lengths[index] for index in own))
    over = tuple(lengths[index] for index in summed)
    raw = Definition(name, shape, slope.xreplace(placed), "sum" if over else "", over)
    context = Context(dict(program.by_name), exact=frozenset(item.name for item in program.inputs))
    # A sum stays as it is: what makes it simpler is told where it is used.
    simple = raw if over else simplify(raw, context)[0]
    before = Definition(name, shape, Partial(quantity[quantity.free if at is None else at], ref.xreplace(placed)))
    return Step("link", name, before, raw if context.added else simple), placed


def _worked_out(link: Definition, body: Expr, ref: Ref, program: Program) -> tuple[Step, ...]:
    """The derivative of a body by an entry, move by move, up to the form that the link has."""
    moves = scalar_steps(link.with_body(body), ref, program.kinks)
    if not moves or moves[-1].after == link:
        return moves
    return (*moves, Step("simplify", link.name, moves[-1].after, link))
