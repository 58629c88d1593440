"""Whether variables are separated, told path by path and by the moral graph of the ancestors."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from chainrule.derive.errors import InputError, LimitError
from chainrule.derive.render.page import Note, Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.graphs.dag import Dag, directed
from chainrule.learning.graphs.separation import Junction, Path, moral, open_path, paths, reached, separated
from chainrule.learning.graphs.told import WRONG, independence_gap
from chainrule.learning.graphs.witness import dependence
from chainrule.learning.graphs.words import (
    arrows,
    braced,
    density,
    in_words,
    independence,
    juxtaposed,
    listed,
    undirected,
)

#: Paths between two variables that are told at most.
MOST_PATHS = 40
#: When a path is blocked.
RULE = "An observed chain or fork blocks a path; so does a collider, unless it or a descendant is observed."
#: What stands between the two sides of a question.
BETWEEN = re.compile(r"_\|\|_|⊥⊥|[⊥⟂⫫;]")


@dataclass(frozen=True)
class Separation:
    """Whether variables are separated by others; it is true if they are.

    Attributes:
        left, right: the variables.
        given: the observed ones.
        separated: whether every path is blocked, so that they are independent given the observed ones.
        paths: the paths, the short ones first.
        complete: whether these are all paths.
        explanation: the same line by line.
    """

    left: tuple[str, ...]
    right: tuple[str, ...]
    given: tuple[str, ...]
    separated: bool
    paths: tuple[Path, ...]
    complete: bool
    explanation: Explanation

    def __bool__(self) -> bool:
        return self.separated


def question(text: str) -> tuple[list[str], list[str], list[str]]:
    """The two sides and the observed variables of ``a, b | c, d``; of sets: ``a1, a2 _||_ b | c``.

    Raises:
        InputError: the text is no such question.
    """
    match = BETWEEN.search(text)
    before, after = (text[: match.start()], text[match.end() :]) if match else ("", text)
    sides, bar, given = after.partition("|")
    left, right = (_names(before), _names(sides)) if match else (_names(sides)[:1], _names(sides)[1:])
    if not left or not right or (not match and len(right) != 1):
        expected = "a, b | c  or, of sets,  a1, a2 _||_ b | c"
        raise InputError("this is no question about two variables", expected=expected, found=text)
    if bar and not given.strip():
        raise InputError("behind the bar stand the observed variables", expected="a, b | c", found=text)
    return left, right, _names(given)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def separation(dag: Dag, left: Collection[str], right: Collection[str], given: Collection[str]) -> Separation:
    """Whether ``given`` separates two sets of variables, with the reasons.

    Raises:
        UnknownNameError: the graph has no such variable.
        InputError: a variable stands on two sides.
    """
    one, other, seen = (dag.sorted(map(dag.known, names)) for names in (left, right, given))
    twice = {*one} & {*other} | {*one} & {*seen} | {*other} & {*seen}
    if twice:
        raise InputError(f"{in_words(sorted(twice))} cannot stand on two sides of the question")
    answer = separated(dag, one, other, seen)
    told, complete = list[Path](), True
    for start, end in itertools.product(one, other):
        found, whole = paths(dag, start, end, seen, MOST_PATHS)
        complete &= whole
        shortest = open_path(dag, start, end, seen)
        told += found if not shortest or shortest in found else [shortest, *found[:-1]]
    parts = (*_path_parts(dag, one, other, seen, told, complete), _moral_part(dag, one, other, seen),
             _answer(dag, one, other, seen, answer, told))  # fmt: skip
    statement = independence(one, other, seen)
    title = Shown(f"Separation: {statement.text} ?", lambda: rf"{statement.latex} \;?")
    source = "Source: Pearl, Probabilistic Reasoning in Intelligent Systems (1988), section 3.3.1."
    return Separation(one, other, seen, answer, tuple(told), complete, Explanation(title, parts, (source,)))


# ---- paths ------------------------------------------------------------------------------------------------


def _path_parts(
    dag: Dag, left: Sequence[str], right: Sequence[str], given: Sequence[str], told: Sequence[Path], complete: bool
) -> Iterator[Part]:
    for start, end in itertools.product(left, right):
        rows = [_path(dag, path, given) for path in told if (path.nodes[0], path.nodes[-1]) == (start, end)]
        if not rows:
            intro = "No path connects them, whatever way the arrows point."
        elif len(rows) >= MOST_PATHS and not complete:
            intro = f"The first {len(rows)} of many paths; the moral graph below decides for all of them."
        else:
            intro = RULE
        yield Part(f"Paths between {start} and {end}", tuple(rows), (intro,))


def _path(dag: Dag, path: Path, given: Sequence[str]) -> Move:
    return Move(arrows(path), (), (_why(path),), partial(_path_gap, dag, path, given))


def _why(path: Path) -> str:
    if path.blocking:
        words = "; and at ".join(f"{junction.name}: {_state(junction)}" for junction in path.blocking)
        return f"Blocked at {words}."
    if not path.junctions:
        return "Open: an edge cannot be blocked."
    return f"Open: {'; '.join(f'{junction.name} is {_state(junction)}' for junction in path.junctions)}."


def _state(junction: Junction) -> str:
    if junction.kind != "collider":
        middle = "the middle of a chain" if junction.kind == "chain" else "a fork"
        return f"{middle}, {'and observed' if junction.observed else 'not observed'}"
    if junction.observed:
        return "a collider, and observed"
    if junction.witness:
        return f"a collider whose descendant {junction.witness} is observed"
    return "a collider, neither itself nor a descendant observed"


def _path_gap(dag: Dag, path: Path, given: Sequence[str]) -> float:
    """0 if the ends depend on each other in random distributions over this path alone just if it is said to be open.

    Every collider has its way to an observed descendant beside it, of variables of its own.
    """
    parents: dict[str, list[str]] = {name: [] for name in path.nodes}
    seen = [name for name in path.nodes if name in given]
    for one, other in itertools.pairwise(path.nodes):
        source, target = (one, other) if other in dag.children[one] else (other, one)
        parents[target].append(source)
    for place, name in enumerate(path.nodes):
        if len(parents[name]) == 2 and name not in given:
            way = _way_down(dag, name, given)
            copies = [name, *(f"{node} below {place}" for node in way[1:])]
            parents |= {low: [high] for high, low in itertools.pairwise(copies)}
            seen += copies[1:][-1:]
    try:
        dependent = dependence(directed(parents), path.nodes[0], path.nodes[-1], seen) > 0
    except LimitError:
        dependent = path.open
    return 0.0 if dependent == path.open else WRONG


def _way_down(dag: Dag, name: str, given: Collection[str]) -> tuple[str, ...]:
    """A directed path from a variable to an observed one; none if there is none."""
    waiting: list[tuple[str, ...]] = [(name,)]
    met = {name}
    for way in waiting:
        if way[-1] in given:
            return way
        steps = [child for child in dag.children[way[-1]] if child not in met]
        met.update(steps)
        waiting += [(*way, child) for child in steps]
    return ()


# ---- the moral graph, and the answer ----------------------------------------------------------------------


def _moral_part(dag: Dag, left: Sequence[str], right: Sequence[str], given: Sequence[str]) -> Part:
    relevant = dag.restricted(dag.ancestors({*left, *right, *given}))
    whole = moral(relevant)
    edges = [pair for pair in itertools.combinations(relevant.nodes, 2) if pair[1] in whole[pair[0]]]
    beyond = relevant.sorted(reached(whole, left, given))
    meets = [name for name in right if name in beyond]
    verb = "is" if len(meets or right) == 1 else "are"
    reason = f"{in_words(meets)} {verb} among them." if meets else f"{in_words(right)} {verb} not among them."
    side = in_words(left)
    smaller = "All other variables can be left out: their tables sum to one."
    moves = (
        Move(braced(relevant.nodes), (Shown("ancestors", r"\text{ancestors}"),), (smaller,)),
        Move(undirected(edges), (Shown("edges", r"\text{edges}"),), ("No arrowheads; parents of a variable joined.",)),
        Move(braced(beyond), (Shown("reached", r"\text{reached}"),), (reason,),
             partial(_reached_gap, dag, left, beyond, right, given)),
    )  # fmt: skip
    without = f" once {in_words(given)} {'is' if len(given) == 1 else 'are'} taken away" if given else ""
    return Part("Moral graph of the ancestors", moves, (f"What can be reached from {side}{without}.",))


def _reached_gap(
    dag: Dag, left: Sequence[str], beyond: Sequence[str], right: Sequence[str], given: Sequence[str]
) -> float:
    """0 if a path is open to those of the other side that are reached, and to no others."""
    wrong = [end for end in right
             if (end in beyond) != any(open_path(dag, start, end, given) is not None for start in left)]  # fmt: skip
    return WRONG if wrong else 0.0


def _answer(
    dag: Dag, left: Sequence[str], right: Sequence[str], given: Sequence[str], answer: bool, told: Sequence[Path]
) -> Part:
    if answer:
        shown = juxtaposed((density(left, given), density(right, given)))
        what = "Every path is blocked" if told else "No path connects them"
        reason = f"{what}: independent in every distribution that factorises over the graph."
        check = partial(independence_gap, dag, left, right, given)
        return Part("Answer: separated", (Move(shown, (density([*left, *right], given),), (reason,), check),))
    best = next(path for path in told if path.open)
    condition = f" given {listed(given).text}" if given else ""
    text = f"{listed(left).text} and {listed(right).text} depend on each other{condition}"
    why: Note = (arrows(best), " is open: dependent in almost every distribution that factorises over the graph.")
    shown = Shown(text, rf"\text{{{text}}}".replace("_", r"\_"))
    return Part("Answer: not separated", (Move(shown, (), why, partial(_dependent_gap, dag, best, given)),))


def _dependent_gap(dag: Dag, path: Path, given: Sequence[str]) -> float:
    try:
        return 0.0 if dependence(dag, path.nodes[0], path.nodes[-1], given) > 0 else WRONG
    except LimitError:
        return _path_gap(dag, path, given)
