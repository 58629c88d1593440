"""The chain rule written out for scalars: ``dL/dw = dL/dy * dy/dz * dz/dw``.

Where a scalar variable reaches a scalar output through a single chain of scalar quantities, the
derivative is the product of the local derivatives along the chain, and that is how textbooks
write it (Bishop, PRML, section 5.3); no adjoints are needed.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

from sympy import Mul

from chainrule.derive.algebra import simplify
from chainrule.derive.calculus import differentiate
from chainrule.derive.program import Definition, Program
from chainrule.derive.rational import shortest
from chainrule.derive.reverse import Derivative, local_derivative
from chainrule.derive.rewriting import Context
from chainrule.derive.steps import Partial, Step


def chain_rule(program: Program, variable: str) -> Derivative | None:
    """The derivative by one variable as a product along its chain, or ``None`` if there is no chain."""
    chain = single_chain(program, variable)
    if chain is None:
        return None
    found = differentiate(program, [variable])
    result = found.program.by_name[found.results[variable]]
    assert isinstance(result, Definition)
    steps = _along(program, chain, result)
    return None if steps is None else replace(found, steps=tuple(steps))


def single_chain(program: Program, variable: str) -> tuple[str, ...] | None:
    """The names from the output down to the variable, if there is one way only and all are scalar."""
    reaching = {variable}
    for definition in program.definitions:
        if definition.reads & reaching:
            reaching.add(definition.name)
    chain = [program.outputs[0]]
    while chain[-1] != variable:
        quantity = program.by_name[chain[-1]]
        if not isinstance(quantity, Definition) or quantity.shape or quantity.reduce:
            return None
        onward = sorted(quantity.reads & reaching)
        if len(onward) != 1:
            return None
        chain += onward
    return tuple(chain) if len(chain) > 2 and not program.by_name[variable].shape else None


def _along(program: Program, chain: tuple[str, ...], result: Definition) -> list[Step] | None:
    """Expansion, local derivatives, their product, and its simplification to the result."""
    links = list(itertools.pairwise(chain))
    partials = [Partial(program.by_name[above][()], program.by_name[below][()]) for above, below in links]
    whole = Partial(program.by_name[chain[0]][()], program.by_name[chain[-1]][()])
    goal, product = (replace(result, body=body) for body in (whole, Mul(*partials)))
    steps = [Step("chain-expansion", result.name, goal, product)]
    context = Context(dict(program.by_name), exact=frozenset(item.name for item in program.inputs))
    slopes = []
    for (above, below), partial in zip(links, partials, strict=True):
        quantity = program.by_name[above]
        assert isinstance(quantity, Definition)
        slope = local_derivative(quantity, program.by_name[below][()], program.kinks)
        raw = Definition(f"d{above}_d{below}", (), slope)
        simple, moves = simplify(raw, context)
        steps += [Step("local-derivative", raw.name, raw.with_body(partial), raw), *moves]
        slopes.append(simple.body)
    multiplied = replace(result, body=Mul(*slopes))
    final, moves = simplify(multiplied, context)
    steps += [Step("substitute", result.name, product, multiplied, (("name", "the factors"),)), *moves]
    if final == result:
        return steps
    if shortest(final.body - result.body) != 0:
        return None
    return [*steps, Step("simplify", result.name, final, result)]
