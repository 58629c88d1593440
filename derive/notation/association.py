"""Bilinear forms from the right: ``x @ A @ y`` is ``x @ (A @ y)``, as people say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from sympy import Expr, Mul

from chainrule.derive.program import Definition, Ref, bound_index, free_index
from chainrule.derive.signs import sign_of

HERE, THERE = free_index(0), bound_index(0)


def from_the_right(definitions: Iterable[Definition], nameless: Callable[[str], bool]) -> list[Definition]:
    """The definitions with ``z[i] = sum_k A[i,k] y[k]`` in place of ``z[i] = sum_k x[k] A[k,i]`` in ``x @ A @ y``.

    Only what has no name and is read once, by the inner product, is changed.
    """
    found = list(definitions)
    readings = Counter(name for definition in found for name in definition.reads)
    place = 0
    while place < len(found):
        turned = _turned(found[place], found[:place], lambda name: nameless(name) and readings[name] == 1)
        if turned is None:
            place += 1
        else:
            # The product may read what is defined after the one that it replaces.
            names = {item.name for item in turned}
            found[: place + 1] = [*(item for item in found[: place + 1] if item.name not in names), *turned]
    return found


def _turned(
    form: Definition, before: Iterable[Definition], free: Callable[[str], bool]
) -> tuple[Definition, Definition] | None:
    """The product and the inner product read the other way round, where the product has its matrix transposed."""
    if form.reduce != "sum" or form.shape or len(form.bound) != 1:
        return None
    products = {item.name: item for item in before if item.reduce == "sum" and len(item.shape) == len(item.bound) == 1}
    for ref in Mul.make_args(form.body):
        if isinstance(ref, Ref) and ref.name in products and ref.indices == (THERE,) and free(ref.name):
            product, right = products[ref.name], form.body / ref
            matrix = _transposed_matrix(product)
            if matrix is not None and not right.has(ref):
                swapped = matrix.xreplace({HERE: THERE, THERE: HERE}) * right
                other = replace(product, shape=product.bound, bound=product.shape, body=swapped)
                # The head, which has the sign, is another one; so is the entry that is read.
                other = replace(other, sign=sign_of(swapped, "sum"))
                return other, replace(form, body=product.body / matrix * other[(THERE,)], bound=product.bound)
    return None


def _transposed_matrix(product: Definition) -> Expr | None:
    """The ``A[k,i]`` of a product ``sum_k x[k] A[k,i]``."""
    factors = Mul.make_args(product.body)
    matrices = [factor for factor in factors if factor.has(HERE)]
    if len(matrices) != 1 or not isinstance(matrices[0], Ref) or matrices[0].indices != (THERE, HERE):
        return None
    return matrices[0]
