"""Functions that are convex in all unknowns together, as far as their form shows it.

Sums of convex functions with weights that are not negative, squares of affine functions, quadratic
forms of affine functions in positive semidefinite matrices, and some convex functions of one
affine argument.
Source: Boyd and Vandenberghe, Convex Optimization (2004), section 3.2.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Add, Expr, Function, Mul, Pow, S

from chainrule.derive.catalog.elementwise import BY_FUNCTION
from chainrule.derive.forms.bound_terms import MatrixEntry, Over
from chainrule.derive.program import Ref
from chainrule.derive.stationarity.definite import of_term
from chainrule.derive.stationarity.signs import is_nonnegative
from chainrule.derive.stationarity.terms import Space, Term, mentions, opened

#: Functions of one argument that are convex, and that are concave, on the whole of their domain.
CONVEX = frozenset({"exp", "softplus", "abs", "logcosh"})
CONCAVE = frozenset({"log"})
#: Stands around an affine function.
UNSIGNED = Function("affine", real=True)


def is_convex(space: Space, expr: Expr) -> bool:
    """Whether an expression is certainly convex in the unknowns."""
    if is_affine(space, expr):
        return True
    if isinstance(expr, Add):
        return all(is_convex(space, arg) for arg in expr.args)
    if isinstance(expr, Over):
        return expr.kind == "sum" and (is_convex(space, expr.body) or is_square(space, expr))
    if isinstance(expr, Mul):
        return _is_weighted(space, expr) or is_square(space, expr)
    if isinstance(expr, Pow):
        return bool(expr.exp == 2) and is_affine(space, expr.base)
    return _function(expr) in CONVEX and is_affine(space, expr.args[0])


def _function(expr: Expr) -> str:
    entry = BY_FUNCTION.get(expr.func)
    return entry.name if entry is not None and len(expr.args) == 1 else ""


def _is_weighted(space: Space, product: Expr) -> bool:
    """A convex function times a weight, or a concave one times a negative one."""
    weight, rest = _known(space, product)
    if isinstance(rest, Mul):
        return False
    if is_nonnegative(weight):
        return is_convex(space, rest)
    return is_nonnegative(-weight) and _is_concave(space, rest)


def _is_concave(space: Space, expr: Expr) -> bool:
    """The logarithm of an affine function or, over symmetric matrices, of its determinant."""
    if isinstance(expr, MatrixEntry):
        body = expr.body
        declared = isinstance(body, Ref) and space.input(body.name).domain.name == "spd"
        return expr.kind == "logdet" and declared
    if isinstance(expr, Over) and expr.kind == "sum":
        weight, rest = _known(space, expr.body)
        return is_nonnegative(weight) and not isinstance(rest, Mul) and _is_concave(space, rest)
    if isinstance(expr, Add):
        return all(is_affine(space, arg) or is_convex(space, -arg) for arg in expr.args)
    return _function(expr) in CONCAVE and is_affine(space, expr.args[0])


def _known(space: Space, product: Expr) -> tuple[Expr, Expr]:
    """The factors without and with unknowns."""
    factors = Mul.make_args(product)
    known = [factor for factor in factors if not mentions(factor, space.unknowns)]
    return Mul(*known), Mul(*(factor for factor in factors if factor not in known))


def is_affine(space: Space, expr: Expr) -> bool:
    """Whether an expression is certainly a linear function of the unknowns plus a constant."""
    if not mentions(expr, space.unknowns) or isinstance(expr, Ref):
        return True
    if isinstance(expr, Add):
        return all(is_affine(space, arg) for arg in expr.args)
    if isinstance(expr, Mul):
        rest = _known(space, expr)[1]
        return not isinstance(rest, Mul) and is_affine(space, rest)
    return isinstance(expr, Over) and expr.kind == "sum" and is_affine(space, expr.body)


def is_square(space: Space, expr: Expr) -> bool:
    """Whether an expression is a product ``sum G M G`` with affine ``G`` and a positive semidefinite ``M``."""
    return _is_square(space, Term(S.One, Mul.make_args(expr)))


def _is_square(space: Space, term: Term) -> bool:
    """Whether a product is ``sum G M G`` with affine ``G`` and a positive semidefinite ``M``."""
    while True:
        over = next((f for f in term.factors if isinstance(f, Over) and _opens(space, f)), None)
        if over is None:
            break
        body, bound = opened(space, over)
        rest = term.without(over)
        term = Term(S.One, (*rest.factors, *Mul.make_args(body)), (*rest.bound, *bound))
    term = _without_numbers(term)
    active = [factor for factor in term.factors if mentions(factor, space.unknowns)]
    bases = [factor.base if isinstance(factor, Pow) and factor.exp == 2 else factor for factor in active]
    degree = sum(2 if base is not factor else 1 for factor, base in zip(active, bases, strict=True))
    if degree > 2 or not all(is_affine(space, base) for base in bases):
        return False
    # A sign of its own would make a weight of an affine function.
    hidden = tuple(factor.xreplace({base: UNSIGNED(base)}) for factor, base in zip(active, bases, strict=True))
    return bool(of_term(space, replace(term, factors=(*term.without(*active).factors, *hidden)), ()))


def _without_numbers(term: Term) -> Term:
    """The term with the numbers of its factors in its scalar: ``x/2 - m/2`` is half of ``x - m``."""
    pairs = [factor.primitive() if isinstance(factor, Add) else factor.as_coeff_Mul() for factor in term.factors]
    rest = tuple(factor for _, factor in pairs if factor != 1)
    return replace(term, scalar=term.scalar * Mul(*(number for number, _ in pairs)), factors=rest)


def _opens(space: Space, over: Over) -> bool:
    """Whether a sum over indices is one product."""
    return over.kind == "sum" and not isinstance(over.body, Add) and mentions(over.body, space.unknowns)
