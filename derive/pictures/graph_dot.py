"""Graphs in the language of Graphviz."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.derive.pictures.colours import BACKWARD, FORWARD
from chainrule.derive.pictures.record import Edge, Node

HEAD = (
    "digraph formula {",
    "  rankdir=LR;",
    '  node [shape=box, style=rounded, fontname="monospace", fontsize=11];',
    '  edge [fontname="monospace", fontsize=9];',
)


def graph_dot(nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    """The graph as a ``digraph``: solid edges forward with shapes, dashed ones back with local derivatives."""
    return "\n".join((*HEAD, *map(_node, nodes), *(line for edge in edges for line in _edge(edge)), "}")) + "\n"


def _quoted(*lines: str) -> str:
    text = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines if line)
    return f'"{text}"'


def _node(node: Node) -> str:
    lines = [node.title, f"= {node.right}" if node.right else "", node.backward]
    lines += [f"value {node.value.text}" if node.value else "", f"adjoint {node.slope.text}" if node.slope else ""]
    wide = ", penwidth=2" if node.kind == "output" else ""
    return f"  {_quoted(node.name)} [label={_quoted(*lines)}{wide}];"


def _edge(edge: Edge) -> Iterator[str]:
    ends = f"{_quoted(edge.source)} -> {_quoted(edge.target)}"
    yield f'  {ends} [label={_quoted(edge.lengths if edge.shape else "")}, color="{FORWARD}"];'
    if edge.back:
        back = f"{_quoted(edge.target)} -> {_quoted(edge.source)}"
        label = _quoted(*edge.local)
        yield f'  {back} [label={label}, style=dashed, color="{BACKWARD}", fontcolor="{BACKWARD}", constraint=false];'
