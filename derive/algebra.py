"""Textbook forms: the rewriting of one definition until it reads as a person would write it.

Each pass looks at one definition in the context of those it refers to and returns the rewritten
definition with the id of the rule, or ``None``.  ``simplify`` applies the passes in order until
none fires and records every move as a step, so the result and its derivation are one thing.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp
from sympy import Dummy, Expr, Pow

from chainrule.derive.cases import IDENTITY as CASES
from chainrule.derive.cases import one_case
from chainrule.derive.densities import IDENTITY, one_density
from chainrule.derive.identities import READABLE, rewrite
from chainrule.derive.program import (
    Definition,
    Index,
    Input,
    Ref,
)
from chainrule.derive.ranges import reduced
from chainrule.derive.rational import cost, shortest
from chainrule.derive.rewriting import Context, Pass, Rewrite, powers_of_root
from chainrule.derive.scalar import Indicator, equal
from chainrule.derive.steps import Step
from chainrule.derive.sum_passes import (
    collapse_sums,
    drop_unit_bounds,
    known_sums,
    merge_sums,
    repeated_sum,
    shifted_sums,
)

#: Rounds of all passes over one definition; each round must change something to go on.
MAX_ROUNDS = 40
#: What each identity is for, in words.
ABOUT = {identity.id: identity.about for identity in READABLE}
#: Length (see ``cost``) that an inlined body may have.
MAX_INLINE = 100


def substitute(definition: Definition, context: Context) -> Rewrite | None:
    """Puts the bodies of inlined pointwise definitions in place of their names."""
    names = [ref for ref in definition.refs if ref.name in context.inline]
    if not names:
        return None
    body = definition.body.xreplace({ref: _inlined(ref, context) for ref in names})
    bindings = tuple(("name", name) for name in dict.fromkeys(ref.name for ref in names))
    return Rewrite("substitute", definition.with_body(body), bindings)


def _inlined(ref: Ref, context: Context) -> Expr:
    source = context.known[ref.name]
    assert isinstance(source, Definition)
    return source.at(ref.indices)


def readable(definition: Definition, context: Context) -> Rewrite | None:
    """Identities of functions: ``exp(u)/(1 + exp(u))`` is ``sigmoid(u)``, and so on.

    Values that are compared stay as they are: an entry that attains a maximum must equal it to the last digit.
    """
    masks = {part: Dummy() for part in definition.body.atoms(equal)}
    body, used = rewrite(definition.body.xreplace(masks), READABLE)
    body = body.xreplace({mask: part for part, mask in masks.items()})
    if not used or cost(body) > cost(definition.body):
        return None
    return Rewrite("identity", definition.with_body(body), tuple(("identity", ABOUT[name]) for name in used))


def cancel_and_factor(definition: Definition, context: Context) -> Rewrite | None:
    """Common denominators, cancelled fractions, common factors: the shortest of what SymPy offers."""
    best = shortest(definition.body)
    if best == definition.body:
        return None
    return Rewrite("simplify", definition.with_body(best))


def declared_squares(definition: Definition, context: Context) -> Rewrite | None:
    """``y^2`` is ``y`` for 0/1 variables and 1 for -1/1 variables."""
    rules: dict[str, str] = {}

    def reduced(power: Pow) -> Expr:
        source = context.known.get(power.base.name)
        if not isinstance(source, Input) or source.name in context.exact:
            return power
        if source.domain.values == (0, 1):
            rules["idempotent"] = source.name
            return power.base
        if source.domain.values == (-1, 1):
            rules["unit-square"] = source.name
            return power.base ** (power.exp % 2)
        return power

    body = definition.body.replace(
        lambda part: isinstance(part, Pow) and isinstance(part.base, Ref) and part.exp.is_Integer and part.exp > 1,
        reduced,
    )
    if not rules:
        return None
    rule, name = next(iter(rules.items()))
    return Rewrite(rule, definition.with_body(body), (("name", name),))


def symmetric_entries(definition: Definition, context: Context) -> Rewrite | None:
    """Both orders of the indices of a symmetric matrix in one body are written in one order."""
    swaps: dict[Ref, Ref] = {}
    for ref in definition.refs:
        source = context.known[ref.name]
        if isinstance(source, Input) and source.domain.symmetric and source.name not in context.exact:
            mirrored = Ref(ref.args[0], *reversed(ref.indices))
            if mirrored in definition.refs and mirrored not in swaps and mirrored != ref:
                swaps[ref] = mirrored
    if not swaps:
        return None
    names = tuple(dict.fromkeys(("name", ref.name) for ref in swaps))
    return Rewrite("symmetry", definition.with_body(definition.body.xreplace(swaps)), names)


def index_ranges(definition: Definition, context: Context) -> Rewrite | None:
    """Comparisons of indices that always or never hold, and quotients of indices, by their ranges."""
    if not definition.body.atoms(Indicator, sp.floor, sp.Mod):
        return None
    body = reduced(definition.body, definition.lengths)
    return None if body == definition.body else Rewrite("index-range", definition.with_body(body))


def fold(definition: Definition, context: Context) -> Rewrite | None:
    """Writes the body of a forward definition by its name, ``sigmoid(z[i])`` as ``p[i]``."""
    for source in context.foldable:
        if not source.reads <= definition.reads:
            continue
        body = _folded(definition.body, source)
        if body != definition.body:
            return Rewrite("fold", definition.with_body(body), (("name", source.name),))
    return None


def _folded(body: Expr, source: Definition) -> Expr:
    pattern = source.body
    swaps = {}
    for part in body.atoms(type(pattern)) if not pattern.is_Add else ():
        place = match_indices(pattern, part, source)
        if place is not None:
            swaps[part] = source[place]
    for power, count in powers_of_root(body, pattern):
        place = match_indices(pattern.base**power.exp, power, source)
        if place is not None:
            swaps[power] = source[place] ** count
    return body.xreplace(swaps)


def match_indices(pattern: Expr, part: Expr, source: Definition) -> tuple[Expr, ...] | None:
    """Indices at which ``source`` has the body ``part``, if there are any."""
    anchors = [ref for ref in source.refs if set(source.free) <= set(ref.indices)]
    if not anchors:
        return None if source.shape or pattern != part else ()
    anchor = anchors[0]
    for ref in part.atoms(Ref):
        if ref.args[0] != anchor.args[0]:
            continue
        pairs = zip(anchor.indices, ref.indices, strict=True)
        renaming = {place: index for place, index in pairs if isinstance(place, Index)}
        if all(renaming.get(index) is not None for index in source.free) and pattern.xreplace(renaming) == part:
            return tuple(renaming[index] for index in source.free)
    return None


def join_cases(definition: Definition, context: Context) -> Rewrite | None:
    """Functions with cases that share a switch, written with one of them."""
    found = one_case(definition.body)
    return None if found is None else Rewrite("identity", definition.with_body(found), (("identity", CASES),))


def join_densities(definition: Definition, context: Context) -> Rewrite | None:
    """Gaussian densities at several points as one of them times exponentials."""
    found = one_density(definition.body, context.known)
    if found is None:
        return None
    return Rewrite("identity", definition.with_body(found), (("identity", IDENTITY),))


PASSES: tuple[Pass, ...] = (
    substitute,
    drop_unit_bounds,
    collapse_sums,
    known_sums,
    index_ranges,
    declared_squares,
    symmetric_entries,
    readable,
    fold,
    repeated_sum,
    cancel_and_factor,
    join_cases,
    join_densities,
    merge_sums,
    shifted_sums,
)


def simplify(definition: Definition, context: Context) -> tuple[Definition, tuple[Step, ...]]:
    """The definition in textbook form, and the steps that lead there."""
    steps: list[Step] = []
    for _ in range(MAX_ROUNDS):
        move = next(_moves(definition, context), None)
        if move is None:
            break
        steps.append(Step(move.rule, definition.name, definition, move.definition, move.bindings))
        definition = move.definition
    return definition, tuple(steps)


def _moves(definition: Definition, context: Context) -> Iterator[Rewrite]:
    for attempt in PASSES:
        move = attempt(definition, context)
        if move is not None and move.definition != definition:
            yield move
