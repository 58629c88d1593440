"""Textbook forms: the rewriting of one definition until it reads as a person would write it.

Each pass looks at one definition in the context of those it refers to and returns the rewritten
definition with the id of the rule, or ``None``.  ``simplify`` applies the passes in order until
none fires and records every move as a step, so the result and its derivation are one thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import sympy as sp
from sympy import Add, Expr, Integer, KroneckerDelta, Mul, Pow, S

from chainrule.derive.cases import IDENTITY as CASES
from chainrule.derive.cases import one_case
from chainrule.derive.densities import IDENTITY, one_density
from chainrule.derive.deviations import deviations
from chainrule.derive.identities import READABLE, rewrite
from chainrule.derive.index_equations import solve_for
from chainrule.derive.program import (
    Definition,
    Index,
    Input,
    Ref,
    bound_index,
    fresh_names,
    is_unit,
)
from chainrule.derive.ranges import counted, reduced, required_facts
from chainrule.derive.rational import cost, shortest
from chainrule.derive.repeated_sums import repeated
from chainrule.derive.scalar import Indicator
from chainrule.derive.steps import Step

#: Rounds of all passes over one definition; each round must change something to go on.
MAX_ROUNDS = 40
#: What each identity is for, in words.
ABOUT = {identity.id: identity.about for identity in READABLE}
#: Length that a sum sign adds to an expression, see ``cost``.
SUM_COST = 2
#: Length (see ``cost``) that an inlined body may have.
MAX_INLINE = 100


@dataclass
class Context:
    """What a pass may look up, and where it puts definitions that it has to split off.

    Attributes:
        known: inputs and definitions by name.
        inline: names of pointwise definitions to be replaced by their bodies.
        exact: names whose declared identities must not be used, because the result may still be
            differentiated by them.
        added: auto definitions that passes split off, in order.
        foldable: pointwise definitions whose bodies are to be written by name.
        reserved: names of definitions that were written into others: they must not mean anything else.
        beside: the names that the quantity reads whose parts are simplified.
    """

    known: dict[str, Input | Definition]
    inline: set[str] = field(default_factory=set)
    exact: frozenset[str] = frozenset()
    added: list[Definition] = field(default_factory=list)
    foldable: list[Definition] = field(default_factory=list)
    reserved: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()

    def fresh(self, stem: str) -> str:
        """A name that nothing has."""
        return next(name for name in fresh_names(self.known, stem) if name not in self.reserved)

    def split_off(self, definition: Definition, stem: str) -> Definition:
        """Adds a definition under a fresh name."""
        named = replace(definition, name=self.fresh(stem))
        self.known[named.name] = named
        self.added.append(named)
        return named


@dataclass(frozen=True)
class Rewrite:
    """The outcome of a pass: the rule that was used and the definition after it."""

    rule: str
    definition: Definition
    bindings: tuple[tuple[str, str], ...] = ()


Pass = Callable[[Definition, Context], Rewrite | None]


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


# ---- bound indices ----------------------------------------------------------------------------


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


# ---- scalar algebra -----------------------------------------------------------------------------


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
    """Identities of functions: ``exp(u)/(1 + exp(u))`` is ``sigmoid(u)``, and so on."""
    body, used = rewrite(definition.body, READABLE)
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
)
