"""Gauss-Newton and Fisher matrices: the curvature of a loss seen through the output of a model.

For a loss ``L = l(z)`` of a model ``z(w)`` with Jacobian ``J = dz/dw`` and curvature ``H = d2l/dz2``,

    Gauss-Newton:  J.T H J                       Fisher:  J.T E[H] J

the expectation being over targets ``y`` that follow the model.  Where the derivative of the loss
by ``z`` is linear in the targets, their mean is the value at which it vanishes (the expected score
is zero), and the curvature, linear in them too, has its expectation at that mean.

Source: Martens, New insights and perspectives on the natural gradient method (2020), sections 8, 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sympy import Dummy, Expr, S

from chainrule.derive.algebra import simplify
from chainrule.derive.calculus import differentiate, joined
from chainrule.derive.catalog.entries import scalar_derivative
from chainrule.derive.deviations import opened
from chainrule.derive.errors import InputError, UnsupportedError
from chainrule.derive.preactivation import reached, with_preactivations
from chainrule.derive.program import Definition, Input, Program, Ref, bound_index, free_index, fresh_names
from chainrule.derive.reverse import Derivative
from chainrule.derive.rewriting import Context
from chainrule.derive.steps import Step


@dataclass(frozen=True)
class Curvature:
    """A Gauss-Newton or Fisher matrix.

    Attributes:
        program: everything that the blocks need; its outputs are the blocks.
        blocks: the name of the block of each pair of variables.
        through: the output of the model.
        steps: how the blocks came about.
        context: every definition that a step speaks of.
        forward: the definitions of the formula.
    """

    program: Program
    blocks: dict[tuple[str, str], str]
    through: str
    steps: tuple[Step, ...]
    context: Program
    forward: tuple[Definition, ...]


def curvature(
    program: Program, wrt: Sequence[str], through: str | None = None, over: str | None = None
) -> Curvature:
    """The Gauss-Newton matrix; with targets ``over``, the Fisher matrix.

    Raises:
        InputError: ``through`` is not a quantity that all variables act through, or ``over`` no input.
        UnsupportedError: the derivative by the output of the model is not linear in the targets.
    """
    program = with_preactivations(program, frozenset(wrt))
    slope, second, model = _bend(program, _candidates(program, wrt, through))
    context = joined(slope.context, second.context)
    steps = [*slope.steps, *second.steps]
    bend = second.results[model.name]
    if over is not None:
        context, bend, mean = _expected(context, slope.results[model.name], bend, over)
        steps.append(mean)
    jacobians = differentiate(replace(program, outputs=(model.name,)), wrt)
    context = joined(context, jacobians.context)
    steps += jacobians.steps
    stem = "gauss_newton_" if over is None else "fisher_"
    made = _assembled(context, model, bend, jacobians.results, stem)
    return replace(made, steps=(*steps, *made.steps), forward=slope.forward)


def _bend(program: Program, candidates: Sequence[Definition]) -> tuple[Derivative, Derivative, Definition]:
    """First and second derivative of the loss by the first of the quantities that it is not linear in."""
    for model in candidates:
        slope = differentiate(program, [model.name])
        bent = replace(slope.context, outputs=(slope.results[model.name],))
        second = differentiate(bent, [model.name], labels={model.name: f"curvature_{model.name}"})
        found = second.program.by_name[second.results[model.name]]
        if isinstance(found, Definition) and found.body != 0:
            break
    return slope, second, model


# ---- the output of the model ------------------------------------------------------------------------


def _candidates(program: Program, wrt: Sequence[str], through: str | None) -> list[Definition]:
    """The quantity named, or the arrays that every variable acts through, the last contraction first."""
    gates = [item for item in reversed(_gates(program, wrt)) if item.shape]
    if through is not None:
        chosen = [item for item in gates if item.name == through]
        if not chosen:
            raise InputError(
                f"the variables do not all act through {through} alone",
                expected="one of " + ", ".join(item.name for item in gates) if gates else "a quantity of the formula",
            )  # fmt: skip
        return chosen
    if not gates:
        raise InputError(
            "the formula has no array that all variables act through",
            hint="name the output of the model, for example z = X @ w, and give through='z'",
        )
    return sorted(gates, key=lambda item: not _is_model(item))


def _is_model(item: Definition) -> bool:
    """Whether a quantity is a contraction, or a pre-activation made of one."""
    return item.reduce == "sum" or item.name.startswith("z")


def _gates(program: Program, wrt: Sequence[str]) -> list[Definition]:
    """The definitions that lie on every path from a variable to the output."""
    active = reached(program, frozenset(wrt))
    gates = []
    for item in program.definitions:
        if item.name in active and item.name not in program.outputs and _cuts(program, item.name, wrt):
            gates.append(item)
    return gates


def _cuts(program: Program, name: str, wrt: Sequence[str]) -> bool:
    """Whether nothing after ``name`` depends on the variables but through it."""
    without = program.with_definitions(
        replace(item, body=S.Zero, reduce="", bound=()) if item.name == name else item for item in program.definitions
    )
    return not reached(without.pruned(), frozenset(wrt)) & set(program.outputs)


# ---- expectations -------------------------------------------------------------------------------------


def _expected(context: Program, slope: str, bend: str, over: str) -> tuple[Program, str, Step]:
    """The curvature at the mean of the targets, its name, and the step that finds the mean."""
    targets = context.by_name.get(over)
    if not isinstance(targets, Input):
        raise InputError(f"{over} is not an input", expected="one of " + ", ".join(i.name for i in context.inputs))
    mean = _mean_of(context, slope, targets)
    renamed: dict[str, Definition] = {over: mean}
    copies = [mean]
    for item in context.pruned([bend]).definitions:
        if item.reads & renamed.keys():
            swaps = {ref: renamed[ref.name][ref.indices] for ref in item.refs if ref.name in renamed}
            name = next(fresh_names(context.by_name, f"expected_{item.name}"))
            renamed[item.name] = replace(item, name=name, body=item.body.xreplace(swaps))
            copies.append(renamed[item.name])
    made = context.with_definitions((*context.definitions, *copies))
    return made, renamed[bend].name if bend in renamed else bend, Step(
        "expected-score", mean.name, mean, mean, (("name", over),)
    )


def _mean_of(context: Program, slope: str, targets: Input) -> Definition:
    """Solves ``slope = 0`` for the targets."""
    item = context.by_name[slope]
    assert isinstance(item, Definition)
    body = opened(item.body, context.by_name)
    entries = [ref for ref in body.atoms(Ref) if ref.name == targets.name]
    solved = _root(body, entries[0]) if len(entries) == 1 and not item.reduce else None
    hidden = solved is not None and targets.name in _names_behind(context, solved)
    if solved is None or hidden or item.shape != targets.shape:
        raise UnsupportedError(
            f"the derivative of the loss by the output of the model is not linear in {targets.name}, entry by entry",
            hint="the mean of the targets is found from the expected score only where it is",
        )
    name = next(fresh_names(context.by_name, f"mean_{targets.name}"))
    places = dict(zip(entries[0].indices, item.free, strict=True))
    value, _ = simplify(Definition(name, targets.shape, solved.xreplace(places)), Context(dict(context.by_name)))
    return replace(value, origin="adjoint")


def _root(body: Expr, entry: Ref) -> Expr | None:
    """The value of the entry at which a body linear in it vanishes."""
    symbol = Dummy("y", real=True)
    named = body.xreplace({entry: symbol})
    rate = scalar_derivative(named, symbol)
    return None if rate.has(symbol) or rate == 0 else -named.xreplace({symbol: S.Zero}) / rate


def _names_behind(context: Program, body: Expr) -> set[str]:
    """Every name that a body depends on."""
    found = {ref.name for ref in body.atoms(Ref)}
    for item in reversed(context.definitions):
        if item.name in found:
            found |= item.reads
    return found


# ---- the products -----------------------------------------------------------------------------------------


def _assembled(
    context: Program, model: Definition, bend: str, jacobians: Mapping[str, str], stem: str
) -> Curvature:
    """``J_a.T H J_b`` for each pair of variables."""
    parts = (bend, *jacobians.values())
    pointwise = {item.name for item in context.definitions if item.name in parts and not item.reduce}
    workspace = Context(dict(context.by_name), inline=pointwise)
    blocks: dict[tuple[str, str], str] = {}
    steps: list[Step] = []
    for a, left in jacobians.items():
        for b, right in jacobians.items():
            name = next(fresh_names(workspace.known, stem + (a if a == b else f"{a}_{b}")))
            raw = _product(workspace, model, name, (left, bend, right))
            workspace.known[name] = raw
            block, moves = simplify(raw, workspace)
            workspace.known[name] = block
            workspace.added.append(block)
            steps += [Step("gauss-newton", name, raw, raw, (("through", model.name),)), *moves]
            blocks[a, b] = name
    full = context.with_definitions((*context.definitions, *workspace.added), tuple(blocks.values()))
    return Curvature(full.pruned(), blocks, model.name, tuple(steps), full, ())


def _product(workspace: Context, model: Definition, name: str, parts: tuple[str, str, str]) -> Definition:
    """``sum over z, z' of J_a[z, i] H[z, z'] J_b[z', j]``."""
    left, bend, right = (workspace.known[part] for part in parts)
    rank = len(model.shape)
    first = tuple(bound_index(place) for place in range(rank))
    second = tuple(bound_index(rank + place) for place in range(rank))
    shape = left.shape[rank:] + right.shape[rank:]
    axes = tuple(free_index(place) for place in range(len(shape)))
    rows, columns = axes[: len(left.shape) - rank], axes[len(left.shape) - rank :]
    body = left[(*first, *rows)] * bend[(*first, *second)] * right[(*second, *columns)]
    return Definition(name, shape, body, "sum", (*model.shape, *model.shape), origin="adjoint")
