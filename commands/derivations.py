"""``show`` and ``solve``: derivations and closed forms, printed in any of their forms."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

import chainrule as cr
from chainrule.commands.answers import Answer, use_colour
from chainrule.commands.arguments import (
    FORMULA_HELP,
    Command,
    formula_argument,
    json_option,
    kink_option,
    read_formula,
    read_kinks,
    split_names,
    wrt_option,
)
from chainrule.commands.files import PAGE_FORMS, PAGE_OUTPUT, output_option, page_form, written
from chainrule.derive.render.page import VIEWS, WIDTH, Detail, Form

if TYPE_CHECKING:
    from chainrule.derive.render.printed import Printed

#: What ``show`` can derive, and the option's help.
GOALS = {
    "gradient": "Derive the gradient of a scalar formula (the default for one).",
    "jacobian": "Derive the Jacobian of a formula of any shape (the default for one that is not scalar).",
    "hessian": "Derive the Hessian of a scalar formula.",
    "hvp": "Derive the product of the Hessian and a direction v_NAME.",
    "gauss-newton": "Derive the Gauss-Newton matrix J.T H J of a loss of a model.",
    "fisher": "Derive the Fisher information of a negative log-likelihood; --over names the targets.",
}


def goal_options(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """One flag per goal."""
    for goal, text in reversed(GOALS.items()):
        option = click.option(f"--{goal}", "goal", flag_value=goal, default=None, help=text)
        command = option(command)
    return command


#: The options that only some goals take.
GOAL_OPTIONS = {
    "symmetric": ("gradient",), "view": ("gradient", "jacobian"), "through": ("gauss-newton", "fisher"),
    "over": ("fisher",),
}  # fmt: skip


def goal_arguments(goal: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, all of which the goal takes."""
    for name, value in given.items():
        if value and goal not in GOAL_OPTIONS[name]:
            goals = " and ".join(f"--{other}" for other in GOAL_OPTIONS[name])
            raise click.UsageError(f"--{name} is for {goals}, not for --{goal}")
    if goal == "fisher" and not given["over"]:
        raise click.UsageError("--fisher needs the targets that the expectation is over: --over NAME")
    return {name: value for name, value in given.items() if value}


DEFECT = "a step does not hold, which is a defect of chainrule; please report it: "

#: Forms of the result alone.
RESULT_FORMS = ("matrix", "index", "numpy")


detail_option = click.option(
    "--detail", type=click.Choice(["brief", "normal", "full"]),
    help="How much is told: what fits a slide, a page of lecture notes (the default), or every scalar move "
    "(the default where they are folded, in HTML).",
)  # fmt: skip


format_option = click.option(
    "--format", "form", type=click.Choice([*PAGE_FORMS, *RESULT_FORMS]),
    help="The whole derivation in one of the first forms, or only the result: in matrix or index notation, as NumPy. "
    "The default follows from the name of the file, and is text; on a terminal, unicode.",
)  # fmt: skip


adjoints_option = click.option(
    "--form", "adjoints", type=click.Choice(["matrix", "index", "both"]), default="matrix", show_default=True,
    help="Adjoints as matrices, by their entries, or first the entries and then the matrices they make up.",
)  # fmt: skip


view_option = click.option(
    "--view", type=click.Choice(VIEWS),
    help="The way to the gradient or Jacobian: adjoints from the output back (the default), tangents from the "
    "variables on, or differentials.",
)  # fmt: skip


def answered(
    printed: Printed, form: str | None, output: str | None, alone: Callable[[str], str] | None,
    detail: Detail | None = None, checked: Mapping[Any, str] | None = None, adjoints: Form = "matrix",
) -> Answer:  # fmt: skip
    """A derivation or solution in one of the forms, printed or written; ``alone`` is the form of its result."""
    checked, told = checked or {}, detail or "normal"
    form = page_form(form, output)
    if alone and form in RESULT_FORMS:
        return written(output, alone(form))
    if output in (None, "-") and form == "latex":
        return written(output, printed.latex(detail=told, checked=checked, form=adjoints))
    if output in (None, "-") and form == "unicode":
        width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
        return written(output, printed.unicode(width, use_colour(sys.stdout), told, checked, adjoints))
    return written(output, printed.written(form, detail, checked, adjoints))


def printed_result(derivation: cr.Derivation, form: str) -> str:
    """The result of a derivation in one of the forms; a single one stands alone, so that it can be read back."""
    labels = {key: " ".join(f"d/d{name}" for name in key.split(",")) for key in derivation.result}
    return printed_results(derivation.result, labels, list(derivation.formula.program.by_name), form)


def printed_results(
    results: Mapping[str, cr.Formula], labels: Mapping[str, str], known: Sequence[str], form: str
) -> str:
    """Formulas in one of the forms of results, after the parts that they refer to and that are not ``known``."""
    if form == "numpy":
        return "\n\n".join(result.numpy() for result in results.values())
    parts = {
        left: text
        for result in results.values()
        for left, text in (result.index_parts() if form == "index" else result.parts())
        if left.partition("[")[0] not in known
    }
    lines = [f"{left} = {text}" for left, text in parts.items()]
    for key, result in results.items():
        label = f"{labels[key]}: " if len(results) > 1 else ""
        lines.append(label + getattr(result, form)())
    return "\n".join(lines)


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Print a derivation.",
    examples=(
        'chainrule show "x: real[n]; norm(x)" --wrt x',
        "chainrule show mse --wrt w --hessian",
        "chainrule show logistic_regression --detail full --check",
        "chainrule show linear_regression --wrt w,b --view differential",
        "chainrule show logistic_regression -o derivation.html",
        r'chainrule show "X: real[n,d]; y: real[n]; w: real[d]; \lVert y - X w \rVert_2^2" --wrt w',
        "chainrule show binary_cross_entropy --format latex",
        "chainrule show logistic_regression --wrt w,b --format numpy",
    ),
)
@formula_argument
@wrt_option
@goal_options
@format_option
@output_option(PAGE_OUTPUT)
@detail_option
@adjoints_option
@view_option
@click.option("--check", is_flag=True, help="Compute every step on its own, in 60 digits, and show how far it holds.")
@click.option(
    "--symmetric", is_flag=True, help="The gradient over the independent entries of variables declared symmetric."
)
@click.option("--through", metavar="NAME", help="The output of the model, for --gauss-newton and --fisher.")
@click.option("--over", metavar="NAME", help="The targets of the model, for --fisher.")
@kink_option
@json_option
def show(
    formula: str | None,
    function: str | None,
    notation: str,
    wrt: tuple[str, ...],
    goal: str | None,
    form: str | None,
    output: str | None,
    detail: Detail | None,
    adjoints: Form,
    view: str | None,
    check: bool,
    symmetric: bool,
    through: str | None,
    over: str | None,
    kinks: tuple[str, ...],
    as_json: bool,
) -> Answer:
    """Print a derivation: of the gradient, or of the Jacobian if the formula is not scalar."""
    parsed = read_formula(formula, function, notation)
    goal = goal or ("jacobian" if parsed.shape and not symmetric else "gradient")
    options = goal_arguments(goal, {"symmetric": symmetric, "view": view, "through": through, "over": over})
    derive = getattr(cr, goal.replace("-", "_"))
    derivation: cr.Derivation = derive(parsed, wrt=split_names(wrt), kinks=read_kinks(kinks), **options)
    found = cr.evidence(derivation) if check else ()
    failed = [f"{item.step.rule} at {item.step.where}: {item}" for item in found if not item.holds]
    code, note = (101, DEFECT + "; ".join(failed)) if failed else (0, _summary(found))
    if as_json:
        checks = [{"rule": e.step.rule, "where": e.step.where, "digits": e.digits} for e in found]
        return Answer("", {"derivation": derivation.to_dict(), **({"evidence": checks} if check else {})}, code)
    alone = partial(printed_result, derivation)
    answer = answered(derivation, form, output, alone, detail, {item.step: str(item) for item in found}, adjoints)
    return replace(answer, code=code, note="\n".join(filter(None, [note, answer.note])))


def _summary(found: Sequence[cr.Evidence]) -> str:
    """What a check of all steps has shown."""
    if not found:
        return ""
    digits = [item.digits for item in found if item.digits is not None]
    least = f"; the least agreement is {min(digits)} digits" if digits else ""
    return f"{len(found)} steps, each computed on its own at {found[0].points} points, all hold{least}"


@click.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Solve for where a gradient is zero.",
    examples=(
        "chainrule solve ridge --wrt w",
        "chainrule solve linear_regression --wrt w,b --format latex",
        'chainrule solve "x: positive[n]; lam: positive; lam*sum(x) - n*log(lam)" --wrt lam --format matrix',
    ),
)
@formula_argument
@wrt_option
@format_option
@output_option(PAGE_OUTPUT)
@detail_option
@json_option
def solve(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], form: str | None,
    output: str | None, detail: Detail | None, as_json: bool,
) -> Answer:  # fmt: skip
    """Find where the gradient is zero in closed form: exit 0 if it has one, 3 if none is found by this method."""
    found = cr.solve_stationary(read_formula(formula, function, notation), wrt=split_names(wrt))
    if as_json:
        return Answer("", {"stationary": found.to_dict()})
    known = [*found.formula.program.by_name, *found.wrt]
    alone = partial(printed_results, found.solution, dict(zip(found.wrt, found.wrt, strict=True)), known)
    return answered(found, form, output, alone, detail)
