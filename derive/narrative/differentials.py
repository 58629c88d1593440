"""Forward: the differentials or tangents of all quantities; then ``dL`` put together from the output back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from chainrule.derive.forms.latex_names import DIFFERENTIAL
from chainrule.derive.narrative.differential_laws import carrying_laws, differential_laws
from chainrule.derive.narrative.moving import Writing
from chainrule.derive.narrative.reasons import mark
from chainrule.derive.narrative.symbols import entry_of, partial
from chainrule.derive.program import Definition, Program
from chainrule.derive.render.page import Detail, Form, Line, Note, Section, Shown
from chainrule.derive.steps import NOTHING_CHECKED, Along, Checked, Partial, Step

#: Steps that say what the tangent of the output is.
ENDS = frozenset({"action", "adjoint", "independent"})
#: Steps that are lines of ``dL``.
LINES = frozenset({"put-in-differential", "carry-over", "collect-differential"})


def by_told_names(context: Program, steps: Iterable[Step]) -> Program:
    """The context with everything that has a differential of its own shown by name."""
    told = {value for step in steps if step.rule == "tangent" for key, value in step.bindings if key == "through"}
    return context.with_definitions(
        replace(item, origin="adjoint") if item.name in told and item.origin == "auto" else item
        for item in context.definitions
    )


def moving(
    view: str, steps: Sequence[Step], context: Program, detail: Detail, checked: Checked = NOTHING_CHECKED,
    form: Form = "matrix",
) -> tuple[Section, ...]:  # fmt: skip
    """The differentials or tangents of all quantities, and what they give.

    Args:
        view: "differential" or "forward".
        steps: what follows the definitions.
        context: what the steps speak of.
        detail: how much is told.
        checked: what is known for each step that was checked.
        form: the notation.
    """
    telling = _Telling(_writing(context, steps, view == "differential"), detail, checked, form)
    title = "Differentials" if view == "differential" else "Tangents, from the variables to the output"
    lines = [line for step in steps if step.rule == "tangent" for line in _tangent(step, telling)]
    ends = [line for step in steps if step.rule in ENDS for line in _end(step, telling)]
    put_together = list(_assembled([step for step in steps if step.rule in LINES], telling))
    last = lines[-1].right.text if lines else ""
    first = Section(title, _noted([*lines, *_news(ends, last)], detail), _directions(steps, telling))
    total = next((step.where for step in steps if step.rule in LINES), "")
    return first, Section(f"{total} put together", _noted(_news(put_together, last, telling.write.name(total)), detail))


def _news(lines: Iterable[Line], last: str, left: Shown | None = None) -> Iterator[Line]:
    """The lines that do not repeat the text before them; ``left`` stands left of the first."""
    symbols = (left,) if left else ()
    for line in lines:
        if line.right.text != last:
            yield replace(line, left=line.left or symbols)
            symbols = ()
        last = line.right.text


#: ``<G, dX>`` by the number of axes; a tensor of more axes as the last.
_PAIRINGS = (
    ("{0}*{1}", r"{0}\,{1}"),
    ("({0}).T @ {1}", r"\left({0}\right)^\top {1}"),
    ("tr(({0}).T @ {1})", r"\operatorname{{tr}}\left(\left({0}\right)^\top {1}\right)"),
    ("sum(({0})*{1})", r"\sum {0} \odot {1}"),
)


def comparison(view: str, steps: Sequence[Step], context: Program) -> Note:
    """``dL = tr((dL/dX).T @ dX)``, by which the gradients are read off the last line."""
    claims = [step.before.body for step in steps if step.rule == "tangent"]
    if not claims or not isinstance(claims[-1], Along) or claims[-1].output.indices:
        return ()
    write, claim = _writing(context, steps, view == "differential"), claims[-1]
    total = next(step.where for step in steps if step.before.body == claim)
    terms = []
    for variable, direction in claim.directions.items():
        sides = partial(claim.output.name, variable), write.name(direction)
        text, latex = _PAIRINGS[min(len(context.by_name[variable].shape), len(_PAIRINGS) - 1)]
        terms.append(Shown(text.format(*(side.text for side in sides)), latex.format(*(side.latex for side in sides))))
    right = Shown(" + ".join(term.text for term in terms), " + ".join(term.latex for term in terms))
    return "Compare with ", _equation(write.name(total), right), "."


@dataclass(frozen=True)
class _Telling:
    """What every line needs to know: how it is written, how much is told, what was checked, the notation."""

    write: Writing
    detail: Detail
    checked: Checked
    form: Form


def _noted(lines: Iterable[Line], detail: Detail) -> tuple[Line, ...]:
    """The lines, without reasons in a brief telling."""
    return tuple(replace(line, note=()) if detail == "brief" else line for line in lines)


def _writing(context: Program, steps: Sequence[Step], differentials: bool) -> Writing:
    """How the lines are written."""
    moves: dict[str, str] = {step.where: "" for step in steps if step.rule == "tangent"}
    for step in steps:
        if isinstance(step.before.body, Along):
            own = step.before.body.directions | {step.before.body.output.name: step.where}
            moves |= {new: DIFFERENTIAL + old for old, new in own.items()}
    return Writing(context, moves if differentials else {}, moves)


def _directions(steps: Sequence[Step], telling: _Telling) -> Note:
    """What the tangents are derivatives along, where there are directions with names of their own."""
    claims = (step.before.body for step in steps)
    along = next((claim for claim in claims if isinstance(claim, Along)), None)
    if along is None or telling.write.symbols:
        return ()
    note: list[str | Shown] = []
    for variable, direction in along.directions.items():
        note += [", " if note else "Along ", telling.write.name(direction), " for ", telling.write.name(variable)]
    return (*note, ".")


def _tangent(step: Step, telling: _Telling) -> Iterator[Line]:
    """The differential or tangent of one quantity."""
    claim = step.before.body
    symbol = (partial(claim.output.name, claim.variable.name),) if isinstance(claim, Partial) else ()
    left = (telling.write.name(step.where), *symbol)
    note = (*differential_laws(step, telling.write), ".", *mark(step, telling.checked))
    for number, (symbols, right) in enumerate(_sides(step.after, left, telling)):
        yield Line(right, symbols, ("In matrix notation.",) if number else note)


def _end(step: Step, telling: _Telling) -> Iterator[Line]:
    """The tangent of the output by its derivative, or what is left where nothing moves."""
    write, pairs = telling.write, _pairs(step)
    if not pairs:
        words = "The output does not depend on it." if step.rule == "independent" else "Put in the tangents."
        claim = step.before.body
        left = (partial(claim.output.name, claim.variable.name),) if isinstance(claim, Partial) else ()
        yield Line(write.shown(step.after), left, (words, *mark(step, telling.checked)))
        return
    words = "The derivative, applied to the directions."
    right = write.products(pairs) if telling.form != "index" else None
    left = ()
    if right is None:
        right = write.entries(step.after)
        left = (entry_of(write.name(step.where), write.letters(step.after)),) if step.after.shape else ()
    yield Line(right, left, (words, *mark(step, telling.checked)))


def _sides(
    definition: Definition, left: tuple[Shown, ...], telling: _Telling
) -> list[tuple[tuple[Shown, ...], Shown]]:
    """A definition in the notations that are wanted, entries first."""
    write, form = telling.write, telling.form
    letters = write.letters(definition)
    entries = tuple(entry_of(symbol, letters) for symbol in left) if definition.shape else left
    by_entry = (entries, write.entries(definition))
    node = write.matrix(definition) if form != "index" else None
    if node is None:
        return [by_entry]
    whole = (left, write.node(node))
    return [by_entry, whole] if form == "both" and definition.shape else [whole]


def _assembled(steps: Sequence[Step], telling: _Telling) -> Iterator[Line]:
    """``dL`` line by line; a brief telling has only those that name the differentials that are left."""
    named: set[str] = set()
    put_in: Note = ()
    for step in steps:
        right, words = _line(step, telling), _reason(step, telling)
        if step.rule == "put-in-differential":
            scalar = not telling.write.program.ranks[dict(step.bindings)["name"]]
            put_in = words if scalar else ()
            if scalar or telling.detail == "brief":
                continue
        elif step.rule == "carry-over":
            words, put_in = put_in or words, ()
        note = (*words, *_introduced(step, telling.write, named), ".", *mark(step, telling.checked))
        yield Line(right, (), note)


def _pairs(step: Step) -> list[tuple[str, str]]:
    """The names of the factors, each with that of its differential."""
    values = [[value for name, value in step.bindings if name == key] for key in ("factor", "differential")]
    return list(zip(*values, strict=True))


def _line(step: Step, telling: _Telling) -> Shown:
    """The terms of a line."""
    found = telling.write.products(_pairs(step)) if telling.form != "index" else None
    return telling.write.entries(step.after) if found is None else found


def _reason(step: Step, telling: _Telling) -> Note:
    """Why a line follows from the one above it, without the point at its end."""
    value, write = dict(step.bindings), telling.write
    if step.rule == "put-in-differential":
        return "Put in ", write.name(value["name"])
    if step.rule == "collect-differential":
        return "Collect the terms with ", write.name(value["name"])
    return carrying_laws(step, write, telling.form == "index")


def _introduced(step: Step, write: Writing, named: set[str]) -> Note:
    """What the factors are that a line names for the first time."""
    note: list[str | Shown] = []
    for adjoint in step.substeps:
        item = adjoint.after
        if item.origin != "auto" and item.name not in named:
            named.add(item.name)
            node = write.matrix(item)
            symbol = write.name(item.name)
            value = write.entries(item) if node is None else write.node(node)
            left = entry_of(symbol, write.letters(item)) if node is None and item.shape else symbol
            note += [" and " if note else ", with " , _equation(left, value)]
    return tuple(note)


def _equation(left: Shown, right: Shown) -> Shown:
    return Shown(f"{left.text} = {right.text}", lambda: f"{left.latex} = {right.latex}")


