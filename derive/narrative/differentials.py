"""Forward: the differentials or tangents of all quantities; then ``dL`` put together from the output back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from chainrule.derive.forms.index_form import index_letters
from chainrule.derive.forms.latex_names import DIFFERENTIAL
from chainrule.derive.narrative.differential_laws import carrying_laws, differential_laws
from chainrule.derive.narrative.moving import Writing
from chainrule.derive.narrative.reasons import mark, worked_out
from chainrule.derive.narrative.symbols import entry_of, names_in, partial
from chainrule.derive.program import Definition, Program
from chainrule.derive.render.page import Detail, Form, Line, Note, Section, Shown
from chainrule.derive.steps import NOTHING_CHECKED, Along, Checked, Partial, Step

#: Steps that say what the tangent of the output is.
ENDS = frozenset({"action", "adjoint", "independent"})
#: Steps that are lines of ``dL``.
LINES = frozenset({"put-in-differential", "carry-over", "collect-differential"})


def by_told_names(context: Program, steps: Iterable[Step]) -> Program:
    """The context with everything that has a differential of its own shown by name."""
    steps = list(steps)
    names = told(steps) | {part.where for step in steps for part in step.substeps if part.after.origin == "adjoint"}
    return context.with_definitions(
        replace(item, origin="adjoint") if item.name in names and item.origin == "auto" else item
        for item in context.definitions
    )


def told(steps: Iterable[Step]) -> set[str]:
    """The quantities that have a differential or tangent of their own."""
    return {value for step in steps if step.rule == "tangent" for key, value in step.bindings if key == "through"}


def names_written(lines: Iterable[Line]) -> set[str]:
    """The names in lines and their details, those in the laws beside them left out."""
    return {
        name
        for line in lines
        for name in (*names_in([line.right, *line.left]), *names_written(line.details))
    }  # fmt: skip


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
    telling = _Telling(_writing(by_told_names(context, steps), steps, view == "differential"), detail, checked, form)
    title = "Differentials" if view == "differential" else "Tangents, from the variables to the output"
    lines = [line for step in steps if step.rule == "tangent" for line in _tangent(step, telling)]
    ends = [line for step in steps if step.rule in ENDS for line in _end(step, telling)]
    put_together = list(_assembled([step for step in steps if step.rule in LINES], telling))
    last = lines[-1].right.text if lines else ""
    first = Section(title, _noted([*lines, *_news(ends, last)], detail), _directions(steps, telling))
    total = next((step.where for step in steps if step.rule in LINES), "")
    told = _noted(_news(put_together, last, telling.write.name(total)), detail)
    return first, Section(f"{total} put together", told), _identification(view, steps, context, telling)


def _identification(view: str, steps: Sequence[Step], context: Program, telling: _Telling) -> Section:
    """The gradients as what multiplies the differentials of the variables, by the names of the lines above."""
    title, lines = "Identification", []
    short = short_names(steps, context)
    parts = {part.before.body.variable.name: part for step in steps if step.rule in LINES for part in step.substeps}
    for name in dict.fromkeys(value for step in steps for key, value in step.bindings if key == "variable"):
        # What reads none of them is told as the result.
        if name in parts and parts[name].after.reads & short:
            left = (partial(parts[name].before.body.output.name, name),)
            lines += [Line(right, symbols) for symbols, right in _sides(parts[name].after, left, telling)]
    intro = comparison(view, steps, context, telling.form) if lines and telling.detail != "brief" else ()
    return Section(title, tuple(lines), intro)


def _news(lines: Iterable[Line], last: str, left: Shown | None = None) -> Iterator[Line]:
    """The lines that do not repeat the text before them; ``left`` stands left of the first and behind other ones."""
    symbols = (left,) if left else ()
    for line in lines:
        if line.right.text != last:
            yield replace(line, left=line.left or symbols)
            symbols = (left,) if left and line.left else ()
        last = line.right.text


#: ``<G, dX>`` by the number of axes; a tensor of more axes as the last.
_PAIRINGS = (
    ("{0}*{1}", r"{0}\,{1}"),
    ("({0}).T @ {1}", r"\left({0}\right)^\top {1}"),
    ("tr(({0}).T @ {1})", r"\operatorname{{tr}}\left(\left({0}\right)^\top {1}\right)"),
    ("sum(({0})*{1})", r"\sum {0} \odot {1}"),
)


def comparison(view: str, steps: Sequence[Step], context: Program, form: Form) -> Note:
    """``dL = tr((dL/dX).T @ dX)``, by which the gradients are read off the last line."""
    claims = [step.before.body for step in steps if step.rule == "tangent"]
    if not claims or not isinstance(claims[-1], Along) or claims[-1].output.indices:
        return ()
    write, claim = _writing(context, steps, view == "differential"), claims[-1]
    total = next(step.where for step in steps if step.before.body == claim)
    terms = []
    for variable, direction in claim.directions.items():
        sides = partial(claim.output.name, variable), write.name(direction)
        terms.append(_paired(*sides, index_letters(context, variable), form))
    right = Shown(" + ".join(term.text for term in terms), " + ".join(term.latex for term in terms))
    return "Compare with ", _equation(write.name(total), right), "."


def _paired(gradient: Shown, direction: Shown, letters: Sequence[str], form: Form) -> Shown:
    """``<G, dX>``; entry by entry, the sum over all indices."""
    if form == "index" and letters:
        gradient, direction = entry_of(gradient, letters), entry_of(direction, letters)
        text, latex = ("".join(sign.format(letter) for letter in letters) for sign in ("sum_{} ", r"\sum_{{{}}} "))
        return Shown(f"{text}{gradient.text} {direction.text}", rf"{latex}{gradient.latex}\,{direction.latex}")
    text, latex = _PAIRINGS[min(len(letters), len(_PAIRINGS) - 1)]
    return Shown(text.format(gradient.text, direction.text), latex.format(gradient.latex, direction.latex))


def short_names(steps: Iterable[Step], context: Program) -> set[str]:
    """The adjoints that got names in the lines which they do not have in the result."""
    nameless = {item.name for item in context.definitions if item.origin == "auto"}
    parts = (part for step in steps if step.rule in LINES for part in step.substeps)
    return {part.where for part in parts if part.after.origin == "adjoint" and part.where in nameless}


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
    note = (*differential_laws(step, telling.write, telling.form == "index"), ".", *mark(step, telling.checked))
    details = tuple(worked_out(step, telling.write.program, telling.checked)) if telling.detail == "full" else ()
    for number, (symbols, right) in enumerate(_sides(step.after, left, telling)):
        yield Line(right, symbols, ("In matrix notation.",) if number else note, () if number else details)


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
    left = (write.name(step.where),) if telling.detail == "full" else ()
    if right is None:
        right = write.entries(step.after)
        left = (entry_of(write.name(step.where), write.letters(step.after)),) if step.after.shape else ()
    introduced = list(_introduced(step, telling, set()))
    yield from introduced
    yield Line(right, (write.name(step.where),) if introduced else left, (words, *mark(step, telling.checked)))


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
        yield from _introduced(step, telling, named)
        yield Line(right, (), (*words, ".", *mark(step, telling.checked)))


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


def _introduced(step: Step, telling: _Telling, named: set[str]) -> Iterator[Line]:
    """What the factors are that a line names for the first time."""
    for adjoint in step.substeps:
        claim, item = adjoint.before.body, adjoint.after
        if item.origin != "auto" and item.name not in named and isinstance(claim, Partial):
            named.add(item.name)
            words = "Short for ", partial(claim.output.name, claim.variable.name), "."
            symbols, right = _sides(item, (telling.write.name(item.name),), telling)[-1]
            yield Line(right, symbols, (*words, *mark(adjoint, telling.checked)))


def _equation(left: Shown, right: Shown) -> Shown:
    return Shown(f"{left.text} = {right.text}", lambda: f"{left.latex} = {right.latex}")


