"""Derivatives by differentials: ``dL`` written with the differential of less and less, down to the variables.

``dL = <G, dQ>`` holds for the adjoint ``G`` of a quantity through which alone the variables act.
Putting in ``dQ`` and carrying what multiplies the differentials in it to the left gives the
adjoints of what ``Q`` reads; from the output back, only the differentials of the variables are left,
and what multiplies them is the gradient.

Source: Magnus and Neudecker, Matrix Differential Calculus (2019), chapters 8 and 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import Add

from chainrule.derive.algebra import simplify
from chainrule.derive.matrix_adjoints import is_matrix_function
from chainrule.derive.program import Definition, Index, Input, Program, bound_index, free_index
from chainrule.derive.rational import cost
from chainrule.derive.reverse import SHORT, Contribution, Derivative, bends
from chainrule.derive.rewriting import Context
from chainrule.derive.rules import BY_ID
from chainrule.derive.steps import Partial, Step, assumes
from chainrule.derive.tangents import Tangents


def stages(found: Derivative) -> dict[str, str]:
    """For every quantity with an adjoint the one whose differential it is told with: itself, if it is told by name.

    The quantities are those of reverse mode: named ones, variables, and nameless ones whose adjoint it
    tells.  Functions of matrices, what they are functions of, and extremes are told by their laws, and
    sums of products only where quantities meet or which are arguments of functions.
    """
    claims = [step.before.body for step in found.steps]
    shown = {claim.variable.name for claim in claims if isinstance(claim, Partial)}
    operands = {name for item in found.forward if is_matrix_function(item) for name in (item.name, *item.reads)}
    operands |= {item.name for item in found.forward if item.reduce in ("max", "min")}
    owner: dict[str, str] = {}
    for item in reversed(found.forward):
        through = {owner[part.through] for part in found.contributions.get(item.name, ()) if part.through in owner}
        if item.name in found.adjoints:
            nameless = item.name in shown - operands and (item.reduce != "sum" or _is_meeting(item, found))
            told = item.origin == "named" or nameless or len(through) != 1
            owner[item.name] = item.name if told else through.pop()
    return owner | {name: name for name in found.results}


def _is_meeting(item: Definition, found: Derivative) -> bool:
    """Whether an array reads several quantities that vary and is reduced, or is an argument or is read shifted."""
    several = sum(ref.name in found.adjoints for ref in item.refs) > 1
    readers = [(reader, ref) for reader in found.forward for ref in reader.refs if ref.name == item.name]
    bent = any(reader.reduce in ("", "logsumexp") and bends(reader, ref) for reader, ref in readers)
    reduced = any(reader.reduce for reader, _ in readers)
    shifted = any(not isinstance(index, Index) for _, ref in readers for index in ref.indices)
    return bool(item.shape) and (bent or shifted or (several and reduced))


@dataclass(frozen=True)
class Term:
    """``<factor, differential>``, the product summed over all entries.

    Attributes:
        product: the definition of it.
        quantity: what the differential is one of.
        factor, differential: what is multiplied; the differential of a variable is an input.
        whole: whether the factor is the whole adjoint of the quantity.
    """

    product: Definition
    quantity: str
    factor: Definition
    differential: Input | Definition
    whole: bool

    @property
    def bindings(self) -> tuple[tuple[str, str], ...]:
        """The names of its parts, as a step has them."""
        return ("factor", self.factor.name), ("differential", self.differential.name)


def assembled(found: Derivative, moves: Tangents, owner: Mapping[str, str]) -> tuple[Program, tuple[Step, ...]]:
    """``dL`` from the output back.

    Args:
        found: reverse mode.
        moves: the differentials.
        owner: the stages, see :func:`stages`.

    Returns:
        The context with the products that the lines are made of, and one step for every line.
    """
    work = _Assembly(found, moves, owner)
    return work.run(), tuple(work.steps)


def action(found: Derivative, moves: Tangents, owner: Mapping[str, str]) -> tuple[Program, tuple[Step, ...]]:
    """The tangent of the output as its derivative applied to the directions; arguments as for :func:`assembled`.

    Where the only variable is a scalar, the tangent is the derivative.
    """
    line = moves.program.by_name[moves.names[found.context.outputs[0]]]
    assert isinstance(line, Definition)
    if not moves.names.keys() & found.results.keys():
        (result,) = (moves.program.by_name[name] for name in found.results.values())
        assert isinstance(result, Definition)
        return moves.program, (Step("adjoint", result.name, replace(line, name=result.name), result),)
    work = Context(dict(moves.program.by_name), added=list(moves.program.definitions))
    terms = [_applied(found, moves, name, work) for name in found.results]
    total = Add(*(term.product[line.free] for term in terms))
    after = replace(line, body=total, reduce="", bound=())
    parts = tuple(binding for term in terms for binding in term.bindings)
    step = Step("action", line.name, line, after, parts, tuple(_read_adjoints(found, terms)))
    return replace(moves.program, definitions=tuple(work.added)), (step,)


def _read_adjoints(found: Derivative, terms: Iterable[Term]) -> Iterator[Step]:
    """What the adjoints are that factors read by name, those first that others read."""
    by_name = found.context.by_name
    read = found.context.pruned([name for term in terms for name in term.factor.reads]).by_name
    output = by_name[found.context.outputs[0]]
    for quantity in reversed(found.forward):
        item = read.get(found.adjoints.get(quantity.name, ""))
        if isinstance(item, Definition) and item.origin == "adjoint":
            rank = len(output.shape)
            claim = Partial(output[item.free[:rank]], quantity[item.free[rank:]])
            yield Step("adjoint", item.name, replace(item, body=claim, reduce="", bound=()), item)


def _applied(found: Derivative, moves: Tangents, variable: str, work: Context) -> Term:
    """The derivative by a variable applied to its direction."""
    derivative, direction = work.known[found.results[variable]], work.known[moves.names[variable]]
    assert isinstance(derivative, Definition)
    factor = work.split_off(replace(derivative, origin="auto", edges=None), "factor")
    shape = work.known[found.context.outputs[0]].shape
    axes = tuple(bound_index(place) for place in range(len(direction.shape)))
    body = factor[(*map(free_index, range(len(shape))), *axes)] * direction[axes]
    product = Definition("", shape, body, "sum" if axes else "", direction.shape)
    return Term(work.split_off(product, "product"), variable, factor, direction, whole=True)


def _long_adjoints(found: Derivative, owner: Mapping[str, str]) -> set[str]:
    """The adjoints of arrays that carry on others and are long, so that a name makes lines shorter."""
    by_name, adjoints = found.context.by_name, {*found.adjoints.values()}
    costs: dict[str, float] = {}
    long: set[str] = set()
    for quantity in reversed(found.forward):
        item = by_name.get(found.adjoints.get(quantity.name, ""))
        if isinstance(item, Definition):
            written_out = cost(item.body) + sum(costs.get(name, 0) for name in item.reads)
            told = owner.get(quantity.name) == quantity.name and quantity.name not in found.results and item.shape
            if told and written_out > SHORT and (item.reduce or item.reads & adjoints):
                long.add(item.name)
            costs[item.name] = 0 if item.name in long or item.origin == "adjoint" else written_out
    return long


class _Assembly:
    """The lines of ``dL``, each made of the terms of the one before."""

    def __init__(self, found: Derivative, moves: Tangents, owner: Mapping[str, str]) -> None:
        self.found, self.moves, self.owner = found, moves, owner
        exact = frozenset(item.name for item in moves.program.inputs)
        self.context = Context(dict(moves.program.by_name), exact=exact, added=list(moves.program.definitions))
        self.terms: list[Term] = []
        self.stated: set[str] = set()
        self.told: set[str] = set()
        self.long = _long_adjoints(found, owner)
        self.steps: list[Step] = []

    def run(self) -> Program:
        """All lines; the context."""
        output = self.found.context.outputs[0]
        self.line = self._definition(self.moves.names[output])
        self._carry_over(output)
        for item in reversed(self.found.forward):
            if self.owner.get(item.name) == item.name and item.name not in {output, *self.found.results}:
                self._put_in(item.name)
        for name in self.found.results:
            self._collect(name)
        return replace(self.moves.program, definitions=tuple(self.context.added))

    # ---- lines

    def _put_in(self, quantity: str) -> None:
        """The differential of a quantity put in, and its factor carried over to what it is made of."""
        self._collect(quantity)
        for place, term in enumerate(self.terms):
            if term.quantity == quantity:
                differential = self._definition(term.differential.name)
                written = self._added(replace(differential, origin="auto"), f"{differential.name}_written")
                self.terms[place] = self._term(quantity, term.factor, written, whole=False)
                self._say("put-in-differential", (("name", differential.name),))
                self._carry_over(quantity, place)

    def _carry_over(self, quantity: str, place: int = 0) -> None:
        """A term as products with the differentials that its differential is made of."""
        factor = self.terms[place].factor if self.terms else None
        new = [
            self._term(name, factor, self._differential(name), whole)
            for name in self._targets(quantity)
            for factor, whole in self._factors(name, quantity)
            if factor.body != 0
        ]
        self.terms[place : place + 1] = new
        own = [name for name, owner in self.owner.items() if owner == quantity]
        facts = dict.fromkeys(self._facts([*own, *(term.quantity for term in new if term.whole)]))
        told = tuple(("fact", fact) for fact in facts if fact not in self.told)
        carried = (("carried", factor.name),) if factor else ()
        self.told.update(facts)
        variables = (("variable", name) for name in self.found.results)
        to = dict.fromkeys(("to", term.quantity) for term in new)
        self._say("carry-over", (("through", quantity), *carried, *variables, *to, *told))

    def _collect(self, quantity: str) -> None:
        """Several terms with one differential as one."""
        own = [place for place, term in enumerate(self.terms) if term.quantity == quantity]
        if len(own) > 1:
            differential = self._differential(quantity)
            self.terms[own[0]] = self._term(quantity, self._adjoint(quantity), differential, whole=True)
            self.terms = [term for place, term in enumerate(self.terms) if place not in own[1:]]
            self._say("collect-differential", (("name", differential.name),))

    def _say(self, rule: str, bindings: tuple[tuple[str, str], ...]) -> None:
        """One line: ``dL`` is the sum of the terms."""
        total = Add(*(term.product[()] for term in self.terms))
        line = replace(self.line, body=total, reduce="", bound=())
        parts = (binding for term in self.terms for binding in term.bindings)
        self.steps.append(Step(rule, line.name, self.line, line, (*bindings, *parts), tuple(self._adjoints())))
        self.line = line

    def _facts(self, quantities: Iterable[str]) -> Iterator[str]:
        """What was used of the declarations in simplifying the adjoints of some quantities, in words."""
        names = {self.found.adjoints[name] for name in quantities}
        about = ""
        for step in self.found.steps:
            # Steps about the parts of an adjoint follow the claim what it is.
            about = step.where if isinstance(step.before.body, Partial) else about
            if about in names and assumes(step):
                yield BY_ID[step.rule].say(step.bindings)

    def _adjoints(self) -> Iterator[Step]:
        """That new factors which are whole adjoints are derivatives of the output."""
        by_name = self.found.context.by_name
        output = by_name[self.found.context.outputs[0]]
        for term in self.terms:
            if term.whole and term.quantity not in self.stated:
                self.stated.add(term.quantity)
                claim = Partial(output[()], by_name[term.quantity][term.factor.free])
                before = replace(term.factor, body=claim, reduce="", bound=())
                yield Step("adjoint", term.factor.name, before, term.factor)

    # ---- terms

    def _targets(self, quantity: str) -> list[str]:
        """What is told by name and read in the stage of a quantity, variables last."""
        order = dict.fromkeys([*(item.name for item in reversed(self.found.forward)), *self.found.results])
        named = [name for name in order if self.owner.get(name) == name != quantity]
        return [name for name in named if self._through(name, quantity)]

    def _through(self, name: str, quantity: str) -> list[Contribution]:
        """What an adjoint receives in the stage of a quantity."""
        return [part for part in self.found.contributions[name] if self.owner.get(part.through) == quantity]

    def _factors(self, name: str, quantity: str) -> Iterator[tuple[Definition, bool]]:
        """The whole adjoint if all of it comes from here, else what comes from here, a term each."""
        parts = self._through(name, quantity)
        if len(parts) == len(self.found.contributions[name]):
            yield self._adjoint(name), True
        else:
            yield from ((self._contribution(name, part), False) for part in parts)

    def _adjoint(self, name: str) -> Definition:
        """The adjoint; written out if it is a result, under a name of its own if it is long."""
        adjoint = self._in_short(name, self._definition(self.found.adjoints[name]))
        if name in self.found.results:
            return self._added(replace(adjoint, origin="auto"), "factor")
        if adjoint.name in self.long:
            adjoint = replace(adjoint, origin="adjoint")
            self.context.known[adjoint.name] = adjoint
        return adjoint

    def _in_short(self, name: str, adjoint: Definition) -> Definition:
        """An adjoint by the names of long ones it is made of, unless declared facts made it simpler than that."""
        raw = [self._contribution(name, part) for part in self.found.contributions[name]]
        if not any(part.reads & self.long for part in raw) or any(self._facts([name])):
            return adjoint
        total = Add(*(part[part.free] for part in raw))
        whole = raw[0] if len(raw) == 1 else Definition("", adjoint.shape, total)
        return replace(whole, name=adjoint.name, origin=adjoint.origin)

    def _contribution(self, name: str, part: Contribution) -> Definition:
        shape = self.context.known[name].shape
        raw = Definition("", shape, part.body, "sum" if part.bound else "", part.bound)
        return self._added(simplify(raw, self.context)[0], "factor")

    def _differential(self, quantity: str) -> Input | Definition:
        return self.context.known[self.moves.names[quantity]]

    def _definition(self, name: str) -> Definition:
        item = self.context.known[name]
        assert isinstance(item, Definition)
        return item

    def _term(self, quantity: str, factor: Definition, differential: Input | Definition, whole: bool) -> Term:
        axes = tuple(bound_index(place) for place in range(len(factor.shape)))
        body = factor[axes] * differential[axes]
        product = Definition("", (), body, "sum" if axes else "", factor.shape)
        return Term(self._added(product, "product"), quantity, factor, differential, whole)

    def _added(self, definition: Definition, stem: str) -> Definition:
        return self.context.split_off(replace(definition, edges=None), stem)
