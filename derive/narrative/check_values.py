"""Values of results where the variables are zero, limits, and the sign of second derivatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sympy import Expr, Function, S

from chainrule.derive.forms.matrix_form import matrix_form
from chainrule.derive.limits import ENDLESS, limit, limits, rewritten
from chainrule.derive.narrative.check import Check, Question, check
from chainrule.derive.narrative.statements import INFINITY, NOTHING, equal, listed, related, tends, value_shown
from chainrule.derive.narrative.symbols import named, node_shown
from chainrule.derive.preactivation import reached
from chainrule.derive.program import Definition, Index, Input, Program, Ref
from chainrule.derive.render.page import Shown
from chainrule.derive.semidefinite import is_smooth, semidefinite

#: Characters of a value that is told.
MAX_VALUE = 32


def values_at_zero(q: Question) -> Iterator[Check]:
    """The results where all variables are zero, if functions are numbers there."""
    zero = dict.fromkeys(q.variables, S.Zero)
    inside = len(q.program.outputs) == len(q.variables) and all(_may_be_zero(q.formula.by_name[v]) for v in q.variables)
    if not inside or rewritten(q.formula, _nothing, zero, q.output) is None:
        return
    values = {name: rewritten(q.program, _nothing, zero, name) for name in q.program.outputs}
    kept = {name: value for name, value in values.items() if value is not None}
    bodies = {value.definitions[-1].body for value in kept.values()}
    telling = [name for name, value in kept.items() if _collapses(q, name, value)]
    where = equal(*(named(name) for name in q.variables), NOTHING)
    if telling and len(kept) == len(values) and bodies == {S.Zero}:
        yield check("value", equal(*q.symbols.values(), NOTHING), "at ", where)
    elif len(telling) == len(values):
        texts = {name: text for name, value in kept.items() if (text := _short(value, name)) is not None}
        if len(texts) == len(values):
            yield check("value", listed([equal(q.symbols[name], text) for name, text in texts.items()]), "at ", where)


def _short(program: Program, name: str) -> Shown | None:
    """A value in matrix notation, if that is short."""
    node = matrix_form(program, name)
    text = None if node is None else node_shown(node, program)
    return text if text is None or len(text.text) <= MAX_VALUE else None


def _nothing(part: Expr) -> None:
    return None


def _may_be_zero(item: Input | Definition) -> bool:
    return isinstance(item, Input) and item.domain.name in ("real", "symmetric")


def _collapses(q: Question, name: str, there: Program) -> bool:
    """Whether functions have become numbers, and nothing is mentioned that means something else elsewhere."""
    last, before = there.definitions[-1], q.program.pruned([name])
    if last.body == 0:
        return _cancels(q, name)
    active = reached(q.program, frozenset(q.variables))
    if any(item.origin != "auto" and item.name in active for item in there.definitions[:-1]):
        return False
    if not last.shape and last.body.is_number:
        return True
    return _functions(there) < _functions(before)


def _cancels(q: Question, name: str) -> bool:
    """Whether a result is zero because terms that are not zero cancel."""
    known = limits(q.program.definitions, _nothing, dict.fromkeys(q.variables, S.Zero))
    return any(limit(term, _nothing, known) != 0 for term in q.result(name).body.args if q.result(name).body.is_Add)


def _functions(program: Program) -> int:
    """How many functions are applied in a program."""
    return sum(len(item.body.atoms(Function)) + (item.reduce == "logsumexp") for item in program.definitions)


def ends(q: Question) -> Iterator[Check]:
    """What a derivative by a number tends to at both ends of its range."""
    for variable, result in q.pairs:
        item = q.formula.by_name[variable]
        if isinstance(item, Input) and not item.shape and not q.result(result).shape and q.depends([variable], result):
            both = _ENDS.get(item.domain.name, ())
            found = [(end, value) for end in both if (value := _limit(q, variable, result, end)) is not None]
            if len(found) == len(both) > 1:
                yield _tends(q, variable, result, found)


#: The ends of domains.
_ENDS: dict[str, tuple[Expr, ...]] = {
    "real": (S.Infinity, S.NegativeInfinity), "positive": (S.Infinity, S.Zero),
}  # fmt: skip
_END_NAMES = {S.Infinity: INFINITY, S.NegativeInfinity: Shown("-oo", r"-\infty"), S.Zero: NOTHING}


def _limit(q: Question, variable: str, result: str, end: Expr) -> Expr | None:
    """The limit of a result, if it is a number or depends on other inputs only."""
    there = rewritten(q.program, _nothing, {variable: end}, result)
    if there is None or len(there.definitions) > 1:
        return None
    (last,) = there.definitions
    free = not last.reduce and not last.body.has(*ENDLESS) and all(ref.name != variable for ref in last.refs)
    return last.body if free else None


def _tends(q: Question, variable: str, result: str, found: Sequence[tuple[Expr, Expr]]) -> Check:
    symbol, name = q.symbols[result], named(variable)
    texts = [value_shown(q.program, value) for _, value in found]
    names = [_END_NAMES[end] for end, _ in found]
    if len(found) == 2 and texts[0].text == texts[1].text and S.NegativeInfinity in dict(found):
        size = Shown(f"|{name.text}|", lambda: rf"\left|{name.latex}\right|")
        return check("limit", tends(symbol, texts[0]), "as ", tends(size, INFINITY))
    sides = [(tends(symbol, text), tends(name, end)) for text, end in zip(texts, names, strict=True)]
    return check("limit", listed([related(value, "as", r"\text{ as }", where) for value, where in sides]))


def convex(q: Question) -> Iterator[Check]:
    """A Hessian that is positive semidefinite everywhere: the formula is convex."""
    (variable, result), *_ = q.pairs
    constant = not q.result(result).body.atoms(Ref, Index)
    if not q.of_one or constant or not semidefinite(q.program, result) or not is_smooth(q.formula, variable):
        return
    letter = next(letter for letter in "vuhqactbefg" if letter not in q.formula.by_name)
    symbol, v = q.symbols[result], Shown(letter, letter)
    why = named(q.output), " is convex in ", named(variable)
    if q.result(result).shape:
        latex = rf"{letter}^\top {symbol.latex} {letter} \ge 0"
        form = Shown(f"{letter} @ {symbol.text} @ {letter} >= 0", latex)
        yield check("semidefinite", form, "for every ", v, ": ", *why)
    else:
        yield check("semidefinite", related(symbol, ">=", r"\ge", NOTHING), *why)
