"""Derivatives as programs: gradients, Jacobians, Hessians, Hessian-vector products."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sympy import S

from chainrule.derive.program import (
    Definition,
    Input,
    Program,
    Ref,
    bound_index,
    free_index,
    fresh_names,
)
from chainrule.derive.reverse import Derivative, Reverse


def derivative_program(program: Program, wrt: Sequence[str]) -> Program:
    """The program that computes the output and its derivative by each variable of ``wrt``.

    The derivative has the output's shape followed by the variable's: a gradient for a scalar
    output, a Jacobian otherwise.
    """
    return differentiate(program, wrt).program


def differentiate(
    program: Program, wrt: Sequence[str], exact: bool = False, labels: Mapping[str, str] | None = None
) -> Derivative:
    """Reverse mode from the only output to the variables ``wrt``.

    With ``exact``, identities that hold only on the declared domain of inputs are not used, so
    that the result may be differentiated by any input again.  ``labels`` are the names wished for
    the results, by variable; usually ``grad_w``, or ``jac_w`` if the output is not scalar.
    """
    prefix = "jac" if program.output.shape else "grad"
    wished = {name: f"{prefix}_{name}" for name in wrt} | dict(labels or {})
    return Reverse(program, tuple(wrt), exact, wished).run()


def hessian_labels(first: str, wrt: Sequence[str]) -> dict[str, str]:
    """Names for the blocks of a Hessian in the row of ``first``."""
    return {name: f"hess_{first}" if name == first else f"hess_{first}_{name}" for name in wrt}


def product_labels(wrt: Sequence[str]) -> dict[str, str]:
    """Names for the parts of a Hessian-vector product."""
    return {name: f"hvp_{name}" for name in wrt}


def hessian_program(program: Program, wrt: Sequence[str]) -> Program:
    """Value, gradients and Hessian blocks ``d2 f / da db`` for each pair of ``wrt``, row by row.

    Blocks below the diagonal are those above it, transposed.
    """
    first = differentiate(program, wrt, exact=True)
    gradients = [first.results[name] for name in wrt]
    blocks: dict[tuple[str, str], str] = {}
    current = first.program
    for row, (a, gradient) in enumerate(zip(wrt, gradients, strict=True)):
        labels = hessian_labels(a, wrt)
        for b in wrt[:row]:
            above, name = current.by_name[blocks[b, a]], next(fresh_names(current.by_name, labels[b]))
            below = mirrored(above, name, len(current.by_name[b].shape))
            current = current.with_definitions((*current.definitions, below))
            blocks[a, b] = name
        second = differentiate(replace(current, outputs=(gradient,)), wrt[row:], labels=labels)
        current = joined(current, second.program)
        blocks |= {(a, b): name for b, name in second.results.items()}
    order = [blocks[a, b] for a in wrt for b in wrt]
    return current.pruned([program.outputs[0], *gradients, *order])


def mirrored(block: Input | Definition, name: str, rank: int, written_out: bool = False) -> Definition:
    """A block ``d2 f / db da`` as ``d2 f / da db``: its first ``rank`` axes, those of ``b``, come last.

    With ``written_out`` it has the body of the block where that is a term or a sum, and does not read the block.
    """
    shape = block.shape[rank:] + block.shape[:rank]
    places = tuple(free_index(number) for number in range(len(shape)))
    own = places[len(shape) - rank :] + places[: len(shape) - rank]
    if written_out and isinstance(block, Definition) and block.reduce in ("", "sum"):
        return replace(block, name=name, shape=shape, body=block.at(own))
    return Definition(name, shape, block[own], origin="adjoint")


def hvp_program(program: Program, wrt: Sequence[str]) -> Program:
    """Value, gradients and products of the Hessian with the directions, new inputs ``v_<name>``.

    The product is the gradient of ``sum_a <df/da, v_a>``, at the cost of two gradients.
    """
    first = differentiate(program, wrt, exact=True)
    slope, directions = directional_derivative(first, wrt)
    second = differentiate(slope, wrt, labels=product_labels(wrt))
    outputs = [program.outputs[0], *(first.results[a] for a in wrt), *(second.results[a] for a in wrt)]
    widened = replace(first.program, inputs=(*program.inputs, *directions))
    return joined(widened, second.program).pruned(outputs)


def directional_derivative(first: Derivative, wrt: Sequence[str]) -> tuple[Program, tuple[Input, ...]]:
    """The program of ``sum_a <df/da, v_a>``, in the context of the gradient, and its new inputs ``v_a``."""
    program = first.context
    directions: list[Input] = []
    for name in wrt:
        stem = next(fresh_names([*program.by_name, *(item.name for item in directions)], f"v_{name}"))
        directions.append(Input(stem, program.by_name[name].shape))
    definitions = list(program.definitions)
    total = S.Zero
    for name, direction in zip(wrt, directions, strict=True):
        gradient = program.by_name[first.results[name]]
        axes = tuple(bound_index(n) for n in range(len(direction.shape)))
        body = gradient[axes] * direction[axes]
        if not axes:
            total += body
            continue
        label = next(fresh_names([*program.by_name, *(d.name for d in definitions)], "slope"))
        definitions.append(Definition(label, (), body, "sum", direction.shape))
        total += definitions[-1][()]
    if isinstance(total, Ref) and definitions[-1].name == total.name:
        label = total.name
    else:
        label = next(fresh_names([*program.by_name, *(d.name for d in definitions)], "slope"))
        definitions.append(Definition(label, (), total))
    inputs = (*program.inputs, *directions)
    return Program(inputs, tuple(definitions), (label,), program.kinks, program.written), tuple(directions)


def joined(program: Program, more: Program) -> Program:
    """The first program with the definitions of the second that it lacks; same names are the same."""
    known = {definition.name for definition in program.definitions}
    extra = tuple(definition for definition in more.definitions if definition.name not in known)
    return replace(program, definitions=program.definitions + extra)
