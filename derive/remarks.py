"""What a derivation says of the points where its formula is not differentiable, and of the values taken there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chainrule.derive.catalog.elementwise import BY_NAME
from chainrule.derive.differentiability import Nonsmooth, nonsmooth
from chainrule.derive.forms.index_form import index_letters, index_text
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Program, free_index, fresh_names

#: Reductions that one entry attains, or several.
TIES = ("max", "min")

#: What a comparison does where it changes.
_WHERE = {"jumps": "where(..) jumps there", "bends": "where(..) bends there", "unclear": "where(..)"}


def about_kinks(program: Program, wrt: Iterable[str]) -> tuple[str, ...]:
    """A sentence on each set where the formula is not differentiable by these variables."""
    names = tuple(wrt)
    sentences = (_sentence(program, item) for item in nonsmooth(program, names))
    return tuple(dict.fromkeys((*sentences, *_ties(program, names))))


def _sentence(program: Program, item: Nonsmooth) -> str:
    verb = "may not be" if item.how == "unclear" else "is not"
    choices = "; ".join(_value(program, name, item) for name in item.names)
    return f"{program.output.name} {verb} differentiable where {_zero_set(program, item)} ({choices})"


def _value(program: Program, name: str, item: Nonsmooth) -> str:
    """The function that has a kink, and its derivative there."""
    if name in ("norm", "root"):
        return f"{name}: derivative 0"
    chosen = dict(program.kinks).get(name)
    if chosen is not None:
        return f"{name}: derivative {chosen}, as chosen"
    if name == "where":
        return _WHERE[item.how]
    return f"{name}: {BY_NAME[name].kinks.partition(': ')[2]}"


def _zero_set(program: Program, item: Nonsmooth) -> str:
    """``1 - y[i] z[i] = 0``, in the names of the formula."""
    used = item.zero.free_symbols
    axes = [axis for axis in (*item.place.free, *item.place.bound_indices) if axis in used]
    moved = {axis: free_index(number) for number, axis in enumerate(axes)}
    lengths = item.place.lengths
    name = next(fresh_names(program.by_name, "zero"))
    made = Definition(name, tuple(lengths[axis] for axis in axes), item.zero.xreplace(moved))
    wider = program.with_definitions((*program.definitions, made), [name])
    text = f"{index_text(wider, name)} = 0"
    bound = item.place.bound_indices if item.every else ()
    every = [letter for axis, letter in zip(axes, index_letters(wider, name), strict=True) if axis in bound]
    if item.place.reduce in TIES:
        return f"{text} for an entry that attains the {item.place.reduce}"
    return f"{text} for every {', '.join(every)}" if every else text


def _ties(program: Program, wrt: tuple[str, ...]) -> Iterator[str]:
    """On maxima and minima over axes."""
    active = reached(program, frozenset(wrt))
    for definition in program.definitions:
        if definition.reduce in TIES and definition.name in active:
            chosen = dict(program.kinks).get(definition.reduce)
            who = f"the {chosen} of them has the derivative" if chosen else "they share equally"
            yield f"{definition.reduce} is not differentiable where several entries attain it ({who})"
