"""Passes over sums: those that a delta, a constant summand or a declared identity makes trivial; sums of sums."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp
from sympy import Add, Expr, Integer, KroneckerDelta, Mul, S

from chainrule.derive.deviations import deviations
from chainrule.derive.index_equations import solve_for
from chainrule.derive.program import (
    Definition,
    Index,
    Input,
    Ref,
    bound_index,
    is_unit,
)
from chainrule.derive.ranges import counted, reduced, required_facts
from chainrule.derive.rational import cost, shortest
from chainrule.derive.repeated_sums import repeated
from chainrule.derive.rewriting import Context, Rewrite

#: Length that a sum sign adds to an expression, see ``cost``.
SUM_COST = 2


def rebuild(definition: Definition, body: Expr, kept: tuple[Index, ...]) -> Definition:
    """The definition with another body, summing only over the ``kept`` bound indices."""
    lengths = definition.lengths
    renaming = {index: bound_index(position) for position, index in enumerate(kept)}
    return replace(
        definition,
        body=body.xreplace(renaming),
        bound=tuple(lengths[index] for index in kept),
        reduce=definition.reduce if kept else "",
    )


def drop_unit_bounds(definition: Definition, context: Context) -> Rewrite | None:
    """Sums over an axis of length one have one term."""
    units = {index: Integer(0) for index, length in definition.lengths.items() if is_unit(length)}
    bound = tuple(index for index in definition.bound_indices if index not in units)
    if definition.reduce != "sum" or len(bound) == len(definition.bound):
        return None
    units = {index: zero for index, zero in units.items() if index in definition.bound_indices}
    return Rewrite("constant-sum", rebuild(definition, definition.body.xreplace(units), bound))


def collapse_sums(definition: Definition, context: Context) -> Rewrite | None:
    """Sums that a delta, a constant summand or a declared identity makes trivial, term by term."""
    if definition.reduce != "sum":
        return None
    whole = definition.body.is_Add and deviations(
        definition.body, definition.bound_indices, definition.lengths, context.known
    )
    terms = (definition.body,) if whole else Add.make_args(_with_open_deltas(definition.body))
    outcomes = [_collapse_term(term, definition, context) for term in terms]
    used = dict.fromkeys(use for uses, _, _ in outcomes for use in uses)
    if not used:
        return None
    rules = tuple(dict.fromkeys(rule for rule, _ in used))
    names = tuple(("name", name) for _, name in used if name)
    bindings = (*names, *(("also", rule) for rule in rules[1:]))
    if len(terms) == 1:
        return Rewrite(rules[0], rebuild(definition, outcomes[0][1], outcomes[0][2]), bindings)
    total = S.Zero
    for kept in dict.fromkeys(kept for _, _, kept in outcomes):
        part = Add(*(value for _, value, indices in outcomes if indices == kept))
        if kept:
            part = context.split_off(replace(rebuild(definition, part, kept), origin="auto"), "s")[definition.free]
        total += part
    return Rewrite(rules[0], replace(definition, body=total, reduce="", bound=()), bindings)


def _with_open_deltas(body: Expr) -> Expr:
    """The body multiplied out as far as it takes for every delta to be a factor of a term."""
    inside = any(
        part.has(KroneckerDelta) and not isinstance(part, KroneckerDelta)
        for term in Add.make_args(body)
        for part in Mul.make_args(term)
    )
    return sp.expand_mul(body) if inside else body


#: A rule, and the quantity it was used on ("" if there is nothing to name).
Use = tuple[str, str]


def _collapse_term(
    term: Expr, definition: Definition, context: Context
) -> tuple[tuple[Use, ...], Expr, tuple[Index, ...]]:
    """A summand with bound indices summed away: (rules used, summand, indices left)."""
    bound: tuple[Index, ...] = definition.bound_indices
    uses: tuple[Use, ...] = ()
    for factor in Mul.make_args(term):
        over = deviations(factor, bound, definition.lengths, context.known)
        if over and not (term / factor).has(*over):
            return (("deviations", ""),), S.Zero, ()
    moved = True
    while moved:
        moved = False
        for index in bound:
            move = _sum_over(term, index, definition, context)
            if move is not None:
                uses, term, moved = (*uses, move[0]), move[1], True
                bound = tuple(other for other in bound if other != index)
                break
    return uses, term, bound


def _sum_over(
    term: Expr, index: Index, definition: Definition, context: Context
) -> tuple[Use, Expr] | None:
    length = definition.lengths[index]
    factors = Mul.make_args(term)
    for factor in factors:
        if isinstance(factor, KroneckerDelta) and factor.has(index):
            facts = required_facts([factor], context.known, definition.lengths)
            solution = solve_for(factor, index, definition.lengths, facts)
            if solution is not None:
                others = Mul(*(other for other in factors if other is not factor))
                return ("collapse-delta", ""), reduced(
                    others.xreplace({index: solution[0]}) * solution[1], definition.lengths
                )
    having = [factor for factor in factors if factor.has(index)]
    count = counted(having, index, length)
    if count is not None:
        return ("constant-sum", ""), Mul(*(factor for factor in factors if factor not in having)) * count
    if len(having) == 1 and isinstance(having[0], Add):
        parts = [_sum_over(part, index, definition, context) for part in having[0].args]
        found = [part for part in parts if part is not None]
        special = [use for use, _ in found if use[0] != "constant-sum"]
        if special and len(found) == len(parts):
            return special[0], term / having[0] * Add(*(value for _, value in found))
    if len(having) == 1:
        rule = _sums_to_one(having[0], index, context)
        if rule:
            name = having[0].name if isinstance(having[0], Ref) else ""
            return (rule, name), Mul(*(factor for factor in factors if factor is not having[0]))
    return None


def known_sums(definition: Definition, context: Context) -> Rewrite | None:
    """Sums among the forward definitions that a declared identity makes a number."""
    values: dict[Expr, Expr] = {}
    used: list[Use] = []
    for ref in definition.refs:
        source = context.known[ref.name]
        if isinstance(source, Definition) and source.reduce == "sum" and source.origin == "auto":
            terms = [_collapse_term(term, source, context) for term in Add.make_args(source.body)]
            value = Add(*(part for _, part, _ in terms))
            if not any(left for _, _, left in terms) and not value.atoms(Index):
                values[ref] = value
                used += [use for uses, _, _ in terms for use in uses]
    if not values:
        return None
    names = tuple(("name", name) for _, name in dict.fromkeys(used) if name)
    also = tuple(("also", rule) for rule in dict.fromkeys(rule for rule, _ in used))
    return Rewrite(used[0][0], definition.with_body(definition.body.xreplace(values)), (*names, *also[1:]))


def shifted_sums(definition: Definition, context: Context) -> Rewrite | None:
    """``f - sum_k p[k] (c + g[k])`` as ``f - c - sum_k p[k] g[k]`` where p sums to one, if that is shorter."""
    for ref in definition.refs:
        source = context.known[ref.name]
        if not isinstance(source, Definition) or source.reduce != "sum" or source.origin != "auto":
            continue
        source = _with_unread_parts(source, definition, context)
        found = _shift(source, context) if len(source.bound) == 1 else None
        if found is None:
            continue
        use, shift, rest = found
        constant = shift.xreplace(dict(zip(source.free, ref.indices, strict=True)))
        shorter = shortest(definition.body.xreplace({ref: constant + ref}))
        if cost(shorter) < cost(definition.body):
            part = context.split_off(replace(source, body=rest), "s")
            body = shorter.xreplace({ref: part[ref.indices]})
            return Rewrite(use[0], definition.with_body(body), (("name", use[1]),) if use[1] else ())
    return None


def _with_unread_parts(source: Definition, reader: Definition, context: Context) -> Definition:
    """A sum with the pointwise derivatives written out that its reader has written out already."""
    parts = {ref: context.known[ref.name] for ref in source.refs if ref.name not in reader.reads}
    bodies = {
        ref: part.at(ref.indices) for ref, part in parts.items()
        if isinstance(part, Definition) and not part.reduce and part.origin in ("auto", "adjoint")
    }  # fmt: skip
    return source.with_body(source.body.xreplace(bodies))


def _shift(source: Definition, context: Context) -> tuple[Use, Expr, Expr] | None:
    """What is added to a mean with weights that sum to one, and the summand without it."""
    (index,) = source.bound_indices
    factors = Mul.make_args(source.body)
    rules = {factor: rule for factor in factors if (rule := _sums_to_one(factor, index, context))}
    for weight, rule in rules.items():
        terms = Add.make_args(sp.expand_mul(source.body / weight))
        shift = Add(*(term for term in terms if not term.has(index)))
        if shift != 0 and len(terms) > 1:
            name = weight.name if isinstance(weight, Ref) else ""
            return (rule, name), shift, weight * Add(*(term for term in terms if term.has(index)))
    return None


def _sums_to_one(factor: Expr, index: Index, context: Context) -> str:
    """The rule by which ``sum over index of factor`` is one, or ``""``."""
    if isinstance(factor, Ref):
        source = context.known[factor.name]
        last = bool(factor.indices) and factor.indices[-1] == index and index not in factor.indices[:-1]
        if isinstance(source, Input) and last and source.domain.sums_to_one and source.name not in context.exact:
            return "sums-to-one"
        if isinstance(source, Definition) and not source.reduce:
            inlined = source.at(factor.indices)
            return _sums_to_one(inlined, index, context) if not isinstance(inlined, Ref) else ""
    if isinstance(factor, sp.exp):
        return "softmax-sums-to-one" if _is_softmax(factor.args[0], index, context) else ""
    return ""


def _is_softmax(exponent: Expr, index: Index, context: Context) -> bool:
    """Whether ``exponent`` is ``z - logsumexp(z)`` with the logsumexp taken over ``index`` alone."""
    for ref in exponent.atoms(Ref):
        source = context.known[ref.name]
        if isinstance(source, Definition) and source.reduce == "logsumexp" and len(source.bound) == 1:
            if ref.has(index):
                continue
            logit = source.at(ref.indices).xreplace({bound_index(0): index})
            if sp.expand(exponent - logit + ref) == 0:
                return True
    return False


def merge_sums(definition: Definition, context: Context) -> Rewrite | None:
    """``sum_k f + sum_k g`` as one sum where the sum of the summands has a common factor."""
    if definition.reduce or not definition.body.is_Add:
        return None
    parts = [_scaled_sum(term, definition, context) for term in definition.body.args]
    sums = [part for part in parts if part is not None]
    bounds = {source.bound for _, source in sums}
    if len(sums) < len(parts) or len(bounds) != 1:
        return None
    bodies = [factor * source.body for factor, source in sums]
    merged = shortest(Add(*bodies))
    saved = SUM_COST * (len(bodies) - 1)
    if isinstance(merged, Add) or cost(merged) >= sum(cost(body) for body in bodies) + saved:
        return None
    after = replace(definition, body=merged, reduce="sum", bound=bounds.pop())
    return Rewrite("merge-sums", after)


def _scaled_sum(
    term: Expr, definition: Definition, context: Context
) -> tuple[Expr, Definition] | None:
    """A term that is a factor without indices times an auto sum over the definition's own axes."""
    refs = [factor for factor in Mul.make_args(term) if isinstance(factor, Ref) and factor.indices == definition.free]
    if len(refs) != 1:
        return None
    source = context.known[refs[0].name]
    if not isinstance(source, Definition) or source.reduce != "sum" or source.origin != "auto":
        return None
    return term / refs[0], source


def repeated_sum(definition: Definition, context: Context) -> Rewrite | None:
    """A multiple of a sum that is known already, by the name of that one."""
    found = repeated(definition, context.known, context.exact)
    if found is None or not (definition.origin == "adjoint" or found.name in context.beside):
        # In a part alone it would part what is equal in the whole.
        return None
    if found.mirrored:
        names = tuple(("name", name) for name in found.mirrored)
        return Rewrite("symmetry", definition.with_body(found.summand), names)
    return Rewrite("fold", replace(definition, body=found.body, reduce="", bound=()), (("name", found.name),))
