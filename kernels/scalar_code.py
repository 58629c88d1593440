"""Scalar SymPy expressions as Python source that numba compiles.

Differs from SymPy's printers: quotients are printed as quotients, integer powers stay products,
``0 * log(0)`` is 0, the branches of a choice are computed only when taken, numbers have the
precision of the kernel, and catalogue functions become calls of helper functions that are
printed from their stable forms.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import sympy as sp
from sympy import Add, Expr, KroneckerDelta, Mul, Pow, S

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.catalog.entries import Elementwise
from chainrule.derive.catalog.unspecified import Unspecified, no_values
from chainrule.derive.errors import UnsupportedError
from chainrule.derive.program import Dim, Index, Ref
from chainrule.derive.ranges import Facts, facts_against, facts_of
from chainrule.derive.scalar import Indicator, where
from chainrule.derive.zero_products import parts
from chainrule.kernels import special

#: Binding strength of what is printed, loosest first.
CHOICE, AND, COMPARISON, SUM, PRODUCT, NEGATIVE, POWER, ATOM = range(8)

#: Catalogue functions computed by a function of :mod:`special`.
_SPECIAL = {"maximum": "maximum", "minimum": "minimum", "logaddexp": "logaddexp", "besseli": "besseli"}

#: Decorator of helper functions, defined at the head of every kernel.
HELPER = "@helper"


@dataclass(frozen=True)
class Code:
    """Source of an expression and how strongly it binds."""

    text: str
    strength: int = ATOM

    def within(self, strength: int) -> str:
        """The source, in parentheses if it binds less strongly than asked."""
        return self.text if self.strength >= strength else f"({self.text})"


@dataclass
class ScalarPrinter:
    """Prints scalar expressions.

    Attributes:
        dtype: "float64" or "float32".
        entry: the source of an entry of an array, or of a local variable that holds it.
        symbols: the source of symbols (dimensions, loop variables, local variables).
        unbounded: whether a quantity may be infinite, so that its product with 0 is 0.
        labels: the inputs whose entries are integers.
        helpers: name and source of the helper functions that the printed source calls.
        infinite: the local variables that hold a value which may be infinite.
        facts: what the conditions around the place say of indices (see :mod:`ranges`).
        positive: whether entries whose sign is positive are never 0.
    """

    dtype: str = "float64"
    entry: Callable[[Ref], str] = lambda ref: str(ref)
    symbols: dict[Expr, str] = field(default_factory=dict)
    unbounded: Callable[[str], bool] = lambda name: False
    labels: frozenset[str] = frozenset()
    helpers: dict[str, str] = field(default_factory=dict)
    infinite: set[str] = field(default_factory=set)
    facts: Facts = ()
    positive: bool = True

    def source(self, expr: Expr) -> str:
        """The source of an expression."""
        return self.code(expr).text

    def code(self, expr: Expr) -> Code:
        """The source of an expression with its binding strength."""
        if expr.is_number and not expr.has(sp.polygamma):
            return self._number(expr)
        for kind, method in _METHODS:
            if isinstance(expr, kind):
                return method(self, expr)
        return self._application(expr)

    # ---- numbers, symbols, entries -----------------------------------------------------------------

    def _number(self, expr: Expr) -> Code:
        value = _float(expr)
        text = repr(abs(value)) if value == value and abs(value) != float("inf") else f"math.{abs(value)}"
        if self.dtype == "float32":
            text = f"f32({text})"
        negative = value < 0
        return Code(f"-{text}", NEGATIVE) if negative else Code(text)

    def _symbol(self, expr: Expr) -> Code:
        text = self.symbols.get(expr, expr.name)
        if isinstance(expr, Dim | Index):
            return Code(f"f32({text})" if self.dtype == "float32" else text)
        return Code(text)

    def _quotient(self, expr: Expr) -> Code:
        """A quotient or remainder of indices as a number."""
        text = self.index(expr)
        return Code(f"f32({text})") if self.dtype == "float32" else Code(f"float({text})")

    def _reference(self, expr: Ref) -> Code:
        if expr.name in self.labels:
            return Code(f"{'f32' if self.dtype == 'float32' else 'float'}({self.entry(expr)})")
        return Code(self.entry(expr))

    # ---- sums, products, powers ------------------------------------------------------------------------

    def _sum(self, expr: Add) -> Code:
        terms = sorted(expr.args, key=lambda term: (_is_negative(term), term.is_number))
        text = self.code(terms[0]).within(SUM)
        for term in terms[1:]:
            minus = _is_negative(term)
            text += (" - " if minus else " + ") + self.code(-term if minus else term).within(PRODUCT)
        return Code(text, SUM)

    def _product(self, expr: Mul) -> Code:
        coefficient, factors = _coefficient(expr)
        if coefficient < 0:
            return Code("-" + self.code(-expr).within(PRODUCT), PRODUCT)
        kinds = parts(factors, self.is_infinite)
        if kinds.masks:
            rest = Mul(coefficient, *kinds.plain, *kinds.wild)
            return self._chosen(self._knowing(facts_of(kinds.masks), rest).within(AND), kinds.masks)
        weight = Mul(coefficient, *kinds.plain)
        if kinds.wild and not (weight.is_nonzero and (self.positive or not weight.has(Ref))):
            return self._guarded_product(weight, kinds.wild)
        above = [factor for factor in factors if not _is_divisor(factor)]
        below = [1 / factor for factor in factors if _is_divisor(factor)]
        numerator, denominator = coefficient.as_numer_denom() if coefficient.is_Rational else (coefficient, S.One)
        above = above if numerator == 1 and above else [numerator, *above]
        below = below if denominator == 1 else [denominator, *below]
        text = " * ".join(self.code(factor).within(PRODUCT if n == 0 else NEGATIVE) for n, factor in enumerate(above))
        if below:
            divisor = " * ".join(self.code(factor).within(NEGATIVE) for factor in below)
            text += f" / ({divisor})" if len(below) > 1 else f" / {self.code(below[0]).within(NEGATIVE)}"
        return Code(text, PRODUCT)

    def _knowing(self, facts: Facts, expr: Expr) -> Code:
        """The source of an expression that is computed only where these facts hold."""
        before = self.facts
        self.facts = (*before, *facts)
        code = self.code(expr)
        self.facts = before
        return code

    def _guarded_product(self, weight: Expr, wild: Sequence[Expr]) -> Code:
        """A product with factors that may be infinite where the others are 0."""
        infinite = self.code(wild[0]).text if len(wild) == 1 else " * ".join(
            self.code(factor).within(NEGATIVE) for factor in wild)  # fmt: skip
        return Code(f"{self._helper('times')}({self.source(weight)}, {infinite})")

    def is_infinite(self, name: str) -> bool:
        """Whether a quantity or a local variable may be infinite where it has no weight."""
        return name in self.infinite or self.unbounded(name)

    def _power(self, expr: Pow) -> Code:
        base, exponent = expr.base, expr.exp
        if exponent.is_number and exponent < 0:
            divisor = self.code(Pow(base, -exponent)).within(NEGATIVE)
            return Code(f"{self._number(S.One).text} / {divisor}", PRODUCT)
        if exponent == S.Half:
            return Code(f"math.sqrt({self.source(base)})")
        if exponent.is_Integer:
            return Code(f"{self.code(base).within(ATOM)} ** {exponent}", POWER)
        return Code(f"{self.code(base).within(ATOM)} ** {self.code(exponent).within(ATOM)}", POWER)

    # ---- choices -------------------------------------------------------------------------------------------

    def _mask(self, expr: Expr) -> Code:
        return self._chosen(self._number(S.One).text, (expr,))

    def _chosen(self, text: str, masks: Sequence[Expr]) -> Code:
        """What is left of a value where all masks are 1."""
        conditions = " and ".join(self._where_one(mask) for mask in masks)
        return Code(f"{text} if {conditions} else {self._number(S.Zero).text}", CHOICE)

    def _where_one(self, mask: Expr) -> str:
        """The condition under which a Kronecker delta, an indicator or a choice of 1 or 0 is 1."""
        if isinstance(mask, where):
            condition = self._condition(mask.args[0])
            return condition if mask.args[1] == S.One else f"not ({condition})"
        if isinstance(mask, KroneckerDelta):
            left, right = (self.index(argument) for argument in mask.args)
            return f"{left} == {right}"
        return self._condition(mask)

    def _choice(self, expr: where) -> Code:
        condition, chosen, other = expr.args
        first = self._knowing(facts_of([condition]), chosen).within(AND)
        second = self._knowing(facts_against(condition), other).within(CHOICE)
        return Code(f"{first} if {self._condition(condition)} else {second}", CHOICE)

    def _condition(self, expr: Expr) -> str:
        """An indicator, or a product of indicators, as a condition."""
        parts = [self._truth(part) for part in Mul.make_args(expr)]
        return " and ".join(parts)

    def _truth(self, expr: Expr) -> str:
        if not isinstance(expr, Indicator):
            return f"{self.code(expr).within(SUM)} != {self._number(S.Zero).text}"
        left, right = expr.args
        whole = all(argument.is_integer and not argument.has(Ref) for argument in expr.args)
        shown = [self.index(argument) if whole else self.code(argument).within(SUM) for argument in (left, right)]
        return f"{shown[0]} {expr.operator} {shown[1]}"

    # ---- functions -----------------------------------------------------------------------------------------------

    def _application(self, expr: Expr) -> Code:
        if isinstance(expr, Unspecified):
            raise no_values(expr.symbol)
        entry = BY_FUNCTION.get(expr.func)
        if entry is None:
            raise UnsupportedError(f"no compiled form of {expr.func.__name__}")
        if entry.name == "polygamma":
            return self._polygamma(*expr.args)
        arguments = ", ".join(self.source(argument) for argument in expr.args)
        if entry.name in _SPECIAL:
            return self._double(f"{self._helper(_SPECIAL[entry.name])}({arguments})")
        if entry.numba:
            return Code(f"{entry.numba}({arguments})")
        return Code(f"{self._own(entry)}({arguments})")

    def _polygamma(self, order: Expr, argument: Expr) -> Code:
        if not order.is_Integer:
            raise UnsupportedError("polygamma of an order that is not a number", found=str(order))
        text = self.source(argument)
        call = f"{self._helper('digamma')}({text})" if order == 0 else f"{self._helper('polygamma')}({order}, {text})"
        return self._double(call)

    def _double(self, call: str) -> Code:
        """The result of a function that computes in double precision."""
        return Code(f"f32({call})" if self.dtype == "float32" else call)

    def _helper(self, name: str) -> str:
        """A function of :mod:`special`, whose source becomes part of the kernel."""
        if name not in self.helpers:
            self.helpers[name] = special_source(special, name)
        return name

    def _own(self, entry: Elementwise) -> str:
        """A helper function for a catalogue function, from its stable form or its definition."""
        if entry.name not in self.helpers:
            self.helpers[entry.name] = ""
            source = self._helper_source(entry)
            # Functions that this one calls were added while it was printed: they come first.
            del self.helpers[entry.name]
            self.helpers[entry.name] = source
        return entry.name

    def _helper_source(self, entry: Elementwise) -> str:
        inner = ScalarPrinter(self.dtype, helpers=self.helpers)
        parameters = ", ".join(argument.name for argument in entry.args)
        lines = [HELPER, f"def {entry.name}({parameters}):", f'    """{entry.about[0].upper()}{entry.about[1:]}."""']
        assignments = entry.stable.assignments if entry.stable else ()
        lines += [f"    {symbol.name} = {inner.source(value)}" for symbol, value in assignments]
        result = entry.stable.result if entry.stable else entry.define
        return "\n".join([*lines, f"    return {inner.source(result)}"])

    # ---- index expressions -------------------------------------------------------------------------------------------

    def index(self, expr: Expr) -> str:
        """An integer expression of indices and dimensions."""
        return self._index_code(expr).text

    def _index_code(self, expr: Expr) -> Code:
        if expr.is_Integer:
            return Code(str(expr), ATOM if expr >= 0 else NEGATIVE)
        if isinstance(expr, sp.Symbol):
            return Code(self.symbols.get(expr, expr.name))
        if isinstance(expr, Ref):
            return Code(self.entry(expr))
        if isinstance(expr, Add) and sp.together(expr).as_numer_denom()[1] == 1:
            terms = sorted(expr.args, key=lambda term: (_is_negative(term), term.is_number))
            text = self._index_code(terms[0]).within(SUM)
            for term in terms[1:]:
                minus = _is_negative(term)
                text += (" - " if minus else " + ") + self._index_code(-term if minus else term).within(PRODUCT)
            return Code(text, SUM)
        if isinstance(expr, Mul) and all(arg.is_integer or isinstance(arg, Ref) for arg in expr.args):
            return Code(" * ".join(self._index_code(factor).within(NEGATIVE) for factor in expr.args), PRODUCT)
        if isinstance(expr, Pow) and expr.exp.is_Integer and expr.exp > 0:
            return Code(" * ".join([self._index_code(expr.base).within(NEGATIVE)] * int(expr.exp)), PRODUCT)
        if isinstance(expr, sp.Mod):
            left, right = (self._index_code(argument).within(NEGATIVE) for argument in expr.args)
            return Code(f"{left} % {right}", PRODUCT)
        above, below = sp.together(expr.args[0] if isinstance(expr, sp.floor) else expr).as_numer_denom()
        if below != 1:
            texts = self._index_code(above).within(NEGATIVE), self._index_code(below).within(NEGATIVE)
            return Code("{} // {}".format(*texts), PRODUCT)
        if isinstance(expr, KroneckerDelta):
            return Code("int({} == {})".format(*map(self.index, expr.args)))
        if isinstance(expr, sp.Min | sp.Max):
            return Code(f"{type(expr).__name__.lower()}({', '.join(map(self.index, expr.args))})")
        raise UnsupportedError("an index that cannot be compiled", found=str(expr))


_METHODS: tuple[tuple[Any, Callable[[ScalarPrinter, Any], Code]], ...] = (
    (sp.Symbol, ScalarPrinter._symbol),
    ((sp.floor, sp.Mod), ScalarPrinter._quotient),
    (Ref, ScalarPrinter._reference),
    (Add, ScalarPrinter._sum),
    (Mul, ScalarPrinter._product),
    (Pow, ScalarPrinter._power),
    (Indicator, ScalarPrinter._mask),
    (KroneckerDelta, ScalarPrinter._mask),
    (where, ScalarPrinter._choice),
)


def special_source(module: ModuleType, name: str) -> str:
    """The source of a function of a module as a helper, with the constants it reads."""
    function = getattr(module, name)
    constants = [
        f"{constant} = {getattr(module, constant)!r}\n\n\n"
        for constant in function.__code__.co_names
        if constant.isupper() and hasattr(module, constant)
    ]
    return "".join(constants) + HELPER + "\n" + inspect.getsource(function).rstrip()


def _float(expr: Expr) -> float:
    if expr.is_Rational:
        try:
            return int(expr.p) / int(expr.q)
        except OverflowError:
            return math.inf if expr.p > 0 else -math.inf
    return float(expr.evalf(30))


def _coefficient(expr: Mul) -> tuple[Expr, list[Expr]]:
    """The product of the numbers in a product, exact where it is rational, and the other factors."""
    numbers = [factor for factor in expr.args if factor.is_number]
    coefficient = Mul(*numbers)
    if not coefficient.is_Rational:
        coefficient = coefficient.evalf(30)
    return coefficient, [factor for factor in expr.args if not factor.is_number]


def _is_divisor(factor: Expr) -> bool:
    return isinstance(factor, Pow) and bool(factor.exp.is_number and factor.exp < 0)


def _is_negative(term: Expr) -> bool:
    numbers = [factor for factor in Mul.make_args(term) if factor.is_number]
    return bool(Mul(*numbers) < 0) if numbers else False
