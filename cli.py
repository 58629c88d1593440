"""The command line: each command reads its arguments, calls the library and returns an answer.

Nothing but click is imported here until a command needs it, so ``--help`` and ``--version``
answer at once.  Answers go to standard output, messages to standard error; ``main`` is the only
place that prints answers, maps errors to exit codes and knows of JSON.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal, NoReturn

import click

import chainrule as cr
from chainrule.derive.errors import ChainruleError, InputError, LimitError, near_names

#: Version of the JSON envelope; changes only when a key changes its meaning or disappears.
SCHEMA = 1

#: A number as ``--kink`` takes it.
NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20}|/[1-9][0-9]{0,19})?")

#: Bytes that are read of a formula file or of standard input at most.
MAX_BYTES = 1_000_000

EXIT_CODES = (
    ("0", "done; the claim is right"),
    ("1", "the claim is wrong"),
    ("2", "a mistake in the command line or in the formula"),
    ("3", "undecided; no closed form by this method"),
    ("4", "a resource limit was hit"),
    ("101", "an internal error"),
    ("130", "interrupted"),
)

FORMULA_HELP = (
    'FORMULA is a text such as "x: real[n]; sum(x^2)", in LaTeX as well, a name that "chainrule list losses" shows, '
    "@FILE for a file, or - for standard input. With --function it holds only the declarations of the "
    "function's parameters; it is left out where the function is decorated with cr.traced."
)


@dataclass(frozen=True)
class Answer:
    """What a command found.

    Attributes:
        text: for standard output.
        data: the same as keys of the JSON envelope.
        code: the exit code.
        note: a message for standard error.
    """

    text: str
    data: Mapping[str, object] = field(default_factory=dict)
    code: int = 0
    note: str = ""


# ---- arguments ------------------------------------------------------------------------------


class WithExamples(click.Command):
    """A command whose help leads with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, then one example a line, not wrapped."""
        super().format_help_text(ctx, formatter)
        with formatter.section("Examples"):
            formatter.write("".join(f"  {example}\n" for example in self.examples))


class Group(WithExamples, click.Group):
    """A group whose help ends with the exit codes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)


class Command(WithExamples):
    """A command whose formula may begin with a minus sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse with the formula moved behind ``--``, so that ``-sum(x)`` is no option."""
        valued = {name for param in self.params if _takes_value(param) for name in param.opts}
        return super().parse_args(ctx, formula_last(args, valued))


def _takes_value(param: click.Parameter) -> bool:
    return isinstance(param, click.Option) and not param.is_flag


def formula_last(arguments: Sequence[str], valued: Iterable[str]) -> list[str]:
    """Options first, then ``--`` and the positional arguments, among them ``-sum(x)``."""
    options: list[str] = []
    positional: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            positional += rest
        elif argument in valued:
            options += [argument, *islice(rest, 1)]
        elif argument.startswith("--") or argument == "-h":
            options.append(argument)
        else:
            positional.append(argument)
    return [*options, "--", *positional] if positional else options


def read_text(argument: str, what: str) -> str:
    """The text that an argument stands for: itself, a file's (``@FILE``), or standard input's (``-``)."""
    if argument == "-":
        if sys.stdin.isatty():
            click.echo(f"reading the {what} from the terminal; end it with Ctrl-D", err=True)
        return _decode(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input")
    if argument.startswith("@"):
        path = Path(argument[1:])
        try:
            with path.open("rb") as file:
                return _decode(file.read(MAX_BYTES + 1), str(path))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"cannot read the {what} from {str(path)!r}: {reason}") from error
    return argument


def _decode(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise LimitError(f"{source} is longer than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8 text: byte {error.start} cannot be read") from error


def split_names(values: Iterable[str]) -> list[str] | None:
    """The names of ``--wrt``, given one by one or separated by commas; ``None`` for no name."""
    return [name for value in values for name in value.replace(",", " ").split()] or None


json_option = click.option("--json", "as_json", is_flag=True, help="Answer as one JSON object.")
wrt_option = click.option(
    "--wrt", multiple=True, metavar="NAMES", help="The inputs to differentiate by: --wrt w --wrt b, or --wrt w,b."
)


kink_option = click.option(
    "--kink", "kinks", multiple=True, metavar="NAME=VALUE",
    help="The derivative of a function at its kink: relu=1, abs=right, maximum=first, max=first.",
)  # fmt: skip


def read_kinks(values: Iterable[str]) -> dict[str, str | Fraction] | None:
    """The choices of ``--kink``; ``None`` for no choice."""
    found: dict[str, str | Fraction] = {}
    for value in values:
        name, equals, choice = (part.strip() for part in value.partition("="))
        if not (name and equals and choice):
            raise InputError("--kink gives a function a value", expected="NAME=VALUE, such as relu=1", found=value)
        found[name] = Fraction(choice) if NUMBER.fullmatch(choice) else choice
    return found or None


def formula_argument(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """The formula: a text, or a function in a file."""
    command = click.option(
        "--function", metavar="FILE:NAME",
        help="Read the formula from the function NAME of a Python file. This runs the file.",
    )(command)  # fmt: skip
    command = click.option(
        "--notation", type=click.Choice(["auto", "text", "latex"]), default="auto", show_default=True,
        help="What the formula is written in; LaTeX is recognised by its backslashes and dollars.",
    )(command)  # fmt: skip
    return click.argument("formula", required=False)(command)


def read_formula(argument: str | None, function: str | None, notation: str) -> cr.Formula:
    """The formula of a text, or of a function in a file, whose text holds the declarations."""
    if function is not None:
        return cr.from_file(function, "" if argument is None else read_text(argument, "declarations"))
    if argument is None:
        raise click.MissingParameter(
            ctx=click.get_current_context(), param_hint="'FORMULA'", param_type="argument"
        )
    return cr.formula(read_text(argument, "formula"), notation=notation)


# ---- commands -------------------------------------------------------------------------------


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=(
        'chainrule show "X: real[n,d]; y: real[n]; w: real[d]; mean((y - X@w)^2)" --wrt w',
        "chainrule compile mse --wrt w -o mse_kernel.py",
        'chainrule verify mse --wrt w --claim "-(2/n) * X.T @ (y - X@w)"',
        "chainrule list losses",
    ),
)
@click.version_option(cr.__version__, prog_name="chainrule", message="%(prog)s %(version)s")
def cli() -> None:
    """Gradients of machine-learning formulas: derived, compiled, verified."""


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
GOAL_OPTIONS = {"symmetric": ("gradient",), "through": ("gauss-newton", "fisher"), "over": ("fisher",)}


def goal_arguments(goal: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, all of which the goal takes."""
    for name, value in given.items():
        if value and goal not in GOAL_OPTIONS[name]:
            goals = " and ".join(f"--{other}" for other in GOAL_OPTIONS[name])
            raise click.UsageError(f"--{name} is for {goals}, not for --{goal}")
    if goal == "fisher" and not given["over"]:
        raise click.UsageError("--fisher needs the targets that the expectation is over: --over NAME")
    return {name: value for name, value in given.items() if value}


#: Forms in which ``show`` prints a derivation, and forms of the result alone.
DERIVATION_FORMS = ("text", "latex")
RESULT_FORMS = ("matrix", "index", "numpy")


def printed(derivation: cr.Derivation, form: str) -> str:
    """A derivation in one of the forms; a single result stands alone, so that it can be read back."""
    if form in DERIVATION_FORMS:
        return str(getattr(derivation, form)())
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


@cli.command(
    cls=Command,
    epilog=FORMULA_HELP,
    examples=(
        'chainrule show "x: real[n]; norm(x)" --wrt x',
        "chainrule show mse --wrt w --hessian",
        r'chainrule show "X: real[n,d]; y: real[n]; w: real[d]; \lVert y - X w \rVert_2^2" --wrt w',
        "chainrule show binary_cross_entropy --format latex",
        "chainrule show logistic_regression --wrt w,b --format numpy",
    ),
)
@formula_argument
@wrt_option
@goal_options
@click.option(
    "--format", "form", type=click.Choice([*DERIVATION_FORMS, *RESULT_FORMS]), default="text", show_default=True,
    help="The derivation as text or LaTeX, or only the result in one of the other forms.",
)  # fmt: skip
@detail_option
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
    form: str,
    symmetric: bool,
    through: str | None,
    over: str | None,
    kinks: tuple[str, ...],
    as_json: bool,
) -> Answer:
    """Print a derivation: of the gradient, or of the Jacobian if the formula is not scalar."""
    parsed = read_formula(formula, function, notation)
    goal = goal or ("jacobian" if parsed.shape and not symmetric else "gradient")
    options = goal_arguments(goal, {"symmetric": symmetric, "through": through, "over": over})
    derive = getattr(cr, goal.replace("-", "_"))
    derivation: cr.Derivation = derive(parsed, wrt=split_names(wrt), kinks=read_kinks(kinks), **options)
    if as_json:
        return Answer("", {"derivation": derivation.to_dict()})
    return Answer(printed(derivation, form))


@cli.command(
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
@click.option(
    "--format", "form", type=click.Choice([*DERIVATION_FORMS, *RESULT_FORMS]), default="text", show_default=True,
    help="The solution with its derivation as text or LaTeX, or alone in one of the other forms.",
)  # fmt: skip
@json_option
def solve(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], form: str, as_json: bool
) -> Answer:
    """Find where the gradient is zero in closed form: exit 0 if it has one, 3 if none is found by this method."""
    found = cr.solve_stationary(read_formula(formula, function, notation), wrt=split_names(wrt))
    if as_json:
        return Answer("", {"stationary": found.to_dict()})
    if form in DERIVATION_FORMS:
        return Answer(str(getattr(found, form)()))
    known = [*found.formula.program.by_name, *found.wrt]
    return Answer(printed_results(found.solution, dict(zip(found.wrt, found.wrt, strict=True)), known, form))


@cli.command(
    "compile",
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Write a module of compiled functions.",
    examples=(
        "chainrule compile mse --wrt w -o mse_kernel.py",
        'chainrule compile "x: real[n]; logsumexp(x)" --wrt x --dtype float32',
    ),
)
@formula_argument
@wrt_option
@click.option("-o", "--output", metavar="FILE", help="Where to write the module (default: standard output).")
@click.option(
    "--order", type=click.IntRange(0, 2), default=1, show_default=True,
    help="0 for the value, 1 for value and gradient, 2 for the Hessian as well.",
)  # fmt: skip
@click.option("--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True)
@kink_option
@json_option
def compile_(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], output: str | None, order: int,
    dtype: str, kinks: tuple[str, ...], as_json: bool,
) -> Answer:  # fmt: skip
    """Write a module of compiled functions that needs only NumPy and Numba."""
    parsed = read_formula(formula, function, notation)
    kernel = cr.kernel(parsed, wrt=split_names(wrt), order=order, dtype=dtype, kinks=read_kinks(kinks))
    source = kernel.standalone()
    data = {"output": output, "dtype": dtype, "order": order, "source": source}
    if output in (None, "-"):
        return Answer(source, data)
    try:
        Path(output).write_text(source, encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot write {output!r}: {reason}") from error
    return Answer("", data, note=f"wrote {output}")


#: Exit codes of the verdicts.
VERDICTS = {"proved": 0, "agrees": 0, "refuted": 1, "undecided": 3}


@cli.command(
    cls=Command,
    epilog=FORMULA_HELP,
    short_help="Check a gradient derived by hand.",
    examples=(
        'chainrule verify mse --wrt w --claim "-(2/n) * X.T @ (y - X@w)"',
        'chainrule verify "x: real[n]; sum(x^2)" --wrt x --claim "2*x"',
        'chainrule verify mse --hessian --claim "2/n * X.T @ X"',
        'chainrule verify "u: real[n]; v: real[d]; A: real[n, d]; u @ A @ v" --block u,v --claim A',
    ),
)
@formula_argument
@wrt_option
@click.option(
    "--claim", "claims", multiple=True, required=True, metavar="TEXT",
    help="The gradient derived by hand, in text or LaTeX; @FILE or - as well. "
    "For several variables, one claim for each, in the order of --wrt.",
)  # fmt: skip
@click.option("--hessian", is_flag=True, help="The claim is the Hessian.")
@click.option(
    "--block", "blocks", multiple=True, metavar="A,B",
    help="The claim is the block of the Hessian by A and then B; once for each claim.",
)  # fmt: skip
@click.option(
    "--symmetric", is_flag=True, help="The gradient over the independent entries of variables declared symmetric."
)
@kink_option
@json_option
def verify(
    formula: str | None, function: str | None, notation: str, wrt: tuple[str, ...], claims: tuple[str, ...],
    hessian: bool, blocks: tuple[str, ...], symmetric: bool, kinks: tuple[str, ...], as_json: bool,
) -> Answer:  # fmt: skip
    """Check a gradient derived by hand: exit 0 if it is right, 1 if wrong, 3 if undecided."""
    if [formula, *claims].count("-") > 1:
        raise InputError("only one of the formula and the claims can come from standard input")
    parsed, texts = read_formula(formula, function, notation), [read_text(claim, "claim") for claim in claims]
    names = split_names(blocks) or split_names(wrt) or list(parsed.wrt) or [item.name for item in parsed.inputs]
    claimed_for = list(blocks) or names
    if len(claimed_for) != len(texts):
        found = "1 claim" if len(texts) == 1 else f"{len(texts)} claims"
        expected = f"a claim for {'; '.join(blocks) or ', '.join(names)}"
        raise InputError(f"each {'block' if blocks else 'variable'} needs one claim", expected=expected, found=found)
    claimed = dict(zip(claimed_for, texts, strict=True))
    what: Literal["gradient", "hessian"] = "hessian" if hessian or blocks else "gradient"
    verdict = cr.verify(
        parsed, list(dict.fromkeys(names)), claimed, what=what, symmetric=symmetric, kinks=read_kinks(kinks)
    )
    return Answer(verdict.report(), verdict.to_dict(), VERDICTS[verdict.verdict])


Rows = list[dict[str, str]]


#: What ``list`` lists: what it is, and its rows.
TOPICS: dict[str, tuple[str, Callable[[], Rows]]] = {
    "losses": (
        "named formulas: models, losses, penalties, likelihoods, measures of information",
        lambda: [{"name": e.name, "about": e.about, "kind": e.kind, "formula": e.text} for e in cr.catalog],
    ),
    "functions": (
        "functions that formulas may use",
        lambda: [{"name": e.name, "about": e.about, "signature": e.signature} for e in cr.catalog.functions],
    ),
    "topics": (
        "what can be listed",
        lambda: [{"name": name, "about": about} for name, (about, _) in TOPICS.items()],
    ),
}


def _table(rows: Rows) -> str:
    left = [row.get("signature", row["name"]) for row in rows]
    width = min(max(map(len, left)), 40)
    return "\n".join(f"{name:<{width}}  {row['about']}" for name, row in zip(left, rows, strict=True))


@cli.command("list", cls=Command, examples=("chainrule list losses", "chainrule list functions"))
@click.argument("topic", required=False)
@json_option
def list_(topic: str | None, as_json: bool) -> Answer:
    """List what the catalogue holds: losses, functions, or the topics themselves."""
    if topic is not None and topic not in TOPICS:
        near = near_names(topic, TOPICS)
        raise InputError(f"there is no list of {topic!r}", expected=", ".join(TOPICS), near=near)
    found = {name: TOPICS[name][1]() for name in ([topic] if topic else TOPICS)}
    blocks = [_table(rows) if topic else f"{name}\n\n{_table(rows)}" for name, rows in found.items()]
    return Answer("\n\n".join(blocks), found)


# ---- printing -------------------------------------------------------------------------------


def use_colour(stream: IO[str]) -> bool:
    """Whether to colour what goes to a stream: only on a terminal, and never under NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def explain(error: BaseException) -> tuple[int, str, dict[str, object]]:
    """Exit code, message and JSON of an error."""
    if isinstance(error, ChainruleError):
        return error.exit_code, str(error), error.to_dict()
    if isinstance(error, click.ClickException):
        return 2, _usage_message(error), {"code": "usage", "message": error.format_message()}
    if isinstance(error, click.Abort | KeyboardInterrupt):
        return 130, "interrupted", {"code": "interrupted", "message": "interrupted"}
    if isinstance(error, RecursionError | MemoryError):
        message = "the formula is nested too deeply or is too large to work on"
        return 4, message, {"code": "limit", "message": message}
    if isinstance(error, OSError):
        message = f"{error.filename or 'the answer'}: {error.strerror or error}"
        return 2, message, {"code": "system", "message": message}
    message = f"internal error, {type(error).__name__}: {error}"
    hint = "this is a fault of chainrule; please report it with the command line. CHAINRULE_DEBUG=1 shows where"
    return 101, f"{message}\nhelp: {hint}", {"code": "internal", "message": message, "hint": hint}


def _usage_message(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    more = [context.get_usage(), f"help: {context.command_path} --help"] if context else []
    return "\n".join([error.format_message(), *more])


def print_json(ok: bool, data: Mapping[str, object]) -> None:
    """One JSON object on standard output."""
    envelope = {"schema": SCHEMA, "ok": ok, **data}
    click.echo(json.dumps(envelope, ensure_ascii=False, indent=2))


def print_answer(answer: Answer, as_json: bool) -> int:
    """Print an answer; the exit code."""
    if as_json:
        print_json(answer.code == 0, answer.data)
    elif answer.text:
        click.echo(answer.text, nl=not answer.text.endswith("\n"))
    if answer.note:
        click.echo(answer.note, err=True)
    return answer.code


def print_error(error: BaseException, as_json: bool) -> int:
    """Print an error; the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    code, message, data = explain(error)
    if as_json:
        print_json(False, {"error": data})
    if os.environ.get("CHAINRULE_DEBUG") and not isinstance(error, ChainruleError | click.ClickException):
        traceback.print_exception(error)
    label = click.style("error", fg="red", bold=True) if use_colour(sys.stderr) else "error"
    click.echo(f"{label}: {message}", err=True)
    return code


def run(arguments: Sequence[str]) -> int:
    """Run a command line; the exit code."""
    as_json = "--json" in arguments
    try:
        outcome = cli.main(list(arguments), prog_name="chainrule", standalone_mode=False)
        return print_answer(outcome, as_json) if isinstance(outcome, Answer) else int(outcome or 0)
    except BrokenPipeError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        return print_error(error, as_json)


def main() -> NoReturn:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # The reader went away (click leaves by SystemExit): leave as a Unix filter does, without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code)


if __name__ == "__main__":
    main()
