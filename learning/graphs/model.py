"""Graphical models as a user sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.derive.errors import InputError
from chainrule.derive.pictures.graph_dot import graph_dot
from chainrule.derive.pictures.graph_svg import graph_svg
from chainrule.derive.pictures.graph_text import graph_text
from chainrule.derive.pictures.record import Edge, Node
from chainrule.learning.explanation import Explanation
from chainrule.learning.graphs.dag import Dag, read_dag
from chainrule.learning.graphs.inference import Query, query, read_query
from chainrule.learning.graphs.separation import moral
from chainrule.learning.graphs.separations import Separation, question, separation
from chainrule.learning.graphs.tables import Given, Table, graph_of, read_tables, tables
from chainrule.learning.graphs.told import pairs, structure
from chainrule.learning.graphs.words import factors_of

#: What to say where numbers are missing.
NO_TABLES = "the model has no tables of probabilities"


@dataclass(frozen=True)
class GraphicalModel:
    """A directed graphical model: a distribution that factorises over a directed acyclic graph.

    Attributes:
        dag: the graph.
        tables: the distribution of every variable given its parents; empty where only the graph is known.
    """

    dag: Dag
    tables: Mapping[str, Table] = field(default_factory=dict)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The variables, every one after its parents."""
        return self.dag.nodes

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """The arrows from parent to child."""
        return self.dag.edges

    @property
    def factorisation(self) -> str:
        """The joint distribution as a product: ``p(a) p(b | a)``."""
        return factors_of(self.dag).text

    @cached_property
    def explanation(self) -> Explanation:
        """Factorisation, local Markov property, independences of pairs, Markov blankets and moral graph."""
        return structure(self.dag)

    @property
    def independences(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """Every two variables without an edge, with a smallest set that separates them."""
        return tuple(pairs(self.dag))

    @property
    def moral_edges(self) -> tuple[tuple[str, str], ...]:
        """The edges of the moral graph."""
        whole, place = moral(self.dag), {name: number for number, name in enumerate(self.nodes)}
        return tuple((a, b) for a in self.nodes for b in self.nodes if place[a] < place[b] and b in whole[a])

    def markov_blanket(self, name: str) -> tuple[str, ...]:
        """Parents, children, and the children's other parents.

        Raises:
            UnknownNameError: there is no such variable.
        """
        return self.dag.blanket(name)

    def separated(
        self, left: str | Collection[str], right: Collection[str] | None = None, given: Collection[str] = ()
    ) -> Separation:
        """Whether variables are separated: ``separated("a, b | c")`` or ``separated({"a"}, {"b"}, {"c"})``.

        Raises:
            UnknownNameError: there is no such variable.
            InputError: the question cannot be read, or a variable stands on two sides of it.
        """
        if right is None:
            if not isinstance(left, str):
                raise InputError("a question has two sides", expected='"a, b | c", or two sets of variables')
            return separation(self.dag, *question(left))
        sides = [[side] if isinstance(side, str) else list(side) for side in (left, right, given)]
        return separation(self.dag, *sides)

    def query(self, text: str | Collection[str], given: Mapping[str, str] | None = None) -> Query:
        """A posterior distribution: ``query("rain | wet=true")`` or ``query(["rain"], {"wet": "true"})``.

        Raises:
            InputError: the model has no tables, a value is unknown, or what is observed is impossible.
            UnknownNameError: there is no such variable.
            LimitError: the graph is too densely connected.
        """
        if not self.tables:
            raise InputError(NO_TABLES, hint='graphical_model(text, {"rain": 0.2, ..}); --table FILE')
        names, seen = read_query(self.tables, text) if isinstance(text, str) else (tuple(text), {})
        return query(self.dag, self.tables, names, {**seen, **(given or {})})

    def sample(self, n: int, seed: int = 0) -> dict[str, npt.NDArray[np.str_]]:
        """Values of all variables, drawn parents first.

        Raises:
            InputError: the model has no tables.
        """
        if not self.tables:
            raise InputError(NO_TABLES)
        rng, drawn = np.random.default_rng(seed), dict[str, npt.NDArray[Any]]()
        for name, table in self.tables.items():
            rows = table.factor.values.astype(float)[tuple(drawn[parent] for parent in table.parents)]
            edges = np.cumsum(np.broadcast_to(rows, (n, len(table.values))), axis=1)
            drawn[name] = np.minimum((rng.random((n, 1)) >= edges).sum(axis=1), len(table.values) - 1)
        return {name: np.array(self.tables[name].values)[places] for name, places in drawn.items()}

    def svg(self) -> str:
        """The graph as a picture."""
        return graph_svg(*self._drawn(), f"The graph of {self.factorisation}")

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        return graph_dot(*self._drawn())

    def text(self) -> str:
        """The graph for terminals: from the last variable back to its parents."""
        return graph_text(*self._drawn())

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data."""
        return {"nodes": list(self.nodes), "edges": [list(edge) for edge in self.edges],
                "factorisation": self.factorisation}  # fmt: skip

    def _drawn(self) -> tuple[list[Node], list[Edge]]:
        return [Node(name, "quantity", "") for name in self.nodes], [Edge(*edge) for edge in self.edges]


def graphical_model(
    text: str | None = None, tables_of: Given | str | FilePath | None = None
) -> GraphicalModel:
    """A directed graphical model from the text of its graph, or from its tables, or from both.

    Args:
        text: edges, ``"rain -> wet; sprinkler -> wet"``, chains ``a -> b <- c``, groups ``a, b -> c``, single
            variables; also in the manner of bnlearn, ``"[a][b|a]"``, and of dagitty, ``"dag { a -> b }"``.
        tables_of: for every variable a row, or a row for every choice of its parents' values, or a JSON file of
            these.  A row is a mapping from values to probabilities, or one number, the probability of ``true``:
            ``{"rain": "0.2", "wet": {"rain": "0.9", "not rain": "0.1"}}``.

    Raises:
        NotationError: the text cannot be read.
        InputError: the arrows make a cycle, or a table does not fit the graph or does not sum to one.

    Source: Koller and Friedman, Probabilistic Graphical Models (2009), definition 3.5.

    Example:
        >>> model = graphical_model("rain -> wet; sprinkler -> wet; rain -> sprinkler")
        >>> model.factorisation
        'p(rain) p(sprinkler | rain) p(wet | rain, sprinkler)'
        >>> bool(model.separated("rain, sprinkler | wet"))
        False
    """
    given = read_tables(tables_of) if isinstance(tables_of, str | FilePath) else tables_of
    if text is None:
        if given is None:
            raise InputError("there is no graph", expected="edges, such as rain -> wet; sprinkler -> wet")
        return GraphicalModel(dag := graph_of(given), tables(dag, given))
    dag = read_dag(text)
    return GraphicalModel(dag, tables(dag, given) if given is not None else {})
