"""Forward mode over programs of definitions: how every quantity moves with the variables.

If ``C[c] := reduce over k of f(.., A[a], ..)`` reads ``A`` at the indices ``a``, then

    Cdot[c] := sum over k of weight * df/dA[a] * Adot[a], added up over what it reads

with the same local derivatives and weights that reverse mode uses.  The tangents are definitions
of the same kind.

Source: Griewank and Walther, Evaluating Derivatives (2008), section 3.1.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sympy import Add, Expr, S

from chainrule.derive.algebra import simplify
from chainrule.derive.matrix_adjoints import is_matrix_function, tangent_law
from chainrule.derive.program import Definition, Input, Program, Ref
from chainrule.derive.reverse import Derivative, local_derivative, worth_naming
from chainrule.derive.rewriting import Context
from chainrule.derive.rules import BY_ID
from chainrule.derive.steps import Along, Partial, Step
from chainrule.derive.term_weights import weight

#: Rules of simplification that are said with a differential: it is not what its law alone gives.
FACTS = frozenset({"deviations", "softmax-sums-to-one"})


@dataclass(frozen=True)
class Tangents:
    """The outcome of forward mode.

    Attributes:
        program: the context of the derivative with the directions and tangents.
        names: the name of the tangent of every quantity that moves, variables included.
        steps: one for every tangent that is shown by its name.
    """

    program: Program
    names: Mapping[str, str]
    steps: tuple[Step, ...]


def tangents(
    found: Derivative, directions: Mapping[str, Input], labels: Mapping[str, str], shown: Collection[str],
    alone: str = "",
) -> Tangents:  # fmt: skip
    """The tangent of every quantity that depends on the variables.

    Args:
        found: reverse mode over the same program.
        directions: the direction of every variable, a new input.
        labels: the name of the tangent of every quantity.
        shown: the quantities whose tangents are shown by name.
        alone: a scalar that is the only variable: tangents are the derivatives by it, without a direction.
    """
    return _Forward(found, directions, labels, shown, alone).run()


class _Forward:
    """One run of forward mode."""

    def __init__(
        self, found: Derivative, directions: Mapping[str, Input], labels: Mapping[str, str],
        shown: Collection[str], alone: str,
    ) -> None:  # fmt: skip
        program = found.context
        self.found, self.labels, self.shown, self.kinks = found, labels, shown, program.kinks
        known = dict(program.by_name) | {item.name: item for item in directions.values()}
        # The tangents may be read at any values of the inputs, so no declared facts are used.
        exact = frozenset(item.name for item in program.inputs)
        foldable = [item for item in found.forward if not item.reduce and worth_naming(item.body)]
        self.context = Context(known, exact=exact, added=list(program.definitions), foldable=foldable,
                               reserved=frozenset(labels.values()))  # fmt: skip
        self.directions, self.alone = directions, alone
        self.moving: dict[str, Input | Definition] = dict(directions)
        self.facts: list[str] = []
        self.steps: list[Step] = []

    def run(self) -> Tangents:
        """All tangents, from the variables to the output."""
        for quantity in self.found.forward:
            if quantity.reads & {*self.moving, self.alone} and quantity.name not in self.directions:
                self._add(quantity)
        program = self.found.context
        inputs = (*program.inputs, *self.directions.values())
        context = replace(program, inputs=inputs, definitions=tuple(self.context.added))
        return Tangents(context, {name: item.name for name, item in self.moving.items()}, tuple(self.steps))

    def _add(self, quantity: Definition) -> None:
        """The tangent of a quantity, simplified, with its step if it is shown by name."""
        named = quantity.name in self.shown
        name = self.labels[quantity.name]
        tangent = replace(self._tangent(quantity, name), origin="adjoint" if named else "auto")
        self.context.known[name] = tangent
        self.context.added.append(tangent)
        self.moving[quantity.name] = tangent
        if named:
            claim = tangent.with_body(self._claim(quantity))
            facts = (("fact", fact) for fact in dict.fromkeys(self.facts))
            self.steps.append(Step("tangent", name, claim, tangent, (("through", quantity.name), *facts)))
            self.facts.clear()

    def _claim(self, quantity: Definition) -> Expr:
        """What the tangent of a quantity is: its derivative by the only variable, or along all directions."""
        by_name, entry = self.found.context.by_name, quantity[quantity.free]
        if self.alone:
            return Partial(entry, by_name[self.alone][()])
        pairs = [(first_entry(by_name[name]), first_entry(item)) for name, item in self.directions.items()]
        return Along(entry, *(ref for pair in pairs for ref in pair))

    def _tangent(self, quantity: Definition, name: str) -> Definition:
        if is_matrix_function(quantity):
            return self._of_matrix(quantity, name)
        scale = weight(quantity, self.context, self.kinks)
        terms = [
            local_derivative(quantity, ref, self.kinks) * scale * self._entry(ref)
            for ref in quantity.refs
            if ref.name in self.moving or ref.name == self.alone
        ]
        joined = self._simple(quantity, name, Add(*terms))
        if not joined.reduce or len(terms) == 1 or not isinstance(joined.body, Add):
            return joined
        # What has no common factor is easier to read as several sums: dA @ B + A @ dB.
        parts = [self._part(quantity, name, term) for term in terms]
        return self._pointwise(name, quantity.shape, Add(*(part[part.free] for part in parts)))

    def _entry(self, ref: Ref) -> Expr:
        return S.One if ref.name == self.alone else self.moving[ref.name][ref.indices]

    def _simple(self, quantity: Definition, name: str, body: Expr) -> Definition:
        """A sum over the indices of a quantity, in its simplest form."""
        raw = Definition(name, quantity.shape, body, "sum" if quantity.bound else "", quantity.bound)
        return self._simplified(raw)

    def _simplified(self, raw: Definition) -> Definition:
        """The simplest form; facts that lead to it are remembered until something is shown."""
        result, steps = simplify(raw, self.context)
        self.facts += [BY_ID[step.rule].say(step.bindings) for step in steps if step.rule in FACTS]
        return result

    def _part(self, quantity: Definition, name: str, term: Expr) -> Definition:
        part = self._simple(quantity, self.context.fresh(f"{name}_part"), term)
        self.context.known[part.name] = part
        self.context.added.append(part)
        return part

    def _of_matrix(self, quantity: Definition, name: str) -> Definition:
        (ref,) = quantity.refs
        copied = tangent_law(quantity, self.moving[ref.name], self.context)
        raw = Definition(name, quantity.shape, copied.body, "sum" if copied.bound else "", copied.bound)
        return self._simplified(raw)

    def _pointwise(self, name: str, shape: tuple[Expr, ...], body: Expr) -> Definition:
        return self._simplified(Definition(name, shape, body or S.Zero))


def first_entry(item: Input | Definition) -> Ref:
    """Stands for the whole of an array in :class:`Along`."""
    return item[(0,) * len(item.shape)]
