"""Random tables over a graph: whether two variables depend on each other, in exact integers.

Separated variables are independent in every distribution that factorises over the graph; others
depend on each other in almost every one (Meek, Strong completeness and faithfulness in Bayesian
networks, 1995). The numbers know nothing of paths.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable

import numpy as np

from chainrule.derive.errors import LimitError
from chainrule.learning.graphs.dag import Dag
from chainrule.learning.graphs.factors import Factor, eliminate

#: Values of every variable; the sum of the weights in a row; distributions that are drawn.
VALUES, TOTAL, DRAWS = 2, 1009, 3
#: Variables at most: the integers grow with them.
LARGEST = 120


def random_tables(dag: Dag, seed: int) -> list[Factor]:
    """Integer weights that sum to ``TOTAL`` for every choice of the parents' values."""
    rng = np.random.default_rng(seed)
    found = []
    for name, parents in dag.parents.items():
        first = rng.integers(1, TOTAL, [VALUES] * len(parents))
        weights = np.stack([first, TOTAL - first], axis=-1)
        found.append(Factor((*parents, name), np.vectorize(int, otypes=[object])(weights)))
    return found


def dependence(dag: Dag, one: str, other: str, given: Collection[str]) -> float:
    """How far two variables are from independent, given others, in random distributions over the graph.

    The largest ``|p(a, b | c) - p(a | c) p(b | c)|``, where the ``c`` are random values; 0 is exact.

    Raises:
        LimitError: the graph is too large and dense for exact sums.
    """
    smaller = dag.restricted(dag.ancestors({one, other, *given}))
    if len(smaller.nodes) > LARGEST:
        raise LimitError(f"exact integers are for at most {LARGEST} variables", found=str(len(smaller.nodes)))
    found = 0.0
    for seed in range(DRAWS):
        observed = dict(zip(given, np.random.default_rng(seed + DRAWS).integers(0, VALUES, len(given)), strict=True))
        tables = [factor.at({name: int(value) for name, value in observed.items()})
                  for factor in random_tables(smaller, seed)]  # fmt: skip
        joint = eliminate(tables, (one, other)).values
        total = joint.sum()
        gaps = joint * total - joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        found = max(found, max(abs(gap) / (total * total) for gap in gaps.ravel()))
    return float(found)


def separation_gap(dag: Dag, left: Iterable[str], right: Iterable[str], given: Collection[str]) -> float:
    """0 if every variable of one set is independent of every one of the other in random distributions."""
    return max((dependence(dag, one, other, given) for one, other in itertools.product(left, right)), default=0.0)
