"""What a directed graph says of a distribution, line by line: factorisation, independences, blankets, moral graph."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import LimitError
from chainrule.derive.render.page import Shown
from chainrule.learning.explanation import Explanation, Move, Part
from chainrule.learning.graphs.dag import Dag
from chainrule.learning.graphs.factors import Factor, product
from chainrule.learning.graphs.separation import moral, open_path, separated
from chainrule.learning.graphs.witness import VALUES, random_tables, separation_gap
from chainrule.learning.graphs.words import braced, density, factors_of, independence, juxtaposed, undirected, variable

#: Variables up to which a line is checked in the whole joint distribution; lines of a part at most.
SMALL, MOST_LINES = 12, 60
#: A difference that says: this does not hold.
WRONG = 1.0


def structure(dag: Dag) -> Explanation:
    """The factorisation over a graph and the independences that it implies."""
    whole = density(dag.nodes)
    title = Shown(f"Graphical model: {whole.text}", whole.source)
    blankets = Part("Markov blankets", tuple(itertools.islice(_blankets(dag), MOST_LINES)), (
        "Parents, children, and the children's other parents: given these, a variable is independent of all others.",))
    parts = (_given(dag), _factorisation(dag), *_markov(dag), *_pairs(dag), blankets, _moral(dag))
    return Explanation(title, parts, tuple(_remarks(dag)))


def _given(dag: Dag) -> Part:
    rows = (Move(braced(parents) if parents else Shown("none", r"\emptyset"), (_of("parents", name),))
            for name, parents in dag.parents.items())  # fmt: skip
    return Part("Given", tuple(rows))


def _of(what: str, name: str) -> Shown:
    return Shown(f"{what}({name})", lambda: rf"\operatorname{{{what}}}({variable(name).latex})")


def _factorisation(dag: Dag) -> Part:
    names = dag.nodes
    chain = juxtaposed(density([name], names[:place]) for place, name in enumerate(names))
    whole = factors_of(dag)
    rule = ("The product rule, in an order in which parents come first; it holds of every distribution.",)
    markov = ("A variable is independent of those before it given its parents.",)
    before = {name: names[:place] for place, name in enumerate(names)}
    first = Move(chain, (density(names),), rule, partial(_factorisation_gap, dag, before))
    if chain.text == whole.text:
        return Part("Factorisation", (first,))
    return Part("Factorisation", (first, Move(whole, (), markov, partial(_factorisation_gap, dag, dag.parents))))


def _factorisation_gap(dag: Dag, given: Mapping[str, Sequence[str]]) -> float:
    """A joint distribution against the product of its own conditional distributions."""
    if len(dag.nodes) > SMALL:
        return max(_all_before(dag, name, given[name]) for name in dag.nodes)
    joint = product(random_tables(dag, 0)).over(dag.nodes)
    values = joint.values.astype(float) / float(joint.values.sum())
    whole = np.ones_like(values)
    for name, read in given.items():
        whole = whole * _conditional(Factor(dag.nodes, values), name, read)
    return float(np.max(np.abs(whole - values) / values.max()))


def _all_before(dag: Dag, name: str, read: Sequence[str]) -> float:
    others = set(dag.nodes[: dag.nodes.index(name)]) - set(read)
    return 0.0 if separated(dag, [name], others, read) else WRONG


def _conditional(joint: Factor, name: str, given: Sequence[str]) -> npt.NDArray[Any]:
    """``p(name | given)`` of a joint distribution, with its axes."""
    def summed(keep: set[str]) -> npt.NDArray[Any]:
        axes = tuple(place for place, other in enumerate(joint.names) if other not in keep)
        return np.asarray(joint.values.sum(axis=axes, keepdims=True))

    return np.asarray(summed({name, *given}) / summed(set(given)))


def _statement(dag: Dag, left: Sequence[str], right: Sequence[str], given: Sequence[str], reason: str = "") -> Move:
    """A line that says that variables are independent."""
    check = partial(independence_gap, dag, left, right, given)
    return Move(independence(left, right, given), (), (reason,) if reason else (), check)


def independence_gap(dag: Dag, left: Sequence[str], right: Sequence[str], given: Sequence[str]) -> float:
    """0 if variables are independent in random distributions; of graphs too large for these, if no path is open."""
    try:
        return separation_gap(dag, left, right, given)
    except LimitError:
        return max((WRONG for one in left for other in right if open_path(dag, one, other, given)), default=0.0)


def _markov(dag: Dag) -> Iterator[Part]:
    rows = []
    for name, parents in dag.parents.items():
        others = dag.sorted(set(dag.nodes) - set(dag.descendants([name])) - set(parents))
        rows += [_statement(dag, [name], others, parents)] if others else []
    intro = "Given its parents, a variable is independent of all others that are not its descendants."
    yield Part("Local Markov property", tuple(rows[:MOST_LINES]),
               (intro if rows else "It says nothing here: all variables are connected with each other.",))  # fmt: skip


def _pairs(dag: Dag) -> Iterator[Part]:
    found = [_statement(dag, [one], [other], given) for one, other, given in itertools.islice(pairs(dag), MOST_LINES)]
    if found:
        intro = "For variables without an edge between them, a smallest set of others that separates them."
        yield Part("Independences of pairs", tuple(found), (intro,))


def pairs(dag: Dag) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Every two variables without an edge, and a set that separates them of which nothing can be left out."""
    for place, other in enumerate(dag.nodes):
        for one in dag.nodes[:place]:
            if one in dag.parents[other]:
                continue
            given = dag.parents[other]
            for name in given:
                fewer = tuple(kept for kept in given if kept != name)
                given = fewer if separated(dag, [one], [other], fewer) else given
            yield one, other, given


def _blankets(dag: Dag) -> Iterator[Move]:
    for name in dag.nodes:
        blanket = dag.blanket(name)
        others = dag.sorted(set(dag.nodes) - {name, *blanket})
        check = partial(independence_gap, dag, [name], others, blanket)
        yield Move(braced(blanket) if blanket else Shown("none", r"\emptyset"), (_of("blanket", name),), (), check)


def _moral(dag: Dag) -> Part:
    whole, arrows = moral(dag), {*dag.edges}
    edges = [pair for pair in itertools.combinations(dag.nodes, 2) if pair[1] in whole[pair[0]]]
    married = [pair for pair in edges if pair not in arrows]
    reason = f"Married: {', '.join(map(' - '.join, married))}." if married else "No parents are to be married."
    intro = "The arrows without their heads, and an edge between any two parents of the same variable."
    return Part("Moral graph", (Move(undirected(edges), (), (reason,), partial(_moral_gap, dag, edges)),), (intro,))


def _moral_gap(dag: Dag, edges: Sequence[tuple[str, str]]) -> float:
    """0 if exactly those are joined that depend on each other given all others, in random distributions."""
    if len(dag.nodes) > SMALL:
        return 0.0 if {*dag.edges} <= {*edges} else WRONG
    wrong = [
        pair for pair in itertools.combinations(dag.nodes, 2)
        if (separation_gap(dag, [pair[0]], [pair[1]], dag.sorted(set(dag.nodes) - set(pair))) > 0) != (pair in edges)
    ]  # fmt: skip
    return WRONG if wrong else 0.0


def _remarks(dag: Dag) -> Iterator[str]:
    if len(dag.nodes) <= SMALL:
        free = sum((VALUES - 1) * VALUES ** len(parents) for parents in dag.parents.values())
        yield (f"Of variables with two values each, the tables have {free} free numbers, the joint distribution has "
               f"{VALUES ** len(dag.nodes) - 1}.")  # fmt: skip
    yield "Source: Bishop, Pattern Recognition and Machine Learning (2006), eq. 8.5; Koller and Friedman (2009), ch. 3."
