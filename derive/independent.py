"""The derivative by the independent entries of a symmetric matrix.

If ``X[i,j]`` and ``X[j,i]`` are one variable, ``dL/dX[i,j]`` is ``G[i,j] + G[j,i]`` off the diagonal
and ``G[i,i]`` on it, for the derivative ``G`` by all entries (Petersen and Pedersen, The Matrix
Cookbook (2012), eq. 138).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sympy import KroneckerDelta

from chainrule.derive.program import Definition, free_index, fresh_names
from chainrule.derive.reverse import Derivative
from chainrule.derive.steps import Step


def with_independent_entries(found: Derivative, names: Sequence[str]) -> Derivative:
    """A gradient with the results by the symmetric variables ``names`` over their independent entries."""
    context, results, steps = found.context, dict(found.results), list(found.steps)
    for name in names:
        full = context.by_name[results[name]]
        assert isinstance(full, Definition)
        made = _over_triangle(full, next(fresh_names(context.by_name, f"grad_{name}")))
        steps.append(Step("independent-entries", made.name, made, made, (("name", name),)))
        outputs = tuple(made.name if item == full.name else item for item in context.outputs)
        definitions = (*(replace(d, origin="auto") if d is full else d for d in context.definitions), made)
        context = context.with_definitions(definitions, outputs)
        results[name] = made.name
    return replace(found, program=context.pruned(), results=results, steps=tuple(steps), context=context)


def _over_triangle(full: Definition, name: str) -> Definition:
    row, column = free_index(0), free_index(1)
    body = full[(row, column)] + full[(column, row)] - KroneckerDelta(row, column) * full[(row, row)]
    return Definition(name, full.shape, body, origin="adjoint")
