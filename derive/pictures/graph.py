"""The computation graph of a formula: values flow forward, adjoints flow back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chainrule.derive.binding import bind
from chainrule.derive.derivation import Kinks
from chainrule.derive.formula import Formula, as_formula
from chainrule.derive.goals import gradient, jacobian
from chainrule.derive.pictures.graph_dot import graph_dot
from chainrule.derive.pictures.graph_svg import graph_svg
from chainrule.derive.pictures.graph_text import graph_text
from chainrule.derive.pictures.model import differentiated, edges, nodes, unvaried, with_numbers
from chainrule.derive.pictures.record import Edge, Node

SCHEMA = 1


@dataclass(frozen=True)
class Graph:
    """The computation graph of a formula; a notebook displays it.

    Attributes:
        nodes: inputs first, then quantities, every one after those that it reads; the output is last.
        edges: who reads whom, in the order of the readers.
        wrt: the variables whose derivatives flow back, if any.
    """

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    wrt: tuple[str, ...] = ()

    def svg(self) -> str:
        """The picture as SVG that stands alone, for light and for dark pages."""
        return graph_svg(self.nodes, self.edges)

    def text(self) -> str:
        """The graph for terminals: a tree from the output back, what is read twice told once."""
        return graph_text(self.nodes, self.edges)

    def dot(self) -> str:
        """The graph in the language of Graphviz."""
        return graph_dot(self.nodes, self.edges)

    def to_dict(self) -> dict[str, Any]:
        """The graph as plain data."""
        return {"schema": SCHEMA, **asdict(self)}

    def to_json(self) -> str:
        """The graph as JSON."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": self.text(), "image/svg+xml": self.svg()}


def graph(
    f: str | Formula, wrt: str | Sequence[str] | None = None, *, at: Mapping[str, Any] | None = None,
    kinks: Kinks = None,
) -> Graph:
    """The computation graph of a formula, as data and as a picture.

    Nameless parts are shown inside their readers where derivations do so.

    Args:
        f: the formula.
        wrt: the variables whose derivatives flow back; none shows the values only.
        at: arrays for all inputs, by name; then every node shows its value, or mean and norm of its
            entries, and those of its adjoint.
        kinks: the values of derivatives at kinks, as in :func:`chainrule.gradient`.

    Raises:
        InputError: also ``ShapeError`` and ``DomainError``, if the arrays do not fit the declarations.
        UnknownNameError: if ``wrt`` names no input or definition of the formula.

    Example:
        >>> print(graph("x: real; w: real; z = w*x; z^2", "w").text())
        L = z**2
        └─ z = x*w           dL/dz
           │                 dL/dz = 2 z
           ├─ x: real
           └─ w: real        dL/dw = 2*x*z
                             dz/dw = x
    """
    f = as_formula(f, kinks)
    derive = jacobian if f.shape else gradient
    model = unvaried(f) if wrt is None else differentiated(derive(f, wrt))
    shown = list(nodes(model))
    if at is not None:
        shown = with_numbers(model, shown, bind(f.inputs, at)[0])
    return Graph(tuple(shown), tuple(edges(model, shown)), tuple(model.results or ()))
