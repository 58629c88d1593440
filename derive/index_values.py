"""The values of index expressions: whole arrays of integers, with NumPy."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp
from sympy import Add, Expr, Integer, Pow

from chainrule.derive.program import Dim, Index, Ref


def index_values(
    expr: Expr, dims: Mapping[Dim, int], along: Callable[[Index], Any], entry: Callable[[Ref], Any]
) -> Any:
    """An index expression as an integer or an array of integers; quotients are rounded down.

    ``along`` gives the values of an index, and ``entry`` those of an array of labels, so that they
    broadcast against each other.
    """
    if isinstance(expr, Integer):
        return int(expr)
    if isinstance(expr, Index):
        return along(expr)
    if isinstance(expr, Dim):
        return dims[expr]
    if isinstance(expr, Ref):
        return np.asarray(entry(expr)).astype(np.int64)

    def values(part: Expr) -> Any:
        return index_values(part, dims, along, entry)

    if isinstance(expr, sp.Mod):
        return values(expr.args[0]) % values(expr.args[1])
    if isinstance(expr, Pow):
        return values(expr.base) ** int(expr.exp)
    above, below = sp.together(expr.args[0] if isinstance(expr, sp.floor) else expr).as_numer_denom()
    if below != 1:
        return values(above) // values(below)
    return reduce(operator.add if isinstance(above, Add) else operator.mul, map(values, above.args))
