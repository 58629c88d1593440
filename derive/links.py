"""The local derivative of every link: how the entries of a quantity move with those it is made of.

A step of the chain rule passes an adjoint on through a quantity ``c``.  What it multiplies by is
``dc[..]/da[..]``, the derivative of one entry by one entry with everything else fixed, which
textbooks work out first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sympy import Expr, KroneckerDelta, Mul, S, exp

from chainrule.derive.algebra import Context, simplify
from chainrule.derive.calculus import local_derivative
from chainrule.derive.normalised import Normalised, normalised
from chainrule.derive.program import Definition, Index, Program, Ref, free_index, fresh_names
from chainrule.derive.scalar_moves import scalar_steps
from chainrule.derive.steps import Partial, Step


def with_links(step: Step, program: Program, hidden: Mapping[str, str]) -> Step:
    """A step of the chain rule with the local derivatives that it uses; other steps as they are.

    ``hidden`` are sums that are told as a part of their reader, which is linear in them.
    """
    if not isinstance(step.before.body, Partial) or step.rule in ("seed", "independent"):
        return step
    if step.rule == "local-derivative":
        quantity = program.by_name[step.before.body.output.name]
        assert isinstance(quantity, Definition)
        return replace(step, substeps=_worked_out(step.after, quantity.body, step.before.body.variable))
    links: dict[Step, None] = {}
    for key, name in step.bindings:
        through = program.by_name.get(name)
        if key == "through" and isinstance(through, Definition):
            links |= dict.fromkeys(_links(_told(through, program, hidden), step.before.body.variable.name, program))
    return replace(step, substeps=tuple(links))


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
    if unit and isinstance(unit.scores, Ref):
        yield _softmax_link(quantity, unit, unit.scores, program)
    elif quantity.reduce in ("", "sum", "logsumexp"):
        weight = exp(quantity.body - quantity[quantity.free]) if quantity.reduce == "logsumexp" else S.One
        for ref in quantity.refs:
            if ref.name == variable:
                slope = local_derivative(quantity, ref, program.kinks) * weight
                own = [index for index in quantity.bound_indices if ref.has(index)]
                summed = [index for index in quantity.bound_indices if not ref.has(index)]
                axes = _numbered(own, len(quantity.shape)) | dict(zip(summed, quantity.bound_indices, strict=False))
                more = tuple(quantity.lengths[index] for index in own)
                over = tuple(quantity.lengths[index] for index in summed)
                link = _link(quantity, ref.xreplace(axes), slope.xreplace(axes), more, program, over)
                if quantity.reduce != "logsumexp" and not summed:
                    moves = _worked_out(link.after, quantity.body.xreplace(axes), ref.xreplace(axes))
                    link = replace(link, substeps=moves)
                yield link


def _softmax_link(quantity: Definition, unit: Normalised, score: Ref, program: Program) -> Step:
    """``dp[..,k]/da[..,l] = p[..,k] (delta[k,l] - p[..,l])`` for ``p = softmax(a)``, or what reads it so."""
    over = [index for index, own in unit.own.items() if own in unit.normaliser.bound_indices]
    others = _numbered(over, len(quantity.shape))
    same = Mul(*(KroneckerDelta(index, other) for index, other in others.items()))
    slope = unit.slope * (same - unit.share.xreplace(others))
    return _link(quantity, score.xreplace(others), slope, tuple(quantity.lengths[index] for index in over), program)


def _link(
    quantity: Definition, ref: Ref, slope: Expr, more: tuple[Expr, ...], program: Program, over: tuple[Expr, ...] = ()
) -> Step:
    """``dc[..]/da[..] = slope``, over the axes of the quantity and then axes of the lengths ``more``.

    An entry that several terms of a sum read has the sum of their slopes, ``over`` their indices.
    """
    name = next(fresh_names(program.by_name, f"d{quantity.name}_d{ref.name}"))
    raw = Definition(name, quantity.shape + more, slope, "sum" if over else "", over)
    context = Context(dict(program.by_name), exact=frozenset(item.name for item in program.inputs))
    simple, _ = simplify(raw, context)
    partial = Definition(name, raw.shape, Partial(quantity[quantity.free], ref))
    return Step("link", name, partial, raw if context.added else simple)


def _worked_out(link: Definition, body: Expr, ref: Ref) -> tuple[Step, ...]:
    """The derivative of a body by an entry, move by move, up to the form that the link has."""
    moves = scalar_steps(link.with_body(body), ref)
    if not moves or moves[-1].after == link:
        return moves
    return (*moves, Step("simplify", link.name, moves[-1].after, link))


def _numbered(indices: Sequence[Index], start: int) -> dict[Index, Index]:
    """Free indices for other ones, numbered from ``start``."""
    return {index: free_index(start + n) for n, index in enumerate(indices)}
