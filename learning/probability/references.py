"""Scalar inputs in expressions: as references to entries, or as symbols that SymPy's algebra knows the signs of."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Expr

from chainrule.derive.program import Input, Ref


def references(body: Expr, inputs: Sequence[Input]) -> Expr:
    """Heads of scalar inputs as references to them."""
    return body.xreplace({item.head: Ref(item.head) for item in inputs if not item.shape})


def heads(body: Expr) -> Expr:
    """References to scalar inputs as their heads, which SymPy's algebra knows the signs of."""
    return body.xreplace({ref: ref.args[0] for ref in body.atoms(Ref) if len(ref.args) == 1})
