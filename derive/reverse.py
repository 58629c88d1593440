"""Reverse mode over programs of definitions.

If ``C[c] := reduce over k of f(.., A[a], ..)`` reads ``A`` at the indices ``a``, then the adjoint
of ``A`` receives

    Abar[o, a] += sum over (c, k without a) of Cbar[o, c] * weight * df/dA[a]

with ``o`` the indices of the output, and a weight that depends on the reduction: 1 for sums,
``exp(f - C)`` for logsumexp, the share of the largest entries for maxima, the product of the
other factors for products.  The derivative of the scalar body is SymPy's.  Where the indices
``a`` are not distinct index variables, Kronecker deltas say which entries are meant.

The adjoints are definitions of the same kind, so a derivative is a program that can be
differentiated again; its cost is linear in the number of definitions.

Source: Laue, Mitterreiter and Giesen (2018), theorems 5 to 10, in index notation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from sympy import Dummy, Expr, KroneckerDelta, Mul, Number, Pow, S

from chainrule.derive.algebra import MAX_INLINE, simplify
from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.edges import noted
from chainrule.derive.identities import POWERS, SIGNS, rewrite
from chainrule.derive.index_equations import solve_indices
from chainrule.derive.kinks import derivative
from chainrule.derive.matrix_adjoints import adjoint_law, is_matrix_function, with_operands
from chainrule.derive.nested_sums import with_merged_sums
from chainrule.derive.normalised import Normalised, normalised
from chainrule.derive.preactivation import reached, with_preactivations
from chainrule.derive.program import (
    Definition,
    Dim,
    Index,
    Input,
    KinkChoices,
    Program,
    Ref,
    free_index,
)
from chainrule.derive.ranges import reduced
from chainrule.derive.rational import cost, tidy_signs
from chainrule.derive.residuals import with_residuals
from chainrule.derive.rewriting import Context, powers_of_root
from chainrule.derive.roots import uncertain_roots, vanishing_roots
from chainrule.derive.shared_parts import with_names
from chainrule.derive.softmaxes import with_softmax
from chainrule.derive.steps import Partial, Step, assumes
from chainrule.derive.term_weights import shared, weight

#: Length (see ``algebra.cost``) up to which the adjoint of a quantity that is read several times
#: is written out wherever it is used instead of being named.
SHORT = 12

RULE_OF_REDUCTION = {
    "": "chain-rule",
    "sum": "sum-rule",
    "logsumexp": "logsumexp-rule",
    "max": "max-rule",
    "min": "max-rule",
    "prod": "product-rule",
}
#: The rules that are laws of functions of matrices.
MATRIX_RULES = frozenset(f"{name}-rule" for name in MATRIX_FUNCTION_BY_NAME)


@dataclass(frozen=True)
class Contribution:
    """What one reading of a quantity, by ``through``, adds to its adjoint: a sum over ``bound`` of ``body``."""

    rule: str
    through: str
    body: Expr
    bound: tuple[Expr, ...]


@dataclass(frozen=True)
class Derivative:
    """The outcome of reverse mode.

    Attributes:
        program: the given program with the adjoints that the results need; the outputs are the
            value and then the derivative by each variable.
        results: the name of the derivative by each variable.
        steps: every step, in order.
        context: every definition that a step speaks of, those written out in the end included.
        forward: the definitions of the formula that was differentiated, pre-activations named.
        adjoints: the name of the adjoint of each quantity.
        contributions: what each adjoint is the sum of, by quantity.
    """

    program: Program
    results: dict[str, str]
    steps: tuple[Step, ...]
    context: Program
    forward: tuple[Definition, ...]
    adjoints: Mapping[str, str]
    contributions: Mapping[str, Sequence[Contribution]]


class Reverse:
    """One run of reverse mode: adjoints are finished from the output back to the variables."""

    def __init__(self, program: Program, wrt: tuple[str, ...], exact: bool, labels: Mapping[str, str]) -> None:
        reserved = frozenset(program.by_name)
        program = with_preactivations(with_merged_sums(with_softmax(program), wrt), frozenset(wrt))
        self.program = program = with_operands(with_residuals(program, frozenset(wrt)))
        self.wrt, self.labels = wrt, labels
        self.output = program.output
        self.rank = len(self.output.shape)
        self.active = reached(program, frozenset(wrt))
        self.roots = vanishing_roots(program, wrt, self.active)
        self.uncertain = uncertain_roots(program, wrt, self.active)
        kept_exact = frozenset(item.name for item in program.inputs) if exact else frozenset(wrt)
        foldable = [item for item in program.definitions if not item.reduce and worth_naming(item.body)]
        self.context = Context(dict(program.by_name), exact=kept_exact, foldable=foldable, reserved=reserved)
        self.contributions: dict[str, list[Contribution]] = {name: [] for name in self.active}
        self.adjoints: dict[str, str] = {}
        self.results: dict[str, str] = {}
        self.lasting: set[str] = set()
        self.silent: set[str] = set()
        self.parts: list[Definition] = []
        self.steps: list[Step] = []

    def run(self) -> Derivative:
        """All adjoints, from the output back."""
        if self.output.name in self.active:
            deltas = (KroneckerDelta(free_index(n), free_index(self.rank + n)) for n in range(self.rank))
            self.contributions[self.output.name].append(Contribution("seed", self.output.name, Mul(*deltas), ()))
        for definition in reversed(self.program.definitions):
            if self.contributions.get(definition.name):
                self._finish(definition)
        for name in self.wrt:
            if name not in self.results:
                self._finish(self.program.by_name[name])
        outputs = (self.output.name, *(self.results[name] for name in self.wrt))
        definitions = (*self.program.definitions, *self._noted())
        context = with_names(self.program.with_definitions(definitions, outputs), self.lasting)
        forward = self.program.pruned().definitions
        return Derivative(
            context.pruned(), dict(self.results), tuple(self.steps), context, forward, self.adjoints, self.contributions
        )

    def _noted(self) -> Iterator[Definition]:
        """The definitions of this run, each with what it means where it divides by zero."""
        varying = {*self.active, *(item.name for item in self.context.added if item.reads & self.active)}
        for item in self.context.added:
            varying |= {item.name} if item.reads & varying else set()
            yield noted(item, self.roots, self.uncertain, varying)

    def _finish(self, quantity: Input | Definition) -> None:
        """Simplifies the adjoint of a quantity, all whose readings are known, and passes it on."""
        adjoint = self._adjoint(quantity)
        self.context.known[adjoint.name] = adjoint
        self.adjoints[quantity.name] = adjoint.name
        if quantity.name in self.wrt:
            self.results[quantity.name] = adjoint.name
        readings: list[Ref] = []
        if isinstance(quantity, Definition):
            readings = [ref for ref in quantity.refs if ref.name in self.active]
            adjoint = self._placed(adjoint, quantity, self._beneath(quantity, readings))
        self.context.known[adjoint.name] = adjoint
        self.context.added.append(adjoint)
        if isinstance(quantity, Definition):
            self._pass_on(quantity, readings, adjoint)

    def _pass_on(self, quantity: Definition, readings: Sequence[Ref], adjoint: Definition) -> None:
        """What the adjoint of a quantity adds to the adjoints of what it reads."""
        unit = normalised(quantity, self.context.known, self.active)
        if unit:
            adjoint = self._of_normalised(unit, quantity, adjoint)
            quantity = quantity.with_body(unit.scores)
            readings = [ref for ref in quantity.refs if ref.name in self.active]
        for ref in readings:
            part = self._pulled_back(quantity, ref, adjoint)
            self.contributions[ref.name].append(replace(part, rule="softmax-rule") if unit else part)

    def _of_normalised(self, unit: Normalised, quantity: Definition, adjoint: Definition) -> Definition:
        """The adjoint of scores that a definition reads normalised, without a name."""
        axes = tuple(free_index(n) for n in range(len(adjoint.shape)))
        shifted = dict(zip(quantity.free, axes[self.rank :], strict=True))
        passed = (adjoint.at(axes) if adjoint.name in self.silent else adjoint[axes]) * unit.slope.xreplace(shifted)
        inner = {index: free_index(self.rank + n) for n, index in enumerate(unit.normaliser.free)}
        moved = {axis: inner.get(unit.own[index], unit.own[index]) for index, axis in shifted.items()}
        summand = passed.xreplace(moved)
        shape = self.output.shape + unit.normaliser.shape
        total = Definition("", shape, summand, "sum", unit.normaliser.bound)
        total = shared(total, f"{quantity.name}_sum", self.context)
        self.parts.append(total)
        back = {there: shifted[here] for here, there in unit.own.items() if there in unit.normaliser.free}
        entry = total[axes[: self.rank] + tuple(back[index] for index in unit.normaliser.free)]
        body = passed - unit.share.xreplace(shifted) * entry
        return Definition("", adjoint.shape, body, origin="adjoint")

    def _adjoint(self, quantity: Input | Definition) -> Definition:
        name = self.context.fresh(self._stem(quantity))
        shape = self.output.shape + quantity.shape
        axes = tuple(free_index(n) for n in range(len(shape)))
        partial = Partial(self.output[axes[: self.rank]], quantity[axes[self.rank :]])
        parts = self.contributions[quantity.name]
        self.context.known[name] = Definition(name, shape, partial, origin="adjoint")
        raw = self._collected(name, shape, parts)
        through = tuple(dict.fromkeys(("through", part.through) for part in parts))
        rules = {part.rule for part in parts}
        rule = "independent" if not rules else rules.pop() if len(rules) == 1 else "chain-rule"
        self.steps.append(Step(rule, name, Definition(name, shape, partial, origin="adjoint"), raw, through))
        nameless = isinstance(quantity, Definition) and quantity.origin == "auto" and bool(quantity.reduce)
        if quantity.name not in self.wrt and (_is_alias(raw) or (nameless and _is_multiple(raw))):
            # Another name for what is known already, or a number: of a nameless part nothing to tell but a law.
            if self._is_term(quantity) and not _is_by_law(quantity, parts):
                self.steps.pop()
            self.silent.add(name)
            self._simplify_parts()
            return raw
        result, steps = simplify(raw, self.context)
        self.steps += steps
        if self.parts:
            self.context.beside = frozenset(result.reads)
            self._simplify_parts()
            self.context.beside = frozenset()
            result, steps = simplify(result, self.context)
            self.steps += steps
        return result

    def _stem(self, quantity: Input | Definition) -> str:
        """The label of a variable; delta2 for a pre-activation z2 (Bishop, PRML 5.3); G as in the laws; else q_bar."""
        if quantity.name in self.wrt:
            return self.labels[quantity.name]
        if _is_preactivation(quantity) and not self.rank:
            return f"delta{quantity.name[1:]}"
        nameless = isinstance(quantity, Definition) and quantity.origin == "auto" and is_matrix_function(quantity)
        if nameless and quantity.shape:
            return "G"
        return f"{quantity.name}_bar"

    def _collected(self, name: str, shape: tuple[Expr, ...], parts: Sequence[Contribution]) -> Definition:
        """The sum of all contributions; of several, those with sums become definitions of their own."""
        if len(parts) == 1 and parts[0].bound:
            return Definition(name, shape, parts[0].body, "sum", parts[0].bound, origin="adjoint")
        total = S.Zero
        for part in parts:
            if part.bound:
                split = Definition(name, shape, part.body, "sum", part.bound)
                split = self.context.split_off(split, f"{name}_part")
                self.parts.append(split)
                total += split[split.free]
            else:
                total += part.body
        return Definition(name, shape, total, origin="adjoint")

    def _simplify_parts(self) -> None:
        """Simplifies the parts that the last adjoint was split into."""
        for part in self.parts:
            self.steps += self._simplified_part(part)
        self.parts.clear()

    def _simplified_part(self, part: Definition) -> tuple[Step, ...]:
        """Simplifies a definition that was added, and says how."""
        self.context.added.remove(part)
        simple, steps = simplify(part, self.context)
        # Appended after whatever simplifying it has split off, which it reads.
        self.context.added.append(simple)
        self.context.known[part.name] = simple
        if not simple.reduce:
            self.context.inline.add(part.name)
        return steps

    def _placed(self, adjoint: Definition, quantity: Definition, readings: Sequence[Ref]) -> Definition:
        """Decides whether an adjoint is shown by name, printed in place, or written out."""
        keep = self._worth_keeping(adjoint, quantity, readings)
        if not adjoint.reduce and not keep and cost(adjoint.body) <= MAX_INLINE:
            self.context.inline.add(adjoint.name)
        if quantity.name in self.wrt:
            return adjoint
        if keep:
            bent = _is_preactivation(quantity) and self._is_bent(quantity)
            if quantity.origin == "named" or bent:
                self.lasting.add(adjoint.name)
            if not adjoint.reduce:
                self.context.foldable.append(adjoint)
            return adjoint
        return replace(adjoint, origin="auto")

    def _beneath(self, quantity: Definition, readings: Sequence[Ref]) -> Sequence[Ref]:
        """What varies in the contraction that a pre-activation adds constants to, or in the quantity itself."""
        if quantity.reduce or len(readings) != 1 or not _is_preactivation(quantity):
            return readings
        contraction = self.program.by_name[readings[0].name]
        if not isinstance(contraction, Definition) or contraction.origin != "auto" or contraction.reduce != "sum":
            return readings
        return [ref for ref in contraction.refs if ref.name in self.active]

    def _worth_keeping(self, adjoint: Definition, quantity: Definition, readings: Sequence[Ref]) -> bool:
        """Whatever is needed more than once and is a layer's delta, carries an adjoint on, or is long."""
        constant = not adjoint.reduce and not adjoint.body.atoms(Index)
        if len(readings) < 2 or not worth_naming(adjoint.body) or constant:
            return False
        if adjoint.reduce:
            return quantity.origin == "named" or cost(adjoint.body) > SHORT
        carries_on = any(self._is_adjoint(name) for name in adjoint.reads)
        involved = (quantity.name, *(ref.name for ref in readings)) if quantity.shape else ()
        layer = any(self._is_layer(name) for name in involved)
        return layer or carries_on or cost(adjoint.body) > SHORT

    def _is_term(self, quantity: Input | Definition) -> bool:
        """Whether a nameless sum is a term of the one that reads it, as part of which it is told."""
        if not isinstance(quantity, Definition) or quantity.origin != "auto" or not quantity.reduce:
            return False
        readers = [item for item in self.program.definitions if quantity.name in item.reads]
        return not quantity.shape or (len(readers) == 1 and not readers[0].reduce)

    def _is_adjoint(self, name: str) -> bool:
        return name not in self.program.by_name

    def _is_layer(self, name: str) -> bool:
        """Whether a quantity is a contraction of a variable part with a hidden quantity."""
        quantity = self.program.by_name[name]
        if not isinstance(quantity, Definition) or quantity.reduce != "sum":
            return False
        names = quantity.reads & self.active
        hidden = any(isinstance(self.program.by_name[name], Definition) for name in names)
        return len(names) > 1 and hidden and self._is_bent(quantity)

    def _is_bent(self, quantity: Definition) -> bool:
        """Whether something depends on a quantity in a way that is not linear."""
        readings = ((item, ref) for item in self.program.definitions for ref in item.refs if ref.name == quantity.name)
        return any(bends(item, ref) or (not item.reduce and self._is_bent(item)) for item, ref in readings)

    def _pulled_back(self, quantity: Input | Definition, ref: Ref, adjoint: Definition) -> Contribution:
        """What the reading ``ref`` in the body of ``quantity`` adds to the adjoint of what it reads."""
        assert isinstance(quantity, Definition)
        if is_matrix_function(quantity):
            return self._through_matrix(quantity, adjoint)
        slope = local_derivative(quantity, ref, self.program.kinks) * weight(quantity, self.context, self.program.kinks)
        source = self.context.known[ref.name]
        solved = solve_indices(quantity, ref, self.output.shape + source.shape)
        seeds = tuple(free_index(n) for n in range(self.rank))
        places = seeds + tuple(solved.renaming[index] for index in quantity.free)
        through = adjoint.at(places) if adjoint.name in {"", *self.silent} else adjoint[places]
        body = through * slope.xreplace(solved.renaming) * solved.mask
        body = reduced(body, solved.ranges)
        return Contribution(RULE_OF_REDUCTION[quantity.reduce], quantity.name, body, solved.bound)

    def _through_matrix(self, quantity: Definition, adjoint: Definition) -> Contribution:
        """What a function of a matrix adds to the adjoint of that matrix."""
        copied = adjoint_law(quantity, adjoint, self.rank, self.context)
        for part in copied.parts:
            # The law is one step; of what happens inside it only the use of declared facts is told.
            self.steps += filter(assumes, self._simplified_part(part))
        return Contribution(f"{quantity.reduce}-rule", quantity.name, copied.body, copied.bound)


def _is_preactivation(quantity: Input | Definition) -> bool:
    return re.fullmatch(r"z\d*", quantity.name) is not None


def _is_by_law(quantity: Input | Definition, parts: Sequence[Contribution]) -> bool:
    """Whether a law of matrices gives the adjoint of a quantity, or takes it."""
    taken = isinstance(quantity, Definition) and is_matrix_function(quantity) and bool(quantity.shape)
    return taken or any(part.rule in MATRIX_RULES for part in parts)


def _is_alias(definition: Definition) -> bool:
    """Whether a definition only names an entry of another one, or a number."""
    return not definition.reduce and isinstance(definition.body, Ref | Number)


def _is_multiple(definition: Definition) -> bool:
    """Whether a definition is a constant times an entry of another one at most."""
    factors = Mul.make_args(definition.body)
    entries = sum(isinstance(factor, Ref) for factor in factors)
    return not definition.reduce and entries < 2 and not worth_naming(definition.body)


def worth_naming(body: Expr) -> bool:
    """Whether a body is more than an entry, a number, or an entry times numbers."""
    return not all(factor.is_number or isinstance(factor, Ref | Dim | KroneckerDelta) or
                   (isinstance(factor, Pow) and isinstance(factor.base, Dim)) for factor in Mul.make_args(body))


#: Stands for the entry that a body is differentiated by; always the same, so that SymPy remembers its answers.
_ENTRY = {sign: Dummy("a", **{sign: True}) for sign in ("positive", "nonnegative", "real")}


@lru_cache(maxsize=1024)
def local_derivative(quantity: Definition, ref: Ref, kinks: KinkChoices = ()) -> Expr:
    """The derivative of a body by one entry that it reads, written with the quantity's own value."""
    head = ref.args[0]
    symbol = _ENTRY["positive" if head.is_positive else "nonnegative" if head.is_nonnegative else "real"]
    body, _ = rewrite(quantity.body, SIGNS)
    slope = derivative(body.xreplace({ref: symbol}), symbol, kinks).xreplace({symbol: ref})
    slope = tidy_signs(rewrite(slope, POWERS)[0])
    if not quantity.reduce and worth_naming(quantity.body):
        own = quantity[quantity.free]
        powers = powers_of_root(slope, quantity.body)
        named = {power: own**count for power, count in powers if power.base == quantity.body.base}
        slope = slope.xreplace({**named, quantity.body: own})
    return slope


def bends(quantity: Definition, ref: Ref) -> bool:
    """Whether a body is not linear in an entry that it reads, or reduces it to something that is not."""
    if quantity.reduce not in ("", "sum"):
        return True
    symbol = Dummy("a", real=True)
    return bool(scalar_derivative(quantity.body.xreplace({ref: symbol}), symbol).has(symbol))
