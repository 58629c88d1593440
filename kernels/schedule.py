"""From a program to one that is cheap to run: deltas resolved, sums of products in a good order.

Every pass takes a program and gives a program with the same values, so that each can be checked
by evaluating before and after:

1. a matrix of which a function is taken gets a definition of its own;
2. equal definitions are merged;
3. what is infinite is kept out of products with sums of terms that may be 0;
4. the inverse of a symmetric matrix is read in one order of its indices;
5. sums over Kronecker deltas are taken (``sum_k delta(i, k) a[k] = a[i]``), outer products written
   into the sums that read them (see :mod:`outer`);
6. a sum of products is contracted two factors at a time, cheapest first, so that
   ``sum_ij a[i] A[i,j] B[j,k]`` is two matrix-vector products and not a triple loop; terms that
   labels add to single entries stay apart (see :mod:`scatter`).

What is left is, definition by definition, one call (see :mod:`operations`) or a loop nest (see
:mod:`loops`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import sympy as sp
from sympy import Add, Expr, KroneckerDelta, Mul, S

from chainrule.derive.forms.symmetry import Symmetry
from chainrule.derive.index_equations import solve_for
from chainrule.derive.matrix_adjoints import with_operands
from chainrule.derive.program import (
    Definition,
    Index,
    Program,
    Ref,
    bound_index,
    free_index,
    fresh_names,
)
from chainrule.derive.ranges import reduced
from chainrule.derive.scatter import Scatter, scatter_of
from chainrule.derive.zero_products import as_choice, wild_names
from chainrule.kernels.outer import expanded, is_outer
from chainrule.kernels.products import Shapes, is_plain, matrix_product, shapes_of

#: Terms that the expansion of a product of sums may have.
MAX_EXPANDED_TERMS = 16


def schedule(program: Program) -> Program:
    """The program in the order and form in which it is computed."""
    for step in STEPS:
        program = step(program)
    return program.pruned()


# ---- inverses of symmetric matrices ---------------------------------------------------------------


def order_inverses(program: Program) -> Program:
    """Entries of the inverses of symmetric matrices with their indices in one order, so that equal terms meet."""
    symmetry = Symmetry(program)
    symmetric = {
        item.name for item in program.definitions
        if item.reduce == "inv" and len(item.shape) == 2 and symmetry.of_item(item.refs[0].name)
    }  # fmt: skip
    if not symmetric:
        return program

    def ordered(body: Expr) -> Expr:
        refs = (ref for ref in body.atoms(Ref) if ref.name in symmetric)
        return body.xreplace({ref: Ref(ref.args[0], *sorted(ref.indices, key=str)) for ref in refs})

    return program.with_definitions(item.with_body(ordered(item.body)) for item in program.definitions)


# ---- equal definitions --------------------------------------------------------------------------


def merge_equal(program: Program) -> Program:
    """Definitions that say the same are computed once."""
    first: dict[tuple[object, ...], Definition] = {}
    heads: dict[Expr, Expr] = {}
    kept: list[Definition] = []
    for definition in program.definitions:
        current = definition.with_body(_with_heads(definition.body, heads))
        key = (current.shape, current.body, current.reduce, current.bound)
        known = first.setdefault(key, current)
        if known is current or definition.name in program.outputs:
            kept.append(current)
        else:
            heads[current.head] = known.head
    return program.with_definitions(kept)


def _with_heads(body: Expr, heads: Mapping[Expr, Expr]) -> Expr:
    found = {ref: Ref(heads[ref.args[0]], *ref.indices) for ref in body.atoms(Ref) if ref.args[0] in heads}
    return body.xreplace(found) if found else body


# ---- zero times infinity ----------------------------------------------------------------------------


def with_zero_terms(program: Program) -> Program:
    """Contractions with factors that may be infinite as sums of choices, which are not taken apart.

    ``sum_k M[i,k] h[k]`` with ``h = log(p)`` has no term where ``M[i,k] = 0``, whatever ``h[k]`` is;
    a matrix product does not know that.
    """
    wild = wild_names(program)

    def safe(term: Expr) -> Expr:
        return as_choice(term, wild.__contains__) if len(_groups(term)) > 1 else term

    return program.with_definitions(
        item.with_body(Add(*map(safe, Add.make_args(item.body)))) if item.reduce == "sum" else item
        for item in program.definitions
    )


# ---- Kronecker deltas -------------------------------------------------------------------------------


def _terms_of_deltas(body: Expr) -> tuple[Expr, ...]:
    """The terms of a body, products of sums with a delta multiplied out."""
    if any(isinstance(part, Add) and part.has(KroneckerDelta) for part in Mul.make_args(body)):
        body = sp.expand_mul(body)
    terms = (sp.expand_mul(term) if term.has(KroneckerDelta) else term for term in Add.make_args(body))
    return tuple(part for term in terms for part in Add.make_args(term))


def _resolve_term(term: Expr, bound: list[Index], lengths: Mapping[Index, Expr]) -> Expr:
    """The sum of a term over the bound indices that its deltas fix and those it does not contain."""
    left = list(bound)
    while (found := _solvable(term, left, lengths)) is not None:
        delta, index, value, mask = found
        left.remove(index)
        term = reduced(term.xreplace({delta: S.One}).xreplace({index: value}) * mask, lengths)
    absent = [lengths[index] for index in left if index not in term.free_symbols]
    return term * Mul(*absent)


def _solvable(
    term: Expr, bound: list[Index], lengths: Mapping[Index, Expr]
) -> tuple[Expr, Index, Expr, Expr] | None:
    """A delta among the factors, a bound index in it, the value it gives the index, and where it does."""
    for factor in Mul.make_args(term):
        for index in bound if isinstance(factor, KroneckerDelta) else ():
            solution = solve_for(factor, index, lengths) if factor.has(index) else None
            if solution is not None:
                return factor, index, *solution
    return None


# ---- sums of products -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """Factors of a product that run over the same indices."""

    body: Expr
    indices: frozenset[Index]


def contract_sums(program: Program) -> Program:
    """Sums of products as matrix products and loop nests over as few indices as possible."""
    names, shapes = fresh_names(program.by_name, "part"), shapes_of(program)
    definitions: list[Definition] = []
    outer: dict[str, Definition] = {}
    wild = wild_names(program)
    for definition in program.definitions:
        made = _Contraction(expanded(definition, outer), names, shapes).run()
        outer |= {part.name: part for part in made if is_outer(part) and part.name not in wild}
        definitions += made
    return program.with_definitions(definitions)


class _Contraction:
    """Contracts the body of one sum; ``made`` are the definitions of its parts."""

    def __init__(self, definition: Definition, names: Iterator[str], shapes: Shapes) -> None:
        self.definition, self.names, self.shapes = definition, names, shapes
        self.lengths = definition.lengths
        self.free = frozenset(definition.free)
        self.made: list[Definition] = []

    def run(self) -> list[Definition]:
        definition = self.definition
        if definition.reduce != "sum" or matrix_product(definition, self.shapes) is not None:
            return [definition]
        bound = list(definition.bound_indices)
        resolved = (_resolve_term(term, bound, self.lengths) for term in _terms_of_deltas(definition.body))
        terms = [part for term in resolved for part in self.split(term)]
        looped: dict[frozenset[Index], Expr] = {}
        total: Expr = S.Zero
        for term in terms:
            scatter = scatter_of(term, self.free, self.bound_of(term))
            if scatter is not None:
                total += self.scatter(scatter)
            elif self.worthwhile(term):
                total += self.contract(term)
            else:
                over = frozenset(term.atoms(Index)) - self.free
                looped[over] = looped.get(over, S.Zero) + term
        if total == 0 and looped.keys() == {frozenset(bound)} and self.free <= definition.body.atoms(Index):
            return [definition.with_body(*looped.values())]
        for over, body in looped.items():
            total += self.define(body, self.free & body.atoms(Index), over) if over else body
        return self.finished(total)

    def bound_of(self, term: Expr) -> frozenset[Index]:
        """The bound indices of a term."""
        return frozenset(term.atoms(Index)) - self.free

    def scatter(self, scatter: Scatter) -> Expr:
        """A term whose labels say to which entries it is added; the sum over anything else is taken first."""
        used = frozenset().union(*(place.atoms(Index) for place in scatter.places.values()))
        rest = self.summed_before(scatter.rest, used)
        moving = Mul(*(factor for factor in Mul.make_args(rest) if self.bound_of(factor)))
        deltas = Mul(*(KroneckerDelta(index, place) for index, place in scatter.places.items()))
        kept = self.free & frozenset((deltas * moving).atoms(Index))
        # Each factor that no label concerns is multiplied in once per entry, not once per term.
        return self.define(deltas * moving, kept, used - self.free) * (rest / moving)

    def summed_before(self, rest: Expr, used: frozenset[Index]) -> Expr:
        """A factor summed over the bound indices that no label depends on."""
        inner = self.bound_of(rest) - used
        if not inner:
            return rest
        kept = [index for index in self.lengths if rest.has(index) and index not in inner]
        bound = [index for index in self.lengths if index in inner]
        renaming = {index: free_index(n) for n, index in enumerate(kept)}
        renaming |= {index: bound_index(n) for n, index in enumerate(bound)}
        shapes = [tuple(self.lengths[index] for index in group) for group in (kept, bound)]
        part = Definition(next(self.names), shapes[0], rest.xreplace(renaming), "sum", shapes[1])
        self.made += _Contraction(part, self.names, self.shapes).run()
        return part[tuple(kept)]

    def finished(self, total: Expr) -> list[Definition]:
        """The definitions made, and the sum as a pointwise definition; or as the last one made."""
        definition = self.definition
        last = self.made[-1] if self.made else None
        if last is not None and total == last[definition.free] and last.shape == definition.shape:
            self.made[-1] = replace(last, name=definition.name, sign=definition.sign, origin=definition.origin)
            return self.made
        return [*self.made, replace(definition, body=total, reduce="", bound=())]

    def split(self, term: Expr) -> tuple[Expr, ...]:
        """The term, multiplied out if that lets its parts run over fewer indices."""
        everything = term.atoms(Index)
        sums = [
            part for part in Mul.make_args(term)
            if isinstance(part, Add) and len(part.args) <= MAX_EXPANDED_TERMS
            and part.atoms(Index) == everything and all(arg.atoms(Index) < everything for arg in part.args)
        ]  # fmt: skip
        if len(everything) < 3 or len(sums) != 1:
            return (term,)
        return tuple(term / sums[0] * arg for arg in sums[0].args)

    def worthwhile(self, term: Expr) -> bool:
        """Whether the sum of a term is better computed in parts than by one loop nest."""
        large = [group for group in _groups(term) if group.indices]
        everything = frozenset().union(*(group.indices for group in large))
        if len(large) < 2 or everything <= self.free:
            return False
        if all(group.indices != everything for group in large):
            return True
        # A matrix times a vector: BLAS if the matrix is at hand, else a loop nest in which the
        # vector is computed once.
        return any(
            self.is_entry(group.body) == (group.indices == everything) for group in large
        )

    # ---- one product ------------------------------------------------------------------------------

    def contract(self, term: Expr) -> Expr:
        """The sum of a product over the bound indices, as an expression of new definitions."""
        groups = _groups(term)
        scalar = Mul(*(group.body for group in groups if not group.indices))
        groups = [self.presummed(group, groups) for group in groups if group.indices]
        while len(groups) > 2:
            groups = self.merge(groups)
        if len(groups) == 2:
            scalar, groups = self.with_scalar(scalar, groups)
        indices = frozenset().union(*(group.indices for group in groups))
        bound = indices - self.free
        if not bound:
            return scalar * Mul(*(group.body for group in groups))
        return scalar * self.define(Mul(*self.operands(groups)), indices & self.free, bound)

    def presummed(self, group: _Group, groups: list[_Group]) -> _Group:
        """A group summed over the bound indices that no other group has."""
        others = frozenset().union(*(other.indices for other in groups if other is not group))
        own = group.indices - others - self.free
        if not own or len(groups) == 1:
            return group
        kept = group.indices - own
        return _Group(self.define(group.body, kept, own), kept)

    def with_scalar(self, scalar: Expr, groups: list[_Group]) -> tuple[Expr, list[_Group]]:
        """The scalar factor moved into a group that is computed anyway."""
        for position, group in enumerate(groups):
            if scalar != 1 and not self.is_entry(group.body):
                changed = _Group(scalar * group.body, group.indices)
                return S.One, [*groups[:position], changed, *groups[position + 1 :]]
        return scalar, groups

    def merge(self, groups: list[_Group]) -> list[_Group]:
        """Two groups made one, the pair for which that costs least."""
        pairs = [(a, b) for a in range(len(groups)) for b in range(a + 1, len(groups))]
        a, b = min(pairs, key=lambda pair: self.cost(groups, pair))
        others = [group for n, group in enumerate(groups) if n not in (a, b)]
        pair = [groups[a], groups[b]]
        union = pair[0].indices | pair[1].indices
        needed = self.free.union(*(group.indices for group in others))
        summed = union - needed
        if not summed:
            return [*others, _Group(pair[0].body * pair[1].body, union)]
        kept = union - summed
        return [*others, _Group(self.define(Mul(*self.operands(pair)), kept, summed), kept)]

    def cost(self, groups: list[_Group], pair: tuple[int, int]) -> tuple[int, int, int, int]:
        one, two = (groups[n] for n in pair)
        union = one.indices | two.indices
        others = self.free.union(*(group.indices for n, group in enumerate(groups) if n not in pair))
        entries = self.is_entry(one.body) + self.is_entry(two.body)
        # Where nothing is summed the product is best taken into a group that is computed anyway.
        return len(union), len(union & others), entries if union <= others else 0, pair[0]

    def operands(self, groups: list[_Group]) -> list[Expr]:
        """The groups as factors of a sum: entries of arrays where that saves work.

        A matrix product wants arrays; in a loop nest a group over fewer indices is computed once
        for all the passes of the inner loops.
        """
        union = frozenset().union(*(group.indices for group in groups))
        return [
            group.body if self.is_entry(group.body) or group.indices == union
            else self.define(group.body, group.indices, frozenset())
            for group in groups
        ]  # fmt: skip

    def is_entry(self, body: Expr) -> bool:
        """Whether a body is an entry of an array that is read as a whole, as it stands."""
        return isinstance(body, Ref) and is_plain(body, self.lengths, self.shapes)

    def define(self, body: Expr, kept: frozenset[Index], bound: frozenset[Index]) -> Expr:
        """A new definition over ``kept``, summed over ``bound``, and the entry that stands for it."""
        order = [index for index in self.lengths if index in kept]
        if not bound:
            order = _axes(body, order)
        inner = [index for index in self.lengths if index in bound]
        renaming = {index: free_index(n) for n, index in enumerate(order)}
        renaming |= {index: bound_index(n) for n, index in enumerate(inner)}
        made = Definition(
            next(self.names),
            tuple(self.lengths[index] for index in order),
            body.xreplace(renaming),
            "sum" if inner else "",
            tuple(self.lengths[index] for index in inner),
        )
        self.made.append(made)
        return made[tuple(order)]


def _groups(term: Expr) -> list[_Group]:
    """The factors of a term by the indices they run over; entries of arrays stay by themselves
    unless other factors run over the same indices.
    """
    found: dict[frozenset[Index], Expr] = {}
    for factor in Mul.make_args(term):
        indices = frozenset(factor.atoms(Index))
        found[indices] = found.get(indices, S.One) * factor
    return [_Group(body, indices) for indices, body in found.items()]


def _axes(body: Expr, indices: list[Index]) -> list[Index]:
    """The indices in the order in which the widest array of a body has them."""
    widest = max(body.atoms(Ref), key=lambda ref: len(set(indices) & set(ref.indices)), default=None)
    known = [] if widest is None else [index for index in dict.fromkeys(widest.indices) if index in indices]
    return known + [index for index in indices if index not in known]


STEPS: tuple[Callable[[Program], Program], ...] = (
    with_operands, merge_equal, with_zero_terms, order_inverses, contract_sums, order_inverses, merge_equal,
)  # fmt: skip
