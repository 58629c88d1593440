"""One equation for one multiplier: what the sums in it share is drawn out of them, and the rest is solved."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy as sp
from sympy import Add, Dummy, Expr, Mul, exp

from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.formula import Formula
from chainrule.derive.notation.unparse import unparse
from chainrule.derive.program import Definition, Index, Input, Program, Ref, fresh_names

#: Degree of the polynomials whose roots are taken.
MAX_DEGREE = 2


@dataclass(frozen=True)
class Root:
    """A root in texts of our notation.

    Attributes:
        text: the unknown.
        value: it with symbols for the sums.
        sums: the symbols, and what they stand for.
    """

    text: str
    value: Expr
    sums: tuple[tuple[Expr, str], ...]


def roots(equation: Formula, unknown: str) -> tuple[Root, ...]:
    """The values of an input at which a scalar formula is zero, where the sums in it do not depend on it alone."""
    reader = _Reader(equation.program, unknown)
    body = reader.value(equation.output.name)
    if body is None:
        return ()
    mu = Dummy("mu", real=True)
    found = _solved(sp.expand(body.xreplace({reader.entry: mu})), mu)
    return tuple(Root(reader.text(root), root, tuple(reader.texts.items())) for root in found)


def _solved(body: Expr, unknown: Expr) -> list[Expr]:
    """The roots of a polynomial of low degree, in the unknown or in its exponential."""
    if body.has(exp):
        power = Dummy("u", positive=True)
        swapped = sp.powsimp(sp.expand(body.subs(unknown, sp.log(power))), force=True)
        return [sp.log(root) for root in _polynomial(swapped, power)]
    return _polynomial(body, unknown)


def _polynomial(body: Expr, unknown: Expr) -> list[Expr]:
    top = sp.together(body).as_numer_denom()[0]
    if not top.is_polynomial(unknown) or sp.degree(top, unknown) not in range(1, MAX_DEGREE + 1):
        return []
    return [sp.simplify(root) for root in sp.solve(top, unknown)]


class _Reader:
    """Reads a number of a program as an expression of one input, with symbols for the sums."""

    def __init__(self, program: Program, unknown: str) -> None:
        self.program = program
        self.entry = program.by_name[unknown][()]
        self.texts: dict[Expr, str] = {}

    def value(self, name: str) -> Expr | None:
        item = self.program.by_name[name]
        if isinstance(item, Input):
            return item[()] if not item.shape else None
        return self._expression(item.body) if not item.reduce else self._sum(item)

    def _expression(self, body: Expr) -> Expr | None:
        values = {ref: self._number(ref) for ref in body.atoms(Ref)}
        if any(value is None for value in values.values()):
            return None
        return body.xreplace(values)

    def _number(self, ref: Ref) -> Expr | None:
        if ref == self.entry:
            return ref
        item = self.program.by_name[ref.name]
        if not self._depends(ref.name):
            return self._symbol(ref.name) if not item.shape else None
        return self.value(ref.name) if not item.shape else None

    def _depends(self, name: str) -> bool:
        item = self.program.by_name[name]
        return name == self.entry.name or (isinstance(item, Definition) and any(map(self._depends, item.reads)))

    def _symbol(self, name: str) -> Expr:
        """The symbol of a number that does not depend on the unknown."""
        node = matrix_form(self.program, name) if isinstance(self.program.by_name[name], Definition) else None
        text = name if node is None else f"({unparse(node)})"
        positive = bool(self.program.by_name[name][()].is_positive)
        return self._named(text, positive)

    def _named(self, text: str, positive: bool) -> Expr:
        known = next((symbol for symbol, other in self.texts.items() if other == text), None)
        if known is not None:
            return known
        symbol = Dummy(f"s{len(self.texts)}", **({"positive": True} if positive else {"real": True}))
        self.texts[symbol] = text
        return symbol

    def _sum(self, item: Definition) -> Expr | None:
        """A sum as factors in front of sums that do not depend on the unknown."""
        if item.reduce != "sum" or item.shape:
            return None
        total: Expr = sp.S.Zero
        body = self._inlined(item.body)
        for term in Add.make_args(sp.expand(sp.powsimp(sp.expand(body)), deep=False)):
            whole = Mul.make_args(sp.expand_power_base(term, force=True))
            factors = [part for factor in whole for part in _parts(factor)]
            inner = Mul(*(factor for factor in factors if factor.atoms(Index)))
            if any(ref == self.entry or self._depends(ref.name) for ref in inner.atoms(Ref)):
                return None
            outer = self._expression(Mul(*(factor for factor in factors if not factor.atoms(Index))))
            if outer is None:
                return None
            total += outer * self._summed(inner, item)
        return total

    def _inlined(self, body: Expr) -> Expr:
        """A body with elementwise definitions that depend on the unknown written out."""
        while True:
            swaps = {ref: found.at(ref.indices) for ref in body.atoms(Ref) if (found := self._plain(ref)) is not None}
            if not swaps:
                return body
            body = body.xreplace(swaps)

    def _plain(self, ref: Ref) -> Definition | None:
        item = self.program.by_name[ref.name]
        written = isinstance(item, Definition) and not item.reduce and item.shape and self._depends(ref.name)
        return item if written and isinstance(item, Definition) else None

    def _summed(self, inner: Expr, item: Definition) -> Expr:
        name = next(fresh_names(self.program.by_name, "total"))
        whole = replace(item, name=name, body=inner, origin="auto")
        program = Program(self.program.inputs, (*self.program.definitions, whole), (name,)).pruned()
        return self._named(f"({Formula(program).matrix()})", bool(inner.is_positive))

    def text(self, root: Expr) -> str:
        """A root in the notation."""
        named = {symbol: sp.Symbol(f"S{n}__") for n, symbol in enumerate(self.texts)}
        text = str(root.xreplace(named))
        for (symbol, name), meaning in zip(named.items(), self.texts.values(), strict=True):
            del symbol
            text = text.replace(str(name), meaning)
        return text


def _parts(factor: Expr) -> list[Expr]:
    """A factor; an exponential of a sum as the exponentials of its terms, a power of a product as powers."""
    if isinstance(factor, exp):
        return [exp(term) for term in Add.make_args(sp.expand(factor.args[0]))]
    return [factor]
