"""What expressions of the algebra are made of, apart from numbers, names, sums, products and powers."""

from __future__ import annotations

from collections.abc import Callable

from sympy import Add, Expr, Function, Indexed, Mul, Pow, Symbol, Tuple, preorder_traversal

#: A random variable: a name, or a member of a family such as ``x_i``, whose index may stand for any other.
Variable = tuple[str, Symbol | None]
ANY = Symbol("*")


class Node(Expr):
    """An expression of the algebra that SymPy takes for a number without a law."""

    is_commutative = True


class Expect(Node):
    """``E[body]`` or ``E[body | given]``: arguments are the body and the tuple of what is given."""


class Variance(Node):
    """``Var[x]`` or ``Var[x | given]``."""


class Covariance(Node):
    """``Cov[x, y]`` or ``Cov[x, y | given]``."""


class Deviation(Node):
    """``x - mean`` where the mean is that of ``x``."""


class Group(Node):
    """A sum that stands in brackets as one term."""


class Over(Node):
    """The sum over indices that differ from each other: arguments are the body, the indices, how far they run."""


def expect(body: Expr, given: Tuple | tuple[Expr, ...] = ()) -> Expr:
    """``E[body | given]``."""
    return Expect(body, Tuple(*given))


def over(body: Expr, indices: tuple[Symbol, ...], upper: Expr) -> Expr:
    """The sum over indices that differ, which stands for a product where no index occurs in the body."""
    free = tuple(index for index in indices if index in body.free_symbols)
    if free:
        # An index that does not occur takes every value that the others leave.
        rest = Mul(*(upper - number for number in range(len(free), len(indices))))
        return rest * Over(body, Tuple(*free), upper)
    return body * Mul(*(upper - number for number in range(len(indices))))


def rebuild(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with all arguments changed."""
    if not expr.args or isinstance(expr, Indexed):
        return expr
    return expr.func(*(arg if isinstance(arg, Tuple) else change(arg) for arg in expr.args))


def everywhere(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The expression with every node changed, from the leaves up."""
    return change(rebuild(expr, lambda arg: everywhere(arg, change)))


def outermost(expr: Expr, kind: type | tuple[type, ...], change: Callable[[Expr], Expr]) -> Expr:
    """The expression with the outermost nodes of a kind changed."""
    if isinstance(expr, kind):
        return change(expr)
    return rebuild(expr, lambda arg: outermost(arg, kind, change))


def has(expr: Expr, *kinds: type) -> bool:
    """Whether there is a node of one of these kinds."""
    return any(isinstance(node, kinds) for node in preorder_traversal(expr))


def ungrouped(expr: Expr) -> Expr:
    """Brackets that are needed no longer are taken away."""
    return everywhere(expr, lambda node: node.args[0] if isinstance(node, Group) else node)


def renamed(expr: Expr, old: Symbol, new: Symbol) -> Expr:
    """An index by another name, also where it is bound."""
    return expr.xreplace({old: new})


def is_opaque(expr: Expr) -> bool:
    """Whether this is a function of its arguments that the algebra does not look into."""
    if isinstance(expr, Pow):
        return not (expr.exp.is_Integer and expr.exp > 0)
    return isinstance(expr, Function) and not isinstance(expr, Add | Mul)
