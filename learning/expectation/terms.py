"""Expressions as sums of terms: a constant, indices that are summed over, a product of random atoms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from sympy import Add, Dummy, Expr, Indexed, Integer, Mul, Pow, S, Symbol, expand

from chainrule.derive.errors import LimitError
from chainrule.learning.expectation.nodes import Over, has, over, rebuild
from chainrule.learning.expectation.read import index_symbol
from chainrule.learning.expectation.setting import Setting

LETTERS = "ijklpqrstuvw"
MAX_TERMS = 400


@dataclass(frozen=True)
class Term:
    """``coefficient * sum over indices of product``: each index runs on its own, to its limit.

    Attributes:
        coefficient: a constant.
        indices: what is summed over.
        product: random atoms, and constants with an index that is summed over.
    """

    coefficient: Expr
    indices: tuple[tuple[Symbol, Expr], ...] = ()
    product: Expr = S.One

    def expression(self) -> Expr:
        """The term as an expression."""
        return self.coefficient * summed(self.product, self.indices)


def summed(body: Expr, indices: tuple[tuple[Symbol, Expr], ...]) -> Expr:
    """Sums that run independently of each other."""
    for index, upper in reversed(indices):
        body = over(body, (index,), upper)
    return body


def expanded(expr: Expr, setting: Setting, taken: frozenset[Symbol] = frozenset()) -> tuple[Term, ...]:
    """The terms of an expression that is a polynomial of random atoms; equal ones are one.

    Letters that are ``taken`` are not used for indices that are summed over.

    Raises:
        LimitError: there are too many.
    """
    collected: dict[tuple[tuple[tuple[Symbol, Expr], ...], Expr], Expr] = {}
    for term in _terms(expr, setting):
        term = _canonical(term, taken)
        key = (term.indices, term.product)
        collected[key] = collected.get(key, S.Zero) + term.coefficient
        if len(collected) > MAX_TERMS:
            raise LimitError("the expression has too many terms", expected=f"at most {MAX_TERMS}")
    simple = ((key, _constant(value)) for key, value in collected.items())
    return tuple(Term(value, *key) for key, value in simple if value != 0)


def _constant(expr: Expr) -> Expr:
    return expand(expr) if has(expr, Add) and expand(expr) == 0 else expr


def _terms(expr: Expr, setting: Setting) -> Iterator[Term]:
    if isinstance(expr, Add):
        for arg in expr.args:
            yield from _terms(arg, setting)
    elif isinstance(expr, Over) and len(expr.args[1]) == 1 and _matters(expr, setting):
        index = expr.args[1][0]
        own = Dummy(index.name, integer=True)
        for term in _terms(_unshadowed(expr.args[0], index).xreplace({index: own}), setting):
            yield _bound(term, own, expr.args[2])
    elif isinstance(expr, Mul):
        yield from _product(expr.args, setting)
    elif isinstance(expr, Pow) and expr.exp.is_Integer and expr.exp > 1 and _matters(expr, setting):
        if setting.is_atom(expr.base):
            yield Term(S.One, (), expr)
        else:
            yield from _product((expr.base,) * int(expr.exp), setting)
    elif setting.is_random(expr) or _indexed(expr):
        yield Term(S.One, (), expr)
    else:
        yield Term(expr)


def _matters(expr: Expr, setting: Setting) -> bool:
    """Whether an expression is worth looking into: it is random, or has a free index."""
    return setting.is_random(expr) or _indexed(expr)


def _indexed(expr: Expr) -> bool:
    """Whether an index stands free in an expression."""
    if isinstance(expr, Over):
        return bool({item for item in free_indices(expr.args[0]) if item not in set(expr.args[1])})
    return bool(free_indices(expr))


def free_indices(expr: Expr) -> set[Symbol]:
    """The indices that stand free in an expression."""
    if isinstance(expr, Over):
        return free_indices(expr.args[0]) - set(expr.args[1])
    if isinstance(expr, Indexed):
        return set(expr.indices)
    return set().union(*map(free_indices, expr.args)) if expr.args else set()


def _unshadowed(expr: Expr, index: Symbol) -> Expr:
    """A body whose inner sums do not run over the letter of the outer one."""
    if not isinstance(expr, Over):
        return rebuild(expr, lambda arg: _unshadowed(arg, index))
    letters = (index_symbol(letter) for letter in reversed(LETTERS))
    other = next(letter for letter in letters if letter not in expr.free_symbols)
    change = {index: other} if index in set(expr.args[1]) else {}
    return over(_unshadowed(expr.args[0].xreplace(change), index), tuple(change.get(i, i) for i in expr.args[1]),
                expr.args[2])  # fmt: skip


def _bound(term: Term, index: Symbol, upper: Expr) -> Term:
    """The sum of a term over an index."""
    if index in free_indices(term.product):
        return Term(term.coefficient, ((index, upper), *term.indices), term.product)
    return Term(term.coefficient * upper, term.indices, term.product)


def _letters(term: Term) -> set[Symbol]:
    return {index for index, _ in term.indices}


def _product(factors: tuple[Expr, ...], setting: Setting) -> Iterator[Term]:
    """The product of sums, whose indices are set apart."""
    if not factors:
        yield Term(S.One)
        return
    rest = list(_product(factors[1:], setting))
    for left in _terms(factors[0], setting):
        for right in rest:
            yield _multiplied(left, right)


def _multiplied(left: Term, right: Term) -> Term:
    left = _relettered(left, _letters(right) | free_indices(right.product))
    right = _relettered(right, free_indices(left.product))
    return Term(left.coefficient * right.coefficient, (*left.indices, *right.indices), left.product * right.product)


def _relettered(term: Term, taken: set[Symbol]) -> Term:
    """The term with other letters for its indices where they are taken."""
    used = taken | _letters(term) | free_indices(term.product)
    free = (index_symbol(letter) for letter in LETTERS if index_symbol(letter) not in used)
    change = dict(zip(sorted(_letters(term) & taken, key=str), free, strict=False))
    indices = tuple((change.get(index, index), upper) for index, upper in term.indices)
    return Term(term.coefficient, indices, term.product.xreplace(change))


def _canonical(term: Term, taken: frozenset[Symbol]) -> Term:
    """The term with the first letters for its indices, in the order that reads first."""
    if not term.indices:
        return term
    letters = [index_symbol(letter) for letter in LETTERS]
    outer = taken | (free_indices(term.product) - {index for index, _ in term.indices})
    names = [letter for letter in letters if letter not in outer][: len(term.indices)]
    best: tuple[str, tuple[tuple[Symbol, Expr], ...], Expr] | None = None
    for order in permutations(term.indices):
        change = {index: name for (index, _), name in zip(order, names, strict=True)}
        product = term.product.xreplace(change)
        key = str(product)
        if best is None or key < best[0]:
            best = (key, tuple((name, upper) for name, (_, upper) in zip(names, order, strict=True)), product)
    assert best is not None
    return Term(term.coefficient, best[1], best[2])


def factors(product: Expr) -> tuple[Expr, ...]:
    """The factors of a product, a power being one."""
    return tuple(product.args) if isinstance(product, Mul) else () if product == Integer(1) else (product,)
