"""Programs in which what is divided by the sum of its exponentials is a softmax.

``P = exp(Z)/sum(exp(Z), axis=1, keepdims=True)``, also with the largest score taken away first and
with names for the parts, is ``exp(Z - l)`` with ``l = logsumexp(Z, axis=1)``; ``log`` of the sum is
``l``.  The derivatives are then those of a softmax, in terms of its value.
"""

from __future__ import annotations

import itertools

from sympy import Add, Expr, Mul, Pow, exp, log

from chainrule.derive.program import Definition, Index, Program, Ref, fresh_names


def with_softmax(program: Program) -> Program:
    """The program with the quotients and logarithms of sums of exponentials written with ``logsumexp``."""
    work = _Softmaxes(program)
    for definition in program.definitions:
        work.add(definition)
    return program.with_definitions(work.definitions) if work.found else program


class _Softmaxes:
    """Rewrites definition by definition.

    Attributes:
        definitions: the finished ones, in order.
        sums: sums of exponentials by name, with the scores that are summed.
        found: the logarithms of those that were needed, by name.
    """

    def __init__(self, program: Program) -> None:
        self.known: dict[str, Definition] = {}
        self.taken = set(program.by_name)
        self.definitions: list[Definition] = []
        self.sums: dict[str, Expr] = {}
        self.found: dict[str, Definition] = {}

    def add(self, definition: Definition) -> None:
        """Appends a definition, rewritten where it reads a sum of exponentials."""
        body = definition.body
        if any(ref.name in self.sums for ref in definition.refs):
            body = body.replace(lambda node: isinstance(node, Mul | Pow), self.quotient)
            body = body.replace(lambda node: isinstance(node, log), self.logarithm)
        definition = definition.with_body(body)
        self.known[definition.name] = definition
        self.definitions.append(definition)
        scores = self.exponent(body) if definition.reduce == "sum" else None
        if scores is not None and scores.has(*definition.bound_indices):
            self.sums[definition.name] = scores

    def exponent(self, factor: Expr) -> Expr | None:
        """``u`` where an expression is ``exp(u)``, or the name of that."""
        if isinstance(factor, exp):
            return factor.args[0]
        source = self.known.get(factor.name) if isinstance(factor, Ref) else None
        if source is None or source.reduce:
            return None
        return self.exponent(source.at(factor.indices))

    def quotient(self, product: Expr) -> Expr:
        """``r exp(u)/s`` as ``r exp(v - l)`` where ``s`` sums ``exp(u)``; ``v`` is ``u`` up to a shift."""
        for factor in Mul.make_args(product):
            if isinstance(factor, Pow) and factor.exp == -1 and isinstance(factor.base, Ref):
                for above in Mul.make_args(product):
                    scores = self.scores(above, factor.base)
                    if scores is not None:
                        return product / above / factor * exp(scores - self.logsumexp(factor.base))
        return product

    def scores(self, above: Expr, total: Ref) -> Expr | None:
        """The scores, without their common shift, of one of the exponentials that a sum adds up."""
        exponent, body = self.exponent(above), self.sums.get(total.name)
        if exponent is None or body is None:
            return None
        source = self.known[total.name]
        kept, shift = self.shifted(body, source)
        moving = {index: Index(f"at{index.name}", integer=True, nonnegative=True) for index in source.bound_indices}
        axes = dict(zip(source.free, total.indices, strict=True)) | moving
        entry = exponent - shift.xreplace(axes)
        return entry if _occurs(kept.xreplace(axes), entry, set(moving.values())) else None

    @staticmethod
    def shifted(scores: Expr, definition: Definition) -> tuple[Expr, Expr]:
        """Scores as what depends on the summed axes and a shift that does not."""
        terms = Add.make_args(scores)
        shift = Add(*(term for term in terms if not term.has(*definition.bound_indices)))
        return scores - shift, shift

    def logarithm(self, node: Expr) -> Expr:
        """``log(s)`` as ``l``."""
        total = node.args[0]
        if not isinstance(total, Ref) or total.name not in self.sums:
            return node
        source = self.known[total.name]
        shift = self.shifted(self.sums[total.name], source)[1]
        return self.logsumexp(total) + shift.xreplace(dict(zip(source.free, total.indices, strict=True)))

    def logsumexp(self, total: Ref) -> Expr:
        """The entry of the logarithm of a sum of exponentials, their shift left out."""
        if total.name not in self.found:
            source = self.known[total.name]
            scores, _ = self.shifted(self.sums[total.name], source)
            name = next(fresh_names(self.taken, f"log_{total.name}"))
            self.taken.add(name)
            self.found[total.name] = Definition(name, source.shape, scores, "logsumexp", source.bound)
            self.known[name] = self.found[total.name]
            self.definitions.append(self.found[total.name])
        return self.found[total.name][total.indices]


def _occurs(summand: Expr, entry: Expr, moving: set[Index]) -> bool:
    """Whether a summand is the entry at some place of its moving indices."""
    for ref, other in itertools.product(summand.atoms(Ref), entry.atoms(Ref)):
        if ref.args[0] == other.args[0]:
            places = {k: i for k, i in zip(ref.indices, other.indices, strict=True) if k in moving}
            if len(places) == len(moving) and summand.xreplace(places) == entry:
                return True
    return False
