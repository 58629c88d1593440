"""Sums of sums as one sum: what is read once, as a term of another sum, needs no name of its own.

``mean(sum(Y*log(P), axis=1))`` is one sum over rows and columns, and so it is differentiated: each
term of it is one term of the loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from sympy import Mul

from chainrule.derive.program import Definition, Program, Ref


def with_merged_sums(program: Program, kept: Collection[str] = ()) -> Program:
    """The program in which nameless sums are written into the sums that they are a factor of a term of.

    ``kept`` are names that stay.
    """
    readings = Counter(ref.name for item in program.definitions for ref in item.body.atoms(Ref))
    readings.update([*program.outputs, *kept])
    known: dict[str, Definition] = {}
    merged: set[str] = set()
    for item in program.definitions:
        known[item.name] = item
        inner = _inner(item, known) if item.reduce == "sum" else None
        if inner and readings[inner.name] == 1:
            known[item.name] = _merged(item, inner)
            merged.add(inner.name)
    return program.with_definitions(known[item.name] for item in program.definitions if item.name not in merged)


def _inner(item: Definition, known: dict[str, Definition]) -> Definition | None:
    """The sum that every term of a sum has as its only factor with indices."""
    refs = [ref for ref in Mul.make_args(item.body) if isinstance(ref, Ref) and ref.name in known]
    if len(refs) != 1:
        return None
    (ref,), inner = refs, known[refs[0].name]
    sums = inner.reduce == "sum" and inner.origin == "auto" and not (item.body / ref).atoms(Ref)
    return inner if sums and set(item.bound_indices) <= set(ref.indices) else None


def _merged(item: Definition, inner: Definition) -> Definition:
    """One sum over the indices of both."""
    (ref,) = [ref for ref in item.refs if ref.name == inner.name]
    body = item.body.xreplace({ref: inner.at(ref.indices, first_bound=len(item.bound))})
    return replace(item, body=body, bound=item.bound + inner.bound)
