"""The chain rule from the output back: one group of lines for every adjoint."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chainrule.derive.forms.index_form import index_letters
from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.narrative.components import by_components, component_lines, is_entry
from chainrule.derive.narrative.folding import folded
from chainrule.derive.narrative.reasons import is_direct, mark, moves, reason, worked_out
from chainrule.derive.narrative.symbols import (
    entry_of,
    indexed,
    is_told_by_cases,
    named,
    names_in,
    node_shown,
    partial,
    quantity,
    quotient,
)
from chainrule.derive.program import Definition, Input, Program
from chainrule.derive.render.page import Detail, Form, Line, Note, Section, Shown
from chainrule.derive.steps import NOTHING_CHECKED, Checked, Partial, Step

#: Rules whose steps are about a derivative under its symbol, not under a name of its own.
SYMBOLIC = frozenset({"chain-expansion", "local-derivative"})

#: The chain rule in words; the letters stand for nothing else in the formula.
INTRO = "d{output}/d{a} = sum_{c} d{output}/d{c} * d{c}/d{a}"
INTRO_LATEX = (
    r"\frac{{\partial {output}}}{{\partial {a}}} = "
    r"\sum_{{{c}}} \frac{{\partial {output}}}{{\partial {c}}} \frac{{\partial {c}}}{{\partial {a}}}"
)


#: What a line says after moves: of a whole, or of its components.
TOGETHER = {False: "Rearrange.", True: "All components together."}


@dataclass(frozen=True)
class _Telling:
    """What every group of lines needs to know.

    Attributes:
        context: the definitions that the steps speak of.
        state: every definition as it stands at this point of the derivation.
        detail: how much is told.
        checked: what is known for each step that was checked.
        form: the notation.
        adjoints: the names that the adjoints of quantities go by.
        told: the local derivatives that were worked out already.
    """

    context: Program
    state: dict[str, Definition]
    detail: Detail
    checked: Checked
    form: Form
    adjoints: Mapping[str, str]
    told: set[Step] = field(default_factory=set)


def backward(
    context: Program,
    output: str,
    steps: Iterable[Step],
    hidden: Mapping[str, str],
    detail: Detail,
    checked: Checked = NOTHING_CHECKED,
    form: Form = "matrix",
) -> Section:
    """The adjoints, each from the chain rule to its textbook form.

    The sums that an adjoint was split into are shown inside it, so a step about one of them is
    shown as a step about the adjoint.
    """
    steps = list(steps)
    seeds = {step.where for step in steps if step.rule == "seed"}
    steps = [step for step in steps if step.where not in seeds]
    owners = _owners(steps)
    seen = {step: _seen(step, {**hidden, **owners}, seeds) for step in steps}
    checked = {seen[step]: text for step, text in checked.items() if step in seen} | dict(checked)
    steps = list(seen.values())
    state = {name: item for name, item in context.by_name.items() if isinstance(item, Definition)}
    state |= {step.where: replace(step.before, origin="auto") for step in reversed(steps) if step.where in owners}
    state |= {name: replace(state[name], origin="auto") for name in seeds}
    adjoints = {step.before.body.variable.name: step.where for step in steps if isinstance(step.before.body, Partial)}
    telling = _Telling(context, state, detail, checked, form, adjoints)
    lines: list[Line] = []
    for _, group in itertools.groupby(steps, key=lambda step: str(owners.get(step.where, step.where))):
        lines += _shortened(list(_one_quantity(telling, list(group))), detail)
    words = names_in(part for line in lines for part in (line.right, *line.note) if isinstance(part, Shown))
    words |= {part.output.name for step in steps for part in step.before.body.atoms(Partial)}
    lines = [replace(line, left=line.left[1:]) if _is_idle(line, words) else line for line in lines]
    lines = lines if detail == "full" else folded(lines, {*context.by_name, *adjoints.values()})
    intro = _chain_rule(context, output) if detail != "brief" and _has_links(steps) else ()
    return Section("Chain rule, from the output back" if intro else "Derivation", tuple(lines), intro)


def _chain_rule(context: Program, output: str) -> Note:
    """The chain rule in letters that stand for nothing else."""
    taken = {name for name, item in context.by_name.items() if isinstance(item, Input) or item.origin == "named"}
    a, c = itertools.islice((letter for letter in "acuvqbefgh" if letter not in taken), 2)
    law = Shown(INTRO.format(output=output, a=a, c=c), INTRO_LATEX.format(output=named(output).latex, a=a, c=c))
    return "Over all entries ", Shown(c, c), " that read an entry ", Shown(a, a), ": ", law, "."


def _is_idle(line: Line, words: Collection[str]) -> bool:
    """Whether a quantity is given a name besides its symbol that nothing mentions."""
    return len(line.left) > 1 and line.left[0].text.partition("[")[0] not in words


def _has_links(steps: Iterable[Step]) -> bool:
    """Whether an adjoint is passed on through the entries of something."""
    told = (step for step in steps if not (is_direct(step) and by_components(step)))
    return any(link.rule == "link" and link.before.shape for step in told for link in step.substeps)


def _owners(steps: Sequence[Step]) -> dict[str, str]:
    """The adjoint that each split-off sum is a part of."""
    whole = [step for step in steps if step.before.body.has(Partial)]
    own = {step.where for step in whole}
    parts = {step.where for step in steps if step.rule != "definition"} - own
    return {name: step.where for step in whole for name in step.after.reads & parts}


def _shortened(lines: list[Line], detail: Detail) -> list[Line]:
    """One line of each quantity for a brief telling; otherwise moves of one kind in a row are one."""
    if detail == "brief":
        # Of two notations the last line is in the second, and so is the last symbol.
        left = next((line.left for line in reversed(lines) if line.left), ())
        return [replace(lines[-1], left=left, note=())] if lines else []
    kept: list[Line] = []
    for line in lines:
        if kept and not line.left and kept[-1].note == line.note and not kept[-1].left:
            kept.pop()
        # Moves that lead back to what stands there already say nothing new.
        if line.left or not kept or kept[-1].right.text != line.right.text:
            kept.append(line)
    return kept


def _one_quantity(telling: _Telling, steps: list[Step]) -> Iterator[Line]:
    """The lines about one quantity."""
    where, last = steps[0].where, ""
    left = _left(telling, steps[0])
    moved = list(_moves_of(telling, steps[0]))
    parts = bool(moved) and any(line.left[0].text for line in moved if line.left)
    for line in moved:
        yield line if parts else replace(line, left=left)
        left, last = (left, "") if parts else ((), line.right.text)
    whole = steps[0].after
    cases = is_told_by_cases([step.after for step in steps if step.where == where][-1])
    # Where the moves were told, what they lead to is told already, at most by another name.
    for step in steps[1:] if moved and len(steps) > 1 else steps:
        if step.where == where:
            whole = step.after
        else:
            telling.state[step.where] = replace(step.after, origin="auto")
        sides = _sides(telling, whole, left, first=step is steps[0], cases=cases)
        if sides[-1][1].text != last:
            after = TOGETHER[parts] if (left and parts) or (moved and step is steps[0]) else ""
            note = (*_words(telling, step, after), *mark(step, telling.checked))
            for number, (symbols, right) in enumerate(sides):
                details = () if number else _details(telling, step)
                yield Line(right, symbols, ("In matrix notation.",) if number else note, details)
            left, last = (), sides[-1][1].text


def _words(telling: _Telling, step: Step, after: str) -> Note:
    """Why a step holds; where its moves were told, what is left of it ``after`` them."""
    return (after,) if after else reason(step, telling.context, telling.adjoints)


def _left(telling: _Telling, step: Step) -> tuple[Shown, ...]:
    """What stands left of the first line about a quantity."""
    before = step.before.body
    if isinstance(before, Partial):
        above, below = (quantity(telling.context, ref.name) for ref in (before.output, before.variable))
        symbol = quotient(above, below)
        return (symbol,) if step.rule in SYMBOLIC else (named(step.where), symbol)
    if step.before == step.after:
        return (named(step.where),)
    return (_product(telling, step.before),) if before.has(Partial) else ()


def _is_elementary(telling: _Telling, step: Step) -> bool:
    """Whether a step differentiates a formula of scalars by a scalar, or the components of an array by components.

    Then its moves are the derivation.
    """
    before, context = step.before, telling.context
    if telling.detail == "brief" or not is_direct(step):
        return False
    if before.shape:
        return by_components(step)
    return not any(isinstance(item, Definition) and item.reduce for item in context.by_name.values())


def _moves_of(telling: _Telling, step: Step) -> Iterator[Line]:
    """The moves of a derivative of scalars, up to what the step leads to."""
    if not _is_elementary(telling, step):
        return
    for link in step.substeps:
        told = replace(link, substeps=tuple(move for move in link.substeps if move.rule != "simplify"))
        briefly = telling.detail == "normal" and bool(telling.context.by_name[told.before.body.output.name].shape)
        if is_entry(link) and step.before.shape:
            yield from component_lines(told, telling.context, telling.checked, briefly=briefly)
        else:
            yield from moves(told, Shown("", ""), telling.context, telling.checked)


def _details(telling: _Telling, step: Step) -> tuple[Line, ...]:
    """The local derivatives of a step, worked out where everything is told."""
    if telling.detail != "full" or _is_elementary(telling, step):
        return ()
    new = tuple(link for link in step.substeps if link not in telling.told)
    telling.told.update(new)
    return tuple(worked_out(replace(step, substeps=new), telling.context, telling.checked))


def _seen(step: Step, hidden: Mapping[str, str], seeds: Collection[str]) -> Step:
    """The step with the readers of inlined parts in their place."""
    bindings = dict.fromkeys((name, hidden.get(value, value)) for name, value in step.bindings)
    # A part of the quantity itself is not put into it, nor what was never told by its name.
    own = {("name", name) for name in (hidden.get(step.where, step.where), *seeds)}
    others = tuple(binding for binding in bindings if binding not in own)
    return replace(step, bindings=others if "name" in dict(others) else tuple(bindings))


def _sides(
    telling: _Telling, definition: Definition, left: tuple[Shown, ...], first: bool, cases: bool
) -> list[tuple[tuple[Shown, ...], Shown]]:
    """A definition as it stood at some step, other quantities by their names, in the notations that are wanted.

    Of two notations entries come first; later steps are told in the last notation alone.  With ``cases``, no one
    entry stands for all, and the components are told in any notation.
    """
    if definition.body.has(Partial):
        return [(left, _product(telling, definition))]
    earlier = itertools.takewhile(lambda known: known.name != definition.name, telling.context.definitions)
    states = (telling.state[known.name] for known in earlier)
    program = telling.context.with_definitions((*states, replace(definition, origin="adjoint")), (definition.name,))
    node = matrix_form(program, definition.name) if telling.form != "index" or cases else None
    if node is None:
        return [_by_entry(program, definition, left)]
    whole = (left, node_shown(node, program))
    both = telling.form == "both" and first and definition.shape and not cases
    return [_by_entry(program, definition, left), whole] if both else [whole]


def _by_entry(
    program: Program, definition: Definition, left: tuple[Shown, ...]
) -> tuple[tuple[Shown, ...], Shown]:
    """The entries of a definition of the program."""
    letters = index_letters(program, definition.name)
    entries = tuple(entry_of(symbol, letters) for symbol in left) if definition.shape else left
    return entries, indexed(program, definition.name)


def _product(telling: _Telling, definition: Definition) -> Shown:
    """A product of derivatives that are not worked out."""
    places = {name: position for position, name in enumerate(telling.context.by_name)}
    factors = sorted(definition.body.atoms(Partial), key=lambda factor: -places[factor.output.name])
    symbols = [partial(factor.output.name, factor.variable.name) for factor in factors]
    return Shown(" * ".join(s.text for s in symbols), r" \cdot ".join(s.latex for s in symbols))
