"""The shortest of the usual forms of a result."""

from __future__ import annotations

from sympy import Add, Expr, Mul, Symbol, apart, cancel, count_ops, expand, factor, together

from chainrule.learning.expectation.nodes import Covariance, Expect, Over, Variance, everywhere, has, over
from chainrule.learning.expectation.writing import text


def collected(expr: Expr) -> Expr:
    """The shortest of the usual forms."""
    symbols = sorted(expr.free_symbols, key=str)
    if has(expr, Over):
        return Add(*(_in_front(term) for term in Add.make_args(everywhere(expr, _drawn_out))))
    lengths = [item for item in symbols if together(expr).as_numer_denom()[1].has(item)]
    by_length = [_by_powers(cancel(expr), item) for item in lengths]
    forms = [expr, expand(expr), factor(expr), *by_length]
    return min(forms, key=lambda form: (count_ops(form) - 3 * (form in by_length), len(text(form))))


def _drawn_out(node: Expr) -> Expr:
    """A sum with what does not depend on its indices in front of it."""
    if not isinstance(node, Over):
        return node
    body, indices, upper = node.args
    outer, inner = factor(body).as_independent(*indices, as_Add=False)
    return outer * over(inner, tuple(indices), upper)


def _in_front(term: Expr) -> Expr:
    """A term whose factors that are no sums are one short expression."""
    outer = Mul(*(item for item in Mul.make_args(term) if not has(item, Over)))
    inner = Mul(*(item for item in Mul.make_args(term) if has(item, Over)))
    return turned(factor(cancel(outer))) * inner if not has(outer, Expect, Variance, Covariance) else term


def _by_powers(expr: Expr, length: Symbol) -> Expr:
    """Partial fractions in a length, with factored coefficients."""
    return Add(*(turned(factor(term)) for term in Add.make_args(apart(expr, length))))


def turned(term: Expr) -> Expr:
    """A term with a minus sign as one with the difference the other way round."""
    items = list(term.args) if term.is_Mul else []
    place = next((number for number, item in enumerate(items) if item.is_Add), None)
    if place is None or not term.could_extract_minus_sign() or len(items[place].args) != 2:
        return term
    turned = Add(*(-arg for arg in items[place].args))
    rest = Mul(*items[:place], *items[place + 1 :])
    return term if turned.could_extract_minus_sign() and not rest.could_extract_minus_sign() else -rest * turned
