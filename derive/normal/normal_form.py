"""The normal form of a value of a program: everything inlined into one polynomial over atoms.

Definitions are lowered once over generic indices and then renamed at every place that reads
them.  Functions of the catalogue are replaced by their definitions until only ``exp``, ``log``,
``sin``, ``cos``, ``erf``, inverse trigonometric functions, ``loggamma``, ``polygamma`` and ``besseli`` remain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import sympy as sp
from sympy import Expr

from chainrule.derive.catalog.entries import CatalogFunction
from chainrule.derive.catalog.linalg import MATRIX_FUNCTION_BY_NAME
from chainrule.derive.catalog.unspecified import Unspecified
from chainrule.derive.normal.algebra import Algebra
from chainrule.derive.normal.arithmetic import UNIT, ProofLimit
from chainrule.derive.normal.terms import (
    Atom,
    Offset,
    Place,
    Poly,
    Token,
    atom_poly,
    number,
    place_expr,
    place_of,
    place_tokens,
)
from chainrule.derive.program import Definition, Dim, Index, Input, Program, Ref
from chainrule.derive.scalar import INFINITE, equal, less, less_equal, where

Environment = Mapping[Index, Place]


def normal_form(program: Program, name: str, fixed: frozenset[str] = frozenset()) -> Poly:
    """The normal form of the value ``name`` at its free indices ``i0, i1, ..``.

    Args:
        program: the program.
        name: an input or definition of it.
        fixed: inputs whose declared equations (rows sum to one, entries are 0 or 1, symmetric)
            may be used; the signs of domains are always used.

    Raises:
        ProofLimit: the form would be too large.
    """
    return Lowering(program, Algebra(program.inputs, fixed)).value(name)


def output_places(algebra: Algebra, shape: tuple[Expr, ...]) -> tuple[Place, ...]:
    """The free indices of an output; both sides of an equation get the same ones."""
    return tuple(
        0 if length == 1 else Token(f"i{position}", length) for position, length in enumerate(shape)
    )


class Lowering:
    """Lowers the definitions of one program; the algebra may be shared with another program."""

    def __init__(self, program: Program, algebra: Algebra) -> None:
        self.program, self.algebra = program, algebra
        self.generic: dict[str, tuple[tuple[Place, ...], Poly]] = {}

    def value(self, name: str) -> Poly:
        """The value of an input or definition at its output places."""
        item = self.program.by_name[name]
        return self.at(name, output_places(self.algebra, item.shape))

    def at(self, name: str, places: tuple[Place, ...]) -> Poly:
        """The value of an input or definition at given places."""
        item = self.program.by_name[name]
        if isinstance(item, Input):
            return self.algebra.entry(name, places)
        if name not in self.generic:
            self.generic[name] = self.lowered(item)
        own, body = self.generic[name]
        mapping = {old: new for old, new in zip(own, places, strict=True) if isinstance(old, Token)}
        targets = list(mapping.values())
        if all(isinstance(target, Token) for target in targets) and len(set(targets)) == len(targets):
            return body.renamed(mapping)
        return self.algebra.rebuilt(body, mapping)

    def lowered(self, definition: Definition) -> tuple[tuple[Place, ...], Poly]:
        """A definition over generic indices."""
        algebra = self.algebra
        own = tuple(algebra.place(length) for length in definition.shape)
        bound = tuple(algebra.place(length) for length in definition.bound)
        env = dict(zip(definition.free + definition.bound_indices, own + bound, strict=True))
        body = self.poly(definition.body, env)
        if definition.reduce in MATRIX_FUNCTION_BY_NAME:
            value = MATRIX_FUNCTION_BY_NAME[definition.reduce].shape(*definition.bound)
            return own, algebra.matrix(definition.reduce, body, bound, own[len(own) - len(value) :])
        tokens = tuple(place for place in bound if isinstance(place, Token))
        if not definition.reduce or not tokens:
            return own, body
        if definition.reduce == "sum":
            return own, algebra.total(body, tokens)
        if definition.reduce == "logsumexp":
            return own, algebra.log(algebra.total(algebra.exp(body), tokens))
        return own, algebra.reduction(definition.reduce, body, tokens)

    def place(self, expr: Expr, env: Environment) -> Place:
        """The place that an index expression stands for."""
        used = {index: env[index] for index in expr.atoms(Index)}
        expr = expr.xreplace({index: place_expr(place) for index, place in used.items()})
        return place_of(expr, [token for place in used.values() for token in place_tokens(place)])

    def poly(self, expr: Expr, env: Environment) -> Poly:
        """A scalar expression as a polynomial over atoms."""
        algebra = self.algebra
        algebra.spend(1)
        if isinstance(expr, Ref):
            return self.at(expr.name, tuple(self.place(index, env) for index in expr.indices))
        if expr.is_Rational:
            return number(Fraction(int(expr.p), int(expr.q)))
        if isinstance(expr, Dim):
            return algebra.dimension(expr.name)
        if isinstance(expr, Index):
            return algebra.position(env[expr])
        if expr is sp.pi or expr is sp.E:
            return atom_poly(Atom("dim", "pi", sign="positive")) if expr is sp.pi else algebra.exp(UNIT)
        if expr in INFINITE:  # a number of any size: what holds for all of them holds in the limit
            return atom_poly(Atom("dim", "inf", sign="positive")).scaled(Fraction(1 if expr is sp.oo else -1))
        for kind, lower in _LOWER.items():
            if isinstance(expr, kind):
                return lower(self, expr, env)
        if isinstance(expr, CatalogFunction):
            return self.poly(expr.entry.expanded(*expr.args), env)
        if type(expr) in _DEFINED:
            return self.poly(_DEFINED[type(expr)](*expr.args), env)
        if type(expr).__name__ in _KERNELS or isinstance(expr, Unspecified):
            return algebra.function(type(expr).__name__, *(self.poly(arg, env) for arg in expr.args))
        raise ProofLimit


def _sum(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    result = number(0)
    for arg in expr.args:
        result = result + lowering.poly(arg, env)
    return result


def _product(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    return lowering.algebra.product(lowering.poly(arg, env) for arg in expr.args)


def _power(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    base, exponent = (lowering.poly(arg, env) for arg in (expr.base, expr.exp))
    return lowering.algebra.any_power(base, exponent)


def _delta(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    left, right = (lowering.place(arg, env) for arg in expr.args)
    if isinstance(left, Offset) or isinstance(right, Offset):
        raise ProofLimit
    return lowering.algebra.delta(left, right)


def _less(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    left, right = (lowering.poly(arg, env) for arg in expr.args)
    return lowering.algebra.positive(right - left)


def _less_equal(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    left, right = (lowering.poly(arg, env) for arg in expr.args)
    return UNIT - lowering.algebra.positive(left - right)


def _equal(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    left, right = (lowering.poly(arg, env) for arg in expr.args)
    return lowering.algebra.is_zero(right - left)


def _where(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
    return lowering.algebra.choice(*(lowering.poly(arg, env) for arg in expr.args))


def _applied(method: str) -> Callable[[Lowering, Expr, Environment], Poly]:
    def lower(lowering: Lowering, expr: Expr, env: Environment) -> Poly:
        operation: Callable[[Poly], Poly] = getattr(lowering.algebra, method)
        return operation(lowering.poly(expr.args[0], env))

    return lower


_LOWER: dict[type, Callable[[Lowering, Expr, Environment], Poly]] = {
    sp.Add: _sum,
    sp.Mul: _product,
    sp.Pow: _power,
    sp.KroneckerDelta: _delta,
    less: _less,
    less_equal: _less_equal,
    equal: _equal,
    where: _where,
    sp.exp: _applied("exp"),
    sp.log: _applied("log"),
    sp.Abs: _applied("absolute"),
    sp.sign: _applied("signum"),
}

#: SymPy functions by their definitions.
_DEFINED: dict[type, Callable[[Expr], Expr]] = {
    sp.tanh: lambda x: 1 - 2 / (1 + sp.exp(2 * x)),
    sp.sinh: lambda x: (sp.exp(x) - sp.exp(-x)) / 2,
    sp.cosh: lambda x: (sp.exp(x) + sp.exp(-x)) / 2,
    sp.tan: lambda x: sp.sin(x) / sp.cos(x),
    sp.acos: lambda x: sp.pi / 2 - sp.asin(x),
    sp.asinh: lambda x: sp.log(x + sp.sqrt(x**2 + 1)),
    sp.acosh: lambda x: sp.log(x + sp.sqrt(x**2 - 1)),
    sp.atanh: lambda x: (sp.log(1 + x) - sp.log(1 - x)) / 2,
    sp.erfc: lambda x: 1 - sp.erf(x),
}

#: Functions that stay as they are.
_KERNELS = {"sin", "cos", "erf", "asin", "atan", "loggamma", "polygamma", "besseli"}
