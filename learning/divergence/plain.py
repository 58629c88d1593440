"""Divergence and entropy outside of exponential families: term by term, by laws for the integrals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, S

from chainrule.derive.errors import UnsupportedError
from chainrule.derive.formula import Formula
from chainrule.derive.program import Definition, Program
from chainrule.learning.divergence.laws import Expectation, Law, law_of, log_terms
from chainrule.learning.divergence.pair import Pair, pair
from chainrule.learning.probability.model import Model
from chainrule.learning.probability.references import references
from chainrule.learning.probability.textbook import simplified

#: Euler's constant as the value of a function that the notation has; SymPy must not evaluate it.
CONSTANTS = {S.EulerGamma: -sp.polygamma(0, 1, evaluate=False)}


@dataclass(frozen=True)
class Plain:
    """Terms of log-densities of two members, and the law that knows their expectations under ``p``.

    Attributes:
        pair: the members.
        law: the law.
        expectation: the expectation of a function of the variable, in the names of the family's parameters.
    """

    pair: Pair
    law: Law
    expectation: Expectation

    def log_density(self, which: int) -> Expr:
        """The log-density of one member, in symbols."""
        return self.pair.of(sp.Add(*log_terms(self.pair.m)), which)

    def means(self, body: Expr) -> Mapping[Expr, Expr]:
        """Every function of the variable in a sum, and its expectation under ``p``.

        Raises:
            UnsupportedError: the law does not know one.
        """
        x = self.pair.m.variable.head
        back = {item.head: self.pair.m.density.program.by_name[name].head
                for name, item in self.pair.members[0].items()}  # fmt: skip
        known = {}
        for term in sp.Add.make_args(_multiplied(body)):
            part = term.as_independent(x, as_Add=False)[1]
            if part == 1:
                continue
            mean = self.expectation(part.xreplace(back))
            if mean is None:
                found = f"E[{sp.sstr(part)}]"
                raise UnsupportedError("an expectation has no closed form by the laws here", found=found)
            known[part] = self.pair.of(mean, 0)
        return known

    def expected(self, body: Expr, means: Mapping[Expr, Expr]) -> Program:
        """The expectation of a sum."""
        x, total = self.pair.m.variable.head, S.Zero
        for term in sp.Add.make_args(_multiplied(body)):
            factor, part = term.as_independent(x, as_Add=False)
            total += factor * means.get(part, S.One)
        return self.program(total)

    def program(self, body: Expr) -> Program:
        """A number as a function of the parameters."""
        body = body.replace(sp.gamma, lambda argument: sp.exp(sp.loggamma(argument)))
        whole = Definition("value", (), references(body, self.pair.inputs), origin="named")
        return Program(self.pair.inputs, (whole,), ("value",))

    def short(self, program: Program) -> Formula:
        """A program as textbooks write it."""
        first, second = self.pair.members
        reals = [(first[name], second[name]) for name in first if first[name].domain.name == "real"]
        used = program.output.reads if isinstance(program.output, Definition) else set()
        found = simplified(program, [both for both in reals if {item.name for item in both} <= used]).program
        definitions = [item.with_body(item.body.xreplace(CONSTANTS)) for item in found.definitions]
        return Formula(found.with_definitions(definitions))


def _multiplied(body: Expr) -> Expr:
    return sp.expand(body, deep=False, log=False, power_base=False, power_exp=False, func=False)


def plain(m: Model) -> Plain:
    """Two members of a family whose integrals are known.

    Raises:
        UnsupportedError: no law knows them.
    """
    found = law_of(m)
    if found is None:
        raise UnsupportedError("no law here knows the integrals of this density")
    return Plain(pair(m), *found)
