"""Gradients, Jacobians, Hessians and Hessian-vector products with their derivations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from chainrule.derive.calculus import (
    differentiate,
    directional_derivative,
    hessian_labels,
    joined,
    mirrored,
    product_labels,
)
from chainrule.derive.chain import chain_rule
from chainrule.derive.curvature import Curvature, curvature
from chainrule.derive.derivation import Derivation, Goal, Kinks, with_sources
from chainrule.derive.errors import InputError, UnknownNameError, UnsupportedError, near_names
from chainrule.derive.formula import Formula, Start, as_formula
from chainrule.derive.independent import with_independent_entries
from chainrule.derive.links import with_links
from chainrule.derive.narrative.model import inlined_parts
from chainrule.derive.narrative.reasons import sentence
from chainrule.derive.narrative.symbols import (
    shape_text,
)
from chainrule.derive.notation.left import spelled
from chainrule.derive.program import Definition, Input, Program, fresh_names
from chainrule.derive.quotients import with_quotients
from chainrule.derive.remarks import about_kinks
from chainrule.derive.reverse import Derivative
from chainrule.derive.steps import Partial, Step, assumes
from chainrule.derive.views import checked_view, viewed


def gradient(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, symmetric: bool = False, kinks: Kinks = None,
    view: str = "reverse",
) -> Derivation:  # fmt: skip
    """The gradient of a scalar formula by each variable, with its derivation.

    ``df/dX`` has the shape of ``X``; its entries are differentiated as independent of each other,
    also where ``X`` is declared symmetric.  With ``symmetric``, only the entries on and below the
    diagonal of the variables declared symmetric are independent, and the result is
    ``G + G.T - diag(diag(G))`` for the gradient ``G`` over all entries.

    ``kinks`` chooses the derivative of functions at their kinks: ``"abs"``, ``"relu"``, ``"leaky_relu"``,
    ``"elu"`` take ``"left"``, ``"right"``, ``"middle"`` or a number between the slopes on both sides;
    ``"maximum"`` and ``"minimum"`` take ``"shared"``, ``"first"``, ``"last"`` or the derivative by their
    first argument; ``"max"`` and ``"min"`` over axes take ``"shared"``, ``"first"`` or ``"last"``.
    The other derivations, kernels and ``verify`` have the same option.

    ``view`` is the way to the result: "reverse" works out adjoints from the output back
    (backpropagation), "forward" tangents from the variables on, along directions ``v`` that are new
    inputs, and "differential" writes ``dL`` with the differentials of the variables (Magnus and
    Neudecker, Matrix Differential Calculus, 2019).

    Raises:
        UnsupportedError: if the formula is not scalar (use ``jacobian``).
        UnknownNameError: if a variable is not an input or definition of the formula, or ``kinks`` names
            no function with a kink.
        InputError: with ``symmetric``, if no variable is declared symmetric; if ``kinks`` has a value
            that is not possible.

    Source: Petersen and Pedersen, The Matrix Cookbook (2012), eq. 138.

    Example:
        >>> d = gradient("X: real[n, d]; y: real[n]; w: real[d]; norm(X @ w - y)^2", "w")
        >>> d.result["w"].matrix()
        '2*X.T @ (X @ w - y)'
    """
    f, names = _checked(f, wrt, kinks, scalar="gradient")
    view = checked_view(view)
    if symmetric and view != "reverse":
        raise InputError("the gradient over independent entries has one view", expected="reverse", found=view)
    return _over_independent_entries(f, names) if symmetric else viewed(_first_order("gradient", f, names), view)


def jacobian(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, kinks: Kinks = None, view: str = "reverse"
) -> Derivation:
    """The derivative of a formula of any shape; its shape is the formula's followed by the variable's.

    ``view`` is as for :func:`gradient`; the views "forward" and "differential" end with the Jacobian
    applied to directions.
    """
    f, names = _checked(f, wrt, kinks)
    return viewed(_first_order("jacobian", f, names), checked_view(view))


def hessian(f: str | Formula, wrt: str | Sequence[str] | None = None, *, kinks: Kinks = None) -> Derivation:
    """The second derivatives of a scalar formula; a block has the shape ``a.shape + b.shape``.

    Blocks below the diagonal are those above it, transposed (Schwarz's theorem).
    """
    f, names = _checked(f, wrt, kinks, scalar="Hessian")
    first = differentiate(f.differentiable, names, exact=True, labels=_gradient_labels(names))
    steps, context = list(first.steps), first.context
    results: dict[str, Formula] = {}
    for row, a in enumerate(names):
        gradient_of_a = replace(context, outputs=(first.results[a],))
        labels = hessian_labels(a, names)
        for b in names[:row]:
            step = _by_symmetry(context, first.results[a], b, results[f"{b},{a}"].output, labels[b])
            context = context.with_definitions((*context.definitions, step.after))
            steps.append(step)
            block = replace(results[f"{b},{a}"], program=context.pruned([step.where]))
            results[f"{a},{b}"] = replace(block, start=Start(gradient_of_a, (b,), b)) if block.start else block
        second = differentiate(gradient_of_a, names[row:], labels=labels)
        context = joined(context, second.context)
        steps += second.steps
        blocks = _formulas(gradient_of_a, second)
        results |= {a if a == b else f"{a},{b}": block for b, block in blocks.items()}
    return _derivation("hessian", f, names, (first.forward, steps), results, context)


def _by_symmetry(context: Program, slope: str, b: str, above: Input | Definition, label: str) -> Step:
    """The block below the diagonal of a Hessian that one above it tells: the derivative of a gradient by ``b``."""
    gradient_of_a, variable = context.by_name[slope], context.by_name[b]
    below = mirrored(above, next(fresh_names(context.by_name, label)), len(variable.shape), written_out=True)
    axes, rank = below.free, len(gradient_of_a.shape)
    partial = Partial(gradient_of_a[axes[:rank]], variable[axes[rank:]])
    return Step("mixed-partials", below.name, Definition(below.name, below.shape, partial, origin="adjoint"), below)


def _gradient_labels(names: Sequence[str]) -> dict[str, str]:
    """Names for gradients that are differentiated again: ``g``, or ``g_w`` and ``g_b``."""
    return {name: "g" if len(names) == 1 else f"g_{name}" for name in names}


def hvp(f: str | Formula, wrt: str | Sequence[str] | None = None, *, kinks: Kinks = None) -> Derivation:
    """The product of the Hessian with a direction, a new input ``v_w`` for each variable ``w``.

    It is the gradient of the directional derivative ``sum_a <df/da, v_a>``.
    """
    f, names = _checked(f, wrt, kinks, scalar="Hessian-vector product")
    first = differentiate(f.differentiable, names, exact=True, labels=_gradient_labels(names))
    slope, directions = directional_derivative(first, names)
    second = differentiate(slope, names, labels=product_labels(names))
    context = joined(replace(first.context, inputs=(*f.inputs, *directions), outputs=()), second.context)
    slopes = [item for item in slope.definitions if item.name not in first.context.by_name]
    steps = (*first.steps, *map(_definition_step, slopes), *second.steps)
    return _derivation("hvp", f, names, (first.forward, steps), _formulas(slope, second), context)


def gauss_newton(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, through: str | None = None, kinks: Kinks = None
) -> Derivation:
    """The Gauss-Newton matrix ``J.T H J`` of a loss, with its derivation.

    ``J`` is the Jacobian of the model's output ``z`` by the variables, ``H`` the Hessian of the loss
    by ``z``.  The output is the quantity called ``through``, or the last array that every variable
    acts through and that the loss is not linear in.  A block has the shape ``a.shape + b.shape``.

    Raises:
        InputError: there is no such quantity.

    Source: Martens, New insights and perspectives on the natural gradient method (2020), section 8.
    """
    f, names = _checked(f, wrt, kinks, scalar="Gauss-Newton matrix")
    return _curvature("gauss_newton", f, names, curvature(f.differentiable, names, through))


def fisher(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, over: str, through: str | None = None,
    kinks: Kinks = None,
) -> Derivation:
    """The Fisher information ``J.T E[H] J`` of a negative log-likelihood, with its derivation.

    The expectation is over the targets, the input called ``over``; their mean is the value at which
    the derivative by the model's output vanishes, which must be linear in them (as it is for the
    exponential families).  Otherwise as :func:`gauss_newton`.

    Raises:
        UnsupportedError: the derivative by the model's output is not linear in the targets.

    Source: Martens, New insights and perspectives on the natural gradient method (2020), section 9.
    """
    f, names = _checked(f, wrt, kinks, scalar="Fisher information")
    return _curvature("fisher", f, names, curvature(f.differentiable, names, through, over))


def _curvature(goal: Goal, f: Formula, names: tuple[str, ...], found: Curvature) -> Derivation:
    blocks = {
        a if a == b else f"{a},{b}": Formula(found.program.pruned([name])) for (a, b), name in found.blocks.items()
    }
    return _derivation(goal, f, names, (found.forward, found.steps), blocks, found.context)


def _first_order(goal: Goal, f: Formula, names: tuple[str, ...]) -> Derivation:
    chains = [chain_rule(f.differentiable, name) for name in names]
    if all(chains):
        return _along_chains(goal, f, names, [chain for chain in chains if chain])
    found = differentiate(f.differentiable, names)
    results = _formulas(f.differentiable, found)
    return _derivation(goal, f, names, (found.forward, found.steps), results, found.context)


def _over_independent_entries(f: Formula, names: tuple[str, ...]) -> Derivation:
    """The gradient over the entries of symmetric matrices that are independent of each other."""
    program = f.differentiable
    declared = [item.name for item in program.inputs if item.name in names and item.domain.symmetric]
    if not declared:
        raise InputError(
            "symmetric=True is for variables that are declared symmetric", found=", ".join(names),
            expected="a variable such as X: symmetric[n, n], or spd",
            hint="without symmetric=True all entries count as independent",
        )  # fmt: skip
    labels = {name: f"full_grad_{name}" for name in declared}
    found = with_independent_entries(differentiate(program, names, labels=labels), declared)
    results = {variable: Formula(found.program.pruned([name])) for variable, name in found.results.items()}
    return _derivation("gradient", f, names, (found.forward, found.steps), results, found.context)


def _along_chains(goal: Goal, f: Formula, names: tuple[str, ...], chains: Sequence[Derivative]) -> Derivation:
    """A derivation by products along chains; a link that two chains share is differentiated once."""
    context = chains[0].context
    for chain in chains[1:]:
        context = joined(context, chain.context)
    results: dict[str, Formula] = {}
    for chain in chains:
        results |= _formulas(f.differentiable, chain)
    steps = dict.fromkeys(step for chain in chains for step in chain.steps)
    return _derivation(goal, f, names, (chains[0].forward, steps), results, context)


def _formulas(source: Program, found: Derivative) -> dict[str, Formula]:
    """The results by variable; where declared facts were used, each with an exact program to go on from,
    which is derived when it is needed.
    """
    formulas = {variable: Formula(found.program.pruned([name])) for variable, name in found.results.items()}
    if any(assumes(step) for step in found.steps):
        for variable in formulas:
            formulas[variable] = replace(formulas[variable], start=Start(source, tuple(formulas), variable))
    return formulas


def _derivation(
    goal: Goal,
    f: Formula,
    names: tuple[str, ...],
    parts: tuple[Sequence[Definition], Iterable[Step]],
    results: dict[str, Formula],
    context: Program,
) -> Derivation:
    """``parts`` are the definitions of the formula and the steps that follow them."""
    steps = (*map(_definition_step, parts[0]), *parts[1])
    context = with_quotients(context)
    hidden = inlined_parts(context, steps[len(parts[0]) :])
    steps = tuple(with_links(step, context, hidden) for step in steps)
    results = with_sources(goal, f, names, steps, results)
    entries = _about_entries(f.differentiable, names, steps)
    used = dict.fromkeys(sentence(step) for step in steps if assumes(step))
    remarks = (*entries, *used, *about_kinks(f.differentiable, names))
    return Derivation(goal, f, names, steps, results, remarks, context)


def _definition_step(definition: Definition) -> Step:
    return Step("definition", definition.name, definition, definition)


def _about_entries(program: Program, names: Sequence[str], steps: Sequence[Step]) -> Iterator[str]:
    """For symmetric variables: which entries count as independent of each other."""
    over_triangle = {value for step in steps if step.rule == "independent-entries" for _, value in step.bindings}
    for item in program.inputs:
        if item.name in names and item.domain.symmetric:
            entries = "The entries on and below the diagonal" if item.name in over_triangle else "All entries"
            yield f"{entries} of {item.name} count as independent of each other."


def _checked(
    f: str | Formula, wrt: str | Sequence[str] | None, kinks: Kinks, scalar: str = ""
) -> tuple[Formula, tuple[str, ...]]:
    """The formula, and the names of the variables, all of which exist."""
    f = as_formula(f, kinks)
    if scalar and f.shape:
        raise UnsupportedError(
            f"the {scalar} is for scalar formulas; this one has shape {shape_text(f.shape)}",
            hint="use jacobian, or reduce the formula with sum(..) or mean(..)",
        )
    names = variables(f, wrt)
    if not names:
        raise InputError("wrt names no variable", expected="one or more of " + ", ".join(i.name for i in f.inputs))
    return f, names


def variables(f: Formula, wrt: str | Sequence[str] | None) -> tuple[str, ...]:
    """The variables to differentiate by: those named, the formula's usual ones, or the only input."""
    if wrt is None:
        usual = f.wrt or (tuple(item.name for item in f.inputs) if len(f.inputs) == 1 else ())
        if not f.inputs:
            raise InputError("the formula has no variable to differentiate by")
        if not usual:
            raise InputError(
                "which variables should the derivative be taken by?",
                expected="one or more of " + ", ".join(item.name for item in f.inputs),
                hint=f"for example wrt={f.inputs[-1].name!r}",
            )
        return usual
    if not isinstance(wrt, Iterable):
        raise InputError("wrt is a name or several", expected="for example 'w' or ['w', 'b']", found=repr(wrt))
    names = tuple(part.strip() for part in wrt.split(",")) if isinstance(wrt, str) else tuple(wrt)
    program = f.differentiable
    names = tuple(name if name in program.by_name else spelled(name) for name in names)
    for name in names:
        if name not in program.by_name:
            known = [item.name for item in program.inputs]
            raise UnknownNameError(
                f"the formula has no variable called {name!r}", expected="one of " + ", ".join(known),
                near=near_names(name, known),
            )  # fmt: skip
        item = program.by_name[name]
        if isinstance(item, Input) and item.selects:
            raise UnsupportedError(
                f"{name} selects entries, so there is no derivative by it",
                expected="a variable that is not used as a subscript",
            )
    if len(set(names)) != len(names):
        raise InputError("a variable is named twice in wrt", found=", ".join(names))
    return names


GOALS: Mapping[str, Callable[..., Derivation]] = {
    "gradient": gradient,
    "jacobian": jacobian,
    "hessian": hessian,
    "hvp": hvp,
    "gauss_newton": gauss_newton,
    "fisher": fisher,
}
